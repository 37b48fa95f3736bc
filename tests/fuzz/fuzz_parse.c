/* Any bytes as a rule set: the words are cut and dumped, the tree is built, dumped and compared with itself, every message is
 * rendered. What must hold is asserted: a tree no higher than the limit, every part inside the whole, the same twice. */
#include "syntax/ast.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

static uint32_t check(const st_ast *node, uint32_t size, uint32_t height)
{
    uint32_t comments = node->nbefore + node->nafter;
    require(node->span.start <= node->span.end && node->span.end <= size);
    require(node->height >= 1 && height <= ST_MAX_HEIGHT);
    for (uint32_t i = 0; i < node->n; i++) {
        if (!node->kids[i]) continue;
        const st_ast *kid = node->kids[i];
        require(kid->height < node->height && kid->span.start >= node->span.start &&
                kid->span.end <= node->span.end);
        comments += check(kid, size, height + 1);
    }
    return comments;
}

static void parse(st_env *env, const char *text, size_t n)
{
    st_arena *a = st_arena_new(env);
    st_sources sources;
    st_sources_init(&sources, a);
    st_names names;
    st_names_init(&names, a);
    st_diags diags;
    st_diags_init(&diags, a, &sources);
    uint32_t file = st_sources_add(&sources, "fuzz.seg", text, n);
    st_parse one = st_parse_file(a, &names, &sources, file, &diags);
    require(one.root && one.ok == (diags.errors == 0));
    uint32_t comments = check(one.root, (uint32_t)n, 1);
    st_parse two = st_parse_file(a, &names, &sources, file, &diags);
    require(st_ast_equal(one.root, two.root) && check(two.root, (uint32_t)n, 1) == comments);
    for (uint32_t i = 0; i < diags.items.n; i++)
        require(diags.items.p[i].span.start <= diags.items.p[i].span.end && diags.items.p[i].span.end <= n);
    st_diags_sort(&diags);
    st_buf out = {0};
    st_dump_tokens(a, &sources, file, &out);
    st_dump_ast(a, &sources, one.root, &out);
    st_render_text(&diags, a, &out, false);
    st_render_json(&diags, a, &out);
    st_arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    st_env env;
    st_env_init(&env, NULL);
    env.limit = (size_t)1 << 30;
    bool ok;
    ST_GUARD(&env, ok, parse(&env, (const char *)data, size));
    require(ok || env.error.status == STRATA_NO_MEMORY);
    st_env_close(&env);
    return 0;
}
