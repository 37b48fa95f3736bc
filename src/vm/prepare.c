/* What is found out once before a piece of code runs: where its inputs lie, and everything about text, whose dictionaries are known
 * by then: each distinct text is asked once, however many rows have it. */
#include "vm/parts.h"

typedef struct prepare {
    st_vm *vm;
    st_arena *a;
    st_pass *pass;
    const st_dict **dict; /* by value register, of TEXT */
} prepare;

static const st_bc_scalar *decl_of(const prepare *p, uint32_t scalar)
{
    return &p->vm->bc->scalars.p[scalar];
}

static bool is_bound(const prepare *p, uint32_t scalar)
{
    return decl_of(p, scalar)->kind == ST_S_BOUND;
}

static const uint32_t *list_of(const prepare *p, uint32_t at, uint32_t *n)
{
    const uint32_t *list = p->vm->bc->lists.p + at;
    *n = list[0];
    return list + 1;
}

/* ---- text ---- */

/* What a text is compared with. */
typedef struct other {
    uint32_t how; /* st_cmp or st_bc_test */
    st_str text;
} other;

static bool cmp_holds(const void *ctx, st_str s)
{
    const other *o = ctx;
    return st_cmp_holds((st_cmp)o->how, st_str_cmp(s, o->text));
}

static bool test_holds(const void *ctx, st_str s)
{
    const other *o = ctx;
    return st_text_test_holds((st_bc_test)o->how, s, o->text);
}

static bool is_among(const void *ctx, st_str s)
{
    return st_map_get(ctx, s.n ? s.p : "", s.n) != NULL;
}

/* The texts of the operand for which the comparison or test with the scalar holds; a bound scalar is asked row by row. */
static void ask_scalar(prepare *p, const st_bc_instr *in, st_prep *q, uint32_t how, st_text_question holds)
{
    if (is_bound(p, in->a[2])) return;
    const st_scalar *s = &p->vm->scalars[in->a[2]];
    q->set = st_code_set_new(p->a, q->dict);
    if (s->missing) return;
    if (holds == test_holds && (how == ST_TEST_MATCHES || how == ST_TEST_NOT_MATCHES))
        st_code_set_match(p->vm, &q->set, q->dict, s->as.s, how == ST_TEST_NOT_MATCHES);
    else
        st_code_set_ask(p->vm, &q->set, q->dict, holds, &(other){how, s->as.s});
    st_code_set_look(&q->set);
}

/* A test for a pattern, of more texts than are looked at without need. */
static bool put_off(prepare *p, const st_bc_instr *in, st_prep *q)
{
    enum { FEW_TEXTS = 4096 };
    const st_scalar *pattern = &p->vm->scalars[in->a[2]];
    uint32_t at = (uint32_t)(in - (p->vm->bc->code.p + p->pass->code.first));
    bool negated = in->a[3] == ST_TEST_NOT_MATCHES;
    if ((in->a[3] != ST_TEST_MATCHES && !negated) || q->dict->n <= FEW_TEXTS || is_bound(p, in->a[2]) ||
        pattern->missing || in->a[0] == p->pass->answer ||
        !st_guard_find(p->vm, &p->pass->code, at, &q->loader, &q->reader))
        return false;
    for (uint32_t i = 0; i < at; i++) /* of several the others would have to wait for each other */
        if (p->pass->prep[i].memo && p->pass->prep[i].reader == q->reader) return false;
    q->memo = st_code_memo_new(p->a, q->dict, pattern->as.s, negated);
    return true;
}

static void in_texts(prepare *p, const st_bc_instr *in, st_prep *q)
{
    uint32_t n;
    const uint32_t *list = list_of(p, in->a[2], &n);
    st_arena *scratch = st_arena_new(p->vm->env);
    st_map wanted;
    st_map_init(&wanted, scratch);
    for (uint32_t i = 0; i < n; i++) {
        const st_scalar *s = &p->vm->scalars[list[i]];
        if (!s->missing) *st_map_put(&wanted, s->as.s.n ? s->as.s.p : "", s->as.s.n, NULL) = q;
    }
    q->set = st_code_set_new(p->a, q->dict);
    st_code_set_ask(p->vm, &q->set, q->dict, is_among, &wanted);
    st_code_set_look(&q->set);
    st_arena_free(scratch);
}

static bool is_key(const void *ctx, st_str s)
{
    return st_key_set_has_text(ctx, s);
}

static void listed(prepare *p, const st_bc_instr *in, st_prep *q)
{
    st_arena *scratch = st_arena_new(p->vm->env);
    bool text = in->type == ST_BC_TEXT;
    const st_key_set *keys = st_key_set_new(text ? scratch : p->a, &p->vm->bc->sets.p[in->a[2]].keys);
    if (text) {
        q->set = st_code_set_new(p->a, q->dict);
        st_code_set_ask(p->vm, &q->set, q->dict, is_key, keys);
        st_code_set_look(&q->set);
    } else {
        q->keys = keys;
    }
    st_arena_free(scratch);
}

static void list_has_text(prepare *p, const st_bc_instr *in, st_prep *q)
{
    q->dict = q->feed.dict;
    if (in->a[3]) {
        uint32_t *map;
        q->dict = st_dict_transform(p->a, p->a, q->feed.dict, ST_BC_LOWER, &map);
        q->map = map;
    }
    if (in->op == ST_BC_LIST_HAS) ask_scalar(p, in, q, ST_EQ, cmp_holds);
}

/* A dictionary of scalars; missing ones get UINT32_MAX. */
static const st_dict *texts_of(prepare *p, const uint32_t *scalars, uint32_t n, const uint32_t **codes)
{
    st_str *texts = st_new_n(p->a, st_str, n + 1);
    uint32_t *out = st_new_n(p->a, uint32_t, n + 1);
    for (uint32_t i = 0; i < n; i++)
        texts[i] = p->vm->scalars[scalars[i]].missing ? ST_STR("") : p->vm->scalars[scalars[i]].as.s;
    const st_dict *d = st_dict_of(p->vm->result, texts, n, out);
    for (uint32_t i = 0; i < n; i++)
        if (p->vm->scalars[scalars[i]].missing) out[i] = UINT32_MAX;
    *codes = out;
    return d;
}

static const st_dict *case_texts(prepare *p, const st_bc_instr *in, st_prep *q)
{
    uint32_t n;
    const uint32_t *list = list_of(p, in->a[1], &n);
    uint32_t *scalars = st_new_n(p->a, uint32_t, n / 2 + 1);
    for (uint32_t i = 0; i < n / 2; i++) scalars[i] = list[2 * i + 1];
    scalars[n / 2] = in->a[2];
    return texts_of(p, scalars, n / 2 + 1, &q->codes);
}

static void lengths_of(prepare *p, st_prep *q)
{
    int64_t *lengths = st_new_n(p->a, int64_t, q->dict->n + 1);
    for (uint32_t i = 0; i < q->dict->n; i++) lengths[i] = (int64_t)st_utf8_length(st_dict_get(q->dict, i));
    q->lengths = lengths;
}

/* The dictionary of a TEXT result; NULL where there is none. */
static const st_dict *text_result(prepare *p, const st_bc_instr *in, st_prep *q)
{
    uint32_t n;
    const uint32_t *list;
    uint32_t *map = NULL;
    const st_dict *d;
    switch (in->op) {
    case ST_BC_LOAD: return q->feed.dict;
    case ST_BC_CONST:
        if (is_bound(p, in->a[1])) return p->vm->scalars[in->a[1]].dict;
        return texts_of(p, &in->a[1], 1, &q->codes);
    case ST_BC_CASE: return case_texts(p, in, q);
    case ST_BC_LOOKUP: list = list_of(p, in->a[2], &n); return texts_of(p, list, n, &q->codes);
    case ST_BC_COPY:
    case ST_BC_MASK: return q->dict;
    case ST_BC_SELECT:
    case ST_BC_COALESCE:
    case ST_BC_MIN:
    case ST_BC_MAX:
        d = st_dict_join(p->vm->result, q->dict, q->dict2, &map);
        q->map2 = map;
        return d;
    default:
        d = st_dict_transform(p->vm->result, p->a, q->dict, (st_bc_op)in->op, &map);
        q->map = map;
        return d;
    }
}

/* ---- sets of numbers ---- */

static void in_numbers(prepare *p, const st_bc_instr *in, st_prep *q)
{
    uint32_t n;
    const uint32_t *list = list_of(p, in->a[2], &n);
    st_i128 *d = st_new_n(p->a, st_i128, n + 1), *scratch = st_new_n(p->a, st_i128, n + 1);
    int64_t *i64 = (int64_t *)d;
    double *f64 = (double *)d;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        const st_scalar *s = &p->vm->scalars[list[i]];
        if (s->missing) continue;
        if (in->type == ST_BC_I64)
            i64[kept++] = s->as.i;
        else if (in->type == ST_BC_I128)
            d[kept++] = s->as.d;
        else
            f64[kept++] = s->as.f;
    }
    if (in->type == ST_BC_I64)
        st_sort_i64(i64, (int64_t *)scratch, kept);
    else if (in->type == ST_BC_I128)
        st_sort_i128(d, scratch, kept);
    else
        st_sort_f64(f64, (double *)scratch, kept);
    q->sorted = d;
    q->nsorted = kept;
}

/* ---- slots ---- */

static void open_slot(prepare *p, const st_bc_instr *in, const st_prep *q)
{
    if (in->op == ST_BC_STORE_P && p->vm->slot_counted[in->a[0]]) return;
    st_slot_open(p->vm, in->a[0]);
    p->vm->slots[in->a[0]].dict = q->dict;
}

/* ---- all of it ---- */

static uint8_t width_of(st_bc_operand out, uint16_t type)
{
    static const uint8_t widths[ST_BC_TYPES] = {0, 8, 16, 8, 4};
    switch (out) {
    case ST_K_V_OUT_T: return widths[type];
    case ST_K_V_OUT_I128: return 16;
    case ST_K_V_OUT_TEXT: return 4;
    default: return 8;
    }
}

static void use_index(prepare *p, const st_feed *s)
{
    st_pass *pass = p->pass;
    if (s->index_id == ST_BC_NONE || !pass->view) return;
    for (uint32_t i = 0; i < pass->nindexes; i++)
        if (pass->indexes[i] == s->index_id) return;
    pass->indexes[pass->nindexes++] = s->index_id;
}

static bool is_text_in(st_bc_operand kind, uint16_t type)
{
    return kind == ST_K_V_IN_TEXT || (kind == ST_K_V_IN_T && type == ST_BC_TEXT);
}

/* Operands: inputs are resolved, dictionaries of texts are passed along. */
static void prepare_operands(prepare *p, const st_bc_instr *in, st_prep *q)
{
    const st_bc_opcode *op = &st_bc_opcodes[in->op];
    for (uint32_t k = 0; k < 5; k++) {
        if (op->kinds[k] >= ST_K_INPUT_T && op->kinds[k] <= ST_K_INPUT_KEY) {
            q->feed = st_feed_of(p->vm, in->a[k]);
            if (in->op == ST_BC_LOAD) st_feed_lay(p->vm, &q->feed, in->a[k]);
            use_index(p, &q->feed);
        }
        if (!is_text_in(op->kinds[k], in->type)) continue;
        if (!q->dict)
            q->dict = p->dict[in->a[k]];
        else
            q->dict2 = p->dict[in->a[k]];
    }
    if (in->op == ST_BC_LOAD_LINKED) {
        q->feed =
            (st_feed){.index = st_index_of(p->vm, in->a[1]), .index_id = in->a[1], .view = p->pass->view};
        use_index(p, &q->feed);
    }
}

static void prepare_question(prepare *p, const st_bc_instr *in, st_prep *q)
{
    bool text = in->type == ST_BC_TEXT;
    switch (in->op) {
    case ST_BC_CMP:
        if (text) ask_scalar(p, in, q, in->a[3], cmp_holds);
        break;
    case ST_BC_TEST:
        if (!put_off(p, in, q)) ask_scalar(p, in, q, in->a[3], test_holds);
        break;
    case ST_BC_IN:
        if (text)
            in_texts(p, in, q);
        else
            in_numbers(p, in, q);
        break;
    case ST_BC_LISTED: listed(p, in, q); break;
    case ST_BC_LIST_HAS:
        if (text) list_has_text(p, in, q);
        break;
    case ST_BC_LIST_HAS_V:
        if (text) {
            q->dict2 = q->dict;
            list_has_text(p, in, q);
        }
        break;
    case ST_BC_LENGTH: lengths_of(p, q); break;
    case ST_BC_STORE:
    case ST_BC_STORE_P:
    case ST_BC_AGG_ANY:
    case ST_BC_AGG_COUNT:
    case ST_BC_AGG_SUM:
    case ST_BC_AGG_MIN:
    case ST_BC_AGG_MAX:
    case ST_BC_AGG_FIRST:
    case ST_BC_AGG_LAST: open_slot(p, in, q); break;
    default: break;
    }
    if (st_is_fold(in)) q->fold = p->pass->nfolds++;
}

static bool is_value_in(st_bc_operand kind)
{
    return kind >= ST_K_V_IN_T && kind <= ST_K_V_IN_TEXT;
}

/* What compares with scalars, or asks whether there is a value, is content with narrow ones. */
static void note_wide(const st_bc_instr *in, st_prep *q)
{
    switch (in->op) {
    case ST_BC_CMP:
    case ST_BC_TEST:
    case ST_BC_IN:
    case ST_BC_KNOWN:
    case ST_BC_MISSING: return;
    default:
        if (st_folds_narrow(in)) return;
    }
    for (uint32_t k = 0; k < 5; k++)
        if (is_value_in(st_bc_opcodes[in->op].kinds[k])) q->wide[q->nwide++] = in->a[k];
}

static void prepare_one(prepare *p, const st_bc_instr *in, st_prep *q)
{
    const st_bc_opcode *op = &st_bc_opcodes[in->op];
    prepare_operands(p, in, q);
    prepare_question(p, in, q);
    note_wide(in, q);
    st_bc_operand out = op->kinds[0];
    if (out < ST_K_V_OUT_T || out > ST_K_V_OUT_TEXT) return;
    uint8_t width = width_of(out, in->type);
    if (p->pass->width[in->a[0]] < width) p->pass->width[in->a[0]] = width;
    if (out == ST_K_V_OUT_TEXT || (out == ST_K_V_OUT_T && in->type == ST_BC_TEXT))
        p->dict[in->a[0]] = text_result(p, in, q);
}

/* Every predicate is written once and read a few times a batch: with shorter batches more of them stay in the nearest cache. */
static uint32_t batch_for(const st_vm *vm, uint32_t npred)
{
    enum { NEAR = 1 << 16, LEAST = 2048 }; /* bytes; rows */
    uint32_t batch = vm->batch;
    while (batch > LEAST && batch % 128 == 0 && (uint64_t)npred * batch / 8 > NEAR) batch /= 2;
    return batch;
}

st_pass *st_pass_prepare(st_vm *vm, st_arena *a, const st_bc_code *code, st_bc_domain domain, bool setup,
                         uint32_t answer)
{
    st_pass *pass = st_new(a, st_pass);
    pass->vm = vm;
    pass->code = *code;
    pass->answer = answer;
    pass->batch = batch_for(vm, code->npred);
    pass->domain = domain;
    if (!setup && ST_BC_IS_VIEW(domain)) pass->view = st_view_get(vm, ST_BC_VIEW_ID(domain));
    pass->prep = st_new_n(a, st_prep, code->n + 1);
    pass->width = st_new_n(a, uint8_t, code->nval + 1);
    pass->indexes = st_new_n(a, uint32_t, vm->bc->indexes.n + 1);
    prepare p = {vm, a, pass, st_new_n(a, const st_dict *, code->nval + 1)};
    for (uint32_t i = 0; i < code->n; i++) prepare_one(&p, &vm->bc->code.p[code->first + i], &pass->prep[i]);
    st_fuse(pass, a, setup);
    return pass;
}
