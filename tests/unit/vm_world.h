/* A small world for tests of programs: customers and their orders, made by hand. */
#ifndef STRATA_TESTS_VM_WORLD_H
#define STRATA_TESTS_VM_WORLD_H

#include "vm/vm.h"

enum { CUSTOMERS, ORDERS, TABLES };
enum {
    C_ID,
    C_COUNTRY,
    C_AGE,
    C_RATING,
    C_SPEND,
    C_WEALTH,
    C_BORN,
    C_JOINED,
    C_CONSENT,
    C_TAGS,
    C_FRIEND,
    C_COLS
};
enum { O_ID, O_CUSTOMER, O_AT, O_AMOUNT, O_CATEGORY, O_DAY, O_COLS };

/* One customer, one order; missing values have their own marks. */
#define NO_INT INT64_MIN
#define NO_FLOAT (-1e308)
typedef struct customer {
    const char *id, *country; /* country NULL: missing */
    int64_t age;              /* NO_INT */
    double rating;            /* NO_FLOAT */
    int64_t spend;            /* cents */
    st_i128 wealth;           /* decimal(30,2); 0: missing */
    int64_t born;             /* day; NO_INT */
    int64_t joined;           /* instant */
    int consent;              /* 1, 0, -1: missing */
    const char *tags;         /* separated by blanks; NULL: missing */
    int friend_row;           /* row, or -1 */
} customer;
typedef struct order {
    int64_t id;
    int customer;   /* row, or -1 */
    int64_t at;     /* instant; NO_INT */
    int64_t amount; /* cents; NO_INT */
    const char *category;
} order;

typedef struct world {
    st_env env;
    st_arena *a;
    st_program *schema;
    st_data *data;
} world;

void world_open(world *w);
void world_close(world *w);
void world_customers(world *w, const customer *c, uint64_t n);
void world_orders(world *w, const order *o, uint64_t n);

#endif
