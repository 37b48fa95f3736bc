/* Types of values: how wide exact numbers get, and what is converted to what.
 *
 * Widths. An int column has 19 digits, a decimal(p,s) p, a literal its own. Int with int stays int (64 bits, overflow is
 * missing at run time). With a decimal: + and - take the larger number of whole digits and of places, and one digit
 * more; * adds digits and places; over 38 digits is an error. `/`, avg, median and share have 12 places and the whole
 * digits of what they divide (for `/` those of the left and the places of the right) plus 12, cut at 38. Comparisons
 * keep both scales: evaluators compare exactly. A float on either side makes the other a float. */
#include "sema/check.h"

st_type st_type_of(st_base_type base)
{
    return (st_type){.base = base};
}

st_type st_int_type(uint32_t digits)
{
    return (st_type){.base = ST_T_INT, .digits = (uint8_t)ST_MIN(digits, 19u)};
}

st_type st_decimal_type(uint32_t digits, uint32_t scale)
{
    return (st_type){.base = ST_T_DECIMAL,
                     .digits = (uint8_t)ST_MIN(digits, (uint32_t)ST_DECIMAL_DIGITS),
                     .scale = (uint8_t)scale};
}

uint32_t st_digits_of(st_i128 v)
{
    st_u128 u = v < 0 ? -(st_u128)v : (st_u128)v;
    uint32_t n = 1;
    while (u >= 10) {
        u /= 10;
        n++;
    }
    return n;
}

const char *st_kind_words(st_type t)
{
    if (t.list) return "a list";
    switch (t.base) {
    case ST_T_BOOL: return "a yes or no";
    case ST_T_INT:
    case ST_T_FLOAT:
    case ST_T_DECIMAL: return "a number";
    case ST_T_STRING: return "text";
    case ST_T_DATE: return "a day";
    case ST_T_TIMESTAMP: return "a time";
    case ST_T_LABEL: return t.labels && t.labels->def ? "a label" : "a weekday";
    case ST_T_DURATION: return "a length of time";
    case ST_T_DISTANCE: return "a distance";
    }
    ST_UNREACHABLE();
}

static const char *weekday_names[] = {"monday", "tuesday",  "wednesday", "thursday",
                                      "friday", "saturday", "sunday"};
const st_labels st_weekdays = {.n = 7, .names = weekday_names};

st_expr *st_to_float(st_checker *c, st_expr *x)
{
    if (x->type.base == ST_T_FLOAT) return x;
    if (st_is_const(x)) {
        double f =
            x->type.base == ST_T_INT ? (double)x->value.as.i : st_dec_to_double(x->value.as.d, x->type.scale);
        return st_x_const(c, (st_value){.type = st_type_of(ST_T_FLOAT), .as.f = f}, x->span);
    }
    return st_x(c, ST_X_TO_FLOAT, st_type_of(ST_T_FLOAT), x->span, 1, x);
}

static st_expr *rescale(st_checker *c, st_expr *x, uint32_t scale)
{
    uint32_t digits = st_integer_digits(x->type) + scale;
    if (x->type.base == ST_T_DECIMAL && x->type.scale == scale) return x;
    if (digits > ST_DECIMAL_DIGITS) {
        st_err(c, ST_MSG_TOO_MANY_DIGITS, x->span);
        return NULL;
    }
    st_type type = st_decimal_type(digits, scale);
    if (st_is_const(x)) {
        st_i128 v = x->type.base == ST_T_INT ? (st_i128)x->value.as.i : x->value.as.d, w;
        if (st_dec_rescale(v, x->type.scale, scale, &w))
            return st_x_const(c, (st_value){.type = type, .as.d = w}, x->span);
    }
    return st_x(c, ST_X_RESCALE, type, x->span, 1, x);
}

static st_type arithmetic_type(st_op op, st_type l, st_type r, bool *too_wide)
{
    uint32_t whole = ST_MAX(st_integer_digits(l), st_integer_digits(r)), places = ST_MAX(l.scale, r.scale),
             digits;
    bool ints = l.base == ST_T_INT && r.base == ST_T_INT;
    *too_wide = false;
    switch (op) {
    case ST_X_DIV:
        digits = st_integer_digits(l) + r.scale + ST_QUOTIENT_SCALE;
        return st_decimal_type(digits, ST_QUOTIENT_SCALE);
    case ST_X_MUL:
        digits = (uint32_t)l.digits + r.digits;
        places = (uint32_t)l.scale + r.scale;
        break;
    default: digits = whole + places + 1; break;
    }
    if (ints) return st_int_type(digits);
    *too_wide = digits > ST_DECIMAL_DIGITS;
    return st_decimal_type(digits, places);
}

st_expr *st_arithmetic(st_checker *c, st_op op, st_expr *l, st_expr *r, st_span span)
{
    if (l->type.base == ST_T_FLOAT || r->type.base == ST_T_FLOAT)
        return st_x(c, op, st_type_of(ST_T_FLOAT), span, 2, st_to_float(c, l), st_to_float(c, r));
    bool too_wide;
    st_type type = arithmetic_type(op, l->type, r->type, &too_wide);
    if (too_wide) {
        st_err(c, ST_MSG_TOO_MANY_DIGITS, span);
        return NULL;
    }
    return st_x(c, op, type, span, 2, l, r);
}

void st_align_compare(st_checker *c, st_expr **a, st_expr **b)
{
    if (!st_is_number((*a)->type) || !st_is_number((*b)->type)) return;
    if ((*a)->type.base != ST_T_FLOAT && (*b)->type.base != ST_T_FLOAT) return;
    *a = st_to_float(c, *a);
    *b = st_to_float(c, *b);
}

static bool unify_exact(st_checker *c, st_expr **args, uint32_t n)
{
    uint32_t scale = 0;
    bool decimal = false;
    for (uint32_t i = 0; i < n; i++) {
        scale = ST_MAX(scale, args[i]->type.scale);
        if (args[i]->type.base == ST_T_DECIMAL) decimal = true;
    }
    if (!decimal) return true;
    for (uint32_t i = 0; i < n; i++)
        if (!(args[i] = rescale(c, args[i], scale))) return false;
    return true;
}

bool st_unify(st_checker *c, st_expr **args, uint32_t n)
{
    bool is_float = false, numbers = st_is_number(args[0]->type);
    for (uint32_t i = 0; i < n; i++) {
        st_type a = args[0]->type, b = args[i]->type;
        bool same = numbers ? st_is_number(b) : a.base == b.base && a.list == b.list && a.labels == b.labels;
        if (!same || a.list) {
            st_err(c, ST_MSG_DIFFERENT_KINDS, args[i]->span, st_kind_words(b), st_kind_words(a));
            return false;
        }
        if (b.base == ST_T_FLOAT) is_float = true;
    }
    if (!numbers) return true;
    if (!is_float) return unify_exact(c, args, n);
    for (uint32_t i = 0; i < n; i++) args[i] = st_to_float(c, args[i]);
    return true;
}
