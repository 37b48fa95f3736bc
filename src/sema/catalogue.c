/* Where definitions stand and what they stand on. What the checker made for a definition counts as its own words. */
#include "sema/check.h"

#include <stdlib.h>

typedef struct gathering {
    st_checker *c;
    const st_def *whole; /* NULL: a promise */
    st_column_walk columns;
    st_need_visit needs;
    bool *seen;  /* by definition */
    bool **read; /* by table and column */
    ST_VEC(st_def *) found;
} gathering;

static void note_column(void *context, st_col *col)
{
    const gathering *g = context;
    g->read[col->table->index][col->index] = true;
}

static void note_need(void *context, st_def *d)
{
    gathering *g = context;
    if (d == g->whole || g->seen[d->index]) return;
    g->seen[d->index] = true;
    if (d->hidden) {
        st_walk_columns_of(&g->columns, d);
        st_visit_needs(d, &g->needs);
    } else {
        *st_push(g->c->a, &g->found) = d;
    }
}

static void start(gathering *g, st_checker *c, const st_def *whole)
{
    *g = (gathering){.c = c, .whole = whole, .needs = {note_need, g}};
    g->seen = st_new_n(c->a, bool, c->p->ndefs + 1);
    g->read = st_new_n(c->a, bool *, c->p->ntables + 1);
    for (uint32_t i = 0; i < c->p->ntables; i++)
        g->read[i] = st_new_n(c->a, bool, c->p->tables[i]->ncols + c->p->tables[i]->nhidden + 1);
    static const st_column_see see = {note_column, NULL, NULL};
    st_column_walk_init(&g->columns, c->a, c->p->ntables, &see, g);
}

static int by_index(const void *a, const void *b)
{
    uint32_t x = (*(st_def *const *)a)->index, y = (*(st_def *const *)b)->index;
    return (x > y) - (x < y);
}

static void finish(gathering *g, st_origin *o)
{
    uint32_t n = 0;
    for (uint32_t t = 0; t < g->c->p->ntables; t++)
        for (uint32_t i = 0; i < g->c->p->tables[t]->ncols; i++) n += g->read[t][i];
    o->columns = st_new_n(g->c->a, const st_col *, n + 1);
    for (uint32_t t = 0; t < g->c->p->ntables; t++)
        for (uint32_t i = 0; i < g->c->p->tables[t]->ncols; i++)
            if (g->read[t][i] && !g->c->p->tables[t]->derived)
                o->columns[o->ncolumns++] = &g->c->p->tables[t]->cols[i];
    if (g->found.n) qsort(g->found.p, g->found.n, sizeof *g->found.p, by_index);
    o->needs = g->found.p;
    o->nneeds = g->found.n;
}

static void place(const st_checker *c, st_span span, st_origin *o)
{
    o->file = c->sources->files.p[span.file].name;
    o->line = st_place_of(c->sources, span.file, span.start).line;
}

static const char *param_text(st_checker *c, const st_def *d)
{
    st_buf b = {0};
    if (!d->type.list) return st_value_words(c, &d->value);
    for (uint32_t i = 0; i < d->nvalues; i++)
        st_buf_printf(c->a, &b, "%s%s", i ? ", " : "(", st_value_words(c, &d->values[i]));
    st_buf_puts(c->a, &b, d->nvalues ? ")" : "()");
    return st_buf_text(c->a, &b);
}

static void find_origin(st_checker *c, st_def *d)
{
    d->in_library = d->closed = d->left_out = c->sources->files.p[d->span.file].in_library;
    if (d->hidden) return;
    place(c, d->span, &d->origin);
    if (d->kind == ST_DEF_PARAM) d->origin.value = param_text(c, d);
    gathering g;
    start(&g, c, d);
    st_walk_columns_of(&g.columns, d);
    const st_definfo *info = st_info(c, d);
    for (uint32_t i = 0; i < info->rows.nfilters; i++)
        st_walk(&g.columns.walker, info->rows.filters[i].where);
    st_visit_needs(d, &g.needs);
    finish(&g, &d->origin);
}

static void find_promise(st_checker *c, st_promise *p)
{
    p->closed = c->sources->files.p[p->span.file].in_library;
    place(c, p->span, &p->origin);
    gathering g;
    start(&g, c, NULL);
    st_visit_promised(p, &g.needs);
    finish(&g, &p->origin);
    if (p->subject) p->subject->origin.nchecks++;
}

static void count_test(st_checker *c, const st_test *t)
{
    bool *met = st_new_n(c->a, bool, c->p->ndefs + 1);
    for (uint32_t i = 0; i < t->claims.n; i++) {
        const st_def *d = t->claims.p[i].def;
        if (d && !met[d->index]) c->p->defs[d->index]->origin.ntests++;
        if (d) met[d->index] = true;
    }
}

void st_find_origins(st_checker *c)
{
    for (uint32_t i = 0; i < c->p->ndefs; i++) find_origin(c, c->p->defs[i]);
    for (uint32_t i = 0; i < c->p->npromises; i++) find_promise(c, &c->p->promises[i]);
    for (uint32_t i = 0; i < c->p->ntests; i++) count_test(c, c->p->tests[i]);
}
