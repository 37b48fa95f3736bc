/* The example shop: customers, their orders, and of the last weeks what they did on the web and what was sent to them, as Arrow
 * streams. The same numbers give the same rows. Orders and events come in order of time, as a shop writes them; what was sent
 * week by week. */
#ifndef STRATA_CLI_GENERATE_RETAIL_H
#define STRATA_CLI_GENERATE_RETAIL_H

#include "strata/strata.h"

#define GEN_MOST_CUSTOMERS 10000000u
#define GEN_MOST_ORDERS 100000000u

typedef struct gen_shop {
    uint64_t seed;
    uint32_t customers;
    double orders_per_customer; /* on average */
} gen_shop;

enum { GEN_TABLES = 4 };
extern const char *const gen_tables[GEN_TABLES]; /* "customers", "orders", "events", "sends" */

/* 0, or an errno. */
int gen_stream(const gen_shop *shop, int table, struct ArrowArrayStream *stream);

#endif
