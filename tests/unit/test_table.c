/* Binding: from hand-made Arrow arrays to st_data, and every error on the way. */
#include "by_hand.h"
#include "metered.h"

#include "table/dict.h"
#include "table/number.h"

#include <math.h>

/* ---- one column: the type declared, what the file has, what comes out ---- */

static const st_column *one(fixture *f, st_type type, piece p)
{
    st_table *t = table(f, "things");
    st_col *c = column(t, "x", type);
    struct ArrowArrayStream s = stream_of();
    ADD_BATCH(&s, p);
    if (!bind(f, t, &s, "things.csv")) return NULL;
    finish_ok(f);
    return got(f, c);
}

static void expect_refusal(fixture *f, st_type type, piece p, const char *message)
{
    assert_null(one(f, type, p));
    expect_error(f, STRATA_BAD_DATA, message);
    tear_down((void *[]){f});
}
/* A fresh fixture for each refusal; `f` is only the way to spell it. */
#define REFUSED(type, p, message)                                                                            \
    do {                                                                                                     \
        void *state_;                                                                                        \
        set_up(&state_);                                                                                     \
        expect_refusal(state_, (type), (p), (message));                                                      \
    } while (0)
#define ACCEPTED(T, type, p, known_, ...)                                                                    \
    do {                                                                                                     \
        void *state_;                                                                                        \
        set_up(&state_);                                                                                     \
        const st_column *c_ = one(state_, (type), (p));                                                      \
        if (!c_) fail_msg("%s", ((fixture *)state_)->error.message);                                         \
        EXPECT_VALUES(T, c_, __VA_ARGS__);                                                                   \
        expect_known(c_, (known_));                                                                          \
        tear_down(&state_);                                                                                  \
    } while (0)

static void test_ints(void **state)
{
    (void)state;
    ACCEPTED(int64_t, INT, PLAIN(int8_t, "c", "x", NULL, -1, 2), "11", -1, 2);
    ACCEPTED(int64_t, INT, PLAIN(uint8_t, "C", "x", NULL, 255, 2), "11", 255, 2);
    ACCEPTED(int64_t, INT, PLAIN(int16_t, "s", "x", NULL, -300, 2), "11", -300, 2);
    ACCEPTED(int64_t, INT, PLAIN(uint16_t, "S", "x", NULL, 65535, 2), "11", 65535, 2);
    ACCEPTED(int64_t, INT, PLAIN(int32_t, "i", "x", NULL, -70000, 2), "11", -70000, 2);
    ACCEPTED(int64_t, INT, PLAIN(uint32_t, "I", "x", NULL, 4294967295u, 2), "11", 4294967295, 2);
    ACCEPTED(int64_t, INT, PLAIN(uint64_t, "L", "x", NULL, 9, 2), "11", 9, 2);
    ACCEPTED(int64_t, maybe(INT), PLAIN(int64_t, "l", "x", "101", 7, 8, INT64_MIN), "101", 7, 0, INT64_MIN);
    ACCEPTED(int64_t, INT, PLAIN(int64_t, "d:5,2,64", "x", NULL, 700, -100), "11", 7, -1);
    ACCEPTED(int64_t, maybe(INT),
             TEXTS("x", "12", " -3 ", "", "  ", NULL, "5.00", "1e3", "+9223372036854775807"), "11000111", 12,
             -3, 0, 0, 0, 5, 1000, INT64_MAX);
    REFUSED(INT, PLAIN(uint64_t, "L", "x", NULL, UINT64_MAX),
            "things.csv, row 1, column x: 18446744073709551615 is too large for a whole number of 64 bits. "
            "Declare it "
            "decimal(38,0).");
    REFUSED(INT, PLAIN(int64_t, "d:5,2,64", "x", NULL, 700, 50),
            "things.csv, row 2, column x: 0.50 is not a whole number. Declare it decimal(18,2).");
    REFUSED(INT, TEXTS("x", "1", "twelve"),
            "things.csv, row 2, column x: \"twelve\" is not a whole number. Correct the file, or declare "
            "another type.");
    REFUSED(INT, TEXTS("x", "1.5"),
            "things.csv, row 1, column x: \"1.5\" is not a whole number. Correct the file, or declare "
            "another type.");
    REFUSED(INT, TEXTS("x", "9223372036854775808"),
            "things.csv, row 1, column x: \"9223372036854775808\" is too large for a whole number of 64 "
            "bits. Declare it "
            "decimal(38,0).");
    ACCEPTED(int64_t, maybe(INT), PLAIN(double, "g", "x", NULL, 12.0, NAN, -3.0), "101", 12, 0, -3);
    REFUSED(INT, PLAIN(double, "g", "x", NULL, 1.0, 1.5),
            "things.csv, row 2, column x: 1.5 is no whole number. Declare the column float, or correct the "
            "file.");
    REFUSED(INT, PLAIN(int32_t, "tdD", "x", NULL, 1),
            "things.csv: column x of table things is declared int, but the file has dates. Declare it date, "
            "or convert "
            "it in the file.");
    REFUSED(INT, PLAIN(int64_t, "l", "x", "10", 1, 2),
            "things.csv, row 2, column x: the value is missing. Fill it in, or declare the column int? if it "
            "may be "
            "missing.");
}

static void test_decimals(void **state)
{
    (void)state;
    ACCEPTED(int64_t, money(6, 2), PLAIN(int32_t, "i", "x", NULL, 12, -9999), "11", 1200, -999900);
    ACCEPTED(int64_t, money(6, 2), PLAIN(int32_t, "d:9,1,32", "x", NULL, 12, -5), "11", 120, -50);
    ACCEPTED(int64_t, money(6, 2), PLAIN(st_i128, "d:20,4", "x", NULL, 120000, -500), "11", 1200, -5);
    ACCEPTED(st_i128, money(20, 2), PLAIN(st_i128, "d:20,4", "x", NULL, 120000, -500), "11", 1200, -5);
    const st_i128 halves[] = {1200, 0, -5, -1}, too_wide[] = {0, 1};
    ACCEPTED(st_i128, money(20, 2), plain("d:40,2,256", "x", 2, halves, sizeof halves, NULL), "11", 1200, -5);
    ACCEPTED(int64_t, money(6, 2), PLAIN(int64_t, "d:9,-2,64", "x", NULL, 3), "1", 30000);
    REFUSED(money(38, 2), plain("d:60,2,256", "x", 1, too_wide, sizeof too_wide, NULL),
            "things.csv, row 1, column x: the number does not fit in decimal(38,2). Declare more digits, or "
            "correct the "
            "file.");
}

static void test_floats_to_decimals(void **state)
{
    (void)state;
    ACCEPTED(int64_t, maybe(money(10, 2)),
             PLAIN(double, "g", "x", NULL, 1.005, -1.005, 2.675, 1.0049999, 505.29999999999995, NAN, INFINITY,
                   0.005, 1e7),
             "111110011", 101, -101, 268, 100, 50530, 0, 0, 1, 1000000000);
    ACCEPTED(int64_t, money(10, 2), PLAIN(float, "f", "x", NULL, 1.005f, 0.1f, -2.675f), "111", 101, 10,
             -268);
    ACCEPTED(int64_t, money(10, 2), PLAIN(uint16_t, "e", "x", NULL, 0x3e00, 0xc100), "11", 150, -250);
    ACCEPTED(int64_t, money(18, 0), PLAIN(double, "g", "x", NULL, 9007199254740993.0, -0.5), "11",
             9007199254740992, -1);
    ACCEPTED(st_i128, money(30, 10), PLAIN(double, "g", "x", NULL, 1e18, 123456789.123456789), "11",
             (st_i128)1000000000000000000 * 10000000000, (st_i128)1234567891234567900);
    REFUSED(money(4, 2), PLAIN(double, "g", "x", NULL, 99.99, 99.995),
            "things.csv, row 2, column x: 99.995 does not fit in decimal(4,2). Declare more digits, or "
            "correct the file.");
    REFUSED(money(4, 2), PLAIN(double, "g", "x", NULL, NAN),
            "things.csv, row 1, column x: the value is missing. Fill it in, or declare the column "
            "decimal(4,2)? if it may "
            "be missing.");
}

static void test_decimal_texts(void **state)
{
    (void)state;
    ACCEPTED(int64_t, maybe(money(6, 2)),
             TEXTS("x", "12.5", "-0.005", "0.0049", "1e-2", "1234.567", "nan", " ", "-Infinity", ".5", "7."),
             "1111100011", 1250, -1, 0, 1, 123457, 0, 0, 0, 50, 700);
    REFUSED(money(6, 2), TEXTS("x", "12,50"),
            "things.csv, row 1, column x: \"12,50\" is not a number. Write it like 1234.50, with a point and "
            "without signs "
            "for thousands.");
    REFUSED(money(6, 2), TEXTS("x", "9999.995"),
            "things.csv, row 1, column x: \"9999.995\" does not fit in decimal(6,2). Declare more digits, or "
            "correct the "
            "file.");
    REFUSED(money(6, 2), PLAIN(int32_t, "i", "x", NULL, 12, 10000),
            "things.csv, row 2, column x: 10000 does not fit in decimal(6,2). Declare more digits, or "
            "correct the file.");
    REFUSED(money(6, 2), PLAIN(st_i128, "d:20,4", "x", NULL, 120050, 120001),
            "things.csv, row 1, column x: 12.0050 has more than 2 digits behind the point. Declare it "
            "decimal(38,4).");
    REFUSED(money(6, 2), PLAIN(uint8_t, "b", "x", NULL, 1),
            "things.csv: column x of table things is declared decimal(6,2), but the file has true and false. "
            "Declare it "
            "bool, or convert it in the file.");
}

static void test_floats(void **state)
{
    (void)state;
    ACCEPTED(double, maybe(REAL), PLAIN(double, "g", "x", "1101", 1.5, NAN, 7, -INFINITY), "1000", 1.5, 0, 0,
             0);
    ACCEPTED(double, REAL, PLAIN(float, "f", "x", NULL, 0.5f), "1", 0.5);
    ACCEPTED(double, REAL, PLAIN(int16_t, "s", "x", NULL, -3), "1", -3.0);
    ACCEPTED(double, REAL, PLAIN(st_i128, "d:20,1", "x", NULL, 1), "1", 0.1);
    ACCEPTED(double, maybe(REAL),
             TEXTS("x", "0.1", "1e300", "123456789012345678901234567890", "NaN", "-2.5E-3"), "11101", 0.1,
             1e300, 123456789012345678901234567890.0, 0, -2.5e-3);
    REFUSED(REAL, TEXTS("x", "1e999"),
            "things.csv, row 1, column x: \"1e999\" does not fit in float. Declare more digits, or correct "
            "the file.");
}

static void test_truth(void **state)
{
    (void)state;
    ACCEPTED(uint8_t, TRUTH, PLAIN(uint8_t, "b", "x", NULL, 5), "1", 1);
    fixture *f;
    set_up((void **)&f);
    const st_column *c = one(f, maybe(TRUTH), TEXTS("x", "true", "FALSE", "Yes", "no", "1", "0", " "));
    assert_non_null(c);
    expect_known(c, "1111110");
    assert_int_equal(((const uint8_t *)c->data)[0], 1 | 4 | 16);
    assert_int_equal(c->missing, 1);
    tear_down((void **)&f);
    ACCEPTED(uint8_t, TRUTH, PLAIN(int64_t, "l", "x", NULL, 1), "1", 1);
    REFUSED(TRUTH, INTS("x", 1, 0, 2),
            "things.csv, row 3, column x: 2 is neither 1 (true) nor 0 (false). Declare the column int, or "
            "correct the file.");
    REFUSED(TRUTH, TEXTS("x", "true", "maybe"),
            "things.csv, row 2, column x: \"maybe\" is neither true nor false. Write true or false, yes or "
            "no, 1 or 0.");
}

static void test_times(void **state)
{
    (void)state;
    const int64_t day = 20758, noon = day * ST_DAY_US + 12 * INT64_C(3600000000), hour = INT64_C(3600000000);
    ACCEPTED(int32_t, DATE, PLAIN(int32_t, "tdD", "x", NULL, 20758, -719162), "11", 20758, -719162);
    ACCEPTED(int32_t, DATE, PLAIN(int64_t, "tdm", "x", NULL, day * 86400000, -1), "11", 20758, -1);
    ACCEPTED(int32_t, DATE, PLAIN(int64_t, "tsu:", "x", NULL, noon, -1), "11", 20758, -1);
    /* 23:30 UTC is the next day in Berlin */
    ACCEPTED(int32_t, DATE, PLAIN(int64_t, "tsu:UTC", "x", NULL, day * ST_DAY_US - hour / 2), "1", 20758);
    ACCEPTED(int64_t, STAMP, PLAIN(int64_t, "tsu:Europe/Paris", "x", NULL, noon), "1", noon);
    /* wall clock of Berlin, 1 November 2026: UTC+1 */
    ACCEPTED(int64_t, STAMP, PLAIN(int64_t, "tsu:", "x", NULL, noon), "1", noon - hour);
    ACCEPTED(int64_t, STAMP, PLAIN(int64_t, "tss:", "x", NULL, noon / 1000000), "1", noon - hour);
    ACCEPTED(int64_t, STAMP, PLAIN(int64_t, "tsm:", "x", NULL, noon / 1000), "1", noon - hour);
    ACCEPTED(int64_t, STAMP, PLAIN(int64_t, "tsn:UTC", "x", NULL, noon * 1000 + 999, -1), "11", noon, -1);
    ACCEPTED(int64_t, STAMP, PLAIN(int32_t, "tdD", "x", NULL, 20758), "1", day * ST_DAY_US - hour);
    ACCEPTED(int32_t, maybe(DATE), TEXTS("x", "2026-11-01", " ", "2026-11-01 09:30:00", "2026-10-31T23:30Z"),
             "1011", 20758, 0, 20758, 20758);
    ACCEPTED(int64_t, STAMP, TEXTS("x", "2026-11-01", "2026-11-01T12:00", "2026-11-01 12:00:00Z"), "111",
             day * ST_DAY_US - hour, noon - hour, noon);
    REFUSED(DATE, TEXTS("x", "01.11.2026"),
            "things.csv, row 1, column x: \"01.11.2026\" is not a date. Write it like 2026-11-01.");
    REFUSED(
        STAMP, TEXTS("x", "2026-02-30T09:30"),
        "things.csv, row 1, column x: \"2026-02-30T09:30\" is not a time. Write it like 2026-11-01T09:30.");
    REFUSED(DATE, PLAIN(int32_t, "tdD", "x", NULL, 1, 99999999),
            "things.csv, row 2, column x: a time outside the years 0001 to 9999. Correct the file.");
    REFUSED(STAMP, PLAIN(int64_t, "tss:", "x", NULL, INT64_MAX),
            "things.csv, row 1, column x: a time outside the years 0001 to 9999. Correct the file.");
    REFUSED(STAMP, PLAIN(int64_t, "ttu", "x", NULL, 5),
            "things.csv: column x of table things is declared timestamp, but the file has values of a kind "
            "that Strata "
            "does not read. Convert it in the file.");
}

static void test_texts(void **state)
{
    (void)state;
    static const char *const formats[] = {"u", "z", "U", "Z", "vu", "vz"};
    for (size_t i = 0; i < ST_COUNT(formats); i++) {
        fixture *f;
        set_up((void **)&f);
        const st_column *c =
            one(f, maybe(TEXT),
                TEXTS_AS(formats[i], "x", "b", NULL, "", "a text of more than twelve bytes", "b", " "));
        assert_non_null(c);
        EXPECT_TEXTS(c, "b", NULL, "", "a text of more than twelve bytes", "b", " ");
        assert_int_equal(c->dict->n, 4);
        assert_int_equal(c->missing, 1);
        tear_down((void **)&f);
    }
    REFUSED(TEXT, TEXTS("x", "a", "\xff\xfe"),
            "things.csv, row 2, column x: the text is not UTF-8. Save the file in UTF-8.");
    REFUSED(TEXT, INTS("x", 1),
            "things.csv: column x of table things is declared string, but the file has whole numbers. "
            "Declare it int, or "
            "convert it in the file.");
    REFUSED(TEXT, TEXTS("x", "a", NULL),
            "things.csv, row 2, column x: the value is missing. Fill it in, or declare the column string? if "
            "it may be "
            "missing.");
}

static void test_dictionaries(void **state)
{
    fixture *f = *state;
    st_table *t = table(f, "things");
    st_col *c = column(t, "x", maybe(TEXT));
    struct ArrowArrayStream s = stream_of();
    ADD_BATCH(&s, with_dictionary(PLAIN(int8_t, "c", "x", "1101", 1, 0, 0, 2), TEXTS("", "a", "b", NULL)));
    ADD_BATCH(&s, with_dictionary(PLAIN(int8_t, "c", "x", NULL, 0, 1, 2), TEXTS("", "b", "unused", "b")));
    bind_ok(f, t, &s);
    finish_ok(f);
    EXPECT_TEXTS(got(f, c), "b", "a", NULL, NULL, "b", "unused", "b");
    assert_int_equal(got(f, c)->dict->n, 3);
    REFUSED(TEXT, with_dictionary(PLAIN(int8_t, "c", "x", NULL, 3), TEXTS("", "a")),
            "things.csv: column x is damaged. Write the file anew.");
    REFUSED(INT, with_dictionary(PLAIN(int8_t, "c", "x", NULL, 0), INTS("", 5)),
            "things.csv: column x of table things is declared int, but the file has values of a kind that "
            "Strata does not "
            "read. Convert it in the file.");
}

static void test_lists(void **state)
{
    fixture *f = *state;
    st_table *t = table(f, "things");
    st_col *tags = column(t, "tags", maybe(list(TEXT))), *marks = column(t, "marks", list(INT)),
           *pairs = column(t, "pairs", list(INT)), *flags = column(t, "flags", list(TRUTH));
    struct ArrowArrayStream s = stream_of();
    const int32_t o4[] = {0, 2, 3, 3, 4};
    const int64_t o8[] = {1, 1, 2, 4, 4};
    for (int k = 0; k < 2; k++)
        ADD_BATCH(
            &s, list_of("+l", "tags", "1011", 4, o4, sizeof o4, TEXTS("", "a", NULL, "dropped", "b")),
            list_of("+L", "marks", NULL, 4, o8, sizeof o8, PLAIN(int32_t, "i", "", "1101", 9, 1, 2, 3)),
            list_of("+w:2", "pairs", NULL, 4, NULL, 0, PLAIN(int8_t, "c", "", NULL, 1, 2, 3, 4, 5, 6, 7, 8)),
            list_of("+l", "flags", NULL, 4, o4, sizeof o4, PLAIN(uint8_t, "b", "", "1111", 10)));
    ((batches *)s.private_data)->arrays[0].children[3]->children[0]->length = 4;
    ((batches *)s.private_data)->arrays[1].children[3]->children[0]->length = 4;
    bind_ok(f, t, &s);
    finish_ok(f);
    const st_column *c = got(f, tags);
    EXPECT_TEXTS(c, "a", "b", "a", "b");
    assert_memory_equal(c->list, ((int64_t[]){0, 1, 1, 1, 2, 3, 3, 3, 4}), 9 * 8);
    expect_known(c, "10111011");
    c = got(f, marks);
    EXPECT_VALUES(int64_t, c, 1, 3, 1, 3);
    assert_memory_equal(c->list, ((int64_t[]){0, 0, 1, 2, 2, 2, 3, 4, 4}), 9 * 8);
    c = got(f, pairs);
    EXPECT_VALUES(int64_t, c, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8);
    c = got(f, flags);
    assert_int_equal(c->n, 8);
    assert_int_equal(((const uint8_t *)c->data)[0], 0xaa);
}

static void test_text_lists(void **state)
{
    (void)state;
    fixture *f;
    set_up((void **)&f);
    const st_column *c = one(f, maybe(list(TEXT)), TEXTS("x", "a; b ;;c", NULL, "", "d"));
    assert_non_null(c);
    EXPECT_TEXTS(c, "a", "b", "c", "d");
    assert_memory_equal(c->list, ((int64_t[]){0, 3, 3, 3, 4}), 5 * 8);
    expect_known(c, "1011");
    tear_down((void **)&f);
    REFUSED(list(INT), TEXTS("x", "1;2", "3;;x"),
            "things.csv, row 2, column x: \"x\" is not a whole number. Correct the file, or declare another "
            "type.");
    REFUSED(TEXT, list_of("+l", "x", NULL, 1, (int32_t[]){0, 1}, 8, TEXTS("", "a")),
            "things.csv: column x of table things is declared string, but the file has lists of text. "
            "Declare it list of "
            "string, or convert it in the file.");
    REFUSED(list(TEXT), list_of("+l", "x", NULL, 1, (int32_t[]){0, 7}, 8, TEXTS("", "a")),
            "things.csv: column x is damaged. Write the file anew.");
}

static void test_null_type(void **state)
{
    (void)state;
    ACCEPTED(int64_t, maybe(INT), bare("n", "x", 2, 0), "00", 0, 0);
    REFUSED(INT, bare("n", "x", 2, 0),
            "things.csv, row 1, column x: the value is missing. Fill it in, or declare the column int? if it "
            "may be "
            "missing.");
}

/* ---- declarations ---- */

static void refuse_declared(void (*declare)(st_col *), st_type type, piece p, const char *message)
{
    fixture *f;
    set_up((void **)&f);
    st_table *t = table(f, "things");
    declare(column(t, "x", type));
    struct ArrowArrayStream s = stream_of();
    ADD_BATCH(&s, p);
    bool ok = bind(f, t, &s, NULL);
    if (message) {
        assert_false(ok);
        expect_error(f, STRATA_BAD_DATA, message);
    } else if (!ok) {
        fail_msg("%s", f->error.message);
    }
    st_binder_free(f->binder);
    tear_down((void **)&f);
}

static st_value allowed[3];
static void allow_countries(st_col *c)
{
    allowed[0] = (st_value){.type = TEXT, .as.s = ST_STR("DE")};
    allowed[1] = (st_value){.type = TEXT, .as.s = ST_STR("AT")};
    c->one_of = allowed;
    c->none_of_these = 2;
}
static void allow_numbers(st_col *c)
{
    allowed[0] = (st_value){.type = INT, .as.i = 1};
    allowed[1] = (st_value){.type = money(3, 1), .as.d = 25};
    c->one_of = allowed;
    c->none_of_these = 2;
}
static void bound_by_one(st_col *c)
{
    allowed[0] = (st_value){.type = INT, .as.i = 0};
    allowed[1] = (st_value){.type = money(3, 1), .as.d = 10};
    c->low = &allowed[0];
    c->high = &allowed[1];
}
static void bound_by_day(st_col *c)
{
    allowed[1] = (st_value){.type = DATE, .as.i = 20758};
    c->high = &allowed[1];
}

static void test_declarations(void **state)
{
    (void)state;
    refuse_declared(allow_countries, maybe(TEXT), TEXTS("x", "DE", "AT", NULL, "DE"), NULL);
    refuse_declared(
        allow_countries, TEXT, TEXTS("x", "DE", "XX"),
        "things, row 2, column x: \"XX\" is not one of the values declared for it (\"DE\", \"AT\"). Correct "
        "the file, or declare it too.");
    refuse_declared(
        allow_countries, list(TEXT), TEXTS("x", "DE", "AT;XX"),
        "things, row 2, column x: \"XX\" is not one of the values declared for it (\"DE\", \"AT\"). Correct "
        "the file, or declare it too.");
    refuse_declared(allow_numbers, money(6, 2), TEXTS("x", "1.00", "2.5"), NULL);
    refuse_declared(allow_numbers, money(6, 2), TEXTS("x", "1.00", "2.51"),
                    "things, row 2, column x: 2.51 is not one of the values declared for it (1, 2.5). "
                    "Correct the file, or "
                    "declare it too.");
    refuse_declared(bound_by_one, maybe(REAL), PLAIN(double, "g", "x", NULL, 0, 1, 0.5, NAN), NULL);
    refuse_declared(
        bound_by_one, REAL, PLAIN(double, "g", "x", NULL, 0, 1.25),
        "things, row 2, column x: 1.25 is above 1.0, the largest value declared for it. Correct the file, or "
        "declare other bounds.");
    refuse_declared(
        bound_by_one, INT, INTS("x", 0, 1, -1),
        "things, row 3, column x: -1 is below 0, the smallest value declared for it. Correct the file, or "
        "declare other bounds.");
    refuse_declared(bound_by_day, STAMP, TEXTS("x", "2026-11-01T23:59"), NULL);
    refuse_declared(
        bound_by_day, STAMP, TEXTS("x", "2026-11-02"),
        "things, row 1, column x: 2026-11-02T00:00:00+01:00 is above 2026-11-01, the largest value declared "
        "for it. Correct the file, or declare other bounds.");
    refuse_declared(
        bound_by_day, DATE, TEXTS("x", "2026-11-02"),
        "things, row 1, column x: 2026-11-02 is above 2026-11-01, the largest value declared for it. Correct "
        "the file, or declare other bounds.");
}

/* ---- tables, keys and links ---- */

static void test_text_links(void **state)
{
    fixture *f = *state;
    st_table *people = table(f, "people"), *orders = table(f, "orders"), *notes = table(f, "notes");
    st_col *id = key(people, "id", TEXT), *boss = column(people, "boss", maybe(TEXT));
    st_col *buyer = column(orders, "buyer", maybe(TEXT)), *amount = column(orders, "amount", INT);
    st_col *note = key(notes, "id", TEXT);
    boss->links_to = buyer->links_to = note->links_to = people;
    orders->segmented = false;

    struct ArrowArrayStream s = stream_of();
    ADD_BATCH(&s, TEXTS("buyer", "b", "nobody", NULL, "a"), INTS("amount", 1, 2, 3, 4));
    ADD_BATCH(&s, TEXTS("buyer", "c"), INTS("amount", 5));
    bind_ok(f, orders, &s);
    s = stream_of();
    ADD_BATCH(&s, TEXTS("boss", NULL, "c"), TEXTS("ignored", "x", "y"), TEXTS("id", "a", "b"));
    bind_ok(f, people, &s);
    s = stream_of();
    ADD_BATCH(&s, TEXTS("id", "c"), TEXTS("boss", "c"));
    bind_ok(f, people, &s);
    s = stream_of();
    ADD_BATCH(&s, TEXTS("id", "c", "z"));
    bind_ok(f, notes, &s);
    finish_ok(f);

    const st_data_table *o = &f->data->tables[orders->index], *p = &f->data->tables[people->index],
                        *n = &f->data->tables[notes->index];
    assert_memory_equal(o->links[buyer->index], ((int32_t[]){1, -1, -1, 0, 2}), 20);
    assert_int_equal(o->orphans[buyer->index], 1);
    assert_memory_equal(p->links[boss->index], ((int32_t[]){-1, 2, 2}), 12);
    assert_int_equal(p->orphans[boss->index], 0);
    assert_memory_equal(n->links[note->index], ((int32_t[]){2, -1}), 8);
    assert_int_equal(n->orphans[note->index], 1);
    EXPECT_TEXTS(got(f, id), "a", "b", "c");
    EXPECT_TEXTS(got(f, buyer), "b", "nobody", NULL, "a", "c");
    EXPECT_VALUES(int64_t, got(f, amount), 1, 2, 3, 4, 5);
    assert_int_equal(p->rows, 3);
    char buf[24];
    st_str k = st_row_key(p, 2, buf);
    assert_true(st_str_eq(k, ST_STR("c")));
}

static void int_links(fixture *f, int64_t far)
{
    st_table *people = table(f, "people"), *orders = table(f, "orders");
    st_col *id = key(people, "id", INT), *buyer = column(orders, "buyer", INT);
    buyer->links_to = people;
    struct ArrowArrayStream s = stream_of();
    ADD_BATCH(&s, INTS("buyer", 7, -5, far, 8, INT64_MIN, INT64_MAX));
    bind_ok(f, orders, &s);
    s = stream_of();
    ADD_BATCH(&s, INTS("id", far, 7));
    ADD_BATCH(&s, INTS("id", -5));
    bind_ok(f, people, &s);
    finish_ok(f);
    const st_data_table *o = &f->data->tables[orders->index];
    assert_memory_equal(o->links[buyer->index], ((int32_t[]){1, 2, 0, -1, -1, -1}), 24);
    assert_int_equal(o->orphans[buyer->index], 3);
    EXPECT_VALUES(int64_t, got(f, id), far, 7, -5);
    char buf[24];
    st_str k = st_row_key(&f->data->tables[people->index], 2, buf);
    assert_true(st_str_eq(k, ST_STR("-5")));
}
static void test_int_links_close(void **state)
{
    int_links(*state, 100);
}
static void test_int_links_far(void **state)
{
    int_links(*state, INT64_MAX - 1);
}

static void test_duplicate_keys(void **state)
{
    fixture *f = *state;
    st_table *people = table(f, "people");
    key(people, "id", TEXT);
    struct ArrowArrayStream s = stream_of();
    ADD_BATCH(&s, TEXTS("id", "a", "b"));
    assert_true(bind(f, people, &s, "one.csv"));
    s = stream_of();
    ADD_BATCH(&s, TEXTS("id", "c", "b"));
    assert_false(bind(f, people, &s, "two.csv"));
    expect_error(f, STRATA_BAD_DATA,
                 "two.csv, row 2, column id: \"b\" stands here a second time, after row 2 of one.csv. A key "
                 "names one row: "
                 "remove the others.");
    s = stream_of();
    ADD_BATCH(&s, TEXTS("id", "d"));
    assert_false(bind(f, people, &s, "three.csv"));
    expect_error(f, STRATA_BAD_INPUT, "This data set takes no more: it is incomplete after an error.");
    assert_false(finish(f));
}

static void test_duplicate_int_keys(void **state)
{
    fixture *f = *state;
    st_table *people = table(f, "people");
    key(people, "id", INT);
    struct ArrowArrayStream s = stream_of();
    ADD_BATCH(&s, INTS("id", 4, 5));
    assert_true(bind(f, people, &s, "one.csv"));
    s = stream_of();
    ADD_BATCH(&s, INTS("id", 6, 4));
    assert_true(bind(f, people, &s, "two.csv"));
    assert_false(finish(f));
    expect_error(f, STRATA_BAD_DATA,
                 "two.csv, row 2, column id: 4 stands here a second time, after row 1 of one.csv. A key "
                 "names one row: "
                 "remove the others.");
}

static void test_missing_key(void **state)
{
    fixture *f = *state;
    st_table *people = table(f, "people");
    key(people, "id", INT);
    struct ArrowArrayStream s = stream_of();
    ADD_BATCH(&s, PLAIN(int64_t, "l", "id", "10", 4, 5));
    assert_false(bind(f, people, &s, "one.csv"));
    expect_error(f, STRATA_BAD_DATA,
                 "one.csv, row 2, column id: the key is missing. Every row needs its own.");
}

static void test_absent_column(void **state)
{
    fixture *f = *state;
    st_table *t = table(f, "orders");
    column(t, "ordered_at", DATE);
    struct ArrowArrayStream s = stream_of();
    ADD_BATCH(&s, INTS("order_at", 1), INTS("amount", 1));
    assert_false(bind(f, t, &s, "orders.csv"));
    expect_error(
        f, STRATA_BAD_DATA,
        "orders.csv: there is no column ordered_at, which table orders declares. The columns are: order_at, "
        "amount. Did you mean order_at?");
    st_binder_free(f->binder);
    f->binder = NULL;
    s = stream_of();
    ADD_BATCH(&s, INTS("amount", 1));
    add_metadata(&s, ST_BIND_COLUMNS, "orderedat\namount");
    assert_false(bind(f, t, &s, "orders.csv"));
    expect_error(
        f, STRATA_BAD_DATA,
        "orders.csv: there is no column ordered_at, which table orders declares. The columns are: orderedat, "
        "amount. Did you mean orderedat?");
    st_binder_free(f->binder);
    f->binder = NULL;
    s = stream_of();
    ADD_BATCH(&s, INTS("ordered_at", 1), INTS("ordered_at", 1));
    assert_false(bind(f, t, &s, "orders.csv"));
    expect_error(f, STRATA_BAD_DATA, "orders.csv: two columns are called ordered_at. Rename one of them.");
}

static void test_only_what_is_needed(void **state)
{
    fixture *f = *state;
    st_table *people = table(f, "people"), *orders = table(f, "orders"), *items = table(f, "items");
    st_col *id = key(people, "id", INT), *name = column(people, "name", TEXT),
           *buyer = column(orders, "buyer", INT);
    st_col *item = column(items, "item", INT);
    id->used = name->used = item->used = false;
    people->segmented = orders->segmented = items->segmented = false;
    buyer->links_to = people;
    assert_true(st_table_needed(&f->program, people));
    assert_true(st_table_needed(&f->program, orders));
    assert_false(st_table_needed(&f->program, items));
    assert_true(st_col_needed(&f->program, id));
    assert_false(st_col_needed(&f->program, name));
    struct ArrowArrayStream s = stream_of();
    ADD_BATCH(&s, INTS("id", 1));
    bind_ok(f, people, &s);
    s = stream_of();
    ADD_BATCH(&s, INTS("anything", 1));
    bind_ok(f, items, &s);
    assert_false(finish(f));
    expect_error(f, STRATA_BAD_INPUT, "There is no data for table orders, which the rules read.");
}

static void test_slices(void **state)
{
    fixture *f = *state;
    st_table *t = table(f, "things");
    st_col *x = column(t, "x", maybe(INT)), *y = column(t, "y", TEXT), *z = column(t, "z", TRUTH);
    struct ArrowArrayStream s = stream_of();
    piece bits = PLAIN(uint8_t, "b", "z", NULL, 0xb4, 0);
    bits.array.length = 9;
    ADD_BATCH(&s, PLAIN(int64_t, "l", "x", "110101101", 1, 2, 3, 4, 5, 6, 7, 8, 9),
              TEXTS("y", "a", "b", "c", "d", "e", "f", "g", "h", "i"), bits);
    struct ArrowArray *root = &((batches *)s.private_data)->arrays[0];
    root->offset = 1;
    root->length = 3;
    for (int i = 0; i < 3; i++) {
        root->children[i]->offset = 2;
        root->children[i]->length = 7;
    }
    bind_ok(f, t, &s);
    finish_ok(f);
    EXPECT_VALUES(int64_t, got(f, x), 4, 0, 6);
    expect_known(got(f, x), "101");
    EXPECT_TEXTS(got(f, y), "d", "e", "f");
    assert_int_equal(((const uint8_t *)got(f, z)->data)[0], (0xb4 >> 3) & 7);
}

static void test_many_batches(void **state)
{
    fixture *f = *state;
    st_table *t = table(f, "things");
    st_col *x = column(t, "x", maybe(INT)), *b = column(t, "b", TRUTH);
    enum { ROWS = 5000 };
    int64_t *values = calloc(ROWS, 8);
    char *valid = calloc(1, ROWS + 1);
    for (int i = 0; i < ROWS; i++) {
        values[i] = i * 3;
        valid[i] = i % 7 ? '1' : '0';
    }
    uint8_t *bits = calloc(1, ROWS / 8 + 1);
    for (int i = 0; i < ROWS; i += 3) st_bit_set(bits, (uint64_t)i);
    struct ArrowArrayStream s;
    for (int k = 0; k < 3; k++) {
        s = stream_of();
        for (int64_t n = 0; n < 3; n++) {
            int64_t rows = n == 1 ? 13 : ROWS;
            piece p = plain("b", "b", rows, bits, ROWS / 8 + 1, NULL);
            ADD_BATCH(&s, plain("l", "x", rows, values, ROWS * 8, n == 2 ? NULL : valid), p);
        }
        bind_ok(f, t, &s);
    }
    finish_ok(f);
    const st_column *c = got(f, x), *d = got(f, b);
    assert_int_equal(c->n, 3 * (2 * ROWS + 13));
    uint64_t missing = 0;
    for (uint64_t i = 0; i < c->n; i++) {
        uint64_t in = i % (2 * ROWS + 13), at = in < ROWS ? in : in < ROWS + 13 ? in - ROWS : in - ROWS - 13;
        bool known = in >= ROWS + 13 || at % 7;
        assert_int_equal(st_bit(c->known, i), known);
        if (known) assert_int_equal(st_column_i64(c, i), at * 3);
        assert_int_equal(st_bit(d->data, i), at % 3 == 0);
        missing += !known;
    }
    assert_int_equal(c->missing, missing);
    assert_int_equal(st_bitmap_count(c->known, c->n), c->n - missing);
    free(values);
    free(valid);
    free(bits);
}

static void test_broken_streams(void **state)
{
    fixture *f = *state;
    st_table *t = table(f, "things");
    column(t, "x", INT);
    struct ArrowArrayStream s = stream_of();
    ADD_BATCH(&s, INTS("x", 1));
    ((batches *)s.private_data)->fail_at = 2;
    assert_false(bind(f, t, &s, "things.parquet"));
    expect_error(f, STRATA_IO, "things.parquet: the disk went away.");
}

static void test_other_types_of_links(void **state)
{
    fixture *f = *state;
    st_table *people = table(f, "people"), *orders = table(f, "orders");
    key(people, "id", INT);
    column(orders, "buyer", TEXT)->links_to = people;
    struct ArrowArrayStream s = stream_of();
    ADD_BATCH(&s, INTS("id", 1));
    bool ok;
    ST_GUARD(&f->env, ok, st_binder_new(f->arena, &f->program, 1));
    s.release(&s);
    assert_false(ok);
    assert_string_equal(
        f->env.error.message,
        "orders.buyer links to people.id, but is of another type. Declare both int, or both string.");
}

/* ---- memory that runs out: every allocation fails once ---- */

static bool bind_within(meter *m)
{
    fixture f = {0};
    strata_allocator alloc = metered_allocator(m);
    st_env_init(&f.env, &alloc);
    struct ArrowArrayStream s = stream_of();
    ADD_BATCH(&s, TEXTS("id", "a", "b"), with_dictionary(PLAIN(int8_t, "c", "x", NULL, 0, 0), TEXTS("", "y")),
              list_of("+l", "tags", NULL, 2, (int32_t[]){0, 1, 2}, 12, TEXTS("", "p", "q")));
    bool ok;
    ST_GUARD(&f.env, ok, {
        f.arena = st_arena_new(&f.env);
        f.program.zone = st_zone_load(f.arena, "UTC");
        f.program.tables = st_new_n(f.arena, st_table *, 2);
        st_table *t = table(&f, "things");
        key(t, "id", TEXT);
        column(t, "x", TEXT)->links_to = t;
        column(t, "tags", list(TEXT));
        f.binder = st_binder_new(f.arena, &f.program, 1);
        st_bind_stream(f.binder, t, &s, NULL);
        st_bind_finish(f.binder);
    });
    if (s.release) s.release(&s);
    assert_true(ok || f.env.error.status == STRATA_NO_MEMORY);
    st_env_close(&f.env);
    return ok;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    bool through = false;
    long failures = 0;
    for (long n = 0; !through && n < 10000; n++) {
        meter m = {n, 0};
        through = bind_within(&m);
        failures += !through;
        assert_int_equal(m.live, 0);
    }
    assert_true(through);
    assert_true(failures > 10);
}

static void test_numbers(void **state)
{
    (void)state;
    st_i128 v;
    assert_int_equal(st_number_exact(ST_STR("99999999999999999999999999999999999999"), 38, 0, true, &v),
                     ST_NUMBER_OK);
    assert_true(v == st_pow10(38) - 1);
    assert_int_equal(st_number_exact(ST_STR("100000000000000000000000000000000000000"), 38, 0, true, &v),
                     ST_NUMBER_RANGE);
    assert_int_equal(st_number_exact(ST_STR("0.5e-99999999999999999999"), 5, 2, false, &v), ST_NUMBER_OK);
    assert_true(v == 0);
    assert_int_equal(st_number_exact(ST_STR("1e99999999999999999999"), 38, 2, false, &v), ST_NUMBER_RANGE);
    assert_int_equal(
        st_number_exact(ST_STR("000000000000000000000000000000000000000000000.10"), 3, 1, true, &v),
        ST_NUMBER_OK);
    assert_true(v == 1);
    static const char *const bad[] = {"",      "+",    ".",   "e5",  "1e", "1e+", "1..2",
                                      "1.2.3", "0x10", "1 2", "--1", "1f", "nanx"};
    double d;
    for (size_t i = 0; i < ST_COUNT(bad); i++) {
        assert_int_equal(st_number_exact(st_str_of(bad[i]), 38, 2, false, &v), ST_NUMBER_BAD);
        assert_int_equal(st_number_double(st_str_of(bad[i]), &d), ST_NUMBER_BAD);
    }
    static const char *const doubles[] = {"0.1",
                                          "5e-324",
                                          "2.2250738585072011e-308",
                                          "1.7976931348623157e308",
                                          "0.3",
                                          "123456789.987654321",
                                          "9007199254740993",
                                          "8.5e-7",
                                          "1e23",
                                          "00012.500"};
    for (size_t i = 0; i < ST_COUNT(doubles); i++) {
        assert_int_equal(st_number_double(st_str_of(doubles[i]), &d), ST_NUMBER_OK);
        assert_true(d == strtod(doubles[i], NULL));
    }
    /* many digits, among them the middles between two doubles and what lies beside them */
    uint64_t random = 1;
    for (int i = 0; i < 200000; i++) {
        random = st_hash_mix(random, (uint64_t)i);
        char text[48];
        uint64_t digits = i % 2 ? random : ((random >> 9 | 1) << (i / 2 % 10)) + (uint64_t)(i / 20 % 3) - 1;
        snprintf(text, sizeof text, "%llue%d", (unsigned long long)digits, (int)(random % 60) - 30);
        if (i % 4 == 0) *strchr(text, 'e') = 0;
        assert_int_equal(st_number_double(st_str_of(text), &d), ST_NUMBER_OK);
        assert_true(d == strtod(text, NULL));
    }
    /* cents written as doubles come back as they were */
    for (int64_t cents = -200000; cents < 200000; cents += 7) {
        assert_int_equal(st_number_of_double((double)cents / 1000, false, 18, 3, &v), ST_NUMBER_OK);
        assert_true(v == cents);
        st_i128 half = (cents >= 0 ? cents + 5 : cents - 5) / 10; /* away from zero */
        assert_int_equal(st_number_of_double((double)cents / 1000, false, 18, 2, &v), ST_NUMBER_OK);
        assert_true(v == half);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_ints),
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_floats_to_decimals),
        cmocka_unit_test(test_decimal_texts),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_truth),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_texts),
        cmocka_unit_test_setup_teardown(test_dictionaries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lists, set_up, tear_down),
        cmocka_unit_test(test_text_lists),
        cmocka_unit_test(test_null_type),
        cmocka_unit_test(test_declarations),
        cmocka_unit_test_setup_teardown(test_text_links, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_int_links_close, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_int_links_far, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_duplicate_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_duplicate_int_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_missing_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_absent_column, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_what_is_needed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slices, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_batches, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_broken_streams, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_types_of_links, set_up, tear_down),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
