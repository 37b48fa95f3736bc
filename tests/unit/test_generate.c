/* The example shop: the same numbers give the same rows, rows come in order of time, and people buy as often as asked. */
#include "cli/generate/pattern.h"
#include "cli/generate/process.h"
#include "cli/generate/random.h"
#include "cli/generate/retail.h"

#include "base/mem.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

static const gen_shop small = {.seed = 7, .customers = 3000, .orders_per_customer = 6};

typedef struct totals {
    uint64_t rows, hash;
    int64_t last_time;
    bool in_order;
} totals;

static const void *buffer(const struct ArrowArray *column, int i)
{
    return column->buffers[i];
}

/* Reads a whole stream; time_column is checked to run forwards, -1: none. */
static totals read_all(const gen_shop *shop, int table, int time_column)
{
    struct ArrowArrayStream stream;
    totals t = {.in_order = true, .last_time = INT64_MIN};
    assert_int_equal(gen_stream(shop, table, &stream), 0);
    struct ArrowSchema schema;
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    for (;;) {
        struct ArrowArray batch;
        assert_int_equal(stream.get_next(&stream, &batch), 0);
        if (!batch.release) break;
        assert_int_equal(batch.n_children, schema.n_children);
        t.rows += (uint64_t)batch.length;
        for (int64_t i = 0; i < batch.n_children; i++) {
            const struct ArrowArray *c = batch.children[i];
            assert_int_equal(c->length, batch.length);
            assert_true(c->null_count == 0 || (schema.children[i]->flags & ARROW_FLAG_NULLABLE));
            /* columns of 8 bytes a value, and texts */
            if (schema.children[i]->format[0] == 'l')
                t.hash = t.hash * 31 + st_hash_bytes(buffer(c, 1), (size_t)batch.length * 8);
            if (schema.children[i]->format[0] == 'u')
                t.hash = t.hash * 31 +
                         st_hash_bytes(buffer(c, 2), (size_t)((const int32_t *)buffer(c, 1))[c->length]);
        }
        if (time_column >= 0) {
            const int64_t *at = buffer(batch.children[time_column], 1);
            for (int64_t i = 0; i < batch.length; i++) {
                t.in_order = t.in_order && at[i] >= t.last_time;
                t.last_time = at[i];
            }
        }
        batch.release(&batch);
    }
    schema.release(&schema);
    stream.release(&stream);
    assert_null(stream.release);
    return t;
}

static void same_numbers_same_rows(void **state)
{
    (void)state;
    gen_shop other = small;
    other.seed++;
    for (int table = 0; table < GEN_TABLES; table++) {
        totals a = read_all(&small, table, -1), b = read_all(&small, table, -1),
               c = read_all(&other, table, -1);
        assert_int_equal(a.rows, b.rows);
        assert_int_equal(a.hash, b.hash);
        assert_int_not_equal(a.hash, c.hash);
    }
}

static void a_customer_does_not_depend_on_how_many_there_are(void **state)
{
    (void)state;
    gen_shop one = small;
    one.customers = 1;
    struct ArrowArrayStream a, b;
    struct ArrowArray x, y;
    assert_int_equal(gen_stream(&small, 0, &a), 0);
    assert_int_equal(gen_stream(&one, 0, &b), 0);
    assert_int_equal(a.get_next(&a, &x), 0);
    assert_int_equal(b.get_next(&b, &y), 0);
    assert_int_equal(((const int64_t *)buffer(x.children[5], 1))[0],
                     ((const int64_t *)buffer(y.children[5], 1))[0]);
    x.release(&x);
    y.release(&y);
    a.release(&a);
    b.release(&b);
}

static void rows_come_in_order_of_time(void **state)
{
    (void)state;
    totals orders = read_all(&small, 1, 2), events = read_all(&small, 2, 2);
    assert_true(orders.in_order && events.in_order);
    int64_t end = ((GEN_FIRST_DAY + GEN_DAYS) * INT64_C(86400) - 3600) * 1000000;
    assert_true(orders.last_time < end && events.last_time < end);
    assert_true(events.rows > small.customers);
}

static void people_buy_as_often_as_asked(void **state)
{
    (void)state;
    for (int mean = 2; mean <= 10; mean += 4) {
        gen_shop shop = {.seed = 3, .customers = 30000, .orders_per_customer = mean};
        double each = (double)read_all(&shop, 1, 2).rows / shop.customers;
        assert_true(each > 0.93 * mean && each < 1.07 * mean);
    }
}

static void nobody_buys_before_signing_up(void **state)
{
    (void)state;
    gen_shop shop = {.seed = 5, .customers = 2000, .orders_per_customer = 10};
    struct ArrowArrayStream stream;
    struct ArrowArray customers, orders;
    assert_int_equal(gen_stream(&shop, 0, &stream), 0);
    assert_int_equal(stream.get_next(&stream, &customers), 0);
    assert_int_equal(customers.length, shop.customers);
    stream.release(&stream);
    const int64_t *ids = buffer(customers.children[0], 1), *since = buffer(customers.children[5], 1);
    assert_int_equal(gen_stream(&shop, 1, &stream), 0);
    assert_int_equal(stream.get_next(&stream, &orders), 0);
    const int64_t *who = buffer(orders.children[1], 1), *at = buffer(orders.children[2], 1);
    assert_true(orders.length > 1000);
    for (int64_t i = 0; i < orders.length; i++) {
        int64_t row = who[i] - ids[0];
        assert_true(row >= 0 && row < customers.length);
        assert_true(at[i] > since[row]);
    }
    orders.release(&orders);
    customers.release(&customers);
    stream.release(&stream);
}

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-13 * (1 + fabs(b));
}

static void mathematics_are_right(void **state)
{
    (void)state;
    for (double x = 1e-9; x < 1e9; x *= 1.37) assert_true(near(gen_log(x), log(x)));
    for (double x = -30; x < 30; x += 0.173) assert_true(near(gen_exp(x), exp(x)));
    for (double x = 0; x < 1; x += 0.0137) assert_true(near(gen_cos_turns(x), cos(6.283185307179586 * x)));
    assert_true(near(gen_pow(2.5, 0.75), pow(2.5, 0.75)));
    assert_true(gen_exp(-1e6) == 0 && isinf(gen_exp(1e6)));
}

static void draws_have_their_means(void **state)
{
    (void)state;
    enum { N = 20000 };
    double poisson = 0, large = 0, gamma = 0;
    for (uint32_t i = 0; i < N; i++) {
        gen_random r = gen_random_at(3, i, 9, 0);
        poisson += gen_poisson(&r, 2.5);
        if (i % 20 == 0) large += 20 * gen_poisson(&r, 1200);
        gamma += gen_gamma(&r, 0.5);
    }
    assert_true(fabs(poisson / N - 2.5) < 0.05);
    assert_true(fabs(large / N - 1200) < 5);
    assert_true(fabs(gamma / N - 0.5) < 0.03);
    gen_random r = gen_random_at(3, 0, 9, 0);
    assert_int_equal(gen_poisson(&r, 0), 0);
}

/* Each pattern as it is found in the texts that are made for it, by PCRE2 as the evaluators use it. */
static bool found(const char *pattern, const char *text)
{
    int code;
    PCRE2_SIZE at;
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, 0, &code, &at, NULL);
    assert_non_null(re);
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(re, NULL);
    int hit = pcre2_match(re, (PCRE2_SPTR)text, strlen(text), 0, 0, data, NULL);
    pcre2_match_data_free(data);
    pcre2_code_free(re);
    return hit >= 0;
}

static void texts_are_like_their_patterns(void **state)
{
    (void)state;
    static const char *const patterns[] = {"^[0-9]{5}$",
                                           "^(vip|gold|key) [a-f]+$",
                                           "a.c",
                                           "^\\d\\w\\s?$",
                                           "[^a-z0-9A-Z]{3,}",
                                           "^x{2,4}(y|z{3})*!$",
                                           "\\.com$",
                                           "^[]a]+$",
                                           "",
                                           "^(a(b|c)d|[x|y]){2}$",
                                           "caf(e|\xc3\xa9)s?"};
    st_env env;
    bool ok;
    st_env_init(&env, NULL);
    ST_GUARD(&env, ok, {
        st_arena *a = st_arena_new(&env);
        for (size_t i = 0; i < ST_COUNT(patterns); i++)
            for (uint32_t k = 0; k < 50; k++) {
                gen_random r = gen_random_at(k, 0, 0, 0);
                const char *text = gen_text_like(a, st_str_of(patterns[i]), &r);
                if (!found(patterns[i], text)) print_error("%s: %s\n", patterns[i], text);
                assert_true(found(patterns[i], text));
            }
        st_arena_free(a);
    });
    assert_true(ok);
    st_env_close(&env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mathematics_are_right),
        cmocka_unit_test(draws_have_their_means),
        cmocka_unit_test(texts_are_like_their_patterns),
        cmocka_unit_test(same_numbers_same_rows),
        cmocka_unit_test(a_customer_does_not_depend_on_how_many_there_are),
        cmocka_unit_test(rows_come_in_order_of_time),
        cmocka_unit_test(people_buy_as_often_as_asked),
        cmocka_unit_test(nobody_buys_before_signing_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
