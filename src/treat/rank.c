/* Ranks: who comes before whom. Draws are only computed where values are equal. */
#include "treat/treat.h"

/* The bits of a float as a whole number of the same order; both zeros are one. */
static int64_t ordered_bits(double v)
{
    int64_t bits;
    if (v == 0) v = 0;
    memcpy(&bits, &v, sizeof bits);
    return bits < 0 ? INT64_MIN - bits : bits;
}

bool st_treat_number(const st_treat_value *v, uint64_t row, st_i128 *number)
{
    if (v->known && !st_bit(v->known, row)) return false;
    switch (v->lies) {
    case ST_BC_BOOL: *number = st_bit(v->data, row); break;
    case ST_BC_I128: *number = ((const st_i128 *)v->data)[row]; break;
    case ST_BC_F64: *number = ordered_bits(((const double *)v->data)[row]); break;
    case ST_BC_TEXT: *number = ((const uint32_t *)v->data)[row]; break;
    default: *number = ((const int64_t *)v->data)[row]; break;
    }
    return true;
}

/* ---- orders: negative where x comes first ---- */

typedef int (*comparison)(const st_contest *c, const st_contender *x, const st_contender *y);

static int by_rank(const st_contest *c, const st_contender *x, const st_contender *y)
{
    (void)c;
    if (x->known != y->known) return x->known ? -1 : 1;
    return (x->rank < y->rank) - (x->rank > y->rank);
}

static int by_group(const st_contest *c, const st_contender *x, const st_contender *y)
{
    if (x->grouped != y->grouped) return x->grouped ? -1 : 1;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    return x->grouped ? by_rank(c, x, y) : 0;
}

static int by_key(const st_contest *c, const st_contender *x, const st_contender *y)
{
    const st_column *key = &c->table->columns[c->table->decl->key->index];
    uint64_t i = (uint64_t)x->row, j = (uint64_t)y->row;
    if (key->phys == ST_CODE) return st_str_cmp(st_column_text(key, i), st_column_text(key, j));
    int64_t a = st_column_i64(key, i), b = st_column_i64(key, j);
    return (a > b) - (a < b);
}

static int by_draw(const st_contest *c, const st_contender *x, const st_contender *y)
{
    if (x->h != y->h) return x->h < y->h ? -1 : 1;
    return by_key(c, x, y);
}

/* A stable merge sort. */
static void sort(const st_contest *c, st_contender *v, st_contender *scratch, uint32_t n, comparison order)
{
    if (n <= 8) {
        for (uint32_t i = 1; i < n; i++) {
            st_contender x = v[i];
            uint32_t j = i;
            for (; j > 0 && order(c, &v[j - 1], &x) > 0; j--) v[j] = v[j - 1];
            v[j] = x;
        }
        return;
    }
    uint32_t half = n / 2, i = 0, j = half, at = 0;
    sort(c, v, scratch, half, order);
    sort(c, v + half, scratch, n - half, order);
    if (order(c, &v[half - 1], &v[half]) <= 0) return;
    memcpy(scratch, v, half * sizeof *v);
    while (i < half && j < n) v[at++] = order(c, &scratch[i], &v[j]) <= 0 ? scratch[i++] : v[j++];
    while (i < half) v[at++] = scratch[i++];
}

/* How many from v[0] on are equal by `order`. */
static uint32_t equals(const st_contest *c, const st_contender *v, uint32_t n, comparison order)
{
    uint32_t k = 1;
    while (k < n && order(c, &v[0], &v[k]) == 0) k++;
    return k;
}

static void draw(const st_contest *c, st_contender *v, uint32_t n)
{
    char digits[24];
    for (uint32_t i = 0; i < n; i++)
        v[i].h = st_draw(c->hash, c->salt, st_row_key(c->table, (uint64_t)v[i].row, digits));
}

void st_contest_order(const st_contest *c, st_contender *all, st_contender *scratch, uint32_t n)
{
    sort(c, all, scratch, n, by_rank);
    for (uint32_t i = 0, k; i < n; i += k) {
        k = equals(c, &all[i], n - i, by_rank);
        if (k == 1) continue;
        draw(c, &all[i], k);
        sort(c, &all[i], scratch, k, by_draw);
    }
}

void st_contest_group(const st_contest *c, st_contender *all, st_contender *scratch, uint32_t n)
{
    sort(c, all, scratch, n, by_group);
    for (uint32_t i = 0; i < n && all[i].grouped;) {
        uint32_t k = equals(c, &all[i], n - i, by_group);
        if (k > 1) {
            draw(c, &all[i], k);
            sort(c, &all[i], scratch, k, by_draw);
        }
        st_i128 group = all[i].group;
        while (i < n && all[i].grouped && all[i].group == group) i++;
    }
}
