/* Which conditions tests see true, and see false. Conditions are the parts of what was written; what each of them is, the oracle
 * is asked row by row, also where an evaluator would have decided without it. */
#include "test/test.h"

typedef struct finder {
    st_arena *arena;
    const st_program *program;
    const st_def *def;
    const st_expr *root; /* what the checker made of the whole */
    st_conditions *out;
} finder;

static bool same_span(st_span a, st_span b)
{
    return a.file == b.file && a.start == b.start && a.end == b.end;
}

/* The outermost expression that was made of this part. */
static const st_expr *find_expr(const st_expr *e, st_span span)
{
    if (same_span(e->span, span) && e->type.base == ST_T_BOOL) return e;
    for (uint32_t i = 0; i < e->n; i++) {
        const st_expr *found = e->args[i] ? find_expr(e->args[i], span) : NULL;
        if (found) return found;
    }
    return NULL;
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
    const st_expr *e = f->root ? find_expr(f->root, span) : NULL;
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
    f->root = f->def->expr;
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
        f->root = tier < f->def->ntiers ? f->def->tiers[tier++].when : NULL;
        if (row->op == ST_TIER_WHEN)
            split(f, row->kids[ST_TIER_arg]);
        else if (row->op != ST_TIER_OTHERWISE)
            add_condition(f, row->span);
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

void st_see_conditions(st_oracle *o, const st_test *test, const st_data *data, st_conditions *conditions)
{
    for (uint32_t i = 0; i < conditions->n; i++)
        for (uint32_t k = 0; k < test->ndefs; k++)
            if (test->defs[k] == conditions->p[i].def) see(o, data, &conditions->p[i]);
}
