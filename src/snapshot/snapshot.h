/* Snapshots: the data of a rule set as files that are mapped, checked and joined already (docs/snapshot.md). Failures are raised with st_fail in
 * the environment of the arena. */
#ifndef STRATA_SNAPSHOT_SNAPSHOT_H
#define STRATA_SNAPSHOT_SNAPSHOT_H

#include "table/table.h"

/* ---- making one ---- */
typedef struct st_snapshot_maker st_snapshot_maker;
/* All declared tables with all their columns, into the folder `dir`; what was there is replaced when st_snapshot_end is reached. The maker lives in
 * `a`; `threads` at most work. */
st_snapshot_maker *st_snapshot_begin(st_arena *a, const st_program *program, const char *dir,
                                     uint32_t threads);
/* The tables in the order in which they are to be taken: parents before children. */
uint32_t st_snapshot_tables(const st_snapshot_maker *m, const st_table *const **tables);
/* Reads a table, or a part of it, to its end and releases the stream, also on failure. */
void st_snapshot_take(st_snapshot_maker *m, const st_table *table, struct ArrowArrayStream *stream,
                      const char *origin);
void st_snapshot_end(st_snapshot_maker *m);
/* Closes what is open and removes what is not whole; NULL and a second call are fine. The arena must still live. */
void st_snapshot_drop(st_snapshot_maker *m);

/* ---- reading one ---- */
bool st_is_snapshot(const char *dir);
/* Files that are mapped, for as long as the data are used. */
typedef struct st_mappings {
    ST_VEC(struct st_mapping {
        void *bytes;
        size_t n;
    })
    all;
} st_mappings;
/* The data in the arena `a`, their values where they are mapped. Fails where the snapshot is not whole, not for these tables, or damaged. */
const st_data *st_snapshot_load(st_arena *a, const st_program *program, const char *dir, uint32_t threads,
                                st_mappings *mappings);
void st_mappings_free(st_mappings *mappings);

#endif
