/* emit_syntax tokens|ast|messages|json FILE: what the front end makes of a file, on standard output. The golden tests compare it. */
#include "syntax/ast.h"

#include <stdio.h>

static char *read_file(st_arena *a, const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    st_buf text = {0};
    char block[4096];
    for (size_t got; (got = fread(block, 1, sizeof block, f)) > 0;) st_buf_add(a, &text, block, got);
    fclose(f);
    *n = text.n;
    return text.n ? text.p : st_dup(a, "", 0);
}

static int emit(st_env *env, const char *what, const char *path)
{
    st_arena *a = st_arena_new(env);
    size_t n;
    char *text = read_file(a, path, &n);
    if (!text) st_fail(env, STRATA_IO, "%s cannot be read", path);
    const char *slash = strrchr(path, '/');
    st_sources sources;
    st_sources_init(&sources, a);
    uint32_t file = st_sources_add(&sources, slash ? slash + 1 : path, text, n);
    st_diags diags;
    st_diags_init(&diags, a, &sources);
    st_names names;
    st_names_init(&names, a);
    st_buf out = {0};
    if (strcmp(what, "tokens") == 0) {
        st_dump_tokens(a, &sources, file, &out);
    } else {
        st_parse parse = st_parse_file(a, &names, &sources, file, &diags);
        st_diags_sort(&diags);
        if (strcmp(what, "ast") == 0) st_dump_ast(a, &sources, parse.root, &out);
        if (strcmp(what, "json") == 0)
            st_render_json(&diags, a, &out);
        else
            st_render_text(&diags, a, &out, false);
    }
    if (out.n) fwrite(out.p, 1, out.n, stdout);
    return diags.errors ? 1 : 0;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: emit_syntax tokens|ast|messages|json FILE\n");
        return 2;
    }
    st_env env;
    st_env_init(&env, NULL);
    bool ok;
    int result = 2;
    int *volatile answer = &result;
    ST_GUARD(&env, ok, *answer = emit(&env, argv[1], argv[2]));
    if (!ok) fprintf(stderr, "%s\n", env.error.message);
    st_env_close(&env);
    return result;
}
