/* What leaves the house: values in the normal forms that ad platforms compare hashes of, and texts that no spreadsheet runs. */
#ifndef STRATA_TREAT_SEND_H
#define STRATA_TREAT_SEND_H

#include "base/mem.h"

/* The normal form of a value that is sent under the name `as` (docs/data.md has the table); n == 0: nothing is left of it. */
st_str st_send_normal(st_arena *a, const char *as, st_str text);
/* SHA-256 of the normal form, 64 hex digits of lower case; false: nothing is left to hash. */
bool st_send_hash(st_arena *a, const char *as, st_str text, char hex[64]);
/* Spreadsheets run what begins with = + - @: such a text gets an apostrophe in front, unless it is a number or a telephone
 * number. */
st_str st_send_harmless(st_arena *a, st_str text);

#endif
