/* Expressions: each kind of node becomes operations of the checked tree; see ops.def for what those mean. */
#include "sema/check.h"

bool st_enter(st_checker *c, st_span span)
{
    if (++c->depth <= ST_MAX_NESTING) return true;
    if (!c->depth_reported) st_err(c, ST_MSG_CHAIN_TOO_LONG, span, st_format(c->a, "%d", ST_MAX_NESTING));
    c->depth_reported = true;
    return false;
}

/* ---- conditions ---- */
static const char *condition_help(st_checker *c, const st_expr *x, const st_ast *ast)
{
    const char *text = st_source_text(c, ast);
    if (strlen(text) > 60) text = "it";
    if (x->type.list) return st_format(c->a, "Ask for a value: %s contains \"…\".", text);
    if (x->type.base == ST_T_LABEL && x->type.labels->n)
        return st_format(c->a, "Compare it with a label: %s = %s.", text, x->type.labels->names[0]);
    if (st_is_time(x->type)) return st_format(c->a, "Ask when: %s in last 30 days.", text);
    if (st_is_number(x->type)) return st_format(c->a, "Compare it: %s > 0.", text);
    if (st_is(x->type, ST_T_STRING)) return st_format(c->a, "Compare it: %s = \"…\".", text);
    return "Compare it with something.";
}

st_expr *st_check_bool(st_checker *c, const st_scope *s, const st_ast *ast)
{
    st_expr *x = st_check_expr(c, s, ast);
    if (!x || st_is(x->type, ST_T_BOOL)) return x;
    st_err(c, ST_MSG_NOT_A_CONDITION, ast->span, st_kind_words(x->type), condition_help(c, x, ast));
    return NULL;
}

/* country = "DE" or "AT": the second is half a comparison, reported. */
static bool is_half(st_checker *c, const st_ast *before, const st_ast *ast)
{
    const st_expr *x = before->kind == ST_AST_COMPARE ? st_check_literal(c, st_bare(ast)) : NULL;
    if (!x || st_is(x->type, ST_T_BOOL)) return false;
    const char *left = st_source_text(c, before->kids[ST_COMPARE_left]), *value = st_source_text(c, ast);
    st_err(c, ST_MSG_HALF_COMPARISON, ast->span, value, left,
           st_source_text(c, before->kids[ST_COMPARE_right]));
    return true;
}

/* Checks all of them, so that each says its own errors; NULL where one has any. */
static st_expr **all_conditions(st_checker *c, const st_scope *s, st_ast *const *kids, uint32_t n)
{
    st_expr **args = st_new_n(c->a, st_expr *, n);
    bool ok = true;
    for (uint32_t i = 0; i < n; i++) {
        args[i] = i && is_half(c, kids[i - 1], kids[i]) ? NULL : st_check_bool(c, s, kids[i]);
        if (!args[i]) ok = false;
    }
    return ok ? args : NULL;
}

/* `a or b and c`: right by the rules, and rarely what was meant. */
static void warn_mixed(st_checker *c, const st_ast *ast)
{
    const st_ast *both = NULL, *other = NULL;
    for (uint32_t i = 0; i < ast->n; i++) {
        if (ast->kids[i]->kind == ST_AST_AND)
            both = both ? both : ast->kids[i];
        else
            other = other ? other : ast->kids[i];
    }
    if (!both) return;
    const char *lets_in = st_source_text(c, other ? other : ast->kids[0]);
    st_err(c, ST_MSG_AND_BEFORE_OR, ast->span, lets_in, st_source_text(c, both->kids[both->n - 1]));
}

static st_expr *logic(st_checker *c, const st_scope *s, const st_ast *ast)
{
    bool is_and = ast->kind == ST_AST_AND;
    if (!is_and) warn_mixed(c, ast);
    st_expr **args = all_conditions(c, s, ast->kids, ast->n);
    if (args && is_and && !st_check_together(c, s, ast, args)) return NULL;
    return args ? st_x_or_all(c, is_and ? ST_X_AND : ST_X_OR, args, ast->n, ast->span) : NULL;
}

static st_expr *at_least_of(st_checker *c, const st_scope *s, const st_ast *ast)
{
    const st_ast *least = ast->kids[ST_AT_LEAST_OF_least], *list = ast->kids[ST_AT_LEAST_OF_exprs];
    st_expr **args = all_conditions(c, s, list->kids, list->n);
    if (least->number < 1 || least->number > list->n) {
        st_err(c, ST_MSG_AT_LEAST_COUNT, least->span, st_format(c->a, "%u", list->n));
        return NULL;
    }
    if (!args) return NULL;
    st_expr *x = st_xs(c, ST_X_AT_LEAST, st_type_of(ST_T_BOOL), ast->span, args, list->n);
    x->kind = (uint32_t)least->number;
    return x;
}

/* ---- numbers ---- */
st_expr *st_check_number(st_checker *c, const st_scope *s, const st_ast *ast)
{
    st_expr *x = st_check_expr(c, s, ast);
    if (!x || st_is_number(x->type)) return x;
    st_err(c, ST_MSG_NOT_A_NUMBER, ast->span, st_source_text(c, ast), st_kind_words(x->type));
    return NULL;
}

st_expr *st_check_measure(st_checker *c, const st_scope *s, const st_ast *ast, const st_expr *x)
{
    if (!st_is(x->type, ST_T_DISTANCE)) return st_check_number(c, s, ast);
    st_expr *bound = st_check_expr(c, s, ast);
    if (!bound || st_is(bound->type, ST_T_DISTANCE)) return bound;
    st_err(c, ST_MSG_DISTANCE_AGAINST_NUMBER, ast->span, "A distance", st_source_text(c, ast));
    return NULL;
}

static st_expr *multiply(st_checker *c, const st_scope *s, const st_ast *ast)
{
    st_expr *l = st_check_number(c, s, ast->kids[ST_MULTIPLY_left]);
    st_expr *r = st_check_number(c, s, ast->kids[ST_MULTIPLY_right]);
    return l && r ? st_arithmetic(c, ast->op == '*' ? ST_X_MUL : ST_X_DIV, l, r, ast->span) : NULL;
}

static st_expr *add(st_checker *c, const st_scope *s, const st_ast *ast)
{
    const st_ast *left = ast->kids[ST_ADD_left], *right = ast->kids[ST_ADD_right];
    st_expr *l = st_check_expr(c, s, left);
    if (st_bare(right)->kind == ST_AST_DURATION) return l ? st_check_shift(c, s, l, ast) : NULL;
    st_expr *r = st_check_expr(c, s, right);
    if (!l || !r) return NULL;
    if (st_is(r->type, ST_T_DURATION) && st_is_time(l->type)) return st_check_shift(c, s, l, ast);
    if (st_is_time(l->type) && st_is_time(r->type)) {
        st_err(c, ST_MSG_TIME_MINUS_TIME, ast->span,
               st_format(c->a, "days from %s to %s", st_source_text(c, right), st_source_text(c, left)));
        return NULL;
    }
    if (st_is_time(l->type)) {
        st_err(c, ST_MSG_TIME_PLUS_NUMBER, right->span, st_kind_words(r->type));
        return NULL;
    }
    const st_ast *bad = !st_is_number(l->type) ? left : !st_is_number(r->type) ? right : NULL;
    if (bad) {
        st_err(c, ST_MSG_NOT_A_NUMBER, bad->span, st_source_text(c, bad),
               st_kind_words((bad == left ? l : r)->type));
        return NULL;
    }
    return st_arithmetic(c, ast->op == '+' ? ST_X_ADD : ST_X_SUB, l, r, ast->span);
}

static st_expr *negative(st_checker *c, const st_scope *s, const st_ast *ast)
{
    st_expr *x = st_check_literal(c, ast);
    if (x) return x;
    x = st_check_number(c, s, ast->kids[ST_NEG_expr]);
    return x ? st_x(c, ST_X_NEG, x->type, ast->span, 1, x) : NULL;
}

/* ---- comparisons ---- */

/* The sign of a comparison in the source: the text between its sides. */
static st_span operator_span(st_checker *c, const st_ast *ast, uint32_t left, uint32_t right)
{
    st_span gap = {ast->span.file, ast->kids[left]->span.end, ast->kids[right]->span.start};
    st_str s = st_span_text(c->sources, gap);
    uint32_t i = 0, n;
    while (i < s.n && !strchr("=!<>", s.p[i])) i++;
    for (n = i; n < s.n && strchr("=!<>", s.p[n]);) n++;
    return i < n ? (st_span){gap.file, gap.start + i, gap.start + n} : ast->span;
}

static const char *time_words(st_op op)
{
    switch (op) {
    case ST_X_EQ: return "on";
    case ST_X_LT: return "before";
    case ST_X_GT: return "after";
    case ST_X_GE: return "since";
    default: return NULL;
    }
}

static void report_time_compare(st_checker *c, st_op op, const st_expr *l, const st_expr *r,
                                const st_ast *ast)
{
    const char *left = st_source_text(c, ast->kids[ST_COMPARE_left]),
               *right = st_source_text(c, ast->kids[ST_COMPARE_right]);
    if (st_is_time(l->type) && st_is(r->type, ST_T_DURATION)) {
        bool longer = op == ST_X_GT || op == ST_X_GE;
        st_err(c, ST_MSG_TIME_AGAINST_DURATION, ast->span, right,
               longer ? st_format(c->a, "For longer ago than that: %s before %s ago.", left, right)
                      : st_format(c->a, "For not longer ago than that: %s in last %s.", left, right));
        return;
    }
    const st_expr *other = st_is_time(l->type) ? r : l;
    if (!st_is_time(other->type)) {
        st_err(c, ST_MSG_CANNOT_COMPARE, ast->span, left, st_kind_words(l->type), right,
               st_kind_words(r->type));
        return;
    }
    const char *word = time_words(op), *help;
    if (word)
        help = st_format(c->a, "%s %s %s.", left, word, right);
    else if (op == ST_X_NE)
        help = st_format(c->a, "not %s on %s.", left, right);
    else
        help = st_format(c->a, "not %s after %s.", left, right);
    st_err(c, ST_MSG_TIMES_IN_WORDS, operator_span(c, ast, ST_COMPARE_left, ST_COMPARE_right), help);
}

/* The column whose values x has, or NULL. */
static const st_col *column_behind(const st_expr *x)
{
    for (;;) {
        switch (x->op) {
        case ST_X_COLUMN: return x->col;
        case ST_X_LINK:
        case ST_X_STEP_ROW:
        case ST_X_TO_FLOAT:
        case ST_X_IF_MISSING:
        case ST_X_AS_OF:
        case ST_X_RESCALE: x = x->args[0]; break;
        case ST_X_AGGREGATE:
            if (x->kind != ST_AGG_FIRST && x->kind != ST_AGG_LAST && x->kind != ST_AGG_MIN &&
                x->kind != ST_AGG_MAX && x->kind != ST_AGG_MOST_COMMON)
                return NULL;
            x = x->args[0];
            break;
        default: return NULL;
        }
    }
}

int st_compare_values(const st_value *a, const st_value *b)
{
    if ((st_is_exact(a->type) && st_is_exact(b->type)) || st_is(a->type, ST_T_DISTANCE)) {
        st_i128 x = a->type.base == ST_T_INT ? (st_i128)a->as.i : a->as.d;
        st_i128 y = b->type.base == ST_T_INT ? (st_i128)b->as.i : b->as.d;
        return st_dec_cmp(x, a->type.scale, y, b->type.scale);
    }
    if (st_is(a->type, ST_T_FLOAT)) return (a->as.f > b->as.f) - (a->as.f < b->as.f);
    if (st_is(a->type, ST_T_STRING)) return st_str_cmp(a->as.s, b->as.s);
    if (st_is(a->type, ST_T_BOOL)) return (int)a->as.b - (int)b->as.b;
    return (a->as.i > b->as.i) - (a->as.i < b->as.i);
}

static bool comparable(const st_value *a, const st_value *b)
{
    return (st_is_exact(a->type) && st_is_exact(b->type)) || a->type.base == b->type.base;
}

/* "Did you mean 0.8 or 80%?" where a hundredth of the value lies between the bounds. */
static const char *percent_help(st_checker *c, const st_col *col, const st_value *v)
{
    st_i128 n = v->type.base == ST_T_INT ? (st_i128)v->as.i : v->type.base == ST_T_DECIMAL ? v->as.d : 0;
    uint32_t scale = v->type.scale;
    if (v->type.base == ST_T_FLOAT && v->as.f == (double)(int64_t)v->as.f) n = (int64_t)v->as.f;
    if (n <= 0 || scale + 2 > ST_DECIMAL_DIGITS) return "";
    double hundredth = st_dec_to_double(n, scale + 2);
    double high = col->high->type.base == ST_T_FLOAT ? col->high->as.f
                  : col->high->type.base == ST_T_INT
                      ? (double)col->high->as.i
                      : st_dec_to_double(col->high->as.d, col->high->type.scale);
    if (hundredth > high) return "";
    char a[ST_DECIMAL_TEXT], b[ST_DECIMAL_TEXT];
    st_double_format(hundredth, a);
    st_dec_format(n, scale, b);
    return st_format(c->a, "Did you mean %s or %s%%?", a, b);
}

bool st_check_possible(st_checker *c, const st_expr *x, const st_expr *constant, bool equality)
{
    const st_col *col = column_behind(x);
    if (!col || !st_is_const(constant)) return true;
    const st_value *v = &constant->value;
    if (col->low && comparable(v, col->low) &&
        (st_compare_values(v, col->low) < 0 || st_compare_values(v, col->high) > 0)) {
        st_err(c, ST_MSG_VALUE_OUTSIDE, constant->span, col->name, st_value_words(c, col->low),
               st_value_words(c, col->high), st_value_words(c, v), percent_help(c, col, v));
        return false;
    }
    if (!equality || !col->none_of_these || !comparable(v, &col->one_of[0])) return true;
    st_near near = {0};
    st_buf all = {0};
    for (uint32_t i = 0; i < col->none_of_these; i++) {
        if (st_compare_values(v, &col->one_of[i]) == 0) return true;
        const char *words = st_value_words(c, &col->one_of[i]);
        st_near_add(&near, st_value_words(c, v), words);
        if (i < 12)
            st_buf_printf(c->a, &all, "%s%s", i ? ", " : "", words);
        else if (i == 12)
            st_buf_puts(c->a, &all, " …");
    }
    const char *help = st_did_you_mean(c->a, &near);
    if (!*help) help = st_format(c->a, "It is one of %s.", st_buf_text(c->a, &all));
    st_err(c, ST_MSG_VALUE_NOT_ONE_OF, constant->span, col->name, st_value_words(c, v), help);
    return false;
}

static bool ordered(st_op op)
{
    return op != ST_X_EQ && op != ST_X_NE;
}

static bool same_kind(st_type a, st_type b)
{
    if (st_is_number(a) && st_is_number(b)) return true;
    return a.base == b.base && a.labels == b.labels && !a.list && !b.list;
}

static st_expr *check_compare(st_checker *c, st_op op, st_expr *l, st_expr *r, const st_ast *ast)
{
    const char *left = st_source_text(c, ast->kids[ST_COMPARE_left]),
               *right = st_source_text(c, ast->kids[ST_COMPARE_right]);
    if (st_is_time(l->type) || st_is_time(r->type)) {
        report_time_compare(c, op, l, r, ast);
        return NULL;
    }
    if (l->type.list || r->type.list) {
        const st_expr *list = l->type.list ? l : r;
        st_err(c, ST_MSG_LIST_COMPARED, list->span, l->type.list ? left : right);
        return NULL;
    }
    if (st_is_number(l->type) && st_is(r->type, ST_T_DURATION)) {
        st_err(c, ST_MSG_NUMBER_AGAINST_DURATION, r->span, left,
               st_format(c->a, "%lld", (long long)r->value.as.i));
        return NULL;
    }
    if (st_is_number(r->type) && st_is(l->type, ST_T_DISTANCE)) {
        st_err(c, ST_MSG_DISTANCE_AGAINST_NUMBER, r->span, left, right);
        return NULL;
    }
    if (!same_kind(l->type, r->type) || st_is(l->type, ST_T_DURATION)) {
        st_span span = st_is_const(r) ? r->span : st_is_const(l) ? l->span : ast->span;
        st_err(c, ST_MSG_CANNOT_COMPARE, span, left, st_kind_words(l->type), right, st_kind_words(r->type));
        return NULL;
    }
    if (ordered(op) && (st_is(l->type, ST_T_BOOL) || st_is(l->type, ST_T_LABEL))) {
        st_err(c, ST_MSG_NO_ORDER, operator_span(c, ast, ST_COMPARE_left, ST_COMPARE_right), left,
               st_kind_words(l->type));
        return NULL;
    }
    st_align_compare(c, &l, &r);
    if (!st_check_possible(c, l, r, !ordered(op)) || !st_check_possible(c, r, l, !ordered(op))) return NULL;
    return st_x(c, op, st_type_of(ST_T_BOOL), ast->span, 2, l, r);
}

/* What stands opposite `x`: a label where x has labels, else an expression. */
static st_expr *check_opposite(st_checker *c, const st_scope *s, const st_ast *ast, const st_ast *x_ast,
                               const st_expr *x)
{
    const st_ast *word = st_bare(ast);
    bool plain = word->kind == ST_AST_NAME || st_check_literal(c, word);
    if (st_is(x->type, ST_T_LABEL) && plain) return st_check_label(c, x->type.labels, word);
    if (word->kind == ST_AST_NAME) return st_check_word(c, s, word, x_ast, x);
    return st_check_expr(c, s, ast);
}

static st_expr *folded(st_checker *c, st_expr *x)
{
    if (st_is_const(x)) {
        st_value v = x->value;
        v.as.s = st_text_lower(c->a, v.as.s);
        return st_x_const(c, v, x->span);
    }
    return st_x(c, ST_X_LOWER, st_type_of(ST_T_STRING), x->span, 1, x);
}

static bool check_folds(st_checker *c, const st_expr *x, const st_ast *ast)
{
    if (st_is(x->type, ST_T_STRING)) return true;
    st_err(c, ST_MSG_CASE_OF_TEXT, ast->span, st_source_text(c, ast), st_kind_words(x->type));
    return false;
}

static st_expr *compare(st_checker *c, const st_scope *s, const st_ast *ast)
{
    static const st_op ops[] = {ST_X_EQ, ST_X_NE, ST_X_LT, ST_X_LE, ST_X_GT, ST_X_GE};
    st_ast *first = ast->kids[ST_COMPARE_left], *second = ast->kids[ST_COMPARE_right];
    bool swapped = st_bare(first)->kind == ST_AST_NAME && !st_word_resolves(c, s, st_bare(first)) &&
                   !(st_bare(second)->kind == ST_AST_NAME && !st_word_resolves(c, s, st_bare(second)));
    if (swapped) {
        first = ast->kids[ST_COMPARE_right];
        second = ast->kids[ST_COMPARE_left];
    }
    st_expr *x = st_check_expr(c, s, first);
    if (!x) {
        if (st_bare(second)->kind != ST_AST_NAME) st_check_expr(c, s, second);
        return NULL;
    }
    st_expr *y = check_opposite(c, s, second, first, x);
    if (!y) return NULL;
    st_expr *l = swapped ? y : x, *r = swapped ? x : y;
    if (ast->op & ST_IGNORING_CASE) {
        if (!check_folds(c, l, ast->kids[ST_COMPARE_left]) || !check_folds(c, r, ast->kids[ST_COMPARE_right]))
            return NULL;
        l = folded(c, l);
        r = folded(c, r);
    }
    return check_compare(c, ops[ast->op & ST_OP_MASK], l, r, ast);
}

/* ---- in (…) ---- */

/* The values of a list parameter, or NULL with a report. */
static st_def *list_param(st_checker *c, const st_scope *s, const st_ast *name)
{
    const st_word *w = st_lookup(c, name->text);
    const st_col *col = st_find_col(s->at, name->text);
    if (w && w->def && st_info(c, w->def)->broken) return NULL;
    if (w && w->def && w->def->kind == ST_DEF_PARAM && !col) {
        if (!st_ensure(c, w->def, name->span) || st_info(c, w->def)->bad) return NULL;
        if (w->def->type.list) {
            st_use(c, s, w->def);
            return w->def;
        }
        st_err(c, ST_MSG_NOT_A_LIST, name->span, name->text, "Put it in brackets to compare with it alone.");
        return NULL;
    }
    if (col && col->type.list) {
        st_err(c, ST_MSG_NOT_A_LIST, name->span, name->text, "A list column is asked with contains.");
        return NULL;
    }
    st_near near = {0};
    for (uint32_t i = 0; i < c->defs.n; i++)
        if (c->defs.p[i]->kind == ST_DEF_PARAM) st_near_add(&near, name->text, c->defs.p[i]->name);
    if (st_surely_unknown(c, &near, name->text))
        st_err(c, ST_MSG_NOT_A_LIST, name->span, name->text, st_did_you_mean(c->a, &near));
    return NULL;
}

typedef ST_VEC(st_expr *) expr_vec;

/* The elements of a list or list parameter as expressions, each checked opposite x. */
static bool list_elements(st_checker *c, const st_scope *s, const st_ast *set, const st_ast *x_ast,
                          const st_expr *x, expr_vec *out)
{
    if (set->kind == ST_AST_NAME) {
        st_def *d = list_param(c, s, set);
        for (uint32_t i = 0; d && i < d->nvalues; i++)
            *st_push(c->a, out) = st_x_const(c, d->values[i], set->span);
        return d != NULL;
    }
    bool ok = true;
    for (uint32_t i = 0; i < set->n; i++) {
        st_expr *e = check_opposite(c, s, set->kids[i], x_ast, x);
        if (e && !st_is_const(e)) {
            st_err(c, ST_MSG_LIST_OF_CONSTANTS, set->kids[i]->span, st_source_text(c, x_ast),
                   st_source_text(c, set->kids[i]));
            e = NULL;
        }
        if (e)
            *st_push(c->a, out) = e;
        else
            ok = false;
    }
    return ok;
}

/* Makes x and all the constants of one type, so that they can be compared as they lie. */
static st_expr *align_set(st_checker *c, st_expr *x, expr_vec *set)
{
    for (uint32_t i = 0; i < set->n; i++)
        if (!same_kind(x->type, set->p[i]->type)) {
            st_err(c, ST_MSG_DIFFERENT_KINDS, set->p[i]->span, st_kind_words(set->p[i]->type),
                   st_kind_words(x->type));
            return NULL;
        }
    if (!st_is_number(x->type)) return x;
    st_expr **all = st_new_n(c->a, st_expr *, set->n + 1);
    all[0] = x;
    for (uint32_t i = 0; i < set->n; i++) all[i + 1] = set->p[i];
    if (!st_unify(c, all, set->n + 1)) return NULL;
    for (uint32_t i = 0; i < set->n; i++) set->p[i] = all[i + 1];
    return all[0];
}

static st_expr *in_set(st_checker *c, const st_scope *s, const st_ast *ast)
{
    const st_ast *left = ast->kids[ST_IN_SET_left], *set = ast->kids[ST_IN_SET_set];
    st_expr *x = st_check_expr(c, s, left);
    if (!x) return NULL;
    if (x->type.list) {
        st_err(c, ST_MSG_LIST_COMPARED, left->span, st_source_text(c, left));
        return NULL;
    }
    if (st_is(x->type, ST_T_TIMESTAMP)) {
        st_err(c, ST_MSG_INSTANT_IN_LIST, left->span, st_source_text(c, left));
        return NULL;
    }
    expr_vec elements = {0};
    bool fold = (ast->op & ST_IGNORING_CASE) != 0;
    if (!list_elements(c, s, set, left, x, &elements)) return NULL;
    if (!(x = align_set(c, x, &elements)) || (fold && !check_folds(c, x, left))) return NULL;
    st_expr **args = st_new_n(c->a, st_expr *, elements.n + 1);
    args[0] = fold ? folded(c, x) : x;
    bool possible = true;
    for (uint32_t i = 0; i < elements.n; i++) {
        args[i + 1] = fold ? folded(c, elements.p[i]) : elements.p[i];
        if (!fold && !st_check_possible(c, x, elements.p[i], true)) possible = false;
    }
    if (!possible) return NULL;
    st_expr *in = st_xs(c, ST_X_IN, st_type_of(ST_T_BOOL), ast->span, args, elements.n + 1);
    return ast->op & ST_NEGATED ? st_x_not(c, in, ast->span) : in;
}

/* ---- text ---- */
static st_expr *text_test_one(st_checker *c, st_op op, st_expr *x, st_expr *part, bool fold,
                              const st_ast *ast)
{
    if (!same_kind(x->type, part->type) || !st_is(x->type, ST_T_STRING)) {
        st_err(c, ST_MSG_NOT_TEXT, part->span, st_kind_words(part->type));
        return NULL;
    }
    if (fold) {
        x = folded(c, x);
        part = folded(c, part);
    }
    return st_x(c, op, st_type_of(ST_T_BOOL), ast->span, 2, x, part);
}

/* `tags contains "vip"`: the element is of the list's type. With `ignoring case` a list cannot be folded as a whole, so
 * the test is that of both spellings only where the list holds text: HAS over LOWER of the list. */
static st_expr *list_has(st_checker *c, st_expr *x, st_expr *part, bool fold, const st_ast *ast)
{
    st_type element = x->type;
    element.list = element.optional = false;
    st_value v;
    if (!st_is_const(part) || !st_fit_value(part, element, &v)) {
        st_err(c, ST_MSG_LIST_ELEMENT, part->span, st_kind_words(element));
        return NULL;
    }
    st_expr *e = st_x_const(c, v, part->span);
    if (fold) {
        if (!st_is(element, ST_T_STRING)) {
            st_err(c, ST_MSG_CASE_OF_TEXT, ast->span, "the list", "of other values");
            return NULL;
        }
        e = folded(c, e);
        x = st_x(c, ST_X_LOWER, x->type, x->span, 1, x);
    }
    return st_x(c, ST_X_HAS, st_type_of(ST_T_BOOL), ast->span, 2, x, e);
}

static st_expr *text_test(st_checker *c, const st_scope *s, const st_ast *ast)
{
    static const st_op ops[] = {ST_X_STARTS_WITH, ST_X_ENDS_WITH, ST_X_CONTAINS};
    static const char *const words[] = {"starts with", "ends with", "contains"};
    const st_ast *left = ast->kids[ST_TEXT_TEST_left], *right = ast->kids[ST_TEXT_TEST_right];
    bool fold = (ast->op & ST_IGNORING_CASE) != 0, many = (ast->op & (ST_ANY_OF | ST_ALL_OF)) != 0;
    uint32_t test = ast->op & ST_OP_MASK;
    st_expr *x = st_check_expr(c, s, left);
    if (!x) return NULL;
    bool list = x->type.list;
    if (list ? test != ST_CONTAINS : !st_is(x->type, ST_T_STRING)) {
        st_err(c, ST_MSG_TEXT_TEST_OF, left->span, words[test], st_source_text(c, left),
               st_kind_words(x->type));
        return NULL;
    }
    expr_vec parts = {0};
    if (many) {
        if (!list_elements(c, s, right, left, x, &parts)) return NULL;
    } else {
        st_expr *part = check_opposite(c, s, right, left, x);
        if (!part) return NULL;
        *st_push(c->a, &parts) = part;
    }
    for (uint32_t i = 0; i < parts.n; i++) {
        parts.p[i] = list ? list_has(c, x, parts.p[i], fold, ast)
                          : text_test_one(c, ops[test], x, parts.p[i], fold, ast);
        if (!parts.p[i]) return NULL;
    }
    return st_x_or_all(c, ast->op & ST_ALL_OF ? ST_X_AND : ST_X_OR, parts.p, parts.n, ast->span);
}

/* What a pattern such as *@gmail.com was meant to say. */
static const char *pattern_help(st_checker *c, const char *pattern, const st_ast *left)
{
    if (pattern[0] == '*' && pattern[1] && !strpbrk(pattern + 1, "*+?[](){}|^$\\"))
        return st_format(c->a, "For the end of a text: %s ends with \"%s\".", st_source_text(c, left),
                         pattern + 1);
    return "See \"Text\" in the language reference for what a pattern can hold.";
}

static st_expr *matches(st_checker *c, const st_scope *s, const st_ast *ast)
{
    const st_ast *left = ast->kids[ST_MATCHES_left], *pattern = ast->kids[ST_MATCHES_pattern];
    bool fold = (ast->op & ST_IGNORING_CASE) != 0;
    st_expr *x = st_check_expr(c, s, left);
    st_str normal;
    st_regex_error err;
    if (!st_regex_check(c->a, st_str_of(pattern->text), fold, &normal, &err)) {
        st_err(c, ST_MSG_BAD_PATTERN, pattern->span, err.what, pattern_help(c, pattern->text, left));
        return NULL;
    }
    if (!x) return NULL;
    if (!st_is(x->type, ST_T_STRING)) {
        st_err(c, ST_MSG_TEXT_TEST_OF, left->span, "matches", st_source_text(c, left),
               st_kind_words(x->type));
        return NULL;
    }
    st_expr *m = st_x(c, ST_X_MATCHES, st_type_of(ST_T_BOOL), ast->span, 1, fold ? folded(c, x) : x);
    m->value = (st_value){.type = st_type_of(ST_T_STRING), .as.s = normal};
    return m;
}

/* ---- functions ---- */
typedef enum fn_kind {
    FN_SAME,
    FN_ROUND,
    FN_EXTREME,
    FN_TEXT,
    FN_LENGTH,
    FN_LOGISTIC,
    FN_DISTANCE,
    FN_SENT
} fn_kind;
static const struct {
    const char *name;
    st_op op;
    fn_kind kind;
    uint32_t least, most;
} functions[] = {
    {"abs", ST_X_ABS, FN_SAME, 1, 1},
    {"round", ST_X_ROUND, FN_ROUND, 1, 2},
    {"floor", ST_X_FLOOR, FN_ROUND, 1, 1},
    {"ceil", ST_X_CEIL, FN_ROUND, 1, 1},
    {"min", ST_X_MIN, FN_EXTREME, 2, 1000},
    {"max", ST_X_MAX, FN_EXTREME, 2, 1000},
    {"lower", ST_X_LOWER, FN_TEXT, 1, 1},
    {"upper", ST_X_UPPER, FN_TEXT, 1, 1},
    {"trim", ST_X_TRIM, FN_TEXT, 1, 1},
    {"domain", ST_X_DOMAIN, FN_TEXT, 1, 1},
    {"length", ST_X_LENGTH, FN_LENGTH, 1, 1},
    {"logistic", ST_X_LOGISTIC, FN_LOGISTIC, 1, 1},
    {"distance", ST_X_DISTANCE, FN_DISTANCE, 3, 3},
    {"sha256", ST_X_CONST, FN_SENT, 0, 1000},
};

static st_expr *rounded(st_checker *c, const st_scope *s, st_op op, const st_ast *args, st_span span)
{
    st_expr *x = st_check_number(c, s, args->kids[0]);
    if (!x) return NULL;
    uint32_t places = 0;
    if (args->n == 2) {
        const st_ast *n = args->kids[1];
        if (n->kind != ST_AST_INT || n->number < 0 || n->number >= ST_DECIMAL_DIGITS ||
            x->type.base == ST_T_FLOAT) {
            st_err(c, x->type.base == ST_T_FLOAT ? ST_MSG_ROUND_FLOAT : ST_MSG_ROUND_PLACES, n->span);
            return NULL;
        }
        places = (uint32_t)n->number;
    }
    if (x->type.base == ST_T_FLOAT) return st_x(c, op, x->type, span, 1, x);
    if (x->type.base == ST_T_INT || x->type.scale <= places) return x; /* already as round as that */
    uint32_t digits = ST_MIN(st_integer_digits(x->type) + 1 + places, (uint32_t)ST_DECIMAL_DIGITS);
    return st_x(c, op, st_decimal_type(digits, places), span, 1, x);
}

static st_type widest(st_expr *const *args, uint32_t n)
{
    st_type t = args[0]->type;
    for (uint32_t i = 1; i < n; i++) t.digits = ST_MAX(t.digits, args[i]->type.digits);
    return t;
}

static st_expr *extreme(st_checker *c, const st_scope *s, st_op op, const st_ast *list, st_span span)
{
    st_expr **args = st_new_n(c->a, st_expr *, list->n);
    bool ok = true;
    for (uint32_t i = 0; i < list->n; i++)
        if (!(args[i] = st_check_expr(c, s, list->kids[i]))) ok = false;
    if (!ok || !st_unify(c, args, list->n)) return NULL;
    if (!st_is_number(args[0]->type) && !st_is_time(args[0]->type) && !st_is(args[0]->type, ST_T_STRING) &&
        !st_is(args[0]->type, ST_T_DISTANCE)) {
        st_err(c, ST_MSG_NOT_A_NUMBER, list->kids[0]->span, st_source_text(c, list->kids[0]),
               st_kind_words(args[0]->type));
        return NULL;
    }
    return st_xs(c, op, widest(args, list->n), span, args, list->n);
}

static st_expr *text_function(st_checker *c, const st_scope *s, st_op op, const st_ast *arg, const char *name,
                              st_span span)
{
    st_expr *x = st_check_expr(c, s, arg);
    if (!x) return NULL;
    if (!st_is(x->type, ST_T_STRING)) {
        st_err(c, ST_MSG_TEXT_TEST_OF, arg->span, name, st_source_text(c, arg), st_kind_words(x->type));
        return NULL;
    }
    st_expr *y = st_x(c, op, op == ST_X_LENGTH ? st_int_type(10) : st_type_of(ST_T_STRING), span, 1, x);
    if (op == ST_X_DOMAIN) y->type.optional = true;
    return y;
}

static st_expr *call(st_checker *c, const st_scope *s, const st_ast *ast)
{
    const st_ast *name = ast->kids[ST_CALL_name], *args = ast->kids[ST_CALL_args];
    uint32_t n = args ? args->n : 0, i = 0;
    while (i < ST_COUNT(functions) && strcmp(functions[i].name, name->text) != 0) i++;
    if (i == ST_COUNT(functions)) {
        st_near near = {0};
        for (i = 0; i < ST_COUNT(functions); i++) st_near_add(&near, name->text, functions[i].name);
        static const char *const aggregates[] = {"count",   "any",      "no",      "sum",  "avg",
                                                 "median",  "distinct", "first",   "last", "most_common",
                                                 "repeats", "share",    "sequence"};
        for (i = 0; i < ST_COUNT(aggregates); i++) st_near_add(&near, name->text, aggregates[i]);
        st_err(c, ST_MSG_UNKNOWN_FUNCTION, name->span, name->text, st_did_you_mean(c->a, &near));
        return NULL;
    }
    if (functions[i].kind == FN_SENT) {
        st_err(c, ST_MSG_SHA256_ELSEWHERE, ast->span);
        return NULL;
    }
    if (n < functions[i].least || n > functions[i].most) {
        st_err(c, ST_MSG_ARGUMENT_COUNT, ast->span, name->text,
               functions[i].kind == FN_DISTANCE ? "a latitude, a longitude and a place"
               : functions[i].most == 1         ? "one value"
               : functions[i].least == 1        ? "one or two values"
                                                : "two or more values");
        return NULL;
    }
    switch (functions[i].kind) {
    case FN_SAME: {
        st_expr *x = st_check_number(c, s, args->kids[0]);
        return x ? st_x(c, functions[i].op, x->type, ast->span, 1, x) : NULL;
    }
    case FN_ROUND: return rounded(c, s, functions[i].op, args, ast->span);
    case FN_EXTREME: return extreme(c, s, functions[i].op, args, ast->span);
    case FN_TEXT:
    case FN_LENGTH: return text_function(c, s, functions[i].op, args->kids[0], name->text, ast->span);
    case FN_LOGISTIC: {
        st_expr *x = st_check_number(c, s, args->kids[0]);
        return x ? st_x(c, ST_X_LOGISTIC, st_type_of(ST_T_FLOAT), ast->span, 1, st_to_float(c, x)) : NULL;
    }
    case FN_DISTANCE: return st_check_distance(c, s, ast);
    case FN_SENT: break;
    }
    return NULL;
}

/* ---- the rest ---- */
static st_expr *if_missing(st_checker *c, const st_scope *s, const st_ast *ast)
{
    st_ast *left = ast->kids[ST_IF_MISSING_expr], *right = ast->kids[ST_IF_MISSING_value];
    st_expr *args[2] = {st_check_expr(c, s, left), NULL};
    args[1] = args[0] ? check_opposite(c, s, right, left, args[0]) : NULL;
    if (!args[0] || !args[1] || !st_unify(c, args, 2)) return NULL;
    bool optional = args[1]->type.optional;
    st_expr *x = st_xs(c, ST_X_IF_MISSING, widest(args, 2), ast->span, args, 2);
    x->type.optional = optional;
    return x;
}

static st_expr *is_missing(st_checker *c, const st_scope *s, const st_ast *ast, const st_ast *of)
{
    st_expr *x = st_check_expr(c, s, of);
    if (!x) return NULL;
    st_expr *m = st_x(c, ST_X_IS_MISSING, st_type_of(ST_T_BOOL), ast->span, 1, x);
    m->type.optional = false;
    return ast->kind == ST_AST_IS_KNOWN ? st_x_not(c, m, ast->span) : m;
}

/* logistic rises with its operand, and an exact operand ranks more finely than its float. */
st_expr *st_rank_operand(st_expr *x)
{
    for (;;) {
        if (x->op == ST_X_DEF && x->def->expr && x->def->expr->op == ST_X_LOGISTIC &&
            st_def_kind_is_value(x->def->kind))
            x = x->def->expr;
        else if (x->op == ST_X_LOGISTIC || x->op == ST_X_TO_FLOAT)
            x = x->args[0];
        else
            return x;
    }
}

static st_expr *in_rank(st_checker *c, const st_scope *s, const st_ast *ast)
{
    const st_ast *left = ast->kids[ST_IN_RANK_left], *amount = ast->kids[ST_IN_RANK_amount],
                 *among = ast->kids[ST_IN_RANK_among];
    st_scope far = *s;
    far.far = true;
    st_expr *x = st_check_expr(c, &far, left);
    st_def *population = among && s->at ? st_check_among(c, s, among) : NULL;
    if (!x || (among && !population)) return NULL;
    if (!st_is_number(x->type) && !st_is_time(x->type) && !st_is(x->type, ST_T_DISTANCE)) {
        st_err(c, ST_MSG_RANK_OF, left->span, st_source_text(c, left), st_kind_words(x->type));
        return NULL;
    }
    x = st_rank_operand(x);
    bool share = amount->kind == ST_AST_PERCENT;
    if (amount->number <= 0 || (share && amount->number > st_pow10(amount->scale)) ||
        amount->number > INT64_MAX) {
        st_err(c, ST_MSG_RANK_AMOUNT, amount->span);
        return NULL;
    }
    st_expr *r = st_x(c, ast->op ? ST_X_IN_BOTTOM : ST_X_IN_TOP, st_type_of(ST_T_BOOL), ast->span, 1, x);
    r->at = s->at;
    r->def = population;
    r->amount = amount->number;
    r->amount_scale = amount->scale;
    r->amount_is_share = share;
    return r;
}

static st_expr *sample(st_checker *c, const st_scope *s, const st_ast *ast)
{
    return st_check_draw(c, s, ast->kids[ST_SAMPLE_share], ast->kids[ST_SAMPLE_salt], NULL, ast->span);
}

static st_expr *duration_value(st_checker *c, const st_scope *s, const st_ast *ast)
{
    st_value v = {.type = st_type_of(ST_T_DURATION)};
    if (!st_check_duration(c, s, ast, &v.as.i, &v.unit)) return NULL;
    return st_x_const(c, v, ast->span);
}

static st_expr *check_node(st_checker *c, const st_scope *s, const st_ast *ast)
{
    switch (ast->kind) {
    case ST_AST_OR:
    case ST_AST_AND: return logic(c, s, ast);
    case ST_AST_NOT: {
        st_expr *x = st_check_bool(c, s, ast->kids[ST_NOT_expr]);
        return x ? st_x_not(c, x, ast->span) : NULL;
    }
    case ST_AST_IF_MISSING: return if_missing(c, s, ast);
    case ST_AST_COMPARE: return compare(c, s, ast);
    case ST_AST_IN_SET: return in_set(c, s, ast);
    case ST_AST_IS_MISSING: return is_missing(c, s, ast, ast->kids[ST_IS_MISSING_expr]);
    case ST_AST_IS_KNOWN: return is_missing(c, s, ast, ast->kids[ST_IS_KNOWN_expr]);
    case ST_AST_TEXT_TEST: return text_test(c, s, ast);
    case ST_AST_MATCHES: return matches(c, s, ast);
    case ST_AST_IN_WINDOW: return st_check_window(c, s, ast);
    case ST_AST_IN_RANK: return in_rank(c, s, ast);
    case ST_AST_IN_BLOCKS: return st_check_blocks(c, s, ast);
    case ST_AST_AT_LEAST_OF: return at_least_of(c, s, ast);
    case ST_AST_ADD: return add(c, s, ast);
    case ST_AST_MULTIPLY: return multiply(c, s, ast);
    case ST_AST_NEG: return negative(c, s, ast);
    case ST_AST_PAREN: return st_check_expr(c, s, ast->kids[ST_PAREN_expr]);
    case ST_AST_AS_OF: return st_check_as_of(c, s, ast);
    case ST_AST_INT:
    case ST_AST_DECIMAL:
    case ST_AST_PERCENT:
    case ST_AST_STRING:
    case ST_AST_DATE:
    case ST_AST_TIMESTAMP:
    case ST_AST_BOOL: return st_check_literal(c, ast);
    case ST_AST_NAME: return st_check_word(c, s, ast, NULL, NULL);
    case ST_AST_REF: return st_check_member(c, s, ast);
    case ST_AST_DURATION: return duration_value(c, s, ast);
    case ST_AST_CALL: return call(c, s, ast);
    case ST_AST_AGGREGATE: return st_check_aggregate(c, s, ast);
    case ST_AST_SEQUENCE: return st_check_sequence(c, s, ast);
    case ST_AST_SAMPLE: return sample(c, s, ast);
    case ST_AST_AGO:
    case ST_AST_SINCE:
    case ST_AST_FROM_TO:
    case ST_AST_PART:
    case ST_AST_CALENDAR:
    case ST_AST_ANNIVERSARY: return st_check_time_node(c, s, ast);
    case ST_AST_WENT: return st_check_went(c, s, ast);
    case ST_AST_ENTERED: return st_check_entered(c, s, ast);
    case ST_AST_NEAREST: st_err(c, ST_MSG_NEAREST_ALONE, ast->span); return NULL;
    case ST_AST_DISTANCE: {
        st_value v;
        return st_check_km(c, ast, &v) ? st_x_const(c, v, ast->span) : NULL;
    }
    default: break;
    }
    /* The parser puts nothing else where an expression stands; a broken file may. */
    return NULL;
}

st_expr *st_check_expr(st_checker *c, const st_scope *s, const st_ast *ast)
{
    if (!ast) return NULL; /* the parser has said why */
    st_expr *x = st_enter(c, ast->span) ? check_node(c, s, ast) : NULL;
    st_leave(c);
    return x;
}
