/* The answer of a run in two forms: a table for people, and lines of definition,label,customers for programs. */
#include "cli/cli.h"

#include "api/arrow_out.h"
#include "io/io.h"

#include <stdlib.h>
#include <string.h>

enum { BAR = 30 }; /* characters of a full bar */
static const char no_label[] = "(no label)";

/* "1,234,567" */
static const char *grouped(uint64_t n, char out[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n), k = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) out[k++] = ',';
        out[k++] = digits[i];
    }
    out[k] = '\0';
    return out;
}

static void print_bar(uint64_t part, uint64_t whole, FILE *out)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    uint64_t units = (uint64_t)((double)part / (double)whole * BAR * 8 + 0.5);
    if (part && !units) units = 1;
    fputs("  \033[36m", out);
    for (uint64_t i = 0; i < units / 8; i++) fputs("█", out);
    fprintf(out, "%s\033[0m", eighths[units % 8]);
}

void cli_print_row(const cli_layout *l, const char *indent, const char *name, bool strong, uint64_t n,
                   uint64_t whole)
{
    char digits[32], share[16] = "";
    if (whole) snprintf(share, sizeof share, " %7.1f%%", 100.0 * (double)n / (double)whole);
    int space = l->left - cli_width(indent) - cli_width(name);
    const char *on = strong && l->colour ? "\033[1m" : "", *off = strong && l->colour ? "\033[0m" : "";
    fprintf(l->out, "%s%s%s%s%*s %12s%s", indent, on, name, off, space, "", grouped(n, digits), share);
    if (l->colour && whole) print_bar(n, whole, l->out);
    fputc('\n', l->out);
}

static bool is_labelled(strata_kind kind)
{
    return kind == STRATA_TIERS || kind == STRATA_RFM || kind == STRATA_EXPERIMENT ||
           kind == STRATA_OVERLAY || kind == STRATA_CLUSTER;
}

/* The scores of an rfm are for programs; people read its tiers. */
static bool is_for_people(const strata_count *c)
{
    return c->kind != STRATA_RFM || !strchr(c->definition, '.');
}

/* Prints the labels of one definition, counts [i, end), under a line of its own. */
static void print_labelled(const cli_layout *l, const strata_result *result, size_t i, size_t end)
{
    strata_count c = strata_result_count(result, i);
    uint64_t sum = 0;
    for (size_t k = i; k < end; k++) sum += strata_result_count(result, k).customers;
    cli_print_row(l, "", c.definition, true, sum, c.population);
    for (; i < end; i++) {
        c = strata_result_count(result, i);
        cli_print_row(l, "  ", c.label, false, c.customers, c.population);
    }
    if (sum < c.population && c.kind != STRATA_OVERLAY)
        cli_print_row(l, "  ", no_label, false, c.population - sum, c.population);
}

static void print_entity(const cli_layout *l, const strata_result *result, const char *entity)
{
    size_t n = strata_result_size(result);
    bool headed = false;
    for (size_t i = 0, end; i < n; i = end) {
        strata_count c = strata_result_count(result, i);
        for (end = i + 1; end < n && strcmp(strata_result_count(result, end).definition, c.definition) == 0;
             end++) {
        }
        if (strcmp(c.entity, entity) != 0 || !is_for_people(&c)) continue;
        if (!headed) {
            fputc('\n', l->out);
            cli_print_row(l, "", entity, false, c.population, 0);
        }
        headed = true;
        if (is_labelled(c.kind))
            print_labelled(l, result, i, end);
        else
            cli_print_row(l, "", c.definition, true, c.customers, c.population);
    }
}

static void make_room(cli_layout *l, const char *indent, const char *name)
{
    int width = cli_width(indent) + cli_width(name);
    if (width > l->left) l->left = width;
}

void cli_print_counts(const strata_result *result, FILE *out)
{
    cli_layout l = {out, 0, cli_colour(out)};
    for (size_t i = 0; i < strata_result_size(result); i++) {
        strata_count c = strata_result_count(result, i);
        if (!is_for_people(&c)) continue;
        make_room(&l, "", c.definition);
        make_room(&l, "", c.entity);
        if (!is_labelled(c.kind)) continue;
        make_room(&l, "  ", c.label);
        make_room(&l, "  ", no_label);
    }
    fprintf(out, "As of %s\n", strata_result_as_of(result));
    for (size_t i = 0; i < strata_result_entity_count(result); i++)
        print_entity(&l, result, strata_result_entity(result, i));
}

/* ---- counts as a file ---- */

typedef struct lines {
    strata_count *counts; /* in order of the lines */
    size_t n, next;
} lines;

/* The order of the lines' bytes: behind a name stands a comma. */
static int compare(const void *a, const void *b)
{
    const strata_count *x = a, *y = b;
    const char *p = x->definition, *q = y->definition;
    while (*p && *p == *q) p++, q++;
    int left = *p ? (unsigned char)*p : ',', right = *q ? (unsigned char)*q : ',';
    return left != right ? left - right : strcmp(x->label, y->label);
}

static int fill(void *context, st_out_batch *b, const char **why)
{
    (void)why;
    lines *l = context;
    for (; l->next < l->n; l->next++) {
        const strata_count *c = &l->counts[l->next];
        st_out_text(b, 0, st_str_of(c->definition));
        st_out_text(b, 1, st_str_of(c->label));
        st_out_int(b, 2, (int64_t)c->customers);
    }
    return 0;
}

static bool is_written(const strata_count *c)
{
    return c->kind == STRATA_SEGMENT || c->kind == STRATA_HOLDOUT ||
           (is_labelled(c->kind) && c->customers > 0);
}

bool cli_write_counts(const strata_result *result, const char *path)
{
    static const st_out_field fields[] = {
        {"definition", "u", false}, {"label", "u", false}, {"customers", "l", false}};
    lines l = {calloc(strata_result_size(result) + 1, sizeof *l.counts), 0, 0};
    strata_error error = {.message = "there is not enough memory to write the counts."};
    struct ArrowArrayStream stream;
    for (size_t i = 0; l.counts && i < strata_result_size(result); i++) {
        strata_count c = strata_result_count(result, i);
        if (is_written(&c)) l.counts[l.n++] = c;
    }
    bool good = l.counts != NULL;
    if (good) {
        qsort(l.counts, l.n, sizeof *l.counts, compare);
        good = st_out_stream(NULL, fields, 3, (st_out_source){&l, fill, NULL}, &stream) == 0 &&
               st_io_write_stream(path, "csv", &stream, &error) == STRATA_OK;
    }
    free(l.counts);
    if (!good) cli_fail_with(&error);
    return good;
}
