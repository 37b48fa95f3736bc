/* Who gets which treatment: the steps of docs/language.md, "Treatments", over what the machine computed. Everything a step asks
 * (who is excluded, which channel is open, what ranks) is a column of values over the rows of the entity; the engine only
 * combines them. The answer is the same with any number of threads.
 *
 * Results live in the arena that is handed in. Fails by st_fail for memory only. */
#ifndef STRATA_TREAT_TREAT_H
#define STRATA_TREAT_TREAT_H

#include "bytecode/bytecode.h"
#include "table/table.h"

/* The values of a definition over the rows of its table, as the machine leaves them: BOOL a bitmap; I64, I128, F64; TEXT codes of
 * a dictionary in which no text stands twice. known NULL: every row has a value. */
typedef struct st_treat_value {
    st_bc_type lies;
    const void *data;
    const uint64_t *known;
} st_treat_value;

typedef struct st_treat_input {
    const st_program *program;
    const st_data *data;
    const st_treat_value *parts, *ranks; /* by st_def.index; those of st_visit_parts are filled */
    uint32_t threads;
} st_treat_input;

/* What a treatment does with the members of its target. */
typedef struct st_treated {
    const st_def *def;
    uint32_t n;       /* members */
    int32_t *rows;    /* ascending */
    uint8_t *outcome; /* strata_outcome */
    /* Which channel (TREATED, OVER_LIMIT), exclusion, holdout, or treatment of the campaign (EARLIER); else 0. */
    uint16_t *which;
    uint32_t *order;  /* of the treated 1, 2, …; else 0 */
    uint32_t nserved; /* the treated, in their order: places in rows */
    uint32_t *served;
} st_treated;

/* One for each treatment of the program, in order; their number by *n. */
const st_treated *st_treat(st_arena *a, const st_treat_input *in, uint32_t *n);

/* ---- ranks (rank.c) ---- A customer as ranks see her: the value descending, who has none last, then h and key ascending. */
typedef struct st_contender {
    st_i128 rank;
    st_i128 group; /* of `one per` */
    uint64_t h;    /* filled where ranks are equal */
    uint32_t at;   /* her place in st_treated.rows */
    int32_t row;
    bool known;   /* has a value to be ranked by */
    bool grouped; /* has a value of `one per` */
} st_contender;

typedef struct st_contest {
    const st_data_table *table;
    st_hash hash;
    st_str salt;
} st_contest;

/* A value as a number whose order is that of the values; false where it is missing. */
bool st_treat_number(const st_treat_value *v, uint64_t row, st_i128 *number);
/* Puts them in order. `scratch` holds as many. */
void st_contest_order(const st_contest *c, st_contender *all, st_contender *scratch, uint32_t n);
/* Puts those of one group side by side, each group's first in front, its others in no particular order; those that are in no
 * group last. */
void st_contest_group(const st_contest *c, st_contender *all, st_contender *scratch, uint32_t n);

#endif
