#include "table/dict.h"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

void st_big_free(st_big *b)
{
    st_arena_free(b->arena);
    *b = (st_big){0};
}

void st_big_reserve(st_env *env, st_big *b, size_t used, size_t wanted)
{
    if (wanted <= b->bytes) return;
    st_big bigger = {.bytes = ST_MAX(b->bytes, 1024)};
    while (bigger.bytes < wanted) bigger.bytes *= 2;
    bigger.arena = st_arena_new(env);
    bigger.p = st_alloc_raw(bigger.arena, bigger.bytes);
    if (used) memcpy(bigger.p, b->p, used);
    st_arena_free(b->arena);
    *b = bigger;
}

uint64_t st_hash_seed(void)
{
    uint64_t seed;
    if (getentropy(&seed, sizeof seed) == 0) return seed;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return st_hash_mix((uint64_t)t.tv_nsec, (uint64_t)t.tv_sec);
}

uint64_t st_hash_mix(uint64_t a, uint64_t b)
{
    st_u128 product = (st_u128)(a ^ UINT64_C(0x9e3779b97f4a7c15)) * (b ^ UINT64_C(0xd6e8feb86659fd93));
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t hash_text(uint64_t seed, st_str s)
{
    uint64_t h = seed ^ s.n, word;
    const char *p = s.p;
    uint32_t n = s.n;
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&word, p, 8);
        h = st_hash_mix(h ^ word, seed);
    }
    word = 0;
    if (n) memcpy(&word, p, n);
    h = st_hash_mix(h ^ word, seed);
    return (uint32_t)(h ^ h >> 32);
}

void st_dict_init(st_dict_builder *d, st_env *env)
{
    *d = (st_dict_builder){.env = env, .seed = st_hash_seed()};
    st_big_reserve(env, &d->offsets, 0, sizeof(uint64_t));
    *(uint64_t *)d->offsets.p = 0;
}

void st_dict_free(st_dict_builder *d)
{
    st_big_free(&d->bytes);
    st_big_free(&d->offsets);
    st_big_free(&d->hashes);
    st_big_free(&d->slots);
    d->n = d->nslots = 0;
    d->nbytes = 0;
}

st_str st_dict_text(const st_dict_builder *d, uint32_t code)
{
    const uint64_t *offsets = d->offsets.p;
    const char *bytes = d->bytes.p;
    return (st_str){bytes ? bytes + offsets[code] : "", (uint32_t)(offsets[code + 1] - offsets[code])};
}

static void grow_slots(st_dict_builder *d)
{
    uint32_t n = d->nslots ? d->nslots * 2 : 64;
    st_big_free(&d->slots);
    st_big_reserve(d->env, &d->slots, 0, n * sizeof(uint32_t));
    uint32_t *slots = d->slots.p;
    memset(slots, 0, n * sizeof *slots);
    const uint32_t *hashes = d->hashes.p;
    for (uint32_t e = 0; e < d->n; e++) {
        uint32_t i = hashes[e] & (n - 1);
        while (slots[i]) i = (i + 1) & (n - 1);
        slots[i] = e + 1;
    }
    d->nslots = n;
}

static void append(st_dict_builder *d, st_str s, uint32_t hash)
{
    if (d->n == ST_DICT_MAX)
        st_fail(d->env, STRATA_NO_MEMORY, "A text column has more than %u different values.", ST_DICT_MAX);
    st_big_reserve(d->env, &d->bytes, d->nbytes, d->nbytes + s.n);
    st_big_reserve(d->env, &d->offsets, (d->n + (size_t)1) * 8, (d->n + (size_t)2) * 8);
    st_big_reserve(d->env, &d->hashes, d->n * (size_t)4, (d->n + (size_t)1) * 4);
    if (s.n) memcpy((char *)d->bytes.p + d->nbytes, s.p, s.n);
    d->nbytes += s.n;
    ((uint64_t *)d->offsets.p)[d->n + 1] = d->nbytes;
    ((uint32_t *)d->hashes.p)[d->n] = hash;
    d->n++;
}

uint32_t st_dict_add(st_dict_builder *d, st_str s, bool *is_new)
{
    if (d->n >= d->nslots / 2) grow_slots(d);
    uint32_t hash = hash_text(d->seed, s);
    uint32_t *slots = d->slots.p;
    const uint32_t *hashes = d->hashes.p;
    uint32_t i = hash & (d->nslots - 1);
    for (; slots[i]; i = (i + 1) & (d->nslots - 1)) {
        uint32_t code = slots[i] - 1;
        if (hashes[code] == hash && st_str_eq(st_dict_text(d, code), s)) {
            *is_new = false;
            return code;
        }
    }
    append(d, s, hash);
    slots[i] = d->n;
    *is_new = true;
    return d->n - 1;
}

const st_dict *st_dict_finish(const st_dict_builder *d, st_arena *a)
{
    st_dict *out = st_new(a, st_dict);
    uint64_t *offsets = st_alloc_raw(a, (d->n + (size_t)1) * sizeof *offsets);
    memcpy(offsets, d->offsets.p, (d->n + (size_t)1) * sizeof *offsets);
    char *bytes = st_alloc_raw(a, d->nbytes + 1);
    if (d->nbytes) memcpy(bytes, d->bytes.p, d->nbytes);
    bytes[d->nbytes] = 0;
    *out = (st_dict){d->n, offsets, bytes};
    return out;
}
