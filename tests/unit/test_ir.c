/* The graph: polarity by brute force against three-valued logic, cut points around their borders, what is shared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <math.h>
#include <cmocka.h>

#include "compiled.h"

/* ---- a program by hand ---- */

enum { COL_A, COL_B, COL_D, COL_W, COL_F, COL_P, COL_Q, COL_T, COL_ID, NCOLS };

typedef struct fixture {
    st_env env;
    st_arena *a;
    st_program program;
    st_table table, *tables[1];
    st_col cols[NCOLS];
} fixture;

static void column(fixture *f, int i, const char *name, st_base_type base, uint8_t digits, uint8_t scale)
{
    f->cols[i] = (st_col){.name = name,
                          .index = (uint32_t)i,
                          .table = &f->table,
                          .type = {.base = base, .optional = true, .digits = digits, .scale = scale}};
}

static void start(fixture *f)
{
    memset(f, 0, sizeof *f);
    st_env_init(&f->env, NULL);
    f->a = st_arena_new(&f->env);
    column(f, COL_A, "a", ST_T_INT, 19, 0);
    column(f, COL_B, "b", ST_T_INT, 19, 0);
    column(f, COL_D, "d", ST_T_DECIMAL, 6, 2);
    column(f, COL_W, "w", ST_T_DECIMAL, 30, 3);
    column(f, COL_F, "f", ST_T_FLOAT, 0, 0);
    column(f, COL_P, "p", ST_T_BOOL, 0, 0);
    column(f, COL_Q, "q", ST_T_BOOL, 0, 0);
    column(f, COL_T, "t", ST_T_TIMESTAMP, 0, 0);
    column(f, COL_ID, "id", ST_T_INT, 19, 0);
    f->cols[COL_ID].key = true;
    f->cols[COL_ID].type.optional = false;
    f->table = (st_table){.name = "t", .ncols = NCOLS, .cols = f->cols, .key = &f->cols[COL_ID]};
    f->tables[0] = &f->table;
    f->program = (st_program){.arena = f->a,
                              .timezone = "UTC",
                              .zone = st_zone_load(f->a, "UTC"),
                              .ntables = 1,
                              .tables = f->tables};
}

static void stop(fixture *f)
{
    st_env_close(&f->env);
}

static st_expr *expr(fixture *f, st_op op, st_base_type base, uint32_t n, st_expr *x, st_expr *y)
{
    st_expr *e = st_new(f->a, st_expr);
    *e = (st_expr){.op = op, .type = {.base = base, .optional = true, .digits = 19}, .at = &f->table, .n = n};
    e->args = st_new_n(f->a, st_expr *, 4);
    e->args[0] = x;
    e->args[1] = y;
    return e;
}

static st_expr *col(fixture *f, int i)
{
    st_expr *e = expr(f, ST_X_COLUMN, f->cols[i].type.base, 0, NULL, NULL);
    e->type = f->cols[i].type;
    e->col = &f->cols[i];
    return e;
}

static st_expr *integer(fixture *f, int64_t v)
{
    st_expr *e = expr(f, ST_X_CONST, ST_T_INT, 0, NULL, NULL);
    e->value = (st_value){.type = e->type, .as.i = v};
    return e;
}

static st_expr *decimal(fixture *f, st_i128 v, uint8_t scale)
{
    st_expr *e = expr(f, ST_X_CONST, ST_T_DECIMAL, 0, NULL, NULL);
    e->type.digits = 38;
    e->type.scale = scale;
    e->value = (st_value){.type = e->type, .as.d = v};
    return e;
}

static st_expr *real(fixture *f, double v)
{
    st_expr *e = expr(f, ST_X_CONST, ST_T_FLOAT, 0, NULL, NULL);
    e->value = (st_value){.type = e->type, .as.f = v};
    return e;
}

/* The graph of one condition: where it is true, and where it is known. */
typedef struct lowered {
    const st_ir *ir;
    st_ir_id is_true, is_known;
} lowered;

static lowered lower(fixture *f, st_expr *e)
{
    st_def *d = st_new(f->a, st_def);
    *d = (st_def){.kind = ST_DEF_TRAIT, .name = "x", .of = &f->table, .type = e->type, .expr = e};
    f->program.ndefs = 1;
    f->program.defs = st_new_n(f->a, st_def *, 1);
    f->program.defs[0] = d;
    const st_ir *ir = st_lower(f->a, &f->program, &(st_ir_options){.traits = true});
    assert_int_equal(ir->outputs.n, 1);
    return (lowered){ir, ir->outputs.p[0].value, ir->outputs.p[0].known};
}

/* ---- a small evaluator of graphs: one row at a time, every node ---- */

typedef struct cell {
    bool known; /* a predicate: is true */
    st_i128 i;
    double f;
} cell;

static int order(const st_ir *ir, const cell *v, st_ir_id a, st_ir_id b)
{
    const st_ir_node *x = st_ir_at(ir, a), *y = st_ir_at(ir, b);
    if (x->kind == ST_IR_F64) return (v[a].f > v[b].f) - (v[a].f < v[b].f);
    return st_dec_cmp(v[a].i, x->scale, v[b].i, y->scale);
}

static bool compare(const st_ir *ir, const cell *v, const st_ir_node *n)
{
    if (!v[n->args[0]].known || !v[n->args[1]].known) return false;
    int o = order(ir, v, n->args[0], n->args[1]);
    switch (n->op) {
    case ST_IR_EQ: return o == 0;
    case ST_IR_GE: return o >= 0;
    case ST_IR_GT: return o > 0;
    case ST_IR_LE: return o <= 0;
    default: return o < 0;
    }
}

static cell evaluate(const st_ir *ir, const cell *v, const st_ir_node *n, const cell *row)
{
    cell out = {0};
    uint32_t held = 0;
    for (uint32_t i = 0; i < n->n; i++) held += v[n->args[i]].known;
    switch (n->op) {
    case ST_IR_NONE:
    case ST_IR_FALSE:
    case ST_IR_NOW:
    case ST_IR_MISSING: return out;
    case ST_IR_TRUE: out.known = true; return out;
    case ST_IR_CONST: return (cell){true, n->imm, n->f};
    case ST_IR_COLUMN:
        out = row[n->col->index];
        if (n->kind == ST_IR_PRED) out.known = out.known && out.i;
        return out;
    case ST_IR_KNOWN:
        out.known = st_ir_at(ir, n->args[0])->op == ST_IR_COLUMN
                        ? row[st_ir_at(ir, n->args[0])->col->index].known
                        : v[n->args[0]].known;
        return out;
    case ST_IR_NOT: out.known = !held; return out;
    case ST_IR_AND: out.known = held == n->n; return out;
    case ST_IR_OR: out.known = held > 0; return out;
    case ST_IR_ANDNOT: out.known = v[n->args[0]].known && !v[n->args[1]].known; return out;
    case ST_IR_AT_LEAST: out.known = held >= n->k; return out;
    case ST_IR_IN:
        for (uint32_t i = 1; i < n->n; i++)
            out.known |= v[n->args[0]].known && order(ir, v, n->args[0], n->args[i]) == 0;
        return out;
    case ST_IR_TO_DATE:
        out = v[n->args[0]];
        if (out.known) out.i = st_day_of_instant(ir->program->zone, (int64_t)out.i);
        return out;
    case ST_IR_SELECT: return v[n->args[v[n->args[0]].known ? 0 : 1]];
    case ST_IR_EQ:
    case ST_IR_GE:
    case ST_IR_GT:
    case ST_IR_LE:
    case ST_IR_LT: out.known = compare(ir, v, n); return out;
    case ST_IR_ADD:
        out.i = v[n->args[0]].i + v[n->args[1]].i;
        out.known = held == 2;
        return out;
    default: fail_msg("the test's evaluator does not know %s", st_ir_op_names[n->op]);
    }
    return out;
}

static void evaluate_all(const st_ir *ir, const cell *row, cell *v)
{
    for (st_ir_id id = 0; id < ir->nodes.n; id++) v[id] = evaluate(ir, v, st_ir_at(ir, id), row);
}

/* ---- three-valued reference, on the checked expression ---- */

typedef struct tri {
    bool known;
    int64_t v;
} tri;

static tri reference(const st_expr *e, const cell *row);

static tri junction(const st_expr *e, const cell *row, bool deciding)
{
    tri out = {true, !deciding};
    for (uint32_t i = 0; i < e->n; i++) {
        tri x = reference(e->args[i], row);
        if (x.known && x.v == deciding) return x;
        if (!x.known) out.known = false;
    }
    return out;
}

static tri reference(const st_expr *e, const cell *row)
{
    tri x = e->n > 0 ? reference(e->args[0], row) : (tri){0},
        y = e->n > 1 ? reference(e->args[1], row) : (tri){0};
    tri both = {x.known && y.known, 0};
    switch (e->op) {
    case ST_X_CONST: return (tri){true, e->type.base == ST_T_BOOL ? e->value.as.b : e->value.as.i};
    case ST_X_COLUMN: return (tri){row[e->col->index].known, (int64_t)row[e->col->index].i};
    case ST_X_NOT: return (tri){x.known, !x.v};
    case ST_X_AND: return junction(e, row, false);
    case ST_X_OR: return junction(e, row, true);
    case ST_X_AT_LEAST: {
        uint32_t yes = 0, unknown = 0;
        for (uint32_t i = 0; i < e->n; i++) {
            tri t = reference(e->args[i], row);
            yes += t.known && t.v;
            unknown += !t.known;
        }
        return (tri){yes >= e->kind || yes + unknown < e->kind, yes >= e->kind};
    }
    case ST_X_EQ: both.v = x.v == y.v; return both;
    case ST_X_NE: both.v = x.v != y.v; return both;
    case ST_X_LT: both.v = x.v < y.v; return both;
    case ST_X_LE: both.v = x.v <= y.v; return both;
    case ST_X_GT: both.v = x.v > y.v; return both;
    case ST_X_GE: both.v = x.v >= y.v; return both;
    case ST_X_IN:
        for (uint32_t i = 1; i < e->n; i++) x.v = i == 1 ? (x.v == y.v) * 2 - 1 : x.v;
        return (tri){x.known, x.v > 0};
    case ST_X_IS_MISSING: return (tri){true, !x.known};
    case ST_X_IF_MISSING: return x.known ? x : y;
    case ST_X_ADD: both.v = x.v + y.v; return both;
    default: fail_msg("the test's reference does not know %s", st_op_names[e->op]);
    }
    return x;
}

/* ---- random conditions ---- */

static uint64_t seed = 1;
static uint32_t pick(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % n;
}

static st_expr *number(fixture *f, int depth)
{
    switch (pick(depth > 0 ? 5 : 3)) {
    case 0: return integer(f, (int64_t)pick(5) - 2);
    case 1: return col(f, COL_A);
    case 2: return col(f, COL_B);
    case 3: return expr(f, ST_X_IF_MISSING, ST_T_INT, 2, number(f, depth - 1), number(f, depth - 1));
    default: return expr(f, ST_X_ADD, ST_T_INT, 2, number(f, depth - 1), number(f, depth - 1));
    }
}

static st_expr *condition(fixture *f, int depth)
{
    static const st_op tests[] = {ST_X_EQ, ST_X_NE, ST_X_LT, ST_X_LE, ST_X_GT, ST_X_GE, ST_X_IN};
    static const st_op logic[] = {ST_X_AND, ST_X_OR, ST_X_AT_LEAST, ST_X_EQ, ST_X_NE, ST_X_IF_MISSING};
    uint32_t kind = pick(depth > 0 ? 9 : 3);
    if (kind == 0) return col(f, pick(2) ? COL_P : COL_Q);
    if (kind <= 2) {
        st_op op = tests[pick(7)];
        st_expr *set = op == ST_X_IN ? integer(f, (int64_t)pick(5) - 2) : number(f, depth - 1);
        return expr(f, op, ST_T_BOOL, 2, number(f, depth - 1), set);
    }
    st_expr *x = condition(f, depth - 1);
    if (kind == 3) return expr(f, ST_X_NOT, ST_T_BOOL, 1, x, NULL);
    if (kind == 4) return expr(f, ST_X_IS_MISSING, ST_T_BOOL, 1, x, NULL);
    st_expr *e = expr(f, logic[pick(6)], ST_T_BOOL, 2, x, condition(f, depth - 1));
    bool many = e->op == ST_X_AND || e->op == ST_X_OR || e->op == ST_X_AT_LEAST;
    if (many && pick(2)) {
        e->args[2] = condition(f, depth - 1);
        e->n = 3;
    }
    e->kind = pick(4);
    return e;
}

static void every_polarity(void **state)
{
    (void)state;
    for (int round = 0; round < 1500; round++) {
        fixture f;
        start(&f);
        st_expr *e = condition(&f, 3);
        lowered l = lower(&f, e);
        cell *v = st_new_n(f.a, cell, l.ir->nodes.n);
        for (int i = 0; i < 5 * 5 * 3 * 3; i++) {
            cell row[NCOLS] = {0};
            row[COL_A] = (cell){i % 5 > 0, i % 5 ? i % 5 - 3 : 0, 0};
            row[COL_B] = (cell){i / 5 % 5 > 0, i / 5 % 5 ? i / 5 % 5 - 2 : 0, 0};
            row[COL_P] = (cell){i / 25 % 3 > 0, i / 25 % 3 > 1, 0};
            row[COL_Q] = (cell){i / 75 > 0, i / 75 > 1, 0};
            evaluate_all(l.ir, row, v);
            tri want = reference(e, row);
            if (v[l.is_true].known != (want.known && want.v) || v[l.is_known].known != want.known)
                fail_msg("round %d, row %d: %d %d for %d %d", round, i, v[l.is_known].known,
                         v[l.is_true].known, want.known, (int)want.v);
        }
        stop(&f);
    }
}

/* ---- cut points ---- */

static const st_op compares[] = {ST_X_EQ, ST_X_NE, ST_X_LT, ST_X_LE, ST_X_GT, ST_X_GE};

static bool holds(st_op op, int o)
{
    switch (op) {
    case ST_X_EQ: return o == 0;
    case ST_X_NE: return o != 0;
    case ST_X_LT: return o < 0;
    case ST_X_LE: return o <= 0;
    case ST_X_GT: return o > 0;
    default: return o >= 0;
    }
}

/* The comparison with a constant, on one value of the column, and where it is missing; written from both sides. */
static void check_cut(fixture *f, int column_id, st_op op, st_expr *c, cell value, int o)
{
    static const st_op mirror[] = {ST_X_EQ, ST_X_NE, ST_X_GT, ST_X_GE, ST_X_LT, ST_X_LE};
    for (int side = 0; side < 2; side++) {
        st_expr *x = col(f, column_id);
        lowered l = lower(f, side ? expr(f, mirror[op - ST_X_EQ], ST_T_BOOL, 2, c, x)
                                  : expr(f, op, ST_T_BOOL, 2, x, c));
        cell *v = st_new_n(f->a, cell, l.ir->nodes.n);
        cell row[NCOLS] = {0};
        evaluate_all(l.ir, row, v);
        assert_false(v[l.is_true].known);
        assert_false(v[l.is_known].known);
        row[column_id] = value;
        evaluate_all(l.ir, row, v);
        assert_true(v[l.is_known].known);
        if (v[l.is_true].known != holds(op, o)) fail_msg("%s is wrong, side %d", st_op_names[op], side);
    }
}

static void exact_cuts(void **state)
{
    (void)state;
    static const int columns[] = {COL_A, COL_D, COL_W};
    for (int k = 0; k < 3; k++) {
        unsigned scale = k == 0 ? 0 : k == 1 ? 2 : 3;
        for (uint8_t cs = 0; cs <= 4; cs++) {
            fixture f;
            start(&f);
            /* 12 constants around -1.05, 0 and 1.05 against 9 values around each of them */
            for (int c = -3; c <= 3; c++) {
                st_i128 cv = (st_i128)c * 35 * st_pow10(cs) / 100 + (c % 2);
                st_i128 near;
                assert_true(st_dec_rescale(cv, cs, scale, &near));
                for (st_i128 v = near - 2; v <= near + 2; v++)
                    for (size_t i = 0; i < ST_COUNT(compares); i++)
                        check_cut(&f, columns[k], compares[i], decimal(&f, cv, cs), (cell){true, v, 0},
                                  st_dec_cmp(v, scale, cv, cs));
            }
            stop(&f);
        }
    }
}

static void cuts_beyond_the_column(void **state)
{
    (void)state;
    fixture f;
    start(&f);
    st_i128 far = st_pow10(30), constants[] = {far, -far, INT64_MAX, INT64_MIN, (st_i128)INT64_MAX + 1};
    st_i128 values[] = {INT64_MAX, INT64_MIN, 0};
    for (size_t c = 0; c < ST_COUNT(constants); c++)
        for (uint8_t cs = 0; cs <= 7; cs += 7)
            for (size_t v = 0; v < ST_COUNT(values); v++)
                for (size_t i = 0; i < ST_COUNT(compares); i++)
                    check_cut(&f, COL_A, compares[i], decimal(&f, constants[c] * st_pow10(cs), cs),
                              (cell){true, values[v], 0}, st_dec_cmp(values[v], 0, constants[c], 0));
    stop(&f);
}

static void float_cuts(void **state)
{
    (void)state;
    fixture f;
    start(&f);
    static const double constants[] = {0.0, -0.0, 0.5, 1e300, -1e-300, 5e-324, 1.7976931348623157e308};
    for (size_t c = 0; c < ST_COUNT(constants); c++) {
        double x = constants[c], values[] = {x, nextafter(x, -INFINITY), nextafter(x, INFINITY), -x, 0};
        for (size_t v = 0; v < ST_COUNT(values); v++) {
            if (isinf(values[v])) continue;
            for (size_t i = 0; i < ST_COUNT(compares); i++)
                check_cut(&f, COL_F, compares[i], real(&f, x), (cell){true, 0, values[v]},
                          (values[v] > x) - (values[v] < x));
        }
    }
    stop(&f);
}

static void sets_of_other_scales(void **state)
{
    (void)state;
    fixture f;
    start(&f);
    st_expr *in = expr(&f, ST_X_IN, ST_T_BOOL, 4, col(&f, COL_D), decimal(&f, 15, 1));
    in->args[2] = decimal(&f, 1005, 3); /* 1.005 is no value of d */
    in->args[3] = decimal(&f, 2, 0);
    lowered l = lower(&f, in);
    cell *v = st_new_n(f.a, cell, l.ir->nodes.n);
    for (int d = 0; d <= 300; d++) {
        cell row[NCOLS] = {0};
        row[COL_D] = (cell){true, d, 0};
        evaluate_all(l.ir, row, v);
        assert_true(v[l.is_true].known == (d == 150 || d == 200));
    }
    stop(&f);
}

/* A day asked of an instant, around midnights at which clocks change: in Berlin never, in Santiago forward, in St. John's back
 * over midnight. */
static void days_of_instants(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *day;
    } cases[] = {{"Europe/Berlin", "2026-10-25"},
                 {"America/Santiago", "2026-09-06"},
                 {"America/St_Johns", "2006-10-29"}};
    for (size_t k = 0; k < ST_COUNT(cases); k++) {
        fixture f;
        start(&f);
        f.program.zone = st_zone_load(f.a, cases[k].zone);
        assert_non_null(f.program.zone);
        int64_t day;
        assert_true(st_parse_date(st_str_of(cases[k].day), &day));
        for (int64_t d = day - 1; d <= day + 1; d++) {
            st_expr *t = col(&f, COL_T), *c = expr(&f, ST_X_CONST, ST_T_DATE, 0, NULL, NULL);
            c->value = (st_value){.type = c->type, .as.i = d};
            int64_t from = st_start_of_day(f.program.zone, d);
            for (size_t i = 0; i < ST_COUNT(compares); i++) {
                st_expr *e =
                    expr(&f, compares[i], ST_T_BOOL, 2, expr(&f, ST_X_TO_DATE, ST_T_DATE, 1, t, NULL), c);
                lowered l = lower(&f, e);
                cell *v = st_new_n(f.a, cell, l.ir->nodes.n);
                for (int64_t minute = -180; minute <= 180; minute++) {
                    cell row[NCOLS] = {0};
                    int64_t instant = from + minute * 60000000;
                    row[COL_T] = (cell){true, instant, 0};
                    evaluate_all(l.ir, row, v);
                    int64_t is = st_day_of_instant(f.program.zone, instant);
                    if (v[l.is_true].known != holds(compares[i], (is > d) - (is < d)))
                        fail_msg("%s, %s, minute %d", cases[k].zone, st_op_names[compares[i]], (int)minute);
                }
            }
        }
        stop(&f);
    }
}

/* ---- what is shared ---- */

static void compile(compiled *f, const char *text, bool traits)
{
    bool ok = compile_rules(f, text, traits);
    if (!ok) fail_msg("%s", f->env.error.message);
}

static uint32_t count(const compiled *f, st_ir_op op)
{
    const bool *live = st_ir_live(f->a, f->ir);
    uint32_t n = 0;
    for (st_ir_id id = 1; id < f->ir->nodes.n; id++) n += live[id] && st_ir_at(f->ir, id)->op == op;
    return n;
}

#define TABLES                                                                                               \
    "table customers { customer_id string key  n int?  m int  country string? }\n"                           \
    "table orders { customer_id string links to customers  at timestamp time  amount decimal(12,2) }\n"      \
    "segments of customers\n"

static void equal_cuts_are_one_leaf(void **state)
{
    (void)state;
    compiled f;
    compile(&f,
            TABLES
            "segment s1 where n > 10.5\nsegment s2 where n >= 11\nsegment s3 where not (n < 11)\n"
            "segment s4 where n between 11 and 99.5\nsegment s5 where 100 <= n\nsegment s6 where n <= 10\n",
            false);
    assert_int_equal(count(&f, ST_IR_GE), 2); /* 11 and 100 */
    assert_int_equal(count(&f, ST_IR_GT) + count(&f, ST_IR_LE) + count(&f, ST_IR_LT), 0);
    assert_int_equal(count(&f, ST_IR_KNOWN), 1);
    assert_int_equal(f.ir->outputs.p[0].value, f.ir->outputs.p[1].value);
    assert_int_equal(f.ir->outputs.p[0].value, f.ir->outputs.p[2].value);
    st_env_close(&f.env);
}

static void rows_asked_for_in_several_ways_are_one_fold(void **state)
{
    (void)state;
    compiled f;
    compile(&f,
            TABLES "rows recent = orders in last 30 days\n"
                   "segment s1 where any(recent)\nsegment s2 where no(orders in last 30 days)\n"
                   "segment s3 where count(recent) >= 1\nsegment s4 where count(recent) = 0\n"
                   "segment s5 where count(recent where amount > 5) > 0\n",
            false);
    assert_int_equal(count(&f, ST_IR_ANY), 2);
    assert_int_equal(count(&f, ST_IR_COUNT), 0);
    st_env_close(&f.env);
}

static void definitions_are_used_not_repeated(void **state)
{
    (void)state;
    compiled f;
    compile(&f,
            TABLES "trait spend = sum(amount of orders)\n"
                   "tiers t { a when spend > 100\n b when spend > 10\n c otherwise }\n"
                   "segment s1 where t = a\nsegment s2 where t != a\nsegment s3 where t in (b, c)\n",
            false);
    assert_int_equal(count(&f, ST_IR_SUM), 1);
    assert_int_equal(count(&f, ST_IR_CASE), 1);
    assert_int_equal(count(&f, ST_IR_EQ), 0); /* labels are asked by their predicates */
    assert_int_equal(f.ir->outputs.p[2].value, f.ir->outputs.p[3].value);
    st_env_close(&f.env);
}

/* A chain of conditions that build on each other stays a chain: opened up it would grow with its square. */
static void chains_of_definitions_stay_chains(void **state)
{
    (void)state;
    st_env env;
    st_env_init(&env, NULL);
    st_arena *a = st_arena_new(&env);
    st_buf text = {0};
    st_buf_puts(a, &text, TABLES "trait t0 = m > 0\nsegment s0 where m > 0\n");
    for (int i = 1; i < 300; i++)
        st_buf_printf(a, &text, "trait t%d = t%d and m != %d\nsegment s%d where s%d or m = %d\n", i, i - 1, i,
                      i, i - 1, i);
    st_buf_puts(a, &text, "segment z where t299\n");
    compiled f;
    compile(&f, st_buf_text(a, &text), false);
    const bool *live = st_ir_live(f.a, f.ir);
    for (st_ir_id id = 1; id < f.ir->nodes.n; id++) assert_true(!live[id] || st_ir_at(f.ir, id)->n <= 3);
    st_env_close(&f.env);
    st_env_close(&env);
}

static void other_instants_share_what_does_not_depend_on_time(void **state)
{
    (void)state;
    compiled f;
    compile(&f,
            TABLES "segment s1 where any(orders where amount > 5) and country = \"DE\"\n"
                   "segment s2 where (s1 as of 30 days ago) and not s1\n",
            false);
    assert_int_equal(count(&f, ST_IR_EQ), 1);
    assert_int_equal(count(&f, ST_IR_ANY), 2);
    assert_int_equal(f.ir->checks.n, 1);
    st_env_close(&f.env);
}

static void nothing_is_kept_for_what_is_not_asked(void **state)
{
    (void)state;
    compiled f;
    compile(&f, TABLES "trait spend = sum(amount of orders)\nsegment s1 where m > 3\n", false);
    assert_int_equal(count(&f, ST_IR_SUM), 0);
    assert_int_equal(f.ir->outputs.n, 1);
    const char *only[] = {"spend"};
    st_ir *ir = st_lower(f.a, f.program, &(st_ir_options){.definitions = only, .ndefinitions = 1});
    assert_int_equal(ir->outputs.n, 1);
    assert_string_equal(ir->outputs.p[0].def->name, "spend");
    st_env_close(&f.env);
}

static void contradictions_are_seen(void **state)
{
    (void)state;
    compiled f;
    compile(&f, TABLES "segment never where m > 3 and not (m > 3)\nsegment always where m > 3 or m <= 3\n",
            false);
    assert_int_equal(f.ir->outputs.p[0].value, ST_IR_FALSE_ID);
    assert_int_equal(f.ir->outputs.p[1].value, ST_IR_TRUE_ID);
    st_env_close(&f.env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_polarity),
        cmocka_unit_test(exact_cuts),
        cmocka_unit_test(cuts_beyond_the_column),
        cmocka_unit_test(float_cuts),
        cmocka_unit_test(sets_of_other_scales),
        cmocka_unit_test(days_of_instants),
        cmocka_unit_test(equal_cuts_are_one_leaf),
        cmocka_unit_test(rows_asked_for_in_several_ways_are_one_fold),
        cmocka_unit_test(definitions_are_used_not_repeated),
        cmocka_unit_test(chains_of_definitions_stay_chains),
        cmocka_unit_test(other_instants_share_what_does_not_depend_on_time),
        cmocka_unit_test(nothing_is_kept_for_what_is_not_asked),
        cmocka_unit_test(contradictions_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
