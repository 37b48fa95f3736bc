/* The rule set as one graph. Equal sub-expressions are one node, over all definitions and all instants in force.
 *
 * Three-valued logic is gone: a condition of the checked program is asked "is true" or "is false", and the answers are
 * two-valued predicates. Values may be missing; KNOWN(v) is the predicate that v is not. A comparison is true only where
 * both operands are known, so "is false" of a comparison is the inverse comparison.
 *
 * A node speaks of the rows of one table (`domain`), or is a constant of the run (ST_IR_RUN): the same for every row,
 * a formula over NOW. Instants in force (`as of`) are such formulas, so a definition seen at two instants is two sets of nodes
 * that share whatever does not depend on time.
 *
 * Arguments have smaller numbers than the node that uses them: a walk in order of numbers is bottom-up. Built by one thread;
 * never changed afterwards; lives in its arena.
 */
#ifndef STRATA_IR_IR_H
#define STRATA_IR_IR_H

#include "sema/program.h"

typedef enum st_ir_op {
#define IR(NAME, ...) ST_IR_##NAME,
#include "ir/ir.def"
#undef IR
    ST_IR_OPS
} st_ir_op;
typedef enum st_ir_class {
    ST_IR_CLASS_LEAF,
    ST_IR_CLASS_ELEM,
    ST_IR_CLASS_GATHER,
    ST_IR_CLASS_FOLD,
    ST_IR_CLASS_GROUP,
    ST_IR_CLASS_RANK
} st_ir_class;
extern const char *const st_ir_op_names[ST_IR_OPS];
extern const uint8_t st_ir_op_class[ST_IR_OPS];

/* What a node is. I64: int, date, timestamp, label, decimals of at most 18 digits; I128: longer decimals. LIST: a list
 * column, for HAS and KNOWN only. */
typedef enum st_ir_kind { ST_IR_PRED, ST_IR_I64, ST_IR_I128, ST_IR_F64, ST_IR_TEXT, ST_IR_LIST } st_ir_kind;
extern const char *const st_ir_kind_names[6];

typedef uint32_t st_ir_id; /* index of a node; 0 is none */
#define ST_IR_RUN (-1)

/* A way from the rows of steps[0]->table to those of the table that the last step links to. Interned: equal ways are one
 * pointer. */
typedef struct st_ir_path {
    uint32_t index; /* in ir->paths */
    uint32_t n;
    const st_col *const *steps;
} st_ir_path;

static inline const st_table *st_ir_path_from(const st_ir_path *p)
{
    return p->steps[0]->table;
}
static inline const st_table *st_ir_path_to(const st_ir_path *p)
{
    return p->steps[p->n - 1]->links_to;
}

/* The steps of a sequence. `rows`: the rows that fit as far as that does not depend on rows chosen before; `refers`: what does
 * depend on them, over BOUND nodes (TRUE: nothing). Both at the table of the step's path. */
typedef struct st_ir_step {
    uint8_t kind; /* of st_step */
    bool has_within;
    st_unit unit;
    int64_t within;
    const st_ir_path *path;
    st_ir_id rows, refers, time;
} st_ir_step;
typedef struct st_ir_sequence {
    uint32_t nsteps;
    st_ir_step *steps;
    bool instants;  /* times are timestamps, else dates */
    st_ir_id until; /* T, or its day */
} st_ir_sequence;

typedef struct st_ir_node {
    st_ir_op op;
    st_ir_kind kind;
    uint8_t scale;        /* exact values: digits behind the point */
    uint8_t digits;       /* exact values: at most so many; 19 for any 64-bit whole number */
    uint8_t amount_scale; /* THRESHOLD */
    bool optional;        /* a value: may be missing */
    bool bound;           /* depends on a BOUND node */
    bool pinned;          /* the answer of a definition: not opened up into larger ands and ors */
    int32_t domain;       /* index of the table, or ST_IR_RUN */
    uint32_t k, k2;       /* see ir.def */
    uint32_t n;
    const st_ir_id *args;
    st_i128 imm;
    double f;
    st_str text;
    const st_col *col;
    const st_ir_path *path;
    const st_ir_sequence *sequence;
    const st_def
        *subject; /* THRESHOLD: the first definition that asks, for the run report; no part of what it is */
} st_ir_node;

/* What an overlay gives beside its action: who is a member, and what it is in each dimension, one after the other. PART_OF and
 * RANK_OF: what treatments are made of, a definition's own value, and a trait as ranks compare it. PROMISED: what promises are
 * measured by, a definition's own value. */
enum {
    ST_IR_MEMBER = ST_RFM_CELL + 1,
    ST_IR_DIMENSION,
    ST_IR_PART_OF,
    ST_IR_RANK_OF,
    ST_IR_PROMISED,
    ST_IR_FIELDS
};
extern const char *const st_ir_field_names[ST_IR_FIELDS];

/* One thing that a definition gives to the outside. */
typedef struct st_ir_output {
    const st_def *def;
    bool is_field;  /* `field`; else the definition's own value or label */
    uint32_t field; /* rfm: st_rfm_field; the others: as above */
    st_type type;
    st_ir_id value; /* of a condition: the predicate "is true" */
    st_ir_id known; /* of a condition that may be missing (a trait): "is true" or "is false"; else 0 */
} st_ir_output;

typedef struct st_ir_check {
    st_ir_id inner, outer; /* two instants: inner <= outer is to be checked when the run begins */
    st_span span;
} st_ir_check;

typedef struct st_ir {
    st_arena *arena;
    const st_program *program;
    ST_VEC(st_ir_node) nodes;
    ST_VEC(const st_ir_path *) paths;
    ST_VEC(st_ir_output) outputs;
    ST_VEC(st_ir_check) checks;
    st_ir_id *population; /* by table: existing and begun rows, of entities with outputs; 0: of no interest */
    st_ir_id *
        unseen; /* by table: rows that exist and are not visible at the instant of the run, for the report; 0: none */
    st_map index; /* nodes by their content */
    st_map path_index;
    ST_VEC(st_ir_id) scratch; /* of the builders of ands and ors */
    uint32_t *mark;           /* by node, for st_ir_and */
    uint32_t nmark, stamp;
} st_ir;

/* Which definitions are outputs: those named (NULL: all of st_def_is_output), with traits and the raw values of rfm where
 * asked. Names that are not there are passed over. Of promises those
 * about such a definition, or (NULL) all. With `treatments` also what those and audiences are made of
 * (st_visit_parts), each once, behind the others: not for people. */
typedef struct st_ir_options {
    bool traits;
    bool treatments;
    const char *const *definitions;
    size_t ndefinitions;
} st_ir_options;

/* Lowers a checked program without errors. */
st_ir *st_lower(st_arena *a, const st_program *program, const st_ir_options *options);

/* --emit ir: one line a node that an output needs, then the outputs. */
void st_dump_ir(st_arena *a, const st_ir *ir, st_buf *out);
/* For each node whether an output needs it, and the roots themselves, in order of the outputs. */
typedef ST_VEC(st_ir_id) st_ir_ids;
void st_ir_roots(st_arena *a, const st_ir *ir, st_ir_ids *roots);
bool *st_ir_live(st_arena *a, const st_ir *ir);
/* The numbers by which dumps call the nodes: those that an output needs, from 1. */
uint32_t *st_ir_numbers(st_arena *a, const st_ir *ir);

#endif
