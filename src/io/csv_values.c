#include "io/csv_values.h"

#include "base/calendar.h"
#include "base/text.h"
#include "table/number.h"

#include <float.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LITTLE_ENDIAN_WORDS 1
#else
#define LITTLE_ENDIAN_WORDS 0
#endif

#define EACH UINT64_C(0x0101010101010101) /* times a byte: that byte eight times */

static const uint64_t powers[] = {UINT64_C(1),
                                  UINT64_C(10),
                                  UINT64_C(100),
                                  UINT64_C(1000),
                                  UINT64_C(10000),
                                  UINT64_C(100000),
                                  UINT64_C(1000000),
                                  UINT64_C(10000000),
                                  UINT64_C(100000000),
                                  UINT64_C(1000000000),
                                  UINT64_C(10000000000),
                                  UINT64_C(100000000000),
                                  UINT64_C(1000000000000),
                                  UINT64_C(10000000000000),
                                  UINT64_C(100000000000000),
                                  UINT64_C(1000000000000000),
                                  UINT64_C(10000000000000000),
                                  UINT64_C(100000000000000000),
                                  UINT64_C(1000000000000000000),
                                  UINT64_C(10000000000000000000)};

static st_str trimmed(const char *p, size_t n)
{
    return st_text_trim((st_str){p, (uint32_t)n});
}

static inline uint64_t eight_bytes(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* ---- digits ---- */

/* At most eight digits: in a word the first one lowest, zeros in front of them. Neighbours are joined to numbers of two, four
 * and eight digits. */
static inline bool few_digits(const char *p, size_t n, uint64_t *out)
{
    *out = 0;
    if (n == 0) return true;
    uint64_t kept = ~UINT64_C(0) << (64 - 8 * n), zeros = '0' * EACH, high = 0xf0 * EACH;
    uint64_t word = (eight_bytes(p + n - 8) & kept) | (zeros & ~kept);
    bool digits = (word & high) == zeros && ((word + 6 * EACH) & high) == zeros;
    word &= 0x0f * EACH;
    word = (word * ((10 << 8) + 1) >> 8) & UINT64_C(0x00ff00ff00ff00ff);
    word = (word * ((100 << 16) + 1) >> 16) & UINT64_C(0x0000ffff0000ffff);
    *out = word * ((UINT64_C(10000) << 32) + 1) >> 32;
    return digits;
}

enum { MOST_DIGITS = 19 }; /* that 64 bits hold */

static inline bool take_digits(const char *p, size_t n, uint64_t *out)
{
    if (!LITTLE_ENDIAN_WORDS) return false;
    if (n <= 8) return few_digits(p, n, out);
    uint64_t front, middle = 0, back;
    size_t first = n > 16 ? n - 16 : n - 8;
    bool good = few_digits(p, first, &front) && few_digits(p + n - 8, 8, &back);
    if (n > 16) {
        good = good && few_digits(p + first, 8, &middle);
        front = front * powers[8] + middle;
    }
    *out = good ? front * powers[8] + back : 0;
    return good;
}

/* Where the point stands; n: nowhere. */
static inline size_t point_in(const char *p, size_t n)
{
    if (LITTLE_ENDIAN_WORDS) {
        /* the lowest byte that is a point is found rightly, whatever stands behind it */
        uint64_t word = eight_bytes(p) ^ '.' * EACH, points = (word - EACH) & ~word & 0x80 * EACH;
        if (points) return ST_MIN((size_t)__builtin_ctzll(points) / 8, n);
        if (n <= 8) return n;
    }
    const char *at = memchr(p, '.', n);
    return at ? (size_t)(at - p) : n;
}

/* A number without exponent, taken apart: `all` of its digits, `behind` of them behind the point. */
struct digits {
    bool negative;
    uint64_t all;
    size_t behind;
};

static inline bool plain_number(const char *p, size_t n, size_t most, struct digits *out)
{
    out->negative = n && *p == '-';
    p += out->negative;
    n -= out->negative;
    size_t front = point_in(p, n);
    out->behind = front < n ? n - front - 1 : 0;
    if (front + out->behind == 0 || front + out->behind > most) return false;
    uint64_t whole, fraction;
    if (!take_digits(p, front, &whole) || !take_digits(p + n - out->behind, out->behind, &fraction))
        return false;
    out->all = whole * powers[out->behind] + fraction;
    return true;
}

static int64_t signed_of(bool negative, uint64_t v)
{
    return negative ? -(int64_t)v : (int64_t)v;
}

/* ---- numbers ---- */

st_csv_found st_csv_truth(const char *p, size_t n, bool *out)
{
    *out = n == 4 && memcmp(p, "true", 4) == 0;
    if (*out || (n == 5 && memcmp(p, "false", 5) == 0)) return ST_CSV_VALUE;
    st_str s = trimmed(p, n);
    if (s.n == 0) return ST_CSV_MISSING;
    return st_number_bool(s, out) ? ST_CSV_VALUE : ST_CSV_STRANGE;
}

enum { EASY_DIGITS = 18 }; /* that a signed number of 64 bits holds, whichever they are */

st_csv_found st_csv_int(const char *p, size_t n, int64_t *out)
{
    bool negative = n && *p == '-';
    uint64_t digits;
    if (n > negative && n - negative <= EASY_DIGITS && take_digits(p + negative, n - negative, &digits)) {
        *out = signed_of(negative, digits);
        return ST_CSV_VALUE;
    }
    st_str s = trimmed(p, n);
    if (s.n == 0) return ST_CSV_MISSING;
    st_i128 x;
    if (st_number_exact(s, 19, 0, true, &x) != ST_NUMBER_OK || x > INT64_MAX || x < INT64_MIN)
        return ST_CSV_STRANGE;
    *out = (int64_t)x;
    return ST_CSV_VALUE;
}

static st_csv_found found_of(st_number_status status)
{
    return status == ST_NUMBER_OK        ? ST_CSV_VALUE
           : status == ST_NUMBER_MISSING ? ST_CSV_MISSING
                                         : ST_CSV_STRANGE;
}

/* Digits that fit without rounding. */
static bool easy_decimal(const char *p, size_t n, unsigned digits, unsigned scale, int64_t *out)
{
    struct digits d;
    if (!plain_number(p, n, EASY_DIGITS, &d) || d.behind > scale || scale - d.behind > EASY_DIGITS)
        return false;
    uint64_t up = powers[scale - d.behind];
    st_u128 v = (st_u128)d.all * up;
    if (v >= powers[ST_MIN(digits, EASY_DIGITS)]) return false;
    *out = signed_of(d.negative, (uint64_t)v);
    return true;
}

st_csv_found st_csv_long_decimal(const char *p, size_t n, unsigned digits, unsigned scale, st_csv_wide *out)
{
    int64_t easy;
    if (easy_decimal(p, n, digits, scale, &easy)) {
        *out = easy;
        return ST_CSV_VALUE;
    }
    st_str s = trimmed(p, n);
    return s.n == 0 ? ST_CSV_MISSING : found_of(st_number_exact(s, digits, scale, false, out));
}

st_csv_found st_csv_decimal(const char *p, size_t n, unsigned digits, unsigned scale, int64_t *out)
{
    if (easy_decimal(p, n, digits, scale, out)) return ST_CSV_VALUE;
    st_csv_wide wide = 0;
    st_csv_found found = st_csv_long_decimal(p, n, digits, scale, &wide);
    *out = (int64_t)wide;
    return found;
}

/* Digits over a power of ten, both exact: one operation. Where doubles do not hold the digits, but the machine's longer numbers
 * do, its result has 64 bits, and the double next to it is the right one unless it lies next to the middle of two. */
static bool easy_double(const struct digits *d, double *out)
{
    if (d->all >> DBL_MANT_DIG == 0) {
        *out = (double)d->all / (double)powers[d->behind]; /* at most 10^19: exact */
        return true;
    }
#if LDBL_MANT_DIG == 64
    enum { DROPPED = 64 - DBL_MANT_DIG };
    long double v = (long double)d->all / (long double)powers[d->behind];
    uint64_t mantissa, middle = UINT64_C(1) << (DROPPED - 1);
    memcpy(&mantissa, &v, sizeof mantissa);
    uint64_t dropped = mantissa & ((UINT64_C(1) << DROPPED) - 1);
    *out = (double)v;
    return dropped + 1 < middle || dropped > middle + 1;
#else
    return false;
#endif
}

st_csv_found st_csv_float(const char *p, size_t n, double *out)
{
    struct digits d;
    if (plain_number(p, n, MOST_DIGITS, &d) && easy_double(&d, out)) {
        if (d.negative) *out = -*out;
        return ST_CSV_VALUE;
    }
    st_str s = trimmed(p, n);
    return s.n == 0 ? ST_CSV_MISSING : found_of(st_number_double(s, out));
}

/* ---- times ---- */

/* "2026-11-01"; the ten bytes are there. */
static bool easy_date(const char *p, int32_t *out)
{
    uint64_t year, month, day;
    if (p[4] != '-' || p[7] != '-') return false;
    if (!take_digits(p, 4, &year) || !take_digits(p + 5, 2, &month) || !take_digits(p + 8, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1) return false;
    if (day > 28 && (int32_t)day > st_days_in_month((int32_t)year, (int32_t)month)) return false;
    /* Years begin in March: then a leap day is the last one, and months of 31 and 30 days follow each other by one rule. */
    unsigned m = (unsigned)month, y = (unsigned)year - (m <= 2), of_march = m > 2 ? m - 3 : m + 9;
    unsigned days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * of_march + 2) / 5 + (unsigned)day - 1;
    enum { BEFORE_1970 = 719468 }; /* days from the 1st of March of the year 0 */
    *out = (int32_t)days - BEFORE_1970;
    return true;
}

st_csv_found st_csv_date(const char *p, size_t n, int32_t *out)
{
    if (n == 10 && easy_date(p, out)) return ST_CSV_VALUE;
    st_str s = trimmed(p, n);
    int64_t day;
    if (s.n == 0) return ST_CSV_MISSING;
    if (!st_parse_date(s, &day)) return ST_CSV_STRANGE;
    *out = (int32_t)day;
    return ST_CSV_VALUE;
}

/* "2026-11-01T09:30:00", perhaps with a Z behind it. */
static bool easy_time(const char *p, size_t n, int64_t *out, bool *zoned)
{
    enum { CLOCK = 19 };
    *zoned = n == CLOCK + 1 && p[CLOCK] == 'Z';
    if ((n != CLOCK && !*zoned) || (p[10] != 'T' && p[10] != ' ') || p[13] != ':' || p[16] != ':')
        return false;
    int32_t date;
    uint64_t hour, minute, second;
    if (!easy_date(p, &date) || !take_digits(p + 11, 2, &hour) || !take_digits(p + 14, 2, &minute) ||
        !take_digits(p + 17, 2, &second) || hour > 23 || minute > 59 || second > 59)
        return false;
    *out = date * ST_DAY_US + (int64_t)((hour * 60 + minute) * 60 + second) * 1000000;
    return true;
}

st_csv_found st_csv_time(const char *p, size_t n, int64_t *out, bool *zoned)
{
    if (easy_time(p, n, out, zoned)) return ST_CSV_VALUE;
    st_str s = trimmed(p, n);
    if (s.n == 0) return ST_CSV_MISSING;
    /* Without a zone the wall clock is what the text with a Z would say; where it says one, that of the rules is not asked. */
    char text[64];
    if (s.n + 1 > sizeof text) return ST_CSV_STRANGE;
    memcpy(text, s.p, s.n);
    text[s.n] = 'Z';
    *zoned = !st_parse_timestamp((st_str){text, s.n + 1}, NULL, out);
    return !*zoned || st_parse_timestamp(s, NULL, out) ? ST_CSV_VALUE : ST_CSV_STRANGE;
}
