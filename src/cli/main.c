/* The strata command: finds the verb and hands over. */
#include "cli/cli.h"

#include "base/mem.h"

#include <string.h>

static const cli_verb *const verbs[] = {&cli_run,      &cli_check, &cli_test,    &cli_compile,
                                        &cli_snapshot, &cli_list,  &cli_generate};
enum { NVERBS = sizeof verbs / sizeof *verbs };

static void print_help(FILE *out)
{
    fprintf(out, "Strata says which customers are in which segment.\n\nUsage: strata VERB ...\n\nVerbs:\n");
    for (int i = 0; i < NVERBS; i++) fprintf(out, "  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
    fprintf(out, "  %-10s %s\n", "help", "Says more about a verb: strata help run");
    fprintf(
        out,
        "\nstrata --version prints the version. Exit status: 0 all is well, 1 the job could not be done,\n"
        "2 it was done and the answer is bad (a rule set with errors, a failed test).\n");
}

static const cli_verb *find_verb(const char *name)
{
    for (int i = 0; i < NVERBS; i++)
        if (strcmp(verbs[i]->name, name) == 0) return verbs[i];
    return NULL;
}

static int unknown_verb(const char *word)
{
    const char *names[NVERBS + 1];
    for (int i = 0; i < NVERBS; i++) names[i] = verbs[i]->name;
    names[NVERBS] = "help";
    const char *near = cli_nearest(word, names, NVERBS + 1);
    if (near) return cli_fail("there is no verb %s. Did you mean %s?", word, near);
    return cli_fail("there is no verb %s. strata help lists them.", word);
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int help(int argc, char **argv)
{
    if (argc == 0) {
        print_help(stdout);
        return CLI_CLEAN;
    }
    const cli_verb *verb = find_verb(argv[0]);
    if (!verb) return unknown_verb(argv[0]);
    cli_print_help(verb, stdout);
    return CLI_CLEAN;
}

static int run_verb(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return CLI_FAILED;
    }
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0) {
        printf("strata %s\n", STRATA_VERSION);
        return CLI_CLEAN;
    }
    if (is_help(word)) return help(0, NULL);
    if (strcmp(word, "help") == 0) return help(argc - 2, argv + 2);
    const cli_verb *verb = find_verb(word);
    if (!verb) return unknown_verb(word);
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (is_help(argv[i])) return help(1, argv + 1);
    cli_args args;
    int status = cli_parse(verb, argc - 2, argv + 2, &args) ? verb->run(&args) : CLI_FAILED;
    cli_args_free(&args);
    return status;
}

/* What one step of a run gives back is the next one's. */
#define MOST_KEPT ((size_t)512 << 20)

int main(int argc, char **argv)
{
    st_keep_large_blocks(MOST_KEPT);
    int status = run_verb(argc, argv);
    /* What was printed may not have reached its place: a full disk, a closed pipe. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == CLI_CLEAN)
        return cli_fail("the output could not be written.");
    return status;
}
