/* Tests: rows, an instant, and what is expected. Everything is read here, against the declarations, so that running a test
 * only has to bind and to ask. */
#include "sema/check.h"

/* A test in hand, or the defaults of the rule set. */
typedef struct reading {
    st_checker *c;
    st_test *t;               /* NULL: the rule set's defaults, of which the instant is not known yet */
    const st_ast ***fallback; /* by table and column: a TEST_FIELD of the rule set's defaults, or NULL */
    st_cell **defaults;       /* by table and column: of the test; NULL: not made yet */
    uint32_t **stamps;        /* by table and column: the last row that gave it */
    uint32_t stamp;
    st_map *keys;   /* by table: a key as written -> row + 1 */
    bool *doubtful; /* by table: a key could not be read */
    uint32_t nrows;
} reading;

/* ---- values ---- */

/* A value as it stands in a test, of whichever type. */
typedef struct literal {
    uint32_t n;
    const st_value *values;
    bool list;
    bool relative; /* counted from the instant */
    bool words;    /* a bare word stood there */
} literal;

static st_value *one_value(st_checker *c, literal *out, st_base_type base)
{
    st_value *v = st_new(c->a, st_value);
    v->type = st_type_of(base);
    out->n = 1;
    out->values = v;
    return v;
}

static bool relative_time(reading *q, const st_ast *ast, literal *out)
{
    st_checker *c = q->c;
    st_scope nowhere = {0};
    int64_t n;
    st_unit unit;
    bool ago = ast->kind == ST_AST_AGO;
    if (!st_check_duration(c, &nowhere, ast->kids[0], &n, &unit)) return false;
    st_value *v = one_value(c, out, ST_T_TIMESTAMP);
    out->relative = true;
    if (!q->t) return true;
    v->as.i = st_instant_add(c->p->zone, q->t->as_of, ago ? -n : n, unit);
    if (v->as.i != ST_NO_TIME) return true;
    st_err(c, ST_MSG_TEST_TIME_RANGE, ast->span);
    return false;
}

static bool time_word(reading *q, const st_ast *ast, literal *out)
{
    st_checker *c = q->c;
    bool now = strcmp(ast->text, "now") == 0;
    st_value *v = one_value(c, out, now ? ST_T_TIMESTAMP : ST_T_DATE);
    out->relative = true;
    if (!q->t) return true;
    int64_t today = st_day_of_instant(c->p->zone, q->t->as_of);
    int64_t shift = strcmp(ast->text, "tomorrow") == 0 ? 1 : strcmp(ast->text, "yesterday") == 0 ? -1 : 0;
    v->as.i = now ? q->t->as_of : today + shift;
    if (now || (v->as.i >= ST_DATE_MIN && v->as.i <= ST_DATE_MAX)) return true;
    st_err(c, ST_MSG_TEST_TIME_RANGE, ast->span);
    return false;
}

static bool parameter(st_checker *c, const st_ast *ast, literal *out)
{
    const st_word *w = st_lookup(c, ast->text);
    const st_def *d = w ? w->def : NULL;
    if (d && d->kind == ST_DEF_PARAM) {
        if (st_info(c, d)->bad || st_info(c, d)->broken) return false;
        out->list = d->type.list;
        out->n = d->type.list ? d->nvalues : 1;
        out->values = d->type.list ? d->values : &d->value;
        return true;
    }
    st_near near = {0};
    for (uint32_t i = 0; i < c->defs.n; i++)
        if (c->defs.p[i]->kind == ST_DEF_PARAM) st_near_add(&near, ast->text, c->defs.p[i]->name);
    if (!st_surely_unknown(c, &near, ast->text)) return false;
    st_err(c, ST_MSG_TEST_WORD, ast->span, ast->text, st_did_you_mean(c->a, &near));
    return false;
}

static bool list_of_literals(st_checker *c, const st_ast *ast, literal *out)
{
    st_value *values = st_new_n(c->a, st_value, ast->n + 1);
    out->list = true;
    out->n = ast->n;
    out->values = values;
    for (uint32_t i = 0; i < ast->n; i++) {
        const st_expr *x = st_check_literal(c, st_bare(ast->kids[i]));
        if (!x) {
            st_err(c, ST_MSG_TEST_LIST_ITEM, ast->kids[i]->span);
            return false;
        }
        values[i] = x->value;
    }
    return true;
}

/* False: reported. */
static bool read_literal(reading *q, const st_ast *ast, literal *out)
{
    st_checker *c = q->c;
    *out = (literal){0};
    if (ast->kind == ST_AST_AGO || ast->kind == ST_AST_AHEAD) return relative_time(q, ast, out);
    if (ast->kind == ST_AST_LIST) return list_of_literals(c, ast, out);
    if (ast->kind == ST_AST_DISTANCE) return st_check_km(c, ast, one_value(c, out, ST_T_DISTANCE));
    if (ast->kind == ST_AST_NAME) {
        out->words = true;
        return !ast->op && st_is_time_word(ast->text) ? time_word(q, ast, out) : parameter(c, ast, out);
    }
    const st_expr *x = st_check_literal(c, ast);
    if (!x) { /* a sign before what has none */
        st_err(c, ST_MSG_TEST_LIST_ITEM, ast->span);
        return false;
    }
    out->n = 1;
    out->values = &x->value;
    return true;
}

/* ---- fields ---- */

static bool fits_digits(const st_value *v)
{
    return v->type.base != ST_T_DECIMAL || st_digits_of(v->as.d) <= v->type.digits;
}

/* A value as one of the column's, as a data file's would be. */
static bool fit(const st_checker *c, const st_value *v, st_type type, st_value *out)
{
    type.list = type.optional = false;
    *out = (st_value){.type = type};
    if (type.base == ST_T_DATE && v->type.base == ST_T_TIMESTAMP) {
        out->as.i = st_day_of_instant(c->p->zone, v->as.i);
        return true;
    }
    if (type.base == ST_T_TIMESTAMP && v->type.base == ST_T_DATE) {
        out->as.i = st_start_of_day(c->p->zone, v->as.i);
        return true;
    }
    st_expr x = {.value = *v};
    return st_fit_value(&x, type, out) && fits_digits(out);
}

static bool is_allowed(st_checker *c, const st_col *col, const st_value *v, st_span span)
{
    bool found = col->none_of_these == 0;
    for (uint32_t i = 0; i < col->none_of_these && !found; i++)
        found = st_compare_values(v, &col->one_of[i]) == 0;
    bool below = col->low && st_compare_values(v, col->low) < 0;
    bool above = col->high && st_compare_values(v, col->high) > 0;
    if (found && !below && !above) return true;
    const char *help;
    if (found) {
        help = st_format(c->a, "It lies between %s and %s.", st_value_words(c, col->low),
                         st_value_words(c, col->high));
    } else {
        st_buf b = {0};
        enum { SHOWN = 8 };
        for (uint32_t i = 0; i < ST_MIN(col->none_of_these, (uint32_t)SHOWN); i++)
            st_buf_printf(c->a, &b, "%s%s", i ? ", " : "They are ", st_value_words(c, &col->one_of[i]));
        st_buf_puts(c->a, &b, col->none_of_these > SHOWN ? " …" : ".");
        help = st_buf_text(c->a, &b);
    }
    st_err(c, ST_MSG_TEST_NOT_ALLOWED, span, st_value_words(c, v), col->name, help);
    return false;
}

static const char *type_words(st_checker *c, st_type type)
{
    if (type.list) {
        type.list = false;
        return st_format(c->a, "a list of values, each %s", type_words(c, type));
    }
    if (type.base == ST_T_INT) return "a whole number";
    if (type.base == ST_T_DECIMAL)
        return st_format(c->a, "a number with at most %u digits before the point and %u behind it",
                         st_integer_digits(type), type.scale);
    return st_kind_words(type);
}

static bool read_missing(st_checker *c, const st_col *col, st_cell *out)
{
    out->given = true;
    if (col->type.optional) return true;
    st_err(c, ST_MSG_TEST_MISSING, out->span, st_format(c->a, "%s.%s", col->table->name, col->name));
    return false;
}

static bool read_cell(reading *q, const st_col *col, const st_ast *field, st_cell *out)
{
    st_checker *c = q->c;
    const st_ast *ast = field->kids[ST_TEST_FIELD_value];
    *out = (st_cell){.span = field->span};
    if (!ast) return read_missing(c, col, out);
    literal l;
    if (!read_literal(q, ast, &l)) return false;
    st_value *values = st_new_n(c->a, st_value, l.n + 1);
    bool good = l.list == col->type.list;
    for (uint32_t i = 0; i < l.n && good; i++) good = fit(c, &l.values[i], col->type, &values[i]);
    if (!good) {
        st_err(c, ST_MSG_VALUE_OF_COLUMN, ast->span, st_source_text(c, ast), col->name,
               type_words(c, col->type));
        return false;
    }
    for (uint32_t i = 0; i < l.n && (q->t || !l.relative); i++)
        if (!is_allowed(c, col, &values[i], ast->span)) return false;
    out->given = out->known = true;
    out->n = l.n;
    out->values = values;
    return true;
}

static st_table *table_named(st_checker *c, const st_ast *name)
{
    const st_word *w = st_lookup(c, name->text);
    if (w && w->table) return w->table;
    st_near near = {0};
    for (uint32_t i = 0; i < c->tables.n; i++)
        if (!c->tables.p[i]->derived) st_near_add(&near, name->text, c->tables.p[i]->name);
    if (st_surely_unknown(c, &near, name->text))
        st_err(c, ST_MSG_UNKNOWN_TABLE, name->span, name->text, st_near_or_tables(c, &near));
    return NULL;
}

static st_col *column_named(st_checker *c, const st_table *t, const st_ast *name)
{
    st_col *col = st_find_col(t, name->text);
    if (col) return col;
    st_near near = {0};
    for (uint32_t i = 0; i < t->ncols; i++) st_near_add(&near, name->text, t->cols[i].name);
    if (st_surely_unknown(c, &near, name->text))
        st_err(c, ST_MSG_UNKNOWN_COLUMN, name->span, t->name, name->text, st_near_or_columns(c, &near, t));
    return NULL;
}

/* ---- defaults ---- */

static void read_default(reading *q, st_table *t, const st_ast *field, const st_ast **place, st_cell *cell)
{
    st_checker *c = q->c;
    const st_ast *name = field->kids[ST_TEST_FIELD_name];
    const st_col *col = column_named(c, t, name);
    if (!col) return;
    if (col->key) {
        st_err(c, ST_MSG_DEFAULT_OF_KEY, name->span, col->name, t->name);
        return;
    }
    st_cell made;
    bool twice = place ? place[col->index] != NULL : cell[col->index].given;
    if (twice) {
        st_err(c, ST_MSG_SAID_TWICE, name->span, col->name, st_format(c->a, "the defaults of %s", t->name));
        return;
    }
    if (!read_cell(q, col, field, &made)) return;
    if (place)
        place[col->index] = field;
    else
        cell[col->index] = made;
}

/* The test's own defaults are read first, then those of the rule set fill what is left. */
static st_cell *defaults_of(reading *q, const st_table *t)
{
    st_cell **cells = &q->defaults[t->index];
    if (!*cells) *cells = st_new_n(q->c->a, st_cell, t->ncols + 1);
    return *cells;
}

static void read_defaults(reading *q, const st_ast *defaults)
{
    const st_ast *rows = defaults->kids[ST_TEST_DEFAULTS_rows];
    for (uint32_t i = 0; i < rows->n; i++) {
        const st_ast *row = rows->kids[i], *fields = row->kids[ST_TEST_ROW_fields];
        st_table *t = table_named(q->c, row->kids[ST_TEST_ROW_table]);
        if (!t) continue;
        const st_ast ***common = &q->fallback[t->index];
        if (!q->t && !*common) *common = st_new_n(q->c->a, const st_ast *, t->ncols + 1);
        for (uint32_t k = 0; k < fields->n; k++)
            read_default(q, t, fields->kids[k], q->t ? NULL : *common, q->t ? defaults_of(q, t) : NULL);
    }
}

static void fill_defaults(reading *q, const st_table *t)
{
    st_test_table *to = &q->t->tables[t->index];
    const st_ast **common = q->fallback[t->index];
    if (to->defaults) return;
    st_cell *cells = defaults_of(q, t);
    to->defaults = cells;
    for (uint32_t i = 0; common && i < t->ncols; i++)
        if (common[i] && !cells[i].given) read_cell(q, &t->cols[i], common[i], &cells[i]);
}

/* ---- rows ---- */

static const char *key_words(st_checker *c, const st_value *v)
{
    return st_value_words(c, v);
}

static void note_key(reading *q, const st_table *t, const st_cell *key)
{
    st_checker *c = q->c;
    const char *words = key_words(c, key->values);
    bool is_new;
    void **slot = st_map_put(&q->keys[t->index], words, strlen(words), &is_new);
    if (is_new)
        *slot = (void *)(uintptr_t)(q->t->tables[t->index].rows.n);
    else
        st_err(c, ST_MSG_TEST_KEY_TWICE, key->span, words, t->name);
}

static void read_field(reading *q, const st_table *t, const st_ast *field, st_test_row *row)
{
    st_checker *c = q->c;
    const st_ast *name = field->kids[ST_TEST_FIELD_name];
    const st_col *col = column_named(c, t, name);
    if (!col) return;
    uint32_t *stamp = &q->stamps[t->index][col->index];
    if (*stamp == q->stamp) {
        st_err(c, ST_MSG_SAID_TWICE, name->span, col->name, "this row");
        return;
    }
    *stamp = q->stamp;
    st_test_field *f = &row->fields[row->nfields];
    f->col = col;
    if (!read_cell(q, col, field, &f->cell)) {
        if (col->key) q->doubtful[t->index] = true;
        return;
    }
    row->nfields++;
    if (col->key) note_key(q, t, &f->cell);
}

static void read_row(reading *q, const st_ast *ast)
{
    st_checker *c = q->c;
    const st_ast *name = ast->kids[ST_TEST_ROW_table], *fields = ast->kids[ST_TEST_ROW_fields];
    const st_table *t = table_named(c, name);
    if (!t) return;
    if (q->nrows++ >= ST_MAX_TEST_ROWS) {
        if (q->nrows == ST_MAX_TEST_ROWS + 1)
            st_err(c, ST_MSG_TOO_MANY, name->span, "rows", "a test", st_format(c->a, "%d", ST_MAX_TEST_ROWS));
        return;
    }
    if (!q->stamps[t->index]) {
        q->stamps[t->index] = st_new_n(c->a, uint32_t, t->ncols + 1);
        st_map_init(&q->keys[t->index], c->a);
    }
    q->stamp++;
    fill_defaults(q, t);
    st_test_row *row = st_push(c->a, &q->t->tables[t->index].rows);
    row->span = name->span;
    row->fields = st_new_n(c->a, st_test_field, fields->n + 1);
    for (uint32_t i = 0; i < fields->n; i++) read_field(q, t, fields->kids[i], row);
    if (!t->key || q->stamps[t->index][t->key->index] == q->stamp) return;
    q->doubtful[t->index] = true;
    st_err(c, ST_MSG_TEST_NO_KEY, name->span, t->name, t->key->name);
}

/* Links to rows that the test does not have. */
static const st_cell *cell_of(const st_test_table *t, const st_test_row *row, const st_col *col)
{
    for (uint32_t i = 0; i < row->nfields; i++)
        if (row->fields[i].col == col) return &row->fields[i].cell;
    return &t->defaults[col->index];
}

static void warn_links(reading *q, const st_table *t)
{
    st_checker *c = q->c;
    const st_test_table *its = &q->t->tables[t->index];
    for (uint32_t k = 0; k < t->ncols; k++) {
        const st_col *col = &t->cols[k];
        bool said = false; /* of the default */
        if (!col->links_to || q->doubtful[col->links_to->index]) continue;
        for (uint32_t i = 0; i < its->rows.n; i++) {
            const st_cell *cell = cell_of(its, &its->rows.p[i], col);
            bool is_default = cell == &its->defaults[k];
            if (!cell->known || (is_default && said)) continue;
            said = said || is_default;
            const char *words = key_words(c, cell->values);
            const st_map *keys = &q->keys[col->links_to->index];
            if (keys->arena && st_map_get(keys, words, strlen(words))) continue;
            st_near near = {0};
            for (uint32_t m = 0; m < keys->entries.n; m++)
                st_near_add(&near, words, st_dup(c->a, keys->entries.p[m].key.p, keys->entries.p[m].key.n));
            st_err(c, ST_MSG_TEST_ORPHAN, cell->span, words, col->links_to->name,
                   st_did_you_mean(c->a, &near));
        }
    }
}

/* ---- what is expected ---- */

static bool has_members(const st_def *d)
{
    return d->kind == ST_DEF_SEGMENT || d->kind == ST_DEF_HOLDOUT || d->kind == ST_DEF_LIST ||
           d->kind == ST_DEF_TREATMENT;
}

static bool has_value(const st_def *d)
{
    switch (d->kind) {
    case ST_DEF_TRAIT:
    case ST_DEF_SCORE:
    case ST_DEF_POINTS:
    case ST_DEF_TIERS:
    case ST_DEF_RFM:
    case ST_DEF_CLUSTER:
    case ST_DEF_OVERLAY:
    case ST_DEF_EXPERIMENT: return true;
    default: return false;
    }
}

static const char *kind_words(st_checker *c, st_def_kind kind)
{
    if (kind == ST_DEF_ROWS) return "a part of the rows of a table";
    if (kind == ST_DEF_PARAM) return "a parameter";
    return st_format(c->a, "%s %s", kind == ST_DEF_AUDIENCE ? "an" : "a", st_def_kind_names[kind]);
}

static st_def *definition_named(st_checker *c, const st_ast *name)
{
    const st_word *w = st_lookup(c, name->text);
    if (w && w->def) {
        st_definfo *info = st_info(c, w->def);
        if (info->bad || info->broken || (!w->def->of && (has_members(w->def) || has_value(w->def))))
            return NULL;
        if (has_members(w->def) || has_value(w->def)) return w->def;
        st_err(c, ST_MSG_CLAIM_OF, name->span, name->text, kind_words(c, w->def->kind));
        return NULL;
    }
    if (w) {
        st_err(c, ST_MSG_CLAIM_OF, name->span, name->text, "a table");
        return NULL;
    }
    st_near near = {0};
    for (uint32_t i = 0; i < c->defs.n; i++) {
        const st_def *d = c->defs.p[i];
        if (!d->hidden && (has_members(d) || has_value(d))) st_near_add(&near, name->text, d->name);
    }
    if (st_surely_unknown(c, &near, name->text))
        st_err(c, ST_MSG_UNKNOWN_NAME, name->span, name->text, st_did_you_mean(c->a, &near));
    return NULL;
}

/* offer.channel, offer.reason */
static bool find_answer_of_treatment(const st_ast *member, st_claim *claim)
{
    claim->ask = strcmp(member->text, "channel") == 0  ? ST_ASK_CHANNEL
                 : strcmp(member->text, "reason") == 0 ? ST_ASK_REASON
                                                       : ST_ASK_OWN;
    claim->type = st_type_of(ST_T_STRING);
    return claim->ask != ST_ASK_OWN;
}

/* loyalty.r, plan.cell */
static bool find_field(st_checker *c, const st_ast *ref, st_claim *claim)
{
    const st_ast *member = ref->kids[ST_REF_member];
    const st_def *d = claim->def;
    claim->ask = ST_ASK_FIELD;
    if (d->kind == ST_DEF_TREATMENT && find_answer_of_treatment(member, claim)) return true;
    if (d->kind == ST_DEF_RFM) {
        st_scope s = {.at = d->of};
        const st_expr *x = st_check_member(c, &s, ref);
        if (!x) return false;
        claim->field = (st_rfm_field)x->kind;
        claim->type = x->type;
        return true;
    }
    if (d->kind == ST_DEF_OVERLAY && strcmp(member->text, "cell") == 0) {
        claim->field = ST_RFM_CELL;
        claim->type = st_type_of(ST_T_STRING);
        return true;
    }
    st_err(c, ST_MSG_NO_MEMBERS, ref->span, d->name, member->text);
    return false;
}

/* What is asked of, with its type. */
static bool find_asked(st_checker *c, const st_ast *ref, st_claim *claim)
{
    bool member = ref->kind == ST_AST_REF;
    st_def *d = definition_named(c, member ? ref->kids[ST_REF_left] : ref);
    if (!d) return false;
    claim->def = d;
    if (member) return find_field(c, ref, claim);
    claim->type = d->type;
    if (d->kind == ST_DEF_RFM && !d->rfm->has_tiers)
        st_err(c, ST_MSG_RFM_HAS_NO_TIERS, ref->span, d->name);
    else if (d->kind == ST_DEF_OVERLAY && !d->overlay->has_actions)
        st_err(c, ST_MSG_OVERLAY_HAS_NO_ACTIONS, ref->span, d->name);
    else
        return true;
    return false;
}

static bool is_membership(uint32_t kind)
{
    return kind == ST_CLAIM_IN || kind == ST_CLAIM_NOT_IN;
}

/* Membership is asked of what has members, a value of what has one. */
static bool check_form(st_checker *c, const st_ast *ast, const st_claim *claim)
{
    const st_def *d = claim->def;
    const char *help;
    bool members = has_members(d) && claim->ask == ST_ASK_OWN;
    if (members == is_membership(claim->kind)) return true;
    if (members)
        help = st_format(c->a, "Write in %s or not in %s.", d->name, d->name);
    else if (claim->type.base == ST_T_LABEL && claim->type.labels->n)
        help = st_format(c->a, "Write for example %s = %s.", d->name, claim->type.labels->names[0]);
    else
        help = st_format(c->a, "Write for example %s = …, or %s is missing.", d->name, d->name);
    st_err(c, ST_MSG_CLAIM_FORM, ast->span, d->name,
           members ? "has members, not a value" : "is a value, not a group of rows", help);
    return false;
}

static bool is_order(uint32_t kind)
{
    return kind >= ST_LT && kind <= ST_GE;
}

static bool comparable(st_type a, st_type b)
{
    if (st_is_number(a)) return st_is_number(b);
    if (st_is_time(a)) return st_is_time(b);
    return a.base == b.base && !b.list;
}

static bool check_value(reading *q, const st_ast *ast, st_claim *claim)
{
    st_checker *c = q->c;
    const st_ast *value = ast->kids[ST_CLAIM_value];
    const char *asked = st_source_text(c, ast->kids[ST_CLAIM_ref]);
    st_type type = claim->type;
    bool ordered =
        st_is_number(type) || st_is_time(type) || st_is(type, ST_T_STRING) || st_is(type, ST_T_DISTANCE);
    if (is_order(claim->kind) && !ordered) {
        st_err(c, ST_MSG_CLAIM_FORM, ast->span, asked, "has no order: nothing is below or above",
               "Compare it with = or !=.");
        return false;
    }
    if (type.base == ST_T_LABEL) {
        const st_expr *x = st_check_label(c, type.labels, value);
        if (x) claim->value = x->value;
        return x != NULL;
    }
    literal l;
    if (!read_literal(q, value, &l)) return false;
    if (!l.list && comparable(type, l.values[0].type)) {
        claim->value = l.values[0];
        return true;
    }
    st_err(c, ST_MSG_CLAIM_VALUE, value->span, st_source_text(c, value), asked, st_kind_words(type));
    return false;
}

static bool find_row(reading *q, const st_ast *key, st_claim *claim)
{
    st_checker *c = q->c;
    const st_table *t = claim->def->of;
    st_map *keys = &q->keys[t->index];
    const st_expr *x = st_check_literal(c, key);
    st_value v;
    if (!t->key) return false; /* reported with the table */
    if (!x || !st_fit_value(x, t->key->type, &v)) {
        st_err(c, ST_MSG_VALUE_OF_COLUMN, key->span, st_source_text(c, key), t->key->name,
               st_kind_words(t->key->type));
        return false;
    }
    const char *words = key_words(c, &v);
    void *row = keys->arena ? st_map_get(keys, words, strlen(words)) : NULL;
    claim->key = st_str_of(words);
    if (row) {
        claim->row = (uint64_t)(uintptr_t)row - 1;
        return true;
    }
    if (q->doubtful[t->index]) return false;
    st_near near = {0};
    for (uint32_t i = 0; keys->arena && i < keys->entries.n; i++)
        st_near_add(&near, words, st_dup(c->a, keys->entries.p[i].key.p, keys->entries.p[i].key.n));
    const char *help = st_did_you_mean(c->a, &near);
    if (!*help)
        help = st_format(c->a, "Write a row %s { %s %s, … } in this test.", t->name, t->key->name, words);
    st_err(c, ST_MSG_TEST_UNKNOWN_KEY, key->span, t->name, words, help);
    return false;
}

static void read_expectation(reading *q, const st_ast *ast)
{
    st_checker *c = q->c;
    const st_ast *key = ast->kids[ST_EXPECT_key], *claims = ast->kids[ST_EXPECT_claims];
    const st_table *unknown = NULL; /* the key is not among its rows, which is said once */
    for (uint32_t i = 0; i < claims->n; i++) {
        const st_ast *it = claims->kids[i];
        st_claim claim = {.kind = it->op, .span = it->span};
        if (!find_asked(c, it->kids[ST_CLAIM_ref], &claim) || !check_form(c, it, &claim)) continue;
        if (claim.kind < ST_CLAIM_IN && !check_value(q, it, &claim)) continue;
        if (claim.def->of == unknown) continue;
        if (find_row(q, key, &claim))
            *(st_claim *)st_push(c->a, &q->t->claims) = claim;
        else
            unknown = claim.def->of;
    }
}

/* ---- what may not be left out ---- */

/* Of each row the first column that is read, left out, and may not be missing. */
static void check_left_out(reading *q, const st_table *t, const st_def *const *readers)
{
    st_checker *c = q->c;
    const st_test_table *its = &q->t->tables[t->index];
    ST_VEC(const st_col *) required = {0};
    for (uint32_t i = 0; i < t->ncols; i++)
        if (readers[i] && !t->cols[i].type.optional && !its->defaults[i].given)
            *st_push(c->a, &required) = &t->cols[i];
    for (uint32_t i = 0; i < its->rows.n; i++) {
        const st_test_row *row = &its->rows.p[i];
        for (uint32_t k = 0; k < required.n; k++) {
            const st_col *col = required.p[k];
            if (cell_of(its, row, col)->given) continue;
            const st_def *d = readers[col->index];
            st_err(c, ST_MSG_TEST_LEFT_OUT, row->span, t->name, col->name,
                   d->hidden ? "What is asked" : d->name);
            break;
        }
    }
}

static void check_reads(reading *q)
{
    st_checker *c = q->c;
    st_test *t = q->t;
    st_reads reads;
    const st_def **asked = st_new_n(c->a, const st_def *, t->claims.n + 1);
    for (uint32_t i = 0; i < t->claims.n; i++) asked[i] = t->claims.p[i].def;
    st_find_reads(c, asked, t->claims.n, &reads);
    t->ndefs = reads.all.n;
    t->defs = reads.all.p;
    for (uint32_t i = 0; i < reads.all.n; i++)
        if (reads.all.p[i]->of) t->tables[reads.all.p[i]->of->index].asked = true;
    for (uint32_t i = 0; i < c->tables.n; i++) {
        const st_table *table = c->tables.p[i];
        const st_def *const *readers = reads.readers[i];
        if (!readers) continue; /* ties order rows whose times are read */
        uint32_t ncols = table->ncols + table->nhidden;
        bool *columns = st_new_n(c->a, bool, (size_t)ncols + 1);
        for (uint32_t k = 0; k < ncols; k++) columns[k] = readers[k] || (reads.ties[i] && reads.ties[i][k]);
        t->tables[i].reads = columns;
        if (t->tables[i].rows.n) check_left_out(q, table, readers);
    }
}

/* ---- a test ---- */

/* A day, an instant, or a parameter that is one. */
static bool read_instant(st_checker *c, const st_ast *ast, int64_t *out)
{
    st_scope nowhere = {0};
    bool fits = ast->kind == ST_AST_DATE || ast->kind == ST_AST_TIMESTAMP ||
                (ast->kind == ST_AST_NAME && (ast->op || !st_is_time_word(ast->text)));
    const st_expr *x = fits ? st_check_expr(c, &nowhere, ast) : NULL;
    if (fits && !x) return false;
    if (x && st_is_const(x) && st_is_time(x->type)) {
        *out = x->type.base == ST_T_DATE ? st_start_of_day(c->p->zone, x->value.as.i) : x->value.as.i;
        return true;
    }
    st_err(c, ST_MSG_TEST_INSTANT, ast->span, st_source_text(c, ast));
    return false;
}

static void start_reading(reading *q, st_checker *c, st_test *t, const st_ast ***fallback)
{
    size_t n = c->tables.n + 1;
    *q = (reading){.c = c,
                   .t = t,
                   .fallback = fallback,
                   .defaults = st_new_n(c->a, st_cell *, n),
                   .stamps = st_new_n(c->a, uint32_t *, n),
                   .keys = st_new_n(c->a, st_map, n),
                   .doubtful = st_new_n(c->a, bool, n)};
    if (t) t->tables = st_new_n(c->a, st_test_table, n);
}

static void read_test(st_checker *c, const st_ast *ast, const st_ast ***fallback, bool sound, st_test *t)
{
    const st_ast *items = ast->kids[ST_TEST_items];
    uint32_t before = c->diags->errors;
    reading q;
    start_reading(&q, c, t, fallback);
    for (uint32_t i = 0; i < items->n; i++)
        if (items->kids[i]->kind == ST_AST_TEST_DEFAULTS) read_defaults(&q, items->kids[i]);
    for (uint32_t i = 0; i < items->n; i++)
        if (items->kids[i]->kind == ST_AST_TEST_ROW) read_row(&q, items->kids[i]);
    for (uint32_t i = 0; i < c->tables.n; i++)
        if (t->tables[i].rows.n) warn_links(&q, c->tables.p[i]);
    bool expects = false;
    for (uint32_t i = 0; i < items->n; i++) {
        if (items->kids[i]->kind != ST_AST_EXPECT) continue;
        expects = true;
        read_expectation(&q, items->kids[i]);
    }
    if (!expects) st_err(c, ST_MSG_TEST_EXPECTS_NOTHING, t->span);
    if (sound && c->diags->errors == before) check_reads(&q);
}

void st_check_tests(st_checker *c, const st_parse *files, uint32_t nfiles)
{
    const st_ast ***fallback = st_new_n(c->a, const st_ast **, c->tables.n + 1);
    ST_VEC(st_test *) tests = {0};
    st_map titles;
    st_map_init(&titles, c->a);
    reading q;
    start_reading(&q, c, NULL, fallback);
    for (uint32_t i = 0; i < nfiles; i++)
        for (uint32_t k = 0; k < files[i].root->n; k++)
            if (files[i].root->kids[k]->kind == ST_AST_TEST_DEFAULTS)
                read_defaults(&q, files[i].root->kids[k]);
    /* What rules read is known where they have no errors; what rows give, where the defaults have none. */
    bool sound = c->diags->errors == 0;
    for (uint32_t i = 0; i < nfiles; i++) {
        for (uint32_t k = 0; k < files[i].root->n; k++) {
            const st_ast *ast = files[i].root->kids[k];
            if (ast->kind != ST_AST_TEST) continue;
            st_test *t = st_new(c->a, st_test);
            t->title = ast->kids[ST_TEST_title]->text;
            t->span = ast->kids[ST_TEST_title]->span;
            bool is_new;
            st_map_put(&titles, t->title, strlen(t->title), &is_new);
            if (!is_new) st_err(c, ST_MSG_TEST_TWICE, t->span);
            if (!read_instant(c, ast->kids[ST_TEST_as_of], &t->as_of)) continue;
            read_test(c, ast, fallback, sound, t);
            *st_push(c->a, &tests) = t;
        }
    }
    c->p->ntests = tests.n;
    c->p->tests = tests.p;
}
