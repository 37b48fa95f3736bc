/* Definitions: what there is, whose it is, and what each kind must hold. */
#include "sema/check.h"

const char *const st_def_kind_names[ST_DEF_KINDS] = {
    [ST_DEF_PARAM] = "param",       [ST_DEF_ROWS] = "rows",
    [ST_DEF_TRAIT] = "trait",       [ST_DEF_SCORE] = "score",
    [ST_DEF_SEGMENT] = "segment",   [ST_DEF_TIERS] = "tiers",
    [ST_DEF_RFM] = "rfm",           [ST_DEF_POINTS] = "points",
    [ST_DEF_LIST] = "list",         [ST_DEF_PLACE] = "place",
    [ST_DEF_CLUSTER] = "cluster",   [ST_DEF_OVERLAY] = "overlay",
    [ST_DEF_HOLDOUT] = "holdout",   [ST_DEF_EXPERIMENT] = "experiment",
    [ST_DEF_LAYER] = "layer",       [ST_DEF_TREATMENT] = "treatment",
    [ST_DEF_CAMPAIGN] = "campaign", [ST_DEF_AUDIENCE] = "audience"};

/* ---- what there is ---- */

/* Kinds of nodes that define a name, and where the name stands. */
static const struct {
    st_ast_kind node;
    st_def_kind kind;
    int name, of; /* slots; -1: none */
} definitions[] = {
    {ST_AST_PARAM, ST_DEF_PARAM, ST_PARAM_name, -1},
    {ST_AST_ROWS, ST_DEF_ROWS, ST_ROWS_name, -1},
    {ST_AST_TRAIT, ST_DEF_TRAIT, ST_TRAIT_name, ST_TRAIT_of},
    {ST_AST_SCORE, ST_DEF_SCORE, ST_SCORE_name, ST_SCORE_of},
    {ST_AST_SEGMENT, ST_DEF_SEGMENT, ST_SEGMENT_name, ST_SEGMENT_of},
    {ST_AST_TIERS, ST_DEF_TIERS, ST_TIERS_name, ST_TIERS_of},
    {ST_AST_TIERS_HIGHEST, ST_DEF_TIERS, ST_TIERS_HIGHEST_name, ST_TIERS_HIGHEST_of},
    {ST_AST_RFM, ST_DEF_RFM, ST_RFM_name, ST_RFM_of},
    {ST_AST_POINTS, ST_DEF_POINTS, ST_POINTS_name, ST_POINTS_of},
    {ST_AST_LIST_DEF, ST_DEF_LIST, ST_LIST_DEF_name, ST_LIST_DEF_of},
    {ST_AST_PLACE, ST_DEF_PLACE, ST_PLACE_name, -1},
    {ST_AST_CLUSTER, ST_DEF_CLUSTER, ST_CLUSTER_name, ST_CLUSTER_of},
    {ST_AST_OVERLAY, ST_DEF_OVERLAY, ST_OVERLAY_name, -1},
    {ST_AST_HOLDOUT, ST_DEF_HOLDOUT, ST_HOLDOUT_name, ST_HOLDOUT_of},
    {ST_AST_EXPERIMENT, ST_DEF_EXPERIMENT, ST_EXPERIMENT_name, -1},
    {ST_AST_LAYER, ST_DEF_LAYER, ST_LAYER_name, -1},
    {ST_AST_TREATMENT, ST_DEF_TREATMENT, ST_TREATMENT_name, -1},
    {ST_AST_CAMPAIGN, ST_DEF_CAMPAIGN, ST_CAMPAIGN_name, -1},
    {ST_AST_AUDIENCE, ST_DEF_AUDIENCE, ST_AUDIENCE_name, -1},
};

static void add_def(st_checker *c, const st_ast *ast, size_t which, bool broken)
{
    const st_ast *name = ast->kids[definitions[which].name];
    if (!name) return;
    st_def *d = st_new(c->a, st_def);
    st_definfo *info = st_new(c->a, st_definfo);
    *d = (st_def){.kind = definitions[which].kind,
                  .index = c->defs.n,
                  .name = name->text,
                  .doc = ast->doc,
                  .span = name->span,
                  .ast = ast,
                  .meta.review_by = ST_NO_TIME};
    info->broken = broken;
    *st_push(c->a, &c->defs) = d;
    *st_push(c->a, &c->info) = info;
    bool is_new;
    void **slot = st_map_put(&c->words, d->name, strlen(d->name), &is_new);
    if (!is_new) {
        st_report_duplicate(c, name, ((st_word *)*slot)->span);
        info->bad = true;
    } else {
        st_word *w = st_new(c->a, st_word);
        *w = (st_word){.def = d, .span = d->span};
        *slot = w;
    }
    if (st_is_time_word(d->name)) st_err(c, ST_MSG_TIME_WORD_NAME, d->span, d->name);
}

/* Whether the parser stumbled between the beginning of a definition and that of the next. */
static bool has_syntax_error(const st_checker *c, const st_ast *program, uint32_t i)
{
    st_span at = program->kids[i]->span;
    uint32_t end = i + 1 < program->n ? program->kids[i + 1]->span.start : UINT32_MAX;
    for (uint32_t k = 0; c->incomplete && k < c->diags->items.n; k++) {
        const st_diag *d = &c->diags->items.p[k];
        bool here = d->span.file == at.file && d->span.start >= at.start && d->span.start < end;
        if (here && d->severity == ST_ERROR && st_messages[d->code].code[2] == '1') return true;
    }
    return false;
}

void st_collect_defs(st_checker *c, const st_ast *program)
{
    for (uint32_t i = 0; i < program->n; i++) {
        const st_ast *ast = program->kids[i];
        for (size_t k = 0; k < ST_COUNT(definitions); k++)
            if (definitions[k].node == ast->kind) add_def(c, ast, k, has_syntax_error(c, program, i));
        if (ast->kind != ST_AST_SEGMENTS_OF) continue;
        if (c->segments_of)
            st_err(c, ST_MSG_SEGMENTS_OF_TWICE, ast->span);
        else
            c->segments_of = ast;
    }
}

/* ---- whose it is ---- */
st_table *st_find_table(st_checker *c, const st_ast *name)
{
    const st_word *w = st_lookup(c, name->text);
    if (w && w->table) return w->table;
    st_near near = {0};
    for (uint32_t i = 0; i < c->ndeclared; i++) st_near_add(&near, name->text, c->tables.p[i]->name);
    if (st_surely_unknown(c, &near, name->text))
        st_err(c, ST_MSG_UNKNOWN_TABLE, name->span, name->text, st_near_or_tables(c, &near));
    return NULL;
}

static bool declares_links(const st_ast *table)
{
    const st_ast *items = table->kids[ST_TABLE_items];
    for (uint32_t i = 0; i < items->n; i++) {
        const st_ast *attrs =
            items->kids[i]->kind == ST_AST_COLUMN ? items->kids[i]->kids[ST_COLUMN_attrs] : NULL;
        for (uint32_t k = 0; attrs && k < attrs->n; k++)
            if (attrs->kids[k]->op == ST_ATTR_LINKS_TO) return true;
    }
    return false;
}

static void find_main_table(st_checker *c)
{
    uint32_t found = 0;
    if (c->segments_of) {
        c->main_table = st_find_table(c, c->segments_of->kids[ST_SEGMENTS_OF_name]);
        c->main_reported = c->main_table == NULL;
        return;
    }
    for (uint32_t i = 0; i < c->tables.n; i++) {
        if (declares_links(c->table_asts.p[i])) continue;
        c->main_table = c->tables.p[i];
        found++;
    }
    if (found != 1) c->main_table = NULL;
}

st_table *st_main_table(st_checker *c, const char *name, st_span span)
{
    if (c->main_table || c->main_reported || c->incomplete) return c->main_table;
    c->main_reported = true;
    if (c->tables.n == 0)
        st_err(c, ST_MSG_NO_TABLES, span, name);
    else
        st_err(c, ST_MSG_ENTITY_UNCLEAR, span, name, c->tables.p[0]->name);
    return NULL;
}

/* What a definition is about another of: it is about the same table, so the other one is settled first. */
static const st_ast *about(const st_def *d)
{
    switch (d->kind) {
    case ST_DEF_EXPERIMENT: return d->ast->kids[ST_EXPERIMENT_on];
    case ST_DEF_OVERLAY: return d->ast->kids[ST_OVERLAY_on];
    case ST_DEF_TREATMENT: return st_target_name(d->ast->kids[ST_TREATMENT_target]);
    case ST_DEF_AUDIENCE: return st_target_name(d->ast->kids[ST_AUDIENCE_from]);
    case ST_DEF_CAMPAIGN: return d->ast->kids[ST_CAMPAIGN_refs]->kids[0];
    default: return NULL;
    }
}

/* Levels of such definitions: a campaign of a treatment for the action of an overlay on a segment. */
static int level_of(const st_def *d)
{
    switch (d->kind) {
    case ST_DEF_EXPERIMENT:
    case ST_DEF_OVERLAY: return 1;
    case ST_DEF_TREATMENT:
    case ST_DEF_AUDIENCE: return 2;
    case ST_DEF_CAMPAIGN: return 3;
    default: return 0;
    }
}

/* Where there is no such definition, the check says so. */
static st_table *table_about(st_checker *c, const st_def *d)
{
    const st_ast *name = about(d);
    const st_word *w = name && name->kind == ST_AST_NAME ? st_lookup(c, name->text) : NULL;
    return w && w->def && w->def->of ? w->def->of : c->main_table;
}

/* Definitions that are not about the rows of one table. */
static bool has_entity(const st_def *d)
{
    return d->kind != ST_DEF_PARAM && d->kind != ST_DEF_PLACE && d->kind != ST_DEF_ROWS &&
           d->kind != ST_DEF_LAYER;
}

static void settle_entity(st_checker *c, st_def *d)
{
    const st_ast *of = NULL;
    if (!has_entity(d) || st_info(c, d)->broken) return;
    for (size_t k = 0; k < ST_COUNT(definitions); k++)
        if (definitions[k].node == d->ast->kind && definitions[k].of >= 0)
            of = d->ast->kids[definitions[k].of];
    d->of = level_of(d) ? table_about(c, d) : of ? st_find_table(c, of) : c->main_table;
    if (!d->of) {
        if (!of) st_main_table(c, d->name, d->span);
        return;
    }
    d->of->segmented = true;
    if (!d->of->key) st_err(c, ST_MSG_ENTITY_WITHOUT_KEY, d->of->span, d->of->name);
    if (st_find_col(d->of, d->name)) st_err(c, ST_MSG_NAME_OF_COLUMN, d->span, d->name, d->of->name);
}

void st_settle_entities(st_checker *c)
{
    find_main_table(c);
    for (int level = 0; level <= 3; level++)
        for (uint32_t i = 0; i < c->defs.n; i++)
            if (level_of(c->defs.p[i]) == level) settle_entity(c, c->defs.p[i]);
}

/* ---- metadata ---- */
static void read_refresh(st_checker *c, st_meta *m, const st_ast *word)
{
    m->refresh = word->text;
    if (st_rhythm_of(word->text) >= 0) return;
    st_near near = {0};
    for (int i = 0; i < ST_RHYTHMS; i++) st_near_add(&near, word->text, st_rhythms[i]);
    const char *help =
        near.n ? st_did_you_mean(c->a, &near) : "Choose hourly, daily, weekly, monthly, quarterly or yearly.";
    st_err(c, ST_MSG_UNKNOWN_REFRESH, word->span, word->text, help);
}

bool st_read_meta(st_checker *c, st_def *d, const st_ast *item)
{
    if (item->kind != ST_AST_META) return false;
    const st_ast *v = item->kids[ST_META_value];
    st_meta *m = &d->meta;
    if (!v) return true;
    switch ((st_ast_meta)item->op) {
    case ST_META_OWNER: m->owner = v->text; break;
    case ST_META_GOAL: m->goal = v->text; break;
    case ST_META_KPI: m->kpi = v->text; break;
    case ST_META_REFRESH: read_refresh(c, m, v); break;
    case ST_META_FORMERLY: m->formerly = v->text; break;
    case ST_META_REVIEW_BY: m->review_by = (int64_t)v->number; break;
    case ST_META_VERSION:
        if (v->number < 1 || v->number > INT32_MAX)
            st_err(c, ST_MSG_VERSION, v->span);
        else
            m->version = (int64_t)v->number;
        break;
    case ST_META_TAGS:
        m->tags = st_new_n(c->a, const char *, v->n);
        for (uint32_t i = 0; i < v->n; i++) {
            if (v->kids[i]->kind == ST_AST_STRING)
                m->tags[m->ntags++] = v->kids[i]->text;
            else
                st_err(c, ST_MSG_TAG_IS_TEXT, v->kids[i]->span);
        }
        break;
    }
    return true;
}

void st_read_metas(st_checker *c, st_def *d, const st_ast *list)
{
    for (uint32_t i = 0; list && i < list->n; i++) st_read_meta(c, d, list->kids[i]);
}

/* ---- trait, score ---- */
void st_check_value(st_checker *c, st_def *d, const st_scope *s, const st_ast *expr)
{
    bool score = d->kind == ST_DEF_SCORE;
    st_expr *x = score ? st_check_number(c, s, expr) : st_check_expr(c, s, expr);
    if (x && (x->type.list || st_is(x->type, ST_T_DURATION))) {
        st_err(c, ST_MSG_TRAIT_TYPE, expr->span, d->name, st_kind_words(x->type));
        x = NULL;
    }
    if (x && score && st_is_personal(x)) {
        st_err(c, ST_MSG_PERSONAL_OUTPUT, expr->span, st_source_text(c, expr), "A score is given out");
        x = NULL;
    }
    d->expr = x;
    if (!x) {
        st_info(c, d)->bad = true;
        return;
    }
    d->type = x->type;
    d->pii = st_is_personal(x);
}

/* ---- segment ---- */
static void check_segment(st_checker *c, st_def *d)
{
    const st_ast *title = d->ast->kids[ST_SEGMENT_title], *items = d->ast->kids[ST_SEGMENT_items],
                 *where = NULL;
    st_scope s = {.at = d->of, .def = d};
    d->title = title ? title->text : NULL;
    d->type = st_type_of(ST_T_BOOL);
    for (uint32_t i = 0; i < items->n; i++) {
        if (st_read_meta(c, d, items->kids[i])) continue;
        if (where)
            st_err(c, ST_MSG_SECOND_WHERE, items->kids[i]->span, d->name);
        else
            where = items->kids[i]->kids[ST_WHERE_expr];
    }
    if (!where) {
        st_err(c, ST_MSG_NO_WHERE, d->span, d->name);
        st_info(c, d)->bad = true;
        return;
    }
    d->expr = st_check_bool(c, &s, where);
    if (!d->expr) {
        st_info(c, d)->bad = true;
        return;
    }
    st_warn_missing(c, d);
    d->expr = st_x_and(c, d->of->visible, d->expr, d->expr->span); /* who has not begun is in no segment */
}

/* ---- tiers ---- */
uint32_t st_add_label(st_checker *c, st_def *d, const st_ast *name)
{
    for (uint32_t i = 0; i < d->labels.n; i++)
        if (strcmp(d->labels.names[i], name->text) == 0) {
            st_err(c, ST_MSG_LABEL_TWICE, name->span, name->text, d->name);
            return ST_NO_LABEL;
        }
    if (d->labels.n == ST_MAX_LABELS) {
        st_err(c, ST_MSG_TOO_MANY, name->span, "labels", d->name, st_format(c->a, "%d", ST_MAX_LABELS));
        return ST_NO_LABEL;
    }
    d->labels.names[d->labels.n] = name->text;
    return d->labels.n++;
}

/* What is known of the rows of a tiers definition so far. */
typedef struct tier_state {
    st_def *d;
    const st_scope *s;
    const st_ast *by_ast;
    st_expr *by;
    const st_ast *otherwise, *missing;
    st_value least, most; /* the lowest `at least`, the highest `at most`, where constant */
    bool has_least, has_most, has_when;
} tier_state;

static bool needs_by(uint32_t op)
{
    return op != ST_TIER_WHEN && op != ST_TIER_OTHERWISE;
}

/* A constant bound as a count of 10^-scale; days count as whole numbers. */
static st_i128 bound_number(const st_value *v)
{
    return v->type.base == ST_T_DECIMAL ? v->as.d : (st_i128)v->as.i;
}

static void note_bound(tier_state *q, bool at_least, const st_expr *bound)
{
    if (!st_is_const(bound) || (!st_is_exact(bound->type) && !st_is(bound->type, ST_T_DATE))) return;
    st_value *v = at_least ? &q->least : &q->most;
    bool *has = at_least ? &q->has_least : &q->has_most;
    int cmp =
        *has ? st_dec_cmp(bound_number(&bound->value), bound->type.scale, bound_number(v), v->type.scale) : 0;
    if (!*has || (at_least ? cmp < 0 : cmp > 0)) *v = bound->value;
    *has = true;
}

static st_expr *bound_test(st_checker *c, tier_state *q, const st_ast *tier)
{
    bool at_least = tier->op == ST_TIER_AT_LEAST;
    const st_ast *arg = tier->kids[ST_TIER_arg];
    st_expr *bound =
        st_is_time(q->by->type) ? st_check_expr(c, q->s, arg) : st_check_measure(c, q->s, arg, q->by);
    if (!bound) return NULL;
    if (st_is_time(q->by->type)) {
        note_bound(q, at_least, bound);
        if (st_is_time(bound->type)) return st_time_bound(c, q->by, bound, at_least, tier->span);
        st_err(c, ST_MSG_NOT_A_TIME, arg->span, st_source_text(c, arg), st_kind_words(bound->type));
        return NULL;
    }
    note_bound(q, at_least, bound);
    return st_x_cmp(c, at_least ? ST_X_GE : ST_X_LE, q->by, bound, tier->span);
}

static st_expr *rank_test(st_checker *c, tier_state *q, const st_ast *tier)
{
    const st_ast *amount = tier->kids[ST_TIER_arg];
    bool share = amount->kind == ST_AST_PERCENT;
    if (amount->number <= 0 || (share && amount->number > st_pow10(amount->scale)) ||
        amount->number > INT64_MAX) {
        st_err(c, ST_MSG_RANK_AMOUNT, amount->span);
        return NULL;
    }
    st_op op = tier->op == ST_TIER_TOP ? ST_X_IN_TOP : ST_X_IN_BOTTOM;
    st_expr *x = st_x(c, op, st_type_of(ST_T_BOOL), tier->span, 1, st_rank_operand(q->by));
    x->at = q->d->of;
    x->def = q->d->among;
    x->amount = amount->number;
    x->amount_scale = amount->scale;
    x->amount_is_share = share;
    return x;
}

/* The condition of a row; *all: it takes everyone. NULL: an error, reported. */
static st_expr *tier_condition(st_checker *c, tier_state *q, const st_ast *tier, bool *all)
{
    const st_ast *arg = tier->kids[ST_TIER_arg];
    if (needs_by(tier->op) && !q->by_ast) {
        st_err(c, ST_MSG_TIER_NEEDS_BY, tier->span, q->d->name);
        return NULL;
    }
    if (needs_by(tier->op) && tier->op != ST_TIER_MISSING && !q->by) return NULL;
    switch ((st_ast_tier)tier->op) {
    case ST_TIER_WHEN: q->has_when = true; return st_check_bool(c, q->s, arg);
    case ST_TIER_OTHERWISE:
        q->otherwise = tier;
        *all = true;
        return NULL;
    case ST_TIER_MISSING: {
        q->missing = tier;
        if (!q->by) return NULL;
        st_expr *x = st_x(c, ST_X_IS_MISSING, st_type_of(ST_T_BOOL), tier->span, 1, q->by);
        x->type.optional = false;
        return x;
    }
    case ST_TIER_TOP:
    case ST_TIER_BOTTOM: return rank_test(c, q, tier);
    case ST_TIER_AT_LEAST:
    case ST_TIER_AT_MOST: return bound_test(c, q, tier);
    }
    return NULL;
}

/* `at least a` and `at most b` meet: every known value has a row. */
static bool is_whole(const tier_state *q, const st_value *v)
{
    return v->type.base == ST_T_DATE || (v->type.base == ST_T_INT && q->by->type.base == ST_T_INT);
}

static bool bounds_meet(const tier_state *q)
{
    if (!q->has_least || !q->has_most) return false;
    st_i128 next = bound_number(&q->most);
    if (is_whole(q, &q->least) && is_whole(q, &q->most)) next += 1; /* nothing lies between 2 and 3 */
    return st_dec_cmp(bound_number(&q->least), q->least.type.scale, next, q->most.type.scale) <= 0;
}

static void check_complete(st_checker *c, const tier_state *q, const st_ast *by)
{
    st_def *d = q->d;
    bool by_missing = q->by && q->by->type.optional && !q->missing;
    if (by_missing) {
        const char *last = q->otherwise ? q->otherwise->kids[ST_TIER_label]->text : NULL;
        st_err(c, ST_MSG_TIERS_BY_MISSING, by->span, st_source_text(c, by),
               last ? st_format(c->a, " Otherwise would make them %s.", last) : "");
        return;
    }
    if (q->otherwise || st_info(c, d)->bad) return;
    if (q->by && bounds_meet(q)) return;
    const char *example = "who fits none of the rows";
    if (q->has_least && !q->has_most && !q->has_when)
        example = st_format(c->a, "who has less than %s", st_value_words(c, &q->least));
    else if (q->has_most && !q->has_least && !q->has_when)
        example = st_format(c->a, "who has more than %s", st_value_words(c, &q->most));
    st_err(c, ST_MSG_TIERS_INCOMPLETE, d->span, d->name, example);
}

static void check_tier(st_checker *c, tier_state *q, const st_ast *tier)
{
    st_def *d = q->d;
    if (q->otherwise) {
        st_err(c, ST_MSG_BEHIND_OTHERWISE, tier->span, tier->kids[ST_TIER_label]->text);
        return;
    }
    uint32_t label = st_add_label(c, d, tier->kids[ST_TIER_label]);
    bool all = false;
    st_expr *when = tier_condition(c, q, tier, &all);
    if (label == ST_NO_LABEL || (!when && !all)) {
        st_info(c, d)->bad = true;
        return;
    }
    st_expr *visible = d->of->visible; /* who has not begun has no label */
    d->tiers[d->ntiers++] =
        (st_tier){label, all ? visible : st_x_and(c, visible, when, tier->span), tier->span};
}

void st_start_labels(st_checker *c, st_def *d, uint32_t n)
{
    d->labels.names = st_new_n(c->a, const char *, ST_MIN(n, (uint32_t)ST_MAX_LABELS));
    d->labels.def = d;
    d->tiers = st_new_n(c->a, st_tier, n);
    d->type = (st_type){.base = ST_T_LABEL, .labels = &d->labels};
}

static void check_tiers(st_checker *c, st_def *d)
{
    const st_ast *items = d->ast->kids[ST_TIERS_items], *by = d->ast->kids[ST_TIERS_by],
                 *among = d->ast->kids[ST_TIERS_among];
    st_scope s = {.at = d->of, .def = d};
    tier_state q = {.d = d, .s = &s, .by_ast = by};
    st_start_labels(c, d, items->n);
    if (among && !(d->among = st_check_among(c, &s, among))) st_info(c, d)->bad = true;
    if (by) q.by = st_check_expr(c, &s, by);
    bool measured = q.by && (st_is_number(q.by->type) || st_is(q.by->type, ST_T_DISTANCE));
    if (q.by && !measured && !st_is_time(q.by->type)) {
        st_err(c, ST_MSG_TIERS_BY, by->span, st_source_text(c, by), st_kind_words(q.by->type));
        q.by = NULL;
    }
    if (by && !q.by) st_info(c, d)->bad = true;
    for (uint32_t i = 0; i < items->n; i++) {
        if (st_read_meta(c, d, items->kids[i])) continue;
        check_tier(c, &q, items->kids[i]);
    }
    if (d->labels.n == 0)
        st_err(c, ST_MSG_NO_LABELS, d->span, d->name);
    else
        check_complete(c, &q, by);
    d->type.optional = among || !q.otherwise || d->of->visible;
}

/* highest of (a, b, c): a is the label where it is known and no known other is greater; the first of these wins, so ties
 * go to the first written. */
static st_expr *highest_condition(st_checker *c, st_expr **scores, uint32_t n, uint32_t i)
{
    st_expr **parts = st_new_n(c->a, st_expr *, n);
    st_span span = scores[i]->span;
    uint32_t count = 0;
    st_expr *missing = st_x(c, ST_X_IS_MISSING, st_type_of(ST_T_BOOL), span, 1, scores[i]);
    missing->type.optional = false;
    parts[count++] = st_x_not(c, missing, span);
    for (uint32_t k = 0; k < n; k++) {
        if (k == i) continue;
        st_expr *none = st_x(c, ST_X_IS_MISSING, st_type_of(ST_T_BOOL), span, 1, scores[k]);
        none->type.optional = false;
        st_expr *above = st_x_cmp(c, ST_X_GE, scores[i], scores[k], span);
        parts[count++] = st_x(c, ST_X_OR, st_type_of(ST_T_BOOL), span, 2, none, above);
    }
    return st_x_or_all(c, ST_X_AND, parts, count, span);
}

static void check_highest(st_checker *c, st_def *d)
{
    const st_ast *refs = d->ast->kids[ST_TIERS_HIGHEST_refs];
    st_scope s = {.at = d->of, .def = d};
    uint32_t n = refs->n;
    st_read_metas(c, d, d->ast->kids[ST_TIERS_HIGHEST_meta]);
    if (n > ST_MAX_HIGHEST) {
        st_err(c, ST_MSG_TOO_MANY, d->span, "scores", d->name, st_format(c->a, "%d", ST_MAX_HIGHEST));
        n = ST_MAX_HIGHEST;
    }
    st_start_labels(c, d, n);
    st_expr **scores = st_new_n(c->a, st_expr *, n);
    bool ok = true;
    for (uint32_t i = 0; i < n; i++) {
        const st_ast *ref = refs->kids[i];
        st_expr *x = st_check_number(c, &s, ref);
        if (x && (x->op != ST_X_DEF || ref->kind != ST_AST_NAME)) {
            st_err(c, ST_MSG_HIGHEST_OF, ref->span, st_source_text(c, ref));
            x = NULL;
        }
        scores[i] = x;
        if (!x || st_add_label(c, d, ref) == ST_NO_LABEL) ok = false;
    }
    d->type.optional = true;
    if (!ok) {
        st_info(c, d)->bad = true;
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        d->tiers[d->ntiers++] =
            (st_tier){i, st_x_and(c, d->of->visible, highest_condition(c, scores, n, i), scores[i]->span),
                      scores[i]->span};
}

/* ---- made for others ---- */
st_def *st_hide(st_checker *c, const st_def *d, st_def_kind kind, const char *name)
{
    st_def *hidden = st_new(c->a, st_def);
    st_definfo *info = st_new(c->a, st_definfo);
    *hidden = (st_def){.kind = kind,
                       .hidden = true,
                       .index = c->defs.n,
                       .name = name,
                       .span = d->span,
                       .of = d->of,
                       .type = st_type_of(ST_T_BOOL),
                       .meta.review_by = ST_NO_TIME};
    info->state = ST_CHECKED;
    *st_push(c->a, &c->defs) = hidden;
    *st_push(c->a, &c->info) = info;
    return hidden;
}

void st_show_hidden(st_checker *c, st_def *hidden)
{
    *st_push(c->a, &c->order) = hidden;
}

void st_check_def(st_checker *c, st_def *d)
{
    if (st_info(c, d)->broken) return;
    if (has_entity(d) && !d->of) {
        st_info(c, d)->bad = true;
        return;
    }
    const st_scope s = {.at = d->of, .def = d};
    switch (d->kind) {
    case ST_DEF_PARAM:
        st_read_metas(c, d, d->ast->kids[ST_PARAM_meta]);
        st_check_param(c, d);
        return;
    case ST_DEF_ROWS:
        st_read_metas(c, d, d->ast->kids[ST_ROWS_block]);
        st_check_rows(c, d);
        return;
    case ST_DEF_TRAIT:
        if (st_is_field(d)) {
            st_check_field(c, d);
            return;
        }
        st_read_metas(c, d, d->ast->kids[ST_TRAIT_meta]);
        st_check_value(c, d, &s, d->ast->kids[ST_TRAIT_expr]);
        return;
    case ST_DEF_SCORE:
        st_read_metas(c, d, d->ast->kids[ST_SCORE_meta]);
        st_check_value(c, d, &s, d->ast->kids[ST_SCORE_expr]);
        return;
    case ST_DEF_SEGMENT: check_segment(c, d); return;
    case ST_DEF_TIERS:
        if (d->ast->kind == ST_AST_TIERS)
            check_tiers(c, d);
        else
            check_highest(c, d);
        return;
    case ST_DEF_RFM: st_check_rfm(c, d); return;
    case ST_DEF_HOLDOUT: st_check_holdout(c, d); return;
    case ST_DEF_EXPERIMENT: st_check_experiment(c, d); return;
    case ST_DEF_LAYER: st_check_layer(c, d); return;
    case ST_DEF_OVERLAY: st_check_overlay(c, d); return;
    case ST_DEF_CLUSTER: st_check_cluster(c, d); return;
    case ST_DEF_POINTS: st_check_points(c, d); return;
    case ST_DEF_TREATMENT: st_check_treatment(c, d); return;
    case ST_DEF_CAMPAIGN: st_check_campaign(c, d); return;
    case ST_DEF_AUDIENCE: st_check_audience(c, d); return;
    case ST_DEF_LIST: st_check_list(c, d); return;
    case ST_DEF_PLACE: st_check_place(c, d); return;
    case ST_DEF_KINDS: return;
    }
}

bool st_is_no_value(const st_def *d)
{
    switch (d->kind) {
    case ST_DEF_LAYER:
    case ST_DEF_TREATMENT:
    case ST_DEF_CAMPAIGN:
    case ST_DEF_AUDIENCE: return true;
    default: return false;
    }
}

bool st_def_is_output(const st_def *d, bool traits)
{
    return !d->left_out && st_def_is_answer(d, traits || d->asked);
}

bool st_def_is_answer(const st_def *d, bool traits)
{
    if (d->hidden) return false;
    switch (d->kind) {
    case ST_DEF_SEGMENT:
    case ST_DEF_TIERS:
    case ST_DEF_RFM:
    case ST_DEF_HOLDOUT:
    case ST_DEF_EXPERIMENT:
    case ST_DEF_OVERLAY:
    case ST_DEF_CLUSTER:
    case ST_DEF_SCORE:
    case ST_DEF_POINTS: return true;
    case ST_DEF_TRAIT: return traits && !d->pii;
    default: return false;
    }
}
