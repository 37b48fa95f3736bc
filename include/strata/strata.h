/* Strata: a compiler for customer segments. The one installed header.
 *
 * Ownership    Objects made by a strata_*_new, _read or strata_run call belong to the caller and are freed with the
 *              matching _free (NULL is fine). Text and arrays that an object hands out live as long as the
 *              object, unless said otherwise. Structs with values are returned by copy; later versions may add
 *              fields at their ends.
 * Errors       Calls that can fail return a strata_status and fill the caller's strata_error where one is given. What is
 *              wrong in rule text is not an error of the call: it is in the diagnostics of the rule set.
 * Threads      No globals. A rule set is immutable once made and may be used by many threads at the same time. A data
 *              set is immutable once strata_data_finish has returned. A result belongs to one thread at a time.
 * Times        Instants are microseconds since 1970-01-01T00:00:00 UTC; days are days since 1970-01-01.
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

/* ---- a rule set: .seg text, or compiled .segb ----
 *
 *   strata_rules *rules = NULL;
 *   strata_error error = {0};
 *   if (strata_rules_new(NULL, &rules, &error) == STRATA_OK
 *       && strata_rules_add_text(rules, "vip.seg", text, length, &error) == STRATA_OK
 *       && strata_rules_compile(rules, &error) == STRATA_OK) { ... }
 *   strata_rules_free(rules);
 *
 * new, add (texts, files, libraries, lists), only, set and compile are called in this order, from one thread; after compile nothing changes
 * any more. */
typedef struct strata_rules strata_rules;

strata_status strata_rules_new(const strata_allocator *allocator, strata_rules **rules, strata_error *error);
void strata_rules_free(strata_rules *rules);

/* One file of the rule set. `name` is what messages call it. Text and name are copied. At most
 * STRATA_MAX_SOURCE bytes. */
strata_status strata_rules_add_text(strata_rules *rules, const char *name, const char *text, size_t length,
                                    strata_error *error);
/* A .seg file, or every *.seg below a folder (in order of their paths; hidden folders are passed over). */
strata_status strata_rules_add_path(strata_rules *rules, const char *path, strata_error *error);
/* The file of a list (`list press of customers from "lists/press.csv"`), for rules that are not read from files; it goes before one
 * on the disk. `path` is how the rules name it, behind the folder in the name of the text that does: "lists/press.csv" for a text
 * added as "vip.seg", "crm/lists/press.csv" for one added as "crm/vip.seg". Path and text are copied. At most STRATA_MAX_LIST
 * bytes. */
strata_status strata_rules_add_list(strata_rules *rules, const char *path, const char *text, size_t length,
                                    strata_error *error);
/* A .seg file or a folder of them whose definitions the rule set may use. They are no outputs themselves, nothing doubtful is said of
 * them, and their checks and tests are not run; a name stands once in the rule set and its libraries together. */
strata_status strata_rules_add_library(strata_rules *rules, const char *path, strata_error *error);
/* Only this definition, with what it needs; called once for each. Everything is checked all the same. A campaign is taken as a
 * whole. An unknown name makes compile return STRATA_BAD_INPUT. Also for rules that were read, before they are used; then an unknown
 * name is refused at once. */
strata_status strata_rules_only(strata_rules *rules, const char *definition, strata_error *error);
/* Only what says `refresh` with this word or a more frequent one: hourly, daily, weekly, monthly, quarterly, yearly. Not together with
 * strata_rules_only. */
strata_status strata_rules_due(strata_rules *rules, const char *refresh, strata_error *error);
/* Another value for a parameter, as written in a rule ("1500", "90 days", "\"DE\""). */
strata_status strata_rules_set(strata_rules *rules, const char *parameter, const char *value,
                               strata_error *error);
/* STRATA_BAD_RULES: see the diagnostics. Warnings leave STRATA_OK. */
strata_status strata_rules_compile(strata_rules *rules, strata_error *error);

#define STRATA_MAX_SOURCE (16u << 20) /* bytes of one .seg file */
#define STRATA_MAX_FILES 10000u       /* .seg files of a rule set */
#define STRATA_MAX_LIST (256u << 20)  /* bytes of the file of a list */

/* Compiled bytes (.segb). read checks version, checksum and every instruction; the bytes are copied and may
 * come from anyone. A rule set that was read has no source text: only "bytecode" can be emitted, and it has
 * no diagnostics. */
strata_status strata_rules_read(const strata_allocator *allocator, const void *bytes, size_t length,
                                strata_rules **rules, strata_error *error);
/* The compiled bytes, with traits as outputs or without, always with treatments and audiences; strata_free. */
strata_status strata_rules_write(const strata_rules *rules, bool traits, void **bytes, size_t *length,
                                 strata_error *error);

/* ---- what the compiler has to say ---- */
typedef enum strata_severity { STRATA_ERROR, STRATA_WARNING } strata_severity;

typedef struct strata_diagnostic {
    strata_severity severity;
    const char *code;              /* "E0201", stable, never reused */
    const char *name;              /* "unknown-column", stable */
    const char *file;              /* as added; NULL: about the rule set as a whole */
    uint32_t line, column;         /* 1-based, in characters */
    uint32_t end_line, end_column; /* the last character underlined, inclusive */
    const char *text;              /* what is wrong */
    const char *help;              /* what to do; "" where the text says it */
} strata_diagnostic;

/* In order of files and places. */
size_t strata_rules_diagnostic_count(const strata_rules *rules);
strata_diagnostic strata_rules_diagnostic(const strata_rules *rules, size_t i);

typedef enum strata_diagnostic_format {
    STRATA_DIAGNOSTICS_TEXT,
    STRATA_DIAGNOSTICS_COLOUR,
    STRATA_DIAGNOSTICS_JSON
} strata_diagnostic_format;
/* All of them as people (with the lines they speak of) or programs read them. Made anew each time;
 * strata_free. */
strata_status strata_rules_diagnostics(const strata_rules *rules, strata_diagnostic_format format,
                                       char **text, strata_error *error);

/* The compiler's floors as text: "tokens", "ast", "program", "ir", "plan", "bytecode". tokens are there as soon
 * as text was added, the ast after any compile, the others after one without errors. strata_free. */
strata_status strata_rules_emit(const strata_rules *rules, const char *what, char **text,
                                strata_error *error);
/* Gives back what the rule set handed out to be freed; NULL is fine. */
void strata_free(const strata_rules *rules, void *text_or_bytes);

/* ---- what a rule set defines and needs ---- */
typedef enum strata_kind {
    STRATA_SEGMENT,
    STRATA_TIERS,
    STRATA_RFM,
    STRATA_SCORE,
    STRATA_TRAIT,
    STRATA_HOLDOUT,    /* as a segment: in or not */
    STRATA_EXPERIMENT, /* as tiers: its arms */
    STRATA_OVERLAY,    /* as tiers: its actions, and its cells */
    STRATA_CLUSTER,    /* as tiers */
    STRATA_POINTS,     /* as a score; never missing */
    STRATA_PARAM,      /* no answers, from here on: what rules are made of, */
    STRATA_ROWS,
    STRATA_PLACE,
    STRATA_LIST,
    STRATA_LAYER,
    STRATA_TREATMENT, /* what segments get, */
    STRATA_CAMPAIGN,
    STRATA_AUDIENCE,
    STRATA_CHECK /* and what is promised of them */
} strata_kind;
const char *strata_kind_name(strata_kind kind); /* as rules write it */

typedef struct strata_definition {
    strata_kind kind;
    const char *name;
    const char *title, *doc, *owner, *goal, *kpi, *refresh, *formerly; /* NULL: not said */
    int64_t version;                                                   /* 0: not said */
    const char *entity;        /* the table whose rows are in it or have it; NULL: of no table */
    const char *type;          /* "bool", "label", "int", "decimal(12,2)", ...; NULL: it has no value */
    size_t nlabels;            /* tiers, rfm, clusters, experiments, the actions of an overlay */
    const char *const *labels; /* in the order written */
    size_t ntags;
    const char *const *tags;
    const char *review_by; /* "2027-03-01" */
    const char *value;     /* of a parameter, as a rule writes it; else NULL */
    const char *file;      /* where it stands, as added */
    uint32_t line;         /* from 1 */
    bool output; /* a run gives it out; of a trait: where traits, or it by its name, are asked for */
    bool in_library;
    size_t ncolumns; /* "orders.amount": columns that it reads, or that decide which rows it sees */
    const char *const *columns;
    size_t nuses; /* the definitions that it speaks of, by name */
    const char *const *uses;
    size_t nused_by; /* those that speak of it; of a check its text */
    const char *const *used_by;
    size_t nchecks, ntests; /* that speak of it */
} strata_definition;

/* Every definition in order of files and places, then the checks: their name is their text. */
size_t strata_rules_definition_count(const strata_rules *rules);
strata_definition strata_rules_definition(const strata_rules *rules, size_t i);

typedef struct strata_column {
    const char *name;
    const char *type; /* as declared: "string?", "decimal(12,2)", "list of string" */
    bool key;
    const char *links_to; /* the table whose key it holds, or NULL */
    bool needed;          /* a rule reads it: data must have it */
    bool spare;           /* a file may do without it (strata_previous_table) */
} strata_column;

typedef struct strata_table {
    const char *name;
    bool needed; /* data must be bound to it */
    size_t ncolumns;
    const strata_column *columns; /* all declared ones */
} strata_table;

size_t strata_rules_table_count(const strata_rules *rules);
strata_table strata_rules_table(const strata_rules *rules, size_t i);
const char *strata_rules_timezone(const strata_rules *rules); /* IANA name */

/* ---- data ----
 * A stream holds one table or a part of it, with columns found by name; those that no rule reads may be left
 * out. Keys, links, declared types and missing values are checked, the values are copied into memory. The
 * rules must outlive the data. */
typedef struct strata_data strata_data;

/* threads: at most so many check and copy; 0: one for each processor. Never shows in the data. */
strata_status strata_data_new(const strata_rules *rules, uint32_t threads, strata_data **data,
                              strata_error *error);
void strata_data_free(strata_data *data);
/* Reads the stream to its end and releases it, also on failure. May be called again with further parts of the
 * same table. `origin` is what messages call the stream, a file's path say; NULL: the table's name. */
strata_status strata_data_bind(strata_data *data, const char *table, struct ArrowArrayStream *stream,
                               const char *origin, strata_error *error);
/* After the last bind: joins the tables by their links. From here on the data may be used by several runs at
 * a time. */
strata_status strata_data_finish(strata_data *data, strata_error *error);
/* Instead of binds and finish: the data of a snapshot, which are read where the files are mapped. The files must stay as they are for as
 * long as the data live; writing a snapshot anew makes new files. */
strata_status strata_data_map(strata_data *data, const char *dir, strata_error *error);
/* After finish or map; -1: there is no such table, or no rule needs it. */
int64_t strata_data_rows(const strata_data *data, const char *table);

/* ---- a snapshot ---- The data of all tables that a rule set declares as a folder of Arrow files that are mapped instead of read
 * (docs/snapshot.md). Tables are bound one after the other, in the order in which strata_snapshot_table gives them; every column of them
 * is needed. The folder appears when it is whole; until then what was there before stays. */
typedef struct strata_snapshot strata_snapshot;
bool strata_is_snapshot(const char *dir);
strata_status strata_snapshot_new(const strata_rules *rules, const char *dir, uint32_t threads,
                                  strata_snapshot **snapshot, strata_error *error);
void strata_snapshot_free(strata_snapshot *snapshot);
size_t strata_snapshot_table_count(const strata_snapshot *snapshot);
strata_table strata_snapshot_table(const strata_snapshot *snapshot, size_t i);
/* As strata_data_bind. */
strata_status strata_snapshot_bind(strata_snapshot *snapshot, const char *table,
                                   struct ArrowArrayStream *stream, const char *origin, strata_error *error);
strata_status strata_snapshot_finish(strata_snapshot *snapshot, strata_error *error);

/* ---- an earlier answer ----
 * What a run gave before, read back from what strata_result_stream was written to in either shape, or from a file of counts
 * (definition, label, customers): for promises about a change of size. Definitions are found by their name, then by the name
 * that they had (`formerly`). The rules must outlive it; after the last bind it may be used by several runs at a time. */
typedef struct strata_previous strata_previous;
strata_status strata_previous_new(const strata_rules *rules, strata_previous **previous, strata_error *error);
void strata_previous_free(strata_previous *previous);
/* The entities that an earlier answer can be about. */
size_t strata_previous_entity_count(const strata_previous *previous);
const char *strata_previous_entity(const strata_previous *previous, size_t i);
/* The columns that such a file may have; those that it lacks are passed over. NULL: there is no such entity. */
const strata_table *strata_previous_table(const strata_previous *previous, const char *entity);
/* Reads the stream to its end and releases it, also on failure. entity NULL: the only one there is, or counts of all.
 * STRATA_BAD_DATA: the columns are not those of an answer. */
strata_status strata_previous_bind(strata_previous *previous, const char *entity,
                                   struct ArrowArrayStream *stream, const char *origin, strata_error *error);

/* ---- a run ---- */
typedef enum strata_as_of_kind { STRATA_TODAY, STRATA_DAY, STRATA_INSTANT } strata_as_of_kind;
typedef struct strata_as_of {
    strata_as_of_kind kind; /* TODAY and DAY: their first instant in the rule set's zone */
    int64_t value;          /* DAY: the day; INSTANT: microseconds */
} strata_as_of;
/* "2026-11-01" or "2026-11-01T09:30", with or without a zone behind it. */
strata_status strata_as_of_parse(const strata_rules *rules, const char *text, strata_as_of *as_of,
                                 strata_error *error);

/* Zeros are good defaults. */
typedef struct strata_run_options {
    strata_as_of as_of;
    uint32_t threads;               /* 0: one for each processor */
    const char *const *definitions; /* only these and what they need; NULL: all outputs */
    size_t ndefinitions;
    bool traits;     /* traits are outputs too; of compiled rules only where they were written with traits */
    bool treatments; /* also who gets what: treatments and audiences */
    bool
        counts_only; /* only how many are in each: faster, with less memory; strata_result_stream is refused then */
    const strata_previous *previous; /* NULL: nothing is known of earlier */
    /* Called from the calling thread only, now and then, with a share from 0 to 1; false stops the run. */
    bool (*progress)(void *context, double share);
    void *context;
    bool profile; /* measure what the steps of the run cost: strata_result_step */
} strata_run_options;

typedef struct strata_result strata_result;

/* NULL options: defaults. The same data, parameters and instant give the same result with any number of
 * threads. The data must outlive the result. */
strata_status strata_run(const strata_data *data, const strata_run_options *options, strata_result **result,
                         strata_error *error);
void strata_result_free(strata_result *result);

/* The instant that was in force, as the rule set's zone writes it. */
const char *strata_result_as_of(const strata_result *result);

typedef struct strata_count {
    strata_kind kind;
    const char *
        definition; /* "vip", "lifecycle", "loyalty"; its scores are "loyalty.r" and so on, cells "plan.cell" */
    const char *label; /* "in" for a segment; a label; digits of an rfm score; "known" of a score or trait */
    const char *entity;
    uint64_t customers;  /* rows of the entity with that label, also when there are none */
    uint64_t population; /* rows of the entity that exist at the instant */
} strata_count;

/* The counts, in the order of the definitions, labels and scores in their own. Of a score or
 * trait those are counted whose value is known. */
size_t strata_result_size(const strata_result *result);
strata_count strata_result_count(const strata_result *result, size_t i);

/* The entities that have outputs, and their rows as an Arrow stream.
 * WIDE  the key under its own name; of a segment a boolean; of tiers and rfm the label as text, of overlays the action and as
 *       .cell the name of the cell; of rfm also the scores .r .f .m and, with traits, .recency .frequency .monetary .cell; scores and traits as their
 *       type is. Missing is null.
 * LONG  entity (the key), definition, label: one row for each membership, label and rfm score.
 * Rows in the order of the data. The stream must be released before the result is freed; arrays that came out of it may live on,
 * and keep the result's memory as long. */
typedef enum strata_shape { STRATA_WIDE, STRATA_LONG } strata_shape;
size_t strata_result_entity_count(const strata_result *result);
const char *strata_result_entity(const strata_result *result, size_t i);
strata_status strata_result_stream(const strata_result *result, const char *entity, strata_shape shape,
                                   struct ArrowArrayStream *stream, strata_error *error);

/* ---- who gets what ---- Of a run with options.treatments. Every member of a treatment's target has one outcome; the steps
 * stand in the order in which they are taken (docs/language.md, "Treatments"). */
typedef enum strata_outcome {
    STRATA_TREATED,
    STRATA_NOT_ACTIVE,  /* outside of `during`, of the treatment or of its campaign */
    STRATA_EARLIER,     /* used up by an earlier treatment of the campaign */
    STRATA_EXCLUDED,    /* `exclude … from all treatments` */
    STRATA_HELD_OUT,    /* a universal holdout */
    STRATA_IN_CONTROL,  /* the treatment's own control */
    STRATA_NO_CONSENT,  /* each channel asks for consent, and she has agreed to none */
    STRATA_NO_CHANNEL,  /* none is open to her for another reason: its `when` is not true */
    STRATA_OVER_LIMIT,  /* her channel is at its contact limit */
    STRATA_TOO_SOON,    /* `again after` */
    STRATA_NOT_THE_ONE, /* `one per` */
    STRATA_OVER_NUMBER  /* `at most` */
} strata_outcome;

typedef struct strata_treatment_count {
    const char *treatment, *entity;
    strata_outcome outcome;
    const char *channel; /* TREATED: by which; else NULL */
    const char *reason;  /* in words: "no channel", the because of an exclusion; NULL: treated */
    const char *
        by; /* what stopped her: exclusion's segment, holdout, channel at its limit, earlier treatment; or NULL */
    uint64_t customers;
} strata_treatment_count;

/* In the order of the treatments; of each first the channels, also those by which nobody is reached, then why others
 * are not treated, in the order of the steps. */
size_t strata_result_treatment_size(const strata_result *result);
strata_treatment_count strata_result_treatment(const strata_result *result, size_t i);

/* One row for each member of each treatment's target, in the order of the treatments and of the data: the key under its own name;
 * treatment; channel (of the treated); arm ("treated", "control", or null); order (of the treated, from 1); reason (null: treated);
 * by. The entities are those with treatments. The stream must be released before the result is freed. */
size_t strata_result_treated_entity_count(const strata_result *result);
const char *strata_result_treated_entity(const strata_result *result, size_t i);
strata_status strata_result_treatment_stream(const strata_result *result, const char *entity,
                                             struct ArrowArrayStream *stream, strata_error *error);

/* What leaves for other tools: one activation for each channel of each treatment, and for each audience; of an audience that gives
 * `changes only` one of who joined and one of who left since options.previous, which it needs. */
typedef enum strata_change { STRATA_ALL, STRATA_JOINED, STRATA_LEFT } strata_change;
typedef struct strata_activation {
    const char *definition; /* the treatment or audience */
    const char *channel;    /* of a treatment; NULL: an audience */
    strata_change change;
} strata_activation;
size_t strata_rules_activation_count(const strata_rules *rules);
strata_activation strata_rules_activation(const strata_rules *rules, size_t i);
/* The rows of activation i, of a treatment in their order, of an audience in the order of the data: the key under its own name
 * (of treatments, and of audiences that send nothing), then what `send` says, under the names that it says. */
strata_status strata_result_activation_stream(const strata_result *result, size_t i,
                                              struct ArrowArrayStream *stream, strata_error *error);
uint64_t strata_result_activation_rows(const strata_result *result, size_t i);

/* The run report: what a reader of the numbers should know. */
typedef enum strata_note_kind {
    STRATA_NOTE_ORPHANS,          /* rows that link to nothing belong to nobody */
    STRATA_NOTE_UNSEEN,           /* rows not visible at the instant: in its future, or without a time */
    STRATA_NOTE_DIVISION_BY_ZERO, /* gave missing */
    STRATA_NOTE_OVERFLOW,         /* gave missing */
    STRATA_NOTE_TIES,             /* a cut that ties made half as large again as asked */
    STRATA_NOTE_HOURS,            /* a rule speaks of hours, the run's instant is the start of a day */
    STRATA_NOTE_SMALL_CELLS,      /* cells of an overlay with fewer members than its min size (asked) */
    STRATA_NOTE_UNUSED_ACTION,    /* an action of an overlay that nobody has */
    STRATA_NOTE_LIST_KEYS,        /* keys of a list (asked: of so many) that no row has */
    STRATA_NOTE_GONE,             /* who left an audience and is not in the data any more */
    STRATA_NOTE_REVIEW            /* a definition was to be reviewed before the day of the run */
} strata_note_kind;
typedef struct strata_note {
    strata_note_kind kind;
    const char *subject; /* "orders.customer_id", "orders", a definition; NULL: the run */
    uint64_t count;      /* rows; TIES: the size of the cut */
    uint64_t asked;      /* TIES: the size asked for */
    const char *text;    /* one plain sentence */
} strata_note;
size_t strata_result_note_count(const strata_result *result);
strata_note strata_result_note(const strata_result *result, size_t i);

/* What the steps of the run cost, in their order; there are none unless the options asked. */
typedef enum strata_cost_kind {
    STRATA_COST_LOAD,  /* columns, where more than a pointer is needed */
    STRATA_COST_LEAF,  /* tests of values */
    STRATA_COST_LOGIC, /* and, or, not */
    STRATA_COST_VALUE, /* everything that works values out */
    STRATA_COST_FOLD,  /* sums, counts and their like over rows as they come */
    STRATA_COST_STORE, /* values kept for later */
    STRATA_COST_KINDS
} strata_cost_kind;
typedef struct strata_step {
    const char *work;  /* "pass", "distinct", "sequence", "threshold", … */
    const char *table; /* whose rows it goes through; NULL: it works on single values */
    const char *by;    /* they are put together by rows of this entity; NULL: they are not */
    uint64_t rows;
    double seconds; /* in all */
    double
        view_seconds; /* of these: putting the rows together, which later runs over the same data are spared */
    double kind_seconds
        [STRATA_COST_KINDS]; /* of a pass, by what instructions are for: estimated from a part of the rows */
} strata_step;
size_t strata_result_step_count(const strata_result *result);
strata_step strata_result_step(const strata_result *result, size_t i);

/* What the definitions cost: the same seconds, by whom they served. In order of the definitions, those alone that were run. */
typedef struct strata_cost {
    const char *definition; /* NULL, as the last: what served none, as who is there at the instant */
    double own;             /* what served it alone */
    double shared;          /* its even part of what served others, too */
} strata_cost;
size_t strata_result_cost_count(const strata_result *result);
strata_cost strata_result_cost(const strata_result *result, size_t i);

/* The promises of the rule set (`check`), in order of files and places. With `definitions` only those about one of them. A
 * result is complete whether they are kept or not: what to do about it is the caller's decision. */
typedef enum strata_verdict_kind {
    STRATA_KEPT,
    STRATA_BROKEN,
    STRATA_WARNED,      /* broken, but `else warn` */
    STRATA_NOT_MEASURED /* a share of nobody, or there is no earlier answer */
} strata_verdict_kind;
typedef struct strata_verdict {
    const char *promise; /* as written: "vip size between 0.5% and 5%" */
    const char *file;    /* where it is written, as added */
    uint32_t line;
    strata_verdict_kind outcome;
    const char *measured; /* for people: "60 of 1,200 (5%)"; NOT_MEASURED: why */
    /* What was compared: rows, where a bound is a share a share from 0 to 1, of `newer than` the age of the newest value in
     * seconds (infinite: there is none); and the bounds in the same unit. NaN: not measured, or no such bound. */
    double value, low, high;
} strata_verdict;
size_t strata_result_verdict_count(const strata_result *result);
strata_verdict strata_result_verdict(const strata_result *result, size_t i);

/* ---- tests ---- The `test` blocks of a rule set (docs/language.md): rows written out, an instant, what is expected. Rule sets
 * that were read in compiled form have none. */
typedef struct strata_test {
    const char *name;
    const char *file; /* as added */
    uint32_t line, column;
} strata_test;

/* In order of files and places; after a compile without errors. */
size_t strata_rules_test_count(const strata_rules *rules);
strata_test strata_rules_test(const strata_rules *rules, size_t i);

/* What came out of tests that were run. Belongs to one thread at a time; the rules must outlive it. */
typedef struct strata_tests strata_tests;
/* coverage: notes, too, which conditions the tests see true and see false. */
strata_status strata_tests_new(const strata_rules *rules, bool coverage, strata_tests **tests,
                               strata_error *error);
void strata_tests_free(strata_tests *tests);
/* Runs one test of the rule set, on one thread. STRATA_OK whether it passes or fails; an error where it could not be run for a
 * reason that is not its own (memory). What an earlier run of the same test said is forgotten. */
strata_status strata_tests_run(strata_tests *tests, size_t test, bool *passed, strata_error *error);

typedef enum strata_failure_kind {
    STRATA_FAILURE_EXPECTATION, /* something else came out */
    STRATA_FAILURE_RUN,         /* the rules cannot be run so: an `as of` in the future, say */
    STRATA_FAILURE_DEFECT       /* the two evaluators differ: a mistake in Strata itself */
} strata_failure_kind;
typedef struct strata_failure {
    strata_failure_kind kind;
    const char *file; /* of the expectation, or of the test */
    uint32_t line, column;
    const char *expected,
        *found;       /* "lifecycle = at_risk", "dormant"; NULL where it is not about an expectation */
    const char *text; /* one plain sentence that says both */
} strata_failure;
/* None of a test that passed or was not run. */
size_t strata_tests_failure_count(const strata_tests *tests, size_t test);
strata_failure strata_tests_failure(const strata_tests *tests, size_t test, size_t i);

/* The conditions of the rule set's definitions, in order; of tests made without coverage there are none. Each is to be seen true
 * and to be seen false. */
typedef struct strata_condition {
    const char *definition;
    const char *file;
    uint32_t line, column;
    const char *text; /* as written */
    bool seen_true, seen_false;
} strata_condition;
size_t strata_tests_condition_count(const strata_tests *tests);
strata_condition strata_tests_condition(const strata_tests *tests, size_t i);

#ifdef __cplusplus
}
#endif
#endif
