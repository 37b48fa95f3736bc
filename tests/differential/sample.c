#include "sample.h"

const char *sample_rules(st_arena *a, const sample *s)
{
    st_buf out = {0};
    for (uint32_t i = 0; i < s->defs.n; i++)
        if (!s->defs.p[i].dropped) st_buf_printf(a, &out, "%s\n", s->defs.p[i].text);
    return st_buf_text(a, &out);
}

uint32_t sample_def_at(const sample *s, uint32_t offset)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < s->defs.n; i++) {
        if (s->defs.p[i].dropped) continue;
        at += (uint32_t)strlen(s->defs.p[i].text) + 1;
        if (offset < at) return i;
    }
    return s->defs.n;
}

static void print_cell(st_arena *a, const char *cell, st_buf *out)
{
    if (!cell) return;
    if (*cell && !strpbrk(cell, ",\"\n") && cell[0] != ' ' && cell[strlen(cell) - 1] != ' ') {
        st_buf_puts(a, out, cell);
        return;
    }
    st_buf_puts(a, out, "\"");
    for (; *cell; cell++) {
        if (*cell == '"') st_buf_puts(a, out, "\"");
        st_buf_add(a, out, cell, 1);
    }
    st_buf_puts(a, out, "\"");
}

void sample_print(st_arena *a, const sample *s, st_buf *out)
{
    st_buf_printf(a, out, "as of %s\n\n%s", s->as_of, sample_rules(a, s));
    for (uint32_t t = 0; t < s->tables.n; t++) {
        const sample_table *table = s->tables.p[t];
        st_buf_printf(a, out, "\ntable %s\n", table->name);
        for (uint32_t c = 0; c < table->ncols; c++)
            st_buf_printf(a, out, "%s%s", c ? "," : "", table->cols[c]);
        st_buf_puts(a, out, "\n");
        for (uint32_t r = 0; r < table->rows.n; r++) {
            for (uint32_t c = 0; c < table->ncols; c++) {
                if (c) st_buf_puts(a, out, ",");
                print_cell(a, table->rows.p[r][c], out);
            }
            st_buf_puts(a, out, "\n");
        }
    }
    for (uint32_t i = 0; i < s->lists.n; i++)
        st_buf_printf(a, out, "\nlist %s\n%s", s->lists.p[i].path, s->lists.p[i].text);
}

/* The next cell of a line, NULL for an empty one; *p stands behind it, at a comma or the line's end. */
static const char *read_cell(st_arena *a, const char **p)
{
    st_buf cell = {0};
    bool quoted = **p == '"';
    if (quoted) ++*p;
    for (; **p && (quoted || (**p != ',' && **p != '\n')); ++*p) {
        if (quoted && **p == '"' && (*p)[1] != '"') break;
        if (quoted && **p == '"') ++*p;
        st_buf_add(a, &cell, *p, 1);
    }
    if (quoted && **p == '"') ++*p;
    return cell.n || quoted ? st_dup(a, st_buf_text(a, &cell), cell.n) : NULL;
}

static const char **read_line(st_arena *a, const char **p, uint32_t *n)
{
    ST_VEC(const char *) cells = {0};
    for (;;) {
        *st_push(a, &cells) = read_cell(a, p);
        if (**p != ',') break;
        ++*p;
    }
    if (**p == '\n') ++*p;
    *n = cells.n;
    return cells.p;
}

/* "list PATH" and the lines up to an empty one. */
static void read_list(st_arena *a, sample *s, const char **p)
{
    sample_list *list = st_push(a, &s->lists);
    const char *path = *p + 5, *text = strchr(path, '\n');
    text = text ? text + 1 : path + strlen(path);
    const char *end = strstr(text, "\n\n");
    end = end ? end + 1 : text + strlen(text);
    list->path = st_dup(a, path, strcspn(path, "\n"));
    list->text = st_dup(a, text, (size_t)(end - text));
    *p = end;
}

sample *sample_read(st_arena *a, const char *rules, const char *tables)
{
    sample *s = st_new(a, sample);
    s->arena = a;
    s->as_of = "2026-11-01";
    st_push(a, &s->defs)->text = rules;
    sample_table *t = NULL;
    for (const char *p = tables; *p;) {
        uint32_t n;
        if (*p == '\n') {
            t = NULL;
            p++;
            continue;
        }
        if (strncmp(p, "table ", 6) == 0) {
            t = st_new(a, sample_table);
            *st_push(a, &s->tables) = t;
            p += 6;
            t->name = read_line(a, &p, &n)[0];
            t->cols = read_line(a, &p, &t->ncols);
            continue;
        }
        if (strncmp(p, "list ", 5) == 0) {
            read_list(a, s, &p);
            continue;
        }
        const char **row = read_line(a, &p, &n);
        if (t && n == t->ncols) *st_push(a, &t->rows) = row;
    }
    return s;
}

/* Data begin at the first line "table NAME", which has no brace. */
static const char *find_data(const char *rules)
{
    for (const char *p = strstr(rules, "\ntable "); p; p = strstr(p + 1, "\ntable ")) {
        const char *end = strchr(p + 1, '\n');
        if (!end || !memchr(p, '{', (size_t)(end - p))) return p + 1;
    }
    return rules + strlen(rules);
}

sample *sample_load(st_arena *a, const char *text)
{
    static const char mark[] = "as of ";
    const char *p = text;
    while (strncmp(p, mark, sizeof mark - 1) != 0) {
        p = strchr(p, '\n');
        if (!p) return NULL;
        p++;
    }
    p += sizeof mark - 1;
    const char *end = strchr(p, '\n');
    if (!end) return NULL;
    const char *data = find_data(end);
    sample *s = sample_read(a, st_dup(a, end + 1, (size_t)(data - end - 1)), data);
    s->as_of = st_dup(a, p, (size_t)(end - p));
    return s;
}
