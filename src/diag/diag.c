/* Collecting messages: filling in arguments, leaving out repetitions, sorting by place. */
#include "diag/diag.h"

#include <stdarg.h>
#include <stdlib.h>

#define ST_DIAG_ARGS 10 /* {0} to {9} */

void st_diags_init(st_diags *d, st_arena *a, const st_sources *sources)
{
    *d = (st_diags){.arena = a, .sources = sources};
}

#ifndef NDEBUG
/* The number of arguments that the text or the help of a message speaks of: one more than the highest {n}. */
static uint32_t placeholders(const char *text)
{
    uint32_t n = 0;
    for (const char *p = text; *p; p++)
        if (p[0] == '{' && p[1] >= '0' && p[1] <= '9' && p[2] == '}')
            n = ST_MAX(n, (uint32_t)(p[1] - '0') + 1);
    return n;
}
#endif

static const char *fill(st_arena *a, const char *text, const char *const *args, uint32_t nargs)
{
    st_buf b = {0};
    for (const char *p = text; *p; p++) {
        if (p[0] == '{' && p[1] >= '0' && p[1] <= '9' && p[2] == '}') {
            uint32_t i = (uint32_t)(p[1] - '0');
            if (i < nargs) st_buf_puts(a, &b, args[i]);
            p += 2;
        } else {
            st_buf_add(a, &b, p, 1);
        }
    }
    while (b.n && b.p[b.n - 1] == ' ') b.n--; /* behind an argument that is empty */
    return st_buf_text(a, &b);
}

static bool same_span(st_span a, st_span b)
{
    return a.file == b.file && a.start == b.start && a.end == b.end;
}

void st_report_args(st_diags *d, st_code code, st_span span, const char *const *args)
{
    const st_message *m = &st_messages[code];
    uint32_t nargs = 0;
    while (args[nargs]) nargs++;
    assert(nargs == ST_MAX(placeholders(m->text), placeholders(m->help)));
    bool library = span.file < d->sources->files.n && d->sources->files.p[span.file].in_library;
    if (library && m->severity == ST_WARNING) return; /* its own rule set says it */
    for (uint32_t i = 0; i < d->items.n; i++)
        if (d->items.p[i].code == code && same_span(d->items.p[i].span, span)) return;
    if (m->severity == ST_ERROR)
        d->errors++;
    else
        d->warnings++;
    if (d->items.n >= ST_DIAG_LIMIT) return;
    *st_push(d->arena, &d->items) = (st_diag){.code = code,
                                              .severity = m->severity,
                                              .span = span,
                                              .text = fill(d->arena, m->text, args, nargs),
                                              .help = fill(d->arena, m->help, args, nargs)};
}

void st_report_list(st_diags *d, st_code code, st_span span, ...)
{
    const char *args[ST_DIAG_ARGS + 1] = {0};
    va_list ap;
    va_start(ap, span);
    for (uint32_t i = 0; i < ST_DIAG_ARGS; i++)
        if (!(args[i] = va_arg(ap, const char *))) break;
    va_end(ap);
    st_report_args(d, code, span, args);
}

/* By file, then place, then the wider span first, errors before warnings, then code. */
static int by_place(const void *pa, const void *pb)
{
    const st_diag *a = pa, *b = pb;
    if (a->span.file != b->span.file) return a->span.file < b->span.file ? -1 : 1;
    if (a->span.start != b->span.start) return a->span.start < b->span.start ? -1 : 1;
    if (a->span.end != b->span.end) return a->span.end > b->span.end ? -1 : 1;
    if (a->severity != b->severity) return a->severity == ST_ERROR ? -1 : 1;
    return (a->code > b->code) - (a->code < b->code);
}

void st_diags_sort(st_diags *d)
{
    if (d->items.n == 0) return;
    qsort(d->items.p, d->items.n, sizeof *d->items.p, by_place);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < d->items.n; i++) {
        const st_diag *last = &d->items.p[kept - 1], *x = &d->items.p[i];
        if (same_span(last->span, x->span) && x->severity == ST_ERROR) {
            d->errors--;
            continue;
        }
        d->items.p[kept++] = *x;
    }
    d->items.n = kept;
}

const char *st_did_you_mean(st_arena *a, const st_near *near)
{
    if (near->n == 0) return "";
    st_buf b = {0};
    st_buf_puts(a, &b, "Did you mean ");
    for (uint32_t i = 0; i < near->n; i++) {
        if (i) st_buf_puts(a, &b, i + 1 == near->n ? " or " : ", ");
        st_buf_puts(a, &b, near->names[i]);
    }
    st_buf_puts(a, &b, "?");
    return st_buf_text(a, &b);
}
