/* Messages for people (text with the source line and carets) and for programs (JSON). */
#include "diag/diag.h"

#define TAB_WIDTH 4
#define SHOWN_WIDTH 160 /* of a source line; a longer one is cut around the place */
#define SHOWN_BEFORE 60

static const char *const severity_words[] = {"error", "warning"};

/* Columns of a terminal that a code point takes. East Asian wide blocks and pictographs take two, combining marks none. */
static uint32_t cell_width(uint32_t cp)
{
    static const struct {
        uint32_t first, last, width;
    } ranges[] = {{0x300, 0x36f, 0},     {0x200b, 0x200f, 0},   {0x20d0, 0x20ff, 0},  {0xfe00, 0xfe0f, 0},
                  {0x1100, 0x115f, 2},   {0x2e80, 0x303e, 2},   {0x3041, 0x33ff, 2},  {0x3400, 0x4dbf, 2},
                  {0x4e00, 0x9fff, 2},   {0xa000, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},  {0xf900, 0xfaff, 2},
                  {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2},  {0x1f300, 0x1f64f, 2},
                  {0x1f680, 0x1f6ff, 2}, {0x1f900, 0x1faff, 2}, {0x20000, 0x3fffd, 2}};
    for (size_t i = 0; i < ST_COUNT(ranges); i++)
        if (cp >= ranges[i].first && cp <= ranges[i].last) return ranges[i].width;
    return 1;
}

/* Control characters would move a terminal's cursor or change its state: they are shown as a question mark. */
static void put_shown(st_arena *a, st_buf *out, const char *z)
{
    for (const char *p = z; *p; p++) {
        bool control = (unsigned char)*p < 0x20 || *p == 0x7f;
        st_buf_add(a, out, control ? (*p == '\n' || *p == '\t' ? " " : "?") : p, 1);
    }
}

static void put_times(st_arena *a, st_buf *out, const char *z, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) st_buf_puts(a, out, z);
}

/* The source line and the carets below bytes [from, to) of it. Tabs become spaces so that the carets stand right. */
static void put_source_line(st_arena *a, st_buf *out, st_str line, uint32_t from, uint32_t to,
                            uint32_t gutter, const char *on, const char *off)
{
    st_buf text = {0}, carets = {0};
    uint32_t width = 0, first = 0;
    const char *end = line.p + line.n;
    for (const char *p = line.p; p < end && (uint32_t)(p - line.p) < from;) {
        uint32_t cp = st_utf8_next(&p, end);
        first += cp == '\t' ? TAB_WIDTH - first % TAB_WIDTH : cell_width(cp);
    }
    uint32_t skip = first > SHOWN_BEFORE && line.n > SHOWN_WIDTH ? first - SHOWN_BEFORE : 0;
    bool cut = false;
    if (skip) {
        st_buf_puts(a, &text, "…");
        st_buf_puts(a, &carets, " ");
    }
    for (const char *p = line.p; p < end;) {
        const char *start = p;
        uint32_t at = (uint32_t)(p - line.p), cp = st_utf8_next(&p, end);
        uint32_t w = cp == '\t' ? TAB_WIDTH - width % TAB_WIDTH : cell_width(cp);
        width += w;
        if (width <= skip) continue;
        if (width > skip + SHOWN_WIDTH) {
            cut = true;
            break;
        }
        if (cp == '\t')
            put_times(a, &text, " ", w);
        else if (cp < 0x20 || cp == 0x7f)
            st_buf_puts(a, &text, "?");
        else
            st_buf_add(a, &text, start, (size_t)(p - start));
        put_times(a, &carets, at >= from && at < to ? "^" : " ", w);
    }
    if (cut) st_buf_puts(a, &text, "…");
    uint32_t under = carets.n;
    while (under > 0 && carets.p[under - 1] == ' ') under--;
    if (under == 0) { /* a place between two characters, or behind the last one */
        carets.n = 0;
        put_times(a, &carets, " ", first > skip ? first - skip + (skip ? 1 : 0) : 0);
        st_buf_puts(a, &carets, "^");
        under = carets.n;
    }
    st_buf_add(a, out, text.p, text.n);
    st_buf_puts(a, out, "\n");
    put_times(a, out, " ", gutter);
    st_buf_printf(a, out, " | %s", on);
    st_buf_add(a, out, carets.p, under);
    st_buf_printf(a, out, "%s\n", off);
}

static uint32_t digits_of(uint32_t n)
{
    uint32_t d = 1;
    while (n >= 10) {
        n /= 10;
        d++;
    }
    return d;
}

static void put_diag(const st_diags *d, const st_diag *x, st_arena *a, st_buf *out, bool colour)
{
    const char *bold = colour ? "\033[1m" : "", *off = colour ? "\033[0m" : "";
    const char *tint = !colour ? "" : x->severity == ST_ERROR ? "\033[1;31m" : "\033[1;33m";
    st_place at = st_place_of(d->sources, x->span.file, x->span.start);
    st_buf_puts(a, out, bold);
    put_shown(a, out, d->sources->files.p[x->span.file].name);
    st_buf_printf(a, out, ":%u:%u: %s%s%s %s:%s ", at.line, at.column, off, tint, severity_words[x->severity],
                  st_messages[x->code].code, off);
    st_buf_puts(a, out, bold);
    put_shown(a, out, x->text);
    st_buf_printf(a, out, "%s\n", off);

    uint32_t gutter = ST_MAX(digits_of(at.line) + 2, 4);
    st_str line = st_line_text(d->sources, x->span.file, at.line);
    uint32_t from = x->span.start - d->sources->files.p[x->span.file].lines.p[at.line - 1];
    uint32_t to = ST_MIN(from + (x->span.end - x->span.start), line.n);
    st_buf_printf(a, out, "%*u | ", (int)gutter, at.line);
    put_source_line(a, out, line, ST_MIN(from, line.n), to, gutter, tint, off);
    if (*x->help) {
        put_times(a, out, " ", gutter);
        st_buf_puts(a, out, " help: ");
        put_shown(a, out, x->help);
        st_buf_puts(a, out, "\n");
    }
}

void st_render_text(const st_diags *d, st_arena *a, st_buf *out, bool colour)
{
    for (uint32_t i = 0; i < d->items.n; i++) {
        if (i) st_buf_puts(a, out, "\n");
        put_diag(d, &d->items.p[i], a, out, colour);
    }
    if (d->errors + d->warnings > d->items.n && d->items.n == ST_DIAG_LIMIT)
        st_buf_printf(a, out, "\nonly the first %d messages are shown\n", ST_DIAG_LIMIT);
}

static void put_json_text(st_arena *a, st_buf *out, const char *key, const char *z)
{
    st_buf_printf(a, out, "\"%s\":\"", key);
    for (const char *p = z; *p; p++) {
        if (*p == '"' || *p == '\\')
            st_buf_printf(a, out, "\\%c", *p);
        else if (*p == '\n')
            st_buf_puts(a, out, "\\n");
        else if (*p == '\t')
            st_buf_puts(a, out, "\\t");
        else if ((unsigned char)*p < 0x20)
            st_buf_printf(a, out, "\\u%04x", (unsigned)(unsigned char)*p);
        else
            st_buf_add(a, out, p, 1);
    }
    st_buf_puts(a, out, "\"");
}

void st_render_json(const st_diags *d, st_arena *a, st_buf *out)
{
    st_buf_puts(a, out, "[");
    for (uint32_t i = 0; i < d->items.n; i++) {
        const st_diag *x = &d->items.p[i];
        const st_message *m = &st_messages[x->code];
        st_place from = st_place_of(d->sources, x->span.file, x->span.start);
        st_place to = st_place_of(d->sources, x->span.file, x->span.end);
        st_buf_puts(a, out, i ? ",\n {" : "\n {");
        put_json_text(a, out, "code", m->code);
        st_buf_puts(a, out, ",");
        put_json_text(a, out, "name", m->name);
        st_buf_puts(a, out, ",");
        put_json_text(a, out, "severity", severity_words[x->severity]);
        st_buf_puts(a, out, ",");
        put_json_text(a, out, "file", d->sources->files.p[x->span.file].name);
        st_buf_printf(a, out, ",\"line\":%u,\"column\":%u,\"end_line\":%u,\"end_column\":%u,", from.line,
                      from.column, to.line, to.column);
        put_json_text(a, out, "message", x->text);
        st_buf_puts(a, out, ",");
        put_json_text(a, out, "help", x->help);
        st_buf_puts(a, out, "}");
    }
    st_buf_puts(a, out, d->items.n ? "\n]\n" : "]\n");
}
