/* Aggregates over the rows of an entity. */
#include "oracle/parts.h"

/* A sum that cannot overflow on the way, so that it does not depend on the order of rows: the upper and lower halves of the
 * values are summed apart. */
typedef struct wide_sum {
    st_i128 high, low;
} wide_sum;

static void add(wide_sum *sum, st_i128 v)
{
    sum->high += v >> 64;
    sum->low += (st_i128)(uint64_t)v;
}

static bool total(const wide_sum *sum, st_i128 *out)
{
    st_i128 high = sum->high + (sum->low >> 64);
    if (high > INT64_MAX || high < INT64_MIN) return false;
    *out = (st_i128)((st_u128)high << 64 | (uint64_t)sum->low);
    return st_dec_fits(*out);
}

/* The rows of the aggregate, in o->rows from `rows` on. */
typedef struct group {
    const st_scope *s;
    const st_expr *e;
    uint32_t rows, n;
} group;

static int64_t row_of(const group *g, uint32_t i)
{
    return g->s->o->rows.p[g->rows + i];
}

static st_value value_of(const group *g, uint32_t i)
{
    st_scope at = st_o_at_row(g->s, row_of(g, i));
    return st_o_eval(&at, g->e->args[0]);
}

/* Pushes the known values on o->values; returns how many. */
static uint32_t push_values(const group *g)
{
    st_oracle *o = g->s->o;
    uint32_t before = o->values.n;
    for (uint32_t i = 0; i < g->n; i++) {
        st_value v = value_of(g, i);
        if (!v.missing) *st_push(o->arena, &o->values) = v;
    }
    return o->values.n - before;
}

static st_value overflow(const group *g)
{
    g->s->o->faults.overflows++;
    return st_o_missing(g->e->type);
}

static bool sum_values(const st_value *v, uint32_t n, st_i128 *sum, unsigned *scale)
{
    wide_sum w = {0, 0};
    *scale = 0;
    for (uint32_t i = 0; i < n; i++) {
        st_i128 x = 0;
        st_o_read_exact(&v[i], &x, scale);
        add(&w, x);
    }
    return total(&w, sum);
}

static st_value quotient(const group *g, st_i128 a, unsigned sa, st_i128 b, unsigned sb)
{
    st_i128 q;
    if (b == 0) {
        g->s->o->faults.divisions++;
        return st_o_missing(g->e->type);
    }
    if (!st_dec_div(a, sa, b, sb, &q)) return overflow(g);
    return st_o_exact(g->s->o, g->e->type, q, ST_QUOTIENT_SCALE);
}

static st_value sum_or_avg(const group *g, const st_value *v, uint32_t n)
{
    st_i128 sum;
    unsigned scale;
    if (n == 0 && g->e->kind == ST_AGG_AVG) return st_o_missing(g->e->type);
    if (!sum_values(v, n, &sum, &scale)) return overflow(g);
    return g->e->kind == ST_AGG_AVG ? quotient(g, sum, scale, n, 0)
                                    : st_o_exact(g->s->o, g->e->type, sum, scale);
}

static st_value median(const group *g, st_value *v, uint32_t n)
{
    if (n == 0) return st_o_missing(g->e->type);
    st_o_sort(v, n);
    const st_value *a = &v[(n - 1) / 2], *b = &v[n / 2];
    if (g->e->type.base == ST_T_FLOAT) {
        st_value mean = {.type = g->e->type, .as.f = n % 2 ? a->as.f : (a->as.f + b->as.f) / 2};
        bool finite = mean.as.f - mean.as.f == 0;
        return finite ? mean : overflow(g);
    }
    st_i128 x = 0, y = 0, sum;
    unsigned scale = 0;
    st_o_read_exact(a, &x, &scale);
    st_o_read_exact(b, &y, &scale);
    if (n % 2) return quotient(g, x, scale, 1, 0);
    return st_dec_add(x, scale, y, scale, &sum) ? quotient(g, sum, scale, 2, 0) : overflow(g);
}

/* The most common value among n, the smallest of those; NULL over none. *times: how often it occurs. */
static const st_value *most_common(st_value *v, uint32_t n, uint32_t *times)
{
    const st_value *best = NULL;
    *times = 0;
    st_o_sort(v, n);
    for (uint32_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && st_oracle_compare(&v[from], &v[to]) == 0;) to++;
        if (to - from > *times) best = &v[from], *times = to - from;
    }
    return best;
}

static uint32_t distinct(st_value *v, uint32_t n)
{
    uint32_t count = 0;
    st_o_sort(v, n);
    for (uint32_t i = 0; i < n; i++) count += i == 0 || st_oracle_compare(&v[i - 1], &v[i]) != 0;
    return count;
}

static st_value extreme(const group *g, const st_value *v, uint32_t n)
{
    if (n == 0) return st_o_missing(g->e->type);
    const st_value *best = v;
    for (uint32_t i = 1; i < n; i++) {
        int order = st_oracle_compare(&v[i], best);
        if (g->e->kind == ST_AGG_MIN ? order < 0 : order > 0) best = &v[i];
    }
    return *best;
}

/* first takes the earliest and of those the smallest, last the latest and of those the largest. */
static st_value first_or_last(const group *g)
{
    bool first = g->e->kind == ST_AGG_FIRST;
    st_value best = st_o_missing(g->e->type), best_time = best;
    for (uint32_t i = 0; i < g->n; i++) {
        st_value time = st_o_time(g->s, g->e->rows.table, row_of(g, i));
        st_value v = value_of(g, i);
        if (time.missing || v.missing) continue;
        int order = best.missing ? 1 : st_oracle_compare(&time, &best_time);
        if (!best.missing && order == 0) order = st_oracle_compare(&v, &best);
        if (!best.missing && first) order = -order;
        if (order > 0) best = v, best_time = time;
    }
    return best;
}

/* The most rows in any stretch of span_n units that begins at one of them. */
static int64_t fullest_span(const group *g)
{
    const st_expr *e = g->e;
    const st_zone *zone = g->s->o->program->zone;
    int64_t most = 0;
    for (uint32_t i = 0; i < g->n; i++) {
        st_value from = st_o_time(g->s, e->rows.table, row_of(g, i));
        if (from.missing) continue;
        int64_t to = from.type.base == ST_T_DATE ? st_date_add(from.as.i, e->span_n, e->unit)
                                                 : st_instant_add(zone, from.as.i, e->span_n, e->unit);
        int64_t count = 0;
        for (uint32_t j = 0; j < g->n; j++) {
            st_value t = st_o_time(g->s, e->rows.table, row_of(g, j));
            count += !t.missing && t.as.i >= from.as.i && (to == ST_NO_TIME || t.as.i < to);
        }
        most = ST_MAX(most, count);
    }
    return most;
}

/* Part of the whole: of the rows, or of a sum over them. */
static st_value share(const group *g)
{
    const st_expr *value = g->e->args[0], *part = g->e->args[1];
    wide_sum above = {0, 0}, below = {0, 0};
    uint32_t counted = 0;
    unsigned scale = 0;
    for (uint32_t i = 0; i < g->n; i++) {
        st_scope at = st_o_at_row(g->s, row_of(g, i));
        st_i128 x = 1;
        if (value) {
            st_value v = st_o_eval(&at, value);
            if (v.missing) continue;
            st_o_read_exact(&v, &x, &scale);
        }
        counted++;
        add(&below, x);
        if (st_o_true(&at, part)) add(&above, x);
    }
    st_i128 a, b;
    if (counted == 0) return st_o_missing(g->e->type);
    if (!total(&above, &a) || !total(&below, &b)) return overflow(g);
    return quotient(g, a, scale, b, scale);
}

static st_value of_values(const group *g)
{
    st_oracle *o = g->s->o;
    uint32_t base = o->values.n, n = push_values(g), times;
    st_value *v = o->values.p + base, out = st_o_missing(g->e->type);
    switch ((st_agg_kind)g->e->kind) {
    case ST_AGG_SUM:
    case ST_AGG_AVG: out = sum_or_avg(g, v, n); break;
    case ST_AGG_MIN:
    case ST_AGG_MAX: out = extreme(g, v, n); break;
    case ST_AGG_MEDIAN: out = median(g, v, n); break;
    case ST_AGG_DISTINCT: out = st_o_int(g->e->type, distinct(v, n)); break;
    case ST_AGG_MOST_COMMON: {
        const st_value *best = most_common(v, n, &times);
        if (best) out = *best;
        break;
    }
    case ST_AGG_REPEATS:
        most_common(v, n, &times);
        out = st_o_int(g->e->type, times);
        break;
    default: ST_UNREACHABLE();
    }
    o->values.n = base;
    return out;
}

st_value st_o_aggregate(const st_scope *s, const st_expr *e)
{
    st_oracle *o = s->o;
    group g = {s, e, o->rows.n, 0};
    g.n = st_o_push_rows(s, &e->rows);
    st_value out;
    switch ((st_agg_kind)e->kind) {
    case ST_AGG_COUNT: out = st_o_int(e->type, e->span_n > 0 ? fullest_span(&g) : g.n); break;
    case ST_AGG_ANY: out = st_o_bool(e->type, g.n > 0); break;
    case ST_AGG_NO: out = st_o_bool(e->type, g.n == 0); break;
    case ST_AGG_FIRST:
    case ST_AGG_LAST: out = first_or_last(&g); break;
    case ST_AGG_SHARE: out = share(&g); break;
    default: out = of_values(&g); break;
    }
    o->rows.n = g.rows;
    return out;
}
