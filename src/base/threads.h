/* A fork and join over independent tasks. Work is split by entity, results are combined in order of the task
 * number, so the number of threads never shows in an output. */
#ifndef STRATA_BASE_THREADS_H
#define STRATA_BASE_THREADS_H

#include "base/mem.h"

/* Runs task(ctx, i, worker env) for i in [0, n), on at most `threads` threads (the caller's is one of them).
 * env->worker is the number of the thread, below `threads`: two tasks with one number never run at a time. Where the
 * caller's memory is limited, each thread has an equal part of what is left.
 * When a task fails, the others are let run out and the first failure by task number is raised in the
 * caller's env. */
typedef void (*st_task)(void *ctx, uint64_t i, st_env *env);
void st_parallel(st_env *env, uint32_t threads, uint64_t n, st_task task, void *ctx);
uint32_t st_cpu_count(void);
enum { ST_MAX_THREADS = 256 };

#endif
