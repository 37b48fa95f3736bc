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

/* Reads a whole file into the rules' sources. The first `root` bytes of the path are the folder of the rule set. */
static void add_file(strata_rules *r, const char *path, uint32_t root)
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
        st_source *source = &r->sources.files.p[r->sources.files.n - 1];
        source->root = root;
        source->on_disk = true;
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

static void add_folder(strata_rules *r, st_arena *a, const char *path, uint32_t root, int depth)
{
    if (depth > DEEPEST)
        st_fail(&r->env, STRATA_BAD_INPUT, "%s: folders are nested more than %d deep.", path, DEEPEST);
    paths names = {0};
    list_folder(&r->env, a, path, &names);
    size_t n = strlen(path);
    if (depth == 0) root = (uint32_t)n + (n && path[n - 1] == '/' ? 0 : 1);
    for (uint32_t i = 0; i < names.n; i++) {
        const char *below = st_format(a, "%s%s%s", path, n && path[n - 1] == '/' ? "" : "/", names.p[i]);
        struct stat info;
        /* A link to a folder is passed over: it could lead back here. */
        bool linked = lstat(below, &info) == 0 && S_ISLNK(info.st_mode);
        if (stat(below, &info) != 0) continue;
        if (S_ISDIR(info.st_mode)) {
            if (!linked) add_folder(r, a, below, root, depth + 1);
        } else if (is_rule_file(below)) {
            add_file(r, below, root);
        }
    }
}

/* A library is a place of its own: its files are none of the rule set's. */
static void refuse_shared(strata_rules *r)
{
    uint32_t n = r->sources.files.n, lent = 0;
    for (uint32_t i = 0; i < n; i++) lent += r->sources.files.p[i].in_library;
    if (lent == 0 || lent == n) return;
    st_arena *work = st_arena_new(&r->env);
    struct stat *at = st_new_n(work, struct stat, (size_t)n + 1);
    for (uint32_t i = 0; i < n; i++) {
        const st_source *x = &r->sources.files.p[i];
        if (stat(x->name, &at[i]) != 0) continue; /* text that has no file */
        for (uint32_t k = 0; k < i; k++)
            if (r->sources.files.p[k].in_library != x->in_library && at[k].st_ino &&
                at[k].st_ino == at[i].st_ino && at[k].st_dev == at[i].st_dev)
                st_fail(&r->env, STRATA_BAD_INPUT,
                        "%s is part of a library and of the rule set itself. Keep libraries outside of its "
                        "folder.",
                        x->name);
    }
    st_arena_free(work);
}

static void add_path(strata_rules *r, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) st_fail(&r->env, STRATA_IO, "%s cannot be read: %s.", path, strerror(errno));
    if (!S_ISDIR(info.st_mode)) {
        if (!is_rule_file(path))
            st_fail(&r->env, STRATA_BAD_INPUT, "%s is not a rule file: their names end in .seg.", path);
        const char *slash = strrchr(path, '/');
        add_file(r, path, slash ? (uint32_t)(slash - path) + 1 : 0);
        refuse_shared(r);
        return;
    }
    st_arena *work = st_arena_new(&r->env);
    uint32_t before = r->sources.files.n;
    add_folder(r, work, path, 0, 0);
    st_arena_free(work);
    if (r->sources.files.n == before)
        st_fail(&r->env, STRATA_BAD_INPUT, "There is no .seg file in the folder %s.", path);
    refuse_shared(r);
}

strata_status strata_rules_add_library(strata_rules *rules, const char *path, strata_error *error)
{
    bool ok;
    rules->adding_library = true;
    ST_GUARD(&rules->env, ok, add_path(rules, path));
    rules->adding_library = false;
    return st_api_end(&rules->env, ok, error);
}

strata_status strata_rules_add_path(strata_rules *rules, const char *path, strata_error *error)
{
    bool ok;
    ST_GUARD(&rules->env, ok, add_path(rules, path));
    return st_api_end(&rules->env, ok, error);
}

/* ---- lists ---- */

/* The whole file in `text`; else what is wrong with it. */
static const char *read_list(st_env *env, st_arena *a, const char *path, st_str *text)
{
    struct stat info;
    if (stat(path, &info) != 0) return st_format(a, "%s", strerror(errno));
    if (!S_ISREG(info.st_mode)) return "it is no plain file"; /* opening another could wait for ever */
    FILE *file = fopen(path, "rb");
    if (!file) return st_format(a, "%s", strerror(errno));
    const char *volatile problem = NULL;
    bool ok;
    /* The file is closed whatever happens inside. */
    ST_GUARD(env, ok, {
        if ((uint64_t)info.st_size > STRATA_MAX_LIST) {
            problem = st_format(a, "it is larger than %u MB", STRATA_MAX_LIST >> 20);
        } else {
            char *bytes = st_alloc_raw(a, (size_t)info.st_size + 1);
            *text = (st_str){bytes, (uint32_t)fread(bytes, 1, (size_t)info.st_size, file)};
            if (ferror(file)) problem = st_format(a, "%s", strerror(errno));
        }
    });
    fclose(file);
    if (!ok) {
        strata_error error = env->error;
        st_fail(env, error.status, "%s", error.message);
    }
    return problem;
}

void st_api_load_lists(strata_rules *r)
{
    for (uint32_t i = 0; i < r->sources.files.n; i++) {
        const st_ast *root = r->parses[i].root;
        for (uint32_t k = 0; r->sources.files.p[i].on_disk && k < root->n; k++) {
            if (root->kids[k]->kind != ST_AST_LIST_DEF || !root->kids[k]->kids[ST_LIST_DEF_from]) continue;
            const char *named = root->kids[k]->kids[ST_LIST_DEF_from]->text;
            const char *path = st_sources_beside(&r->sources, r->arena, i, named);
            if (!path || st_sources_list(&r->sources, path)) continue;
            st_list_file file = {.path = path, .text = {"", 0}};
            file.problem = read_list(&r->env, r->arena, path, &file.text);
            *st_push(r->arena, &r->sources.lists) = file;
        }
    }
}
