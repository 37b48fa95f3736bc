/* What is asked for of a rule set: definitions by name, or by how often they are wanted. The rest stays, for those that use it. */
#include "sema/check.h"

const char *const st_rhythms[ST_RHYTHMS] = {"hourly", "daily", "weekly", "monthly", "quarterly", "yearly"};

int st_rhythm_of(const char *word)
{
    for (int i = 0; i < ST_RHYTHMS; i++)
        if (strcmp(st_rhythms[i], word) == 0) return i;
    return -1;
}

/* What a run can give out. */
static bool is_answer(const st_def *d)
{
    return st_def_is_answer(d, true) || d->kind == ST_DEF_TREATMENT || d->kind == ST_DEF_CAMPAIGN ||
           d->kind == ST_DEF_AUDIENCE;
}

/* ---- by name ---- */

static st_def *find(const st_program *p, const char *name)
{
    for (uint32_t i = 0; i < p->ndefs; i++)
        if (!p->defs[i]->hidden && strcmp(p->defs[i]->name, name) == 0) return p->defs[i];
    return NULL;
}

ST_NORETURN static void fail_unknown(const st_program *p, const char *name, const st_def *d)
{
    st_env *env = st_arena_env(p->arena);
    if (d && d->in_library)
        st_fail(env, STRATA_BAD_INPUT,
                "%s is of a library, whose definitions are no answers. Name one of the rule set's own.",
                name);
    if (d && d->closed)
        st_fail(env, STRATA_BAD_INPUT,
                "%s was left out when the rules were compiled. Compile them again with it.", name);
    if (d)
        st_fail(env, STRATA_BAD_INPUT,
                "%s is a %s, which no run gives out. Name a segment, tiers or another answer.", name,
                st_def_kind_names[d->kind]);
    st_near near = {0};
    for (uint32_t i = 0; i < p->ndefs; i++)
        if (!p->defs[i]->hidden && !p->defs[i]->closed && is_answer(p->defs[i]))
            st_near_add(&near, name, p->defs[i]->name);
    st_fail(env, STRATA_BAD_INPUT, "The rule set defines no %s. %s", name, st_did_you_mean(p->arena, &near));
}

static void select_by_name(st_program *p, const char *name)
{
    st_def *d = find(p, name);
    if (!d || d->closed || !is_answer(d)) fail_unknown(p, name, d);
    d->left_out = false;
    d->asked = true;
}

/* ---- by rhythm ---- */

static void select_due(st_program *p, const char *word)
{
    st_env *env = st_arena_env(p->arena);
    int rhythm = st_rhythm_of(word);
    bool any = false;
    if (rhythm < 0) {
        st_near near = {0};
        for (int i = 0; i < ST_RHYTHMS; i++) st_near_add(&near, word, st_rhythms[i]);
        st_fail(env, STRATA_BAD_INPUT, "%s is no rhythm. %s", word,
                near.n ? st_did_you_mean(p->arena, &near)
                       : "Choose hourly, daily, weekly, monthly, quarterly or yearly.");
    }
    for (uint32_t i = 0; i < p->ndefs; i++) {
        st_def *d = p->defs[i];
        if (d->hidden || d->closed || !d->meta.refresh || !is_answer(d)) continue;
        int its = st_rhythm_of(d->meta.refresh);
        if (its < 0 || its > rhythm) continue;
        d->left_out = false;
        any = true;
    }
    if (!any)
        st_fail(env, STRATA_BAD_INPUT, "Nothing is due %s: no definition says refresh %s, or more often.",
                word, word);
}

/* ---- what belongs to it ---- */

/* A campaign gives each customer one of its treatments: it is run as a whole. */
static void select_campaigns(st_program *p)
{
    for (uint32_t i = 0; i < p->ndefs; i++) {
        const st_def *d = p->defs[i];
        if (d->treatment && !d->left_out && d->treatment->campaign) d->treatment->campaign->left_out = false;
    }
    for (uint32_t i = 0; i < p->ndefs; i++) {
        const st_def *d = p->defs[i];
        for (uint32_t k = 0; d->campaign && !d->left_out && k < d->campaign->n; k++)
            d->campaign->treatments[k]->left_out = false;
    }
}

static void select_promises(st_program *p, bool all)
{
    for (uint32_t i = 0; i < p->npromises; i++) {
        st_promise *promise = &p->promises[i];
        promise->left_out = promise->closed || (promise->subject ? promise->subject->left_out : !all);
    }
}

static bool speaks_of_selected(const st_test *t)
{
    for (uint32_t i = 0; i < t->claims.n; i++)
        if (t->claims.p[i].def && !t->claims.p[i].def->left_out) return true;
    return false;
}

static void select_tests(st_program *p, bool all)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->ntests; i++) {
        st_test *test = p->tests[i];
        if (p->sources->files.p[test->span.file].in_library) continue;
        if (all || speaks_of_selected(test)) p->tests[n++] = test;
    }
    p->ntests = n;
}

/* ---- what a run of it needs ---- */

typedef struct needing {
    st_program *p;
    bool *needed; /* by definition */
    st_column_walk columns;
    st_need_visit visit;
} needing;

static void use_column(void *context, st_col *col)
{
    (void)context;
    col->used = true;
}

static void take(void *context, st_def *d)
{
    needing *n = context;
    if (n->needed[d->index]) return;
    n->needed[d->index] = true;
    st_walk_columns_of(&n->columns, d);
    if (d->of && d->kind != ST_DEF_ROWS && !d->hidden) {
        d->of->segmented = true;
        st_walk_rows_of(&n->columns, d->of);
    }
    st_visit_needs(d, &n->visit);
}

/* A table whose rows are counted is read, if only by one of its columns. */
static void use_promised(needing *n, const st_promise *promise)
{
    const st_table *t = promise->table;
    bool read = false;
    st_visit_promised(promise, &n->visit);
    st_walk_rows_of(&n->columns, t);
    for (uint32_t i = 0; i < t->ncols; i++) read = read || t->cols[i].used;
    if (!read && t->ncols) t->cols[0].used = true;
}

static void mark_used(st_program *p, bool all)
{
    needing n = {.p = p, .needed = st_new_n(p->arena, bool, (size_t)p->ndefs + 1)};
    n.visit = (st_need_visit){take, &n};
    static const st_column_see see = {use_column, NULL, NULL};
    st_column_walk_init(&n.columns, p->arena, p->ntables, &see, NULL);
    for (uint32_t t = 0; t < p->ntables; t++) {
        p->tables[t]->segmented = false;
        uint32_t ncols = p->tables[t]->ncols + p->tables[t]->nhidden;
        for (uint32_t i = 0; i < ncols; i++) p->tables[t]->cols[i].used = false;
    }
    for (uint32_t i = 0; i < p->ndefs; i++)
        if (all ? !p->defs[i]->in_library : !p->defs[i]->hidden && !p->defs[i]->left_out)
            take(&n, p->defs[i]);
    for (uint32_t i = 0; i < p->npromises; i++)
        if (!p->promises[i].left_out) use_promised(&n, &p->promises[i]);
}

void st_select(st_program *p, const st_selection *s)
{
    bool all = s->nonly == 0 && !s->due;
    for (uint32_t i = 0; i < p->ndefs; i++) {
        p->defs[i]->left_out = p->defs[i]->closed || (!all && !p->defs[i]->hidden);
        p->defs[i]->asked = false;
    }
    for (uint32_t i = 0; i < s->nonly; i++) select_by_name(p, s->only[i]);
    if (s->due) select_due(p, s->due);
    select_campaigns(p);
    select_promises(p, all);
    if (!p->sources) return;
    select_tests(p, all);
    mark_used(p, all);
}
