/* Comparisons in one form. A comparison of an exact column with a constant is "at least c" at the column's own scale, and
 * what is below the cut is "known and not at least c": all bounds on a column that agree are one leaf, however they were written.
 * A comparison of something made from constants and predicates (a label, a score by thresholds, a value with `if missing`) is
 * taken apart into those predicates. */
#include "ir/build.h"

#include <math.h>
#include <stdlib.h>

st_cmp st_cmp_inverse(st_cmp op)
{
    static const st_cmp inverse[] = {ST_NE, ST_EQ, ST_GE, ST_GT, ST_LE, ST_LT};
    return inverse[op];
}

static st_cmp mirrored(st_cmp op)
{
    static const st_cmp mirror[] = {ST_EQ, ST_NE, ST_GT, ST_GE, ST_LT, ST_LE};
    return mirror[op];
}

/* Order of two constants of one kind of value. */
static int order_of(const st_ir_node *a, const st_ir_node *b)
{
    if (a->kind == ST_IR_TEXT) return st_str_cmp(a->text, b->text);
    if (a->kind == ST_IR_F64) return (a->f > b->f) - (a->f < b->f);
    return st_dec_cmp(a->imm, a->scale, b->imm, b->scale);
}

static st_ir_id leaf(st_ir *ir, st_ir_op op, st_ir_id a, st_ir_id b)
{
    st_ir_node n = {.op = op, .kind = ST_IR_PRED, .n = 2, .args = (st_ir_id[]){a, b}};
    return st_ir_node_of(ir, &n);
}

/* v is known and p does not hold of it. */
static st_ir_id known_but_not(st_ir *ir, st_ir_id v, st_ir_id p)
{
    return st_ir_but_not(ir, st_ir_known(ir, v), p);
}

/* ---- cut points ---- */

/* The bounds of what a register of this kind holds. */
static st_i128 lowest(st_ir_kind kind)
{
    return kind == ST_IR_I64 ? (st_i128)INT64_MIN : 1 - st_pow10(ST_DECIMAL_DIGITS);
}
static st_i128 highest(st_ir_kind kind)
{
    return kind == ST_IR_I64 ? (st_i128)INT64_MAX : st_pow10(ST_DECIMAL_DIGITS) - 1;
}

static bool never_negative(st_ir_op op)
{
    return op == ST_IR_COUNT || op == ST_IR_DISTINCT || op == ST_IR_REPEATS || op == ST_IR_FULLEST ||
           op == ST_IR_LENGTH;
}

/* "The day of x is not before D" is "x is not before the first instant of D" where all instants from that one on are on D or later. Not so where clocks are put back over midnight (St. John's
 * until 2011, a minute past it): then a stretch of the day before follows the first minute of the day. */
static bool begins_once(const st_zone *zone, int64_t day, int64_t start)
{
    const int64_t minute = ST_DAY_US / 1440;
    for (int64_t i = 1; i < 26 * 60; i++)
        if (st_day_of_instant(zone, start + i * minute) < day) return false;
    return true;
}

/* v >= cut, in units of v's own scale; v is exact. */
static st_ir_id at_least_cut(st_ir *ir, st_ir_id v, st_i128 cut)
{
    const st_ir_node *n = st_ir_at(ir, v);
    st_i128 low = never_negative(n->op) ? 0 : lowest(n->kind);
    if (cut > highest(n->kind)) return ST_IR_FALSE_ID;
    if (cut <= low) return st_ir_known(ir, v);
    if (n->op == ST_IR_COUNT && cut == 1) {
        st_ir_node any = *n;
        any.op = ST_IR_ANY;
        any.kind = ST_IR_PRED;
        any.digits = 0;
        return st_ir_node_of(ir, &any);
    }
    if (n->op == ST_IR_TO_DATE) {
        int64_t start = st_start_of_day(ir->program->zone, (int64_t)cut);
        if (start != ST_NO_TIME && begins_once(ir->program->zone, (int64_t)cut, start))
            return st_ir_cmp(ir, ST_GE, n->args[0], st_ir_int(ir, start));
    }
    return leaf(ir, ST_IR_GE, v, st_ir_exact(ir, n->kind, cut, n->scale));
}

/* The constant c at v's scale, rounded down. False: it is beyond every value of v; *above says on which side. */
static bool cut_of(const st_ir_node *v, const st_ir_node *c, st_i128 *cut, bool *whole, bool *above)
{
    *above = c->imm > 0;
    if (c->scale <= v->scale) {
        *whole = true;
        st_i128 factor = st_pow10((unsigned)(v->scale - c->scale));
        st_i128 limit = st_pow10(ST_DECIMAL_DIGITS) / factor;
        if (c->imm > limit || c->imm < -limit) return false;
        *cut = c->imm * factor;
        return true;
    }
    st_i128 factor = st_pow10((unsigned)(c->scale - v->scale));
    *cut = c->imm / factor;
    *whole = *cut * factor == c->imm;
    if (!*whole && c->imm < 0) --*cut;
    return true;
}

static st_ir_id exact_with_const(st_ir *ir, st_cmp op, st_ir_id v, st_ir_id c)
{
    const st_ir_node *n = st_ir_at(ir, v);
    st_i128 cut;
    bool whole, above;
    if (!cut_of(n, st_ir_at(ir, c), &cut, &whole, &above)) {
        bool all = op == ST_NE || (above ? op == ST_LT || op == ST_LE : op == ST_GT || op == ST_GE);
        return all ? st_ir_known(ir, v) : ST_IR_FALSE_ID;
    }
    switch (op) {
    case ST_GE: return at_least_cut(ir, v, whole ? cut : cut + 1);
    case ST_GT: return at_least_cut(ir, v, cut + 1);
    case ST_LT: return known_but_not(ir, v, at_least_cut(ir, v, whole ? cut : cut + 1));
    case ST_LE: return known_but_not(ir, v, at_least_cut(ir, v, cut + 1));
    case ST_NE: return known_but_not(ir, v, exact_with_const(ir, ST_EQ, v, c));
    default: break;
    }
    st_i128 low = never_negative(n->op) ? 0 : lowest(n->kind);
    if (!whole || cut < low || cut > highest(n->kind)) return ST_IR_FALSE_ID;
    if (n->op == ST_IR_COUNT && cut == 0) return st_ir_not(ir, at_least_cut(ir, v, 1));
    if (n->op == ST_IR_TO_DATE)
        return st_ir_but_not(ir, at_least_cut(ir, v, cut), at_least_cut(ir, v, cut + 1));
    return leaf(ir, ST_IR_EQ, v, st_ir_exact(ir, n->kind, cut, n->scale));
}

/* ---- floats: more than c is at least the next double ---- */

static st_ir_id float_with_const(st_ir *ir, st_cmp op, st_ir_id v, double c)
{
    if (c == 0) c = 0; /* -0 */
    switch (op) {
    case ST_EQ: return leaf(ir, ST_IR_EQ, v, st_ir_float(ir, c));
    case ST_NE: return known_but_not(ir, v, float_with_const(ir, ST_EQ, v, c));
    case ST_LT: return known_but_not(ir, v, float_with_const(ir, ST_GE, v, c));
    case ST_LE: return known_but_not(ir, v, float_with_const(ir, ST_GT, v, c));
    case ST_GT:
        c = nextafter(c, INFINITY);
        if (isinf(c)) return ST_IR_FALSE_ID;
        return float_with_const(ir, ST_GE, v, c);
    default: return leaf(ir, ST_IR_GE, v, st_ir_float(ir, c));
    }
}

/* ---- any two values ---- */

/* A comparison with a constant of the run that may be missing has no complement: the leaf is taken as it is asked. */
static st_ir_id with_run(st_ir *ir, st_cmp op, st_ir_id v, st_ir_id s)
{
    static const st_ir_op leaf_op[] = {ST_IR_EQ, ST_IR_NONE, ST_IR_LT, ST_IR_LE, ST_IR_GT, ST_IR_GE};
    if (op == ST_NE) {
        st_ir_id both = st_ir_and2(ir, st_ir_known(ir, v), st_ir_known(ir, s));
        return st_ir_but_not(ir, both, leaf(ir, ST_IR_EQ, v, s));
    }
    if (!st_ir_at(ir, s)->optional) {
        if (op == ST_LT) return known_but_not(ir, v, leaf(ir, ST_IR_GE, v, s));
        if (op == ST_LE) return known_but_not(ir, v, leaf(ir, ST_IR_GT, v, s));
    }
    return leaf(ir, leaf_op[op], v, s);
}

static st_ir_id with_value(st_ir *ir, st_cmp op, st_ir_id a, st_ir_id b)
{
    switch (op) {
    case ST_LT: return leaf(ir, ST_IR_GT, b, a);
    case ST_LE: return leaf(ir, ST_IR_GE, b, a);
    case ST_GT: return leaf(ir, ST_IR_GT, a, b);
    case ST_GE: return leaf(ir, ST_IR_GE, a, b);
    case ST_EQ: return leaf(ir, ST_IR_EQ, ST_MIN(a, b), ST_MAX(a, b));
    default: {
        st_ir_id both = st_ir_and2(ir, st_ir_known(ir, a), st_ir_known(ir, b));
        return st_ir_but_not(ir, both, with_value(ir, ST_EQ, a, b));
    }
    }
}

/* v is one of several constants, each under its own predicate. */
static st_ir_id case_with_const(st_ir *ir, st_cmp op, const st_ir_node *v, st_ir_id c)
{
    st_ir_id *taken = st_new_n(ir->arena, st_ir_id, v->n / 2);
    uint32_t m = 0;
    for (uint32_t i = 0; i < v->n; i += 2)
        if (st_cmp_holds(op, order_of(st_ir_at(ir, v->args[i + 1]), st_ir_at(ir, c))))
            taken[m++] = v->args[i];
    return st_ir_or(ir, taken, m);
}

/* v stands for the constant at its index. */
static st_ir_id lookup_with_const(st_ir *ir, st_cmp op, const st_ir_node *v, st_ir_id c)
{
    st_ir_id *taken = st_new_n(ir->arena, st_ir_id, v->n);
    uint32_t m = 0;
    for (uint32_t i = 1; i < v->n; i++) {
        const st_ir_node *x = st_ir_at(ir, v->args[i]);
        if (x->op == ST_IR_CONST && st_cmp_holds(op, order_of(x, st_ir_at(ir, c))))
            taken[m++] = st_ir_int(ir, (int64_t)i - 1);
    }
    return st_ir_in(ir, v->args[0], taken, m);
}

st_ir_id st_ir_cmp(st_ir *ir, st_cmp op, st_ir_id a, st_ir_id b)
{
    const st_ir_node *x = st_ir_at(ir, a), *y = st_ir_at(ir, b);
    if (x->op == ST_IR_MISSING || y->op == ST_IR_MISSING) return ST_IR_FALSE_ID;
    if (x->op == ST_IR_LOGISTIC && y->op == ST_IR_LOGISTIC) return st_ir_cmp(ir, op, x->args[0], y->args[0]);
    if ((x->kind == ST_IR_F64) != (y->kind == ST_IR_F64)) {
        st_ir_like real = {.kind = ST_IR_F64};
        a = st_ir_unary(ir, ST_IR_TO_FLOAT, a, real);
        return st_ir_cmp(ir, op, a, st_ir_unary(ir, ST_IR_TO_FLOAT, b, real));
    }
    bool swap =
        x->op == ST_IR_CONST ? y->op != ST_IR_CONST : x->domain == ST_IR_RUN && y->domain != ST_IR_RUN;
    if (swap) return st_ir_cmp(ir, mirrored(op), b, a);
    if (x->op == ST_IR_CONST) return st_ir_bool(st_cmp_holds(op, order_of(x, y)));
    if (x->op == ST_IR_MASK) {
        st_ir_id p = x->args[1];
        return st_ir_and2(ir, st_ir_cmp(ir, op, x->args[0], b), p);
    }
    if (y->op == ST_IR_MASK) {
        st_ir_id p = y->args[1];
        return st_ir_and2(ir, st_ir_cmp(ir, op, a, y->args[0]), p);
    }
    if (y->op == ST_IR_CONST) {
        if (x->op == ST_IR_CASE) return case_with_const(ir, op, x, b);
        if (x->op == ST_IR_LOOKUP) return lookup_with_const(ir, op, x, b);
        if (x->op == ST_IR_SELECT && st_ir_is_const(ir, x->args[1])) {
            st_ir_id first = st_ir_cmp(ir, op, x->args[0], b);
            st_ir_id second = st_ir_cmp(ir, op, x->args[1], b);
            return st_ir_or2(ir, first, st_ir_but_not(ir, second, st_ir_known(ir, x->args[0])));
        }
        if (x->kind == ST_IR_I64 || x->kind == ST_IR_I128) return exact_with_const(ir, op, a, b);
        if (x->kind == ST_IR_F64) return float_with_const(ir, op, a, y->f);
    }
    if (y->domain == ST_IR_RUN) return with_run(ir, op, a, b);
    return with_value(ir, op, a, b);
}

/* ---- sets ---- */

typedef struct ranked {
    const st_ir_node *node;
    st_ir_id id;
} ranked;

static int by_value(const void *a, const void *b)
{
    return order_of(((const ranked *)a)->node, ((const ranked *)b)->node);
}

st_ir_id st_ir_in(st_ir *ir, st_ir_id v, const st_ir_id *set, uint32_t n)
{
    const st_ir_node *x = st_ir_at(ir, v);
    if (x->op == ST_IR_MASK) {
        st_ir_id p = x->args[1];
        return st_ir_and2(ir, st_ir_in(ir, x->args[0], set, n), p);
    }
    bool apart = x->op == ST_IR_CASE || x->op == ST_IR_LOOKUP || x->op == ST_IR_SELECT ||
                 x->op == ST_IR_CONST || x->op == ST_IR_MISSING || x->op == ST_IR_TO_DATE;
    if (apart || n < 2) {
        st_ir_id *each = st_new_n(ir->arena, st_ir_id, n ? n : 1);
        for (uint32_t i = 0; i < n; i++) each[i] = st_ir_cmp(ir, ST_EQ, v, set[i]);
        return st_ir_or(ir, each, n);
    }
    ranked *r = st_new_n(ir->arena, ranked, n);
    uint32_t m = 0;
    for (uint32_t i = 0; i < n; i++) {
        const st_ir_node *c = st_ir_at(ir, set[i]);
        st_ir_id id = set[i];
        if (c->op != ST_IR_CONST) continue;
        if (x->kind == ST_IR_I64 || x->kind == ST_IR_I128) {
            st_i128 cut;
            bool whole, above;
            if (!cut_of(x, c, &cut, &whole, &above) || !whole || cut < lowest(x->kind) ||
                cut > highest(x->kind))
                continue;
            id = st_ir_exact(ir, x->kind, cut, x->scale);
        } else if (x->kind == ST_IR_F64 && c->f == 0)
            id = st_ir_float(ir, 0);
        r[m++] = (ranked){NULL, id};
    }
    for (uint32_t i = 0; i < m; i++) r[i].node = st_ir_at(ir, r[i].id);
    if (m > 1) qsort(r, m, sizeof *r, by_value);
    st_ir_id *args = st_new_n(ir->arena, st_ir_id, m + 1);
    uint32_t k = 1;
    args[0] = v;
    for (uint32_t i = 0; i < m; i++)
        if (k == 1 || args[k - 1] != r[i].id) args[k++] = r[i].id;
    if (k == 1) return ST_IR_FALSE_ID;
    if (k == 2) return st_ir_cmp(ir, ST_EQ, v, args[1]);
    st_ir_node in = {.op = ST_IR_IN, .kind = ST_IR_PRED, .n = k, .args = args};
    return st_ir_node_of(ir, &in);
}

/* ---- texts ---- */

st_ir_id st_ir_text_test(st_ir *ir, st_ir_op op, st_ir_id a, st_ir_id b)
{
    const st_ir_node *x = st_ir_at(ir, a), *y = st_ir_at(ir, b);
    if (x->op == ST_IR_MISSING || y->op == ST_IR_MISSING) return ST_IR_FALSE_ID;
    if (x->op == ST_IR_CONST && y->op == ST_IR_CONST) {
        if (op == ST_IR_STARTS_WITH) return st_ir_bool(st_text_starts(x->text, y->text));
        if (op == ST_IR_ENDS_WITH) return st_ir_bool(st_text_ends(x->text, y->text));
        return st_ir_bool(st_text_contains(x->text, y->text));
    }
    if (x->op == ST_IR_MASK) {
        st_ir_id p = x->args[1];
        return st_ir_and2(ir, st_ir_text_test(ir, op, x->args[0], b), p);
    }
    if (y->op == ST_IR_CONST && y->text.n == 0) return st_ir_known(ir, a);
    return leaf(ir, op, a, b);
}
