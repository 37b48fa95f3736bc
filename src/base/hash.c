/* MD5 (RFC 1321), SHA-1 and SHA-256 (FIPS 180-4), 32-bit FNV-1a and MurmurHash3, and the draws that stand on them. Not for
 * secrets: for a split of customers that every engine computes the same way. */
#include "base/text.h"

#include "base/decimal.h"

static uint32_t rotl(uint32_t x, uint32_t n)
{
    return x << n | x >> (32 - n);
}

static uint32_t rotr(uint32_t x, uint32_t n)
{
    return x >> n | x << (32 - n);
}

/* A message fed piece by piece to a function of 64-byte blocks. */
typedef struct hasher {
    uint32_t state[8];
    void (*block)(uint32_t *state, const uint8_t *b);
    uint64_t length; /* bytes so far */
    uint8_t pending[64];
} hasher;

static void feed(hasher *h, const void *p, size_t n)
{
    const uint8_t *b = p;
    size_t filled = h->length % 64;
    h->length += n;
    if (filled) {
        size_t take = ST_MIN(n, 64 - filled);
        if (take) memcpy(h->pending + filled, b, take);
        b += take, n -= take;
        if (filled + take < 64) return;
        h->block(h->state, h->pending);
    }
    for (; n >= 64; n -= 64, b += 64) h->block(h->state, b);
    if (n) memcpy(h->pending, b, n);
}

/* Pads with a one bit, zeros and the length in bits. */
static void finish(hasher *h, bool big_endian)
{
    uint64_t bits = h->length * 8;
    uint8_t pad[72] = {0x80};
    size_t zeros = (119 - h->length % 64) % 64;
    for (uint32_t i = 0; i < 8; i++)
        pad[1 + zeros + i] = (uint8_t)(bits >> (big_endian ? 56 - 8 * i : 8 * i));
    feed(h, pad, 1 + zeros + 8);
}

static void md5_block(uint32_t *h, const uint8_t *p)
{
    uint32_t m[16];
    for (uint32_t i = 0; i < 16; i++)
        m[i] = (uint32_t)p[4 * i] | (uint32_t)p[4 * i + 1] << 8 | (uint32_t)p[4 * i + 2] << 16 |
               (uint32_t)p[4 * i + 3] << 24;
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3];
    uint32_t t;
#define F ((b & c) | (~b & d))
#define G ((d & b) | (~d & c))
#define H (b ^ c ^ d)
#define I (c ^ (b | ~d))
#define MD5(i, ROUND, word, turn, k)                                                                         \
    t = b + rotl(a + ROUND + UINT32_C(k) + m[word], turn);                                                   \
    a = d, d = c, c = b, b = t;
#include "base/hash_steps.def"
#undef F
#undef G
#undef H
#undef I
    h[0] += a, h[1] += b, h[2] += c, h[3] += d;
}

static const hasher md5_start = {.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476},
                                 .block = md5_block};

static void md5_finish(hasher *h, uint8_t out[16])
{
    finish(h, false);
    for (uint32_t i = 0; i < 16; i++) out[i] = (uint8_t)(h->state[i / 4] >> (8 * (i % 4)));
}

void st_md5(const void *p, size_t n, uint8_t out[16])
{
    hasher h = md5_start;
    feed(&h, p, n);
    md5_finish(&h, out);
}

static const uint32_t sha_k[64] = {
#define SHA256(i, k) UINT32_C(k),
#include "base/hash_steps.def"
};

static void sha_block(uint32_t *h, const uint8_t *p)
{
    uint32_t w[64], v[8];
    for (uint32_t i = 0; i < 16; i++)
        w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 | (uint32_t)p[4 * i + 2] << 8 |
               (uint32_t)p[4 * i + 3];
    for (uint32_t i = 16; i < 64; i++) {
        uint32_t s0 = rotr(w[i - 15], 7) ^ rotr(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotr(w[i - 2], 17) ^ rotr(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    memcpy(v, h, sizeof v);
    for (uint32_t i = 0; i < 64; i++) {
        uint32_t s1 = rotr(v[4], 6) ^ rotr(v[4], 11) ^ rotr(v[4], 25);
        uint32_t t1 = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + sha_k[i] + w[i];
        uint32_t s0 = rotr(v[0], 2) ^ rotr(v[0], 13) ^ rotr(v[0], 22);
        uint32_t t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof v[0]);
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (uint32_t i = 0; i < 8; i++) h[i] += v[i];
}

/* The first 32 bits of the fractions of the square roots of the first 8 primes. */
static const hasher sha_start = {
    .state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19},
    .block = sha_block};

void st_sha256(const void *p, size_t n, uint8_t out[32])
{
    hasher h = sha_start;
    feed(&h, p, n);
    finish(&h, true);
    for (uint32_t i = 0; i < 32; i++) out[i] = (uint8_t)(h.state[i / 4] >> (24 - 8 * (i % 4)));
}

/* The five words after the first 80 rounds are added to those before. */
static void sha1_block(uint32_t *h, const uint8_t *p)
{
    static const uint32_t k[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    uint32_t w[80];
    for (uint32_t i = 0; i < 16; i++)
        w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 | (uint32_t)p[4 * i + 2] << 8 |
               (uint32_t)p[4 * i + 3];
    for (uint32_t i = 16; i < 80; i++) w[i] = rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (uint32_t i = 0; i < 80; i++) {
        uint32_t f = b ^ c ^ d;
        if (i < 20) f = (b & c) | (~b & d);
        if (i >= 40 && i < 60) f = (b & c) | (b & d) | (c & d);
        uint32_t t = rotl(a, 5) + f + e + k[i / 20] + w[i];
        e = d, d = c, c = rotl(b, 30), b = a, a = t;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

static const hasher sha1_start = {.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0},
                                  .block = sha1_block};

/* ---- draws ---- */

/* What is drawn by: salt, separator and key, in the order of the product, as one text. */
typedef struct drawn_text {
    st_str part[3];
} drawn_text;

/* The first 64 bits of a digest. */
static uint64_t leading(const hasher *start, bool big_endian, const drawn_text *t)
{
    hasher h = *start;
    for (size_t i = 0; i < ST_COUNT(t->part); i++) feed(&h, t->part[i].p, t->part[i].n);
    finish(&h, big_endian);
    if (big_endian) return (uint64_t)h.state[0] << 32 | h.state[1];
    return (uint64_t)__builtin_bswap32(h.state[0]) << 32 | __builtin_bswap32(h.state[1]);
}

static uint32_t fnv1a(const drawn_text *t)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < ST_COUNT(t->part); i++)
        for (uint32_t k = 0; k < t->part[i].n; k++) h = (h ^ (uint8_t)t->part[i].p[k]) * 16777619u;
    return h;
}

static uint32_t murmur_scramble(uint32_t k)
{
    return rotl(k * 0xcc9e2d51, 15) * 0x1b873593;
}

/* MurmurHash3 x86_32: words of four bytes, little-endian, across the parts. */
static uint32_t murmur3(const drawn_text *t, uint32_t seed)
{
    uint32_t h = seed, word = 0, filled = 0, length = 0;
    for (size_t i = 0; i < ST_COUNT(t->part); i++)
        for (uint32_t k = 0; k < t->part[i].n; k++, length++) {
            word |= (uint32_t)(uint8_t)t->part[i].p[k] << (8 * filled);
            if (++filled < 4) continue;
            h = rotl(h ^ murmur_scramble(word), 13) * 5 + 0xe6546b64;
            word = filled = 0;
        }
    if (filled) h ^= murmur_scramble(word);
    h ^= length;
    h = (h ^ h >> 16) * 0x85ebca6b;
    h = (h ^ h >> 13) * 0xc2b2ae35;
    return h ^ h >> 16;
}

static uint64_t growthbook(const drawn_text *t)
{
    char digits[ST_DECIMAL_TEXT];
    drawn_text again = {{{digits, st_dec_format(fnv1a(t), 0, digits)}}};
    return fnv1a(&again) % 10000;
}

static uint64_t place_of(st_hash hash, const drawn_text *t)
{
    switch (hash) {
    case ST_HASH_MD5: return leading(&md5_start, false, t) >> 12;
    case ST_HASH_SHA256: return leading(&sha_start, true, t) >> 12;
    case ST_HASH_GROWTHBOOK: return growthbook(t);
    case ST_HASH_OPTIMIZELY: return (uint64_t)murmur3(t, 1) * 10000 >> 32;
    case ST_HASH_PLANOUT:
    case ST_HASH_LAUNCHDARKLY: return leading(&sha1_start, true, t) >> 4;
    case ST_HASH_EPPO: return (leading(&md5_start, false, t) >> 32) % 10000;
    case ST_HASH_UNLEASH: return murmur3(t, 0) % 100;
    case ST_HASHES: break;
    }
    ST_UNREACHABLE();
}

#define BITS_52 (UINT64_C(1) << 52)
#define MOST_OF_60 ((UINT64_C(1) << 60) - 1)

/* How salt and key are joined, and of how many parts a place is: place / parts lies between 0 and 1. */
static const struct {
    const char *name, *between;
    bool key_first;
    uint64_t parts;
} schemes[ST_HASHES] = {
    [ST_HASH_MD5] = {"md5", ":", false, BITS_52},
    [ST_HASH_SHA256] = {"sha256", ":", false, BITS_52},
    [ST_HASH_GROWTHBOOK] = {"growthbook", "", false, 10000},
    [ST_HASH_OPTIMIZELY] = {"optimizely", "", true, 10000},
    [ST_HASH_PLANOUT] = {"planout", ".", false, MOST_OF_60},
    [ST_HASH_LAUNCHDARKLY] = {"launchdarkly", ".", false, MOST_OF_60},
    [ST_HASH_EPPO] = {"eppo", "-", false, 10000},
    [ST_HASH_UNLEASH] = {"unleash", ":", false, 100},
};

const char *st_hash_name(st_hash hash)
{
    return schemes[hash].name;
}

uint64_t st_draw(st_hash hash, st_str salt, st_str key)
{
    bool key_first = schemes[hash].key_first;
    drawn_text t = {{key_first ? key : salt, st_str_of(schemes[hash].between), key_first ? salt : key}};
    return place_of(hash, &t);
}

uint64_t st_draw_text(st_hash hash, st_str text)
{
    drawn_text t = {{text}};
    return place_of(hash, &t);
}

/* num * parts / 10^scale, rounded up, bit by bit of `parts`: the product may be longer than 128 bits. */
uint64_t st_draw_threshold(st_hash hash, st_i128 num, unsigned scale)
{
    assert(scale <= ST_DRAW_SCALE);
    st_i128 whole = st_pow10(scale), rest = 0;
    uint64_t parts = schemes[hash].parts, limit = 0;
    assert(num >= 0 && num <= whole);
    if (num == whole) return UINT64_C(1) << 60; /* everyone, also at a place of 1 */
    for (int bit = 60; bit >= 0; bit--) {
        limit *= 2, rest *= 2;
        if (rest >= whole) rest -= whole, limit++;
        if (parts >> bit & 1) rest += num;
        if (rest >= whole) rest -= whole, limit++;
    }
    return limit + (rest > 0);
}

/* ---- CRC-32C ---- */

uint32_t st_crc32c(const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint32_t of_byte[256], c = UINT32_MAX;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t x = i;
        for (int k = 0; k < 8; k++) x = x & 1 ? x >> 1 ^ UINT32_C(0x82f63b78) : x >> 1;
        of_byte[i] = x;
    }
    for (size_t i = 0; i < n; i++) c = of_byte[(c ^ p[i]) & 255] ^ c >> 8;
    return ~c;
}
