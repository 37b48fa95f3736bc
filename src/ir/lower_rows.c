/* Which rows exist and are seen, and what is asked of the rows of an entity. */
#include "ir/lower.h"

/* The checker has refused conditions that ask, through links, for themselves. */
st_ir_id st_lower_keep(st_lowering *l, const st_table *t)
{
    if (!t->keep) return ST_IR_TRUE_ID;
    if (!l->keep[t->index]) l->keep[t->index] = st_lower_true(l, t->keep);
    return l->keep[t->index];
}

static st_ir_id seen(st_lowering *l, const st_table *t)
{
    l->seen[t->index] = true;
    return t->visible ? st_lower_true(l, t->visible) : ST_IR_TRUE_ID;
}

st_ir_id st_lower_population(st_lowering *l, const st_table *t)
{
    st_ir_id keep = st_lower_keep(l, t);
    return st_ir_and2(l->ir, keep, seen(l, t));
}

static void refuse_bound(st_lowering *l, st_ir_id p)
{
    if (!st_ir_at(l->ir, p)->bound) return;
    st_fail(st_arena_env(l->arena), STRATA_BAD_RULES,
            "a step of a sequence can compare its own rows with a row chosen before, but not ask another "
            "aggregate about that row");
}

static const st_ir_path *path_of(st_lowering *l, const st_rowset *r)
{
    return st_ir_path_of(l->ir, r->path.steps, r->path.n);
}

static st_ir_id time_of(st_lowering *l, const st_table *t)
{
    if (!t->order_time) return st_ir_missing(l->ir, ST_IR_I64, 0);
    return st_lower_value(l, t->order_time);
}

/* The n latest of the rows in p: a predicate at the rows, and a part of p. */
static st_ir_id latest(st_lowering *l, const st_rowset *r, st_ir_id p, uint32_t n)
{
    st_ir_id time = time_of(l, r->table);
    refuse_bound(l, p);
    if (p == ST_IR_FALSE_ID || st_ir_at(l->ir, time)->op == ST_IR_MISSING) return ST_IR_FALSE_ID;
    st_ir_node node = {.op = ST_IR_LAST_ROWS,
                       .kind = ST_IR_PRED,
                       .domain = (int32_t)r->table->index,
                       .k = n,
                       .path = path_of(l, r),
                       .n = 2,
                       .args = (st_ir_id[]){p, time}};
    return st_ir_node_of(l->ir, &node);
}

/* The predicate of a source's rows, at their table. */
static st_ir_id rows_of(st_lowering *l, const st_rowset *r)
{
    st_ir *ir = l->ir;
    st_ir_id p = st_lower_population(l, r->table);
    for (uint32_t i = 1; i < r->path.n; i++) {
        st_ir_id keep = st_lower_keep(l, r->path.steps[i]->table);
        if (keep == ST_IR_TRUE_ID) continue;
        p = st_ir_and2(ir, p, st_ir_gather(ir, st_ir_path_of(ir, r->path.steps, i), keep));
    }
    for (uint32_t i = 0; i < r->nfilters; i++) {
        const st_filter *f = &r->filters[i];
        if (f->kind == ST_FILTER_LAST)
            p = latest(l, r, p, f->last);
        else
            p = st_ir_and2(ir, p, st_lower_true(l, f->where));
    }
    return p;
}

st_ir_id st_lower_nearest(st_lowering *l, const st_expr *e)
{
    st_ir *ir = l->ir;
    st_ir_like like = st_ir_like_of(&e->type);
    st_ir_id args[5] = {st_lower_value(l, e->args[0]), st_lower_value(l, e->args[1]), rows_of(l, &e->rows),
                        st_lower_value(l, e->args[2]), st_lower_value(l, e->args[3])};
    bool none = args[2] == ST_IR_FALSE_ID;
    for (uint32_t i = 0; i < 5; i++) none |= st_ir_at(ir, args[i])->op == ST_IR_MISSING;
    if (none) return st_ir_missing(ir, like.kind, like.scale);
    st_ir_node node = {.op = ST_IR_NEAREST,
                       .kind = like.kind,
                       .scale = like.scale,
                       .digits = like.digits,
                       .optional = true,
                       .domain = (int32_t)e->at->index,
                       .k = e->rows.table->index,
                       .n = 5,
                       .args = args};
    return st_ir_node_of(ir, &node);
}

/* ---- aggregates ---- */

/* A node over the rows in args[0]. */
static st_ir_id over_rows(st_lowering *l, const st_expr *e, st_ir_op op, st_ir_like like, bool optional,
                          const st_ir_id *args, uint32_t n)
{
    const st_ir_path *path = path_of(l, &e->rows);
    for (uint32_t i = 0; i < n; i++) refuse_bound(l, args[i]);
    st_ir_node node = {.op = op,
                       .kind = like.kind,
                       .scale = like.scale,
                       .digits = like.digits,
                       .optional = optional,
                       .domain = (int32_t)st_ir_path_to(path)->index,
                       .path = path,
                       .n = n,
                       .args = args};
    return st_ir_node_of(l->ir, &node);
}

static const st_ir_like PRED = {ST_IR_PRED, 0, 0};
static const st_ir_like COUNTED = {ST_IR_I64, 0, 12};

static st_ir_id any_of(st_lowering *l, const st_expr *e, st_ir_id rows)
{
    return rows == ST_IR_FALSE_ID ? rows : over_rows(l, e, ST_IR_ANY, PRED, false, &rows, 1);
}

static st_ir_id count_of(st_lowering *l, const st_expr *e, st_ir_id rows)
{
    if (rows == ST_IR_FALSE_ID) return st_ir_int(l->ir, 0);
    return over_rows(l, e, ST_IR_COUNT, COUNTED, false, &rows, 1);
}

/* The sum of v over the rows for an average or a share, which may be known where the sum is too large for its own type: in as
 * many digits as there are, unless the values leave room enough. */
static st_ir_id wide_sum(st_lowering *l, const st_expr *e, st_ir_id rows, st_ir_id v)
{
    const st_ir_node *n = st_ir_at(l->ir, v);
    bool narrow = n->kind == ST_IR_I64 && n->digits <= 12;
    st_ir_like sum = {narrow ? ST_IR_I64 : ST_IR_I128, n->scale,
                      (uint8_t)(narrow ? n->digits + 6 : ST_DECIMAL_DIGITS)};
    if (rows == ST_IR_FALSE_ID || n->op == ST_IR_MISSING) return st_ir_exact(l->ir, ST_IR_I128, 0, sum.scale);
    return over_rows(l, e, ST_IR_SUM, sum, true, (st_ir_id[]){rows, v}, 2);
}

static st_ir_id average(st_lowering *l, const st_expr *e, st_ir_id rows, st_ir_id v, st_ir_like like)
{
    st_ir_id counted = st_ir_and2(l->ir, rows, st_ir_known(l->ir, v));
    st_ir_id n = st_ir_mask(l->ir, count_of(l, e, counted), any_of(l, e, counted));
    return st_ir_div(l->ir, wide_sum(l, e, rows, v), n, like);
}

/* Over no rows there is nothing to divide; a sum of zero below is a division by zero. */
static st_ir_id share(st_lowering *l, const st_expr *e, st_ir_id rows, st_ir_like like)
{
    st_ir_id part = st_ir_and2(l->ir, rows, st_lower_true(l, e->args[1]));
    st_ir_id above, below, counted = rows;
    if (e->args[0]) {
        st_ir_id v = st_lower_value(l, e->args[0]);
        counted = st_ir_and2(l->ir, rows, st_ir_known(l->ir, v));
        above = wide_sum(l, e, part, v);
        below = wide_sum(l, e, rows, v);
    } else {
        above = count_of(l, e, part);
        below = count_of(l, e, rows);
    }
    return st_ir_div(l->ir, above, st_ir_mask(l->ir, below, any_of(l, e, counted)), like);
}

static st_ir_id fullest(st_lowering *l, const st_expr *e, st_ir_id rows)
{
    st_ir_id time = time_of(l, e->rows.table);
    if (rows == ST_IR_FALSE_ID || st_ir_at(l->ir, time)->op == ST_IR_MISSING) return st_ir_int(l->ir, 0);
    const st_ir_path *path = path_of(l, &e->rows);
    refuse_bound(l, rows);
    st_ir_node node = {.op = ST_IR_FULLEST,
                       .kind = ST_IR_I64,
                       .digits = 12,
                       .domain = (int32_t)st_ir_path_to(path)->index,
                       .k = e->unit,
                       .k2 = e->rows.table->order_time->type.base == ST_T_TIMESTAMP,
                       .imm = e->span_n,
                       .path = path,
                       .n = 2,
                       .args = (st_ir_id[]){rows, time}};
    return st_ir_node_of(l->ir, &node);
}

static st_ir_id first_or_last(st_lowering *l, const st_expr *e, st_ir_id rows, st_ir_id v, st_ir_like like)
{
    bool first = e->kind == ST_AGG_FIRST;
    st_ir_id time = time_of(l, e->rows.table);
    if (st_ir_at(l->ir, time)->op == ST_IR_MISSING) return st_ir_missing(l->ir, like.kind, like.scale);
    if (v == time)
        return over_rows(l, e, first ? ST_IR_MIN_OF : ST_IR_MAX_OF, like, true, (st_ir_id[]){rows, v}, 2);
    return over_rows(l, e, first ? ST_IR_FIRST_OF : ST_IR_LAST_OF, like, true, (st_ir_id[]){rows, v, time},
                     3);
}

/* Conditions lie as 1 and 0. */
static st_ir_like stored(const st_type *t)
{
    st_ir_like like = st_ir_like_of(t);
    return like.kind == ST_IR_PRED ? (st_ir_like){ST_IR_I64, 0, 1} : like;
}

st_ir_id st_lower_any(st_lowering *l, const st_expr *e)
{
    return any_of(l, e, rows_of(l, &e->rows));
}

/* Over no rows, or where no row has a value. */
static st_ir_id of_nothing(st_lowering *l, const st_expr *e, st_ir_like like)
{
    switch ((st_agg_kind)e->kind) {
    case ST_AGG_SUM: return st_ir_exact(l->ir, like.kind, 0, like.scale);
    case ST_AGG_DISTINCT:
    case ST_AGG_REPEATS: return st_ir_int(l->ir, 0);
    default: return st_ir_missing(l->ir, like.kind, like.scale);
    }
}

st_ir_id st_lower_aggregate(st_lowering *l, const st_expr *e)
{
    st_ir_id rows = rows_of(l, &e->rows);
    st_ir_like like = stored(&e->type);
    if (e->kind == ST_AGG_COUNT) return e->span_n > 0 ? fullest(l, e, rows) : count_of(l, e, rows);
    if (e->kind == ST_AGG_SHARE) return share(l, e, rows, like);
    st_ir_id v = st_lower_value(l, e->args[0]);
    if (rows == ST_IR_FALSE_ID || st_ir_at(l->ir, v)->op == ST_IR_MISSING) return of_nothing(l, e, like);
    const st_ir_node *n = st_ir_at(l->ir, v);
    st_ir_like same = {n->kind, n->scale, n->digits};
    st_ir_id args[] = {rows, v};
    switch ((st_agg_kind)e->kind) {
    case ST_AGG_SUM: {
        st_ir_like at = {like.kind, n->scale, like.digits};
        return st_ir_convert(l->ir, over_rows(l, e, ST_IR_SUM, at, true, args, 2), like);
    }
    case ST_AGG_AVG: return average(l, e, rows, v, like);
    case ST_AGG_MIN: return over_rows(l, e, ST_IR_MIN_OF, same, true, args, 2);
    case ST_AGG_MAX: return over_rows(l, e, ST_IR_MAX_OF, same, true, args, 2);
    case ST_AGG_FIRST:
    case ST_AGG_LAST: return first_or_last(l, e, rows, v, same);
    case ST_AGG_DISTINCT: return over_rows(l, e, ST_IR_DISTINCT, COUNTED, false, args, 2);
    case ST_AGG_REPEATS: return over_rows(l, e, ST_IR_REPEATS, COUNTED, false, args, 2);
    case ST_AGG_MOST_COMMON: return over_rows(l, e, ST_IR_MOST_COMMON, same, true, args, 2);
    case ST_AGG_MEDIAN: {
        if (n->kind == ST_IR_F64) return over_rows(l, e, ST_IR_MEDIAN, same, true, args, 2);
        st_ir_like wide = {ST_IR_I128, ST_QUOTIENT_SCALE, ST_DECIMAL_DIGITS};
        return st_ir_convert(l->ir, over_rows(l, e, ST_IR_MEDIAN, wide, true, args, 2), like);
    }
    default: st_fail(st_arena_env(l->arena), STRATA_INTERNAL, "unknown aggregate %u", e->kind);
    }
}

/* ---- sequences ---- */

/* What of p can be known without the rows chosen before, and what cannot. */
static void split(st_lowering *l, st_ir_id p, st_ir_id *rows, st_ir_id *refers)
{
    const st_ir_node *n = st_ir_at(l->ir, p);
    *rows = p;
    *refers = ST_IR_TRUE_ID;
    if (!n->bound) return;
    if (n->op != ST_IR_AND) {
        *rows = ST_IR_TRUE_ID;
        *refers = p;
        return;
    }
    st_ir_id *plain = st_new_n(l->arena, st_ir_id, n->n), *bound = st_new_n(l->arena, st_ir_id, n->n);
    uint32_t np = 0, nb = 0;
    for (uint32_t i = 0; i < n->n; i++)
        if (st_ir_at(l->ir, n->args[i])->bound)
            bound[nb++] = n->args[i];
        else
            plain[np++] = n->args[i];
    *rows = st_ir_and(l->ir, plain, np);
    *refers = st_ir_and(l->ir, bound, nb);
}

static void put(st_lowering *l, st_buf *key, const void *p, size_t n)
{
    st_buf_add(l->arena, key, p, n);
}

st_ir_id st_lower_sequence(st_lowering *l, const st_expr *e)
{
    st_ir *ir = l->ir;
    st_ir_sequence *s = st_new(l->arena, st_ir_sequence);
    s->nsteps = e->nsteps;
    s->steps = st_new_n(l->arena, st_ir_step, e->nsteps);
    st_ir_id *args = st_new_n(l->arena, st_ir_id, 1 + 3 * (size_t)e->nsteps);
    st_buf key = {0};
    for (uint32_t i = 0; i < e->nsteps; i++) {
        const st_step *from = &e->steps[i];
        st_ir_step *to = &s->steps[i];
        to->kind = (uint8_t)from->kind;
        to->has_within = from->has_within;
        to->within = from->has_within ? from->within : 0;
        to->unit = from->has_within ? from->within_unit : ST_DAY;
        to->path = path_of(l, &from->rows);
        to->time = time_of(l, from->rows.table);
        if (from->rows.table->order_time)
            s->instants |= from->rows.table->order_time->type.base == ST_T_TIMESTAMP;
        split(l, rows_of(l, &from->rows), &to->rows, &to->refers);
        args[1 + 3 * i] = to->rows;
        args[2 + 3 * i] = to->refers;
        args[3 + 3 * i] = to->time;
        int64_t words[] = {to->kind, to->has_within, to->within, (int64_t)to->unit, to->path->index};
        put(l, &key, words, sizeof words);
    }
    s->until = s->instants
                   ? l->now
                   : st_ir_time(ir, ST_IR_TO_DATE, l->now, 0, 0, false, (st_ir_like){ST_IR_I64, 0, 19});
    args[0] = s->until;
    st_ir_node node = {.op = ST_IR_SEQUENCE,
                       .kind = ST_IR_PRED,
                       .domain = (int32_t)st_ir_path_to(s->steps[0].path)->index,
                       .k = s->instants,
                       .n = 1 + 3 * e->nsteps,
                       .args = args,
                       .text = {key.p, key.n},
                       .sequence = s};
    st_ir_id id = st_ir_node_of(ir, &node);
    ir->nodes.p[id].bound = false; /* what its steps refer to is its own */
    return id;
}
