/* Views: the rows of a child table grouped by the entity that they lead to (deal.c), and ordered by time within it. */
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
    uint64_t nrows;      /* of the table */
    uint64_t *unordered; /* per part: an entity whose rows do not stand in order; or per piece of the table */
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

static int32_t *rows_for(st_view *v)
{
    int32_t *out = st_alloc_raw(v->arena, (v->size + 64) * sizeof *out);
    for (uint32_t i = 0; i < v->nparts; i++) { /* the gaps */
        const st_view_part *p = &v->parts[i];
        uint64_t end = i + 1 < v->nparts ? v->parts[i + 1].at : v->size + 64;
        memset(out + p->at + p->n, 0xff, (end - p->at - p->n) * sizeof *out);
    }
    v->rows = out;
    return out;
}

/* The rows as they stand in the table. */
static int32_t *copy_rows(st_view *v)
{
    int32_t *out = rows_for(v);
    for (uint32_t i = 0; i < v->nparts; i++)
        for (uint64_t r = 0; r < v->parts[i].n; r++)
            out[v->parts[i].at + r] = (int32_t)(v->parts[i].base + (int64_t)r);
    return out;
}

/* The rows by their entities; with `lay` the columns that the run reads through the view are laid out on the way. */
static int32_t *place_rows(st_vm *vm, uint32_t id, st_view *v, st_deal *deal, bool lay)
{
    int32_t *out = rows_for(v);
    st_stream *streams = st_new_n(vm->arena, st_stream, vm->bc->inputs.n + 2);
    uint32_t n = 1;
    streams[0] = (st_stream){NULL, out, sizeof *out};
    if (lay) n += st_lay_begin(vm, id, v, streams + 1);
    st_deal_place(deal, v, streams, n);
    if (lay) st_lay_end(vm, id, v);
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

/* Neighbours of the table's own order. */
static void find_unordered_rows(void *ctx, uint64_t task, st_env *env)
{
    (void)env;
    const order_job *j = ctx;
    uint64_t from = task * ROWS_A_PART, to = ST_MIN(j->nrows, from + ROWS_A_PART);
    if (!from) from = 1;
    if (from >= to) return;
    int64_t before = time_at(j, (int32_t)(from - 1));
    bool ordered = true;
    for (uint64_t r = from; r < to && ordered; r++) {
        int64_t time = time_at(j, (int32_t)r);
        ordered = time > before || (time == before && compare_ties(j, (int32_t)(r - 1), (int32_t)r) <= 0);
        before = time;
    }
    j->unordered[task] = !ordered;
}

static bool is_table_ordered(st_vm *vm, order_job *j)
{
    uint64_t tasks = (j->nrows + ROWS_A_PART - 1) / ROWS_A_PART, found = 0;
    j->unordered = st_new_n(vm->arena, uint64_t, tasks + 1);
    st_parallel(vm->env, vm->threads, tasks, find_unordered_rows, j);
    for (uint64_t i = 0; i < tasks; i++) found += j->unordered[i];
    return found == 0;
}

static order_job order_of(st_vm *vm, st_view *v, const st_bc_view *decl, uint64_t rows)
{
    order_job j = {.vm = vm, .v = v, .nrows = rows, .nties = decl->nties};
    if (decl->order == ST_BC_NONE) return j;
    j.time = st_feed_of(vm, decl->order);
    j.ties = st_new_n(vm->arena, st_feed, decl->nties + 1);
    for (uint32_t i = 0; i < decl->nties; i++) j.ties[i] = st_feed_of(vm, decl->ties[i]);
    return j;
}

/* The table as it stands is the view, but for its order perhaps; NULL: it is not. */
static const st_grouped *grouping_of(const st_vm *vm, const st_bc_path *path)
{
    const st_grouped *g = vm->data->tables[path->table].grouped;
    if (!g || g->n != path->n) return NULL;
    for (uint32_t i = 0; i < g->n; i++)
        if (g->links[i] != path->cols[i]) return NULL;
    return g;
}

static bool is_known_to_be_ordered(const st_vm *vm, const st_grouped *g, const st_bc_view *decl)
{
    const st_bc_input *in = &vm->bc->inputs.p[decl->order];
    return g && g->order && decl->nties == 0 && !in->is_slot && in->index == ST_BC_NONE &&
           in->id == g->order->index;
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
    st_arena *scratch = st_arena_new(vm->env);
    const st_grouped *standing = grouping_of(vm, &decl->path);
    st_deal *deal = NULL;
    bool grouped = standing != NULL;
    if (standing) {
        v->first = standing->first;
    } else {
        const int32_t *index = st_path_rows(vm, &decl->path, &path_arena);
        uint32_t *first = st_alloc_raw(a, ((size_t)v->entities + 1) * sizeof(uint32_t));
        v->first = first;
        deal = st_deal_new(vm, scratch, index, rows, v->entities);
        grouped = st_deal_count(deal, first);
    }
    v->nparts = cut_parts(v->first, v->entities, NULL, &v->size);
    st_view_part *parts = st_new_n(a, st_view_part, v->nparts + 1);
    cut_parts(v->first, v->entities, parts, &v->size);
    v->parts = parts;

    order_job j = order_of(vm, v, decl, rows);
    /* Where the table stands in order, so does all that keeps its rows in theirs. */
    bool in_order = decl->order == ST_BC_NONE || is_known_to_be_ordered(vm, standing, decl) ||
                    (grouped ? !any_unordered(vm, &j) : is_table_ordered(vm, &j));
    if (!grouped || !in_order) {
        j.rows = grouped ? copy_rows(v) : place_rows(vm, id, v, deal, in_order);
        for (uint32_t i = 0; i < v->nparts; i++) parts[i].base = -1;
        if (!in_order) st_parallel(vm->env, vm->threads, v->nparts, order_part, &j);
        find_bases(v, parts, j.rows);
    }
    st_arena_free(scratch);
    st_arena_free(path_arena);
    return v;
}
