/* What the two evaluators say of a claim's row. */
#include "test/test.h"

#include <math.h>

/* ---- the machine ---- */

/* The rules without their promises, which are about real data. */
static const strata_rules *without_promises(st_arena *a, const strata_rules *rules)
{
    strata_rules *alone = st_new(a, strata_rules);
    st_program *program = st_new(a, st_program);
    *program = *rules->program;
    program->npromises = 0;
    *alone = *rules;
    alone->program = alone->schema = program;
    return alone;
}

strata_status st_test_run(st_arena *a, const strata_rules *rules, const st_test *test, const st_data *data,
                          strata_result **result, strata_error *error)
{
    const char **names = st_new_n(a, const char *, test->claims.n + 1);
    strata_data bound = {.rules = without_promises(a, rules), .bound = data};
    strata_run_options o = {.as_of = {STRATA_INSTANT, test->as_of},
                            .threads = 1,
                            .definitions = names,
                            .ndefinitions = test->claims.n,
                            .traits = true};
    for (uint32_t i = 0; i < test->claims.n; i++) names[i] = test->claims.p[i].def->name;
    st_env_child(&bound.env, &rules->env);
    return strata_run(&bound, &o, result, error);
}

static st_bc_field field_of(const st_claim *claim)
{
    return claim->is_field ? (st_bc_field)(ST_OUT_R + claim->field - ST_RFM_R) : ST_OUT_VALUE;
}

/* Of a definition's own value as it is when the rules are compiled: a logistic has its digits by then. */
static st_type type_of(const st_claim *claim)
{
    return claim->is_field ? claim->type : claim->def->type;
}

static st_value value_at(const st_api_column *c, uint64_t row, st_type type)
{
    st_value v = {.type = type, .missing = !st_api_known(c, row)};
    if (v.missing) return v;
    switch (c->lies) {
    case ST_BC_BOOL: v.as.b = st_bit(c->data, row); return v;
    case ST_BC_I128: v.as.d = ((const st_i128 *)c->data)[row]; return v;
    case ST_BC_F64: v.as.f = ((const double *)c->data)[row]; return v;
    case ST_BC_TEXT: v.as.s = st_dict_get(c->dict, ((const uint32_t *)c->data)[row]); return v;
    default: break;
    }
    int64_t i = ((const int64_t *)c->data)[row];
    if (type.base == ST_T_STRING) /* a cell is a label there */
        v.as.s = st_str_of(c->labels->names[i]);
    else if (type.base == ST_T_DECIMAL)
        v.as.d = i;
    else
        v.as.i = i;
    return v;
}

st_answer st_answer_of_machine(st_arena *a, const strata_result *result, const st_claim *claim)
{
    for (uint32_t i = 0; i < result->entities.n; i++) {
        const st_api_entity *e = &result->entities.p[i];
        if (e->table->decl->index != claim->def->of->index) continue;
        for (uint32_t k = 0; k < e->columns.n; k++) {
            const st_api_column *c = &e->columns.p[k];
            if (c->def != claim->def || c->field != field_of(claim)) continue;
            if (!st_bit(e->population, claim->row)) return (st_answer){.present = false};
            return (st_answer){true, value_at(c, claim->row, type_of(claim))};
        }
    }
    st_fail(st_arena_env(a), STRATA_INTERNAL, "the run gave no answer for %s", claim->def->name);
}

/* ---- the oracle ---- */

st_answer st_answer_of_oracle(st_oracle *o, const st_claim *claim)
{
    const st_def *d = claim->def;
    if (!st_oracle_present(o, d->of, claim->row)) return (st_answer){.present = false};
    st_value v = !claim->is_field            ? st_oracle_def(o, d, claim->row)
                 : d->kind == ST_DEF_OVERLAY ? st_oracle_cell(o, d, claim->row)
                                             : st_oracle_rfm(o, d, claim->field, claim->row);
    v.type = type_of(claim);
    return (st_answer){true, v};
}

/* ---- both ---- */

bool st_same_answer(const st_answer *a, const st_answer *b)
{
    if (a->present != b->present) return false;
    if (!a->present || (a->value.missing && b->value.missing)) return true;
    if (a->value.missing != b->value.missing) return false;
    /* A logistic value is said with nine digits, on which every exp() agrees. */
    bool logistic = a->value.type.base == ST_T_FLOAT && a->value.type.scale;
    if (logistic) return fabs(a->value.as.f - b->value.as.f) < 1e-9;
    return st_oracle_compare(&a->value, &b->value) == 0;
}
