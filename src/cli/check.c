/* strata check: errors and warnings of a rule set. */
#include "cli/cli.h"

#include <string.h>

static const cli_option options[] = {
    {"format", 0, "FORMAT", "text (for people) or json (for programs)", false},
    CLI_OPTION_SET,
    CLI_OPTION_LIBRARY,
    CLI_OPTION_ONLY,
    CLI_OPTION_DUE,
};

static void print_summary(const strata_rules *rules)
{
    size_t errors = cli_count(rules, STRATA_ERROR), warnings = cli_count(rules, STRATA_WARNING);
    printf("%zu error%s, %zu warning%s\n", errors, errors == 1 ? "" : "s", warnings,
           warnings == 1 ? "" : "s");
}

static int check(const cli_args *args)
{
    const char *format = cli_value(args, "format");
    bool json = format && strcmp(format, "json") == 0;
    if (format && !json && strcmp(format, "text") != 0)
        return cli_fail("--format %s is not known. Choose text or json.", format);
    int status;
    strata_rules *rules = cli_load_rules(args, json ? NULL : stdout, &status);
    if (!rules) return status;
    if (json) {
        char *text = NULL;
        strata_error error;
        if (strata_rules_diagnostics(rules, STRATA_DIAGNOSTICS_JSON, &text, &error) == STRATA_OK)
            fputs(text, stdout);
        else
            status = cli_fail_with(&error);
        strata_free(rules, text);
    } else {
        print_summary(rules);
    }
    strata_rules_free(rules);
    return status;
}

const cli_verb cli_check = {
    .name = "check",
    .usage = "check PATH [--format json] [--set NAME=VALUE]",
    .summary = "Says what is wrong or doubtful in a rule set. Exit status 2: it has errors.",
    .examples = "  strata check rules/\n"
                "  strata check rules/vip.seg --format json\n",
    .noperands = 1,
    .options = options,
    .noptions = sizeof options / sizeof *options,
    .run = check,
};
