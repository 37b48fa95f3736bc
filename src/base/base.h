/* The few words every room uses: fixed-width integers, strings with a length, and small helpers. */
#ifndef STRATA_BASE_BASE_H
#define STRATA_BASE_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

__extension__ typedef __int128 st_i128;
__extension__ typedef unsigned __int128 st_u128;

/* UTF-8 text with a length; not NUL-terminated unless said so. A st_str never owns its bytes. */
typedef struct st_str {
    const char *p;
    uint32_t n;
} st_str;

#define ST_STR(lit) ((st_str){(lit), (uint32_t)(sizeof(lit) - 1)})
#define ST_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ST_MIN(a, b) ((a) < (b) ? (a) : (b))
#define ST_MAX(a, b) ((a) > (b) ? (a) : (b))

#if defined(__GNUC__)
#define ST_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ST_NORETURN __attribute__((noreturn))
#define ST_UNREACHABLE() __builtin_unreachable()
#else
#define ST_PRINTF(fmt, args)
#define ST_NORETURN
#define ST_UNREACHABLE() assert(0)
#endif

static inline st_str st_str_of(const char *z)
{
    return (st_str){z, z ? (uint32_t)strlen(z) : 0};
}

/* Order by bytes, the order of text everywhere in Strata: negative, zero or positive. */
static inline int st_str_cmp(st_str a, st_str b)
{
    uint32_t n = ST_MIN(a.n, b.n);
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static inline bool st_str_eq(st_str a, st_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

#endif
