/* Definitions at an instant in force: segments, tiers, rfm, ranks; and what they give to the outside. */
#include "ir/lower.h"

/* The population of a rank: of the whole table, or the members of a segment, who are all in it. */
static st_ir_id member_of(st_lowering *l, const st_table *t, const st_def *among)
{
    return among ? st_lower_def(l, among)->member : st_lower_population(l, t);
}

/* ---- ranks ---- */

/* What orders as v does: logistic never decreases. */
static st_ir_id rank_key(const st_ir *ir, st_ir_id v)
{
    while (st_ir_at(ir, v)->op == ST_IR_LOGISTIC) v = st_ir_at(ir, v)->args[0];
    return v;
}

st_ir_id st_lower_rank(st_lowering *l, const st_expr *e, bool is_true)
{
    st_ir *ir = l->ir;
    st_ir_id members = member_of(l, e->at, e->def);
    st_ir_id v = rank_key(ir, st_lower_value(l, e->args[0]));
    const st_ir_node *n = st_ir_at(ir, v);
    bool bottom = e->op == ST_X_IN_BOTTOM;
    st_ir_id in = ST_IR_FALSE_ID;
    if (n->op != ST_IR_MISSING && members != ST_IR_FALSE_ID) {
        st_ir_node t = {.op = ST_IR_THRESHOLD,
                        .kind = n->kind,
                        .scale = n->scale,
                        .digits = n->digits,
                        .amount_scale = e->amount_is_share ? (uint8_t)e->amount_scale : 0,
                        .optional = true,
                        .domain = ST_IR_RUN,
                        .k = e->amount_is_share,
                        .k2 = bottom,
                        .imm = e->amount,
                        .n = 2,
                        .args = (st_ir_id[]){v, members},
                        .col =
                            e->at->cols, /* the first, of a table that may have no key: whose rows they are */
                        .subject = l->asking};
        in = st_ir_and2(ir, members, st_ir_cmp(ir, bottom ? ST_LE : ST_GE, v, st_ir_node_of(ir, &t)));
    }
    if (is_true) return in;
    st_ir_id known_outside = st_ir_but_not(ir, st_ir_known(ir, v), in);
    return st_ir_or2(ir, st_ir_not(ir, members), known_outside);
}

/* ---- strata ---- */

st_ir_id st_lower_stratum(st_lowering *l, const st_expr *e)
{
    st_ir *ir = l->ir;
    st_ir_id *args = st_new_n(l->arena, st_ir_id, (size_t)e->n + 2), members = member_of(l, e->at, e->def);
    uint32_t n = 0, strata = 0;
    if (members == ST_IR_FALSE_ID) return st_ir_missing(ir, ST_IR_I64, 0);
    args[n++] = st_lower_draw(l, e);
    args[n++] = members;
    for (uint32_t i = 0; i < e->n; i++) {
        st_ir_id v = st_lower_value(l, e->args[i]);
        if (i < e->kind && st_ir_is_run(ir, v)) continue; /* the same for all: parts nobody */
        strata += i < e->kind;
        args[n++] = v;
    }
    st_ir_node node = {.op = ST_IR_STRATUM,
                       .kind = ST_IR_I64,
                       .digits = 4,
                       .optional = true,
                       .domain = (int32_t)e->at->index,
                       .k = strata,
                       .n = n,
                       .args = args,
                       .col = e->at->key};
    return st_ir_node_of(ir, &node);
}

/* ---- tiers ---- */

static void lower_tiers(st_lowering *l, const st_def *d, st_def_at *at)
{
    st_ir *ir = l->ir;
    st_ir_id rest = member_of(l, d->of, d->among);
    st_ir_id *pairs = st_new_n(l->arena, st_ir_id, 2 * (size_t)d->ntiers + 1);
    uint32_t m = 0;
    for (uint32_t i = 0; i < d->ntiers; i++) {
        const st_tier *t = &d->tiers[i];
        st_ir_id when = t->when ? st_lower_true(l, t->when) : ST_IR_TRUE_ID;
        st_ir_id here = st_ir_of_rest(ir, rest, when);
        st_ir_pin(ir, here);
        pairs[m++] = here;
        pairs[m++] = st_ir_int(ir, t->label);
        rest = st_ir_rest(ir, rest, when);
    }
    at->value = st_ir_case(ir, pairs, m);
}

/* ---- rfm ---- */

static const st_ir_like INT = {ST_IR_I64, 0, 19};

/* 1 plus the number of thresholds that the raw value reaches: recency at most, the others at least. `reached` is by the
 * number of thresholds, from all members to those that reach the hardest. */
static st_ir_id by_thresholds(st_lowering *l, const st_rfm_part *p, bool recency, st_ir_id raw,
                              st_ir_id members)
{
    st_ir *ir = l->ir;
    uint32_t n = p->nthresholds;
    st_ir_id *reached = st_new_n(l->arena, st_ir_id, n + 2),
             *pairs = st_new_n(l->arena, st_ir_id, 2 * (size_t)n + 2);
    reached[0] = st_ir_and2(ir, members, st_ir_known(ir, raw));
    for (uint32_t i = 1; i <= n; i++) {
        const st_value *t = &p->thresholds[recency ? n - i : i - 1];
        st_ir_id reaches = st_ir_cmp(ir, recency ? ST_LE : ST_GE, raw, st_ir_value(ir, t));
        reached[i] = st_ir_and2(ir, members, reaches);
    }
    reached[n + 1] = ST_IR_FALSE_ID;
    for (uint32_t i = 0; i <= n; i++) {
        pairs[2 * i] = st_ir_but_not(ir, reached[i], reached[i + 1]);
        pairs[2 * i + 1] = st_ir_int(ir, (int64_t)i + 1);
    }
    return st_ir_case(ir, pairs, 2 * n + 2);
}

static st_ir_id by_quantiles(st_lowering *l, const st_def *d, const st_rfm_part *p, bool recency,
                             st_ir_id raw, st_ir_id members)
{
    bool by_raw = p->method == ST_RFM_PACKAGE;
    st_ir_id v = by_raw ? raw : rank_key(l->ir, st_lower_value(l, p->measure));
    if (st_ir_at(l->ir, v)->op == ST_IR_MISSING) return st_ir_missing(l->ir, ST_IR_I64, 0);
    st_ir_node n = {.op = ST_IR_SCORE,
                    .kind = ST_IR_I64,
                    .digits = 1,
                    .optional = true,
                    .domain = (int32_t)d->of->index,
                    .k = p->method,
                    .k2 = by_raw && recency,
                    .imm = p->scores,
                    .n = 2,
                    .args = (st_ir_id[]){v, st_ir_and2(l->ir, members, st_ir_known(l->ir, raw))},
                    .col = d->of->key};
    return st_ir_node_of(l->ir, &n);
}

/* The scores as one number, counted from 0: the place of the cell in st_rfm.cells. */
static st_ir_id cell_index(st_lowering *l, const st_rfm *r, const st_def_at *at)
{
    st_ir *ir = l->ir;
    st_ir_id index = 0;
    for (int i = 0; i < 3; i++) {
        if (!r->has[i]) continue;
        st_ir_id score = st_ir_add(ir, ST_IR_SUB, at->score[i], st_ir_int(ir, 1), INT);
        if (index) {
            st_ir_id higher = st_ir_mul(ir, index, st_ir_int(ir, r->part[i].scores), INT);
            score = st_ir_add(ir, ST_IR_ADD, higher, score, INT);
        }
        index = score;
    }
    return index;
}

/* The texts "111" … "555", or of fewer digits, in order of the cells. */
static st_ir_id cell_text(st_lowering *l, const st_rfm *r, uint32_t cell)
{
    char text[3];
    uint32_t n = 0;
    for (int i = 2; i >= 0; i--) {
        if (!r->has[i]) continue;
        text[2 - n++] = (char)('1' + cell % r->part[i].scores);
        cell /= r->part[i].scores;
    }
    return st_ir_text(l->ir, (st_str){text + 3 - n, n});
}

static void lower_cells(st_lowering *l, const st_rfm *r, st_def_at *at)
{
    st_ir *ir = l->ir;
    uint32_t cells = 1;
    for (int i = 0; i < 3; i++)
        if (r->has[i]) cells *= r->part[i].scores;
    st_ir_id index = cell_index(l, r, at);
    st_ir_id *labels = st_new_n(l->arena, st_ir_id, cells), *texts = st_new_n(l->arena, st_ir_id, cells);
    for (uint32_t c = 0; c < cells; c++) {
        bool none = !r->has_tiers || r->cells[c] == ST_NO_LABEL;
        labels[c] = none ? st_ir_missing(ir, ST_IR_I64, 0) : st_ir_int(ir, r->cells[c]);
        texts[c] = cell_text(l, r, c);
    }
    at->value = r->has_tiers ? st_ir_lookup(ir, index, labels, cells, INT) : st_ir_missing(ir, ST_IR_I64, 0);
    at->cell = st_ir_lookup(ir, index, texts, cells, (st_ir_like){.kind = ST_IR_TEXT});
}

static void lower_rfm(st_lowering *l, const st_def *d, st_def_at *at)
{
    const st_rfm *r = d->rfm;
    st_ir_id members = st_ir_and2(l->ir, st_lower_population(l, d->of), st_lower_true(l, r->any));
    st_ir_pin(l->ir, members);
    for (int i = 0; i < 3; i++) {
        if (!r->has[i]) continue;
        const st_rfm_part *p = &r->part[i];
        st_ir_id raw = st_lower_value(l, p->raw);
        at->score[i] = p->by_thresholds ? by_thresholds(l, p, i == 0, raw, members)
                                        : by_quantiles(l, d, p, i == 0, raw, members);
        at->raw[i] = st_ir_mask(l->ir, raw, members);
    }
    lower_cells(l, r, at);
}

/* ---- definitions ---- */

static void lower_segment(st_lowering *l, const st_def *d, st_def_at *at)
{
    st_ir_id rule = st_lower_true(l, d->expr);
    at->member = st_ir_and2(l->ir, st_lower_population(l, d->of), rule);
    st_ir_pin(l->ir, at->member);
}

typedef struct def_key {
    const st_def *def;
    uint64_t now;
} def_key;

const st_def_at *st_lower_def(st_lowering *l, const st_def *d)
{
    def_key key = {d, l->now};
    const st_def_at *known = st_map_get(&l->defs, &key, sizeof key);
    if (known) return known;
    const st_def *outer = l->asking;
    l->asking = d;
    st_def_at *at = st_new(l->arena, st_def_at);
    switch (d->kind) {
    case ST_DEF_SEGMENT:
    case ST_DEF_LIST:
    case ST_DEF_HOLDOUT: lower_segment(l, d, at); break;
    case ST_DEF_TIERS:
    case ST_DEF_OVERLAY:
    case ST_DEF_CLUSTER:
    case ST_DEF_EXPERIMENT: lower_tiers(l, d, at); break;
    case ST_DEF_RFM: lower_rfm(l, d, at); break;
    default:
        st_fail(st_arena_env(l->arena), STRATA_INTERNAL, "a %s has no members", st_def_kind_names[d->kind]);
    }
    l->asking = outer;
    bool is_new;
    *st_map_put(&l->defs, &key, sizeof key, &is_new) = at;
    return at;
}

/* ---- the rule set ---- */

static st_ir_output *output(st_lowering *l, const st_def *d, st_type type, st_ir_id value)
{
    st_ir_output *o = st_push(l->arena, &l->ir->outputs);
    *o = (st_ir_output){.def = d, .type = type, .value = value};
    return o;
}

static void field(st_lowering *l, const st_def *d, uint32_t f, st_type type, st_ir_id value)
{
    st_ir_output *o = output(l, d, type, value);
    o->is_field = true;
    o->field = f;
}

static void rfm_outputs(st_lowering *l, const st_def *d, bool raw)
{
    const st_def_at *at = st_lower_def(l, d);
    st_type score = {.base = ST_T_INT, .optional = true, .digits = 19};
    st_type text = {.base = ST_T_STRING, .optional = true};
    if (d->rfm->has_tiers) output(l, d, d->type, at->value);
    for (unsigned i = 0; i < 3; i++)
        if (d->rfm->has[i]) field(l, d, ST_RFM_R + i, score, at->score[i]);
    if (!raw) return;
    for (unsigned i = 0; i < 3; i++)
        if (d->rfm->has[i]) field(l, d, ST_RFM_RECENCY + i, d->rfm->part[i].raw->type, at->raw[i]);
    field(l, d, ST_RFM_CELL, text, at->cell);
}

static void value_output(st_lowering *l, const st_def *d)
{
    if (d->type.base != ST_T_BOOL) {
        st_ir_id v = st_ir_convert(l->ir, st_lower_value(l, d->expr), st_ir_like_of(&d->type));
        output(l, d, d->type, v);
        return;
    }
    st_ir_id t = st_lower_true(l, d->expr), f = st_lower_false(l, d->expr);
    st_ir_output *o = output(l, d, d->type, t);
    o->known = st_ir_or2(l->ir, t, f);
}

/* The action, whether a row is a member, and what it is in each dimension. */
static void overlay_outputs(st_lowering *l, const st_def *d)
{
    const st_overlay *o = d->overlay;
    if (o->has_actions) output(l, d, d->type, st_lower_def(l, d)->value);
    field(l, d, ST_IR_MEMBER, o->on->type, st_lower_def(l, o->on)->member);
    for (uint32_t i = 0; i < o->ndims; i++) {
        uint32_t first = l->ir->outputs.n;
        if (o->dims[i]->expr)
            value_output(l, o->dims[i]);
        else
            output(l, o->dims[i], o->dims[i]->type, st_lower_def(l, o->dims[i])->value);
        st_ir_output *part = &l->ir->outputs.p[first];
        part->def = d;
        part->is_field = true;
        part->field = ST_IR_DIMENSION;
    }
}

static bool wanted(const st_def *d, const st_ir_options *o)
{
    if (d->type.list || !st_def_is_output(d, true)) return false;
    if (!o->definitions) return st_def_is_output(d, o->traits);
    for (size_t i = 0; i < o->ndefinitions; i++)
        if (strcmp(o->definitions[i], d->name) == 0) return true;
    return false;
}

static void lower_output(st_lowering *l, const st_def *d, bool traits)
{
    l->asking = d;
    switch (d->kind) {
    case ST_DEF_SEGMENT:
    case ST_DEF_HOLDOUT: output(l, d, d->type, st_lower_def(l, d)->member); break;
    case ST_DEF_TIERS:
    case ST_DEF_CLUSTER:
    case ST_DEF_EXPERIMENT: output(l, d, d->type, st_lower_def(l, d)->value); break;
    case ST_DEF_RFM: rfm_outputs(l, d, traits); break;
    case ST_DEF_OVERLAY: overlay_outputs(l, d); break;
    default: value_output(l, d);
    }
    l->ir->population[d->of->index] = st_lower_population(l, d->of);
}

/* ---- what treatments are made of ---- */

/* A trait as ranks compare it, in the type that the value has then. */
static void rank_output(st_lowering *l, const st_def *d)
{
    st_ir_id v = rank_key(l->ir, st_lower_value(l, d->expr));
    const st_ir_node *n = st_ir_at(l->ir, v);
    st_type type = {.base = ST_T_INT, .optional = true, .digits = 19};
    if (n->kind == ST_IR_F64)
        type = (st_type){.base = ST_T_FLOAT, .optional = true};
    else if (n->kind == ST_IR_I128)
        type =
            (st_type){.base = ST_T_DECIMAL, .optional = true, .digits = ST_DECIMAL_DIGITS, .scale = n->scale};
    else if (n->scale)
        type = (st_type){.base = ST_T_DECIMAL, .optional = true, .digits = 18, .scale = n->scale};
    output(l, d, type, v);
}

/* Once, as an output that is not for people. */
static void add_inner(st_lowering *l, const st_def *whole, const st_def *d, st_part_role role, uint32_t what)
{
    uint32_t first = l->ir->outputs.n;
    for (uint32_t i = 0; i < first; i++)
        if (l->ir->outputs.p[i].def == d && l->ir->outputs.p[i].is_field && l->ir->outputs.p[i].field == what)
            return;
    l->asking = whole;
    if (role == ST_PART_RANK)
        rank_output(l, d);
    else if (role == ST_PART_WHO)
        output(l, d, d->type, st_lower_def(l, d)->member);
    else
        value_output(l, d);
    st_ir_output *o = &l->ir->outputs.p[first];
    o->is_field = true;
    o->field = what;
    l->ir->population[d->of->index] = st_lower_population(l, d->of);
}

static void add_part(void *context, const st_def *whole, st_def *d, st_part_role role)
{
    add_inner(context, whole, d, role, role == ST_PART_RANK ? ST_IR_RANK_OF : ST_IR_PART_OF);
}

/* ---- what promises are measured by ---- */

static bool is_asked(const st_promise *p, const st_ir_options *o)
{
    if (p->left_out) return false;
    bool asked = !o->definitions;
    for (size_t i = 0; i < o->ndefinitions && p->subject && !asked; i++)
        asked = strcmp(o->definitions[i], p->subject->name) == 0;
    return asked;
}

static void add_promise(st_lowering *l, const st_promise *p)
{
    const st_def *who[] = {p->part, p->all};
    for (size_t i = 0; i < ST_COUNT(who); i++)
        if (who[i]) add_inner(l, p->subject ? p->subject : who[i], who[i], ST_PART_WHO, ST_IR_PROMISED);
    if (p->measure) add_inner(l, p->measure, p->measure, ST_PART_VALUE, ST_IR_PROMISED);
    l->ir->population[p->table->index] = st_lower_population(l, p->table);
}

/* Rows that exist but are not seen at the instant of the run, for the report. */
static void note_unseen(st_lowering *l)
{
    for (uint32_t i = 0; i < l->program->ntables; i++) {
        const st_table *t = l->program->tables[i];
        if (!l->seen[i] || !t->visible || t->derived) continue; /* groups do not lie in the future */
        st_ir_id keep = st_lower_keep(l, t);
        l->ir->unseen[i] = st_ir_but_not(l->ir, keep, st_lower_true(l, t->visible));
    }
}

st_ir *st_lower(st_arena *a, const st_program *program, const st_ir_options *options)
{
    st_lowering l = {.arena = a, .program = program};
    st_ir_options none = {0};
    if (!options) options = &none;
    l.ir = st_ir_new(a, program);
    st_map_init(&l.memo, a);
    st_map_init(&l.defs, a);
    l.keep = st_new_n(a, st_ir_id, program->ntables);
    l.seen = st_new_n(a, bool, program->ntables);
    st_ir_node now = {.op = ST_IR_NOW, .kind = ST_IR_I64, .digits = 19, .domain = ST_IR_RUN};
    l.now = st_ir_node_of(l.ir, &now);
    for (uint32_t i = 0; i < program->ndefs; i++)
        if (wanted(program->defs[i], options)) lower_output(&l, program->defs[i], options->traits);
    if (options->treatments) st_visit_parts(program, &(st_part_visit){add_part, &l});
    for (uint32_t i = 0; i < program->npromises; i++)
        if (is_asked(&program->promises[i], options)) add_promise(&l, &program->promises[i]);
    note_unseen(&l);
    return l.ir;
}
