/* A case as test blocks of the language: its rows and what it expects written into the rule set, and run as `strata test` runs
 * them. A second block holds every expectation turned around; all of those have to fail. What a test cannot say (a time with
 * parts of a second, a number that has to be rounded, more rows than a test may have) is left out, and where that is a row
 * the whole case. */
#include "conformance.h"

typedef struct writer {
    st_arena *arena;
    const ct_case *c;
    const st_program *program;
    st_buf rows, claims, turned;
    uint32_t nclaims, nturned;
    bool unfit; /* the case cannot be said */
} writer;

/* ---- values ---- */

static bool is_plain_number(const char *text, uint32_t scale)
{
    size_t i = text[0] == '-', digits = strspn(text + i, "0123456789");
    if (!digits || digits > 38) return false;
    i += digits;
    if (!text[i]) return true;
    if (text[i++] != '.') return false;
    size_t behind = strspn(text + i, "0123456789");
    return behind && behind <= scale && behind + digits <= 38 && !text[i + behind];
}

static bool put_quoted(st_arena *a, st_buf *out, const char *text)
{
    st_buf_puts(a, out, "\"");
    for (const char *p = text; *p; p++) {
        if ((unsigned char)*p < 0x20 && *p != '\n') return false;
        if (*p == '\n')
            st_buf_puts(a, out, "\\n");
        else
            st_buf_printf(a, out, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
    }
    st_buf_puts(a, out, "\"");
    return true;
}

/* On the clock of the zone, where that names the same instant. */
static bool put_instant(const writer *w, st_buf *out, int64_t instant)
{
    const st_zone *zone = w->program->zone;
    int64_t local = st_local_of_instant(zone, instant);
    if (st_instant_of_local(zone, local) != instant || local % 1000000) return false;
    char text[ST_TIME_TEXT];
    st_format_instant(zone, instant, text);
    st_buf_printf(w->arena, out, "%.19s", text);
    return true;
}

static bool put_time(const writer *w, st_buf *out, const char *text, bool day_only)
{
    int64_t day, instant;
    char shown[ST_TIME_TEXT];
    if (!st_parse_date(st_str_of(text), &day)) {
        if (!st_parse_timestamp(st_str_of(text), w->program->zone, &instant)) return false;
        if (!day_only) return put_instant(w, out, instant);
        day = st_day_of_instant(w->program->zone, instant);
    }
    st_format_date(day, shown);
    st_buf_puts(w->arena, out, shown);
    return true;
}

static bool put_bool(const writer *w, st_buf *out, const char *text)
{
    static const char *const yes[] = {"true", "yes", "1"}, *const no[] = {"false", "no", "0"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, yes[i]) != 0 && strcmp(text, no[i]) != 0) continue;
        st_buf_puts(w->arena, out, strcmp(text, yes[i]) == 0 ? "true" : "false");
        return true;
    }
    return false;
}

/* The text of a file as a value of a rule; false: it cannot be written so. */
static bool put_value(const writer *w, st_buf *out, const char *text, st_type type)
{
    switch (type.base) {
    case ST_T_STRING: return put_quoted(w->arena, out, text);
    case ST_T_BOOL: return put_bool(w, out, text);
    case ST_T_DATE:
    case ST_T_TIMESTAMP: return put_time(w, out, text, type.base == ST_T_DATE);
    default:
        if (!is_plain_number(text, type.base == ST_T_FLOAT ? 20 : type.scale)) return false;
        st_buf_puts(w->arena, out, text);
        return true;
    }
}

static bool put_list(const writer *w, st_buf *out, const char *text, st_type type)
{
    st_buf_puts(w->arena, out, "(");
    for (bool first = true; *text; first = false) {
        size_t n = strcspn(text, ";");
        const char *item = st_dup(w->arena, text, n);
        if (!n || item[0] == ' ' || item[n - 1] == ' ') return false;
        if (!first) st_buf_puts(w->arena, out, ", ");
        if (!put_value(w, out, item, type)) return false;
        text += n + (text[n] == ';');
        if (text[0] == '\0' && text[-1] == ';') return false;
    }
    st_buf_puts(w->arena, out, ")");
    return true;
}

/* ---- rows ---- */

static const st_col *column_named(const st_table *t, const char *name)
{
    for (uint32_t i = 0; i < t->ncols; i++)
        if (strcmp(t->cols[i].name, name) == 0) return &t->cols[i];
    return NULL;
}

static void write_row(writer *w, const st_table *t, const ct_sheet *sheet, uint64_t row)
{
    st_buf *out = &w->rows;
    uint32_t given = 0;
    st_buf_printf(w->arena, out, "  `%s` {", t->name);
    for (uint32_t k = 0; k < ct_sheet_columns(sheet); k++) {
        const char *name = ct_sheet_column(sheet, k), *text = ct_sheet_value(w->arena, sheet, k, row);
        const st_col *col = column_named(t, name);
        bool text_type = col && col->type.base == ST_T_STRING;
        if (!col || !text || (!text_type && strspn(text, " ") == strlen(text))) continue;
        st_buf_printf(w->arena, out, "%s `%s` ", given++ ? "," : "", name);
        bool good = col->type.list ? put_list(w, out, text, col->type) : put_value(w, out, text, col->type);
        if (!good) w->unfit = true;
    }
    st_buf_puts(w->arena, out, " }\n");
    if (!given) w->unfit = true; /* a row without any value */
}

static const ct_table *find_table(const ct_case *c, const char *name)
{
    for (uint32_t i = 0; i < c->tables.n; i++)
        if (strcmp(c->tables.p[i].name, name) == 0) return &c->tables.p[i];
    return NULL;
}

static void write_rows(writer *w)
{
    enum { MOST = 1000 };
    uint64_t n = 0;
    for (uint32_t i = 0; i < w->program->ntables; i++) {
        const st_table *t = w->program->tables[i];
        const ct_table *its = t->derived ? NULL : find_table(w->c, t->name);
        if (!its) continue;
        const ct_sheet *sheet = ct_read_sheet(w->arena, its);
        n += ct_sheet_rows(sheet);
        for (uint64_t row = 0; row < ct_sheet_rows(sheet) && n <= MOST && !w->unfit; row++)
            write_row(w, t, sheet, row);
    }
    if (n > MOST) w->unfit = true;
}

/* ---- what is expected ---- */

static const st_def *definition_named(const st_program *p, const char *name, const char **field)
{
    const char *dot = strchr(name, '.');
    size_t n = dot ? (size_t)(dot - name) : strlen(name);
    *field = dot ? dot + 1 : NULL;
    for (uint32_t i = 0; i < p->ndefs; i++) {
        const st_def *d = p->defs[i];
        if (!d->hidden && strlen(d->name) == n && memcmp(d->name, name, n) == 0) return d;
    }
    return NULL;
}

static bool has_members(const st_def *d)
{
    return d->kind == ST_DEF_SEGMENT || d->kind == ST_DEF_HOLDOUT;
}

static const char *reference(st_arena *a, const st_def *d, const char *field)
{
    return field ? st_format(a, "`%s`.%s", d->name, field) : st_format(a, "`%s`", d->name);
}

/* turned NULL: it cannot be turned around in one word. */
static void claim(writer *w, const char *key, const char *text, const char *turned)
{
    st_buf_printf(w->arena, &w->claims, "  expect %s %s\n", key, text);
    w->nclaims++;
    if (!turned) return;
    st_buf_printf(w->arena, &w->turned, "  expect %s %s\n", key, turned);
    w->nturned++;
}

static void claim_value(writer *w, const char *key, const st_def *d, const char *field, const ct_want *want)
{
    st_arena *a = w->arena;
    const char *ref = reference(a, d, field);
    if (!want || (!want->quoted && strcmp(want->value, "missing") == 0)) {
        claim(w, key, st_format(a, "%s is missing", ref), NULL);
        return;
    }
    st_type type = d->type;
    st_buf value = {0};
    const char *text = want->value;
    if (field) type.base = strcmp(field, "cell") == 0 ? ST_T_STRING : ST_T_DECIMAL, type.scale = 20;
    if (type.base == ST_T_LABEL)
        st_buf_printf(a, &value, "`%s`", text);
    else if (type.base == ST_T_FLOAT) {
        bool digits = text[0] == '~';
        if (!is_plain_number(text + digits, 20)) return;
        st_buf_puts(a, &value, text + digits);
    } else {
        if (type.base != ST_T_STRING) type.scale = 20;
        if (!put_value(w, &value, text, type)) return;
        if (type.base == ST_T_DISTANCE) st_buf_puts(a, &value, " km");
    }
    const char *v = st_buf_text(a, &value);
    claim(w, key, st_format(a, "%s = %s", ref, v), st_format(a, "%s != %s", ref, v));
}

/* "email#3", or why not: "held out by control" */
static void claim_treatment(writer *w, const char *key, const st_def *d, const ct_want *want)
{
    st_arena *a = w->arena;
    const char *name = d->name;
    if (!want) {
        claim(w, key, st_format(a, "not in `%s`, `%s`.reason is missing", name, name),
              st_format(a, "in `%s`", name));
        return;
    }
    const char *order = strchr(want->value, '#'), *by = strstr(want->value, " by ");
    if (order) {
        const char *channel = st_dup(a, want->value, (size_t)(order - want->value));
        claim(w, key, st_format(a, "in `%s`, `%s`.channel = \"%s\"", name, name, channel),
              st_format(a, "not in `%s`", name));
        return;
    }
    const char *reason = by ? st_dup(a, want->value, (size_t)(by - want->value)) : want->value;
    claim(w, key, st_format(a, "not in `%s`, `%s`.reason = \"%s\"", name, name, reason),
          st_format(a, "in `%s`", name));
}

static void write_answers(writer *w, const ct_expect *e)
{
    const char *field;
    const st_def *d = definition_named(w->program, e->name, &field);
    const ct_table *its = d && d->of ? find_table(w->c, d->of->name) : NULL;
    if (!its || !d->of->key || (d->treatment && field) || d->audience) return;
    const ct_sheet *sheet = ct_read_sheet(w->arena, its);
    const ct_wants wants = ct_read_wants(w->arena, e->text);
    uint32_t k = 0;
    while (k < ct_sheet_columns(sheet) && strcmp(ct_sheet_column(sheet, k), d->of->key->name) != 0) k++;
    for (uint64_t row = 0; row < ct_sheet_rows(sheet); row++) {
        const char *text = ct_sheet_value(w->arena, sheet, k, row);
        const ct_want *want = ct_find_want(&wants, text);
        st_buf key = {0};
        if (!put_value(w, &key, text, d->of->key->type)) continue;
        const char *in = st_format(w->arena, "in `%s`", d->name),
                   *out = st_format(w->arena, "not in `%s`", d->name);
        if (d->treatment)
            claim_treatment(w, st_buf_text(w->arena, &key), d, want);
        else if (has_members(d))
            claim(w, st_buf_text(w->arena, &key), want ? in : out, want ? out : in);
        else
            claim_value(w, st_buf_text(w->arena, &key), d, field, want);
    }
}

static bool put_as_of(const writer *w, st_buf *out)
{
    return put_time(w, out, w->c->as_of, false);
}

static const char *write_tests(writer *w)
{
    st_buf out = {0}, as_of = {0};
    st_arena *a = w->arena;
    write_rows(w);
    for (uint32_t i = 0; i < w->c->expects.n; i++)
        if (w->c->expects.p[i].kind == CT_ANSWERS) write_answers(w, &w->c->expects.p[i]);
    if (w->unfit || !w->nclaims || !put_as_of(w, &as_of)) return NULL;
    const char *rows = w->rows.n ? st_buf_text(a, &w->rows) : "", *when = st_buf_text(a, &as_of);
    st_buf_printf(a, &out, "test \"as expected\" as of %s {\n%s%s}\n", when, rows,
                  st_buf_text(a, &w->claims));
    if (w->nturned)
        st_buf_printf(a, &out, "test \"turned around\" as of %s {\n%s%s}\n", when, rows,
                      st_buf_text(a, &w->turned));
    return st_buf_text(a, &out);
}

/* ---- the library ---- */

static bool compile(const ct_case *c, const char *tests, strata_rules *rules, strata_error *e)
{
    bool good = !c->preamble || strata_rules_add_text(rules, "preamble.seg", c->preamble, strlen(c->preamble),
                                                      e) == STRATA_OK;
    good = good && strata_rules_add_text(rules, "case.seg", c->source, strlen(c->source), e) == STRATA_OK &&
           strata_rules_add_text(rules, "tests.seg", tests, strlen(tests), e) == STRATA_OK;
    for (uint32_t i = 0; i < c->lists.n && good; i++)
        good = strata_rules_add_list(rules, c->lists.p[i].name, c->lists.p[i].value,
                                     strlen(c->lists.p[i].value), e) == STRATA_OK;
    for (uint32_t i = 0; i < c->sets.n && good; i++)
        good = strata_rules_set(rules, c->sets.p[i].name, c->sets.p[i].value, e) == STRATA_OK;
    return good && strata_rules_compile(rules, e) == STRATA_OK;
}

static const char *first_error(st_arena *a, const strata_rules *rules, const strata_error *e)
{
    for (size_t i = 0; i < strata_rules_diagnostic_count(rules); i++) {
        strata_diagnostic d = strata_rules_diagnostic(rules, i);
        if (d.severity == STRATA_ERROR)
            return st_format(a, "%s:%u:%u: %s %s", d.file, d.line, d.column, d.text, d.help);
    }
    return st_dup(a, e->message, strlen(e->message));
}

static void run(const writer *w, strata_rules *rules, strata_tests *tests, st_buf *out)
{
    strata_error e;
    for (size_t i = 0; i < strata_rules_test_count(rules); i++) {
        bool passed;
        if (strata_tests_run(tests, i, &passed, &e) != STRATA_OK) {
            st_buf_printf(w->arena, out, "    %s\n", e.message);
            return;
        }
        size_t n = strata_tests_failure_count(tests, i);
        for (size_t k = 0; k < n; k++) {
            strata_failure f = strata_tests_failure(tests, i, k);
            if (i == 0 || f.kind != STRATA_FAILURE_EXPECTATION)
                st_buf_printf(w->arena, out, "    tests.seg:%u: %s\n", f.line, f.text);
        }
        if (i == 1 && n != w->nturned)
            st_buf_printf(w->arena, out, "    %zu of %u expectations that were turned around failed\n", n,
                          w->nturned);
    }
}

bool ct_run_blocks(st_arena *a, const ct_case *c, const st_program *program, st_buf *out)
{
    writer w = {.arena = a, .c = c, .program = program};
    if (c->fails) return false;
    const char *text = write_tests(&w);
    if (!text) return false;
    strata_rules *rules = NULL;
    strata_tests *tests = NULL;
    strata_error e = {0};
    if (strata_rules_new(NULL, &rules, &e) != STRATA_OK || !compile(c, text, rules, &e) ||
        strata_tests_new(rules, true, &tests, &e) != STRATA_OK)
        st_buf_printf(a, out, "    %s\n", first_error(a, rules, &e));
    else
        run(&w, rules, tests, out);
    if (out->n) st_buf_printf(a, out, "    in these tests:\n%s", text);
    strata_tests_free(tests);
    strata_rules_free(rules);
    return true;
}
