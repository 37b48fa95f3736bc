#include "base/text.h"

struct case_run {
    uint32_t first, last;
    uint32_t step;
    int32_t delta;
};
#include "base/case_table.inc"

/* ---- UTF-8 ---- */

/* Length of the well-formed sequence at p, 0 when there is none (RFC 3629: no surrogates, no overlong forms). */
static uint32_t sequence_length(const unsigned char *p, size_t n)
{
    if (p[0] < 0x80) return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4) return 0;
    uint32_t len = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (n < len) return 0;
    for (uint32_t i = 1; i < len; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    if (p[0] == 0xE0 && p[1] < 0xA0) return 0;
    if (p[0] == 0xED && p[1] > 0x9F) return 0;
    if (p[0] == 0xF0 && p[1] < 0x90) return 0;
    if (p[0] == 0xF4 && p[1] > 0x8F) return 0;
    return len;
}

bool st_utf8_valid(const char *p, size_t n)
{
    const unsigned char *b = (const unsigned char *)p;
    while (n) {
        uint64_t w;
        if (n >= 8 && (memcpy(&w, b, 8), (w & UINT64_C(0x8080808080808080)) == 0)) {
            b += 8, n -= 8;
            continue;
        }
        uint32_t len = sequence_length(b, n);
        if (!len) return false;
        b += len, n -= len;
    }
    return true;
}

uint32_t st_utf8_next(const char **p, const char *end)
{
    const unsigned char *b = (const unsigned char *)*p;
    uint32_t len = b[0] < 0x80 ? 1 : b[0] < 0xE0 ? 2 : b[0] < 0xF0 ? 3 : 4;
    len = (uint32_t)ST_MIN((ptrdiff_t)len, end - *p);
    *p += len;
    switch (len) {
    case 1: return b[0];
    case 2: return (b[0] & 0x1Fu) << 6 | (b[1] & 0x3Fu);
    case 3: return (b[0] & 0x0Fu) << 12 | (b[1] & 0x3Fu) << 6 | (b[2] & 0x3Fu);
    default: return (b[0] & 0x07u) << 18 | (b[1] & 0x3Fu) << 12 | (b[2] & 0x3Fu) << 6 | (b[3] & 0x3Fu);
    }
}

uint32_t st_utf8_put(uint32_t cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xC0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xE0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        out[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    out[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

uint64_t st_utf8_length(st_str s)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < s.n; i++) n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

/* ---- case ---- */

static uint32_t map_case(const struct case_run *runs, size_t n, uint32_t cp)
{
    size_t lo = 0, hi = n; /* the last run that begins at or before cp */
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (runs[mid].first <= cp)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == 0) return cp;
    const struct case_run *r = &runs[lo - 1];
    if (cp > r->last || (cp - r->first) % r->step) return cp;
    return (uint32_t)((int32_t)cp + r->delta);
}

uint32_t st_lower_cp(uint32_t cp)
{
    if (cp < 0x80) return cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
    return map_case(lower_runs, ST_COUNT(lower_runs), cp);
}

uint32_t st_upper_cp(uint32_t cp)
{
    if (cp < 0x80) return cp >= 'a' && cp <= 'z' ? cp - 32 : cp;
    return map_case(upper_runs, ST_COUNT(upper_runs), cp);
}

static st_str map_text(st_arena *a, st_str s, uint32_t (*map)(uint32_t))
{
    st_buf out = {0};
    for (const char *p = s.p, *end = s.p + s.n; p < end;) {
        char utf8[4];
        uint32_t n = st_utf8_put(map(st_utf8_next(&p, end)), utf8);
        st_buf_add(a, &out, utf8, n);
    }
    return (st_str){st_buf_text(a, &out), out.n};
}

st_str st_text_lower(st_arena *a, st_str s)
{
    return map_text(a, s, st_lower_cp);
}

st_str st_text_upper(st_arena *a, st_str s)
{
    return map_text(a, s, st_upper_cp);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

st_str st_text_trim(st_str s)
{
    while (s.n && is_blank(s.p[0])) s.p++, s.n--;
    while (s.n && is_blank(s.p[s.n - 1])) s.n--;
    return s;
}

st_str st_text_domain(st_arena *a, st_str s)
{
    for (uint32_t i = s.n; i > 0; i--)
        if (s.p[i - 1] == '@') return st_text_lower(a, (st_str){s.p + i, s.n - i});
    return (st_str){NULL, 0};
}

/* ---- parts of text ---- */

bool st_text_starts(st_str s, st_str part)
{
    return s.n >= part.n && (part.n == 0 || memcmp(s.p, part.p, part.n) == 0);
}

bool st_text_ends(st_str s, st_str part)
{
    return s.n >= part.n && (part.n == 0 || memcmp(s.p + (s.n - part.n), part.p, part.n) == 0);
}

bool st_text_contains(st_str s, st_str part)
{
    return part.n == 0 || (s.n >= part.n && memmem(s.p, s.n, part.p, part.n) != NULL);
}

/* ---- near names ---- */

enum { NEAR_LONGEST = 48, NEAR_FAR = 1000 };

static uint32_t min3(uint32_t a, uint32_t b, uint32_t c)
{
    return ST_MIN(ST_MIN(a, b), c);
}

/* Edit distance over bytes, case folded, a swap of neighbours counting one (optimal string alignment). */
static uint32_t edit_distance(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b);
    if (na > NEAR_LONGEST || nb > NEAR_LONGEST) return NEAR_FAR;
    uint32_t rows[3][NEAR_LONGEST + 1];
    uint32_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= nb; j++) last[j] = (uint32_t)j;
    for (size_t i = 1; i <= na; i++) {
        row[0] = (uint32_t)i;
        for (size_t j = 1; j <= nb; j++) {
            uint32_t ca = st_lower_cp((unsigned char)a[i - 1]), cb = st_lower_cp((unsigned char)b[j - 1]);
            row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + (ca != cb));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = ST_MIN(row[j], before[j - 2] + 1);
        }
        uint32_t *t = before;
        before = last, last = row, row = t;
    }
    return last[nb];
}

/* Smaller is nearer; NEAR_FAR: not worth saying. A third of the word may differ, at least one letter. A common
 * beginning or end of three letters or more is near too, behind every small slip. */
static uint32_t near_cost(const char *word, const char *candidate)
{
    size_t n = strlen(word), m = strlen(candidate);
    uint32_t d = edit_distance(word, candidate);
    if (d <= 1 || d * 3 <= ST_MAX(n, m)) return d * 4;
    size_t shorter = ST_MIN(n, m);
    if (shorter >= 3 && (strncmp(word, candidate, shorter) == 0 ||
                         strcmp(word + (n - shorter), candidate + (m - shorter)) == 0))
        return 40 + (uint32_t)(ST_MAX(n, m) - shorter);
    return NEAR_FAR;
}

void st_near_add(st_near *near, const char *word, const char *candidate)
{
    uint32_t cost = near_cost(word, candidate);
    if (cost >= NEAR_FAR) return;
    for (uint32_t i = 0; i < near->n; i++)
        if (strcmp(near->names[i], candidate) == 0) return;
    uint32_t i = near->n;
    while (i > 0 && near_cost(word, near->names[i - 1]) > cost) i--;
    if (i == ST_COUNT(near->names)) return;
    if (near->n < ST_COUNT(near->names)) near->n++;
    for (uint32_t j = near->n - 1; j > i; j--) near->names[j] = near->names[j - 1];
    near->names[i] = candidate;
}
