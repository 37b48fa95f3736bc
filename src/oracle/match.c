/* Regular expressions in the normal form of st_regex_check. The pattern becomes a small program of a nondeterministic
 * automaton; all its threads step through the text together, so the time is at most pattern times text. */
#include "oracle/parts.h"

#include "base/text.h"

typedef enum match_op { M_CHAR, M_ANY, M_CLASS, M_SPLIT, M_JUMP, M_BEGIN, M_END, M_FOUND } match_op;

typedef struct match_step {
    match_op op;
    uint32_t a, b; /* CHAR: the character; CLASS: its index; SPLIT: two ways to go on; JUMP: where to */
} match_step;

typedef struct match_class {
    bool negated;
    bool has[128];
} match_class;

/* The threads that wait for a character, each at a step. */
typedef struct threads {
    uint32_t *at, n;
} threads;

struct st_pattern {
    ST_VEC(match_step) steps;
    ST_VEC(match_class) classes;
    threads now, next;
    uint32_t *pending; /* steps still to be followed */
    uint64_t *mark;    /* mark[i] == round: step i was reached in this round */
    uint64_t round;
};

typedef struct compiler {
    st_arena *a;
    st_pattern *out;
    const char *p, *end;
} compiler;

static uint32_t emit(compiler *c, match_op op, uint32_t a, uint32_t b)
{
    *st_push(c->a, &c->out->steps) = (match_step){op, a, b};
    return c->out->steps.n - 1;
}

static uint32_t class_char(compiler *c)
{
    if (*c->p != '\\') return (unsigned char)*c->p++;
    c->p++;
    if (*c->p != 'x') return (unsigned char)*c->p++;
    uint32_t v = 0;
    for (int i = 1; i <= 2; i++) v = v * 16 + (uint32_t)(c->p[i] <= '9' ? c->p[i] - '0' : c->p[i] - 'A' + 10);
    c->p += 3;
    return v;
}

static void compile_class(compiler *c)
{
    match_class set = {0};
    c->p++;
    if (*c->p == '^') set.negated = true, c->p++;
    while (*c->p != ']') {
        uint32_t low = class_char(c), high = low;
        if (*c->p == '-') c->p++, high = class_char(c);
        for (uint32_t i = low; i <= high; i++) set.has[i] = true;
    }
    c->p++;
    *st_push(c->a, &c->out->classes) = set;
    emit(c, M_CLASS, c->out->classes.n - 1, 0);
}

static void compile_alternatives(compiler *c);

static void compile_atom(compiler *c)
{
    switch (*c->p) {
    case '^': c->p++, emit(c, M_BEGIN, 0, 0); return;
    case '$': c->p++, emit(c, M_END, 0, 0); return;
    case '.': c->p++, emit(c, M_ANY, 0, 0); return;
    case '[': compile_class(c); return;
    case '(':
        c->p++;
        compile_alternatives(c);
        c->p++;
        return;
    case '\\': c->p++; break;
    default: break;
    }
    emit(c, M_CHAR, st_utf8_next(&c->p, c->end), 0);
}

/* How often the atom may follow itself; most == UINT32_MAX: without end. */
static void read_repeat(compiler *c, uint32_t *least, uint32_t *most)
{
    *least = *most = 1;
    if (c->p == c->end) return;
    switch (*c->p) {
    case '*': *least = 0, *most = UINT32_MAX, c->p++; return;
    case '+': *most = UINT32_MAX, c->p++; return;
    case '?': *least = 0, c->p++; return;
    case '{': break;
    default: return;
    }
    c->p++;
    *least = 0;
    while (*c->p >= '0' && *c->p <= '9') *least = *least * 10 + (uint32_t)(*c->p++ - '0');
    *most = *least;
    if (*c->p == ',') {
        c->p++;
        *most = *c->p == '}' ? UINT32_MAX : 0;
        while (*c->p >= '0' && *c->p <= '9') *most = *most * 10 + (uint32_t)(*c->p++ - '0');
    }
    c->p++;
}

/* Steps over an atom without compiling it, so that nested repetitions cost only what they ask for. */
static void skip_atom(compiler *c)
{
    uint32_t depth = 0;
    bool in_class = false;
    do {
        char ch = *c->p++;
        if (ch == '\\')
            c->p++;
        else if (in_class)
            in_class = ch != ']';
        else if (ch == '[')
            in_class = true;
        else if (ch == '(')
            depth++;
        else if (ch == ')')
            depth--;
    } while (depth || in_class);
    while (c->p < c->end && ((unsigned char)*c->p & 0xC0) == 0x80) c->p++; /* the rest of a character */
}

static void compile_copy(compiler *c, const char *atom)
{
    c->p = atom;
    compile_atom(c);
}

/* Writes the atom out as often as it may occur. */
static void compile_repeated(compiler *c)
{
    const char *atom = c->p;
    uint32_t least, most;
    skip_atom(c);
    read_repeat(c, &least, &most);
    const char *after = c->p;
    for (uint32_t i = 0; i < least; i++) compile_copy(c, atom);
    if (most == UINT32_MAX) {
        uint32_t split = emit(c, M_SPLIT, 0, 0);
        compile_copy(c, atom);
        emit(c, M_JUMP, split, 0);
        c->out->steps.p[split] = (match_step){M_SPLIT, split + 1, c->out->steps.n};
    } else {
        ST_VEC(uint32_t) splits = {0};
        for (uint32_t i = least; i < most; i++) {
            *st_push(c->a, &splits) = emit(c, M_SPLIT, 0, 0);
            compile_copy(c, atom);
        }
        for (uint32_t i = 0; i < splits.n; i++)
            c->out->steps.p[splits.p[i]] = (match_step){M_SPLIT, splits.p[i] + 1, c->out->steps.n};
    }
    c->p = after;
}

static void compile_alternatives(compiler *c)
{
    ST_VEC(uint32_t) ends = {0};
    for (;;) {
        uint32_t split = emit(c, M_SPLIT, 0, 0);
        while (c->p < c->end && *c->p != '|' && *c->p != ')') compile_repeated(c);
        c->out->steps.p[split] = (match_step){M_JUMP, split + 1, 0};
        if (c->p == c->end || *c->p == ')') break;
        c->p++;
        *st_push(c->a, &ends) = emit(c, M_JUMP, 0, 0);
        c->out->steps.p[split] = (match_step){M_SPLIT, split + 1, c->out->steps.n};
    }
    for (uint32_t i = 0; i < ends.n; i++) c->out->steps.p[ends.p[i]].a = c->out->steps.n;
}

st_pattern *st_pattern_new(st_arena *a, st_str normal)
{
    st_pattern *p = st_new(a, st_pattern);
    compiler c = {a, p, normal.p, normal.p + normal.n};
    compile_alternatives(&c);
    emit(&c, M_FOUND, 0, 0);
    p->now.at = st_new_n(a, uint32_t, p->steps.n);
    p->next.at = st_new_n(a, uint32_t, p->steps.n);
    p->mark = st_new_n(a, uint64_t, p->steps.n);
    p->pending = st_new_n(a, uint32_t, 2 * (size_t)p->steps.n + 1);
    return p;
}

/* Follows everything that takes no character from `start` on. Returns whether the end of the pattern was reached. */
static bool reach(st_pattern *p, threads *t, uint32_t start, bool begin, bool end)
{
    uint32_t n = 0;
    bool found = false;
    p->pending[n++] = start;
    while (n) {
        uint32_t i = p->pending[--n];
        if (p->mark[i] == p->round) continue;
        p->mark[i] = p->round;
        const match_step *s = &p->steps.p[i];
        switch (s->op) {
        case M_SPLIT:
            p->pending[n++] = s->a;
            p->pending[n++] = s->b;
            break;
        case M_JUMP: p->pending[n++] = s->a; break;
        case M_BEGIN:
            if (begin) p->pending[n++] = i + 1;
            break;
        case M_END:
            if (end) p->pending[n++] = i + 1;
            break;
        case M_FOUND: found = true; break;
        default: t->at[t->n++] = i;
        }
    }
    return found;
}

static bool takes(const st_pattern *p, const match_step *s, uint32_t cp)
{
    switch (s->op) {
    case M_CHAR: return s->a == cp;
    case M_ANY: return cp != '\n';
    case M_CLASS: {
        const match_class *set = &p->classes.p[s->a];
        return (cp < 128 && set->has[cp]) != set->negated;
    }
    default: return false;
    }
}

bool st_pattern_found(st_pattern *p, st_str text)
{
    const char *at = text.p, *end = text.p + text.n;
    p->round++;
    p->now.n = 0;
    if (reach(p, &p->now, 0, true, at == end)) return true;
    while (at < end) {
        uint32_t cp = st_utf8_next(&at, end);
        p->round++;
        p->next.n = 0;
        for (uint32_t i = 0; i < p->now.n; i++) {
            uint32_t step = p->now.at[i];
            if (takes(p, &p->steps.p[step], cp) && reach(p, &p->next, step + 1, false, at == end))
                return true;
        }
        /* A match may begin at every character. */
        if (reach(p, &p->next, 0, false, at == end)) return true;
        threads swap = p->now;
        p->now = p->next;
        p->next = swap;
    }
    return false;
}
