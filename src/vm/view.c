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

/* first[e] = rows of the entities before e; returns the number of rows that lead to one. *sorted: the rows stand grouped in the
 * table already, with none between that leads to nothing. */
static uint64_t count_rows(const int32_t *index, uint64_t rows, uint32_t *first, uint32_t entities,
                           bool *sorted)
{
    int32_t before = 0;
    bool in_order = true;
    for (uint64_t r = 0; r < rows; r++) {
        int32_t e = index[r];
        in_order &= e >= before;
        before = e;
        if (e >= 0) first[e + 1]++;
    }
    for (uint32_t e = 0; e < entities; e++) first[e + 1] += first[e];
    *sorted = in_order;
    return first[entities];
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

/* Places every row behind those of its entity that came before it. */
static int32_t *place_rows(st_vm *vm, st_view *v, const int32_t *index, uint64_t rows)
{
    int32_t *out = st_alloc_raw(v->arena, (v->size + 64) * sizeof *out);
    memset(out, 0xff, (v->size + 64) * sizeof *out);
    st_arena *scratch = st_arena_new(vm->env);
    uint64_t *next = st_alloc_raw(scratch, ((size_t)v->entities + 1) * sizeof *next);
    for (uint32_t i = 0; i < v->nparts; i++)
        for (uint32_t e = v->parts[i].entity0; e < v->parts[i].entity1; e++)
            next[e] = st_part_row(v, &v->parts[i], e);
    for (uint64_t r = 0; r < rows; r++)
        if (index[r] >= 0) out[next[index[r]]++] = (int32_t)r;
    st_arena_free(scratch);
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
    st_arena *a = st_arena_new(vm->env), *path_arena = NULL;
    st_view *v = st_new(a, st_view);
    v->arena = a;
    v->id = id;
    uint64_t rows = vm->data->tables[decl->path.table].rows;
    uint32_t target = st_bc_path_target(vm->bc, &decl->path);
    v->entities = (uint32_t)vm->data->tables[target].rows;
    const int32_t *index = st_path_rows(vm, &decl->path, &path_arena);

    bool sorted;
    size_t bytes = ((size_t)v->entities + 1) * sizeof(uint32_t);
    uint32_t *first = st_alloc_raw(a, bytes);
    memset(first, 0, bytes);
    count_rows(index, rows, first, v->entities, &sorted);
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
        int32_t *out = place_rows(vm, v, index, rows);
        v->rows = out;
        j.rows = out;
        for (uint32_t i = 0; i < v->nparts; i++) parts[i].base = -1;
        if (decl->order != ST_BC_NONE) st_parallel(vm->env, vm->threads, v->nparts, order_part, &j);
        find_bases(v, parts, out);
    }
    st_arena_free(path_arena);
    return v;
}
