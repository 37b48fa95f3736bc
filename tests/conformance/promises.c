/* Promises as answers: "promises" has, for row 1, 2, … of the rule set's promises, "kept, 2 of 10", "broken, no value", "warned, …"
 * or "not measured"; numbers as they are, without the percentage behind them. */
#include "conformance.h"

#include "oracle/oracle.h"

#include <stdlib.h>

static ct_answer *answer_of(st_arena *a, ct_answers *out, uint64_t n)
{
    ct_answer *to = st_push(a, &out->items);
    to->name = "promises";
    to->keys = st_new_n(a, const char *, n + 1);
    to->cells = st_new_n(a, ct_cell, n + 1);
    return to;
}

static void add(st_arena *a, ct_answer *to, const char *outcome, const char *measured)
{
    bool none = strcmp(outcome, "not measured") == 0;
    const char *text = none ? outcome : st_format(a, "%s, %s", outcome, measured);
    to->keys[to->n] = st_format(a, "%llu", (unsigned long long)to->n + 1);
    to->cells[to->n++] = (ct_cell){.kind = CT_TEXT, .text = st_str_of(text)};
}

/* ---- the earlier output, as the oracle's side reads it: cell by cell ---- */

/* Value `column` of a line; values with commas are not written in these cases. */
static const char *value_of(st_arena *a, const char *line, int column)
{
    for (; column > 0 && *line && *line != '\n'; line++) column -= *line == ',';
    return st_dup(a, line, strcspn(line, ",\n"));
}

static int column_of(st_arena *a, const char *header, const char *name)
{
    int columns = 1;
    for (const char *p = header; *p && *p != '\n'; p++) columns += *p == ',';
    for (int i = 0; i < columns; i++)
        if (strcmp(value_of(a, header, i), name) == 0) return i;
    return -1;
}

static const char *next_line(const char *p)
{
    p += strcspn(p, "\n");
    return p + (*p == '\n');
}

/* Of the wide form: who has a value that fits, -1 where nobody has any. */
static int64_t wide_size(st_arena *a, const char *csv, int column, const char *label, bool labels)
{
    int64_t n = 0, known = 0;
    for (const char *p = next_line(csv); *p; p = next_line(p)) {
        const char *v = value_of(a, p, column);
        known += *v != '\0';
        n += labels ? (label ? strcmp(v, label) == 0 : *v != '\0') : strcmp(v, "true") == 0;
    }
    return known ? n : -1;
}

/* Of the long form and of counts: lines of the definition, or the numbers in them. */
static int64_t lines_size(st_arena *a, const char *csv, const char *name, const char *label)
{
    int definition = column_of(a, csv, "definition"), its = column_of(a, csv, "label"),
        customers = column_of(a, csv, "customers");
    int64_t n = 0;
    bool any = false;
    for (const char *p = next_line(csv); *p; p = next_line(p)) {
        if (strcmp(value_of(a, p, definition), name) != 0) continue;
        any = true; /* who had none of its labels has no line, so nobody had those without one */
        if (label && strcmp(value_of(a, p, its), label) != 0) continue;
        n += customers >= 0 ? atoll(value_of(a, p, customers)) : 1;
    }
    return any ? n : -1;
}

static int64_t size_in(st_arena *a, const char *csv, const char *name, const char *label, bool labels)
{
    int column = column_of(a, csv, name);
    if (column_of(a, csv, "definition") >= 0) return lines_size(a, csv, name, label);
    return column < 0 ? -1 : wide_size(a, csv, column, label, labels);
}

static int64_t previous_size(st_arena *a, const ct_case *c, const st_promise *p)
{
    const st_def *d = p->subject;
    int64_t n = -1;
    for (uint32_t i = 0; i < c->previous.n && d; i++) {
        const ct_table *t = &c->previous.p[i];
        if (strcmp(t->name, d->of->name) != 0 && strcmp(t->name, "counts") != 0) continue;
        bool labels = d->labels.n > 0;
        n = size_in(a, t->csv, d->name, p->label, labels);
        if (n < 0 && d->meta.formerly) n = size_in(a, t->csv, d->meta.formerly, p->label, labels);
    }
    return n;
}

/* ---- the engines ---- */

void ct_promises_oracle(st_arena *a, struct st_oracle *o, const st_program *program, const ct_case *c,
                        ct_answers *out)
{
    if (!program->npromises) return;
    ct_answer *to = answer_of(a, out, program->npromises);
    for (uint32_t i = 0; i < program->npromises; i++) {
        const st_promise *p = &program->promises[i];
        st_oracle_verdict v = st_oracle_promise(o, p, previous_size(a, c, p));
        const char *broken = p->warn_only ? "warned" : "broken";
        add(a, to,
            v.outcome == ST_ORACLE_KEPT     ? "kept"
            : v.outcome == ST_ORACLE_BROKEN ? broken
                                            : "not measured",
            v.measured);
    }
}

/* Without the percentage, and without commas between digits. */
static const char *plain(st_arena *a, const char *text)
{
    const char *end = strstr(text, " (");
    size_t n = end ? (size_t)(end - text) : strlen(text);
    st_buf b = {0};
    for (size_t i = 0; i < n; i++)
        if (text[i] != ',' || text[i + 1] == ' ') st_buf_add(a, &b, &text[i], 1);
    return st_buf_text(a, &b);
}

void ct_promises_library(st_arena *a, const strata_result *result, ct_answers *out)
{
    static const char *const words[] = {
        [STRATA_KEPT] = "kept",
        [STRATA_BROKEN] = "broken",
        [STRATA_WARNED] = "warned",
        [STRATA_NOT_MEASURED] = "not measured",
    };
    size_t n = strata_result_verdict_count(result);
    if (!n) return;
    ct_answer *to = answer_of(a, out, n);
    for (size_t i = 0; i < n; i++) {
        strata_verdict v = strata_result_verdict(result, i);
        add(a, to, words[v.outcome], plain(a, v.measured));
    }
}

bool ct_read_previous(st_arena *a, const ct_case *c, const strata_rules *rules, strata_previous **previous,
                      strata_error *e)
{
    *previous = NULL;
    if (!c->previous.n) return true;
    if (strata_previous_new(rules, previous, e) != STRATA_OK) return false;
    for (uint32_t i = 0; i < c->previous.n; i++) {
        const ct_table *t = &c->previous.p[i];
        struct ArrowArrayStream stream = ct_stream(a, t);
        const char *entity = strcmp(t->name, "counts") == 0 ? NULL : t->name;
        if (strata_previous_bind(*previous, entity, &stream, NULL, e) != STRATA_OK) return false;
    }
    return true;
}
