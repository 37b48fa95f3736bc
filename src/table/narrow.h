/* Columns in the fewest bytes that hold their values: what a rule asks of most columns is read at one or two bytes a row. Chunks are
 * packed as they come, so that a column that is held narrow never lies in memory as a whole in any other way. */
#ifndef STRATA_TABLE_NARROW_H
#define STRATA_TABLE_NARROW_H

#include "table/table.h"

/* What a run of values has in common. */
typedef struct st_extent {
    st_range range; /* of codes, too */
    bool seconds;   /* instants that are whole seconds */
    bool counts_up; /* whole numbers, each one more than that before */
} st_extent;

/* Rows that are not known get the value of one that is, or 0, so that they do not show in the extent. I32, I64, F64, CODE. */
void st_blank(st_phys phys, void *values, const uint8_t *known, uint64_t n);
st_extent st_extent_of(st_phys phys, bool instants, const void *values, uint64_t n);

/* ---- chunks ---- */

struct st_chunk;
struct st_col_build;

/* Gives the chunk its values, packed into `arena` where they are of I32, I64 or CODE; others lie in it already. `known` NULL: all. */
void st_pack(st_arena *arena, st_phys phys, struct st_chunk *chunk, const void *values,
             const st_extent *extent, const uint8_t *known);
/* Numbers [from, from + n) of I32, I64 or CODE, from wherever they are held. */
void st_widen(st_phys phys, const void *data, const st_narrow *narrow, uint64_t from, uint64_t n,
              int64_t *out);
/* The column that the chunks make. Its memory is that of `a`; `threads` at most work. The chunks stay. */
void st_join_column(st_arena *a, const struct st_col_build *c, uint32_t threads, st_column *out);

#endif
