/* Expressions of the checked program as nodes. A condition is asked "is true" or "is false"; `not` only turns the question
 * around, so missing values cost nothing below this file. */
#include "ir/lower.h"

typedef enum want { WANT_TRUE, WANT_FALSE, WANT_VALUE } want;

static bool is_bool(const st_expr *e)
{
    return e->type.base == ST_T_BOOL && !e->type.list;
}

/* ---- lists ---- */

/* A list that HAS looks into: the list itself, where it can be read at all, and whether its elements are folded. */
typedef struct list_source {
    st_ir_id list, guard;
    bool fold;
} list_source;

static list_source list_of(st_lowering *l, const st_expr *e)
{
    switch (e->op) {
    case ST_X_COLUMN: return (list_source){st_ir_column(l->ir, e->col), ST_IR_TRUE_ID, false};
    case ST_X_LINK: {
        list_source s = list_of(l, e->args[0]);
        const st_ir_path *path = st_ir_path_of(l->ir, &e->col, 1);
        st_ir_id guard = st_ir_and2(l->ir, s.guard, st_lower_keep(l, e->col->links_to));
        s.list = st_ir_gather(l->ir, path, s.list);
        s.guard = st_ir_gather(l->ir, path, guard);
        return s;
    }
    case ST_X_LOWER: {
        list_source s = list_of(l, e->args[0]);
        s.fold = true;
        return s;
    }
    case ST_X_DEF: return list_of(l, e->def->expr);
    default:
        st_fail(st_arena_env(l->arena), STRATA_BAD_RULES,
                "a list can be read from a column, also through links; not by %s", st_op_names[e->op]);
    }
}

static st_ir_id list_known(st_lowering *l, const st_expr *e)
{
    list_source s = list_of(l, e);
    return st_ir_and2(l->ir, st_ir_known(l->ir, s.list), s.guard);
}

static st_ir_id ask(st_lowering *l, const st_expr *e, want w);

/* The list has v. An exact v of more digits than the list's elements have is in it only if they are zeros. */
static st_ir_id list_contains(st_lowering *l, const list_source *s, st_ir_id v)
{
    st_ir *ir = l->ir;
    const st_ir_node *n = st_ir_at(ir, v), *list = st_ir_at(ir, s->list);
    if (n->op == ST_IR_MISSING) return ST_IR_FALSE_ID;
    st_ir_id exactly = ST_IR_TRUE_ID, element = v;
    if (n->kind == ST_IR_I64 || n->kind == ST_IR_I128) {
        const st_col *col = list->op == ST_IR_GATHER ? st_ir_at(ir, list->args[0])->col : list->col;
        st_type element_type = col->type;
        element_type.list = false;
        st_ir_like like = st_ir_like_of(&element_type);
        element = st_ir_round(ir, ST_IR_ROUND, v, like);
        if (n->scale > like.scale) exactly = st_ir_cmp(ir, ST_EQ, element, v);
    }
    st_ir_node has = {
        .op = ST_IR_HAS, .kind = ST_IR_PRED, .k = s->fold, .n = 2, .args = (st_ir_id[]){s->list, element}};
    return exactly == ST_IR_FALSE_ID ? exactly : st_ir_and2(ir, st_ir_node_of(ir, &has), exactly);
}

/* A list of a chosen row is asked on that row. */
static st_ir_id list_has(st_lowering *l, const st_expr *list, const st_expr *element, want w)
{
    if (list->op == ST_X_STEP_ROW) {
        if (element->at)
            st_fail(st_arena_env(l->arena), STRATA_BAD_RULES,
                    "a list of a chosen row can be asked for a constant only");
        st_ir_id t = list_has(l, list->args[0], element, WANT_TRUE);
        st_ir_id f = list_has(l, list->args[0], element, WANT_FALSE);
        st_ir_id truth = st_ir_truth(l->ir, t, f);
        st_ir_node bound = {.op = ST_IR_BOUND,
                            .kind = ST_IR_I64,
                            .digits = 1,
                            .optional = true,
                            .domain = ST_IR_RUN,
                            .k = list->kind,
                            .n = 1,
                            .args = &truth};
        st_ir_id b = st_ir_node_of(l->ir, &bound);
        return st_ir_cmp(l->ir, ST_EQ, b, st_ir_int(l->ir, w == WANT_TRUE));
    }
    list_source s = list_of(l, list);
    st_ir_id has, known;
    if (is_bool(element)) {
        st_ir_id t = ask(l, element, WANT_TRUE), f = ask(l, element, WANT_FALSE);
        st_ir_id has_true = list_contains(l, &s, st_ir_int(l->ir, 1));
        st_ir_id has_false = list_contains(l, &s, st_ir_int(l->ir, 0));
        st_ir_id first = st_ir_and2(l->ir, t, has_true);
        has = st_ir_or2(l->ir, first, st_ir_and2(l->ir, f, has_false));
        known = st_ir_or2(l->ir, t, f);
    } else {
        st_ir_id v = st_lower_value(l, element);
        has = list_contains(l, &s, v);
        known = st_ir_known(l->ir, v);
    }
    if (w == WANT_TRUE) return st_ir_and2(l->ir, has, s.guard);
    known = st_ir_and2(l->ir, st_ir_known(l->ir, s.list), known);
    return st_ir_and2(l->ir, s.guard, st_ir_but_not(l->ir, known, has));
}

/* ---- conditions ---- */

static st_ir_id ask(st_lowering *l, const st_expr *e, want w);

static st_ir_id both_known(st_lowering *l, st_ir_id a, st_ir_id b)
{
    return st_ir_and2(l->ir, st_ir_known(l->ir, a), st_ir_known(l->ir, b));
}

/* "Is false" of a test that has no inverse of its own. */
static st_ir_id test(st_lowering *l, st_ir_id t, st_ir_id known, want w)
{
    return w == WANT_TRUE ? t : st_ir_but_not(l->ir, known, t);
}

static st_ir_id junction(st_lowering *l, const st_expr *e, want w)
{
    st_ir_id *p = st_new_n(l->arena, st_ir_id, e->n ? e->n : 1);
    for (uint32_t i = 0; i < e->n; i++) p[i] = ask(l, e->args[i], w);
    if (e->op == ST_X_AT_LEAST) {
        /* False where so many are false that the rest is too few. */
        uint32_t k = w == WANT_TRUE ? e->kind : e->kind > e->n ? 0 : e->n - e->kind + 1;
        return st_ir_at_least(l->ir, k, p, e->n);
    }
    bool all = (e->op == ST_X_AND) == (w == WANT_TRUE);
    return all ? st_ir_and(l->ir, p, e->n) : st_ir_or(l->ir, p, e->n);
}

static st_ir_id condition_equals(st_lowering *l, const st_expr *e, want w)
{
    st_ir *ir = l->ir;
    bool same = (e->op == ST_X_EQ) == (w == WANT_TRUE);
    st_ir_id t1 = ask(l, e->args[0], WANT_TRUE), f1 = ask(l, e->args[0], WANT_FALSE);
    st_ir_id t2 = ask(l, e->args[1], same ? WANT_TRUE : WANT_FALSE);
    st_ir_id f2 = ask(l, e->args[1], same ? WANT_FALSE : WANT_TRUE);
    st_ir_id first = st_ir_and2(ir, t1, t2);
    return st_ir_or2(ir, first, st_ir_and2(ir, f1, f2));
}

static st_ir_id comparison(st_lowering *l, const st_expr *e, want w)
{
    static const st_cmp cmp[] = {ST_EQ, ST_NE, ST_LT, ST_LE, ST_GT, ST_GE};
    if (is_bool(e->args[0])) return condition_equals(l, e, w);
    st_cmp op = cmp[e->op - ST_X_EQ];
    st_ir_id a = st_lower_value(l, e->args[0]), b = st_lower_value(l, e->args[1]);
    return st_ir_cmp(l->ir, w == WANT_TRUE ? op : st_cmp_inverse(op), a, b);
}

static st_ir_id membership(st_lowering *l, const st_expr *e, want w)
{
    st_ir_id v = st_lower_value(l, e->args[0]);
    st_ir_id *set = st_new_n(l->arena, st_ir_id, e->n);
    for (uint32_t i = 1; i < e->n; i++) set[i - 1] = st_lower_value(l, e->args[i]);
    return test(l, st_ir_in(l->ir, v, set, e->n - 1), st_ir_known(l->ir, v), w);
}

static st_ir_id text_test(st_lowering *l, const st_expr *e, want w)
{
    st_ir_op op = e->op == ST_X_STARTS_WITH ? ST_IR_STARTS_WITH
                  : e->op == ST_X_ENDS_WITH ? ST_IR_ENDS_WITH
                                            : ST_IR_CONTAINS;
    st_ir_id a = st_lower_value(l, e->args[0]), b = st_lower_value(l, e->args[1]);
    return test(l, st_ir_text_test(l->ir, op, a, b), both_known(l, a, b), w);
}

static st_ir_id matches(st_lowering *l, const st_expr *e, want w)
{
    st_ir_id v = st_lower_value(l, e->args[0]);
    if (st_ir_at(l->ir, v)->op == ST_IR_MISSING) return ST_IR_FALSE_ID;
    st_ir_node n = {.op = ST_IR_MATCHES, .kind = ST_IR_PRED, .text = e->value.as.s, .n = 1, .args = &v};
    return test(l, st_ir_node_of(l->ir, &n), st_ir_known(l->ir, v), w);
}

static st_ir_id known_of(st_lowering *l, const st_expr *e)
{
    if (e->type.list) return list_known(l, e);
    if (!is_bool(e)) return st_ir_known(l->ir, st_lower_value(l, e));
    st_ir_id t = ask(l, e, WANT_TRUE);
    return st_ir_or2(l->ir, t, ask(l, e, WANT_FALSE));
}

/* args[0], or args[1] where it is missing: true where the first is, or where it is not false and the second is true. */
static st_ir_id condition_if_missing(st_lowering *l, const st_expr *e, want w)
{
    want other = w == WANT_TRUE ? WANT_FALSE : WANT_TRUE;
    st_ir_id first = ask(l, e->args[0], w), not_first = ask(l, e->args[0], other);
    return st_ir_or2(l->ir, first, st_ir_but_not(l->ir, ask(l, e->args[1], w), not_first));
}

static st_ir_id linked_condition(st_lowering *l, const st_expr *e, want w)
{
    st_ir_id p = ask(l, e->args[0], w);
    p = st_ir_and2(l->ir, p, st_lower_keep(l, e->col->links_to));
    if (p == ST_IR_FALSE_ID) return p;
    return st_ir_gather(l->ir, st_ir_path_of(l->ir, &e->col, 1), p);
}

static st_ir_id anniversary(st_lowering *l, const st_expr *e, want w)
{
    st_ir_id v[3], known = ST_IR_TRUE_ID;
    for (int i = 0; i < 3; i++) {
        v[i] = st_lower_value(l, e->args[i]);
        if (st_ir_at(l->ir, v[i])->op == ST_IR_MISSING) return ST_IR_FALSE_ID;
        known = st_ir_and2(l->ir, known, st_ir_known(l->ir, v[i]));
    }
    st_ir_node n = {.op = ST_IR_ANNIVERSARY, .kind = ST_IR_PRED, .n = 3, .args = v};
    return test(l, st_ir_node_of(l->ir, &n), known, w);
}

st_ir_id st_lower_draw(st_lowering *l, const st_expr *e)
{
    st_ir_node n = {.op = ST_IR_DRAW,
                    .kind = ST_IR_I64,
                    .digits = 19,
                    .domain = (int32_t)e->at->index,
                    .col = e->at->key,
                    .k = e->hash,
                    .text = e->value.as.s};
    return st_ir_node_of(l->ir, &n);
}

static st_ir_id on_list(st_lowering *l, const st_expr *e)
{
    if (e->def->list->n == 0) return ST_IR_FALSE_ID;
    st_ir_id key = st_ir_column(l->ir, e->at->key);
    st_ir_node n = {.op = ST_IR_LISTED, .kind = ST_IR_PRED, .k = e->def->index, .n = 1, .args = &key};
    return st_ir_node_of(l->ir, &n);
}

static st_ir_id sample(st_lowering *l, const st_expr *e)
{
    st_ir *ir = l->ir;
    uint64_t low = st_draw_threshold(e->hash, e->low_share, e->amount_scale),
             high = st_draw_threshold(e->hash, e->low_share + e->amount, e->amount_scale);
    if (low == high) return ST_IR_FALSE_ID;
    st_ir_id draw = st_lower_draw(l, e), below = st_ir_cmp(ir, ST_LT, draw, st_ir_int(ir, (int64_t)high));
    if (!low) return below;
    return st_ir_and2(ir, below, st_ir_cmp(ir, ST_GE, draw, st_ir_int(ir, (int64_t)low)));
}

/* The instant that `as of` names, checked by the run to be no later than the one in force. */
static st_ir_id instant_of(st_lowering *l, const st_expr *e)
{
    st_ir_id t = st_lower_value(l, e->args[1]);
    for (uint32_t i = 0; i < l->ir->checks.n; i++)
        if (l->ir->checks.p[i].inner == t && l->ir->checks.p[i].outer == l->now) return t;
    *st_push(l->arena, &l->ir->checks) = (st_ir_check){t, l->now, e->span};
    return t;
}

static st_ir_id ask_plain(st_lowering *l, const st_expr *e, want w)
{
    st_ir *ir = l->ir;
    bool yes = w == WANT_TRUE;
    switch (e->op) {
    case ST_X_CONST: return st_ir_bool(!e->value.missing && e->value.as.b == yes);
    case ST_X_COLUMN: {
        st_ir_id c = st_ir_column(ir, e->col);
        return yes ? c : st_ir_but_not(ir, st_ir_known(ir, c), c);
    }
    case ST_X_LINK: return linked_condition(l, e, w);
    case ST_X_DEF:
        if (st_def_kind_is_value(e->def->kind)) {
            st_ir_id answer = ask(l, e->def->expr, w);
            st_ir_pin(ir, answer);
            return answer;
        }
        return yes ? st_lower_def(l, e->def)->member : st_ir_not(ir, st_lower_def(l, e->def)->member);
    case ST_X_NOT: return ask(l, e->args[0], yes ? WANT_FALSE : WANT_TRUE);
    case ST_X_AND:
    case ST_X_OR:
    case ST_X_AT_LEAST: return junction(l, e, w);
    case ST_X_EQ:
    case ST_X_NE:
    case ST_X_LT:
    case ST_X_LE:
    case ST_X_GT:
    case ST_X_GE: return comparison(l, e, w);
    case ST_X_IN: return membership(l, e, w);
    case ST_X_STARTS_WITH:
    case ST_X_ENDS_WITH:
    case ST_X_CONTAINS: return text_test(l, e, w);
    case ST_X_MATCHES: return matches(l, e, w);
    case ST_X_HAS: return list_has(l, e->args[0], e->args[1], w);
    case ST_X_ON_LIST: return yes ? on_list(l, e) : st_ir_not(ir, on_list(l, e));
    case ST_X_IS_MISSING: return yes ? st_ir_not(ir, known_of(l, e->args[0])) : known_of(l, e->args[0]);
    case ST_X_IF_MISSING: return condition_if_missing(l, e, w);
    case ST_X_ANNIVERSARY: return anniversary(l, e, w);
    case ST_X_SEQUENCE: {
        st_ir_id s = st_lower_sequence(l, e);
        return yes ? s : st_ir_not(ir, s);
    }
    case ST_X_IN_TOP:
    case ST_X_IN_BOTTOM: return st_lower_rank(l, e, yes);
    case ST_X_SAMPLE: return yes ? sample(l, e) : st_ir_not(ir, sample(l, e));
    case ST_X_AGGREGATE:
        if (e->kind == ST_AGG_ANY || e->kind == ST_AGG_NO) {
            st_ir_id any = st_lower_any(l, e);
            return (e->kind == ST_AGG_ANY) == yes ? any : st_ir_not(ir, any);
        }
        break;
    default: break;
    }
    /* first, last, the most common of a condition, a condition of a chosen row */
    return st_ir_cmp(ir, ST_EQ, st_lower_value(l, e), st_ir_int(ir, yes));
}

/* ---- values ---- */

static st_ir_id linked_value(st_lowering *l, const st_expr *e)
{
    const st_ir_path *path = st_ir_path_of(l->ir, &e->col, 1);
    st_ir_id keep = st_lower_keep(l, e->col->links_to);
    st_ir_id v = st_ir_gather(l->ir, path, st_lower_value(l, e->args[0]));
    return keep == ST_IR_TRUE_ID ? v : st_ir_mask(l->ir, v, st_ir_gather(l->ir, path, keep));
}

static st_ir_id step_row(st_lowering *l, const st_expr *e)
{
    st_ir_id v = st_lower_value(l, e->args[0]);
    const st_ir_node *n = st_ir_at(l->ir, v);
    if (n->domain == ST_IR_RUN) return v;
    st_ir_node bound = {.op = ST_IR_BOUND,
                        .kind = n->kind,
                        .scale = n->scale,
                        .digits = n->digits,
                        .optional = true,
                        .domain = ST_IR_RUN,
                        .k = e->kind,
                        .n = 1,
                        .args = &v};
    return st_ir_node_of(l->ir, &bound);
}

static st_ir_id of_kind(st_lowering *l, const st_expr *e, st_ir_like like)
{
    st_ir_id v = st_lower_value(l, e);
    return like.kind == ST_IR_F64 ? st_ir_unary(l->ir, ST_IR_TO_FLOAT, v, like) : v;
}

static st_ir_id chain(st_lowering *l, const st_expr *e, st_ir_op op, st_ir_like like)
{
    st_ir_id v = of_kind(l, e->args[0], like);
    if (like.kind == ST_IR_I64 || like.kind == ST_IR_I128) v = st_ir_convert(l->ir, v, like);
    for (uint32_t i = 1; i < e->n; i++) v = st_ir_add(l->ir, op, v, of_kind(l, e->args[i], like), like);
    return v;
}

static st_ir_id choice(st_lowering *l, const st_expr *e)
{
    st_ir_id yes = st_lower_true(l, e->args[0]);
    return st_ir_case(l->ir,
                      (st_ir_id[]){yes, st_lower_value(l, e->args[1]), st_ir_not(l->ir, yes),
                                   st_lower_value(l, e->args[2])},
                      4);
}

static st_ir_id distance(st_lowering *l, const st_expr *e, st_ir_like like)
{
    st_ir_id args[4];
    for (uint32_t i = 0; i < 4; i++) {
        args[i] = st_lower_value(l, e->args[i]);
        if (st_ir_at(l->ir, args[i])->op == ST_IR_MISSING) return st_ir_missing(l->ir, like.kind, like.scale);
    }
    st_ir_node n = {.op = ST_IR_DISTANCE,
                    .kind = like.kind,
                    .scale = like.scale,
                    .digits = like.digits,
                    .optional = true,
                    .n = 4,
                    .args = args};
    return st_ir_node_of(l->ir, &n);
}

static st_ir_id lookup(st_lowering *l, const st_expr *e, st_ir_like like)
{
    static const st_ir_like index = {ST_IR_I64, 0, 19};
    st_ir_id at = st_ir_add(l->ir, ST_IR_MAX, st_lower_value(l, e->args[0]), st_ir_int(l->ir, 0), index);
    at = st_ir_add(l->ir, ST_IR_MIN, at, st_ir_int(l->ir, (int64_t)e->n - 2), index);
    st_ir_id *table = st_new_n(l->arena, st_ir_id, e->n - 1);
    for (uint32_t i = 1; i < e->n; i++) table[i - 1] = st_lower_value(l, e->args[i]);
    return st_ir_lookup(l->ir, at, table, e->n - 1, like);
}

static st_ir_id rfm_field(st_lowering *l, const st_expr *e)
{
    const st_def_at *at = st_lower_def(l, e->def);
    switch ((st_rfm_field)e->kind) {
    case ST_RFM_R:
    case ST_RFM_F:
    case ST_RFM_M: return at->score[e->kind - ST_RFM_R];
    case ST_RFM_CELL: return at->cell;
    default: return at->raw[e->kind - ST_RFM_RECENCY];
    }
}

static st_ir_id value_plain(st_lowering *l, const st_expr *e)
{
    st_ir *ir = l->ir;
    st_ir_like like = st_ir_like_of(&e->type);
    switch (e->op) {
    case ST_X_CONST: return st_ir_value(ir, &e->value);
    case ST_X_COLUMN: return st_ir_column(ir, e->col);
    case ST_X_LINK: return linked_value(l, e);
    case ST_X_DEF:
        if (st_def_kind_is_value(e->def->kind)) return st_lower_value(l, e->def->expr);
        return st_lower_def(l, e->def)->value;
    case ST_X_RFM_FIELD: return rfm_field(l, e);
    case ST_X_NOW: return l->now;
    case ST_X_STEP_ROW: return step_row(l, e);
    case ST_X_DISTANCE: return distance(l, e, like);
    case ST_X_NEAREST: return st_lower_nearest(l, e);
    case ST_X_CHOICE: return choice(l, e);
    case ST_X_LOOKUP: return lookup(l, e, like);
    case ST_X_IF_MISSING: {
        st_ir_id a = of_kind(l, e->args[0], like), b = of_kind(l, e->args[1], like);
        return st_ir_select(ir, st_ir_convert(ir, a, like), st_ir_convert(ir, b, like));
    }
    case ST_X_ADD: return chain(l, e, ST_IR_ADD, like);
    case ST_X_SUB: return chain(l, e, ST_IR_SUB, like);
    case ST_X_MIN: return chain(l, e, ST_IR_MIN, like);
    case ST_X_MAX: return chain(l, e, ST_IR_MAX, like);
    case ST_X_MUL: return st_ir_mul(ir, of_kind(l, e->args[0], like), of_kind(l, e->args[1], like), like);
    case ST_X_DIV: return st_ir_div(ir, of_kind(l, e->args[0], like), of_kind(l, e->args[1], like), like);
    case ST_X_NEG: return st_ir_unary(ir, ST_IR_NEG, of_kind(l, e->args[0], like), like);
    case ST_X_ABS: return st_ir_unary(ir, ST_IR_ABS, of_kind(l, e->args[0], like), like);
    case ST_X_TO_FLOAT: return st_ir_unary(ir, ST_IR_TO_FLOAT, st_lower_value(l, e->args[0]), like);
    case ST_X_RESCALE: return st_ir_convert(ir, st_lower_value(l, e->args[0]), like);
    case ST_X_ROUND: return st_ir_round(ir, ST_IR_ROUND, of_kind(l, e->args[0], like), like);
    case ST_X_FLOOR: return st_ir_round(ir, ST_IR_FLOOR, of_kind(l, e->args[0], like), like);
    case ST_X_CEIL: return st_ir_round(ir, ST_IR_CEIL, of_kind(l, e->args[0], like), like);
    case ST_X_LOGISTIC: return st_ir_unary(ir, ST_IR_LOGISTIC, st_lower_value(l, e->args[0]), like);
    case ST_X_LOWER: return st_ir_unary(ir, ST_IR_LOWER, st_lower_value(l, e->args[0]), like);
    case ST_X_UPPER: return st_ir_unary(ir, ST_IR_UPPER, st_lower_value(l, e->args[0]), like);
    case ST_X_TRIM: return st_ir_unary(ir, ST_IR_TRIM, st_lower_value(l, e->args[0]), like);
    case ST_X_DOMAIN: return st_ir_unary(ir, ST_IR_DOMAIN, st_lower_value(l, e->args[0]), like);
    case ST_X_LENGTH: return st_ir_unary(ir, ST_IR_LENGTH, st_lower_value(l, e->args[0]), like);
    case ST_X_SHIFT: {
        bool instant = e->args[0]->type.base == ST_T_TIMESTAMP;
        st_ir_id t = st_lower_value(l, e->args[0]), n = st_lower_value(l, e->args[1]);
        return st_ir_time(ir, ST_IR_SHIFT, t, n, e->unit, instant, like);
    }
    case ST_X_TO_DATE: return st_ir_time(ir, ST_IR_TO_DATE, st_lower_value(l, e->args[0]), 0, 0, false, like);
    case ST_X_TO_INSTANT:
        return st_ir_time(ir, ST_IR_TO_INSTANT, st_lower_value(l, e->args[0]), 0, 0, false, like);
    case ST_X_TRUNC:
        return st_ir_time(ir, ST_IR_TRUNC, st_lower_value(l, e->args[0]), 0, e->unit, false, like);
    case ST_X_PART: {
        bool instant = e->args[0]->type.base == ST_T_TIMESTAMP;
        return st_ir_time(ir, ST_IR_PART, st_lower_value(l, e->args[0]), 0, e->part, instant, like);
    }
    case ST_X_BETWEEN_TIMES: {
        bool instant = e->args[0]->type.base == ST_T_TIMESTAMP;
        st_ir_id a = st_lower_value(l, e->args[0]), b = st_lower_value(l, e->args[1]);
        return st_ir_time(ir, ST_IR_BETWEEN, a, b, e->unit, instant, like);
    }
    case ST_X_AGGREGATE: return st_lower_aggregate(l, e);
    case ST_X_STRATUM: return st_lower_stratum(l, e);
    default: st_fail(st_arena_env(l->arena), STRATA_INTERNAL, "%s has no value", st_op_names[e->op]);
    }
}

/* A condition as a value, unless it lies as one already: what aggregates and chosen rows give. */
static st_ir_id value_of(st_lowering *l, const st_expr *e)
{
    bool stored =
        e->op == ST_X_STEP_ROW || (e->op == ST_X_AGGREGATE && e->kind != ST_AGG_ANY && e->kind != ST_AGG_NO);
    if (!is_bool(e) || stored) return value_plain(l, e);
    st_ir_id t = ask(l, e, WANT_TRUE);
    return st_ir_truth(l->ir, t, ask(l, e, WANT_FALSE));
}

/* ---- each expression once ---- */

typedef struct memo_key {
    const st_expr *e;
    uint32_t now, want;
} memo_key;

static st_ir_id lower(st_lowering *l, const st_expr *e, want w)
{
    if (e->op == ST_X_AS_OF) {
        st_ir_id outer = l->now;
        l->now = instant_of(l, e);
        st_ir_id id = lower(l, e->args[0], w);
        l->now = outer;
        return id;
    }
    return w == WANT_VALUE ? value_of(l, e) : ask_plain(l, e, w);
}

static st_ir_id ask(st_lowering *l, const st_expr *e, want w)
{
    if (e->op == ST_X_CONST || e->op == ST_X_COLUMN)
        return lower(l, e, w); /* as quickly done as remembered */
    memo_key key;
    memset(&key, 0, sizeof key);
    key.e = e;
    key.now = l->now;
    key.want = (uint32_t)w;
    bool is_new;
    void **place = st_map_put(&l->memo, &key, sizeof key, &is_new);
    if (!is_new) return (st_ir_id)(uintptr_t)*place;
    uint32_t entry = l->memo.entries.n - 1; /* stays there, whatever is put behind it */
    st_ir_id id = lower(l, e, w);
    l->memo.entries.p[entry].value = (void *)(uintptr_t)id;
    return id;
}

st_ir_id st_lower_true(st_lowering *l, const st_expr *e)
{
    return ask(l, e, WANT_TRUE);
}

st_ir_id st_lower_false(st_lowering *l, const st_expr *e)
{
    return ask(l, e, WANT_FALSE);
}

st_ir_id st_lower_value(st_lowering *l, const st_expr *e)
{
    return ask(l, e, WANT_VALUE);
}
