/* Data in memory, as both evaluators read it: columns the way Arrow lays them out, one contiguous block a
 * column, rows in the order of the files; keys and links already turned into row numbers. Made by
 * src/table/bind.c, never changed after, but for what runs keep with them. */
#ifndef STRATA_TABLE_TABLE_H
#define STRATA_TABLE_TABLE_H

#include "base/bitmap.h"
#include "sema/program.h"

#include <pthread.h>

#define ST_NO_ROW (-1)
#define ST_MAX_ROWS INT32_MAX /* a table; the named limit */

/* How values lie in memory. Which one a declared type uses: bool BIT; int I64; float F64; decimal(p,s) I64
 * where p <= 18, else I128 (the count of 10^-s); string CODE; date I32 (days); timestamp I64 (instant,
 * microseconds). */
typedef enum st_phys { ST_BIT, ST_I32, ST_I64, ST_I128, ST_F64, ST_CODE } st_phys;

/* The distinct texts of a column. No text stands twice; the order means nothing. The columns of a key and of the
 * links to it share one dictionary, so there may be entries that a column does not use. */
typedef struct st_dict {
    uint32_t n;
    const uint64_t *offsets; /* n + 1 */
    const char *bytes;
} st_dict;

static inline st_str st_dict_get(const st_dict *d, uint32_t code)
{
    return (st_str){d->bytes + d->offsets[code], (uint32_t)(d->offsets[code + 1] - d->offsets[code])};
}

/* The values of a column of I32, I64 or CODE in fewer bytes: low + unit * an unsigned whole number of so many bytes (1, 2, 4); of
 * rows without a value anything. Padded to 64 bytes behind the last. */
typedef struct st_narrow {
    const void *data; /* NULL: the column is not held so */
    uint8_t bytes;
    int64_t low, unit; /* codes: 0 and 1 */
} st_narrow;

/* No known value of the column lies outside: what is asked of all of them can be answered from it. */
typedef struct st_range {
    bool known;         /* I32, I64 or F64, and there is a value; else the others say nothing */
    int64_t low, high;  /* of I32 and I64 */
    double flow, fhigh; /* of F64 */
} st_range;

/* Rows of a zone, of which the range of the values is known on its own. */
#define ST_ZONE_ROWS UINT64_C(65536)

typedef struct st_column {
    const st_col *decl;
    st_phys phys; /* of a value, or of a list's element */
    uint64_t n;   /* values; for a list the number of elements in all rows */
    const void *
        data; /* I32: int32_t, CODE: uint32_t, BIT: packed; padded to 64 bytes. NULL: held narrow, see the functions below */
    const uint8_t
        *known; /* packed, one bit a row; NULL: every row has a value. Where a bit is 0 the data are 0. */
    const int64_t *
        list; /* NULL, or rows + 1 offsets into data; elements are never missing (a missing one is dropped) */
    const st_dict *dict; /* of CODE */
    uint64_t missing;    /* rows without a value */
    st_narrow narrow;
    st_range range;        /* of a list: of all elements */
    const st_range *zones; /* by zone; NULL: they are nearly as wide as the column's */
} st_column;

static inline uint32_t st_narrow_at(const st_narrow *n, uint64_t i)
{
    if (n->bytes == 1) return ((const uint8_t *)n->data)[i];
    return n->bytes == 2 ? ((const uint16_t *)n->data)[i] : ((const uint32_t *)n->data)[i];
}

static inline int64_t st_narrow_i64(const st_narrow *n, uint64_t i)
{
    return (int64_t)((uint64_t)n->low + (uint64_t)n->unit * st_narrow_at(n, i));
}

/* A value of a column of I32 or I64, however it is held; anything where it is not known. */
static inline int64_t st_column_i64(const st_column *c, uint64_t i)
{
    if (!c->data) return st_narrow_i64(&c->narrow, i);
    return c->phys == ST_I32 ? ((const int32_t *)c->data)[i] : ((const int64_t *)c->data)[i];
}

/* The code of a value of a column of CODE, likewise. */
static inline uint32_t st_column_code(const st_column *c, uint64_t i)
{
    return c->data ? ((const uint32_t *)c->data)[i] : st_narrow_at(&c->narrow, i);
}

static inline st_str st_column_text(const st_column *c, uint64_t i)
{
    return st_dict_get(c->dict, st_column_code(c, i));
}

/* Rows that stand grouped by an entity, in order of its rows; those that lead to none behind all others. */
typedef struct st_grouped {
    uint32_t n;            /* links to the entity */
    const uint32_t *links; /* st_col.index, each on the table that the one before leads to */
    const uint32_t *first; /* by entity, and one more: rows of the entities before */
    const st_col *order;   /* within an entity they ascend in it, missing first; NULL: in nothing */
    /* Of a single link, NULL or its rows of the parent, which few rules need beside `first`: st_grouped_rows. */
    const int32_t *rows;
    bool checked; /* that they are below `parents` */
    uint64_t parents;
} st_grouped;

typedef struct st_data_table {
    const st_table *decl;
    uint64_t rows;
    st_column *columns; /* by st_col.index; columns[i].decl == NULL where the rules do not read it */
    int32_t *
        *links; /* by st_col.index of the link column, the hidden ones included: row of the parent table, or
                           ST_NO_ROW */
    uint64_t *orphans;   /* by st_col.index: rows whose link names no row of the parent */
    bool bound;          /* rows were read; never of groups, which are worked out */
    st_grouped *grouped; /* NULL: rows stand as they came */
} st_data_table;

/* What runs over the data leave for later ones: vm/keep.c. */
typedef struct st_keeper {
    pthread_mutex_t lock;
    struct st_kept_view *views;
} st_keeper;

typedef struct st_data {
    st_arena *arena;
    const st_program *program;
    st_data_table *tables; /* by st_table.index */
    st_keeper *kept;       /* NULL: nothing is kept */
} st_data;

/* The rows of the parent of a table that holds them back, looked at when they are first asked for; NULL: it does not. Runs may ask at the same
 * time. Fails in `env` where they are damaged. */
const int32_t *st_grouped_rows(const st_data *data, const st_data_table *t, uint32_t col, st_env *env,
                               uint32_t threads);

/* The key of a row as text (int keys as canonical digits), for draws and messages; `buf` is used for digits.
 */
st_str st_row_key(const st_data_table *t, uint64_t row, char buf[24]);

#endif
