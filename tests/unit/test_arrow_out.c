/* Writing Arrow: every kind of column, missing values, batches that outlive the builder, memory that runs out. */
#include "api/arrow_out.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "metered.h"

enum { INT, FLOAT, BOOL, TEXT, DAY, AT, MONEY, TAGS, COLUMNS };
static const st_out_field fields[COLUMNS] = {
    {"i", "l", true},   {"f", "g", true},        {"b", "b", true},      {"t", "u", true},
    {"d", "tdD", true}, {"at", "tsu:UTC", true}, {"m", "d:20,2", true}, {"tags", "+l", true}};

static void put_rows(st_out_batch *b, int n)
{
    const st_str tags[] = {ST_STR("vip"), ST_STR(""), ST_STR("student")};
    for (int i = 0; i < n; i++) {
        if (i % 3 == 2) {
            for (uint32_t c = 0; c < COLUMNS; c++) st_out_null(b, c);
            continue;
        }
        st_out_int(b, INT, i - 5);
        st_out_float(b, FLOAT, i / 4.0);
        st_out_bool(b, BOOL, i % 2);
        st_out_text(b, TEXT, i % 2 ? ST_STR("one") : ST_STR(""));
        st_out_int(b, DAY, 20000 + i);
        st_out_int(b, AT, INT64_C(1790000000000000) + i);
        st_out_decimal(b, MONEY, -(st_i128)i * 1000);
        st_out_list(b, TAGS, tags, (uint32_t)i % 4);
    }
}

static const void *values(const struct ArrowArray *a, int column)
{
    return a->children[column]->buffers[1];
}

static void values_are_where_arrow_has_them(void **state)
{
    (void)state;
    meter m = {1000, 0};
    strata_allocator alloc = metered_allocator(&m);
    st_out_batch *b = st_out_new(&alloc, fields, COLUMNS);
    put_rows(b, 20);
    assert_int_equal(st_out_rows(b), 20);
    struct ArrowArray a;
    assert_int_equal(st_out_take(b, &a), 0);
    assert_int_equal(st_out_rows(b), 0);
    st_out_free(b); /* the array lives on */
    assert_int_equal(a.length, 20);
    assert_int_equal(a.n_children, COLUMNS);
    for (int c = 0; c < COLUMNS; c++) {
        assert_int_equal(a.children[c]->null_count, 6);
        for (int i = 0; i < 20; i++)
            assert_int_equal(((const uint8_t *)a.children[c]->buffers[0])[i / 8] >> i % 8 & 1, i % 3 != 2);
    }
    for (int i = 0; i < 20; i++) {
        if (i % 3 == 2) continue;
        assert_int_equal(((const int64_t *)values(&a, INT))[i], i - 5);
        assert_true(((const double *)values(&a, FLOAT))[i] == i / 4.0);
        assert_int_equal(((const uint8_t *)values(&a, BOOL))[i / 8] >> i % 8 & 1, i % 2);
        assert_int_equal(((const int32_t *)values(&a, DAY))[i], 20000 + i);
        assert_true(((const int64_t *)values(&a, AT))[i] == INT64_C(1790000000000000) + i);
        assert_true(((const st_i128 *)values(&a, MONEY))[i] == -(st_i128)i * 1000);
        const int32_t *text = values(&a, TEXT), *list = values(&a, TAGS);
        assert_int_equal(text[i + 1] - text[i], i % 2 ? 3 : 0);
        assert_int_equal(list[i + 1] - list[i], i % 4);
        const struct ArrowArray *items = a.children[TAGS]->children[0];
        const int32_t *ends = items->buffers[1];
        if (i % 4) assert_memory_equal((const char *)items->buffers[2] + ends[list[i]], "vip", 3);
    }
    a.release(&a);
    assert_null(a.release);
    assert_int_equal(m.live, 0);
}

static void a_child_can_be_taken_out(void **state)
{
    (void)state;
    meter m = {1000, 0};
    strata_allocator alloc = metered_allocator(&m);
    st_out_batch *b = st_out_new(&alloc, fields, COLUMNS);
    put_rows(b, 5);
    struct ArrowArray a, child;
    assert_int_equal(st_out_take(b, &a), 0);
    child = *a.children[TEXT];
    a.children[TEXT]->release = NULL;
    a.release(&a);
    assert_memory_equal(child.buffers[2], "one", 3);
    child.release(&child);
    st_out_free(b);
    assert_int_equal(m.live, 0);
}

static int fill_twice(void *context, st_out_batch *b, const char **why)
{
    int *calls = context;
    *why = "the disk is on fire";
    if (++*calls == 3) return EIO;
    put_rows(b, 7);
    return 0;
}

static void a_stream_ends_with_its_source(void **state)
{
    (void)state;
    meter m = {1000, 0};
    strata_allocator alloc = metered_allocator(&m);
    int calls = 0;
    struct ArrowArrayStream s;
    struct ArrowArray a;
    struct ArrowSchema schema;
    assert_int_equal(st_out_stream(&alloc, fields, COLUMNS, (st_out_source){&calls, fill_twice, NULL}, &s),
                     0);
    assert_int_equal(s.get_schema(&s, &schema), 0);
    assert_string_equal(schema.format, "+s");
    assert_string_equal(schema.children[MONEY]->format, "d:20,2");
    assert_string_equal(schema.children[TAGS]->children[0]->format, "u");
    schema.release(&schema);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(s.get_next(&s, &a), 0);
        assert_int_equal(a.length, 7);
        a.release(&a);
    }
    assert_int_equal(s.get_next(&s, &a), EIO);
    assert_string_equal(s.get_last_error(&s), "the disk is on fire");
    s.release(&s);
    assert_int_equal(m.live, 0);
}

/* Whichever allocation fails, it is said, and nothing leaks. */
static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    int good = 0;
    for (int left = 0; left < 80 && !good; left++) {
        meter m = {left, 0};
        strata_allocator alloc = metered_allocator(&m);
        int calls = 0;
        struct ArrowArrayStream s;
        struct ArrowArray a = {0};
        struct ArrowSchema schema = {0};
        if (st_out_stream(&alloc, fields, COLUMNS, (st_out_source){&calls, fill_twice, NULL}, &s) == 0) {
            int first = s.get_schema(&s, &schema), second = s.get_next(&s, &a);
            assert_true(first == 0 || first == ENOMEM);
            assert_true(second == 0 || second == ENOMEM);
            good = first == 0 && second == 0;
            if (first == 0) schema.release(&schema);
            if (second == 0) a.release(&a);
            s.release(&s);
        }
        assert_int_equal(m.live, 0);
    }
    assert_true(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_where_arrow_has_them),
        cmocka_unit_test(a_child_can_be_taken_out),
        cmocka_unit_test(a_stream_ends_with_its_source),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
