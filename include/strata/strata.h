/* Strata: a compiler for customer segments. The one installed header.
 *
 * Ownership    Objects made by a strata_*_new, _compile, _load or _run call belong to the caller and are
 * freed with the matching _free (NULL is fine). Text and arrays that an object hands out live as long as the
 * object. Errors       Calls that can fail return a strata_status and fill the caller's strata_error where
 * one is given. What is wrong in rule text is not an error of the call: it is in the diagnostics of the rule
 * set. Threads      No globals. A rule set is immutable once made and may be used by many threads at the same
 * time. A data set is immutable once strata_data_finish has returned. A result belongs to one thread at a
 * time. Times        Instants are microseconds since 1970-01-01T00:00:00 UTC; days are days since 1970-01-01.
 * Text         UTF-8 throughout.
 */
#ifndef STRATA_STRATA_H
#define STRATA_STRATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STRATA_VERSION "0.1.0"

/* The Arrow C data interface (https://arrow.apache.org/docs/format/CDataInterface.html), as every user of it
 * declares it. */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4
struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};
struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
#endif
#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE
struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};
#endif

typedef enum strata_status {
    STRATA_OK = 0,
    STRATA_NO_MEMORY, /* memory or a named limit ran out */
    STRATA_BAD_INPUT, /* a file, an argument, a data set that is not what it should be */
    STRATA_BAD_RULES, /* the rule set has errors: see its diagnostics */
    STRATA_BAD_DATA,  /* the data contradict the declarations */
    STRATA_IO,        /* the system refused: no such file, no permission, disk full */
    STRATA_INTERNAL   /* a mistake in Strata itself */
} strata_status;

#define STRATA_ERROR_TEXT 1024
typedef struct strata_error {
    strata_status status;
    char message[STRATA_ERROR_TEXT]; /* one plain sentence with place and remedy */
} strata_error;

/* Where memory comes from; `context` is handed back. allocate must return 64-byte aligned memory or NULL; all
 * three must be callable from several threads. Pass NULL for malloc's. */
typedef struct strata_allocator {
    void *(*allocate)(void *context, size_t bytes);
    void (*release)(void *context, void *p, size_t bytes);
    void *context;
} strata_allocator;

/* The rest of this header (rule sets, data, runs, results) is filled by src/api. */

#ifdef __cplusplus
}
#endif
#endif
