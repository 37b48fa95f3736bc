/* Data: Arrow streams bound to the tables of a rule set. */
#include "api/api.h"

#include "base/threads.h"

strata_status strata_data_new(const strata_rules *rules, uint32_t threads, strata_data **data,
                              strata_error *error)
{
    *data = NULL;
    if (!rules->schema)
        return st_api_refuse(error, STRATA_BAD_RULES,
                             "Data cannot be bound: the rule set is not compiled, or has errors.");
    st_env env;
    st_env_child(&env, &rules->env);
    strata_data *d = st_api_allocate(&env.alloc, sizeof *d);
    if (!d) return st_api_refuse(error, STRATA_NO_MEMORY, "There is not enough memory.");
    d->env = env;
    d->rules = rules;
    bool ok;
    ST_GUARD(&d->env, ok, {
        d->arena = st_arena_new(&d->env);
        d->threads = threads ? threads : st_cpu_count();
        d->binder = st_binder_new(d->arena, rules->schema, d->threads);
    });
    strata_status status = st_api_end(&d->env, ok, error);
    if (ok)
        *data = d;
    else
        strata_data_free(d);
    return status;
}

void strata_data_free(strata_data *data)
{
    if (!data) return;
    st_binder_free(data->binder);
    st_mappings_free(&data->mappings);
    st_env_close(&data->env);
    strata_allocator alloc = data->env.alloc;
    st_api_release(&alloc, data);
}

static const st_table *find_table(const st_program *schema, const char *name)
{
    for (uint32_t i = 0; i < schema->ntables; i++)
        if (!schema->tables[i]->derived && strcmp(schema->tables[i]->name, name) == 0)
            return schema->tables[i];
    return NULL;
}

/* Why data cannot be added any more, or NULL. */
static const char *closed(const strata_data *data)
{
    if (data->bound) return "The data are complete: nothing can be added.";
    if (data->failed) return "Data that were refused cannot be mended: begin again with new data.";
    return NULL;
}

strata_status strata_data_bind(strata_data *data, const char *table, struct ArrowArrayStream *stream,
                               const char *origin, strata_error *error)
{
    const char *why = closed(data);
    const st_table *t = find_table(data->rules->schema, table);
    if (why || !t) {
        stream->release(stream);
        if (why) return st_api_refuse(error, STRATA_BAD_INPUT, "%s", why);
        return st_api_refuse(error, STRATA_BAD_INPUT, "The rule set has no table %s.", table);
    }
    bool ok;
    ST_GUARD(&data->env, ok, st_bind_stream(data->binder, t, stream, origin));
    data->failed = !ok;
    return st_api_end(&data->env, ok, error);
}

strata_status strata_data_finish(strata_data *data, strata_error *error)
{
    const char *why = closed(data);
    if (why) return st_api_refuse(error, STRATA_BAD_INPUT, "%s", why);
    bool ok;
    ST_GUARD(&data->env, ok, data->bound = st_bind_finish(data->binder));
    data->failed = !ok;
    return st_api_end(&data->env, ok, error);
}

strata_status strata_data_map(strata_data *data, const char *dir, strata_error *error)
{
    const char *why = closed(data);
    if (why) return st_api_refuse(error, STRATA_BAD_INPUT, "%s", why);
    bool ok;
    ST_GUARD(&data->env, ok,
             data->bound =
                 st_snapshot_load(data->arena, data->rules->schema, st_dup(data->arena, dir, strlen(dir)),
                                  data->threads, &data->mappings));
    data->failed = !ok;
    return st_api_end(&data->env, ok, error);
}

int64_t strata_data_rows(const strata_data *data, const char *table)
{
    const st_table *t = find_table(data->rules->schema, table);
    if (!t || !data->bound || !data->bound->tables[t->index].bound) return -1;
    return (int64_t)data->bound->tables[t->index].rows;
}
