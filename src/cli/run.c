/* strata run: rules over data, an answer for people, files for programs. */
#include "cli/cli.h"

#include "io/io.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const cli_option options[] = {
    {"data", 0, "DIR | TABLE=PATH",
     "a folder with the tables, or where one table is (file, folder of parts, glob)", true},
    {"as-of", 0, "DAY", "the moment of the answer, 2026-11-01 or 2026-11-01T09:30; today if not said", false},
    {"threads", 0, "N", "at most so many; one for each processor if not said", false},
    CLI_OPTION_SET,
    CLI_OPTION_LIBRARY,
    CLI_OPTION_ONLY,
    CLI_OPTION_DUE,
    {"output", 'o', "FILE", "one row a customer: .parquet .arrow .feather .csv .jsonl", false},
    {"format", 0, "FORMAT", "parquet, arrow, csv or jsonl, where the name of the file does not say it",
     false},
    {"long", 0, NULL, "one row a membership instead: entity, definition, label", false},
    {"traits", 0, NULL, "traits too, and the raw values of rfm", false},
    {"counts", 0, "FILE", "the sizes: definition,label,customers", false},
    {"treatments", 0, "FILE", "who gets which treatment, and why others do not; in the formats of -o", false},
    {"activate", 0, "DIR", "the files for other tools: one a treatment and channel, one an audience", false},
    {"previous", 0, "FILE | DIR", "an earlier output or counts, which sizes are compared with", false},
    {"allow-failed-checks", 0, NULL, "write the output even where a promise is broken", false},
    {"timings", 0, NULL, "say on stderr how long each part took", false},
    {"profile", 0, "[FILE.json]", "what each step cost, on stderr or as JSON", false},
};

/* ---- reading ---- */

/* What --data says of a table: the text behind "table=", or NULL. */
static const char *named_source(const cli_args *args, const char *table)
{
    const char *text;
    size_t n = strlen(table);
    for (int i = 0; (text = cli_nth(args, "data", i)); i++)
        if (strncmp(text, table, n) == 0 && text[n] == '=') return text + n + 1;
    return NULL;
}

bool cli_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* The folder of --data; false after saying what is wrong with one of them. */
static bool find_folder(const cli_args *args, const strata_rules *rules, const char **folder)
{
    const char *text;
    *folder = NULL;
    for (int i = 0; (text = cli_nth(args, "data", i)); i++) {
        const char *sign = strchr(text, '=');
        bool named = false;
        for (size_t t = 0; sign && t < strata_rules_table_count(rules); t++) {
            const char *name = strata_rules_table(rules, t).name;
            named =
                named || (strlen(name) == (size_t)(sign - text) && strncmp(name, text, strlen(name)) == 0);
        }
        if (named) continue;
        if (sign && !cli_is_folder(text)) {
            cli_fail("--data %s: the rule set has no table %.*s.", text, (int)(sign - text), text);
            return false;
        }
        if (*folder) {
            cli_fail("--data names two folders, %s and %s. Give one, and single tables as --data TABLE=PATH.",
                     *folder, text);
            return false;
        }
        *folder = text;
    }
    return true;
}

/* Progress on a terminal: one line that is written over. */
static void show(bool on, const char *what, double share)
{
    if (!on) return;
    if (share < 0)
        fprintf(stderr, "\r\033[K%s", what);
    else
        fprintf(stderr, "\r\033[K%s %d%%", what, (int)(share * 100));
    fflush(stderr);
}

static strata_status find_files(const char *table, const char *folder, const char *where, st_io_files *files,
                                strata_error *error)
{
    if (where) return st_io_expand(where, table, files, error);
    if (folder) return st_io_find(folder, table, files, error);
    snprintf(error->message, sizeof error->message,
             "Where is the table %s? Say --data DIR or --data %s=PATH.", table, table);
    return STRATA_BAD_INPUT;
}

/* Where the tables are, and how they are read. */
typedef struct sources {
    const cli_args *args;
    const char *folder;
    bool terminal;
    bool quickly, any_quick; /* files may be read by st_io_open_quick; one was */
} sources;

static strata_status open_file(sources *s, const char *path, const strata_table *table,
                               struct ArrowArrayStream *stream, strata_error *error)
{
    if (!s->quickly) return st_io_open(path, table, stream, error);
    bool quick;
    strata_status status = st_io_open_quick(path, table, stream, &quick, error);
    s->any_quick = s->any_quick || quick;
    return status;
}

static strata_status bind_table(strata_data *data, sources *s, const strata_table *table, strata_error *error)
{
    st_io_files files = {0};
    strata_status status =
        find_files(table->name, s->folder, named_source(s->args, table->name), &files, error);
    for (size_t i = 0; status == STRATA_OK && i < files.n; i++) {
        struct ArrowArrayStream stream;
        show(s->terminal, files.paths[i], -1);
        status = open_file(s, files.paths[i], table, &stream, error);
        if (status == STRATA_OK) status = strata_data_bind(data, table->name, &stream, files.paths[i], error);
    }
    st_io_files_free(&files);
    return status;
}

static strata_status finish(strata_data *data, cli_timings *t, strata_error *error)
{
    double begin = cli_seconds();
    strata_status status = strata_data_finish(data, error);
    t->finish = cli_seconds() - begin;
    for (size_t i = 0; status == STRATA_OK && i < t->ntables; i++)
        t->tables[i].rows = (uint64_t)strata_data_rows(data, t->tables[i].name);
    return status;
}

static strata_status bind_all(const strata_rules *rules, sources *s, uint32_t threads, strata_data **data,
                              cli_timings *t, strata_error *error)
{
    strata_status status = strata_data_new(rules, threads, data, error);
    t->ntables = 0;
    for (size_t i = 0; status == STRATA_OK && i < strata_rules_table_count(rules); i++) {
        strata_table table = strata_rules_table(rules, i);
        if (!table.needed) continue;
        double begin = cli_seconds();
        status = bind_table(*data, s, &table, error);
        t->tables[t->ntables++] = (struct cli_table_time){table.name, 0, cli_seconds() - begin};
    }
    if (status == STRATA_OK) status = finish(*data, t, error);
    if (status == STRATA_OK) return status;
    strata_data_free(*data);
    *data = NULL;
    return status;
}

/* All tables that the rules need; NULL after saying what is wrong. What cannot be read quickly is read again with care. */
static strata_data *load(const cli_args *args, const strata_rules *rules, uint32_t threads, bool terminal,
                         cli_timings *t)
{
    sources s = {.args = args, .terminal = terminal, .quickly = true};
    strata_data *data = NULL;
    strata_error error;
    if (!find_folder(args, rules, &s.folder)) return NULL;
    t->tables = calloc(strata_rules_table_count(rules) + 1, sizeof *t->tables);
    if (!t->tables) {
        cli_fail("There is not enough memory.");
        return NULL;
    }
    st_io_threads(threads);
    strata_status status = bind_all(rules, &s, threads, &data, t, &error);
    if (status == STRATA_BAD_DATA && s.any_quick) {
        s.quickly = false;
        status = bind_all(rules, &s, threads, &data, t, &error);
    }
    show(terminal, "", -1);
    if (status != STRATA_OK) cli_fail_with(&error);
    return data;
}

/* ---- writing ---- */

static bool write_entity(const cli_args *args, const strata_result *result, const char *entity,
                         const char *path)
{
    struct ArrowArrayStream stream;
    strata_error error;
    strata_shape shape = cli_value(args, "long") ? STRATA_LONG : STRATA_WIDE;
    if (strata_result_stream(result, entity, shape, &stream, &error) == STRATA_OK &&
        st_io_write_stream(path, cli_value(args, "format"), &stream, &error) == STRATA_OK)
        return true;
    cli_fail_with(&error);
    return false;
}

/* One file; for a rule set about several entities a folder with one file for each. */
static bool write_output(const cli_args *args, const strata_result *result, const char *path)
{
    size_t n = strata_result_entity_count(result);
    if (n == 1) return write_entity(args, result, strata_result_entity(result, 0), path);
    const char *format = cli_value(args, "format");
    for (size_t i = 0; i < n; i++) {
        char *file = NULL;
        if (asprintf(&file, "%s/%s.%s", path, strata_result_entity(result, i), format ? format : "parquet") <
            0)
            return false;
        bool good = write_entity(args, result, strata_result_entity(result, i), file);
        free(file);
        if (!good) return false;
    }
    return true;
}

static void print_notes(const strata_result *result)
{
    for (size_t i = 0; i < strata_result_note_count(result); i++)
        fprintf(stderr, "note: %s\n", strata_result_note(result, i).text);
}

/* ---- the verb ---- */

static bool progress(void *context, double share)
{
    show(*(const bool *)context, "running", share);
    return true;
}

static void print_timings(const cli_timings *t)
{
    fprintf(stderr, "%-8s %8.3f s\n%-8s %8.3f s\n%-8s %8.3f s\n%-8s %8.3f s\n", "compile", t->compile, "load",
            t->load, "run", t->run, "write", t->write);
}

static bool read_options(const cli_args *args, const strata_rules *rules, strata_run_options *o)
{
    uint64_t threads = 0;
    strata_error error;
    const char *as_of = cli_value(args, "as-of");
    if (!cli_number(args, "threads", 1, 1024, &threads)) return false;
    o->threads = (uint32_t)threads;
    o->traits = cli_value(args, "traits") != NULL;
    o->treatments = cli_wants_treatments(args);
    o->counts_only = !cli_value(args, "output");
    o->profile = cli_value(args, "profile") != NULL;
    if (!as_of || strata_as_of_parse(rules, as_of, &o->as_of, &error) == STRATA_OK) return true;
    cli_fail("--as-of %s", error.message);
    return false;
}

bool cli_is_stdout(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

/* At most one file is standard output. */
static bool check_stdout(const cli_args *args)
{
    static const char *const outputs[] = {"output", "counts", "treatments", "profile"};
    const char *first = NULL;
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        if (!cli_is_stdout(cli_value(args, outputs[i]))) continue;
        if (first) {
            cli_fail("--%s and --%s cannot both go to standard output. Name a file for one of them.", first,
                     outputs[i]);
            return false;
        }
        first = outputs[i];
    }
    return true;
}

/* What is wrong with an output is said before the work, not behind it. */
/* The entity of a definition that has a column in the output; NULL: it has none. */
static const char *entity_written(const cli_args *args, const strata_definition *d)
{
    bool answer = d->kind != STRATA_TREATMENT && d->kind != STRATA_CAMPAIGN && d->kind != STRATA_AUDIENCE &&
                  d->kind != STRATA_CHECK;
    bool trait = d->kind == STRATA_TRAIT && !cli_value(args, "traits") && !cli_value(args, "only");
    return d->output && answer && !trait ? d->entity : NULL;
}

/* Something is written, and of several entities into a folder. */
static bool check_output(const cli_args *args, const strata_rules *rules, const char *path)
{
    const char *first = NULL;
    for (size_t i = 0; i < strata_rules_definition_count(rules); i++) {
        strata_definition d = strata_rules_definition(rules, i);
        const char *entity = entity_written(args, &d);
        if (entity && first && strcmp(entity, first) != 0 && !cli_is_folder(path)) {
            cli_fail("the rules are about several entities (%s, %s): -o has to name a folder that is there, "
                     "for one file each.",
                     first, entity);
            return false;
        }
        if (entity && !first) first = entity;
    }
    if (!first)
        cli_fail("there is nothing to write into %s: the rule set defines no segment, tiers, rfm or score.",
                 path);
    return first != NULL;
}

static bool check_outputs(const cli_args *args, const strata_rules *rules)
{
    const char *output = cli_value(args, "output"), *counts = cli_value(args, "counts");
    const char *profile = cli_value(args, "profile");
    strata_error error;
    if (!check_stdout(args) || !cli_check_treatments(args, rules)) return false;
    if (output && !check_output(args, rules, output)) return false;
    if ((!output || cli_is_folder(output) ||
         st_io_check_output(output, cli_value(args, "format"), &error) == STRATA_OK) &&
        (!counts || st_io_check_output(counts, "csv", &error) == STRATA_OK) &&
        (!profile || !*profile || st_io_check_output(profile, "jsonl", &error) == STRATA_OK))
        return true;
    cli_fail_with(&error);
    return false;
}

static bool write_all(const cli_args *args, const strata_rules *rules, const strata_result *result)
{
    const char *output = cli_value(args, "output"), *counts = cli_value(args, "counts");
    return cli_check_activation(args, rules, result) && (!output || write_output(args, result, output)) &&
           (!counts || cli_write_counts(result, counts)) && cli_write_treatments(args, rules, result);
}

static int answer(const cli_args *args, const strata_rules *rules, strata_result *result, cli_timings *t)
{
    const char *output = cli_value(args, "output"), *counts = cli_value(args, "counts");
    bool piped = cli_is_stdout(output) || cli_is_stdout(counts) ||
                 cli_is_stdout(cli_value(args, "treatments")); /* then stdout is for programs */
    double begin = cli_seconds();
    size_t broken = cli_count_broken(result);
    bool writes = !broken || cli_value(args, "allow-failed-checks");
    bool good = !writes || write_all(args, rules, result);
    if (good) {
        cli_print_counts(result, piped ? stderr : stdout);
        cli_print_treatments(result, piped ? stderr : stdout);
        cli_print_promises(result, piped ? stderr : stdout);
        fflush(stdout);
        print_notes(result);
    }
    t->write = cli_seconds() - begin;
    if (good && cli_value(args, "timings")) print_timings(t);
    if (good && cli_value(args, "profile")) good = cli_write_profile(cli_value(args, "profile"), t, result);
    bool asked = output || counts || cli_value(args, "treatments") || cli_value(args, "activate");
    if (good && broken)
        cli_fail("%zu promise%s broken%s.", broken, broken == 1 ? " is" : "s are",
                 writes || !asked ? ""
                                  : ", so nothing was written (--allow-failed-checks writes all the same)");
    return !good ? CLI_FAILED : broken ? CLI_BAD : CLI_CLEAN;
}

static int run_rules(const cli_args *args, const strata_rules *rules, cli_timings *t)
{
    bool terminal = isatty(STDERR_FILENO);
    strata_run_options o = {.progress = progress, .context = &terminal};
    strata_previous *previous = NULL;
    if (!read_options(args, rules, &o) || !check_outputs(args, rules) ||
        !cli_read_previous(args, rules, &previous))
        return CLI_FAILED;
    o.previous = previous;
    double begin = cli_seconds();
    strata_data *data = load(args, rules, o.threads, terminal, t);
    if (!data) {
        strata_previous_free(previous);
        return CLI_FAILED;
    }
    t->load = cli_seconds() - begin;
    begin = cli_seconds();
    strata_result *result = NULL;
    strata_error error;
    strata_status status = strata_run(data, &o, &result, &error);
    t->run = cli_seconds() - begin;
    show(terminal, "", -1);
    int exit_status = status == STRATA_OK ? answer(args, rules, result, t) : cli_fail_with(&error);
    strata_result_free(result);
    strata_data_free(data);
    strata_previous_free(previous);
    return exit_status;
}

static int run(const cli_args *args)
{
    cli_timings t = {0};
    double begin = cli_seconds();
    int status;
    strata_rules *rules = cli_load_rules(args, stderr, &status);
    t.compile = cli_seconds() - begin;
    if (!rules) return status;
    status = status == CLI_CLEAN ? run_rules(args, rules, &t) : CLI_FAILED;
    strata_rules_free(rules);
    free(t.tables);
    return status;
}

const cli_verb cli_run = {
    .name = "run",
    .usage = "run PATH --data DIR [--as-of DAY] [-o FILE]",
    .summary = "Runs a rule set over data and says who is in which segment.",
    .examples =
        "  strata run rules/ --data data/ --as-of 2026-11-01\n"
        "  strata run rules/ --data data/ --data 'orders=export/orders-*.parquet' -o segments.parquet\n"
        "  strata run rules.segb --data data/ --counts counts.csv\n"
        "  strata run rules/ --data data/ --treatments treatments.parquet --activate out/\n",
    .noperands = 1,
    .options = options,
    .noptions = sizeof options / sizeof *options,
    .run = run,
};
