#include "snapshot/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct st_store {
    st_arena *arena;
    const char *dir, *work; /* work: beside dir */
    ST_VEC(int) open;       /* descriptors */
    st_mappings mappings;
    bool begun, done;
};

static st_env *env_of(const st_store *s)
{
    return st_arena_env(s->arena);
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), k = strlen(end);
    return n >= k && strcmp(name + n - k, end) == 0;
}

static bool is_ours(const char *name)
{
    return ends_with(name, ".arrow") || strcmp(name, ST_SNAP_MANIFEST) == 0;
}

/* A folder that holds anything else is not ours to replace. */
static void check_place(const st_store *s)
{
    struct stat info;
    if (stat(s->dir, &info) != 0) return;
    DIR *d = opendir(s->dir);
    if (!d) st_snap_system(env_of(s), "replaced", s->dir);
    char other[256] = "";
    for (struct dirent *e; !other[0] && (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && !is_ours(e->d_name))
            snprintf(other, sizeof other, "%s", e->d_name);
    closedir(d);
    if (other[0])
        st_fail(env_of(s), STRATA_BAD_INPUT,
                "%.300s holds something else than a snapshot (%.200s). Name another folder, or remove it.",
                s->dir, other);
}

st_store *st_store_open(st_arena *a, const char *dir)
{
    st_store *s = st_new(a, st_store);
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/') n--;
    s->arena = a;
    s->dir = st_dup(a, dir, n);
    s->work = st_format(a, "%s.%ld.tmp", s->dir, (long)getpid());
    check_place(s);
    if (mkdir(s->work, 0777) != 0) st_snap_system(env_of(s), "made", s->work);
    s->begun = true;
    return s;
}

static st_snap_file open_file(st_store *s, const char *name, int flags)
{
    st_snap_file f = {.env = env_of(s), .path = st_format(s->arena, "%s/%s", s->work, name)};
    int *slot = st_push(s->arena, &s->open);
    *slot = f.fd = open(f.path, flags | O_CLOEXEC, 0666);
    if (f.fd < 0) st_snap_system(f.env, "made", f.path);
    return f;
}

st_snap_file st_store_create(st_store *s, const char *name)
{
    return open_file(s, name, O_RDWR | O_CREAT | O_EXCL);
}

st_snap_file st_store_reopen(st_store *s, const char *name)
{
    return open_file(s, name, O_RDWR);
}

st_snap_file st_store_rows(st_store *s)
{
    st_snap_file f = st_store_create(s, "rows");
    unlink(f.path);
    return f;
}

void st_store_close(st_store *s, st_snap_file *f)
{
    struct stat info;
    bool named = fstat(f->fd, &info) == 0 && info.st_nlink > 0;
    bool good = !named || fsync(f->fd) == 0;
    for (uint32_t i = 0; i < s->open.n; i++)
        if (s->open.p[i] == f->fd) s->open.p[i] = -1;
    good = close(f->fd) == 0 && good;
    f->fd = -1;
    if (!good) st_snap_system(env_of(s), "written", f->path);
}

st_mapping st_store_map(st_store *s, const char *path, uint64_t size)
{
    struct st_mapping *m = (struct st_mapping *)st_push(s->arena, &s->mappings.all);
    st_snap_map(env_of(s), path, size, m);
    return *m;
}

/* ---- into its place ---- */

static void sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

static void remove_folder(const char *path)
{
    DIR *d = opendir(path);
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));)
        if (is_ours(e->d_name)) unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    rmdir(path);
}

/* In one step where the system can; else the old one stands beside for a moment. */
static void take_place(st_store *s)
{
    struct stat info;
    if (stat(s->dir, &info) != 0) {
        if (rename(s->work, s->dir) != 0) st_snap_system(env_of(s), "made", s->dir);
        return;
    }
    if (renameat2(AT_FDCWD, s->work, AT_FDCWD, s->dir, RENAME_EXCHANGE) == 0) {
        remove_folder(s->work);
        return;
    }
    const char *old = st_format(s->arena, "%s.old.tmp", s->work);
    if (rename(s->dir, old) != 0) st_snap_system(env_of(s), "replaced", s->dir);
    if (rename(s->work, s->dir) != 0) {
        int code = errno;
        rename(old, s->dir);
        errno = code;
        st_snap_system(env_of(s), "replaced", s->dir);
    }
    remove_folder(old);
}

void st_store_finish(st_store *s, st_str manifest)
{
    st_snap_file f = st_store_create(s, ST_SNAP_MANIFEST);
    st_snap_write(&f, f.env, manifest.p, manifest.n, 0);
    st_store_close(s, &f);
    sync_folder(s->work);
    take_place(s);
    s->done = true;
    sync_folder(st_format(s->arena, "%s/..", s->dir));
}

void st_store_drop(st_store *s)
{
    if (!s) return;
    for (uint32_t i = 0; i < s->open.n; i++)
        if (s->open.p[i] >= 0) close(s->open.p[i]);
    s->open.n = 0;
    st_mappings_free(&s->mappings);
    if (s->begun && !s->done) remove_folder(s->work);
    s->begun = false;
}

/* ---- mapped files ---- */

void st_snap_map(st_env *env, const char *path, uint64_t size, struct st_mapping *to)
{
    struct stat info;
    *to = (struct st_mapping){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && fstat(fd, &info) == 0;
    int code = errno;
    uint64_t found = good ? (uint64_t)info.st_size : 0;
    void *bytes = MAP_FAILED;
    if (good && found == size && size) {
        bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
        good = bytes != MAP_FAILED;
        code = errno;
    }
    if (fd >= 0) close(fd);
    errno = code;
    if (!good) st_snap_system(env, "read", path);
    if (found != size || !size)
        st_fail(env, STRATA_BAD_DATA,
                "%.300s has %llu bytes, and the snapshot was written with %llu: it is not whole, or another "
                "file. Make "
                "the snapshot anew with strata snapshot.",
                path, (unsigned long long)found, (unsigned long long)size);
    *to = (struct st_mapping){bytes, size};
}

void st_mappings_free(st_mappings *m)
{
    for (uint32_t i = 0; i < m->all.n; i++)
        if (m->all.p[i].bytes) munmap(m->all.p[i].bytes, m->all.p[i].n);
    m->all.n = 0;
}

const char *st_snap_key_text(st_arena *a, const char *file, const st_snap_column *key, uint64_t row)
{
    const char *data = file + key->data.at;
    int64_t x = 0;
    if (key->width == 8)
        memcpy(&x, data + row * 8, 8);
    else
        memcpy(&x, data + row * key->width, key->width);
    if (!key->offsets.bytes) return st_format(a, "%lld", (long long)x);
    uint64_t ends[2];
    memcpy(ends, file + key->offsets.at + (uint64_t)x * 8, sizeof ends);
    return st_format(a, "\"%.*s\"", (int)ST_MIN(ends[1] - ends[0], 60), file + key->bytes.at + ends[0]);
}
