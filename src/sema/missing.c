/* Warnings about values that are not there, and about values that are not those of then; an error for draws that were others.
 *
 * A segment has those for whom its rule is true. A comparison of a column that may be missing is then neither true nor
 * false, and customers are left out without a word: that warns, where it is likely a surprise. It is none where the rule
 * asks for a value and gets it (country = "DE", job_title contains "VP", signup in last 30 days), where the value comes
 * from rows of which there are none, or where the rule says what becomes of the unknown (is known, is missing, if missing)
 * for that column anywhere. So what warns are orderings (<, <=, >, >=) and negations (!=, not in, not …). */
#include "sema/check.h"

/* What makes a value missing: a column of the row in hand or of one it links to, or a trait made of such. */
typedef struct source {
    const void *what; /* the st_col or the st_def; NULL: nothing */
    const char *name;
} source;

static source missing_source(const st_expr *x)
{
    const source nothing = {NULL, NULL};
    if (!x->type.optional) return nothing;
    switch (x->op) {
    case ST_X_COLUMN: return x->col->type.optional ? (source){x->col, x->col->name} : nothing;
    case ST_X_LINK:
        return x->col->type.optional ? (source){x->col, x->col->name} : missing_source(x->args[0]);
    case ST_X_DEF:
        if (st_def_kind_is_value(x->def->kind) && missing_source(x->def->expr).what)
            return (source){x->def, x->def->name};
        return nothing;
    case ST_X_AGGREGATE: /* over no rows: naturally so */
    case ST_X_AS_OF:
    case ST_X_IS_MISSING: return nothing;
    case ST_X_IF_MISSING: return missing_source(x->args[1]);
    default: break;
    }
    uint32_t n = x->op == ST_X_NEAREST ? 2 : x->n; /* the others are of other rows */
    for (uint32_t i = 0; i < n; i++) {
        source found = x->args[i] ? missing_source(x->args[i]) : nothing;
        if (found.what) return found;
    }
    return nothing;
}

/* What the rule asks `is missing` or `is known` of: its columns and traits, and the columns of these. */
typedef struct asked_walk {
    st_map things;
    st_walker *below;
} asked_walk;

static void note(asked_walk *w, const void *thing)
{
    bool is_new;
    *st_map_put(&w->things, &thing, sizeof thing, &is_new) = w;
}

static void note_thing(void *ctx, const st_expr *x)
{
    asked_walk *w = ctx;
    if (x->op == ST_X_COLUMN || x->op == ST_X_LINK) note(w, x->col);
    if (x->op != ST_X_DEF) return;
    note(w, x->def);
    if (st_def_kind_is_value(x->def->kind)) st_walk_def(w->below, x->def);
}

static void note_asked(void *ctx, const st_expr *x)
{
    asked_walk *w = ctx;
    if (x->op == ST_X_IS_MISSING) st_walk(w->below, x->args[0]);
}

typedef struct rule_walk {
    st_checker *c;
    const st_def *d;
    asked_walk asked;
} rule_walk;

/* Windows are orderings against the run's clock: they ask for a value and get it. */
static bool against_clock(const st_expr *x)
{
    st_base_type t = x->args[0]->type.base;
    return t == ST_T_DATE || t == ST_T_TIMESTAMP;
}

static void warn(rule_walk *w, const st_expr *x)
{
    source found = missing_source(x);
    if (!found.what || st_map_get(&w->asked.things, &found.what, sizeof found.what)) return;
    st_err(w->c, ST_MSG_SILENTLY_LEFT_OUT, x->span, found.name, w->d->name);
}

/* The rule's own conditions, under `and`, `or`, `not`; where they are wanted false, equality is as silent as `!=`. */
static void walk_rule(rule_walk *w, const st_expr *x, bool negated)
{
    switch (x->op) {
    case ST_X_AND:
    case ST_X_OR:
    case ST_X_AT_LEAST:
        for (uint32_t i = 0; i < x->n; i++) walk_rule(w, x->args[i], negated);
        return;
    case ST_X_NOT: walk_rule(w, x->args[0], !negated); return;
    case ST_X_NE: warn(w, x); return;
    case ST_X_LT:
    case ST_X_LE:
    case ST_X_GT:
    case ST_X_GE:
        if (negated || !against_clock(x)) warn(w, x);
        return;
    case ST_X_EQ:
    case ST_X_IN:
    case ST_X_STARTS_WITH:
    case ST_X_ENDS_WITH:
    case ST_X_CONTAINS:
    case ST_X_MATCHES:
    case ST_X_HAS:
    case ST_X_COLUMN:
        if (negated) warn(w, x);
        return;
    default: return;
    }
}

void st_warn_missing(st_checker *c, const st_def *segment)
{
    rule_walk w = {.c = c, .d = segment};
    st_walker rule, below;
    st_map_init(&w.asked.things, c->a);
    st_walker_init(&below, c->a, note_thing, &w.asked);
    st_walker_init(&rule, c->a, note_asked, &w.asked);
    w.asked.below = &below;
    st_walk(&rule, segment->expr);
    walk_rule(&w, segment->expr, false);
}

/* ---- time travel ---- */
typedef struct as_of_walk {
    st_checker *c;
    const st_table *entity;
    const st_col *found;
    const st_expr *stratum;
    st_walker *walker;
} as_of_walk;

static bool same_then(const st_col *col)
{
    return col->fixed || col->key || col->time || col->recorded || col->links_to;
}

static void visit_as_of(void *ctx, const st_expr *x)
{
    as_of_walk *w = ctx;
    if (x->def) st_walk_def(w->walker, x->def);
    if (x->def && x->def->among) st_walk_def(w->walker, x->def->among);
    if (x->op == ST_X_STRATUM) w->stratum = x;
    if (x->op != ST_X_COLUMN || w->found) return;
    if (x->col->changes || (x->col->table == w->entity && !same_then(x->col))) w->found = x->col;
}

void st_warn_as_of(st_checker *c, const st_expr *as_of)
{
    st_walker walker;
    as_of_walk w = {c, as_of->at, NULL, NULL, &walker};
    st_walker_init(&walker, c->a, visit_as_of, &w);
    st_walk(&walker, as_of->args[0]);
    if (w.stratum)
        st_err(c, ST_MSG_STRATA_AS_OF, as_of->span);
    else if (w.found)
        st_err(c, ST_MSG_AS_OF_CHANGES, as_of->span, w.found->table->name, w.found->name);
}
