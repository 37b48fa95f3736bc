/* Writing Arrow: columns filled value by value and handed over by the Arrow C data interface. Formats are those of the
 * interface; understood are b i l g u tdD tsu:ZONE d:P,S and +l (a list of u).
 *
 * Memory comes from the allocator and belongs to whoever holds the array; it is given back by the array's release. Nothing
 * here unwinds: what runs out of memory is remembered and reported by st_out_take. One thread at a time. */
#ifndef STRATA_API_ARROW_OUT_H
#define STRATA_API_ARROW_OUT_H

#include "base/base.h"
#include "strata/strata.h"

typedef struct st_out_field {
    const char *name;
    const char *format; /* must live as long as the fields do */
    bool nullable;
} st_out_field;

typedef struct st_out_batch st_out_batch;

/* NULL when memory runs out. The fields must outlive the batch. */
st_out_batch *st_out_new(const strata_allocator *alloc, const st_out_field *fields, uint32_t nfields);
void st_out_free(st_out_batch *b);
uint64_t st_out_rows(const st_out_batch *b); /* values in the first column */

/* One value each; a row is whole when every column got one. */
void st_out_null(st_out_batch *b, uint32_t column);
void st_out_bool(st_out_batch *b, uint32_t column, bool v);       /* b */
void st_out_int(st_out_batch *b, uint32_t column, int64_t v);     /* l tsu; i tdD, of 32 bits */
void st_out_float(st_out_batch *b, uint32_t column, double v);    /* g */
void st_out_decimal(st_out_batch *b, uint32_t column, st_i128 v); /* d */
void st_out_text(st_out_batch *b, uint32_t column, st_str v);     /* u */
void st_out_list(st_out_batch *b, uint32_t column, const st_str *v, uint32_t n); /* +l */

/* Whole columns of a batch, in place of single values: `rows` values at once, into a column that is empty.
 * lend    the array refers to `data`, and to the bits of `known` (NULL: all are), which live until `owner` is told so often that an
 *         array is released as it was told that one is kept. Formats b l g tsu.
 * values  room for values that the caller writes, all of them known; NULL where memory ran out. Formats i l g tdD tsu d.
 * bits    the bits of `words` words whose bit in `keep` is set, as b; all of them are known. */
typedef struct st_out_owner {
    void *context;
    void (*keep)(void *context);
    void (*release)(void *context); /* from any thread */
} st_out_owner;
void st_out_lend(st_out_batch *b, uint32_t column, const st_out_owner *owner, uint64_t rows, const void *data,
                 const uint64_t *known);
void *st_out_values(st_out_batch *b, uint32_t column, uint64_t rows);
void st_out_bits(st_out_batch *b, uint32_t column, const uint64_t *bits, const uint64_t *keep,
                 uint64_t words);

/* Moves the rows into `array` (a struct of the columns) and empties the batch. 0, or ENOMEM. */
int st_out_take(st_out_batch *b, struct ArrowArray *array);

/* A stream of batches: `fill` puts the next rows into an empty batch (none: the end) and returns 0, or an errno after setting
 * *why to a text that lives as long as the stream. `done` gives the context back; it is also called when the stream could not
 * be made. `alloc` NULL: malloc's. 0, or ENOMEM. */
typedef struct st_out_source {
    void *context;
    int (*fill)(void *context, st_out_batch *b, const char **why);
    void (*done)(void *context);
} st_out_source;
int st_out_stream(const strata_allocator *alloc, const st_out_field *fields, uint32_t nfields,
                  st_out_source source, struct ArrowArrayStream *stream);

#endif
