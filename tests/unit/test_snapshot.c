/* Snapshots as a program that embeds the library makes and maps them: memory that runs out, several runs at a time. */
#include "strata/strata.h"

#include "api/arrow_out.h"

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "metered.h"

static const char rules_text[] =
    "timezone \"UTC\"\n"
    "table customers { customer_id string key  city string? }\n"
    "table orders { customer_id string links to customers  amount int  kind string }\n"
    "segment spenders where sum(amount of orders) >= 60\n"
    "segment at_home where any(orders where customer_id.city = \"c1\" and kind = \"k1\")\n"
    "trait n = count(orders)\n";

enum { CUSTOMERS = 40, ORDERS = 200 };
static const st_out_field customer_fields[] = {{"customer_id", "u", false}, {"city", "u", true}};
static const st_out_field order_fields[] = {
    {"customer_id", "u", false}, {"amount", "l", false}, {"kind", "u", false}};

static void put_text(st_out_batch *b, uint32_t field, const char *word, int n)
{
    char text[32];
    snprintf(text, sizeof text, "%s%d", word, n);
    st_out_text(b, field, st_str_of(text));
}

static int fill_customers(void *context, st_out_batch *b, const char **why)
{
    (void)why;
    if ((*(int *)context)++) return 0;
    for (int i = 0; i < CUSTOMERS; i++) {
        put_text(b, 0, "p", i);
        if (i % 5 == 4)
            st_out_null(b, 1);
        else
            put_text(b, 1, "c", i % 3);
    }
    return 0;
}

static int fill_orders(void *context, st_out_batch *b, const char **why)
{
    (void)why;
    if ((*(int *)context)++) return 0;
    for (int i = 0; i < ORDERS; i++) {
        put_text(b, 0, "p", i * 7 % (CUSTOMERS + 2)); /* some of them nobody's */
        st_out_int(b, 1, i % 30);
        put_text(b, 2, "k", i % 4);
    }
    return 0;
}

typedef struct trial {
    strata_rules *rules;
    strata_snapshot *snapshot;
    strata_data *data;
    strata_result *result;
    strata_error error;
} trial;

static char folder[64], dir[96];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/strata_snapshot_XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(dir, sizeof dir, "%s/snap", folder);
    return 0;
}

static void empty_folder(const char *path)
{
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) unlinkat(dirfd(d), e->d_name, 0);
    if (d) closedir(d);
}

static int drop_folder(void **state)
{
    (void)state;
    empty_folder(dir);
    rmdir(dir);
    return rmdir(folder);
}

/* What stands in the folder besides the snapshot. */
static int others(void)
{
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && strcmp(e->d_name, "snap") != 0;
    if (d) closedir(d);
    return n;
}

static strata_status open_rules(trial *s, const strata_allocator *alloc)
{
    strata_status status = strata_rules_new(alloc, &s->rules, &s->error);
    if (status == STRATA_OK)
        status = strata_rules_add_text(s->rules, "t.seg", rules_text, strlen(rules_text), &s->error);
    return status == STRATA_OK ? strata_rules_compile(s->rules, &s->error) : status;
}

static strata_status bind_table(trial *s, const char *table)
{
    struct ArrowArrayStream stream;
    int calls = 0;
    bool orders = strcmp(table, "orders") == 0;
    if (st_out_stream(NULL, orders ? order_fields : customer_fields, orders ? 3 : 2,
                      (st_out_source){&calls, orders ? fill_orders : fill_customers, NULL}, &stream))
        return STRATA_NO_MEMORY;
    return strata_snapshot_bind(s->snapshot, table, &stream, NULL, &s->error);
}

static strata_status make(trial *s)
{
    strata_status status = strata_snapshot_new(s->rules, dir, 2, &s->snapshot, &s->error);
    for (size_t i = 0; status == STRATA_OK && i < strata_snapshot_table_count(s->snapshot); i++)
        status = bind_table(s, strata_snapshot_table(s->snapshot, i).name);
    return status == STRATA_OK ? strata_snapshot_finish(s->snapshot, &s->error) : status;
}

static strata_status map_and_run(trial *s)
{
    strata_run_options o = {.threads = 2, .traits = true};
    strata_status status = strata_data_new(s->rules, 2, &s->data, &s->error);
    if (status == STRATA_OK) status = strata_data_map(s->data, dir, &s->error);
    return status == STRATA_OK ? strata_run(s->data, &o, &s->result, &s->error) : status;
}

static void close_trial(trial *s)
{
    strata_result_free(s->result);
    strata_data_free(s->data);
    strata_snapshot_free(s->snapshot);
    strata_rules_free(s->rules);
    *s = (trial){0};
}

static uint64_t counted(const strata_result *r, const char *name)
{
    for (size_t i = 0; i < strata_result_size(r); i++)
        if (strcmp(strata_result_count(r, i).definition, name) == 0)
            return strata_result_count(r, i).customers;
    return UINT64_MAX;
}

/* Counted here from the same formulas. */
static void check_answer(const strata_result *r)
{
    int sums[CUSTOMERS + 2] = {0};
    bool home[CUSTOMERS + 2] = {0};
    uint64_t spenders = 0, at_home = 0;
    for (int i = 0; i < ORDERS; i++) {
        int c = i * 7 % (CUSTOMERS + 2);
        sums[c] += i % 30;
        home[c] = home[c] || (c % 5 != 4 && c % 3 == 1 && i % 4 == 1);
    }
    for (int c = 0; c < CUSTOMERS; c++) {
        spenders += sums[c] >= 60;
        at_home += home[c];
    }
    assert_int_equal(counted(r, "spenders"), spenders);
    assert_int_equal(counted(r, "at_home"), at_home);
    assert_int_equal(counted(r, "n"), CUSTOMERS);
}

static void test_made_and_mapped(void **state)
{
    (void)state;
    trial s = {0};
    for (int round = 0; round < 2; round++) {
        assert_int_equal(open_rules(&s, NULL), STRATA_OK);
        if (make(&s) != STRATA_OK || map_and_run(&s) != STRATA_OK) fail_msg("%s", s.error.message);
        assert_int_equal(others(), 0);
        assert_int_equal(strata_data_rows(s.data, "orders"), ORDERS);
        check_answer(s.result);
        close_trial(&s);
    }
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    trial s = {0};
    meter m = {.left = 1000000};
    strata_allocator alloc = metered_allocator(&m);
    strata_status status = STRATA_NO_MEMORY;
    for (int mapping = 0; mapping < 2; mapping++) {
        for (long k = 0;; k++) {
            m.left = 1000000;
            assert_int_equal(open_rules(&s, &alloc), STRATA_OK);
            m.left = k;
            status = mapping ? map_and_run(&s) : make(&s);
            m.left = 1000000;
            if (status != STRATA_OK) assert_int_equal(status, STRATA_NO_MEMORY);
            close_trial(&s);
            assert_int_equal(m.live, 0);
            assert_int_equal(others(), 0);
            if (status == STRATA_OK) break;
        }
    }
}

static void *run_once(void *context)
{
    strata_result *r = NULL;
    strata_run_options o = {.threads = 2, .traits = true};
    if (strata_run(context, &o, &r, NULL) == STRATA_OK) check_answer(r);
    strata_result_free(r);
    return r;
}

static void test_runs_at_a_time(void **state)
{
    (void)state;
    enum { RUNS = 4 };
    pthread_t threads[RUNS];
    trial s = {0};
    assert_int_equal(open_rules(&s, NULL), STRATA_OK);
    assert_int_equal(strata_data_new(s.rules, 2, &s.data, &s.error), STRATA_OK);
    assert_int_equal(strata_data_map(s.data, dir, &s.error), STRATA_OK);
    for (int i = 0; i < RUNS; i++) assert_int_equal(pthread_create(&threads[i], NULL, run_once, s.data), 0);
    for (int i = 0; i < RUNS; i++) {
        void *ran;
        pthread_join(threads[i], &ran);
        assert_non_null(ran);
    }
    close_trial(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_made_and_mapped),
                                       cmocka_unit_test(test_memory_runs_out),
                                       cmocka_unit_test(test_runs_at_a_time)};
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
