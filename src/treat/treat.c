/* The steps of a treatment. Those that ask about one customer alone go over bitmaps, 64 customers at a time; those that weigh
 * customers against each other work on the list of who is left. */
#include "treat/treat.h"

#include "base/threads.h"

/* The treatments of a campaign, in its order, or a single one: what is worked out one after the other. */
typedef struct chain {
    const st_campaign *campaign; /* NULL: a single one */
    st_treated **links;
    uint32_t n;
} chain;

typedef struct job {
    const st_treat_input *in;
    chain *chains;
    uint32_t nchains;
} job;

/* One treatment in the making. */
typedef struct course {
    const st_treat_input *in;
    const st_treatment *t;
    const st_data_table *table;
    st_treated *out;
    const uint64_t *used; /* NULL: no campaign. Who is used up, and by which treatment of it */
    const uint16_t *used_by;
} course;

static uint64_t words_of(const st_data_table *t)
{
    return (t->rows + 63) / 64;
}

static const st_treat_value *value(const st_treat_input *in, const st_def *d)
{
    return &in->parts[d->index];
}

/* 64 rows of a condition. */
static uint64_t word(const st_treat_input *in, const st_def *d, uint64_t w)
{
    const st_treat_value *v = value(in, d);
    uint64_t bits = ((const uint64_t *)v->data)[w];
    return v->known ? bits & v->known[w] : bits;
}

/* 64 members of the target; compiled rules of a stranger may have bits behind the last row. */
static uint64_t members_of(const st_treat_input *in, const st_def *d, uint64_t w)
{
    uint64_t left = in->data->tables[d->of->index].rows - w * 64, bits = word(in, d->treatment->target, w);
    return left < 64 ? bits & ((UINT64_C(1) << left) - 1) : bits;
}

/* ---- steps that ask about one customer ---- */

/* The 64 customers in hand: those of `members` begin at place `base`. */
typedef struct hand {
    uint64_t w, members, left;
    uint32_t base;
} hand;

/* Where the customer of one bit stands in st_treated.rows. */
static uint32_t place(const hand *h, uint64_t bit)
{
    return h->base + (uint32_t)__builtin_popcountll(h->members & (bit - 1));
}

/* Ends the way of those of `who` who are left. */
static void stop(course *c, hand *h, uint64_t who, strata_outcome outcome, uint32_t which)
{
    who &= h->left;
    h->left &= ~who;
    for (; who; who &= who - 1) {
        uint32_t at = place(h, who & (0 - who));
        c->out->outcome[at] = (uint8_t)outcome;
        c->out->which[at] = (uint16_t)which;
    }
}

static void stop_used(course *c, hand *h)
{
    uint64_t who = c->used[h->w] & h->left;
    for (; who; who &= who - 1) {
        uint64_t row = h->w * 64 + (uint64_t)__builtin_ctzll(who);
        stop(c, h, who & (0 - who), STRATA_EARLIER, c->used_by[row]);
    }
}

/* Who has agreed to a channel, or is not asked. */
static uint64_t may_be_written_to(const course *c, uint64_t w)
{
    uint64_t who = 0;
    for (uint32_t i = 0; i < c->t->nchannels; i++) {
        const st_def *consent = c->t->channels[i].consent;
        who |= consent ? word(c->in, consent, w) : ~(uint64_t)0;
    }
    return who;
}

/* The first channel that is open is hers; whether it is at its limit is asked of that one alone. */
static void choose_channels(course *c, hand *h)
{
    const st_treatment *t = c->t;
    uint64_t looking = h->left;
    for (uint32_t i = 0; i < t->nchannels && looking; i++) {
        const st_channel *k = &t->channels[i];
        uint64_t mine = k->open ? looking & word(c->in, k->open, h->w) : looking;
        looking &= ~mine;
        if (k->over) stop(c, h, mine & word(c->in, k->over, h->w), STRATA_OVER_LIMIT, i);
        for (uint64_t m = mine & h->left; m; m &= m - 1) c->out->which[place(h, m & (0 - m))] = (uint16_t)i;
    }
    if (!looking) return;
    stop(c, h, looking & ~may_be_written_to(c, h->w), STRATA_NO_CONSENT, 0);
    stop(c, h, looking, STRATA_NO_CHANNEL, 0);
}

static void walk(course *c, hand *h)
{
    const st_treatment *t = c->t;
    if (t->active) stop(c, h, ~word(c->in, t->active, h->w), STRATA_NOT_ACTIVE, 0);
    const st_def *whole = t->campaign ? t->campaign->campaign->active : NULL;
    if (whole) stop(c, h, ~word(c->in, whole, h->w), STRATA_NOT_ACTIVE, 0);
    if (c->used) stop_used(c, h);
    for (uint32_t i = 0; i < t->nexclusions; i++)
        stop(c, h, word(c->in, t->exclusions[i]->who, h->w), STRATA_EXCLUDED, i);
    for (uint32_t i = 0; i < t->nholdouts; i++)
        stop(c, h, word(c->in, t->holdouts[i], h->w), STRATA_HELD_OUT, i);
    if (t->control) stop(c, h, word(c->in, t->control, h->w), STRATA_IN_CONTROL, 0);
    choose_channels(c, h);
    if (t->again) stop(c, h, word(c->in, t->again, h->w), STRATA_TOO_SOON, 0);
}

static void walk_all(course *c)
{
    hand h = {0};
    uint64_t words = words_of(c->table);
    for (h.w = 0; h.w < words; h.w++) {
        h.members = h.left = members_of(c->in, c->out->def, h.w);
        uint32_t at = h.base;
        for (uint64_t m = h.members; m; m &= m - 1)
            c->out->rows[at++] = (int32_t)(h.w * 64 + (uint64_t)__builtin_ctzll(m));
        walk(c, &h);
        h.base = at;
    }
}

/* ---- steps that weigh customers against each other ---- */

typedef struct field {
    st_contest contest;
    st_contender *all, *scratch;
    uint32_t n;
} field;

static field *enter(st_arena *a, const course *c)
{
    field *f = st_new(a, field);
    for (uint32_t i = 0; i < c->out->n; i++) f->n += c->out->outcome[i] == STRATA_TREATED;
    f->contest = (st_contest){c->table, c->t->hash, st_str_of(c->t->salt ? c->t->salt : "")};
    f->all = st_new_n(a, st_contender, (size_t)f->n + 1);
    f->scratch = st_new_n(a, st_contender, (size_t)f->n / 2 + 1);
    for (uint32_t i = 0, k = 0; i < c->out->n; i++)
        if (c->out->outcome[i] == STRATA_TREATED) {
            f->all[k].at = i;
            f->all[k++].row = c->out->rows[i];
        }
    return f;
}

/* rank NULL: all are equal. */
static void take_ranks(const course *c, field *f, const st_def *rank)
{
    for (uint32_t i = 0; i < f->n; i++) {
        st_contender *x = &f->all[i];
        x->rank = 0;
        x->known = rank && st_treat_number(&c->in->ranks[rank->index], (uint64_t)x->row, &x->rank);
    }
}

static void lose(course *c, const st_contender *x, strata_outcome outcome)
{
    c->out->outcome[x->at] = (uint8_t)outcome;
    c->out->which[x->at] = 0;
}

static void one_per(course *c, field *f)
{
    for (uint32_t i = 0; i < f->n; i++) {
        st_contender *x = &f->all[i];
        x->grouped = st_treat_number(value(c->in, c->t->one_per), (uint64_t)x->row, &x->group);
    }
    take_ranks(c, f, c->t->one_per_rank);
    st_contest_group(&f->contest, f->all, f->scratch, f->n);
    uint32_t stay = 0;
    for (uint32_t i = 0; i < f->n; i++) {
        const st_contender *x = &f->all[i];
        bool is_first = !x->grouped || stay == 0 || f->all[stay - 1].group != x->group;
        if (is_first)
            f->all[stay++] = *x;
        else
            lose(c, x, STRATA_NOT_THE_ONE);
    }
    f->n = stay;
}

static void at_most(course *c, field *f)
{
    uint32_t stay = (uint32_t)ST_MIN((uint64_t)f->n, (uint64_t)c->t->at_most);
    for (uint32_t i = stay; i < f->n; i++) lose(c, &f->all[i], STRATA_OVER_NUMBER);
    f->n = stay;
}

static void weigh(st_arena *a, course *c)
{
    const st_treatment *t = c->t;
    field *f = enter(a, c);
    if (t->one_per) one_per(c, f);
    bool limited = t->at_most != ST_NO_LIMIT, ordered = t->order_by != NULL;
    if (limited || !ordered) {
        take_ranks(c, f, limited ? t->at_most_rank : NULL);
        st_contest_order(&f->contest, f->all, f->scratch, f->n);
    }
    if (limited) at_most(c, f);
    if (ordered) {
        take_ranks(c, f, t->order_by);
        st_contest_order(&f->contest, f->all, f->scratch, f->n);
    }
    c->out->nserved = f->n;
    for (uint32_t i = 0; i < f->n; i++) {
        c->out->order[f->all[i].at] = i + 1;
        c->out->served[i] = f->all[i].at;
    }
}

/* ---- treatments one after the other ---- */

static void use_up(const st_treated *t, uint32_t number, uint64_t *used, uint16_t *used_by)
{
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->outcome[i] != STRATA_TREATED && t->outcome[i] != STRATA_IN_CONTROL) continue;
        st_bit_set(used, (uint64_t)t->rows[i]);
        used_by[t->rows[i]] = (uint16_t)number;
    }
}

static void work_out(void *context, uint64_t i, st_env *env)
{
    const job *j = context;
    const chain *k = &j->chains[i];
    const st_data_table *table = &j->in->data->tables[k->links[0]->def->of->index];
    st_arena *own = st_arena_new(env);
    uint64_t *used = k->campaign ? st_bitmap_new(own, table->rows) : NULL;
    uint16_t *used_by = k->campaign ? st_new_n(own, uint16_t, table->rows + 1) : NULL;
    for (uint32_t l = 0; l < k->n; l++) {
        st_arena *a = st_arena_new(env);
        course c = {j->in, k->links[l]->def->treatment, table, k->links[l], used, used_by};
        walk_all(&c);
        weigh(a, &c);
        st_arena_free(a);
        if (used) use_up(c.out, l, used, used_by);
    }
    st_arena_free(own);
}

/* ---- the whole ---- */

static void make_room(st_arena *a, const st_treat_input *in, st_treated *t)
{
    uint64_t words = words_of(&in->data->tables[t->def->of->index]), n = 0;
    for (uint64_t w = 0; w < words; w++) n += (uint64_t)__builtin_popcountll(members_of(in, t->def, w));
    t->n = (uint32_t)n;
    t->rows = st_new_n(a, int32_t, n + 1);
    t->outcome = st_new_n(a, uint8_t, n + 1);
    t->which = st_new_n(a, uint16_t, n + 1);
    t->order = st_new_n(a, uint32_t, n + 1);
    t->served = st_new_n(a, uint32_t, n + 1);
}

static void add_chain(st_arena *a, job *j, st_treated *all, const uint32_t *number, const st_def *d)
{
    const st_campaign *campaign = d->campaign;
    chain *k = &j->chains[j->nchains++];
    k->campaign = campaign;
    k->n = campaign ? campaign->n : 1;
    k->links = st_new_n(a, st_treated *, (size_t)k->n + 1);
    for (uint32_t i = 0; i < k->n; i++)
        k->links[i] = &all[number[(campaign ? campaign->treatments[i] : d)->index]];
}

const st_treated *st_treat(st_arena *a, const st_treat_input *in, uint32_t *n)
{
    const st_program *p = in->program;
    st_treated *all = st_new_n(a, st_treated, (size_t)p->ndefs + 1);
    uint32_t *number = st_new_n(a, uint32_t, (size_t)p->ndefs + 1);
    job j = {.in = in, .chains = st_new_n(a, chain, (size_t)p->ndefs + 1)};
    *n = 0;
    for (uint32_t i = 0; i < p->ndefs; i++) {
        if (!p->defs[i]->treatment || p->defs[i]->left_out) continue;
        number[i] = *n;
        all[*n].def = p->defs[i];
        make_room(a, in, &all[(*n)++]);
    }
    for (uint32_t i = 0; i < p->ndefs; i++) {
        const st_def *d = p->defs[i];
        if (d->left_out) continue;
        bool whole = d->campaign && d->campaign->n, single = d->treatment && !d->treatment->campaign;
        if (whole || single) add_chain(a, &j, all, number, d);
    }
    st_parallel(st_arena_env(a), in->threads, j.nchains, work_out, &j);
    return all;
}
