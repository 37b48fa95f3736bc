/* Snapshots: the library's face of src/snapshot. */
#include "api/api.h"

#include "base/threads.h"

struct strata_snapshot {
    st_env env;
    st_arena *arena;
    st_snapshot_maker *maker;
    const st_table *const *order;
    uint32_t ntables;
    strata_table *tables; /* in that order */
    bool closed;          /* finished, or failed */
};

bool strata_is_snapshot(const char *dir)
{
    return st_is_snapshot(dir);
}

static void describe_tables(strata_snapshot *s, const strata_rules *rules)
{
    s->ntables = st_snapshot_tables(s->maker, &s->order);
    s->tables = st_new_n(s->arena, strata_table, s->ntables + 1);
    for (uint32_t i = 0; i < s->ntables; i++)
        for (uint32_t k = 0; k < rules->tables.n; k++) {
            const strata_table *t = &rules->tables.p[k];
            if (strcmp(t->name, s->order[i]->name) != 0) continue;
            strata_column *columns = st_new_n(s->arena, strata_column, t->ncolumns + 1);
            memcpy(columns, t->columns, t->ncolumns * sizeof *columns);
            for (size_t c = 0; c < t->ncolumns; c++) columns[c].needed = true;
            s->tables[i] = (strata_table){t->name, true, t->ncolumns, columns};
        }
}

strata_status strata_snapshot_new(const strata_rules *rules, const char *dir, uint32_t threads,
                                  strata_snapshot **snapshot, strata_error *error)
{
    *snapshot = NULL;
    if (!rules->schema)
        return st_api_refuse(error, STRATA_BAD_RULES,
                             "A snapshot cannot be made: the rule set is not compiled, or has errors.");
    st_env env;
    st_env_child(&env, &rules->env);
    strata_snapshot *s = st_api_allocate(&env.alloc, sizeof *s);
    if (!s) return st_api_refuse(error, STRATA_NO_MEMORY, "There is not enough memory.");
    *s = (strata_snapshot){.env = env};
    bool ok;
    ST_GUARD(&s->env, ok, {
        s->arena = st_arena_new(&s->env);
        s->maker = st_snapshot_begin(s->arena, rules->schema, dir, threads ? threads : st_cpu_count());
    });
    /* a guard of its own: where this fails, the maker still has a folder to remove */
    if (ok) ST_GUARD(&s->env, ok, describe_tables(s, rules));
    strata_status status = st_api_end(&s->env, ok, error);
    if (ok)
        *snapshot = s;
    else
        strata_snapshot_free(s);
    return status;
}

void strata_snapshot_free(strata_snapshot *s)
{
    if (!s) return;
    st_snapshot_drop(s->maker);
    st_env_close(&s->env);
    strata_allocator alloc = s->env.alloc;
    st_api_release(&alloc, s);
}

size_t strata_snapshot_table_count(const strata_snapshot *snapshot)
{
    return snapshot->ntables;
}

strata_table strata_snapshot_table(const strata_snapshot *snapshot, size_t i)
{
    return snapshot->tables[i];
}

static const st_table *find_table(const strata_snapshot *s, const char *name)
{
    for (uint32_t i = 0; i < s->ntables; i++)
        if (strcmp(s->order[i]->name, name) == 0) return s->order[i];
    return NULL;
}

strata_status strata_snapshot_bind(strata_snapshot *s, const char *table, struct ArrowArrayStream *stream,
                                   const char *origin, strata_error *error)
{
    const st_table *t = find_table(s, table);
    if (s->closed || !t) {
        stream->release(stream);
        if (s->closed) return st_api_refuse(error, STRATA_BAD_INPUT, "The snapshot takes nothing more.");
        return st_api_refuse(error, STRATA_BAD_INPUT, "The rule set has no table %s.", table);
    }
    bool ok;
    ST_GUARD(&s->env, ok, st_snapshot_take(s->maker, t, stream, origin));
    if (stream->release) stream->release(stream); /* it failed before it was begun */
    s->closed = !ok;
    return st_api_end(&s->env, ok, error);
}

strata_status strata_snapshot_finish(strata_snapshot *s, strata_error *error)
{
    if (s->closed) return st_api_refuse(error, STRATA_BAD_INPUT, "The snapshot takes nothing more.");
    bool ok;
    s->closed = true;
    ST_GUARD(&s->env, ok, st_snapshot_end(s->maker));
    return st_api_end(&s->env, ok, error);
}
