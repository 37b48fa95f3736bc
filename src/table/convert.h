/* One column of one batch: from whatever layout Arrow has to the layout of table.h, with every value checked. */
#ifndef STRATA_TABLE_CONVERT_H
#define STRATA_TABLE_CONVERT_H

#include "table/arrow.h"
#include "table/dict.h"

bool st_src_accepted(const st_src *src, st_type declared);
void st_type_words(st_type t, char out[48]); /* as declared: "decimal(12,2)", "list of string" */

/* Columns that share a dictionary share a room; one thread works in a room at a time, with the room's own environment. */
typedef struct st_room {
    st_env env;
    bool has_dict;
    st_dict_builder dict;
} st_room;

typedef struct st_chunk {
    struct st_chunk *next;
    uint64_t rows, n;
    void *data;
    uint8_t *known; /* NULL: all */
    int64_t *ends;  /* of a list: by row, where its elements end */
} st_chunk;

typedef struct st_col_build {
    const st_col *decl;
    st_phys phys;
    st_room *room;
    st_arena *arena; /* of the chunks */
    st_chunk *first, *last;
    uint64_t rows, n, missing;
    st_big allowed; /* `one of` of text: a byte a code, 1: allowed */
    st_src src;     /* in the stream in hand */
    int64_t child;
} st_col_build;

size_t st_phys_bytes(st_phys phys); /* 0 for BIT */

/* Copies n bits to bits that are still zero. */
void st_bits_copy(uint8_t *to, uint64_t at, const uint8_t *from, uint64_t from_at, uint64_t n);

typedef struct st_batch {
    const struct ArrowArray *array;
    const char *origin;
    uint64_t first_row; /* 0-based, in the stream */
    const st_zone *zone;
} st_batch;

/* Adds the rows of a batch to a column. Raises errors in the room's environment. */
const st_chunk *st_convert(st_col_build *c, const st_batch *batch);

/* The error of a value: "<origin>, row <row>, column <name>: <what>". row is 0-based here. */
ST_NORETURN void st_cell_fail(const st_col_build *c, const char *origin, uint64_t row, const char *fmt, ...)
    ST_PRINTF(4, 5);
#define ST_SHOWN 96
/* A text as messages show it: in quotes, cut at 60 bytes, on one line. */
const char *st_show_text(st_str s, char out[ST_SHOWN]);

#endif
