/* Draws: holdouts, experiments and layers, all spelled out as SAMPLE: who is in a range of a draw. What an experiment draws
 * from is a hidden segment: who is in its segment, in no universal holdout, in its range of a layer, while it is active. */
#include "sema/check.h"

/* ---- one draw ---- */
static bool salt_fits(const char *salt)
{
    if (!*salt) return false;
    for (const char *p = salt; *p; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
        if (!letter && *p != '.' && *p != '_' && *p != '-') return false;
    }
    return true;
}

/* Each salt is used by one draw. */
static bool take_salt(st_checker *c, const st_ast *salt)
{
    bool is_new;
    if (!salt_fits(salt->text)) {
        st_err(c, ST_MSG_SALT, salt->span);
        return false;
    }
    void **slot = st_map_put(&c->salts, salt->text, strlen(salt->text), &is_new);
    if (!is_new) {
        st_err(c, ST_MSG_SALT_REUSED, salt->span, salt->text);
        return false;
    }
    *slot = (void *)(uintptr_t)salt;
    return true;
}

static bool share_fits(st_checker *c, const st_ast *share)
{
    if (share->number < 0 || share->number > st_pow10(share->scale)) {
        st_err(c, ST_MSG_SHARE, share->span);
        return false;
    }
    if (share->scale <= ST_DRAW_SCALE) return true;
    st_err(c, ST_MSG_SHARE_DIGITS, share->span, st_format(c->a, "%d", ST_DRAW_SCALE - 2));
    return false;
}

/* The hash that is named; that of the rule set where none is. */
static bool check_hash(st_checker *c, const st_ast *name, st_hash *hash)
{
    *hash = c->hash;
    if (!name) return true;
    st_near near = {0};
    st_buf all = {0};
    for (int h = 0; h < ST_HASHES; h++) {
        *hash = (st_hash)h;
        if (strcmp(st_hash_name(*hash), name->text) == 0) return true;
        st_near_add(&near, name->text, st_hash_name(*hash));
        st_buf_printf(c->a, &all, "%s%s", h ? ", " : "", st_hash_name(*hash));
    }
    const char *help =
        near.n ? st_did_you_mean(c->a, &near) : st_format(c->a, "Choose one of %s.", st_buf_text(c->a, &all));
    st_err(c, ST_MSG_UNKNOWN_HASH, name->span, name->text, help);
    return false;
}

/* A draw by `salt` from the rows of `at`: whom it takes is still to be said. NULL: reported. */
static st_expr *draw_by(st_checker *c, const st_table *at, const st_ast *salt, const st_ast *hash,
                        st_span span)
{
    st_hash h;
    if (!take_salt(c, salt) || !check_hash(c, hash, &h)) return NULL;
    if (at && !at->key) {
        st_err(c, ST_MSG_ENTITY_WITHOUT_KEY, span, at->name);
        return NULL;
    }
    st_expr *x = st_x(c, ST_X_SAMPLE, st_type_of(ST_T_BOOL), span, 0);
    x->at = at;
    x->amount_is_share = true;
    x->value = (st_value){.type = st_type_of(ST_T_STRING), .as.s = st_str_of(salt->text)};
    x->hash = h;
    return x;
}

st_expr *st_check_draw(st_checker *c, const st_scope *s, const st_ast *share, const st_ast *salt,
                       const st_ast *hash, st_span span)
{
    st_expr *x = draw_by(c, s->at, salt, hash, span);
    if (!share_fits(c, share) || !x) return NULL;
    x->amount = share->number;
    x->amount_scale = share->scale;
    return x;
}

void st_find_hash(st_checker *c, const st_ast *program)
{
    for (uint32_t i = 0; i < program->n; i++) {
        const st_ast *ast = program->kids[i];
        if (ast->kind != ST_AST_HASH) continue;
        if (c->hash_set)
            st_err(c, ST_MSG_HASH_TWICE, ast->span);
        else if (check_hash(c, ast->kids[ST_HASH_name], &c->hash))
            c->hash_set = true;
    }
}

/* ---- ranges of one draw ---- */

/* Consecutive ranges of the shares that stand in an ARMS node. */
typedef struct range {
    const st_ast *arm;
    st_i128 low, share; /* of the node's scale */
} range;
typedef struct ranges {
    uint32_t n, scale;
    range *range;
} ranges;

static bool split(st_checker *c, const st_def *d, const st_ast *arms, ranges *out)
{
    *out = (ranges){.range = st_new_n(c->a, range, arms->n)};
    bool ok = true;
    for (uint32_t i = 0; i < arms->n; i++) {
        const st_ast *arm = arms->kids[i];
        if (arm->kind != ST_AST_ARM) continue;
        const st_ast *share = arm->kids[ST_ARM_share];
        if (!share_fits(c, share)) ok = false;
        out->scale = ST_MAX(out->scale, share->scale);
        out->range[out->n++].arm = arm;
    }
    st_i128 low = 0;
    for (uint32_t i = 0; i < out->n && ok; i++) {
        const st_ast *share = out->range[i].arm->kids[ST_ARM_share];
        out->range[i].low = low;
        out->range[i].share = share->number * st_pow10(out->scale - share->scale);
        low += out->range[i].share;
    }
    if (ok && low > st_pow10(out->scale)) {
        char percent[ST_DECIMAL_TEXT];
        uint32_t n = st_dec_format(low * 100, out->scale, percent);
        if (memchr(percent, '.', n))
            while (percent[n - 1] == '0' || percent[n - 1] == '.')
                if (percent[--n] == '.') break;
        st_err(c, ST_MSG_SHARES_OVER, arms->span, d->name, st_format(c->a, "%.*s%%", (int)n, percent));
        ok = false;
    }
    return ok;
}

/* Who is in a range of the draw; `draw` is a model to be copied. */
static st_expr *in_range(st_checker *c, const st_expr *draw, const ranges *r, uint32_t i)
{
    st_expr *x = st_new(c->a, st_expr);
    *x = *draw;
    x->span = r->range[i].arm->span;
    x->low_share = r->range[i].low;
    x->amount = r->range[i].share;
    x->amount_scale = r->scale;
    return x;
}

/* ---- holdouts ---- */
void st_check_holdout(st_checker *c, st_def *d)
{
    st_scope s = {.at = d->of, .def = d};
    const st_ast *const *kids = (const st_ast *const *)d->ast->kids;
    st_read_metas(c, d, kids[ST_HOLDOUT_meta]);
    d->type = st_type_of(ST_T_BOOL);
    st_expr *drawn = st_check_draw(c, &s, kids[ST_HOLDOUT_share], kids[ST_HOLDOUT_salt],
                                   kids[ST_HOLDOUT_hash], d->ast->span);
    st_expr *active = NULL;
    bool ok = drawn && st_check_during(c, &s, kids[ST_HOLDOUT_during], &active);
    if (ok)
        d->expr = st_x_and(c, st_x_and(c, d->of->visible, drawn, drawn->span), active, drawn->span);
    else
        st_info(c, d)->bad = true;
}

/* ---- layers ---- */
void st_check_layer(st_checker *c, st_def *d)
{
    const st_ast *arms = d->ast->kids[ST_LAYER_arms];
    for (uint32_t i = 0; i < arms->n; i++) st_read_meta(c, d, arms->kids[i]);
    ranges r;
    st_expr *draw = draw_by(c, NULL, d->ast->kids[ST_LAYER_salt], d->ast->kids[ST_LAYER_hash], d->ast->span);
    if (!split(c, d, arms, &r) || !draw) {
        st_info(c, d)->bad = true;
        return;
    }
    for (uint32_t i = 0; i < r.n; i++) {
        const st_ast *name = r.range[i].arm->kids[ST_ARM_label];
        const st_word *w = st_lookup(c, name->text);
        if (!w || !w->def || w->def->kind != ST_DEF_EXPERIMENT) {
            st_near near = {0};
            for (uint32_t k = 0; k < c->defs.n; k++)
                if (c->defs.p[k]->kind == ST_DEF_EXPERIMENT)
                    st_near_add(&near, name->text, c->defs.p[k]->name);
            if (!c->incomplete || near.n)
                st_err(c, ST_MSG_NO_EXPERIMENT, name->span, name->text, st_did_you_mean(c->a, &near));
            continue;
        }
        st_definfo *info = st_info(c, w->def);
        if (info->layer) {
            st_err(c, ST_MSG_TWO_LAYERS, name->span, name->text, info->layer->name);
            continue;
        }
        info->layer = d;
        info->range = in_range(c, draw, &r, i);
    }
}

/* ---- experiments ---- */

/* What the items of an experiment say, each at most once but `exempt`. */
typedef struct parts {
    const st_ast *arms, *strata; /* strata: what stands behind `stratify by`; NULL: nothing does */
    ST_VEC(const st_ast *) exempt;
} parts;

static parts parts_of(st_checker *c, st_def *d, const st_ast *items)
{
    parts p = {0};
    for (uint32_t i = 0; i < items->n; i++) {
        const st_ast *item = items->kids[i];
        if (item->kind == ST_AST_EXEMPT) *st_push(c->a, &p.exempt) = item->kids[ST_EXEMPT_name];
        if (item->kind == ST_AST_STRATIFY) {
            if (p.strata) st_err(c, ST_MSG_SAID_TWICE, item->span, "stratify by", d->name);
            if (!p.strata) p.strata = item->kids[ST_STRATIFY_refs];
        }
        if (item->kind == ST_AST_ARMS) {
            if (p.arms) st_err(c, ST_MSG_SAID_TWICE, item->span, "arms", d->name);
            if (!p.arms) p.arms = item;
            for (uint32_t k = 0; k < item->n; k++) st_read_meta(c, d, item->kids[k]);
        }
        st_read_meta(c, d, item);
    }
    return p;
}

st_def *st_check_exempt(st_checker *c, const st_table *of, const st_ast *name)
{
    const st_word *w = st_lookup(c, name->text);
    if (w && w->def && w->def->kind == ST_DEF_HOLDOUT && w->def->of == of) return w->def;
    st_near near = {0};
    for (uint32_t k = 0; k < c->defs.n; k++)
        if (c->defs.p[k]->kind == ST_DEF_HOLDOUT && c->defs.p[k]->of == of)
            st_near_add(&near, name->text, c->defs.p[k]->name);
    if (!c->incomplete || near.n)
        st_err(c, ST_MSG_NO_HOLDOUT, name->span, name->text, of->name, st_did_you_mean(c->a, &near));
    return NULL;
}

/* Holdouts that `exempt from` names are none for this experiment. */
static bool check_exempt(st_checker *c, const st_def *d, const parts *p)
{
    bool ok = true;
    for (uint32_t i = 0; i < p->exempt.n; i++)
        if (!st_check_exempt(c, d->of, p->exempt.p[i])) ok = false;
    return ok;
}

static bool is_exempt(const parts *p, const st_def *holdout)
{
    for (uint32_t i = 0; i < p->exempt.n; i++)
        if (strcmp(p->exempt.p[i]->text, holdout->name) == 0) return true;
    return false;
}

st_expr *st_not_held_out(st_checker *c, const st_scope *s, bool (*exempt)(const void *, const st_def *),
                         const void *ctx, st_span span)
{
    st_expr *x = NULL;
    for (uint32_t i = 0; i < c->contact.holdouts.n; i++) {
        st_def *h = c->contact.holdouts.p[i];
        if (h->of != s->at || exempt(ctx, h)) continue;
        st_expr *in = st_x_def(c, s, h, span);
        if (in && !st_info(c, h)->bad) x = st_x_and(c, x, st_x_not(c, in, span), span);
    }
    return x;
}

static bool exempt_of_parts(const void *ctx, const st_def *holdout)
{
    return is_exempt(ctx, holdout);
}

static st_def *check_on(st_checker *c, const st_scope *s, const st_ast *on)
{
    const st_word *w = st_lookup(c, on->text);
    st_near near = {0};
    if (w && w->def && st_info(c, w->def)->broken) return NULL;
    if (w && w->def && w->def->kind == ST_DEF_SEGMENT && w->def->of) return w->def;
    for (uint32_t i = 0; i < c->defs.n; i++)
        if (c->defs.p[i]->kind == ST_DEF_SEGMENT && c->defs.p[i]->of == s->at && !c->defs.p[i]->hidden)
            st_near_add(&near, on->text, c->defs.p[i]->name);
    if (!c->incomplete || near.n)
        st_err(c, ST_MSG_EXPERIMENT_ON, on->span, on->text, st_did_you_mean(c->a, &near));
    return NULL;
}

/* The hidden segment of those that an experiment draws from; NULL: reported. */
static st_def *members_of(st_checker *c, st_def *d, const parts *p)
{
    const st_ast *on = d->ast->kids[ST_EXPERIMENT_on];
    st_def *hidden = st_hide(c, d, ST_DEF_SEGMENT, st_format(c->a, "members of %s", d->name));
    st_scope s = {.at = d->of, .def = hidden};
    st_def *segment = check_on(c, &s, on);
    st_expr *active = NULL;
    bool ok = st_check_during(c, &s, d->ast->kids[ST_EXPERIMENT_during], &active);
    if (!check_exempt(c, d, p) || !ok || !segment) return NULL;
    st_expr *x = st_x_def(c, &s, segment, on->span);
    if (!x || st_info(c, segment)->bad) return NULL;
    x = st_x_and(c, x, st_not_held_out(c, &s, exempt_of_parts, p, on->span), on->span);
    if (st_info(c, d)->range) {
        st_info(c, d)->range->at = d->of;
        x = st_x_and(c, x, st_info(c, d)->range, on->span);
    }
    hidden->expr = st_x_and(c, x, active, on->span);
    st_show_hidden(c, hidden);
    return hidden;
}

/* The same draw by strata: shares are ranges of the members of each stratum, in order of what was drawn. NULL: reported. */
static st_expr *check_strata(st_checker *c, const st_scope *s, const st_expr *draw, const parts *p,
                             const ranges *r)
{
    const st_ast *by = p->strata;
    if (by->n > ST_MAX_STRATA) {
        st_err(c, ST_MSG_TOO_MANY, by->span, "values behind stratify by", s->def->name,
               st_format(c->a, "%d", ST_MAX_STRATA));
        return NULL;
    }
    st_expr *x = st_new(c->a, st_expr);
    *x = *draw;
    x->op = ST_X_STRATUM;
    x->type = st_int_type(4);
    x->type.optional = true;
    x->amount_is_share = false;
    x->span = by->span;
    x->kind = by->n;
    x->n = by->n + r->n;
    x->args = st_new_n(c->a, st_expr *, x->n);
    bool ok = true;
    for (uint32_t i = 0; i < by->n; i++) {
        x->args[i] = st_check_dimension(c, s, by->kids[i]);
        if (!x->args[i]) ok = false;
    }
    for (uint32_t i = 0; i < r->n; i++) {
        st_value end = {.type = st_decimal_type(r->scale + 1, r->scale)};
        end.as.d = r->range[i].low + r->range[i].share;
        x->args[by->n + i] = st_x_const(c, end, r->range[i].arm->span);
    }
    return ok ? x : NULL;
}

static st_expr *is_range(st_checker *c, st_expr *stratum, const ranges *r, uint32_t i)
{
    st_span span = r->range[i].arm->span;
    return st_x_cmp(c, ST_X_EQ, stratum, st_x_int(c, i, span), span);
}

void st_check_experiment(st_checker *c, st_def *d)
{
    const st_ast *const *kids = (const st_ast *const *)d->ast->kids;
    parts p = parts_of(c, d, kids[ST_EXPERIMENT_items]);
    st_start_labels(c, d, p.arms ? p.arms->n : 0);
    d->type.optional = true;
    if (!p.arms) {
        st_err(c, ST_MSG_NO_ARMS, d->span, d->name);
        st_info(c, d)->bad = true;
        return;
    }
    for (uint32_t i = 0; i < c->defs.n; i++)
        if (c->defs.p[i]->kind == ST_DEF_LAYER) st_ensure(c, c->defs.p[i], d->span);
    st_scope s = {.at = d->of, .def = d};
    ranges r;
    st_expr *draw = draw_by(c, d->of, kids[ST_EXPERIMENT_salt], kids[ST_EXPERIMENT_hash], d->ast->span);
    bool ok = split(c, d, p.arms, &r) && draw;
    for (uint32_t i = 0; i < r.n; i++)
        if (st_add_label(c, d, r.range[i].arm->kids[ST_ARM_label]) == ST_NO_LABEL) ok = false;
    d->among = members_of(c, d, &p);
    st_expr *stratum = ok && p.strata ? check_strata(c, &s, draw, &p, &r) : NULL;
    if (!ok || !d->among || (p.strata && !stratum)) {
        st_info(c, d)->bad = true;
        return;
    }
    st_use(c, &s, d->among);
    if (stratum) {
        stratum->def = d->among;
        st_err(c, ST_MSG_STRATA_MOVE, p.strata->span, d->name);
    }
    for (uint32_t i = 0; i < r.n; i++)
        d->tiers[d->ntiers++] = (st_tier){i, stratum ? is_range(c, stratum, &r, i) : in_range(c, draw, &r, i),
                                          r.range[i].arm->span};
}
