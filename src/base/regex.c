/* Regular expressions: checks that a pattern keeps to the portable subset, and writes its normal form.
 *
 * The normal form escapes the same way everywhere: every literal that is punctuation is written with a backslash, classes are
 * written out as ranges, \d \w \s as classes. Folding lower-cases literals and, in a class, replaces every letter by its lower
 * case; a folded pattern is matched against folded text. The normal form of a normal form is itself. */
#include "base/text.h"

enum { MAX_REPEAT = 1000, MAX_DEPTH = 50, MAX_NORMAL = 1 << 16, MAX_SIZE = 20000 };

typedef struct scan {
    st_arena *a;
    st_str in;
    uint32_t at;
    bool fold;
    st_buf out;
    uint32_t depth;
    uint64_t size; /* pieces of the pattern with every repetition written out; at most MAX_SIZE */
    st_regex_error *err;
} scan;

static bool fail_at(scan *s, uint32_t offset, uint32_t length, const char *what)
{
    *s->err = (st_regex_error){offset, length, what};
    return false;
}

static void put(scan *s, const char *z)
{
    st_buf_puts(s->a, &s->out, z);
}

static bool is_punctuation(uint32_t c)
{
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
           (c >= '{' && c <= '~');
}

static void put_literal(scan *s, uint32_t cp)
{
    char utf8[5] = {0};
    if (s->fold) cp = st_lower_cp(cp);
    if (is_punctuation(cp)) put(s, "\\");
    st_buf_add(s->a, &s->out, utf8, st_utf8_put(cp, utf8));
}

/* ---- classes: sets of ASCII characters ---- */

typedef struct ascii_set {
    bool has[128];
} ascii_set;

static void add_range(const scan *s, ascii_set *set, uint32_t lo, uint32_t hi)
{
    for (uint32_t c = lo; c <= hi; c++) set->has[s->fold ? st_lower_cp(c) : c] = true;
}

static void add_named(const scan *s, ascii_set *set, char name)
{
    switch (name) {
    case 'd': add_range(s, set, '0', '9'); break;
    case 'w':
        add_range(s, set, '0', '9');
        add_range(s, set, 'A', 'Z');
        add_range(s, set, 'a', 'z');
        add_range(s, set, '_', '_');
        break;
    default:
        add_range(s, set, '\t', '\r');
        add_range(s, set, ' ', ' ');
        break;
    }
}

static void put_class_char(scan *s, uint32_t c)
{
    if (is_punctuation(c)) put(s, "\\");
    char one = (char)c;
    st_buf_add(s->a, &s->out, &one, 1);
}

static void put_class(scan *s, const ascii_set *set, bool negated)
{
    put(s, negated ? "[^" : "[");
    for (uint32_t c = 0; c < 128; c++) {
        if (!set->has[c]) continue;
        uint32_t last = c;
        while (last + 1 < 128 && set->has[last + 1]) last++;
        put_class_char(s, c);
        if (last > c + 1) put(s, "-");
        if (last > c) put_class_char(s, last);
        c = last;
    }
    put(s, "]");
}

/* One character of a class, or a named set when *named is set. */
static bool class_char(scan *s, uint32_t *c, char *named)
{
    *named = 0;
    uint32_t start = s->at;
    unsigned char b = (unsigned char)s->in.p[s->at++];
    if (b >= 0x80)
        return fail_at(s, start, 1, "a class in square brackets holds plain (ASCII) characters only");
    if (b != '\\') {
        *c = b;
        return true;
    }
    if (s->at == s->in.n) return fail_at(s, start, 1, "a \\ at the end has nothing to escape");
    b = (unsigned char)s->in.p[s->at++];
    if (b == 'd' || b == 'w' || b == 's') {
        *named = (char)b;
        return true;
    }
    if (!is_punctuation(b)) return fail_at(s, start, 2, "only \\d \\w \\s and escaped punctuation are known");
    *c = b;
    return true;
}

static bool parse_class(scan *s)
{
    uint32_t open = s->at++;
    bool negated = s->at < s->in.n && s->in.p[s->at] == '^';
    if (negated) s->at++;
    ascii_set set = {{false}};
    bool any = false;
    for (;; any = true) {
        if (s->at >= s->in.n) return fail_at(s, open, 1, "[ is never closed by ]");
        if (s->in.p[s->at] == ']') break;
        uint32_t from = s->at, lo = 0, hi = 0;
        char named;
        if (s->in.p[s->at] == '[') return fail_at(s, from, 1, "[ inside a class is written \\[");
        if (!class_char(s, &lo, &named)) return false;
        if (named) {
            add_named(s, &set, named);
            continue;
        }
        hi = lo;
        if (s->at + 1 < s->in.n && s->in.p[s->at] == '-' && s->in.p[s->at + 1] != ']') {
            s->at++;
            if (!class_char(s, &hi, &named)) return false;
            if (named || hi < lo)
                return fail_at(s, from, s->at - from, "a range runs from a smaller to a larger character");
        }
        add_range(s, &set, lo, hi);
    }
    if (!any) return fail_at(s, open, s->at + 1 - open, "a class needs at least one character");
    s->at++;
    put_class(s, &set, negated);
    return true;
}

/* ---- repetition ---- */

static bool parse_count(scan *s, uint32_t *n)
{
    uint32_t start = s->at;
    for (*n = 0; s->at < s->in.n && s->in.p[s->at] >= '0' && s->in.p[s->at] <= '9'; s->at++)
        *n = ST_MIN(*n * 10 + (uint32_t)(s->in.p[s->at] - '0'), MAX_REPEAT + 1);
    return s->at > start;
}

static bool parse_braces(scan *s)
{
    uint32_t open = s->at++, least, most;
    if (!parse_count(s, &least))
        return fail_at(s, open, 1,
                       "{ is followed by a count, as in {3} or {2,5}; the character itself is \\{");
    most = least;
    bool open_ended = false;
    if (s->at < s->in.n && s->in.p[s->at] == ',') {
        s->at++;
        open_ended = !parse_count(s, &most);
    }
    if (s->at >= s->in.n || s->in.p[s->at] != '}')
        return fail_at(s, open, s->at - open, "{ is never closed by }");
    s->at++;
    if (least > MAX_REPEAT || (!open_ended && most > MAX_REPEAT))
        return fail_at(s, open, s->at - open, "a repeat count is at most 1000");
    if (!open_ended && most < least) return fail_at(s, open, s->at - open, "the smaller count comes first");
    s->size *= open_ended ? least + 1 : most;
    if (open_ended)
        st_buf_printf(s->a, &s->out, "{%u,}", least);
    else if (most == least)
        st_buf_printf(s->a, &s->out, "{%u}", least);
    else
        st_buf_printf(s->a, &s->out, "{%u,%u}", least, most);
    return true;
}

static bool parse_repeat(scan *s)
{
    if (s->at >= s->in.n) return true;
    switch (s->in.p[s->at]) {
    case '*': s->at++, put(s, "*"); break;
    case '+': s->at++, put(s, "+"); break;
    case '?': s->at++, put(s, "?"); break;
    case '{':
        if (!parse_braces(s)) return false;
        break;
    default: return true;
    }
    if (s->at < s->in.n && strchr("*+?{", s->in.p[s->at]))
        return fail_at(s, s->at, 1, "one repetition cannot follow another");
    return true;
}

/* ---- the pattern ---- */

static bool parse_alternatives(scan *s);

static bool parse_group(scan *s)
{
    uint32_t open = s->at++;
    if (++s->depth > MAX_DEPTH) return fail_at(s, open, 1, "brackets are nested too deeply (50 at most)");
    if (s->at < s->in.n && s->in.p[s->at] == '?')
        return fail_at(s, open, 2, "(? … ) forms are not part of the portable subset");
    put(s, "(");
    if (!parse_alternatives(s)) return false;
    if (s->at >= s->in.n) return fail_at(s, open, 1, "( is never closed by )");
    s->at++, s->depth--;
    put(s, ")");
    return true;
}

static bool parse_escape(scan *s)
{
    uint32_t start = s->at++;
    if (s->at >= s->in.n) return fail_at(s, start, 1, "a \\ at the end has nothing to escape");
    char c = s->in.p[s->at++];
    if (c == 'd' || c == 'w' || c == 's') {
        ascii_set set = {{false}};
        add_named(s, &set, c);
        put_class(s, &set, false);
        return true;
    }
    if (!is_punctuation((unsigned char)c))
        return fail_at(s, start, 2, "only \\d \\w \\s and escaped punctuation are known");
    put_literal(s, (unsigned char)c);
    return true;
}

/* One atom and its repetition. */
static bool parse_repeated(scan *s)
{
    switch (s->in.p[s->at]) {
    case '^': s->at++, put(s, "^"); break;
    case '$': s->at++, put(s, "$"); break;
    case '*': return fail_at(s, s->at, 1, "* has nothing to repeat");
    case '+': return fail_at(s, s->at, 1, "+ has nothing to repeat");
    case '?': return fail_at(s, s->at, 1, "? has nothing to repeat");
    case '{': return fail_at(s, s->at, 1, "{ has nothing to repeat; the character itself is \\{");
    case '[': return parse_class(s) && parse_repeat(s);
    case '(': return parse_group(s) && parse_repeat(s);
    case '\\': return parse_escape(s) && parse_repeat(s);
    case '.': s->at++, put(s, "."); return parse_repeat(s);
    default: {
        const char *p = s->in.p + s->at;
        put_literal(s, st_utf8_next(&p, s->in.p + s->in.n));
        s->at = (uint32_t)(p - s->in.p);
        return parse_repeat(s);
    }
    }
    if (s->at < s->in.n && strchr("*+?{", s->in.p[s->at]))
        return fail_at(s, s->at, 1, "^ and $ cannot be repeated");
    return true;
}

static bool parse_piece(scan *s)
{
    uint64_t before = s->size;
    s->size = 1;
    if (!parse_repeated(s)) return false;
    s->size += before;
    if (s->size > MAX_SIZE) return fail_at(s, 0, s->in.n, "the pattern repeats too much");
    return true;
}

static bool parse_alternatives(scan *s)
{
    while (s->at < s->in.n && s->in.p[s->at] != ')') {
        if (s->in.p[s->at] == '|') {
            s->at++, put(s, "|");
            continue;
        }
        if (!parse_piece(s)) return false;
        if (s->out.n > MAX_NORMAL) return fail_at(s, 0, s->in.n, "the pattern is too long");
    }
    return true;
}

bool st_regex_check(st_arena *a, st_str pattern, bool fold, st_str *normal, st_regex_error *err)
{
    scan s = {.a = a, .in = pattern, .fold = fold, .err = err};
    if (!parse_alternatives(&s)) return false;
    if (s.at < s.in.n) return fail_at(&s, s.at, 1, ") has no ( before it; the character itself is \\)");
    const char *z = st_buf_text(a, &s.out);
    *normal = (st_str){z, s.out.n};
    return true;
}
