/* Sequences: can rows be chosen that fit the steps, each later than the one before?
 *
 * From a chosen row at time s, the next one may stand in (s, R]: R is the limit of its `within`, and the first row of every `no`
 * between (strictly between is forbidden, so the time of that row itself is allowed). Where no step refers to chosen rows, one
 * sweep a step finds every time that can be reached. Where some do, rows are tried in order of time, and what has failed
 * is remembered by what the rest depends on: the time and the bound values. */
#include "vm/parts.h"

/* A step made ready. */
typedef struct step {
    const st_bc_seq_step *decl;
    const st_view *v;
    const uint8_t *filter; /* NULL: all rows */
    st_feed time;
    st_feed *eq, *bind;
    const st_pass *cond; /* NULL: none */
} step;

typedef struct sequence_job {
    st_vm *vm;
    const st_bc_sequence *q;
    step *steps;
    uint32_t first; /* the first step that chooses */
    bool refers;    /* some step refers to chosen rows */
    int64_t until;
    const st_slot *out;
} sequence_job;

/* The rows of a step for the entity in hand that fit by themselves, in order of time. */
typedef struct rows_of_step {
    const st_view_part *part;
    uint32_t n;
    int64_t *times;
    uint64_t *rows;   /* view rows */
    uint64_t *hashes; /* with eq: hash of the values and place, ascending, for long lists; NULL: not made */
    uint32_t *places;
} rows_of_step;

typedef struct search {
    const sequence_job *j;
    st_arena *a; /* of the entity */
    rows_of_step *rows;
    st_scalar *scalars;
    st_frame **frames; /* by step, for conditions */
    uint64_t *chunk;   /* by step: view row where the evaluated piece begins; UINT64_MAX: none */
    st_map failed;
} search;

/* ---- rows ---- */

static void find_rows(search *q, uint32_t k, uint32_t entity)
{
    const step *s = &q->j->steps[k];
    rows_of_step *out = &q->rows[k];
    uint64_t from, to;
    *out = (rows_of_step){0};
    if (entity >= s->v->entities) return;
    out->part = st_view_range(s->v, entity, &from, &to);
    if (from == to) return;
    out->times = st_alloc_raw(q->a, (to - from) * sizeof *out->times);
    out->rows = st_alloc_raw(q->a, (to - from) * sizeof *out->rows);
    for (uint64_t r = from; r < to; r++) {
        if (s->filter && !st_bit(s->filter, r)) continue;
        int64_t row = st_feed_row(&s->time, out->part, r);
        if (!st_feed_known(&s->time, row)) continue;
        out->times[out->n] = st_feed_i64(&s->time, row);
        out->rows[out->n++] = r;
    }
}

/* The first place with a time after s. */
static uint32_t first_after(const rows_of_step *r, int64_t s)
{
    uint32_t low = 0, high = r->n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (r->times[mid] > s)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static int64_t limit_of(const sequence_job *j, const st_bc_seq_step *s, int64_t from)
{
    return s->has_within ? st_time_limit(j->vm, j->q->dates, from, s->within, s->within_unit) : INT64_MAX;
}

/* ---- without references: sweeps ---- */

/* How far the next chosen row may stand behind s, given the steps (k, next): the limit of `next` and the rows of every no. */
static int64_t reach(search *q, uint32_t k, uint32_t next, int64_t s)
{
    int64_t far = limit_of(q->j, q->j->steps[next].decl, s);
    for (uint32_t i = k + 1; i < next; i++) {
        const rows_of_step *no = &q->rows[i];
        uint32_t at = first_after(no, s);
        if (at < no->n && no->times[at] <= limit_of(q->j, q->j->steps[i].decl, s))
            far = ST_MIN(far, no->times[at]);
    }
    return far;
}

/* Whether every closing no behind step k holds for a last row at s. */
static bool closes(search *q, uint32_t k, int64_t s)
{
    for (uint32_t i = k + 1; i < q->j->q->nsteps; i++) {
        const st_bc_seq_step *decl = q->j->steps[i].decl;
        int64_t limit = limit_of(q->j, decl, s);
        if (decl->has_within && limit >= q->j->until) return false;
        const rows_of_step *no = &q->rows[i];
        uint32_t at = first_after(no, s);
        if (at < no->n && no->times[at] < q->j->until && no->times[at] <= limit) return false;
    }
    return true;
}

static uint32_t next_chosen(const sequence_job *j, uint32_t k)
{
    do k++;
    while (k < j->q->nsteps && j->steps[k].decl->kind == ST_SEQ_NO);
    return k;
}

/* Of the first chosen step those rows stay that no opening no forbids: none of its rows may be earlier. */
static void open_sweep(search *q, rows_of_step *r)
{
    int64_t until = INT64_MAX;
    for (uint32_t i = 0; i < q->j->first; i++)
        if (q->rows[i].n) until = ST_MIN(until, q->rows[i].times[0]);
    while (r->n > 0 && r->times[r->n - 1] > until) r->n--;
}

static bool sweep(search *q)
{
    const sequence_job *j = q->j;
    uint32_t k = j->first;
    open_sweep(q, &q->rows[k]);
    for (uint32_t next; (next = next_chosen(j, k)) < j->q->nsteps; k = next) {
        const rows_of_step *from = &q->rows[k];
        rows_of_step *to = &q->rows[next];
        uint32_t kept = 0, at = 0;
        int64_t far = INT64_MIN;
        for (uint32_t i = 0; i < to->n; i++) {
            for (; at < from->n && from->times[at] < to->times[i]; at++)
                far = ST_MAX(far, reach(q, k, next, from->times[at]));
            if (at > 0 && to->times[i] <= far) to->times[kept++] = to->times[i];
        }
        to->n = kept;
    }
    for (uint32_t i = 0; i < q->rows[k].n; i++)
        if (closes(q, k, q->rows[k].times[i])) return true;
    return false;
}

/* ---- with references: search ---- */

static bool same_value(st_bc_type type, const st_scalar *a, const st_scalar *b)
{
    if (a->missing || b->missing) return false;
    switch (type) {
    case ST_BC_BOOL: return a->as.b == b->as.b;
    case ST_BC_I128: return a->as.d == b->as.d;
    case ST_BC_F64: return a->as.f == b->as.f;
    case ST_BC_TEXT: return a->dict == b->dict ? a->code == b->code : st_str_eq(a->as.s, b->as.s);
    default: return a->as.i == b->as.i;
    }
}

static uint64_t hash_value(st_bc_type type, const st_scalar *s)
{
    switch (type) {
    case ST_BC_BOOL: return s->as.b;
    case ST_BC_I128: return st_hash_bytes(&s->as.d, sizeof s->as.d);
    case ST_BC_F64: {
        double x = s->as.f + 0.0;
        return st_hash_bytes(&x, sizeof x);
    }
    case ST_BC_TEXT: return st_hash_bytes(s->as.s.p, s->as.s.n);
    default: return st_hash_bytes(&s->as.i, sizeof s->as.i);
    }
}

/* Hash of the values that a row must have, or has; *missing: none can be equal. */
static uint64_t hash_of(search *q, uint32_t k, uint64_t view_row, bool wanted, bool *missing)
{
    const step *s = &q->j->steps[k];
    uint64_t h = 0;
    *missing = false;
    for (uint32_t i = 0; i < s->decl->neq; i++) {
        st_scalar v = wanted ? q->scalars[s->decl->eq[i].scalar]
                             : st_feed_scalar(&s->eq[i], st_feed_row(&s->eq[i], q->rows[k].part, view_row));
        *missing |= v.missing;
        if (!v.missing) h = (h ^ hash_value(s->eq[i].type, &v)) * UINT64_C(0x9e3779b97f4a7c15);
    }
    return h;
}

enum { LONG_LIST = 64 };

typedef struct hashed {
    const uint64_t *hashes;
} hashed;

static int by_hash(const void *ctx, int32_t a, int32_t b)
{
    const uint64_t *h = ((const hashed *)ctx)->hashes;
    return (h[a] > h[b]) - (h[a] < h[b]);
}

/* Long lists get an index by hash: places with one hash stand together, in order of time. */
static void index_rows(search *q, uint32_t k)
{
    rows_of_step *r = &q->rows[k];
    if (!q->j->steps[k].decl->neq || r->n < LONG_LIST) return;
    uint64_t *hashes = st_alloc_raw(q->a, r->n * sizeof *hashes);
    int32_t *places = st_alloc_raw(q->a, r->n * sizeof *places),
            *scratch = st_alloc_raw(q->a, r->n * sizeof *scratch);
    for (uint32_t i = 0; i < r->n; i++) {
        bool missing;
        hashes[i] = hash_of(q, k, r->rows[i], false, &missing);
        places[i] = (int32_t)i;
    }
    st_sort_rows(places, scratch, r->n, by_hash, &(hashed){hashes});
    r->hashes = st_alloc_raw(q->a, r->n * sizeof *r->hashes);
    r->places = (uint32_t *)places;
    for (uint32_t i = 0; i < r->n; i++) r->hashes[i] = hashes[places[i]];
}

/* Rows of a step behind a time, perhaps only those with the hash that is wanted. */
typedef struct walk {
    uint32_t at, end;
    bool by_hash;
    uint64_t hash;
} walk;

static bool goes_on(const rows_of_step *r, const walk *w)
{
    return w->at < w->end && (!w->by_hash || r->hashes[w->at] == w->hash);
}

static walk walk_from(search *q, uint32_t k, int64_t after)
{
    const rows_of_step *r = &q->rows[k];
    if (!r->hashes) return (walk){first_after(r, after), r->n, false, 0};
    bool missing;
    uint64_t h = hash_of(q, k, 0, true, &missing);
    uint32_t low = 0, high = r->n;
    while (low < high) { /* the first place with this hash and a time after */
        uint32_t mid = low + (high - low) / 2;
        bool behind = r->hashes[mid] > h || (r->hashes[mid] == h && r->times[r->places[mid]] > after);
        if (behind)
            high = mid;
        else
            low = mid + 1;
    }
    return (walk){low, missing ? low : r->n, true, h};
}

static uint32_t place_of(const rows_of_step *r, const walk *w)
{
    return w->by_hash ? r->places[w->at] : w->at;
}

/* The condition of step k on a view row, for the values bound now; evaluated 64 rows at a time. */
static bool cond_holds(search *q, uint32_t k, uint64_t row)
{
    const step *s = &q->j->steps[k];
    const st_view_part *p = q->rows[k].part;
    uint64_t from = row / 64 * 64;
    if (q->chunk[k] != from) {
        st_frame_run(q->frames[k], from, (uint32_t)ST_MIN(64, p->at + p->n - from), p);
        q->chunk[k] = from;
    }
    return q->frames[k]->p[(size_t)s->decl->cond_p * q->frames[k]->stride] >> (row % 64) & 1;
}

static bool fits(search *q, uint32_t k, uint32_t place)
{
    const step *s = &q->j->steps[k];
    const rows_of_step *r = &q->rows[k];
    uint64_t row = r->rows[place];
    for (uint32_t i = 0; i < s->decl->neq; i++) {
        st_scalar v = st_feed_scalar(&s->eq[i], st_feed_row(&s->eq[i], r->part, row));
        if (!same_value(s->eq[i].type, &v, &q->scalars[s->decl->eq[i].scalar])) return false;
    }
    return !s->cond || cond_holds(q, k, row);
}

/* The time of the first row of a no after `after` and up to `limit`; INT64_MAX: none. */
static int64_t first_no(search *q, uint32_t k, int64_t after, int64_t limit)
{
    const rows_of_step *r = &q->rows[k];
    for (walk w = walk_from(q, k, after); goes_on(r, &w); w.at++) {
        uint32_t place = place_of(r, &w);
        if (r->times[place] > limit) break;
        if (fits(q, k, place)) return r->times[place];
    }
    return INT64_MAX;
}

static void bind(search *q, uint32_t k, uint32_t place)
{
    const step *s = &q->j->steps[k];
    const rows_of_step *r = &q->rows[k];
    if (!s->decl->nbind) return;
    for (uint32_t i = 0; i < s->decl->nbind; i++)
        q->scalars[s->decl->bind[i].scalar] =
            st_feed_scalar(&s->bind[i], st_feed_row(&s->bind[i], r->part, r->rows[place]));
    for (uint32_t i = k + 1; i < q->j->q->nsteps; i++) q->chunk[i] = UINT64_MAX;
}

/* What the steps behind k depend on: the time of its row, and all that is bound. */
static void **memory(search *q, uint32_t k, int64_t s)
{
    st_buf key = {0};
    st_buf_add(q->a, &key, (const char *)&k, sizeof k);
    st_buf_add(q->a, &key, (const char *)&s, sizeof s);
    for (uint32_t i = 0; i <= k; i++)
        for (uint32_t b = 0; b < q->j->steps[i].decl->nbind; b++) {
            const st_scalar *v = &q->scalars[q->j->steps[i].decl->bind[b].scalar];
            st_scalar plain;
            memset(&plain, 0, sizeof plain);
            plain.missing = v->missing;
            if (!v->missing && q->j->steps[i].bind[b].type == ST_BC_TEXT)
                plain.code = v->code;
            else if (!v->missing)
                memcpy(&plain.as, &v->as, sizeof plain.as);
            st_buf_add(q->a, &key, (const char *)&plain, sizeof plain);
        }
    return st_map_put(&q->failed, key.p, key.n, NULL);
}

static bool closing_holds(search *q, uint32_t k, int64_t s)
{
    for (uint32_t i = k + 1; i < q->j->q->nsteps; i++) {
        const st_bc_seq_step *decl = q->j->steps[i].decl;
        int64_t limit = limit_of(q->j, decl, s);
        if (decl->has_within && limit >= q->j->until) return false;
        if (first_no(q, i, s, ST_MIN(limit, q->j->until - 1)) != INT64_MAX) return false;
    }
    return true;
}

static bool search_from(search *q, uint32_t k, int64_t s);

/* Tries the rows of step `next` with a time in (after, far]. */
static bool try_rows(search *q, uint32_t next, int64_t after, int64_t far)
{
    const rows_of_step *r = &q->rows[next];
    for (walk w = walk_from(q, next, after); goes_on(r, &w); w.at++) {
        uint32_t place = place_of(r, &w);
        if (r->times[place] > far) break;
        if (!fits(q, next, place)) continue;
        bind(q, next, place);
        if (search_from(q, next, r->times[place])) return true;
    }
    return false;
}

/* Whether the steps behind k can be fitted, its row being at s. */
static bool search_from(search *q, uint32_t k, int64_t s)
{
    const sequence_job *j = q->j;
    uint32_t next = next_chosen(j, k);
    if (next == j->q->nsteps) return closing_holds(q, k, s);
    void **failed = k == j->first ? NULL : memory(q, k, s);
    if (failed && *failed) return false;
    if (failed)
        *failed =
            q; /* a place in the map moves while deeper steps add theirs: noted before, and true ends the search */
    int64_t far = limit_of(j, j->steps[next].decl, s);
    for (uint32_t i = k + 1; i < next; i++) {
        int64_t limit = limit_of(j, j->steps[i].decl, s);
        far = ST_MIN(far, first_no(q, i, s, ST_MIN(limit, far)));
    }
    return try_rows(q, next, s, far);
}

static bool search_all(search *q)
{
    const sequence_job *j = q->j;
    int64_t far = INT64_MAX;
    for (uint32_t i = 0; i < j->first; i++) far = ST_MIN(far, first_no(q, i, INT64_MIN, INT64_MAX));
    for (uint32_t k = 0; k < j->q->nsteps; k++) index_rows(q, k), q->chunk[k] = UINT64_MAX;
    st_map_init(&q->failed, q->a);
    return try_rows(q, j->first, INT64_MIN, far);
}

/* ---- the step ---- */

static void search_part(void *ctx, uint64_t task, st_env *env)
{
    const sequence_job *j = ctx;
    uint32_t n = j->q->nsteps;
    st_arena *a = st_arena_new(env);
    search q = {.j = j,
                .rows = st_new_n(a, rows_of_step, n),
                .frames = st_new_n(a, st_frame *, n),
                .chunk = st_new_n(a, uint64_t, n)};
    size_t scalars = j->vm->bc->scalars.n;
    if (j->refers) {
        q.scalars = st_new_n(a, st_scalar, scalars + 1);
        memcpy(q.scalars, j->vm->scalars, scalars * sizeof *q.scalars);
        for (uint32_t k = 0; k < n; k++) {
            if (!j->steps[k].cond) continue;
            q.frames[k] = st_frame_new(a, j->steps[k].cond);
            q.frames[k]->scalars = q.scalars;
        }
    }
    const st_view *v = j->steps[j->first].v;
    const st_view_part *p = &v->parts[task];
    q.a = st_arena_new(env);
    uint64_t used = 0;
    for (uint32_t e = p->entity0; e < p->entity1; e++) {
        uint64_t rows = v->first[e + 1] - v->first[e];
        if (rows == 0) continue;
        used += rows;
        if (used > 4096) { /* working memory is given back now and then */
            st_arena_free(q.a);
            q.a = st_arena_new(env);
            used = 0;
        }
        for (uint32_t k = 0; k < n; k++) find_rows(&q, k, e);
        if (j->refers ? search_all(&q) : sweep(&q)) st_bit_set(j->out->data, e);
    }
}

static st_feed *sources_of(st_vm *vm, const st_bc_pair *pairs, uint32_t n)
{
    st_feed *s = st_new_n(vm->arena, st_feed, n + 1);
    for (uint32_t i = 0; i < n; i++) s[i] = st_feed_of(vm, pairs[i].input);
    return s;
}

static void prepare_steps(sequence_job *j)
{
    st_vm *vm = j->vm;
    for (uint32_t k = 0; k < j->q->nsteps; k++) {
        step *s = &j->steps[k];
        s->decl = &j->q->steps[k];
        s->v = st_view_get(vm, s->decl->view);
        s->filter = s->decl->filter == ST_BC_NONE ? NULL : vm->slots[s->decl->filter].data;
        s->time = st_feed_of(vm, s->decl->time);
        s->eq = sources_of(vm, s->decl->eq, s->decl->neq);
        s->bind = sources_of(vm, s->decl->bind, s->decl->nbind);
        j->refers |= s->decl->neq || s->decl->has_cond;
        /* dictionaries of bound texts are known before the conditions that read them are made ready */
        for (uint32_t i = 0; i < s->decl->nbind; i++)
            vm->scalars[s->decl->bind[i].scalar].dict = s->bind[i].dict;
    }
    for (uint32_t k = 0; k < j->q->nsteps; k++)
        if (j->q->steps[k].has_cond)
            j->steps[k].cond = st_pass_prepare(vm, vm->arena, &j->q->steps[k].cond,
                                               ST_BC_VIEW(j->q->steps[k].view), false, j->q->steps[k].cond_p);
}

void st_step_sequence(st_vm *vm, const st_bc_step *s)
{
    sequence_job j = {.vm = vm, .q = &vm->bc->sequences.p[s->sequence]};
    j.steps = st_new_n(vm->arena, step, j.q->nsteps);
    prepare_steps(&j);
    while (j.steps[j.first].decl->kind == ST_SEQ_NO) j.first++;
    st_slot_open(vm, s->out);
    j.out = &vm->slots[s->out];
    const st_scalar *until = &vm->scalars[j.q->until];
    j.until = until->missing ? INT64_MIN : until->as.i;
    st_parallel(vm->env, vm->threads, j.steps[j.first].v->nparts, search_part, &j);
}
