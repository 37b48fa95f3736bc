/* What the two evaluators say of a claim's row. */
#include "test/test.h"

#include <math.h>

/* ---- the machine ---- */

/* A definition as a run answers it for a test: treatments that nothing asks for are none, nothing is sent, and a list, which is no
 * output, is a segment. NULL: as it is. */
static st_def *disguise(st_arena *a, const st_def *d, bool asked)
{
    bool changes = d->treatment || d->audience || d->campaign || d->kind == ST_DEF_LIST;
    if (!changes) return NULL;
    st_def *other = st_new(a, st_def);
    *other = *d;
    other->audience = NULL;
    if (d->kind == ST_DEF_LIST) other->kind = ST_DEF_SEGMENT;
    if (!asked) {
        other->treatment = NULL;
        other->campaign = NULL;
    } else if (d->treatment) {
        other->treatment = st_new(a, st_treatment);
        *other->treatment = *d->treatment;
        other->treatment->nsends = 0;
    }
    return other;
}

/* The rules with what a test asks for alone; promises are about real data. */
static const strata_rules *rules_for(st_arena *a, const strata_rules *rules, const st_test *test)
{
    strata_rules *alone = st_new(a, strata_rules);
    st_program *p = st_new(a, st_program);
    *p = *rules->program;
    p->npromises = 0;
    p->defs = st_new_n(a, st_def *, (size_t)p->ndefs + 1);
    bool *asked = st_new_n(a, bool, (size_t)p->ndefs + 1);
    for (uint32_t i = 0; i < test->ndefs; i++) asked[test->defs[i]->index] = true;
    for (uint32_t i = 0; i < p->ndefs; i++) {
        st_def *own = rules->program->defs[i], *other = disguise(a, own, asked[i]);
        p->defs[i] = other ? other : own;
    }
    *alone = *rules;
    alone->program = alone->schema = p;
    return alone;
}

strata_status st_test_run(st_arena *a, const strata_rules *rules, const st_test *test, const st_data *data,
                          strata_result **result, strata_error *error)
{
    const char **names = st_new_n(a, const char *, test->claims.n + 1);
    strata_data bound = {.rules = rules_for(a, rules, test), .bound = data};
    strata_run_options o = {
        .as_of = {STRATA_INSTANT, test->as_of}, .threads = 1, .definitions = names, .traits = true};
    for (uint32_t i = 0; i < test->claims.n; i++) {
        const st_def *d = test->claims.p[i].def;
        if (d->treatment)
            o.treatments = true;
        else
            names[o.ndefinitions++] = d->name;
    }
    st_env_child(&bound.env, &rules->env);
    return strata_run(&bound, &o, result, error);
}

static st_bc_field field_of(const st_claim *claim)
{
    return claim->ask == ST_ASK_FIELD ? (st_bc_field)(ST_OUT_R + claim->field - ST_RFM_R) : ST_OUT_VALUE;
}

/* Of a definition's own value as it is when the rules are compiled: a logistic has its digits by then. */
static st_type type_of(const st_claim *claim)
{
    return claim->ask == ST_ASK_OWN && !claim->def->treatment ? claim->def->type : claim->type;
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
    else if (type.base == ST_T_DECIMAL || type.base == ST_T_DISTANCE)
        v.as.d = i;
    else
        v.as.i = i;
    return v;
}

/* What a treatment does with somebody, as a claim asks it. */
static st_answer answer_of_treatment(st_arena *a, const st_claim *claim, bool member, strata_outcome outcome,
                                     uint32_t which)
{
    const st_treatment *t = claim->def->treatment;
    bool treated = member && outcome == STRATA_TREATED;
    const char *reason = member ? st_api_reason(a, t, outcome, which) : "not in its target";
    st_answer answer = {.present = true, .value.type = claim->type, .reason = reason};
    const char *text = claim->ask == ST_ASK_CHANNEL ? (treated ? t->channels[which].name : NULL)
                       : member                     ? reason
                                                    : NULL;
    if (claim->ask == ST_ASK_OWN) {
        answer.value.type = (st_type){.base = ST_T_BOOL};
        answer.value.as.b = treated;
    } else {
        answer.value.missing = !text;
        if (text) answer.value.as.s = st_str_of(text);
    }
    return answer;
}

static st_answer treated_by_machine(st_arena *a, const strata_result *result, const st_claim *claim)
{
    for (uint32_t i = 0; i < result->ntreated; i++) {
        const st_treated *t = &result->treated[i];
        if (t->def->index != claim->def->index) continue;
        for (uint32_t k = 0; k < t->n; k++)
            if ((uint64_t)t->rows[k] == claim->row)
                return answer_of_treatment(a, claim, true, (strata_outcome)t->outcome[k], t->which[k]);
    }
    return answer_of_treatment(a, claim, false, STRATA_TREATED, 0);
}

st_answer st_answer_of_machine(st_arena *a, const strata_result *result, const st_claim *claim)
{
    if (claim->def->treatment) return treated_by_machine(a, result, claim);
    for (uint32_t i = 0; i < result->entities.n; i++) {
        const st_api_entity *e = &result->entities.p[i];
        if (e->table->decl->index != claim->def->of->index) continue;
        for (uint32_t k = 0; k < e->columns.n; k++) {
            const st_api_column *c = &e->columns.p[k];
            if (c->def->index != claim->def->index || c->field != field_of(claim)) continue;
            if (!st_bit(e->population, claim->row)) return (st_answer){.present = false};
            return (st_answer){true, value_at(c, claim->row, type_of(claim)), NULL};
        }
    }
    st_fail(st_arena_env(a), STRATA_INTERNAL, "the run gave no answer for %s", claim->def->name);
}

/* ---- the oracle ---- */

st_answer st_answer_of_oracle(st_arena *a, st_oracle *o, const st_claim *claim)
{
    const st_def *d = claim->def;
    if (d->treatment) {
        const st_oracle_got *got = &st_oracle_treat(o, d)[claim->row];
        return answer_of_treatment(a, claim, got->is_member, got->outcome, got->which);
    }
    if (!st_oracle_present(o, d->of, claim->row)) return (st_answer){.present = false};
    st_value v = claim->ask == ST_ASK_OWN    ? st_oracle_def(o, d, claim->row)
                 : d->kind == ST_DEF_OVERLAY ? st_oracle_cell(o, d, claim->row)
                                             : st_oracle_rfm(o, d, claim->field, claim->row);
    v.type = type_of(claim);
    return (st_answer){true, v, NULL};
}

/* ---- both ---- */

bool st_same_answer(const st_answer *a, const st_answer *b)
{
    if (a->present != b->present) return false;
    if ((a->reason == NULL) != (b->reason == NULL) || (a->reason && strcmp(a->reason, b->reason) != 0))
        return false;
    if (!a->present || (a->value.missing && b->value.missing)) return true;
    if (a->value.missing != b->value.missing) return false;
    /* A logistic value is said with nine digits, on which every exp() agrees. */
    bool logistic = a->value.type.base == ST_T_FLOAT && a->value.type.scale;
    if (logistic) return fabs(a->value.as.f - b->value.as.f) < 1e-9;
    return st_oracle_compare(&a->value, &b->value) == 0;
}
