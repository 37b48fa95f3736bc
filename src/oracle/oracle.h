/* The oracle: what a checked program means, said as plainly as it can be. It evaluates one expression for one row by walking
 * the tree, looks at every row it has to, and searches sequences exhaustively. The virtual machine is tested against it, so it
 * shares nothing with the machine but the data and src/base; it remembers values of definitions, but has no cleverness that
 * could be wrong in the same way.
 *
 * Rows and values of the program and data are borrowed and must outlive the oracle; texts that it hands out live in its arena.
 * One thread at a time. Errors (an `as of` later than the instant in force) are raised with st_fail. */
#ifndef STRATA_ORACLE_ORACLE_H
#define STRATA_ORACLE_ORACLE_H

#include "table/table.h"

typedef struct st_oracle st_oracle;

/* `as_of`: the instant of the run, microseconds. */
st_oracle *st_oracle_new(st_arena *a, const st_program *program, const st_data *data, int64_t as_of);

/* Raises STRATA_BAD_INPUT where some trait, output or promise asks `as of` an instant later than the one in force. Evaluation
 * alone meets only those that its rows need. */
void st_oracle_check(st_oracle *o);
void st_oracle_check_treatments(st_oracle *o); /* likewise of what treatments and audiences are made of */

/* The row is in the population and output of its table: it exists (keep where) and has begun. */
bool st_oracle_present(st_oracle *o, const st_table *table, uint64_t row);

/* The value of a trait, score, segment (never missing), tiers or rfm (its label) for a row of def->of. */
st_value st_oracle_def(st_oracle *o, const st_def *def, uint64_t row);
st_value st_oracle_rfm(st_oracle *o, const st_def *def, st_rfm_field field, uint64_t row);
/* The name of the cell that a row is in; missing outside of the overlay's segment. */
st_value st_oracle_cell(st_oracle *o, const st_def *overlay, uint64_t row);

/* What a treatment does with each row of its table. */
typedef struct st_oracle_got {
    bool is_member; /* of its target; else nothing is said */
    strata_outcome outcome;
    uint32_t
        which; /* TREATED, OVER_LIMIT: channel; EXCLUDED: exclusion; HELD_OUT: holdout; EARLIER: treatment of the campaign */
    uint64_t order; /* of the treated, from 1; else 0 */
} st_oracle_got;
const st_oracle_got *st_oracle_treat(st_oracle *o, const st_def *treatment);

/* Any expression, for a row of e->at (not read where e->at is NULL). */
st_value st_oracle_eval(st_oracle *o, const st_expr *e, uint64_t row);

/* Whether a promise is kept. `previous`: how many the earlier output has in its subject and label; negative: unknown. `measured`:
 * "6 of 120", of newer the newest value, of the size against an earlier one "6, before 5"; of what is not measured "". */
typedef struct st_oracle_verdict {
    enum { ST_ORACLE_KEPT, ST_ORACLE_BROKEN, ST_ORACLE_NOT_MEASURED } outcome;
    const char *measured;
} st_oracle_verdict;
st_oracle_verdict st_oracle_promise(st_oracle *o, const st_promise *p, int64_t previous);

/* Order of two known values of one kind: negative, zero or positive. */
int st_oracle_compare(const st_value *a, const st_value *b);

/* How often evaluation met a division by zero, or a result too large for its type, since the oracle was made. What is
 * remembered is not counted again. */
typedef struct st_oracle_faults {
    uint64_t divisions, overflows;
} st_oracle_faults;
st_oracle_faults st_oracle_fault_counts(const st_oracle *o);

#endif
