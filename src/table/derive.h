/* The rows of groups (st_derived), worked out from those of their source.
 *
 * One group for every combination of an entity and of values of the keys, over all rows of the source that lead to an entity.
 * A missing value is a value of its own; texts are equal where their bytes are. Groups stand in order of their entity's row,
 * those of one entity in order of their first row in the source, so that they depend on nothing but the order of the data. */
#ifndef STRATA_TABLE_DERIVE_H
#define STRATA_TABLE_DERIVE_H

#include "table/table.h"

/* Fills the tables of groups, those that are used, and the links from their sources to them. Every other table is complete.
 * `threads`: at most so many work at it; never shows in the data. Working memory is given back. Failures are raised in the environment of data->arena. */
void st_derive_tables(st_data *data, uint32_t threads);

#endif
