#include "table/table.h"

#include <stdio.h>

st_str st_row_key(const st_data_table *t, uint64_t row, char buf[24])
{
    const st_column *key = &t->columns[t->decl->key->index];
    if (key->phys == ST_CODE) return st_column_text(key, row);
    int n = snprintf(buf, 24, "%lld", (long long)st_column_i64(key, row));
    return (st_str){buf, (uint32_t)n};
}
