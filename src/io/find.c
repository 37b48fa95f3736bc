#include "io/parts.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

strata_status st_io_fail(strata_error *error, strata_status status, const char *fmt, ...)
{
    if (!error) return status;
    va_list ap;
    va_start(ap, fmt);
    error->status = status;
    vsnprintf(error->message, sizeof error->message, fmt, ap);
    va_end(ap);
    return status;
}

/* ---- formats ---- */

static const struct {
    const char *ending;
    st_io_format format;
} endings[] = {{".parquet", ST_IO_PARQUET}, {".arrow", ST_IO_ARROW}, {".feather", ST_IO_ARROW},
               {".ipc", ST_IO_ARROW},       {".csv", ST_IO_CSV},     {".jsonl", ST_IO_JSONL},
               {".ndjson", ST_IO_JSONL}};
static const char *const packings[] = {".gz", ".zst", ".bz2", ".lz4"};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool ends_with(const char *s, size_t n, const char *end)
{
    size_t k = strlen(end);
    return n > k && memcmp(s + n - k, end, k) == 0;
}

st_io_format st_io_format_of(const char *path, bool *compressed)
{
    size_t n = strlen(path);
    *compressed = false;
    for (size_t i = 0; i < COUNT(packings); i++)
        if (ends_with(path, n, packings[i])) {
            n -= strlen(packings[i]);
            *compressed = true;
            break;
        }
    for (size_t i = 0; i < COUNT(endings); i++) {
        bool text = endings[i].format == ST_IO_CSV || endings[i].format == ST_IO_JSONL;
        if (ends_with(path, n, endings[i].ending) && (text || !*compressed)) return endings[i].format;
    }
    return ST_IO_NO_FORMAT;
}

st_io_format st_io_format_named(const char *name)
{
    for (size_t i = 0; i < COUNT(endings); i++)
        if (strcmp(name, endings[i].ending + 1) == 0) return endings[i].format;
    return ST_IO_NO_FORMAT;
}

/* ---- lists of paths ---- */

static strata_status no_memory(strata_error *error)
{
    return st_io_fail(error, STRATA_NO_MEMORY, "Out of memory.");
}

static strata_status add_path(st_io_files *files, const char *path, strata_error *error)
{
    char **more = realloc(files->paths, (files->n + 1) * sizeof *more);
    if (!more) return no_memory(error);
    files->paths = more;
    if (!(more[files->n] = strdup(path))) return no_memory(error);
    files->n++;
    return STRATA_OK;
}

void st_io_files_free(st_io_files *files)
{
    for (size_t i = 0; i < files->n; i++) free(files->paths[i]);
    free(files->paths);
    *files = (st_io_files){0};
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Frees the list where something went wrong, sorts it otherwise. */
static strata_status settle(st_io_files *files, strata_status status)
{
    if (status)
        st_io_files_free(files);
    else if (files->n)
        qsort(files->paths, files->n, sizeof *files->paths, by_bytes);
    return status;
}

/* "dir/name" in new memory, or NULL. */
static char *join(const char *dir, const char *name)
{
    size_t n = strlen(dir), k = strlen(name);
    char *path = malloc(n + k + 2);
    if (!path) return NULL;
    memcpy(path, dir, n);
    if (n && dir[n - 1] != '/') path[n++] = '/';
    memcpy(path + n, name, k + 1);
    return path;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Names that begin with a dot or an underscore are other programs' notes ("_SUCCESS"). */
static bool is_part(const char *name)
{
    bool compressed;
    return name[0] != '.' && name[0] != '_' && st_io_format_of(name, &compressed) != ST_IO_NO_FORMAT;
}

static strata_status parts_of(const char *dir, const char *table, st_io_files *files, strata_error *error)
{
    DIR *d = opendir(dir);
    if (!d)
        return st_io_fail(error, STRATA_IO, "The folder %.400s for table %s cannot be read: %s.", dir, table,
                          strerror(errno));
    strata_status status = STRATA_OK;
    for (struct dirent *e; !status && (e = readdir(d));) {
        if (!is_part(e->d_name)) continue;
        char *path = join(dir, e->d_name);
        if (!path)
            status = no_memory(error);
        else if (!is_folder(path))
            status = add_path(files, path, error);
        free(path);
    }
    closedir(d);
    if (!status && files->n == 0)
        status = st_io_fail(error, STRATA_IO,
                            "The folder %.400s for table %s holds no file that ends in " ST_IO_ENDINGS ".",
                            dir, table);
    return settle(files, status);
}

/* ---- a table's files in a folder of data ---- */

/* "<table>.csv", "<table>.csv.gz": the name without its ending is the table's. */
static bool belongs_to(const char *name, const char *table)
{
    size_t n = strlen(table);
    bool compressed;
    if (strncmp(name, table, n) != 0) return false;
    if (name[n] == 0) return true;
    if (name[n] != '.' || st_io_format_of(name, &compressed) == ST_IO_NO_FORMAT) return false;
    const char *second = strchr(name + n + 1, '.');
    return compressed ? second && !strchr(second + 1, '.') : !second;
}

static strata_status candidates(DIR *d, const char *dir, const char *table, st_io_files *files,
                                strata_error *error)
{
    strata_status status = STRATA_OK;
    for (struct dirent *e; !status && (e = readdir(d));) {
        if (!belongs_to(e->d_name, table)) continue;
        char *path = join(dir, e->d_name);
        if (!path)
            status = no_memory(error);
        else if (strcmp(e->d_name, table) != 0 || is_folder(path))
            status = add_path(files, path, error);
        free(path);
    }
    return settle(files, status);
}

strata_status st_io_find(const char *dir, const char *table, st_io_files *files, strata_error *error)
{
    *files = (st_io_files){0};
    DIR *d = opendir(dir);
    if (!d)
        return st_io_fail(error, STRATA_IO, "The data folder %.400s cannot be read: %s.", dir,
                          strerror(errno));
    strata_status status = candidates(d, dir, table, files, error);
    closedir(d);
    if (status) return status;
    if (files->n == 0) {
        st_io_files_free(files);
        return st_io_fail(
            error, STRATA_IO,
            "There is no data for table %s: %.300s has no file %s with the ending " ST_IO_ENDINGS
            ", and no folder %s of such files. Put one there, or name it with --data %s=PATH.",
            table, dir, table, table, table);
    }
    if (files->n > 1) {
        status = st_io_fail(
            error, STRATA_BAD_INPUT,
            "There is more than one candidate for table %s: %.300s and %.300s. Name one with --data %s=PATH.",
            table, files->paths[0], files->paths[1], table);
        st_io_files_free(files);
        return status;
    }
    return is_folder(files->paths[0]) ? st_io_expand(files->paths[0], table, files, error) : STRATA_OK;
}

/* ---- a place that was named ---- */

static strata_status pattern(const char *where, const char *table, st_io_files *files, strata_error *error)
{
    glob_t found = {0};
    int code = glob(where, GLOB_NOSORT, NULL, &found);
    strata_status status = STRATA_OK;
    if (code == GLOB_NOSPACE)
        status = no_memory(error);
    else if (code)
        status = st_io_fail(error, STRATA_IO,
                            "No file for table %s: nothing is called %.400s. Check the path behind --data.",
                            table, where);
    for (size_t i = 0; !status && i < found.gl_pathc; i++)
        if (!is_folder(found.gl_pathv[i])) status = add_path(files, found.gl_pathv[i], error);
    globfree(&found);
    if (!status && files->n == 0)
        status =
            st_io_fail(error, STRATA_IO,
                       "No file for table %s: %.400s names folders only. Add /*.parquet, say.", table, where);
    return settle(files, status);
}

strata_status st_io_expand(const char *where, const char *table, st_io_files *files, strata_error *error)
{
    char *place = strdup(where); /* may belong to the list that is filled anew */
    if (!place) return no_memory(error);
    if (files->n) st_io_files_free(files);
    *files = (st_io_files){0};
    struct stat st;
    strata_status status;
    if (is_folder(place))
        status = parts_of(place, table, files, error);
    else if (stat(place, &st) == 0)
        status = settle(files, add_path(files, place, error));
    else
        status = pattern(place, table, files, error);
    free(place);
    return status;
}
