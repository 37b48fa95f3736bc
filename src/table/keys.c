#include "table/keys.h"

#include "base/threads.h"

#include <stdatomic.h>

enum { ROWS_A_TASK = 1 << 17, STEP = 256 };

/* ---- places ---- */

static uint64_t hash_of(const st_int_keys *x, int64_t key)
{
    return st_hash_mix((uint64_t)key, x->seed);
}

/* The hash chooses a place by its upper bits; its lower ones, or the key, are what the place says. */
static uint64_t place_of(const st_int_keys *x, uint64_t hash)
{
    return (uint64_t)((st_u128)hash * x->n >> 64);
}

static uint32_t tag_of(const st_int_keys *x, int64_t key, uint64_t hash)
{
    return x->exact ? (uint32_t)((uint64_t)key - (uint64_t)x->low) : (uint32_t)hash;
}

static int32_t row_of(st_key_place p)
{
    return (int32_t)((uint32_t)p - 1);
}

static bool is_key(const st_int_keys *x, st_key_place p, int64_t key, uint32_t tag)
{
    return (uint32_t)(p >> 32) == tag && (x->exact || st_column_i64(x->column, (uint64_t)row_of(p)) == key);
}

/* ---- finding ---- */

static void find_counting(const st_int_keys *x, const int64_t *keys, uint64_t n, int32_t *rows)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = (uint64_t)keys[i] - (uint64_t)x->low;
        rows[i] = at < x->n ? (int32_t)at : ST_NO_ROW;
    }
}

static void find_by_position(const st_int_keys *x, const int64_t *keys, uint64_t n, int32_t *rows)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = (uint64_t)keys[i] - (uint64_t)x->low;
        rows[i] = at < x->n ? x->by_position[at] : ST_NO_ROW;
    }
}

static int32_t find_by_hash(const st_int_keys *x, int64_t key, uint64_t hash)
{
    uint32_t tag = tag_of(x, key, hash);
    for (uint64_t i = place_of(x, hash); x->places[i]; i = i + 1 < x->n ? i + 1 : 0)
        if (is_key(x, x->places[i], key, tag)) return row_of(x->places[i]);
    return ST_NO_ROW;
}

/* Exact places hold no key outside of [low, low + 2^32). */
static bool may_be_there(const st_int_keys *x, int64_t key)
{
    return !x->exact || (uint64_t)key - (uint64_t)x->low <= UINT32_MAX;
}

/* Places are asked for some keys ahead, and the keys that they lead to, so that the memory's answers overlap. */
static void find_hashed(const st_int_keys *x, const int64_t *keys, uint64_t n, int32_t *rows)
{
    uint64_t hashes[STEP];
    for (uint64_t from = 0; from < n; from += STEP) {
        uint64_t m = ST_MIN(n - from, STEP);
        for (uint64_t i = 0; i < m; i++) {
            hashes[i] = hash_of(x, keys[from + i]);
            __builtin_prefetch(&x->places[place_of(x, hashes[i])]);
        }
        for (uint64_t i = 0; i < m; i++)
            rows[from + i] =
                may_be_there(x, keys[from + i]) ? find_by_hash(x, keys[from + i], hashes[i]) : ST_NO_ROW;
    }
}

void st_int_keys_find(const st_int_keys *x, const int64_t *keys, uint64_t n, int32_t *rows)
{
    switch (x->how) {
    case ST_KEYS_COUNT_UP: find_counting(x, keys, n, rows); break;
    case ST_KEYS_BY_POSITION: find_by_position(x, keys, n, rows); break;
    case ST_KEYS_BY_HASH: find_hashed(x, keys, n, rows); break;
    }
}

/* ---- making ---- */

typedef struct making {
    const st_int_keys *x;
    atomic_bool twice;
    atomic_uint_least64_t filled; /* places by position */
} making;

static bool count_up(const st_col_build *build)
{
    int64_t next = build->first ? build->first->extent.range.low : 0;
    for (const st_chunk *k = build->first; k; k = k->next) {
        if (!k->extent.counts_up || k->extent.range.low != next) return false;
        next = k->extent.range.high + (k->next != NULL); /* the last may be the greatest number */
    }
    return true;
}

static uint64_t rows_of_task(const st_int_keys *x, uint64_t task, uint64_t *from)
{
    *from = task * ROWS_A_TASK;
    return ST_MIN(x->rows, *from + ROWS_A_TASK);
}

static void clear_places(void *ctx, uint64_t task, st_env *env)
{
    (void)env;
    const st_int_keys *x = ((const making *)ctx)->x;
    uint64_t from = task * ROWS_A_TASK, n = ST_MIN(x->n - from, ROWS_A_TASK);
    if (x->how == ST_KEYS_BY_POSITION)
        memset(x->by_position + from, 0xff, n * sizeof *x->by_position); /* ST_NO_ROW */
    else
        memset(x->places + from, 0, n * sizeof *x->places);
}

/* Of two rows with one key either stays; that there were two shows in the number of places filled. */
static void put_by_position(void *ctx, uint64_t task, st_env *env)
{
    (void)env;
    const st_int_keys *x = ((const making *)ctx)->x;
    int64_t keys[STEP];
    uint64_t from, to = rows_of_task(x, task, &from);
    for (; from < to; from += STEP) {
        uint64_t n = ST_MIN(to - from, STEP);
        st_widen(ST_I64, x->column->data, &x->column->narrow, from, n, keys);
        for (uint64_t i = 0; i < n; i++)
            __atomic_store_n(&x->by_position[(uint64_t)keys[i] - (uint64_t)x->low], (int32_t)(from + i),
                             __ATOMIC_RELAXED);
    }
}

static void count_filled(void *ctx, uint64_t task, st_env *env)
{
    (void)env;
    making *m = ctx;
    const st_int_keys *x = m->x;
    uint64_t from = task * ROWS_A_TASK, to = ST_MIN(x->n, from + ROWS_A_TASK), filled = 0;
    for (; from < to; from++) filled += x->by_position[from] != ST_NO_ROW;
    atomic_fetch_add(&m->filled, filled);
}

/* Puts a key at the first free place behind its own; false: it is there. */
static bool put_key(const st_int_keys *x, int64_t key, uint64_t hash, uint64_t row)
{
    uint32_t tag = tag_of(x, key, hash);
    st_key_place mine = (uint64_t)tag << 32 | (row + 1);
    for (uint64_t i = place_of(x, hash);; i = i + 1 < x->n ? i + 1 : 0) {
        st_key_place there = __atomic_load_n(&x->places[i], __ATOMIC_RELAXED);
        if (!there && __atomic_compare_exchange_n(&x->places[i], &there, mine, false, __ATOMIC_RELAXED,
                                                  __ATOMIC_RELAXED))
            return true;
        if (is_key(x, there, key, tag)) return false;
    }
}

static void put_hashed(void *ctx, uint64_t task, st_env *env)
{
    (void)env;
    making *m = ctx;
    const st_int_keys *x = m->x;
    int64_t keys[STEP];
    uint64_t hashes[STEP], from, to = rows_of_task(x, task, &from);
    for (; from < to && !atomic_load(&m->twice); from += STEP) {
        uint64_t n = ST_MIN(to - from, STEP);
        st_widen(ST_I64, x->column->data, &x->column->narrow, from, n, keys);
        for (uint64_t i = 0; i < n; i++) {
            hashes[i] = hash_of(x, keys[i]);
            __builtin_prefetch(&x->places[place_of(x, hashes[i])], 1);
        }
        for (uint64_t i = 0; i < n; i++)
            if (!put_key(x, keys[i], hashes[i], from + i)) atomic_store(&m->twice, true);
    }
}

/* Row by row, in order: which two are meant does not depend on threads. */
static void find_twice(const st_int_keys *x, st_arena *a, st_key_twice *twice)
{
    st_int_keys y = *x;
    y.how = ST_KEYS_BY_HASH;
    y.n = 2 * x->rows + 1024;
    y.places = st_alloc_raw(a, y.n * sizeof *y.places);
    memset(y.places, 0, y.n * sizeof *y.places);
    for (uint64_t r = 0; r < x->rows; r++) {
        int64_t key = st_column_i64(x->column, r);
        uint64_t hash = hash_of(&y, key);
        if (put_key(&y, key, hash, r)) continue;
        *twice = (st_key_twice){(uint64_t)find_by_hash(&y, key, hash), r};
        return;
    }
}

static void plan(st_int_keys *x, const st_column *column, const st_col_build *build)
{
    uint64_t range = column->range.known ? (uint64_t)column->range.high - (uint64_t)column->range.low : 0;
    *x = (st_int_keys){.column = column,
                       .rows = column->n,
                       .low = column->range.low,
                       .seed = st_hash_seed(),
                       .exact = range <= UINT32_MAX};
    bool close = range < 4 * x->rows + 1024;
    x->how = count_up(build) ? ST_KEYS_COUNT_UP : close ? ST_KEYS_BY_POSITION : ST_KEYS_BY_HASH;
    x->n = x->how == ST_KEYS_COUNT_UP ? x->rows : close ? range + 1 : x->rows * 3 / 2 + 1024;
}

bool st_int_keys_make(st_int_keys *x, st_arena *a, const st_column *column, const st_col_build *build,
                      uint32_t threads, st_key_twice *twice)
{
    plan(x, column, build);
    if (x->how == ST_KEYS_COUNT_UP) return true;
    bool hashed = x->how == ST_KEYS_BY_HASH;
    if (hashed)
        x->places = st_alloc_raw(a, x->n * sizeof *x->places);
    else
        x->by_position = st_alloc_raw(a, x->n * sizeof *x->by_position);
    st_env *env = st_arena_env(a);
    making m = {.x = x};
    uint64_t places = (x->n + ROWS_A_TASK - 1) / ROWS_A_TASK,
             rows = (x->rows + ROWS_A_TASK - 1) / ROWS_A_TASK;
    st_parallel(env, threads, places, clear_places, &m);
    st_parallel(env, threads, rows, hashed ? put_hashed : put_by_position, &m);
    if (!hashed) st_parallel(env, threads, places, count_filled, &m);
    if (hashed ? !m.twice : m.filled == x->rows) return true;
    find_twice(x, a, twice);
    return false;
}
