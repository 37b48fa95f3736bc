/* Points: a sum of rows, each of which adds a number where its condition is true, or for every row of a source.
 *
 * Halving is exact: the points of a row are N / 2^k, k being the whole lengths of time that have passed since, with 12 digits behind
 * the point. There are only so many of them before nothing is left, so they stand in a table. */
#include "sema/check.h"

/* What one row of the definition adds. */
typedef struct item {
    st_expr *x; /* never missing */
    st_span span;
} item;

typedef struct points {
    st_checker *c;
    st_def *d;
    st_scope s;
    uint32_t n;
    item *items;
} points;

static st_expr *constant(st_checker *c, st_i128 v, st_type type, st_span span)
{
    st_value x = {.type = type};
    if (type.base == ST_T_INT)
        x.as.i = (int64_t)v;
    else
        x.as.d = v;
    return st_x_const(c, x, span);
}

static st_i128 number_of(const st_value *v)
{
    return v->type.base == ST_T_INT ? (st_i128)v->as.i : v->as.d;
}

/* N where the condition is true, else nothing. */
static st_expr *check_when(points *q, const st_ast *ast)
{
    st_checker *c = q->c;
    st_expr *when = st_check_bool(c, &q->s, ast->kids[ST_POINTS_WHEN_when]);
    st_expr *n = st_check_number(c, &q->s, ast->kids[ST_POINTS_WHEN_points]);
    if (!when || !n) return NULL;
    st_expr *x = st_x(c, ST_X_CHOICE, n->type, ast->span, 3, when, n, constant(c, 0, n->type, n->span));
    x->type.optional = false;
    return x;
}

/* v / 2^k, half away from zero. */
static st_i128 halved(st_i128 v, uint32_t k)
{
    st_u128 size = v < 0 ? -(st_u128)v : (st_u128)v;
    if (k) size = (size >> k) + (size >> (k - 1) & 1);
    return v < 0 ? -(st_i128)size : (st_i128)size;
}

/* How many whole lengths have passed since the time of the row. */
static st_expr *lengths_passed(points *q, const st_table *t, const st_ast *halving)
{
    st_checker *c = q->c;
    int64_t n;
    st_unit unit;
    if (!st_has_time(c, t, halving->span, "halving") || !st_check_duration(c, &q->s, halving, &n, &unit))
        return NULL;
    bool dates = t->order_time->type.base == ST_T_DATE;
    if (n == 0) {
        st_err(c, ST_MSG_POINTS_AMOUNT, halving->span, "A half-life");
        return NULL;
    }
    if (dates && (unit == ST_MINUTE || unit == ST_HOUR)) {
        st_err(c, ST_MSG_HOURS_OF_A_DAY, halving->span, t->name);
        return NULL;
    }
    st_expr *now = dates ? st_x_today(c, halving->span) : st_x_now(c, halving->span);
    st_expr *age = st_x(c, ST_X_BETWEEN_TIMES, st_int_type(19), halving->span, 2, t->order_time, now);
    age->unit = unit;
    if (n == 1) return age;
    st_expr *lengths = st_arithmetic(c, ST_X_DIV, age, st_x_int(c, n, halving->span), halving->span);
    return lengths ? st_x(c, ST_X_FLOOR, st_int_type(19), halving->span, 1, lengths) : NULL;
}

/* The points of a row of t by its age; NULL: reported. */
static st_expr *fading(points *q, const st_expr *n, const st_table *t, const st_ast *halving)
{
    st_checker *c = q->c;
    st_expr *lengths = lengths_passed(q, t, halving);
    uint32_t scale = ST_MAX((uint32_t)n->type.scale, (uint32_t)ST_QUOTIENT_SCALE);
    st_i128 whole = 0;
    if (!lengths) return NULL;
    if (!st_dec_rescale(number_of(&n->value), n->type.scale, scale, &whole)) {
        st_err(c, ST_MSG_TOO_MANY_DIGITS, n->span);
        return NULL;
    }
    uint32_t steps = 0;
    while (halved(whole, steps)) steps++;
    st_type type = st_decimal_type(ST_MAX(st_digits_of(whole), scale + 1), scale);
    st_expr **args = st_new_n(c->a, st_expr *, steps + 2);
    args[0] = lengths;
    for (uint32_t k = 0; k <= steps; k++) args[1 + k] = constant(c, halved(whole, k), type, n->span);
    return st_xs(c, ST_X_LOOKUP, type, halving->span, args, steps + 2);
}

/* x, but never farther from zero than the amount said. */
static st_expr *capped(points *q, st_expr *x, bool minus, const st_ast *up_to)
{
    st_checker *c = q->c;
    st_expr *most = st_check_number(c, &q->s, up_to);
    if (!most) return NULL;
    if (number_of(&most->value) <= 0) {
        st_err(c, ST_MSG_POINTS_AMOUNT, up_to->span, "What a row adds");
        return NULL;
    }
    if (minus) most = constant(c, -number_of(&most->value), most->type, most->span);
    st_expr *args[2] = {x, most};
    if (!st_unify(c, args, 2)) return NULL;
    st_type type = args[0]->type;
    type.digits = ST_MAX(type.digits, args[1]->type.digits);
    return st_xs(c, minus ? ST_X_MAX : ST_X_MIN, type, x->span, args, 2);
}

/* N for every row of a source. */
static st_expr *check_each(points *q, const st_ast *ast)
{
    st_checker *c = q->c;
    const st_ast *halving = ast->kids[ST_POINTS_EACH_halving], *up_to = ast->kids[ST_POINTS_EACH_up_to];
    st_source_parts parts;
    bool ok = st_check_source(c, &q->s, ast->kids[ST_POINTS_EACH_source], (st_source_wish){0}, &parts);
    st_expr *n = st_check_number(c, &q->s, ast->kids[ST_POINTS_EACH_points]), *x;
    if (!ok || !n) return NULL;
    if (halving) {
        st_expr *faded = fading(q, n, parts.table, halving);
        x = faded ? st_x_aggregate(c, &q->s, ST_AGG_SUM, &parts, faded, ast->span) : NULL;
    } else {
        st_expr *rows = st_x_aggregate(c, &q->s, ST_AGG_COUNT, &parts, NULL, ast->span);
        x = st_arithmetic(c, ST_X_MUL, rows, n, ast->span);
    }
    if (!x) return NULL;
    x->type.optional = false;
    return up_to ? capped(q, x, number_of(&n->value) < 0, up_to) : x;
}

/* The sum of all rows, in a type that holds it whatever they add. */
static st_expr *total(points *q)
{
    st_checker *c = q->c;
    uint32_t whole = 0, scale = 0;
    bool exact = true;
    for (uint32_t i = 0; i < q->n; i++) {
        st_type t = q->items[i].x->type;
        whole = ST_MAX(whole, st_integer_digits(t));
        scale = ST_MAX(scale, (uint32_t)t.scale);
        if (t.base == ST_T_DECIMAL) exact = false;
    }
    uint32_t digits = whole + scale + st_digits_of(q->n);
    if (!exact && digits > ST_DECIMAL_DIGITS) {
        st_err(c, ST_MSG_TOO_MANY_DIGITS, q->d->span);
        return NULL;
    }
    st_type type = exact ? st_int_type(digits) : st_decimal_type(digits, scale);
    st_expr *sum = q->items[0].x;
    for (uint32_t i = 1; i < q->n; i++)
        sum = st_x(c, ST_X_ADD, type, q->items[i].span, 2, sum, q->items[i].x);
    return sum;
}

void st_check_points(st_checker *c, st_def *d)
{
    const st_ast *list = d->ast->kids[ST_POINTS_items];
    points q = {.c = c, .d = d, .s = {.at = d->of, .def = d}};
    q.items = st_new_n(c->a, item, list->n);
    bool ok = true, any = false;
    for (uint32_t i = 0; i < list->n; i++) {
        const st_ast *ast = list->kids[i];
        if (st_read_meta(c, d, ast)) continue;
        any = true;
        st_expr *x = ast->kind == ST_AST_POINTS_WHEN ? check_when(&q, ast) : check_each(&q, ast);
        if (x)
            q.items[q.n++] = (item){x, ast->span};
        else
            ok = false;
    }
    if (!any) st_err(c, ST_MSG_POINTS_EMPTY, d->span, d->name);
    if (any && ok) d->expr = total(&q);
    if (d->expr)
        d->type = d->expr->type;
    else
        st_info(c, d)->bad = true;
}
