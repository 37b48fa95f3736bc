/* Promises, row by row and with the arithmetic of school: numbers are rows of digits, so nothing can be too large and nothing is
 * rounded. */
#include "oracle/parts.h"

#include <stdio.h>

enum { LIMBS = 20, BASE = 1000000000 };

/* A whole number: limbs of nine digits, the lowest first. */
typedef struct big {
    uint32_t limb[LIMBS];
} big;

static big big_of(st_u128 v)
{
    big b = {0};
    for (int i = 0; v; i++, v /= BASE) b.limb[i] = (uint32_t)(v % BASE);
    return b;
}

static big big_add(big a, big b)
{
    uint32_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        uint32_t v = a.limb[i] + b.limb[i] + carry;
        carry = v >= BASE;
        a.limb[i] = carry ? v - BASE : v;
    }
    return a;
}

static big big_mul(big a, big b)
{
    big out = {0};
    for (int i = 0; i < LIMBS; i++) {
        uint64_t carry = 0;
        for (int k = 0; i + k < LIMBS; k++) {
            uint64_t v = (uint64_t)a.limb[i] * b.limb[k] + out.limb[i + k] + carry;
            out.limb[i + k] = (uint32_t)(v % BASE);
            carry = v / BASE;
        }
    }
    return out;
}

static int big_cmp(big a, big b)
{
    for (int i = LIMBS; i-- > 0;)
        if (a.limb[i] != b.limb[i]) return a.limb[i] < b.limb[i] ? -1 : 1;
    return 0;
}

/* 10^n */
static big big_ten(unsigned n)
{
    big b = big_of(1), ten = big_of(10);
    while (n-- > 0) b = big_mul(b, ten);
    return b;
}

/* a >= b */
static big big_sub(big a, big b)
{
    uint32_t borrow = 0;
    for (int i = 0; i < LIMBS; i++) {
        uint32_t less = b.limb[i] + borrow;
        borrow = a.limb[i] < less;
        a.limb[i] = a.limb[i] + (borrow ? BASE : 0) - less;
    }
    return a;
}

/* With `scale` digits behind the point. */
static const char *big_text(st_arena *a, big v, bool negative, unsigned scale)
{
    char digits[LIMBS * 9 + 1];
    for (int i = 0; i < LIMBS; i++) snprintf(digits + 9 * i, 10, "%09u", v.limb[LIMBS - 1 - i]);
    const char *p = digits, *point = digits + LIMBS * 9 - scale;
    while (p + 1 < point && *p == '0') p++;
    return st_format(a, "%s%.*s%s%s", negative ? "-" : "", (int)(point - p), p, scale ? "." : "", point);
}

/* ---- measuring ---- */

typedef struct measuring {
    st_oracle *o;
    const st_promise *p;
    const st_zone *zone;
    st_oracle_verdict v;
} measuring;

static uint64_t rows_of(const measuring *m)
{
    return st_o_row_count(m->o, m->p->table);
}

static bool is_in(const measuring *m, const st_def *who, uint64_t row)
{
    if (!st_oracle_present(m->o, m->p->table, row)) return false;
    return !who || st_oracle_def(m->o, who, row).as.b;
}

static uint64_t count(const measuring *m, const st_def *who)
{
    uint64_t n = 0;
    for (uint64_t row = 0; row < rows_of(m); row++) n += is_in(m, who, row);
    return n;
}

/* n against the bound, which may be a share of `all`. */
static int against(uint64_t n, uint64_t all, const st_bound *b)
{
    big left = big_mul(big_of(n), big_ten(b->scale)), right = big_of((st_u128)b->amount);
    return big_cmp(left, b->is_share ? big_mul(right, big_of(all)) : right);
}

static void say(measuring *m, bool kept, const char *text)
{
    m->v.outcome = kept ? ST_ORACLE_KEPT : ST_ORACLE_BROKEN;
    m->v.measured = text;
}

static const char *of_text(const measuring *m, uint64_t part, uint64_t all)
{
    return st_format(m->o->arena, "%llu of %llu", (unsigned long long)part, (unsigned long long)all);
}

static void size(measuring *m)
{
    const st_bound *low = &m->p->low, *high = &m->p->high;
    uint64_t n = count(m, m->p->part), all = count(m, NULL);
    bool share = (low->given && low->is_share) || (high->given && high->is_share);
    if (share && all == 0) return;
    bool kept = true;
    if (low->given && against(n, all, low) < 0) kept = false;
    if (high->given && against(n, all, high) > 0) kept = false;
    say(m, kept, m->p->part ? of_text(m, n, all) : st_format(m->o->arena, "%llu", (unsigned long long)n));
}

static void within(measuring *m, int64_t previous)
{
    uint64_t n = count(m, m->p->part), before = (uint64_t)previous,
             apart = n < before ? before - n : n - before;
    if (previous < 0) return;
    say(m, against(apart, before, &m->p->low) <= 0,
        st_format(m->o->arena, "%llu, before %llu", (unsigned long long)n, (unsigned long long)before));
}

static void none(measuring *m)
{
    uint64_t n = count(m, m->p->part);
    say(m, n == 0, of_text(m, n, count(m, m->p->all)));
}

static void share(measuring *m)
{
    uint64_t part = count(m, m->p->part), all = count(m, m->p->all);
    if (all > 0) say(m, against(part, all, &m->p->low) >= 0, of_text(m, part, all));
}

static void add(big *up, big *down, const st_value *v)
{
    st_i128 n;
    unsigned scale;
    st_o_read_exact(v, &n, &scale);
    if (n < 0)
        *down = big_add(*down, big_of(-(st_u128)n));
    else
        *up = big_add(*up, big_of((st_u128)n));
}

/* Sums are compared with what was taken away on the other side: a - b >= s (c - d) is a + s d >= s c + b. */
static void brings(measuring *m)
{
    const st_bound *low = &m->p->low;
    big zero = {0}, part_up = zero, part_down = zero, all_up = zero, all_down = zero;
    for (uint64_t row = 0; row < rows_of(m); row++) {
        if (!is_in(m, NULL, row)) continue;
        st_value v = st_oracle_def(m->o, m->p->measure, row);
        if (v.missing) continue;
        add(&all_up, &all_down, &v);
        if (is_in(m, m->p->part, row)) add(&part_up, &part_down, &v);
    }
    if (big_cmp(all_up, all_down) <= 0) return;
    big one = big_ten(low->scale), share_of = big_of((st_u128)low->amount);
    big left = big_add(big_mul(part_up, one), big_mul(all_down, share_of));
    big right = big_add(big_mul(all_up, share_of), big_mul(part_down, one));
    bool negative = big_cmp(part_up, part_down) < 0;
    big brought = negative ? big_sub(part_down, part_up) : big_sub(part_up, part_down);
    unsigned scale = m->p->measure->type.base == ST_T_DECIMAL ? m->p->measure->type.scale : 0;
    st_arena *a = m->o->arena;
    say(m, big_cmp(left, right) >= 0,
        st_format(a, "%s of %s", big_text(a, brought, negative, scale),
                  big_text(a, big_sub(all_up, all_down), false, scale)));
}

static void unique(measuring *m)
{
    uint64_t n = 0, again = 0;
    st_value *values = st_new_n(m->o->arena, st_value, rows_of(m) + 1);
    for (uint64_t row = 0; row < rows_of(m); row++) {
        if (!is_in(m, NULL, row)) continue;
        values[n] = st_oracle_def(m->o, m->p->measure, row);
        n += !values[n].missing;
    }
    st_o_sort(values, n);
    for (uint64_t i = 1; i < n; i++) again += st_oracle_compare(&values[i - 1], &values[i]) == 0;
    say(m, again == 0, of_text(m, again, n));
}

static void newer(measuring *m)
{
    bool any = false;
    st_value latest = {0};
    char text[ST_TIME_TEXT];
    for (uint64_t row = 0; row < rows_of(m); row++) {
        if (!is_in(m, m->p->all, row)) continue;
        st_value v = st_oracle_def(m->o, m->p->measure, row);
        if (!any || st_oracle_compare(&v, &latest) > 0) latest = v;
        any = true;
    }
    if (!any) {
        say(m, false, "no value");
        return;
    }
    if (latest.type.base == ST_T_DATE)
        st_format_date(latest.as.i, text);
    else
        st_format_instant(m->zone, latest.as.i, text);
    say(m, count(m, m->p->part) > 0, st_dup(m->o->arena, text, strlen(text)));
}

st_oracle_verdict st_oracle_promise(st_oracle *o, const st_promise *p, int64_t previous)
{
    measuring m = {o, p, o->program->zone, {ST_ORACLE_NOT_MEASURED, ""}};
    switch (p->kind) {
    case ST_CHECK_SIZE_BETWEEN:
    case ST_CHECK_SIZE_AT_LEAST:
    case ST_CHECK_SIZE_AT_MOST: size(&m); break;
    case ST_CHECK_SIZE_WITHIN: within(&m, previous); break;
    case ST_CHECK_KEEPS:
    case ST_CHECK_KNOWN: share(&m); break;
    case ST_CHECK_BRINGS: brings(&m); break;
    case ST_CHECK_UNIQUE: unique(&m); break;
    case ST_CHECK_NEWER: newer(&m); break;
    default: none(&m); break;
    }
    return m.v;
}
