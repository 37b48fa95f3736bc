/* The range of a column's known values, and its values less the least of them. */
#include "table/narrow.h"

#include "base/threads.h"

enum { ROWS_A_TASK = 1 << 18, PADDING = 64, SECOND = 1000000 };

typedef struct narrow_column {
    st_column *c;
    uint64_t rows, first_task;
    int64_t *low, *high; /* by task of the column */
    bool *seconds;       /* by task: every value is a whole second */
    void *out;
} narrow_column;

typedef struct narrow_job {
    narrow_column *columns;
    uint32_t n;
} narrow_job;

static uint64_t tasks_of(uint64_t rows)
{
    return (rows + ROWS_A_TASK - 1) / ROWS_A_TASK;
}

static const narrow_column *column_of(const narrow_job *j, uint64_t task)
{
    uint32_t i = j->n - 1;
    while (j->columns[i].first_task > task) i--;
    return &j->columns[i];
}

static inline int64_t value_of(const st_column *c, uint64_t row)
{
    if (c->phys == ST_I32) return ((const int32_t *)c->data)[row];
    if (c->phys == ST_CODE) return ((const uint32_t *)c->data)[row];
    return ((const int64_t *)c->data)[row];
}

static bool is_instant(const st_column *c)
{
    return c->decl->type.base == ST_T_TIMESTAMP;
}

static void find_range(void *ctx, uint64_t task, st_env *env)
{
    (void)env;
    const narrow_column *n = column_of(ctx, task);
    const st_column *c = n->c;
    uint64_t at = task - n->first_task, from = at * ROWS_A_TASK, to = ST_MIN(n->rows, from + ROWS_A_TASK);
    bool seconds = is_instant(c);
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (uint64_t r = from; r < to; r++) {
        if (c->known && !st_bit(c->known, r)) continue;
        int64_t v = value_of(c, r);
        low = ST_MIN(low, v);
        high = ST_MAX(high, v);
        if (seconds && v % SECOND) seconds = false;
    }
    n->low[at] = low;
    n->high[at] = high;
    n->seconds[at] = seconds;
}

#define COPY(T)                                                                                              \
    if (unit == 1)                                                                                           \
        for (uint64_t r = from; r < to; r++) ((T *)n->out)[r] = (T)((uint64_t)value_of(c, r) - low);         \
    else                                                                                                     \
        for (uint64_t r = from; r < to; r++) ((T *)n->out)[r] = (T)(((uint64_t)value_of(c, r) - low) / SECOND)

/* Rows without a value hold 0 in the column, which need not fit: whatever stands there is never seen. */
static void copy_rows(void *ctx, uint64_t task, st_env *env)
{
    (void)env;
    const narrow_column *n = column_of(ctx, task);
    const st_column *c = n->c;
    uint64_t from = (task - n->first_task) * ROWS_A_TASK, to = ST_MIN(n->rows, from + ROWS_A_TASK);
    uint64_t low = (uint64_t)c->narrow.low;
    int64_t unit = c->narrow.unit;
    switch (c->narrow.bytes) {
    case 1: COPY(uint8_t); break;
    case 2: COPY(uint16_t); break;
    default: COPY(uint32_t); break;
    }
}

/* 0: no fewer than the column has. */
static uint8_t bytes_for(const st_column *c, uint64_t range)
{
    uint8_t bytes = range <= UINT8_MAX ? 1 : range <= UINT16_MAX ? 2 : range <= UINT32_MAX ? 4 : 8;
    return bytes < (c->phys == ST_I64 ? 8 : 4) ? bytes : 0;
}

static void choose_width(st_arena *a, narrow_column *n)
{
    int64_t low = INT64_MAX, high = INT64_MIN;
    bool seconds = true;
    for (uint64_t i = 0; i < tasks_of(n->rows); i++) {
        low = ST_MIN(low, n->low[i]);
        high = ST_MAX(high, n->high[i]);
        seconds &= n->seconds[i];
    }
    if (low > high) low = high = 0;
    if (n->c->phys == ST_CODE) low = 0; /* codes stay codes */
    st_narrow *to = &n->c->narrow;
    *to = (st_narrow){.low = low, .unit = seconds ? SECOND : 1};
    to->bytes = bytes_for(n->c, ((uint64_t)high - (uint64_t)low) / (uint64_t)to->unit);
    if (!to->bytes) return;
    size_t bytes = (size_t)n->rows * to->bytes;
    n->out = st_alloc_raw(a, bytes + PADDING);
    memset((char *)n->out + bytes, 0, PADDING);
    to->data = n->out;
}

/* All but lists. */
static bool is_compared(const st_column *c)
{
    return c->decl && c->data && !c->list && (c->phys == ST_I32 || c->phys == ST_I64 || c->phys == ST_CODE);
}

static uint32_t count_columns(const st_data *data)
{
    uint32_t n = 0;
    for (uint32_t t = 0; t < data->program->ntables; t++)
        for (uint32_t c = 0; c < data->program->tables[t]->ncols; c++)
            n += is_compared(&data->tables[t].columns[c]);
    return n;
}

void st_narrow_columns(st_arena *a, st_data *data, uint32_t threads)
{
    st_env *env = st_arena_env(a);
    st_arena *own = st_arena_new(env);
    narrow_job job = {.columns = st_new_n(own, narrow_column, count_columns(data) + 1)};
    uint64_t tasks = 0;
    for (uint32_t t = 0; t < data->program->ntables; t++)
        for (uint32_t c = 0; c < data->program->tables[t]->ncols; c++) {
            st_data_table *table = &data->tables[t];
            if (!is_compared(&table->columns[c]) || !table->rows) continue;
            narrow_column *n = &job.columns[job.n++];
            *n = (narrow_column){.c = &table->columns[c], .rows = table->rows, .first_task = tasks};
            n->low = st_new_n(own, int64_t, tasks_of(n->rows));
            n->high = st_new_n(own, int64_t, tasks_of(n->rows));
            n->seconds = st_new_n(own, bool, tasks_of(n->rows));
            tasks += tasks_of(n->rows);
        }
    st_parallel(env, threads, tasks, find_range, &job);
    for (uint32_t i = 0; i < job.n; i++) choose_width(a, &job.columns[i]);
    /* the tasks of columns that stay as they are have nothing to do */
    uint32_t kept = 0;
    tasks = 0;
    for (uint32_t i = 0; i < job.n; i++) {
        if (!job.columns[i].out) continue;
        job.columns[kept] = job.columns[i];
        job.columns[kept].first_task = tasks;
        tasks += tasks_of(job.columns[kept++].rows);
    }
    job.n = kept;
    st_parallel(env, threads, tasks, copy_rows, &job);
    for (uint32_t i = 0; i < job.n; i++) job.columns[i].c->data = NULL;
    st_arena_free(own);
}
