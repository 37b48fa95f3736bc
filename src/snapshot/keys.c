/* From a key, a whole number or the code of a text, to its row: by position where keys lie close together, else by hash. */
#include "snapshot/parts.h"
#include "table/dict.h"

struct st_key_rows {
    const void *keys;
    uint8_t width;
    bool dense;
    int64_t low;
    uint64_t n, seed; /* n places, a power of two where hashed */
    int32_t *rows;
};

static int64_t key_of(const st_key_rows *k, uint64_t row)
{
    switch (k->width) {
    case 1: return ((const uint8_t *)k->keys)[row];
    case 2: return ((const uint16_t *)k->keys)[row];
    case 4: return ((const uint32_t *)k->keys)[row];
    default: return ((const int64_t *)k->keys)[row];
    }
}

/* The place of a key: its row, or ST_NO_ROW where it would go; NULL: outside. */
static int32_t *place_of(const st_key_rows *k, int64_t key)
{
    if (k->dense) {
        uint64_t at = (uint64_t)key - (uint64_t)k->low;
        return at < k->n ? &k->rows[at] : NULL;
    }
    for (uint64_t i = st_hash_mix((uint64_t)key, k->seed) & (k->n - 1);; i = (i + 1) & (k->n - 1))
        if (k->rows[i] == ST_NO_ROW || key_of(k, (uint64_t)k->rows[i]) == key) return &k->rows[i];
}

static void plan(st_key_rows *k, uint64_t rows)
{
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (uint64_t r = 0; r < rows; r++) {
        int64_t key = key_of(k, r);
        low = ST_MIN(low, key);
        high = ST_MAX(high, key);
    }
    uint64_t range = rows ? (uint64_t)high - (uint64_t)low : 0;
    k->low = low;
    k->dense = range < 4 * rows + 1024;
    k->n = range + 1;
    if (k->dense) return;
    for (k->n = 1024; k->n < 2 * rows;) k->n *= 2;
}

st_key_rows *st_key_rows_new(st_arena *a, const void *keys, uint8_t width, uint64_t rows, uint64_t *twice)
{
    st_key_rows *k = st_new(a, st_key_rows);
    *k = (st_key_rows){.keys = keys, .width = width, .seed = st_hash_seed()};
    plan(k, rows);
    k->rows = st_alloc_raw(a, k->n * sizeof *k->rows);
    memset(k->rows, 0xff, k->n * sizeof *k->rows);
    *twice = rows;
    for (uint64_t r = 0; r < rows; r++) {
        int32_t *place = place_of(k, key_of(k, r));
        if (*place != ST_NO_ROW && *twice == rows) *twice = r;
        *place = (int32_t)r;
    }
    return k;
}

int32_t st_key_row(const st_key_rows *k, int64_t key)
{
    const int32_t *place = place_of(k, key);
    return place ? *place : ST_NO_ROW;
}
