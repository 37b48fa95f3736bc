#include "base/decimal.h"

#include "base/wide.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- beyond 128 bits ---- */

/* Quotient and remainder of a / d, bit by bit; needs a.high < d so that the quotient fits. */
static st_u128 wide_div(st_wide a, st_u128 d, st_u128 *rest)
{
    st_u128 r = a.high, q = 0;
    for (int bit = 127; bit >= 0; bit--) {
        bool carry = r >> 127;
        r = (r << 1) | ((a.low >> bit) & 1);
        q <<= 1;
        if (carry || r >= d) {
            r -= d;
            q |= 1;
        }
    }
    *rest = r;
    return q;
}

/* ---- powers and fit ---- */

st_i128 st_pow10(unsigned n)
{
    static const uint64_t small[20] = {1ull,
                                       10ull,
                                       100ull,
                                       1000ull,
                                       10000ull,
                                       100000ull,
                                       1000000ull,
                                       10000000ull,
                                       100000000ull,
                                       1000000000ull,
                                       10000000000ull,
                                       100000000000ull,
                                       1000000000000ull,
                                       10000000000000ull,
                                       100000000000000ull,
                                       1000000000000000ull,
                                       10000000000000000ull,
                                       100000000000000000ull,
                                       1000000000000000000ull,
                                       10000000000000000000ull};
    assert(n <= ST_DECIMAL_DIGITS);
    return n < 20 ? (st_i128)small[n] : (st_i128)small[19] * (st_i128)small[n - 19];
}

bool st_dec_fits(st_i128 v)
{
    return st_magnitude(v) < (st_u128)st_pow10(ST_DECIMAL_DIGITS);
}

static bool from_wide(st_wide w, bool negative, st_i128 *out)
{
    if (w.high || w.low >= (st_u128)st_pow10(ST_DECIMAL_DIGITS)) return false;
    *out = negative ? -(st_i128)w.low : (st_i128)w.low;
    return true;
}

/* |v| at a larger scale; never overflows, as 10^38 squared is below 2^256. */
static st_wide widened(st_i128 v, unsigned from, unsigned to)
{
    return st_wide_mul(st_magnitude(v), (st_u128)st_pow10(to - from));
}

/* ---- arithmetic ---- */

/* a / b with a half or more rounded up. */
static st_u128 div_half_up(st_u128 a, st_u128 b)
{
    st_u128 rest = a % b;
    return a / b + (rest >= b - rest);
}

bool st_dec_rescale(st_i128 v, unsigned from, unsigned to, st_i128 *out)
{
    if (to >= from) return from_wide(widened(v, from, to), v < 0, out);
    st_u128 rounded = div_half_up(st_magnitude(v), (st_u128)st_pow10(from - to));
    return from_wide((st_wide){0, rounded}, v < 0, out);
}

bool st_dec_add(st_i128 a, unsigned sa, st_i128 b, unsigned sb, st_i128 *out)
{
    unsigned scale = ST_MAX(sa, sb);
    st_wide x = widened(a, sa, scale), y = widened(b, sb, scale);
    if ((a < 0) == (b < 0)) return from_wide(st_wide_add(x, y), a < 0, out);
    return st_wide_cmp(x, y) >= 0 ? from_wide(st_wide_sub(x, y), a < 0, out)
                                  : from_wide(st_wide_sub(y, x), b < 0, out);
}

bool st_dec_sub(st_i128 a, unsigned sa, st_i128 b, unsigned sb, st_i128 *out)
{
    return st_dec_add(a, sa, -b, sb, out);
}

bool st_dec_mul(st_i128 a, st_i128 b, st_i128 *out)
{
    return from_wide(st_wide_mul(st_magnitude(a), st_magnitude(b)), (a < 0) != (b < 0), out);
}

bool st_dec_div(st_i128 a, unsigned sa, st_i128 b, unsigned sb, st_i128 *out)
{
    if (b == 0) return false;
    bool negative = (a < 0) != (b < 0);
    st_u128 divisor = st_magnitude(b);
    st_wide n = {0, st_magnitude(a)};
    unsigned up = ST_QUOTIENT_SCALE + sb;
    if (up < sa) {
        /* A divisor beyond 128 bits is more than twice any numerator: the quotient rounds to 0. */
        st_wide d = st_wide_mul(divisor, (st_u128)st_pow10(sa - up));
        if (d.high) return from_wide((st_wide){0, 0}, false, out);
        return from_wide((st_wide){0, div_half_up(n.low, d.low)}, negative, out);
    }
    /* 10^up in two steps. Where a step leaves 256 bits, the quotient is beyond 38 digits for every divisor. */
    unsigned first = ST_MIN(up - sa, ST_DECIMAL_DIGITS), second = up - sa - first;
    n = st_wide_mul(n.low, (st_u128)st_pow10(first));
    st_wide top = st_wide_mul(n.high, (st_u128)st_pow10(second));
    st_wide bottom = st_wide_mul(n.low, (st_u128)st_pow10(second));
    n = (st_wide){bottom.high + top.low, bottom.low};
    if (top.high || n.high < top.low || n.high >= divisor) return false;
    st_u128 rest, q;
    if (n.high == 0) {
        rest = n.low % divisor;
        q = n.low / divisor;
    } else {
        q = wide_div(n, divisor, &rest);
    }
    bool round_up = rest >= divisor - rest;
    return from_wide(st_wide_add((st_wide){0, q}, (st_wide){0, round_up}), negative, out);
}

int st_dec_cmp(st_i128 a, unsigned sa, st_i128 b, unsigned sb)
{
    if (sa == sb || (a < 0) != (b < 0) || a == 0 || b == 0) return (a > b) - (a < b);
    unsigned scale = ST_MAX(sa, sb);
    int c = st_wide_cmp(widened(a, sa, scale), widened(b, sb, scale));
    return a < 0 ? -c : c;
}

st_i128 st_dec_floor(st_i128 v, unsigned scale)
{
    st_i128 p = st_pow10(scale);
    return v / p - (v % p < 0);
}

st_i128 st_dec_ceil(st_i128 v, unsigned scale)
{
    st_i128 p = st_pow10(scale);
    return v / p + (v % p > 0);
}

/* ---- doubles and text ---- */

/* The digits of v; returns how many. */
static uint32_t put_digits(st_u128 v, char *out)
{
    char back[40];
    uint32_t n = 0;
    do {
        back[n++] = (char)('0' + (int)(v % 10));
        v /= 10;
    } while (v);
    for (uint32_t i = 0; i < n; i++) out[i] = back[n - 1 - i];
    return n;
}

double st_dec_to_double(st_i128 v, unsigned scale)
{
    st_u128 m = st_magnitude(v);
    if (m <= (st_u128)1 << 53 && scale <= 22) {
        /* Both are exact doubles, so the division rounds once. */
        static const double powers[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                          1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                          1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
        double d = (double)(uint64_t)m / powers[scale];
        return v < 0 ? -d : d;
    }
    /* strtod rounds correctly; without a point the text means the same in every locale. */
    char text[64];
    uint32_t n = put_digits(m, text);
    snprintf(text + n, sizeof text - n, "e-%u", scale);
    double d = strtod(text, NULL);
    return v < 0 ? -d : d;
}

bool st_dec_parse(st_str s, bool underscores, st_i128 *out, unsigned *scale)
{
    const char *p = s.p, *end = s.p + s.n;
    bool negative = p < end && *p == '-';
    p += negative;
    st_u128 v = 0;
    const st_u128 limit = (st_u128)st_pow10(ST_DECIMAL_DIGITS);
    bool point = false, digit_before = false;
    *scale = 0;
    for (; p < end; p++) {
        if (*p >= '0' && *p <= '9') {
            v = v * 10 + (unsigned)(*p - '0');
            if (v >= limit) return false;
            if (point && ++*scale > ST_DECIMAL_DIGITS) return false;
            digit_before = true;
            continue;
        }
        bool digit_after = p + 1 < end && p[1] >= '0' && p[1] <= '9';
        if (!digit_before || !digit_after || (*p != '.' && *p != '_')) return false;
        if (*p == '.' ? point : !underscores) return false;
        point = point || *p == '.';
        digit_before = false;
    }
    if (!digit_before) return false;
    *out = negative ? -(st_i128)v : (st_i128)v;
    return true;
}

uint32_t st_dec_format(st_i128 v, unsigned scale, char out[ST_DECIMAL_TEXT])
{
    char digits[40];
    uint32_t n = put_digits(st_magnitude(v), digits), o = 0;
    if (v < 0) out[o++] = '-';
    uint32_t whole = n > scale ? n - scale : 0;
    if (whole == 0) out[o++] = '0';
    memcpy(out + o, digits, whole);
    o += whole;
    if (scale) {
        out[o++] = '.';
        for (uint32_t i = n - whole; i < scale; i++) out[o++] = '0';
        memcpy(out + o, digits + whole, n - whole);
        o += n - whole;
    }
    out[o] = 0;
    return o;
}

/* The significant digits of v >= 0 rounded to `precision` of them, without trailing zeros, as an integer times
 * 10^*exponent. */
static uint32_t significant(double v, int precision, char *digits, int *exponent)
{
    char text[48];
    snprintf(text, sizeof text, "%.*e", precision - 1, v);
    uint32_t n = 0;
    const char *p = text;
    for (; *p != 'e'; p++) /* what is no digit is the locale's decimal point */
        if (*p >= '0' && *p <= '9') digits[n++] = *p;
    *exponent = (int)strtol(p + 1, NULL, 10) - ((int)n - 1);
    for (; n > 1 && digits[n - 1] == '0'; n--) ++*exponent;
    digits[n] = 0;
    return n;
}

uint32_t st_double_format(double v, char out[ST_DECIMAL_TEXT])
{
    if (isnan(v) || isinf(v))
        return (uint32_t)snprintf(out, ST_DECIMAL_TEXT, isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
    double m = fabs(v);
    char digits[24], text[32];
    int exponent = 0;
    uint32_t n = 0;
    /* Every text of 15 digits survives a normal double, so shorter ones show as trailing zeros. */
    for (int precision = m < 1e-300 ? 1 : 15; precision <= 17; precision++) {
        n = significant(m, precision, digits, &exponent);
        snprintf(text, sizeof text, "%se%d", digits, exponent);
        if (strtod(text, NULL) == m) break;
    }
    const char *sign = v < 0 ? "-" : "";
    if (m == 0) return (uint32_t)snprintf(out, ST_DECIMAL_TEXT, "0");
    if (m < 1e-6 || m >= 1e15)
        return (uint32_t)snprintf(out, ST_DECIMAL_TEXT, "%s%c%s%se%d", sign, digits[0], n > 1 ? "." : "",
                                  digits + 1, exponent + (int)n - 1);
    if (exponent >= 0)
        return (uint32_t)snprintf(out, ST_DECIMAL_TEXT, "%s%s%.*s", sign, digits, exponent,
                                  "000000000000000");
    int whole = (int)n + exponent;
    if (whole > 0)
        return (uint32_t)snprintf(out, ST_DECIMAL_TEXT, "%s%.*s.%s", sign, whole, digits, digits + whole);
    return (uint32_t)snprintf(out, ST_DECIMAL_TEXT, "%s0.%.*s%s", sign, -whole, "000000", digits);
}
