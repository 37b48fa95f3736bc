#include "base/decimal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "decimal_cases.h"

typedef struct dec {
    st_i128 v;
    unsigned scale;
} dec;

static dec num(const char *text)
{
    dec d;
    if (!st_dec_parse(st_str_of(text), false, &d.v, &d.scale)) fail_msg("'%s' is no number", text);
    return d;
}

static void is(bool ok, st_i128 v, unsigned scale, const char *expected)
{
    char text[ST_DECIMAL_TEXT] = "none";
    if (ok) {
        assert_true(st_dec_fits(v));
        uint32_t n = st_dec_format(v, scale, text);
        assert_int_equal(n, strlen(text));
    }
    assert_string_equal(text, expected);
}

static void arithmetic_agrees_with_python(void **state)
{
    (void)state;
    for (size_t i = 0; i < ST_COUNT(decimal_cases); i++) {
        const struct decimal_case *c = &decimal_cases[i];
        dec a = num(c->a), b = num(c->b);
        unsigned scale = ST_MAX(a.scale, b.scale);
        st_i128 out = 0;
        bool ok = st_dec_add(a.v, a.scale, b.v, b.scale, &out);
        is(ok, out, scale, c->sum);
        ok = st_dec_sub(a.v, a.scale, b.v, b.scale, &out);
        is(ok, out, scale, c->difference);
        if (a.scale + b.scale <= ST_DECIMAL_DIGITS) {
            ok = st_dec_mul(a.v, b.v, &out);
            is(ok, out, a.scale + b.scale, c->product);
        }
        ok = st_dec_div(a.v, a.scale, b.v, b.scale, &out);
        is(ok, out, ST_QUOTIENT_SCALE, c->quotient);
        assert_int_equal(st_dec_cmp(a.v, a.scale, b.v, b.scale), c->order);
        assert_int_equal(st_dec_cmp(b.v, b.scale, a.v, a.scale), -c->order);
        assert_true(st_dec_to_double(a.v, a.scale) == c->a_double);
        ok = st_dec_rescale(a.v, a.scale, 3, &out);
        is(ok, out, 3, c->a_to_3);
    }
}

static void floors_and_ceilings(void **state)
{
    (void)state;
    assert_true(st_dec_floor(-15, 1) == -2 && st_dec_ceil(-15, 1) == -1);
    assert_true(st_dec_floor(15, 1) == 1 && st_dec_ceil(15, 1) == 2);
    assert_true(st_dec_floor(-20, 1) == -2 && st_dec_ceil(20, 1) == 2);
    assert_true(st_dec_floor(7, 0) == 7 && st_dec_ceil(-7, 0) == -7);
    assert_true(st_pow10(38) == st_pow10(19) * st_pow10(19) && !st_dec_fits(st_pow10(38)));
    assert_true(st_dec_fits(st_pow10(38) - 1) && !st_dec_fits(-st_pow10(38)));
}

static void numbers_are_read_strictly(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      "1.",
                                      ".5",
                                      "1..2",
                                      "1.2.3",
                                      "1_000",
                                      "_1",
                                      "1e5",
                                      " 1",
                                      "1 ",
                                      "0x1",
                                      "123456789012345678901234567890123456789",
                                      "--1",
                                      "1,5",
                                      "0.000000000000000000000000000000000000001"};
    st_i128 v;
    unsigned scale;
    for (size_t i = 0; i < ST_COUNT(bad); i++)
        if (st_dec_parse(st_str_of(bad[i]), false, &v, &scale)) fail_msg("'%s' was read as a number", bad[i]);
    static const char *const bad_lines[] = {"_1", "1_", "1__0", "1_.5", "1._5"};
    for (size_t i = 0; i < ST_COUNT(bad_lines); i++)
        if (st_dec_parse(st_str_of(bad_lines[i]), true, &v, &scale))
            fail_msg("'%s' was read as a number", bad_lines[i]);
    assert_true(st_dec_parse(ST_STR("1_000.2_5"), true, &v, &scale) && v == 100025 && scale == 2);
    assert_true(st_dec_parse(ST_STR("-0000000000000000000000000000000000000000000007"), false, &v, &scale) &&
                v == -7);
    assert_true(st_dec_parse(ST_STR("-0.00"), false, &v, &scale) && v == 0 && scale == 2);
}

static void doubles_print_shortest(void **state)
{
    (void)state;
    char text[ST_DECIMAL_TEXT];
    for (size_t i = 0; i < ST_COUNT(double_cases); i++) {
        uint32_t n = st_double_format(double_cases[i].v, text);
        assert_int_equal(n, strlen(double_cases[i].text));
        assert_string_equal(text, double_cases[i].text);
        assert_true(strtod(text, NULL) == double_cases[i].v);
    }
    st_double_format(-0.0, text);
    assert_string_equal(text, "0");
    st_double_format(-INFINITY, text);
    assert_string_equal(text, "-inf");
    st_double_format(NAN, text);
    assert_string_equal(text, "nan");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arithmetic_agrees_with_python),
        cmocka_unit_test(floors_and_ceilings),
        cmocka_unit_test(numbers_are_read_strictly),
        cmocka_unit_test(doubles_print_shortest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
