/* Making nodes of the checked tree. What a phrase means is spelled out elsewhere; here is only how nodes look. */
#include "sema/check.h"

const char *const st_op_names[ST_X_COUNT] = {
#define OP(NAME, name) [ST_X_##NAME] = name,
#include "sema/ops.def"
#undef OP
};

/* An operation speaks of the row that its operands speak of, and may be missing where one of them may. */
st_expr *st_xs(st_checker *c, st_op op, st_type type, st_span span, st_expr **args, uint32_t n)
{
    st_expr *x = st_new(c->a, st_expr);
    x->op = op;
    x->type = type;
    x->span = span;
    x->n = n;
    x->args = n ? st_new_n(c->a, st_expr *, n) : NULL;
    for (uint32_t i = 0; i < n; i++) {
        x->args[i] = args[i];
        if (args[i]->at && !x->at) x->at = args[i]->at;
        if (args[i]->type.optional) x->type.optional = true;
    }
    return x;
}

st_expr *st_x(st_checker *c, st_op op, st_type type, st_span span, uint32_t n, ...)
{
    st_expr *args[3];
    assert(n <= ST_COUNT(args));
    va_list ap;
    va_start(ap, n);
    for (uint32_t i = 0; i < n; i++) args[i] = va_arg(ap, st_expr *);
    va_end(ap);
    return st_xs(c, op, type, span, args, n);
}

st_expr *st_x_const(st_checker *c, st_value v, st_span span)
{
    st_expr *x = st_x(c, ST_X_CONST, v.type, span, 0);
    x->value = v;
    return x;
}

st_expr *st_x_int(st_checker *c, int64_t n, st_span span)
{
    return st_x_const(c, (st_value){.type = st_int_type(st_digits_of(n)), .as.i = n}, span);
}

bool st_is_const(const st_expr *x)
{
    return x->op == ST_X_CONST;
}

st_expr *st_x_now(st_checker *c, st_span span)
{
    return st_x(c, ST_X_NOW, st_type_of(ST_T_TIMESTAMP), span, 0);
}

st_expr *st_x_day(st_checker *c, st_expr *x)
{
    if (x->type.base == ST_T_DATE) return x;
    return st_x(c, ST_X_TO_DATE, st_type_of(ST_T_DATE), x->span, 1, x);
}

st_expr *st_x_start(st_checker *c, st_expr *x)
{
    if (x->type.base == ST_T_TIMESTAMP) return x;
    return st_x(c, ST_X_TO_INSTANT, st_type_of(ST_T_TIMESTAMP), x->span, 1, x);
}

st_expr *st_x_today(st_checker *c, st_span span)
{
    return st_x_day(c, st_x_now(c, span));
}

st_expr *st_x_shift(st_checker *c, st_expr *x, st_expr *n, st_unit unit, st_span span)
{
    st_expr *y = st_x(c, ST_X_SHIFT, st_type_of(x->type.base), span, 2, x, n);
    y->unit = unit;
    return y;
}

st_expr *st_x_shift_n(st_checker *c, st_expr *x, int64_t n, st_unit unit, st_span span)
{
    return st_x_shift(c, x, st_x_int(c, n, span), unit, span);
}

st_expr *st_x_trunc(st_checker *c, st_expr *day, st_unit unit, st_span span)
{
    st_expr *y = st_x(c, ST_X_TRUNC, st_type_of(ST_T_DATE), span, 1, day);
    y->unit = unit;
    return y;
}

st_expr *st_x_cmp(st_checker *c, st_op op, st_expr *a, st_expr *b, st_span span)
{
    st_align_compare(c, &a, &b);
    return st_x(c, op, st_type_of(ST_T_BOOL), span, 2, a, b);
}

st_expr *st_x_or_all(st_checker *c, st_op op, st_expr **args, uint32_t n, st_span span)
{
    if (n == 1) return args[0];
    return st_xs(c, op, st_type_of(ST_T_BOOL), span, args, n);
}

st_expr *st_x_and(st_checker *c, st_expr *a, st_expr *b, st_span span)
{
    if (!a || !b) return a ? a : b;
    return st_x(c, ST_X_AND, st_type_of(ST_T_BOOL), span, 2, a, b);
}

st_expr *st_x_not(st_checker *c, st_expr *x, st_span span)
{
    return st_x(c, ST_X_NOT, st_type_of(ST_T_BOOL), span, 1, x);
}

st_expr *st_x_column(st_checker *c, const st_col *col, st_span span)
{
    st_expr *x = st_x(c, ST_X_COLUMN, col->type, span, 0);
    x->col = col;
    x->at = col->table;
    return x;
}

st_expr *st_x_link(st_checker *c, const st_col *link, st_expr *inner, st_span span)
{
    st_expr *x = st_x(c, ST_X_LINK, inner->type, span, 1, inner);
    x->col = link;
    x->at = link->table;
    if (link->type.optional) x->type.optional = true;
    return x;
}

st_expr *st_x_through(st_checker *c, const st_path *path, uint32_t steps, st_expr *x, st_span span)
{
    for (uint32_t i = steps; i-- > 0;) x = st_x_link(c, path->steps[i], x, span);
    return x;
}

/* ---- walking ---- */
void st_walker_init(st_walker *w, st_arena *a, st_visit visit, void *ctx)
{
    *w = (st_walker){.arena = a, .visit = visit, .ctx = ctx};
}

/* The place that holds the node, or the free one where it would go. */
static const st_expr **place_of(const st_expr **seen, uint32_t places, const st_expr *x)
{
    uint64_t at = (uint64_t)(uintptr_t)x * UINT64_C(0x9e3779b97f4a7c15) >> 32;
    while (seen[at & (places - 1)] && seen[at & (places - 1)] != x) at++;
    return &seen[at & (places - 1)];
}

static void make_room(st_walker *w)
{
    uint32_t places = w->places ? w->places * 2 : 64;
    const st_expr **seen = st_new_n(w->arena, const st_expr *, places);
    for (uint32_t i = 0; i < w->places; i++)
        if (w->seen[i]) *place_of(seen, places, w->seen[i]) = w->seen[i];
    w->seen = seen;
    w->places = places;
}

static bool is_new(st_walker *w, const st_expr *x)
{
    if (w->nseen >= w->places / 2) make_room(w);
    const st_expr **place = place_of(w->seen, w->places, x);
    if (*place) return false;
    *place = x;
    w->nseen++;
    return true;
}

static void walk_rows(st_walker *w, const st_rowset *rows)
{
    for (uint32_t i = 0; i < rows->nfilters; i++) st_walk(w, rows->filters[i].where);
}

void st_walk(st_walker *w, const st_expr *x)
{
    if (!x || !is_new(w, x)) return;
    w->visit(w->ctx, x);
    for (uint32_t i = 0; i < x->n; i++) st_walk(w, x->args[i]);
    if (x->op == ST_X_AGGREGATE || x->op == ST_X_SEQUENCE || x->op == ST_X_NEAREST) walk_rows(w, &x->rows);
    for (uint32_t i = 0; i < x->nsteps; i++) walk_rows(w, &x->steps[i].rows);
}

void st_walk_def(st_walker *w, const st_def *d)
{
    st_walk(w, d->expr);
    for (uint32_t i = 0; i < d->ntiers; i++) st_walk(w, d->tiers[i].when);
    if (!d->rfm) return;
    st_walk(w, d->rfm->any);
    for (int i = 0; i < 3; i++) {
        if (!d->rfm->has[i]) continue;
        st_walk(w, d->rfm->part[i].measure);
        st_walk(w, d->rfm->part[i].raw);
    }
}
