/* Streaming aggregates. Rows of an entity stand together: a batch is cut into pieces, one an entity, those without rows included. Where
 * values lie in few bytes, kernels answer for all pieces at once, and what is found of an entity whose rows go on in the next batch waits
 * in its place in the slot; else one state an aggregate is kept, which is written where the entity's last row has been seen. */
#include "vm/parts.h"

/* ---- pieces ---- */

st_pieces *st_pieces_new(st_arena *a, const st_view *v)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < v->nparts; i++) most = ST_MAX(most, v->parts[i].entity1 - v->parts[i].entity0);
    st_pieces *p = st_new(a, st_pieces);
    p->ends = st_alloc_raw(a, ((size_t)most + 1) * sizeof *p->ends);
    p->heads = st_alloc_raw(a, ST_VM_BATCH / 8);
    return p;
}

void st_pieces_begin(st_pieces *p, const st_view_part *part)
{
    p->entity = part->entity0;
    p->n = p->closed = 0;
}

void st_pieces_next(st_pieces *p, const st_view *v, const st_view_part *part, uint64_t start, uint32_t rows)
{
    uint32_t e = p->entity + p->closed, n = 0;
    /* row of the batch, where the entity begins or, below 0, began before */
    uint32_t zero = v->first[part->entity0] + (uint32_t)(start - part->at);
    p->continues = v->first[e] != zero;
    p->entity = e;
    p->rows = rows;
    p->has_heads = false;
    for (; e + n < part->entity1; n++) {
        uint32_t end = v->first[e + n + 1] - zero;
        if (end > rows) break;
        p->ends[n] = end;
    }
    p->closed = n;
    if (!n || p->ends[n - 1] < rows) p->ends[n++] = rows;
    p->n = n;
}

const uint64_t *st_pieces_heads(st_pieces *p)
{
    if (p->has_heads) return p->heads;
    p->has_heads = true;
    memset(p->heads, 0, (p->rows + 63) / 64 * sizeof *p->heads);
    uint32_t from = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        /* the head of a piece without rows is that of the next with any, or stands behind the batch */
        if (from < p->rows) p->heads[from / 64] |= UINT64_C(1) << (from % 64);
        from = p->ends[i];
    }
    return p->heads;
}

/* Bits [from, to) of a bitmap: word w of them, from its place. */
static inline uint64_t piece(const uint64_t *bits, uint32_t w, uint32_t from, uint32_t to)
{
    uint64_t word = bits[w];
    if (w == from / 64) word &= UINT64_MAX << (from % 64);
    if (w == (to - 1) / 64 && to % 64) word &= UINT64_MAX >> (64 - to % 64);
    return word;
}

/* Runs BODY for every set bit r of `rows` in [from, to). */
#define EACH_ROW(from, to, rows, BODY)                                                                       \
    for (uint32_t w_ = (from) / 64; w_ * 64 < (to); w_++)                                                    \
        for (uint64_t word_ = piece(rows, w_, from, to); word_; word_ &= word_ - 1) {                        \
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
        sum = 0;
    }
    if (wide) {
        ((st_i128 *)slot->data)[e] = sum;
    } else {
        ((int64_t *)slot->data)[e] = (int64_t)sum;
    }
}

static bool is_wide(const st_frame *f, const st_bc_instr *in)
{
    return f->vm->bc->slots.p[in->a[0]].type == ST_BC_I128;
}

static void fold_sum(st_frame *f, const st_bc_instr *in, const st_slot *slot, st_fold *s,
                     const uint64_t *rows, const st_reg *v)
{
    const st_pieces *p = f->pieces;
    for (uint32_t i = 0, from = 0; i < p->n; from = p->ends[i++]) {
        if (v->phys == ST_I128) {
            const st_i128 *x = v->data;
            EACH_ROW(from, p->ends[i], rows, s->high += x[r] >> 64; s->low += (st_i128)(uint64_t)x[r])
        } else {
            const int64_t *x = v->data;
            st_i128 sum = 0;
            EACH_ROW(from, p->ends[i], rows, sum += x[r])
            s->high += sum >> 64;
            s->low += (st_i128)(uint64_t)sum;
        }
        if (i >= p->closed) continue;
        write_sum(f, slot, is_wide(f, in), p->entity + i, s);
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
    if (s->any) st_bit_set(slot->known, e);
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
    const st_pieces *p = f->pieces;
    for (uint32_t i = 0, from = 0; i < p->n; from = p->ends[i++]) {
        EACH_ROW(from, p->ends[i], rows, {
            int order = 1;
            if (s->any && time) order = ((time[r] > s->time) - (time[r] < s->time)) * sign;
            if (s->any && (!time || order == 0)) order = compare_with_best(v, r, s, d) * sign;
            if (order > 0) {
                take(s, v, r);
                if (time) s->time = time[r];
            }
        })
        if (i >= p->closed) continue;
        write_best(slot, v->phys, p->entity + i, s);
        memset(s, 0, sizeof *s);
    }
}

/* ---- all pieces at once ---- */

/* Sets the bits of the pieces that count anything; bit `at` is that of the first. */
static void set_where_any(uint64_t *bits, uint32_t at, const int64_t *counts, uint32_t n)
{
    for (uint32_t from = 0; from < n; from += 64, at += 64) {
        uint64_t word = 0;
        for (uint32_t i = from, to = ST_MIN(n, from + 64); i < to; i++)
            word |= (uint64_t)(counts[i] > 0) << (i - from);
        bits[at / 64] |= word << (at % 64);
        /* only where it has bits: the next word may be another thread's */
        uint64_t over = at % 64 ? word >> (64 - at % 64) : 0;
        if (over) bits[at / 64 + 1] |= over;
    }
}

static void fold_any(st_frame *f, const st_slot *slot, const uint64_t *rows)
{
    const st_pieces *p = f->pieces;
    f->vm->k->count_pieces(rows, f->n, p->ends, p->n, f->found);
    set_where_any(slot->data, p->entity, f->found, p->n);
}

static void fold_count(st_frame *f, const st_slot *slot, const uint64_t *rows)
{
    const st_pieces *p = f->pieces;
    int64_t *out = (int64_t *)slot->data + p->entity, before = p->continues ? out[0] : 0;
    f->vm->k->count_pieces(rows, f->n, p->ends, p->n, out);
    out[0] += before;
}

/* Whether the values of all rows of the view together stay within 64 bits, whichever they are. */
static bool is_safe_to_sum(const st_frame *f, const st_narrow *v)
{
    st_i128 low = v->low, high = low + (st_i128)v->unit * (st_i128)(UINT64_MAX >> (64 - 8 * v->bytes));
    st_i128 rows = (st_i128)f->pass->view->size;
    return low * rows >= INT64_MIN && high * rows <= INT64_MAX;
}

static void sum_narrow(st_frame *f, const st_bc_instr *in, const st_slot *slot, const uint64_t *rows,
                       const st_narrow *v)
{
    const st_pieces *p = f->pieces;
    bool wide = is_wide(f, in);
    int64_t *out = wide ? f->found : (int64_t *)slot->data + p->entity;
    int64_t before = p->continues && !wide ? out[0] : 0;
    f->vm->k->sum_pieces(v->data, v->bytes, v->low, v->unit, rows, f->n, p->ends, p->n, out);
    out[0] += before;
    if (!wide) return;
    st_i128 *to = (st_i128 *)slot->data + p->entity, wide_before = p->continues ? to[0] : 0;
    for (uint32_t i = 0; i < p->n; i++) to[i] = out[i];
    to[0] += wide_before;
}

static void best_narrow(st_frame *f, const st_slot *slot, bool largest, const uint64_t *rows,
                        const st_narrow *v)
{
    const st_pieces *p = f->pieces;
    const st_kernels *k = f->vm->k;
    int64_t *counts = f->found, *out = (int64_t *)slot->data + p->entity;
    uint32_t *bests = f->bests;
    bool had = p->continues && st_bit(slot->known, p->entity);
    int64_t before = had ? out[0] : 0;
    k->count_pieces(rows, f->n, p->ends, p->n, counts);
    k->best_of_pieces(largest, v->data, v->bytes, rows, st_pieces_heads(f->pieces), f->n, p->ends, p->n,
                      bests);
    uint64_t low = (uint64_t)v->low, unit = (uint64_t)v->unit;
    for (uint32_t i = 0; i < p->n; i++) out[i] = counts[i] ? (int64_t)(low + unit * bests[i]) : 0;
    set_where_any(slot->known, p->entity, counts, p->n);
    if (had && (!counts[0] || (largest ? before > out[0] : before < out[0]))) out[0] = before;
}

/* Whether it was done: sums that might not fit are found value by value. */
static bool fold_narrow(st_frame *f, const st_bc_instr *in, const st_slot *slot, const uint64_t *rows,
                        const st_narrow *v)
{
    if (in->op != ST_BC_AGG_SUM) {
        best_narrow(f, slot, in->op == ST_BC_AGG_MAX, rows, v);
        return true;
    }
    if (!is_safe_to_sum(f, v)) return false;
    sum_narrow(f, in, slot, rows, v);
    return true;
}

void st_fold_batch(st_frame *f, const st_bc_instr *in, const st_prep *prep)
{
    const st_slot *slot = &f->slots[in->a[0]];
    const uint64_t *rows = f->p + (size_t)in->a[1] * f->stride;
    if (in->op == ST_BC_AGG_ANY) {
        fold_any(f, slot, rows);
        return;
    }
    if (in->op == ST_BC_AGG_COUNT) {
        fold_count(f, slot, rows);
        return;
    }
    st_reg *v = &f->v[in->a[2]];
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
    if (st_folds_narrow(in) && v->narrow.data && fold_narrow(f, in, slot, taken, &v->narrow)) return;
    st_settle(f, v);
    switch (in->op) {
    case ST_BC_AGG_SUM: fold_sum(f, in, slot, s, taken, v); break;
    case ST_BC_AGG_MIN:
    case ST_BC_AGG_FIRST: fold_best(f, slot, s, taken, v, time, -1, prep->dict); break;
    default: fold_best(f, slot, s, taken, v, time, 1, prep->dict); break;
    }
}

/* The part has entities, and no rows: what is kept for them is nothing. */
void st_fold_nothing(st_frame *f, const st_view_part *part)
{
    static const uint8_t widths[ST_BC_TYPES] = {
        [ST_BC_I64] = 8, [ST_BC_I128] = 16, [ST_BC_F64] = 8, [ST_BC_TEXT] = 4};
    const st_bc_instr *code = f->vm->bc->code.p + f->pass->code.first;
    for (uint32_t i = 0; i < f->pass->code.n; i++) {
        if (!st_is_fold(&code[i])) continue;
        size_t width = widths[f->vm->bc->slots.p[code[i].a[0]].type]; /* of BOOL: bits are 0 already */
        memset((char *)f->slots[code[i].a[0]].data + part->entity0 * width, 0,
               (part->entity1 - part->entity0) * width);
    }
}
