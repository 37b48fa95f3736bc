/* The graph as text: stable numbers, one line a node. */
#include "ir/build.h"

void st_ir_roots(st_arena *a, const st_ir *ir, st_ir_ids *roots)
{
    for (uint32_t t = 0; t < ir->program->ntables; t++) {
        if (ir->population[t]) *st_push(a, roots) = ir->population[t];
        if (ir->unseen[t]) *st_push(a, roots) = ir->unseen[t];
    }
    for (uint32_t i = 0; i < ir->outputs.n; i++) {
        const st_ir_output *o = &ir->outputs.p[i];
        *st_push(a, roots) = o->value;
        if (o->known) *st_push(a, roots) = o->known;
    }
    for (uint32_t i = 0; i < ir->checks.n; i++) {
        *st_push(a, roots) = ir->checks.p[i].inner;
        *st_push(a, roots) = ir->checks.p[i].outer;
    }
}

bool *st_ir_live(st_arena *a, const st_ir *ir)
{
    bool *live = st_new_n(a, bool, ir->nodes.n);
    st_ir_ids roots = {0};
    st_ir_roots(a, ir, &roots);
    for (uint32_t i = 0; i < roots.n; i++) live[roots.p[i]] = true;
    for (st_ir_id id = ir->nodes.n - 1; id > 0; id--) {
        if (!live[id]) continue;
        const st_ir_node *n = st_ir_at(ir, id);
        for (uint32_t i = 0; i < n->n; i++) live[n->args[i]] = true;
    }
    return live;
}

static void describe_path(st_arena *a, const st_ir_path *p, st_buf *out)
{
    st_buf_printf(a, out, " [%s", st_ir_path_from(p)->name);
    for (uint32_t i = 0; i < p->n; i++) st_buf_printf(a, out, ".%s", p->steps[i]->name);
    st_buf_printf(a, out, " -> %s]", st_ir_path_to(p)->name);
}

static void describe_text(st_arena *a, st_str s, st_buf *out)
{
    st_buf_puts(a, out, " \"");
    for (uint32_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            st_buf_printf(a, out, "\\%c", c);
        else if (c < 0x20)
            st_buf_printf(a, out, "\\x%02x", c);
        else
            st_buf_printf(a, out, "%c", c);
    }
    st_buf_puts(a, out, "\"");
}

static void describe_exact(st_arena *a, st_i128 v, unsigned scale, st_buf *out)
{
    char text[ST_DECIMAL_TEXT];
    uint32_t n = st_dec_format(v, scale, text);
    st_buf_printf(a, out, " %.*s", (int)n, text);
}

static void describe_sequence(st_arena *a, const st_ir_sequence *s, st_buf *out)
{
    static const char *const kinds[] = {"row", "any", "no"};
    for (uint32_t i = 0; i < s->nsteps; i++) {
        const st_ir_step *step = &s->steps[i];
        st_buf_printf(a, out, "%s %s", i ? ";" : "", kinds[step->kind]);
        if (step->has_within)
            st_buf_printf(a, out, " within %lld %s", (long long)step->within, st_unit_names[step->unit]);
        describe_path(a, step->path, out);
    }
}

static const char *const part_names[] = {"year", "quarter", "month", "week", "day", "weekday", "hour"};
static const char *const method_names[] = {"ranked", "rfm_r", "ntile", "cume_dist"};

/* What a node holds apart from its arguments. */
static void describe(st_arena *a, const st_ir_node *n, st_buf *out)
{
    switch (n->op) {
    case ST_IR_CONST:
        if (n->kind == ST_IR_TEXT)
            describe_text(a, n->text, out);
        else if (n->kind == ST_IR_F64) {
            char text[ST_DECIMAL_TEXT];
            uint32_t len = st_double_format(n->f, text);
            st_buf_printf(a, out, " %.*s", (int)len, text);
        } else
            describe_exact(a, n->imm, n->scale, out);
        break;
    case ST_IR_COLUMN: st_buf_printf(a, out, " %s.%s", n->col->table->name, n->col->name); break;
    case ST_IR_DRAW:
        st_buf_printf(a, out, " %s", st_hash_name((st_hash)n->k));
        describe_text(a, n->text, out);
        break;
    case ST_IR_MATCHES: describe_text(a, n->text, out); break;
    case ST_IR_BOUND: st_buf_printf(a, out, " step %u", n->k + 1); break;
    case ST_IR_HAS:
        if (n->k) st_buf_puts(a, out, " ignoring case");
        break;
    case ST_IR_NEAREST:
    case ST_IR_LISTED:
    case ST_IR_AT_LEAST:
    case ST_IR_LAST_ROWS: st_buf_printf(a, out, " %u", n->k); break;
    case ST_IR_SHIFT:
    case ST_IR_BETWEEN:
        st_buf_printf(a, out, " %s%s", st_unit_names[n->k], n->k2 ? " of instants" : "");
        break;
    case ST_IR_TRUNC: st_buf_printf(a, out, " %s", st_unit_names[n->k]); break;
    case ST_IR_PART: st_buf_printf(a, out, " %s%s", part_names[n->k], n->k2 ? " of instant" : ""); break;
    case ST_IR_FULLEST: st_buf_printf(a, out, " %lld %s", (long long)n->imm, st_unit_names[n->k]); break;
    case ST_IR_THRESHOLD:
        st_buf_puts(a, out, n->k2 ? " bottom" : " top");
        describe_exact(a, n->imm, n->amount_scale, out);
        if (n->k) st_buf_puts(a, out, " of all");
        break;
    case ST_IR_STRATUM: st_buf_printf(a, out, " by %u", n->k); break;
    case ST_IR_SCORE:
        st_buf_printf(a, out, " %s", method_names[n->k]);
        describe_exact(a, n->imm, 0, out);
        if (n->k2) st_buf_puts(a, out, " less is better");
        break;
    case ST_IR_SEQUENCE: describe_sequence(a, n->sequence, out); return;
    default: break;
    }
    if (n->path) describe_path(a, n->path, out);
}

uint32_t *st_ir_numbers(st_arena *a, const st_ir *ir)
{
    const bool *live = st_ir_live(a, ir);
    uint32_t *numbers = st_new_n(a, uint32_t, ir->nodes.n), next = 1;
    for (st_ir_id id = 1; id < ir->nodes.n; id++)
        if (live[id]) numbers[id] = next++;
    return numbers;
}

const char *const st_ir_field_names[ST_IR_FIELDS] = {"r",         "f",        "m",    "recency",
                                                     "frequency", "monetary", "cell", "member",
                                                     "dimension", "part",     "rank", "promised"};

void st_dump_ir(st_arena *a, const st_ir *ir, st_buf *out)
{
    const uint32_t *numbers = st_ir_numbers(a, ir);
    for (st_ir_id id = 1; id < ir->nodes.n; id++) {
        if (!numbers[id]) continue;
        const st_ir_node *n = st_ir_at(ir, id);
        const char *domain = n->domain == ST_IR_RUN ? "run" : ir->program->tables[n->domain]->name;
        st_buf_printf(a, out, "%%%u = %s %s", numbers[id], domain, st_ir_kind_names[n->kind]);
        if (n->kind == ST_IR_I64 || n->kind == ST_IR_I128)
            if (n->scale) st_buf_printf(a, out, "(%u)", n->scale);
        st_buf_printf(a, out, " %s", st_ir_op_names[n->op]);
        describe(a, n, out);
        for (uint32_t i = 0; i < n->n; i++) st_buf_printf(a, out, " %%%u", numbers[n->args[i]]);
        st_buf_puts(a, out, "\n");
    }
    for (uint32_t t = 0; t < ir->program->ntables; t++)
        if (ir->population[t])
            st_buf_printf(a, out, "population %s = %%%u\n", ir->program->tables[t]->name,
                          numbers[ir->population[t]]);
    for (uint32_t t = 0; t < ir->program->ntables; t++)
        if (ir->unseen[t])
            st_buf_printf(a, out, "unseen %s = %%%u\n", ir->program->tables[t]->name, numbers[ir->unseen[t]]);
    for (uint32_t i = 0; i < ir->outputs.n; i++) {
        const st_ir_output *o = &ir->outputs.p[i];
        st_buf_printf(a, out, "%s %s", st_def_kind_names[o->def->kind], o->def->name);
        if (o->is_field) st_buf_printf(a, out, ".%s", st_ir_field_names[o->field]);
        st_buf_printf(a, out, " = %%%u", numbers[o->value]);
        if (o->known) st_buf_printf(a, out, " known %%%u", numbers[o->known]);
        st_buf_puts(a, out, "\n");
    }
    for (uint32_t i = 0; i < ir->checks.n; i++)
        st_buf_printf(a, out, "check %%%u not after %%%u\n", numbers[ir->checks.p[i].inner],
                      numbers[ir->checks.p[i].outer]);
}
