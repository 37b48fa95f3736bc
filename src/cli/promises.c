/* Promises of a run: how each came out, for people; and the earlier output that some of them are compared with. */
#include "cli/cli.h"

#include "io/io.h"

#include <string.h>

/* ---- an earlier output ---- */

static strata_status read_file(strata_previous *previous, const char *entity, const char *path,
                               strata_error *error)
{
    struct ArrowArrayStream stream;
    strata_status status = st_io_open(path, strata_previous_table(previous, entity), &stream, error);
    return status == STRATA_OK ? strata_previous_bind(previous, entity, &stream, path, error) : status;
}

/* One file for each entity, named after it; entities that the earlier rules did not have may lack theirs. */
static strata_status read_folder(strata_previous *previous, const char *folder, strata_error *error)
{
    size_t found = 0;
    strata_status status = STRATA_OK;
    for (size_t i = 0; status == STRATA_OK && i < strata_previous_entity_count(previous); i++) {
        const char *entity = strata_previous_entity(previous, i);
        st_io_files files = {0};
        status = st_io_find(folder, entity, &files, error);
        bool none = status == STRATA_IO;
        if (none) status = STRATA_OK;
        for (size_t k = 0; status == STRATA_OK && !none && k < files.n; k++, found++)
            status = read_file(previous, entity, files.paths[k], error);
        st_io_files_free(&files);
    }
    if (status == STRATA_OK && !found) {
        snprintf(error->message, sizeof error->message,
                 "%.400s holds no earlier output: a file such as %.200s.parquet.", folder,
                 strata_previous_entity_count(previous) ? strata_previous_entity(previous, 0) : "customers");
        return STRATA_IO;
    }
    return status;
}

bool cli_read_previous(const cli_args *args, const strata_rules *rules, strata_previous **previous)
{
    const char *path = cli_value(args, "previous");
    strata_error error = {0};
    *previous = NULL;
    if (!path) return true;
    strata_status status = strata_previous_new(rules, previous, &error);
    if (status == STRATA_OK)
        status = cli_is_folder(path) ? read_folder(*previous, path, &error)
                                     : read_file(*previous, NULL, path, &error);
    if (status == STRATA_OK) return true;
    cli_fail("--previous: %s", error.message);
    strata_previous_free(*previous);
    *previous = NULL;
    return false;
}

/* ---- how they came out ---- */

size_t cli_count_broken(const strata_result *result)
{
    size_t n = 0;
    for (size_t i = 0; i < strata_result_verdict_count(result); i++)
        n += strata_result_verdict(result, i).outcome == STRATA_BROKEN;
    return n;
}

static const char *word_of(strata_verdict_kind outcome)
{
    switch (outcome) {
    case STRATA_KEPT: return "kept";
    case STRATA_BROKEN: return "BROKEN";
    case STRATA_WARNED: return "warned";
    default: return "not measured";
    }
}

static const char *colour_of(strata_verdict_kind outcome)
{
    switch (outcome) {
    case STRATA_KEPT: return "\033[32m";
    case STRATA_BROKEN: return "\033[1;31m";
    default: return "\033[33m";
    }
}

void cli_print_promises(const strata_result *result, FILE *out)
{
    size_t n = strata_result_verdict_count(result);
    bool colour = cli_colour(out);
    int widest = 0;
    for (size_t i = 0; i < n; i++) {
        int length = (int)strlen(strata_result_verdict(result, i).promise);
        if (length > widest && length <= 60) widest = length;
    }
    if (n) fprintf(out, "\nPromises\n");
    for (size_t i = 0; i < n; i++) {
        strata_verdict v = strata_result_verdict(result, i);
        fprintf(out, "  %s%-12s%s  %-*s  %s", colour ? colour_of(v.outcome) : "", word_of(v.outcome),
                colour ? "\033[0m" : "", widest, v.promise, v.measured);
        if (v.outcome == STRATA_BROKEN || v.outcome == STRATA_WARNED)
            fprintf(out, "  (%s:%u)", v.file, v.line);
        fputc('\n', out);
    }
}
