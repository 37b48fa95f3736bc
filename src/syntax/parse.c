/* Parsing one file: limits, the loop over definitions that resumes behind an error, and what hangs on the tree afterwards. */
#include "syntax/parser.h"
#include "base/text.h"
#include "segment.tab.h"

/* The first byte of the file that does not belong to UTF-8 text, or its length. */
static uint32_t first_bad_byte(st_str text)
{
    uint32_t at = 0;
    while (at < text.n) {
        uint32_t step = 0;
        for (uint32_t n = 1; n <= 4 && at + n <= text.n && !step; n++)
            if (st_utf8_valid(text.p + at, n)) step = n;
        if (!step) return at;
        at += step;
    }
    return at;
}

/* Distance from the start of the line in bytes. */
static uint32_t column_of(const st_parser *P, uint32_t raw)
{
    uint32_t start = P->raws.p[raw].start, at = start;
    while (at > 0 && P->text.p[at - 1] != '\n') at--;
    return start - at;
}

uint32_t st_next_definition(const st_parser *P, uint32_t from)
{
    uint32_t margin = column_of(P, P->begin), depth = 0;
    for (uint32_t i = P->begin + 1; i < P->raws.n; i++) {
        const st_raw *r = &P->raws.p[i];
        if (i >= from && r->first && (!depth || column_of(P, i) <= margin) && st_is_definition(P, i))
            return i;
        if (r->kind == '(' || r->kind == '{') depth++;
        if ((r->kind == ')' || r->kind == '}') && depth) depth--;
    }
    return P->raws.n;
}

/* Puts the lexer where a definition begins. */
static void start_at(st_parser *P, uint32_t raw)
{
    P->at = P->last = P->begin = raw;
    P->prev = 0;
    P->nopen = P->braces = 0;
    P->after_sign = P->doubtful = P->failed = P->complete = false;
    P->resume = 0;
}

void st_definition_done(st_parser *P, st_ast *definition, bool ahead)
{
    if (P->failed) return; /* it is too deep */
    P->begin = ahead ? P->last : P->at;
    P->doubtful = false;
    if (P->root->n == ST_MAX_DEFINITIONS) {
        st_syntax_report(P, ST_MSG_FILE_TOO_LONG, definition->span,
                         st_format(P->arena, "%u definitions", ST_MAX_DEFINITIONS));
        P->failed = true;
        P->resume = P->raws.n;
        return;
    }
    st_append(P, P->root, definition);
}

st_parser *st_parser_new(st_arena *a, st_names *names, const st_sources *sources, uint32_t file,
                         st_diags *diags)
{
    st_parser *P = st_new(a, st_parser);
    P->arena = a;
    P->names = names;
    P->sources = sources;
    P->diags = diags;
    P->file = file;
    P->text = sources->files.p[file].text;
    P->root = st_node(P, ST_AST_PROGRAM, (st_span){file, 0, P->text.n}, 0, NULL);
    return P;
}

bool st_parser_open(st_parser *P)
{
    if (P->text.n > ST_MAX_FILE_BYTES) {
        st_syntax_report(P, ST_MSG_FILE_TOO_LONG, ((st_span){P->file, 0, 0}),
                         st_format(P->arena, "%u bytes", ST_MAX_FILE_BYTES));
        return false;
    }
    if (!st_utf8_valid(P->text.p, P->text.n)) {
        uint32_t bad = first_bad_byte(P->text);
        st_syntax_report(P, ST_MSG_NOT_UTF8, ((st_span){P->file, bad, bad + 1}),
                         st_format(P->arena, "0x%02X", (unsigned)(uint8_t)P->text.p[bad]));
        return false;
    }
    st_words_init(P);
    st_scan(P, P->text);
    P->end = P->raws.n;
    start_at(P, 0);
    return P->errors == 0; /* else it has too many words */
}

/* The definition before the place of the error was whole, and the parser looked at what stands behind it too early to take
 * it: reads it again, as if the file ended there. */
static void keep_whole(st_parser *P, uint32_t begin, uint32_t end)
{
    if (begin >= end) return;
    P->end = end;
    start_at(P, begin);
    st_yyparse(P);
    P->end = P->raws.n;
}

st_parse st_parse_file(st_arena *a, st_names *names, const st_sources *sources, uint32_t file,
                       st_diags *diags)
{
    st_parser *P = st_parser_new(a, names, sources, file, diags);
    bool open = st_parser_open(P);
    while (open && st_yyparse(P)) {
        uint32_t begin = P->begin, stuck = P->last;
        uint32_t next = P->resume ? P->resume : st_next_definition(P, ST_MAX(stuck, begin + 1));
        if (P->complete) keep_whole(P, begin, stuck);
        if (next >= P->raws.n || P->errors >= ST_DIAG_LIMIT) break;
        start_at(P, next);
    }
    P->root->span = (st_span){file, 0, P->text.n};
    st_attach_comments(P);
    return (st_parse){P->root, P->errors == 0};
}
