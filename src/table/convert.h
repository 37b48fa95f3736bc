/* One column of one batch: from whatever layout Arrow has to the layout of table.h, with every value checked. */
#ifndef STRATA_TABLE_CONVERT_H
#define STRATA_TABLE_CONVERT_H

#include "table/arrow.h"
#include "table/dict.h"
#include "table/narrow.h"

bool st_src_accepted(const st_src *src, st_type declared);
void st_type_words(st_type t, char out[48]); /* as declared: "decimal(12,2)", "list of string" */

/* What one thread works with at a time. */
typedef struct st_desk {
    st_env env;
    st_big wide; /* values before they are packed */
    st_big bits; /* which of them are known */
} st_desk;

/* Text columns that share a dictionary share a room; one thread works in it at a time. */
typedef struct st_room {
    st_desk desk;
    bool has_dict;
    st_dict_builder dict;
    uint32_t number; /* among the binder's */
} st_room;

/* Rows of a column that were converted together, packed: narrow.c. */
typedef struct st_chunk {
    struct st_chunk *next;
    uint64_t rows, n, missing;
    const void *data; /* as the column's phys says; NULL: narrow */
    st_narrow narrow;
    st_extent extent;
    uint8_t *known; /* NULL: all */
    int64_t *ends;  /* of a list: by row, where its elements end */
} st_chunk;

typedef struct st_col_build {
    const st_col *decl;
    st_phys phys;
    st_room *room;     /* of texts; else NULL */
    st_arena **arenas; /* of the chunks: by thread, one of the room's for texts; NULL: none yet */
    st_chunk *first, *last;
    uint64_t nchunks, rows, n, missing;
    st_big allowed; /* `one of` of text: a byte a code, 1: allowed */
    st_src src;     /* in the stream in hand */
    int64_t child;
    /* the dictionary of the batch before, and the codes of its entries */
    const void *entries[3];
    int64_t nentries, first_entry;
    st_big codes;
} st_col_build;

st_phys st_phys_of(st_type t);      /* how values of a declared type, or of its elements, lie */
size_t st_phys_bytes(st_phys phys); /* 0 for BIT */

/* Copies n bits to bits that are still zero. */
void st_bits_copy(uint8_t *to, uint64_t at, const uint8_t *from, uint64_t from_at, uint64_t n);

/* Rows of a batch. */
typedef struct st_batch {
    const struct ArrowArray *array;
    const char *origin;
    uint64_t from, rows; /* of the array's */
    uint64_t first_row;  /* 0-based, in the stream */
    const st_zone *zone;
} st_batch;

/* The rows as a chunk of the column, in `arena`. Errors are raised in the environment of the desk. */
st_chunk *st_convert(st_col_build *c, const st_batch *batch, st_desk *desk, st_arena *arena);
/* To be called before another array of the column is converted, the one before being still there: what is known of its dictionary is
 * kept where it is the same one. */
void st_meet_dictionary(st_col_build *c, const struct ArrowArray *array);

/* The error of a value: "<origin>, row <row>, column <name>: <what>". row is 0-based here. */
ST_NORETURN void st_cell_fail(st_env *env, const st_col_build *c, const char *origin, uint64_t row,
                              const char *fmt, ...) ST_PRINTF(5, 6);
#define ST_SHOWN 96
/* A text as messages show it: in quotes, cut at 60 bytes, on one line. */
const char *st_show_text(st_str s, char out[ST_SHOWN]);

#endif
