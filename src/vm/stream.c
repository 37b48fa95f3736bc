/* Steps about one entity that run together, part by part: passes over a view, questions about its groups, and passes over the entity's
 * table. What one of them makes for the next alone is windowed: it lies in a buffer of the thread, as large as the largest part, and
 * never in memory for the whole population. The buffer stands in a table of slots of the thread's own, moved so that the rows of the part
 * in hand have the numbers they always have; so the steps do not know the difference. */
#include "vm/parts.h"

/* ---- which steps ---- */

/* What the steps found so far have in common. */
typedef struct stretch {
    const st_bc *b;
    const st_vm *vm;
    uint32_t first;
    uint32_t view, table; /* ST_BC_NONE: not known yet */
} stretch;

/* Whether the slot is made by the steps before of the stretch. */
static bool is_made_within(const stretch *s, uint32_t slot, uint32_t step)
{
    uint32_t writer = s->vm->slot_writer[slot];
    return writer > s->first && writer <= step;
}

/* Whether the input asks for other rows than that of the domain: then all of the slot has to be there. */
static bool reaches_out(const stretch *s, uint32_t input, uint32_t step)
{
    if (input == ST_BC_NONE) return false;
    const st_bc_input *in = &s->b->inputs.p[input];
    if (!in->is_slot || !is_made_within(s, in->id, step)) return false;
    return in->index != ST_BC_NONE || s->b->slots.p[in->id].domain != in->domain;
}

static bool code_reaches_out(const stretch *s, const st_bc_code *c, uint32_t step)
{
    for (uint32_t i = 0; i < c->n; i++) {
        const st_bc_instr *in = &s->b->code.p[c->first + i];
        for (uint32_t k = 0; k < 5; k++) {
            st_bc_operand kind = st_bc_opcodes[in->op].kinds[k];
            if (kind >= ST_K_INPUT_T && kind <= ST_K_INPUT_KEY && reaches_out(s, in->a[k], step)) return true;
        }
    }
    return false;
}

/* A view is put in order before its first part is begun, by inputs over its table. */
static bool order_reaches_out(const stretch *s, uint32_t view, uint32_t step)
{
    const st_bc_view *v = &s->b->views.p[view];
    for (uint32_t k = 0; k <= v->nties; k++) {
        uint32_t input = k < v->nties ? v->ties[k] : v->order;
        if (input == ST_BC_NONE) continue;
        const st_bc_input *in = &s->b->inputs.p[input];
        if (in->is_slot && is_made_within(s, in->id, step)) return true;
    }
    return false;
}

/* The last rows are those by the view's order. */
static bool step_reaches_out(const stretch *s, const st_bc_step *x, uint32_t step)
{
    if (x->kind == ST_STEP_PASS) return code_reaches_out(s, &x->code, step);
    return x->kind != ST_STEP_LAST_N && reaches_out(s, x->value, step);
}

/* Whether the step can be the next of the stretch. */
static bool takes(stretch *s, uint32_t step)
{
    const st_bc_step *x = &s->b->steps.p[step];
    if (x->kind != ST_STEP_PASS && !st_is_group(x)) return false;
    uint32_t table = x->domain, view = ST_BC_NONE;
    if (ST_BC_IS_VIEW(x->domain)) {
        view = ST_BC_VIEW_ID(x->domain);
        table = st_bc_entity_of(s->b, view);
        if (s->view != ST_BC_NONE && s->view != view) return false;
        if (order_reaches_out(s, view, step)) return false;
    }
    if (s->table != ST_BC_NONE && s->table != table) return false;
    if (step_reaches_out(s, x, step)) return false;
    if (view != ST_BC_NONE) s->view = view;
    s->table = table;
    return true;
}

/* ---- which slots ---- */

/* Whether of an output only what can be counted part by part is asked for. */
static bool is_countable(const st_vm *vm, uint32_t slot, uint32_t last)
{
    if (!vm->slot_counts[slot]) return false;
    if (vm->bc->slots.p[slot].type == ST_BC_BOOL) return vm->slot_stored[slot];
    uint32_t population = vm->bc->population[vm->bc->slots.p[slot].domain];
    return population != ST_BC_NONE && vm->slot_writer[population] <= last + 1;
}

static bool is_windowed(const st_vm *vm, uint32_t slot, uint32_t first, uint32_t last)
{
    if (vm->slot_writer[slot] <= first || vm->slot_writer[slot] > last + 1) return false;
    if (vm->slot_reader[slot] > last + 1 || vm->slot_counted[slot]) return false;
    return vm->slot_last[slot] != UINT32_MAX || is_countable(vm, slot, last);
}

/* Returns the last step of the stretch from `first`, which is streamed where that keeps a slot out of memory. */
static uint32_t plan_stretch(st_vm *vm, uint32_t first)
{
    stretch s = {vm->bc, vm, first, ST_BC_NONE, ST_BC_NONE};
    uint32_t last = first;
    if (!takes(&s, first)) return first;
    while (last + 1 < vm->bc->steps.n && takes(&s, last + 1)) last++;
    if (s.view == ST_BC_NONE) return last;
    for (uint32_t i = 0; i < vm->bc->slots.n; i++) {
        if (!is_windowed(vm, i, first, last)) continue;
        vm->slot_windowed[i] = true;
        vm->stream_end[first] = last + 1;
    }
    return last;
}

void st_stream_plan(st_vm *vm)
{
    for (uint32_t i = 0; i < vm->bc->steps.n; i++) i = plan_stretch(vm, i);
}

/* ---- running ---- */

/* A step made ready: of a pass its code and frames, else a question. */
typedef struct streamed {
    const st_pass *pass;
    st_frame **frames; /* by worker */
    const st_group *group;
} streamed;

/* The memory of a windowed slot. */
typedef struct buffer {
    void *data;
    uint64_t *known; /* NULL: BOOL */
} buffer;

typedef struct worker {
    st_slot *slots;
    buffer *buffers; /* by window */
    uint64_t *known; /* by window: rows that have a value, where they are counted */
    st_counts counts;
    uint64_t *ticks; /* by step */
} worker;

typedef struct stream {
    st_vm *vm;
    st_arena *arena;
    uint32_t first, nsteps;
    streamed *steps;
    const st_view *view;
    uint32_t nwindows;
    uint32_t *windows; /* slots */
    uint32_t threads;
    worker *workers;
} stream;

static void find_windows(stream *s)
{
    const st_vm *vm = s->vm;
    s->windows = st_new_n(s->arena, uint32_t, vm->bc->slots.n + 1);
    for (uint32_t i = 0; i < vm->bc->slots.n; i++)
        if (vm->slot_windowed[i] && vm->slot_writer[i] > s->first &&
            vm->slot_writer[i] <= s->first + s->nsteps)
            s->windows[s->nwindows++] = i;
}

static bool is_over_view(const stream *s, uint32_t slot)
{
    return ST_BC_IS_VIEW(s->vm->bc->slots.p[slot].domain);
}

/* Rows of the slot's domain in a part: so many from *from, a multiple of 64. */
static uint64_t rows_of(const stream *s, uint32_t slot, const st_view_part *part, uint64_t *from)
{
    bool over_view = is_over_view(s, slot);
    *from = over_view ? part->at : part->entity0;
    return over_view ? part->n : part->entity1 - part->entity0;
}

static buffer buffer_for(const stream *s, uint32_t slot)
{
    uint64_t most = 0, from;
    for (uint32_t i = 0; i < s->view->nparts; i++)
        most = ST_MAX(most, rows_of(s, slot, &s->view->parts[i], &from));
    buffer b = {st_alloc_raw(s->arena, st_slot_bytes(s->vm, slot, most)), NULL};
    if (s->vm->bc->slots.p[slot].type != ST_BC_BOOL)
        b.known = st_alloc_raw(s->arena, st_bitmap_bytes(most + 1));
    return b;
}

/* Where memory would begin for `p` to lie so many bytes behind. Never read there; as a number, for it points to nothing. */
static void *back(void *p, size_t bytes)
{
    return (void *)((uintptr_t)p - bytes); /* NOLINT */
}

/* The windowed slots as they are before the part is begun. */
static void open_part(const stream *s, worker *w, const st_view_part *part)
{
    for (uint32_t i = 0; i < s->nwindows; i++) {
        uint32_t slot = s->windows[i];
        const buffer *b = &w->buffers[i];
        uint64_t from, rows = rows_of(s, slot, part, &from);
        st_slot_clear(s->vm, slot, b->data, b->known, rows);
        w->slots[slot].data = back(b->data, st_slot_offset(s->vm, slot, from));
        w->slots[slot].known = b->known ? back(b->known, from / 8) : NULL;
    }
}

/* Of the values that are only counted: those of the population. Bitmaps are counted where they are stored. */
static void count_known(const stream *s, worker *w, const st_view_part *part)
{
    const st_vm *vm = s->vm;
    size_t at = part->entity0 / 64, words = (part->entity1 + 63) / 64 - at;
    for (uint32_t i = 0; i < s->nwindows; i++) {
        const st_bc_slot *decl = &vm->bc->slots.p[s->windows[i]];
        if (!vm->slot_counts[s->windows[i]] || decl->type == ST_BC_BOOL) continue;
        const uint64_t *population = w->slots[vm->bc->population[decl->domain]].data;
        w->known[i] += vm->k->popcount_and(w->slots[s->windows[i]].known + at, population + at, words);
    }
}

static void run_step(const stream *s, worker *w, uint32_t k, const st_view_part *part, st_env *env)
{
    const streamed *step = &s->steps[k];
    if (step->group) {
        st_group_part(step->group, w->slots, part, &w->counts, env);
        return;
    }
    st_frame *f = step->frames[env->worker];
    st_frame_slots(f, w->slots);
    if (step->pass->view)
        st_frame_part(f, part, env);
    else
        st_frame_rows(f, part->entity0, part->entity1, env);
}

static void run_part(void *ctx, uint64_t task, st_env *env)
{
    const stream *s = ctx;
    const st_view_part *part = &s->view->parts[task];
    worker *w = &s->workers[env->worker];
    uint64_t begin = s->vm->costs ? st_ticks() : 0;
    open_part(s, w, part);
    for (uint32_t k = 0; k < s->nsteps; k++) {
        run_step(s, w, k, part, env);
        if (!s->vm->costs) continue;
        uint64_t now = st_ticks();
        w->ticks[k] += now - begin;
        begin = now;
    }
    count_known(s, w, part);
}

/* ---- before and after ---- */

static void prepare_step(stream *s, uint32_t k)
{
    st_vm *vm = s->vm;
    const st_bc_step *x = &vm->bc->steps.p[s->first + k];
    double begin = vm->costs ? st_seconds() : 0;
    if (vm->costs) vm->cost = &vm->costs[s->first + k];
    if (x->kind == ST_STEP_PASS)
        s->steps[k].pass = st_pass_prepare(vm, s->arena, &x->code, x->domain, false, ST_BC_NONE);
    else
        s->steps[k].group = st_group_prepare(vm, s->arena, x);
    if (ST_BC_IS_VIEW(x->domain)) s->view = st_view_get(vm, ST_BC_VIEW_ID(x->domain));
    if (vm->costs) vm->cost->seconds = st_seconds() - begin;
}

/* Frames and slots of the threads, when all slots are open that stay in memory. */
static void open_workers(stream *s)
{
    st_vm *vm = s->vm;
    s->threads = (uint32_t)ST_MIN(vm->threads, s->view->nparts);
    s->workers = st_new_n(s->arena, worker, s->threads + 1);
    for (uint32_t k = 0; k < s->nsteps; k++)
        if (s->steps[k].pass) s->steps[k].frames = st_pass_frames(s->arena, s->steps[k].pass, s->threads);
    for (uint32_t t = 0; t < s->threads; t++) {
        worker *w = &s->workers[t];
        w->slots = st_new_n(s->arena, st_slot, vm->bc->slots.n + 1);
        memcpy(w->slots, vm->slots, vm->bc->slots.n * sizeof *w->slots);
        w->buffers = st_new_n(s->arena, buffer, s->nwindows + 1);
        for (uint32_t i = 0; i < s->nwindows; i++) w->buffers[i] = buffer_for(s, s->windows[i]);
        w->known = st_new_n(s->arena, uint64_t, s->nwindows + 1);
        w->ticks = st_new_n(s->arena, uint64_t, s->nsteps + 1);
    }
}

/* The seconds of the steps, as their ticks on all threads say. */
static void share_out(const stream *s, double seconds, double *shares)
{
    double all = 0;
    for (uint32_t k = 0; k < s->nsteps; k++) {
        for (uint32_t t = 0; t < s->threads; t++) shares[k] += (double)s->workers[t].ticks[k];
        all += shares[k];
    }
    for (uint32_t k = 0; k < s->nsteps; k++) shares[k] = all > 0 ? seconds * shares[k] / all : 0;
}

static void collect(stream *s, double seconds)
{
    st_vm *vm = s->vm;
    double *shares = st_new_n(s->arena, double, s->nsteps + 1);
    share_out(s, seconds, shares);
    for (uint32_t k = 0; k < s->nsteps; k++) {
        const streamed *step = &s->steps[k];
        if (vm->costs) {
            vm->cost = &vm->costs[s->first + k];
            vm->cost->seconds += shares[k];
        }
        if (step->pass) st_pass_collect(vm, step->pass, step->frames, s->threads, shares[k]);
    }
    for (uint32_t t = 0; t < s->threads; t++) {
        st_counts_add(&vm->counts, &s->workers[t].counts);
        for (uint32_t i = 0; i < s->nwindows; i++) vm->slot_count[s->windows[i]] += s->workers[t].known[i];
    }
}

void st_stream_run(st_vm *vm, uint32_t first)
{
    stream s = {.vm = vm, .arena = st_arena_new(vm->env), .first = first};
    s.nsteps = vm->stream_end[first] - first;
    s.steps = st_new_n(s.arena, streamed, s.nsteps);
    for (uint32_t k = 0; k < s.nsteps; k++) prepare_step(&s, k);
    find_windows(&s);
    open_workers(&s);
    double begin = vm->costs ? st_seconds() : 0;
    st_parallel(vm->env, s.threads, s.view->nparts, run_part, &s);
    collect(&s, vm->costs ? st_seconds() - begin : 0);
    st_arena_free(s.arena);
}
