/* strata test: runs the tests of a rule set. */
#include "cli/cli.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static const cli_option options[] = {
    {"run", 0, "PATTERN", "only tests whose name contains it, or fits it where it has * or ?", false},
    {"coverage", 0, NULL, "says which conditions the tests never saw true, or never false", false},
    {"format", 0, "FORMAT", "text (for people), json or junit (for CI servers)", false},
    CLI_OPTION_SET,
    CLI_OPTION_LIBRARY,
    CLI_OPTION_ONLY,
};

typedef enum format { TEXT, JSON, JUNIT, NO_FORMAT } format;
static const char *const formats[] = {"text", "json", "junit"};

typedef struct suite {
    const strata_rules *rules;
    strata_tests *tests;
    format format;
    bool coverage;
    size_t n;       /* tests chosen */
    size_t *chosen; /* their numbers */
    size_t passed, failed;
} suite;

/* ---- text ---- */

static void print_outcome(const suite *s, size_t i)
{
    size_t failures = strata_tests_failure_count(s->tests, i);
    printf("%s  %s\n", failures ? "FAIL" : "pass", strata_rules_test(s->rules, i).name);
    for (size_t k = 0; k < failures; k++) {
        strata_failure f = strata_tests_failure(s->tests, i, k);
        printf("      %s:%u: %s\n", f.file, f.line, f.text);
    }
}

typedef struct cover {
    size_t seen, all;
} cover;

static cover add_condition(cover c, const strata_condition *it)
{
    return (cover){c.seen + it->seen_true + it->seen_false, c.all + 2};
}

/* Rounded down: 100% says that nothing is left. */
static unsigned percent(cover c)
{
    return c.all ? (unsigned)(c.seen * 100 / c.all) : 100;
}

/* Of the definition that condition `from` belongs to; *behind is the first condition of the next one. */
static cover cover_of(const suite *s, size_t from, size_t *behind)
{
    cover c = {0, 0};
    size_t i = from, n = strata_tests_condition_count(s->tests);
    const char *name = strata_tests_condition(s->tests, from).definition;
    for (; i < n; i++) {
        strata_condition it = strata_tests_condition(s->tests, i);
        if (strcmp(it.definition, name) != 0) break;
        c = add_condition(c, &it);
    }
    *behind = i;
    return c;
}

static cover cover_of_all(const suite *s)
{
    cover c = {0, 0};
    for (size_t i = 0; i < strata_tests_condition_count(s->tests); i++) {
        strata_condition it = strata_tests_condition(s->tests, i);
        c = add_condition(c, &it);
    }
    return c;
}

static const char *unseen(const strata_condition *it)
{
    if (!it->seen_true && !it->seen_false) return "never asked";
    return it->seen_true ? "never false" : "never true";
}

static void print_coverage(const suite *s)
{
    size_t n = strata_tests_condition_count(s->tests), behind;
    cover all = cover_of_all(s);
    printf("\nCoverage of conditions, seen true and seen false: %zu of %zu, %u%%\n", all.seen, all.all,
           percent(all));
    for (size_t i = 0; i < n; i = behind) {
        cover c = cover_of(s, i, &behind);
        printf("  %3u%%  %s\n", percent(c), strata_tests_condition(s->tests, i).definition);
        for (size_t k = i; k < behind; k++) {
            strata_condition it = strata_tests_condition(s->tests, k);
            if (it.seen_true && it.seen_false) continue;
            printf("        %s:%u: %s: %s\n", it.file, it.line, unseen(&it), it.text);
        }
    }
    printf("\n");
}

/* ---- json ---- */

static void put_json(const char *text)
{
    if (!text) {
        fputs("null", stdout);
        return;
    }
    putchar('"');
    for (const char *p = text; *p; p++) {
        unsigned char ch = (unsigned char)*p;
        if (ch == '"' || ch == '\\')
            printf("\\%c", ch);
        else if (ch < 0x20)
            printf("\\u%04x", ch);
        else
            putchar(ch);
    }
    putchar('"');
}

static void put_json_field(const char *name, const char *text)
{
    printf("\"%s\": ", name);
    put_json(text);
    fputs(", ", stdout);
}

static void print_json_test(const suite *s, size_t i)
{
    static const char *const kinds[] = {"expectation", "run", "defect"};
    strata_test t = strata_rules_test(s->rules, i);
    size_t failures = strata_tests_failure_count(s->tests, i);
    printf("    {");
    put_json_field("name", t.name);
    put_json_field("file", t.file);
    printf("\"line\": %u, \"column\": %u, \"passed\": %s, \"failures\": [", t.line, t.column,
           failures ? "false" : "true");
    for (size_t k = 0; k < failures; k++) {
        strata_failure f = strata_tests_failure(s->tests, i, k);
        printf("%s\n      {", k ? "," : "");
        put_json_field("kind", kinds[f.kind]);
        put_json_field("file", f.file);
        printf("\"line\": %u, \"column\": %u, ", f.line, f.column);
        put_json_field("expected", f.expected);
        put_json_field("found", f.found);
        printf("\"text\": ");
        put_json(f.text);
        printf("}");
    }
    printf("]}");
}

static void print_json_coverage(const suite *s)
{
    cover all = cover_of_all(s);
    printf(",\n  \"coverage\": {\"seen\": %zu, \"all\": %zu, \"percent\": %u, \"conditions\": [", all.seen,
           all.all, percent(all));
    for (size_t i = 0; i < strata_tests_condition_count(s->tests); i++) {
        strata_condition it = strata_tests_condition(s->tests, i);
        printf("%s\n    {", i ? "," : "");
        put_json_field("definition", it.definition);
        put_json_field("file", it.file);
        printf("\"line\": %u, \"column\": %u, ", it.line, it.column);
        put_json_field("text", it.text);
        printf("\"seen_true\": %s, \"seen_false\": %s}", it.seen_true ? "true" : "false",
               it.seen_false ? "true" : "false");
    }
    printf("]}");
}

static void print_json(const suite *s)
{
    printf("{\n  \"passed\": %zu, \"failed\": %zu,\n  \"tests\": [\n", s->passed, s->failed);
    for (size_t i = 0; i < s->n; i++) {
        print_json_test(s, s->chosen[i]);
        printf(i + 1 < s->n ? ",\n" : "\n");
    }
    printf("  ]");
    if (s->coverage) print_json_coverage(s);
    printf("\n}\n");
}

/* ---- junit ---- */

static void put_xml(const char *text)
{
    for (const char *p = text; *p; p++) {
        unsigned char ch = (unsigned char)*p;
        switch (ch) {
        case '<': fputs("&lt;", stdout); break;
        case '>': fputs("&gt;", stdout); break;
        case '&': fputs("&amp;", stdout); break;
        case '"': fputs("&quot;", stdout); break;
        case '\n': fputs("&#10;", stdout); break;
        default:
            if (ch >= 0x20 || ch == '\t') putchar(ch); /* other control characters cannot be written in XML */
        }
    }
}

static void print_junit(const suite *s)
{
    printf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
           "<testsuites>\n  <testsuite name=\"strata\" tests=\"%zu\" failures=\"%zu\" errors=\"0\">\n",
           s->n, s->failed);
    for (size_t i = 0; i < s->n; i++) {
        strata_test t = strata_rules_test(s->rules, s->chosen[i]);
        size_t failures = strata_tests_failure_count(s->tests, s->chosen[i]);
        printf("    <testcase classname=\"");
        put_xml(t.file);
        printf("\" name=\"");
        put_xml(t.name);
        printf("\" file=\"");
        put_xml(t.file);
        printf("\" line=\"%u\"%s>\n", t.line, failures ? "" : "/");
        for (size_t k = 0; k < failures; k++) {
            strata_failure f = strata_tests_failure(s->tests, s->chosen[i], k);
            printf("      <failure message=\"");
            put_xml(f.text);
            printf("\">");
            put_xml(f.file);
            printf(":%u: ", f.line);
            put_xml(f.text);
            printf("</failure>\n");
        }
        if (failures) printf("    </testcase>\n");
    }
    printf("  </testsuite>\n</testsuites>\n");
}

/* ---- the verb ---- */

static bool fits(const char *name, const char *pattern)
{
    if (!pattern) return true;
    if (strpbrk(pattern, "*?")) return fnmatch(pattern, name, 0) == 0;
    return strstr(name, pattern) != NULL;
}

static bool choose(suite *s, const char *pattern)
{
    size_t n = strata_rules_test_count(s->rules);
    s->chosen = calloc(n + 1, sizeof *s->chosen);
    if (!s->chosen) return false;
    for (size_t i = 0; i < n; i++)
        if (fits(strata_rules_test(s->rules, i).name, pattern)) s->chosen[s->n++] = i;
    return true;
}

static int run_all(suite *s)
{
    strata_error error;
    for (size_t i = 0; i < s->n; i++) {
        bool passed;
        if (strata_tests_run(s->tests, s->chosen[i], &passed, &error) != STRATA_OK)
            return cli_fail_with(&error);
        s->passed += passed;
        s->failed += !passed;
        if (s->format == TEXT) print_outcome(s, s->chosen[i]);
    }
    if (s->format == JSON) print_json(s);
    if (s->format == JUNIT) print_junit(s);
    if (s->format == TEXT && s->coverage) print_coverage(s);
    if (s->format == TEXT) printf("%zu passed, %zu failed\n", s->passed, s->failed);
    return s->failed ? CLI_BAD : CLI_CLEAN;
}

static int run_tests(suite *s, const char *pattern)
{
    strata_error error;
    if (strata_tests_new(s->rules, s->coverage, &s->tests, &error) != STRATA_OK) return cli_fail_with(&error);
    if (!choose(s, pattern)) return cli_fail("there is not enough memory.");
    if (s->n == 0 && strata_rules_test_count(s->rules))
        return cli_fail("no test has a name that fits %s.", pattern);
    if (s->n == 0) fprintf(stderr, "The rule set has no tests.\n");
    return run_all(s);
}

static format format_named(const char *name)
{
    int i = 0;
    while (name && i < NO_FORMAT && strcmp(name, formats[i]) != 0) i++;
    return (format)i;
}

static int test(const cli_args *args)
{
    suite s = {.format = format_named(cli_value(args, "format")),
               .coverage = cli_value(args, "coverage") != NULL};
    if (s.format == NO_FORMAT)
        return cli_fail("--format %s is not known. Choose text, json or junit.", cli_value(args, "format"));
    if (s.format == JUNIT && s.coverage)
        return cli_fail("--coverage has no place in junit. Choose text or json for it.");
    int status;
    strata_rules *rules = cli_load_rules(args, stderr, &status);
    if (!rules) return status;
    s.rules = rules;
    status = status == CLI_CLEAN ? run_tests(&s, cli_value(args, "run")) : CLI_FAILED;
    free(s.chosen);
    strata_tests_free(s.tests);
    strata_rules_free(rules);
    return status;
}

const cli_verb cli_test = {
    .name = "test",
    .usage = "test PATH [--run PATTERN] [--coverage] [--format json] [--set NAME=VALUE]",
    .summary = "Says whether the rules do what the tests of the rule set expect. Exit status 2: one failed.",
    .examples = "  strata test rules/\n"
                "  strata test rules/ --run \"at risk\" --coverage\n"
                "  strata test rules/ --format junit > tests.xml\n",
    .noperands = 1,
    .options = options,
    .noptions = sizeof options / sizeof *options,
    .run = test,
};
