/* Rule text from anyone: through scanner, parser, checker and, where it is a rule set, all the way down to code. */
#include "strata/strata.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void emit_all(const strata_rules *rules)
{
    static const char *const floors[] = {"tokens", "ast", "program", "ir", "plan", "bytecode"};
    for (size_t i = 0; i < sizeof floors / sizeof *floors; i++) {
        char *text;
        strata_error error;
        strata_rules_emit(rules, floors[i], &text, &error);
        strata_free(rules, text);
    }
}

/* The second evaluator searches exhaustively: only tests of few rows, from short texts, are run. */
enum { SHORT = 3000 };

static void run_tests(const strata_rules *rules)
{
    strata_tests *tests;
    strata_error error;
    bool passed;
    if (strata_tests_new(rules, true, &tests, &error) != STRATA_OK) return;
    for (size_t i = 0; i < strata_rules_test_count(rules); i++) {
        if (strata_tests_run(tests, i, &passed, &error) == STRATA_INTERNAL) abort();
        for (size_t k = 0; k < strata_tests_failure_count(tests, i); k++)
            if (strata_tests_failure(tests, i, k).kind == STRATA_FAILURE_DEFECT) abort();
    }
    strata_tests_free(tests);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    strata_rules *rules;
    strata_error error;
    if (strata_rules_new(NULL, &rules, &error) != STRATA_OK) return 0;
    if (strata_rules_add_text(rules, "fuzz.seg", (const char *)data, size, &error) == STRATA_OK) {
        strata_status status = strata_rules_compile(rules, &error);
        if (status == STRATA_INTERNAL) abort();
        /* Errors are explained, and what was explained is an error. */
        if ((status == STRATA_BAD_RULES) != (strata_rules_diagnostic_count(rules) > 0) &&
            status != STRATA_OK && status != STRATA_NO_MEMORY)
            abort();
        for (int format = STRATA_DIAGNOSTICS_TEXT; format <= STRATA_DIAGNOSTICS_JSON; format++) {
            char *text;
            strata_rules_diagnostics(rules, (strata_diagnostic_format)format, &text, &error);
            strata_free(rules, text);
        }
        for (size_t i = 0; i < strata_rules_diagnostic_count(rules); i++) {
            strata_diagnostic d = strata_rules_diagnostic(rules, i);
            if (d.file && (d.line == 0 || d.end_line < d.line)) abort();
        }
        emit_all(rules);
        if (size <= SHORT) run_tests(rules);
    }
    strata_rules_free(rules);
    return 0;
}
