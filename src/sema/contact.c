/* What holds for all treatments together: who may be written to (consent), what was sent (the contact log), how much is too
 * much (limit), who is left alone (exclude). Each becomes a hidden segment, made of what other rules are made of. */
#include "sema/check.h"

/* One more; what is too much is reported once. */
static void take(st_checker *c, st_ast_list *list, const st_ast *ast, const char *what)
{
    if (list->n < ST_MAX_CONTACT) {
        *st_push(c->a, list) = ast;
    } else if (!list->full) {
        st_err(c, ST_MSG_TOO_MANY, ast->span, what, "the rule set", st_format(c->a, "%d", ST_MAX_CONTACT));
        list->full = true;
    }
}

void st_collect_contact(st_checker *c, const st_ast *program)
{
    st_contact *q = &c->contact;
    for (uint32_t i = 0; i < program->n; i++) {
        const st_ast *ast = program->kids[i];
        switch (ast->kind) {
        case ST_AST_CONSENT: take(c, &q->consent_asts, ast, "consents"); break;
        case ST_AST_LIMIT: take(c, &q->limits, ast, "limits"); break;
        case ST_AST_EXCLUDE: take(c, &q->exclusion_asts, ast, "exclusions"); break;
        case ST_AST_CONTACT_LOG:
            if (q->log_ast)
                st_err(c, ST_MSG_LOG_TWICE, ast->span);
            else
                q->log_ast = ast;
            break;
        default: break;
        }
    }
}

/* A hidden segment that belongs to a table, not to one definition. */
static st_def *hide_of(st_checker *c, st_table *of, const char *name, st_span span)
{
    st_def owner = {.of = of, .span = span};
    return st_hide(c, &owner, ST_DEF_SEGMENT, name);
}

/* ---- consent ---- */
const st_consent *st_consent_for(const st_checker *c, const st_table *of, const char *channel)
{
    for (uint32_t i = 0; i < c->contact.consents.n; i++) {
        const st_consent *x = &c->contact.consents.p[i];
        if (x->when->of == of && strcmp(x->channel, channel) == 0) return x;
    }
    return NULL;
}

static void check_consent(st_checker *c, const st_ast *ast)
{
    const st_ast *name = ast->kids[ST_CONSENT_name], *of = ast->kids[ST_CONSENT_of];
    st_table *t = of ? st_find_table(c, of) : st_main_table(c, name->text, name->span);
    if (!t) return;
    if (st_consent_for(c, t, name->text)) {
        st_err(c, ST_MSG_CONSENT_TWICE, name->span, name->text, t->name);
        return;
    }
    st_def *when = hide_of(c, t, st_format(c->a, "consent %s of %s", name->text, t->name),
                           ast->kids[ST_CONSENT_when]->span);
    st_scope s = {.at = t, .def = when};
    *st_push(c->a, &c->contact.consents) = (st_consent){name->text, when, name->span};
    when->expr = st_check_bool(c, &s, ast->kids[ST_CONSENT_when]);
    if (!when->expr) st_info(c, when)->bad = true;
    st_show_hidden(c, when);
}

/* ---- the contact log ---- */
static const st_col *log_column(st_checker *c, const st_ast *name, bool time)
{
    const st_table *log = c->contact.log;
    const st_col *col = st_find_col(log, name->text);
    if (!col) {
        st_near near = {0};
        for (uint32_t i = 0; i < log->ncols; i++) st_near_add(&near, name->text, log->cols[i].name);
        st_err(c, ST_MSG_UNKNOWN_COLUMN, name->span, log->name, name->text,
               st_near_or_columns(c, &near, log));
        return NULL;
    }
    if (time ? st_is_time(col->type) : st_is(col->type, ST_T_STRING)) return col;
    st_err(c, ST_MSG_LOG_COLUMN, name->span, name->text, st_kind_words(col->type),
           time ? "a date or a timestamp" : "text");
    return NULL;
}

static void check_log(st_checker *c)
{
    st_contact *q = &c->contact;
    const st_ast *ast = q->log_ast;
    if (!ast || !(q->log = st_find_table(c, ast->kids[ST_CONTACT_LOG_table]))) return;
    q->time = log_column(c, ast->kids[ST_CONTACT_LOG_time], true);
    q->channel = log_column(c, ast->kids[ST_CONTACT_LOG_channel], false);
    q->treatment = log_column(c, ast->kids[ST_CONTACT_LOG_treatment], false);
    if (!q->time || !q->channel || !q->treatment) q->log = NULL;
}

/* The length of a window of the log; false: reported. */
static bool log_window(st_checker *c, const st_scope *s, const st_ast *duration, int64_t *n, st_unit *unit)
{
    if (!st_check_duration(c, s, duration, n, unit)) return false;
    if ((*unit == ST_MINUTE || *unit == ST_HOUR) && c->contact.time->type.base == ST_T_DATE) {
        st_err(c, ST_MSG_HOURS_OF_A_DAY, duration->span,
               st_format(c->a, "%s of %s", c->contact.time->name, c->contact.log->name));
        return false;
    }
    if (*n > 0) return true;
    st_err(c, ST_MSG_NO_TIME_AT_ALL, duration->span);
    return false;
}

/* Longer than any log: what would begin before the calendar does is a window without a beginning. */
static bool is_ever(int64_t n, st_unit unit)
{
    static const int64_t a_year[] = {[ST_MINUTE] = 525600, [ST_HOUR] = 8760, [ST_DAY] = 365, [ST_WEEK] = 52,
                                     [ST_MONTH] = 12,      [ST_QUARTER] = 4, [ST_YEAR] = 1};
    return n / a_year[unit] >= 1000;
}

static st_expr *in_window(st_checker *c, int64_t n, st_unit unit, st_span span)
{
    st_expr *at = st_x_column(c, c->contact.time, span);
    if (!is_ever(n, unit)) return st_apply_block(c, at, 0, n, unit, span);
    bool day = at->type.base == ST_T_DATE;
    return st_x_cmp(c, ST_X_LT, at, day ? st_x_today(c, span) : st_x_now(c, span), span);
}

/* The rows of the log in the last n units that belong to the row in hand and for which `fits`; NULL: reported. */
static st_expr *logged(st_checker *c, const st_scope *s, st_agg_kind kind, st_expr *fits, int64_t n,
                       st_unit unit, st_span span)
{
    const st_contact *q = &c->contact;
    const st_path *path = st_find_path(c, q->log, s->at, NULL, span);
    if (!path) return NULL;
    st_expr *x =
        st_x(c, ST_X_AGGREGATE, kind == ST_AGG_COUNT ? st_int_type(12) : st_type_of(ST_T_BOOL), span, 0);
    x->at = s->at;
    x->kind = kind;
    x->rows = (st_rowset){.table = q->log, .path = *path, .name = q->log->name};
    st_add_filter(c, &x->rows, in_window(c, n, unit, span));
    st_add_filter(c, &x->rows, fits);
    return x;
}

static st_expr *text_const(st_checker *c, const char *text, st_span span)
{
    return st_x_const(c, (st_value){.type = st_type_of(ST_T_STRING), .as.s = st_str_of(text)}, span);
}

static bool has_log(st_checker *c, const char *what, st_span span)
{
    if (c->contact.log) return true;
    if (!c->contact.log_ast && !c->incomplete) st_err(c, ST_MSG_NO_LOG, span, what);
    return false;
}

/* ---- limits ---- */
static st_expr *at_limit(st_checker *c, const st_scope *s, const st_ast *limit)
{
    const st_ast *channel = limit->kids[ST_LIMIT_channel], *count = limit->kids[ST_LIMIT_count];
    int64_t n;
    st_unit unit;
    if (count->number > INT32_MAX || !log_window(c, s, limit->kids[ST_LIMIT_duration], &n, &unit))
        return NULL;
    st_expr *column = st_x_column(c, c->contact.channel, channel->span),
            *name = text_const(c, channel->text, channel->span);
    if (!st_check_possible(c, column, name, true)) return NULL;
    st_expr *fits = st_x(c, ST_X_EQ, st_type_of(ST_T_BOOL), channel->span, 2, column, name);
    st_expr *sent = logged(c, s, ST_AGG_COUNT, fits, n, unit, limit->span);
    if (!sent) return NULL;
    return st_x_cmp(c, ST_X_GE, sent, st_x_int(c, (int64_t)count->number, count->span), limit->span);
}

static bool is_limit_of(const st_ast *limit, const char *channel)
{
    return strcmp(limit->kids[ST_LIMIT_channel]->text, channel) == 0;
}

/* Who is at one of the limits of the channel; NULL: reported. */
static st_def *over_one_of(st_checker *c, st_table *of, const char *channel, uint32_t n, st_span span)
{
    st_contact *q = &c->contact;
    st_def *who = hide_of(c, of, st_format(c->a, "limit %s of %s", channel, of->name), span);
    st_scope s = {.at = of, .def = who};
    st_expr **each = st_new_n(c->a, st_expr *, n);
    uint32_t k = 0;
    if (!q->log) return NULL; /* which st_check_limits reports */
    for (uint32_t i = 0; i < q->limits.n; i++) {
        if (!is_limit_of(q->limits.p[i], channel)) continue;
        if (!(each[k] = at_limit(c, &s, q->limits.p[i]))) return NULL;
        k++;
    }
    who->expr = st_x_or_all(c, ST_X_OR, each, n, span);
    st_show_hidden(c, who);
    return who;
}

bool st_over_limit(st_checker *c, const st_def *d, const st_ast *channel, st_def **who)
{
    st_contact *q = &c->contact;
    const st_ast *first = NULL;
    uint32_t n = 0;
    *who = NULL;
    for (uint32_t i = 0; i < q->limits.n; i++) {
        if (!is_limit_of(q->limits.p[i], channel->text)) continue;
        if (!first) first = q->limits.p[i];
        n++;
    }
    if (!first) return true;
    for (uint32_t i = 0; i < q->over.n; i++)
        if (q->over.p[i].of == d->of && strcmp(q->over.p[i].channel, channel->text) == 0) {
            *who = q->over.p[i].who;
            return *who != NULL;
        }
    *who = over_one_of(c, d->of, channel->text, n, first->span);
    *st_push(c->a, &q->over) = (st_over){d->of, channel->text, *who};
    return *who != NULL;
}

/* Every channel that a consent or a treatment names. */
static bool is_channel(st_checker *c, const char *name, st_near *near)
{
    bool found = false;
    for (uint32_t i = 0; i < c->contact.consents.n; i++) {
        const char *channel = c->contact.consents.p[i].channel;
        found = found || strcmp(channel, name) == 0;
        st_near_add(near, name, channel);
    }
    for (uint32_t i = 0; i < c->defs.n; i++) {
        const st_treatment *t = c->defs.p[i]->treatment;
        for (uint32_t k = 0; t && k < t->nchannels; k++) {
            found = found || strcmp(t->channels[k].name, name) == 0;
            st_near_add(near, name, t->channels[k].name);
        }
    }
    return found;
}

void st_check_limits(st_checker *c)
{
    for (uint32_t i = 0; i < c->contact.limits.n; i++) {
        const st_ast *limit = c->contact.limits.p[i], *channel = limit->kids[ST_LIMIT_channel],
                     *count = limit->kids[ST_LIMIT_count];
        st_near near = {0};
        has_log(c, "A limit", limit->span);
        if (count->number < 1 || count->number > INT32_MAX) st_err(c, ST_MSG_LIMIT_COUNT, count->span);
        if (is_channel(c, channel->text, &near) || c->incomplete) continue;
        st_err(c, ST_MSG_UNKNOWN_CHANNEL, channel->span, channel->text, st_did_you_mean(c->a, &near));
    }
}

/* ---- again after ---- */
st_def *st_got_within(st_checker *c, const st_def *d, const st_ast *again_after)
{
    const st_ast *duration = again_after->kids[ST_AGAIN_AFTER_duration];
    int64_t n;
    st_unit unit;
    if (!has_log(c, "again after", again_after->span)) return NULL;
    st_def *who = st_hide(c, d, ST_DEF_SEGMENT, st_format(c->a, "again after of %s", d->name));
    st_scope s = {.at = d->of, .def = who};
    if (!log_window(c, &s, duration, &n, &unit)) return NULL;
    st_expr *args[3] = {st_x_column(c, c->contact.treatment, again_after->span),
                        text_const(c, d->name, d->span)};
    uint32_t nargs = 2;
    if (!st_check_possible(c, args[0], args[1], true)) return NULL;
    if (d->meta.formerly) args[nargs++] = text_const(c, d->meta.formerly, d->span);
    st_expr *fits = st_xs(c, ST_X_IN, st_type_of(ST_T_BOOL), again_after->span, args, nargs);
    who->expr = logged(c, &s, ST_AGG_ANY, fits, n, unit, again_after->span);
    if (!who->expr) return NULL;
    st_show_hidden(c, who);
    return who;
}

/* ---- exclude ---- */
static void check_exclusion(st_checker *c, const st_ast *ast)
{
    const st_ast *ref = ast->kids[ST_EXCLUDE_ref], *because = ast->kids[ST_EXCLUDE_because];
    const st_word *w = ref->kind == ST_AST_NAME ? st_lookup(c, ref->text) : NULL;
    st_def *who = w ? w->def : NULL;
    if (who && st_info(c, who)->broken) return;
    if (!who || (who->kind != ST_DEF_SEGMENT && who->kind != ST_DEF_LIST)) {
        const char *text = st_source_text(c, ref);
        st_near near = {0};
        for (uint32_t i = 0; i < c->defs.n; i++) {
            const st_def *d = c->defs.p[i];
            if ((d->kind == ST_DEF_SEGMENT || d->kind == ST_DEF_LIST) && !d->hidden)
                st_near_add(&near, text, d->name);
        }
        if (!c->incomplete || near.n)
            st_err(c, ST_MSG_EXCLUDE_WHOM, ref->span, text, st_did_you_mean(c->a, &near));
        return;
    }
    if (!st_ensure(c, who, ref->span) || !who->of) return;
    const char *text = because && *because->text ? because->text : NULL;
    *st_push(c->a, &c->contact.exclusions) = (st_exclusion){who, text, ref->span};
}

static void find_holdouts(st_checker *c)
{
    for (uint32_t i = 0; i < c->defs.n; i++) {
        st_def *d = c->defs.p[i];
        if (d->kind != ST_DEF_HOLDOUT) continue;
        if (c->contact.holdouts.n == ST_MAX_CONTACT) {
            st_err(c, ST_MSG_TOO_MANY, d->span, "holdouts", "the rule set",
                   st_format(c->a, "%d", ST_MAX_CONTACT));
            return;
        }
        *st_push(c->a, &c->contact.holdouts) = d;
    }
}

void st_check_contact(st_checker *c)
{
    st_contact *q = &c->contact;
    find_holdouts(c);
    for (uint32_t i = 0; i < q->consent_asts.n; i++) check_consent(c, q->consent_asts.p[i]);
    check_log(c);
    for (uint32_t i = 0; i < q->exclusion_asts.n; i++) check_exclusion(c, q->exclusion_asts.p[i]);
    c->p->nconsents = q->consents.n;
    c->p->consents = q->consents.p;
    c->p->nexclusions = q->exclusions.n;
    c->p->exclusions = q->exclusions.p;
}
