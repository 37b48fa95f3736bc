/* What nobody acts on: in a rule set that says what segments get, an action or arm that nothing serves and a segment that nothing
 * uses are just charts. */
#include "sema/check.h"

typedef struct labels_asked {
    bool **asked; /* by definition and label: some rule, treatment or audience speaks of it */
} labels_asked;

static void visit(void *ctx, const st_expr *x)
{
    const labels_asked *q = ctx;
    if (!st_is_const(x) || !st_is(x->type, ST_T_LABEL) || x->value.missing) return;
    const st_def *d = x->value.type.labels->def;
    if (d) q->asked[d->index][x->value.as.i] = true;
}

static labels_asked find_asked(st_checker *c)
{
    labels_asked q = {st_new_n(c->a, bool *, c->defs.n)};
    st_walker w;
    for (uint32_t i = 0; i < c->defs.n; i++) q.asked[i] = st_new_n(c->a, bool, c->defs.p[i]->labels.n);
    st_walker_init(&w, c->a, visit, &q);
    for (uint32_t i = 0; i < c->defs.n; i++) st_walk_def(&w, c->defs.p[i]);
    return q;
}

/* The action of everybody else, and the arm to compare with, get nothing on purpose. */
static bool needs_nothing(const st_def *d, uint32_t label)
{
    if (d->kind == ST_DEF_EXPERIMENT) return strcmp(d->labels.names[label], "control") == 0;
    const st_ast *items = d->ast->kids[ST_OVERLAY_items];
    for (uint32_t i = 0; i < items->n; i++) {
        const st_ast *row = items->kids[i];
        if (row->kind == ST_AST_TIER && row->op == ST_TIER_OTHERWISE)
            return strcmp(row->kids[ST_TIER_label]->text, d->labels.names[label]) == 0;
    }
    return false;
}

static void warn_labels(st_checker *c, const st_def *d, const bool *asked)
{
    st_buf b = {0};
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->labels.n; i++) {
        if (asked[i] || needs_nothing(d, i)) continue;
        if (n < 8) st_buf_printf(c->a, &b, "%s%s", n ? ", " : "", d->labels.names[i]);
        n++;
    }
    if (!n) return;
    if (n > 8) st_buf_puts(c->a, &b, " …");
    st_err(c, ST_MSG_UNSERVED, d->span, d->name, st_buf_text(c->a, &b));
}

static void mark(bool *used, const st_def *d)
{
    if (d) used[d->index] = true;
}

static bool *find_used(st_checker *c)
{
    bool *used = st_new_n(c->a, bool, c->defs.n);
    for (uint32_t i = 0; i < c->defs.n; i++)
        for (uint32_t k = 0; k < c->defs.p[i]->nuses; k++) mark(used, c->defs.p[i]->uses[k]);
    for (uint32_t i = 0; i < c->p->nexclusions; i++) mark(used, c->p->exclusions[i].who);
    for (uint32_t i = 0; i < c->promises.n; i++) {
        mark(used, c->promises.p[i].subject);
        mark(used, c->promises.p[i].part);
        mark(used, c->promises.p[i].all);
    }
    return used;
}

static bool is_treated(const st_checker *c, const st_table *of)
{
    for (uint32_t i = 0; i < c->defs.n; i++)
        if (c->defs.p[i]->kind == ST_DEF_TREATMENT && (!of || c->defs.p[i]->of == of)) return true;
    return false;
}

void st_warn_unserved(st_checker *c)
{
    if (!is_treated(c, NULL)) return;
    for (uint32_t i = 0; i < c->p->nexclusions; i++) {
        const st_exclusion *x = &c->p->exclusions[i];
        if (!is_treated(c, x->who->of))
            st_err(c, ST_MSG_EXCLUDES_NOBODY, x->span, x->who->name, x->who->of->name);
    }
    labels_asked q = find_asked(c);
    const bool *used = find_used(c);
    for (uint32_t i = 0; i < c->defs.n; i++) {
        const st_def *d = c->defs.p[i];
        if (d->hidden) continue;
        if (d->kind == ST_DEF_OVERLAY || d->kind == ST_DEF_EXPERIMENT) warn_labels(c, d, q.asked[i]);
        if (d->kind == ST_DEF_SEGMENT && !used[i]) st_err(c, ST_MSG_UNUSED_SEGMENT, d->span, d->name);
    }
}
