/* strata compile: a rule set as a .segb file, or any floor of the compiler as text. */
#include "cli/cli.h"

#include "io/io.h"

static const cli_option options[] = {
    {"emit", 0, "WHAT", "print tokens, ast, program, ir, plan or bytecode", false},
    {"output", 'o', "FILE.segb", "write the compiled rule set", false},
    {"traits", 0, NULL, "compile traits as outputs too, for strata run --traits", false},
    CLI_OPTION_SET,
    CLI_OPTION_LIBRARY,
    CLI_OPTION_ONLY,
    CLI_OPTION_DUE,
};

static bool emit(const strata_rules *rules, const char *what)
{
    char *text = NULL;
    strata_error error;
    if (strata_rules_emit(rules, what, &text, &error) != STRATA_OK) {
        cli_fail_with(&error);
        return false;
    }
    fputs(text, stdout);
    strata_free(rules, text);
    return true;
}

static bool write_compiled(const strata_rules *rules, bool traits, const char *path)
{
    void *bytes;
    size_t n;
    strata_error error;
    bool good = strata_rules_write(rules, traits, &bytes, &n, &error) == STRATA_OK &&
                st_io_write_bytes(path, bytes, n, &error) == STRATA_OK;
    strata_free(rules, bytes);
    if (!good) cli_fail_with(&error);
    return good;
}

static int compile(const cli_args *args)
{
    const char *what = cli_value(args, "emit"), *path = cli_value(args, "output");
    if (!what && !path)
        return cli_fail(
            "say what to make: -o FILE.segb, or --emit tokens, ast, program, ir, plan or bytecode.");
    int status;
    strata_rules *rules = cli_load_rules(args, stderr, &status);
    if (!rules) return status;
    if (status == CLI_BAD) status = CLI_FAILED;
    /* Words and tree can be looked at even where the rules have errors. */
    bool good = !what || emit(rules, what);
    if (good && path && status == CLI_CLEAN)
        good = write_compiled(rules, cli_value(args, "traits") != NULL, path);
    if (!good) status = CLI_FAILED;
    strata_rules_free(rules);
    return status;
}

const cli_verb cli_compile = {
    .name = "compile",
    .usage = "compile PATH (-o FILE.segb | --emit WHAT)",
    .summary = "Compiles a rule set into one file, or shows what the compiler makes of it.",
    .examples = "  strata compile rules/ -o rules.segb\n"
                "  strata compile rules/ --emit plan\n",
    .noperands = 1,
    .options = options,
    .noptions = sizeof options / sizeof *options,
    .run = compile,
};
