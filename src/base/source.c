#include "base/source.h"

void st_sources_init(st_sources *s, st_arena *a)
{
    memset(s, 0, sizeof *s);
    s->arena = a;
}

uint32_t st_sources_add(st_sources *s, const char *name, const char *text, size_t n)
{
    st_source *f = st_push(s->arena, &s->files);
    f->name = st_dup(s->arena, name, strlen(name));
    f->text = (st_str){st_dup(s->arena, text, n), (uint32_t)n};
    *st_push(s->arena, &f->lines) = 0;
    for (uint32_t i = 0; i < f->text.n; i++)
        if (f->text.p[i] == '\n') *st_push(s->arena, &f->lines) = i + 1;
    return s->files.n - 1;
}

/* ---- files beside the sources ---- */

/* Writes path[0, n), part by part, behind what is in `out`, whose first `root` bytes stay. False: it leads out of them. */
static bool add_parts(st_arena *a, st_buf *out, uint32_t root, const char *path, size_t n)
{
    for (size_t at = 0, end; at < n; at = end + 1) {
        for (end = at; end < n && path[end] != '/';) end++;
        size_t length = end - at;
        if (length == 0 || (length == 1 && path[at] == '.')) continue;
        if (length == 2 && path[at] == '.' && path[at + 1] == '.') {
            if (out->n == root) return false;
            for (out->n--; out->n > root && out->p[out->n - 1] != '/';) out->n--;
            continue;
        }
        st_buf_add(a, out, path + at, length);
        if (end < n) st_buf_puts(a, out, "/");
    }
    return true;
}

const char *st_sources_beside(const st_sources *s, st_arena *a, uint32_t file, const char *path)
{
    const st_source *f = &s->files.p[file];
    const char *slash = strrchr(f->name, '/');
    bool absolute = path[0] == '/' || strchr(path, '\\') || (path[0] && path[1] == ':');
    if (absolute || !path[0]) return NULL;
    st_buf out = {0};
    st_buf_add(a, &out, f->name, f->root);
    size_t folder = slash ? (size_t)(slash - f->name) + 1 : 0;
    if (folder > f->root && !add_parts(a, &out, f->root, f->name + f->root, folder - f->root)) return NULL;
    if (!add_parts(a, &out, f->root, path, strlen(path))) return NULL;
    return st_dup(a, st_buf_text(a, &out), out.n);
}

const st_list_file *st_sources_list(const st_sources *s, const char *path)
{
    for (uint32_t i = 0; i < s->lists.n; i++)
        if (strcmp(s->lists.p[i].path, path) == 0) return &s->lists.p[i];
    return NULL;
}

/* Number of the line that holds the byte, counted from 0. */
static uint32_t line_of(const st_source *f, uint32_t offset)
{
    uint32_t lo = 0, hi = f->lines.n;
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (f->lines.p[mid] <= offset)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

st_place st_place_of(const st_sources *s, uint32_t file, uint32_t offset)
{
    const st_source *f = &s->files.p[file];
    offset = ST_MIN(offset, f->text.n);
    uint32_t line = line_of(f, offset), column = 1;
    for (uint32_t i = f->lines.p[line]; i < offset; i++)
        column += ((unsigned char)f->text.p[i] & 0xC0) != 0x80;
    return (st_place){line + 1, column};
}

st_str st_span_text(const st_sources *s, st_span span)
{
    st_str t = s->files.p[span.file].text;
    uint32_t start = ST_MIN(span.start, t.n), end = ST_MIN(span.end, t.n);
    return (st_str){t.p + start, end > start ? end - start : 0};
}

st_str st_line_text(const st_sources *s, uint32_t file, uint32_t line)
{
    const st_source *f = &s->files.p[file];
    if (line == 0 || line > f->lines.n) return (st_str){"", 0};
    uint32_t start = f->lines.p[line - 1], end = line < f->lines.n ? f->lines.p[line] : f->text.n;
    while (end > start && (f->text.p[end - 1] == '\n' || f->text.p[end - 1] == '\r')) end--;
    return (st_str){f->text.p + start, end - start};
}
