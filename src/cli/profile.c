/* What a run cost, from the text of the rules to the written answer: for people, and as JSON for programs. */
#include "cli/cli.h"

#include "io/io.h"

#include <stdlib.h>

enum { MOST_COSTS = 30 }; /* for people; programs get all */

static const char *const kind_names[STRATA_COST_KINDS] = {"load", "leaf", "logic", "value", "fold", "store"};

static double per_second(uint64_t rows, double seconds)
{
    return seconds > 0 ? (double)rows / seconds : 0;
}

/* ---- for people ---- */

static void print_line(FILE *out, const char *what, double seconds, uint64_t rows)
{
    fprintf(out, "  %-44.44s %10.3f ms", what, seconds * 1e3);
    if (rows)
        fprintf(out, " %13llu rows %9.1f M/s", (unsigned long long)rows, per_second(rows, seconds) / 1e6);
    fputc('\n', out);
}

static void print_part(FILE *out, const char *what, double seconds)
{
    fprintf(out, "%-46s %10.3f ms\n", what, seconds * 1e3);
}

static void print_step(FILE *out, const strata_step *s)
{
    char what[128];
    snprintf(what, sizeof what, "%s%s%s%s%s", s->work, s->table ? " over " : "", s->table ? s->table : "",
             s->by ? " by " : "", s->by ? s->by : "");
    print_line(out, what, s->seconds, s->table ? s->rows : 0);
    if (s->view_seconds > 0) print_line(out, "  of these: putting the rows together", s->view_seconds, 0);
    for (size_t k = 0; k < STRATA_COST_KINDS; k++)
        if (s->kind_seconds[k] > 0) {
            snprintf(what, sizeof what, "  %s", kind_names[k]);
            print_line(out, what, s->kind_seconds[k], 0);
        }
}

static int dearest_first(const void *a, const void *b)
{
    const strata_cost *x = a, *y = b;
    double difference = (y->own + y->shared) - (x->own + x->shared);
    return difference > 0 ? 1 : difference < 0 ? -1 : 0;
}

static void print_costs(FILE *out, const strata_result *result)
{
    size_t n = strata_result_cost_count(result);
    strata_cost *costs = calloc(n + 1, sizeof *costs);
    if (!costs) return;
    for (size_t i = 0; i < n; i++) costs[i] = strata_result_cost(result, i);
    qsort(costs, n, sizeof *costs, dearest_first);
    fprintf(out, "%-46s %13s %13s %13s\n", "by definition", "in all", "its own", "of shared");
    for (size_t i = 0; i < n && i < MOST_COSTS; i++)
        fprintf(out, "  %-44.44s %10.3f ms %10.3f ms %10.3f ms\n",
                costs[i].definition ? costs[i].definition : "(none of them)",
                (costs[i].own + costs[i].shared) * 1e3, costs[i].own * 1e3, costs[i].shared * 1e3);
    if (n > MOST_COSTS) fprintf(out, "  and %zu more\n", n - MOST_COSTS);
    free(costs);
}

static void print_text(FILE *out, const cli_timings *t, const strata_result *result)
{
    print_part(out, "compile", t->compile);
    print_part(out, "load", t->load);
    for (size_t i = 0; i < t->ntables; i++)
        print_line(out, t->tables[i].name, t->tables[i].seconds, t->tables[i].rows);
    print_line(out, "keys, links, narrow columns", t->finish, 0);
    print_part(out, "run", t->run);
    for (size_t i = 0; i < strata_result_step_count(result); i++) {
        strata_step s = strata_result_step(result, i);
        print_step(out, &s);
    }
    print_costs(out, result);
    print_part(out, "write", t->write);
}

/* ---- for programs: names of tables and definitions are words of the language, and need no escapes ---- */

static void put_name(FILE *out, const char *key, const char *name)
{
    if (name)
        fprintf(out, "\"%s\": \"%s\", ", key, name);
    else
        fprintf(out, "\"%s\": null, ", key);
}

static void put_tables(FILE *out, const cli_timings *t)
{
    fprintf(out, "  \"tables\": [");
    for (size_t i = 0; i < t->ntables; i++) {
        fprintf(out, "%s\n    {", i ? "," : "");
        put_name(out, "table", t->tables[i].name);
        fprintf(out, "\"rows\": %llu, \"seconds\": %.9f}", (unsigned long long)t->tables[i].rows,
                t->tables[i].seconds);
    }
    fprintf(out, "],\n");
}

static void put_steps(FILE *out, const strata_result *result)
{
    fprintf(out, "  \"steps\": [");
    for (size_t i = 0; i < strata_result_step_count(result); i++) {
        strata_step s = strata_result_step(result, i);
        fprintf(out, "%s\n    {", i ? "," : "");
        put_name(out, "work", s.work);
        put_name(out, "table", s.table);
        put_name(out, "by", s.by);
        fprintf(out, "\"rows\": %llu, \"seconds\": %.9f, \"view_seconds\": %.9f", (unsigned long long)s.rows,
                s.seconds, s.view_seconds);
        for (size_t k = 0; k < STRATA_COST_KINDS; k++)
            if (s.kind_seconds[k] > 0)
                fprintf(out, ", \"%s_seconds\": %.9f", kind_names[k], s.kind_seconds[k]);
        fprintf(out, "}");
    }
    fprintf(out, "],\n");
}

static void put_costs(FILE *out, const strata_result *result)
{
    fprintf(out, "  \"definitions\": [");
    for (size_t i = 0; i < strata_result_cost_count(result); i++) {
        strata_cost c = strata_result_cost(result, i);
        fprintf(out, "%s\n    {", i ? "," : "");
        put_name(out, "definition", c.definition);
        fprintf(out, "\"own_seconds\": %.9f, \"shared_seconds\": %.9f}", c.own, c.shared);
    }
    fprintf(out, "]\n");
}

static void put_json(FILE *out, const cli_timings *t, const strata_result *result)
{
    fprintf(
        out,
        "{\n  \"seconds\": {\"compile\": %.9f, \"load\": %.9f, \"links\": %.9f, \"run\": %.9f, \"write\": "
        "%.9f},\n",
        t->compile, t->load, t->finish, t->run, t->write);
    put_tables(out, t);
    put_steps(out, result);
    put_costs(out, result);
    fprintf(out, "}\n");
}

static bool write_json(const char *path, const cli_timings *t, const strata_result *result)
{
    char *text = NULL;
    size_t n = 0;
    strata_error error;
    FILE *out = open_memstream(&text, &n);
    if (!out) return cli_fail("There is not enough memory.") == CLI_CLEAN;
    put_json(out, t, result);
    bool whole = fclose(out) == 0;
    strata_status status = whole ? st_io_write_bytes(path, text, n, &error) : STRATA_NO_MEMORY;
    free(text);
    if (!whole) return cli_fail("There is not enough memory.") == CLI_CLEAN;
    return status == STRATA_OK || cli_fail_with(&error) == CLI_CLEAN;
}

bool cli_write_profile(const char *path, const cli_timings *t, const strata_result *result)
{
    if (*path) return write_json(path, t, result);
    print_text(stderr, t, result);
    return true;
}
