/* The folder of a snapshot on the disk: it is filled beside its place and takes it when it is whole. */
#ifndef STRATA_SNAPSHOT_STORE_H
#define STRATA_SNAPSHOT_STORE_H

#include "snapshot/parts.h"

typedef struct st_store st_store;
typedef struct st_mapping st_mapping;

/* Makes the folder beside `dir`; fails where `dir` is something else than a snapshot or an empty folder. */
st_store *st_store_open(st_arena *a, const char *dir);
st_snap_file st_store_create(st_store *s, const char *name);
st_snap_file st_store_reopen(st_store *s, const char *name);
/* A file without a name, for rows on their way. */
st_snap_file st_store_rows(st_store *s);
void st_store_close(st_store *s, st_snap_file *f);
/* Until the store is dropped. */
st_mapping st_store_map(st_store *s, const char *path, uint64_t size);
/* Writes the manifest and puts the folder in its place. */
void st_store_finish(st_store *s, st_str manifest);
/* Gives everything back; what is not in its place is removed. NULL and a second call are fine. */
void st_store_drop(st_store *s);

/* A key as messages show it. */
const char *st_snap_key_text(st_arena *a, const char *file, const st_snap_column *key, uint64_t row);

#endif
