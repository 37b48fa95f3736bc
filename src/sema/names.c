/* What a word means where it stands, and what to say where it means nothing.
 *
 * Order of lookup: words of time (now, today …) unless in backticks; a column of the row in hand; a definition of its
 * table; a parameter. What belongs to another table is read through its name (customers.country) or through a link
 * column (recipient_id.country). */
#include "sema/check.h"

const st_word *st_lookup(const st_checker *c, const char *name)
{
    return st_map_get(&c->words, name, strlen(name));
}

void st_report_duplicate(st_checker *c, const st_ast *name, st_span first)
{
    st_place at = st_place_of(c->sources, first.file, first.start);
    const char *file = c->sources->files.p[first.file].name;
    const char *where = first.file == name->span.file ? st_format(c->a, "in line %u", at.line)
                                                      : st_format(c->a, "in %s, line %u", file, at.line);
    st_err(c, ST_MSG_DUPLICATE_NAME, name->span, name->text, where);
}

const char *st_near_or_columns(st_checker *c, const st_near *near, const st_table *t)
{
    st_buf b = {0};
    if (near->n) return st_did_you_mean(c->a, near);
    uint32_t nfields = t->derived ? t->derived->nfields : 0, n = t->ncols + nfields;
    st_buf_printf(c->a, &b, "The columns of %s are ", t->name);
    for (uint32_t i = 0; i < ST_MIN(n, 8u); i++)
        st_buf_printf(c->a, &b, "%s%s", i ? ", " : "",
                      i < t->ncols ? t->cols[i].name : st_field_name(t->derived->fields[i - t->ncols]));
    st_buf_puts(c->a, &b, n > 8 ? " …" : ".");
    return n ? st_buf_text(c->a, &b) : "";
}

const char *st_near_or_tables(st_checker *c, const st_near *near)
{
    st_buf b = {0};
    if (near->n || c->ndeclared == 0) return st_did_you_mean(c->a, near);
    st_buf_puts(c->a, &b, "The tables are ");
    for (uint32_t i = 0; i < ST_MIN(c->ndeclared, 8u); i++)
        st_buf_printf(c->a, &b, "%s%s", i ? ", " : "", c->tables.p[i]->name);
    st_buf_puts(c->a, &b, c->ndeclared > 8 ? " …" : ".");
    return st_buf_text(c->a, &b);
}

st_col *st_find_col(const st_table *t, const char *name)
{
    for (uint32_t i = 0; t && i < t->ncols; i++)
        if (strcmp(t->cols[i].name, name) == 0) return &t->cols[i];
    return NULL;
}

st_definfo *st_info(const st_checker *c, const st_def *d)
{
    return c->info.p[d->index];
}

void st_use(st_checker *c, const st_scope *s, st_def *d)
{
    st_def *user = s->def;
    if (!user || user == d) return;
    for (uint32_t i = 0; i < user->nuses; i++)
        if (user->uses[i] == d) return;
    if ((user->nuses & (user->nuses - 1)) == 0) { /* full at every power of two */
        st_def **more = st_new_n(c->a, st_def *, user->nuses ? (size_t)user->nuses * 2 : 1);
        for (uint32_t i = 0; i < user->nuses; i++) more[i] = user->uses[i];
        user->uses = more;
    }
    user->uses[user->nuses++] = d;
}

const char *st_source_text(st_checker *c, const st_ast *ast)
{
    st_str s = st_span_text(c->sources, ast->span);
    st_buf b = {0};
    bool blank = false;
    for (uint32_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        if (ch == ' ' || ch == '\n' || ch == '\t' || ch == '\r') {
            blank = true;
            continue;
        }
        if (blank) st_buf_puts(c->a, &b, " ");
        blank = false;
        st_buf_add(c->a, &b, &ch, 1);
    }
    return st_buf_text(c->a, &b);
}

static bool one_of_words(const char *name, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, words[i]) == 0) return true;
    return false;
}

bool st_is_time_word(const char *name)
{
    static const char *const words[] = {"now", "today", "yesterday", "tomorrow"};
    return one_of_words(name, words, ST_COUNT(words));
}

static st_expr *time_word(st_checker *c, const st_ast *name)
{
    if (strcmp(name->text, "now") == 0) return st_x_now(c, name->span);
    st_expr *today = st_x_today(c, name->span);
    if (strcmp(name->text, "today") == 0) return today;
    return st_x_shift_n(c, today, strcmp(name->text, "tomorrow") == 0 ? 1 : -1, ST_DAY, name->span);
}

/* ---- links between tables ---- */

/* Columns of a table that may be links to follow: those of groups include the one to whose they are. The link from a row to
 * its group is no way to anywhere. */
static uint32_t link_columns(const st_table *t)
{
    return t->ncols + (t->derived ? 1u : 0u);
}

/* The shortest ways over links: from `from` to every table, how long and how many. */
typedef struct reach {
    uint32_t *steps;      /* by table; UINT32_MAX: not reached */
    uint32_t *ways;       /* of that length, at most 2 */
    const st_col **entry; /* the link that enters the table on one such way */
} reach;

static reach reach_from(st_checker *c, const st_table *from)
{
    uint32_t n = c->tables.n;
    reach r = {st_new_n(c->a, uint32_t, n), st_new_n(c->a, uint32_t, n), st_new_n(c->a, const st_col *, n)};
    const st_table **queue = st_new_n(c->a, const st_table *, n);
    for (uint32_t i = 0; i < n; i++) r.steps[i] = UINT32_MAX;
    r.steps[from->index] = 0;
    r.ways[from->index] = 1;
    uint32_t head = 0, tail = 0;
    queue[tail++] = from;
    while (head < tail) {
        const st_table *t = queue[head++];
        for (uint32_t i = 0; i < link_columns(t); i++) {
            const st_col *col = &t->cols[i];
            if (!col->links_to) continue;
            uint32_t to = col->links_to->index;
            if (r.steps[to] == UINT32_MAX) {
                r.steps[to] = r.steps[t->index] + 1;
                r.entry[to] = col;
                queue[tail++] = col->links_to;
            } else if (r.steps[to] != r.steps[t->index] + 1) {
                continue;
            }
            r.ways[to] = ST_MIN(r.ways[to] + r.ways[t->index], 2u);
        }
    }
    return r;
}

/* Writes the steps from the start of `r` to `to` in front of `end`; returns the place of the first. */
static const st_col **lay_steps(const reach *r, const st_table *to, const st_col **end)
{
    for (uint32_t n = r->steps[to->index]; n > 0; n--) {
        *--end = r->entry[to->index];
        to = r->entry[to->index]->table;
    }
    return end;
}

/* The best way from `from` to `to` that takes the link `via`: its length and number of ways; UINT32_MAX: none. */
typedef struct way {
    uint32_t steps, ways;
    const st_col *via;
} way;

static way way_via(st_checker *c, const reach *r, const st_col *via, const st_table *to)
{
    if (r->steps[via->table->index] == UINT32_MAX) return (way){UINT32_MAX, 0, via};
    reach rest = reach_from(c, via->links_to);
    if (rest.steps[to->index] == UINT32_MAX) return (way){UINT32_MAX, 0, via};
    uint32_t ways = ST_MIN(r->ways[via->table->index] * rest.ways[to->index], 2u);
    return (way){r->steps[via->table->index] + 1 + rest.steps[to->index], ways, via};
}

static st_path *path_via(st_checker *c, const reach *r, const way *w, const st_table *to)
{
    st_path *path = st_new(c->a, st_path);
    path->n = w->steps;
    path->steps = st_new_n(c->a, const st_col *, w->steps);
    const st_col **at = lay_steps(r, w->via->table, path->steps + r->steps[w->via->table->index]);
    assert(at == path->steps);
    (void)at;
    path->steps[r->steps[w->via->table->index]] = w->via;
    reach rest = reach_from(c, w->via->links_to);
    lay_steps(&rest, to, path->steps + w->steps);
    return path;
}

/* Considers every link named `by` (NULL: every link of `from` itself) and keeps the best. */
static way best_way(st_checker *c, const reach *r, const st_table *from, const st_table *to, const char *by)
{
    way best = {UINT32_MAX, 0, NULL};
    for (uint32_t t = 0; t < c->tables.n; t++) {
        const st_table *table = c->tables.p[t];
        if (!by && table != from) continue;
        for (uint32_t i = 0; i < link_columns(table); i++) {
            const st_col *col = &table->cols[i];
            if (!col->links_to || (by && strcmp(col->name, by) != 0)) continue;
            way w = way_via(c, r, col, to);
            if (w.steps < best.steps)
                best = w;
            else if (w.steps == best.steps && w.steps != UINT32_MAX)
                best.ways = 2;
        }
    }
    return best;
}

bool st_links(st_checker *c, const st_table *from, const st_table *to)
{
    reach r = reach_from(c, from);
    return best_way(c, &r, from, to, NULL).steps != UINT32_MAX;
}

/* The link columns by which the ways of equal length differ, as "buyer_id or recipient_id". */
static const char *rival_links(st_checker *c, const reach *r, const st_table *to, uint32_t steps)
{
    st_buf b = {0};
    const char *last = NULL;
    uint32_t found = 0;
    for (uint32_t t = 0; t < c->tables.n; t++) {
        const st_table *table = c->tables.p[t];
        uint32_t here = 0, from_here = 0;
        for (uint32_t i = 0; i < link_columns(table); i++)
            if (table->cols[i].links_to && way_via(c, r, &table->cols[i], to).steps == steps) from_here++;
        for (uint32_t i = 0; from_here > 1 && i < link_columns(table); i++) {
            const st_col *col = &table->cols[i];
            if (!col->links_to || way_via(c, r, col, to).steps != steps) continue;
            if (last) st_buf_printf(c->a, &b, "%s%s", found > 1 ? ", " : "", last);
            last = col->name;
            found++;
            here++;
        }
        if (here > 1) break;
    }
    if (!last) return "the links";
    return st_format(c->a, "%s or %s", st_buf_text(c->a, &b), last);
}

/* What could stand behind `by`: links near the word, else all links of the table. */
static const char *link_names(st_checker *c, const st_table *from, const char *word)
{
    st_near near = {0};
    st_buf b = {0};
    uint32_t n = 0;
    for (uint32_t i = 0; i < link_columns(from); i++) {
        if (!from->cols[i].links_to) continue;
        st_near_add(&near, word, from->cols[i].name);
        st_buf_printf(c->a, &b, "%s%s", n++ ? ", " : "", from->cols[i].name);
    }
    if (near.n || !n) return st_did_you_mean(c->a, &near);
    return st_format(c->a, "%s of %s: %s.", n == 1 ? "The link" : "The links", from->name,
                     st_buf_text(c->a, &b));
}

const st_path *st_find_path(st_checker *c, const st_table *from, const st_table *to, const char *by,
                            st_span span)
{
    reach r = reach_from(c, from);
    way best = best_way(c, &r, from, to, by);
    if (best.steps == UINT32_MAX && by) {
        if (!c->incomplete)
            st_err(c, ST_MSG_NO_SUCH_LINK, span, by, from->name, to->name, link_names(c, from, by));
        return NULL;
    }
    if (best.steps == UINT32_MAX && from == to) {
        st_err(c, ST_MSG_OWN_ROWS, span, from->name);
        return NULL;
    }
    if (best.steps == UINT32_MAX) {
        if (!c->incomplete) st_err(c, ST_MSG_NO_LINK, span, from->name, to->name);
        return NULL;
    }
    if (best.ways > 1) {
        st_err(c, ST_MSG_SEVERAL_LINKS, span, from->name, to->name, rival_links(c, &r, to, best.steps));
        return NULL;
    }
    return path_via(c, &r, &best, to);
}

const st_path *st_find_rows_path(st_checker *c, const st_table *from, const st_table *to, const char *by,
                                 st_span span)
{
    const st_derived *groups = from->derived;
    if (groups && !by && groups->up.steps[0]->links_to == to) return &groups->up;
    return st_find_path(c, from, to, by, span);
}

/* ---- definitions ---- */
st_expr *st_x_def(st_checker *c, const st_scope *s, st_def *d, st_span span)
{
    if (!st_ensure(c, d, span)) return NULL;
    const st_definfo *info = st_info(c, d);
    bool own_type = d->kind == ST_DEF_SEGMENT || d->kind == ST_DEF_LIST || d->kind == ST_DEF_TIERS ||
                    d->kind == ST_DEF_RFM || d->kind == ST_DEF_HOLDOUT || d->kind == ST_DEF_EXPERIMENT ||
                    d->kind == ST_DEF_OVERLAY || d->kind == ST_DEF_CLUSTER;
    if (info->broken || (info->bad && !own_type)) return NULL;
    if (d->kind == ST_DEF_RFM && !d->rfm->has_tiers) {
        if (!info->bad) st_err(c, ST_MSG_RFM_HAS_NO_TIERS, span, d->name);
        return NULL;
    }
    if (d->kind == ST_DEF_OVERLAY && !d->overlay->has_actions) {
        if (!info->bad) st_err(c, ST_MSG_OVERLAY_HAS_NO_ACTIONS, span, d->name);
        return NULL;
    }
    st_use(c, s, d);
    st_expr *x = st_x(c, ST_X_DEF, d->type, span, 0);
    x->def = d;
    x->at = d->of;
    return x;
}

static st_expr *param_value(st_checker *c, const st_scope *s, st_def *d, const st_ast *name)
{
    if (!st_ensure(c, d, name->span) || st_info(c, d)->bad) return NULL;
    if (d->type.list) {
        st_err(c, ST_MSG_LIST_AS_VALUE, name->span, d->name);
        return NULL;
    }
    st_use(c, s, d);
    return st_x_const(c, d->value, name->span);
}

/* ---- what to say about a word that means nothing here ---- */
static void near_columns(st_near *near, const char *word, const st_table *t)
{
    for (uint32_t i = 0; t && i < t->ncols; i++) st_near_add(near, word, t->cols[i].name);
    for (uint32_t i = 0; t && t->derived && i < t->derived->nfields; i++)
        st_near_add(near, word, st_field_name(t->derived->fields[i]));
}

static void near_definitions(const st_checker *c, st_near *near, const char *word, const st_table *of)
{
    for (uint32_t i = 0; i < c->defs.n; i++) {
        const st_def *d = c->defs.p[i];
        bool read = d->kind == ST_DEF_PARAM || (d->of == of && d->kind != ST_DEF_ROWS && !st_is_no_value(d));
        if (!d->hidden && read) st_near_add(near, word, d->name);
    }
}

/* The definition that has this label, or NULL. Labels stand in the tree also where the definition is not yet checked. */
static const st_def *owner_of_label(const st_checker *c, const char *word)
{
    for (uint32_t i = 0; i < c->defs.n; i++) {
        const st_def *d = c->defs.p[i];
        for (uint32_t k = 0; k < d->labels.n; k++)
            if (strcmp(d->labels.names[k], word) == 0) return d;
        if (d->hidden || d->kind != ST_DEF_TIERS || d->ast->kind != ST_AST_TIERS || d->labels.n) continue;
        const st_ast *items = d->ast->kids[ST_TIERS_items];
        for (uint32_t k = 0; k < items->n; k++)
            if (items->kids[k]->kind == ST_AST_TIER && items->kids[k]->kids[ST_TIER_label] &&
                strcmp(items->kids[k]->kids[ST_TIER_label]->text, word) == 0)
                return d;
    }
    return NULL;
}

/* The tables from which the row in hand is counted (rows lead to it) and that have this column. */
static const st_table *table_with_column(st_checker *c, const st_table *at, const char *word, bool below)
{
    for (uint32_t i = 0; i < c->tables.n; i++) {
        const st_table *t = c->tables.p[i];
        if (t == at || !(st_find_col(t, word) || st_find_field(t, word))) continue;
        if (below ? st_links(c, t, at) : st_links(c, at, t)) return t;
    }
    return NULL;
}

static bool is_null_word(const char *name)
{
    static const char *const words[] = {"null",  "NULL",  "Null", "none", "None",      "nil",
                                        "empty", "blank", "NA",   "na",   "undefined", "unknown"};
    return one_of_words(name, words, ST_COUNT(words));
}

static void report_definition_elsewhere(st_checker *c, const st_scope *s, const st_word *w,
                                        const st_ast *name)
{
    const st_table *at = s->at;
    if (w->table || w->def->kind == ST_DEF_ROWS) {
        st_err(c, ST_MSG_ROWS_AS_VALUE, name->span, name->text);
        return;
    }
    const st_def *d = w->def;
    if (st_is_no_value(d)) {
        st_err(c, ST_MSG_NO_VALUE, name->span, d->name, d->kind == ST_DEF_AUDIENCE ? "an" : "a",
               st_def_kind_names[d->kind]);
        return;
    }
    if (!d->of) return; /* its entity is not clear, which has been reported */
    const char *help;
    if (st_links(c, at, d->of))
        help = st_format(c->a, "Read it through the link: %s.%s.", d->of->name, d->name);
    else if (st_links(c, d->of, at) && st_is(d->type, ST_T_BOOL) && d->kind != ST_DEF_TRAIT)
        help = st_format(c->a, "Ask for them with any(%s where %s) or count(%s where %s).", d->of->name,
                         d->name, d->of->name, d->name);
    else if (st_links(c, d->of, at))
        help = st_format(c->a, "Ask for it over rows, for example max(%s of %s).", d->name, d->of->name);
    else
        help = st_format(c->a, "Say of %s behind the name of the definition.", d->of->name);
    st_err(c, ST_MSG_OTHER_ENTITY, name->span, d->name, d->of->name, at->name, help);
}

/* 1 for january; 0: not a month. */
static uint32_t month_number(const char *word)
{
    static const char *const months[] = {"january",   "february", "march",    "april",
                                         "may",       "june",     "july",     "august",
                                         "september", "october",  "november", "december"};
    for (uint32_t i = 0; i < ST_COUNT(months); i++)
        if (strcmp(months[i], word) == 0) return i + 1;
    return 0;
}

static void report_unknown(st_checker *c, const st_scope *s, const st_ast *name, const st_ast *opposite,
                           const st_expr *other)
{
    const char *word = name->text, *help;
    const st_def *owner;
    const st_table *t;
    st_near near = {0};
    if (is_null_word(word)) {
        st_err(c, ST_MSG_NO_NULL, name->span, word, opposite ? st_source_text(c, opposite) : "email");
        return;
    }
    if (!s->at) {
        st_err(c, ST_MSG_PARAM_VALUE, name->span);
        return;
    }
    near_columns(&near, word, s->at);
    near_definitions(c, &near, word, s->at);
    bool beside_text = other && st_is(other->type, ST_T_STRING) && !st_is_const(other);
    if (!st_surely_unknown(c, &near, word) && !beside_text) return;
    if (beside_text && near.n == 0) {
        st_err(c, ST_MSG_TEXT_WITHOUT_QUOTES, name->span, word);
        return;
    }
    if ((owner = owner_of_label(c, word))) {
        st_err(c, ST_MSG_LABEL_AS_VALUE, name->span, word, owner->name);
        return;
    }
    uint32_t month = other && other->op == ST_X_PART && other->part == ST_PART_MONTH ? month_number(word) : 0;
    if (month)
        help = st_format(c->a, "Months are numbers: %u. ", month);
    else if (beside_text)
        help = st_format(c->a, "Text goes in quotes: \"%s\". ", word);
    else if ((t = table_with_column(c, s->at, word, false)))
        help = st_format(c->a, "It is a column of %s: write %s.%s. ", t->name, t->name, word);
    else if ((t = table_with_column(c, s->at, word, true)))
        help = st_format(c->a, "It is a column of %s, of which there are many: for example %s(%s of %s). ",
                         t->name, t->derived ? "max" : "last", word, t->name);
    else
        help = "";
    help = st_format(c->a, "%s%s", help,
                     *help ? st_did_you_mean(c->a, &near) : st_near_or_columns(c, &near, s->at));
    if (s->outer || !s->def)
        st_err(c, ST_MSG_UNKNOWN_COLUMN, name->span, s->at->name, word, help);
    else
        st_err(c, ST_MSG_UNKNOWN_NAME, name->span, word, help);
}

/* In the braces of groups, count is that of the group's rows. */
static bool is_count_of_group(const st_scope *s, const st_ast *name)
{
    return !name->op && s->rows && s->at->derived && strcmp(name->text, "count") == 0;
}

bool st_word_resolves(st_checker *c, const st_scope *s, const st_ast *name)
{
    if (!name->op && (st_is_time_word(name->text) || is_count_of_group(s, name))) return true;
    return (s->at && (st_find_col(s->at, name->text) || st_find_field(s->at, name->text))) ||
           st_lookup(c, name->text);
}

st_expr *st_check_word(st_checker *c, const st_scope *s, const st_ast *name, const st_ast *opposite,
                       const st_expr *other)
{
    if (!name->op && st_is_time_word(name->text)) return time_word(c, name);
    if (is_count_of_group(s, name)) return st_count_of_scope(c, s, name->span);
    const st_col *col = st_find_col(s->at, name->text);
    if (col) return st_x_column(c, col, name->span);
    st_def *field = st_find_field(s->at, name->text);
    if (field) return st_x_def(c, s, field, name->span);
    for (const st_named_step *step = s->steps; step; step = step->next)
        if (strcmp(step->name, name->text) == 0) {
            st_err(c, ST_MSG_STEP_AS_VALUE, name->span, name->text);
            return NULL;
        }
    const st_word *w = st_lookup(c, name->text);
    if (!w) {
        report_unknown(c, s, name, opposite, other);
        return NULL;
    }
    if (w->def && st_info(c, w->def)->broken) return NULL;
    if (w->def && w->def->kind == ST_DEF_PARAM) return param_value(c, s, w->def, name);
    if (w->def && w->def->kind == ST_DEF_PLACE) {
        st_err(c, ST_MSG_PLACE_AS_VALUE, name->span, name->text);
        return NULL;
    }
    if (!s->at) {
        st_err(c, ST_MSG_PARAM_VALUE, name->span);
        return NULL;
    }
    if (w->def && w->def->kind != ST_DEF_ROWS && !st_is_no_value(w->def) && w->def->of == s->at)
        return st_x_def(c, s, w->def, name->span);
    report_definition_elsewhere(c, s, w, name);
    return NULL;
}

/* ---- left.member ---- */
static const struct {
    const char *name;
    int part; /* -1: the cell */
} fields[] = {{"r", 0}, {"f", 1}, {"m", 2}, {"recency", 0}, {"frequency", 1}, {"monetary", 2}, {"cell", -1}};

bool st_is_rfm_field(const char *name)
{
    for (uint32_t i = 0; i < ST_COUNT(fields); i++)
        if (strcmp(fields[i].name, name) == 0) return true;
    return false;
}

static st_expr *rfm_member(st_checker *c, const st_scope *s, st_def *d, const st_ast *member, st_span span)
{
    if (!st_ensure(c, d, span) || st_info(c, d)->bad) return NULL;
    for (uint32_t i = 0; i < ST_COUNT(fields); i++) {
        if (strcmp(fields[i].name, member->text) != 0) continue;
        if (fields[i].part >= 0 && !d->rfm->has[fields[i].part]) {
            st_err(c, ST_MSG_RFM_PART_ABSENT, member->span, d->name, fields[i % 3 + 3].name);
            return NULL;
        }
        st_use(c, s, d);
        st_type type = i < 3    ? st_int_type(1)
                       : i == 6 ? st_type_of(ST_T_STRING)
                                : d->rfm->part[fields[i].part].raw->type;
        type.optional = true; /* missing outside the population */
        st_expr *x = st_x(c, ST_X_RFM_FIELD, type, span, 0);
        x->kind = i;
        x->def = d;
        x->at = d->of;
        return x;
    }
    st_near near = {0};
    for (uint32_t i = 0; i < ST_COUNT(fields); i++) st_near_add(&near, member->text, fields[i].name);
    st_err(c, ST_MSG_UNKNOWN_RFM_FIELD, member->span, d->name, member->text, st_did_you_mean(c->a, &near));
    return NULL;
}

/* A column or definition of `t`, as bare words would be read on its rows; with a field, what an rfm of `t` gives. */
static st_expr *member_of_table(st_checker *c, const st_scope *s, st_table *t, const st_ast *ref)
{
    const st_ast *member = ref->kids[ST_REF_member], *field = ref->kids[ST_REF_field];
    const st_col *col = st_find_col(t, member->text);
    st_def *own = st_find_field(t, member->text); /* of groups */
    const st_word *w = st_lookup(c, member->text);
    bool defined = w && w->def && w->def->of == t && w->def->kind != ST_DEF_ROWS && !st_is_no_value(w->def);
    if (field && !col && defined && w->def->kind == ST_DEF_RFM)
        return rfm_member(c, s, w->def, field, ref->span);
    if (field && (col || own || defined)) {
        st_err(c, ST_MSG_NO_MEMBERS, ref->span, member->text, field->text);
        return NULL;
    }
    if (col) return st_x_column(c, col, member->span);
    if (own) return st_x_def(c, s, own, member->span);
    if (defined) return st_info(c, w->def)->broken ? NULL : st_x_def(c, s, w->def, member->span);
    st_near near = {0};
    near_columns(&near, member->text, t);
    near_definitions(c, &near, member->text, t);
    if (st_surely_unknown(c, &near, member->text))
        st_err(c, ST_MSG_UNKNOWN_COLUMN, member->span, t->name, member->text,
               st_near_or_columns(c, &near, t));
    return NULL;
}

static st_expr *step_member(st_checker *c, const st_scope *s, const st_named_step *step, const st_ast *ref)
{
    st_span span = ref->span;
    if (s->far) {
        st_err(c, ST_MSG_STEP_OUT_OF_REACH, span, step->name, st_source_text(c, ref));
        return NULL;
    }
    st_expr *inner = member_of_table(c, s, step->table, ref);
    if (!inner) return NULL;
    st_expr *x = st_x(c, ST_X_STEP_ROW, inner->type, span, 1, inner);
    x->kind = step->index;
    x->at = s->at;
    return x;
}

/* The number of steps of the aggregate's own path that lead to `t`; 0: it does not pass there. */
static uint32_t steps_on_path(const st_path *path, const st_table *t)
{
    for (uint32_t i = 0; path && i < path->n; i++)
        if (path->steps[i]->links_to == t) return i + 1;
    return 0;
}

/* The link column that `word` names: one of the row in hand, or of what it links to. */
static bool is_link_name(const st_checker *c, const st_scope *s, const char *word)
{
    const st_col *own = st_find_col(s->at, word);
    if (own) return own->links_to != NULL;
    for (uint32_t i = 0; i < c->tables.n; i++) {
        const st_col *col = st_find_col(c->tables.p[i], word);
        if (col && col->links_to) return true;
    }
    return false;
}

static st_expr *through_link_column(st_checker *c, const st_scope *s, const st_ast *ref)
{
    const st_ast *left = ref->kids[ST_REF_left];
    st_span span = ref->span;
    const st_col *own = st_find_col(s->at, left->text);
    if (own) {
        st_expr *inner = member_of_table(c, s, own->links_to, ref);
        return inner ? st_x_link(c, own, inner, span) : NULL;
    }
    const st_col *col = NULL;
    for (uint32_t i = 0; i < c->tables.n && !col; i++) {
        const st_col *x = st_find_col(c->tables.p[i], left->text);
        if (x && x->links_to && st_links(c, s->at, c->tables.p[i])) col = x;
    }
    if (!col) {
        st_near none = {0};
        st_err(c, ST_MSG_UNKNOWN_COLUMN, left->span, s->at->name, left->text,
               st_near_or_columns(c, &none, s->at));
        return NULL;
    }
    const st_path *path = st_find_path(c, s->at, col->links_to, left->text, left->span);
    st_expr *inner = path ? member_of_table(c, s, col->links_to, ref) : NULL;
    return inner ? st_x_through(c, path, path->n, inner, span) : NULL;
}

static st_expr *through_table(st_checker *c, const st_scope *s, st_table *t, const st_ast *ref)
{
    const st_ast *left = ref->kids[ST_REF_left], *member = ref->kids[ST_REF_member];
    uint32_t steps = steps_on_path(s->path, t);
    if (!steps && t == s->at) {
        st_expr *own = member_of_table(c, s, t, ref);
        if (own) own->span = ref->span;
        return own;
    }
    if (!steps && !st_links(c, s->at, t) && st_links(c, t, s->at)) {
        st_err(c, ST_MSG_MANY_ROWS, ref->span, t->name, member->text, "last");
        return NULL;
    }
    const st_path *path = steps ? s->path : st_find_path(c, s->at, t, NULL, left->span);
    if (!path) return NULL;
    st_expr *inner = member_of_table(c, s, t, ref);
    return inner ? st_x_through(c, path, steps ? steps : path->n, inner, ref->span) : NULL;
}

st_expr *st_check_member(st_checker *c, const st_scope *s, const st_ast *ref)
{
    const st_ast *left = ref->kids[ST_REF_left], *member = ref->kids[ST_REF_member];
    for (const st_named_step *step = s->steps; step; step = step->next)
        if (strcmp(step->name, left->text) == 0) return step_member(c, s, step, ref);
    if (!s->at) {
        st_err(c, ST_MSG_PARAM_VALUE, ref->span);
        return NULL;
    }
    const st_word *w = st_lookup(c, left->text);
    if (w && w->table) return through_table(c, s, w->table, ref);
    if (is_link_name(c, s, left->text)) return through_link_column(c, s, ref);
    if (w && w->def && st_info(c, w->def)->broken) return NULL;
    if (w && w->def && w->def->kind == ST_DEF_RFM) {
        if (ref->kids[ST_REF_field]) {
            st_err(c, ST_MSG_NO_MEMBERS, ref->span, member->text, ref->kids[ST_REF_field]->text);
            return NULL;
        }
        if (w->def->of == s->at) return rfm_member(c, s, w->def, member, ref->span);
        report_definition_elsewhere(c, s, w, left);
        return NULL;
    }
    if (w && w->def->kind == ST_DEF_ROWS) {
        bool groups = st_groups_rows(w->def->ast);
        st_err(c, ST_MSG_MANY_ROWS, ref->span, w->def->name, member->text, groups ? "max" : "last");
        return NULL;
    }
    if (w) {
        st_err(c, ST_MSG_NO_MEMBERS, ref->span, left->text, member->text);
        return NULL;
    }
    st_near near = {0};
    for (uint32_t i = 0; i < c->tables.n; i++)
        if (st_links(c, s->at, c->tables.p[i])) st_near_add(&near, left->text, c->tables.p[i]->name);
    for (uint32_t i = 0; i < c->defs.n; i++)
        if (c->defs.p[i]->kind == ST_DEF_RFM) st_near_add(&near, left->text, c->defs.p[i]->name);
    if (st_surely_unknown(c, &near, left->text))
        st_err(c, ST_MSG_UNKNOWN_NAME, left->span, left->text, st_near_or_tables(c, &near));
    return NULL;
}

/* ---- labels ---- */
static const char *list_of_labels(st_checker *c, const st_labels *labels)
{
    st_buf b = {0};
    uint32_t shown = ST_MIN(labels->n, 8u);
    for (uint32_t i = 0; i < shown; i++) st_buf_printf(c->a, &b, "%s%s", i ? ", " : "", labels->names[i]);
    if (shown < labels->n) st_buf_puts(c->a, &b, " …");
    return st_buf_text(c->a, &b);
}

st_expr *st_check_label(st_checker *c, const st_labels *labels, const st_ast *ast)
{
    const char *owner = labels->def ? labels->def->name : "weekday";
    ast = st_bare(ast);
    if (ast->kind != ST_AST_NAME && ast->kind != ST_AST_STRING) {
        st_err(c, ST_MSG_NOT_A_LABEL, ast->span, owner, list_of_labels(c, labels));
        return NULL;
    }
    for (uint32_t i = 0; i < labels->n; i++) {
        if (strcmp(labels->names[i], ast->text) != 0) continue;
        if (ast->kind == ST_AST_STRING) {
            st_err(c, ST_MSG_LABEL_IN_QUOTES, ast->span, owner, ast->text);
            return NULL;
        }
        st_value v = {.type = {.base = ST_T_LABEL, .labels = labels}, .as.i = i};
        return st_x_const(c, v, ast->span);
    }
    st_near near = {0};
    for (uint32_t i = 0; i < labels->n; i++) st_near_add(&near, ast->text, labels->names[i]);
    const char *help = st_did_you_mean(c->a, &near);
    if (!*help) help = st_format(c->a, "Its labels are %s.", list_of_labels(c, labels));
    if (!c->incomplete) st_err(c, ST_MSG_UNKNOWN_LABEL, ast->span, owner, ast->text, help);
    return NULL;
}

st_def *st_check_segment_name(st_checker *c, const st_scope *s, const st_ast *name, const char *behind)
{
    const st_word *w = st_lookup(c, name->text);
    if (w && w->def && st_info(c, w->def)->broken) return NULL;
    bool members = w && w->def && (w->def->kind == ST_DEF_SEGMENT || w->def->kind == ST_DEF_LIST);
    if (members && w->def->of == s->at) {
        if (!st_ensure(c, w->def, name->span)) return NULL;
        st_use(c, s, w->def);
        return w->def;
    }
    st_near near = {0};
    for (uint32_t i = 0; i < c->defs.n; i++)
        if (c->defs.p[i]->kind == ST_DEF_SEGMENT && c->defs.p[i]->of == s->at && !c->defs.p[i]->hidden)
            st_near_add(&near, name->text, c->defs.p[i]->name);
    if (!c->incomplete)
        st_err(c, ST_MSG_AMONG_NEEDS_SEGMENT, name->span, name->text, s->at->name, behind,
               st_did_you_mean(c->a, &near));
    return NULL;
}

st_def *st_check_among(st_checker *c, const st_scope *s, const st_ast *name)
{
    return st_check_segment_name(c, s, name, "among");
}
