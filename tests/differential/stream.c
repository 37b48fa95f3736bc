#include "stream.h"

#include "table/bind.h"

#include <stdlib.h>

typedef struct text_stream {
    const sample_table *table;
    uint32_t next, batch;
} text_stream;

static void *need(void *p)
{
    if (!p) abort();
    return p;
}

static void release_schema(struct ArrowSchema *s)
{
    for (int64_t i = 0; i < s->n_children; i++) {
        if (s->children[i]->release) s->children[i]->release(s->children[i]);
        free(s->children[i]);
    }
    free(s->children);
    s->release = NULL;
}

static void release_array(struct ArrowArray *x)
{
    for (int64_t i = 0; i < x->n_buffers; i++) free((void *)(uintptr_t)x->buffers[i]);
    free(x->buffers);
    for (int64_t i = 0; i < x->n_children; i++) {
        if (x->children[i]->release) x->children[i]->release(x->children[i]);
        free(x->children[i]);
    }
    free(x->children);
    x->release = NULL;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    const sample_table *t = ((text_stream *)stream->private_data)->table;
    *out = (struct ArrowSchema){.format = "+s", .name = "", .n_children = t->ncols};
    out->release = release_schema;
    out->children = need(calloc(t->ncols, sizeof *out->children));
    for (uint32_t c = 0; c < t->ncols; c++) {
        out->children[c] = need(calloc(1, sizeof **out->children));
        *out->children[c] = (struct ArrowSchema){
            .format = "u", .name = t->cols[c], .flags = ARROW_FLAG_NULLABLE, .release = release_schema};
    }
    return 0;
}

static void fill_column(const sample_table *t, uint32_t c, uint32_t from, uint32_t n, struct ArrowArray *out)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < n; i++) bytes += t->rows.p[from + i][c] ? strlen(t->rows.p[from + i][c]) : 0;
    uint8_t *known = need(calloc(1, n / 8 + 1));
    int32_t *offsets = need(calloc(n + 1, sizeof *offsets));
    char *text = need(malloc(bytes + 1));
    *out = (struct ArrowArray){.length = n, .n_buffers = 3, .release = release_array};
    for (uint32_t i = 0; i < n; i++) {
        const char *cell = t->rows.p[from + i][c];
        size_t size = cell ? strlen(cell) : 0;
        if (cell) known[i / 8] |= (uint8_t)(1u << (i % 8));
        if (cell) memcpy(text + offsets[i], cell, size);
        out->null_count += !cell;
        offsets[i + 1] = offsets[i] + (int32_t)size;
    }
    out->buffers = need(calloc(3, sizeof *out->buffers));
    out->buffers[0] = known;
    out->buffers[1] = offsets;
    out->buffers[2] = text;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    text_stream *s = stream->private_data;
    const sample_table *t = s->table;
    uint32_t n = ST_MIN(s->batch, t->rows.n - s->next);
    *out = (struct ArrowArray){0};
    if (n == 0) return 0;
    *out = (struct ArrowArray){.length = n, .n_buffers = 1, .n_children = t->ncols, .release = release_array};
    out->buffers = need(calloc(1, sizeof *out->buffers));
    out->children = need(calloc(t->ncols, sizeof *out->children));
    for (uint32_t c = 0; c < t->ncols; c++) {
        out->children[c] = need(calloc(1, sizeof **out->children));
        fill_column(t, c, s->next, n, out->children[c]);
    }
    s->next += n;
    return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return NULL;
}

static void release_stream(struct ArrowArrayStream *stream)
{
    free(stream->private_data);
    stream->release = NULL;
}

void sample_stream(const sample_table *t, uint32_t batch, struct ArrowArrayStream *out)
{
    text_stream *s = need(malloc(sizeof *s));
    *s = (text_stream){t, 0, batch};
    *out = (struct ArrowArrayStream){.get_schema = get_schema,
                                     .get_next = get_next,
                                     .get_last_error = get_last_error,
                                     .release = release_stream,
                                     .private_data = s};
}
