/* Values of rows. Constants are computed here exactly as the evaluators would, unless the result would be missing: then the run
 * computes (and counts) it. */
#include "ir/build.h"

#include <math.h>

st_ir_like st_ir_like_of(const st_type *t)
{
    st_ir_like like = {.kind = st_ir_kind_of(t)};
    if (like.kind == ST_IR_I64 || like.kind == ST_IR_I128) {
        bool decimal = t->base == ST_T_DECIMAL || t->base == ST_T_DISTANCE;
        like.scale = decimal ? t->scale : 0;
        like.digits = decimal ? t->digits : 19;
    }
    return like;
}

static bool exact_kind(st_ir_kind k)
{
    return k == ST_IR_I64 || k == ST_IR_I128;
}

static bool fits(st_i128 v, st_ir_kind kind)
{
    return kind == ST_IR_I64 ? v >= INT64_MIN && v <= INT64_MAX : st_dec_fits(v);
}

static st_ir_id make(st_ir *ir, st_ir_op op, st_ir_like to, bool optional, uint32_t k, uint32_t k2,
                     const st_ir_id *args, uint32_t n)
{
    st_ir_node node = {.op = op,
                       .kind = to.kind,
                       .scale = to.scale,
                       .digits = to.digits,
                       .optional = optional,
                       .k = k,
                       .k2 = k2,
                       .n = n,
                       .args = args};
    return st_ir_node_of(ir, &node);
}

static bool optional(const st_ir *ir, st_ir_id v)
{
    return st_ir_at(ir, v)->optional;
}

static bool missing(const st_ir *ir, st_ir_id v)
{
    return st_ir_at(ir, v)->op == ST_IR_MISSING;
}

st_ir_id st_ir_convert(st_ir *ir, st_ir_id v, st_ir_like to)
{
    const st_ir_node *n = st_ir_at(ir, v);
    if (!exact_kind(n->kind) || (n->kind == to.kind && n->scale == to.scale)) return v;
    if (n->op == ST_IR_MISSING) return st_ir_missing(ir, to.kind, to.scale);
    st_i128 out;
    if (n->op == ST_IR_CONST && st_dec_rescale(n->imm, n->scale, to.scale, &out) && fits(out, to.kind))
        return st_ir_exact(ir, to.kind, out, to.scale);
    return make(ir, ST_IR_CONVERT, to, true, 0, 0, &v, 1);
}

static bool fold_exact(st_ir_op op, st_i128 a, st_i128 b, st_i128 *out)
{
    switch (op) {
    case ST_IR_ADD: return st_dec_add(a, 0, b, 0, out);
    case ST_IR_SUB: return st_dec_sub(a, 0, b, 0, out);
    case ST_IR_MUL: return st_dec_mul(a, b, out);
    case ST_IR_MIN: *out = ST_MIN(a, b); return true;
    default: *out = ST_MAX(a, b); return true;
    }
}

static double fold_float(st_ir_op op, double a, double b)
{
    switch (op) {
    case ST_IR_ADD: return a + b;
    case ST_IR_SUB: return a - b;
    case ST_IR_MUL: return a * b;
    case ST_IR_DIV: return a / b;
    case ST_IR_MIN: return b < a ? b : a;
    default: return b > a ? b : a;
    }
}

static st_ir_id binary(st_ir *ir, st_ir_op op, st_ir_id a, st_ir_id b, st_ir_like to)
{
    const st_ir_node *x = st_ir_at(ir, a), *y = st_ir_at(ir, b);
    if (x->op == ST_IR_MISSING || y->op == ST_IR_MISSING) return st_ir_missing(ir, to.kind, to.scale);
    bool choice = op == ST_IR_MIN || op == ST_IR_MAX;
    if (x->op == ST_IR_CONST && y->op == ST_IR_CONST) {
        st_i128 out;
        if (exact_kind(to.kind) && fold_exact(op, x->imm, y->imm, &out) && fits(out, to.kind))
            return st_ir_exact(ir, to.kind, out, to.scale);
        if (to.kind == ST_IR_F64) {
            double f = fold_float(op, x->f, y->f);
            if (isfinite(f)) return st_ir_float(ir, f);
        }
    }
    bool commutes = exact_kind(to.kind) && (op == ST_IR_ADD || op == ST_IR_MUL || choice);
    if (commutes && a > b) {
        st_ir_id t = a;
        a = b;
        b = t;
    }
    bool may_miss = !choice || optional(ir, a) || optional(ir, b);
    return make(ir, op, to, may_miss, 0, 0, (st_ir_id[]){a, b}, 2);
}

st_ir_id st_ir_add(st_ir *ir, st_ir_op op, st_ir_id a, st_ir_id b, st_ir_like to)
{
    return binary(ir, op, st_ir_convert(ir, a, to), st_ir_convert(ir, b, to), to);
}

st_ir_id st_ir_mul(st_ir *ir, st_ir_id a, st_ir_id b, st_ir_like to)
{
    st_ir_like x = {to.kind, st_ir_at(ir, a)->scale, st_ir_at(ir, a)->digits};
    st_ir_like y = {to.kind, st_ir_at(ir, b)->scale, st_ir_at(ir, b)->digits};
    return binary(ir, ST_IR_MUL, st_ir_convert(ir, a, x), st_ir_convert(ir, b, y), to);
}

st_ir_id st_ir_div(st_ir *ir, st_ir_id a, st_ir_id b, st_ir_like to)
{
    if (to.kind == ST_IR_F64) return binary(ir, ST_IR_DIV, a, b, to);
    if (missing(ir, a) || missing(ir, b)) return st_ir_missing(ir, to.kind, to.scale);
    const st_ir_node *x = st_ir_at(ir, a), *y = st_ir_at(ir, b);
    st_i128 out;
    if (x->op == ST_IR_CONST && y->op == ST_IR_CONST &&
        st_dec_div(x->imm, x->scale, y->imm, y->scale, &out) && fits(out, to.kind))
        return st_ir_exact(ir, to.kind, out, to.scale);
    st_ir_id args[2] = {st_ir_convert(ir, a, (st_ir_like){ST_IR_I128, x->scale, x->digits}),
                        st_ir_convert(ir, b, (st_ir_like){ST_IR_I128, y->scale, y->digits})};
    st_ir_like wide = {ST_IR_I128, ST_QUOTIENT_SCALE, ST_DECIMAL_DIGITS};
    return st_ir_convert(ir, make(ir, ST_IR_DIV, wide, true, 0, 0, args, 2), to);
}

st_ir_id st_ir_round(st_ir *ir, st_ir_op op, st_ir_id v, st_ir_like to)
{
    const st_ir_node *n = st_ir_at(ir, v);
    if (n->op == ST_IR_MISSING) return st_ir_missing(ir, to.kind, to.scale);
    if (!exact_kind(n->kind)) {
        if (n->op == ST_IR_CONST && op != ST_IR_ROUND)
            return st_ir_float(ir, op == ST_IR_FLOOR ? floor(n->f) : ceil(n->f));
        return make(ir, op, to, n->optional, 0, 0, &v, 1);
    }
    if (n->scale <= to.scale) return st_ir_convert(ir, v, to);
    if (n->op == ST_IR_CONST) {
        st_i128 out = 0;
        bool ok = true;
        if (op == ST_IR_ROUND)
            ok = st_dec_rescale(n->imm, n->scale, to.scale, &out);
        else
            out = op == ST_IR_FLOOR ? st_dec_floor(n->imm, n->scale) : st_dec_ceil(n->imm, n->scale);
        if (ok && fits(out, to.kind)) return st_ir_exact(ir, to.kind, out, to.scale);
    }
    /* at the operand's width, then to that of the result */
    st_ir_like at = {n->kind, op == ST_IR_ROUND ? to.scale : 0, n->digits};
    return st_ir_convert(ir, make(ir, op, at, true, 0, 0, &v, 1), to);
}

static st_ir_id fold_text(st_ir *ir, st_ir_op op, st_str s)
{
    switch (op) {
    case ST_IR_LOWER: return st_ir_text(ir, st_text_lower(ir->arena, s));
    case ST_IR_UPPER: return st_ir_text(ir, st_text_upper(ir->arena, s));
    case ST_IR_TRIM: return st_ir_text(ir, st_text_trim(s));
    case ST_IR_LENGTH: return st_ir_int(ir, (int64_t)st_utf8_length(s));
    default: {
        st_str d = st_text_domain(ir->arena, s);
        return d.p || d.n ? st_ir_text(ir, d) : st_ir_missing(ir, ST_IR_TEXT, 0);
    }
    }
}

st_ir_id st_ir_unary(st_ir *ir, st_ir_op op, st_ir_id v, st_ir_like to)
{
    if (op == ST_IR_NEG || op == ST_IR_ABS) v = st_ir_convert(ir, v, to);
    const st_ir_node *n = st_ir_at(ir, v);
    if (n->op == ST_IR_MISSING) return st_ir_missing(ir, to.kind, to.scale);
    if (n->op == ST_IR_CONST) {
        if (n->kind == ST_IR_TEXT) return fold_text(ir, op, n->text);
        if (op == ST_IR_TO_FLOAT && exact_kind(n->kind))
            return st_ir_float(ir, st_dec_to_double(n->imm, n->scale));
        if (op == ST_IR_NEG || op == ST_IR_ABS) {
            if (n->kind == ST_IR_F64) return st_ir_float(ir, op == ST_IR_NEG ? -n->f : fabs(n->f));
            st_i128 out = op == ST_IR_NEG || n->imm < 0 ? -n->imm : n->imm;
            if (fits(out, to.kind)) return st_ir_exact(ir, to.kind, out, to.scale);
        }
    }
    if (op == ST_IR_TO_FLOAT && n->kind == ST_IR_F64) return v;
    bool text = n->kind == ST_IR_TEXT && op != ST_IR_DOMAIN;
    bool may_miss = n->optional || !(text || op == ST_IR_TO_FLOAT || n->kind == ST_IR_F64);
    if (op == ST_IR_DOMAIN) may_miss = true;
    return make(ir, op, to, may_miss, 0, 0, &v, 1);
}

/* Times that do not depend on the instant of the run are computed here. */
static int64_t fold_time(const st_zone *z, st_ir_op op, int64_t a, int64_t b, uint32_t k, bool instant)
{
    switch (op) {
    case ST_IR_SHIFT: return instant ? st_instant_add(z, a, b, (st_unit)k) : st_date_add(a, b, (st_unit)k);
    case ST_IR_TO_DATE: return st_day_of_instant(z, a);
    case ST_IR_TO_INSTANT: return st_start_of_day(z, a);
    case ST_IR_TRUNC: return st_date_trunc(a, (st_unit)k);
    case ST_IR_PART: return instant ? st_instant_part(z, a, (st_part)k) : st_date_part(a, (st_part)k);
    default: return instant ? st_instants_between(z, a, b, (st_unit)k) : st_dates_between(a, b, (st_unit)k);
    }
}

static bool fixed_time(const st_ir *ir, st_ir_id v)
{
    const st_ir_node *n = st_ir_at(ir, v);
    return n->op == ST_IR_CONST && n->imm >= INT64_MIN && n->imm <= INT64_MAX;
}

static bool valid_time(int64_t t, bool instant)
{
    if (instant) return t >= ST_DATE_MIN * ST_DAY_US && t < (ST_DATE_MAX + 1) * ST_DAY_US;
    return t >= ST_DATE_MIN && t <= ST_DATE_MAX;
}

st_ir_id st_ir_time(st_ir *ir, st_ir_op op, st_ir_id a, st_ir_id b, uint32_t k, bool instant, st_ir_like to)
{
    if (missing(ir, a) || (b && missing(ir, b))) return st_ir_missing(ir, to.kind, to.scale);
    if (fixed_time(ir, a) && (!b || fixed_time(ir, b))) {
        int64_t x = (int64_t)st_ir_at(ir, a)->imm, y = b ? (int64_t)st_ir_at(ir, b)->imm : 0;
        bool at_instant = instant || op == ST_IR_TO_DATE;
        bool valid = valid_time(x, at_instant) && (op != ST_IR_BETWEEN || valid_time(y, at_instant));
        int64_t out = valid ? fold_time(ir->program->zone, op, x, y, k, instant) : ST_NO_TIME;
        if (out != ST_NO_TIME) return st_ir_int(ir, out);
    }
    bool total = op == ST_IR_TO_DATE || op == ST_IR_TRUNC || op == ST_IR_PART || op == ST_IR_BETWEEN;
    bool may_miss = !total || optional(ir, a) || (b && optional(ir, b));
    return make(ir, op, to, may_miss, k, instant, (st_ir_id[]){a, b}, b ? 2 : 1);
}

st_ir_id st_ir_lookup(st_ir *ir, st_ir_id index, const st_ir_id *table, uint32_t n, st_ir_like to)
{
    if (missing(ir, index)) return st_ir_missing(ir, to.kind, to.scale);
    st_ir_id *args = st_new_n(ir->arena, st_ir_id, n + 1);
    args[0] = index;
    memcpy(args + 1, table, n * sizeof *args);
    return make(ir, ST_IR_LOOKUP, to, true, 0, 0, args, n + 1);
}
