/* Each customer waits in the list of the day on which his next event falls. A day's list is taken, his event told, the one
 * behind it drawn, and he is put into its day. */
#include "cli/generate/process.h"

#include "cli/generate/random.h"

#include <stdlib.h>

#define NOBODY UINT32_MAX

typedef struct waiting {
    double time; /* of the next event */
    float rate, end;
    uint32_t number, next;
} waiting;

struct gen_process {
    uint64_t seed;
    uint32_t purpose;
    waiting *customers;
    uint32_t heads[GEN_DAYS];
    int today;
    gen_event *events;
    uint32_t n, room;
};

int gen_month(int day)
{
    return (10 + (int)(day / 30.4375)) % 12; /* the first day is the first of a November */
}

/* How busy each month is against the mean of the year. */
static const double season[12] = {0.85, 0.85, 0.95, 0.95, 1.0, 0.95, 0.9, 0.85, 0.95, 1.0, 1.35, 1.4};
static const double busiest = 1.4;

/* Moves the customer to his next event and into its day. Candidates come at the rate of the busiest season and are thinned. */
static void wait_for_next(gen_process *p, uint32_t customer)
{
    waiting *w = &p->customers[customer];
    gen_random r = gen_random_at(p->seed, customer, p->purpose, w->number);
    double end = w->end < GEN_DAYS ? (double)w->end : GEN_DAYS;
    for (;;) {
        w->time += gen_exponential(&r, (double)w->rate * busiest);
        if (w->time >= end) return;
        if (gen_chance(&r, season[gen_month((int)w->time)] / busiest)) break;
    }
    int day = (int)w->time;
    w->next = p->heads[day];
    p->heads[day] = customer;
}

gen_process *gen_process_new(uint64_t seed, uint32_t purpose, uint32_t customers,
                             gen_course (*course)(const void *context, uint32_t customer),
                             const void *context)
{
    gen_process *p = calloc(1, sizeof *p);
    if (p) p->customers = calloc((size_t)customers + 1, sizeof *p->customers);
    if (!p || !p->customers) {
        free(p);
        return NULL;
    }
    p->seed = seed;
    p->purpose = purpose;
    for (int d = 0; d < GEN_DAYS; d++) p->heads[d] = NOBODY;
    for (uint32_t i = 0; i < customers; i++) {
        gen_course c = course(context, i);
        if (c.rate <= 0) continue;
        p->customers[i] = (waiting){c.begin, (float)c.rate, (float)c.end, 0, NOBODY};
        wait_for_next(p, i);
    }
    return p;
}

void gen_process_free(gen_process *p)
{
    if (!p) return;
    free(p->customers);
    free(p->events);
    free(p);
}

static bool tell(gen_process *p, gen_event event)
{
    if (p->n == p->room) {
        uint32_t room = p->room ? p->room * 2 : 1024;
        gen_event *more = realloc(p->events, room * sizeof *more);
        if (!more) return false;
        p->events = more;
        p->room = room;
    }
    p->events[p->n++] = event;
    return true;
}

bool gen_process_day(gen_process *p, const gen_event **events, uint32_t *n)
{
    int today = p->today++;
    p->n = 0;
    /* Whose next event is today again comes back into this list. */
    for (uint32_t customer; (customer = p->heads[today]) != NOBODY;) {
        waiting *w = &p->customers[customer];
        p->heads[today] = w->next;
        if (!tell(p, (gen_event){w->time, customer, w->number})) return false;
        w->number++;
        wait_for_next(p, customer);
    }
    *events = p->events;
    *n = p->n;
    return true;
}
