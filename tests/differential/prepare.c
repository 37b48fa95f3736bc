#include "prepare.h"

#include "stream.h"
#include "table/bind.h"

const st_table *prepared_table(const prepared *p, const char *name)
{
    for (uint32_t i = 0; i < p->program->ntables; i++)
        if (strcmp(p->program->tables[i]->name, name) == 0) return p->program->tables[i];
    return NULL;
}

const st_def *prepared_def(const prepared *p, const char *name)
{
    for (uint32_t i = 0; i < p->program->ndefs; i++)
        if (strcmp(p->program->defs[i]->name, name) == 0) return p->program->defs[i];
    return NULL;
}

static int64_t as_of_instant(st_arena *a, const st_zone *zone, const char *text)
{
    int64_t day, instant;
    if (st_parse_date(st_str_of(text), &day)) return st_start_of_day(zone, day);
    if (!st_parse_timestamp(st_str_of(text), zone, &instant))
        st_fail(st_arena_env(a), STRATA_BAD_INPUT, "'%s' is no as-of instant", text);
    return instant;
}

static const st_data *bind(st_arena *a, const prepared *p, const sample *s, uint32_t batch)
{
    st_binder *b = st_binder_new(a, p->program, 1);
    for (uint32_t i = 0; i < s->tables.n; i++) {
        const st_table *t = prepared_table(p, s->tables.p[i]->name);
        if (!t || !st_table_needed(p->program, t)) continue;
        struct ArrowArrayStream stream;
        sample_stream(s->tables.p[i], batch, &stream);
        st_bind_stream(b, t, &stream, NULL);
    }
    return st_bind_finish(b);
}

prepared *prepare(st_arena *a, const sample *s, uint32_t batch)
{
    prepared *p = st_new(a, prepared);
    const char *rules = sample_rules(a, s);
    st_sources_init(&p->sources, a);
    st_names_init(&p->names, a);
    uint32_t file = st_sources_add(&p->sources, "rules.seg", rules, strlen(rules));
    for (uint32_t i = 0; i < s->lists.n; i++)
        *(st_list_file *)st_push(a, &p->sources.lists) =
            (st_list_file){s->lists.p[i].path, st_str_of(s->lists.p[i].text), NULL};
    st_diags_init(&p->diags, a, &p->sources);
    st_parse parsed = st_parse_file(a, &p->names, &p->sources, file, &p->diags);
    p->program = st_check(a, &p->names, &p->sources, &parsed, 1, NULL, 0, &p->diags);
    if (p->diags.errors) return p;
    p->as_of = as_of_instant(a, p->program->zone, s->as_of);
    p->data = bind(a, p, s, batch);
    return p;
}

const char *value_text(st_arena *a, const st_program *program, const st_value *v)
{
    char text[ST_DECIMAL_TEXT + ST_TIME_TEXT];
    if (v->missing) return "missing";
    switch (v->type.base) {
    case ST_T_BOOL: return v->as.b ? "true" : "false";
    case ST_T_FLOAT: st_double_format(v->as.f, text); break;
    case ST_T_DECIMAL:
    case ST_T_DISTANCE: st_dec_format(v->as.d, v->type.scale, text); break;
    case ST_T_STRING: return st_format(a, "\"%.*s\"", (int)v->as.s.n, v->as.s.p);
    case ST_T_DATE: st_format_date(v->as.i, text); break;
    case ST_T_TIMESTAMP: st_format_instant(program->zone, v->as.i, text); break;
    case ST_T_LABEL:
        if (v->type.labels && v->as.i >= 0 && v->as.i < v->type.labels->n)
            return v->type.labels->names[v->as.i];
        return st_format(a, "label %lld", (long long)v->as.i);
    default: return st_format(a, "%lld", (long long)v->as.i);
    }
    return st_format(a, "%s", text);
}
