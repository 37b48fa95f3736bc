/* One column of one batch: from whatever layout Arrow has to the layout of table.h, with every value checked. */
#ifndef STRATA_TABLE_CONVERT_H
#define STRATA_TABLE_CONVERT_H

#include "table/dict.h"

/* What a stream's schema says of a column. */
typedef enum st_src_kind {
    ST_SRC_NONE, /* the null type: every value is missing */
    ST_SRC_BOOL,
    ST_SRC_INT,
    ST_SRC_DECIMAL,
    ST_SRC_FLOAT,
    ST_SRC_TEXT,
    ST_SRC_DATE32,
    ST_SRC_DATE64,
    ST_SRC_TIMESTAMP,
    ST_SRC_OTHER
} st_src_kind;

typedef struct st_src {
    st_src_kind kind;
    bool is_signed;
    uint8_t width;           /* bytes of an int, decimal, float; of a text's offsets, 16 for views */
    int8_t precision, scale; /* of a decimal */
    bool zoned;              /* a timestamp with a zone */
    int64_t per_second;      /* of a timestamp */
    uint8_t index;           /* bytes of a dictionary's index, 0: no dictionary */
    bool index_signed;
    uint8_t list; /* bytes of a list's offsets, 0: no list, 1: lists of `fixed` elements */
    int64_t fixed;
} st_src;

void st_src_of(const struct ArrowSchema *schema, st_src *src);
void st_src_words(const st_src *src, char out[80]);
bool st_src_accepted(const st_src *src, st_type declared, bool text);
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
    bool text;
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
