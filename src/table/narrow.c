#include "table/narrow.h"

#include "base/threads.h"
#include "table/convert.h"

enum { PADDING = 64, SECOND = 1000000 };

/* ---- the extent of a run ---- */

#define FIRST_KNOWN(known, n, i)                                                                             \
    uint64_t i = 0;                                                                                          \
    while (i < (n) && !st_bit((known), i)) i++

#define BLANK(T)                                                                                             \
    do {                                                                                                     \
        T *v_ = values, blank_ = first < n ? v_[first] : 0;                                                  \
        for (uint64_t i = 0; i < n; i++)                                                                     \
            if (!st_bit(known, i)) v_[i] = blank_;                                                           \
    } while (0)

void st_blank(st_phys phys, void *values, const uint8_t *known, uint64_t n)
{
    FIRST_KNOWN(known, n, first);
    switch (phys) {
    case ST_I32: BLANK(int32_t); break;
    case ST_CODE: BLANK(uint32_t); break;
    case ST_I64: BLANK(int64_t); break;
    case ST_F64: BLANK(double); break;
    default: break;
    }
}

/* In lanes that do not wait for each other. */
enum { LANES = 4 };

#define LEAST_AND_GREATEST(T, low, high)                                                                     \
    do {                                                                                                     \
        const T *v_ = values;                                                                                \
        T low_[LANES], high_[LANES];                                                                         \
        for (uint64_t k = 0; k < LANES; k++) low_[k] = high_[k] = v_[0];                                     \
        for (uint64_t i = 0; i + LANES <= n; i += LANES)                                                     \
            for (uint64_t k = 0; k < LANES; k++) {                                                           \
                low_[k] = ST_MIN(low_[k], v_[i + k]);                                                        \
                high_[k] = ST_MAX(high_[k], v_[i + k]);                                                      \
            }                                                                                                \
        for (uint64_t i = n / LANES * LANES; i < n; i++) {                                                   \
            low_[0] = ST_MIN(low_[0], v_[i]);                                                                \
            high_[0] = ST_MAX(high_[0], v_[i]);                                                              \
        }                                                                                                    \
        for (uint64_t k = 1; k < LANES; k++) {                                                               \
            low_[0] = ST_MIN(low_[0], low_[k]);                                                              \
            high_[0] = ST_MAX(high_[0], high_[k]);                                                           \
        }                                                                                                    \
        (low) = low_[0];                                                                                     \
        (high) = high_[0];                                                                                   \
    } while (0)

/* Multiples of 10^6 = 2^6 * 15625 are those that end in six zero bits and of which the rest, times the inverse of 15625 modulo 2^64,
 * is small; that product is their number of seconds. */
#define INVERSE_OF_15625 UINT64_C(0x790fb65668c26139)

static inline uint64_t seconds_in(uint64_t us)
{
    return (us >> 6) * INVERSE_OF_15625;
}

static bool are_seconds(const int64_t *v, uint64_t n, int64_t low, int64_t high)
{
    uint64_t most = ((uint64_t)high - (uint64_t)low) / SECOND;
    bool all = low % SECOND == 0;
    for (uint64_t i = 0; all && i < n; i += 1024) {
        uint64_t to = ST_MIN(n, i + 1024);
        for (uint64_t k = i; k < to; k++) {
            uint64_t us = (uint64_t)v[k] - (uint64_t)low;
            all &= !(us & 63) & (seconds_in(us) <= most);
        }
    }
    return all;
}

static bool do_count_up(const int64_t *v, uint64_t n, int64_t low, int64_t high)
{
    bool all = (uint64_t)high - (uint64_t)low == n - 1;
    for (uint64_t i = 0; all && i < n; i += 1024) {
        uint64_t to = ST_MIN(n, i + 1024);
        for (uint64_t k = i; k < to; k++) all &= (uint64_t)v[k] - (uint64_t)low == k;
    }
    return all;
}

st_extent st_extent_of(st_phys phys, bool instants, const void *values, uint64_t n)
{
    st_extent e = {.range = {.known = n > 0}};
    if (!n) return e;
    switch (phys) {
    case ST_I32: LEAST_AND_GREATEST(int32_t, e.range.low, e.range.high); break;
    case ST_CODE: LEAST_AND_GREATEST(uint32_t, e.range.low, e.range.high); break;
    case ST_F64: LEAST_AND_GREATEST(double, e.range.flow, e.range.fhigh); break;
    case ST_I64: {
        LEAST_AND_GREATEST(int64_t, e.range.low, e.range.high);
        e.seconds = instants && are_seconds(values, n, e.range.low, e.range.high);
        e.counts_up = !instants && do_count_up(values, n, e.range.low, e.range.high);
        break;
    }
    default: e.range.known = false;
    }
    return e;
}

/* ---- packing ---- */

/* 0: no fewer than the layout has. */
static uint8_t bytes_for(st_phys phys, uint64_t range)
{
    uint8_t bytes = range <= UINT8_MAX ? 1 : range <= UINT16_MAX ? 2 : range <= UINT32_MAX ? 4 : 8;
    return bytes < (phys == ST_I64 ? 8 : 4) ? bytes : 0;
}

static st_narrow narrow_for(st_phys phys, const st_range *range, bool seconds)
{
    st_narrow n = {.low = phys == ST_CODE || !range->known ? 0 : range->low, .unit = seconds ? SECOND : 1};
    int64_t high = range->known ? range->high : n.low;
    n.bytes = bytes_for(phys, ((uint64_t)high - (uint64_t)n.low) / (uint64_t)n.unit);
    return n;
}

static void *padded(st_arena *a, size_t bytes)
{
    char *p = st_alloc_raw(a, bytes + PADDING);
    memset(p + bytes, 0, PADDING);
    return p;
}

#define PACK(FROM, TO)                                                                                       \
    do {                                                                                                     \
        const FROM *from_ = values;                                                                          \
        TO *to_ = out;                                                                                       \
        if (by->unit == 1)                                                                                   \
            for (uint64_t i = 0; i < n; i++) to_[i] = (TO)((uint64_t)from_[i] - low);                        \
        else                                                                                                 \
            for (uint64_t i = 0; i < n; i++) to_[i] = (TO)seconds_in((uint64_t)from_[i] - low);              \
    } while (0)
#define PACK_FROM(FROM)                                                                                      \
    do {                                                                                                     \
        if (by->bytes == 1)                                                                                  \
            PACK(FROM, uint8_t);                                                                             \
        else if (by->bytes == 2)                                                                             \
            PACK(FROM, uint16_t);                                                                            \
        else                                                                                                 \
            PACK(FROM, uint32_t);                                                                            \
    } while (0)

static void pack_values(st_phys phys, const void *values, uint64_t n, const st_narrow *by, void *out)
{
    uint64_t low = (uint64_t)by->low;
    switch (phys) {
    case ST_I32: PACK_FROM(int32_t); break;
    case ST_CODE: PACK_FROM(uint32_t); break;
    default: PACK_FROM(int64_t); break;
    }
}

static void clear_unknown(char *data, size_t width, const uint8_t *known, uint64_t from, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        if (!st_bit(known, from + i)) memset(data + i * width, 0, width);
}

void st_pack(st_arena *arena, st_phys phys, st_chunk *chunk, const void *values, const st_extent *extent,
             const uint8_t *known)
{
    size_t width = st_phys_bytes(phys);
    chunk->extent = *extent;
    chunk->data = values;
    if (phys == ST_F64 && known) clear_unknown((char *)(uintptr_t)values, width, known, 0, chunk->n);
    if (phys != ST_I32 && phys != ST_I64 && phys != ST_CODE) return;
    chunk->narrow = narrow_for(phys, &extent->range, extent->seconds);
    if (chunk->narrow.bytes) {
        void *out = st_alloc_raw(arena, (size_t)chunk->n * chunk->narrow.bytes);
        pack_values(phys, values, chunk->n, &chunk->narrow, out);
        chunk->narrow.data = out;
        chunk->data = NULL;
        return;
    }
    char *data = st_alloc_raw(arena, (size_t)chunk->n * width);
    if (chunk->n) memcpy(data, values, (size_t)chunk->n * width);
    if (known) clear_unknown(data, width, known, 0, chunk->n);
    chunk->data = data;
}

#define WIDEN(T)                                                                                             \
    do {                                                                                                     \
        const T *from_ = (const T *)held + from;                                                             \
        for (uint64_t i = 0; i < n; i++) out[i] = (int64_t)(low + unit * (uint64_t)from_[i]);                \
    } while (0)

void st_widen(st_phys phys, const void *data, const st_narrow *narrow, uint64_t from, uint64_t n,
              int64_t *out)
{
    const void *held = data ? data : narrow->data;
    uint64_t low = data ? 0 : (uint64_t)narrow->low, unit = data ? 1 : (uint64_t)narrow->unit;
    if (data && phys == ST_I64)
        memcpy(out, (const int64_t *)data + from, (size_t)n * sizeof *out);
    else if (data && phys == ST_I32)
        WIDEN(int32_t);
    else if (data || narrow->bytes == 4)
        WIDEN(uint32_t);
    else if (narrow->bytes == 2)
        WIDEN(uint16_t);
    else
        WIDEN(uint8_t);
}

/* ---- joining ---- */

typedef struct place {
    const st_chunk *chunk;
    uint64_t row, at; /* of its first row and value in the column */
} place;

typedef struct joining {
    const st_col_build *c;
    const place *places;
    uint64_t nplaces;
    st_column *out;
    char *values;
    uint8_t *known;
} joining;

enum { CHUNKS_A_TASK = 16, STEP = 1024 };

static void store_wide(st_phys phys, const int64_t *wide, uint64_t n, void *out)
{
    if (phys == ST_I64) memcpy(out, wide, (size_t)n * sizeof *wide);
    for (uint64_t i = 0; phys != ST_I64 && i < n; i++) ((uint32_t *)out)[i] = (uint32_t)wide[i];
}

/* What is packed by other measures is unpacked and packed anew, some values at a time. */
static void repack(const joining *j, const st_chunk *k, char *out, size_t width)
{
    int64_t wide[STEP];
    st_phys phys = j->c->phys;
    const st_narrow *by = &j->out->narrow;
    for (uint64_t i = 0; i < k->n; i += STEP) {
        uint64_t n = ST_MIN(k->n - i, STEP);
        st_widen(phys, k->data, &k->narrow, i, n, wide);
        if (by->bytes)
            pack_values(ST_I64, wide, n, by, out + i * width);
        else
            store_wide(phys, wide, n, out + i * width);
        if (!by->bytes && k->known) clear_unknown(out + i * width, width, k->known, i, n);
    }
}

static void join_chunk(const joining *j, const place *p)
{
    const st_chunk *k = p->chunk;
    const st_narrow *from = &k->narrow, *to = &j->out->narrow;
    size_t width = to->bytes ? to->bytes : st_phys_bytes(j->c->phys);
    char *out = j->values + p->at * width;
    bool alike = from->bytes == to->bytes && (!to->bytes || (from->low == to->low && from->unit == to->unit));
    if (alike && k->n)
        memcpy(out, k->data ? k->data : from->data, (size_t)k->n * width);
    else if (!alike)
        repack(j, k, out, width);
}

static void join_bits(const joining *j)
{
    uint64_t ones[8];
    memset(ones, 0xff, sizeof ones);
    for (uint64_t i = 0; i < j->nplaces; i++) {
        const place *p = &j->places[i];
        const st_chunk *k = p->chunk;
        if (j->c->phys == ST_BIT) st_bits_copy((uint8_t *)j->values, p->at, k->data, 0, k->n);
        if (!j->known) continue;
        for (uint64_t r = 0; r < k->rows && !k->known; r += 512)
            st_bits_copy(j->known, p->row + r, (const uint8_t *)ones, 0, ST_MIN(k->rows - r, 512));
        if (k->known) st_bits_copy(j->known, p->row, k->known, 0, k->rows);
    }
}

/* The first task joins bits, which share bytes; the others values. */
static void join_some(void *ctx, uint64_t task, st_env *env)
{
    (void)env;
    const joining *j = ctx;
    if (task == 0) {
        join_bits(j);
        return;
    }
    uint64_t to = ST_MIN(task * CHUNKS_A_TASK, j->nplaces);
    for (uint64_t i = (task - 1) * CHUNKS_A_TASK; i < to && j->c->phys != ST_BIT; i++)
        join_chunk(j, &j->places[i]);
}

static void join_lists(st_arena *a, const joining *j)
{
    int64_t *list = st_alloc_raw(a, (j->c->rows + 1) * sizeof *list);
    list[0] = 0;
    for (uint64_t i = 0; i < j->nplaces; i++) {
        const place *p = &j->places[i];
        for (uint64_t r = 0; r < p->chunk->rows; r++)
            list[p->row + r + 1] = (int64_t)p->at + p->chunk->ends[r];
    }
    j->out->list = list;
}

static void widen_range(st_range *all, const st_range *one)
{
    if (!one->known) return;
    if (!all->known) *all = *one;
    all->low = ST_MIN(all->low, one->low);
    all->high = ST_MAX(all->high, one->high);
    all->flow = ST_MIN(all->flow, one->flow);
    all->fhigh = ST_MAX(all->fhigh, one->fhigh);
}

/* Chunks without a value say nothing. */
static st_extent common_extent(const st_col_build *c)
{
    st_extent all = {.seconds = c->decl->type.base == ST_T_TIMESTAMP};
    for (const st_chunk *k = c->first; k; k = k->next) {
        bool some = k->ends ? k->n > 0 : k->missing < k->rows;
        if (!some) continue;
        widen_range(&all.range, &k->extent.range);
        all.seconds &= k->extent.seconds;
    }
    return all;
}

static double span_of(const st_range *r, bool real)
{
    if (!r->known) return 0;
    return real ? r->fhigh - r->flow : (double)((uint64_t)r->high - (uint64_t)r->low);
}

/* The range of each zone, from those of the chunks that reach into it; NULL where zones tell little of a value: the rows stand in
 * no order that has to do with it. */
static const st_range *zones_of(st_arena *a, const joining *j)
{
    bool real = j->c->phys == ST_F64;
    uint64_t n = (j->c->rows + ST_ZONE_ROWS - 1) / ST_ZONE_ROWS;
    if (n < 2 || j->c->decl->type.list || !j->out->range.known) return NULL;
    st_range *zones = st_new_n(a, st_range, n);
    for (uint64_t i = 0; i < j->nplaces; i++) {
        const place *p = &j->places[i];
        if (p->chunk->missing == p->chunk->rows) continue;
        for (uint64_t z = p->row / ST_ZONE_ROWS; z <= (p->row + p->chunk->rows - 1) / ST_ZONE_ROWS; z++)
            widen_range(&zones[z], &p->chunk->extent.range);
    }
    double spans = 0;
    for (uint64_t z = 0; z < n; z++) spans += span_of(&zones[z], real);
    return spans < span_of(&j->out->range, real) * (double)n / 2 ? zones : NULL;
}

static uint64_t list_places(const st_col_build *c, place *places)
{
    uint64_t n = 0, row = 0, at = 0;
    for (const st_chunk *k = c->first; k; row += k->rows, at += k->n, k = k->next)
        places[n++] = (place){k, row, at};
    return n;
}

void st_join_column(st_arena *a, const st_col_build *c, uint32_t threads, st_column *out)
{
    st_env *env = st_arena_env(a);
    *out = (st_column){.decl = c->decl, .phys = c->phys, .n = c->n, .missing = c->missing};
    st_extent extent = common_extent(c);
    bool whole = c->phys == ST_I32 || c->phys == ST_I64 || c->phys == ST_CODE;
    if (whole && c->n) out->narrow = narrow_for(c->phys, &extent.range, extent.seconds);
    if (c->phys != ST_CODE) out->range = extent.range;
    size_t width = out->narrow.bytes ? out->narrow.bytes : st_phys_bytes(c->phys);
    size_t bytes = c->phys == ST_BIT ? st_bitmap_bytes(c->n) : (size_t)c->n * width;
    joining j = {.c = c, .out = out, .values = padded(a, bytes)};
    if (c->phys == ST_BIT) memset(j.values, 0, bytes);
    if (c->missing) j.known = (uint8_t *)st_bitmap_new(a, c->rows);
    st_arena *working = st_arena_new(env);
    place *places = st_new_n(working, place, c->nchunks + 1);
    j.nplaces = list_places(c, places);
    j.places = places;
    if (c->decl->type.list) join_lists(a, &j);
    out->zones = zones_of(a, &j);
    uint64_t tasks = 1 + (j.nplaces + CHUNKS_A_TASK - 1) / CHUNKS_A_TASK;
    st_parallel(env, threads, tasks, join_some, &j);
    st_arena_free(working);
    *(out->narrow.bytes ? &out->narrow.data : &out->data) = j.values;
    out->known = j.known;
}
