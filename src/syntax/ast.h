/* The tree of a .seg file: one uniform node, its kinds and their children listed once in ast.def. Nodes keep
 * their span and the comments around them, so that the formatter can print what was written and every message
 * has its place. Parser actions only build these nodes.
 */
#ifndef STRATA_SYNTAX_AST_H
#define STRATA_SYNTAX_AST_H

#include "base/source.h"
#include "base/calendar.h"
#include "diag/diag.h"

typedef enum st_ast_kind {
#define NODE(KIND, name, ...) ST_AST_##KIND,
#include "syntax/ast.def"
#undef NODE
    ST_AST_COUNT
} st_ast_kind;

typedef struct st_ast st_ast;

/* The most levels of a tree: whoever walks one may recurse. */
#define ST_MAX_HEIGHT 500u

typedef struct st_comment {
    st_span span;  /* with the slashes */
    bool trailing; /* stands behind something on its line */
} st_comment;

struct st_ast {
    st_ast_kind kind;
    st_span span;
    uint32_t op; /* meaning depends on the kind, see ast.def: comparison, unit, part, aggregate, flag … */
    const char *text; /* interned name, or the unescaped content of a text literal; else NULL */
    st_i128 number;   /* INT, DECIMAL, PERCENT literals (as written, scaled); DATE: days; TIMESTAMP: local
                         microseconds */
    uint32_t scale;   /* digits behind the point of number; PERCENT: those of the share, so 12.5% is 125 with
                         scale 3 */
    uint32_t height;  /* levels from here down to the lowest child, itself included; at most ST_MAX_HEIGHT */
    uint32_t n;
    st_ast **kids;      /* by slot for kinds with fixed children (NULL: absent); any number for lists */
    const char *doc;    /* definitions: the text of the /// lines before it, or NULL */
    st_comment *before; /* comments between the token before and this node; on definitions, properties and
                           rows only */
    uint32_t nbefore;
    st_comment *after; /* trailing comment on its last line, and for blocks those before the closing brace */
    uint32_t nafter;
};

/* Slots: ST_AST_SEGMENT_where …, one enum a kind, from ast.def. */
#include "syntax/ast_slots.h"

extern const char *const st_ast_names[ST_AST_COUNT];

/* One parsed file. `root` (ST_AST_PROGRAM) is never NULL: after errors it holds what could be understood (the
 * parser resumes at the next definition), so that all errors of a rule set are found in one go. */
typedef struct st_parse {
    st_ast *root;
    bool ok;
} st_parse;
st_parse st_parse_file(st_arena *a, st_names *names, const st_sources *sources, uint32_t file,
                       st_diags *diags);

/* --emit tokens and --emit ast */
void st_dump_tokens(st_arena *a, const st_sources *sources, uint32_t file, st_buf *out);
void st_dump_ast(st_arena *a, const st_sources *sources, const st_ast *root, st_buf *out);
/* Same tree, spans and comments aside. */
bool st_ast_equal(const st_ast *a, const st_ast *b);

#endif
