/* A program of the virtual machine (docs/vm.md): what the emitter builds, a .segb file holds, the verifier checks, the
 * disassembler prints and the machine runs. Instructions are listed in opcodes.def.
 *
 * Ownership: everything lives in the program's arena, texts that are handed in are copied. A program that is finished is
 * never changed by running it; any number of threads may run it. Building belongs to one thread. Builder calls fail only
 * for memory (st_fail); whether a program makes sense is st_bc_verify's question. */
#ifndef STRATA_BYTECODE_BYTECODE_H
#define STRATA_BYTECODE_BYTECODE_H

#include "sema/program.h"

#define ST_BC_NONE UINT32_MAX
#define ST_BC_VERSION 4u /* of .segb files */

/* Named limits of a program; st_bc_verify holds them. */
#define ST_BC_MAX_P 32768u             /* predicate registers of a piece of code */
#define ST_BC_MAX_V 2048u              /* value registers */
#define ST_BC_MAX_OBJECTS 1000000u     /* scalars, inputs, slots, steps, … of each kind */
#define ST_BC_MAX_CODE 16000000u       /* instructions; words of lists */
#define ST_BC_MAX_PATH 64u             /* links of an index or a view */
#define ST_BC_MAX_SEQUENCE 64u         /* steps of a sequence */
#define ST_BC_MAX_SET ST_MAX_LIST_KEYS /* keys of a set */

/* Types of registers, scalars and slots.
 * BOOL  a bitmap: is true. A truth value that can be missing is two of them, "is true" and "is false" (or "is known").
 * I64   int, date (days), timestamp (microseconds), label (index), decimal of up to 18 digits (count of 10^-scale).
 * I128  decimal of more digits. F64  float. TEXT  codes of a dictionary. */
typedef enum st_bc_type { ST_BC_BOOL, ST_BC_I64, ST_BC_I128, ST_BC_F64, ST_BC_TEXT, ST_BC_TYPES } st_bc_type;
extern const char *const st_bc_type_names[ST_BC_TYPES];

/* How a declared type lies in registers, scalars and slots; a list: its elements. */
st_bc_type st_bc_type_of(const st_type *t);

/* Operand kinds, for the verifier and the disassembler. */
typedef enum st_bc_operand {
    ST_K_NONE, /* must be 0 */
    ST_K_P_OUT,
    ST_K_P_IN,
    ST_K_V_OUT_T,
    ST_K_V_OUT_I64,
    ST_K_V_OUT_I128,
    ST_K_V_OUT_F64,
    ST_K_V_OUT_TEXT,
    ST_K_V_IN_T,
    ST_K_V_IN_I64,
    ST_K_V_IN_I128,
    ST_K_V_IN_F64,
    ST_K_V_IN_TEXT,
    ST_K_S_T,
    ST_K_S_I64,
    ST_K_S_TEXT,
    ST_K_S_BOOL,
    ST_K_S_OUT_T,
    ST_K_S_OUT_BOOL,
    ST_K_INPUT_T,    /* a column that is no list, or a value slot */
    ST_K_INPUT_BOOL, /* a column of type bool, or a bitmap slot */
    ST_K_INPUT_ANY,  /* also a list */
    ST_K_INPUT_LIST_T,
    ST_K_INPUT_KEY, /* a column or slot of type I64 or TEXT */
    ST_K_SLOT_OUT_T,
    ST_K_SLOT_OUT_BOOL,
    ST_K_SLOT_AGG_T,
    ST_K_SLOT_AGG_I64,
    ST_K_SLOT_AGG_EXACT, /* I64 or I128 */
    ST_K_SLOT_AGG_BOOL,
    ST_K_LIST_P,
    ST_K_LIST_S_T,
    ST_K_LIST_PS_T,
    ST_K_CMP,    /* st_cmp */
    ST_K_TEST,   /* st_bc_test */
    ST_K_UNIT,   /* st_unit */
    ST_K_PART,   /* st_part */
    ST_K_SCALE,  /* 0 to 38 */
    ST_K_SCALES, /* ST_BC_SCALES(first, second) */
    ST_K_HASH,   /* st_hash */
    ST_K_COUNT,  /* any number */
    ST_K_FLAG,   /* 0 or 1 */
    ST_K_NOTE,
    ST_K_INDEX, /* st_bc.indexes */
    ST_K_SET_T  /* st_bc.sets, of the instruction's type */
} st_bc_operand;

#define ST_BC_SCALES(first, second) ((uint32_t)(first) | (uint32_t)(second) << 8)

/* Comparisons are st_cmp (syntax/ast_slots.h): ST_EQ ST_NE ST_LT ST_LE ST_GT ST_GE. */
#define ST_CMPS (ST_GE + 1)
extern const char *const st_bc_cmp_names[ST_CMPS];

/* NOT_…: known, and the test does not hold. */
typedef enum st_bc_test {
    ST_TEST_STARTS,
    ST_TEST_NOT_STARTS,
    ST_TEST_ENDS,
    ST_TEST_NOT_ENDS,
    ST_TEST_CONTAINS,
    ST_TEST_NOT_CONTAINS,
    ST_TEST_MATCHES,
    ST_TEST_NOT_MATCHES,
    ST_TESTS
} st_bc_test;
extern const char *const st_bc_test_names[ST_TESTS];

typedef enum st_bc_op {
#define OPCODE(NAME, ...) ST_BC_##NAME,
#include "bytecode/opcodes.def"
#undef OPCODE
    ST_BC_OPS
} st_bc_op;

typedef struct st_bc_opcode {
    const char *name, *types;
    st_bc_operand kinds[5];
    const char *meaning;
} st_bc_opcode;
extern const st_bc_opcode st_bc_opcodes[ST_BC_OPS];

typedef struct st_bc_instr {
    uint16_t op;
    uint16_t type; /* st_bc_type; 0 where the opcode has none */
    uint32_t a[5]; /* unused ones are 0 */
} st_bc_instr;

/* A piece of row code: instructions [first, first + n), registers P[0, npred) and V[0, nval). A register must be written
 * before it is read, within the piece; its type is that of the last write. The working set stays in the cache where
 * instructions that compare one value stand side by side (the machine compares such a run in one go). */
typedef struct st_bc_code {
    uint32_t first, n, npred, nval;
} st_bc_code;

/* ---- objects ---- */

/* One value of the run, that every row sees.
 * LITERAL  the value below. NOW  the as-of instant of the run, I64. SET  by a setup step or a ranking, before any use; in the
 *          setup that sets it it is read as a number or a truth value only, not as text and not in a list.
 * BOUND    by a sequence, read only by its conditions; one that is TEXT
 *          not in a list. */
typedef enum st_bc_scalar_kind { ST_S_LITERAL, ST_S_NOW, ST_S_SET, ST_S_BOUND } st_bc_scalar_kind;
typedef struct st_bc_scalar {
    st_bc_scalar_kind kind;
    st_bc_type type;
    bool missing; /* LITERAL */
    union {
        bool b;
        int64_t i;
        st_i128 d;
        double f;
        st_str s;
    } as;
} st_bc_scalar;

/* The keys of a list: each once and ascending, texts by their bytes. */
typedef struct st_bc_set {
    const char *name; /* of the list */
    st_bc_type type;  /* I64, TEXT */
    st_list keys;
} st_bc_set;

/* What rows a piece of code, an input or a slot speaks of: a table (its st_table.index), or a view (ST_BC_VIEW(id)). */
typedef uint32_t st_bc_domain;
#define ST_BC_VIEW_BIT UINT32_C(0x80000000)
#define ST_BC_VIEW(id) ((st_bc_domain)(id) | ST_BC_VIEW_BIT)
#define ST_BC_IS_VIEW(domain) (((domain)&ST_BC_VIEW_BIT) != 0)
#define ST_BC_VIEW_ID(domain) ((domain) & ~ST_BC_VIEW_BIT)

/* From each row of `table` the row reached through link columns, one after the other: cols[0] is a column (st_col.index)
 * of `table`, cols[1] one of the table that it links to, and so on. */
typedef struct st_bc_path {
    uint32_t table, n;
    uint32_t *cols;
} st_bc_path;

/* What code can load, for the rows of `domain`: a column, or a slot; of the domain itself (index ST_BC_NONE), or of the row that
 * an index over the domain's table leads to. Domain is a view: columns and slots of its table, and slots over the view itself
 * (index ST_BC_NONE), can be read. Where an index leads nowhere nothing is known. */
typedef struct st_bc_input {
    st_bc_domain domain;
    uint32_t index; /* of a path in st_bc.indexes, or ST_BC_NONE */
    bool is_slot;
    uint32_t id; /* st_col.index of the table where the index leads, or of the slot */
} st_bc_input;

/* The rows of path.table that lead by `path` to a row of the entity, grouped by it in the order of its rows. With `order`,
 * the rows of a group stand in order of that input (an I64 input over the table, not over the view; not known first), equal ones by
 * `ties` (inputs over the table, of any type, compared one after the other; not known first, then false before true, numbers by size,
 * text by bytes, lists by their elements), then as in the file. Streaming aggregates do not need an order; LAST_N, SPAN and SEQUENCE do, and only
 * LAST_N needs ties. */
typedef struct st_bc_view {
    st_bc_path path;
    uint32_t order; /* input, or ST_BC_NONE */
    uint32_t nties;
    uint32_t *ties;
} st_bc_view;

/* What a step fills, for each row of `domain`. Filled by one step, or instruction, of the program. */
typedef struct st_bc_slot {
    st_bc_type type;
    st_bc_domain domain;
    const char *name; /* what it is, for the disassembler; "" is fine */
} st_bc_slot;

/* ---- steps ---- */
typedef enum st_bc_step_kind {
    ST_STEP_SETUP, /* code on a batch of one row, no inputs, no slots; SET and SET_P fill scalars */
    ST_STEP_PASS,  /* code over `domain` */
    ST_STEP_DISTINCT, /* domain: a view; out (I64 over its entity) = number of different known values; 0 without any */
    ST_STEP_MOST_COMMON, /* out (type of the value) = the known value that occurs most often, of several the smallest; missing without any */
    ST_STEP_REPEATS,     /* out (I64) = how often that value occurs; 0 without any */
    ST_STEP_MEDIAN, /* out = the mean of the two in the middle. Value I64 or I128 of `scale`: out is I128 of ST_QUOTIENT_SCALE;
                          F64: F64. Missing without any */
    ST_STEP_LAST_N, /* out (BOOL over the view) = the n last rows, in the view's order, of those in filter whose order is known */
    ST_STEP_SPAN, /* out (I64 over the entity) = most rows with a time in [t, t + n units) where t is the time of one of them;
                          value: the time, as the view's order */
    ST_STEP_SEQUENCE,  /* out (BOOL over the entity); sequence */
    ST_STEP_THRESHOLD, /* domain: a table; out (scalar, type of the value) = the k-th largest (top) or smallest known value of the rows
                          in filter, k = amount, or ceil(amount * N) where it is a share; missing where k or N is 0; with k > N
                          the last one. Value: I64, I128, F64 */
    ST_STEP_SCORE, /* domain: a table; out (I64) = rfm score 1..n of the known values of the rows in filter, by method; else
                          missing. Larger values are better unless `lower_is_better` (for RFM_PACKAGE with raw recency). RFM_PACKAGE: value has
                          `scale`. NTILE: key is the input that parts equal values, ascending */
    ST_STEP_STRATUM, /* domain: a table; out (I64) = in which of consecutive ranges a row in filter lies, counted from 0, else missing. Rows with
                          the same values (or none) of the inputs in list `strata` (I64, TEXT) are a stratum; of its n rows, in order
                          of value (I64) and then of key, range i ends with the floor(end * n + 1/2)-th, with `ends` a list of ascending I128
                          literals from 0 to 1 with amount_scale digits behind the point */
    ST_STEP_NEAREST, /* domain: a table; out (I64) = metres from the place of a row, latitude in value and longitude in key, to the nearest
                          of the rows of table `other` in other_filter, whose place is in other_value and other_key; inputs are F64, over
                          their tables. Missing where the row has no place, or none of the others has */
    ST_STEP_KINDS
} st_bc_step_kind;
extern const char *const st_bc_step_names[ST_STEP_KINDS];

typedef struct st_bc_step {
    st_bc_step_kind kind;
    st_bc_domain domain;
    st_bc_code code;       /* SETUP, PASS */
    uint32_t out;          /* slot; THRESHOLD: scalar */
    uint32_t filter;       /* BOOL slot over the domain, or ST_BC_NONE: all rows */
    uint32_t value;        /* input over the domain */
    uint32_t key;          /* SCORE by NTILE, STRATUM: input over the domain, I64 or TEXT; NEAREST: F64 */
    uint32_t strata, ends; /* STRATUM: lists */
    uint32_t other, other_filter, other_value, other_key; /* NEAREST */
    uint32_t scale;                                       /* MEDIAN, SCORE */
    int64_t n;                                            /* LAST_N; SPAN; SCORE */
    st_unit unit;                                         /* SPAN */
    bool dates;                                           /* SPAN: times are days, else instants */
    uint32_t sequence;                                    /* SEQUENCE */
    bool bottom;                                          /* THRESHOLD */
    bool is_share;
    bool lower_is_better;  /* SCORE */
    st_i128 amount;        /* THRESHOLD: the count, or the share with amount_scale digits behind the point */
    uint32_t amount_scale; /* also STRATUM */
    st_rfm_method method;  /* SCORE */
    uint32_t
        subject; /* THRESHOLD: index of the definition that asks (st_def.index), for the run report; ST_BC_NONE: none */
} st_bc_step;

/* One step of a sequence, over its own view of the sequence's entity, which is ordered by `time`. */
typedef struct st_bc_pair {
    uint32_t input; /* over the step's view */
    uint32_t scalar;
} st_bc_pair;
typedef struct st_bc_seq_step {
    enum { ST_SEQ_ROW, ST_SEQ_ANY, ST_SEQ_NO } kind;
    uint32_t view;
    uint32_t
        filter; /* BOOL slot over the view: rows that fit as far as that is known without the rows chosen before */
    uint32_t time; /* input over the view, I64; rows without a time take no part */
    bool has_within;
    int64_t within; /* >= 0 */
    st_unit within_unit;
    /* What depends on rows chosen before, as conjunction: an input equals a BOUND scalar of its type (both known), and row
     * code over the view that leaves its answer in P[cond_p] and reads BOUND scalars. Not SET, STORE, NOTE, AGG… */
    uint32_t neq;
    st_bc_pair *eq;
    bool has_cond;
    st_bc_code cond;
    uint32_t cond_p;
    uint32_t
        nbind; /* ROW, ANY: values of the chosen row that later steps read, into BOUND scalars of their type */
    st_bc_pair *bind;
} st_bc_seq_step;

/* Rows of the ROW and ANY steps are chosen so that each is strictly later than the one before. `until`: the instant in force
 * (a day where dates), where a closing NO ends. */
typedef struct st_bc_sequence {
    uint32_t entity; /* table */
    bool dates;
    uint32_t until; /* I64 scalar */
    uint32_t nsteps;
    st_bc_seq_step *steps;
} st_bc_sequence;

/* ---- results ---- */
typedef enum st_bc_field {
    ST_OUT_VALUE, /* segment: BOOL; tiers and rfm: the label, I64; score, trait: as its type */
    ST_OUT_R,     /* rfm: scores, I64 */
    ST_OUT_F,
    ST_OUT_M,
    ST_OUT_RECENCY, /* rfm: raw values */
    ST_OUT_FREQUENCY,
    ST_OUT_MONETARY,
    ST_OUT_CELL,   /* rfm: TEXT */
    ST_OUT_MEMBER, /* overlay: BOOL, is in its segment; the outputs of its dimensions follow */
    ST_OUT_DIMENSION,
    ST_OUT_PART, /* as VALUE, for treatments and audiences (st_visit_parts); all of them are there, or none */
    ST_OUT_RANK, /* as ranks compare the value: I64, I128 or F64 */
    ST_OUT_PROMISED, /* as VALUE, for promises; of each promise all that it is measured by is there, or nothing */
    ST_OUT_FIELDS
} st_bc_field;
extern const char *const st_bc_field_names[ST_OUT_FIELDS];

typedef struct st_bc_output {
    uint32_t def; /* st_def.index */
    st_bc_field field;
    st_type type;   /* how to print it; labels: NULL here, those of the definition or of the weekdays */
    uint32_t slot;  /* over def->of */
    uint32_t known; /* BOOL that can be missing (a trait): BOOL slot, is known; else ST_BC_NONE */
} st_bc_output;

static inline bool st_bc_is_part(const st_bc_output *o)
{
    return o->field == ST_OUT_PART || o->field == ST_OUT_RANK;
}

/* Whose values are labels, which are counted one by one; a trait that is a weekday is a value. */
static inline bool st_bc_is_labelled(const st_def *d)
{
    return d->kind == ST_DEF_OVERLAY || d->kind == ST_DEF_TIERS || d->kind == ST_DEF_RFM ||
           d->kind == ST_DEF_EXPERIMENT || d->kind == ST_DEF_CLUSTER;
}

/* Not for people: no column, no count. */
static inline bool st_bc_is_inner(const st_bc_output *o)
{
    return st_bc_is_part(o) || o->field == ST_OUT_PROMISED;
}

/* What the run report says of rows that NOTE instructions counted. */
typedef struct st_bc_note {
    strata_note_kind kind;
    const char *subject; /* "orders", "orders.customer_id", a definition; NULL: the run */
    uint32_t set;        /* LIST_KEYS: the rows counted are those whose key is in this set; else ST_BC_NONE */
} st_bc_note;

typedef struct st_bc {
    st_arena *arena;
    /* Tables, definitions and the zone's name. Built from text: the checked program. Read from a file: the same without
     * expressions (all st_expr, st_ast and spans are empty), enough to bind data and to write outputs. */
    const st_program *schema;
    ST_VEC(st_bc_scalar) scalars;
    ST_VEC(st_bc_path) indexes;
    ST_VEC(st_bc_view) views;
    ST_VEC(st_bc_input) inputs;
    ST_VEC(st_bc_slot) slots;
    ST_VEC(st_bc_set) sets;
    ST_VEC(uint32_t) lists; /* a list operand is the place of its length here, the entries follow */
    ST_VEC(st_bc_instr) code;
    ST_VEC(st_bc_sequence) sequences;
    ST_VEC(st_bc_step) steps;
    ST_VEC(st_bc_output) outputs;
    ST_VEC(st_bc_note) notes;
    uint32_t *
        population; /* by st_table.index: BOOL slot, the rows that exist and are visible at the as-of instant; ST_BC_NONE: the
                             table has no outputs */
    struct st_bc_build *build; /* of the builder alone */
} st_bc;

/* ---- building ---- Calls that add give the new object's number; literals, paths, inputs and lists that are there already
 * are found again. */
st_bc *st_bc_new(st_arena *a, const st_program *schema);

uint32_t st_bc_bool(st_bc *b, bool v);
uint32_t st_bc_i64(st_bc *b, int64_t v);
uint32_t st_bc_i128(st_bc *b, st_i128 v);
uint32_t st_bc_f64(st_bc *b, double v);
uint32_t st_bc_text(st_bc *b, st_str v);
uint32_t st_bc_missing(st_bc *b, st_bc_type type);
uint32_t st_bc_now(st_bc *b);
uint32_t st_bc_scalar_new(st_bc *b, st_bc_scalar_kind kind, st_bc_type type); /* SET, BOUND */

uint32_t st_bc_index(st_bc *b, const st_path *path); /* path->n > 0 */
/* A view is found again where path, order and ties are the same. Its order and ties are inputs over path's child table. */
uint32_t st_bc_view_of(st_bc *b, const st_path *path, uint32_t order, const uint32_t *ties, uint32_t nties);
uint32_t st_bc_column(st_bc *b, st_bc_domain domain, uint32_t index, const st_col *col);
uint32_t st_bc_read_slot(st_bc *b, st_bc_domain domain, uint32_t index, uint32_t slot);
uint32_t st_bc_slot_new(st_bc *b, st_bc_type type, st_bc_domain domain, const char *name);
uint32_t st_bc_list(st_bc *b, const uint32_t *items, uint32_t n);
uint32_t st_bc_set_of(st_bc *b, const st_def *list); /* its keys are not copied */
uint32_t st_bc_note_new(st_bc *b, strata_note_kind kind, const char *subject, uint32_t set);
void st_bc_output_new(st_bc *b, const st_def *def, st_bc_field field, st_type type, uint32_t slot,
                      uint32_t known);

/* Code: begin, emit any number, end; counts the registers. Pieces do not nest. */
void st_bc_begin(st_bc *b);
void st_bc_emit(st_bc *b, st_bc_op op, st_bc_type type, uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3,
                uint32_t a4);
st_bc_code st_bc_end(st_bc *b);

/* A step with kind and domain; the other numbers are ST_BC_NONE, the rest 0, for the caller to fill. Valid until the next. */
st_bc_step *st_bc_step_new(st_bc *b, st_bc_step_kind kind, st_bc_domain domain);
/* A sequence of nsteps zeroed steps (filter, time are ST_BC_NONE); its number by *id. */
st_bc_sequence *st_bc_sequence_new(st_bc *b, uint32_t entity, uint32_t nsteps, uint32_t *id);

/* ---- questions ---- */
/* The table whose rows a domain's rows are; of a view the entity it groups by. */
uint32_t st_bc_table_of(const st_bc *b, st_bc_domain domain);
uint32_t st_bc_entity_of(const st_bc *b, uint32_t view);
uint32_t st_bc_path_target(const st_bc *b, const st_bc_path *path);
/* Type of an input; *list (may be NULL): it is a list, and the type that of its elements. */
st_bc_type st_bc_input_type(const st_bc *b, uint32_t input, bool *list);

/* What a promise is measured by; NULL: not asked for. */
const st_bc_output *st_bc_promised(const st_bc *b, const st_def *d);

/* True where the program keeps every rule of docs/vm.md and can be run; else `why` says what is wrong and where. */
#define ST_BC_WHY 256
bool st_bc_verify(const st_bc *b, char why[ST_BC_WHY]);

/* A .segb file in arena `a`. */
const void *st_bc_write(st_arena *a, const st_bc *b, size_t *n);
/* Reads and verifies; st_fail(STRATA_BAD_INPUT) with one sentence where the bytes are not a program that this version reads. The bytes
 * may come from anyone and are not referred to afterwards. */
st_bc *st_bc_read(st_arena *a, const void *bytes, size_t n);

/* --emit bytecode. */
void st_bc_dump(const st_bc *b, st_arena *a, st_buf *out);

#endif
