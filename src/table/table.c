#include "table/table.h"

#include "base/threads.h"

#include <stdio.h>

st_str st_row_key(const st_data_table *t, uint64_t row, char buf[24])
{
    const st_column *key = &t->columns[t->decl->key->index];
    if (key->phys == ST_CODE) return st_column_text(key, row);
    int n = snprintf(buf, 24, "%lld", (long long)st_column_i64(key, row));
    return (st_str){buf, (uint32_t)n};
}

/* ---- rows of parents that are held back ---- */

enum { ROWS_A_TASK = 1 << 20 };

typedef struct row_check {
    const st_grouped *g;
    uint64_t rows;
    bool *good; /* by task */
} row_check;

static void check_rows(void *ctx, uint64_t task, st_env *env)
{
    (void)env;
    const row_check *j = ctx;
    uint64_t to = ST_MIN(j->rows, (task + 1) * ROWS_A_TASK);
    uint32_t most = 0;
    for (uint64_t r = task * ROWS_A_TASK; r < to; r++) most = ST_MAX(most, (uint32_t)j->g->rows[r] + 1);
    j->good[task] = most <= j->g->parents;
}

static bool are_rows(const st_data_table *t, st_env *env, uint32_t threads)
{
    st_arena *a = st_arena_new(env);
    uint64_t n = (t->rows + ROWS_A_TASK - 1) / ROWS_A_TASK;
    row_check j = {t->grouped, t->rows, st_new_n(a, bool, n + 1)};
    st_parallel(env, threads, n, check_rows, &j);
    bool good = true;
    for (uint64_t i = 0; i < n; i++) good &= j.good[i];
    st_arena_free(a);
    return good;
}

const int32_t *st_grouped_rows(const st_data *data, const st_data_table *t, uint32_t col, st_env *env,
                               uint32_t threads)
{
    st_grouped *g = t->grouped;
    if (!g || !g->rows || g->links[0] != col) return NULL;
    pthread_mutex_lock(&data->kept->lock);
    bool checked = g->checked;
    pthread_mutex_unlock(&data->kept->lock);
    if (checked) return g->rows;
    if (!are_rows(t, env, threads))
        st_fail(
            env, STRATA_BAD_DATA,
            "Column %s of table %s is damaged in the snapshot. Make the snapshot anew with strata snapshot.",
            t->decl->cols[col].name, t->decl->name);
    pthread_mutex_lock(&data->kept->lock);
    g->checked = true;
    pthread_mutex_unlock(&data->kept->lock);
    return g->rows;
}
