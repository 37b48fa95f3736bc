/* Registers by one walk over the code: a register is free again behind its last reader. */
#include "plan/draft.h"

static bool is_p_in(st_bc_operand k)
{
    return k == ST_K_P_IN;
}
static bool is_v_in(st_bc_operand k)
{
    return k >= ST_K_V_IN_T && k <= ST_K_V_IN_TEXT;
}
static bool is_v_out(st_bc_operand k)
{
    return k >= ST_K_V_OUT_T && k <= ST_K_V_OUT_TEXT;
}

typedef struct bank {
    uint32_t *last;  /* by drafted register: place of its last reader */
    uint32_t *given; /* by drafted register: the machine's */
    ST_VEC(uint32_t) free;
    uint32_t used;
} bank;

static uint32_t step_of(const st_draft *d)
{
    return d->op == ST_BC_CASE ? 2 : 1; /* predicate, scalar, predicate, scalar … */
}

static void find_last(const st_drafts *code, uint32_t answer, bank *p, bank *v)
{
    for (uint32_t i = 0; i < code->n; i++) {
        const st_draft *d = &code->p[i];
        for (uint32_t k = 0; k < 5; k++) {
            st_bc_operand kind = st_bc_opcodes[d->op].kinds[k];
            if (is_p_in(kind) || kind == ST_K_P_OUT) p->last[d->a[k]] = i;
            if (is_v_in(kind) || is_v_out(kind)) v->last[d->a[k]] = i;
        }
        for (uint32_t k = 0; d->list && k < d->nlist; k += step_of(d)) p->last[d->list[k]] = i;
    }
    if (answer != ST_BC_NONE) p->last[answer] = UINT32_MAX;
}

static uint32_t read(st_arena *a, bank *b, uint32_t reg, uint32_t at)
{
    uint32_t r = b->given[reg] - 1;
    if (b->last[reg] == at) {
        *st_push(a, &b->free) = r;
        b->last[reg] = UINT32_MAX; /* read twice by one instruction, given back once */
    }
    return r;
}

static uint32_t written(st_arena *a, bank *b, uint32_t reg, uint32_t at)
{
    uint32_t r = b->free.n ? b->free.p[--b->free.n] : b->used++;
    b->given[reg] = r + 1;
    if (b->last[reg] == at) *st_push(a, &b->free) = r; /* nobody reads it */
    return r;
}

static void assign(st_emitter *e, st_draft *d, uint32_t at, bank *p, bank *v)
{
    const st_bc_operand *kinds = st_bc_opcodes[d->op].kinds;
    for (uint32_t k = 0; k < 5; k++) {
        if (is_p_in(kinds[k])) d->a[k] = read(e->arena, p, d->a[k], at);
        if (is_v_in(kinds[k])) d->a[k] = read(e->arena, v, d->a[k], at);
    }
    if (d->list) {
        for (uint32_t k = 0; k < d->nlist; k += step_of(d)) d->list[k] = read(e->arena, p, d->list[k], at);
        d->a[1] = st_bc_list(e->bc, d->list, d->nlist);
    }
    for (uint32_t k = 0; k < 5; k++) {
        if (kinds[k] == ST_K_P_OUT) d->a[k] = written(e->arena, p, d->a[k], at);
        if (is_v_out(kinds[k])) d->a[k] = written(e->arena, v, d->a[k], at);
    }
}

static bank bank_new(st_arena *a, uint32_t n)
{
    return (bank){.last = st_new_n(a, uint32_t, n + 1), .given = st_new_n(a, uint32_t, n + 1)};
}

void st_give_registers(st_emitter *e, st_drafts *code, st_registers *r)
{
    bank p = bank_new(e->arena, r->npred), v = bank_new(e->arena, r->nval);
    find_last(code, r->answer, &p, &v);
    for (uint32_t i = 0; i < code->n; i++) {
        st_draft *d = &code->p[i];
        assign(e, d, i, &p, &v);
        st_bc_emit(e->bc, d->op, d->type, d->a[0], d->a[1], d->a[2], d->a[3], d->a[4]);
    }
    if (p.used > ST_BC_MAX_P || v.used > ST_BC_MAX_V)
        st_fail(st_arena_env(e->arena), STRATA_NO_MEMORY,
                "The rule set asks for too many conditions and values at a time (%u and %u; the most are %u "
                "and %u): part it "
                "into several.",
                p.used, v.used, ST_BC_MAX_P, ST_BC_MAX_V);
    if (r->answer != ST_BC_NONE) r->answer = p.given[r->answer] - 1;
}
