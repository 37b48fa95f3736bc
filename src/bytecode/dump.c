/* The disassembler: a program as text, the same for the same program. */
#include "bytecode/bytecode.h"

typedef struct dumper {
    const st_bc *b;
    st_arena *a;
    st_buf *out;
} dumper;

#define PUT(d, ...) st_buf_printf((d)->a, (d)->out, __VA_ARGS__)

static const char *table_name(const dumper *d, uint32_t table)
{
    return d->b->schema->tables[table]->name;
}

static void put_domain(dumper *d, st_bc_domain domain)
{
    if (ST_BC_IS_VIEW(domain))
        PUT(d, "view %u", ST_BC_VIEW_ID(domain));
    else
        PUT(d, "%s", table_name(d, domain));
}

static void put_text(dumper *d, st_str s)
{
    PUT(d, "\"");
    for (uint32_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            PUT(d, "\\%c", c);
        else if (c == '\n')
            PUT(d, "\\n");
        else if (c < 32 || c == 127)
            PUT(d, "\\x%02x", c);
        else
            PUT(d, "%c", c);
    }
    PUT(d, "\"");
}

static void put_scalar(dumper *d, uint32_t id)
{
    const st_bc_scalar *s = &d->b->scalars.p[id];
    char number[ST_DECIMAL_TEXT];
    PUT(d, "s%u %s ", id, st_bc_type_names[s->type]);
    if (s->kind != ST_S_LITERAL) {
        static const char *const names[] = {"", "now", "set", "bound"};
        PUT(d, "%s", names[s->kind]);
    } else if (s->missing) {
        PUT(d, "missing");
    } else {
        switch (s->type) {
        case ST_BC_BOOL: PUT(d, s->as.b ? "true" : "false"); break;
        case ST_BC_I64: PUT(d, "%lld", (long long)s->as.i); break;
        case ST_BC_I128:
            number[st_dec_format(s->as.d, 0, number)] = 0;
            PUT(d, "%s", number);
            break;
        case ST_BC_F64:
            number[st_double_format(s->as.f, number)] = 0;
            PUT(d, "%s", number);
            break;
        default: put_text(d, s->as.s);
        }
    }
    PUT(d, "\n");
}

static void put_path(dumper *d, const st_bc_path *p)
{
    uint32_t table = p->table;
    PUT(d, "%s", table_name(d, table));
    for (uint32_t i = 0; i < p->n; i++) {
        const st_col *col = &d->b->schema->tables[table]->cols[p->cols[i]];
        PUT(d, " by %s", col->name);
        table = col->links_to->index;
    }
    PUT(d, " -> %s", table_name(d, table));
}

static void put_input(dumper *d, uint32_t id)
{
    const st_bc_input *in = &d->b->inputs.p[id];
    PUT(d, "in%u ", id);
    put_domain(d, in->domain);
    if (in->index != ST_BC_NONE) PUT(d, " through index %u", in->index);
    if (in->is_slot) {
        PUT(d, ": slot %u\n", in->id);
        return;
    }
    uint32_t table = in->index == ST_BC_NONE ? st_bc_table_of(d->b, in->domain)
                                             : st_bc_path_target(d->b, &d->b->indexes.p[in->index]);
    PUT(d, ": %s.%s\n", table_name(d, table), d->b->schema->tables[table]->cols[in->id].name);
}

static void put_list(dumper *d, uint32_t at, const char *letters)
{
    const uint32_t *list = d->b->lists.p + at;
    PUT(d, "(");
    for (uint32_t i = 0; i < list[0]; i++)
        PUT(d, "%s%c%u", i ? " " : "", letters[i % strlen(letters)], list[1 + i]);
    PUT(d, ")");
}

static void put_operand(dumper *d, st_bc_operand kind, uint32_t x)
{
    switch (kind) {
    case ST_K_NONE: return;
    case ST_K_P_OUT:
    case ST_K_P_IN: PUT(d, " p%u", x); return;
    case ST_K_V_OUT_T:
    case ST_K_V_OUT_I64:
    case ST_K_V_OUT_I128:
    case ST_K_V_OUT_F64:
    case ST_K_V_OUT_TEXT:
    case ST_K_V_IN_T:
    case ST_K_V_IN_I64:
    case ST_K_V_IN_I128:
    case ST_K_V_IN_F64:
    case ST_K_V_IN_TEXT: PUT(d, " v%u", x); return;
    case ST_K_S_T:
    case ST_K_S_I64:
    case ST_K_S_TEXT:
    case ST_K_S_BOOL:
    case ST_K_S_OUT_T:
    case ST_K_S_OUT_BOOL: PUT(d, " s%u", x); return;
    case ST_K_INPUT_T:
    case ST_K_INPUT_BOOL:
    case ST_K_INPUT_ANY:
    case ST_K_INPUT_LIST_T:
    case ST_K_INPUT_KEY: PUT(d, " in%u", x); return;
    case ST_K_SLOT_OUT_T:
    case ST_K_SLOT_OUT_BOOL:
    case ST_K_SLOT_AGG_T:
    case ST_K_SLOT_AGG_I64:
    case ST_K_SLOT_AGG_EXACT:
    case ST_K_SLOT_AGG_BOOL: PUT(d, " slot%u", x); return;
    case ST_K_LIST_P: PUT(d, " "), put_list(d, x, "p"); return;
    case ST_K_LIST_S_T: PUT(d, " "), put_list(d, x, "s"); return;
    case ST_K_LIST_PS_T: PUT(d, " "), put_list(d, x, "ps"); return;
    case ST_K_CMP: PUT(d, " %s", st_bc_cmp_names[x]); return;
    case ST_K_TEST: PUT(d, " %s", st_bc_test_names[x]); return;
    case ST_K_UNIT: PUT(d, " %s", st_unit_names[x]); return;
    case ST_K_PART: {
        static const char *const parts[] = {"year", "quarter", "month", "week", "day", "weekday", "hour"};
        PUT(d, " %s", parts[x]);
        return;
    }
    case ST_K_SCALES: PUT(d, " %u:%u", x & 255, x >> 8); return;
    case ST_K_HASH: PUT(d, " %s", st_hash_name((st_hash)x)); return;
    case ST_K_SCALE:
    case ST_K_COUNT:
    case ST_K_FLAG: PUT(d, " %u", x); return;
    case ST_K_INDEX: PUT(d, " index%u", x); return;
    case ST_K_SET_T: PUT(d, " set%u", x); return;
    case ST_K_NOTE: PUT(d, " note%u", x); return;
    }
}

static void put_code(dumper *d, const st_bc_code *c)
{
    for (uint32_t i = 0; i < c->n; i++) {
        const st_bc_instr *in = &d->b->code.p[c->first + i];
        const st_bc_opcode *op = &st_bc_opcodes[in->op];
        PUT(d, "    %5u  %s", i, op->name);
        if (op->types[0]) PUT(d, ".%s", st_bc_type_names[in->type]);
        for (uint32_t k = 0; k < 5; k++) put_operand(d, op->kinds[k], in->a[k]);
        PUT(d, "\n");
    }
}

static void put_pairs(dumper *d, const char *what, const st_bc_pair *pairs, uint32_t n, const char *sign)
{
    for (uint32_t i = 0; i < n; i++) PUT(d, " %s in%u %s s%u", what, pairs[i].input, sign, pairs[i].scalar);
}

static void put_sequence(dumper *d, const st_bc_sequence *q)
{
    static const char *const kinds[] = {"row", "any", "no"};
    PUT(d, "    of %s, times are %s, until s%u\n", table_name(d, q->entity), q->dates ? "days" : "instants",
        q->until);
    for (uint32_t i = 0; i < q->nsteps; i++) {
        const st_bc_seq_step *s = &q->steps[i];
        PUT(d, "    %s view %u", kinds[s->kind], s->view);
        if (s->filter != ST_BC_NONE) PUT(d, " where slot%u", s->filter);
        PUT(d, " at in%u", s->time);
        if (s->has_within) PUT(d, " within %lld %s", (long long)s->within, st_unit_names[s->within_unit]);
        put_pairs(d, "and", s->eq, s->neq, "=");
        put_pairs(d, "bind", s->bind, s->nbind, "as");
        if (s->has_cond) {
            PUT(d, " and p%u of\n", s->cond_p);
            put_code(d, &s->cond);
        } else {
            PUT(d, "\n");
        }
    }
}

static void put_threshold(dumper *d, const st_bc_step *s)
{
    char amount[ST_DECIMAL_TEXT];
    amount[st_dec_format(s->amount, s->amount_scale, amount)] = 0;
    PUT(d, " %s %s%s", s->bottom ? "bottom" : "top", s->is_share ? "share " : "", amount);
    if (s->subject != ST_BC_NONE) PUT(d, " for %s", d->b->schema->defs[s->subject]->name);
}

static void put_score(dumper *d, const st_bc_step *s)
{
    static const char *const methods[] = {"ranked", "rfm_r", "ntile", "cume_dist"};
    PUT(d, " 1..%lld %s%s scale %u", (long long)s->n, methods[s->method],
        s->lower_is_better ? " lower is better" : "", s->scale);
    if (s->key != ST_BC_NONE) PUT(d, " key in%u", s->key);
}

static void put_stratum(dumper *d, const st_bc_step *s)
{
    const uint32_t *strata = d->b->lists.p + s->strata, *ends = d->b->lists.p + s->ends;
    PUT(d, " key in%u by", s->key);
    for (uint32_t i = 1; i <= strata[0]; i++) PUT(d, " in%u", strata[i]);
    PUT(d, " to");
    for (uint32_t i = 1; i <= ends[0]; i++) {
        char end[ST_DECIMAL_TEXT];
        end[st_dec_format(d->b->scalars.p[ends[i]].as.d, s->amount_scale, end)] = 0;
        PUT(d, " %s", end);
    }
}

static void put_nearest(dumper *d, const st_bc_step *s)
{
    PUT(d, " in%u from %s in%u in%u", s->key, table_name(d, s->other), s->other_value, s->other_key);
    if (s->other_filter != ST_BC_NONE) PUT(d, " where slot%u", s->other_filter);
}

static void put_step(dumper *d, uint32_t id)
{
    const st_bc_step *s = &d->b->steps.p[id];
    PUT(d, "step %u: %s", id, st_bc_step_names[s->kind]);
    if (s->kind != ST_STEP_SETUP) {
        PUT(d, " over ");
        put_domain(d, s->domain);
    }
    if (s->kind == ST_STEP_SETUP || s->kind == ST_STEP_PASS) {
        PUT(d, ", %u predicates, %u values\n", s->code.npred, s->code.nval);
        put_code(d, &s->code);
        return;
    }
    PUT(d, ": %s%u =", s->kind == ST_STEP_THRESHOLD ? "s" : "slot", s->out);
    if (s->value != ST_BC_NONE) PUT(d, " in%u", s->value);
    if (s->filter != ST_BC_NONE) PUT(d, " where slot%u", s->filter);
    if (s->kind == ST_STEP_MEDIAN) PUT(d, " scale %u", s->scale);
    if (s->kind == ST_STEP_LAST_N) PUT(d, " last %lld", (long long)s->n);
    if (s->kind == ST_STEP_SPAN)
        PUT(d, " in any %lld %s, times are %s", (long long)s->n, st_unit_names[s->unit],
            s->dates ? "days" : "instants");
    if (s->kind == ST_STEP_THRESHOLD) put_threshold(d, s);
    if (s->kind == ST_STEP_SCORE) put_score(d, s);
    if (s->kind == ST_STEP_STRATUM) put_stratum(d, s);
    if (s->kind == ST_STEP_NEAREST) put_nearest(d, s);
    if (s->kind == ST_STEP_SEQUENCE) PUT(d, " sequence %u", s->sequence);
    PUT(d, "\n");
    if (s->kind == ST_STEP_SEQUENCE) put_sequence(d, &d->b->sequences.p[s->sequence]);
}

static void put_output(dumper *d, const st_bc_output *o)
{
    PUT(d, "output %s", d->b->schema->defs[o->def]->name);
    if (o->field != ST_OUT_VALUE) PUT(d, ".%s", st_bc_field_names[o->field]);
    PUT(d, " = slot%u", o->slot);
    if (o->known != ST_BC_NONE) PUT(d, " known slot%u", o->known);
    PUT(d, "\n");
}

void st_bc_dump(const st_bc *b, st_arena *a, st_buf *out)
{
    dumper dd = {b, a, out}, *d = &dd;
    PUT(d, "zone %s\n", b->schema->timezone);
    for (uint32_t i = 0; i < b->scalars.n; i++) put_scalar(d, i);
    for (uint32_t i = 0; i < b->sets.n; i++)
        PUT(d, "set %u %s %s, %u keys\n", i, st_bc_type_names[b->sets.p[i].type], b->sets.p[i].name,
            b->sets.p[i].keys.n);
    for (uint32_t i = 0; i < b->indexes.n; i++) {
        PUT(d, "index %u ", i);
        put_path(d, &b->indexes.p[i]);
        PUT(d, "\n");
    }
    for (uint32_t i = 0; i < b->views.n; i++) {
        const st_bc_view *v = &b->views.p[i];
        PUT(d, "view %u ", i);
        put_path(d, &v->path);
        if (v->order != ST_BC_NONE) PUT(d, " ordered by in%u", v->order);
        for (uint32_t k = 0; k < v->nties; k++) PUT(d, " in%u", v->ties[k]);
        PUT(d, "\n");
    }
    for (uint32_t i = 0; i < b->inputs.n; i++) put_input(d, i);
    for (uint32_t i = 0; i < b->slots.n; i++) {
        PUT(d, "slot %u %s over ", i, st_bc_type_names[b->slots.p[i].type]);
        put_domain(d, b->slots.p[i].domain);
        PUT(d, "%s%s\n", b->slots.p[i].name[0] ? " " : "", b->slots.p[i].name);
    }
    for (uint32_t i = 0; i < b->notes.n; i++)
        PUT(d, "note %u %s\n", i, b->notes.p[i].subject ? b->notes.p[i].subject : "");
    for (uint32_t i = 0; i < b->steps.n; i++) put_step(d, i);
    for (uint32_t i = 0; i < b->outputs.n; i++) put_output(d, &b->outputs.p[i]);
    for (uint32_t i = 0; i < b->schema->ntables; i++)
        if (b->population[i] != ST_BC_NONE)
            PUT(d, "population %s = slot%u\n", table_name(d, i), b->population[i]);
}
