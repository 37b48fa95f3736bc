/* Command lines: parsing by an option table, help from the same table, near names for what was mistyped. */
#include "cli/cli.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *cli_nearest(const char *word, const char *const *candidates, int n)
{
    st_near near = {0};
    for (int i = 0; i < n; i++) st_near_add(&near, word, candidates[i]);
    return near.n ? near.names[0] : NULL;
}

int cli_fail(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("strata: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    return CLI_FAILED;
}

int cli_fail_with(const strata_error *error)
{
    return cli_fail("%s", error->message);
}

static void unknown_option(const cli_verb *verb, const char *word)
{
    enum { MOST = 32 };
    const char *names[MOST];
    int n = 0;
    for (; n < verb->noptions && n < MOST; n++) names[n] = verb->options[n].name;
    const char *bare = word + strspn(word, "-");
    size_t length = strcspn(bare, "=");
    char name[64] = {0};
    memcpy(name, bare, length < sizeof name ? length : sizeof name - 1);
    const char *near = cli_nearest(name, names, n);
    if (near)
        cli_fail("strata %s has no option %s%s. Did you mean --%s?", verb->name, length == 1 ? "-" : "--",
                 name, near);
    else
        cli_fail("strata %s has no option %s%s. strata help %s lists them.", verb->name,
                 length == 1 ? "-" : "--", name, verb->name);
}

/* The option that `word` names; *value is what stands behind its = sign, or NULL. */
static const cli_option *find_option(const cli_verb *verb, const char *word, const char **value)
{
    *value = NULL;
    for (int i = 0; i < verb->noptions; i++) {
        const cli_option *o = &verb->options[i];
        size_t n = strlen(o->name);
        if (o->letter && word[1] == o->letter && !word[2]) return o;
        if (word[1] != '-' || strncmp(word + 2, o->name, n) != 0) continue;
        if (word[2 + n] == '=') *value = word + 3 + n;
        if (word[2 + n] == '=' || word[2 + n] == '\0') return o;
    }
    return NULL;
}

static bool add_value(cli_args *args, const cli_option *option, const char *text)
{
    if (!option->repeats && cli_value(args, option->name)) {
        cli_fail("--%s is given twice. Say it once.", option->name);
        return false;
    }
    args->values[args->nvalues].option = option;
    args->values[args->nvalues++].text = text;
    return true;
}

static bool add_operand(cli_args *args, const char *word)
{
    if (args->noperands == args->verb->noperands + args->verb->noptional) {
        cli_fail("strata %s takes no further word, but %s stands there. Usage: strata %s", args->verb->name,
                 word, args->verb->usage);
        return false;
    }
    args->operands[args->noperands++] = word;
    return true;
}

/* Whether the word can be the value of an option that may stand without one: it ends as the help says, "[FILE.json]". */
static bool is_left_value(const char *word, const char *value)
{
    const char *ending = strrchr(value, '.'), *its = strrchr(word, '.');
    size_t n = strlen(ending) - 1;
    return its && strlen(its) == n && strncmp(its, ending, n) == 0;
}

bool cli_parse(const cli_verb *verb, int argc, char **argv, cli_args *args)
{
    memset(args, 0, sizeof *args);
    args->verb = verb;
    args->values = calloc((size_t)argc + 1, sizeof *args->values);
    if (!args->values) return false;
    bool options = true;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i], *value;
        if (!options || word[0] != '-' || word[1] == '\0') {
            if (!add_operand(args, word)) return false;
            continue;
        }
        if (strcmp(word, "--") == 0) {
            options = false;
            continue;
        }
        const cli_option *o = find_option(verb, word, &value);
        if (!o) {
            unknown_option(verb, word);
            return false;
        }
        if (!o->value && value) {
            cli_fail("--%s takes no value.", o->name);
            return false;
        }
        if (o->value && !value && o->value[0] == '[')
            value = i + 1 < argc && is_left_value(argv[i + 1], o->value) ? argv[++i] : "";
        if (o->value && !value) {
            if (i + 1 == argc) {
                cli_fail("--%s needs a value behind it: --%s %s", o->name, o->name, o->value);
                return false;
            }
            value = argv[++i];
        }
        if (!add_value(args, o, o->value ? value : "")) return false;
    }
    if (args->noperands < verb->noperands) {
        cli_fail("something is missing. Usage: strata %s", verb->usage);
        return false;
    }
    return true;
}

void cli_args_free(cli_args *args)
{
    free(args->values);
    args->values = NULL;
}

const char *cli_nth(const cli_args *args, const char *name, int i)
{
    for (int k = 0; k < args->nvalues; k++)
        if (strcmp(args->values[k].option->name, name) == 0 && i-- == 0) return args->values[k].text;
    return NULL;
}

const char *cli_value(const cli_args *args, const char *name)
{
    return cli_nth(args, name, 0);
}

bool cli_number(const cli_args *args, const char *name, uint64_t low, uint64_t high, uint64_t *number)
{
    const char *text = cli_value(args, name);
    if (!text) return true;
    uint64_t n = 0;
    bool good = *text != '\0';
    for (const char *p = text; *p && good; p++) {
        if (*p == '_' && p > text && p[1]) continue;
        good = *p >= '0' && *p <= '9' && n <= (UINT64_MAX - 9) / 10;
        n = n * 10 + (uint64_t)(*p - '0');
    }
    if (!good || n < low || n > high) {
        cli_fail("--%s %s is not a whole number from %llu to %llu.", name, text, (unsigned long long)low,
                 (unsigned long long)high);
        return false;
    }
    *number = n;
    return true;
}

void cli_print_help(const cli_verb *verb, FILE *out)
{
    fprintf(out, "%s\n\nUsage: strata %s\n", verb->summary, verb->usage);
    if (verb->noptions) fprintf(out, "\nOptions:\n");
    for (int i = 0; i < verb->noptions; i++) {
        const cli_option *o = &verb->options[i];
        char left[64], letter[8] = "";
        if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->value ? " " : "",
                 o->value ? o->value : "");
        fprintf(out, "  %-32s %s\n", left, o->help);
    }
    fprintf(out, "\nExamples:\n%s", verb->examples);
}
