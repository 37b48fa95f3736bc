/* Treatments, campaigns and audiences. Whatever a step asks of a customer becomes a hidden segment or trait, so that it is
 * computed like every other rule; here stands only which of them belongs to which step. */
#include "sema/check.h"

enum { MAX_COLUMN_NAME = 255 }; /* bytes, as of every name */

/* ---- parts ---- */

/* A hidden definition of d that holds x; NULL where x is none. */
static st_def *hold(st_checker *c, st_def *hidden, const st_def *d, st_expr *x)
{
    st_scope user = {.def = (st_def *)d};
    if (!x) {
        st_info(c, hidden)->bad = true;
        return NULL;
    }
    hidden->expr = x;
    if (hidden->kind == ST_DEF_TRAIT) hidden->type = x->type;
    st_show_hidden(c, hidden);
    st_use(c, &user, hidden);
    return hidden;
}

/* The value that is written, as a hidden trait of d; NULL: reported. */
static st_def *value_of(st_checker *c, const st_def *d, const st_ast *written, const char *name)
{
    st_def *hidden = st_hide(c, d, ST_DEF_TRAIT, name);
    st_scope s = {.at = d->of, .def = hidden};
    return hold(c, hidden, d, st_check_expr(c, &s, written));
}

/* A value that puts customers in order. */
static st_def *rank_of(st_checker *c, const st_def *d, const st_ast *written, const char *line)
{
    st_def *rank = value_of(c, d, written, st_format(c->a, "rank of %s of %s", line, d->name));
    if (!rank || st_is_number(rank->type) || st_is_time(rank->type)) return rank;
    st_err(c, ST_MSG_HIGHEST_FIRST, written->span, st_source_text(c, written), st_kind_words(rank->type));
    return NULL;
}

/* `during`: false where it has been reported; *active NULL: always. */
static bool check_active(st_checker *c, const st_def *d, const st_ast *during, st_def **active)
{
    st_expr *x;
    *active = NULL;
    if (!during) return true;
    st_def *hidden = st_hide(c, d, ST_DEF_TRAIT, st_format(c->a, "during of %s", d->name));
    st_scope s = {.at = d->of, .def = hidden};
    if (!st_check_during(c, &s, during, &x)) return false;
    *active = hold(c, hidden, d, x);
    return *active != NULL;
}

/* ---- whom it is for ---- */
const st_ast *st_target_name(const st_ast *target)
{
    return target->kids[ST_TARGET_ref];
}

static bool is_whole(const st_def *d)
{
    return d->kind == ST_DEF_SEGMENT || d->kind == ST_DEF_LIST;
}

static bool gives_labels(const st_def *d)
{
    return d->kind == ST_DEF_TIERS || d->kind == ST_DEF_RFM || d->kind == ST_DEF_CLUSTER ||
           d->kind == ST_DEF_OVERLAY || d->kind == ST_DEF_EXPERIMENT;
}

static void report_target(st_checker *c, const st_ast *ref)
{
    st_near near = {0};
    const char *text = st_source_text(c, ref);
    for (uint32_t i = 0; i < c->defs.n; i++) {
        const st_def *d = c->defs.p[i];
        if (!d->hidden && (is_whole(d) || gives_labels(d))) st_near_add(&near, text, d->name);
    }
    if (!c->incomplete || near.n) st_err(c, ST_MSG_TARGET, ref->span, text, st_did_you_mean(c->a, &near));
}

/* The definition that a TARGET names, checked; NULL: reported. */
static st_def *target_base(st_checker *c, const st_ast *target)
{
    const st_ast *ref = target->kids[ST_TARGET_ref], *label = target->kids[ST_TARGET_label];
    const st_word *w = ref->kind == ST_AST_NAME ? st_lookup(c, ref->text) : NULL;
    st_def *base = w ? w->def : NULL;
    if (base && st_info(c, base)->broken) return NULL;
    if (!base || !(is_whole(base) || gives_labels(base))) {
        report_target(c, ref);
        return NULL;
    }
    if (is_whole(base) && label) {
        st_err(c, ST_MSG_SEGMENT_HAS_NO_LABELS, label->span, ref->text);
        return NULL;
    }
    if (!st_ensure(c, base, ref->span) || !base->of) return NULL;
    if (gives_labels(base) && !label) {
        const char *example = base->labels.n ? base->labels.names[0] : "gold";
        if (!st_info(c, base)->bad) st_err(c, ST_MSG_TARGET_LABEL, ref->span, ref->text, example);
        return NULL;
    }
    return base;
}

/* Who is meant: the segment itself, or those who have the label; NULL: reported. */
static st_def *members_of(st_checker *c, const st_def *d, const st_ast *target, st_def *base,
                          const char **label)
{
    const st_ast *name = target->kids[ST_TARGET_label];
    st_scope user = {.def = (st_def *)d};
    *label = NULL;
    if (!base) return NULL;
    if (!name) {
        st_use(c, &user, base);
        return base;
    }
    st_def *hidden = st_hide(c, d, ST_DEF_SEGMENT, st_format(c->a, "members of %s", d->name));
    st_scope s = {.at = d->of, .def = hidden};
    st_expr *x = st_x_def(c, &s, base, target->span);
    st_expr *constant = x ? st_check_label(c, &base->labels, name) : NULL;
    *label = name->text;
    return hold(c, hidden, d, constant ? st_x_cmp(c, ST_X_EQ, x, constant, target->span) : NULL);
}

/* ---- lines of a treatment ---- */

/* The lines that stand once, by kind of node, as they are found. */
typedef struct lines {
    const st_ast *action, *one_per, *at_most, *order_by, *control, *again_after, *transactional;
    ST_VEC(const st_ast *) channels, sends;
    ST_VEC(const st_def *) exempt;
    bool ok;
} lines;

static void take_line(st_checker *c, const st_def *d, lines *l, const st_ast **line, const st_ast *item,
                      const char *words)
{
    if (*line) {
        st_err(c, ST_MSG_SAID_TWICE, item->span, words, d->name);
        l->ok = false;
    }
    *line = item;
}

static void take_exempt(st_checker *c, const st_def *d, lines *l, const st_ast *name)
{
    const st_def *holdout = st_check_exempt(c, d->of, name);
    if (holdout)
        *st_push(c->a, &l->exempt) = holdout;
    else
        l->ok = false;
}

static lines read_lines(st_checker *c, st_def *d, const st_ast *items)
{
    lines l = {.ok = true};
    for (uint32_t i = 0; i < items->n; i++) {
        const st_ast *item = items->kids[i];
        switch (item->kind) {
        case ST_AST_ACTION: take_line(c, d, &l, &l.action, item, "action"); break;
        case ST_AST_ONE_PER: take_line(c, d, &l, &l.one_per, item, "one per"); break;
        case ST_AST_AT_MOST: take_line(c, d, &l, &l.at_most, item, "at most"); break;
        case ST_AST_ORDER_BY: take_line(c, d, &l, &l.order_by, item, "order by"); break;
        case ST_AST_CONTROL: take_line(c, d, &l, &l.control, item, "control"); break;
        case ST_AST_AGAIN_AFTER: take_line(c, d, &l, &l.again_after, item, "again after"); break;
        case ST_AST_TRANSACTIONAL: take_line(c, d, &l, &l.transactional, item, "transactional"); break;
        case ST_AST_CHANNEL: *st_push(c->a, &l.channels) = item; break;
        case ST_AST_SEND: *st_push(c->a, &l.sends) = item; break;
        case ST_AST_EXEMPT: take_exempt(c, d, &l, item->kids[ST_EXEMPT_name]); break;
        default: st_read_meta(c, d, item);
        }
    }
    return l;
}

/* ---- channels ---- */
static const char *consented_channels(st_checker *c, const st_def *d, const char *word)
{
    st_near near = {0};
    for (uint32_t i = 0; i < c->contact.consents.n; i++)
        if (c->contact.consents.p[i].when->of == d->of)
            st_near_add(&near, word, c->contact.consents.p[i].channel);
    if (near.n) return st_did_you_mean(c->a, &near);
    return c->main_table == d->of
               ? st_format(c->a, "Say it once for all: consent %s when …", word)
               : st_format(c->a, "Say it once for all: consent %s of %s when …", word, d->of->name);
}

/* Who can be reached by the channel: with consent, where it is asked, and where its own `when` is true. */
static bool check_open(st_checker *c, const st_def *d, const st_ast *ast, st_channel *channel)
{
    const st_ast *name = ast->kids[ST_CHANNEL_name], *when = ast->kids[ST_CHANNEL_when];
    bool transactional = d->treatment->transactional;
    const st_consent *consent = transactional ? NULL : st_consent_for(c, d->of, name->text);
    st_scope user = {.def = (st_def *)d};
    if (!transactional && !consent) {
        if (!c->incomplete)
            st_err(c, ST_MSG_NO_CONSENT, name->span, name->text, consented_channels(c, d, name->text));
        return false;
    }
    if (consent) {
        st_use(c, &user, consent->when);
        channel->consent = channel->open = consent->when;
    }
    if (!when) return true;
    st_def *open = st_hide(c, d, ST_DEF_SEGMENT, st_format(c->a, "channel %s of %s", name->text, d->name));
    st_scope s = {.at = d->of, .def = open};
    st_expr *x = st_check_bool(c, &s, when);
    if (x && consent) x = st_x_and(c, st_x_def(c, &s, consent->when, name->span), x, ast->span);
    channel->open = hold(c, open, d, x);
    return channel->open != NULL;
}

static bool check_channels(st_checker *c, const st_def *d, const lines *l)
{
    st_treatment *t = d->treatment;
    bool ok = true;
    if (!l->channels.n) {
        st_err(c, ST_MSG_NO_CHANNEL, d->span, d->name);
        return false;
    }
    if (l->channels.n > ST_MAX_CHANNELS) {
        st_err(c, ST_MSG_TOO_MANY, d->span, "channels", d->name, st_format(c->a, "%d", ST_MAX_CHANNELS));
        return false;
    }
    t->channels = st_new_n(c->a, st_channel, l->channels.n);
    for (uint32_t i = 0; i < l->channels.n; i++) {
        const st_ast *name = l->channels.p[i]->kids[ST_CHANNEL_name];
        st_channel *channel = &t->channels[t->nchannels];
        st_scope user = {.def = (st_def *)d};
        *channel = (st_channel){.name = name->text};
        for (uint32_t k = 0; k < t->nchannels; k++)
            if (strcmp(t->channels[k].name, name->text) == 0) {
                st_err(c, ST_MSG_SAID_TWICE, l->channels.p[i]->span,
                       st_format(c->a, "channel %s", name->text), d->name);
                ok = false;
            }
        if (!check_open(c, d, l->channels.p[i], channel)) ok = false;
        if (!t->transactional && !st_over_limit(c, d, name, &channel->over)) ok = false;
        if (channel->over) st_use(c, &user, channel->over);
        t->nchannels++;
    }
    return ok;
}

/* ---- control, one per, at most, again after ---- */
static bool check_control(st_checker *c, const st_def *d, const st_ast *control)
{
    st_treatment *t = d->treatment;
    t->salt = "";
    t->hash = c->hash;
    if (!control) return true;
    st_def *hidden = st_hide(c, d, ST_DEF_SEGMENT, st_format(c->a, "control of %s", d->name));
    st_scope s = {.at = d->of, .def = hidden};
    const st_ast *salt = control->kids[ST_CONTROL_salt];
    st_expr *drawn = st_check_draw(c, &s, control->kids[ST_CONTROL_share], salt,
                                   control->kids[ST_CONTROL_hash], control->span);
    t->salt = salt->text;
    if (drawn) t->hash = drawn->hash;
    t->control = hold(c, hidden, d, drawn);
    return t->control != NULL;
}

static bool check_one_per(st_checker *c, const st_def *d, const st_ast *ast)
{
    st_treatment *t = d->treatment;
    if (!ast) return true;
    const st_ast *name = ast->kids[ST_ONE_PER_name];
    t->one_per_text = name->text;
    t->one_per = value_of(c, d, name, st_format(c->a, "one per of %s", d->name));
    t->one_per_rank = rank_of(c, d, ast->kids[ST_ONE_PER_rank], "one per");
    if (!t->one_per || !t->one_per_rank) return false;
    if (st_has_few_values(t->one_per->type)) return true;
    st_err(c, ST_MSG_ONE_PER, name->span, name->text, st_kind_words(t->one_per->type));
    return false;
}

static bool check_at_most(st_checker *c, const st_def *d, const st_ast *ast)
{
    st_treatment *t = d->treatment;
    t->at_most = ST_NO_LIMIT;
    if (!ast) return true;
    const st_ast *count = ast->kids[ST_AT_MOST_count];
    t->at_most_rank = rank_of(c, d, ast->kids[ST_AT_MOST_rank], "at most");
    if (count->number < 1 || count->number >= ST_NO_LIMIT) {
        st_err(c, ST_MSG_AT_MOST, count->span);
        return false;
    }
    t->at_most = (int64_t)count->number;
    return t->at_most_rank != NULL;
}

static bool check_again(st_checker *c, const st_def *d, const st_ast *ast)
{
    st_scope user = {.def = (st_def *)d};
    if (!ast) return true;
    st_def *again = st_got_within(c, d, ast);
    d->treatment->again = again;
    if (again) st_use(c, &user, again);
    return again != NULL;
}

/* ---- what leaves ---- */

static bool is_column_name(const char *as)
{
    for (const char *p = as; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127) return false;
    return *as && strlen(as) <= MAX_COLUMN_NAME;
}

/* The name of the column; NULL: reported. */
static const char *send_name(st_checker *c, const st_ast *item, const st_send *sends, uint32_t n)
{
    const st_ast *expr = item->kids[ST_SEND_ITEM_expr], *as = item->kids[ST_SEND_ITEM_as];
    const char *name = as ? as->text : expr->kind == ST_AST_NAME ? expr->text : NULL;
    if (!name) {
        st_err(c, ST_MSG_SEND_WITHOUT_NAME, item->span, st_source_text(c, expr));
        return NULL;
    }
    st_span span = as ? as->span : expr->span;
    if (!is_column_name(name)) {
        st_err(c, ST_MSG_SEND_NAME, span);
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(sends[i].as, name) == 0) {
            st_err(c, ST_MSG_SEND_TWICE, span, name);
            return NULL;
        }
    return name;
}

/* What stands in sha256(…); NULL: it is none. *ok false: reported. */
static const st_ast *hashed(st_checker *c, const st_ast *expr, bool *ok)
{
    const st_ast *call = st_bare(expr);
    if (call->kind != ST_AST_CALL || strcmp(call->kids[ST_CALL_name]->text, "sha256") != 0) return NULL;
    const st_ast *args = call->kids[ST_CALL_args];
    if (args && args->n == 1) return args->kids[0];
    st_err(c, ST_MSG_ARGUMENT_COUNT, call->span, "sha256", "one value");
    *ok = false;
    return NULL;
}

static bool can_be_sent(st_checker *c, const st_ast *written, st_type t, bool sha256)
{
    bool odd = t.list || t.base == ST_T_DURATION || t.base == ST_T_DISTANCE;
    if (!odd && (!sha256 || t.base == ST_T_STRING || t.base == ST_T_INT || t.base == ST_T_DATE)) return true;
    st_err(c, odd ? ST_MSG_SEND_TYPE : ST_MSG_SHA256_TYPE, written->span, st_source_text(c, written),
           st_kind_words(t));
    return false;
}

static bool check_send(st_checker *c, const st_def *d, const st_ast *item, st_send *sends, uint32_t *n)
{
    bool ok = true;
    const st_ast *expr = item->kids[ST_SEND_ITEM_expr], *inner = hashed(c, expr, &ok);
    const char *as = ok ? send_name(c, item, sends, *n) : NULL;
    if (!as) return false;
    const st_ast *written = inner ? inner : expr;
    st_def *value = value_of(c, d, written, st_format(c->a, "send %s of %s", as, d->name));
    if (!value || !can_be_sent(c, written, value->type, inner != NULL)) return false;
    sends[(*n)++] = (st_send){value, as, inner != NULL};
    return true;
}

static bool check_sends(st_checker *c, const st_def *d, const st_ast *const *lists, uint32_t nlists,
                        st_send **sends, uint32_t *n)
{
    uint32_t all = 0;
    bool ok = true;
    for (uint32_t i = 0; i < nlists; i++) all += lists[i]->n;
    if (all > ST_MAX_SENDS) {
        st_err(c, ST_MSG_TOO_MANY, lists[0]->span, "values", d->name, st_format(c->a, "%d", ST_MAX_SENDS));
        return false;
    }
    *n = 0;
    *sends = st_new_n(c->a, st_send, all);
    for (uint32_t i = 0; i < nlists; i++)
        for (uint32_t k = 0; k < lists[i]->n; k++)
            if (!check_send(c, d, lists[i]->kids[k], *sends, n)) ok = false;
    return ok;
}

/* ---- who is left out ---- */
static void take_exclusions(st_checker *c, const st_def *d)
{
    st_treatment *t = d->treatment;
    st_scope user = {.def = (st_def *)d};
    t->exclusions = st_new_n(c->a, const st_exclusion *, c->p->nexclusions);
    for (uint32_t i = 0; i < c->p->nexclusions; i++) {
        const st_exclusion *x = &c->p->exclusions[i];
        if (x->who->of != d->of) continue;
        t->exclusions[t->nexclusions++] = x;
        st_use(c, &user, x->who);
    }
}

static bool is_exempt(const lines *l, const st_def *holdout)
{
    for (uint32_t i = 0; i < l->exempt.n; i++)
        if (l->exempt.p[i] == holdout) return true;
    return false;
}

static void take_holdouts(st_checker *c, const st_def *d, const lines *l)
{
    st_treatment *t = d->treatment;
    st_scope user = {.def = (st_def *)d};
    t->holdouts = st_new_n(c->a, st_def *, c->contact.holdouts.n);
    for (uint32_t i = 0; i < c->contact.holdouts.n && !t->transactional; i++) {
        st_def *h = c->contact.holdouts.p[i];
        if (h->of != d->of || is_exempt(l, h)) continue;
        if (!st_ensure(c, h, d->span)) continue;
        t->holdouts[t->nholdouts++] = h;
        st_use(c, &user, h);
    }
}

/* An experiment that is exempt from a holdout deals its arms to people whom its treatment then leaves out. */
static void warn_exempt(st_checker *c, const st_def *d, const st_def *base, const lines *l)
{
    if (!base || base->kind != ST_DEF_EXPERIMENT || d->treatment->transactional) return;
    const st_ast *items = base->ast->kids[ST_EXPERIMENT_items];
    for (uint32_t i = 0; i < items->n; i++) {
        if (items->kids[i]->kind != ST_AST_EXEMPT) continue;
        const st_word *w = st_lookup(c, items->kids[i]->kids[ST_EXEMPT_name]->text);
        if (w && w->def && w->def->kind == ST_DEF_HOLDOUT && !is_exempt(l, w->def))
            st_err(c, ST_MSG_EXEMPT_ALONE, d->span, base->name, w->def->name, d->name);
    }
}

/* Who is in the control arm is there to be compared with: she gets nothing. */
static bool is_control_arm(st_checker *c, const st_def *base, const st_ast *target)
{
    const st_ast *label = target->kids[ST_TARGET_label];
    if (!base || base->kind != ST_DEF_EXPERIMENT || strcmp(label->text, "control") != 0) return false;
    st_err(c, ST_MSG_TREATED_CONTROL, target->span, base->name);
    return true;
}

void st_check_treatment(st_checker *c, st_def *d)
{
    const st_ast *const *kids = (const st_ast *const *)d->ast->kids;
    const st_ast *target = kids[ST_TREATMENT_target];
    st_treatment *t = d->treatment = st_new(c->a, st_treatment);
    lines l = read_lines(c, d, kids[ST_TREATMENT_items]);
    t->transactional = l.transactional != NULL;
    t->action = l.action ? l.action->kids[ST_ACTION_text]->text : NULL;
    st_def *base = target_base(c, target);
    bool ok = l.ok && !is_control_arm(c, base, target);
    t->target = members_of(c, d, target, base, &t->arm);
    if (!t->target) ok = false;
    if (!check_active(c, d, kids[ST_TREATMENT_during], &t->active)) ok = false;
    take_exclusions(c, d);
    take_holdouts(c, d, &l);
    if (!check_control(c, d, l.control)) ok = false;
    if (!check_channels(c, d, &l)) ok = false;
    if (!check_again(c, d, l.again_after)) ok = false;
    if (!check_one_per(c, d, l.one_per)) ok = false;
    if (!check_at_most(c, d, l.at_most)) ok = false;
    if (l.order_by && !(t->order_by = rank_of(c, d, l.order_by->kids[ST_ORDER_BY_expr], "order by")))
        ok = false;
    if (!check_sends(c, d, l.sends.p, l.sends.n, &t->sends, &t->nsends)) ok = false;
    if (ok)
        warn_exempt(c, d, base, &l);
    else
        st_info(c, d)->bad = true;
}

/* ---- campaigns ---- */

/* The treatment that stands in the list of a campaign; NULL: reported. */
static st_def *campaign_member(st_checker *c, const st_def *d, const st_ast *ref)
{
    const st_word *w = ref->kind == ST_AST_NAME ? st_lookup(c, ref->text) : NULL;
    st_near near = {0};
    if (!w || !w->def || w->def->kind != ST_DEF_TREATMENT) {
        const char *text = st_source_text(c, ref);
        for (uint32_t i = 0; i < c->defs.n; i++)
            if (c->defs.p[i]->kind == ST_DEF_TREATMENT) st_near_add(&near, text, c->defs.p[i]->name);
        if (!c->incomplete || near.n)
            st_err(c, ST_MSG_NO_TREATMENT, ref->span, text, st_did_you_mean(c->a, &near));
        return NULL;
    }
    st_def *x = w->def;
    if (st_info(c, x)->broken || !st_ensure(c, x, ref->span) || !x->of) return NULL;
    if (x->treatment->campaign) {
        st_err(c, ST_MSG_TWO_CAMPAIGNS, ref->span, x->name, x->treatment->campaign->name);
        return NULL;
    }
    if (x->of != d->of) {
        st_err(c, ST_MSG_CAMPAIGN_TABLE, ref->span, x->name, x->of->name, d->of->name);
        return NULL;
    }
    return x;
}

void st_check_campaign(st_checker *c, st_def *d)
{
    const st_ast *refs = d->ast->kids[ST_CAMPAIGN_refs];
    st_campaign *campaign = d->campaign = st_new(c->a, st_campaign);
    st_scope user = {.def = d};
    st_read_metas(c, d, d->ast->kids[ST_CAMPAIGN_meta]);
    bool ok = check_active(c, d, d->ast->kids[ST_CAMPAIGN_during], &campaign->active);
    if (refs->n > ST_MAX_CAMPAIGN) {
        st_err(c, ST_MSG_TOO_MANY, d->span, "treatments", d->name, st_format(c->a, "%d", ST_MAX_CAMPAIGN));
        ok = false;
    }
    campaign->treatments = st_new_n(c->a, st_def *, refs->n);
    for (uint32_t i = 0; i < ST_MIN(refs->n, (uint32_t)ST_MAX_CAMPAIGN); i++) {
        st_def *x = campaign_member(c, d, refs->kids[i]);
        if (!x) {
            ok = false;
            continue;
        }
        campaign->treatments[campaign->n++] = x;
        x->treatment->campaign = d;
        st_use(c, &user, x);
    }
    if (!ok) st_info(c, d)->bad = true;
}

/* ---- audiences ---- */
void st_check_audience(st_checker *c, st_def *d)
{
    const st_ast *target = d->ast->kids[ST_AUDIENCE_from], *items = d->ast->kids[ST_AUDIENCE_items],
                 *changes = NULL;
    st_audience *a = d->audience = st_new(c->a, st_audience);
    lines l = {.ok = true};
    for (uint32_t i = 0; i < items->n; i++) {
        const st_ast *item = items->kids[i];
        if (item->kind == ST_AST_SEND) *st_push(c->a, &l.sends) = item;
        if (item->kind == ST_AST_CHANGES_ONLY) take_line(c, d, &l, &changes, item, "changes only");
        st_read_meta(c, d, item);
    }
    a->changes_only = changes != NULL;
    a->base = target_base(c, target);
    a->from = members_of(c, d, target, a->base, &a->label);
    bool ok = l.ok && a->from;
    if (!check_sends(c, d, l.sends.p, l.sends.n, &a->sends, &a->nsends)) ok = false;
    if (!l.sends.n) {
        st_err(c, ST_MSG_NOTHING_SENT, d->span, d->name);
        ok = false;
    }
    if (!ok) st_info(c, d)->bad = true;
}
