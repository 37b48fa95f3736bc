/* Numbers and truth values written as text in data files. Nothing here depends on a locale. Blanks are not accepted: trim
 * before. */
#ifndef STRATA_TABLE_NUMBER_H
#define STRATA_TABLE_NUMBER_H

#include "base/decimal.h"

typedef enum st_number_status {
    ST_NUMBER_OK,
    ST_NUMBER_MISSING, /* nan, inf */
    ST_NUMBER_BAD,     /* not a number */
    ST_NUMBER_RANGE,   /* does not fit */
    ST_NUMBER_INEXACT  /* digits behind the point that are not zero, where `exact` was asked for */
} st_number_status;

/* [+-]digits[.digits][e[+-]digits] as a count of 10^-scale of at most `digits` digits, rounded half away from zero. */
st_number_status st_number_exact(st_str s, unsigned digits, unsigned scale, bool exact, st_i128 *out);
st_number_status st_number_double(st_str s, double *out);
bool st_number_bool(st_str s, bool *out);

/* A finite double (single: one that was a 32-bit float) as a count of 10^-scale, rounded half away from zero. A value that is
 * the nearest one to a number exactly half-way counts as that number: 1.005 gives 1.01 as it does in text. */
st_number_status st_number_of_double(double v, bool single, unsigned digits, unsigned scale, st_i128 *out);

#endif
