/* Treatments, one customer after the other: each is asked the steps in order, and where customers are weighed against each other
 * everybody is compared with everybody. */
#include "oracle/parts.h"

typedef struct asking {
    st_oracle *o;
    const st_def *def;
    const st_treatment *t;
    uint64_t rows;
    st_oracle_got *got;
} asking;

static bool is_true(const asking *k, const st_def *d, uint64_t row)
{
    st_value v = st_oracle_def(k->o, d, row);
    return !v.missing && v.as.b;
}

static bool is_active(const asking *k, uint64_t row)
{
    const st_def *whole = k->t->campaign;
    if (k->t->active && !is_true(k, k->t->active, row)) return false;
    return !whole || !whole->campaign->active || is_true(k, whole->campaign->active, row);
}

/* ---- one customer alone ---- */

/* The number of the earlier treatment of the campaign that used her up; -1: none. */
static int64_t used_by(const asking *k, uint64_t row)
{
    if (!k->t->campaign) return -1;
    const st_campaign *c = k->t->campaign->campaign;
    for (uint32_t i = 0; i < c->n && c->treatments[i] != k->def; i++) {
        const st_oracle_got *g = &st_oracle_treat(k->o, c->treatments[i])[row];
        if (g->is_member && (g->outcome == STRATA_TREATED || g->outcome == STRATA_IN_CONTROL)) return i;
    }
    return -1;
}

static st_oracle_got ended(strata_outcome outcome, uint32_t which)
{
    return (st_oracle_got){true, outcome, which, 0};
}

/* Each channel asks her, and she has said yes to none. */
static bool has_refused(const asking *k, uint64_t row)
{
    for (uint32_t i = 0; i < k->t->nchannels; i++)
        if (!k->t->channels[i].consent || is_true(k, k->t->channels[i].consent, row)) return false;
    return true;
}

static st_oracle_got ask_channels(const asking *k, uint64_t row)
{
    for (uint32_t i = 0; i < k->t->nchannels; i++) {
        const st_channel *c = &k->t->channels[i];
        if (c->open && !is_true(k, c->open, row)) continue;
        if (c->over && is_true(k, c->over, row)) return ended(STRATA_OVER_LIMIT, i);
        if (k->t->again && is_true(k, k->t->again, row)) return ended(STRATA_TOO_SOON, 0);
        return ended(STRATA_TREATED, i);
    }
    return ended(has_refused(k, row) ? STRATA_NO_CONSENT : STRATA_NO_CHANNEL, 0);
}

static st_oracle_got ask(const asking *k, uint64_t row)
{
    if (!is_true(k, k->t->target, row)) return (st_oracle_got){0};
    if (!is_active(k, row)) return ended(STRATA_NOT_ACTIVE, 0);
    int64_t earlier = used_by(k, row);
    if (earlier >= 0) return ended(STRATA_EARLIER, (uint32_t)earlier);
    for (uint32_t i = 0; i < k->t->nexclusions; i++)
        if (is_true(k, k->t->exclusions[i]->who, row)) return ended(STRATA_EXCLUDED, i);
    for (uint32_t i = 0; i < k->t->nholdouts; i++)
        if (is_true(k, k->t->holdouts[i], row)) return ended(STRATA_HELD_OUT, i);
    if (k->t->control && is_true(k, k->t->control, row)) return ended(STRATA_IN_CONTROL, 0);
    return ask_channels(k, row);
}

/* ---- customers against each other ---- */

static bool is_left(const asking *k, uint64_t row)
{
    return k->got[row].is_member && k->got[row].outcome == STRATA_TREATED;
}

static int compare_keys(const asking *k, uint64_t x, uint64_t y)
{
    const st_column *key = &k->o->data->tables[k->def->of->index].columns[k->def->of->key->index];
    st_value a = st_o_element(key, x), b = st_o_element(key, y);
    return st_oracle_compare(&a, &b);
}

static uint64_t place_of(const asking *k, uint64_t row)
{
    char digits[24];
    st_str key = st_row_key(&k->o->data->tables[k->def->of->index], row, digits);
    return st_draw(k->t->hash, st_str_of(k->t->salt ? k->t->salt : ""), key);
}

/* x comes before y by the rank; NULL: by the draw alone. */
static bool comes_before(const asking *k, const st_def *rank, uint64_t x, uint64_t y)
{
    if (rank) {
        st_scope at_x = {k->o, k->o->start, (int64_t)x, NULL}, at_y = {k->o, k->o->start, (int64_t)y, NULL};
        st_value a = st_o_rank_key(&at_x, rank->expr), b = st_o_rank_key(&at_y, rank->expr);
        if (a.missing != b.missing) return b.missing;
        int order = a.missing ? 0 : st_oracle_compare(&a, &b);
        if (order) return order > 0;
    }
    uint64_t h = place_of(k, x), other = place_of(k, y);
    return h != other ? h < other : compare_keys(k, x, y) < 0;
}

static uint64_t count_before(const asking *k, const st_def *rank, uint64_t row)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < k->rows; i++) n += i != row && is_left(k, i) && comes_before(k, rank, i, row);
    return n;
}

static bool is_beaten(const asking *k, uint64_t row)
{
    st_value mine = st_oracle_def(k->o, k->t->one_per, row);
    for (uint64_t i = 0; i < k->rows && !mine.missing; i++) {
        if (i == row || !is_left(k, i)) continue;
        st_value other = st_oracle_def(k->o, k->t->one_per, i);
        if (!other.missing && st_oracle_compare(&mine, &other) == 0 &&
            comes_before(k, k->t->one_per_rank, i, row))
            return true;
    }
    return false;
}

static bool is_behind(const asking *k, uint64_t row)
{
    return count_before(k, k->t->at_most_rank, row) >= (uint64_t)k->t->at_most;
}

/* Takes out those who fail; all of them are asked before anybody leaves. */
static void sift(const asking *k, bool (*fails)(const asking *, uint64_t), strata_outcome outcome)
{
    bool *out = st_new_n(k->o->arena, bool, k->rows + 1);
    for (uint64_t row = 0; row < k->rows; row++) out[row] = is_left(k, row) && fails(k, row);
    for (uint64_t row = 0; row < k->rows; row++)
        if (out[row]) k->got[row] = ended(outcome, 0);
}

/* ---- the whole ---- */

const st_oracle_got *st_oracle_treat(st_oracle *o, const st_def *treatment)
{
    if (!o->treated) o->treated = st_new_n(o->arena, st_oracle_got *, (size_t)o->program->ndefs + 1);
    if (o->treated[treatment->index]) return o->treated[treatment->index];
    asking k = {o, treatment, treatment->treatment, st_o_row_count(o, treatment->of), NULL};
    k.got = st_new_n(o->arena, st_oracle_got, k.rows + 1);
    for (uint64_t row = 0; row < k.rows; row++) k.got[row] = ask(&k, row);
    if (k.t->one_per) sift(&k, is_beaten, STRATA_NOT_THE_ONE);
    if (k.t->at_most != ST_NO_LIMIT) sift(&k, is_behind, STRATA_OVER_NUMBER);
    const st_def *rank = k.t->order_by ? k.t->order_by : k.t->at_most_rank;
    for (uint64_t row = 0; row < k.rows; row++)
        if (is_left(&k, row)) k.got[row].order = count_before(&k, rank, row) + 1;
    o->treated[treatment->index] = k.got;
    return k.got;
}
