/* Makers of IR nodes: each gives the canonical node for what it is asked, which may be simpler than asked. All of them live in
 * the arena of `ir`. */
#ifndef STRATA_IR_BUILD_H
#define STRATA_IR_BUILD_H

#include "ir/ir.h"
#include "base/text.h"

static inline const st_ir_node *st_ir_at(const st_ir *ir, st_ir_id id)
{
    return &ir->nodes.p[id];
}

st_ir *st_ir_new(st_arena *a, const st_program *program);

/* build.c: nodes as they are. The domain follows from the arguments unless `domain` is set by the caller through one of the
 * makers below. */
st_ir_id st_ir_node_of(st_ir *ir, const st_ir_node *n);
const st_ir_path *st_ir_path_of(st_ir *ir, const st_col *const *steps, uint32_t n);
const st_ir_path *st_ir_path_join(st_ir *ir, const st_ir_path *first, const st_ir_path *then);
st_ir_kind st_ir_kind_of(const st_type *t);

#define ST_IR_FALSE_ID ((st_ir_id)1)
#define ST_IR_TRUE_ID ((st_ir_id)2)
static inline st_ir_id st_ir_bool(bool b)
{
    return b ? ST_IR_TRUE_ID : ST_IR_FALSE_ID;
}
static inline bool st_ir_is_const(const st_ir *ir, st_ir_id id)
{
    return st_ir_at(ir, id)->op == ST_IR_CONST;
}
/* A constant of the run: one scalar for all rows. */
static inline bool st_ir_is_run(const st_ir *ir, st_ir_id id)
{
    return st_ir_at(ir, id)->domain == ST_IR_RUN;
}

st_ir_id st_ir_exact(st_ir *ir, st_ir_kind kind, st_i128 v, unsigned scale);
st_ir_id st_ir_int(st_ir *ir, int64_t v);
st_ir_id st_ir_float(st_ir *ir, double v);
st_ir_id st_ir_text(st_ir *ir, st_str s);
st_ir_id st_ir_missing(st_ir *ir, st_ir_kind kind, unsigned scale);
st_ir_id st_ir_value(st_ir *ir, const st_value *v); /* not bool, not a duration */
st_ir_id st_ir_column(st_ir *ir, const st_col *col);

/* logic.c: predicates, and where values are known. */
st_ir_id st_ir_not(st_ir *ir, st_ir_id p);
st_ir_id st_ir_and(st_ir *ir, const st_ir_id *p, uint32_t n);
st_ir_id st_ir_or(st_ir *ir, const st_ir_id *p, uint32_t n);
st_ir_id st_ir_and2(st_ir *ir, st_ir_id a, st_ir_id b);
st_ir_id st_ir_or2(st_ir *ir, st_ir_id a, st_ir_id b);
st_ir_id st_ir_but_not(st_ir *ir, st_ir_id a, st_ir_id b); /* a and not b, opened up into larger ands */
/* A chain of what is left over: what is in a and b, and a and not b kept as one step of the chain. */
st_ir_id st_ir_of_rest(st_ir *ir, st_ir_id a, st_ir_id b);
st_ir_id st_ir_rest(st_ir *ir, st_ir_id a, st_ir_id b);
st_ir_id st_ir_at_least(st_ir *ir, uint32_t k, const st_ir_id *p, uint32_t n);
void st_ir_pin(st_ir *ir, st_ir_id p);

st_ir_id st_ir_known(st_ir *ir, st_ir_id v);
st_ir_id st_ir_gather(st_ir *ir, const st_ir_path *path, st_ir_id x);
st_ir_id st_ir_select(st_ir *ir, st_ir_id a, st_ir_id b);
st_ir_id st_ir_mask(st_ir *ir, st_ir_id v, st_ir_id p);
st_ir_id st_ir_case(st_ir *ir, const st_ir_id *pairs, uint32_t n); /* n: words, two a pair */
st_ir_id st_ir_truth(st_ir *ir, st_ir_id t, st_ir_id f);

/* compare.c: predicates over values. */
st_ir_id st_ir_cmp(st_ir *ir, st_cmp op, st_ir_id a, st_ir_id b);
st_ir_id st_ir_in(st_ir *ir, st_ir_id v, const st_ir_id *set, uint32_t n);
st_ir_id st_ir_text_test(st_ir *ir, st_ir_op op, st_ir_id a, st_ir_id b);
st_cmp st_cmp_inverse(st_cmp op);

/* value.c: values of rows. `like` gives kind, scale and digits of the result. */
typedef struct st_ir_like {
    st_ir_kind kind;
    uint8_t scale, digits;
} st_ir_like;
st_ir_like st_ir_like_of(const st_type *t);
st_ir_id st_ir_convert(st_ir *ir, st_ir_id v, st_ir_like to);                      /* exact to exact */
st_ir_id st_ir_add(st_ir *ir, st_ir_op op, st_ir_id a, st_ir_id b, st_ir_like to); /* ADD, SUB, MIN, MAX */
st_ir_id st_ir_mul(st_ir *ir, st_ir_id a, st_ir_id b, st_ir_like to);
st_ir_id st_ir_div(st_ir *ir, st_ir_id a, st_ir_id b, st_ir_like to);
st_ir_id st_ir_round(st_ir *ir, st_ir_op op, st_ir_id v, st_ir_like to); /* ROUND, FLOOR, CEIL */
st_ir_id st_ir_unary(st_ir *ir, st_ir_op op, st_ir_id v,
                     st_ir_like to); /* NEG, ABS, TO_FLOAT, LOGISTIC, texts */
st_ir_id st_ir_time(st_ir *ir, st_ir_op op, st_ir_id a, st_ir_id b, uint32_t k, bool instant, st_ir_like to);
st_ir_id st_ir_lookup(st_ir *ir, st_ir_id index, const st_ir_id *table, uint32_t n, st_ir_like to);

#endif
