/* Rows that aggregates, sequences and rfm look at: a table or named rows, the way up to the row in hand, filters. */
#include "sema/check.h"

static void push_filter(st_checker *c, st_rowset *rows, st_filter f)
{
    st_filter *more = st_new_n(c->a, st_filter, rows->nfilters + 1);
    for (uint32_t i = 0; i < rows->nfilters; i++) more[i] = rows->filters[i];
    more[rows->nfilters] = f;
    rows->filters = more;
    rows->nfilters++;
}

void st_add_filter(st_checker *c, st_rowset *rows, st_expr *where)
{
    if (where) push_filter(c, rows, (st_filter){.kind = ST_FILTER_WHERE, .where = where});
}

/* The table or rows definition that a source names; false: reported. */
static bool find_rows(st_checker *c, const st_ast *name, st_def *user, st_table **table,
                      const st_rows_info **info)
{
    const st_word *w = st_lookup(c, name->text);
    static const st_rows_info plain = {0};
    *info = &plain;
    if (w && w->table) {
        *table = w->table;
        return true;
    }
    if (w && st_info(c, w->def)->broken) return false;
    if (w && w->def->kind == ST_DEF_ROWS) {
        st_scope user_scope = {.def = user};
        if (!st_ensure(c, w->def, name->span) || st_info(c, w->def)->bad) return false;
        st_use(c, &user_scope, w->def);
        *table = w->def->of;
        *info = &st_info(c, w->def)->rows;
        return true;
    }
    st_near near = {0};
    for (uint32_t i = 0; i < c->ndeclared; i++) st_near_add(&near, name->text, c->tables.p[i]->name);
    for (uint32_t i = 0; i < c->defs.n; i++)
        if (c->defs.p[i]->kind == ST_DEF_ROWS) st_near_add(&near, name->text, c->defs.p[i]->name);
    if (w)
        st_err(c, ST_MSG_NOT_ROWS, name->span, name->text, st_def_kind_names[w->def->kind],
               st_did_you_mean(c->a, &near));
    else if (!c->incomplete)
        st_err(c, ST_MSG_UNKNOWN_ROWS, name->span, name->text, st_near_or_tables(c, &near));
    return false;
}

bool st_find_rows(st_checker *c, const st_ast *name, st_def *user, st_rowset *out)
{
    st_table *t;
    const st_rows_info *named;
    if (!find_rows(c, name, user, &t, &named)) return false;
    *out =
        (st_rowset){.table = t, .nfilters = named->nfilters, .filters = named->filters, .name = name->text};
    return true;
}

bool st_has_time(st_checker *c, const st_table *t, st_span span, const char *what)
{
    if (t->order_time) return true;
    st_err(c, t->derived ? ST_MSG_GROUPS_HAVE_NO_TIME : ST_MSG_NO_TIME, span, t->name, what);
    return false;
}

static bool add_window(st_checker *c, const st_scope *inner, const st_ast *window, st_source_wish wish,
                       st_source_parts *out)
{
    if (!st_has_time(c, out->table, window->span, "A window")) return false;
    if (window->op == ST_WINDOW_ANY && wish.any_window) {
        if (!st_check_duration(c, inner, window->kids[ST_WINDOW_a], &out->any_n, &out->any_unit))
            return false;
        bool hours = out->any_unit == ST_MINUTE || out->any_unit == ST_HOUR;
        if (hours && out->table->order_time->type.base == ST_T_DATE) {
            st_err(c, ST_MSG_HOURS_OF_A_DAY, window->kids[ST_WINDOW_a]->span, out->table->name);
            return false;
        }
        if (out->any_n > 0) return true;
        st_err(c, ST_MSG_DURATION_RANGE, window->kids[ST_WINDOW_a]->span,
               st_format(c->a, "%d", ST_MAX_COUNT));
        return false;
    }
    /* Borders of a window are read where the aggregate stands, but no row of it has them as columns. */
    st_expr *x = st_apply_window(c, inner, out->table->order_time, window, window->span);
    st_add_filter(c, &out->rows, x);
    return x != NULL;
}

static void note_step_row(void *ctx, const st_expr *x)
{
    if (x->op == ST_X_STEP_ROW) *(const st_expr **)ctx = x;
}

/* `last n` of rows that differ with the row chosen before: the n rows would have to be found anew for each. */
static bool last_of_chosen(st_checker *c, const st_rowset *rows)
{
    const st_expr *found = NULL;
    st_walker w;
    st_walker_init(&w, c->a, note_step_row, &found);
    for (uint32_t i = 0; i < rows->nfilters; i++) st_walk(&w, rows->filters[i].where);
    if (found) st_err(c, ST_MSG_LAST_OF_CHOSEN, found->span);
    return found != NULL;
}

static bool add_last(st_checker *c, const st_ast *last, st_source_parts *out)
{
    if (!st_has_time(c, out->table, last->span, "last n")) return false;
    if (last_of_chosen(c, &out->rows)) return false;
    if (last->number < 1 || last->number > INT32_MAX) {
        st_err(c, ST_MSG_LAST_COUNT, last->span);
        return false;
    }
    push_filter(c, &out->rows, (st_filter){.kind = ST_FILTER_LAST, .last = (uint32_t)last->number});
    return true;
}

/* The rows that a name stands for, with their filters; *by: the link said with them, unless one is said here. */
static bool find_source(st_checker *c, const st_scope *s, const st_ast *name, const char **by,
                        st_source_parts *out)
{
    const st_rows_info *named;
    if (!find_rows(c, name, s->def, &out->table, &named)) return false;
    out->rows = (st_rowset){.table = out->table, .name = name->text};
    if (named->nfilters > ST_MAX_FILTERS) {
        st_err(c, ST_MSG_TOO_MANY, name->span, "conditions", name->text,
               st_format(c->a, "%d", ST_MAX_FILTERS));
        return false;
    }
    out->rows.nfilters = named->nfilters;
    out->rows.filters = named->filters; /* never changed in place: a new filter makes a copy */
    if (!*by) *by = named->by;
    return true;
}

bool st_check_source(st_checker *c, const st_scope *s, const st_ast *source, st_source_wish wish,
                     st_source_parts *out)
{
    const st_ast *name = source->kids[ST_SOURCE_name], *link = source->kids[ST_SOURCE_link],
                 *window = source->kids[ST_SOURCE_window], *last = source->kids[ST_SOURCE_last],
                 *where = source->kids[ST_SOURCE_where];
    const char *by = link ? link->text : NULL;
    bool own = s->at && s->at->derived; /* a group knows its own rows only */
    *out = (st_source_parts){0};
    if (own ? !st_check_own_rows(c, s, source, out) : !find_source(c, s, name, &by, out)) return false;
    st_scope inner = {.at = out->table, .def = s->def, .outer = s, .steps = s->steps, .far = s->far};
    bool ok = true;
    if (own) {
        inner.path = &s->at->derived->path;
    } else if (!wish.no_entity) {
        if (!s->at) {
            st_err(c, ST_MSG_PARAM_VALUE, source->span);
            return false;
        }
        const st_path *path = st_find_rows_path(c, out->table, s->at, by, link ? link->span : name->span);
        if (!path) return false;
        out->rows.path = *path;
        inner.path = &out->rows.path;
    } else if (out->table->derived) {
        inner.path = &out->table->derived->up;
    }
    if (wish.no_entity && link) {
        bool found = false;
        for (uint32_t i = 0; i < c->tables.n && !found; i++) {
            const st_col *col = st_find_col(c->tables.p[i], by);
            found = col && col->links_to && (col->table == out->table || st_links(c, out->table, col->table));
        }
        st_near none = {0};
        if (!found)
            st_err(c, ST_MSG_UNKNOWN_COLUMN, link->span, out->table->name, by,
                   st_near_or_columns(c, &none, out->table));
        ok = found;
    }
    if (window && !add_window(c, &inner, window, wish, out)) ok = false;
    if (last && !add_last(c, last, out)) ok = false;
    if (where) {
        out->where = st_check_bool(c, &inner, where);
        if (!out->where) ok = false;
        if (!wish.where_apart) st_add_filter(c, &out->rows, out->where);
    }
    return ok;
}

/* rows purchases = orders where … : checked once, its filters are taken wherever it is named. */
void st_check_rows(st_checker *c, st_def *d)
{
    const st_ast *ast = d->ast, *source = ast->kids[ST_ROWS_source];
    st_definfo *info = st_info(c, d);
    st_scope s = {.def = d};
    st_source_parts parts;
    st_source_wish wish = {.no_entity = true};
    if (!st_check_source(c, &s, source, wish, &parts)) {
        info->bad = true;
        return;
    }
    d->of = parts.table;
    const st_ast *link = source->kids[ST_SOURCE_link];
    const st_word *base = st_lookup(c, source->kids[ST_SOURCE_name]->text);
    const char *by = link ? link->text : base->def ? st_info(c, base->def)->rows.by : NULL;
    if (st_groups_rows(ast)) {
        info->bad = !st_check_groups(c, d, &parts, by);
        return;
    }
    const st_ast *block = ast->kids[ST_ROWS_block];
    for (uint32_t i = 0; block && i < block->n; i++) {
        if (block->kids[i]->kind != ST_AST_ROW_COLUMN) continue;
        st_err(c, ST_MSG_COLUMNS_WITHOUT_PER, block->kids[i]->span, d->name);
        info->bad = true;
        return;
    }
    if (ast->kids[ST_ROWS_of]) {
        st_err(c, ST_MSG_ROWS_OF, ast->kids[ST_ROWS_of]->span, d->name);
        info->bad = true;
    }
    info->rows = (st_rows_info){.nfilters = parts.rows.nfilters, .filters = parts.rows.filters, .by = by};
}

/* ---- aggregates ---- */
static const char *const agg_names[] = {"count", "any",         "no",      "sum",      "avg",
                                        "min",   "max",         "median",  "distinct", "first",
                                        "last",  "most_common", "repeats", "share"};

static bool takes_value(st_agg_kind kind)
{
    return kind > ST_AGG_NO;
}

/* sum(orders), sum(amount): the rows, or the column, are not said. */
static void report_no_source(st_checker *c, const st_ast *ast)
{
    const st_ast *value = ast->kids[ST_AGGREGATE_value];
    const char *agg = agg_names[ast->op], *text = value ? st_source_text(c, value) : "";
    const st_ast *word = value ? st_bare(value) : NULL;
    const st_word *w = word && word->kind == ST_AST_NAME ? st_lookup(c, word->text) : NULL;
    const st_table *t = w && w->table ? w->table : NULL;
    if (w && w->def && w->def->kind == ST_DEF_ROWS && st_ensure(c, w->def, word->span)) t = w->def->of;
    if (t) {
        const char *example = NULL;
        for (uint32_t i = 0; i < t->ncols; i++)
            if (!t->cols[i].key && !t->cols[i].links_to && !t->cols[i].type.list &&
                (st_is_exact(t->cols[i].type) || ast->op >= ST_AGG_DISTINCT)) {
                example = t->cols[i].name;
                break;
            }
        if (!example && t->ncols) example = t->cols[0].name;
        st_err(c, ST_MSG_AGGREGATE_WITHOUT_COLUMN, word->span, agg, text, example ? example : "amount");
        return;
    }
    const char *rows = "orders";
    if (word && word->kind == ST_AST_REF) { /* last(orders.amount) */
        const st_word *left = st_lookup(c, word->kids[ST_REF_left]->text);
        if (left && left->table) {
            rows = left->table->name;
            text = word->kids[ST_REF_member]->text;
        }
    }
    for (uint32_t i = 0; word && word->kind == ST_AST_NAME && i < c->tables.n; i++)
        if (st_find_col(c->tables.p[i], word->text)) rows = c->tables.p[i]->name;
    st_err(c, ST_MSG_AGGREGATE_WITHOUT_ROWS, ast->span, agg, text, rows);
}

static bool value_fits(st_checker *c, st_agg_kind kind, const st_expr *x, const st_ast *value)
{
    st_type t = x->type;
    const char *text = st_source_text(c, value);
    bool number = kind == ST_AGG_SUM || kind == ST_AGG_AVG || kind == ST_AGG_MEDIAN || kind == ST_AGG_SHARE;
    bool order = kind == ST_AGG_MIN || kind == ST_AGG_MAX;
    if (t.list || t.base == ST_T_DURATION || (number && !st_is_number(t)) ||
        (order && !st_is_number(t) && !st_is_time(t) && !st_is(t, ST_T_STRING) && !st_is(t, ST_T_DISTANCE))) {
        st_err(c, ST_MSG_AGGREGATE_OF, value->span, agg_names[kind], text, st_kind_words(t));
        return false;
    }
    if (number && kind != ST_AGG_MEDIAN && t.base == ST_T_FLOAT) {
        st_err(c, ST_MSG_SUM_OF_FLOAT, value->span, agg_names[kind], text);
        return false;
    }
    return true;
}

static st_type aggregate_type(st_agg_kind kind, const st_expr *x)
{
    st_type t = x ? x->type : st_type_of(ST_T_BOOL);
    t.optional = false;
    switch (kind) {
    case ST_AGG_ANY:
    case ST_AGG_NO: return st_type_of(ST_T_BOOL);
    case ST_AGG_COUNT:
    case ST_AGG_DISTINCT:
    case ST_AGG_REPEATS: return st_int_type(12);
    case ST_AGG_SUM: return t.base == ST_T_INT ? st_int_type(19) : st_decimal_type(t.digits + 6u, t.scale);
    case ST_AGG_SHARE:
        if (!x)
            t = st_decimal_type(1 + ST_QUOTIENT_SCALE, ST_QUOTIENT_SCALE);
        else
            t = st_decimal_type(t.digits + 6u + ST_QUOTIENT_SCALE, ST_QUOTIENT_SCALE);
        break;
    case ST_AGG_AVG:
    case ST_AGG_MEDIAN:
        if (t.base != ST_T_FLOAT)
            t = st_decimal_type(st_integer_digits(t) + ST_QUOTIENT_SCALE, ST_QUOTIENT_SCALE);
        break;
    default: break;
    }
    t.optional = true; /* over no rows */
    return t;
}

st_expr *st_x_aggregate(st_checker *c, const st_scope *s, st_agg_kind kind, const st_source_parts *parts,
                        st_expr *x, st_span span)
{
    st_expr *e = st_x(c, ST_X_AGGREGATE, aggregate_type(kind, x), span, 0);
    e->at = s->at;
    e->kind = kind;
    e->rows = parts->rows;
    e->span_n = parts->any_n;
    e->unit = parts->any_unit;
    if (kind == ST_AGG_SHARE) {
        e->n = 2;
        e->args = st_new_n(c->a, st_expr *, 2);
        e->args[0] = x;
        e->args[1] = parts->where;
    } else if (x) {
        e->n = 1;
        e->args = st_new_n(c->a, st_expr *, 1);
        e->args[0] = x;
    }
    return e;
}

st_expr *st_count_of_scope(st_checker *c, const st_scope *s, st_span span)
{
    st_source_parts parts = {.rows = *s->rows};
    return st_x_aggregate(c, s, ST_AGG_COUNT, &parts, NULL, span);
}

/* A measure of an rfm, a field of groups: the rows are those of the rfm, of the group. */
static st_expr *aggregate_of_scope(st_checker *c, const st_scope *s, const st_ast *ast)
{
    st_agg_kind kind = (st_agg_kind)ast->op;
    const st_ast *value = ast->kids[ST_AGGREGATE_value];
    st_source_parts parts = {.rows = *s->rows};
    st_scope inner = {.at = (st_table *)s->rows->table, .def = s->def, .outer = s, .path = &s->rows->path};
    if (s->at->derived) inner.path = &s->at->derived->path; /* to the entity */
    if (!takes_value(kind)) return st_x_aggregate(c, s, kind, &parts, NULL, ast->span);
    st_expr *x = st_check_expr(c, &inner, value);
    if (!x || !value_fits(c, kind, x, value)) return NULL;
    if ((kind == ST_AGG_FIRST || kind == ST_AGG_LAST) &&
        !st_has_time(c, s->rows->table, ast->span, agg_names[kind]))
        return NULL;
    if (kind == ST_AGG_SHARE) {
        st_err(c, ST_MSG_SHARE_WITHOUT_WHERE, ast->span);
        return NULL;
    }
    return st_x_aggregate(c, s, kind, &parts, x, ast->span);
}

st_expr *st_check_aggregate(st_checker *c, const st_scope *s, const st_ast *ast)
{
    st_agg_kind kind = (st_agg_kind)ast->op;
    const st_ast *value = ast->kids[ST_AGGREGATE_value], *source = ast->kids[ST_AGGREGATE_source];
    st_scope far = *s;
    far.far = true;
    s = &far;
    if (!source && s->rows) return aggregate_of_scope(c, s, ast);
    if (!source) {
        report_no_source(c, ast);
        return NULL;
    }
    st_source_parts parts;
    st_source_wish wish = {.any_window = kind == ST_AGG_COUNT, .where_apart = kind == ST_AGG_SHARE};
    bool ok = st_check_source(c, s, source, wish, &parts);
    st_expr *x = NULL;
    if (value && parts.table) {
        st_scope inner = {.at = parts.table,
                          .def = s->def,
                          .outer = s,
                          .path = s->at && s->at->derived ? &s->at->derived->path : &parts.rows.path,
                          .steps = s->steps,
                          .far = true};
        x = st_check_expr(c, &inner, value);
        if (!x || !value_fits(c, kind, x, value)) return NULL;
    }
    if (!ok) return NULL;
    if ((kind == ST_AGG_FIRST || kind == ST_AGG_LAST) &&
        !st_has_time(c, parts.table, ast->span, agg_names[kind]))
        return NULL;
    if (kind == ST_AGG_SHARE && !parts.where) {
        st_err(c, ST_MSG_SHARE_WITHOUT_WHERE, ast->span);
        return NULL;
    }
    return st_x_aggregate(c, s, kind, &parts, x, ast->span);
}

/* any(T where …) in at least k of last n weeks: n questions, one a stretch. */
st_expr *st_check_blocks(st_checker *c, const st_scope *s, const st_ast *ast)
{
    const st_ast *left = st_bare(ast->kids[ST_IN_BLOCKS_left]), *least = ast->kids[ST_IN_BLOCKS_least],
                 *last = ast->kids[ST_IN_BLOCKS_last];
    st_unit unit;
    int64_t n;
    bool is_any = left->kind == ST_AST_AGGREGATE && left->op == ST_AGG_ANY && left->kids[ST_AGGREGATE_source];
    if (!is_any || left->kids[ST_AGGREGATE_source]->kids[ST_SOURCE_window]) {
        st_err(c, ST_MSG_BLOCKS_OF, left->span);
        return NULL;
    }
    st_expr *any = st_check_aggregate(c, s, left);
    if (!any || !st_check_duration(c, s, last, &n, &unit)) return NULL;
    if (n < 1 || n > ST_MAX_BLOCKS || least->number < 1 || least->number > n) {
        st_err(c, ST_MSG_BLOCKS_COUNT, st_span_join(least->span, last->span),
               st_format(c->a, "%d", ST_MAX_BLOCKS));
        return NULL;
    }
    const st_table *t = any->rows.table;
    if (!st_has_time(c, t, left->span, "in at least")) return NULL;
    if (unit == ST_MINUTE || unit == ST_HOUR) {
        st_err(c, ST_MSG_CALENDAR_UNIT, last->span);
        return NULL;
    }
    st_expr **blocks = st_new_n(c->a, st_expr *, (size_t)n);
    for (uint32_t i = 0; i < (uint32_t)n; i++) {
        st_source_parts parts = {.rows = any->rows};
        st_add_filter(c, &parts.rows, st_apply_block(c, t->order_time, i, 1, unit, ast->span));
        blocks[i] = st_x_aggregate(c, s, ST_AGG_ANY, &parts, NULL, ast->span);
    }
    st_expr *x = st_xs(c, ST_X_AT_LEAST, st_type_of(ST_T_BOOL), ast->span, blocks, (uint32_t)n);
    x->kind = (uint32_t)least->number;
    return x;
}

/* ---- sequences ---- */
typedef struct sequence_state {
    st_checker *c;
    const st_scope *s;
    const st_source_parts *base;
    st_step *steps;
    const st_named_step *named;
    bool has_row; /* some step before chooses a row */
} sequence_state;

/* The rows of all steps are ordered together, so their times are of one type. */
static bool step_time_fits(const sequence_state *q, const st_table *t, st_span span)
{
    if (!st_has_time(q->c, t, span, "A step of a sequence")) return false;
    if (t->order_time->type.base == q->base->table->order_time->type.base) return true;
    st_err(q->c, ST_MSG_SEQUENCE_TIMES, span, q->base->table->name, t->name);
    return false;
}

static bool check_step_rows(sequence_state *q, const st_ast *expr, st_step *step)
{
    st_checker *c = q->c;
    const st_ast *e = st_bare(expr);
    bool any = e->kind == ST_AST_AGGREGATE && e->op == ST_AGG_ANY,
         no = e->kind == ST_AST_AGGREGATE && e->op == ST_AGG_NO;
    st_scope s = *q->s;
    s.steps = q->named;
    if ((any || no) && e->kids[ST_AGGREGATE_source]) {
        st_source_parts parts;
        if (!st_check_source(c, &s, e->kids[ST_AGGREGATE_source], (st_source_wish){0}, &parts)) return false;
        step->kind = any ? ST_STEP_ANY : ST_STEP_NO;
        step->rows = parts.rows;
        return step_time_fits(q, parts.table, e->span);
    }
    st_scope inner = {
        .at = q->base->table, .def = s.def, .outer = q->s, .path = &q->base->rows.path, .steps = q->named};
    st_expr *where = st_check_bool(c, &inner, expr);
    step->kind = ST_STEP_ROW;
    step->rows = q->base->rows;
    st_add_filter(c, &step->rows, where);
    return where != NULL;
}

static bool check_within(sequence_state *q, const st_ast *within, st_step *step)
{
    if (!within) return true;
    if (!st_check_duration(q->c, q->s, within, &step->within, &step->within_unit)) return false;
    if (!q->has_row) {
        st_err(q->c, ST_MSG_WITHIN_FIRST, within->span);
        return false;
    }
    bool hours = step->within_unit == ST_MINUTE || step->within_unit == ST_HOUR;
    if (hours && q->base->table->order_time->type.base == ST_T_DATE) {
        st_err(q->c, ST_MSG_HOURS_OF_A_DAY, within->span, q->base->table->name);
        return false;
    }
    step->has_within = true;
    return true;
}

static bool check_step_name(sequence_state *q, const st_ast *as, st_step *step, uint32_t index)
{
    if (!as) return true;
    if (step->kind == ST_STEP_NO) {
        st_err(q->c, ST_MSG_NO_STEP_NAMED, as->span);
        return false;
    }
    for (const st_named_step *x = q->named; x; x = x->next)
        if (strcmp(x->name, as->text) == 0) {
            st_err(q->c, ST_MSG_STEP_NAME_TWICE, as->span, as->text);
            return false;
        }
    st_named_step *named = st_new(q->c->a, st_named_step);
    *named = (st_named_step){as->text, (st_table *)step->rows.table, index, q->named};
    q->named = named;
    step->name = as->text;
    return true;
}

st_expr *st_check_sequence(st_checker *c, const st_scope *s, const st_ast *ast)
{
    const st_ast *list = ast->kids[ST_SEQUENCE_steps];
    st_source_parts base;
    st_scope own = *s; /* a sequence inside of a step knows its own rows only */
    own.steps = NULL;
    own.far = false;
    s = &own;
    bool ok = st_check_source(c, s, ast->kids[ST_SEQUENCE_source], (st_source_wish){0}, &base);
    if (!ok || !st_has_time(c, base.table, ast->kids[ST_SEQUENCE_source]->span, "A sequence")) return NULL;
    sequence_state q = {c, s, &base, st_new_n(c->a, st_step, list->n), NULL, false};
    for (uint32_t i = 0; i < list->n; i++) {
        const st_ast *step = list->kids[i];
        if (!check_within(&q, step->kids[ST_STEP_within], &q.steps[i])) ok = false;
        if (!check_step_rows(&q, step->kids[ST_STEP_expr], &q.steps[i])) ok = false;
        if (ok && !check_step_name(&q, step->kids[ST_STEP_as], &q.steps[i], i)) ok = false;
        if (q.steps[i].kind != ST_STEP_NO) q.has_row = true;
    }
    if (!ok) return NULL;
    if (!q.has_row) {
        st_err(c, ST_MSG_SEQUENCE_OF_NOTHING, ast->span);
        return NULL;
    }
    st_expr *x = st_x(c, ST_X_SEQUENCE, st_type_of(ST_T_BOOL), ast->span, 0);
    x->at = s->at;
    x->rows = base.rows;
    x->nsteps = list->n;
    x->steps = q.steps;
    return x;
}
