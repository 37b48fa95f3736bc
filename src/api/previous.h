/* What an earlier run gave, by the names of the definitions: how many were in, and who. */
#ifndef STRATA_API_PREVIOUS_H
#define STRATA_API_PREVIOUS_H

#include "api/api.h"

typedef struct st_previous_entity st_previous_entity;

/* Those who were in a definition or had a label of it. */
typedef struct st_previous_set {
    const char *definition, *label; /* label NULL: in it; of a definition with labels: had any of them */
    const st_previous_entity *of;
    uint64_t size;
    bool has_keys;            /* false: from a file of counts, which knows sizes only */
    ST_VEC(uint64_t) members; /* bits, by the number of the key */
} st_previous_set;

/* All keys that were in the files about one entity, numbered in the order of their first row. */
struct st_previous_entity {
    const st_table *table;
    st_map keys; /* entries[i].key is key i */
    ST_VEC(st_previous_set *) sets;
};

/* The set of a definition, looked for by its name, then by the name that it had (`formerly`). NULL: the files do not have it. */
const st_previous_set *st_previous_find(const strata_previous *p, const st_def *d, const char *label);
bool st_previous_has(const st_previous_set *set, st_str key); /* key as st_row_key writes it */
/* Key i of the entity is in the set; i from 0 to of->keys.entries.n. */
bool st_previous_at(const st_previous_set *set, uint32_t i);

#endif
