/* Text, hashes, regular expressions and memory of src/base. */
#include "base/decimal.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static st_env env;
static st_arena *arena;

static int open_arena(void **state)
{
    (void)state;
    st_env_init(&env, NULL);
    bool ok;
    ST_GUARD(&env, ok, arena = st_arena_new(&env));
    return ok ? 0 : -1;
}

static int close_arena(void **state)
{
    (void)state;
    st_env_close(&env);
    assert_int_equal(env.used, 0);
    return 0;
}

static void hex(const uint8_t *p, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) snprintf(out + 2 * i, 3, "%02x", p[i]);
}

static void hashes_match_the_standards(void **state)
{
    (void)state;
    static const struct {
        const char *text, *md5, *sha;
    } cases[] = {
        {"", "d41d8cd98f00b204e9800998ecf8427e",
         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "900150983cd24fb0d6963f7d28e17f72",
         "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "57edf4a22be3c955ac49da2e2107b67a",
         "f371bc4a311f2b009eef952dd83ca80e2b60026c8e935592d0f9c308453c813e"},
        {"1234567890123456789012345678901234567890123456789012345", "c9ccf168914a1bcfc3229f1948e67da0", NULL},
        {"12345678901234567890123456789012345678901234567890123456", "49f193adce178490e34d1b3a4ec0064c",
         NULL},
    };
    for (size_t i = 0; i < ST_COUNT(cases); i++) {
        uint8_t digest[32];
        char text[65];
        st_md5(cases[i].text, strlen(cases[i].text), digest);
        hex(digest, 16, text);
        assert_string_equal(text, cases[i].md5);
        if (!cases[i].sha) continue;
        st_sha256(cases[i].text, strlen(cases[i].text), digest);
        hex(digest, 32, text);
        assert_string_equal(text, cases[i].sha);
    }
}

static uint64_t drawn(st_hash hash, const char *salt, const char *key)
{
    return st_draw(hash, st_str_of(salt), st_str_of(key));
}

static void draws_match_published_vectors(void **state)
{
    (void)state;
    assert_int_equal(drawn(ST_HASH_MD5, "holdout-2026", "customer-1"), UINT64_C(886811801569947));
    assert_int_equal(drawn(ST_HASH_MD5, "holdout-2026", "customer-2"), UINT64_C(2871620330646597));
    assert_int_equal(drawn(ST_HASH_MD5, "holdout-2026", "42"), UINT64_C(1466305139074561));
    assert_int_equal(drawn(ST_HASH_MD5, "exp", "naïve"), UINT64_C(1033863433434215));
    assert_int_equal(drawn(ST_HASH_MD5, "exp", ""), UINT64_C(4400490924791495));
    char key[3000];
    memset(key, 'k', sizeof key);
    assert_true(st_draw(ST_HASH_MD5, ST_STR("s"), (st_str){key, sizeof key}) < UINT64_C(1) << 52);
}

static bool near(double a, double b)
{
    return a - b < 1e-8 && b - a < 1e-8;
}

/* The vectors that the products publish with their own tests. */
static void draws_of_other_products(void **state)
{
    (void)state;
    static const struct {
        const char *salt, *key;
        double place;
    } sha256[] = {{"holdout-2026", "customer-1", 0.8776772541213589},
                  {"holdout-2026", "customer-2", 0.7502212089777964},
                  {"holdout-2026", "42", 0.817497611131685},
                  {"exp", "naïve", 0.5597140043676168},
                  {"exp", "", 0.3705772828379592}},
      launchdarkly[] = {{"hashKey.saltyA", "userKeyA", 0.42157587},
                        {"hashKey.saltyA", "userKeyB", 0.6708485},
                        {"hashKey.saltyA", "userKeyC", 0.10343106},
                        {"61", "userKeyA", 0.09801207},
                        {"61", "userKeyB", 0.14483777},
                        {"61", "userKeyC", 0.9242641},
                        {"hashKey.saltyA", "33333", 0.54771423}};
    for (size_t i = 0; i < ST_COUNT(sha256); i++)
        assert_true(
            near((double)drawn(ST_HASH_SHA256, sha256[i].salt, sha256[i].key) / 0x1p52, sha256[i].place));
    for (size_t i = 0; i < ST_COUNT(launchdarkly); i++)
        assert_true(
            near((double)drawn(ST_HASH_LAUNCHDARKLY, launchdarkly[i].salt, launchdarkly[i].key) / 0x1p60,
                 launchdarkly[i].place));
    assert_int_equal(drawn(ST_HASH_OPTIMIZELY, "1886780721", "ppid1"), 5254);
    assert_int_equal(drawn(ST_HASH_OPTIMIZELY, "1886780721", "ppid2"), 4299);
    assert_int_equal(drawn(ST_HASH_OPTIMIZELY, "1886780722", "ppid2"), 2434);
    assert_int_equal(drawn(ST_HASH_OPTIMIZELY, "1886780721", "ppid3"), 5439);
    assert_int_equal(
        drawn(ST_HASH_OPTIMIZELY, "1886780721",
              "a very very very very very very very very very very very very very very very long "
              "ppd string"),
        6128);
    assert_int_equal(drawn(ST_HASH_UNLEASH, "gr1", "123") + 1, 73);
    assert_int_equal(drawn(ST_HASH_UNLEASH, "groupX", "999") + 1, 25);
    assert_int_equal(drawn(ST_HASH_EPPO, "test", "input"), 5619);
    assert_int_equal(st_draw_text(ST_HASH_EPPO, ST_STR("alice")), 3170);
    assert_int_equal(st_draw_text(ST_HASH_EPPO, ST_STR("bob")), 7420);
    assert_int_equal(st_draw_text(ST_HASH_EPPO, ST_STR("charlie")), 7497);
    /* uniformChoice(["a", "b"]) takes the number itself, so only that is published. */
    assert_int_equal(drawn(ST_HASH_PLANOUT, "test_salt.foo", "4") % 2, 1);
    assert_int_equal(drawn(ST_HASH_PLANOUT, "test_salt.bar", "4") % 2, 0);
    assert_int_equal(drawn(ST_HASH_PLANOUT, "test_salt.baz", "4") % 2, 0);
    assert_int_equal(drawn(ST_HASH_GROWTHBOOK, "seed", "a"), 505);
    assert_int_equal(drawn(ST_HASH_GROWTHBOOK, "seed", "b"), 2696);
    assert_int_equal(drawn(ST_HASH_GROWTHBOOK, "foo", "ab"), 2575);
    assert_int_equal(drawn(ST_HASH_GROWTHBOOK, "foo", "def"), 2019);
}

static void thresholds_are_exact(void **state)
{
    (void)state;
    assert_true(st_draw_threshold(ST_HASH_MD5, 1, 0) >= UINT64_C(1) << 52);
    assert_int_equal(st_draw_threshold(ST_HASH_MD5, 0, 0), 0);
    assert_int_equal(st_draw_threshold(ST_HASH_MD5, 5, 1), UINT64_C(1) << 51);
    assert_int_equal(st_draw_threshold(ST_HASH_MD5, 1, 1), UINT64_C(450359962737050)); /* ceil(2^52 / 10) */
    assert_int_equal(st_draw_threshold(ST_HASH_UNLEASH, 101, 4), 2);                   /* ceil(1.01) */
    assert_int_equal(st_draw_threshold(ST_HASH_EPPO, 1, 4), 1);
    assert_int_equal(st_draw_threshold(ST_HASH_LAUNCHDARKLY, 5, 1), UINT64_C(1)
                                                                        << 59); /* ceil((2^60 - 1) / 2) */
    /* (10^22 - 1) / 10^22 of 2^60 - 1 is above 2^60 - 2 */
    assert_int_equal(st_draw_threshold(ST_HASH_PLANOUT, st_pow10(22) - 1, 22), (UINT64_C(1) << 60) - 1);
    assert_true(st_draw_threshold(ST_HASH_PLANOUT, 100, 2) > (UINT64_C(1) << 60) - 1);
}

static void text_is_utf8(void **state)
{
    (void)state;
    assert_true(
        st_utf8_valid("grün €𝄞 plain text of some length", strlen("grün €𝄞 plain text of some length")));
    assert_false(st_utf8_valid("\xC0\x80", 2));
    assert_false(st_utf8_valid("\xED\xA0\x80", 3));
    assert_false(st_utf8_valid("\xF4\x90\x80\x80", 4));
    assert_false(st_utf8_valid("abc\xE2\x82", 5));
    assert_int_equal(st_utf8_length(ST_STR("grün€𝄞")), 6);
    assert_true(st_str_eq(st_text_lower(arena, ST_STR("ÄÖÜ Straße ΑΒΓ Ab1")), ST_STR("äöü straße αβγ ab1")));
    assert_true(st_str_eq(st_text_upper(arena, ST_STR("äöü straße αβγ ab1")), ST_STR("ÄÖÜ STRAßE ΑΒΓ AB1")));
    assert_true(st_str_eq(st_text_trim(ST_STR(" \t a b \r\n")), ST_STR("a b")));
    assert_true(st_str_eq(st_text_domain(arena, ST_STR("a@b@Mail.EXAMPLE")), ST_STR("mail.example")));
    assert_null(st_text_domain(arena, ST_STR("nobody")).p);
    assert_true(st_text_contains(ST_STR("abc"), ST_STR("")) && st_text_starts(ST_STR("abc"), ST_STR("ab")));
    assert_false(st_text_ends(ST_STR("bc"), ST_STR("abc")));
}

static void near_names_are_found(void **state)
{
    (void)state;
    st_near near = {0};
    const char *names[] = {"amount", "status", "statuses", "customer_id", "ordered_at"};
    for (size_t i = 0; i < ST_COUNT(names); i++) st_near_add(&near, "stauts", names[i]);
    assert_string_equal(near.names[0], "status");
    st_near none = {0};
    st_near_add(&none, "xyz", "customer_id");
    assert_int_equal(none.n, 0);
}

static void expect_regex(const char *pattern, bool fold, const char *normal)
{
    st_str out;
    st_regex_error err = {0};
    assert_true(st_regex_check(arena, st_str_of(pattern), fold, &out, &err));
    assert_string_equal(out.p, normal);
}

static void expect_bad_regex(const char *pattern, uint32_t offset, const char *what)
{
    st_str out;
    st_regex_error err = {0};
    assert_false(st_regex_check(arena, st_str_of(pattern), false, &out, &err));
    assert_int_equal(err.offset, offset);
    assert_non_null(strstr(err.what, what));
}

static void regular_expressions_keep_to_the_subset(void **state)
{
    (void)state;
    expect_regex("\\(automatic\\)$", false, "\\(automatic\\)$");
    expect_regex("^A(b|C)+x{2,}[A-Cx-]?.", true, "^a(b|c)+x{2,}[\\-a-cx]?.");
    expect_regex("\\d{3}-\\w", false, "[0-9]{3}\\-[0-9A-Z\\_a-z]");
    expect_regex("ÄB|", true, "äb|");
    expect_regex("\\s|\\d", false, "[\t-\r ]|[0-9]");
    expect_regex("[\t-\r ]|[0-9]", false, "[\t-\r ]|[0-9]");
    expect_bad_regex("*@gmail.com", 0, "nothing to repeat");
    expect_bad_regex("a**", 2, "follow another");
    expect_bad_regex("(a", 0, "never closed");
    expect_bad_regex("a)", 1, "no ( before");
    expect_bad_regex("[z-a]", 1, "smaller");
    expect_bad_regex("a\\b", 1, "escaped punctuation");
    expect_bad_regex("(?=a)", 0, "portable");
    expect_bad_regex("a{1001}", 1, "1000");
    expect_bad_regex("((a{100}){100}){100}", 0, "repeats too much");
    expect_bad_regex("[ä]", 1, "ASCII");
}

static void memory_is_given_back_after_a_failure(void **state)
{
    (void)state;
    st_env small;
    st_env_init(&small, NULL);
    small.limit = 100000;
    bool ok;
    ST_GUARD(&small, ok, {
        st_arena *a = st_arena_new(&small);
        for (;;) st_alloc(a, 1000);
    });
    assert_false(ok);
    assert_int_equal(small.error.status, STRATA_NO_MEMORY);
    assert_int_equal(small.used, 0);
    ST_GUARD(&small, ok, st_alloc_array(st_arena_new(&small), SIZE_MAX / 4, 16));
    assert_false(ok);
    st_env_close(&small);
}

static void maps_keep_the_order_of_insertion(void **state)
{
    (void)state;
    st_map m;
    st_map_init(&m, arena);
    for (int i = 0; i < 1000; i++) {
        bool is_new;
        char key[16];
        snprintf(key, sizeof key, "key%d", i);
        *st_map_put(&m, key, strlen(key), &is_new) = &m;
        assert_true(is_new);
    }
    assert_non_null(st_map_get(&m, "key999", 6));
    assert_null(st_map_get(&m, "key1000", 7));
    assert_string_equal(m.entries.p[17].key.p, "key17");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_match_the_standards),
        cmocka_unit_test(draws_match_published_vectors),
        cmocka_unit_test(draws_of_other_products),
        cmocka_unit_test(thresholds_are_exact),
        cmocka_unit_test(text_is_utf8),
        cmocka_unit_test(near_names_are_found),
        cmocka_unit_test(regular_expressions_keep_to_the_subset),
        cmocka_unit_test(memory_is_given_back_after_a_failure),
        cmocka_unit_test(maps_keep_the_order_of_insertion),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
