/* Hanging the comments of a file on its tree, so that the formatter can print each where it stood.
 *
 * A comment goes down the tree to the lowest node whose text surrounds it. There it belongs, first, to what ends before it
 * on the same line; else to the child that follows it; else to the end of the node. */
#include "syntax/parser.h"

/* Room for the next power of two, as in lists of nodes. */
static void add(st_parser *P, st_comment **p, uint32_t *n, st_comment comment)
{
    if ((*n & (*n - 1)) == 0) {
        st_comment *more = st_new_n(P->arena, st_comment, *n ? 2 * (size_t)*n : 1);
        if (*n) memcpy(more, *p, *n * sizeof **p);
        *p = more;
    }
    (*p)[(*n)++] = comment;
}

static bool same_line(const st_parser *P, uint32_t from, uint32_t to)
{
    return !memchr(P->text.p + from, '\n', to - from);
}

/* The children nearest to a comment: the last that ends before it, the first that starts behind it, one around it. */
typedef struct st_neighbours {
    st_ast *left, *right, *around;
} st_neighbours;

static void look_at(st_neighbours *near, st_ast *kid, st_span span)
{
    if (kid->span.end <= span.start) {
        if (!near->left || kid->span.end >= near->left->span.end) near->left = kid;
    } else if (kid->span.start >= span.end) {
        if (!near->right || kid->span.start < near->right->span.start) near->right = kid;
    } else {
        near->around = kid;
    }
}

static st_neighbours neighbours(const st_ast *node, st_span span)
{
    st_neighbours near = {0};
    if (!st_ast_is_list(node->kind)) {
        for (uint32_t i = 0; i < node->n; i++)
            if (node->kids[i]) look_at(&near, node->kids[i], span);
        return near;
    }
    uint32_t low = 0,
             high =
                 node->n; /* children of lists stand in order: find the first that ends behind the comment */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (node->kids[middle]->span.end <= span.start)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0) look_at(&near, node->kids[low - 1], span);
    if (low < node->n) look_at(&near, node->kids[low], span);
    return near;
}

static void attach(st_parser *P, st_span span)
{
    st_ast *node = P->root;
    for (;;) {
        st_neighbours near = neighbours(node, span);
        bool behind = near.left && same_line(P, near.left->span.end, span.start);
        if (near.around) {
            node = near.around;
        } else if (behind) {
            add(P, &near.left->after, &near.left->nafter, (st_comment){span, true});
            return;
        } else if (!near.left && node->kind != ST_AST_PROGRAM && same_line(P, node->span.start, span.start)) {
            add(P, &node->before, &node->nbefore, (st_comment){span, true}); /* behind the { of a block */
            return;
        } else if (near.right) {
            add(P, &near.right->before, &near.right->nbefore, (st_comment){span, false});
            return;
        } else {
            add(P, &node->after, &node->nafter, (st_comment){span, false});
            return;
        }
    }
}

/* The text of the /// lines before a node, without the slashes and one blank. */
static void read_doc(st_parser *P, st_ast *node)
{
    st_buf doc = {0};
    for (uint32_t i = 0; i < node->nbefore; i++) {
        st_str s = st_span_text(P->sources, node->before[i].span);
        if (s.n < 3 || s.p[2] != '/' || (s.n > 3 && s.p[3] == '/') || node->before[i].trailing) continue;
        uint32_t skip = s.n > 3 && s.p[3] == ' ' ? 4 : 3;
        if (doc.n) st_buf_puts(P->arena, &doc, "\n");
        st_buf_add(P->arena, &doc, s.p + skip, s.n - skip);
    }
    if (doc.n) node->doc = st_dup(P->arena, doc.p, doc.n);
}

static void read_docs(st_parser *P, st_ast *list)
{
    for (uint32_t i = 0; i < list->n; i++) {
        st_ast *row = list->kids[i];
        if (row->nbefore) read_doc(P, row);
        for (uint32_t k = 0; !st_ast_is_list(row->kind) && k < row->n; k++)
            if (row->kids[k] && row->kids[k]->kind == ST_AST_LIST) read_docs(P, row->kids[k]);
    }
}

void st_attach_comments(st_parser *P)
{
    for (uint32_t i = 0; i < P->comments.n; i++) attach(P, P->comments.p[i]);
    read_docs(P, P->root);
}
