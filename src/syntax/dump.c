/* What --emit tokens and --emit ast print, and whether two trees say the same. */
#include "syntax/parser.h"
#include "base/decimal.h"
#include "segment.tab.h"

static void put_quoted(st_arena *a, st_buf *out, const char *p, size_t n)
{
    st_buf_puts(a, out, "\"");
    for (size_t i = 0; i < n; i++) {
        char c = p[i];
        if (c == '\n')
            st_buf_puts(a, out, "\\n");
        else if ((uint8_t)c < 0x20 || c == 0x7f)
            st_buf_printf(a, out, "\\x%02x", (unsigned)(uint8_t)c);
        else if (c == '"' || c == '\\')
            st_buf_printf(a, out, "\\%c", c);
        else
            st_buf_add(a, out, &c, 1);
    }
    st_buf_puts(a, out, "\"");
}

/* A place that wanders through the file: the next one is counted from the last one, so that printing the places of a whole
 * file takes time in proportion to it, however long its lines are. */
typedef struct st_wanderer {
    const st_sources *sources;
    uint32_t file, offset;
    st_place place;
} st_wanderer;

static st_place walk_to(st_wanderer *w, uint32_t offset)
{
    const char *text = w->sources->files.p[w->file].text.p;
    while (w->offset < offset) {
        char c = text[w->offset++];
        if (c == '\n')
            w->place = (st_place){w->place.line + 1, 1};
        else if (((uint8_t)text[w->offset] & 0xC0) != 0x80)
            w->place.column++;
    }
    while (w->offset > offset && text[w->offset - 1] != '\n')
        w->place.column -= ((uint8_t)text[w->offset--] & 0xC0) != 0x80;
    if (w->offset > offset) {
        w->offset = offset;
        w->place = st_place_of(w->sources, w->file, offset);
    }
    return w->place;
}

static st_wanderer wanderer(const st_sources *sources, uint32_t file)
{
    return (st_wanderer){sources, file, 0, {1, 1}};
}

/* ---- words ---- */

void st_dump_tokens(st_arena *a, const st_sources *sources, uint32_t file, st_buf *out)
{
    st_names names;
    st_names_init(&names, a);
    st_parser *P = st_parser_new(a, &names, sources, file, NULL);
    if (!st_parser_open(P)) return;
    st_wanderer at = wanderer(sources, file);
    for (;;) {
        st_ast *node;
        uint32_t op;
        st_span span;
        int token = st_next_token(P, &node, &op, &span);
        if (token == TK_YYEOF) return;
        if (token == TK_ST_YYerror) { /* the dump goes on where a parse would give up */
            P->failed = false;
            continue;
        }
        st_place place = walk_to(&at, span.start);
        st_buf_printf(a, out, "%u:%u\t%s\t", place.line, place.column, st_token_name(token));
        put_quoted(a, out, P->text.p + span.start, span.end - span.start);
        st_buf_puts(a, out, "\n");
    }
}

/* ---- trees ---- */

static const char *const cmp_names[] = {"=", "!=", "<", "<=", ">", ">="};
static const char *const text_test_names[] = {"starts with", "ends with", "contains"};
static const char *const window_names[] = {"last",    "any",    "next",  "last calendar", "this", "previous",
                                           "between", "before", "after", "since",         "on"};
static const char *const agg_names[] = {"count", "any",         "no",      "sum",      "avg",
                                        "min",   "max",         "median",  "distinct", "first",
                                        "last",  "most_common", "repeats", "share"};
static const char *const part_names[] = {"year", "quarter", "month", "week", "day", "weekday", "hour"};
static const char *const type_names[] = {"bool", "int", "float", "decimal", "string", "date", "timestamp"};
static const char *const attr_names[] = {"key",   "links to", "time", "planned", "recorded",
                                         "fixed", "changes",  "pii",  "one of",  "between"};
static const char *const tier_names[] = {"when",   "when missing", "otherwise", "top",
                                         "bottom", "at least",     "at most"};
static const char *const meta_names[] = {"owner",   "goal",      "kpi",      "refresh",
                                         "version", "review by", "formerly", "tags"};
static const char *const check_names[] = {
    "size between", "size at least", "size at most", "size within", "disjoint from", "inside", "covers",
    "keeps",        "brings",        "known",        "unique",      "newer than",    "between"};
static const char *const claim_names[] = {"in", "not in", "is missing"};
static const char *const rfm_names[] = {"recency", "frequency", "monetary"};
static const char *const dim_names[] = {"r", "f", "m"};
static const char *const rank_names[] = {"top", "bottom"};
static const char *const entered_names[] = {"entered", "left"};

static void put_op(st_arena *a, st_buf *out, const st_ast *node)
{
    uint32_t op = node->op;
    const char *word = NULL;
    switch (node->kind) {
    case ST_AST_TYPE:
        if (op & ST_TYPE_LIST) st_buf_puts(a, out, " list of");
        word = type_names[op & 0xf];
        break;
    case ST_AST_ATTR: word = attr_names[op]; break;
    case ST_AST_TIER: word = tier_names[op]; break;
    case ST_AST_META: word = meta_names[op]; break;
    case ST_AST_CHECK: word = check_names[op & ~(uint32_t)ST_ELSE_WARN]; break;
    case ST_AST_CLAIM: word = op < ST_CLAIM_IN ? cmp_names[op] : claim_names[op - ST_CLAIM_IN]; break;
    case ST_AST_COMPARE: word = cmp_names[op & ST_OP_MASK]; break;
    case ST_AST_TEXT_TEST: word = text_test_names[op & ST_OP_MASK]; break;
    case ST_AST_WINDOW: word = window_names[op]; break;
    case ST_AST_IN_RANK: word = rank_names[op]; break;
    case ST_AST_ENTERED: word = entered_names[op]; break;
    case ST_AST_RFM_PART: word = rfm_names[op]; break;
    case ST_AST_RFM_DIM: word = dim_names[op]; break;
    case ST_AST_ADD:
    case ST_AST_MULTIPLY: word = op == '+' ? "+" : op == '-' ? "-" : op == '*' ? "*" : "/"; break;
    case ST_AST_UNIT:
    case ST_AST_DURATION:
    case ST_AST_SINCE:
    case ST_AST_FROM_TO:
    case ST_AST_CALENDAR: word = st_unit_names[op]; break;
    case ST_AST_PART: word = part_names[op]; break;
    case ST_AST_AGGREGATE: word = agg_names[op]; break;
    case ST_AST_SEGMENT: word = op ? "in braces" : NULL; break;
    case ST_AST_NAME: word = op ? "in backticks" : NULL; break;
    default: break;
    }
    if (word) st_buf_printf(a, out, " %s", word);
    if (node->kind == ST_AST_TYPE && (op & ST_TYPE_OPTIONAL)) st_buf_puts(a, out, "?");
    if (node->kind == ST_AST_CHECK && (op & ST_ELSE_WARN)) st_buf_puts(a, out, " else warn");
    if (op & ST_NEGATED && node->kind == ST_AST_IN_SET) st_buf_puts(a, out, " not");
    if (op & ST_ANY_OF && node->kind == ST_AST_TEXT_TEST) st_buf_puts(a, out, " any of");
    if (op & ST_ALL_OF && node->kind == ST_AST_TEXT_TEST) st_buf_puts(a, out, " all of");
    bool folds = node->kind == ST_AST_COMPARE || node->kind == ST_AST_IN_SET ||
                 node->kind == ST_AST_TEXT_TEST || node->kind == ST_AST_MATCHES;
    if (folds && (op & ST_IGNORING_CASE)) st_buf_puts(a, out, " ignoring case");
}

static void put_value(st_arena *a, st_buf *out, const st_ast *node)
{
    char text[ST_DECIMAL_TEXT + ST_TIME_TEXT];
    switch (node->kind) {
    case ST_AST_INT:
    case ST_AST_DECIMAL:
    case ST_AST_PERCENT:
    case ST_AST_RFM_QUANTILES:
        st_buf_puts(a, out, " ");
        st_buf_add(a, out, text, st_dec_format(node->number, node->scale, text));
        break;
    case ST_AST_DATE:
        st_format_date((int64_t)node->number, text);
        st_buf_printf(a, out, " %s", text);
        break;
    case ST_AST_TIMESTAMP: {
        int64_t seconds = (int64_t)(node->number / 1000000), day = seconds / 86400, rest = seconds % 86400;
        if (rest < 0) {
            day--;
            rest += 86400;
        }
        st_format_date(day, text);
        st_buf_printf(a, out, " %sT%02d:%02d:%02d", text, (int)(rest / 3600), (int)(rest / 60 % 60),
                      (int)(rest % 60));
        break;
    }
    case ST_AST_BOOL: st_buf_puts(a, out, node->number ? " true" : " false"); break;
    case ST_AST_TYPE:
        if ((node->op & 0xf) == ST_TYPE_DECIMAL)
            st_buf_printf(a, out, " (%d,%u)", (int)ST_MIN(node->number, INT32_MAX), node->scale);
        break;
    default: break;
    }
    if (!node->text) return;
    st_buf_puts(a, out, " ");
    put_quoted(a, out, node->text, strlen(node->text));
}

static void put_comments(st_arena *a, const st_sources *sources, st_buf *out, const char *where,
                         const st_comment *c, uint32_t n, uint32_t depth)
{
    for (uint32_t i = 0; i < n; i++) {
        st_str s = st_span_text(sources, c[i].span);
        st_buf_printf(a, out, "%*s%s%s ", (int)(2 * depth), "", where, c[i].trailing ? " trailing" : "");
        put_quoted(a, out, s.p, s.n);
        st_buf_puts(a, out, "\n");
    }
}

typedef struct st_dump {
    st_arena *a;
    const st_sources *sources;
    st_buf *out;
    st_wanderer from, to;
} st_dump;

static void dump(st_dump *d, const st_ast *node, uint32_t depth)
{
    st_arena *a = d->a;
    const st_sources *sources = d->sources;
    st_buf *out = d->out;
    put_comments(a, sources, out, "before", node->before, node->nbefore, depth);
    st_place from = walk_to(&d->from, node->span.start), to = walk_to(&d->to, node->span.end);
    st_buf_printf(a, out, "%*s(%s", (int)(2 * depth), "", st_ast_names[node->kind]);
    put_op(a, out, node);
    put_value(a, out, node);
    st_buf_printf(a, out, " %u:%u-%u:%u", from.line, from.column, to.line, to.column);
    if (node->doc) {
        st_buf_puts(a, out, " doc ");
        put_quoted(a, out, node->doc, strlen(node->doc));
    }
    for (uint32_t i = 0; i < node->n; i++) {
        st_buf_puts(a, out, "\n");
        if (node->kids[i])
            dump(d, node->kids[i], depth + 1);
        else
            st_buf_printf(a, out, "%*s-", (int)(2 * depth + 2), "");
    }
    st_buf_puts(a, out, ")");
    if (node->nafter) {
        st_buf_puts(a, out, "\n");
        put_comments(a, sources, out, "after", node->after, node->nafter, depth);
        out->n--; /* every node ends without a line end */
    }
}

void st_dump_ast(st_arena *a, const st_sources *sources, const st_ast *root, st_buf *out)
{
    st_dump d = {a, sources, out, wanderer(sources, root->span.file), wanderer(sources, root->span.file)};
    dump(&d, root, 0);
    st_buf_puts(a, out, "\n");
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool st_ast_equal(const st_ast *a, const st_ast *b)
{
    if (!a || !b) return a == b;
    bool backticks = a->kind == ST_AST_NAME; /* how a name is written is not what it says */
    if (a->kind != b->kind || (!backticks && a->op != b->op) || a->number != b->number ||
        a->scale != b->scale || a->n != b->n || !same_text(a->text, b->text) || !same_text(a->doc, b->doc))
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (!st_ast_equal(a->kids[i], b->kids[i])) return false;
    return true;
}
