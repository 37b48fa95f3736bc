/* A dictionary that grows while a column is read: every distinct text once, numbered in order of first appearance. Its
 * memory comes from arenas of `env`, one for each array, so that the old array is given back when it grows. */
#ifndef STRATA_TABLE_DICT_H
#define STRATA_TABLE_DICT_H

#include "table/table.h"

/* An array that doubles. */
typedef struct st_big {
    st_arena *arena;
    void *p;
    size_t bytes;
} st_big;
void st_big_reserve(st_env *env, st_big *b, size_t used, size_t wanted);
void st_big_free(st_big *b);

typedef struct st_dict_builder {
    st_env *env;
    uint64_t seed;
    uint32_t n, nslots;
    uint64_t nbytes;
    st_big bytes;   /* char */
    st_big offsets; /* uint64_t, n + 1 */
    st_big hashes;  /* uint32_t, n */
    st_big slots;   /* uint32_t: entry + 1, 0 for free; nslots of them, a power of two */
} st_dict_builder;

/* Hashes begin with a number drawn anew each time, so that nobody can choose texts or keys that meet in one place. No
 * output depends on it. */
uint64_t st_hash_seed(void);
uint64_t st_hash_mix(uint64_t a, uint64_t b);

#define ST_DICT_MAX UINT32_C(0x7fffffff) /* distinct texts of a column; the named limit */

void st_dict_init(st_dict_builder *d, st_env *env);
uint32_t st_dict_add(st_dict_builder *d, st_str s, bool *is_new);
st_str st_dict_text(const st_dict_builder *d, uint32_t code);
/* A copy of just the right size. */
const st_dict *st_dict_finish(const st_dict_builder *d, st_arena *a);
void st_dict_free(st_dict_builder *d);

#endif
