#include "oracle/parts.h"

#include "base/text.h"
#include "prepare.h"

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

/* ---- what rules mean, worked out by hand ---- */

static const char shop[] =
    "timezone \"Europe/Berlin\"\n"
    "segments of customers\n"
    "table customers {\n  id int key\n  country string?\n  born date? fixed\n  n int?\n  d decimal(5,2)?\n"
    "  f float?\n  ok bool?\n  tags list of string?\n  joined timestamp time\n}\n"
    "table orders {\n  oid int key\n  cid int links to customers\n  at timestamp time\n"
    "  amount decimal(12,2)?\n  status string?\n  keep where status is missing or status != \"test\"\n}\n"
    "table products {\n  pid string key\n  price decimal(10,2)\n}\n"
    "table items {\n  oid int links to orders\n  pid string links to products\n  q int?\n}\n"
    "table events {\n  cid int links to customers\n  at timestamp time\n  name string\n}\n"
    "table visits {\n  cid int links to customers\n  day date? planned\n  room int?\n}\n"
    "segment buyers where any(orders)\n";

/* Customer 3 begins at the as-of instant, 2026-11-01T00:00, and so has not begun. Order 13 is not before it, 16 is kept out, 17
 * belongs to nobody. */
static const char shop_data[] =
    "table customers\nid,country,born,n,d,f,ok,tags,joined\n"
    "1,DE,1990-11-03,5,1.50,0.5,true,vip;press,2020-01-01T00:00\n"
    "2,AT,2000-02-29,,2.50,nan,false,,2026-10-31T23:59\n"
    "3,,,-3,,1e300,,x,2026-11-01T00:00\n"
    "4,de,2026-11-05,0,0.00,,true,VIP,2026-01-01T00:00\n"
    "table orders\noid,cid,at,amount,status\n"
    "10,1,2026-10-31T10:00,10.00,paid\n"
    "11,1,2026-10-02T00:00,20.00,paid\n"
    "12,1,2026-10-01T23:59:59,5.00,\n"
    "13,1,2026-11-01T00:00,99.00,paid\n"
    "14,2,2026-10-31T10:00,,paid\n"
    "15,2,2026-10-31T10:00,7.00,returned\n"
    "16,1,2026-09-01T12:00,1.00,test\n"
    "17,9,2026-09-01T12:00,1.00,paid\n"
    "18,4,2025-11-01T00:00,7.00,paid\n"
    "table products\npid,price\na,2.00\nb,3.50\n"
    "table items\noid,pid,q\n10,a,2\n10,b,1\n11,a,\n16,a,7\n15,z,4\n13,a,1\n"
    "table events\ncid,at,name\n"
    "1,2026-10-30T10:00,cart\n1,2026-10-30T12:00,buy\n1,2026-10-31T22:00,cart\n"
    "2,2026-10-31T22:30,cart\n2,2026-10-31T23:30,view\n"
    "4,2026-10-20T08:00,view\n4,2026-10-20T08:00,cart\n4,2026-10-20T10:00,buy\n"
    "table visits\ncid,day,room\n1,2026-11-03,1\n1,2026-10-31,2\n2,2026-11-08,\n4,,5\n";

static const struct meaning {
    const char *expr;
    const char *values; /* of customers 1, 2 and 4 */
} meanings[] = {
    {"n + 1", "6 missing 1"},
    {"n * 2 - d", "8.50 missing 0.00"},
    {"d / n", "0.300000000000 missing missing"},
    {"n / 3", "1.666666666667 missing 0.000000000000"},
    {"-d", "-1.50 -2.50 0.00"},
    {"f + 1", "1.5 missing missing"},
    {"round(d)", "2 3 0"},
    {"floor(-d)", "-2 -3 0"},
    {"ceil(d * 0.5)", "1 2 0"},
    {"min(d, 2, n)", "1.50 missing 0.00"},
    {"max(d, 2)", "2.00 2.50 2.00"},
    {"n if missing 7", "5 7 0"},
    {"9223372036854775807 + n", "missing missing 9223372036854775807"},
    {"not ok", "false true false"},
    {"n > 0 or country = \"AT\"", "true true false"},
    {"n > 0 and country = \"DE\"", "true false false"},
    {"n > 0 and ok", "true false false"},
    {"(n > 0) is missing", "false true false"},
    {"n is known", "true false true"},
    {"at least 2 of (n > 0, ok, country = \"AT\")", "true missing false"},
    {"n between 0 and 5", "true missing true"},
    {"n in (0, 2.5, 5.00)", "true missing true"},
    {"d not in (1.5, 0)", "false true false"},
    {"country = \"de\" ignoring case", "true false true"},
    {"country in (\"DE\", \"AT\")", "true true false"},
    {"country < \"a\"", "true true false"},
    {"country contains any of (\"E\", \"T\")", "true true false"},
    {"country matches \"^[A-Z]+$\"", "true true false"},
    {"length(country)", "2 2 2"},
    {"upper(country)", "\"DE\" \"AT\" \"DE\""},
    {"tags contains \"vip\"", "true missing false"},
    {"tags contains \"vip\" ignoring case", "true missing true"},
    {"tags contains all of (\"vip\", \"press\")", "true missing false"},
    {"tags is missing", "false true false"},
    {"count(orders)", "3 2 1"},
    {"count(orders in last 30 days)", "2 2 0"},
    {"count(orders where status != \"paid\")", "0 1 0"},
    {"sum(amount of orders)", "35.00 7.00 7.00"},
    {"sum(amount of orders in last 30 days)", "30.00 7.00 0.00"},
    {"avg(amount of orders)", "11.666666666667 7.000000000000 7.000000000000"},
    {"avg(amount of orders in last 30 days)", "15.000000000000 7.000000000000 missing"},
    {"median(amount of orders)", "10.000000000000 7.000000000000 7.000000000000"},
    {"median(amount of orders since 2026-10-02)", "15.000000000000 7.000000000000 missing"},
    {"min(amount of orders)", "5.00 7.00 7.00"},
    {"max(at of orders)", "2026-10-31T10:00:00+01:00 2026-10-31T10:00:00+01:00 2025-11-01T00:00:00+01:00"},
    {"first(amount of orders)", "5.00 7.00 7.00"},
    {"first(status of orders)", "\"paid\" \"paid\" \"paid\""},
    {"last(status of orders)", "\"paid\" \"returned\" \"paid\""},
    {"most_common(status of orders)", "\"paid\" \"paid\" \"paid\""},
    {"repeats(status of orders)", "2 1 1"},
    {"distinct(status of orders)", "1 2 1"},
    {"distinct(amount of orders)", "3 1 1"},
    {"share(orders where status = \"paid\")", "0.666666666667 0.500000000000 1.000000000000"},
    {"share(amount of orders where status = \"paid\")", "0.857142857143 0.000000000000 1.000000000000"},
    {"share(orders in last 30 days where amount > 0)", "1.000000000000 0.500000000000 missing"},
    {"count(last 2 orders where amount >= 10)", "2 0 0"},
    {"sum(amount of last 1 orders)", "10.00 7.00 7.00"},
    {"count(orders in any 30 days)", "3 2 1"},
    {"count(orders in any 1 day)", "2 2 1"},
    {"any(orders) in at least 2 of last 5 weeks", "true false false"},
    {"no(orders where status = \"returned\")", "true false true"},
    {"sum(q of items)", "3 4 0"},
    {"sum(q * products.price of items)", "7.50 0.00 0.00"},
    {"count(items where products.price <= 2)", "2 0 0"},
    {"count(orders where count(items) >= 1)", "2 1 0"},
    {"count(orders where amount > customers.n)", "2 0 1"},
    {"count(orders where customers.buyers)", "3 2 1"},
    {"count(visits)", "2 1 1"},
    {"any(visits where day in next 7 days)", "true false false"},
    {"last(room of visits)", "1 missing missing"},
    {"days since last(at of orders)", "0 0 365"},
    {"months since first(at of orders)", "0 0 12"},
    {"days from born to 1990-11-13", "10 -3395 -13141"},
    {"years since born", "35 26 0"},
    {"hour of joined", "0 23 0"},
    {"weekday of joined = wednesday", "true false false"},
    {"calendar quarter of joined", "2020-01-01 2026-10-01 2026-01-01"},
    {"week of joined", "1 44 1"},
    {"joined + 1 month", "2020-02-01T00:00:00+01:00 2026-11-30T23:59:00+01:00 2026-02-01T00:00:00+01:00"},
    {"joined in last 1 day", "false true false"},
    {"joined before 2026-10-31", "true false true"},
    {"born after 2000-02-28", "false true true"},
    {"joined on 2026-10-31", "false true false"},
    {"joined between 2026-01-01 and 2026-10-31", "false true true"},
    {"born in this month", "false false true"},
    {"anniversary of born in next 7 days", "true false false"},
    {"anniversary of born between 2027-02-28 and 2027-02-28", "false true false"},
    {"(count(orders) as of 30 days ago)", "1 0 1"},
    {"(buyers as of 2026-10-31)", "true false true"},
    {"((count(orders) as of 1 day ago) as of 30 days ago)", "0 0 1"},
    {"d in top 1", "false true false"},
    {"d in bottom 50%", "true false true"},
    {"n in top 1", "true missing false"},
    {"n in top 3 among buyers", "true missing true"},
    {"sum(amount of orders) in bottom 1", "false true true"},
    {"sequence(events: name = \"cart\" then name = \"buy\")", "true false true"},
    {"sequence(events: name = \"cart\" then within 2 hours name = \"buy\")", "true false true"},
    {"sequence(events: name = \"cart\" then within 119 minutes name = \"buy\")", "false false false"},
    {"sequence(events: name = \"view\" then name = \"cart\")", "false false false"},
    {"sequence(events: name = \"cart\" then within 2 hours no(events where name = \"buy\"))",
     "false false false"},
    {"sequence(events: name = \"cart\" then within 90 minutes no(events where name = \"buy\"))",
     "true false true"},
    {"sequence(events: name = \"cart\" then no(events where name = \"buy\"))", "true true false"},
    {"sequence(events: no(events where name = \"view\") then name = \"cart\")", "true true true"},
    {"sequence(events: no(events where name = \"view\") then name = \"buy\")", "true false false"},
    {"sequence(events: name = \"cart\" then no(events where name = \"view\") then name = \"buy\")",
     "true false true"},
    {"sequence(events: name = \"cart\" as a then name = a.name)", "true false false"},
    {"sequence(events: name = \"buy\" then within 1 day any(orders where amount = 10))", "true false false"},
    {"sequence(events in last 1 day: name = \"cart\")", "true true false"},
};

static const char *row_values(const prepared *p, st_oracle *o, const st_def *def)
{
    st_buf out = {0};
    for (uint64_t row = 0; row < p->data->tables[def->of->index].rows; row++) {
        if (!st_oracle_present(o, def->of, row)) continue;
        st_value v = st_oracle_def(o, def, row);
        st_buf_printf(arena, &out, "%s%s", out.n ? " " : "", value_text(arena, p->program, &v));
    }
    return st_buf_text(arena, &out);
}

static prepared *prepare_or_fail(const sample *s)
{
    bool ok;
    prepared *volatile p = NULL;
    ST_GUARD(&env, ok, p = prepare(arena, s, 3));
    if (!ok) fail_msg("%s", env.error.message);
    if (p->diags.errors) {
        st_buf text = {0};
        st_render_text(&p->diags, arena, &text, false);
        fail_msg("%s", st_buf_text(arena, &text));
    }
    return p;
}

static void expressions_mean_what_they_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < ST_COUNT(meanings); i++) {
        const char *rules = st_format(arena, "%strait x = %s\n", shop, meanings[i].expr);
        prepared *p = prepare_or_fail(sample_read(arena, rules, shop_data));
        st_oracle *o = st_oracle_new(arena, p->program, p->data, p->as_of);
        const char *values = row_values(p, o, prepared_def(p, "x"));
        if (strcmp(values, meanings[i].values) != 0)
            print_error("%s\n  is       %s\n  expected %s\n", meanings[i].expr, values, meanings[i].values);
        assert_string_equal(values, meanings[i].values);
    }
}

static void rfm_and_tiers(void **state)
{
    (void)state;
    static const char rules[] =
        "rfm loyal from orders {\n  recency 3 quantiles\n  frequency 3 quantiles\n"
        "  monetary thresholds (7, 30) of sum(amount)\n"
        "  tiers {\n    good f 3\n    fair r 2\n    rest otherwise\n  }\n}\n"
        "rfm other from orders in last 30 days {\n  frequency 2 quantiles method ntile\n"
        "  monetary 4 quantiles method cume_dist of avg(amount)\n}\n"
        "trait cell = loyal.cell\ntrait recency = loyal.recency\ntrait money = loyal.monetary\n"
        "trait nt = other.f\ntrait cd = other.m\n"
        "tiers band by d {\n  none when missing\n  best top 1\n  some at least 1.5\n}\n"
        "tiers inner among buyers {\n  first when n > 0\n  second otherwise\n}\n";
    static const struct meaning cases[] = {
        {"loyal", "good fair rest"},   {"cell", "\"233\" \"222\" \"112\""},
        {"recency", "1 1 365"},        {"money", "35.00 7.00 7.00"},
        {"nt", "1 2 missing"},         {"cd", "4 2 missing"},
        {"band", "some best missing"}, {"inner", "first second second"},
    };
    prepared *p = prepare_or_fail(sample_read(arena, st_format(arena, "%s%s", shop, rules), shop_data));
    st_oracle *o = st_oracle_new(arena, p->program, p->data, p->as_of);
    for (size_t i = 0; i < ST_COUNT(cases); i++) {
        const char *values = row_values(p, o, prepared_def(p, cases[i].expr));
        if (strcmp(values, cases[i].values) != 0) print_error("%s:\n", cases[i].expr);
        assert_string_equal(values, cases[i].values);
    }
}

/* A rule that asks for the future is refused when it is met. */
static void the_future_is_refused(void **state)
{
    (void)state;
    const char *rules = st_format(arena, "%ssegment x where (buyers as of 2026-11-02)\n", shop);
    prepared *p = prepare_or_fail(sample_read(arena, rules, shop_data));
    st_oracle *o = st_oracle_new(arena, p->program, p->data, p->as_of);
    bool ok;
    ST_GUARD(&env, ok, st_oracle_def(o, prepared_def(p, "x"), 0));
    assert_false(ok);
    assert_int_equal(env.error.status, STRATA_BAD_INPUT);
    ST_GUARD(&env, ok, st_oracle_check(o));
    assert_false(ok);
    rules = st_format(arena, "%ssegment x where (buyers as of 2026-10-31)\n", shop);
    p = prepare_or_fail(sample_read(arena, rules, shop_data));
    st_oracle_check(st_oracle_new(arena, p->program, p->data, p->as_of));
}

/* ---- real data: the numbers that independent SQL found ---- */

#define ACCEPTANCE "../shared/acceptance/"

static const char *read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    st_buf b = {0};
    char block[65536];
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;) st_buf_add(arena, &b, block, n);
    fclose(f);
    return st_buf_text(arena, &b);
}

/* Definitions begin in the first column; those of kinds that are not compiled yet are left out. */
static void add_rules(sample *s, const char *text)
{
    static const char *const later[] = {"overlay", "holdout", "experiment"};
    st_buf def = {0};
    for (const char *line = text; *line;) {
        const char *end = strchr(line, '\n');
        end = end ? end + 1 : line + strlen(line);
        bool begins = *line >= 'a' && *line <= 'z';
        if (begins && def.n) {
            st_push(arena, &s->defs)->text = st_dup(arena, def.p, def.n);
            def.n = 0;
        }
        st_buf_add(arena, &def, line, (size_t)(end - line));
        line = end;
    }
    st_push(arena, &s->defs)->text = st_dup(arena, def.p, def.n);
    for (uint32_t i = 0; i < s->defs.n; i++)
        for (size_t k = 0; k < ST_COUNT(later); k++)
            s->defs.p[i].dropped |= strncmp(s->defs.p[i].text, later[k], strlen(later[k])) == 0;
}

/* UINT64_MAX: what the name stands for is not compiled yet. */
static uint64_t count_of(const prepared *p, st_oracle *o, const char *name, const char *label)
{
    char *word = st_dup(arena, name, strlen(name)), *dot = strchr(word, '.');
    static const char *const fields[] = {"r", "f", "m"};
    uint32_t field = 0;
    if (dot) *dot = 0;
    while (dot && field < ST_COUNT(fields) && strcmp(fields[field], dot + 1) != 0) field++;
    const st_def *def = prepared_def(p, word);
    if (!def || field == ST_COUNT(fields)) return UINT64_MAX;
    uint64_t n = 0;
    for (uint64_t row = 0; row < p->data->tables[def->of->index].rows; row++) {
        if (!st_oracle_present(o, def->of, row)) continue;
        st_value v = dot ? st_oracle_rfm(o, def, (st_rfm_field)field, row) : st_oracle_def(o, def, row);
        if (def->kind == ST_DEF_SEGMENT)
            n += v.as.b;
        else
            n += !v.missing && strcmp(value_text(arena, p->program, &v), label) == 0;
    }
    return n;
}

static void check_acceptance(const char *folder, const char *as_of, const char *const *tables, size_t ntables)
{
    const char *rules = read_file(st_format(arena, ACCEPTANCE "%s/rules.seg", folder));
    if (!rules) skip();
    st_buf csv = {0};
    for (size_t i = 0; i < ntables; i++) {
        const char *text = read_file(st_format(arena, "../shared/data/%s/%s.csv", folder, tables[i]));
        assert_non_null(text);
        st_buf_printf(arena, &csv, "table %s\n", tables[i]);
        st_buf_puts(arena, &csv, text);
        st_buf_puts(arena, &csv, "\n");
    }
    sample *s = sample_read(arena, "", st_buf_text(arena, &csv));
    s->defs.n = 0;
    s->as_of = as_of;
    add_rules(s, rules);
    prepared *p = prepare_or_fail(s);
    st_oracle *o = st_oracle_new(arena, p->program, p->data, p->as_of);
    const char *expected = read_file(st_format(arena, ACCEPTANCE "%s/expected.csv", folder));
    int wrong = 0, right = 0;
    for (const char *line = strchr(expected, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
        char name[64], label[64];
        unsigned long long n;
        assert_int_equal(sscanf(line, "%63[^,],%63[^,],%llu", name, label, &n), 3);
        uint64_t found = count_of(p, o, name, label);
        if (found == UINT64_MAX) continue;
        if (found != n)
            print_error("%s: %s %s is %llu, expected %llu\n", folder, name, label, (unsigned long long)found,
                        n);
        wrong += found != n;
        right += found == n;
    }
    assert_int_equal(wrong, 0);
    assert_true(right > 5);
}

static void acceptance_cdnow(void **state)
{
    (void)state;
    check_acceptance("cdnow", "1998-07-01", (const char *const[]){"customers", "orders"}, 2);
}
static void acceptance_rfm(void **state)
{
    (void)state;
    check_acceptance("rfm", "2006-12-31", (const char *const[]){"customers", "orders"}, 2);
}
static void acceptance_online_retail(void **state)
{
    (void)state;
    check_acceptance("online_retail", "2010-12-10", (const char *const[]){"customers", "orders"}, 2);
}
static void acceptance_telco(void **state)
{
    (void)state;
    check_acceptance("telco", "2020-01-01", (const char *const[]){"customers"}, 1);
}
static void acceptance_hillstrom(void **state)
{
    (void)state;
    check_acceptance("hillstrom", "2008-03-20", (const char *const[]){"customers"}, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_are_found),
        cmocka_unit_test(patterns_agree_with_pcre2),
        cmocka_unit_test(patterns_end_soon),
        cmocka_unit_test(expressions_mean_what_they_say),
        cmocka_unit_test(rfm_and_tiers),
        cmocka_unit_test(the_future_is_refused),
        cmocka_unit_test(acceptance_cdnow),
        cmocka_unit_test(acceptance_rfm),
        cmocka_unit_test(acceptance_online_retail),
        cmocka_unit_test(acceptance_telco),
        cmocka_unit_test(acceptance_hillstrom),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
