/* Treatments of a result: counts for people, rows of who gets what, and what leaves for other tools. */
#include "api/result.h"

#include "api/previous.h"
#include "base/threads.h"
#include "treat/send.h"

#include <errno.h>
#include <stdio.h>

/* ---- in words ---- */

static const st_treatment *treatment_of(const st_treated *t)
{
    return t->def->treatment;
}

static const char *channel_name(const st_treated *t, uint32_t which)
{
    return which < treatment_of(t)->nchannels ? treatment_of(t)->channels[which].name : NULL;
}

const char *st_api_reason(st_arena *a, const st_treatment *t, strata_outcome outcome, uint32_t which)
{
    switch (outcome) {
    case STRATA_TREATED: return NULL;
    case STRATA_NOT_ACTIVE: return "not active";
    case STRATA_EARLIER: return "an earlier treatment";
    case STRATA_EXCLUDED: {
        const char *because = t->exclusions[which]->because;
        return because ? because : "excluded";
    }
    case STRATA_HELD_OUT: return "held out";
    case STRATA_IN_CONTROL: return "control";
    case STRATA_NO_CONSENT: return "no consent";
    case STRATA_NO_CHANNEL: return "no channel";
    case STRATA_OVER_LIMIT: return "over the contact limit";
    case STRATA_TOO_SOON: return "again too soon";
    case STRATA_NOT_THE_ONE: return st_format(a, "another one per %s", t->one_per_text);
    case STRATA_OVER_NUMBER: return "over the number";
    }
    return NULL;
}

/* What stopped her, by name. */
static const char *stopper_of(const st_treated *t, strata_outcome outcome, uint32_t which)
{
    switch (outcome) {
    case STRATA_EARLIER: return treatment_of(t)->campaign->campaign->treatments[which]->name;
    case STRATA_EXCLUDED: return treatment_of(t)->exclusions[which]->who->name;
    case STRATA_HELD_OUT: return treatment_of(t)->holdouts[which]->name;
    case STRATA_OVER_LIMIT: return channel_name(t, which);
    default: return NULL;
    }
}

/* How many values `which` has in an outcome. */
static uint32_t kinds_of(const st_treated *t, strata_outcome outcome)
{
    const st_treatment *x = treatment_of(t);
    switch (outcome) {
    case STRATA_TREATED:
    case STRATA_OVER_LIMIT: return ST_MAX(x->nchannels, 1);
    case STRATA_EARLIER: return x->campaign ? x->campaign->campaign->n : 1;
    case STRATA_EXCLUDED: return ST_MAX(x->nexclusions, 1);
    case STRATA_HELD_OUT: return ST_MAX(x->nholdouts, 1);
    default: return 1;
    }
}

enum { OUTCOMES = STRATA_OVER_NUMBER + 1 };

/* ---- counts ---- */

static void count_one(strata_result *r, const st_treated *t)
{
    uint64_t *sizes[OUTCOMES];
    for (uint32_t o = 0; o < OUTCOMES; o++)
        sizes[o] = st_new_n(r->arena, uint64_t, kinds_of(t, (strata_outcome)o));
    for (uint32_t i = 0; i < t->n; i++) sizes[t->outcome[i]][t->which[i]]++;
    for (uint32_t o = 0; o < OUTCOMES; o++)
        for (uint32_t k = 0; k < kinds_of(t, (strata_outcome)o); k++) {
            strata_outcome outcome = (strata_outcome)o;
            if (!sizes[o][k] && outcome != STRATA_TREATED) continue;
            *(strata_treatment_count *)st_push(r->arena, &r->treatments) =
                (strata_treatment_count){.treatment = t->def->name,
                                         .entity = t->def->of->name,
                                         .outcome = outcome,
                                         .channel = outcome == STRATA_TREATED ? channel_name(t, k) : NULL,
                                         .reason = st_api_reason(r->arena, treatment_of(t), outcome, k),
                                         .by = stopper_of(t, outcome, k),
                                         .customers = sizes[o][k]};
        }
}

static void note_entity(strata_result *r, const st_data_table *t)
{
    for (uint32_t i = 0; i < r->treated_entities.n; i++)
        if (r->treated_entities.p[i] == t) return;
    *(const st_data_table **)st_push(r->arena, &r->treated_entities) = t;
}

/* ---- what changed since an earlier output ---- */

static void note_gone(strata_result *r, const st_def *d, uint64_t n)
{
    const char *text =
        st_format(r->arena, "%llu who left %s %s not in the data any more: %s values cannot be sent.",
                  (unsigned long long)n, d->name, n == 1 ? "is" : "are", n == 1 ? "her" : "their");
    *(strata_note *)st_push(r->arena, &r->notes) = (strata_note){STRATA_NOTE_GONE, d->name, n, 0, text};
}

/* The rows that were in the audience then. */
static const uint64_t *rows_of_then(strata_result *r, const st_def *d, const st_previous_set *then)
{
    const st_data_table *t = &r->data->tables[d->of->index];
    uint64_t *rows = st_bitmap_new(r->arena, t->rows), found = 0;
    char digits[24];
    for (uint64_t row = 0; row < t->rows; row++) {
        if (!st_previous_has(then, st_row_key(t, row, digits))) continue;
        st_bit_set(rows, row);
        found++;
    }
    if (found < then->size) note_gone(r, d, then->size - found);
    return rows;
}

static void look_back(strata_result *r, const st_program *p, const strata_previous *previous)
{
    r->earlier = st_new_n(r->arena, const uint64_t *, (size_t)p->ndefs + 1);
    for (uint32_t i = 0; i < p->ndefs && previous; i++) {
        const st_audience *x = p->defs[i]->audience;
        if (!x || !x->changes_only || !x->base) continue;
        const st_previous_set *then = st_previous_find(previous, x->base, x->label);
        if (then && then->has_keys) r->earlier[i] = rows_of_then(r, p->defs[i], then);
    }
}

/* ---- the whole ---- */

void st_api_treat(strata_result *r, const st_bc *code, const st_vm_result *vm, const strata_run_options *o)
{
    const st_program *p = code->schema;
    st_api_column *parts = st_new_n(r->arena, st_api_column, (size_t)p->ndefs + 1);
    st_treat_value *values = st_new_n(r->arena, st_treat_value, (size_t)p->ndefs + 1),
                   *ranks = st_new_n(r->arena, st_treat_value, (size_t)p->ndefs + 1);
    bool any = false;
    for (uint32_t i = 0; i < code->outputs.n; i++) {
        const st_bc_output *out = &code->outputs.p[i];
        if (!st_bc_is_part(out)) continue;
        any = true;
        st_api_column c = st_api_column_of(r->arena, code, vm, out);
        st_treat_value *to = out->field == ST_OUT_RANK ? ranks : values;
        to[out->def] = (st_treat_value){c.lies, c.data, c.known};
        if (out->field == ST_OUT_PART) parts[out->def] = c;
    }
    if (!any && st_has_treatments(p))
        st_fail(&r->env, STRATA_BAD_INPUT,
                "The rule set was compiled without its treatments. Compile it again from its text.");
    r->parts = parts;
    st_treat_input in = {p, r->data, values, ranks, o->threads ? o->threads : st_cpu_count()};
    r->treated = st_treat(r->arena, &in, &r->ntreated);
    for (uint32_t i = 0; i < r->ntreated; i++) {
        count_one(r, &r->treated[i]);
        note_entity(r, &r->data->tables[r->treated[i].def->of->index]);
    }
    look_back(r, p, o->previous);
}

size_t strata_result_treatment_size(const strata_result *result)
{
    return result->treatments.n;
}

strata_treatment_count strata_result_treatment(const strata_result *result, size_t i)
{
    return result->treatments.p[i];
}

size_t strata_result_treated_entity_count(const strata_result *result)
{
    return result->treated_entities.n;
}

const char *strata_result_treated_entity(const strata_result *result, size_t i)
{
    return result->treated_entities.p[i]->decl->name;
}

/* ---- streams ---- */

typedef struct leaving {
    strata_allocator alloc;
    st_env env;
    const strata_result *result;
    const st_data_table *table;
    st_api_column key;
    st_out_field *fields;
    uint32_t nfields;
    uint32_t treatment, at; /* where to go on */
    /* an activation */
    const st_api_activation *what;
    const st_treated *treated;
    const st_audience *audience;
    uint32_t nsends;
    const st_send *sends;
    bool with_key;
} leaving;

static void done(void *context)
{
    leaving *s = context;
    strata_allocator alloc = s->alloc;
    st_env_close(&s->env);
    st_api_release(&alloc, s);
}

static leaving *begin(const strata_result *r, strata_error *error)
{
    leaving *s = st_api_allocate(&r->env.alloc, sizeof *s);
    if (!s) {
        st_api_refuse(error, STRATA_NO_MEMORY, "There is not enough memory.");
        return NULL;
    }
    s->alloc = r->env.alloc;
    s->result = r;
    st_env_child(&s->env, &r->env);
    return s;
}

typedef int (*filler)(void *context, st_out_batch *b, const char **why);

static strata_status give(leaving *s, void (*make_fields)(leaving *), filler fill,
                          struct ArrowArrayStream *stream, strata_error *error)
{
    bool ok;
    ST_GUARD(&s->env, ok, make_fields(s));
    if (!ok) {
        strata_status status = st_api_end(&s->env, ok, error);
        done(s);
        return status;
    }
    if (st_out_stream(&s->alloc, s->fields, s->nfields, (st_out_source){s, fill, done}, stream) != 0)
        return st_api_refuse(error, STRATA_NO_MEMORY, "There is not enough memory.");
    if (error) *error = (strata_error){.status = STRATA_OK};
    return STRATA_OK;
}

/* ---- who gets what ---- */

enum { TREATMENT = 1, CHANNEL, ARM, ORDER, REASON, BY, TREATED_FIELDS };

static void treated_fields(leaving *s)
{
    st_arena *a = st_arena_new(&s->env);
    s->nfields = TREATED_FIELDS;
    s->fields = st_new_n(a, st_out_field, s->nfields);
    s->fields[0] = (st_out_field){s->key.name, st_api_format(a, s->key.type), false};
    s->fields[TREATMENT] = (st_out_field){"treatment", "u", false};
    s->fields[CHANNEL] = (st_out_field){"channel", "u", true};
    s->fields[ARM] = (st_out_field){"arm", "u", true};
    s->fields[ORDER] = (st_out_field){"order", "l", true};
    s->fields[REASON] = (st_out_field){"reason", "u", true};
    s->fields[BY] = (st_out_field){"by", "u", true};
}

static void put_treated(leaving *s, st_out_batch *b, const st_treated *t, uint32_t i, const char *one_per)
{
    strata_outcome outcome = (strata_outcome)t->outcome[i];
    uint32_t which = t->which[i];
    bool treated = outcome == STRATA_TREATED;
    st_api_put(b, 0, &s->key, (uint64_t)t->rows[i]);
    st_api_put_text(b, TREATMENT, t->def->name);
    st_api_put_text(b, CHANNEL, treated ? channel_name(t, which) : NULL);
    st_api_put_text(b, ARM, treated ? "treated" : outcome == STRATA_IN_CONTROL ? "control" : NULL);
    if (treated)
        st_out_int(b, ORDER, t->order[i]);
    else
        st_out_null(b, ORDER);
    st_api_put_text(b, REASON,
                    outcome == STRATA_NOT_THE_ONE ? one_per
                                                  : st_api_reason(NULL, treatment_of(t), outcome, which));
    st_api_put_text(b, BY, stopper_of(t, outcome, which));
}

static void fill_treated_of(leaving *s, st_out_batch *b)
{
    st_arena *a = st_arena_new(&s->env);
    uint32_t n = 0;
    for (; s->treatment < s->result->ntreated; s->treatment++, s->at = 0) {
        const st_treated *t = &s->result->treated[s->treatment];
        if (t->def->of != s->table->decl) continue;
        const char *one_per = st_api_reason(a, treatment_of(t), STRATA_NOT_THE_ONE, 0);
        for (; s->at < t->n && n < ST_API_BATCH_ROWS; s->at++, n++) put_treated(s, b, t, s->at, one_per);
        if (s->at < t->n) break;
    }
    st_arena_free(a);
}

static int fill_treated(void *context, st_out_batch *b, const char **why)
{
    leaving *s = context;
    bool ok;
    ST_GUARD(&s->env, ok, fill_treated_of(s, b));
    if (!ok) *why = s->env.error.message;
    return ok ? 0 : ENOMEM;
}

strata_status strata_result_treatment_stream(const strata_result *result, const char *entity,
                                             struct ArrowArrayStream *stream, strata_error *error)
{
    const st_data_table *table = NULL;
    for (uint32_t i = 0; i < result->treated_entities.n; i++)
        if (strcmp(result->treated_entities.p[i]->decl->name, entity) == 0)
            table = result->treated_entities.p[i];
    if (!table) return st_api_refuse(error, STRATA_BAD_INPUT, "There is no treatment of %s.", entity);
    leaving *s = begin(result, error);
    if (!s) return STRATA_NO_MEMORY;
    s->table = table;
    s->key = st_api_key(table);
    return give(s, treated_fields, fill_treated, stream, error);
}

/* ---- activations ---- */

static void add_activation(strata_rules *rules, const st_def *d, uint32_t channel, strata_change change)
{
    *(st_api_activation *)st_push(rules->arena, &rules->activations) =
        (st_api_activation){d, channel, change};
}

void st_api_list_activations(strata_rules *rules, const st_program *program)
{
    for (uint32_t i = 0; i < program->ndefs; i++) {
        const st_def *d = program->defs[i];
        if (d->left_out) continue;
        for (uint32_t k = 0; d->treatment && k < d->treatment->nchannels; k++)
            add_activation(rules, d, k, STRATA_ALL);
        if (!d->audience) continue;
        if (d->audience->changes_only) {
            add_activation(rules, d, 0, STRATA_JOINED);
            add_activation(rules, d, 0, STRATA_LEFT);
        } else {
            add_activation(rules, d, 0, STRATA_ALL);
        }
    }
}

size_t strata_rules_activation_count(const strata_rules *rules)
{
    return rules->activations.n;
}

strata_activation strata_rules_activation(const strata_rules *rules, size_t i)
{
    const st_api_activation *x = &rules->activations.p[i];
    const st_treatment *t = x->def->treatment;
    return (strata_activation){x->def->name, t ? t->channels[x->channel].name : NULL, x->change};
}

static void activation_fields(leaving *s)
{
    st_arena *a = st_arena_new(&s->env);
    s->fields = st_new_n(a, st_out_field, (size_t)s->nsends + 1);
    if (s->with_key)
        s->fields[s->nfields++] = (st_out_field){s->key.name, st_api_format(a, s->key.type), false};
    for (uint32_t i = 0; i < s->nsends; i++) {
        const st_send *x = &s->sends[i];
        const char *format = x->sha256 ? "u" : st_api_format(a, s->result->parts[x->value->index].type);
        s->fields[s->nfields++] = (st_out_field){x->as, format, true};
    }
}

/* The text that is hashed; false: there is none. */
static bool text_of(st_arena *a, const st_api_column *c, uint64_t row, st_str *text)
{
    if (!st_api_known(c, row)) return false;
    if (c->lies == ST_BC_TEXT) {
        *text = st_api_text(c, row);
        return true;
    }
    if (c->lies != ST_BC_I64 || c->labels) return false;
    int64_t v = st_api_i64(c, row);
    char day[ST_TIME_TEXT];
    if (c->type.base == ST_T_DATE) st_format_date(v, day);
    *text = st_str_of(c->type.base == ST_T_DATE ? st_format(a, "%.4s%.2s%.2s", day, day + 5, day + 8)
                                                : st_format(a, "%lld", (long long)v));
    return true;
}

/* Text that a spreadsheet would run is made harmless; everything else is put as it is. */
static void put_harmless(st_arena *a, st_out_batch *b, uint32_t i, const st_api_column *c, uint64_t row)
{
    if (c->lies == ST_BC_TEXT && st_api_known(c, row))
        st_out_text(b, i, st_send_harmless(a, st_api_text(c, row)));
    else
        st_api_put(b, i, c, row);
}

static void put_send(st_arena *a, const leaving *s, st_out_batch *b, uint32_t i, const st_send *x,
                     uint64_t row)
{
    const st_api_column *c = &s->result->parts[x->value->index];
    char hex[64];
    st_str text;
    if (!x->sha256)
        put_harmless(a, b, i, c, row);
    else if (text_of(a, c, row, &text) && st_send_hash(a, x->as, text, hex))
        st_out_text(b, i, (st_str){hex, sizeof hex});
    else
        st_out_null(b, i);
}

static void put_leaving(st_arena *a, const leaving *s, st_out_batch *b, uint64_t row)
{
    uint32_t i = 0;
    if (s->with_key) put_harmless(a, b, i++, &s->key, row);
    for (uint32_t k = 0; k < s->nsends; k++) put_send(a, s, b, i++, &s->sends[k], row);
}

static bool is_sent(const leaving *s, uint64_t row)
{
    bool now = st_bit(s->result->parts[s->audience->from->index].data, row);
    if (s->what->change == STRATA_ALL) return now;
    bool then = st_bit(s->result->earlier[s->what->def->index], row);
    return s->what->change == STRATA_JOINED ? now && !then : then && !now;
}

/* The next row, from *at on; false: there is none. */
static bool next_row(const leaving *s, uint32_t *at, uint64_t *row)
{
    const st_treated *t = s->treated;
    if (t) {
        for (; *at < t->nserved; ++*at) {
            uint32_t place = t->served[*at];
            if (t->which[place] != s->what->channel) continue;
            *row = (uint64_t)t->rows[place];
            ++*at;
            return true;
        }
        return false;
    }
    for (; *at < s->table->rows; ++*at)
        if (is_sent(s, *at)) {
            *row = (*at)++;
            return true;
        }
    return false;
}

static void fill_leaving_of(leaving *s, st_out_batch *b)
{
    st_arena *a = st_arena_new(&s->env);
    uint64_t row;
    for (uint32_t n = 0; n < ST_API_BATCH_ROWS && next_row(s, &s->at, &row); n++) put_leaving(a, s, b, row);
    st_arena_free(a);
}

static int fill_leaving(void *context, st_out_batch *b, const char **why)
{
    leaving *s = context;
    bool ok;
    ST_GUARD(&s->env, ok, fill_leaving_of(s, b));
    if (!ok) *why = s->env.error.message;
    return ok ? 0 : ENOMEM;
}

static bool sends_name(const st_send *sends, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(sends[i].as, name) == 0) return true;
    return false;
}

static void describe_leaving(leaving *s, const strata_result *r, const st_api_activation *x)
{
    const st_def *d = x->def;
    s->result = r;
    s->what = x;
    s->table = &r->data->tables[d->of->index];
    s->key = st_api_key(s->table);
    s->audience = d->audience;
    s->nsends = d->treatment ? d->treatment->nsends : d->audience->nsends;
    s->sends = d->treatment ? d->treatment->sends : d->audience->sends;
    s->with_key = (d->treatment || !s->nsends) && !sends_name(s->sends, s->nsends, s->key.name);
    for (uint32_t i = 0; i < r->ntreated; i++)
        if (r->treated[i].def == d) s->treated = &r->treated[i];
}

static strata_status check_activation(const strata_result *r, size_t i, strata_error *error)
{
    if (i >= r->rules->activations.n)
        return st_api_refuse(error, STRATA_BAD_INPUT, "There is no activation %zu.", i);
    if (!r->parts) return st_api_refuse(error, STRATA_BAD_INPUT, "The run was not asked for treatments.");
    const st_api_activation *x = &r->rules->activations.p[i];
    if (x->change == STRATA_ALL || r->earlier[x->def->index]) return STRATA_OK;
    const st_audience *who = x->def->audience;
    return st_api_refuse(
        error, STRATA_BAD_INPUT,
        "The audience %s gives changes only, and no earlier output says who was in %s%s%s then. Give one "
        "(of -o, not of --counts), or take \"changes only\" out.",
        x->def->name, who->base->name, who->label ? " = " : "", who->label ? who->label : "");
}

strata_status strata_result_activation_stream(const strata_result *result, size_t i,
                                              struct ArrowArrayStream *stream, strata_error *error)
{
    strata_status status = check_activation(result, i, error);
    if (status) return status;
    leaving *s = begin(result, error);
    if (!s) return STRATA_NO_MEMORY;
    describe_leaving(s, result, &result->rules->activations.p[i]);
    return give(s, activation_fields, fill_leaving, stream, error);
}

uint64_t strata_result_activation_rows(const strata_result *result, size_t i)
{
    if (check_activation(result, i, NULL)) return 0;
    leaving s = {0};
    uint32_t at = 0;
    uint64_t n = 0, row;
    describe_leaving(&s, result, &result->rules->activations.p[i]);
    while (next_row(&s, &at, &row)) n++;
    return n;
}
