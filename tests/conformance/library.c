/* A case's answers by the library, as a program that embeds Strata gets them: rules from text, data by Arrow streams, the
 * result as a stream. */
#include "conformance.h"

#include "base/bitmap.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct session {
    st_arena *arena;
    const ct_case *c;
    uint32_t threads;
    ct_way way;
    ct_answers *out;
    strata_rules *rules;
    strata_data *data;
    strata_previous *previous;
    strata_result *result;
    strata_error error;
} session;

#define TRY(call)                                                                                            \
    do {                                                                                                     \
        if ((call) != STRATA_OK) return false;                                                               \
    } while (0)

static bool compile(session *s)
{
    strata_error *e = &s->error;
    const ct_case *c = s->c;
    TRY(strata_rules_new(NULL, &s->rules, e));
    if (c->preamble)
        TRY(strata_rules_add_text(s->rules, "preamble.seg", c->preamble, strlen(c->preamble), e));
    TRY(strata_rules_add_text(s->rules, "case.seg", c->source, strlen(c->source), e));
    for (uint32_t i = 0; i < c->lists.n; i++)
        TRY(strata_rules_add_list(s->rules, c->lists.p[i].name, c->lists.p[i].value,
                                  strlen(c->lists.p[i].value), e));
    for (uint32_t i = 0; i < c->sets.n; i++)
        TRY(strata_rules_set(s->rules, c->sets.p[i].name, c->sets.p[i].value, e));
    TRY(strata_rules_compile(s->rules, e));
    return true;
}

static bool read_back(session *s)
{
    strata_rules *written = s->rules;
    void *bytes;
    size_t length;
    TRY(strata_rules_write(written, true, &bytes, &length, &s->error));
    s->rules = NULL;
    strata_status status = strata_rules_read(NULL, bytes, length, &s->rules, &s->error);
    strata_free(written, bytes);
    strata_rules_free(written);
    return status == STRATA_OK;
}

static bool is_needed(const session *s, const char *name)
{
    for (size_t i = 0; i < strata_rules_table_count(s->rules); i++) {
        strata_table t = strata_rules_table(s->rules, i);
        if (strcmp(t.name, name) == 0) return t.needed;
    }
    return false;
}

/* ---- through a snapshot ---- */

static const ct_table *find_rows(const ct_case *c, const char *name)
{
    for (uint32_t i = 0; i < c->tables.n; i++)
        if (strcmp(c->tables.p[i].name, name) == 0) return &c->tables.p[i];
    return NULL;
}

static bool fill_snapshot(session *s, strata_snapshot *snapshot)
{
    for (size_t i = 0; i < strata_snapshot_table_count(snapshot); i++) {
        strata_table t = strata_snapshot_table(snapshot, i);
        struct ArrowArrayStream stream = ct_stream(s->arena, find_rows(s->c, t.name));
        TRY(strata_snapshot_bind(snapshot, t.name, &stream, NULL, &s->error));
    }
    TRY(strata_snapshot_finish(snapshot, &s->error));
    return true;
}

static bool has_column(const ct_table *t, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = t->csv; *p && *p != '\n';) {
        size_t k = strcspn(p, ",\n");
        if (k == n && memcmp(p, name, n) == 0) return true;
        p += k + (p[k] == ',');
    }
    return false;
}

/* The case has rows for every table that is declared, with every column. */
static bool is_whole(const session *s)
{
    for (size_t i = 0; i < strata_rules_table_count(s->rules); i++) {
        strata_table declared = strata_rules_table(s->rules, i);
        const ct_table *t = find_rows(s->c, declared.name);
        if (!t) return false;
        for (size_t k = 0; k < declared.ncolumns; k++)
            if (!has_column(t, declared.columns[k].name)) return false;
    }
    return true;
}

static void remove_folder(const char *path)
{
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) unlinkat(dirfd(d), e->d_name, 0);
    if (d) closedir(d);
    rmdir(path);
}

static bool map(session *s)
{
    char dir[] = "/tmp/strata_conformance_XXXXXX";
    strata_snapshot *snapshot = NULL;
    if (!mkdtemp(dir)) return false;
    bool ok = strata_snapshot_new(s->rules, dir, s->threads, &snapshot, &s->error) == STRATA_OK &&
              fill_snapshot(s, snapshot) &&
              strata_data_new(s->rules, s->threads, &s->data, &s->error) == STRATA_OK &&
              strata_data_map(s->data, dir, &s->error) == STRATA_OK;
    strata_snapshot_free(snapshot);
    remove_folder(dir); /* what is mapped stays */
    return ok;
}

static bool bind(session *s)
{
    if (s->way == CT_SNAPSHOT && is_whole(s)) return map(s);
    TRY(strata_data_new(s->rules, s->threads, &s->data, &s->error));
    for (uint32_t i = 0; i < s->c->tables.n; i++) {
        const ct_table *t = &s->c->tables.p[i];
        if (!is_needed(s, t->name)) continue;
        struct ArrowArrayStream stream = ct_stream(s->arena, t);
        TRY(strata_data_bind(s->data, t->name, &stream, NULL, &s->error));
    }
    TRY(strata_data_finish(s->data, &s->error));
    return true;
}

static bool same_count(strata_count a, strata_count b)
{
    return strcmp(a.definition, b.definition) == 0 && strcmp(a.label, b.label) == 0 &&
           a.customers == b.customers && a.population == b.population;
}

/* A run for counts alone finds the same ones, and has no rows to give. */
static bool check_counts_only(session *s, strata_run_options o)
{
    strata_result *counted;
    struct ArrowArrayStream stream;
    strata_error refused;
    o.treatments = false;
    o.counts_only = true;
    TRY(strata_run(s->data, &o, &counted, &s->error));
    bool same = strata_result_size(counted) == strata_result_size(s->result);
    for (size_t i = 0; same && i < strata_result_size(counted); i++)
        same = same_count(strata_result_count(counted, i), strata_result_count(s->result, i));
    for (size_t i = 0; same && i < strata_result_entity_count(counted); i++)
        same = strata_result_stream(counted, strata_result_entity(counted, i), STRATA_WIDE, &stream,
                                    &refused) != STRATA_OK;
    strata_result_free(counted);
    if (!same) s->error = (strata_error){STRATA_BAD_DATA, "a run for counts alone counts otherwise"};
    return same;
}

static bool run(session *s)
{
    strata_run_options o = {.threads = s->threads, .traits = true, .treatments = true};
    TRY(strata_as_of_parse(s->rules, s->c->as_of, &o.as_of, &s->error));
    if (!ct_read_previous(s->arena, s->c, s->rules, &s->previous, &s->error)) return false;
    o.previous = s->previous;
    TRY(strata_run(s->data, &o, &s->result, &s->error));
    return check_counts_only(s, o);
}

/* ---- reading the result ---- */

static int64_t integer_at(const struct ArrowSchema *type, const struct ArrowArray *v, int64_t row)
{
    const void *data = v->buffers[1];
    switch (type->format[0]) {
    case 'c': return ((const int8_t *)data)[row];
    case 'C': return ((const uint8_t *)data)[row];
    case 's': return ((const int16_t *)data)[row];
    case 'S': return ((const uint16_t *)data)[row];
    case 'i':
    case 't': return type->format[1] == 's' ? ((const int64_t *)data)[row] : ((const int32_t *)data)[row];
    case 'I': return ((const uint32_t *)data)[row];
    default: return ((const int64_t *)data)[row];
    }
}

static st_str text_at(const struct ArrowSchema *type, const struct ArrowArray *v, int64_t row)
{
    const char *bytes = v->buffers[2];
    if (type->format[0] == 'U') {
        const int64_t *o = v->buffers[1];
        return (st_str){bytes + o[row], (uint32_t)(o[row + 1] - o[row])};
    }
    const int32_t *o = v->buffers[1];
    return (st_str){bytes + o[row], (uint32_t)(o[row + 1] - o[row])};
}

/* "d:P,S" or "d:P,S,128" */
static unsigned scale_of(const char *format)
{
    const char *comma = strchr(format, ',');
    unsigned scale = 0;
    for (comma++; *comma >= '0' && *comma <= '9'; comma++) scale = scale * 10 + (unsigned)(*comma - '0');
    return scale;
}

ct_cell ct_cell_at(st_arena *a, const struct ArrowSchema *type, const struct ArrowArray *v, int64_t row)
{
    ct_cell c = {0};
    row += v->offset;
    if (v->n_buffers > 0 && v->buffers[0] && !st_bit(v->buffers[0], (uint64_t)row)) return c;
    if (type->dictionary) return ct_cell_at(a, type->dictionary, v->dictionary, integer_at(type, v, row));
    switch (type->format[0]) {
    case 'b': c.kind = CT_BOOL, c.b = st_bit(v->buffers[1], (uint64_t)row); break;
    case 'g': c.kind = CT_FLOAT, c.f = ((const double *)v->buffers[1])[row]; break;
    case 'u':
    case 'U': c.kind = CT_TEXT, c.text = st_str_dup(a, text_at(type, v, row)); break;
    case 'd':
        c.kind = CT_NUMBER;
        memcpy(&c.number, (const char *)v->buffers[1] + 16 * row, 16);
        c.scale = scale_of(type->format);
        break;
    case 't':
        c.kind = type->format[1] == 's' ? CT_INSTANT : CT_DATE;
        c.time = integer_at(type, v, row);
        break;
    default: c.kind = CT_NUMBER, c.number = integer_at(type, v, row); break;
    }
    return c;
}

static const char *key_of(st_arena *a, const ct_cell *c)
{
    return c->kind == CT_TEXT ? st_dup(a, c->text.p, c->text.n) : st_format(a, "%lld", (long long)c->number);
}

/* The first column is the key; every other one an answer. */
static void read_batch(session *s, const struct ArrowSchema *schema, const struct ArrowArray *batch,
                       uint32_t first)
{
    for (int64_t i = 1; i < schema->n_children; i++) {
        ct_answer *to = &s->out->items.p[first + i - 1];
        const char **keys = st_new_n(s->arena, const char *, to->n + (uint64_t)batch->length);
        ct_cell *cells = st_new_n(s->arena, ct_cell, to->n + (uint64_t)batch->length);
        if (to->n) {
            memcpy(keys, to->keys, to->n * sizeof *keys);
            memcpy(cells, to->cells, to->n * sizeof *cells);
        }
        to->keys = keys;
        to->cells = cells;
        for (int64_t row = batch->offset; row < batch->offset + batch->length; row++) {
            ct_cell key = ct_cell_at(s->arena, schema->children[0], batch->children[0], row);
            to->keys[to->n] = key_of(s->arena, &key);
            to->cells[to->n++] = ct_cell_at(s->arena, schema->children[i], batch->children[i], row);
        }
    }
}

static bool read_entity(session *s, const char *entity)
{
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray batch;
    uint32_t first = s->out->items.n;
    bool ok = true;
    TRY(strata_result_stream(s->result, entity, STRATA_WIDE, &stream, &s->error));
    if (stream.get_schema(&stream, &schema) != 0) {
        stream.release(&stream);
        return false;
    }
    for (int64_t i = 1; i < schema.n_children; i++)
        ((ct_answer *)st_push(s->arena, &s->out->items))->name =
            st_dup(s->arena, schema.children[i]->name, strlen(schema.children[i]->name));
    for (;;) {
        memset(&batch, 0, sizeof batch);
        ok = stream.get_next(&stream, &batch) == 0;
        if (!ok || !batch.release) break;
        read_batch(s, &schema, &batch, first);
        batch.release(&batch);
    }
    schema.release(&schema);
    stream.release(&stream);
    return ok;
}

/* A row that this count counts: a member, a known value, or one with the label (of an rfm score, its digits). */
static bool is_counted(session *s, const strata_count *c, const ct_cell *v)
{
    if (c->kind == STRATA_SEGMENT || c->kind == STRATA_HOLDOUT) return v->kind == CT_BOOL && v->b;
    if (c->kind == STRATA_SCORE || c->kind == STRATA_TRAIT || c->kind == STRATA_POINTS)
        return v->kind != CT_MISSING;
    st_str label = st_str_of(c->label);
    if (v->kind == CT_NUMBER) return st_str_eq(st_str_of(key_of(s->arena, v)), label);
    return v->kind == CT_TEXT && st_str_eq(v->text, label);
}

static bool agrees(session *s, const strata_count *c, const ct_answer *a)
{
    uint64_t n = 0;
    for (uint64_t row = 0; row < a->n; row++) n += is_counted(s, c, &a->cells[row]);
    if (n == c->customers && a->n == c->population) return true;
    s->out->failure = st_format(s->arena, "the counts say %llu of %llu for %s %s, the rows %llu of %llu",
                                (unsigned long long)c->customers, (unsigned long long)c->population,
                                c->definition, c->label, (unsigned long long)n, (unsigned long long)a->n);
    return false;
}

/* The counts of the result are those of its rows. */
static bool counts_agree(session *s)
{
    for (size_t i = 0; i < strata_result_size(s->result); i++) {
        strata_count c = strata_result_count(s->result, i);
        for (uint32_t k = 0; k < s->out->items.n; k++) {
            const ct_answer *a = &s->out->items.p[k];
            if (strcmp(a->name, c.definition) == 0 && !agrees(s, &c, a)) return false;
        }
    }
    return true;
}

static bool everything(session *s)
{
    if (!compile(s) || (s->way == CT_BYTES && !read_back(s)) || !bind(s) || !run(s)) return false;
    for (size_t i = 0; i < strata_result_entity_count(s->result); i++) {
        if (!read_entity(s, strata_result_entity(s->result, i))) return false;
    }
    ct_promises_library(s->arena, s->result, s->out);
    return counts_agree(s) && ct_treat_library(s->arena, s->rules, s->result, s->out, &s->error);
}

void ct_ask_library(st_arena *a, const ct_case *c, uint32_t threads, ct_way way, ct_answers *out)
{
    session s = {.arena = a, .c = c, .threads = threads, .way = way, .out = out};
    if (!everything(&s) && !out->failure) out->failure = st_dup(a, s.error.message, strlen(s.error.message));
    strata_result_free(s.result);
    strata_previous_free(s.previous);
    strata_data_free(s.data);
    strata_rules_free(s.rules);
}
