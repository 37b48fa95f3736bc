/* Promises of a run: what the machine found about each, judged. */
#include "api/previous.h"
#include "api/result.h"

#include "promise/promise.h"

/* The run is about it. */
static bool is_asked(const strata_run_options *o, const st_promise *p)
{
    bool named = !p->left_out && !o->definitions;
    for (size_t i = 0; i < o->ndefinitions && p->subject && !p->left_out && !named; i++)
        named = strcmp(o->definitions[i], p->subject->name) == 0;
    return named;
}

static void find_previous(const strata_previous *previous, const st_promise *p, st_found *f)
{
    const st_previous_set *set =
        previous && p->subject ? st_previous_find(previous, p->subject, p->label) : NULL;
    f->has_previous = set != NULL;
    if (set) f->previous = set->size;
    f->no_previous = previous ? "the previous output does not have it" : "no previous output is given";
}

static strata_verdict_kind outcome_of(const st_promise *p, const st_verdict *v)
{
    if (v->outcome == ST_BROKEN) return p->warn_only ? STRATA_WARNED : STRATA_BROKEN;
    return v->outcome == ST_KEPT ? STRATA_KEPT : STRATA_NOT_MEASURED;
}

void st_api_promises(strata_result *r, const st_bc *code, const st_vm_result *vm, const st_zone *zone,
                     int64_t as_of, const strata_run_options *o)
{
    st_found found;
    for (uint32_t i = 0; i < code->schema->npromises; i++) {
        const st_promise *p = &code->schema->promises[i];
        if (!is_asked(o, p) || !st_find(code, vm, r->data, p, &found)) continue;
        find_previous(o->previous, p, &found);
        st_verdict v = st_judge(r->arena, p, &found, zone, as_of);
        *(strata_verdict *)st_push(r->arena, &r->verdicts) = (strata_verdict){
            p->text, p->file, p->line, outcome_of(p, &v), v.measured, v.value, v.low, v.high};
    }
}

size_t strata_result_verdict_count(const strata_result *result)
{
    return result->verdicts.n;
}

strata_verdict strata_result_verdict(const strata_result *result, size_t i)
{
    return result->verdicts.p[i];
}
