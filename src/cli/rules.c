/* Rule sets and files as the verbs meet them. */
#include "cli/cli.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

bool cli_colour(FILE *out)
{
    const char *no = getenv("NO_COLOR");
    return isatty(fileno(out)) && !(no && *no);
}

int cli_width(const char *text)
{
    int n = 0;
    for (; *text; text++) n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

double cli_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void cli_print_diagnostics(const strata_rules *rules, FILE *out)
{
    char *text = NULL;
    strata_error error;
    if (strata_rules_diagnostic_count(rules) == 0) return;
    strata_diagnostic_format format = cli_colour(out) ? STRATA_DIAGNOSTICS_COLOUR : STRATA_DIAGNOSTICS_TEXT;
    if (strata_rules_diagnostics(rules, format, &text, &error) == STRATA_OK) {
        fputs(text, out);
        strata_free(rules, text);
    } else {
        cli_fail_with(&error);
    }
}

size_t cli_count(const strata_rules *rules, strata_severity severity)
{
    size_t n = 0;
    for (size_t i = 0; i < strata_rules_diagnostic_count(rules); i++)
        n += strata_rules_diagnostic(rules, i).severity == severity;
    return n;
}

/* Reads a whole compiled file; NULL after saying what is wrong. */
static void *read_file(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        cli_fail("%s cannot be read: %s.", path, strerror(errno));
        return NULL;
    }
    size_t room = 1u << 16;
    char *bytes = malloc(room);
    *n = 0;
    for (size_t got; bytes && (got = fread(bytes + *n, 1, room - *n, file)) > 0;) {
        *n += got;
        if (*n < room) continue;
        char *more = realloc(bytes, room *= 2);
        if (!more) free(bytes);
        bytes = more;
    }
    if (!bytes) {
        cli_fail("there is not enough memory for %s.", path);
    } else if (ferror(file)) {
        cli_fail("%s cannot be read: %s.", path, strerror(errno));
        free(bytes);
        bytes = NULL;
    }
    fclose(file);
    return bytes;
}

static bool add_libraries(const cli_args *args, strata_rules *rules, strata_error *error)
{
    const char *path;
    for (int i = 0; (path = cli_nth(args, "library", i)); i++)
        if (strata_rules_add_library(rules, path, error) != STRATA_OK) return false;
    return true;
}

static bool ask_for(const cli_args *args, strata_rules *rules, strata_error *error)
{
    const char *text, *due = cli_value(args, "due");
    for (int i = 0; (text = cli_nth(args, "only", i)); i++)
        if (strata_rules_only(rules, text, error) != STRATA_OK) return false;
    return !due || strata_rules_due(rules, due, error) == STRATA_OK;
}

static strata_rules *read_compiled(const cli_args *args, const char *path, int *status)
{
    strata_rules *rules = NULL;
    strata_error error;
    *status = CLI_FAILED;
    if (cli_value(args, "set")) {
        cli_fail("%s is compiled: its parameters are fixed. Use --set with the .seg files, or when they are "
                 "compiled.",
                 path);
        return NULL;
    }
    if (cli_value(args, "library")) {
        cli_fail("%s is compiled: it holds what it uses of libraries. Use --library with the .seg files.",
                 path);
        return NULL;
    }
    size_t n;
    void *bytes = read_file(path, &n);
    if (!bytes) return NULL;
    if (strata_rules_read(NULL, bytes, n, &rules, &error) != STRATA_OK) {
        cli_fail("%s: %s", path, error.message);
    } else if (!ask_for(args, rules, &error)) {
        cli_fail_with(&error);
        strata_rules_free(rules);
        rules = NULL;
    } else {
        *status = CLI_CLEAN;
    }
    free(bytes);
    return rules;
}

/* --set name=value, each. */
static bool set_parameters(const cli_args *args, strata_rules *rules, strata_error *error)
{
    const char *text;
    for (int i = 0; (text = cli_nth(args, "set", i)); i++) {
        const char *sign = strchr(text, '=');
        if (!sign || sign == text) {
            snprintf(error->message, sizeof error->message, "--set %s has no value. Write --set name=value.",
                     text);
            return false;
        }
        char *name = strndup(text, (size_t)(sign - text));
        strata_status status = name ? strata_rules_set(rules, name, sign + 1, error) : STRATA_NO_MEMORY;
        free(name);
        if (status != STRATA_OK) return false;
    }
    return true;
}

strata_rules *cli_load_rules(const cli_args *args, FILE *messages, int *status)
{
    return cli_load_rules_at(args, args->operands[0], messages, status);
}

strata_rules *cli_load_rules_at(const cli_args *args, const char *path, FILE *messages, int *status)
{
    if (st_text_ends(st_str_of(path), ST_STR(".segb"))) return read_compiled(args, path, status);
    strata_rules *rules = NULL;
    strata_error error = {0};
    *status = CLI_FAILED;
    if (strata_rules_new(NULL, &rules, &error) != STRATA_OK || !add_libraries(args, rules, &error) ||
        strata_rules_add_path(rules, path, &error) != STRATA_OK || !set_parameters(args, rules, &error) ||
        !ask_for(args, rules, &error)) {
        cli_fail_with(&error);
        strata_rules_free(rules);
        return NULL;
    }
    strata_status compiled = strata_rules_compile(rules, &error);
    if (messages) cli_print_diagnostics(rules, messages);
    if (compiled == STRATA_OK) {
        *status = CLI_CLEAN;
        return rules;
    }
    if (compiled == STRATA_BAD_RULES) {
        /* What no single place is to blame for is said by the error itself. */
        if (!cli_count(rules, STRATA_ERROR)) cli_fail_with(&error);
        *status = CLI_BAD;
        return rules;
    }
    cli_fail_with(&error);
    strata_rules_free(rules);
    return NULL;
}
