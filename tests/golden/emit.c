/* emit FLOOR FILE: what the compiler makes of a rule file on one floor, on standard output; 1 where the file has errors. The
 * golden tests compare it. Floors: tokens, ast (with the messages of the parser), messages, syntax-json; program (with all
 * messages), json; ir, plan, bytecode (or the messages), traits included. */
#include "plan/plan.h"

#include <stdio.h>

static st_str read_file(st_env *env, st_arena *a, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) st_fail(env, STRATA_IO, "%s cannot be read", path);
    st_buf text = {0};
    char block[4096];
    for (size_t got; (got = fread(block, 1, sizeof block, f)) > 0;) st_buf_add(a, &text, block, got);
    fclose(f);
    return (st_str){st_buf_text(a, &text), text.n};
}

static bool one_of(const char *what, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(what, names[i]) == 0) return true;
    return false;
}

static void emit_code(st_arena *a, const char *what, const st_program *program, st_buf *out)
{
    st_ir_options options = {.traits = true};
    const st_ir *ir = st_lower(a, program, &options);
    if (strcmp(what, "ir") == 0) {
        st_dump_ir(a, ir, out);
        return;
    }
    st_plan *plan = st_plan_new(a, ir);
    if (strcmp(what, "plan") == 0)
        st_dump_plan(a, plan, out);
    else
        st_bc_dump(st_plan_emit(a, plan), a, out);
}

static int emit(st_env *env, const char *what, const char *path)
{
    static const char *const syntax[] = {"ast", "messages", "syntax-json"}, *const code[] = {"ir", "plan",
                                                                                             "bytecode"};
    st_arena *a = st_arena_new(env);
    st_str text = read_file(env, a, path);
    const char *slash = strrchr(path, '/');
    st_sources sources;
    st_sources_init(&sources, a);
    uint32_t file = st_sources_add(&sources, slash ? slash + 1 : path, text.p, text.n);
    st_buf out = {0};
    st_diags diags;
    st_diags_init(&diags, a, &sources);
    if (strcmp(what, "tokens") == 0) {
        st_dump_tokens(a, &sources, file, &out);
    } else {
        st_names names;
        st_names_init(&names, a);
        st_parse parse = st_parse_file(a, &names, &sources, file, &diags);
        bool checked = !one_of(what, syntax, ST_COUNT(syntax));
        const st_program *program =
            checked ? st_check(a, &names, &sources, &parse, 1, NULL, 0, &diags) : NULL;
        st_diags_sort(&diags);
        if (strcmp(what, "ast") == 0) st_dump_ast(a, &sources, parse.root, &out);
        if (strstr(what, "json"))
            st_render_json(&diags, a, &out);
        else if (!one_of(what, code, ST_COUNT(code)) || diags.errors)
            st_render_text(&diags, a, &out, false);
        if (strcmp(what, "program") == 0 && !diags.errors) st_dump_program(a, program, &out);
        if (one_of(what, code, ST_COUNT(code)) && !diags.errors) emit_code(a, what, program, &out);
    }
    if (out.n) fwrite(out.p, 1, out.n, stdout);
    return diags.errors ? 1 : 0;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: emit FLOOR FILE\n");
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
