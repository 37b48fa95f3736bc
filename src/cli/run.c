/* strata run: rules over data, an answer for people, files for programs. */
#include "cli/cli.h"

#include "io/io.h"

#include <stdlib.h>
#include <string.h>
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

/* How the tables are read. */
typedef struct reading {
    const cli_sources *sources;
    bool terminal;
    bool quickly, any_quick; /* files may be read by st_io_open_quick; one was */
    strata_data *data;
} reading;

static strata_status open_file(reading *r, const char *path, const strata_table *table,
                               struct ArrowArrayStream *stream, strata_error *error)
{
    if (!r->quickly) return st_io_open(path, table, stream, error);
    bool quick;
    strata_status status = st_io_open_quick(path, table, stream, &quick, error);
    r->any_quick = r->any_quick || quick;
    return status;
}

static strata_status bind_file(void *context, const strata_table *table, const char *path,
                               strata_error *error)
{
    reading *r = context;
    struct ArrowArrayStream stream;
    strata_status status = open_file(r, path, table, &stream, error);
    return status == STRATA_OK ? strata_data_bind(r->data, table->name, &stream, path, error) : status;
}

static strata_status bind_tables(const strata_rules *rules, reading *r, cli_timings *t, strata_error *error)
{
    strata_status status = STRATA_OK;
    for (size_t i = 0; status == STRATA_OK && i < strata_rules_table_count(rules); i++) {
        strata_table table = strata_rules_table(rules, i);
        if (!table.needed) continue;
        double begin = cli_seconds();
        status = cli_each_file(r->sources, &table, r->terminal, bind_file, r, error);
        t->tables[t->ntables++] = (struct cli_table_time){table.name, 0, cli_seconds() - begin};
    }
    double begin = cli_seconds();
    if (status == STRATA_OK) status = strata_data_finish(r->data, error);
    t->finish = cli_seconds() - begin;
    return status;
}

/* Its links are row numbers: no table of it can be another one. */
static strata_status map_snapshot(const strata_rules *rules, reading *r, cli_timings *t, strata_error *error)
{
    if (r->sources->named) {
        snprintf(
            error->message, sizeof error->message,
            "%.300s is a snapshot, and --data %.300s names a table beside it. Take the snapshot alone, or "
            "make it anew.",
            r->sources->folder, r->sources->named);
        return STRATA_BAD_INPUT;
    }
    for (size_t i = 0; i < strata_rules_table_count(rules); i++) {
        strata_table table = strata_rules_table(rules, i);
        if (table.needed) t->tables[t->ntables++] = (struct cli_table_time){table.name, 0, 0};
    }
    return strata_data_map(r->data, r->sources->folder, error);
}

static strata_status read_all(const strata_rules *rules, reading *r, uint32_t threads, cli_timings *t,
                              strata_error *error)
{
    const char *folder = r->sources->folder;
    strata_status status = strata_data_new(rules, threads, &r->data, error);
    t->ntables = 0;
    if (status == STRATA_OK)
        status = folder && strata_is_snapshot(folder) ? map_snapshot(rules, r, t, error)
                                                      : bind_tables(rules, r, t, error);
    for (size_t i = 0; status == STRATA_OK && i < t->ntables; i++)
        t->tables[i].rows = (uint64_t)strata_data_rows(r->data, t->tables[i].name);
    if (status == STRATA_OK) return status;
    strata_data_free(r->data);
    r->data = NULL;
    return status;
}

/* All tables that the rules need; NULL after saying what is wrong. What cannot be read quickly is read again with care. */
static strata_data *load(const cli_args *args, const strata_rules *rules, uint32_t threads, bool terminal,
                         cli_timings *t)
{
    cli_sources sources;
    reading r = {.sources = &sources, .terminal = terminal, .quickly = true};
    strata_error error;
    if (!cli_find_sources(args, rules, &sources)) return NULL;
    t->tables = calloc(strata_rules_table_count(rules) + 1, sizeof *t->tables);
    if (!t->tables) {
        cli_fail("There is not enough memory.");
        return NULL;
    }
    st_io_threads(threads);
    strata_status status = read_all(rules, &r, threads, t, &error);
    if (status == STRATA_BAD_DATA && r.any_quick) {
        r.quickly = false;
        status = read_all(rules, &r, threads, t, &error);
    }
    cli_show_progress(terminal, "", -1);
    if (status != STRATA_OK) cli_fail_with(&error);
    return r.data;
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
    cli_show_progress(*(const bool *)context, "running", share);
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
    cli_show_progress(terminal, "", -1);
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
