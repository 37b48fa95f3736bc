/* The machine's kernels, of every instruction set that this machine has, against loops that say what they mean. */
#include "by_hand.h"

#include "base/bitmap.h"
#include "base/text.h"
#include "vm/kernels.h"
#include "vm/vm.h"

enum { MOST = 4096 };

static uint64_t state = 1;

static uint64_t next(void)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return state >> 24;
}

static uint64_t next_word(void)
{
    return next() << 30 ^ next();
}

/* Lengths around the ends of words, and whole batches. */
static const size_t lengths[] = {1, 7, 63, 64, 65, 127, 128, 200, 1000, MOST};

static void check_bits(const uint64_t *out, size_t n, const bool *wanted, const char *what)
{
    for (size_t i = 0; i < n; i++)
        if (st_bit(out, i) != wanted[i]) fail_msg("%s: row %zu of %zu is %d", what, i, n, st_bit(out, i));
    if (n % 64) assert_int_equal(out[n / 64] >> (n % 64), 0);
}

enum { MOST_AT_ONCE = 19 };

/* Room for the answers of many leaves; filled, so that what a kernel does not write shows. */
static uint64_t room[MOST_AT_ONCE][MOST / 64];
static uint64_t **fresh_room(void)
{
    static uint64_t *outs[MOST_AT_ONCE];
    memset(room, 0xaa, sizeof room);
    for (size_t i = 0; i < MOST_AT_ONCE; i++) outs[i] = room[i];
    return outs;
}

#define CHECK_CUTS(KERNEL, T, RANDOM)                                                                        \
    static void check_##KERNEL(const st_kernels *k, size_t n, size_t m, bool all)                            \
    {                                                                                                        \
        static const st_cmp kinds[] = {ST_GE, ST_LT, ST_EQ};                                                 \
        T *v = malloc(n * sizeof(T)),                                                                        \
          cuts[MOST_AT_ONCE]; /* exactly as long as it is, for the address sanitizer to see */               \
        uint64_t known[MOST / 64];                                                                           \
        for (size_t w = 0; w < MOST / 64; w++) known[w] = next_word();                                       \
        for (size_t i = 0; i < n; i++) v[i] = (T)(RANDOM);                                                   \
        for (size_t c = 0; c < m; c++) cuts[c] = v[next() % n];                                              \
        for (size_t h = 0; h < ST_COUNT(kinds); h++) {                                                       \
            uint64_t **outs = fresh_room();                                                                  \
            k->KERNEL(v, n, all ? NULL : known, kinds[h], cuts, outs, m);                                    \
            for (size_t c = 0; c < m; c++) {                                                                 \
                bool wanted[MOST];                                                                           \
                for (size_t i = 0; i < n; i++)                                                               \
                    wanted[i] = (all || st_bit(known, i)) && (kinds[h] == ST_GE   ? v[i] >= cuts[c]          \
                                                              : kinds[h] == ST_LT ? v[i] < cuts[c]           \
                                                                                  : v[i] == cuts[c]);        \
                check_bits(outs[c], n, wanted, #KERNEL);                                                     \
            }                                                                                                \
        }                                                                                                    \
        free(v);                                                                                             \
    }
CHECK_CUTS(cuts_u8, uint8_t, next())
CHECK_CUTS(cuts_u16, uint16_t, next())
CHECK_CUTS(cuts_u32, uint32_t, next())
CHECK_CUTS(cuts_i64, int64_t, (next() << 40) ^ next())
CHECK_CUTS(cuts_f64, double, (double)(int64_t)(next() << 30) / 1024)

static void check_sets(const st_kernels *k, size_t n, size_t m, uint32_t entries)
{
    uint8_t *codes = malloc(n), tables[MOST_AT_ONCE][256] = {{0}};
    const uint8_t *each[MOST_AT_ONCE];
    uint64_t known[MOST / 64];
    for (size_t w = 0; w < MOST / 64; w++) known[w] = next_word();
    for (size_t s = 0; s < m; s++) {
        each[s] = tables[s];
        for (uint32_t i = 0; i < entries; i++) tables[s][i] = next() & 1 ? 0xff : 0;
    }
    for (size_t i = 0; i < n; i++) codes[i] = (uint8_t)(next() % entries);
    for (int all = 0; all < 2; all++) {
        uint64_t **outs = fresh_room();
        k->sets_u8(codes, n, all ? NULL : known, each, entries, outs, m);
        for (size_t s = 0; s < m; s++) {
            bool wanted[MOST];
            for (size_t i = 0; i < n; i++) wanted[i] = (all || st_bit(known, i)) && tables[s][codes[i]];
            check_bits(outs[s], n, wanted, "sets_u8");
        }
    }
    free(codes);
}

static void test_classes(void **s)
{
    (void)s;
    enum { ENTRIES = 1000, N = 777 };
    uint8_t table[ENTRIES], out[N];
    uint8_t narrow[N];
    uint16_t middle[N];
    uint32_t wide[N];
    for (size_t i = 0; i < ENTRIES; i++) table[i] = (uint8_t)next();
    for (size_t i = 0; i < N; i++) {
        wide[i] = (uint32_t)(next() % ENTRIES);
        middle[i] = (uint16_t)wide[i];
        narrow[i] = (uint8_t)(wide[i] % 256);
    }
    for (const char *const *isa = st_vm_isas(); *isa; isa++) {
        const st_kernels *k = st_kernels_choose(*isa);
        k->classes(narrow, 1, N, table, out);
        for (size_t i = 0; i < N; i++) assert_int_equal(out[i], table[narrow[i]]);
        k->classes(middle, 2, N, table, out);
        for (size_t i = 0; i < N; i++) assert_int_equal(out[i], table[middle[i]]);
        k->classes(wide, 4, N, table, out);
        for (size_t i = 0; i < N; i++) assert_int_equal(out[i], table[wide[i]]);
    }
}

/* Random code over a few registers, against the same told bit by bit. */
enum { REGISTERS = 5, STEPS = 60, SINKS = 3 };

static void run_slowly(const st_logic *code, uint64_t (*p)[MOST / 64], const uint64_t *all, size_t words,
                       uint64_t (*sunk)[MOST / 64], uint64_t *counts)
{
    for (size_t w = 0; w < words; w++) {
        uint64_t acc = 0;
        for (size_t i = 0; i < STEPS; i++) {
            uint32_t r = code[i].p;
            switch (code[i].op) {
            case ST_LOGIC_LOAD: acc = p[r][w]; break;
            case ST_LOGIC_AND: acc = acc & p[r][w]; break;
            case ST_LOGIC_OR: acc = acc | p[r][w]; break;
            case ST_LOGIC_ANDNOT: acc = acc & ~p[r][w]; break;
            case ST_LOGIC_BUT: acc = ~acc & p[r][w]; break;
            case ST_LOGIC_NOT: acc = ~acc & all[w]; break;
            case ST_LOGIC_ALL: acc = all[w]; break;
            case ST_LOGIC_NONE: acc = 0; break;
            case ST_LOGIC_SAVE: p[r][w] = acc; break;
            default:
                sunk[r][w] = acc;
                for (int b = 0; b < 64; b++) counts[r] += acc >> b & 1;
            }
        }
    }
}

static void check_logic(const st_kernels *k, size_t n, size_t at, bool past)
{
    enum { WORDS = MOST / 64 }; /* also the stride */
    static _Alignas(64) uint64_t p[REGISTERS][WORDS], again[REGISTERS][WORDS], all[WORDS],
        results[SINKS][2 * WORDS];
    static uint64_t sunk[SINKS][WORDS];
    static _Alignas(64) uint64_t lanes[SINKS][ST_COUNT_LANES];
    uint64_t counts[SINKS] = {0}, wanted[SINKS] = {0};
    st_logic code[STEPS];
    st_sink sinks[SINKS] = {{results[0], past}, {NULL, past}, {results[2], !past}};
    size_t words = (n + 63) / 64;
    memset(all, 0xff, sizeof all);
    if (n % 64) all[words - 1] = UINT64_MAX >> (64 - n % 64);
    memset(results, 0xaa, sizeof results);
    for (size_t r = 0; r < REGISTERS; r++)
        for (size_t w = 0; w < words; w++) p[r][w] = again[r][w] = next_word() & all[w];
    code[0] = (st_logic){ST_LOGIC_LOAD, 0};
    for (size_t i = 1; i < STEPS; i++) {
        uint32_t op = (uint32_t)(next() % (ST_LOGIC_SINK + 1));
        code[i] = (st_logic){op, (uint32_t)(next() % (op == ST_LOGIC_SINK ? SINKS : REGISTERS))};
    }
    for (uint32_t s = 0; s < SINKS; s++) code[STEPS - 1 - s] = (st_logic){ST_LOGIC_SINK, s};
    memset(lanes, 0, sizeof lanes);
    k->logic(code, STEPS, p[0], WORDS, all, words, sinks, at, lanes[0]);
    for (size_t s = 0; s < SINKS; s++)
        for (size_t i = 0; i < ST_COUNT_LANES; i++) counts[s] += lanes[s][i];
    run_slowly(code, again, all, words, sunk, wanted);
    assert_memory_equal(counts, wanted, sizeof counts);
    for (size_t r = 0; r < REGISTERS; r++) assert_memory_equal(p[r], again[r], words * 8);
    for (uint32_t s = 0; s < SINKS; s += 2) {
        assert_memory_equal(results[s] + at, sunk[s], words * 8);
        if (at) assert_int_equal(results[s][at - 1], UINT64_C(0xaaaaaaaaaaaaaaaa));
        assert_int_equal(results[s][at + words], UINT64_C(0xaaaaaaaaaaaaaaaa));
    }
}

static void test_logic(void **s)
{
    (void)s;
    for (const char *const *isa = st_vm_isas(); *isa; isa++)
        for (size_t i = 0; i < ST_COUNT(lengths); i++)
            for (size_t round = 0; round < 40; round++)
                check_logic(st_kernels_choose(*isa), lengths[i], round % 4 * 3, round & 1);
}

static void test_comparisons(void **s)
{
    (void)s;
    for (const char *const *isa = st_vm_isas(); *isa; isa++) {
        const st_kernels *k = st_kernels_choose(*isa);
        for (size_t i = 0; i < ST_COUNT(lengths); i++)
            for (size_t m = 1; m <= MOST_AT_ONCE; m += m < 9 ? 1 : 5) {
                check_cuts_u8(k, lengths[i], m, m % 2);
                check_cuts_u16(k, lengths[i], m, m % 2);
                check_cuts_u32(k, lengths[i], m, m % 2);
                check_cuts_i64(k, lengths[i], m, m % 2);
                check_cuts_f64(k, lengths[i], m, m % 2);
            }
    }
}

static void test_lookups(void **s)
{
    (void)s;
    static const uint32_t sizes[] = {1, 2, 15, 16, 17, 33, 63, 64, 65, 127, 128, 129, 200, 255, 256};
    for (const char *const *isa = st_vm_isas(); *isa; isa++)
        for (size_t i = 0; i < ST_COUNT(lengths); i++)
            for (size_t e = 0; e < ST_COUNT(sizes); e++)
                check_sets(st_kernels_choose(*isa), lengths[i], 1 + (i + e) % MOST_AT_ONCE, sizes[e]);
}

static void test_counting(void **s)
{
    (void)s;
    uint64_t a[100], b[100], wanted = 0;
    for (size_t i = 0; i < ST_COUNT(a); i++) {
        a[i] = next() << 30 ^ next();
        b[i] = next() << 30 ^ next();
        for (int bit = 0; bit < 64; bit++) wanted += a[i] >> bit & b[i] >> bit & 1;
    }
    for (const char *const *isa = st_vm_isas(); *isa; isa++)
        assert_int_equal(st_kernels_choose(*isa)->popcount_and(a, b, ST_COUNT(a)), wanted);
}

/* Groups of no row, of a few, and of more than a word. */
static void test_distinct(void **s)
{
    (void)s;
    enum { GROUPS = 40 };
    uint8_t v[MOST];
    uint64_t bits[MOST / 64];
    uint32_t first[GROUPS + 1] = {1000};
    for (size_t i = 0; i < MOST; i++) v[i] = (uint8_t)(next() % (i < 2000 ? 7 : 256));
    for (size_t w = 0; w < MOST / 64; w++) bits[w] = next() << 30 ^ next();
    for (size_t g = 0; g < GROUPS; g++) first[g + 1] = first[g] + (uint32_t)(next() % (g % 4 ? 12 : 200));
    for (const char *const *isa = st_vm_isas(); *isa; isa++) {
        int64_t out[GROUPS];
        st_kernels_choose(*isa)->distinct_u8(v, bits, first, GROUPS, out);
        for (size_t g = 0; g < GROUPS; g++) {
            bool seen[256] = {false};
            int64_t wanted = 0;
            for (uint32_t r = first[g] - 1000; r < first[g + 1] - 1000; r++) {
                if (!st_bit(bits, r) || seen[v[r]]) continue;
                seen[v[r]] = true;
                wanted++;
            }
            assert_int_equal(out[g], wanted);
        }
    }
}

static uint64_t value_at(const void *v, uint8_t bytes, size_t r)
{
    return bytes == 1   ? ((const uint8_t *)v)[r]
           : bytes == 2 ? ((const uint16_t *)v)[r]
                        : ((const uint32_t *)v)[r];
}

/* Pieces of a batch, and what is asked of them. */
typedef struct cut {
    size_t rows, n;
    uint32_t ends[MOST];
    uint64_t heads[MOST / 64];
} cut;

static void cut_rows(cut *c, size_t rows, uint32_t longest)
{
    uint32_t at = 0;
    *c = (cut){.rows = rows};
    while (at < rows && c->n < MOST) {
        uint32_t to = longest == MOST ? MOST : at + (uint32_t)(next() % (longest + 1));
        uint32_t end = (uint32_t)ST_MIN(to, rows);
        if (end > at) c->heads[at / 64] |= UINT64_C(1) << (at % 64);
        c->ends[c->n++] = at = end;
    }
}

static void check_pieces(const st_kernels *k, const cut *c, const void *v, uint8_t bytes,
                         const uint64_t *bits, int64_t low, int64_t unit)
{
    static int64_t counts[MOST], sums[MOST];
    static uint32_t smallest[MOST], largest[MOST];
    k->count_pieces(bits, c->rows, c->ends, c->n, counts);
    k->sum_pieces(v, bytes, low, unit, bits, c->rows, c->ends, c->n, sums);
    k->best_of_pieces(false, v, bytes, bits, c->heads, c->rows, c->ends, c->n, smallest);
    k->best_of_pieces(true, v, bytes, bits, c->heads, c->rows, c->ends, c->n, largest);
    for (size_t i = 0; i < c->n; i++) {
        uint64_t count = 0, sum = 0, least = UINT64_MAX, most = 0;
        for (uint32_t r = i ? c->ends[i - 1] : 0; r < c->ends[i]; r++) {
            if (!st_bit(bits, r)) continue;
            uint64_t x = value_at(v, bytes, r);
            count++;
            sum += (uint64_t)low + (uint64_t)unit * x;
            least = ST_MIN(least, x);
            most = ST_MAX(most, x);
        }
        assert_int_equal(counts[i], count);
        assert_int_equal(sums[i], sum);
        if (!count) continue;
        assert_int_equal(smallest[i], least);
        assert_int_equal(largest[i], most);
    }
}

static void check_value_sets(const st_kernels *k, const cut *c, const uint8_t *v, const uint64_t *bits)
{
    static uint32_t sets[MOST];
    k->sets_of_pieces(v, bits, c->heads, c->rows, c->ends, c->n, sets);
    for (size_t i = 0; i < c->n; i++) {
        uint32_t wanted = 0;
        for (uint32_t r = i ? c->ends[i - 1] : 0; r < c->ends[i]; r++)
            if (st_bit(bits, r)) wanted |= UINT32_C(1) << v[r];
        assert_int_equal(sets[i], wanted);
    }
}

/* Pieces without rows, of one row, around a word's length, up to a whole batch; values that are as large as they may be; a least value
 * below zero; units. Memory ends where the rows do. */
static void test_pieces(void **s)
{
    (void)s;
    static const uint32_t longest[] = {1, 3, 20, 63, 64, 65, 300, MOST};
    static const int64_t lows[] = {0, 7, -40000, -5000000000}, units[] = {1, 1, 1, 1000000};
    static const size_t rows[] = {1, 15, 63, 64, 65, 192, 1000, MOST};
    static cut c;
    for (size_t l = 0; l < ST_COUNT(longest); l++)
        for (size_t i = 0; i < ST_COUNT(rows); i++) {
            size_t n = rows[i], words = (n + 63) / 64;
            uint8_t *v = malloc(n * 4), *few = malloc(n);
            uint64_t *bits = malloc(words * 8);
            for (size_t b = 0; b < n * 4; b++) v[b] = next() % 4 ? (uint8_t)next() : 0xff;
            for (size_t r = 0; r < n; r++) few[r] = (uint8_t)(next() % 32);
            for (size_t w = 0; w < words; w++)
                bits[w] = w % 5 == 0 ? UINT64_MAX : w % 5 == 1 ? 0 : next() << 30 ^ next();
            if (n % 64) bits[words - 1] &= UINT64_MAX >> (64 - n % 64);
            cut_rows(&c, n, longest[l]);
            for (const char *const *isa = st_vm_isas(); *isa; isa++) {
                const st_kernels *k = st_kernels_choose(*isa);
                for (uint8_t bytes = 1; bytes <= 4; bytes = (uint8_t)(bytes * 2))
                    for (size_t q = 0; q < ST_COUNT(lows); q++)
                        check_pieces(k, &c, v, bytes, bits, lows[q], units[q]);
                check_value_sets(k, &c, few, bits);
            }
            free(v);
            free(few);
            free(bits);
        }
}

/* What is asked of a population: members some, none of a word, or all; values at the ends of 64 bits. */
static void check_population(const st_kernels *k, size_t n, bool below)
{
    static const int64_t cuts[] = {INT64_MIN, -5, 0, 3, INT64_MAX};
    int64_t *v = malloc(n * sizeof *v), *out = malloc(n * sizeof *out), low, high, least = INT64_MAX,
            most = INT64_MIN;
    uint64_t bits[MOST / 64] = {1}, *far = malloc(n * sizeof *far);
    uint32_t *near = malloc(n * sizeof *near);
    for (size_t r = 0; r < n; r++) {
        v[r] = next() % 8 ? (int64_t)(next() % 16) - 8 : next() % 2 ? INT64_MIN : INT64_MAX;
        if (r / 64 % 3 == 0 ? next() % 2 : r / 64 % 3 == 1) bits[r / 64] |= UINT64_C(1) << (r % 64);
    }
    size_t members = 0;
    for (size_t r = 0; r < n; r++) {
        if (!st_bit(bits, r)) continue;
        members++;
        least = ST_MIN(least, v[r]);
        most = ST_MAX(most, v[r]);
    }
    k->range_i64(v, bits, n, &low, &high);
    assert_true(low == least && high == most);
    uint64_t from = (uint64_t)(below ? high : low);
    near = realloc(near, members * sizeof *near); /* no longer than what is written */
    far = realloc(far, members * sizeof *far);
    k->distances(v, bits, n, from, below, 4, near);
    k->distances(v, bits, n, from, below, 8, far);
    k->score_i64(v, bits, n, cuts, ST_COUNT(cuts), below, 7, -2, out);
    for (size_t r = 0, at = 0; r < n; r++) {
        int64_t reached = 0;
        for (size_t c = 0; c < ST_COUNT(cuts); c++) reached += below ? v[r] <= cuts[c] : v[r] >= cuts[c];
        assert_int_equal(out[r], st_bit(bits, r) ? 7 - 2 * reached : 0);
        if (!st_bit(bits, r)) continue;
        uint64_t distance = below ? from - (uint64_t)v[r] : (uint64_t)v[r] - from;
        assert_true(far[at] == distance && near[at] == (uint32_t)distance);
        at++;
    }
    free(v);
    free(out);
    free(near);
    free(far);
}

static void test_populations(void **s)
{
    (void)s;
    for (const char *const *isa = st_vm_isas(); *isa; isa++)
        for (size_t i = 0; i < ST_COUNT(lengths); i++) {
            check_population(st_kernels_choose(*isa), lengths[i], false);
            check_population(st_kernels_choose(*isa), lengths[i], true);
        }
}

/* ---- hashes ---- */

/* The first 52 bits of a digest. */
static int64_t leading(const uint8_t *digest)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < 8; i++) bits = bits << 8 | digest[i];
    return (int64_t)(bits >> 12);
}

static void check_hashes(const st_kernels *k, const uint32_t *little, const uint32_t *big, char text[][56])
{
    int64_t by_md5[ST_LANES], by_sha256[ST_LANES];
    k->md5_lanes(little, by_md5);
    k->sha256_lanes(big, by_sha256);
    for (uint32_t l = 0; l < ST_LANES; l++) {
        uint8_t md5[16], sha256[32];
        st_md5(text[l], strlen(text[l]), md5);
        st_sha256(text[l], strlen(text[l]), sha256);
        if (by_md5[l] != leading(md5)) fail_msg("%s: md5 of %s", k->name, text[l]);
        if (by_sha256[l] != leading(sha256)) fail_msg("%s: sha256 of %s", k->name, text[l]);
    }
}

/* Lanes hold texts of all lengths that they may. */
static void test_hashes(void **s)
{
    (void)s;
    for (uint32_t round = 0; round < 8; round++) {
        static uint32_t little[16 * ST_LANES], big[16 * ST_LANES];
        static char text[ST_LANES][56];
        for (uint32_t l = 0; l < ST_LANES; l++) {
            uint8_t block[64] = {0};
            uint32_t n = (round * ST_LANES + l) % 56;
            for (uint32_t i = 0; i < n; i++) block[i] = (uint8_t)(1 + next() % 255);
            memcpy(text[l], block, sizeof text[l]);
            block[n] = 0x80;
            for (uint32_t w = 0; w < 16; w++) {
                memcpy(&little[w * ST_LANES + l], block + 4 * w, 4);
                big[w * ST_LANES + l] = __builtin_bswap32(little[w * ST_LANES + l]);
            }
            little[14 * ST_LANES + l] = big[15 * ST_LANES + l] = n * 8;
        }
        for (const char *const *isa = st_vm_isas(); *isa; isa++)
            check_hashes(st_kernels_choose(*isa), little, big, text);
    }
}

/* Numbers of all lengths up to `digits`: around powers of ten, and random ones. */
static void some_numbers(int64_t *v, uint32_t digits)
{
    for (uint32_t l = 0; l < ST_LANES; l++) {
        int64_t power = 1;
        for (uint32_t i = (uint32_t)(next() % digits); i-- > 0;) power *= 10;
        int64_t most = power > INT64_MAX / 10 ? INT64_MAX : power * 10 - 1;
        switch (next() % 4) {
        case 0: v[l] = power; break;
        case 1: v[l] = power - 1; break;
        case 2: v[l] = most; break;
        default: v[l] = power + (int64_t)((next() << 31 ^ next()) % (uint64_t)(most - power + 1)); break;
        }
    }
}

/* Numbers behind salts of all lengths, in lanes that held others before. */
static void test_numbers(void **s)
{
    (void)s;
    for (const char *const *isa = st_vm_isas(); *isa; isa++)
        for (uint32_t at = 0; at <= ST_MOST_BEFORE_NUMBER; at++) {
            const st_kernels *k = st_kernels_choose(*isa);
            static uint32_t little[16 * ST_LANES], big[16 * ST_LANES];
            char block[64] = "the quick brown fox jumps over lazy dogs", text[ST_LANES][56];
            memset(block + at, 0, sizeof block - at);
            for (uint32_t w = 0; w < 16 * ST_LANES; w++) {
                memcpy(&little[w], block + w / ST_LANES * 4, 4);
                big[w] = __builtin_bswap32(little[w]);
            }
            for (uint32_t round = 0; round < 6; round++) {
                static const uint32_t digits[] = {19, 7, 8, 16, 15, 1};
                int64_t v[ST_LANES];
                uint32_t before;
                some_numbers(v, digits[round]);
                memcpy(&before, block + at / 4 * 4, sizeof before);
                assert_true(k->number_lanes(v, at, before, false, little));
                assert_true(k->number_lanes(v, at, before, true, big));
                for (uint32_t l = 0; l < ST_LANES; l++)
                    snprintf(text[l], sizeof text[l], "%.*s%lld", (int)at, block, (long long)v[l]);
                check_hashes(k, little, big, text);
            }
        }
}

static void test_putting(void **s)
{
    (void)s;
    enum { WORDS = 5, N = WORDS * 64 };
    uint64_t bits[WORDS] = {0, UINT64_MAX, next_word(), next_word(), 1};
    for (const char *const *isa = st_vm_isas(); *isa; isa++) {
        uint32_t narrow[N];
        int64_t wide[N];
        for (uint32_t i = 0; i < N; i++) narrow[i] = i, wide[i] = i;
        st_kernels_choose(*isa)->put_i32(bits, WORDS, UINT32_MAX - 1, narrow);
        st_kernels_choose(*isa)->put_i64(bits, WORDS, INT64_MIN + 1, wide);
        for (uint32_t i = 0; i < N; i++) {
            assert_int_equal(narrow[i], st_bit(bits, i) ? UINT32_MAX - 1 : i);
            assert_true(wide[i] == (st_bit(bits, i) ? INT64_MIN + 1 : (int64_t)i));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comparisons), cmocka_unit_test(test_lookups),
        cmocka_unit_test(test_counting),    cmocka_unit_test(test_classes),
        cmocka_unit_test(test_putting),     cmocka_unit_test(test_logic),
        cmocka_unit_test(test_distinct),    cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_populations), cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
