#include "table/bind.h"

#include "base/text.h"
#include "base/threads.h"
#include "table/convert.h"
#include "table/derive.h"
#include "table/keys.h"

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

typedef struct table_build {
    const st_table *decl;
    bool needed, bound, visiting;
    uint64_t rows;
    ST_VEC(part) parts;
    st_col_build *cols;   /* by index; decl == NULL: not needed */
    st_room *key_room;    /* of a text key */
    st_big key_rows;      /* int32_t by code of that room's dictionary: the row with that key, or ST_NO_ROW */
    st_int_keys int_keys; /* of an int key, from finish on */
} table_build;

/* Batches are converted together, about so many rows: small ones would not be worth the threads. No more, so that a stream that reads
 * ahead does so meanwhile. */
enum { GROUP_ROWS = 1 << 17, GROUP_BATCHES = 64 };

struct st_binder {
    st_arena *arena;
    const st_program *program;
    uint32_t threads;
    table_build *tables;
    ST_VEC(st_room *) rooms;
    st_desk *desks; /* by thread */
    bool failed, finished;
    st_bind_taker taker; /* NULL: the rows are kept */
    void *taker_ctx;
    /* in hand while a stream is read */
    struct ArrowArrayStream *stream;
    struct ArrowSchema schema;
    uint32_t nbatches;
    struct ArrowArray batches[GROUP_BATCHES];
    struct ArrowArray before; /* the last of the group before, whose dictionaries may come again */
};

static st_env *env_of(const st_binder *b)
{
    return st_arena_env(b->arena);
}

static void open_desk(const st_binder *b, st_desk *desk)
{
    st_env_child(&desk->env, env_of(b));
    desk->env.limit = env_of(b)->limit;
}

static st_room *new_room(st_binder *b)
{
    st_room *room = st_new(b->arena, st_room);
    room->number = b->rooms.n;
    *(st_room **)st_push(b->arena, &b->rooms) = room;
    open_desk(b, &room->desk);
    return room;
}

/* A text of which there is one in a row: what keys and links are. */
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
    if (c->type.base != ST_T_STRING) return NULL;
    if (!is_text(c)) return new_room(b);
    if (c->key) return key_room(b, t);
    if (c->links_to && c->links_to->key && is_text(c->links_to->key))
        return key_room(b, &b->tables[c->links_to->index]);
    return new_room(b);
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
    c->phys = st_phys_of(decl->type);
    c->room = room_for(b, t, decl);
    c->arenas = st_new_n(b->arena, st_arena *, b->threads);
}

static void prepare_table(st_binder *b, table_build *t)
{
    t->cols = st_new_n(b->arena, st_col_build, t->decl->ncols);
    for (uint32_t c = 0; c < t->decl->ncols; c++)
        if (st_col_needed(b->program, &t->decl->cols[c])) prepare_column(b, t, &t->decl->cols[c]);
}

static void open_dictionary(st_room *room)
{
    st_dict_init(&room->dict, &room->desk.env);
    room->has_dict = true;
}

st_binder *st_binder_new(st_arena *a, const st_program *program, uint32_t threads)
{
    st_binder *b = st_new(a, st_binder);
    b->arena = a;
    b->program = program;
    b->threads = ST_MIN(ST_MAX(threads, 1), ST_MAX_THREADS);
    b->desks = st_new_n(a, st_desk, b->threads);
    for (uint32_t i = 0; i < b->threads; i++) open_desk(b, &b->desks[i]);
    b->tables = st_new_n(a, table_build, program->ntables);
    for (uint32_t i = 0; i < program->ntables; i++) {
        b->tables[i].decl = program->tables[i];
        b->tables[i].needed = st_table_needed(program, program->tables[i]);
    }
    for (uint32_t i = 0; i < program->ntables; i++)
        if (b->tables[i].needed) prepare_table(b, &b->tables[i]);
    return b;
}

void st_binder_hand_over(st_binder *b, st_bind_taker taker, void *ctx)
{
    b->taker = taker;
    b->taker_ctx = ctx;
}

const st_col_build *st_binder_columns(const st_binder *b, const st_table *table)
{
    return b->tables[table->index].cols;
}

void st_binder_free(st_binder *b)
{
    if (!b) return;
    for (uint32_t i = 0; i < b->rooms.n; i++) st_env_close(&b->rooms.p[i]->desk.env);
    for (uint32_t i = 0; i < b->threads; i++) st_env_close(&b->desks[i].env);
}

static void release_array(struct ArrowArray *a)
{
    if (a->release) a->release(a);
    a->release = NULL;
}

/* The last batch stays until the next group has been converted. */
static void release_group(st_binder *b)
{
    if (!b->nbatches) return;
    release_array(&b->before);
    for (uint32_t i = 0; i + 1 < b->nbatches; i++) release_array(&b->batches[i]);
    b->before = b->batches[--b->nbatches];
    b->nbatches = 0;
}

static void release_in_hand(st_binder *b)
{
    release_group(b);
    release_array(&b->before);
    if (b->schema.release) b->schema.release(&b->schema);
    if (b->stream && b->stream->release) b->stream->release(b->stream);
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
    c->nentries = 0;
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

static const char *origin_of(const table_build *t, uint64_t row, uint64_t *row_there)
{
    uint32_t i = t->parts.n - 1;
    while (t->parts.p[i].first_row > row) i--;
    *row_there = row - t->parts.p[i].first_row;
    return t->parts.p[i].origin;
}

ST_NORETURN static void duplicate_key(st_env *env, const table_build *t, uint64_t first, uint64_t second,
                                      const char *shown)
{
    uint64_t a, b;
    const char *there = origin_of(t, first, &a), *here = origin_of(t, second, &b);
    st_cell_fail(
        env, &t->cols[t->decl->key->index], here, b,
        "%s stands here a second time, after row %llu of %.200s. A key names one row: remove the others.",
        shown, (unsigned long long)a + 1, there);
}

/* `row`: of the table, that of the chunk's first. */
static void note_text_keys(table_build *t, const st_chunk *chunk, uint64_t row)
{
    st_col_build *c = &t->cols[t->decl->key->index];
    st_env *env = &c->room->desk.env;
    size_t had = t->key_rows.bytes;
    st_big_reserve(env, &t->key_rows, had, c->room->dict.n * sizeof(int32_t));
    if (t->key_rows.bytes > had) memset((char *)t->key_rows.p + had, 0xff, t->key_rows.bytes - had);
    int32_t *rows = t->key_rows.p;
    for (uint64_t i = 0; i < chunk->rows; i++) {
        char shown[ST_SHOWN];
        uint32_t code = chunk->data ? ((const uint32_t *)chunk->data)[i] : st_narrow_at(&chunk->narrow, i);
        if (rows[code] != ST_NO_ROW)
            duplicate_key(env, t, (uint64_t)rows[code], row + i,
                          st_show_text(st_dict_text(&c->room->dict, code), shown));
        rows[code] = (int32_t)(row + i);
    }
}

/* Rows of one batch of one column, which one thread converts. */
typedef struct piece {
    table_build *table;
    st_col_build *c;
    st_batch rows;
    uint64_t table_row; /* of the first */
    st_chunk *chunk;
    struct piece
        *next; /* of the same room: converted after this one by the same thread; NULL: the last, or no text */
} piece;

/* A group of batches being converted. Pieces stand in the order in which their errors count: by batch, then columns of one room side by
 * side, then by row. */
typedef struct group {
    st_binder *b;
    piece *pieces, **tasks;
    uint64_t n, ntasks;
    pthread_mutex_t lock;
    uint64_t failed; /* the first piece that did; n: none */
    strata_error error;
} group;

static void note_failure(group *g, const piece *p, const strata_error *error)
{
    uint64_t i = (uint64_t)(p - g->pieces);
    pthread_mutex_lock(&g->lock);
    if (i < g->failed) {
        g->failed = i;
        g->error = *error;
    }
    pthread_mutex_unlock(&g->lock);
}

static void convert_piece(piece *p, st_desk *desk, st_arena **arena)
{
    st_col_build *c = p->c;
    if (!*arena) *arena = st_arena_new(&desk->env);
    if (p->rows.from == 0) st_meet_dictionary(c, p->rows.array);
    p->chunk = st_convert(c, &p->rows, desk, *arena);
    if (c->decl->key && c->room) note_text_keys(p->table, p->chunk, p->table_row);
}

static bool try_piece(group *g, piece *p, uint32_t worker)
{
    st_room *room = p->c->room;
    st_desk *desk = room ? &room->desk : &g->b->desks[worker];
    st_arena **arena = &p->c->arenas[room ? 0 : worker];
    bool ok;
    ST_GUARD(&desk->env, ok, convert_piece(p, desk, arena));
    if (ok) return true;
    note_failure(g, p, &desk->env.error);
    /* what was made since is gone, and pieces before this one may still be to come */
    *arena = NULL;
    desk->wide = desk->bits = (st_big){0};
    return false;
}

static void convert_some(void *ctx, uint64_t task, st_env *env)
{
    group *g = ctx;
    piece *p = g->tasks[task];
    while (p && try_piece(g, p, env->worker)) p = p->next;
}

/* So many rows are converted together, in memory that a cache holds. */
enum { PIECE_ROWS = 1 << 14 };

static void add_pieces(group *g, table_build *t, st_col_build *c, const st_batch *batch, uint64_t table_row)
{
    for (uint64_t from = 0; from < batch->rows; from += PIECE_ROWS) {
        piece *p = &g->pieces[g->n++];
        *p = (piece){.table = t, .c = c, .rows = *batch, .table_row = table_row + from};
        p->rows.from = from;
        p->rows.first_row += from;
        p->rows.rows = ST_MIN(batch->rows - from, PIECE_ROWS);
    }
}

/* The pieces of a batch: each column, and with the first of a room all the others that are in it. */
static void add_batch(group *g, table_build *t, const st_batch *batch, uint64_t table_row)
{
    for (uint32_t i = 0; i < t->decl->ncols; i++) {
        st_col_build *c = &t->cols[i];
        if (!c->decl) continue;
        bool first = true;
        for (uint32_t k = 0; k < i; k++) first &= !c->room || t->cols[k].room != c->room;
        if (first) add_pieces(g, t, c, batch, table_row);
        for (uint32_t k = i + 1; k < t->decl->ncols && first && c->room; k++)
            if (t->cols[k].room == c->room) add_pieces(g, t, &t->cols[k], batch, table_row);
    }
}

/* Texts of one room follow each other; those tasks are the longest, and come first. */
static void make_tasks(group *g, st_arena *working)
{
    piece **last = st_new_n(working, piece *, g->b->rooms.n + 1); /* by room */
    for (uint64_t i = 0; i < g->n; i++) {
        piece *p = &g->pieces[i];
        if (!p->c->room) continue;
        piece **before = &last[p->c->room->number];
        *(*before ? &(*before)->next : &g->tasks[g->ntasks++]) = p;
        *before = p;
    }
    for (uint64_t i = 0; i < g->n; i++)
        if (!g->pieces[i].c->room) g->tasks[g->ntasks++] = &g->pieces[i];
}

static void append_chunk(st_col_build *c, st_chunk *chunk)
{
    if (c->last)
        c->last->next = chunk;
    else
        c->first = chunk;
    c->last = chunk;
    c->nchunks++;
    c->rows += chunk->rows;
    c->n += chunk->n;
    c->missing += chunk->missing;
}

static void drop_pieces(const st_binder *b, st_col_build *c)
{
    for (uint32_t i = 0; i < b->threads; i++) {
        st_arena_free(c->arenas[i]);
        c->arenas[i] = NULL;
    }
    c->first = c->last = NULL;
}

static void hand_over(st_binder *b, table_build *t, uint64_t rows)
{
    b->taker(b->taker_ctx, t->decl, t->cols, rows);
    for (uint32_t i = 0; i < t->decl->ncols; i++) {
        if (!t->cols[i].decl) continue;
        drop_pieces(b, &t->cols[i]);
        t->cols[i].nchunks = 0;
    }
}

static void convert_group(st_binder *b, reading *r)
{
    enum { WORTH_THREADS = 4096 };
    table_build *t = r->table;
    st_arena *working = st_arena_new(env_of(b));
    uint64_t npieces = 0, rows = 0;
    for (uint32_t i = 0; i < b->nbatches; i++)
        npieces += ((uint64_t)b->batches[i].length + PIECE_ROWS - 1) / PIECE_ROWS * t->decl->ncols;
    group g = {.b = b,
               .pieces = st_new_n(working, piece, npieces + 1),
               .tasks = st_new_n(working, piece *, npieces + 1),
               .failed = UINT64_MAX};
    for (uint32_t i = 0; i < b->nbatches; i++) {
        uint64_t n = (uint64_t)b->batches[i].length;
        st_batch batch = {.array = &b->batches[i],
                          .origin = r->origin,
                          .rows = n,
                          .first_row = r->rows + rows,
                          .zone = b->program->zone};
        add_batch(&g, t, &batch, t->rows + rows);
        rows += n;
    }
    make_tasks(&g, working);
    pthread_mutex_init(&g.lock, NULL);
    st_parallel(env_of(b), rows < WORTH_THREADS ? 1 : b->threads, g.ntasks, convert_some, &g);
    pthread_mutex_destroy(&g.lock);
    if (g.failed != UINT64_MAX) st_fail(env_of(b), g.error.status, "%s", g.error.message);
    for (uint64_t i = 0; i < g.n; i++) append_chunk(g.pieces[i].c, g.pieces[i].chunk);
    st_arena_free(working);
    r->rows += rows;
    t->rows += rows;
    if (b->taker) hand_over(b, t, rows);
    release_group(b);
}

/* Why no more batches are taken at the moment. */
typedef enum taken { GROUP_FULL, STREAM_ENDED, STREAM_FAILED, WRONG_COLUMNS, TOO_MANY_ROWS } taken;

/* Takes batches for a group; `code` is that of a stream that failed. */
static taken take_batches(st_binder *b, const reading *r, int *code)
{
    uint64_t rows = 0;
    while (b->nbatches < GROUP_BATCHES && rows < GROUP_ROWS) {
        struct ArrowArray *a = &b->batches[b->nbatches];
        a->release = NULL;
        *code = r->stream->get_next(r->stream, a);
        if (*code) return STREAM_FAILED;
        if (!a->release) return STREAM_ENDED;
        bool wrong = a->n_children != b->schema.n_children || a->length < 0;
        bool too_many = !wrong && (uint64_t)a->length > ST_MAX_ROWS - r->table->rows - rows;
        if (wrong || too_many || a->length == 0) release_array(a);
        if (wrong || too_many) return wrong ? WRONG_COLUMNS : TOO_MANY_ROWS;
        if (!a->release) continue;
        rows += (uint64_t)a->length;
        b->nbatches++;
    }
    return GROUP_FULL;
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
        st_room *room = t->cols[i].room;
        if (room && !room->has_dict) WITHIN(b, &room->desk.env, open_dictionary(room));
    }
    read_schema(b, r);
    for (;;) {
        int code = 0;
        taken end = take_batches(b, r, &code);
        if (b->nbatches) convert_group(b, r);
        switch (end) {
        case GROUP_FULL: break;
        case STREAM_ENDED: return;
        case STREAM_FAILED: stream_fail(b, r, code);
        case WRONG_COLUMNS:
            st_fail(env_of(b), STRATA_BAD_INPUT,
                    "%.200s: the rows do not have the columns that were announced.", r->origin);
        case TOO_MANY_ROWS:
            st_fail(env_of(b), STRATA_NO_MEMORY,
                    "%.200s: table %s has more than %d rows, the most that a table can have.", r->origin,
                    t->decl->name, ST_MAX_ROWS);
        }
    }
}

void st_bind_stream(st_binder *b, const st_table *table, struct ArrowArrayStream *stream, const char *origin)
{
    reading r = {
        .table = &b->tables[table->index], .stream = stream, .origin = origin ? origin : table->name};
    b->stream = stream;
    step(b, read_stream, &r);
}

/* ---- putting the pieces together ---- */

static bool is_value(const st_col_build *c)
{
    return c->decl->key || c->decl->used;
}

/* ---- links ---- */

/* A link column, to be turned into rows of its parent. */
typedef struct link_job {
    const st_col_build *c;
    const table_build *parent;
    int32_t *rows;
    const st_chunk **chunks;
    uint64_t *first_rows; /* by chunk */
    uint64_t *orphans;    /* likewise */
} link_job;

/* Codes become rows in place. */
static void rows_of_codes(const table_build *parent, uint64_t n, const int64_t *codes, int32_t *rows)
{
    int64_t known = (int64_t)(parent->key_rows.bytes / sizeof(int32_t));
    const int32_t *all = parent->key_rows.p;
    for (uint64_t i = 0; i < n; i++) rows[i] = codes[i] < known ? all[codes[i]] : ST_NO_ROW;
}

static void follow_chunk(void *ctx, uint64_t i, st_env *env)
{
    (void)env;
    enum { STEP = 1024 };
    const link_job *job = ctx;
    const st_chunk *k = job->chunks[i];
    int64_t keys[STEP];
    uint64_t orphans = 0;
    for (uint64_t from = 0; from < k->rows; from += STEP) {
        uint64_t n = ST_MIN(k->rows - from, STEP);
        int32_t *rows = job->rows + job->first_rows[i] + from;
        st_widen(job->c->phys, k->data, &k->narrow, from, n, keys);
        if (job->c->phys == ST_CODE)
            rows_of_codes(job->parent, n, keys, rows);
        else
            st_int_keys_find(&job->parent->int_keys, keys, n, rows);
        for (uint64_t r = 0; r < n; r++) {
            bool known = !k->known || st_bit(k->known, from + r);
            if (!known) rows[r] = ST_NO_ROW;
            orphans += known && rows[r] == ST_NO_ROW;
        }
    }
    job->orphans[i] = orphans;
}

static void join_link(st_binder *b, const st_col_build *c, st_data_table *out)
{
    size_t bytes = (size_t)c->rows * sizeof(int32_t), padded = bytes / 64 * 64 + 64;
    st_arena *working = st_arena_new(env_of(b));
    link_job job = {.c = c,
                    .parent = &b->tables[c->decl->links_to->index],
                    .rows = st_alloc_raw(b->arena, padded),
                    .chunks = st_new_n(working, const st_chunk *, c->nchunks + 1),
                    .first_rows = st_new_n(working, uint64_t, c->nchunks + 1),
                    .orphans = st_new_n(working, uint64_t, c->nchunks + 1)};
    memset((char *)job.rows + bytes, 0, padded - bytes);
    uint64_t n = 0, row = 0;
    for (const st_chunk *k = c->first; k; row += k->rows, k = k->next) {
        job.chunks[n] = k;
        job.first_rows[n++] = row;
    }
    st_parallel(env_of(b), b->threads, n, follow_chunk, &job);
    uint64_t orphans = 0;
    for (uint64_t i = 0; i < n; i++) orphans += job.orphans[i];
    out->links[c->decl->index] = job.rows;
    out->orphans[c->decl->index] = orphans;
    st_arena_free(working);
}

/* ---- finish ---- */

/* Numbers get their index; the first that stands there twice is an error. */
static void index_int_keys(st_binder *b, table_build *t, const st_column *keys)
{
    st_key_twice twice;
    st_arena *a = st_arena_new(&b->desks[0].env);
    if (st_int_keys_make(&t->int_keys, a, keys, &t->cols[t->decl->key->index], b->threads, &twice)) return;
    char shown[24];
    snprintf(shown, sizeof shown, "%lld", (long long)st_column_i64(keys, twice.second));
    duplicate_key(&b->desks[0].env, t, twice.first, twice.second, shown);
}

static void join_key(st_binder *b, table_build *t, st_data_table *out)
{
    const st_col *key = t->decl->key;
    if (!key || !t->cols[key->index].decl) return;
    st_column *column = &out->columns[key->index];
    st_join_column(b->arena, &t->cols[key->index], b->threads, column);
    if (column->phys == ST_I64) WITHIN(b, &b->desks[0].env, index_int_keys(b, t, column));
    if (!key->links_to) drop_pieces(b, &t->cols[key->index]);
}

static void join_table(st_binder *b, table_build *t, st_data_table *out)
{
    for (uint32_t i = 0; i < t->decl->ncols; i++) {
        st_col_build *c = &t->cols[i];
        if (!c->decl) continue;
        if (c->decl->links_to) join_link(b, c, out);
        if (is_value(c) && !c->decl->key) st_join_column(b->arena, c, b->threads, &out->columns[i]);
        drop_pieces(b, c);
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
