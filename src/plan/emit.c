/* The program: setup, then stage by stage the passes and the steps behind them. */
#include "plan/parts.h"

static const st_ir_node *node(const st_emitter *e, st_ir_id id)
{
    return st_ir_at(e->plan->ir, id);
}

/* ---- setup ---- */

static void emit_setup(st_emitter *e)
{
    const st_plan *p = e->plan;
    st_code_begin(e, ST_BC_NONE, 0);
    bool any = p->ir->checks.n > 0;
    for (st_ir_id id = 1; id < p->ir->nodes.n; id++)
        if (p->setup[id]) st_code_want(e, id), any = true;
    if (!any) {
        st_code_end(e, NULL);
        return;
    }
    for (st_ir_id id = 1; id < p->ir->nodes.n; id++)
        if (p->setup[id]) st_code_set(e, id, st_scalar_of(e, id));
    for (uint32_t i = 0; i < p->ir->checks.n; i++) {
        const st_ir_check *c = &p->ir->checks.p[i];
        st_code_check(e, st_scalar_of(e, c->inner), st_scalar_of(e, c->outer));
    }
    st_bc_code code = st_code_end(e, NULL);
    st_bc_step_new(e->bc, ST_STEP_SETUP, 0)->code = code;
}

/* ---- slots ---- */

static const char *slot_name(const st_emitter *e, const st_fill *f, const uint32_t *numbers)
{
    return f->name ? f->name : st_format(e->arena, "%%%u", numbers[f->node]);
}

static void make_slots(st_emitter *e)
{
    st_plan *p = e->plan;
    const uint32_t *numbers = st_ir_numbers(e->arena, p->ir);
    for (uint32_t s = 0; s < p->nstages; s++)
        for (uint32_t i = 0; i < p->filled[s].n; i++) {
            st_fill *f = &p->fills.p[p->filled[s].p[i]];
            if (f->stage != s) continue;
            const st_ir_node *n = node(e, f->node);
            if (n->op == ST_IR_THRESHOLD && f->kind == ST_FILL_STEP) {
                f->slot = st_scalar_of(e, f->node);
                continue;
            }
            st_bc_domain domain = st_domain_of(e, f->place);
            f->slot = st_bc_slot_new(e->bc, st_bc_kind(n->kind), domain, slot_name(e, f, numbers));
        }
}

/* ---- passes ---- */

static bool in_pass(const st_emitter *e, const st_fill *f, uint32_t stage, st_ground place)
{
    return f->stage == stage && f->kind != ST_FILL_STEP && st_fill_pass(e->plan, f) == place;
}

static uint32_t note_of(st_emitter *e, const st_plan_note *n)
{
    if (!n->list) return st_bc_note_new(e->bc, STRATA_NOTE_UNSEEN, n->table->name, ST_BC_NONE);
    return st_bc_note_new(e->bc, STRATA_NOTE_LIST_KEYS, n->list->name, st_bc_set_of(e->bc, n->list));
}

static void emit_pass(st_emitter *e, st_ground place, uint32_t stage, const uint32_t *fills, uint32_t n)
{
    st_plan *p = e->plan;
    st_code_begin(e, place, stage);
    for (uint32_t i = 0; i < n; i++) {
        const st_ir_node *x = node(e, p->fills.p[fills[i]].node);
        if (p->fills.p[fills[i]].kind == ST_FILL_STORE)
            st_code_want(e, p->fills.p[fills[i]].node);
        else
            for (uint32_t k = 0; k < x->n; k++) st_code_want(e, x->args[k]);
    }
    for (uint32_t i = 0; i < p->notes.n; i++)
        if (p->notes.p[i].place == place && p->notes.p[i].stage == stage) st_code_want(e, p->notes.p[i].node);
    for (uint32_t i = 0; i < n; i++) {
        const st_fill *f = &p->fills.p[fills[i]];
        if (f->kind == ST_FILL_STORE)
            st_code_store(e, f->node, f->slot);
        else
            st_code_fold(e, node(e, f->node), f->slot);
    }
    for (uint32_t i = 0; i < p->notes.n; i++) {
        const st_plan_note *note = &p->notes.p[i];
        if (note->place == place && note->stage == stage) st_code_note(e, note->node, note_of(e, note));
    }
    st_bc_code code = st_code_end(e, NULL);
    st_bc_step_new(e->bc, ST_STEP_PASS, st_domain_of(e, place))->code = code;
}

/* ---- steps behind the passes ---- */

static uint32_t filter_of(st_emitter *e, st_ir_id rows, st_ground place)
{
    if (rows == ST_IR_TRUE_ID) return ST_BC_NONE;
    return st_fill_find(e->plan, rows, place)->slot;
}

static void emit_rank(st_emitter *e, const st_fill *f, const st_ir_node *n)
{
    st_ground place = st_result_place(e->plan, n);
    uint32_t value = st_input_of(e, n->args[0], place), filter = filter_of(e, n->args[1], place);
    bool is_score = n->op == ST_IR_SCORE;
    uint32_t key = is_score && n->k == ST_NTILE ? st_bc_column(e->bc, place, ST_BC_NONE, n->col) : ST_BC_NONE;
    st_bc_step *s = st_bc_step_new(e->bc, is_score ? ST_STEP_SCORE : ST_STEP_THRESHOLD, place);
    s->out = f->slot;
    s->filter = filter;
    s->value = value;
    if (is_score) {
        s->key = key;
        s->scale = node(e, n->args[0])->scale;
        s->n = (int64_t)n->imm;
        s->method = (st_rfm_method)n->k;
        s->lower_is_better = n->k2;
    } else {
        s->bottom = n->k2;
        s->is_share = n->k;
        s->amount = n->imm;
        s->amount_scale = n->amount_scale;
        s->subject = n->subject ? n->subject->index : ST_BC_NONE;
    }
}

static void emit_stratum(st_emitter *e, const st_fill *f, const st_ir_node *n)
{
    st_ground place = st_result_place(e->plan, n);
    uint32_t nends = n->n - 2 - n->k;
    uint32_t *strata = st_new_n(e->arena, uint32_t, n->k + 1),
             *ends = st_new_n(e->arena, uint32_t, nends + 1);
    for (uint32_t i = 0; i < n->k; i++) strata[i] = st_input_of(e, n->args[2 + i], place);
    const st_ir_id *shares = n->args + 2 + n->k;
    uint32_t scale = 0;
    for (uint32_t i = 0; i < nends; i++) scale = ST_MAX(scale, node(e, shares[i])->scale);
    for (uint32_t i = 0; i < nends; i++) {
        const st_ir_node *share = node(e, shares[i]);
        ends[i] = st_bc_i128(e->bc, share->imm * st_pow10(scale - share->scale));
    }
    uint32_t value = st_input_of(e, n->args[0], place), filter = filter_of(e, n->args[1], place);
    uint32_t key = st_bc_column(e->bc, place, ST_BC_NONE, n->col);
    st_bc_step *s = st_bc_step_new(e->bc, ST_STEP_STRATUM, place);
    s->out = f->slot;
    s->filter = filter;
    s->value = value;
    s->key = key;
    s->strata = st_bc_list(e->bc, strata, n->k);
    s->ends = st_bc_list(e->bc, ends, nends);
    s->amount_scale = scale;
}

static void emit_nearest(st_emitter *e, const st_fill *f, const st_ir_node *n)
{
    st_ground place = (st_ground)n->domain, other = n->k;
    uint32_t lat = st_input_of(e, n->args[0], place), lon = st_input_of(e, n->args[1], place),
             filter = filter_of(e, n->args[2], other), other_lat = st_input_of(e, n->args[3], other),
             other_lon = st_input_of(e, n->args[4], other);
    st_bc_step *s = st_bc_step_new(e->bc, ST_STEP_NEAREST, place);
    s->out = f->slot;
    s->value = lat;
    s->key = lon;
    s->other = other;
    s->other_filter = filter;
    s->other_value = other_lat;
    s->other_key = other_lon;
}

static void emit_group(st_emitter *e, const st_fill *f, const st_ir_node *n)
{
    static const st_bc_step_kind kinds[] = {
        [ST_IR_DISTINCT] = ST_STEP_DISTINCT, [ST_IR_MOST_COMMON] = ST_STEP_MOST_COMMON,
        [ST_IR_REPEATS] = ST_STEP_REPEATS,   [ST_IR_MEDIAN] = ST_STEP_MEDIAN,
        [ST_IR_FULLEST] = ST_STEP_SPAN,      [ST_IR_LAST_ROWS] = ST_STEP_LAST_N,
    };
    st_ground place = st_place_of_view(e->plan, n->path);
    st_bc_domain domain = st_domain_of(e, place);
    uint32_t filter = filter_of(e, n->args[0], place);
    uint32_t value = n->op == ST_IR_LAST_ROWS ? ST_BC_NONE : st_input_of(e, n->args[1], place);
    st_bc_step *s = st_bc_step_new(e->bc, kinds[n->op], domain);
    s->out = f->slot;
    s->filter = filter;
    s->value = value;
    if (n->op == ST_IR_MEDIAN) s->scale = node(e, n->args[1])->scale;
    if (n->op == ST_IR_LAST_ROWS) s->n = n->k;
    if (n->op == ST_IR_FULLEST) {
        s->n = (int64_t)n->imm;
        s->unit = (st_unit)n->k;
        s->dates = !n->k2;
    }
}

/* ---- sequences ---- */

/* An equality of a stored value with one of a chosen row, which needs no code. */
static bool is_pair(const st_emitter *e, st_ir_id id)
{
    const st_ir_node *n = node(e, id);
    if (n->op != ST_IR_EQ || node(e, n->args[1])->op != ST_IR_BOUND || !st_is_direct(e->plan, n->args[0]))
        return false;
    const st_ir_node *a = node(e, n->args[0]), *b = node(e, n->args[1]);
    return a->kind == b->kind && (a->kind == ST_IR_TEXT || a->kind == ST_IR_F64 || a->scale == b->scale);
}

/* The BOUND nodes under p, each once, in order. */
static void bound_under(st_emitter *e, st_ir_id id, st_ir_ids *out)
{
    const st_ir_node *n = node(e, id);
    if (!n->bound) return;
    if (n->op != ST_IR_BOUND) {
        for (uint32_t i = 0; i < n->n; i++) bound_under(e, n->args[i], out);
        return;
    }
    for (uint32_t i = 0; i < out->n; i++)
        if (out->p[i] == id) return;
    *st_push(e->arena, out) = id;
}

static void emit_refers(st_emitter *e, st_bc_seq_step *to, const st_ir_step *from, uint32_t stage)
{
    const st_ir_node *n = node(e, from->refers);
    if (from->refers == ST_IR_TRUE_ID) return;
    st_ground view = st_place_of_view(e->plan, from->path);
    const st_ir_id *parts = n->op == ST_IR_AND ? n->args : &from->refers;
    uint32_t nparts = n->op == ST_IR_AND ? n->n : 1;
    st_ir_id *rest = st_new_n(e->arena, st_ir_id, nparts);
    uint32_t nrest = 0;
    to->eq = st_new_n(e->arena, st_bc_pair, nparts);
    for (uint32_t i = 0; i < nparts; i++) {
        const st_ir_node *x = node(e, parts[i]);
        if (is_pair(e, parts[i]))
            to->eq[to->neq++] = (st_bc_pair){st_input_of(e, x->args[0], view), st_scalar_of(e, x->args[1])};
        else
            rest[nrest++] = parts[i];
    }
    if (!nrest) return;
    st_code_begin(e, view, stage);
    for (uint32_t i = 0; i < nrest; i++) st_code_want(e, rest[i]);
    to->has_cond = true;
    st_code_answer(e, rest, nrest);
    to->cond = st_code_end(e, &to->cond_p);
}

static void emit_sequence(st_emitter *e, const st_fill *f, const st_ir_node *n)
{
    const st_ir_sequence *s = n->sequence;
    if (s->nsteps > ST_BC_MAX_SEQUENCE)
        st_fail(st_arena_env(e->arena), STRATA_NO_MEMORY, "A sequence has %u steps; the most are %u.",
                s->nsteps, ST_BC_MAX_SEQUENCE);
    uint32_t id, until = st_scalar_of(e, s->until);
    st_ir_ids bound = {0};
    for (uint32_t i = 0; i < s->nsteps; i++) bound_under(e, s->steps[i].refers, &bound);
    for (uint32_t i = 0; i < bound.n; i++) e->scalar[bound.p[i]] = 0; /* scalars of their own */
    st_bc_seq_step *steps = st_new_n(e->arena, st_bc_seq_step, s->nsteps);
    for (uint32_t i = 0; i < s->nsteps; i++) {
        const st_ir_step *from = &s->steps[i];
        st_ground view = st_place_of_view(e->plan, from->path);
        st_bc_seq_step *to = &steps[i];
        to->kind = from->kind;
        to->view = ST_BC_VIEW_ID(st_domain_of(e, view));
        to->filter = filter_of(e, from->rows, view);
        to->time = st_input_of(e, from->time, view);
        to->has_within = from->has_within;
        to->within = from->within;
        to->within_unit = from->unit;
        emit_refers(e, to, from, f->stage);
        to->bind = st_new_n(e->arena, st_bc_pair, bound.n);
        for (uint32_t k = 0; k < bound.n; k++) {
            const st_ir_node *b = node(e, bound.p[k]);
            if (b->k == i)
                to->bind[to->nbind++] =
                    (st_bc_pair){st_input_of(e, b->args[0], view), st_scalar_of(e, bound.p[k])};
        }
    }
    st_bc_sequence *q = st_bc_sequence_new(e->bc, (uint32_t)n->domain, s->nsteps, &id);
    memcpy(q->steps, steps, s->nsteps * sizeof *steps);
    q->dates = !s->instants;
    q->until = until;
    st_bc_step *step = st_bc_step_new(e->bc, ST_STEP_SEQUENCE, (st_bc_domain)n->domain);
    step->out = f->slot;
    step->sequence = id;
}

static void emit_step(st_emitter *e, const st_fill *f)
{
    const st_ir_node *n = node(e, f->node);
    if (n->op == ST_IR_SEQUENCE)
        emit_sequence(e, f, n);
    else if (n->op == ST_IR_NEAREST)
        emit_nearest(e, f, n);
    else if (n->op == ST_IR_STRATUM)
        emit_stratum(e, f, n);
    else if (st_ir_op_class[n->op] == ST_IR_CLASS_RANK)
        emit_rank(e, f, n);
    else
        emit_group(e, f, n);
}

/* ---- the whole ---- */

static void emit_stage(st_emitter *e, uint32_t stage)
{
    st_plan *p = e->plan;
    uint32_t n = p->filled[stage].n, *fills = st_new_n(e->arena, uint32_t, n);
    for (st_ground place = 0; place < p->nplaces; place++) {
        uint32_t m = 0;
        for (uint32_t i = 0; i < n; i++)
            if (in_pass(e, &p->fills.p[p->filled[stage].p[i]], stage, place))
                fills[m++] = p->filled[stage].p[i];
        if (m) emit_pass(e, place, stage, fills, m);
    }
    for (uint32_t i = 0; i < n; i++) {
        const st_fill *f = &p->fills.p[p->filled[stage].p[i]];
        if (f->stage == stage && f->kind == ST_FILL_STEP) emit_step(e, f);
    }
}

static uint32_t output_slot(const st_emitter *e, st_ir_id id, uint32_t table)
{
    const st_fill *f = st_fill_find(e->plan, id, table);
    assert(f && f->slot != ST_BC_NONE);
    return f->slot;
}

static void emit_outputs(st_emitter *e)
{
    const st_ir *ir = e->plan->ir;
    for (uint32_t i = 0; i < ir->outputs.n; i++) {
        const st_ir_output *o = &ir->outputs.p[i];
        uint32_t table = o->def->of->index, value = output_slot(e, o->value, table);
        uint32_t known = o->known ? output_slot(e, o->known, table) : ST_BC_NONE;
        st_bc_field field = o->is_field ? (st_bc_field)(ST_OUT_R + o->field) : ST_OUT_VALUE;
        st_bc_output_new(e->bc, o->def, field, o->type, value, known);
    }
    for (uint32_t t = 0; t < ir->program->ntables; t++)
        if (ir->population[t]) e->bc->population[t] = output_slot(e, ir->population[t], t);
}

st_bc *st_plan_emit(st_arena *a, st_plan *plan)
{
    st_emitter e = {.arena = a, .plan = plan, .bc = st_bc_new(a, plan->ir->program)};
    e.scalar = st_new_n(a, uint32_t, plan->ir->nodes.n);
    emit_setup(&e);
    make_slots(&e);
    for (uint32_t s = 0; s < plan->nstages; s++) emit_stage(&e, s);
    emit_outputs(&e);
    return e.bc;
}

st_bc *st_compile(st_arena *a, const st_program *program, const st_ir_options *options)
{
    const st_ir *ir = st_lower(a, program, options);
    return st_plan_emit(a, st_plan_new(a, ir));
}
