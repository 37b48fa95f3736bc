#include "oracle/parts.h"

#include "base/text.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static st_env env;
static st_arena *arena;

static int setup(void **state)
{
    (void)state;
    st_env_init(&env, NULL);
    arena = st_arena_new(&env);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    st_env_close(&env);
    return 0;
}

/* ---- regular expressions ---- */

static bool found(const char *pattern, st_str text)
{
    st_str normal;
    st_regex_error err;
    if (!st_regex_check(arena, st_str_of(pattern), false, &normal, &err))
        fail_msg("%s: %s", pattern, err.what);
    return st_pattern_found(st_pattern_new(arena, normal), text);
}

static void patterns_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool found;
    } cases[] = {
        {"", "", true},
        {"a|", "xyz", true},
        {"^$", "", true},
        {"^$", "\n", false},
        {"b+c", "abbbcd", true},
        {"^a.c$", "a\nc", false},
        {"^a[^x]c$", "a\nc", true},
        {"^.$", "\xC3\xA9", true},
        {"^\xC3\xA9{2}$", "\xC3\xA9\xC3\xA9", true},
        {"^[^a]$", "\xE2\x82\xAC", true},
        {"^(ab|c){2,3}$", "abcab", true},
        {"^(ab|c){2,3}$", "abcabc", false},
        {"x{0}y", "y", true},
        {"\\(automatic\\)$", "Bank transfer (automatic)", true},
        {"\\d\\w\\s", "1_\t", true},
        {"[\\]\\-]", "x-5", true},
        {"^[\\^x]$", "^", true},
        {"a^b", "a^b", false},
        {"(^a|b$)", "xb", true},
        {"^(a*)*(b|$)", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false},
    };
    for (size_t i = 0; i < ST_COUNT(cases); i++) {
        if (found(cases[i].pattern, st_str_of(cases[i].text)) != cases[i].found)
            fail_msg("'%s' in '%s'", cases[i].pattern, cases[i].text);
    }
}

static uint32_t seed = 1;
static uint32_t below(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static void random_pattern(st_buf *b, int depth)
{
    static const char *const atoms[] = {"a",   "b",   "\xC3\xA9", ".",   "[ab]", "[^a]",
                                        "\\.", "\\d", "[a-c\\-]", "\\s", "\\w"};
    static const char *const repeats[] = {"", "", "", "*", "+", "?", "{2}", "{0,2}", "{1,}"};
    uint32_t pieces = 1 + below(3);
    for (uint32_t i = 0; i < pieces; i++) {
        if (below(12) == 0) st_buf_puts(arena, b, below(2) ? "^" : "$");
        if (depth && below(3) == 0) {
            st_buf_puts(arena, b, "(");
            random_pattern(b, depth - 1);
            st_buf_puts(arena, b, ")");
        } else {
            st_buf_puts(arena, b, atoms[below(ST_COUNT(atoms))]);
        }
        st_buf_puts(arena, b, repeats[below(ST_COUNT(repeats))]);
        if (below(5) == 0) st_buf_puts(arena, b, "|");
    }
}

static void patterns_agree_with_pcre2(void **state)
{
    (void)state;
    static const char *const letters[] = {"a", "b", "c", "\xC3\xA9", ".", "7", "\n", " ", "-"};
    uint32_t hits = 0, tries = 0;
    for (int i = 0; i < 2000; i++) {
        st_buf pattern = {0};
        random_pattern(&pattern, 2);
        st_str normal;
        st_regex_error err;
        st_str written = st_str_of(st_buf_text(arena, &pattern));
        if (!st_regex_check(arena, written, false, &normal, &err)) continue;
        st_pattern *ours = st_pattern_new(arena, normal);
        int code;
        PCRE2_SIZE at;
        pcre2_code *theirs =
            pcre2_compile((PCRE2_SPTR)normal.p, normal.n, PCRE2_UTF | PCRE2_DOLLAR_ENDONLY, &code, &at, NULL);
        assert_non_null(theirs);
        pcre2_match_data *match = pcre2_match_data_create(1, NULL);
        for (int k = 0; k < 8; k++) {
            st_buf text = {0};
            for (uint32_t n = below(7); n; n--) st_buf_puts(arena, &text, letters[below(ST_COUNT(letters))]);
            st_str t = st_str_of(st_buf_text(arena, &text));
            bool expected = pcre2_match(theirs, (PCRE2_SPTR)t.p, t.n, 0, 0, match, NULL) >= 0;
            if (st_pattern_found(ours, t) != expected)
                fail_msg("'%.*s' in '%s': %s", (int)normal.n, normal.p, t.p,
                         expected ? "is there" : "is not there");
            hits += expected;
            tries++;
        }
        pcre2_match_data_free(match);
        pcre2_code_free(theirs);
    }
    assert_true(hits > tries / 10 && hits < tries * 9 / 10);
}

/* Patterns that make a backtracking matcher take forever. */
static void patterns_end_soon(void **state)
{
    (void)state;
    char text[4001];
    memset(text, 'a', 4000);
    text[4000] = 0;
    text[3999] = 'c';
    assert_false(found("^(a+)+$|b", st_str_of(text)));
    assert_false(found("^(a|a)*$", st_str_of(text)));
    assert_false(found("(a?){500}a{500}b", st_str_of(text)));
    const char *nested = "^((((((((((((((((((((((((a?)?)?)?)?)?)?)?)?)?)?)?)?)?)?)?)?)?)?)?)?)?)?)?)$";
    assert_true(found(nested, ST_STR("a")));
    assert_false(found(nested, ST_STR("aa")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_are_found),
        cmocka_unit_test(patterns_agree_with_pcre2),
        cmocka_unit_test(patterns_end_soon),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
