#include "table/bind.h"

#include "table/narrow.h"

#include "base/text.h"
#include "base/threads.h"
#include "table/convert.h"
#include "table/derive.h"

#include <errno.h>
#include <stdio.h>

/* ---- what is needed ---- */

static bool any_used(const st_table *t)
{
    for (uint32_t c = 0; c < t->ncols; c++)
        if (t->cols[c].used) return true;
    return false;
}

bool st_table_needed(const st_program *program, const st_table *t)
{
    if (t->derived) return false;
    if (t->segmented || any_used(t)) return true;
    for (uint32_t i = 0; i < program->ntables; i++) {
        const st_table *child = program->tables[i];
        for (uint32_t c = 0; c < child->ncols; c++)
            if (child->cols[c].used && child->cols[c].links_to == t) return true;
    }
    return false;
}

bool st_col_needed(const st_program *program, const st_col *c)
{
    return c->used || (c->key && st_table_needed(program, c->table));
}

/* ---- the binder ---- */

/* Rows from `first_row` on came from `origin`. */
typedef struct part {
    const char *origin;
    uint64_t first_row;
} part;

/* From an int key to its row: by position where the keys lie close together, else by hash. */
typedef struct int_index {
    const int64_t *keys;
    int64_t low;
    uint64_t n; /* places in rows; a power of two where hashed */
    uint64_t seed;
    bool dense;
    int32_t *rows;
} int_index;

typedef struct table_build {
    const st_table *decl;
    bool needed, bound, visiting;
    uint64_t rows;
    ST_VEC(part) parts;
    st_col_build *cols; /* by index; decl == NULL: not needed */
    st_room *key_room;  /* of a text key */
    st_big key_rows;    /* int32_t by code of that room's dictionary: the row with that key, or ST_NO_ROW */
    uint32_t nrooms;
    st_room **rooms; /* those of its columns, each once */
    int_index index; /* of an int key, from finish on */
} table_build;

struct st_binder {
    st_arena *arena;
    const st_program *program;
    uint32_t threads;
    table_build *tables;
    ST_VEC(st_room *) rooms;
    bool failed, finished;
    /* in hand while a stream is read */
    struct ArrowArrayStream *stream;
    struct ArrowSchema schema;
    struct ArrowArray array;
};

static st_env *env_of(const st_binder *b)
{
    return st_arena_env(b->arena);
}

static st_room *new_room(st_binder *b)
{
    st_room *room = st_new(b->arena, st_room);
    *(st_room **)st_push(b->arena, &b->rooms) = room;
    st_env_child(&room->env, env_of(b));
    room->env.limit = env_of(b)->limit;
    return room;
}

static bool is_text(const st_col *c)
{
    return c->type.base == ST_T_STRING && !c->type.list;
}

/* Keys that are themselves links to another table's key share that table's dictionary. */
static st_room *key_room(st_binder *b, table_build *t)
{
    if (t->key_room) return t->key_room;
    const st_col *key = t->decl->key;
    t->visiting = true;
    table_build *parent = key->links_to ? &b->tables[key->links_to->index] : NULL;
    bool shared = parent && !parent->visiting && parent->decl->key && is_text(parent->decl->key);
    t->key_room = shared ? key_room(b, parent) : new_room(b);
    t->visiting = false;
    return t->key_room;
}

static st_room *room_for(st_binder *b, table_build *t, const st_col *c)
{
    if (!is_text(c)) return new_room(b);
    if (c->key) return key_room(b, t);
    if (c->links_to && c->links_to->key && is_text(c->links_to->key))
        return key_room(b, &b->tables[c->links_to->index]);
    return new_room(b);
}

static st_phys phys_of(st_type t)
{
    switch (t.base) {
    case ST_T_BOOL: return ST_BIT;
    case ST_T_FLOAT: return ST_F64;
    case ST_T_DECIMAL: return t.digits <= 18 ? ST_I64 : ST_I128;
    case ST_T_STRING: return ST_CODE;
    case ST_T_DATE: return ST_I32;
    default: return ST_I64;
    }
}

static void add_room(table_build *t, st_room *room)
{
    for (uint32_t i = 0; i < t->nrooms; i++)
        if (t->rooms[i] == room) return;
    t->rooms[t->nrooms++] = room;
}

static void check_link(const st_binder *b, const st_col *c)
{
    const st_col *key = c->links_to->key;
    if (!key)
        st_fail(env_of(b), STRATA_BAD_INPUT, "%s.%s links to %s, which has no key. Declare one.",
                c->table->name, c->name, c->links_to->name);
    if (key->type.base != c->type.base || c->type.list)
        st_fail(env_of(b), STRATA_BAD_INPUT,
                "%s.%s links to %s.%s, but is of another type. Declare both int, or both string.",
                c->table->name, c->name, c->links_to->name, key->name);
}

static void prepare_column(st_binder *b, table_build *t, const st_col *decl)
{
    st_col_build *c = &t->cols[decl->index];
    if (decl->links_to) check_link(b, decl);
    c->decl = decl;
    c->phys = phys_of(decl->type);
    c->room = room_for(b, t, decl);
    add_room(t, c->room);
}

static void prepare_table(st_binder *b, table_build *t)
{
    t->cols = st_new_n(b->arena, st_col_build, t->decl->ncols);
    t->rooms = st_new_n(b->arena, st_room *, t->decl->ncols);
    for (uint32_t c = 0; c < t->decl->ncols; c++)
        if (st_col_needed(b->program, &t->decl->cols[c])) prepare_column(b, t, &t->decl->cols[c]);
}

static void open_column(st_col_build *c)
{
    c->arena = st_arena_new(&c->room->env);
    if (c->phys != ST_CODE || c->room->has_dict) return;
    st_dict_init(&c->room->dict, &c->room->env);
    c->room->has_dict = true;
}

st_binder *st_binder_new(st_arena *a, const st_program *program, uint32_t threads)
{
    st_binder *b = st_new(a, st_binder);
    *b = (st_binder){.arena = a, .program = program, .threads = threads};
    b->tables = st_new_n(a, table_build, program->ntables);
    for (uint32_t i = 0; i < program->ntables; i++) {
        b->tables[i].decl = program->tables[i];
        b->tables[i].needed = st_table_needed(program, program->tables[i]);
    }
    for (uint32_t i = 0; i < program->ntables; i++)
        if (b->tables[i].needed) prepare_table(b, &b->tables[i]);
    return b;
}

void st_binder_free(st_binder *b)
{
    if (!b) return;
    for (uint32_t i = 0; i < b->rooms.n; i++) st_env_close(&b->rooms.p[i]->env);
}

static void release_in_hand(st_binder *b)
{
    if (b->array.release) b->array.release(&b->array);
    if (b->schema.release) b->schema.release(&b->schema);
    if (b->stream && b->stream->release) b->stream->release(b->stream);
    b->array.release = NULL;
    b->schema.release = NULL;
    b->stream = NULL;
}

/* Runs a step of the binder. Whatever fails, in whichever environment: what is in hand and the working memory are given
 * back, and the failure is raised in the owner's. */
static void step(st_binder *b, void (*body)(st_binder *, void *), void *ctx)
{
    st_env *env = env_of(b);
    bool ok = false, stopped = b->failed || b->finished;
    if (!stopped) ST_GUARD(env, ok, body(b, ctx));
    release_in_hand(b);
    if (ok) return;
    if (stopped)
        st_fail(env, STRATA_BAD_INPUT, "This data set takes no more: it is %s.",
                b->failed ? "incomplete after an error" : "finished");
    strata_error error = env->error;
    b->failed = true;
    st_binder_free(b);
    st_fail(env, error.status, "%s", error.message);
}

/* Runs `body` under a guard of another environment and passes its failure on to the binder's. */
#define WITHIN(b, inner, ...)                                                                                \
    do {                                                                                                     \
        bool within_ok_;                                                                                     \
        ST_GUARD((inner), within_ok_, __VA_ARGS__);                                                          \
        if (!within_ok_) st_fail(env_of(b), (inner)->error.status, "%s", (inner)->error.message);            \
    } while (0)

/* ---- a stream's schema ---- */

typedef struct reading {
    table_build *table;
    struct ArrowArrayStream *stream;
    const char *origin;
    uint64_t rows;  /* read so far */
    st_str columns; /* ST_BIND_COLUMNS */
} reading;

ST_NORETURN static void stream_fail(st_binder *b, const reading *r, int code)
{
    const char *why = r->stream->get_last_error ? r->stream->get_last_error(r->stream) : NULL;
    strata_status status = code == ENOMEM ? STRATA_NO_MEMORY : code == EINVAL ? STRATA_BAD_DATA : STRATA_IO;
    if (!why || !*why) why = "the data cannot be read.";
    bool place = strncmp(why, "row ", 4) == 0;
    st_fail(env_of(b), status, "%.200s%s %.700s", r->origin, place ? "," : ":", why);
}

static void read_metadata(const char *m, reading *r)
{
    if (!m) return;
    int32_t n, length[2];
    memcpy(&n, m, 4);
    m += 4;
    for (; n > 0; n--) {
        const char *text[2];
        for (int k = 0; k < 2; k++) {
            memcpy(&length[k], m, 4);
            text[k] = m + 4;
            m += 4 + length[k];
        }
        st_str key = {text[0], (uint32_t)length[0]}, value = {text[1], (uint32_t)length[1]};
        if (st_str_eq(key, ST_STR(ST_BIND_COLUMNS))) r->columns = value;
    }
}

static void add_name(st_arena *a, st_near *near, st_buf *all, uint32_t *n, const char *word, const char *name)
{
    enum { LISTED = 12 };
    if (*n < LISTED) st_buf_printf(a, all, "%s%.60s", *n ? ", " : "", name);
    if (*n == LISTED) st_buf_puts(a, all, " …");
    ++*n;
    st_near_add(near, word, name);
}

ST_NORETURN static void absent_column(st_binder *b, const reading *r, const st_col *c)
{
    st_arena *a = b->arena;
    st_near near = {0};
    st_buf all = {0};
    uint32_t n = 0;
    for (int64_t i = 0; i < b->schema.n_children && !r->columns.n; i++)
        add_name(a, &near, &all, &n, c->name, b->schema.children[i]->name);
    const char *end = r->columns.n ? r->columns.p + r->columns.n : NULL;
    for (const char *p = r->columns.p; p < end;) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (!stop) stop = end;
        add_name(a, &near, &all, &n, c->name, st_dup(a, p, (size_t)(stop - p)));
        p = stop + 1;
    }
    st_buf guess = {0};
    for (uint32_t i = 0; i < near.n; i++)
        st_buf_printf(a, &guess, "%s%.60s",
                      i == 0           ? " Did you mean "
                      : i + 1 < near.n ? ", "
                                       : " or ",
                      near.names[i]);
    if (near.n) st_buf_puts(a, &guess, "?");
    st_fail(env_of(b), STRATA_BAD_DATA,
            "%.200s: there is no column %s, which table %s declares. The columns are: %s.%s", r->origin,
            c->name, c->table->name, st_buf_text(a, &all), st_buf_text(a, &guess));
}

static const char *remedy_for(const st_src *found, st_type declared, char out[120])
{
    static const char *const natural[] = {
        [ST_SRC_BOOL] = "bool",          [ST_SRC_INT] = "int",     [ST_SRC_FLOAT] = "float",
        [ST_SRC_TEXT] = "string",        [ST_SRC_DATE32] = "date", [ST_SRC_DATE64] = "date",
        [ST_SRC_TIMESTAMP] = "timestamp"};
    const char *mark = declared.optional ? "?" : "", *list = found->list ? "list of " : "";
    if (found->kind == ST_SRC_DECIMAL && found->precision <= ST_DECIMAL_DIGITS && found->scale >= 0)
        snprintf(out, 120, "Declare it %sdecimal(%d,%d)%s, or convert it in the file.", list,
                 found->precision, found->scale, mark);
    else if (found->kind < ST_COUNT(natural) && natural[found->kind])
        snprintf(out, 120, "Declare it %s%s%s, or convert it in the file.", list, natural[found->kind], mark);
    else
        snprintf(out, 120, "Convert it in the file.");
    return out;
}

static void match_column(st_binder *b, const reading *r, st_col_build *c)
{
    c->child = -1;
    for (int64_t i = 0; i < b->schema.n_children; i++) {
        if (strcmp(b->schema.children[i]->name ? b->schema.children[i]->name : "", c->decl->name) != 0)
            continue;
        if (c->child >= 0)
            st_fail(env_of(b), STRATA_BAD_DATA, "%.200s: two columns are called %s. Rename one of them.",
                    r->origin, c->decl->name);
        c->child = i;
    }
    if (c->child < 0) absent_column(b, r, c->decl);
    st_src_of(b->schema.children[c->child], &c->src);
    if (st_src_accepted(&c->src, c->decl->type)) return;
    char declared[48], found[80], remedy[120];
    st_type_words(c->decl->type, declared);
    st_src_words(&c->src, found);
    st_fail(env_of(b), STRATA_BAD_DATA,
            "%.200s: column %s of table %s is declared %s, but the file has %s. %s", r->origin, c->decl->name,
            r->table->decl->name, declared, found, remedy_for(&c->src, c->decl->type, remedy));
}

static void read_schema(st_binder *b, reading *r)
{
    int code = r->stream->get_schema(r->stream, &b->schema);
    if (code) stream_fail(b, r, code);
    if (strcmp(b->schema.format, "+s") != 0)
        st_fail(env_of(b), STRATA_BAD_INPUT, "%.200s: the stream holds no table, but a single column.",
                r->origin);
    read_metadata(b->schema.metadata, r);
    for (uint32_t i = 0; i < r->table->decl->ncols; i++)
        if (r->table->cols[i].decl) match_column(b, r, &r->table->cols[i]);
}

/* ---- batches ---- */

typedef struct batch_job {
    table_build *table;
    st_batch batch;
} batch_job;

static const char *origin_of(const table_build *t, uint64_t row, uint64_t *row_there)
{
    uint32_t i = t->parts.n - 1;
    while (t->parts.p[i].first_row > row) i--;
    *row_there = row - t->parts.p[i].first_row;
    return t->parts.p[i].origin;
}

ST_NORETURN static void duplicate_key(const table_build *t, uint64_t first, uint64_t second,
                                      const char *shown)
{
    uint64_t a, b;
    const char *there = origin_of(t, first, &a), *here = origin_of(t, second, &b);
    st_cell_fail(
        &t->cols[t->decl->key->index], here, b,
        "%s stands here a second time, after row %llu of %.200s. A key names one row: remove the others.",
        shown, (unsigned long long)a + 1, there);
}

static void note_text_keys(table_build *t, const st_chunk *chunk)
{
    st_col_build *c = &t->cols[t->decl->key->index];
    size_t had = t->key_rows.bytes;
    st_big_reserve(&c->room->env, &t->key_rows, had, c->room->dict.n * sizeof(int32_t));
    if (t->key_rows.bytes > had) memset((char *)t->key_rows.p + had, 0xff, t->key_rows.bytes - had);
    int32_t *rows = t->key_rows.p;
    const uint32_t *codes = chunk->data;
    for (uint64_t i = 0; i < chunk->rows; i++) {
        char shown[ST_SHOWN];
        if (rows[codes[i]] != ST_NO_ROW)
            duplicate_key(t, (uint64_t)rows[codes[i]], t->rows + i,
                          st_show_text(st_dict_text(&c->room->dict, codes[i]), shown));
        rows[codes[i]] = (int32_t)(t->rows + i);
    }
}

static void convert_room(void *ctx, uint64_t i, st_env *env)
{
    const batch_job *job = ctx;
    table_build *t = job->table;
    st_room *room = t->rooms[i];
    bool ok;
    ST_GUARD(&room->env, ok, {
        for (uint32_t k = 0; k < t->decl->ncols; k++) {
            st_col_build *c = &t->cols[k];
            if (!c->decl || c->room != room) continue;
            const st_chunk *chunk = st_convert(c, &job->batch);
            if (c->decl->key && c->phys == ST_CODE) note_text_keys(t, chunk);
        }
    });
    if (!ok) st_fail(env, room->env.error.status, "%s", room->env.error.message);
}

static void take_batch(st_binder *b, reading *r)
{
    enum { WORTH_THREADS = 4096 };
    table_build *t = r->table;
    if (b->array.n_children != b->schema.n_children || b->array.length < 0)
        st_fail(env_of(b), STRATA_BAD_INPUT, "%.200s: the rows do not have the columns that were announced.",
                r->origin);
    uint64_t n = (uint64_t)b->array.length;
    if (n > ST_MAX_ROWS - t->rows)
        st_fail(env_of(b), STRATA_NO_MEMORY,
                "%.200s: table %s has more than %d rows, the most that a table can have.", r->origin,
                t->decl->name, ST_MAX_ROWS);
    batch_job job = {t, {&b->array, r->origin, r->rows, b->program->zone}};
    if (n) st_parallel(env_of(b), n < WORTH_THREADS ? 1 : b->threads, t->nrooms, convert_room, &job);
    r->rows += n;
    t->rows += n;
}

static void read_stream(st_binder *b, void *ctx)
{
    reading *r = ctx;
    table_build *t = r->table;
    t->bound = true;
    if (!t->needed) return;
    part *p = st_push(b->arena, &t->parts);
    r->origin = st_dup(b->arena, r->origin, strlen(r->origin));
    *p = (part){r->origin, t->rows};
    for (uint32_t i = 0; i < t->decl->ncols; i++) {
        st_col_build *c = &t->cols[i];
        if (c->decl && !c->arena) WITHIN(b, &c->room->env, open_column(c));
    }
    read_schema(b, r);
    for (;;) {
        int code = r->stream->get_next(r->stream, &b->array);
        if (code) stream_fail(b, r, code);
        if (!b->array.release) return;
        take_batch(b, r);
        b->array.release(&b->array);
        b->array.release = NULL;
    }
}

void st_bind_stream(st_binder *b, const st_table *table, struct ArrowArrayStream *stream, const char *origin)
{
    reading r = {
        .table = &b->tables[table->index], .stream = stream, .origin = origin ? origin : table->name};
    b->stream = stream;
    step(b, read_stream, &r);
}

/* ---- keys ---- */

/* The place of a key: its row, or ST_NO_ROW where it would go; NULL: outside. */
static int32_t *int_place(const int_index *x, int64_t key)
{
    if (x->dense) {
        uint64_t at = (uint64_t)key - (uint64_t)x->low;
        return at < x->n ? &x->rows[at] : NULL;
    }
    for (uint64_t i = st_hash_mix((uint64_t)key, x->seed) & (x->n - 1);; i = (i + 1) & (x->n - 1))
        if (x->rows[i] == ST_NO_ROW || x->keys[x->rows[i]] == key) return &x->rows[i];
}

static void plan_index(int_index *x, const int64_t *keys, uint64_t rows)
{
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (uint64_t i = 0; i < rows; i++) {
        low = ST_MIN(low, keys[i]);
        high = ST_MAX(high, keys[i]);
    }
    uint64_t range = rows ? (uint64_t)high - (uint64_t)low : 0;
    *x = (int_index){
        .keys = keys, .low = low, .dense = range < 4 * rows + 1024, .n = range + 1, .seed = st_hash_seed()};
    if (x->dense) return;
    x->n = 1024;
    while (x->n < 2 * rows) x->n *= 2;
}

static void index_int_keys(table_build *t, st_arena *a, const int64_t *keys)
{
    int_index *x = &t->index;
    plan_index(x, keys, t->rows);
    x->rows = st_alloc_raw(a, x->n * sizeof *x->rows);
    memset(x->rows, 0xff, x->n * sizeof *x->rows);
    for (uint64_t i = 0; i < t->rows; i++) {
        int32_t *place = int_place(x, keys[i]);
        if (*place != ST_NO_ROW) {
            char shown[24];
            snprintf(shown, sizeof shown, "%lld", (long long)keys[i]);
            duplicate_key(t, (uint64_t)*place, i, shown);
        }
        *place = (int32_t)i;
    }
}

/* ---- putting the pieces together ---- */

static void join_values(const st_col_build *c, void *data)
{
    uint64_t at = 0;
    size_t bytes = st_phys_bytes(c->phys);
    for (const st_chunk *k = c->first; k; k = k->next) {
        if (k->n && bytes)
            memcpy((char *)data + at * bytes, k->data, (size_t)k->n * bytes);
        else
            st_bits_copy(data, at, k->data, 0, k->n);
        at += k->n;
    }
}

static uint8_t *join_known(st_arena *a, const st_col_build *c)
{
    uint8_t *known = (uint8_t *)st_bitmap_new(a, c->rows);
    static const uint8_t all[64] = {
#define EIGHT 255, 255, 255, 255, 255, 255, 255, 255
        EIGHT, EIGHT, EIGHT, EIGHT, EIGHT,
        EIGHT, EIGHT, EIGHT
#undef EIGHT
    };
    uint64_t at = 0;
    for (const st_chunk *k = c->first; k; at += k->rows, k = k->next) {
        for (uint64_t i = 0; i < k->rows && !k->known; i += 512)
            st_bits_copy(known, at + i, all, 0, ST_MIN(k->rows - i, 512));
        if (k->known) st_bits_copy(known, at, k->known, 0, k->rows);
    }
    return known;
}

static int64_t *join_list(st_arena *a, const st_col_build *c)
{
    int64_t *list = st_alloc_raw(a, (c->rows + 1) * sizeof *list), base = 0;
    int64_t *to = list;
    *to++ = 0;
    for (const st_chunk *k = c->first; k; k = k->next) {
        for (uint64_t r = 0; r < k->rows; r++) *to++ = base + k->ends[r];
        base += (int64_t)k->n;
    }
    return list;
}

static void join_column(st_arena *a, const st_col_build *c, st_column *out)
{
    size_t bytes = c->phys == ST_BIT ? st_bitmap_bytes(c->n) : (size_t)c->n * st_phys_bytes(c->phys);
    size_t padded = (bytes + 63) / 64 * 64;
    char *data = st_alloc_raw(a, ST_MAX(padded, 64));
    size_t zero_from = c->phys == ST_BIT ? 0 : bytes;
    memset(data + zero_from, 0, ST_MAX(padded, 64) - zero_from);
    join_values(c, data);
    *out = (st_column){.decl = c->decl, .phys = c->phys, .n = c->n, .data = data, .missing = c->missing};
    if (c->missing) out->known = join_known(a, c);
    if (c->decl->type.list) out->list = join_list(a, c);
}

static void drop_pieces(st_col_build *c)
{
    st_arena_free(c->arena);
    c->arena = NULL;
    c->first = c->last = NULL;
}

static bool is_value(const st_col_build *c)
{
    return c->decl->key || c->decl->used;
}

/* ---- links ---- */

/* One link column, to be turned into rows of its parent. */
typedef struct link_job {
    const st_col_build *c;
    const table_build *parent;
    int32_t *rows;
    uint64_t orphans;
} link_job;

static int32_t parent_row(const link_job *job, const void *data, uint64_t i)
{
    const table_build *p = job->parent;
    if (job->c->phys == ST_CODE) {
        uint32_t code = ((const uint32_t *)data)[i];
        return code < p->key_rows.bytes / sizeof(int32_t) ? ((const int32_t *)p->key_rows.p)[code]
                                                          : ST_NO_ROW;
    }
    const int32_t *place = int_place(&p->index, ((const int64_t *)data)[i]);
    return place ? *place : ST_NO_ROW;
}

static void follow_links(void *ctx, uint64_t i, st_env *env)
{
    (void)env;
    link_job *job = &((link_job *)ctx)[i];
    uint64_t row = 0;
    for (const st_chunk *k = job->c->first; k; k = k->next) {
        for (uint64_t r = 0; r < k->rows; r++, row++) {
            bool known = !k->known || st_bit(k->known, r);
            int32_t to = known ? parent_row(job, k->data, r) : ST_NO_ROW;
            job->orphans += known && to == ST_NO_ROW;
            job->rows[row] = to;
        }
    }
}

static void join_links(st_binder *b, table_build *t, st_data_table *out)
{
    st_arena *a = b->arena;
    link_job *jobs = st_new_n(a, link_job, t->decl->ncols);
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->decl->ncols; i++) {
        st_col_build *c = &t->cols[i];
        if (!c->decl || !c->decl->links_to) continue;
        size_t bytes = (t->rows * sizeof(int32_t) + 63) / 64 * 64;
        jobs[n++] =
            (link_job){c, &b->tables[c->decl->links_to->index], st_alloc_raw(a, ST_MAX(bytes, 64)), 0};
        memset((char *)jobs[n - 1].rows + t->rows * sizeof(int32_t), 0,
               ST_MAX(bytes, 64) - t->rows * sizeof(int32_t));
    }
    st_parallel(st_arena_env(a), b->threads, n, follow_links, jobs);
    for (uint32_t i = 0; i < n; i++) {
        out->links[jobs[i].c->decl->index] = jobs[i].rows;
        out->orphans[jobs[i].c->decl->index] = jobs[i].orphans;
    }
}

/* ---- finish ---- */

static void join_key(st_binder *b, table_build *t, st_data_table *out)
{
    const st_col *key = t->decl->key;
    if (!key || !t->cols[key->index].decl) return;
    st_column *column = &out->columns[key->index];
    join_column(b->arena, &t->cols[key->index], column);
    if (column->phys != ST_I64) return;
    st_env *env = &t->cols[key->index].room->env;
    WITHIN(b, env, index_int_keys(t, st_arena_new(env), column->data));
}

static void join_table(st_binder *b, table_build *t, st_data_table *out)
{
    join_links(b, t, out);
    for (uint32_t i = 0; i < t->decl->ncols; i++) {
        st_col_build *c = &t->cols[i];
        if (!c->decl) continue;
        if (is_value(c) && !c->decl->key) join_column(b->arena, c, &out->columns[i]);
        drop_pieces(c);
    }
}

/* Every room's dictionary is copied once, for all the columns that share it. */
static void join_dictionaries(st_binder *b, st_data *data)
{
    for (uint32_t k = 0; k < b->rooms.n; k++) {
        const st_dict *dict = NULL;
        for (uint32_t i = 0; i < b->program->ntables; i++) {
            for (uint32_t c = 0;
                 c < b->program->tables[i]->ncols && b->tables[i].bound && b->tables[i].needed; c++) {
                st_column *column = &data->tables[i].columns[c];
                if (!column->decl || column->phys != ST_CODE || b->tables[i].cols[c].room != b->rooms.p[k])
                    continue;
                if (!dict) dict = st_dict_finish(&b->rooms.p[k]->dict, b->arena);
                column->dict = dict;
            }
        }
        st_dict_free(&b->rooms.p[k]->dict);
    }
}

static void check_bound(const st_binder *b)
{
    for (uint32_t i = 0; i < b->program->ntables; i++)
        if (b->tables[i].needed && !b->tables[i].bound)
            st_fail(env_of(b), STRATA_BAD_INPUT, "There is no data for table %s, which the rules read.",
                    b->tables[i].decl->name);
}

static void finish(st_binder *b, void *ctx)
{
    check_bound(b);
    uint32_t n = b->program->ntables;
    st_data *data = st_new(b->arena, st_data);
    *data = (st_data){.arena = b->arena,
                      .program = b->program,
                      .tables = st_new_n(b->arena, st_data_table, n),
                      .kept = st_new(b->arena, st_keeper)};
    pthread_mutex_init(&data->kept->lock, NULL);
    for (uint32_t i = 0; i < n; i++) {
        table_build *t = &b->tables[i];
        uint32_t ncols = t->decl->ncols + t->decl->nhidden;
        data->tables[i] = (st_data_table){.decl = t->decl,
                                          .rows = t->rows,
                                          .columns = st_new_n(b->arena, st_column, ncols),
                                          .links = st_new_n(b->arena, int32_t *, ncols),
                                          .orphans = st_new_n(b->arena, uint64_t, ncols),
                                          .bound = t->bound};
        if (t->needed) join_key(b, t, &data->tables[i]);
    }
    for (uint32_t i = 0; i < n; i++)
        if (b->tables[i].needed) join_table(b, &b->tables[i], &data->tables[i]);
    join_dictionaries(b, data);
    st_derive_tables(data, b->threads);
    st_narrow_columns(b->arena, data, b->threads);
    *(const st_data **)ctx = data;
}

const st_data *st_bind_finish(st_binder *b)
{
    const st_data *data = NULL;
    step(b, finish, (void *)&data);
    b->finished = true;
    st_binder_free(b);
    return data;
}
