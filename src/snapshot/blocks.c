/* Rows on their way: dealt to parts, kept in a file that has no name any more, and read back part by part. Each part has rows in hand until
 * they make a block; a block lies in the file column by column, numbers less the least of them in as few bytes as that takes. */
#include "snapshot/parts.h"
#include "table/convert.h"

#include <errno.h>
#include <unistd.h>

enum { ROWS_A_BLOCK = 4096 };

/* ---- rows in hand ---- */

typedef struct bytes {
    char *p;
    size_t n, room;
} bytes;

typedef struct hand_column {
    bytes data; /* of bits a byte each */
    uint8_t known[ROWS_A_BLOCK];
    uint64_t *ends; /* of a list */
} hand_column;

typedef struct hand {
    st_arena *arena;
    uint32_t rows;
    hand_column *columns;
    int32_t **numbers; /* by link, then the entity */
} hand;

typedef struct block {
    uint64_t at;
    size_t bytes;
    uint32_t rows;
} block;

typedef struct part {
    hand *hand;
    uint64_t rows;
    uint64_t *values; /* by column */
    ST_VEC(block) blocks;
} part;

struct st_dealer {
    st_arena *arena;
    st_env *env;
    const st_snap_file *file;
    uint32_t ncolumns, nnumbers; /* links, and the entity */
    const st_values *shape;
    ST_VEC(part) parts;
    ST_VEC(hand *) idle;
    uint64_t end; /* of the file */
};

/* Bytes of a value in hand. */
static size_t width_of(st_phys phys)
{
    return phys == ST_BIT ? 1 : st_phys_bytes(phys);
}

st_dealer *st_dealer_new(st_arena *a, const st_snap_file *file, uint32_t ncolumns, const st_values *shape,
                         uint32_t nlinks)
{
    st_dealer *d = st_new(a, st_dealer);
    *d = (st_dealer){.arena = a,
                     .env = st_arena_env(a),
                     .file = file,
                     .ncolumns = ncolumns,
                     .nnumbers = nlinks + 1,
                     .shape = shape};
    return d;
}

static hand *new_hand(st_dealer *d)
{
    if (d->idle.n) return d->idle.p[--d->idle.n];
    hand *h = st_new(d->arena, hand);
    h->arena = d->arena;
    h->columns = st_new_n(d->arena, hand_column, d->ncolumns + 1);
    h->numbers = st_new_n(d->arena, int32_t *, d->nnumbers);
    for (uint32_t i = 0; i < d->nnumbers; i++) h->numbers[i] = st_new_n(d->arena, int32_t, ROWS_A_BLOCK);
    for (uint32_t i = 0; i < d->ncolumns; i++)
        if (d->shape[i].list) h->columns[i].ends = st_new_n(d->arena, uint64_t, ROWS_A_BLOCK);
    return h;
}

/* ---- a block in the file ---- */

/* Each column: head, known bits where some are missing, of lists their ends, values. */
typedef struct column_head {
    int64_t low;
    uint64_t n;     /* values */
    uint32_t width; /* bytes of a number; 0: bits; of 128 bits 16 */
    uint32_t some_missing;
} column_head;

static char *more(st_arena *a, bytes *b, size_t n)
{
    if (b->n + n > b->room) {
        size_t room = ST_MAX(b->room * 2, 1 << 12);
        while (room < b->n + n) room *= 2;
        char *p = st_alloc_raw(a, room);
        if (b->n) memcpy(p, b->p, b->n);
        b->p = p;
        b->room = room;
    }
    b->n += n;
    return b->p + b->n - n;
}

static int64_t number_at(const void *data, size_t width, uint64_t i)
{
    return width == 4 ? ((const int32_t *)data)[i] : ((const int64_t *)data)[i];
}

static uint32_t bytes_for(uint64_t range, size_t most)
{
    uint32_t n = range <= UINT8_MAX ? 1 : range <= UINT16_MAX ? 2 : range <= UINT32_MAX ? 4 : 8;
    return n < most ? n : (uint32_t)most;
}

#define PACK(T)                                                                                              \
    for (uint64_t i = 0; i < n; i++) {                                                                       \
        T x = (T)((uint64_t)number_at(data, width, i) - (uint64_t)head->low);                                \
        memcpy(out + i * sizeof x, &x, sizeof x);                                                            \
    }

/* Numbers of 4 or 8 bytes, less the least. */
static void pack_numbers(st_arena *a, bytes *b, const void *data, size_t width, uint64_t n, column_head *head)
{
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (uint64_t i = 0; i < n; i++) {
        int64_t x = number_at(data, width, i);
        low = ST_MIN(low, x);
        high = ST_MAX(high, x);
    }
    head->low = n ? low : 0;
    head->width = bytes_for(n ? (uint64_t)high - (uint64_t)low : 0, width);
    char *out = more(a, b, n * head->width);
    switch (head->width) {
    case 1: PACK(uint8_t); break;
    case 2: PACK(uint16_t); break;
    case 4: PACK(uint32_t); break;
    default: PACK(uint64_t); break;
    }
}

/* What is packed lies at any place. */
#define UNPACK(IN, OUT)                                                                                      \
    for (uint64_t i = 0; i < head->n; i++) {                                                                 \
        IN x;                                                                                                \
        memcpy(&x, in + i * sizeof x, sizeof x);                                                             \
        ((OUT *)data)[i] = (OUT)((uint64_t)x + (uint64_t)head->low);                                         \
    }

static void unpack_numbers(const char *in, const column_head *head, void *data, size_t width)
{
    switch (head->width) {
    case 1:
        if (width == 4)
            UNPACK(uint8_t, uint32_t)
        else
            UNPACK(uint8_t, uint64_t)
        break;
    case 2:
        if (width == 4)
            UNPACK(uint16_t, uint32_t)
        else
            UNPACK(uint16_t, uint64_t)
        break;
    case 4:
        if (width == 4)
            UNPACK(uint32_t, uint32_t)
        else
            UNPACK(uint32_t, uint64_t)
        break;
    default: UNPACK(uint64_t, uint64_t)
    }
}

static void pack_bits(st_arena *a, bytes *b, const uint8_t *from, uint64_t n)
{
    uint64_t size = (n + 7) / 8;
    char *out = more(a, b, size);
    memset(out, 0, size);
    for (uint64_t i = 0; i < n; i++)
        if (from[i]) st_bit_set(out, i);
}

static void pack_column(st_arena *a, bytes *b, const st_dealer *d, const hand *h, uint32_t column)
{
    const st_values *shape = &d->shape[column];
    const hand_column *c = &h->columns[column];
    column_head head = {.n = c->data.n / width_of(shape->phys)};
    for (uint32_t i = 0; i < h->rows && !head.some_missing; i++) head.some_missing = !c->known[i];
    size_t at = b->n;
    more(a, b, sizeof head);
    if (head.some_missing) pack_bits(a, b, c->known, h->rows);
    if (shape->list) memcpy(more(a, b, h->rows * sizeof *c->ends), c->ends, h->rows * sizeof *c->ends);
    switch (shape->phys) {
    case ST_BIT: pack_bits(a, b, (const uint8_t *)c->data.p, head.n); break;
    case ST_F64:
    case ST_I128:
        head.width = (uint32_t)width_of(shape->phys);
        if (c->data.n) memcpy(more(a, b, c->data.n), c->data.p, c->data.n);
        break;
    default: pack_numbers(a, b, c->data.p, width_of(shape->phys), head.n, &head);
    }
    memcpy(b->p + at, &head, sizeof head);
}

static void write_block(st_dealer *d, part *p)
{
    hand *h = p->hand;
    st_arena *scratch = st_arena_new(d->env);
    bytes b = {0};
    for (uint32_t i = 0; i < d->ncolumns; i++) pack_column(scratch, &b, d, h, i);
    for (uint32_t i = 0; i < d->nnumbers; i++) {
        column_head head = {.n = h->rows};
        size_t at = b.n;
        more(scratch, &b, sizeof head);
        pack_numbers(scratch, &b, h->numbers[i], 4, h->rows, &head);
        memcpy(b.p + at, &head, sizeof head);
    }
    st_snap_write(d->file, d->env, b.p, b.n, d->end);
    *(block *)st_push(d->arena, &p->blocks) = (block){d->end, b.n, h->rows};
    d->end += b.n;
    st_arena_free(scratch);
    h->rows = 0;
    for (uint32_t i = 0; i < d->ncolumns; i++) h->columns[i].data.n = 0;
}

/* ---- dealing ---- */

static void take_values(hand *h, hand_column *c, const st_values *from, const uint32_t *rows, uint32_t n)
{
    size_t width = width_of(from->phys);
    uint32_t at = h->rows;
    for (uint32_t i = 0; i < n; i++) c->known[at + i] = !from->known || st_bit(from->known, rows[i]);
    if (from->list) {
        for (uint32_t i = 0; i < n; i++) {
            int64_t first = rows[i] ? from->ends[rows[i] - 1] : 0, end = from->ends[rows[i]];
            char *out = more(h->arena, &c->data, (uint64_t)(end - first) * width);
            if (from->phys == ST_BIT)
                for (int64_t k = first; k < end; k++) out[k - first] = st_bit(from->data, (uint64_t)k);
            else if (end > first)
                memcpy(out, (const char *)from->data + (size_t)first * width, (size_t)(end - first) * width);
            c->ends[at + i] = c->data.n / width;
        }
        return;
    }
    char *out = more(h->arena, &c->data, n * width);
    switch (from->phys) {
    case ST_BIT:
        for (uint32_t i = 0; i < n; i++) out[i] = st_bit(from->data, rows[i]);
        break;
    case ST_I128:
        for (uint32_t i = 0; i < n; i++)
            memcpy(out + i * 16, (const char *)from->data + (size_t)rows[i] * 16, 16);
        break;
    case ST_I32:
    case ST_CODE:
        for (uint32_t i = 0; i < n; i++) memcpy(out + i * 4, (const uint32_t *)from->data + rows[i], 4);
        break;
    default:
        for (uint32_t i = 0; i < n; i++) memcpy(out + i * 8, (const uint64_t *)from->data + rows[i], 8);
    }
}

static void take_rows(st_dealer *d, part *p, const uint32_t *rows, uint32_t n, const st_values *columns,
                      int32_t *const *links, const int32_t *entity)
{
    hand *h = p->hand;
    for (uint32_t i = 0; i < d->ncolumns; i++) take_values(h, &h->columns[i], &columns[i], rows, n);
    for (uint32_t k = 0; k < d->nnumbers; k++) {
        const int32_t *from = k + 1 < d->nnumbers ? links[k] : entity;
        for (uint32_t i = 0; i < n; i++) h->numbers[k][h->rows + i] = from ? from[rows[i]] : ST_NO_ROW;
    }
    h->rows += n;
    p->rows += n;
}

static void give_part(st_dealer *d, part *p, const uint32_t *rows, uint32_t n, const st_values *columns,
                      int32_t *const *links, const int32_t *entity)
{
    if (!p->values) p->values = st_new_n(d->arena, uint64_t, d->ncolumns + 1);
    while (n) {
        if (!p->hand) p->hand = new_hand(d);
        uint32_t k = ST_MIN(n, ROWS_A_BLOCK - p->hand->rows);
        for (uint32_t c = 0; c < d->ncolumns; c++)
            p->values[c] -= p->hand->columns[c].data.n / width_of(d->shape[c].phys);
        take_rows(d, p, rows, k, columns, links, entity);
        for (uint32_t c = 0; c < d->ncolumns; c++)
            p->values[c] += p->hand->columns[c].data.n / width_of(d->shape[c].phys);
        if (p->hand->rows == ROWS_A_BLOCK) write_block(d, p);
        rows += k;
        n -= k;
    }
}

void st_deal(st_dealer *d, uint64_t rows, const uint32_t *part_of, const st_values *columns,
             int32_t *const *links, const int32_t *entity)
{
    uint32_t most = 0;
    for (uint64_t i = 0; i < rows; i++) most = ST_MAX(most, part_of[i]);
    while (rows && d->parts.n <= most) st_push(d->arena, &d->parts);
    st_arena *scratch = st_arena_new(d->env);
    uint32_t *order = st_alloc_raw(scratch, (size_t)rows * sizeof *order + 1);
    uint64_t *from = st_alloc_array(scratch, (size_t)most + 2, sizeof *from);
    for (uint64_t i = 0; i < rows; i++) from[part_of[i] + 1]++;
    for (uint32_t k = 0; k <= most; k++) from[k + 1] += from[k];
    for (uint64_t i = 0; i < rows; i++) order[from[part_of[i]]++] = (uint32_t)i;
    /* now from[k] is where part k ends */
    for (uint32_t k = 0; rows && k <= most; k++) {
        uint64_t begin = k ? from[k - 1] : 0;
        if (from[k] > begin)
            give_part(d, &d->parts.p[k], order + begin, (uint32_t)(from[k] - begin), columns, links, entity);
    }
    st_arena_free(scratch);
}

void st_dealer_flush(st_dealer *d)
{
    for (uint32_t i = 0; i < d->parts.n; i++) {
        part *p = &d->parts.p[i];
        if (!p->hand) continue;
        if (p->hand->rows) write_block(d, p);
        *(hand **)st_push(d->arena, &d->idle) = p->hand;
        p->hand = NULL;
    }
}

uint32_t st_dealer_parts(const st_dealer *d)
{
    return d->parts.n;
}

uint64_t st_dealer_rows(const st_dealer *d, uint32_t i)
{
    return d->parts.p[i].rows;
}

uint64_t st_dealer_values(const st_dealer *d, uint32_t i, uint32_t column)
{
    return d->parts.p[i].values ? d->parts.p[i].values[column] : 0;
}

/* ---- coming back ---- */

static void read_bytes(const st_dealer *d, st_env *env, char *to, uint64_t n, uint64_t at)
{
    while (n) {
        ssize_t k = pread(d->file->fd, to, (size_t)ST_MIN(n, UINT64_C(1) << 30), (off_t)at);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) st_snap_system(env, "read", d->file->path);
        to += k;
        at += (uint64_t)k;
        n -= (uint64_t)k;
    }
}

static void open_column(st_arena *a, st_values *v, uint64_t rows, uint64_t n)
{
    v->rows = rows;
    v->n = n;
    if (v->phys == ST_BIT)
        v->data = st_bitmap_new(a, n);
    else
        v->data = st_alloc_raw(a, (size_t)n * st_phys_bytes(v->phys) + 8);
    v->known = (uint8_t *)st_bitmap_new_full(a, rows);
    v->ends = v->list ? st_alloc_raw(a, (size_t)(rows + 1) * sizeof *v->ends) : NULL;
}

/* A column of a block to its rows [row, row + rows) and values from `value`; returns what stands behind it. */
static const char *unpack_column(const char *p, st_values *v, uint64_t row, uint32_t rows, uint64_t *value)
{
    column_head head;
    memcpy(&head, p, sizeof head);
    p += sizeof head;
    if (head.some_missing) {
        for (uint32_t i = 0; i < rows; i++)
            if (!st_bit(p, i)) st_bit_clear(v->known, row + i);
        p += (rows + 7) / 8;
    }
    if (v->list) {
        for (uint32_t i = 0; i < rows; i++) {
            uint64_t end;
            memcpy(&end, p + i * sizeof end, sizeof end);
            v->ends[row + i] = (int64_t)(*value + end);
        }
        p += rows * sizeof(uint64_t);
    }
    size_t width = st_phys_bytes(v->phys);
    char *to = (char *)v->data + *value * width;
    if (v->phys == ST_BIT)
        st_bits_copy(v->data, *value, (const uint8_t *)p, 0, head.n);
    else if (v->phys == ST_F64 || v->phys == ST_I128)
        memcpy(to, p, head.n * width);
    else
        unpack_numbers(p, &head, to, width);
    *value += head.n;
    return p + (head.width ? head.n * head.width : v->phys == ST_BIT ? (head.n + 7) / 8 : 0);
}

void st_dealer_read(const st_dealer *d, st_arena *a, uint32_t i, st_values *columns, int32_t **links,
                    int32_t **entity)
{
    const part *p = &d->parts.p[i];
    uint64_t row = 0;
    size_t largest = 0;
    uint64_t *values = st_new_n(a, uint64_t, d->ncolumns + 1);
    for (uint32_t c = 0; c < d->ncolumns; c++) {
        columns[c] = (st_values){.phys = d->shape[c].phys, .list = d->shape[c].list};
        open_column(a, &columns[c], p->rows, st_dealer_values(d, i, c));
    }
    int32_t **numbers = st_new_n(a, int32_t *, d->nnumbers);
    for (uint32_t k = 0; k < d->nnumbers; k++)
        numbers[k] = st_alloc_raw(a, (size_t)p->rows * sizeof(int32_t) + 1);
    for (uint32_t k = 0; k < p->blocks.n; k++) largest = ST_MAX(largest, p->blocks.p[k].bytes);
    char *buffer = st_alloc_raw(a, largest + 8);
    for (uint32_t k = 0; k < p->blocks.n; k++) {
        const block *b = &p->blocks.p[k];
        read_bytes(d, st_arena_env(a), buffer, b->bytes, b->at);
        const char *at = buffer;
        for (uint32_t c = 0; c < d->ncolumns; c++)
            at = unpack_column(at, &columns[c], row, b->rows, &values[c]);
        for (uint32_t m = 0; m < d->nnumbers; m++) {
            column_head head;
            memcpy(&head, at, sizeof head);
            at += sizeof head;
            unpack_numbers(at, &head, numbers[m] + row, 4);
            at += head.n * head.width;
        }
        row += b->rows;
    }
    memcpy(links, numbers, (d->nnumbers - 1) * sizeof *links);
    *entity = numbers[d->nnumbers - 1];
}
