/* Conformance: cases of the language as data files (cases.c reads them, README.md says how they look), evaluated by the
 * oracle (oracle.c) and by the library as a program would use it (library.c), and compared with what the case expects.
 */
#ifndef STRATA_TESTS_CONFORMANCE_H
#define STRATA_TESTS_CONFORMANCE_H

#include "sema/program.h"

/* ---- cases ---- */
typedef struct ct_table {
    const char *name;
    const char *csv; /* header line and rows */
    uint32_t line;   /* of the header, in the case file */
} ct_table;

typedef struct ct_pair {
    const char *name, *value;
} ct_pair;

typedef ST_VEC(ct_pair) ct_lists; /* path and text */

/* One line of `expect`: "name: k1 k2", "name: k=v …", "count name: 5 of 10",
 * "sum name: 12.5", "type name: int", "digits name: 12". */
typedef struct ct_expect {
    enum { CT_ANSWERS, CT_HOW_MANY, CT_SUM, CT_TYPE, CT_DIGITS } kind;
    const char *name, *text;
    uint32_t line;
} ct_expect;

/* "error unknown-column 3:12": the name or the code of a message, "?" for any; line 0: anywhere. */
typedef struct ct_message {
    st_severity severity;
    const char *what;
    uint32_t line, column;
} ct_message;

typedef struct ct_case {
    const char *file, *name;
    uint32_t line;
    const char *preamble, *source; /* two files of one rule set */
    const char *as_of;
    const char *fails; /* NULL, or a part of the message with which the run fails */
    const char *skip;  /* NULL, or why the case is not run */
    bool no_warnings;
    ST_VEC(ct_table) tables, previous; /* previous: an earlier output, by entity, or "counts" */
    ct_lists lists;
    ST_VEC(ct_pair) sets;
    ST_VEC(ct_expect) expects;
    ST_VEC(ct_message) messages;
} ct_case;

typedef ST_VEC(ct_case) ct_cases;

/* Appends the cases of a file. Prints what is wrong and exits with 2 where the file is not of the form. */
void ct_read_cases(st_arena *a, const char *path, ct_cases *cases);
char *ct_read_file(st_arena *a, const char *path); /* NULL: cannot be read */

/* ---- data ---- */
/* The rows as a stream of text columns, to be parsed by the binding as a CSV file is. What the stream holds lives in `a`. */
struct ArrowArrayStream ct_stream(st_arena *a, const ct_table *table);

/* The rows themselves. A value is NULL where it is missing. */
typedef struct ct_sheet ct_sheet;
const ct_sheet *ct_read_sheet(st_arena *a, const ct_table *table);
uint32_t ct_sheet_columns(const ct_sheet *s);
uint64_t ct_sheet_rows(const ct_sheet *s);
const char *ct_sheet_column(const ct_sheet *s, uint32_t column);
const char *ct_sheet_value(st_arena *a, const ct_sheet *s, uint32_t column, uint64_t row);

/* ---- expectations ---- "k1 k2" or "k=v k="text"": blanks part them, quotes hold blanks. */
typedef struct ct_want {
    const char *key, *value; /* value NULL: a member */
    bool quoted;
} ct_want;
typedef ST_VEC(ct_want) ct_wants;
ct_wants ct_read_wants(st_arena *a, const char *text);
const ct_want *ct_find_want(const ct_wants *all, const char *key); /* NULL: there is none */

/* ---- answers ---- */
typedef struct ct_cell {
    enum { CT_MISSING, CT_BOOL, CT_NUMBER, CT_FLOAT, CT_TEXT, CT_DATE, CT_INSTANT } kind;
    bool b;
    st_i128 number; /* of 10^-scale */
    unsigned scale;
    double f;
    st_str text; /* also a label */
    int64_t time;
} ct_cell;

/* One definition, or one field of an rfm ("loyalty.r"), for every row of its entity. */
typedef struct ct_answer {
    const char *name;
    uint64_t n;
    const char **keys;
    ct_cell *cells;
} ct_answer;

typedef struct ct_answers {
    const char *failure; /* NULL, or the message with which the run failed */
    ST_VEC(ct_answer) items;
} ct_answers;

ct_cell ct_cell_of(const st_value *v);
ct_cell ct_cell_at(st_arena *a, const struct ArrowSchema *type, const struct ArrowArray *v, int64_t row);
const char *ct_cell_text(st_arena *a, const ct_cell *c);

/* Treatments and activations, behind the other answers (treat.c). */
struct st_data;
struct st_oracle;
void ct_treat_oracle(st_arena *a, struct st_oracle *o, const st_program *p, const struct st_data *data,
                     ct_answers *out);
bool ct_treat_library(st_arena *a, const strata_rules *rules, const strata_result *result, ct_answers *out,
                      strata_error *error);

/* Promises (promises.c). */
void ct_promises_oracle(st_arena *a, struct st_oracle *o, const st_program *p, const ct_case *c,
                        ct_answers *out);
void ct_promises_library(st_arena *a, const strata_result *result, ct_answers *out);
bool ct_read_previous(st_arena *a, const ct_case *c, const strata_rules *rules, strata_previous **previous,
                      strata_error *e);

/* The two engines. Everything they give lives in `a`. */
void ct_ask_oracle(st_arena *a, const ct_case *c, const st_program *program, ct_answers *out);
/* BYTES: the compiled rules are written and read back first, as a .segb file is. SNAPSHOT: the data go through a snapshot, where they have all
 * that is declared. */
typedef enum ct_way { CT_PLAIN, CT_BYTES, CT_SNAPSHOT } ct_way;
void ct_ask_library(st_arena *a, const ct_case *c, uint32_t threads, ct_way way, ct_answers *out);

/* The case as test blocks of the language; what is wrong is added to `out`. False: it cannot be said in one. */
bool ct_run_blocks(st_arena *a, const ct_case *c, const st_program *program, st_buf *out);

#endif
