/* Which columns a run needs: those that definitions read, links that are followed, what decides which rows exist, are
 * visible, and how they are ordered. Only these are loaded. */
#include "sema/check.h"

typedef struct used_walk {
    st_checker *c;
    st_walker walker;
    bool *rows;      /* by table: its rows are looked at */
    bool *groups;    /* by table: what it is worked out from has been marked */
    st_reads *reads; /* NULL: for the whole program, whose columns are marked themselves */
    bool *met;       /* by definition: is in reads->all */
    const st_def *def;
} used_walk;

static size_t columns_of(const st_table *t)
{
    return (size_t)t->ncols + t->nhidden;
}

static void use_column(used_walk *w, const st_col *col)
{
    if (!w->reads) {
        ((st_col *)col)->used = true; /* the program is being built: its columns are still ours */
        return;
    }
    const st_def ***readers = &w->reads->readers[col->table->index];
    if (!*readers) *readers = st_new_n(w->c->a, const st_def *, columns_of(col->table));
    if (!(*readers)[col->index]) (*readers)[col->index] = w->def;
}

/* A column that only parts rows of equal time. */
static void use_tie(used_walk *w, const st_col *col)
{
    if (!w->reads) {
        use_column(w, col);
        return;
    }
    bool **ties = &w->reads->ties[col->table->index];
    if (!*ties) *ties = st_new_n(w->c->a, bool, columns_of(col->table));
    (*ties)[col->index] = true;
}

static void use_link(used_walk *w, const st_col *link);

/* What groups are worked out from. */
static void use_groups(used_walk *w, const st_table *t)
{
    const st_derived *g = t->derived;
    if (!g || w->groups[t->index]) return;
    w->groups[t->index] = true;
    use_column(w, g->member);
    use_column(w, g->up.steps[0]);
    for (uint32_t i = 0; i < t->ncols; i++) use_column(w, g->keys[i]);
    for (uint32_t i = 0; i < g->path.n; i++) use_link(w, g->path.steps[i]);
    use_groups(w, g->source);
}

static void use_table(used_walk *w, const st_table *t)
{
    if (w->rows[t->index]) return;
    w->rows[t->index] = true;
    if (t->key) use_column(w, t->key);
    use_groups(w, t);
    st_walk(&w->walker, t->keep);
    st_walk(&w->walker, t->visible);
}

static void use_link(used_walk *w, const st_col *link)
{
    use_column(w, link);
    if (link->links_to->key) use_column(w, link->links_to->key);
    use_groups(w, link->table);
    use_groups(w, link->links_to);
    st_walk(&w->walker, link->links_to->keep); /* a row that does not exist is not read */
}

static void use_order(used_walk *w, const st_table *t)
{
    st_walk(&w->walker, t->order_time);
}

static void use_rows(used_walk *w, const st_rowset *rows)
{
    use_table(w, rows->table);
    for (uint32_t i = 0; i < rows->path.n; i++) use_link(w, rows->path.steps[i]);
    for (uint32_t i = 0; i < rows->nfilters; i++) {
        if (rows->filters[i].kind != ST_FILTER_LAST) continue;
        use_order(w, rows->table);
        for (uint32_t k = 0; !rows->table->key && k < rows->table->ncols; k++)
            use_tie(w, &rows->table->cols[k]);
    }
}

static void use_def(used_walk *w, const st_def *d)
{
    if (!d || !w->reads || w->met[d->index]) return;
    w->met[d->index] = true;
    *st_push(w->c->a, &w->reads->all) = d;
}

static void use_part(void *context, const st_def *whole, st_def *part, st_part_role role)
{
    (void)whole;
    (void)role;
    use_def(context, part);
}

/* What decides who gets a treatment; not what is sent. */
static void use_treatment(used_walk *w, const st_def *d)
{
    st_treatment t = *d->treatment;
    st_def bare = *d;
    t.nsends = 0;
    bare.treatment = &t;
    st_visit_parts_of(&bare, &(st_part_visit){use_part, w});
    use_def(w, t.campaign);
}

static void visit(void *ctx, const st_expr *x)
{
    used_walk *w = ctx;
    use_def(w, x->def);
    switch (x->op) {
    case ST_X_COLUMN: use_column(w, x->col); return;
    case ST_X_LINK: use_link(w, x->col); return;
    case ST_X_AGGREGATE:
        use_rows(w, &x->rows);
        if (x->kind == ST_AGG_FIRST || x->kind == ST_AGG_LAST || x->span_n > 0) use_order(w, x->rows.table);
        return;
    case ST_X_NEAREST: use_rows(w, &x->rows); return;
    case ST_X_SEQUENCE:
        use_rows(w, &x->rows);
        use_order(w, x->rows.table);
        for (uint32_t i = 0; i < x->nsteps; i++) {
            use_rows(w, &x->steps[i].rows);
            use_order(w, x->steps[i].rows.table);
        }
        return;
    default: return;
    }
}

/* A table whose rows are counted is read, if only by one of its columns. */
static void use_promised(used_walk *w, const st_table *t)
{
    bool read = false;
    use_table(w, t);
    for (uint32_t i = 0; i < t->ncols; i++) read = read || t->cols[i].used;
    if (!read && t->ncols) use_column(w, &t->cols[0]);
}

void st_mark_used(st_checker *c)
{
    used_walk w = {
        .c = c, .rows = st_new_n(c->a, bool, c->tables.n), .groups = st_new_n(c->a, bool, c->tables.n)};
    st_walker_init(&w.walker, c->a, visit, &w);
    for (uint32_t i = 0; i < c->tables.n; i++)
        if (c->tables.p[i]->segmented) use_table(&w, c->tables.p[i]);
    for (uint32_t i = 0; i < c->defs.n; i++) st_walk_def(&w.walker, c->defs.p[i]);
    for (uint32_t i = 0; i < c->promises.n; i++) use_promised(&w, c->promises.p[i].table);
}

void st_find_reads(st_checker *c, const st_def *const *defs, uint32_t n, st_reads *out)
{
    *out = (st_reads){.readers = st_new_n(c->a, const st_def **, c->tables.n + 1),
                      .ties = st_new_n(c->a, bool *, c->tables.n + 1)};
    used_walk w = {.c = c,
                   .rows = st_new_n(c->a, bool, c->tables.n + 1),
                   .groups = st_new_n(c->a, bool, c->tables.n + 1),
                   .met = st_new_n(c->a, bool, c->defs.n + 1),
                   .reads = out};
    st_walker_init(&w.walker, c->a, visit, &w);
    for (uint32_t i = 0; i < n; i++) use_def(&w, defs[i]);
    for (uint32_t i = 0; i < out->all.n; i++) {
        const st_def *d = w.def = out->all.p[i];
        if (d->of && d->kind != ST_DEF_ROWS) use_table(&w, d->of);
        st_walk_def(&w.walker, d);
        use_def(&w, d->among);
        for (uint32_t k = 0; k < d->nuses; k++) use_def(&w, d->uses[k]);
        if (d->treatment) use_treatment(&w, d);
        for (uint32_t k = 0; d->campaign && k < d->campaign->n; k++) use_def(&w, d->campaign->treatments[k]);
        if (!d->overlay) continue;
        use_def(&w, d->overlay->on);
        for (uint32_t k = 0; k < d->overlay->ndims; k++) use_def(&w, d->overlay->dims[k]);
    }
}
