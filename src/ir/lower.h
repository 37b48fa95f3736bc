/* What the files that lower a checked program share. */
#ifndef STRATA_IR_LOWER_H
#define STRATA_IR_LOWER_H

#include "ir/build.h"

/* A definition at one instant in force. */
typedef struct st_def_at {
    st_ir_id member;   /* segment */
    st_ir_id value;    /* tiers, rfm: the label; missing outside of the population */
    st_ir_id score[3]; /* rfm; 0: no such part */
    st_ir_id raw[3];
    st_ir_id cell; /* as text */
} st_def_at;

typedef struct st_lowering {
    st_ir *ir;
    st_arena *arena;
    const st_program *program;
    st_ir_id now;         /* the instant in force */
    const st_def *asking; /* the definition that is being lowered */
    st_map memo;          /* of expressions, by instant and by what is asked */
    st_map defs;          /* st_def_at, by definition and instant */
    st_ir_id *keep;       /* by table; 0: not asked yet */
    bool *seen;           /* by table: its rows are asked for */
} st_lowering;

/* lower.c: expressions. */
st_ir_id st_lower_true(st_lowering *l, const st_expr *e);
st_ir_id st_lower_false(st_lowering *l, const st_expr *e);
st_ir_id st_lower_value(st_lowering *l, const st_expr *e); /* a condition: 1, 0 or missing */
st_ir_id st_lower_draw(st_lowering *l, const st_expr *e);  /* of SAMPLE and STRATUM: the number drawn */

/* lower_rows.c: which rows there are, aggregates and sequences. */
st_ir_id st_lower_keep(st_lowering *l, const st_table *t);
st_ir_id st_lower_population(st_lowering *l, const st_table *t); /* existing rows that have begun */
st_ir_id st_lower_aggregate(st_lowering *l, const st_expr *e);   /* not of ANY and NO */
st_ir_id st_lower_any(st_lowering *l, const st_expr *e);
st_ir_id st_lower_nearest(st_lowering *l, const st_expr *e);
st_ir_id st_lower_sequence(st_lowering *l, const st_expr *e);

/* lower_defs.c: definitions and ranks. */
const st_def_at *st_lower_def(st_lowering *l, const st_def *d); /* segment, tiers, rfm */
st_ir_id st_lower_stratum(st_lowering *l, const st_expr *e);
st_ir_id st_lower_rank(st_lowering *l, const st_expr *e, bool is_true);

#endif
