/* Whether two tables hold the same, value for value, in whichever way they hold it. */
#ifndef STRATA_TEST_SAME_TABLE_H
#define STRATA_TEST_SAME_TABLE_H

#include "table/convert.h"

static bool same_value(const st_column *a, const st_column *b, uint64_t i)
{
    if (a->phys == ST_BIT) return st_bit(a->data, i) == st_bit(b->data, i);
    if (a->phys == ST_CODE) return st_str_eq(st_column_text(a, i), st_column_text(b, i));
    if (a->phys == ST_I32 || a->phys == ST_I64) return st_column_i64(a, i) == st_column_i64(b, i);
    size_t bytes = st_phys_bytes(a->phys);
    return memcmp((const char *)a->data + i * bytes, (const char *)b->data + i * bytes, bytes) == 0;
}

static bool same_column(const st_column *a, const st_column *b, uint64_t rows)
{
    if (a->n != b->n || a->missing != b->missing || a->phys != b->phys) return false;
    if (a->missing && memcmp(a->known, b->known, st_bitmap_bytes(rows)) != 0) return false;
    if (a->list && memcmp(a->list, b->list, (rows + 1) * sizeof *a->list) != 0) return false;
    for (uint64_t i = 0; i < a->n; i++) {
        bool known = a->list || !a->known || st_bit(a->known, i);
        if (known && !same_value(a, b, i)) return false;
    }
    return true;
}

static bool same_table(const st_data_table *a, const st_data_table *b)
{
    if (a->rows != b->rows) return false;
    for (uint32_t i = 0; i < a->decl->ncols; i++)
        if (a->columns[i].decl && !same_column(&a->columns[i], &b->columns[i], a->rows)) return false;
    return true;
}

#endif
