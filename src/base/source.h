/* Source texts and places in them. Every token, node and message carries a st_span; lines and columns are
 * computed only when a person reads them. */
#ifndef STRATA_BASE_SOURCE_H
#define STRATA_BASE_SOURCE_H

#include "base/mem.h"

/* Bytes [start, end) of source number `file`. start == end is a place between two bytes. */
typedef struct st_span {
    uint32_t file;
    uint32_t start, end;
} st_span;

typedef struct st_source {
    const char *name; /* path as the user gave it, relative to the rule set's folder where there is one */
    st_str text;      /* NUL-terminated, checked to be UTF-8 */
    ST_VEC(uint32_t) lines; /* offset of each line's first byte */
    uint32_t root;          /* bytes of `name` that are the rule set's folder, with the slash behind it */
    bool on_disk;           /* read from the file of that name: other files can be found beside it */
    bool
        in_library; /* its definitions are there for others: they are no outputs, and nothing doubtful is said of them */
} st_source;

/* A list of keys that a rule set names, as a file holds it. */
typedef struct st_list_file {
    const char *path; /* as st_sources_beside gives it */
    st_str text;
    const char *problem; /* why it could not be read; NULL: it was */
} st_list_file;

typedef struct st_sources {
    st_arena *arena;
    ST_VEC(st_source) files;
    ST_VEC(st_list_file) lists;
} st_sources;

/* 1-based; columns count characters (code points), not bytes. */
typedef struct st_place {
    uint32_t line, column;
} st_place;

void st_sources_init(st_sources *s, st_arena *a);
/* Copies the text. Returns the file number. */
uint32_t st_sources_add(st_sources *s, const char *name, const char *text, size_t n);
st_place st_place_of(const st_sources *s, uint32_t file, uint32_t offset);
st_str st_span_text(const st_sources *s, st_span span);
st_str st_line_text(const st_sources *s, uint32_t file, uint32_t line); /* without its line end */

/* The path of a file that source `file` names, as seen from its own folder; without . and .. where they can be taken out. NULL: it
 * is not a path that stays in the folder of the rule set. */
const char *st_sources_beside(const st_sources *s, st_arena *a, uint32_t file, const char *path);
const st_list_file *st_sources_list(const st_sources *s, const char *path); /* NULL: there is none */

static inline st_span st_span_join(st_span a, st_span b)
{
    return (st_span){a.file, ST_MIN(a.start, b.start), ST_MAX(a.end, b.end)};
}

#endif
