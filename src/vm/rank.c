/* Questions about a whole population: the k-th value, and the scores of an rfm part. Values become unsigned keys of the same order,
 * places in the order are found by radix selection; nothing is sorted but for ntile. */
#include "vm/parts.h"

/* The keys of the members, less the least of them, in as few bytes as that takes. */
typedef struct population {
    st_vm *vm;
    st_arena *a;
    st_feed value;
    const uint8_t *filter; /* NULL: all rows */
    uint64_t rows, n;      /* n: with a known value */
    st_u128 base, range;   /* the least key; the largest less it */
    uint8_t bytes;         /* of a key: 4, 8 or 16 */
    void *keys;
    bool reversed;  /* small values are better: keys are complements */
    unsigned shift; /* from a key to its bucket */
    uint64_t nchunks;
    struct chunk *chunks;
} population;

enum { ROWS_A_CHUNK = 1 << 16, RADIX = 11, BUCKETS = 1 << RADIX };

/* What is found of the rows of a chunk. */
typedef struct chunk {
    uint64_t n, at; /* members, and how many stand before */
    st_u128 low, high;
    uint32_t *counts; /* by bucket */
} chunk;

/* Rows that are looked at together: which are members, and their values in the form that integers of the same order have. */
typedef struct block {
    uint64_t row; /* the first */
    uint32_t n, words;
    uint64_t members[ST_VM_BATCH / 64];
    const int64_t *v; /* by row of the block; points into the source or to `buf`; not of I128 */
    int64_t buf[ST_VM_BATCH];
} block;

/* ---- blocks ---- */

static inline bool is_member(const population *p, uint64_t row, int64_t *source_row)
{
    if (p->filter && !st_bit(p->filter, row)) return false;
    *source_row = st_feed_row(&p->value, NULL, row);
    return st_feed_known(&p->value, *source_row);
}

/* Bits from `row` on, a multiple of 64. */
static void and_bits(block *b, const uint8_t *bits)
{
    size_t bytes = (b->n + 7) / 8;
    uint64_t words[ST_VM_BATCH / 64];
    words[b->words - 1] = 0;
    memcpy(words, bits + b->row / 8, bytes);
    for (uint32_t w = 0; w < b->words; w++) b->members[w] &= words[w];
}

static void find_members(const population *p, block *b)
{
    const st_feed *s = &p->value;
    memset(b->members, 0xff, b->words * sizeof *b->members);
    if (b->n % 64) b->members[b->words - 1] = UINT64_MAX >> (64 - b->n % 64);
    if (p->filter) and_bits(b, p->filter);
    if (!s->index) {
        if (s->known) and_bits(b, s->known);
        return;
    }
    for (uint32_t i = 0; i < b->n; i++) {
        int64_t row;
        if (!is_member(p, b->row + i, &row)) b->members[i / 64] &= ~(UINT64_C(1) << (i % 64));
    }
}

/* Of a number the integer that stands in the same order. */
static inline int64_t ordered(double x)
{
    int64_t bits;
    x += 0.0; /* no negative zero */
    memcpy(&bits, &x, sizeof bits);
    return bits ^ ((bits >> 63) & INT64_MAX);
}

static inline double number_of(int64_t o)
{
    double x;
    o ^= (o >> 63) & INT64_MAX;
    memcpy(&x, &o, sizeof x);
    return x;
}

/* Runs BODY for each member i of the block. */
#define EACH_MEMBER(b, BODY)                                                                                 \
    for (uint32_t w_ = 0; w_ < (b)->words; w_++)                                                             \
        for (uint64_t word_ = (b)->members[w_]; word_; word_ &= word_ - 1) {                                 \
            uint32_t i = w_ * 64 + (uint32_t)__builtin_ctzll(word_);                                         \
            BODY;                                                                                            \
        }

static int64_t source_row(const population *p, const block *b, uint32_t i)
{
    return st_feed_row(&p->value, NULL, b->row + i);
}

static void find_values(const population *p, block *b)
{
    const st_feed *s = &p->value;
    b->v = b->buf;
    if (s->type == ST_BC_I128) return;
    if (s->index) {
        memset(b->buf, 0, b->n * sizeof *b->buf);
        if (s->type == ST_BC_F64)
            EACH_MEMBER(b, b->buf[i] = ordered(((const double *)s->data)[source_row(p, b, i)]))
        else
            EACH_MEMBER(b, b->buf[i] = st_feed_i64(s, source_row(p, b, i)))
    } else if (s->type == ST_BC_F64) {
        const double *v = (const double *)s->data + b->row;
        for (uint32_t i = 0; i < b->n; i++) b->buf[i] = ordered(v[i]);
    } else if (s->data && s->phys == ST_I64) {
        b->v = (const int64_t *)s->data + b->row;
    } else {
        for (uint32_t i = 0; i < b->n; i++) b->buf[i] = st_feed_i64(s, (int64_t)(b->row + i));
    }
}

static void open_block(const population *p, block *b, uint64_t row, uint64_t end)
{
    b->row = row;
    b->n = (uint32_t)ST_MIN(end - row, ST_VM_BATCH);
    b->words = (b->n + 63) / 64;
    find_members(p, b);
    find_values(p, b);
}

/* Runs BODY for each block b of chunk c. */
#define EACH_BLOCK(p, b, c, BODY)                                                                            \
    for (uint64_t row_ = (c)*ROWS_A_CHUNK, end_ = ST_MIN(row_ + ROWS_A_CHUNK, (p)->rows); row_ < end_;       \
         row_ += ST_VM_BATCH) {                                                                              \
        open_block(p, b, row_, end_);                                                                        \
        BODY;                                                                                                \
    }

/* ---- keys ---- */

static inline st_u128 key_of_wide(const population *p, int64_t row)
{
    st_u128 key = (st_u128)((const st_i128 *)p->value.data)[row] ^ ((st_u128)1 << 127);
    return p->reversed ? ~key : key;
}

static inline uint64_t key_of_ordered(const population *p, int64_t x)
{
    uint64_t key = (uint64_t)x ^ UINT64_C(1) << 63;
    return p->reversed ? ~key : key;
}

/* The other way round. */
static int64_t ordered_of_key(const population *p, st_u128 key)
{
    return (int64_t)((p->reversed ? ~(uint64_t)key : (uint64_t)key) ^ UINT64_C(1) << 63);
}

/* The value of a key, in the form of a scalar. */
static st_scalar value_of_key(const population *p, st_u128 key)
{
    st_scalar v = {.missing = false};
    if (p->value.type == ST_BC_I128)
        v.as.d = (st_i128)((p->reversed ? ~key : key) ^ ((st_u128)1 << 127));
    else if (p->value.type == ST_BC_F64)
        v.as.f = number_of(ordered_of_key(p, key));
    else
        v.as.i = ordered_of_key(p, key);
    return v;
}

static void range_of_block(const population *p, const block *b, chunk *k)
{
    int64_t low, high;
    uint64_t n = p->vm->k->popcount(b->members, b->words);
    k->n += n;
    if (!n) return;
    if (p->value.type == ST_BC_I128) {
        EACH_MEMBER(b, {
            st_u128 key = key_of_wide(p, source_row(p, b, i));
            k->low = ST_MIN(k->low, key);
            k->high = ST_MAX(k->high, key);
        })
        return;
    }
    p->vm->k->range_i64(b->v, b->members, b->n, &low, &high);
    st_u128 x = key_of_ordered(p, p->reversed ? high : low), y = key_of_ordered(p, p->reversed ? low : high);
    k->low = ST_MIN(k->low, x);
    k->high = ST_MAX(k->high, y);
}

static void find_range(void *ctx, uint64_t c, st_env *env)
{
    (void)env;
    const population *p = ctx;
    chunk k = {.low = ~(st_u128)0};
    block b;
    EACH_BLOCK(p, &b, c, range_of_block(p, &b, &k))
    p->chunks[c] = k;
}

/* The keys of a block to the places from `at` on. */
static void keys_of_block(const population *p, const block *b, uint64_t at)
{
    if (p->value.type == ST_BC_I128) {
        st_u128 *wide = p->keys;
        uint64_t *keys = p->keys;
        uint32_t *small = p->keys;
        EACH_MEMBER(b, {
            st_u128 key = key_of_wide(p, source_row(p, b, i)) - p->base;
            if (p->bytes == 16)
                wide[at++] = key;
            else if (p->bytes == 8)
                keys[at++] = (uint64_t)key;
            else
                small[at++] = (uint32_t)key;
        })
        return;
    }
    /* the key is what the value lies above the least, or below the largest */
    uint64_t from = (uint64_t)ordered_of_key(p, p->base);
    char *out = (char *)p->keys + at * p->bytes;
    p->vm->k->distances(b->v, b->members, b->n, from, p->reversed, p->bytes, out);
}

#define COUNT(T)                                                                                             \
    for (uint64_t i = 0; i < n; i++) counts[i % 4][((const T *)p->keys)[at + i] >> p->shift]++

/* Counts in turns: equal keys that follow each other do not wait for each other. */
static void count_buckets(const population *p, uint64_t at, uint64_t n, uint32_t *out)
{
    uint32_t counts[4][BUCKETS] = {{0}};
    switch (p->bytes) {
    case 4: COUNT(uint32_t); break;
    case 8: COUNT(uint64_t); break;
    default: COUNT(st_u128); break;
    }
    for (uint32_t i = 0; i < BUCKETS; i++) out[i] = counts[0][i] + counts[1][i] + counts[2][i] + counts[3][i];
}

static void fill_keys(void *ctx, uint64_t c, st_env *env)
{
    (void)env;
    const population *p = ctx;
    chunk *k = &p->chunks[c];
    uint64_t at = k->at;
    block b;
    EACH_BLOCK(p, &b, c, {
        keys_of_block(p, &b, at);
        at += p->vm->k->popcount(b.members, b.words);
    })
    count_buckets(p, k->at, k->n, k->counts);
}

static unsigned bits_of(st_u128 x)
{
    uint64_t high = (uint64_t)(x >> 64), low = (uint64_t)x;
    return high ? 128 - (unsigned)__builtin_clzll(high) : low ? 64 - (unsigned)__builtin_clzll(low) : 0;
}

static void open_population(population *p, st_vm *vm, const st_bc_step *s)
{
    p->vm = vm;
    p->a = st_arena_new(vm->env);
    p->value = st_feed_of(vm, s->value);
    p->filter = s->filter == ST_BC_NONE ? NULL : vm->slots[s->filter].data;
    p->rows = vm->data->tables[s->domain].rows;
    p->nchunks = (p->rows + ROWS_A_CHUNK - 1) / ROWS_A_CHUNK;
    p->chunks = st_new_n(p->a, chunk, p->nchunks + 1);
    st_parallel(vm->env, vm->threads, p->nchunks, find_range, p);
    st_u128 high = 0;
    p->base = ~(st_u128)0;
    for (uint64_t c = 0; c < p->nchunks; c++) {
        chunk *k = &p->chunks[c];
        k->at = p->n;
        p->n += k->n;
        if (k->n && k->low < p->base) p->base = k->low;
        if (k->n && k->high > high) high = k->high;
    }
    if (!p->n) return;
    p->range = high - p->base;
    p->bytes = p->range <= UINT32_MAX ? 4 : p->range <= UINT64_MAX ? 8 : 16;
    unsigned bits = bits_of(p->range);
    p->shift = bits > RADIX ? bits - RADIX : 0;
    p->keys = st_alloc_raw(p->a, (p->n + 1) * p->bytes);
    for (uint64_t c = 0; c < p->nchunks; c++)
        p->chunks[c].counts = st_alloc_raw(p->a, BUCKETS * sizeof(uint32_t));
    st_parallel(vm->env, vm->threads, p->nchunks, fill_keys, p);
}

/* ---- selection ---- */

/* The k-th smallest (from 0) of v[0, n), which are overwritten. Each round keeps the values that share the next bits with the answer; a
 * round settles at least RADIX bits, or all that are left. */
#define SELECT(NAME, T)                                                                                      \
    static T NAME(T *v, uint64_t n, uint64_t k)                                                              \
    {                                                                                                        \
        for (;;) {                                                                                           \
            T low = v[0], high = v[0];                                                                       \
            for (uint64_t i = 1; i < n; i++) {                                                               \
                if (v[i] < low) low = v[i];                                                                  \
                if (v[i] > high) high = v[i];                                                                \
            }                                                                                                \
            if (low == high) return low;                                                                     \
            unsigned differ = bits_of(low ^ high), shift = differ > RADIX ? differ - RADIX : 0;              \
            uint64_t counts[BUCKETS] = {0}, before = 0, m = 0;                                               \
            uint32_t bucket = 0;                                                                             \
            for (uint64_t i = 0; i < n; i++) counts[(uint32_t)(v[i] >> shift) & (BUCKETS - 1)]++;            \
            while (k >= before + counts[bucket]) before += counts[bucket++];                                 \
            for (uint64_t i = 0; i < n; i++)                                                                 \
                if (((uint32_t)(v[i] >> shift) & (BUCKETS - 1)) == bucket) v[m++] = v[i];                    \
            n = m;                                                                                           \
            k -= before;                                                                                     \
        }                                                                                                    \
    }
SELECT(select_u32, uint32_t)
SELECT(select_u64, uint64_t)
SELECT(select_u128, st_u128)

enum { MOST_SCORES = 9, MOST_PLACES = 2 * MOST_SCORES };

/* Buckets that hold keys which are asked for, by places in the order; keys that fall into them are put together, in one go. */
typedef struct wanted {
    const population *p;
    uint32_t n;
    uint32_t bucket[MOST_PLACES];
    uint64_t before[MOST_PLACES]; /* keys in the buckets below */
    uint32_t of[MOST_PLACES];     /* by place: the number of its bucket, from 0 */
    uint8_t number[BUCKETS];      /* of a wanted bucket + 1; 0: it is not */
    uint64_t *starts;             /* by chunk and wanted bucket: where its keys go */
    void *keys[MOST_PLACES];
} wanted;

#define COLLECT(T)                                                                                           \
    for (uint64_t i = k->at; i < k->at + k->n; i++) {                                                        \
        T key = ((const T *)w->p->keys)[i];                                                                  \
        uint32_t number = w->number[key >> w->p->shift];                                                     \
        if (number) ((T *)w->keys[number - 1])[next[number - 1]++] = key;                                    \
    }

static void collect_wanted(void *ctx, uint64_t c, st_env *env)
{
    (void)env;
    const wanted *w = ctx;
    const chunk *k = &w->p->chunks[c];
    uint64_t next[MOST_PLACES];
    memcpy(next, w->starts + c * w->n, w->n * sizeof *next);
    switch (w->p->bytes) {
    case 4: COLLECT(uint32_t) break;
    case 8: COLLECT(uint64_t) break;
    default: COLLECT(st_u128) break;
    }
}

static uint64_t in_bucket(const population *p, uint32_t bucket)
{
    uint64_t n = 0;
    for (uint64_t c = 0; c < p->nchunks; c++) n += p->chunks[c].counts[bucket];
    return n;
}

/* The buckets of the places; quickest where those ascend. */
static void find_wanted(wanted *w, const uint64_t *k, uint32_t n)
{
    uint64_t before = 0, size = in_bucket(w->p, 0);
    uint32_t bucket = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (k[i] < before) {
            before = bucket = 0;
            size = in_bucket(w->p, 0);
        }
        while (k[i] >= before + size) {
            before += size;
            size = in_bucket(w->p, ++bucket);
        }
        if (!w->number[bucket]) {
            w->bucket[w->n] = bucket;
            w->before[w->n] = before;
            w->number[bucket] = (uint8_t)++w->n;
        }
        w->of[i] = w->number[bucket] - 1u;
    }
}

static void collect_keys(wanted *w, st_arena *a)
{
    const population *p = w->p;
    uint64_t sizes[MOST_PLACES] = {0};
    w->starts = st_new_n(a, uint64_t, p->nchunks * w->n + 1);
    for (uint64_t c = 0; c < p->nchunks; c++)
        for (uint32_t i = 0; i < w->n; i++) {
            w->starts[c * w->n + i] = sizes[i];
            sizes[i] += p->chunks[c].counts[w->bucket[i]];
        }
    for (uint32_t i = 0; i < w->n; i++) w->keys[i] = st_alloc_raw(a, (sizes[i] + 1) * p->bytes);
    st_parallel(p->vm->env, p->vm->threads, p->nchunks, collect_wanted, w);
}

/* The key in place k of a wanted bucket. The search overwrites what it reads. */
static st_u128 select_in(const wanted *w, uint32_t number, uint64_t k)
{
    uint64_t n = in_bucket(w->p, w->bucket[number]);
    st_arena *a = st_arena_new(w->p->vm->env);
    void *copy = st_alloc_raw(a, n * w->p->bytes);
    memcpy(copy, w->keys[number], n * w->p->bytes);
    st_u128 key = w->p->bytes == 4   ? select_u32(copy, n, k)
                  : w->p->bytes == 8 ? select_u64(copy, n, k)
                                     : select_u128(copy, n, k);
    st_arena_free(a);
    return key;
}

/* The keys in places k[0] to k[n - 1] (from 0, in ascending order of keys). */
static void keys_at(const population *p, const uint64_t *k, uint32_t n, st_u128 *keys)
{
    wanted w = {.p = p};
    st_arena *a = st_arena_new(p->vm->env);
    find_wanted(&w, k, n);
    if (p->shift) collect_keys(&w, a);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t number = w.of[i];
        keys[i] = p->base + (p->shift ? select_in(&w, number, k[i] - w.before[number]) : w.bucket[number]);
    }
    st_arena_free(a);
}

static st_u128 key_at(const population *p, uint64_t k)
{
    st_u128 key;
    keys_at(p, &k, 1, &key);
    return key;
}

/* How many keys are at least `key`, or at most. */
typedef struct tally {
    const population *p;
    st_u128 key; /* less the least */
    bool at_most;
    uint64_t *counts; /* by chunk */
} tally;

#define TALLY(T)                                                                                             \
    for (uint64_t i = k->at; i < k->at + k->n; i++) {                                                        \
        T x = ((const T *)t->p->keys)[i];                                                                    \
        count += t->at_most ? x <= (T)t->key : x >= (T)t->key;                                               \
    }

static void tally_chunk(void *ctx, uint64_t c, st_env *env)
{
    (void)env;
    const tally *t = ctx;
    const chunk *k = &t->p->chunks[c];
    uint64_t count = 0;
    switch (t->p->bytes) {
    case 4: TALLY(uint32_t) break;
    case 8: TALLY(uint64_t) break;
    default: TALLY(st_u128) break;
    }
    t->counts[c] = count;
}

static uint64_t count_keys(const population *p, st_u128 key, bool at_most)
{
    tally t = {p, key - p->base, at_most, st_new_n(p->a, uint64_t, p->nchunks + 1)};
    uint64_t count = 0;
    st_parallel(p->vm->env, p->vm->threads, p->nchunks, tally_chunk, &t);
    for (uint64_t c = 0; c < p->nchunks; c++) count += t.counts[c];
    return count;
}

/* ---- top and bottom ---- */

static uint64_t size_of_cut(const st_bc_step *s, uint64_t n)
{
    st_i128 k = s->is_share ? st_dec_ceil(s->amount * (st_i128)n, s->amount_scale) : s->amount;
    return k > (st_i128)n ? n : (uint64_t)k;
}

void st_step_threshold(st_vm *vm, const st_bc_step *s)
{
    population p = {0};
    open_population(&p, vm, s);
    uint64_t k = size_of_cut(s, p.n);
    st_scalar *out = &vm->scalars[s->out];
    out->missing = true;
    if (k > 0) {
        st_u128 key = key_at(&p, s->bottom ? k - 1 : p.n - k);
        *out = value_of_key(&p, key);
        uint64_t size = count_keys(&p, key, s->bottom);
        const char *subject = s->subject == ST_BC_NONE ? NULL : vm->bc->schema->defs[s->subject]->name;
        if (size > k && 2 * size >= 3 * k)
            *st_push(vm->result, &vm->ties) = (st_vm_note){STRATA_NOTE_TIES, subject, size, k};
    }
    st_arena_free(p.a);
}

/* ---- rfm scores ---- */

/* Cuts between the scores, ascending: a value has 1 plus as many points as there are cuts that it reaches. */
typedef struct cuts {
    uint32_t n;
    bool above;                 /* reached by being above, else also by being equal */
    st_u128 key[MOST_SCORES];   /* ranked, cume_dist: of the order of the population */
    bool endless[MOST_SCORES];  /* package: nothing reaches it */
    st_i128 value[MOST_SCORES]; /* package, exact */
    double real[MOST_SCORES];   /* package, float */
} cuts;

/* ranked: score >= s where the values strictly below are at least floor((s - 1)(N - 1) / n) + 1 =: m, which is where the m-th smallest
 * is below. cume_dist: where the values not above are at least floor((s - 1) N / n) + 1. */
static void cut_by_rank(const population *p, const st_bc_step *s, cuts *c)
{
    uint64_t n = (uint64_t)s->n, places[MOST_SCORES];
    c->above = s->method == ST_RANKED;
    for (uint64_t score = 2; score <= n; score++)
        places[c->n++] = (score - 1) * (c->above ? p->n - 1 : p->n) / n;
    keys_at(p, places, c->n, c->key);
}

/* 1 plus the quantiles i/n of type 7: low + (high - low) part/n, rounded up to the grid of the values, which changes no comparison. */
static void cut_by_quantile(const population *p, const st_bc_step *s, cuts *c)
{
    uint64_t n = (uint64_t)s->n, places[2 * MOST_SCORES];
    st_u128 keys[2 * MOST_SCORES];
    for (uint64_t i = 1; i < n; i++) {
        uint64_t place = (p->n - 1) * i;
        places[2 * i - 2] = place / n;
        places[2 * i - 1] = place / n + (place % n != 0);
    }
    if (n > 1) keys_at(p, places, (uint32_t)(2 * n - 2), keys);
    for (uint64_t i = 1; i < n; i++) {
        uint64_t part = (p->n - 1) * i % n;
        st_scalar low = value_of_key(p, keys[2 * i - 2]), high = value_of_key(p, keys[2 * i - 1]);
        if (p->value.type == ST_BC_F64) {
            double quantile = low.as.f + (double)part / (double)n * (high.as.f - low.as.f);
            c->real[c->n++] = quantile + 1;
            continue;
        }
        bool wide = p->value.type == ST_BC_I128;
        st_i128 from = wide ? low.as.d : low.as.i, to = wide ? high.as.d : high.as.i;
        st_u128 gap = (st_u128)to - (st_u128)from;
        st_u128 up = gap / n * part + (gap % n * part + n - 1) / n + (st_u128)st_pow10(s->scale);
        st_u128 room = ((st_u128)1 << 127) - 1 - (st_u128)from; /* up to the largest number */
        c->endless[c->n] = up > room;
        c->value[c->n++] = up > room ? 0 : (st_i128)((st_u128)from + up);
    }
}

/* The same for values as integers of their order: the n that some member may reach, by being at least as large, or with `below` as
 * small. */
typedef struct reach {
    uint32_t n;
    bool below;
    int64_t at[MOST_SCORES];
} reach;

static reach reach_of_keys(const population *p, const cuts *c)
{
    reach r = {.below = p->reversed};
    for (uint32_t i = 0; i < c->n; i++) {
        bool no_one = c->above && c->key[i] - p->base == p->range;
        if (!no_one) r.at[r.n++] = ordered_of_key(p, c->key[i] + c->above);
    }
    return r;
}

static reach reach_of_values(const population *p, const cuts *c)
{
    reach r = {.n = 0};
    for (uint32_t i = 0; i < c->n; i++) {
        if (p->value.type == ST_BC_F64) {
            if (c->real[i] == c->real[i]) r.at[r.n++] = ordered(c->real[i]);
        } else if (!c->endless[i] && c->value[i] <= INT64_MAX) {
            r.at[r.n++] = (int64_t)ST_MAX(c->value[i], INT64_MIN);
        }
    }
    return r;
}

static int64_t cuts_reached_wide(const population *p, const cuts *c, int64_t row, bool by_value)
{
    int64_t n = 0;
    st_i128 x = ((const st_i128 *)p->value.data)[row];
    st_u128 key = key_of_wide(p, row);
    for (uint32_t i = 0; i < c->n; i++) {
        if (by_value)
            n += !c->endless[i] && x >= c->value[i];
        else
            n += c->above ? key > c->key[i] : key >= c->key[i];
    }
    return n;
}

typedef struct score_job {
    const population *p;
    const st_slot *out;
    cuts c;
    reach r;
    bool by_value;
    int64_t first, step; /* the score of who reaches nothing; what each cut adds */
} score_job;

static void score_block(const score_job *j, const block *b)
{
    int64_t *out = (int64_t *)j->out->data + b->row;
    memcpy(j->out->known + b->row / 64, b->members, b->words * sizeof *b->members);
    if (j->p->value.type != ST_BC_I128) {
        j->p->vm->k->score_i64(b->v, b->members, b->n, j->r.at, j->r.n, j->r.below, j->first, j->step, out);
        return;
    }
    memset(out, 0, b->n * sizeof *out);
    EACH_MEMBER(b, {
        int64_t reached = cuts_reached_wide(j->p, &j->c, source_row(j->p, b, i), j->by_value);
        out[i] = j->first + j->step * reached;
    })
}

static void score_rows(void *ctx, uint64_t c, st_env *env)
{
    (void)env;
    const score_job *j = ctx;
    block b;
    EACH_BLOCK(j->p, &b, c, score_block(j, &b))
}

static void score_by_cuts(const population *p, const st_bc_step *s, const st_slot *out)
{
    score_job j = {.p = p, .out = out, .by_value = s->method == ST_RFM_PACKAGE, .first = 1, .step = 1};
    if (j.by_value && p->n)
        cut_by_quantile(p, s, &j.c);
    else if (p->n)
        cut_by_rank(p, s, &j.c);
    j.r = j.by_value ? reach_of_values(p, &j.c) : reach_of_keys(p, &j.c);
    if (j.by_value && s->lower_is_better) {
        j.first = s->n;
        j.step = -1;
    } else if (s->method == ST_RANKED && p->n == 1) { /* alone: the best */
        j.first = s->n;
        j.step = 0;
    }
    st_parallel(p->vm->env, p->vm->threads, p->nchunks, score_rows, &j);
}

/* ---- ntile ----
 * Members stand in order of goodness, equal ones by key, and consecutive groups of them are dealt. Where a group begins is a place in that
 * order; who is better than the value in that place is behind it, whatever the keys. Only those of that very value are sorted. */

typedef struct dealing {
    const population *p;
    const st_slot *out;
    st_feed key;
    uint32_t n; /* groups that begin behind the first place */
    uint64_t places[MOST_SCORES];
    st_u128 keys[MOST_SCORES]; /* the key in the place */
    uint32_t nties;
    st_u128 tied[MOST_SCORES];    /* the keys, each once, ascending */
    uint64_t before[MOST_SCORES]; /* members below */
    uint64_t size[MOST_SCORES];   /* members that have it */
    uint64_t *starts;             /* by chunk and tie: how many, then where the first of them goes */
    int32_t *rows[MOST_SCORES];
} dealing;

/* Runs BODY for each member i of the block that has the key of tie t. */
#define EACH_TIED(d, b, BODY)                                                                                \
    for (uint32_t t = 0; t < (d)->nties; t++) {                                                              \
        int64_t at_ = ordered_of_key((d)->p, (d)->tied[t]);                                                  \
        bool wide_ = (d)->p->value.type == ST_BC_I128;                                                       \
        EACH_MEMBER(b, {                                                                                     \
            if (wide_ ? key_of_wide((d)->p, source_row((d)->p, b, i)) == (d)->tied[t] : (b)->v[i] == at_)    \
                BODY;                                                                                        \
        })                                                                                                   \
    }

static void count_tied(void *ctx, uint64_t c, st_env *env)
{
    (void)env;
    const dealing *d = ctx;
    uint64_t *counts = d->starts + c * d->nties;
    block b;
    EACH_BLOCK(d->p, &b, c, EACH_TIED(d, &b, counts[t]++))
}

static void collect_tied(void *ctx, uint64_t c, st_env *env)
{
    (void)env;
    const dealing *d = ctx;
    uint64_t *next = d->starts + c * d->nties;
    block b;
    EACH_BLOCK(d->p, &b, c, EACH_TIED(d, &b, d->rows[t][next[t]++] = (int32_t)(b.row + i)))
}

static int by_key(const void *ctx, int32_t a, int32_t b)
{
    const st_feed *key = ctx;
    return st_feed_compare(key, st_feed_row(key, NULL, (uint64_t)a), st_feed_row(key, NULL, (uint64_t)b));
}

/* Those of a tie have what the values below the places give; places inside of it part them. */
static void part_tie(void *ctx, uint64_t t, st_env *env)
{
    const dealing *d = ctx;
    int32_t *rows = d->rows[t];
    st_arena *a = st_arena_new(env);
    st_sort_rows(rows, st_alloc_raw(a, (d->size[t] + 1) * sizeof *rows), d->size[t], by_key, &d->key);
    for (uint64_t i = 0; i < d->size[t]; i++)
        for (uint32_t k = 0; k < d->n; k++)
            ((int64_t *)d->out->data)[rows[i]] +=
                d->keys[k] == d->tied[t] && d->before[t] + i >= d->places[k];
    st_arena_free(a);
}

static void find_ties(dealing *d)
{
    const population *p = d->p;
    for (uint32_t k = 0; k < d->n; k++) {
        if (k && d->keys[k] == d->keys[k - 1]) continue;
        d->before[d->nties] = p->n - count_keys(p, d->keys[k], false);
        d->tied[d->nties++] = d->keys[k];
    }
    d->starts = st_new_n(p->a, uint64_t, p->nchunks * d->nties + 1);
    st_parallel(p->vm->env, p->vm->threads, p->nchunks, count_tied, d);
    for (uint64_t c = 0; c < p->nchunks; c++)
        for (uint32_t t = 0; t < d->nties; t++) {
            uint64_t n = d->starts[c * d->nties + t];
            d->starts[c * d->nties + t] = d->size[t];
            d->size[t] += n;
        }
    for (uint32_t t = 0; t < d->nties; t++)
        d->rows[t] = st_alloc_raw(p->a, (d->size[t] + 1) * sizeof *d->rows[t]);
    st_parallel(p->vm->env, p->vm->threads, p->nchunks, collect_tied, d);
}

/* The larger groups come first. */
static void score_by_dealing(const population *p, const st_bc_step *s, const st_slot *out)
{
    dealing d = {.p = p, .out = out, .key = st_feed_of(p->vm, s->key)};
    score_job j = {.p = p, .out = out, .first = 1, .step = 1, .c = {.above = true}};
    uint64_t groups = (uint64_t)s->n, size = p->n / groups, larger = p->n % groups;
    for (uint64_t g = 1; g < groups; g++) {
        uint64_t place = g * size + ST_MIN(g, larger);
        if (place < p->n) d.places[d.n++] = place;
    }
    if (d.n) keys_at(p, d.places, d.n, d.keys);
    memcpy(j.c.key, d.keys, d.n * sizeof *d.keys);
    j.c.n = d.n;
    j.r = reach_of_keys(p, &j.c);
    st_parallel(p->vm->env, p->vm->threads, p->nchunks, score_rows, &j);
    find_ties(&d);
    st_parallel(p->vm->env, p->vm->threads, d.nties, part_tie, &d);
}

void st_step_score(st_vm *vm, const st_bc_step *s)
{
    population p = {.reversed = s->lower_is_better && s->method != ST_RFM_PACKAGE};
    open_population(&p, vm, s);
    st_slot_open(vm, s->out);
    if (s->method == ST_NTILE)
        score_by_dealing(&p, s, &vm->slots[s->out]);
    else
        score_by_cuts(&p, s, &vm->slots[s->out]);
    st_arena_free(p.a);
}
