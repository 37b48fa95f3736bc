/* CSV and JSON lines. */
#include "io/parts.h"

#include "base/calendar.h"
#include "base/decimal.h"
#include "base/mem.h"
#include "table/arrow.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct text_column {
    const char *name; /* as the header or the object has it: quoted, in JSON with the colon */
    st_src src;
} text_column;

typedef struct text_writer {
    st_env env;
    st_arena *arena;
    st_out_file *file;
    bool json;
    int64_t ncolumns;
    text_column *columns;
    char *p; /* what is not yet written: [0, n) of cap */
    size_t n, cap;
} text_writer;

enum { FULL = 1 << 20, FIRST_SIZE = FULL + (1 << 16) };

/* ---- bytes ---- */

static char *room(text_writer *w, size_t n)
{
    if (w->cap - w->n < n) {
        size_t cap = w->cap;
        while (cap - w->n < n) cap *= 2;
        st_arena *bigger = st_arena_new(&w->env);
        char *p = st_alloc_raw(bigger, cap);
        memcpy(p, w->p, w->n);
        st_arena_free(w->arena);
        w->arena = bigger;
        w->p = p;
        w->cap = cap;
    }
    return w->p + w->n;
}

static void put(text_writer *w, const char *p, size_t n)
{
    memcpy(room(w, n), p, n);
    w->n += n;
}
static void put_char(text_writer *w, char c)
{
    *room(w, 1) = c;
    w->n++;
}
#define PUT(w, literal) put((w), (literal), sizeof(literal) - 1)

static void put_csv_text(text_writer *w, st_str s)
{
    bool plain = s.n > 0 && s.p[0] != ' ' && s.p[s.n - 1] != ' ';
    for (uint32_t i = 0; i < s.n && plain; i++)
        plain = s.p[i] != ',' && s.p[i] != '"' && s.p[i] != '\n' && s.p[i] != '\r';
    if (plain) {
        put(w, s.p, s.n);
        return;
    }
    char *to = room(w, 2 * (size_t)s.n + 2), *start = to;
    *to++ = '"';
    for (uint32_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"') *to++ = '"';
        *to++ = s.p[i];
    }
    *to++ = '"';
    w->n += (size_t)(to - start);
}

static void put_json_text(text_writer *w, st_str s)
{
    static const char hex[] = "0123456789abcdef";
    char *to = room(w, 6 * (size_t)s.n + 2), *start = to;
    *to++ = '"';
    for (uint32_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        const char *named = c == '"'    ? "\""
                            : c == '\\' ? "\\"
                            : c == '\n' ? "n"
                            : c == '\r' ? "r"
                            : c == '\t' ? "t"
                                        : NULL;
        if (named) {
            *to++ = '\\';
            *to++ = *named;
        } else if (c < 32) {
            memcpy(to, "\\u00", 4);
            to[4] = hex[c >> 4];
            to[5] = hex[c & 15];
            to += 6;
        } else {
            *to++ = (char)c;
        }
    }
    *to++ = '"';
    w->n += (size_t)(to - start);
}

static void put_text(text_writer *w, st_str s)
{
    if (w->json)
        put_json_text(w, s);
    else
        put_csv_text(w, s);
}

static void put_int(text_writer *w, int64_t v)
{
    char *to = room(w, 24), digits[24];
    int n = 0;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do digits[n++] = (char)('0' + u % 10);
    while (u /= 10);
    if (v < 0) *to++ = '-';
    for (int i = n; i > 0;) *to++ = digits[--i];
    w->n += (size_t)n + (v < 0);
}

static void put_time(text_writer *w, const st_src *s, int64_t v)
{
    int64_t per_day = s->per_second * 86400, day = v / per_day - (v % per_day < 0), rest = v - day * per_day;
    char date[ST_TIME_TEXT], *to = room(w, 2 * ST_TIME_TEXT);
    st_format_date(day, date);
    int64_t second = rest / s->per_second, fraction = rest % s->per_second;
    int n = snprintf(to, 2 * ST_TIME_TEXT, "%sT%02d:%02d:%02d", date, (int)(second / 3600),
                     (int)(second / 60 % 60), (int)(second % 60));
    if (fraction) {
        to[n++] = '.';
        for (int64_t unit = s->per_second / 10; unit; unit /= 10)
            to[n++] = (char)('0' + fraction / unit % 10);
    }
    if (s->zoned) to[n++] = 'Z';
    w->n += (size_t)n;
}

/* ---- values ---- */

ST_NORETURN static void damaged(text_writer *w)
{
    st_fail(&w->env, STRATA_INTERNAL, "Rows to be written are damaged.");
}

/* A value of which it is known that it is there; false: it turned out to be missing after all. */
static bool put_value(text_writer *w, const st_src *s, const struct ArrowArray *a, int64_t at)
{
    char text[ST_TIME_TEXT];
    st_i128 x;
    st_str str;
    switch (s->kind) {
    case ST_SRC_BOOL:
        if (st_bit(a->buffers[1], (uint64_t)at))
            PUT(w, "true");
        else
            PUT(w, "false");
        return true;
    case ST_SRC_INT:
        if (s->width < 8 || s->is_signed) {
            put_int(w, st_src_int(a->buffers[1], s->width, s->is_signed, at));
            return true;
        } /* fall through */
    case ST_SRC_DECIMAL:
        if (!st_src_exact(s, a, at, &x) || !st_dec_fits(x)) damaged(w);
        w->n += st_dec_format(x, s->kind == ST_SRC_INT ? 0 : (unsigned)s->scale, room(w, ST_DECIMAL_TEXT));
        return true;
    case ST_SRC_FLOAT: {
        double v = st_src_float(s, a, at);
        if (!isfinite(v)) return false;
        w->n += st_double_format(v, room(w, ST_DECIMAL_TEXT));
        return true;
    }
    case ST_SRC_TEXT: {
        st_text_found found = st_src_text(s, a, at, &str);
        if (found == ST_TEXT_BROKEN) damaged(w);
        if (found == ST_TEXT_THERE) put_text(w, str);
        return found == ST_TEXT_THERE;
    }
    case ST_SRC_DATE32:
    case ST_SRC_DATE64: {
        int64_t ms = INT64_C(86400000),
                v = s->kind == ST_SRC_DATE32 ? 0 : ((const int64_t *)a->buffers[1])[at];
        st_format_date(
            s->kind == ST_SRC_DATE32 ? ((const int32_t *)a->buffers[1])[at] : v / ms - (v % ms < 0), text);
        if (w->json) put_char(w, '"');
        put(w, text, strlen(text));
        if (w->json) put_char(w, '"');
        return true;
    }
    case ST_SRC_TIMESTAMP:
        if (w->json) put_char(w, '"');
        put_time(w, s, ((const int64_t *)a->buffers[1])[at]);
        if (w->json) put_char(w, '"');
        return true;
    default: return false;
    }
}

static void put_json_list(text_writer *w, const st_src *s, const struct ArrowArray *child, int64_t from,
                          int64_t to)
{
    put_char(w, '[');
    for (int64_t i = from; i < to; i++) {
        if (i > from) put_char(w, ',');
        int64_t at = child->offset + i;
        if (!st_src_known(child, at) || !put_value(w, s, child, at)) PUT(w, "null");
    }
    put_char(w, ']');
}

static bool fits_csv_list(st_str s)
{
    static const char blanks[] = " \t\r\n\v\f";
    return s.n && !memchr(s.p, ';', s.n) && !strchr(blanks, s.p[0]) && !strchr(blanks, s.p[s.n - 1]);
}

/* Puts what was written since `start` into quotes where a value would have to be. */
static void quote_since(text_writer *w, size_t start)
{
    size_t n = w->n - start;
    room(w, 2 * n + 2);
    put_csv_text(w, (st_str){w->p + start, (uint32_t)n});
    memmove(w->p + start, w->p + start + n, w->n - start - n);
    w->n -= n;
}

/* Values with semicolons between them; what could not be read back is refused. */
static void put_csv_list(text_writer *w, const st_src *s, const struct ArrowArray *child, int64_t from,
                         int64_t to)
{
    size_t start = w->n;
    for (int64_t i = from; i < to; i++) {
        int64_t at = child->offset + i;
        st_str str = {0};
        if (!st_src_known(child, at)) continue;
        if (w->n > start) put_char(w, ';');
        if (s->kind != ST_SRC_TEXT) {
            put_value(w, s, child, at);
            continue;
        }
        if (st_src_text(s, child, at, &str) != ST_TEXT_THERE) damaged(w);
        if (!fits_csv_list(str))
            st_fail(&w->env, STRATA_BAD_DATA,
                    "A list has an empty text, a text with a semicolon or with blanks around it: CSV cannot "
                    "hold that. "
                    "Write Parquet or JSON lines.");
        put(w, str.p, str.n);
    }
    quote_since(w, start);
}

static bool put_field(text_writer *w, const text_column *c, const struct ArrowArray *a, int64_t at)
{
    if (!st_src_known(a, at)) return false;
    if (!c->src.list) return put_value(w, &c->src, a, at);
    int64_t from, to;
    if (!st_src_range(&c->src, a, at, &from, &to)) damaged(w);
    (w->json ? put_json_list : put_csv_list)(w, &c->src, a->children[0], from, to);
    return true;
}

/* ---- rows ---- */

static void flush(text_writer *w)
{
    strata_error error;
    size_t n = w->n;
    w->n = 0;
    strata_status status = st_out_write(w->file, w->p, n, &error);
    if (status) st_fail(&w->env, status, "%s", error.message);
}

static void put_row(text_writer *w, const struct ArrowArray *batch, int64_t row)
{
    if (w->json) put_char(w, '{');
    for (int64_t i = 0; i < w->ncolumns; i++) {
        const struct ArrowArray *a = batch->children[i];
        if (i) put_char(w, ',');
        if (w->json) put(w, w->columns[i].name, strlen(w->columns[i].name));
        if (!put_field(w, &w->columns[i], a, batch->offset + a->offset + row) && w->json) PUT(w, "null");
    }
    if (w->json) put_char(w, '}');
    put_char(w, '\n');
    if (w->n >= FULL) flush(w);
}

static strata_status outcome(const text_writer *w, bool ok, strata_error *error)
{
    return ok ? STRATA_OK : st_io_fail(error, w->env.error.status, "%s", w->env.error.message);
}

static strata_status write_batch(void *state, struct ArrowArray *batch, strata_error *error)
{
    text_writer *w = state;
    bool ok;
    ST_GUARD(&w->env, ok, {
        if (batch->n_children != w->ncolumns) damaged(w);
        for (int64_t row = 0; row < batch->length; row++) put_row(w, batch, row);
    });
    batch->release(batch);
    return outcome(w, ok, error);
}

static strata_status finish_text(void *state, strata_error *error)
{
    text_writer *w = state;
    bool ok;
    ST_GUARD(&w->env, ok, flush(w));
    return outcome(w, ok, error);
}

static void free_text(void *state)
{
    text_writer *w = state;
    st_env_close(&w->env);
    free(w);
}

/* ---- the beginning ---- */

static void prepare_column(text_writer *w, st_arena *a, const struct ArrowSchema *schema, text_column *c)
{
    st_src_of(schema, &c->src);
    bool huge = c->src.kind == ST_SRC_DECIMAL && (c->src.scale < 0 || c->src.scale > ST_DECIMAL_DIGITS);
    if (c->src.kind == ST_SRC_OTHER || huge)
        st_fail(&w->env, STRATA_BAD_INPUT, "Column %.80s holds values that %s cannot hold. Write Parquet.",
                schema->name, w->json ? "JSON lines" : "CSV");
    size_t start = w->n;
    put_text(w, st_str_of(schema->name));
    if (w->json) put_char(w, ':');
    c->name = st_dup(a, w->p + start, w->n - start);
    w->n = start;
}

static void prepare(text_writer *w, const struct ArrowSchema *schema)
{
    st_arena *a = st_arena_new(&w->env);
    w->arena = st_arena_new(&w->env);
    w->p = st_alloc_raw(w->arena, FIRST_SIZE);
    w->cap = FIRST_SIZE;
    w->ncolumns = schema->n_children;
    w->columns = st_new_n(a, text_column, (size_t)schema->n_children);
    for (int64_t i = 0; i < w->ncolumns; i++) prepare_column(w, a, schema->children[i], &w->columns[i]);
    for (int64_t i = 0; i < w->ncolumns && !w->json; i++) {
        if (i) put_char(w, ',');
        put(w, w->columns[i].name, strlen(w->columns[i].name));
    }
    if (!w->json) put_char(w, '\n');
}

strata_status st_text_writer_new(st_io_format format, struct ArrowSchema *schema, st_out_file *file,
                                 st_io_way *way, void **state, strata_error *error)
{
    *way = (st_io_way){write_batch, finish_text, free_text};
    text_writer *w = calloc(1, sizeof *w);
    if (!w) return st_io_fail(error, STRATA_NO_MEMORY, "Out of memory.");
    *state = w;
    w->file = file;
    w->json = format == ST_IO_JSONL;
    st_env_init(&w->env, NULL);
    bool ok;
    ST_GUARD(&w->env, ok, prepare(w, schema));
    return outcome(w, ok, error);
}
