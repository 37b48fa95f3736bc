/* Views: the rows of a child table grouped by the entity that they lead to, and ordered by time within it. */
#include "vm/parts.h"

enum { ROWS_A_PART = 1 << 16, ENTITIES_A_PART = 1 << 16 };

const st_view_part *st_view_range(const st_view *v, uint32_t entity, uint64_t *from, uint64_t *to)
{
    uint32_t low = 0, high = v->nparts;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (v->parts[mid].entity0 <= entity)
            low = mid;
        else
            high = mid;
    }
    const st_view_part *p = &v->parts[low];
    *from = st_part_row(v, p, entity);
    *to = st_part_row(v, p, entity + 1);
    return p;
}

/* ---- grouping ----
 * Rows are first dealt to ranges of entities, chunk by chunk, so that what belongs to a range lies together; then each range is
 * counted and placed on its own, in memory that a cache holds. Within an entity rows keep their order. */

enum { ROWS_A_CHUNK = 1 << 16, ENTITIES_A_RANGE = 1 << 14, MOST_RANGES = 512 };

typedef struct dealt {
    uint32_t entity;
    int32_t row;
} dealt;

typedef struct group_rows {
    const int32_t *index; /* by row: its entity, or negative */
    uint64_t rows, nchunks;
    uint32_t entities, shift, nranges; /* a range is 2^shift entities */
    uint64_t *places;                  /* by chunk and range: how many, then where the next one goes */
    bool *in_order;                    /* by chunk: entities do not descend, and every row has one */
    uint64_t *begins;                  /* by range, and behind the last: of its rows in `all` */
    dealt *all;
    uint32_t *first; /* of the view */
    const st_view *v;
    int32_t *out;
} group_rows;

static void count_chunk(void *ctx, uint64_t chunk, st_env *env)
{
    (void)env;
    const group_rows *g = ctx;
    uint64_t *counts = g->places + chunk * g->nranges;
    uint64_t from = chunk * ROWS_A_CHUNK, to = ST_MIN(g->rows, from + ROWS_A_CHUNK);
    int32_t before = from ? g->index[from - 1] : 0;
    bool in_order = true;
    for (uint64_t r = from; r < to; r++) {
        int32_t e = g->index[r];
        in_order &= e >= before && e >= 0;
        before = e;
        if (e >= 0) counts[(uint32_t)e >> g->shift]++;
    }
    g->in_order[chunk] = in_order;
}

static void find_places(group_rows *g)
{
    uint64_t at = 0;
    for (uint32_t k = 0; k < g->nranges; k++) {
        g->begins[k] = at;
        for (uint64_t c = 0; c < g->nchunks; c++) {
            uint64_t n = g->places[c * g->nranges + k];
            g->places[c * g->nranges + k] = at;
            at += n;
        }
    }
    g->begins[g->nranges] = at;
}

static void deal_chunk(void *ctx, uint64_t chunk, st_env *env)
{
    (void)env;
    const group_rows *g = ctx;
    uint64_t *next = g->places + chunk * g->nranges;
    uint64_t from = chunk * ROWS_A_CHUNK, to = ST_MIN(g->rows, from + ROWS_A_CHUNK);
    for (uint64_t r = from; r < to; r++) {
        int32_t e = g->index[r];
        if (e >= 0) g->all[next[(uint32_t)e >> g->shift]++] = (dealt){(uint32_t)e, (int32_t)r};
    }
}

/* first[e] = rows of the entities before e, for a range. */
static void count_range(void *ctx, uint64_t range, st_env *env)
{
    (void)env;
    const group_rows *g = ctx;
    uint32_t e0 = (uint32_t)range << g->shift, e1 = (uint32_t)ST_MIN((range + 1) << g->shift, g->entities);
    memset(g->first + e0, 0, (e1 - e0) * sizeof *g->first);
    for (uint64_t i = g->begins[range]; i < g->begins[range + 1]; i++) g->first[g->all[i].entity]++;
    uint64_t at = g->begins[range];
    for (uint32_t e = e0; e < e1; e++) {
        uint32_t n = g->first[e];
        g->first[e] = (uint32_t)at;
        at += n;
    }
}

static void place_range(void *ctx, uint64_t range, st_env *env)
{
    const group_rows *g = ctx;
    uint32_t e0 = (uint32_t)range << g->shift, e1 = (uint32_t)ST_MIN((range + 1) << g->shift, g->entities);
    st_arena *a = st_arena_new(env);
    uint64_t *next = st_alloc_raw(a, (e1 - e0 + 1) * sizeof *next), from, to;
    const st_view_part *p = NULL;
    for (uint32_t e = e0; e < e1; e++) {
        if (!p || e >= p->entity1) p = st_view_range(g->v, e, &from, &to);
        next[e - e0] = st_part_row(g->v, p, e);
    }
    for (uint64_t i = g->begins[range]; i < g->begins[range + 1]; i++)
        g->out[next[g->all[i].entity - e0]++] = g->all[i].row;
    st_arena_free(a);
}

/* Where every entity's rows stand in order of the table, without the rows. */
static void count_in_order(group_rows *g)
{
    memset(g->first, 0, ((size_t)g->entities + 1) * sizeof *g->first);
    for (uint64_t r = 0; r < g->rows; r++) g->first[g->index[r] + 1]++;
    for (uint32_t e = 0; e < g->entities; e++) g->first[e + 1] += g->first[e];
}

/* Fills `first`; returns whether the rows stand grouped in the table already, with none that leads to nothing. */
static bool count_rows(st_vm *vm, st_arena *scratch, group_rows *g)
{
    g->nchunks = (g->rows + ROWS_A_CHUNK - 1) / ROWS_A_CHUNK;
    while ((uint64_t)MOST_RANGES << g->shift < g->entities || (1u << g->shift) < ENTITIES_A_RANGE) g->shift++;
    g->nranges = (uint32_t)(((uint64_t)g->entities + (1u << g->shift) - 1) >> g->shift);
    g->places = st_new_n(scratch, uint64_t, g->nchunks * g->nranges + 1);
    g->in_order = st_new_n(scratch, bool, g->nchunks + 1);
    g->begins = st_new_n(scratch, uint64_t, g->nranges + 1);
    st_parallel(vm->env, vm->threads, g->nchunks, count_chunk, g);
    bool in_order = true;
    for (uint64_t c = 0; c < g->nchunks; c++) in_order &= g->in_order[c];
    if (in_order) {
        count_in_order(g);
        return true;
    }
    find_places(g);
    g->all = st_alloc_raw(scratch, (g->begins[g->nranges] + 1) * sizeof *g->all);
    st_parallel(vm->env, vm->threads, g->nchunks, deal_chunk, g);
    st_parallel(vm->env, vm->threads, g->nranges, count_range, g);
    g->first[g->entities] = (uint32_t)g->begins[g->nranges];
    return false;
}

/* Cuts at multiples of 64 entities; `out` NULL: only counts. */
static uint32_t cut_parts(const uint32_t *first, uint32_t entities, st_view_part *out, uint64_t *size)
{
    uint32_t n = 0, from = 0;
    uint64_t at = 0;
    while (from < entities) {
        uint32_t to = from;
        do to = entities - to > 64 ? to + 64 : entities;
        while (to < entities && first[to] - first[from] < ROWS_A_PART && to - from < ENTITIES_A_PART);
        uint64_t rows = first[to] - first[from];
        if (out) out[n] = (st_view_part){from, to, at, rows, (int64_t)first[from]};
        n++;
        at += (rows + 63) / 64 * 64;
        from = to;
    }
    *size = at;
    return n;
}

/* ---- order within an entity ---- */

typedef struct order_job {
    st_vm *vm;
    st_view *v;
    st_feed time;
    uint32_t nties;
    st_feed *ties;
    int32_t *rows;       /* of the view; NULL: the table's own order is being looked at */
    uint64_t *unordered; /* per part: an entity whose rows do not stand in order */
} order_job;

/* Not known: before every other. */
static int64_t time_at(const order_job *j, int32_t row)
{
    int64_t r = st_feed_row(&j->time, NULL, (uint64_t)row);
    return st_feed_known(&j->time, r) ? st_feed_i64(&j->time, r) : ST_NO_TIME;
}

static int compare_ties(const order_job *j, int32_t a, int32_t b)
{
    for (uint32_t i = 0; i < j->nties; i++) {
        const st_feed *s = &j->ties[i];
        int order = st_feed_compare(s, st_feed_row(s, NULL, (uint64_t)a), st_feed_row(s, NULL, (uint64_t)b));
        if (order) return order;
    }
    return 0;
}

static int compare_rows(const void *ctx, int32_t a, int32_t b)
{
    const order_job *j = ctx;
    int64_t x = time_at(j, a), y = time_at(j, b);
    if (x != y) return x < y ? -1 : 1;
    return compare_ties(j, a, b);
}

static bool is_ordered(const order_job *j, const st_view_part *p, uint32_t entity)
{
    uint64_t from = st_part_row(j->v, p, entity), to = st_part_row(j->v, p, entity + 1);
    int32_t before = 0;
    int64_t time_before = 0;
    for (uint64_t r = from; r < to; r++) {
        int32_t row = j->rows ? j->rows[r] : (int32_t)(p->base + (int64_t)(r - p->at));
        int64_t time = time_at(j, row);
        if (r > from && (time < time_before || (time == time_before && compare_ties(j, before, row) > 0)))
            return false;
        before = row;
        time_before = time;
    }
    return true;
}

static void find_unordered(void *ctx, uint64_t task, st_env *env)
{
    (void)env;
    const order_job *j = ctx;
    const st_view_part *p = &j->v->parts[task];
    for (uint32_t e = p->entity0; e < p->entity1 && !j->unordered[task]; e++)
        j->unordered[task] = !is_ordered(j, p, e);
}

static void order_part(void *ctx, uint64_t task, st_env *env)
{
    const order_job *j = ctx;
    const st_view_part *p = &j->v->parts[task];
    int32_t *scratch = NULL;
    for (uint32_t e = p->entity0; e < p->entity1; e++) {
        uint64_t from = st_part_row(j->v, p, e), to = st_part_row(j->v, p, e + 1);
        if (is_ordered(j, p, e)) continue;
        if (!scratch) scratch = st_alloc_raw(st_arena_new(env), (p->n + 1) * sizeof *scratch);
        st_sort_rows(j->rows + from, scratch, to - from, compare_rows, j);
    }
}

/* ---- building ---- */

static int32_t *place_rows(st_vm *vm, st_view *v, group_rows *g)
{
    int32_t *out = st_alloc_raw(v->arena, (v->size + 64) * sizeof *out);
    for (uint32_t i = 0; i < v->nparts; i++) { /* the gaps */
        const st_view_part *p = &v->parts[i];
        uint64_t end = i + 1 < v->nparts ? v->parts[i + 1].at : v->size + 64;
        memset(out + p->at + p->n, 0xff, (end - p->at - p->n) * sizeof *out);
    }
    g->v = v;
    g->out = out;
    if (g->all) {
        st_parallel(vm->env, vm->threads, g->nranges, place_range, g);
        return out;
    }
    for (uint32_t i = 0; i < v->nparts; i++)
        for (uint64_t r = 0; r < v->parts[i].n; r++)
            out[v->parts[i].at + r] = (int32_t)(v->parts[i].base + (int64_t)r);
    return out;
}

/* Parts whose rows follow each other in the table are read without the array. */
static void find_bases(st_view *v, st_view_part *parts, const int32_t *rows)
{
    for (uint32_t i = 0; i < v->nparts; i++) {
        st_view_part *p = &parts[i];
        p->base = p->n ? rows[p->at] : 0;
        for (uint64_t k = 1; k < p->n && p->base >= 0; k++)
            if (rows[p->at + k] != rows[p->at] + (int64_t)k) p->base = -1;
    }
}

static bool any_unordered(st_vm *vm, order_job *j)
{
    uint64_t found = 0;
    j->unordered = st_new_n(vm->arena, uint64_t, j->v->nparts + 1);
    st_parallel(vm->env, vm->threads, j->v->nparts, find_unordered, j);
    for (uint32_t i = 0; i < j->v->nparts; i++) found += j->unordered[i];
    return found > 0;
}

st_view *st_view_build(st_vm *vm, uint32_t id)
{
    const st_bc_view *decl = &vm->bc->views.p[id];
    st_view *kept = st_view_kept(vm, id);
    if (kept) return kept;
    st_arena *a = st_arena_new(vm->env), *path_arena = NULL;
    st_view *v = st_new(a, st_view);
    v->arena = a;
    uint64_t rows = vm->data->tables[decl->path.table].rows;
    uint32_t target = st_bc_path_target(vm->bc, &decl->path);
    v->entities = (uint32_t)vm->data->tables[target].rows;
    const int32_t *index = st_path_rows(vm, &decl->path, &path_arena);

    st_arena *scratch = st_arena_new(vm->env);
    uint32_t *first = st_alloc_raw(a, ((size_t)v->entities + 1) * sizeof(uint32_t));
    group_rows g = {.index = index, .rows = rows, .entities = v->entities, .first = first};
    bool sorted = count_rows(vm, scratch, &g);
    v->first = first;
    v->nparts = cut_parts(first, v->entities, NULL, &v->size);
    st_view_part *parts = st_new_n(a, st_view_part, v->nparts + 1);
    cut_parts(first, v->entities, parts, &v->size);
    v->parts = parts;

    order_job j = {.vm = vm, .v = v, .nties = decl->nties};
    if (decl->order != ST_BC_NONE) {
        j.time = st_feed_of(vm, decl->order);
        j.ties = st_new_n(vm->arena, st_feed, decl->nties + 1);
        for (uint32_t i = 0; i < decl->nties; i++) j.ties[i] = st_feed_of(vm, decl->ties[i]);
    }
    if (!sorted || (decl->order != ST_BC_NONE && any_unordered(vm, &j))) {
        int32_t *out = place_rows(vm, v, &g);
        v->rows = out;
        j.rows = out;
        for (uint32_t i = 0; i < v->nparts; i++) parts[i].base = -1;
        if (decl->order != ST_BC_NONE) st_parallel(vm->env, vm->threads, v->nparts, order_part, &j);
        find_bases(v, parts, out);
    }
    st_arena_free(scratch);
    st_arena_free(path_arena);
    return v;
}
