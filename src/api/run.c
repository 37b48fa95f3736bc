/* Runs: from options to an instant and a program, through the machine, to a result that explains itself. */
#include "api/result.h"

#include <stdio.h>
#include <time.h>

/* ---- the instant ---- */

static const st_zone *zone_of(st_arena *a, const st_program *schema)
{
    const st_zone *zone = schema->zone ? schema->zone : st_zone_load(a, schema->timezone);
    if (!zone)
        st_fail(st_arena_env(a), STRATA_BAD_INPUT,
                "This machine knows no time zone %s. Install its time zone data (tzdata).", schema->timezone);
    return zone;
}

static int64_t instant_of(const st_zone *zone, strata_as_of as_of)
{
    switch (as_of.kind) {
    case STRATA_DAY: return st_start_of_day(zone, as_of.value);
    case STRATA_INSTANT: return as_of.value;
    default: return st_start_of_day(zone, st_day_of_instant(zone, (int64_t)time(NULL) * 1000000));
    }
}

/* ---- which definitions ---- */

static void check_names(st_arena *a, const st_program *schema, const strata_run_options *o)
{
    for (size_t i = 0; i < o->ndefinitions; i++) {
        st_near near = {0};
        bool found = false;
        for (uint32_t k = 0; k < schema->ndefs && !found; k++) {
            found = st_def_is_output(schema->defs[k], true) &&
                    strcmp(schema->defs[k]->name, o->definitions[i]) == 0;
            if (!schema->defs[k]->hidden) st_near_add(&near, o->definitions[i], schema->defs[k]->name);
        }
        if (!found)
            st_fail(st_arena_env(a), STRATA_BAD_INPUT,
                    "The rule set defines no %s that a run could answer. %s", o->definitions[i],
                    st_did_you_mean(a, &near));
    }
}

/* Compiled rules hold traits only where they were asked for. */
static void check_traits(st_env *env, const st_bc *code)
{
    bool defined = false, compiled = false;
    for (uint32_t i = 0; i < code->schema->ndefs; i++)
        defined = defined || st_def_is_output(code->schema->defs[i], true) !=
                                 st_def_is_output(code->schema->defs[i], false);
    for (uint32_t i = 0; i < code->outputs.n; i++)
        compiled = compiled || (!st_bc_is_inner(&code->outputs.p[i]) &&
                                code->schema->defs[code->outputs.p[i].def]->kind == ST_DEF_TRAIT);
    if (defined && !compiled)
        st_fail(env, STRATA_BAD_INPUT,
                "The rule set was compiled without its traits. Compile it with --traits, or run its text.");
}

static bool is_named(const strata_run_options *o, const char *name)
{
    for (size_t i = 0; i < o->ndefinitions; i++)
        if (strcmp(o->definitions[i], name) == 0) return true;
    return false;
}

static bool is_wanted(const strata_run_options *o, const st_bc *code, const st_bc_output *out)
{
    const st_def *d = code->schema->defs[out->def];
    bool raw = out->field >= ST_OUT_RECENCY && out->field <= ST_OUT_CELL;
    if (st_bc_is_inner(out)) return false;
    if (o->definitions) return is_named(o, d->name) && (o->traits || !raw);
    return st_def_is_output(d, o->traits) && (o->traits || !raw);
}

/* ---- results ---- */

static const char *column_name(st_arena *a, const st_def *d, st_bc_field field)
{
    return field == ST_OUT_VALUE ? d->name : st_format(a, "%s.%s", d->name, st_bc_field_names[field]);
}

/* A trait can have the labels of tiers, or be a weekday. */
static const st_labels *labels_of(const st_def *d)
{
    static const char *const weekdays[] = {"monday", "tuesday",  "wednesday", "thursday",
                                           "friday", "saturday", "sunday"};
    static const st_labels weekday_labels = {ST_COUNT(weekdays), (const char **)weekdays, NULL};
    const st_labels *its = d->labels.n ? &d->labels : d->type.labels;
    return its && its->n ? its : &weekday_labels;
}

st_api_column st_api_column_of(st_arena *a, const st_bc *code, const st_vm_result *vm,
                               const st_bc_output *out)
{
    const st_def *d = code->schema->defs[out->def];
    const st_vm_slot *slot = &vm->slots[out->slot];
    st_api_column c = {.def = d,
                       .field = out->field,
                       .name = column_name(a, d, out->field),
                       .type = out->type,
                       .lies = slot->type,
                       .data = slot->data,
                       .known = slot->known,
                       .dict = slot->dict,
                       .bits = slot->bits,
                       .counted = slot->counted};
    if (out->type.base == ST_T_LABEL) c.labels = labels_of(d);
    if (out->known != ST_BC_NONE) c.known = vm->slots[out->known].data;
    return c;
}

static st_api_entity *entity_of(strata_result *r, const st_bc *code, const st_data *data,
                                const st_vm_result *vm, const st_table *table)
{
    const st_data_table *t = &data->tables[table->index];
    for (uint32_t i = 0; i < r->entities.n; i++)
        if (r->entities.p[i].table == t) return &r->entities.p[i];
    st_api_entity *e = st_push(r->arena, &r->entities);
    e->table = t;
    e->population = vm->slots[code->population[table->index]].data;
    return e;
}

/* The cells of the overlay whose members output `first` says; its dimensions are the outputs behind. */
static st_api_column cells_of(strata_result *r, const st_api_entity *e, const st_bc *code,
                              const st_vm_result *vm, uint32_t first)
{
    const st_def *d = code->schema->defs[code->outputs.p[first].def];
    st_api_column member = st_api_column_of(r->arena, code, vm, &code->outputs.p[first]),
                  parts[ST_MAX_DIMENSIONS];
    for (uint32_t i = 0; i < d->overlay->ndims; i++) {
        const st_def *dim = d->overlay->dims[i];
        parts[i] = st_api_column_of(r->arena, code, vm, &code->outputs.p[first + 1 + i]);
        if (parts[i].labels) parts[i].labels = labels_of(dim);
    }
    return st_api_cells(r, e, d, &member, parts, d->overlay->ndims);
}

static void add_columns(strata_result *r, const st_bc *code, const st_data *data, const st_vm_result *vm,
                        const strata_run_options *o)
{
    for (uint32_t i = 0; i < code->outputs.n; i++) {
        const st_bc_output *out = &code->outputs.p[i];
        if (!is_wanted(o, code, out) || out->field == ST_OUT_DIMENSION) continue;
        st_api_entity *e = entity_of(r, code, data, vm, code->schema->defs[out->def]->of);
        *(st_api_column *)st_push(r->arena, &e->columns) = out->field == ST_OUT_MEMBER
                                                               ? cells_of(r, e, code, vm, i)
                                                               : st_api_column_of(r->arena, code, vm, out);
    }
}

/* ---- the run report ---- */

static void add_note(strata_result *r, strata_note_kind kind, const char *subject, uint64_t count,
                     uint64_t asked, const char *text)
{
    *(strata_note *)st_push(r->arena, &r->notes) = (strata_note){kind, subject, count, asked, text};
}

static void add_orphans(strata_result *r, const st_data *data)
{
    for (uint32_t i = 0; i < data->program->ntables; i++) {
        const st_data_table *t = &data->tables[i];
        for (uint32_t k = 0; t->bound && k < t->decl->ncols; k++) {
            const st_col *c = &t->decl->cols[k];
            if (!c->links_to || !t->columns[k].decl || !t->orphans[k]) continue;
            unsigned long long n = t->orphans[k];
            const char *text =
                st_format(r->arena, "%llu row%s of %s %s a %s that no row of %s has: %s to nobody.", n,
                          n == 1 ? "" : "s", t->decl->name, n == 1 ? "has" : "have", c->name,
                          c->links_to->name, n == 1 ? "it belongs" : "they belong");
            add_note(r, STRATA_NOTE_ORPHANS, st_format(r->arena, "%s.%s", t->decl->name, c->name), n, 0,
                     text);
        }
    }
}

static const char *note_text(st_arena *a, const st_vm_note *n)
{
    unsigned long long count = n->count, asked = n->asked;
    const char *s = count == 1 ? "" : "s", *subject = n->subject ? n->subject : "the run";
    switch (n->kind) {
    case STRATA_NOTE_UNSEEN:
        return st_format(a,
                         "%llu row%s of %s lie%s in the future of the instant, or without a time: not seen.",
                         count, s, subject, count == 1 ? "s" : "");
    case STRATA_NOTE_DIVISION_BY_ZERO:
        return st_format(a, "%llu division%s by zero: the result is missing.", count, s);
    case STRATA_NOTE_OVERFLOW:
        return st_format(a, "%llu result%s too large or too small to be held: missing instead.", count, s);
    case STRATA_NOTE_TIES:
        return st_format(a, "A cut of %s was to hold %llu and holds %llu: so many are equal at its edge.",
                         subject, asked, count);
    case STRATA_NOTE_LIST_KEYS:
        return st_format(a, "%llu of the %llu key%s on the list %s %s in nobody's data.", count, asked,
                         asked == 1 ? "" : "s", subject, count == 1 ? "is" : "are");
    default: return st_format(a, "%s: %llu row%s.", subject, count, s);
    }
}

/* Definitions that somebody promised to look at again before the day of the run. */
static void add_reviews(strata_result *r, const st_program *p, const st_zone *zone, int64_t as_of)
{
    for (uint32_t i = 0; i < p->ndefs; i++) {
        const st_def *d = p->defs[i];
        int64_t due = d->meta.review_by;
        if (d->hidden || d->left_out || due == ST_NO_TIME || st_day_of_instant(zone, as_of) <= due) continue;
        char day[ST_TIME_TEXT];
        st_format_date(due, day);
        const char *owner = d->meta.owner ? st_format(r->arena, " by %s", d->meta.owner) : "";
        add_note(r, STRATA_NOTE_REVIEW, d->name, 0, 0,
                 st_format(r->arena,
                           "%s was to be reviewed%s until %s. See whether it still holds, and say a new day.",
                           d->name, owner, day));
    }
}

/* Some rule counts in hours or minutes. */
static bool speaks_of_hours(const st_bc *code)
{
    for (uint32_t i = 0; i < code->code.n; i++) {
        const st_bc_instr *instr = &code->code.p[i];
        const st_bc_opcode *op = &st_bc_opcodes[instr->op];
        for (size_t k = 0; k < ST_COUNT(op->kinds); k++)
            if (op->kinds[k] == ST_K_UNIT && instr->a[k] <= ST_HOUR) return true;
    }
    return false;
}

static void add_notes(strata_result *r, const st_bc *code, const st_data *data, const st_vm_result *vm,
                      const strata_run_options *o)
{
    add_orphans(r, data);
    for (uint32_t i = 0; i < vm->nnotes; i++) {
        const st_vm_note *n = &vm->notes[i];
        const char *subject = n->subject ? st_dup(r->arena, n->subject, strlen(n->subject)) : NULL;
        add_note(r, n->kind, subject, n->count, n->asked, note_text(r->arena, n));
    }
    if (o->as_of.kind != STRATA_INSTANT && speaks_of_hours(code))
        add_note(r, STRATA_NOTE_HOURS, NULL, 0, 0,
                 "Some rules count in hours or minutes, but the run looks from the start of a day. Give an "
                 "instant "
                 "(2026-11-01T09:30) to look from there.");
}

/* ---- the run ---- */

static void run(strata_result *r, const strata_data *data, const strata_run_options *o)
{
    const strata_rules *rules = data->rules;
    const st_bc *code = rules->code;
    check_names(r->arena, rules->schema, o);
    if (rules->program && (o->definitions || o->traits || o->treatments)) {
        st_ir_options which = {o->traits, o->treatments, o->definitions, o->ndefinitions};
        code = st_compile(r->arena, rules->program, &which);
    } else if (o->traits) {
        check_traits(&r->env, code);
    }
    const st_zone *zone = zone_of(r->arena, rules->schema);
    st_vm_options options = {.as_of = instant_of(zone, o->as_of),
                             .threads = o->threads,
                             .counts_only = o->counts_only && !o->treatments,
                             .progress = o->progress,
                             .context = o->context,
                             .profile = o->profile};
    char text[ST_TIME_TEXT];
    st_format_instant(zone, options.as_of, text);
    r->as_of = st_dup(r->arena, text, strlen(text));
    const st_vm_result *vm = st_vm_run(r->arena, code, data->bound, &options);
    add_columns(r, code, data->bound, vm, o);
    add_notes(r, code, data->bound, vm, o);
    add_reviews(r, rules->schema, zone, options.as_of);
    if (o->profile) st_api_profile(r, code, vm);
    st_api_count(r, options.threads);
    st_api_report_actions(r);
    st_api_promises(r, code, vm, zone, options.as_of, o);
    if (o->treatments) st_api_treat(r, code, vm, o);
}

strata_status strata_run(const strata_data *data, const strata_run_options *options, strata_result **result,
                         strata_error *error)
{
    static const strata_run_options defaults;
    *result = NULL;
    if (!data->bound)
        return st_api_refuse(error, STRATA_BAD_INPUT, "The data are not complete: finish them before a run.");
    st_env env;
    st_env_child(&env, &data->env);
    strata_result *r = st_api_allocate(&env.alloc, sizeof *r);
    if (!r) return st_api_refuse(error, STRATA_NO_MEMORY, "There is not enough memory.");
    r->env = env;
    r->rules = data->rules;
    r->data = data->bound;
    r->counts_only = options && options->counts_only;
    st_api_own(r);
    bool ok;
    ST_GUARD(&r->env, ok, {
        r->arena = st_arena_new(&r->env);
        run(r, data, options ? options : &defaults);
    });
    strata_status status = st_api_end(&r->env, ok, error);
    if (ok)
        *result = r;
    else
        strata_result_free(r);
    return status;
}
