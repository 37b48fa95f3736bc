/* Merge sorts: stable, never worse than n log n. Short pieces by insertion. */
#include "vm/parts.h"

#define SORT(NAME, T, LESS_OR_EQUAL)                                                                         \
    static void NAME##_pass(T *v, T *scratch, uint64_t n, const void *ctx, st_row_order order)               \
    {                                                                                                        \
        (void)ctx, (void)order;                                                                              \
        if (n <= 16) {                                                                                       \
            for (uint64_t i = 1; i < n; i++) {                                                               \
                T x = v[i];                                                                                  \
                uint64_t j = i;                                                                              \
                for (; j > 0 && !(LESS_OR_EQUAL(v[j - 1], x)); j--) v[j] = v[j - 1];                         \
                v[j] = x;                                                                                    \
            }                                                                                                \
            return;                                                                                          \
        }                                                                                                    \
        uint64_t half = n / 2;                                                                               \
        NAME##_pass(v, scratch, half, ctx, order);                                                           \
        NAME##_pass(v + half, scratch, n - half, ctx, order);                                                \
        if (LESS_OR_EQUAL(v[half - 1], v[half])) return;                                                     \
        memcpy(scratch, v, half * sizeof *v);                                                                \
        uint64_t i = 0, j = half, at = 0;                                                                    \
        while (i < half && j < n) v[at++] = LESS_OR_EQUAL(scratch[i], v[j]) ? scratch[i++] : v[j++];         \
        while (i < half) v[at++] = scratch[i++];                                                             \
    }

#define BY_VALUE(a, b) ((a) <= (b))
#define BY_ORDER(a, b) (order(ctx, a, b) <= 0)

SORT(i64, int64_t, BY_VALUE)
SORT(i128, st_i128, BY_VALUE)
SORT(f64, double, BY_VALUE)
SORT(u32, uint32_t, BY_VALUE)
SORT(rows, int32_t, BY_ORDER)

void st_sort_i64(int64_t *v, int64_t *scratch, uint64_t n)
{
    i64_pass(v, scratch, n, NULL, NULL);
}

void st_sort_i128(st_i128 *v, st_i128 *scratch, uint64_t n)
{
    i128_pass(v, scratch, n, NULL, NULL);
}

void st_sort_f64(double *v, double *scratch, uint64_t n)
{
    f64_pass(v, scratch, n, NULL, NULL);
}

void st_sort_u32(uint32_t *v, uint32_t *scratch, uint64_t n)
{
    u32_pass(v, scratch, n, NULL, NULL);
}

void st_sort_rows(int32_t *v, int32_t *scratch, uint64_t n, st_row_order order, const void *ctx)
{
    rows_pass(v, scratch, n, ctx, order);
}
