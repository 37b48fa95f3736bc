/* Row code, drafted with as many registers as there are values.
 *
 * Order: root after root, each leaf when it is first asked for, and with it every other comparison of the same value, so that the
 * value itself is needed only for a moment and the machine compares it in one go. */
#include "plan/draft.h"

struct st_piece {
    st_ground place;
    uint32_t stage;
    bool is_setup;
    st_drafts code;
    uint32_t npred, nval;
    uint32_t *reg;   /* by node: register + 1 in this piece, of the predicate or the value */
    uint32_t *owner; /* by node: the piece that reg, head and wanted belong to */
    uint32_t *head;  /* by value: the first wanted comparison of it that is not made yet; 0: none */
    uint32_t *tail;  /* by value: the last one */
    uint32_t *next;  /* by comparison: the next one of the same value */
    uint32_t piece;
    uint32_t answer; /* register that st_code_answer gave */
};

st_bc_type st_bc_kind(st_ir_kind kind)
{
    static const st_bc_type types[] = {ST_BC_BOOL, ST_BC_I64, ST_BC_I128, ST_BC_F64, ST_BC_TEXT, ST_BC_TEXT};
    return types[kind];
}

static const st_ir_node *node(const st_emitter *e, st_ir_id id)
{
    return st_ir_at(e->plan->ir, id);
}

/* ---- objects of the program ---- */

static st_path path_copy(st_emitter *e, const st_ir_path *path)
{
    if (path->n > ST_BC_MAX_PATH)
        st_fail(st_arena_env(e->arena), STRATA_NO_MEMORY,
                "A rule follows %u links from table %s to table %s; the most are %u.", path->n,
                st_ir_path_from(path)->name, st_ir_path_to(path)->name, ST_BC_MAX_PATH);
    st_path p = {path->n, st_new_n(e->arena, const st_col *, path->n)};
    memcpy(p.steps, path->steps, path->n * sizeof *p.steps);
    return p;
}

static uint32_t index_of(st_emitter *e, const st_ir_path *path)
{
    st_path p = path_copy(e, path);
    return st_bc_index(e->bc, &p);
}

/* A view, ordered by time where a question about groups needs it, equal times by key or by all columns. */
static uint32_t view_of(st_emitter *e, st_ground place)
{
    const st_ir_path *path = st_place_path(e->plan, place);
    st_view_info *v = &e->plan->views[path->index];
    if (v->view) return v->view - 1;
    const st_table *t = st_ir_path_from(path);
    uint32_t order = v->ordered ? st_input_of(e, v->time, t->index) : ST_BC_NONE;
    uint32_t *ties = st_new_n(e->arena, uint32_t, t->ncols), n = 0;
    for (uint32_t i = 0; v->tied && i < t->ncols; i++)
        if (!t->key || t->key == &t->cols[i])
            ties[n++] = st_bc_column(e->bc, t->index, ST_BC_NONE, &t->cols[i]);
    st_path p = path_copy(e, path);
    v->view = st_bc_view_of(e->bc, &p, order, ties, n) + 1;
    return v->view - 1;
}

st_bc_domain st_domain_of(st_emitter *e, st_ground place)
{
    return st_place_is_view(e->plan, place) ? ST_BC_VIEW(view_of(e, place)) : place;
}

static uint32_t literal(st_emitter *e, const st_ir_node *n)
{
    switch (n->op) {
    case ST_IR_NOW: return st_bc_now(e->bc);
    case ST_IR_MISSING: return st_bc_missing(e->bc, st_bc_kind(n->kind));
    case ST_IR_TRUE: return st_bc_bool(e->bc, true);
    case ST_IR_FALSE: return st_bc_bool(e->bc, false);
    default: break;
    }
    switch (n->kind) {
    case ST_IR_I64: return st_bc_i64(e->bc, (int64_t)n->imm);
    case ST_IR_I128: return st_bc_i128(e->bc, n->imm);
    case ST_IR_F64: return st_bc_f64(e->bc, n->f);
    default: return st_bc_text(e->bc, n->text);
    }
}

uint32_t st_scalar_of(st_emitter *e, st_ir_id id)
{
    const st_ir_node *n = node(e, id);
    if (e->scalar[id]) return e->scalar[id] - 1;
    uint32_t s;
    if (n->op == ST_IR_NOW || n->op == ST_IR_CONST || n->op <= ST_IR_MISSING)
        s = literal(e, n);
    else
        s = st_bc_scalar_new(e->bc, n->op == ST_IR_BOUND ? ST_S_BOUND : ST_S_SET, st_bc_kind(n->kind));
    e->scalar[id] = s + 1;
    return s;
}

static uint32_t slot_at(const st_emitter *e, st_ir_id id, st_ground place)
{
    const st_fill *f = st_fill_find(e->plan, id, place);
    return f ? f->slot : ST_BC_NONE;
}

uint32_t st_input_of(st_emitter *e, st_ir_id id, st_ground place)
{
    const st_plan *p = e->plan;
    const st_ir_node *n = node(e, id);
    st_bc_domain domain = st_domain_of(e, place);
    if (n->op == ST_IR_COLUMN) return st_bc_column(e->bc, domain, ST_BC_NONE, n->col);
    if (n->op == ST_IR_GATHER) {
        const st_ir_node *x = node(e, n->args[0]);
        uint32_t index = index_of(e, n->path);
        if (x->op == ST_IR_COLUMN) return st_bc_column(e->bc, domain, index, x->col);
        st_ground at = st_is_result(x) ? st_result_place(p, x) : (st_ground)x->domain;
        return st_bc_read_slot(e->bc, domain, index, slot_at(e, n->args[0], at));
    }
    st_ground at = st_is_result(n) && n->op != ST_IR_THRESHOLD ? st_result_place(p, n) : place;
    uint32_t slot = slot_at(e, id, at);
    if (slot == ST_BC_NONE) slot = slot_at(e, id, st_place_table(p, place));
    assert(slot != ST_BC_NONE);
    return st_bc_read_slot(e->bc, domain, ST_BC_NONE, slot);
}

/* ---- drafting ---- */

static st_draft *put(st_emitter *e, st_bc_op op, st_bc_type type, uint32_t a0, uint32_t a1, uint32_t a2)
{
    st_draft *d = st_push(e->arena, &e->code->code);
    *d = (st_draft){.op = op, .type = type, .a = {a0, a1, a2, 0, 0}};
    return d;
}

static st_draft *put_list(st_emitter *e, st_bc_op op, st_bc_type type, uint32_t a0, const uint32_t *list,
                          uint32_t n)
{
    st_draft *d = put(e, op, type, a0, 0, 0);
    d->list = st_new_n(e->arena, uint32_t, n + 1);
    if (n) memcpy(d->list, list, n * sizeof *list);
    d->nlist = n;
    return d;
}

static uint32_t new_pred(st_emitter *e)
{
    return e->code->npred++;
}

static uint32_t new_val(st_emitter *e)
{
    return e->code->nval++;
}

static uint32_t pred(st_emitter *e, st_ir_id id);
static uint32_t value(st_emitter *e, st_ir_id id);

static uint32_t unary(st_emitter *e, st_bc_op op, st_bc_type type, uint32_t v)
{
    uint32_t out = new_val(e);
    put(e, op, type, out, v, 0);
    return out;
}

static uint32_t broadcast(st_emitter *e, uint32_t scalar, st_bc_type type)
{
    return unary(e, ST_BC_CONST, type, scalar);
}

/* A node that another step or pass has answered. */
static bool in_slot(const st_emitter *e, st_ir_id id)
{
    return st_is_result(node(e, id)) || st_fill_before(e->plan, id, e->code->place, e->code->stage);
}

/* Where the register of a node stands. */
static uint32_t *place_of(st_emitter *e, st_ir_id id)
{
    struct st_piece *c = e->code;
    if (c->owner[id] != c->piece) {
        c->owner[id] = c->piece;
        c->reg[id] = c->head[id] = 0;
    }
    return &c->reg[id];
}

/* ---- comparisons ---- */

static bool is_compare(st_ir_op op)
{
    return op == ST_IR_EQ || op == ST_IR_GE || op == ST_IR_GT || op == ST_IR_LE || op == ST_IR_LT;
}

static bool is_text_test(st_ir_op op)
{
    return op == ST_IR_STARTS_WITH || op == ST_IR_ENDS_WITH || op == ST_IR_CONTAINS;
}

static bool same_shape(const st_ir_node *a, const st_ir_node *b)
{
    bool exact = a->kind == ST_IR_I64 || a->kind == ST_IR_I128;
    return a->kind == b->kind && (!exact || a->scale == b->scale);
}

/* The second operand can be given as a scalar. The setup code computes those that are no literals as values first. */
static bool as_scalar(const st_emitter *e, st_ir_id id)
{
    const st_ir_node *n = node(e, id);
    if (e->code->is_setup) return n->op == ST_IR_CONST || n->op == ST_IR_MISSING || n->op == ST_IR_NOW;
    return st_is_scalar(e->plan, id) || n->op == ST_IR_THRESHOLD || n->op == ST_IR_BOUND;
}

/* Predicates over one value and scalars, which are emitted together. */
static bool of_one_value(const st_emitter *e, const st_ir_node *n)
{
    if (n->op == ST_IR_IN || n->op == ST_IR_MATCHES) return true;
    if (is_text_test(n->op)) return as_scalar(e, n->args[1]);
    return is_compare(n->op) && as_scalar(e, n->args[1]) &&
           same_shape(node(e, n->args[0]), node(e, n->args[1]));
}

static st_cmp cmp_of(st_ir_op op)
{
    switch (op) {
    case ST_IR_EQ: return ST_EQ;
    case ST_IR_GE: return ST_GE;
    case ST_IR_GT: return ST_GT;
    case ST_IR_LE: return ST_LE;
    default: return ST_LT;
    }
}

static st_bc_test test_of(st_ir_op op)
{
    switch (op) {
    case ST_IR_STARTS_WITH: return ST_TEST_STARTS;
    case ST_IR_ENDS_WITH: return ST_TEST_ENDS;
    case ST_IR_CONTAINS: return ST_TEST_CONTAINS;
    default: return ST_TEST_MATCHES;
    }
}

static void emit_compare(st_emitter *e, st_ir_id id, uint32_t v)
{
    const st_ir_node *n = node(e, id);
    st_bc_type type = st_bc_kind(node(e, n->args[0])->kind);
    uint32_t out = new_pred(e);
    *place_of(e, id) = out + 1;
    if (n->op == ST_IR_IN) {
        uint32_t *set = st_new_n(e->arena, uint32_t, n->n);
        for (uint32_t i = 1; i < n->n; i++) set[i - 1] = st_scalar_of(e, n->args[i]);
        put(e, ST_BC_IN, type, out, v, st_bc_list(e->bc, set, n->n - 1));
    } else if (n->op == ST_IR_MATCHES) {
        put(e, ST_BC_TEST, 0, out, v, st_bc_text(e->bc, n->text))->a[3] = ST_TEST_MATCHES;
    } else if (is_text_test(n->op)) {
        put(e, ST_BC_TEST, 0, out, v, st_scalar_of(e, n->args[1]))->a[3] = test_of(n->op);
    } else
        put(e, ST_BC_CMP, type, out, v, st_scalar_of(e, n->args[1]))->a[3] = cmp_of(n->op);
}

/* Comparisons of one value that are made side by side: with more of them, the answers would wait long in registers. */
#define COMPARES_AT_ONCE 1024

/* The comparison that is asked for, and with it the next others of its value that this piece will ask for. */
static void emit_compares(st_emitter *e, st_ir_id of, st_ir_id asked)
{
    uint32_t v = value(e, of);
    if (!*place_of(e, asked)) emit_compare(e, asked, v);
    st_ir_id id = e->code->head[of];
    for (uint32_t n = 0; id && n < COMPARES_AT_ONCE; id = e->code->next[id]) {
        if (*place_of(e, id)) continue;
        emit_compare(e, id, v);
        n++;
    }
    e->code->head[of] = id;
}

static uint32_t widened(st_emitter *e, st_ir_id id)
{
    uint32_t v = value(e, id);
    return node(e, id)->kind == ST_IR_I64 ? unary(e, ST_BC_WIDEN, 0, v) : v;
}

/* Two values of rows, or of different scales. */
static uint32_t compare_values(st_emitter *e, const st_ir_node *n)
{
    const st_ir_node *x = node(e, n->args[0]), *y = node(e, n->args[1]);
    uint32_t out;
    if (same_shape(x, y)) {
        uint32_t a = value(e, n->args[0]), b = value(e, n->args[1]);
        out = new_pred(e);
        put(e, ST_BC_CMP_V, st_bc_kind(x->kind), out, a, b)->a[3] = cmp_of(n->op);
    } else {
        uint32_t a = widened(e, n->args[0]), b = widened(e, n->args[1]);
        out = new_pred(e);
        st_draft *d = put(e, ST_BC_CMP_SCALED, ST_BC_I128, out, a, b);
        d->a[3] = cmp_of(n->op);
        d->a[4] = ST_BC_SCALES(x->scale, y->scale);
    }
    return out;
}

/* ---- predicates ---- */

static uint32_t all_rows(st_emitter *e)
{
    uint32_t out = new_pred(e);
    put(e, ST_BC_ALL, 0, out, 0, 0);
    return out;
}

static uint32_t two(st_emitter *e, st_bc_op op, uint32_t a, uint32_t b)
{
    uint32_t out = new_pred(e);
    put(e, op, 0, out, a, b);
    return out;
}

static uint32_t joined(st_emitter *e, bool all, const uint32_t *p, uint32_t n)
{
    if (n == 1) return p[0];
    if (n == 2) return two(e, all ? ST_BC_AND : ST_BC_OR, p[0], p[1]);
    uint32_t out = new_pred(e);
    put_list(e, all ? ST_BC_AND_ALL : ST_BC_OR_ALL, 0, out, p, n);
    return out;
}

/* An and takes its negated arguments away from the others. */
static uint32_t conjunction(st_emitter *e, const st_ir_node *n)
{
    uint32_t *plain = st_new_n(e->arena, uint32_t, n->n), *negated = st_new_n(e->arena, uint32_t, n->n);
    uint32_t np = 0, nn = 0;
    for (uint32_t i = 0; i < n->n; i++) {
        st_ir_id arg = n->args[i];
        const st_ir_node *x = node(e, arg);
        bool scalar = !e->code->is_setup && st_is_scalar(e->plan, arg);
        bool ready = *place_of(e, arg) || in_slot(e, arg) || scalar;
        if (x->op == ST_IR_NOT && !ready)
            negated[nn++] = pred(e, x->args[0]);
        else
            plain[np++] = pred(e, arg);
    }
    uint32_t out;
    if (np)
        out = joined(e, true, plain, np);
    else {
        out = new_pred(e);
        put(e, ST_BC_NOT, 0, out, joined(e, false, negated, nn), 0);
        return out;
    }
    for (uint32_t i = 0; i < nn; i++) out = two(e, ST_BC_ANDNOT, out, negated[i]);
    return out;
}

static uint32_t disjunction(st_emitter *e, const st_ir_node *n)
{
    uint32_t *p = st_new_n(e->arena, uint32_t, n->n);
    for (uint32_t i = 0; i < n->n; i++) p[i] = pred(e, n->args[i]);
    if (n->op == ST_IR_OR) return joined(e, false, p, n->n);
    uint32_t out = new_pred(e);
    put_list(e, ST_BC_AT_LEAST, 0, out, p, n->n)->a[2] = n->k;
    return out;
}

static uint32_t known(st_emitter *e, st_ir_id v)
{
    const st_ir_node *n = node(e, v);
    if (n->kind == ST_IR_PRED || n->kind == ST_IR_LIST || st_is_direct(e->plan, v)) {
        uint32_t out = new_pred(e);
        put(e, ST_BC_LOAD_KNOWN, 0, out, st_input_of(e, v, e->code->place), 0);
        return out;
    }
    uint32_t in = value(e, v), out = new_pred(e);
    put(e, ST_BC_KNOWN, st_bc_kind(n->kind), out, in, 0);
    return out;
}

static uint32_t loaded(st_emitter *e, uint32_t input)
{
    uint32_t out = new_pred(e);
    put(e, ST_BC_LOAD_TRUE, 0, out, input, 0);
    return out;
}

/* The path leads somewhere: the key of the row there can be read. */
static uint32_t linked(st_emitter *e, const st_ir_node *n)
{
    const st_table *to = st_ir_path_to(n->path);
    uint32_t out = new_pred(e);
    uint32_t in = st_bc_column(e->bc, st_domain_of(e, e->code->place), index_of(e, n->path), to->key);
    put(e, ST_BC_LOAD_KNOWN, 0, out, in, 0);
    return out;
}

static uint32_t has(st_emitter *e, const st_ir_node *n)
{
    st_ir_id list = n->args[0], v = n->args[1];
    uint32_t in = st_input_of(e, list, e->code->place);
    bool is_list;
    st_bc_type type = st_bc_input_type(e->bc, in, &is_list);
    uint32_t out;
    st_draft *d;
    if (type == ST_BC_BOOL) {
        out = new_pred(e);
        d = put(e, ST_BC_LIST_HAS, type, out, in, st_bc_bool(e->bc, node(e, v)->imm != 0));
    } else if (as_scalar(e, v)) {
        out = new_pred(e);
        d = put(e, ST_BC_LIST_HAS, type, out, in, st_scalar_of(e, v));
    } else {
        uint32_t element = value(e, v);
        out = new_pred(e);
        d = put(e, ST_BC_LIST_HAS_V, type, out, in, element);
    }
    d->a[3] = n->k;
    return out;
}

static uint32_t listed(st_emitter *e, const st_ir_node *n)
{
    uint32_t set = st_bc_set_of(e->bc, e->plan->ir->program->defs[n->k]);
    uint32_t key = value(e, n->args[0]), out = new_pred(e);
    put(e, ST_BC_LISTED, st_bc_kind(node(e, n->args[0])->kind), out, key, set);
    return out;
}

static uint32_t anniversary(st_emitter *e, const st_ir_node *n)
{
    uint32_t v[3];
    for (int i = 0; i < 3; i++) v[i] = value(e, n->args[i]);
    uint32_t out = new_pred(e);
    put(e, ST_BC_ANNIVERSARY, 0, out, v[0], v[1])->a[3] = v[2];
    return out;
}

static uint32_t compute_pred(st_emitter *e, st_ir_id id)
{
    const st_ir_node *n = node(e, id);
    uint32_t out;
    switch (n->op) {
    case ST_IR_COLUMN:
    case ST_IR_GATHER: return loaded(e, st_input_of(e, id, e->code->place));
    case ST_IR_LINKED: return linked(e, n);
    case ST_IR_KNOWN: return known(e, n->args[0]);
    case ST_IR_NOT: {
        uint32_t in = pred(e, n->args[0]);
        out = new_pred(e);
        put(e, ST_BC_NOT, 0, out, in, 0);
        return out;
    }
    case ST_IR_AND: return conjunction(e, n);
    case ST_IR_OR:
    case ST_IR_AT_LEAST: return disjunction(e, n);
    case ST_IR_ANDNOT: {
        uint32_t a = pred(e, n->args[0]);
        return two(e, ST_BC_ANDNOT, a, pred(e, n->args[1]));
    }
    case ST_IR_HAS: return has(e, n);
    case ST_IR_LISTED: return listed(e, n);
    case ST_IR_ANNIVERSARY: return anniversary(e, n);
    default: break;
    }
    if (is_compare(n->op)) return compare_values(e, n);
    assert(is_text_test(n->op));
    uint32_t a = value(e, n->args[0]), b = value(e, n->args[1]);
    out = new_pred(e);
    put(e, ST_BC_TEST_V, 0, out, a, b)->a[3] = test_of(n->op);
    return out;
}

static uint32_t pred(st_emitter *e, st_ir_id id)
{
    uint32_t *reg = place_of(e, id);
    if (*reg) return *reg - 1;
    const st_ir_node *n = node(e, id);
    uint32_t out;
    if (id == ST_IR_TRUE_ID)
        out = all_rows(e);
    else if (id == ST_IR_FALSE_ID) {
        out = new_pred(e);
        put(e, ST_BC_EMPTY, 0, out, 0, 0);
    } else if (!e->code->is_setup && st_is_scalar(e->plan, id)) {
        out = new_pred(e);
        put(e, ST_BC_CONST_P, 0, out, st_scalar_of(e, id), 0);
    } else if (in_slot(e, id))
        out = loaded(e, st_input_of(e, id, e->code->place));
    else if (of_one_value(e, n)) {
        emit_compares(e, n->args[0], id);
        return e->code->reg[id] - 1;
    } else
        out = compute_pred(e, id);
    e->code->reg[id] = out + 1;
    return out;
}

/* ---- values ---- */

static uint32_t rescaled(st_emitter *e, uint32_t v, st_bc_type type, unsigned from, unsigned to)
{
    if (from == to) return v;
    uint32_t out = new_val(e);
    put(e, ST_BC_RESCALE, type, out, v, ST_BC_SCALES(from, to));
    return out;
}

/* Wide first, narrow last: nothing is lost on the way. */
static uint32_t convert(st_emitter *e, const st_ir_node *n)
{
    const st_ir_node *x = node(e, n->args[0]);
    uint32_t v = value(e, n->args[0]);
    if (x->kind == ST_IR_I64 && n->kind == ST_IR_I128) v = unary(e, ST_BC_WIDEN, 0, v);
    bool wide = x->kind == ST_IR_I128 || n->kind == ST_IR_I128;
    v = rescaled(e, v, wide ? ST_BC_I128 : ST_BC_I64, x->scale, n->scale);
    return x->kind == ST_IR_I128 && n->kind == ST_IR_I64 ? unary(e, ST_BC_NARROW, 0, v) : v;
}

static uint32_t cases(st_emitter *e, const st_ir_node *n)
{
    uint32_t *list = st_new_n(e->arena, uint32_t, n->n);
    for (uint32_t i = 0; i < n->n; i += 2) {
        list[i] = pred(e, n->args[i]);
        list[i + 1] = st_scalar_of(e, n->args[i + 1]);
    }
    uint32_t out = new_val(e);
    st_bc_type type = st_bc_kind(n->kind);
    put_list(e, ST_BC_CASE, type, out, list, n->n)->a[2] = st_bc_missing(e->bc, type);
    return out;
}

static uint32_t truth(st_emitter *e, const st_ir_node *n)
{
    uint32_t list[4] = {pred(e, n->args[0]), st_bc_i64(e->bc, 1), 0, st_bc_i64(e->bc, 0)};
    list[2] = pred(e, n->args[1]);
    uint32_t out = new_val(e);
    put_list(e, ST_BC_CASE, ST_BC_I64, out, list, 4)->a[2] = st_bc_missing(e->bc, ST_BC_I64);
    return out;
}

static uint32_t mask(st_emitter *e, const st_ir_node *n)
{
    st_bc_type type = st_bc_kind(n->kind);
    uint32_t p = pred(e, n->args[1]), v = value(e, n->args[0]);
    uint32_t nothing = broadcast(e, st_bc_missing(e->bc, type), type), out = new_val(e);
    put(e, ST_BC_SELECT, type, out, p, v)->a[3] = nothing;
    return out;
}

static uint32_t lookup(st_emitter *e, const st_ir_node *n)
{
    uint32_t *table = st_new_n(e->arena, uint32_t, n->n);
    for (uint32_t i = 1; i < n->n; i++) table[i - 1] = st_scalar_of(e, n->args[i]);
    uint32_t index = value(e, n->args[0]), out = new_val(e);
    put(e, ST_BC_LOOKUP, st_bc_kind(n->kind), out, index, st_bc_list(e->bc, table, n->n - 1));
    return out;
}

static uint32_t distance(st_emitter *e, const st_ir_node *n)
{
    uint32_t v[4];
    for (uint32_t i = 0; i < 4; i++) v[i] = value(e, n->args[i]);
    uint32_t out = new_val(e);
    st_draft *d = put(e, ST_BC_DISTANCE, 0, out, v[0], v[1]);
    d->a[3] = v[2];
    d->a[4] = v[3];
    return out;
}

static uint32_t binary(st_emitter *e, const st_ir_node *n, st_bc_op op, st_bc_type type, uint32_t extra)
{
    uint32_t a = value(e, n->args[0]), b = value(e, n->args[1]), out = new_val(e);
    put(e, op, type, out, a, b)->a[3] = extra;
    return out;
}

static uint32_t rounded(st_emitter *e, const st_ir_node *n)
{
    const st_ir_node *x = node(e, n->args[0]);
    uint32_t v = value(e, n->args[0]);
    st_bc_type type = st_bc_kind(x->kind);
    if (n->op == ST_IR_ROUND)
        return type == ST_BC_F64 ? unary(e, ST_BC_ROUND, type, v) : rescaled(e, v, type, x->scale, n->scale);
    uint32_t out = new_val(e);
    put(e, n->op == ST_IR_FLOOR ? ST_BC_FLOOR : ST_BC_CEIL, type, out, v, x->scale);
    return out;
}

static uint32_t as_float(st_emitter *e, st_ir_id id)
{
    const st_ir_node *x = node(e, id);
    uint32_t v = value(e, id);
    if (x->kind == ST_IR_F64) return v;
    uint32_t out = new_val(e);
    put(e, ST_BC_TO_FLOAT, st_bc_kind(x->kind), out, v, x->scale);
    return out;
}

static uint32_t draw(st_emitter *e, const st_ir_node *n)
{
    uint32_t key = st_bc_column(e->bc, st_domain_of(e, e->code->place), ST_BC_NONE, n->col), out = new_val(e);
    put(e, ST_BC_DRAW, 0, out, key, st_bc_text(e->bc, n->text))->a[3] = n->k;
    return out;
}

static uint32_t compute_value(st_emitter *e, st_ir_id id)
{
    const st_ir_node *n = node(e, id);
    st_bc_type type = st_bc_kind(n->kind);
    uint32_t scales = type == ST_BC_I128 ? ST_BC_SCALES(n->scale, n->scale) : 0;
    uint32_t out;
    switch (n->op) {
    case ST_IR_COLUMN:
    case ST_IR_GATHER: return unary(e, ST_BC_LOAD, type, st_input_of(e, id, e->code->place));
    case ST_IR_DRAW: return draw(e, n);
    case ST_IR_SELECT: return binary(e, n, ST_BC_COALESCE, type, 0);
    case ST_IR_MASK: return mask(e, n);
    case ST_IR_CASE: return cases(e, n);
    case ST_IR_TRUTH: return truth(e, n);
    case ST_IR_DISTANCE: return distance(e, n);
    case ST_IR_LOOKUP: return lookup(e, n);
    case ST_IR_ADD: return binary(e, n, ST_BC_ADD, type, scales);
    case ST_IR_SUB: return binary(e, n, ST_BC_SUB, type, scales);
    case ST_IR_MUL: return binary(e, n, ST_BC_MUL, type, 0);
    case ST_IR_DIV:
        if (type == ST_BC_I128) scales = ST_BC_SCALES(node(e, n->args[0])->scale, node(e, n->args[1])->scale);
        return binary(e, n, ST_BC_DIV, type, scales);
    case ST_IR_MIN: return binary(e, n, ST_BC_MIN, type, 0);
    case ST_IR_MAX: return binary(e, n, ST_BC_MAX, type, 0);
    case ST_IR_NEG: return unary(e, ST_BC_NEG, type, value(e, n->args[0]));
    case ST_IR_ABS: return unary(e, ST_BC_ABS, type, value(e, n->args[0]));
    case ST_IR_CONVERT: return convert(e, n);
    case ST_IR_ROUND:
    case ST_IR_FLOOR:
    case ST_IR_CEIL: return rounded(e, n);
    case ST_IR_TO_FLOAT: return as_float(e, n->args[0]);
    case ST_IR_LOGISTIC: return unary(e, ST_BC_LOGISTIC, 0, as_float(e, n->args[0]));
    case ST_IR_LOWER: return unary(e, ST_BC_LOWER, 0, value(e, n->args[0]));
    case ST_IR_UPPER: return unary(e, ST_BC_UPPER, 0, value(e, n->args[0]));
    case ST_IR_TRIM: return unary(e, ST_BC_TRIM, 0, value(e, n->args[0]));
    case ST_IR_DOMAIN: return unary(e, ST_BC_DOMAIN, 0, value(e, n->args[0]));
    case ST_IR_LENGTH: return unary(e, ST_BC_LENGTH, 0, value(e, n->args[0]));
    case ST_IR_SHIFT: return binary(e, n, n->k2 ? ST_BC_SHIFT_INSTANT : ST_BC_SHIFT_DATE, 0, n->k);
    case ST_IR_BETWEEN: return binary(e, n, n->k2 ? ST_BC_BETWEEN_INSTANTS : ST_BC_BETWEEN_DATES, 0, n->k);
    case ST_IR_TO_DATE: return unary(e, ST_BC_TO_DAY, 0, value(e, n->args[0]));
    case ST_IR_TO_INSTANT: return unary(e, ST_BC_TO_INSTANT, 0, value(e, n->args[0]));
    case ST_IR_TRUNC: out = unary(e, ST_BC_TRUNC, 0, value(e, n->args[0])); break;
    case ST_IR_PART:
        out = unary(e, n->k2 ? ST_BC_PART_INSTANT : ST_BC_PART_DATE, 0, value(e, n->args[0]));
        break;
    default: st_fail(st_arena_env(e->arena), STRATA_INTERNAL, "no code for %s", st_ir_op_names[n->op]);
    }
    e->code->code.p[e->code->code.n - 1].a[2] = n->k;
    return out;
}

static uint32_t value(st_emitter *e, st_ir_id id)
{
    uint32_t *reg = place_of(e, id);
    if (*reg) return *reg - 1;
    const st_ir_node *n = node(e, id);
    st_bc_type type = st_bc_kind(n->kind);
    bool literal_or_set = n->op == ST_IR_CONST || n->op == ST_IR_MISSING || n->op == ST_IR_NOW;
    uint32_t out;
    if (literal_or_set || n->op == ST_IR_THRESHOLD || n->op == ST_IR_BOUND ||
        (!e->code->is_setup && st_is_scalar(e->plan, id)))
        out = broadcast(e, st_scalar_of(e, id), type);
    else if (in_slot(e, id))
        out = unary(e, ST_BC_LOAD, type, st_input_of(e, id, e->code->place));
    else
        out = compute_value(e, id);
    e->code->reg[id] = out + 1;
    return out;
}

/* ---- pieces ---- */

void st_code_begin(st_emitter *e, st_ground place, uint32_t stage)
{
    struct st_piece *c = e->code;
    uint32_t n = e->plan->ir->nodes.n;
    if (!c) {
        c = e->code = st_new(e->arena, struct st_piece);
        c->reg = st_new_n(e->arena, uint32_t, n);
        c->owner = st_new_n(e->arena, uint32_t, n);
        c->head = st_new_n(e->arena, uint32_t, n);
        c->next = st_new_n(e->arena, uint32_t, n);
        c->tail = st_new_n(e->arena, uint32_t, n);
    }
    c->place = place;
    c->stage = stage;
    c->is_setup = place == ST_BC_NONE;
    c->code.n = 0;
    c->npred = c->nval = 0;
    c->piece++;
    c->answer = ST_BC_NONE;
    e->plan->stamp++;
}

void st_code_want(st_emitter *e, st_ir_id id)
{
    st_plan *p = e->plan;
    if (p->seen[id] == p->stamp) return;
    p->seen[id] = p->stamp;
    const st_ir_node *n = node(e, id);
    bool leaf = st_ir_op_class[n->op] == ST_IR_CLASS_LEAF || n->op == ST_IR_GATHER;
    if (leaf || in_slot(e, id) || (!e->code->is_setup && st_is_scalar(p, id))) return;
    for (uint32_t i = 0; i < n->n; i++) st_code_want(e, n->args[i]);
    if (!of_one_value(e, n)) return;
    st_ir_id of = n->args[0];
    place_of(e, of);
    if (e->code->head[of])
        e->code->next[e->code->tail[of]] = id;
    else
        e->code->head[of] = id;
    e->code->tail[of] = id;
    e->code->next[id] = 0;
}

static bool is_pred(const st_emitter *e, st_ir_id id)
{
    return node(e, id)->kind == ST_IR_PRED;
}

void st_code_store(st_emitter *e, st_ir_id id, uint32_t slot)
{
    if (is_pred(e, id))
        put(e, ST_BC_STORE_P, 0, slot, pred(e, id), 0);
    else
        put(e, ST_BC_STORE, st_bc_kind(node(e, id)->kind), slot, value(e, id), 0);
}

void st_code_set(st_emitter *e, st_ir_id id, uint32_t scalar)
{
    if (is_pred(e, id))
        put(e, ST_BC_SET_P, 0, scalar, pred(e, id), 0);
    else
        put(e, ST_BC_SET, st_bc_kind(node(e, id)->kind), scalar, value(e, id), 0);
}

void st_code_fold(st_emitter *e, const st_ir_node *n, uint32_t slot)
{
    static const st_bc_op ops[] = {
        [ST_IR_ANY] = ST_BC_AGG_ANY,      [ST_IR_COUNT] = ST_BC_AGG_COUNT, [ST_IR_SUM] = ST_BC_AGG_SUM,
        [ST_IR_MIN_OF] = ST_BC_AGG_MIN,   [ST_IR_MAX_OF] = ST_BC_AGG_MAX,  [ST_IR_FIRST_OF] = ST_BC_AGG_FIRST,
        [ST_IR_LAST_OF] = ST_BC_AGG_LAST,
    };
    uint32_t rows = pred(e, n->args[0]);
    uint32_t v = n->n > 1 ? value(e, n->args[1]) : 0, time = n->n > 2 ? value(e, n->args[2]) : 0;
    st_bc_type type = n->n > 1 ? st_bc_kind(node(e, n->args[1])->kind) : 0;
    put(e, ops[n->op], type, slot, rows, v)->a[3] = time;
}

void st_code_note(st_emitter *e, st_ir_id id, uint32_t note)
{
    put(e, ST_BC_NOTE, 0, note, pred(e, id), 0);
}

void st_code_check(st_emitter *e, uint32_t inner, uint32_t outer)
{
    put(e, ST_BC_CHECK_AS_OF, 0, inner, outer, 0);
}

void st_code_answer(st_emitter *e, const st_ir_id *preds, uint32_t n)
{
    uint32_t *p = st_new_n(e->arena, uint32_t, n);
    for (uint32_t i = 0; i < n; i++) p[i] = pred(e, preds[i]);
    e->code->answer = joined(e, true, p, n);
}

st_bc_code st_code_end(st_emitter *e, uint32_t *answer)
{
    struct st_piece *c = e->code;
    st_registers r = {.npred = c->npred, .nval = c->nval, .answer = c->answer};
    st_bc_begin(e->bc);
    st_give_registers(e, &c->code, &r);
    if (answer) *answer = r.answer;
    return st_bc_end(e->bc);
}
