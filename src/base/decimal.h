/* Exact decimals: a signed 128-bit count of 10^-scale, at most 38 digits. Operations report false on overflow
 * (more than 38 digits) or division by zero; the evaluators turn that into a missing value and count it. */
#ifndef STRATA_BASE_DECIMAL_H
#define STRATA_BASE_DECIMAL_H

#include "base/base.h"

#define ST_DECIMAL_DIGITS 38
#define ST_QUOTIENT_SCALE 12 /* digits behind the point of `/`, avg, median and share of exact numbers */
#define ST_DECIMAL_TEXT 48

st_i128 st_pow10(unsigned n); /* n <= 38 */
bool st_dec_fits(st_i128 v);  /* |v| < 10^38 */
bool st_dec_rescale(st_i128 v, unsigned from, unsigned to,
                    st_i128 *out); /* to >= from exact; else half away from zero */
bool st_dec_add(st_i128 a, unsigned sa, st_i128 b, unsigned sb, st_i128 *out); /* scale max(sa, sb) */
bool st_dec_sub(st_i128 a, unsigned sa, st_i128 b, unsigned sb, st_i128 *out);
bool st_dec_mul(st_i128 a, st_i128 b, st_i128 *out); /* scale sa + sb */
/* a/b with ST_QUOTIENT_SCALE digits, half away from zero, exact before rounding (256-bit inside). */
bool st_dec_div(st_i128 a, unsigned sa, st_i128 b, unsigned sb, st_i128 *out);
int st_dec_cmp(st_i128 a, unsigned sa, st_i128 b, unsigned sb); /* exact at any scales */
st_i128 st_dec_floor(st_i128 v, unsigned scale);                /* scale 0 */
st_i128 st_dec_ceil(st_i128 v, unsigned scale);
double st_dec_to_double(st_i128 v,
                        unsigned scale); /* the double nearest to v / 10^scale (correctly rounded) */

/* "[-]digits[.digits]", underscores between digits allowed when `underscores`. Sets the scale to the digits
 * behind the point. False: not a number of that form, or over 38 digits. */
bool st_dec_parse(st_str s, bool underscores, st_i128 *out, unsigned *scale);
/* Writes with exactly `scale` digits behind the point; returns the length. */
uint32_t st_dec_format(st_i128 v, unsigned scale, char out[ST_DECIMAL_TEXT]);
/* Doubles: the shortest text that reads back as the same double, without exponent where 1e-6 <= |v| < 1e15.
 */
uint32_t st_double_format(double v, char out[ST_DECIMAL_TEXT]);

#endif
