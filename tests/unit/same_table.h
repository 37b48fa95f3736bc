/* Whether two tables hold the same, value for value. Their dictionaries may be in another order. */
#ifndef STRATA_TEST_SAME_TABLE_H
#define STRATA_TEST_SAME_TABLE_H

#include "table/convert.h"

static bool same_texts(const st_column *a, const st_column *b)
{
    for (uint64_t i = 0; i < a->n; i++) {
        if (!a->list && a->known && !st_bit(a->known, i)) continue;
        uint32_t one = ((const uint32_t *)a->data)[i], other = ((const uint32_t *)b->data)[i];
        if (!st_str_eq(st_dict_get(a->dict, one), st_dict_get(b->dict, other))) return false;
    }
    return true;
}

static bool same_column(const st_column *a, const st_column *b, uint64_t rows)
{
    if (a->n != b->n || a->missing != b->missing || a->phys != b->phys) return false;
    if (a->missing && memcmp(a->known, b->known, st_bitmap_bytes(rows)) != 0) return false;
    if (a->list && memcmp(a->list, b->list, (rows + 1) * sizeof *a->list) != 0) return false;
    if (a->phys == ST_CODE) return same_texts(a, b);
    size_t bytes = a->phys == ST_BIT ? st_bitmap_bytes(a->n) : (size_t)a->n * st_phys_bytes(a->phys);
    return memcmp(a->data, b->data, bytes) == 0;
}

static bool same_table(const st_data_table *a, const st_data_table *b)
{
    if (a->rows != b->rows) return false;
    for (uint32_t i = 0; i < a->decl->ncols; i++)
        if (a->columns[i].decl && !same_column(&a->columns[i], &b->columns[i], a->rows)) return false;
    return true;
}

#endif
