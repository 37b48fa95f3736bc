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
    bool nameless;          /* the temporary name is not given yet */
    off_t written, begun;   /* bytes; how many of them the disk was told of */
};

enum { TEMPORARY_END = 48, MOST_NAMES = 100 };

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

/* Names beside the file that nobody else uses: "<path>.<process>.<number>.tmp". */
static void name_temporary(st_out_file *f, int i)
{
    snprintf(f->temporary, strlen(f->path) + TEMPORARY_END, "%s.%ld.%d.tmp", f->path, (long)getpid(), i);
}

/* Where the system can, the file has no name until it is whole: then not even a run that is killed leaves it behind. */
static int open_nameless(const char *path)
{
#ifdef O_TMPFILE
    char *copy = strdup(path);
    int fd = copy ? open(dirname(copy), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666) : -1;
    free(copy);
    return fd;
#else
    (void)path;
    return -1;
#endif
}

static int open_temporary(st_out_file *f)
{
    f->temporary = malloc(strlen(f->path) + TEMPORARY_END);
    if (!f->temporary) return -1;
    int fd = open_nameless(f->path);
    f->nameless = fd >= 0;
    for (int i = 0; fd < 0 && i < MOST_NAMES; i++) {
        name_temporary(f, i);
        fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST) return -1;
    }
    return fd;
}

/* Gives a nameless file its temporary name. */
static bool name_file(st_out_file *f)
{
    char self[40];
    snprintf(self, sizeof self, "/proc/self/fd/%d", f->fd);
    for (int i = 0; i < MOST_NAMES; i++) {
        name_temporary(f, i);
        if (linkat(AT_FDCWD, self, AT_FDCWD, f->temporary, AT_SYMLINK_FOLLOW) == 0) {
            f->nameless = false;
            return true;
        }
        if (errno != EEXIST) return false;
    }
    return false;
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

/* Has the disk begin with what is written, so that less is left to wait for at the end. Nothing depends on it. */
static void start_disk(st_out_file *f)
{
#ifdef SYNC_FILE_RANGE_WRITE
    enum { WORTH_IT = 4 << 20 };
    if (!f->temporary || f->written - f->begun < WORTH_IT) return;
    sync_file_range(f->fd, f->begun, f->written - f->begun, SYNC_FILE_RANGE_WRITE);
    f->begun = f->written;
#else
    (void)f;
#endif
}

strata_status st_out_write(st_out_file *f, const void *bytes, size_t n, strata_error *error)
{
    for (const char *p = bytes; n;) {
        ssize_t k = write(f->fd, p, n < MOST ? n : MOST);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return system_fail(error, "written", f->path);
        p += k;
        n -= (size_t)k;
        f->written += k;
    }
    start_disk(f);
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
    bool ok = fsync(f->fd) == 0 && (!f->nameless || name_file(f));
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
    else if (!f->nameless)
        unlink(f->temporary);
    free_file(f);
    return status;
}

void st_out_abandon(st_out_file *f)
{
    if (!f) return;
    if (f->fd != STDOUT_FILENO) close(f->fd);
    if (f->temporary && !f->nameless) unlink(f->temporary);
    free_file(f);
}

strata_status st_io_write_bytes(const char *path, const void *bytes, size_t n, strata_error *error)
{
    st_out_file *file;
    strata_status status = st_out_open(path, &file, error);
    if (status == STRATA_OK) status = st_out_write(file, bytes, n, error);
    if (status == STRATA_OK) return st_out_commit(file, error);
    st_out_abandon(file);
    return status;
}
