/* The definitions that others are made of, by their structs. */
#include "sema/check.h"

static void need(const st_need_visit *v, st_def *d)
{
    if (d) v->visit(v->context, d);
}

static void need_part(void *context, const st_def *whole, st_def *part, st_part_role role)
{
    (void)whole;
    (void)role;
    need(context, part);
}

void st_visit_needs(const st_def *d, const st_need_visit *v)
{
    for (uint32_t i = 0; i < d->nuses; i++) need(v, d->uses[i]);
    need(v, d->among);
    if (d->overlay) need(v, d->overlay->on);
    for (uint32_t i = 0; d->overlay && i < d->overlay->ndims; i++) need(v, d->overlay->dims[i]);
    for (uint32_t i = 0; d->campaign && i < d->campaign->n; i++) need(v, d->campaign->treatments[i]);
    if (d->treatment) need(v, d->treatment->campaign);
    st_visit_parts_of(d, &(st_part_visit){need_part, (void *)(uintptr_t)v});
}

void st_visit_promised(const st_promise *p, const st_need_visit *v)
{
    st_def *const all[] = {p->subject, p->part, p->all, p->measure};
    for (size_t i = 0; i < ST_COUNT(all); i++) need(v, all[i]);
}
