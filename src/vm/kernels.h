/* Loops over the rows of a batch. Written once (kernels.inc), compiled for each instruction set; one table a set.
 *
 * n is a number of rows (at most ST_VM_BATCH), words = (n + 63) / 64. Bitmaps that are written have zeros behind n in
 * their last word. Inputs need no padding, and may not overlap outputs unless they are the same array. */
#ifndef STRATA_VM_KERNELS_H
#define STRATA_VM_KERNELS_H

#include "base/base.h"
#include "syntax/ast_slots.h"

/* Texts that are hashed at once; bytes before a number in a text that fits into a block. */
enum { ST_LANES = 64, ST_MOST_BEFORE_NUMBER = 36 };

/* Logic on whole predicate registers by way of an accumulator. */
typedef enum st_logic_op {
    ST_LOGIC_LOAD,   /* acc = P[p] */
    ST_LOGIC_AND,    /* acc = acc and P[p] */
    ST_LOGIC_OR,     /* acc = acc or P[p] */
    ST_LOGIC_ANDNOT, /* acc = acc and not P[p] */
    ST_LOGIC_BUT,    /* acc = P[p] and not acc */
    ST_LOGIC_NOT,    /* acc = not acc */
    ST_LOGIC_ALL,    /* acc = every row */
    ST_LOGIC_NONE,   /* acc = no row */
    ST_LOGIC_SAVE,   /* P[p] = acc */
    ST_LOGIC_SINK    /* sink p takes acc */
} st_logic_op;
typedef struct st_logic {
    uint32_t op, p;
} st_logic;

/* A count is spread over so many numbers, which add up to it: sums across a vector wait long. */
enum { ST_COUNT_LANES = 8 };

/* Where a bitmap over all rows goes: counted, and stored where `out` is not NULL; past: past the caches, for nobody reads it soon. */
typedef struct st_sink {
    uint64_t *out;
    bool past;
} st_sink;

typedef struct st_kernels {
    const char *name;
    bool (*supported)(void);

    /* m questions of one kind (ST_GE, ST_LT, ST_EQ) of the same n values: out[c] = known and v <how> cuts[c]. known NULL: all. */
    void (*cuts_u8)(const uint8_t *v, size_t n, const uint64_t *known, st_cmp how, const uint8_t *cuts,
                    uint64_t *const *out, size_t m);
    void (*cuts_u16)(const uint16_t *v, size_t n, const uint64_t *known, st_cmp how, const uint16_t *cuts,
                     uint64_t *const *out, size_t m);
    void (*cuts_u32)(const uint32_t *v, size_t n, const uint64_t *known, st_cmp how, const uint32_t *cuts,
                     uint64_t *const *out, size_t m);
    void (*cuts_i64)(const int64_t *v, size_t n, const uint64_t *known, st_cmp how, const int64_t *cuts,
                     uint64_t *const *out, size_t m);
    void (*cuts_f64)(const double *v, size_t n, const uint64_t *known, st_cmp how, const double *cuts,
                     uint64_t *const *out, size_t m);
    /* out[s] = known and tables[s][code] != 0, for m tables of 256 bytes (0 or 0xff); codes are below `entries`. */
    void (*sets_u8)(const uint8_t *codes, size_t n, const uint64_t *known, const uint8_t *const *tables,
                    uint32_t entries, uint64_t *const *out, size_t m);
    /* out[i] = table[codes[i]]; codes of 1, 2 or 4 bytes */
    void (*classes)(const void *codes, uint8_t bytes, size_t n, const uint8_t *table, uint8_t *out);
    /* Runs the code over predicate registers (p, `stride` words each, of which `words` are in use); all: a bit for every row of the batch. Sinks are written from
     * word `at` on; The ST_COUNT_LANES counts of sink s grow by the
     * bits given to it, and are aligned to 64 bytes. p and all are aligned to 64 bytes, and so is a block of rows in
     * p: the stride is a multiple of 8 words, or words fill no block. */
    void (*logic)(const st_logic *code, size_t n, uint64_t *p, size_t stride, const uint64_t *all,
                  size_t words, const st_sink *sinks, size_t at, uint64_t *counts);
    void (*cmp_i128)(const st_i128 *v, size_t n, st_cmp cmp, st_i128 k, uint64_t *out);
    void (*cmp_i64_v)(const int64_t *a, const int64_t *b, size_t n, st_cmp cmp, uint64_t *out);
    void (*cmp_i128_v)(const st_i128 *a, const st_i128 *b, size_t n, st_cmp cmp, uint64_t *out);
    void (*cmp_f64_v)(const double *a, const double *b, size_t n, st_cmp cmp, uint64_t *out);
    /* A bit a code, from a table of bytes (0 or 0xff) or, for long dictionaries, of bits. */
    void (*look_bytes)(const uint32_t *codes, size_t n, const uint8_t *table, uint64_t *out);
    void (*look_bits)(const uint32_t *codes, size_t n, const uint64_t *table, uint64_t *out);

    void (*and_)(const uint64_t *a, const uint64_t *b, size_t words, uint64_t *out);
    void (*or_)(const uint64_t *a, const uint64_t *b, size_t words, uint64_t *out);
    void (*andnot)(const uint64_t *a, const uint64_t *b, size_t words, uint64_t *out);
    uint64_t (*popcount)(const uint64_t *a, size_t words);
    uint64_t (*popcount_and)(const uint64_t *a, const uint64_t *b, size_t words);

    /* over: a bit where the result does not fit; the value there means nothing. */
    void (*add_i64)(const int64_t *a, const int64_t *b, size_t n, int64_t *out, uint64_t *over);
    void (*sub_i64)(const int64_t *a, const int64_t *b, size_t n, int64_t *out, uint64_t *over);
    void (*mul_i64)(const int64_t *a, const int64_t *b, size_t n, int64_t *out, uint64_t *over);
    void (*add_f64)(const double *a, const double *b, size_t n, double *out);
    void (*sub_f64)(const double *a, const double *b, size_t n, double *out);
    void (*mul_f64)(const double *a, const double *b, size_t n, double *out);
    void (*div_f64)(const double *a, const double *b, size_t n, double *out);
    void (*not_finite)(const double *v, size_t n, uint64_t *out);

    void (*widen_i32)(const int32_t *v, size_t n, int64_t *out);
    /* Narrow values of 1, 2 or 4 bytes: low + unit * v; codes of 1 or 2. Wraps where a row has no value. */
    void (*widen_narrow)(const void *v, uint8_t bytes, size_t n, int64_t low, int64_t unit, int64_t *out);
    void (*widen_codes)(const void *v, uint8_t bytes, size_t n, uint32_t *out);
    /* Zeroes the values of rows whose bit is 0. */
    void (*clear_i32)(uint32_t *v, size_t n, const uint64_t *known);
    void (*clear_i64)(int64_t *v, size_t n, const uint64_t *known);
    /* out[i] = v where bit i is set, for whole words of bits; else out[i] stays. */
    void (*put_i32)(const uint64_t *bits, size_t words, uint32_t v, uint32_t *out);
    void (*put_i64)(const uint64_t *bits, size_t words, int64_t v, int64_t *out);
    /* out[i] = rows[i] < 0 ? 0 : v[rows[i]] */
    void (*gather_u8)(const uint8_t *v, const int32_t *rows, size_t n, uint8_t *out);
    void (*gather_u16)(const uint16_t *v, const int32_t *rows, size_t n, uint16_t *out);
    void (*gather_i32)(const int32_t *v, const int32_t *rows, size_t n, int32_t *out);
    void (*gather_i64)(const int64_t *v, const int32_t *rows, size_t n, int64_t *out);
    /* out bit i = rows[i] >= 0 and (known == NULL or bit rows[i] of known) */
    void (*gather_bits)(const uint8_t *known, const int32_t *rows, size_t n, uint64_t *out);
    /* out[i] = how many values there are in v[first[i] - first[0]] to before v[first[i + 1] - first[0]] where the bit is set; each
     * is counted once. */
    void (*distinct_u8)(const uint8_t *v, const uint64_t *bits, const uint32_t *first, size_t n,
                        int64_t *out);
    /* Of pieces of the batch: piece i is the rows from the end of the one before (the first from 0) to before ends[i], and may have none.
     * `heads` has a bit for the first row of each that has any. All of them read `rows` rows.
     * How many of its bits are set. */
    void (*count_pieces)(const uint64_t *bits, size_t rows, const uint32_t *ends, size_t n, int64_t *out);
    /* The sum of low + unit * v, v of 1, 2 or 4 bytes, where the bit is set; no sum of a piece may leave 64 bits. */
    void (*sum_pieces)(const void *v, uint8_t bytes, int64_t low, int64_t unit, const uint64_t *bits,
                       size_t rows, const uint32_t *ends, size_t n, int64_t *out);
    /* The smallest or largest v where the bit is set; of none anything. */
    void (*best_of_pieces)(bool largest, const void *v, uint8_t bytes, const uint64_t *bits,
                           const uint64_t *heads, size_t rows, const uint32_t *ends, size_t n, uint32_t *out);
    /* Bit x is set where a row of the piece whose bit is set has the value x; all are below 32. */
    void (*sets_of_pieces)(const uint8_t *v, const uint64_t *bits, const uint64_t *heads, size_t rows,
                           const uint32_t *ends, size_t n, uint32_t *out);
    /* How many values each set has. */
    void (*count_sets)(const uint32_t *sets, size_t n, int64_t *out);
    /* The smallest and the largest of the values whose bit is set: one, at least. */
    void (*range_i64)(const int64_t *v, const uint64_t *bits, size_t n, int64_t *low, int64_t *high);
    /* Of the values whose bit is set, one behind the other in 4 or 8 bytes: v - from, or with `down` from - v. */
    void (*distances)(const int64_t *v, const uint64_t *bits, size_t n, uint64_t from, bool down,
                      uint8_t bytes, void *out);
    /* out[i] = first + step for each cut that v[i] reaches, by being at least as large, or with `below` as small; 0 where the bit is not
     * set. */
    void (*score_i64)(const int64_t *v, const uint64_t *bits, size_t n, const int64_t *cuts, uint32_t ncuts,
                      bool below, int64_t first, int64_t step, int64_t *out);
    /* Hashes of ST_LANES texts of at most 55 bytes: word w of the block of lane l, padded as the hash asks and read in its byte order,
     * is words[w * ST_LANES + l]. Gives the first 52 bits of each digest. */
    void (*md5_lanes)(const uint32_t *words, int64_t *out);
    void (*sha256_lanes)(const uint32_t *words, int64_t *out);
    /* Puts the digits of ST_LANES numbers into such blocks, from byte `at` <= ST_MOST_BEFORE_NUMBER on, with the padding and the
     * length behind. `before` is the word that byte `at` is in, with the bytes before it, and 0 from it on. False, and nothing is
     * done, where a number is below 0. */
    bool (*number_lanes)(const int64_t *v, uint32_t at, uint32_t before, bool big_endian, uint32_t *words);
} st_kernels;

/* The table of this name, or the best that the machine has for NULL; NULL: unknown, or the machine has it not. */
const st_kernels *st_kernels_choose(const char *name);

#endif
