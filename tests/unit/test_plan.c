/* The planner: programs that the verifier accepts, few passes, every leaf once in each, few registers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "compiled.h"
#include "plan/plan.h"

typedef struct fixture {
    compiled c;
    st_bc *bc;
} fixture;

static void start(fixture *f, const char *text)
{
    if (!compile_rules(&f->c, text, true)) fail_msg("%s", f->c.env.error.message);
    f->bc = st_plan_emit(f->c.a, st_plan_new(f->c.a, f->c.ir));
    char why[ST_BC_WHY];
    if (!st_bc_verify(f->bc, why)) fail_msg("%s", why);
}

static void stop(fixture *f)
{
    st_env_close(&f->c.env);
}

#define TABLES                                                                                               \
    "segments of customers\n"                                                                                \
    "table customers { customer_id string key  n int?  m int  country string?  born date? }\n"               \
    "table products { product_id string key  price decimal(8,2)  keep where price > 0 }\n"                   \
    "table orders { order_id int key  customer_id string links to customers  at timestamp time\n"            \
    "  amount decimal(12,2)  status string }\n"                                                              \
    "table items { order_id int links to orders  product_id string? links to products  quantity int }\n"

static uint32_t steps(const fixture *f, st_bc_step_kind kind)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->bc->steps.n; i++) n += f->bc->steps.p[i].kind == kind;
    return n;
}

static uint32_t instructions(const fixture *f, st_bc_op op)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->bc->code.n; i++) n += f->bc->code.p[i].op == op;
    return n;
}

static void everything_of_a_table_in_one_pass(void **state)
{
    (void)state;
    fixture f;
    start(&f,
          TABLES "trait a = count(orders in last 30 days)\ntrait b = sum(amount of orders in last 90 days)\n"
                 "trait c = max(amount of orders where status = \"paid\")\ntrait d = avg(amount of orders)\n"
                 "segment s1 where a > 3 and country = \"DE\"\nsegment s2 where b > 10 or n < 3\n"
                 "segment s3 where m > 5\n");
    assert_int_equal(steps(&f, ST_STEP_SETUP), 1);
    assert_int_equal(steps(&f, ST_STEP_PASS), 2);
    assert_true(ST_BC_IS_VIEW(f.bc->steps.p[1].domain));
    assert_false(ST_BC_IS_VIEW(f.bc->steps.p[2].domain));
    assert_int_equal(f.bc->views.n, 1);
    stop(&f);
}

static void a_threshold_parts_the_passes(void **state)
{
    (void)state;
    fixture f;
    start(&f, TABLES
          "trait b = sum(amount of orders)\nsegment top where b in top 10%\nsegment s2 where b > 10\n");
    assert_int_equal(steps(&f, ST_STEP_THRESHOLD), 1);
    assert_int_equal(steps(&f, ST_STEP_PASS),
                     2); /* the ranking reads the sum's slot: nothing is stored for it */
    stop(&f);
}

static void what_can_wait_joins_what_cannot(void **state)
{
    (void)state;
    fixture f;
    start(&f, TABLES "trait a = count(orders in last 30 days)\ntrait b = sum(amount of orders)\n"
                     "segment top where b in top 10% and a > 2\nsegment s2 where count(orders) > 3\n");
    assert_int_equal(steps(&f, ST_STEP_PASS),
                     2); /* all aggregates meet in the pass that the ranking waits for */
    stop(&f);
}

static void tables_below_tables(void **state)
{
    (void)state;
    fixture f;
    start(&f,
          TABLES "segment full where count(orders where count(items where products.price > 5) >= 3) >= 2\n"
                 "segment dear where sum(quantity * products.price of items) > 100\n");
    assert_int_equal(f.bc->views.n, 3);
    stop(&f);
}

static void a_filter_that_is_an_answer_itself(void **state)
{
    (void)state;
    fixture f;
    start(&f, TABLES "segment s where distinct(status of orders where any(items)) > 1\n");
    assert_int_equal(steps(&f, ST_STEP_DISTINCT), 1);
    stop(&f);
}

static void every_question_has_a_step(void **state)
{
    (void)state;
    fixture f;
    start(&f, TABLES
          "trait a = median(amount of orders)\ntrait b = most_common(status of orders)\n"
          "trait c = repeats(status of orders)\ntrait d = distinct(status of orders)\n"
          "trait e = count(orders in any 30 days)\ntrait f = count(last 2 orders where amount > 3)\n"
          "trait g = first(status of orders)\ntrait h = share(amount of orders where status = \"paid\")\n"
          "segment s1 where sequence(orders: amount > 1 as a then within 2 days no(orders where status = "
          "a.status))\n"
          "segment s2 where sequence(orders: amount > 1 as a then amount > a.amount * 2)\n"
          "segment s3 where anniversary of born in next 7 days and sample 5% salt \"x\"\n"
          "rfm r from orders { recency 5 quantiles frequency thresholds (2, 3)\n"
          "  monetary 3 quantiles method ntile of sum(amount) tiers { best r 5\n rest otherwise } }\n"
          "segment s4 where r = best and r.cell != \"111\" and (r = best as of 30 days ago)\n");
    assert_int_equal(steps(&f, ST_STEP_MEDIAN), 1);
    assert_int_equal(steps(&f, ST_STEP_MOST_COMMON), 1);
    assert_int_equal(steps(&f, ST_STEP_REPEATS), 1);
    assert_int_equal(steps(&f, ST_STEP_DISTINCT), 1);
    assert_int_equal(steps(&f, ST_STEP_SPAN), 1);
    assert_int_equal(steps(&f, ST_STEP_LAST_N), 1);
    assert_int_equal(steps(&f, ST_STEP_SEQUENCE), 2);
    assert_int_equal(steps(&f, ST_STEP_SCORE), 4); /* recency and monetary, at two instants */
    assert_int_equal(instructions(&f, ST_BC_CHECK_AS_OF), 1);
    assert_int_equal(f.bc->sequences.p[0].steps[1].neq, 1);
    assert_false(f.bc->sequences.p[0].steps[1].has_cond);
    assert_true(f.bc->sequences.p[1].steps[1].has_cond);
    stop(&f);
}

/* ---- many rules ---- */

static uint64_t seed = 7;
static uint32_t pick(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % n;
}

static const char *many_rules(st_arena *a, uint32_t n)
{
    static const char *const leaves[] = {"n < 3",          "n >= 10",          "m between 5 and 20",
                                         "m > 50",         "country = \"DE\"", "country is known",
                                         "m in (1, 2, 3)", "n is missing"};
    st_buf out = {0};
    st_buf_puts(a, &out, TABLES);
    for (uint32_t i = 0; i < n; i++) {
        st_buf_printf(a, &out, "segment s%u where (%s or %s) and not (%s and %s)", i, leaves[pick(8)],
                      leaves[pick(8)], leaves[pick(8)], leaves[pick(8)]);
        if (i && pick(3) == 0) st_buf_printf(a, &out, " and not s%u", pick(i));
        st_buf_puts(a, &out, "\n");
    }
    return st_buf_text(a, &out);
}

static void leaves_once_and_few_registers(void **state)
{
    (void)state;
    st_env env;
    st_env_init(&env, NULL);
    fixture f;
    start(&f, many_rules(st_arena_new(&env), 500));
    /* n: 3, 10; m: 5, 21, 51; country; the set */
    assert_int_equal(instructions(&f, ST_BC_CMP), 6);
    assert_int_equal(instructions(&f, ST_BC_IN), 1);
    assert_int_equal(instructions(&f, ST_BC_LOAD), 3);
    assert_int_equal(instructions(&f, ST_BC_LOAD_KNOWN), 2);
    assert_int_equal(instructions(&f, ST_BC_STORE_P),
                     f.bc->slots.n); /* rules that say the same share a slot */
    assert_true(f.bc->slots.n > 400 && f.bc->slots.n <= 501);
    assert_int_equal(steps(&f, ST_STEP_PASS), 1);
    const st_bc_step *pass = &f.bc->steps.p[0];
    assert_true(pass->code.nval <= 3);
    assert_true(pass->code.npred <=
                9 + 500 / 2); /* leaves and those answers that later rules still ask for */
    stop(&f);
    st_env_close(&env);
}

static void the_same_rules_give_the_same_program(void **state)
{
    (void)state;
    st_env env;
    st_env_init(&env, NULL);
    const char *text = many_rules(st_arena_new(&env), 50);
    fixture f, g;
    start(&f, text);
    start(&g, text);
    st_buf one = {0}, two = {0};
    st_bc_dump(f.bc, f.c.a, &one);
    st_bc_dump(g.bc, g.c.a, &two);
    assert_string_equal(st_buf_text(f.c.a, &one), st_buf_text(g.c.a, &two));
    stop(&f);
    stop(&g);
    st_env_close(&env);
}

static void rules_without_rows(void **state)
{
    (void)state;
    fixture f;
    start(&f, TABLES "trait five = 5\ntrait yes = 1 = 1\ntrait day = today\ntrait never = n if missing 3\n"
                     "segment all where yes\nsegment none_of_them where m > 3 and m < 3 and not (m > 3)\n"
                     "segment later where 2030-01-01 before today\ntrait odd = five / 0\n");
    assert_int_equal(f.bc->outputs.n, 8);
    assert_int_equal(steps(&f, ST_STEP_PASS), 1);
    stop(&f);
}

/* Compiles and emits; the message of the failure is in c->env.error. */
static bool emits(compiled *c, const char *text)
{
    bool ok = compile_rules(c, text, false);
    if (ok) ST_GUARD(&c->env, ok, st_plan_emit(c->a, st_plan_new(c->a, c->ir)));
    return ok;
}

static void limits_are_named(void **state)
{
    (void)state;
    st_env env;
    st_env_init(&env, NULL);
    st_arena *a = st_arena_new(&env);
    st_buf steps_text = {0}, links = {0};
    st_buf_puts(a, &steps_text, TABLES "segment s where sequence(orders: amount > 0");
    for (int i = 1; i < 65; i++) st_buf_printf(a, &steps_text, " then amount > %d", i);
    st_buf_puts(a, &steps_text, ")\n");
    st_buf_puts(a, &links, "table t0 { id int key  n int }\n");
    for (int i = 1; i <= 65; i++)
        st_buf_printf(a, &links, "table t%d { id int key  up int links to t%d  n int }\n", i, i - 1);
    st_buf_puts(a, &links, "segment s of t0 where any(t65 where n > 1)\n");
    compiled c;
    assert_false(emits(&c, st_buf_text(a, &steps_text)));
    assert_int_equal(c.env.error.status, STRATA_NO_MEMORY);
    assert_non_null(strstr(c.env.error.message, "65 steps"));
    st_env_close(&c.env);
    assert_false(emits(&c, st_buf_text(a, &links)));
    assert_int_equal(c.env.error.status, STRATA_NO_MEMORY);
    assert_non_null(strstr(c.env.error.message, "65 links"));
    st_env_close(&c.env);
    st_env_close(&env);
}

/* Far more comparisons of one column than there are registers. */
static void many_leaves_of_one_column(void **state)
{
    (void)state;
    st_env env;
    st_env_init(&env, NULL);
    st_arena *a = st_arena_new(&env);
    st_buf text = {0};
    st_buf_puts(a, &text, TABLES);
    for (int i = 0; i < 3000; i++)
        st_buf_printf(a, &text, "segment s%d where m > %d and m != %d\n", i, i, i + 5000);
    fixture f;
    start(&f, st_buf_text(a, &text));
    assert_int_equal(instructions(&f, ST_BC_CMP), 6000);
    assert_int_equal(instructions(&f, ST_BC_LOAD), 1);
    assert_true(f.bc->steps.p[0].code.npred < 1200);
    stop(&f);
    st_env_close(&env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_of_a_table_in_one_pass),
        cmocka_unit_test(a_threshold_parts_the_passes),
        cmocka_unit_test(what_can_wait_joins_what_cannot),
        cmocka_unit_test(tables_below_tables),
        cmocka_unit_test(a_filter_that_is_an_answer_itself),
        cmocka_unit_test(every_question_has_a_step),
        cmocka_unit_test(leaves_once_and_few_registers),
        cmocka_unit_test(many_leaves_of_one_column),
        cmocka_unit_test(limits_are_named),
        cmocka_unit_test(the_same_rules_give_the_same_program),
        cmocka_unit_test(rules_without_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
