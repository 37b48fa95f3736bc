/* What the files of this room share. */
#ifndef STRATA_IO_PARTS_H
#define STRATA_IO_PARTS_H

#include "io/io.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
strata_status
st_io_fail(strata_error *error, strata_status status, const char *fmt, ...);

/* ---- formats ---- */
typedef enum st_io_format {
    ST_IO_PARQUET,
    ST_IO_ARROW,
    ST_IO_CSV,
    ST_IO_JSONL,
    ST_IO_NO_FORMAT
} st_io_format;
/* By the end of the name; *compressed says that .gz or the like stands behind it. */
st_io_format st_io_format_of(const char *path, bool *compressed);
st_io_format st_io_format_named(const char *name);
#define ST_IO_ENDINGS ".parquet, .arrow, .feather, .ipc, .csv, .jsonl or .ndjson"

/* ---- a file that appears when it is whole ---- */
typedef struct st_out_file st_out_file;
strata_status st_out_open(const char *path, st_out_file **file, strata_error *error);
strata_status st_out_write(st_out_file *file, const void *bytes, size_t n, strata_error *error);
bool st_out_is_stdout(const st_out_file *file);
/* On the disk and renamed. Frees the file, also on failure. */
strata_status st_out_commit(st_out_file *file, strata_error *error);
void st_out_abandon(st_out_file *file); /* NULL is fine */

/* ---- one way to write rows; `state` is the format's own ---- */
typedef struct st_io_way {
    strata_status (*write)(void *state, struct ArrowArray *batch,
                           strata_error *error); /* takes the batch over */
    strata_status (*finish)(void *state, strata_error *error);
    void (*free)(void *state);
} st_io_way;
/* Both take the schema over, also on failure. */
strata_status st_text_writer_new(st_io_format format, struct ArrowSchema *schema, st_out_file *file,
                                 st_io_way *way, void **state, strata_error *error);
strata_status st_arrow_writer_new(st_io_format format, struct ArrowSchema *schema, st_out_file *file,
                                  st_io_way *way, void **state, strata_error *error);

#ifdef __cplusplus
}
#endif
#endif
