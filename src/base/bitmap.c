#include "base/bitmap.h"

uint64_t *st_bitmap_new(st_arena *a, uint64_t n)
{
    size_t bytes = st_bitmap_bytes(n);
    uint64_t *b = st_alloc_raw(a, bytes);
    if (bytes) memset(b, 0, bytes);
    return b;
}

uint64_t *st_bitmap_new_full(st_arena *a, uint64_t n)
{
    uint64_t *b = st_bitmap_new(a, n);
    if (n / 64) memset(b, 0xff, n / 64 * 8);
    if (n % 64) b[n / 64] = (UINT64_C(1) << (n % 64)) - 1;
    return b;
}

uint64_t st_bitmap_count(const void *bits, uint64_t n)
{
    const uint8_t *b = bits;
    uint64_t count = 0, i = 0;
    for (; i + 64 <= n; i += 64) {
        uint64_t w;
        memcpy(&w, b + i / 8, 8);
        count += (uint64_t)__builtin_popcountll(w);
    }
    for (; i < n; i++) count += st_bit(b, i);
    return count;
}
