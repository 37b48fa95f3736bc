/* Whether every `as of` of a rule set looks back from where it stands. Evaluation meets only those that its rows need; a run is
 * refused for any of them. */
#include "oracle/parts.h"

static void check_def(st_oracle *o, st_moment *m, const st_def *def);
static void check_expr(st_oracle *o, st_moment *m, const st_expr *e);

static void check_rows(st_oracle *o, st_moment *m, const st_rowset *rows)
{
    for (uint32_t i = 0; i < rows->nfilters; i++) check_expr(o, m, rows->filters[i].where);
}

static void check_expr(st_oracle *o, st_moment *m, const st_expr *e)
{
    if (!e) return;
    if (e->op == ST_X_AS_OF) {
        st_scope s = {o, m, ST_NO_ROW, NULL};
        st_moment *then = st_o_as_of_moment(&s, e);
        if (then) check_expr(o, then, e->args[0]);
        return;
    }
    if (e->def) check_def(o, m, e->def);
    for (uint32_t i = 0; i < e->n; i++) check_expr(o, m, e->args[i]);
    if (e->op == ST_X_AGGREGATE) check_rows(o, m, &e->rows);
    for (uint32_t i = 0; i < e->nsteps; i++) check_rows(o, m, &e->steps[i].rows);
}

static void check_def(st_oracle *o, st_moment *m, const st_def *def)
{
    if (m->checked[def->index]) return;
    m->checked[def->index] = true;
    check_expr(o, m, def->expr);
    if (def->among) check_def(o, m, def->among);
    for (uint32_t i = 0; i < def->ntiers; i++) check_expr(o, m, def->tiers[i].when);
    if (!def->rfm) return;
    check_expr(o, m, def->rfm->any);
    for (int which = 0; which < 3; which++) {
        if (!def->rfm->has[which]) continue;
        check_expr(o, m, def->rfm->part[which].measure);
        check_expr(o, m, def->rfm->part[which].raw);
    }
}

void st_oracle_check(st_oracle *o)
{
    for (uint32_t i = 0; i < o->program->ndefs; i++)
        if (st_def_is_output(o->program->defs[i], true)) check_def(o, o->start, o->program->defs[i]);
    for (uint32_t i = 0; i < o->program->npromises; i++) {
        const st_promise *p = &o->program->promises[i];
        const st_def *defs[] = {p->part, p->all, p->measure};
        for (size_t k = 0; k < ST_COUNT(defs); k++)
            if (defs[k]) check_def(o, o->start, defs[k]);
    }
}

static void check_part(void *context, const st_def *whole, st_def *part, st_part_role role)
{
    st_oracle *o = context;
    (void)whole, (void)role;
    check_def(o, o->start, part);
}

void st_oracle_check_treatments(st_oracle *o)
{
    st_visit_parts(o->program, &(st_part_visit){check_part, o});
}
