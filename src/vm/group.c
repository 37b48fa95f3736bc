/* Questions about all rows of an entity: distinct, most common, repeats, median, the last n, the fullest span. */
#include "vm/parts.h"

struct st_group {
    st_vm *vm;
    const st_bc_step *s;
    const st_view *v;
    st_feed value;
    /* of the part in hand */
    const uint8_t *filter; /* NULL: all rows */
    const st_slot *out;
};

/* Working memory of a part: room for the values of its largest entity, twice. */
typedef struct room {
    void *values, *scratch;
} room;

static bool is_taken(const st_group *j, uint64_t row)
{
    return !j->filter || st_bit(j->filter, row);
}

/* The known values of an entity's rows, sorted; returns how many. */
static uint64_t collect(const st_group *j, const st_view_part *p, uint64_t from, uint64_t to, const room *m)
{
    uint64_t n = 0;
    const st_feed *s = &j->value;
    for (uint64_t r = from; r < to; r++) {
        if (!is_taken(j, r)) continue;
        int64_t row = st_feed_row(s, p, r);
        if (!st_feed_known(s, row)) continue;
        switch (s->type) {
        case ST_BC_I128: ((st_i128 *)m->values)[n++] = ((const st_i128 *)s->data)[row]; break;
        case ST_BC_F64:
            ((double *)m->values)[n++] = ((const double *)s->data)[row] + 0.0;
            break; /* no negative zero */
        case ST_BC_TEXT: ((uint32_t *)m->values)[n++] = st_feed_code(s, row); break;
        case ST_BC_BOOL: ((int64_t *)m->values)[n++] = st_bit(s->data, (uint64_t)row); break;
        default: ((int64_t *)m->values)[n++] = st_feed_i64(s, row); break;
        }
    }
    switch (s->type) {
    case ST_BC_I128: st_sort_i128(m->values, m->scratch, n); break;
    case ST_BC_F64: st_sort_f64(m->values, m->scratch, n); break;
    case ST_BC_TEXT: st_sort_u32(m->values, m->scratch, n); break;
    default: st_sort_i64(m->values, m->scratch, n); break;
    }
    return n;
}

static bool equal(st_bc_type type, const void *values, uint64_t a, uint64_t b)
{
    switch (type) {
    case ST_BC_I128: return ((const st_i128 *)values)[a] == ((const st_i128 *)values)[b];
    case ST_BC_F64: return ((const double *)values)[a] == ((const double *)values)[b];
    case ST_BC_TEXT: return ((const uint32_t *)values)[a] == ((const uint32_t *)values)[b];
    default: return ((const int64_t *)values)[a] == ((const int64_t *)values)[b];
    }
}

static int64_t count_distinct(const st_group *j, const room *m, uint64_t n)
{
    int64_t count = 0;
    for (uint64_t i = 0; i < n; i++) count += i == 0 || !equal(j->value.type, m->values, i - 1, i);
    return count;
}

/* Place of a most common value, of several of the smallest. Texts are sorted by code, so ties ask their bytes. */
static uint64_t most_common(const st_group *j, const room *m, uint64_t n, uint64_t *times)
{
    uint64_t best = 0;
    *times = 0;
    for (uint64_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && equal(j->value.type, m->values, from, to);) to++;
        bool wins = to - from > *times;
        if (to - from == *times && j->value.type == ST_BC_TEXT) {
            const uint32_t *codes = m->values;
            wins = st_str_cmp(st_dict_get(j->value.dict, codes[from]),
                              st_dict_get(j->value.dict, codes[best])) < 0;
        }
        if (!wins) continue;
        best = from;
        *times = to - from;
    }
    return best;
}

static void put_value(const st_group *j, const room *m, uint64_t at, uint32_t e)
{
    st_bit_set(j->out->known, e);
    switch (j->value.type) {
    case ST_BC_I128: ((st_i128 *)j->out->data)[e] = ((const st_i128 *)m->values)[at]; break;
    case ST_BC_F64: ((double *)j->out->data)[e] = ((const double *)m->values)[at]; break;
    case ST_BC_TEXT: ((uint32_t *)j->out->data)[e] = ((const uint32_t *)m->values)[at]; break;
    default: ((int64_t *)j->out->data)[e] = ((const int64_t *)m->values)[at]; break;
    }
}

static void put_median(const st_group *j, const room *m, uint64_t n, uint32_t e, st_counts *counts)
{
    if (n == 0) return;
    uint64_t a = (n - 1) / 2, b = n / 2;
    if (j->value.type == ST_BC_F64) {
        const double *v = m->values;
        double mean = n % 2 ? v[a] : (v[a] + v[b]) / 2;
        if (mean - mean == 0) {
            ((double *)j->out->data)[e] = mean;
            st_bit_set(j->out->known, e);
        } else {
            counts->overflows++;
        }
        return;
    }
    bool wide = j->value.type == ST_BC_I128;
    st_i128 x = wide ? ((const st_i128 *)m->values)[a] : ((const int64_t *)m->values)[a];
    st_i128 y = wide ? ((const st_i128 *)m->values)[b] : ((const int64_t *)m->values)[b], mean;
    unsigned scale = j->s->scale;
    bool fits = n % 2 ? st_dec_div(x, scale, 1, 0, &mean)
                      : st_dec_add(x, scale, y, scale, &x) && st_dec_div(x, scale, 2, 0, &mean);
    if (!fits) {
        counts->overflows++;
        return;
    }
    ((st_i128 *)j->out->data)[e] = mean;
    st_bit_set(j->out->known, e);
}

static void put_count(const st_group *j, uint32_t e, int64_t count)
{
    ((int64_t *)j->out->data)[e] = count;
    st_bit_set(j->out->known, e);
}

/* The rows stand in the view's order; those whose order is not known stand in front. */
static void mark_last(const st_group *j, const st_view_part *p, uint64_t from, uint64_t to)
{
    int64_t left = j->s->n;
    for (uint64_t r = to; r-- > from && left > 0;) {
        if (!is_taken(j, r)) continue;
        if (!st_feed_known(&j->value, st_feed_row(&j->value, p, r))) continue;
        st_bit_set(j->out->data, r);
        left--;
    }
}

/* Times ascend, so the end of the span that begins at a row never goes back. */
static int64_t fullest(const st_group *j, const st_view_part *p, uint64_t from, uint64_t to, int64_t *times)
{
    uint64_t n = 0, end = 0;
    int64_t most = 0;
    for (uint64_t r = from; r < to; r++) {
        int64_t row = st_feed_row(&j->value, p, r);
        if (is_taken(j, r) && st_feed_known(&j->value, row)) times[n++] = st_feed_i64(&j->value, row);
    }
    for (uint64_t i = 0; i < n; i++) {
        if (i && times[i] == times[i - 1]) continue;
        int64_t limit = st_time_limit(j->vm, j->s->dates, times[i], j->s->n, j->s->unit);
        while (end < n && (times[end] < limit || limit == INT64_MAX)) end++;
        most = ST_MAX(most, (int64_t)end - (int64_t)i);
    }
    return most;
}

static void answer(const st_group *j, const st_view_part *p, uint32_t e, const room *m, st_counts *counts)
{
    uint64_t from = st_part_row(j->v, p, e), to = st_part_row(j->v, p, e + 1), times;
    if (j->s->kind == ST_STEP_LAST_N) {
        mark_last(j, p, from, to);
        return;
    }
    if (j->s->kind == ST_STEP_SPAN) {
        put_count(j, e, fullest(j, p, from, to, m->values));
        return;
    }
    uint64_t n = collect(j, p, from, to, m);
    switch (j->s->kind) {
    case ST_STEP_DISTINCT: put_count(j, e, count_distinct(j, m, n)); break;
    case ST_STEP_MEDIAN: put_median(j, m, n, e, counts); break;
    default: {
        uint64_t best = most_common(j, m, n, &times);
        if (j->s->kind == ST_STEP_REPEATS)
            put_count(j, e, (int64_t)times);
        else if (n)
            put_value(j, m, best, e);
    }
    }
}

/* The values of a part one behind the other, without the rows that lead nowhere. */
static const uint8_t *bytes_of(const st_group *j, const st_view_part *p, st_arena *a)
{
    const uint8_t *bytes = j->value.narrow.data;
    if (!j->value.view) return bytes + p->at;
    if (p->base >= 0) return bytes + p->base;
    uint8_t *out = st_alloc_raw(a, p->n);
    j->vm->k->gather_u8(bytes, j->v->rows + p->at, p->n, out);
    return out;
}

/* A bit a row of the part that is asked for and has a value. */
static const uint64_t *taken_of(const st_group *j, const st_view_part *p, st_arena *a)
{
    const uint64_t *filter = j->filter ? (const uint64_t *)(const void *)j->filter + p->at / 64 : NULL;
    if (filter && !j->value.known) return filter;
    uint64_t *out = st_alloc_raw(a, st_bitmap_bytes(p->n + 64));
    uint64_t words = (p->n + 63) / 64;
    for (uint64_t w = 0; w < words; w++) out[w] = filter ? filter[w] : UINT64_MAX;
    if (p->n % 64) out[words - 1] &= UINT64_MAX >> (64 - p->n % 64);
    if (!j->value.known) return out;
    if (!j->value.view) { /* as the view stands */
        const uint64_t *known = (const uint64_t *)(const void *)j->value.known + p->at / 64;
        for (uint64_t w = 0; w < words; w++) out[w] &= known[w];
        return out;
    }
    for (uint64_t r = 0; r < p->n; r++)
        if (!st_feed_known(&j->value, st_feed_row(&j->value, p, p->at + r)))
            out[r / 64] &= ~(UINT64_C(1) << (r % 64));
    return out;
}

static uint8_t largest_of(const uint8_t *v, uint64_t n)
{
    uint8_t largest = 0;
    for (uint64_t i = 0; i < n; i++) largest = ST_MAX(largest, v[i]);
    return largest;
}

/* Values below 32, which are what codes mostly are: the set of an entity's values is a word. */
static void count_few(const st_group *j, const st_view_part *p, const uint8_t *v, const uint64_t *taken,
                      st_arena *a)
{
    st_pieces *pieces = st_pieces_new(a, j->v);
    uint32_t *sets = st_alloc_raw(a, ((size_t)p->entity1 - p->entity0 + 1) * sizeof *sets), open = 0;
    st_pieces_begin(pieces, p);
    for (uint64_t at = 0; at < p->n; at += j->vm->batch) {
        uint32_t rows = (uint32_t)ST_MIN(j->vm->batch, p->n - at);
        st_pieces_next(pieces, j->v, p, p->at + at, rows);
        j->vm->k->sets_of_pieces(v + at, taken + at / 64, st_pieces_heads(pieces), rows, pieces->ends,
                                 pieces->n, sets);
        if (pieces->continues) sets[0] |= open;
        open = sets[pieces->n - 1];
        int64_t *out = (int64_t *)j->out->data + pieces->entity;
        j->vm->k->count_sets(sets, pieces->closed, out);
    }
    if (!p->n) memset((int64_t *)j->out->data + p->entity0, 0, (p->entity1 - p->entity0) * sizeof(int64_t));
}

/* Distinct values of one byte are marked in place of being sorted. */
static void count_bytes(const st_group *j, const st_view_part *p, st_arena *a)
{
    uint32_t n = p->entity1 - p->entity0;
    const uint8_t *v = bytes_of(j, p, a);
    const uint64_t *taken = taken_of(j, p, a);
    if (largest_of(v, p->n) < 32)
        count_few(j, p, v, taken, a);
    else
        j->vm->k->distinct_u8(v, taken, j->v->first + p->entity0, n, (int64_t *)j->out->data + p->entity0);
    uint64_t *known = j->out->known + p->entity0 / 64;
    if (n / 64) memset(known, 0xff, n / 64 * sizeof *known);
    if (n % 64) known[n / 64] |= UINT64_MAX >> (64 - n % 64);
}

static bool counts_bytes(const st_group *j)
{
    return j->s->kind == ST_STEP_DISTINCT && !j->value.index && j->value.narrow.data &&
           j->value.narrow.bytes == 1;
}

static void answer_all(const st_group *j, const st_view_part *p, st_counts *counts, st_arena *a)
{
    uint64_t largest = 0;
    for (uint32_t e = p->entity0; e < p->entity1; e++)
        largest = ST_MAX(largest, j->v->first[e + 1] - j->v->first[e]);
    room m = {st_alloc_raw(a, (largest + 1) * sizeof(st_i128)),
              st_alloc_raw(a, (largest + 1) * sizeof(st_i128))};
    for (uint32_t e = p->entity0; e < p->entity1; e++) answer(j, p, e, &m, counts);
}

void st_group_part(const st_group *g, const st_slot *slots, const st_view_part *part, st_counts *counts,
                   st_env *env)
{
    st_group here = *g;
    here.value = st_feed_in(&g->value, slots);
    here.filter = g->s->filter == ST_BC_NONE ? NULL : slots[g->s->filter].data;
    here.out = &slots[g->s->out];
    st_arena *a = st_arena_new(env);
    if (counts_bytes(&here))
        count_bytes(&here, part, a);
    else
        answer_all(&here, part, counts, a);
    st_arena_free(a);
}

const st_group *st_group_prepare(st_vm *vm, st_arena *a, const st_bc_step *s)
{
    uint32_t view = ST_BC_VIEW_ID(s->domain);
    st_group *g = st_new(a, st_group);
    *g = (st_group){.vm = vm, .s = s, .v = st_view_get(vm, view)};
    /* rows without a time are never last: the view's own order says so, read on the view */
    g->value = st_feed_of(vm, s->kind == ST_STEP_LAST_N ? vm->bc->views.p[view].order : s->value);
    if (s->kind == ST_STEP_LAST_N)
        g->value.view = g->v;
    else
        st_feed_lay(vm, &g->value, s->value);
    st_slot_open(vm, s->out);
    vm->slots[s->out].dict = s->kind == ST_STEP_MOST_COMMON ? g->value.dict : NULL;
    return g;
}

/* ---- the step ---- */

typedef struct group_job {
    const st_group *group;
    st_counts *counts; /* by worker */
} group_job;

static void answer_part(void *ctx, uint64_t task, st_env *env)
{
    const group_job *j = ctx;
    const st_group *g = j->group;
    st_group_part(g, g->vm->slots, &g->v->parts[task], &j->counts[env->worker], env);
}

void st_step_group(st_vm *vm, const st_bc_step *s)
{
    st_arena *a = st_arena_new(vm->env);
    group_job j = {st_group_prepare(vm, a, s), st_new_n(a, st_counts, vm->threads + 1)};
    st_parallel(vm->env, vm->threads, j.group->v->nparts, answer_part, &j);
    for (uint32_t t = 0; t < vm->threads; t++) st_counts_add(&vm->counts, &j.counts[t]);
    st_arena_free(a);
}
