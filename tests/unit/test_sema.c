/* The checker: every message's examples, what programs look like, and real rule sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <glob.h>
#include <unistd.h>
#include <cmocka.h>
#include "sema/program.h"

typedef struct fixture {
    st_env env;
    st_arena *a;
    st_names names;
    st_sources sources;
    st_diags diags;
    st_program *program;
    ST_VEC(st_override) sets;
    st_parse files[4];
    uint32_t nfiles;
} fixture;

static void start(fixture *f)
{
    memset(f, 0, sizeof *f);
    st_env_init(&f->env, NULL);
    f->a = st_arena_new(&f->env);
    st_names_init(&f->names, f->a);
    st_sources_init(&f->sources, f->a);
    st_diags_init(&f->diags, f->a, &f->sources);
}

static void stop(fixture *f)
{
    st_env_close(&f->env);
}

static void add_file(fixture *f, const char *name, const char *text)
{
    uint32_t file = st_sources_add(&f->sources, name, text, strlen(text));
    f->files[f->nfiles++] = st_parse_file(f->a, &f->names, &f->sources, file, &f->diags);
}

static void validate_program(fixture *f, const char *name);

static void run(fixture *f)
{
    bool ok;
    ST_GUARD(&f->env, ok, {
        f->program =
            st_check(f->a, &f->names, &f->sources, f->files, f->nfiles, f->sets.p, f->sets.n, &f->diags);
        st_diags_sort(&f->diags);
    });
    assert_true(ok);
    validate_program(f, f->sources.files.p[0].name);
}

static void check(fixture *f, const char *text)
{
    start(f);
    add_file(f, "t.seg", text);
    run(f);
}

static const char *messages(fixture *f)
{
    st_buf b = {0};
    st_render_text(&f->diags, f->a, &b, false);
    return st_buf_text(f->a, &b);
}

/* ---- what holds of every checked program ---- */
typedef struct invariant {
    const char *broken;
    const st_expr *at;
} invariant;

#define HOLDS(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) *v = (invariant){#condition, x};                                                   \
    } while (0)

static bool is_exact(st_type t)
{
    return t.base == ST_T_INT || t.base == ST_T_DECIMAL;
}

static bool is_time(st_type t)
{
    return t.base == ST_T_DATE || t.base == ST_T_TIMESTAMP;
}

static bool same_kind(st_type a, st_type b)
{
    return (is_exact(a) && is_exact(b)) || (a.base == b.base && a.labels == b.labels);
}

static void validate(invariant *v, const st_expr *x, uint32_t depth);

static void validate_rows(invariant *v, const st_expr *x, const st_rowset *rows, uint32_t depth)
{
    HOLDS(rows->table && rows->path.n > 0);
    HOLDS(rows->path.steps[0]->table == rows->table);
    HOLDS(rows->path.steps[rows->path.n - 1]->links_to == x->at);
    for (uint32_t i = 0; i < rows->nfilters; i++) {
        const st_filter *f = &rows->filters[i];
        HOLDS(f->kind == ST_FILTER_LAST ? f->last > 0 && rows->table->order_time : f->where != NULL);
        if (f->kind == ST_FILTER_LAST) continue;
        HOLDS(f->where->type.base == ST_T_BOOL && (!f->where->at || f->where->at == rows->table));
        validate(v, f->where, depth);
    }
}

static void validate_node(invariant *v, const st_expr *x, uint32_t depth)
{
    const st_type t = x->type, a = x->n && x->args[0] ? x->args[0]->type : t;
    switch (x->op) {
    case ST_X_AND:
    case ST_X_OR:
    case ST_X_AT_LEAST:
        HOLDS(x->n >= 1 && t.base == ST_T_BOOL);
        for (uint32_t i = 0; i < x->n; i++) HOLDS(x->args[i]->type.base == ST_T_BOOL);
        if (x->op == ST_X_AT_LEAST) HOLDS(x->kind >= 1 && x->kind <= x->n);
        return;
    case ST_X_NOT: HOLDS(x->n == 1 && a.base == ST_T_BOOL); return;
    case ST_X_EQ:
    case ST_X_NE:
    case ST_X_LT:
    case ST_X_LE:
    case ST_X_GT:
    case ST_X_GE: HOLDS(x->n == 2 && same_kind(a, x->args[1]->type) && !a.list); return;
    case ST_X_IN:
        for (uint32_t i = 1; i < x->n; i++)
            HOLDS(x->args[i]->op == ST_X_CONST && x->args[i]->type.base == a.base &&
                  x->args[i]->type.scale == a.scale);
        return;
    case ST_X_ADD:
    case ST_X_SUB:
    case ST_X_MUL:
    case ST_X_DIV:
        HOLDS(x->n == 2 && same_kind(a, x->args[1]->type) && (is_exact(a) || a.base == ST_T_FLOAT));
        HOLDS(is_exact(a) == is_exact(t) && t.digits <= ST_DECIMAL_DIGITS);
        return;
    case ST_X_IF_MISSING:
        HOLDS(x->n == 2 && a.base == t.base && x->args[1]->type.base == t.base &&
              x->args[1]->type.scale == t.scale);
        return;
    case ST_X_MIN:
    case ST_X_MAX:
        for (uint32_t i = 0; i < x->n; i++)
            HOLDS(x->args[i]->type.base == t.base && x->args[i]->type.scale == t.scale);
        return;
    case ST_X_HAS:
        HOLDS(x->n == 2 && a.list && x->args[1]->op == ST_X_CONST && x->args[1]->type.base == a.base);
        return;
    case ST_X_SHIFT:
        HOLDS(x->n == 2 && is_time(a) && a.base == t.base && x->args[1]->type.base == ST_T_INT);
        HOLDS(a.base == ST_T_TIMESTAMP || x->unit >= ST_DAY);
        return;
    case ST_X_TRUNC: HOLDS(a.base == ST_T_DATE && x->unit >= ST_DAY); return;
    case ST_X_BETWEEN_TIMES: HOLDS(is_time(a) && x->args[1]->type.base == a.base); return;
    case ST_X_ANNIVERSARY:
        HOLDS(x->n == 3 && a.base == ST_T_DATE && x->args[2]->type.base == ST_T_DATE);
        return;
    case ST_X_AS_OF: HOLDS(x->n == 2 && x->args[1]->type.base == ST_T_TIMESTAMP && !x->args[1]->at); return;
    case ST_X_COLUMN: HOLDS(x->at == x->col->table && x->col->used); return;
    case ST_X_LINK:
        HOLDS(x->n == 1 && x->col->links_to && x->at == x->col->table && x->args[0]->at == x->col->links_to);
        return;
    case ST_X_DEF:
        HOLDS(x->def && x->at == x->def->of && x->def->kind != ST_DEF_PARAM && x->def->kind != ST_DEF_ROWS);
        return;
    case ST_X_AGGREGATE:
        validate_rows(v, x, &x->rows, depth);
        HOLDS(x->n == (x->kind == ST_AGG_SHARE ? 2u : x->kind <= ST_AGG_NO ? 0u : 1u));
        if (x->kind == ST_AGG_FIRST || x->kind == ST_AGG_LAST) HOLDS(x->rows.table->order_time);
        return;
    case ST_X_SEQUENCE:
        validate_rows(v, x, &x->rows, depth);
        for (uint32_t i = 0; i < x->nsteps; i++) validate_rows(v, x, &x->steps[i].rows, depth);
        return;
    case ST_X_IN_TOP:
    case ST_X_IN_BOTTOM:
        HOLDS(x->n == 1 && x->at && x->amount > 0 && (is_exact(a) || is_time(a) || a.base == ST_T_FLOAT));
        return;
    default: return;
    }
}

static void validate(invariant *v, const st_expr *x, uint32_t depth)
{
    if (!x || depth > 60)
        return; /* shared nodes: deep ones have been seen on shorter ways in smaller programs */
    for (uint32_t i = 0; i < x->n; i++) validate(v, x->args[i], depth + 1);
    validate_node(v, x, depth + 1);
}

static void validate_program(fixture *f, const char *name)
{
    invariant v = {0};
    if (f->diags.errors) return;
    for (uint32_t i = 0; i < f->program->ndefs; i++) {
        const st_def *d = f->program->defs[i];
        bool valued = d->kind == ST_DEF_SEGMENT || d->kind == ST_DEF_LIST || d->kind == ST_DEF_POINTS ||
                      d->kind == ST_DEF_TRAIT || d->kind == ST_DEF_SCORE;
        if (valued && !d->expr) fail_msg("%s: %s has no value and no error", name, d->name);
        validate(&v, d->expr, 0);
        for (uint32_t k = 0; k < d->ntiers; k++) validate(&v, d->tiers[k].when, 0);
        for (uint32_t k = 0; d->rfm && k < 3; k++) {
            if (!d->rfm->has[k]) continue;
            validate(&v, d->rfm->part[k].measure, 0);
            validate(&v, d->rfm->part[k].raw, 0);
        }
        if (v.broken)
            fail_msg("%s: %s: %s does not hold of \"%s\"", name, d->name, v.broken, st_op_names[v.at->op]);
    }
}

/* ---- the examples of the registry ---- */

/* "// set NAME=VALUE", "// list PATH LINE|LINE" (the file of a list), "// repeat N TEXT" (@ is N times TEXT), "// count N" (N scores s0, s1 … are defined behind the text), "// chain N" (N traits that use one another stand behind the text). */
static const char *example_text(fixture *f, const char *text)
{
    const char *line = strchr(text, '\n');
    if (!line || strncmp(text, "// ", 3) != 0) return text;
    char *head = st_dup(f->a, text, (size_t)(line - text));
    const char *rest = line + 1, *fill = "";
    st_buf more = {0}, at = {0}, out = {0};
    int n = 0, skip = 0;
    if (strncmp(head, "// set ", 7) == 0) {
        const char *eq = strchr(head, '=');
        st_override *set = st_push(f->a, &f->sets);
        set->name = st_dup(f->a, head + 7, (size_t)(eq - head - 7));
        set->text = eq + 1;
        return rest;
    }
    if (strncmp(head, "// list ", 8) == 0) {
        char *space = strchr(head + 8, ' '), *p;
        *space = 0;
        for (p = space + 1; *p; p++)
            if (*p == '|') *p = '\n';
        *(st_list_file *)st_push(f->a, &f->sources.lists) =
            (st_list_file){head + 8, st_str_of(space + 1), NULL};
        return rest;
    }
    if (sscanf(head, "// repeat %d %n", &n, &skip) == 1) {
        fill = head + skip;
        for (int i = 0; i < n; i++) st_buf_puts(f->a, &at, fill);
    } else if (sscanf(head, "// count %d", &n) == 1) {
        for (int i = 0; i < n; i++) st_buf_printf(f->a, &more, "score s%d = %d\n", i, i);
    } else if (sscanf(head, "// chain %d", &n) == 1) {
        for (int i = 0; i < n; i++) st_buf_printf(f->a, &more, "trait c%d = c%d + 1\n", i, i + 1);
        st_buf_printf(f->a, &more, "trait c%d = 1\n", n);
    } else {
        return text;
    }
    for (const char *p = rest; *p; p++) {
        if (*p == '@')
            st_buf_puts(f->a, &out, st_buf_text(f->a, &at));
        else
            st_buf_add(f->a, &out, p, 1);
    }
    st_buf_puts(f->a, &out, st_buf_text(f->a, &more));
    return st_buf_text(f->a, &out);
}

static void check_example(fixture *f, const char *text)
{
    start(f);
    add_file(f, "example.seg", example_text(f, text));
    run(f);
}

static void test_examples(void **state)
{
    (void)state;
    int wrong = 0;
    for (int i = 0; i < ST_MSG_COUNT; i++) {
        const st_message *m = &st_messages[i];
        fixture f;
        bool earned = false;
        check_example(&f, m->bad);
        for (uint32_t k = 0; k < f.diags.items.n; k++) earned = earned || (int)f.diags.items.p[k].code == i;
        /* what is doubtful beside an error is no second cause */
        if (!earned || (m->severity == ST_ERROR ? f.diags.errors : f.diags.items.n) != 1) {
            if (!earned || m->code[1] != '0' || m->code[2] != '1') {
                print_error("%s %s: the bad example earns %s%.1500s\n", m->code, m->name,
                            earned ? "more:\n" : "something else:\n", messages(&f));
                wrong++;
            }
        }
        stop(&f);
        check_example(&f, m->good);
        if (f.diags.items.n) {
            print_error("%s %s: the good example earns\n%.1500s\n", m->code, m->name, messages(&f));
            wrong++;
        }
        stop(&f);
    }
    assert_int_equal(wrong, 0);
}

/* ---- whole rule sets ---- */
static const char *read_whole(fixture *f, const char *path)
{
    FILE *file = fopen(path, "rb");
    st_buf b = {0};
    char part[4096];
    size_t n;
    if (!file) return NULL;
    while ((n = fread(part, 1, sizeof part, file)) > 0) st_buf_add(f->a, &b, part, n);
    fclose(file);
    return st_buf_text(f->a, &b);
}

/* The programs that golden files hold are sound, too. */
static void test_golden_programs(void **state)
{
    (void)state;
    glob_t found;
    assert_int_equal(glob(STRATA_SOURCE "/tests/golden/program/*.seg", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        fixture f;
        start(&f);
        add_file(&f, found.gl_pathv[i], read_whole(&f, found.gl_pathv[i]));
        run(&f);
        if (f.diags.errors) fail_msg("%s", messages(&f));
        stop(&f);
    }
    globfree(&found);
}

/* Rule sets of the acceptance folders: no error. */
static void test_acceptance(void **state)
{
    (void)state;
    static const char *const patterns[] = {STRATA_SOURCE "/../shared/acceptance/*/rules.seg",
                                           STRATA_SOURCE "/../shared/acceptance/marketer/*.seg"};
    int wrong = 0, seen = 0;
    for (size_t p = 0; p < ST_COUNT(patterns); p++) {
        glob_t found;
        if (glob(patterns[p], 0, NULL, &found) != 0) continue;
        for (size_t i = 0; i < found.gl_pathc; i++, seen++) {
            fixture f;
            start(&f);
            add_file(&f, found.gl_pathv[i], read_whole(&f, found.gl_pathv[i]));
            run(&f);
            for (uint32_t k = 0; k < f.diags.items.n; k++) {
                const st_diag *d = &f.diags.items.p[k];
                if (d->severity == ST_WARNING) continue;
                print_error("%s: %s\n", found.gl_pathv[i], d->text);
                wrong++;
            }
            stop(&f);
        }
        globfree(&found);
    }
    if (!seen) skip();
    assert_int_equal(wrong, 0);
}

/* ---- single points ---- */
static st_def *def_named(const fixture *f, const char *name)
{
    for (uint32_t i = 0; i < f->program->ndefs; i++)
        if (strcmp(f->program->defs[i]->name, name) == 0) return f->program->defs[i];
    return NULL;
}

static const char shop[] =
    "table customers { id int key  born date? fixed  since_day date  at timestamp time }\n"
    "table orders { id int key  customer_id int links to customers  at timestamp time\n"
    "  amount decimal(12,2)  n int  f float }\n";

static void expect_type(const char *expr, st_base_type base, unsigned digits, unsigned scale, bool optional)
{
    fixture f;
    start(&f);
    add_file(&f, "t.seg", st_format(f.a, "%strait x = %s\n", shop, expr));
    run(&f);
    if (f.diags.items.n) fail_msg("%s: %s", expr, messages(&f));
    st_type t = def_named(&f, "x")->type;
    if (t.base != base || t.digits != digits || t.scale != scale || t.optional != optional)
        fail_msg("%s has type %d (%d,%d) %d", expr, (int)t.base, t.digits, t.scale, t.optional);
    stop(&f);
}

static void test_widths(void **state)
{
    (void)state;
    expect_type("1", ST_T_INT, 1, 0, false);
    expect_type("0.05", ST_T_DECIMAL, 2, 2, false);
    expect_type("12.5%", ST_T_DECIMAL, 3, 3, false);
    expect_type("count(orders)", ST_T_INT, 12, 0, false);
    expect_type("count(orders) * count(orders)", ST_T_INT, 19, 0, false);
    expect_type("sum(amount of orders)", ST_T_DECIMAL, 18, 2, false);
    expect_type("sum(n of orders)", ST_T_INT, 19, 0, false);
    expect_type("sum(amount of orders) + 1", ST_T_DECIMAL, 19, 2, false);
    expect_type("sum(amount of orders) * 0.5", ST_T_DECIMAL, 19, 3, false);
    expect_type("sum(amount of orders) / count(orders)", ST_T_DECIMAL, 28, 12, false);
    expect_type("1 / 0.001", ST_T_DECIMAL, 16, 12, false);
    expect_type("avg(amount of orders)", ST_T_DECIMAL, 22, 12, true);
    expect_type("median(f of orders)", ST_T_FLOAT, 0, 0, true);
    expect_type("share(orders where amount > 1)", ST_T_DECIMAL, 13, 12, true);
    expect_type("days since at", ST_T_INT, 7, 0, false);
    expect_type("hours since at", ST_T_INT, 12, 0, false);
    expect_type("hour of at", ST_T_INT, 4, 0, false);
    expect_type("length(\"abc\")", ST_T_INT, 10, 0, false);
    expect_type("round(avg(amount of orders))", ST_T_DECIMAL, 11, 0, true);
    expect_type("round(sum(n of orders))", ST_T_INT, 19, 0, false);
    expect_type("floor(-2.5)", ST_T_DECIMAL, 2, 0, false);
    expect_type("(avg(amount of orders) if missing 0)", ST_T_DECIMAL, 22, 12, false);
    expect_type("max(1, 2.25)", ST_T_DECIMAL, 3, 2, false);
    expect_type("max(f of orders) + 1", ST_T_FLOAT, 0, 0, true);
    expect_type("born + 3 days", ST_T_DATE, 0, 0, true);
    expect_type("calendar month of at", ST_T_DATE, 0, 0, false);
    expect_type("30 days ago", ST_T_TIMESTAMP, 0, 0, false);
    expect_type("99999999999999999999", ST_T_DECIMAL, 20, 0, false);
}

static void test_order_and_uses(void **state)
{
    (void)state;
    fixture f;
    check(&f, "segment b where a and p = 1\nsegment a where true\nparam p = 1\ntable t { id int key }\n");
    assert_int_equal(f.diags.items.n, 0);
    assert_int_equal(f.program->norder, 3);
    assert_string_equal(f.program->order[2]->name, "b");
    assert_int_equal(def_named(&f, "b")->nuses, 2);
    stop(&f);
}

static void test_only_what_is_read_is_used(void **state)
{
    (void)state;
    fixture f;
    check(&f, "table t { id int key  a int  b int  keep where b > 0 }\n"
              "table u { t_id int links to t  c int  d int }\nsegment s where any(u where c = 1)\n");
    assert_int_equal(f.diags.items.n, 0);
    const st_table *t = f.program->tables[0], *u = f.program->tables[1];
    assert_true(t->cols[0].used && !t->cols[1].used && t->cols[2].used);
    assert_true(u->cols[0].used && u->cols[1].used && !u->cols[2].used);
    stop(&f);
}

static void test_metadata(void **state)
{
    (void)state;
    fixture f;
    check(&f, "table t { id int key }\nrows r = u where n > 1 { owner \"a@b.c\" }\n"
              "table u { t_id int links to t  n int }\n"
              "segment s \"The S\" { goal \"g\"  kpi k  refresh daily  version 3  review by 2027-03-01\n"
              "  formerly \"old\"  tags (\"a\", \"b\")  where any(r) }\n");
    if (f.diags.items.n) fail_msg("%s", messages(&f));
    const st_def *r = def_named(&f, "r"), *s = def_named(&f, "s");
    assert_string_equal(r->meta.owner, "a@b.c");
    assert_string_equal(s->title, "The S");
    assert_string_equal(s->meta.goal, "g");
    assert_string_equal(s->meta.kpi, "k");
    assert_string_equal(s->meta.refresh, "daily");
    assert_string_equal(s->meta.formerly, "old");
    assert_int_equal(s->meta.version, 3);
    assert_int_equal(s->meta.review_by, st_days_from_civil(2027, 3, 1));
    assert_int_equal(s->meta.ntags, 2);
    assert_string_equal(s->meta.tags[1], "b");
    stop(&f);
}

static void test_overrides(void **state)
{
    (void)state;
    fixture f;
    static const st_override sets[] = {
        {"n", "2_000"},      {"d", "3 weeks"},      {"l", "a, b,c"}, {"m", "(\"a,b\", \"c\")"},
        {"q", "\"D\\\"E\""}, {"day", "2026-02-03"}, {"s", " x "},    {"p", "12.5%"},
        {"yes", "false"}};
    start(&f);
    for (size_t i = 0; i < ST_COUNT(sets); i++) *st_push(f.a, &f.sets) = sets[i];
    add_file(&f, "t.seg",
             "param n = 1\nparam d = 90 days\nparam l = (\"x\")\nparam m = (\"x\", \"y\")\nparam q = "
             "\"\"\nparam day = 2026-01-01\nparam s = "
             "\"\"\nparam p = 10%\n"
             "param yes = true\n");
    run(&f);
    assert_int_equal(f.diags.items.n, 0);
    assert_int_equal(def_named(&f, "n")->value.as.i, 2000);
    assert_int_equal(def_named(&f, "d")->value.as.i, 3);
    assert_int_equal(def_named(&f, "d")->value.unit, ST_WEEK);
    assert_int_equal(def_named(&f, "l")->nvalues, 3);
    assert_true(st_str_eq(def_named(&f, "l")->values[1].as.s, ST_STR("b")));
    assert_int_equal(def_named(&f, "m")->nvalues, 2);
    assert_true(st_str_eq(def_named(&f, "m")->values[0].as.s, ST_STR("a,b")));
    assert_true(st_str_eq(def_named(&f, "q")->value.as.s, ST_STR("D\"E")));
    assert_int_equal(def_named(&f, "day")->value.as.i, st_days_from_civil(2026, 2, 3));
    assert_true(st_str_eq(def_named(&f, "s")->value.as.s, ST_STR(" x ")));
    assert_int_equal(def_named(&f, "p")->value.as.d, 125);
    assert_false(def_named(&f, "yes")->value.as.b);
    stop(&f);
}

static const char treated[] =
    "segments of customers\ntable households { id int key }\n"
    "table customers { id int key  home int? links to households  email string? pii  ok bool?  at timestamp "
    "time  other int }\n"
    "table sends { customer int links to customers  at timestamp time  channel string  name string  note "
    "string }\n"
    "consent mail when ok\ncontact log sends by at, channel, name\nlimit mail at most 3 in 7 days\n"
    "holdout quiet 5% of customers salt \"q\"\nholdout hush 5% of customers salt \"h\"\n"
    "holdout houses 5% of households salt \"hh\"\n"
    "segment members where ok\nsegment nobody where no(sends)\nexclude nobody from all treatments\n"
    "treatment b for members { channel mail when at in last 7 days  channel post  exempt from quiet }\n"
    "consent post when at in last 7 days\n"
    "treatment a for members {\n  transactional  channel mail  channel post when ok  again after 7 days  "
    "control 10% salt \"c\"\n"
    "  at most 5, highest home first  send email, home as \"house\"\n}\n"
    "campaign k { first of (a, b) }\naudience seed from members { send sha256(email) as \"em\" }\n";

static bool uses(const st_def *d, const st_def *other)
{
    for (uint32_t i = 0; i < d->nuses; i++)
        if (d->uses[i] == other) return true;
    return false;
}

static void test_treatments(void **state)
{
    (void)state;
    fixture f;
    check(&f, treated);
    if (f.diags.items.n) fail_msg("%s", messages(&f));
    const st_def *a = def_named(&f, "a"), *b = def_named(&f, "b"), *k = def_named(&f, "k"),
                 *seed = def_named(&f, "seed"), *members = def_named(&f, "members");
    const st_treatment *ta = a->treatment, *tb = b->treatment;
    const st_table *customers = members->of;
    assert_string_equal(customers->name, "customers");
    assert_true(a->of == customers && k->of == customers && seed->of == customers);
    assert_true(ta->target == members && !ta->arm && !ta->active && ta->transactional && !tb->transactional);
    /* a transactional one knows neither holdouts nor limits, and no consent, but exclusions */
    assert_int_equal(ta->nholdouts, 0);
    assert_int_equal(ta->nchannels, 2);
    assert_true(!ta->channels[0].consent && !ta->channels[1].consent);
    assert_true(!ta->channels[0].open && !ta->channels[0].over && ta->channels[1].open->hidden);
    assert_int_equal(ta->nexclusions, 1);
    assert_true(ta->exclusions[0]->who == def_named(&f, "nobody"));
    assert_int_equal(tb->nholdouts, 1);
    assert_string_equal(tb->holdouts[0]->name, "hush");
    assert_int_equal(tb->nexclusions, 1);
    assert_true(tb->channels[0].over && tb->channels[0].open != f.program->consents[0].when);
    assert_true(tb->channels[0].consent == f.program->consents[0].when);
    assert_true(tb->channels[1].consent == f.program->consents[1].when);
    assert_true(tb->channels[1].open == f.program->consents[1].when && !tb->channels[1].over);
    assert_string_equal(ta->salt, "c");
    assert_string_equal(tb->salt, "");
    assert_int_equal(ta->at_most, 5);
    assert_true(tb->at_most == ST_NO_LIMIT && ta->at_most_rank->hidden && ta->at_most_rank->expr);
    assert_true(ta->again && ta->control && !tb->again && !tb->control);
    assert_int_equal(ta->nsends, 2);
    assert_string_equal(ta->sends[0].as, "email");
    assert_string_equal(ta->sends[1].as, "house");
    assert_true(ta->campaign == k && tb->campaign == k && k->campaign->treatments[0] == a);
    assert_true(seed->audience->from == members && seed->audience->base == members &&
                seed->audience->sends[0].sha256);
    assert_true(uses(a, members) && uses(a, ta->again) && uses(a, ta->sends[1].value) && uses(k, b) &&
                uses(b, tb->holdouts[0]));
    /* what it is made of stands before it */
    uint32_t at = 0;
    while (f.program->order[at] != a) at++;
    for (uint32_t i = 0; i < a->nuses; i++) {
        uint32_t before = 0;
        while (before < at && f.program->order[before] != a->uses[i]) before++;
        if (before == at) fail_msg("%s stands behind a", a->uses[i]->name);
    }
    /* what is asked is loaded, and nothing else; nothing that is hidden is given out */
    const st_table *sends = f.program->tables[2];
    assert_true(sends->cols[0].used && sends->cols[1].used && sends->cols[2].used && sends->cols[3].used &&
                !sends->cols[4].used);
    assert_true(customers->cols[2].used && !customers->cols[5].used);
    for (uint32_t i = 0; i < f.program->ndefs; i++)
        if (f.program->defs[i]->hidden) assert_false(st_def_is_output(f.program->defs[i], true));
    stop(&f);
}

/* A trait whose value is that of a pii column is none of the outputs, however it came there. */
static void test_personal(void **state)
{
    (void)state;
    static const struct {
        const char *expr;
        bool personal;
    } cases[] = {
        {"email", true},
        {"lower(trim(email))", true},
        {"(email if missing \"none\")", true},
        {"again", true},
        {"last(phone of calls)", true},
        {"most_common(lower(phone) of calls)", true},
        {"max(born, 2000-01-01)", true},
        {"calls.phone", false}, /* an error */
        {"firms.contact", true},
        {"(email as of 3 days ago)", true},
        {"length(email)", false},
        {"domain(email)", false},
        {"year of born", false},
        {"email is known", false},
        {"count(calls where phone is known)", false},
        {"distinct(phone of calls)", false},
    };
    for (size_t i = 0; i < ST_COUNT(cases); i++) {
        fixture f;
        start(&f);
        add_file(
            &f, "t.seg",
            st_format(f.a,
                      "segments of customers\ntable firms { id int key  contact string pii }\n"
                      "table customers { id int key  firm int links to firms  email string? pii  born date "
                      "pii fixed }\n"
                      "table calls { customer int links to customers  at timestamp time  phone string pii }\n"
                      "trait again = upper(email)\ntrait x = %s\n",
                      cases[i].expr));
        run(&f);
        const st_def *x = def_named(&f, "x");
        if (!f.diags.errors &&
            (x->pii != cases[i].personal || st_def_is_output(x, true) == cases[i].personal))
            fail_msg("%s", cases[i].expr);
        stop(&f);
    }
    static const char *const refused[] = {"score s = phone",
                                          "segment m where id > 3\noverlay o on m by phone",
                                          "segment m where id > 3\noverlay o on m by t",
                                          "rfm r from orders { monetary 5 quantiles of max(number) }"};
    for (size_t i = 0; i < ST_COUNT(refused); i++) {
        fixture f;
        start(&f);
        add_file(&f, "t.seg",
                 st_format(f.a,
                           "table customers { id int key  phone int pii }\ntrait t = phone\n"
                           "table orders { customer int links to customers  number int pii }\n%s\n",
                           refused[i]));
        run(&f);
        if (f.diags.errors != 1 || f.diags.items.p[0].code != ST_MSG_PERSONAL_OUTPUT)
            fail_msg("%s: %s", refused[i], messages(&f));
        stop(&f);
    }
}

/* In a rule set with treatments, what nobody acts on is named; without any, nothing is. */
static void test_unserved(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t warnings;
    } cases[] = {
        {"segment a where id > 3\nsegment b where id > 4\n", 0},
        {"segment a where id > 3\nsegment b where id > 4\ntreatment t for a { transactional  channel post "
         "}\n",
         1},
        {"segment a where b\nsegment b where id > 4\ntreatment t for a { transactional  channel post }\n", 0},
        {"segment a where id > 3\nsegment b where id > 4\ntreatment t for a { transactional  channel post }\n"
         "audience s from b { send id }\n",
         0},
        {"segment a where id > 3\nsegment b where id > 4\ntreatment t for a { transactional  channel post }\n"
         "exclude b from all treatments\n",
         0},
        {"segment a where id > 3\nsegment b where id > 4\ntreatment t for a { transactional  channel post }\n"
         "check b size at least 1\n",
         0},
        {"segment a where id > 3\nsegment b where id > 4\ntreatment t for a { transactional  channel post "
         "when b }\n",
         0},
        {"segment a where id > 3\noverlay o on a by id { x when id = 4  y when id = 5  z otherwise }\n"
         "treatment t for o = x { transactional  channel post }\n",
         1},
        {"segment a where id > 3\noverlay o on a by id { x when id = 4  y when id = 5  z otherwise }\n"
         "treatment t for o = x { transactional  channel post }\naudience s from o = y { send id }\n",
         0},
        {"segment a where id > 3\noverlay o on a by id { x when id = 4  y when id = 5  z otherwise }\n"
         "treatment t for b { transactional  channel post }\nsegment b where o in (x, y)\n",
         0},
        {"segment a where id > 3\nexperiment e on a salt \"e\" { arms { control 20%  x 20%  y 20% } }\n"
         "treatment t for e = x { transactional  channel post }\n",
         1},
        {"segment a where id > 3\ntiers o { x when id = 4  y when id = 5  z otherwise }\n"
         "treatment t for o = x { transactional  channel post }\ntreatment u for a { transactional  channel "
         "post }\n",
         0},
    };
    for (size_t i = 0; i < ST_COUNT(cases); i++) {
        fixture f;
        start(&f);
        add_file(&f, "t.seg", st_format(f.a, "%s%s", shop, cases[i].text));
        run(&f);
        if (f.diags.items.n != cases[i].warnings || f.diags.errors)
            fail_msg("%s%s", cases[i].text, messages(&f));
        stop(&f);
    }
}

/* Names that a broken definition may have defined are not reported: one cause, one message. */
static void test_no_cascades(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t errors;
    } cases[] = {
        {"trait a = nonsense\nsegment b where a > 1\nsegment c where b and a < 3\n", 1},
        {"score a = \"text\"\ntiers b by a { x top 10%  y otherwise }\nsegment c where b = x\n", 1},
        {"points lead { +1 when nonsense }\nsegment c where lead > 3\n", 1},
        {"holdout h 500% of customers salt \"a\"\nsegment c where h and not h\n", 1},
        {"rows r = nothing\nsegment c where any(r)\ntrait d = sum(amount of r)\n", 1},
        {"param p = (1, \"a\")\nsegment c where count(orders) in p\n", 1},
        {"tiers t { a when nonsense  b otherwise }\nsegment c where t = a or t = b\n", 1},
        {"segment a of nobody where true\nsegment b where a\n", 1},
        {"segment a where nonsense and more_nonsense\n", 2},
        {"segment a where (id if missing 0) > 3 >\nsegment b where a and id > 3\n", 1},
        {"trait a = id if missing 0 > 3\nsegment b where a > 3\n", 1},
        {"tiers a { x where id = 3  y otherwise }\nsegment b where a = x or a in (y)\n", 1},
        {"param a = = 3\nsegment b where id > a and id in a and any(orders in last a)\n", 1},
        {"rows a = orders where where\nsegment b where any(a)\n", 1},
        {"segment a where (sequence(orders: n = 1 as x then no(orders where n = x.n)) as of 3 days ago)\n",
         0},
        {"segment a where no(orders where count(orders by customer_id) > 1)\n", 1},
        {"segment a where nonsense\ntreatment t for a { transactional  channel post }\ncampaign c { first of "
         "(t) }\n",
         1},
        {"segment a where id > 3\ntreatment t for a { channel post }\ncampaign c { first of (t) }\n"
         "treatment u for a { channel post }\n",
         2},
        {"consent post when nonsense\nsegment a where id > 3\ntreatment t for a { channel post }\n", 1},
        {"tiers a { x when nonsense  y otherwise }\ntreatment t for a = x { transactional  channel post }\n",
         1},
        {"tiers a { x when nonsense  y otherwise }\ntreatment t for a { transactional  channel post }\n", 1},
        {"segment a where id > 3\ntreatment t for a { transactional  channel post  again after 3 days }\n"
         "treatment u for a { transactional  channel post  again after 3 days }\n",
         2},
        {"segment a where id > 3\nconsent post when id > 5\ntreatment t for a { channel post }\n"
         "treatment u for a { channel post }\nlimit post at most 3 in 7 days\n",
         1},
        {"contact log orders by nonsense, n, n\nconsent post when id > 5\nlimit post at most 3 in 7 days\n"
         "segment a where id > 3\ntreatment t for a { channel post  again after 3 days }\n",
         3},
        {"segment a where id > 3\ntreatment t for a { transactional  channel post  send nonsense, id + as "
         "\"x\" }\n"
         "campaign c { first of (t) }\n",
         1},
        {"segment a where id > 3\ntreatment t for { transactional  channel post }\ncampaign c { first of (t) "
         "}\n",
         1},
        {"treatment t for t { transactional  channel post }\n", 1},
        {"treatment t for orders { transactional  channel post }\n", 1},
        {"treatment t for customers.id { transactional  channel post }\n", 1},
        {"campaign c { first of (c) }\n", 1},
        {"audience a from a { send id }\n", 1},
        {"segment a where a_layer\nlayer a_layer salt \"l\" { e 50% }\nexperiment e on b salt \"e\" { arms { "
         "x 1% } }\n"
         "segment b where id > 3\n",
         1},
        {"segment a where id > 3\nexclude a from all treatments\nexclude b from all treatments\n"
         "segment b where nonsense\ntreatment t for a { transactional  channel post }\n",
         1},
    };
    for (size_t i = 0; i < ST_COUNT(cases); i++) {
        fixture f;
        start(&f);
        add_file(&f, "t.seg", st_format(f.a, "%s%s", shop, cases[i].text));
        run(&f);
        if (f.diags.errors != cases[i].errors) fail_msg("%s%s", cases[i].text, messages(&f));
        stop(&f);
    }
}

/* Two values at once are refused, of one reading alone; what could be true is not. */
static void test_never_both(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        uint32_t errors;
    } cases[] = {
        {"segment s where id = 1 and id = 2\n", 1},
        {"segment s where id in (1, 2) and 3 = id\n", 1},
        {"segment s where id in (1, 2) and id in (2, 3)\n", 0},
        {"segment s where id = 1 and (id = 1 or id = 2)\n", 0},
        {"segment s where any(orders where n = 1 and n = 1.0)\n", 0},
        {"segment s where any(orders where n = 1 and n = 2.0)\n", 1},
        {"segment s where any(orders where n = 1 and customers.id = 2 and id = 3)\n", 0},
        {"segment s where any(orders where customers.id = 1 and customers.id = 2)\n", 1},
        {"segment s where any(orders where n = 1) and any(orders where n = 2)\n", 0},
        {"segment s where month of at = 1 and year of at = 2026 and month of born = 2\n", 0},
        {"segment s where month of at = 1 and month of at = 2\n", 1},
        {"tiers t { a when id = 1  b otherwise }\nsegment s where t = a and t = b\n", 1},
    };
    for (size_t i = 0; i < ST_COUNT(cases); i++) {
        fixture f;
        start(&f);
        add_file(&f, "t.seg", st_format(f.a, "%s%s", shop, cases[i].rule));
        run(&f);
        if (f.diags.errors != cases[i].errors) fail_msg("%s%s", cases[i].rule, messages(&f));
        stop(&f);
    }
}

/* Whatever grows is bounded, and says so. */
static void test_limits(void **state)
{
    (void)state;
    fixture f;
    st_buf b = {0};
    start(&f);
    st_buf_puts(f.a, &b, shop);
    for (int i = 0; i < 300; i++) st_buf_printf(f.a, &b, "rows r%d = r%d where n > %d\n", i, i + 1, i);
    st_buf_puts(f.a, &b, "rows r300 = orders\nsegment s where any(r0)\n");
    add_file(&f, "t.seg", st_buf_text(f.a, &b));
    run(&f);
    assert_int_equal(f.diags.errors, 1);
    assert_int_equal(f.diags.items.p[0].code, ST_MSG_TOO_MANY);
    stop(&f);

    start(&f);
    b = (st_buf){0};
    for (int i = 0; i < 1001; i++) st_buf_printf(f.a, &b, "table t%d { id int key }\n", i);
    add_file(&f, "t.seg", st_buf_text(f.a, &b));
    run(&f);
    assert_int_equal(f.diags.items.p[0].code, ST_MSG_TOO_MANY);
    stop(&f);

    start(&f);
    b = (st_buf){0};
    st_buf_puts(f.a, &b, shop);
    st_buf_puts(f.a, &b, "tiers t {\n");
    for (int i = 0; i < 1001; i++) st_buf_printf(f.a, &b, "l%d when n_orders = %d\n", i, i);
    st_buf_puts(f.a, &b, "rest otherwise }\ntrait n_orders = count(orders)\n");
    add_file(&f, "t.seg", st_buf_text(f.a, &b));
    run(&f);
    assert_int_equal(f.diags.items.p[0].code, ST_MSG_TOO_MANY);
    stop(&f);
}

/* One more than there may be, and exactly as many. */
static void test_limits_of_treatments(void **state)
{
    (void)state;
    static const struct {
        const char *begin, *each, *end;
        int most;
    } cases[] = {
        {"", "consent c%d when id > 3\n", "", 100},
        {"consent c when id > 3\ncontact log letters by at, channel, name\n",
         "limit c at most 3 in 1%d days\n", "", 100},
        {"segment s where id > 3\n", "exclude s from all treatments because \"%d\"\n", "", 100},
        {"", "holdout h%d 1%% of customers salt \"h%d\"\n", "", 100},
        {"segment s where id > 3\ntreatment t for s {\n  transactional\n", "  channel c%d\n", "}\n", 100},
        {"segment s where id > 3\naudience a from s {\n", "  send id as \"c%d\"\n", "}\n", 200},
        {"segment s where id > 3\ncampaign c { first of (t", ", t%d",
         ") }\ntreatment t for s { transactional  channel c }\n", 999},
    };
    for (size_t i = 0; i < ST_COUNT(cases); i++)
        for (int more = 0; more < 2; more++) {
            fixture f;
            st_buf b = {0};
            start(&f);
            st_buf_puts(f.a, &b, shop);
            st_buf_puts(f.a, &b,
                        "table letters { customer_id int links to customers  at timestamp time  channel "
                        "string  name string }\n");
            st_buf_puts(f.a, &b, cases[i].begin);
            for (int k = 0; k < cases[i].most + more; k++) st_buf_printf(f.a, &b, cases[i].each, k, k);
            st_buf_puts(f.a, &b, cases[i].end);
            for (int k = 0; k < cases[i].most + more && cases[i].most == 999; k++)
                st_buf_printf(f.a, &b, "treatment t%d for s { transactional  channel c }\n", k);
            add_file(&f, "t.seg", st_buf_text(f.a, &b));
            run(&f);
            if (f.diags.errors != (uint32_t)more)
                fail_msg("%s%s: %.500s", cases[i].begin, cases[i].each, messages(&f));
            if (more) assert_int_equal(f.diags.items.p[0].code, ST_MSG_TOO_MANY);
            stop(&f);
        }
}

/* Many ways over links are counted, not walked. */
static void test_many_ways(void **state)
{
    (void)state;
    fixture f;
    st_buf b = {0};
    start(&f);
    for (int i = 0; i < 200; i++)
        st_buf_printf(f.a, &b, "table t%d { id int key  a int links to t%d  b int links to t%d }\n", i, i + 1,
                      i + 1);
    st_buf_puts(f.a, &b, "table t200 { id int key }\nsegments of t200\nsegment s where any(t0)\n");
    add_file(&f, "t.seg", st_buf_text(f.a, &b));
    run(&f);
    assert_int_equal(f.diags.items.n, 1);
    assert_int_equal(f.diags.items.p[0].code, ST_MSG_SEVERAL_LINKS);
    stop(&f);
}

static void check_alone(st_env *env, const char *text)
{
    fixture f = {.a = st_arena_new(env)};
    st_names_init(&f.names, f.a);
    st_sources_init(&f.sources, f.a);
    st_diags_init(&f.diags, f.a, &f.sources);
    add_file(&f, "t.seg", text);
    st_check(f.a, &f.names, &f.sources, f.files, f.nfiles, NULL, 0, &f.diags);
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    static size_t limit, failures;
    static char text[4096];
    bool ok = false;
    snprintf(text, sizeof text,
             "%ssegment s where sequence(orders: n = 1 then any(orders)) and nonsense\n"
             "rfm r from orders { recency 5 quantiles  tiers { a r 1..3  b otherwise } }\n"
             "tiers t by sum(amount of orders) { top_ones top 1%%  rest otherwise }\n",
             shop);
    for (limit = failures = 0; !ok;) {
        limit += 8 << 10;
        assert_true(limit < 8 << 20);
        st_env env;
        st_env_init(&env, NULL);
        env.limit = limit;
        ST_GUARD(&env, ok, check_alone(&env, text));
        failures += !ok;
        if (!ok) assert_int_equal(env.error.status, STRATA_NO_MEMORY);
        st_env_close(&env);
    }
    assert_true(failures > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),       cmocka_unit_test(test_golden_programs),
        cmocka_unit_test(test_acceptance),     cmocka_unit_test(test_widths),
        cmocka_unit_test(test_order_and_uses), cmocka_unit_test(test_only_what_is_read_is_used),
        cmocka_unit_test(test_treatments),     cmocka_unit_test(test_personal),
        cmocka_unit_test(test_unserved),       cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_overrides),      cmocka_unit_test(test_no_cascades),
        cmocka_unit_test(test_limits),         cmocka_unit_test(test_limits_of_treatments),
        cmocka_unit_test(test_never_both),     cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_many_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
