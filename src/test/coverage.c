/* Which conditions tests see true, and see false. Conditions are the parts of what was written; what each of them is, the oracle
 * is asked row by row, also where an evaluator would have decided without it. */
#include "test/test.h"

typedef struct finder {
    st_arena *arena;
    const st_program *program;
    const st_def *def;
    st_map made; /* what the checker made of the whole: by span, the outermost condition */
    st_conditions *out;
} finder;

/* Expressions may be shared: each is looked at once. */
static void note(finder *f, st_map *seen, const st_expr *e)
{
    bool is_new;
    *st_map_put(seen, &e, sizeof e, &is_new) = seen;
    if (!is_new) return;
    if (e->type.base == ST_T_BOOL) {
        void **place = st_map_put(&f->made, &e->span, sizeof e->span, &is_new);
        if (is_new) *place = (void *)(uintptr_t)e;
    }
    for (uint32_t i = 0; i < e->n; i++)
        if (e->args[i]) note(f, seen, e->args[i]);
}

static void take_root(finder *f, const st_expr *root)
{
    st_map seen;
    st_map_init(&seen, f->arena);
    st_map_init(&f->made, f->arena);
    if (root) note(f, &seen, root);
}

static const char *one_line(st_arena *a, st_str s)
{
    st_buf b = {0};
    bool blank = false;
    for (uint32_t i = 0; i < s.n; i++) {
        bool space = s.p[i] == ' ' || s.p[i] == '\n' || s.p[i] == '\t' || s.p[i] == '\r';
        if (!space && blank) st_buf_puts(a, &b, " ");
        if (!space) st_buf_add(a, &b, &s.p[i], 1);
        blank = space;
    }
    return st_buf_text(a, &b);
}

static void add_condition(finder *f, st_span span)
{
    const st_expr *e = st_map_get(&f->made, &span, sizeof span);
    if (!e) return; /* decided when the rules were checked */
    *(st_condition *)st_push(f->arena, f->out) =
        (st_condition){.def = f->def,
                       .expr = e,
                       .text = one_line(f->arena, st_span_text(f->program->sources, span)),
                       .span = span};
}

static void split(finder *f, const st_ast *ast)
{
    switch (ast->kind) {
    case ST_AST_AND:
    case ST_AST_OR:
        for (uint32_t i = 0; i < ast->n; i++) split(f, ast->kids[i]);
        return;
    case ST_AST_AT_LEAST_OF: {
        const st_ast *parts = ast->kids[ST_AT_LEAST_OF_exprs];
        for (uint32_t i = 0; i < parts->n; i++) split(f, parts->kids[i]);
        return;
    }
    case ST_AST_NOT: split(f, ast->kids[ST_NOT_expr]); return;
    case ST_AST_PAREN: split(f, ast->kids[ST_PAREN_expr]); return;
    default: add_condition(f, ast->span);
    }
}

static void of_segment(finder *f, const st_ast *items)
{
    take_root(f, f->def->expr);
    for (uint32_t i = 0; i < items->n; i++)
        if (items->kids[i]->kind == ST_AST_WHERE) split(f, items->kids[i]->kids[ST_WHERE_expr]);
}

/* What the checker made of a row stands in the tier of its label. */
static void of_tiers(finder *f, const st_ast *items)
{
    uint32_t tier = 0;
    for (uint32_t i = 0; items && i < items->n; i++) {
        const st_ast *row = items->kids[i];
        if (row->kind != ST_AST_TIER) continue;
        take_root(f, tier < f->def->ntiers ? f->def->tiers[tier++].when : NULL);
        if (row->op == ST_TIER_WHEN)
            split(f, row->kids[ST_TIER_arg]);
        else if (row->op != ST_TIER_OTHERWISE)
            add_condition(f, row->span);
    }
}

static void of_points(finder *f, const st_ast *items)
{
    take_root(f, f->def->expr);
    for (uint32_t i = 0; i < items->n; i++)
        if (items->kids[i]->kind == ST_AST_POINTS_WHEN) split(f, items->kids[i]->kids[ST_POINTS_WHEN_when]);
}

/* A channel's own condition stands in what says to whom it is open. */
static void of_treatment(finder *f, const st_ast *items)
{
    uint32_t channel = 0;
    for (uint32_t i = 0; i < items->n; i++) {
        const st_ast *row = items->kids[i];
        if (row->kind != ST_AST_CHANNEL) continue;
        const st_treatment *t = f->def->treatment;
        const st_def *open = channel < t->nchannels ? t->channels[channel++].open : NULL;
        take_root(f, open ? open->expr : NULL);
        if (row->kids[ST_CHANNEL_when]) split(f, row->kids[ST_CHANNEL_when]);
    }
}

void st_find_conditions(st_arena *a, const st_program *program, st_conditions *out)
{
    for (uint32_t i = 0; i < program->ndefs; i++) {
        const st_def *d = program->defs[i];
        finder f = {.arena = a, .program = program, .def = d, .out = out};
        if (d->hidden || !d->ast) continue;
        if (d->ast->kind == ST_AST_SEGMENT) of_segment(&f, d->ast->kids[ST_SEGMENT_items]);
        if (d->ast->kind == ST_AST_TIERS) of_tiers(&f, d->ast->kids[ST_TIERS_items]);
        if (d->ast->kind == ST_AST_POINTS) of_points(&f, d->ast->kids[ST_POINTS_items]);
        if (d->treatment) of_treatment(&f, d->ast->kids[ST_TREATMENT_items]);
        if (d->ast->kind == ST_AST_OVERLAY) of_tiers(&f, d->ast->kids[ST_OVERLAY_items]);
    }
}

static void see(st_oracle *o, const st_data *data, st_condition *c)
{
    const st_table *t = c->def->of;
    for (uint64_t row = 0; row < data->tables[t->index].rows; row++) {
        if (c->seen_true && c->seen_false) return;
        if (!st_oracle_present(o, t, row)) continue;
        st_value v = st_oracle_eval(o, c->expr, row);
        if (v.missing) continue;
        c->seen_true |= v.as.b;
        c->seen_false |= !v.as.b;
    }
}

void st_see_conditions(st_arena *a, st_oracle *o, const st_test *test, const st_data *data,
                       st_conditions *conditions)
{
    st_map asked;
    st_map_init(&asked, a);
    for (uint32_t i = 0; i < test->ndefs && conditions->n; i++) {
        bool is_new;
        *st_map_put(&asked, &test->defs[i], sizeof test->defs[i], &is_new) = &asked;
    }
    for (uint32_t i = 0; i < conditions->n; i++)
        if (st_map_get(&asked, &conditions->p[i].def, sizeof conditions->p[i].def))
            see(o, data, &conditions->p[i]);
}
