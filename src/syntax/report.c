/* What to say where the parser is stuck. Mistakes that beginners make often are recognised first, each with a message of its
 * own at the smallest place; everything else says what was found and, in a few words, what can stand there. */
#include "syntax/parser.h"
#include "segment.tab.h"

typedef struct st_stuck {
    st_parser *P;
    int found;
    st_span span;
    uint32_t raw; /* of the token found */
    const int *expected;
    uint32_t nexpected;
    uint64_t has[(TK_WEIGHTS + 64) / 64]; /* the expected ones as a set */
} st_stuck;

static bool expects(const st_stuck *s, int token)
{
    return token >= 0 && token <= TK_WEIGHTS && s->has[token / 64] >> (token % 64) & 1;
}

static void drop(st_stuck *s, int first, int last)
{
    for (int token = first; token <= last; token++) s->has[token / 64] &= ~(UINT64_C(1) << (token % 64));
}

static int raw_kind(const st_parser *P, uint32_t raw)
{
    return raw < P->raws.n ? P->raws.p[raw].kind : ST_RAW_END;
}

static bool raw_is(const st_parser *P, uint32_t raw, const char *word)
{
    return raw_kind(P, raw) == ST_RAW_WORD && st_str_eq(st_raw_text(P, raw), st_str_of(word));
}

/* ---- what can stand there ---- */

/* Ranges of tokens, first and last, that one phrase covers. */
#define NO_MORE -1
static const int definitions[] = {TK_TIMEZONE, TK_SEGMENTS_OF, TK_YYEOF, TK_YYEOF, NO_MORE};
static const int values[] = {TK_IDENT,   TK_TIMESTAMP, '(',         '(',         '-',         '-',
                             TK_NOT,     TK_NOT,       TK_TRUE,     TK_FALSE,    TK_SAMPLE,   TK_SAMPLE,
                             TK_UNIT,    TK_LEFT,      TK_AT_LEAST, TK_AT_LEAST, TK_FIRST,    TK_FIRST,
                             TK_COUNT,   TK_SEQUENCE,  TK_KEY,      TK_WEIGHTS,  TK_CALENDAR, TK_CALENDAR,
                             TK_NEAREST, TK_NEAREST,   TK_WITHIN,   TK_WITHIN,   NO_MORE};
static const int names[] = {TK_IDENT,    TK_IDENT, TK_FIRST, TK_FIRST,   TK_REVIEW_BY, TK_REVIEW_BY,
                            TK_TIMEZONE, TK_TEST,  TK_KEY,   TK_WEIGHTS, NO_MORE};
static const int lists[] = {'(', '(', NO_MORE};
static const int comparisons[] = {'=',
                                  '=',
                                  '<',
                                  '<',
                                  '>',
                                  '>',
                                  '.',
                                  '.',
                                  TK_NE,
                                  TK_GE,
                                  TK_NOT,
                                  TK_BETWEEN,
                                  TK_ON,
                                  TK_MATCHES,
                                  TK_IF,
                                  TK_IF,
                                  TK_STARTS_WITH,
                                  TK_ENDS_WITH,
                                  TK_WENT,
                                  TK_WENT,
                                  TK_UNIT,
                                  TK_UNIT,
                                  TK_AGO,
                                  TK_AGO,
                                  TK_KM,
                                  TK_KM,
                                  NO_MORE};
static const int types[] = {TK_T_BOOL, TK_T_TIMESTAMP, TK_LIST_OF, TK_LIST_OF, NO_MORE};
static const int attributes[] = {TK_KEY,    TK_PII,     TK_LINKS_TO, TK_LINKS_TO, TK_ONE_OF,
                                 TK_ONE_OF, TK_BETWEEN, TK_BETWEEN,  NO_MORE};
static const int properties[] = {TK_OWNER, TK_TAGS, TK_REVIEW_BY, TK_REVIEW_BY, NO_MORE};

/* Many tokens that are said in one phrase: where all of `signs` are expected (and no phrase before has covered them). */
static const struct phrase {
    int signs[4];
    const char *words;
    const int *covers;
} phrases[] = {
    {{TK_D_LIST}, NULL, definitions}, /* said last */
    {{TK_IDENT, TK_INT, '(', TK_NOT}, "a condition", values},
    {{TK_IDENT, TK_INT, '('}, "a value", values},
    {{TK_IDENT}, "a name", names},
    {{'(', TK_LAST, TK_TOP_RANK}, "a list in brackets", lists},
    {{TK_INT, TK_STRING}, "a value", values},
    {{'=', '<'}, "a comparison such as =", comparisons},
    {{TK_IN, TK_BEFORE}, "a window such as in last 30 days", comparisons},
    {{TK_T_BOOL, TK_T_INT}, "a type such as string or date", types},
    {{TK_KEY, TK_LINKS_TO}, "a property of the column such as key or links to", attributes},
    {{TK_OWNER}, "a property such as owner", properties},
};

static bool applies(const st_stuck *s, const struct phrase *phrase)
{
    for (size_t i = 0; i < ST_COUNT(phrase->signs) && phrase->signs[i]; i++)
        if (!expects(s, phrase->signs[i])) return false;
    return true;
}

/* Words are said before signs, and what may follow almost anything last. */
static int rank_of(int token)
{
    switch (token) {
    case '+':
    case '-':
    case '*':
    case '/':
    case '.':
    case '(':
    case TK_KM:
    case TK_AGO:
    case TK_UNIT:
    case TK_CALENDAR:
    case TK_IGNORING_CASE: return 2;
    default: return token > TK_YYEOF && token < 256 ? 1 : 0;
    }
}

#define MOST_PHRASES 5

static const char *what_can_stand(st_stuck *s)
{
    const char *said[ST_COUNT(phrases)];
    uint32_t n = 0;
    bool next_definition = expects(s, TK_D_LIST);
    for (size_t i = 0; i < ST_COUNT(phrases); i++) {
        if (!applies(s, &phrases[i])) continue;
        if (phrases[i].words) said[n++] = phrases[i].words;
        for (const int *range = phrases[i].covers; *range != NO_MORE; range += 2) drop(s, range[0], range[1]);
    }
    for (int rank = 0; rank < 3; rank++) {
        if (rank == 2 && n)
            break; /* that arithmetic may go on is worth saying only where nothing else fits */
        for (uint32_t i = 0; i < s->nexpected && n < MOST_PHRASES; i++)
            if (expects(s, s->expected[i]) && rank_of(s->expected[i]) == rank)
                said[n++] = st_token_name(s->expected[i]);
    }
    if (next_definition && n < MOST_PHRASES) said[n++] = "the next definition";
    st_buf out = {0};
    n = ST_MIN(n, MOST_PHRASES);
    for (uint32_t i = 0; i < n; i++) st_buf_printf(s->P->arena, &out, "%s%s", i ? ", " : "", said[i]);
    return n ? st_buf_text(s->P->arena, &out) : "nothing more";
}

/* Lines of treatments and campaigns that consist of several parts. */
static const struct line {
    const char *first, *second, *form; /* second NULL: the line begins with one word */
} lines[] = {
    {"one", "per", "one per household_id, highest spend first"},
    {"at", "most", "at most 50_000, highest spend first"},
    {"order", "by", "order by highest spend first"},
    {"control", NULL, "control 10% salt \"a-name\""},
    {"again", "after", "again after 90 days"},
    {"first", "of", "first of (one, another)"},
};

/* How the line is written in which something is still to be said; NULL: none of these. */
static const char *form_of_line(const st_stuck *s)
{
    const st_parser *P = s->P;
    bool has_lines = raw_is(P, P->begin, "treatment") || raw_is(P, P->begin, "campaign");
    if (!has_lines || expects(s, '}')) return NULL;
    for (uint32_t at = s->raw, back = 0; at > P->begin && raw_kind(P, at) != '{' && back < 12; at--, back++)
        for (size_t i = 0; i < ST_COUNT(lines); i++)
            if (raw_is(P, at, lines[i].first) && (!lines[i].second || raw_is(P, at + 1, lines[i].second)))
                return lines[i].form;
    return NULL;
}

/* A word that was mistyped, or else what can stand there. */
static const char *remedy(st_stuck *s)
{
    st_near near = {0};
    const char *form = form_of_line(s);
    if (form && raw_is(s->P, s->raw, "lowest"))
        return "The lowest first is written with a minus: highest -age first.";
    if (form) return st_format(s->P->arena, "It is written %s.", form);
    if (s->found == TK_IDENT)
        for (uint32_t i = 0; i < s->nexpected; i++)
            if (s->expected[i] > TK_MATCHES)
                st_near_add(&near, st_shown(s->P, s->span), st_token_name(s->expected[i]));
    if (near.n) return st_did_you_mean(s->P->arena, &near);
    return st_format(s->P->arena, "What can stand here: %s.", what_can_stand(s));
}

/* ---- brackets ---- */

static char partner(int kind)
{
    return kind == '{' ? '}' : ')';
}

static void report_unclosed(st_stuck *s, uint32_t open, uint32_t next)
{
    st_parser *P = s->P;
    int kind = raw_kind(P, open);
    const char *where = "at the end of the file";
    if (next < P->raws.n)
        where = st_format(P->arena, "before %s in line %u", st_shown(P, st_raw_span(P, next)),
                          st_place_of(P->sources, P->file, P->raws.p[next].start).line);
    st_syntax_report(P, ST_MSG_UNCLOSED, st_raw_span(P, open),
                     st_format(P->arena, "%c", kind == '{' ? '{' : '('),
                     st_format(P->arena, "%c", partner(kind)), where);
}

/* A bracket that is not closed, or closed and never opened. */
static bool brackets(st_stuck *s)
{
    st_parser *P = s->P;
    if (P->nopen) {
        uint32_t open = P->open[P->nopen - 1], next = st_next_definition(P, P->begin + 1);
        if (s->found == TK_YYEOF || next <= s->raw) {
            uint32_t inner = P->nopen; /* the innermost bracket before the definition that was swallowed */
            while (inner > 1 && P->open[inner - 1] > next) inner--;
            report_unclosed(s, P->open[inner - 1], next);
            P->resume = next;
            return true;
        }
        if (s->found == '}' && raw_kind(P, open) != '{') {
            report_unclosed(s, open, s->raw);
            return true;
        }
    }
    if (P->unopened) {
        st_syntax_report(P, ST_MSG_UNOPENED, s->span, s->found == ')' ? ")" : "}",
                         s->found == ')' ? "(" : "{");
        return true;
    }
    return false;
}

/* ---- common mistakes ---- */

static bool three_digits(const st_parser *P, uint32_t raw)
{
    return raw_kind(P, raw) == ST_RAW_INT && P->raws.p[raw].end - P->raws.p[raw].start == 3;
}

/* 1,000: a whole number, and behind it, with no blank, a comma and three digits. */
static bool comma_in_number(st_stuck *s)
{
    const st_parser *P = s->P;
    uint32_t comma = s->raw;
    if (raw_kind(P, comma) != ',') {
        if (comma == 0 || raw_kind(P, --comma) != ',') return false;
    }
    if (comma == 0 || raw_kind(P, comma - 1) != ST_RAW_INT || !three_digits(P, comma + 1)) return false;
    const st_raw *r = P->raws.p;
    if (r[comma - 1].end != r[comma].start || r[comma].end != r[comma + 1].start) return false;
    uint32_t last = comma + 1;
    while (raw_kind(P, last + 1) == ',' && three_digits(P, last + 2) && r[last].end == r[last + 1].start &&
           r[last + 1].end == r[last + 2].start)
        last += 2;
    st_span span = st_span_join(st_raw_span(P, comma - 1), st_raw_span(P, last));
    st_buf plain = {0}, underscored = {0};
    for (uint32_t i = span.start; i < span.end; i++) {
        char c = P->text.p[i];
        if (c != ',') st_buf_add(P->arena, &plain, &c, 1);
        st_buf_add(P->arena, &underscored, c == ',' ? "_" : &c, 1);
    }
    st_syntax_report(s->P, ST_MSG_COMMA_IN_NUMBER, span, st_buf_text(P->arena, &plain),
                     st_buf_text(P->arena, &underscored));
    return true;
}

static bool is_window_word(const st_parser *P, uint32_t raw)
{
    static const char *const words[] = {"last", "next", "this", "previous", "any"};
    for (size_t i = 0; i < ST_COUNT(words); i++)
        if (raw_is(P, raw, words[i])) return true;
    return false;
}

/* any(orders not in last 90 days), signup_at not in last 30 days */
static bool not_in_window(st_stuck *s)
{
    st_parser *P = s->P;
    uint32_t at = s->raw;
    if (s->found == TK_NOT && at && raw_is(P, at + 1, "in") && is_window_word(P, at + 2) &&
        expects(s, TK_IN)) {
        uint32_t end = at + 2;
        while (raw_kind(P, end + 1) == ST_RAW_INT ||
               (raw_kind(P, end + 1) == ST_RAW_WORD && !raw_is(P, end + 1, "where")))
            end++;
        const char *window = st_shown(P, st_span_join(st_raw_span(P, at + 1), st_raw_span(P, end)));
        st_syntax_report(P, ST_MSG_NOT_IN_WINDOW, s->span, st_shown(P, st_raw_span(P, at - 1)), window);
        return true;
    }
    if (at < 3 || !is_window_word(P, at) || !raw_is(P, at - 1, "in") || !raw_is(P, at - 2, "not"))
        return false;
    st_syntax_report(P, ST_MSG_NOT_IN_TIME, st_raw_span(P, at - 2), st_shown(P, st_raw_span(P, at - 3)));
    return true;
}

static bool is_comparison(const st_parser *P, uint32_t raw)
{
    int kind = raw_kind(P, raw);
    return kind == '=' || kind == '<' || kind == '>' || kind == ST_RAW_NE || kind == ST_RAW_LE ||
           kind == ST_RAW_GE;
}

/* count(orders) in last 90 days >= 3 */
static bool window_outside(st_stuck *s)
{
    const st_parser *P = s->P;
    uint32_t at = s->raw;
    if (!is_comparison(P, at)) return false;
    for (uint32_t in = at; in > 1 && at - in < 5; in--)
        if (raw_is(P, in, "in") && raw_kind(P, in - 1) == ')') {
            st_syntax_report(s->P, ST_MSG_WINDOW_OUTSIDE,
                             st_span_join(st_raw_span(P, in), st_raw_span(P, at - 1)));
            return true;
        }
    return false;
}

static bool reserved_name(st_stuck *s)
{
    bool position = expects(s, TK_IDENT) && !expects(s, TK_INT);
    bool definition = s->found >= TK_TIMEZONE && s->found <= TK_TEST && expects(s, TK_IDENT);
    bool operand = expects(s, TK_IDENT) && is_comparison(s->P, s->raw + 1);
    if (!st_is_reserved(s->P, s->raw) || !(position || definition || operand)) return false;
    st_syntax_report(s->P, ST_MSG_RESERVED_NAME, s->span, st_shown(s->P, s->span));
    return true;
}

/* The words that begin a definition only with the right words behind them, and those words. */
static const struct form {
    const char *word, *form;
} forms[] = {
    {"rows", "rows name = orders where …"},        {"points", "points name { … }"},
    {"list", "list name of customers from \"…\""}, {"place", "place name = (48.1, 11.6)"},
    {"consent", "consent email when …"},           {"limit", "limit email at most 3 in 7 days"},
    {"audience", "audience name from … { … }"},    {"exclude", "exclude … from all treatments"},
    {"contact", "contact log sends by …"},         {"segments", "segments of customers"},
};

static bool no_definition(st_stuck *s)
{
    st_parser *P = s->P;
    if (!expects(s, TK_D_LIST) || s->found != TK_IDENT) return false;
    const char *word = st_shown(P, s->span);
    for (size_t i = 0; i < ST_COUNT(forms); i++)
        if (!strcmp(forms[i].word, word)) {
            st_syntax_report(P, ST_MSG_NOT_A_DEFINITION, s->span, word,
                             st_format(P->arena, "It is written %s.", forms[i].form));
            return true;
        }
    if (!P->raws.p[s->raw].first) return false;
    st_near near = {0};
    st_near_definitions(word, &near);
    const char *help = st_did_you_mean(P->arena, &near);
    st_syntax_report(P, ST_MSG_NOT_A_DEFINITION, s->span, word,
                     *help ? help : "Definitions begin with a word such as table, trait, segment or tiers.");
    return true;
}

/* The file ends, or the next definition begins, where something is still to be said. */
static bool stopped(st_stuck *s)
{
    st_parser *P = s->P;
    bool definition = s->raw < P->raws.n && P->raws.p[s->raw].first && st_is_definition(P, s->raw);
    if (s->raw == 0 || !(s->found == TK_YYEOF || definition)) return false;
    st_syntax_report(P, ST_MSG_STOPPED, st_raw_span(P, s->raw - 1), what_can_stand(s));
    return true;
}

/* WHERE, And: a word of the language in capitals. */
static bool capitals(st_stuck *s)
{
    st_parser *P = s->P;
    if (s->found != TK_IDENT || raw_kind(P, s->raw) != ST_RAW_WORD) return false;
    st_str small = st_text_lower(P->arena, st_raw_text(P, s->raw));
    if (st_str_eq(small, st_raw_text(P, s->raw))) return false;
    for (uint32_t i = 0; i < s->nexpected; i++) {
        const char *name = st_token_name(s->expected[i]);
        size_t n = strcspn(name, " ");
        if (s->expected[i] < TK_AND || n != small.n || memcmp(name, small.p, n) != 0) continue;
        st_syntax_report(P, ST_MSG_CAPITALS, s->span, st_shown(P, s->span),
                         st_format(P->arena, "%.*s", (int)small.n, small.p));
        return true;
    }
    return false;
}

/* x = missing */
static bool compared_with_missing(st_stuck *s)
{
    const st_parser *P = s->P;
    if ((s->found != TK_MISSING && s->found != TK_KNOWN) || s->raw < 2 || !is_comparison(P, s->raw - 1))
        return false;
    st_span sign = st_raw_span(P, s->raw - 1);
    st_syntax_report(s->P, ST_MSG_COMPARED_WITH_MISSING, st_span_join(sign, s->span),
                     st_shown(s->P, st_raw_span(P, s->raw - 2)),
                     s->found == TK_MISSING ? "missing" : "known");
    return true;
}

static bool common(st_stuck *s)
{
    st_parser *P = s->P;
    if (capitals(s) || compared_with_missing(s)) return true;
    if (s->found == TK_WHERE && expects(s, TK_WHEN) && expects(s, TK_OTHERWISE)) {
        st_syntax_report(P, ST_MSG_WHERE_AFTER_LABEL, s->span);
        return true;
    }
    if (s->found == TK_WHERE && raw_is(P, s->raw - 1, "count") && raw_is(P, P->begin, "rows")) {
        st_syntax_report(P, ST_MSG_COUNT_WHERE, st_span_join(st_raw_span(P, s->raw - 1), s->span));
        return true;
    }
    if (s->found == TK_OF && s->raw == P->begin + 2 && raw_is(P, P->begin, "table")) {
        st_syntax_report(P, ST_MSG_TABLE_OF, s->span);
        return true;
    }
    if (expects(s, TK_MISSING) && expects(s, TK_KNOWN) && s->raw && raw_is(P, s->raw - 1, "is")) {
        st_syntax_report(P, ST_MSG_IS, st_raw_span(P, s->raw - 1));
        return true;
    }
    if (s->found == TK_OF && s->raw && raw_kind(P, s->raw - 1) == ')') {
        st_syntax_report(P, ST_MSG_OF_OUTSIDE, s->span);
        return true;
    }
    if (s->found == ',' && expects(s, '}') && !comma_in_number(s)) {
        st_syntax_report(P, ST_MSG_COMMA_BETWEEN_ROWS, s->span);
        return true;
    }
    if (s->raw > 1 && raw_is(P, s->raw - 1, "the") && raw_is(P, s->raw - 2, "in")) {
        st_syntax_report(P, ST_MSG_THE, st_raw_span(P, s->raw - 1), st_shown(P, s->span));
        return true;
    }
    return comma_in_number(s) || window_outside(s) || not_in_window(s) || reserved_name(s) ||
           no_definition(s);
}

void st_syntax_error(st_parser *P, int found, st_span span, const int *expected, uint32_t nexpected)
{
    for (uint32_t i = 0; i < nexpected; i++) P->complete |= expected[i] == TK_YYEOF && found != TK_YYEOF;
    if (P->failed || P->doubtful) { /* the lexer has said what is wrong */
        P->errors++;
        return;
    }
    st_stuck s = {
        .P = P, .found = found, .span = span, .raw = P->last, .expected = expected, .nexpected = nexpected};
    for (uint32_t i = 0; i < nexpected; i++)
        if (expected[i] <= TK_WEIGHTS) s.has[expected[i] / 64] |= UINT64_C(1) << (expected[i] % 64);
    if (brackets(&s) || stopped(&s) || common(&s)) return;
    st_syntax_report(P, ST_MSG_UNEXPECTED, span, st_shown(P, span), remedy(&s));
}

void st_check_countless(st_parser *P, const st_ast *name, bool next)
{
    static const struct {
        const char *unit, *span;
    } units[] = {{"day", "24 hours"},
                 {"week", "7 days"},
                 {"month", "30 days"},
                 {"quarter", "90 days"},
                 {"year", "12 months"}};
    for (size_t i = 0; i < ST_COUNT(units); i++) {
        const char *unit = units[i].unit, *span = units[i].span;
        if (strcmp(unit, name->text)) continue;
        const char *help =
            next
                ? st_format(P->arena,
                            "the whole calendar %s after this one, or the time from now: in next %s", unit,
                            span)
                : st_format(P->arena, "in previous %s (the whole calendar %s before this one), or in last %s",
                            unit, unit, span);
        st_syntax_report(P, ST_MSG_COUNTLESS_UNIT, name->span,
                         st_format(P->arena, "%s %s", next ? "next" : "last", unit), help);
    }
}
