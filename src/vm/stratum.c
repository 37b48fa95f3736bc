/* Draws with exact shares: the members of each stratum stand in order of what they drew, and consecutive ranges of them are
 * dealt. Strata are numbered by what first shows; no number leaves this file. */
#include "vm/parts.h"

typedef struct dealing {
    st_vm *vm;
    st_arena *a;
    const st_bc_step *s;
    st_feed draw, key;
    uint32_t n;        /* members */
    int32_t *rows;     /* members, stratum by stratum */
    int32_t *scratch;  /* room for as many */
    uint32_t *stratum; /* by member, before they stand together */
    uint32_t nstrata;
    uint64_t *first; /* by stratum, and one behind: its place in rows */
} dealing;

static void find_members(dealing *d)
{
    const uint8_t *filter = d->s->filter == ST_BC_NONE ? NULL : d->vm->slots[d->s->filter].data;
    uint64_t rows = d->vm->data->tables[d->s->domain].rows;
    d->rows = st_alloc_raw(d->a, (rows + 1) * sizeof *d->rows);
    d->scratch = st_alloc_raw(d->a, (rows + 1) * sizeof *d->scratch);
    for (uint64_t r = 0; r < rows; r++)
        if ((!filter || st_bit(filter, r)) && st_feed_known(&d->draw, st_feed_row(&d->draw, NULL, r)))
            d->rows[d->n++] = (int32_t)r;
}

/* What a member is, so far as it is told by the strata before and the value of one more. */
typedef struct known_by {
    uint64_t stratum, value;
    bool known;
} known_by;

/* Parts the strata by one more value. */
static void part_by(dealing *d, uint32_t input)
{
    st_feed f = st_feed_of(d->vm, input);
    st_map numbers;
    st_map_init(&numbers, d->a);
    for (uint32_t i = 0; i < d->n; i++) {
        known_by key;
        memset(&key, 0, sizeof key);
        int64_t row = st_feed_row(&f, NULL, (uint64_t)d->rows[i]);
        key.stratum = d->stratum[i];
        key.known = st_feed_known(&f, row);
        if (key.known) key.value = f.phys == ST_CODE ? st_feed_code(&f, row) : (uint64_t)st_feed_i64(&f, row);
        bool is_new;
        void **place = st_map_put(&numbers, &key, sizeof key, &is_new);
        if (is_new) *place = (void *)(uintptr_t)numbers.entries.n;
        d->stratum[i] = (uint32_t)((uintptr_t)*place - 1);
    }
    d->nstrata = numbers.entries.n;
}

static void find_strata(dealing *d)
{
    const uint32_t *strata = d->vm->bc->lists.p + d->s->strata;
    d->nstrata = d->n > 0;
    d->stratum = st_new_n(d->a, uint32_t, (size_t)d->n + 1);
    for (uint32_t i = 1; i <= strata[0]; i++) part_by(d, strata[i]);
}

/* Members of a stratum together, in order of their rows. */
static void gather_strata(dealing *d)
{
    uint64_t *next = st_new_n(d->a, uint64_t, (size_t)d->nstrata + 1);
    d->first = st_new_n(d->a, uint64_t, (size_t)d->nstrata + 1);
    for (uint32_t i = 0; i < d->n; i++) d->first[d->stratum[i] + 1]++;
    for (uint32_t s = 0; s < d->nstrata; s++) d->first[s + 1] += d->first[s];
    memcpy(next, d->first, ((size_t)d->nstrata + 1) * sizeof *next);
    for (uint32_t i = 0; i < d->n; i++) d->scratch[next[d->stratum[i]]++] = d->rows[i];
    int32_t *rows = d->scratch;
    d->scratch = d->rows;
    d->rows = rows;
}

static int by_draw_then_key(const void *ctx, int32_t a, int32_t b)
{
    const dealing *d = ctx;
    int64_t x = st_feed_i64(&d->draw, st_feed_row(&d->draw, NULL, (uint64_t)a));
    int64_t y = st_feed_i64(&d->draw, st_feed_row(&d->draw, NULL, (uint64_t)b));
    if (x != y) return x < y ? -1 : 1;
    return st_feed_compare(&d->key, st_feed_row(&d->key, NULL, (uint64_t)a),
                           st_feed_row(&d->key, NULL, (uint64_t)b));
}

static void sort_stratum(void *ctx, uint64_t task, st_env *env)
{
    (void)env;
    dealing *d = ctx;
    uint64_t from = d->first[task], n = d->first[task + 1] - from;
    st_sort_rows(d->rows + from, d->scratch + from, n, by_draw_then_key, d);
}

/* floor(share * n + 1/2) */
static uint64_t end_of(const dealing *d, st_i128 share, uint64_t n)
{
    st_i128 one = st_pow10(d->s->amount_scale);
    return (uint64_t)((2 * share * (st_i128)n + one) / (2 * one));
}

static void deal_stratum(const dealing *d, uint32_t stratum, const st_slot *out)
{
    const uint32_t *ends = d->vm->bc->lists.p + d->s->ends;
    uint64_t from = d->first[stratum], n = d->first[stratum + 1] - from, at = 0;
    for (uint32_t i = 1; i <= ends[0]; i++)
        for (uint64_t end = end_of(d, d->vm->bc->scalars.p[ends[i]].as.d, n); at < end; at++) {
            uint64_t row = (uint64_t)d->rows[from + at];
            ((int64_t *)out->data)[row] = (int64_t)i - 1;
            st_bit_set(out->known, row);
        }
}

void st_step_stratum(st_vm *vm, const st_bc_step *s)
{
    dealing d = {.vm = vm, .a = st_arena_new(vm->env), .s = s};
    d.draw = st_feed_of(vm, s->value);
    d.key = st_feed_of(vm, s->key);
    find_members(&d);
    find_strata(&d);
    gather_strata(&d);
    st_parallel(vm->env, vm->threads, d.nstrata, sort_stratum, &d);
    st_slot_open(vm, s->out);
    for (uint32_t i = 0; i < d.nstrata; i++) deal_stratum(&d, i, &vm->slots[s->out]);
    st_arena_free(d.a);
}
