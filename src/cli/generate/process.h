/* A crowd of customers to each of whom something happens again and again, at a rate of his own, from a first day until he
 * drops out; told day by day. Memory is a few words a customer, however much happens. */
#ifndef STRATA_CLI_GENERATE_PROCESS_H
#define STRATA_CLI_GENERATE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

enum { GEN_DAYS = 1096 }; /* 2023-11-01 to 2026-10-31 */
#define GEN_FIRST_DAY 19662

typedef struct gen_event {
    double time; /* days since the first */
    uint32_t customer;
    uint32_t number; /* 0, 1, … within the customer */
} gen_event;

/* What a process needs to know of a customer. */
typedef struct gen_course {
    double begin, end; /* days since the first */
    double rate;       /* events a day, before the season's factor; 0: none */
} gen_course;

typedef struct gen_process gen_process;

/* course(context, customer) is asked once for each customer. NULL when memory runs out. */
gen_process *gen_process_new(uint64_t seed, uint32_t purpose, uint32_t customers,
                             gen_course (*course)(const void *context, uint32_t customer),
                             const void *context);
void gen_process_free(gen_process *p);
/* The events of the next day, in order of customers' turns, not of time; *n 0 on a quiet day. They stay until the next call.
 * False when memory runs out. */
bool gen_process_day(gen_process *p, const gen_event **events, uint32_t *n);

/* The month of a day, January 0; months of equal length, near enough for a season. */
int gen_month(int day);

#endif
