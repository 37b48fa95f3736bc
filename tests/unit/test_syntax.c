/* The front end: trees, literals, comments, recovery, messages, limits. What whole files become is in tests/golden. */
#include "base/threads.h"
#include "syntax/parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct fixture {
    st_env env;
    st_arena *a;
    st_names names;
    st_sources sources;
    st_diags diags;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    st_env_init(&f->env, NULL);
    f->a = st_arena_new(&f->env);
    st_names_init(&f->names, f->a);
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

static st_ast *parse_bytes(fixture *f, const char *text, size_t n)
{
    uint32_t file = st_sources_add(&f->sources, "test.seg", text, n);
    st_diags_init(&f->diags, f->a, &f->sources);
    st_parse parse = st_parse_file(f->a, &f->names, &f->sources, file, &f->diags);
    assert_non_null(parse.root);
    assert_int_equal(parse.root->kind, ST_AST_PROGRAM);
    assert_int_equal(parse.ok, f->diags.errors == 0);
    return parse.root;
}

static st_ast *parse(fixture *f, const char *text)
{
    return parse_bytes(f, text, strlen(text));
}

/* The expression of `trait x = …`. */
static st_ast *expression(fixture *f, const char *text)
{
    st_ast *root = parse(f, st_format(f->a, "trait x = %s", text));
    assert_int_equal(f->diags.errors, 0);
    assert_int_equal(root->n, 1);
    return root->kids[0]->kids[ST_TRAIT_expr];
}

static bool says(const fixture *f, st_code code, uint32_t at, uint32_t length)
{
    for (uint32_t i = 0; i < f->diags.items.n; i++) {
        const st_diag *d = &f->diags.items.p[i];
        if (d->code == code && d->span.start == at && d->span.end == at + length) return true;
    }
    return false;
}

static void test_and_or(void **state)
{
    fixture *f = *state;
    st_ast *e = expression(f, "a and b and c or d or (e or g) and h");
    assert_int_equal(e->kind, ST_AST_OR);
    assert_int_equal(e->n, 3);
    assert_int_equal(e->kids[0]->kind, ST_AST_AND);
    assert_int_equal(e->kids[0]->n, 3);
    assert_int_equal(e->kids[2]->kind, ST_AST_AND);
    assert_int_equal(e->kids[2]->n, 2);
    st_ast *brackets = e->kids[2]->kids[0];
    assert_int_equal(brackets->kind, ST_AST_PAREN);
    assert_int_equal(brackets->kids[ST_PAREN_expr]->kind, ST_AST_OR);
    assert_int_equal(expression(f, "(a and b) and c")->n, 2);
    assert_int_equal(expression(f, "a and (b and c)")->n, 2);
}

static void test_sums(void **state)
{
    fixture *f = *state;
    st_ast *e = expression(f, "a - b - c * d / e");
    assert_int_equal(e->kind, ST_AST_ADD);
    assert_int_equal(e->op, '-');
    assert_int_equal(e->kids[ST_ADD_left]->kind, ST_AST_ADD);
    assert_string_equal(e->kids[ST_ADD_left]->kids[ST_ADD_right]->text, "b");
    st_ast *product = e->kids[ST_ADD_right];
    assert_int_equal(product->op, '/');
    assert_int_equal(product->kids[ST_MULTIPLY_left]->op, '*');
    e = expression(f, "not a = -b");
    assert_int_equal(e->kind, ST_AST_NOT);
    assert_int_equal(e->kids[ST_NOT_expr]->kids[ST_COMPARE_right]->kind, ST_AST_NEG);
}

static void test_numbers(void **state)
{
    fixture *f = *state;
    st_ast *e = expression(f, "12.5%");
    assert_int_equal(e->kind, ST_AST_PERCENT);
    assert_int_equal((int)e->number, 125);
    assert_int_equal(e->scale, 3);
    e = expression(f, "1_000_000");
    assert_int_equal(e->kind, ST_AST_INT);
    assert_int_equal((int)e->number, 1000000);
    e = expression(f, "0.250");
    assert_int_equal(e->kind, ST_AST_DECIMAL);
    assert_int_equal((int)e->number, 250);
    assert_int_equal(e->scale, 3);
    e = expression(f, "99999999999999999999999999999999999999");
    assert_true(e->number / 1000000000 / 1000000000 == (st_i128)INT64_C(99999999999999999) * 1000 + 999);
    parse(f, "trait x = 999999999999999999999999999999999999999");
    assert_true(says(f, ST_MSG_NUMBER_TOO_LONG, 10, 39));
    parse(f, "trait x = 0.0000000000000000000000000000000000001%"); /* 39 digits behind the point */
    assert_true(says(f, ST_MSG_NUMBER_TOO_LONG, 10, 40));
}

static void test_times(void **state)
{
    fixture *f = *state;
    assert_int_equal((int)expression(f, "2026-11-01")->number, 20758);
    st_ast *e = expression(f, "1969-12-31T23:59:58");
    assert_int_equal(e->kind, ST_AST_TIMESTAMP);
    assert_int_equal((int)e->number, -2000000);
    assert_true(expression(f, "2026-11-01T09:30")->number ==
                (st_i128)20758 * ST_DAY_US + INT64_C(34200000000));
    static const char *const none[] = {"2026-02-29",         "2026-13-01",       "2026-00-10",
                                       "2026-04-31",         "2026-01-01T24:00", "2026-01-01T23:60",
                                       "2026-01-01T23:00:60"};
    for (size_t i = 0; i < ST_COUNT(none); i++) {
        parse(f, st_format(f->a, "trait x = %s", none[i]));
        assert_true(says(f, ST_MSG_NO_SUCH_DAY, 10, (uint32_t)strlen(none[i])));
    }
    parse(f, "trait x = 2024-02-29");
    assert_int_equal(f->diags.errors, 0);
}

static void test_text(void **state)
{
    fixture *f = *state;
    st_ast *e = expression(f, "\"a \\\"b\\\" \\\\ \\n ü\"");
    assert_int_equal(e->kind, ST_AST_STRING);
    assert_string_equal(e->text, "a \"b\" \\ \n ü");
    e = expression(f, "`Customer ID`");
    assert_string_equal(e->text, "Customer ID");
    assert_int_equal(e->op, 1);
    assert_ptr_equal(expression(f, "`plain`")->text, expression(f, "plain")->text);
}

/* A word is a keyword only inside its phrase. */
static void test_words(void **state)
{
    fixture *f = *state;
    assert_int_equal(expression(f, "days + last")->kind, ST_AST_ADD);
    st_ast *e = expression(f, "last_bought + cycle days");
    assert_int_equal(e->kids[ST_ADD_right]->kind, ST_AST_DURATION);
    assert_int_equal(e->kids[ST_ADD_right]->op, ST_DAY);
    assert_int_equal(expression(f, "days since x")->kind, ST_AST_SINCE);
    assert_int_equal(expression(f, "first(x of y)")->kind, ST_AST_AGGREGATE);
    assert_int_equal(expression(f, "first")->kind, ST_AST_NAME);
    assert_int_equal(expression(f, "left > 3")->kind, ST_AST_COMPARE);
    assert_int_equal(expression(f, "left vip in last 3 days")->kind, ST_AST_ENTERED);
    assert_int_equal(expression(f, "sum(x)")->kids[ST_AGGREGATE_source] == NULL, true);
    assert_int_equal(expression(f, "min(x, y)")->kind, ST_AST_CALL);
    st_ast *root =
        parse(f, "table t { time timestamp time\n key int key\n rows int\n segment string\n first date }");
    assert_int_equal(f->diags.errors, 0);
    st_ast *columns = root->kids[0]->kids[ST_TABLE_items];
    assert_int_equal(columns->n, 5);
    assert_string_equal(columns->kids[3]->kids[ST_COLUMN_name]->text, "segment");
}

static void test_spans(void **state)
{
    fixture *f = *state;
    st_ast *root = parse(f, "segment a where x = 1 and y\n\n");
    st_ast *where = root->kids[0]->kids[ST_SEGMENT_items]->kids[0];
    assert_int_equal(where->span.start, 10);
    assert_int_equal(where->span.end, 27);
    st_ast *compare = where->kids[ST_WHERE_expr]->kids[0];
    assert_int_equal(compare->span.start, 16);
    assert_int_equal(compare->span.end, 21);
    assert_int_equal(root->span.end, 29);
}

static void test_comments(void **state)
{
    fixture *f = *state;
    st_ast *root = parse(f, "// one\n/// two\n///three\ntrait x = 1 // four\n// five\n");
    st_ast *trait = root->kids[0];
    assert_string_equal(trait->doc, "two\nthree");
    assert_int_equal(trait->nbefore, 3);
    assert_int_equal(trait->nafter, 1);
    assert_true(trait->after[0].trailing);
    assert_int_equal(root->nafter, 1);
    assert_int_equal(root->after[0].span.start, 44);
    assert_int_equal(root->after[0].span.end, 51);
}

static void count_comments(const st_ast *node, uint32_t *n)
{
    *n += node->nbefore + node->nafter;
    for (uint32_t i = 0; i < node->n; i++)
        if (node->kids[i]) count_comments(node->kids[i], n);
}

/* Wherever a comment stands, it hangs on one node. */
static void test_comments_everywhere(void **state)
{
    fixture *f = *state;
    static const char *const words[] = {
        "table",  "t",     "{",       "a", "decimal", "(",     "12",         ",", "2",  ")",       "?",
        "one of", "(",     "1",       ",", "2",       ")",     "keep where", "a", "=",  "1",       "and",
        "b",      "}",     "segment", "s", "\"x\"",   "where", "count",      "(", "t",  "in last", "3",
        "days",   "where", "a",       ">", "1",       ")",     ">=",         "2", "or", "not",     "z"};
    st_buf text = {0};
    uint32_t wanted = 0, found = 0;
    for (size_t i = 0; i < ST_COUNT(words); i++) {
        bool own_line = i % 3 == 0;
        st_buf_printf(f->a, &text, "%s%s// %zu\n", words[i], own_line ? "\n" : " ", i);
        wanted++;
    }
    count_comments(parse(f, st_buf_text(f->a, &text)), &found);
    assert_int_equal(f->diags.errors, 0);
    assert_int_equal(found, wanted);
}

static void test_equal(void **state)
{
    fixture *f = *state;
    static const char *const same[][2] = {{"trait x = a + 1", "// c\ntrait  x\n= `a` +1 // d\n"},
                                          {"segment x where a", "segment x\n  where a"}};
    static const char *const other[][2] = {{"trait x = a + 1", "trait x = a - 1"},
                                           {"trait x = a", "trait x = b"},
                                           {"trait x = 1", "trait x = 1.0"},
                                           {"trait x = 10%", "trait x = 20%"},
                                           {"trait x = \"a\"", "trait x = \"b\""},
                                           {"trait x = (a)", "trait x = a"},
                                           {"trait x = a", "trait x of t = a"},
                                           {"trait x = a", "/// told\ntrait x = a"},
                                           {"trait x = a", "trait x = a trait y = a"},
                                           {"trait x = a in (1)", "trait x = a in (1) ignoring case"}};
    for (size_t i = 0; i < ST_COUNT(same); i++)
        assert_true(st_ast_equal(parse(f, same[i][0]), parse(f, same[i][1])));
    for (size_t i = 0; i < ST_COUNT(other); i++)
        assert_false(st_ast_equal(parse(f, other[i][0]), parse(f, other[i][1])));
}

/* One message a broken definition, and every whole one is kept. */
static void test_recovery(void **state)
{
    fixture *f = *state;
    st_ast *root =
        parse(f, "segment a where\nsegment b where x\nsegment c where x = = y = (\n"
                 "segment d { where x\n\nsegment e where x\ntable f { id string key\n"
                 "table g { id string key }\nsegment h where x => 1\nnonsense here\nsegment i where x\n");
    static const char *const kept[] = {"b", "e", "g", "h", "i"};
    assert_int_equal(f->diags.errors, 6);
    assert_int_equal(root->n, ST_COUNT(kept));
    for (size_t i = 0; i < ST_COUNT(kept); i++) assert_string_equal(root->kids[i]->kids[0]->text, kept[i]);
}

/* Every syntax message is earned by its bad example, alone, and by no good one; no other bad example has an error of syntax. */
static void test_examples(void **state)
{
    fixture *f = *state;
    uint32_t seen = 0;
    for (int i = 0; i < ST_MSG_COUNT; i++) {
        const st_message *m = &st_messages[i];
        parse(f, m->good);
        if (f->diags.errors) print_error("%s: good example: %s\n", m->name, f->diags.items.p[0].text);
        assert_int_equal(f->diags.errors, 0);
        if (strncmp(m->bad, "// repeat ", 10) == 0) continue; /* limits: see below, and test_sema */
        parse(f, m->bad);
        if (strncmp(m->code, "E01", 3) != 0) {
            if (f->diags.errors) print_error("%s: bad example: %s\n", m->name, f->diags.items.p[0].text);
            assert_int_equal(f->diags.errors, 0);
            continue;
        }
        seen++;
        if (!f->diags.items.n) print_error("%s: bad example is silent\n", m->name);
        assert_true(f->diags.items.n > 0);
        for (uint32_t k = 0; k < f->diags.items.n; k++) {
            if (f->diags.items.p[k].code != (st_code)i)
                print_error("%s: bad example: %s\n", m->name, f->diags.items.p[k].text);
            assert_int_equal(f->diags.items.p[k].code, i);
        }
    }
    assert_true(seen > 30);
}

static char *repeated(fixture *f, const char *head, const char *part, uint32_t times, const char *tail)
{
    size_t h = strlen(head), p = strlen(part);
    char *text = st_alloc(f->a, h + p * times + strlen(tail) + 1);
    memcpy(text, head, h);
    for (uint32_t i = 0; i < times; i++) memcpy(text + h + p * i, part, p);
    strcpy(text + h + p * times, tail);
    return text;
}

static bool only(const fixture *f, st_code code)
{
    return f->diags.items.n == 1 && f->diags.items.p[0].code == code;
}

static void test_nesting(void **state)
{
    fixture *f = *state;
    parse(f, st_format(f->a, "%s%s", repeated(f, "trait x = ", "(", ST_MAX_NESTING, "y"),
                       repeated(f, "", ")", ST_MAX_NESTING, "")));
    assert_int_equal(f->diags.errors, 0);
    static const char *const deep[] = {"(",
                                       "[",
                                       "not ",
                                       "-",
                                       "- (",
                                       "days since ",
                                       "year of ",
                                       "x + ",
                                       "x if missing ",
                                       "any(t where ",
                                       "x = (not (",
                                       "anniversary of "};
    for (size_t i = 0; i < ST_COUNT(deep); i++) {
        st_ast *root = parse(f, repeated(f, "trait x = ", deep[i], 100000, "y\ntrait z = 1"));
        assert_true(f->diags.errors > 0);
        bool said = false;
        for (uint32_t k = 0; k < f->diags.items.n; k++) said |= f->diags.items.p[k].code == ST_MSG_TOO_DEEP;
        if (!said) print_error("%s\n", deep[i]);
        assert_true(said);
        assert_int_equal(root->n, 1); /* and the definition behind it is read */
        assert_true(root->height <= ST_MAX_HEIGHT);
    }
}

static void test_wide(void **state)
{
    fixture *f = *state;
    st_ast *e = expression(f, repeated(f, "", "x and ", 100000, "x"));
    assert_int_equal(e->n, 100001);
    assert_int_equal(expression(f, repeated(f, "x in (1", ", 1", 100000, ")"))->kids[ST_IN_SET_set]->n,
                     100001);
}

static void test_limits(void **state)
{
    fixture *f = *state;
    parse(f, repeated(f, "", " ", ST_MAX_FILE_BYTES + 1, ""));
    assert_true(only(f, ST_MSG_FILE_TOO_LONG));
    parse(f, repeated(f, "", " ", ST_MAX_FILE_BYTES, ""));
    assert_int_equal(f->diags.errors, 0);
    parse(f, repeated(f, "param a = (1", ",1", ST_MAX_WORDS / 2, ")"));
    assert_true(only(f, ST_MSG_FILE_TOO_LONG));
    st_ast *root = parse(f, repeated(f, "", "hash a\n", ST_MAX_DEFINITIONS, ""));
    assert_int_equal(f->diags.errors, 0);
    root = parse(f, repeated(f, "", "hash a\n", ST_MAX_DEFINITIONS + 5, ""));
    assert_true(only(f, ST_MSG_FILE_TOO_LONG));
    assert_int_equal(root->n, ST_MAX_DEFINITIONS);
    parse(f, repeated(f, "trait x = \"", "x", ST_MAX_TEXT, "\""));
    assert_int_equal(f->diags.errors, 0);
    parse(f, repeated(f, "trait x = \"", "x", ST_MAX_TEXT + 1, "\""));
    assert_true(only(f, ST_MSG_TEXT_TOO_LONG));
    parse(f, repeated(f, "trait ", "x", ST_MAX_NAME, " = 1"));
    assert_int_equal(f->diags.errors, 0);
    parse(f, repeated(f, "trait ", "x", ST_MAX_NAME + 1, " = 1"));
    assert_true(only(f, ST_MSG_NAME_TOO_LONG));
}

static void test_bytes(void **state)
{
    fixture *f = *state;
    parse_bytes(f, "trait x = \xff", 11);
    assert_true(only(f, ST_MSG_NOT_UTF8) && says(f, ST_MSG_NOT_UTF8, 10, 1));
    parse_bytes(f, "trait x = \0 1", 13);
    assert_true(only(f, ST_MSG_UNKNOWN_SIGN) && says(f, ST_MSG_UNKNOWN_SIGN, 10, 1));
    parse_bytes(f, "trait x = \"a\0b\"", 15);
    assert_true(only(f, ST_MSG_UNKNOWN_SIGN));
    parse_bytes(f, "trait x = `a\0b`", 15);
    assert_true(f->diags.items.n && f->diags.items.p[0].code == ST_MSG_OPEN_BACKTICK);
    parse_bytes(f, "\xef\xbb\xbftrait x = 1\r\n", 16);
    assert_int_equal(f->diags.errors, 0);
    assert_int_equal(parse(f, "")->n, 0);
    assert_int_equal(f->diags.errors, 0);
    assert_int_equal(parse(f, "// only words")->nafter, 1);
}

static void parse_alone(st_env *env, const char *text)
{
    st_arena *a = st_arena_new(env);
    st_sources sources;
    st_sources_init(&sources, a);
    st_names names;
    st_names_init(&names, a);
    st_diags diags;
    st_diags_init(&diags, a, &sources);
    st_parse_file(a, &names, &sources, st_sources_add(&sources, "x.seg", text, strlen(text)), &diags);
}

/* Out of memory at any point ends in the guard, and nothing is left behind. */
static void test_memory_runs_out(void **state)
{
    (void)state;
    static const char text[] =
        "table t { id string key // c\n }\nsegment a where count(t in last 3 days) >= 2 => 1\n";
    static size_t limit, failures;
    bool ok = false;
    for (limit = failures = 0; !ok;) {
        limit += 16 << 10;
        assert_true(limit < 8 << 20);
        st_env env;
        st_env_init(&env, NULL);
        env.limit = limit;
        ST_GUARD(&env, ok, parse_alone(&env, text));
        failures += !ok;
        if (!ok) assert_int_equal(env.error.status, STRATA_NO_MEMORY);
        st_env_close(&env);
    }
    assert_true(failures > 0);
}

static void parse_task(void *ctx, uint64_t i, st_env *env)
{
    uint32_t *definitions = ctx;
    st_arena *a = st_arena_new(env);
    st_sources sources;
    st_sources_init(&sources, a);
    st_names names;
    st_names_init(&names, a);
    st_diags diags;
    st_diags_init(&diags, a, &sources);
    st_buf text = {0};
    for (uint64_t k = 0; k <= i; k++) st_buf_printf(a, &text, "segment s%d where x = %d\n", (int)k, (int)k);
    uint32_t file = st_sources_add(&sources, "x.seg", st_buf_text(a, &text), text.n);
    definitions[i] = st_parse_file(a, &names, &sources, file, &diags).root->n;
    st_arena_free(a);
}

static void test_threads(void **state)
{
    fixture *f = *state;
    uint32_t definitions[64] = {0};
    st_parallel(&f->env, 4, ST_COUNT(definitions), parse_task, definitions);
    for (uint32_t i = 0; i < ST_COUNT(definitions); i++) assert_int_equal(definitions[i], i + 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {T(test_and_or),
                                       T(test_sums),
                                       T(test_numbers),
                                       T(test_times),
                                       T(test_text),
                                       T(test_words),
                                       T(test_spans),
                                       T(test_comments),
                                       T(test_comments_everywhere),
                                       T(test_equal),
                                       T(test_recovery),
                                       T(test_examples),
                                       T(test_nesting),
                                       T(test_wide),
                                       T(test_limits),
                                       T(test_bytes),
                                       T(test_memory_runs_out),
                                       T(test_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
