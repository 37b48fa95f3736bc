/* The CSV rows of a case as an Arrow stream of text columns. It carries the mark of a file whose values are written as text, so
 * that the binding parses them as it does for CSV files. */
#include "conformance.h"

#include "table/bind.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct column {
    char *name;
    ST_VEC(int32_t) offsets;
    st_buf bytes;
    uint8_t *known;
    const void *buffers[3];
} column;

struct ct_sheet {
    st_arena *arena;
    uint32_t ncolumns;
    column *columns;
    int64_t rows;
    bool given;
    struct ArrowSchema *child_schemas, **schema_pointers;
    struct ArrowArray *child_arrays, **array_pointers;
    const void *no_buffers[1];
};
typedef struct ct_sheet sheet;

/* Everything lives in the arena of the case: a release only says so. */
static void release_schema(struct ArrowSchema *s)
{
    for (int64_t i = 0; i < s->n_children; i++) {
        if (s->children[i]->release) s->children[i]->release(s->children[i]);
    }
    s->release = NULL;
}

static void release_array(struct ArrowArray *a)
{
    for (int64_t i = 0; i < a->n_children; i++) {
        if (a->children[i]->release) a->children[i]->release(a->children[i]);
    }
    a->release = NULL;
}

static void release_stream(struct ArrowArrayStream *s)
{
    s->release = NULL;
}

static const char *last_error(struct ArrowArrayStream *s)
{
    (void)s;
    return NULL;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    sheet *s = stream->private_data;
    for (uint32_t i = 0; i < s->ncolumns; i++) {
        s->child_schemas[i] = (struct ArrowSchema){.format = "u",
                                                   .name = s->columns[i].name,
                                                   .flags = ARROW_FLAG_NULLABLE,
                                                   .release = release_schema};
        s->schema_pointers[i] = &s->child_schemas[i];
    }
    *out = (struct ArrowSchema){.format = "+s",
                                .name = "",
                                .n_children = s->ncolumns,
                                .children = s->schema_pointers,
                                .release = release_schema};
    return 0;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    sheet *s = stream->private_data;
    if (s->given) {
        memset(out, 0, sizeof *out);
        return 0;
    }
    s->given = true;
    for (uint32_t i = 0; i < s->ncolumns; i++) {
        column *c = &s->columns[i];
        c->buffers[0] = c->known;
        c->buffers[1] = c->offsets.p;
        c->buffers[2] = st_buf_text(s->arena, &c->bytes);
        s->child_arrays[i] = (struct ArrowArray){.length = s->rows,
                                                 .null_count = -1,
                                                 .n_buffers = 3,
                                                 .buffers = c->buffers,
                                                 .release = release_array};
        s->array_pointers[i] = &s->child_arrays[i];
    }
    *out = (struct ArrowArray){.length = s->rows,
                               .n_buffers = 1,
                               .n_children = s->ncolumns,
                               .buffers = s->no_buffers,
                               .children = s->array_pointers,
                               .release = release_array};
    return 0;
}

/* Reads one value; stops on the comma or line end behind it. */
static const char *read_value(st_arena *a, const char *p, st_buf *out, bool *quoted)
{
    out->n = 0;
    *quoted = *p == '"';
    if (!*quoted) {
        size_t n = strcspn(p, ",\n");
        st_buf_add(a, out, p, n);
        return p + n;
    }
    for (p++; *p; p++) {
        if (*p == '"' && p[1] != '"') return p + 1;
        p += *p == '"';
        st_buf_add(a, out, p, 1);
    }
    return p;
}

static void read_header(sheet *s, const char **p)
{
    ST_VEC(column) columns = {0};
    st_buf value = {0};
    bool quoted;
    for (;;) {
        *p = read_value(s->arena, *p, &value, &quoted);
        column *c = st_push(s->arena, &columns);
        c->name = st_dup(s->arena, st_buf_text(s->arena, &value), value.n);
        *(int32_t *)st_push(s->arena, &c->offsets) = 0;
        if (**p != ',') break;
        ++*p;
    }
    s->columns = columns.p;
    s->ncolumns = columns.n;
}

static void read_row(sheet *s, const ct_table *t, const char **p)
{
    st_buf value = {0};
    bool quoted;
    for (uint32_t i = 0; i < s->ncolumns; i++) {
        column *c = &s->columns[i];
        if (i > 0 && *(*p)++ != ',') {
            fprintf(stderr, "table %s, row %lld: too few values\n", t->name, (long long)s->rows + 1);
            exit(2);
        }
        *p = read_value(s->arena, *p, &value, &quoted);
        if (value.n > 0 || quoted) c->known[s->rows / 8] |= (uint8_t)(1u << (s->rows % 8));
        st_buf_add(s->arena, &c->bytes, st_buf_text(s->arena, &value), value.n);
        *(int32_t *)st_push(s->arena, &c->offsets) = (int32_t)c->bytes.n;
    }
    if (**p != '\n') {
        fprintf(stderr, "table %s, row %lld: too many values\n", t->name, (long long)s->rows + 1);
        exit(2);
    }
    ++*p;
    s->rows++;
}

static sheet *read_sheet(st_arena *a, const ct_table *table)
{
    sheet *s = st_new(a, sheet);
    const char *p = table->csv;
    s->arena = a;
    read_header(s, &p);
    p += *p == '\n';
    for (uint32_t i = 0; i < s->ncolumns; i++)
        s->columns[i].known = st_alloc(a, strlen(p) / 8 + 1); /* no more rows than bytes */
    while (*p) read_row(s, table, &p);
    return s;
}

const ct_sheet *ct_read_sheet(st_arena *a, const ct_table *table)
{
    return read_sheet(a, table);
}

uint32_t ct_sheet_columns(const ct_sheet *s)
{
    return s->ncolumns;
}

uint64_t ct_sheet_rows(const ct_sheet *s)
{
    return (uint64_t)s->rows;
}

const char *ct_sheet_column(const ct_sheet *s, uint32_t i)
{
    return s->columns[i].name;
}

const char *ct_sheet_value(st_arena *a, const ct_sheet *s, uint32_t i, uint64_t row)
{
    const column *c = &s->columns[i];
    if (!(c->known[row / 8] >> (row % 8) & 1)) return NULL;
    return st_dup(a, c->bytes.p + c->offsets.p[row], (size_t)(c->offsets.p[row + 1] - c->offsets.p[row]));
}

struct ArrowArrayStream ct_stream(st_arena *a, const ct_table *table)
{
    sheet *s = read_sheet(a, table);
    s->child_schemas = st_new_n(a, struct ArrowSchema, s->ncolumns);
    s->schema_pointers = st_new_n(a, struct ArrowSchema *, s->ncolumns);
    s->child_arrays = st_new_n(a, struct ArrowArray, s->ncolumns);
    s->array_pointers = st_new_n(a, struct ArrowArray *, s->ncolumns);
    return (struct ArrowArrayStream){get_schema, get_next, last_error, release_stream, s};
}
