/* Nodes found again by their content, so that equal expressions are one node. */
#include "ir/build.h"

const char *const st_ir_op_names[ST_IR_OPS] = {
#define IR(NAME, name, CLASS) name,
#include "ir/ir.def"
#undef IR
};
const uint8_t st_ir_op_class[ST_IR_OPS] = {
#define IR(NAME, name, CLASS) ST_IR_CLASS_##CLASS,
#include "ir/ir.def"
#undef IR
};
const char *const st_ir_kind_names[6] = {"pred", "i64", "i128", "f64", "text", "list"};

/* What makes a node the one it is. Pointers stand for interned or declared things. */
typedef struct node_key {
    uint32_t op, kind, scale, digits, amount_scale, domain, k, k2;
    uint64_t imm_low, imm_high, f;
    const void *col, *path;
} node_key;

static void put(st_ir *ir, st_buf *b, const void *p, size_t n)
{
    st_buf_add(ir->arena, b, p, n);
}

static st_str key_of(st_ir *ir, const st_ir_node *n, char *fixed, size_t size)
{
    node_key key;
    memset(&key, 0, sizeof key);
    key.op = n->op;
    key.kind = n->kind;
    key.scale = n->scale;
    key.digits = n->digits;
    key.amount_scale = n->amount_scale;
    key.domain = (uint32_t)n->domain;
    key.k = n->k;
    key.k2 = n->k2;
    key.imm_low = (uint64_t)n->imm;
    key.imm_high = (uint64_t)((st_u128)n->imm >> 64);
    memcpy(&key.f, &n->f, sizeof key.f);
    key.col = n->col;
    key.path = n->path;
    size_t args = n->n * sizeof *n->args, total = sizeof key + args + n->text.n;
    if (total <= size) {
        memcpy(fixed, &key, sizeof key);
        if (args) memcpy(fixed + sizeof key, n->args, args);
        if (n->text.n) memcpy(fixed + sizeof key + args, n->text.p, n->text.n);
        return (st_str){fixed, (uint32_t)total};
    }
    st_buf b = {0};
    put(ir, &b, &key, sizeof key);
    if (args) put(ir, &b, n->args, args);
    if (n->text.n) put(ir, &b, n->text.p, n->text.n);
    return (st_str){b.p, b.n};
}

/* The table whose rows the arguments speak of. BOUND values are the same for every row of the code that reads them. */
static int32_t domain_of_args(const st_ir *ir, const st_ir_node *n)
{
    int32_t domain = ST_IR_RUN;
    for (uint32_t i = 0; i < n->n; i++) {
        int32_t d = st_ir_at(ir, n->args[i])->domain;
        assert(d == ST_IR_RUN || domain == ST_IR_RUN || d == domain);
        if (d != ST_IR_RUN) domain = d;
    }
    return domain;
}

st_ir_id st_ir_node_of(st_ir *ir, const st_ir_node *given)
{
    st_ir_node n = *given;
    if (st_ir_op_class[n.op] == ST_IR_CLASS_ELEM) n.domain = domain_of_args(ir, &n);
    char fixed[512];
    st_str key = key_of(ir, &n, fixed, sizeof fixed);
    bool is_new;
    void **place = st_map_put(&ir->index, key.p, key.n, &is_new);
    if (!is_new) return (st_ir_id)(uintptr_t)*place;
    if (n.n) {
        st_ir_id *args = st_new_n(ir->arena, st_ir_id, n.n);
        memcpy(args, n.args, n.n * sizeof *args);
        n.args = args;
    }
    n.text = n.text.n ? st_str_dup(ir->arena, n.text) : (st_str){"", 0};
    if (n.op == ST_IR_BOUND)
        n.bound = true;
    else
        for (uint32_t i = 0; i < n.n; i++) n.bound |= st_ir_at(ir, n.args[i])->bound;
    st_ir_id id = ir->nodes.n;
    *st_push(ir->arena, &ir->nodes) = n;
    *place = (void *)(uintptr_t)id;
    return id;
}

st_ir *st_ir_new(st_arena *a, const st_program *program)
{
    st_ir *ir = st_new(a, st_ir);
    ir->arena = a;
    ir->program = program;
    ir->population = st_new_n(a, st_ir_id, program->ntables);
    ir->unseen = st_new_n(a, st_ir_id, program->ntables);
    st_map_init(&ir->index, a);
    st_map_init(&ir->path_index, a);
    st_push(a, &ir->nodes)->domain = ST_IR_RUN; /* number 0 is none */
    st_ir_node f = {.op = ST_IR_FALSE, .kind = ST_IR_PRED, .domain = ST_IR_RUN};
    st_ir_node t = {.op = ST_IR_TRUE, .kind = ST_IR_PRED, .domain = ST_IR_RUN};
    st_ir_node_of(ir, &f);
    st_ir_node_of(ir, &t);
    return ir;
}

const st_ir_path *st_ir_path_of(st_ir *ir, const st_col *const *steps, uint32_t n)
{
    bool is_new;
    void **place = st_map_put(&ir->path_index, steps, n * sizeof *steps, &is_new);
    if (is_new) {
        st_ir_path *p = st_new(ir->arena, st_ir_path);
        const st_col **copy = st_new_n(ir->arena, const st_col *, n);
        memcpy(copy, steps, n * sizeof *steps);
        *p = (st_ir_path){.index = ir->paths.n, .n = n, .steps = copy};
        *st_push(ir->arena, &ir->paths) = p;
        *place = p;
    }
    return *place;
}

const st_ir_path *st_ir_path_join(st_ir *ir, const st_ir_path *first, const st_ir_path *then)
{
    const st_col **steps = st_new_n(ir->arena, const st_col *, first->n + then->n);
    memcpy(steps, first->steps, first->n * sizeof *steps);
    memcpy(steps + first->n, then->steps, then->n * sizeof *steps);
    return st_ir_path_of(ir, steps, first->n + then->n);
}

/* ---- constants ---- */

static uint8_t digits_of(st_i128 v)
{
    uint8_t digits = 1;
    for (v = v < 0 ? -v : v; v >= 10; v /= 10) digits++;
    return digits;
}

st_ir_kind st_ir_kind_of(const st_type *t)
{
    if (t->list) return ST_IR_LIST;
    switch (t->base) {
    case ST_T_BOOL: return ST_IR_PRED;
    case ST_T_FLOAT: return ST_IR_F64;
    case ST_T_STRING: return ST_IR_TEXT;
    case ST_T_DECIMAL:
    case ST_T_DISTANCE: return t->digits <= 18 ? ST_IR_I64 : ST_IR_I128;
    default: return ST_IR_I64;
    }
}

st_ir_id st_ir_exact(st_ir *ir, st_ir_kind kind, st_i128 v, unsigned scale)
{
    st_ir_node n = {.op = ST_IR_CONST,
                    .kind = kind,
                    .scale = (uint8_t)scale,
                    .digits = digits_of(v),
                    .domain = ST_IR_RUN,
                    .imm = v};
    return st_ir_node_of(ir, &n);
}

st_ir_id st_ir_int(st_ir *ir, int64_t v)
{
    return st_ir_exact(ir, ST_IR_I64, v, 0);
}

st_ir_id st_ir_float(st_ir *ir, double v)
{
    st_ir_node n = {.op = ST_IR_CONST, .kind = ST_IR_F64, .domain = ST_IR_RUN, .f = v};
    return st_ir_node_of(ir, &n);
}

st_ir_id st_ir_text(st_ir *ir, st_str s)
{
    st_ir_node n = {.op = ST_IR_CONST, .kind = ST_IR_TEXT, .domain = ST_IR_RUN, .text = s};
    return st_ir_node_of(ir, &n);
}

st_ir_id st_ir_missing(st_ir *ir, st_ir_kind kind, unsigned scale)
{
    st_ir_node n = {
        .op = ST_IR_MISSING, .kind = kind, .scale = (uint8_t)scale, .domain = ST_IR_RUN, .optional = true};
    return st_ir_node_of(ir, &n);
}

st_ir_id st_ir_value(st_ir *ir, const st_value *v)
{
    st_ir_kind kind = st_ir_kind_of(&v->type);
    unsigned scale = v->type.base == ST_T_DECIMAL || v->type.base == ST_T_DISTANCE ? v->type.scale : 0;
    if (v->missing) return st_ir_missing(ir, kind, scale);
    switch (v->type.base) {
    case ST_T_FLOAT: return st_ir_float(ir, v->as.f);
    case ST_T_STRING: return st_ir_text(ir, v->as.s);
    case ST_T_DECIMAL:
    case ST_T_DISTANCE:
        if (v->as.d < -INT64_MAX || v->as.d > INT64_MAX) kind = ST_IR_I128;
        return st_ir_exact(ir, kind, v->as.d, scale);
    default: return st_ir_int(ir, v->as.i);
    }
}

st_ir_id st_ir_column(st_ir *ir, const st_col *col)
{
    st_type t = col->type;
    st_ir_node n = {.op = ST_IR_COLUMN,
                    .kind = st_ir_kind_of(&t),
                    .domain = (int32_t)col->table->index,
                    .optional = t.optional,
                    .col = col};
    if (n.kind == ST_IR_I64 || n.kind == ST_IR_I128) {
        n.scale = t.base == ST_T_DECIMAL ? t.scale : 0;
        n.digits = t.base == ST_T_DECIMAL ? t.digits : 19;
    }
    return st_ir_node_of(ir, &n);
}
