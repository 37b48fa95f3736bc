/* Streaming aggregates: rows of an entity stand together, so one state an aggregate is enough; it is written where the
 * entity's last row has been seen. Entities without rows keep what their slot began with. */
#include "vm/parts.h"

void st_fold_runs(st_frame *f)
{
    const st_view *v = f->pass->view;
    const st_view_part *p = f->part;
    uint64_t at = f->start, end = f->start + f->n;
    uint32_t e = f->open_entity;
    f->nruns = 0;
    while (at < end) {
        uint64_t to = st_part_row(v, p, e + 1);
        if (to > at) {
            uint64_t stop = ST_MIN(to, end);
            f->runs[f->nruns++] =
                (st_run_of_rows){e, (uint32_t)(at - f->start), (uint32_t)(stop - f->start), to <= end};
            at = stop;
        }
        if (to > end) break;
        e++;
    }
    f->open_entity = e;
}

/* Bits [from, to) of a bitmap: word w of them, from its place. */
static inline uint64_t piece(const uint64_t *bits, uint32_t w, uint32_t from, uint32_t to)
{
    uint64_t word = bits[w];
    if (w == from / 64) word &= UINT64_MAX << (from % 64);
    if (w == (to - 1) / 64 && to % 64) word &= UINT64_MAX >> (64 - to % 64);
    return word;
}

static void fold_any(st_frame *f, const st_slot *slot, const uint64_t *rows)
{
    for (uint32_t i = 0; i < f->nruns; i++) {
        const st_run_of_rows *run = &f->runs[i];
        bool found = false;
        for (uint32_t w = run->from / 64; w <= (run->to - 1) / 64 && !found; w++)
            found = piece(rows, w, run->from, run->to) != 0;
        if (found) st_bit_set(slot->data, run->entity);
    }
}

/* Runs BODY for every set bit r of `rows` in the run. */
#define EACH_ROW(run, rows, BODY)                                                                            \
    for (uint32_t w_ = (run)->from / 64; w_ <= ((run)->to - 1) / 64; w_++)                                   \
        for (uint64_t word_ = piece(rows, w_, (run)->from, (run)->to); word_; word_ &= word_ - 1) {          \
            uint32_t r = w_ * 64 + (uint32_t)__builtin_ctzll(word_);                                         \
            BODY;                                                                                            \
        }

/* The exact sum; false: over 38 digits. */
static bool sum_of(const st_fold *s, st_i128 *out)
{
    st_i128 high = s->high + (s->low >> 64);
    if (high > INT64_MAX || high < INT64_MIN) return false;
    *out = (st_i128)((st_u128)high << 64 | (uint64_t)s->low);
    return st_dec_fits(*out);
}

static void write_sum(st_frame *f, const st_slot *slot, bool wide, uint32_t e, const st_fold *s)
{
    st_i128 sum;
    bool fits = sum_of(s, &sum) && (wide || (sum >= INT64_MIN && sum <= INT64_MAX));
    if (!fits) {
        f->counts.overflows++;
        st_bit_clear(slot->known, e);
    } else if (wide) {
        ((st_i128 *)slot->data)[e] = sum;
    } else {
        ((int64_t *)slot->data)[e] = (int64_t)sum;
    }
}

static void fold_sum(st_frame *f, const st_bc_instr *in, const st_slot *slot, st_fold *s,
                     const uint64_t *rows, const st_reg *v)
{
    bool wide = f->vm->bc->slots.p[in->a[0]].type == ST_BC_I128;
    for (uint32_t i = 0; i < f->nruns; i++) {
        const st_run_of_rows *run = &f->runs[i];
        if (v->phys == ST_I128) {
            const st_i128 *x = v->data;
            EACH_ROW(run, rows, s->high += x[r] >> 64; s->low += (st_i128)(uint64_t)x[r])
        } else {
            const int64_t *x = v->data;
            st_i128 sum = 0;
            EACH_ROW(run, rows, sum += x[r])
            s->high += sum >> 64;
            s->low += (st_i128)(uint64_t)sum;
        }
        if (!run->closes) continue;
        write_sum(f, slot, wide, run->entity, s);
        memset(s, 0, sizeof *s);
    }
}

/* ---- the smallest, the largest, the first, the last ---- */

static int compare_with_best(const st_reg *v, uint32_t r, const st_fold *s, const st_dict *d)
{
    switch (v->phys) {
    case ST_I128: {
        st_i128 x = ((const st_i128 *)v->data)[r];
        return (x > s->best.d) - (x < s->best.d);
    }
    case ST_F64: {
        double x = ((const double *)v->data)[r];
        return (x > s->best.f) - (x < s->best.f);
    }
    case ST_CODE: {
        uint32_t x = ((const uint32_t *)v->data)[r];
        return x == s->best.code ? 0 : st_str_cmp(st_dict_get(d, x), st_dict_get(d, s->best.code));
    }
    default: {
        int64_t x = ((const int64_t *)v->data)[r];
        return (x > s->best.i) - (x < s->best.i);
    }
    }
}

static void take(st_fold *s, const st_reg *v, uint32_t r)
{
    s->any = true;
    switch (v->phys) {
    case ST_I128: s->best.d = ((const st_i128 *)v->data)[r]; break;
    case ST_F64: s->best.f = ((const double *)v->data)[r]; break;
    case ST_CODE: s->best.code = ((const uint32_t *)v->data)[r]; break;
    default: s->best.i = ((const int64_t *)v->data)[r]; break;
    }
}

static void write_best(const st_slot *slot, st_phys phys, uint32_t e, const st_fold *s)
{
    if (!s->any) return;
    st_bit_set(slot->known, e);
    switch (phys) {
    case ST_I128: ((st_i128 *)slot->data)[e] = s->best.d; break;
    case ST_F64: ((double *)slot->data)[e] = s->best.f; break;
    case ST_CODE: ((uint32_t *)slot->data)[e] = s->best.code; break;
    default: ((int64_t *)slot->data)[e] = s->best.i; break;
    }
}

/* `time` NULL: by value alone. sign 1: the larger is taken, -1: the smaller. */
static void fold_best(st_frame *f, const st_slot *slot, st_fold *s, const uint64_t *rows, const st_reg *v,
                      const int64_t *time, int sign, const st_dict *d)
{
    for (uint32_t i = 0; i < f->nruns; i++) {
        const st_run_of_rows *run = &f->runs[i];
        EACH_ROW(run, rows, {
            int order = 1;
            if (s->any && time) order = ((time[r] > s->time) - (time[r] < s->time)) * sign;
            if (s->any && (!time || order == 0)) order = compare_with_best(v, r, s, d) * sign;
            if (order > 0) {
                take(s, v, r);
                if (time) s->time = time[r];
            }
        })
        if (!run->closes) continue;
        write_best(slot, v->phys, run->entity, s);
        memset(s, 0, sizeof *s);
    }
}

/* ---- whole numbers that lie in fewer bytes ---- */

static void add(st_fold *s, st_i128 sum)
{
    s->high += sum >> 64;
    s->low += (st_i128)(uint64_t)sum;
}

static void sum_narrow(st_frame *f, const st_slot *slot, bool wide, st_fold *s, const st_narrow *v,
                       const uint32_t *counts, const uint64_t *sums)
{
    for (uint32_t i = 0; i < f->nruns; i++) {
        const st_run_of_rows *run = &f->runs[i];
        add(s, (st_i128)v->low * counts[i] + (st_i128)v->unit * (st_i128)sums[i]);
        if (!run->closes) continue;
        write_sum(f, slot, wide, run->entity, s);
        s->low = s->high = 0;
    }
}

static void best_narrow(st_frame *f, const st_slot *slot, bool largest, st_fold *s, const st_narrow *v,
                        const uint32_t *counts, const uint64_t *bests)
{
    for (uint32_t i = 0; i < f->nruns; i++) {
        const st_run_of_rows *run = &f->runs[i];
        int64_t x = (int64_t)((uint64_t)v->low + (uint64_t)v->unit * bests[i]);
        if (counts[i] && (!s->any || (largest ? x > s->best.i : x < s->best.i))) {
            s->any = true;
            s->best.i = x;
        }
        if (!run->closes) continue;
        write_best(slot, ST_I64, run->entity, s);
        s->any = false;
    }
}

static void fold_narrow(st_frame *f, const st_bc_instr *in, const st_slot *slot, st_fold *s,
                        const uint64_t *rows, const st_narrow *v)
{
    uint64_t *out = f->temp[0];
    uint32_t *counts = f->temp[1];
    st_of_run how = in->op == ST_BC_AGG_SUM ? ST_RUN_SUM : in->op == ST_BC_AGG_MIN ? ST_RUN_MIN : ST_RUN_MAX;
    f->vm->k->fold_runs(how, v->data, v->bytes, rows, f->runs, f->nruns, counts, out);
    if (how == ST_RUN_SUM)
        sum_narrow(f, slot, f->vm->bc->slots.p[in->a[0]].type == ST_BC_I128, s, v, counts, out);
    else
        best_narrow(f, slot, how == ST_RUN_MAX, s, v, counts, out);
}

void st_fold_run(st_frame *f, const st_bc_instr *in, const st_prep *prep)
{
    const st_slot *slot = &f->vm->slots[in->a[0]];
    const uint64_t *rows = f->p + (size_t)in->a[1] * f->stride;
    if (in->op == ST_BC_AGG_ANY) {
        fold_any(f, slot, rows);
        return;
    }
    if (in->op == ST_BC_AGG_COUNT) {
        f->vm->k->count_runs(rows, f->runs, f->nruns, slot->data);
        return;
    }
    const st_reg *v = &f->v[in->a[2]];
    st_fold *s = &f->folds[prep->fold];
    const int64_t *time = NULL;
    uint64_t *taken = f->bits;
    for (uint32_t w = 0; w < f->words; w++) taken[w] = v->known ? rows[w] & v->known[w] : rows[w];
    if (in->op == ST_BC_AGG_FIRST || in->op == ST_BC_AGG_LAST) {
        const st_reg *t = &f->v[in->a[3]];
        time = t->data;
        if (t->known)
            for (uint32_t w = 0; w < f->words; w++) taken[w] &= t->known[w];
    }
    if (st_folds_narrow(in) && v->narrow.data) {
        fold_narrow(f, in, slot, s, taken, &v->narrow);
        return;
    }
    switch (in->op) {
    case ST_BC_AGG_SUM: fold_sum(f, in, slot, s, taken, v); break;
    case ST_BC_AGG_MIN:
    case ST_BC_AGG_FIRST: fold_best(f, slot, s, taken, v, time, -1, prep->dict); break;
    default: fold_best(f, slot, s, taken, v, time, 1, prep->dict); break;
    }
}
