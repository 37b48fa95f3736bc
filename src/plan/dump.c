/* The plan as text: stage by stage what is passed over, what is read there and what is filled. */
#include "plan/parts.h"

static void place_text(const st_plan *p, st_ground place, st_buf *out, st_arena *a)
{
    if (!st_place_is_view(p, place)) {
        st_buf_printf(a, out, "table %s", p->ir->program->tables[place]->name);
        return;
    }
    const st_ir_path *path = st_place_path(p, place);
    const st_view_info *v = &p->views[path->index];
    st_buf_printf(a, out, "view %s", st_ir_path_from(path)->name);
    for (uint32_t i = 0; i < path->n; i++) st_buf_printf(a, out, ".%s", path->steps[i]->name);
    st_buf_printf(a, out, " -> %s%s", st_ir_path_to(path)->name, v->ordered ? ", by time" : "");
}

typedef struct printer {
    st_arena *arena;
    const st_plan *plan;
    const uint32_t *numbers;
    st_buf *out;
    bool *seen; /* by node, in one pass */
    st_ir_ids reads;
} printer;

/* What a pass reads: columns and slots, in order of the nodes. */
static void find_reads(printer *q, st_ir_id id, st_ground place, uint32_t stage)
{
    const st_plan *p = q->plan;
    if (q->seen[id]) return;
    q->seen[id] = true;
    const st_ir_node *n = st_ir_at(p->ir, id);
    bool read = n->op == ST_IR_COLUMN || n->op == ST_IR_GATHER || n->op == ST_IR_LINKED ||
                n->op == ST_IR_DRAW || st_is_result(n) || st_fill_before(p, id, place, stage);
    if (read)
        *st_push(q->arena, &q->reads) = id;
    else if (!st_is_scalar(p, id) && n->op != ST_IR_BOUND)
        for (uint32_t i = 0; i < n->n; i++) find_reads(q, n->args[i], place, stage);
}

static void print_read(printer *q, st_ir_id id)
{
    const st_ir_node *n = st_ir_at(q->plan->ir, id);
    if (n->op == ST_IR_COLUMN)
        st_buf_printf(q->arena, q->out, " %s", n->col->name);
    else
        st_buf_printf(q->arena, q->out, " %%%u", q->numbers[id]);
}

static void print_reads(printer *q)
{
    if (q->reads.n) st_buf_puts(q->arena, q->out, "    reads");
    for (uint32_t i = 0; i < q->reads.n; i++) print_read(q, q->reads.p[i]);
    if (q->reads.n) st_buf_puts(q->arena, q->out, "\n");
    q->reads.n = 0;
}

static void print_fill(printer *q, const st_fill *f)
{
    static const char *const verbs[] = {"store", "fold", "step"};
    const st_ir_node *n = st_ir_at(q->plan->ir, f->node);
    st_buf_printf(q->arena, q->out, "    %s %%%u", verbs[f->kind], q->numbers[f->node]);
    if (f->kind != ST_FILL_STORE) {
        st_buf_printf(q->arena, q->out, " = %s", st_ir_op_names[n->op]);
        for (uint32_t i = 0; i < n->n; i++) st_buf_printf(q->arena, q->out, " %%%u", q->numbers[n->args[i]]);
    }
    if (f->name) st_buf_printf(q->arena, q->out, " (%s)", f->name);
    st_buf_puts(q->arena, q->out, "\n");
}

static void print_pass(printer *q, st_ground place, uint32_t stage)
{
    const st_plan *p = q->plan;
    memset(q->seen, 0, p->ir->nodes.n * sizeof *q->seen);
    bool any = false;
    for (uint32_t i = 0; i < p->filled[stage].n; i++) {
        const st_fill *f = &p->fills.p[p->filled[stage].p[i]];
        if (f->stage != stage || f->kind == ST_FILL_STEP || st_fill_pass(p, f) != place) continue;
        const st_ir_node *n = st_ir_at(p->ir, f->node);
        any = true;
        if (f->kind == ST_FILL_STORE)
            find_reads(q, f->node, place, stage);
        else
            for (uint32_t k = 0; k < n->n; k++) find_reads(q, n->args[k], place, stage);
    }
    if (!any) return;
    st_buf_puts(q->arena, q->out, "  pass over ");
    place_text(p, place, q->out, q->arena);
    st_buf_puts(q->arena, q->out, "\n");
    print_reads(q);
    for (uint32_t i = 0; i < p->filled[stage].n; i++) {
        const st_fill *f = &p->fills.p[p->filled[stage].p[i]];
        if (f->stage == stage && f->kind != ST_FILL_STEP && st_fill_pass(p, f) == place) print_fill(q, f);
    }
    for (uint32_t i = 0; i < p->notes.n; i++)
        if (p->notes.p[i].place == place && p->notes.p[i].stage == stage)
            st_buf_printf(q->arena, q->out, "    note %%%u (%s %s)\n", q->numbers[p->notes.p[i].node],
                          p->notes.p[i].list ? "list" : "unseen",
                          p->notes.p[i].list ? p->notes.p[i].list->name : p->notes.p[i].table->name);
}

void st_dump_plan(st_arena *a, const st_plan *plan, st_buf *out)
{
    printer q = {a, plan, st_ir_numbers(a, plan->ir), out, st_new_n(a, bool, plan->ir->nodes.n), {0}};
    bool any = false;
    for (st_ir_id id = 1; id < plan->ir->nodes.n; id++) {
        if (!plan->setup[id]) continue;
        st_buf_printf(a, out, any ? " %%%u" : "setup\n    set %%%u", q.numbers[id]);
        any = true;
    }
    if (any) st_buf_puts(a, out, "\n");
    for (uint32_t s = 0; s < plan->nstages; s++) {
        st_buf_printf(a, out, "stage %u\n", s);
        for (st_ground place = 0; place < plan->nplaces; place++) print_pass(&q, place, s);
        for (uint32_t i = 0; i < plan->filled[s].n; i++) {
            const st_fill *f = &plan->fills.p[plan->filled[s].p[i]];
            if (f->stage != s || f->kind != ST_FILL_STEP) continue;
            st_buf_puts(a, out, "  then\n");
            print_fill(&q, f);
        }
    }
}
