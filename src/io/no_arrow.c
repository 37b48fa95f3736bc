/* A build without Apache Arrow C++: it says so. */
#include "io/parts.h"

static strata_status unavailable(strata_error *error, const char *what)
{
    return st_io_fail(
        error, STRATA_BAD_INPUT,
        "This build of Strata %s, because it was built without Apache Arrow C++. Run ./dev build, or install "
        "libarrow and libparquet and build it anew.",
        what);
}

strata_status st_io_open(const char *path, const strata_table *table, struct ArrowArrayStream *stream,
                         strata_error *error)
{
    (void)path;
    (void)table;
    (void)stream;
    return unavailable(error, "reads no files");
}

strata_status st_io_open_quick(const char *path, const strata_table *table, struct ArrowArrayStream *stream,
                               bool *quick, strata_error *error)
{
    *quick = false;
    return st_io_open(path, table, stream, error);
}

strata_status st_arrow_writer_new(st_io_format format, struct ArrowSchema *schema, st_out_file *file,
                                  st_io_way *way, void **state, strata_error *error)
{
    (void)format;
    (void)schema;
    (void)file;
    (void)way;
    (void)state;
    return unavailable(error, "writes only csv and jsonl");
}

void st_io_threads(uint32_t threads)
{
    (void)threads;
}

bool st_io_has_arrow(void)
{
    return false;
}
