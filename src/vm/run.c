/* A run: scalars, then the steps one after the other; what no later step reads is given back. */
#include "vm/parts.h"

#include <stdlib.h>

/* ---- when what is needed last ---- */

static void needs_slot(st_vm *vm, uint32_t slot, uint32_t step);

static void needs_input(st_vm *vm, uint32_t input, uint32_t step);

static void needs_view(st_vm *vm, uint32_t view, uint32_t step)
{
    vm->view_last[view] = ST_MAX(vm->view_last[view], step);
}

static void needs_domain(st_vm *vm, st_bc_domain domain, uint32_t step)
{
    if (ST_BC_IS_VIEW(domain)) needs_view(vm, ST_BC_VIEW_ID(domain), step);
}

static void fills_slot(st_vm *vm, uint32_t slot, uint32_t step)
{
    vm->slot_writer[slot] = step + 1;
    needs_slot(vm, slot, step);
}

/* UINT32_MAX stays: outputs are needed for ever. */
static void needs_slot(st_vm *vm, uint32_t slot, uint32_t step)
{
    if (slot == ST_BC_NONE) return;
    vm->slot_last[slot] = ST_MAX(vm->slot_last[slot], step);
    needs_domain(vm, vm->bc->slots.p[slot].domain, step);
}

static void reads_slot(st_vm *vm, uint32_t slot, uint32_t step)
{
    if (slot != ST_BC_NONE) {
        vm->slot_reader[slot] = ST_MAX(vm->slot_reader[slot], step + 1);
        if (vm->costs) {
            *st_push(vm->arena, &vm->reads) = (st_slot_read){slot, vm->last_read[step]};
            vm->last_read[step] = vm->reads.n;
        }
    }
    needs_slot(vm, slot, step);
}

static void needs_input(st_vm *vm, uint32_t input, uint32_t step)
{
    if (input == ST_BC_NONE) return;
    const st_bc_input *in = &vm->bc->inputs.p[input];
    vm->input_steps[input] += vm->input_seen[input] != step + 1;
    vm->input_seen[input] = step + 1;
    needs_domain(vm, in->domain, step);
    if (in->index != ST_BC_NONE) vm->index_last[in->index] = ST_MAX(vm->index_last[in->index], step);
    if (in->is_slot) reads_slot(vm, in->id, step);
}

static void code_needs(st_vm *vm, const st_bc_code *c, uint32_t step)
{
    for (uint32_t i = 0; i < c->n; i++) {
        const st_bc_instr *in = &vm->bc->code.p[c->first + i];
        for (uint32_t k = 0; k < 5; k++) {
            st_bc_operand kind = st_bc_opcodes[in->op].kinds[k];
            if (kind >= ST_K_INPUT_T && kind <= ST_K_INPUT_KEY) needs_input(vm, in->a[k], step);
            if (kind >= ST_K_SLOT_OUT_T && kind <= ST_K_SLOT_AGG_BOOL) fills_slot(vm, in->a[k], step);
            if (kind == ST_K_SLOT_OUT_T || kind == ST_K_SLOT_OUT_BOOL)
                vm->slot_stored[in->a[k]] = !ST_BC_IS_VIEW(vm->bc->slots.p[in->a[k]].domain);
            if (kind >= ST_K_SLOT_AGG_T && kind <= ST_K_SLOT_AGG_EXACT) vm->slot_valued[in->a[k]] = true;
            if (k == 0 && (in->op == ST_BC_AGG_COUNT || in->op == ST_BC_AGG_SUM))
                vm->slot_full[in->a[k]] = true;
            if (kind == ST_K_INDEX) vm->index_last[in->a[k]] = ST_MAX(vm->index_last[in->a[k]], step);
        }
    }
}

static void sequence_needs(st_vm *vm, const st_bc_sequence *q, uint32_t step)
{
    for (uint32_t i = 0; i < q->nsteps; i++) {
        const st_bc_seq_step *s = &q->steps[i];
        needs_view(vm, s->view, step);
        reads_slot(vm, s->filter, step);
        needs_input(vm, s->time, step);
        for (uint32_t k = 0; k < s->neq; k++) needs_input(vm, s->eq[k].input, step);
        for (uint32_t k = 0; k < s->nbind; k++) needs_input(vm, s->bind[k].input, step);
        if (s->has_cond) code_needs(vm, &s->cond, step);
    }
}

static void step_needs(st_vm *vm, uint32_t i)
{
    const st_bc_step *s = &vm->bc->steps.p[i];
    if (s->kind != ST_STEP_SETUP) needs_domain(vm, s->domain, i);
    if (s->kind == ST_STEP_SETUP || s->kind == ST_STEP_PASS) {
        code_needs(vm, &s->code, i);
        return;
    }
    if (s->kind != ST_STEP_THRESHOLD) fills_slot(vm, s->out, i);
    if (s->kind == ST_STEP_DISTINCT || s->kind == ST_STEP_REPEATS || s->kind == ST_STEP_SPAN)
        vm->slot_valued[s->out] = true;
    if (s->kind == ST_STEP_SCORE) vm->slot_stored[s->out] = true;
    if (s->kind == ST_STEP_SEQUENCE) {
        sequence_needs(vm, &vm->bc->sequences.p[s->sequence], i);
        return;
    }
    reads_slot(vm, s->filter, i);
    if (s->kind != ST_STEP_LAST_N) needs_input(vm, s->value, i);
    if (s->kind == ST_STEP_STRATUM || (s->kind == ST_STEP_SCORE && s->method == ST_NTILE))
        needs_input(vm, s->key, i);
    if (s->kind == ST_STEP_NEAREST) {
        needs_input(vm, s->key, i);
        reads_slot(vm, s->other_filter, i);
        needs_input(vm, s->other_value, i);
        needs_input(vm, s->other_key, i);
    }
    const uint32_t *strata = s->kind == ST_STEP_STRATUM ? vm->bc->lists.p + s->strata : NULL;
    for (uint32_t k = 1; strata && k <= strata[0]; k++) needs_input(vm, strata[k], i);
}

/* Of which only the number of bits is given out, or of known values; labels are counted one by one. */
static void find_counts(st_vm *vm)
{
    const st_bc *b = vm->bc;
    for (uint32_t i = 0; i < b->outputs.n; i++) vm->slot_counts[b->outputs.p[i].slot] = true;
    for (uint32_t i = 0; i < b->outputs.n; i++) {
        const st_bc_output *o = &b->outputs.p[i];
        if (o->field != ST_OUT_VALUE || st_bc_is_labelled(b->schema->defs[o->def]))
            vm->slot_counts[o->slot] = false;
        if (o->known != ST_BC_NONE) vm->slot_counts[o->known] = false;
    }
    for (uint32_t t = 0; t < b->schema->ntables; t++)
        if (b->population[t] != ST_BC_NONE) vm->slot_counts[b->population[t]] = false;
}

/* Bitmaps that are not even stored. */
static void find_counted(st_vm *vm)
{
    for (uint32_t i = 0; i < vm->bc->slots.n; i++)
        vm->slot_counted[i] = vm->slot_counts[i] && vm->bc->slots.p[i].type == ST_BC_BOOL &&
                              vm->slot_stored[i] && !vm->slot_reader[i];
}

static void plan_lives(st_vm *vm, const st_vm_options *o)
{
    const st_bc *b = vm->bc;
    vm->slot_last = st_new_n(vm->arena, uint32_t, b->slots.n + 1);
    vm->input_steps = st_new_n(vm->arena, uint32_t, b->inputs.n + 1);
    vm->input_seen = st_new_n(vm->arena, uint32_t, b->inputs.n + 1);
    vm->slot_stored = st_new_n(vm->arena, bool, b->slots.n + 1);
    vm->slot_counts = st_new_n(vm->arena, bool, b->slots.n + 1);
    vm->slot_counted = st_new_n(vm->arena, bool, b->slots.n + 1);
    vm->slot_windowed = st_new_n(vm->arena, bool, b->slots.n + 1);
    vm->slot_count = st_new_n(vm->arena, uint64_t, b->slots.n + 1);
    vm->slot_valued = st_new_n(vm->arena, bool, b->slots.n + 1);
    vm->slot_full = st_new_n(vm->arena, bool, b->slots.n + 1);
    vm->slot_writer = st_new_n(vm->arena, uint32_t, b->slots.n + 1);
    vm->slot_reader = st_new_n(vm->arena, uint32_t, b->slots.n + 1);
    vm->view_last = st_new_n(vm->arena, uint32_t, b->views.n + 1);
    vm->index_last = st_new_n(vm->arena, uint32_t, b->indexes.n + 1);
    for (uint32_t i = 0; i < b->outputs.n; i++) {
        vm->slot_last[b->outputs.p[i].slot] = UINT32_MAX;
        if (b->outputs.p[i].known != ST_BC_NONE) vm->slot_last[b->outputs.p[i].known] = UINT32_MAX;
    }
    for (uint32_t i = 0; i < b->schema->ntables; i++)
        if (b->population[i] != ST_BC_NONE) vm->slot_last[b->population[i]] = UINT32_MAX;
    if (o->counts_only) find_counts(vm);
    for (uint32_t i = 0; i < b->steps.n; i++) step_needs(vm, i);
    /* the order of a view is read when it is built, which is before its last use */
    for (uint32_t v = 0; v < b->views.n; v++) {
        const st_bc_view *view = &b->views.p[v];
        needs_input(vm, view->order, vm->view_last[v]);
        for (uint32_t k = 0; k < view->nties; k++) needs_input(vm, view->ties[k], vm->view_last[v]);
    }
    find_counted(vm);
    vm->stream_end = st_new_n(vm->arena, uint32_t, b->steps.n + 1);
    if (!o->whole) st_stream_plan(vm);
}

static void give_back(st_vm *vm, uint32_t step)
{
    for (uint32_t i = 0; i < vm->bc->slots.n; i++)
        if (vm->slot_last[i] == step && vm->slots[i].arena) {
            st_arena_free(vm->slots[i].arena);
            vm->slots[i] = (st_slot){0};
        }
    for (uint32_t i = 0; i < vm->bc->views.n; i++)
        if (vm->view_last[i] == step && vm->views[i]) st_view_give_back(vm, i);
    for (uint32_t i = 0; i < vm->bc->indexes.n; i++)
        if (vm->index_last[i] == step && vm->indexes[i]) {
            st_arena_free(vm->index_arenas[i]);
            vm->index_arenas[i] = NULL;
            vm->indexes[i] = NULL;
        }
}

/* ---- beginning and end ---- */

static const st_kernels *choose_kernels(st_env *env, const char *name)
{
    const char *from = name ? "The options ask" : "STRATA_ISA asks";
    if (!name) name = getenv("STRATA_ISA");
    if (name && !name[0]) name = NULL;
    const st_kernels *k = st_kernels_choose(name);
    if (k) return k;
    char have[64] = "";
    for (const char *const *p = st_vm_isas(); *p; p++) {
        if (have[0]) strcat(have, ", ");
        strcat(have, *p);
    }
    st_fail(env, STRATA_BAD_INPUT, "%s for the instruction set \"%.40s\"; this machine has %s.", from, name,
            have);
}

static void fill_scalars(st_vm *vm)
{
    const st_bc *b = vm->bc;
    vm->scalars = st_new_n(vm->arena, st_scalar, b->scalars.n + 1);
    for (uint32_t i = 0; i < b->scalars.n; i++) {
        const st_bc_scalar *decl = &b->scalars.p[i];
        st_scalar *s = &vm->scalars[i];
        s->missing = decl->kind != ST_S_LITERAL || decl->missing;
        if (decl->kind == ST_S_NOW) {
            s->missing = false;
            s->as.i = vm->as_of;
        }
        if (s->missing || decl->kind == ST_S_NOW) continue;
        switch (decl->type) {
        case ST_BC_BOOL: s->as.b = decl->as.b; break;
        case ST_BC_I64: s->as.i = decl->as.i; break;
        case ST_BC_I128: s->as.d = decl->as.d; break;
        case ST_BC_F64: s->as.f = decl->as.f; break;
        default: s->as.s = decl->as.s; break;
        }
    }
}

static void run_step(st_vm *vm, const st_bc_step *s)
{
    switch (s->kind) {
    case ST_STEP_SETUP: st_step_setup(vm, s); break;
    case ST_STEP_PASS: st_step_pass(vm, s); break;
    case ST_STEP_SEQUENCE: st_step_sequence(vm, s); break;
    case ST_STEP_THRESHOLD: st_step_threshold(vm, s); break;
    case ST_STEP_SCORE: st_step_score(vm, s); break;
    case ST_STEP_STRATUM: st_step_stratum(vm, s); break;
    case ST_STEP_NEAREST: st_step_nearest(vm, s); break;
    default: st_step_group(vm, s); break;
    }
}

static uint64_t step_rows(st_vm *vm, const st_bc_step *s)
{
    if (s->kind == ST_STEP_SETUP) return 1;
    if (!ST_BC_IS_VIEW(s->domain)) return vm->data->tables[s->domain].rows;
    const st_view *view = st_view_get(vm, ST_BC_VIEW_ID(s->domain));
    return view->first[view->entities];
}

static void measure_step(st_vm *vm, uint32_t step)
{
    const st_bc_step *s = &vm->bc->steps.p[step];
    vm->cost = &vm->costs[step];
    double begin = st_seconds();
    run_step(vm, s);
    vm->cost->seconds = st_seconds() - begin;
}

/* Steps [from, to): those of a stream, or one. */
static void run_steps(st_vm *vm, uint32_t from, uint32_t to)
{
    if (vm->stream_end[from])
        st_stream_run(vm, from);
    else if (vm->costs)
        measure_step(vm, from);
    else
        run_step(vm, &vm->bc->steps.p[from]);
    for (uint32_t i = from; vm->costs && i < to; i++) vm->costs[i].rows = step_rows(vm, &vm->bc->steps.p[i]);
}

/* Bitmaps are counted where a pass stores them, values where they were windowed. */
static bool is_counted(const st_vm *vm, uint32_t slot)
{
    return vm->bc->slots.p[slot].type == ST_BC_BOOL ? vm->slot_stored[slot] : vm->slot_windowed[slot];
}

static const st_vm_result *result_of(st_vm *vm)
{
    const st_bc *b = vm->bc;
    st_vm_result *r = st_new(vm->result, st_vm_result);
    st_vm_slot *slots = st_new_n(vm->result, st_vm_slot, b->slots.n + 1);
    for (uint32_t i = 0; i < b->slots.n; i++) {
        const st_slot *s = &vm->slots[i];
        slots[i].type = b->slots.p[i].type;
        if (vm->slot_last[i] == UINT32_MAX)
            slots[i] = (st_vm_slot){slots[i].type, s->rows,           s->data,          s->known,
                                    s->dict,       vm->slot_count[i], is_counted(vm, i)};
    }
    r->slots = slots;
    st_vm_note *notes = st_new_n(vm->result, st_vm_note, (size_t)b->notes.n + vm->ties.n + 2);
    for (uint32_t i = 0; i < b->notes.n; i++) {
        const st_bc_note *n = &b->notes.p[i];
        uint64_t keys = n->set == ST_BC_NONE ? 0 : b->sets.p[n->set].keys.n, count = vm->notes[i];
        if (keys) count = keys - ST_MIN(keys, count); /* those that no row has */
        if (count) notes[r->nnotes++] = (st_vm_note){n->kind, n->subject, count, keys};
    }
    if (vm->counts.divisions)
        notes[r->nnotes++] = (st_vm_note){STRATA_NOTE_DIVISION_BY_ZERO, NULL, vm->counts.divisions, 0};
    if (vm->counts.overflows)
        notes[r->nnotes++] = (st_vm_note){STRATA_NOTE_OVERFLOW, NULL, vm->counts.overflows, 0};
    for (uint32_t i = 0; i < vm->ties.n; i++) notes[r->nnotes++] = vm->ties.p[i];
    r->notes = notes;
    r->costs = vm->costs;
    if (vm->costs) r->served = st_profile_definitions(vm);
    return r;
}

static void check_options(st_env *env, const st_vm_options *o)
{
    if (o->batch > ST_VM_BATCH || o->batch % 64)
        st_fail(env, STRATA_BAD_INPUT, "A batch of %u rows was asked for; it is a multiple of 64 up to %u.",
                o->batch, ST_VM_BATCH);
}

static void tell_progress(st_vm *vm, const st_vm_options *o, uint32_t done)
{
    double share = vm->bc->steps.n ? (double)done / vm->bc->steps.n : 1;
    if (o->progress && !o->progress(o->context, share))
        st_fail(vm->env, STRATA_BAD_INPUT, "The run was stopped.");
}

const st_vm_result *st_vm_run(st_arena *a, const st_bc *program, const st_data *data, const st_vm_options *o)
{
    st_env *env = st_arena_env(a);
    check_options(env, o);
    st_arena *own = st_arena_new(env);
    st_vm *vm = st_new(own, st_vm);
    vm->result = a;
    vm->arena = own;
    vm->env = env;
    vm->bc = program;
    vm->data = data;
    vm->k = choose_kernels(env, o->isa);
    vm->threads = o->threads ? o->threads : st_cpu_count();
    vm->batch = o->batch ? o->batch : ST_VM_BATCH;
    vm->as_of = o->as_of;
    vm->zone = st_zone_load(own, program->schema->timezone);
    if (!vm->zone)
        st_fail(env, STRATA_BAD_INPUT, "This machine knows no time zone \"%s\".", program->schema->timezone);
    vm->slots = st_new_n(own, st_slot, program->slots.n + 1);
    vm->views = st_new_n(own, st_view *, program->views.n + 1);
    vm->indexes = st_new_n(own, const int32_t *, program->indexes.n + 1);
    vm->index_arenas = st_new_n(own, st_arena *, program->indexes.n + 1);
    vm->notes = st_new_n(own, uint64_t, program->notes.n + 1);
    if (o->profile) {
        vm->costs = st_new_n(a, st_vm_cost, program->steps.n + 1);
        vm->last_read = st_new_n(own, uint32_t, program->steps.n + 1);
    }
    fill_scalars(vm);
    plan_lives(vm, o);
    tell_progress(vm, o, 0);
    for (uint32_t i = 0, next; i < program->steps.n; i = next) {
        next = vm->stream_end[i] ? vm->stream_end[i] : i + 1;
        run_steps(vm, i, next);
        for (uint32_t k = i; k < next; k++) give_back(vm, k);
        tell_progress(vm, o, next);
    }
    const st_vm_result *r = result_of(vm);
    st_arena_free(own);
    return r;
}
