/* Values of declared types from their text: the common spellings at once, all others by the functions that table/convert.c reads
 * text with, so that both accept the same and mean the same by it. */
#ifndef STRATA_IO_CSV_VALUES_H
#define STRATA_IO_CSV_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

__extension__ typedef __int128 st_csv_wide;

/* STRANGE: not a value of the type, or one that only a reader who knows the zone of the rules can tell. */
typedef enum st_csv_found { ST_CSV_VALUE, ST_CSV_MISSING, ST_CSV_STRANGE } st_csv_found;

/* Of all: 8 bytes in front of the text and behind it can be read. */
st_csv_found st_csv_truth(const char *p, size_t n, bool *out);
st_csv_found st_csv_int(const char *p, size_t n, int64_t *out);
/* A count of 10^-scale, of at most 18 digits. */
st_csv_found st_csv_decimal(const char *p, size_t n, unsigned digits, unsigned scale, int64_t *out);
/* The same of up to 38 digits. */
st_csv_found st_csv_long_decimal(const char *p, size_t n, unsigned digits, unsigned scale, st_csv_wide *out);
st_csv_found st_csv_float(const char *p, size_t n, double *out);
st_csv_found st_csv_date(const char *p, size_t n, int32_t *out);
/* Microseconds, on a wall clock, or in UTC where the text says a zone; *zoned says which. */
st_csv_found st_csv_time(const char *p, size_t n, int64_t *out, bool *zoned);

#ifdef __cplusplus
}
#endif
#endif
