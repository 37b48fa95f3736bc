#include "table/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* More significant digits than decide the nearest double of any text. */
enum { KEPT_DIGITS = 800, EXPONENT_LIMIT = 100000 };

/* A number taken apart: 0.d1 d2 d3 … times 10^point. Leading zeros are gone; digits behind KEPT_DIGITS are dropped, `more`
 * says whether one of them was not zero. */
struct digits {
    bool negative, more;
    int n;
    long point;
    char d[KEPT_DIGITS];
};

static bool take_exponent(const char *p, const char *end, long *out)
{
    bool negative = false;
    if (p < end && (*p == '+' || *p == '-')) negative = *p++ == '-';
    if (p == end) return false;
    long e = 0;
    for (; p < end; p++) {
        if (*p < '0' || *p > '9') return false;
        if (e < EXPONENT_LIMIT) e = e * 10 + (*p - '0');
    }
    *out = negative ? -e : e;
    return true;
}

static bool take_apart(st_str s, struct digits *x)
{
    const char *p = s.p, *end = s.p + s.n;
    x->negative = x->more = false;
    x->n = 0;
    x->point = 0;
    if (p < end && (*p == '+' || *p == '-')) x->negative = *p++ == '-';
    bool any = false, behind = false;
    for (; p < end && ((*p >= '0' && *p <= '9') || (*p == '.' && !behind)); p++) {
        if (*p == '.') {
            behind = true;
            continue;
        }
        any = true;
        bool leading = x->n == 0 && *p == '0';
        if (!leading && x->n < KEPT_DIGITS)
            x->d[x->n++] = *p;
        else if (!leading)
            x->more |= *p != '0';
        if (behind ? leading : !leading) x->point += behind ? -1 : 1;
    }
    if (!any) return false;
    if (p == end) return true;
    long e;
    if ((*p != 'e' && *p != 'E') || !take_exponent(p + 1, end, &e)) return false;
    x->point += e;
    return true;
}

static bool not_finite(st_str s)
{
    if (s.n && (s.p[0] == '-' || s.p[0] == '+')) s = (st_str){s.p + 1, s.n - 1};
    return (s.n == 3 && (!strncasecmp(s.p, "nan", 3) || !strncasecmp(s.p, "inf", 3))) ||
           (s.n == 8 && !strncasecmp(s.p, "infinity", 8));
}

st_number_status st_number_exact(st_str s, unsigned digits, unsigned scale, bool exact, st_i128 *out)
{
    struct digits x;
    if (!take_apart(s, &x)) return not_finite(s) ? ST_NUMBER_MISSING : ST_NUMBER_BAD;
    *out = 0;
    if (x.n == 0) return ST_NUMBER_OK;
    long keep = x.point + (long)scale; /* digits in front of the cut */
    if (keep > (long)digits) return ST_NUMBER_RANGE;
    st_i128 v = 0;
    for (long i = 0; i < keep; i++) v = v * 10 + (i < x.n ? x.d[i] - '0' : 0);
    bool dropped = x.more;
    for (long i = ST_MAX(keep, 0); i < x.n; i++) dropped |= x.d[i] != '0';
    if (dropped && exact) return ST_NUMBER_INEXACT;
    if (keep >= 0 && keep < x.n && x.d[keep] >= '5') v++;
    if (v >= st_pow10(digits)) return ST_NUMBER_RANGE;
    *out = x.negative ? -v : v;
    return ST_NUMBER_OK;
}

static const double exact_powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                      1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* Doubles of up to 19 digits, where the machine has numbers of 64 bits of mantissa that hold them and the powers of ten exactly:
 * of one operation on those, the nearest double is known unless the result lies next to the middle of two. */
static bool by_long_double(const struct digits *x, long e, double *out)
{
#if LDBL_MANT_DIG == 64
    enum { MOST_DIGITS = 19, MOST_POWER = 27, DROPPED = 64 - DBL_MANT_DIG };
    if (x->n > MOST_DIGITS || x->more || e < -MOST_POWER || e > MOST_POWER) return false;
    uint64_t all = 0, mantissa;
    for (int i = 0; i < x->n; i++) all = all * 10 + (uint64_t)(x->d[i] - '0');
    long double power = 1;
    for (long i = e < 0 ? -e : e; i > 0; i--) power *= 10;
    long double v = e < 0 ? (long double)all / power : (long double)all * power;
    memcpy(&mantissa, &v, sizeof mantissa);
    uint64_t dropped = mantissa & ((UINT64_C(1) << DROPPED) - 1), middle = UINT64_C(1) << (DROPPED - 1);
    *out = (double)v;
    return dropped + 1 < middle || dropped > middle + 1;
#else
    (void)x, (void)e, (void)out;
    return false;
#endif
}

st_number_status st_number_double(st_str s, double *out)
{
    struct digits x;
    if (!take_apart(s, &x)) return not_finite(s) ? ST_NUMBER_MISSING : ST_NUMBER_BAD;
    long e = x.point - x.n;
    double v = 0;
    if (x.n <= 15 && e >= -22 && e <= 22) { /* both exact, so one operation rounds correctly */
        for (int i = 0; i < x.n; i++) v = v * 10 + (x.d[i] - '0');
        v = e < 0 ? v / exact_powers[-e] : v * exact_powers[e];
    } else if (!by_long_double(&x, e, &v)) { /* without a point, so that no locale matters */
        char text[KEPT_DIGITS + 32];
        snprintf(text, sizeof text, "%.*s%se%ld", x.n, x.d, x.more ? "1" : "", x.more ? e - 1 : e);
        v = strtod(text, NULL);
    }
    if (!isfinite(v)) return ST_NUMBER_RANGE;
    *out = x.negative ? -v : v;
    return ST_NUMBER_OK;
}

bool st_number_bool(st_str s, bool *out)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true}, {"false", false}, {"yes", true}, {"no", false}, {"1", true}, {"0", false}};
    for (size_t i = 0; i < ST_COUNT(words); i++)
        if (s.n == strlen(words[i].word) && !strncasecmp(s.p, words[i].word, s.n)) {
            *out = words[i].value;
            return true;
        }
    return false;
}

/* Above 2^52 a double has no digits behind the point to round: its shortest text says which number was meant. */
static st_number_status by_text(double v, unsigned digits, unsigned scale, st_i128 *out)
{
    char text[ST_DECIMAL_TEXT];
    uint32_t n = st_double_format(v, text);
    return st_number_exact((st_str){text, n}, digits, scale, false, out);
}

st_number_status st_number_of_double(double v, bool single, unsigned digits, unsigned scale, st_i128 *out)
{
    if (scale >= ST_COUNT(exact_powers)) return by_text(v, digits, scale, out);
    double a = fabs(v), power = exact_powers[scale], count = floor(a * power);
    if (!(count < 0x1p51)) return by_text(v, digits, scale, out);
    double half = (2 * count + 1) / (2 * power); /* one rounding: the double nearest to the number half-way */
    if (single) half = (double)(float)half;
    if (a >= half) count += 1;
    st_i128 r = (st_i128)count;
    if (r >= st_pow10(digits)) return ST_NUMBER_RANGE;
    *out = v < 0 ? -r : r;
    return ST_NUMBER_OK;
}
