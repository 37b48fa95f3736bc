/* From raw words and signs to tokens. A word is a keyword only inside its phrase: words.def says in which, this file looks
 * one token back and two raws ahead and asks it. Literals get their values here, and slips such as => get their message and
 * are then read as what was meant, so that one slip does not hide the next. */
#include "syntax/parser.h"
#include "base/decimal.h"
#include "base/text.h"
#include "segment.tab.h"

/* Classes of what follows: of words (CLASS rows of words.def), and of literals and signs. */
enum {
    A_NAME = 1u << 0,
    A_RESERVED = 1u << 1,
    A_DEFINITION = 1u << 2,
    AN_INT = 1u << 3,
    A_PERCENT = 1u << 4,
    A_STRING = 1u << 5,
    A_DAY = 1u << 6,
    S_OPEN = 1u << 7,
    S_BRACE = 1u << 8,
    S_EQUALS = 1u << 9,
    S_DOT = 1u << 10,
    W_WHEN = 1u << 11,
    W_OF = 1u << 12,
    W_TO = 1u << 13,
    W_FROM = 1u << 14,
    W_AT = 1u << 15,
    W_FIRST = 1u << 16,
    W_SINCE = 1u << 17,
    W_WINDOW = 1u << 18,
    W_UNIT = 1u << 19,
    W_BLOCK = 1u << 20,
    W_TYPE = 1u << 21,
    S_MINUS = 1u << 23,
    A_FRACTION = 1u << 24,
    ROW_HEAD = 1u << 22 /* what stands behind a label or a column's name at the start of a row */
};

/* Classes of the token before. */
enum {
    START = 1u << 0,
    OPERAND = 1u << 1 /* an operand or property ends here */,
    IN_WORD = 1u << 2,
    FROM_WORD = 1u << 3,
    THEN_WORD = 1u << 4,
    TEXT_WORD = 1u << 5,
    LINK_WORD = 1u << 6,
    HIGHEST_WORD = 1u << 7,
    ORDER_WORD = 1u << 8,
    A_COUNT = 1u << 9,
    NUMBER = 1u << 10,
    COUNTED = 1u << 11,
    NAMED = 1u << 12,
    A_UNIT = 1u << 13,
    COMMA = 1u << 14,
    BRACE = 1u << 15,
    END_BRACE = 1u << 16,
    EXTENT = 1u << 17, /* how much of a unit of time: 3, this, previous */
    SIZE_WORD = 1u << 18,
    TEST_WORD = 1u << 19
};

enum { TOP = 1, BLOCK = 2, AFTER_SIGN = 4, BEHIND_SALT = 8, LINE = 16 };

struct st_word_rule {
    const char *word, *second;
    int token;
    uint32_t op, place, before, not_before, next, not_next, next2, not_next2;
};

static const st_word_rule rules[] = {
#define WORD(text, TOKEN, ...) {.word = text, .token = TK_##TOKEN, __VA_ARGS__},
#define RESERVED(text, TOKEN) {.word = text, .token = TK_##TOKEN},
#define DEFINITION(text, TOKEN) {.word = text, .token = TK_##TOKEN},
#define SOFT(text, TOKEN) {.word = text, .token = TK_##TOKEN},
#define CLASS(text, classes)
#include "syntax/words.def"
#undef WORD
#undef RESERVED
#undef DEFINITION
#undef SOFT
#undef CLASS
};

static const struct word_class {
    const char *word;
    uint32_t classes;
} word_classes[] = {
#define WORD(text, TOKEN, ...)
#define RESERVED(text, TOKEN) {text, A_RESERVED},
#define DEFINITION(text, TOKEN) {text, A_DEFINITION},
#define SOFT(text, TOKEN)
#define CLASS(text, classes) {text, classes},
#include "syntax/words.def"
#undef WORD
#undef RESERVED
#undef DEFINITION
#undef SOFT
#undef CLASS
};

/* What is known of a word of the language. */
typedef struct st_word {
    uint32_t classes;
    uint32_t n;
    const st_word_rule *rules[8];
} st_word;

static st_word *word_of(st_parser *P, const char *text)
{
    bool is_new;
    void **slot = st_map_put(&P->words, text, strlen(text), &is_new);
    if (is_new) *slot = st_new(P->arena, st_word);
    return *slot;
}

void st_words_init(st_parser *P)
{
    st_map_init(&P->words, P->arena);
    for (size_t i = 0; i < ST_COUNT(rules); i++) {
        st_word *w = word_of(P, rules[i].word);
        assert(w->n < ST_COUNT(w->rules));
        w->rules[w->n++] = &rules[i];
    }
    for (size_t i = 0; i < ST_COUNT(word_classes); i++)
        word_of(P, word_classes[i].word)->classes |= word_classes[i].classes;
}

st_span st_raw_span(const st_parser *P, uint32_t raw)
{
    if (raw >= P->raws.n) return (st_span){P->file, P->text.n, P->text.n};
    return (st_span){P->file, P->raws.p[raw].start, P->raws.p[raw].end};
}

st_str st_raw_text(const st_parser *P, uint32_t raw)
{
    if (raw >= P->raws.n) return ST_STR("");
    return (st_str){P->text.p + P->raws.p[raw].start, P->raws.p[raw].end - P->raws.p[raw].start};
}

#define LONGEST_SHOWN 60

const char *st_shown(st_parser *P, st_span span)
{
    uint32_t end = ST_MIN(span.end, span.start + LONGEST_SHOWN);
    while (end < span.end && end > span.start && ((uint8_t)P->text.p[end] & 0xC0) == 0x80) end--;
    return st_format(P->arena, "%.*s%s", (int)(end - span.start), P->text.p + span.start,
                     end < span.end ? "…" : "");
}

static int kind_of(const st_parser *P, uint32_t raw)
{
    return raw < P->end ? P->raws.p[raw].kind : ST_RAW_END;
}

static const st_word *known_word(const st_parser *P, uint32_t raw)
{
    if (kind_of(P, raw) != ST_RAW_WORD) return NULL;
    st_str s = st_raw_text(P, raw);
    return st_map_get(&P->words, s.p, s.n);
}

static bool is_word(const st_parser *P, uint32_t raw, const char *text)
{
    return kind_of(P, raw) == ST_RAW_WORD && st_str_eq(st_raw_text(P, raw), st_str_of(text));
}

bool st_is_reserved(const st_parser *P, uint32_t raw)
{
    const st_word *w = known_word(P, raw);
    return w && (w->classes & (A_RESERVED | A_DEFINITION));
}

static uint32_t classes_of_next(const st_parser *P, uint32_t raw)
{
    switch (kind_of(P, raw)) {
    case ST_RAW_WORD: {
        const st_word *w = known_word(P, raw);
        uint32_t classes = w ? w->classes : 0;
        return classes & A_RESERVED ? classes : classes | A_NAME;
    }
    case ST_RAW_BACKTICKED:
    case ST_RAW_FOREIGN_WORD: return A_NAME;
    case ST_RAW_INT: return AN_INT;
    case ST_RAW_NUMBER: return A_FRACTION;
    case ST_RAW_PERCENT: return A_PERCENT;
    case ST_RAW_STRING: return A_STRING;
    case ST_RAW_DATE:
    case ST_RAW_TIMESTAMP: return A_DAY;
    case '(': return S_OPEN;
    case '{': return S_BRACE;
    case '=': return S_EQUALS | ROW_HEAD;
    case '.': return S_DOT;
    case '-': return S_MINUS;
    default: return 0;
    }
}

static uint32_t classes_of_before(int token)
{
    switch (token) {
    case 0: return START;
    case TK_IDENT: return OPERAND | NAMED;
    case TK_INT: return OPERAND | A_COUNT | NUMBER | COUNTED | EXTENT;
    case TK_NUM: return OPERAND | NUMBER;
    case TK_UNIT: return OPERAND | A_UNIT;
    case TK_STRING:
    case TK_PERCENT:
    case TK_DATE:
    case TK_TIMESTAMP:
    case TK_AGO:
    case TK_KM:
    case TK_TRUE:
    case TK_FALSE:
    case TK_MISSING:
    case TK_KNOWN:
    case TK_IGNORING_CASE:
    case TK_FIRST:
    case TK_OTHERWISE:
    case TK_CHANGES_ONLY:
    case '?':
    case ')': return OPERAND;
    case TK_CALENDAR: return COUNTED;
    case TK_THIS:
    case TK_PREVIOUS: return COUNTED | EXTENT;
    case TK_IN: return IN_WORD;
    case TK_FROM: return FROM_WORD;
    case TK_THEN: return THEN_WORD;
    case TK_CONTAINS:
    case TK_STARTS_WITH:
    case TK_ENDS_WITH: return TEXT_WORD;
    case TK_LINKS_TO: return LINK_WORD;
    case TK_HIGHEST: return HIGHEST_WORD;
    case TK_ORDER_BY: return ORDER_WORD;
    case TK_SIZE: return OPERAND | SIZE_WORD;
    case TK_TEST: return TEST_WORD;
    case ',': return COMMA;
    case '{': return BRACE;
    case '}': return END_BRACE;
    default:
        return token >= TK_KEY && token <= TK_WEIGHTS ? OPERAND
                                                      : 0; /* the soft words stand together in segment.y */
    }
}

/* Do the conditions of a rule hold for the word at `raw`, given the token before and the state of the brackets? */
static bool rule_holds(const st_parser *P, const st_word_rule *r, uint32_t raw, uint32_t before,
                       uint32_t place)
{
    uint32_t behind = raw + 1;
    if (r->second) {
        if (!is_word(P, behind, r->second)) return false;
        behind++;
    }
    if (r->place && !(place & r->place)) return false;
    if (r->before && !(before & r->before)) return false;
    if (before & r->not_before) return false;
    if (r->next | r->not_next) {
        uint32_t next = classes_of_next(P, behind);
        if (place & TOP) next &= ~(uint32_t)ROW_HEAD; /* there are rows in braces only */
        if ((r->next && !(next & r->next)) || (next & r->not_next)) return false;
    }
    if (r->next2 | r->not_next2) {
        uint32_t next2 = classes_of_next(P, behind + 1);
        if ((r->next2 && !(next2 & r->next2)) || (next2 & r->not_next2)) return false;
    }
    return true;
}

/* In `salt "wb-7" hash …`. */
static bool is_behind_salt(const st_parser *P, uint32_t raw)
{
    return raw >= 2 && kind_of(P, raw - 1) == ST_RAW_STRING && is_word(P, raw - 2, "salt");
}

static const st_word_rule *rule_of(const st_parser *P, uint32_t raw, uint32_t before, uint32_t place)
{
    if (is_behind_salt(P, raw)) place |= BEHIND_SALT;
    const st_word *w = known_word(P, raw);
    for (uint32_t i = 0; w && i < w->n; i++)
        if (rule_holds(P, w->rules[i], raw, before, place)) return w->rules[i];
    return NULL;
}

/* They stand together in segment.y. */
static bool is_definition_token(int token)
{
    return token >= TK_TIMEZONE && token <= TK_SEGMENTS_OF;
}

bool st_is_definition(const st_parser *P, uint32_t raw)
{
    const st_word_rule *r = rule_of(P, raw, START, TOP);
    return r && is_definition_token(r->token);
}

void st_near_definitions(const char *word, st_near *near)
{
    for (size_t i = 0; i < ST_COUNT(rules); i++)
        if (is_definition_token(rules[i].token) && !rules[i].second) st_near_add(near, word, rules[i].word);
}

bool st_add_raw(st_parser *P, int kind, uint32_t start)
{
    st_span span = {P->file, start, P->scanned};
    if (kind == ST_RAW_COMMENT) {
        *st_push(P->arena, &P->comments) = span;
        return true;
    }
    if (P->raws.n >= ST_MAX_WORDS) {
        st_syntax_report(P, ST_MSG_FILE_TOO_LONG, span,
                         st_format(P->arena, "%u words and signs", ST_MAX_WORDS));
        return false;
    }
    uint32_t from = P->raws.n ? P->raws.p[P->raws.n - 1].end : 0;
    bool first = !P->raws.n || memchr(P->text.p + from, '\n', start - from);
    *st_push(P->arena, &P->raws) = (st_raw){start, P->scanned, (uint16_t)kind, first};
    return true;
}

/* ---- literals ---- */

static st_ast *leaf(st_parser *P, st_ast_kind kind, st_span span, const char *text)
{
    st_ast *node = st_node(P, kind, span, 0, NULL);
    node->text = text;
    return node;
}

/* The content of a text literal: [from, to) of the file, with \" \\ \n undone. */
static st_ast *text_literal(st_parser *P, st_span span, uint32_t from, uint32_t to)
{
    if (to - from > ST_MAX_TEXT) {
        st_syntax_report(P, ST_MSG_TEXT_TOO_LONG, span, st_format(P->arena, "%u", ST_MAX_TEXT));
        to = from;
    }
    char *out = st_alloc(P->arena, (size_t)(to - from) + 1);
    uint32_t n = 0;
    for (uint32_t i = from; i < to; i++) {
        char c = P->text.p[i];
        if (c == '\\' && i + 1 < to) {
            char e = P->text.p[++i];
            if (e == 'n')
                c = '\n';
            else if (e == '"' || e == '\\')
                c = e;
            else {
                uint32_t end = i + 1;
                while (end < to && ((uint8_t)P->text.p[end] & 0xC0) == 0x80) end++;
                st_syntax_report(P, ST_MSG_BAD_ESCAPE, ((st_span){P->file, i - 1, end}),
                                 st_format(P->arena, "%.*s", (int)(end - i), P->text.p + i));
                out[n++] = c;
                c = e;
            }
        }
        if (!c) {
            st_syntax_report(P, ST_MSG_UNKNOWN_SIGN, ((st_span){P->file, i, i + 1}), "A zero byte");
            continue;
        }
        out[n++] = c;
    }
    return leaf(P, ST_AST_STRING, span, st_intern(P->names, out, n));
}

static st_ast *name_literal(st_parser *P, st_span span, bool backticks)
{
    st_str s = {P->text.p + span.start + backticks, span.end - span.start - 2 * (uint32_t)backticks};
    if (s.n > ST_MAX_NAME) {
        st_syntax_report(P, ST_MSG_NAME_TOO_LONG, span, st_format(P->arena, "%u", ST_MAX_NAME));
        s.n = ST_MAX_NAME;
    }
    st_ast *node = leaf(P, ST_AST_NAME, span, st_intern(P->names, s.p, s.n));
    node->op = backticks;
    return node;
}

st_ast *st_name_node(st_parser *P, st_span span)
{
    return name_literal(P, span, false);
}

/* An INT, NUM or PERCENT token, its exact value in `number` and `scale`. */
static int number_literal(st_parser *P, st_span span, int kind, st_ast **node)
{
    bool percent = kind == ST_RAW_PERCENT;
    st_str s = {P->text.p + span.start, span.end - span.start - percent};
    st_ast *n = *node = leaf(P, percent ? ST_AST_PERCENT : ST_AST_INT, span, NULL);
    unsigned scale = 0;
    if (!st_dec_parse(s, true, &n->number, &scale) || scale + 2u * percent > ST_DECIMAL_DIGITS) {
        st_syntax_report(P, ST_MSG_NUMBER_TOO_LONG, span, st_format(P->arena, "%d", ST_DECIMAL_DIGITS));
        n->number = 0;
        scale = 0;
    }
    n->scale = scale + 2u * percent;
    if (percent) return TK_PERCENT;
    if (!memchr(s.p, '.', s.n)) return TK_INT;
    n->kind = ST_AST_DECIMAL;
    return TK_NUM;
}

static int two_digits(const char *p)
{
    return (p[0] - '0') * 10 + (p[1] - '0');
}

static int date_literal(st_parser *P, st_span span, int kind, st_ast **node)
{
    const char *p = P->text.p + span.start;
    st_ast *n = *node = leaf(P, ST_AST_DATE, span, NULL);
    int64_t day = 0;
    bool good = st_parse_date((st_str){p, 10}, &day);
    n->number = day;
    if (kind == ST_RAW_TIMESTAMP) {
        int hour = two_digits(p + 11), minute = two_digits(p + 14);
        int second = span.end - span.start > 16 ? two_digits(p + 17) : 0;
        good = good && hour < 24 && minute < 60 && second < 60;
        n->kind = ST_AST_TIMESTAMP;
        n->number = day * ST_DAY_US + ((hour * 60 + minute) * 60 + second) * INT64_C(1000000);
    }
    if (!good) st_syntax_report(P, ST_MSG_NO_SUCH_DAY, span, st_shown(P, span));
    return kind == ST_RAW_TIMESTAMP ? TK_TIMESTAMP : TK_DATE;
}

/* ---- slips ---- */

/* Signs of other languages: what is meant, how it is written here, and the token that is read instead. */
static const struct slip {
    int raw, token;
    const char *meaning, *right;
} slips[] = {
    {ST_RAW_WRONG_GE, TK_GE, "At least", ">="},
    {ST_RAW_WRONG_LE, TK_LE, "At most", "<="},
    {ST_RAW_WRONG_EQ, '=', "Equal", "="},
    {ST_RAW_WRONG_NE, TK_NE, "Not equal", "!="},
    {ST_RAW_WRONG_AND, TK_AND, "Both", "as a word: and"},
    {ST_RAW_WRONG_OR, TK_OR, "Either", "as a word: or"},
    {ST_RAW_WRONG_NOT, TK_NOT, "Not", "as a word: not"},
    {ST_RAW_WRONG_OPEN, '(', "A list", "in round brackets: ( )"},
    {ST_RAW_WRONG_CLOSE, ')', "A list", "in round brackets: ( )"},
    {ST_RAW_WRONG_MINUS, '-', "Minus", "with the sign - of the keyboard"},
};

/* A sign as a message can show it. */
static const char *visible(st_parser *P, st_span span)
{
    uint8_t c = (uint8_t)P->text.p[span.start];
    if (c < 0x20 || c == 0x7f) return st_format(P->arena, "A control character (0x%02X)", c);
    return st_shown(P, span);
}

/* Slips that are words, texts or numbers, or nothing at all. Returns the token to read instead, or 0: read on. */
static int mend(st_parser *P, uint32_t raw, st_ast **node)
{
    st_span span = st_raw_span(P, raw);
    st_str s = st_raw_text(P, raw);
    const char *text = st_shown(P, span);
    for (size_t i = 0; i < ST_COUNT(slips); i++)
        if (slips[i].raw == kind_of(P, raw)) {
            st_syntax_report(P, ST_MSG_FOREIGN_SIGN, span, slips[i].meaning, slips[i].right);
            return slips[i].token;
        }
    switch (kind_of(P, raw)) {
    case ST_RAW_FOREIGN_WORD:
        st_syntax_report(P, ST_MSG_FOREIGN_LETTERS, span, text);
        *node = name_literal(P, span, false);
        return TK_IDENT;
    case ST_RAW_OPEN_BACKTICK:
        st_syntax_report(P, ST_MSG_OPEN_BACKTICK, span);
        P->doubtful = true;
        *node = leaf(P, ST_AST_NAME, span, st_intern(P->names, "", 0));
        return TK_IDENT;
    case ST_RAW_OPEN_STRING:
        st_syntax_report(P, ST_MSG_OPEN_TEXT, span);
        P->doubtful = true; /* it has swallowed what stands behind it */
        *node = leaf(P, ST_AST_STRING, span, st_intern(P->names, "", 0));
        return TK_STRING;
    case ST_RAW_SINGLE_QUOTED:
    case ST_RAW_CURLY_QUOTED: {
        uint32_t quote = kind_of(P, raw) == ST_RAW_SINGLE_QUOTED ? 1 : 3;
        uint32_t end = quote; /* an opening curly quote may lack its partner, or have a straight one */
        if (s.n >= 2 * quote && (quote == 1 || (uint8_t)s.p[s.n - 3] == 0xE2))
            end = s.n - quote;
        else if (s.n > quote)
            end = s.n - (s.p[s.n - 1] == '"');
        st_syntax_report(P, ST_MSG_OTHER_QUOTES, span,
                         st_shown(P, (st_span){P->file, span.start + quote, span.start + end}));
        *node = text_literal(P, span, span.start + quote, span.start + end);
        return TK_STRING;
    }
    case ST_RAW_BAD_NUMBER:
        st_syntax_report(P, ST_MSG_BAD_NUMBER, span, text);
        *node = leaf(P, ST_AST_INT, span, NULL);
        return TK_INT;
    case ST_RAW_BAD_DATE:
        st_syntax_report(P, ST_MSG_BAD_DATE, span, text);
        *node = leaf(P, ST_AST_DATE, span, NULL);
        return TK_DATE;
    case ST_RAW_DOUBLE_QUESTION: {
        const char *left = st_shown(P, st_raw_span(P, raw ? raw - 1 : raw));
        const char *right = st_shown(P, st_raw_span(P, raw + 1));
        st_syntax_report(P, ST_MSG_DOUBLE_QUESTION, span,
                         st_format(P->arena, "(%s if missing %s)", left, right));
        P->failed = true;
        return TK_ST_YYerror;
    }
    case ST_RAW_PERCENT_SIGN: st_syntax_report(P, ST_MSG_PERCENT_SIGN, span, "10"); return 0;
    case ST_RAW_SEMICOLON: st_syntax_report(P, ST_MSG_SEMICOLON, span, text); return 0;
    case ST_RAW_HASH_COMMENT:
    case ST_RAW_STAR_COMMENT: st_syntax_report(P, ST_MSG_OTHER_COMMENT, span); return 0;
    default: st_syntax_report(P, ST_MSG_UNKNOWN_SIGN, span, visible(P, span)); return 0;
    }
}

/* ---- signs ---- */

static int sign(st_parser *P, uint32_t raw, int kind)
{
    if (kind == '(' || kind == '{') {
        if (P->nopen == ST_MAX_NESTING) {
            st_syntax_report(P, ST_MSG_TOO_DEEP, st_raw_span(P, raw),
                             st_format(P->arena, "%u", ST_MAX_NESTING));
            P->failed = true;
            return kind;
        }
        P->open[P->nopen++] = raw;
        P->braces += kind == '{';
    } else if ((kind == ')' || kind == '}') && P->nopen &&
               (kind_of(P, P->open[P->nopen - 1]) == '{') == (kind == '}')) {
        P->nopen--;
        P->braces -= kind == '}';
    } else if (kind == ')' || kind == '}') {
        P->unopened = true;
    } else if ((kind == '+' || kind == '-') &&
               (kind_of(P, raw + 1) == ST_RAW_INT || kind_of(P, raw + 1) == ST_RAW_NUMBER) &&
               (is_word(P, raw + 2, "when") || is_word(P, raw + 2, "each") || is_word(P, raw + 2, "where"))) {
        return kind == '+' ? TK_ROW_PLUS : TK_ROW_MINUS;
    }
    return kind;
}

/* "10 %": the percent sign stands apart from its number. Reads both as one. */
static int split_percent(st_parser *P, uint32_t raw, st_span *span, st_ast **node)
{
    st_syntax_report(P, ST_MSG_PERCENT_SIGN, st_raw_span(P, raw + 1), st_shown(P, *span));
    P->at++;
    (*node)->kind = ST_AST_PERCENT;
    (*node)->scale += 2;
    *span = (*node)->span = st_span_join(*span, st_raw_span(P, raw + 1));
    return TK_PERCENT;
}

static int word(st_parser *P, uint32_t raw, st_span span, st_ast **node, uint32_t *op)
{
    bool line = P->nopen && kind_of(P, P->open[P->nopen - 1]) == '{';
    uint32_t place = (P->nopen ? 0u : TOP) | (P->braces ? BLOCK : 0u) | (line ? LINE : 0u) |
                     (P->after_sign ? AFTER_SIGN : 0u);
    const st_word_rule *r = rule_of(P, raw, classes_of_before(P->prev), place);
    bool member = P->prev == '.' && !(classes_of_next(P, raw) & A_RESERVED);
    if (!r || r->token == TK_IDENT || member) {
        *node = name_literal(P, span, false);
        return TK_IDENT;
    }
    *op = r->op;
    P->at += r->second ? 1 : 0;
    return r->token;
}

int st_next_token(st_parser *P, st_ast **node, uint32_t *op, st_span *span)
{
    *node = NULL;
    *op = 0;
    for (;;) {
        if (P->failed) return TK_ST_YYerror;
        P->unopened = false;
        uint32_t raw = P->last = P->at;
        int kind = kind_of(P, raw), token = kind;
        *span = st_raw_span(P, raw);
        if (kind == ST_RAW_END) return P->prev = TK_YYEOF;
        P->at++;
        switch (kind) {
        case ST_RAW_WORD: token = word(P, raw, *span, node, op); break;
        case ST_RAW_BACKTICKED:
            *node = name_literal(P, *span, true);
            token = TK_IDENT;
            break;
        case ST_RAW_STRING:
            *node = text_literal(P, *span, span->start + 1, span->end - 1);
            token = TK_STRING;
            break;
        case ST_RAW_INT:
        case ST_RAW_NUMBER:
        case ST_RAW_PERCENT:
            token = number_literal(P, *span, kind, node);
            if (token != TK_PERCENT && kind_of(P, raw + 1) == ST_RAW_PERCENT_SIGN)
                token = split_percent(P, raw, span, node);
            break;
        case ST_RAW_DATE:
        case ST_RAW_TIMESTAMP: token = date_literal(P, *span, kind, node); break;
        case ST_RAW_NE: token = TK_NE; break;
        case ST_RAW_LE: token = TK_LE; break;
        case ST_RAW_GE: token = TK_GE; break;
        case ST_RAW_DOTDOT: token = TK_DOTDOT; break;
        default:
            if (kind >= ST_RAW_WORD) token = mend(P, raw, node);
            if (!token) {
                P->doubtful = true;
                continue;
            }
            if (token < TK_ST_YYerror) token = sign(P, raw, token);
        }
        if (P->failed) return TK_ST_YYerror;
        span->end = ST_MAX(span->end, P->raws.p[P->at - 1].end);
        if (token == '+' || token == '-')
            P->after_sign = true;
        else if (token != TK_IDENT && token != '.')
            P->after_sign = false;
        return P->prev = token;
    }
}
