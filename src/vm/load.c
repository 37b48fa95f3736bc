/* Loads: a pointer where the column lies as the register wants it, else a copy of the batch. */
#include "vm/parts.h"

static const int32_t *linked_rows(st_frame *f, const st_feed *s)
{
    uint32_t k = 0;
    while (f->pass->indexes[k] != s->index_id) k++;
    int32_t *out = f->linked[k];
    if (!f->linked_ready[k]) {
        f->vm->k->gather_i32(s->index, f->view_rows, f->n, out);
        f->linked_ready[k] = true;
    }
    return out;
}

const int32_t *st_feed_rows(st_frame *f, const st_feed *s, int64_t *base)
{
    *base = s->view ? f->base : (int64_t)f->start;
    const int32_t *rows = s->view ? f->view_rows : NULL;
    if (!s->index) return rows;
    return rows ? linked_rows(f, s) : s->index + *base;
}

/* The bits of the next batch are asked for ahead: a batch has so few that the processor sees no stream in them. */
static void fetch_next(const uint8_t *bytes, uint32_t n)
{
    enum { LINE = 64 };
    for (uint32_t at = 0; at < n / 8; at += LINE) __builtin_prefetch(bytes + n / 8 + at);
}

/* Bits [base, base + n) of a bitmap of that many bits; a pointer into it where they begin a word, else a copy in `buf`. */
static const uint64_t *slice(const void *bits, int64_t base, uint32_t n, uint64_t *buf)
{
    const uint8_t *bytes = (const uint8_t *)bits + base / 8;
    fetch_next(bytes, n);
    if (base % 64 == 0 && (uintptr_t)bytes % 8 == 0) return (const void *)bytes;
    unsigned shift = (unsigned)(base % 8);
    size_t have = (shift + n + 7) / 8;
    for (uint32_t w = 0; w < (n + 63) / 64; w++) {
        size_t take = ST_MIN(have - (size_t)w * 8, 9);
        uint8_t nine[16] = {0};
        memcpy(nine, bytes + (size_t)w * 8, take);
        st_u128 wide;
        memcpy(&wide, nine, sizeof wide);
        buf[w] = (uint64_t)(wide >> shift);
    }
    return buf;
}

static void load_known(st_frame *f, st_reg *r, const st_feed *s, const int32_t *rows, int64_t base)
{
    if (rows && (s->known || s->index)) {
        f->vm->k->gather_bits(s->known, rows, f->n, r->kbuf);
        r->known = r->kbuf;
    } else {
        r->known = s->known ? slice(s->known, base, f->n, r->kbuf) : NULL;
    }
}

static void gather_i128(const st_i128 *v, const int32_t *rows, uint32_t n, st_i128 *out)
{
    for (uint32_t i = 0; i < n; i++) out[i] = rows[i] < 0 ? 0 : v[rows[i]];
}

/* Only the narrow values are fetched, which are more likely to be in a cache; few instructions need more. */
static void gather_narrow(st_frame *f, st_reg *r, const st_feed *s, const int32_t *rows)
{
    const st_kernels *k = f->vm->k;
    switch (s->narrow.bytes) {
    case 1: k->gather_u8(s->narrow.data, rows, f->n, r->nbuf); break;
    case 2: k->gather_u16(s->narrow.data, rows, f->n, r->nbuf); break;
    default: k->gather_i32(s->narrow.data, rows, f->n, r->nbuf); break;
    }
    r->narrow.data = r->nbuf;
    r->data = NULL;
}

void st_settle(st_frame *f, st_reg *r)
{
    if (r->data) return;
    const st_kernels *k = f->vm->k;
    const st_narrow *from = &r->narrow;
    r->data = r->buf;
    if (r->phys == ST_CODE) {
        k->widen_codes(from->data, from->bytes, f->n, r->buf);
        if (r->known) k->clear_i32(r->buf, f->n, r->known);
        return;
    }
    r->phys = ST_I64;
    k->widen_narrow(from->data, from->bytes, f->n, from->low, from->unit, r->buf);
    if (r->known) k->clear_i64(r->buf, f->n, r->known);
}

void st_widen_days(st_frame *f, st_reg *r)
{
    if (r->phys != ST_I32 || !r->data) return;
    f->vm->k->widen_i32(r->data, f->n, r->buf);
    r->data = r->buf;
    r->phys = ST_I64;
}

void st_load_value(st_frame *f, st_reg *r, const st_feed *feed)
{
    const st_kernels *k = f->vm->k;
    const st_feed here = st_feed_in(feed, f->slots), *s = &here;
    int64_t base;
    const int32_t *rows = st_feed_rows(f, s, &base);
    load_known(f, r, s, rows, base);
    static const uint8_t widths[] = {
        [ST_BIT] = 0, [ST_I32] = 4, [ST_I64] = 8, [ST_I128] = 16, [ST_F64] = 8, [ST_CODE] = 4};
    r->phys = s->phys;
    r->narrow = s->narrow;
    if (!rows) {
        r->data = s->data ? (const char *)s->data + base * widths[s->phys] : NULL;
        if (s->narrow.data) r->narrow.data = (const char *)s->narrow.data + base * s->narrow.bytes;
        return;
    }
    if (s->narrow.data) {
        gather_narrow(f, r, s, rows);
        return;
    }
    r->data = r->buf;
    switch (s->phys) {
    case ST_I32:
        k->gather_i32(s->data, rows, f->n, f->temp[0]);
        k->widen_i32(f->temp[0], f->n, r->buf);
        r->phys = ST_I64;
        break;
    case ST_CODE: k->gather_i32(s->data, rows, f->n, r->buf); break;
    case ST_I128: gather_i128(s->data, rows, f->n, r->buf); break;
    default: k->gather_i64(s->data, rows, f->n, r->buf); break;
    }
}

/* Where the row is reached and known; the result may be `buf` or point into the source. NULL: everywhere. */
static const uint64_t *known_of(st_frame *f, const st_feed *s, uint64_t *buf)
{
    int64_t base;
    const int32_t *rows = st_feed_rows(f, s, &base);
    if (rows && (s->known || s->index)) {
        f->vm->k->gather_bits(s->known, rows, f->n, buf);
        return buf;
    }
    return s->known ? slice(s->known, base, f->n, buf) : NULL;
}

static void put_bits(st_frame *f, uint64_t *out, const uint64_t *from)
{
    for (uint32_t w = 0; w < f->words; w++) out[w] = from ? from[w] : UINT64_MAX;
    out[f->words - 1] &= f->tail;
}

static void load_true(st_frame *f, uint64_t *out, const st_feed *s)
{
    int64_t base;
    const int32_t *rows = st_feed_rows(f, s, &base);
    if (rows)
        f->vm->k->gather_bits(s->data, rows, f->n, out);
    else
        put_bits(f, out, slice(s->data, base, f->n, f->bits));
}

void st_load(st_frame *f, const st_bc_instr *in, const st_prep *q)
{
    if (in->op == ST_BC_LOAD) {
        st_load_value(f, &f->v[in->a[0]], &q->feed);
        return;
    }
    const st_feed here = st_feed_in(&q->feed, f->slots), *s = &here;
    uint64_t *out = f->p + (size_t)in->a[0] * f->stride;
    switch (in->op) {
    case ST_BC_LOAD_TRUE: load_true(f, out, s); break;
    case ST_BC_LOAD_FALSE:
        put_bits(f, f->more_bits, known_of(f, s, f->more_bits));
        load_true(f, out, s);
        f->vm->k->andnot(f->more_bits, out, f->words, out);
        break;
    default: put_bits(f, out, known_of(f, s, f->bits)); break;
    }
}
