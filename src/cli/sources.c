/* Where the data of a rule set are: what --data says. */
#include "cli/cli.h"

#include "io/io.h"

#include <string.h>
#include <sys/stat.h>

bool cli_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* The text behind "table=", or NULL. */
const char *cli_source_named(const cli_sources *sources, const char *table)
{
    const char *text;
    size_t n = strlen(table);
    for (int i = 0; (text = cli_nth(sources->args, "data", i)); i++)
        if (strncmp(text, table, n) == 0 && text[n] == '=') return text + n + 1;
    return NULL;
}

bool cli_find_sources(const cli_args *args, const strata_rules *rules, cli_sources *sources)
{
    const char *text;
    *sources = (cli_sources){.args = args};
    for (int i = 0; (text = cli_nth(args, "data", i)); i++) {
        const char *sign = strchr(text, '=');
        bool named = false;
        for (size_t t = 0; sign && t < strata_rules_table_count(rules); t++) {
            const char *name = strata_rules_table(rules, t).name;
            named =
                named || (strlen(name) == (size_t)(sign - text) && strncmp(name, text, strlen(name)) == 0);
        }
        if (named) {
            sources->named = text;
            continue;
        }
        if (sign && !cli_is_folder(text)) {
            cli_fail("--data %s: the rule set has no table %.*s.", text, (int)(sign - text), text);
            return false;
        }
        if (sources->folder) {
            cli_fail("--data names two folders, %s and %s. Give one, and single tables as --data TABLE=PATH.",
                     sources->folder, text);
            return false;
        }
        sources->folder = text;
    }
    return true;
}

void cli_show_progress(bool on, const char *what, double share)
{
    if (!on) return;
    if (share < 0)
        fprintf(stderr, "\r\033[K%s", what);
    else
        fprintf(stderr, "\r\033[K%s %d%%", what, (int)(share * 100));
    fflush(stderr);
}

static strata_status find_files(const cli_sources *sources, const char *table, st_io_files *files,
                                strata_error *error)
{
    const char *where = cli_source_named(sources, table);
    if (where) return st_io_expand(where, table, files, error);
    if (sources->folder) return st_io_find(sources->folder, table, files, error);
    snprintf(error->message, sizeof error->message,
             "Where is the table %s? Say --data DIR or --data %s=PATH.", table, table);
    return STRATA_BAD_INPUT;
}

strata_status cli_each_file(const cli_sources *sources, const strata_table *table, bool progress,
                            cli_take_file take, void *context, strata_error *error)
{
    st_io_files files = {0};
    strata_status status = find_files(sources, table->name, &files, error);
    for (size_t i = 0; status == STRATA_OK && i < files.n; i++) {
        cli_show_progress(progress, files.paths[i], -1);
        status = take(context, table, files.paths[i], error);
    }
    st_io_files_free(&files);
    return status;
}
