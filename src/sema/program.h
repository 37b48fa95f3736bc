/* The checked program: every name resolved, every expression typed, every phrase of the language spelled out
 * in a small set of operations. It is what the oracle evaluates and what the IR is lowered from; SQL and
 * proofs start behind the IR.
 *
 * Expressions form trees whose nodes may be shared (they are pure). Three-valued logic throughout: any
 * operation below with a missing operand is missing unless said otherwise. Every time test has become
 * comparisons of instants or of days, every list a chain of simple tests, every named `rows` is inlined into
 * the sources that use it; definitions are referred to, not inlined. Nothing here depends on the as-of
 * instant: times of the run are expressions over ST_X_NOW.
 */
#ifndef STRATA_SEMA_PROGRAM_H
#define STRATA_SEMA_PROGRAM_H

#include "base/decimal.h"
#include "base/text.h"
#include "syntax/ast.h"

/* ---- types ---- */
typedef enum st_base_type {
    ST_T_BOOL,
    ST_T_INT,
    ST_T_FLOAT,
    ST_T_DECIMAL,
    ST_T_STRING,
    ST_T_DATE,
    ST_T_TIMESTAMP,
    ST_T_LABEL,    /* a tier, an rfm tier, an arm, a weekday: an index into labels */
    ST_T_DURATION, /* of a parameter or literal only: n units */
    ST_T_DISTANCE  /* kilometres, decimal with scale 3: whole metres */
} st_base_type;

typedef struct st_def st_def;
typedef struct st_table st_table;
typedef struct st_expr st_expr;

typedef struct st_labels {
    uint32_t n;
    const char **names; /* in the order written */
    const st_def *def;  /* whose labels; NULL: weekdays, monday first */
} st_labels;

/* digits: of an int or decimal the most digits a value can have (int columns 19); scale: behind the point. An
 * int is held in 64 bits; int with int stays int for + - * and overflow is missing. Anything with a decimal
 * is decimal; over 38 digits was refused. `optional`: may be missing (used for messages; evaluators always
 * handle missing). */
typedef struct st_type {
    st_base_type base;
    bool list, optional;
    uint8_t digits, scale;
    const st_labels *labels;
} st_type;

/* ---- tables ---- */
typedef struct st_value st_value;
typedef struct st_col {
    const char *name;
    uint32_t index; /* in table->cols */
    st_table *table;
    st_type type;
    bool key, time, planned, recorded, fixed, changes, pii;
    st_table *links_to;         /* NULL: none */
    uint32_t none_of_these;     /* number of allowed values, 0: any */
    const st_value *one_of;     /* allowed values */
    const st_value *low, *high; /* `between`, inclusive; NULL: no bound */
    st_span span;
    /* Some definition reads it, follows it (a link on the path of a source or of ST_X_LINK), or orders rows by
     * it (ST_FILTER_LAST): only these are loaded, and the keys of tables that are needed. */
    bool used;
} st_col;

/* A step from a row to the row it links to: the link column of the child table. */
typedef struct st_path {
    uint32_t n;
    const st_col **steps; /* steps[0] stands on the child, the last one links to the target */
} st_path;

/* The rows that an aggregate or sequence looks at: rows of `table` that exist, are visible at the instant in
 * force and lead by `path` to the row in hand, taken through `filters` in order. Every row on the path must
 * exist (not kept out). */
typedef struct st_filter {
    enum { ST_FILTER_WHERE, ST_FILTER_LAST } kind;
    st_expr *where; /* WHERE: at `table`; the row stays where it is true */
    uint32_t last;  /* LAST: the n rows latest by st_table.order_time stay; rows without a time never do. Rows
                       of equal time are  ordered by the table's key (greater is later) or, without one, by its
                       columns in order of declaration  (missing first), so the answer is the data's alone. */
} st_filter;
typedef struct st_rowset {
    const st_table *table;
    st_path path; /* n == 0: the rows are not those of an entity (ST_X_NEAREST alone) */
    uint32_t nfilters;
    st_filter *filters;
    const char *name; /* as written, for messages and `why` */
} st_rowset;

/* A table of groups, made by the checker for `rows … per`. It has one row for every combination of an entity and of values in
 * the key columns that the rows of `source` have, a missing value being a value of its own: over all rows of source that lead
 * to an entity, whatever the instant. No file is asked for it, table/derive.c works it out when the data are complete. A group
 * is there at an instant where the table's `visible` holds: some row of it is seen then and is among those that the source
 * names. Its columns are the keys, in the order of `keys`, with their values. Two links that no rule can name are made with it;
 * they stand behind the columns of their tables (st_table.nhidden). */
typedef struct st_derived {
    const st_table *source;
    st_path path;         /* from source to the entity */
    const st_col **keys;  /* columns of source, as many as the table of groups has columns */
    const st_col *member; /* of source: the group that a row is in */
    st_path up;           /* one step, from a group to its entity */
    /* In a program that was checked, not in one that was read from a .segb: */
    st_rowset rows; /* of a group */
    const st_def *def;
    uint32_t nfields;
    st_def **fields; /* hidden traits of groups: what stands in the braces */
} st_derived;

struct st_table {
    const char *name;
    uint32_t index; /* in program->tables */
    uint32_t ncols;
    uint32_t nhidden; /* links of groups stand behind the columns: cols[ncols .. ncols + nhidden) */
    st_col *cols;
    const st_derived *derived; /* NULL: declared, its rows come from files */
    const st_col *key;         /* NULL: none */
    /* The time of a row: that of `recorded` where declared, else its own `time`, else that of the nearest
     * table it links to that has one (fewest steps; then the column declared first). when: an expression on
     * this table of type date or timestamp, NULL when there is none. order_time is the row's `time` (never
     * `recorded`), what windows, first/last and sequences use. */
    st_expr *when, *order_time;
    st_expr *keep; /* `keep where`, all of them joined by and; NULL: all rows. A row for which it is not true
                      does not exist: links to it lead nowhere, it is in no source and no population. */
    st_expr *visible; /* when < now (a date against the day of now); NULL: always. Holds for the rows of every
                         source, sequence and rfm, and for the population and output of an entity. Not for
                         link reads. */
    bool segmented;   /* some definition is `of` this table */
    st_span span;
    const char *doc;
};

/* ---- values ---- */
struct st_value {
    st_type type;
    bool missing;
    union {
        bool b;
        int64_t i; /* int; date (days); timestamp (instant, microseconds); label (index); duration (count) */
        st_i128 d; /* decimal, distance: count of 10^-type.scale */
        double f;
        st_str s;
    } as;
    st_unit unit; /* of a duration */
};

/* As it would be written in a rule. */
const char *st_value_text(st_arena *a, const st_zone *zone, const st_value *v);

/* ---- expressions ---- */
typedef enum st_op {
#define OP(NAME, ...) ST_X_##NAME,
#include "sema/ops.def"
#undef OP
    ST_X_COUNT
} st_op;
extern const char *const st_op_names[ST_X_COUNT];

typedef enum st_rfm_field {
    ST_RFM_R,
    ST_RFM_F,
    ST_RFM_M, /* scores, int 1..n */
    ST_RFM_RECENCY,
    ST_RFM_FREQUENCY,
    ST_RFM_MONETARY, /* raw: int days; int or the measure's type; the measure's type */
    ST_RFM_CELL      /* text, "545" */
} st_rfm_field;

/* One step of a sequence. The chosen rows are each strictly later (by order_time) than the one before. */
typedef struct st_step {
    enum { ST_STEP_ROW, ST_STEP_ANY, ST_STEP_NO } kind;
    st_rowset rows; /* ROW: the sequence's own source with this step's condition added as a last filter; ANY,
                       NO: their own. The filters of a step may hold ST_X_STEP_ROW of earlier steps. All lead
                       to the same entity. */
    bool has_within;
    int64_t within; /* at most this long after the row of the nearest ROW or ANY step before, inclusive */
    st_unit within_unit;
    const char *name; /* `as a`, or NULL */
} st_step;

struct st_expr {
    /* what every walk reads comes first, to lie in one line of the cache */
    st_op op;
    uint32_t n;
    st_expr **args;
    const st_table *at; /* whose row it speaks of; NULL: the same for every row of a run */
    const st_col *col;  /* COLUMN; LINK: the link column on `at` */
    st_def *
        def; /* DEF, RFM_FIELD; ON_LIST: the list; IN_TOP and IN_BOTTOM: among, or NULL; STRATUM: the members */
    uint32_t nsteps; /* SEQUENCE */
    st_step *steps;
    st_type type;
    st_span span;
    st_value value; /* CONST; MATCHES: the pattern (normal form); SAMPLE, STRATUM: the salt */
    st_rowset rows; /* AGGREGATE, NEAREST: its rows; SEQUENCE: base rows */
    uint32_t
        kind; /* AGGREGATE: st_agg_kind; RFM_FIELD: st_rfm_field; STEP_ROW: step number; AT_LEAST: k; STRATUM: see there */
    st_unit unit;   /* SHIFT, BETWEEN_TIMES, TRUNC; AGGREGATE: of span_n */
    int64_t span_n; /* AGGREGATE COUNT: > 0 for `in any N units` */
    st_part part;   /* PART */
    st_i128 amount; /* IN_TOP, IN_BOTTOM: count, or share; SAMPLE: share */
    uint32_t amount_scale;
    bool amount_is_share;
    st_i128 low_share; /* SAMPLE: where the drawn range begins, of amount_scale; 0: at the beginning */
    st_hash hash;      /* SAMPLE, STRATUM */
};

/* ---- definitions ---- How each kind gives its value:
 *   by expr              trait, score, points (a number); segment, list, holdout (true or false, never missing)
 *   by tiers and among   tiers, cluster, overlay (its action), experiment (its arm): at most one label
 *   by rfm               rfm
 *   none                 param, rows, place, layer, treatment, campaign, audience
 * A definition that is hidden was made by the checker for another one (the population of an experiment, a condition of a
 * treatment, what a check measures): it has a value like others, a name that no rule can write, and is never an output. */
typedef enum st_def_kind {
    ST_DEF_PARAM,
    ST_DEF_ROWS,
    ST_DEF_TRAIT,
    ST_DEF_SCORE,
    ST_DEF_SEGMENT,
    ST_DEF_TIERS,
    ST_DEF_RFM,
    /* the rest of the language */
    ST_DEF_POINTS,
    ST_DEF_LIST,
    ST_DEF_PLACE,
    ST_DEF_CLUSTER,
    ST_DEF_OVERLAY,
    ST_DEF_HOLDOUT,
    ST_DEF_EXPERIMENT,
    ST_DEF_LAYER,
    ST_DEF_TREATMENT,
    ST_DEF_CAMPAIGN,
    ST_DEF_AUDIENCE,
    ST_DEF_KINDS
} st_def_kind;
extern const char *const st_def_kind_names[ST_DEF_KINDS];

/* The value of its expression for every row: a trait, or an output that is a number. */
static inline bool st_def_kind_is_value(st_def_kind kind)
{
    return kind == ST_DEF_TRAIT || kind == ST_DEF_SCORE || kind == ST_DEF_POINTS;
}

typedef struct st_meta {
    const char *owner, *goal, *kpi, *refresh, *formerly; /* NULL: not said */
    int64_t version;                                     /* 0: not said */
    int64_t review_by;                                   /* day; ST_NO_TIME: not said */
    uint32_t ntags;
    const char **tags;
} st_meta;

/* A tier row: the first whose `when` is true gives the label; when == NULL: otherwise. In the rows of tiers, as in the expr
 * of a segment, the table's `visible` is joined by and, so that who has not begun has no label (and is in no segment). */
typedef struct st_tier {
    uint32_t label;
    st_expr *when;
    st_span span;
} st_tier;

typedef enum st_rfm_method { ST_RANKED, ST_RFM_PACKAGE, ST_NTILE, ST_CUME_DIST } st_rfm_method;
typedef struct st_rfm_part {
    bool by_thresholds;
    uint32_t scores;      /* n: scores run from 1 to n (2 to 9) */
    st_rfm_method method; /* of quantiles */
    uint32_t nthresholds; /* scores - 1; recency: days ascending, "at most"; others ascending, "at least" */
    st_value *thresholds;
    st_expr *measure; /* at the entity: an AGGREGATE over the rfm's rows. recency: last(order_time) (goodness:
                         later is better; the raw value is complete days from it to today); frequency: count
                         unless `of` says else */
    st_expr *raw;     /* at the entity: the raw value (recency: days since; the others: measure itself) */
} st_rfm_part;
typedef struct st_rfm {
    st_rowset rows; /* population: entities with at least one row */
    st_expr *any;   /* at the entity: any(rows) */
    bool has[3];    /* recency, frequency, monetary given */
    st_rfm_part part[3];
    bool has_tiers;
    uint16_t *cells; /* label of cell ((r-1)*nf + (f-1))*nm + (m-1); ST_NO_LABEL: none (missing) */
} st_rfm;
#define ST_NO_LABEL UINT16_MAX

/* Keys kept by hand, each once and ascending: numbers, or texts by their bytes. */
typedef struct st_list {
    uint32_t n;
    const int64_t *ints; /* NULL: texts */
    const st_str *texts;
} st_list;
#define ST_MAX_LIST_KEYS 10000000u

#define ST_MAX_DIMENSIONS 8
/* An overlay: the cells of a segment's members, by what they are in each dimension. */
typedef struct st_overlay {
    st_def *on;
    uint32_t ndims;
    st_def **dims;    /* definitions that give labels, or (hidden) traits: text, int, bool, date */
    int64_t min_size; /* 0: not said */
    bool has_actions;
} st_overlay;

/* ---- what segments get ---- Conditions and values are definitions, most of them hidden: evaluators compute them as they do
 * any other, and the steps of a treatment only combine their answers. */

/* Who may be written to by a channel. */
typedef struct st_consent {
    const char *channel;
    st_def *when; /* hidden segment */
    st_span span;
} st_consent;

typedef struct st_channel {
    const char *name;
    st_def *consent; /* hidden segment: who has agreed to it; NULL: it is not asked (transactional) */
    st_def *
        open; /* hidden segment: consent (unless transactional), and its own `when`; NULL: open to everybody */
    st_def *
        over; /* hidden segment: at the contact limit of the channel; NULL: there is none, or transactional */
} st_channel;

/* A value that leaves the house. */
typedef struct st_send {
    st_def *value;  /* hidden trait */
    const char *as; /* the name of its column in a file */
    bool sha256;    /* written as the SHA-256 of its normal form: sha256(…) */
} st_send;

typedef struct st_exclusion {
    st_def *who;         /* segment or list */
    const char *because; /* NULL: not said */
    st_span span;
} st_exclusion;

/* The steps in their order: members of the target, exclusions, universal holdouts, its own control, the first channel that is
 * open, contact limits and `again after`, `one per`, `at most`. */
typedef struct st_treatment {
    st_def *target;     /* segment, or a hidden one: who has the action, arm or label */
    const char *arm;    /* the action, arm or label; NULL: a whole segment */
    st_def *active;     /* hidden trait, the same for every row: `during`; NULL: always */
    const char *action; /* what is done, for people; NULL: not said */
    bool transactional;
    uint32_t nchannels;
    st_channel *channels; /* in the order of preference */
    uint32_t nexclusions;
    const st_exclusion **exclusions; /* those of its entity, in the order written */
    uint32_t nholdouts;
    st_def **holdouts;        /* universal holdouts that it is not exempt from; none where transactional */
    st_def *control;          /* hidden segment: drawn into its control; NULL: none */
    st_def *again;            /* hidden segment: got this treatment within `again after`; NULL: not said */
    st_def *one_per;          /* hidden trait; NULL: not said. Who has no value is alone */
    const char *one_per_text; /* as written */
    st_def *one_per_rank, *at_most_rank, *order_by; /* hidden traits, NULL where not said */
    int64_t at_most;                                /* ST_NO_LIMIT: not said */
    const char *salt; /* of the hash that parts equal ranks: its control's, or empty */
    st_hash hash;
    uint32_t nsends;
    st_send *sends;
    struct st_def *campaign; /* the one that it is in; NULL: none */
} st_treatment;
#define ST_NO_LIMIT INT64_MAX

/* A customer gets the first treatment that is open to her. */
typedef struct st_campaign {
    st_def *active; /* hidden trait; NULL: always */
    uint32_t n;
    st_def **treatments; /* in order */
} st_campaign;

typedef struct st_audience {
    st_def *from;      /* segment or list, or a hidden segment of a label */
    st_def *base;      /* what stands in the rule: whose members an earlier output names */
    const char *label; /* the label of `base` that is meant; NULL: its members */
    bool changes_only;
    uint32_t nsends;
    st_send *sends;
} st_audience;

/* What a definition stands on, for the catalogue. What the checker made for it is opened up. */
typedef struct st_origin {
    const char *file;  /* NULL: made by the checker */
    uint32_t line;     /* from 1 */
    const char *value; /* a param: as a rule writes it */
    uint32_t ncolumns; /* that it reads, or that decide which rows it sees; in order of tables */
    const st_col **columns;
    uint32_t nneeds; /* definitions that it speaks of, in order */
    st_def **needs;
    uint32_t nchecks, ntests; /* that speak of it */
} st_origin;

/* ---- promises ---- */
typedef struct st_bound {
    bool given, is_share;
    st_i128 amount; /* a count, or a share, with `scale` digits behind the point */
    uint32_t scale;
} st_bound;

/* What is measured are numbers of rows of `table`, and sums over them; `part` and `all` are segments, most of them hidden, NULL:
 * every row of the population. By kind:
 *   SIZE_…                 rows in part, alone or of every row; WITHIN (low): against the previous output of subject and label
 *   DISJOINT INSIDE COVERS BETWEEN   rows in part, of those in all: there must be none
 *   KEEPS KNOWN            the share part of all is at least low
 *   BRINGS                 the sum of measure over part is at least the share low of that over every row
 *   UNIQUE                 no two rows have the same measure
 *   NEWER                  there is a row in part; the largest measure in all is what is shown */
typedef struct st_promise {
    uint32_t kind;    /* st_ast_check (syntax/ast_slots.h) */
    const char *text; /* as written, behind `check` */
    const char *file; /* where, as messages call it */
    uint32_t line;
    st_table *table;
    bool warn_only;
    st_def *subject;   /* the definition that it speaks of; NULL: a table or a value */
    const char *label; /* which label of it is meant; NULL: its members, or whoever has a label */
    st_def *part, *all;
    st_def *measure; /* hidden trait */
    st_bound low, high;
    st_span span;
    bool closed;   /* of a library, or left out when the rules were compiled */
    bool left_out; /* not to be kept by a run: closed, or its definition is left out */
    st_origin origin;
} st_promise;

struct st_def {
    st_def_kind kind;
    bool hidden;
    uint32_t index; /* in program->defs */
    const char *name, *title, *doc;
    st_meta meta;
    st_span span; /* the name */
    const st_ast *ast;
    st_table *of;     /* the entity; NULL for params */
    st_type type;     /* segment: bool; tiers, rfm: label; trait, score: its value's; param: its value's */
    st_labels labels; /* tiers, rfm */
    st_value value;   /* param */
    uint32_t nvalues; /* param that is a list */
    st_value *values;
    st_expr *expr; /* trait, score, segment */
    st_def *among; /* tiers: segment that limits the population, or NULL */
    uint32_t ntiers;
    st_tier *tiers;
    st_rfm *rfm;
    st_list *list;
    st_overlay *overlay;
    st_treatment *treatment;
    st_campaign *campaign;
    st_audience *audience;
    bool pii;       /* trait: its value is personal data, which leaves only where it is sent */
    uint32_t nuses; /* definitions it refers to directly, each once */
    st_def **uses;
    bool in_library; /* stands in a library: others use it, it is no output */
    bool closed;     /* cannot be asked for: of a library, or left out when the rules were compiled */
    bool left_out;   /* no output of a run: closed, or not asked for (st_select) */
    bool asked;      /* asked for by its name: an output even where it is a trait */
    st_origin origin;
};

/* ---- tests ---- A small world written out, and what is expected of it. Values are those of their columns' types; what a
 * test and the rule set give as defaults is in `defaults`. */
typedef struct st_cell {
    bool given, known; /* not given: left out; given and not known: said to be missing */
    uint32_t n;        /* 1, or the length of a list */
    const st_value *values;
    st_span span;
} st_cell;

typedef struct st_test_field {
    const st_col *col;
    st_cell cell;
} st_test_field;

typedef struct st_test_row {
    uint32_t nfields;
    st_test_field *fields;
    st_span span;
} st_test_row;

/* What a test holds of a table. `reads`: by st_col.index, what the definitions that it asks for read. */
typedef struct st_test_table {
    bool asked;              /* some of these definitions are about it */
    const bool *reads;       /* NULL: nothing */
    const st_cell *defaults; /* by st_col.index; NULL: none */
    ST_VEC(st_test_row) rows;
} st_test_table;

/* What must be true of one row. `def` has members (IN, NOT_IN: a segment, list, holdout, or who gets a treatment), or a value:
 * its own, a field (of an rfm; the cell of an overlay), the channel by which a treatment goes, or why it does not. */
typedef struct st_claim {
    uint32_t kind; /* st_ast_claim, or st_cmp */
    const st_def *def;
    enum { ST_ASK_OWN, ST_ASK_FIELD, ST_ASK_CHANNEL, ST_ASK_REASON } ask;
    st_rfm_field field; /* ASK_FIELD */
    st_type type;       /* of what is asked */
    st_str key;         /* as it would be written in a rule */
    uint64_t row;       /* among the rows of def->of */
    st_value value;     /* of a comparison */
    st_span span;
} st_claim;

typedef struct st_test {
    const char *title;
    st_span span;          /* the title */
    int64_t as_of;         /* instant */
    st_test_table *tables; /* by st_table.index */
    ST_VEC(st_claim) claims;
    uint32_t ndefs; /* what the claims ask for, directly and through others; hidden ones included */
    const st_def **defs;
} st_test;

typedef struct st_program {
    st_arena *arena;
    const st_sources *sources;
    const char *timezone; /* "UTC" where not said */
    const st_zone *zone;
    uint32_t ntables;
    st_table **tables;
    uint32_t ndefs;
    st_def **defs; /* in order of files and places */
    uint32_t norder;
    st_def **order; /* every definition behind those it uses */
    uint32_t nconsents;
    st_consent *consents;
    uint32_t nexclusions;
    st_exclusion *exclusions;
    uint32_t npromises;
    st_promise *promises;
    uint32_t ntests;
    st_test **tests; /* in order of files and places */
} st_program;

/* Checks parsed files as one rule set. Always returns; with errors in `diags` the program must not be run. */
typedef struct st_override {
    const char *name, *text; /* --set name=text */
} st_override;
st_program *st_check(st_arena *a, st_names *names, const st_sources *sources, const st_parse *files,
                     uint32_t nfiles, const st_override *sets, uint32_t nsets, st_diags *diags);

/* The checked program as text, for people and golden files: tables, then definitions in order. */
void st_dump_program(st_arena *a, const st_program *p, st_buf *out);

/* The definitions that treatments and audiences are made of, in order; a definition can come several times. By role:
 * WHO    a segment, list or holdout.
 * WHEN   a trait that is true or false, the same for every row.
 * VALUE  a trait of any type.
 * RANK   a trait whose order is asked for: a number, a day or an instant. */
typedef enum st_part_role { ST_PART_WHO, ST_PART_WHEN, ST_PART_VALUE, ST_PART_RANK } st_part_role;
typedef struct st_part_visit {
    void (*visit)(void *context, const st_def *whole, st_def *part, st_part_role role);
    void *context;
} st_part_visit;
void st_visit_parts(const st_program *p, const st_part_visit *v); /* but of those left out */
void st_visit_parts_of(const st_def *d, const st_part_visit *v);
bool st_has_treatments(const st_program *p); /* or audiences */

/* ---- what is asked for ---- */

/* How often answers are wanted anew: the words behind `refresh`, the most frequent first. -1: no such word. */
#define ST_RHYTHMS 6
extern const char *const st_rhythms[ST_RHYTHMS];
int st_rhythm_of(const char *word);

/* By name, or by their `refresh`: those of `due` and of all that are more frequent. Neither: all. */
typedef struct st_selection {
    uint32_t nonly;
    const char **only;
    const char *due; /* NULL: not said */
} st_selection;
/* Leaves out all definitions and promises that are not asked for, and, where the rules have their text, all columns that nobody
 * needs then. A campaign is asked for as a whole. Unknown names raise st_fail(STRATA_BAD_INPUT). Called again it begins anew. */
void st_select(st_program *p, const st_selection *s);

/* The definitions that are outputs, in order: segments, tiers, rfm, scores (and traits where asked). */
bool st_def_is_output(const st_def *d, bool traits);
bool st_def_is_answer(const st_def *d, bool traits); /* likewise, whether it is left out or not */

#endif
