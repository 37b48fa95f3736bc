/* Messages: every one is an entry of grammar/messages.def (code, severity, words, remedy, bad and good
 * example); this collects what a rule set earns and renders it. */
#ifndef STRATA_DIAG_DIAG_H
#define STRATA_DIAG_DIAG_H

#include "base/source.h"
#include "base/text.h"

typedef enum st_severity { ST_ERROR, ST_WARNING } st_severity;

/* One name an entry: ST_MSG_UNKNOWN_COLUMN … ; st_messages[code] has its words. */
typedef enum st_code {
#define MSG(NAME, code, severity, ...) ST_MSG_##NAME,
#include "../../grammar/messages.def"
#undef MSG
    ST_MSG_COUNT
} st_code;

typedef struct st_message {
    const char *name; /* "unknown-column", stable */
    const char *code; /* "E0201" or "W0301", stable, never reused */
    st_severity severity;
    const char *text; /* what is wrong; {0} {1} … stand for the arguments */
    const char *help; /* the remedy, also with arguments; "" only where text says it all */
    const char *why;  /* a sentence or two for its page */
    const char *bad;  /* a rule set that earns it */
    const char *good; /* the same, mended */
} st_message;
extern const st_message st_messages[ST_MSG_COUNT];

typedef struct st_diag {
    st_code code;
    st_severity severity;
    st_span span;
    const char *text, *help; /* with the arguments filled in */
} st_diag;

typedef struct st_diags {
    st_arena *arena;
    const st_sources *sources;
    ST_VEC(st_diag) items;
    uint32_t errors, warnings;
} st_diags;

void st_diags_init(st_diags *d, st_arena *a, const st_sources *sources);
/* Adds a message, unless the same code already stands at the same span. Arguments are text:
 *   st_report(d, ST_MSG_UNKNOWN_COLUMN, span, "orders", "stauts"). At most ST_DIAG_LIMIT messages are kept.
 */
#define ST_DIAG_LIMIT 500
#define st_report(d, code, ...) st_report_list((d), (code), __VA_ARGS__, (const char *)NULL)
void st_report_list(st_diags *d, st_code code, st_span span, ...);
void st_report_args(st_diags *d, st_code code, st_span span, const char *const *args);
/* Sorted by file and place; errors caused by the same span once. */
void st_diags_sort(st_diags *d);

/* "Did you mean status?" — for the help text; "" when nothing is near. */
const char *st_did_you_mean(st_arena *a, const st_near *near);

/* rules/vip.seg:7:19: error E0201: orders has no column stauts.
 *   7 | segment x where count(orders where stauts = "paid") = 1
 *     |                                    ^^^^^^
 *     help: Did you mean status? */
void st_render_text(const st_diags *d, st_arena *a, st_buf *out, bool colour);
/* An array of objects: code, name, severity, file, line, column, end_line, end_column, message, help. Lines and columns from 1;
 * columns count characters; end_column is one behind the last character. */
void st_render_json(const st_diags *d, st_arena *a, st_buf *out);

#endif
