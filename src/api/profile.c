/* What a run cost: the machine's figures with names to them. */
#include "api/result.h"

static strata_step step_of(const st_bc *code, const st_bc_step *s, const st_vm_cost *cost)
{
    strata_step step = {.work = st_bc_step_names[s->kind],
                        .rows = cost->rows,
                        .seconds = cost->seconds,
                        .view_seconds = cost->in_views};
    for (uint32_t k = 0; k < ST_COST_KINDS; k++) step.kind_seconds[k] = cost->kinds[k];
    if (s->kind == ST_STEP_SETUP) return step;
    step.table = code->schema->tables[st_bc_table_of(code, s->domain)]->name;
    if (ST_BC_IS_VIEW(s->domain))
        step.by = code->schema->tables[st_bc_entity_of(code, ST_BC_VIEW_ID(s->domain))]->name;
    return step;
}

_Static_assert((int)ST_COST_KINDS == (int)STRATA_COST_KINDS && (int)ST_COST_STORE == (int)STRATA_COST_STORE,
               "the machine's kinds of cost and the public ones are the same");

static void add_costs(strata_result *r, const st_program *schema, const st_vm_served *served)
{
    for (uint32_t i = 0; i <= schema->ndefs; i++)
        if (served[i].own > 0 || served[i].shared > 0)
            *(strata_cost *)st_push(r->arena, &r->costs) = (strata_cost){
                i < schema->ndefs ? schema->defs[i]->name : NULL, served[i].own, served[i].shared};
}

void st_api_profile(strata_result *r, const st_bc *code, const st_vm_result *vm)
{
    for (uint32_t i = 0; i < code->steps.n; i++)
        *(strata_step *)st_push(r->arena, &r->steps) = step_of(code, &code->steps.p[i], &vm->costs[i]);
    add_costs(r, code->schema, vm->served);
}

size_t strata_result_step_count(const strata_result *result)
{
    return result->steps.n;
}

strata_step strata_result_step(const strata_result *result, size_t i)
{
    return result->steps.p[i];
}

size_t strata_result_cost_count(const strata_result *result)
{
    return result->costs.n;
}

strata_cost strata_result_cost(const strata_result *result, size_t i)
{
    return result->costs.p[i];
}
