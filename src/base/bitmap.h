/* Packed bitmaps as Arrow lays them out: bit i of byte i / 8, least significant first. Word access assumes
 * the storage is padded to 64 bytes (st_bitmap_bytes) and that bits behind n are zero. */
#ifndef STRATA_BASE_BITMAP_H
#define STRATA_BASE_BITMAP_H

#include "base/mem.h"

static inline size_t st_bitmap_bytes(uint64_t n)
{
    return (size_t)((n + 511) / 512 * 64);
}
static inline bool st_bit(const void *bits, uint64_t i)
{
    return (((const uint8_t *)bits)[i >> 3] >> (i & 7)) & 1;
}
static inline void st_bit_set(void *bits, uint64_t i)
{
    ((uint8_t *)bits)[i >> 3] |= (uint8_t)(1u << (i & 7));
}
static inline void st_bit_clear(void *bits, uint64_t i)
{
    ((uint8_t *)bits)[i >> 3] &= (uint8_t) ~(1u << (i & 7));
}
uint64_t *st_bitmap_new(st_arena *a, uint64_t n);      /* all zero */
uint64_t *st_bitmap_new_full(st_arena *a, uint64_t n); /* bits [0, n) one */
uint64_t st_bitmap_count(const void *bits, uint64_t n);

#endif
