/* What the parts of the checker share. One st_checker lives through one st_check; nothing here outlives it but what it
 * puts into the program. A function that returns an expression returns NULL where an error has been reported already:
 * NULL is the poison that keeps one cause to one message. */
#ifndef STRATA_SEMA_CHECK_H
#define STRATA_SEMA_CHECK_H

#include "sema/program.h"

#define ST_MAX_NESTING 3000  /* levels of expressions and of definitions that use each other */
#define ST_MAX_BLOCKS 366    /* n of `in at least k of last n weeks` */
#define ST_MAX_COUNT 9999999 /* the largest n of a duration literal */
#define ST_MAX_LABELS 1000   /* labels of one definition */
#define ST_MAX_PAIRS 64      /* conditions of one `and` that are held against each other */
#define ST_MAX_HIGHEST 32    /* scores of `highest of` */
#define ST_MAX_FILTERS 100   /* of rows, those of the rows they are made of included */
#define ST_MAX_FEATURES 32   /* of a cluster */
#define ST_MAX_CENTRES 64    /* of a cluster */
#define ST_MAX_STRATA 8      /* values that part the strata of an experiment */
#define ST_MAX_SENDS 200     /* values of one treatment or audience */
#define ST_MAX_CHANNELS 100  /* of one treatment */
#define ST_MAX_CAMPAIGN 1000 /* treatments of one campaign */
#define ST_MAX_CONTACT 100   /* consents, limits, exclusions and universal holdouts of a rule set, each */
#define ST_MAX_TABLES 1000
#define ST_MAX_COLUMNS 10000  /* of one table */
#define ST_MAX_GROUPINGS 100  /* `rows … per` over one table */
#define ST_MAX_TEST_ROWS 1000 /* of one test */

/* A rows definition, ready to be inlined: filters of `table`, and the link said with `by` (NULL: none). */
typedef struct st_rows_info {
    uint32_t nfilters;
    st_filter *filters;
    const char *by;
} st_rows_info;

typedef enum st_state { ST_UNCHECKED, ST_CHECKING, ST_CHECKED } st_state;
typedef struct st_definfo {
    st_state state;
    bool bad;    /* has an error of its own: references to it are silent where its type is not known */
    bool broken; /* with an error of syntax: nothing is known of it */
    st_rows_info rows;
    const st_def *layer; /* experiment: the layer that it is in, and who is in its range there; NULL: none */
    st_expr *range;
} st_definfo;

/* What a name of the rule set stands for: exactly one of the two. */
typedef struct st_word {
    st_table *table;
    st_def *def;
    st_span span;
} st_word;

typedef struct st_frame {
    st_def *def;
    st_span ref; /* where the definition before it in the chain speaks of it */
} st_frame;

/* Who is at the contact limit of a channel. */
typedef struct st_over {
    const st_table *of;
    const char *channel;
    st_def *who; /* NULL: an error, reported */
} st_over;

typedef struct st_ast_list {
    const st_ast **p;
    uint32_t n, cap;
    bool full; /* more have been reported */
} st_ast_list;

/* What a rule set says about all of its treatments together. */
typedef struct st_contact {
    st_ast_list consent_asts, limits, exclusion_asts;
    const st_ast *log_ast;
    st_table *log; /* NULL: there is none, or an error has been reported */
    const st_col *time, *channel, *treatment;
    ST_VEC(st_over) over; /* asked for so far */
    ST_VEC(st_consent) consents;
    ST_VEC(st_exclusion) exclusions;
    ST_VEC(st_def *) holdouts;
} st_contact;

typedef struct st_checker {
    st_arena *a;
    const st_sources *sources;
    st_diags *diags;
    st_program *p;
    st_map salts; /* of draws: salt -> where it stands */
    st_hash hash; /* of draws that name none */
    bool hash_set;
    st_map words;              /* name -> st_word */
    ST_VEC(st_table *) tables; /* those declared, then those of groups */
    ST_VEC(const st_ast *) table_asts;
    uint32_t ndeclared; /* tables with a declaration */
    uint32_t
        ngroupings; /* `rows … per` in the rule set: room for so many links behind the columns of a table */
    ST_VEC(st_def *) defs;
    ST_VEC(st_definfo *) info; /* by st_def.index */
    ST_VEC(st_def *) order;
    ST_VEC(st_promise) promises;
    ST_VEC(st_frame) chain; /* definitions being checked, outermost first */
    const st_ast *segments_of;
    st_contact contact;
    st_table *main_table; /* the entity where `of` is left out; NULL: not clear */
    bool main_reported, timezone_set;
    bool incomplete; /* a file has syntax errors: what is not defined may be in the lost part */
    uint32_t depth;
    bool depth_reported;
    const st_override *sets;
    uint32_t nsets;
} st_checker;

/* The rows of a sequence that can be referred to by name. */
typedef struct st_named_step {
    const char *name;
    st_table *table;
    uint32_t index;
    const struct st_named_step *next;
} st_named_step;

/* Where an expression stands. */
typedef struct st_scope {
    st_table *at;                 /* whose columns bare words are; NULL: nobody's (parameters) */
    st_def *def;                  /* what is being defined; NULL in a table */
    const struct st_scope *outer; /* inside an aggregate: where the aggregate stands */
    const st_path *path;          /* inside an aggregate: from `at` to outer->at */
    const st_named_step *steps;
    bool far; /* inside another question of a step's condition: chosen rows cannot be read there */
    const st_rowset *rows; /* rows that an aggregate without `of` speaks of (rfm measures); NULL: none */
} st_scope;

/* ---- types.c ---- */
st_type st_type_of(st_base_type base);
st_type st_int_type(uint32_t digits);
st_type st_decimal_type(uint32_t digits, uint32_t scale);
uint32_t st_digits_of(st_i128 v);
static inline bool st_is_exact(st_type t)
{
    return !t.list && (t.base == ST_T_INT || t.base == ST_T_DECIMAL);
}
static inline bool st_is_number(st_type t)
{
    return st_is_exact(t) || (!t.list && t.base == ST_T_FLOAT);
}
static inline bool st_is_time(st_type t)
{
    return !t.list && (t.base == ST_T_DATE || t.base == ST_T_TIMESTAMP);
}
static inline bool st_is(st_type t, st_base_type base)
{
    return !t.list && t.base == base;
}
static inline uint32_t st_integer_digits(st_type t)
{
    return t.digits > t.scale ? (uint32_t)(t.digits - t.scale) : 0u;
}
bool st_has_few_values(
    st_type t); /* text, whole numbers, yes or no, days, labels: what people are put together by */
const char *st_kind_words(st_type t); /* "a number", "text", "a date" … */
extern const st_labels st_weekdays;
st_expr *st_arithmetic(st_checker *c, st_op op, st_expr *l, st_expr *r, st_span span);
st_expr *st_to_float(st_checker *c, st_expr *x);
/* Makes the operands of a comparison comparable: both float where one is. */
void st_align_compare(st_checker *c, st_expr **a, st_expr **b);
/* Makes all operands of one type. False: they are of different kinds, reported at the first that differs. */
bool st_unify(st_checker *c, st_expr **args, uint32_t n);

/* ---- place.c ---- */
st_type st_distance_type(uint32_t digits);
bool st_check_km(st_checker *c, const st_ast *distance, st_value *out); /* DISTANCE; false: reported */
bool st_km_value(st_i128 km, uint32_t scale, st_value *out);            /* false: out of range */
void st_check_place(st_checker *c, st_def *d);
st_expr *st_check_distance(st_checker *c, const st_scope *s,
                           const st_ast *call); /* CALL with three arguments */

/* ---- build.c ---- */
st_expr *st_x(st_checker *c, st_op op, st_type type, st_span span, uint32_t n, ...);
st_expr *st_xs(st_checker *c, st_op op, st_type type, st_span span, st_expr **args, uint32_t n);
st_expr *st_x_const(st_checker *c, st_value v, st_span span);
st_expr *st_x_int(st_checker *c, int64_t n, st_span span);
st_expr *st_x_now(st_checker *c, st_span span);
st_expr *st_x_today(st_checker *c, st_span span);
st_expr *st_x_shift(st_checker *c, st_expr *x, st_expr *n, st_unit unit, st_span span);
st_expr *st_x_shift_n(st_checker *c, st_expr *x, int64_t n, st_unit unit, st_span span);
st_expr *st_x_day(st_checker *c, st_expr *x);   /* a date stays, a timestamp becomes its day */
st_expr *st_x_start(st_checker *c, st_expr *x); /* a timestamp stays, a date becomes its first instant */
st_expr *st_x_trunc(st_checker *c, st_expr *day, st_unit unit, st_span span);
st_expr *st_x_cmp(st_checker *c, st_op op, st_expr *a, st_expr *b, st_span span); /* aligns numbers */
st_expr *st_x_and(st_checker *c, st_expr *a, st_expr *b, st_span span); /* either may be NULL: none */
st_expr *st_x_or_all(st_checker *c, st_op op, st_expr **args, uint32_t n,
                     st_span span); /* AND or OR of n >= 1 */
st_expr *st_x_not(st_checker *c, st_expr *x, st_span span);
st_expr *st_x_column(st_checker *c, const st_col *col, st_span span);
st_expr *st_x_link(st_checker *c, const st_col *link, st_expr *x, st_span span);
st_expr *st_x_through(st_checker *c, const st_path *path, uint32_t steps, st_expr *x, st_span span);
bool st_is_const(const st_expr *x);
/* Calls visit once for x and every node below it (nodes may be shared), not into the definitions it refers to. */
typedef void (*st_visit)(void *ctx, const st_expr *x);
typedef struct st_walker {
    st_arena *arena;
    const st_expr **seen; /* a table of `places` places, found by address */
    uint32_t nseen, places;
    st_visit visit;
    void *ctx;
} st_walker;
void st_walker_init(st_walker *w, st_arena *a, st_visit visit, void *ctx);
void st_walk(st_walker *w, const st_expr *x);
void st_walk_def(st_walker *w, const st_def *d); /* all expressions of a definition */

/* ---- names.c ---- */
const st_word *st_lookup(const st_checker *c, const char *name);
st_col *st_find_col(const st_table *t, const char *name);
st_definfo *st_info(const st_checker *c, const st_def *d);
void st_use(st_checker *c, const st_scope *s, st_def *d); /* notes that the definition in hand uses d */
/* A bare word. `opposite`: what it is compared with, for messages; NULL: nothing. */
st_expr *st_check_word(st_checker *c, const st_scope *s, const st_ast *name, const st_ast *opposite,
                       const st_expr *other);
bool st_word_resolves(st_checker *c, const st_scope *s, const st_ast *name);
st_expr *st_check_member(st_checker *c, const st_scope *s, const st_ast *ref);
bool st_is_rfm_field(const char *name); /* r, recency, cell … */
st_expr *st_check_label(st_checker *c, const st_labels *labels, const st_ast *ast);
/* A second definition of a name that stands at `first` already. */
void st_report_duplicate(st_checker *c, const st_ast *name, st_span first);
/* A reference to a definition of the row in hand (it has been checked). */
st_expr *st_x_def(st_checker *c, const st_scope *s, st_def *d, st_span span);
/* The segment or list of the row in hand that stands behind the word `behind`, as in `among`; NULL: reported. */
st_def *st_check_segment_name(st_checker *c, const st_scope *s, const st_ast *name, const char *behind);
st_def *st_check_among(st_checker *c, const st_scope *s, const st_ast *name);
/* The links from `from` to `to`, at least one step. by: a link column that must be on the way, or NULL. NULL: reported,
 * with `name` as what was written. */
const st_path *st_find_path(st_checker *c, const st_table *from, const st_table *to, const char *by,
                            st_span span);
bool st_links(st_checker *c, const st_table *from, const st_table *to); /* whether there is any path */
const char *st_source_text(st_checker *c, const st_ast *ast);           /* as written, blanks made single */
/* "Did you mean …?", or what there is, where nothing is near. */
const char *st_near_or_columns(st_checker *c, const st_near *near, const st_table *t);
const char *st_near_or_tables(st_checker *c, const st_near *near);
/* Whether an unknown word is worth a message: not where it may have been defined in a part that was not understood, unless
 * it is near to something that there is. */
static inline bool st_surely_unknown(const st_checker *c, const st_near *near, const char *word)
{
    return !c->incomplete || (near->n > 0 && strlen(word) > 3);
}
bool st_is_time_word(const char *name);

/* ---- schema.c ---- */
void st_collect_tables(st_checker *c, const st_ast *program);
void st_check_tables(st_checker *c);                         /* links, times, values */
void st_check_keeps(st_checker *c);                          /* `keep where`, once entities are known */
st_expr *st_check_literal(st_checker *c, const st_ast *ast); /* NULL without a report where it is none */
/* The value of a constant as a value of `type`, exactly; false where it has none. */
bool st_fit_value(const st_expr *x, st_type type, st_value *out);
const char *st_value_words(st_checker *c, const st_value *v); /* as it would be written in a rule */

/* What stands inside of brackets. */
static inline const st_ast *st_bare(const st_ast *ast)
{
    while (ast->kind == ST_AST_PAREN) ast = ast->kids[ST_PAREN_expr];
    return ast;
}

/* ---- expr.c ---- */
st_expr *st_check_expr(st_checker *c, const st_scope *s, const st_ast *ast);
/* Counts levels of nesting. False: too deep, reported; leave in either case. */
bool st_enter(st_checker *c, st_span span);
static inline void st_leave(st_checker *c)
{
    c->depth--;
}
st_expr *st_check_bool(st_checker *c, const st_scope *s, const st_ast *ast);
st_expr *st_check_number(st_checker *c, const st_scope *s, const st_ast *ast);
/* A number where x is one, a distance where x is one. */
st_expr *st_check_measure(st_checker *c, const st_scope *s, const st_ast *ast, const st_expr *x);
/* False: a constant that the column never has, by its `one of` or `between`; reported. */
bool st_check_possible(st_checker *c, const st_expr *x, const st_expr *constant, bool equality);
st_expr *st_rank_operand(st_expr *x); /* what ranks as x does: the operand of logistic */

/* By value; both of one kind (exact numbers may differ in scale): negative, zero, positive. */
int st_compare_values(const st_value *a, const st_value *b);

/* ---- never.c ---- */
/* Whether all conditions of an AND can be true of one row; false: reported. */
bool st_check_together(st_checker *c, const st_scope *s, const st_ast *and, st_expr *const *args);

/* ---- time.c ---- */
st_expr *st_check_window(st_checker *c, const st_scope *s, const st_ast *in_window); /* IN_WINDOW */
st_expr *st_apply_window(st_checker *c, const st_scope *s, st_expr *x, const st_ast *window, st_span span);
st_expr *st_apply_block(st_checker *c, st_expr *x, uint32_t block, int64_t each, st_unit unit, st_span span);
/* x >= bound, or x <= bound, of times (a day as bound is a whole day). */
st_expr *st_time_bound(st_checker *c, st_expr *x, st_expr *bound, bool at_least, st_span span);
/* A length of time: a DURATION with a constant count or the name of a parameter. */
bool st_check_duration(st_checker *c, const st_scope *s, const st_ast *ast, int64_t *n, st_unit *unit);
st_expr *st_check_shift(st_checker *c, const st_scope *s, st_expr *x, const st_ast *add);
st_expr *st_check_time_node(st_checker *c, const st_scope *s,
                            const st_ast *ast); /* AGO SINCE FROM_TO PART … */
st_expr *st_check_as_of(st_checker *c, const st_scope *s, const st_ast *ast);
st_expr *st_check_entered(st_checker *c, const st_scope *s, const st_ast *ast);
st_expr *st_check_went(st_checker *c, const st_scope *s, const st_ast *ast);
/* Whether the run's instant is in DURING (NULL: always). *active NULL: always. False: reported. */
bool st_check_during(st_checker *c, const st_scope *s, const st_ast *during, st_expr **active);

/* ---- rows.c ---- */
bool st_has_time(st_checker *c, const st_table *t, st_span span, const char *what); /* false: reported */
/* The rows that a SOURCE names, as seen from s->at. `span_n`: where not NULL, takes the `in any N units` window. */
typedef struct st_source_parts {
    st_rowset rows;
    st_table *table;
    st_expr *where; /* its `where`; added to the filters unless the caller asked to keep it apart */
    int64_t any_n;  /* > 0: `in any N units` */
    st_unit any_unit;
} st_source_parts;
typedef struct st_source_wish {
    bool any_window; /* `in any` is allowed */
    bool where_apart;
    bool no_entity; /* a rows definition: no path yet */
} st_source_wish;
bool st_check_source(st_checker *c, const st_scope *s, const st_ast *source, st_source_wish wish,
                     st_source_parts *out);
/* The table or named rows that a word names, without an entity; false: reported. */
bool st_find_rows(st_checker *c, const st_ast *name, st_def *user, st_rowset *out);
void st_check_rows(st_checker *c, st_def *d);
/* An aggregate over rows that have been checked; x: its value, or NULL. */
st_expr *st_x_aggregate(st_checker *c, const st_scope *s, st_agg_kind kind, const st_source_parts *parts,
                        st_expr *x, st_span span);
st_expr *st_check_aggregate(st_checker *c, const st_scope *s, const st_ast *ast);
st_expr *st_check_blocks(st_checker *c, const st_scope *s, const st_ast *ast);
st_expr *st_check_sequence(st_checker *c, const st_scope *s, const st_ast *ast);
void st_add_filter(st_checker *c, st_rowset *rows, st_expr *where);

/* count, where no rows are said: those of s->rows. */
st_expr *st_count_of_scope(st_checker *c, const st_scope *s, st_span span);
/* The links from the rows of `from` to the row in hand, or to groups' own entity. NULL: reported. */
const st_path *st_find_rows_path(st_checker *c, const st_table *from, const st_table *to, const char *by,
                                 st_span span);

/* ---- groups.c ---- */
bool st_groups_rows(const st_ast *rows); /* rows … per */
/* Makes the table of groups of d's rows; false: reported. */
bool st_check_groups(st_checker *c, st_def *d, const st_source_parts *parts, const char *by);
void st_check_field(st_checker *c, st_def *field); /* one of its fields */
st_def *st_find_field(const st_table *t, const char *name);
const char *st_field_name(const st_def *field); /* as written */
static inline bool st_is_field(const st_def *d)
{
    return d->hidden && d->ast && d->ast->kind == ST_AST_ROW_COLUMN;
}
/* The rows that a SOURCE asked of a group stands for: the group's own. False: it names others, reported. */
bool st_check_own_rows(st_checker *c, const st_scope *s, const st_ast *source, st_source_parts *out);

/* ---- define.c, rfm.c, overlay.c, params.c ---- */
void st_collect_defs(st_checker *c, const st_ast *program);
void st_settle_entities(st_checker *c);
st_table *st_find_table(st_checker *c, const st_ast *name); /* NULL: reported */
/* The main table, for what is called `name`; NULL: not clear, reported. */
st_table *st_main_table(st_checker *c, const char *name, st_span span);
bool st_is_no_value(const st_def *d); /* layers, treatments …: no rule reads them */
void st_check_def(st_checker *c, st_def *d);
/* The value of a trait or score, where s says what words mean. */
void st_check_value(st_checker *c, st_def *d, const st_scope *s, const st_ast *expr);
void st_check_rfm(st_checker *c, st_def *d);
void st_check_overlay(st_checker *c, st_def *d);
/* What parts customers into few groups, as overlays and strata are made of; NULL: reported. */
st_expr *st_check_dimension(st_checker *c, const st_scope *s, const st_ast *written);
void st_check_cluster(st_checker *c, st_def *d);
void st_check_points(st_checker *c, st_def *d);
void st_check_list(st_checker *c, st_def *d);
void st_check_param(st_checker *c, st_def *d);
void st_check_overrides(st_checker *c);
bool st_read_meta(st_checker *c, st_def *d, const st_ast *item);  /* false: item is no META */
void st_read_metas(st_checker *c, st_def *d, const st_ast *list); /* of a block of nothing else, or NULL */
void st_start_labels(st_checker *c, st_def *d, uint32_t n); /* of a definition by tiers: at most n rows */
/* A segment or trait made for d, of its table. Its expr is to be filled, and a trait's type; then it is shown to what comes behind
 * it. */
st_def *st_hide(st_checker *c, const st_def *d, st_def_kind kind, const char *name);
void st_show_hidden(st_checker *c, st_def *hidden);
uint32_t st_add_label(st_checker *c, st_def *d, const st_ast *name); /* ST_NO_LABEL: reported */

/* ---- draw.c ---- */
void st_find_hash(st_checker *c, const st_ast *program); /* `hash sha256` */
/* A share of the rows of s->at. hash: NAME, or NULL for that of the rule set. NULL: reported. */
st_expr *st_check_draw(st_checker *c, const st_scope *s, const st_ast *share, const st_ast *salt,
                       const st_ast *hash, st_span span);
void st_check_holdout(st_checker *c, st_def *d);
void st_check_layer(st_checker *c, st_def *d);
void st_check_experiment(st_checker *c, st_def *d);
/* In no universal holdout of s->at but those that are exempt. NULL: there is none. */
st_expr *st_not_held_out(st_checker *c, const st_scope *s, bool (*exempt)(const void *, const st_def *),
                         const void *ctx, st_span span);

/* The holdout of `of` that stands behind `exempt from`; NULL: reported. */
st_def *st_check_exempt(st_checker *c, const st_table *of, const st_ast *name);

/* ---- contact.c ---- */
void st_collect_contact(st_checker *c, const st_ast *program);
void st_check_contact(st_checker *c);
const st_consent *st_consent_for(const st_checker *c, const st_table *of, const char *channel);
/* Hidden segments of d's table: who is at a limit of the channel (*who NULL: it has none), and who got d within the time. False:
 * reported. */
bool st_over_limit(st_checker *c, const st_def *d, const st_ast *channel, st_def **who);
st_def *st_got_within(st_checker *c, const st_def *d, const st_ast *again_after);
void st_check_limits(st_checker *c); /* once all treatments are known */

/* ---- treat.c ---- */
void st_check_treatment(st_checker *c, st_def *d);
void st_check_campaign(st_checker *c, st_def *d);
void st_check_audience(st_checker *c, st_def *d);
/* The word that a TARGET speaks of: its table is that of what is done. */
const st_ast *st_target_name(const st_ast *target);

/* ---- pii.c ---- */
bool st_is_personal(const st_expr *x); /* its value is that of a column marked pii */

/* ---- served.c ---- */
void st_warn_unserved(st_checker *c); /* in a rule set with treatments: what nobody acts on */

/* ---- cycles.c ---- */
/* Checks d where that has not been done. False: it is being checked, a cycle, reported. */
bool st_ensure(st_checker *c, st_def *d, st_span ref);

/* ---- promise.c ---- */
void st_check_promises(st_checker *c, const st_ast *program); /* behind all definitions */

/* ---- missing.c ---- */
void st_warn_missing(st_checker *c, const st_def *segment);
void st_warn_as_of(st_checker *c, const st_expr *as_of);

/* ---- used.c: the columns that definitions need ---- */
typedef struct st_column_see {
    void (*column)(void *context, st_col *col); /* each several times or once */
    void (*tie)(void *context, st_col *col);    /* one that only parts rows of equal time; NULL: as others */
    void (*def)(void *context, st_def *d);      /* a definition that is read; NULL: of no interest */
} st_column_see;
typedef struct st_column_walk {
    st_walker walker;
    bool *rows;   /* by table: its rows are looked at */
    bool *groups; /* by table: what its groups are worked out from was visited */
    const st_column_see *see;
    void *context;
} st_column_walk;
void st_column_walk_init(st_column_walk *w, st_arena *a, uint32_t ntables, const st_column_see *see,
                         void *context);
void st_walk_rows_of(st_column_walk *w, const st_table *t); /* what decides which rows there are */
void st_walk_columns_of(st_column_walk *w, const st_def *d);
/* What `defs` read, directly and through others: readers[table][column] is the first definition that reads it, or NULL;
 * ties[table][column]: rows of equal time are ordered by it. A table that has none has no row there. `all`: those
 * definitions and all that they use. */
typedef struct st_reads {
    const st_def ***readers;
    bool **ties;
    ST_VEC(const st_def *) all;
} st_reads;
void st_find_reads(st_checker *c, const st_def *const *defs, uint32_t n, st_reads *out);

/* ---- needs.c: the definitions that others are made of ---- */
typedef struct st_need_visit {
    void (*visit)(void *context, st_def *needed);
    void *context;
} st_need_visit;
void st_visit_needs(const st_def *d, const st_need_visit *v);
void st_visit_promised(const st_promise *p, const st_need_visit *v);

/* ---- catalogue.c ---- */
void st_find_origins(st_checker *c); /* fills origin, library, closed of definitions and promises */

/* ---- tests.c ---- */
void st_check_tests(st_checker *c, const st_parse *files, uint32_t nfiles);

#define st_err(c, code, ...) st_report((c)->diags, (code), __VA_ARGS__)

#endif
