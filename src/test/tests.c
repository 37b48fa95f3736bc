/* The library's face for tests: which there are, runs of them, and what came out. */
#include "test/test.h"

typedef struct outcome {
    ST_VEC(strata_failure) failures;
} outcome;

struct strata_tests {
    st_env env;
    st_arena *arena;
    const strata_rules *rules;
    outcome *outcomes; /* by test */
    st_conditions conditions;
    /* in hand while a test runs: given back whatever happens */
    st_env scratch;
    strata_result *result;
};

/* ---- which there are ---- */

size_t strata_rules_test_count(const strata_rules *rules)
{
    return rules->program ? rules->program->ntests : 0;
}

static st_place place_of(const strata_rules *rules, st_span span, const char **file)
{
    *file = rules->sources.files.p[span.file].name;
    return st_place_of(&rules->sources, span.file, span.start);
}

strata_test strata_rules_test(const strata_rules *rules, size_t i)
{
    const st_test *t = rules->program->tests[i];
    strata_test out = {.name = t->title};
    st_place place = place_of(rules, t->span, &out.file);
    out.line = place.line;
    out.column = place.column;
    return out;
}

/* ---- life ---- */

strata_status strata_tests_new(const strata_rules *rules, bool coverage, strata_tests **tests,
                               strata_error *error)
{
    *tests = NULL;
    if (!rules->schema)
        return st_api_refuse(error, STRATA_BAD_RULES,
                             "Tests cannot be run: the rule set is not compiled, or has errors.");
    if (!rules->program)
        return st_api_refuse(
            error, STRATA_BAD_INPUT,
            "The rule set was read in its compiled form, which holds no tests. Run those of its text.");
    st_env env;
    st_env_child(&env, &rules->env);
    strata_tests *t = st_api_allocate(&env.alloc, sizeof *t);
    if (!t) return st_api_refuse(error, STRATA_NO_MEMORY, "There is not enough memory.");
    t->env = env;
    t->rules = rules;
    st_env_child(&t->scratch, &rules->env);
    bool ok;
    ST_GUARD(&t->env, ok, {
        t->arena = st_arena_new(&t->env);
        t->outcomes = st_new_n(t->arena, outcome, rules->program->ntests + 1);
        if (coverage) st_find_conditions(t->arena, rules->program, &t->conditions);
    });
    strata_status status = st_api_end(&t->env, ok, error);
    if (ok)
        *tests = t;
    else
        strata_tests_free(t);
    return status;
}

void strata_tests_free(strata_tests *tests)
{
    if (!tests) return;
    st_env_close(&tests->scratch);
    st_env_close(&tests->env);
    strata_allocator alloc = tests->env.alloc;
    st_api_release(&alloc, tests);
}

/* ---- a run ---- */

static void add_failure(strata_tests *k, size_t test, st_span span, strata_failure f)
{
    st_place place = place_of(k->rules, span, &f.file);
    f.line = place.line;
    f.column = place.column;
    *(strata_failure *)st_push(k->arena, &k->outcomes[test].failures) = f;
}

static void judge(strata_tests *k, st_arena *a, size_t i, const st_claim *claim, st_oracle *oracle)
{
    const st_program *p = k->rules->program;
    st_answer machine = st_answer_of_machine(a, k->result, claim);
    st_answer other = st_answer_of_oracle(a, oracle, claim);
    strata_failure f = {.kind = STRATA_FAILURE_EXPECTATION};
    if (!st_same_answer(&machine, &other)) {
        f.kind = STRATA_FAILURE_DEFECT;
        f.text =
            st_format(k->arena,
                      "Strata is wrong here, not the rules: of %s %s, its machine says %s and its second "
                      "evaluator %s. Please "
                      "report this.",
                      claim->def->name, st_str_dup(a, claim->key).p,
                      st_answer_text(a, p->zone, claim, &machine), st_answer_text(a, p->zone, claim, &other));
    } else if (!st_claim_holds(p->zone, claim, &machine)) {
        st_explain(k->arena, p, claim, &machine, &f);
    } else {
        return;
    }
    add_failure(k, i, claim->span, f);
}

/* Failures that are the test's own; others end the run. */
static bool is_of_rules(strata_status status)
{
    return status == STRATA_BAD_INPUT || status == STRATA_BAD_DATA || status == STRATA_BAD_RULES;
}

static void run_test(strata_tests *k, st_arena *a, size_t i)
{
    const st_program *program = k->rules->program;
    const st_test *t = program->tests[i];
    const st_data *data = st_test_data(a, program, t);
    strata_error error;
    strata_status status = st_test_run(a, k->rules, t, data, &k->result, &error);
    if (status != STRATA_OK && !is_of_rules(status)) st_fail(st_arena_env(a), status, "%s", error.message);
    if (status != STRATA_OK) {
        const char *text = st_format(k->arena, "The rules cannot be run so: %s", error.message);
        add_failure(k, i, t->span, (strata_failure){.kind = STRATA_FAILURE_RUN, .text = text});
        return;
    }
    st_oracle *oracle = st_oracle_new(a, program, data, t->as_of);
    for (uint32_t c = 0; c < t->claims.n; c++) judge(k, a, i, &t->claims.p[c], oracle);
    st_see_conditions(a, oracle, t, data, &k->conditions);
}

/* The test's own memory is given back when it is done. */
static void run_apart(strata_tests *k, size_t i)
{
    bool ok;
    ST_GUARD(&k->scratch, ok, run_test(k, st_arena_new(&k->scratch), i));
    if (!ok) st_fail(&k->env, k->scratch.error.status, "%s", k->scratch.error.message);
}

strata_status strata_tests_run(strata_tests *tests, size_t test, bool *passed, strata_error *error)
{
    bool ok;
    *passed = false;
    tests->outcomes[test].failures.n = 0;
    ST_GUARD(&tests->env, ok, run_apart(tests, test));
    strata_result_free(tests->result);
    tests->result = NULL;
    st_env_close(&tests->scratch);
    tests->scratch.guard = NULL; /* where memory of the outcome ran out, the inner guard was passed over */
    if (ok) *passed = tests->outcomes[test].failures.n == 0;
    return st_api_end(&tests->env, ok, error);
}

/* ---- what came out ---- */

size_t strata_tests_failure_count(const strata_tests *tests, size_t test)
{
    return tests->outcomes[test].failures.n;
}

strata_failure strata_tests_failure(const strata_tests *tests, size_t test, size_t i)
{
    return tests->outcomes[test].failures.p[i];
}

size_t strata_tests_condition_count(const strata_tests *tests)
{
    return tests->conditions.n;
}

strata_condition strata_tests_condition(const strata_tests *tests, size_t i)
{
    const st_condition *c = &tests->conditions.p[i];
    strata_condition out = {
        .definition = c->def->name, .text = c->text, .seen_true = c->seen_true, .seen_false = c->seen_false};
    st_place place = place_of(tests->rules, c->span, &out.file);
    out.line = place.line;
    out.column = place.column;
    return out;
}
