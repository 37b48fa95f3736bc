/* Where values come from: columns and slots, read directly, through a view or through links. */
#include "vm/parts.h"

/* ---- links ---- */

static const int32_t *link_of(st_vm *vm, uint32_t table, uint32_t col)
{
    const st_data_table *t = &vm->data->tables[table];
    const int32_t *held_back = st_grouped_rows(vm->data, t, col, vm->env, vm->threads);
    if (held_back) return held_back;
    if (!t->links || !t->links[col])
        st_fail(vm->env, STRATA_BAD_DATA, "The data hold no rows of %s, which the rules read.",
                vm->bc->schema->tables[table]->name);
    return t->links[col];
}

typedef struct index_job {
    const int32_t **links; /* by step of the path */
    uint32_t nlinks;
    uint64_t rows;
    int32_t *out;
} index_job;

enum { ROWS_A_TASK = 1 << 18 };

static void follow_links(void *ctx, uint64_t task, st_env *env)
{
    (void)env;
    const index_job *j = ctx;
    uint64_t to = ST_MIN(j->rows, (task + 1) * ROWS_A_TASK);
    for (uint64_t r = task * ROWS_A_TASK; r < to; r++) {
        int32_t at = j->links[0][r];
        for (uint32_t i = 1; i < j->nlinks && at >= 0; i++) at = j->links[i][at];
        j->out[r] = at;
    }
}

/* The rows that a path leads to: the data's own array for a single step. */
const int32_t *st_path_rows(st_vm *vm, const st_bc_path *p, st_arena **arena)
{
    const int32_t **links = st_new_n(vm->arena, const int32_t *, p->n);
    uint32_t table = p->table;
    for (uint32_t i = 0; i < p->n; i++) {
        links[i] = link_of(vm, table, p->cols[i]);
        table = vm->bc->schema->tables[table]->cols[p->cols[i]].links_to->index;
    }
    if (p->n == 1) return links[0];
    *arena = st_arena_new(vm->env);
    uint64_t rows = vm->data->tables[p->table].rows;
    index_job j = {links, p->n, rows, st_alloc_raw(*arena, (rows + 1) * sizeof(int32_t))};
    st_parallel(vm->env, vm->threads, (rows + ROWS_A_TASK - 1) / ROWS_A_TASK, follow_links, &j);
    return j.out;
}

const int32_t *st_index_of(st_vm *vm, uint32_t index)
{
    if (!vm->indexes[index])
        vm->indexes[index] = st_path_rows(vm, &vm->bc->indexes.p[index], &vm->index_arenas[index]);
    return vm->indexes[index];
}

const st_view *st_view_get(st_vm *vm, uint32_t view)
{
    if (vm->views[view]) return vm->views[view];
    double begin = vm->cost ? st_seconds() : 0;
    vm->views[view] = st_view_build(vm, view);
    if (vm->cost) vm->cost->in_views += st_seconds() - begin;
    return vm->views[view];
}

uint64_t st_domain_rows(st_vm *vm, st_bc_domain domain)
{
    return ST_BC_IS_VIEW(domain) ? st_view_get(vm, ST_BC_VIEW_ID(domain))->size
                                 : vm->data->tables[domain].rows;
}

/* ---- slots ---- */

static size_t width_of(st_bc_type t)
{
    static const uint8_t widths[ST_BC_TYPES] = {
        [ST_BC_I64] = 8, [ST_BC_I128] = 16, [ST_BC_F64] = 8, [ST_BC_TEXT] = 4};
    return widths[t];
}

size_t st_slot_offset(const st_vm *vm, uint32_t slot, uint64_t row)
{
    st_bc_type type = vm->bc->slots.p[slot].type;
    return (size_t)(type == ST_BC_BOOL ? row / 8 : row * width_of(type));
}

/* Kernels may write whole words of the last batch. */
size_t st_slot_bytes(const st_vm *vm, uint32_t slot, uint64_t rows)
{
    bool bits = vm->bc->slots.p[slot].type == ST_BC_BOOL;
    return bits ? st_bitmap_bytes(rows + 1) : st_slot_offset(vm, slot, rows + 64);
}

static void fill_bits(uint64_t *bits, uint64_t n)
{
    memset(bits, 0xff, n / 8);
    for (uint64_t r = n / 8 * 8; r < n; r++) st_bit_set(bits, r);
}

void st_slot_clear(const st_vm *vm, uint32_t slot, void *data, uint64_t *known, uint64_t rows)
{
    /* what a step writes row by row need not be zero before */
    uint64_t whole = rows / 64 * 64, stored = vm->slot_stored[slot] ? whole : 0;
    size_t from = st_slot_offset(vm, slot, vm->slot_valued[slot] ? whole : stored);
    memset((char *)data + from, 0, st_slot_bytes(vm, slot, rows) - from);
    if (!known) return;
    memset((char *)known + stored / 8, 0, st_bitmap_bytes(rows + 1) - stored / 8);
    if (vm->slot_full[slot]) fill_bits(known, rows);
}

void st_slot_open(st_vm *vm, uint32_t slot)
{
    st_slot *s = &vm->slots[slot];
    s->rows = st_domain_rows(vm, vm->bc->slots.p[slot].domain);
    if (vm->slot_windowed[slot]) return;
    st_arena *a = vm->result;
    if (vm->slot_last[slot] != UINT32_MAX) a = s->arena = st_arena_new(vm->env);
    s->data = st_alloc_raw(a, st_slot_bytes(vm, slot, s->rows));
    if (vm->bc->slots.p[slot].type != ST_BC_BOOL) s->known = st_alloc_raw(a, st_bitmap_bytes(s->rows + 1));
    st_slot_clear(vm, slot, s->data, s->known, s->rows);
}

/* ---- inputs ---- */

static st_phys phys_of(st_bc_type t)
{
    static const st_phys phys[ST_BC_TYPES] = {ST_BIT, ST_I64, ST_I128, ST_F64, ST_CODE};
    return phys[t];
}

static const st_dict no_texts = {0, (const uint64_t[]){0}, ""};

static void from_column(st_vm *vm, st_feed *s, uint32_t table, uint32_t col)
{
    const st_table *decl = vm->bc->schema->tables[table];
    const st_data_table *t = &vm->data->tables[table];
    const st_column *c = t->columns ? &t->columns[col] : NULL;
    if (!c || !c->decl)
        st_fail(vm->env, STRATA_BAD_DATA, "The data hold no column %s of %s, which the rules read.",
                decl->cols[col].name, decl->name);
    s->phys = c->phys;
    s->data = c->data;
    s->known = c->known;
    s->list = c->list;
    s->dict = c->dict;
    s->narrow = c->narrow;
    s->range = c->range;
    s->zones = c->zones;
    if (s->type == ST_BC_TEXT && !s->dict) s->dict = &no_texts;
}

st_feed st_feed_of(st_vm *vm, uint32_t input)
{
    const st_bc_input *in = &vm->bc->inputs.p[input];
    st_feed s = {.type = st_bc_input_type(vm->bc, input, NULL), .index_id = in->index};
    uint32_t table = st_bc_table_of(vm->bc, in->domain);
    if (in->index != ST_BC_NONE) {
        s.index = st_index_of(vm, in->index);
        table = st_bc_path_target(vm->bc, &vm->bc->indexes.p[in->index]);
    }
    bool own_slot = in->is_slot && in->index == ST_BC_NONE && vm->bc->slots.p[in->id].domain == in->domain;
    if (ST_BC_IS_VIEW(in->domain) && !own_slot) s.view = st_view_get(vm, ST_BC_VIEW_ID(in->domain));
    if (!in->is_slot) {
        from_column(vm, &s, table, in->id);
        return s;
    }
    const st_slot *slot = &vm->slots[in->id];
    s.slot = in->id + 1;
    s.phys = phys_of(s.type);
    s.data = slot->data;
    s.known = (const uint8_t *)slot->known;
    s.dict = slot->dict;
    return s;
}

static st_scalar element(const st_feed *s, int64_t at)
{
    st_scalar v = {.missing = false};
    switch (s->phys) {
    case ST_BIT: v.as.b = st_bit(s->data, (uint64_t)at); break;
    case ST_I32:
    case ST_I64: v.as.i = st_feed_i64(s, at); break;
    case ST_I128: v.as.d = ((const st_i128 *)s->data)[at]; break;
    case ST_F64: v.as.f = ((const double *)s->data)[at]; break;
    case ST_CODE:
        v.code = st_feed_code(s, at);
        v.dict = s->dict;
        v.as.s = st_dict_get(s->dict, v.code);
        break;
    }
    return v;
}

st_scalar st_feed_scalar(const st_feed *s, int64_t row)
{
    if (!st_feed_known(s, row)) return (st_scalar){.missing = true, .dict = s->dict};
    return element(s, row);
}

static int compare_elements(const st_feed *s, int64_t x, int64_t y)
{
    st_scalar a = element(s, x), b = element(s, y);
    switch (s->phys) {
    case ST_BIT: return a.as.b - b.as.b;
    case ST_I32:
    case ST_I64: return (a.as.i > b.as.i) - (a.as.i < b.as.i);
    case ST_I128: return (a.as.d > b.as.d) - (a.as.d < b.as.d);
    case ST_F64: return (a.as.f > b.as.f) - (a.as.f < b.as.f);
    case ST_CODE: return a.code == b.code ? 0 : st_str_cmp(a.as.s, b.as.s);
    }
    return 0;
}

int st_feed_compare(const st_feed *s, int64_t a, int64_t b)
{
    bool ka = st_feed_known(s, a), kb = st_feed_known(s, b);
    if (!ka || !kb) return ka - kb;
    if (!s->list) return compare_elements(s, a, b);
    int64_t na = s->list[a + 1] - s->list[a], nb = s->list[b + 1] - s->list[b];
    for (int64_t i = 0; i < na && i < nb; i++) {
        int order = compare_elements(s, s->list[a] + i, s->list[b] + i);
        if (order) return order;
    }
    return (na > nb) - (na < nb);
}

bool st_in_calendar(bool dates, int64_t x)
{
    int64_t day = dates ? x : x / ST_DAY_US, slack = dates ? 0 : 1; /* zones reach into the days beside */
    return day >= ST_DATE_MIN - slack && day <= ST_DATE_MAX + slack;
}

int64_t st_time_limit(const st_vm *vm, bool dates, int64_t x, int64_t n, st_unit unit)
{
    if (!st_in_calendar(dates, x)) return INT64_MAX;
    int64_t t = dates ? st_date_add(x, n, unit) : st_instant_add(vm->zone, x, n, unit);
    return t == ST_NO_TIME ? INT64_MAX : t;
}
