/* Conditions that no row can fulfil together, as far as that is plain: two values asked of one column at once. What needs
 * more of a proof is not looked for. */
#include "sema/check.h"

/* Whether both read the same value of the same row: columns, also over links, definitions, and parts of them. */
static bool same_reading(const st_expr *a, const st_expr *b)
{
    if (a->op != b->op) return false;
    switch (a->op) {
    case ST_X_COLUMN: return a->col == b->col;
    case ST_X_DEF: return a->def == b->def;
    case ST_X_RFM_FIELD: return a->def == b->def && a->kind == b->kind;
    case ST_X_LINK: return a->col == b->col && same_reading(a->args[0], b->args[0]);
    case ST_X_STEP_ROW: return a->kind == b->kind && same_reading(a->args[0], b->args[0]);
    case ST_X_PART: return a->part == b->part && same_reading(a->args[0], b->args[0]);
    case ST_X_LOWER:
    case ST_X_TO_FLOAT: return same_reading(a->args[0], b->args[0]);
    default: return false;
    }
}

/* A condition that leaves a value one of a few: x = c, c = x, x in (c, d). */
typedef struct choice {
    const st_expr *x;
    st_expr *const *values;
    uint32_t n;
} choice;

static bool is_choice(const st_expr *e, choice *out)
{
    if (e->op != ST_X_EQ && e->op != ST_X_IN) return false;
    bool swapped = e->op == ST_X_EQ && st_is_const(e->args[0]);
    *out = (choice){e->args[swapped], swapped ? e->args : e->args + 1, e->n - 1};
    for (uint32_t i = 0; i < out->n; i++)
        if (!st_is_const(out->values[i])) return false;
    return !st_is_const(out->x);
}

static bool share_a_value(const choice *a, const choice *b)
{
    for (uint32_t i = 0; i < a->n; i++)
        for (uint32_t k = 0; k < b->n; k++)
            if (st_compare_values(&a->values[i]->value, &b->values[k]->value) == 0) return true;
    return false;
}

static const char *what_is_read(st_checker *c, const st_expr *x)
{
    while (x->op == ST_X_LINK || x->op == ST_X_STEP_ROW || x->op == ST_X_LOWER || x->op == ST_X_TO_FLOAT)
        x = x->args[0];
    if (x->op == ST_X_COLUMN) return x->col->name;
    if (x->op == ST_X_DEF) return x->def->name;
    return st_format(c->a, "%s", x->op == ST_X_PART ? "such part" : "such score");
}

static void report(st_checker *c, const st_scope *s, const st_ast *a, const st_ast *b, const choice *x)
{
    const char *name = what_is_read(c, x->x), *left = st_source_text(c, a), *right = st_source_text(c, b);
    st_span span = st_span_join(a->span, b->span);
    if (s->outer)
        st_err(c, ST_MSG_NO_ROW_FITS, span, s->at->name, name, left, right);
    else
        st_err(c, ST_MSG_NEVER_BOTH, span, name, left, right);
}

bool st_check_together(st_checker *c, const st_scope *s, const st_ast *and, st_expr *const *args)
{
    for (uint32_t i = 0; i < and->n; i++) {
        choice a, b;
        if (!is_choice(args[i], &a)) continue;
        for (uint32_t k = i + 1; k < ST_MIN(and->n, i + ST_MAX_PAIRS); k++) {
            if (!is_choice(args[k], &b) || !same_reading(a.x, b.x) || share_a_value(&a, &b)) continue;
            report(c, s, and->kids[i], and->kids[k], &a);
            return false;
        }
    }
    return true;
}
