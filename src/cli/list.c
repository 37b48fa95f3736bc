/* strata list: the catalogue of a rule set, for people and for programs. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

static const cli_option options[] = {
    {"format", 0, "FORMAT", "text (for people) or json (for programs)", false},
    CLI_OPTION_ONLY,
    CLI_OPTION_DUE,
    CLI_OPTION_LIBRARY,
    CLI_OPTION_SET,
};

/* ---- what is listed ---- */

static size_t find(const strata_rules *rules, const char *name)
{
    size_t i = 0, n = strata_rules_definition_count(rules);
    while (i < n && strcmp(strata_rules_definition(rules, i).name, name) != 0) i++;
    return i;
}

/* Definition i, and what it is made of. */
static void show(const strata_rules *rules, size_t i, bool *shown)
{
    if (shown[i]) return;
    shown[i] = true;
    strata_definition d = strata_rules_definition(rules, i);
    for (size_t k = 0; k < d.nuses; k++) show(rules, find(rules, d.uses[k]), shown);
}

/* All definitions; with --only or --due those that are asked for, what they need, and their checks. NULL: no memory. */
static bool *find_shown(const cli_args *args, const strata_rules *rules)
{
    size_t n = strata_rules_definition_count(rules);
    bool *shown = calloc(n + 1, sizeof *shown), all = !cli_value(args, "only") && !cli_value(args, "due");
    if (!shown) return NULL;
    for (size_t i = 0; i < n; i++)
        if (all || strata_rules_definition(rules, i).output) show(rules, i, shown);
    return shown;
}

/* ---- for programs ---- */

static void put_text(const char *text)
{
    if (!text) {
        fputs("null", stdout);
        return;
    }
    putchar('"');
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            printf("\\%c", *p);
        else if (*p == '\n')
            fputs("\\n", stdout);
        else if (*p < 0x20)
            printf("\\u%04x", *p);
        else
            putchar(*p);
    }
    putchar('"');
}

static void put_member(const char *key, const char *text)
{
    printf(", \"%s\": ", key);
    put_text(text);
}

static void put_number(const char *key, long long n, bool said)
{
    if (said)
        printf(", \"%s\": %lld", key, n);
    else
        printf(", \"%s\": null", key);
}

static void put_names(const char *key, const char *const *names, size_t n)
{
    printf(", \"%s\": [", key);
    for (size_t i = 0; i < n; i++) {
        if (i) fputs(", ", stdout);
        put_text(names[i]);
    }
    putchar(']');
}

static void put_definition(const strata_definition *d)
{
    fputs("{\"name\": ", stdout);
    put_text(d->name);
    put_member("kind", strata_kind_name(d->kind));
    put_member("entity", d->entity);
    put_member("type", d->type);
    put_names("labels", d->labels, d->nlabels);
    put_member("value", d->value);
    put_member("title", d->title);
    put_member("doc", d->doc);
    put_member("owner", d->owner);
    put_member("goal", d->goal);
    put_member("kpi", d->kpi);
    put_member("refresh", d->refresh);
    put_number("version", (long long)d->version, d->version != 0);
    put_member("review_by", d->review_by);
    put_member("formerly", d->formerly);
    put_names("tags", d->tags, d->ntags);
    put_member("file", d->file);
    put_number("line", (long long)d->line, d->file != NULL);
    printf(", \"output\": %s, \"library\": %s", d->output ? "true" : "false",
           d->in_library ? "true" : "false");
    put_names("columns", d->columns, d->ncolumns);
    put_names("uses", d->uses, d->nuses);
    put_names("used_by", d->used_by, d->nused_by);
    put_number("checks", (long long)d->nchecks, true);
    put_number("tests", (long long)d->ntests, true);
    putchar('}');
}

static void put_table(const strata_table *t)
{
    fputs("{\"name\": ", stdout);
    put_text(t->name);
    printf(", \"needed\": %s, \"columns\": [", t->needed ? "true" : "false");
    for (size_t i = 0; i < t->ncolumns; i++) {
        const strata_column *c = &t->columns[i];
        fputs(i ? ", {\"name\": " : "{\"name\": ", stdout);
        put_text(c->name);
        put_member("type", c->type);
        printf(", \"key\": %s", c->key ? "true" : "false");
        put_member("links_to", c->links_to);
        printf(", \"needed\": %s}", c->needed ? "true" : "false");
    }
    fputs("]}", stdout);
}

static void print_json(const strata_rules *rules, const bool *shown)
{
    fputs("{\"timezone\": ", stdout);
    put_text(strata_rules_timezone(rules));
    fputs(",\n \"tables\": [", stdout);
    for (size_t i = 0; i < strata_rules_table_count(rules); i++) {
        strata_table t = strata_rules_table(rules, i);
        fputs(i ? ",\n  " : "\n  ", stdout);
        put_table(&t);
    }
    fputs("],\n \"definitions\": [", stdout);
    bool first = true;
    for (size_t i = 0; i < strata_rules_definition_count(rules); i++) {
        if (!shown[i]) continue;
        strata_definition d = strata_rules_definition(rules, i);
        fputs(first ? "\n  " : ",\n  ", stdout);
        first = false;
        put_definition(&d);
    }
    fputs("]}\n", stdout);
}

/* ---- for people ---- */

enum { COLUMNS = 6, KIND = 0, NAME, REFRESH, OWNER, PLACE, TITLE };
static const char *const heads[COLUMNS] = {"KIND", "NAME", "REFRESH", "OWNER", "PLACE", "TITLE"};

typedef struct row {
    const char *cells[COLUMNS];
    char place[512];
} row;

static void fill(row *r, const strata_definition *d)
{
    snprintf(r->place, sizeof r->place, "%s:%u", d->file ? d->file : "", d->line);
    const char *const cells[COLUMNS] = {strata_kind_name(d->kind),    d->name,
                                        d->refresh ? d->refresh : "", d->owner ? d->owner : "",
                                        d->file ? r->place : "",      d->title ? d->title : ""};
    memcpy(r->cells, cells, sizeof cells);
}

/* Wide enough for all of them; 0 where nobody has anything to say. */
static void find_widths(const strata_rules *rules, const bool *shown, int widths[COLUMNS])
{
    memset(widths, 0, COLUMNS * sizeof *widths);
    for (size_t i = 0; i < strata_rules_definition_count(rules); i++) {
        if (!shown[i]) continue;
        strata_definition d = strata_rules_definition(rules, i);
        row r;
        fill(&r, &d);
        for (int c = 0; c < COLUMNS; c++) {
            int n = cli_width(r.cells[c]);
            if (n > 0 && cli_width(heads[c]) > n) n = cli_width(heads[c]);
            if (n > widths[c]) widths[c] = n;
        }
    }
}

static void print_row(const char *const *cells, const int *widths)
{
    int last = 0;
    for (int c = 0; c < COLUMNS; c++)
        if (*cells[c]) last = c;
    fputs("  ", stdout);
    for (int c = 0; c <= last; c++) {
        if (!widths[c]) continue;
        printf("%s%*s", cells[c], c < last ? widths[c] - cli_width(cells[c]) + 2 : 0, "");
    }
    putchar('\n');
}

/* The definitions about one table, or (NULL) about none. */
static void print_entity(const strata_rules *rules, const bool *shown, const char *entity, const int *widths)
{
    bool headed = false;
    for (size_t i = 0; i < strata_rules_definition_count(rules); i++) {
        strata_definition d = strata_rules_definition(rules, i);
        if (!shown[i]) continue;
        if (entity ? !d.entity || strcmp(d.entity, entity) != 0 : d.entity != NULL) continue;
        if (!headed) {
            const char *words[COLUMNS];
            for (int c = 0; c < COLUMNS; c++) words[c] = widths[c] ? heads[c] : "";
            printf("%s\n", entity ? entity : "of no table");
            print_row(words, widths);
        }
        headed = true;
        row r;
        fill(&r, &d);
        print_row(r.cells, widths);
    }
    if (headed) putchar('\n');
}

static void print_overview(const strata_rules *rules, const bool *shown)
{
    int widths[COLUMNS];
    size_t n = 0, answers = 0, checks = 0;
    find_widths(rules, shown, widths);
    for (size_t i = 0; i < strata_rules_table_count(rules); i++)
        print_entity(rules, shown, strata_rules_table(rules, i).name, widths);
    print_entity(rules, shown, NULL, widths);
    for (size_t i = 0; i < strata_rules_definition_count(rules); i++) {
        strata_definition d = strata_rules_definition(rules, i);
        checks += shown[i] && d.kind == STRATA_CHECK;
        n += shown[i] && d.kind != STRATA_CHECK;
        answers += shown[i] && d.output && d.kind != STRATA_TRAIT && d.kind != STRATA_CHECK;
    }
    printf("%zu definition%s, %zu of them given out by a run, %zu check%s\n", n, n == 1 ? "" : "s", answers,
           checks, checks == 1 ? "" : "s");
}

/* ---- one definition in full ---- */

static void print_line(const char *head, const char *text)
{
    if (!text || !*text) return;
    printf("  %-11s", head);
    for (const char *p = text; *p; p++) {
        putchar(*p);
        if (*p == '\n' && p[1]) printf("  %-11s", "");
    }
    putchar('\n');
}

static void print_names(const char *head, const char *const *names, size_t n)
{
    enum { WIDE = 76, LEFT = 13 };
    if (!n) return;
    printf("  %-11s", head);
    for (size_t i = 0, at = LEFT; i < n; i++) {
        size_t width = (size_t)cli_width(names[i]) + 2;
        if (i && at + width > WIDE) {
            printf("\n%*s", LEFT, "");
            at = LEFT;
        }
        printf("%s%s%s", i && at > LEFT ? " " : "", names[i], i + 1 < n ? "," : "");
        at += width;
    }
    putchar('\n');
}

static void print_count(const char *head, size_t n)
{
    if (n) printf("  %-11s%zu\n", head, n);
}

static void print_card(const strata_definition *d)
{
    row r;
    fill(&r, d);
    char version[24] = "";
    if (d->version) snprintf(version, sizeof version, "%lld", (long long)d->version);
    printf("%s %s%s%s\n", strata_kind_name(d->kind), d->name, d->entity ? " of " : "",
           d->entity ? d->entity : "");
    print_line("title", d->title);
    print_line("doc", d->doc);
    print_line("type", d->type);
    print_names("labels", d->labels, d->nlabels);
    print_line("value", d->value);
    print_line("owner", d->owner);
    print_line("goal", d->goal);
    print_line("kpi", d->kpi);
    print_line("refresh", d->refresh);
    print_line("version", version);
    print_line("review by", d->review_by);
    print_line("formerly", d->formerly);
    print_names("tags", d->tags, d->ntags);
    print_line("stands in", r.cells[PLACE]);
    print_names("reads", d->columns, d->ncolumns);
    print_names("uses", d->uses, d->nuses);
    print_names("used by", d->used_by, d->nused_by);
    print_count("checks", d->nchecks);
    print_count("tests", d->ntests);
}

/* The definition that is named behind the path. */
static int print_named(const strata_rules *rules, const char *name)
{
    size_t n = strata_rules_definition_count(rules), i = find(rules, name);
    if (i < n) {
        strata_definition d = strata_rules_definition(rules, i);
        print_card(&d);
        return CLI_CLEAN;
    }
    const char **names = calloc(n + 1, sizeof *names), *near = NULL;
    for (i = 0; names && i < n; i++) names[i] = strata_rules_definition(rules, i).name;
    if (names) near = cli_nearest(name, names, (int)n);
    if (near)
        cli_fail("the rule set defines no %s. Did you mean %s?", name, near);
    else
        cli_fail("the rule set defines no %s. Without a name, strata list shows all that it defines.", name);
    free(names);
    return CLI_FAILED;
}

static int print_list(const cli_args *args, const strata_rules *rules, bool json)
{
    if (args->noperands > 1) return print_named(rules, args->operands[1]);
    bool *shown = find_shown(args, rules);
    if (!shown) return cli_fail("there is not enough memory.");
    if (json)
        print_json(rules, shown);
    else
        print_overview(rules, shown);
    free(shown);
    return CLI_CLEAN;
}

static int list(const cli_args *args)
{
    const char *format = cli_value(args, "format");
    bool json = format && strcmp(format, "json") == 0;
    if (format && !json && strcmp(format, "text") != 0)
        return cli_fail("--format %s is not known. Choose text or json.", format);
    if (json && args->noperands > 1)
        return cli_fail("--format json lists the whole rule set: leave out %s, or the option.",
                        args->operands[1]);
    int status;
    strata_rules *rules = cli_load_rules(args, NULL, &status);
    if (!rules) return status;
    if (status != CLI_CLEAN) {
        cli_print_diagnostics(rules, stderr);
        status = CLI_FAILED;
    } else {
        status = print_list(args, rules, json);
    }
    strata_rules_free(rules);
    return status;
}

const cli_verb cli_list = {
    .name = "list",
    .usage = "list PATH [NAME] [--format json]",
    .summary = "Lists what a rule set defines, what it reads and what uses it.",
    .examples = "  strata list rules/\n"
                "  strata list rules/ vip\n"
                "  strata list rules/ --format json\n",
    .noperands = 1,
    .noptional = 1,
    .options = options,
    .noptions = sizeof options / sizeof *options,
    .run = list,
};
