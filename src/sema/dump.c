/* The checked program as text. One line a definition's expression, operations written as calls; a name in front of a
 * column or definition says whose it is. */
#include "sema/check.h"

#define DUMP_LIMIT (64u << 20) /* bytes, about */

typedef struct dumper {
    st_arena *a;
    st_buf *out;
    const st_zone *zone;
} dumper;

static void put_expr(dumper *d, const st_expr *x);

static void put(dumper *d, const char *z)
{
    st_buf_puts(d->a, d->out, z);
}

static void put_type(dumper *d, st_type t)
{
    static const char *const names[] = {"bool", "int",       "float", "decimal",  "string",
                                        "date", "timestamp", "label", "duration", "distance"};
    if (t.list) put(d, "list of ");
    put(d, names[t.base]);
    if (t.base == ST_T_INT) st_buf_printf(d->a, d->out, "(%u)", t.digits);
    if (t.base == ST_T_DECIMAL) st_buf_printf(d->a, d->out, "(%u,%u)", t.digits, t.scale);
    if (t.base == ST_T_LABEL)
        st_buf_printf(d->a, d->out, " of %s", t.labels->def ? t.labels->def->name : "weekday");
    if (t.optional) put(d, "?");
}

static void put_text(dumper *d, st_str s)
{
    put(d, "\"");
    for (uint32_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\') put(d, "\\");
        if (s.p[i] == '\n')
            put(d, "\\n");
        else
            st_buf_add(d->a, d->out, s.p + i, 1);
    }
    put(d, "\"");
}

static void put_value(dumper *d, const st_value *v)
{
    char text[ST_DECIMAL_TEXT + ST_TIME_TEXT];
    switch (v->type.base) {
    case ST_T_BOOL: put(d, v->as.b ? "true" : "false"); return;
    case ST_T_INT: st_buf_printf(d->a, d->out, "%lld", (long long)v->as.i); return;
    case ST_T_DECIMAL:
    case ST_T_DISTANCE: st_dec_format(v->as.d, v->type.scale, text); break;
    case ST_T_FLOAT:
        st_double_format(v->as.f, text);
        put(d, text);
        put(d, "f");
        return;
    case ST_T_STRING: put_text(d, v->as.s); return;
    case ST_T_DATE: st_format_date(v->as.i, text); break;
    case ST_T_TIMESTAMP: st_format_instant(d->zone, v->as.i, text); break;
    case ST_T_LABEL: put(d, v->type.labels->names[v->as.i]); return;
    case ST_T_DURATION:
        st_buf_printf(d->a, d->out, "%lld %s", (long long)v->as.i, st_unit_names[v->unit]);
        return;
    }
    put(d, text);
    if (v->type.base == ST_T_DISTANCE) put(d, " km");
}

static void put_args(dumper *d, const st_expr *x)
{
    for (uint32_t i = 0; i < x->n; i++) {
        if (i) put(d, ", ");
        if (x->args[i])
            put_expr(d, x->args[i]);
        else
            put(d, "rows");
    }
}

static void put_rows(dumper *d, const st_rowset *rows)
{
    put(d, rows->table->name);
    for (uint32_t i = 0; i < rows->path.n; i++)
        st_buf_printf(d->a, d->out, "%s%s", i ? " > " : " by ", rows->path.steps[i]->name);
    for (uint32_t i = 0; i < rows->nfilters; i++) {
        if (rows->filters[i].kind == ST_FILTER_LAST) {
            st_buf_printf(d->a, d->out, " last %u", rows->filters[i].last);
            continue;
        }
        put(d, " where ");
        put_expr(d, rows->filters[i].where);
    }
}

static void put_aggregate(dumper *d, const st_expr *x)
{
    static const char *const names[] = {"count", "any",         "no",      "sum",      "avg",
                                        "min",   "max",         "median",  "distinct", "first",
                                        "last",  "most_common", "repeats", "share"};
    st_buf_printf(d->a, d->out, "%s[", names[x->kind]);
    put_rows(d, &x->rows);
    if (x->span_n)
        st_buf_printf(d->a, d->out, " in any %lld %s", (long long)x->span_n, st_unit_names[x->unit]);
    put(d, "](");
    put_args(d, x);
    put(d, ")");
}

static void put_sequence(dumper *d, const st_expr *x)
{
    static const char *const kinds[] = {"row", "any", "no"};
    put(d, "sequence[");
    put_rows(d, &x->rows);
    for (uint32_t i = 0; i < x->nsteps; i++) {
        const st_step *step = &x->steps[i];
        st_buf_printf(d->a, d->out, "; %s", kinds[step->kind]);
        if (step->has_within)
            st_buf_printf(d->a, d->out, " within %lld %s", (long long)step->within,
                          st_unit_names[step->within_unit]);
        put(d, " ");
        put_rows(d, &step->rows);
        if (step->name) st_buf_printf(d->a, d->out, " as %s", step->name);
    }
    put(d, "]");
}

static void put_rank(dumper *d, const st_expr *x)
{
    char text[ST_DECIMAL_TEXT];
    st_dec_format(x->amount, x->amount_scale, text);
    st_buf_printf(d->a, d->out, "%s[%s %s", st_op_names[x->op], x->amount_is_share ? "share" : "count", text);
    if (x->def) st_buf_printf(d->a, d->out, " among %s", x->def->name);
    if (x->op == ST_X_SAMPLE) {
        st_dec_format(x->low_share, x->amount_scale, text);
        if (x->low_share) st_buf_printf(d->a, d->out, " from %s", text);
        st_buf_printf(d->a, d->out, " salt %.*s", (int)x->value.as.s.n, x->value.as.s.p);
        if (x->hash != ST_HASH_MD5) st_buf_printf(d->a, d->out, " hash %s", st_hash_name(x->hash));
    }
    put(d, "](");
    put_args(d, x);
    put(d, ")");
}

static void put_stratum(dumper *d, const st_expr *x)
{
    st_buf_printf(d->a, d->out, "%s[of %s by %u salt %.*s", st_op_names[x->op], x->def->name, x->kind,
                  (int)x->value.as.s.n, x->value.as.s.p);
    if (x->hash != ST_HASH_MD5) st_buf_printf(d->a, d->out, " hash %s", st_hash_name(x->hash));
    put(d, "](");
    put_args(d, x);
    put(d, ")");
}

static void put_expr(dumper *d, const st_expr *x)
{
    if (d->out->n > DUMP_LIMIT)
        return; /* shared nodes are written out each time: nested, they have no bound */
    static const char *const parts[] = {"year", "quarter", "month", "week", "day", "weekday", "hour"};
    static const char *const fields[] = {"r", "f", "m", "recency", "frequency", "monetary", "cell"};
    switch (x->op) {
    case ST_X_CONST: put_value(d, &x->value); return;
    case ST_X_COLUMN: st_buf_printf(d->a, d->out, "%s.%s", x->col->table->name, x->col->name); return;
    case ST_X_DEF:
        st_buf_printf(d->a, d->out, "%s %s", st_def_kind_names[x->def->kind], x->def->name);
        return;
    case ST_X_ON_LIST: st_buf_printf(d->a, d->out, "%s is on it", x->at->key->name); return;
    case ST_X_RFM_FIELD: st_buf_printf(d->a, d->out, "rfm %s.%s", x->def->name, fields[x->kind]); return;
    case ST_X_NOW: put(d, "now"); return;
    case ST_X_AGGREGATE: put_aggregate(d, x); return;
    case ST_X_SEQUENCE: put_sequence(d, x); return;
    case ST_X_IN_TOP:
    case ST_X_IN_BOTTOM:
    case ST_X_SAMPLE: put_rank(d, x); return;
    case ST_X_STRATUM: put_stratum(d, x); return;
    default: break;
    }
    put(d, st_op_names[x->op]);
    switch (x->op) {
    case ST_X_NEAREST:
        put(d, "[");
        put_rows(d, &x->rows);
        put(d, "]");
        break;
    case ST_X_LINK: st_buf_printf(d->a, d->out, "[%s]", x->col->name); break;
    case ST_X_STEP_ROW:
    case ST_X_AT_LEAST: st_buf_printf(d->a, d->out, "[%u]", x->kind); break;
    case ST_X_SHIFT:
    case ST_X_TRUNC:
    case ST_X_BETWEEN_TIMES: st_buf_printf(d->a, d->out, "[%s]", st_unit_names[x->unit]); break;
    case ST_X_PART: st_buf_printf(d->a, d->out, "[%s]", parts[x->part]); break;
    case ST_X_MATCHES:
        put(d, "[");
        put_text(d, x->value.as.s);
        put(d, "]");
        break;
    case ST_X_RESCALE:
    case ST_X_ROUND:
        put(d, "[");
        put_type(d, x->type);
        put(d, "]");
        break;
    default: break;
    }
    put(d, "(");
    put_args(d, x);
    put(d, ")");
}

/* ---- tables and definitions ---- */
static void put_line(dumper *d, const char *head, const st_expr *x)
{
    if (!x) return;
    st_buf_printf(d->a, d->out, "  %s ", head);
    put_expr(d, x);
    put(d, "\n");
}

static void put_column(dumper *d, const st_col *col)
{
    const struct {
        bool on;
        const char *word;
    } flags[] = {{col->key, "key"},           {col->time, "time"},   {col->planned, "planned"},
                 {col->recorded, "recorded"}, {col->fixed, "fixed"}, {col->changes, "changes"},
                 {col->pii, "pii"},           {col->used, "used"}};
    bool hidden = col->index >= col->table->ncols;
    st_buf_printf(d->a, d->out, "  %s %s ", hidden ? "hidden link" : "column", col->name);
    put_type(d, col->type);
    for (size_t i = 0; i < ST_COUNT(flags); i++)
        if (flags[i].on) st_buf_printf(d->a, d->out, " %s", flags[i].word);
    if (col->links_to) st_buf_printf(d->a, d->out, " links to %s", col->links_to->name);
    for (uint32_t i = 0; i < col->none_of_these; i++) {
        put(d, i ? ", " : " one of ");
        put_value(d, &col->one_of[i]);
    }
    if (col->low) {
        put(d, " between ");
        put_value(d, col->low);
        put(d, " and ");
        put_value(d, col->high);
    }
    put(d, "\n");
}

static void put_groups(dumper *d, const st_table *t)
{
    const st_derived *g = t->derived;
    st_buf_printf(d->a, d->out, "  groups of %s", g->source->name);
    for (uint32_t i = 0; i < g->path.n; i++)
        st_buf_printf(d->a, d->out, "%s%s", i ? " > " : " by ", g->path.steps[i]->name);
    for (uint32_t i = 0; i < t->ncols; i++)
        st_buf_printf(d->a, d->out, "%s%s", i ? ", " : " per ", g->keys[i]->name);
    put(d, "\n");
}

static void put_table(dumper *d, const st_table *t)
{
    st_buf_printf(d->a, d->out, "table %s%s\n", t->name, t->segmented ? " segmented" : "");
    if (t->derived) put_groups(d, t);
    for (uint32_t i = 0; i < t->ncols + t->nhidden; i++) put_column(d, &t->cols[i]);
    put_line(d, "when", t->when);
    put_line(d, "order time", t->order_time);
    put_line(d, "keep", t->keep);
    put_line(d, "visible", t->visible);
}

static void put_rfm_part(dumper *d, const st_rfm_part *part, const char *name)
{
    static const char *const methods[] = {"ranked", "rfm_r", "ntile", "cume_dist"};
    st_buf_printf(d->a, d->out, "  %s scores %u ", name, part->scores);
    if (!part->by_thresholds) st_buf_printf(d->a, d->out, "quantiles %s", methods[part->method]);
    for (uint32_t i = 0; i < part->nthresholds; i++) {
        put(d, i ? ", " : "thresholds ");
        put_value(d, &part->thresholds[i]);
    }
    put(d, "\n");
    put_line(d, "  measure", part->measure);
    put_line(d, "  raw", part->raw);
}

static void put_rfm(dumper *d, const st_def *def)
{
    static const char *const names[] = {"recency", "frequency", "monetary"};
    const st_rfm *rfm = def->rfm;
    uint32_t n = 1;
    put_line(d, "any", rfm->any);
    for (int i = 0; i < 3; i++) {
        if (!rfm->has[i]) continue;
        put_rfm_part(d, &rfm->part[i], names[i]);
        n *= rfm->part[i].scores;
    }
    if (!rfm->has_tiers) return;
    for (uint32_t i = 0; i < def->labels.n; i++) {
        uint32_t cells = 0;
        for (uint32_t k = 0; k < n; k++)
            if (rfm->cells[k] == i) cells++;
        st_buf_printf(d->a, d->out, "  label %s cells %u\n", def->labels.names[i], cells);
    }
}

/* ---- what segments get ---- */
static void put_part(dumper *d, const char *head, const st_def *part)
{
    if (part) st_buf_printf(d->a, d->out, "  %s %s\n", head, part->name);
}

static void put_sends(dumper *d, const st_send *sends, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        st_buf_printf(d->a, d->out, "  send %s%s as ", sends[i].sha256 ? "sha256 of " : "",
                      sends[i].value->name);
        put_text(d, st_str_of(sends[i].as));
        put(d, "\n");
    }
}

static void put_channel(dumper *d, const st_channel *channel)
{
    st_buf_printf(d->a, d->out, "  channel %s", channel->name);
    if (channel->consent) st_buf_printf(d->a, d->out, " consent %s", channel->consent->name);
    if (channel->open) st_buf_printf(d->a, d->out, " open %s", channel->open->name);
    if (channel->over) st_buf_printf(d->a, d->out, " over %s", channel->over->name);
    put(d, "\n");
}

static void put_exclusion(dumper *d, const st_exclusion *x)
{
    st_buf_printf(d->a, d->out, "  exclude %s", x->who->name);
    if (x->because) {
        put(d, " because ");
        put_text(d, st_str_of(x->because));
    }
    put(d, "\n");
}

static void put_treatment(dumper *d, const st_treatment *t)
{
    put_part(d, "target", t->target);
    if (t->arm) st_buf_printf(d->a, d->out, "  arm %s\n", t->arm);
    put_part(d, "during", t->active);
    if (t->action) {
        put(d, "  action ");
        put_text(d, st_str_of(t->action));
        put(d, "\n");
    }
    if (t->transactional) put(d, "  transactional\n");
    for (uint32_t i = 0; i < t->nexclusions; i++) put_exclusion(d, t->exclusions[i]);
    for (uint32_t i = 0; i < t->nholdouts; i++) put_part(d, "holdout", t->holdouts[i]);
    put_part(d, "control", t->control);
    for (uint32_t i = 0; i < t->nchannels; i++) put_channel(d, &t->channels[i]);
    put_part(d, "again", t->again);
    if (t->one_per) st_buf_printf(d->a, d->out, "  one per %s: ", t->one_per_text);
    if (t->one_per) st_buf_printf(d->a, d->out, "%s, %s\n", t->one_per->name, t->one_per_rank->name);
    if (t->at_most != ST_NO_LIMIT)
        st_buf_printf(d->a, d->out, "  at most %lld, %s\n", (long long)t->at_most, t->at_most_rank->name);
    put_part(d, "order by", t->order_by);
    st_buf_printf(d->a, d->out, "  ties salt \"%s\" hash %s\n", t->salt, st_hash_name(t->hash));
    put_sends(d, t->sends, t->nsends);
    put_part(d, "campaign", t->campaign);
}

static void put_campaign(dumper *d, const st_campaign *campaign)
{
    put_part(d, "during", campaign->active);
    for (uint32_t i = 0; i < campaign->n; i++) put_part(d, "treatment", campaign->treatments[i]);
}

static void put_audience(dumper *d, const st_audience *a)
{
    put_part(d, "from", a->from);
    put_part(d, "base", a->base);
    if (a->label) st_buf_printf(d->a, d->out, "  label %s\n", a->label);
    if (a->changes_only) put(d, "  changes only\n");
    put_sends(d, a->sends, a->nsends);
}

static void put_def(dumper *d, const st_def *def)
{
    st_buf_printf(d->a, d->out, "%s%s %s", def->hidden ? "hidden " : "", st_def_kind_names[def->kind],
                  def->name);
    if (def->of) st_buf_printf(d->a, d->out, " of %s", def->of->name);
    if (def->kind != ST_DEF_ROWS && !st_is_no_value(def)) {
        put(d, " as ");
        put_type(d, def->type);
    }
    if (def->pii) put(d, " pii");
    if (def->among) st_buf_printf(d->a, d->out, " among %s", def->among->name);
    for (uint32_t i = 0; i < def->nuses; i++)
        st_buf_printf(d->a, d->out, "%s%s", i ? ", " : " uses ", def->uses[i]->name);
    put(d, "\n");
    if (def->kind == ST_DEF_PARAM && !def->type.list) {
        put(d, "  value ");
        put_value(d, &def->value);
        put(d, "\n");
    }
    for (uint32_t i = 0; i < def->nvalues; i++) {
        put(d, i ? ", " : "  values ");
        put_value(d, &def->values[i]);
        if (i + 1 == def->nvalues) put(d, "\n");
    }
    if (def->list) st_buf_printf(d->a, d->out, "  keys %u\n", def->list->n);
    put_line(d,
             def->kind == ST_DEF_SEGMENT || def->kind == ST_DEF_LIST || def->kind == ST_DEF_HOLDOUT ? "where"
                                                                                                    : "value",
             def->expr);
    for (uint32_t i = 0; i < def->ntiers; i++) {
        const char *label = def->labels.names[def->tiers[i].label];
        if (def->tiers[i].when)
            put_line(d, st_format(d->a, "label %s when", label), def->tiers[i].when);
        else
            st_buf_printf(d->a, d->out, "  label %s otherwise\n", label);
    }
    if (def->rfm) put_rfm(d, def);
    for (uint32_t i = 0; def->overlay && i < def->overlay->ndims; i++)
        st_buf_printf(d->a, d->out, "  dimension %s\n", def->overlay->dims[i]->name);
    if (def->treatment) put_treatment(d, def->treatment);
    if (def->campaign) put_campaign(d, def->campaign);
    if (def->audience) put_audience(d, def->audience);
}

static void put_bound(dumper *d, const char *name, const st_bound *b)
{
    char text[ST_DECIMAL_TEXT];
    if (!b->given) return;
    st_dec_format(b->amount, b->scale, text);
    st_buf_printf(d->a, d->out, "  %s %s%s\n", name, text, b->is_share ? " of all" : "");
}

static void put_promise(dumper *d, const st_promise *p)
{
    const st_def *defs[] = {p->subject, p->part, p->all, p->measure};
    static const char *const names[] = {"about", "part", "all", "measure"};
    st_buf_printf(d->a, d->out, "promise %s on %s%s\n", p->text, p->table->name,
                  p->warn_only ? " else warn" : "");
    for (size_t i = 0; i < ST_COUNT(defs); i++) {
        if (!defs[i]) continue;
        st_buf_printf(d->a, d->out, "  %s %s%s%s\n", names[i], defs[i]->name, i == 0 && p->label ? "." : "",
                      i == 0 && p->label ? p->label : "");
    }
    put_bound(d, "low", &p->low);
    put_bound(d, "high", &p->high);
}

void st_dump_program(st_arena *a, const st_program *p, st_buf *out)
{
    dumper d = {.a = a, .out = out, .zone = p->zone};
    st_buf_printf(a, out, "timezone %s\n", p->timezone);
    for (uint32_t i = 0; i < p->ntables; i++) put_table(&d, p->tables[i]);
    for (uint32_t i = 0; i < p->norder; i++) put_def(&d, p->order[i]);
    for (uint32_t i = 0; i < p->nconsents; i++)
        st_buf_printf(a, out, "consent %s: %s\n", p->consents[i].channel, p->consents[i].when->name);
    for (uint32_t i = 0; i < p->npromises; i++) put_promise(&d, &p->promises[i]);
}
