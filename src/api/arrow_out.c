#include "api/arrow_out.h"

#include "base/mem.h"

#include <errno.h>

typedef struct buffer {
    uint8_t *p;
    size_t n, room;
} buffer;

typedef struct column {
    const st_out_field *field;
    buffer validity, offsets, data;
    buffer child_offsets; /* of a list's texts, whose bytes are in data */
    int64_t rows, nulls;
    const st_out_owner
        *owner; /* whose `lent` values and bits of what is known are; NULL: the column has its own */
    const void *lent, *lent_known;
} column;

struct st_out_batch {
    strata_allocator alloc;
    bool failed;
    uint32_t ncolumns;
    column *columns;
};

/* ---- growing buffers ---- */

static void *allocate(const strata_allocator *a, size_t n)
{
    void *p = a->allocate(a->context, n);
    if (p) memset(p, 0, n);
    return p;
}

static void release(const strata_allocator *a, void *p, size_t n)
{
    if (p) a->release(a->context, p, n);
}

/* Room for `more` bytes behind the end, zeroed; NULL when memory ran out. */
static uint8_t *extend(st_out_batch *b, buffer *f, size_t more)
{
    if (f->n + more > f->room) {
        size_t room = ST_MAX(f->room * 2, f->n + more);
        room = (ST_MAX(room, 1024) + 63) / 64 * 64;
        uint8_t *p = b->failed ? NULL : allocate(&b->alloc, room);
        if (!p) {
            b->failed = true;
            return NULL;
        }
        if (f->n) memcpy(p, f->p, f->n);
        release(&b->alloc, f->p, f->room);
        f->p = p;
        f->room = room;
    }
    uint8_t *at = f->p + f->n;
    f->n += more;
    return at;
}

static void put_bytes(st_out_batch *b, buffer *f, const void *p, size_t n)
{
    uint8_t *at = extend(b, f, n);
    if (at && n) memcpy(at, p, n);
}

static void put_bit(st_out_batch *b, buffer *f, int64_t row, bool v)
{
    if ((row & 7) == 0) extend(b, f, 1);
    if (v && !b->failed) f->p[row >> 3] |= (uint8_t)(1u << (row & 7));
}

/* ---- values ---- */

static column *next_value(st_out_batch *b, uint32_t i, bool known)
{
    column *c = &b->columns[i];
    put_bit(b, &c->validity, c->rows, known);
    c->rows++;
    c->nulls += !known;
    return c;
}

/* The end of the value that was just added, behind the zero every offsets buffer begins with. */
static void put_offset(st_out_batch *b, buffer *offsets, size_t end)
{
    int32_t v = (int32_t)end;
    if (end > INT32_MAX) b->failed = true;
    if (offsets->n == 0) extend(b, offsets, sizeof v);
    put_bytes(b, offsets, &v, sizeof v);
}

static size_t child_count(const column *c)
{
    return c->child_offsets.n ? c->child_offsets.n / sizeof(int32_t) - 1 : 0;
}

/* Bytes of a value of fixed width, not of bits. */
static size_t width_of(const column *c)
{
    switch (c->field->format[0]) {
    case 'i': return 4;
    case 'd': return 16;
    case 't': return c->field->format[1] == 'd' ? 4 : 8;
    default: return 8;
    }
}

void st_out_null(st_out_batch *b, uint32_t i)
{
    column *c = next_value(b, i, false);
    switch (c->field->format[0]) {
    case 'b': put_bit(b, &c->data, c->rows - 1, false); break;
    case 'u': put_offset(b, &c->offsets, c->data.n); break;
    case '+': put_offset(b, &c->offsets, child_count(c)); break;
    default: extend(b, &c->data, width_of(c)); break;
    }
}

void st_out_bool(st_out_batch *b, uint32_t i, bool v)
{
    column *c = next_value(b, i, true);
    put_bit(b, &c->data, c->rows - 1, v);
}

void st_out_int(st_out_batch *b, uint32_t i, int64_t v)
{
    column *c = next_value(b, i, true);
    const char *format = c->field->format;
    int32_t narrow = (int32_t)v;
    if (format[0] == 'i' || (format[0] == 't' && format[1] == 'd'))
        put_bytes(b, &c->data, &narrow, sizeof narrow);
    else
        put_bytes(b, &c->data, &v, sizeof v);
}

void st_out_float(st_out_batch *b, uint32_t i, double v)
{
    put_bytes(b, &next_value(b, i, true)->data, &v, sizeof v);
}

void st_out_decimal(st_out_batch *b, uint32_t i, st_i128 v)
{
    put_bytes(b, &next_value(b, i, true)->data, &v, sizeof v);
}

void st_out_text(st_out_batch *b, uint32_t i, st_str v)
{
    column *c = next_value(b, i, true);
    put_bytes(b, &c->data, v.p, v.n);
    put_offset(b, &c->offsets, c->data.n);
}

void st_out_list(st_out_batch *b, uint32_t i, const st_str *v, uint32_t n)
{
    column *c = next_value(b, i, true);
    for (uint32_t k = 0; k < n; k++) {
        put_bytes(b, &c->data, v[k].p, v[k].n);
        put_offset(b, &c->child_offsets, c->data.n);
    }
    put_offset(b, &c->offsets, child_count(c));
}

/* ---- whole columns ---- */

void st_out_lend(st_out_batch *b, uint32_t i, const st_out_owner *owner, uint64_t rows, const void *data,
                 const uint64_t *known)
{
    column *c = &b->columns[i];
    c->rows = (int64_t)rows;
    c->owner = owner;
    c->lent = data;
    c->lent_known = known;
    for (uint64_t w = 0; known && w < (rows + 63) / 64; w++) {
        uint64_t all = rows - w * 64 < 64 ? UINT64_MAX >> (64 - (rows - w * 64)) : UINT64_MAX;
        c->nulls += __builtin_popcountll(~known[w] & all);
    }
}

void *st_out_values(st_out_batch *b, uint32_t i, uint64_t rows)
{
    column *c = &b->columns[i];
    c->rows = (int64_t)rows;
    return extend(b, &c->data, rows * width_of(c));
}

void st_out_bits(st_out_batch *b, uint32_t i, const uint64_t *bits, const uint64_t *keep, uint64_t words)
{
    column *c = &b->columns[i];
    for (uint64_t w = 0; w < words; w++)
        for (uint64_t rest = keep[w]; rest; rest &= rest - 1)
            put_bit(b, &c->data, c->rows++, bits[w] >> __builtin_ctzll(rest) & 1);
}

/* ---- batches ---- */

st_out_batch *st_out_new(const strata_allocator *alloc, const st_out_field *fields, uint32_t nfields)
{
    st_out_batch *b = allocate(alloc, sizeof *b);
    if (!b) return NULL;
    b->alloc = *alloc;
    b->ncolumns = nfields;
    b->columns = allocate(alloc, nfields * sizeof *b->columns);
    if (!b->columns) {
        release(alloc, b, sizeof *b);
        return NULL;
    }
    for (uint32_t i = 0; i < nfields; i++) b->columns[i].field = &fields[i];
    return b;
}

static void free_buffer(const strata_allocator *a, buffer *f)
{
    release(a, f->p, f->room);
    *f = (buffer){0};
}

void st_out_free(st_out_batch *b)
{
    if (!b) return;
    strata_allocator a = b->alloc;
    for (uint32_t i = 0; i < b->ncolumns; i++) {
        free_buffer(&a, &b->columns[i].validity);
        free_buffer(&a, &b->columns[i].offsets);
        free_buffer(&a, &b->columns[i].data);
        free_buffer(&a, &b->columns[i].child_offsets);
    }
    release(&a, b->columns, b->ncolumns * sizeof *b->columns);
    release(&a, b, sizeof *b);
}

uint64_t st_out_rows(const st_out_batch *b)
{
    return (uint64_t)b->columns[0].rows;
}

/* What an exported array holds until it is released. */
typedef struct held {
    strata_allocator alloc;
    buffer buffers[3];
    const void *pointers[3];
    st_out_owner owner; /* of pointers that no buffer holds; release NULL: there are none */
    uint32_t nchildren;
    struct ArrowArray *storage; /* of the children */
    struct ArrowArray **children;
} held;

static void free_held(held *h)
{
    strata_allocator a = h->alloc;
    for (int i = 0; i < 3; i++) free_buffer(&a, &h->buffers[i]);
    if (h->owner.release) h->owner.release(h->owner.context);
    release(&a, h->storage, h->nchildren * sizeof *h->storage);
    release(&a, h->children, h->nchildren * sizeof(struct ArrowArray *));
    release(&a, h, sizeof *h);
}

static void release_array(struct ArrowArray *array)
{
    for (int64_t i = 0; i < array->n_children; i++)
        if (array->children[i]->release) array->children[i]->release(array->children[i]);
    free_held(array->private_data);
    array->release = NULL;
}

/* An array with room for its children and no buffers yet; false when memory runs out. */
static bool new_array(const strata_allocator *a, uint32_t nchildren, int64_t length, int64_t nulls,
                      struct ArrowArray *array)
{
    held *h = allocate(a, sizeof *h);
    if (!h) return false;
    h->alloc = *a;
    h->nchildren = nchildren;
    if (nchildren) {
        h->storage = allocate(a, nchildren * sizeof *h->storage);
        h->children = allocate(a, nchildren * sizeof(struct ArrowArray *));
        if (!h->storage || !h->children) {
            free_held(h);
            return false;
        }
        for (uint32_t i = 0; i < nchildren; i++) h->children[i] = &h->storage[i];
    }
    *array = (struct ArrowArray){.length = length,
                                 .null_count = nulls,
                                 .n_children = nchildren,
                                 .children = h->children,
                                 .buffers = h->pointers,
                                 .release = release_array,
                                 .private_data = h};
    return true;
}

/* Moves a buffer into the array as its next one; NULL: one that is not needed (no validity). */
static void give(struct ArrowArray *array, buffer *f)
{
    held *h = array->private_data;
    int64_t k = array->n_buffers++;
    if (!f) return;
    h->buffers[k] = *f;
    h->pointers[k] = f->p;
    *f = (buffer){0};
}

static bool take_lent(st_out_batch *b, column *c, struct ArrowArray *array)
{
    if (!new_array(&b->alloc, 0, c->rows, c->nulls, array)) return false;
    held *h = array->private_data;
    h->owner = *c->owner;
    h->owner.keep(h->owner.context);
    h->pointers[0] = c->nulls ? c->lent_known : NULL;
    h->pointers[1] = c->lent;
    array->n_buffers = 2;
    c->owner = NULL;
    c->rows = c->nulls = 0;
    return true;
}

static bool take_column(st_out_batch *b, column *c, struct ArrowArray *array)
{
    if (c->owner) return take_lent(b, c, array);
    bool list = c->field->format[0] == '+';
    if (!new_array(&b->alloc, list, c->rows, c->nulls, array)) return false;
    size_t texts = child_count(c);
    give(array, c->nulls ? &c->validity : NULL);
    if (c->offsets.n) give(array, &c->offsets);
    if (list) {
        struct ArrowArray *child = array->children[0];
        if (!new_array(&b->alloc, 0, (int64_t)texts, 0, child)) return false;
        if (!c->child_offsets.n) extend(b, &c->child_offsets, sizeof(int32_t));
        give(child, NULL);
        give(child, &c->child_offsets);
        if (!c->data.p) extend(b, &c->data, 1);
        give(child, &c->data);
    } else {
        if (!c->data.p) extend(b, &c->data, 1);
        give(array, &c->data);
    }
    free_buffer(&b->alloc, &c->validity);
    c->rows = c->nulls = 0;
    return !b->failed;
}

int st_out_take(st_out_batch *b, struct ArrowArray *array)
{
    if (b->failed || !new_array(&b->alloc, b->ncolumns, b->columns[0].rows, 0, array)) return ENOMEM;
    give(array, NULL);
    for (uint32_t i = 0; i < b->ncolumns; i++) {
        if (take_column(b, &b->columns[i], array->children[i])) continue;
        b->failed = true;
        array->release(array);
        return ENOMEM;
    }
    return 0;
}

/* ---- schemas ---- */

typedef struct held_schema {
    strata_allocator alloc;
    char *name, *format;
    uint32_t nchildren;
    struct ArrowSchema *storage;
    struct ArrowSchema **children;
} held_schema;

static void release_schema(struct ArrowSchema *schema)
{
    held_schema *h = schema->private_data;
    strata_allocator a = h->alloc;
    for (uint32_t i = 0; i < h->nchildren; i++)
        if (h->storage && h->storage[i].release) h->storage[i].release(&h->storage[i]);
    if (h->name) release(&a, h->name, strlen(h->name) + 1);
    if (h->format) release(&a, h->format, strlen(h->format) + 1);
    release(&a, h->storage, h->nchildren * sizeof *h->storage);
    release(&a, h->children, h->nchildren * sizeof(struct ArrowSchema *));
    release(&a, h, sizeof *h);
    schema->release = NULL;
}

static char *copy_text(const strata_allocator *a, const char *text)
{
    size_t n = strlen(text) + 1;
    char *p = allocate(a, n);
    if (p) memcpy(p, text, n);
    return p;
}

static bool new_schema(const strata_allocator *a, const st_out_field *f, uint32_t nchildren,
                       struct ArrowSchema *schema)
{
    held_schema *h = allocate(a, sizeof *h);
    if (!h) return false;
    h->alloc = *a;
    h->nchildren = nchildren;
    h->name = copy_text(a, f->name);
    h->format = copy_text(a, f->format);
    bool good = h->name && h->format;
    if (nchildren) {
        h->storage = allocate(a, nchildren * sizeof *h->storage);
        h->children = allocate(a, nchildren * sizeof(struct ArrowSchema *));
        good = good && h->storage && h->children;
        for (uint32_t i = 0; good && i < nchildren; i++) h->children[i] = &h->storage[i];
    }
    *schema = (struct ArrowSchema){.format = h->format,
                                   .name = h->name,
                                   .flags = f->nullable ? ARROW_FLAG_NULLABLE : 0,
                                   .n_children = nchildren,
                                   .children = h->children,
                                   .release = release_schema,
                                   .private_data = h};
    if (!good) release_schema(schema);
    return good;
}

static bool make_schema(const strata_allocator *a, const st_out_field *fields, uint32_t n,
                        struct ArrowSchema *schema)
{
    static const st_out_field row = {"", "+s", false}, item = {"item", "u", false};
    if (!new_schema(a, &row, n, schema)) return false;
    bool good = true;
    for (uint32_t i = 0; good && i < n; i++) {
        bool list = fields[i].format[0] == '+';
        good = new_schema(a, &fields[i], list, schema->children[i]) &&
               (!list || new_schema(a, &item, 0, schema->children[i]->children[0]));
    }
    if (!good) schema->release(schema);
    return good;
}

/* ---- streams ---- */

typedef struct held_stream {
    strata_allocator alloc;
    const st_out_field *fields;
    uint32_t nfields;
    st_out_source source;
    st_out_batch *batch;
    const char *why;
} held_stream;

static int stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    held_stream *h = stream->private_data;
    if (make_schema(&h->alloc, h->fields, h->nfields, out)) return 0;
    h->why = "there is not enough memory";
    return ENOMEM;
}

static int stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    held_stream *h = stream->private_data;
    h->why = NULL;
    int status = h->source.fill(h->source.context, h->batch, &h->why);
    if (status != 0) return status;
    out->release = NULL;
    if (st_out_rows(h->batch) == 0 && !h->batch->failed) return 0;
    status = st_out_take(h->batch, out);
    if (status) h->why = "there is not enough memory";
    return status;
}

static const char *stream_error(struct ArrowArrayStream *stream)
{
    return ((held_stream *)stream->private_data)->why;
}

static void stream_release(struct ArrowArrayStream *stream)
{
    held_stream *h = stream->private_data;
    strata_allocator a = h->alloc;
    st_out_free(h->batch);
    if (h->source.done) h->source.done(h->source.context);
    release(&a, h, sizeof *h);
    stream->release = NULL;
}

int st_out_stream(const strata_allocator *alloc, const st_out_field *fields, uint32_t nfields,
                  st_out_source source, struct ArrowArrayStream *stream)
{
    st_env env;
    st_env_init(&env, alloc); /* for malloc's where none is given */
    alloc = &env.alloc;
    held_stream *h = allocate(alloc, sizeof *h);
    st_out_batch *batch = h ? st_out_new(alloc, fields, nfields) : NULL;
    if (!batch) {
        release(alloc, h, sizeof *h);
        if (source.done) source.done(source.context);
        return ENOMEM;
    }
    *h = (held_stream){*alloc, fields, nfields, source, batch, NULL};
    *stream = (struct ArrowArrayStream){stream_schema, stream_next, stream_error, stream_release, h};
    return 0;
}
