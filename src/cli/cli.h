/* The strata command: what its verbs share. Each verb is one file with one function; options are tables that parse and print
 * themselves. The command stands on strata/strata.h and io/io.h; from the library's inside it takes only the search for near names
 * (base/text.h), memory that comes again (base/mem.h), the writing of Arrow (api/arrow_out.h) and, to make data for a rule set, the checked program.
 *
 * Exit status, the same for every verb: CLI_CLEAN, CLI_FAILED (the job could not be done; one sentence on stderr says why)
 * and CLI_BAD (the job was done and the answer is bad: a rule set with errors, a test that failed). */
#ifndef STRATA_CLI_CLI_H
#define STRATA_CLI_CLI_H

#include "strata/strata.h"

#include <stdio.h>

enum { CLI_CLEAN = 0, CLI_FAILED = 1, CLI_BAD = 2 };

typedef struct cli_option {
    const char *name;  /* "as-of", written --as-of */
    char letter;       /* 'o', written -o; 0: none */
    const char *value; /* what stands behind it in the help, "DATE"; "[FILE.json]": may be left out, and the
                          next word is it only where it ends so; NULL: a switch */
    const char *help;
    bool repeats; /* may be given several times */
} cli_option;

/* Options of several verbs, which cli_load_rules understands. */
#define CLI_OPTION_SET                                                                                       \
    {                                                                                                        \
        "set", 0, "NAME=VALUE", "another value for a parameter", true                                        \
    }
#define CLI_OPTION_LIBRARY                                                                                   \
    {                                                                                                        \
        "library", 0, "DIR", "definitions to be used that are no answers themselves", true                   \
    }
#define CLI_OPTION_ONLY                                                                                      \
    {                                                                                                        \
        "only", 0, "NAME", "this definition alone, with what it needs", true                                 \
    }
#define CLI_OPTION_DUE                                                                                       \
    {                                                                                                        \
        "due", 0, "WORD", "only what says refresh with this word or a more frequent one", false              \
    }

typedef struct cli_args cli_args;
typedef struct cli_verb {
    const char *name;
    const char *usage;    /* behind "strata " */
    const char *summary;  /* one line */
    const char *examples; /* lines of the help */
    int noperands;        /* exactly so many, */
    int noptional;        /* and at most so many more */
    const cli_option *options;
    int noptions;
    int (*run)(const cli_args *args);
} cli_verb;

/* A parsed command line; texts point into argv. */
struct cli_args {
    const cli_verb *verb;
    int noperands;
    const char *operands[4];
    int nvalues;
    struct {
        const cli_option *option;
        const char *text; /* "" for a switch */
    } * values;
};

/* Says what is wrong and returns false, or fills `args` (freed with cli_args_free, always). */
bool cli_parse(const cli_verb *verb, int argc, char **argv, cli_args *args);
void cli_args_free(cli_args *args);
const char *cli_value(const cli_args *args, const char *name); /* the last one given, or NULL */
/* The i-th value of an option that repeats, NULL behind the last. */
const char *cli_nth(const cli_args *args, const char *name, int i);
void cli_print_help(const cli_verb *verb, FILE *out);
/* A whole number between low and high; says what is wrong otherwise. Underscores between digits are allowed. */
bool cli_number(const cli_args *args, const char *name, uint64_t low, uint64_t high, uint64_t *number);
/* The candidate that `word` was probably meant to be, or NULL. */
const char *cli_nearest(const char *word, const char *const *candidates, int n);

/* One sentence on stderr, "strata: …". Returns CLI_FAILED. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
int cli_fail(const char *fmt, ...);
int cli_fail_with(const strata_error *error);

bool cli_colour(FILE *out);      /* a terminal, and NO_COLOR is not set */
int cli_width(const char *text); /* characters of UTF-8, for columns that line up */
double cli_seconds(void);        /* a clock that only runs forwards */

/* Reads PATH, the first operand or the one given: a .segb, a .seg or a folder of them, with --library, --set, --only and --due. Warnings and errors go to `messages`. NULL where
 * the rules cannot be used; *status says how to exit. */
strata_rules *cli_load_rules(const cli_args *args, FILE *messages, int *status);
strata_rules *cli_load_rules_at(const cli_args *args, const char *path, FILE *messages, int *status);
size_t cli_count(const strata_rules *rules, strata_severity severity); /* of the diagnostics */
void cli_print_diagnostics(const strata_rules *rules, FILE *out);

/* ---- where the data are (sources.c) ---- */
typedef struct cli_sources {
    const cli_args *args;
    const char *folder; /* that --data names, or NULL */
    const char *named;  /* a --data that names a table, or NULL */
} cli_sources;
/* False after saying what is wrong with one of them. */
bool cli_find_sources(const cli_args *args, const strata_rules *rules, cli_sources *sources);
const char *cli_source_named(const cli_sources *sources, const char *table); /* the path; NULL: not by name */
typedef strata_status (*cli_take_file)(void *context, const strata_table *table, const char *path,
                                       strata_error *error);
/* The files of a table in the order of its rows, until one is not taken. */
strata_status cli_each_file(const cli_sources *sources, const strata_table *table, bool progress,
                            cli_take_file take, void *context, strata_error *error);
/* Progress on a terminal: one line that is written over. share < 0: without a share. */
void cli_show_progress(bool on, const char *what, double share);

/* A table for people: names, numbers, and where a whole is given shares and, in colour, bars. */
typedef struct cli_layout {
    FILE *out;
    int left; /* width of the column of names */
    bool colour;
} cli_layout;
int cli_width(const char *text); /* characters of UTF-8 text, for columns that line up */
void cli_print_row(const cli_layout *l, const char *indent, const char *name, bool strong, uint64_t n,
                   uint64_t whole);

/* ---- treatments (treat.c) ---- */
/* Whether --treatments and --activate are asked for; what is wrong with them is said before the work. */
bool cli_wants_treatments(const cli_args *args);
bool cli_check_treatments(const cli_args *args, const strata_rules *rules);
bool cli_check_activation(const cli_args *args, const strata_rules *rules, const strata_result *result);
/* Writes the files that are asked for; false after saying what is wrong. */
bool cli_write_treatments(const cli_args *args, const strata_rules *rules, const strata_result *result);
void cli_print_treatments(const strata_result *result, FILE *out);
bool cli_is_folder(const char *path);
bool cli_is_stdout(const char *path); /* "-"; NULL is fine */

/* The answer as a table for people. */
void cli_print_counts(const strata_result *result, FILE *out);
/* The answer as definition,label,customers in order of the lines; tiers and scores without customers are left out. */
bool cli_write_counts(const strata_result *result, const char *path);

/* How the promises came out, as a table for people; nothing where there are none. */
void cli_print_promises(const strata_result *result, FILE *out);
size_t cli_count_broken(const strata_result *result);
/* The file or folder of --previous, or NULL where there is none; false after saying what is wrong. */
bool cli_read_previous(const cli_args *args, const strata_rules *rules, strata_previous **previous);
bool cli_is_folder(const char *path);

/* ---- what a run cost (profile.c) ---- */
typedef struct cli_timings {
    double compile, load, finish, run, write; /* finish: of load, mapping keys and links */
    size_t ntables;
    struct cli_table_time {
        const char *name;
        uint64_t rows;
        double seconds;
    } * tables; /* those that were read */
} cli_timings;
/* As text on stderr, or, where `path` is not empty, as JSON; false after saying what is wrong. */
bool cli_write_profile(const char *path, const cli_timings *t, const strata_result *result);

extern const cli_verb cli_run, cli_test, cli_compile, cli_check, cli_list, cli_generate, cli_snapshot;

#endif
