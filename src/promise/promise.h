/* Whether a promise is kept: the numbers that a run has found, against its bounds. Exact throughout; what is shown is
 * rounded, what is compared is not.
 *
 * Everything lives in the arena that is given; what is handed in is only read. */
#ifndef STRATA_PROMISE_PROMISE_H
#define STRATA_PROMISE_PROMISE_H

#include "vm/vm.h"

/* What a run found about a promise, over the rows of its table. */
typedef struct st_found {
    uint64_t rows;
    const uint64_t *population;
    const uint64_t *part, *all; /* by st_promise; NULL: the population */
    const st_vm_slot *measure;  /* by st_promise, else NULL */
    const uint64_t *known;      /* of a measure that is true or false: where it is known */
    st_type type;               /* of the measure */
    bool has_previous;
    uint64_t previous;       /* rows that the previous output has in subject and label */
    const char *no_previous; /* why it has none: a part of a sentence */
} st_found;

/* Fills what the machine has found about a promise, all but `previous`; false: the program was not compiled to ask it. */
bool st_find(const st_bc *code, const st_vm_result *vm, const st_data *data, const st_promise *p,
             st_found *f);

typedef struct st_verdict {
    enum { ST_KEPT, ST_BROKEN, ST_NOT_MEASURED } outcome;
    const char *measured; /* for people: "6 of 120 (5%)"; of NOT_MEASURED: why */
    double value;         /* as strata_verdict has it; NaN: not measured */
    double low, high;     /* NaN: no such bound */
} st_verdict;

st_verdict st_judge(st_arena *a, const st_promise *p, const st_found *f, const st_zone *zone, int64_t as_of);

#endif
