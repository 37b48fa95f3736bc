/* The machine: small programs put together by hand, run on every instruction set, with one and several threads and batches of
 * several sizes; every answer is compared with one worked out by hand. */
#include "vm_world.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static world w;
static st_bc *b;
static const st_vm_result *result;
static uint64_t repeats = 1; /* customers are so many copies of the people below, one copy after the other */

#define DAY(y, m, d) (st_days_from_civil(y, m, d))
#define AT(y, m, d) (DAY(y, m, d) * ST_DAY_US)
#define MILLION 1000000
#define NO INT64_MIN

static const customer people[] = {
    {"ann", "DE", 30, 0.5, 1000, 12345, 3650, 100 * ST_DAY_US, 1, "vip press", 1},
    {"bob", "AT", 17, NO_FLOAT, 0, 0, NO_INT, 200 * ST_DAY_US, 0, "", 0},
    {"cid", NULL, NO_INT, -1.5, -250, -99, -1, 300 * ST_DAY_US, -1, NULL, -1},
    {"dot", "de", 65, 2.0, 99999999, 1, 59, 400 * ST_DAY_US, 1, "VIP", 2},
    {"Eve@Home.ORG", "CH", 0, 1e300, 1, 2, 18262, 500 * ST_DAY_US, 0, "staff", 0},
    {"f@x@y", "", INT64_MAX, -0.0, 2, 3, 0, -1, 1, "b a", 4},
};
enum { PEOPLE = ST_COUNT(people) };

static int setup(void **state)
{
    (void)state;
    world_open(&w);
    b = st_bc_new(w.a, w.schema);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static void people_times(uint64_t n)
{
    repeats = n;
    customer *all = st_new_n(w.a, customer, n * PEOPLE + 1);
    for (uint64_t i = 0; i < n * PEOPLE; i++) {
        all[i] = people[i % PEOPLE];
        if (all[i].friend_row >= 0) all[i].friend_row += (int)(i / PEOPLE * PEOPLE);
    }
    world_customers(&w, all, n * PEOPLE);
}

/* ---- short words for programs ---- */

static const st_col *c_col(uint32_t c)
{
    return &w.schema->tables[CUSTOMERS]->cols[c];
}
static const st_col *o_col(uint32_t c)
{
    return &w.schema->tables[ORDERS]->cols[c];
}
static uint32_t c_in(uint32_t c)
{
    return st_bc_column(b, CUSTOMERS, ST_BC_NONE, c_col(c));
}
static void op(st_bc_op code, st_bc_type type, uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3)
{
    st_bc_emit(b, code, type, a0, a1, a2, a3, 0);
}
static uint32_t out_slot(st_bc_type type, st_bc_domain domain)
{
    uint32_t slot = st_bc_slot_new(b, type, domain, "");
    static const st_base_type bases[] = {ST_T_BOOL, ST_T_INT, ST_T_DECIMAL, ST_T_FLOAT, ST_T_STRING};
    st_type printed = {.base = bases[type], .digits = 38, .scale = 2};
    if (!ST_BC_IS_VIEW(domain))
        st_bc_output_new(b, w.schema->defs[domain], ST_OUT_VALUE, printed, slot, ST_BC_NONE);
    return slot;
}
static uint32_t store(st_bc_type type, uint32_t reg)
{
    uint32_t slot = out_slot(type, CUSTOMERS);
    op(ST_BC_STORE, type, slot, reg, 0, 0);
    return slot;
}
static uint32_t store_p(uint32_t reg)
{
    uint32_t slot = out_slot(ST_BC_BOOL, CUSTOMERS);
    op(ST_BC_STORE_P, 0, slot, reg, 0, 0);
    return slot;
}
static void pass(st_bc_domain domain)
{
    st_bc_code c = st_bc_end(b);
    st_bc_step_new(b, ST_STEP_PASS, domain)->code = c;
}
static void setup_code(void)
{
    st_bc_code c = st_bc_end(b);
    st_bc_step_new(b, ST_STEP_SETUP, 0)->code = c;
}

/* ---- running ---- */

static bool same_slot(const st_vm_slot *x, const st_vm_slot *y)
{
    static const uint8_t widths[] = {[ST_BC_I64] = 8, [ST_BC_I128] = 16, [ST_BC_F64] = 8, [ST_BC_TEXT] = 4};
    if (x->type != y->type || x->rows != y->rows || !x->data != !y->data) return false;
    if (!x->data || !x->rows) return true;
    if (x->type == ST_BC_BOOL) return memcmp(x->data, y->data, st_bitmap_bytes(x->rows)) == 0;
    return memcmp(x->data, y->data, x->rows * widths[x->type]) == 0 &&
           memcmp(x->known, y->known, st_bitmap_bytes(x->rows)) == 0;
}

static bool run_once(st_vm_options *o)
{
    bool ok;
    ST_GUARD(&w.env, ok, result = st_vm_run(w.a, b, w.data, o));
    return ok;
}

/* Runs the program in every way there is; all must agree. */
static void run_at(int64_t as_of)
{
    static const uint32_t threads[] = {1, 2, 3}, batches[] = {4096, 64, 192};
    const st_vm_result *first = NULL;
    char why[ST_BC_WHY];
    if (!st_bc_verify(b, why)) fail_msg("%s", why);
    for (const char *const *isa = st_vm_isas(); *isa; isa++)
        for (size_t t = 0; t < ST_COUNT(threads); t++) {
            st_vm_options o = {.as_of = as_of, .threads = threads[t], .isa = *isa, .batch = batches[t]};
            if (!run_once(&o)) fail_msg("%s: %s", *isa, w.env.error.message);
            if (!first) first = result;
            for (uint32_t i = 0; i < b->slots.n; i++)
                if (!same_slot(&first->slots[i], &result->slots[i]))
                    fail_msg("slot %u differs with %s, batch %u", i, *isa, batches[t]);
            assert_int_equal(first->nnotes, result->nnotes);
        }
}

static void run(void)
{
    run_at(AT(2026, 11, 1));
}

static void run_fails(const char *part)
{
    st_vm_options o = {.as_of = AT(2026, 11, 1), .threads = 2};
    assert_false(run_once(&o));
    if (!strstr(w.env.error.message, part)) fail_msg("\"%s\" is not in: %s", part, w.env.error.message);
}

/* ---- expectations: one entry a person, for every copy ---- */

static bool known(uint32_t slot, uint64_t row)
{
    return st_bit(result->slots[slot].known, row);
}

/* "1 0 …" without the blanks */
static void is_p(uint32_t slot, const char *bits)
{
    assert_int_equal(strlen(bits), PEOPLE);
    for (uint64_t r = 0; r < repeats * PEOPLE; r++)
        if (st_bit(result->slots[slot].data, r) != (bits[r % PEOPLE] == '1'))
            fail_msg("slot %u, row %u", slot, (unsigned)r);
    for (uint64_t r = repeats * PEOPLE; r % 64; r++) assert_false(st_bit(result->slots[slot].data, r));
}

static void is_i(uint32_t slot, const int64_t *v)
{
    const int64_t *data = result->slots[slot].data;
    for (uint64_t r = 0; r < repeats * PEOPLE; r++) {
        int64_t want = v[r % PEOPLE];
        if (known(slot, r) != (want != NO) || data[r] != (want == NO ? 0 : want))
            fail_msg("slot %u, row %u: %lld, not %lld", slot, (unsigned)r, (long long)data[r],
                     (long long)want);
    }
}
#define IS_I(slot, ...) is_i(slot, (const int64_t[PEOPLE]){__VA_ARGS__})

static void is_d(uint32_t slot, const int64_t *v)
{
    const st_i128 *data = result->slots[slot].data;
    for (uint64_t r = 0; r < repeats * PEOPLE; r++) {
        int64_t want = v[r % PEOPLE];
        if (known(slot, r) != (want != NO) || data[r] != (want == NO ? 0 : want))
            fail_msg("slot %u, row %u: %lld, not %lld", slot, (unsigned)r, (long long)data[r],
                     (long long)want);
    }
}
#define IS_D(slot, ...) is_d(slot, (const int64_t[PEOPLE]){__VA_ARGS__})

static void is_f(uint32_t slot, const double *v)
{
    const double *data = result->slots[slot].data;
    for (uint64_t r = 0; r < repeats * PEOPLE; r++) {
        double want = v[r % PEOPLE];
        bool there = want > NO_FLOAT;
        double d = data[r] - (there ? want : 0);
        if (known(slot, r) != there || d > 1e-12 || d < -1e-12)
            fail_msg("slot %u, row %u: %g, not %g", slot, (unsigned)r, data[r], want);
    }
}
#define IS_F(slot, ...) is_f(slot, (const double[PEOPLE]){__VA_ARGS__})

static void is_t(uint32_t slot, const char *const *v, uint64_t n)
{
    const uint32_t *codes = result->slots[slot].data;
    for (uint64_t r = 0; r < n; r++) {
        const char *want = v[n > PEOPLE ? r % PEOPLE : r];
        assert_int_equal(known(slot, r), want != NULL);
        if (!want) assert_int_equal(codes[r], 0);
        if (want && !st_str_eq(st_dict_get(result->slots[slot].dict, codes[r]), st_str_of(want)))
            fail_msg("slot %u, row %u is not %s", slot, (unsigned)r, want);
    }
}
#define IS_T(slot, ...) is_t(slot, (const char *const[PEOPLE]){__VA_ARGS__}, repeats *PEOPLE)

static uint64_t note_count(strata_note_kind kind)
{
    for (uint32_t i = 0; i < result->nnotes; i++)
        if (result->notes[i].kind == kind) return result->notes[i].count;
    return 0;
}

/* ---- loads and logic ---- */

static void loads(void **state)
{
    (void)state;
    people_times(900);
    st_path to_friend = {1, (const st_col *[]){c_col(C_FRIEND)}};
    uint32_t friend_of = st_bc_index(b, &to_friend);
    uint32_t friends_consent = st_bc_column(b, CUSTOMERS, friend_of, c_col(C_CONSENT));
    st_bc_begin(b);
    op(ST_BC_LOAD_TRUE, 0, 0, c_in(C_CONSENT), 0, 0);
    op(ST_BC_LOAD_FALSE, 0, 1, c_in(C_CONSENT), 0, 0);
    op(ST_BC_LOAD_KNOWN, 0, 2, c_in(C_COUNTRY), 0, 0);
    op(ST_BC_LOAD_KNOWN, 0, 3, c_in(C_TAGS), 0, 0);
    op(ST_BC_LOAD_KNOWN, 0, 4, c_in(C_ID), 0, 0);
    op(ST_BC_LOAD_TRUE, 0, 5, friends_consent, 0, 0);
    op(ST_BC_LOAD_FALSE, 0, 6, friends_consent, 0, 0);
    op(ST_BC_LOAD_LINKED, 0, 7, friend_of, 0, 0);
    op(ST_BC_LOAD_KNOWN, 0, 8, st_bc_column(b, CUSTOMERS, friend_of, c_col(C_ID)), 0, 0);
    op(ST_BC_LOAD, ST_BC_I64, 0, c_in(C_AGE), 0, 0);
    op(ST_BC_LOAD, ST_BC_I64, 1, c_in(C_BORN), 0, 0);
    op(ST_BC_LOAD, ST_BC_I128, 2, c_in(C_WEALTH), 0, 0);
    op(ST_BC_LOAD, ST_BC_F64, 3, c_in(C_RATING), 0, 0);
    op(ST_BC_LOAD, ST_BC_TEXT, 4, c_in(C_COUNTRY), 0, 0);
    op(ST_BC_LOAD, ST_BC_I64, 5, st_bc_column(b, CUSTOMERS, friend_of, c_col(C_BORN)), 0, 0);
    op(ST_BC_LOAD, ST_BC_I128, 6, st_bc_column(b, CUSTOMERS, friend_of, c_col(C_WEALTH)), 0, 0);
    op(ST_BC_LOAD, ST_BC_F64, 7, st_bc_column(b, CUSTOMERS, friend_of, c_col(C_RATING)), 0, 0);
    op(ST_BC_LOAD, ST_BC_TEXT, 8, st_bc_column(b, CUSTOMERS, friend_of, c_col(C_COUNTRY)), 0, 0);
    op(ST_BC_KNOWN, ST_BC_I64, 9, 0, 0, 0);
    op(ST_BC_MISSING, ST_BC_F64, 10, 3, 0, 0);
    uint32_t p[11], age = store(ST_BC_I64, 0), born = store(ST_BC_I64, 1), wealth = store(ST_BC_I128, 2),
                    rating = store(ST_BC_F64, 3), country = store(ST_BC_TEXT, 4), fborn = store(ST_BC_I64, 5),
                    fwealth = store(ST_BC_I128, 6), frating = store(ST_BC_F64, 7),
                    fcountry = store(ST_BC_TEXT, 8);
    for (uint32_t i = 0; i < ST_COUNT(p); i++) p[i] = store_p(i);
    pass(CUSTOMERS);
    run();
    is_p(p[0], "100101");
    is_p(p[1], "010010");
    is_p(p[2], "110111");
    is_p(p[3], "110111");
    is_p(p[4], "111111");
    is_p(p[5], "010010"); /* friends: bob ann - cid ann eve */
    is_p(p[6], "100001");
    is_p(p[7], "110111");
    is_p(p[8], "110111");
    is_p(p[9], "110111");
    is_p(p[10], "010000");
    IS_I(age, 30, 17, NO, 65, 0, INT64_MAX);
    IS_I(born, 3650, NO, -1, 59, 18262, 0);
    IS_D(wealth, 12345, NO, -99, 1, 2, 3);
    IS_F(rating, 0.5, NO_FLOAT, -1.5, 2, 1e300, 0);
    IS_T(country, "DE", "AT", NULL, "de", "CH", "");
    IS_I(fborn, NO, 3650, NO, -1, 3650, 18262);
    IS_D(fwealth, NO, 12345, NO, -99, 12345, 2);
    IS_F(frating, NO_FLOAT, 0.5, NO_FLOAT, -1.5, 0.5, 1e300);
    IS_T(fcountry, "AT", "DE", NULL, NULL, "DE", "CH");
}

static void logic(void **state)
{
    (void)state;
    people_times(200);
    uint32_t three = st_bc_list(b, (uint32_t[]){0, 1, 2}, 3), none = st_bc_list(b, NULL, 0);
    st_bc_begin(b);
    op(ST_BC_LOAD_TRUE, 0, 0, c_in(C_CONSENT), 0, 0); /* 100101 */
    op(ST_BC_LOAD_KNOWN, 0, 1, c_in(C_AGE), 0, 0);    /* 110111 */
    op(ST_BC_LOAD_KNOWN, 0, 2, c_in(C_RATING), 0, 0); /* 101111 */
    op(ST_BC_AND, 0, 3, 1, 2, 0);
    op(ST_BC_OR, 0, 4, 0, 2, 0);
    op(ST_BC_ANDNOT, 0, 5, 1, 0, 0);
    op(ST_BC_NOT, 0, 6, 0, 0, 0);
    op(ST_BC_COPY_P, 0, 7, 6, 0, 0);
    op(ST_BC_AND_ALL, 0, 8, three, 0, 0);
    op(ST_BC_OR_ALL, 0, 9, three, 0, 0);
    op(ST_BC_AND_ALL, 0, 10, none, 0, 0);
    op(ST_BC_OR_ALL, 0, 11, none, 0, 0);
    op(ST_BC_AT_LEAST, 0, 12, three, 0, 0);
    op(ST_BC_AT_LEAST, 0, 13, three, 2, 0);
    op(ST_BC_AT_LEAST, 0, 14, three, 3, 0);
    op(ST_BC_AT_LEAST, 0, 15, three, 4, 0);
    op(ST_BC_AND_ALL, 0, 0, three, 0, 0); /* the output is one of the inputs */
    op(ST_BC_ALL, 0, 16, 0, 0, 0);
    op(ST_BC_EMPTY, 0, 17, 0, 0, 0);
    op(ST_BC_CONST_P, 0, 18, st_bc_bool(b, true), 0, 0);
    op(ST_BC_CONST_P, 0, 19, st_bc_missing(b, ST_BC_BOOL), 0, 0);
    uint32_t p[20];
    for (uint32_t i = 0; i < ST_COUNT(p); i++) p[i] = store_p(i);
    pass(CUSTOMERS);
    run();
    is_p(p[0], "100101");
    is_p(p[3], "100111");
    is_p(p[4], "101111");
    is_p(p[5], "010010");
    is_p(p[6], "011010");
    is_p(p[7], "011010");
    is_p(p[8], "100101");
    is_p(p[9], "111111");
    is_p(p[10], "111111");
    is_p(p[11], "000000");
    is_p(p[12], "111111");
    is_p(p[13], "100111");
    is_p(p[14], "100101");
    is_p(p[15], "000000");
    is_p(p[16], "111111");
    is_p(p[17], "000000");
    is_p(p[18], "111111");
    is_p(p[19], "000000");
}

/* ---- comparisons ---- */

static const char *bits_of(st_cmp cmp, const char *signs) /* '<' '=' '>' '?' a person */
{
    static char bits[PEOPLE + 1];
    for (uint32_t i = 0; i < PEOPLE; i++) {
        bool less = signs[i] == '<', equal = signs[i] == '=', more = signs[i] == '>';
        bool holds = cmp == ST_EQ   ? equal
                     : cmp == ST_NE ? less || more
                     : cmp == ST_LT ? less
                     : cmp == ST_LE ? less || equal
                     : cmp == ST_GT ? more
                                    : more || equal;
        bits[i] = holds ? '1' : '0';
    }
    return bits;
}

/* Compares the column with the scalar, and with the scalar in a register. */
static void compares(uint32_t col, st_bc_type type, const char *signs)
{
    setup(NULL);
    people_times(150);
    uint32_t p[ST_CMPS][2];
    uint32_t scalar;
    switch (type) {
    case ST_BC_I64: scalar = st_bc_i64(b, col == C_BORN ? 59 : 30); break;
    case ST_BC_I128: scalar = st_bc_i128(b, 2); break;
    case ST_BC_F64: scalar = st_bc_f64(b, 0.0); break;
    default: scalar = st_bc_text(b, ST_STR("CH")); break;
    }
    st_bc_begin(b);
    op(ST_BC_LOAD, type, 0, c_in(col), 0, 0);
    op(ST_BC_CONST, type, 1, scalar, 0, 0);
    for (uint32_t c = 0; c < ST_CMPS; c++) {
        op(ST_BC_CMP, type, 0, 0, scalar, c);
        p[c][0] = store_p(0);
        op(ST_BC_LOAD, type, 2, c_in(col), 0, 0);
        op(ST_BC_CMP_V, type, 1, 2, 1, c);
        p[c][1] = store_p(1);
    }
    op(ST_BC_CMP, type, 2, 0, st_bc_missing(b, type), ST_NE);
    op(ST_BC_CONST, type, 3, st_bc_missing(b, type), 0, 0);
    op(ST_BC_CMP_V, type, 3, 0, 3, ST_NE);
    uint32_t none = store_p(2), none_v = store_p(3);
    pass(CUSTOMERS);
    run();
    for (uint32_t c = 0; c < ST_CMPS; c++) {
        is_p(p[c][0], bits_of((st_cmp)c, signs));
        is_p(p[c][1], bits_of((st_cmp)c, signs));
    }
    is_p(none, "000000");
    is_p(none_v, "000000");
    teardown(NULL);
}

static void comparisons(void **state)
{
    (void)state;
    compares(C_AGE, ST_BC_I64, "=<?><>");
    compares(C_BORN, ST_BC_I64, ">?<=><");
    compares(C_WEALTH, ST_BC_I128, ">?<<=>");
    compares(C_RATING, ST_BC_F64, ">?<>>=");
    compares(C_COUNTRY, ST_BC_TEXT, "><?>=<");
}

static void scaled_and_sets(void **state)
{
    (void)state;
    people_times(120);
    uint32_t few =
        st_bc_list(b, (uint32_t[]){st_bc_i64(b, 65), st_bc_missing(b, ST_BC_I64), st_bc_i64(b, 0)}, 3);
    uint32_t many[12], days[12];
    for (uint32_t i = 0; i < 12; i++)
        many[i] = st_bc_i64(b, i * 5), days[i] = st_bc_i64(b, (int64_t)i * 59 - 59);
    uint32_t many_list = st_bc_list(b, many, 12), day_list = st_bc_list(b, days, 12),
             empty = st_bc_list(b, NULL, 0);
    uint32_t texts = st_bc_list(
        b, (uint32_t[]){st_bc_text(b, ST_STR("AT")), st_bc_text(b, ST_STR("")), st_bc_text(b, ST_STR("XX"))},
        3);
    uint32_t longs = st_bc_list(b, (uint32_t[]){st_bc_i128(b, -99), st_bc_i128(b, 3)}, 2);
    uint32_t floats = st_bc_list(b, (uint32_t[]){st_bc_f64(b, 2), st_bc_f64(b, 0)}, 2);
    st_bc_begin(b);
    op(ST_BC_LOAD, ST_BC_I64, 0, c_in(C_AGE), 0, 0);
    op(ST_BC_IN, ST_BC_I64, 0, 0, few, 0);
    op(ST_BC_IN, ST_BC_I64, 1, 0, many_list, 0);
    op(ST_BC_LOAD, ST_BC_I64, 1, c_in(C_BORN), 0, 0);
    op(ST_BC_IN, ST_BC_I64, 2, 1, day_list, 0);
    op(ST_BC_LOAD, ST_BC_TEXT, 2, c_in(C_COUNTRY), 0, 0);
    op(ST_BC_IN, ST_BC_TEXT, 3, 2, texts, 0);
    op(ST_BC_LOAD, ST_BC_I128, 3, c_in(C_WEALTH), 0, 0);
    op(ST_BC_IN, ST_BC_I128, 4, 3, longs, 0);
    op(ST_BC_LOAD, ST_BC_F64, 4, c_in(C_RATING), 0, 0);
    op(ST_BC_IN, ST_BC_F64, 5, 4, floats, 0);
    op(ST_BC_IN, ST_BC_I64, 6, 0, empty, 0);
    op(ST_BC_LOAD, ST_BC_I64, 5, c_in(C_SPEND), 0, 0);
    op(ST_BC_WIDEN, 0, 5, 5, 0, 0); /* in place */
    /* spend of scale 2 against wealth taken as scale 4: 10.00 > 1.2345, -2.50 < -0.0099, … */
    st_bc_emit(b, ST_BC_CMP_SCALED, ST_BC_I128, 7, 5, 3, ST_GT, ST_BC_SCALES(2, 4));
    uint32_t p[8];
    for (uint32_t i = 0; i < 8; i++) p[i] = store_p(i);
    pass(CUSTOMERS);
    run();
    is_p(p[0], "000110");
    is_p(p[1], "100010");
    is_p(p[2], "000101"); /* -59 0 59 118 … */
    is_p(p[3], "010001");
    is_p(p[4], "001001");
    is_p(p[5], "000101");
    is_p(p[6], "000000");
    is_p(p[7], "100111");
}

/* ---- text ---- */

static void texts(void **state)
{
    (void)state;
    people_times(100);
    uint32_t p[24], n = 0;
    st_bc_begin(b);
    op(ST_BC_LOAD, ST_BC_TEXT, 0, c_in(C_ID), 0, 0);
    op(ST_BC_LOAD, ST_BC_TEXT, 1, c_in(C_COUNTRY), 0, 0);
    static const char *const parts[ST_TESTS] = {
        "b", "b", "G", "G", "@", "@", "^[a-c].*[nb]$", "^[a-c].*[nb]$"};
    for (uint32_t t = 0; t < ST_TESTS; t++) {
        op(ST_BC_TEST, 0, 0, 0, st_bc_text(b, st_str_of(parts[t])), t);
        p[n++] = store_p(0);
    }
    op(ST_BC_TEST, 0, 0, 1, st_bc_text(b, ST_STR("")), ST_TEST_STARTS);
    p[n++] = store_p(0);
    op(ST_BC_TEST, 0, 0, 1, st_bc_text(b, ST_STR("D")), ST_TEST_NOT_STARTS);
    p[n++] = store_p(0);
    op(ST_BC_TEST, 0, 0, 1, st_bc_missing(b, ST_BC_TEXT), ST_TEST_NOT_STARTS);
    p[n++] = store_p(0);
    st_str normal; /* with every kind of escape that the normal form knows */
    st_regex_error error;
    assert_true(st_regex_check(w.a, ST_STR("[\\s\\d@]|\\w+@.*\\.org$"), true, &normal, &error));
    op(ST_BC_TEST, 0, 0, 0, st_bc_text(b, normal), ST_TEST_MATCHES);
    p[n++] = store_p(0);
    op(ST_BC_LOWER, 0, 2, 1, 0, 0);
    op(ST_BC_UPPER, 0, 3, 0, 0, 0);
    op(ST_BC_DOMAIN, 0, 4, 0, 0, 0);
    op(ST_BC_LENGTH, 0, 5, 0, 0, 0);
    op(ST_BC_CMP_V, ST_BC_TEXT, 0, 2, 1, ST_EQ);
    p[n++] = store_p(0);
    op(ST_BC_TEST_V, 0, 0, 0, 1, ST_TEST_STARTS);
    p[n++] = store_p(0);
    op(ST_BC_TEST_V, 0, 0, 0, 1, ST_TEST_NOT_CONTAINS);
    p[n++] = store_p(0);
    op(ST_BC_CONST, ST_BC_TEXT, 6, st_bc_text(b, ST_STR(" \t pad  ")), 0, 0);
    op(ST_BC_TRIM, 0, 6, 6, 0, 0);
    op(ST_BC_COALESCE, ST_BC_TEXT, 7, 1, 6, 0);
    op(ST_BC_MIN, ST_BC_TEXT, 8, 0, 1, 0);
    op(ST_BC_MAX, ST_BC_TEXT, 9, 0, 1, 0);
    op(ST_BC_LENGTH, 0, 1, 1, 0, 0); /* in place, to a wider value */
    uint32_t lower = store(ST_BC_TEXT, 2), upper = store(ST_BC_TEXT, 3), domain = store(ST_BC_TEXT, 4),
             length = store(ST_BC_I64, 5), trim = store(ST_BC_TEXT, 6), coalesce = store(ST_BC_TEXT, 7),
             min = store(ST_BC_TEXT, 8), max = store(ST_BC_TEXT, 9), own = store(ST_BC_I64, 1);
    pass(CUSTOMERS);
    run();
    static const char *const want[] = {"010000", "101111", "000010", "111101", "000011",
                                       "111100", "110000", "001111", "110111", "010111",
                                       "000000", "000011", "000101", "000001", "110110"};
    assert_int_equal(n, ST_COUNT(want));
    for (uint32_t i = 0; i < n; i++) is_p(p[i], want[i]);
    IS_T(lower, "de", "at", NULL, "de", "ch", "");
    IS_T(upper, "ANN", "BOB", "CID", "DOT", "EVE@HOME.ORG", "F@X@Y");
    IS_T(domain, NULL, NULL, NULL, NULL, "home.org", "y");
    IS_I(length, 3, 3, 3, 3, 12, 5);
    IS_T(trim, "pad", "pad", "pad", "pad", "pad", "pad");
    IS_T(coalesce, "DE", "AT", "pad", "de", "CH", "");
    IS_T(min, "DE", "AT", NULL, "de", "CH", "");
    IS_T(max, "ann", "bob", NULL, "dot", "Eve@Home.ORG", "f@x@y");
    IS_I(own, 2, 2, NO, 2, 2, 0);
}

/* More distinct texts than fit a table of bytes, and patterns that need more work than backtracking is given. */
static void long_dictionaries(void **state)
{
    (void)state;
    enum { N = 70000 };
    customer *all = st_new_n(w.a, customer, N);
    for (int i = 0; i < N; i++) {
        all[i] = people[0];
        all[i].id =
            i % 1000 ? st_format(w.a, "Id%05d", i) : st_format(w.a, "%040da%c", 0, i % 3000 ? 'b' : 'c');
        all[i].friend_row = -1;
    }
    world_customers(&w, all, N);
    st_bc_begin(b);
    op(ST_BC_LOAD, ST_BC_TEXT, 0, c_in(C_ID), 0, 0);
    op(ST_BC_CMP, ST_BC_TEXT, 0, 0, st_bc_text(b, ST_STR("Id35000")), ST_LT);
    op(ST_BC_TEST, 0, 1, 0, st_bc_text(b, ST_STR("77")), ST_TEST_ENDS);
    op(ST_BC_TEST, 0, 2, 0, st_bc_text(b, ST_STR("^(0+)+b$|^(0*)*(0*)*ab$")), ST_TEST_MATCHES);
    op(ST_BC_LOWER, 0, 1, 0, 0, 0);
    op(ST_BC_IN, ST_BC_TEXT, 3, 1,
       st_bc_list(b, (uint32_t[]){st_bc_text(b, ST_STR("id69999")), st_bc_text(b, ST_STR("Id00001"))}, 2), 0);
    uint32_t p[4];
    for (uint32_t i = 0; i < 4; i++) p[i] = store_p(i);
    pass(CUSTOMERS);
    run();
    for (uint32_t i = 0; i < N; i++) {
        bool odd = i % 1000 == 0;
        assert_int_equal(st_bit(result->slots[p[0]].data, i), odd || i < 35000);
        assert_int_equal(st_bit(result->slots[p[1]].data, i), !odd && i % 100 == 77);
        assert_int_equal(st_bit(result->slots[p[2]].data, i), odd && i % 3000 != 0);
        assert_int_equal(st_bit(result->slots[p[3]].data, i), i == N - 1);
    }
}

static void lists_and_draws(void **state)
{
    (void)state;
    people_times(100);
    st_path to_friend = {1, (const st_col *[]){c_col(C_FRIEND)}};
    uint32_t friend_of = st_bc_index(b, &to_friend);
    uint32_t tags = c_in(C_TAGS), friends_tags = st_bc_column(b, CUSTOMERS, friend_of, c_col(C_TAGS));
    uint32_t half = st_bc_i64(b, INT64_C(1) << 51), salt = st_bc_text(b, ST_STR("s"));
    st_bc_begin(b);
    op(ST_BC_LIST_HAS, ST_BC_TEXT, 0, tags, st_bc_text(b, ST_STR("vip")), 0);
    op(ST_BC_LIST_HAS, ST_BC_TEXT, 1, tags, st_bc_text(b, ST_STR("vip")), 1);
    op(ST_BC_LIST_HAS, ST_BC_TEXT, 2, friends_tags, st_bc_text(b, ST_STR("vip")), 0);
    op(ST_BC_CONST, ST_BC_TEXT, 0, st_bc_text(b, ST_STR("a")), 0, 0);
    op(ST_BC_LIST_HAS_V, ST_BC_TEXT, 3, tags, 0, 0);
    op(ST_BC_LIST_HAS, ST_BC_TEXT, 4, tags, st_bc_missing(b, ST_BC_TEXT), 0);
    op(ST_BC_DRAW, 0, 1, c_in(C_ID), salt, ST_HASH_MD5);
    op(ST_BC_CMP, ST_BC_I64, 5, 1, half, ST_LT);
    op(ST_BC_DRAW, 0, 2, c_in(C_SPEND), salt, ST_HASH_MD5);
    op(ST_BC_CMP, ST_BC_I64, 6, 2, half, ST_LT);
    op(ST_BC_DRAW, 0, 3, c_in(C_ID), salt, ST_HASH_UNLEASH);
    op(ST_BC_CMP, ST_BC_I64, 7, 3, st_bc_i64(b, 50), ST_LT);
    op(ST_BC_CMP, ST_BC_I64, 8, 1, st_bc_i64(b, INT64_C(1) << 52), ST_LT);
    uint32_t p[9];
    for (uint32_t i = 0; i < 9; i++) p[i] = store_p(i);
    pass(CUSTOMERS);
    run();
    is_p(p[0], "100000");
    is_p(p[1], "100100");
    is_p(p[2], "010010");
    is_p(p[3], "000001");
    is_p(p[4], "000000");
    char by_id[PEOPLE + 1] = "", by_spend[PEOPLE + 1] = "", unleash[PEOPLE + 1] = "";
    const st_str s = ST_STR("s");
    uint64_t limit = UINT64_C(1) << 51;
    for (uint32_t i = 0; i < PEOPLE; i++) {
        char digits[24];
        snprintf(digits, sizeof digits, "%lld", (long long)people[i].spend);
        by_id[i] = st_draw(ST_HASH_MD5, s, st_str_of(people[i].id)) < limit ? '1' : '0';
        by_spend[i] = st_draw(ST_HASH_MD5, s, st_str_of(digits)) < limit ? '1' : '0';
        unleash[i] = st_draw(ST_HASH_UNLEASH, s, st_str_of(people[i].id)) < 50 ? '1' : '0';
    }
    is_p(p[5], by_id);
    is_p(p[6], by_spend);
    is_p(p[7], unleash);
    is_p(p[8], "111111");
}

/* Keys of all lengths around a block's end; numbers in runs that are short, long, and below 0; some of them missing. */
enum { DRAWN = 64 * 7 + 13 };

static const customer *drawn_people(void)
{
    customer *all = st_new_n(w.a, customer, DRAWN);
    for (uint32_t i = 0; i < DRAWN; i++) {
        uint64_t random = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
        int64_t small = (int64_t)(random >> 40), large = (int64_t)(random >> (1 + i % 63));
        char *id = st_dup(w.a, "0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ", 64);
        id[i % 61] = 0; /* ids need not differ for this */
        all[i] = people[i % PEOPLE];
        all[i].id = id;
        all[i].spend = i / 64 % 3 == 0   ? small
                       : i / 64 % 3 == 1 ? large
                       : i % 5 == 0      ? -large
                       : i % 7           ? large
                                         : INT64_MIN;
        all[i].age = i % 3 == 0 ? NO_INT : i % 64 == 1 ? 0 : large;
        all[i].friend_row = i % 4 == 0 ? -1 : (int)(random % DRAWN);
    }
    world_customers(&w, all, DRAWN);
    return all;
}

static void is_drawn(uint32_t slot, uint64_t row, st_hash hash, st_str salt, const char *key)
{
    uint64_t want = key ? st_draw(hash, salt, st_str_of(key)) : 0;
    if (known(slot, row) != (key != NULL) || ((const uint64_t *)result->slots[slot].data)[row] != want)
        fail_msg("%s of %.*s and %s, row %u", st_hash_name(hash), (int)salt.n, salt.p, key ? key : "nothing",
                 (unsigned)row);
}

static void draws(void **state)
{
    (void)state;
    static const char alphabet[] =
        "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz";
    static const uint32_t lengths[] = {0, 1, 2, 3, 9, 34, 35, 36, 53, 54, 55, 70};
    const customer *all = drawn_people();
    st_path to_friend = {1, (const st_col *[]){c_col(C_FRIEND)}};
    uint32_t friends_spend = st_bc_column(b, CUSTOMERS, st_bc_index(b, &to_friend), c_col(C_SPEND));
    const uint32_t keys[] = {c_in(C_ID), c_in(C_SPEND), c_in(C_AGE), friends_spend};
    uint32_t slots[ST_COUNT(lengths)][ST_HASHES][ST_COUNT(keys)];
    st_bc_begin(b);
    for (uint32_t l = 0; l < ST_COUNT(lengths); l++)
        for (uint32_t hash = 0; hash < ST_HASHES; hash++)
            for (uint32_t k = 0; k < ST_COUNT(keys); k++) {
                op(ST_BC_DRAW, 0, 0, keys[k], st_bc_text(b, (st_str){alphabet, lengths[l]}), hash);
                slots[l][hash][k] = store(ST_BC_I64, 0);
            }
    pass(CUSTOMERS);
    run();
    for (uint32_t l = 0; l < ST_COUNT(lengths); l++)
        for (uint32_t hash = 0; hash < ST_HASHES; hash++)
            for (uint32_t i = 0; i < DRAWN; i++) {
                const uint32_t *slot = slots[l][hash];
                st_str salt = {alphabet, lengths[l]};
                char number[24];
                is_drawn(slot[0], i, (st_hash)hash, salt, all[i].id);
                snprintf(number, sizeof number, "%lld", (long long)all[i].spend);
                is_drawn(slot[1], i, (st_hash)hash, salt, number);
                snprintf(number, sizeof number, "%lld", (long long)all[i].age);
                is_drawn(slot[2], i, (st_hash)hash, salt, all[i].age == NO_INT ? NULL : number);
                int other = all[i].friend_row;
                if (other >= 0) snprintf(number, sizeof number, "%lld", (long long)all[other].spend);
                is_drawn(slot[3], i, (st_hash)hash, salt, other < 0 ? NULL : number);
            }
}

/* ---- choice ---- */

static void choices(void **state)
{
    (void)state;
    people_times(130);
    uint32_t one = st_bc_i64(b, 1), two = st_bc_i64(b, 2), none = st_bc_missing(b, ST_BC_I64);
    uint32_t cases = st_bc_list(b, (uint32_t[]){0, one, 1, none, 2, two}, 6);
    uint32_t words =
        st_bc_list(b, (uint32_t[]){0, st_bc_text(b, ST_STR("yes")), 1, st_bc_text(b, ST_STR("maybe"))}, 4);
    uint32_t table = st_bc_list(b, (uint32_t[]){one, none, two}, 3);
    uint32_t cells = st_bc_list(b, (uint32_t[]){st_bc_text(b, ST_STR("00")), st_bc_text(b, ST_STR("01"))}, 2);
    st_bc_begin(b);
    op(ST_BC_LOAD, ST_BC_I64, 0, c_in(C_AGE), 0, 0);
    op(ST_BC_LOAD_TRUE, 0, 0, c_in(C_CONSENT), 0, 0);
    op(ST_BC_CMP, ST_BC_I64, 1, 0, st_bc_i64(b, 17), ST_LE);
    op(ST_BC_CMP, ST_BC_I64, 2, 0, st_bc_i64(b, 18), ST_LT);
    op(ST_BC_CASE, ST_BC_I64, 1, cases, st_bc_i64(b, 9), 0);
    op(ST_BC_CASE, ST_BC_TEXT, 2, words, st_bc_missing(b, ST_BC_TEXT), 0);
    op(ST_BC_CASE, ST_BC_I128, 3, st_bc_list(b, (uint32_t[]){0, st_bc_i128(b, 5)}, 2), st_bc_i128(b, 6), 0);
    op(ST_BC_CASE, ST_BC_F64, 4, st_bc_list(b, (uint32_t[]){0, st_bc_f64(b, 5.5)}, 2),
       st_bc_missing(b, ST_BC_F64), 0);
    op(ST_BC_LOAD, ST_BC_I64, 5, c_in(C_BORN), 0, 0);
    op(ST_BC_SELECT, ST_BC_I64, 5, 0, 0, 5);
    op(ST_BC_LOAD, ST_BC_F64, 6, c_in(C_RATING), 0, 0);
    op(ST_BC_COALESCE, ST_BC_F64, 7, 6, 4, 0);
    op(ST_BC_LOAD, ST_BC_I128, 8, c_in(C_WEALTH), 0, 0);
    op(ST_BC_COALESCE, ST_BC_I128, 8, 8, 3, 0);
    op(ST_BC_MASK, ST_BC_F64, 9, 6, 0, 0);
    op(ST_BC_LOAD, ST_BC_I64, 10, c_in(C_SPEND), 0, 0);
    op(ST_BC_LOOKUP, ST_BC_I64, 11, 10, table, 0);
    op(ST_BC_LOOKUP, ST_BC_TEXT, 12, 10, cells, 0);
    op(ST_BC_LOOKUP, ST_BC_I64, 10, 10, table, 0); /* in place */
    op(ST_BC_COPY, ST_BC_I64, 0, 0, 0, 0);
    uint32_t label = store(ST_BC_I64, 1), word = store(ST_BC_TEXT, 2), d = store(ST_BC_I128, 3),
             f = store(ST_BC_F64, 4), select = store(ST_BC_I64, 5), either = store(ST_BC_F64, 7),
             wealth = store(ST_BC_I128, 8), mask = store(ST_BC_F64, 9), looked = store(ST_BC_I64, 11),
             cell = store(ST_BC_TEXT, 12), in_place = store(ST_BC_I64, 10), copy = store(ST_BC_I64, 0);
    pass(CUSTOMERS);
    run();
    IS_I(label, 1, NO, 9, 1, NO, 1);
    IS_T(word, "yes", "maybe", NULL, "yes", "maybe", "yes");
    IS_D(d, 5, 6, 6, 5, 6, 5);
    IS_F(f, 5.5, NO_FLOAT, NO_FLOAT, 5.5, NO_FLOAT, 5.5);
    IS_I(select, 30, NO, -1, 65, 18262, INT64_MAX);
    IS_F(either, 0.5, NO_FLOAT, -1.5, 2, 1e300, 0);
    IS_D(wealth, 12345, 6, -99, 1, 2, 3);
    IS_F(mask, 0.5, NO_FLOAT, NO_FLOAT, 2, NO_FLOAT, 0);
    IS_I(looked, NO, 1, NO, NO, NO, 2);
    IS_T(cell, NULL, "00", NULL, NULL, "01", NULL);
    IS_I(in_place, NO, 1, NO, NO, NO, 2);
    IS_I(copy, 30, 17, NO, 65, 0, INT64_MAX);
}

/* ---- numbers ---- */

static void whole_numbers(void **state)
{
    (void)state;
    people_times(110);
    st_bc_begin(b);
    op(ST_BC_LOAD, ST_BC_I64, 0, c_in(C_AGE), 0, 0);
    op(ST_BC_LOAD, ST_BC_I64, 1, c_in(C_BORN), 0, 0);
    op(ST_BC_CONST, ST_BC_I64, 2, st_bc_i64(b, 2), 0, 0);
    op(ST_BC_ADD, ST_BC_I64, 3, 0, 2, 0);
    op(ST_BC_SUB, ST_BC_I64, 4, 1, 0, 0);
    op(ST_BC_MUL, ST_BC_I64, 5, 0, 2, 0);
    op(ST_BC_NEG, ST_BC_I64, 6, 1, 0, 0);
    op(ST_BC_ABS, ST_BC_I64, 7, 1, 0, 0);
    op(ST_BC_MIN, ST_BC_I64, 8, 0, 1, 0);
    op(ST_BC_MAX, ST_BC_I64, 9, 0, 1, 0);
    op(ST_BC_LOAD, ST_BC_I64, 10, c_in(C_SPEND), 0, 0); /* scale 2 */
    op(ST_BC_RESCALE, ST_BC_I64, 11, 10, ST_BC_SCALES(2, 1), 0);
    op(ST_BC_RESCALE, ST_BC_I64, 12, 10, ST_BC_SCALES(2, 4), 0);
    op(ST_BC_FLOOR, ST_BC_I64, 13, 10, 2, 0);
    op(ST_BC_CEIL, ST_BC_I64, 14, 10, 2, 0);
    op(ST_BC_TO_FLOAT, ST_BC_I64, 15, 10, 2, 0);
    op(ST_BC_ADD, ST_BC_I64, 0, 0, 0, 0); /* in place, and the result of an overflow */
    uint32_t s[16];
    for (uint32_t i = 0; i < 15; i++) s[i] = store(ST_BC_I64, i);
    uint32_t f = store(ST_BC_F64, 15);
    pass(CUSTOMERS);
    run();
    IS_I(s[3], 32, 19, NO, 67, 2, NO);
    IS_I(s[4], 3620, NO, NO, -6, 18262, -INT64_MAX);
    IS_I(s[5], 60, 34, NO, 130, 0, NO);
    IS_I(s[6], -3650, NO, 1, -59, -18262, 0);
    IS_I(s[7], 3650, NO, 1, 59, 18262, 0);
    IS_I(s[8], 30, NO, NO, 59, 0, 0);
    IS_I(s[9], 3650, NO, NO, 65, 18262, INT64_MAX);
    IS_I(s[11], 100, 0, -25, 10000000, 0, 0);
    IS_I(s[12], 100000, 0, -25000, 9999999900, 100, 200);
    IS_I(s[13], 10, 0, -3, 999999, 0, 0);
    IS_I(s[14], 10, 0, -2, 1000000, 1, 1);
    IS_F(f, 10, 0, -2.5, 999999.99, 0.01, 0.02);
    IS_I(s[0], 60, 34, NO, 130, 0, NO);
    assert_int_equal(note_count(STRATA_NOTE_OVERFLOW), 3 * repeats);
}

static void long_numbers(void **state)
{
    (void)state;
    people_times(70);
    st_i128 huge = st_pow10(37) * 9;
    st_bc_begin(b);
    op(ST_BC_LOAD, ST_BC_I128, 0, c_in(C_WEALTH), 0, 0); /* scale 2 */
    op(ST_BC_LOAD, ST_BC_I64, 1, c_in(C_SPEND), 0, 0);   /* scale 2 */
    op(ST_BC_WIDEN, 0, 1, 1, 0, 0);
    op(ST_BC_CONST, ST_BC_I128, 2, st_bc_i128(b, huge), 0, 0);
    op(ST_BC_ADD, ST_BC_I128, 3, 0, 1, ST_BC_SCALES(2, 3));
    op(ST_BC_SUB, ST_BC_I128, 4, 0, 1, ST_BC_SCALES(2, 2));
    op(ST_BC_MUL, ST_BC_I128, 5, 0, 1, 0);
    op(ST_BC_DIV, ST_BC_I128, 6, 0, 1, ST_BC_SCALES(2, 2));
    op(ST_BC_ADD, ST_BC_I128, 7, 2, 2, ST_BC_SCALES(0, 0));
    op(ST_BC_NEG, ST_BC_I128, 8, 0, 0, 0);
    op(ST_BC_ABS, ST_BC_I128, 9, 0, 0, 0);
    op(ST_BC_MIN, ST_BC_I128, 10, 0, 1, 0);
    op(ST_BC_MAX, ST_BC_I128, 11, 0, 1, 0);
    op(ST_BC_RESCALE, ST_BC_I128, 12, 0, ST_BC_SCALES(2, 0), 0);
    op(ST_BC_FLOOR, ST_BC_I128, 13, 0, 2, 0);
    op(ST_BC_CEIL, ST_BC_I128, 14, 0, 2, 0);
    op(ST_BC_NARROW, 0, 15, 0, 0, 0);
    op(ST_BC_NARROW, 0, 16, 2, 0, 0);
    op(ST_BC_TO_FLOAT, ST_BC_I128, 17, 0, 2, 0);
    op(ST_BC_NARROW, 0, 0, 0, 0, 0); /* in place */
    uint32_t s[16];
    for (uint32_t i = 3; i < 15; i++) s[i] = store(ST_BC_I128, i);
    uint32_t narrow = store(ST_BC_I64, 15), too_big = store(ST_BC_I64, 16), f = store(ST_BC_F64, 17),
             own = store(ST_BC_I64, 0);
    pass(CUSTOMERS);
    run();
    IS_D(s[3], 124450, NO, -1240, 100000009, 21, 32);
    IS_D(s[4], 11345, NO, 151, 1 - 99999999, 1, 1);
    IS_D(s[5], 12345000, NO, 24750, 99999999, 2, 6);
    IS_D(s[6], INT64_C(12345000000000), NO, INT64_C(396000000000), 10000, INT64_C(2000000000000),
         INT64_C(1500000000000));
    IS_D(s[7], NO, NO, NO, NO, NO, NO);
    IS_D(s[8], -12345, NO, 99, -1, -2, -3);
    IS_D(s[9], 12345, NO, 99, 1, 2, 3);
    IS_D(s[10], 1000, NO, -250, 1, 1, 2);
    IS_D(s[11], 12345, NO, -99, 99999999, 2, 3);
    IS_D(s[12], 123, NO, -1, 0, 0, 0);
    IS_D(s[13], 123, NO, -1, 0, 0, 0);
    IS_D(s[14], 124, NO, 0, 1, 1, 1);
    IS_I(narrow, 12345, NO, -99, 1, 2, 3);
    IS_I(too_big, NO, NO, NO, NO, NO, NO);
    IS_F(f, 123.45, NO_FLOAT, -0.99, 0.01, 0.02, 0.03);
    IS_I(own, 12345, NO, -99, 1, 2, 3);
    assert_int_equal(note_count(STRATA_NOTE_OVERFLOW), 2 * PEOPLE * repeats);
    assert_int_equal(note_count(STRATA_NOTE_DIVISION_BY_ZERO), 0); /* bob's nought has no wealth above it */
}

static void floats(void **state)
{
    (void)state;
    people_times(90);
    st_bc_begin(b);
    op(ST_BC_LOAD, ST_BC_F64, 0, c_in(C_RATING), 0, 0);
    op(ST_BC_LOAD, ST_BC_I64, 1, c_in(C_SPEND), 0, 0);
    op(ST_BC_TO_FLOAT, ST_BC_I64, 1, 1, 0, 0); /* in place: 1000 0 -250 99999999 1 2 */
    op(ST_BC_ADD, ST_BC_F64, 2, 0, 1, 0);
    op(ST_BC_SUB, ST_BC_F64, 3, 0, 1, 0);
    op(ST_BC_MUL, ST_BC_F64, 4, 0, 0, 0);
    op(ST_BC_DIV, ST_BC_F64, 5, 1, 0, 0);
    op(ST_BC_NEG, ST_BC_F64, 6, 0, 0, 0);
    op(ST_BC_ABS, ST_BC_F64, 7, 0, 0, 0);
    op(ST_BC_ROUND, ST_BC_F64, 8, 0, 0, 0);
    op(ST_BC_FLOOR, ST_BC_F64, 9, 0, 0, 0);
    op(ST_BC_CEIL, ST_BC_F64, 10, 0, 0, 0);
    op(ST_BC_MIN, ST_BC_F64, 11, 0, 1, 0);
    op(ST_BC_MAX, ST_BC_F64, 12, 0, 1, 0);
    op(ST_BC_CONST, ST_BC_F64, 13, st_bc_f64(b, 0), 0, 0);
    op(ST_BC_LOGISTIC, 0, 13, 13, 0, 0);
    uint32_t s[14];
    for (uint32_t i = 2; i < 14; i++) s[i] = store(ST_BC_F64, i);
    pass(CUSTOMERS);
    run();
    IS_F(s[2], 1000.5, NO_FLOAT, -251.5, 100000001, 1e300, 2);
    IS_F(s[3], -999.5, NO_FLOAT, 248.5, 2 - 99999999.0, 1e300, -2);
    IS_F(s[4], 0.25, NO_FLOAT, 2.25, 4, NO_FLOAT, 0);
    IS_F(s[5], 2000, NO_FLOAT, 250 / 1.5, 49999999.5, 0, NO_FLOAT);
    IS_F(s[6], -0.5, NO_FLOAT, 1.5, -2, -1e300 + 0, 0);
    IS_F(s[7], 0.5, NO_FLOAT, 1.5, 2, 1e300, 0);
    IS_F(s[8], 1, NO_FLOAT, -2, 2, 1e300, 0);
    IS_F(s[9], 0, NO_FLOAT, -2, 2, 1e300, 0);
    IS_F(s[10], 1, NO_FLOAT, -1, 2, 1e300, 0);
    IS_F(s[11], 0.5, NO_FLOAT, -250, 2, 1, 0);
    IS_F(s[12], 1000, NO_FLOAT, -1.5, 99999999, 1e300, 2);
    IS_F(s[13], 0.5, 0.5, 0.5, 0.5, 0.5, 0.5);
    assert_int_equal(note_count(STRATA_NOTE_OVERFLOW), repeats);
    assert_int_equal(note_count(STRATA_NOTE_DIVISION_BY_ZERO), repeats);
}

/* ---- time ---- */

static void times(void **state)
{
    (void)state;
    people_times(80);
    st_bc_begin(b);
    op(ST_BC_LOAD, ST_BC_I64, 0, c_in(C_BORN), 0,
       0); /* 1979-12-30 - 1969-12-31 1970-03-01 2020-01-01 1970-01-01 */
    op(ST_BC_LOAD, ST_BC_I64, 1, c_in(C_JOINED), 0, 0);
    op(ST_BC_CONST, ST_BC_I64, 2, st_bc_i64(b, 1), 0, 0);
    op(ST_BC_SHIFT_DATE, 0, 3, 0, 2, ST_MONTH);
    op(ST_BC_SHIFT_INSTANT, 0, 4, 1, 2, ST_HOUR);
    op(ST_BC_TO_DAY, 0, 5, 1, 0, 0);
    op(ST_BC_TO_INSTANT, 0, 6, 0, 0, 0);
    op(ST_BC_TRUNC, 0, 7, 0, ST_YEAR, 0);
    op(ST_BC_PART_DATE, 0, 8, 0, ST_PART_DAY, 0);
    op(ST_BC_PART_INSTANT, 0, 9, 1, ST_PART_HOUR, 0);
    op(ST_BC_BETWEEN_DATES, 0, 10, 0, 5, ST_YEAR);
    op(ST_BC_BETWEEN_INSTANTS, 0, 11, 1, 4, ST_MINUTE);
    op(ST_BC_CONST, ST_BC_I64, 12, st_bc_i64(b, 400000000), 0, 0);
    op(ST_BC_SHIFT_DATE, 0, 12, 0, 12, ST_YEAR); /* beyond the calendar */
    op(ST_BC_CONST, ST_BC_I64, 13, st_bc_i64(b, DAY(2026, 12, 30)), 0, 0);
    op(ST_BC_CONST, ST_BC_I64, 14, st_bc_i64(b, DAY(2027, 1, 2)), 0, 0);
    st_bc_emit(b, ST_BC_ANNIVERSARY, 0, 0, 0, 13, 14, 0);
    st_bc_emit(b, ST_BC_ANNIVERSARY, 0, 1, 0, 0, 14, 0); /* the day itself is none: the next is meant */
    uint32_t s[13], p = store_p(0), q = store_p(1);
    for (uint32_t i = 3; i < 13; i++) s[i] = store(ST_BC_I64, i);
    pass(CUSTOMERS);
    run();
    IS_I(s[3], 3650 + 31, NO, 30, 59 + 31, 18262 + 31, 31);
    int64_t hour = INT64_C(3600) * MILLION;
    IS_I(s[4], 100 * ST_DAY_US + hour, 200 * ST_DAY_US + hour, 300 * ST_DAY_US + hour, 400 * ST_DAY_US + hour,
         500 * ST_DAY_US + hour, hour - 1);
    IS_I(s[5], 100, 200, 300, 400, 500, -1);
    IS_I(s[6], 3650 * ST_DAY_US, NO, -ST_DAY_US, 59 * ST_DAY_US, 18262 * ST_DAY_US, 0);
    IS_I(s[7], DAY(1979, 1, 1), NO, DAY(1969, 1, 1), 0, 18262, 0);
    IS_I(s[8], 30, NO, 31, 1, 1, 1);
    IS_I(s[9], 0, 0, 0, 0, 0, 23);
    IS_I(s[10], -9, NO, 0, 0, -48, 0);
    IS_I(s[11], 60, 60, 60, 60, 60, 60);
    IS_I(s[12], NO, NO, NO, NO, NO, NO);
    is_p(p, "101011");
    is_p(q, "101111");
}

/* ---- scalars ---- */

static void setups(void **state)
{
    (void)state;
    people_times(3);
    uint32_t ago = st_bc_scalar_new(b, ST_S_SET, ST_BC_I64), yes = st_bc_scalar_new(b, ST_S_SET, ST_BC_BOOL),
             word = st_bc_scalar_new(b, ST_S_SET, ST_BC_TEXT),
             none = st_bc_scalar_new(b, ST_S_SET, ST_BC_I128),
             real = st_bc_scalar_new(b, ST_S_SET, ST_BC_F64);
    st_bc_begin(b);
    op(ST_BC_CONST, ST_BC_I64, 0, st_bc_now(b), 0, 0);
    op(ST_BC_CONST, ST_BC_I64, 1, st_bc_i64(b, -365), 0, 0);
    op(ST_BC_SHIFT_INSTANT, 0, 0, 0, 1, ST_DAY);
    op(ST_BC_SET, ST_BC_I64, ago, 0, 0, 0);
    op(ST_BC_CMP, ST_BC_I64, 0, 0, st_bc_now(b), ST_LT);
    op(ST_BC_SET_P, 0, yes, 0, 0, 0);
    op(ST_BC_CHECK_AS_OF, 0, ago, st_bc_now(b), 0, 0);
    op(ST_BC_CONST, ST_BC_TEXT, 2, st_bc_text(b, ST_STR("De")), 0, 0);
    op(ST_BC_LOWER, 0, 2, 2, 0, 0);
    op(ST_BC_SET, ST_BC_TEXT, word, 2, 0, 0);
    op(ST_BC_CONST, ST_BC_I128, 3, st_bc_missing(b, ST_BC_I128), 0, 0);
    op(ST_BC_SET, ST_BC_I128, none, 3, 0, 0);
    op(ST_BC_CONST, ST_BC_F64, 4, st_bc_f64(b, 0.5), 0, 0);
    op(ST_BC_SET, ST_BC_F64, real, 4, 0, 0);
    setup_code();
    st_bc_begin(b);
    op(ST_BC_CONST, ST_BC_I64, 0, ago, 0, 0);
    op(ST_BC_CONST_P, 0, 0, yes, 0, 0);
    op(ST_BC_LOAD, ST_BC_TEXT, 1, c_in(C_COUNTRY), 0, 0);
    op(ST_BC_CMP, ST_BC_TEXT, 1, 1, word, ST_EQ);
    op(ST_BC_LOAD, ST_BC_I128, 2, c_in(C_WEALTH), 0, 0);
    op(ST_BC_CMP, ST_BC_I128, 2, 2, none, ST_NE);
    op(ST_BC_LOAD, ST_BC_F64, 3, c_in(C_RATING), 0, 0);
    op(ST_BC_CMP, ST_BC_F64, 3, 3, real, ST_EQ);
    uint32_t then = store(ST_BC_I64, 0), p[4];
    for (uint32_t i = 0; i < 4; i++) p[i] = store_p(i);
    pass(CUSTOMERS);
    run();
    int64_t t = AT(2025, 11, 1);
    IS_I(then, t, t, t, t, t, t);
    is_p(p[0], "111111");
    is_p(p[1], "000100");
    is_p(p[2], "000000");
    is_p(p[3], "100000");
}

/* A number that overflows is missing, also where the output is both inputs, and as a scalar. */
static void overflow_in_setup(void **state)
{
    (void)state;
    people_times(40);
    uint32_t huge = st_bc_scalar_new(b, ST_S_SET, ST_BC_I64);
    st_bc_begin(b);
    op(ST_BC_CONST, ST_BC_I64, 1, st_bc_i64(b, INT64_C(1) << 62), 0, 0);
    op(ST_BC_MUL, ST_BC_I64, 1, 1, 1, 0);
    op(ST_BC_SET, ST_BC_I64, huge, 1, 0, 0);
    setup_code();
    st_bc_begin(b);
    op(ST_BC_CONST, ST_BC_I64, 0, huge, 0, 0);
    op(ST_BC_CONST, ST_BC_I64, 1, st_bc_i64(b, INT64_C(1) << 62), 0, 0);
    op(ST_BC_COPY, ST_BC_I64, 2, 1, 0, 0);
    op(ST_BC_COPY, ST_BC_I64, 3, 1, 0, 0);
    op(ST_BC_MUL, ST_BC_I64, 1, 1, 1, 0);
    op(ST_BC_ADD, ST_BC_I64, 2, 2, 2, 0);
    op(ST_BC_SUB, ST_BC_I64, 3, 3, 3, 0);
    uint32_t s[4];
    for (uint32_t i = 0; i < 4; i++) s[i] = store(ST_BC_I64, i);
    pass(CUSTOMERS);
    run();
    IS_I(s[0], NO, NO, NO, NO, NO, NO);
    IS_I(s[1], NO, NO, NO, NO, NO, NO);
    IS_I(s[2], NO, NO, NO, NO, NO, NO);
    IS_I(s[3], 0, 0, 0, 0, 0, 0);
    assert_int_equal(note_count(STRATA_NOTE_OVERFLOW), 2 * PEOPLE * repeats + 1);
}

static void as_of_only_looks_back(void **state)
{
    (void)state;
    people_times(1);
    uint32_t later = st_bc_i64(b, AT(2026, 11, 2)), inner = st_bc_scalar_new(b, ST_S_SET, ST_BC_I64);
    st_bc_begin(b);
    op(ST_BC_CONST, ST_BC_I64, 0, later, 0, 0);
    op(ST_BC_SET, ST_BC_I64, inner, 0, 0, 0);
    op(ST_BC_CHECK_AS_OF, 0, inner, st_bc_now(b), 0, 0);
    setup_code();
    run_fails("later than the instant in force");
}

/* ---- views ---- */

/* Orders of the first three people: ann 5, bob none, cid 2; dot 1 without a time; two belong to nobody. */
static const order sample[] = {
    {1, 0, 10 * MILLION, 500, "tea"},  {2, 2, 40 * MILLION, 100, "milk"},  {3, 0, 30 * MILLION, 700, "tea"},
    {4, -1, 5 * MILLION, 900, "rum"},  {5, 0, 20 * MILLION, NO_INT, NULL}, {6, 3, NO_INT, 50, "oil"},
    {7, 0, 30 * MILLION, 200, "milk"}, {8, -1, NO_INT, NO_INT, NULL},      {9, 2, 40 * MILLION, 300, "jam"},
    {10, 0, 50 * MILLION, 700, "jam"},
};

static void orders_times(uint64_t n, bool grouped)
{
    enum { N = ST_COUNT(sample) };
    order *all = st_new_n(w.a, order, n * N + 1);
    uint64_t k = 0;
    for (uint64_t copy = 0; copy < n; copy++)
        for (int who = grouped ? 0 : -2; who < (grouped ? PEOPLE : -1); who++)
            for (uint32_t i = 0; i < N; i++) {
                if (grouped && sample[i].customer != who) continue;
                all[k] = sample[i];
                if (all[k].customer >= 0) all[k].customer += (int)(copy * PEOPLE);
                k++;
            }
    world_orders(&w, all, k);
}

static uint32_t customer_view(bool ordered)
{
    st_path up = {1, (const st_col *[]){o_col(O_CUSTOMER)}};
    uint32_t by = ordered ? st_bc_column(b, ORDERS, ST_BC_NONE, o_col(O_AT)) : ST_BC_NONE;
    uint32_t key = st_bc_column(b, ORDERS, ST_BC_NONE, o_col(O_ID));
    return st_bc_view_of(b, &up, by, &key, ordered ? 1 : 0);
}

static uint32_t v_in(uint32_t view, uint32_t c)
{
    return st_bc_column(b, ST_BC_VIEW(view), ST_BC_NONE, o_col(c));
}

static void aggregate(bool grouped, uint64_t copies)
{
    people_times(copies);
    orders_times(copies, grouped);
    uint32_t v = customer_view(false);
    uint32_t any = out_slot(ST_BC_BOOL, CUSTOMERS), big = out_slot(ST_BC_BOOL, CUSTOMERS),
             count = out_slot(ST_BC_I64, CUSTOMERS), count_big = out_slot(ST_BC_I64, CUSTOMERS),
             sum = out_slot(ST_BC_I64, CUSTOMERS), wide = out_slot(ST_BC_I128, CUSTOMERS),
             min = out_slot(ST_BC_I64, CUSTOMERS), max = out_slot(ST_BC_I64, CUSTOMERS),
             first = out_slot(ST_BC_TEXT, CUSTOMERS), last = out_slot(ST_BC_I64, CUSTOMERS),
             low = out_slot(ST_BC_TEXT, CUSTOMERS), top = out_slot(ST_BC_F64, CUSTOMERS),
             deep = out_slot(ST_BC_I128, CUSTOMERS), days = out_slot(ST_BC_I64, CUSTOMERS),
             age = out_slot(ST_BC_I64, CUSTOMERS);
    st_path up = {1, (const st_col *[]){o_col(O_CUSTOMER)}};
    uint32_t owner = st_bc_index(b, &up);
    uint32_t note = st_bc_note_new(b, STRATA_NOTE_UNSEEN, "orders", ST_BC_NONE);
    st_bc_begin(b);
    op(ST_BC_ALL, 0, 0, 0, 0, 0);
    op(ST_BC_LOAD, ST_BC_I64, 0, v_in(v, O_AMOUNT), 0, 0);
    op(ST_BC_LOAD, ST_BC_I64, 1, v_in(v, O_AT), 0, 0);
    op(ST_BC_LOAD, ST_BC_TEXT, 2, v_in(v, O_CATEGORY), 0, 0);
    op(ST_BC_CMP, ST_BC_I64, 1, 0, st_bc_i64(b, 300), ST_GE);
    op(ST_BC_WIDEN, 0, 3, 0, 0, 0);
    op(ST_BC_TO_FLOAT, ST_BC_I64, 4, 0, 2, 0);
    op(ST_BC_LOAD, ST_BC_I64, 5, v_in(v, O_DAY), 0, 0);
    op(ST_BC_LOAD, ST_BC_I64, 6, st_bc_column(b, ST_BC_VIEW(v), owner, c_col(C_AGE)), 0, 0);
    op(ST_BC_AGG_ANY, 0, any, 0, 0, 0);
    op(ST_BC_AGG_ANY, 0, big, 1, 0, 0);
    op(ST_BC_AGG_COUNT, 0, count, 0, 0, 0);
    op(ST_BC_AGG_COUNT, 0, count_big, 1, 0, 0);
    op(ST_BC_AGG_SUM, ST_BC_I64, sum, 0, 0, 0);
    op(ST_BC_AGG_SUM, ST_BC_I128, wide, 1, 3, 0);
    op(ST_BC_AGG_MIN, ST_BC_I64, min, 0, 0, 0);
    op(ST_BC_AGG_MAX, ST_BC_I64, max, 0, 0, 0);
    op(ST_BC_AGG_FIRST, ST_BC_TEXT, first, 0, 2, 1);
    op(ST_BC_AGG_LAST, ST_BC_I64, last, 0, 0, 1);
    op(ST_BC_AGG_MIN, ST_BC_TEXT, low, 0, 2, 0);
    op(ST_BC_AGG_MAX, ST_BC_F64, top, 0, 4, 0);
    op(ST_BC_AGG_LAST, ST_BC_I128, deep, 1, 3, 1);
    op(ST_BC_AGG_MAX, ST_BC_I64, days, 0, 5, 0);
    op(ST_BC_AGG_MIN, ST_BC_I64, age, 0, 6, 0);
    op(ST_BC_NOTE, 0, note, 1, 0, 0);
    pass(ST_BC_VIEW(v));
    run();
    is_p(any, "101100");
    is_p(big, "101000");
    IS_I(count, 5, 0, 2, 1, 0, 0);
    IS_I(count_big, 3, 0, 1, 0, 0, 0);
    IS_I(sum, 2100, 0, 400, 50, 0, 0);
    IS_D(wide, 1900, 0, 300, 0, 0, 0);
    IS_I(min, 200, NO, 100, 50, NO, NO);
    IS_I(max, 700, NO, 300, 50, NO, NO);
    IS_T(first, "tea", NULL, "jam", NULL, NULL, NULL);
    IS_I(last, 700, NO, 300, NO, NO, NO);
    IS_T(low, "jam", NULL, "jam", "oil", NULL, NULL);
    IS_F(top, 7, NO_FLOAT, 3, 0.5, NO_FLOAT, NO_FLOAT);
    IS_D(deep, 700, NO, 300, NO, NO, NO);
    IS_I(days, 0, NO, 0, NO, NO, NO);
    IS_I(age, 30, NO, NO, 65, NO, NO);
    assert_int_equal(note_count(STRATA_NOTE_UNSEEN), 4 * copies);
}

static void aggregates(void **state)
{
    (void)state;
    aggregate(false, 1);
}

static void aggregates_of_many(void **state)
{
    (void)state;
    aggregate(false, 30000);
}

static void aggregates_of_grouped_rows(void **state)
{
    (void)state;
    aggregate(true, 3000);
}

static void aggregates_of_nothing(void **state)
{
    (void)state;
    people_times(2);
    uint32_t v = customer_view(true), count = out_slot(ST_BC_I64, CUSTOMERS),
             distinct = out_slot(ST_BC_I64, CUSTOMERS);
    st_bc_begin(b);
    op(ST_BC_ALL, 0, 0, 0, 0, 0);
    op(ST_BC_AGG_COUNT, 0, count, 0, 0, 0);
    pass(ST_BC_VIEW(v));
    st_bc_step *s = st_bc_step_new(b, ST_STEP_DISTINCT, ST_BC_VIEW(v));
    s->value = v_in(v, O_AMOUNT);
    s->out = distinct;
    run();
    IS_I(count, 0, 0, 0, 0, 0, 0);
    IS_I(distinct, 0, 0, 0, 0, 0, 0);
    people_times(0);
    run();
    assert_int_equal(result->slots[count].rows, 0);
}

/* ---- entities of every size ----
 * Customers have no order, one, about as many as a word has bits, or more than a batch has rows; columns are held narrow, as data that were
 * bound are. What the machine finds is held against a look at each order of each customer. */

typedef enum layout { IN_ORDER_OF_TIME, GROUPED, IN_NO_ORDER, LAYOUTS } layout;

static const uint32_t order_counts[] = {0, 1, 2, 63, 64, 65, 0, 5000, 10, 7, 0, 4096, 1};
enum { SIZED = ST_COUNT(order_counts), VALUES = 7 };

/* Puts a column of orders into the fewest bytes, as counts of `unit`, and nowhere else. */
static void hold_narrow(uint32_t col, uint64_t n, int64_t unit)
{
    st_column *c = &w.data->tables[ORDERS].columns[col];
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (uint64_t r = 0; r < n; r++) {
        if (c->known && !st_bit(c->known, r)) continue;
        int64_t v = c->phys == ST_CODE ? st_column_code(c, r) : st_column_i64(c, r);
        low = ST_MIN(low, v);
        high = ST_MAX(high, v);
    }
    if (c->phys == ST_CODE) low = 0;
    uint64_t range = ((uint64_t)high - (uint64_t)low) / (uint64_t)unit;
    uint8_t bytes = range <= UINT8_MAX ? 1 : range <= UINT16_MAX ? 2 : 4;
    char *out = st_alloc(w.a, (n + 64) * bytes);
    for (uint64_t r = 0; r < n; r++) {
        int64_t v = c->phys == ST_CODE ? st_column_code(c, r) : st_column_i64(c, r);
        uint32_t less = (uint32_t)(((uint64_t)v - (uint64_t)low) / (uint64_t)unit);
        memcpy(out + r * bytes, &less, bytes);
    }
    c->narrow = (st_narrow){out, bytes, low, unit};
    c->data = NULL;
}

/* Orders of all customers, `low` the least amount. */
static order *orders_of_every_size(layout how, uint64_t copies, int64_t low, uint64_t *n)
{
    uint64_t most = 0;
    for (uint64_t c = 0; c < copies * PEOPLE; c++) most += order_counts[c % SIZED] + 1;
    order *all = st_new_n(w.a, order, most + 1);
    *n = 0;
    /* grouped: one customer after the other; else each has one in turn */
    for (uint64_t outer = 0; outer < (how == GROUPED ? copies * PEOPLE : 5000); outer++)
        for (uint64_t inner = 0; inner < (how == GROUPED ? 5000 : copies * PEOPLE); inner++) {
            uint64_t c = how == GROUPED ? outer : inner, k = how == GROUPED ? inner : outer;
            if (k >= order_counts[c % SIZED]) continue;
            uint64_t mixed = (*n * 7919 + c) % 1009;
            int64_t amount = mixed % 11 == 0 ? NO_INT : low + (int64_t)(mixed % VALUES);
            int64_t at = how == IN_NO_ORDER ? (int64_t)(*n * 7907 % 3001) : (int64_t)(*n / 3);
            all[*n] = (order){(int64_t)*n, (int)c, at * MILLION, amount, mixed % 5 ? "tea" : "jam"};
            (*n)++;
        }
    if (how != GROUPED) all[(*n)++] = (order){(int64_t)*n, -1, (int64_t)*n * MILLION, low, "rum"};
    world_orders(&w, all, *n);
    hold_narrow(O_AMOUNT, *n, 1);
    hold_narrow(O_AT, *n, MILLION);
    hold_narrow(O_CATEGORY, *n, 1);
    return all;
}

typedef struct wanted_of {
    int64_t count, teas, least, most, distinct;
    st_i128 sum;
    const order *last;
} wanted_of;

static wanted_of *look_at_each(const order *all, uint64_t n, uint64_t customers)
{
    wanted_of *wanted = st_new_n(w.a, wanted_of, customers + 1);
    uint64_t *seen = st_new_n(w.a, uint64_t, customers + 1);
    int64_t low = INT64_MAX;
    for (uint64_t i = 0; i < n; i++)
        if (all[i].amount != NO_INT) low = ST_MIN(low, all[i].amount);
    for (uint64_t i = 0; i < n; i++) {
        const order *o = &all[i];
        if (o->customer < 0) continue;
        wanted_of *x = &wanted[o->customer];
        x->count++;
        x->teas += strcmp(o->category, "tea") == 0;
        if (o->amount == NO_INT) continue;
        if (!seen[o->customer]) x->least = x->most = o->amount;
        x->least = ST_MIN(x->least, o->amount);
        x->most = ST_MAX(x->most, o->amount);
        x->sum += o->amount;
        seen[o->customer] |= UINT64_C(1) << (o->amount - low);
        x->distinct = __builtin_popcountll(seen[o->customer]);
        bool later = !x->last || o->at > x->last->at || (o->at == x->last->at && o->amount > x->last->amount);
        if (later) x->last = o;
    }
    return wanted;
}

static void entities_of_every_size(layout how, bool ordered, int64_t low)
{
    enum { COPIES = 40 };
    uint64_t n, customers = COPIES * PEOPLE, lost = 0;
    people_times(COPIES);
    const order *all = orders_of_every_size(how, COPIES, low, &n);
    const wanted_of *wanted = look_at_each(all, n, customers);
    uint32_t v = customer_view(ordered), any = out_slot(ST_BC_BOOL, CUSTOMERS),
             count = out_slot(ST_BC_I64, CUSTOMERS), teas = out_slot(ST_BC_I64, CUSTOMERS),
             sum = out_slot(ST_BC_I64, CUSTOMERS), wide = out_slot(ST_BC_I128, CUSTOMERS),
             least = out_slot(ST_BC_I64, CUSTOMERS), most = out_slot(ST_BC_I64, CUSTOMERS),
             last = out_slot(ST_BC_I64, CUSTOMERS), distinct = out_slot(ST_BC_I64, CUSTOMERS);
    st_bc_begin(b);
    op(ST_BC_ALL, 0, 0, 0, 0, 0);
    op(ST_BC_LOAD, ST_BC_I64, 0, v_in(v, O_AMOUNT), 0, 0);
    op(ST_BC_LOAD, ST_BC_I64, 1, v_in(v, O_AT), 0, 0);
    op(ST_BC_LOAD, ST_BC_TEXT, 2, v_in(v, O_CATEGORY), 0, 0);
    op(ST_BC_CMP, ST_BC_TEXT, 1, 2, st_bc_text(b, ST_STR("tea")), ST_EQ);
    op(ST_BC_AGG_ANY, 0, any, 1, 0, 0);
    op(ST_BC_AGG_COUNT, 0, count, 0, 0, 0);
    op(ST_BC_AGG_COUNT, 0, teas, 1, 0, 0);
    op(ST_BC_AGG_SUM, ST_BC_I64, sum, 0, 0, 0);
    op(ST_BC_AGG_SUM, ST_BC_I64, wide, 0, 0, 0);
    op(ST_BC_AGG_MIN, ST_BC_I64, least, 0, 0, 0);
    op(ST_BC_AGG_MAX, ST_BC_I64, most, 0, 0, 0);
    op(ST_BC_AGG_LAST, ST_BC_I64, last, 0, 0, 1);
    pass(ST_BC_VIEW(v));
    st_bc_step *s = st_bc_step_new(b, ST_STEP_DISTINCT, ST_BC_VIEW(v));
    s->value = v_in(v, O_AMOUNT);
    s->out = distinct;
    run();
    for (uint64_t c = 0; c < customers; c++) {
        const wanted_of *x = &wanted[c];
        bool fits = x->sum >= INT64_MIN && x->sum <= INT64_MAX;
        assert_int_equal(st_bit(result->slots[any].data, c), x->teas > 0);
        assert_int_equal(((const int64_t *)result->slots[count].data)[c], x->count);
        assert_int_equal(((const int64_t *)result->slots[teas].data)[c], x->teas);
        assert_int_equal(known(sum, c), fits);
        assert_int_equal(((const int64_t *)result->slots[sum].data)[c], fits ? (int64_t)x->sum : 0);
        assert_true(((const st_i128 *)result->slots[wide].data)[c] == x->sum);
        assert_int_equal(known(least, c), x->last != NULL);
        assert_int_equal(known(most, c), x->last != NULL);
        assert_int_equal(((const int64_t *)result->slots[least].data)[c], x->least);
        assert_int_equal(((const int64_t *)result->slots[most].data)[c], x->most);
        assert_int_equal(((const int64_t *)result->slots[last].data)[c], x->last ? x->last->amount : 0);
        assert_int_equal(((const int64_t *)result->slots[distinct].data)[c], x->distinct);
        lost += !fits;
    }
    assert_int_equal(note_count(STRATA_NOTE_OVERFLOW), lost);
    assert_true(lost > 0 || low < MILLION);
}

static void entities_of_all_sizes(void **state)
{
    /* amounts of both signs, few and far from 0, and such that sums leave 64 bits */
    static const int64_t lows[] = {-3, -70000, INT64_MAX / 64};
    for (int how = 0; how < LAYOUTS; how++)
        for (size_t i = 0; i < ST_COUNT(lows); i++)
            for (int ordered = 0; ordered < 2; ordered++) {
                entities_of_every_size((layout)how, ordered != 0, lows[i]);
                teardown(state);
                setup(state);
            }
}

/* One customer has every row, of many batches and more than a part's worth. */
static void one_entity_has_all_rows(void **state)
{
    (void)state;
    enum { N = 200000 };
    people_times(1);
    order *all = st_new_n(w.a, order, N);
    for (int i = 0; i < N; i++)
        all[i] = (order){i, 3, (int64_t)((i * INT64_C(7919)) % N) * MILLION, 1 + i % 1000, i % 3 ? "a" : "b"};
    world_orders(&w, all, N);
    uint32_t v = customer_view(true), count = out_slot(ST_BC_I64, CUSTOMERS),
             sum = out_slot(ST_BC_I64, CUSTOMERS), last = out_slot(ST_BC_I64, CUSTOMERS),
             distinct = out_slot(ST_BC_I64, CUSTOMERS), common = out_slot(ST_BC_TEXT, CUSTOMERS),
             median = out_slot(ST_BC_I128, CUSTOMERS),
             tail = st_bc_slot_new(b, ST_BC_BOOL, ST_BC_VIEW(v), "last 10"),
             in_tail = out_slot(ST_BC_I64, CUSTOMERS), span = out_slot(ST_BC_I64, CUSTOMERS);
    st_bc_begin(b);
    op(ST_BC_ALL, 0, 0, 0, 0, 0);
    op(ST_BC_LOAD, ST_BC_I64, 0, v_in(v, O_AMOUNT), 0, 0);
    op(ST_BC_LOAD, ST_BC_I64, 1, v_in(v, O_AT), 0, 0);
    op(ST_BC_AGG_COUNT, 0, count, 0, 0, 0);
    op(ST_BC_AGG_SUM, ST_BC_I64, sum, 0, 0, 0);
    op(ST_BC_AGG_LAST, ST_BC_I64, last, 0, 0, 1);
    pass(ST_BC_VIEW(v));
    st_bc_step *s = st_bc_step_new(b, ST_STEP_DISTINCT, ST_BC_VIEW(v));
    s->value = v_in(v, O_AMOUNT), s->out = distinct;
    s = st_bc_step_new(b, ST_STEP_MOST_COMMON, ST_BC_VIEW(v));
    s->value = v_in(v, O_CATEGORY), s->out = common;
    s = st_bc_step_new(b, ST_STEP_MEDIAN, ST_BC_VIEW(v));
    s->value = v_in(v, O_AMOUNT), s->out = median, s->scale = 2;
    s = st_bc_step_new(b, ST_STEP_LAST_N, ST_BC_VIEW(v));
    s->out = tail, s->n = 10;
    s = st_bc_step_new(b, ST_STEP_SPAN, ST_BC_VIEW(v));
    s->value = v_in(v, O_AT), s->out = span, s->n = 1, s->unit = ST_HOUR;
    st_bc_begin(b);
    op(ST_BC_LOAD_TRUE, 0, 0, st_bc_read_slot(b, ST_BC_VIEW(v), ST_BC_NONE, tail), 0, 0);
    op(ST_BC_LOAD, ST_BC_I64, 0, v_in(v, O_AT), 0, 0);
    op(ST_BC_CMP, ST_BC_I64, 1, 0, st_bc_i64(b, (int64_t)(N - 10) * MILLION), ST_GE);
    op(ST_BC_AND, 0, 0, 0, 1, 0);
    op(ST_BC_AGG_COUNT, 0, in_tail, 0, 0, 0);
    pass(ST_BC_VIEW(v));
    run();
    IS_I(count, 0, 0, 0, N, 0, 0);
    IS_I(sum, 0, 0, 0, INT64_C(500500) * (N / 1000), 0, 0);
    int64_t latest = 0;
    for (int i = 0; i < N; i++)
        if (all[i].at == (int64_t)(N - 1) * MILLION) latest = all[i].amount;
    IS_I(last, NO, NO, NO, latest, NO, NO);
    IS_I(distinct, 0, 0, 0, 1000, 0, 0);
    IS_T(common, NULL, NULL, NULL, "a", NULL, NULL);
    IS_D(median, NO, NO, NO, INT64_C(5005000000000), NO, NO);
    IS_I(in_tail, 0, 0, 0, 10, 0, 0);
    IS_I(span, 0, 0, 0, 3600, 0, 0);
}

/* ---- groups ---- */

static uint32_t group(st_bc_step_kind kind, uint32_t v, uint32_t value, uint32_t slot, uint32_t filter)
{
    st_bc_step *s = st_bc_step_new(b, kind, ST_BC_VIEW(v));
    s->value = value;
    s->out = slot;
    s->filter = filter;
    s->scale = 2;
    return slot;
}

static void groups(void **state)
{
    (void)state;
    people_times(500);
    orders_times(500, false);
    uint32_t v = customer_view(true), small = st_bc_slot_new(b, ST_BC_BOOL, ST_BC_VIEW(v), "");
    uint32_t real = st_bc_slot_new(b, ST_BC_F64, ST_BC_VIEW(v), ""),
             wide = st_bc_slot_new(b, ST_BC_I128, ST_BC_VIEW(v), "");
    st_bc_begin(b);
    op(ST_BC_LOAD, ST_BC_I64, 0, v_in(v, O_AMOUNT), 0, 0);
    op(ST_BC_CMP, ST_BC_I64, 0, 0, st_bc_i64(b, 700), ST_LT);
    op(ST_BC_STORE_P, 0, small, 0, 0, 0);
    op(ST_BC_TO_FLOAT, ST_BC_I64, 1, 0, 2, 0);
    op(ST_BC_STORE, ST_BC_F64, real, 1, 0, 0);
    op(ST_BC_WIDEN, 0, 0, 0, 0, 0);
    op(ST_BC_STORE, ST_BC_I128, wide, 0, 0, 0);
    pass(ST_BC_VIEW(v));
    st_bc_domain d = ST_BC_VIEW(v);
    uint32_t real_in = st_bc_read_slot(b, d, ST_BC_NONE, real),
             wide_in = st_bc_read_slot(b, d, ST_BC_NONE, wide);
    uint32_t amount = v_in(v, O_AMOUNT), category = v_in(v, O_CATEGORY);
    /* ann: 500 - 700 200 700 at 10 20 30 30 50; cid: 100 300 at 40 40; dot: 50 without a time */
    uint32_t distinct = group(ST_STEP_DISTINCT, v, amount, out_slot(ST_BC_I64, CUSTOMERS), ST_BC_NONE);
    uint32_t distinct_small = group(ST_STEP_DISTINCT, v, amount, out_slot(ST_BC_I64, CUSTOMERS), small);
    uint32_t distinct_text = group(ST_STEP_DISTINCT, v, category, out_slot(ST_BC_I64, CUSTOMERS), ST_BC_NONE);
    uint32_t repeats_of = group(ST_STEP_REPEATS, v, amount, out_slot(ST_BC_I64, CUSTOMERS), ST_BC_NONE);
    uint32_t common = group(ST_STEP_MOST_COMMON, v, amount, out_slot(ST_BC_I64, CUSTOMERS), ST_BC_NONE);
    uint32_t common_text =
        group(ST_STEP_MOST_COMMON, v, category, out_slot(ST_BC_TEXT, CUSTOMERS), ST_BC_NONE);
    uint32_t common_small = group(ST_STEP_MOST_COMMON, v, category, out_slot(ST_BC_TEXT, CUSTOMERS), small);
    uint32_t common_real = group(ST_STEP_MOST_COMMON, v, real_in, out_slot(ST_BC_F64, CUSTOMERS), ST_BC_NONE);
    uint32_t common_wide = group(ST_STEP_MOST_COMMON, v, wide_in, out_slot(ST_BC_I128, CUSTOMERS), small);
    uint32_t median = group(ST_STEP_MEDIAN, v, amount, out_slot(ST_BC_I128, CUSTOMERS), ST_BC_NONE);
    uint32_t median_wide = group(ST_STEP_MEDIAN, v, wide_in, out_slot(ST_BC_I128, CUSTOMERS), small);
    uint32_t median_real = group(ST_STEP_MEDIAN, v, real_in, out_slot(ST_BC_F64, CUSTOMERS), ST_BC_NONE);
    uint32_t last = group(ST_STEP_LAST_N, v, ST_BC_NONE, st_bc_slot_new(b, ST_BC_BOOL, d, ""), ST_BC_NONE);
    b->steps.p[b->steps.n - 1].n = 2;
    uint32_t last_small = group(ST_STEP_LAST_N, v, ST_BC_NONE, st_bc_slot_new(b, ST_BC_BOOL, d, ""), small);
    b->steps.p[b->steps.n - 1].n = 1;
    uint32_t span = group(ST_STEP_SPAN, v, v_in(v, O_AT), out_slot(ST_BC_I64, CUSTOMERS), ST_BC_NONE);
    b->steps.p[b->steps.n - 1].n = 1, b->steps.p[b->steps.n - 1].unit = ST_MINUTE;
    uint32_t span_days = group(ST_STEP_SPAN, v, v_in(v, O_DAY), out_slot(ST_BC_I64, CUSTOMERS), small);
    b->steps.p[b->steps.n - 1].n = 9000, b->steps.p[b->steps.n - 1].unit = ST_YEAR,
                            b->steps.p[b->steps.n - 1].dates = true;
    uint32_t sum_last = out_slot(ST_BC_I64, CUSTOMERS), sum_small = out_slot(ST_BC_I64, CUSTOMERS);
    st_bc_begin(b);
    op(ST_BC_LOAD, ST_BC_I64, 0, v_in(v, O_ID), 0, 0);
    op(ST_BC_LOAD_TRUE, 0, 0, st_bc_read_slot(b, d, ST_BC_NONE, last), 0, 0);
    op(ST_BC_LOAD_TRUE, 0, 1, st_bc_read_slot(b, d, ST_BC_NONE, last_small), 0, 0);
    op(ST_BC_AGG_SUM, ST_BC_I64, sum_last, 0, 0, 0);
    op(ST_BC_AGG_SUM, ST_BC_I64, sum_small, 1, 0, 0);
    pass(d);
    run();
    IS_I(distinct, 3, 0, 2, 1, 0, 0);
    IS_I(distinct_small, 2, 0, 2, 1, 0, 0);
    IS_I(distinct_text, 3, 0, 2, 1, 0, 0);
    IS_I(repeats_of, 2, 0, 1, 1, 0, 0);
    IS_I(common, 700, NO, 100, 50, NO, NO);
    IS_T(common_text, "tea", NULL, "jam", "oil", NULL, NULL);
    IS_T(common_small, "milk", NULL, "jam", "oil", NULL, NULL);
    IS_F(common_real, 7, NO_FLOAT, 1, 0.5, NO_FLOAT, NO_FLOAT);
    IS_D(common_wide, 200, NO, 100, 50, NO, NO);
    IS_D(median, INT64_C(6000000000000), NO, INT64_C(2000000000000), INT64_C(500000000000), NO, NO);
    IS_D(median_wide, INT64_C(3500000000000), NO, INT64_C(2000000000000), INT64_C(500000000000), NO, NO);
    IS_F(median_real, 6, NO_FLOAT, 2, 0.5, NO_FLOAT, NO_FLOAT);
    IS_I(sum_last, 17, 0, 11, 0, 0,
         0); /* 7 (of equal time, the greater key) and 10; 2 and 9; none without a time */
    IS_I(sum_small, 7, 0, 9, 0, 0, 0);
    IS_I(span, 5, 0, 2, 0, 0, 0);
    IS_I(span_days, 2, 0, 2, 0, 0, 0);
}

/* ---- ranks ---- */

static st_bc_step *threshold(uint32_t scalar, uint32_t value, int64_t amount, bool bottom)
{
    st_bc_step *s = st_bc_step_new(b, ST_STEP_THRESHOLD, CUSTOMERS);
    s->out = scalar;
    s->value = value;
    s->amount = amount;
    s->bottom = bottom;
    s->subject = CUSTOMERS;
    return s;
}

static void thresholds(void **state)
{
    (void)state;
    people_times(1000);
    uint32_t s[8];
    for (uint32_t i = 0; i < 8; i++)
        s[i] = st_bc_scalar_new(b, ST_S_SET, i == 4 ? ST_BC_F64 : i == 5 ? ST_BC_I128 : ST_BC_I64);
    uint32_t few = st_bc_slot_new(b, ST_BC_BOOL, CUSTOMERS, "");
    st_bc_begin(b);
    op(ST_BC_LOAD_TRUE, 0, 0, c_in(C_CONSENT), 0, 0);
    op(ST_BC_STORE_P, 0, few, 0, 0, 0);
    pass(CUSTOMERS);
    threshold(s[0], c_in(C_AGE), 1000, false);               /* 5000 known: 1000 of them INT64_MAX */
    threshold(s[1], c_in(C_AGE), 1001, false);               /* 65, and so 2000 are in */
    threshold(s[2], c_in(C_AGE), 2001, true);                /* bottom: 0 17 30 */
    st_bc_step *t = threshold(s[3], c_in(C_BORN), 5, false); /* 5%: 250 of 5000 */
    t->is_share = true, t->amount_scale = 2;
    t = threshold(s[4], c_in(C_RATING), 2500, false);
    t->filter = few; /* 0.5 2 -0: of 3000 */
    threshold(s[5], c_in(C_WEALTH), 1000000, true);
    threshold(s[6], c_in(C_AGE), 0, false);
    t = threshold(s[7], c_in(C_AGE), 1, false);
    t->is_share = true, t->amount_scale = 0; /* all of them */
    st_bc_begin(b);
    uint32_t out[8];
    for (uint32_t i = 0; i < 8; i++) {
        st_bc_type type = b->scalars.p[s[i]].type;
        op(ST_BC_CONST, type, i, s[i], 0, 0);
        out[i] = store(type, i);
    }
    pass(CUSTOMERS);
    run();
    IS_I(out[0], INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX);
    IS_I(out[1], 65, 65, 65, 65, 65, 65);
    IS_I(out[2], 30, 30, 30, 30, 30, 30);
    IS_I(out[3], 18262, 18262, 18262, 18262, 18262, 18262);
    IS_F(out[4], 0, 0, 0, 0, 0, 0);
    IS_D(out[5], 12345, 12345, 12345, 12345, 12345, 12345);
    IS_I(out[6], NO, NO, NO, NO, NO, NO);
    IS_I(out[7], 0, 0, 0, 0, 0, 0);
    uint64_t sizes[4] = {0}, n = 0;
    for (uint32_t i = 0; i < result->nnotes; i++)
        if (result->notes[i].kind == STRATA_NOTE_TIES && n < 4) {
            assert_string_equal(result->notes[i].subject, "of_customer");
            sizes[n++] = result->notes[i].count * 10000 + result->notes[i].asked;
        }
    assert_int_equal(n, 2); /* 2000 for 1001, 1000 for 250; 3000 for 2001 is not half as large again */
    assert_int_equal(sizes[0], 2000 * 10000 + 1001);
    assert_int_equal(sizes[1], 1000 * 10000 + 250);
}

static uint32_t scores(uint32_t value, int64_t n, st_rfm_method method, bool lower, uint32_t scale)
{
    st_bc_step *s = st_bc_step_new(b, ST_STEP_SCORE, CUSTOMERS);
    s->value = value;
    s->n = n;
    s->method = method;
    s->lower_is_better = lower;
    s->scale = scale;
    if (method == ST_NTILE) s->key = c_in(C_ID);
    return s->out = out_slot(ST_BC_I64, CUSTOMERS);
}

static void rfm_scores(void **state)
{
    (void)state;
    people_times(1);
    /* age: 30 17 - 65 0 max; born: 3650 - -1 59 18262 0; wealth 123.45 - -.99 .01 .02 .03; rating .5 - -1.5 2 1e300 -0 */
    uint32_t ranked = scores(c_in(C_AGE), 5, ST_RANKED, false, 0),
             reversed = scores(c_in(C_AGE), 5, ST_RANKED, true, 0);
    uint32_t three = scores(c_in(C_BORN), 3, ST_RANKED, false, 0),
             cume = scores(c_in(C_BORN), 4, ST_CUME_DIST, false, 0);
    uint32_t ntile = scores(c_in(C_AGE), 2, ST_NTILE, false, 0),
             real = scores(c_in(C_RATING), 2, ST_NTILE, false, 0);
    uint32_t package = scores(c_in(C_AGE), 2, ST_RFM_PACKAGE, false, 0),
             recency = scores(c_in(C_BORN), 2, ST_RFM_PACKAGE, true, 0);
    uint32_t wide = scores(c_in(C_WEALTH), 4, ST_RFM_PACKAGE, false, 2),
             float_package = scores(c_in(C_RATING), 2, ST_RFM_PACKAGE, false, 0);
    run();
    IS_I(ranked, 3, 2, NO, 4, 1, 5);
    IS_I(reversed, 3, 4, NO, 2, 5, 1);
    IS_I(three, 3, NO, 1, 2, 3, 1);
    IS_I(cume, 4, NO, 1, 3, 4, 2);
    IS_I(ntile, 1, 1, NO, 2, 1, 2);
    IS_I(real, 1, NO, 1, 2, 2, 1);
    IS_I(package, 1, 1, NO, 2, 1, 2);       /* the median is 30, the cut 31 */
    IS_I(recency, 1, NO, 2, 2, 1, 2);       /* the cut is 60 */
    IS_I(wide, 4, NO, 1, 1, 1, 1);          /* quartiles .01 .02 .03, cuts 1.01 1.02 1.03 */
    IS_I(float_package, 1, NO, 1, 2, 2, 1); /* the median is .5 */
    people_times(50);                       /* equal values: never parted by rank, dealt by key in ntile */
    run();
    IS_I(ranked, 3, 2, NO, 4, 1, 5);
    uint64_t low = 0; /* 250 are dealt in two: 50 0, 50 17 and half of the 30 */
    for (uint64_t r = 0; r < repeats * PEOPLE; r += PEOPLE)
        low += ((const int64_t *)result->slots[ntile].data)[r] == 1;
    assert_int_equal(low, 25);
    world_customers(&w, people, 1);
    run();
    assert_int_equal(((const int64_t *)result->slots[ranked].data)[0], 5); /* alone: the best */
}

/* ---- populations of many chunks ---- */

static const int64_t *ranks_of; /* by row */

static int by_rank_then_row(const void *a, const void *b_)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b_;
    if (ranks_of[x] != ranks_of[y]) return ranks_of[x] < ranks_of[y] ? -1 : 1;
    return (x > y) - (x < y);
}

/* The scores 1 to 5 of ranked and ntile against the order that sorting gives. */
static void check_scores(uint32_t ranked, uint32_t ntile, const int64_t *ranks, uint64_t n)
{
    int32_t *rows = st_new_n(w.a, int32_t, n + 1);
    for (uint64_t i = 0; i < n; i++) rows[i] = (int32_t)i;
    ranks_of = ranks;
    qsort(rows, n, sizeof *rows, by_rank_then_row);
    uint64_t below = 0, larger = n % 5, size = n / 5;
    for (uint64_t i = 0; i < n; i++) {
        if (i && ranks[rows[i]] != ranks[rows[i - 1]]) below = i;
        int64_t score = 1;
        for (uint64_t s = 2; s <= 5; s++) score += below >= (s - 1) * (n - 1) / 5 + 1;
        assert_int_equal(((const int64_t *)result->slots[ranked].data)[rows[i]], score);
        uint64_t group = i < larger * (size + 1) ? i / (size + 1) : larger + (i - larger * (size + 1)) / size;
        assert_int_equal(((const int64_t *)result->slots[ntile].data)[rows[i]], (int64_t)group + 1);
    }
}

/* Few values, of which one is a third of all, and many; small values better, and large ones. */
static void scores_of_many(void **state)
{
    (void)state;
    enum { N = 150001 };
    customer *all = st_new_n(w.a, customer, N);
    int64_t *few = st_new_n(w.a, int64_t, N), *many = st_new_n(w.a, int64_t, N),
            *down = st_new_n(w.a, int64_t, N);
    for (int64_t i = 0; i < N; i++) {
        int64_t mixed = i * 7919 % N;
        few[i] = mixed % 3 ? mixed % 7 : 3;
        many[i] = mixed / 2 - 40000;
        down[i] = -few[i];
        all[i] = people[0];
        all[i].id = st_format(w.a, "c%06d", (int)i);
        all[i].friend_row = -1;
        all[i].age = few[i];
        all[i].rating = (double)many[i] / 4;
        all[i].spend = many[i] * (INT64_MAX / 100000);
        all[i].wealth = (st_i128)(many[i] ? many[i] : 90000) * MILLION * MILLION * MILLION;
    }
    int64_t *wealth = st_new_n(w.a, int64_t, N);
    for (int64_t i = 0; i < N; i++) wealth[i] = many[i] ? many[i] : 90000;
    world_customers(&w, all, N);
    static const uint32_t columns[] = {C_AGE, C_AGE, C_RATING, C_SPEND, C_WEALTH};
    const int64_t *ranks[] = {few, down, many, many, wealth};
    uint32_t ranked[ST_COUNT(columns)], ntile[ST_COUNT(columns)];
    for (size_t i = 0; i < ST_COUNT(columns); i++) {
        ranked[i] = scores(c_in(columns[i]), 5, ST_RANKED, i == 1, 0);
        ntile[i] = scores(c_in(columns[i]), 5, ST_NTILE, i == 1, 0);
    }
    run();
    for (size_t i = 0; i < ST_COUNT(columns); i++) check_scores(ranked[i], ntile[i], ranks[i], N);
}

/* ---- sequences ---- */

/* Events of one customer each: a letter a minute, a capital one carries the value 1 in amount, others 0; '.' is no event. */
static void tell_stories(const char *const *stories, uint64_t copies)
{
    order *all = st_new_n(w.a, order, copies * PEOPLE * 64 + 1);
    uint64_t n = 0;
    for (uint64_t c = 0; c < copies; c++)
        for (int i = 0; i < PEOPLE; i++)
            for (uint32_t t = 0; stories[i][t]; t++) {
                char letter = stories[i][t];
                if (letter == '.') continue;
                char *name = st_alloc(w.a, 2);
                name[0] = (char)(letter | 32);
                all[n] =
                    (order){(int64_t)n, (int)(c * PEOPLE) + i, (int64_t)t * 60 * MILLION, letter < 'a', name};
                n++;
            }
    world_orders(&w, all, n);
}

static uint32_t letter_slot(uint32_t v, const char *letter)
{
    uint32_t slot = st_bc_slot_new(b, ST_BC_BOOL, ST_BC_VIEW(v), letter);
    st_bc_begin(b);
    op(ST_BC_LOAD, ST_BC_TEXT, 0, v_in(v, O_CATEGORY), 0, 0);
    op(ST_BC_CMP, ST_BC_TEXT, 0, 0, st_bc_text(b, st_str_of(letter)), ST_EQ);
    op(ST_BC_STORE_P, 0, slot, 0, 0, 0);
    pass(ST_BC_VIEW(v));
    return slot;
}

/* "a b<3 !c": a, then b within 3 minutes, then no c. References: '=' behind a letter asks for the amount of the first row; '>' by row
 * code for a smaller one. */
static uint32_t sequence(uint32_t v, const char *pattern)
{
    uint32_t id, n = 1, k = 0;
    for (const char *p = pattern; *p; p++) n += *p == ' ';
    uint32_t bound = st_bc_scalar_new(b, ST_S_BOUND, ST_BC_I64), slots[8];
    char letter[2] = "";
    for (const char *p = pattern; *p; p++)
        if (*p >= 'a' && *p <= 'z') letter[0] = *p, slots[k++] = letter_slot(v, letter);
    st_bc_begin(b);
    op(ST_BC_LOAD, ST_BC_I64, 0, v_in(v, O_AMOUNT), 0, 0);
    op(ST_BC_CONST, ST_BC_I64, 1, bound, 0, 0);
    op(ST_BC_CMP_V, ST_BC_I64, 0, 0, 1, ST_LT);
    st_bc_code less = st_bc_end(b);
    st_bc_sequence *q = st_bc_sequence_new(b, CUSTOMERS, n, &id);
    q->until = st_bc_now(b);
    bool first = true;
    st_bc_seq_step *s = q->steps;
    s->kind = ST_SEQ_ROW;
    k = 0;
    for (const char *p = pattern; *p; p++) {
        if (*p == '!') {
            s->kind = ST_SEQ_NO;
        } else if (*p == '<') {
            s->has_within = true, s->within = p[1] - '0', s->within_unit = ST_MINUTE, p++;
        } else if (*p == '=') {
            s->neq = 1, s->eq = st_new(w.a, st_bc_pair), s->eq[0] = (st_bc_pair){v_in(v, O_AMOUNT), bound};
        } else if (*p == '>') {
            s->has_cond = true, s->cond = less;
        } else if (*p == ' ') {
            s++;
        } else {
            s->view = v, s->filter = slots[k++], s->time = v_in(v, O_AT);
            if (first && s->kind == ST_SEQ_ROW) {
                s->nbind = 1, s->bind = st_new(w.a, st_bc_pair),
                s->bind[0] = (st_bc_pair){v_in(v, O_AMOUNT), bound};
                first = false;
            }
        }
    }
    st_bc_step *step = st_bc_step_new(b, ST_STEP_SEQUENCE, CUSTOMERS);
    step->sequence = id;
    return step->out = out_slot(ST_BC_BOOL, CUSTOMERS);
}

static void sequences(void **state)
{
    (void)state;
    people_times(400);
    static const char *const stories[PEOPLE] = {"ab", "ba", "a...b", "acb", "Ab.aB", "aa.cb.c"};
    tell_stories(stories, 400);
    uint32_t v = customer_view(true);
    static const struct {
        const char *pattern, *holds;
    } cases[] = {
        {"a", "111111"},         {"a b", "101111"},      {"b a", "010010"},
        {"a b<1", "100010"},     {"a b<3", "100111"},    {"a a", "000011"},
        {"a !c b", "101010"},    {"a !c<1 b", "101011"}, /* the first a: the stretch ends before the c */
        {"!c a", "111111"},      {"!a b", "010000"},     {"!c b", "111010"},
        {"a !b", "010000"},      {"a b !c", "101110"},   {"a b !c<1", "101111"},
        {"a !c !b", "010000"},   {"c", "000101"},        {"a b=", "101111"},
        {"a b>", "000010"},      {"a !b= b", "101111"},  {"a !b>", "111111"},
        {"a a= b=", "000001"},   {"a !b=", "010010"},    {"a b<2= !c<9", "100100"},
        {"a !b= c b", "000101"},
    };
    uint32_t slots[ST_COUNT(cases)];
    for (size_t i = 0; i < ST_COUNT(cases); i++) slots[i] = sequence(v, cases[i].pattern);
    run_at(3600 * (int64_t)MILLION);
    for (size_t i = 0; i < ST_COUNT(cases); i++) {
        char got[PEOPLE + 1] = "";
        for (uint32_t r = 0; r < PEOPLE; r++) got[r] = st_bit(result->slots[slots[i]].data, r) ? '1' : '0';
        if (strcmp(got, cases[i].holds)) fail_msg("%s: %s, not %s", cases[i].pattern, got, cases[i].holds);
        is_p(slots[i], cases[i].holds);
    }
}

/* A reference in a long story is found by hash, not by walking through all of it. */
static void long_sequences(void **state)
{
    (void)state;
    enum { N = 40000 };
    people_times(1);
    order *all = st_new_n(w.a, order, N);
    for (int i = 0; i < N; i++)
        all[i] = (order){i, 1, (int64_t)i * MILLION, i % (N / 2), i < N / 2 ? "a" : "b"};
    all[N - 1].amount = N;
    world_orders(&w, all, N);
    uint32_t v = customer_view(true);
    uint32_t buys = sequence(v, "a b="), never = sequence(v, "a !b="), reversed = sequence(v, "b a=");
    st_vm_options o = {.as_of = INT64_C(1) << 50, .threads = 1};
    assert_true(run_once(&o));
    is_p(buys, "010000");
    is_p(never, "010000"); /* the last a has no b of its amount */
    is_p(reversed, "000000");
}

/* ---- what cannot run ---- */

static void bad_options(void **state)
{
    (void)state;
    people_times(1);
    st_vm_options o = {.isa = "mmx"};
    assert_false(run_once(&o));
    assert_non_null(strstr(w.env.error.message, "\"mmx\""));
    o = (st_vm_options){.batch = 100};
    assert_false(run_once(&o));
    assert_non_null(strstr(w.env.error.message, "multiple of 64"));
    setenv("STRATA_ISA", "sse9", 1);
    o = (st_vm_options){0};
    assert_false(run_once(&o));
    assert_non_null(strstr(w.env.error.message, "STRATA_ISA"));
    setenv("STRATA_ISA", "plain", 1);
    assert_true(run_once(&o));
    unsetenv("STRATA_ISA");
    w.schema->timezone = "Nowhere/Land";
    run_fails("Nowhere/Land");
}

static void missing_data(void **state)
{
    (void)state;
    people_times(1);
    st_bc_begin(b);
    op(ST_BC_LOAD, ST_BC_I64, 0, c_in(C_AGE), 0, 0);
    store(ST_BC_I64, 0);
    pass(CUSTOMERS);
    w.data->tables[CUSTOMERS].columns[C_AGE].decl = NULL;
    run_fails("no column age of customers");
}

static void memory_is_limited(void **state)
{
    (void)state;
    people_times(2000);
    st_bc_begin(b);
    op(ST_BC_LOAD, ST_BC_I64, 0, c_in(C_AGE), 0, 0);
    store(ST_BC_I64, 0);
    pass(CUSTOMERS);
    size_t used = w.env.used;
    for (size_t room = 1000; room < 400000; room += 20000) {
        w.env.limit = used + room;
        st_vm_options o = {.threads = 2};
        if (!run_once(&o)) assert_int_equal(w.env.error.status, STRATA_NO_MEMORY);
        used = w.env.used;
    }
    w.env.limit = 0;
    run();
}

static bool stop_at_half(void *context, double share)
{
    (*(int *)context)++;
    return share < 0.5;
}

static void progress_stops(void **state)
{
    (void)state;
    people_times(1);
    for (int i = 0; i < 4; i++) {
        st_bc_begin(b);
        op(ST_BC_ALL, 0, 0, 0, 0, 0);
        store_p(0);
        pass(CUSTOMERS);
    }
    int calls = 0;
    st_vm_options o = {.progress = stop_at_half, .context = &calls};
    assert_false(run_once(&o));
    assert_non_null(strstr(w.env.error.message, "stopped"));
    assert_int_equal(calls, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(loads),
        TEST(logic),
        cmocka_unit_test(comparisons),
        TEST(scaled_and_sets),
        TEST(texts),
        TEST(long_dictionaries),
        TEST(lists_and_draws),
        TEST(draws),
        TEST(choices),
        TEST(whole_numbers),
        TEST(long_numbers),
        TEST(floats),
        TEST(times),
        TEST(setups),
        TEST(overflow_in_setup),
        TEST(as_of_only_looks_back),
        TEST(aggregates),
        TEST(aggregates_of_many),
        TEST(aggregates_of_grouped_rows),
        TEST(aggregates_of_nothing),
        TEST(one_entity_has_all_rows),
        TEST(entities_of_all_sizes),
        TEST(groups),
        TEST(thresholds),
        TEST(rfm_scores),
        TEST(scores_of_many),
        TEST(sequences),
        TEST(long_sequences),
        TEST(bad_options),
        TEST(missing_data),
        TEST(memory_is_limited),
        TEST(progress_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
