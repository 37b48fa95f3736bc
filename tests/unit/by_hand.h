/* Arrow arrays, programs and bindings made by hand, for tests. */
#ifndef STRATA_TESTS_BY_HAND_H
#define STRATA_TESTS_BY_HAND_H

#include "table/bind.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- Arrow by hand: everything is allocated, so that a leak or a double release is seen by the sanitizers ---- */

static inline void *copy_of(const void *p, size_t n)
{
    void *q = malloc(n ? n : 1);
    if (n) memcpy(q, p, n);
    return q;
}

static inline void release_array(struct ArrowArray *a)
{
    for (int64_t i = 0; i < a->n_children; i++) {
        if (a->children[i]->release) a->children[i]->release(a->children[i]);
        free(a->children[i]);
    }
    free(a->children);
    if (a->dictionary) {
        a->dictionary->release(a->dictionary);
        free(a->dictionary);
    }
    for (int64_t i = 0; i < a->n_buffers; i++) free((void *)(uintptr_t)a->buffers[i]);
    free((void *)(uintptr_t)a->buffers);
    a->release = NULL;
}

static inline void release_schema(struct ArrowSchema *s)
{
    for (int64_t i = 0; i < s->n_children; i++) {
        if (s->children[i]->release) s->children[i]->release(s->children[i]);
        free(s->children[i]);
    }
    free(s->children);
    if (s->dictionary) {
        s->dictionary->release(s->dictionary);
        free(s->dictionary);
    }
    free((void *)(uintptr_t)s->format);
    free((void *)(uintptr_t)s->name);
    free((void *)(uintptr_t)s->metadata);
    s->release = NULL;
}

/* A column of a batch: its schema and its array. */
typedef struct piece {
    struct ArrowSchema schema;
    struct ArrowArray array;
} piece;

static inline char *text_copy(const char *z)
{
    return copy_of(z, strlen(z) + 1);
}

static inline piece bare(const char *format, const char *name, int64_t n, int64_t buffers)
{
    piece p = {0};
    p.schema.format = text_copy(format);
    p.schema.name = text_copy(name);
    p.schema.flags = ARROW_FLAG_NULLABLE;
    p.schema.release = release_schema;
    p.array.length = n;
    p.array.n_buffers = buffers;
    p.array.buffers = calloc((size_t)buffers + 1, sizeof(void *));
    p.array.release = release_array;
    return p;
}

/* valid: one character a row, '0' for missing; NULL: all are there. */
static inline void set_valid(piece *p, const char *valid)
{
    if (!valid) return;
    uint8_t *bits = calloc(1, (size_t)p->array.length / 8 + 1);
    for (int64_t i = 0; i < p->array.length; i++)
        if (valid[i] != '0')
            st_bit_set(bits, (uint64_t)i);
        else
            p->array.null_count++;
    p->array.buffers[0] = bits;
}

static inline piece plain(const char *format, const char *name, int64_t n, const void *values, size_t bytes,
                          const char *valid)
{
    piece p = bare(format, name, n, 2);
    p.array.buffers[1] = copy_of(values, bytes);
    set_valid(&p, valid);
    return p;
}

#define PLAIN(T, format, name, valid, ...)                                                                   \
    plain((format), (name), sizeof((T[]){__VA_ARGS__}) / sizeof(T), (T[]){__VA_ARGS__},                      \
          sizeof((T[]){__VA_ARGS__}), (valid))
#define INTS(name, ...) PLAIN(int64_t, "l", (name), NULL, __VA_ARGS__)

/* Texts, NULL for missing. format: u z U Z vu */
static inline piece texts_of(const char *format, const char *name, int64_t n, const char *const *values)
{
    bool view = format[0] == 'v', large = format[0] == 'U' || format[0] == 'Z';
    piece p = bare(format, name, n, view ? 4 : 3);
    size_t total = 0;
    char valid[256];
    for (int64_t i = 0; i < n; i++) {
        valid[i] = values[i] ? '1' : '0';
        total += values[i] ? strlen(values[i]) : 0;
    }
    valid[n] = 0;
    char *bytes = malloc(total + 1);
    int64_t *o8 = calloc((size_t)n * 2 + 2, 8);
    int32_t *o4 = calloc((size_t)n + 1, 4);
    size_t at = 0;
    for (int64_t i = 0; i < n; i++) {
        size_t k = values[i] ? strlen(values[i]) : 0;
        if (k) memcpy(bytes + at, values[i], k);
        if (view) {
            int32_t *v = (int32_t *)(o8 + 2 * i);
            v[0] = (int32_t)k;
            if (k && k <= 12) memcpy(v + 1, values[i], k);
            if (k > 12) v[3] = (int32_t)at;
        }
        at += k;
        o4[i + 1] = (int32_t)at;
        if (!view) o8[i + 1] = (int64_t)at;
    }
    p.array.buffers[1] = view || large ? (void *)o8 : (void *)o4;
    free(view || large ? (void *)o4 : (void *)o8);
    p.array.buffers[2] = bytes;
    if (view) p.array.buffers[3] = copy_of(&(int64_t){(int64_t)total}, 8);
    set_valid(&p, valid);
    return p;
}

#define TEXTS_AS(format, name, ...)                                                                          \
    texts_of((format), (name), sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),                       \
             (const char *[]){__VA_ARGS__})
#define TEXTS(name, ...) TEXTS_AS("u", (name), __VA_ARGS__)

static inline piece with_dictionary(piece indexes, piece values)
{
    indexes.schema.dictionary = copy_of(&values.schema, sizeof values.schema);
    indexes.array.dictionary = copy_of(&values.array, sizeof values.array);
    return indexes;
}

static inline piece list_of(const char *format, const char *name, const char *valid, int64_t n,
                            const void *offsets, size_t bytes, piece values)
{
    piece p = bare(format, name, n, offsets ? 2 : 1);
    if (offsets) p.array.buffers[1] = copy_of(offsets, bytes);
    set_valid(&p, valid);
    p.schema.n_children = p.array.n_children = 1;
    p.schema.children = calloc(1, sizeof(void *));
    p.array.children = calloc(1, sizeof(void *));
    p.schema.children[0] = copy_of(&values.schema, sizeof values.schema);
    p.array.children[0] = copy_of(&values.array, sizeof values.array);
    return p;
}

enum { MOST_BATCHES = 64 };
typedef struct batches {
    struct ArrowSchema schema;
    struct ArrowArray arrays[MOST_BATCHES];
    int n, next, fail_at; /* fail_at: the call of get_next that fails; 0: none */
} batches;

static inline int give_schema(struct ArrowArrayStream *s, struct ArrowSchema *out)
{
    batches *b = s->private_data;
    *out = b->schema;
    b->schema.release = NULL;
    return 0;
}

static inline int give_next(struct ArrowArrayStream *s, struct ArrowArray *out)
{
    batches *b = s->private_data;
    memset(out, 0, sizeof *out);
    if (b->fail_at && b->next + 1 == b->fail_at) return EIO;
    if (b->next == b->n) return 0;
    *out = b->arrays[b->next];
    b->arrays[b->next++].release = NULL;
    return 0;
}

static inline const char *last_error(struct ArrowArrayStream *s)
{
    (void)s;
    return "the disk went away.";
}

static inline void release_stream(struct ArrowArrayStream *s)
{
    batches *b = s->private_data;
    if (b->schema.release) b->schema.release(&b->schema);
    for (int i = 0; i < b->n; i++)
        if (b->arrays[i].release) b->arrays[i].release(&b->arrays[i]);
    free(b);
    s->release = NULL;
}

static inline struct ArrowArrayStream stream_of(void)
{
    batches *b = calloc(1, sizeof *b);
    return (struct ArrowArrayStream){give_schema, give_next, last_error, release_stream, b};
}

static inline void add_batch_of(struct ArrowArrayStream *s, int64_t n, const piece *pieces)
{
    batches *b = s->private_data;
    piece root = bare("+s", "", n ? pieces[0].array.length : 0, 1);
    root.schema.n_children = root.array.n_children = n;
    root.schema.children = calloc((size_t)n + 1, sizeof(void *));
    root.array.children = calloc((size_t)n + 1, sizeof(void *));
    for (int64_t i = 0; i < n; i++) {
        root.schema.children[i] = copy_of(&pieces[i].schema, sizeof pieces[i].schema);
        root.array.children[i] = copy_of(&pieces[i].array, sizeof pieces[i].array);
    }
    if (b->n == 0)
        b->schema = root.schema;
    else
        root.schema.release(&root.schema);
    b->arrays[b->n++] = root.array;
}
#define ADD_BATCH(s, ...)                                                                                    \
    add_batch_of((s), sizeof((piece[]){__VA_ARGS__}) / sizeof(piece), (piece[]){__VA_ARGS__})

static inline void add_metadata(struct ArrowArrayStream *s, const char *key, const char *value)
{
    batches *b = s->private_data;
    int32_t n = 1, k = (int32_t)strlen(key), v = (int32_t)strlen(value);
    char *m = malloc((size_t)(12 + k + v));
    memcpy(m, &n, 4);
    memcpy(m + 4, &k, 4);
    memcpy(m + 8, key, (size_t)k);
    memcpy(m + 8 + k, &v, 4);
    memcpy(m + 12 + k, value, (size_t)v);
    b->schema.metadata = m;
}

/* ---- programs by hand ---- */

typedef struct fixture {
    st_env env;
    st_arena *arena;
    st_program program;
    st_binder *binder;
    const st_data *data;
    strata_error error;
} fixture;

static inline int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    st_env_init(&f->env, NULL);
    bool ok;
    ST_GUARD(&f->env, ok, {
        f->arena = st_arena_new(&f->env);
        f->program.arena = f->arena;
        f->program.zone = st_zone_load(f->arena, "Europe/Berlin");
        f->program.tables = st_new_n(f->arena, st_table *, 8);
    });
    assert_true(ok);
    assert_non_null(f->program.zone);
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    fixture *f = *state;
    st_env_close(&f->env);
    free(f);
    return 0;
}

static inline st_table *table(fixture *f, const char *name)
{
    st_table *t = st_new(f->arena, st_table);
    t->name = name;
    t->segmented = true;
    t->index = f->program.ntables;
    t->cols = st_new_n(f->arena, st_col, 16);
    f->program.tables[f->program.ntables++] = t;
    return t;
}

static inline st_col *column(st_table *t, const char *name, st_type type)
{
    st_col *c = &t->cols[t->ncols];
    *c = (st_col){.name = name, .index = t->ncols++, .table = t, .type = type, .used = true};
    return c;
}

static const st_type INT = {.base = ST_T_INT, .digits = 19}, TEXT = {.base = ST_T_STRING},
                     DATE = {.base = ST_T_DATE}, STAMP = {.base = ST_T_TIMESTAMP},
                     REAL = {.base = ST_T_FLOAT}, TRUTH = {.base = ST_T_BOOL};

static inline st_type money(unsigned p, unsigned s)
{
    return (st_type){.base = ST_T_DECIMAL, .digits = (uint8_t)p, .scale = (uint8_t)s};
}
static inline st_type maybe(st_type t)
{
    t.optional = true;
    return t;
}
static inline st_type list(st_type t)
{
    t.list = true;
    return t;
}

static inline st_col *key(st_table *t, const char *name, st_type type)
{
    st_col *c = column(t, name, type);
    c->key = true;
    t->key = c;
    return c;
}

static inline bool bind(fixture *f, const st_table *t, struct ArrowArrayStream *s, const char *origin)
{
    bool ok;
    ST_GUARD(&f->env, ok, {
        if (!f->binder) f->binder = st_binder_new(f->arena, &f->program, 2);
        st_bind_stream(f->binder, t, s, origin);
    });
    f->error = f->env.error;
    assert_null(s->release);
    return ok;
}

static inline bool finish(fixture *f)
{
    bool ok;
    ST_GUARD(&f->env, ok, f->data = st_bind_finish(f->binder));
    f->error = f->env.error;
    return ok;
}

static inline void bind_ok(fixture *f, const st_table *t, struct ArrowArrayStream *s)
{
    if (!bind(f, t, s, "file")) fail_msg("%s", f->error.message);
}
static inline void finish_ok(fixture *f)
{
    if (!finish(f)) fail_msg("%s", f->error.message);
}

static inline void expect_error(const fixture *f, strata_status status, const char *message)
{
    assert_string_equal(f->error.message, message);
    assert_int_equal(f->error.status, status);
}

static inline const st_column *got(const fixture *f, const st_col *c)
{
    const st_column *column = &f->data->tables[c->table->index].columns[c->index];
    assert_ptr_equal(column->decl, c);
    assert_int_equal((uintptr_t)(column->data ? column->data : column->narrow.data) % 64, 0);
    return column;
}

/* n values of `width` bytes, 0 where none is known; the column may be held narrow. */
static inline void expect_values(const st_column *c, const void *want, size_t width, uint64_t n)
{
    assert_int_equal(c->n, n);
    if (c->data) {
        assert_memory_equal(c->data, want, n * width);
        return;
    }
    assert_non_null(c->narrow.data);
    assert_true(c->narrow.bytes < width && (width == 4 || width == 8));
    for (uint64_t i = 0; i < n; i++) {
        bool known = c->list || !c->known || st_bit(c->known, i);
        int64_t v = !known ? 0 : c->phys == ST_CODE ? (int64_t)st_column_code(c, i) : st_column_i64(c, i);
        unsigned char bytes[sizeof(int64_t)] = {0};
        int64_t wide;
        int32_t half;
        memcpy(bytes, (const char *)want + i * width, ST_MIN(width, sizeof bytes));
        memcpy(&wide, bytes, sizeof wide);
        memcpy(&half, bytes, sizeof half);
        assert_int_equal(v, width == 4 ? half : wide);
    }
}
#define EXPECT_VALUES(T, column, ...)                                                                        \
    do {                                                                                                     \
        const T want_[] = {__VA_ARGS__};                                                                     \
        expect_values((column), want_, sizeof *want_, ST_COUNT(want_));                                      \
    } while (0)

static inline void expect_texts(const st_column *c, const char *const *want, uint64_t n)
{
    assert_int_equal(c->phys, ST_CODE);
    assert_int_equal(c->n, n);
    for (uint64_t i = 0; i < n; i++) {
        bool known = c->list || !c->known || st_bit(c->known, i);
        if (!want[i]) {
            assert_false(known);
            continue;
        }
        assert_true(known);
        st_str s = st_column_text(c, i);
        assert_int_equal(s.n, strlen(want[i]));
        assert_memory_equal(s.p, want[i], s.n);
    }
}
#define EXPECT_TEXTS(c, ...)                                                                                 \
    expect_texts((c), (const char *[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

static inline void expect_known(const st_column *c, const char *want)
{
    for (uint64_t i = 0; want[i]; i++) assert_int_equal(!c->known || st_bit(c->known, i), want[i] == '1');
}

#endif
