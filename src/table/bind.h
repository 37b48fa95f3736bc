/* From Arrow streams to st_data: finds the columns that the rules read, checks them against their declarations, converts
 * them to the layout of table.h, and turns keys and links into row numbers.
 *
 * What is accepted for a declared type (of lists: for their elements); what a value loses by it is an error of that value.
 *   bool           bool; integers that are 0 or 1
 *   int            integers of any width; decimals and floats that are whole numbers
 *   float          integers, floats, decimals: the nearest double
 *   decimal(p,s)   integers and decimals that fit exactly; floats, rounded to s digits half away from zero (a float that is
 *                  the nearest one to a number exactly between two counts as that number)
 *   string         text and binary of every layout, also as a dictionary; checked to be UTF-8
 *   date           dates; timestamps (their day in the zone)
 *   timestamp      timestamps of any unit, without a zone taken as wall clock of the rule set's zone; dates (their first
 *                  instant). Nanoseconds are cut to microseconds.
 * NaN, infinities and columns of the null type read as missing. Text (all that CSV has) is parsed where another type is
 * declared:
 *   bool true false, yes no, 1 0 in any case; numbers with a point and perhaps an exponent, decimals rounded to s digits
 *   half away from zero, "nan" and "inf" missing for float and decimal; dates and timestamps as calendar.h reads them, a
 *   date being its first instant where a timestamp is declared and a timestamp its day where a date is; lists separated by
 *   semicolons. Blanks around a value are passed over, and a blank value is missing, except in text.
 *
 * Errors are raised with st_fail in the environment of the binder's arena: STRATA_BAD_DATA with one sentence that names the
 * stream, the row (1-based, counted in its stream), the column and the value. */
#ifndef STRATA_TABLE_BIND_H
#define STRATA_TABLE_BIND_H

#include "table/table.h"

/* Metadata of a stream's schema: the names of all columns of the file, one a line, for streams that carry only those asked
 * for. Messages suggest near names from it. */
#define ST_BIND_COLUMNS "strata:columns"

/* What has to be read: tables that are segmented, of which a column is used, or that a used link leads to; of those the key
 * and the columns used. Groups are never read. */
bool st_table_needed(const st_program *program, const st_table *t);
bool st_col_needed(const st_program *program, const st_col *c);

typedef struct st_binder st_binder;

/* The binder lives in `a`, and so does the st_data it makes; working memory is its own and is given back by finish, by free,
 * and where anything fails. `threads`: at most so many work at a time; never shows in the data. One thread at a
 * time. */
st_binder *st_binder_new(st_arena *a, const st_program *program, uint32_t threads);

/* Reads a stream, one table or a part of it, to its end and releases it, also on failure. It is asked by the caller's thread alone; some
 * batches may be held before the first of them is converted, and the last until those behind it are. Tables in any order; parts of a
 * table in the order its rows shall have. `origin` is what messages call it, NULL: the table's name; it stands in front of
 * what the stream itself says of an error. After a failure the binder is of no more use. */
void st_bind_stream(st_binder *b, const st_table *table, struct ArrowArrayStream *stream, const char *origin);

/* Hands rows over as they are checked and converted, and keeps none of them: they are those of the chunks of `columns` (by index). There is
 * nothing to finish then. */
struct st_col_build;
typedef void (*st_bind_taker)(void *ctx, const st_table *table, const struct st_col_build *columns,
                              uint64_t rows);
void st_binder_hand_over(st_binder *b, st_bind_taker taker, void *ctx);
const struct st_col_build *st_binder_columns(const st_binder *b, const st_table *table);

/* Joins the tables. Every needed table must have been given a stream. Called once. */
const st_data *st_bind_finish(st_binder *b);

/* Gives the working memory back where finish was not reached; NULL and a second call are fine. The arena must still live. */
void st_binder_free(st_binder *b);

#endif
