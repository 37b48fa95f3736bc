/* Rules from text to a graph, for tests of the floors below the checker. */
#ifndef STRATA_TESTS_COMPILED_H
#define STRATA_TESTS_COMPILED_H

#include "ir/build.h"

#include <stdio.h>

typedef struct compiled {
    st_env env;
    st_arena *a;
    st_program *program;
    st_ir *ir;
} compiled;

/* False: env.error says why; rules with errors are printed. End with st_env_close(&c->env). */
static inline bool compile_rules(compiled *c, const char *text, bool traits)
{
    memset(c, 0, sizeof *c);
    st_env_init(&c->env, NULL);
    bool ok;
    ST_GUARD(&c->env, ok, {
        c->a = st_arena_new(&c->env);
        st_sources sources;
        st_sources_init(&sources, c->a);
        uint32_t file = st_sources_add(&sources, "test.seg", text, strlen(text));
        st_names names;
        st_names_init(&names, c->a);
        st_diags diags;
        st_diags_init(&diags, c->a, &sources);
        st_parse parse = st_parse_file(c->a, &names, &sources, file, &diags);
        c->program = st_check(c->a, &names, &sources, &parse, 1, NULL, 0, &diags);
        if (diags.errors) {
            st_buf out = {0};
            st_render_text(&diags, c->a, &out, false);
            printf("%s\n", st_buf_text(c->a, &out));
            st_fail(&c->env, STRATA_INTERNAL, "the test's rules have errors");
        }
        c->ir = st_lower(c->a, c->program, &(st_ir_options){.traits = traits});
    });
    return ok;
}

#endif
