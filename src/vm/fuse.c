/* Blocks: instructions that are done in one go. Leaves of one register that stand together become one block (leaf.c); runs of logic
 * become code for an accumulator (kernels_logic.inc), in which what one instruction makes for the next alone is never written. All else
 * is a block of one instruction. */
#include "vm/parts.h"

typedef struct fuse {
    st_arena *a;
    st_pass *pass;
    const st_bc_instr *code;
    uint32_t n;
    bool setup;
    const uint32_t *lists;
    const st_feed **feeds; /* by value register: where it was loaded from; NULL: it was worked out */
    uint32_t *reads;       /* by instruction: how often its predicate is read */
    uint32_t *first_read;  /* by instruction: where it is read first */
    bool *none;            /* by predicate register: it is known to hold no row */
    uint32_t *waiting;     /* by instruction: the test that was put off until it, + 1 */
    ST_VEC(st_logic) logic;
    uint32_t acc; /* register whose value the accumulator holds; ST_BC_NONE: nothing of use */
} fuse;

static bool is_logic(const st_bc_instr *in)
{
    switch (in->op) {
    case ST_BC_ALL:
    case ST_BC_EMPTY:
    case ST_BC_AND:
    case ST_BC_OR:
    case ST_BC_ANDNOT:
    case ST_BC_NOT:
    case ST_BC_COPY_P:
    case ST_BC_AND_ALL:
    case ST_BC_OR_ALL:
    case ST_BC_STORE_P: return true;
    default: return false;
    }
}

/* ---- who reads what ---- */

static bool writes_p(const st_bc_instr *in)
{
    return st_bc_opcodes[in->op].kinds[0] == ST_K_P_OUT;
}

static void find_reads(fuse *f)
{
    uint32_t npred = f->pass->code.npred;
    uint32_t *writer =
        st_new_n(f->a, uint32_t, npred + 1); /* by register: the instruction + 1 that wrote it */
    for (uint32_t i = 0; i < f->n; i++) {
        const st_bc_instr *in = &f->code[i];
        ST_EACH_READ(f->lists, in, {
            uint32_t w = writer[reg];
            if (w && f->reads[w - 1]++ == 0) f->first_read[w - 1] = i;
        })
        if (writes_p(in)) writer[in->a[0]] = i + 1;
    }
    uint32_t answer = f->pass->answer == ST_BC_NONE ? 0 : writer[f->pass->answer];
    if (answer && f->reads[answer - 1]++ == 0) f->first_read[answer - 1] = f->n;
}

/* ---- logic ---- */

static void emit(fuse *f, st_logic_op op, uint32_t p)
{
    *st_push(f->a, &f->logic) = (st_logic){op, p};
}

static void begin(fuse *f, uint32_t reg)
{
    if (f->acc != reg) emit(f, ST_LOGIC_LOAD, reg);
}

/* acc and b, or acc or b, in either order. */
static void join(fuse *f, st_logic_op op, uint32_t a, uint32_t b)
{
    bool turn = f->acc == b;
    begin(f, turn ? b : a);
    emit(f, op, turn ? a : b);
}

static void join_list(fuse *f, st_logic_op op, const uint32_t *list, uint32_t n)
{
    uint32_t first = 0;
    for (uint32_t i = 0; i < n; i++)
        if (list[i] == f->acc) first = i;
    begin(f, list[first]);
    for (uint32_t i = 0; i < n; i++)
        if (i != first) emit(f, op, list[i]);
}

static void sink(fuse *f, const st_bc_instr *in)
{
    st_pass *pass = f->pass;
    begin(f, in->a[1]);
    f->acc = in->a[1];
    emit(f, ST_LOGIC_SINK, pass->nsinks);
    pass->sink_slots[pass->nsinks++] = in->a[0];
}

/* The registers that AND_ALL and OR_ALL join; NULL: another instruction. */
static const uint32_t *list_of(const fuse *f, const st_bc_instr *in)
{
    return in->op == ST_BC_AND_ALL || in->op == ST_BC_OR_ALL ? f->lists + in->a[1] : NULL;
}

static bool is_none(const fuse *f, uint32_t reg)
{
    return f->none[reg];
}

/* A conjunction in which one part holds no row holds none; such parts of a disjunction, and exceptions, are passed over. */
static bool is_decided(fuse *f, const st_bc_instr *in)
{
    const uint32_t *list = list_of(f, in);
    switch (in->op) {
    case ST_BC_EMPTY: return true;
    case ST_BC_AND: return is_none(f, in->a[1]) || is_none(f, in->a[2]);
    case ST_BC_OR: return is_none(f, in->a[1]) && is_none(f, in->a[2]);
    case ST_BC_ANDNOT:
    case ST_BC_COPY_P: return is_none(f, in->a[1]);
    case ST_BC_AND_ALL:
        for (uint32_t i = 0; i < list[0]; i++)
            if (is_none(f, list[1 + i])) return true;
        return false;
    case ST_BC_OR_ALL:
        for (uint32_t i = 0; i < list[0]; i++)
            if (!is_none(f, list[1 + i])) return false;
        return true;
    default: return false;
    }
}

static uint32_t without_none(fuse *f, const uint32_t *list, uint32_t *kept)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < list[0]; i++)
        if (!is_none(f, list[1 + i])) kept[n++] = list[1 + i];
    return n;
}

static void compute(fuse *f, const st_bc_instr *in)
{
    uint32_t a = in->a[1], b = in->a[2];
    const uint32_t *list = list_of(f, in);
    switch (in->op) {
    case ST_BC_ALL: emit(f, ST_LOGIC_ALL, 0); break;
    case ST_BC_AND: join(f, ST_LOGIC_AND, a, b); break;
    case ST_BC_OR:
        if (is_none(f, a) || is_none(f, b))
            begin(f, is_none(f, a) ? b : a);
        else
            join(f, ST_LOGIC_OR, a, b);
        break;
    case ST_BC_ANDNOT:
        if (is_none(f, b)) {
            begin(f, a);
        } else if (f->acc == b && f->acc != a) {
            emit(f, ST_LOGIC_BUT, a);
        } else {
            begin(f, a);
            emit(f, ST_LOGIC_ANDNOT, b);
        }
        break;
    case ST_BC_NOT:
        if (is_none(f, a)) {
            emit(f, ST_LOGIC_ALL, 0);
        } else {
            begin(f, a);
            emit(f, ST_LOGIC_NOT, 0);
        }
        break;
    case ST_BC_COPY_P: begin(f, a); break;
    case ST_BC_AND_ALL:
        if (list[0] == 0)
            emit(f, ST_LOGIC_ALL, 0);
        else
            join_list(f, ST_LOGIC_AND, list + 1, list[0]);
        break;
    default: { /* OR_ALL */
        uint32_t *kept = st_new_n(f->a, uint32_t, list[0] + 1);
        join_list(f, ST_LOGIC_OR, kept, without_none(f, list, kept));
    }
    }
}

/* Whether the predicate that instruction i has just made is wanted beyond the next instruction of its run. */
static bool is_kept(const fuse *f, uint32_t i, uint32_t end)
{
    return f->reads[i] > 1 || (f->reads[i] == 1 && (f->first_read[i] != i + 1 || i + 1 == end));
}

static uint32_t take_logic(fuse *f, uint32_t from, st_block *block)
{
    uint32_t end = from + 1;
    while (end < f->n && is_logic(&f->code[end]) && !f->waiting[end]) end++;
    f->logic.p = NULL;
    f->logic.n = f->logic.cap = 0;
    f->acc = ST_BC_NONE;
    for (uint32_t i = from; i < end; i++) {
        const st_bc_instr *in = &f->code[i];
        if (in->op == ST_BC_STORE_P) {
            sink(f, in);
            continue;
        }
        bool none = is_decided(f, in);
        if (none)
            emit(f, ST_LOGIC_NONE, 0);
        else
            compute(f, in);
        f->acc = in->a[0];
        f->none[in->a[0]] = none;
        if (is_kept(f, i, end)) emit(f, ST_LOGIC_SAVE, in->a[0]);
    }
    *block = (st_block){.first = from, .n = end - from, .logic = f->logic.p, .nlogic = f->logic.n};
    return end - from;
}

/* ---- leaves ---- */

static uint32_t take_leaves(fuse *f, uint32_t from, st_block *block)
{
    const st_bc_instr *in = &f->code[from];
    *block = (st_block){.first = from};
    block->n = st_leaves_take(f->pass->vm, f->a, in, f->pass->prep + from, f->n - from, f->feeds[in->a[1]],
                              f->setup, &block->leaves);
    for (uint32_t i = from; i < from + block->n; i++)
        f->none[f->code[i].a[0]] = st_leaves_none(block->leaves, f->code[i].a[0]);
    return block->n;
}

/* ---- one instruction ---- */

static void note_writes(fuse *f, uint32_t i)
{
    const st_bc_instr *in = &f->code[i];
    st_bc_operand out = st_bc_opcodes[in->op].kinds[0];
    if (out == ST_K_P_OUT) f->none[in->a[0]] = false;
    if (out < ST_K_V_OUT_T || out > ST_K_V_OUT_TEXT) return;
    f->feeds[in->a[0]] = in->op == ST_BC_LOAD ? &f->pass->prep[i].feed : NULL;
}

/* ---- tests that are put off ---- */

static void put_off(fuse *f, uint32_t i)
{
    const st_prep *q = &f->pass->prep[i];
    f->none[f->code[i].a[0]] = false;
    f->waiting[q->reader] = i + 1;
}

void st_fuse(st_pass *pass, st_arena *a, bool setup)
{
    uint32_t n = pass->code.n;
    fuse f = {.a = a, .pass = pass, .n = n, .setup = setup};
    f.code = pass->vm->bc->code.p + pass->code.first;
    f.lists = pass->vm->bc->lists.p;
    f.feeds = st_new_n(a, const st_feed *, pass->code.nval + 1);
    f.reads = st_new_n(a, uint32_t, n + 1);
    f.first_read = st_new_n(a, uint32_t, n + 1);
    f.none = st_new_n(a, bool, pass->code.npred + 1);
    f.waiting = st_new_n(a, uint32_t, n + 1);
    pass->blocks = st_new_n(a, st_block, n + 1);
    pass->sink_slots = st_new_n(a, uint32_t, n + 1);
    find_reads(&f);
    for (uint32_t i = 0; i < n;) {
        const st_prep *q = &pass->prep[i];
        if (q->memo) {
            put_off(&f, i++);
            continue;
        }
        if (f.waiting[i])
            pass->blocks[pass->nblocks++] = (st_block){.first = f.waiting[i] - 1, .n = 1, .guarded = true};
        st_block *block = &pass->blocks[pass->nblocks++];
        if (is_logic(&f.code[i])) {
            i += take_logic(&f, i, block);
        } else if (st_is_leaf(pass->vm, &f.code[i], q, setup)) {
            i += take_leaves(&f, i, block);
            if (st_leaves_size(block->leaves) > pass->most_outs)
                pass->most_outs = st_leaves_size(block->leaves);
        } else {
            *block = (st_block){.first = i, .n = 1};
            note_writes(&f, i++);
        }
    }
}
