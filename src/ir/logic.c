/* Predicates in one form: ands and ors are flat, sorted, without repetition; "not" stands on what cannot be opened up.
 * Predicates are two-valued, so x and not x is false and x or not x is true. */
#include "ir/build.h"

#include <stdlib.h>

static st_ir_id pred(st_ir *ir, st_ir_op op, uint32_t k, const st_ir_id *args, uint32_t n)
{
    st_ir_node node = {.op = op, .kind = ST_IR_PRED, .k = k, .n = n, .args = args};
    return st_ir_node_of(ir, &node);
}

st_ir_id st_ir_not(st_ir *ir, st_ir_id p)
{
    if (p <= ST_IR_TRUE_ID) return st_ir_bool(p == ST_IR_FALSE_ID);
    if (st_ir_at(ir, p)->op == ST_IR_NOT) return st_ir_at(ir, p)->args[0];
    return pred(ir, ST_IR_NOT, 0, &p, 1);
}

static int by_number(const void *a, const void *b)
{
    st_ir_id x = *(const st_ir_id *)a, y = *(const st_ir_id *)b;
    return (x > y) - (x < y);
}

static void sort_ids(st_ir_id *p, uint32_t n)
{
    if (n > 1) qsort(p, n, sizeof *p, by_number);
}

static bool among(const st_ir_id *p, uint32_t n, st_ir_id x)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (p[mid] < x)
            low = mid + 1;
        else
            high = mid;
    }
    return low < n && p[low] == x;
}

/* The arguments of an and (or an or), opened up, sorted, each once, in ir->scratch. False: the whole is `absorbing`. */
static bool flatten(st_ir *ir, st_ir_op op, const st_ir_id *p, uint32_t n)
{
    st_ir_id neutral = st_ir_bool(op == ST_IR_AND), absorbing = st_ir_bool(op != ST_IR_AND);
    ir->scratch.n = 0;
    for (uint32_t i = 0; i < n; i++) {
        const st_ir_node *x = st_ir_at(ir, p[i]);
        if (p[i] == absorbing) return false;
        if (p[i] == neutral) continue;
        if (x->op == op && !x->pinned)
            for (uint32_t j = 0; j < x->n; j++) *st_push(ir->arena, &ir->scratch) = x->args[j];
        else
            *st_push(ir->arena, &ir->scratch) = p[i];
    }
    st_ir_id *s = ir->scratch.p;
    sort_ids(s, ir->scratch.n);
    uint32_t m = 0;
    for (uint32_t i = 0; i < ir->scratch.n; i++)
        if (m == 0 || s[m - 1] != s[i]) s[m++] = s[i];
    ir->scratch.n = m;
    for (uint32_t i = 0; i < m; i++) {
        const st_ir_node *x = st_ir_at(ir, s[i]);
        if (x->op == ST_IR_NOT && among(s, m, x->args[0])) return false;
    }
    return true;
}

/* Predicates that hold only where their first argument is known. */
static bool needs_known(st_ir_op op)
{
    return op == ST_IR_EQ || op == ST_IR_GE || op == ST_IR_GT || op == ST_IR_LE || op == ST_IR_LT ||
           op == ST_IR_IN || op == ST_IR_STARTS_WITH || op == ST_IR_ENDS_WITH || op == ST_IR_CONTAINS ||
           op == ST_IR_MATCHES || op == ST_IR_HAS;
}

/* Whether some argument reads a predicate through this path, which holds only where the path leads to a row. */
static bool read_through(const st_ir *ir, const st_ir_path *path)
{
    for (uint32_t i = 0; i < ir->scratch.n; i++) {
        const st_ir_node *x = st_ir_at(ir, ir->scratch.p[i]);
        if (x->op == ST_IR_GATHER && x->path == path) return true;
    }
    return false;
}

static void drop_linked(st_ir *ir)
{
    uint32_t m = 0;
    for (uint32_t i = 0; i < ir->scratch.n; i++) {
        const st_ir_node *x = st_ir_at(ir, ir->scratch.p[i]);
        if (x->op != ST_IR_LINKED || !read_through(ir, x->path)) ir->scratch.p[m++] = ir->scratch.p[i];
    }
    ir->scratch.n = m;
}

/* In an and, "x is known" is said already by a comparison of x. */
static void drop_known(st_ir *ir)
{
    bool any = false;
    for (uint32_t i = 0; i < ir->scratch.n; i++) any |= st_ir_at(ir, ir->scratch.p[i])->op == ST_IR_KNOWN;
    if (!any) return;
    if (ir->nmark < ir->nodes.n) {
        uint32_t n = ir->nodes.n * 2;
        uint32_t *mark = st_new_n(ir->arena, uint32_t, n);
        if (ir->nmark) memcpy(mark, ir->mark, ir->nmark * sizeof *mark);
        ir->mark = mark;
        ir->nmark = n;
    }
    ir->stamp++;
    for (uint32_t i = 0; i < ir->scratch.n; i++) {
        const st_ir_node *x = st_ir_at(ir, ir->scratch.p[i]);
        if (needs_known(x->op)) ir->mark[x->args[0]] = ir->stamp;
    }
    uint32_t m = 0;
    for (uint32_t i = 0; i < ir->scratch.n; i++) {
        const st_ir_node *x = st_ir_at(ir, ir->scratch.p[i]);
        if (x->op != ST_IR_KNOWN || ir->mark[x->args[0]] != ir->stamp) ir->scratch.p[m++] = ir->scratch.p[i];
    }
    ir->scratch.n = m;
}

static st_ir_id finish(st_ir *ir, st_ir_op op)
{
    if (ir->scratch.n == 0) return st_ir_bool(op == ST_IR_AND);
    if (ir->scratch.n == 1) return ir->scratch.p[0];
    return pred(ir, op, 0, ir->scratch.p, ir->scratch.n);
}

st_ir_id st_ir_and(st_ir *ir, const st_ir_id *p, uint32_t n)
{
    if (!flatten(ir, ST_IR_AND, p, n)) return ST_IR_FALSE_ID;
    drop_linked(ir);
    drop_known(ir);
    return finish(ir, ST_IR_AND);
}

st_ir_id st_ir_or(st_ir *ir, const st_ir_id *p, uint32_t n)
{
    if (!flatten(ir, ST_IR_OR, p, n)) return ST_IR_TRUE_ID;
    return finish(ir, ST_IR_OR);
}

st_ir_id st_ir_and2(st_ir *ir, st_ir_id a, st_ir_id b)
{
    return st_ir_and(ir, (st_ir_id[]){a, b}, 2);
}

st_ir_id st_ir_or2(st_ir *ir, st_ir_id a, st_ir_id b)
{
    return st_ir_or(ir, (st_ir_id[]){a, b}, 2);
}

st_ir_id st_ir_but_not(st_ir *ir, st_ir_id a, st_ir_id b)
{
    return st_ir_and2(ir, a, st_ir_not(ir, b));
}

/* A chain knows its head in k: whatever the head asks for holds all along it. */
static st_ir_id head_of(const st_ir *ir, st_ir_id p)
{
    const st_ir_node *n = st_ir_at(ir, p);
    return n->op == ST_IR_ANDNOT ? n->k : p;
}

static bool said_by(const st_ir *ir, st_ir_id head, st_ir_id p)
{
    const st_ir_node *h = st_ir_at(ir, head);
    return p == head || (h->op == ST_IR_AND && among(h->args, h->n, p));
}

/* b where a holds: without what a's head says already. */
static st_ir_id without_head(st_ir *ir, st_ir_id a, st_ir_id b)
{
    const st_ir_node *n = st_ir_at(ir, b);
    st_ir_id head = head_of(ir, a);
    if (said_by(ir, head, b)) return ST_IR_TRUE_ID;
    if (n->op != ST_IR_AND || n->pinned) return b;
    st_ir_id *rest = st_new_n(ir->arena, st_ir_id, n->n);
    uint32_t m = 0;
    for (uint32_t i = 0; i < n->n; i++)
        if (!said_by(ir, head, n->args[i])) rest[m++] = n->args[i];
    return st_ir_and(ir, rest, m);
}

st_ir_id st_ir_rest(st_ir *ir, st_ir_id a, st_ir_id b)
{
    b = without_head(ir, a, b);
    if (a <= ST_IR_TRUE_ID || b <= ST_IR_TRUE_ID) return st_ir_but_not(ir, a, b);
    return pred(ir, ST_IR_ANDNOT, head_of(ir, a), (st_ir_id[]){a, b}, 2);
}

st_ir_id st_ir_of_rest(st_ir *ir, st_ir_id a, st_ir_id b)
{
    return st_ir_and2(ir, a, without_head(ir, a, b));
}

st_ir_id st_ir_at_least(st_ir *ir, uint32_t k, const st_ir_id *p, uint32_t n)
{
    st_ir_id *rest = st_new_n(ir->arena, st_ir_id, n ? n : 1);
    uint32_t m = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (p[i] == ST_IR_TRUE_ID && k > 0)
            k--;
        else if (p[i] > ST_IR_TRUE_ID)
            rest[m++] = p[i];
    }
    if (k == 0) return ST_IR_TRUE_ID;
    if (k > m) return ST_IR_FALSE_ID;
    if (k == 1) return st_ir_or(ir, rest, m);
    if (k == m) return st_ir_and(ir, rest, m);
    sort_ids(rest, m);
    return pred(ir, ST_IR_AT_LEAST, k, rest, m);
}

/* Definitions are answers that several rules share: opened up they would be computed once a rule. */
void st_ir_pin(st_ir *ir, st_ir_id p)
{
    st_ir_node *n = &ir->nodes.p[p];
    if (n->op == ST_IR_AND || n->op == ST_IR_OR) n->pinned = true;
}

/* ---- known and missing ---- */

/* Values that are known exactly where their only argument is. */
static bool total(const st_ir *ir, const st_ir_node *n)
{
    switch (n->op) {
    case ST_IR_TO_FLOAT:
    case ST_IR_LOWER:
    case ST_IR_UPPER:
    case ST_IR_TRIM:
    case ST_IR_LENGTH:
    case ST_IR_TO_DATE:
    case ST_IR_TRUNC:
    case ST_IR_PART: return true;
    case ST_IR_CONVERT: {
        const st_ir_node *x = st_ir_at(ir, n->args[0]);
        return n->scale == x->scale && (n->kind == x->kind || n->kind == ST_IR_I128);
    }
    default: return false;
    }
}

static st_ir_id linked(st_ir *ir, const st_ir_path *path)
{
    st_ir_node n = {.op = ST_IR_LINKED,
                    .kind = ST_IR_PRED,
                    .domain = (int32_t)st_ir_path_from(path)->index,
                    .path = path};
    return st_ir_node_of(ir, &n);
}

st_ir_id st_ir_known(st_ir *ir, st_ir_id v)
{
    const st_ir_node *n = st_ir_at(ir, v);
    if (n->kind == ST_IR_PRED && n->op != ST_IR_COLUMN && n->op != ST_IR_GATHER) return ST_IR_TRUE_ID;
    if (!n->optional) return ST_IR_TRUE_ID;
    switch (n->op) {
    case ST_IR_MISSING: return ST_IR_FALSE_ID;
    case ST_IR_MASK: {
        st_ir_id p = n->args[1];
        return st_ir_and2(ir, st_ir_known(ir, n->args[0]), p);
    }
    case ST_IR_TRUTH: return st_ir_or2(ir, n->args[0], n->args[1]);
    case ST_IR_SELECT: {
        st_ir_id second = n->args[1];
        st_ir_id first = st_ir_known(ir, n->args[0]);
        return st_ir_or2(ir, first, st_ir_known(ir, second));
    }
    case ST_IR_CASE: {
        st_ir_id *p = st_new_n(ir->arena, st_ir_id, n->n / 2);
        for (uint32_t i = 0; i < n->n; i += 2) p[i / 2] = n->args[i];
        return st_ir_or(ir, p, n->n / 2);
    }
    case ST_IR_GATHER:
        if (!st_ir_at(ir, n->args[0])->optional) return linked(ir, n->path);
        break;
    default:
        if (total(ir, n)) return st_ir_known(ir, n->args[0]);
    }
    return pred(ir, ST_IR_KNOWN, 0, &v, 1);
}

st_ir_id st_ir_gather(st_ir *ir, const st_ir_path *path, st_ir_id x)
{
    const st_ir_node *n = st_ir_at(ir, x);
    if (n->domain == ST_IR_RUN) {
        st_ir_id leads = linked(ir, path);
        return st_ir_at(ir, x)->kind == ST_IR_PRED ? st_ir_and2(ir, x, leads) : st_ir_mask(ir, x, leads);
    }
    if (n->op == ST_IR_GATHER) {
        st_ir_id under = n->args[0];
        return st_ir_gather(ir, st_ir_path_join(ir, path, n->path), under);
    }
    if (n->op == ST_IR_LINKED) return linked(ir, st_ir_path_join(ir, path, n->path));
    if (n->op == ST_IR_MASK) {
        st_ir_id p = n->args[1];
        st_ir_id v = st_ir_gather(ir, path, n->args[0]);
        return st_ir_mask(ir, v, st_ir_gather(ir, path, p));
    }
    st_ir_node g = {.op = ST_IR_GATHER,
                    .kind = n->kind,
                    .scale = n->scale,
                    .digits = n->digits,
                    .optional = true,
                    .domain = (int32_t)st_ir_path_from(path)->index,
                    .path = path,
                    .n = 1,
                    .args = &x};
    return st_ir_node_of(ir, &g);
}

static st_ir_id shaped(st_ir *ir, st_ir_op op, st_ir_id like, bool optional, const st_ir_id *args, uint32_t n)
{
    const st_ir_node *x = st_ir_at(ir, like);
    st_ir_node node = {.op = op,
                       .kind = x->kind,
                       .scale = x->scale,
                       .digits = x->digits,
                       .optional = optional,
                       .n = n,
                       .args = args};
    return st_ir_node_of(ir, &node);
}

st_ir_id st_ir_select(st_ir *ir, st_ir_id a, st_ir_id b)
{
    if (!st_ir_at(ir, a)->optional || a == b) return a;
    if (st_ir_at(ir, a)->op == ST_IR_MISSING) return b;
    if (st_ir_at(ir, b)->op == ST_IR_MISSING) return a;
    const st_ir_node *x = st_ir_at(ir, a), *y = st_ir_at(ir, b);
    st_ir_node n = {.op = ST_IR_SELECT,
                    .kind = x->kind,
                    .scale = x->scale,
                    .digits = ST_MAX(x->digits, y->digits),
                    .optional = y->optional,
                    .n = 2,
                    .args = (st_ir_id[]){a, b}};
    return st_ir_node_of(ir, &n);
}

st_ir_id st_ir_mask(st_ir *ir, st_ir_id v, st_ir_id p)
{
    const st_ir_node *n = st_ir_at(ir, v);
    if (p == ST_IR_TRUE_ID || n->op == ST_IR_MISSING) return v;
    if (p == ST_IR_FALSE_ID) return st_ir_missing(ir, n->kind, n->scale);
    if (n->op == ST_IR_MASK) {
        st_ir_id under = n->args[0];
        p = st_ir_and2(ir, n->args[1], p);
        v = under;
    }
    return shaped(ir, ST_IR_MASK, v, true, (st_ir_id[]){v, p}, 2);
}

st_ir_id st_ir_case(st_ir *ir, const st_ir_id *pairs, uint32_t n)
{
    st_ir_id *kept = st_new_n(ir->arena, st_ir_id, n ? n : 1);
    uint32_t m = 0;
    for (uint32_t i = 0; i < n; i += 2)
        if (pairs[i] != ST_IR_FALSE_ID) {
            kept[m++] = pairs[i];
            kept[m++] = pairs[i + 1];
        }
    if (m == 0) return st_ir_missing(ir, ST_IR_I64, 0);
    return shaped(ir, ST_IR_CASE, kept[1], true, kept, m);
}

st_ir_id st_ir_truth(st_ir *ir, st_ir_id t, st_ir_id f)
{
    st_ir_node n = {.op = ST_IR_TRUTH,
                    .kind = ST_IR_I64,
                    .digits = 1,
                    .optional = true,
                    .n = 2,
                    .args = (st_ir_id[]){t, f}};
    return st_ir_node_of(ir, &n);
}
