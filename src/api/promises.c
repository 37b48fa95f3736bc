/* Promises of a run: what the machine found about each, judged. */
#include "api/previous.h"
#include "api/result.h"

#include "promise/promise.h"

typedef struct promises {
    strata_result *r;
    const st_bc *code;
    const st_vm_result *vm;
    const strata_run_options *o;
} promises;

static const st_vm_slot *slot_of(const promises *q, const st_def *d)
{
    return d ? &q->vm->slots[st_bc_promised(q->code, d)->slot] : NULL;
}

/* The program has all that the promise is measured by, and the run is about it. */
static bool is_asked(const promises *q, const st_promise *p)
{
    const st_def *parts[] = {p->part, p->all, p->measure};
    bool named = !q->o->definitions;
    for (size_t i = 0; i < q->o->ndefinitions && p->subject && !named; i++)
        named = strcmp(q->o->definitions[i], p->subject->name) == 0;
    for (size_t i = 0; i < ST_COUNT(parts); i++)
        named = named && (!parts[i] || st_bc_promised(q->code, parts[i]));
    return named && q->code->population[p->table->index] != ST_BC_NONE;
}

static void find_previous(const promises *q, const st_promise *p, st_found *f)
{
    const strata_previous *previous = q->o->previous;
    const st_previous_set *set =
        previous && p->subject ? st_previous_find(previous, p->subject, p->label) : NULL;
    f->has_previous = set != NULL;
    if (set) f->previous = set->size;
    f->no_previous = previous ? "the previous output does not have it" : "no previous output is given";
}

static st_verdict judge(const promises *q, const st_promise *p, const st_zone *zone, int64_t as_of)
{
    st_found f = {.rows = q->r->data->tables[p->table->index].rows,
                  .population = q->vm->slots[q->code->population[p->table->index]].data,
                  .part = p->part ? slot_of(q, p->part)->data : NULL,
                  .all = p->all ? slot_of(q, p->all)->data : NULL,
                  .measure = slot_of(q, p->measure)};
    if (p->measure) {
        const st_bc_output *out = st_bc_promised(q->code, p->measure);
        f.type = out->type;
        if (out->known != ST_BC_NONE) f.known = q->vm->slots[out->known].data;
    }
    find_previous(q, p, &f);
    return st_judge(q->r->arena, p, &f, zone, as_of);
}

void st_api_promises(strata_result *r, const st_bc *code, const st_vm_result *vm, const st_zone *zone,
                     int64_t as_of, const strata_run_options *o)
{
    promises q = {r, code, vm, o};
    for (uint32_t i = 0; i < code->schema->npromises; i++) {
        const st_promise *p = &code->schema->promises[i];
        if (!is_asked(&q, p)) continue;
        st_verdict v = judge(&q, p, zone, as_of);
        strata_verdict_kind broken = p->warn_only ? STRATA_WARNED : STRATA_BROKEN;
        *(strata_verdict *)st_push(r->arena, &r->verdicts) =
            (strata_verdict){.promise = p->text,
                             .file = p->file,
                             .line = p->line,
                             .outcome = v.outcome == ST_KEPT     ? STRATA_KEPT
                                        : v.outcome == ST_BROKEN ? broken
                                                                 : STRATA_NOT_MEASURED,
                             .measured = v.measured,
                             .value = v.value,
                             .low = v.low,
                             .high = v.high};
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
