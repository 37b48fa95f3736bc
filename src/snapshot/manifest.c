/* snapshot.json: one object, written with fixed names in fixed order, and read with the part of JSON that it takes. Its last member is the
 * checksum of all that stands before it. */
#include "snapshot/parts.h"

#include <stdio.h>
#include <stdlib.h>

#define END "  \"checksum\": \""

/* ---- writing ---- */

static void put_text(st_arena *a, st_buf *b, const char *text)
{
    st_buf_puts(a, b, "\"");
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\')
            st_buf_printf(a, b, "\\%c", *p);
        else if ((unsigned char)*p < 32)
            st_buf_printf(a, b, "\\u%04x", (unsigned)(unsigned char)*p);
        else
            st_buf_add(a, b, p, 1);
    }
    st_buf_puts(a, b, "\"");
}

static void text_member(st_arena *a, st_buf *b, const char *name, const char *text)
{
    st_buf_printf(a, b, ", \"%s\": ", name);
    put_text(a, b, text);
}

static void number_member(st_arena *a, st_buf *b, const char *name, int64_t x)
{
    st_buf_printf(a, b, ", \"%s\": %lld", name, (long long)x);
}

static void place_member(st_arena *a, st_buf *b, const char *name, st_snap_place p)
{
    if (p.bytes)
        st_buf_printf(a, b, ", \"%s\": [%llu, %llu]", name, (unsigned long long)p.at,
                      (unsigned long long)p.bytes);
}

static void put_column(st_arena *a, st_buf *b, const st_snap_column *c)
{
    st_buf_puts(a, b, "      {\"name\": ");
    put_text(a, b, c->name);
    text_member(a, b, "type", c->type);
    if (c->key) number_member(a, b, "key", 1);
    if (c->links_to[0]) text_member(a, b, "links to", c->links_to);
    if (c->allowed[0]) text_member(a, b, "allowed", c->allowed);
    number_member(a, b, "values", (int64_t)c->n);
    number_member(a, b, "missing", (int64_t)c->missing);
    number_member(a, b, "width", c->width);
    number_member(a, b, "least", c->least);
    number_member(a, b, "largest", c->largest);
    place_member(a, b, "known", c->known);
    place_member(a, b, "ends", c->list);
    place_member(a, b, "data", c->data);
    if (c->narrow_width) {
        number_member(a, b, "narrow width", c->narrow_width);
        number_member(a, b, "low", c->low);
        number_member(a, b, "unit", c->unit);
        place_member(a, b, "narrow", c->narrow);
    }
    if (c->offsets.bytes) {
        number_member(a, b, "texts", (int64_t)c->entries);
        place_member(a, b, "text offsets", c->offsets);
        place_member(a, b, "text bytes", c->bytes);
    }
    if (c->links_to[0]) {
        number_member(a, b, "orphans", (int64_t)c->orphans);
        place_member(a, b, "rows", c->rows);
    }
    st_buf_puts(a, b, "}");
}

static void put_table(st_arena *a, st_buf *b, const st_snap_table *t)
{
    st_buf_puts(a, b, "    {\"name\": ");
    put_text(a, b, t->name);
    number_member(a, b, "rows", (int64_t)t->rows);
    number_member(a, b, "size", (int64_t)t->size);
    number_member(a, b, "footer", t->footer);
    number_member(a, b, "footer checksum", t->check);
    if (t->nlinks) {
        st_buf_puts(a, b, ", \"grouped by\": [");
        for (uint32_t i = 0; i < t->nlinks; i++) {
            if (i) st_buf_puts(a, b, ", ");
            put_text(a, b, t->links[i]);
        }
        st_buf_puts(a, b, "]");
        text_member(a, b, "ordered by", t->order);
        number_member(a, b, "entities", (int64_t)t->entities);
        number_member(a, b, "starts size", (int64_t)t->starts_size);
        place_member(a, b, "starts", t->starts);
    }
    st_buf_puts(a, b, ", \"columns\": [\n");
    for (uint32_t i = 0; i < t->ncolumns; i++) {
        put_column(a, b, &t->columns[i]);
        st_buf_puts(a, b, i + 1 < t->ncolumns ? ",\n" : "\n");
    }
    st_buf_puts(a, b, "    ]}");
}

st_str st_manifest_write(st_arena *a, const st_manifest *m)
{
    st_buf b = {0};
    st_buf_printf(a, &b, "{\n  \"strata snapshot\": %d,\n  \"timezone\": ", ST_SNAP_VERSION);
    put_text(a, &b, m->timezone);
    st_buf_puts(a, &b, ",\n  \"tables\": [\n");
    for (uint32_t i = 0; i < m->ntables; i++) {
        put_table(a, &b, &m->tables[i]);
        st_buf_puts(a, &b, i + 1 < m->ntables ? ",\n" : "\n");
    }
    st_buf_puts(a, &b, "  ],\n");
    st_buf_printf(a, &b, END "%08x\"\n}\n", st_crc32c(b.p, b.n));
    return (st_str){st_buf_text(a, &b), b.n};
}

/* ---- JSON ---- */

typedef struct value {
    enum { NUMBER, TEXT, ARRAY, OBJECT } kind;
    int64_t number;
    const char *text;
    const char *name; /* as a member of an object */
    struct value *first, *next;
    uint32_t n;
} value;

typedef struct reader {
    st_arena *a;
    const char *path, *p, *end;
} reader;

ST_NORETURN static void damaged(const reader *r)
{
    st_fail(
        st_arena_env(r->a), STRATA_BAD_DATA,
        "%.300s is damaged, or no description of a snapshot. Make the snapshot anew with strata snapshot.",
        r->path);
}

static void blanks(reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r')) r->p++;
}

static bool take(reader *r, char c)
{
    blanks(r);
    if (r->p == r->end || *r->p != c) return false;
    r->p++;
    return true;
}

static const char *read_text(reader *r)
{
    st_buf b = {0};
    if (!take(r, '"')) damaged(r);
    for (; r->p < r->end && *r->p != '"'; r->p++) {
        char c = *r->p;
        if (c == '\\') {
            if (r->end - r->p < 2) damaged(r);
            c = *++r->p;
            if (c == 'u') {
                unsigned x = 0;
                for (int i = 0; i < 4; i++) {
                    if (r->end - r->p < 2) damaged(r);
                    const char *digits = "0123456789abcdef", *at = strchr(digits, *++r->p);
                    if (!*r->p || !at) damaged(r);
                    x = x * 16 + (unsigned)(at - digits);
                }
                if (x == 0 || x > 31) damaged(r); /* nothing else is written so */
                c = (char)x;
            } else if (c != '"' && c != '\\') {
                damaged(r);
            }
        }
        st_buf_add(r->a, &b, &c, 1);
    }
    if (!take(r, '"')) damaged(r);
    const char *text = st_dup(r->a, b.p ? b.p : "", b.n);
    if (memchr(text, 0, b.n)) damaged(r);
    return text;
}

static int64_t read_number(reader *r)
{
    bool negative = take(r, '-');
    uint64_t x = 0, most = (uint64_t)INT64_MAX + negative;
    if (r->p == r->end || *r->p < '0' || *r->p > '9') damaged(r);
    for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++) {
        unsigned digit = (unsigned)(*r->p - '0');
        if (x > (most - digit) / 10) damaged(r);
        x = x * 10 + digit;
    }
    return negative ? (int64_t)(0 - x) : (int64_t)x;
}

static value *read_value(reader *r, uint32_t depth)
{
    enum { DEEPEST = 8 };
    value *v = st_new(r->a, value);
    blanks(r);
    if (r->p == r->end || depth > DEEPEST) damaged(r);
    if (*r->p == '"') {
        v->kind = TEXT;
        v->text = read_text(r);
        return v;
    }
    if (*r->p != '[' && *r->p != '{') {
        v->number = read_number(r);
        return v;
    }
    char close = *r->p++ == '[' ? ']' : '}';
    v->kind = close == ']' ? ARRAY : OBJECT;
    if (take(r, close)) return v;
    value **to = &v->first;
    do {
        const char *name = v->kind == OBJECT ? read_text(r) : NULL;
        if (name && !take(r, ':')) damaged(r);
        *to = read_value(r, depth + 1);
        (*to)->name = name;
        to = &(*to)->next;
        v->n++;
    } while (take(r, ','));
    if (!take(r, close)) damaged(r);
    return v;
}

/* ---- reading ---- */

static const value *member(const reader *r, const value *object, const char *name, int kind, bool needed)
{
    if (object->kind != OBJECT) damaged(r);
    const value *v = object->first;
    while (v && strcmp(v->name, name) != 0) v = v->next;
    if (v ? (int)v->kind != kind : needed) damaged(r);
    return v;
}

static int64_t number_of(const reader *r, const value *object, const char *name, bool needed)
{
    const value *v = member(r, object, name, NUMBER, needed);
    return v ? v->number : 0;
}

static uint64_t count_of(const reader *r, const value *object, const char *name, uint64_t most)
{
    int64_t x = number_of(r, object, name, true);
    if (x < 0 || (uint64_t)x > most) damaged(r);
    return (uint64_t)x;
}

static const char *text_of(const reader *r, const value *object, const char *name, bool needed)
{
    const value *v = member(r, object, name, TEXT, needed);
    return v ? v->text : "";
}

static st_snap_place place_of(const reader *r, const value *object, const char *name)
{
    const value *v = member(r, object, name, ARRAY, false);
    if (!v) return (st_snap_place){0, 0};
    if (v->n != 2 || v->first->kind != NUMBER || v->first->next->kind != NUMBER || v->first->number < 0 ||
        v->first->next->number < 0)
        damaged(r);
    return (st_snap_place){(uint64_t)v->first->number, (uint64_t)v->first->next->number};
}

static uint8_t width_of(const reader *r, const value *object, const char *name)
{
    uint64_t x = count_of(r, object, name, 16);
    if (x & (x - 1)) damaged(r);
    return (uint8_t)x;
}

static void read_column(const reader *r, const value *v, st_snap_column *c)
{
    c->name = text_of(r, v, "name", true);
    c->type = text_of(r, v, "type", true);
    c->key = number_of(r, v, "key", false) == 1;
    c->links_to = text_of(r, v, "links to", false);
    c->allowed = text_of(r, v, "allowed", false);
    c->n = count_of(r, v, "values", INT64_MAX / 64);
    c->missing = count_of(r, v, "missing", ST_MAX_ROWS);
    c->width = width_of(r, v, "width");
    c->least = number_of(r, v, "least", true);
    c->largest = number_of(r, v, "largest", true);
    c->known = place_of(r, v, "known");
    c->list = place_of(r, v, "ends");
    c->data = place_of(r, v, "data");
    if (member(r, v, "narrow width", NUMBER, false)) {
        c->narrow_width = width_of(r, v, "narrow width");
        c->low = number_of(r, v, "low", true);
        c->unit = number_of(r, v, "unit", true);
        c->narrow = place_of(r, v, "narrow");
        if (!c->narrow_width || c->narrow_width > 4 || (c->unit != 1 && c->unit != 1000000)) damaged(r);
    }
    c->offsets = place_of(r, v, "text offsets");
    if (c->offsets.bytes) {
        c->entries = count_of(r, v, "texts", INT32_MAX);
        c->bytes = place_of(r, v, "text bytes");
    }
    if (c->links_to[0]) {
        c->orphans = count_of(r, v, "orphans", ST_MAX_ROWS);
        c->rows = place_of(r, v, "rows");
    }
}

static void read_grouping(const reader *r, const value *v, st_snap_table *t)
{
    const value *path = member(r, v, "grouped by", ARRAY, false);
    if (!path) return;
    t->links = st_new_n(r->a, const char *, path->n + 1);
    for (const value *x = path->first; x; x = x->next) {
        if (x->kind != TEXT) damaged(r);
        t->links[t->nlinks++] = x->text;
    }
    t->order = text_of(r, v, "ordered by", true);
    t->entities = count_of(r, v, "entities", ST_MAX_ROWS);
    t->starts_size = count_of(r, v, "starts size", INT64_MAX);
    t->starts = place_of(r, v, "starts");
}

static void read_table(const reader *r, const value *v, st_snap_table *t)
{
    t->name = text_of(r, v, "name", true);
    t->rows = count_of(r, v, "rows", ST_MAX_ROWS);
    t->size = count_of(r, v, "size", INT64_MAX);
    t->footer = (uint32_t)count_of(r, v, "footer", INT32_MAX);
    t->check = (uint32_t)count_of(r, v, "footer checksum", UINT32_MAX);
    read_grouping(r, v, t);
    const value *columns = member(r, v, "columns", ARRAY, true);
    t->columns = st_new_n(r->a, st_snap_column, columns->n + 1);
    for (const value *x = columns->first; x; x = x->next) read_column(r, x, &t->columns[t->ncolumns++]);
}

/* The checksum is looked at first: what is not whole says so, whatever else is wrong with it. */
static void check_sum(const reader *r, st_str text)
{
    char end[sizeof END + 16];
    uint32_t n = (uint32_t)snprintf(end, sizeof end, END "%08x\"\n}\n", 0);
    if (text.n < n) damaged(r);
    snprintf(end, sizeof end, END "%08x\"\n}\n", st_crc32c(text.p, text.n - n));
    if (memcmp(text.p + text.n - n, end, n) != 0) damaged(r);
}

const st_manifest *st_manifest_read(st_arena *a, st_str text, const char *path)
{
    reader r = {a, path, text.p, text.p + text.n};
    st_str begin = ST_STR("{\n  \"strata snapshot\": ");
    if (text.n < begin.n || memcmp(text.p, begin.p, begin.n) != 0) damaged(&r);
    int version = atoi(text.p + begin.n); /* the text ends with a NUL */
    if (version != ST_SNAP_VERSION)
        st_fail(st_arena_env(a), STRATA_BAD_DATA,
                "%.300s is of version %d, this Strata reads version %d. Make the snapshot anew with strata "
                "snapshot.",
                path, version, ST_SNAP_VERSION);
    check_sum(&r, text);
    const value *v = read_value(&r, 0);
    st_manifest *m = st_new(a, st_manifest);
    m->timezone = text_of(&r, v, "timezone", true);
    const value *tables = member(&r, v, "tables", ARRAY, true);
    m->tables = st_new_n(a, st_snap_table, tables->n + 1);
    for (const value *x = tables->first; x; x = x->next) read_table(&r, x, &m->tables[m->ntables++]);
    return m;
}

/* ---- what a declaration allows ---- */

const char *st_snap_allowed(st_arena *a, const st_zone *zone, const st_col *c)
{
    st_buf b = {0};
    for (uint32_t i = 0; i < c->none_of_these; i++)
        st_buf_printf(a, &b, "%s%s", i ? ", " : "one of ", st_value_text(a, zone, &c->one_of[i]));
    if (c->low) st_buf_printf(a, &b, "%sfrom %s", b.n ? ", " : "", st_value_text(a, zone, c->low));
    if (c->high) st_buf_printf(a, &b, "%sto %s", b.n ? ", " : "", st_value_text(a, zone, c->high));
    return b.n ? st_dup(a, b.p, b.n) : "";
}
