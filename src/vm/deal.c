/* Rows of a table put together by the entity that they lead to, and within it in the table's order: a radix sort of two rounds. Rows are
 * first dealt to ranges of entities, then those of a range are placed, in memory that a cache holds. Their row numbers and values go
 * with them, each as a stream of its own: to fetch values afterwards, by row numbers that follow no order, costs most of all. */
#include "vm/parts.h"

enum {
    ROWS_A_CHUNK = 1 << 16,
    ROWS_A_BLOCK = 1 << 12, /* whose places are found before anything moves */
    ROWS_A_RANGE = 1 << 16, /* about */
    MOST_RANGES = 1 << 10,
    MOST_SHIFT = 16, /* so that entities of a range are told apart by two bytes */
    LINE = 64
};
#define BYTES_A_ROUND ((uint64_t)1 << 29)

struct st_deal {
    st_vm *vm;
    st_arena *a;
    const int32_t *index; /* by row: its entity, or negative */
    uint64_t rows, rows_a_chunk, nchunks;
    uint32_t entities, shift, nranges; /* a range is 2^shift entities */
    uint64_t *places;                  /* by chunk and range: how many, then where the first one goes */
    bool *in_order;                    /* by chunk: entities do not descend, and every row has one */
    uint64_t *begins;                  /* by range, and behind the last: of its rows, as they are dealt */
    uint16_t *local;                   /* by dealt row: its entity in its range */
    uint32_t *first;                   /* of the view */
    const st_view *v;
    /* the round */
    st_stream *streams;
    uint32_t nstreams;
    void **dealt; /* by stream */
};

static uint64_t chunk_end(const st_deal *d, uint64_t chunk)
{
    return ST_MIN(d->rows, (chunk + 1) * d->rows_a_chunk);
}

static uint32_t range_end(const st_deal *d, uint64_t range)
{
    return (uint32_t)ST_MIN((range + 1) << d->shift, d->entities);
}

/* ---- counting ---- */

static void count_chunk(void *ctx, uint64_t chunk, st_env *env)
{
    (void)env;
    const st_deal *d = ctx;
    uint64_t *counts = d->places + chunk * d->nranges;
    uint64_t from = chunk * d->rows_a_chunk, to = chunk_end(d, chunk);
    int32_t before = from ? d->index[from - 1] : 0;
    bool in_order = true;
    for (uint64_t r = from; r < to; r++) {
        int32_t e = d->index[r];
        in_order &= e >= before && e >= 0;
        before = e;
        if (e >= 0) counts[(uint32_t)e >> d->shift]++;
    }
    d->in_order[chunk] = in_order;
}

/* Where rows stand in order of their entities, an entity begins where they change. */
static void begin_entities(void *ctx, uint64_t chunk, st_env *env)
{
    (void)env;
    const st_deal *d = ctx;
    uint64_t from = chunk * d->rows_a_chunk, to = chunk_end(d, chunk);
    int64_t before = from ? d->index[from - 1] : -1;
    for (uint64_t r = from; r < to; r++)
        while (before < d->index[r]) d->first[++before] = (uint32_t)r;
    while (to == d->rows && before < d->entities) d->first[++before] = (uint32_t)d->rows;
}

static void find_places(st_deal *d)
{
    uint64_t at = 0;
    for (uint32_t k = 0; k < d->nranges; k++) {
        d->begins[k] = at;
        for (uint64_t c = 0; c < d->nchunks; c++) {
            uint64_t n = d->places[c * d->nranges + k];
            d->places[c * d->nranges + k] = at;
            at += n;
        }
    }
    d->begins[d->nranges] = at;
}

/* ---- dealing ---- */

#define SCATTER(T)                                                                                           \
    static void scatter_##T(const T *v, const uint32_t *places, uint64_t n, T *out)                          \
    {                                                                                                        \
        for (uint64_t i = 0; i < n; i++) out[places[i]] = v[i];                                              \
    }
SCATTER(uint8_t)
SCATTER(uint16_t)
SCATTER(uint32_t)

/* out[places[i]] = v[i] */
static void scatter(const void *v, uint8_t bytes, const uint32_t *places, uint64_t n, void *out)
{
    switch (bytes) {
    case 1: scatter_uint8_t(v, places, n, out); break;
    case 2: scatter_uint16_t(v, places, n, out); break;
    default: scatter_uint32_t(v, places, n, out); break;
    }
}

static const void *element(const void *v, uint8_t bytes, uint64_t at)
{
    return (const char *)v + at * bytes;
}

static void deal_streams(const st_deal *d, uint64_t row, uint64_t n, const uint32_t *places)
{
    for (uint32_t i = 0; i < d->nstreams; i++) {
        const st_stream *s = &d->streams[i];
        if (s->from) {
            scatter(element(s->from, s->bytes, row), s->bytes, places, n, d->dealt[i]);
            continue;
        }
        for (uint64_t k = 0; k < n; k++) ((int32_t *)d->dealt[i])[places[k]] = (int32_t)(row + k);
    }
}

/* Rows that lead to nothing go to a place behind the others, each worker's own. */
static void deal_chunk(void *ctx, uint64_t chunk, st_env *env)
{
    const st_deal *d = ctx;
    st_arena *a = st_arena_new(env);
    uint64_t *next = st_alloc_raw(a, (d->nranges + 1) * sizeof *next), to = chunk_end(d, chunk);
    memcpy(next, d->places + chunk * d->nranges, d->nranges * sizeof *next);
    uint32_t places[ROWS_A_BLOCK], nowhere = (uint32_t)(d->begins[d->nranges] + env->worker);
    uint16_t local[ROWS_A_BLOCK];
    bool with_local = d->streams == NULL;
    for (uint64_t at = chunk * d->rows_a_chunk, n; at < to; at += n) {
        n = ST_MIN(to - at, ROWS_A_BLOCK);
        for (uint64_t i = 0; i < n; i++) {
            int32_t e = d->index[at + i];
            places[i] = e >= 0 ? (uint32_t)next[(uint32_t)e >> d->shift]++ : nowhere;
            local[i] = (uint16_t)((uint32_t)e & ((UINT32_C(1) << d->shift) - 1));
        }
        if (with_local)
            scatter_uint16_t(local, places, n, d->local);
        else
            deal_streams(d, at, n, places);
    }
    st_arena_free(a);
}

static void *room_for(const st_deal *d, st_arena *a, uint8_t bytes)
{
    return st_alloc_raw(a, (d->begins[d->nranges] + d->vm->threads + LINE) * bytes);
}

/* first[e] = rows of the entities before e, for a range. */
static void count_range(void *ctx, uint64_t range, st_env *env)
{
    (void)env;
    const st_deal *d = ctx;
    uint32_t e0 = (uint32_t)range << d->shift, e1 = range_end(d, range);
    uint32_t *counts = d->first + e0;
    memset(counts, 0, (e1 - e0) * sizeof *counts);
    for (uint64_t i = d->begins[range]; i < d->begins[range + 1]; i++) counts[d->local[i]]++;
    uint64_t at = d->begins[range];
    for (uint32_t e = e0; e < e1; e++) {
        uint32_t n = d->first[e];
        d->first[e] = (uint32_t)at;
        at += n;
    }
}

st_deal *st_deal_new(st_vm *vm, st_arena *a, const int32_t *index, uint64_t rows, uint32_t entities)
{
    st_deal *d = st_new(a, st_deal);
    *d = (st_deal){.vm = vm, .a = a, .index = index, .rows = rows, .entities = entities};
    uint64_t wanted = ST_MIN(rows / ROWS_A_RANGE + 1, MOST_RANGES);
    while (entities >> d->shift > wanted && d->shift < MOST_SHIFT) d->shift++;
    d->nranges = (uint32_t)(((uint64_t)entities + (1u << d->shift) - 1) >> d->shift);
    /* a line of each range, at least */
    d->rows_a_chunk = ST_MAX(ROWS_A_CHUNK, (uint64_t)d->nranges * LINE);
    d->nchunks = (rows + d->rows_a_chunk - 1) / d->rows_a_chunk;
    return d;
}

bool st_deal_count(st_deal *d, uint32_t *first)
{
    st_vm *vm = d->vm;
    d->first = first;
    d->places = st_new_n(d->a, uint64_t, d->nchunks * d->nranges + 1);
    d->in_order = st_new_n(d->a, bool, d->nchunks + 1);
    d->begins = st_new_n(d->a, uint64_t, d->nranges + 1);
    st_parallel(vm->env, vm->threads, d->nchunks, count_chunk, d);
    bool in_order = true;
    for (uint64_t c = 0; c < d->nchunks; c++) in_order &= d->in_order[c];
    if (in_order) {
        memset(first, 0,
               ((size_t)d->entities + 1) * sizeof *first); /* all there is, where there are no rows */
        st_parallel(vm->env, vm->threads, d->nchunks, begin_entities, d);
        return true;
    }
    find_places(d);
    d->local = room_for(d, d->a, sizeof *d->local);
    st_parallel(vm->env, vm->threads, d->nchunks, deal_chunk, d);
    st_parallel(vm->env, vm->threads, d->nranges, count_range, d);
    first[d->entities] = (uint32_t)d->begins[d->nranges];
    return false;
}

/* ---- placing ---- */

static void place_range(void *ctx, uint64_t range, st_env *env)
{
    const st_deal *d = ctx;
    uint32_t e0 = (uint32_t)range << d->shift, e1 = range_end(d, range), places[ROWS_A_BLOCK];
    st_arena *a = st_arena_new(env);
    uint32_t *next = st_alloc_raw(a, (e1 - e0 + 1) * sizeof *next);
    const st_view_part *p = NULL;
    for (uint32_t e = e0; e < e1; e++) {
        uint64_t from, to;
        if (!p || e >= p->entity1) p = st_view_range(d->v, e, &from, &to);
        next[e - e0] = (uint32_t)st_part_row(d->v, p, e);
    }
    for (uint64_t at = d->begins[range], n; at < d->begins[range + 1]; at += n) {
        n = ST_MIN(d->begins[range + 1] - at, ROWS_A_BLOCK);
        for (uint64_t i = 0; i < n; i++) places[i] = next[d->local[at + i]]++;
        for (uint32_t i = 0; i < d->nstreams; i++) {
            const st_stream *s = &d->streams[i];
            scatter(element(d->dealt[i], s->bytes, at), s->bytes, places, n, s->to);
        }
    }
    st_arena_free(a);
}

void st_deal_place(st_deal *d, const st_view *v, st_stream *streams, uint32_t n)
{
    st_vm *vm = d->vm;
    d->v = v;
    d->dealt = st_new_n(d->a, void *, n + 1);
    for (uint32_t from = 0; from < n; from += d->nstreams) {
        st_arena *a = st_arena_new(vm->env);
        uint64_t bytes = 0;
        d->streams = streams + from;
        d->nstreams = 0;
        do {
            uint8_t width = d->streams[d->nstreams].bytes;
            d->dealt[d->nstreams++] = room_for(d, a, width);
            bytes += width * d->rows;
        } while (from + d->nstreams < n && bytes + d->streams[d->nstreams].bytes * d->rows <= BYTES_A_ROUND);
        st_parallel(vm->env, vm->threads, d->nchunks, deal_chunk, d);
        st_parallel(vm->env, vm->threads, d->nranges, place_range, d);
        st_arena_free(a);
    }
}
