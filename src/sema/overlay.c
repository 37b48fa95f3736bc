/* Overlays: the members of a segment, crossed with what they are in other respects. The action is given as tiers among the
 * segment give their label; what a cell is called is put together from the dimensions where answers are written. */
#include "sema/check.h"

enum { FEW_DIMENSIONS = 3 };

static st_def *hidden_trait(st_checker *c, const st_def *d, const st_ast *written, st_expr *x)
{
    const char *name = st_format(c->a, "%s.%s", d->name, st_source_text(c, written));
    st_def *hidden = st_hide(c, d, ST_DEF_TRAIT, name);
    hidden->type = x->type;
    hidden->expr = x;
    st_show_hidden(c, hidden);
    return hidden;
}

bool st_has_few_values(st_type t)
{
    switch (t.base) {
    case ST_T_BOOL:
    case ST_T_INT:
    case ST_T_STRING:
    case ST_T_DATE:
    case ST_T_LABEL: return !t.list;
    default: return false;
    }
}

st_expr *st_check_dimension(st_checker *c, const st_scope *s, const st_ast *written)
{
    st_expr *x = st_check_expr(c, s, written);
    if (!x || st_has_few_values(x->type)) return x;
    st_err(c, ST_MSG_OVERLAY_DIMENSION, written->span, st_source_text(c, written), st_kind_words(x->type));
    return NULL;
}

/* What a dimension is: a definition, or a trait made of what was written; NULL: reported. */
static st_def *dimension(st_checker *c, st_def *d, const st_scope *s, const st_ast *written)
{
    st_expr *x = st_check_dimension(c, s, written);
    if (!x) return NULL;
    if (st_is_personal(x)) {
        st_err(c, ST_MSG_PERSONAL_OUTPUT, written->span, st_source_text(c, written),
               "It would be part of the names of cells");
        return NULL;
    }
    bool named = x->op == ST_X_DEF && x->def->of == d->of && x->def->kind != ST_DEF_SEGMENT;
    if (!named) return hidden_trait(c, d, written, x);
    st_use(c, s, x->def);
    return x->def;
}

static bool check_dimensions(st_checker *c, st_def *d, const st_scope *s, const st_ast *by)
{
    st_overlay *o = d->overlay;
    bool ok = true;
    if (by->n > ST_MAX_DIMENSIONS) {
        st_err(c, ST_MSG_TOO_MANY, by->span, "dimensions", d->name, st_format(c->a, "%d", ST_MAX_DIMENSIONS));
        return false;
    }
    if (by->n > FEW_DIMENSIONS)
        st_err(c, ST_MSG_OVERLAY_OF_MANY, by->span, d->name, st_format(c->a, "%u", by->n));
    o->dims = st_new_n(c->a, st_def *, by->n);
    for (uint32_t i = 0; i < by->n; i++) {
        st_def *dim = dimension(c, d, s, by->kids[i]);
        if (dim)
            o->dims[o->ndims++] = dim;
        else
            ok = false;
    }
    return ok;
}

/* The row above with the same words as condition; NULL: there is none. */
static const st_ast *same_above(st_checker *c, const st_ast *rows, uint32_t i)
{
    const char *text = st_source_text(c, rows->kids[i]->kids[ST_TIER_arg]);
    for (uint32_t k = 0; k < i; k++) {
        const st_ast *above = rows->kids[k];
        if (above->kind == ST_AST_TIER && above->op == ST_TIER_WHEN &&
            strcmp(st_source_text(c, above->kids[ST_TIER_arg]), text) == 0)
            return above;
    }
    return NULL;
}

static bool check_action(st_checker *c, st_def *d, const st_scope *s, const st_ast *rows, uint32_t i)
{
    const st_ast *row = rows->kids[i], *name = row->kids[ST_TIER_label], *arg = row->kids[ST_TIER_arg];
    if (row->op != ST_TIER_WHEN && row->op != ST_TIER_OTHERWISE) {
        st_err(c, ST_MSG_OVERLAY_ROW, row->span, d->name, name->text);
        return false;
    }
    const st_ast *above = row->op == ST_TIER_WHEN ? same_above(c, rows, i) : NULL;
    if (above) st_err(c, ST_MSG_SAME_CONDITION, row->span, name->text, above->kids[ST_TIER_label]->text);
    uint32_t label = st_add_label(c, d, name);
    st_expr *when = row->op == ST_TIER_WHEN ? st_check_bool(c, s, arg) : NULL;
    if (label == ST_NO_LABEL || (row->op == ST_TIER_WHEN && !when)) return false;
    st_expr *visible = d->of->visible; /* who has not begun has no label */
    d->tiers[d->ntiers++] =
        (st_tier){label, when ? st_x_and(c, visible, when, row->span) : visible, row->span};
    return true;
}

static bool check_actions(st_checker *c, st_def *d, const st_scope *s, const st_ast *rows)
{
    const st_ast *otherwise = NULL;
    bool ok = true;
    for (uint32_t i = 0; i < rows->n; i++) {
        const st_ast *row = rows->kids[i];
        if (st_read_meta(c, d, row)) continue;
        if (otherwise) {
            st_err(c, ST_MSG_BEHIND_OTHERWISE, row->span, row->kids[ST_TIER_label]->text);
            return false;
        }
        if (row->op == ST_TIER_OTHERWISE) otherwise = row;
        if (!check_action(c, d, s, rows, i)) ok = false;
    }
    d->overlay->has_actions = d->labels.n > 0;
    if (ok && d->labels.n && !otherwise)
        st_err(c, ST_MSG_TIERS_INCOMPLETE, d->span, d->name, "who fits none of the rows");
    return ok;
}

void st_check_overlay(st_checker *c, st_def *d)
{
    const st_ast *items = d->ast->kids[ST_OVERLAY_items], *min_size = d->ast->kids[ST_OVERLAY_min_size];
    st_scope s = {.at = d->of, .def = d};
    d->overlay = st_new(c->a, st_overlay);
    st_start_labels(c, d, items ? items->n : 0);
    d->type.optional = true;
    d->among = d->overlay->on = st_check_segment_name(c, &s, d->ast->kids[ST_OVERLAY_on], "on");
    bool ok = d->among != NULL;
    if (min_size && min_size->number > INT32_MAX) {
        st_err(c, ST_MSG_MIN_SIZE, min_size->span);
        ok = false;
    } else if (min_size) {
        d->overlay->min_size = (int64_t)min_size->number;
    }
    if (!check_dimensions(c, d, &s, d->ast->kids[ST_OVERLAY_by])) ok = false;
    if (items && !check_actions(c, d, &s, items)) ok = false;
    if (!ok) st_info(c, d)->bad = true;
}
