/* Making nodes. Every node knows its height, so that no tree is higher than those who walk it can recurse. */
#include "syntax/parser.h"

const char *const st_ast_names[ST_AST_COUNT] = {
#define NODE(KIND, name, ...) [ST_AST_##KIND] = name,
#include "syntax/ast.def"
#undef NODE
};

bool st_ast_is_list(st_ast_kind kind)
{
    return kind == ST_AST_PROGRAM || kind == ST_AST_LIST || kind == ST_AST_RFM_TIERS || kind == ST_AST_ARMS ||
           kind == ST_AST_SEND || kind == ST_AST_OR || kind == ST_AST_AND;
}

static void grow(st_parser *P, st_ast *node, const st_ast *kid)
{
    node->height = ST_MAX(node->height, kid->height + 1);
    if (node->height > ST_MAX_HEIGHT && !P->failed) {
        st_syntax_report(P, ST_MSG_TOO_DEEP, kid->span, st_format(P->arena, "%u", ST_MAX_HEIGHT));
        P->failed = true;
    }
}

st_ast *st_node(st_parser *P, st_ast_kind kind, st_span span, uint32_t n, st_ast *const *kids)
{
    st_ast *node = st_new(P->arena, st_ast);
    node->kind = kind;
    node->span = span;
    node->height = 1;
    node->n = n;
    node->kids = n ? st_new_n(P->arena, st_ast *, n) : NULL;
    for (uint32_t i = 0; i < n; i++)
        if (kids[i]) st_set_kid(P, node, i, kids[i]);
    return node;
}

void st_set_kid(st_parser *P, st_ast *node, uint32_t slot, st_ast *kid)
{
    node->kids[slot] = kid;
    grow(P, node, kid);
}

/* Lists have room for the next power of two of children. */
static void make_room(st_parser *P, st_ast *list)
{
    if (list->n & (list->n - 1)) return;
    st_ast **kids = st_new_n(P->arena, st_ast *, list->n ? 2 * (size_t)list->n : 1);
    if (list->n) memcpy(kids, list->kids, list->n * sizeof *kids);
    list->kids = kids;
}

st_ast *st_append(st_parser *P, st_ast *list, st_ast *kid)
{
    make_room(P, list);
    list->span = list->n ? st_span_join(list->span, kid->span) : kid->span;
    list->kids[list->n++] = kid;
    grow(P, list, kid);
    return list;
}

st_ast *st_prepend(st_parser *P, st_ast *list, st_ast *kid)
{
    make_room(P, list);
    if (list->n) memmove(list->kids + 1, list->kids, list->n * sizeof(st_ast *));
    list->n++;
    list->kids[0] = kid;
    list->span = st_span_join(list->span, kid->span);
    grow(P, list, kid);
    return list;
}
