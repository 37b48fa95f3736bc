#include "io/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct st_io_writer {
    st_out_file *file;
    st_io_way way;
    void *state;
};

static void release_schema(struct ArrowSchema *schema)
{
    if (schema->release) schema->release(schema);
}

static strata_status choose_format(const char *path, const char *name, st_io_format *format,
                                   strata_error *error)
{
    bool compressed = false;
    *format = name ? st_io_format_named(name) : st_io_format_of(path, &compressed);
    if (compressed)
        return st_io_fail(error, STRATA_BAD_INPUT,
                          "%.400s: compressed files are not written. Leave the last ending out.", path);
    if (*format != ST_IO_NO_FORMAT) return STRATA_OK;
    if (name)
        return st_io_fail(error, STRATA_BAD_INPUT,
                          "There is no format %.80s. Use parquet, arrow, csv or jsonl.", name);
    return st_io_fail(error, STRATA_BAD_INPUT,
                      "%.400s: its format is not clear. End the name in " ST_IO_ENDINGS ", or say --format.",
                      path);
}

static bool is_text(st_io_format format)
{
    return format == ST_IO_CSV || format == ST_IO_JSONL;
}

static strata_status choose_for(const char *path, const char *name, st_io_format *format, strata_error *error)
{
    strata_status status = choose_format(path, name, format, error);
    if (!status && !is_text(*format) && strcmp(path, "-") == 0)
        status = st_io_fail(error, STRATA_BAD_INPUT,
                            "Only csv and jsonl are written to standard output. Name a file.");
    return status;
}

strata_status st_io_check_output(const char *path, const char *name, strata_error *error)
{
    st_io_format format;
    strata_status status = choose_for(path, name, &format, error);
    if (status || strcmp(path, "-") == 0) return status;
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!folder) return st_io_fail(error, STRATA_NO_MEMORY, "Out of memory.");
    if (access(folder, W_OK) != 0)
        status = st_io_fail(error, STRATA_IO, "%.400s cannot be written: %s.", path, strerror(errno));
    free(folder);
    return status;
}

static strata_status begin(st_io_writer *w, const char *path, const char *name, struct ArrowSchema *schema,
                           strata_error *error)
{
    st_io_format format;
    strata_status status = choose_for(path, name, &format, error);
    if (status) return status;
    if ((status = st_out_open(path, &w->file, error))) return status;
    bool text = is_text(format);
    return (text ? st_text_writer_new : st_arrow_writer_new)(format, schema, w->file, &w->way, &w->state,
                                                             error);
}

strata_status st_io_create(const char *path, const char *format, struct ArrowSchema *schema,
                           st_io_writer **writer, strata_error *error)
{
    st_io_writer *w = calloc(1, sizeof *w);
    *writer = NULL;
    strata_status status =
        w ? begin(w, path, format, schema, error) : st_io_fail(error, STRATA_NO_MEMORY, "Out of memory.");
    release_schema(schema);
    if (status)
        st_io_abandon(w);
    else
        *writer = w;
    return status;
}

strata_status st_io_write(st_io_writer *w, struct ArrowArray *batch, strata_error *error)
{
    return w->way.write(w->state, batch, error);
}

strata_status st_io_close(st_io_writer *w, strata_error *error)
{
    strata_status status = w->way.finish(w->state, error);
    if (!status) {
        status = st_out_commit(w->file, error);
        w->file = NULL;
    }
    st_io_abandon(w);
    return status;
}

void st_io_abandon(st_io_writer *w)
{
    if (!w) return;
    if (w->state) w->way.free(w->state);
    st_out_abandon(w->file);
    free(w);
}

/* ---- whole streams ---- */

static strata_status stream_fail(struct ArrowArrayStream *stream, int code, strata_error *error)
{
    const char *why = stream->get_last_error ? stream->get_last_error(stream) : NULL;
    return st_io_fail(error, code == ENOMEM ? STRATA_NO_MEMORY : STRATA_INTERNAL,
                      "The rows could not be made: %.700s", why ? why : "no reason was given.");
}

static strata_status pour(st_io_writer *w, struct ArrowArrayStream *stream, strata_error *error)
{
    for (;;) {
        struct ArrowArray batch = {0};
        int code = stream->get_next(stream, &batch);
        if (code) return stream_fail(stream, code, error);
        if (!batch.release) return STRATA_OK;
        strata_status status = st_io_write(w, &batch, error);
        if (status) return status;
    }
}

strata_status st_io_write_stream(const char *path, const char *format, struct ArrowArrayStream *stream,
                                 strata_error *error)
{
    struct ArrowSchema schema = {0};
    st_io_writer *w = NULL;
    int code = stream->get_schema(stream, &schema);
    strata_status status =
        code ? stream_fail(stream, code, error) : st_io_create(path, format, &schema, &w, error);
    if (!status && (status = pour(w, stream, error)))
        st_io_abandon(w);
    else if (!status)
        status = st_io_close(w, error);
    stream->release(stream);
    return status;
}
