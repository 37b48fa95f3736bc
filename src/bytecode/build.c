/* Building a program, and the questions that everyone asks of one. */
#include "bytecode/bytecode.h"

const char *const st_bc_type_names[ST_BC_TYPES] = {"bool", "i64", "i128", "f64", "text"};
const char *const st_bc_cmp_names[ST_CMPS] = {"=", "!=", "<", "<=", ">", ">="};
const char *const st_bc_test_names[ST_TESTS] = {"starts",   "not.starts",   "ends",    "not.ends",
                                                "contains", "not.contains", "matches", "not.matches"};
const char *const st_bc_step_names[ST_STEP_KINDS] = {
    "setup", "pass",     "distinct",  "most.common", "repeats", "median", "last.n",
    "span",  "sequence", "threshold", "score",       "stratum", "nearest"};
const char *const st_bc_field_names[ST_OUT_FIELDS] = {
    "value", "r",      "f",         "m",    "recency", "frequency", "monetary",
    "cell",  "member", "dimension", "part", "rank",    "promised"};

const st_bc_opcode st_bc_opcodes[ST_BC_OPS] = {
#define OPCODE(NAME, name, types, k0, k1, k2, k3, k4, meaning)                                               \
    {name, types, {ST_K_##k0, ST_K_##k1, ST_K_##k2, ST_K_##k3, ST_K_##k4}, meaning},
#include "bytecode/opcodes.def"
#undef OPCODE
};

struct st_bc_build {
    st_map found;   /* bytes that describe an object -> its number + 1 */
    uint32_t first; /* instruction where the open piece of code begins */
    bool is_open;
};

st_bc *st_bc_new(st_arena *a, const st_program *schema)
{
    st_bc *b = st_new(a, st_bc);
    b->arena = a;
    b->schema = schema;
    b->build = st_new(a, struct st_bc_build);
    st_map_init(&b->build->found, a);
    b->population = st_new_n(a, uint32_t, schema->ntables + 1);
    for (uint32_t i = 0; i < schema->ntables; i++) b->population[i] = ST_BC_NONE;
    return b;
}

/* The number of the object with this description, or `next` where there is none yet. */
static uint32_t find(st_bc *b, char kind, const void *key, size_t n, uint32_t next)
{
    st_buf text = {0};
    st_buf_add(b->arena, &text, &kind, 1);
    st_buf_add(b->arena, &text, key, n);
    bool is_new;
    void **place = st_map_put(&b->build->found, text.p, text.n, &is_new);
    if (is_new) *place = (void *)(uintptr_t)(next + 1);
    return (uint32_t)(uintptr_t)*place - 1;
}

/* ---- scalars ---- */

static uint32_t literal(st_bc *b, const st_bc_scalar *s, const void *bytes, size_t n)
{
    st_buf key = {0};
    char head[2] = {(char)s->type, (char)s->missing};
    st_buf_add(b->arena, &key, head, sizeof head);
    st_buf_add(b->arena, &key, bytes, n);
    uint32_t id = find(b, 's', key.p, key.n, b->scalars.n);
    if (id == b->scalars.n) *st_push(b->arena, &b->scalars) = *s;
    return id;
}

uint32_t st_bc_bool(st_bc *b, bool v)
{
    st_bc_scalar s = {.type = ST_BC_BOOL, .as.b = v};
    return literal(b, &s, &v, sizeof v);
}

uint32_t st_bc_i64(st_bc *b, int64_t v)
{
    st_bc_scalar s = {.type = ST_BC_I64, .as.i = v};
    return literal(b, &s, &v, sizeof v);
}

uint32_t st_bc_i128(st_bc *b, st_i128 v)
{
    st_bc_scalar s = {.type = ST_BC_I128, .as.d = v};
    return literal(b, &s, &v, sizeof v);
}

uint32_t st_bc_f64(st_bc *b, double v)
{
    st_bc_scalar s = {.type = ST_BC_F64, .as.f = v};
    return literal(b, &s, &v, sizeof v);
}

uint32_t st_bc_text(st_bc *b, st_str v)
{
    st_bc_scalar s = {.type = ST_BC_TEXT, .as.s = st_str_dup(b->arena, v)};
    return literal(b, &s, v.p, v.n);
}

uint32_t st_bc_missing(st_bc *b, st_bc_type type)
{
    st_bc_scalar s = {.type = type, .missing = true};
    return literal(b, &s, NULL, 0);
}

uint32_t st_bc_now(st_bc *b)
{
    uint32_t id = find(b, 'n', NULL, 0, b->scalars.n);
    if (id == b->scalars.n)
        *st_push(b->arena, &b->scalars) = (st_bc_scalar){.kind = ST_S_NOW, .type = ST_BC_I64};
    return id;
}

uint32_t st_bc_scalar_new(st_bc *b, st_bc_scalar_kind kind, st_bc_type type)
{
    *st_push(b->arena, &b->scalars) = (st_bc_scalar){.kind = kind, .type = type};
    return b->scalars.n - 1;
}

/* ---- places ---- */

static st_bc_path path_of(st_bc *b, const st_path *path)
{
    st_bc_path p = {path->steps[0]->table->index, path->n, st_new_n(b->arena, uint32_t, path->n)};
    for (uint32_t i = 0; i < path->n; i++) p.cols[i] = path->steps[i]->index;
    return p;
}

static void add_path_key(st_bc *b, st_buf *key, const st_bc_path *p)
{
    st_buf_add(b->arena, key, (const char *)&p->table, sizeof p->table);
    st_buf_add(b->arena, key, (const char *)&p->n, sizeof p->n);
    st_buf_add(b->arena, key, (const char *)p->cols, p->n * sizeof *p->cols);
}

uint32_t st_bc_index(st_bc *b, const st_path *path)
{
    st_bc_path p = path_of(b, path);
    st_buf key = {0};
    add_path_key(b, &key, &p);
    uint32_t id = find(b, 'x', key.p, key.n, b->indexes.n);
    if (id == b->indexes.n) *st_push(b->arena, &b->indexes) = p;
    return id;
}

uint32_t st_bc_view_of(st_bc *b, const st_path *path, uint32_t order, const uint32_t *ties, uint32_t nties)
{
    st_bc_view v = {path_of(b, path), order, nties, st_new_n(b->arena, uint32_t, nties)};
    if (nties) memcpy(v.ties, ties, nties * sizeof *ties);
    st_buf key = {0};
    add_path_key(b, &key, &v.path);
    st_buf_add(b->arena, &key, (const char *)&order, sizeof order);
    st_buf_add(b->arena, &key, (const char *)v.ties, nties * sizeof *ties);
    uint32_t id = find(b, 'v', key.p, key.n, b->views.n);
    if (id == b->views.n) *st_push(b->arena, &b->views) = v;
    return id;
}

static uint32_t input(st_bc *b, st_bc_domain domain, uint32_t index, bool is_slot, uint32_t what)
{
    uint32_t key[4] = {domain, index, is_slot, what};
    uint32_t id = find(b, 'i', key, sizeof key, b->inputs.n);
    if (id == b->inputs.n) *st_push(b->arena, &b->inputs) = (st_bc_input){domain, index, is_slot, what};
    return id;
}

uint32_t st_bc_column(st_bc *b, st_bc_domain domain, uint32_t index, const st_col *col)
{
    return input(b, domain, index, false, col->index);
}

uint32_t st_bc_read_slot(st_bc *b, st_bc_domain domain, uint32_t index, uint32_t slot)
{
    return input(b, domain, index, true, slot);
}

uint32_t st_bc_slot_new(st_bc *b, st_bc_type type, st_bc_domain domain, const char *name)
{
    *st_push(b->arena, &b->slots) = (st_bc_slot){type, domain, st_dup(b->arena, name, strlen(name))};
    return b->slots.n - 1;
}

uint32_t st_bc_list(st_bc *b, const uint32_t *items, uint32_t n)
{
    uint32_t id = find(b, 'l', items, n * sizeof *items, b->lists.n);
    if (id == b->lists.n) {
        *st_push(b->arena, &b->lists) = n;
        for (uint32_t i = 0; i < n; i++) *st_push(b->arena, &b->lists) = items[i];
    }
    return id;
}

uint32_t st_bc_set_of(st_bc *b, const st_def *list)
{
    uint32_t id = find(b, 'k', &list->index, sizeof list->index, b->sets.n);
    if (id == b->sets.n)
        *st_push(b->arena, &b->sets) = (st_bc_set){st_dup(b->arena, list->name, strlen(list->name)),
                                                   list->list->ints ? ST_BC_I64 : ST_BC_TEXT, *list->list};
    return id;
}

uint32_t st_bc_note_new(st_bc *b, strata_note_kind kind, const char *subject, uint32_t set)
{
    *st_push(b->arena, &b->notes) =
        (st_bc_note){kind, subject ? st_dup(b->arena, subject, strlen(subject)) : NULL, set};
    return b->notes.n - 1;
}

void st_bc_output_new(st_bc *b, const st_def *def, st_bc_field field, st_type type, uint32_t slot,
                      uint32_t known)
{
    type.labels = NULL;
    *st_push(b->arena, &b->outputs) = (st_bc_output){def->index, field, type, slot, known};
}

/* ---- code ---- */

void st_bc_begin(st_bc *b)
{
    assert(!b->build->is_open);
    b->build->is_open = true;
    b->build->first = b->code.n;
}

void st_bc_emit(st_bc *b, st_bc_op op, st_bc_type type, uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3,
                uint32_t a4)
{
    assert(b->build->is_open);
    if (!st_bc_opcodes[op].types[0]) type = 0;
    *st_push(b->arena, &b->code) = (st_bc_instr){(uint16_t)op, (uint16_t)type, {a0, a1, a2, a3, a4}};
}

st_bc_code st_bc_end(st_bc *b)
{
    st_bc_code c = {b->build->first, b->code.n - b->build->first, 0, 0};
    for (uint32_t i = c.first; i < b->code.n; i++)
        for (uint32_t k = 0; k < 5; k++) {
            st_bc_operand kind = st_bc_opcodes[b->code.p[i].op].kinds[k];
            uint32_t r = b->code.p[i].a[k];
            if (kind == ST_K_P_OUT) c.npred = ST_MAX(c.npred, r + 1);
            if (kind >= ST_K_V_OUT_T && kind <= ST_K_V_OUT_TEXT) c.nval = ST_MAX(c.nval, r + 1);
        }
    b->build->is_open = false;
    return c;
}

st_bc_step *st_bc_step_new(st_bc *b, st_bc_step_kind kind, st_bc_domain domain)
{
    st_bc_step *s = st_push(b->arena, &b->steps);
    s->kind = kind;
    s->domain = domain;
    s->out = s->filter = s->value = s->key = s->sequence = s->subject = s->strata = s->ends = ST_BC_NONE;
    s->other = s->other_filter = s->other_value = s->other_key = ST_BC_NONE;
    return s;
}

st_bc_sequence *st_bc_sequence_new(st_bc *b, uint32_t entity, uint32_t nsteps, uint32_t *id)
{
    *id = b->sequences.n;
    st_bc_sequence *q = st_push(b->arena, &b->sequences);
    q->entity = entity;
    q->until = ST_BC_NONE;
    q->nsteps = nsteps;
    q->steps = st_new_n(b->arena, st_bc_seq_step, nsteps);
    for (uint32_t i = 0; i < nsteps; i++) q->steps[i].filter = q->steps[i].time = ST_BC_NONE;
    return q;
}

/* ---- questions ---- */

st_bc_type st_bc_type_of(const st_type *t)
{
    switch (t->base) {
    case ST_T_BOOL: return ST_BC_BOOL;
    case ST_T_FLOAT: return ST_BC_F64;
    case ST_T_STRING: return ST_BC_TEXT;
    case ST_T_DECIMAL:
    case ST_T_DISTANCE: return t->digits <= 18 ? ST_BC_I64 : ST_BC_I128;
    default: return ST_BC_I64;
    }
}

uint32_t st_bc_path_target(const st_bc *b, const st_bc_path *path)
{
    uint32_t table = path->table;
    for (uint32_t i = 0; i < path->n; i++)
        table = b->schema->tables[table]->cols[path->cols[i]].links_to->index;
    return table;
}

uint32_t st_bc_table_of(const st_bc *b, st_bc_domain domain)
{
    return ST_BC_IS_VIEW(domain) ? b->views.p[ST_BC_VIEW_ID(domain)].path.table : domain;
}

uint32_t st_bc_entity_of(const st_bc *b, uint32_t view)
{
    return st_bc_path_target(b, &b->views.p[view].path);
}

st_bc_type st_bc_input_type(const st_bc *b, uint32_t input_id, bool *list)
{
    const st_bc_input *in = &b->inputs.p[input_id];
    if (list) *list = false;
    if (in->is_slot) return b->slots.p[in->id].type;
    uint32_t table = st_bc_table_of(b, in->domain);
    if (in->index != ST_BC_NONE) table = st_bc_path_target(b, &b->indexes.p[in->index]);
    const st_type *t = &b->schema->tables[table]->cols[in->id].type;
    if (list) *list = t->list;
    return st_bc_type_of(t);
}

const st_bc_output *st_bc_promised(const st_bc *b, const st_def *d)
{
    for (uint32_t i = 0; i < b->outputs.n; i++)
        if (b->outputs.p[i].def == d->index && b->outputs.p[i].field == ST_OUT_PROMISED)
            return &b->outputs.p[i];
    return NULL;
}
