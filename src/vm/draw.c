/* Draws: the place of each row's key. MD5 and SHA-256 of short texts are computed for several rows at once. */
#include "vm/parts.h"

/* LONGEST: bytes that fit into one block beside padding and length. */
enum { LONGEST = 55, BLOCK = 64, MOST_DIGITS = 20 };

/* What is being drawn of a batch. */
typedef struct draw {
    st_frame *f;
    const st_feed *key;
    st_hash hash;
    st_str salt;
    int64_t *out;
    bool big_endian;
    uint8_t block[BLOCK]; /* begins with the salt */
    uint32_t prefix;      /* its length, with the sign behind; more than LONGEST: one row at a time */
    uint32_t from, to;
    uint32_t words[16 * ST_LANES]; /* of the rows that wait */
    uint32_t waiting, rows[ST_LANES];
} draw;

static uint32_t word_of(const draw *d, uint32_t w)
{
    uint32_t word;
    memcpy(&word, d->block + 4 * w, sizeof word);
    return d->big_endian ? __builtin_bswap32(word) : word;
}

static void flush(draw *d)
{
    uint32_t first[ST_LANES], second[ST_LANES];
    const st_kernels *k = d->f->vm->k;
    (d->big_endian ? k->sha256_lanes : k->md5_lanes)(d->words, first, second);
    for (uint32_t i = 0; i < d->waiting; i++) {
        uint32_t a = first[i], b = second[i];
        if (!d->big_endian) a = __builtin_bswap32(a), b = __builtin_bswap32(b);
        d->out[d->rows[i]] = (int64_t)(((uint64_t)a << 32 | b) >> 12); /* the first 52 bits */
    }
    d->waiting = 0;
}

/* Pads the text of n bytes in the block and puts into a lane what the rows do not have in common. */
static void enqueue(draw *d, uint32_t row, uint32_t n)
{
    d->block[n] = 0x80;
    memset(d->block + n + 1, 0, 4 * d->to - n - 1);
    uint32_t *lane = d->words + d->waiting;
    for (uint32_t w = d->from; w < d->to; w++) lane[w * ST_LANES] = word_of(d, w);
    lane[(d->big_endian ? 15 : 14) * ST_LANES] = n * 8;
    d->rows[d->waiting++] = row;
    if (d->waiting == ST_LANES) flush(d);
}

/* The words that hold keys are [from, to); the others are the same for all rows. */
static void begin(draw *d)
{
    uint32_t most = d->key->phys == ST_CODE ? LONGEST : ST_MIN(d->prefix + MOST_DIGITS, LONGEST);
    d->from = d->prefix / 4;
    d->to = most / 4 + 1;
    for (uint32_t w = 0; w < d->from; w++)
        for (uint32_t l = 0; l < ST_LANES; l++) d->words[w * ST_LANES + l] = word_of(d, w);
}

/* Writes up to MOST_DIGITS bytes from `to` on; returns how many of them are the number. */
static uint32_t put_digits(int64_t v, uint8_t *to)
{
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v, limit = 10;
    uint32_t n = 1, sign = v < 0;
    while (n < 19 && rest >= limit) n++, limit *= 10;
    if (n == 19 && rest >= limit) n++;
    to[0] = '-';
    for (uint32_t at = sign + n; at-- > sign; rest /= 10) to[at] = (uint8_t)('0' + rest % 10);
    return sign + n;
}

static void draw_text(draw *d, uint32_t r, st_str key)
{
    if (d->prefix + key.n > LONGEST) {
        d->out[r] = (int64_t)st_draw(d->hash, d->salt, key);
        return;
    }
    if (key.n) memcpy(d->block + d->prefix, key.p, key.n);
    enqueue(d, r, d->prefix + key.n);
}

static void draw_row(draw *d, uint32_t r, int64_t row)
{
    if (d->key->phys == ST_CODE) {
        draw_text(d, r, st_dict_get(d->key->dict, st_feed_code(d->key, row)));
    } else if (d->prefix + MOST_DIGITS > LONGEST) {
        uint8_t digits[MOST_DIGITS];
        uint32_t n = put_digits(st_feed_i64(d->key, row), digits);
        draw_text(d, r, (st_str){(const char *)digits, n});
    } else {
        enqueue(d, r, d->prefix + put_digits(st_feed_i64(d->key, row), d->block + d->prefix));
    }
}

void st_draw_rows(st_frame *f, const st_bc_instr *in, const st_prep *q)
{
    const st_scalar *salt = &f->scalars[in->a[2]];
    st_reg *reg = &f->v[in->a[0]];
    draw d = {.f = f, .key = &q->feed, .hash = (st_hash)in->a[3], .salt = salt->as.s, .out = reg->buf};
    d.big_endian = d.hash == ST_HASH_SHA256;
    d.prefix = LONGEST + 1;
    bool in_lanes = d.hash == ST_HASH_MD5 || d.hash == ST_HASH_SHA256;
    if (in_lanes && !salt->missing && salt->as.s.n < LONGEST) {
        if (salt->as.s.n) memcpy(d.block, salt->as.s.p, salt->as.s.n);
        d.block[salt->as.s.n] = ':';
        d.prefix = salt->as.s.n + 1;
        begin(&d);
    }
    bool all = true;
    int64_t base;
    const int32_t *rows = st_feed_rows(f, &q->feed, &base);
    memset(reg->kbuf, 0, f->words * sizeof *reg->kbuf);
    for (uint32_t r = 0; r < f->n; r++) {
        int64_t row = rows ? rows[r] : base + r;
        d.out[r] = 0;
        if (salt->missing || !st_feed_known(&q->feed, row)) {
            all = false;
            continue;
        }
        st_bit_set((uint8_t *)reg->kbuf, r);
        draw_row(&d, r, row);
    }
    if (d.waiting) flush(&d);
    st_reg_filled(f, in->a[0], ST_I64, all ? NULL : reg->kbuf);
}
