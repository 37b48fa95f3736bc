/* One expression for one row. */
#include "oracle/parts.h"

#include "base/geo.h"
#include "base/text.h"

#include <math.h>
#include <stdlib.h>

/* ---- values ---- */

st_value st_o_missing(st_type type)
{
    return (st_value){.type = type, .missing = true};
}

st_value st_o_bool(st_type type, bool b)
{
    return (st_value){.type = type, .as.b = b};
}

st_value st_o_int(st_type type, int64_t i)
{
    return (st_value){.type = type, .as.i = i};
}

static st_value text_value(st_type type, st_str s)
{
    return (st_value){.type = type, .as.s = s};
}

static st_value overflow(st_oracle *o, st_type type)
{
    o->faults.overflows++;
    return st_o_missing(type);
}

static st_value float_value(st_oracle *o, st_type type, double f)
{
    if (isnan(f) || isinf(f)) return overflow(o, type);
    return (st_value){.type = type, .as.f = f};
}

bool st_o_read_exact(const st_value *v, st_i128 *n, unsigned *scale)
{
    switch (v->type.base) {
    case ST_T_INT: *n = v->as.i, *scale = 0; return true;
    case ST_T_DECIMAL:
    case ST_T_DISTANCE: *n = v->as.d, *scale = v->type.scale; return true;
    default: return false;
    }
}

double st_o_double(const st_value *v)
{
    st_i128 n;
    unsigned scale;
    return st_o_read_exact(v, &n, &scale) ? st_dec_to_double(n, scale) : v->as.f;
}

st_value st_o_exact(st_oracle *o, st_type type, st_i128 v, unsigned scale)
{
    if (type.base == ST_T_FLOAT) return float_value(o, type, st_dec_to_double(v, scale));
    if (!st_dec_rescale(v, scale, type.base == ST_T_INT ? 0 : type.scale, &v)) return overflow(o, type);
    bool short_one = type.base == ST_T_INT || type.digits <= 18; /* held in 64 bits everywhere */
    if (short_one && (v < INT64_MIN || v > INT64_MAX)) return overflow(o, type);
    return type.base == ST_T_INT ? st_o_int(type, (int64_t)v) : (st_value){.type = type, .as.d = v};
}

/* The same value in another type of its kind. */
static st_value as_type(st_oracle *o, st_type type, st_value v)
{
    st_i128 n;
    unsigned scale;
    if (v.missing) return st_o_missing(type);
    if (st_o_read_exact(&v, &n, &scale)) return st_o_exact(o, type, n, scale);
    v.type = type;
    return v;
}

static int compare_doubles(double a, double b)
{
    return (a > b) - (a < b);
}

int st_oracle_compare(const st_value *a, const st_value *b)
{
    st_i128 x, y;
    unsigned sx, sy;
    bool ex = st_o_read_exact(a, &x, &sx), ey = st_o_read_exact(b, &y, &sy);
    if (ex && ey) return st_dec_cmp(x, sx, y, sy);
    if (ex || ey || a->type.base == ST_T_FLOAT) return compare_doubles(st_o_double(a), st_o_double(b));
    switch (a->type.base) {
    case ST_T_BOOL: return (int)a->as.b - (int)b->as.b;
    case ST_T_STRING: return st_str_cmp(a->as.s, b->as.s);
    default: return (a->as.i > b->as.i) - (a->as.i < b->as.i);
    }
}

static int compare_for_sort(const void *a, const void *b)
{
    return st_oracle_compare(a, b);
}

void st_o_sort(st_value *values, uint64_t n)
{
    if (n) qsort(values, n, sizeof *values, compare_for_sort);
}

uint64_t st_o_count_less(const st_value *sorted, uint64_t n, const st_value *v)
{
    uint64_t low = 0, high = n;
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        if (st_oracle_compare(&sorted[mid], v) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

uint64_t st_o_count_at_most(const st_value *sorted, uint64_t n, const st_value *v)
{
    uint64_t low = 0, high = n;
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        if (st_oracle_compare(&sorted[mid], v) <= 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

st_scope st_o_at_row(const st_scope *s, int64_t row)
{
    st_scope at = *s;
    at.row = row;
    return at;
}

bool st_o_true(const st_scope *s, const st_expr *e)
{
    st_value v = st_o_eval(s, e);
    return !v.missing && v.as.b;
}

/* ---- columns and lists ---- */

/* Element i of a column's data. */
st_value st_o_element(const st_column *c, uint64_t i)
{
    st_value v = {.type = c->decl->type};
    v.type.list = false;
    switch (c->phys) {
    case ST_BIT: v.as.b = st_bit(c->data, i); break;
    case ST_I32: v.as.i = st_column_i64(c, i); break;
    case ST_I64:
        if (v.type.base == ST_T_DECIMAL)
            v.as.d = st_column_i64(c, i);
        else
            v.as.i = st_column_i64(c, i);
        break;
    case ST_I128: v.as.d = ((const st_i128 *)c->data)[i]; break;
    case ST_F64: {
        double f = ((const double *)c->data)[i];
        if (isnan(f) || isinf(f)) return st_o_missing(v.type);
        v.as.f = f;
        break;
    }
    case ST_CODE: v.as.s = st_column_text(c, i); break;
    }
    return v;
}

static const st_column *column_of(const st_oracle *o, const st_table *table, const st_col *col)
{
    const st_column *c = &o->data->tables[table->index].columns[col->index];
    if (!c->decl)
        st_fail(st_arena_env(o->arena), STRATA_INTERNAL, "%s.%s was not read", table->name, col->name);
    return c;
}

st_value st_o_column(const st_oracle *o, const st_table *table, const st_col *col, int64_t row)
{
    const st_column *c = column_of(o, table, col);
    if (c->known && !st_bit(c->known, (uint64_t)row)) return st_o_missing(col->type);
    if (c->list) return (st_value){.type = col->type};
    return st_o_element(c, (uint64_t)row);
}

/* The row that a LINK goes to, or ST_NO_ROW. */
static int64_t linked_row(const st_scope *s, const st_expr *e)
{
    int64_t row = s->o->data->tables[e->at->index].links[e->col->index][s->row];
    return row == ST_NO_ROW || !st_o_exists(s->o, e->col->links_to, row) ? ST_NO_ROW : row;
}

/* HAS: the list may be read through links, steps and definitions, and folded. */
static st_value list_has(const st_scope *s, const st_expr *list, const st_value *wanted, st_type type,
                         bool fold)
{
    st_oracle *o = s->o;
    switch (list->op) {
    case ST_X_COLUMN: {
        const st_column *c = column_of(o, list->at, list->col);
        if (c->known && !st_bit(c->known, (uint64_t)s->row)) return st_o_missing(type);
        for (int64_t i = c->list[s->row]; i < c->list[s->row + 1]; i++) {
            st_value v = st_o_element(c, (uint64_t)i);
            if (v.missing) continue;
            if (fold) v.as.s = st_text_lower(o->arena, v.as.s);
            if (st_oracle_compare(&v, wanted) == 0) return st_o_bool(type, true);
        }
        return st_o_bool(type, false);
    }
    case ST_X_LINK: {
        st_scope at = st_o_at_row(s, linked_row(s, list));
        return at.row == ST_NO_ROW ? st_o_missing(type) : list_has(&at, list->args[0], wanted, type, fold);
    }
    case ST_X_STEP_ROW: {
        st_scope at = st_o_at_row(s, s->chosen[list->kind]);
        return list_has(&at, list->args[0], wanted, type, fold);
    }
    case ST_X_LOWER: return list_has(s, list->args[0], wanted, type, true);
    case ST_X_DEF: return list_has(s, list->def->expr, wanted, type, fold);
    default:
        st_fail(st_arena_env(o->arena), STRATA_INTERNAL, "a list cannot be computed by %s",
                st_op_names[list->op]);
    }
}

/* ---- logic ---- */

static st_value logic(const st_scope *s, const st_expr *e, bool deciding)
{
    bool unknown = false;
    for (uint32_t i = 0; i < e->n; i++) {
        st_value v = st_o_eval(s, e->args[i]);
        if (!v.missing && v.as.b == deciding) return st_o_bool(e->type, deciding);
        unknown = unknown || v.missing;
    }
    return unknown ? st_o_missing(e->type) : st_o_bool(e->type, !deciding);
}

static st_value at_least(const st_scope *s, const st_expr *e)
{
    uint32_t yes = 0, unknown = 0;
    for (uint32_t i = 0; i < e->n; i++) {
        st_value v = st_o_eval(s, e->args[i]);
        yes += !v.missing && v.as.b;
        unknown += v.missing;
    }
    if (yes >= e->kind) return st_o_bool(e->type, true);
    return yes + unknown < e->kind ? st_o_bool(e->type, false) : st_o_missing(e->type);
}

/* How many times logistic was applied to what e is read from. */
static uint32_t logistics(const st_expr *e)
{
    switch (e->op) {
    case ST_X_LOGISTIC: return 1 + logistics(e->args[0]);
    case ST_X_LINK:
    case ST_X_STEP_ROW:
    case ST_X_AS_OF: return logistics(e->args[0]);
    case ST_X_DEF: return e->def->expr ? logistics(e->def->expr) : 0;
    default: return 0;
    }
}

/* The value of e with the outer n logistics taken off. */
static st_value below(const st_scope *s, const st_expr *e, uint32_t n)
{
    st_scope at = *s;
    if (n == 0) return st_o_eval(s, e);
    switch (e->op) {
    case ST_X_LOGISTIC: return below(s, e->args[0], n - 1);
    case ST_X_LINK: at.row = linked_row(s, e); break;
    case ST_X_STEP_ROW: at.row = s->chosen[e->kind]; break;
    case ST_X_AS_OF: at.m = st_o_as_of_moment(s, e); break;
    default: at.chosen = NULL; return below(&at, e->def->expr, n);
    }
    return at.row == ST_NO_ROW || !at.m ? st_o_missing(e->type) : below(&at, e->args[0], n);
}

st_value st_o_rank_key(const st_scope *s, const st_expr *e)
{
    return below(s, e, logistics(e));
}

static st_value comparison(const st_scope *s, const st_expr *e)
{
    const st_expr *left = e->args[0], *right = e->args[1];
    uint32_t x = logistics(left), y = logistics(right), both = ST_MIN(x, y);
    st_value a = below(s, left, both), b = below(s, right, both);
    if (a.missing || b.missing) return st_o_missing(e->type);
    int order = st_oracle_compare(&a, &b);
    switch (e->op) {
    case ST_X_EQ: return st_o_bool(e->type, order == 0);
    case ST_X_NE: return st_o_bool(e->type, order != 0);
    case ST_X_LT: return st_o_bool(e->type, order < 0);
    case ST_X_LE: return st_o_bool(e->type, order <= 0);
    case ST_X_GT: return st_o_bool(e->type, order > 0);
    default: return st_o_bool(e->type, order >= 0);
    }
}

enum { LONG_LIST = 32 }; /* worth to be sorted */

/* The constants of IN, ascending. */
static const st_ranking *set_of(st_oracle *o, const st_expr *e)
{
    for (uint32_t i = 0; i < o->sets.n; i++)
        if (o->sets.p[i].expr == e) return &o->sets.p[i];
    st_ranking *set = st_push(o->arena, &o->sets);
    *set = (st_ranking){e, 0, st_new_n(o->arena, st_value, e->n)};
    for (uint32_t i = 1; i < e->n; i++)
        if (!e->args[i]->value.missing) set->values[set->n++] = e->args[i]->value;
    st_o_sort(set->values, set->n);
    return set;
}

static st_value in_list(const st_scope *s, const st_expr *e)
{
    st_value v = st_o_eval(s, e->args[0]);
    if (v.missing) return st_o_missing(e->type);
    if (e->n > LONG_LIST) {
        const st_ranking *set = set_of(s->o, e);
        uint64_t at = st_o_count_less(set->values, set->n, &v);
        return st_o_bool(e->type, at < set->n && st_oracle_compare(&set->values[at], &v) == 0);
    }
    for (uint32_t i = 1; i < e->n; i++) {
        st_value x = st_o_eval(s, e->args[i]);
        if (!x.missing && st_oracle_compare(&v, &x) == 0) return st_o_bool(e->type, true);
    }
    return st_o_bool(e->type, false);
}

static bool on_list(const st_scope *s, const st_expr *e)
{
    const st_list *list = e->def->list;
    st_value key = st_o_column(s->o, e->at, e->at->key, s->row);
    uint32_t low = 0, high = list->n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        int order = list->ints ? (list->ints[mid] > key.as.i) - (list->ints[mid] < key.as.i)
                               : st_str_cmp(list->texts[mid], key.as.s);
        if (order == 0) return true;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

/* ---- numbers ---- */

static st_value float_arithmetic(st_oracle *o, const st_expr *e, double a, double b)
{
    if (e->op == ST_X_DIV && b == 0) {
        o->faults.divisions++;
        return st_o_missing(e->type);
    }
    switch (e->op) {
    case ST_X_ADD: return float_value(o, e->type, a + b);
    case ST_X_SUB: return float_value(o, e->type, a - b);
    case ST_X_MUL: return float_value(o, e->type, a * b);
    default: return float_value(o, e->type, a / b);
    }
}

static st_value arithmetic(const st_scope *s, const st_expr *e)
{
    st_oracle *o = s->o;
    st_value a = st_o_eval(s, e->args[0]), b = st_o_eval(s, e->args[1]);
    if (a.missing || b.missing) return st_o_missing(e->type);
    st_i128 x, y, out = 0;
    unsigned sx, sy, scale = 0;
    bool ex = st_o_read_exact(&a, &x, &sx), ey = st_o_read_exact(&b, &y, &sy), fits = false;
    if (!ex || !ey) return float_arithmetic(o, e, st_o_double(&a), st_o_double(&b));
    switch (e->op) {
    case ST_X_ADD: fits = st_dec_add(x, sx, y, sy, &out), scale = ST_MAX(sx, sy); break;
    case ST_X_SUB: fits = st_dec_sub(x, sx, y, sy, &out), scale = ST_MAX(sx, sy); break;
    case ST_X_MUL: fits = st_dec_mul(x, y, &out), scale = sx + sy; break;
    default:
        if (y == 0) {
            o->faults.divisions++;
            return st_o_missing(e->type);
        }
        fits = st_dec_div(x, sx, y, sy, &out), scale = ST_QUOTIENT_SCALE;
        break;
    }
    return fits ? st_o_exact(o, e->type, out, scale) : overflow(o, e->type);
}

/* Operations on one number. */
static st_value on_number(const st_scope *s, const st_expr *e)
{
    st_oracle *o = s->o;
    st_value a = st_o_eval(s, e->args[0]);
    if (a.missing) return st_o_missing(e->type);
    st_i128 x;
    unsigned scale;
    if (!st_o_read_exact(&a, &x, &scale)) {
        double f = a.as.f;
        switch (e->op) {
        case ST_X_NEG: return float_value(o, e->type, -f);
        case ST_X_ABS: return float_value(o, e->type, fabs(f));
        case ST_X_ROUND: return float_value(o, e->type, round(f));
        case ST_X_FLOOR: return float_value(o, e->type, floor(f));
        case ST_X_CEIL: return float_value(o, e->type, ceil(f));
        default: return float_value(o, e->type, f);
        }
    }
    switch (e->op) {
    case ST_X_NEG: return st_o_exact(o, e->type, -x, scale);
    case ST_X_ABS: return st_o_exact(o, e->type, x < 0 ? -x : x, scale);
    case ST_X_FLOOR: return st_o_exact(o, e->type, st_dec_floor(x, scale), 0);
    case ST_X_CEIL: return st_o_exact(o, e->type, st_dec_ceil(x, scale), 0);
    default: return st_o_exact(o, e->type, x, scale); /* ROUND, RESCALE, TO_FLOAT: the type says it all */
    }
}

static st_value logistic(const st_scope *s, const st_expr *e)
{
    st_value a = st_o_eval(s, e->args[0]);
    return a.missing ? st_o_missing(e->type) : float_value(s->o, e->type, 1 / (1 + exp(-st_o_double(&a))));
}

static st_value smallest_or_largest(const st_scope *s, const st_expr *e)
{
    st_value best = st_o_eval(s, e->args[0]);
    bool missing = best.missing;
    for (uint32_t i = 1; i < e->n; i++) {
        st_value v = st_o_eval(s, e->args[i]);
        missing = missing || v.missing;
        if (missing) continue;
        int order = st_oracle_compare(&v, &best);
        if (e->op == ST_X_MIN ? order < 0 : order > 0) best = v;
    }
    return missing ? st_o_missing(e->type) : as_type(s->o, e->type, best);
}

static st_value lookup(const st_scope *s, const st_expr *e)
{
    st_value i = st_o_eval(s, e->args[0]);
    if (i.missing) return st_o_missing(e->type);
    int64_t last = (int64_t)e->n - 2, at = i.as.i < 0 ? 0 : ST_MIN(i.as.i, last);
    return st_o_eval(s, e->args[1 + at]);
}

bool st_o_degrees(const st_scope *s, const st_expr *lat, const st_expr *lon, double out[2])
{
    st_value up = st_o_eval(s, lat), east = st_o_eval(s, lon);
    if (up.missing || east.missing) return false;
    out[0] = up.as.f;
    out[1] = east.as.f;
    return st_is_place(out[0], out[1]);
}

static st_value distance(const st_scope *s, const st_expr *e)
{
    double from[2], to[2];
    if (!st_o_degrees(s, e->args[0], e->args[1], from) || !st_o_degrees(s, e->args[2], e->args[3], to))
        return st_o_missing(e->type);
    return (st_value){.type = e->type, .as.d = st_metres_between(from[0], from[1], to[0], to[1])};
}

/* ---- text ---- */

static st_pattern *pattern_of(st_oracle *o, const st_expr *e)
{
    for (uint32_t i = 0; i < o->patterns.n; i++)
        if (o->patterns.p[i].expr == e) return o->patterns.p[i].pattern;
    st_pattern *p = st_pattern_new(o->arena, e->value.as.s);
    *st_push(o->arena, &o->patterns) = (st_oracle_pattern){e, p};
    return p;
}

static st_value text_test(const st_scope *s, const st_expr *e)
{
    st_value a = st_o_eval(s, e->args[0]);
    if (e->op == ST_X_MATCHES)
        return a.missing ? st_o_missing(e->type)
                         : st_o_bool(e->type, st_pattern_found(pattern_of(s->o, e), a.as.s));
    st_value b = st_o_eval(s, e->args[1]);
    if (a.missing || b.missing) return st_o_missing(e->type);
    switch (e->op) {
    case ST_X_STARTS_WITH: return st_o_bool(e->type, st_text_starts(a.as.s, b.as.s));
    case ST_X_ENDS_WITH: return st_o_bool(e->type, st_text_ends(a.as.s, b.as.s));
    default: return st_o_bool(e->type, st_text_contains(a.as.s, b.as.s));
    }
}

static st_value on_text(const st_scope *s, const st_expr *e)
{
    st_arena *a = s->o->arena;
    st_value v = st_o_eval(s, e->args[0]);
    if (v.missing) return st_o_missing(e->type);
    switch (e->op) {
    case ST_X_LOWER: return text_value(e->type, st_text_lower(a, v.as.s));
    case ST_X_UPPER: return text_value(e->type, st_text_upper(a, v.as.s));
    case ST_X_TRIM: return text_value(e->type, st_text_trim(v.as.s));
    case ST_X_LENGTH: return st_o_int(e->type, (int64_t)st_utf8_length(v.as.s));
    default: {
        st_str domain = st_text_domain(a, v.as.s);
        return domain.p ? text_value(e->type, domain) : st_o_missing(e->type);
    }
    }
}

/* ---- times ---- */

static st_value time_value(st_type type, int64_t t)
{
    return t == ST_NO_TIME ? st_o_missing(type) : st_o_int(type, t);
}

static st_value on_time(const st_scope *s, const st_expr *e)
{
    const st_zone *zone = s->o->program->zone;
    st_value a = st_o_eval(s, e->args[0]);
    if (a.missing) return st_o_missing(e->type);
    bool date = a.type.base == ST_T_DATE;
    switch (e->op) {
    case ST_X_TO_DATE: return time_value(e->type, st_day_of_instant(zone, a.as.i));
    case ST_X_TO_INSTANT: return time_value(e->type, st_start_of_day(zone, a.as.i));
    case ST_X_TRUNC: return time_value(e->type, st_date_trunc(a.as.i, e->unit));
    default:
        return st_o_int(e->type,
                        date ? st_date_part(a.as.i, e->part) : st_instant_part(zone, a.as.i, e->part));
    }
}

static st_value two_times(const st_scope *s, const st_expr *e)
{
    const st_zone *zone = s->o->program->zone;
    st_value a = st_o_eval(s, e->args[0]), b = st_o_eval(s, e->args[1]);
    if (a.missing || b.missing) return st_o_missing(e->type);
    bool date = a.type.base == ST_T_DATE;
    if (e->op == ST_X_SHIFT)
        return time_value(e->type, date ? st_date_add(a.as.i, b.as.i, e->unit)
                                        : st_instant_add(zone, a.as.i, b.as.i, e->unit));
    return time_value(e->type, date ? st_dates_between(a.as.i, b.as.i, e->unit)
                                    : st_instants_between(zone, a.as.i, b.as.i, e->unit));
}

static st_value anniversary(const st_scope *s, const st_expr *e)
{
    st_value day = st_o_eval(s, e->args[0]), low = st_o_eval(s, e->args[1]), high = st_o_eval(s, e->args[2]);
    if (day.missing || low.missing || high.missing) return st_o_missing(e->type);
    for (int32_t k = 1; k < 10000; k++) {
        int64_t t = st_anniversary(day.as.i, k);
        if (t == ST_NO_TIME || t >= high.as.i) break;
        if (t >= low.as.i) return st_o_bool(e->type, true);
    }
    return st_o_bool(e->type, false);
}

st_moment *st_o_as_of_moment(const st_scope *s, const st_expr *e)
{
    st_oracle *o = s->o;
    st_value t = st_o_eval(s, e->args[1]);
    if (t.missing) return NULL;
    if (t.as.i > s->m->now)
        st_fail(st_arena_env(o->arena), STRATA_BAD_INPUT,
                "a rule asks as of an instant later than the one in force");
    return st_o_moment(o, t.as.i);
}

uint64_t st_o_draw(const st_scope *s, const st_expr *e)
{
    char digits[24];
    st_str key = st_row_key(&s->o->data->tables[e->at->index], (uint64_t)s->row, digits);
    return st_draw(e->hash, e->value.as.s, key);
}

static st_value sample(const st_scope *s, const st_expr *e)
{
    uint64_t h = st_o_draw(s, e);
    bool above = h >= st_draw_threshold(e->hash, e->low_share, e->amount_scale);
    return st_o_bool(e->type,
                     above && h < st_draw_threshold(e->hash, e->low_share + e->amount, e->amount_scale));
}

/* ---- the whole ---- */

st_value st_o_eval(const st_scope *s, const st_expr *e)
{
    switch (e->op) {
    case ST_X_CONST: return e->value;
    case ST_X_COLUMN: return st_o_column(s->o, e->at, e->col, s->row);
    case ST_X_LINK: {
        st_scope at = st_o_at_row(s, linked_row(s, e));
        return at.row == ST_NO_ROW ? st_o_missing(e->type) : st_o_eval(&at, e->args[0]);
    }
    case ST_X_STEP_ROW: {
        st_scope at = st_o_at_row(s, s->chosen[e->kind]);
        return st_o_eval(&at, e->args[0]);
    }
    case ST_X_DEF: return st_o_def(s, e->def);
    case ST_X_RFM_FIELD: return st_o_rfm_field(s, e->def, (st_rfm_field)e->kind, e->type);
    case ST_X_NOW: return st_o_int(e->type, s->m->now);
    case ST_X_NOT: {
        st_value v = st_o_eval(s, e->args[0]);
        return v.missing ? v : st_o_bool(e->type, !v.as.b);
    }
    case ST_X_AND: return logic(s, e, false);
    case ST_X_OR: return logic(s, e, true);
    case ST_X_AT_LEAST: return at_least(s, e);
    case ST_X_EQ:
    case ST_X_NE:
    case ST_X_LT:
    case ST_X_LE:
    case ST_X_GT:
    case ST_X_GE: return comparison(s, e);
    case ST_X_IN: return in_list(s, e);
    case ST_X_STARTS_WITH:
    case ST_X_ENDS_WITH:
    case ST_X_CONTAINS:
    case ST_X_MATCHES: return text_test(s, e);
    case ST_X_HAS: {
        st_value wanted = st_o_eval(s, e->args[1]);
        return wanted.missing ? st_o_missing(e->type) : list_has(s, e->args[0], &wanted, e->type, false);
    }
    case ST_X_ON_LIST: return st_o_bool(e->type, on_list(s, e));
    case ST_X_IS_MISSING: return st_o_bool(e->type, st_o_eval(s, e->args[0]).missing);
    case ST_X_CHOICE: return st_o_eval(s, e->args[st_o_true(s, e->args[0]) ? 1 : 2]);
    case ST_X_LOOKUP: return lookup(s, e);
    case ST_X_IF_MISSING: {
        st_value v = st_o_eval(s, e->args[0]);
        return as_type(s->o, e->type, v.missing ? st_o_eval(s, e->args[1]) : v);
    }
    case ST_X_ADD:
    case ST_X_SUB:
    case ST_X_MUL:
    case ST_X_DIV: return arithmetic(s, e);
    case ST_X_NEG:
    case ST_X_TO_FLOAT:
    case ST_X_RESCALE:
    case ST_X_ABS:
    case ST_X_ROUND:
    case ST_X_FLOOR:
    case ST_X_CEIL: return on_number(s, e);
    case ST_X_MIN:
    case ST_X_MAX: return smallest_or_largest(s, e);
    case ST_X_LOGISTIC: return logistic(s, e);
    case ST_X_LOWER:
    case ST_X_UPPER:
    case ST_X_TRIM:
    case ST_X_DOMAIN:
    case ST_X_LENGTH: return on_text(s, e);
    case ST_X_TO_DATE:
    case ST_X_TO_INSTANT:
    case ST_X_TRUNC:
    case ST_X_PART: return on_time(s, e);
    case ST_X_SHIFT:
    case ST_X_BETWEEN_TIMES: return two_times(s, e);
    case ST_X_ANNIVERSARY: return anniversary(s, e);
    case ST_X_AGGREGATE: return st_o_aggregate(s, e);
    case ST_X_SEQUENCE: return st_o_bool(e->type, st_o_sequence(s, e));
    case ST_X_IN_TOP:
    case ST_X_IN_BOTTOM: return st_o_ranked(s, e);
    case ST_X_DISTANCE: return distance(s, e);
    case ST_X_NEAREST: return st_o_nearest(s, e);
    case ST_X_SAMPLE: return sample(s, e);
    case ST_X_STRATUM: return st_o_stratum(s, e);
    case ST_X_AS_OF: {
        st_scope then = *s;
        then.m = st_o_as_of_moment(s, e);
        return then.m ? st_o_eval(&then, e->args[0]) : st_o_missing(e->type);
    }
    case ST_X_COUNT: break;
    }
    st_fail(st_arena_env(s->o->arena), STRATA_INTERNAL, "unknown operation %d", (int)e->op);
}
