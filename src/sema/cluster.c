/* Clusters: the label of the nearest centre.
 *
 * The distance of a row x from a centre c is the sum of w (x - c)^2 over the features. Between two centres a and b only the sign of
 * the difference matters, in which the squares of x fall away: a is not farther than b where
 *     sum of 2 w (b - a) x  <=  sum of w (b^2 - a^2).
 * For exact numbers that is the same, with half of the digits. With a float the squares are summed as they are written. */
#include "sema/check.h"

typedef struct centre {
    st_expr **values;
    st_span span;
} centre;

typedef struct cluster {
    st_checker *c;
    st_def *d;
    st_scope s;
    uint32_t nfeatures, ncentres;
    st_expr **features, **weights;
    centre *centres;
    bool floats;
} cluster;

/* So many numbers as there are features; NULL: reported. */
static st_expr **numbers(cluster *q, const st_ast *list, const char *what, bool positive)
{
    st_checker *c = q->c;
    if (list->n != q->nfeatures) {
        st_err(c, ST_MSG_CLUSTER_VALUES, list->span, what, st_format(c->a, "%u", list->n),
               st_format(c->a, "%u", q->nfeatures));
        return NULL;
    }
    st_expr **values = st_new_n(c->a, st_expr *, list->n);
    bool ok = true;
    for (uint32_t i = 0; i < list->n; i++) {
        st_expr *x = st_check_number(c, &q->s, list->kids[i]);
        st_value zero = {.type = st_int_type(1)};
        if (x && !st_is_const(x)) {
            st_err(c, ST_MSG_CLUSTER_CONSTANT, list->kids[i]->span, st_source_text(c, list->kids[i]));
            x = NULL;
        } else if (x && positive && st_is_exact(x->type) && st_compare_values(&x->value, &zero) <= 0) {
            st_err(c, ST_MSG_CLUSTER_WEIGHT, list->kids[i]->span);
            x = NULL;
        }
        if (x && x->type.base == ST_T_FLOAT) q->floats = true;
        values[i] = x;
        if (!x) ok = false;
    }
    return ok ? values : NULL;
}

static st_expr *with(cluster *q, st_op op, st_expr *a, st_expr *b, st_span span)
{
    return a && b ? st_arithmetic(q->c, op, a, b, span) : NULL;
}

static st_expr *added(cluster *q, st_expr *sum, st_expr *x, st_span span)
{
    return sum ? with(q, ST_X_ADD, sum, x, span) : x;
}

/* The distance from a centre, for floats. */
static st_expr *distance(cluster *q, const centre *m)
{
    st_expr *sum = NULL;
    for (uint32_t i = 0; i < q->nfeatures; i++) {
        st_expr *apart = with(q, ST_X_SUB, q->features[i], m->values[i], m->span);
        st_expr *square = with(q, ST_X_MUL, apart, apart, m->span);
        if (q->weights) square = with(q, ST_X_MUL, q->weights[i], square, m->span);
        sum = added(q, sum, square, m->span);
        if (!sum) return NULL;
    }
    return sum;
}

/* Centre a is not farther than b; NULL: reported. */
static st_expr *not_farther(cluster *q, const centre *a, const centre *b)
{
    st_checker *c = q->c;
    if (q->floats) {
        st_expr *left = distance(q, a), *right = distance(q, b);
        return left && right ? st_x_cmp(c, ST_X_LE, left, right, a->span) : NULL;
    }
    st_expr *left = NULL, *right = NULL, *two = st_x_int(c, 2, a->span);
    for (uint32_t i = 0; i < q->nfeatures; i++) {
        st_expr *p = a->values[i], *r = b->values[i];
        st_expr *slope = with(q, ST_X_MUL, two, with(q, ST_X_SUB, r, p, a->span), a->span);
        st_expr *level =
            with(q, ST_X_SUB, with(q, ST_X_MUL, r, r, a->span), with(q, ST_X_MUL, p, p, a->span), a->span);
        if (q->weights) {
            slope = with(q, ST_X_MUL, q->weights[i], slope, a->span);
            level = with(q, ST_X_MUL, q->weights[i], level, a->span);
        }
        left = added(q, left, with(q, ST_X_MUL, slope, q->features[i], a->span), a->span);
        right = added(q, right, level, a->span);
        if (!left || !right) return NULL;
    }
    return st_x_cmp(c, ST_X_LE, left, right, a->span);
}

/* Not farther than those below: the first centre of which that is true is the nearest, of several the first written. */
static bool add_label(cluster *q, uint32_t i)
{
    st_checker *c = q->c;
    st_span span = q->centres[i].span;
    uint32_t n = 0;
    st_expr **parts = st_new_n(c->a, st_expr *, (size_t)q->nfeatures + q->ncentres);
    for (uint32_t k = 0; k < q->nfeatures; k++) {
        st_expr *missing = st_x(c, ST_X_IS_MISSING, st_type_of(ST_T_BOOL), span, 1, q->features[k]);
        missing->type.optional = false;
        parts[n++] = st_x_not(c, missing, span);
    }
    for (uint32_t k = i + 1; k < q->ncentres; k++)
        if (!(parts[n++] = not_farther(q, &q->centres[i], &q->centres[k]))) return false;
    st_expr *when = st_x_or_all(c, ST_X_AND, parts, n, span);
    q->d->tiers[q->d->ntiers++] = (st_tier){i, st_x_and(c, q->d->of->visible, when, span), span};
    return true;
}

static bool check_features(cluster *q, const st_ast *list)
{
    st_checker *c = q->c;
    bool ok = true;
    q->nfeatures = list->n;
    if (list->n > ST_MAX_FEATURES) {
        st_err(c, ST_MSG_TOO_MANY, list->span, "features", q->d->name,
               st_format(c->a, "%d", ST_MAX_FEATURES));
        return false;
    }
    q->features = st_new_n(c->a, st_expr *, list->n);
    for (uint32_t i = 0; i < list->n; i++) {
        q->features[i] = st_check_number(c, &q->s, list->kids[i]);
        if (!q->features[i])
            ok = false;
        else if (q->features[i]->type.base == ST_T_FLOAT)
            q->floats = true;
    }
    return ok;
}

static bool check_items(cluster *q, const st_ast *items)
{
    st_checker *c = q->c;
    bool ok = true;
    q->centres = st_new_n(c->a, centre, items->n);
    for (uint32_t i = 0; i < items->n; i++) {
        const st_ast *item = items->kids[i];
        if (st_read_meta(c, q->d, item)) continue;
        if (item->kind == ST_AST_WEIGHTS) {
            if (q->weights) st_err(c, ST_MSG_CLUSTER_WEIGHTS_TWICE, item->span);
            st_expr **weights = numbers(q, item->kids[ST_WEIGHTS_values], "The weights", true);
            if (!weights || q->weights) ok = false;
            q->weights = weights;
            continue;
        }
        if (q->ncentres == ST_MAX_CENTRES) {
            st_err(c, ST_MSG_TOO_MANY, item->span, "centres", q->d->name,
                   st_format(c->a, "%d", ST_MAX_CENTRES));
            return false;
        }
        centre *m = &q->centres[q->ncentres++];
        const st_ast *label = item->kids[ST_CENTRE_label];
        *m = (centre){numbers(q, item->kids[ST_CENTRE_values], label->text, false), item->span};
        if (!m->values || st_add_label(c, q->d, label) == ST_NO_LABEL) ok = false;
    }
    return ok;
}

void st_check_cluster(st_checker *c, st_def *d)
{
    const st_ast *items = d->ast->kids[ST_CLUSTER_items];
    cluster q = {.c = c, .d = d, .s = {.at = d->of, .def = d}};
    st_start_labels(c, d, items->n);
    d->type.optional = true;
    bool ok = check_features(&q, d->ast->kids[ST_CLUSTER_features]) && check_items(&q, items);
    if (ok && q.ncentres == 0) {
        st_err(c, ST_MSG_NO_LABELS, d->span, d->name);
        ok = false;
    }
    for (uint32_t i = 0; ok && i < q.ncentres; i++) ok = add_label(&q, i);
    if (!ok) st_info(c, d)->bad = true;
}
