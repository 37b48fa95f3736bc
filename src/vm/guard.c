/* Tests for a pattern are expensive where there are many distinct texts. Where only a conjunction asks for the answer, the test is put
 * off until the rest of the conjunction is there: texts of rows that are out anyway are not looked at. */
#include "vm/parts.h"

static bool is_conjunction(const st_bc_instr *in)
{
    return in->op == ST_BC_AND || in->op == ST_BC_ANDNOT || in->op == ST_BC_AND_ALL;
}

/* How often the instruction reads the predicate. */
static uint32_t reads_of(const st_vm *vm, const st_bc_instr *in, uint32_t p)
{
    uint32_t n = 0;
    ST_EACH_READ(vm->bc->lists.p, in, n += reg == p)
    return n;
}

static bool writes_p(const st_bc_instr *in, uint32_t p)
{
    return st_bc_opcodes[in->op].kinds[0] == ST_K_P_OUT && in->a[0] == p;
}

static bool writes_v(const st_bc_instr *in, uint32_t v)
{
    st_bc_operand kind = st_bc_opcodes[in->op].kinds[0];
    return kind >= ST_K_V_OUT_T && kind <= ST_K_V_OUT_TEXT && in->a[0] == v;
}

static bool find_loader(const st_bc_instr *in, uint32_t i, uint32_t *loader)
{
    for (uint32_t k = i; k-- > 0;) {
        if (!writes_v(&in[k], in[i].a[1])) continue;
        *loader = k;
        return in[k].op == ST_BC_LOAD;
    }
    return false;
}

/* The one reader of what instruction i makes, if there is just one and it reads it once. */
static bool find_reader(const st_vm *vm, const st_bc_code *code, const st_bc_instr *in, uint32_t i,
                        uint32_t *reader)
{
    uint32_t n = 0;
    for (uint32_t k = i + 1; k < code->n; k++) {
        uint32_t reads = reads_of(vm, &in[k], in[i].a[0]);
        n += reads;
        if (reads) *reader = k;
        if (writes_p(&in[k], in[i].a[0])) break;
    }
    return n == 1 && is_conjunction(&in[*reader]);
}

bool st_guard_find(const st_vm *vm, const st_bc_code *code, uint32_t i, uint32_t *loader, uint32_t *reader)
{
    const st_bc_instr *in = vm->bc->code.p + code->first;
    return find_loader(in, i, loader) && find_reader(vm, code, in, i, reader);
}

/* ---- running ---- */

static const uint64_t *pred(const st_frame *f, uint32_t p)
{
    return f->p + (size_t)p * f->stride;
}

/* Rows that the other parts of the conjunction leave. */
static void find_left(st_frame *f, const st_bc_instr *in, uint32_t test, uint64_t *left)
{
    const st_kernels *k = f->vm->k;
    memcpy(left, f->all, f->words * sizeof *left);
    switch (in->op) {
    case ST_BC_AND: k->and_(left, pred(f, in->a[1] == test ? in->a[2] : in->a[1]), f->words, left); break;
    case ST_BC_ANDNOT:
        if (in->a[1] == test)
            k->andnot(left, pred(f, in->a[2]), f->words, left);
        else
            k->and_(left, pred(f, in->a[1]), f->words, left);
        break;
    default: {
        const uint32_t *list = f->vm->bc->lists.p + in->a[1];
        for (uint32_t i = 0; i < list[0]; i++)
            if (list[1 + i] != test) k->and_(left, pred(f, list[1 + i]), f->words, left);
    }
    }
}

void st_guard_run(st_frame *f, uint32_t test)
{
    const st_bc_instr *in = f->vm->bc->code.p + f->pass->code.first;
    const st_prep *q = &f->pass->prep[test];
    const st_feed feed = st_feed_in(&f->pass->prep[q->loader].feed, f->slots), *s = &feed;
    uint32_t *codes = f->temp[0], n = 0;
    uint16_t *rows_of = f->temp[1];
    int64_t base;
    const int32_t *rows = st_feed_rows(f, s, &base);
    find_left(f, &in[q->reader], in[test].a[0], f->more_bits);
    for (uint32_t w = 0; w < f->words; w++)
        for (uint64_t word = f->more_bits[w]; word; word &= word - 1) {
            uint32_t r = w * 64 + (uint32_t)__builtin_ctzll(word);
            int64_t row = rows ? rows[r] : base + r;
            if (!st_feed_known(s, row)) continue;
            rows_of[n] = (uint16_t)r;
            codes[n++] = st_feed_code(s, row);
        }
    st_code_memo_ask(f->env, q->memo, codes, n);
    uint64_t *out = f->p + (size_t)in[test].a[0] * f->stride;
    memset(out, 0, f->words * sizeof *out);
    for (uint32_t i = 0; i < n; i++)
        out[rows_of[i] / 64] |= (uint64_t)st_code_memo_holds(q->memo, codes[i]) << (rows_of[i] % 64);
}
