/* strata snapshot: the data of a rule set as files that are mapped instead of read. */
#include "cli/cli.h"

#include "io/io.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const cli_option options[] = {
    {"data", 0, "DIR | TABLE=PATH",
     "a folder with the tables, or where one table is (file, folder of parts, glob)", true},
    {"append", 0, NULL, "the tables of --data hold new rows for the snapshot that is there", false},
    {"output", 'o', "DIR", "the folder of the snapshot", false},
    {"threads", 0, "N", "at most so many; one for each processor if not said", false},
    CLI_OPTION_SET,
    CLI_OPTION_LIBRARY,
};

/* A table's file in the snapshot that is there. */
static strata_status bind_own(strata_snapshot *snapshot, const strata_table *table, const char *dir,
                              strata_error *error)
{
    char *path = NULL;
    struct ArrowArrayStream stream;
    if (asprintf(&path, "%s/%s.arrow", dir, table->name) < 0) return STRATA_NO_MEMORY;
    strata_status status = st_io_open(path, table, &stream, error);
    if (status == STRATA_OK) status = strata_snapshot_bind(snapshot, table->name, &stream, path, error);
    free(path);
    return status;
}

static strata_status bind_files(void *context, const strata_table *table, const char *path,
                                strata_error *error)
{
    struct ArrowArrayStream stream;
    strata_status status = st_io_open(path, table, &stream, error);
    return status == STRATA_OK ? strata_snapshot_bind(context, table->name, &stream, path, error) : status;
}

static strata_status make(const cli_args *args, const cli_sources *sources, strata_snapshot *snapshot,
                          strata_error *error)
{
    const char *append = cli_value(args, "append") ? cli_value(args, "output") : NULL;
    bool terminal = isatty(STDERR_FILENO);
    strata_status status = STRATA_OK;
    for (size_t i = 0; status == STRATA_OK && i < strata_snapshot_table_count(snapshot); i++) {
        strata_table table = strata_snapshot_table(snapshot, i);
        if (append) status = bind_own(snapshot, &table, append, error);
        if (status == STRATA_OK && (!append || cli_source_named(sources, table.name)))
            status = cli_each_file(sources, &table, terminal, bind_files, snapshot, error);
    }
    return status == STRATA_OK ? strata_snapshot_finish(snapshot, error) : status;
}

/* With --append every --data names a table. */
static bool check_usage(const cli_args *args, const cli_sources *sources)
{
    const char *output = cli_value(args, "output");
    if (!output) return cli_fail("say where the snapshot goes: -o DIR."), false;
    if (!cli_value(args, "append")) return true;
    if (!strata_is_snapshot(output))
        return cli_fail("%s is no snapshot that rows could be added to. Make one without --append.", output),
               false;
    if (sources->folder)
        return cli_fail(
                   "--append takes the new rows of each table from --data TABLE=PATH, and %s names none.",
                   sources->folder),
               false;
    if (!cli_value(args, "data"))
        return cli_fail("--append needs new rows: name their files with --data TABLE=PATH."), false;
    return true;
}

static int snapshot_rules(const cli_args *args, const strata_rules *rules)
{
    uint64_t threads = 0;
    cli_sources sources;
    strata_snapshot *snapshot = NULL;
    strata_error error = {0};
    if (!cli_number(args, "threads", 1, 1024, &threads) || !cli_find_sources(args, rules, &sources) ||
        !check_usage(args, &sources))
        return CLI_FAILED;
    st_io_threads((uint32_t)threads);
    strata_status status =
        strata_snapshot_new(rules, cli_value(args, "output"), (uint32_t)threads, &snapshot, &error);
    if (status == STRATA_OK) status = make(args, &sources, snapshot, &error);
    cli_show_progress(isatty(STDERR_FILENO), "", -1);
    strata_snapshot_free(snapshot);
    return status == STRATA_OK ? CLI_CLEAN : cli_fail_with(&error);
}

static int snapshot(const cli_args *args)
{
    int status;
    strata_rules *rules = cli_load_rules(args, stderr, &status);
    if (!rules) return status;
    status = status == CLI_CLEAN ? snapshot_rules(args, rules) : CLI_FAILED;
    strata_rules_free(rules);
    return status;
}

const cli_verb cli_snapshot = {
    .name = "snapshot",
    .usage = "snapshot PATH --data DIR -o DIR",
    .summary = "Writes the data of a rule set as files that runs map instead of reading.",
    .examples = "  strata snapshot rules/ --data data/ -o shop.snapshot\n"
                "  strata run rules/ --data shop.snapshot --as-of 2026-11-01\n"
                "  strata snapshot rules/ --append --data orders=new/orders.parquet -o shop.snapshot\n",
    .noperands = 1,
    .options = options,
    .noptions = sizeof options / sizeof *options,
    .run = snapshot,
};
