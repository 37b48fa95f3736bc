/* One instruction on one batch. Families are functions of their own; what is hot goes to the kernels, the rest is row by row. */
#include "vm/parts.h"

#include "base/geo.h"

#include <math.h>

static uint64_t *pred(st_frame *f, uint32_t p)
{
    return f->p + (size_t)p * f->stride;
}

static void fill(st_frame *f, uint64_t *out, bool on)
{
    memset(out, on ? 0xff : 0, f->words * sizeof *out);
    if (on) out[f->words - 1] &= f->tail;
}

static bool bit(const uint64_t *bits, uint32_t r)
{
    return bits[r / 64] >> (r % 64) & 1;
}

static void drop(uint64_t *bits, uint32_t r)
{
    bits[r / 64] &= ~(UINT64_C(1) << (r % 64));
}

static void keep_known(st_frame *f, uint64_t *out, const st_reg *v)
{
    if (v->known) f->vm->k->and_(out, v->known, f->words, out);
}

/* The values of an I64 register as such; a direct column of days is widened into its buffer. */
static const int64_t *i64(st_frame *f, uint32_t reg)
{
    st_reg *r = &f->v[reg];
    st_settle(f, r);
    st_widen_days(f, r);
    return r->data;
}

static const st_i128 *i128(const st_frame *f, uint32_t reg)
{
    return f->v[reg].data;
}

static const double *f64(const st_frame *f, uint32_t reg)
{
    return f->v[reg].data;
}

static const uint32_t *codes(st_frame *f, uint32_t reg)
{
    st_settle(f, &f->v[reg]);
    return f->v[reg].data;
}

/* A copy of values that the output is about to overwrite with others of another width. */
static const void *steady(st_frame *f, const void *values, uint32_t in, uint32_t out, size_t width)
{
    if (in != out) return values;
    memcpy(f->temp[0], values, f->n * width);
    return f->temp[0];
}

/* ---- results ---- */

static const uint8_t widths[] = {
    [ST_BIT] = 0, [ST_I32] = 4, [ST_I64] = 8, [ST_I128] = 16, [ST_F64] = 8, [ST_CODE] = 4};

static void clear_unknown(st_frame *f, void *values, st_phys phys, const uint64_t *known)
{
    if (phys == ST_CODE) {
        f->vm->k->clear_i32(values, f->n, known);
    } else if (phys == ST_I128) {
        st_i128 *v = values;
        for (uint32_t r = 0; r < f->n; r++)
            if (!bit(known, r)) v[r] = 0;
    } else {
        f->vm->k->clear_i64(values, f->n, known);
    }
}

void st_reg_filled(st_frame *f, uint32_t reg, st_phys phys, const uint64_t *known)
{
    st_reg *out = &f->v[reg];
    out->data = out->buf;
    out->phys = phys;
    out->known = NULL;
    out->narrow.data = NULL;
    if (!known) return;
    if (known != out->kbuf) memcpy(out->kbuf, known, f->words * sizeof *known);
    out->known = out->kbuf;
    clear_unknown(f, out->buf, phys, known);
}

/* Where both are known, in f->bits; without bits behind the batch. */
static uint64_t *both(st_frame *f, const uint64_t *a, const uint64_t *b)
{
    for (uint32_t w = 0; w < f->words; w++) f->bits[w] = (a ? a[w] : UINT64_MAX) & (b ? b[w] : UINT64_MAX);
    f->bits[f->words - 1] &= f->tail;
    return f->bits;
}

static uint64_t *known_one(st_frame *f, uint32_t a)
{
    return both(f, f->v[a].known, NULL);
}

static uint64_t *known_two(st_frame *f, uint32_t a, uint32_t b)
{
    return both(f, f->v[a].known, f->v[b].known);
}

/* Runs BODY for each row r where `known`. */
#define EACH_KNOWN(f, known, BODY)                                                                           \
    for (uint32_t w_ = 0; w_ < (f)->words; w_++)                                                             \
        for (uint64_t word_ = (known)[w_]; word_; word_ &= word_ - 1) {                                      \
            uint32_t r = w_ * 64 + (uint32_t)__builtin_ctzll(word_);                                         \
            BODY;                                                                                            \
        }

/* ---- constants ---- */

static void do_const(st_frame *f, const st_bc_instr *in, const st_prep *q)
{
    st_reg *out = &f->v[in->a[0]];
    const st_scalar *s = &f->scalars[in->a[1]];
    static const st_phys phys[] = {
        [ST_BC_I64] = ST_I64, [ST_BC_I128] = ST_I128, [ST_BC_F64] = ST_F64, [ST_BC_TEXT] = ST_CODE};
    out->data = out->buf;
    out->phys = phys[in->type];
    out->known = NULL;
    out->narrow.data = NULL;
    if (s->missing) {
        memset(out->buf, 0, f->n * (size_t)widths[out->phys]);
        memset(out->kbuf, 0, f->words * sizeof *out->kbuf);
        out->known = out->kbuf;
        return;
    }
    uint32_t code = q->codes ? q->codes[0] : s->code;
    for (uint32_t r = 0; r < f->n; r++) switch (out->phys) {
        case ST_I128: ((st_i128 *)out->buf)[r] = s->as.d; break;
        case ST_F64: ((double *)out->buf)[r] = s->as.f; break;
        case ST_CODE: ((uint32_t *)out->buf)[r] = code; break;
        default: ((int64_t *)out->buf)[r] = s->as.i; break;
        }
}

/* ---- logic ---- */

static void do_at_least(st_frame *f, uint64_t *out, const uint32_t *list, uint32_t k)
{
    enum { PLANES = 21 }; /* counts in binary, a bit a plane; lists are shorter than 2^20 */
    uint32_t n = list[0];
    for (uint32_t w = 0; w < f->words; w++) {
        uint64_t plane[PLANES] = {0}, all = w + 1 == f->words ? f->tail : UINT64_MAX;
        for (uint32_t i = 0; i < n; i++) {
            uint64_t carry = pred(f, list[1 + i])[w];
            for (uint32_t b = 0; carry && b < PLANES; b++) {
                uint64_t both_set = plane[b] & carry;
                plane[b] ^= carry;
                carry = both_set;
            }
        }
        uint64_t more = 0, equal = all; /* than k, from the top plane down */
        for (uint32_t b = PLANES; b-- > 0;) {
            uint64_t bit_of_k = k >> b & 1 ? UINT64_MAX : 0;
            more |= equal & plane[b] & ~bit_of_k;
            equal &= ~(plane[b] ^ bit_of_k);
        }
        out[w] = k > n ? 0 : more | equal;
    }
}

/* And, or, not are done by blocks (fuse.c). */
static void do_logic(st_frame *f, const st_bc_instr *in)
{
    const st_kernels *k = f->vm->k;
    uint64_t *out = pred(f, in->a[0]);
    switch (in->op) {
    case ST_BC_CONST_P: fill(f, out, !f->scalars[in->a[1]].missing && f->scalars[in->a[1]].as.b); break;
    case ST_BC_AT_LEAST: do_at_least(f, out, f->vm->bc->lists.p + in->a[1], in->a[2]); break;
    case ST_BC_KNOWN: memcpy(out, known_one(f, in->a[1]), f->words * sizeof *out); break;
    default: /* MISSING */
        fill(f, out, true);
        if (f->v[in->a[1]].known)
            k->andnot(out, f->v[in->a[1]].known, f->words, out);
        else
            fill(f, out, false);
    }
}

/* ---- comparisons ---- */

/* Which codes of a register are in a set of a dictionary too long for a leaf. */
static void look(st_frame *f, const st_code_set *set, uint32_t reg, uint64_t *out)
{
    const st_kernels *k = f->vm->k;
    if (set->bytes)
        k->look_bytes(codes(f, reg), f->n, set->bytes, out);
    else
        k->look_bits(codes(f, reg), f->n, set->bits, out);
}

static void do_cmp_text(st_frame *f, const st_bc_instr *in, const st_prep *q, uint64_t *out)
{
    if (q->set.n) {
        look(f, &q->set, in->a[1], out);
        keep_known(f, out, &f->v[in->a[1]]);
        return;
    }
    const uint32_t *c = codes(f, in->a[1]);
    const uint64_t *known = known_one(f, in->a[1]);
    st_str s = f->scalars[in->a[2]].as.s;
    fill(f, out, false);
    EACH_KNOWN(f, known, {
        st_str x = st_dict_get(q->dict, c[r]);
        bool holds = in->op == ST_BC_CMP ? st_cmp_holds((st_cmp)in->a[3], st_str_cmp(x, s))
                                         : st_text_test_holds((st_bc_test)in->a[3], x, s);
        out[r / 64] |= (uint64_t)holds << (r % 64);
    })
}

static void do_cmp(st_frame *f, const st_bc_instr *in, const st_prep *q)
{
    uint64_t *out = pred(f, in->a[0]);
    const st_scalar *s = &f->scalars[in->a[2]];
    const st_reg *v = &f->v[in->a[1]];
    if (s->missing) {
        fill(f, out, false);
        return;
    }
    switch (in->type) {
    case ST_BC_I64:
    case ST_BC_F64: st_compare(f, in->a[1], (st_bc_type)in->type, (st_cmp)in->a[3], s, out); break;
    case ST_BC_I128:
        f->vm->k->cmp_i128(v->data, f->n, (st_cmp)in->a[3], s->as.d, out);
        keep_known(f, out, v);
        break;
    default: do_cmp_text(f, in, q, out); break;
    }
}

static void do_cmp_v(st_frame *f, const st_bc_instr *in, const st_prep *q)
{
    const st_kernels *k = f->vm->k;
    uint64_t *out = pred(f, in->a[0]);
    st_cmp cmp = (st_cmp)in->a[3];
    switch (in->type) {
    case ST_BC_I64: k->cmp_i64_v(i64(f, in->a[1]), i64(f, in->a[2]), f->n, cmp, out); break;
    case ST_BC_I128: k->cmp_i128_v(i128(f, in->a[1]), i128(f, in->a[2]), f->n, cmp, out); break;
    case ST_BC_F64: k->cmp_f64_v(f64(f, in->a[1]), f64(f, in->a[2]), f->n, cmp, out); break;
    default: {
        const uint64_t *known = known_two(f, in->a[1], in->a[2]);
        const uint32_t *a = codes(f, in->a[1]), *b = codes(f, in->a[2]);
        bool same = q->dict == q->dict2;
        fill(f, out, false);
        EACH_KNOWN(f, known, {
            int order = same && a[r] == b[r]
                            ? 0
                            : st_str_cmp(st_dict_get(q->dict, a[r]), st_dict_get(q->dict2, b[r]));
            out[r / 64] |= (uint64_t)st_cmp_holds(cmp, order) << (r % 64);
        })
        return;
    }
    }
    keep_known(f, out, &f->v[in->a[1]]);
    keep_known(f, out, &f->v[in->a[2]]);
}

static void do_cmp_scaled(st_frame *f, const st_bc_instr *in)
{
    uint64_t *out = pred(f, in->a[0]);
    const st_i128 *a = i128(f, in->a[1]), *b = i128(f, in->a[2]);
    unsigned sa = in->a[4] & 255, sb = in->a[4] >> 8;
    const uint64_t *known = known_two(f, in->a[1], in->a[2]);
    fill(f, out, false);
    EACH_KNOWN(f, known, {
        bool holds = st_cmp_holds((st_cmp)in->a[3], st_dec_cmp(a[r], sa, b[r], sb));
        out[r / 64] |= (uint64_t)holds << (r % 64);
    })
}

static void do_test_v(st_frame *f, const st_bc_instr *in, const st_prep *q)
{
    uint64_t *out = pred(f, in->a[0]);
    const uint32_t *a = codes(f, in->a[1]), *b = codes(f, in->a[2]);
    const uint64_t *known = known_two(f, in->a[1], in->a[2]);
    fill(f, out, false);
    EACH_KNOWN(f, known, {
        bool holds =
            st_text_test_holds((st_bc_test)in->a[3], st_dict_get(q->dict, a[r]), st_dict_get(q->dict2, b[r]));
        out[r / 64] |= (uint64_t)holds << (r % 64);
    })
}

/* ---- sets ---- */

enum { SHORT_SET = 8 };

/* n is the number of entries less one: there is an entry at `low` whatever x is. */
#define HAS(NAME, T)                                                                                         \
    static bool NAME(const T *sorted, uint32_t n, T x)                                                       \
    {                                                                                                        \
        uint32_t low = 0;                                                                                    \
        while (n > 0) {                                                                                      \
            uint32_t half = n / 2;                                                                           \
            if (sorted[low + half] < x) {                                                                    \
                low += half + 1;                                                                             \
                n -= half + 1;                                                                               \
            } else {                                                                                         \
                n = half;                                                                                    \
            }                                                                                                \
        }                                                                                                    \
        return sorted[low] == x;                                                                             \
    }
HAS(has_i64, int64_t)
HAS(has_i128, st_i128)
HAS(has_f64, double)

static void in_short_set(st_frame *f, const st_bc_instr *in, const st_prep *q, uint64_t *out)
{
    const st_kernels *k = f->vm->k;
    for (uint32_t i = 0; i < q->nsorted; i++) {
        st_scalar s = {.missing = false};
        if (in->type == ST_BC_I64)
            s.as.i = ((const int64_t *)q->sorted)[i];
        else if (in->type == ST_BC_F64)
            s.as.f = ((const double *)q->sorted)[i];
        if (in->type == ST_BC_I128)
            k->cmp_i128(i128(f, in->a[1]), f->n, ST_EQ, ((const st_i128 *)q->sorted)[i], f->bits);
        else
            st_compare(f, in->a[1], (st_bc_type)in->type, ST_EQ, &s, f->bits);
        k->or_(out, f->bits, f->words, out);
    }
}

static void do_in(st_frame *f, const st_bc_instr *in, const st_prep *q)
{
    uint64_t *out = pred(f, in->a[0]);
    if (in->type == ST_BC_TEXT) {
        look(f, &q->set, in->a[1], out);
        keep_known(f, out, &f->v[in->a[1]]);
        return;
    }
    fill(f, out, false);
    if (q->nsorted <= SHORT_SET) {
        in_short_set(f, in, q, out);
        keep_known(f, out, &f->v[in->a[1]]);
        return;
    }
    if (in->type == ST_BC_I64) i64(f, in->a[1]);
    const uint64_t *known = known_one(f, in->a[1]);
    const void *v = f->v[in->a[1]].data;
    EACH_KNOWN(f, known, {
        bool holds = in->type == ST_BC_I64    ? has_i64(q->sorted, q->nsorted - 1, ((const int64_t *)v)[r])
                     : in->type == ST_BC_I128 ? has_i128(q->sorted, q->nsorted - 1, ((const st_i128 *)v)[r])
                                              : has_f64(q->sorted, q->nsorted - 1, ((const double *)v)[r]);
        out[r / 64] |= (uint64_t)holds << (r % 64);
    })
}

static void do_listed(st_frame *f, const st_bc_instr *in, const st_prep *q)
{
    uint64_t *out = pred(f, in->a[0]);
    if (in->type == ST_BC_TEXT) {
        look(f, &q->set, in->a[1], out);
        keep_known(f, out, &f->v[in->a[1]]);
        return;
    }
    const int64_t *v = i64(f, in->a[1]);
    const uint64_t *known = known_one(f, in->a[1]);
    fill(f, out, false);
    EACH_KNOWN(f, known, { out[r / 64] |= (uint64_t)st_key_set_has_int(q->keys, v[r]) << (r % 64); })
}

/* ---- lists ---- */

/* What a list's elements are compared with: a scalar, or the value of a register in each row. */
typedef struct wanted {
    const st_scalar *scalar;
    const st_reg *reg;
} wanted;

static st_scalar wanted_at(const wanted *w, uint32_t r, const st_dict *d)
{
    if (w->scalar) return *w->scalar;
    st_scalar s = {.missing = w->reg->known && !bit(w->reg->known, r)};
    if (s.missing) return s;
    switch (w->reg->phys) {
    case ST_I128: s.as.d = ((const st_i128 *)w->reg->data)[r]; break;
    case ST_F64: s.as.f = ((const double *)w->reg->data)[r]; break;
    case ST_CODE: s.as.s = st_dict_get(d, ((const uint32_t *)w->reg->data)[r]); break;
    default: s.as.i = ((const int64_t *)w->reg->data)[r]; break;
    }
    return s;
}

static bool element_is(const st_prep *q, int64_t at, const st_scalar *s)
{
    const st_feed *src = &q->feed;
    switch (src->phys) {
    case ST_BIT: return st_bit(src->data, (uint64_t)at) == s->as.b;
    case ST_I32:
    case ST_I64: return st_feed_i64(src, at) == s->as.i;
    case ST_I128: return ((const st_i128 *)src->data)[at] == s->as.d;
    case ST_F64: return ((const double *)src->data)[at] == s->as.f;
    case ST_CODE: {
        uint32_t code = st_feed_code(src, at);
        if (q->map) code = q->map[code];
        return q->set.n ? st_code_set_has(&q->set, code) : st_str_eq(st_dict_get(q->dict, code), s->as.s);
    }
    }
    return false;
}

static void do_list_has(st_frame *f, const st_bc_instr *in, const st_prep *q)
{
    uint64_t *out = pred(f, in->a[0]);
    const st_feed *src = &q->feed;
    wanted w = {NULL, NULL};
    if (in->op == ST_BC_LIST_HAS)
        w.scalar = &f->scalars[in->a[2]];
    else
        w.reg = &f->v[in->a[2]];
    if (w.reg && in->type == ST_BC_I64) i64(f, in->a[2]);
    int64_t base;
    const int32_t *rows = st_feed_rows(f, src, &base);
    fill(f, out, false);
    for (uint32_t r = 0; r < f->n; r++) {
        int64_t row = rows ? rows[r] : base + r;
        if (!st_feed_known(src, row)) continue;
        st_scalar s = wanted_at(&w, r, q->dict2);
        bool found = false;
        for (int64_t i = src->list[row]; i < src->list[row + 1] && !found && !s.missing; i++)
            found = element_is(q, i, &s);
        out[r / 64] |= (uint64_t)found << (r % 64);
    }
}

static void do_distance(st_frame *f, const st_bc_instr *in)
{
    const double *lat = f64(f, in->a[1]), *lon = f64(f, in->a[2]), *to_lat = f64(f, in->a[3]),
                 *to_lon = f64(f, in->a[4]);
    int64_t *out = f->v[in->a[0]].buf;
    uint64_t *known = f->more_bits;
    fill(f, known, true);
    for (uint32_t k = 1; k <= 4; k++)
        if (f->v[in->a[k]].known) f->vm->k->and_(known, f->v[in->a[k]].known, f->words, known);
    for (uint32_t r = 0; r < f->n; r++) {
        bool here = bit(known, r) && st_is_place(lat[r], lon[r]) && st_is_place(to_lat[r], to_lon[r]);
        if (here)
            out[r] = st_metres_between(lat[r], lon[r], to_lat[r], to_lon[r]);
        else
            known[r / 64] &= ~(UINT64_C(1) << (r % 64));
    }
    st_reg_filled(f, in->a[0], ST_I64, known);
}

/* ---- choice ---- */

static void put_scalar(st_phys phys, void *out, uint32_t r, const st_scalar *s, uint32_t code)
{
    switch (phys) {
    case ST_I128: ((st_i128 *)out)[r] = s->as.d; break;
    case ST_F64: ((double *)out)[r] = s->as.f; break;
    case ST_CODE: ((uint32_t *)out)[r] = code; break;
    default: ((int64_t *)out)[r] = s->as.i; break;
    }
}

static st_phys phys_of(uint16_t type)
{
    static const st_phys phys[ST_BC_TYPES] = {ST_BIT, ST_I64, ST_I128, ST_F64, ST_CODE};
    return phys[type];
}

/* Everywhere where the bit is set. */
static void put_where(st_frame *f, st_phys phys, void *out, const uint64_t *bits, const st_scalar *s,
                      uint32_t code)
{
    const st_kernels *k = f->vm->k;
    int64_t real;
    switch (phys) {
    case ST_I128:
        for (uint32_t w = 0; w < f->words; w++)
            for (uint64_t word = bits[w]; word; word &= word - 1)
                ((st_i128 *)out)[w * 64 + (uint32_t)__builtin_ctzll(word)] = s->as.d;
        break;
    case ST_CODE: k->put_i32(bits, f->words, code, out); break;
    case ST_F64:
        memcpy(&real, &s->as.f, sizeof real);
        k->put_i64(bits, f->words, real, out);
        break;
    default: k->put_i64(bits, f->words, s->as.i, out); break;
    }
}

/* From the last choice to the first, so that what is chosen first stands at the end. */
static void do_case(st_frame *f, const st_bc_instr *in, const st_prep *q)
{
    const uint32_t *list = f->vm->bc->lists.p + in->a[1];
    uint32_t n = list[0] / 2;
    st_phys phys = phys_of(in->type);
    void *out = f->v[in->a[0]].buf;
    uint64_t *known = f->bits;
    for (uint32_t i = n + 1; i-- > 0;) {
        const st_scalar *s = &f->scalars[i < n ? list[2 + 2 * i] : in->a[2]];
        const uint64_t *p = i < n ? pred(f, list[1 + 2 * i]) : f->all;
        if (i == n)
            fill(f, known, !s->missing);
        else
            (s->missing ? f->vm->k->andnot : f->vm->k->or_)(known, p, f->words, known);
        if (!s->missing) put_where(f, phys, out, p, s, q->codes ? q->codes[i] : 0);
    }
    st_reg_filled(f, in->a[0], phys, known);
}

#define CHOOSE(T)                                                                                            \
    do {                                                                                                     \
        const T *x = a->data, *y = b->data;                                                                  \
        T *z = out;                                                                                          \
        for (uint32_t r = 0; r < f->n; r++) z[r] = bit(first, r) ? x[r] : y[r];                              \
    } while (0)

static void choose(st_frame *f, const st_bc_instr *in, const st_prep *q, uint32_t ra, uint32_t rb,
                   const uint64_t *first, const uint64_t *known)
{
    if (in->type == ST_BC_I64) i64(f, ra), i64(f, rb);
    const st_reg *a = &f->v[ra], *b = &f->v[rb];
    void *out = f->v[in->a[0]].buf;
    if (in->type == ST_BC_I128) {
        CHOOSE(st_i128);
    } else if (in->type == ST_BC_TEXT) {
        const uint32_t *x = a->data, *y = b->data;
        uint32_t *z = out;
        for (uint32_t r = 0; r < f->n; r++) z[r] = bit(first, r) ? x[r] : q->map2 ? q->map2[y[r]] : y[r];
    } else if (in->type == ST_BC_F64) {
        CHOOSE(double);
    } else {
        CHOOSE(int64_t);
    }
    st_reg_filled(f, in->a[0], phys_of(in->type), known);
}

static void do_select(st_frame *f, const st_bc_instr *in, const st_prep *q)
{
    bool by_known = in->op == ST_BC_COALESCE;
    uint32_t ra = in->a[by_known ? 1 : 2], rb = in->a[by_known ? 2 : 3];
    const uint64_t *ka = f->v[ra].known, *kb = f->v[rb].known;
    uint64_t *first = f->more_bits, *known = f->bits;
    for (uint32_t w = 0; w < f->words; w++) {
        uint64_t a = ka ? ka[w] : UINT64_MAX, b = kb ? kb[w] : UINT64_MAX;
        first[w] = by_known ? a : pred(f, in->a[1])[w];
        known[w] = (first[w] & a) | (~first[w] & b);
    }
    known[f->words - 1] &= f->tail;
    choose(f, in, q, ra, rb, first, ka || kb ? known : NULL);
}

static void do_lookup(st_frame *f, const st_bc_instr *in, const st_prep *q)
{
    const uint32_t *list = f->vm->bc->lists.p + in->a[2];
    st_phys phys = phys_of(in->type);
    const int64_t *x = steady(f, i64(f, in->a[1]), in->a[1], in->a[0], sizeof *x);
    void *out = f->v[in->a[0]].buf;
    uint64_t *known = known_one(f, in->a[1]);
    EACH_KNOWN(f, known, {
        const st_scalar *s = x[r] >= 0 && x[r] < (int64_t)list[0] ? &f->scalars[list[1 + x[r]]] : NULL;
        if (!s || s->missing)
            drop(known, r);
        else
            put_scalar(phys, out, r, s, q->codes ? q->codes[x[r]] : 0);
    })
    st_reg_filled(f, in->a[0], phys, known);
}

static void do_copy(st_frame *f, const st_bc_instr *in)
{
    st_reg *out = &f->v[in->a[0]];
    if (in->type == ST_BC_I64) i64(f, in->a[1]);
    const st_reg *v = &f->v[in->a[1]];
    if (in->a[0] != in->a[1] || out->data != out->buf)
        memmove(out->buf, v->data, f->n * (size_t)widths[v->phys]);
    uint64_t *known = known_one(f, in->a[1]);
    if (in->op == ST_BC_MASK) f->vm->k->and_(known, pred(f, in->a[2]), f->words, known);
    st_reg_filled(f, in->a[0], v->phys, in->op == ST_BC_MASK || v->known ? known : NULL);
}

/* ---- arithmetic ---- */

static void do_arith_i64(st_frame *f, const st_bc_instr *in)
{
    const st_kernels *k = f->vm->k;
    const int64_t *a = i64(f, in->a[1]), *b = i64(f, in->a[2]);
    int64_t *out = f->v[in->a[0]].buf;
    uint64_t *over = f->more_bits;
    uint64_t *known = known_two(f, in->a[1], in->a[2]);
    bool all = !f->v[in->a[1]].known && !f->v[in->a[2]].known;
    switch (in->op) {
    case ST_BC_ADD: k->add_i64(a, b, f->n, out, over); break;
    case ST_BC_SUB: k->sub_i64(a, b, f->n, out, over); break;
    default: k->mul_i64(a, b, f->n, out, over); break;
    }
    k->and_(over, known, f->words, over);
    uint64_t overflows = k->popcount(over, f->words);
    f->counts.overflows += overflows;
    k->andnot(known, over, f->words, known);
    st_reg_filled(f, in->a[0], ST_I64, all && !overflows ? NULL : known);
}

typedef enum fate { FITS, OVERFLOWS, BY_ZERO } fate;

static fate exact_arith(const st_bc_instr *in, st_i128 a, st_i128 b, st_i128 *out)
{
    unsigned sa = in->a[3] & 255, sb = in->a[3] >> 8;
    switch (in->op) {
    case ST_BC_ADD: return st_dec_add(a, sa, b, sb, out) ? FITS : OVERFLOWS;
    case ST_BC_SUB: return st_dec_sub(a, sa, b, sb, out) ? FITS : OVERFLOWS;
    case ST_BC_MUL: return st_dec_mul(a, b, out) ? FITS : OVERFLOWS;
    default: return b == 0 ? BY_ZERO : st_dec_div(a, sa, b, sb, out) ? FITS : OVERFLOWS;
    }
}

static void do_arith_i128(st_frame *f, const st_bc_instr *in)
{
    const st_i128 *a = i128(f, in->a[1]), *b = i128(f, in->a[2]);
    st_i128 *out = f->v[in->a[0]].buf;
    uint64_t *known = known_two(f, in->a[1], in->a[2]);
    EACH_KNOWN(f, known, {
        fate how = exact_arith(in, a[r], b[r], &out[r]);
        f->counts.divisions += how == BY_ZERO;
        f->counts.overflows += how == OVERFLOWS;
        if (how != FITS) drop(known, r);
    })
    st_reg_filled(f, in->a[0], ST_I128, known);
}

static void do_arith_f64(st_frame *f, const st_bc_instr *in)
{
    const st_kernels *k = f->vm->k;
    const double *a = f64(f, in->a[1]), *b = f64(f, in->a[2]);
    double *out = f->temp[0];
    uint64_t *known = known_two(f, in->a[1], in->a[2]), *bad = f->more_bits;
    switch (in->op) {
    case ST_BC_ADD: k->add_f64(a, b, f->n, out); break;
    case ST_BC_SUB: k->sub_f64(a, b, f->n, out); break;
    case ST_BC_MUL: k->mul_f64(a, b, f->n, out); break;
    default: k->div_f64(a, b, f->n, out); break;
    }
    bool all = !f->v[in->a[1]].known && !f->v[in->a[2]].known;
    k->not_finite(out, f->n, bad);
    k->and_(bad, known, f->words, bad);
    uint64_t nbad = k->popcount(bad, f->words);
    if (nbad) {
        k->andnot(known, bad, f->words, known);
        EACH_KNOWN(f, bad, {
            if (in->op == ST_BC_DIV && b[r] == 0)
                f->counts.divisions++;
            else
                f->counts.overflows++;
        })
    }
    memcpy(f->v[in->a[0]].buf, out, f->n * sizeof *out);
    st_reg_filled(f, in->a[0], ST_F64, all && !nbad ? NULL : known);
}

static void do_min_max(st_frame *f, const st_bc_instr *in, const st_prep *q)
{
    const st_kernels *k = f->vm->k;
    uint64_t *first = f->more_bits;
    st_cmp cmp = in->op == ST_BC_MIN ? ST_LE : ST_GE;
    uint32_t a = in->a[1], b = in->a[2];
    switch (in->type) {
    case ST_BC_I64: k->cmp_i64_v(i64(f, a), i64(f, b), f->n, cmp, first); break;
    case ST_BC_I128: k->cmp_i128_v(i128(f, a), i128(f, b), f->n, cmp, first); break;
    case ST_BC_F64: k->cmp_f64_v(f64(f, a), f64(f, b), f->n, cmp, first); break;
    default: {
        const uint64_t *known = known_two(f, a, b);
        fill(f, first, false);
        EACH_KNOWN(f, known, {
            int order =
                st_str_cmp(st_dict_get(q->dict, codes(f, a)[r]), st_dict_get(q->dict2, codes(f, b)[r]));
            first[r / 64] |= (uint64_t)st_cmp_holds(cmp, order) << (r % 64);
        })
    }
    }
    bool all = !f->v[a].known && !f->v[b].known;
    choose(f, in, q, a, b, first, all ? NULL : known_two(f, a, b));
}

/* One exact number to another; false: it does not fit. */
static bool exact_of(const st_bc_instr *in, st_i128 x, st_i128 *out)
{
    switch (in->op) {
    case ST_BC_NEG: *out = -x; return true;
    case ST_BC_ABS: *out = x < 0 ? -x : x; return true;
    case ST_BC_FLOOR: *out = st_dec_floor(x, in->a[2]); return true;
    case ST_BC_CEIL: *out = st_dec_ceil(x, in->a[2]); return true;
    case ST_BC_RESCALE: return st_dec_rescale(x, in->a[2] & 255, in->a[2] >> 8, out);
    default: *out = x; return true; /* widen, narrow */
    }
}

static void do_exact(st_frame *f, const st_bc_instr *in, bool wide_in, bool wide_out)
{
    uint32_t ra = in->a[1];
    const void *v = wide_in ? (const void *)i128(f, ra) : i64(f, ra);
    if (wide_in != wide_out) v = steady(f, v, ra, in->a[0], wide_in ? 16 : 8);
    void *out = f->v[in->a[0]].buf;
    uint64_t *known = known_one(f, ra);
    bool all = !f->v[ra].known;
    EACH_KNOWN(f, known, {
        st_i128 x = wide_in ? ((const st_i128 *)v)[r] : ((const int64_t *)v)[r];
        st_i128 y = 0;
        bool fits = exact_of(in, x, &y) && (wide_out || (y >= INT64_MIN && y <= INT64_MAX));
        if (!fits) {
            f->counts.overflows++;
            drop(known, r);
            all = false;
        } else if (wide_out) {
            ((st_i128 *)out)[r] = y;
        } else {
            ((int64_t *)out)[r] = (int64_t)y;
        }
    })
    st_reg_filled(f, in->a[0], wide_out ? ST_I128 : ST_I64, all ? NULL : known);
}

static void do_float(st_frame *f, const st_bc_instr *in)
{
    const double *x = f64(f, in->a[1]);
    double *out = f->v[in->a[0]].buf;
    const uint64_t *known = f->v[in->a[1]].known;
    for (uint32_t r = 0; r < f->n; r++) switch (in->op) {
        case ST_BC_NEG: out[r] = -x[r]; break;
        case ST_BC_ABS: out[r] = fabs(x[r]); break;
        case ST_BC_ROUND: out[r] = round(x[r]); break;
        case ST_BC_FLOOR: out[r] = floor(x[r]); break;
        case ST_BC_CEIL: out[r] = ceil(x[r]); break;
        default: out[r] = 1 / (1 + exp(-x[r])); break;
        }
    if (known) memcpy(f->bits, known, f->words * sizeof *known);
    st_reg_filled(f, in->a[0], ST_F64, known ? f->bits : NULL);
}

static void do_to_float(st_frame *f, const st_bc_instr *in)
{
    uint32_t ra = in->a[1];
    bool wide = in->type == ST_BC_I128;
    const void *v = wide ? steady(f, i128(f, ra), ra, in->a[0], 16) : (const void *)i64(f, ra);
    double *out = f->v[in->a[0]].buf;
    uint64_t *known = known_one(f, ra);
    bool all = !f->v[ra].known;
    EACH_KNOWN(f, known, {
        st_i128 x = wide ? ((const st_i128 *)v)[r] : ((const int64_t *)v)[r];
        out[r] = in->a[2] == 0 && !wide ? (double)(int64_t)x : st_dec_to_double(x, in->a[2]);
    })
    st_reg_filled(f, in->a[0], ST_F64, all ? NULL : known);
}

static void do_number(st_frame *f, const st_bc_instr *in)
{
    bool wide = in->type == ST_BC_I128;
    if (in->op == ST_BC_WIDEN)
        do_exact(f, in, false, true);
    else if (in->op == ST_BC_NARROW)
        do_exact(f, in, true, false);
    else if (in->op == ST_BC_LOGISTIC || in->type == ST_BC_F64)
        do_float(f, in);
    else
        do_exact(f, in, wide, wide);
}

/* ---- text ---- */

static void do_text(st_frame *f, const st_bc_instr *in, const st_prep *q)
{
    const uint32_t *x = codes(f, in->a[1]);
    uint64_t *known = known_one(f, in->a[1]);
    bool all = !f->v[in->a[1]].known;
    if (in->op == ST_BC_LENGTH) {
        x = steady(f, x, in->a[1], in->a[0], sizeof *x);
        int64_t *out = f->v[in->a[0]].buf;
        EACH_KNOWN(f, known, out[r] = q->lengths[x[r]])
        st_reg_filled(f, in->a[0], ST_I64, all ? NULL : known);
        return;
    }
    uint32_t *out = f->v[in->a[0]].buf;
    EACH_KNOWN(f, known, {
        out[r] = q->map[x[r]];
        if (out[r] == UINT32_MAX) {
            drop(known, r);
            all = false;
        }
    })
    st_reg_filled(f, in->a[0], ST_CODE, all ? NULL : known);
}

/* ---- time ---- */

static bool is_of_dates(st_bc_op op)
{
    return op == ST_BC_SHIFT_DATE || op == ST_BC_TO_INSTANT || op == ST_BC_TRUNC || op == ST_BC_PART_DATE ||
           op == ST_BC_BETWEEN_DATES;
}

/* ST_NO_TIME: missing. */
static int64_t time_of(const st_vm *vm, const st_bc_instr *in, int64_t x, int64_t y)
{
    bool dates = is_of_dates((st_bc_op)in->op),
         two_times = in->op == ST_BC_BETWEEN_DATES || in->op == ST_BC_BETWEEN_INSTANTS;
    if (!st_in_calendar(dates, x) || (two_times && !st_in_calendar(dates, y))) return ST_NO_TIME;
    switch (in->op) {
    case ST_BC_SHIFT_DATE: return st_date_add(x, y, (st_unit)in->a[3]);
    case ST_BC_SHIFT_INSTANT: return st_instant_add(vm->zone, x, y, (st_unit)in->a[3]);
    case ST_BC_TO_DAY: return st_day_of_instant(vm->zone, x);
    case ST_BC_TO_INSTANT: return st_start_of_day(vm->zone, x);
    case ST_BC_TRUNC: return st_date_trunc(x, (st_unit)in->a[2]);
    case ST_BC_PART_DATE: return st_date_part(x, (st_part)in->a[2]);
    case ST_BC_PART_INSTANT: return st_instant_part(vm->zone, x, (st_part)in->a[2]);
    case ST_BC_BETWEEN_DATES: return st_dates_between(x, y, (st_unit)in->a[3]);
    default: return st_instants_between(vm->zone, x, y, (st_unit)in->a[3]);
    }
}

static void do_time(st_frame *f, const st_bc_instr *in)
{
    bool two = st_bc_opcodes[in->op].kinds[2] == ST_K_V_IN_I64;
    const int64_t *x = i64(f, in->a[1]), *y = two ? i64(f, in->a[2]) : NULL;
    int64_t *out = f->v[in->a[0]].buf;
    uint64_t *known = both(f, f->v[in->a[1]].known, two ? f->v[in->a[2]].known : NULL);
    EACH_KNOWN(f, known, {
        int64_t t = time_of(f->vm, in, x[r], two ? y[r] : 0);
        if (t == ST_NO_TIME) drop(known, r);
        out[r] = t;
    })
    st_reg_filled(f, in->a[0], ST_I64, known);
}

static bool has_anniversary(int64_t day, int64_t low, int64_t high)
{
    if (day < ST_DATE_MIN || day > ST_DATE_MAX || low > ST_DATE_MAX) return false;
    int32_t born = st_civil_from_days(day).year;
    int32_t k = low < ST_DATE_MIN ? 1 : ST_MAX(1, st_civil_from_days(low).year - born);
    for (int32_t tries = 0; tries < 2; tries++, k++) {
        int64_t a = st_anniversary(day, k);
        if (a == ST_NO_TIME) return false;
        if (a >= low) return a < high;
    }
    return false;
}

static void do_anniversary(st_frame *f, const st_bc_instr *in)
{
    uint64_t *out = pred(f, in->a[0]);
    const int64_t *day = i64(f, in->a[1]), *low = i64(f, in->a[2]), *high = i64(f, in->a[3]);
    uint64_t *known = known_two(f, in->a[1], in->a[2]);
    if (f->v[in->a[3]].known) f->vm->k->and_(known, f->v[in->a[3]].known, f->words, known);
    fill(f, out, false);
    EACH_KNOWN(f, known, out[r / 64] |= (uint64_t)has_anniversary(day[r], low[r], high[r]) << (r % 64))
}

/* ---- results ---- */

static void do_store(st_frame *f, const st_bc_instr *in)
{
    const st_slot *slot = &f->slots[in->a[0]];
    const st_reg *v = &f->v[in->a[1]];
    if (v->phys == ST_I32)
        f->vm->k->widen_i32(v->data, f->n, (int64_t *)slot->data + f->start);
    else
        memcpy((char *)slot->data + f->start * widths[v->phys], v->data, f->n * (size_t)widths[v->phys]);
    memcpy(slot->known + f->start / 64, known_one(f, in->a[1]), f->words * sizeof *slot->known);
}

static void do_set(st_frame *f, const st_bc_instr *in, const st_prep *q)
{
    st_scalar *s = &f->vm->scalars[in->a[0]];
    if (in->op == ST_BC_SET_P) {
        s->missing = false;
        s->as.b = pred(f, in->a[1])[0] & 1;
        return;
    }
    if (in->type == ST_BC_I64) i64(f, in->a[1]);
    const st_reg *v = &f->v[in->a[1]];
    s->missing = v->known && !bit(v->known, 0);
    switch (v->phys) {
    case ST_I128: s->as.d = ((const st_i128 *)v->data)[0]; break;
    case ST_F64: s->as.f = ((const double *)v->data)[0]; break;
    case ST_CODE:
        if (!s->missing) s->as.s = st_dict_get(q->dict, ((const uint32_t *)v->data)[0]);
        break;
    default: s->as.i = ((const int64_t *)v->data)[0]; break;
    }
}

static void check_as_of(st_frame *f, const st_bc_instr *in)
{
    const st_scalar *inner = &f->scalars[in->a[0]], *outer = &f->scalars[in->a[1]];
    if (inner->missing)
        st_fail(f->env, STRATA_BAD_INPUT,
                "The instant of an \"as of\" lies outside of the years 0001 to 9999.");
    if (outer->missing || !st_in_calendar(false, outer->as.i) || inner->as.i <= outer->as.i) return;
    char a[ST_TIME_TEXT], b[ST_TIME_TEXT];
    st_format_instant(f->vm->zone, inner->as.i, a);
    st_format_instant(f->vm->zone, outer->as.i, b);
    st_fail(
        f->env, STRATA_BAD_INPUT,
        "A rule asks \"as of\" %s, which is later than the instant in force, %s; \"as of\" only looks back.",
        a, b);
}

void st_exec(st_frame *f, const st_bc_instr *in, const st_prep *q)
{
    switch ((st_bc_op)in->op) {
    case ST_BC_LOAD:
    case ST_BC_LOAD_TRUE:
    case ST_BC_LOAD_FALSE:
    case ST_BC_LOAD_KNOWN:
    case ST_BC_LOAD_LINKED: st_load(f, in, q); break;
    case ST_BC_CONST: do_const(f, in, q); break;
    case ST_BC_CONST_P:
    case ST_BC_AT_LEAST:
    case ST_BC_KNOWN:
    case ST_BC_MISSING: do_logic(f, in); break;
    case ST_BC_CMP: do_cmp(f, in, q); break;
    case ST_BC_CMP_V: do_cmp_v(f, in, q); break;
    case ST_BC_CMP_SCALED: do_cmp_scaled(f, in); break;
    case ST_BC_IN: do_in(f, in, q); break;
    case ST_BC_LISTED: do_listed(f, in, q); break;
    case ST_BC_TEST:
        if (f->scalars[in->a[2]].missing)
            fill(f, pred(f, in->a[0]), false);
        else
            do_cmp_text(f, in, q, pred(f, in->a[0]));
        break;
    case ST_BC_TEST_V: do_test_v(f, in, q); break;
    case ST_BC_LIST_HAS:
    case ST_BC_LIST_HAS_V: do_list_has(f, in, q); break;
    case ST_BC_ANNIVERSARY: do_anniversary(f, in); break;
    case ST_BC_DRAW: st_draw_rows(f, in, q); break;
    case ST_BC_DISTANCE: do_distance(f, in); break;
    case ST_BC_CASE: do_case(f, in, q); break;
    case ST_BC_SELECT:
    case ST_BC_COALESCE: do_select(f, in, q); break;
    case ST_BC_MASK:
    case ST_BC_COPY: do_copy(f, in); break;
    case ST_BC_LOOKUP: do_lookup(f, in, q); break;
    case ST_BC_ADD:
    case ST_BC_SUB:
    case ST_BC_MUL:
    case ST_BC_DIV:
        if (in->type == ST_BC_I64)
            do_arith_i64(f, in);
        else if (in->type == ST_BC_I128)
            do_arith_i128(f, in);
        else
            do_arith_f64(f, in);
        break;
    case ST_BC_MIN:
    case ST_BC_MAX: do_min_max(f, in, q); break;
    case ST_BC_NEG:
    case ST_BC_ABS:
    case ST_BC_RESCALE:
    case ST_BC_ROUND:
    case ST_BC_FLOOR:
    case ST_BC_CEIL:
    case ST_BC_WIDEN:
    case ST_BC_NARROW:
    case ST_BC_LOGISTIC: do_number(f, in); break;
    case ST_BC_TO_FLOAT: do_to_float(f, in); break;
    case ST_BC_LOWER:
    case ST_BC_UPPER:
    case ST_BC_TRIM:
    case ST_BC_DOMAIN:
    case ST_BC_LENGTH: do_text(f, in, q); break;
    case ST_BC_SHIFT_DATE:
    case ST_BC_SHIFT_INSTANT:
    case ST_BC_TO_DAY:
    case ST_BC_TO_INSTANT:
    case ST_BC_TRUNC:
    case ST_BC_PART_DATE:
    case ST_BC_PART_INSTANT:
    case ST_BC_BETWEEN_DATES:
    case ST_BC_BETWEEN_INSTANTS: do_time(f, in); break;
    case ST_BC_STORE: do_store(f, in); break;
    case ST_BC_SET:
    case ST_BC_SET_P: do_set(f, in, q); break;
    case ST_BC_CHECK_AS_OF: check_as_of(f, in); break;
    case ST_BC_NOTE: f->notes[in->a[0]] += f->vm->k->popcount(pred(f, in->a[1]), f->words); break;
    case ST_BC_AGG_SUM:
    case ST_BC_AGG_MIN:
    case ST_BC_AGG_MAX:
    case ST_BC_AGG_FIRST:
    case ST_BC_AGG_LAST:
        if (in->type == ST_BC_I64 && !(st_folds_narrow(in) && f->v[in->a[2]].narrow.data)) i64(f, in->a[2]);
        if (in->op == ST_BC_AGG_FIRST || in->op == ST_BC_AGG_LAST) i64(f, in->a[3]);
        st_fold_batch(f, in, q);
        break;
    case ST_BC_AGG_ANY:
    case ST_BC_AGG_COUNT: st_fold_batch(f, in, q); break;
    case ST_BC_ALL: /* what only blocks do: fuse.c */
    case ST_BC_EMPTY:
    case ST_BC_AND:
    case ST_BC_OR:
    case ST_BC_ANDNOT:
    case ST_BC_NOT:
    case ST_BC_COPY_P:
    case ST_BC_AND_ALL:
    case ST_BC_OR_ALL:
    case ST_BC_STORE_P:
    case ST_BC_OPS: ST_UNREACHABLE();
    }
}
