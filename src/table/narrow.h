/* Copies of columns in the fewest bytes that hold their values, for the machine's comparisons: what a rule asks of most columns
 * is read at one or two bytes a row. The columns themselves stay as they are. */
#ifndef STRATA_TABLE_NARROW_H
#define STRATA_TABLE_NARROW_H

#include "table/table.h"

/* Fills st_column.narrow where that is less wide than the column. The copies live in `a`; `threads` at most work. */
void st_narrow_columns(st_arena *a, st_data *data, uint32_t threads);

#endif
