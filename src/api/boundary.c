#include "api/api.h"

#include <stdio.h>

strata_status st_api_end(const st_env *env, bool ok, strata_error *error)
{
    if (error) {
        if (ok)
            *error = (strata_error){.status = STRATA_OK};
        else
            *error = env->error;
    }
    return ok ? STRATA_OK : env->error.status;
}

strata_status st_api_refuse(strata_error *error, strata_status status, const char *fmt, ...)
{
    if (error) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(error->message, sizeof error->message, fmt, ap);
        va_end(ap);
        error->status = status;
    }
    return status;
}

/* The size stands before the memory, in a line of its own so that the alignment stays. */
enum { HEAD = 64 };

void *st_api_allocate(const strata_allocator *alloc, size_t n)
{
    if (n > SIZE_MAX - HEAD) return NULL;
    char *p = alloc->allocate(alloc->context, n + HEAD);
    if (!p) return NULL;
    memset(p, 0, n + HEAD);
    n += HEAD;
    memcpy(p, &n, sizeof n);
    return p + HEAD;
}

void st_api_release(const strata_allocator *alloc, void *p)
{
    if (!p) return;
    size_t n;
    char *whole = (char *)p - HEAD;
    memcpy(&n, whole, sizeof n);
    alloc->release(alloc->context, whole, n);
}
