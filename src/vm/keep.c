/* What later runs over the same data find made: views that depend on the data alone, and columns laid out in the order of a view.
 * Both belong to the data. Runs at the same time are kept apart by a lock, and what is once there is never changed.
 *
 * Columns that a run reads are laid out while its view is built, where the view's rows are dealt (view.c). Another is laid out when several
 * steps of a run read it through the view, or when an earlier run has left the view behind: then the next will come, too. */
#include "vm/parts.h"

typedef struct st_laid {
    struct st_laid *next;
    st_arena *arena;
    uint32_t col;
    void *values;
    uint8_t *known; /* NULL: all */
} st_laid;

/* Where a view comes from; columns in place of inputs. */
typedef struct st_kept_view {
    struct st_kept_view *next;
    st_bc_path path;
    uint32_t order, nties, *ties; /* ST_BC_NONE: no order */
    st_view *view;
} st_kept_view;

/* ---- views ---- */

/* A column of the view's own table. */
static bool is_plain(const st_vm *vm, uint32_t input)
{
    const st_bc_input *in = &vm->bc->inputs.p[input];
    return !in->is_slot && in->index == ST_BC_NONE;
}

static bool can_be_kept(const st_vm *vm, const st_bc_view *v)
{
    if (!vm->data->kept || (v->order != ST_BC_NONE && !is_plain(vm, v->order))) return false;
    for (uint32_t i = 0; i < v->nties; i++)
        if (!is_plain(vm, v->ties[i])) return false;
    return true;
}

static uint32_t column_of(const st_vm *vm, uint32_t input)
{
    return input == ST_BC_NONE ? ST_BC_NONE : vm->bc->inputs.p[input].id;
}

static bool is_same(const st_vm *vm, const st_bc_view *v, const st_kept_view *k)
{
    if (v->path.table != k->path.table || v->path.n != k->path.n || v->nties != k->nties ||
        column_of(vm, v->order) != k->order)
        return false;
    for (uint32_t i = 0; i < v->path.n; i++)
        if (v->path.cols[i] != k->path.cols[i]) return false;
    for (uint32_t i = 0; i < v->nties; i++)
        if (column_of(vm, v->ties[i]) != k->ties[i]) return false;
    return true;
}

static st_view *find_kept(const st_vm *vm, const st_keeper *all, const st_bc_view *v)
{
    for (const st_kept_view *k = all->views; k; k = k->next)
        if (is_same(vm, v, k)) return k->view;
    return NULL;
}

st_view *st_view_kept(st_vm *vm, uint32_t id)
{
    const st_bc_view *v = &vm->bc->views.p[id];
    if (!can_be_kept(vm, v)) return NULL;
    st_keeper *all = vm->data->kept;
    pthread_mutex_lock(&all->lock);
    st_view *found = find_kept(vm, all, v);
    pthread_mutex_unlock(&all->lock);
    return found;
}

static st_kept_view *describe(const st_vm *vm, const st_bc_view *v, st_view *view)
{
    st_arena *a = view->arena;
    st_kept_view *k = st_new(a, st_kept_view);
    k->view = view;
    k->path = (st_bc_path){v->path.table, v->path.n, st_new_n(a, uint32_t, v->path.n + 1)};
    memcpy(k->path.cols, v->path.cols, v->path.n * sizeof *v->path.cols);
    k->order = column_of(vm, v->order);
    k->nties = v->nties;
    k->ties = st_new_n(a, uint32_t, v->nties + 1);
    for (uint32_t i = 0; i < v->nties; i++) k->ties[i] = column_of(vm, v->ties[i]);
    return k;
}

static void free_view(st_view *view)
{
    for (st_laid *l = view->laid, *next; l; l = next) {
        next = l->next;
        st_arena_free(l->arena);
    }
    st_arena_free(view->arena);
}

void st_view_give_back(st_vm *vm, uint32_t id)
{
    st_view *view = vm->views[id];
    const st_bc_view *v = &vm->bc->views.p[id];
    vm->views[id] = NULL;
    if (view->kept) return;
    if (!can_be_kept(vm, v)) {
        free_view(view);
        return;
    }
    st_kept_view *k = describe(vm, v, view);
    st_keeper *all = vm->data->kept;
    pthread_mutex_lock(&all->lock);
    bool keep = !find_kept(vm, all, v) && st_arena_move(view->arena, vm->data->arena);
    /* a column for which there is no room goes */
    for (st_laid **l = &view->laid; keep && *l;) {
        st_laid *laid = *l;
        if (st_arena_move(laid->arena, vm->data->arena)) {
            l = &laid->next;
        } else {
            *l = laid->next;
            st_arena_free(laid->arena);
        }
    }
    if (keep) {
        view->kept = true;
        k->next = all->views;
        all->views = k;
    }
    pthread_mutex_unlock(&all->lock);
    if (!keep) free_view(view);
}

/* ---- columns in the order of a view ---- */

typedef struct lay_job {
    const st_vm *vm;
    const st_view *view;
    const st_narrow *from; /* NULL: the values are there */
    const uint8_t *known;
    const st_laid *to;
} lay_job;

static void lay_part(void *ctx, uint64_t task, st_env *env)
{
    (void)env;
    const lay_job *j = ctx;
    const st_kernels *k = j->vm->k;
    const st_view_part *p = &j->view->parts[task];
    const int32_t *rows = j->view->rows + p->at;
    if (j->known) k->gather_bits(j->known, rows, p->n, (uint64_t *)(void *)(j->to->known + p->at / 8));
    if (!j->from) return;
    const void *from = j->from->data;
    char *out = (char *)j->to->values + p->at * j->from->bytes;
    switch (j->from->bytes) {
    case 1: k->gather_u8(from, rows, p->n, (void *)out); break;
    case 2: k->gather_u16(from, rows, p->n, (void *)out); break;
    default: k->gather_i32(from, rows, p->n, (void *)out); break;
    }
}

/* Room for a column in the view's order. */
static st_laid *open_laid(st_vm *vm, const st_view *view, const st_narrow *from, const uint8_t *known,
                          uint32_t col)
{
    st_arena *a = st_arena_new(vm->env);
    st_laid *l = st_new(a, st_laid);
    l->arena = a;
    l->col = col;
    l->values = st_alloc_raw(a, (view->size + 64) * from->bytes);
    if (known) l->known = st_alloc_raw(a, st_bitmap_bytes(view->size + 64));
    return l;
}

static st_laid *lay_out(st_vm *vm, const st_feed *s, uint32_t col)
{
    st_laid *l = open_laid(vm, s->view, &s->narrow, s->known, col);
    lay_job j = {vm, s->view, &s->narrow, s->known, l};
    st_parallel(vm->env, vm->threads, s->view->nparts, lay_part, &j);
    return l;
}

static st_laid *find_laid(const st_view *view, uint32_t col)
{
    st_laid *l = view->laid;
    while (l && l->col != col) l = l->next;
    return l;
}

/* The data's from now on, unless another run was faster, or there is no room: then NULL. */
static st_laid *keep_laid(st_vm *vm, st_view *view, st_laid *l)
{
    st_keeper *all = vm->data->kept;
    pthread_mutex_lock(&all->lock);
    st_laid *there = find_laid(view, l->col);
    if (!there && st_arena_move(l->arena, vm->data->arena)) {
        l->next = view->laid;
        view->laid = there = l;
    }
    pthread_mutex_unlock(&all->lock);
    if (there != l) st_arena_free(l->arena);
    return there;
}

static st_laid *laid_of(st_vm *vm, st_view *view, const st_feed *s, uint32_t input)
{
    uint32_t col = vm->bc->inputs.p[input].id;
    st_keeper *all = vm->data->kept;
    if (view->kept) pthread_mutex_lock(&all->lock);
    st_laid *l = find_laid(view, col);
    if (view->kept) pthread_mutex_unlock(&all->lock);
    if (l || (!view->kept && vm->input_steps[input] < 2)) return l;
    l = lay_out(vm, s, col);
    if (view->kept) return keep_laid(vm, view, l);
    l->next = view->laid;
    return view->laid = l;
}

uint32_t st_lay_begin(st_vm *vm, uint32_t id, st_view *v, st_stream *streams)
{
    uint32_t n = 0, table = vm->bc->views.p[id].path.table;
    for (uint32_t i = 0; i < vm->bc->inputs.n; i++) {
        const st_bc_input *in = &vm->bc->inputs.p[i];
        if (in->domain != ST_BC_VIEW(id) || !is_plain(vm, i) || !vm->input_steps[i]) continue;
        const st_data_table *t = &vm->data->tables[table];
        const st_column *c = t->columns ? &t->columns[in->id] : NULL;
        if (!c || !c->decl || !c->narrow.data || c->list || find_laid(v, in->id)) continue;
        st_laid *l = open_laid(vm, v, &c->narrow, c->known, in->id);
        l->next = v->laid;
        v->laid = l;
        streams[n++] = (st_stream){c->narrow.data, l->values, c->narrow.bytes};
    }
    return n;
}

void st_lay_end(st_vm *vm, uint32_t id, st_view *v)
{
    const st_data_table *t = &vm->data->tables[vm->bc->views.p[id].path.table];
    for (const st_laid *l = v->laid; l; l = l->next) {
        if (!l->known) continue;
        lay_job j = {vm, v, NULL, t->columns[l->col].known, l};
        st_parallel(vm->env, vm->threads, v->nparts, lay_part, &j);
    }
}

void st_feed_lay(st_vm *vm, st_feed *s, uint32_t input)
{
    const st_bc_input *in = &vm->bc->inputs.p[input];
    if (!s->view || s->index || in->is_slot || !s->narrow.data || s->list || !s->view->rows) return;
    const st_laid *l = laid_of(vm, vm->views[ST_BC_VIEW_ID(in->domain)], s, input);
    if (!l) return;
    s->view = NULL;
    s->data = NULL;
    s->zones = NULL; /* they are of rows in the table's order */
    s->narrow.data = l->values;
    s->known = l->known;
}
