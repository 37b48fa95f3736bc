#include "table/table.h"

#include <stdio.h>

st_str st_row_key(const st_data_table *t, uint64_t row, char buf[24])
{
    const st_column *key = &t->columns[t->decl->key->index];
    if (key->phys == ST_CODE) return st_dict_get(key->dict, ((const uint32_t *)key->data)[row]);
    int n = snprintf(buf, 24, "%lld", (long long)((const int64_t *)key->data)[row]);
    return (st_str){buf, (uint32_t)n};
}
