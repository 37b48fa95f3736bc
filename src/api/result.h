/* The answer of a run as the writers of counts and streams see it: for each entity its rows, and columns of values over them. */
#ifndef STRATA_API_RESULT_H
#define STRATA_API_RESULT_H

#include "api/api.h"
#include "api/arrow_out.h"
#include "treat/treat.h"
#include "vm/vm.h"

#include <stdatomic.h>

/* Values over all rows of an entity's table, as the machine leaves them (bytecode.h): a bitmap, or int64_t, st_i128, double, codes
 * of a dictionary. */
typedef struct st_api_column {
    const st_def *def;
    st_bc_field field;
    const char *name; /* "loyalty.r" */
    st_type type;     /* how to read and print it */
    const st_labels *labels;
    st_bc_type lies;
    const void *data;
    const uint64_t *known; /* NULL: every row has a value */
    const st_dict *dict;
    uint64_t
        bits; /* where `counted`: how many are set, or known in the population; data and known may be NULL then */
    bool counted;
    st_narrow narrow; /* of a key whose data are NULL */
} st_api_column;

typedef struct st_api_entity {
    const st_data_table *table;
    const uint64_t *population; /* rows that exist at the instant */
    uint64_t npopulation;
    ST_VEC(st_api_column) columns;
} st_api_entity;

enum {
    ST_API_BATCH_ROWS = 16384,
    ST_API_MANY_ROWS = 1 << 17
}; /* of a stream; of one whose columns are lent, or bits */

struct strata_result {
    atomic_uint holders; /* the caller, and arrays that refer to its memory */
    st_out_owner owner;  /* what those arrays are given */
    st_env env;
    st_arena *arena;
    const strata_rules *rules;
    const st_data *data;
    const char *as_of;
    bool counts_only; /* there are no rows to give */
    ST_VEC(st_api_entity) entities;
    ST_VEC(strata_count) counts;
    ST_VEC(strata_note) notes;
    ST_VEC(strata_step) steps; /* where they were measured */
    ST_VEC(strata_cost) costs; /* likewise */
    ST_VEC(strata_verdict) verdicts;
    const st_api_column *parts; /* what treatments are made of, by definition; NULL: not asked for */
    uint32_t ntreated;
    const st_treated *treated;
    ST_VEC(strata_treatment_count) treatments;
    const uint64_t **earlier; /* by audience that gives changes only: rows that were in it; NULL: not known */
    ST_VEC(const st_data_table *) treated_entities;
};

static inline bool st_api_known(const st_api_column *c, uint64_t row)
{
    return !c->known || st_bit(c->known, row);
}

static inline int64_t st_api_i64(const st_api_column *c, uint64_t row)
{
    return c->data ? ((const int64_t *)c->data)[row] : st_narrow_i64(&c->narrow, row);
}

static inline st_str st_api_text(const st_api_column *c, uint64_t row)
{
    return st_dict_get(c->dict, c->data ? ((const uint32_t *)c->data)[row] : st_narrow_at(&c->narrow, row));
}

/* The column of an output. */
st_api_column st_api_column_of(st_arena *a, const st_bc *code, const st_vm_result *vm,
                               const st_bc_output *out);
/* The key of a table as a column of values. */
st_api_column st_api_key(const st_data_table *t);
/* The Arrow format of a type. */
const char *st_api_format(st_arena *a, st_type type);
/* One value of row, or null. */
void st_api_put(st_out_batch *b, uint32_t i, const st_api_column *c, uint64_t row);
void st_api_put_text(st_out_batch *b, uint32_t i, const char *text); /* NULL: null */

/* Why a treatment was not given, in words; NULL: it was. */
const char *st_api_reason(st_arena *a, const st_treatment *t, strata_outcome outcome, uint32_t which);
/* Works the treatments out and counts them. */
void st_api_treat(strata_result *r, const st_bc *code, const st_vm_result *vm, const strata_run_options *o);

/* Makes the caller its one holder. */
void st_api_own(strata_result *result);

/* Fills the counts from the entities' columns. */
void st_api_count(strata_result *r, uint32_t threads);

/* The cells of an overlay as a column of labels: of its members, by their values in the dimensions. Notes those that are smaller
 * than the overlay asks. */
st_api_column st_api_cells(strata_result *r, const st_api_entity *e, const st_def *overlay,
                           const st_api_column *member, const st_api_column *parts, uint32_t nparts);
/* Fills the verdicts. */
void st_api_promises(strata_result *r, const st_bc *code, const st_vm_result *vm, const st_zone *zone,
                     int64_t as_of, const strata_run_options *o);
/* Fills what the steps and the definitions cost. */
void st_api_profile(strata_result *r, const st_bc *code, const st_vm_result *vm);
/* Notes actions that nobody has, from the counts. */
void st_api_report_actions(strata_result *r);

#endif
