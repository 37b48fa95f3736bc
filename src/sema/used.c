/* Which columns definitions need: those that they read, links that are followed, what decides which rows exist, are visible, and
 * how they are ordered. */
#include "sema/check.h"

static void use_column(const st_column_walk *w, const st_col *col)
{
    w->see->column(w->context,
                   (st_col *)(uintptr_t)col); /* the program is being built: its columns are still ours */
}

/* A column that only parts rows of equal time. */
static void use_tie(const st_column_walk *w, const st_col *col)
{
    if (w->see->tie)
        w->see->tie(w->context, (st_col *)(uintptr_t)col);
    else
        use_column(w, col);
}

static void use_link(st_column_walk *w, const st_col *link);

/* What groups are worked out from. */
static void use_groups(st_column_walk *w, const st_table *t)
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

void st_walk_rows_of(st_column_walk *w, const st_table *t)
{
    if (w->rows[t->index]) return;
    w->rows[t->index] = true;
    if (t->key) use_column(w, t->key);
    use_groups(w, t);
    st_walk(&w->walker, t->keep);
    st_walk(&w->walker, t->visible);
}

static void use_link(st_column_walk *w, const st_col *link)
{
    use_column(w, link);
    if (link->links_to->key) use_column(w, link->links_to->key);
    use_groups(w, link->table);
    use_groups(w, link->links_to);
    st_walk(&w->walker, link->links_to->keep); /* a row that does not exist is not read */
}

static void use_order(st_column_walk *w, const st_table *t)
{
    st_walk(&w->walker, t->order_time);
}

static void use_rows(st_column_walk *w, const st_rowset *rows)
{
    st_walk_rows_of(w, rows->table);
    for (uint32_t i = 0; i < rows->path.n; i++) use_link(w, rows->path.steps[i]);
    for (uint32_t i = 0; i < rows->nfilters; i++) {
        if (rows->filters[i].kind != ST_FILTER_LAST) continue;
        use_order(w, rows->table);
        for (uint32_t k = 0; !rows->table->key && k < rows->table->ncols; k++)
            use_tie(w, &rows->table->cols[k]);
    }
}

static void visit(void *ctx, const st_expr *x)
{
    st_column_walk *w = ctx;
    if (x->def && w->see->def) w->see->def(w->context, x->def);
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

void st_column_walk_init(st_column_walk *w, st_arena *a, uint32_t ntables, const st_column_see *see,
                         void *context)
{
    *w = (st_column_walk){.see = see, .context = context};
    w->rows = st_new_n(a, bool, (size_t)ntables + 1);
    w->groups = st_new_n(a, bool, (size_t)ntables + 1);
    st_walker_init(&w->walker, a, visit, w);
}

void st_walk_columns_of(st_column_walk *w, const st_def *d)
{
    st_walk_def(&w->walker, d);
}

/* ---- of some definitions and all that they use ---- */

typedef struct reading {
    st_checker *c;
    st_reads *reads;
    bool *met;         /* by definition: is in reads->all */
    const st_def *def; /* that reads */
} reading;

static size_t columns_of(const st_table *t)
{
    return (size_t)t->ncols + t->nhidden;
}

static void note_column(void *context, st_col *col)
{
    const reading *r = context;
    const st_def ***readers = &r->reads->readers[col->table->index];
    if (!*readers) *readers = st_new_n(r->c->a, const st_def *, columns_of(col->table));
    if (!(*readers)[col->index]) (*readers)[col->index] = r->def;
}

static void note_tie(void *context, st_col *col)
{
    const reading *r = context;
    bool **ties = &r->reads->ties[col->table->index];
    if (!*ties) *ties = st_new_n(r->c->a, bool, columns_of(col->table));
    (*ties)[col->index] = true;
}

static void note_def(void *context, st_def *d)
{
    reading *r = context;
    if (r->met[d->index]) return;
    r->met[d->index] = true;
    *st_push(r->c->a, &r->reads->all) = d;
}

/* What decides about d: of a treatment not what is sent. */
static void visit_deciding(const st_def *d, const st_need_visit *needs)
{
    st_def bare = *d;
    st_treatment t;
    if (d->treatment) {
        t = *d->treatment;
        t.nsends = 0;
        bare.treatment = &t;
    }
    st_visit_needs(&bare, needs);
}

void st_find_reads(st_checker *c, const st_def *const *defs, uint32_t n, st_reads *out)
{
    static const st_column_see see = {note_column, note_tie, note_def};
    *out = (st_reads){.readers = st_new_n(c->a, const st_def **, c->tables.n + 1),
                      .ties = st_new_n(c->a, bool *, c->tables.n + 1)};
    reading r = {.c = c, .reads = out, .met = st_new_n(c->a, bool, c->defs.n + 1)};
    st_column_walk w;
    st_need_visit needs = {note_def, &r};
    st_column_walk_init(&w, c->a, c->tables.n, &see, &r);
    for (uint32_t i = 0; i < n; i++)
        if (defs[i]) note_def(&r, (st_def *)(uintptr_t)defs[i]);
    for (uint32_t i = 0; i < out->all.n; i++) {
        const st_def *d = r.def = out->all.p[i];
        if (d->of && d->kind != ST_DEF_ROWS) st_walk_rows_of(&w, d->of);
        st_walk_columns_of(&w, d);
        visit_deciding(d, &needs);
    }
}
