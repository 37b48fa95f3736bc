/* Arrow's file format around buffers that are written later: magic, schema, dictionaries, the head of one record batch, footer. The
 * heads are flat buffers (Arrow's Message.fbs, Schema.fbs and File.fbs say which fields they have, and in which order). */
#include "snapshot/parts.h"

#include <errno.h>
#include <unistd.h>

/* ---- flat buffers: built from the end to the beginning, so that what is referred to is there before ---- */

typedef struct flat {
    st_arena *a;
    char *bytes; /* the last `used` ones are filled */
    uint32_t room, used;
} flat;

typedef uint32_t ref; /* bytes from the beginning of an object to the end of the buffer; 0: none */

static void reserve(flat *f, uint32_t n)
{
    if (f->used + n <= f->room) return;
    uint32_t room = ST_MAX(f->room * 2, 1024);
    while (room < f->used + n) room *= 2;
    char *more = st_alloc(f->a, room);
    if (f->used) memcpy(more + room - f->used, f->bytes + f->room - f->used, f->used);
    f->bytes = more;
    f->room = room;
}

static ref put(flat *f, const void *p, uint32_t n)
{
    reserve(f, n);
    f->used += n;
    if (n) memcpy(f->bytes + f->room - f->used, p, n);
    return f->used;
}

static void put_zeros(flat *f, uint32_t n)
{
    reserve(f, n);
    f->used += n;
    if (n) memset(f->bytes + f->room - f->used, 0, n);
}

/* What is put next lies at a multiple of `size` when `more` bytes have been put first. */
static void align(flat *f, uint32_t size, uint32_t more)
{
    put_zeros(f, (size - (f->used + more) % size) % size);
}

/* Numbers are little-endian, as on every machine that Strata runs on. */
static ref put_number(flat *f, uint64_t x, uint32_t bytes)
{
    align(f, bytes, 0);
    return put(f, &x, bytes);
}

static ref put_ref(flat *f, ref to)
{
    align(f, 4, 0);
    uint32_t distance = f->used + 4 - to;
    return put(f, &distance, 4);
}

static ref put_text(flat *f, const char *text)
{
    uint32_t n = (uint32_t)strlen(text);
    align(f, 4, n + 1);
    put_zeros(f, 1);
    put(f, text, n);
    return put(f, &n, 4);
}

static ref put_refs(flat *f, const ref *refs, uint32_t n)
{
    align(f, 4, 0);
    for (uint32_t i = n; i-- > 0;) put_ref(f, refs[i]);
    return put(f, &n, 4);
}

/* Structs of 64-bit numbers. */
static ref put_structs(flat *f, const void *structs, uint32_t bytes, uint32_t n)
{
    align(f, 4, bytes * n);
    align(f, 8, bytes * n);
    put(f, structs, bytes * n);
    return put(f, &n, 4);
}

enum { MOST_SLOTS = 7 };
typedef struct table {
    ref slots[MOST_SLOTS];
    uint32_t n, began;
} table;

static table begin_table(const flat *f, uint32_t n)
{
    return (table){.n = n, .began = f->used};
}

static void slot_number(flat *f, table *t, uint32_t slot, uint64_t x, uint32_t bytes)
{
    t->slots[slot] = put_number(f, x, bytes);
}

static void slot_ref(flat *f, table *t, uint32_t slot, ref to)
{
    if (to) t->slots[slot] = put_ref(f, to);
}

static ref end_table(flat *f, const table *t)
{
    int32_t nothing = 0;
    align(f, 4, 0);
    ref at = put(f, &nothing, 4);
    for (uint32_t i = t->n; i-- > 0;) {
        uint16_t place = (uint16_t)(t->slots[i] ? at - t->slots[i] : 0);
        put(f, &place, 2);
    }
    uint16_t sizes[2] = {(uint16_t)(4 + 2 * t->n), (uint16_t)(at - t->began)};
    ref slots = put(f, sizes, 4);
    int32_t distance = (int32_t)(slots - at);
    memcpy(f->bytes + f->room - at, &distance, 4);
    return at;
}

static st_str finish(flat *f, ref root)
{
    align(f, 8, 4);
    put_ref(f, root);
    return (st_str){f->bytes + f->room - f->used, f->used};
}

/* ---- the schema ---- */

enum {
    TYPE_INT = 2,
    TYPE_FLOAT = 3,
    TYPE_BOOL = 6,
    TYPE_DECIMAL = 7,
    TYPE_DATE = 8,
    TYPE_TIMESTAMP = 10,
    TYPE_LARGE_UTF8 = 20,
    TYPE_LARGE_LIST = 21
};
enum { HEADER_SCHEMA = 1, HEADER_DICTIONARY = 2, HEADER_BATCH = 3, VERSION_5 = 4 };

static ref put_int_type(flat *f, uint32_t bits, bool is_signed)
{
    table t = begin_table(f, 2);
    slot_number(f, &t, 0, bits, 4);
    slot_number(f, &t, 1, is_signed, 1);
    return end_table(f, &t);
}

static ref put_type(flat *f, const st_frame_field *field, uint8_t *which)
{
    ref zone = field->kind == ST_FRAME_TIMESTAMP ? put_text(f, "UTC") : 0;
    table t;
    switch (field->kind) {
    case ST_FRAME_UINT:
    case ST_FRAME_INT:
        *which = TYPE_INT;
        return put_int_type(f, field->width * 8u, field->kind == ST_FRAME_INT);
    case ST_FRAME_FLOAT:
        *which = TYPE_FLOAT;
        t = begin_table(f, 1);
        slot_number(f, &t, 0, 2, 2); /* double */
        return end_table(f, &t);
    case ST_FRAME_DECIMAL:
        *which = TYPE_DECIMAL;
        t = begin_table(f, 3);
        slot_number(f, &t, 0, field->digits, 4);
        slot_number(f, &t, 1, field->scale, 4);
        slot_number(f, &t, 2, field->width * 8u, 4);
        return end_table(f, &t);
    case ST_FRAME_DATE:
        *which = TYPE_DATE;
        t = begin_table(f, 1);
        slot_number(f, &t, 0, 0, 2); /* days */
        return end_table(f, &t);
    case ST_FRAME_TIMESTAMP:
        *which = TYPE_TIMESTAMP;
        t = begin_table(f, 2);
        slot_ref(f, &t, 1, zone);
        slot_number(f, &t, 0, 2, 2); /* microseconds */
        return end_table(f, &t);
    default:
        *which = field->kind == ST_FRAME_BOOL ? TYPE_BOOL : TYPE_LARGE_UTF8;
        t = begin_table(f, 0);
        return end_table(f, &t);
    }
}

static ref put_meta(flat *f, const st_frame_field *field)
{
    ref pairs[ST_COUNT(field->meta)];
    for (uint32_t i = 0; i < field->nmeta; i++) {
        ref key = put_text(f, field->meta[i][0]), value = put_text(f, field->meta[i][1]);
        table t = begin_table(f, 2);
        slot_ref(f, &t, 1, value);
        slot_ref(f, &t, 0, key);
        pairs[i] = end_table(f, &t);
    }
    return field->nmeta ? put_refs(f, pairs, field->nmeta) : 0;
}

/* The field of the values, which is the element of a list. */
static ref put_leaf(flat *f, const st_frame_field *field, uint32_t id, const char *name, bool nullable)
{
    ref text = put_text(f, name), children = put_refs(f, NULL, 0), dictionary = 0;
    ref meta = field->list ? 0 : put_meta(f, field);
    uint8_t which;
    ref type = put_type(f, field, &which);
    if (field->kind == ST_FRAME_TEXT) {
        ref index = put_int_type(f, field->width * 8u, false);
        table d = begin_table(f, 3);
        slot_number(f, &d, 0, id, 8);
        slot_ref(f, &d, 1, index);
        dictionary = end_table(f, &d);
    }
    table t = begin_table(f, 7);
    slot_ref(f, &t, 0, text);
    slot_ref(f, &t, 3, type);
    slot_ref(f, &t, 4, dictionary);
    slot_ref(f, &t, 5, children);
    slot_ref(f, &t, 6, meta);
    slot_number(f, &t, 2, which, 1);
    slot_number(f, &t, 1, nullable, 1);
    return end_table(f, &t);
}

static ref put_field(flat *f, const st_frame_field *field, uint32_t id)
{
    if (!field->list) return put_leaf(f, field, id, field->name, field->missing > 0);
    ref child = put_leaf(f, field, id, "item", false);
    ref text = put_text(f, field->name), children = put_refs(f, &child, 1), meta = put_meta(f, field);
    table l = begin_table(f, 0);
    ref type = end_table(f, &l);
    table t = begin_table(f, 7);
    slot_ref(f, &t, 0, text);
    slot_ref(f, &t, 3, type);
    slot_ref(f, &t, 5, children);
    slot_ref(f, &t, 6, meta);
    slot_number(f, &t, 2, TYPE_LARGE_LIST, 1);
    slot_number(f, &t, 1, field->missing > 0, 1);
    return end_table(f, &t);
}

static ref put_schema(flat *f, const st_frame *frame)
{
    ref *fields = st_new_n(f->a, ref, frame->nfields + 1);
    for (uint32_t i = 0; i < frame->nfields; i++) fields[i] = put_field(f, &frame->fields[i], i);
    ref all = put_refs(f, fields, frame->nfields);
    table t = begin_table(f, 2);
    slot_ref(f, &t, 1, all);
    return end_table(f, &t);
}

/* ---- messages ---- */

static st_str message(flat *f, ref header, uint8_t which, uint64_t body)
{
    table t = begin_table(f, 4);
    slot_number(f, &t, 3, body, 8);
    slot_ref(f, &t, 2, header);
    slot_number(f, &t, 0, VERSION_5, 2);
    slot_number(f, &t, 1, which, 1);
    return finish(f, end_table(f, &t));
}

/* The head of rows: for each array how many values and how many missing ones, for each buffer its place in the body. */
typedef struct rows_head {
    uint64_t rows;
    uint32_t nnodes, nbuffers;
    int64_t (*nodes)[2];
    st_snap_place *buffers;
    uint64_t body; /* bytes */
} rows_head;

static rows_head rows_head_new(st_arena *a, uint64_t rows, uint32_t nfields)
{
    rows_head h = {.rows = rows};
    h.nodes = st_alloc_array(a, 2 * (size_t)nfields + 1, sizeof *h.nodes);
    h.buffers = st_alloc_array(a, 4 * (size_t)nfields + 3, sizeof *h.buffers);
    return h;
}

static void add_node(rows_head *h, uint64_t n, uint64_t missing)
{
    h->nodes[h->nnodes][0] = (int64_t)n;
    h->nodes[h->nnodes++][1] = (int64_t)missing;
}

/* Behind every buffer lie zeros, at least as many as a kernel may read too far. */
static st_snap_place add_buffer(rows_head *h, uint64_t bytes)
{
    st_snap_place p = {h->body, bytes};
    if (bytes) h->body += (bytes + 2 * ST_SNAP_ALIGN - 1) / ST_SNAP_ALIGN * ST_SNAP_ALIGN;
    return h->buffers[h->nbuffers++] = p;
}

static ref put_rows_head(flat *f, const rows_head *h)
{
    ref buffers = put_structs(f, h->buffers, sizeof *h->buffers, h->nbuffers);
    ref nodes = put_structs(f, h->nodes, sizeof *h->nodes, h->nnodes);
    table t = begin_table(f, 3);
    slot_number(f, &t, 0, h->rows, 8);
    slot_ref(f, &t, 2, buffers);
    slot_ref(f, &t, 1, nodes);
    return end_table(f, &t);
}

static uint64_t bits(uint64_t n)
{
    return (n + 7) / 8;
}

/* Places count from the beginning of the body here. */
static void add_field(rows_head *h, st_frame_field *field, uint64_t rows)
{
    add_node(h, rows, field->missing);
    field->known = add_buffer(h, field->missing ? bits(rows) : 0);
    if (field->list) {
        field->offsets = add_buffer(h, (rows + 1) * sizeof(int64_t));
        add_node(h, field->n, 0);
        add_buffer(h, 0);
    }
    field->data = add_buffer(h, field->width ? field->n * field->width : bits(field->n));
}

/* ---- the file ---- */

typedef struct block {
    int64_t at;
    int32_t head, nothing;
    int64_t body;
} block;

typedef struct writing {
    const st_snap_file *file;
    st_arena *a;
    uint64_t at;
} writing;

static void write_on(writing *w, const void *bytes, uint64_t n)
{
    if (n) st_snap_write(w->file, w->file->env, bytes, n, w->at);
    w->at += n;
}

/* The head of a message such that what follows lies at a multiple of the alignment. */
static block write_message(writing *w, st_str head, uint64_t body)
{
    uint64_t end = (w->at + 8 + head.n + ST_SNAP_ALIGN - 1) / ST_SNAP_ALIGN * ST_SNAP_ALIGN;
    block b = {(int64_t)w->at, (int32_t)(end - w->at), 0, (int64_t)body};
    uint32_t prefix[2] = {UINT32_MAX, (uint32_t)(b.head - 8)};
    write_on(w, prefix, sizeof prefix);
    write_on(w, head.p, head.n);
    w->at = end;
    return b;
}

static block write_dictionary(writing *w, st_frame_field *field, uint32_t id)
{
    flat f = {.a = w->a};
    const st_dict *d = field->dict;
    rows_head h = rows_head_new(w->a, d->n, 1);
    add_node(&h, d->n, 0);
    add_buffer(&h, 0);
    st_snap_place offsets = add_buffer(&h, (d->n + (uint64_t)1) * sizeof *d->offsets);
    st_snap_place bytes = add_buffer(&h, d->offsets[d->n]);
    ref rows = put_rows_head(&f, &h);
    table t = begin_table(&f, 2);
    slot_number(&f, &t, 0, id, 8);
    slot_ref(&f, &t, 1, rows);
    block b = write_message(w, message(&f, end_table(&f, &t), HEADER_DICTIONARY, h.body), h.body);
    field->dict_offsets = (st_snap_place){w->at + offsets.at, offsets.bytes};
    field->dict_bytes = (st_snap_place){w->at + bytes.at, bytes.bytes};
    st_snap_write(w->file, w->file->env, d->offsets, offsets.bytes, field->dict_offsets.at);
    if (bytes.bytes) st_snap_write(w->file, w->file->env, d->bytes, bytes.bytes, field->dict_bytes.at);
    w->at += h.body;
    return b;
}

static void settle(st_snap_place *p, uint64_t body)
{
    p->at = p->bytes ? p->at + body : 0;
}

static block write_batch_head(writing *w, st_frame *frame)
{
    flat f = {.a = w->a};
    rows_head h = rows_head_new(w->a, frame->rows, frame->nfields);
    for (uint32_t i = 0; i < frame->nfields; i++) add_field(&h, &frame->fields[i], frame->rows);
    block b = write_message(w, message(&f, put_rows_head(&f, &h), HEADER_BATCH, h.body), h.body);
    for (uint32_t i = 0; i < frame->nfields; i++) {
        settle(&frame->fields[i].known, w->at);
        settle(&frame->fields[i].offsets, w->at);
        settle(&frame->fields[i].data, w->at);
    }
    w->at += h.body;
    return b;
}

static void write_footer(writing *w, st_frame *frame, const block *dictionaries, uint32_t n,
                         const block *rows)
{
    static const uint32_t end_of_stream[2] = {UINT32_MAX, 0};
    write_on(w, end_of_stream, sizeof end_of_stream);
    flat f = {.a = w->a};
    ref schema = put_schema(&f, frame);
    ref batches = put_structs(&f, rows, sizeof *rows, 1);
    ref dicts = put_structs(&f, dictionaries, sizeof *dictionaries, n);
    table t = begin_table(&f, 4);
    slot_ref(&f, &t, 3, batches);
    slot_ref(&f, &t, 2, dicts);
    slot_ref(&f, &t, 1, schema);
    slot_number(&f, &t, 0, VERSION_5, 2);
    st_str footer = finish(&f, end_table(&f, &t));
    write_on(w, footer.p, footer.n);
    write_on(w, &footer.n, sizeof footer.n);
    write_on(w, "ARROW1", 6);
    frame->footer = footer.n;
    frame->check = st_crc32c(footer.p, footer.n);
}

void st_frame_write(const st_snap_file *file, st_frame *frame)
{
    writing w = {file, st_arena_new(file->env), 0};
    flat f = {.a = w.a};
    write_on(&w, "ARROW1\0\0", 8);
    write_message(&w, message(&f, put_schema(&f, frame), HEADER_SCHEMA, 0), 0);
    block *dictionaries = st_new_n(w.a, block, frame->nfields + 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < frame->nfields; i++)
        if (frame->fields[i].kind == ST_FRAME_TEXT)
            dictionaries[n++] = write_dictionary(&w, &frame->fields[i], i);
    block rows = write_batch_head(&w, frame);
    write_footer(&w, frame, dictionaries, n, &rows);
    frame->size = w.at;
    st_arena_free(w.a);
}

/* ---- bytes to the disk ---- */

void st_snap_system(st_env *env, const char *what, const char *path)
{
    st_fail(env, STRATA_IO, "%.400s cannot be %s: %s.", path, what, strerror(errno));
}

void st_snap_write(const st_snap_file *f, st_env *env, const void *bytes, uint64_t n, uint64_t at)
{
    const char *p = bytes;
    while (n) {
        ssize_t k = pwrite(f->fd, p, (size_t)ST_MIN(n, UINT64_C(1) << 30), (off_t)at);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) st_snap_system(env, "written", f->path);
        p += k;
        at += (uint64_t)k;
        n -= (uint64_t)k;
    }
}
