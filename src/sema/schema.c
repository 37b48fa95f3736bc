/* Tables: columns and their attributes, links, the time of a row, which rows exist and which are visible. */
#include "sema/check.h"

/* ---- literals ---- */
static st_value exact_value(st_i128 number, uint32_t scale)
{
    uint32_t digits = ST_MAX(st_digits_of(number), scale);
    if (scale == 0 && number >= INT64_MIN && number <= INT64_MAX)
        return (st_value){.type = st_int_type(digits), .as.i = (int64_t)number};
    return (st_value){.type = st_decimal_type(digits, scale), .as.d = number};
}

st_expr *st_check_literal(st_checker *c, const st_ast *ast)
{
    st_value v = {.type = st_type_of(ST_T_BOOL)};
    bool negative = false;
    const st_ast *x = ast;
    if (x->kind == ST_AST_NEG && x->kids[ST_NEG_expr]) {
        x = x->kids[ST_NEG_expr];
        negative = true;
    }
    switch (x->kind) {
    case ST_AST_INT: v = exact_value(negative ? -x->number : x->number, 0); break;
    case ST_AST_DECIMAL:
    case ST_AST_PERCENT: v = exact_value(negative ? -x->number : x->number, x->scale); break;
    case ST_AST_STRING:
        v.type = st_type_of(ST_T_STRING);
        v.as.s = st_str_of(x->text);
        break;
    case ST_AST_DATE:
        v.type = st_type_of(ST_T_DATE);
        v.as.i = (int64_t)x->number;
        break;
    case ST_AST_TIMESTAMP:
        v.type = st_type_of(ST_T_TIMESTAMP);
        v.as.i = st_instant_of_local(c->p->zone, (int64_t)x->number);
        break;
    case ST_AST_BOOL: v.as.b = x->number != 0; break;
    default: return NULL;
    }
    if (negative && !st_is_number(v.type)) return NULL;
    return st_x_const(c, v, ast->span);
}

bool st_fit_value(const st_expr *x, st_type type, st_value *out)
{
    const st_value *v = &x->value;
    *out = (st_value){.type = type};
    out->type.optional = false;
    if (st_is_exact(v->type) && st_is_number(type)) {
        st_i128 n = v->type.base == ST_T_INT ? (st_i128)v->as.i : v->as.d;
        if (type.base == ST_T_FLOAT) {
            out->as.f = st_dec_to_double(n, v->type.scale);
            return true;
        }
        st_i128 r, back;
        if (!st_dec_rescale(n, v->type.scale, type.scale, &r) ||
            !st_dec_rescale(r, type.scale, v->type.scale, &back))
            return false;
        if (back != n) return false;
        if (type.base == ST_T_DECIMAL)
            out->as.d = r;
        else if (r < INT64_MIN || r > INT64_MAX)
            return false;
        else
            out->as.i = (int64_t)r;
        return true;
    }
    if (v->type.base != type.base || v->type.list) return false;
    out->as = v->as;
    return true;
}

static const char *quoted(st_arena *a, st_str s)
{
    st_buf b = {0};
    st_buf_puts(a, &b, "\"");
    for (uint32_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\n')
            st_buf_puts(a, &b, "\\n");
        else
            st_buf_printf(a, &b, s.p[i] == '"' || s.p[i] == '\\' ? "\\%c" : "%c", s.p[i]);
    }
    st_buf_puts(a, &b, "\"");
    return st_buf_text(a, &b);
}

const char *st_value_text(st_arena *a, const st_zone *zone, const st_value *v)
{
    char text[ST_DECIMAL_TEXT > ST_TIME_TEXT ? ST_DECIMAL_TEXT : ST_TIME_TEXT];
    if (v->missing) return "missing";
    switch (v->type.base) {
    case ST_T_BOOL: return v->as.b ? "true" : "false";
    case ST_T_INT: return st_format(a, "%lld", (long long)v->as.i);
    case ST_T_DECIMAL: return st_dup(a, text, st_dec_format(v->as.d, v->type.scale, text));
    case ST_T_FLOAT: return st_dup(a, text, st_double_format(v->as.f, text));
    case ST_T_STRING: return quoted(a, v->as.s);
    case ST_T_DATE: st_format_date(v->as.i, text); return st_dup(a, text, strlen(text));
    case ST_T_TIMESTAMP: st_format_instant(zone, v->as.i, text); return st_dup(a, text, strlen(text));
    case ST_T_LABEL: return v->type.labels->names[v->as.i];
    case ST_T_DURATION: return st_format(a, "%lld %ss", (long long)v->as.i, st_unit_names[v->unit]);
    case ST_T_DISTANCE: st_dec_format(v->as.d, 3, text); return st_format(a, "%s km", text);
    }
    ST_UNREACHABLE();
}

const char *st_value_words(st_checker *c, const st_value *v)
{
    return st_value_text(c->a, c->p->zone, v);
}

/* ---- columns ---- */
static st_type column_type(st_checker *c, const st_ast *type)
{
    static const st_base_type bases[] = {
        [ST_TYPE_BOOL] = ST_T_BOOL,          [ST_TYPE_INT] = ST_T_INT,       [ST_TYPE_FLOAT] = ST_T_FLOAT,
        [ST_TYPE_DECIMAL] = ST_T_DECIMAL,    [ST_TYPE_STRING] = ST_T_STRING, [ST_TYPE_DATE] = ST_T_DATE,
        [ST_TYPE_TIMESTAMP] = ST_T_TIMESTAMP};
    st_type t = st_type_of(bases[type->op & 0xf]);
    t.list = (type->op & ST_TYPE_LIST) != 0;
    t.optional = (type->op & ST_TYPE_OPTIONAL) != 0;
    if (t.base == ST_T_INT) t.digits = 19;
    if (t.base != ST_T_DECIMAL) return t;
    if (type->number < 1 || type->number > ST_DECIMAL_DIGITS || (st_i128)type->scale > type->number) {
        st_err(c, ST_MSG_DECIMAL_WIDTH, type->span);
        t.digits = ST_DECIMAL_DIGITS;
        return t;
    }
    t.digits = (uint8_t)type->number;
    t.scale = (uint8_t)type->scale;
    return t;
}

static void read_columns(st_checker *c, st_table *t, const st_ast *items)
{
    uint32_t n = 0;
    st_map seen;
    st_map_init(&seen, c->a);
    for (uint32_t i = 0; i < items->n; i++)
        if (items->kids[i]->kind == ST_AST_COLUMN) n++;
    if (n > ST_MAX_COLUMNS) {
        st_err(c, ST_MSG_TOO_MANY, t->span, "columns", "a table", st_format(c->a, "%d", ST_MAX_COLUMNS));
        n = ST_MAX_COLUMNS;
    }
    t->cols = st_new_n(c->a, st_col, (size_t)n + ST_MIN(c->ngroupings, (uint32_t)ST_MAX_GROUPINGS));
    for (uint32_t i = 0; i < items->n && t->ncols < n; i++) {
        const st_ast *item = items->kids[i];
        if (item->kind != ST_AST_COLUMN) continue;
        const st_ast *name = item->kids[ST_COLUMN_name];
        bool is_new;
        void **slot = st_map_put(&seen, name->text, strlen(name->text), &is_new);
        if (!is_new) {
            st_err(c, ST_MSG_DUPLICATE_COLUMN, name->span, t->name, name->text);
            continue;
        }
        st_col *col = &t->cols[t->ncols];
        *slot = col;
        *col = (st_col){.name = name->text,
                        .index = t->ncols++,
                        .table = t,
                        .span = name->span,
                        .type = column_type(c, item->kids[ST_COLUMN_type])};
    }
}

void st_collect_tables(st_checker *c, const st_ast *program)
{
    for (uint32_t i = 0; i < program->n; i++) {
        const st_ast *ast = program->kids[i];
        if (ast->kind != ST_AST_TABLE) continue;
        const st_ast *name = ast->kids[ST_TABLE_name];
        bool is_new;
        void **slot = st_map_put(&c->words, name->text, strlen(name->text), &is_new);
        if (!is_new) {
            st_report_duplicate(c, name, ((st_word *)*slot)->span);
            continue;
        }
        if (c->tables.n == ST_MAX_TABLES) {
            st_err(c, ST_MSG_TOO_MANY, name->span, "tables", "a rule set",
                   st_format(c->a, "%d", ST_MAX_TABLES));
            return;
        }
        st_table *t = st_new(c->a, st_table);
        t->name = name->text;
        t->index = c->tables.n;
        t->span = name->span;
        t->doc = ast->doc;
        st_word *w = st_new(c->a, st_word);
        *w = (st_word){.table = t, .span = name->span};
        *slot = w;
        *st_push(c->a, &c->tables) = t;
        *st_push(c->a, &c->table_asts) = ast;
        read_columns(c, t, ast->kids[ST_TABLE_items]);
        c->ndeclared = c->tables.n;
    }
}

static void set_key(st_checker *c, st_col *col, st_span span)
{
    st_type type = col->type;
    bool fits = (st_is(type, ST_T_INT) || st_is(type, ST_T_STRING)) && !type.optional;
    if (!fits) st_err(c, ST_MSG_KEY_TYPE, span, col->name);
    if (col->table->key)
        st_err(c, ST_MSG_SECOND_OF_A_KIND, span, col->table->name, "key", col->table->key->name);
    else
        col->table->key = col;
    col->key = true;
}

static void set_link(st_checker *c, st_col *col, const st_ast *target)
{
    const st_word *w = st_lookup(c, target->text);
    if (!w || !w->table) {
        st_near near = {0};
        for (uint32_t i = 0; i < c->ndeclared; i++) st_near_add(&near, target->text, c->tables.p[i]->name);
        if (st_surely_unknown(c, &near, target->text))
            st_err(c, ST_MSG_UNKNOWN_TABLE, target->span, target->text, st_near_or_tables(c, &near));
        return;
    }
    if (col->type.list)
        st_err(c, ST_MSG_LINK_TYPE, col->span, col->name, w->table->name, "int or string");
    else
        col->links_to = w->table;
}

/* Whether the column already has a role that only one column of a table can have. */
static void set_time(st_checker *c, st_col *col, bool *flag, const char *word, st_span span)
{
    if (!st_is_time(col->type)) {
        st_err(c, ST_MSG_TIME_TYPE, span, word, col->name);
        return;
    }
    for (uint32_t i = 0; i < col->table->ncols && flag != &col->planned; i++) {
        const st_col *x = &col->table->cols[i];
        if (x != col && (flag == &col->time ? x->time : x->recorded)) {
            st_err(c, ST_MSG_SECOND_OF_A_KIND, span, col->table->name, word, x->name);
            return;
        }
    }
    *flag = true;
}

static bool value_of_column(st_checker *c, const st_col *col, const st_ast *ast, st_value *out)
{
    const st_expr *x = st_check_literal(c, ast);
    st_type type = col->type;
    type.list = type.optional = false;
    if (x && st_fit_value(x, type, out)) return true;
    st_err(c, ST_MSG_VALUE_OF_COLUMN, ast->span, st_source_text(c, ast), col->name, st_kind_words(type));
    return false;
}

static void set_one_of(st_checker *c, st_col *col, const st_ast *list)
{
    st_value *values = st_new_n(c->a, st_value, list->n);
    uint32_t n = 0;
    for (uint32_t i = 0; i < list->n; i++)
        if (value_of_column(c, col, list->kids[i], &values[n])) n++;
    col->one_of = values;
    col->none_of_these = n;
}

static void set_between(st_checker *c, st_col *col, const st_ast *list)
{
    st_value *bounds = st_new_n(c->a, st_value, 2);
    if (list->n != 2 || col->type.list || col->type.base == ST_T_BOOL || col->type.base == ST_T_STRING) {
        st_err(c, ST_MSG_VALUE_OF_COLUMN, list->span, st_source_text(c, list), col->name,
               st_kind_words(col->type));
        return;
    }
    if (!value_of_column(c, col, list->kids[0], &bounds[0]) ||
        !value_of_column(c, col, list->kids[1], &bounds[1]))
        return;
    col->low = &bounds[0];
    col->high = &bounds[1];
}

static void set_attribute(st_checker *c, st_col *col, const st_ast *attr)
{
    const st_ast *arg = attr->kids[ST_ATTR_arg];
    switch ((st_ast_attr)attr->op) {
    case ST_ATTR_KEY: set_key(c, col, attr->span); return;
    case ST_ATTR_LINKS_TO: set_link(c, col, arg); return;
    case ST_ATTR_TIME: set_time(c, col, &col->time, "time", attr->span); return;
    case ST_ATTR_PLANNED: set_time(c, col, &col->planned, "planned", attr->span); return;
    case ST_ATTR_RECORDED: set_time(c, col, &col->recorded, "recorded", attr->span); return;
    case ST_ATTR_FIXED: col->fixed = true; return;
    case ST_ATTR_CHANGES: col->changes = true; return;
    case ST_ATTR_PII: col->pii = true; return;
    case ST_ATTR_ONE_OF: set_one_of(c, col, arg); return;
    case ST_ATTR_BETWEEN: set_between(c, col, arg); return;
    }
}

static void read_attributes(st_checker *c, st_table *t, const st_ast *ast)
{
    const st_ast *items = ast->kids[ST_TABLE_items];
    for (uint32_t i = 0; i < items->n; i++) {
        const st_ast *item = items->kids[i];
        if (item->kind != ST_AST_COLUMN) continue;
        st_col *col = st_find_col(t, item->kids[ST_COLUMN_name]->text);
        const st_ast *attrs = item->kids[ST_COLUMN_attrs];
        if (!col || col->span.start != item->kids[ST_COLUMN_name]->span.start ||
            col->span.file != item->kids[ST_COLUMN_name]->span.file)
            continue; /* the second of two columns of one name */
        for (uint32_t k = 0; attrs && k < attrs->n; k++) set_attribute(c, col, attrs->kids[k]);
    }
}

/* A link holds the key of the table it leads to. */
static void check_links(st_checker *c, st_table *t)
{
    for (uint32_t i = 0; i < t->ncols; i++) {
        st_col *col = &t->cols[i];
        const st_table *to = col->links_to;
        if (!to) continue;
        if (!to->key)
            st_err(c, ST_MSG_LINK_WITHOUT_KEY, col->span, col->name, to->name);
        else if (to->key->type.base != col->type.base)
            st_err(c, ST_MSG_LINK_TYPE, col->span, col->name, to->name,
                   to->key->type.base == ST_T_INT ? "int" : "string");
        else
            continue;
        col->links_to = NULL;
    }
}

/* ---- the time of a row ---- */
static const st_col *own_time(const st_table *t, bool visibility, bool here)
{
    const st_col *time = NULL, *planned = NULL, *recorded = NULL;
    for (uint32_t i = 0; i < t->ncols; i++) {
        const st_col *col = &t->cols[i];
        if (col->time) time = col;
        if (col->recorded) recorded = col;
        if (col->planned && !planned) planned = col;
    }
    if (visibility) return recorded ? recorded : time;
    return time || !here ? time : planned;
}

/* The time of the nearest table that has one: fewest links, then the link declared first. */
static st_expr *time_of_row(st_checker *c, st_table *t, bool visibility)
{
    uint32_t n = c->tables.n, head = 0, tail = 0;
    st_table **queue = st_new_n(c->a, st_table *, n);
    const st_col **entry = st_new_n(c->a, const st_col *, n);
    bool *seen = st_new_n(c->a, bool, n);
    queue[tail++] = t;
    seen[t->index] = true;
    while (head < tail) {
        st_table *x = queue[head++];
        const st_col *own = own_time(x, visibility, x == t);
        if (own) {
            st_expr *e = st_x_column(c, own, own->span);
            for (const st_table *at = x; at != t; at = entry[at->index]->table)
                e = st_x_link(c, entry[at->index], e, own->span);
            return e;
        }
        for (uint32_t i = 0; i < x->ncols; i++) {
            st_table *to = x->cols[i].links_to;
            if (!to || seen[to->index]) continue;
            seen[to->index] = true;
            entry[to->index] = &x->cols[i];
            queue[tail++] = to;
        }
    }
    return NULL;
}

static void set_times(st_checker *c, st_table *t)
{
    t->when = time_of_row(c, t, true);
    t->order_time = time_of_row(c, t, false);
    if (!t->when) return;
    st_expr *now = st_x_now(c, t->span);
    if (t->when->type.base == ST_T_DATE) now = st_x_day(c, now);
    t->visible = st_x_cmp(c, ST_X_LT, t->when, now, t->when->span);
}

/* ---- keep where ---- */

/* Which rows exist depends on the rows themselves alone: not on other rows, definitions, or the instant of the run. */
static void visit_keep_node(void *ctx, const st_expr *x)
{
    st_checker *c = ctx;
    switch (x->op) {
    case ST_X_NOW:
    case ST_X_DEF:
    case ST_X_RFM_FIELD:
    case ST_X_AGGREGATE:
    case ST_X_SEQUENCE:
    case ST_X_IN_TOP:
    case ST_X_IN_BOTTOM:
    case ST_X_NEAREST:
    case ST_X_SAMPLE:
    case ST_X_STRATUM:
    case ST_X_AS_OF: st_err(c, ST_MSG_KEEP_READS_MORE, x->span); return;
    default: return;
    }
}

static void check_keep(st_checker *c, st_table *t, const st_ast *ast)
{
    const st_ast *items = ast->kids[ST_TABLE_items];
    st_scope scope = {.at = t};
    for (uint32_t i = 0; i < items->n; i++) {
        if (items->kids[i]->kind != ST_AST_KEEP) continue;
        st_expr *x = st_check_bool(c, &scope, items->kids[i]->kids[ST_KEEP_expr]);
        t->keep = st_x_and(c, t->keep, x, items->kids[i]->span);
    }
    st_walker w;
    st_walker_init(&w, c->a, visit_keep_node, c);
    st_walk(&w, t->keep);
}

typedef struct keep_walk {
    st_checker *c;
    uint8_t *state; /* by table: 0 new, 1 on the way, 2 done */
    bool circle;
} keep_walk;

static void walk_keep(keep_walk *w, const st_table *t);
static void visit_keep(void *ctx, const st_expr *x)
{
    keep_walk *w = ctx;
    if (x->op == ST_X_LINK) walk_keep(w, x->col->links_to);
}

/* Whether a row exists may depend on rows it links to, but not in a circle. */
static void walk_keep(keep_walk *w, const st_table *t)
{
    if (w->state[t->index] == 1) w->circle = true;
    if (w->state[t->index]) return;
    w->state[t->index] = 1;
    st_walker walker;
    st_walker_init(&walker, w->c->a, visit_keep, w);
    st_walk(&walker, t->keep);
    w->state[t->index] = 2;
}

static void check_keep_circles(st_checker *c)
{
    keep_walk w = {c, st_new_n(c->a, uint8_t, c->tables.n), false};
    for (uint32_t i = 0; i < c->tables.n; i++) {
        w.circle = false;
        walk_keep(&w, c->tables.p[i]);
        if (w.circle) st_err(c, ST_MSG_KEEP_CIRCLE, c->tables.p[i]->keep->span, c->tables.p[i]->name);
    }
}

void st_check_tables(st_checker *c)
{
    for (uint32_t i = 0; i < c->tables.n; i++) read_attributes(c, c->tables.p[i], c->table_asts.p[i]);
    for (uint32_t i = 0; i < c->tables.n; i++) check_links(c, c->tables.p[i]);
    for (uint32_t i = 0; i < c->tables.n; i++) set_times(c, c->tables.p[i]);
}

void st_check_keeps(st_checker *c)
{
    for (uint32_t i = 0; i < c->tables.n; i++) check_keep(c, c->tables.p[i], c->table_asts.p[i]);
    check_keep_circles(c);
}
