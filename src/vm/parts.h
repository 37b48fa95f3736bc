/* What the machine's files share. */
#ifndef STRATA_VM_PARTS_H
#define STRATA_VM_PARTS_H

#include "base/calendar.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/threads.h"
#include "vm/kernels.h"
#include "vm/vm.h"

/* ---- objects of a run ---- */

/* The value of a scalar. TEXT that is bound by a sequence is also a code of `dict`. */
typedef struct st_scalar {
    bool missing;
    union {
        bool b;
        int64_t i;
        st_i128 d;
        double f;
        st_str s;
    } as;
    uint32_t code;
    const st_dict *dict;
} st_scalar;

/* Entities [entity0, entity1), both multiples of 64 or the end, and their rows: n view rows from `at`, a multiple of 64.
 * base >= 0: they are the table's rows base, base + 1, …; else st_view.rows says. */
typedef struct st_view_part {
    uint32_t entity0, entity1;
    uint64_t at, n;
    int64_t base;
} st_view_part;

typedef struct st_view {
    st_arena *arena;
    bool kept;            /* it belongs to the data, and is shared by runs */
    struct st_laid *laid; /* columns in its order: keep.c */
    uint32_t entities;
    uint64_t size;         /* view rows, with padding */
    const uint32_t *first; /* entities + 1: rows of the entities before, without padding */
    const int32_t *rows;   /* by view row; only read where a part has no base */
    uint32_t nparts;
    const st_view_part *parts; /* in order of their entities */
} st_view;

typedef struct st_slot {
    st_arena *
        arena; /* of its own, given back after the last step that reads it; NULL: the result's, or not filled */
    uint64_t rows;
    void *data;
    uint64_t *known; /* NULL: BOOL */
    const st_dict *dict;
} st_slot;

typedef struct st_counts {
    uint64_t divisions, overflows;
} st_counts;
static inline void st_counts_add(st_counts *to, const st_counts *from)
{
    to->divisions += from->divisions;
    to->overflows += from->overflows;
}

/* A slot that a step reads, and the one before of the same step: its number in the list + 1. */
typedef struct st_slot_read {
    uint32_t slot, before;
} st_slot_read;

typedef struct st_vm {
    st_arena *result; /* what outlives the run */
    st_arena *arena;  /* of the run */
    st_env *env;
    const st_bc *bc;
    const st_data *data;
    const st_kernels *k;
    const st_zone *zone;
    uint32_t threads, batch;
    int64_t as_of;
    st_scalar *scalars;
    st_slot *slots;
    st_view **views;                              /* NULL: not built yet, or given back */
    const int32_t **indexes;                      /* NULL likewise */
    st_arena **index_arenas;                      /* NULL: the data's own */
    uint32_t *slot_last, *view_last, *index_last; /* the last step that needs it */
    uint32_t *input_steps;                        /* steps that read it */
    uint32_t *input_seen;                         /* the last of them, + 1 */
    bool *slot_stored;                            /* a pass over all rows of its table writes it */
    bool *slot_counts;   /* an output of which no more is given out than how many have it */
    bool *slot_counted;  /* of those the bitmaps that no step reads: they are not even stored */
    bool *slot_windowed; /* it never lies in memory as a whole: stream.c */
    uint64_t *
        slot_count; /* bits of bitmaps that a pass over their table stores; values of windowed ones, known in the population */
    bool *slot_valued;                   /* a step writes the value of every row, where it is known or not */
    bool *slot_full;                     /* over no rows it is known: counts and sums */
    uint32_t *slot_writer, *slot_reader; /* the step that fills it, the last that reads it; + 1, 0: none */
    st_counts counts;
    uint64_t *notes; /* rows counted, by note */
    ST_VEC(st_vm_note) ties;
    st_vm_cost *costs;          /* by step; NULL: nobody asked */
    st_vm_cost *cost;           /* of the step in hand */
    ST_VEC(st_slot_read) reads; /* where costs are asked for */
    uint32_t *last_read;        /* by step: the last of its reads, + 1 */
    uint32_t *stream_end;       /* by step: the one behind the stream that begins with it; 0: none does */
} st_vm;

/* ---- source.c: where values come from ---- */

/* An input, resolved. A row of the domain becomes a row of the source: through `view` (a view row becomes one of its table),
 * then through `index`. */
typedef struct st_feed {
    st_bc_type type;
    st_phys phys;         /* of a value, or of a list's element */
    const void *data;     /* NULL: of a column that is held narrow */
    const uint8_t *known; /* NULL: all */
    const int64_t *list;  /* offsets; NULL: no list */
    const st_dict *dict;
    st_narrow narrow; /* of a column: as there */
    st_range range;
    const st_range *zones;
    const int32_t *index; /* NULL: none */
    uint32_t index_id;    /* ST_BC_NONE: none */
    const st_view *view;  /* NULL: rows of the domain are those of the source, or of the index */
    uint32_t slot;        /* + 1; 0: a column. Where the slot lies is asked anew for each batch: st_feed_in */
} st_feed;

st_feed st_feed_of(st_vm *vm, uint32_t input);
/* The rows that a path leads to: the data's own array for a single step, else one in a new arena *arena. */
const int32_t *st_path_rows(st_vm *vm, const st_bc_path *p, st_arena **arena);
const int32_t *st_index_of(st_vm *vm, uint32_t index);
const st_view *st_view_get(st_vm *vm, uint32_t view);
uint64_t st_domain_rows(st_vm *vm, st_bc_domain domain); /* of a view with padding */
/* Makes the slot mean what it does over no rows: zero, and known for counts and sums, else not. A windowed one gets no memory. */
void st_slot_open(st_vm *vm, uint32_t slot);
/* Bytes of the values of so many rows, with room for whole words behind; and that meaning for rows whose memory is there. */
size_t st_slot_bytes(const st_vm *vm, uint32_t slot, uint64_t rows);
void st_slot_clear(const st_vm *vm, uint32_t slot, void *data, uint64_t *known, uint64_t rows);
/* Bytes before the memory of a row of the domain, a multiple of 64. */
size_t st_slot_offset(const st_vm *vm, uint32_t slot, uint64_t row);
/* The feed as it lies among these slots. */
static inline st_feed st_feed_in(const st_feed *s, const st_slot *slots)
{
    st_feed here = *s;
    if (!s->slot) return here;
    here.data = slots[s->slot - 1].data;
    here.known = (const uint8_t *)slots[s->slot - 1].known;
    return here;
}

/* The table's row of a view row, and the source's row of a domain row (-1: none). `part` holds the row where the domain is a
 * view, else it is NULL. */
static inline int64_t st_view_row(const st_view *v, const st_view_part *part, uint64_t row)
{
    return part->base >= 0 ? part->base + (int64_t)(row - part->at) : v->rows[row];
}
static inline int64_t st_feed_row(const st_feed *s, const st_view_part *part, uint64_t row)
{
    int64_t r = s->view ? st_view_row(s->view, part, row) : (int64_t)row;
    return s->index && r >= 0 ? s->index[r] : r;
}
static inline bool st_feed_known(const st_feed *s, int64_t row)
{
    return row >= 0 && (!s->known || st_bit(s->known, (uint64_t)row));
}
static inline int64_t st_feed_i64(const st_feed *s, int64_t row)
{
    if (!s->data) return st_narrow_i64(&s->narrow, (uint64_t)row);
    return s->phys == ST_I32 ? ((const int32_t *)s->data)[row] : ((const int64_t *)s->data)[row];
}
static inline uint32_t st_feed_code(const st_feed *s, int64_t row)
{
    return s->data ? ((const uint32_t *)s->data)[row] : st_narrow_at(&s->narrow, (uint64_t)row);
}
/* The scalar's form of the value in a row; missing where it is not known. */
st_scalar st_feed_scalar(const st_feed *s, int64_t row);
/* Missing first; then false before true, numbers by size, text by bytes, lists by their elements. */
int st_feed_compare(const st_feed *s, int64_t a, int64_t b);

/* View rows [*from, *to) of an entity, and the part that holds them. */
const st_view_part *st_view_range(const st_view *v, uint32_t entity, uint64_t *from, uint64_t *to);
static inline uint64_t st_part_row(const st_view *v, const st_view_part *p, uint32_t entity)
{
    return p->at + (v->first[entity] - v->first[p->entity0]);
}

st_view *st_view_build(st_vm *vm, uint32_t view); /* view.c */

/* ---- deal.c ---- */

/* Values by row, to be put in another order: narrow ones, or (from NULL) the rows' numbers. */
typedef struct st_stream {
    const void *from;
    void *to;
    uint8_t bytes;
} st_stream;

typedef struct st_deal st_deal;
/* Groups rows by their entities; index[r] is that of row r, or negative. `a` is for working, as long as the deal. */
st_deal *st_deal_new(st_vm *vm, st_arena *a, const int32_t *index, uint64_t rows, uint32_t entities);
/* Fills `first`, of a view; whether the rows stand grouped in the table already, and every one leads somewhere. */
bool st_deal_count(st_deal *d, uint32_t *first);
/* Where they do not: puts streams in the order of the view, whose parts have been cut. */
void st_deal_place(st_deal *d, const st_view *v, st_stream *streams, uint32_t n);

/* ---- keep.c: what is made for one run and kept with the data for the next ---- */
st_view *st_view_kept(st_vm *vm, uint32_t view);  /* NULL: there is none */
void st_view_give_back(st_vm *vm, uint32_t view); /* keeps it with the data where it depends on them alone */
/* Columns that are laid out while a view is built: streams for those that the run reads through it, and how many; then what is known of
 * them, once the view's rows are there. */
uint32_t st_lay_begin(st_vm *vm, uint32_t id, st_view *v, st_stream *streams);
void st_lay_end(st_vm *vm, uint32_t id, st_view *v);
/* Turns the feed of an input that is a narrow column, read through a view, into one in the view's own order, where that is worth
 * it. */
void st_feed_lay(st_vm *vm, st_feed *s, uint32_t input);

/* A day of the years 0001 to 9999, or an instant in them: what calendar.h can be asked about. Programs that were read
 * from a file can hold any number. */
bool st_in_calendar(bool dates, int64_t x);
/* x + n units of days or instants; INT64_MAX where that leaves the calendar. */
int64_t st_time_limit(const st_vm *vm, bool dates, int64_t x, int64_t n, st_unit unit);

/* ---- text.c: dictionaries ---- */

/* A dictionary of distinct texts; codes[i] is that of texts[i]. */
const st_dict *st_dict_of(st_arena *a, const st_str *texts, uint32_t n, uint32_t *codes);
/* All entries of two dictionaries; map[i] of the second's: their codes in the result, the first's keep theirs. */
const st_dict *st_dict_join(st_arena *a, const st_dict *x, const st_dict *y, uint32_t **map);
/* The texts of `d` under LOWER, UPPER, TRIM or DOMAIN: a new dictionary, and the new code of each (UINT32_MAX: missing). `scratch` is for
 * working. */
const st_dict *st_dict_transform(st_arena *a, st_arena *scratch, const st_dict *d, st_bc_op op,
                                 uint32_t **map);

bool st_text_test_holds(st_bc_test test, st_str x, st_str y); /* not for matches */

/* A bit a code. bytes: 0 or 0xff, for short dictionaries; else bits. */
typedef struct st_code_set {
    uint8_t *bytes;
    uint64_t *bits;
    uint32_t n;
    bool single; /* just one code is in it, `only`; false as well where that was not looked at */
    uint16_t only;
} st_code_set;
st_code_set st_code_set_new(st_arena *a, const st_dict *d);
static inline bool st_code_set_has(const st_code_set *s, uint32_t code)
{
    return s->bytes ? s->bytes[code] != 0 : (s->bits[code >> 6] >> (code & 63) & 1) != 0;
}
static inline void st_code_set_add(st_code_set *s, uint32_t code)
{
    if (s->bytes)
        s->bytes[code] = 0xff;
    else
        s->bits[code >> 6] |= UINT64_C(1) << (code & 63);
}
/* Looks whether a complete set holds just one code, to compare with it in place of looking codes up. */
void st_code_set_look(st_code_set *s);
/* Adds the entries for which the question is answered yes; asked by several threads. */
typedef bool (*st_text_question)(const void *ctx, st_str s);
void st_code_set_ask(st_vm *vm, st_code_set *s, const st_dict *d, st_text_question holds, const void *ctx);
/* Adds the entries that match (or, with `negated`, those that do not). */
void st_code_set_match(st_vm *vm, st_code_set *s, const st_dict *d, st_str pattern, bool negated);

/* Whether texts match, found when it is asked for and remembered by code. Several threads may ask: all find the same. */
typedef struct st_code_memo {
    const st_dict *dict;
    st_str pattern;
    bool negated;
    uint8_t *answers;
} st_code_memo;
st_code_memo *st_code_memo_new(st_arena *a, const st_dict *d, st_str pattern, bool negated);
/* n codes, at most ST_VM_BATCH. */
void st_code_memo_ask(st_env *env, const st_code_memo *m, const uint32_t *codes, uint32_t n);
bool st_code_memo_holds(const st_code_memo *m, uint32_t code); /* of one that was asked for */

/* ---- keyset.c: keys of a list, found by their hash ---- */
typedef struct st_key_set {
    const st_list *keys;
    uint32_t *places; /* number of the key + 1; 0: none */
    uint32_t mask;
} st_key_set;
st_key_set *st_key_set_new(st_arena *a, const st_list *keys);
bool st_key_set_has_text(const st_key_set *s, st_str text);
bool st_key_set_has_int(const st_key_set *s, int64_t x);

/* ---- pass.c: row code ---- */

/* What an instruction needs that is found once before a pass. */
typedef struct st_prep {
    st_feed feed;          /* of an input operand */
    const int32_t *index;  /* LOAD_LINKED */
    const st_dict *dict;   /* of the first TEXT operand */
    const st_dict *dict2;  /* of the second */
    st_code_set set;       /* CMP, TEST, IN of TEXT; set.n 0: row by row */
    const uint32_t *map;   /* code -> code of the result, for the first TEXT operand; NULL: the same */
    const uint32_t *map2;  /* for the second */
    const uint32_t *codes; /* CONST, CASE, LOOKUP of TEXT: codes of the scalars, in order; the default last */
    const int64_t *lengths; /* LENGTH, by code */
    const st_code_memo *
        memo; /* TEST of many texts that only one instruction asks for, with others: guard.c; NULL: no such */
    uint32_t loader, reader; /* then: the instructions that load the text, and that ask */
    const void *sorted;      /* IN: the scalars, ascending */
    uint32_t nsorted;
    const st_key_set *keys; /* LISTED, of numbers */
    uint32_t fold;          /* AGG_…: number of its state */
    uint32_t nwide;         /* registers that it reads as they are declared: to be settled before */
    uint32_t wide[5];
} st_prep;

/* ---- leaf.c: comparisons of a register with constants ---- */
typedef struct st_leaves st_leaves;
/* Whether the instruction is a comparison with what is known before the code runs. */
bool st_is_leaf(const st_vm *vm, const st_bc_instr *in, const st_prep *q, bool setup);
/* Takes the first instruction, a leaf, and as many of the next as ask the same register; returns how many. feed: where the register was
 * loaded from; NULL: it was worked out. */
uint32_t st_leaves_take(st_vm *vm, st_arena *a, const st_bc_instr *code, const st_prep *prep, uint32_t n,
                        const st_feed *feed, bool setup, const st_leaves **leaves);
uint32_t st_leaves_size(const st_leaves *l);
bool st_leaves_none(const st_leaves *l, uint32_t out); /* no row will be in this predicate */
struct st_frame;
void st_leaves_run(struct st_frame *f, const st_leaves *l);
/* A comparison of whole numbers or floats whose constant is known only now. */
void st_compare(struct st_frame *f, uint32_t reg, st_bc_type type, st_cmp cmp, const st_scalar *s,
                uint64_t *out);

/* Runs BODY for every predicate register `reg` that the instruction reads. */
#define ST_EACH_READ(lists, in, BODY)                                                                        \
    for (uint32_t k_ = 0; k_ < 5; k_++) {                                                                    \
        st_bc_operand kind_ = st_bc_opcodes[(in)->op].kinds[k_];                                             \
        bool listed_ = kind_ == ST_K_LIST_P || kind_ == ST_K_LIST_PS_T;                                      \
        const uint32_t *list_ = listed_ ? (lists) + (in)->a[k_] : NULL;                                      \
        if (kind_ == ST_K_P_IN) {                                                                            \
            uint32_t reg = (in)->a[k_];                                                                      \
            BODY;                                                                                            \
        } else if (listed_) {                                                                                \
            for (uint32_t at_ = 0; at_ < list_[0]; at_ += kind_ == ST_K_LIST_P ? 1 : 2) {                    \
                uint32_t reg = list_[1 + at_];                                                               \
                BODY;                                                                                        \
            }                                                                                                \
        }                                                                                                    \
    }

/* ---- guard.c: expensive tests, only of rows that the rest of their conjunction leaves ---- */
/* Whether instruction i, a test for a pattern, can be put off; if so, its loader and its reader. */
bool st_guard_find(const st_vm *vm, const st_bc_code *code, uint32_t i, uint32_t *loader, uint32_t *reader);
void st_guard_run(struct st_frame *f, uint32_t test);

/* ---- fuse.c: instructions that are done in one go ---- */
typedef struct st_block {
    uint32_t first, n; /* instructions */
    const st_leaves *leaves;
    const st_logic *logic; /* neither leaves nor logic: one instruction */
    uint32_t nlogic;
    bool guarded; /* a test that is put off until its reader */
} st_block;

/* A piece of code made ready. */
typedef struct st_pass {
    st_vm *vm;
    st_bc_code code;
    st_bc_domain domain;
    const st_view *view; /* NULL: a table, or setup */
    st_prep *prep;       /* by instruction */
    uint8_t *width;      /* by value register: bytes of its widest value */
    uint32_t nfolds;
    uint32_t nindexes; /* those that loads go through */
    uint32_t *indexes;
    uint32_t nblocks;
    st_block *blocks;
    uint32_t nsinks;
    uint32_t *sink_slots; /* by sink of the logic */
    uint32_t batch;       /* rows at a time: as many as keep the predicates near to the processor */
    uint32_t most_outs;   /* predicates of a block of leaves */
    uint32_t answer;      /* a predicate register that is read behind the code; ST_BC_NONE: none */
} st_pass;
void st_fuse(st_pass *pass, st_arena *a, bool setup);

/* A value register. data points into a column, or is buf; the width of a value is that of its phys (I32 only for direct columns). Bits
 * of known behind the batch mean nothing. */
typedef struct st_reg {
    const void *data;
    const uint64_t *known; /* NULL: all */
    st_phys phys;
    void *buf;
    uint64_t *kbuf;
    st_narrow
        narrow; /* of a column: the batch's values in fewer bytes. They may be all that there is: st_settle fills data */
    void *nbuf;
} st_reg;

/* The state of a streaming aggregate: what is known of the entity in hand. */
typedef struct st_fold {
    bool any;
    int64_t time;
    st_i128 low, high; /* sums: of the lower and upper 64 bits */
    union {
        int64_t i;
        st_i128 d;
        double f;
        uint32_t code;
    } best;
} st_fold;

/* A batch of a view, cut between entities: piece i is rows [ends[i - 1], ends[i]) of it (the first from 0), of entity `entity` + i, or of
 * none. */
typedef struct st_pieces {
    uint32_t entity, n;
    uint32_t closed; /* of that many no row comes later; then one may be left */
    bool continues;  /* the first entity had rows before */
    uint32_t rows;
    uint32_t *ends;
    bool has_heads;
    uint64_t *heads; /* a bit where a piece begins */
} st_pieces;

/* One thread's registers. */
typedef struct st_frame {
    const st_pass *pass;
    st_vm *vm;
    st_env *env;
    uint64_t *p;     /* predicate registers, */
    uint32_t stride; /* so many words each */
    st_reg *v;
    uint64_t *all;        /* every row of the batch */
    uint64_t **outs;      /* room for addresses of predicates */
    const st_slot *slots; /* the run's, or this thread's own where some are windowed */
    st_sink *sinks;
    uint64_t *sink_counts;
    uint64_t *bits, *more_bits; /* bitmaps to work with */
    void *temp[2];              /* values to work with */
    /* the batch */
    uint64_t start; /* row of the domain */
    uint32_t n, words;
    uint64_t tail; /* mask of the last word */
    const st_view_part *part;
    const int32_t *view_rows; /* the table's rows; NULL: base, base + 1, … */
    int64_t base;
    st_pieces *pieces; /* view passes with aggregates, as what follows */
    int64_t *found;    /* by piece, to work with */
    uint32_t *bests;
    st_fold *folds;
    /* rows through indexes, found once a batch */
    int32_t **linked; /* by place in pass->indexes */
    bool *linked_ready;
    st_counts counts;
    uint64_t *notes;
    uint64_t *ticks;    /* by block: of the batches that are timed; NULL: none is */
    uint32_t untimed;   /* batches until the next that is */
    st_scalar *scalars; /* the run's, or this thread's own copy while it searches sequences */
} st_frame;

/* answer: a predicate register that is read behind the code, or ST_BC_NONE. */
st_pass *st_pass_prepare(st_vm *vm, st_arena *a, const st_bc_code *code, st_bc_domain domain, bool setup,
                         uint32_t answer);
st_frame *st_frame_new(st_arena *a, const st_pass *pass);
/* Runs the code on rows [start, start + n) of the domain, n <= batch; part NULL unless the domain is a view. */
void st_frame_run(st_frame *f, uint64_t start, uint32_t n, const st_view_part *part);
/* To be called before the first batch of a part. */
void st_frame_part_begins(st_frame *f, const st_view_part *part);
/* To be called where slots lie elsewhere than before. */
void st_frame_slots(st_frame *f, const st_slot *slots);
/* Frames of that many threads, for a pass of a step. */
st_frame **st_pass_frames(st_arena *a, const st_pass *pass, uint32_t threads);
/* All rows of a part of the view; rows [from, to) of the table, from a multiple of 64. */
void st_frame_part(st_frame *f, const st_view_part *part, st_env *env);
void st_frame_rows(st_frame *f, uint64_t from, uint64_t to, st_env *env);
/* What the frames have counted, and the seconds of the pass by what they timed. */
void st_pass_collect(st_vm *vm, const st_pass *pass, st_frame *const *frames, uint32_t threads,
                     double seconds);
void st_step_pass(st_vm *vm, const st_bc_step *s);
void st_step_setup(st_vm *vm, const st_bc_step *s);

/* ---- profile.c: what a run cost ---- */
st_cost_kind st_cost_kind_of(const st_bc_instr *in);
/* Shares the seconds of a pass out by the ticks of its blocks, into the cost in hand. */
void st_profile_pass(st_vm *vm, const st_pass *pass, const uint64_t *ticks, double seconds);
/* By definition; what serves no output behind the last. */
st_vm_served *st_profile_definitions(st_vm *vm);

/* exec.c */
/* The register now holds its buffer, known where `known` (NULL: everywhere) is. */
void st_reg_filled(st_frame *f, uint32_t reg, st_phys phys, const uint64_t *known);
void st_exec(st_frame *f, const st_bc_instr *in, const st_prep *prep);
/* draw.c */
void st_draw_rows(st_frame *f, const st_bc_instr *in, const st_prep *prep);
/* load.c */
void st_load(st_frame *f, const st_bc_instr *in, const st_prep *prep);
void st_load_value(st_frame *f, st_reg *r, const st_feed *s);
/* Makes sure that the register's values lie as declared. */
void st_settle(st_frame *f, st_reg *r);
/* The same for days, which lie in 32 bits in their columns. */
void st_widen_days(st_frame *f, st_reg *r);
/* Source rows of the batch: NULL where they are *base, *base + 1, …; else each, or -1. */
const int32_t *st_feed_rows(st_frame *f, const st_feed *s, int64_t *base);

/* fold.c */
/* Whether the aggregate is content with whole numbers in fewer bytes. */
static inline bool st_folds_narrow(const st_bc_instr *in)
{
    return in->type == ST_BC_I64 &&
           (in->op == ST_BC_AGG_SUM || in->op == ST_BC_AGG_MIN || in->op == ST_BC_AGG_MAX);
}
static inline bool st_is_fold(const st_bc_instr *in)
{
    return in->op >= ST_BC_AGG_ANY && in->op <= ST_BC_AGG_LAST;
}
void st_fold_batch(st_frame *f, const st_bc_instr *in, const st_prep *prep);
void st_fold_nothing(st_frame *f, const st_view_part *part);
/* Pieces of batches of a view, for the parts begun one after the other, and for the batches of each likewise. */
st_pieces *st_pieces_new(st_arena *a, const st_view *v);
void st_pieces_begin(st_pieces *p, const st_view_part *part);
void st_pieces_next(st_pieces *p, const st_view *v, const st_view_part *part, uint64_t start, uint32_t rows);
const uint64_t *st_pieces_heads(st_pieces *p);

/* ---- group.c, sequence.c, rank.c, stratum.c ---- */
/* A question about the rows of each entity, made ready; its answer for the entities of a part, from and into these slots. */
typedef struct st_group st_group;
const st_group *st_group_prepare(st_vm *vm, st_arena *a, const st_bc_step *s);
void st_group_part(const st_group *g, const st_slot *slots, const st_view_part *part, st_counts *counts,
                   st_env *env);
void st_step_group(st_vm *vm, const st_bc_step *s);
static inline bool st_is_group(const st_bc_step *s)
{
    return s->kind >= ST_STEP_DISTINCT && s->kind <= ST_STEP_SPAN;
}

/* ---- stream.c: steps about one entity that run together, part by part ---- */

/* Finds them, once the lives of slots are known. */
void st_stream_plan(st_vm *vm);
/* Runs the steps from the first to before stream_end[first]. */
void st_stream_run(st_vm *vm, uint32_t first);

void st_step_sequence(st_vm *vm, const st_bc_step *s);
void st_step_nearest(st_vm *vm, const st_bc_step *s); /* nearest.c */
void st_step_threshold(st_vm *vm, const st_bc_step *s);
void st_step_score(st_vm *vm, const st_bc_step *s);
void st_step_stratum(st_vm *vm, const st_bc_step *s);

/* ---- sort.c ---- */
void st_sort_i64(int64_t *v, int64_t *scratch, uint64_t n);
void st_sort_i128(st_i128 *v, st_i128 *scratch, uint64_t n);
void st_sort_f64(double *v, double *scratch, uint64_t n);
void st_sort_u32(uint32_t *v, uint32_t *scratch, uint64_t n);
/* Sorts row numbers, stable. */
typedef int (*st_row_order)(const void *ctx, int32_t a, int32_t b);
void st_sort_rows(int32_t *v, int32_t *scratch, uint64_t n, st_row_order order, const void *ctx);

#endif
