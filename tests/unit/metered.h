/* An allocator whose memory runs out behind `left` allocations, and that counts what is not given back. */
#ifndef STRATA_TESTS_METERED_H
#define STRATA_TESTS_METERED_H

#include "strata/strata.h"

#include <stdlib.h>

typedef struct meter {
    long left, live;
} meter;

static inline void *metered(void *context, size_t bytes)
{
    meter *m = context;
    if (m->left-- <= 0) return NULL;
    m->live++;
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static inline void give_back(void *context, void *p, size_t bytes)
{
    (void)bytes;
    ((meter *)context)->live--;
    free(p);
}

static inline strata_allocator metered_allocator(meter *m)
{
    return (strata_allocator){metered, give_back, m};
}

#endif
