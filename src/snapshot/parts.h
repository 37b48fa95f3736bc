/* What the files of this room share: what a snapshot is on the disk, and how it is written down. docs/snapshot.md has the layout. */
#ifndef STRATA_SNAPSHOT_PARTS_H
#define STRATA_SNAPSHOT_PARTS_H

#include "base/text.h"
#include "snapshot/snapshot.h"
#include "table/table.h"

#define ST_SNAP_VERSION 1
#define ST_SNAP_ALIGN 64u
#define ST_SNAP_MANIFEST "snapshot.json"

/* Where a buffer lies in its file; no bytes: there is none. */
typedef struct st_snap_place {
    uint64_t at, bytes;
} st_snap_place;

/* A column as it lies in a file. */
typedef struct st_snap_column {
    const char *name, *type; /* as declared */
    bool key;
    const char *links_to;   /* the table, or "" */
    const char *allowed;    /* what `one of` and `between` say, or "" */
    uint64_t n, missing;    /* values, and rows without one */
    uint8_t width;          /* bytes of a value, or of a code; 0: bits */
    int64_t least, largest; /* of numbers of up to 64 bits, days, instants */
    st_snap_place known, list, data;
    uint8_t narrow_width; /* of the column beside it; 0: there is none */
    int64_t low, unit;
    st_snap_place narrow;
    uint64_t entries; /* of its dictionary */
    st_snap_place offsets, bytes;
    uint64_t orphans; /* of a link */
    st_snap_place rows;
} st_snap_column;

typedef struct st_snap_table {
    const char *name;
    uint64_t rows, size; /* size: of the file */
    uint32_t check;      /* of the file's footer */
    uint32_t footer;     /* its length */
    uint32_t ncolumns;
    st_snap_column *columns;
    uint32_t nlinks; /* the path by which its rows stand grouped; 0: they do not */
    const char **links;
    const char *order; /* the column that they are ordered by within an entity, or "" */
    uint64_t entities, starts_size;
    st_snap_place starts;
} st_snap_table;

typedef struct st_manifest {
    const char *timezone;
    uint32_t ntables;
    st_snap_table *tables;
} st_manifest;

/* ---- manifest.c ---- */
/* As text, with its checksum. */
st_str st_manifest_write(st_arena *a, const st_manifest *m);
/* Fails with one sentence that names `path`. What it returns is well-formed; that places lie in files is not looked at. */
const st_manifest *st_manifest_read(st_arena *a, st_str text, const char *path);
/* What the declaration of a column allows, as text that is the same where the declaration is. */
const char *st_snap_allowed(st_arena *a, const st_zone *zone, const st_col *c);

/* ---- frame.c: an Arrow file around buffers that are written later ---- */
typedef enum st_frame_kind {
    ST_FRAME_BOOL,
    ST_FRAME_UINT,
    ST_FRAME_INT,
    ST_FRAME_FLOAT,
    ST_FRAME_DECIMAL,
    ST_FRAME_DATE,
    ST_FRAME_TIMESTAMP,
    ST_FRAME_TEXT /* codes of `dict` */
} st_frame_kind;

typedef struct st_frame_field {
    const char *name;
    st_frame_kind kind;
    uint8_t width; /* bytes of a value or a code; 0: bits */
    uint8_t digits, scale;
    bool list;
    uint64_t n, missing; /* as in st_snap_column */
    const st_dict *dict;
    uint32_t nmeta;
    const char *meta[4][2];
    /* filled in: */
    st_snap_place known, offsets, data; /* offsets: of the list */
    st_snap_place dict_offsets, dict_bytes;
} st_frame_field;

typedef struct st_frame {
    uint64_t rows;
    uint32_t nfields;
    st_frame_field *fields;
    uint64_t size; /* of the file */
    uint32_t footer, check;
} st_frame;

/* A file that is being written. */
typedef struct st_snap_file {
    st_env *env; /* of failures */
    const char *path;
    int fd;
} st_snap_file;
void st_snap_write(const st_snap_file *f, st_env *env, const void *bytes, uint64_t n, uint64_t at);

/* Writes everything but the buffers of the rows, and fills in where those belong. */
void st_frame_write(const st_snap_file *f, st_frame *frame);

/* ---- keys.c ---- */
typedef struct st_key_rows st_key_rows;
/* From keys to rows; *twice is a row whose key stands before it already, or `rows`. The keys are `width` bytes each; those of 8 are signed. */
st_key_rows *st_key_rows_new(st_arena *a, const void *keys, uint8_t width, uint64_t rows, uint64_t *twice);
int32_t st_key_row(const st_key_rows *k, int64_t key);

/* ---- blocks.c: rows that are dealt to parts, and come back part by part ---- */

/* Values of a column in memory, as table.h lays them out. */
typedef struct st_values {
    st_phys phys;
    bool list;
    uint64_t rows, n;
    void *data;
    uint8_t *known; /* NULL: all */
    int64_t *ends;  /* of a list, by row */
} st_values;

/* What is dealt: columns, the rows of parents (one array a link), and each row's entity. */
typedef struct st_dealer st_dealer;
st_dealer *st_dealer_new(st_arena *a, const st_snap_file *file, uint32_t ncolumns, const st_values *shape,
                         uint32_t nlinks);
/* Row i goes to part[i]; parts of greater numbers than before may come up at any time. links[k][i], entity[i] (NULL: none). */
void st_deal(st_dealer *d, uint64_t rows, const uint32_t *part, const st_values *columns,
             int32_t *const *links, const int32_t *entity);
/* Parts of rows in their order, in memory as they come: what lies in hand is written. */
void st_dealer_flush(st_dealer *d);
uint32_t st_dealer_parts(const st_dealer *d);
uint64_t st_dealer_rows(const st_dealer *d, uint32_t part);
uint64_t st_dealer_values(const st_dealer *d, uint32_t part, uint32_t column);
/* All of a part, in the order in which it was dealt, in memory of `a`. `links` and `entity` are filled with arrays. */
void st_dealer_read(const st_dealer *d, st_arena *a, uint32_t part, st_values *columns, int32_t **links,
                    int32_t **entity);

/* ---- messages ---- */
ST_NORETURN void st_snap_system(st_env *env, const char *what, const char *path);

/* ---- store.c ---- */
/* Maps a file that must have that size. */
void st_snap_map(st_env *env, const char *path, uint64_t size, struct st_mapping *to);

#endif
