/* Passes: row code over the batches of a table or a view, in parallel. */
#include "vm/parts.h"

enum { BATCHES_A_TASK = 16, BATCHES_UNTIMED = 7 /* between two that are, where costs are asked for */ };

/* ---- frames ---- */

static void open_folds(st_frame *f, st_arena *a)
{
    const st_view *v = f->pass->view;
    size_t most = ST_VM_BATCH + 1;
    for (uint32_t i = 0; i < v->nparts; i++)
        most = ST_MAX(most, (size_t)v->parts[i].entity1 - v->parts[i].entity0);
    f->pieces = st_pieces_new(a, v);
    f->found = st_alloc_raw(a, most * sizeof *f->found);
    f->bests = st_alloc_raw(a, most * sizeof *f->bests);
}

/* Large results that no later step reads are written past the caches. */
void st_frame_slots(st_frame *f, const st_slot *slots)
{
    enum { LARGE = 1 << 20 };
    f->slots = slots;
    for (uint32_t i = 0; i < f->pass->nsinks; i++) {
        uint32_t slot = f->pass->sink_slots[i];
        const st_slot *s = &slots[slot];
        f->sinks[i] = (st_sink){s->data, !f->vm->slot_reader[slot] && !s->arena && s->rows >= LARGE};
    }
}

st_frame *st_frame_new(st_arena *a, const st_pass *pass)
{
    enum { WORDS = ST_VM_BATCH / 64 };
    st_frame *f = st_new(a, st_frame);
    f->pass = pass;
    f->vm = pass->vm;
    f->env = st_arena_env(a);
    f->scalars = pass->vm->scalars;
    f->sinks = st_new_n(a, st_sink, pass->nsinks + 1);
    st_frame_slots(f, pass->vm->slots);
    f->stride = pass->batch / 64;
    f->p = st_alloc_raw(a, ((size_t)pass->code.npred + 1) * f->stride * sizeof(uint64_t));
    f->v = st_new_n(a, st_reg, pass->code.nval + 1);
    for (uint32_t i = 0; i < pass->code.nval; i++) {
        f->v[i].buf = st_alloc_raw(a, (size_t)pass->width[i] * ST_VM_BATCH);
        f->v[i].kbuf = st_alloc_raw(a, WORDS * sizeof(uint64_t));
        f->v[i].nbuf = st_alloc_raw(a, ST_VM_BATCH * sizeof(uint32_t));
    }
    f->all = st_alloc_raw(a, WORDS * sizeof(uint64_t));
    f->outs = st_new_n(a, uint64_t *, pass->most_outs + 1);
    f->sink_counts = st_alloc_raw(a, ((size_t)pass->nsinks + 1) * ST_COUNT_LANES * sizeof *f->sink_counts);
    memset(f->sink_counts, 0, pass->nsinks * ST_COUNT_LANES * sizeof *f->sink_counts);
    f->bits = st_alloc_raw(a, WORDS * sizeof(uint64_t));
    f->more_bits = st_alloc_raw(a, WORDS * sizeof(uint64_t));
    f->temp[0] = st_alloc_raw(a, ST_VM_BATCH * sizeof(st_i128));
    f->temp[1] = st_alloc_raw(a, ST_VM_BATCH * sizeof(st_i128));
    f->linked = st_new_n(a, int32_t *, pass->nindexes + 1);
    f->linked_ready = st_new_n(a, bool, pass->nindexes + 1);
    for (uint32_t i = 0; i < pass->nindexes; i++)
        f->linked[i] = st_alloc_raw(a, ST_VM_BATCH * sizeof(int32_t));
    if (pass->nfolds) open_folds(f, a);
    f->folds = st_new_n(a, st_fold, pass->nfolds + 1);
    f->notes = st_new_n(a, uint64_t, pass->vm->bc->notes.n + 1);
    return f;
}

void st_frame_part_begins(st_frame *f, const st_view_part *part)
{
    if (f->pass->nfolds) st_pieces_begin(f->pieces, part);
    memset(f->folds, 0, f->pass->nfolds * sizeof *f->folds);
}

static void run_block(st_frame *f, const st_block *b)
{
    if (b->leaves) {
        st_leaves_run(f, b->leaves);
        return;
    }
    if (b->logic) {
        f->vm->k->logic(b->logic, b->nlogic, f->p, f->stride, f->all, f->words, f->sinks, f->start / 64,
                        f->sink_counts);
        return;
    }
    if (b->guarded) {
        st_guard_run(f, b->first);
        return;
    }
    const st_prep *q = &f->pass->prep[b->first];
    for (uint32_t k = 0; k < q->nwide; k++) st_settle(f, &f->v[q->wide[k]]);
    st_exec(f, &f->vm->bc->code.p[f->pass->code.first + b->first], q);
}

static void time_blocks(st_frame *f)
{
    uint64_t begin = st_ticks();
    for (uint32_t i = 0; i < f->pass->nblocks; i++) {
        run_block(f, &f->pass->blocks[i]);
        uint64_t now = st_ticks();
        f->ticks[i] += now - begin;
        begin = now;
    }
}

void st_frame_run(st_frame *f, uint64_t start, uint32_t n, const st_view_part *part)
{
    const st_pass *pass = f->pass;
    f->start = start;
    if (f->n != n) {
        f->n = n;
        f->words = (n + 63) / 64;
        f->tail = n % 64 ? UINT64_MAX >> (64 - n % 64) : UINT64_MAX;
        memset(f->all, 0xff, f->words * sizeof *f->all);
        f->all[f->words - 1] = f->tail;
    }
    f->part = part;
    if (part) {
        f->view_rows = part->base >= 0 ? NULL : pass->view->rows + start;
        f->base = part->base >= 0 ? part->base + (int64_t)(start - part->at) : -1;
        memset(f->linked_ready, 0, pass->nindexes * sizeof *f->linked_ready);
        if (pass->nfolds) st_pieces_next(f->pieces, pass->view, part, start, n);
    }
    if (f->ticks && f->untimed-- == 0) {
        f->untimed = BATCHES_UNTIMED;
        time_blocks(f);
        return;
    }
    for (uint32_t i = 0; i < pass->nblocks; i++) run_block(f, &pass->blocks[i]);
}

/* ---- rows ---- */

void st_frame_rows(st_frame *f, uint64_t from, uint64_t to, st_env *env)
{
    uint64_t size = f->pass->batch;
    f->env = env;
    for (uint64_t at = from; at < to; at += size) st_frame_run(f, at, (uint32_t)ST_MIN(size, to - at), NULL);
}

void st_frame_part(st_frame *f, const st_view_part *part, st_env *env)
{
    uint64_t size = f->pass->batch;
    f->env = env;
    st_frame_part_begins(f, part);
    if (!part->n) st_fold_nothing(f, part);
    for (uint64_t at = 0; at < part->n; at += size)
        st_frame_run(f, part->at + at, (uint32_t)ST_MIN(size, part->n - at), part);
}

static void collect(st_vm *vm, const st_frame *f)
{
    for (uint32_t i = 0; i < f->pass->nsinks; i++)
        for (uint32_t k = 0; k < ST_COUNT_LANES; k++)
            vm->slot_count[f->pass->sink_slots[i]] += f->sink_counts[i * ST_COUNT_LANES + k];
    st_counts_add(&vm->counts, &f->counts);
    for (uint32_t i = 0; i < vm->bc->notes.n; i++) vm->notes[i] += f->notes[i];
}

st_frame **st_pass_frames(st_arena *a, const st_pass *pass, uint32_t threads)
{
    st_frame **frames = st_new_n(a, st_frame *, threads + 1);
    for (uint32_t t = 0; t < threads; t++) {
        frames[t] = st_frame_new(a, pass);
        if (pass->vm->costs) frames[t]->ticks = st_new_n(a, uint64_t, pass->nblocks + 1);
    }
    return frames;
}

void st_pass_collect(st_vm *vm, const st_pass *pass, st_frame *const *frames, uint32_t threads,
                     double seconds)
{
    for (uint32_t t = 0; t < threads; t++) collect(vm, frames[t]);
    if (!vm->costs || !threads) return;
    for (uint32_t t = 1; t < threads; t++)
        for (uint32_t i = 0; i < pass->nblocks; i++) frames[0]->ticks[i] += frames[t]->ticks[i];
    st_profile_pass(vm, pass, frames[0]->ticks, seconds);
}

/* ---- the steps ---- */

typedef struct pass_job {
    const st_pass *pass;
    st_frame **frames; /* by worker */
    uint64_t rows, task_rows;
} pass_job;

static void run_batches(void *ctx, uint64_t task, st_env *env)
{
    const pass_job *j = ctx;
    uint64_t from = task * j->task_rows;
    st_frame_rows(j->frames[env->worker], from, ST_MIN(j->rows, from + j->task_rows), env);
}

static void run_part(void *ctx, uint64_t task, st_env *env)
{
    const pass_job *j = ctx;
    st_frame_part(j->frames[env->worker], &j->pass->view->parts[task], env);
}

void st_step_pass(st_vm *vm, const st_bc_step *s)
{
    st_arena *a = st_arena_new(vm->env);
    const st_pass *pass = st_pass_prepare(vm, a, &s->code, s->domain, false, ST_BC_NONE);
    pass_job j = {.pass = pass, .task_rows = (uint64_t)pass->batch * BATCHES_A_TASK};
    j.rows = pass->view ? 0 : vm->data->tables[s->domain].rows;
    uint64_t tasks = pass->view ? pass->view->nparts : (j.rows + j.task_rows - 1) / j.task_rows;
    uint32_t threads = (uint32_t)ST_MIN(vm->threads, tasks);
    j.frames = st_pass_frames(a, pass, threads);
    double begin = vm->costs ? st_seconds() : 0;
    st_parallel(vm->env, threads, tasks, pass->view ? run_part : run_batches, &j);
    st_pass_collect(vm, pass, j.frames, threads, vm->costs ? st_seconds() - begin : 0);
    st_arena_free(a);
}

void st_step_setup(st_vm *vm, const st_bc_step *s)
{
    /* Texts that scalars are set to live as long as the run: so do the dictionaries they point into. */
    const st_pass *pass = st_pass_prepare(vm, vm->arena, &s->code, 0, true, ST_BC_NONE);
    st_frame *f = st_frame_new(vm->arena, pass);
    st_frame_run(f, 0, 1, NULL);
    collect(vm, f);
}
