/* The verifier: what passes here the machine runs without a check. Everything that is an index is in range, every register, slot and
 * scalar is filled before it is read and of the type that is asked, and nothing is done where it has no meaning. */
#include "bytecode/bytecode.h"

#include "base/text.h"

#include <stdio.h>

enum { UNSET = ST_BC_TYPES };

typedef struct verifier {
    const st_bc *b;
    char *why;
    st_arena *a;       /* for working */
    uint32_t *filled;  /* by slot: 1 + the step that fills it, 0: none yet */
    uint8_t *is_set;   /* by scalar */
    uint32_t *set_in;  /* by scalar: the step that sets it */
    uint8_t *bound;    /* by scalar: bound in the sequence in hand */
    uint32_t step;     /* in hand */
    const char *place; /* of the instruction in hand, or NULL */
    uint32_t instr;
} verifier;

ST_PRINTF(2, 3) static bool bad(verifier *v, const char *fmt, ...)
{
    va_list ap;
    int n = 0;
    if (v->step != ST_BC_NONE) n = snprintf(v->why, ST_BC_WHY, "step %u: ", v->step);
    if (v->place)
        n += snprintf(v->why + n, (size_t)(ST_BC_WHY - n), "instruction %u (%s): ", v->instr, v->place);
    va_start(ap, fmt);
    vsnprintf(v->why + n, (size_t)(ST_BC_WHY - n), fmt, ap);
    va_end(ap);
    return false;
}

#define NEED(cond, ...)                                                                                      \
    do {                                                                                                     \
        if (!(cond)) return bad(v, __VA_ARGS__);                                                             \
    } while (0)

/* ---- objects ---- */

static bool check_path(verifier *v, const st_bc_path *p)
{
    const st_program *schema = v->b->schema;
    NEED(p->table < schema->ntables, "a path begins at table %u, which is not there", p->table);
    NEED(p->n > 0 && p->n <= ST_BC_MAX_PATH, "a path has %u links", p->n);
    uint32_t table = p->table;
    for (uint32_t i = 0; i < p->n; i++) {
        const st_table *from = schema->tables[table];
        NEED(p->cols[i] < from->ncols + from->nhidden, "a path follows column %u of %s, which is not there",
             p->cols[i], schema->tables[table]->name);
        const st_table *to = schema->tables[table]->cols[p->cols[i]].links_to;
        NEED(to, "a path follows %s.%s, which is no link", schema->tables[table]->name,
             schema->tables[table]->cols[p->cols[i]].name);
        table = to->index;
    }
    return true;
}

static bool check_domain(verifier *v, st_bc_domain d)
{
    if (ST_BC_IS_VIEW(d))
        NEED(ST_BC_VIEW_ID(d) < v->b->views.n, "view %u is not there", ST_BC_VIEW_ID(d));
    else
        NEED(d < v->b->schema->ntables, "table %u is not there", d);
    return true;
}

static bool check_input(verifier *v, uint32_t id)
{
    const st_bc *b = v->b;
    const st_bc_input *in = &b->inputs.p[id];
    if (!check_domain(v, in->domain)) return false;
    uint32_t table = st_bc_table_of(b, in->domain);
    if (in->index != ST_BC_NONE) {
        NEED(in->index < b->indexes.n, "input %u goes through index %u, which is not there", id, in->index);
        NEED(b->indexes.p[in->index].table == table, "input %u goes through an index of another table", id);
        table = st_bc_path_target(b, &b->indexes.p[in->index]);
    }
    const st_table *t = b->schema->tables[table];
    if (!in->is_slot) {
        NEED(in->id < t->ncols, "input %u is column %u of %s, which is not there", id, in->id, t->name);
        NEED(t->cols[in->id].used || t->cols[in->id].key, "input %u is %s.%s, which is not said to be read",
             id, t->name, t->cols[in->id].name);
        return true;
    }
    NEED(in->id < b->slots.n, "input %u is slot %u, which is not there", id, in->id);
    st_bc_domain home = b->slots.p[in->id].domain;
    NEED(home == table || (in->index == ST_BC_NONE && home == in->domain),
         "input %u is slot %u, which is over other rows", id, in->id);
    return true;
}

static bool check_view(verifier *v, uint32_t id)
{
    const st_bc_view *view = &v->b->views.p[id];
    for (uint32_t i = 0; i <= view->nties; i++) {
        uint32_t input = i ? view->ties[i - 1] : view->order;
        if (i == 0 && input == ST_BC_NONE) continue;
        NEED(input < v->b->inputs.n, "view %u is ordered by input %u, which is not there", id, input);
        NEED(v->b->inputs.p[input].domain == view->path.table,
             "view %u is ordered by input %u, which is over other rows", id, input);
    }
    return true;
}

static bool check_set(verifier *v, uint32_t id)
{
    const st_bc_set *set = &v->b->sets.p[id];
    bool text = set->type == ST_BC_TEXT;
    NEED(text || set->type == ST_BC_I64, "set %u is of no type for keys", id);
    NEED(set->keys.n <= ST_BC_MAX_SET, "set %u has more than %u keys", id, ST_BC_MAX_SET);
    NEED(set->keys.n == 0 || (text ? set->keys.texts && !set->keys.ints : set->keys.ints != NULL),
         "set %u has no keys", id);
    for (uint32_t i = 1; i < set->keys.n; i++) {
        bool ascending = text ? st_str_cmp(set->keys.texts[i - 1], set->keys.texts[i]) < 0
                              : set->keys.ints[i - 1] < set->keys.ints[i];
        NEED(ascending, "set %u is not in order", id);
    }
    return true;
}

static bool check_objects(verifier *v)
{
    const st_bc *b = v->b;
    NEED(b->scalars.n <= ST_BC_MAX_OBJECTS && b->indexes.n <= ST_BC_MAX_OBJECTS &&
             b->views.n <= ST_BC_MAX_OBJECTS && b->inputs.n <= ST_BC_MAX_OBJECTS &&
             b->slots.n <= ST_BC_MAX_OBJECTS && b->sequences.n <= ST_BC_MAX_OBJECTS &&
             b->steps.n <= ST_BC_MAX_OBJECTS && b->outputs.n <= ST_BC_MAX_OBJECTS &&
             b->notes.n <= ST_BC_MAX_OBJECTS && b->sets.n <= ST_BC_MAX_OBJECTS,
         "it has more than %u objects of a kind", ST_BC_MAX_OBJECTS);
    NEED(b->code.n <= ST_BC_MAX_CODE && b->lists.n <= ST_BC_MAX_CODE, "it has more than %u instructions",
         ST_BC_MAX_CODE);
    for (uint32_t i = 0; i < b->scalars.n; i++)
        NEED(b->scalars.p[i].kind <= ST_S_BOUND && b->scalars.p[i].type < ST_BC_TYPES &&
                 (b->scalars.p[i].kind != ST_S_NOW || b->scalars.p[i].type == ST_BC_I64),
             "scalar %u is of no kind or type", i);
    for (uint32_t i = 0; i < b->scalars.n; i++)
        NEED(b->scalars.p[i].kind != ST_S_LITERAL || b->scalars.p[i].type != ST_BC_I128 ||
                 st_dec_fits(b->scalars.p[i].as.d),
             "scalar %u has more than %d digits", i, ST_DECIMAL_DIGITS);
    for (uint32_t i = 0; i < b->sets.n; i++)
        if (!check_set(v, i)) return false;
    for (uint32_t i = 0; i < b->indexes.n; i++)
        if (!check_path(v, &b->indexes.p[i])) return false;
    for (uint32_t i = 0; i < b->views.n; i++)
        if (!check_path(v, &b->views.p[i].path)) return false;
    for (uint32_t i = 0; i < b->slots.n; i++) {
        if (!check_domain(v, b->slots.p[i].domain)) return false;
        NEED(b->slots.p[i].type < ST_BC_TYPES, "slot %u is of no type", i);
    }
    for (uint32_t i = 0; i < b->inputs.n; i++)
        if (!check_input(v, i)) return false;
    for (uint32_t i = 0; i < b->views.n; i++)
        if (!check_view(v, i)) return false;
    for (uint32_t i = 0; i < b->notes.n; i++)
        NEED(b->notes.p[i].kind == STRATA_NOTE_LIST_KEYS
                 ? b->notes.p[i].set < b->sets.n
                 : b->notes.p[i].kind <= STRATA_NOTE_HOURS && b->notes.p[i].set == ST_BC_NONE,
             "note %u is of no kind", i);
    return true;
}

/* ---- what a step may read ---- */

static bool filled_before(verifier *v, uint32_t slot)
{
    NEED(v->filled[slot] && v->filled[slot] - 1 < v->step, "slot %u is read before it is filled", slot);
    return true;
}

static bool use_input(verifier *v, uint32_t id)
{
    NEED(id < v->b->inputs.n, "input %u is not there", id);
    const st_bc_input *in = &v->b->inputs.p[id];
    return !in->is_slot || filled_before(v, in->id);
}

static bool use_view(verifier *v, uint32_t id)
{
    NEED(id < v->b->views.n, "view %u is not there", id);
    const st_bc_view *view = &v->b->views.p[id];
    if (view->order != ST_BC_NONE) {
        bool list;
        if (!use_input(v, view->order)) return false;
        NEED(st_bc_input_type(v->b, view->order, &list) == ST_BC_I64 && !list,
             "view %u is ordered by what is no time", id);
    }
    for (uint32_t i = 0; i < view->nties; i++)
        if (!use_input(v, view->ties[i])) return false;
    return true;
}

static bool use_domain(verifier *v, st_bc_domain d)
{
    return check_domain(v, d) && (!ST_BC_IS_VIEW(d) || use_view(v, ST_BC_VIEW_ID(d)));
}

static bool fill_slot(verifier *v, uint32_t slot, uint32_t types, st_bc_domain domain)
{
    NEED(slot < v->b->slots.n, "slot %u is not there", slot);
    NEED(types >> v->b->slots.p[slot].type & 1, "slot %u is of another type", slot);
    NEED(v->b->slots.p[slot].domain == domain, "slot %u is over other rows", slot);
    NEED(!v->filled[slot], "slot %u is filled twice", slot);
    v->filled[slot] = v->step + 1;
    return true;
}

static bool set_scalar(verifier *v, uint32_t s, st_bc_type type)
{
    NEED(s < v->b->scalars.n, "scalar %u is not there", s);
    NEED(v->b->scalars.p[s].kind == ST_S_SET, "scalar %u cannot be set", s);
    NEED(v->b->scalars.p[s].type == type, "scalar %u is of another type", s);
    NEED(!v->is_set[s], "scalar %u is set twice", s);
    v->is_set[s] = 1;
    v->set_in[s] = v->step;
    return true;
}

/* What depends on text, or stands in a list, is worked out before a step begins. */
static bool use_scalar(verifier *v, uint32_t s, st_bc_type type, bool in_list)
{
    NEED(s < v->b->scalars.n, "scalar %u is not there", s);
    const st_bc_scalar *decl = &v->b->scalars.p[s];
    NEED(decl->type == type, "scalar %u is of another type", s);
    if (decl->kind == ST_S_SET) {
        NEED(v->is_set[s], "scalar %u is read before it is set", s);
        NEED(v->set_in[s] < v->step || (!in_list && type != ST_BC_TEXT),
             "scalar %u is read in the step that sets it", s);
    }
    if (decl->kind == ST_S_BOUND) {
        NEED(v->bound[s], "scalar %u is read where it is not bound", s);
        NEED(!in_list, "scalar %u, which is bound, stands in a list", s);
    }
    return true;
}

/* ---- code ---- */

typedef enum where { IN_SETUP, IN_TABLE, IN_VIEW, IN_CONDITION } where;

typedef struct code_state {
    where where;
    const st_bc_code *code;
    st_bc_domain domain;
    uint8_t *p;  /* by predicate: written */
    uint8_t *vt; /* by value register: its type, or UNSET */
} code_state;

static bool read_list(verifier *v, uint32_t at, uint32_t *n)
{
    NEED(at < v->b->lists.n && v->b->lists.p[at] < v->b->lists.n - at, "list %u is not there", at);
    *n = v->b->lists.p[at];
    NEED(*n < ST_BC_MAX_OBJECTS, "list %u is too long", at);
    return true;
}

static bool read_p(verifier *v, const code_state *c, uint32_t r)
{
    NEED(r < c->code->npred && c->p[r], "P[%u] is read before it is written", r);
    return true;
}

static bool read_v(verifier *v, const code_state *c, uint32_t r, st_bc_type type)
{
    NEED(r < c->code->nval && c->vt[r] != UNSET, "V[%u] is read before it is written", r);
    NEED(c->vt[r] == type, "V[%u] is %s, not %s", r, st_bc_type_names[c->vt[r]], st_bc_type_names[type]);
    return true;
}

static bool read_input(verifier *v, const code_state *c, uint32_t id, st_bc_operand kind, st_bc_type type)
{
    NEED(c->where != IN_SETUP, "a setup has no rows to load from");
    if (!use_input(v, id)) return false;
    const st_bc_input *in = &v->b->inputs.p[id];
    NEED(in->domain == c->domain, "input %u is over other rows", id);
    bool list;
    st_bc_type t = st_bc_input_type(v->b, id, &list);
    if (kind == ST_K_INPUT_ANY) return true;
    NEED(list == (kind == ST_K_INPUT_LIST_T), "input %u is %s list", id, list ? "a" : "no");
    switch (kind) {
    case ST_K_INPUT_BOOL: NEED(t == ST_BC_BOOL, "input %u is no truth value", id); break;
    case ST_K_INPUT_KEY: NEED(t == ST_BC_I64 || t == ST_BC_TEXT, "input %u is no key", id); break;
    default:
        NEED(t == type, "input %u is %s, not %s", id, st_bc_type_names[t], st_bc_type_names[type]);
        break;
    }
    return true;
}

static bool write_slot(verifier *v, const code_state *c, uint32_t slot, st_bc_operand kind, st_bc_type type)
{
    bool agg = kind >= ST_K_SLOT_AGG_T && kind <= ST_K_SLOT_AGG_BOOL;
    if (agg)
        NEED(c->where == IN_VIEW, "only a pass over a view aggregates");
    else
        NEED(c->where == IN_TABLE || c->where == IN_VIEW, "only a pass stores");
    st_bc_domain domain = agg ? st_bc_entity_of(v->b, ST_BC_VIEW_ID(c->domain)) : c->domain;
    switch (kind) {
    case ST_K_SLOT_OUT_BOOL:
    case ST_K_SLOT_AGG_BOOL: return fill_slot(v, slot, 1u << ST_BC_BOOL, domain);
    case ST_K_SLOT_AGG_I64: return fill_slot(v, slot, 1u << ST_BC_I64, domain);
    case ST_K_SLOT_AGG_EXACT: return fill_slot(v, slot, 1u << ST_BC_I64 | 1u << ST_BC_I128, domain);
    default: return fill_slot(v, slot, 1u << type, domain);
    }
}

static bool read_number(verifier *v, st_bc_operand kind, uint32_t x)
{
    switch (kind) {
    case ST_K_CMP: NEED(x < ST_CMPS, "%u is no comparison", x); break;
    case ST_K_TEST: NEED(x < ST_TESTS, "%u is no test", x); break;
    case ST_K_UNIT: NEED(x <= ST_YEAR, "%u is no unit", x); break;
    case ST_K_PART: NEED(x <= ST_PART_HOUR, "%u is no part", x); break;
    case ST_K_SCALE: NEED(x <= ST_DECIMAL_DIGITS, "%u is no scale", x); break;
    case ST_K_SCALES:
        NEED((x & 255) <= ST_DECIMAL_DIGITS && x >> 8 <= ST_DECIMAL_DIGITS, "%u is no pair of scales", x);
        break;
    case ST_K_HASH: NEED(x < ST_HASHES, "%u is no hash", x); break;
    case ST_K_FLAG: NEED(x <= 1, "%u is no flag", x); break;
    case ST_K_NOTE: NEED(x < v->b->notes.n, "note %u is not there", x); break;
    default: break;
    }
    return true;
}

static bool read_lists(verifier *v, const code_state *c, st_bc_operand kind, uint32_t at, st_bc_type type)
{
    uint32_t n = 0;
    if (!read_list(v, at, &n)) return false;
    const uint32_t *list = v->b->lists.p + at + 1;
    NEED(kind != ST_K_LIST_PS_T || n % 2 == 0, "list %u is not made of pairs", at);
    for (uint32_t i = 0; i < n; i++) {
        bool is_p = kind == ST_K_LIST_P || (kind == ST_K_LIST_PS_T && i % 2 == 0);
        if (is_p ? !read_p(v, c, list[i]) : !use_scalar(v, list[i], type, true)) return false;
    }
    return true;
}

/* Operands that are read; those that are written follow when all of them are fine. */
static bool read_operand(verifier *v, const code_state *c, const st_bc_instr *in, uint32_t k)
{
    st_bc_operand kind = st_bc_opcodes[in->op].kinds[k];
    st_bc_type type = (st_bc_type)in->type;
    uint32_t x = in->a[k];
    switch (kind) {
    case ST_K_NONE: NEED(x == 0, "operand %u has no meaning", k); return true;
    case ST_K_P_IN: return read_p(v, c, x);
    case ST_K_V_IN_T: return read_v(v, c, x, type);
    case ST_K_V_IN_I64: return read_v(v, c, x, ST_BC_I64);
    case ST_K_V_IN_I128: return read_v(v, c, x, ST_BC_I128);
    case ST_K_V_IN_F64: return read_v(v, c, x, ST_BC_F64);
    case ST_K_V_IN_TEXT: return read_v(v, c, x, ST_BC_TEXT);
    case ST_K_S_T: return use_scalar(v, x, type, false);
    case ST_K_S_I64: return use_scalar(v, x, ST_BC_I64, false);
    case ST_K_S_TEXT: return use_scalar(v, x, ST_BC_TEXT, false);
    case ST_K_S_BOOL: return use_scalar(v, x, ST_BC_BOOL, false);
    case ST_K_INPUT_T:
    case ST_K_INPUT_BOOL:
    case ST_K_INPUT_ANY:
    case ST_K_INPUT_LIST_T:
    case ST_K_INPUT_KEY: return read_input(v, c, x, kind, type);
    case ST_K_LIST_P:
    case ST_K_LIST_S_T:
    case ST_K_LIST_PS_T: return read_lists(v, c, kind, x, type);
    case ST_K_SET_T:
        NEED(x < v->b->sets.n && v->b->sets.p[x].type == type, "set %u is not there, or of another type", x);
        return true;
    case ST_K_INDEX:
        NEED(x < v->b->indexes.n && c->where != IN_SETUP, "index %u is not there", x);
        NEED(v->b->indexes.p[x].table == st_bc_table_of(v->b, c->domain), "index %u is over other rows", x);
        return true;
    default: return read_number(v, kind, x);
    }
}

static bool write_operand(verifier *v, code_state *c, const st_bc_instr *in, uint32_t k)
{
    static const uint8_t value_types[] = {ST_BC_I64, ST_BC_I128, ST_BC_F64, ST_BC_TEXT};
    st_bc_operand kind = st_bc_opcodes[in->op].kinds[k];
    st_bc_type type = (st_bc_type)in->type;
    uint32_t x = in->a[k];
    if (kind == ST_K_P_OUT) {
        NEED(x < c->code->npred, "P[%u] is not there", x);
        c->p[x] = 1;
    } else if (kind >= ST_K_V_OUT_T && kind <= ST_K_V_OUT_TEXT) {
        NEED(x < c->code->nval, "V[%u] is not there", x);
        c->vt[x] = kind == ST_K_V_OUT_T ? (uint8_t)type : value_types[kind - ST_K_V_OUT_I64];
    } else if (kind == ST_K_S_OUT_T || kind == ST_K_S_OUT_BOOL) {
        NEED(c->where == IN_SETUP, "only a setup sets scalars");
        return set_scalar(v, x, kind == ST_K_S_OUT_T ? type : ST_BC_BOOL);
    } else if (kind >= ST_K_SLOT_OUT_T && kind <= ST_K_SLOT_AGG_BOOL) {
        return write_slot(v, c, x, kind, type);
    }
    return true;
}

/* The checker's own test of a pattern. A normal form passes it, as it is its own normal form. */
static bool is_portable(st_arena *a, st_str pattern)
{
    st_str normal;
    st_regex_error error;
    return st_utf8_valid(pattern.p, pattern.n) && st_regex_check(a, pattern, false, &normal, &error);
}

static bool check_pattern(verifier *v, const st_bc_instr *in)
{
    const st_bc_scalar *s = &v->b->scalars.p[in->a[2]];
    NEED(s->kind == ST_S_LITERAL && !s->missing, "a pattern must be a literal");
    NEED(is_portable(v->a, s->as.s), "the pattern is not of the portable form");
    return true;
}

/* Rules of single operations. */
static bool check_meaning(verifier *v, const code_state *c, const st_bc_instr *in)
{
    switch (in->op) {
    case ST_BC_ADD:
    case ST_BC_SUB: NEED(in->type == ST_BC_I128 || in->a[3] == 0, "only i128 takes scales"); break;
    case ST_BC_TEST:
        if (in->a[3] == ST_TEST_MATCHES || in->a[3] == ST_TEST_NOT_MATCHES) return check_pattern(v, in);
        break;
    case ST_BC_TEST_V: NEED(in->a[3] < ST_TEST_MATCHES, "a pattern must be a literal"); break;
    case ST_BC_LIST_HAS:
    case ST_BC_LIST_HAS_V: NEED(in->a[3] == 0 || in->type == ST_BC_TEXT, "only text is lower-cased"); break;
    case ST_BC_SHIFT_DATE:
    case ST_BC_BETWEEN_DATES: NEED(in->a[3] >= ST_DAY, "days have no %s", st_unit_names[in->a[3]]); break;
    case ST_BC_TRUNC: NEED(in->a[2] >= ST_DAY, "days have no %s", st_unit_names[in->a[2]]); break;
    case ST_BC_CHECK_AS_OF: NEED(c->where == IN_SETUP, "only a setup checks instants"); break;
    case ST_BC_NOTE: NEED(c->where == IN_TABLE || c->where == IN_VIEW, "only a pass counts for notes"); break;
    default: break;
    }
    return true;
}

static bool type_allowed(const char *types, uint16_t type)
{
    static const char letters[ST_BC_TYPES + 1] = "BIDFT";
    return types[0] ? type < ST_BC_TYPES && strchr(types, letters[type]) != NULL : type == 0;
}

static bool check_instr(verifier *v, code_state *c, const st_bc_instr *in)
{
    v->place = NULL;
    NEED(in->op < ST_BC_OPS, "instruction %u is unknown", v->instr);
    v->place = st_bc_opcodes[in->op].name;
    NEED(type_allowed(st_bc_opcodes[in->op].types, in->type), "is not made for type %u", in->type);
    for (uint32_t k = 0; k < 5; k++)
        if (!read_operand(v, c, in, k)) return false;
    if (!check_meaning(v, c, in)) return false;
    for (uint32_t k = 0; k < 5; k++)
        if (!write_operand(v, c, in, k)) return false;
    return true;
}

static bool check_code(verifier *v, const st_bc_code *code, where place, st_bc_domain domain, uint32_t answer)
{
    NEED(code->first <= v->b->code.n && code->n <= v->b->code.n - code->first, "its code is not there");
    NEED(code->npred <= ST_BC_MAX_P && code->nval <= ST_BC_MAX_V,
         "it uses more than %u predicates or %u values", ST_BC_MAX_P, ST_BC_MAX_V);
    code_state c = {place, code, domain, st_new_n(v->a, uint8_t, code->npred + 1),
                    st_new_n(v->a, uint8_t, code->nval + 1)};
    memset(c.vt, UNSET, code->nval + 1);
    bool ok = true;
    for (uint32_t i = 0; i < code->n && ok; i++) {
        v->instr = i;
        ok = check_instr(v, &c, &v->b->code.p[code->first + i]);
    }
    if (!ok) return false;
    v->place = NULL;
    return answer == ST_BC_NONE || read_p(v, &c, answer);
}

/* ---- steps ---- */

static bool check_filter(verifier *v, uint32_t slot, st_bc_domain domain)
{
    if (slot == ST_BC_NONE) return true;
    NEED(slot < v->b->slots.n, "slot %u is not there", slot);
    NEED(v->b->slots.p[slot].type == ST_BC_BOOL && v->b->slots.p[slot].domain == domain,
         "slot %u is no filter of these rows", slot);
    return filled_before(v, slot);
}

static bool check_value(verifier *v, uint32_t input, st_bc_domain domain, uint32_t types)
{
    if (!use_input(v, input)) return false;
    bool list;
    st_bc_type t = st_bc_input_type(v->b, input, &list);
    NEED(v->b->inputs.p[input].domain == domain, "input %u is over other rows", input);
    NEED(!list && types >> t & 1, "input %u is of the wrong type", input);
    return true;
}

#define I64 (1u << ST_BC_I64)
#define NUMBERS (I64 | 1u << ST_BC_I128 | 1u << ST_BC_F64)
#define VALUES (NUMBERS | 1u << ST_BC_TEXT)

static bool check_group(verifier *v, const st_bc_step *s)
{
    NEED(ST_BC_IS_VIEW(s->domain), "it needs a view");
    uint32_t view = ST_BC_VIEW_ID(s->domain), entity = st_bc_entity_of(v->b, view);
    if (!check_filter(v, s->filter, s->domain)) return false;
    bool ordered = v->b->views.p[view].order != ST_BC_NONE;
    switch (s->kind) {
    case ST_STEP_LAST_N:
        NEED(ordered && s->n > 0, "it needs rows in order, and a number of them");
        return fill_slot(v, s->out, 1u << ST_BC_BOOL, s->domain);
    case ST_STEP_SPAN:
        NEED(ordered && s->n > 0 && s->unit <= ST_YEAR && (!s->dates || s->unit >= ST_DAY),
             "it needs rows in order, and a span");
        return check_value(v, s->value, s->domain, I64) && fill_slot(v, s->out, I64, entity);
    case ST_STEP_MEDIAN: {
        if (!check_value(v, s->value, s->domain, NUMBERS)) return false;
        NEED(s->scale <= ST_DECIMAL_DIGITS, "%u is no scale", s->scale);
        bool real = st_bc_input_type(v->b, s->value, NULL) == ST_BC_F64;
        return fill_slot(v, s->out, 1u << (real ? ST_BC_F64 : ST_BC_I128), entity);
    }
    case ST_STEP_MOST_COMMON:
        return check_value(v, s->value, s->domain, VALUES) &&
               fill_slot(v, s->out, 1u << st_bc_input_type(v->b, s->value, NULL), entity);
    default: return check_value(v, s->value, s->domain, VALUES) && fill_slot(v, s->out, I64, entity);
    }
}

static bool check_pairs(verifier *v, const st_bc_pair *pairs, uint32_t n, uint32_t view)
{
    for (uint32_t i = 0; i < n; i++) {
        NEED(pairs[i].scalar < v->b->scalars.n && v->b->scalars.p[pairs[i].scalar].kind == ST_S_BOUND,
             "scalar %u cannot be bound", pairs[i].scalar);
        if (!check_value(v, pairs[i].input, ST_BC_VIEW(view), 1u << v->b->scalars.p[pairs[i].scalar].type))
            return false;
    }
    return true;
}

static bool check_seq_step(verifier *v, const st_bc_sequence *q, const st_bc_seq_step *s)
{
    NEED(s->kind <= ST_SEQ_NO, "a step of its sequence is of no kind");
    if (!use_view(v, s->view)) return false;
    NEED(st_bc_entity_of(v->b, s->view) == q->entity, "a step of its sequence is about another table");
    NEED(v->b->views.p[s->view].order != ST_BC_NONE, "a step of its sequence has rows without an order");
    NEED(!s->has_within ||
             (s->within >= 0 && s->within_unit <= ST_YEAR && (!q->dates || s->within_unit >= ST_DAY)),
         "a step of its sequence has no proper limit");
    if (!check_filter(v, s->filter, ST_BC_VIEW(s->view)) ||
        !check_value(v, s->time, ST_BC_VIEW(s->view), I64))
        return false;
    if (!check_pairs(v, s->eq, s->neq, s->view) || !check_pairs(v, s->bind, s->nbind, s->view)) return false;
    for (uint32_t i = 0; i < s->neq; i++)
        NEED(v->bound[s->eq[i].scalar], "scalar %u is read where it is not bound", s->eq[i].scalar);
    if (s->has_cond && !check_code(v, &s->cond, IN_CONDITION, ST_BC_VIEW(s->view), s->cond_p)) return false;
    NEED(s->nbind == 0 || s->kind != ST_SEQ_NO, "a step that chooses no row binds values");
    for (uint32_t i = 0; i < s->nbind; i++) {
        NEED(!v->bound[s->bind[i].scalar], "scalar %u is bound twice", s->bind[i].scalar);
        v->bound[s->bind[i].scalar] = 1;
    }
    return true;
}

static bool check_sequence(verifier *v, const st_bc_step *s)
{
    NEED(s->sequence < v->b->sequences.n, "sequence %u is not there", s->sequence);
    const st_bc_sequence *q = &v->b->sequences.p[s->sequence];
    NEED(q->entity < v->b->schema->ntables && s->domain == q->entity, "its sequence is about another table");
    NEED(q->nsteps > 0 && q->nsteps <= ST_BC_MAX_SEQUENCE, "its sequence has %u steps", q->nsteps);
    bool chooses = false;
    memset(v->bound, 0, v->b->scalars.n);
    if (!use_scalar(v, q->until, ST_BC_I64, false)) return false;
    for (uint32_t i = 0; i < q->nsteps; i++) {
        if (!check_seq_step(v, q, &q->steps[i])) return false;
        chooses |= q->steps[i].kind != ST_SEQ_NO;
    }
    memset(v->bound, 0, v->b->scalars.n);
    NEED(chooses, "its sequence chooses no row");
    return fill_slot(v, s->out, 1u << ST_BC_BOOL, q->entity);
}

static bool check_rank(verifier *v, const st_bc_step *s)
{
    NEED(!ST_BC_IS_VIEW(s->domain), "it needs a table");
    if (!check_filter(v, s->filter, s->domain) || !check_value(v, s->value, s->domain, NUMBERS)) return false;
    st_bc_type type = st_bc_input_type(v->b, s->value, NULL);
    if (s->kind == ST_STEP_THRESHOLD) {
        NEED(s->amount >= 0 && s->amount <= st_pow10(28) && s->amount_scale <= ST_DECIMAL_DIGITS,
             "it asks for no proper amount");
        NEED(s->subject == ST_BC_NONE || s->subject < v->b->schema->ndefs, "definition %u is not there",
             s->subject);
        return set_scalar(v, s->out, type);
    }
    NEED(s->n >= 2 && s->n <= 9 && s->method <= ST_CUME_DIST && s->scale <= ST_DECIMAL_DIGITS,
         "it asks for no proper scores");
    if (s->method == ST_NTILE && !check_value(v, s->key, s->domain, I64 | 1u << ST_BC_TEXT)) return false;
    return fill_slot(v, s->out, I64, s->domain);
}

static bool check_ends(verifier *v, const st_bc_step *s)
{
    uint32_t n = 0;
    NEED(s->amount_scale <= ST_DRAW_SCALE, "%u is no scale of a share", s->amount_scale);
    if (!read_list(v, s->ends, &n)) return false;
    st_i128 before = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t id = v->b->lists.p[s->ends + 1 + i];
        if (!use_scalar(v, id, ST_BC_I128, true)) return false;
        const st_bc_scalar *end = &v->b->scalars.p[id];
        NEED(end->kind == ST_S_LITERAL && !end->missing && end->as.d >= before &&
                 end->as.d <= st_pow10(s->amount_scale),
             "range %u has no proper end", i);
        before = end->as.d;
    }
    return true;
}

static bool check_stratum(verifier *v, const st_bc_step *s)
{
    uint32_t n = 0, keys = I64 | 1u << ST_BC_TEXT;
    NEED(!ST_BC_IS_VIEW(s->domain), "it needs a table");
    if (!check_filter(v, s->filter, s->domain) || !check_value(v, s->value, s->domain, I64) ||
        !check_value(v, s->key, s->domain, keys) || !check_ends(v, s) || !read_list(v, s->strata, &n))
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (!check_value(v, v->b->lists.p[s->strata + 1 + i], s->domain, keys)) return false;
    return fill_slot(v, s->out, I64, s->domain);
}

static bool check_nearest(verifier *v, const st_bc_step *s)
{
    NEED(!ST_BC_IS_VIEW(s->domain) && s->other < v->b->schema->ntables, "it needs two tables");
    NEED(s->filter == ST_BC_NONE, "it asks from every row");
    return check_value(v, s->value, s->domain, 1u << ST_BC_F64) &&
           check_value(v, s->key, s->domain, 1u << ST_BC_F64) && check_filter(v, s->other_filter, s->other) &&
           check_value(v, s->other_value, s->other, 1u << ST_BC_F64) &&
           check_value(v, s->other_key, s->other, 1u << ST_BC_F64) && fill_slot(v, s->out, I64, s->domain);
}

static bool check_step(verifier *v, const st_bc_step *s)
{
    NEED(s->kind < ST_STEP_KINDS, "it is of no kind");
    if (s->kind == ST_STEP_SETUP) return check_code(v, &s->code, IN_SETUP, 0, ST_BC_NONE);
    if (!use_domain(v, s->domain)) return false;
    switch (s->kind) {
    case ST_STEP_PASS:
        return check_code(v, &s->code, ST_BC_IS_VIEW(s->domain) ? IN_VIEW : IN_TABLE, s->domain, ST_BC_NONE);
    case ST_STEP_SEQUENCE: return check_sequence(v, s);
    case ST_STEP_THRESHOLD:
    case ST_STEP_SCORE: return check_rank(v, s);
    case ST_STEP_STRATUM: return check_stratum(v, s);
    case ST_STEP_NEAREST: return check_nearest(v, s);
    default: return check_group(v, s);
    }
}

/* ---- results ---- */

static bool check_result(verifier *v, uint32_t slot, uint32_t table, const char *name)
{
    NEED(slot < v->b->slots.n && v->filled[slot], "%s has a slot that is never filled", name);
    NEED(v->b->slots.p[slot].domain == table, "%s has a slot over other rows", name);
    return true;
}

/* An overlay says who its members are, and right behind it what they are in each dimension. */
static bool check_overlay(verifier *v, uint32_t i)
{
    const st_bc *b = v->b;
    const st_bc_output *o = &b->outputs.p[i];
    const st_def *d = b->schema->defs[o->def];
    bool part = o->field == ST_OUT_MEMBER || o->field == ST_OUT_DIMENSION;
    NEED(!part || d->kind == ST_DEF_OVERLAY, "%s is no overlay", d->name);
    NEED(d->kind != ST_DEF_OVERLAY || part || o->field == ST_OUT_VALUE || st_bc_is_inner(o),
         "%s has no such field", d->name);
    if (o->field == ST_OUT_DIMENSION)
        NEED(i > 0 && b->outputs.p[i - 1].def == o->def &&
                 (b->outputs.p[i - 1].field == ST_OUT_DIMENSION ||
                  b->outputs.p[i - 1].field == ST_OUT_MEMBER) &&
                 st_bc_type_of(&o->type) != ST_BC_I128 && st_bc_type_of(&o->type) != ST_BC_F64,
             "%s has a dimension out of place", d->name);
    if (o->field != ST_OUT_MEMBER) return true;
    uint32_t n = d->overlay->ndims;
    NEED(o->type.base == ST_T_BOOL && n < b->outputs.n - i, "%s lacks dimensions", d->name);
    for (uint32_t k = 1; k <= n; k++)
        NEED(b->outputs.p[i + k].def == o->def && b->outputs.p[i + k].field == ST_OUT_DIMENSION,
             "%s lacks dimensions", d->name);
    return true;
}

/* Treatments and audiences have all that they are made of, or nothing. */
typedef struct parts_check {
    verifier *v;
    const st_bc_output **parts, **ranks; /* by definition */
    bool ok;
} parts_check;

static bool check_part(verifier *v, const st_bc_output *o, const st_def *d, st_part_role role)
{
    NEED(o, "%s is asked for by a treatment and is no output", d->name);
    st_bc_type type = v->b->slots.p[o->slot].type;
    bool condition = role == ST_PART_WHO || role == ST_PART_WHEN;
    NEED(!condition || type == ST_BC_BOOL, "%s is no condition", d->name);
    NEED(role != ST_PART_RANK || (type != ST_BC_BOOL && type != ST_BC_TEXT), "%s cannot be ranked", d->name);
    return true;
}

static void visit_part(void *context, const st_def *whole, st_def *d, st_part_role role)
{
    parts_check *c = context;
    (void)whole;
    if (c->ok) c->ok = check_part(c->v, (role == ST_PART_RANK ? c->ranks : c->parts)[d->index], d, role);
}

static bool check_parts(verifier *v)
{
    const st_bc *b = v->b;
    parts_check c = {.v = v, .ok = true};
    bool any = false;
    c.parts = st_new_n(v->a, const st_bc_output *, (size_t)b->schema->ndefs + 1);
    c.ranks = st_new_n(v->a, const st_bc_output *, (size_t)b->schema->ndefs + 1);
    for (uint32_t i = 0; i < b->outputs.n; i++) {
        const st_bc_output *o = &b->outputs.p[i];
        any = any || st_bc_is_part(o);
        if (st_bc_is_part(o)) (o->field == ST_OUT_RANK ? c.ranks : c.parts)[o->def] = o;
    }
    if (any) st_visit_parts(b->schema, &(st_part_visit){visit_part, &c});
    return c.ok;
}

/* One thing that a promise is measured by. */
static bool check_measured(verifier *v, const st_promise *p, const st_def *d, bool needed, bool condition)
{
    NEED(d || !needed, "the promise %s lacks what it is measured by", p->text);
    if (!d) return true;
    const st_bc_output *o = st_bc_promised(v->b, d);
    NEED(o && d->of == p->table, "%s is asked for by a promise and is no output", d->name);
    bool is = v->b->slots.p[o->slot].type == ST_BC_BOOL;
    NEED(!condition || is, "%s is no condition", d->name);
    bool exact = o->type.base == ST_T_INT || o->type.base == ST_T_DECIMAL;
    NEED(p->kind != ST_CHECK_BRINGS || condition || exact, "%s has no sum", d->name);
    bool time = o->type.base == ST_T_DATE || o->type.base == ST_T_TIMESTAMP;
    NEED(p->kind != ST_CHECK_NEWER || condition || time, "%s is no time", d->name);
    return true;
}

static bool check_bounds(verifier *v, const st_promise *p)
{
    bool low = p->kind == ST_CHECK_SIZE_BETWEEN || p->kind == ST_CHECK_SIZE_AT_LEAST ||
               p->kind == ST_CHECK_SIZE_WITHIN || p->kind == ST_CHECK_KEEPS || p->kind == ST_CHECK_BRINGS ||
               p->kind == ST_CHECK_KNOWN;
    bool high = p->kind == ST_CHECK_SIZE_BETWEEN || p->kind == ST_CHECK_SIZE_AT_MOST;
    NEED(low == p->low.given && high == p->high.given, "the promise %s has other bounds than it needs",
         p->text);
    NEED(p->kind != ST_CHECK_SIZE_WITHIN || p->subject, "the promise %s is about nothing", p->text);
    return true;
}

static bool check_promise(verifier *v, const st_promise *p)
{
    bool values = p->kind == ST_CHECK_BRINGS || p->kind == ST_CHECK_UNIQUE || p->kind == ST_CHECK_NEWER;
    bool of_all = p->kind <= ST_CHECK_SIZE_AT_MOST || p->kind == ST_CHECK_UNIQUE;
    bool needs_all = p->kind == ST_CHECK_KEEPS || p->kind == ST_CHECK_NEWER;
    if (v->b->population[p->table->index] == ST_BC_NONE) return true;
    const st_def *parts[] = {p->part, p->all, p->measure};
    bool given = false, any = false;
    for (size_t i = 0; i < ST_COUNT(parts); i++) {
        given = given || parts[i];
        any = any || (parts[i] && st_bc_promised(v->b, parts[i]));
    }
    if (given && !any) return true; /* not asked for */
    return check_measured(v, p, p->part, !of_all, true) && check_measured(v, p, p->all, needs_all, true) &&
           check_measured(v, p, p->measure, values, false) && check_bounds(v, p);
}

static bool check_promises(verifier *v)
{
    const st_program *s = v->b->schema;
    for (uint32_t i = 0; i < s->npromises; i++)
        if (!check_promise(v, &s->promises[i])) return false;
    return true;
}

/* What counts and rows are written from is of the type that the kind of definition has. */
static bool check_kind(verifier *v, const st_bc_output *o, const st_def *d)
{
    bool value = o->field == ST_OUT_VALUE, member = d->kind == ST_DEF_SEGMENT || d->kind == ST_DEF_HOLDOUT;
    bool labels = d->kind == ST_DEF_TIERS || d->kind == ST_DEF_RFM || d->kind == ST_DEF_CLUSTER ||
                  d->kind == ST_DEF_EXPERIMENT || d->kind == ST_DEF_OVERLAY;
    bool of_rfm = o->field >= ST_OUT_R && o->field <= ST_OUT_CELL, score = of_rfm && o->field <= ST_OUT_M;
    NEED(!value || !labels || o->type.base == ST_T_LABEL, "%s has no labels", d->name);
    NEED(!value || !member || o->type.base == ST_T_BOOL, "%s has no members", d->name);
    NEED(!of_rfm || d->kind == ST_DEF_RFM, "%s has no such field", d->name);
    NEED(!score || o->type.base == ST_T_INT, "%s has no scores", d->name);
    return true;
}

static bool check_results(verifier *v)
{
    const st_bc *b = v->b;
    for (uint32_t i = 0; i < b->outputs.n; i++) {
        const st_bc_output *o = &b->outputs.p[i];
        NEED(o->def < b->schema->ndefs && b->schema->defs[o->def]->of && o->field < ST_OUT_FIELDS,
             "output %u is of no definition", i);
        const st_def *d = b->schema->defs[o->def];
        NEED(d->of->key || st_bc_is_inner(o), "%s is of a table without a key", d->name);
        if (!check_result(v, o->slot, d->of->index, d->name) || !check_overlay(v, i) || !check_kind(v, o, d))
            return false;
        NEED(!o->type.list && o->type.scale <= ST_DECIMAL_DIGITS &&
                 st_bc_type_of(&o->type) == b->slots.p[o->slot].type,
             "%s has a slot of another type", d->name);
        if (o->known == ST_BC_NONE) continue;
        if (!check_result(v, o->known, d->of->index, d->name)) return false;
        NEED(b->slots.p[o->slot].type == ST_BC_BOOL && b->slots.p[o->known].type == ST_BC_BOOL,
             "%s has a slot of another type", d->name);
    }
    for (uint32_t i = 0; i < b->schema->ntables; i++) {
        if (b->population[i] == ST_BC_NONE) continue;
        if (!check_result(v, b->population[i], i, "a population")) return false;
        NEED(b->slots.p[b->population[i]].type == ST_BC_BOOL, "a population has a slot of another type");
    }
    return true;
}

static bool check_all(verifier *v)
{
    if (!check_objects(v)) return false;
    for (uint32_t i = 0; i < v->b->steps.n; i++) {
        v->step = i;
        if (!check_step(v, &v->b->steps.p[i])) return false;
    }
    v->step = ST_BC_NONE;
    return check_results(v) && check_parts(v) && check_promises(v);
}

bool st_bc_verify(const st_bc *b, char why[ST_BC_WHY])
{
    st_arena *a = st_arena_new(st_arena_env(b->arena));
    verifier v = {.b = b, .why = why, .a = a, .step = ST_BC_NONE};
    v.filled = st_new_n(a, uint32_t, (size_t)b->slots.n + 1);
    v.is_set = st_new_n(a, uint8_t, (size_t)b->scalars.n + 1);
    v.set_in = st_new_n(a, uint32_t, (size_t)b->scalars.n + 1);
    v.bound = st_new_n(a, uint8_t, (size_t)b->scalars.n + 1);
    why[0] = 0;
    bool ok = check_all(&v);
    st_arena_free(a);
    return ok;
}
