#include "table/derive.h"

#include "base/threads.h"
#include "table/dict.h"

typedef struct grouping {
    const st_table *table; /* of the groups */
    uint64_t rows;         /* of the source */
    uint64_t entities;
    const int32_t *entity; /* by row of the source: to whom it leads, or ST_NO_ROW */
    const st_column **keys;
    int32_t *group; /* by row of the source: its group, or ST_NO_ROW */
    uint32_t n;
    int32_t *first; /* by group: its first row */
} grouping;

/* ---- keys of a row ---- */

static bool is_known(const st_column *c, uint64_t row)
{
    return !c->known || st_bit(c->known, row);
}

/* Bytes of a value as it is held. */
static size_t width_of(const st_column *c)
{
    static const uint8_t widths[] = {[ST_I32] = 4, [ST_I64] = 8, [ST_I128] = 16, [ST_F64] = 8, [ST_CODE] = 4};
    return c->data ? widths[c->phys] : c->narrow.bytes;
}

static const void *values_of(const st_column *c)
{
    return c->data ? c->data : c->narrow.data;
}

static uint64_t hash_of_key(uint64_t h, const st_column *c, uint64_t row)
{
    if (!is_known(c, row)) return st_hash_mix(h, UINT64_C(0x9E3779B97F4A7C15));
    switch (c->phys) {
    case ST_BIT: return st_hash_mix(h, st_bit(c->data, row));
    case ST_I32:
    case ST_I64: return st_hash_mix(h, (uint64_t)st_column_i64(c, row));
    case ST_CODE: return st_hash_mix(h, st_column_code(c, row));
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
    uint64_t h = seed;
    for (uint32_t k = 0; k < g->table->ncols; k++) h = hash_of_key(h, g->keys[k], row);
    return h;
}

/* Values of one column are equal where their bytes are: no text stands twice in a dictionary. */
static bool same_key(const st_column *c, uint64_t a, uint64_t b)
{
    bool known = is_known(c, a);
    if (!known || !is_known(c, b)) return known == is_known(c, b);
    if (c->phys == ST_BIT) return st_bit(c->data, a) == st_bit(c->data, b);
    size_t w = width_of(c);
    const char *values = values_of(c);
    return memcmp(values + a * w, values + b * w, w) == 0;
}

static bool same_keys(const grouping *g, uint64_t a, uint64_t b)
{
    for (uint32_t k = 0; k < g->table->ncols; k++)
        if (!same_key(g->keys[k], a, b)) return false;
    return true;
}

/* ---- which groups there are ---- */

/* n values of `width` bytes in whole lines of the cache, with one more behind them. */
static void *new_values(st_arena *a, uint64_t n, size_t width)
{
    size_t bytes = (size_t)n * width, padded = bytes / 64 * 64 + 128;
    char *p = st_alloc_raw(a, padded);
    memset(p + bytes, 0, padded - bytes);
    return p;
}

/* The rows of the source, those of one entity side by side in their order: rows[from[e] .. from[e + 1]). Groups are found
 * entity by entity, so that what is looked at together lies together. */
typedef struct sorting {
    grouping *g;
    uint64_t seed;
    uint32_t *from;  /* by entity, and one more */
    int32_t *rows;   /* sorted */
    int32_t *firsts; /* from[e] + k: the first row of the k-th group of e */
    uint32_t *base;  /* by entity: its first group; while they are found, how many it has */
    uint32_t ntasks;
    uint32_t *task; /* by task, and one more: its first entity */
} sorting;

static void sort_rows(sorting *s)
{
    const grouping *g = s->g;
    memset(s->from, 0, (g->entities + 1) * sizeof *s->from);
    for (uint64_t row = 0; row < g->rows; row++)
        if (g->entity[row] != ST_NO_ROW) s->from[g->entity[row] + 1]++;
    for (uint64_t e = 0; e < g->entities; e++) s->from[e + 1] += s->from[e];
    memcpy(s->base, s->from, g->entities * sizeof *s->base); /* where the next row of an entity goes */
    for (uint64_t row = 0; row < g->rows; row++)
        if (g->entity[row] != ST_NO_ROW) s->rows[s->base[g->entity[row]]++] = (int32_t)row;
}

/* About so many rows a task. */
static void cut_tasks(sorting *s)
{
    enum { ROWS_A_TASK = 1 << 16 };
    uint32_t at = 0;
    for (uint32_t e = 0; e < s->g->entities; e++)
        if (e == 0 || s->from[e + 1] - at > ROWS_A_TASK) {
            s->task[s->ntasks++] = e;
            at = s->from[e];
        }
    s->task[s->ntasks] = (uint32_t)s->g->entities;
}

static uint64_t slots_for(uint32_t rows)
{
    uint64_t n = 4;
    while (n < 2 * (uint64_t)rows) n *= 2;
    return n;
}

/* The groups of one entity, numbered from 0 in order of their first rows. A slot is half of a hash and a group + 1, or 0. */
static uint32_t groups_of_entity(const sorting *s, uint32_t e, uint64_t *slots)
{
    const grouping *g = s->g;
    uint32_t from = s->from[e], n = 0;
    uint64_t mask = slots_for(s->from[e + 1] - from) - 1;
    memset(slots, 0, (mask + 1) * sizeof *slots);
    for (uint32_t k = from; k < s->from[e + 1]; k++) {
        uint64_t row = (uint64_t)s->rows[k], hash = hash_of_row(g, s->seed, row), i = hash & mask;
        uint64_t half = hash & ~(uint64_t)UINT32_MAX;
        while (slots[i] && (slots[i] - (uint32_t)slots[i] != half ||
                            !same_keys(g, (uint64_t)s->firsts[from + (uint32_t)slots[i] - 1], row)))
            i = (i + 1) & mask;
        if (!slots[i]) {
            s->firsts[from + n] = (int32_t)row;
            slots[i] = half | ++n;
        }
        g->group[row] = (int32_t)(uint32_t)slots[i] - 1;
    }
    return n;
}

static void find_groups(void *ctx, uint64_t task, st_env *env)
{
    const sorting *s = ctx;
    st_arena *scratch = st_arena_new(env);
    uint32_t most = 0;
    for (uint32_t e = s->task[task]; e < s->task[task + 1]; e++)
        most = ST_MAX(most, s->from[e + 1] - s->from[e]);
    uint64_t *slots = st_alloc_raw(scratch, slots_for(most) * sizeof *slots);
    for (uint32_t e = s->task[task]; e < s->task[task + 1]; e++) s->base[e] = groups_of_entity(s, e, slots);
    st_arena_free(scratch);
}

/* From numbers within an entity to rows of the table of groups. */
static void number_groups(void *ctx, uint64_t task, st_env *env)
{
    (void)env;
    const sorting *s = ctx;
    const grouping *g = s->g;
    for (uint32_t e = s->task[task]; e < s->task[task + 1]; e++) {
        uint32_t n = s->base[e + 1] - s->base[e];
        if (n) memcpy(g->first + s->base[e], s->firsts + s->from[e], n * sizeof *g->first);
        for (uint32_t k = s->from[e]; k < s->from[e + 1]; k++) g->group[s->rows[k]] += (int32_t)s->base[e];
    }
}

static void find_and_number(st_data *data, st_arena *scratch, grouping *g, uint32_t threads)
{
    st_env *env = st_arena_env(data->arena);
    st_arena *working = st_arena_new(env);
    size_t rows = (size_t)g->rows + 1, entities = (size_t)g->entities + 1;
    sorting s = {.g = g,
                 .seed = st_hash_seed(),
                 .from = st_alloc_raw(working, entities * sizeof *s.from),
                 .rows = st_alloc_raw(working, rows * sizeof *s.rows),
                 .firsts = st_alloc_raw(working, rows * sizeof *s.firsts),
                 .base = st_alloc_raw(working, entities * sizeof *s.base),
                 .task = st_alloc_raw(working, entities * sizeof *s.task)};
    g->group = new_values(data->arena, g->rows, sizeof(int32_t));
    memset(g->group, 0xff, (size_t)g->rows * sizeof *g->group); /* ST_NO_ROW */
    sort_rows(&s);
    cut_tasks(&s);
    st_parallel(env, threads, s.ntasks, find_groups, &s);
    for (uint64_t e = 0; e < g->entities; e++) {
        uint32_t n = s.base[e];
        s.base[e] = g->n;
        g->n += n;
    }
    s.base[g->entities] = g->n;
    g->first = st_alloc_raw(scratch, ((size_t)g->n + 1) * sizeof *g->first);
    st_parallel(env, threads, s.ntasks, number_groups, &s);
    st_arena_free(working);
}

/* ---- their data ---- */

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
    *out = (st_column){.decl = decl,
                       .phys = key->phys,
                       .n = g->n,
                       .dict = key->dict,
                       .narrow = key->narrow,
                       .range = key->range};
    void *values =
        key->phys == ST_BIT ? copy_bits(a, g, key->data) : copy_values(a, g, values_of(key), width_of(key));
    *(key->data ? &out->data : &out->narrow.data) = values;
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

void st_derive_tables(st_data *data, uint32_t threads)
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
            const st_table *entity = d->up.steps[0]->links_to;
            *g = (grouping){.table = p->tables[i],
                            .rows = data->tables[d->source->index].rows,
                            .entities = data->tables[entity->index].rows,
                            .entity = entities_of(data, scratch, &d->path)};
            take_keys(data, scratch, g);
            find_and_number(data, scratch, g, threads);
        }
        n++;
        fill_table(data, g);
    }
    st_arena_free(scratch);
}
