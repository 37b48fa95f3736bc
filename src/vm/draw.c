/* Draws: the place of each row's key. MD5 and SHA-256 of short texts are computed for ST_LANES rows at once. */
#include "vm/parts.h"

/* LONGEST: bytes that fit into one block beside padding and length. */
enum { LONGEST = 55, BLOCK = 64, MOST_DIGITS = 20 };

/* What is being drawn of a batch. */
typedef struct draw {
    const st_kernels *k;
    st_hash hash;
    st_str salt;
    st_reg keys; /* I64, or CODE */
    const st_dict *dict;
    bool big_endian;
    uint8_t block[BLOCK]; /* begins with the salt */
    uint32_t prefix;      /* its length, with the sign behind; more than LONGEST: one row at a time */
    uint32_t from, to;    /* the words that hold keys; the others are the same for all rows */
    uint32_t words[16 * ST_LANES]; /* of the rows in hand */
} draw;

/* Writes up to MOST_DIGITS bytes from `to` on; returns how many of them are the number. */
static uint32_t put_digits(int64_t v, uint8_t *to)
{
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v, limit = 10;
    uint32_t n = 1, sign = v < 0;
    while (n < MOST_DIGITS - 1 && rest >= limit) n++, limit *= 10;
    to[0] = '-';
    for (uint32_t at = sign + n; at-- > sign; rest /= 10) to[at] = (uint8_t)('0' + rest % 10);
    return sign + n;
}

static bool is_known(const draw *d, uint32_t r)
{
    return !d->keys.known || (d->keys.known[r / 64] >> (r % 64) & 1) != 0;
}

/* The key of a row of the batch; `digits` is room for a number. */
static st_str key_of(const draw *d, uint32_t r, uint8_t digits[MOST_DIGITS])
{
    if (d->keys.phys == ST_CODE) return st_dict_get(d->dict, ((const uint32_t *)d->keys.data)[r]);
    uint32_t n = put_digits(((const int64_t *)d->keys.data)[r], digits);
    return (st_str){(const char *)digits, n};
}

static void draw_one(const draw *d, uint32_t r, int64_t *out)
{
    uint8_t digits[MOST_DIGITS];
    out[r] = (int64_t)st_draw(d->hash, d->salt, key_of(d, r, digits));
}

/* ---- many at once ---- */

static uint32_t word_of(const draw *d, uint32_t w)
{
    uint32_t word;
    memcpy(&word, d->block + 4 * w, sizeof word);
    return d->big_endian ? __builtin_bswap32(word) : word;
}

static void begin(draw *d)
{
    if (d->salt.n) memcpy(d->block, d->salt.p, d->salt.n);
    d->block[d->salt.n] = ':';
    uint32_t most = d->keys.phys == ST_CODE ? LONGEST : ST_MIN(d->prefix + MOST_DIGITS, LONGEST);
    d->from = d->prefix / 4;
    d->to = most / 4 + 1;
    for (uint32_t w = 0; w < d->from; w++)
        for (uint32_t l = 0; l < ST_LANES; l++) d->words[w * ST_LANES + l] = word_of(d, w);
}

/* Pads the text of n bytes in the block and puts into a lane what the rows do not have in common. */
static void put_lane(draw *d, uint32_t lane, uint32_t n)
{
    d->block[n] = 0x80;
    memset(d->block + n + 1, 0, 4 * d->to - n - 1);
    for (uint32_t w = d->from; w < d->to; w++) d->words[w * ST_LANES + lane] = word_of(d, w);
    d->words[(d->big_endian ? 15u : 14u) * ST_LANES + lane] = n * 8;
}

/* Puts the keys of n rows from `at` on into the lanes, or says that they are not that simple: texts, numbers below 0, behind
 * a long salt. */
static bool put_numbers(draw *d, uint32_t at, uint32_t n)
{
    if (d->keys.phys == ST_CODE || d->prefix > ST_MOST_BEFORE_NUMBER) return false;
    const int64_t *v = (const int64_t *)d->keys.data + at;
    int64_t last[ST_LANES];
    if (n < ST_LANES) {
        memset(last, 0, sizeof last);
        v = memcpy(last, v, n * sizeof *v);
    }
    uint32_t before = 0;
    memcpy(&before, d->block + d->prefix / 4 * 4, d->prefix % 4);
    return d->k->number_lanes(v, d->prefix, before, d->big_endian, d->words);
}

/* Likewise one by one. Returns a bit for each that is too long for a lane. */
static uint64_t put_keys(draw *d, uint32_t at, uint32_t n)
{
    uint64_t too_long = 0;
    for (uint32_t l = 0; l < n; l++) {
        uint8_t digits[MOST_DIGITS];
        if (!is_known(d, at + l)) continue;
        st_str key = key_of(d, at + l, digits);
        if (d->prefix + key.n > LONGEST) {
            too_long |= UINT64_C(1) << l;
            continue;
        }
        if (key.n) memcpy(d->block + d->prefix, key.p, key.n);
        put_lane(d, l, d->prefix + key.n);
    }
    return too_long;
}

static void draw_lanes(draw *d, uint32_t at, uint32_t n, int64_t *out)
{
    int64_t last[ST_LANES], *places = n < ST_LANES ? last : out + at;
    uint64_t too_long = put_numbers(d, at, n) ? 0 : put_keys(d, at, n);
    (d->big_endian ? d->k->sha256_lanes : d->k->md5_lanes)(d->words, places);
    if (places == last) memcpy(out + at, last, n * sizeof *last);
    for (; too_long; too_long &= too_long - 1) draw_one(d, at + (uint32_t)__builtin_ctzll(too_long), out);
}

static void draw_all(draw *d, uint32_t n, int64_t *out)
{
    bool in_lanes = d->hash == ST_HASH_MD5 || d->hash == ST_HASH_SHA256;
    if (in_lanes && d->prefix <= LONGEST) {
        begin(d);
        for (uint32_t at = 0; at < n; at += ST_LANES) draw_lanes(d, at, ST_MIN(n - at, ST_LANES), out);
        return;
    }
    for (uint32_t r = 0; r < n; r++)
        if (is_known(d, r)) draw_one(d, r, out);
}

/* The keys are read into a register of their own, for the result's would be written before they were all read. */
static st_reg load_keys(st_frame *f, const st_reg *out, const st_feed *feed)
{
    st_reg keys = {.buf = f->temp[1], .kbuf = out->kbuf, .nbuf = out->nbuf};
    st_load_value(f, &keys, feed);
    st_settle(f, &keys);
    st_widen_days(f, &keys);
    return keys;
}

void st_draw_rows(st_frame *f, const st_bc_instr *in, const st_prep *q)
{
    const st_scalar *salt = &f->scalars[in->a[2]];
    st_reg *out = &f->v[in->a[0]];
    if (salt->missing) {
        memset(out->kbuf, 0, f->words * sizeof *out->kbuf);
        st_reg_filled(f, in->a[0], ST_I64, out->kbuf);
        return;
    }
    draw d = {.k = f->vm->k, .hash = (st_hash)in->a[3], .salt = salt->as.s, .dict = q->feed.dict};
    d.keys = load_keys(f, out, &q->feed);
    d.big_endian = d.hash == ST_HASH_SHA256;
    d.prefix = ST_MIN(d.salt.n, LONGEST) + 1;
    draw_all(&d, f->n, out->buf);
    st_reg_filled(f, in->a[0], ST_I64, d.keys.known);
}
