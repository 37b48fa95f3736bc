/* Promises: what is measured is made of hidden definitions, so that evaluators compute it as they do any other; comparing the
 * numbers with the bounds is left (src/promise). */
#include "sema/check.h"

typedef struct promise {
    st_checker *c;
    const st_ast *ast;
    st_promise *out;
    uint32_t number; /* for the names of what is hidden */
} promise;

/* ---- making trees ---- */

static st_ast *node(promise *q, st_ast_kind kind, uint32_t op, st_span span, const st_ast *a, const st_ast *b)
{
    st_ast *x = st_new(q->c->a, st_ast);
    *x = (st_ast){.kind = kind, .op = op, .span = span, .n = 2, .kids = st_new_n(q->c->a, st_ast *, 2)};
    x->kids[0] = (st_ast *)(uintptr_t)a; /* trees are only read from here on */
    x->kids[1] = (st_ast *)(uintptr_t)b;
    return x;
}

static st_def *hide(promise *q, st_table *of, st_def_kind kind, const char *what)
{
    st_def like = {.of = of, .span = q->ast->span};
    return st_hide(q->c, &like, kind, st_format(q->c->a, "check %u %s", q->number, what));
}

static st_def *shown(promise *q, st_def *hidden, st_expr *x)
{
    if (!x) return NULL;
    if (hidden->kind == ST_DEF_SEGMENT) x = st_x_and(q->c, hidden->of->visible, x, x->span);
    hidden->expr = x;
    if (hidden->kind == ST_DEF_TRAIT) hidden->type = x->type;
    st_show_hidden(q->c, hidden);
    return hidden;
}

static st_expr *truth(promise *q, st_op op, st_expr *a, st_expr *b, st_span span)
{
    return st_x(q->c, op, st_type_of(ST_T_BOOL), span, b ? 2 : 1, a, b);
}

/* ---- who is spoken of ---- */

typedef struct who {
    st_table *table;
    st_def *members; /* NULL: all rows of the table */
    st_def *base;    /* what stands in the rule; NULL: a table */
    const char *label;
} who;

static const char *def_words(const st_def *d)
{
    switch (d->kind) {
    case ST_DEF_PARAM: return "a parameter";
    case ST_DEF_ROWS: return "rows with a name";
    case ST_DEF_POINTS: return "points";
    case ST_DEF_TRAIT: return "a trait";
    case ST_DEF_SCORE: return "a score";
    case ST_DEF_SEGMENT: return "a segment";
    case ST_DEF_HOLDOUT: return "a holdout";
    case ST_DEF_LIST: return "a list";
    case ST_DEF_PLACE: return "a place";
    case ST_DEF_LAYER: return "a layer";
    case ST_DEF_TREATMENT: return "a treatment";
    case ST_DEF_CAMPAIGN: return "a campaign";
    case ST_DEF_AUDIENCE: return "an audience";
    default: return "a definition with labels";
    }
}

static bool is_membership(const st_def *d)
{
    return d->kind == ST_DEF_SEGMENT || d->kind == ST_DEF_HOLDOUT || d->kind == ST_DEF_LIST;
}

static bool has_labels(const st_def *d)
{
    return d->kind == ST_DEF_TIERS || d->kind == ST_DEF_RFM || d->kind == ST_DEF_CLUSTER ||
           d->kind == ST_DEF_EXPERIMENT || d->kind == ST_DEF_OVERLAY;
}

static bool is_value(const st_def *d)
{
    return d->kind == ST_DEF_TRAIT || d->kind == ST_DEF_SCORE || d->kind == ST_DEF_POINTS || has_labels(d);
}

static void report_unknown(promise *q, const st_ast *name)
{
    st_checker *c = q->c;
    st_near near = {0};
    for (uint32_t i = 0; i < c->defs.n; i++)
        if (!c->defs.p[i]->hidden) st_near_add(&near, name->text, c->defs.p[i]->name);
    for (uint32_t i = 0; i < c->tables.n; i++) st_near_add(&near, name->text, c->tables.p[i]->name);
    const char *help = st_did_you_mean(c->a, &near);
    bool column = false;
    for (uint32_t i = 0; i < c->tables.n && !column; i++) {
        const st_table *t = c->tables.p[c->main_table ? (c->main_table->index + i) % c->tables.n : i];
        if (!st_find_col(t, name->text)) continue;
        column = true;
        help = st_format(c->a, "It is a column: write %s.%s.", t->name, name->text);
    }
    if (column || st_surely_unknown(c, &near, name->text))
        st_err(c, ST_MSG_UNKNOWN_NAME, name->span, name->text, help);
}

/* What the name stands for, checked; NULL: reported, here or before. */
static const st_word *find(promise *q, const st_ast *name)
{
    const st_word *w = st_lookup(q->c, name->text);
    if (!w) {
        report_unknown(q, name);
        return NULL;
    }
    if (!w->def) return w;
    if (st_info(q->c, w->def)->broken || !st_ensure(q->c, w->def, name->span) || st_info(q->c, w->def)->bad)
        return NULL;
    return w;
}

static bool report_no_members(promise *q, const st_ast *ref, const char *words)
{
    st_err(q->c, ST_MSG_CHECK_MEMBERS, ref->span, st_source_text(q->c, ref), words);
    return false;
}

/* Those with one label of d, or (NULL) with any. */
static st_def *labelled(promise *q, st_def *d, const st_ast *label, const char *what, st_span span)
{
    st_checker *c = q->c;
    st_def *hidden = hide(q, d->of, ST_DEF_SEGMENT, what);
    st_scope s = {.at = d->of, .def = hidden};
    st_expr *x = st_x_def(c, &s, d, span);
    if (!x) return NULL;
    if (!label) {
        st_expr *missing = truth(q, ST_X_IS_MISSING, x, NULL, span);
        missing->type.optional = false;
        return shown(q, hidden, st_x_not(c, missing, span));
    }
    st_expr *y = st_check_label(c, &d->labels, label);
    return y ? shown(q, hidden, truth(q, ST_X_EQ, x, y, span)) : NULL;
}

static bool find_who(promise *q, const st_ast *ref, const char *what, who *out)
{
    const st_ast *name = ref->kind == ST_AST_REF ? ref->kids[ST_REF_left] : ref,
                 *label = ref->kind == ST_AST_REF ? ref->kids[ST_REF_member] : NULL;
    const st_word *w = find(q, name);
    if (!w) return false;
    *out = (who){.table = w->table};
    if (w->table) return label ? report_no_members(q, ref, "a value of a row") : true;
    st_def *d = w->def;
    if (label && d->kind == ST_DEF_RFM && st_is_rfm_field(label->text))
        return report_no_members(q, ref, "a value of a row");
    if (!has_labels(d) && (label || !is_membership(d))) {
        if (label)
            st_err(q->c, ST_MSG_NO_MEMBERS, ref->span, d->name, label->text);
        else
            report_no_members(q, ref, def_words(d));
        return false;
    }
    if (!d->of) return false;
    *out = (who){d->of, d, d, label ? label->text : NULL};
    if (has_labels(d)) out->members = labelled(q, d, label, what, ref->span);
    return out->members != NULL;
}

/* Who is meant, as a condition of a row; NULL: all. */
static st_expr *member(promise *q, const st_scope *s, const who *w, st_span span)
{
    return w->members ? st_x_def(q->c, s, w->members, span) : NULL;
}

/* ---- values ---- */

/* The table on whose rows the value stands; NULL: reported. */
static st_table *table_of_value(promise *q, const st_ast *ref)
{
    bool member_of = ref->kind == ST_AST_REF;
    const st_word *w = find(q, member_of ? ref->kids[ST_REF_left] : ref);
    if (!w) return NULL;
    if (w->table && member_of) return w->table;
    if (w->def && (member_of ? w->def->kind == ST_DEF_RFM : is_value(w->def))) return w->def->of;
    const char *words = w->table ? "a table" : def_words(w->def);
    if (member_of)
        st_err(q->c, ST_MSG_NO_MEMBERS, ref->span, ref->kids[ST_REF_left]->text,
               ref->kids[ST_REF_member]->text);
    else
        st_err(q->c, ST_MSG_CHECK_VALUE, ref->span, ref->text, words);
    return NULL;
}

/* The value as a hidden trait; NULL: reported. */
static st_def *measure(promise *q, st_table *t, const st_ast *ref)
{
    st_def *hidden = hide(q, t, ST_DEF_TRAIT, "value");
    st_scope s = {.at = t, .def = hidden};
    return shown(q, hidden, st_check_expr(q->c, &s, ref));
}

static bool is_one_value(promise *q, const st_ast *ref, const st_def *value)
{
    if (!value->type.list) return true;
    st_err(q->c, ST_MSG_CHECK_VALUE, ref->span, st_source_text(q->c, ref), "a list");
    return false;
}

/* ---- bounds ---- */

static bool share_fits(promise *q, const st_ast *ast)
{
    if (ast->scale > ST_DRAW_SCALE) {
        st_err(q->c, ST_MSG_SHARE_DIGITS, ast->span, st_format(q->c->a, "%d", ST_DRAW_SCALE - 2));
        return false;
    }
    return true;
}

static bool read_bound(promise *q, const st_ast *ast, bool over, st_bound *out)
{
    *out = (st_bound){true, ast->kind == ST_AST_PERCENT, ast->number, ast->scale};
    if (!out->is_share) return true;
    if (!share_fits(q, ast)) return false;
    if (over || ast->number <= st_pow10(ast->scale)) return true;
    st_err(q->c, ST_MSG_CHECK_SHARE, ast->span, st_source_text(q->c, ast));
    return false;
}

/* ---- the forms ---- */

static bool check_size(promise *q, const who *subject)
{
    const st_ast *a = q->ast->kids[ST_CHECK_a], *b = q->ast->kids[ST_CHECK_b];
    st_promise *p = q->out;
    bool within = p->kind == ST_CHECK_SIZE_WITHIN, at_most = p->kind == ST_CHECK_SIZE_AT_MOST;
    p->part = subject->members;
    if (within && strcmp(b->text, "previous") != 0) {
        st_err(q->c, ST_MSG_CHECK_PREVIOUS, b->span, b->text);
        return false;
    }
    if (!read_bound(q, a, within, at_most ? &p->high : &p->low)) return false;
    if (p->kind == ST_CHECK_SIZE_BETWEEN && !read_bound(q, b, false, &p->high)) return false;
    if (!subject->members && (within || p->low.is_share || p->high.is_share)) {
        st_err(q->c, ST_MSG_CHECK_TABLE_SIZE, q->ast->kids[ST_CHECK_ref]->span, subject->table->name);
        return false;
    }
    bool both = p->low.given && p->high.given && p->low.is_share == p->high.is_share;
    if (!both || st_dec_cmp(p->low.amount, p->low.scale, p->high.amount, p->high.scale) <= 0) return true;
    st_err(q->c, ST_MSG_CHECK_ORDER, st_span_join(a->span, b->span), st_source_text(q->c, a),
           st_source_text(q->c, b));
    return false;
}

/* Those in a of whom b is asked: in both (`both`), or in a and not in b. */
static bool check_two(promise *q, const who *a, const who *b, bool both)
{
    st_checker *c = q->c;
    const st_ast *other = q->ast->kids[ST_CHECK_a];
    if (a->table != b->table) {
        st_err(c, ST_MSG_CHECK_ENTITIES, other->span, st_source_text(c, q->ast->kids[ST_CHECK_ref]),
               st_source_text(c, other), q->out->kind == ST_CHECK_COVERS ? b->table->name : a->table->name,
               q->out->kind == ST_CHECK_COVERS ? a->table->name : b->table->name);
        return false;
    }
    st_def *hidden = hide(q, a->table, ST_DEF_SEGMENT, both ? "both" : "outside");
    st_scope s = {.at = a->table, .def = hidden};
    st_expr *x = member(q, &s, a, other->span), *y = member(q, &s, b, other->span);
    q->out->all = a->members;
    q->out->part =
        y ? shown(q, hidden, st_x_and(c, x, both ? y : st_x_not(c, y, other->span), other->span)) : NULL;
    return q->out->part != NULL;
}

static bool check_pair(promise *q, const who *subject)
{
    const st_ast *other = q->ast->kids[ST_CHECK_a];
    bool covers = q->out->kind == ST_CHECK_COVERS;
    who with;
    if (!find_who(q, other, "other", &with)) return false;
    if (!with.members && !covers) return report_no_members(q, other, "a table");
    if (covers) return check_two(q, &with, subject, false);
    return check_two(q, subject, &with, q->out->kind == ST_CHECK_DISJOINT);
}

/* S as of d ago, and of those who are in it the ones that are in S now. */
static bool check_keeps(promise *q, const who *subject)
{
    st_checker *c = q->c;
    const st_ast *ref = q->ast->kids[ST_CHECK_ref], *d = q->ast->kids[ST_CHECK_b];
    if (subject->base && has_labels(subject->base) && !subject->label) {
        st_err(c, ST_MSG_CHECK_WHICH_LABEL, ref->span, subject->base->name, subject->base->labels.names[0]);
        return false;
    }
    if (!read_bound(q, q->ast->kids[ST_CHECK_a], false, &q->out->low)) return false;
    st_def *then = hide(q, subject->table, ST_DEF_SEGMENT, "then");
    st_scope s = {.at = subject->table, .def = then};
    int64_t n;
    st_unit unit;
    if (!st_check_duration(c, &s, d, &n, &unit)) return false;
    st_expr *when = st_x_shift_n(c, st_x_now(c, d->span), -n, unit, d->span);
    st_expr *was =
        st_x(c, ST_X_AS_OF, st_type_of(ST_T_BOOL), ref->span, 2, member(q, &s, subject, ref->span), when);
    was->type.optional = false;
    st_warn_as_of(c, was);
    q->out->all = shown(q, then, was);
    st_def *now = hide(q, subject->table, ST_DEF_SEGMENT, "kept");
    s.def = now;
    st_expr *both =
        st_x_and(c, st_x_def(c, &s, then, ref->span), member(q, &s, subject, ref->span), ref->span);
    q->out->part = shown(q, now, both);
    return true;
}

static bool check_brings(promise *q, const who *subject)
{
    const st_ast *what = q->ast->kids[ST_CHECK_b];
    if (!read_bound(q, q->ast->kids[ST_CHECK_a], false, &q->out->low)) return false;
    q->out->part = subject->members;
    st_def *value = q->out->measure = measure(q, subject->table, what);
    if (!value || st_is_exact(value->type)) return value != NULL;
    st_err(q->c, ST_MSG_CHECK_SUM, what->span, st_source_text(q->c, what),
           st_is(value->type, ST_T_FLOAT) ? "a float" : st_kind_words(value->type));
    return false;
}

static bool check_people(promise *q)
{
    const st_ast *ref = q->ast->kids[ST_CHECK_ref];
    who subject;
    if (!find_who(q, ref, "members", &subject)) return false;
    st_promise *p = q->out;
    p->table = subject.table;
    p->subject = subject.base;
    p->label = subject.label;
    if (p->kind <= ST_CHECK_SIZE_WITHIN) return check_size(q, &subject);
    if (!subject.members) return report_no_members(q, ref, "a table");
    if (p->kind == ST_CHECK_KEEPS) return check_keeps(q, &subject);
    return p->kind == ST_CHECK_BRINGS ? check_brings(q, &subject) : check_pair(q, &subject);
}

static st_expr *is_known(promise *q, st_expr *x)
{
    st_expr *missing = truth(q, ST_X_IS_MISSING, x, NULL, x->span);
    missing->type.optional = false;
    return st_x_not(q->c, missing, x->span);
}

static bool check_known(promise *q, const st_ast *ref)
{
    if (!read_bound(q, q->ast->kids[ST_CHECK_a], false, &q->out->low)) return false;
    st_def *known = hide(q, q->out->table, ST_DEF_SEGMENT, "known");
    st_scope s = {.at = q->out->table, .def = known};
    st_expr *x = st_check_expr(q->c, &s, ref);
    q->out->part = x ? shown(q, known, is_known(q, x)) : NULL;
    return q->out->part != NULL;
}

static bool check_unique(promise *q, const st_ast *ref)
{
    st_def *value = q->out->measure = measure(q, q->out->table, ref);
    return value && is_one_value(q, ref, value);
}

/* The values before now, and of them those since d ago. */
static bool check_newer(promise *q, const st_ast *ref)
{
    st_checker *c = q->c;
    const st_ast *d = q->ast->kids[ST_CHECK_a];
    st_table *t = q->out->table;
    st_def *value = q->out->measure = measure(q, t, ref);
    int64_t n;
    st_unit unit;
    st_scope nowhere = {0};
    if (!value) return false;
    if (!st_is_time(value->type)) {
        st_err(c, ST_MSG_NOT_A_TIME, ref->span, st_source_text(c, ref), st_kind_words(value->type));
        return false;
    }
    st_def *seen = hide(q, t, ST_DEF_SEGMENT, "seen"), *newer = hide(q, t, ST_DEF_SEGMENT, "newer");
    nowhere.def = newer;
    if (!st_check_duration(c, &nowhere, d, &n, &unit)) return false;
    st_expr *now = st_x_now(c, d->span), *since = st_x_shift_n(c, now, -n, unit, d->span);
    if (value->type.base == ST_T_DATE) {
        now = st_x_day(c, now);
        since = st_x_day(c, since);
    }
    st_scope s = {.at = t, .def = seen};
    st_expr *x = st_x_def(c, &s, value, ref->span);
    q->out->all = shown(q, seen, st_x_cmp(c, ST_X_LT, x, now, ref->span));
    s.def = newer;
    st_expr *y = st_x_def(c, &s, seen, ref->span);
    q->out->part = shown(q, newer, st_x_and(c, y, st_x_cmp(c, ST_X_GE, x, since, ref->span), ref->span));
    return true;
}

/* The bounds of x >= a and x <= b where both are constants, and a is the greater one. */
static bool is_upside_down(const st_expr *in)
{
    if (in->op != ST_X_AND || in->n != 2 || in->args[0]->n != 2 || in->args[1]->n != 2) return false;
    const st_expr *a = in->args[0]->args[1], *b = in->args[1]->args[1];
    bool same = st_is_const(a) && st_is_const(b) &&
                (a->type.base == b->type.base || (st_is_exact(a->type) && st_is_exact(b->type)));
    return same && st_compare_values(&a->value, &b->value) > 0;
}

/* As the rule `x between a and b` reads it; those that are known and for which it is not true. */
static bool check_between(promise *q, const st_ast *ref)
{
    st_checker *c = q->c;
    const st_ast *a = q->ast->kids[ST_CHECK_a], *b = q->ast->kids[ST_CHECK_b];
    st_table *t = q->out->table;
    st_def *known = hide(q, t, ST_DEF_SEGMENT, "known"), *outside = hide(q, t, ST_DEF_SEGMENT, "outside");
    st_scope s = {.at = t, .def = known};
    st_expr *x = st_check_expr(c, &s, ref);
    if (!x) return false;
    q->out->all = shown(q, known, is_known(q, x));
    const st_ast *window = node(q, ST_AST_WINDOW, ST_WINDOW_BETWEEN, st_span_join(a->span, b->span), a, b);
    s.def = outside;
    st_expr *in =
        st_check_expr(c, &s, node(q, ST_AST_IN_WINDOW, 0, st_span_join(ref->span, b->span), ref, window));
    if (in && is_upside_down(in)) {
        st_err(c, ST_MSG_CHECK_ORDER, window->span, st_source_text(c, a), st_source_text(c, b));
        return false;
    }
    q->out->part = in ? shown(q, outside, st_x_not(c, in, in->span)) : NULL;
    return q->out->part != NULL;
}

static bool check_values(promise *q)
{
    const st_ast *ref = q->ast->kids[ST_CHECK_ref];
    if (!(q->out->table = table_of_value(q, ref))) return false;
    switch (q->out->kind) {
    case ST_CHECK_KNOWN: return check_known(q, ref);
    case ST_CHECK_UNIQUE: return check_unique(q, ref);
    case ST_CHECK_NEWER: return check_newer(q, ref);
    default: return check_between(q, ref);
    }
}

/* ---- the rule set ---- */

/* As written between `check` and `else warn`. */
static const char *words_of(st_checker *c, const st_ast *ast)
{
    static const char begin[] = "check ", end[] = " else warn";
    const char *text = st_source_text(c, ast);
    size_t n = strlen(text);
    if (strncmp(text, begin, sizeof begin - 1) == 0) text += sizeof begin - 1, n -= sizeof begin - 1;
    if ((ast->op & ST_ELSE_WARN) && n >= sizeof end && strcmp(text + n - (sizeof end - 1), end) == 0)
        n -= sizeof end - 1;
    return st_dup(c->a, text, n);
}

static bool is_about_people(uint32_t kind)
{
    return kind <= ST_CHECK_BRINGS;
}

void st_check_promises(st_checker *c, const st_ast *program)
{
    for (uint32_t i = 0; i < program->n; i++) {
        const st_ast *ast = program->kids[i];
        if (ast->kind != ST_AST_CHECK) continue;
        st_promise made = {.kind = ast->op & ~(uint32_t)ST_ELSE_WARN,
                           .text = words_of(c, ast),
                           .file = c->sources->files.p[ast->span.file].name,
                           .line = st_place_of(c->sources, ast->span.file, ast->span.start).line,
                           .warn_only = (ast->op & ST_ELSE_WARN) != 0,
                           .span = ast->span};
        promise q = {c, ast, &made, c->promises.n + 1};
        bool good = is_about_people(made.kind) ? check_people(&q) : check_values(&q);
        if (good) *(st_promise *)st_push(c->a, &c->promises) = made;
    }
}
