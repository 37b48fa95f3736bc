/* Arrow's layouts as the C data interface hands them over: what a schema says of a column, and single values of an array.
 * `at` counts from the start of the buffers, so an array's offset is already in it. Nothing here allocates. */
#ifndef STRATA_TABLE_ARROW_H
#define STRATA_TABLE_ARROW_H

#include "base/bitmap.h"

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

/* Other kinds than those listed are ST_SRC_OTHER. */
void st_src_of(const struct ArrowSchema *schema, st_src *src);
/* For messages: "whole numbers", "lists of text". */
void st_src_words(const st_src *src, char out[80]);

int64_t st_src_int(const void *values, uint8_t width, bool is_signed, int64_t at);
/* Integers and decimals; false: over 128 bits. */
bool st_src_exact(const st_src *src, const struct ArrowArray *a, int64_t at, st_i128 *out);
double st_src_float(const st_src *src, const struct ArrowArray *a, int64_t at);

typedef enum st_text_found {
    ST_TEXT_THERE,
    ST_TEXT_MISSING /* in the dictionary */,
    ST_TEXT_BROKEN
} st_text_found;
/* A text, through the dictionary where there is one. */
st_text_found st_src_text(const st_src *src, const struct ArrowArray *a, int64_t at, st_str *out);
/* The entry of the dictionary that stands at `at`; -1: broken. */
int64_t st_src_entry(const st_src *src, const struct ArrowArray *a, int64_t at);
st_text_found st_src_entry_text(const st_src *src, const struct ArrowArray *a, int64_t entry, st_str *out);
/* Where the elements of a list lie in its child; false: broken. */
bool st_src_range(const st_src *src, const struct ArrowArray *a, int64_t at, int64_t *from, int64_t *to);

static inline bool st_src_known(const struct ArrowArray *a, int64_t at)
{
    return a->null_count == 0 || a->n_buffers == 0 || !a->buffers[0] || st_bit(a->buffers[0], (uint64_t)at);
}

#endif
