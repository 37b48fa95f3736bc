/* When and where: stages from the last to the first, each asking the ones before it for what it reads. What a pass is to fill
 * waits until some pass over the same rows has to be made. */
#include "plan/parts.h"

/* ---- questions ---- */

bool st_is_result(const st_ir_node *n)
{
    uint8_t class = st_ir_op_class[n->op];
    return class == ST_IR_CLASS_FOLD || class == ST_IR_CLASS_GROUP || class == ST_IR_CLASS_RANK;
}

st_ground st_result_place(const st_plan *p, const st_ir_node *n)
{
    if (n->op == ST_IR_LAST_ROWS) return st_place_of_view(p, n->path);
    if (n->op == ST_IR_THRESHOLD) return n->col->table->index;
    return (st_ground)n->domain;
}

bool st_is_direct(const st_plan *p, st_ir_id id)
{
    const st_ir_node *n = st_ir_at(p->ir, id);
    return n->op == ST_IR_COLUMN ||
           (n->op == ST_IR_GATHER && st_ir_at(p->ir, n->args[0])->op == ST_IR_COLUMN);
}

bool st_is_scalar(const st_plan *p, st_ir_id id)
{
    return st_ir_is_run(p->ir, id) && !p->late[id];
}

static bool is_literal(const st_ir_node *n)
{
    return n->op == ST_IR_CONST || n->op == ST_IR_MISSING || n->op == ST_IR_NOW || n->op == ST_IR_TRUE ||
           n->op == ST_IR_FALSE;
}

typedef struct fill_key {
    st_ir_id node;
    st_ground place;
} fill_key;

st_fill *st_fill_find(const st_plan *p, st_ir_id node, st_ground place)
{
    fill_key key = {node, place};
    uintptr_t found = (uintptr_t)st_map_get(&p->fill_index, &key, sizeof key);
    return found ? &p->fills.p[found - 1] : NULL;
}

const st_fill *st_fill_before(const st_plan *p, st_ir_id node, st_ground place, uint32_t stage)
{
    if (st_is_direct(p, node) || st_ir_is_run(p->ir, node)) return NULL;
    const st_fill *f = st_fill_find(p, node, place);
    return f && f->kind == ST_FILL_STORE && f->stage < stage ? f : NULL;
}

/* ---- the earliest stages ---- */

/* The stage in which the arguments of n can be read. */
static uint32_t stage_of_args(const st_plan *p, const st_ir_node *n)
{
    uint32_t stage = 0;
    for (uint32_t i = 0; i < n->n; i++) stage = ST_MAX(stage, p->stage[n->args[i]]);
    return stage;
}

static uint32_t first_of_views(const st_plan *p, const st_ir_node *n)
{
    uint32_t stage = n->path ? p->views[n->path->index].first : 0;
    for (uint32_t i = 0; n->sequence && i < n->sequence->nsteps; i++)
        stage = ST_MAX(stage, p->views[n->sequence->steps[i].path->index].first);
    return stage;
}

static void find_stages(st_plan *p)
{
    for (st_ir_id id = 1; id < p->ir->nodes.n; id++) {
        const st_ir_node *n = st_ir_at(p->ir, id);
        uint32_t stage = stage_of_args(p, n);
        if (st_is_result(n)) stage = ST_MAX(stage, n->op == ST_IR_GATHER ? 0 : first_of_views(p, n)) + 1;
        if (n->op == ST_IR_GATHER && !st_is_direct(p, id) && !st_is_result(st_ir_at(p->ir, n->args[0])))
            stage++;
        p->stage[id] = stage;
    }
}

/* Views are ordered by time where a question about groups needs it; a time that has to be computed is stored before the first
 * pass over the view. */
static void order_view(st_plan *p, const st_ir_path *path, st_ir_id time, bool tied)
{
    st_view_info *v = &p->views[path->index];
    v->ordered = true;
    v->tied |= tied;
    v->time = time;
    v->first = st_is_direct(p, time) ? 0 : p->stage[time] + 1;
}

static void find_views(st_plan *p, const bool *live)
{
    for (st_ir_id id = 1; id < p->ir->nodes.n; id++) {
        const st_ir_node *n = st_ir_at(p->ir, id);
        if (!live[id]) continue;
        if (n->path && st_is_result(n)) p->views[n->path->index].used = true;
        if (n->op == ST_IR_LAST_ROWS) order_view(p, n->path, n->args[1], true);
        if (n->op == ST_IR_FULLEST) order_view(p, n->path, n->args[1], false);
        for (uint32_t i = 0; n->sequence && i < n->sequence->nsteps; i++) {
            const st_ir_step *s = &n->sequence->steps[i];
            p->views[s->path->index].used = true;
            order_view(p, s->path, s->time, false);
        }
    }
}

static void find_late(st_plan *p)
{
    for (st_ir_id id = 1; id < p->ir->nodes.n; id++) {
        const st_ir_node *n = st_ir_at(p->ir, id);
        p->late[id] = n->op == ST_IR_THRESHOLD || n->op == ST_IR_BOUND;
        if (n->domain == ST_IR_RUN && n->op != ST_IR_BOUND)
            for (uint32_t i = 0; i < n->n; i++) p->late[id] |= p->late[n->args[i]];
    }
}

/* ---- what is needed ---- */

/* A result lies in one place; for any other it is copied. */
static st_fill_kind kind_of(const st_plan *p, const st_ir_node *n, st_ground place)
{
    if (!st_is_result(n) || st_result_place(p, n) != place) return ST_FILL_STORE;
    return st_ir_op_class[n->op] == ST_IR_CLASS_FOLD ? ST_FILL_FOLD : ST_FILL_STEP;
}

st_ground st_fill_pass(const st_plan *p, const st_fill *f)
{
    return f->kind == ST_FILL_FOLD ? st_place_of_view(p, st_ir_at(p->ir, f->node)->path) : f->place;
}

/* The node shall lie in a slot over `place`, filled in `stage` or before. A step is taken then; what a pass fills waits for a pass
 * that has to be made. */
static st_fill *need(st_plan *p, st_ir_id node, st_ground place, uint32_t stage)
{
    st_fill *f = st_fill_find(p, node, place);
    if (!f) {
        fill_key key = {node, place};
        bool is_new;
        f = st_push(p->arena, &p->fills);
        *f = (st_fill){.node = node,
                       .place = place,
                       .kind = kind_of(p, st_ir_at(p->ir, node), place),
                       .latest = UINT32_MAX,
                       .stage = UINT32_MAX,
                       .slot = ST_BC_NONE};
        *st_map_put(&p->fill_index, &key, sizeof key, &is_new) = (void *)(uintptr_t)p->fills.n;
    }
    if (stage >= f->latest) return f;
    uint32_t number = (uint32_t)(f - p->fills.p);
    bool waits = f->latest != UINT32_MAX && f->stage == UINT32_MAX;
    f->latest = stage;
    if (f->kind == ST_FILL_STEP) {
        f->stage = stage;
        *st_push(p->arena, &p->filled[stage]) = number;
    } else if (!waits && f->stage > stage) {
        f->stage = UINT32_MAX;
        *st_push(p->arena, &p->pending[st_fill_pass(p, f)]) = number;
    }
    return f;
}

/* A result that is read in `stage` was filled in an earlier one. */
static void need_result(st_plan *p, st_ir_id id, uint32_t stage)
{
    assert(stage > 0);
    need(p, id, st_result_place(p, st_ir_at(p->ir, id)), stage - 1);
}

static void visit(st_plan *p, st_ir_id id, st_ground place, uint32_t stage)
{
    if (p->seen[id] == p->stamp) return;
    p->seen[id] = p->stamp;
    const st_ir_node *n = st_ir_at(p->ir, id);
    if (is_literal(n) || n->op == ST_IR_BOUND) return;
    if (st_is_scalar(p, id)) {
        p->setup[id] = true;
        return;
    }
    if (st_is_result(n)) {
        need_result(p, id, stage);
        return;
    }
    if (st_fill_before(p, id, place, stage)) return;
    if (n->op == ST_IR_GATHER) {
        st_ir_id x = n->args[0];
        const st_ir_node *from = st_ir_at(p->ir, x);
        if (from->op == ST_IR_COLUMN) return;
        if (st_is_result(from))
            need_result(p, x, stage);
        else
            need(p, x, (st_ground)from->domain, stage - 1);
        return;
    }
    for (uint32_t i = 0; i < n->n; i++) visit(p, n->args[i], place, stage);
}

/* An input of a step: read directly, from a result, or from a slot that a pass of the same stage fills. */
static void need_input(st_plan *p, st_ir_id id, st_ground place, uint32_t stage)
{
    const st_ir_node *n = st_ir_at(p->ir, id);
    if (st_is_direct(p, id)) return;
    if (st_is_result(n) && n->op != ST_IR_THRESHOLD)
        need_result(p, id, stage);
    else
        need(p, id, place, stage);
}

/* A filter of a step lies over the very place of the step. */
static void need_filter(st_plan *p, st_ir_id id, st_ground place, uint32_t stage)
{
    if (id == ST_IR_TRUE_ID) return;
    const st_ir_node *n = st_ir_at(p->ir, id);
    if (st_is_result(n) && st_result_place(p, n) == place)
        need_result(p, id, stage);
    else
        need(p, id, place, stage);
}

/* Values of chosen rows that the conditions of a sequence refer to. */
static void need_bound(st_plan *p, const st_ir_sequence *s, st_ir_id id, uint32_t stage)
{
    const st_ir_node *n = st_ir_at(p->ir, id);
    if (!n->bound) return;
    if (n->op == ST_IR_BOUND)
        need_input(p, n->args[0], st_place_of_view(p, s->steps[n->k].path), stage);
    else
        for (uint32_t i = 0; i < n->n; i++) need_bound(p, s, n->args[i], stage);
}

static void need_for_sequence(st_plan *p, const st_ir_sequence *s, uint32_t stage)
{
    if (!is_literal(st_ir_at(p->ir, s->until))) p->setup[s->until] = true;
    for (uint32_t i = 0; i < s->nsteps; i++) {
        const st_ir_step *step = &s->steps[i];
        st_ground view = st_place_of_view(p, step->path);
        need_filter(p, step->rows, view, stage);
        p->stamp++;
        visit(p, step->refers, view, stage);
        need_bound(p, s, step->refers, stage);
    }
}

static void need_for_step(st_plan *p, const st_fill *f)
{
    const st_ir_node *n = st_ir_at(p->ir, f->node);
    uint32_t stage = f->stage;
    if (n->op == ST_IR_SEQUENCE) {
        need_for_sequence(p, n->sequence, stage);
        return;
    }
    if (n->op == ST_IR_NEAREST) {
        for (uint32_t i = 0; i < 2; i++) need_input(p, n->args[i], (st_ground)n->domain, stage);
        need_filter(p, n->args[2], n->k, stage);
        for (uint32_t i = 3; i < 5; i++) need_input(p, n->args[i], n->k, stage);
        return;
    }
    bool rank = st_ir_op_class[n->op] == ST_IR_CLASS_RANK;
    st_ground place = rank ? st_result_place(p, n) : st_place_of_view(p, n->path);
    st_ir_id rows = n->args[rank], value = n->args[!rank];
    need_filter(p, rows, place, stage);
    if (n->op != ST_IR_LAST_ROWS && n->op != ST_IR_FULLEST) need_input(p, value, place, stage);
    for (uint32_t i = 0; n->op == ST_IR_STRATUM && i < n->k; i++) need_input(p, n->args[2 + i], place, stage);
}

static void need_for_pass(st_plan *p, const st_fill *f)
{
    const st_ir_node *n = st_ir_at(p->ir, f->node);
    if (f->kind == ST_FILL_STORE)
        visit(p, f->node, f->place, f->stage);
    else
        for (uint32_t i = 0; i < n->n; i++) visit(p, n->args[i], st_fill_pass(p, f), f->stage);
}

/* The first stage in which it could be filled. */
static uint32_t earliest(const st_plan *p, const st_fill *f)
{
    uint32_t stage = p->stage[f->node];
    if (f->kind == ST_FILL_FOLD) return stage - 1;
    if (!st_place_is_view(p, f->place)) return stage;
    return ST_MAX(stage, p->views[st_place_path(p, f->place)->index].first);
}

/* A pass is made in the last stage in which some fill cannot wait any longer; it takes all that is wanted by then, so that there
 * are as few passes as can be. */
static void decide_pass(st_plan *p, st_ground place, uint32_t stage)
{
    bool make = false;
    for (uint32_t i = 0; i < p->pending[place].n; i++) {
        const st_fill *f = &p->fills.p[p->pending[place].p[i]];
        make |= f->latest >= stage && earliest(p, f) == stage;
    }
    if (!make) return;
    uint32_t left = 0;
    for (uint32_t i = 0; i < p->pending[place].n; i++) {
        uint32_t number = p->pending[place].p[i];
        st_fill *f = &p->fills.p[number];
        if (f->latest < stage) {
            p->pending[place].p[left++] = number;
            continue;
        }
        f->stage = stage;
        *st_push(p->arena, &p->filled[stage]) = number;
    }
    p->pending[place].n = left;
}

static void need_for_stage(st_plan *p, uint32_t stage)
{
    for (uint32_t i = 0; i < p->filled[stage].n; i++) {
        st_fill f = p->fills.p[p->filled[stage].p[i]];
        if (f.stage == stage && f.kind == ST_FILL_STEP) need_for_step(p, &f);
    }
    uint32_t *first = st_new_n(p->arena, uint32_t, p->nplaces + 1);
    for (st_ground place = 0; place < p->nplaces; place++) {
        first[place] = p->filled[stage].n;
        decide_pass(p, place, stage);
    }
    first[p->nplaces] = p->filled[stage].n;
    for (st_ground place = 0; place < p->nplaces; place++) {
        p->stamp++;
        for (uint32_t i = first[place]; i < first[place + 1]; i++) {
            st_fill f = p->fills.p[p->filled[stage].p[i]];
            if (f.stage == stage) need_for_pass(p, &f); /* it may have moved meanwhile */
        }
        for (uint32_t i = 0; i < p->notes.n; i++)
            if (p->notes.p[i].place == place && p->notes.p[i].stage == stage)
                visit(p, p->notes.p[i].node, place, stage);
    }
}

/* Rows that are not seen are counted where their table is passed over anyway: an entity's own rows, or those grouped by one. */
static bool is_pass_for(const st_plan *p, const st_fill *f, uint32_t table)
{
    if (f->kind == ST_FILL_STEP || f->stage < p->stage[p->ir->unseen[table]]) return false;
    st_ground place = st_fill_pass(p, f);
    return st_place_table(p, place) == table && st_place_is_view(p, place) == (p->ir->population[table] == 0);
}

static void place_notes(st_plan *p)
{
    for (uint32_t t = 0; t < p->ir->program->ntables; t++) {
        const st_fill *best = NULL;
        for (uint32_t i = 0; p->ir->unseen[t] && i < p->fills.n; i++) {
            const st_fill *f = &p->fills.p[i];
            if (is_pass_for(p, f, t) && (!best || f->stage < best->stage)) best = f;
        }
        if (!best) continue;
        *st_push(p->arena, &p->notes) = (st_plan_note){p->ir->unseen[t], st_fill_pass(p, best), best->stage,
                                                       p->ir->program->tables[t], NULL};
    }
}

/* Rows on a list are counted where their table is passed over anyway, so that the report can say how many keys nobody has. */
static void place_list_notes(st_plan *p, const bool *live)
{
    for (st_ir_id id = 1; id < p->ir->nodes.n; id++) {
        const st_ir_node *n = st_ir_at(p->ir, id);
        const st_fill *best = NULL;
        if (n->op != ST_IR_LISTED || !live[id]) continue;
        for (uint32_t i = 0; i < p->fills.n; i++) {
            const st_fill *f = &p->fills.p[i];
            bool over = f->kind != ST_FILL_STEP && st_fill_pass(p, f) == (st_ground)n->domain;
            if (over && (!best || f->stage < best->stage)) best = f;
        }
        if (!best) continue;
        const st_program *program = p->ir->program;
        *st_push(p->arena, &p->notes) = (st_plan_note){id, (st_ground)n->domain, best->stage,
                                                       program->tables[n->domain], program->defs[n->k]};
    }
}

/* ---- the whole ---- */

static const char *name_of(st_plan *p, const st_ir_output *o)
{
    return o->is_field ? st_format(p->arena, "%s.%s", o->def->name, st_ir_field_names[o->field])
                       : o->def->name;
}

static void need_output(st_plan *p, st_ir_id id, uint32_t table, uint32_t last, const char *name)
{
    const st_ir_node *n = st_ir_at(p->ir, id);
    st_fill *f;
    if (st_is_result(n) && n->op != ST_IR_THRESHOLD)
        f = need(p, id, table, last - 1);
    else
        f = need(p, id, table, last);
    if (!f->name) f->name = name;
}

/* By table: the stage in which everything that it gives to the outside can be stored, and so is stored together. */
static uint32_t *last_stages(const st_plan *p)
{
    const st_ir *ir = p->ir;
    uint32_t *last = st_new_n(p->arena, uint32_t, ir->program->ntables);
    for (uint32_t t = 0; t < ir->program->ntables; t++)
        if (ir->population[t]) last[t] = p->stage[ir->population[t]];
    for (uint32_t i = 0; i < ir->outputs.n; i++) {
        const st_ir_output *o = &ir->outputs.p[i];
        uint32_t *stage = &last[o->def->of->index];
        *stage = ST_MAX(*stage, p->stage[o->value]);
        if (o->known) *stage = ST_MAX(*stage, p->stage[o->known]);
    }
    return last;
}

static uint32_t count_stages(const st_plan *p)
{
    uint32_t last = 0;
    st_ir_ids roots = {0};
    st_ir_roots(p->arena, p->ir, &roots);
    for (uint32_t i = 0; i < roots.n; i++) last = ST_MAX(last, p->stage[roots.p[i]]);
    return last + 1;
}

static void need_outputs(st_plan *p)
{
    const st_ir *ir = p->ir;
    const uint32_t *last = last_stages(p);
    for (uint32_t t = 0; t < ir->program->ntables; t++)
        if (ir->population[t]) need_output(p, ir->population[t], t, last[t], "population");
    for (uint32_t i = 0; i < ir->outputs.n; i++) {
        const st_ir_output *o = &ir->outputs.p[i];
        uint32_t table = o->def->of->index;
        const char *name = name_of(p, o);
        need_output(p, o->value, table, last[table], name);
        if (o->known) need_output(p, o->known, table, last[table], st_format(p->arena, "%s known", name));
    }
}

st_plan *st_plan_new(st_arena *a, const st_ir *ir)
{
    st_plan *p = st_new(a, st_plan);
    p->arena = a;
    p->ir = ir;
    p->nplaces = ir->program->ntables + ir->paths.n;
    p->stage = st_new_n(a, uint32_t, ir->nodes.n);
    p->late = st_new_n(a, bool, ir->nodes.n);
    p->setup = st_new_n(a, bool, ir->nodes.n);
    p->seen = st_new_n(a, uint32_t, ir->nodes.n);
    p->views = st_new_n(a, st_view_info, ir->paths.n);
    st_map_init(&p->fill_index, a);
    find_stages(p);
    find_views(p, st_ir_live(a, ir));
    find_stages(p);
    find_late(p);
    p->nstages = count_stages(p);
    p->filled = st_alloc_array(a, p->nstages, sizeof *p->filled);
    p->pending = st_alloc_array(a, p->nplaces, sizeof *p->pending);
    need_outputs(p);
    for (uint32_t i = 0; i < ir->checks.n; i++) {
        p->setup[ir->checks.p[i].inner] |= !is_literal(st_ir_at(ir, ir->checks.p[i].inner));
        p->setup[ir->checks.p[i].outer] |= !is_literal(st_ir_at(ir, ir->checks.p[i].outer));
    }
    for (uint32_t i = 0; i < ir->paths.n; i++) {
        const st_view_info *v = &p->views[i];
        if (v->used && v->ordered && !st_is_direct(p, v->time))
            need(p, v->time, st_ir_path_from(ir->paths.p[i])->index, p->stage[v->time]);
    }
    for (uint32_t s = p->nstages; s-- > 0;) need_for_stage(p, s);
    place_notes(p);
    place_list_notes(p, st_ir_live(a, ir));
    for (uint32_t s = p->nstages; s-- > 0;) need_for_stage(p, s); /* what the notes read, too */
    return p;
}
