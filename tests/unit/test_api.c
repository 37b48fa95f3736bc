/* The library as a program that embeds it sees it: include/strata/strata.h from text to answer, wrong use, memory that runs out,
 * several threads at once. Streams of data are made with the same builder that results use. */
#include "strata/strata.h"

#include "api/arrow_out.h"

#include <math.h>
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
    "param big = 100\n"
    "/// Spends.\n"
    "segment spenders \"Big spenders\" { owner \"crm@example.com\"  tags (\"value\")  where sum(amount of "
    "orders) >= big }\n"
    "tiers activity { active when any(orders in last 30 days)  quiet when any(orders)  none otherwise }\n"
    "trait spend = sum(amount of orders)\n"
    "score engagement = count(orders) * 10\n"
    "rfm value from orders { frequency thresholds (2)  monetary thresholds (100) of sum(amount) "
    "tiers { good f 2 m 2  other otherwise } }\n"
    "check spenders size between 1 and 60%\n"
    "check activity covers customers\n"
    "check spenders brings at least 95% of spend else warn\n"
    "check orders.ordered_at newer than 2 days\n"
    "check spenders size within 50% of previous\n"
    "check activity.quiet size between 10% and 50%\n"
    "check customers.signup_at unique\n";

#define MICROS INT64_C(1000000)
#define DAY (86400 * MICROS)
#define NOV_1 (INT64_C(20758) * DAY) /* 2026-11-01T00:00Z */

/* ---- data ---- */

static const st_out_field customer_fields[] = {
    {"customer_id", "u", false}, {"country", "u", true}, {"signup_at", "tsu:UTC", false}};
static const st_out_field order_fields[] = {
    {"customer_id", "u", false}, {"ordered_at", "tsu:UTC", false}, {"amount", "d:10,2", false}};

static int fill_customers(void *context, st_out_batch *b, const char **why)
{
    static const char *const names[] = {"ann", "bob", "cid", "dot", "eve"};
    (void)why;
    if ((*(int *)context)++) return 0;
    for (int i = 0; i < 5; i++) {
        st_out_text(b, 0, st_str_of(names[i]));
        if (i == 2)
            st_out_null(b, 1);
        else
            st_out_text(b, 1, ST_STR("DE"));
        st_out_int(b, 2, NOV_1 + (i == 4 ? DAY : -400 * DAY)); /* eve has not begun */
    }
    return 0;
}

static int fill_orders(void *context, st_out_batch *b, const char **why)
{
    static const struct {
        const char *who;
        int days_ago, cents;
    } orders[] = {{"ann", 5, 8000},    {"bob", 100, 2000}, {"ann", 50, 2000},
                  {"cid", 200, 10000}, {"zoe", 3, 100},    {"bob", -3, 90000}};
    (void)why;
    if ((*(int *)context)++) return 0;
    for (size_t i = 0; i < ST_COUNT(orders); i++) {
        st_out_text(b, 0, st_str_of(orders[i].who));
        st_out_int(b, 1, NOV_1 - orders[i].days_ago * DAY);
        st_out_decimal(b, 2, orders[i].cents);
    }
    return 0;
}

static strata_status bind(strata_data *data, const strata_allocator *alloc, const char *table,
                          strata_error *error)
{
    int calls = 0;
    struct ArrowArrayStream stream;
    bool customers = strcmp(table, "customers") == 0;
    st_out_source source = {&calls, customers ? fill_customers : fill_orders, NULL};
    if (st_out_stream(alloc, customers ? customer_fields : order_fields, 3, source, &stream) != 0)
        return STRATA_NO_MEMORY;
    strata_status status = strata_data_bind(data, table, &stream, NULL, error);
    assert_null(stream.release);
    return status;
}

static strata_status load(const strata_rules *rules, strata_data **data, strata_error *error)
{
    strata_status status = strata_data_new(rules, 1, data, error);
    if (status == STRATA_OK) status = bind(*data, NULL, "orders", error);
    if (status == STRATA_OK) status = bind(*data, NULL, "customers", error);
    if (status == STRATA_OK) status = strata_data_finish(*data, error);
    return status;
}

static strata_rules *compile(const char *text)
{
    strata_rules *rules = NULL;
    strata_error error;
    assert_int_equal(strata_rules_new(NULL, &rules, &error), STRATA_OK);
    assert_int_equal(strata_rules_add_text(rules, "test.seg", text, strlen(text), &error), STRATA_OK);
    if (strata_rules_compile(rules, &error) != STRATA_OK) fail_msg("%s", error.message);
    return rules;
}

static const strata_run_options november = {.as_of = {STRATA_DAY, 20758}, .threads = 1};

static uint64_t count_of(const strata_result *r, const char *definition, const char *label)
{
    for (size_t i = 0; i < strata_result_size(r); i++) {
        strata_count c = strata_result_count(r, i);
        if (strcmp(c.definition, definition) == 0 && strcmp(c.label, label) == 0) return c.customers;
    }
    return UINT64_MAX;
}

/* ---- from text to answer ---- */

static void check_answer(const strata_result *r)
{
    assert_int_equal(count_of(r, "spenders", "in"), 2);
    assert_int_equal(count_of(r, "activity", "active"), 1);
    assert_int_equal(count_of(r, "activity", "quiet"), 2);
    assert_int_equal(count_of(r, "activity", "none"), 1);
    assert_int_equal(count_of(r, "value", "good"), 1);
    assert_int_equal(count_of(r, "value", "other"), 2);
    assert_int_equal(count_of(r, "value.f", "1"), 2);
    assert_int_equal(count_of(r, "value.m", "2"), 2);
    assert_int_equal(count_of(r, "engagement", "known"), 4);
    for (size_t i = 0; i < strata_result_size(r); i++)
        assert_int_equal(strata_result_count(r, i).population, 4);
}

static void text_becomes_an_answer(void **state)
{
    (void)state;
    strata_rules *rules = compile(rules_text);
    strata_data *data = NULL;
    strata_result *result = NULL;
    strata_error error;
    assert_int_equal(load(rules, &data, &error), STRATA_OK);
    assert_int_equal(strata_data_rows(data, "customers"), 5);
    assert_int_equal(strata_data_rows(data, "nothing"), -1);
    assert_int_equal(strata_run(data, &november, &result, &error), STRATA_OK);
    check_answer(result);
    assert_string_equal(strata_result_as_of(result), "2026-11-01T00:00:00+01:00");
    assert_int_equal(count_of(result, "spend", "known"), UINT64_MAX); /* traits were not asked for */
    bool orphans = false;
    for (size_t i = 0; i < strata_result_note_count(result); i++) {
        strata_note note = strata_result_note(result, i);
        orphans = orphans || (note.kind == STRATA_NOTE_ORPHANS && note.count == 1 &&
                              strcmp(note.subject, "orders.customer_id") == 0);
    }
    assert_true(orphans);
    strata_result_free(result);
    strata_data_free(data);
    strata_rules_free(rules);
}

static void definitions_and_tables_are_listed(void **state)
{
    (void)state;
    strata_rules *rules = compile(rules_text);
    assert_int_equal(strata_rules_definition_count(rules), 13); /* and seven checks */
    assert_int_equal(strata_rules_definition(rules, 12).kind, STRATA_CHECK);
    strata_definition d = strata_rules_definition(rules, 0);
    assert_int_equal(d.kind, STRATA_PARAM);
    assert_string_equal(strata_kind_name(d.kind), "param");
    assert_string_equal(d.value, "100");
    assert_null(d.entity);
    assert_false(d.output);
    assert_int_equal(d.nused_by, 1);
    assert_string_equal(d.used_by[0], "spenders");
    d = strata_rules_definition(rules, 1);
    assert_string_equal(d.name, "spenders");
    assert_string_equal(d.file, "test.seg");
    assert_int_equal(d.line, 6);
    assert_true(d.output);
    assert_int_equal(d.nuses, 1);
    assert_string_equal(d.uses[0], "big");
    assert_int_equal(d.ncolumns, 5);
    assert_string_equal(d.columns[0], "customers.customer_id");
    assert_string_equal(d.columns[4], "orders.amount");
    assert_string_equal(d.title, "Big spenders");
    assert_string_equal(d.doc, "Spends.");
    assert_string_equal(d.owner, "crm@example.com");
    assert_string_equal(d.entity, "customers");
    assert_int_equal(d.ntags, 1);
    d = strata_rules_definition(rules, 2);
    assert_int_equal(d.kind, STRATA_TIERS);
    assert_int_equal(d.nlabels, 3);
    assert_string_equal(d.labels[2], "none");
    assert_int_equal(strata_rules_table_count(rules), 2);
    strata_table t = strata_rules_table(rules, 0);
    assert_string_equal(t.name, "customers");
    assert_true(t.needed && t.columns[0].key && t.columns[0].needed && !t.columns[1].needed);
    assert_string_equal(t.columns[1].type, "string?");
    t = strata_rules_table(rules, 1);
    assert_string_equal(t.columns[0].links_to, "customers");
    assert_string_equal(t.columns[2].type, "decimal(10,2)");
    assert_string_equal(strata_rules_timezone(rules), "Europe/Berlin");
    strata_rules_free(rules);
}

static const char asked_text[] = "timezone \"Europe/Berlin\"\n"
                                 "table customers { customer_id string key  country string? }\n"
                                 "table orders { customer_id string links to customers  ordered_at timestamp "
                                 "time  amount decimal(10,2) }\n"
                                 "segment buyers { refresh daily  where any(orders) }\n"
                                 "segment german { refresh weekly  where country = \"DE\" }\n"
                                 "trait spend = sum(amount of orders)\n"
                                 "tiers band { some when spend > 0  none otherwise }\n";

static size_t outputs_of(const strata_rules *rules)
{
    size_t n = 0;
    for (size_t i = 0; i < strata_rules_definition_count(rules); i++)
        n += strata_rules_definition(rules, i).output;
    return n;
}

static bool column_needed(const strata_rules *rules, size_t table, size_t column)
{
    return strata_rules_table(rules, table).columns[column].needed;
}

static strata_rules *text_of(const char *text)
{
    strata_rules *rules = NULL;
    strata_error error;
    assert_int_equal(strata_rules_new(NULL, &rules, &error), STRATA_OK);
    assert_int_equal(strata_rules_add_text(rules, "t.seg", text, strlen(text), &error), STRATA_OK);
    return rules;
}

static void only_what_is_asked_for_is_needed(void **state)
{
    (void)state;
    strata_error error;
    strata_rules *rules = text_of(asked_text);
    assert_int_equal(strata_rules_only(rules, "german", &error), STRATA_OK);
    assert_int_equal(strata_rules_due(rules, "daily", &error), STRATA_BAD_INPUT);
    assert_int_equal(strata_rules_compile(rules, &error), STRATA_OK);
    assert_int_equal(strata_rules_only(rules, "buyers", &error), STRATA_BAD_INPUT);
    assert_int_equal(outputs_of(rules), 1);
    assert_true(column_needed(rules, 0, 1));
    assert_false(strata_rules_table(rules, 1).needed);
    strata_rules_free(rules);

    rules = text_of(asked_text);
    assert_int_equal(strata_rules_only(rules, "spend", &error), STRATA_OK);
    assert_int_equal(strata_rules_only(rules, "band", &error), STRATA_OK);
    assert_int_equal(strata_rules_compile(rules, &error), STRATA_OK);
    assert_int_equal(outputs_of(rules), 2);
    assert_false(column_needed(rules, 0, 1));
    assert_true(column_needed(rules, 1, 2));
    strata_rules_free(rules);

    rules = text_of(asked_text);
    assert_int_equal(strata_rules_due(rules, "daily", &error), STRATA_OK);
    assert_int_equal(strata_rules_compile(rules, &error), STRATA_OK);
    assert_int_equal(outputs_of(rules), 1);
    assert_false(column_needed(rules, 0, 1));
    assert_false(column_needed(rules, 1, 2));
    strata_rules_free(rules);

    rules = text_of(asked_text);
    assert_int_equal(strata_rules_due(rules, "monthly", &error), STRATA_OK);
    assert_int_equal(strata_rules_compile(rules, &error), STRATA_OK);
    assert_int_equal(outputs_of(rules), 2);
    strata_rules_free(rules);
}

static void check_refused(bool due, const char *word, const char *why)
{
    strata_error error;
    strata_rules *rules = text_of(asked_text);
    assert_int_equal(due ? strata_rules_due(rules, word, &error) : strata_rules_only(rules, word, &error),
                     STRATA_OK);
    assert_int_equal(strata_rules_compile(rules, &error), STRATA_BAD_INPUT);
    if (!strstr(error.message, why)) fail_msg("%s", error.message);
    strata_rules_free(rules);
}

static void what_is_not_there_cannot_be_asked_for(void **state)
{
    (void)state;
    check_refused(false, "byers", "defines no byers. Did you mean buyers?");
    check_refused(false, "customers", "defines no customers.");
    check_refused(true, "hourly", "Nothing is due hourly");
    check_refused(true, "dayly", "dayly is no rhythm. Did you mean daily?");
    check_refused(true, "now", "now is no rhythm. Choose hourly,");
}

static void compiled_rules_are_asked_likewise(void **state)
{
    (void)state;
    strata_error error;
    strata_rules *rules = text_of(asked_text), *read = NULL;
    void *bytes;
    size_t n;
    assert_int_equal(strata_rules_only(rules, "german", &error), STRATA_OK);
    assert_int_equal(strata_rules_only(rules, "buyers", &error), STRATA_OK);
    assert_int_equal(strata_rules_compile(rules, &error), STRATA_OK);
    assert_int_equal(strata_rules_write(rules, false, &bytes, &n, &error), STRATA_OK);
    assert_int_equal(strata_rules_read(NULL, bytes, n, &read, &error), STRATA_OK);
    assert_int_equal(outputs_of(read), 2);
    assert_int_equal(strata_rules_only(read, "band", &error), STRATA_BAD_INPUT);
    assert_non_null(strstr(error.message, "left out when the rules were compiled"));
    strata_rules_free(read);
    assert_int_equal(strata_rules_read(NULL, bytes, n, &read, &error), STRATA_OK);
    assert_int_equal(strata_rules_due(read, "daily", &error), STRATA_OK);
    assert_int_equal(outputs_of(read), 1);
    strata_data *data = NULL;
    strata_result *result = NULL;
    assert_int_equal(load(read, &data, &error), STRATA_OK);
    assert_int_equal(strata_run(data, &november, &result, &error), STRATA_OK);
    assert_int_equal(strata_result_size(result), 1);
    assert_int_equal(count_of(result, "buyers", "in"), 3);
    strata_result_free(result);
    strata_data_free(data);
    strata_free(rules, bytes);
    strata_rules_free(read);
    strata_rules_free(rules);
}

static void a_parameter_can_be_set(void **state)
{
    (void)state;
    strata_rules *rules = NULL;
    strata_data *data = NULL;
    strata_result *result = NULL;
    strata_error error;
    assert_int_equal(strata_rules_new(NULL, &rules, &error), STRATA_OK);
    assert_int_equal(strata_rules_add_text(rules, "t.seg", rules_text, strlen(rules_text), &error),
                     STRATA_OK);
    assert_int_equal(strata_rules_set(rules, "big", "20", &error), STRATA_OK);
    assert_int_equal(strata_rules_compile(rules, &error), STRATA_OK);
    assert_int_equal(strata_rules_set(rules, "big", "30", &error), STRATA_BAD_INPUT);
    assert_int_equal(load(rules, &data, &error), STRATA_OK);
    assert_int_equal(strata_run(data, &november, &result, &error), STRATA_OK);
    assert_int_equal(count_of(result, "spenders", "in"), 3);
    strata_result_free(result);
    strata_data_free(data);
    strata_rules_free(rules);
}

static void compiled_bytes_give_the_same_answer(void **state)
{
    (void)state;
    strata_rules *text = compile(rules_text), *read = NULL;
    strata_data *data = NULL;
    strata_result *result = NULL;
    strata_error error;
    void *bytes;
    size_t n;
    assert_int_equal(strata_rules_write(text, false, &bytes, &n, &error), STRATA_OK);
    assert_int_equal(strata_rules_read(NULL, bytes, n, &read, &error), STRATA_OK);
    assert_int_equal(strata_rules_definition_count(read), 13);
    assert_string_equal(strata_rules_definition(read, 1).uses[0], "big");
    assert_int_equal(load(read, &data, &error), STRATA_OK);
    assert_int_equal(strata_run(data, &november, &result, &error), STRATA_OK);
    check_answer(result);
    strata_result_free(result);
    strata_run_options traits = november;
    traits.traits = true;
    assert_int_equal(strata_run(data, &traits, &result, &error), STRATA_BAD_INPUT);
    strata_data_free(data);
    strata_rules_free(read);
    ((char *)bytes)[n / 2] ^= 1;
    assert_int_equal(strata_rules_read(NULL, bytes, n, &read, &error), STRATA_BAD_INPUT);
    assert_null(read);
    assert_int_equal(strata_rules_read(NULL, "no", 2, &read, &error), STRATA_BAD_INPUT);
    strata_free(text, bytes);
    strata_rules_free(text);
}

/* ---- promises ---- */

static void promises_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *promise, *measured;
        strata_verdict_kind outcome;
        double value, low, high; /* NaN: there is none */
    } want[] = {
        {"spenders size between 1 and 60%", "2 of 4 (50%)", STRATA_KEPT, 2, 1, 2.4},
        {"activity covers customers", "0 of 4 (0%)", STRATA_KEPT, 0, NAN, 0},
        {"spenders brings at least 95% of spend", "200.00 of 220.00 (90.91%)", STRATA_WARNED, 200.0 / 220,
         0.95, NAN},
        {"orders.ordered_at newer than 2 days", "2026-10-29T01:00:00+01:00", STRATA_BROKEN, 3 * 86400 - 3600,
         NAN, NAN},
        {"spenders size within 50% of previous", "no previous output is given", STRATA_NOT_MEASURED, NAN, NAN,
         NAN},
        {"activity.quiet size between 10% and 50%", "2 of 4 (50%)", STRATA_KEPT, 0.5, 0.1, 0.5},
        {"customers.signup_at unique", "3 of 4 (75%)", STRATA_BROKEN, 3, NAN, 0},
    };
    strata_rules *rules = compile(rules_text), *read = NULL;
    strata_data *data = NULL;
    strata_result *result = NULL;
    strata_error error;
    void *bytes;
    size_t n;
    assert_int_equal(strata_rules_write(rules, false, &bytes, &n, &error), STRATA_OK);
    assert_int_equal(strata_rules_read(NULL, bytes, n, &read, &error), STRATA_OK);
    strata_free(rules, bytes);
    for (int way = 0; way < 2; way++) {
        assert_int_equal(load(way ? read : rules, &data, &error), STRATA_OK);
        assert_int_equal(strata_run(data, &november, &result, &error), STRATA_OK);
        assert_int_equal(strata_result_verdict_count(result), ST_COUNT(want));
        for (size_t i = 0; i < ST_COUNT(want); i++) {
            strata_verdict v = strata_result_verdict(result, i);
            assert_string_equal(v.promise, want[i].promise);
            assert_string_equal(v.measured, want[i].measured);
            assert_string_equal(v.file, "test.seg");
            assert_int_equal(v.line, 11 + i);
            assert_int_equal(v.outcome, want[i].outcome);
            const double got[] = {v.value, v.low, v.high}, is[] = {want[i].value, want[i].low, want[i].high};
            for (int k = 0; k < 3; k++)
                assert_true(isnan(is[k]) ? isnan(got[k]) : fabs(got[k] - is[k]) < 1e-9 * (1 + fabs(is[k])));
        }
        strata_result_free(result);
        strata_data_free(data);
    }
    strata_rules_free(read);
    strata_rules_free(rules);
}

static void promises_are_those_of_the_definitions_asked_for(void **state)
{
    (void)state;
    strata_rules *rules = compile(rules_text);
    strata_data *data = NULL;
    strata_result *result = NULL;
    strata_error error;
    const char *names[] = {"activity"};
    strata_run_options o = november;
    o.definitions = names;
    o.ndefinitions = 1;
    assert_int_equal(load(rules, &data, &error), STRATA_OK);
    assert_int_equal(strata_run(data, &o, &result, &error), STRATA_OK);
    assert_int_equal(strata_result_verdict_count(result), 2);
    assert_string_equal(strata_result_verdict(result, 0).promise, "activity covers customers");
    assert_string_equal(strata_result_verdict(result, 1).promise, "activity.quiet size between 10% and 50%");
    assert_int_equal(strata_result_size(result), 3); /* nothing that promises are measured by is an answer */
    strata_result_free(result);
    strata_data_free(data);
    strata_rules_free(rules);
}

/* The answer as the earlier one of a later run. */
static strata_status remember(const strata_rules *rules, const strata_result *result, strata_shape shape,
                              strata_previous **previous, strata_error *error)
{
    struct ArrowArrayStream stream;
    strata_status status = strata_previous_new(rules, previous, error);
    if (status == STRATA_OK) status = strata_result_stream(result, "customers", shape, &stream, error);
    if (status == STRATA_OK) status = strata_previous_bind(*previous, "customers", &stream, NULL, error);
    return status;
}

static void an_earlier_answer_is_remembered(void **state)
{
    (void)state;
    strata_rules *rules = compile(rules_text);
    strata_data *data = NULL;
    strata_result *earlier = NULL, *result = NULL;
    strata_error error;
    strata_run_options o = november;
    o.as_of.value -= 150; /* bob and cid had bought: cid alone for 100 */
    assert_int_equal(load(rules, &data, &error), STRATA_OK);
    assert_int_equal(strata_run(data, &o, &earlier, &error), STRATA_OK);
    assert_int_equal(count_of(earlier, "spenders", "in"), 1);
    for (strata_shape shape = STRATA_WIDE; shape <= STRATA_LONG; shape++) {
        strata_previous *previous = NULL;
        assert_int_equal(remember(rules, earlier, shape, &previous, &error), STRATA_OK);
        assert_int_equal(strata_previous_entity_count(previous), 1);
        assert_string_equal(strata_previous_entity(previous, 0), "customers");
        assert_null(strata_previous_table(previous, "orders"));
        assert_true(strata_previous_table(previous, NULL)->columns[0].spare);
        o = november;
        o.previous = previous;
        assert_int_equal(strata_run(data, &o, &result, &error), STRATA_OK);
        strata_verdict v = strata_result_verdict(result, 4);
        assert_int_equal(v.outcome, STRATA_BROKEN);
        assert_string_equal(v.measured, "2, before 1 (+100%)");
        assert_true(v.value == 1 && v.high == 0.5);
        strata_result_free(result);
        strata_previous_free(previous);
    }
    strata_result_free(earlier);
    strata_data_free(data);
    strata_rules_free(rules);
}

static void what_is_no_earlier_answer_is_refused(void **state)
{
    (void)state;
    strata_rules *rules = compile(rules_text);
    strata_previous *previous = NULL;
    strata_error error;
    struct ArrowArrayStream stream;
    int calls = 0;
    st_out_source orders = {&calls, fill_orders, NULL};
    const st_out_field strange[] = {
        {"who", "u", false}, {"at", "tsu:UTC", false}, {"amount", "d:10,2", false}};
    assert_int_equal(strata_previous_new(rules, &previous, &error), STRATA_OK);
    assert_int_equal(st_out_stream(NULL, strange, 3, orders, &stream), 0);
    assert_int_equal(strata_previous_bind(previous, NULL, &stream, "x.csv", &error), STRATA_BAD_DATA);
    assert_null(stream.release);
    assert_non_null(
        strstr(error.message, "x.csv: is no earlier output: it has neither a column customer_id"));
    assert_int_equal(st_out_stream(NULL, order_fields, 3, orders, &stream), 0);
    assert_int_equal(strata_previous_bind(previous, "orders", &stream, NULL, &error), STRATA_BAD_INPUT);
    assert_null(stream.release);
    calls = 0; /* a customer twice */
    assert_int_equal(st_out_stream(NULL, order_fields, 3, orders, &stream), 0);
    assert_int_equal(strata_previous_bind(previous, "customers", &stream, NULL, &error), STRATA_BAD_DATA);
    assert_non_null(strstr(error.message, "stands here a second time"));
    strata_previous_free(previous);
    strata_previous_free(NULL);
    strata_rules_free(rules);
}

/* ---- rows out ---- */

static st_str text_at(const struct ArrowArray *column, int64_t row)
{
    const int32_t *ends = column->buffers[1];
    return (st_str){(const char *)column->buffers[2] + ends[row], (uint32_t)(ends[row + 1] - ends[row])};
}

static bool known_at(const struct ArrowArray *column, int64_t row)
{
    const uint8_t *bits = column->buffers[0];
    return !bits || (bits[row / 8] >> row % 8 & 1);
}

static void rows_come_wide_and_long(void **state)
{
    (void)state;
    strata_rules *rules = compile(rules_text);
    strata_data *data = NULL;
    strata_result *result = NULL;
    strata_error error;
    strata_run_options traits = november;
    traits.traits = true;
    assert_int_equal(load(rules, &data, &error), STRATA_OK);
    assert_int_equal(strata_run(data, &traits, &result, &error), STRATA_OK);
    assert_int_equal(strata_result_entity_count(result), 1);
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray rows;
    assert_int_equal(strata_result_stream(result, "nobody", STRATA_WIDE, &stream, &error), STRATA_BAD_INPUT);
    assert_int_equal(strata_result_stream(result, "customers", STRATA_WIDE, &stream, &error), STRATA_OK);
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    assert_int_equal(stream.get_next(&stream, &rows), 0);
    assert_int_equal(rows.length, 4);
    assert_string_equal(schema.children[0]->name, "customer_id");
    assert_true(st_str_eq(text_at(rows.children[0], 1), ST_STR("bob")));
    for (int64_t i = 0; i < schema.n_children; i++) {
        const struct ArrowArray *c = rows.children[i];
        const char *name = schema.children[i]->name;
        if (strcmp(name, "activity") == 0) assert_true(st_str_eq(text_at(c, 1), ST_STR("quiet")));
        if (strcmp(name, "value") == 0) assert_false(known_at(c, 3));
        if (strcmp(name, "value.f") == 0) assert_int_equal(((const int64_t *)c->buffers[1])[0], 2);
        if (strcmp(name, "spend") == 0) {
            assert_int_equal(schema.children[i]->format[0], 'd');
            assert_true(((const st_i128 *)c->buffers[1])[0] == 10000);
        }
    }
    rows.release(&rows);
    schema.release(&schema);
    stream.release(&stream);
    assert_int_equal(strata_result_stream(result, "customers", STRATA_LONG, &stream, &error), STRATA_OK);
    assert_int_equal(stream.get_next(&stream, &rows), 0);
    /* spenders 2, activity 4, value 3 with two scores each */
    assert_int_equal(rows.length, 2 + 4 + 3 * 3);
    assert_int_equal(rows.n_children, 3);
    rows.release(&rows);
    assert_int_equal(stream.get_next(&stream, &rows), 0);
    assert_null(rows.release);
    stream.release(&stream);
    strata_result_free(result);
    strata_data_free(data);
    strata_rules_free(rules);
}

/* ---- what is wrong ---- */

/* eve has not begun, but she is there; zoe is nobody. */
static void lists_are_added_as_text(void **state)
{
    (void)state;
    static const char rules_with_list[] =
        "timezone \"Europe/Berlin\"\n"
        "table customers { customer_id string key  country string?  signup_at timestamp time }\n"
        "list press of customers from \"lists/press.csv\"\n"
        "segment quiet where not press\n";
    strata_rules *rules = NULL;
    strata_error error;
    assert_int_equal(strata_rules_new(NULL, &rules, &error), STRATA_OK);
    assert_int_equal(
        strata_rules_add_text(rules, "crm/a.seg", rules_with_list, strlen(rules_with_list), &error),
        STRATA_OK);
    assert_int_equal(strata_rules_add_list(rules, "crm/lists/press.csv", "ann\nbob\neve\nzoe\n", 16, &error),
                     STRATA_OK);
    assert_int_equal(strata_rules_add_list(rules, "crm/lists/press.csv", "1\n", 2, &error), STRATA_BAD_INPUT);
    assert_int_equal(strata_rules_add_list(rules, "large.csv", "1\n", (size_t)STRATA_MAX_LIST + 1, &error),
                     STRATA_NO_MEMORY);
    if (strata_rules_compile(rules, &error) != STRATA_OK) fail_msg("%s", error.message);
    assert_int_equal(strata_rules_add_list(rules, "late.csv", "1\n", 2, &error), STRATA_BAD_INPUT);
    strata_data *data = NULL;
    strata_result *result = NULL;
    assert_int_equal(strata_data_new(rules, 1, &data, &error), STRATA_OK);
    assert_int_equal(bind(data, NULL, "customers", &error), STRATA_OK);
    assert_int_equal(strata_data_finish(data, &error), STRATA_OK);
    assert_int_equal(strata_run(data, &november, &result, &error), STRATA_OK);
    assert_int_equal(count_of(result, "quiet", "in"), 2);
    strata_note note = {0};
    for (size_t i = 0; i < strata_result_note_count(result); i++)
        if (strata_result_note(result, i).kind == STRATA_NOTE_LIST_KEYS) note = strata_result_note(result, i);
    assert_non_null(note.text);
    assert_string_equal(note.subject, "press");
    assert_int_equal(note.count, 1);
    assert_int_equal(note.asked, 4);
    assert_string_equal(note.text, "1 of the 4 keys on the list press is in nobody's data.");
    strata_result_free(result);
    strata_data_free(data);
    strata_rules_free(rules);
}

static void errors_are_diagnostics(void **state)
{
    (void)state;
    const char *text = "table customers { id int key  stauts string }\nsegment x where status = \"paid\"\n";
    strata_rules *rules = NULL;
    strata_error error;
    assert_int_equal(strata_rules_new(NULL, &rules, &error), STRATA_OK);
    assert_int_equal(strata_rules_add_text(rules, "bad.seg", text, strlen(text), &error), STRATA_OK);
    assert_int_equal(strata_rules_compile(rules, &error), STRATA_BAD_RULES);
    assert_int_equal(strata_rules_diagnostic_count(rules), 1);
    strata_diagnostic d = strata_rules_diagnostic(rules, 0);
    assert_int_equal(d.severity, STRATA_ERROR);
    assert_string_equal(d.file, "bad.seg");
    assert_int_equal(d.line, 2);
    assert_int_equal(d.column, 17);
    assert_int_equal(d.end_column, 22);
    assert_non_null(strstr(d.help, "stauts"));
    char *out = NULL;
    assert_int_equal(strata_rules_diagnostics(rules, STRATA_DIAGNOSTICS_TEXT, &out, &error), STRATA_OK);
    assert_non_null(strstr(out, "bad.seg:2:17"));
    strata_free(rules, out);
    assert_int_equal(strata_rules_emit(rules, "ast", &out, &error), STRATA_OK);
    strata_free(rules, out);
    assert_int_equal(strata_rules_emit(rules, "plan", &out, &error), STRATA_BAD_RULES);
    assert_int_equal(strata_rules_emit(rules, "poem", &out, &error), STRATA_BAD_INPUT);
    strata_data *data = NULL;
    assert_int_equal(strata_data_new(rules, 1, &data, &error), STRATA_BAD_RULES);
    strata_rules_free(rules);
}

static void wrong_use_is_refused(void **state)
{
    (void)state;
    strata_rules *rules = compile(rules_text);
    strata_data *data = NULL;
    strata_result *result = NULL;
    strata_error error;
    struct ArrowArrayStream stream;
    int calls = 0;
    assert_int_equal(strata_data_new(rules, 1, &data, &error), STRATA_OK);
    assert_int_equal(strata_run(data, NULL, &result, &error), STRATA_BAD_INPUT);
    assert_int_equal(
        st_out_stream(NULL, customer_fields, 3, (st_out_source){&calls, fill_customers, NULL}, &stream), 0);
    assert_int_equal(strata_data_bind(data, "costumers", &stream, NULL, &error), STRATA_BAD_INPUT);
    assert_null(stream.release);
    assert_int_equal(bind(data, NULL, "orders", &error), STRATA_OK);
    assert_int_not_equal(strata_data_finish(data, &error), STRATA_OK); /* customers are not there */
    assert_non_null(strstr(error.message, "customers"));
    strata_data_free(data);
    assert_int_equal(load(rules, &data, &error), STRATA_OK);
    const char *names[] = {"spender"};
    strata_run_options o = november;
    o.definitions = names;
    o.ndefinitions = 1;
    assert_int_equal(strata_run(data, &o, &result, &error), STRATA_BAD_INPUT);
    assert_non_null(strstr(error.message, "spenders"));
    names[0] = "activity";
    assert_int_equal(strata_run(data, &o, &result, &error), STRATA_OK);
    assert_int_equal(strata_result_size(result), 3);
    strata_result_free(result);
    strata_as_of as_of;
    assert_int_equal(strata_as_of_parse(rules, "2026-11-01T09:30", &as_of, &error), STRATA_OK);
    assert_true(as_of.kind == STRATA_INSTANT && as_of.value == NOV_1 + (8 * 60 + 30) * 60 * MICROS);
    assert_int_equal(strata_as_of_parse(rules, "soon", &as_of, &error), STRATA_BAD_INPUT);
    strata_data_free(data);
    strata_rules_free(rules);
}

/* ---- memory ---- */

/* Everything from text to answer; the first status that is not well. */
static strata_status whole_way(const strata_allocator *alloc)
{
    strata_rules *rules = NULL;
    strata_data *data = NULL;
    strata_result *result = NULL;
    strata_error error;
    strata_status status = strata_rules_new(alloc, &rules, &error);
    if (status == STRATA_OK)
        status = strata_rules_add_text(rules, "t.seg", rules_text, strlen(rules_text), &error);
    if (status == STRATA_OK) status = strata_rules_compile(rules, &error);
    if (status == STRATA_OK) status = load(rules, &data, &error);
    if (status == STRATA_OK) status = strata_run(data, &november, &result, &error);
    if (status == STRATA_OK) check_answer(result);
    strata_previous *previous = NULL;
    strata_result *again = NULL;
    strata_run_options o = november;
    if (status == STRATA_OK) status = remember(rules, result, STRATA_WIDE, &previous, &error);
    o.previous = previous;
    if (status == STRATA_OK) status = strata_run(data, &o, &again, &error);
    strata_result_free(again);
    strata_previous_free(previous);
    strata_result_free(result);
    strata_data_free(data);
    strata_rules_free(rules);
    return status;
}

static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    strata_status status = STRATA_NO_MEMORY;
    for (long left = 0; status != STRATA_OK; left++) {
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
        strata_run_options o = november;
        o.traits = i % 2;
        o.threads = 2;
        if (strata_run(data, &o, &result, &error) != STRATA_OK) return (void *)"a run failed";
        if (count_of(result, "spenders", "in") != 2) return (void *)"a run gave another answer";
        strata_result_free(result);
    }
    return NULL;
}

static void many_threads_may_run_over_the_same_data(void **state)
{
    (void)state;
    strata_rules *rules = compile(rules_text);
    strata_data *data = NULL;
    strata_error error;
    pthread_t threads[4];
    assert_int_equal(load(rules, &data, &error), STRATA_OK);
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, run_some, data), 0);
    for (int i = 0; i < 4; i++) {
        void *wrong = NULL;
        pthread_join(threads[i], &wrong);
        if (wrong) fail_msg("%s", (const char *)wrong);
    }
    strata_data_free(data);
    strata_rules_free(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_becomes_an_answer),
        cmocka_unit_test(definitions_and_tables_are_listed),
        cmocka_unit_test(only_what_is_asked_for_is_needed),
        cmocka_unit_test(what_is_not_there_cannot_be_asked_for),
        cmocka_unit_test(compiled_rules_are_asked_likewise),
        cmocka_unit_test(a_parameter_can_be_set),
        cmocka_unit_test(compiled_bytes_give_the_same_answer),
        cmocka_unit_test(promises_are_judged),
        cmocka_unit_test(promises_are_those_of_the_definitions_asked_for),
        cmocka_unit_test(an_earlier_answer_is_remembered),
        cmocka_unit_test(what_is_no_earlier_answer_is_refused),
        cmocka_unit_test(rows_come_wide_and_long),
        cmocka_unit_test(lists_are_added_as_text),
        cmocka_unit_test(errors_are_diagnostics),
        cmocka_unit_test(wrong_use_is_refused),
        cmocka_unit_test(memory_may_run_out_anywhere),
        cmocka_unit_test(many_threads_may_run_over_the_same_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
