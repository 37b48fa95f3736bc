/* A case's answers by the oracle: the checked program over data in memory. */
#include "conformance.h"

#include "oracle/oracle.h"
#include "table/bind.h"

static const struct {
    const char *suffix;
    st_rfm_field field;
} rfm_fields[] = {
    {"r", ST_RFM_R},
    {"f", ST_RFM_F},
    {"m", ST_RFM_M},
    {"recency", ST_RFM_RECENCY},
    {"frequency", ST_RFM_FREQUENCY},
    {"monetary", ST_RFM_MONETARY},
    {"cell", ST_RFM_CELL},
};

ct_cell ct_cell_of(const st_value *v)
{
    ct_cell c = {0};
    if (v->missing) return c;
    switch (v->type.base) {
    case ST_T_BOOL: c.kind = CT_BOOL, c.b = v->as.b; break;
    case ST_T_INT: c.kind = CT_NUMBER, c.number = v->as.i; break;
    case ST_T_FLOAT: c.kind = CT_FLOAT, c.f = v->as.f; break;
    case ST_T_STRING: c.kind = CT_TEXT, c.text = v->as.s; break;
    case ST_T_DATE: c.kind = CT_DATE, c.time = v->as.i; break;
    case ST_T_TIMESTAMP: c.kind = CT_INSTANT, c.time = v->as.i; break;
    case ST_T_LABEL: c.kind = CT_TEXT, c.text = st_str_of(v->type.labels->names[v->as.i]); break;
    case ST_T_DECIMAL:
    case ST_T_DISTANCE: c.kind = CT_NUMBER, c.number = v->as.d, c.scale = v->type.scale; break;
    case ST_T_DURATION: break; /* no definition is one */
    }
    return c;
}

static const st_data *bind(st_arena *a, const ct_case *c, const st_program *program)
{
    st_binder *b = st_binder_new(a, program, 1);
    for (uint32_t i = 0; i < program->ntables; i++) {
        const st_table *t = program->tables[i];
        for (uint32_t k = 0; k < c->tables.n && st_table_needed(program, t); k++) {
            if (strcmp(c->tables.p[k].name, t->name) == 0) {
                struct ArrowArrayStream s = ct_stream(a, &c->tables.p[k]);
                st_bind_stream(b, t, &s, NULL);
            }
        }
    }
    const st_data *data = st_bind_finish(b);
    st_binder_free(b);
    return data;
}

static int64_t instant_of(st_arena *a, const ct_case *c, const st_program *program)
{
    st_str text = st_str_of(c->as_of);
    int64_t day, instant;
    if (st_parse_date(text, &day)) return st_start_of_day(program->zone, day);
    if (st_parse_timestamp(text, program->zone, &instant)) return instant;
    st_fail(st_arena_env(a), STRATA_BAD_INPUT, "as of %s: no instant", c->as_of);
}

typedef struct asker {
    st_arena *arena;
    const st_data *data;
    st_oracle *oracle;
    ct_answers *out;
} asker;

static void answer(asker *k, const st_def *d, const char *name, const st_rfm_field *field)
{
    const st_data_table *t = &k->data->tables[d->of->index];
    ct_answer *to = st_push(k->arena, &k->out->items);
    to->name = name;
    to->keys = st_new_n(k->arena, const char *, t->rows);
    to->cells = st_new_n(k->arena, ct_cell, t->rows);
    for (uint64_t row = 0; row < t->rows; row++) {
        char digits[24];
        if (!st_oracle_present(k->oracle, d->of, row)) continue;
        st_value v = !field                      ? st_oracle_def(k->oracle, d, row)
                     : d->kind == ST_DEF_OVERLAY ? st_oracle_cell(k->oracle, d, row)
                                                 : st_oracle_rfm(k->oracle, d, *field, row);
        st_str key = st_row_key(t, row, digits);
        to->keys[to->n] = st_dup(k->arena, key.p, key.n);
        to->cells[to->n++] = ct_cell_of(&v);
    }
}

static bool gives(const st_def *d, st_rfm_field field)
{
    static const int part[] = {0, 1, 2, 0, 1, 2};
    return field == ST_RFM_CELL || d->rfm->has[part[field]];
}

void ct_ask_oracle(st_arena *a, const ct_case *c, const st_program *program, ct_answers *out)
{
    const st_data *data = bind(a, c, program);
    asker k = {a, data, st_oracle_new(a, program, data, instant_of(a, c, program)), out};
    for (uint32_t i = 0; i < program->ndefs; i++) {
        const st_def *d = program->defs[i];
        if (d->hidden || !d->of || d->kind == ST_DEF_ROWS || d->treatment || d->campaign || d->audience)
            continue;
        static const st_rfm_field cell = ST_RFM_CELL;
        bool labelled = d->rfm ? d->rfm->has_tiers : !d->overlay || d->overlay->has_actions;
        if (labelled) answer(&k, d, d->name, NULL);
        if (d->overlay) answer(&k, d, st_format(a, "%s.cell", d->name), &cell);
        for (size_t f = 0; d->kind == ST_DEF_RFM && f < ST_COUNT(rfm_fields); f++) {
            if (gives(d, rfm_fields[f].field))
                answer(&k, d, st_format(a, "%s.%s", d->name, rfm_fields[f].suffix), &rfm_fields[f].field);
        }
    }
    ct_treat_oracle(a, k.oracle, program, data, out);
    ct_promises_oracle(a, k.oracle, program, c, out);
}
