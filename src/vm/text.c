/* Text by dictionary: a question is asked once of each distinct text, a function makes a new dictionary. */
#include "vm/parts.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* ---- making dictionaries ---- */

/* Texts in the making; `index` finds those that are there. */
typedef struct builder {
    st_arena *a, *scratch;
    st_map index;
    ST_VEC(uint64_t) offsets;
    char *bytes;
    uint64_t n, room;
} builder;

static void builder_init(builder *b, st_arena *a, st_arena *scratch)
{
    memset(b, 0, sizeof *b);
    b->a = a;
    b->scratch = scratch;
    st_map_init(&b->index, scratch);
    *st_push(scratch, &b->offsets) = 0;
}

static uint32_t builder_add(builder *b, st_str s)
{
    bool is_new;
    void **place = st_map_put(&b->index, s.p ? s.p : "", s.n, &is_new);
    if (!is_new) return (uint32_t)(uintptr_t)*place;
    uint32_t code = b->offsets.n - 1;
    *place = (void *)(uintptr_t)code;
    if (b->room - b->n < s.n) {
        b->room = ST_MAX(b->room * 2, b->n + s.n + 64);
        char *larger = st_alloc_raw(b->scratch, b->room);
        if (b->n) memcpy(larger, b->bytes, b->n);
        b->bytes = larger;
    }
    if (s.n) memcpy(b->bytes + b->n, s.p, s.n);
    b->n += s.n;
    *st_push(b->scratch, &b->offsets) = b->n;
    return code;
}

static const st_dict *builder_finish(const builder *b)
{
    st_dict *d = st_new(b->a, st_dict);
    d->n = b->offsets.n - 1;
    uint64_t *offsets = st_new_n(b->a, uint64_t, b->offsets.n);
    memcpy(offsets, b->offsets.p, b->offsets.n * sizeof *offsets);
    d->offsets = offsets;
    char *bytes = st_alloc_raw(b->a, b->n + 1);
    if (b->n) memcpy(bytes, b->bytes, b->n);
    d->bytes = bytes;
    return d;
}

const st_dict *st_dict_of(st_arena *a, const st_str *texts, uint32_t n, uint32_t *codes)
{
    st_arena *scratch = st_arena_new(st_arena_env(a));
    builder b;
    builder_init(&b, a, scratch);
    for (uint32_t i = 0; i < n; i++) codes[i] = builder_add(&b, texts[i]);
    const st_dict *d = builder_finish(&b);
    st_arena_free(scratch);
    return d;
}

const st_dict *st_dict_join(st_arena *a, const st_dict *x, const st_dict *y, uint32_t **map)
{
    *map = NULL;
    if (x == y) return x;
    st_arena *scratch = st_arena_new(st_arena_env(a));
    builder b;
    builder_init(&b, a, scratch);
    for (uint32_t i = 0; i < x->n; i++) builder_add(&b, st_dict_get(x, i));
    *map = st_new_n(a, uint32_t, y->n + 1);
    for (uint32_t i = 0; i < y->n; i++) (*map)[i] = builder_add(&b, st_dict_get(y, i));
    const st_dict *d = builder_finish(&b);
    st_arena_free(scratch);
    return d;
}

enum { SCRATCH_TEXTS = 4096 }; /* between two emptyings of working memory */

const st_dict *st_dict_transform(st_arena *a, st_arena *scratch, const st_dict *d, st_bc_op op,
                                 uint32_t **map)
{
    st_arena *texts = NULL;
    builder b;
    builder_init(&b, a, scratch);
    *map = st_new_n(scratch, uint32_t, d->n + 1);
    for (uint32_t i = 0; i < d->n; i++) {
        if (i % SCRATCH_TEXTS == 0) {
            st_arena_free(texts);
            texts = st_arena_new(st_arena_env(a));
        }
        st_str s = st_dict_get(d, i);
        switch (op) {
        case ST_BC_LOWER: s = st_text_lower(texts, s); break;
        case ST_BC_UPPER: s = st_text_upper(texts, s); break;
        case ST_BC_TRIM: s = st_text_trim(s); break;
        default: s = st_text_domain(texts, s); break;
        }
        bool missing = op == ST_BC_DOMAIN && !s.p;
        (*map)[i] = missing ? UINT32_MAX : builder_add(&b, s);
    }
    st_arena_free(texts);
    return builder_finish(&b);
}

/* ---- tests ---- */

bool st_text_test_holds(st_bc_test test, st_str x, st_str y)
{
    switch (test) {
    case ST_TEST_STARTS: return st_text_starts(x, y);
    case ST_TEST_NOT_STARTS: return !st_text_starts(x, y);
    case ST_TEST_ENDS: return st_text_ends(x, y);
    case ST_TEST_NOT_ENDS: return !st_text_ends(x, y);
    case ST_TEST_CONTAINS: return st_text_contains(x, y);
    case ST_TEST_NOT_CONTAINS: return !st_text_contains(x, y);
    default: return false;
    }
}

enum { LONGEST_BYTE_TABLE = 1 << 16, SHORTEST_BYTE_TABLE = 256 };

st_code_set st_code_set_new(st_arena *a, const st_dict *d)
{
    st_code_set s = {.n = d->n + 1};
    if (d->n <= LONGEST_BYTE_TABLE)
        s.bytes = st_alloc(a, ST_MAX(d->n + 1, SHORTEST_BYTE_TABLE));
    else
        s.bits = st_bitmap_new(a, (uint64_t)d->n + 1);
    return s;
}

void st_code_set_look(st_code_set *s)
{
    if (!s->bytes) return;
    uint32_t n = 0;
    for (uint32_t code = 0; code < s->n && n < 2; code++) {
        if (!s->bytes[code]) continue;
        s->only = (uint16_t)code;
        n++;
    }
    s->single = n == 1;
}

typedef struct question_job {
    st_code_set *set;
    const st_dict *d;
    st_text_question holds;
    const void *ctx;
} question_job;

enum { TEXTS_A_TASK = 1 << 14 }; /* whole words of a set */

static void ask_texts(void *ctx, uint64_t task, st_env *env)
{
    (void)env;
    const question_job *j = ctx;
    uint32_t from = (uint32_t)task * TEXTS_A_TASK, to = ST_MIN(j->d->n, from + TEXTS_A_TASK);
    for (uint32_t i = from; i < to; i++)
        if (j->holds(j->ctx, st_dict_get(j->d, i))) st_code_set_add(j->set, i);
}

static uint64_t tasks_of(const st_dict *d)
{
    return ((uint64_t)d->n + TEXTS_A_TASK - 1) / TEXTS_A_TASK;
}

void st_code_set_ask(st_vm *vm, st_code_set *s, const st_dict *d, st_text_question holds, const void *ctx)
{
    question_job j = {s, d, holds, ctx};
    st_parallel(vm->env, vm->threads, tasks_of(d), ask_texts, &j);
}

/* ---- regular expressions ---- */

typedef struct matcher {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *context;
    int workspace[4096];
} matcher;

enum { MATCH_LIMIT = 1000000 };

/* 1 it matches, 0 it does not, -1 it cannot be said. The backtracking matcher is quick; where a text makes it try too much, the one
 * that follows all ways at once answers. */
static int matches(matcher *m, st_str s)
{
    PCRE2_SPTR text = (PCRE2_SPTR)(s.n ? s.p : "");
    int rc = pcre2_match(m->code, text, s.n, 0, PCRE2_NO_UTF_CHECK, m->data, m->context);
    if (rc != PCRE2_ERROR_NOMATCH && rc < 0)
        rc = pcre2_dfa_match(m->code, text, s.n, 0, PCRE2_NO_UTF_CHECK | PCRE2_DFA_SHORTEST, m->data,
                             m->context, m->workspace, ST_COUNT(m->workspace));
    return rc >= 0 ? 1 : rc == PCRE2_ERROR_NOMATCH ? 0 : -1;
}

static bool matcher_open(matcher *m, st_str pattern)
{
    int error;
    PCRE2_SIZE at;
    memset(m, 0, sizeof *m);
    pcre2_compile_context *how = pcre2_compile_context_create(NULL);
    if (how) {
        pcre2_set_newline(how, PCRE2_NEWLINE_LF);
        m->code = pcre2_compile((PCRE2_SPTR)(pattern.n ? pattern.p : ""), pattern.n,
                                PCRE2_UTF | PCRE2_DOLLAR_ENDONLY, &error, &at, how);
        pcre2_compile_context_free(how);
    }
    if (!m->code) return false;
    pcre2_jit_compile(m->code, PCRE2_JIT_COMPLETE); /* where it cannot, the interpreter does */
    m->data = pcre2_match_data_create_from_pattern(m->code, NULL);
    m->context = pcre2_match_context_create(NULL);
    if (m->context) pcre2_set_match_limit(m->context, MATCH_LIMIT);
    return m->data && m->context;
}

static void matcher_close(matcher *m)
{
    pcre2_match_context_free(m->context);
    pcre2_match_data_free(m->data);
    pcre2_code_free(m->code);
}

/* Whether each of n texts matches: of these codes, or, where `codes` is NULL, of those from `first` on. Nothing between open and close
 * may fail: PCRE2's memory is its own. */
static void match_texts(st_env *env, const st_dict *d, st_str pattern, const uint32_t *codes, uint32_t first,
                        uint32_t n, bool *answers)
{
    matcher m;
    bool opened = matcher_open(&m, pattern), stuck = false;
    uint32_t code = 0;
    for (uint32_t i = 0; opened && i < n && !stuck; i++) {
        code = codes ? codes[i] : first + i;
        int found = matches(&m, st_dict_get(d, code));
        stuck = found < 0;
        answers[i] = found == 1;
    }
    matcher_close(&m);
    int shown = (int)ST_MIN(pattern.n, 200);
    if (!opened)
        st_fail(env, STRATA_BAD_INPUT, "The pattern \"%.*s\" is too large; a shorter one is needed.", shown,
                pattern.p);
    if (stuck)
        st_fail(
            env, STRATA_BAD_INPUT,
            "Whether \"%.*s\" matches a text of %u bytes needs too much work; a simpler pattern is needed.",
            shown, pattern.p, st_dict_get(d, code).n);
}

typedef struct match_job {
    st_code_set *set;
    const st_dict *d;
    st_str pattern;
    bool negated;
} match_job;

static void match_task(void *ctx, uint64_t task, st_env *env)
{
    const match_job *j = ctx;
    bool answers[TEXTS_A_TASK];
    uint32_t first = (uint32_t)task * TEXTS_A_TASK, n = ST_MIN(j->d->n - first, TEXTS_A_TASK);
    match_texts(env, j->d, j->pattern, NULL, first, n, answers);
    for (uint32_t i = 0; i < n; i++)
        if (answers[i] != j->negated) st_code_set_add(j->set, first + i);
}

void st_code_set_match(st_vm *vm, st_code_set *set, const st_dict *d, st_str pattern, bool negated)
{
    match_job j = {set, d, pattern.n ? pattern : ST_STR(""), negated};
    st_parallel(vm->env, vm->threads, tasks_of(d), match_task, &j);
}

/* ---- answers found when they are asked for ---- */

enum { UNASKED, NO, YES };

st_code_memo *st_code_memo_new(st_arena *a, const st_dict *d, st_str pattern, bool negated)
{
    st_code_memo *m = st_new(a, st_code_memo);
    *m = (st_code_memo){d, pattern.n ? pattern : ST_STR(""), negated, st_alloc(a, (size_t)d->n + 1)};
    return m;
}

void st_code_memo_ask(st_env *env, const st_code_memo *m, const uint32_t *codes, uint32_t n)
{
    uint32_t open[ST_VM_BATCH], nopen = 0;
    bool answers[ST_VM_BATCH];
    for (uint32_t i = 0; i < n; i++)
        if (__atomic_load_n(&m->answers[codes[i]], __ATOMIC_RELAXED) == UNASKED) open[nopen++] = codes[i];
    if (!nopen) return;
    match_texts(env, m->dict, m->pattern, open, 0, nopen, answers);
    for (uint32_t i = 0; i < nopen; i++)
        __atomic_store_n(&m->answers[open[i]], answers[i] != m->negated ? YES : NO, __ATOMIC_RELAXED);
}

bool st_code_memo_holds(const st_code_memo *m, uint32_t code)
{
    return __atomic_load_n(&m->answers[code], __ATOMIC_RELAXED) == YES;
}
