/* Messages: arguments, repetition, order, and what people and programs get to see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "diag/diag.h"

typedef struct fixture {
    st_env env;
    st_arena *a;
    st_sources sources;
    st_diags diags;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    st_env_init(&f->env, NULL);
    f->a = st_arena_new(&f->env);
    st_sources_init(&f->sources, f->a);
    st_diags_init(&f->diags, f->a, &f->sources);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    st_env_close(&f->env);
    free(f);
    return 0;
}

static const char *rendered(fixture *f, bool json)
{
    st_buf b = {0};
    if (json)
        st_render_json(&f->diags, f->a, &b);
    else
        st_render_text(&f->diags, f->a, &b, false);
    return st_buf_text(f->a, &b);
}

/* The span of the first occurrence of `word`. */
static st_span span_of(const char *text, const char *word)
{
    uint32_t start = (uint32_t)(strstr(text, word) - text);
    return (st_span){0, start, start + (uint32_t)strlen(word)};
}

static void test_text(void **state)
{
    fixture *f = *state;
    const char *text = "table x {}\nsegment a where stauts = 1\n";
    st_sources_add(&f->sources, "rules/a.seg", text, strlen(text));
    st_report(&f->diags, ST_MSG_UNKNOWN_COLUMN, span_of(text, "stauts"), "orders", "stauts",
              "Did you mean status?");
    assert_int_equal(f->diags.errors, 1);
    assert_string_equal(rendered(f, false), "rules/a.seg:2:17: error E0201: orders has no column stauts.\n"
                                            "   2 | segment a where stauts = 1\n"
                                            "     |                 ^^^^^^\n"
                                            "     help: Did you mean status?\n");
}

static void test_tabs_and_wide_characters(void **state)
{
    fixture *f = *state;
    const char *text = "\tä日x y";
    st_sources_add(&f->sources, "a.seg", text, strlen(text));
    st_report(&f->diags, ST_MSG_UNKNOWN_COLUMN, span_of(text, "x"), "t", "x", "");
    assert_string_equal(rendered(f, false), "a.seg:1:4: error E0201: t has no column x.\n"
                                            "   1 |     ä日x y\n"
                                            "     |        ^\n");
}

static void test_place_behind_the_end(void **state)
{
    fixture *f = *state;
    const char *text = "ab";
    st_sources_add(&f->sources, "a.seg", text, strlen(text));
    st_report(&f->diags, ST_MSG_UNKNOWN_COLUMN, ((st_span){0, 2, 2}), "t", "x", "");
    assert_string_equal(rendered(f, false), "a.seg:1:3: error E0201: t has no column x.\n"
                                            "   1 | ab\n"
                                            "     |   ^\n");
}

static void test_several_lines_and_controls(void **state)
{
    fixture *f = *state;
    const char *text = "ab\033[31m cd\nef";
    st_sources_add(&f->sources, "a.seg", text, strlen(text));
    st_report(&f->diags, ST_MSG_UNKNOWN_COLUMN, ((st_span){0, 8, 13}), "t\033", "x", "");
    assert_string_equal(rendered(f, false), "a.seg:1:9: error E0201: t? has no column x.\n"
                                            "   1 | ab?[31m cd\n"
                                            "     |         ^^\n");
}

static void test_long_line_is_cut(void **state)
{
    fixture *f = *state;
    st_buf b = {0};
    for (int i = 0; i < 400; i++) st_buf_puts(f->a, &b, i == 300 ? "X" : "a");
    const char *text = st_buf_text(f->a, &b);
    st_sources_add(&f->sources, "a.seg", text, strlen(text));
    st_report(&f->diags, ST_MSG_UNKNOWN_COLUMN, span_of(text, "X"), "t", "x", "");
    const char *out = rendered(f, false);
    const char *shown = strstr(out, "…"), *caret = strstr(out, "^");
    assert_non_null(shown);
    assert_non_null(caret);
    assert_true(strlen(out) < 500);
    const char *x = strchr(shown, 'X'), *line = strstr(out, "   1 | "), *below = strstr(out, "     | ");
    assert_int_equal((x - line) - 2, caret - below); /* the ellipsis has three bytes and one column */
}

static void test_once_sorted_and_counted(void **state)
{
    fixture *f = *state;
    const char *text = "one two";
    st_sources_add(&f->sources, "a.seg", text, strlen(text));
    st_report(&f->diags, ST_MSG_UNKNOWN_COLUMN, span_of(text, "two"), "t", "two", "");
    st_report(&f->diags, ST_MSG_UNKNOWN_COLUMN, span_of(text, "one"), "t", "one", "");
    st_report(&f->diags, ST_MSG_UNKNOWN_COLUMN, span_of(text, "two"), "t", "two", "");
    st_report(&f->diags, ST_MSG_NO_TIME, span_of(text, "two"), "t", "This");
    assert_int_equal(f->diags.errors, 3);
    st_diags_sort(&f->diags);
    assert_int_equal(f->diags.items.n, 2); /* one error a span */
    assert_int_equal(f->diags.errors, 2);
    assert_int_equal(f->diags.items.p[0].span.start, 0);
    assert_int_equal(f->diags.items.p[1].span.start, 4);
}

static void test_limit(void **state)
{
    fixture *f = *state;
    char text[ST_DIAG_LIMIT + 20];
    memset(text, 'a', sizeof text);
    st_sources_add(&f->sources, "a.seg", text, sizeof text);
    for (uint32_t i = 0; i < ST_DIAG_LIMIT + 10; i++)
        st_report(&f->diags, ST_MSG_UNKNOWN_COLUMN, ((st_span){0, i, i + 1}), "t", "x", "");
    assert_int_equal(f->diags.items.n, ST_DIAG_LIMIT);
    assert_int_equal(f->diags.errors, ST_DIAG_LIMIT + 10);
}

static void test_json(void **state)
{
    fixture *f = *state;
    const char *text = "ä \"x\"\n";
    st_sources_add(&f->sources, "a.seg", text, strlen(text));
    assert_string_equal(rendered(f, true), "[]\n");
    st_report(&f->diags, ST_MSG_UNKNOWN_COLUMN, span_of(text, "\"x\""), "t", "\"x\"", "a\nb");
    assert_string_equal(
        rendered(f, true),
        "[\n {\"code\":\"E0201\",\"name\":\"unknown-column\",\"severity\":\"error\",\"file\":\"a.seg\","
        "\"line\":1,\"column\":3,\"end_line\":1,\"end_column\":6,"
        "\"message\":\"t has no column \\\"x\\\".\",\"help\":\"a\\nb\"}\n]\n");
}

static void test_did_you_mean(void **state)
{
    fixture *f = *state;
    st_near near = {0};
    assert_string_equal(st_did_you_mean(f->a, &near), "");
    near = (st_near){.names = {"one"}, .n = 1};
    assert_string_equal(st_did_you_mean(f->a, &near), "Did you mean one?");
    near = (st_near){.names = {"one", "two", "three"}, .n = 3};
    assert_string_equal(st_did_you_mean(f->a, &near), "Did you mean one, two or three?");
}

/* Codes and names are unique, letters fit the severity, and every entry says its part. */
static void test_registry(void **state)
{
    (void)state;
    for (int i = 0; i < ST_MSG_COUNT; i++) {
        const st_message *m = &st_messages[i];
        assert_non_null(m->name);
        assert_int_equal(strlen(m->code), 5);
        assert_int_equal(m->code[0], m->severity == ST_ERROR ? 'E' : 'W');
        assert_true(strlen(m->text) > 3 && strlen(m->why) > 10 && strlen(m->bad) && strlen(m->good));
        assert_non_null(m->help);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(m->name, st_messages[j].name);
            assert_string_not_equal(m->code, st_messages[j].code);
        }
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {T(test_text),
                                       T(test_tabs_and_wide_characters),
                                       T(test_place_behind_the_end),
                                       T(test_several_lines_and_controls),
                                       T(test_long_line_is_cut),
                                       T(test_once_sorted_and_counted),
                                       T(test_limit),
                                       T(test_json),
                                       T(test_did_you_mean),
                                       T(test_registry)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
