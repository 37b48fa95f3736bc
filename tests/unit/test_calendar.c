#include "base/calendar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "calendar_cases.h"

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

static const st_zone *zone(const char *name)
{
    const st_zone *z = st_zone_load(arena, name);
    assert_non_null(z);
    assert_string_equal(st_zone_name(z), name);
    return z;
}

static void wall_clocks_agree_with_zoneinfo(void **state)
{
    (void)state;
    for (size_t i = 0; i < ST_COUNT(local_cases); i++) {
        const struct local_case *c = &local_cases[i];
        const st_zone *z = zone(c->zone);
        if (st_instant_of_local(z, c->local) != c->instant || st_local_of_instant(z, c->instant) != c->back)
            fail_msg("%s local %lld: instant %lld, back %lld", c->zone, (long long)c->local,
                     (long long)st_instant_of_local(z, c->local),
                     (long long)st_local_of_instant(z, c->instant));
    }
}

static void adding_is_calendar_arithmetic(void **state)
{
    (void)state;
    for (size_t i = 0; i < ST_COUNT(add_cases); i++) {
        const struct add_case *c = &add_cases[i];
        int64_t sum = st_instant_add(zone(c->zone), c->instant, c->n, c->unit);
        if (sum != c->sum)
            fail_msg("case %zu: %s %lld + %lld %s = %lld, not %lld", i, c->zone, (long long)c->instant,
                     (long long)c->n, st_unit_names[c->unit], (long long)sum, (long long)c->sum);
    }
}

static void complete_units_between(void **state)
{
    (void)state;
    for (size_t i = 0; i < ST_COUNT(between_cases); i++) {
        const struct between_case *c = &between_cases[i];
        const st_zone *z = zone(c->zone);
        int64_t n = st_instants_between(z, c->a, c->b, c->unit);
        if (n != c->n)
            fail_msg("case %zu: %s %lld to %lld is %lld %ss, not %lld", i, c->zone, (long long)c->a,
                     (long long)c->b, (long long)n, st_unit_names[c->unit], (long long)c->n);
        assert_int_equal(st_instants_between(z, c->b, c->a, c->unit), -c->n);
    }
    const st_zone *berlin = zone("Europe/Berlin");
    int64_t a = 0, b = INT64_C(3600000000) * 25 - 1;
    assert_int_equal(st_instants_between(berlin, a, b, ST_HOUR), 24);
    assert_int_equal(st_instants_between(berlin, b, a, ST_MINUTE), -1499);
    assert_int_equal(st_dates_between(0, -31, ST_MONTH), -1);
    assert_int_equal(st_dates_between(0, -30, ST_MONTH), 0);
    assert_int_equal(st_dates_between(0, 366 + 365 * 3, ST_YEAR), 4);
}

static void days_and_their_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ST_COUNT(day_cases); i++) {
        const struct day_case *c = &day_cases[i];
        st_civil civil = st_civil_from_days(c->day);
        assert_int_equal(civil.year, c->year);
        assert_int_equal(civil.month, c->month);
        assert_int_equal(civil.day, c->mday);
        assert_int_equal(st_days_from_civil(c->year, c->month, c->mday), c->day);
        assert_int_equal(st_date_part(c->day, ST_PART_YEAR), c->year);
        assert_int_equal(st_date_part(c->day, ST_PART_QUARTER), (c->month + 2) / 3);
        assert_int_equal(st_date_part(c->day, ST_PART_MONTH), c->month);
        assert_int_equal(st_date_part(c->day, ST_PART_DAY), c->mday);
        assert_int_equal(st_date_part(c->day, ST_PART_WEEK), c->week);
        assert_int_equal(st_date_part(c->day, ST_PART_WEEKDAY), c->weekday);
        assert_int_equal(st_date_trunc(c->day, ST_WEEK), c->day - c->weekday);
        assert_int_equal(st_date_trunc(c->day, ST_MONTH), c->day - c->mday + 1);
        assert_int_equal(st_date_trunc(c->day, ST_YEAR), st_days_from_civil(c->year, 1, 1));
        assert_int_equal(st_date_trunc(c->day, ST_QUARTER),
                         st_days_from_civil(c->year, (c->month - 1) / 3 * 3 + 1, 1));
    }
    assert_int_equal(st_days_from_civil(1, 1, 1), ST_DATE_MIN);
    assert_int_equal(st_days_from_civil(9999, 12, 31), ST_DATE_MAX);
    for (int64_t day = ST_DATE_MIN; day < ST_DATE_MAX; day += 97) {
        st_civil c = st_civil_from_days(day);
        assert_int_equal(st_days_from_civil(c.year, c.month, c.day), day);
    }
}

static void months_are_clamped(void **state)
{
    (void)state;
    int64_t jan31 = st_days_from_civil(2026, 1, 31), leap = st_days_from_civil(2024, 2, 29);
    assert_int_equal(st_date_add(jan31, 1, ST_MONTH), st_days_from_civil(2026, 2, 28));
    assert_int_equal(st_date_add(jan31, -2, ST_MONTH), st_days_from_civil(2025, 11, 30));
    assert_int_equal(st_date_add(jan31, 1, ST_QUARTER), st_days_from_civil(2026, 4, 30));
    assert_int_equal(st_date_add(leap, 1, ST_YEAR), st_days_from_civil(2025, 2, 28));
    assert_int_equal(st_anniversary(leap, 4), st_days_from_civil(2028, 2, 29));
    assert_int_equal(st_anniversary(leap, 3), st_days_from_civil(2027, 2, 28));
    assert_int_equal(st_anniversary(leap, 9000), ST_NO_TIME);
}

static void outside_the_calendar_is_no_time(void **state)
{
    (void)state;
    const st_zone *z = zone("America/New_York");
    static const int64_t far[] = {INT64_MIN, INT64_MAX, INT64_C(260000000000000000),
                                  -INT64_C(70000000000000000)};
    for (size_t i = 0; i < ST_COUNT(far); i++) {
        assert_int_equal(st_local_of_instant(z, far[i]), ST_NO_TIME);
        assert_int_equal(st_instant_of_local(z, far[i]), ST_NO_TIME);
        assert_int_equal(st_day_of_instant(z, far[i]), ST_NO_TIME);
        assert_int_equal(st_start_of_day(z, far[i]), ST_NO_TIME);
        assert_int_equal(st_instant_add(z, far[i], 1, ST_DAY), ST_NO_TIME);
        assert_int_equal(st_instants_between(z, 0, far[i], ST_MONTH), ST_NO_TIME);
        assert_int_equal(st_date_add(far[i], 1, ST_DAY), ST_NO_TIME);
        assert_int_equal(st_date_trunc(far[i], ST_MONTH), ST_NO_TIME);
        for (st_unit u = ST_MINUTE; u <= ST_YEAR; u++) {
            if (far[i] > 0) assert_int_equal(st_instant_add(z, 0, far[i], u), ST_NO_TIME);
            if (far[i] > 0 && u >= ST_DAY) assert_int_equal(st_date_add(0, far[i], u), ST_NO_TIME);
        }
    }
    assert_int_equal(st_date_add(ST_DATE_MAX, 1, ST_DAY), ST_NO_TIME);
    assert_int_equal(st_date_add(ST_DATE_MIN, -1, ST_MONTH), ST_NO_TIME);
    assert_int_equal(st_date_add(ST_DATE_MAX, -1, ST_DAY), ST_DATE_MAX - 1);
    assert_int_equal(st_date_add(0, 1, ST_HOUR), ST_NO_TIME);
    char text[ST_TIME_TEXT];
    st_format_instant(z, INT64_MAX, text);
    assert_string_equal(text, "outside 0001 to 9999");
}

static void days_begin_at_their_first_instant(void **state)
{
    (void)state;
    /* Sao Paulo skipped midnight of 4 November 2018; Toronto went from 23:30 to 00:30 in 1919; Apia skipped a day. */
    const st_zone *z = zone("America/Sao_Paulo");
    char text[ST_TIME_TEXT];
    st_format_instant(z, st_start_of_day(z, st_days_from_civil(2018, 11, 4)), text);
    assert_string_equal(text, "2018-11-04T01:00:00-02:00");
    z = zone("America/Toronto");
    st_format_instant(z, st_start_of_day(z, st_days_from_civil(1919, 3, 31)), text);
    assert_string_equal(text, "1919-03-31T00:30:00-04:00");
    z = zone("Pacific/Apia");
    st_format_instant(z, st_start_of_day(z, st_days_from_civil(2011, 12, 30)), text);
    assert_string_equal(text, "2011-12-31T00:00:00+14:00");
    z = zone("Europe/Berlin");
    for (int64_t day = st_days_from_civil(2026, 1, 1); day < st_days_from_civil(2027, 1, 1); day++) {
        int64_t start = st_start_of_day(z, day);
        assert_int_equal(st_day_of_instant(z, start), day);
        assert_int_equal(st_day_of_instant(z, start - 1), day - 1);
    }
}

static void texts_of_times(void **state)
{
    (void)state;
    const st_zone *z = zone("Europe/Berlin");
    char text[ST_TIME_TEXT];
    int64_t t, day;
    static const struct {
        const char *in, *out;
    } good[] = {
        {"2026-11-01T09:30", "2026-11-01T09:30:00+01:00"},
        {"2026-07-01 09:30:15", "2026-07-01T09:30:15+02:00"},
        {"2026-07-01T09:30:15.5", "2026-07-01T09:30:15.5+02:00"},
        {"2026-07-01T09:30:15.000001999", "2026-07-01T09:30:15.000001+02:00"},
        {"2026-07-01T09:30:15Z", "2026-07-01T11:30:15+02:00"},
        {"2026-07-01T09:30:15-05:30", "2026-07-01T17:00:15+02:00"},
        {"2026-07-01 09:30:15+02", "2026-07-01T09:30:15+02:00"},
        {"2026-07-01 09:30:15+0200", "2026-07-01T09:30:15+02:00"},
        {"1880-01-01T00:00", "1880-01-01T00:00:00+00:53:28"},
        {"2026-03-29T02:30", "2026-03-29T03:30:00+02:00"},
        {"2026-10-25T02:30", "2026-10-25T02:30:00+02:00"},
    };
    for (size_t i = 0; i < ST_COUNT(good); i++) {
        assert_true(st_parse_timestamp(st_str_of(good[i].in), z, &t));
        st_format_instant(z, t, text);
        assert_string_equal(text, good[i].out);
    }
    static const char *const bad[] = {"",
                                      "2026-11-01",
                                      "2026-11-01T",
                                      "2026-11-01T9:30",
                                      "2026-11-01T24:00",
                                      "2026-11-01T09:60",
                                      "2026-11-01T09:30:60",
                                      "2026-11-01T09:30:00.",
                                      "2026-11-01T09:30:00.1234567890",
                                      "2026-11-01T09:30z",
                                      "2026-11-01T09:30+2",
                                      "2026-11-01T09:30+02:0",
                                      "2026-11-01T09:30+02:000",
                                      "2026-02-29T00:00",
                                      "2026-11-01X09:30",
                                      " 2026-11-01T09:30",
                                      "2026-11-01T09:30 ",
                                      "2026-11-01T-9:30"};
    for (size_t i = 0; i < ST_COUNT(bad); i++)
        if (st_parse_timestamp(st_str_of(bad[i]), z, &t)) fail_msg("'%s' was read as a time", bad[i]);
    static const char *const bad_dates[] = {"2026-13-01",  "2026-00-10", "2026-1-01",  "0000-01-01",
                                            "2026-01-32",  "2026-04-31", "2100-02-29", "20260101",
                                            "2026-01-011", "-026-01-01"};
    for (size_t i = 0; i < ST_COUNT(bad_dates); i++)
        if (st_parse_date(st_str_of(bad_dates[i]), &day)) fail_msg("'%s' was read as a date", bad_dates[i]);
    assert_true(st_parse_date(ST_STR("2024-02-29"), &day));
    st_format_date(day, text);
    assert_string_equal(text, "2024-02-29");
    assert_int_equal(
        st_instant_part(z, st_instant_of_local(z, day * ST_DAY_US + ST_DAY_US - 1), ST_PART_HOUR), 23);
    assert_int_equal(st_instant_part(z, st_start_of_day(z, day), ST_PART_WEEKDAY), 3);
}

static void hostile_names_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "../../etc/passwd",
        "/etc/passwd",
        "Europe/../Europe/Berlin",
        "Europe/Berlin/",
        "Europe//Berlin",
        "Europe",
        "tzdata.zi",
        "Europe/Atlantis",
        "Europe/Berlin ",
        "right/Europe/Berlin",
        "Europe\\Berlin",
        "zone1970.tab",
        "%s%n",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    for (size_t i = 0; i < ST_COUNT(bad); i++)
        if (st_zone_load(arena, bad[i])) fail_msg("'%s' was taken for a zone", bad[i]);
    assert_null(st_zone_load(arena, NULL));
}

/* Every truncation and many damaged bytes of a real file: NULL or a zone that answers, never a crash. */
static void damaged_files_never_crash(void **state)
{
    (void)state;
    FILE *f = fopen("/usr/share/zoneinfo/Australia/Lord_Howe", "rb");
    if (!f) skip();
    static unsigned char whole[8192];
    size_t n = fread(whole, 1, sizeof whole, f);
    fclose(f);
    char folder[] = "/tmp/strata-zones-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof path, "%s/Zone", folder);
    setenv("TZDIR", folder, 1);
    uint32_t seed = 1, read = 0;
    for (size_t i = 0; i < 2 * n; i++) {
        unsigned char bytes[sizeof whole];
        memcpy(bytes, whole, n);
        size_t size = i < n ? i : n;
        if (i >= n) {
            for (int k = 0; k < 3; k++) {
                seed = seed * 1664525u + 1013904223u;
                bytes[(seed >> 8) % (k ? n : 60)] = (unsigned char)(seed >> 24);
            }
        }
        f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(bytes, 1, size, f), size);
        fclose(f);
        st_arena *a = st_arena_new(&env);
        const st_zone *z = st_zone_load(a, "Zone");
        if (i < n) assert_null(z);
        for (int64_t t = -INT64_C(60000000000000000); z && t < INT64_C(250000000000000000);
             t += INT64_C(9999999999999999)) {
            int64_t local = st_local_of_instant(z, t);
            assert_true(llabs(local - t) <= INT64_C(26) * 3600000000);
            st_start_of_day(z, t / ST_DAY_US);
        }
        read += z != NULL;
        st_arena_free(a);
    }
    assert_true(read > 10);
    assert_null(st_zone_load(arena, "Europe/Berlin")); /* TZDIR is the only place where it is set */
    assert_non_null(st_zone_load(arena, "UTC"));
    unsetenv("TZDIR");
    unlink(path);
    rmdir(folder);
}

static const char *write_zone(const char *folder, const char *footer)
{
    static char path[64];
    snprintf(path, sizeof path, "%s/Rule", folder);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    /* Version 2 with empty blocks but for one type (offset 0), then the footer. */
    for (int block = 0; block < 2; block++) {
        unsigned char head[44] = "TZif2";
        head[39] = 1;
        head[43] = 4;
        fwrite(head, 1, sizeof head, f);
        fwrite("\0\0\0\0\0\0UTC", 1, 10, f);
    }
    fprintf(f, "\n%s\n", footer);
    fclose(f);
    return path;
}

static void footer_rules(void **state)
{
    (void)state;
    char folder[] = "/tmp/strata-zones-XXXXXX";
    assert_non_null(mkdtemp(folder));
    setenv("TZDIR", folder, 1);
    static const struct {
        const char *rule, *utc, *local; /* local NULL: the rule is refused */
    } cases[] = {
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-07-01T00:00", "2026-07-01T02:00:00+02:00"},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "1826-07-01T00:00", "1826-07-01T02:00:00+02:00"},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", "9998-01-01T00:00", "9998-01-01T11:00:00+11:00"},
        {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-01-01T00:00", "2026-01-01T11:00:00+11:00"},
        {"<-03>3", "2026-01-01T00:00", "2025-12-31T21:00:00-03:00"},
        {"AAA5BBB,J60/0,J300/0", "2024-03-01T05:00", "2024-03-01T01:00:00-04:00"},
        {"AAA5BBB,59/0,300/0", "2023-03-01T04:59", "2023-02-28T23:59:00-05:00"},
        {"AAA3BBB,M3.4.4/50,M10.4.4/-50", "2026-03-28T05:00", "2026-03-28T03:00:00-02:00"},
        {"XXX3EDT4,0/0,J365/23", "2026-12-31T23:30", "2026-12-31T19:30:00-04:00"},
        {"", "2026-12-31T23:30", "2026-12-31T23:30:00+00:00"},
        {"AB1", "2026-01-01T00:00", NULL},
        {"ABC", "2026-01-01T00:00", NULL},
        {"ABC99", "2026-01-01T00:00", NULL},
        {"ABC1DEF", "2026-01-01T00:00", NULL},
        {"ABC1DEF,M13.1.0,M1.1.0", "2026-01-01T00:00", NULL},
        {"ABC1DEF,M3.6.0,M1.1.0", "2026-01-01T00:00", NULL},
        {"ABC1DEF,M3.1.7,M1.1.0", "2026-01-01T00:00", NULL},
        {"ABC1DEF,J0,J5", "2026-01-01T00:00", NULL},
        {"ABC1DEF,J1/168,J5", "2026-01-01T00:00", NULL},
        {"ABC1DEF,J1,J5x", "2026-01-01T00:00", NULL},
        {"<ABC1", "2026-01-01T00:00", NULL},
    };
    for (size_t i = 0; i < ST_COUNT(cases); i++) {
        const char *path = write_zone(folder, cases[i].rule);
        const st_zone *z = st_zone_load(arena, "Rule");
        unlink(path);
        if ((z == NULL) != (cases[i].local == NULL))
            fail_msg("%s: %s", cases[i].rule, z ? "accepted" : "refused");
        if (!z) continue;
        int64_t t;
        char text[ST_TIME_TEXT];
        assert_true(st_parse_timestamp(st_str_of(cases[i].utc), st_zone_load(arena, "UTC"), &t));
        st_format_instant(z, t, text);
        assert_string_equal(text, cases[i].local);
    }
    unsetenv("TZDIR");
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wall_clocks_agree_with_zoneinfo),
        cmocka_unit_test(adding_is_calendar_arithmetic),
        cmocka_unit_test(complete_units_between),
        cmocka_unit_test(days_and_their_parts),
        cmocka_unit_test(months_are_clamped),
        cmocka_unit_test(outside_the_calendar_is_no_time),
        cmocka_unit_test(days_begin_at_their_first_instant),
        cmocka_unit_test(texts_of_times),
        cmocka_unit_test(hostile_names_are_refused),
        cmocka_unit_test(damaged_files_never_crash),
        cmocka_unit_test(footer_rules),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
