/* Treatments and what they send as answers. A treatment: for every member of its target "email#1", or why she is not treated and
 * what stopped her: "held out by global_control". An activation, named "treatment.channel" or like its audience: for row 1, 2, …
 * of its file the values with a bar between them. */
#include "conformance.h"

#include "oracle/oracle.h"
#include "treat/send.h"

static ct_answer *answer_named(st_arena *a, ct_answers *out, const char *name)
{
    for (uint32_t i = 0; i < out->items.n; i++)
        if (strcmp(out->items.p[i].name, name) == 0) return &out->items.p[i];
    ct_answer *to = st_push(a, &out->items);
    to->name = st_dup(a, name, strlen(name)); /* the rules and the result that have it end before */
    return to;
}

static void add(st_arena *a, ct_answer *to, const char *key, const char *text)
{
    if ((to->n & (to->n + 1)) == 0) { /* 0, 1, 3, 7, …: full */
        const char **keys = st_new_n(a, const char *, 2 * to->n + 1);
        ct_cell *cells = st_new_n(a, ct_cell, 2 * to->n + 1);
        for (uint64_t i = 0; i < to->n; i++) keys[i] = to->keys[i], cells[i] = to->cells[i];
        to->keys = keys;
        to->cells = cells;
    }
    to->keys[to->n] = key;
    to->cells[to->n++] = (ct_cell){.kind = CT_TEXT, .text = st_str_of(text)};
}

static const char *stopped(st_arena *a, const char *reason, const char *by)
{
    return by ? st_format(a, "%s by %s", reason, by) : reason;
}

static void add_value(st_arena *a, st_buf *line, bool first, const ct_cell *c)
{
    if (!first) st_buf_puts(a, line, "|");
    if (c->kind == CT_TEXT)
        st_buf_add(a, line, c->text.p, c->text.n);
    else if (c->kind == CT_FLOAT)
        st_buf_printf(a, line, "%.9g", c->f);
    else if (c->kind != CT_MISSING)
        st_buf_puts(a, line, ct_cell_text(a, c));
}

/* ---- the oracle ---- */

static const char *reason_of(st_arena *a, const st_treatment *t, const st_oracle_got *g)
{
    switch (g->outcome) {
    case STRATA_TREATED:
        return st_format(a, "%s#%llu", t->channels[g->which].name, (unsigned long long)g->order);
    case STRATA_NOT_ACTIVE: return "not active";
    case STRATA_EARLIER:
        return stopped(a, "an earlier treatment", t->campaign->campaign->treatments[g->which]->name);
    case STRATA_EXCLUDED: {
        const st_exclusion *e = t->exclusions[g->which];
        return stopped(a, e->because ? e->because : "excluded", e->who->name);
    }
    case STRATA_HELD_OUT: return stopped(a, "held out", t->holdouts[g->which]->name);
    case STRATA_IN_CONTROL: return "control";
    case STRATA_NO_CONSENT: return "no consent";
    case STRATA_NO_CHANNEL: return "no channel";
    case STRATA_OVER_LIMIT: return stopped(a, "over the contact limit", t->channels[g->which].name);
    case STRATA_TOO_SOON: return "again too soon";
    case STRATA_NOT_THE_ONE: return st_format(a, "another one per %s", t->one_per_text);
    case STRATA_OVER_NUMBER: return "over the number";
    }
    return "?";
}

typedef struct asker {
    st_arena *a;
    st_oracle *o;
    const st_data *data;
    ct_answers *out;
} asker;

static const char *key_at(const asker *k, const st_def *d, uint64_t row)
{
    char digits[24];
    st_str key = st_row_key(&k->data->tables[d->of->index], row, digits);
    return st_dup(k->a, key.p, key.n);
}

static ct_cell sent(const asker *k, const st_send *s, uint64_t row)
{
    st_value v = st_oracle_def(k->o, s->value, row);
    ct_cell c = ct_cell_of(&v);
    char *hex = st_alloc(k->a, 65);
    if (!s->sha256 || c.kind == CT_MISSING) {
        if (c.kind == CT_TEXT) c.text = st_send_harmless(k->a, c.text);
        return c;
    }
    st_str text = c.kind == CT_TEXT ? c.text : st_str_of(ct_cell_text(k->a, &c));
    if (c.kind == CT_DATE) text = st_str_of(st_format(k->a, "%.4s%.2s%.2s", text.p, text.p + 5, text.p + 8));
    if (!st_send_hash(k->a, s->as, text, hex)) return (ct_cell){0};
    return (ct_cell){.kind = CT_TEXT, .text = {hex, 64}};
}

static void send_row(const asker *k, ct_answer *to, const st_def *d, uint64_t row)
{
    st_buf line = {0};
    uint32_t n = d->treatment ? d->treatment->nsends : d->audience->nsends;
    const st_send *sends = d->treatment ? d->treatment->sends : d->audience->sends;
    bool key = d->treatment || !n, has_key = key;
    for (uint32_t i = 0; i < n; i++) has_key = has_key && strcmp(sends[i].as, d->of->key->name) != 0;
    if (has_key) {
        ct_cell c = {.kind = CT_TEXT, .text = st_str_of(key_at(k, d, row))};
        c.text = d->of->key->type.base == ST_T_STRING ? st_send_harmless(k->a, c.text) : c.text;
        add_value(k->a, &line, true, &c);
    }
    for (uint32_t i = 0; i < n; i++) {
        ct_cell c = sent(k, &sends[i], row);
        add_value(k->a, &line, i == 0 && !has_key, &c);
    }
    add(k->a, to, st_format(k->a, "%llu", (unsigned long long)to->n + 1), st_buf_text(k->a, &line));
}

static void ask_treatment(const asker *k, const st_def *d)
{
    const st_oracle_got *got = st_oracle_treat(k->o, d);
    uint64_t rows = k->data->tables[d->of->index].rows;
    answer_named(k->a, k->out, d->name);
    for (uint64_t row = 0; row < rows; row++)
        if (got[row].is_member)
            add(k->a, answer_named(k->a, k->out, d->name), key_at(k, d, row),
                reason_of(k->a, d->treatment, &got[row]));
    for (uint32_t c = 0; c < d->treatment->nchannels; c++) {
        const char *name = st_format(k->a, "%s.%s", d->name, d->treatment->channels[c].name);
        ct_answer *to = answer_named(k->a, k->out, name);
        for (uint64_t order = 1; order <= rows; order++)
            for (uint64_t row = 0; row < rows; row++)
                if (got[row].is_member && got[row].outcome == STRATA_TREATED && got[row].which == c &&
                    got[row].order == order)
                    send_row(k, to, d, row);
    }
}

static void ask_audience(const asker *k, const st_def *d)
{
    ct_answer *to = answer_named(k->a, k->out, d->name);
    for (uint64_t row = 0; row < k->data->tables[d->of->index].rows; row++)
        if (st_oracle_def(k->o, d->audience->from, row).as.b) send_row(k, to, d, row);
}

void ct_treat_oracle(st_arena *a, st_oracle *o, const st_program *p, const st_data *data, ct_answers *out)
{
    asker k = {a, o, data, out};
    st_oracle_check_treatments(o);
    for (uint32_t i = 0; i < p->ndefs; i++) {
        if (p->defs[i]->treatment) ask_treatment(&k, p->defs[i]);
        if (p->defs[i]->audience && !p->defs[i]->audience->changes_only) ask_audience(&k, p->defs[i]);
    }
}

/* ---- the library ---- */

typedef struct reading {
    st_arena *a;
    ct_answers *out;
    ct_answer *to; /* an activation; NULL: who gets what */
} reading;

static const char *text_at(const reading *r, const struct ArrowSchema *schema, const struct ArrowArray *batch,
                           int column, int64_t row)
{
    ct_cell c = ct_cell_at(r->a, schema->children[column], batch->children[column], row);
    if (c.kind == CT_MISSING) return NULL;
    return c.kind == CT_TEXT ? st_dup(r->a, c.text.p, c.text.n) : ct_cell_text(r->a, &c);
}

static void read_row(reading *r, const struct ArrowSchema *schema, const struct ArrowArray *batch,
                     int64_t row)
{
    if (!r->to) {
        const char *channel = text_at(r, schema, batch, 2, row), *reason = text_at(r, schema, batch, 5, row);
        const char *arm = text_at(r, schema, batch, 3, row), *order = text_at(r, schema, batch, 4, row);
        bool control = reason && strcmp(reason, "control") == 0;
        const char *want = !reason ? "treated" : control ? "control" : NULL;
        bool odd = (arm && want ? strcmp(arm, want) != 0 : arm != want) || !channel != !!reason ||
                   !order != !!reason;
        const char *text = odd      ? "an arm, order or channel that does not go with the reason"
                           : reason ? stopped(r->a, reason, text_at(r, schema, batch, 6, row))
                                    : st_format(r->a, "%s#%s", channel, order);
        add(r->a, answer_named(r->a, r->out, text_at(r, schema, batch, 1, row)),
            text_at(r, schema, batch, 0, row), text);
        return;
    }
    st_buf line = {0};
    for (int64_t i = 0; i < schema->n_children; i++) {
        ct_cell c = ct_cell_at(r->a, schema->children[i], batch->children[i], row);
        add_value(r->a, &line, i == 0, &c);
    }
    add(r->a, r->to, st_format(r->a, "%llu", (unsigned long long)r->to->n + 1), st_buf_text(r->a, &line));
}

static bool read_all(reading *r, struct ArrowArrayStream *stream)
{
    struct ArrowSchema schema;
    struct ArrowArray batch;
    bool ok = stream->get_schema(stream, &schema) == 0;
    for (; ok;) {
        memset(&batch, 0, sizeof batch);
        ok = stream->get_next(stream, &batch) == 0;
        if (!ok || !batch.release) break;
        for (int64_t row = 0; row < batch.length; row++) read_row(r, &schema, &batch, batch.offset + row);
        batch.release(&batch);
    }
    schema.release(&schema);
    stream->release(stream);
    return ok;
}

/* The counts are those of the rows. */
static bool sizes_agree(reading *r, const strata_result *result)
{
    uint64_t counted = 0, read = 0;
    for (size_t i = 0; i < strata_result_treatment_size(result); i++) {
        strata_treatment_count c = strata_result_treatment(result, i);
        const ct_answer *to = answer_named(r->a, r->out, c.treatment);
        const char *begin = c.channel ? st_format(r->a, "%s#", c.channel) : stopped(r->a, c.reason, c.by);
        uint64_t n = 0;
        for (uint64_t k = 0; k < to->n; k++)
            n += c.channel ? strncmp(to->cells[k].text.p, begin, strlen(begin)) == 0
                           : strcmp(to->cells[k].text.p, begin) == 0;
        if (n != c.customers) {
            r->out->failure =
                st_format(r->a, "the counts say %llu for %s %s, the rows %llu",
                          (unsigned long long)c.customers, c.treatment, begin, (unsigned long long)n);
            return false;
        }
        if (i == 0 || strcmp(strata_result_treatment(result, i - 1).treatment, c.treatment) != 0)
            read += to->n;
        counted += c.customers;
    }
    if (counted != read) r->out->failure = "the counts of treatments leave somebody out";
    return counted == read;
}

bool ct_treat_library(st_arena *a, const strata_rules *rules, const strata_result *result, ct_answers *out,
                      strata_error *error)
{
    reading r = {a, out, NULL};
    struct ArrowArrayStream stream;
    for (size_t i = 0; i < strata_result_treatment_size(result); i++)
        answer_named(a, out, strata_result_treatment(result, i).treatment);
    for (size_t i = 0; i < strata_result_treated_entity_count(result); i++) {
        const char *entity = strata_result_treated_entity(result, i);
        if (strata_result_treatment_stream(result, entity, &stream, error) || !read_all(&r, &stream))
            return false;
    }
    if (!sizes_agree(&r, result)) return false;
    for (size_t i = 0; i < strata_rules_activation_count(rules); i++) {
        strata_activation x = strata_rules_activation(rules, i);
        if (x.change != STRATA_ALL) continue;
        const char *name = x.channel ? st_format(a, "%s.%s", x.definition, x.channel) : x.definition;
        r.to = answer_named(a, out, name);
        if (strata_result_activation_stream(result, i, &stream, error) || !read_all(&r, &stream))
            return false;
        if (strata_result_activation_rows(result, i) != r.to->n) {
            out->failure = st_format(a, "%s has other rows than it says", name);
            return false;
        }
    }
    return true;
}
