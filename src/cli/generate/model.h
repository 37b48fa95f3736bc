/* What an example is made of, as a description: tables, their columns, and what happens to a row as time goes by. Rows are made
 * from it one by one, each a pure function of its address, so that a table is never in memory as a whole and the same
 * description, seed and instant give the same bytes. Times are days, a double, counted from the midnight that begins the day of
 * the as-of instant: -1.5 is noon two days before.
 *
 * A row has a life, from its beginning to the day on which it goes quiet, told to nobody. Rows of a table that belongs to
 * another one (its `owner`) happen within the life of their owner. */
#ifndef STRATA_CLI_GENERATE_MODEL_H
#define STRATA_CLI_GENERATE_MODEL_H

#include "base/calendar.h"
#include "strata/strata.h"

/* A value that a column may have. The factor is what the word does to others that go `by` its column; 0 stands for 1. */
typedef struct gen_word {
    const char *text; /* NULL: missing */
    double weight, factor;
} gen_word;

/* How the values of a column come about. Letters are fields of gen_column. */
typedef enum gen_how {
    GEN_KEY,    /* the number of the row: with a text column behind the prefix `of`, else from a on */
    GEN_OWNER,  /* the key of the owner */
    GEN_LINK,   /* the key of some row of table `of`, the first ones more often */
    GEN_TIME,   /* when the row began */
    GEN_RECENT, /* a time of its life: about b days before the as-of, or before it went quiet */
    GEN_LATER, /* a days and about b more (spread c) behind column `of`, or its beginning; missing while it lies ahead */
    GEN_PLANNED, /* likewise, and may lie ahead */
    GEN_WITHIN,  /* any day from a to b */
    GEN_BIRTH,   /* a day of birth */
    GEN_WORD,    /* one of the words; a: the share of rows that have the favourite of their owner */
    GEN_WHAT,    /* the word of what happened (gen_happening) */
    GEN_TAGS,    /* a list: each word with its weight as the chance */
    GEN_FLAG,    /* true with chance a */
    GEN_AMOUNT, /* about a, lognormal with spread b; spread c between owners; within low and high where low < high */
    GEN_BELL,   /* from low to high, most of them near a, with deviation b; c is added where life is over */
    GEN_EVEN,   /* any number from low to high */
    GEN_NUMBER, /* the factor of one of the words, spread b around it */
    GEN_EMAIL,
    GEN_PHONE,
    GEN_PERSON,
    GEN_DIGITS,   /* a text of a digits */
    GEN_NUMBERED, /* the prefix `of` and a number up to b; a: the share of the owner's favourite */
    GEN_PLACED, /* a word, or where it is a number its factor and some c around it: the same place throughout a row */
} gen_how;

/* Unlisted fields of a column are 0. A column that is hidden is not written; others go by it. */
typedef struct gen_column {
    const char *name;
    const char *
        type; /* Arrow's letters, as st_out_field knows them: "u" "l" "d:12,2" "g" "b" "tdD" "tsu:UTC" "+l" */
    gen_how how;
    const char *of;
    double a, b, c, low, high;
    double missing; /* share of rows without a value */
    const gen_word *words;
    uint32_t nwords;
    const char *
        by; /* a column of words, of this row or one that it belongs to: its factor multiplies a (LATER, PLANNED: b) */
    bool hidden;
} gen_column;

/* Something that happens to the rows of the owner, each time a row of this table. */
typedef struct gen_happening {
    const char *what;   /* the word of a GEN_WHAT column */
    double chance;      /* of a row of the owner to see it at all; 0: 1 */
    double rate;        /* how often in 30 days of life, on average */
    double times;       /* or how often in all, on average and at least once */
    double shape;       /* of the gamma distribution of rate or times: small is skewed; 0: all alike */
    double first, last; /* within these days of the owner's beginning; last 0: all its life */
    const char *after;  /* only behind the first time that this happened */
    const char *
        by; /* a column of words of the owner, or of what that belongs to: multiplies the rate, else the chance */
} gen_happening;

typedef struct gen_table {
    const char *name;
    const char *owner; /* NULL: none */
    double share, least,
        most; /* without owner: rows for each customer asked for, and how many there are at least, at most */
    double span, stay; /* without owner: began within so many days; stays so many on average */
    double weekend;    /* with owner: the share of owners to whom all happens from Friday to Sunday */
    const gen_column *columns;
    uint32_t ncolumns;
    const gen_happening *happenings;
    uint32_t nhappenings;
} gen_table;

typedef struct gen_model {
    const gen_table *tables;
    uint32_t ntables;
    const st_zone *zone;
    int64_t day;    /* of the as-of instant */
    double horizon; /* the part of that day which has passed */
    uint64_t seed;
    uint64_t customers;
} gen_model;

#define GEN_MOST_CUSTOMERS 10000000u

/* The rows of a table; `model` must outlive the stream. Memory comes from malloc. 0, or an errno. */
int gen_table_stream(const gen_model *model, uint32_t table, struct ArrowArrayStream *stream);

#endif
