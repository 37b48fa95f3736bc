/* What the oracle's files share. */
#ifndef STRATA_ORACLE_PARTS_H
#define STRATA_ORACLE_PARTS_H

#include "oracle/oracle.h"

/* ---- match.c: regular expressions in normal form, by simulation of an NFA ---- */
typedef struct st_pattern st_pattern;
st_pattern *st_pattern_new(st_arena *a, st_str normal);
bool st_pattern_found(st_pattern *p, st_str text); /* somewhere in the text */

/* ---- what is remembered ---- */

/* The rows of a table that lead by a path to each row of another: rows[from[t] .. from[t + 1]) for target row t. */
typedef struct st_children {
    const st_table *table;
    st_path path;
    uint64_t *from;
    int64_t *rows;
} st_children;

/* The known values of a ranked expression over its population, ascending. */
typedef struct st_ranking {
    const st_expr *expr;
    uint64_t n;
    st_value *values;
} st_ranking;

/* Which range of its stratum each row lies in; -1: none. */
typedef struct st_dealt {
    const st_expr *expr;
    int64_t *range;
} st_dealt;

/* The places of the rows that a NEAREST asks for. */
typedef struct st_places {
    const st_expr *expr;
    uint64_t n;
    double (*at)[2];
} st_places;

typedef struct st_rfm_row {
    bool member;
    int score[3]; /* 0: missing, or not a part of this rfm */
} st_rfm_row;

/* What holds at one instant in force. */
typedef struct st_moment {
    int64_t now;
    bool *checked;     /* by definition, whether its instants were checked */
    st_value **values; /* by definition, by row */
    uint8_t **known;   /* whether values[def][row] was found already */
    st_rfm_row **rfm;  /* by definition, by row */
    ST_VEC(st_ranking) rankings;
    ST_VEC(st_places) places;
    ST_VEC(st_dealt) dealt;
} st_moment;

typedef struct st_oracle_pattern {
    const st_expr *expr;
    st_pattern *pattern;
} st_oracle_pattern;

struct st_oracle {
    st_arena *arena;
    const st_program *program;
    const st_data *data;
    st_moment *start;
    ST_VEC(st_moment *) moments;
    uint8_t **exists; /* by table, by row: 0 not asked yet, 1 no, 2 yes */
    ST_VEC(st_children) children;
    ST_VEC(st_oracle_pattern) patterns;
    ST_VEC(st_ranking) sets; /* of long IN: its constants */
    ST_VEC(int64_t) rows;    /* a stack of row lists in the making */
    ST_VEC(st_value) values; /* a stack of value lists in the making */
    st_oracle_got **treated; /* by definition: the treatments that were worked out */
    st_oracle_faults faults;
};

/* Where an expression is evaluated. `chosen` are the rows chosen for the steps of the sequence around it. */
typedef struct st_scope {
    st_oracle *o;
    st_moment *m;
    int64_t row;
    const int64_t *chosen;
} st_scope;

/* ---- eval.c ---- */
st_value st_o_eval(const st_scope *s, const st_expr *e);
bool st_o_true(const st_scope *s, const st_expr *e); /* known and true */
st_value st_o_missing(st_type type);
st_value st_o_bool(st_type type, bool b);
st_value st_o_int(st_type type, int64_t i);
/* An exact number in the type asked for; missing and counted where it does not fit. */
st_value st_o_exact(st_oracle *o, st_type type, st_i128 v, unsigned scale);
/* Reads an int, decimal or distance; false for other kinds. */
bool st_o_read_exact(const st_value *v, st_i128 *n, unsigned *scale);
double st_o_double(const st_value *v);
uint64_t st_o_draw(const st_scope *s, const st_expr *e); /* of SAMPLE and STRATUM: the number drawn */
st_value st_o_column(const st_oracle *o, const st_table *table, const st_col *col, int64_t row);
st_value st_o_element(const st_column *c, uint64_t i); /* value i of its data */
/* The instant that an AS_OF speaks of; NULL: outside the calendar. One that lies ahead is raised with st_fail. */
st_moment *st_o_as_of_moment(const st_scope *s, const st_expr *e);
st_scope st_o_at_row(const st_scope *s, int64_t row);
/* What orders as e does: logistic never decreases, so its operand stands for it, without rounding. */
st_value st_o_rank_key(const st_scope *s, const st_expr *e);
void st_o_sort(st_value *values, uint64_t n);
uint64_t st_o_count_less(const st_value *sorted, uint64_t n, const st_value *v); /* strictly less than v */
uint64_t st_o_count_at_most(const st_value *sorted, uint64_t n, const st_value *v);

/* The place that two expressions give; false: missing, or none. */
bool st_o_degrees(const st_scope *s, const st_expr *lat, const st_expr *lon, double out[2]);

/* ---- rows.c ---- */
st_value st_o_nearest(const st_scope *s, const st_expr *e);
bool st_o_exists(st_oracle *o, const st_table *table, int64_t row);
bool st_o_visible(const st_scope *s, const st_table *table, int64_t row);
bool st_o_present(const st_scope *s, const st_table *table, int64_t row);
/* Pushes the rows of the set that lead to s->row on o->rows and returns how many; the caller takes them off again by setting
 * o->rows.n back. */
uint32_t st_o_push_rows(const st_scope *s, const st_rowset *set);
st_value st_o_time(const st_scope *s, const st_table *table, int64_t row);
uint64_t st_o_row_count(const st_oracle *o, const st_table *table);

/* ---- aggregate.c, sequence.c, define.c ---- */
st_value st_o_aggregate(const st_scope *s, const st_expr *e);
bool st_o_sequence(const st_scope *s, const st_expr *e);
st_value st_o_def(const st_scope *s, const st_def *def);
st_value st_o_rfm_field(const st_scope *s, const st_def *def, st_rfm_field field, st_type type);
st_value st_o_ranked(const st_scope *s, const st_expr *e); /* in top, in bottom */
st_value st_o_stratum(const st_scope *s, const st_expr *e);
st_moment *st_o_moment(st_oracle *o, int64_t now);

#endif
