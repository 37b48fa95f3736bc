/* Treatments and activations as a program that embeds the library gets them: counts, rows, wrong use, memory that runs out, several
 * threads at once. */
#include "strata/strata.h"

#include "api/arrow_out.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "metered.h"

static const char rules_text[] =
    "timezone \"UTC\"\n"
    "table customers { customer_id string key  email string? pii  mails bool  spend int? }\n"
    "consent email when mails\n"
    "segment rich where spend >= 10\n"
    "segment everybody where mails is known\n"
    "exclude odd from all treatments because \"asked for it\"\n"
    "segment odd where customer_id = \"c7\"\n"
    "treatment offer for rich { channel email  at most 20, highest spend first  send email }\n"
    "treatment letter for everybody { channel email  one per spend, highest spend first  send sha256(email) "
    "as \"em\" }\n"
    "campaign spring { first of (offer, letter) }\n"
    "audience all_of_them from everybody { send sha256(email) as \"em\" }\n"
    "audience news from rich { send email  changes only }\n";

enum { CUSTOMERS = 40 };
static const st_out_field fields[] = {
    {"customer_id", "u", false}, {"email", "u", true}, {"mails", "b", false}, {"spend", "l", true}};

static int fill(void *context, st_out_batch *b, const char **why)
{
    (void)why;
    if ((*(int *)context)++) return 0;
    for (int i = 0; i < CUSTOMERS; i++) {
        char text[32];
        snprintf(text, sizeof text, "c%d", i);
        st_out_text(b, 0, st_str_of(text));
        snprintf(text, sizeof text, "C%d@x.org", i);
        st_out_text(b, 1, st_str_of(text));
        st_out_bool(b, 2, i % 4 != 0);
        if (i % 9 == 8)
            st_out_null(b, 3);
        else
            st_out_int(b, 3, i % 15);
    }
    return 0;
}

typedef struct trial {
    strata_rules *rules;
    strata_data *data;
    strata_result *result;
    strata_error error;
} trial;

static strata_status open_rules(trial *s, const strata_allocator *alloc, bool as_bytes)
{
    strata_status status = strata_rules_new(alloc, &s->rules, &s->error);
    if (status == STRATA_OK)
        status = strata_rules_add_text(s->rules, "t.seg", rules_text, strlen(rules_text), &s->error);
    if (status == STRATA_OK) status = strata_rules_compile(s->rules, &s->error);
    if (status != STRATA_OK || !as_bytes) return status;
    void *bytes;
    size_t n;
    strata_rules *text = s->rules;
    status = strata_rules_write(text, false, &bytes, &n, &s->error);
    s->rules = NULL;
    if (status == STRATA_OK) status = strata_rules_read(alloc, bytes, n, &s->rules, &s->error);
    strata_free(text, bytes);
    strata_rules_free(text);
    return status;
}

static strata_status run(trial *s, const strata_allocator *alloc, bool as_bytes, bool treatments)
{
    struct ArrowArrayStream stream;
    int calls = 0;
    strata_run_options o = {.treatments = treatments, .threads = 2};
    strata_status status = open_rules(s, alloc, as_bytes);
    if (status == STRATA_OK) status = strata_data_new(s->rules, 1, &s->data, &s->error);
    if (status == STRATA_OK &&
        st_out_stream(NULL, fields, 4, (st_out_source){&calls, fill, NULL}, &stream) == 0)
        status = strata_data_bind(s->data, "customers", &stream, NULL, &s->error);
    if (status == STRATA_OK) status = strata_data_finish(s->data, &s->error);
    if (status == STRATA_OK) status = strata_run(s->data, &o, &s->result, &s->error);
    return status;
}

static void close_trial(trial *s)
{
    strata_result_free(s->result);
    strata_data_free(s->data);
    strata_rules_free(s->rules);
    *s = (trial){0};
}

/* The rows of a stream; -1: it failed. */
static int64_t drain(struct ArrowArrayStream *stream)
{
    int64_t rows = 0;
    struct ArrowSchema schema;
    int status = stream->get_schema(stream, &schema);
    if (status == 0) schema.release(&schema);
    while (status == 0) {
        struct ArrowArray batch = {0};
        status = stream->get_next(stream, &batch);
        if (status || !batch.release) break;
        rows += batch.length;
        batch.release(&batch);
    }
    if (status) assert_non_null(stream->get_last_error(stream));
    stream->release(stream);
    return status ? -1 : rows;
}

static uint64_t counted(const strata_result *r, const char *treatment, strata_outcome outcome)
{
    uint64_t n = 0;
    for (size_t i = 0; i < strata_result_treatment_size(r); i++) {
        strata_treatment_count c = strata_result_treatment(r, i);
        if (strcmp(c.treatment, treatment) == 0 && c.outcome == outcome) n += c.customers;
    }
    return n;
}

static void check_answer(const trial *s)
{
    /* by hand: spend of 10 and more have 13 rows less those whose spend is missing */
    uint64_t rich = 0, open = 0, everybody = 0;
    for (int i = 0; i < CUSTOMERS; i++) {
        bool is_rich = i % 9 != 8 && i % 15 >= 10, mails = i % 4 != 0;
        rich += is_rich;
        open += is_rich && mails && i != 7;
        everybody++;
    }
    assert_int_equal(counted(s->result, "offer", STRATA_TREATED), open < 20 ? open : 20);
    assert_int_equal(counted(s->result, "offer", STRATA_NO_CONSENT), rich - open);
    assert_int_equal(counted(s->result, "offer", STRATA_NO_CHANNEL), 0);
    assert_int_equal(counted(s->result, "letter", STRATA_EARLIER), open);
    assert_int_equal(counted(s->result, "letter", STRATA_EXCLUDED), 1);
    uint64_t all = 0;
    for (int o = STRATA_TREATED; o <= STRATA_OVER_NUMBER; o++)
        all += counted(s->result, "letter", (strata_outcome)o);
    assert_int_equal(all, everybody);
}

static void answers_and_rows_agree(void **state)
{
    (void)state;
    for (int as_bytes = 0; as_bytes < 2; as_bytes++) {
        trial s = {0};
        struct ArrowArrayStream stream;
        if (run(&s, NULL, as_bytes, true) != STRATA_OK) fail_msg("%s", s.error.message);
        check_answer(&s);
        assert_int_equal(strata_result_treated_entity_count(s.result), 1);
        assert_string_equal(strata_result_treated_entity(s.result, 0), "customers");
        assert_int_equal(strata_result_treatment_stream(s.result, "customers", &stream, &s.error), STRATA_OK);
        int64_t rows = drain(&stream);
        uint64_t counts = 0;
        for (size_t i = 0; i < strata_result_treatment_size(s.result); i++)
            counts += strata_result_treatment(s.result, i).customers;
        assert_int_equal(rows, counts);
        assert_int_equal(strata_rules_activation_count(s.rules), 5);
        for (size_t i = 0; i < 3; i++) {
            strata_activation x = strata_rules_activation(s.rules, i);
            assert_int_equal(strata_result_activation_stream(s.result, i, &stream, &s.error), STRATA_OK);
            assert_int_equal(drain(&stream), strata_result_activation_rows(s.result, i));
            assert_int_equal(x.change, STRATA_ALL);
            assert_true((x.channel != NULL) == (i < 2));
        }
        assert_int_equal(strata_result_activation_rows(s.result, 2), CUSTOMERS);
        close_trial(&s);
    }
}

static void wrong_use_is_refused(void **state)
{
    (void)state;
    trial s = {0};
    struct ArrowArrayStream stream;
    assert_int_equal(run(&s, NULL, false, false), STRATA_OK);
    assert_int_equal(strata_result_treatment_size(s.result), 0);
    assert_int_equal(strata_result_treatment_stream(s.result, "customers", &stream, &s.error),
                     STRATA_BAD_INPUT);
    assert_int_equal(strata_result_activation_stream(s.result, 0, &stream, &s.error), STRATA_BAD_INPUT);
    assert_non_null(strstr(s.error.message, "was not asked for treatments"));
    assert_int_equal(strata_result_activation_rows(s.result, 0), 0);
    close_trial(&s);
    assert_int_equal(run(&s, NULL, false, true), STRATA_OK);
    assert_int_equal(strata_result_treatment_stream(s.result, "orders", &stream, &s.error), STRATA_BAD_INPUT);
    assert_int_equal(strata_result_activation_stream(s.result, 99, &stream, &s.error), STRATA_BAD_INPUT);
    assert_int_equal(strata_result_activation_stream(s.result, 3, &stream, &s.error), STRATA_BAD_INPUT);
    assert_non_null(strstr(s.error.message, "gives changes only"));
    close_trial(&s);
}

/* ---- memory ---- */

static strata_status whole_way(const strata_allocator *alloc)
{
    trial s = {0};
    struct ArrowArrayStream stream;
    strata_status status = run(&s, alloc, false, true);
    if (status == STRATA_OK) check_answer(&s);
    if (status == STRATA_OK)
        status = strata_result_treatment_stream(s.result, "customers", &stream, &s.error);
    if (status == STRATA_OK && drain(&stream) < 0) status = STRATA_NO_MEMORY;
    for (size_t i = 0; i < 3 && status == STRATA_OK; i++) {
        status = strata_result_activation_stream(s.result, i, &stream, &s.error);
        if (status == STRATA_OK && drain(&stream) < 0) status = STRATA_NO_MEMORY;
    }
    close_trial(&s);
    return status;
}

static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    strata_status status = STRATA_NO_MEMORY;
    for (long left = 0; status != STRATA_OK; left += 1 + left / 200) {
        meter m = {left, 0};
        strata_allocator alloc = metered_allocator(&m);
        status = whole_way(&alloc);
        assert_true(status == STRATA_OK || status == STRATA_NO_MEMORY);
        assert_int_equal(m.live, 0);
        assert_true(left < 100000);
    }
}

/* ---- threads ---- */

static void *run_some(void *context)
{
    const strata_data *data = context;
    strata_error error;
    for (int i = 0; i < 20; i++) {
        strata_result *result = NULL;
        strata_run_options o = {.treatments = true, .threads = 3};
        struct ArrowArrayStream stream;
        if (strata_run(data, &o, &result, &error) != STRATA_OK) return (void *)"a run failed";
        bool good = strata_result_activation_stream(result, 2, &stream, &error) == STRATA_OK;
        if (!good || drain(&stream) != CUSTOMERS) return (void *)"rows are lost";
        if (counted(result, "letter", STRATA_EXCLUDED) != 1) return (void *)"a run gave another answer";
        strata_result_free(result);
    }
    return NULL;
}

static void many_threads_may_treat_the_same_data(void **state)
{
    (void)state;
    trial s = {0};
    pthread_t threads[4];
    assert_int_equal(run(&s, NULL, false, false), STRATA_OK);
    for (size_t i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, run_some, s.data), 0);
    for (size_t i = 0; i < 4; i++) {
        void *why;
        pthread_join(threads[i], &why);
        if (why) fail_msg("%s", (const char *)why);
    }
    close_trial(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_and_rows_agree),
        cmocka_unit_test(wrong_use_is_refused),
        cmocka_unit_test(memory_may_run_out_anywhere),
        cmocka_unit_test(many_threads_may_treat_the_same_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
