/* Sources, bitmaps and threads of src/base. */
#include "base/geo.h"
#include "base/bitmap.h"
#include "base/source.h"
#include "base/threads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
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

static void places_count_characters(void **state)
{
    (void)state;
    st_sources s;
    st_sources_init(&s, arena);
    const char text[] = "eins\nzwölf x\r\n\nlast";
    uint32_t file = st_sources_add(&s, "a.seg", text, sizeof text - 1);
    st_place p = st_place_of(&s, file, (uint32_t)(strstr(text, "x") - text));
    assert_int_equal(p.line, 2);
    assert_int_equal(p.column, 7);
    assert_true(st_str_eq(st_line_text(&s, file, 2), ST_STR("zwölf x")));
    assert_true(st_str_eq(st_line_text(&s, file, 3), ST_STR("")));
    assert_true(st_str_eq(st_line_text(&s, file, 4), ST_STR("last")));
    assert_int_equal(st_line_text(&s, file, 5).n, 0);
    p = st_place_of(&s, file, 1000); /* behind the end: the end */
    assert_int_equal(p.line, 4);
    assert_int_equal(p.column, 5);
    assert_true(st_str_eq(st_span_text(&s, (st_span){file, 0, 4}), ST_STR("eins")));
}

static void bitmaps_count_what_is_set(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 300; n += 7) {
        uint64_t *full = st_bitmap_new_full(arena, n), *some = st_bitmap_new(arena, n);
        assert_int_equal(st_bitmap_count(full, n), n);
        uint64_t expected = 0;
        for (uint64_t i = 0; i < n; i += 3) st_bit_set(some, i), expected++;
        assert_int_equal(st_bitmap_count(some, n), expected);
        if (n) {
            st_bit_clear(some, 0);
            assert_int_equal(st_bitmap_count(some, n), expected - 1);
            assert_false(st_bit(some, 0));
        }
    }
}

/* What was made under a guard and moved is there when the guard has unwound, and where there is no room nothing moves. */
static void arenas_move(void **state)
{
    (void)state;
    st_env other, none;
    st_env_child(&other, &env);
    st_env_child(&none, &env);
    none.limit = 10000;
    st_arena *full = NULL, *home = NULL;
    bool ok;
    ST_GUARD(&other, ok, home = st_arena_new(&other));
    ST_GUARD(&none, ok, full = st_arena_new(&none));
    size_t before = env.used, there = other.used;
    for (volatile int same = 0; same < 2; same++) {
        char *volatile kept = NULL;
        st_env *volatile from = same ? &other : &env;
        ST_GUARD(from, ok, {
            st_arena *a = st_arena_new(from);
            kept = st_alloc_raw(a, 20000);
            memset(kept, 7, 20000);
            assert_false(st_arena_move(a, full));
            assert_true(st_arena_move(a, home));
            assert_ptr_equal(st_arena_env(a), &other);
            st_fail(from, STRATA_BAD_DATA, "after all");
        });
        assert_false(ok);
        for (int i = 0; i < 20000; i++) assert_int_equal(kept[i], 7);
        assert_int_equal(env.used, before);
        assert_true(other.used >= there + 20000 * (size_t)(same + 1));
    }
    st_env_close(&other);
    st_env_close(&none);
    assert_int_equal(other.used, 0);
}

/* Blocks of many sizes come and go; none is handed out twice at a time. */
static void large_blocks_come_again(void **state)
{
    (void)state;
    enum { N = 12 };
    st_env own;
    st_env_init(&own, NULL);
    st_keep_large_blocks((size_t)64 << 20);
    for (uint32_t round = 0; round < 20; round++) {
        st_arena *made[N] = {NULL};
        unsigned char *p[N] = {NULL};
        size_t size[N];
        for (volatile uint32_t i = 0; i < N; i++) {
            bool ok;
            size[i] = ((round * 7 + i * 5) % 11 + 1) * ((size_t)3 << 19);
            ST_GUARD(&own, ok, {
                made[i] = st_arena_new(&own);
                p[i] = st_alloc_raw(made[i], size[i]);
            });
            assert_true(ok);
            memset(p[i], (int)i, size[i]);
        }
        for (uint32_t i = 0; i < N; i++) {
            for (size_t at = 0; at < size[i]; at += 4096) assert_int_equal(p[i][at], i);
            st_arena_free(made[i]);
        }
    }
    st_env_close(&own);
    st_keep_large_blocks(0);
}

enum { TASKS = 1000 };
typedef struct sums {
    uint64_t squares[TASKS];
    uint64_t fail_from; /* tasks from this number on fail */
} sums;

static void square(void *ctx, uint64_t i, st_env *mine)
{
    sums *s = ctx;
    st_arena *a = st_arena_new(mine);
    uint64_t *p = st_new(a, uint64_t);
    *p = i * i;
    if (i >= s->fail_from) st_fail(mine, STRATA_BAD_DATA, "task %llu", (unsigned long long)i);
    s->squares[i] = *p;
}

static void check_tasks(uint32_t threads, bool fails)
{
    static sums s;
    s = (sums){.fail_from = fails ? 17 : TASKS};
    bool ok;
    ST_GUARD(&env, ok, st_parallel(&env, threads, TASKS, square, &s));
    assert_int_equal(ok, !fails);
    if (fails) {
        assert_int_equal(env.error.status, STRATA_BAD_DATA);
        assert_string_equal(env.error.message, "task 17");
    }
    for (uint64_t i = 0; i < (fails ? 17u : TASKS); i++) assert_int_equal(s.squares[i], i * i);
}

static void tasks_all_run_and_the_first_failure_is_told(void **state)
{
    (void)state;
    for (uint32_t threads = 1; threads <= 4; threads++) {
        check_tasks(threads, false);
        check_tasks(threads, true);
    }
    assert_true(st_cpu_count() >= 1);
}

static const char *beside(st_sources *s, uint32_t file, const char *path)
{
    const char *found = st_sources_beside(s, s->arena, file, path);
    return found ? found : "refused";
}

/* Files beside a rule file stay in the folder of the rule set. */
static void paths_stay_in_the_folder(void **state)
{
    (void)state;
    st_sources s;
    st_sources_init(&s, arena);
    uint32_t text = st_sources_add(&s, "vip.seg", "", 0),
             deep = st_sources_add(&s, "rules/a/b/vip.seg", "", 0),
             disk = st_sources_add(&s, "/home/x/rules/a/vip.seg", "", 0);
    s.files.p[deep].root = 6;
    s.files.p[disk].root = 14;
    assert_string_equal(beside(&s, text, "lists/p.csv"), "lists/p.csv");
    assert_string_equal(beside(&s, text, "./p.csv"), "p.csv");
    assert_string_equal(beside(&s, text, "a/../p.csv"), "p.csv");
    assert_string_equal(beside(&s, text, "../p.csv"), "refused");
    assert_string_equal(beside(&s, text, "a/../../p.csv"), "refused");
    assert_string_equal(beside(&s, text, ""), "refused");
    assert_string_equal(beside(&s, text, "/etc/p.csv"), "refused");
    assert_string_equal(beside(&s, text, "C:/p.csv"), "refused");
    assert_string_equal(beside(&s, text, "a\\p.csv"), "refused");
    assert_string_equal(beside(&s, deep, "p.csv"), "rules/a/b/p.csv");
    assert_string_equal(beside(&s, deep, "../p.csv"), "rules/a/p.csv");
    assert_string_equal(beside(&s, deep, "../../p.csv"), "rules/p.csv");
    assert_string_equal(beside(&s, deep, "../../../p.csv"), "refused");
    assert_string_equal(beside(&s, deep, "../../../rules/p.csv"), "refused");
    assert_string_equal(beside(&s, disk, "..//lists/./p.csv"), "/home/x/rules/lists/p.csv");
    assert_string_equal(beside(&s, disk, "../../secret"), "refused");
}

/* By the formula in arbitrary precision. */
static void distances_are_rounded_to_metres(void **state)
{
    (void)state;
    assert_int_equal(st_metres_between(48.137, 11.575, 52.52, 13.405), 504339);
    assert_int_equal(st_metres_between(0, 179.9, 0, -179.9), 22239);
    assert_int_equal(st_metres_between(0, 0, 0, 180), 20015114);
    assert_int_equal(st_metres_between(90, 17, -90, 3), 20015114);
    assert_int_equal(st_metres_between(51.5, 0, 51.5, 0.0001), 7);
    assert_int_equal(st_metres_between(-33.8688, 151.2093, -33.8688, 151.2093), 0);
    assert_int_equal(st_metres_between(90, 0, 90, 123), 0);
    assert_true(st_is_place(-90, 180) && st_is_place(90, -180));
    assert_false(st_is_place(90.0001, 0) || st_is_place(0, -180.5) || st_is_place((double)NAN, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_count_characters),
        cmocka_unit_test(distances_are_rounded_to_metres),
        cmocka_unit_test(paths_stay_in_the_folder),
        cmocka_unit_test(bitmaps_count_what_is_set),
        cmocka_unit_test(arenas_move),
        cmocka_unit_test(large_blocks_come_again),
        cmocka_unit_test(tasks_all_run_and_the_first_failure_is_told),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
