/* Memory by phase: everything a phase makes lives in an arena and is freed with it.
 *
 * Failure. Allocation never returns NULL: when memory (or the limit set on the environment) runs out, st_fail
 * unwinds with longjmp to the guard set at the library's boundary (ST_GUARD), which frees every arena of the
 * environment that was made since. So no code between checks for NULL, and nothing leaks. Consequences:
 *   - hold memory only in arenas (or free it yourself before anything that can fail);
 *   - never let st_fail cross a C++ frame or another library's callback: catch with a guard of your own
 * there;
 *   - one environment belongs to one thread at a time; worker threads get their own (st_env_child).
 */
#ifndef STRATA_BASE_MEM_H
#define STRATA_BASE_MEM_H

#include "base/base.h"
#include "strata/strata.h"

#include <setjmp.h>
#include <stdarg.h>

typedef struct st_arena st_arena;

typedef struct st_env {
    strata_allocator alloc; /* the caller's hook, or malloc and free */
    strata_error error;     /* filled by st_fail */
    jmp_buf *guard;         /* where st_fail goes; NULL: abort, a programming error */
    st_arena *arenas;       /* all live arenas of this environment */
    size_t used;            /* bytes held by them */
    size_t limit;           /* 0: none */
    uint32_t worker;        /* of st_parallel: number of the thread, from 0; the caller's is 0 */
} st_env;

void st_env_init(st_env *env, const strata_allocator *alloc);
void st_env_child(st_env *child, const st_env *parent); /* same allocator, no arenas, no guard */
void st_env_close(st_env *env);                         /* frees every arena still alive */

/* Fills env->error and unwinds to the guard. */
ST_NORETURN void st_fail(st_env *env, strata_status status, const char *fmt, ...) ST_PRINTF(3, 4);
ST_NORETURN void st_vfail(st_env *env, strata_status status, const char *fmt, va_list ap);

/* Runs `body` (a statement) under a guard; afterwards `ok` says whether it came through. Arenas made inside
 * the body and still alive are freed when it did not. bool ok; ST_GUARD(env, ok, { st_arena *a =
 * st_arena_new(env); ... }); Locals changed inside the body and read after it must be volatile or reached
 * through a pointer. */
typedef struct st_guard {
    jmp_buf here;
    jmp_buf *outer;
    st_arena *mark;
} st_guard;
void st_guard_enter(st_env *env, st_guard *g);
void st_guard_leave(st_env *env, st_guard *g);
void st_guard_unwind(st_env *env, st_guard *g);
#define ST_GUARD(env, ok, ...)                                                                               \
    do {                                                                                                     \
        st_guard st_guard_;                                                                                  \
        st_guard_enter((env), &st_guard_);                                                                   \
        if (setjmp(st_guard_.here) == 0) {                                                                   \
            __VA_ARGS__;                                                                                     \
            st_guard_leave((env), &st_guard_);                                                               \
            (ok) = true;                                                                                     \
        } else {                                                                                             \
            st_guard_unwind((env), &st_guard_);                                                              \
            (ok) = false;                                                                                    \
        }                                                                                                    \
    } while (0)

/* Large blocks of malloc's memory that are given back are kept for later ones, up to `most` bytes in the whole process. For programs of
 * their own, before they start threads; a library keeps nothing of its host's. */
void st_keep_large_blocks(size_t most);

st_arena *st_arena_new(st_env *env);
void st_arena_free(st_arena *a); /* NULL is fine */
st_env *st_arena_env(const st_arena *a);
/* The arena lives as long as `beside` from now on, whose environment has the same allocator; false: that has no room for it, and nothing
 * changed. */
bool st_arena_move(st_arena *a, st_arena *beside);

void *st_alloc(st_arena *a, size_t bytes);     /* zeroed, 16-byte aligned */
void *st_alloc_raw(st_arena *a, size_t bytes); /* not zeroed, 64-byte aligned: column and bitmap data */
void *st_alloc_array(st_arena *a, size_t n, size_t size); /* zeroed; n * size checked for overflow */
char *st_dup(st_arena *a, const char *p, size_t n);       /* copies n bytes and a NUL behind them */
st_str st_str_dup(st_arena *a, st_str s);
char *st_format(st_arena *a, const char *fmt, ...) ST_PRINTF(2, 3);
char *st_vformat(st_arena *a, const char *fmt, va_list ap);

#define st_new(arena, T) ((T *)st_alloc((arena), sizeof(T)))
#define st_new_n(arena, T, n) ((T *)st_alloc_array((arena), (n), sizeof(T)))

/* A growing array in an arena: ST_VEC(int) v = {0}; *st_push(arena, &v) = 7; for (i < v.n) v.p[i]. The new
 * element is zeroed. Old blocks stay in the arena, at most as much again as the array itself. */
#define ST_VEC(T)                                                                                            \
    struct {                                                                                                 \
        T *p;                                                                                                \
        uint32_t n, cap;                                                                                     \
    }
void *st_vec_grow(st_arena *a, void *p, uint32_t n, uint32_t *cap, size_t size);
#define st_push(arena, v)                                                                                    \
    ((v)->n == (v)->cap ? (void)((v)->p = st_vec_grow((arena), (v)->p, (v)->n, &(v)->cap, sizeof *(v)->p))   \
                        : (void)0,                                                                           \
     memset(&(v)->p[(v)->n], 0, sizeof *(v)->p), &(v)->p[(v)->n++])

/* Growing text. */
typedef ST_VEC(char) st_buf;
void st_buf_add(st_arena *a, st_buf *b, const char *p, size_t n);
void st_buf_puts(st_arena *a, st_buf *b, const char *z);
void st_buf_printf(st_arena *a, st_buf *b, const char *fmt, ...) ST_PRINTF(3, 4);
const char *st_buf_text(st_arena *a, st_buf *b); /* NUL-terminated; valid until the next addition */

/* A hash map from bytes to pointers, in an arena. Keys are copied. Iteration (entries[0..n)) is in order of
 * insertion, so that no output depends on hashes. */
typedef struct st_map_entry {
    st_str key;
    void *value;
    uint64_t hash;
} st_map_entry;
typedef struct st_map {
    st_arena *arena;
    ST_VEC(st_map_entry) entries;
    uint32_t *slots;
    uint32_t nslots;
} st_map;
void st_map_init(st_map *m, st_arena *a);
void *st_map_get(const st_map *m, const void *key, size_t n);          /* NULL: not there */
void **st_map_put(st_map *m, const void *key, size_t n, bool *is_new); /* place of the value, NULL when new */
uint64_t st_hash_bytes(const void *p, size_t n);

/* Interned names: equal text is the same pointer; NUL-terminated; lives as long as the arena. */
typedef struct st_names {
    st_map map;
} st_names;
void st_names_init(st_names *names, st_arena *a);
const char *st_intern(st_names *names, const char *p, size_t n);

#endif
