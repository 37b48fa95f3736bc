/* The engine of treatments: every step by hand, all of them at random against a second telling that compares everybody with
 * everybody, and the normal forms of what is sent. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "treat/send.h"
#include "treat/treat.h"

/* ---- a rule set and its values by hand ---- */

enum { MOST_DEFS = 64 };

typedef struct fixture {
    st_env env;
    st_arena *a;
    st_program program;
    st_table table;
    st_col key;
    st_column keys;
    st_data data;
    st_data_table rows;
    st_treat_value parts[MOST_DEFS], ranks[MOST_DEFS];
    st_treat_input in;
    uint64_t n;
} fixture;

static void start(fixture *f, uint64_t n, bool text_keys)
{
    memset(f, 0, sizeof *f);
    st_env_init(&f->env, NULL);
    f->a = st_arena_new(&f->env);
    f->n = n;
    f->key = (st_col){.name = "id", .table = &f->table, .key = true};
    f->key.type.base = text_keys ? ST_T_STRING : ST_T_INT;
    f->table = (st_table){.name = "customers", .ncols = 1, .cols = &f->key, .key = &f->key};
    f->keys = (st_column){.decl = &f->key, .phys = text_keys ? ST_CODE : ST_I64, .n = n};
    int64_t *numbers = st_new_n(f->a, int64_t, n + 1);
    uint32_t *codes = st_new_n(f->a, uint32_t, n + 1);
    uint64_t *offsets = st_new_n(f->a, uint64_t, n + 2);
    st_buf bytes = {0};
    for (uint64_t i = 0; i < n; i++) {
        numbers[i] = (int64_t)((i * 7919) % (n + 13));
        codes[i] = (uint32_t)i;
        st_buf_printf(f->a, &bytes, "c%llu", (unsigned long long)numbers[i]);
        offsets[i + 1] = bytes.n;
    }
    st_dict *dict = st_new(f->a, st_dict);
    *dict = (st_dict){(uint32_t)n, offsets, bytes.p};
    f->keys.data = text_keys ? (void *)codes : (void *)numbers;
    f->keys.dict = text_keys ? dict : NULL;
    f->rows = (st_data_table){.decl = &f->table, .rows = n, .columns = &f->keys, .bound = true};
    f->program = (st_program){.arena = f->a, .timezone = "UTC", .ntables = 1};
    f->program.tables = st_new_n(f->a, st_table *, 1);
    f->program.tables[0] = &f->table;
    f->program.defs = st_new_n(f->a, st_def *, MOST_DEFS);
    f->data = (st_data){f->a, &f->program, &f->rows, NULL};
    f->in = (st_treat_input){&f->program, &f->data, f->parts, f->ranks, 1};
}

static void stop(fixture *f)
{
    st_env_close(&f->env);
}

static st_def *define(fixture *f, st_def_kind kind, const char *name)
{
    st_def *d = st_new(f->a, st_def);
    assert_true(f->program.ndefs < MOST_DEFS);
    *d = (st_def){.kind = kind, .name = name, .of = &f->table, .index = f->program.ndefs};
    d->type.base = ST_T_BOOL;
    f->program.defs[f->program.ndefs++] = d;
    return d;
}

/* "1101": who is in, by row. */
static st_def *segment(fixture *f, const char *who)
{
    st_def *d = define(f, ST_DEF_SEGMENT, st_format(f->a, "s%u", f->program.ndefs));
    uint64_t *bits = st_bitmap_new(f->a, f->n);
    for (uint64_t i = 0; who[i]; i++)
        if (who[i] == '1') st_bit_set(bits, i);
    f->parts[d->index] = (st_treat_value){ST_BC_BOOL, bits, NULL};
    return d;
}

/* "35-1": digits by row, - is missing. */
static st_def *trait(fixture *f, const char *values)
{
    st_def *d = define(f, ST_DEF_TRAIT, st_format(f->a, "t%u", f->program.ndefs));
    int64_t *data = st_new_n(f->a, int64_t, f->n + 1);
    uint64_t *known = st_bitmap_new(f->a, f->n);
    for (uint64_t i = 0; values[i]; i++) {
        if (values[i] == '-') continue;
        data[i] = values[i] - '0';
        st_bit_set(known, i);
    }
    f->parts[d->index] = f->ranks[d->index] = (st_treat_value){ST_BC_I64, data, known};
    return d;
}

static st_def *treat(fixture *f, const char *name, st_def *target)
{
    st_def *d = define(f, ST_DEF_TREATMENT, name);
    d->treatment = st_new(f->a, st_treatment);
    d->treatment->target = target;
    d->treatment->at_most = ST_NO_LIMIT;
    return d;
}

static st_channel *channel(fixture *f, st_def *d, const char *name, st_def *open, st_def *over)
{
    st_treatment *t = d->treatment;
    if (!t->channels) t->channels = st_new_n(f->a, st_channel, 8);
    t->channels[t->nchannels] = (st_channel){.name = name, .open = open, .over = over};
    return &t->channels[t->nchannels++];
}

static void exclude(fixture *f, st_def *d, st_def *who)
{
    st_treatment *t = d->treatment;
    if (!t->exclusions) t->exclusions = st_new_n(f->a, const st_exclusion *, 8);
    st_exclusion *e = st_new(f->a, st_exclusion);
    e->who = who;
    t->exclusions[t->nexclusions++] = e;
}

static void hold_out(fixture *f, st_def *d, st_def *who)
{
    st_treatment *t = d->treatment;
    if (!t->holdouts) t->holdouts = st_new_n(f->a, st_def *, 8);
    t->holdouts[t->nholdouts++] = who;
}

static void gather(fixture *f, const char *name, st_def *active, st_def **treatments, uint32_t n)
{
    st_def *d = define(f, ST_DEF_CAMPAIGN, name);
    d->campaign = st_new(f->a, st_campaign);
    d->campaign->active = active;
    d->campaign->n = n;
    d->campaign->treatments = st_new_n(f->a, st_def *, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        d->campaign->treatments[i] = treatments[i];
        treatments[i]->treatment->campaign = d;
    }
}

/* ---- the answer as text: "0:a1 2:control …" by row; a: first channel, behind it the order ---- */

static const char *const words[] = {"treated",    "inactive",   "earlier", "excluded", "held",    "control",
                                    "no_consent", "no_channel", "limit",   "soon",     "not_one", "number"};

static const char *told(fixture *f, const st_treated *t)
{
    st_buf b = {0};
    for (uint32_t i = 0; i < t->n; i++) {
        st_buf_printf(f->a, &b, "%s%d:", i ? " " : "", (int)t->rows[i]);
        if (t->outcome[i] == STRATA_TREATED)
            st_buf_printf(f->a, &b, "%c%u", 'a' + t->which[i], t->order[i]);
        else if (t->outcome[i] == STRATA_EARLIER || t->outcome[i] == STRATA_EXCLUDED ||
                 t->outcome[i] == STRATA_HELD_OUT || t->outcome[i] == STRATA_OVER_LIMIT)
            st_buf_printf(f->a, &b, "%s%u", words[t->outcome[i]], t->which[i]);
        else
            st_buf_puts(f->a, &b, words[t->outcome[i]]);
    }
    return st_buf_text(f->a, &b);
}

static const st_treated *answer(fixture *f, const char *name)
{
    uint32_t n;
    const st_treated *all = st_treat(f->a, &f->in, &n);
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(all[i].def->name, name) == 0) return &all[i];
    fail_msg("no %s", name);
    return NULL;
}

#define EXPECT(name, text) assert_string_equal(told(&f, answer(&f, name)), text)

/* ---- the steps ---- */

static void each_step_stops_its_own(void **state)
{
    (void)state;
    fixture f;
    start(&f, 12, false);
    st_def *d = treat(&f, "t", segment(&f, "111111111110"));
    exclude(&f, d, segment(&f, "010000000000"));
    exclude(&f, d, segment(&f, "110000000000")); /* 1 is in both */
    hold_out(&f, d, segment(&f, "000100000000"));
    d->treatment->control = segment(&f, "000010000000");
    channel(&f, d, "email", segment(&f, "001111011111"), segment(&f, "000000000001"));
    channel(&f, d, "sms", segment(&f, "000000100000"), segment(&f, "000000100000"));
    d->treatment->again = segment(&f, "000000001000");
    d->treatment->order_by = trait(&f, "005003040120");
    EXPECT("t", "0:excluded1 1:excluded0 2:a1 3:held0 4:control 5:a3 6:limit1 7:a2 8:soon 9:a5 10:a4");
    stop(&f);
}

static void no_channel_open_is_said(void **state)
{
    (void)state;
    fixture f;
    start(&f, 4, false);
    st_def *d = treat(&f, "t", segment(&f, "1111"));
    channel(&f, d, "email", segment(&f, "1010"), segment(&f, "1000"));
    channel(&f, d, "post", segment(&f, "1100"), NULL);
    d->treatment->order_by = trait(&f, "1234");
    /* the first is at the limit of email: post is not tried */
    EXPECT("t", "0:limit0 1:b2 2:a1 3:no_channel");
    stop(&f);
}

/* Not to have agreed is something else than not to be reached. */
static void no_consent_is_said(void **state)
{
    (void)state;
    fixture f;
    start(&f, 6, false);
    st_def *both = treat(&f, "both", segment(&f, "111111")), *one = treat(&f, "one", segment(&f, "111111"));
    st_def *email = segment(&f, "101001"), *sms = segment(&f, "011001");
    channel(&f, both, "email", segment(&f, "000000"), NULL)->consent = email;
    channel(&f, both, "sms", segment(&f, "000001"), NULL)->consent = sms;
    EXPECT("both", "0:no_channel 1:no_channel 2:no_channel 3:no_consent 4:no_consent 5:b1");
    /* post asks nobody */
    channel(&f, one, "email", segment(&f, "101001"), segment(&f, "000001"))->consent = email;
    channel(&f, one, "post", segment(&f, "000010"), NULL);
    one->treatment->control = segment(&f, "000100");
    one->treatment->order_by = trait(&f, "103020");
    EXPECT("one", "0:a3 1:no_channel 2:a1 3:control 4:b2 5:limit0");
    stop(&f);
}

static void one_of_each_household_stays(void **state)
{
    (void)state;
    fixture f;
    start(&f, 8, false);
    st_def *d = treat(&f, "t", segment(&f, "11111111"));
    channel(&f, d, "email", segment(&f, "11111110"), NULL);
    d->treatment->one_per = trait(&f, "112-2-31");
    d->treatment->one_per_rank = trait(&f, "34-11279");
    d->treatment->order_by = trait(&f, "12345678");
    /* the last is of household 1 and ranks highest, but no channel reaches her: the household is not hers */
    EXPECT("t", "0:not_one 1:a5 2:not_one 3:a4 4:a3 5:a2 6:a1 7:no_channel");
    stop(&f);
}

static void at_most_is_strict_and_orders(void **state)
{
    (void)state;
    fixture f;
    start(&f, 6, false);
    st_def *d = treat(&f, "t", segment(&f, "111111"));
    channel(&f, d, "email", NULL, NULL);
    d->treatment->at_most = 3;
    d->treatment->at_most_rank = trait(&f, "5-7912");
    EXPECT("t", "0:a3 1:number 2:a2 3:a1 4:number 5:number");
    d->treatment->order_by = trait(&f, "9-1500");
    EXPECT("t", "0:a1 1:number 2:a3 3:a2 4:number 5:number");
    d->treatment->at_most = 100;
    d->treatment->order_by = trait(&f, "1-3456");
    EXPECT("t", "0:a5 1:a6 2:a4 3:a3 4:a2 5:a1");
    stop(&f);
}

/* Equal ranks: by the hash of salt and key. */
static void ties_are_drawn(void **state)
{
    (void)state;
    fixture f;
    start(&f, 40, true);
    char everybody[41];
    memset(everybody, '1', 40);
    everybody[40] = 0;
    st_def *d = treat(&f, "t", segment(&f, everybody));
    channel(&f, d, "email", NULL, NULL);
    d->treatment->salt = "wbo";
    const st_treated *t = answer(&f, "t");
    assert_int_equal(t->nserved, 40);
    uint64_t before = 0;
    for (uint32_t i = 0; i < t->nserved; i++) {
        char buf[24];
        uint64_t h =
            st_draw(ST_HASH_MD5, ST_STR("wbo"), st_row_key(&f.rows, (uint64_t)t->rows[t->served[i]], buf));
        assert_true(h >= before);
        before = h;
    }
    stop(&f);
}

static void campaigns_use_customers_up(void **state)
{
    (void)state;
    fixture f;
    start(&f, 6, false);
    st_def *one = treat(&f, "one", segment(&f, "111110")), *two = treat(&f, "two", segment(&f, "111111"));
    st_def *three = treat(&f, "three", segment(&f, "111111"));
    one->treatment->control = segment(&f, "010000");
    channel(&f, one, "email", segment(&f, "110100"), segment(&f, "000100"));
    channel(&f, two, "email", segment(&f, "111110"), NULL);
    two->treatment->at_most = 1;
    two->treatment->at_most_rank = trait(&f, "001000");
    channel(&f, three, "email", NULL, NULL);
    three->treatment->order_by = trait(&f, "123456");
    st_def *alone = treat(&f, "alone", segment(&f, "100000"));
    channel(&f, alone, "email", NULL, NULL);
    gather(&f, "autumn", NULL, (st_def *[]){one, two, three}, 3);
    EXPECT("one", "0:a1 1:control 2:no_channel 3:limit0 4:no_channel");
    EXPECT("two", "0:earlier0 1:earlier0 2:a1 3:number 4:number 5:no_channel");
    EXPECT("three", "0:earlier0 1:earlier0 2:earlier1 3:a3 4:a2 5:a1");
    EXPECT("alone", "0:a1");
    stop(&f);
}

static void what_is_not_active_takes_no_part(void **state)
{
    (void)state;
    fixture f;
    start(&f, 3, false);
    st_def *one = treat(&f, "one", segment(&f, "111")), *two = treat(&f, "two", segment(&f, "110"));
    one->treatment->active = segment(&f, "000");
    channel(&f, one, "email", NULL, NULL);
    channel(&f, two, "email", NULL, NULL);
    two->treatment->order_by = trait(&f, "123");
    gather(&f, "autumn", segment(&f, "111"), (st_def *[]){one, two}, 2);
    EXPECT("one", "0:inactive 1:inactive 2:inactive");
    EXPECT("two", "0:a2 1:a1");
    f.parts[two->treatment->campaign->campaign->active->index].data = st_bitmap_new(f.a, f.n);
    EXPECT("two", "0:inactive 1:inactive");
    stop(&f);
}

static void nobody_is_fine(void **state)
{
    (void)state;
    fixture f;
    start(&f, 0, true);
    st_def *d = treat(&f, "t", segment(&f, ""));
    channel(&f, d, "email", NULL, NULL);
    d->treatment->one_per = trait(&f, "");
    d->treatment->one_per_rank = trait(&f, "");
    d->treatment->at_most = 1;
    d->treatment->at_most_rank = trait(&f, "");
    EXPECT("t", "");
    stop(&f);
}

static void nobody_stands_behind_the_last_row(void **state)
{
    (void)state;
    fixture f;
    start(&f, 3, false);
    st_def *d = treat(&f, "t", segment(&f, "101"));
    uint64_t *bits = (uint64_t *)(uintptr_t)f.parts[d->treatment->target->index].data;
    bits[0] |= ~UINT64_C(7);
    channel(&f, d, "email", NULL, NULL);
    d->treatment->order_by = trait(&f, "123");
    EXPECT("t", "0:a2 2:a1");
    stop(&f);
}

/* ---- at random ---- */

static uint64_t seed;
static uint32_t draw(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

static uint64_t *random_bits(fixture *f, uint32_t percent)
{
    uint64_t *bits = st_bitmap_new(f->a, f->n);
    for (uint64_t i = 0; i < f->n; i++)
        if (draw(100) < percent) st_bit_set(bits, i);
    return bits;
}

static st_def *random_segment(fixture *f, uint32_t percent)
{
    st_def *d = segment(f, "");
    f->parts[d->index].data = random_bits(f, percent);
    return d;
}

static st_def *random_trait(fixture *f, uint32_t different)
{
    st_def *d = trait(f, "");
    uint32_t lies = draw(3);
    int64_t *whole = st_new_n(f->a, int64_t, f->n + 1);
    double *real = st_new_n(f->a, double, f->n + 1);
    st_i128 *wide = st_new_n(f->a, st_i128, f->n + 1);
    for (uint64_t i = 0; i < f->n; i++) {
        whole[i] = (int64_t)draw(different) - different / 2;
        real[i] = whole[i] ? (double)whole[i] / 8 : draw(2) ? 0.0 : -0.0;
        wide[i] = (st_i128)whole[i] * 1000000000 * 1000000000 * 1000;
    }
    st_treat_value *v = &f->parts[d->index];
    v->lies = lies == 0 ? ST_BC_I64 : lies == 1 ? ST_BC_F64 : ST_BC_I128;
    v->data = lies == 0 ? (void *)whole : lies == 1 ? (void *)real : (void *)wide;
    v->known = draw(4) ? random_bits(f, 90) : NULL;
    f->ranks[d->index] = *v;
    return d;
}

static st_def *maybe_segment(fixture *f, uint32_t chance, uint32_t percent)
{
    return draw(chance) ? NULL : random_segment(f, percent);
}

static st_def *random_treatment(fixture *f, const char *name)
{
    st_def *d = treat(f, name, random_segment(f, 80));
    st_treatment *t = d->treatment;
    for (uint32_t i = draw(3); i > 0; i--) exclude(f, d, random_segment(f, 5));
    for (uint32_t i = draw(3); i > 0; i--) hold_out(f, d, random_segment(f, 5));
    t->control = maybe_segment(f, 2, 10);
    for (uint32_t i = 1 + draw(3); i > 0; i--)
        channel(f, d, "x", maybe_segment(f, 1, 60), maybe_segment(f, 2, 10))->consent =
            maybe_segment(f, 4, 50);
    t->again = maybe_segment(f, 2, 10);
    if (draw(2)) {
        t->one_per = random_trait(f, 60);
        t->one_per_rank = random_trait(f, 6);
    }
    if (draw(2)) {
        t->at_most = 1 + draw((uint32_t)f->n);
        t->at_most_rank = random_trait(f, 20);
    }
    if (draw(2)) t->order_by = random_trait(f, 9);
    t->salt = draw(2) ? "abc" : NULL;
    t->hash = draw(2) ? ST_HASH_MD5 : ST_HASH_SHA256;
    if (!draw(6)) t->active = random_segment(f, draw(2) * 100);
    return d;
}

/* The second telling: what each customer is asked, and everybody compared with everybody. */
typedef struct telling {
    fixture *f;
    const st_treatment *t;
    int outcome[400], which[400], order[400]; /* by row; outcome -1: no member */
} telling;

static bool in(const telling *s, const st_def *d, uint64_t row)
{
    return st_bit(s->f->parts[d->index].data, row);
}

/* Whether x comes before y by a rank. */
static bool before(const telling *s, const st_def *rank, uint64_t x, uint64_t y)
{
    const st_treat_value *v = rank ? &s->f->ranks[rank->index] : NULL;
    bool has_x = v && (!v->known || st_bit(v->known, x)), has_y = v && (!v->known || st_bit(v->known, y));
    if (has_x != has_y) return has_x;
    if (has_x && v->lies == ST_BC_F64) {
        double p = ((const double *)v->data)[x], q = ((const double *)v->data)[y];
        if (p < q || p > q) return p > q;
    } else if (has_x && v->lies == ST_BC_I128) {
        st_i128 p = ((const st_i128 *)v->data)[x], q = ((const st_i128 *)v->data)[y];
        if (p != q) return p > q;
    } else if (has_x) {
        int64_t p = ((const int64_t *)v->data)[x], q = ((const int64_t *)v->data)[y];
        if (p != q) return p > q;
    }
    char a[24], b[24];
    st_str kx = st_row_key(&s->f->rows, x, a), ky = st_row_key(&s->f->rows, y, b);
    st_str salt = st_str_of(s->t->salt ? s->t->salt : "");
    uint64_t hx = st_draw(s->t->hash, salt, kx), hy = st_draw(s->t->hash, salt, ky);
    return hx < hy; /* keys of one draw do not occur here */
}

static bool same_group(const telling *s, uint64_t x, uint64_t y)
{
    const st_treat_value *v = &s->f->parts[s->t->one_per->index];
    if (v->known && (!st_bit(v->known, x) || !st_bit(v->known, y))) return false;
    if (v->lies == ST_BC_F64) return fabs(((const double *)v->data)[x] - ((const double *)v->data)[y]) < 1e-9;
    if (v->lies == ST_BC_I128) return ((const st_i128 *)v->data)[x] == ((const st_i128 *)v->data)[y];
    return ((const int64_t *)v->data)[x] == ((const int64_t *)v->data)[y];
}

static void ask(telling *s, uint64_t row, const int *used)
{
    const st_treatment *t = s->t;
    int *outcome = &s->outcome[row], *which = &s->which[row];
    *outcome = -1;
    *which = s->order[row] = 0;
    if (!in(s, t->target, row)) return;
    *outcome = STRATA_NOT_ACTIVE;
    if (t->active && !in(s, t->active, row)) return;
    if (t->campaign && t->campaign->campaign->active && !in(s, t->campaign->campaign->active, row)) return;
    *outcome = STRATA_EARLIER;
    if (used[row] && (*which = used[row] - 1, true)) return;
    *outcome = STRATA_EXCLUDED;
    for (*which = 0; *which < (int)t->nexclusions; ++*which)
        if (in(s, t->exclusions[*which]->who, row)) return;
    *outcome = STRATA_HELD_OUT;
    for (*which = 0; *which < (int)t->nholdouts; ++*which)
        if (in(s, t->holdouts[*which], row)) return;
    *which = 0;
    *outcome = STRATA_IN_CONTROL;
    if (t->control && in(s, t->control, row)) return;
    *outcome = STRATA_NO_CHANNEL;
    uint32_t k = 0;
    while (k < t->nchannels && t->channels[k].open && !in(s, t->channels[k].open, row)) k++;
    if (k == t->nchannels) {
        uint32_t noes = 0;
        for (uint32_t i = 0; i < k; i++)
            noes += t->channels[i].consent && !in(s, t->channels[i].consent, row);
        if (noes == k) *outcome = STRATA_NO_CONSENT;
        return;
    }
    *which = (int)k;
    *outcome = STRATA_OVER_LIMIT;
    if (t->channels[k].over && in(s, t->channels[k].over, row)) return;
    *outcome = STRATA_TOO_SOON;
    if (t->again && in(s, t->again, row)) {
        *which = 0;
        return;
    }
    *outcome = STRATA_TREATED;
}

static void tell(telling *s, const int *used)
{
    uint64_t n = s->f->n;
    bool lost[400];
    for (uint64_t i = 0; i < n; i++) ask(s, i, used);
    for (uint64_t i = 0; i < n; i++) {
        lost[i] = false;
        for (uint64_t k = 0; k < n && s->t->one_per && s->outcome[i] == STRATA_TREATED; k++)
            lost[i] |= k != i && s->outcome[k] == STRATA_TREATED && same_group(s, i, k) &&
                       before(s, s->t->one_per_rank, k, i);
    }
    for (uint64_t i = 0; i < n; i++)
        if (lost[i]) s->outcome[i] = STRATA_NOT_THE_ONE, s->which[i] = 0;
    for (int round = 0; round < 2; round++) {
        const st_def *rank = round == 0 || !s->t->order_by ? s->t->at_most_rank : s->t->order_by;
        for (uint64_t i = 0; i < n; i++) {
            int better = 0;
            for (uint64_t k = 0; k < n && s->outcome[i] == STRATA_TREATED; k++)
                better += k != i && s->outcome[k] == STRATA_TREATED && before(s, rank, k, i);
            s->order[i] = better + 1;
            lost[i] = s->outcome[i] == STRATA_TREATED && better >= s->t->at_most;
        }
        for (uint64_t i = 0; i < n && round == 0; i++)
            if (lost[i]) s->outcome[i] = STRATA_OVER_NUMBER, s->which[i] = 0;
    }
    for (uint64_t i = 0; i < n; i++)
        if (s->outcome[i] != STRATA_TREATED) s->order[i] = 0;
}

static void compare(const telling *s, const st_treated *got)
{
    uint32_t at = 0, served = 0;
    for (uint64_t row = 0; row < s->f->n; row++) {
        if (s->outcome[row] < 0) continue;
        assert_true(at < got->n);
        assert_int_equal(got->rows[at], row);
        if (got->outcome[at] != s->outcome[row] || got->which[at] != s->which[row] ||
            (int)got->order[at] != s->order[row])
            fail_msg("%s, row %d: %s %d order %d, expected %s %d order %d", got->def->name, (int)row,
                     words[got->outcome[at]], got->which[at], (int)got->order[at], words[s->outcome[row]],
                     s->which[row], s->order[row]);
        if (s->order[row]) {
            assert_int_equal(got->served[s->order[row] - 1], at);
            served++;
        }
        at++;
    }
    assert_int_equal(got->n, at);
    assert_int_equal(got->nserved, served);
}

static void one_world(uint64_t number)
{
    fixture f;
    seed = number * 0x9e3779b97f4a7c15u + 7;
    start(&f, 1 + draw(300), draw(2));
    st_def *all[3];
    static const char *const names[] = {"one", "two", "three"};
    uint32_t n = 1 + draw(2);
    for (uint32_t i = 0; i < n; i++) all[i] = random_treatment(&f, names[i]);
    bool campaign = draw(2);
    if (campaign) gather(&f, "c", draw(3) ? NULL : random_segment(&f, draw(2) * 100), all, n);
    int used[400] = {0};
    f.in.threads = 1 + draw(3);
    for (uint32_t i = 0; i < n; i++) {
        telling s = {.f = &f, .t = all[i]->treatment};
        tell(&s, used);
        compare(&s, answer(&f, names[i]));
        for (uint64_t row = 0; row < f.n && campaign; row++)
            if (s.outcome[row] == STRATA_TREATED || s.outcome[row] == STRATA_IN_CONTROL)
                used[row] = (int)i + 1;
    }
    stop(&f);
}

static void random_treatments_are_told_twice(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 120; i++) one_world(i);
}

/* ---- what is sent ---- */

static void expect_form(const char *as, const char *text, const char *want)
{
    st_env env;
    st_env_init(&env, NULL);
    st_arena *a = st_arena_new(&env);
    st_str got = st_send_normal(a, as, st_str_of(text));
    assert_string_equal(st_dup(a, got.p, got.n), want);
    st_env_close(&env);
}

static void normal_forms(void **state)
{
    (void)state;
    expect_form("em", "  John_Smith@gmail.com ", "john_smith@gmail.com");
    expect_form("EMAIL", "Jane.Doe+x@Gmail.com", "jane.doe+x@gmail.com");
    expect_form("Email", " cloudy.san francisco+shopping@GMAIL.com", "cloudysanfrancisco@gmail.com");
    expect_form("Email", "user.name+NYC@Example.com", "user.name+nyc@example.com");
    expect_form("Email", "a.b@googlemail.com", "ab@googlemail.com");
    expect_form("ph", "+1 (650) 555-1212", "16505551212");
    expect_form("ph", "0049 170 1234567", "491701234567");
    expect_form("Phone", "0049 170 1234567", "+491701234567");
    expect_form("Phone", "+1 800 555 0100", "+18005550100");
    expect_form("Phone", "no number", "");
    expect_form("fn", " Val\xc3\xa9ry ", "val\xc3\xa9ry");
    expect_form("ln", "O'Neill-Smith", "oneillsmith");
    expect_form("First Name", " Mary-Ann", "mary-ann");
    expect_form("ct", "New York", "newyork");
    expect_form("ct", "St. Gallen", "stgallen");
    expect_form("zip", "94035-1234", "94035");
    expect_form("zip", "SW1A 1AA", "sw1a1aa");
    expect_form("country", " DE", "de");
    expect_form("dob", "1990-01-31", "19900131");
    expect_form("gen", "Female", "f");
    expect_form("extern_id", " C-00017 ", "C-00017");
    expect_form("hashed", "+49 (170) 1234567", "491701234567");
    expect_form("hashed", " Straße 7 ", "straße 7");
    expect_form("hashed", "123456", "123456");
    expect_form("hashed", "  ", "");
}

static void expect_hash(const char *as, const char *text, const char *want)
{
    st_env env;
    st_env_init(&env, NULL);
    st_arena *a = st_arena_new(&env);
    char hex[65] = {0};
    assert_int_equal(st_send_hash(a, as, st_str_of(text), hex), want != NULL);
    if (want) assert_string_equal(hex, want);
    st_env_close(&env);
}

/* The examples that the platform gives itself. */
static void hashes_of_the_platform(void **state)
{
    (void)state;
    expect_hash("em", "John_Smith@gmail.com",
                "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f");
    expect_hash("ph", "+1 (650)555-1212", "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176");
    expect_hash("fn", "Mary", "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec");
    expect_hash("fn", "\xec\xa0\x95", "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14");
    expect_hash("fn", "Val\xc3\xa9ry", "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c");
    expect_hash("em", " ", NULL);
}

static void expect_harmless(const char *text, const char *want)
{
    st_env env;
    st_env_init(&env, NULL);
    st_arena *a = st_arena_new(&env);
    st_str got = st_send_harmless(a, st_str_of(text));
    assert_string_equal(st_dup(a, got.p, got.n), want);
    st_env_close(&env);
}

static void no_text_is_run(void **state)
{
    (void)state;
    expect_harmless("=1+1", "'=1+1");
    expect_harmless("@SUM(A1)", "'@SUM(A1)");
    expect_harmless("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0");
    expect_harmless("-2+3+cmd", "'-2+3+cmd");
    expect_harmless("\t=1", "'\t=1");
    expect_harmless("+", "'+");
    expect_harmless("+49 170 1234567", "+49 170 1234567");
    expect_harmless("-12.50", "-12.50");
    expect_harmless("a=b", "a=b");
    expect_harmless("", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_step_stops_its_own),
        cmocka_unit_test(no_channel_open_is_said),
        cmocka_unit_test(no_consent_is_said),
        cmocka_unit_test(one_of_each_household_stays),
        cmocka_unit_test(at_most_is_strict_and_orders),
        cmocka_unit_test(ties_are_drawn),
        cmocka_unit_test(campaigns_use_customers_up),
        cmocka_unit_test(what_is_not_active_takes_no_part),
        cmocka_unit_test(nobody_is_fine),
        cmocka_unit_test(nobody_stands_behind_the_last_row),
        cmocka_unit_test(random_treatments_are_told_twice),
        cmocka_unit_test(normal_forms),
        cmocka_unit_test(hashes_of_the_platform),
        cmocka_unit_test(no_text_is_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
