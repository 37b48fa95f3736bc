#include "io/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct st_out_file {
    int fd;
    char *path, *temporary; /* temporary NULL: written straight */
};

static void free_file(st_out_file *f)
{
    free(f->path);
    free(f->temporary);
    free(f);
}

static strata_status system_fail(strata_error *error, const char *what, const char *path)
{
    return st_io_fail(error, STRATA_IO, "%.400s cannot be %s: %s.", path, what, strerror(errno));
}

/* A name beside the file that nobody else uses: "<path>.<process>.<number>.tmp". */
static int open_temporary(st_out_file *f)
{
    size_t n = strlen(f->path) + 40;
    f->temporary = malloc(n);
    if (!f->temporary) return -1;
    for (int i = 0; i < 100; i++) {
        snprintf(f->temporary, n, "%s.%ld.%d.tmp", f->path, (long)getpid(), i);
        int fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) return fd;
    }
    return -1;
}

strata_status st_out_open(const char *path, st_out_file **file, strata_error *error)
{
    *file = NULL;
    st_out_file *f = calloc(1, sizeof *f);
    if (!f) return st_io_fail(error, STRATA_NO_MEMORY, "Out of memory.");
    struct stat st;
    bool is_there = stat(path, &st) == 0;
    if (strcmp(path, "-") == 0) {
        f->path = strdup("standard output");
        f->fd = STDOUT_FILENO;
    } else if (is_there && !S_ISREG(st.st_mode)) {
        f->path = strdup(path);
        f->fd = open(path, O_WRONLY | O_CLOEXEC);
    } else {
        f->path = is_there ? realpath(path, NULL) : strdup(path); /* a link stays a link */
        f->fd = f->path ? open_temporary(f) : -1;
    }
    if (f->path && f->fd >= 0) {
        *file = f;
        return STRATA_OK;
    }
    strata_status status =
        f->path ? system_fail(error, "written", path) : st_io_fail(error, STRATA_NO_MEMORY, "Out of memory.");
    free_file(f);
    return status;
}

bool st_out_is_stdout(const st_out_file *f)
{
    return f->fd == STDOUT_FILENO;
}

enum { MOST = 1 << 30 }; /* bytes that every system takes at once */

strata_status st_out_write(st_out_file *f, const void *bytes, size_t n, strata_error *error)
{
    for (const char *p = bytes; n;) {
        ssize_t k = write(f->fd, p, n < MOST ? n : MOST);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return system_fail(error, "written", f->path);
        p += k;
        n -= (size_t)k;
    }
    return STRATA_OK;
}

/* The name is on the disk only when its folder is. */
static void sync_folder(const char *path)
{
    char *copy = strdup(path);
    int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(copy);
}

strata_status st_out_commit(st_out_file *f, strata_error *error)
{
    if (!f->temporary) {
        bool ok = f->fd == STDOUT_FILENO || close(f->fd) == 0;
        strata_status status = ok ? STRATA_OK : system_fail(error, "written", f->path);
        free_file(f);
        return status;
    }
    bool ok = fsync(f->fd) == 0;
    int code = errno;
    if (close(f->fd) != 0 && ok) {
        ok = false;
        code = errno;
    }
    if (ok && rename(f->temporary, f->path) != 0) {
        ok = false;
        code = errno;
    }
    errno = code;
    strata_status status = ok ? STRATA_OK : system_fail(error, "written", f->path);
    if (ok)
        sync_folder(f->path);
    else
        unlink(f->temporary);
    free_file(f);
    return status;
}

void st_out_abandon(st_out_file *f)
{
    if (!f) return;
    if (f->fd != STDOUT_FILENO) close(f->fd);
    if (f->temporary) unlink(f->temporary);
    free_file(f);
}
