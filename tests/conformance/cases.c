/* Case files: tests/conformance/README.md says how they are written. A line "=== name" begins a case, a line "--- word" one
 * of its parts; everything else belongs to the part that was begun last. */
#include "conformance.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct reader {
    st_arena *arena;
    const char *path;
    uint32_t line;
    ct_cases *cases;
    ct_case preamble, now;
    bool in_case, in_preamble, without;
    enum { IN_SOURCE, IN_TABLE, IN_LIST, IN_PREVIOUS, IN_EXPECT, IN_NOTHING } part;
    st_buf text; /* of the source or table being read */
} reader;

ST_NORETURN static void complain(const reader *r, const char *what, const char *detail)
{
    fprintf(stderr, "%s:%u: %s%s\n", r->path, r->line, what, detail);
    exit(2);
}

char *ct_read_file(st_arena *a, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    st_buf b = {0};
    char chunk[16384];
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;) st_buf_add(a, &b, chunk, n);
    fclose(f);
    return st_dup(a, st_buf_text(a, &b), b.n);
}

static const char *rest(const char *line, const char *start)
{
    size_t n = strlen(start);
    if (strncmp(line, start, n) != 0) return NULL;
    line += n;
    while (*line == ' ') line++;
    return line;
}

/* Ends the part that was being read. */
static void close_part(reader *r)
{
    const char *text = st_dup(r->arena, st_buf_text(r->arena, &r->text), r->text.n);
    if (r->part == IN_SOURCE)
        r->now.source = text;
    else if (r->part == IN_TABLE)
        r->now.tables.p[r->now.tables.n - 1].csv = text;
    else if (r->part == IN_LIST)
        r->now.lists.p[r->now.lists.n - 1].value = text;
    else if (r->part == IN_PREVIOUS)
        r->now.previous.p[r->now.previous.n - 1].csv = text;
    r->text.n = 0;
    r->part = IN_NOTHING;
}

static bool has_table(const ct_case *c, const char *name)
{
    for (uint32_t i = 0; i < c->tables.n; i++) {
        if (strcmp(c->tables.p[i].name, name) == 0) return true;
    }
    return false;
}

static bool has_list(const ct_case *c, const char *path)
{
    for (uint32_t i = 0; i < c->lists.n; i++)
        if (strcmp(c->lists.p[i].name, path) == 0) return true;
    return false;
}

static void inherit(reader *r)
{
    const ct_case *from = &r->preamble;
    r->now.preamble = from->source;
    if (!r->now.as_of) r->now.as_of = from->as_of;
    for (uint32_t i = 0; i < from->tables.n; i++) {
        if (!has_table(&r->now, from->tables.p[i].name))
            *(ct_table *)st_push(r->arena, &r->now.tables) = from->tables.p[i];
    }
    for (uint32_t i = 0; i < from->lists.n; i++)
        if (!has_list(&r->now, from->lists.p[i].name))
            *(ct_pair *)st_push(r->arena, &r->now.lists) = from->lists.p[i];
    for (uint32_t i = 0; i < from->sets.n; i++) *(ct_pair *)st_push(r->arena, &r->now.sets) = from->sets.p[i];
}

static void close_case(reader *r)
{
    if (!r->in_case) return;
    close_part(r);
    if (r->in_preamble) {
        r->preamble = r->now;
        return;
    }
    if (!r->without)
        inherit(r);
    else if (!r->now.as_of)
        r->now.as_of = r->preamble.as_of;
    if (!r->now.expects.n && !r->now.messages.n && !r->now.fails && !r->now.no_warnings)
        complain(r, "this case expects nothing: ", r->now.name);
    *(ct_case *)st_push(r->arena, r->cases) = r->now;
}

static void open_case(reader *r, const char *name)
{
    close_case(r);
    memset(&r->now, 0, sizeof r->now);
    r->now.file = r->path;
    r->now.line = r->line;
    r->now.name = name;
    r->in_case = true;
    r->without = false;
    r->in_preamble = strcmp(name, "preamble") == 0;
    r->part = IN_SOURCE;
}

static void read_message(reader *r, st_severity severity, const char *text)
{
    ct_message *m = st_push(r->arena, &r->now.messages);
    const char *space = strchr(text, ' ');
    m->severity = severity;
    m->what = st_dup(r->arena, text, space ? (size_t)(space - text) : strlen(text));
    if (space && sscanf(space, " %u:%u", &m->line, &m->column) != 2)
        complain(r, "a place is written line:column, not", space);
}

static void open_part(reader *r, const char *text)
{
    const char *v;
    close_part(r);
    if ((v = rest(text, "table "))) {
        ct_table *t = st_push(r->arena, &r->now.tables);
        t->name = v;
        t->line = r->line + 1;
        r->part = IN_TABLE;
    } else if ((v = rest(text, "list "))) {
        ((ct_pair *)st_push(r->arena, &r->now.lists))->name = v;
        r->part = IN_LIST;
    } else if ((v = rest(text, "previous "))) {
        *(ct_table *)st_push(r->arena, &r->now.previous) = (ct_table){.name = v, .line = r->line + 1};
        r->part = IN_PREVIOUS;
    } else if ((v = rest(text, "as of "))) {
        r->now.as_of = v;
    } else if ((v = rest(text, "set "))) {
        const char *equals = strchr(v, '=');
        if (!equals) complain(r, "set is written name=value, not ", v);
        ct_pair *p = st_push(r->arena, &r->now.sets);
        p->name = st_dup(r->arena, v, (size_t)(equals - v));
        p->value = equals + 1;
    } else if (strcmp(text, "expect") == 0) {
        r->part = IN_EXPECT;
    } else if ((v = rest(text, "error "))) {
        read_message(r, ST_ERROR, v);
    } else if ((v = rest(text, "warning "))) {
        read_message(r, ST_WARNING, v);
    } else if ((v = rest(text, "fails "))) {
        r->now.fails = v;
    } else if ((v = rest(text, "skip "))) {
        r->now.skip = v;
    } else if (strcmp(text, "no warnings") == 0) {
        r->now.no_warnings = true;
    } else if (strcmp(text, "without preamble") == 0) {
        r->without = true;
    } else {
        complain(r, "not the beginning of a part: ", text);
    }
}

static void read_expect(reader *r, const char *line)
{
    ct_expect e = {CT_ANSWERS, NULL, NULL, r->line};
    const char *v, *colon;
    if ((v = rest(line, "type "))) {
        e.kind = CT_TYPE;
        line = v;
    } else if ((v = rest(line, "digits "))) {
        e.kind = CT_DIGITS;
        line = v;
    } else if ((v = rest(line, "count "))) {
        e.kind = CT_HOW_MANY;
        line = v;
    } else if ((v = rest(line, "sum "))) {
        e.kind = CT_SUM;
        line = v;
    }
    colon = strchr(line, ':');
    if (!colon) complain(r, "an expectation is written name: …, not ", line);
    e.name = st_dup(r->arena, line, (size_t)(colon - line));
    for (colon++; *colon == ' ';) colon++;
    e.text = colon;
    *(ct_expect *)st_push(r->arena, &r->now.expects) = e;
}

/* "i*37%101": whole numbers and i, from the left; a "?" behind it makes zero a missing value. */
static void expand_value(reader *r, const char **p, long long i)
{
    long long v = 0;
    char op = '+';
    while (**p && **p != '}' && **p != '?') {
        long long x = i;
        if (**p == 'i')
            ++*p;
        else
            x = strtoll(*p, (char **)(uintptr_t)p, 10);
        v = op == '+' ? v + x : op == '-' ? v - x : op == '*' ? v * x : op == '/' ? v / x : v % x;
        if (**p && strchr("+-*/%", **p)) op = *(*p)++;
    }
    if (**p != '?' || v != 0) st_buf_printf(r->arena, &r->text, "%lld", v);
    *p += **p == '?';
    if (*(*p)++ != '}') complain(r, "values of many rows are written {i}, {i%7}, {i*3+1?}", "");
}

/* "*1000 {i},{i%7}": that many rows, i from 1. */
static void many_rows(reader *r, const char *line)
{
    char *template;
    long long n = strtoll(line + 1, &template, 10);
    template += *template == ' ';
    for (long long i = 1; i <= n; i++) {
        for (const char *p = template; *p;) {
            if (*p == '{') {
                p++;
                expand_value(r, &p, i);
            } else {
                st_buf_add(r->arena, &r->text, p++, 1);
            }
        }
        st_buf_puts(r->arena, &r->text, "\n");
    }
}

/* A line of a list, in which \r and \u stand for a carriage return and for the mark of the order of bytes, \e at its end for no line end. */
static void list_line(reader *r, const char *line)
{
    for (; *line; line++) {
        if (line[0] != '\\' || !strchr("rue", line[1])) {
            st_buf_add(r->arena, &r->text, line, 1);
            continue;
        }
        line++;
        if (*line == 'e') return;
        st_buf_puts(r->arena, &r->text, *line == 'r' ? "\r" : "\xef\xbb\xbf");
    }
    st_buf_puts(r->arena, &r->text, "\n");
}

static void read_line(reader *r, const char *line)
{
    const char *v;
    if ((v = rest(line, "=== "))) {
        open_case(r, v);
    } else if (r->in_case && (v = rest(line, "--- "))) {
        open_part(r, v);
    } else if (r->part == IN_TABLE || r->part == IN_PREVIOUS) {
        if (line[0] == '*')
            many_rows(r, line);
        else if (line[0] != '\0')
            st_buf_printf(r->arena, &r->text, "%s\n", line);
    } else if (r->part == IN_LIST) {
        if (line[0] == '*')
            many_rows(r, line);
        else
            list_line(r, line);
    } else if (line[0] == '#') {
        return;
    } else if (r->in_case && r->part == IN_SOURCE) {
        st_buf_printf(r->arena, &r->text, "%s\n", line);
    } else if (line[0] == '\0') {
        return;
    } else if (r->part == IN_EXPECT) {
        read_expect(r, line);
    } else {
        complain(r, "this line belongs to nothing: ", line);
    }
}

void ct_read_cases(st_arena *a, const char *path, ct_cases *cases)
{
    reader r = {.arena = a, .path = path, .cases = cases, .part = IN_NOTHING};
    const char *text = ct_read_file(a, path);
    if (!text) complain(&r, "cannot be read", "");
    while (*text) {
        const char *end = strchr(text, '\n');
        size_t n = end ? (size_t)(end - text) : strlen(text);
        r.line++;
        read_line(&r, st_dup(a, text, n));
        text += n + (end != NULL);
    }
    close_case(&r);
}
