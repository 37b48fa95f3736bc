/* Definitions: what they give a row, remembered by instant; ranks in a population, tiers and rfm. */
#include "oracle/parts.h"

#include <stdlib.h>

st_oracle *st_oracle_new(st_arena *a, const st_program *program, const st_data *data, int64_t as_of)
{
    st_oracle *o = st_new(a, st_oracle);
    o->arena = a;
    o->program = program;
    o->data = data;
    o->exists = st_new_n(a, uint8_t *, program->ntables + 1);
    o->start = st_o_moment(o, as_of);
    return o;
}

st_moment *st_o_moment(st_oracle *o, int64_t now)
{
    for (uint32_t i = 0; i < o->moments.n; i++)
        if (o->moments.p[i]->now == now) return o->moments.p[i];
    st_moment *m = st_new(o->arena, st_moment);
    m->now = now;
    m->checked = st_new_n(o->arena, bool, o->program->ndefs + 1);
    m->values = st_new_n(o->arena, st_value *, o->program->ndefs + 1);
    m->known = st_new_n(o->arena, uint8_t *, o->program->ndefs + 1);
    m->rfm = st_new_n(o->arena, st_rfm_row *, o->program->ndefs + 1);
    *st_push(o->arena, &o->moments) = m;
    return m;
}

static st_scope run_scope(st_oracle *o, uint64_t row)
{
    return (st_scope){o, o->start, (int64_t)row, NULL};
}

bool st_oracle_present(st_oracle *o, const st_table *table, uint64_t row)
{
    st_scope s = run_scope(o, row);
    return st_o_present(&s, table, (int64_t)row);
}

st_value st_oracle_def(st_oracle *o, const st_def *def, uint64_t row)
{
    st_scope s = run_scope(o, row);
    return st_o_def(&s, def);
}

st_value st_oracle_eval(st_oracle *o, const st_expr *e, uint64_t row)
{
    st_scope s = run_scope(o, row);
    return st_o_eval(&s, e);
}

st_oracle_faults st_oracle_fault_counts(const st_oracle *o)
{
    return o->faults;
}

/* ---- ranks ---- */

/* Members of a population: rows that exist and have begun and, where given, are in a segment. */
static bool member(const st_scope *s, const st_table *table, const st_def *among)
{
    if (!st_o_present(s, table, s->row)) return false;
    return !among || st_o_def(s, among).as.b;
}

static const st_ranking *ranking_of(const st_scope *s, const st_expr *e)
{
    st_oracle *o = s->o;
    for (uint32_t i = 0; i < s->m->rankings.n; i++)
        if (s->m->rankings.p[i].expr == e) return &s->m->rankings.p[i];
    st_ranking r = {.expr = e};
    uint64_t rows = st_o_row_count(o, e->at);
    r.values = st_new_n(o->arena, st_value, rows + 1);
    for (uint64_t row = 0; row < rows; row++) {
        st_scope at = {o, s->m, (int64_t)row, NULL};
        if (!member(&at, e->at, e->def)) continue;
        st_value v = st_o_rank_key(&at, e->args[0]);
        if (!v.missing) r.values[r.n++] = v;
    }
    st_o_sort(r.values, r.n);
    st_ranking *kept = st_push(o->arena, &s->m->rankings);
    *kept = r;
    return kept;
}

/* ceil(share * n), exactly. */
static st_i128 share_of(st_i128 share, unsigned scale, uint64_t n)
{
    return st_dec_ceil(share * (st_i128)n, scale);
}

st_value st_o_ranked(const st_scope *s, const st_expr *e)
{
    if (!member(s, e->at, e->def)) return st_o_bool(e->type, false);
    st_value v = st_o_rank_key(s, e->args[0]);
    if (v.missing) return st_o_missing(e->type);
    const st_ranking *r = ranking_of(s, e);
    st_i128 k = e->amount_is_share ? share_of(e->amount, e->amount_scale, r->n) : e->amount;
    uint64_t better = e->op == ST_X_IN_TOP ? r->n - st_o_count_at_most(r->values, r->n, &v)
                                           : st_o_count_less(r->values, r->n, &v);
    return st_o_bool(e->type, (st_i128)better < k);
}

/* ---- strata ---- */

/* A member of what is dealt by strata. */
typedef struct drawn {
    int64_t row;
    const st_expr *expr;
    st_value *strata;
    uint64_t h;
    st_value key;
} drawn;

static int compare_strata(const drawn *x, const drawn *y)
{
    for (uint32_t i = 0; i < x->expr->kind; i++) {
        const st_value *a = &x->strata[i], *b = &y->strata[i];
        int order = a->missing || b->missing ? b->missing - a->missing : st_oracle_compare(a, b);
        if (order) return order;
    }
    return 0;
}

static int by_stratum_then_draw(const void *a, const void *b)
{
    const drawn *x = a, *y = b;
    int order = compare_strata(x, y);
    if (order) return order;
    if (x->h != y->h) return x->h < y->h ? -1 : 1;
    return st_oracle_compare(&x->key, &y->key);
}

/* floor(share * n + 1/2): the half is added in units of 1 / (2 * 10^scale). */
static st_i128 end_of(const st_expr *share, uint64_t n)
{
    st_i128 unit = 2 * st_pow10(share->value.type.scale);
    return (2 * share->value.as.d * (st_i128)n + unit / 2) / unit;
}

static void deal(const st_expr *e, const drawn *stratum, uint64_t n, int64_t *range)
{
    uint32_t nends = e->n - e->kind;
    for (uint64_t place = 0; place < n; place++)
        for (uint32_t i = nends; i-- > 0;)
            if ((st_i128)place < end_of(e->args[e->kind + i], n)) range[stratum[place].row] = i;
}

static const int64_t *ranges_of(const st_scope *s, const st_expr *e)
{
    st_oracle *o = s->o;
    for (uint32_t i = 0; i < s->m->dealt.n; i++)
        if (s->m->dealt.p[i].expr == e) return s->m->dealt.p[i].range;
    uint64_t rows = st_o_row_count(o, e->at), n = 0;
    drawn *all = st_new_n(o->arena, drawn, rows + 1);
    int64_t *range = st_new_n(o->arena, int64_t, rows + 1);
    for (uint64_t row = 0; row < rows; row++) {
        st_scope at = {o, s->m, (int64_t)row, NULL};
        range[row] = -1;
        if (!st_o_def(&at, e->def).as.b) continue;
        drawn *d = &all[n++];
        *d = (drawn){(int64_t)row, e, st_new_n(o->arena, st_value, e->kind + 1), st_o_draw(&at, e),
                     st_o_column(o, e->at, e->at->key, (int64_t)row)};
        for (uint32_t i = 0; i < e->kind; i++) d->strata[i] = st_o_eval(&at, e->args[i]);
    }
    if (n) qsort(all, n, sizeof *all, by_stratum_then_draw);
    for (uint64_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && compare_strata(&all[from], &all[to]) == 0;) to++;
        deal(e, all + from, to - from, range);
    }
    *st_push(o->arena, &s->m->dealt) = (st_dealt){e, range};
    return range;
}

st_value st_o_stratum(const st_scope *s, const st_expr *e)
{
    int64_t range = ranges_of(s, e)[s->row];
    return range < 0 ? st_o_missing(e->type) : st_o_int(e->type, range);
}

/* ---- tiers ---- */

static st_value tier_of(const st_scope *s, const st_def *def)
{
    if (!member(s, def->of, def->among)) return st_o_missing(def->type);
    for (uint32_t i = 0; i < def->ntiers; i++) {
        const st_tier *t = &def->tiers[i];
        if (!t->when || st_o_true(s, t->when)) return st_o_int(def->type, t->label);
    }
    return st_o_missing(def->type);
}

/* ---- rfm ---- */

/* A member with what it is scored by. */
typedef struct candidate {
    int64_t row;
    st_value key; /* of the row: ntile deals equal values by it */
    st_value measure, raw;
} candidate;

typedef struct contest {
    const st_rfm_part *part;
    bool recency;
    uint64_t n;
    candidate *all;    /* those whose value is known */
    st_value *ordered; /* measures, or raw values for cut points, ascending */
} contest;

static int by_goodness_then_key(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    int order = st_oracle_compare(&x->measure, &y->measure);
    return order ? order : st_oracle_compare(&x->key, &y->key);
}

static int score_ranked(const contest *c, const candidate *x)
{
    uint64_t worse = st_o_count_less(c->ordered, c->n, &x->measure), n = c->part->scores;
    if (c->n == 1) return (int)n;
    uint64_t score = (worse * n + c->n - 2) / (c->n - 1);
    return (int)ST_MAX(score, 1);
}

static int score_cume_dist(const contest *c, const candidate *x)
{
    uint64_t not_better = st_o_count_at_most(c->ordered, c->n, &x->measure), n = c->part->scores;
    return (int)((not_better * n + c->n - 1) / c->n);
}

/* Place i of n members in order, dealt into groups of equal size, the first ones larger by one where it does not come out. */
static int score_ntile(const contest *c, uint64_t place)
{
    uint64_t groups = c->part->scores, size = c->n / groups, larger = c->n % groups;
    uint64_t in_larger = larger * (size + 1);
    return (int)(place < in_larger ? place / (size + 1) + 1 : larger + (place - in_larger) / size + 1);
}

/* v * small as 64 bits above 128. */
typedef struct wide {
    st_u128 low;
    uint64_t high;
} wide;

static wide times(st_u128 v, uint64_t small)
{
    st_u128 low = (st_u128)(uint64_t)v * small, high = (v >> 64) * small + (low >> 64);
    return (wide){high << 64 | (uint64_t)low, (uint64_t)(high >> 64)};
}

/* v >= the i-th of n cut points: 1 plus the quantile i/n of type 7, which is low + (high - low) * part/n. Multiplied out:
 * (v - low - 1) * n >= (high - low) * part. */
static bool reaches_cut(const contest *c, const st_value *v, uint64_t i)
{
    uint64_t n = c->part->scores, place = (c->n - 1) * i, part = place % n;
    const st_value *low = &c->ordered[place / n], *high = part ? low + 1 : low;
    st_i128 x, a, b;
    unsigned scale;
    if (!st_o_read_exact(v, &x, &scale)) {
        double quantile = low->as.f + (double)part / (double)n * (high->as.f - low->as.f);
        return v->as.f >= quantile + 1;
    }
    st_o_read_exact(low, &a, &scale);
    st_o_read_exact(high, &b, &scale);
    st_u128 one = (st_u128)st_pow10(scale), above = (st_u128)x - (st_u128)a;
    if (x < a || above < one) return false;
    wide left = times(above - one, n), right = times((st_u128)b - (st_u128)a, part);
    return left.high != right.high ? left.high > right.high : left.low >= right.low;
}

static int score_package(const contest *c, const candidate *x)
{
    int n = (int)c->part->scores, reached = 0;
    for (int i = 1; i < n; i++) reached += reaches_cut(c, &x->raw, (uint64_t)i);
    return c->recency ? n - reached : 1 + reached;
}

static int score_thresholds(const contest *c, const candidate *x)
{
    int score = 1;
    for (uint32_t i = 0; i < c->part->nthresholds; i++) {
        int order = st_oracle_compare(&x->raw, &c->part->thresholds[i]);
        score += c->recency ? order <= 0 : order >= 0;
    }
    return score;
}

static int score_of(const contest *c, uint64_t place)
{
    const candidate *x = &c->all[place];
    if (c->part->by_thresholds) return score_thresholds(c, x);
    switch (c->part->method) {
    case ST_RANKED: return score_ranked(c, x);
    case ST_RFM_PACKAGE: return score_package(c, x);
    case ST_NTILE: return score_ntile(c, place);
    case ST_CUME_DIST: return score_cume_dist(c, x);
    }
    ST_UNREACHABLE();
}

static void score_part(const st_scope *s, const st_def *def, int which, st_rfm_row *out)
{
    st_oracle *o = s->o;
    uint64_t rows = st_o_row_count(o, def->of);
    contest c = {.part = &def->rfm->part[which], .recency = which == 0};
    c.all = st_new_n(o->arena, candidate, rows + 1);
    c.ordered = st_new_n(o->arena, st_value, rows + 1);
    for (uint64_t row = 0; row < rows; row++) {
        if (!out[row].member) continue;
        st_scope at = st_o_at_row(s, (int64_t)row);
        candidate x = {.row = (int64_t)row, .key = st_o_column(o, def->of, def->of->key, (int64_t)row)};
        x.measure = st_o_eval(&at, c.part->measure);
        x.raw = st_o_eval(&at, c.part->raw);
        if (!x.measure.missing && !x.raw.missing) c.all[c.n++] = x;
    }
    if (c.n) qsort(c.all, c.n, sizeof *c.all, by_goodness_then_key);
    bool by_raw = !c.part->by_thresholds && c.part->method == ST_RFM_PACKAGE;
    for (uint64_t i = 0; i < c.n; i++) c.ordered[i] = by_raw ? c.all[i].raw : c.all[i].measure;
    st_o_sort(c.ordered, c.n);
    for (uint64_t i = 0; i < c.n; i++) out[c.all[i].row].score[which] = score_of(&c, i);
}

static const st_rfm_row *rfm_rows(const st_scope *s, const st_def *def)
{
    st_oracle *o = s->o;
    st_rfm_row **memo = &s->m->rfm[def->index];
    if (*memo) return *memo;
    uint64_t rows = st_o_row_count(o, def->of);
    st_rfm_row *out = st_new_n(o->arena, st_rfm_row, rows + 1);
    st_scope run = {o, s->m, 0, NULL};
    for (uint64_t row = 0; row < rows; row++) {
        st_scope at = st_o_at_row(&run, (int64_t)row);
        out[row].member = st_o_present(&at, def->of, (int64_t)row) && st_o_true(&at, def->rfm->any);
    }
    for (int which = 0; which < 3; which++)
        if (def->rfm->has[which]) score_part(&run, def, which, out);
    return *memo = out;
}

static st_value rfm_label(const st_scope *s, const st_def *def)
{
    const st_rfm_row *r = &rfm_rows(s, def)[s->row];
    uint32_t cell = 0;
    for (int which = 0; which < 3; which++) {
        if (!def->rfm->has[which]) continue;
        if (r->score[which] == 0) return st_o_missing(def->type);
        cell = cell * def->rfm->part[which].scores + (uint32_t)r->score[which] - 1;
    }
    if (!def->rfm->has_tiers || def->rfm->cells[cell] == ST_NO_LABEL) return st_o_missing(def->type);
    return st_o_int(def->type, def->rfm->cells[cell]);
}

static st_value rfm_cell(const st_scope *s, const st_def *def, const st_rfm_row *r, st_type type)
{
    char *text = st_alloc(s->o->arena, 4);
    uint32_t n = 0;
    for (int which = 0; which < 3; which++) {
        if (!def->rfm->has[which]) continue;
        if (r->score[which] == 0) return st_o_missing(type);
        text[n++] = (char)('0' + r->score[which]);
    }
    return (st_value){.type = type, .as.s = {text, n}};
}

st_value st_o_rfm_field(const st_scope *s, const st_def *def, st_rfm_field field, st_type type)
{
    const st_rfm_row *r = &rfm_rows(s, def)[s->row];
    if (!r->member) return st_o_missing(type);
    switch (field) {
    case ST_RFM_R:
    case ST_RFM_F:
    case ST_RFM_M: {
        int score = r->score[field - ST_RFM_R];
        return score ? st_o_int(type, score) : st_o_missing(type);
    }
    case ST_RFM_CELL: return rfm_cell(s, def, r, type);
    default: {
        st_scope plain = {s->o, s->m, s->row, NULL};
        return st_o_eval(&plain, def->rfm->part[field - ST_RFM_RECENCY].raw);
    }
    }
}

st_value st_oracle_rfm(st_oracle *o, const st_def *def, st_rfm_field field, uint64_t row)
{
    st_scope s = run_scope(o, row);
    st_type type = {.base = ST_T_INT};
    if (field == ST_RFM_CELL) type.base = ST_T_STRING;
    if (field >= ST_RFM_RECENCY && field <= ST_RFM_MONETARY)
        type = def->rfm->part[field - ST_RFM_RECENCY].raw->type;
    return st_o_rfm_field(&s, def, field, type);
}

/* ---- definitions ---- */

static st_value find(const st_scope *s, const st_def *def)
{
    switch (def->kind) {
    case ST_DEF_SEGMENT:
    case ST_DEF_LIST:
    case ST_DEF_HOLDOUT:
        return st_o_bool(def->type, st_o_present(s, def->of, s->row) && st_o_true(s, def->expr));
    case ST_DEF_TIERS:
    case ST_DEF_OVERLAY:
    case ST_DEF_CLUSTER:
    case ST_DEF_EXPERIMENT: return tier_of(s, def);
    case ST_DEF_RFM: return rfm_label(s, def);
    case ST_DEF_TRAIT:
    case ST_DEF_SCORE:
    case ST_DEF_POINTS: return st_o_eval(s, def->expr);
    default:
        st_fail(st_arena_env(s->o->arena), STRATA_INTERNAL, "a %s has no value",
                st_def_kind_names[def->kind]);
    }
}

st_value st_o_def(const st_scope *s, const st_def *def)
{
    st_oracle *o = s->o;
    st_moment *m = s->m;
    if (!m->values[def->index]) {
        uint64_t rows = st_o_row_count(o, def->of);
        m->values[def->index] = st_new_n(o->arena, st_value, rows + 1);
        m->known[def->index] = st_new_n(o->arena, uint8_t, rows + 1);
    }
    if (!m->known[def->index][s->row]) {
        st_scope plain = {o, m, s->row, NULL};
        m->values[def->index][s->row] = find(&plain, def);
        m->known[def->index][s->row] = 1;
    }
    return m->values[def->index][s->row];
}

/* ---- cells ---- */

static const char *part_of_cell(st_oracle *o, const st_value *v)
{
    char day[ST_TIME_TEXT];
    if (v->missing) return "missing";
    switch (v->type.base) {
    case ST_T_BOOL: return v->as.b ? "true" : "false";
    case ST_T_STRING: return st_dup(o->arena, v->as.s.p, v->as.s.n);
    case ST_T_LABEL: return v->type.labels->names[v->as.i];
    case ST_T_DATE: st_format_date(v->as.i, day); return st_dup(o->arena, day, strlen(day));
    default: return st_format(o->arena, "%lld", (long long)v->as.i);
    }
}

st_value st_oracle_cell(st_oracle *o, const st_def *overlay, uint64_t row)
{
    const st_overlay *its = overlay->overlay;
    st_type text = {.base = ST_T_STRING, .optional = true};
    if (!st_oracle_def(o, its->on, row).as.b) return st_o_missing(text);
    const char *name = its->on->name;
    for (uint32_t i = 0; i < its->ndims; i++) {
        st_value v = st_oracle_def(o, its->dims[i], row);
        name = st_format(o->arena, "%s.%s", name, part_of_cell(o, &v));
    }
    return (st_value){.type = text, .as.s = st_str_of(name)};
}
