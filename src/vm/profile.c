/* What a run cost, by instruction and by definition.
 *
 * In a pass one batch of a few is timed block by block; the time of the pass is then shared out in these proportions, and that of a block evenly
 * among its instructions. An instruction serves the definitions for whose outputs what it makes is used, whatever lies between: found by going
 * back through the program from the outputs. What serves one definition alone is its own; what serves several is spread
 * evenly over them. */
#include "vm/parts.h"

/* ---- instructions ---- */

st_cost_kind st_cost_kind_of(const st_bc_instr *in)
{
    const st_bc_opcode *op = &st_bc_opcodes[in->op];
    if (in->op == ST_BC_STORE || in->op == ST_BC_STORE_P) return ST_COST_STORE;
    if (op->kinds[0] >= ST_K_SLOT_AGG_T && op->kinds[0] <= ST_K_SLOT_AGG_BOOL) return ST_COST_FOLD;
    bool values = false, predicates = false;
    for (uint32_t k = 1; k < 5; k++) {
        if (op->kinds[k] >= ST_K_INPUT_T && op->kinds[k] <= ST_K_INPUT_KEY) return ST_COST_LOAD;
        values = values || (op->kinds[k] >= ST_K_V_IN_T && op->kinds[k] <= ST_K_V_IN_TEXT);
        predicates = predicates || op->kinds[k] == ST_K_P_IN || op->kinds[k] == ST_K_LIST_P;
    }
    if (op->kinds[0] != ST_K_P_OUT) return ST_COST_VALUE;
    return values || !predicates ? ST_COST_LEAF : ST_COST_LOGIC;
}

void st_profile_pass(st_vm *vm, const st_pass *pass, const uint64_t *ticks, double seconds)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < pass->nblocks; i++) all += ticks[i];
    if (!all) return;
    vm->cost->code = st_new_n(vm->result, double, pass->code.n + 1);
    for (uint32_t i = 0; i < pass->nblocks; i++) {
        const st_block *b = &pass->blocks[i];
        double each = seconds * (double)ticks[i] / (double)all / b->n;
        for (uint32_t k = b->first; k < b->first + b->n; k++) {
            vm->cost->code[k] = each;
            vm->cost->kinds[st_cost_kind_of(&vm->bc->code.p[pass->code.first + k])] += each;
        }
    }
}

/* ---- definitions ---- */

/* Sets of definitions, a bit for each; `words` a set. */
typedef struct back {
    st_vm *vm;
    const st_bc *b;
    st_arena *a;
    uint32_t words;
    uint64_t *slots, *scalars; /* by slot, by scalar: whom it serves */
    uint64_t *p, *v;           /* by register of the code in hand */
    uint64_t *served;          /* by the instruction in hand */
    uint64_t *step;            /* by any of the step in hand */
    st_vm_served *result;      /* by definition; that of what serves nobody behind them */
} back;

static void add(const back *x, uint64_t *to, const uint64_t *from)
{
    for (uint32_t i = 0; i < x->words; i++) to[i] |= from[i];
}

static uint64_t *set_at(const back *x, uint64_t *sets, uint32_t i)
{
    return sets + (size_t)i * x->words;
}

static void charge(const back *x, const uint64_t *set, double seconds)
{
    uint64_t n = st_bitmap_count(set, x->words * 64);
    if (n == 0) x->result[x->b->schema->ndefs].own += seconds;
    for (uint32_t w = 0; w < x->words; w++)
        for (uint64_t left = set[w]; left; left &= left - 1) {
            st_vm_served *served = &x->result[w * 64 + (uint32_t)__builtin_ctzll(left)];
            *(n == 1 ? &served->own : &served->shared) += seconds / (double)n;
        }
}

/* What an operand writes serves whom it serves until here; a register is another one before. */
static void take_out(const back *x, st_bc_operand kind, uint32_t at)
{
    uint64_t *set = NULL;
    bool registers = true;
    if (kind == ST_K_P_OUT) set = set_at(x, x->p, at);
    if (kind >= ST_K_V_OUT_T && kind <= ST_K_V_OUT_TEXT) set = set_at(x, x->v, at);
    if (!set) registers = false;
    if (kind == ST_K_S_OUT_T || kind == ST_K_S_OUT_BOOL) set = set_at(x, x->scalars, at);
    if (kind >= ST_K_SLOT_OUT_T && kind <= ST_K_SLOT_AGG_BOOL) set = set_at(x, x->slots, at);
    if (!set) return;
    add(x, x->served, set);
    if (registers) memset(set, 0, x->words * sizeof *set);
}

static void give_list(const back *x, st_bc_operand kind, const uint32_t *list)
{
    for (uint32_t i = 0; i < list[0]; i++) {
        bool predicate = kind == ST_K_LIST_P || (kind == ST_K_LIST_PS_T && i % 2 == 0);
        add(x, set_at(x, predicate ? x->p : x->scalars, list[1 + i]), x->served);
    }
}

/* What an operand reads serves whom the instruction serves. */
static void give_in(const back *x, st_bc_operand kind, uint32_t at)
{
    if (kind == ST_K_P_IN) add(x, set_at(x, x->p, at), x->served);
    if (kind >= ST_K_V_IN_T && kind <= ST_K_V_IN_TEXT) add(x, set_at(x, x->v, at), x->served);
    if (kind >= ST_K_S_T && kind <= ST_K_S_BOOL) add(x, set_at(x, x->scalars, at), x->served);
    if (kind >= ST_K_LIST_P && kind <= ST_K_LIST_PS_T) give_list(x, kind, x->b->lists.p + at);
    if (kind >= ST_K_INPUT_T && kind <= ST_K_INPUT_KEY && x->b->inputs.p[at].is_slot)
        add(x, set_at(x, x->slots, x->b->inputs.p[at].id), x->served);
}

/* Back through a piece of code; `whole`: what every instruction serves besides. */
static void code_back(back *x, const st_bc_code *c, const double *seconds, const uint64_t *whole)
{
    x->p = st_new_n(x->a, uint64_t, ((size_t)c->npred + 1) * x->words);
    x->v = st_new_n(x->a, uint64_t, ((size_t)c->nval + 1) * x->words);
    for (uint32_t i = c->n; i-- > 0;) {
        const st_bc_instr *in = &x->b->code.p[c->first + i];
        const st_bc_operand *kinds = st_bc_opcodes[in->op].kinds;
        memset(x->served, 0, x->words * sizeof *x->served);
        if (whole) add(x, x->served, whole);
        for (uint32_t k = 0; k < 5; k++) take_out(x, kinds[k], in->a[k]);
        for (uint32_t k = 0; k < 5; k++) give_in(x, kinds[k], in->a[k]);
        add(x, x->step, x->served);
        if (seconds) charge(x, x->served, seconds[i]);
    }
}

/* Group steps, rankings and sequences: whatever they read serves whom their answer serves. */
static void step_back(back *x, const st_bc_step *s)
{
    add(x, x->step, set_at(x, s->kind == ST_STEP_THRESHOLD ? x->scalars : x->slots, s->out));
    const st_bc_sequence *q = s->kind == ST_STEP_SEQUENCE ? &x->b->sequences.p[s->sequence] : NULL;
    for (uint32_t i = 0; q && i < q->nsteps; i++)
        if (q->steps[i].has_cond) code_back(x, &q->steps[i].cond, NULL, x->step);
}

static void outputs_back(const back *x)
{
    for (uint32_t i = 0; i < x->b->outputs.n; i++) {
        const st_bc_output *o = &x->b->outputs.p[i];
        st_bit_set(set_at(x, x->slots, o->slot), o->def);
        if (o->known != ST_BC_NONE) st_bit_set(set_at(x, x->slots, o->known), o->def);
    }
}

/* What of a step is not charged by instructions: making it ready, and putting rows together. */
static double in_code(const st_vm_cost *cost)
{
    double seconds = 0;
    for (uint32_t k = 0; k < ST_COST_KINDS; k++) seconds += cost->kinds[k];
    return seconds;
}

st_vm_served *st_profile_definitions(st_vm *vm)
{
    const st_bc *b = vm->bc;
    uint32_t words = (b->schema->ndefs + 63) / 64 + 1;
    back x = {.vm = vm, .b = b, .a = vm->arena, .words = words};
    x.slots = st_new_n(x.a, uint64_t, ((size_t)b->slots.n + 1) * words);
    x.scalars = st_new_n(x.a, uint64_t, ((size_t)b->scalars.n + 1) * words);
    x.served = st_new_n(x.a, uint64_t, words);
    x.step = st_new_n(x.a, uint64_t, words);
    x.result = st_new_n(vm->result, st_vm_served, b->schema->ndefs + 1);
    outputs_back(&x);
    for (uint32_t i = b->steps.n; i-- > 0;) {
        const st_bc_step *s = &b->steps.p[i];
        const st_vm_cost *cost = &vm->costs[i];
        bool coded = s->kind == ST_STEP_SETUP || s->kind == ST_STEP_PASS;
        memset(x.step, 0, words * sizeof *x.step);
        if (coded)
            code_back(&x, &s->code, cost->code, NULL);
        else
            step_back(&x, s);
        for (uint32_t r = vm->last_read[i]; !coded && r; r = vm->reads.p[r - 1].before)
            add(&x, set_at(&x, x.slots, vm->reads.p[r - 1].slot), x.step);
        charge(&x, x.step, cost->seconds - in_code(cost));
    }
    return x.result;
}
