#include "promise/promise.h"

#include "base/decimal.h"
#include "base/wide.h"

#include <math.h>
#include <stdio.h>

typedef struct judge {
    st_arena *a;
    const st_promise *p;
    const st_found *f;
    const st_zone *zone;
    int64_t as_of;
    st_verdict v;
} judge;

/* ---- numbers ---- */

static uint64_t count(const judge *j, const uint64_t *bits)
{
    return st_bitmap_count(bits ? bits : j->f->population, j->f->rows);
}

/* part / all against amount / 10^scale: negative, zero, positive. */
static int compare_share(uint64_t part, uint64_t all, const st_bound *b)
{
    return st_wide_cmp(st_wide_mul(part, (st_u128)st_pow10(b->scale)), st_wide_mul((st_u128)b->amount, all));
}

/* A number of rows against a bound that may be a share of `all` rows. */
static int compare(uint64_t n, uint64_t all, const st_bound *b)
{
    return b->is_share ? compare_share(n, all, b) : st_dec_cmp((st_i128)n, 0, b->amount, b->scale);
}

static double bound_value(const st_bound *b)
{
    return b->given ? st_dec_to_double(b->amount, b->scale) : NAN;
}

static double ratio(uint64_t part, uint64_t all)
{
    return (double)part / (double)all;
}

static void conclude(judge *j, bool kept, double value, const char *measured)
{
    j->v.outcome = kept ? ST_KEPT : ST_BROKEN;
    j->v.value = value;
    j->v.measured = measured;
}

static void not_measured(judge *j, const char *why)
{
    j->v.outcome = ST_NOT_MEASURED;
    j->v.measured = why;
}

/* ---- words ---- */

/* "1,234,567" */
static const char *grouped(st_arena *a, uint64_t n)
{
    char digits[24], out[32];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n), k = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) out[k++] = ',';
        out[k++] = digits[i];
    }
    return st_dup(a, out, (size_t)k);
}

/* Hundredths of a percent as "6.17%", "20%". */
static const char *percent(st_arena *a, st_i128 hundredths)
{
    char text[ST_DECIMAL_TEXT];
    uint32_t n = st_dec_format(hundredths, 2, text);
    while (text[n - 1] == '0') n--;
    if (text[n - 1] == '.') n--;
    return st_format(a, "%.*s%%", (int)n, text);
}

/* Rounded, but nothing is shown as all or as nothing that is not. */
static st_i128 rounded(uint64_t part, uint64_t all)
{
    st_i128 hundredths = ((st_i128)part * 20000 + (st_i128)all) / (2 * (st_i128)all);
    if (part < all && hundredths == 10000) return 9999;
    return part && !hundredths ? 1 : hundredths;
}

/* "6 of 120 (5%)" */
static const char *of_words(judge *j, uint64_t part, uint64_t all)
{
    const char *n = grouped(j->a, part), *of = grouped(j->a, all);
    if (!all) return st_format(j->a, "%s of %s", n, of);
    return st_format(j->a, "%s of %s (%s)", n, of, percent(j->a, rounded(part, all)));
}

/* ---- the forms ---- */

static void judge_size(judge *j)
{
    const st_bound *low = &j->p->low, *high = &j->p->high;
    uint64_t n = count(j, j->f->part), all = count(j, NULL);
    bool shares = (low->given && low->is_share) || (high->given && high->is_share);
    bool only = shares && (!low->given || low->is_share) && (!high->given || high->is_share);
    if (shares && !all) {
        not_measured(j, st_format(j->a, "%s has no rows", j->p->table->name));
        return;
    }
    bool kept = (!low->given || compare(n, all, low) >= 0) && (!high->given || compare(n, all, high) <= 0);
    j->v.low = bound_value(low) * (shares && !only && low->is_share ? (double)all : 1);
    j->v.high = bound_value(high) * (shares && !only && high->is_share ? (double)all : 1);
    conclude(j, kept, only ? ratio(n, all) : (double)n, j->f->part ? of_words(j, n, all) : grouped(j->a, n));
}

static void judge_within(judge *j)
{
    const st_bound *b = &j->p->low;
    uint64_t n = count(j, j->f->part), before = j->f->previous, apart = n > before ? n - before : before - n;
    if (!j->f->has_previous) {
        not_measured(j, j->f->no_previous);
        return;
    }
    const char *words = st_format(j->a, "%s, before %s", grouped(j->a, n), grouped(j->a, before));
    double value = (double)apart;
    if (before && apart)
        words = st_format(j->a, "%s (%s%s)", words, n < before ? "-" : "+",
                          percent(j->a, rounded(apart, before)));
    if (b->is_share) value = apart ? ratio(apart, before) : 0;
    j->v.high = bound_value(b);
    conclude(j, compare(apart, before, b) <= 0, value, words);
}

static void judge_none(judge *j)
{
    uint64_t n = count(j, j->f->part);
    j->v.high = 0;
    conclude(j, n == 0, (double)n, of_words(j, n, count(j, j->f->all)));
}

static void judge_share(judge *j)
{
    uint64_t part = count(j, j->f->part), all = count(j, j->f->all);
    if (!all) {
        bool keeps = j->p->kind == ST_CHECK_KEEPS;
        not_measured(j,
                     keeps ? "nobody was in it then" : st_format(j->a, "%s has no rows", j->p->table->name));
        return;
    }
    j->v.low = bound_value(&j->p->low);
    conclude(j, compare_share(part, all, &j->p->low) >= 0, ratio(part, all), of_words(j, part, all));
}

/* ---- sums ---- */

typedef struct sum {
    st_wide up, down; /* of the values above and below zero */
} sum;

static void add(sum *s, st_i128 v)
{
    st_wide *to = v < 0 ? &s->down : &s->up;
    *to = st_wide_add(*to, (st_wide){0, st_magnitude(v)});
}

/* The magnitude of a sum. */
static st_wide settle(const sum *s, bool *negative)
{
    *negative = st_wide_cmp(s->up, s->down) < 0;
    return *negative ? st_wide_sub(s->down, s->up) : st_wide_sub(s->up, s->down);
}

/* a * b, below 2^256: sums of 2^31 values of 38 digits, and shares of 22 digits. */
static st_wide scaled(st_wide a, st_u128 b)
{
    st_wide low = st_wide_mul(a.low, b), high = st_wide_mul(a.high, b);
    return (st_wide){low.high + high.low, low.low};
}

static bool is_known(const judge *j, uint64_t row)
{
    const uint64_t *known = j->f->known ? j->f->known : j->f->measure->known;
    return !known || st_bit(known, row);
}

static st_i128 exact_at(const st_vm_slot *s, uint64_t row)
{
    return s->type == ST_BC_I128 ? ((const st_i128 *)s->data)[row] : ((const int64_t *)s->data)[row];
}

/* All digits of a sum, however many. */
static const char *sum_words(judge *j, st_wide v, bool negative)
{
    uint32_t part[8];
    char digits[80];
    unsigned n = sizeof digits - 1, least = j->f->type.scale + 1u;
    for (unsigned i = 0; i < 4; i++) {
        part[i] = (uint32_t)(v.low >> (32 * i));
        part[4 + i] = (uint32_t)(v.high >> (32 * i));
    }
    digits[n] = '\0';
    for (bool rest = true; rest || sizeof digits - 1 - n < least;) {
        uint64_t carry = 0;
        rest = false;
        for (int i = 8; i-- > 0; rest = rest || part[i]) {
            carry = carry << 32 | part[i];
            part[i] = (uint32_t)(carry / 10);
            carry %= 10;
        }
        digits[--n] = (char)('0' + carry);
    }
    const char *point = digits + sizeof digits - least;
    return st_format(j->a, "%s%.*s%s%s", negative ? "-" : "", (int)(point - (digits + n)), digits + n,
                     j->f->type.scale ? "." : "", point);
}

static double as_double(st_wide v)
{
    return ldexp((double)v.high, 128) + (double)v.low;
}

static const char *brought_words(judge *j, st_wide part, bool negative, st_wide all)
{
    const char *words = st_format(j->a, "%s of %s", sum_words(j, part, negative), sum_words(j, all, false));
    st_i128 share, hundredths;
    if (part.high || all.high || part.low >= (st_u128)st_pow10(ST_DECIMAL_DIGITS) ||
        all.low >= (st_u128)st_pow10(ST_DECIMAL_DIGITS) ||
        !st_dec_div(negative ? -(st_i128)part.low : (st_i128)part.low, 0, (st_i128)all.low, 0, &share) ||
        !st_dec_rescale(share, ST_QUOTIENT_SCALE, 4, &hundredths))
        return words;
    if (hundredths == 10000 && !negative && part.low < all.low) hundredths = 9999;
    return st_format(j->a, "%s (%s)", words, percent(j->a, hundredths));
}

static void judge_brings(judge *j)
{
    sum part = {0}, all = {0};
    for (uint64_t row = 0; row < j->f->rows; row++) {
        if (!st_bit(j->f->population, row) || !is_known(j, row)) continue;
        st_i128 v = exact_at(j->f->measure, row);
        add(&all, v);
        if (st_bit(j->f->part, row)) add(&part, v);
    }
    bool negative, none;
    st_wide brought = settle(&part, &negative), whole = settle(&all, &none);
    if (none || (!whole.high && !whole.low)) {
        not_measured(j, "the sum over all rows is not above zero");
        return;
    }
    const st_bound *b = &j->p->low;
    st_wide left = scaled(brought, (st_u128)st_pow10(b->scale)), right = scaled(whole, (st_u128)b->amount);
    bool kept = !negative && st_wide_cmp(left, right) >= 0;
    j->v.low = bound_value(b);
    conclude(j, kept, (negative ? -1 : 1) * as_double(brought) / as_double(whole),
             brought_words(j, brought, negative, whole));
}

/* ---- values of rows ---- */

/* What makes a value the same as another. */
static st_str value_bytes(const st_vm_slot *s, uint64_t row, char room[16])
{
    if (s->type == ST_BC_TEXT) return st_dict_get(s->dict, ((const uint32_t *)s->data)[row]);
    if (s->type == ST_BC_BOOL) {
        room[0] = (char)st_bit(s->data, row);
        return (st_str){room, 1};
    }
    if (s->type == ST_BC_F64) {
        double v = ((const double *)s->data)[row] + 0.0; /* both zeros are one */
        memcpy(room, &v, sizeof v);
        return (st_str){room, sizeof v};
    }
    st_i128 v = exact_at(s, row);
    memcpy(room, &v, sizeof v);
    return (st_str){room, sizeof v};
}

static void judge_unique(judge *j)
{
    st_map seen;
    char room[16];
    uint64_t known = 0, again = 0;
    st_arena *work = st_arena_new(st_arena_env(j->a));
    st_map_init(&seen, work);
    for (uint64_t row = 0; row < j->f->rows; row++) {
        if (!st_bit(j->f->population, row) || !is_known(j, row)) continue;
        st_str v = value_bytes(j->f->measure, row, room);
        bool is_new;
        st_map_put(&seen, v.p, v.n, &is_new);
        known++;
        again += !is_new;
    }
    st_arena_free(work);
    j->v.high = 0;
    conclude(j, again == 0, (double)again, of_words(j, again, known));
}

static void judge_newer(judge *j)
{
    const int64_t *times = j->f->measure->data;
    bool any = false, date = j->f->type.base == ST_T_DATE;
    int64_t latest = 0;
    for (uint64_t row = 0; row < j->f->rows; row++) {
        if (!st_bit(j->f->all, row)) continue;
        if (!any || times[row] > latest) latest = times[row];
        any = true;
    }
    if (!any) {
        conclude(j, false, INFINITY, "no value");
        return;
    }
    char text[ST_TIME_TEXT];
    if (date)
        st_format_date(latest, text);
    else
        st_format_instant(j->zone, latest, text);
    double age = date ? (double)(st_day_of_instant(j->zone, j->as_of) - latest) * 86400
                      : (double)(j->as_of - latest) / 1e6;
    conclude(j, count(j, j->f->part) > 0, age, st_dup(j->a, text, strlen(text)));
}

bool st_find(const st_bc *code, const st_vm_result *vm, const st_data *data, const st_promise *p, st_found *f)
{
    const st_def *defs[] = {p->part, p->all, p->measure};
    const st_bc_output *outs[ST_COUNT(defs)] = {NULL};
    for (size_t i = 0; i < ST_COUNT(defs); i++) {
        if (!defs[i]) continue;
        outs[i] = st_bc_promised(code, defs[i]);
        if (!outs[i]) return false;
    }
    uint32_t population = code->population[p->table->index];
    if (population == ST_BC_NONE) return false;
    *f = (st_found){.rows = data->tables[p->table->index].rows, .population = vm->slots[population].data};
    if (outs[0]) f->part = vm->slots[outs[0]->slot].data;
    if (outs[1]) f->all = vm->slots[outs[1]->slot].data;
    if (!outs[2]) return true;
    f->measure = &vm->slots[outs[2]->slot];
    f->type = outs[2]->type;
    if (outs[2]->known != ST_BC_NONE) f->known = vm->slots[outs[2]->known].data;
    return true;
}

st_verdict st_judge(st_arena *a, const st_promise *p, const st_found *f, const st_zone *zone, int64_t as_of)
{
    judge j = {a, p, f, zone, as_of, {.value = NAN, .low = NAN, .high = NAN}};
    switch (p->kind) {
    case ST_CHECK_SIZE_BETWEEN:
    case ST_CHECK_SIZE_AT_LEAST:
    case ST_CHECK_SIZE_AT_MOST: judge_size(&j); break;
    case ST_CHECK_SIZE_WITHIN: judge_within(&j); break;
    case ST_CHECK_KEEPS:
    case ST_CHECK_KNOWN: judge_share(&j); break;
    case ST_CHECK_BRINGS: judge_brings(&j); break;
    case ST_CHECK_UNIQUE: judge_unique(&j); break;
    case ST_CHECK_NEWER: judge_newer(&j); break;
    default: judge_none(&j); break;
    }
    return j.v;
}
