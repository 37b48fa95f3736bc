/* The tests of a rule set as a program that embeds the library runs them; wrong use, limits, memory that runs out, two threads;
 * and how two answers are held against each other. */
#include "test/test.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "metered.h"

static const char rules_text[] =
    "timezone \"Europe/Berlin\"\n"
    "table customers { customer_id string key  country string?  signup_at timestamp time }\n"
    "table orders { customer_id string links to customers  ordered_at timestamp time  amount decimal(10,2) "
    "}\n"
    "segment spenders where sum(amount of orders) >= 100\n"
    "tiers activity { active when any(orders in last 30 days)  quiet when any(orders)  none otherwise }\n"
    "segment ahead where (activity = active as of 2027-01-01)\n"
    "test defaults { customers { signup_at 2 years ago } }\n"
    "test \"a good one\" as of 2026-11-01 {\n"
    "  customers { customer_id \"ann\" }\n"
    "  orders { customer_id \"ann\", ordered_at 3 days ago, amount 100 }\n"
    "  expect \"ann\" in spenders, activity = active\n"
    "}\n"
    "test \"a wrong one\" as of 2026-11-01 {\n"
    "  customers { customer_id \"ann\" }\n"
    "  expect \"ann\" in spenders,\n"
    "    activity = quiet\n"
    "}\n"
    "test \"one of the future\" as of 2026-11-01 {\n"
    "  customers { customer_id \"ann\" }\n"
    "  expect \"ann\" not in ahead\n"
    "}\n";

static strata_rules *compile(const strata_allocator *alloc, const char *text, strata_status *status)
{
    strata_rules *rules = NULL;
    strata_error e;
    *status = strata_rules_new(alloc, &rules, &e);
    if (*status == STRATA_OK) *status = strata_rules_add_text(rules, "shop.seg", text, strlen(text), &e);
    if (*status == STRATA_OK) *status = strata_rules_compile(rules, &e);
    return rules;
}

static strata_rules *shop(void)
{
    strata_status status;
    strata_rules *rules = compile(NULL, rules_text, &status);
    assert_int_equal(status, STRATA_OK);
    return rules;
}

static void test_what_there_is(void **state)
{
    (void)state;
    strata_rules *rules = shop();
    assert_int_equal(strata_rules_test_count(rules), 3);
    strata_test t = strata_rules_test(rules, 1);
    assert_string_equal(t.name, "a wrong one");
    assert_string_equal(t.file, "shop.seg");
    assert_int_equal(t.line, 13);
    assert_int_equal(t.column, 6);
    strata_rules_free(rules);
}

static void check_failures(const strata_tests *tests)
{
    assert_int_equal(strata_tests_failure_count(tests, 1), 2);
    strata_failure f = strata_tests_failure(tests, 1, 0);
    assert_int_equal(f.kind, STRATA_FAILURE_EXPECTATION);
    assert_string_equal(f.expected, "\"ann\" in spenders");
    assert_string_equal(f.found, "not in it");
    assert_int_equal(f.line, 15);
    f = strata_tests_failure(tests, 1, 1);
    assert_string_equal(f.expected, "\"ann\" activity = quiet");
    assert_string_equal(f.found, "none");
    assert_string_equal(f.text, "activity of \"ann\" should be quiet, and is none.");
    assert_string_equal(f.file, "shop.seg");
    assert_int_equal(f.line, 16);
    assert_int_equal(f.column, 5);
}

static void test_runs(void **state)
{
    (void)state;
    strata_rules *rules = shop();
    strata_tests *tests;
    strata_error e;
    bool passed;
    assert_int_equal(strata_tests_new(rules, false, &tests, &e), STRATA_OK);
    assert_int_equal(strata_tests_condition_count(tests), 0);
    assert_int_equal(strata_tests_failure_count(tests, 1), 0);
    for (int times = 0; times < 2; times++) { /* a second run says the same, once */
        assert_int_equal(strata_tests_run(tests, 0, &passed, &e), STRATA_OK);
        assert_true(passed);
        assert_int_equal(strata_tests_run(tests, 1, &passed, &e), STRATA_OK);
        assert_false(passed);
        check_failures(tests);
        assert_int_equal(strata_tests_run(tests, 2, &passed, &e), STRATA_OK);
        assert_false(passed);
        assert_int_equal(strata_tests_failure(tests, 2, 0).kind, STRATA_FAILURE_RUN);
        assert_non_null(strstr(strata_tests_failure(tests, 2, 0).text, "later than the instant in force"));
        assert_null(strata_tests_failure(tests, 2, 0).expected);
    }
    assert_int_equal(strata_tests_failure_count(tests, 0), 0);
    strata_tests_free(tests);
    strata_tests_free(NULL);
    strata_rules_free(rules);
}

static void test_coverage(void **state)
{
    (void)state;
    strata_rules *rules = shop();
    strata_tests *tests;
    strata_error e;
    bool passed;
    assert_int_equal(strata_tests_new(rules, true, &tests, &e), STRATA_OK);
    assert_int_equal(strata_tests_condition_count(tests), 4);
    strata_condition c = strata_tests_condition(tests, 0);
    assert_string_equal(c.definition, "spenders");
    assert_string_equal(c.text, "sum(amount of orders) >= 100");
    assert_false(c.seen_true || c.seen_false);
    assert_int_equal(strata_tests_run(tests, 0, &passed, &e), STRATA_OK);
    c = strata_tests_condition(tests, 0);
    assert_true(c.seen_true && !c.seen_false);
    assert_int_equal(strata_tests_run(tests, 1, &passed, &e), STRATA_OK);
    c = strata_tests_condition(tests, 0);
    assert_true(c.seen_true && c.seen_false);
    c = strata_tests_condition(tests, 2);
    assert_string_equal(c.definition, "activity");
    assert_string_equal(c.text, "any(orders)");
    assert_int_equal(c.line, 5);
    c = strata_tests_condition(tests, 3);
    assert_string_equal(c.definition, "ahead");
    assert_false(c.seen_true || c.seen_false);
    strata_tests_free(tests);
    strata_rules_free(rules);
}

static void test_wrong_use(void **state)
{
    (void)state;
    strata_rules *rules, *read;
    strata_tests *tests;
    strata_error e;
    strata_status status;
    assert_int_equal(strata_rules_new(NULL, &rules, &e), STRATA_OK);
    assert_int_equal(strata_rules_test_count(rules), 0);
    assert_int_equal(strata_tests_new(rules, false, &tests, &e), STRATA_BAD_RULES);
    assert_null(tests);
    strata_rules_free(rules);
    rules = compile(NULL, "segment x where y\n", &status);
    assert_int_equal(status, STRATA_BAD_RULES);
    assert_int_equal(strata_tests_new(rules, false, &tests, &e), STRATA_BAD_RULES);
    strata_rules_free(rules);
    rules = shop();
    void *bytes;
    size_t n;
    assert_int_equal(strata_rules_write(rules, false, &bytes, &n, &e), STRATA_OK);
    assert_int_equal(strata_rules_read(NULL, bytes, n, &read, &e), STRATA_OK);
    assert_int_equal(strata_rules_test_count(read), 0);
    assert_int_equal(strata_tests_new(read, false, &tests, &e), STRATA_BAD_INPUT);
    assert_non_null(strstr(e.message, "holds no tests"));
    strata_rules_free(read);
    strata_free(rules, bytes);
    strata_rules_free(rules);
}

/* A rule set with a test of so many rows. */
static strata_rules *with_rows(unsigned rows, strata_status *status)
{
    char *text = malloc(256 + (size_t)rows * 48);
    size_t n = (size_t)sprintf(
        text,
        "table t { id int key  v int }\nsegment s where v in top 1\ntest \"many\" as of 2026-11-01 {\n");
    for (unsigned i = 0; i < rows; i++) n += (size_t)sprintf(text + n, "t { id %u, v %u }\n", i, i);
    sprintf(text + n, "expect %u in s\nexpect 0 not in s\n}\n", rows - 1);
    strata_rules *rules = compile(NULL, text, status);
    free(text);
    return rules;
}

static void test_limits(void **state)
{
    (void)state;
    strata_status status;
    strata_tests *tests;
    strata_error e;
    bool passed;
    strata_rules *rules = with_rows(1000, &status);
    assert_int_equal(status, STRATA_OK);
    assert_int_equal(strata_tests_new(rules, true, &tests, &e), STRATA_OK);
    assert_int_equal(strata_tests_run(tests, 0, &passed, &e), STRATA_OK);
    assert_true(passed);
    strata_tests_free(tests);
    strata_rules_free(rules);
    rules = with_rows(1001, &status);
    assert_int_equal(status, STRATA_BAD_RULES);
    assert_int_equal(strata_rules_diagnostic_count(rules),
                     2); /* the row too many, and the expectation of it */
    assert_non_null(strstr(strata_rules_diagnostic(rules, 0).text, "1000"));
    strata_rules_free(rules);
}

/* Everything there is, with memory that runs out behind `left` allocations; true: it did not. */
static bool everything(meter *m)
{
    strata_allocator alloc = metered_allocator(m);
    strata_status status;
    strata_error e = {0};
    strata_tests *tests = NULL;
    bool passed, out = false;
    strata_rules *rules = compile(&alloc, rules_text, &status);
    if (status == STRATA_OK) status = strata_tests_new(rules, true, &tests, &e);
    for (size_t i = 0; i < 3 && status == STRATA_OK; i++) status = strata_tests_run(tests, i, &passed, &e);
    if (status == STRATA_OK) {
        check_failures(tests);
        out = true;
    } else {
        assert_int_equal(status, STRATA_NO_MEMORY);
    }
    strata_tests_free(tests);
    strata_rules_free(rules);
    assert_int_equal(m->live, 0);
    return out;
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    bool done = false;
    for (long n = 0; !done; n += n < 200 ? 1 : 7) {
        meter m = {.left = n};
        done = everything(&m);
    }
}

static void *run_in_thread(void *rules)
{
    strata_tests *tests;
    strata_error e;
    bool passed;
    for (int i = 0; i < 20; i++) {
        if (strata_tests_new(rules, true, &tests, &e) != STRATA_OK) return "not made";
        if (strata_tests_run(tests, 0, &passed, &e) != STRATA_OK || !passed) return "not passed";
        if (strata_tests_run(tests, 1, &passed, &e) != STRATA_OK || passed) return "not failed";
        strata_tests_free(tests);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    strata_rules *rules = shop();
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, run_in_thread, rules), 0);
    for (int i = 0; i < 2; i++) {
        void *what;
        assert_int_equal(pthread_join(threads[i], &what), 0);
        assert_null(what);
    }
    strata_rules_free(rules);
}

/* ---- answers ---- */

static st_answer whole(int64_t n)
{
    return (st_answer){true, {.type = {.base = ST_T_INT}, .as.i = n}, NULL};
}

static void test_answers_that_differ(void **state)
{
    (void)state;
    st_answer one = whole(1), two = whole(2), none = whole(1), absent = {.present = false}, again = whole(1);
    none.value.missing = true;
    assert_true(st_same_answer(&one, &again));
    assert_false(st_same_answer(&one, &two));
    assert_false(st_same_answer(&one, &none));
    assert_false(st_same_answer(&one, &absent));
    assert_true(st_same_answer(&absent, &absent));
    assert_true(st_same_answer(&none, &none));
    again.reason = "held out";
    assert_false(st_same_answer(&one, &again));
    st_answer f = {true, {.type = {.base = ST_T_FLOAT}, .as.f = 0.3}, NULL}, g = f;
    g.value.as.f = 0.30000000000000004;
    assert_false(st_same_answer(&f, &g));
    f.value.type.scale = g.value.type.scale = 9; /* logistic values */
    assert_true(st_same_answer(&f, &g));
    g.value.as.f = 0.300001;
    assert_false(st_same_answer(&f, &g));
}

static bool holds(uint32_t kind, st_answer a, int64_t n)
{
    st_claim claim = {
        .kind = kind, .type = {.base = ST_T_INT}, .value = {.type = {.base = ST_T_INT}, .as.i = n}};
    return st_claim_holds(NULL, &claim, &a);
}

static void test_claims(void **state)
{
    (void)state;
    st_answer five = whole(5), none = whole(5), absent = {.present = false};
    none.value.missing = true;
    assert_true(holds(ST_EQ, five, 5) && holds(ST_LE, five, 5) && holds(ST_GE, five, 5));
    assert_true(holds(ST_NE, five, 4) && holds(ST_LT, five, 6) && holds(ST_GT, five, 4));
    assert_false(holds(ST_EQ, five, 4) || holds(ST_NE, five, 5) || holds(ST_LT, five, 5) ||
                 holds(ST_GT, five, 5));
    for (uint32_t kind = ST_EQ; kind <= ST_GE; kind++) {
        assert_false(holds(kind, none, 5));
        assert_false(holds(kind, absent, 5));
    }
    assert_true(holds(ST_CLAIM_MISSING, none, 0) && holds(ST_CLAIM_MISSING, absent, 0));
    assert_false(holds(ST_CLAIM_MISSING, five, 0));
    assert_true(holds(ST_CLAIM_NOT_IN, absent, 0));
    assert_false(holds(ST_CLAIM_IN, absent, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_there_is), cmocka_unit_test(test_runs),
        cmocka_unit_test(test_coverage),      cmocka_unit_test(test_wrong_use),
        cmocka_unit_test(test_limits),        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_threads),       cmocka_unit_test(test_answers_that_differ),
        cmocka_unit_test(test_claims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
