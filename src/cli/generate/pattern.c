/* The pattern is read and its text written at the same time; what is repeated is read again. */
#include "cli/generate/pattern.h"

#include <stdlib.h>

enum { MOST_TEXT = 200, MOST_REPEATS = 3 };

typedef struct writer {
    st_arena *a;
    st_buf out;
    gen_random *r;
} writer;

static void write_choice(writer *w, const char *p, const char *end);

static const char *class_end(const char *p, const char *end)
{
    p += p + 1 < end && p[1] == '^' ? 2 : 1;
    if (p < end && *p == ']') p++; /* the first one stands for itself */
    for (; p < end && *p != ']'; p++)
        if (*p == '\\') p++;
    return p < end ? p + 1 : end;
}

static const char *group_end(const char *p, const char *end)
{
    int depth = 0;
    while (p < end) {
        if (*p == '[') {
            p = class_end(p, end);
            continue;
        }
        depth += (*p == '(') - (*p == ')');
        p += *p == '\\' ? 2 : 1;
        if (depth == 0) break;
    }
    return p < end ? p : end;
}

static const char *atom_end(const char *p, const char *end)
{
    if (*p == '(') return group_end(p, end);
    if (*p == '[') return class_end(p, end);
    if (*p == '\\') return p + 2 < end ? p + 2 : end;
    st_utf8_next(&p, end);
    return p;
}

/* Whether \d, \w or \s holds the character; any other is itself. */
static bool escape_holds(char escape, char c)
{
    bool digit = c >= '0' && c <= '9', letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (escape == 'd') return digit;
    if (escape == 'w') return digit || letter || c == '_';
    if (escape == 's') return c == ' ';
    return escape == c;
}

static bool class_holds(const char *p, const char *end, char c)
{
    bool other = p[1] == '^', found = false;
    for (p += other ? 2 : 1; p < end - 1; p++) {
        if (*p == '\\') {
            found = found || escape_holds(*++p, c);
        } else if (p + 2 < end - 1 && p[1] == '-') {
            found = found || (c >= *p && c <= p[2]);
            p += 2;
        } else {
            found = found || c == *p;
        }
    }
    return found != other;
}

/* One character of those that `holds` takes, letters and digits before anything else. */
static void write_one(writer *w, bool (*holds)(const char *p, const char *end, char c), const char *p,
                      const char *end)
{
    static const char common[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char rare[] = " -_.,:;/@+#!?'()[]{}<>=*&%$";
    char fitting[sizeof common + sizeof rare];
    uint32_t n = 0;
    for (const char *c = common; *c; c++)
        if (holds(p, end, *c)) fitting[n++] = *c;
    for (const char *c = rare; n == 0 && *c; c++)
        if (holds(p, end, *c)) fitting[n++] = *c;
    if (n) st_buf_add(w->a, &w->out, &fitting[gen_below(w->r, n)], 1);
}

static bool single_holds(const char *p, const char *end, char c)
{
    (void)end;
    return *p == '.' || escape_holds(p[1], c);
}

static void write_atom(writer *w, const char *p, const char *end)
{
    if (*p == '(')
        write_choice(w, p + 1, end - 1);
    else if (*p == '[')
        write_one(w, class_holds, p, end);
    else if (*p == '.' || (*p == '\\' && p[1] && strchr("dws", p[1])))
        write_one(w, single_holds, p, end);
    else if (*p == '\\')
        st_buf_add(w->a, &w->out, p + 1, (size_t)(end - p - 1));
    else if (*p != '^' && *p != '$')
        st_buf_add(w->a, &w->out, p, (size_t)(end - p));
}

/* How often the atom before p is repeated; *p is moved behind the sign. */
static uint32_t repeats(writer *w, const char **p, const char *end)
{
    unsigned long low = 1, high = 1;
    if (*p == end) return 1;
    if (**p == '*' || **p == '?' || **p == '+') {
        low = **p == '+';
        high = **p == '?' ? 1 : MOST_REPEATS;
        ++*p;
    } else if (**p == '{') {
        char *after;
        low = high = strtoul(*p + 1, &after, 10);
        if (*after == ',') high = after[1] == '}' ? low + MOST_REPEATS : strtoul(after + 1, &after, 10);
        while (*p < end && **p != '}') ++*p;
        if (*p < end) ++*p;
    }
    return (uint32_t)low + gen_below(w->r, (uint32_t)(high - low + 1));
}

static void write_sequence(writer *w, const char *p, const char *end)
{
    while (p < end) {
        const char *atom = p, *behind = atom_end(p, end);
        p = behind;
        uint32_t n = repeats(w, &p, end);
        for (uint32_t i = 0; i < n && w->out.n < MOST_TEXT; i++) write_atom(w, atom, behind);
    }
}

static void write_choice(writer *w, const char *p, const char *end)
{
    uint32_t n = 1, chosen;
    for (const char *q = p; q < end; q = atom_end(q, end)) n += *q == '|';
    for (chosen = gen_below(w->r, n); chosen; p = atom_end(p, end)) chosen -= *p == '|';
    const char *stop = p;
    while (stop < end && *stop != '|') stop = atom_end(stop, end);
    write_sequence(w, p, stop);
}

const char *gen_text_like(st_arena *a, st_str pattern, gen_random *r)
{
    writer w = {.a = a, .r = r};
    const char *copy = st_dup(a, pattern.p, pattern.n); /* numbers are read up to a NUL */
    write_choice(&w, copy, copy + pattern.n);
    return st_buf_text(a, &w.out);
}
