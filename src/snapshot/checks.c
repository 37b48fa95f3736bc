#include "snapshot/checks.h"

#include "base/threads.h"

enum { VALUES_A_TASK = 1 << 20 };

static uint64_t number_at(const void *data, uint8_t width, uint64_t i)
{
    switch (width) {
    case 1: return ((const uint8_t *)data)[i];
    case 2: return ((const uint16_t *)data)[i];
    case 4: return ((const uint32_t *)data)[i];
    default: return ((const uint64_t *)data)[i];
    }
}

/* The largest in a run is found without a branch a value, so that compilers make wide instructions of it. */
#define LARGEST(T)                                                                                           \
    do {                                                                                                     \
        T most = 0;                                                                                          \
        for (uint64_t i = from; i < to; i++) most = ST_MAX(most, ((const T *)c->data)[i]);                   \
        return most < c->limit;                                                                              \
    } while (0)

static bool is_below(const st_pass_check *c, uint64_t from, uint64_t to)
{
    switch (c->width) {
    case 1: LARGEST(uint8_t);
    case 2: LARGEST(uint16_t);
    default: LARGEST(uint32_t);
    }
}

static bool are_rows(const st_pass_check *c, uint64_t from, uint64_t to)
{
    uint32_t most = 0;
    for (uint64_t i = from; i < to; i++) most = ST_MAX(most, ((const uint32_t *)c->data)[i] + 1);
    return most <= c->limit;
}

static bool ascends(const st_pass_check *c, uint64_t from, uint64_t to)
{
    if (from == 0 && number_at(c->data, c->width, 0) != 0) return false;
    uint64_t before = number_at(c->data, c->width, from);
    for (uint64_t i = from; i < to; i++) {
        uint64_t x = number_at(c->data, c->width, i + 1);
        if (x < before) return false;
        before = x;
    }
    if (to < c->n) return true;
    return c->at_most ? before <= c->limit : before == c->limit;
}

#define WITHIN(T)                                                                                            \
    do {                                                                                                     \
        T low = 0, high = 0;                                                                                 \
        for (uint64_t i = from; i < to; i++) {                                                               \
            T x = ((const T *)c->data)[i];                                                                   \
            low = ST_MIN(low, x);                                                                            \
            high = ST_MAX(high, x);                                                                          \
        }                                                                                                    \
        return low >= c->low && high <= c->high;                                                             \
    } while (0)

static bool is_within(const st_pass_check *c, uint64_t from, uint64_t to)
{
    if (c->width == 4) WITHIN(int32_t);
    WITHIN(int64_t);
}

static bool has_digits(const st_pass_check *c, uint64_t from, uint64_t to)
{
    st_i128 bound = st_pow10((unsigned)c->limit);
    for (uint64_t i = from; i < to; i++) {
        st_i128 x = ((const st_i128 *)c->data)[i];
        if (x >= bound || x <= -bound) return false;
    }
    return true;
}

static bool is_finite(const st_pass_check *c, uint64_t from, uint64_t to)
{
    const uint64_t exponent = UINT64_C(0x7ff0000000000000);
    bool good = true;
    for (uint64_t i = from; i < to; i++) good &= (((const uint64_t *)c->data)[i] & exponent) != exponent;
    return good;
}

static bool tail_is_clear(const st_pass_check *c)
{
    for (uint64_t i = c->n; i < (c->n + 511) / 512 * 512; i++)
        if (st_bit(c->data, i)) return false;
    return true;
}

static bool are_texts(const st_pass_check *c, uint64_t from, uint64_t to)
{
    const uint64_t *offsets = c->data;
    const char *bytes = c->more;
    for (uint64_t i = from; i < to; i++)
        if (offsets[i] > offsets[i + 1] || offsets[i + 1] > c->limit ||
            !st_utf8_valid(bytes + offsets[i], (size_t)(offsets[i + 1] - offsets[i])))
            return false;
    return true;
}

static bool holds(const st_pass_check *c, uint64_t from, uint64_t to)
{
    switch (c->kind) {
    case ST_CHECK_BELOW: return is_below(c, from, to);
    case ST_CHECK_ROWS: return are_rows(c, from, to);
    case ST_CHECK_ASCEND: return ascends(c, from, to);
    case ST_CHECK_RANGE: return is_within(c, from, to);
    case ST_CHECK_DIGITS: return has_digits(c, from, to);
    case ST_CHECK_FINITE: return is_finite(c, from, to);
    case ST_CHECK_COUNT: return tail_is_clear(c) && st_bitmap_count(c->data, c->n) == c->limit;
    case ST_CHECK_TAIL: return tail_is_clear(c);
    default: return are_texts(c, from, to);
    }
}

static uint64_t tasks_of(const st_pass_check *c)
{
    bool whole = c->kind == ST_CHECK_COUNT || c->kind == ST_CHECK_TAIL || c->n == 0;
    return whole ? 1 : (c->n + VALUES_A_TASK - 1) / VALUES_A_TASK;
}

static void run_task(void *ctx, uint64_t task, st_env *env)
{
    const st_checks *all = ctx;
    uint32_t i = all->all.n - 1;
    while (all->all.p[i].first_task > task) i--;
    const st_pass_check *c = &all->all.p[i];
    uint64_t from = (task - c->first_task) * VALUES_A_TASK, to = ST_MIN(c->n, from + VALUES_A_TASK);
    if (holds(c, from, to)) return;
    st_fail(env, STRATA_BAD_DATA,
            "%.300s: column %.80s of table %.80s is damaged. Make the snapshot anew with strata snapshot.",
            all->dir, c->column, c->table);
}

void st_checks_run(st_env *env, uint32_t threads, st_checks *checks)
{
    uint64_t tasks = 0;
    for (uint32_t i = 0; i < checks->all.n; i++) {
        checks->all.p[i].first_task = tasks;
        tasks += tasks_of(&checks->all.p[i]);
    }
    st_parallel(env, threads, tasks, run_task, checks);
}
