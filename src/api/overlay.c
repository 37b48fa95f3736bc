/* Cells of overlays: what each member is in every dimension, as one name. */
#include "api/result.h"

#include <stdlib.h>

enum { MOST_CELLS = 100000, MOST_EXAMPLES = 3 };

typedef struct cell {
    const char *name;
    uint32_t label; /* place in order of the names */
    uint64_t size;
} cell;

typedef struct cells {
    strata_result *r;
    const st_api_entity *e;
    const st_def *overlay;
    const st_api_column *parts;
    uint32_t nparts;
    st_map by_value, by_name; /* number of the cell + 1; by values first, that names are made once only */
    ST_VEC(cell *) all;
} cells;

/* ---- one member ---- */

static uint64_t value_bits(const st_api_column *c, uint64_t row)
{
    if (c->lies == ST_BC_BOOL) return st_bit(c->data, row);
    if (c->lies == ST_BC_TEXT) return ((const uint32_t *)c->data)[row];
    return (uint64_t)st_api_i64(c, row);
}

static const char *part_text(st_arena *a, const st_api_column *c, uint64_t row)
{
    if (!st_api_known(c, row)) return "missing";
    if (c->lies == ST_BC_BOOL) return st_bit(c->data, row) ? "true" : "false";
    if (c->lies == ST_BC_TEXT) {
        st_str s = st_api_text(c, row);
        return st_dup(a, s.p, s.n);
    }
    int64_t v = st_api_i64(c, row);
    if (c->labels) return (uint64_t)v < c->labels->n ? c->labels->names[v] : "missing";
    char day[ST_TIME_TEXT];
    if (c->type.base != ST_T_DATE) return st_format(a, "%lld", (long long)v);
    st_format_date(v, day);
    return st_dup(a, day, strlen(day));
}

static cell *cell_named(cells *s, const char *name)
{
    bool is_new;
    void **place = st_map_put(&s->by_name, name, strlen(name), &is_new);
    if (!is_new) return *place;
    if (s->all.n == MOST_CELLS)
        st_fail(&s->r->env, STRATA_BAD_INPUT,
                "The overlay %s has more than %d cells. Cut the dimension with many values into tiers.",
                s->overlay->name, MOST_CELLS);
    cell *it = st_new(s->r->arena, cell);
    it->name = name;
    *st_push(s->r->arena, &s->all) = it;
    *place = it;
    return it;
}

static cell *cell_of(cells *s, uint64_t row)
{
    uint64_t key[2 * ST_MAX_DIMENSIONS] = {0};
    for (uint32_t i = 0; i < s->nparts; i++) {
        key[2 * i] = st_api_known(&s->parts[i], row);
        if (key[2 * i]) key[2 * i + 1] = value_bits(&s->parts[i], row);
    }
    bool is_new;
    void **place = st_map_put(&s->by_value, key, 2 * s->nparts * sizeof *key, &is_new);
    if (!is_new) return *place;
    st_buf name = {0};
    st_buf_puts(s->r->arena, &name, s->overlay->overlay->on->name);
    for (uint32_t i = 0; i < s->nparts; i++)
        st_buf_printf(s->r->arena, &name, ".%s", part_text(s->r->arena, &s->parts[i], row));
    cell *it = cell_named(s, st_buf_text(s->r->arena, &name));
    *place = it;
    return it;
}

/* ---- all of them ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp((*(cell *const *)a)->name, (*(cell *const *)b)->name);
}

static void report_small(cells *s)
{
    uint64_t least = (uint64_t)s->overlay->overlay->min_size, n = 0;
    st_buf examples = {0};
    for (uint32_t i = 0; i < s->all.n; i++) {
        const cell *it = s->all.p[i];
        if (it->size >= least) continue;
        if (n < MOST_EXAMPLES)
            st_buf_printf(s->r->arena, &examples, "%s%s (%llu)", n ? ", " : "", it->name,
                          (unsigned long long)it->size);
        n++;
    }
    if (n == 0) return;
    const char *text =
        st_format(s->r->arena, "%llu cell%s of %s %s fewer than %llu members: %s%s.", (unsigned long long)n,
                  n == 1 ? "" : "s", s->overlay->name, n == 1 ? "has" : "have", (unsigned long long)least,
                  st_buf_text(s->r->arena, &examples), n > MOST_EXAMPLES ? " …" : "");
    *(strata_note *)st_push(s->r->arena, &s->r->notes) =
        (strata_note){STRATA_NOTE_SMALL_CELLS, s->overlay->name, n, least, text};
}

st_api_column st_api_cells(strata_result *r, const st_api_entity *e, const st_def *overlay,
                           const st_api_column *member, const st_api_column *parts, uint32_t nparts)
{
    st_arena *a = r->arena;
    cells s = {.r = r, .e = e, .overlay = overlay, .parts = parts, .nparts = nparts};
    uint64_t rows = e->table->rows;
    cell **of_row = st_new_n(a, cell *, rows + 1);
    int64_t *labels = st_new_n(a, int64_t, rows + 1);
    uint64_t *known = st_new_n(a, uint64_t, rows / 64 + 1);
    st_map_init(&s.by_value, a);
    st_map_init(&s.by_name, a);
    for (uint64_t row = 0; row < rows; row++) {
        if (!st_bit(e->population, row) || !st_bit(member->data, row)) continue;
        of_row[row] = cell_of(&s, row);
        of_row[row]->size++;
        known[row / 64] |= UINT64_C(1) << row % 64;
    }
    if (s.all.n) qsort(s.all.p, s.all.n, sizeof *s.all.p, by_name);
    st_labels *names = st_new(a, st_labels);
    names->n = s.all.n;
    names->names = st_new_n(a, const char *, s.all.n + 1);
    for (uint32_t i = 0; i < s.all.n; i++) {
        s.all.p[i]->label = i;
        names->names[i] = s.all.p[i]->name;
    }
    for (uint64_t row = 0; row < rows; row++)
        if (of_row[row]) labels[row] = of_row[row]->label;
    report_small(&s);
    return (st_api_column){.def = overlay,
                           .field = ST_OUT_CELL,
                           .name = st_format(a, "%s.cell", overlay->name),
                           .type = {.base = ST_T_LABEL, .optional = true},
                           .labels = names,
                           .lies = ST_BC_I64,
                           .data = labels,
                           .known = known};
}

/* An action that nobody has is a row that does nothing. */
void st_api_report_actions(strata_result *r)
{
    for (uint32_t i = 0; i < r->counts.n; i++) {
        const strata_count *c = &r->counts.p[i];
        if (c->kind != STRATA_OVERLAY || c->customers) continue;
        *(strata_note *)st_push(r->arena, &r->notes) =
            (strata_note){STRATA_NOTE_UNUSED_ACTION, c->definition, 0, 0,
                          st_format(r->arena, "Nobody has the action %s of %s.", c->label, c->definition)};
    }
}
