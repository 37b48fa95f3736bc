/* Tests of a rule set: their rows become data by the ordinary binding, their expectations are asked of the machine, by an
 * ordinary run, and of the oracle. What the parts of this share. */
#ifndef STRATA_TEST_TEST_H
#define STRATA_TEST_TEST_H

#include "api/result.h"
#include "oracle/oracle.h"

/* ---- rows.c ---- */
/* The rows of a test, bound: rows of a table in the order they are written, with the columns that its definitions read. */
const st_data *st_test_data(st_arena *a, const st_program *program, const st_test *test);

/* ---- answer.c ---- */
/* What an evaluator says of a claim's row. */
typedef struct st_answer {
    bool present; /* the row is in the population; else there is no value */
    st_value value;
    const char *reason; /* of treatments: why it is not given; NULL: it is */
} st_answer;
/* A run that gives what the claims ask for. The caller frees it. */
strata_status st_test_run(st_arena *a, const strata_rules *rules, const st_test *test, const st_data *data,
                          strata_result **result, strata_error *error);
st_answer st_answer_of_machine(st_arena *a, const strata_result *result, const st_claim *claim);
st_answer st_answer_of_oracle(st_arena *a, st_oracle *o, const st_claim *claim);
bool st_same_answer(const st_answer *a, const st_answer *b);

/* ---- judge.c ---- */
bool st_claim_holds(const st_zone *zone, const st_claim *claim, const st_answer *answer);
/* Fills expected, found and text. */
void st_explain(st_arena *a, const st_program *program, const st_claim *claim, const st_answer *answer,
                strata_failure *out);
const char *st_answer_text(st_arena *a, const st_zone *zone, const st_claim *claim, const st_answer *answer);

/* ---- coverage.c ---- */
typedef struct st_condition {
    const st_def *def;
    const st_expr *expr;
    const char *text;
    st_span span;
    bool seen_true, seen_false;
} st_condition;
typedef ST_VEC(st_condition) st_conditions;
/* The conditions of segments, tiers and actions, as `and`, `or`, `not` and `at least` join them. */
void st_find_conditions(st_arena *a, const st_program *program, st_conditions *out);
/* Notes what each condition of the definitions that a test asks for is on its rows. */
void st_see_conditions(st_arena *a, st_oracle *o, const st_test *test, const st_data *data,
                       st_conditions *conditions);

#endif
