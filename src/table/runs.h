/* Runs of values at once, where a file has them nearly as the column wants them: no branch a value, limits looked at once for all.
 * Whatever does not go so, a value that is wrong above all, is left to the conversion of single values, which says what it is. */
#ifndef STRATA_TABLE_RUNS_H
#define STRATA_TABLE_RUNS_H

#include "base/calendar.h"
#include "table/arrow.h"
#include "table/narrow.h"

typedef struct st_values {
    const st_src *src;
    const struct ArrowArray *leaf;
    int64_t first;
    uint64_t n;
    const uint8_t *known;
    bool all_known;
    st_type type; /* declared */
    st_phys phys;
    const st_zone *zone;
    void *out; /* room for them */
} st_values;

/* The values, in `out` or where they lie; those of rows that are not known are blank (narrow.h). NULL: they do not go so. */
const void *st_run_of_values(const st_values *v, st_extent *extent);

#endif
