/* A rule set with its tables as text: what the generator makes, the shrinker cuts down, and a finding prints. */
#ifndef STRATA_DIFFERENTIAL_SAMPLE_H
#define STRATA_DIFFERENTIAL_SAMPLE_H

#include "base/mem.h"

typedef struct sample_table {
    const char *name;
    uint32_t ncols;
    const char **cols;
    ST_VEC(const char **) rows; /* cells by column; NULL: missing */
} sample_table;

/* One definition: a table, a param, a segment … */
typedef struct sample_def {
    const char *text;
    bool dropped, refused;
} sample_def;

/* The file of a list, lines of keys. */
typedef struct sample_list {
    const char *path, *text;
} sample_list;

typedef struct sample {
    st_arena *arena;
    const char *as_of; /* "2026-11-01" or with a time */
    ST_VEC(sample_def) defs;
    ST_VEC(sample_table *) tables;
    ST_VEC(sample_list) lists;
} sample;

/* The same seed makes the same sample in every build by one compiler; another one may evaluate arguments, and so draw, in
 * another order. */
sample *sample_new(st_arena *a, uint64_t seed);
/* The rule text of the definitions that are left. */
const char *sample_rules(st_arena *a, const sample *s);
/* The number of the definition that the byte of sample_rules stands in. */
uint32_t sample_def_at(const sample *s, uint32_t offset);
/* Rules, tables and as-of instant, to read and to run by hand. */
void sample_print(st_arena *a, const sample *s, st_buf *out);

/* Reads what sample_print wrote, perhaps with lines before it. NULL: it is not of that form. */
sample *sample_load(st_arena *a, const char *text);

/* Reads tables written as text, for tests by hand: blocks of "table NAME", a line of column names, lines of cells, with commas
 * between them (and of "list PATH", lines of a list); an empty cell is missing, "" the empty text, ; stands between the values of a list. A blank line ends
 * a table; what follows up to the next one is passed over. */
sample *sample_read(st_arena *a, const char *rules, const char *tables);

#endif
