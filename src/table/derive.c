#include "table/derive.h"

#include "table/dict.h"

typedef struct grouping {
    const st_table *table; /* of the groups */
    uint64_t rows;         /* of the source */
    const int32_t *entity; /* by row of the source: to whom it leads, or ST_NO_ROW */
    const st_column **keys;
    int32_t *group; /* by row of the source: its group, or ST_NO_ROW */
    uint32_t n;
    int32_t *first; /* by group: its first row */
} grouping;

/* Groups by hash: slots[h & mask] is a group + 1, 0 is free. */
typedef struct hashed {
    uint64_t seed, mask;
    st_big slots;  /* uint32_t */
    st_big hashes; /* uint64_t, by group */
    st_big first;  /* int32_t, by group */
} hashed;

/* ---- keys of a row ---- */

static bool is_known(const st_column *c, uint64_t row)
{
    return !c->known || st_bit(c->known, row);
}

static size_t width_of(st_phys phys)
{
    static const uint8_t widths[] = {[ST_I32] = 4, [ST_I64] = 8, [ST_I128] = 16, [ST_F64] = 8, [ST_CODE] = 4};
    return widths[phys];
}

static uint64_t hash_of_key(uint64_t h, const st_column *c, uint64_t row)
{
    if (!is_known(c, row)) return st_hash_mix(h, UINT64_C(0x9E3779B97F4A7C15));
    switch (c->phys) {
    case ST_BIT: return st_hash_mix(h, st_bit(c->data, row));
    case ST_I32:
    case ST_CODE: return st_hash_mix(h, ((const uint32_t *)c->data)[row]);
    case ST_I64:
    case ST_F64: return st_hash_mix(h, ((const uint64_t *)c->data)[row]);
    case ST_I128: {
        const uint64_t *v = (const uint64_t *)c->data + 2 * row;
        return st_hash_mix(st_hash_mix(h, v[0]), v[1]);
    }
    }
    return h;
}

static uint64_t hash_of_row(const grouping *g, uint64_t seed, uint64_t row)
{
    uint64_t h = st_hash_mix(seed, (uint32_t)g->entity[row]);
    for (uint32_t k = 0; k < g->table->ncols; k++) h = hash_of_key(h, g->keys[k], row);
    return h;
}

/* Values of one kind are equal where their bytes are: no text stands twice in a dictionary, and data that are not known are
 * zero. */
static bool same_key(const st_column *c, uint64_t a, uint64_t b)
{
    if (is_known(c, a) != is_known(c, b)) return false;
    if (c->phys == ST_BIT) return st_bit(c->data, a) == st_bit(c->data, b);
    size_t w = width_of(c->phys);
    return memcmp((const char *)c->data + a * w, (const char *)c->data + b * w, w) == 0;
}

static bool same_group(const grouping *g, uint64_t a, uint64_t b)
{
    if (g->entity[a] != g->entity[b]) return false;
    for (uint32_t k = 0; k < g->table->ncols; k++)
        if (!same_key(g->keys[k], a, b)) return false;
    return true;
}

/* ---- which groups there are ---- */

static void put_in_slot(hashed *x, uint64_t hash, uint32_t group)
{
    uint32_t *slots = x->slots.p;
    uint64_t i = hash & x->mask;
    while (slots[i]) i = (i + 1) & x->mask;
    slots[i] = group + 1;
}

static void grow(st_env *env, hashed *x, uint32_t ngroups)
{
    uint64_t n = x->mask ? (x->mask + 1) * 2 : 1024;
    st_big_free(&x->slots);
    st_big_reserve(env, &x->slots, 0, n * sizeof(uint32_t));
    memset(x->slots.p, 0, n * sizeof(uint32_t));
    x->mask = n - 1;
    for (uint32_t i = 0; i < ngroups; i++) put_in_slot(x, ((const uint64_t *)x->hashes.p)[i], i);
}

static int32_t group_of(st_env *env, grouping *g, hashed *x, uint64_t row)
{
    uint64_t hash = hash_of_row(g, x->seed, row);
    const uint32_t *slots = x->slots.p;
    for (uint64_t i = hash & x->mask; slots[i]; i = (i + 1) & x->mask) {
        uint32_t found = slots[i] - 1;
        if (((const uint64_t *)x->hashes.p)[found] == hash &&
            same_group(g, (uint64_t)((const int32_t *)x->first.p)[found], row))
            return (int32_t)found;
    }
    uint32_t n = g->n++;
    st_big_reserve(env, &x->hashes, n * sizeof(uint64_t), (n + 1) * sizeof(uint64_t));
    st_big_reserve(env, &x->first, n * sizeof(int32_t), (n + 1) * sizeof(int32_t));
    ((uint64_t *)x->hashes.p)[n] = hash;
    ((int32_t *)x->first.p)[n] = (int32_t)row;
    put_in_slot(x, hash, n);
    if (g->n > x->mask / 2) grow(env, x, g->n);
    return (int32_t)n;
}

/* Numbers groups in order of their first rows. */
static void find_groups(st_env *env, grouping *g, hashed *x)
{
    grow(env, x, 0);
    for (uint64_t row = 0; row < g->rows; row++)
        g->group[row] = g->entity[row] == ST_NO_ROW ? ST_NO_ROW : group_of(env, g, x, row);
}

/* Numbers them anew, in order of their entities' rows. */
static void sort_groups(st_arena *scratch, grouping *g, const int32_t *first, uint64_t entities)
{
    uint32_t *next = st_alloc_raw(scratch, (entities + 1) * sizeof *next);
    uint32_t *to = st_alloc_raw(scratch, ((size_t)g->n + 1) * sizeof *to);
    memset(next, 0, (entities + 1) * sizeof *next);
    for (uint32_t i = 0; i < g->n; i++) next[g->entity[first[i]] + 1]++;
    for (uint64_t e = 0; e < entities; e++) next[e + 1] += next[e];
    for (uint32_t i = 0; i < g->n; i++) {
        to[i] = next[g->entity[first[i]]]++;
        g->first[to[i]] = first[i];
    }
    for (uint64_t row = 0; row < g->rows; row++)
        if (g->group[row] != ST_NO_ROW) g->group[row] = (int32_t)to[g->group[row]];
}

/* ---- their data ---- */

/* n values of `width` bytes, whole lines of the cache. */
static void *new_values(st_arena *a, uint64_t n, size_t width)
{
    size_t bytes = (size_t)n * width, padded = ST_MAX((bytes + 63) / 64 * 64, 64);
    char *p = st_alloc_raw(a, padded);
    memset(p + bytes, 0, padded - bytes);
    return p;
}

static void *copy_values(st_arena *a, const grouping *g, const void *from, size_t width)
{
    char *to = new_values(a, g->n, width);
    for (uint32_t i = 0; i < g->n; i++)
        memcpy(to + i * width, (const char *)from + (size_t)g->first[i] * width, width);
    return to;
}

static uint8_t *copy_bits(st_arena *a, const grouping *g, const void *from)
{
    uint8_t *to = (uint8_t *)st_bitmap_new(a, g->n);
    for (uint32_t i = 0; i < g->n; i++)
        if (st_bit(from, (uint64_t)g->first[i])) st_bit_set(to, i);
    return to;
}

static void copy_key(st_arena *a, const grouping *g, const st_col *decl, const st_column *key, st_column *out)
{
    *out = (st_column){.decl = decl, .phys = key->phys, .n = g->n, .dict = key->dict};
    out->data =
        key->phys == ST_BIT ? copy_bits(a, g, key->data) : copy_values(a, g, key->data, width_of(key->phys));
    if (!key->known) return;
    uint8_t *known = copy_bits(a, g, key->known);
    out->known = known;
    out->missing = g->n - st_bitmap_count(known, g->n);
}

static void fill_table(st_data *data, const grouping *g)
{
    const st_derived *d = g->table->derived;
    st_data_table *t = &data->tables[g->table->index], *source = &data->tables[d->source->index];
    t->rows = g->n;
    for (uint32_t k = 0; k < g->table->ncols; k++) {
        const st_col *col = &g->table->cols[k];
        if (!col->used) continue;
        copy_key(data->arena, g, col, g->keys[k], &t->columns[k]);
        if (col->links_to)
            t->links[k] = copy_values(data->arena, g, source->links[d->keys[k]->index], sizeof(int32_t));
    }
    source->links[d->member->index] = g->group;
    t->links[d->up.steps[0]->index] = copy_values(data->arena, g, g->entity, sizeof(int32_t));
}

/* ---- one table of groups ---- */

ST_NORETURN static void not_read(const st_data *data, const st_col *col)
{
    st_fail(st_arena_env(data->arena), STRATA_BAD_DATA,
            "The data hold no column %s of %s, by which the rules group rows.", col->name, col->table->name);
}

static const int32_t *entities_of(const st_data *data, st_arena *scratch, const st_path *path)
{
    const int32_t **links = st_new_n(scratch, const int32_t *, path->n);
    for (uint32_t i = 0; i < path->n; i++) {
        const st_col *link = path->steps[i];
        links[i] = data->tables[link->table->index].links[link->index];
        if (!links[i]) not_read(data, link);
    }
    if (path->n == 1) return links[0];
    uint64_t rows = data->tables[path->steps[0]->table->index].rows;
    int32_t *entity = st_alloc_raw(scratch, (rows + 1) * sizeof *entity);
    for (uint64_t row = 0; row < rows; row++) {
        int32_t at = links[0][row];
        for (uint32_t i = 1; i < path->n && at != ST_NO_ROW; i++) at = links[i][at];
        entity[row] = at;
    }
    return entity;
}

static void take_keys(const st_data *data, st_arena *scratch, grouping *g)
{
    const st_derived *d = g->table->derived;
    g->keys = st_new_n(scratch, const st_column *, g->table->ncols + 1);
    for (uint32_t k = 0; k < g->table->ncols; k++) {
        const st_col *key = d->keys[k];
        const st_data_table *source = &data->tables[d->source->index];
        g->keys[k] = &source->columns[key->index];
        if (!g->keys[k]->decl || (key->links_to && !source->links[key->index])) not_read(data, key);
    }
}

static bool same_grouping(const st_table *a, const st_table *b)
{
    const st_derived *x = a->derived, *y = b->derived;
    if (x->source != y->source || x->path.n != y->path.n || a->ncols != b->ncols) return false;
    for (uint32_t i = 0; i < x->path.n; i++)
        if (x->path.steps[i] != y->path.steps[i]) return false;
    for (uint32_t k = 0; k < a->ncols; k++)
        if (x->keys[k] != y->keys[k]) return false;
    return true;
}

static void find_and_sort(st_data *data, st_arena *scratch, grouping *g)
{
    const st_derived *d = g->table->derived;
    st_env *env = st_arena_env(data->arena);
    st_arena *working = st_arena_new(env);
    hashed x = {.seed = st_hash_seed()};
    const st_table *entity = d->path.steps[d->path.n - 1]->links_to;
    g->group = new_values(data->arena, g->rows, sizeof(int32_t));
    find_groups(env, g, &x);
    st_big_free(&x.slots);
    st_big_free(&x.hashes);
    g->first = st_alloc_raw(scratch, ((size_t)g->n + 1) * sizeof *g->first);
    sort_groups(working, g, x.first.p, data->tables[entity->index].rows);
    st_big_free(&x.first);
    st_arena_free(working);
}

void st_derive_tables(st_data *data)
{
    const st_program *p = data->program;
    st_arena *scratch = st_arena_new(st_arena_env(data->arena));
    grouping *done = st_new_n(scratch, grouping, p->ntables);
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->ntables; i++) {
        const st_derived *d = p->tables[i]->derived;
        if (!d || !d->member->used) continue;
        grouping *g = &done[n];
        uint32_t twin = 0;
        while (twin < n && !same_grouping(done[twin].table, p->tables[i])) twin++;
        if (twin < n) {
            *g = done[twin];
            g->table = p->tables[i];
        } else {
            *g = (grouping){.table = p->tables[i], .rows = data->tables[d->source->index].rows};
            g->entity = entities_of(data, scratch, &d->path);
            take_keys(data, scratch, g);
            find_and_sort(data, scratch, g);
        }
        n++;
        fill_table(data, g);
    }
    st_arena_free(scratch);
}
