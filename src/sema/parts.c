/* Which definitions treatments and audiences are made of. */
#include "sema/program.h"

static void part(const st_part_visit *v, const st_def *whole, st_def *d, st_part_role role)
{
    if (d) v->visit(v->context, whole, d, role);
}

static void sends(const st_part_visit *v, const st_def *whole, const st_send *s, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) part(v, whole, s[i].value, ST_PART_VALUE);
}

static void treatment(const st_part_visit *v, const st_def *d)
{
    const st_treatment *t = d->treatment;
    part(v, d, t->target, ST_PART_WHO);
    part(v, d, t->active, ST_PART_WHEN);
    if (t->campaign) part(v, d, t->campaign->campaign->active, ST_PART_WHEN);
    for (uint32_t i = 0; i < t->nexclusions; i++) part(v, d, t->exclusions[i]->who, ST_PART_WHO);
    for (uint32_t i = 0; i < t->nholdouts; i++) part(v, d, t->holdouts[i], ST_PART_WHO);
    part(v, d, t->control, ST_PART_WHO);
    for (uint32_t i = 0; i < t->nchannels; i++) {
        part(v, d, t->channels[i].consent, ST_PART_WHO);
        part(v, d, t->channels[i].open, ST_PART_WHO);
        part(v, d, t->channels[i].over, ST_PART_WHO);
    }
    part(v, d, t->again, ST_PART_WHO);
    part(v, d, t->one_per, ST_PART_VALUE);
    part(v, d, t->one_per_rank, ST_PART_RANK);
    part(v, d, t->at_most_rank, ST_PART_RANK);
    part(v, d, t->order_by, ST_PART_RANK);
    sends(v, d, t->sends, t->nsends);
}

void st_visit_parts_of(const st_def *d, const st_part_visit *v)
{
    if (d->treatment) treatment(v, d);
    if (!d->audience) return;
    part(v, d, d->audience->from, ST_PART_WHO);
    sends(v, d, d->audience->sends, d->audience->nsends);
}

void st_visit_parts(const st_program *p, const st_part_visit *v)
{
    for (uint32_t i = 0; i < p->ndefs; i++)
        if (!p->defs[i]->left_out) st_visit_parts_of(p->defs[i], v);
}

bool st_has_treatments(const st_program *p)
{
    for (uint32_t i = 0; i < p->ndefs; i++)
        if (!p->defs[i]->left_out && (p->defs[i]->treatment || p->defs[i]->audience)) return true;
    return false;
}
