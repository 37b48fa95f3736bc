/* Columns in the fewest bytes that hold their values: what a rule asks of most columns is read at one or two bytes a row. */
#ifndef STRATA_TABLE_NARROW_H
#define STRATA_TABLE_NARROW_H

#include "table/table.h"

/* Holds columns narrow where that is less wide. The copies live in `a`; `threads` at most work. */
void st_narrow_columns(st_arena *a, st_data *data, uint32_t threads);

#endif
