/* What the scanner (grammar/segment.l), the layer that decides words (lexer.c), the parser (grammar/segment.y) and its
 * helpers share. Nothing outside src/syntax and grammar includes this.
 *
 * The way of a file: st_scan cuts it into raw words and signs; st_next_token hands them to the parser one by one, each as the token
 * that it is in its phrase; the parser's actions build nodes with st_node and append finished definitions to `root`. At the
 * first error in a definition the parser gives up on that definition, and st_parse_file starts it anew at the next one.
 */
#ifndef STRATA_SYNTAX_PARSER_H
#define STRATA_SYNTAX_PARSER_H

#include "syntax/ast.h"

/* Limits, each with its message. */
#define ST_MAX_FILE_BYTES (16u << 20)
#define ST_MAX_WORDS 2000000u     /* raw words and signs of a file */
#define ST_MAX_DEFINITIONS 50000u /* of a file */
#define ST_MAX_TEXT 100000u       /* bytes of a text literal as written */
#define ST_MAX_NAME 255u          /* bytes of a name */
#define ST_MAX_NESTING 200u       /* open brackets and braces */
#define ST_MAX_STACK 4000         /* states of the parser: words like `not` that wait for what follows */

/* One-character signs are their own character. */
typedef enum st_raw_kind {
    ST_RAW_END = 0,
    ST_RAW_WORD = 256,
    ST_RAW_BACKTICKED,
    ST_RAW_STRING,
    ST_RAW_INT,
    ST_RAW_NUMBER,
    ST_RAW_PERCENT,
    ST_RAW_DATE,
    ST_RAW_TIMESTAMP,
    ST_RAW_NE,
    ST_RAW_LE,
    ST_RAW_GE,
    ST_RAW_DOTDOT,
    ST_RAW_COMMENT,
    /* slips, each with a message of its own */
    ST_RAW_FOREIGN_WORD,
    ST_RAW_OPEN_BACKTICK,
    ST_RAW_OPEN_STRING,
    ST_RAW_SINGLE_QUOTED,
    ST_RAW_CURLY_QUOTED,
    ST_RAW_BAD_NUMBER,
    ST_RAW_BAD_DATE,
    ST_RAW_WRONG_GE,
    ST_RAW_WRONG_LE,
    ST_RAW_WRONG_EQ,
    ST_RAW_WRONG_NE,
    ST_RAW_WRONG_AND,
    ST_RAW_WRONG_OR,
    ST_RAW_WRONG_NOT,
    ST_RAW_WRONG_OPEN,
    ST_RAW_WRONG_CLOSE,
    ST_RAW_WRONG_MINUS,
    ST_RAW_DOUBLE_QUESTION,
    ST_RAW_PERCENT_SIGN,
    ST_RAW_SEMICOLON,
    ST_RAW_HASH_COMMENT,
    ST_RAW_STAR_COMMENT,
    ST_RAW_UNKNOWN
} st_raw_kind;

typedef struct st_raw {
    uint32_t start, end; /* bytes of the file */
    uint16_t kind;
    bool first; /* the first on its line */
} st_raw;

typedef struct st_word_rule st_word_rule;

typedef struct st_parser {
    st_arena *arena;
    st_names *names;
    const st_sources *sources;
    st_diags *diags; /* NULL: say nothing (the dump of the words) */
    uint32_t file;
    st_str text;
    uint32_t scanned; /* bytes the scanner has taken */

    ST_VEC(st_raw) raws;      /* without comments */
    ST_VEC(st_span) comments; /* with their slashes */
    st_map words;             /* what words.def says of each word */

    /* the state of st_next_token */
    uint32_t at;    /* next raw */
    uint32_t end;   /* raw at which the text ends for the lexer */
    uint32_t last;  /* raw of the token handed out last */
    uint32_t begin; /* raw where the definition in hand begins */
    int prev;       /* token handed out last; 0 at the start of a definition */
    uint32_t nopen; /* open brackets and braces: their raws */
    uint32_t open[ST_MAX_NESTING];
    uint32_t braces; /* how many of them are braces */
    bool unopened;   /* the last token closes a bracket that is not open */
    bool after_sign; /* + or - and behind it nothing but a name */

    bool doubtful;   /* a sign was left out: what the parser says of the definition in hand may be its echo */
    bool failed;     /* the definition in hand has an error: the parser is to stop */
    bool complete;   /* the definition in hand could have ended where the parser got stuck */
    uint32_t resume; /* raw where to start anew; 0: at the next definition */
    st_ast *root;
    uint32_t errors;
} st_parser;

/* segment.l: fills P->raws and P->comments. */
void st_scan(st_parser *P, st_str text);
/* lexer.c: takes one raw that ends where the scanner stands. False: no more (a limit was reached). */
bool st_add_raw(st_parser *P, int kind, uint32_t start);

/* lexer.c */
void st_words_init(st_parser *P);
/* The next token of grammar/segment.y, with its node (literals, names) or value (units, aggregates). */
int st_next_token(st_parser *P, st_ast **node, uint32_t *op, st_span *span);
st_span st_raw_span(const st_parser *P, uint32_t raw);
st_str st_raw_text(const st_parser *P, uint32_t raw);
/* The text there, cut where it is too long for a message. */
const char *st_shown(st_parser *P, st_span span);
/* Is a definition's first word there, read as if outside braces? */
bool st_is_definition(const st_parser *P, uint32_t raw);
/* Reserved in every place: as a name it needs backticks. */
bool st_is_reserved(const st_parser *P, uint32_t raw);
void st_near_definitions(const char *word, st_near *near); /* of the words that begin a definition */

/* segment.y: parses definitions until the end or an error (then nonzero). */
int st_yyparse(st_parser *P);
const char *st_token_name(int token); /* as messages and dumps say it */

/* report.c: the message for `found` (at P->last, spanning `span`) where the parser could use `expected` only. */
void st_syntax_error(st_parser *P, int found, st_span span, const int *expected, uint32_t nexpected);
/* Reports, and counts: a file with a report is not ok, also where nobody listens. */
#define st_syntax_report(P, code, ...)                                                                       \
    do {                                                                                                     \
        (P)->errors++;                                                                                       \
        if ((P)->diags) st_report((P)->diags, (code), __VA_ARGS__);                                          \
    } while (0)

/* A duration that is only a unit, as in `last month` or `next week`: says so. */
void st_check_countless(st_parser *P, const st_ast *name, bool next);

/* tree.c */
st_ast *st_node(st_parser *P, st_ast_kind kind, st_span span, uint32_t n, st_ast *const *kids);
st_ast *st_append(st_parser *P, st_ast *list, st_ast *kid);  /* returns list, its span grown by the kid's */
st_ast *st_prepend(st_parser *P, st_ast *list, st_ast *kid); /* the same at the front */
void st_set_kid(st_parser *P, st_ast *node, uint32_t slot, st_ast *kid);
st_ast *st_name_node(st_parser *P, st_span span);
bool st_ast_is_list(st_ast_kind kind); /* any number of children */

/* parse.c */
st_parser *st_parser_new(st_arena *a, st_names *names, const st_sources *sources, uint32_t file,
                         st_diags *diags);
bool st_parser_open(st_parser *P); /* cuts the text into words; false: it cannot be read at all */
/* `ahead`: the word behind the definition has been read already. */
void st_definition_done(st_parser *P, st_ast *definition, bool ahead);
/* The raw at which the definition that follows the one in hand begins, at or behind `from`; the number of raws where
 * there is none. */
uint32_t st_next_definition(const st_parser *P, uint32_t from);

/* comments.c: hangs the comments of the file on the nodes of the tree. */
void st_attach_comments(st_parser *P);

#endif
