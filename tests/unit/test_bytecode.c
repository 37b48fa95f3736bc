/* Programs as things: what the verifier refuses, the file, the disassembler. */
#include "vm_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static world w;
static st_bc *b;

/* Numbers of the objects of the sample. */
static uint32_t view, filter, amount, at, last, seen, hits, label, spent, median, score, top, threshold,
    bound, friend_of, note, country, seq_id, over_view, word, age, tags, consent, near, list_note;

static const st_col *c_col(uint32_t c)
{
    return &w.schema->tables[CUSTOMERS]->cols[c];
}
static const st_col *o_col(uint32_t c)
{
    return &w.schema->tables[ORDERS]->cols[c];
}

static void emit(st_bc_op op, st_bc_type type, uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3)
{
    st_bc_emit(b, op, type, a0, a1, a2, a3, 0);
}

static uint32_t output(st_bc_type type, const char *name)
{
    static const st_base_type bases[] = {ST_T_BOOL, ST_T_INT, ST_T_DECIMAL, ST_T_FLOAT, ST_T_STRING};
    uint32_t slot = st_bc_slot_new(b, type, CUSTOMERS, name);
    st_bc_output_new(b, w.schema->defs[CUSTOMERS], ST_OUT_VALUE,
                     (st_type){.base = bases[type], .digits = 38, .scale = 2}, slot, ST_BC_NONE);
    return slot;
}

/* Instructions of the sample by number, for the tests that spoil them. */
enum { SETUP_FIRST = 0, VIEW_FIRST = 5, COND_FIRST = 14, LAST_FIRST = 17 };

/* How far it is, and who is on a list. */
static void places_and_lists(void)
{
    static const st_str keys[] = {{"a", 1}, {"nobody", 6}};
    static st_list press = {.n = 2, .texts = keys};
    static const st_def list = {.kind = ST_DEF_LIST, .index = 77, .name = "press", .list = &press};
    uint32_t rating = st_bc_column(b, CUSTOMERS, ST_BC_NONE, c_col(C_RATING));
    uint32_t id = st_bc_column(b, CUSTOMERS, ST_BC_NONE, c_col(C_ID));
    uint32_t way = output(ST_BC_I64, "way"), set = st_bc_set_of(b, &list);
    near = output(ST_BC_I64, "near");
    assert_int_equal(st_bc_set_of(b, &list), set);
    list_note = st_bc_note_new(b, STRATA_NOTE_LIST_KEYS, "press", set);
    st_bc_begin(b);
    emit(ST_BC_LOAD, ST_BC_F64, 0, rating, 0, 0);
    st_bc_emit(b, ST_BC_DISTANCE, 0, 1, 0, 0, 0, 0);
    emit(ST_BC_STORE, ST_BC_I64, way, 1, 0, 0);
    emit(ST_BC_LOAD, ST_BC_TEXT, 2, id, 0, 0);
    emit(ST_BC_LISTED, ST_BC_TEXT, 0, 2, set, 0);
    emit(ST_BC_NOTE, 0, list_note, 0, 0, 0);
    st_bc_code c = st_bc_end(b);
    st_bc_step_new(b, ST_STEP_PASS, CUSTOMERS)->code = c;
    st_bc_step *s = st_bc_step_new(b, ST_STEP_NEAREST, CUSTOMERS);
    s->out = near, s->value = s->key = rating;
    s->other = CUSTOMERS, s->other_filter = seen, s->other_value = s->other_key = rating;
}

/* One program with steps of every kind. */
static void sample_program(void)
{
    world_open(&w);
    b = st_bc_new(w.a, w.schema);
    st_path up = {1, (const st_col *[]){o_col(O_CUSTOMER)}},
            to_friend = {1, (const st_col *[]){c_col(C_FRIEND)}};
    uint32_t key = st_bc_column(b, ORDERS, ST_BC_NONE, o_col(O_ID));
    view = st_bc_view_of(b, &up, st_bc_column(b, ORDERS, ST_BC_NONE, o_col(O_AT)), &key, 1);
    st_bc_domain d = ST_BC_VIEW(view);
    friend_of = st_bc_index(b, &to_friend);
    amount = st_bc_column(b, d, ST_BC_NONE, o_col(O_AMOUNT));
    at = st_bc_column(b, d, ST_BC_NONE, o_col(O_AT));
    country = st_bc_column(b, CUSTOMERS, friend_of, c_col(C_COUNTRY));
    age = st_bc_column(b, CUSTOMERS, ST_BC_NONE, c_col(C_AGE));
    tags = st_bc_column(b, CUSTOMERS, ST_BC_NONE, c_col(C_TAGS));
    consent = st_bc_column(b, CUSTOMERS, ST_BC_NONE, c_col(C_CONSENT));
    filter = st_bc_slot_new(b, ST_BC_BOOL, d, "large ones");
    last = st_bc_slot_new(b, ST_BC_BOOL, d, "");
    hits = output(ST_BC_I64, "number");
    spent = output(ST_BC_I128, "");
    median = output(ST_BC_I128, "");
    seen = output(ST_BC_BOOL, "sequence");
    score = output(ST_BC_I64, "score");
    label = output(ST_BC_I64, "");
    word = output(ST_BC_TEXT, "");
    over_view = st_bc_read_slot(b, d, ST_BC_NONE, filter);
    threshold = st_bc_scalar_new(b, ST_S_SET, ST_BC_I64);
    bound = st_bc_scalar_new(b, ST_S_BOUND, ST_BC_I64);
    note = st_bc_note_new(b, STRATA_NOTE_UNSEEN, "orders", ST_BC_NONE);
    uint32_t floor = st_bc_scalar_new(b, ST_S_SET, ST_BC_I64);

    st_bc_begin(b);
    emit(ST_BC_CONST, ST_BC_I64, 0, st_bc_now(b), 0, 0);
    emit(ST_BC_CONST, ST_BC_I64, 1, st_bc_i64(b, -30), 0, 0);
    emit(ST_BC_SHIFT_INSTANT, 0, 0, 0, 1, ST_DAY);
    emit(ST_BC_SET, ST_BC_I64, floor, 0, 0, 0);
    emit(ST_BC_CHECK_AS_OF, 0, floor, st_bc_now(b), 0, 0);
    st_bc_code c = st_bc_end(b);
    st_bc_step_new(b, ST_STEP_SETUP, 0)->code = c;

    st_bc_begin(b);
    emit(ST_BC_LOAD, ST_BC_I64, 0, amount, 0, 0);
    emit(ST_BC_LOAD, ST_BC_I64, 1, at, 0, 0);
    emit(ST_BC_CMP, ST_BC_I64, 0, 0, st_bc_i64(b, 1000), ST_GE);
    emit(ST_BC_CMP, ST_BC_I64, 1, 1, floor, ST_LT);
    emit(ST_BC_AND, 0, 2, 0, 1, 0);
    emit(ST_BC_STORE_P, 0, filter, 2, 0, 0);
    emit(ST_BC_NOTE, 0, note, 1, 0, 0);
    emit(ST_BC_AGG_COUNT, 0, hits, 2, 0, 0);
    emit(ST_BC_AGG_SUM, ST_BC_I64, spent, 2, 0, 0);
    c = st_bc_end(b);
    st_bc_step_new(b, ST_STEP_PASS, d)->code = c;

    st_bc_step *s = st_bc_step_new(b, ST_STEP_MEDIAN, d);
    s->out = median, s->filter = filter, s->value = amount, s->scale = 2;
    s = st_bc_step_new(b, ST_STEP_LAST_N, d);
    s->out = last, s->n = 3;

    st_bc_begin(b);
    emit(ST_BC_LOAD, ST_BC_I64, 0, amount, 0, 0);
    emit(ST_BC_CMP, ST_BC_I64, 0, 0, bound, ST_GT);
    emit(ST_BC_NOT, 0, 0, 0, 0, 0);
    st_bc_code cond = st_bc_end(b);
    st_bc_sequence *q = st_bc_sequence_new(b, CUSTOMERS, 2, &seq_id);
    q->until = st_bc_now(b);
    q->steps[0] = (st_bc_seq_step){.kind = ST_SEQ_ROW, .view = view, .filter = filter, .time = at};
    q->steps[0].nbind = 1;
    q->steps[0].bind = st_new(w.a, st_bc_pair);
    q->steps[0].bind[0] = (st_bc_pair){amount, bound};
    q->steps[1] = (st_bc_seq_step){
        .kind = ST_SEQ_NO, .view = view, .filter = last, .time = at, .has_within = true, .within = 2};
    q->steps[1].within_unit = ST_DAY;
    q->steps[1].neq = 1;
    q->steps[1].eq = st_new(w.a, st_bc_pair);
    q->steps[1].eq[0] = (st_bc_pair){amount, bound};
    q->steps[1].has_cond = true;
    q->steps[1].cond = cond;
    s = st_bc_step_new(b, ST_STEP_SEQUENCE, CUSTOMERS);
    s->out = seen, s->sequence = seq_id;

    s = st_bc_step_new(b, ST_STEP_THRESHOLD, CUSTOMERS);
    s->out = threshold, s->value = st_bc_read_slot(b, CUSTOMERS, ST_BC_NONE, hits), s->amount = 25,
    s->amount_scale = 2;
    s->is_share = true, s->subject = CUSTOMERS;
    s = st_bc_step_new(b, ST_STEP_SCORE, CUSTOMERS);
    s->out = score, s->value = age, s->n = 5, s->method = ST_NTILE;
    s->key = st_bc_column(b, CUSTOMERS, ST_BC_NONE, c_col(C_ID));

    st_bc_begin(b);
    emit(ST_BC_LOAD, ST_BC_I64, 0, st_bc_read_slot(b, CUSTOMERS, ST_BC_NONE, hits), 0, 0);
    emit(ST_BC_CMP, ST_BC_I64, 0, 0, threshold, ST_GE);
    uint32_t cases = st_bc_list(b, (uint32_t[]){0, st_bc_i64(b, 2)}, 2);
    emit(ST_BC_CASE, ST_BC_I64, 1, cases, st_bc_missing(b, ST_BC_I64), 0);
    emit(ST_BC_STORE, ST_BC_I64, label, 1, 0, 0);
    emit(ST_BC_LOAD, ST_BC_TEXT, 2, country, 0, 0);
    emit(ST_BC_TEST, 0, 1, 2, st_bc_text(b, ST_STR("\"x\"\n")), ST_TEST_ENDS);
    emit(ST_BC_TEST, 0, 1, 2, st_bc_text(b, ST_STR("^[A-Z]+$")), ST_TEST_MATCHES);
    emit(ST_BC_LOWER, 0, 2, 2, 0, 0);
    emit(ST_BC_STORE, ST_BC_TEXT, word, 2, 0, 0);
    emit(ST_BC_LIST_HAS, ST_BC_TEXT, 2, tags, st_bc_text(b, ST_STR("vip")), 1);
    emit(ST_BC_LOAD_TRUE, 0, 3, consent, 0, 0);
    emit(ST_BC_AND_ALL, 0, 3, st_bc_list(b, (uint32_t[]){0, 1, 2, 3}, 4), 0, 0);
    top = output(ST_BC_BOOL, "top");
    emit(ST_BC_STORE_P, 0, top, 3, 0, 0);
    c = st_bc_end(b);
    st_bc_step_new(b, ST_STEP_PASS, CUSTOMERS)->code = c;
    b->population[CUSTOMERS] = top;
    places_and_lists();
}

static int setup(void **state)
{
    (void)state;
    sample_program();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static const char *text_of(const st_bc *program)
{
    st_buf out = {0};
    st_bc_dump(program, w.a, &out);
    return st_buf_text(w.a, &out);
}

static void the_sample_is_fine(void **state)
{
    (void)state;
    char why[ST_BC_WHY];
    if (!st_bc_verify(b, why)) fail_msg("%s", why);
    assert_string_equal(why, "");
}

static void the_dump_says_all(void **state)
{
    (void)state;
    const char *text = text_of(b);
    static const char *const parts[] = {
        "zone UTC\n",
        "i64 now\n",
        "text \"\\\"x\\\"\\n\"\n",
        "i64 missing\n",
        "index 0 customers by friend -> customers\n",
        "view 0 orders by customer -> customers ordered by in1 in0\n",
        "view 0: orders.amount\n",
        "customers through index 0: customers.country\n",
        "slot 0 bool over view 0 large ones\n",
        "note 0 orders\n",
        "step 0: setup, 0 predicates, 2 values\n        0  const.i64 v0 s3\n",
        "shift.instant v0 v0 v1 day\n",
        "step 1: pass over view 0, 3 predicates, 2 values\n",
        "cmp.i64 p0 v0 s5 >=\n",
        "agg.sum.i64 slot3 p2 v0\n",
        "step 2: median over view 0: slot4 = in2 where slot0 scale 2\n",
        "last 3\n",
        "of customers, times are instants, until s3\n",
        "row view 0 where slot0 at in3 bind in2 as s1\n",
        "no view 0 where slot1 at in3 within 2 day and in2 = s1 and p0 of\n",
        "top share 0.25 for of_customer\n",
        "1..5 ntile scale 0 key in",
        "case.i64 v1 (p0 s6) s7\n",
        "test p1 v2 s9 matches\n",
        "and.all p3 (p0 p1 p2 p3)\n",
        "output of_customer = slot2\n",
        "population customers = slot9\n",
        "set 0 text press, 2 keys\n",
        "note 1 press\n",
        "distance v1 v0 v0 v0 v0\n",
        "listed.text p0 v2 set0\n",
        "nearest over customers: slot11 = in11 in11 from customers in11 in11 where slot5\n",
    };
    for (size_t i = 0; i < ST_COUNT(parts); i++)
        if (!strstr(text, parts[i])) fail_msg("\"%s\" is not in: %.400s", parts[i], text);
}

/* ---- the verifier ---- */

typedef struct fault {
    const char *why; /* part of what the verifier says */
    uint32_t *place; /* what is spoiled, and with what */
    uint32_t with;
} fault;

static void refuses(const char *part)
{
    char why[ST_BC_WHY];
    if (st_bc_verify(b, why)) fail_msg("it did not mind: %s", part);
    if (!strstr(why, part)) fail_msg("\"%s\" is not in: %s", part, why);
}

static st_bc_step *step_of(st_bc_step_kind kind)
{
    for (uint32_t i = 0; i < b->steps.n; i++)
        if (b->steps.p[i].kind == kind) return &b->steps.p[i];
    return NULL;
}

static void numbers_out_of_place(void **state)
{
    (void)state;
    st_bc_instr *in_setup = b->code.p + SETUP_FIRST, *in_view = b->code.p + VIEW_FIRST,
                *in_last = b->code.p + LAST_FIRST;
    st_bc_sequence *q = &b->sequences.p[0];
    const uint32_t view_pass = 1, all_bits = UINT32_MAX - 1;
    const fault faults[] = {
        {"a path begins at table", &b->indexes.p[0].table, 7},
        {"a path has 0 links", &b->indexes.p[0].n, 0},
        {"a path follows column", &b->indexes.p[0].cols[0], 99},
        {"which is no link", &b->indexes.p[0].cols[0], C_AGE},
        {"view 9 is not there", &b->inputs.p[amount].domain, ST_BC_VIEW(9)},
        {"table 9 is not there", &b->inputs.p[age].domain, 9},
        {"goes through index", &b->inputs.p[country].index, 9},
        {"an index of another table", &b->inputs.p[amount].index, friend_of},
        {"which is not there", &b->inputs.p[amount].id, 99},
        {"which is not there", &b->inputs.p[over_view].id, 99},
        {"which is over other rows", &b->inputs.p[over_view].id, hits},
        {"is ordered by input 99", &b->views.p[0].order, 99},
        {"is ordered by input", &b->views.p[0].ties[0], age},
        {"ordered by what is no time", &b->views.p[0].order,
         st_bc_column(b, ORDERS, ST_BC_NONE, o_col(O_CATEGORY))},
        {"table 9 is not there", &b->slots.p[hits].domain, 9},
        {"its code is not there", &b->steps.p[view_pass].code.first, 1000},
        {"its code is not there", &b->steps.p[view_pass].code.n, 1000},
        {"more than", &b->steps.p[view_pass].code.npred, ST_BC_MAX_P + 1},
        {"more than", &b->steps.p[view_pass].code.nval, ST_BC_MAX_V + 1},
        {"V[1] is not there", &b->steps.p[view_pass].code.nval, 1},
        {"P[2] is not there", &b->steps.p[view_pass].code.npred, 2},
        {"a setup has no rows", &b->steps.p[view_pass].kind, ST_STEP_SETUP},
        {"scalar 99 is not there", &in_setup[0].a[1], 99},
        {"operand 2 has no meaning", &in_setup[0].a[2], 1},
        {"V[7] is not there", &in_setup[0].a[0], 7},
        {"V[7] is read before", &in_setup[2].a[1], 7},
        {"is no unit", &in_setup[2].a[3], 9},
        {"scalar 3 cannot be set", &in_setup[3].a[0], 3},
        {"is read before it is set", &in_setup[4].a[0], threshold},
        {"input 99 is not there", &in_view[0].a[1], 99},
        {"is over other rows", &in_view[0].a[1], age},
        {"slot 0 is read before it is filled", &in_view[0].a[1], over_view},
        {"is no comparison", &in_view[2].a[3], 6},
        {"is of another type", &in_view[2].a[2], st_bc_text(b, ST_STR("x"))},
        {"where it is not bound", &in_view[2].a[2], bound},
        {"P[2] is read before", &in_view[4].a[1], 2},
        {"slot 99 is not there", &in_view[5].a[0], 99},
        {"is of another type", &in_view[5].a[0], hits},
        {"slot 5 is over other rows", &in_view[5].a[0], seen},
        {"note 9 is not there", &in_view[6].a[0], 9},
        {"is filled twice", &in_view[8].a[0], hits},
        {"is of another type", &in_view[8].a[0], seen},
        {"list", &in_last[2].a[1], 99},
        {"P[8] is read before", &b->lists.p[in_last[2].a[1] + 1], 8},
        {"is of another type", &b->lists.p[in_last[2].a[1] + 2], st_bc_text(b, ST_STR("x"))},
        {"list", &b->lists.p[in_last[2].a[1]], all_bits},
        {"is not made of pairs", &b->lists.p[in_last[2].a[1]], 1},
        {"is no test", &in_last[5].a[3], ST_TESTS},
        {"not of the portable form", &in_last[6].a[2], st_bc_text(b, ST_STR("(?=a)"))},
        {"not of the portable form", &in_last[6].a[2], st_bc_text(b, ST_STR("\\1"))},
        {"is a list", &in_last[0].a[1], tags},
        {"is no list", &in_last[9].a[1], age},
        {"is no flag", &in_last[9].a[3], 2},
        {"is no truth value", &in_last[10].a[1], age},
        {"it needs a view", &step_of(ST_STEP_MEDIAN)->domain, CUSTOMERS},
        {"is no scale", &step_of(ST_STEP_MEDIAN)->scale, 39},
        {"input 99 is not there", &step_of(ST_STEP_MEDIAN)->value, 99},
        {"is over other rows", &step_of(ST_STEP_MEDIAN)->value, age},
        {"is no filter", &step_of(ST_STEP_MEDIAN)->filter, hits},
        {"is read before it is filled", &step_of(ST_STEP_MEDIAN)->filter, last},
        {"sequence 9 is not there", &step_of(ST_STEP_SEQUENCE)->sequence, 9},
        {"about another table", &q->entity, ORDERS},
        {"scalar 99 is not there", &q->until, 99},
        {"has 0 steps", &q->nsteps, 0},
        {"view 5 is not there", &q->steps[0].view, 5},
        {"is of the wrong type", &q->steps[0].time,
         st_bc_column(b, ST_BC_VIEW(view), ST_BC_NONE, o_col(O_CATEGORY))},
        {"cannot be bound", &q->steps[0].bind[0].scalar, 2},
        {"where it is not bound", &q->steps[0].nbind, 0},
        {"P[1] is read before", &q->steps[1].cond_p, 1},
        {"it needs a table", &step_of(ST_STEP_THRESHOLD)->domain, ST_BC_VIEW(view)},
        {"no proper amount", &step_of(ST_STEP_THRESHOLD)->amount_scale, 39},
        {"definition 9 is not there", &step_of(ST_STEP_THRESHOLD)->subject, 9},
        {"cannot be set", &step_of(ST_STEP_THRESHOLD)->out, bound},
        {"input 99 is not there", &step_of(ST_STEP_SCORE)->key, 99},
        {"table 9 is not there", &step_of(ST_STEP_NEAREST)->domain, 9},
        {"it needs two tables", &step_of(ST_STEP_NEAREST)->domain, ST_BC_VIEW(view)},
        {"it needs two tables", &step_of(ST_STEP_NEAREST)->other, 9},
        {"is of the wrong type", &step_of(ST_STEP_NEAREST)->value, age},
        {"is of the wrong type", &step_of(ST_STEP_NEAREST)->other_key, age},
        {"is over other rows", &step_of(ST_STEP_NEAREST)->other_value, amount},
        {"is no filter", &step_of(ST_STEP_NEAREST)->other_filter, hits},
        {"from every row", &step_of(ST_STEP_NEAREST)->filter, seen},
        {"input 99 is not there", &step_of(ST_STEP_NEAREST)->key, 99},
        {"is filled twice", &step_of(ST_STEP_NEAREST)->out, hits},
        {"note 1 is of no kind", &b->notes.p[list_note].set, 9},
        {"note 0 is of no kind", &b->notes.p[note].set, 0},
        {"set 9 is not there", &b->code.p[b->code.n - 2].a[2], 9},
        {"set 0 has more than", &b->sets.p[0].keys.n, ST_BC_MAX_SET + 1},
        {"a slot that is never filled", &b->outputs.p[0].slot, st_bc_slot_new(b, ST_BC_I64, CUSTOMERS, "")},
        {"is of no definition", &b->outputs.p[0].def, 9},
        {"a slot of another type", &b->outputs.p[0].slot, top},
        {"a slot of another type", &b->outputs.p[0].known, top},
        {"a slot over other rows", &b->outputs.p[0].slot, filter},
        {"a population", &b->population[CUSTOMERS], filter},
        {"a population", &b->population[CUSTOMERS], hits},
    };
    for (size_t i = 0; i < ST_COUNT(faults); i++) {
        uint32_t was = *faults[i].place;
        *faults[i].place = faults[i].with;
        refuses(faults[i].why);
        *faults[i].place = was;
    }
    char why[ST_BC_WHY];
    assert_true(st_bc_verify(b, why));
}

static void meanings_out_of_place(void **state)
{
    (void)state;
    st_bc_instr *in_setup = b->code.p + SETUP_FIRST, *in_view = b->code.p + VIEW_FIRST,
                *in_cond = b->code.p + COND_FIRST;
    st_bc_instr was = in_setup[0];
    in_setup[0].op = ST_BC_OPS;
    refuses("is unknown");
    in_setup[0] = was;
    in_setup[0].type = ST_BC_BOOL;
    refuses("is not made for type");
    in_setup[0] = was;

    was = in_setup[2];
    in_setup[2].op = ST_BC_SHIFT_DATE;
    in_setup[2].a[3] = ST_HOUR;
    refuses("days have no hour");
    in_setup[2] = was;

    was = in_view[0]; /* only setups set, and check */
    in_view[0] = (st_bc_instr){ST_BC_CHECK_AS_OF, 0, {2, 2, 0, 0, 0}};
    refuses("only a setup checks");
    in_view[0] = was;

    was = in_cond[0]; /* conditions leave nothing behind */
    in_cond[0] = (st_bc_instr){ST_BC_NOTE, 0, {note, 0, 0, 0, 0}};
    refuses("P[0] is read before");
    in_cond[0] = (st_bc_instr){ST_BC_ALL, 0, {0, 0, 0, 0, 0}};
    in_cond[1] = (st_bc_instr){ST_BC_NOTE, 0, {note, 0, 0, 0, 0}};
    refuses("only a pass counts");
    in_cond[1] = (st_bc_instr){ST_BC_AGG_ANY, 0, {top, 0, 0, 0, 0}};
    refuses("only a pass over a view aggregates");
    in_cond[1] = (st_bc_instr){ST_BC_STORE_P, 0, {top, 0, 0, 0, 0}};
    refuses("only a pass stores");
}

static void steps_out_of_place(void **state)
{
    (void)state;
    st_bc_set *set = &b->sets.p[0];
    set->keys.texts = (const st_str[]){{"b", 1}, {"b", 1}};
    refuses("set 0 is not in order");
    set->keys.texts = (const st_str[]){{"b", 1}, {"a", 1}};
    refuses("set 0 is not in order");
    set->keys.texts = (const st_str[]){{"a", 1}, {"b", 1}};
    set->type = ST_BC_I64;
    refuses("set 0 has no keys");
    set->type = ST_BC_F64;
    refuses("no type for keys");
    set->type = ST_BC_TEXT;
    st_bc_step *s = step_of(ST_STEP_SCORE);
    s->n = 10;
    refuses("no proper scores");
    s->n = 5;
    s = step_of(ST_STEP_LAST_N);
    s->n = 0;
    refuses("it needs rows in order");
    s->n = 3;
    s = step_of(ST_STEP_THRESHOLD);
    s->amount = -1;
    refuses("no proper amount");
    s->amount = 25;
    st_bc_seq_step *q = b->sequences.p[0].steps;
    q[1].within = -1;
    refuses("no proper limit");
    q[1].within = 2;
    q[0].kind = ST_SEQ_NO;
    refuses("chooses no row binds");
    q[0].kind = ST_SEQ_ROW;
    b->views.p[0].order = ST_BC_NONE;
    refuses("it needs rows in order");
}

static void alone(st_bc_step_kind kind)
{
    st_bc_step s = *step_of(kind);
    b->steps.n = 1;
    b->steps.p[0] = s;
}

static void a_sequence_needs_a_row(void **state)
{
    (void)state;
    alone(ST_STEP_SEQUENCE);
    b->sequences.p[0].nsteps = 1;
    b->sequences.p[0].steps[0] =
        (st_bc_seq_step){.kind = ST_SEQ_NO, .view = view, .filter = ST_BC_NONE, .time = at};
    refuses("chooses no row");
}

/* ---- files ---- */

static uint32_t crc(const uint8_t *p, size_t n)
{
    uint32_t c = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ UINT32_C(0x82f63b78) : c >> 1;
    }
    return ~c;
}

static bool read_program(const void *bytes, size_t n, st_bc **out)
{
    bool ok;
    ST_GUARD(&w.env, ok, {
        st_arena *a = st_arena_new(&w.env);
        *out = st_bc_read(a, bytes, n);
    });
    return ok;
}

static void a_file_gives_the_program_back(void **state)
{
    (void)state;
    size_t n;
    w.schema->tables[CUSTOMERS]->doc = "those who buy";
    w.schema->defs[0]->meta.owner = "crm@example.com";
    w.schema->defs[0]->meta.ntags = 1;
    w.schema->defs[0]->meta.tags = (const char *[]){"core"};
    w.schema->defs[1]->kind = ST_DEF_TIERS;
    w.schema->defs[1]->labels = (st_labels){2, (const char *[]){"gold", "none"}, w.schema->defs[1]};
    st_value low = {.type = {.base = ST_T_INT}, .as.i = -5};
    w.schema->tables[CUSTOMERS]->cols[C_AGE].low = &low;
    st_value allowed[] = {{.type = {.base = ST_T_STRING}, .as.s = ST_STR("DE")},
                          {.type = {.base = ST_T_STRING}, .as.s = ST_STR("")}};
    w.schema->tables[CUSTOMERS]->cols[C_COUNTRY].one_of = allowed;
    w.schema->tables[CUSTOMERS]->cols[C_COUNTRY].none_of_these = 2;
    const void *bytes = st_bc_write(w.a, b, &n);
    uint8_t *exact = malloc(n);
    assert_non_null(exact);
    memcpy(exact, bytes, n);
    st_bc *again = NULL;
    if (!read_program(exact, n, &again)) fail_msg("%s", w.env.error.message);
    memset(exact, 0xee, n); /* nothing refers to it afterwards */
    free(exact);
    assert_string_equal(text_of(again), text_of(b));
    size_t m;
    const void *twice = st_bc_write(w.a, again, &m);
    assert_int_equal(n, m);
    assert_memory_equal(bytes, twice, n);
    const st_table *t = again->schema->tables[CUSTOMERS];
    assert_string_equal(t->doc, "those who buy");
    assert_ptr_equal(t->key, &t->cols[C_ID]);
    assert_ptr_equal(t->cols[C_FRIEND].links_to, t);
    assert_int_equal(t->cols[C_AGE].low->as.i, -5);
    assert_null(t->cols[C_AGE].high);
    assert_int_equal(t->cols[C_COUNTRY].none_of_these, 2);
    assert_true(st_str_eq(t->cols[C_COUNTRY].one_of[0].as.s, ST_STR("DE")));
    assert_string_equal(again->schema->defs[0]->meta.tags[0], "core");
    assert_string_equal(again->schema->defs[1]->labels.names[0], "gold");
    assert_string_equal(st_zone_name(again->schema->zone), "UTC");
}

/* Runs on next to nothing; what verifies must run. */
static void run_if_it_loads(const uint8_t *bytes, size_t n, uint32_t *loaded)
{
    st_bc *program = NULL;
    if (!read_program(bytes, n, &program)) {
        assert_int_equal(w.env.error.status, STRATA_BAD_INPUT);
        assert_true(strlen(w.env.error.message) > 20);
        return;
    }
    ++*loaded;
    bool ok;
    st_vm_options o = {.as_of = 0, .threads = 1};
    ST_GUARD(&w.env, ok, {
        st_arena *a = st_arena_new(&w.env);
        st_vm_run(a, program, w.data, &o);
        st_arena_free(a);
    });
    if (!ok) assert_int_not_equal(w.env.error.status, STRATA_INTERNAL);
    st_arena_free(program->arena);
}

static void every_byte_matters(void **state)
{
    (void)state;
    static const customer two[] = {
        {"a", "DE", 3, 1, 1, 1, 1, 1, 1, "x", 1},
        {"b", NULL, NO_INT, NO_FLOAT, 1, 0, NO_INT, 1, -1, NULL, -1},
    };
    static const order three[] = {{1, 0, 5, 100, "x"}, {2, 0, 7, 2000, NULL}, {3, -1, NO_INT, NO_INT, "y"}};
    world_customers(&w, two, 2);
    world_orders(&w, three, 3);
    size_t n;
    const void *bytes = st_bc_write(w.a, b, &n);
    uint8_t *spoiled = malloc(n);
    assert_non_null(spoiled);
    uint32_t loaded = 0, ever;
    for (size_t i = 0; i < n; i++) { /* as it is, the checksum tells */
        memcpy(spoiled, bytes, n);
        spoiled[i] ^= 0x40;
        run_if_it_loads(spoiled, n, &loaded);
    }
    assert_int_equal(loaded, 0);
    static const uint8_t flips[] = {1, 0x80, 0xff};
    for (size_t f = 0; f < ST_COUNT(flips); f++)
        for (size_t i = 20; i < n; i++) { /* with a checksum that agrees */
            memcpy(spoiled, bytes, n);
            spoiled[i] ^= flips[f];
            uint32_t sum = crc(spoiled + 20, n - 20);
            for (unsigned k = 0; k < 4; k++) spoiled[16 + k] = (uint8_t)(sum >> (8 * k));
            run_if_it_loads(spoiled, n, &loaded);
        }
    ever = loaded;
    assert_true(ever > 0);
    for (size_t length = 0; length < n; length += 1 + n / 300) {
        uint8_t *shorter = malloc(length + 1);
        assert_non_null(shorter);
        memcpy(shorter, bytes, length);
        run_if_it_loads(shorter, length, &loaded);
        free(shorter);
    }
    assert_int_equal(loaded, ever);
    free(spoiled);
}

static void other_files_are_told_apart(void **state)
{
    (void)state;
    st_bc *out = NULL;
    assert_false(read_program("PAR1 is another format", 22, &out));
    assert_non_null(strstr(w.env.error.message, "no file of compiled rules"));
    size_t n;
    uint8_t *bytes = (uint8_t *)(uintptr_t)st_bc_write(w.a, b, &n);
    bytes[4] = 9;
    assert_false(read_program(bytes, n, &out));
    assert_non_null(strstr(w.env.error.message, "version 9"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_sample_is_fine),
        TEST(the_dump_says_all),
        TEST(numbers_out_of_place),
        TEST(meanings_out_of_place),
        TEST(steps_out_of_place),
        TEST(a_sequence_needs_a_row),
        TEST(a_file_gives_the_program_back),
        TEST(every_byte_matters),
        TEST(other_files_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
