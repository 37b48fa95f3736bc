/* 256-bit magnitudes, for what lies between the operands of exact arithmetic and its result. */
#ifndef STRATA_BASE_WIDE_H
#define STRATA_BASE_WIDE_H

#include "base/base.h"

typedef struct st_wide {
    st_u128 high, low;
} st_wide;

static inline st_u128 st_magnitude(st_i128 v)
{
    return v < 0 ? -(st_u128)v : (st_u128)v;
}

static inline st_wide st_wide_mul(st_u128 a, st_u128 b)
{
    const st_u128 half = UINT64_MAX;
    st_u128 a0 = a & half, a1 = a >> 64, b0 = b & half, b1 = b >> 64;
    st_u128 low = a0 * b0, mid = a1 * b0 + (low >> 64);
    st_u128 mid2 = a0 * b1 + (mid & half);
    return (st_wide){a1 * b1 + (mid >> 64) + (mid2 >> 64), (mid2 << 64) | (low & half)};
}

static inline int st_wide_cmp(st_wide a, st_wide b)
{
    if (a.high != b.high) return a.high < b.high ? -1 : 1;
    return (a.low > b.low) - (a.low < b.low);
}

static inline st_wide st_wide_add(st_wide a, st_wide b) /* the operands are below 2^255 */
{
    st_u128 low = a.low + b.low;
    return (st_wide){a.high + b.high + (low < a.low), low};
}

static inline st_wide st_wide_sub(st_wide a, st_wide b) /* a >= b */
{
    return (st_wide){a.high - b.high - (a.low < b.low), a.low - b.low};
}

#endif
