/* Runs the cases of the language (cases/ *.case) against the oracle and against the library, on every instruction set of the
 * machine, with one thread and, after the compiled rules were written and read back, with two; and compiles every example
 * of the reference.
 *
 *   run_conformance [--only PATTERN] [--engine oracle|vm|tests] [--list] FILE.case …
 *   run_conformance --page docs/language.md
 *
 * --only runs the cases whose "file: name" contains PATTERN. The last line says how many passed, failed and were skipped;
 * the exit code is 0 only where none failed.
 *
 * The page. Blocks fenced as ```seg are complete programs. ```seg preamble is the page's own example, and stands before
 * every ```seg part (definitions) and ```seg expressions (each line an expression of a customer). Each has to compile
 * without an error. ```csv PATH is the file of a list, for all blocks behind it. */
#include "conformance.h"

#include "vm/vm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct options {
    const char *only, *page;
    bool oracle, vm, tests, list;
} options;

typedef struct tally {
    unsigned passed, failed, skipped;
    unsigned as_tests; /* of the passed and failed: also written as test blocks */
} tally;

/* What is wrong with a case; empty: nothing. */
typedef struct report {
    st_arena *arena;
    st_buf text;
} report;

ST_PRINTF(2, 3) static void wrong(report *r, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    char *text = st_vformat(r->arena, format, ap);
    va_end(ap);
    st_buf_printf(r->arena, &r->text, "    %s\n", text);
}

/* ---- values as text ---- */

/* Digits with the point, without zeros at the end. */
static const char *number_text(st_arena *a, st_i128 v, unsigned scale)
{
    char digits[64];
    unsigned n = 0;
    bool negative = v < 0;
    st_u128 u = negative ? (st_u128)0 - (st_u128)v : (st_u128)v;
    st_buf b = {0};
    while (u > 0 || n <= scale) {
        digits[n++] = (char)('0' + (int)(u % 10));
        u /= 10;
    }
    if (negative) st_buf_puts(a, &b, "-");
    while (n > scale) st_buf_add(a, &b, &digits[--n], 1);
    unsigned zeros = 0;
    while (zeros < scale && digits[zeros] == '0') zeros++;
    if (zeros < scale) st_buf_puts(a, &b, ".");
    while (n > zeros) st_buf_add(a, &b, &digits[--n], 1);
    return st_dup(a, st_buf_text(a, &b), b.n);
}

const char *ct_cell_text(st_arena *a, const ct_cell *c)
{
    char time[ST_TIME_TEXT];
    switch (c->kind) {
    case CT_MISSING: return "missing";
    case CT_BOOL: return c->b ? "true" : "false";
    case CT_NUMBER: return number_text(a, c->number, c->scale);
    case CT_FLOAT: return st_format(a, "%.17g", c->f);
    case CT_TEXT: return st_format(a, "\"%.*s\"", (int)c->text.n, c->text.p);
    case CT_DATE: st_format_date(c->time, time); return st_dup(a, time, strlen(time));
    case CT_INSTANT:
        st_format_instant(st_zone_load(a, "UTC"), c->time, time);
        return st_dup(a, time, strlen(time));
    }
    return "?";
}

/* An expected number without zeros at its end. */
static const char *trimmed(st_arena *a, const char *text)
{
    char *t = st_dup(a, text, strlen(text));
    size_t n = strlen(t);
    if (strchr(t, '.')) {
        while (n > 0 && t[n - 1] == '0') t[--n] = '\0';
        if (n > 0 && t[n - 1] == '.') t[--n] = '\0';
    }
    return t;
}

static bool same_instant(const st_zone *zone, const char *text, int64_t instant)
{
    int64_t t;
    return st_parse_timestamp(st_str_of(text), zone, &t) && t == instant;
}

static bool same_float(st_arena *a, const char *text, double f)
{
    char *end;
    if (text[0] == '~') return strcmp(text + 1, st_format(a, "%.9f", f)) == 0;
    return strtod(text, &end) == f && *end == '\0';
}

static bool as_expected(st_arena *a, const st_zone *zone, const char *want, bool quoted, const ct_cell *c)
{
    if (quoted) return c->kind == CT_TEXT && st_str_eq(c->text, st_str_of(want));
    switch (c->kind) {
    case CT_MISSING: return strcmp(want, "missing") == 0;
    case CT_TEXT: return strcmp(want, "missing") != 0 && st_str_eq(c->text, st_str_of(want));
    case CT_NUMBER: return strcmp(trimmed(a, want), ct_cell_text(a, c)) == 0;
    case CT_FLOAT: return same_float(a, want, c->f);
    case CT_INSTANT: return same_instant(zone, want, c->time);
    default: return strcmp(want, ct_cell_text(a, c)) == 0;
    }
}

/* ---- expectations ---- */

ct_wants ct_read_wants(st_arena *a, const char *p)
{
    ct_wants all = {0};
    while (*(p += strspn(p, " "))) {
        ct_want w = {0};
        size_t n = strcspn(p, " =");
        w.key = st_dup(a, p, n);
        p += n;
        if (*p == '=' && p[1] == '"') {
            st_buf b = {0};
            for (p += 2; *p && *p != '"'; p++) {
                p += *p == '\\';
                st_buf_add(a, &b, p, 1);
            }
            p += *p == '"';
            w.quoted = true;
            w.value = st_dup(a, st_buf_text(a, &b), b.n);
        } else if (*p == '=') {
            n = strcspn(++p, " ");
            w.value = st_dup(a, p, n);
            p += n;
        }
        *(ct_want *)st_push(a, &all) = w;
    }
    return all;
}

const ct_want *ct_find_want(const ct_wants *all, const char *key)
{
    for (uint32_t i = 0; i < all->n; i++) {
        if (strcmp(all->p[i].key, key) == 0) return &all->p[i];
    }
    return NULL;
}

static void compare_answer(report *r, const st_zone *zone, const ct_expect *e, const ct_answer *got)
{
    ct_wants all = ct_read_wants(r->arena, e->text);
    bool members = all.n ? !all.p[0].value : got->n == 0 || got->cells[0].kind == CT_BOOL;
    uint64_t found = 0;
    for (uint64_t i = 0; i < got->n; i++) {
        const ct_want *w = ct_find_want(&all, got->keys[i]);
        const ct_cell *c = &got->cells[i];
        found += w != NULL;
        if (members) {
            bool in = c->kind == CT_BOOL && c->b;
            if (in != (w != NULL))
                wrong(r, "%s: %s is %s", e->name, got->keys[i],
                      in ? "in, but should not be" : "not in, but should be");
        } else if (!w) {
            wrong(r, "%s: %s was not expected in the output, and is %s", e->name, got->keys[i],
                  ct_cell_text(r->arena, c));
        } else if (!as_expected(r->arena, zone, w->value, w->quoted, c)) {
            wrong(r, "%s: %s is %s, expected %s", e->name, got->keys[i], ct_cell_text(r->arena, c), w->value);
        }
    }
    for (uint32_t i = 0; i < all.n && found != all.n; i++) {
        uint64_t k = 0;
        while (k < got->n && strcmp(got->keys[k], all.p[i].key) != 0) k++;
        if (k == got->n) wrong(r, "%s: %s is not in the output", e->name, all.p[i].key);
    }
}

/* Members of a segment, or known values; of all rows. */
static void compare_count(report *r, const ct_expect *e, const ct_answer *got)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < got->n; i++)
        n += got->cells[i].kind == CT_BOOL ? got->cells[i].b : got->cells[i].kind != CT_MISSING;
    const char *text = st_format(r->arena, "%llu of %llu", (unsigned long long)n, (unsigned long long)got->n);
    if (strcmp(text, e->text) != 0) wrong(r, "%s: %s, expected %s", e->name, text, e->text);
}

static void compare_sum(report *r, const ct_expect *e, const ct_answer *got)
{
    ct_cell sum = {.kind = CT_NUMBER};
    for (uint64_t i = 0; i < got->n; i++) {
        if (got->cells[i].kind != CT_NUMBER) continue;
        sum.number += got->cells[i].number;
        sum.scale = got->cells[i].scale;
    }
    if (strcmp(ct_cell_text(r->arena, &sum), trimmed(r->arena, e->text)) != 0)
        wrong(r, "%s: the sum is %s, expected %s", e->name, ct_cell_text(r->arena, &sum), e->text);
}

static void compare_answers(report *r, const ct_case *c, const st_program *program, const ct_answers *got)
{
    if (c->fails) {
        if (!got->failure)
            wrong(r, "runs, but should fail with: %s", c->fails);
        else if (!strstr(got->failure, c->fails))
            wrong(r, "fails with: %s; expected: %s", got->failure, c->fails);
        return;
    }
    if (got->failure) {
        wrong(r, "fails: %s", got->failure);
        return;
    }
    for (uint32_t i = 0; i < c->expects.n; i++) {
        const ct_expect *e = &c->expects.p[i];
        uint32_t k = 0;
        if (e->kind > CT_SUM) continue;
        while (k < got->items.n && strcmp(got->items.p[k].name, e->name) != 0) k++;
        if (k == got->items.n)
            wrong(r, "%s: no such output", e->name);
        else if (e->kind == CT_HOW_MANY)
            compare_count(r, e, &got->items.p[k]);
        else if (e->kind == CT_SUM)
            compare_sum(r, e, &got->items.p[k]);
        else
            compare_answer(r, program->zone, e, &got->items.p[k]);
    }
}

/* ---- compiling ---- */

typedef struct compiled {
    st_sources sources;
    st_diags diags;
    const st_program *program;
} compiled;

static void compile(st_arena *a, const char *const *names, const char *const *texts, uint32_t n,
                    const ct_case *c, const ct_lists *lists, compiled *out)
{
    st_names interned;
    st_parse *files = st_new_n(a, st_parse, n);
    st_override *sets = st_new_n(a, st_override, c ? c->sets.n + 1 : 1);
    uint32_t nsets = c ? c->sets.n : 0;
    st_names_init(&interned, a);
    st_sources_init(&out->sources, a);
    st_diags_init(&out->diags, a, &out->sources);
    for (uint32_t i = 0; i < n; i++) st_sources_add(&out->sources, names[i], texts[i], strlen(texts[i]));
    for (uint32_t i = 0; lists && i < lists->n; i++)
        *(st_list_file *)st_push(a, &out->sources.lists) =
            (st_list_file){lists->p[i].name, st_str_of(lists->p[i].value), NULL};
    for (uint32_t i = 0; i < n; i++) files[i] = st_parse_file(a, &interned, &out->sources, i, &out->diags);
    for (uint32_t i = 0; i < nsets; i++) sets[i] = (st_override){c->sets.p[i].name, c->sets.p[i].value};
    out->program = st_check(a, &interned, &out->sources, files, n, sets, nsets, &out->diags);
    st_diags_sort(&out->diags);
}

static void compile_case(st_arena *a, const ct_case *c, compiled *out)
{
    const char *names[] = {"preamble.seg", "case.seg"};
    const char *texts[] = {c->preamble, c->source};
    if (c->preamble)
        compile(a, names, texts, 2, c, &c->lists, out);
    else
        compile(a, names + 1, texts + 1, 1, c, &c->lists, out);
}

static bool earns(const compiled *k, const st_diag *d, const ct_message *m)
{
    st_place at = st_place_of(&k->sources, d->span.file, d->span.start);
    const st_message *known = &st_messages[d->code];
    bool named =
        strcmp(m->what, "?") == 0 || strcmp(m->what, known->name) == 0 || strcmp(m->what, known->code) == 0;
    if (!named || d->severity != m->severity) return false;
    return m->line == 0 || (strcmp(k->sources.files.p[d->span.file].name, "case.seg") == 0 &&
                            at.line == m->line && at.column == m->column);
}

static void compare_messages(report *r, const ct_case *c, const compiled *k)
{
    bool about_errors = false;
    for (uint32_t i = 0; i < c->messages.n; i++) {
        const ct_message *m = &c->messages.p[i];
        uint32_t d = 0;
        about_errors = about_errors || m->severity == ST_ERROR;
        while (d < k->diags.items.n && !earns(k, &k->diags.items.p[d], m)) d++;
        if (d == k->diags.items.n)
            wrong(r, "expected %s %s at %u:%u", m->severity == ST_ERROR ? "error" : "warning", m->what,
                  m->line, m->column);
    }
    for (uint32_t d = 0; d < k->diags.items.n; d++) {
        const st_diag *got = &k->diags.items.p[d];
        bool expected = got->severity == ST_WARNING && !c->no_warnings;
        for (uint32_t i = 0; i < c->messages.n && !expected; i++) expected = earns(k, got, &c->messages.p[i]);
        if (!expected) {
            st_place at = st_place_of(&k->sources, got->span.file, got->span.start);
            wrong(r, "%s %s %s at %s:%u:%u: %s %s", got->severity == ST_ERROR ? "error" : "warning",
                  st_messages[got->code].code, st_messages[got->code].name,
                  k->sources.files.p[got->span.file].name, at.line, at.column, got->text, got->help);
        }
    }
}

static const char *type_text(st_arena *a, const st_type *t)
{
    static const char *const names[] = {"bool", "int",       "float", "decimal",  "string",
                                        "date", "timestamp", "label", "duration", "distance"};
    return t->base < ST_COUNT(names) ? names[t->base] : st_format(a, "%d", (int)t->base);
}

static void compare_types(report *r, const ct_case *c, const st_program *program)
{
    for (uint32_t i = 0; i < c->expects.n; i++) {
        const ct_expect *e = &c->expects.p[i];
        uint32_t d = 0;
        if (e->kind <= CT_SUM) continue;
        while (d < program->ndefs && strcmp(program->defs[d]->name, e->name) != 0) d++;
        if (d == program->ndefs) {
            wrong(r, "%s: no such definition", e->name);
            continue;
        }
        const st_type *t = &program->defs[d]->type;
        const char *got = e->kind == CT_TYPE ? type_text(r->arena, t) : st_format(r->arena, "%u", t->scale);
        if (strcmp(got, e->text) != 0)
            wrong(r, "%s is of type %s with %u digits behind the point, expected %s", e->name,
                  type_text(r->arena, t), t->scale, e->text);
    }
}

/* ---- a case ---- */

static void ask_oracle(st_arena *a, const ct_case *c, const st_program *program, ct_answers *out)
{
    st_env *env = st_arena_env(a);
    bool ok;
    ST_GUARD(env, ok, ct_ask_oracle(a, c, program, out));
    if (!ok) out->failure = st_dup(a, env->error.message, strlen(env->error.message));
}

static bool library_agrees(report *r, const ct_case *c, const st_program *program, const char *isa,
                           uint32_t threads, ct_way way)
{
    static const char *const words[] = {
        [CT_PLAIN] = "", [CT_BYTES] = ", written and read back", [CT_SNAPSHOT] = ", from a snapshot"};
    report mine = {.arena = r->arena};
    ct_answers got = {0};
    ct_ask_library(r->arena, c, threads, way, &got);
    compare_answers(&mine, c, program, &got);
    if (mine.text.n)
        st_buf_printf(r->arena, &r->text, "  vm, %s, threads: %u%s\n%s", isa, threads, words[way],
                      st_buf_text(r->arena, &mine.text));
    return mine.text.n == 0;
}

/* Stops at the first way that differs: the others would say the same. */
static void run_library(report *r, const ct_case *c, const st_program *program)
{
    for (const char *const *isa = st_vm_isas(); *isa; isa++) {
        setenv("STRATA_ISA", *isa, 1);
        for (uint32_t threads = 1; threads <= 2; threads++) {
            if (!library_agrees(r, c, program, *isa, threads, threads == 2 ? CT_BYTES : CT_PLAIN)) {
                if (threads == 2) library_agrees(r, c, program, *isa, threads, CT_PLAIN);
                return;
            }
            /* the data are another question than the instruction set */
            if (!isa[1] && threads == 2 && !library_agrees(r, c, program, *isa, threads, CT_SNAPSHOT)) return;
        }
    }
}

static void run_engines(report *r, const options *o, const ct_case *c, const st_program *program, tally *t)
{
    if (o->oracle) {
        report mine = {.arena = r->arena};
        ct_answers got = {0};
        ask_oracle(r->arena, c, program, &got);
        compare_answers(&mine, c, program, &got);
        if (mine.text.n) st_buf_printf(r->arena, &r->text, "  oracle\n%s", st_buf_text(r->arena, &mine.text));
    }
    if (o->vm) run_library(r, c, program);
    st_buf said = {0};
    if (o->tests) t->as_tests += ct_run_blocks(r->arena, c, program, &said);
    if (said.n) st_buf_printf(r->arena, &r->text, "  as tests\n%s", st_buf_text(r->arena, &said));
}

static void run_case(st_arena *a, const options *o, const ct_case *c, tally *t)
{
    report r = {.arena = a};
    compiled k = {0};
    compile_case(a, c, &k);
    compare_messages(&r, c, &k);
    if (k.diags.errors == 0) {
        compare_types(&r, c, k.program);
        if (c->expects.n || c->fails) run_engines(&r, o, c, k.program, t);
    }
    if (r.text.n) {
        printf("FAILED %s:%u: %s\n%s", c->file, c->line, c->name, st_buf_text(a, &r.text));
        t->failed++;
    } else {
        t->passed++;
    }
}

static void run_cases(st_env *env, const options *o, const ct_cases *cases, tally *t)
{
    for (uint32_t i = 0; i < cases->n; i++) {
        const ct_case *c = &cases->p[i];
        st_arena *a = st_arena_new(env);
        if (o->only && !strstr(st_format(a, "%s: %s", c->file, c->name), o->only)) {
            st_arena_free(a);
            continue;
        }
        if (o->list) printf("%s:%u: %s\n", c->file, c->line, c->name);
        fflush(stdout);
        if (c->skip) {
            printf("skipped %s:%u: %s: %s\n", c->file, c->line, c->name, c->skip);
            t->skipped++;
        } else {
            run_case(a, o, c, t);
        }
        st_arena_free(a);
    }
}

/* ---- the page ---- */

/* "segment"-free: each line of the block becomes a trait of its own. */
static const char *as_traits(st_arena *a, const char *block)
{
    st_buf b = {0};
    unsigned n = 0;
    while (*block) {
        size_t length = strcspn(block, "\n");
        if (length > 0) st_buf_printf(a, &b, "trait example_%u = %.*s", ++n, (int)length, block);
        st_buf_puts(a, &b, "\n");
        block += length + (block[length] == '\n');
    }
    return st_dup(a, st_buf_text(a, &b), b.n);
}

static void check_block(st_arena *a, const char *path, unsigned line, const char *const *texts, uint32_t n,
                        const ct_lists *lists, tally *t)
{
    static const char *const names[] = {"preamble.seg", "block.seg"};
    compiled k = {0};
    compile(a, n == 2 ? names : names + 1, texts, n, NULL, lists, &k);
    if (k.diags.errors == 0) {
        t->passed++;
        return;
    }
    t->failed++;
    printf("FAILED %s:%u: this block does not compile\n", path, line);
    for (uint32_t i = 0; i < k.diags.items.n; i++) {
        const st_diag *d = &k.diags.items.p[i];
        st_place at = st_place_of(&k.sources, d->span.file, d->span.start);
        if (d->severity == ST_ERROR)
            printf("    line %u, column %u: %s: %s %s\n", line + at.line, at.column,
                   st_messages[d->code].name, d->text, d->help);
    }
}

static void run_page(st_arena *a, const char *path, tally *t)
{
    const char *text = ct_read_file(a, path), *preamble = "";
    unsigned line = 0;
    ct_lists lists = {0};
    if (!text) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(2);
    }
    while (*text) {
        size_t n = strcspn(text, "\n");
        const char *head = st_dup(a, text, n);
        text += n + (text[n] == '\n');
        line++;
        bool list = strncmp(head, "```csv ", 7) == 0;
        if (!list && strncmp(head, "```seg", 6) != 0) continue;
        const char *end = strstr(text, "```");
        const char *block = st_dup(a, text, end ? (size_t)(end - text) : strlen(text));
        if (list) {
            *(ct_pair *)st_push(a, &lists) = (ct_pair){head + 7, block};
            continue;
        }
        const char *kind = head + 6 + strspn(head + 6, " ");
        const char *with[] = {preamble, strcmp(kind, "expressions") == 0 ? as_traits(a, block) : block};
        bool alone = *kind == '\0' || strcmp(kind, "preamble") == 0;
        check_block(a, path, line, alone ? with + 1 : with, alone ? 1 : 2, &lists, t);
        if (strcmp(kind, "preamble") == 0) preamble = block;
        for (; *block; block++) {
            line += *block == '\n';
            text++;
        }
    }
}

int main(int argc, char **argv)
{
    options o = {.oracle = true, .vm = true, .tests = true};
    tally t = {0};
    st_env env;
    st_env_init(&env, NULL);
    st_arena *a = st_arena_new(&env);
    ct_cases cases = {0};
    bool ok;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
            o.only = argv[++i];
        } else if (strcmp(argv[i], "--page") == 0 && i + 1 < argc) {
            o.page = argv[++i];
        } else if (strcmp(argv[i], "--engine") == 0 && i + 1 < argc) {
            i++;
            o.oracle = strcmp(argv[i], "oracle") == 0;
            o.tests = strcmp(argv[i], "tests") == 0;
            o.vm = strcmp(argv[i], "vm") == 0;
        } else if (strcmp(argv[i], "--list") == 0) {
            o.list = true;
        } else {
            ct_read_cases(a, argv[i], &cases);
        }
    }
    ST_GUARD(&env, ok, {
        if (o.page) run_page(a, o.page, &t);
        run_cases(&env, &o, &cases, &t);
    });
    if (!ok) printf("FAILED: %s\n", env.error.message);
    if (t.as_tests) printf("%u of them as test blocks, too\n", t.as_tests);
    printf("%u passed, %u failed, %u skipped\n", t.passed, t.failed, t.skipped);
    st_env_close(&env);
    return ok && t.failed == 0 ? 0 : 1;
}
