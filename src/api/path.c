/* Rule sets from files: one .seg, or all below a folder. */
#include "api/api.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { DEEPEST = 32 }; /* folders in folders */

typedef ST_VEC(const char *) paths;

static bool is_rule_file(const char *path)
{
    return st_text_ends(st_str_of(path), ST_STR(".seg"));
}

/* Reads a whole file into the rules' sources. */
static void add_file(strata_rules *r, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) st_fail(&r->env, STRATA_IO, "%s cannot be read: %s.", path, strerror(errno));
    st_arena *work = NULL;
    bool ok;
    /* The file is closed whatever happens inside. */
    ST_GUARD(&r->env, ok, {
        work = st_arena_new(&r->env);
        st_buf text = {0};
        char part[16384];
        size_t n;
        while ((n = fread(part, 1, sizeof part, file)) > 0 && text.n <= STRATA_MAX_SOURCE)
            st_buf_add(work, &text, part, n);
        if (ferror(file)) st_fail(&r->env, STRATA_IO, "%s cannot be read: %s.", path, strerror(errno));
        strata_error error;
        strata_status status = strata_rules_add_text(r, path, text.n ? text.p : "", text.n, &error);
        if (status != STRATA_OK) st_fail(&r->env, status, "%s", error.message);
        st_arena_free(work);
    });
    fclose(file);
    if (!ok) {
        strata_error error = r->env.error;
        st_fail(&r->env, error.status, "%s", error.message);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in a folder, in order of their bytes; hidden ones are passed over. */
static void list_folder(st_env *env, st_arena *a, const char *path, paths *names)
{
    DIR *dir = opendir(path);
    if (!dir) st_fail(env, STRATA_IO, "%s cannot be read: %s.", path, strerror(errno));
    bool ok;
    ST_GUARD(env, ok, {
        for (const struct dirent *e; (e = readdir(dir));)
            if (e->d_name[0] != '.') *st_push(a, names) = st_dup(a, e->d_name, strlen(e->d_name));
    });
    closedir(dir);
    if (!ok) {
        strata_error error = env->error;
        st_fail(env, error.status, "%s", error.message);
    }
    if (names->n) qsort(names->p, names->n, sizeof *names->p, by_name);
}

static void add_folder(strata_rules *r, st_arena *a, const char *path, int depth)
{
    if (depth > DEEPEST)
        st_fail(&r->env, STRATA_BAD_INPUT, "%s: folders are nested more than %d deep.", path, DEEPEST);
    paths names = {0};
    list_folder(&r->env, a, path, &names);
    size_t n = strlen(path);
    for (uint32_t i = 0; i < names.n; i++) {
        const char *below = st_format(a, "%s%s%s", path, n && path[n - 1] == '/' ? "" : "/", names.p[i]);
        struct stat info;
        /* A link to a folder is passed over: it could lead back here. */
        bool linked = lstat(below, &info) == 0 && S_ISLNK(info.st_mode);
        if (stat(below, &info) != 0) continue;
        if (S_ISDIR(info.st_mode)) {
            if (!linked) add_folder(r, a, below, depth + 1);
        } else if (is_rule_file(below)) {
            add_file(r, below);
        }
    }
}

static void add_path(strata_rules *r, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) st_fail(&r->env, STRATA_IO, "%s cannot be read: %s.", path, strerror(errno));
    if (!S_ISDIR(info.st_mode)) {
        if (!is_rule_file(path))
            st_fail(&r->env, STRATA_BAD_INPUT, "%s is not a rule file: their names end in .seg.", path);
        add_file(r, path);
        return;
    }
    st_arena *work = st_arena_new(&r->env);
    uint32_t before = r->sources.files.n;
    add_folder(r, work, path, 0);
    st_arena_free(work);
    if (r->sources.files.n == before)
        st_fail(&r->env, STRATA_BAD_INPUT, "There is no .seg file in the folder %s.", path);
}

strata_status strata_rules_add_path(strata_rules *rules, const char *path, strata_error *error)
{
    bool ok;
    ST_GUARD(&rules->env, ok, add_path(rules, path));
    return st_api_end(&rules->env, ok, error);
}
