/* Leaves: comparisons of one register with constants. Those that stand next to each other in the code are asked together, so that the
 * values are loaded once; every comparison is brought into one of three forms before: at least a constant, below it, equal to it.
 * Of texts, what is asked of each distinct text is known before the pass, and a leaf is a table over codes. */
#include "vm/parts.h"

#include <math.h>

/* ---- one comparison ---- */

typedef enum st_cut_fate { CUT_NONE, CUT_KNOWN, CUT_ASKED } cut_fate;

/* Nobody, everybody who has a value, or a question to the values: `how` is ST_GE, ST_LT or ST_EQ. */
typedef struct cut {
    cut_fate fate;
    st_cmp how;
    union {
        int64_t i;
        double f;
        uint32_t u; /* in narrow terms */
    } at;
} cut;

static cut decided(bool known)
{
    return (cut){.fate = known ? CUT_KNOWN : CUT_NONE};
}

/* Not for ST_NE. */
static cut cut_of_whole(st_cmp cmp, int64_t x)
{
    bool above = cmp == ST_GT || cmp == ST_LE; /* the cut lies behind x */
    st_cmp how = cmp == ST_EQ ? ST_EQ : cmp == ST_GE || cmp == ST_GT ? ST_GE : ST_LT;
    if (above && x == INT64_MAX) return decided(how == ST_LT);
    return (cut){CUT_ASKED, how, {.i = above ? x + 1 : x}};
}

/* A number is above c where it is at least the next double. No value is infinite. */
static cut cut_of_real(st_cmp cmp, double x)
{
    bool above = cmp == ST_GT || cmp == ST_LE;
    st_cmp how = cmp == ST_EQ ? ST_EQ : cmp == ST_GE || cmp == ST_GT ? ST_GE : ST_LT;
    return (cut){CUT_ASKED, how, {.f = above ? nextafter(x, INFINITY) : x}};
}

/* The same question of values that are low + unit * u. */
static cut cut_of_narrow(const st_narrow *narrow, cut c)
{
    static const uint64_t most[] = {[1] = UINT8_MAX, [2] = UINT16_MAX, [4] = UINT32_MAX};
    if (c.fate != CUT_ASKED) return c;
    bool below = c.at.i < narrow->low;
    uint64_t behind = (uint64_t)c.at.i - (uint64_t)narrow->low, unit = (uint64_t)narrow->unit;
    uint64_t u = below ? 0 : behind / unit;
    bool between = !below && behind % unit;
    if (c.how == ST_EQ) {
        if (below || between || u > most[narrow->bytes]) return decided(false);
    } else {
        if (below || (u == 0 && !between)) return decided(c.how == ST_GE);
        if (u + between > most[narrow->bytes]) return decided(c.how == ST_LT);
    }
    c.at.u = (uint32_t)(u + between);
    return c;
}

/* What can be said when all values are known to lie in a range. */
static cut cut_in_range(const st_range *r, bool real, cut c)
{
    if (c.fate != CUT_ASKED) return c;
    if (!r->known) return decided(false); /* there is no value */
    bool all_reach = real ? c.at.f <= r->flow : c.at.i <= r->low,
         none_does = real ? c.at.f > r->fhigh : c.at.i > r->high;
    bool below = real ? c.at.f < r->flow : c.at.i < r->low;
    if (c.how == ST_EQ) return below || none_does ? decided(false) : c;
    if (all_reach) return decided(c.how == ST_GE);
    return none_does ? decided(c.how == ST_LT) : c;
}

static void put_known(st_frame *f, const st_reg *v, bool known, uint64_t *out)
{
    for (uint32_t w = 0; w < f->words; w++) out[w] = !known ? 0 : v->known ? v->known[w] : UINT64_MAX;
    out[f->words - 1] &= f->tail;
}

static void ask_narrow(st_frame *f, const st_reg *v, st_cmp how, const void *cuts, uint64_t *const *out,
                       uint32_t m)
{
    const st_kernels *k = f->vm->k;
    switch (v->narrow.bytes) {
    case 1: k->cuts_u8(v->narrow.data, f->n, v->known, how, cuts, out, m); break;
    case 2: k->cuts_u16(v->narrow.data, f->n, v->known, how, cuts, out, m); break;
    default: k->cuts_u32(v->narrow.data, f->n, v->known, how, cuts, out, m); break;
    }
}

static void ask_one(st_frame *f, const st_reg *v, cut c, uint64_t *out)
{
    const st_kernels *k = f->vm->k;
    if (c.fate == CUT_ASKED && v->narrow.data) c = cut_of_narrow(&v->narrow, c);
    if (c.fate != CUT_ASKED) {
        put_known(f, v, c.fate == CUT_KNOWN, out);
    } else if (v->narrow.data) {
        uint8_t u8 = (uint8_t)c.at.u;
        uint16_t u16 = (uint16_t)c.at.u;
        const void *at = v->narrow.bytes == 1 ? &u8 : v->narrow.bytes == 2 ? &u16 : (const void *)&c.at.u;
        ask_narrow(f, v, c.how, at, &out, 1);
    } else if (v->phys == ST_F64) {
        k->cuts_f64(v->data, f->n, v->known, c.how, &c.at.f, &out, 1);
    } else {
        k->cuts_i64(v->data, f->n, v->known, c.how, &c.at.i, &out, 1);
    }
}

void st_compare(st_frame *f, uint32_t reg, st_bc_type type, st_cmp cmp, const st_scalar *s, uint64_t *out)
{
    st_reg *v = &f->v[reg];
    if (type == ST_BC_I64) st_widen_days(f, v);
    st_cmp asked = cmp == ST_NE ? ST_EQ : cmp;
    ask_one(f, v, type == ST_BC_F64 ? cut_of_real(asked, s->as.f) : cut_of_whole(asked, s->as.i), out);
    if (cmp != ST_NE) return;
    put_known(f, v, true, f->more_bits);
    f->vm->k->andnot(f->more_bits, out, f->words, out);
}

/* ---- leaves that are asked together ---- */

/* Questions of one kind. */
typedef struct cuts {
    uint32_t n, cap;
    uint32_t *out; /* predicate registers */
    void *at;      /* as the kernel takes them: of the narrow type, int64_t or double */
    cut *asked;    /* in the terms of the column */
} cuts;

enum { KINDS = 3 };
static const st_cmp kinds[KINDS] = {ST_GE, ST_LT, ST_EQ};

typedef struct decision {
    uint32_t out;
    bool known;
} decision;

/* Sets over codes of at most 256 classes: a table each. */
typedef struct sets {
    uint32_t n, entries;
    const uint8_t *classes; /* by code; NULL: the codes are the classes */
    const uint8_t **tables;
    uint32_t *out;
} sets;

struct st_leaves {
    uint32_t reg;
    st_bc_type type;
    const st_feed *feed; /* NULL: the values were worked out */
    st_narrow narrow;    /* data NULL: the values are as wide as their type says */
    bool zoned;          /* something is known of some rows that is not of all */
    cuts cuts[KINDS];
    ST_VEC(decision) decided;
    ST_VEC(sets) sets;
    ST_VEC(uint32_t) outs; /* all */
    /* while it is made */
    ST_VEC(const st_code_set *) wanted;
    ST_VEC(uint32_t) wanted_out;
};

static size_t cut_bytes(const st_leaves *l)
{
    return l->narrow.data ? l->narrow.bytes : 8;
}

/* asked: c before it was told in narrow terms. */
static void add_cut(st_arena *a, st_leaves *l, cut c, cut asked, uint32_t out)
{
    if (c.fate != CUT_ASKED) {
        *st_push(a, &l->decided) = (decision){out, c.fate == CUT_KNOWN};
        return;
    }
    cuts *k = &l->cuts[c.how == ST_GE ? 0 : c.how == ST_LT ? 1 : 2];
    size_t bytes = cut_bytes(l);
    if (k->n == k->cap) {
        uint32_t cap = k->cap ? 2 * k->cap : 8;
        uint32_t *outs = st_new_n(a, uint32_t, cap);
        void *at = st_alloc_array(a, cap, bytes);
        cut *before = st_new_n(a, cut, cap);
        if (k->n) memcpy(outs, k->out, k->n * sizeof *outs);
        if (k->n) memcpy(at, k->at, k->n * bytes);
        if (k->n) memcpy(before, k->asked, k->n * sizeof *before);
        *k = (cuts){k->n, cap, outs, at, before};
    }
    char *to = (char *)k->at + k->n * bytes;
    uint8_t u8 = (uint8_t)c.at.u;
    uint16_t u16 = (uint16_t)c.at.u;
    memcpy(to, bytes == 1 ? &u8 : bytes == 2 ? &u16 : (const void *)&c.at, bytes);
    k->asked[k->n] = asked;
    k->out[k->n++] = out;
}

/* Codes are told apart only as far as the sets do: each set parts the classes that there are by now. False: those would be too many for
 * this set, too. */
static bool part_classes(const st_code_set *set, uint8_t *classes, uint32_t entries, uint32_t *nclasses)
{
    enum { MOST = 256 };
    uint16_t parted[2][MOST];
    uint32_t n = 0;
    memset(parted, 0xff, sizeof parted);
    for (uint32_t code = 0; code < entries; code++) {
        uint16_t *to = &parted[set->bytes[code] != 0][classes[code]];
        if (*to == UINT16_MAX) *to = (uint16_t)n++;
        if (n > MOST) return false;
    }
    for (uint32_t code = 0; code < entries; code++)
        classes[code] = (uint8_t)parted[set->bytes[code] != 0][classes[code]];
    *nclasses = n;
    return true;
}

static void add_table(st_arena *a, sets *to, const st_code_set *set, uint32_t out, uint32_t n)
{
    enum { TABLE = 256 };
    uint8_t *table = st_alloc(a, TABLE);
    for (uint32_t code = 0; code < n; code++)
        table[to->classes ? to->classes[code] : code] = set->bytes[code];
    to->tables[to->n] = table;
    to->out[to->n++] = out;
}

/* Sets over the codes that are wanted, from number `from` on; returns how many it took. */
static uint32_t make_sets(st_arena *a, st_leaves *l, uint32_t from)
{
    enum { CODES_AS_THEY_ARE = 64 };
    uint32_t entries = l->wanted.p[from]->n, left = l->wanted.n - from, taken = left;
    sets *s = st_push(a, &l->sets);
    s->entries = entries;
    if (entries > CODES_AS_THEY_ARE || l->narrow.bytes != 1) {
        uint8_t *classes = st_alloc(a, entries);
        uint32_t n = 1;
        taken = 0;
        while (taken < left && part_classes(l->wanted.p[from + taken], classes, entries, &n)) taken++;
        s->classes = classes;
        s->entries = n;
    }
    s->tables = st_new_n(a, const uint8_t *, taken);
    s->out = st_new_n(a, uint32_t, taken);
    for (uint32_t i = 0; i < taken; i++)
        add_table(a, s, l->wanted.p[from + i], l->wanted_out.p[from + i], entries);
    return taken;
}

static void add_set(st_arena *a, st_leaves *l, const st_code_set *set, uint32_t out)
{
    if (set->single && l->narrow.data) {
        cut c = {CUT_ASKED, ST_EQ, {.u = set->only}};
        add_cut(a, l, c, c, out);
        return;
    }
    *st_push(a, &l->wanted) = set;
    *st_push(a, &l->wanted_out) = out;
}

/* ---- what can be a leaf ---- */

/* The value of the scalar is there before the code runs. */
static bool is_settled(const st_vm *vm, uint32_t scalar, bool setup)
{
    st_bc_scalar_kind kind = vm->bc->scalars.p[scalar].kind;
    return kind != ST_S_BOUND && !(setup && kind == ST_S_SET);
}

bool st_is_leaf(const st_vm *vm, const st_bc_instr *in, const st_prep *q, bool setup)
{
    bool text = in->type == ST_BC_TEXT || in->op == ST_BC_TEST;
    switch (in->op) {
    case ST_BC_CMP:
        if (!is_settled(vm, in->a[2], setup)) return false;
        if (in->type == ST_BC_I64 || in->type == ST_BC_F64) return in->a[3] != ST_NE;
        return text && q->set.bytes != NULL;
    case ST_BC_TEST: return is_settled(vm, in->a[2], setup) && q->set.bytes != NULL;
    case ST_BC_IN: return text && q->set.bytes != NULL;
    default: return false;
    }
}

static bool writes(const st_leaves *l, uint32_t out)
{
    for (uint32_t i = 0; i < l->outs.n; i++)
        if (l->outs.p[i] == out) return true;
    return false;
}

static void add_leaf(st_vm *vm, st_arena *a, st_leaves *l, const st_bc_instr *in, const st_prep *q)
{
    uint32_t out = in->a[0];
    const st_scalar *s = in->op == ST_BC_IN ? NULL : &vm->scalars[in->a[2]];
    *st_push(a, &l->outs) = out;
    if (s && s->missing) {
        add_cut(a, l, decided(false), decided(false), out);
    } else if (in->op != ST_BC_CMP || in->type == ST_BC_TEXT) {
        add_set(a, l, &q->set, out);
    } else {
        bool real = in->type == ST_BC_F64;
        cut c = real ? cut_of_real((st_cmp)in->a[3], s->as.f) : cut_of_whole((st_cmp)in->a[3], s->as.i);
        if (l->feed && l->feed->range.known) c = cut_in_range(&l->feed->range, real, c);
        add_cut(a, l, l->narrow.data ? cut_of_narrow(&l->narrow, c) : c, c, out);
    }
}

uint32_t st_leaves_take(st_vm *vm, st_arena *a, const st_bc_instr *code, const st_prep *prep, uint32_t n,
                        const st_feed *feed, bool setup, const st_leaves **leaves)
{
    st_leaves *l = st_new(a, st_leaves);
    l->reg = code[0].a[1];
    l->type = code[0].op == ST_BC_TEST ? ST_BC_TEXT : (st_bc_type)code[0].type;
    l->feed = feed;
    if (feed) l->narrow = feed->narrow;
    l->zoned = feed && feed->zones && !feed->index && l->type != ST_BC_TEXT;
    uint32_t taken = 0;
    for (; taken < n; taken++) {
        const st_bc_instr *in = &code[taken];
        if (!st_is_leaf(vm, in, &prep[taken], setup) || in->a[1] != l->reg || writes(l, in->a[0])) break;
        add_leaf(vm, a, l, in, &prep[taken]);
    }
    for (uint32_t i = 0; i < l->wanted.n;) i += make_sets(a, l, i);
    *leaves = l;
    return taken;
}

/* ---- asking ---- */

static uint64_t *const *outs_of(st_frame *f, const uint32_t *out, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) f->outs[i] = f->p + (size_t)out[i] * f->stride;
    return f->outs;
}

static void ask_cuts(st_frame *f, const st_leaves *l, const st_reg *v, st_cmp how, const void *at,
                     const uint32_t *outs, uint32_t n)
{
    uint64_t *const *out = outs_of(f, outs, n);
    if (l->narrow.data)
        ask_narrow(f, v, how, at, out, n);
    else if (l->type == ST_BC_F64)
        f->vm->k->cuts_f64(v->data, f->n, v->known, how, at, out, n);
    else
        f->vm->k->cuts_i64(v->data, f->n, v->known, how, at, out, n);
}

/* The range of the values of the batch; false: nothing is known of it. */
static bool range_of_batch(const st_frame *f, const st_leaves *l, st_range *range)
{
    if (!l->zoned || (l->feed->view && f->base < 0)) return false;
    uint64_t row = l->feed->view ? (uint64_t)f->base : f->start;
    uint64_t first = row / ST_ZONE_ROWS, last = (row + f->n - 1) / ST_ZONE_ROWS;
    *range = l->feed->zones[first];
    return first == last; /* a batch over two zones is rare */
}

/* Only what the range of the batch leaves open is asked of its values. */
static void run_cuts(st_frame *f, const st_leaves *l, const st_reg *v, const cuts *c, st_cmp how,
                     const st_range *range)
{
    enum { SOME = 64 };
    size_t bytes = cut_bytes(l);
    if (!range) {
        ask_cuts(f, l, v, how, c->at, c->out, c->n);
        return;
    }
    for (uint32_t from = 0; from < c->n; from += SOME) {
        uint32_t outs[SOME], n = 0, to = ST_MIN(c->n, from + SOME);
        uint64_t at[SOME];
        for (uint32_t i = from; i < to; i++) {
            cut_fate fate = cut_in_range(range, l->type == ST_BC_F64, c->asked[i]).fate;
            if (fate != CUT_ASKED) {
                put_known(f, v, fate == CUT_KNOWN, f->p + (size_t)c->out[i] * f->stride);
                continue;
            }
            memcpy((char *)at + n * bytes, (const char *)c->at + i * bytes, bytes);
            outs[n++] = c->out[i];
        }
        if (n) ask_cuts(f, l, v, how, at, outs, n);
    }
}

static void run_sets(st_frame *f, const st_leaves *l, const st_reg *v, const sets *s)
{
    const void *codes = l->narrow.data ? v->narrow.data : v->data;
    if (s->classes) {
        f->vm->k->classes(codes, l->narrow.data ? l->narrow.bytes : 4, f->n, s->classes, f->temp[0]);
        codes = f->temp[0];
    }
    f->vm->k->sets_u8(codes, f->n, v->known, s->tables, s->entries, outs_of(f, s->out, s->n), s->n);
}

void st_leaves_run(st_frame *f, const st_leaves *l)
{
    st_reg *v = &f->v[l->reg];
    if (!l->narrow.data) st_settle(f, v);
    if (l->type == ST_BC_I64 && !l->narrow.data) st_widen_days(f, v);
    for (uint32_t i = 0; i < l->decided.n; i++)
        put_known(f, v, l->decided.p[i].known, f->p + (size_t)l->decided.p[i].out * f->stride);
    st_range range;
    bool ranged = range_of_batch(f, l, &range);
    for (uint32_t k = 0; k < KINDS; k++)
        if (l->cuts[k].n) run_cuts(f, l, v, &l->cuts[k], kinds[k], ranged ? &range : NULL);
    for (uint32_t i = 0; i < l->sets.n; i++) run_sets(f, l, v, &l->sets.p[i]);
}

uint32_t st_leaves_size(const st_leaves *l)
{
    return l->outs.n;
}

bool st_leaves_none(const st_leaves *l, uint32_t out)
{
    for (uint32_t i = 0; i < l->decided.n; i++)
        if (l->decided.p[i].out == out) return !l->decided.p[i].known;
    return false;
}
