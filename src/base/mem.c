#include "base/mem.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* ---- environment ---- */

struct block {
    struct block *next;
    size_t bytes; /* of the whole block, header included */
};

struct st_arena {
    st_env *env;
    st_arena *prev, *next; /* in env->arenas, newest first */
    struct block *blocks;  /* newest first; the first one is being filled */
    char *at, *end;
    size_t next_block;
};

enum { HEADER = 64, FIRST_BLOCK = 4096, LARGEST_BLOCK = 16 << 20, LARGE = 4 << 20, LARGE_PAGE = 2 << 20 };

/* ---- large blocks ----
 * They begin at a large page, and the system is asked to make them of such: columns are read and written from end to end, and
 * small pages cost as much as the work. The system zeroes each page that it hands out, which is a third of a run over many
 * traits; so a program that asks for it (st_keep_large_blocks) keeps those given back for the next that asks, and the system is told
 * that it may have them whenever memory is short. */

enum { KEPT_BLOCKS = 128 };

typedef struct kept_block {
    void *p;
    size_t bytes;
} kept_block;

static struct {
    pthread_mutex_t lock;
    size_t most; /* bytes */
    uint32_t n;
    size_t bytes;
    kept_block blocks[KEPT_BLOCKS]; /* oldest first */
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

void st_keep_large_blocks(size_t most)
{
    kept.most = most;
}

static size_t whole_pages(size_t bytes)
{
    return (bytes + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
}

static void *remove_kept(uint32_t i)
{
    void *p = kept.blocks[i].p;
    kept.bytes -= kept.blocks[i].bytes;
    kept.n--;
    memmove(kept.blocks + i, kept.blocks + i + 1, (kept.n - i) * sizeof *kept.blocks);
    return p;
}

/* The smallest block that is kept and large enough, unless it were half wasted; NULL: there is none. */
static void *take_kept(size_t whole)
{
    uint32_t best = KEPT_BLOCKS;
    pthread_mutex_lock(&kept.lock);
    for (uint32_t i = kept.n; i-- > 0;) {
        size_t have = kept.blocks[i].bytes;
        if (have >= whole && have / 2 <= whole && (best == KEPT_BLOCKS || have < kept.blocks[best].bytes))
            best = i;
    }
    void *p = best < KEPT_BLOCKS ? remove_kept(best) : NULL;
    pthread_mutex_unlock(&kept.lock);
    return p;
}

static void keep_large(void *p, size_t whole)
{
    if (whole > kept.most) {
        free(p);
        return;
    }
    void *dropped[KEPT_BLOCKS];
    uint32_t ndropped = 0;
    madvise(p, whole, MADV_FREE);
    pthread_mutex_lock(&kept.lock);
    while (kept.n == KEPT_BLOCKS || kept.bytes + whole > kept.most) dropped[ndropped++] = remove_kept(0);
    kept.blocks[kept.n++] = (kept_block){p, whole};
    kept.bytes += whole;
    pthread_mutex_unlock(&kept.lock);
    while (ndropped > 0) free(dropped[--ndropped]);
}

static void *allocate_large(size_t bytes)
{
    size_t whole = whole_pages(bytes);
    void *p = take_kept(whole);
    if (p) return p;
    p = aligned_alloc(LARGE_PAGE, whole);
    if (p) madvise(p, whole, MADV_HUGEPAGE); /* where it is refused, pages are small */
    return p;
}

static void *default_allocate(void *context, size_t bytes)
{
    (void)context;
    if (bytes >= LARGE) return allocate_large(bytes);
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void default_release(void *context, void *p, size_t bytes)
{
    (void)context;
    if (bytes >= LARGE)
        keep_large(p, whole_pages(bytes));
    else
        free(p);
}

/* ---- environments ---- */

void st_env_init(st_env *env, const strata_allocator *alloc)
{
    memset(env, 0, sizeof *env);
    env->alloc = alloc ? *alloc : (strata_allocator){default_allocate, default_release, NULL};
}

void st_env_child(st_env *child, const st_env *parent)
{
    st_env_init(child, &parent->alloc);
}

void st_env_close(st_env *env)
{
    while (env->arenas) st_arena_free(env->arenas);
}

void st_vfail(st_env *env, strata_status status, const char *fmt, va_list ap)
{
    env->error.status = status;
    vsnprintf(env->error.message, sizeof env->error.message, fmt, ap);
    if (!env->guard) {
        fprintf(stderr, "strata: %s\n", env->error.message);
        abort();
    }
    longjmp(*env->guard, 1);
}

void st_fail(st_env *env, strata_status status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    st_vfail(env, status, fmt, ap);
}

void st_guard_enter(st_env *env, st_guard *g)
{
    g->outer = env->guard;
    g->mark = env->arenas;
    env->guard = &g->here;
    env->error.status = STRATA_OK;
    env->error.message[0] = 0;
}

void st_guard_leave(st_env *env, st_guard *g)
{
    env->guard = g->outer;
}

void st_guard_unwind(st_env *env, st_guard *g)
{
    while (env->arenas && env->arenas != g->mark) st_arena_free(env->arenas);
    env->guard = g->outer;
}

/* ---- arenas ---- */

static void *take(st_env *env, size_t bytes)
{
    void *p = NULL;
    if (!env->limit || bytes <= env->limit - ST_MIN(env->used, env->limit))
        p = env->alloc.allocate(env->alloc.context, bytes);
    if (!p) st_fail(env, STRATA_NO_MEMORY, "Out of memory: %zu more bytes were needed.", bytes);
    env->used += bytes;
    return p;
}

static void unlink_arena(st_arena *a)
{
    if (a->prev)
        a->prev->next = a->next;
    else
        a->env->arenas = a->next;
    if (a->next) a->next->prev = a->prev;
}

st_arena *st_arena_new(st_env *env)
{
    st_arena *a = take(env, sizeof *a);
    memset(a, 0, sizeof *a);
    a->next_block = FIRST_BLOCK;
    a->env = env;
    a->next = env->arenas;
    if (a->next) a->next->prev = a;
    env->arenas = a;
    return a;
}

void st_arena_free(st_arena *a)
{
    if (!a) return;
    st_env *env = a->env;
    for (struct block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        env->used -= b->bytes;
        env->alloc.release(env->alloc.context, b, b->bytes);
    }
    unlink_arena(a);
    env->used -= sizeof *a;
    env->alloc.release(env->alloc.context, a, sizeof *a);
}

bool st_arena_move(st_arena *a, st_arena *beside)
{
    st_env *to = beside->env;
    size_t bytes = sizeof *a;
    for (const struct block *b = a->blocks; b; b = b->next) bytes += b->bytes;
    if (to->limit && bytes > to->limit - ST_MIN(to->used, to->limit)) return false;
    a->env->used -= bytes;
    unlink_arena(a);
    a->env = to;
    a->prev = beside; /* behind it: guards that were entered since then do not free it */
    a->next = beside->next;
    if (a->next) a->next->prev = a;
    beside->next = a;
    to->used += bytes;
    return true;
}

st_env *st_arena_env(const st_arena *a)
{
    return a->env;
}

/* A large piece gets a block of its own, put behind the one being filled. */
static void *own_block(st_arena *a, size_t bytes)
{
    struct block *b = take(a->env, HEADER + bytes);
    b->bytes = HEADER + bytes;
    if (a->blocks) {
        b->next = a->blocks->next;
        a->blocks->next = b;
    } else {
        b->next = NULL;
        a->blocks = b;
    }
    return (char *)b + HEADER;
}

static void *carve(st_arena *a, size_t bytes, size_t align)
{
    if (bytes > SIZE_MAX / 2)
        st_fail(a->env, STRATA_NO_MEMORY, "Out of memory: a size of %zu bytes was asked for.", bytes);
    if (bytes > LARGEST_BLOCK / 4) return own_block(a, bytes);
    size_t pad = a->at ? (align - ((uintptr_t)a->at & (align - 1))) & (align - 1) : 0;
    if (!a->at || bytes + pad > (size_t)(a->end - a->at)) {
        while (a->next_block < HEADER + bytes) a->next_block *= 2;
        struct block *b = take(a->env, a->next_block);
        b->bytes = a->next_block;
        b->next = a->blocks;
        a->blocks = b;
        a->at = (char *)b + HEADER;
        a->end = (char *)b + b->bytes;
        if (a->next_block < LARGEST_BLOCK) a->next_block *= 2;
        pad = 0;
    }
    void *p = a->at + pad;
    a->at += pad + bytes;
    return p;
}

void *st_alloc(st_arena *a, size_t bytes)
{
    void *p = carve(a, bytes, 16);
    if (bytes) memset(p, 0, bytes);
    return p;
}

void *st_alloc_raw(st_arena *a, size_t bytes)
{
    return carve(a, (bytes + 63) / 64 * 64, 64);
}

void *st_alloc_array(st_arena *a, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / 2 / size)
        st_fail(a->env, STRATA_NO_MEMORY, "Out of memory: %zu elements of %zu bytes were asked for.", n,
                size);
    return st_alloc(a, n * size);
}

char *st_dup(st_arena *a, const char *p, size_t n)
{
    char *z = carve(a, n + 1, 1);
    if (n) memcpy(z, p, n);
    z[n] = 0;
    return z;
}

st_str st_str_dup(st_arena *a, st_str s)
{
    return (st_str){st_dup(a, s.p, s.n), s.n};
}

char *st_vformat(st_arena *a, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    char *z = carve(a, (size_t)n + 1, 1);
    vsnprintf(z, (size_t)n + 1, fmt, ap);
    return z;
}

char *st_format(st_arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *z = st_vformat(a, fmt, ap);
    va_end(ap);
    return z;
}

/* ---- growing arrays and text ---- */

void *st_vec_grow(st_arena *a, void *p, uint32_t n, uint32_t *cap, size_t size)
{
    if (*cap > UINT32_MAX / 2)
        st_fail(a->env, STRATA_NO_MEMORY, "A list of more than %u entries was asked for.", *cap);
    *cap = *cap ? *cap * 2 : 8;
    if (*cap > SIZE_MAX / 2 / size)
        st_fail(a->env, STRATA_NO_MEMORY, "Out of memory: %u elements of %zu bytes were asked for.", *cap,
                size);
    char *q = carve(a, *cap * size, 16);
    if (n) memcpy(q, p, n * size);
    memset(q + n * size, 0, (*cap - n) * size);
    return q;
}

void st_buf_add(st_arena *a, st_buf *b, const char *p, size_t n)
{
    if (n > UINT32_MAX / 2 || b->n > UINT32_MAX / 2 - n)
        st_fail(a->env, STRATA_NO_MEMORY, "A text of more than two gigabytes was asked for.");
    while (b->cap - b->n < n + 1) b->p = st_vec_grow(a, b->p, b->n, &b->cap, 1);
    if (n) memcpy(b->p + b->n, p, n);
    b->n += (uint32_t)n;
}

void st_buf_puts(st_arena *a, st_buf *b, const char *z)
{
    st_buf_add(a, b, z, strlen(z));
}

void st_buf_printf(st_arena *a, st_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    while (b->cap - b->n < (uint32_t)n + 1) b->p = st_vec_grow(a, b->p, b->n, &b->cap, 1);
    vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
    va_end(again);
    b->n += (uint32_t)n;
}

const char *st_buf_text(st_arena *a, st_buf *b)
{
    if (b->cap == b->n) b->p = st_vec_grow(a, b->p, b->n, &b->cap, 1);
    b->p[b->n] = 0;
    return b->p;
}

/* ---- hash map ---- */

uint64_t st_hash_bytes(const void *p, size_t n)
{
    const unsigned char *b = p;
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15) ^ (n * UINT64_C(0xff51afd7ed558ccd));
    for (; n >= 8; n -= 8, b += 8) {
        uint64_t w;
        memcpy(&w, b, 8);
        h = (h ^ w) * UINT64_C(0x9fb21c651e98df25);
        h ^= h >> 32;
    }
    uint64_t w = 0;
    if (n) memcpy(&w, b, n);
    h = (h ^ w) * UINT64_C(0x9fb21c651e98df25);
    h ^= h >> 29;
    h *= UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ (h >> 32);
}

void st_map_init(st_map *m, st_arena *a)
{
    memset(m, 0, sizeof *m);
    m->arena = a;
}

/* The slot that holds the key, or the free one where it would go. Slots hold entry number + 1. */
static uint32_t *find_slot(const st_map *m, const void *key, size_t n, uint64_t hash)
{
    for (uint64_t i = hash;; i++) {
        uint32_t *s = &m->slots[i & (m->nslots - 1)];
        if (!*s) return s;
        const st_map_entry *e = &m->entries.p[*s - 1];
        if (e->hash == hash && e->key.n == n && (n == 0 || memcmp(e->key.p, key, n) == 0)) return s;
    }
}

void *st_map_get(const st_map *m, const void *key, size_t n)
{
    if (!m->nslots) return NULL;
    uint32_t s = *find_slot(m, key, n, st_hash_bytes(key, n));
    return s ? m->entries.p[s - 1].value : NULL;
}

static void grow_slots(st_map *m)
{
    m->nslots = m->nslots ? m->nslots * 2 : 16;
    m->slots = st_new_n(m->arena, uint32_t, m->nslots);
    for (uint32_t e = 0; e < m->entries.n; e++) {
        uint64_t i = m->entries.p[e].hash;
        while (m->slots[i & (m->nslots - 1)]) i++;
        m->slots[i & (m->nslots - 1)] = e + 1;
    }
}

void **st_map_put(st_map *m, const void *key, size_t n, bool *is_new)
{
    uint64_t hash = st_hash_bytes(key, n);
    if (m->entries.n >= m->nslots / 2) grow_slots(m);
    uint32_t *s = find_slot(m, key, n, hash);
    if (is_new) *is_new = *s == 0;
    if (*s == 0) {
        st_map_entry *e = st_push(m->arena, &m->entries);
        e->key = (st_str){st_dup(m->arena, key, n), (uint32_t)n};
        e->hash = hash;
        *s = m->entries.n;
    }
    return &m->entries.p[*s - 1].value;
}

void st_names_init(st_names *names, st_arena *a)
{
    st_map_init(&names->map, a);
}

const char *st_intern(st_names *names, const char *p, size_t n)
{
    bool is_new;
    void **v = st_map_put(&names->map, p, n, &is_new);
    if (is_new) *v = st_dup(names->map.arena, p, n);
    return *v;
}
