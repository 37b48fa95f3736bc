/* Files in and out, for the command: from paths to Arrow streams and back. Reading, Parquet and Arrow files need Apache Arrow
 * C++; a build without it says so (STRATA_BAD_INPUT) and still writes CSV and JSON lines.
 *
 * Formats go by the end of the name: .parquet; .arrow .feather .ipc (Arrow's file or stream format); .csv; .jsonl .ndjson.
 * CSV and JSON lines may be compressed: .gz .zst .bz2 .lz4.
 *   CSV         UTF-8, commas, a header, quotes as in RFC 4180; quoted values may hold line ends. An unquoted empty value is
 *               missing, "" is the empty text. Lists hold their values separated by semicolons. Empty lines are passed over.
 *   JSON lines  one object a line; null, and a name that is not there, are missing. A name that no line has is an error.
 * Rows are counted from 1, without the header and without empty lines.
 *
 * Every function returns a status and fills `error` with one sentence. No C++ exception leaves. A stream or writer belongs to
 * one thread at a time; different ones are independent. Streams report errors by get_last_error as texts that stand behind the
 * file's name ("row 7: …"), as table/bind.h expects them. */
#ifndef STRATA_IO_IO_H
#define STRATA_IO_IO_H

#include "strata/strata.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- finding ---- */

/* The files of a table, in order of their names: the order of its rows. */
typedef struct st_io_files {
    size_t n;
    char **paths;
} st_io_files;
/* DIR/<table>.<any format>, or the parts in the folder DIR/<table>/. Two candidates are an error. STRATA_IO: there is none;
 * the message says where it looked. */
strata_status st_io_find(const char *dir, const char *table, st_io_files *files, strata_error *error);
/* What `--data table=WHERE` names: a file, a folder of parts, or a pattern such as "orders/2026-*.parquet". */
strata_status st_io_expand(const char *where, const char *table, st_io_files *files, strata_error *error);
void st_io_files_free(st_io_files *files);

/* ---- reading ---- */

/* Opens one file for strata_data_bind (with the path as origin): a stream of those columns of `table` that are needed. The
 * table must live as long as the stream. */
strata_status st_io_open(const char *path, const strata_table *table, struct ArrowArrayStream *stream,
                         strata_error *error);
/* The same, faster: values of CSV come as what the table declares, not as texts, and several blocks are read at a time. Only what
 * is written as in most files is read in this way. A stream that meets anything else, wrong or only seldom, fails with EINVAL
 * and says nothing of use; then, and wherever its rows are refused, read all again by st_io_open, which takes every spelling and
 * knows what is wrong. *quick: whether the stream is such a one; of other formats it is that of st_io_open. */
strata_status st_io_open_quick(const char *path, const strata_table *table, struct ArrowArrayStream *stream,
                               bool *quick, strata_error *error);
/* The number of threads that reading may use from now on, for the whole process; 0: one for each processor. */
void st_io_threads(uint32_t threads);
/* Whether this build has Arrow C++. */
bool st_io_has_arrow(void);

/* ---- writing ----
 * A file is written beside its place under another name, and renamed when it is whole and on the disk; what fails or is
 * abandoned leaves nothing behind, and the file that stood there before as it was. "-" is standard output (CSV, JSON lines),
 * and what is not a regular file (a pipe, /dev/null) is written straight. `format`: "parquet", "arrow", "csv", "jsonl"; NULL: by
 * the end of the path. The same rows give the same bytes, whatever the batches are.
 *   CSV   true and false; missing is empty, the empty text ""; text in quotes where it has to be; floats as the shortest text
 *         that reads back the same; decimals with their scale; instants in UTC, 2026-11-01T09:30:00Z. */
typedef struct st_io_writer st_io_writer;
/* Whether a file could be written there in that format, asked before the work is done that it is to hold. Makes nothing. */
strata_status st_io_check_output(const char *path, const char *format, strata_error *error);
/* The schema (a struct of the columns) is taken over, also on failure. */
strata_status st_io_create(const char *path, const char *format, struct ArrowSchema *schema,
                           st_io_writer **writer, strata_error *error);
/* Takes the batch over, also on failure. After a failure only st_io_abandon is left. */
strata_status st_io_write(st_io_writer *writer, struct ArrowArray *batch, strata_error *error);
/* Finishes the file and frees the writer, also on failure. */
strata_status st_io_close(st_io_writer *writer, strata_error *error);
void st_io_abandon(st_io_writer *writer); /* NULL is fine */
/* All of a stream, which is taken over. */
strata_status st_io_write_stream(const char *path, const char *format, struct ArrowArrayStream *stream,
                                 strata_error *error);
/* Any bytes as a file, likewise whole or not at all. */
strata_status st_io_write_bytes(const char *path, const void *bytes, size_t n, strata_error *error);

#ifdef __cplusplus
}
#endif
#endif
