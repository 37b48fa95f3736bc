/* Judging promises: the numbers of a run against their bounds, up to numbers that no table of a test would hold. */
#include "promise/promise.h"

#include "base/decimal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

enum { ROWS = 1000 };

typedef struct world {
    st_env env;
    st_arena *a;
    st_table table;
    uint64_t population[ROWS / 64 + 8], part[ROWS / 64 + 8];
    st_found found;
} world;

/* `n` of the first `all` rows. */
static void fill(world *w, uint64_t all, uint64_t n)
{
    memset(w->population, 0, sizeof w->population);
    memset(w->part, 0, sizeof w->part);
    for (uint64_t i = 0; i < all; i++) st_bit_set(w->population, i);
    for (uint64_t i = 0; i < n; i++) st_bit_set(w->part, i);
}

static int open_world(void **state)
{
    world *w = calloc(1, sizeof *w);
    st_env_init(&w->env, NULL);
    w->a = st_arena_new(&w->env);
    w->table.name = "people";
    w->found = (st_found){.rows = ROWS, .population = w->population, .part = w->part, .no_previous = "none"};
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    world *w = *state;
    st_env_close(&w->env);
    free(w);
    return 0;
}

static st_bound share(const char *text)
{
    st_bound b = {.given = true, .is_share = true};
    unsigned scale;
    assert_true(st_dec_parse(st_str_of(text), false, &b.amount, &scale));
    b.scale = scale + 2;
    return b;
}

static st_bound number(int64_t n)
{
    return (st_bound){.given = true, .amount = n};
}

static st_verdict judge(world *w, st_promise p)
{
    st_verdict v = {0};
    st_verdict *out = &v;
    bool ok;
    p.table = &w->table;
    ST_GUARD(&w->env, ok, *out = st_judge(w->a, &p, &w->found, st_zone_load(w->a, "UTC"), 0));
    assert_true(ok);
    return v;
}

static void shares_are_exact(void **state)
{
    world *w = *state;
    fill(w, 3, 1);
    struct {
        const char *bound;
        bool kept;
    } const cases[] = {{"33", true},
                       {"33.33333333333333333333", true},
                       {"33.33333333333333333334", false},
                       {"34", false},
                       {"0", true},
                       {"100", false}};
    for (size_t i = 0; i < ST_COUNT(cases); i++) {
        st_verdict v = judge(w, (st_promise){.kind = ST_CHECK_KNOWN, .low = share(cases[i].bound)});
        assert_int_equal(v.outcome, cases[i].kept ? ST_KEPT : ST_BROKEN);
        assert_string_equal(v.measured, "1 of 3 (33.33%)");
        assert_true(v.value == 1.0 / 3 && isnan(v.high));
    }
}

static void bounds_are_included(void **state)
{
    world *w = *state;
    fill(w, 1000, 50);
    const struct {
        st_bound low, high;
        bool kept;
    } cases[] = {
        {number(50), number(50), true}, {number(51), number(60), false},   {number(0), number(49), false},
        {share("5"), share("5"), true}, {share("5.1"), share("9"), false}, {share("1"), share("4.9"), false},
        {number(50), share("5"), true}, {share("5"), number(50), true},    {number(51), share("5"), false}};
    for (size_t i = 0; i < ST_COUNT(cases); i++) {
        st_promise p = {.kind = ST_CHECK_SIZE_BETWEEN, .low = cases[i].low, .high = cases[i].high};
        assert_int_equal(judge(w, p).outcome, cases[i].kept ? ST_KEPT : ST_BROKEN);
    }
    st_verdict mixed =
        judge(w, (st_promise){.kind = ST_CHECK_SIZE_BETWEEN, .low = number(7), .high = share("6")});
    assert_true(mixed.value == 50 && mixed.low == 7 && fabs(mixed.high - 60) < 1e-9);
}

static void nothing_is_shown_as_all_or_none_that_is_not(void **state)
{
    world *w = *state;
    const struct {
        uint64_t all, n;
        const char *words;
    } cases[] = {{1000, 1000, "1,000 of 1,000 (100%)"},
                 {1000, 999, "999 of 1,000 (99.9%)"},
                 {1000, 0, "0 of 1,000 (0%)"},
                 {1000, 125, "125 of 1,000 (12.5%)"},
                 {8, 1, "1 of 8 (12.5%)"},
                 {7, 2, "2 of 7 (28.57%)"}};
    for (size_t i = 0; i < ST_COUNT(cases); i++) {
        fill(w, cases[i].all, cases[i].n);
        st_verdict v = judge(w, (st_promise){.kind = ST_CHECK_KNOWN, .low = share("0")});
        assert_string_equal(v.measured, cases[i].words);
    }
    w->found.has_previous = true;
    w->found.previous = 100000;
    fill(w, 1000, 1000);
    st_verdict v = judge(w, (st_promise){.kind = ST_CHECK_SIZE_WITHIN, .low = share("99")});
    assert_string_equal(v.measured, "1,000, before 100,000 (-99%)");
    assert_int_equal(v.outcome, ST_KEPT);
    w->found.previous = 999;
    v = judge(w, (st_promise){.kind = ST_CHECK_SIZE_WITHIN, .low = share("0.1")});
    assert_string_equal(v.measured, "1,000, before 999 (+0.1%)");
    assert_int_equal(v.outcome, ST_BROKEN); /* 1 of 999 is more */
    w->found.previous = UINT64_C(4000000000);
    v = judge(w, (st_promise){.kind = ST_CHECK_SIZE_WITHIN, .low = share("100")});
    assert_string_equal(v.measured, "1,000, before 4,000,000,000 (-99.99%)");
}

static void what_cannot_be_measured_is_neither(void **state)
{
    world *w = *state;
    fill(w, 0, 0);
    const st_promise cases[] = {{.kind = ST_CHECK_KNOWN, .low = share("0")},
                                {.kind = ST_CHECK_KEEPS, .low = share("0")},
                                {.kind = ST_CHECK_SIZE_AT_MOST, .high = share("100")},
                                {.kind = ST_CHECK_SIZE_WITHIN, .low = number(5)}};
    for (size_t i = 0; i < ST_COUNT(cases); i++) {
        st_verdict v = judge(w, cases[i]);
        assert_int_equal(v.outcome, ST_NOT_MEASURED);
        assert_true(isnan(v.value) && v.measured[0]);
    }
    assert_int_equal(judge(w, (st_promise){.kind = ST_CHECK_SIZE_AT_LEAST, .low = number(1)}).outcome,
                     ST_BROKEN);
    assert_int_equal(judge(w, (st_promise){.kind = ST_CHECK_DISJOINT}).outcome, ST_KEPT);
}

/* A thousand numbers of 38 digits: sums of 41, times shares of 22. */
static void sums_go_beyond_all_types(void **state)
{
    world *w = *state;
    static st_i128 values[ROWS];
    st_i128 most = st_pow10(38) - 1;
    for (int i = 0; i < ROWS; i++) values[i] = most;
    st_vm_slot slot = {.type = ST_BC_I128, .rows = ROWS, .data = values};
    w->found.measure = &slot;
    w->found.type = (st_type){.base = ST_T_DECIMAL, .digits = 38, .scale = 2};
    fill(w, ROWS, 600);
    st_promise p = {.kind = ST_CHECK_BRINGS, .low = share("60")};
    st_verdict v = judge(w, p);
    assert_int_equal(v.outcome, ST_KEPT);
    assert_true(fabs(v.value - 0.6) < 1e-12);
    assert_string_equal(
        v.measured,
        "599999999999999999999999999999999999994.00 of 999999999999999999999999999999999999990.00");
    p.low = share("60.00000000000000000001");
    assert_int_equal(judge(w, p).outcome, ST_BROKEN);
    values[999] = -most; /* 600 of 998 */
    p.low = share("60.12");
    assert_int_equal(judge(w, p).outcome, ST_KEPT);
    p.low = share("60.13");
    assert_int_equal(judge(w, p).outcome, ST_BROKEN);
    for (int i = 0; i < 501; i++) values[i] = -most; /* 99 - 501 of 498 - 502 */
    assert_int_equal(judge(w, p).outcome, ST_NOT_MEASURED);
    for (int i = 500; i < 502; i++) values[i] = most; /* 100 - 500 of 499 - 501 … */
    values[999] = most;                               /* 100 - 500 of 500 - 500 */
    assert_int_equal(judge(w, p).outcome, ST_NOT_MEASURED);
    values[998] = 0;
    values[0] = 0;
    values[1] = 0; /* 100 - 498 of 499 - 498 */
    p.low = share("0");
    v = judge(w, p);
    assert_int_equal(v.outcome, ST_BROKEN);
    assert_true(v.value < -390);
}

static void values_are_the_same_by_what_they_are(void **state)
{
    world *w = *state;
    static const double numbers[] = {0.0, -0.0, 1.5, 1.5, 2.5};
    static const int64_t whole[] = {5, 5, -5, 6, 5};
    uint64_t known[8] = {0x1f};
    st_vm_slot slot = {.type = ST_BC_F64, .rows = 5, .data = numbers, .known = known};
    w->found.measure = &slot;
    w->found.rows = 5;
    fill(w, 5, 0);
    assert_string_equal(judge(w, (st_promise){.kind = ST_CHECK_UNIQUE}).measured, "2 of 5 (40%)");
    known[0] = 0x17; /* one 1.5 is missing */
    assert_string_equal(judge(w, (st_promise){.kind = ST_CHECK_UNIQUE}).measured, "1 of 4 (25%)");
    slot.type = ST_BC_I64;
    slot.data = whole;
    known[0] = 0x1f;
    assert_string_equal(judge(w, (st_promise){.kind = ST_CHECK_UNIQUE}).measured, "2 of 5 (40%)");
    slot.type = ST_BC_BOOL;
    slot.known = NULL;
    const uint64_t bits[8] = {0x3};
    slot.data = bits;
    w->found.known = known;
    known[0] = 0x5;
    assert_string_equal(judge(w, (st_promise){.kind = ST_CHECK_UNIQUE}).measured, "0 of 2 (0%)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(shares_are_exact, open_world, close_world),
        cmocka_unit_test_setup_teardown(bounds_are_included, open_world, close_world),
        cmocka_unit_test_setup_teardown(nothing_is_shown_as_all_or_none_that_is_not, open_world, close_world),
        cmocka_unit_test_setup_teardown(what_cannot_be_measured_is_neither, open_world, close_world),
        cmocka_unit_test_setup_teardown(sums_go_beyond_all_types, open_world, close_world),
        cmocka_unit_test_setup_teardown(values_are_the_same_by_what_they_are, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
