/* Lists: keys kept by hand in a file beside the rules, one a line.
 *
 * The file is CSV. With one column it may begin with the name of the key column; with several it has to say in its first line
 * which of them holds the keys. Lines without anything are passed over. */
#include "sema/check.h"

#include <stdlib.h>

typedef struct reader {
    st_checker *c;
    const st_def *d;
    const char *path;
    st_span span; /* of the file's name in the rules */
    const char *p, *end;
    uint32_t line; /* of the record in hand */
    uint32_t next; /* line that p stands in */
} reader;

/* A value of a record; of one that is not there `n` stays as it was. */
typedef struct field {
    st_str text;
    bool quoted;
} field;

static bool refuse(reader *r, const char *what)
{
    st_err(r->c, ST_MSG_LIST_KEY, r->span, r->path, st_format(r->c->a, "%u", r->line), what, r->d->of->name);
    return false;
}

static bool is_blank(char ch)
{
    return ch == ' ' || ch == '\t';
}

static void end_line(reader *r)
{
    if (r->p < r->end && *r->p == '\r') r->p++;
    if (r->p < r->end && *r->p == '\n') r->p++;
    r->next++;
}

static bool at_line_end(const reader *r)
{
    return r->p == r->end || *r->p == '\n' || *r->p == '\r';
}

/* "…" with "" for a quotation mark; p stands on the first mark. */
static bool read_quoted(reader *r, st_str *out)
{
    const char *start = ++r->p;
    bool doubled = false;
    for (; r->p < r->end; r->p++) {
        if (*r->p == '\n') r->next++;
        if (*r->p != '"') continue;
        if (r->p + 1 == r->end || r->p[1] != '"') break;
        doubled = true;
        r->p++;
    }
    if (r->p == r->end) return refuse(r, "a quotation mark is opened and never closed");
    *out = (st_str){start, (uint32_t)(r->p++ - start)};
    if (!doubled) return true;
    st_buf b = {0};
    for (uint32_t i = 0; i < out->n; i++) {
        if (start[i] == '"') i++;
        st_buf_add(r->c->a, &b, &start[i], 1);
    }
    *out = (st_str){b.p, b.n};
    return true;
}

static bool read_field(reader *r, field *out)
{
    while (r->p < r->end && is_blank(*r->p)) r->p++;
    out->quoted = r->p < r->end && *r->p == '"';
    if (out->quoted) {
        if (!read_quoted(r, &out->text)) return false;
        while (r->p < r->end && is_blank(*r->p)) r->p++;
        if (!at_line_end(r) && *r->p != ',') return refuse(r, "something stands behind a quotation mark");
        return true;
    }
    const char *start = r->p;
    while (!at_line_end(r) && *r->p != ',') r->p++;
    const char *stop = r->p;
    while (stop > start && is_blank(stop[-1])) stop--;
    out->text = (st_str){start, (uint32_t)(stop - start)};
    return true;
}

/* The next record that is not an empty line: its field number `want`, how many it has, and whether one of them is called `name`
 * (NULL: not asked; *named is its number). n is 0 at the end. False: reported. */
static bool read_record(reader *r, uint32_t want, field *out, uint32_t *n, const char *name, uint32_t *named)
{
    *out = (field){{"", 0}, false};
    for (*n = 0; r->p < r->end; end_line(r)) {
        r->line = r->next;
        field f;
        for (bool more = true; more; (*n)++) {
            if (!read_field(r, &f)) return false;
            if (*n == want) *out = f;
            if (name && st_str_eq(f.text, st_str_of(name))) *named = *n;
            more = r->p < r->end && *r->p == ',';
            if (more) r->p++;
        }
        bool empty = *n == 1 && !f.text.n && !f.quoted;
        if (!empty) {
            end_line(r);
            return true;
        }
        *n = 0;
    }
    return true;
}

/* ---- keys ---- */

typedef struct keys {
    ST_VEC(int64_t) ints;
    ST_VEC(st_str) texts;
} keys;

static bool add_key(reader *r, const field *f, keys *out)
{
    st_checker *c = r->c;
    if (!f->text.n && !f->quoted) return refuse(r, "the key is not there");
    if (out->ints.n + out->texts.n == ST_MAX_LIST_KEYS) {
        st_err(c, ST_MSG_TOO_MANY, r->span, "keys", r->d->name, "10,000,000");
        return false;
    }
    if (r->d->of->key->type.base == ST_T_STRING) {
        *st_push(c->a, &out->texts) = f->text;
        return true;
    }
    st_i128 v;
    unsigned scale;
    if (!st_dec_parse(f->text, false, &v, &scale) || scale || v < INT64_MIN || v > INT64_MAX)
        return refuse(
            r, st_format(c->a, "\"%.*s\" is no whole number", (int)ST_MIN(f->text.n, 100u), f->text.p));
    *st_push(c->a, &out->ints) = (int64_t)v;
    return true;
}

static bool read_keys(reader *r, keys *out)
{
    const char *key = r->d->of->key->name;
    uint32_t n, column = UINT32_MAX;
    field f;
    if (!read_record(r, 0, &f, &n, key, &column)) return false;
    bool header = column != UINT32_MAX, single = n == 1;
    if (n > 1 && !header) {
        st_err(r->c, ST_MSG_LIST_COLUMNS, r->span, r->path, key);
        return false;
    }
    if (!header) column = 0;
    if (n && !header && !add_key(r, &f, out)) return false;
    for (;;) {
        if (!read_record(r, column, &f, &n, NULL, NULL)) return false;
        if (!n) return true;
        if (single && n > 1) return refuse(r, "there is more than one value");
        if (!add_key(r, &f, out)) return false;
    }
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int by_bytes(const void *a, const void *b)
{
    return st_str_cmp(*(const st_str *)a, *(const st_str *)b);
}

/* In order, each once; the number of those that were there more than once. */
static uint32_t settle(st_list *list, keys *k)
{
    uint32_t n = k->ints.n + k->texts.n, kept = 0;
    if (k->ints.n) qsort(k->ints.p, n, sizeof *k->ints.p, by_number);
    if (k->texts.n) qsort(k->texts.p, n, sizeof *k->texts.p, by_bytes);
    for (uint32_t i = 0; i < n; i++) {
        if (k->ints.n) {
            if (!kept || k->ints.p[kept - 1] != k->ints.p[i]) k->ints.p[kept++] = k->ints.p[i];
        } else {
            if (!kept || !st_str_eq(k->texts.p[kept - 1], k->texts.p[i])) k->texts.p[kept++] = k->texts.p[i];
        }
    }
    *list = (st_list){kept, k->ints.p, k->texts.p};
    return n - kept;
}

/* The file that the definition names; NULL: reported. */
static const st_list_file *find_file(st_checker *c, const st_ast *from)
{
    const char *path = st_sources_beside(c->sources, c->a, from->span.file, from->text);
    if (!path) {
        st_err(c, ST_MSG_LIST_PATH, from->span, from->text);
        return NULL;
    }
    const st_list_file *file = st_sources_list(c->sources, path);
    const char *problem = !file                                        ? "it is not there"
                          : file->problem                              ? file->problem
                          : !st_utf8_valid(file->text.p, file->text.n) ? "it is not UTF-8 text"
                                                                       : NULL;
    if (!problem) return file;
    st_err(c, ST_MSG_LIST_FILE, from->span, path, problem);
    return NULL;
}

void st_check_list(st_checker *c, st_def *d)
{
    const st_ast *from = d->ast->kids[ST_LIST_DEF_from];
    static const char mark[] = "\xef\xbb\xbf"; /* of the order of bytes */
    st_read_metas(c, d, d->ast->kids[ST_LIST_DEF_meta]);
    d->type = st_type_of(ST_T_BOOL);
    d->list = st_new(c->a, st_list);
    const st_list_file *file = d->of->key ? find_file(c, from) : NULL;
    keys k = {0};
    if (file) {
        bool marked = st_text_starts(file->text, st_str_of(mark));
        const char *start = file->text.p + (marked ? sizeof mark - 1 : 0);
        reader r = {c, d, file->path, from->span, start, file->text.p + file->text.n, 1, 1};
        if (!read_keys(&r, &k)) file = NULL;
    }
    if (!file) {
        st_info(c, d)->bad = true;
        return;
    }
    uint32_t twice = settle(d->list, &k);
    if (twice) {
        const char *count = twice == 1 ? "a key" : st_format(c->a, "%u keys", twice);
        st_err(c, ST_MSG_LIST_TWICE, from->span, file->path, count);
    }
    st_expr *on = st_x(c, ST_X_ON_LIST, d->type, d->span, 0);
    on->at = d->of;
    on->def = d;
    d->expr = st_x_and(c, d->of->visible, on, d->span); /* who has not begun is on no list */
}
