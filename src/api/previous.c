/* Earlier output, read back: the wide form, the long form, or counts. The columns say which it is. */
#include "api/previous.h"

#include "table/bind.h"

#include <errno.h>
#include <stdio.h>

struct strata_previous {
    st_env env;
    st_arena *arena;
    const strata_rules *rules;
    ST_VEC(st_previous_entity *) entities;
    ST_VEC(strata_table) tables; /* by entity; then, of counts alone */
    st_map sets;                 /* by definition and label */
};

/* ---- what may be asked ---- */

static bool has_labels(const st_def *d)
{
    return d->kind == ST_DEF_TIERS || d->kind == ST_DEF_CLUSTER || d->kind == ST_DEF_EXPERIMENT ||
           (d->kind == ST_DEF_RFM && d->rfm->has_tiers) ||
           (d->kind == ST_DEF_OVERLAY && d->overlay->has_actions);
}

static bool is_set(const st_def *d)
{
    bool members = d->kind == ST_DEF_SEGMENT || d->kind == ST_DEF_HOLDOUT || d->kind == ST_DEF_LIST;
    return !d->hidden && (members || has_labels(d)) && st_def_is_output(d, false);
}

typedef ST_VEC(strata_column) columns;

static void add_column(st_arena *a, columns *all, const char *name, const char *type)
{
    for (uint32_t i = 0; i < all->n; i++)
        if (strcmp(all->p[i].name, name) == 0) return;
    *(strata_column *)st_push(a, all) =
        (strata_column){.name = name, .type = type, .needed = true, .spare = true};
}

static void describe(strata_previous *p, const st_table *t)
{
    const st_program *schema = p->rules->schema;
    columns all = {0};
    if (t) {
        add_column(p->arena, &all, t->key->name, st_api_type_text(p->arena, t->key->type));
        for (uint32_t i = 0; i < schema->ndefs; i++) {
            const st_def *d = schema->defs[i];
            if (!is_set(d) || d->of != t) continue;
            const char *type = has_labels(d) ? "string?" : "bool?";
            add_column(p->arena, &all, d->name, type);
            if (d->meta.formerly) add_column(p->arena, &all, d->meta.formerly, type);
        }
        add_column(p->arena, &all, "entity", st_api_type_text(p->arena, t->key->type));
    }
    add_column(p->arena, &all, "definition", "string?");
    add_column(p->arena, &all, "label", "string?");
    add_column(p->arena, &all, "customers", "int?");
    *(strata_table *)st_push(p->arena, &p->tables) =
        (strata_table){.name = t ? t->name : "counts", .needed = true, .ncolumns = all.n, .columns = all.p};
}

static void open(strata_previous *p)
{
    const st_program *schema = p->rules->schema;
    p->arena = st_arena_new(&p->env);
    st_map_init(&p->sets, p->arena);
    for (uint32_t t = 0; t < schema->ntables; t++) {
        bool about = false;
        for (uint32_t i = 0; i < schema->ndefs && !about; i++)
            about = is_set(schema->defs[i]) && schema->defs[i]->of == schema->tables[t];
        if (!about) continue;
        st_previous_entity *e = st_new(p->arena, st_previous_entity);
        e->table = schema->tables[t];
        st_map_init(&e->keys, p->arena);
        *st_push(p->arena, &p->entities) = e;
        describe(p, e->table);
    }
    describe(p, NULL);
}

strata_status strata_previous_new(const strata_rules *rules, strata_previous **previous, strata_error *error)
{
    *previous = NULL;
    if (!rules->schema)
        return st_api_refuse(
            error, STRATA_BAD_RULES,
            "An earlier answer cannot be read: the rule set is not compiled, or has errors.");
    st_env env;
    st_env_child(&env, &rules->env);
    strata_previous *p = st_api_allocate(&env.alloc, sizeof *p);
    if (!p) return st_api_refuse(error, STRATA_NO_MEMORY, "There is not enough memory.");
    p->env = env;
    p->rules = rules;
    bool ok;
    ST_GUARD(&p->env, ok, open(p));
    strata_status status = st_api_end(&p->env, ok, error);
    if (ok)
        *previous = p;
    else
        strata_previous_free(p);
    return status;
}

void strata_previous_free(strata_previous *previous)
{
    if (!previous) return;
    st_env_close(&previous->env);
    strata_allocator alloc = previous->env.alloc;
    st_api_release(&alloc, previous);
}

size_t strata_previous_entity_count(const strata_previous *previous)
{
    return previous->entities.n;
}

const char *strata_previous_entity(const strata_previous *previous, size_t i)
{
    return previous->entities.p[i]->table->name;
}

static uint32_t number_of(const strata_previous *p, const char *entity)
{
    for (uint32_t i = 0; entity && i < p->entities.n; i++)
        if (strcmp(p->entities.p[i]->table->name, entity) == 0) return i;
    return p->entities.n;
}

const strata_table *strata_previous_table(const strata_previous *previous, const char *entity)
{
    uint32_t i = number_of(previous, entity);
    if (!entity && previous->entities.n == 1) i = 0;
    return entity && i == previous->entities.n ? NULL : &previous->tables.p[i];
}

/* ---- sets ---- */

static const char *set_name(st_arena *a, const char *definition, const char *label)
{
    return label ? st_format(a, "%s=%s", definition, label) : definition;
}

static st_previous_set *set_of(strata_previous *p, st_previous_entity *e, const char *definition,
                               const char *label)
{
    const char *name = set_name(p->arena, definition, label);
    bool is_new;
    void **place = st_map_put(&p->sets, name, strlen(name), &is_new);
    if (!is_new) return *place;
    st_previous_set *s = st_new(p->arena, st_previous_set);
    s->definition = st_dup(p->arena, definition, strlen(definition));
    s->label = label ? st_dup(p->arena, label, strlen(label)) : NULL;
    s->of = e;
    s->has_keys = true;
    *st_push(p->arena, &e->sets) = s;
    *place = s;
    return s;
}

static void put(strata_previous *p, st_previous_set *s, uint32_t key)
{
    while (s->members.n <= key / 64) *(uint64_t *)st_push(p->arena, &s->members) = 0;
    uint64_t *word = &s->members.p[key / 64], bit = UINT64_C(1) << key % 64;
    s->size += !(*word & bit);
    *word |= bit;
}

bool st_previous_at(const st_previous_set *set, uint32_t i)
{
    return i / 64 < set->members.n && set->members.p[i / 64] >> i % 64 & 1;
}

bool st_previous_has(const st_previous_set *set, st_str key)
{
    const char *number = st_map_get(&set->of->keys, key.p, key.n);
    return number && st_previous_at(set, (uint32_t)((uintptr_t)number - 1));
}

static bool same_label(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Runs ask this, several at a time: nothing is made here. */
static const st_previous_set *find_named(const strata_previous *p, const st_def *d, const char *name,
                                         const char *label)
{
    uint32_t k = number_of(p, d->of->name);
    for (uint32_t i = 0; k < p->entities.n && i < p->entities.p[k]->sets.n; i++) {
        const st_previous_set *s = p->entities.p[k]->sets.p[i];
        if (strcmp(s->definition, name) == 0 && same_label(s->label, label)) return s;
    }
    return NULL;
}

const st_previous_set *st_previous_find(const strata_previous *p, const st_def *d, const char *label)
{
    const char *name = find_named(p, d, d->name, NULL) ? d->name : d->meta.formerly;
    return name ? find_named(p, d, name, label) : NULL;
}

/* The definition that is, or was, called so; NULL: none that has members. */
static const st_def *def_called(const strata_previous *p, const char *name)
{
    const st_program *schema = p->rules->schema;
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < schema->ndefs; i++) {
            const st_def *d = schema->defs[i];
            const char *its = round ? d->meta.formerly : d->name;
            if (is_set(d) && its && strcmp(its, name) == 0) return d;
        }
    return NULL;
}

/* ---- reading ---- */

typedef struct reading {
    strata_previous *p;
    st_previous_entity *e; /* NULL: of counts */
    struct ArrowArrayStream *stream;
    const char *origin;
    st_arena *work;
    enum { WIDE, LONG, COUNTS } shape;
    const strata_table *asked;
    st_program program; /* one table, of the columns that are there */
    st_table table, *tables[1];
} reading;

static bool has_column(const struct ArrowSchema *schema, const char *name)
{
    for (int64_t i = 0; i < schema->n_children; i++)
        if (schema->children[i]->name && strcmp(schema->children[i]->name, name) == 0) return true;
    return false;
}

static st_type type_named(const reading *r, const strata_column *c)
{
    st_type t = {.optional = true};
    bool key = r->e && (strcmp(c->name, r->e->table->key->name) == 0 || strcmp(c->name, "entity") == 0);
    t.base = strcmp(c->type, "bool?") == 0  ? ST_T_BOOL
             : strcmp(c->type, "int?") == 0 ? ST_T_INT
                                            : ST_T_STRING;
    if (key) t = (st_type){.base = r->e->table->key->type.base};
    if (t.base == ST_T_INT) t.digits = 19;
    return t;
}

/* Whether the column belongs to the form of the file. */
static bool belongs(const reading *r, const char *name)
{
    bool of_long = strcmp(name, "definition") == 0 || strcmp(name, "label") == 0;
    if (r->shape == WIDE) return strcmp(name, r->e->table->key->name) == 0 || def_called(r->p, name);
    return of_long || strcmp(name, r->shape == LONG ? "entity" : "customers") == 0;
}

static void find_shape(reading *r, const struct ArrowSchema *s)
{
    bool labels = has_column(s, "definition") && has_column(s, "label");
    bool key = r->e && has_column(s, r->e->table->key->name);
    if (key && !(labels && strcmp(r->e->table->key->name, "entity") == 0))
        r->shape = WIDE;
    else if (r->e && labels && has_column(s, "entity"))
        r->shape = LONG;
    else if (labels && has_column(s, "customers"))
        r->shape = COUNTS;
    else if (r->e)
        st_fail(&r->p->env, STRATA_BAD_DATA,
                "%.300s: is no earlier output: it has neither a column %s nor the columns definition and "
                "label. Name a "
                "file that -o or --counts has written.",
                r->origin, r->e->table->key->name);
    else
        st_fail(&r->p->env, STRATA_BAD_DATA,
                "%.300s: is no earlier output of rules about several entities. Name the folder that -o has "
                "written, or a "
                "file of --counts.",
                r->origin);
}

static void declare(reading *r, const struct ArrowSchema *s)
{
    st_table *t = &r->table;
    t->name = "previous";
    t->cols = st_new_n(r->work, st_col, r->asked->ncolumns);
    for (size_t i = 0; i < r->asked->ncolumns; i++) {
        const strata_column *c = &r->asked->columns[i];
        if (!has_column(s, c->name) || !belongs(r, c->name)) continue;
        st_col *col = &t->cols[t->ncols];
        *col = (st_col){
            .name = c->name, .index = t->ncols++, .table = t, .type = type_named(r, c), .used = true};
        col->key = r->shape == WIDE && strcmp(c->name, r->e->table->key->name) == 0;
        if (col->key) t->key = col;
    }
    r->tables[0] = t;
    r->program = (st_program){.arena = r->work,
                              .timezone = r->p->rules->schema->timezone,
                              .zone = r->p->rules->schema->zone,
                              .ntables = 1,
                              .tables = r->tables};
}

static const st_column *column(const reading *r, const st_data_table *t, const char *name)
{
    for (uint32_t i = 0; i < r->table.ncols; i++)
        if (strcmp(r->table.cols[i].name, name) == 0) return &t->columns[i];
    return NULL;
}

static bool known(const st_column *c, uint64_t row)
{
    return !c->known || st_bit(c->known, row);
}

static const char *text_at(reading *r, const st_column *c, uint64_t row)
{
    st_str s = st_column_text(c, row);
    return st_dup(r->work, s.p, s.n);
}

static uint32_t key_number(reading *r, const st_column *c, uint64_t row)
{
    char digits[24];
    st_str key;
    if (c->phys == ST_CODE) {
        key = st_column_text(c, row);
    } else {
        int n = snprintf(digits, sizeof digits, "%lld", (long long)st_column_i64(c, row));
        key = (st_str){digits, (uint32_t)n};
    }
    bool is_new;
    void **place = st_map_put(&r->e->keys, key.p, key.n, &is_new);
    if (is_new) *place = (void *)(uintptr_t)r->e->keys.entries.n; /* its number, counted from 1 */
    return (uint32_t)((uintptr_t)*place - 1);
}

/* A column of which nothing is known was not there. */
static void take_column(reading *r, const st_data_table *t, const st_col *col, const uint32_t *keys)
{
    const st_column *c = &t->columns[col->index];
    const st_def *d = def_called(r->p, col->name);
    if (c->missing == t->rows && t->rows) return;
    st_previous_set *whole = set_of(r->p, r->e, col->name, NULL),
                    **by_code = st_new_n(r->work, st_previous_set *, c->dict ? (size_t)c->dict->n + 1 : 1);
    for (uint32_t i = 0; has_labels(d) && i < d->labels.n; i++)
        set_of(r->p, r->e, col->name, d->labels.names[i]);
    for (uint64_t row = 0; row < t->rows; row++) {
        if (!known(c, row)) continue;
        if (!has_labels(d)) {
            if (st_bit(c->data, row)) put(r->p, whole, keys[row]);
            continue;
        }
        uint32_t code = st_column_code(c, row);
        if (!by_code[code]) by_code[code] = set_of(r->p, r->e, col->name, text_at(r, c, row));
        put(r->p, whole, keys[row]);
        put(r->p, by_code[code], keys[row]);
    }
}

static void take_wide(reading *r, const st_data_table *t)
{
    const st_column *key = column(r, t, r->e->table->key->name);
    uint32_t *keys = st_new_n(r->work, uint32_t, t->rows + 1);
    for (uint64_t row = 0; row < t->rows; row++) keys[row] = key_number(r, key, row);
    for (uint32_t i = 0; i < r->table.ncols; i++)
        if (!r->table.cols[i].key) take_column(r, t, &r->table.cols[i], keys);
}

/* The sets that a line of the long form speaks of: of the definition, and of its label. */
typedef struct line_sets {
    st_previous_set *whole, *labelled; /* NULL: none */
} line_sets;

static const line_sets *sets_of_line(reading *r, st_map *seen, const st_column *definition,
                                     const st_column *label, uint64_t row)
{
    uint32_t codes[2] = {st_column_code(definition, row), st_column_code(label, row)};
    bool is_new;
    void **place = st_map_put(seen, codes, sizeof codes, &is_new);
    if (!is_new) return *place;
    line_sets *s = st_new(r->work, line_sets);
    const char *name = text_at(r, definition, row);
    const st_def *d = def_called(r->p, name);
    if (d && (!r->e || d->of == r->e->table)) {
        st_previous_entity *e = r->p->entities.p[number_of(r->p, d->of->name)];
        s->whole = set_of(r->p, e, name, NULL);
        for (uint32_t i = 0; has_labels(d) && i < d->labels.n; i++) set_of(r->p, e, name, d->labels.names[i]);
        if (has_labels(d)) s->labelled = set_of(r->p, e, name, text_at(r, label, row));
    }
    *place = s;
    return s;
}

static void take_long(reading *r, const st_data_table *t)
{
    const st_column *key = column(r, t, "entity"), *definition = column(r, t, "definition"),
                    *label = column(r, t, "label");
    st_map seen;
    st_map_init(&seen, r->work);
    for (uint64_t row = 0; row < t->rows; row++) {
        if (!known(definition, row) || !known(label, row)) continue;
        const line_sets *s = sets_of_line(r, &seen, definition, label, row);
        if (!s->whole) continue;
        uint32_t k = key_number(r, key, row);
        put(r->p, s->whole, k);
        if (s->labelled) put(r->p, s->labelled, k);
    }
}

static void take_counts(reading *r, const st_data_table *t)
{
    const st_column *n = column(r, t, "customers"), *definition = column(r, t, "definition"),
                    *label = column(r, t, "label");
    st_map seen;
    st_map_init(&seen, r->work);
    for (uint64_t row = 0; row < t->rows; row++) {
        if (!known(definition, row) || !known(label, row) || !known(n, row)) continue;
        int64_t size = st_column_i64(n, row);
        const line_sets *sets = sets_of_line(r, &seen, definition, label, row);
        st_previous_set *s[2] = {sets->whole, sets->labelled};
        for (int i = 0; i < 2 && s[i] && size > 0; i++) s[i]->size += (uint64_t)size;
        for (int i = 0; i < 2 && s[i]; i++) s[i]->has_keys = false;
    }
}

static void read_stream(reading *r)
{
    struct ArrowSchema schema = {0};
    r->work = st_arena_new(&r->p->env);
    int code = r->stream->get_schema(r->stream, &schema);
    if (code) {
        const char *why = r->stream->get_last_error ? r->stream->get_last_error(r->stream) : NULL;
        strata_status status = code == ENOMEM   ? STRATA_NO_MEMORY
                               : code == EINVAL ? STRATA_BAD_DATA
                                                : STRATA_IO;
        st_fail(&r->p->env, status, "%.300s: %.600s", r->origin, why ? why : "the output cannot be read.");
    }
    bool ok;
    ST_GUARD(&r->p->env, ok, {
        find_shape(r, &schema);
        declare(r, &schema);
    });
    schema.release(&schema);
    if (!ok) {
        strata_error why = r->p->env.error;
        st_fail(&r->p->env, why.status, "%s", why.message);
    }
    st_binder *binder = st_binder_new(r->work, &r->program, 1);
    struct ArrowArrayStream stream = *r->stream;
    r->stream->release = NULL;
    st_bind_stream(binder, &r->table, &stream, r->origin);
    const st_data_table *t = &st_bind_finish(binder)->tables[0];
    if (r->shape == WIDE)
        take_wide(r, t);
    else if (r->shape == LONG)
        take_long(r, t);
    else
        take_counts(r, t);
    st_binder_free(binder);
}

strata_status strata_previous_bind(strata_previous *previous, const char *entity,
                                   struct ArrowArrayStream *stream, const char *origin, strata_error *error)
{
    uint32_t i = number_of(previous, entity);
    if (!entity && previous->entities.n == 1) i = 0;
    if (entity && i == previous->entities.n) {
        stream->release(stream);
        return st_api_refuse(error, STRATA_BAD_INPUT, "The rule set defines nothing about %s.", entity);
    }
    reading r = {.p = previous,
                 .e = i < previous->entities.n ? previous->entities.p[i] : NULL,
                 .stream = stream,
                 .origin = origin ? origin : "The earlier output",
                 .asked = &previous->tables.p[i]};
    reading *read = &r;
    bool ok;
    ST_GUARD(&previous->env, ok, read_stream(read));
    if (stream->release) stream->release(stream);
    if (ok) st_arena_free(r.work);
    return st_api_end(&previous->env, ok, error);
}
