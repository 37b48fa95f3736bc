#include "base/threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

typedef struct job {
    st_task task;
    void *ctx;
    uint64_t n;
    atomic_uint_least64_t next;
    pthread_mutex_t lock;
    uint64_t failed_task; /* smallest number of a task that failed, n: none */
    strata_error error;
} job;

static void note_failure(job *j, uint64_t i, const strata_error *error)
{
    pthread_mutex_lock(&j->lock);
    if (i < j->failed_task) {
        j->failed_task = i;
        j->error = *error;
    }
    pthread_mutex_unlock(&j->lock);
}

static void work(job *j, st_env *env)
{
    for (uint64_t i; (i = atomic_fetch_add(&j->next, 1)) < j->n;) {
        bool ok;
        ST_GUARD(env, ok, j->task(j->ctx, i, env));
        if (!ok) note_failure(j, i, &env->error);
        st_env_close(env);
    }
}

/* The environment of thread t of n: what is left of the caller's memory is shared out equally. */
static void open_env(st_env *env, const st_env *parent, uint32_t t, uint32_t n)
{
    st_env_child(env, parent);
    env->worker = t;
    if (parent->limit) env->limit = ST_MAX((parent->limit - ST_MIN(parent->used, parent->limit)) / n, 1);
}

typedef struct worker {
    pthread_t thread;
    bool started;
    st_env env;
    job *j;
} worker;

static void *worker_main(void *arg)
{
    worker *w = arg;
    work(w->j, &w->env);
    return NULL;
}

void st_parallel(st_env *env, uint32_t threads, uint64_t n, st_task task, void *ctx)
{
    job j = {.task = task, .ctx = ctx, .n = n, .failed_task = n};
    atomic_init(&j.next, 0);
    pthread_mutex_init(&j.lock, NULL);
    threads = (uint32_t)ST_MIN(ST_MIN((uint64_t)ST_MAX(threads, 1), n), ST_MAX_THREADS);
    worker workers[ST_MAX_THREADS];
    for (uint32_t t = 1; t < threads; t++) {
        worker *w = &workers[t];
        open_env(&w->env, env, t, threads);
        w->j = &j;
        /* where the system refuses another thread, those that run do all the work */
        w->started = pthread_create(&w->thread, NULL, worker_main, w) == 0;
    }
    st_env mine;
    open_env(&mine, env, 0, ST_MAX(threads, 1));
    work(&j, &mine);
    for (uint32_t t = 1; t < threads; t++)
        if (workers[t].started) pthread_join(workers[t].thread, NULL);
    pthread_mutex_destroy(&j.lock);
    if (j.failed_task < n) st_fail(env, j.error.status, "%s", j.error.message);
}

uint32_t st_cpu_count(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (uint32_t)ST_MIN(n, ST_MAX_THREADS) : 1;
}
