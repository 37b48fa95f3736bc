/* Which rows there are: existence, visibility, and the rows of a source. */
#include "oracle/parts.h"

#include "base/geo.h"

uint64_t st_o_row_count(const st_oracle *o, const st_table *table)
{
    return o->data->tables[table->index].rows;
}

bool st_o_exists(st_oracle *o, const st_table *table, int64_t row)
{
    if (!table->keep) return true;
    uint8_t **memo = &o->exists[table->index];
    if (!*memo) *memo = st_new_n(o->arena, uint8_t, st_o_row_count(o, table) + 1);
    if ((*memo)[row] == 0) {
        /* A row whose own condition asks for itself, over links in a circle, does not exist. */
        (*memo)[row] = 1;
        st_scope s = {o, o->start, row, NULL};
        (*memo)[row] = st_o_true(&s, table->keep) ? 2 : 1;
    }
    return (*memo)[row] == 2;
}

bool st_o_visible(const st_scope *s, const st_table *table, int64_t row)
{
    st_scope at = st_o_at_row(s, row);
    return !table->visible || st_o_true(&at, table->visible);
}

bool st_o_present(const st_scope *s, const st_table *table, int64_t row)
{
    return st_o_exists(s->o, table, row) && st_o_visible(s, table, row);
}

st_value st_o_time(const st_scope *s, const st_table *table, int64_t row)
{
    st_scope at = st_o_at_row(s, row);
    if (!table->order_time) return st_o_missing((st_type){.base = ST_T_TIMESTAMP});
    return st_o_eval(&at, table->order_time);
}

/* The row that `row` leads to, or ST_NO_ROW where a link on the way leads nowhere or to a row that does not exist. */
static int64_t follow(st_oracle *o, const st_path *path, int64_t row)
{
    for (uint32_t i = 0; i < path->n; i++) {
        const st_col *link = path->steps[i];
        row = o->data->tables[link->table->index].links[link->index][row];
        if (row == ST_NO_ROW || !st_o_exists(o, link->links_to, row)) return ST_NO_ROW;
    }
    return row;
}

static bool same_path(const st_path *a, const st_path *b)
{
    if (a->n != b->n) return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (a->steps[i] != b->steps[i]) return false;
    return true;
}

static const st_children *children_of(st_oracle *o, const st_table *table, const st_path *path)
{
    for (uint32_t i = 0; i < o->children.n; i++)
        if (o->children.p[i].table == table && same_path(&o->children.p[i].path, path))
            return &o->children.p[i];
    const st_table *target = path->steps[path->n - 1]->links_to;
    uint64_t n = st_o_row_count(o, table), targets = st_o_row_count(o, target);
    uint64_t *from = st_new_n(o->arena, uint64_t, targets + 2);
    int64_t *parent = st_new_n(o->arena, int64_t, n + 1), *rows = st_new_n(o->arena, int64_t, n + 1);
    for (uint64_t row = 0; row < n; row++) {
        parent[row] = st_o_exists(o, table, (int64_t)row) ? follow(o, path, (int64_t)row) : ST_NO_ROW;
        if (parent[row] != ST_NO_ROW) from[parent[row] + 2]++;
    }
    for (uint64_t t = 2; t < targets + 2; t++) from[t] += from[t - 1];
    for (uint64_t row = 0; row < n; row++)
        if (parent[row] != ST_NO_ROW) rows[from[parent[row] + 1]++] = (int64_t)row;
    st_children *c = st_push(o->arena, &o->children);
    *c = (st_children){table, *path, from, rows};
    return c;
}

/* Element by element; a list that another one begins with comes before it. */
static int compare_lists(const st_column *c, int64_t a, int64_t b)
{
    int64_t na = c->list[a + 1] - c->list[a], nb = c->list[b + 1] - c->list[b];
    for (int64_t i = 0; i < na && i < nb; i++) {
        st_value x = st_o_element(c, (uint64_t)(c->list[a] + i)),
                 y = st_o_element(c, (uint64_t)(c->list[b] + i));
        int order = st_oracle_compare(&x, &y);
        if (order) return order;
    }
    return (na > nb) - (na < nb);
}

/* Order among rows of equal time: by key or, without one, by all columns as declared, missing first. */
static int compare_rows(const st_oracle *o, const st_table *table, int64_t a, int64_t b)
{
    for (uint32_t i = 0; i < table->ncols; i++) {
        const st_col *col = &table->cols[i];
        if (table->key && col != table->key) continue;
        const st_column *c = &o->data->tables[table->index].columns[i];
        if (!c->decl)
            st_fail(st_arena_env(o->arena), STRATA_INTERNAL, "%s.%s orders rows but was not read",
                    table->name, col->name);
        st_value x = st_o_column(o, table, col, a), y = st_o_column(o, table, col, b);
        if (x.missing || y.missing) {
            if (x.missing != y.missing) return x.missing ? -1 : 1;
            continue;
        }
        int order = c->list ? compare_lists(c, a, b) : st_oracle_compare(&x, &y);
        if (order) return order;
    }
    return 0;
}

/* Whether row i of the list is later than row j: by time, then by the order above, then by place in the file, which only
 * decides between rows that are alike. */
static bool is_later(const st_scope *s, const st_table *table, uint32_t rows, uint32_t times, uint32_t i,
                     uint32_t j)
{
    st_oracle *o = s->o;
    const st_value *ti = &o->values.p[times + i], *tj = &o->values.p[times + j];
    if (tj->missing) return !ti->missing;
    if (ti->missing) return false;
    int order = st_oracle_compare(ti, tj);
    if (order == 0) order = compare_rows(o, table, o->rows.p[rows + i], o->rows.p[rows + j]);
    return order ? order > 0 : i > j;
}

/* Of the n rows from `base` on, those stay that have a time and fewer than `last` later rows. */
static uint32_t keep_last(const st_scope *s, const st_table *table, uint32_t base, uint32_t n, uint32_t last)
{
    st_oracle *o = s->o;
    uint32_t times = o->values.n, kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        st_value t = st_o_time(s, table, o->rows.p[base + i]);
        *st_push(o->arena, &o->values) = t;
    }
    uint32_t stay = o->rows.n; /* the answer is collected behind the list, which is still compared with */
    for (uint32_t i = 0; i < n; i++) {
        uint32_t later = 0;
        for (uint32_t j = 0; j < n && later < last; j++)
            later += j != i && is_later(s, table, base, times, j, i);
        if (o->values.p[times + i].missing || later >= last) continue;
        int64_t row = o->rows.p[base + i];
        *st_push(o->arena, &o->rows) = row;
        kept++;
    }
    if (kept) memmove(o->rows.p + base, o->rows.p + stay, kept * sizeof *o->rows.p);
    o->values.n = times;
    o->rows.n = base + kept;
    return kept;
}

static uint32_t keep_where(const st_scope *s, const st_expr *where, uint32_t base, uint32_t n)
{
    st_oracle *o = s->o;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        int64_t row = o->rows.p[base + i];
        st_scope at = st_o_at_row(s, row);
        if (st_o_true(&at, where)) o->rows.p[base + kept++] = row;
    }
    o->rows.n = base + kept;
    return kept;
}

uint32_t st_o_push_rows(const st_scope *s, const st_rowset *set)
{
    st_oracle *o = s->o;
    const st_children *c = children_of(o, set->table, &set->path);
    uint64_t from = c->from[s->row], to = c->from[s->row + 1];
    const int64_t *rows = c->rows;
    uint32_t base = o->rows.n;
    for (uint64_t i = from; i < to; i++)
        if (st_o_visible(s, set->table, rows[i])) *st_push(o->arena, &o->rows) = rows[i];
    uint32_t n = o->rows.n - base;
    for (uint32_t f = 0; f < set->nfilters; f++) {
        const st_filter *filter = &set->filters[f];
        n = filter->kind == ST_FILTER_LAST ? keep_last(s, set->table, base, n, filter->last)
                                           : keep_where(s, filter->where, base, n);
    }
    return n;
}

/* ---- the nearest row ---- */

static const st_places *places_of(const st_scope *s, const st_expr *e)
{
    st_oracle *o = s->o;
    for (uint32_t i = 0; i < s->m->places.n; i++)
        if (s->m->places.p[i].expr == e) return &s->m->places.p[i];
    st_places found = {.expr = e};
    uint64_t rows = st_o_row_count(o, e->rows.table);
    found.at = st_alloc_array(o->arena, rows + 1, sizeof *found.at);
    for (uint64_t row = 0; row < rows; row++) {
        st_scope at = {.o = o, .m = s->m, .row = (int64_t)row};
        bool in = st_o_present(&at, e->rows.table, (int64_t)row);
        for (uint32_t f = 0; in && f < e->rows.nfilters; f++) in = st_o_true(&at, e->rows.filters[f].where);
        if (in && st_o_degrees(&at, e->args[2], e->args[3], found.at[found.n])) found.n++;
    }
    st_places *kept = st_push(o->arena, &s->m->places);
    *kept = found;
    return kept;
}

/* Every row is asked. */
st_value st_o_nearest(const st_scope *s, const st_expr *e)
{
    double from[2];
    if (!st_o_degrees(s, e->args[0], e->args[1], from)) return st_o_missing(e->type);
    const st_places *to = places_of(s, e);
    int64_t best = INT64_MAX;
    for (uint64_t i = 0; i < to->n; i++)
        best = ST_MIN(best, st_metres_between(from[0], from[1], to->at[i][0], to->at[i][1]));
    return best == INT64_MAX ? st_o_missing(e->type) : (st_value){.type = e->type, .as.d = best};
}
