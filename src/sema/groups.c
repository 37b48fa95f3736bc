/* rows … per: groups of rows within each entity. Groups are a table of their own (st_derived), whose rows no file holds; what
 * stands in the braces are traits of that table, so everything behind the checker meets nothing new: a group belongs to its
 * entity and a row to its group by links, and a group is visible where the source has a row of it. */
#include "sema/check.h"

bool st_groups_rows(const st_ast *rows)
{
    return rows->kids[ST_ROWS_per] != NULL;
}

const char *st_field_name(const st_def *field)
{
    return field->ast->kids[ST_ROW_COLUMN_name]->text;
}

st_def *st_find_field(const st_table *t, const char *name)
{
    for (uint32_t i = 0; t && t->derived && i < t->derived->nfields; i++)
        if (strcmp(st_field_name(t->derived->fields[i]), name) == 0) return t->derived->fields[i];
    return NULL;
}

/* ---- what rows are grouped by ---- */

/* The column of the source that stands behind `per`; NULL: reported. */
static const st_col *find_key(st_checker *c, const st_table *source, const st_ast *name)
{
    if (name->kind == ST_AST_REF) {
        const st_ast *link = name->kids[ST_REF_left], *member = name->kids[ST_REF_member];
        st_err(c, ST_MSG_GROUP_BY_LINKED, name->span, source->name, member->text, link->text);
        return NULL;
    }
    const st_col *col = st_find_col(source, name->text);
    if (!col && st_find_field(source, name->text)) {
        st_err(c, ST_MSG_GROUP_BY_FIELD, name->span, name->text, source->name);
        return NULL;
    }
    if (!col) {
        st_near near = {0};
        for (uint32_t i = 0; i < source->ncols; i++) st_near_add(&near, name->text, source->cols[i].name);
        if (st_surely_unknown(c, &near, name->text))
            st_err(c, ST_MSG_UNKNOWN_COLUMN, name->span, source->name, name->text,
                   st_near_or_columns(c, &near, source));
        return NULL;
    }
    if (!col->type.list && col->type.base != ST_T_FLOAT) return col;
    st_err(c, ST_MSG_GROUP_BY, name->span, name->text, col->type.list ? "a list" : "a float");
    return NULL;
}

/* Fills the columns of groups; keys: those of the source that they are copies of. */
static bool take_keys(st_checker *c, st_table *t, const st_col **keys, const st_table *source,
                      const st_ast *names)
{
    bool ok = true;
    for (uint32_t i = 0; i < names->n; i++) {
        const st_col *key = find_key(c, source, names->kids[i]);
        if (key && st_find_col(t, key->name)) {
            st_err(c, ST_MSG_DUPLICATE_COLUMN, names->kids[i]->span, t->name, key->name);
            key = NULL;
        }
        if (!key) {
            ok = false;
            continue;
        }
        keys[t->ncols] = key;
        t->cols[t->ncols] = (st_col){.name = key->name,
                                     .index = t->ncols,
                                     .table = t,
                                     .type = key->type,
                                     .changes = key->changes,
                                     .pii = key->pii,
                                     .links_to = key->links_to,
                                     .none_of_these = key->none_of_these,
                                     .one_of = key->one_of,
                                     .low = key->low,
                                     .high = key->high,
                                     .span = names->kids[i]->span};
        t->ncols++;
    }
    return ok;
}

/* ---- the table of groups ---- */

/* A link that no rule can name, behind the columns of its table. */
static const st_col *add_hidden_link(st_table *t, const char *name, st_table *to, st_span span)
{
    uint32_t index = t->ncols + t->nhidden++;
    t->cols[index] = (st_col){.name = name,
                              .index = index,
                              .table = t,
                              .type = {.base = ST_T_INT, .optional = true, .digits = 19},
                              .links_to = to,
                              .span = span};
    return &t->cols[index];
}

static bool room_for_groups(st_checker *c, const st_table *source, st_span span)
{
    if (c->tables.n == ST_MAX_TABLES) {
        st_err(c, ST_MSG_TOO_MANY, span, "tables and groups", "a rule set",
               st_format(c->a, "%d", ST_MAX_TABLES));
        return false;
    }
    if (source->nhidden < ST_MAX_GROUPINGS) return true;
    st_err(c, ST_MSG_TOO_MANY, span, "groups", source->name, st_format(c->a, "%d", ST_MAX_GROUPINGS));
    return false;
}

static st_path one_step(st_checker *c, const st_col *link)
{
    st_path path = {1, st_new_n(c->a, const st_col *, 1)};
    path.steps[0] = link;
    return path;
}

/* The rows of a group: those that exist and lead, over rows that exist, to an entity that exists, and that the source names. */
static st_rowset rows_of_group(st_checker *c, const st_derived *g, const st_source_parts *parts)
{
    st_rowset rows = {.table = g->source, .path = one_step(c, g->member), .name = parts->rows.name};
    for (uint32_t i = 0; i < g->path.n; i++) {
        st_expr *keep = g->path.steps[i]->links_to->keep;
        if (keep) st_add_filter(c, &rows, st_x_through(c, &g->path, i + 1, keep, keep->span));
    }
    for (uint32_t i = 0; i < parts->rows.nfilters; i++) st_add_filter(c, &rows, parts->rows.filters[i].where);
    return rows;
}

static st_expr *any_row(st_checker *c, const st_table *t, const st_rowset *rows, st_span span)
{
    st_expr *any = st_x(c, ST_X_AGGREGATE, st_type_of(ST_T_BOOL), span, 0);
    any->at = t;
    any->kind = ST_AGG_ANY;
    any->rows = *rows;
    return any;
}

/* Which rows are the last n depends on the entity, and is known before they are grouped: no filter of a group. */
static bool names_last_rows(st_checker *c, const st_rowset *rows, const st_ast *source)
{
    for (uint32_t i = 0; i < rows->nfilters; i++) {
        if (rows->filters[i].kind != ST_FILTER_LAST) continue;
        st_err(c, ST_MSG_GROUPS_OF_LAST, source->span, source->kids[ST_SOURCE_name]->text);
        return true;
    }
    return false;
}

static void add_field(st_checker *c, st_def *d, st_table *t, st_derived *g, const st_ast *column)
{
    const st_ast *name = column->kids[ST_ROW_COLUMN_name];
    if (st_is_time_word(name->text)) {
        st_err(c, ST_MSG_TIME_WORD_NAME, name->span, name->text);
        return;
    }
    if (st_find_col(t, name->text) || st_find_field(t, name->text)) {
        st_err(c, ST_MSG_DUPLICATE_COLUMN, name->span, t->name, name->text);
        return;
    }
    st_def *field = st_hide(c, d, ST_DEF_TRAIT, st_format(c->a, "%s.%s", d->name, name->text));
    st_info(c, field)->state =
        ST_UNCHECKED; /* when it is needed, or at last: fields may speak of each other */
    field->of = t;
    field->ast = column;
    field->span = name->span;
    g->fields[g->nfields++] = field;
}

bool st_check_groups(st_checker *c, st_def *d, const st_source_parts *parts, const char *by)
{
    const st_ast *source = d->ast->kids[ST_ROWS_source], *per = d->ast->kids[ST_ROWS_per],
                 *block = d->ast->kids[ST_ROWS_block];
    const st_ast *of = d->ast->kids[ST_ROWS_of];
    st_table *entity = of ? st_find_table(c, of) : st_main_table(c, d->name, d->span);
    if (!entity || names_last_rows(c, &parts->rows, source)) return false;
    const st_path *path = st_find_rows_path(c, parts->table, entity, by, source->span);
    if (!path || !room_for_groups(c, parts->table, d->span)) return false;

    st_table *t = st_new(c->a, st_table);
    st_derived *g = st_new(c->a, st_derived);
    *g = (st_derived){.source = parts->table, .path = *path, .def = d};
    t->name = d->name;
    t->span = d->span;
    t->cols = st_new_n(c->a, st_col, per->n + 1 + (size_t)ST_MIN(c->ngroupings, (uint32_t)ST_MAX_GROUPINGS));
    g->keys = st_new_n(c->a, const st_col *, per->n);
    if (!take_keys(c, t, g->keys, parts->table, per)) return false;
    t->index = c->tables.n;
    *st_push(c->a, &c->tables) = t;
    g->up = one_step(c, add_hidden_link(t, path->steps[0]->name, entity, d->span));
    g->member = add_hidden_link(parts->table, d->name, t, d->span);
    g->rows = rows_of_group(c, g, parts);
    g->fields = st_new_n(c->a, st_def *, block ? block->n : 0);
    t->derived = g;
    t->visible = any_row(c, t, &g->rows, d->span);
    for (uint32_t i = 0; block && i < block->n; i++)
        if (block->kids[i]->kind == ST_AST_ROW_COLUMN) add_field(c, d, t, g, block->kids[i]);
    d->of = t;
    return true;
}

/* ---- what stands in the braces ---- */

bool st_check_own_rows(st_checker *c, const st_scope *s, const st_ast *source, st_source_parts *out)
{
    const st_derived *g = s->at->derived;
    const st_ast *name = source->kids[ST_SOURCE_name], *link = source->kids[ST_SOURCE_link];
    if (link || strcmp(name->text, g->rows.name) != 0) {
        const st_ast *odd = link ? link : name;
        st_err(c, ST_MSG_ROWS_OF_GROUP, odd->span, s->at->name, g->rows.name);
        return false;
    }
    out->table = (st_table *)g->rows.table;
    out->rows = g->rows;
    return true;
}

void st_check_field(st_checker *c, st_def *field)
{
    const st_derived *g = field->of->derived;
    const st_ast *expr = field->ast->kids[ST_ROW_COLUMN_expr];
    st_scope s = {.at = field->of, .def = field, .path = &g->up, .rows = &g->rows};
    st_use(c, &s, (st_def *)g->def);
    st_check_value(c, field, &s, expr);
}
