/* From keys that are whole numbers to the rows they name. Keys that count up need no table, those that lie close together one by
 * position, others one by hash. */
#ifndef STRATA_TABLE_KEYS_H
#define STRATA_TABLE_KEYS_H

#include "table/convert.h"

/* A place of the hash table: a part of the key's hash, or of the key, which tells most keys apart, and the row + 1; 0: free. */
typedef uint64_t st_key_place;

typedef struct st_int_keys {
    const st_column *column;
    uint64_t rows;
    int64_t low;
    uint64_t n; /* of places; counting up: of keys */
    enum { ST_KEYS_COUNT_UP, ST_KEYS_BY_POSITION, ST_KEYS_BY_HASH } how;
    int32_t *by_position;
    st_key_place *places;
    uint64_t seed;
    bool exact; /* what a place says of the key is all of it */
} st_int_keys;

/* The first row whose key stands in one before, and that. */
typedef struct st_key_twice {
    uint64_t first, second;
} st_key_twice;

/* False: a key stands there twice. The column was joined from `build`, whose chunks are still there. */
bool st_int_keys_make(st_int_keys *x, st_arena *a, const st_column *column, const st_col_build *build,
                      uint32_t threads, st_key_twice *twice);
/* The row of each key, or ST_NO_ROW. */
void st_int_keys_find(const st_int_keys *x, const int64_t *keys, uint64_t n, int32_t *rows);

#endif
