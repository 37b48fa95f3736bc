/* Questions about a whole population: the k-th value, and the scores of an rfm part. Values become unsigned keys of the same order,
 * places in the order are found by radix selection; nothing is sorted but for ntile. */
#include "vm/parts.h"

/* The keys of the members, less the least of them: in 64 bits where they lie that near to each other, as they nearly always do. */
typedef struct population {
    st_vm *vm;
    st_arena *a;
    st_feed value;
    const uint8_t *filter; /* NULL: all rows */
    uint64_t rows, n;      /* n: with a known value */
    st_u128 base, range;   /* the least key; the largest less it */
    uint64_t *keys;        /* of range below 2^64 */
    st_u128 *wide;         /* of the others */
    bool reversed;         /* small values are better: keys are complements */
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

static bool is_member(const population *p, uint64_t row, int64_t *source_row)
{
    if (p->filter && !st_bit(p->filter, row)) return false;
    *source_row = st_feed_row(&p->value, NULL, row);
    return st_feed_known(&p->value, *source_row);
}

static inline st_u128 key_of(const population *p, int64_t row)
{
    const st_feed *s = &p->value;
    st_u128 key, ones = ~(st_u128)0;
    if (s->type == ST_BC_I128) {
        key = (st_u128)((const st_i128 *)s->data)[row] ^ ((st_u128)1 << 127);
    } else if (s->type == ST_BC_F64) {
        double x = ((const double *)s->data)[row] + 0.0; /* no negative zero */
        uint64_t bits;
        memcpy(&bits, &x, sizeof bits);
        key = bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
        ones = UINT64_MAX;
    } else {
        key = (uint64_t)st_feed_i64(s, row) ^ UINT64_C(1) << 63;
        ones = UINT64_MAX;
    }
    return p->reversed ? key ^ ones : key;
}

/* The value of a key, in the form of a scalar. */
static st_scalar value_of_key(const population *p, st_u128 key)
{
    st_scalar v = {.missing = false};
    if (p->value.type == ST_BC_I128) {
        v.as.d = (st_i128)((p->reversed ? ~key : key) ^ ((st_u128)1 << 127));
        return v;
    }
    uint64_t bits = p->reversed ? ~(uint64_t)key : (uint64_t)key;
    if (p->value.type == ST_BC_F64) {
        bits = bits >> 63 ? bits ^ UINT64_C(1) << 63 : ~bits;
        memcpy(&v.as.f, &bits, sizeof bits);
    } else {
        v.as.i = (int64_t)(bits ^ UINT64_C(1) << 63);
    }
    return v;
}

/* Runs BODY for each member of the chunk: `row` in the table, `from` in the source. */
#define EACH_MEMBER(p, c, BODY)                                                                              \
    for (uint64_t row = (c)*ROWS_A_CHUNK, end_ = ST_MIN(row + ROWS_A_CHUNK, (p)->rows); row < end_; row++) { \
        int64_t from;                                                                                        \
        if (is_member((p), row, &from)) BODY;                                                                \
    }

static void find_range(void *ctx, uint64_t c, st_env *env)
{
    (void)env;
    const population *p = ctx;
    chunk k = {.low = ~(st_u128)0};
    EACH_MEMBER(p, c, {
        st_u128 key = key_of(p, from);
        if (key < k.low) k.low = key;
        if (key > k.high) k.high = key;
        k.n++;
    })
    p->chunks[c] = k;
}

static void fill_keys(void *ctx, uint64_t c, st_env *env)
{
    (void)env;
    const population *p = ctx;
    uint64_t at = p->chunks[c].at;
    EACH_MEMBER(p, c, {
        st_u128 key = key_of(p, from) - p->base;
        if (p->wide)
            p->wide[at++] = key;
        else
            p->keys[at++] = (uint64_t)key;
    })
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
    bool wide = p->range > UINT64_MAX;
    void *keys = st_alloc_raw(p->a, (p->n + 1) * (wide ? sizeof *p->wide : sizeof *p->keys));
    if (wide)
        p->wide = keys;
    else
        p->keys = keys;
    st_parallel(vm->env, vm->threads, p->nchunks, fill_keys, p);
}

/* ---- selection ---- */

static unsigned bits_of(st_u128 x)
{
    uint64_t high = (uint64_t)(x >> 64), low = (uint64_t)x;
    return high ? 128 - (unsigned)__builtin_clzll(high) : low ? 64 - (unsigned)__builtin_clzll(low) : 0;
}

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
SELECT(select_u64, uint64_t)
SELECT(select_u128, st_u128)

/* The first round, of all keys and for all places that are asked for, in parallel. */
typedef struct first_round {
    const population *p;
    unsigned shift;
    uint32_t bucket;  /* whose keys are being collected */
    uint64_t *starts; /* by chunk: where they go */
    uint64_t *kept;
    st_u128 *kept_wide;
} first_round;

static inline uint32_t bucket_of(const first_round *r, uint64_t i)
{
    return (uint32_t)(r->p->wide ? r->p->wide[i] >> r->shift : r->p->keys[i] >> r->shift);
}

static void count_buckets(void *ctx, uint64_t c, st_env *env)
{
    (void)env;
    const first_round *r = ctx;
    const chunk *k = &r->p->chunks[c];
    for (uint64_t i = k->at; i < k->at + k->n; i++) k->counts[bucket_of(r, i)]++;
}

static void collect_bucket(void *ctx, uint64_t c, st_env *env)
{
    (void)env;
    const first_round *r = ctx;
    const chunk *k = &r->p->chunks[c];
    uint64_t to = r->starts[c];
    for (uint64_t i = k->at; i < k->at + k->n; i++) {
        if (bucket_of(r, i) != r->bucket) continue;
        if (r->kept_wide)
            r->kept_wide[to++] = r->p->wide[i];
        else
            r->kept[to++] = r->p->keys[i];
    }
}

static uint64_t in_bucket(const population *p, uint32_t bucket)
{
    uint64_t n = 0;
    for (uint64_t c = 0; c < p->nchunks; c++) n += p->chunks[c].counts[bucket];
    return n;
}

/* The key in place k of a bucket. */
static st_u128 select_in(population *p, first_round *r, uint32_t bucket, uint64_t k)
{
    if (r->shift == 0) return bucket;
    st_arena *a = st_arena_new(p->vm->env);
    uint64_t n = 0;
    r->starts = st_new_n(a, uint64_t, p->nchunks + 1);
    for (uint64_t c = 0; c < p->nchunks; c++) {
        r->starts[c] = n;
        n += p->chunks[c].counts[bucket];
    }
    r->bucket = bucket;
    r->kept = p->wide ? NULL : st_alloc_raw(a, n * sizeof *r->kept);
    r->kept_wide = p->wide ? st_alloc_raw(a, n * sizeof *r->kept_wide) : NULL;
    st_parallel(p->vm->env, p->vm->threads, p->nchunks, collect_bucket, r);
    st_u128 key = p->wide ? select_u128(r->kept_wide, n, k) : select_u64(r->kept, n, k);
    st_arena_free(a);
    return key;
}

/* The keys in places k[0] to k[n - 1] (from 0, in ascending order). Quickest where the places ascend, too. */
static void keys_at(population *p, const uint64_t *k, uint32_t n, st_u128 *keys)
{
    unsigned bits = bits_of(p->range);
    first_round r = {.p = p, .shift = bits > RADIX ? bits - RADIX : 0};
    for (uint64_t c = 0; c < p->nchunks; c++) p->chunks[c].counts = st_new_n(p->a, uint32_t, BUCKETS);
    st_parallel(p->vm->env, p->vm->threads, p->nchunks, count_buckets, &r);
    uint64_t before = 0, size = in_bucket(p, 0);
    uint32_t bucket = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (k[i] < before) {
            before = bucket = 0;
            size = in_bucket(p, 0);
        }
        while (k[i] >= before + size) {
            before += size;
            size = in_bucket(p, ++bucket);
        }
        keys[i] = p->base + select_in(p, &r, bucket, k[i] - before);
    }
}

static st_u128 key_at(population *p, uint64_t k)
{
    st_u128 key;
    keys_at(p, &k, 1, &key);
    return key;
}

static uint64_t count_between(const population *p, st_u128 low, st_u128 high)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < p->n; i++) {
        st_u128 key = p->base + (p->wide ? p->wide[i] : p->keys[i]);
        count += key >= low && key <= high;
    }
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
        uint64_t size = s->bottom ? count_between(&p, 0, key) : count_between(&p, key, ~(st_u128)0);
        const char *subject = s->subject == ST_BC_NONE ? NULL : vm->bc->schema->defs[s->subject]->name;
        if (size > k && 2 * size >= 3 * k)
            *st_push(vm->result, &vm->ties) = (st_vm_note){STRATA_NOTE_TIES, subject, size, k};
    }
    st_arena_free(p.a);
}

/* ---- rfm scores ---- */

enum { MOST_SCORES = 9 };

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
static void cut_by_rank(population *p, const st_bc_step *s, cuts *c)
{
    uint64_t n = (uint64_t)s->n, places[MOST_SCORES];
    c->above = s->method == ST_RANKED;
    for (uint64_t score = 2; score <= n; score++)
        places[c->n++] = (score - 1) * (c->above ? p->n - 1 : p->n) / n;
    keys_at(p, places, c->n, c->key);
}

/* 1 plus the quantiles i/n of type 7: low + (high - low) part/n, rounded up to the grid of the values, which changes no comparison. */
static void cut_by_quantile(population *p, const st_bc_step *s, cuts *c)
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

static bool reaches_value(const population *p, const cuts *c, uint32_t i, int64_t row)
{
    if (p->value.type == ST_BC_F64) return ((const double *)p->value.data)[row] >= c->real[i];
    st_i128 x =
        p->value.type == ST_BC_I128 ? ((const st_i128 *)p->value.data)[row] : st_feed_i64(&p->value, row);
    return !c->endless[i] && x >= c->value[i];
}

static int64_t cuts_reached(const population *p, const cuts *c, int64_t row, bool by_value)
{
    int64_t n = 0;
    if (by_value) {
        for (uint32_t i = 0; i < c->n; i++) n += reaches_value(p, c, i, row);
        return n;
    }
    st_u128 key = key_of(p, row);
    for (uint32_t i = 0; i < c->n; i++) n += c->above ? key > c->key[i] : key >= c->key[i];
    return n;
}

typedef struct score_job {
    const population *p;
    const st_bc_step *s;
    const st_slot *out;
    cuts c;
    bool by_value, alone;
} score_job;

static void score_rows(void *ctx, uint64_t task, st_env *env)
{
    (void)env;
    const score_job *j = ctx;
    uint64_t to = ST_MIN(j->p->rows, (task + 1) * ROWS_A_CHUNK);
    for (uint64_t r = task * ROWS_A_CHUNK; r < to; r++) {
        int64_t row;
        if (!is_member(j->p, r, &row)) continue;
        int64_t reached = cuts_reached(j->p, &j->c, row, j->by_value);
        int64_t score = j->by_value && j->s->lower_is_better ? j->s->n - reached : 1 + reached;
        ((int64_t *)j->out->data)[r] = j->alone ? j->s->n : score;
        st_bit_set(j->out->known, r);
    }
}

static void score_by_cuts(population *p, const st_bc_step *s, const st_slot *out)
{
    score_job j = {.p = p, .s = s, .out = out, .by_value = s->method == ST_RFM_PACKAGE};
    j.alone = s->method == ST_RANKED && p->n == 1;
    if (j.by_value)
        cut_by_quantile(p, s, &j.c);
    else
        cut_by_rank(p, s, &j.c);
    st_parallel(p->vm->env, p->vm->threads, (p->rows + ROWS_A_CHUNK - 1) / ROWS_A_CHUNK, score_rows, &j);
}

/* ---- ntile ---- */

typedef struct deal {
    const population *p;
    st_feed key;
} deal;

static int by_goodness_then_key(const void *ctx, int32_t a, int32_t b)
{
    const deal *d = ctx;
    const st_feed *v = &d->p->value;
    st_u128 x = key_of(d->p, st_feed_row(v, NULL, (uint64_t)a)),
            y = key_of(d->p, st_feed_row(v, NULL, (uint64_t)b));
    if (x != y) return x < y ? -1 : 1;
    return st_feed_compare(&d->key, st_feed_row(&d->key, NULL, (uint64_t)a),
                           st_feed_row(&d->key, NULL, (uint64_t)b));
}

static void score_by_dealing(population *p, const st_bc_step *s, const st_slot *out)
{
    deal d = {p, st_feed_of(p->vm, s->key)};
    int32_t *rows = st_alloc_raw(p->a, (p->n + 1) * sizeof *rows),
            *scratch = st_alloc_raw(p->a, (p->n + 1) * sizeof *rows);
    uint64_t n = 0, groups = (uint64_t)s->n;
    for (uint64_t r = 0; r < p->rows; r++) {
        int64_t row;
        if (is_member(p, r, &row)) rows[n++] = (int32_t)r;
    }
    st_sort_rows(rows, scratch, n, by_goodness_then_key, &d);
    uint64_t size = n / groups, larger = n % groups, in_larger = larger * (size + 1);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t score = i < in_larger ? i / (size + 1) + 1 : larger + (i - in_larger) / size + 1;
        ((int64_t *)out->data)[rows[i]] = (int64_t)score;
        st_bit_set(out->known, (uint64_t)rows[i]);
    }
}

void st_step_score(st_vm *vm, const st_bc_step *s)
{
    population p = {.reversed = s->lower_is_better && s->method != ST_RFM_PACKAGE};
    open_population(&p, vm, s);
    st_slot_open(vm, s->out);
    if (p.n > 0 && s->method == ST_NTILE)
        score_by_dealing(&p, s, &vm->slots[s->out]);
    else if (p.n > 0)
        score_by_cuts(&p, s, &vm->slots[s->out]);
    st_arena_free(p.a);
}
