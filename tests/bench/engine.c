/* Times the library over data that lie in memory, and prints one JSON object. engine RULES THREADS REPEATS WHAT TABLE=PATH...
 *   WHAT  counts   the run alone, data bound before
 *         columns  the run and every output as an Arrow column
 *         load     binding the tables from Arrow batches in memory (keys and links mapped), then the run with its columns
 *         compile  from text to verified bytecode
 * Of every output the customers that are in it, or have a value, are counted, so that engines can be compared. */
#include "base/mem.h"
#include "io/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_TABLES = 8, MOST_REPEATS = 1000 };

typedef struct held_table {
    const char *name;
    struct ArrowSchema schema;
    struct ArrowArray *batches;
    size_t n, next;
} held_table;

static held_table tables[MOST_TABLES];
static size_t ntables;

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double seconds(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

/* Of all threads: what other programs do on the machine hardly shows in it. */
static double cpu_seconds(void)
{
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

static void must(strata_status status, const strata_error *error)
{
    if (status == STRATA_OK) return;
    fprintf(stderr, "%s\n", error->message);
    exit(1);
}

/* ---- tables that are read once and bound often: streams of batches that are lent ---- */

static void release_schema(struct ArrowSchema *s)
{
    s->release = NULL;
}
static void release_array(struct ArrowArray *a)
{
    a->release = NULL;
}
static int lend_schema(struct ArrowArrayStream *s, struct ArrowSchema *out)
{
    *out = ((held_table *)s->private_data)->schema;
    out->release = release_schema;
    return 0;
}
static int lend_batch(struct ArrowArrayStream *s, struct ArrowArray *out)
{
    held_table *t = s->private_data;
    if (t->next == t->n) {
        memset(out, 0, sizeof *out);
        return 0;
    }
    *out = t->batches[t->next++];
    out->release = release_array;
    return 0;
}
static const char *no_error(struct ArrowArrayStream *s)
{
    (void)s;
    return NULL;
}
static void release_stream(struct ArrowArrayStream *s)
{
    s->release = NULL;
}

static void hold(const strata_table *table, const char *path)
{
    struct ArrowArrayStream stream;
    strata_error error;
    held_table *t = &tables[ntables++];
    t->name = table->name;
    must(st_io_open(path, table, &stream, &error), &error);
    if (stream.get_schema(&stream, &t->schema) != 0) exit(1);
    for (;;) {
        struct ArrowArray batch;
        if (stream.get_next(&stream, &batch) != 0) {
            fprintf(stderr, "%s: %s\n", path, stream.get_last_error(&stream));
            exit(1);
        }
        if (!batch.release) break;
        t->batches = realloc(t->batches, (t->n + 1) * sizeof *t->batches);
        if (!t->batches) exit(1);
        t->batches[t->n++] = batch;
    }
    stream.release(&stream);
}

static strata_data *bind_all(const strata_rules *rules, uint32_t threads)
{
    strata_data *data;
    strata_error error;
    must(strata_data_new(rules, threads, &data, &error), &error);
    for (size_t i = 0; i < ntables; i++) {
        tables[i].next = 0;
        struct ArrowArrayStream s = {lend_schema, lend_batch, no_error, release_stream, &tables[i]};
        must(strata_data_bind(data, tables[i].name, &s, NULL, &error), &error);
    }
    must(strata_data_finish(data, &error), &error);
    return data;
}

/* ---- the work ---- */

/* The most memory that this process had; the system's own count goes over from the process that started it. */
static long long peak_bytes(void)
{
    char line[256];
    long long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %lld", &kib) == 1) break;
    if (status) fclose(status);
    return kib * 1024;
}

static strata_result *run(const strata_data *data, uint32_t threads, bool counts_only)
{
    strata_result *result;
    strata_error error;
    strata_run_options o = {
        .as_of = {STRATA_DAY, 20758}, .threads = threads, .counts_only = counts_only}; /* 2026-11-01 */
    must(strata_run(data, &o, &result, &error), &error);
    return result;
}

static void take_columns(const strata_result *result)
{
    strata_error error;
    for (size_t i = 0; i < strata_result_entity_count(result); i++) {
        struct ArrowArrayStream s;
        must(strata_result_stream(result, strata_result_entity(result, i), STRATA_WIDE, &s, &error), &error);
        for (;;) {
            struct ArrowArray batch;
            if (s.get_next(&s, &batch) != 0) exit(1);
            if (!batch.release) break;
            batch.release(&batch);
        }
        s.release(&s);
    }
}

static strata_rules *compile(const char *path)
{
    strata_rules *rules;
    strata_error error;
    must(strata_rules_new(NULL, &rules, &error), &error);
    must(strata_rules_add_path(rules, path, &error), &error);
    must(strata_rules_compile(rules, &error), &error);
    return rules;
}

static void print_counts(const strata_result *result)
{
    printf("\"counts\": {");
    for (size_t i = 0; i < strata_result_size(result); i++) {
        strata_count c = strata_result_count(result, i);
        printf("%s\"%s.%s\": %llu", i ? ", " : "", c.definition, c.label, (unsigned long long)c.customers);
    }
    printf("}");
}

int main(int argc, char **argv)
{
    if (argc < 5) return 1;
    st_keep_large_blocks((size_t)512 << 20);
    uint32_t threads = (uint32_t)atoi(argv[2]);
    int repeats = atoi(argv[3]);
    const char *what = argv[4];
    if (repeats < 1 || repeats > MOST_REPEATS) return 1;
    strata_rules *rules = compile(argv[1]);
    st_io_threads(threads);
    for (int i = 5; i < argc; i++) {
        const char *sign = strchr(argv[i], '=');
        for (size_t t = 0; sign && t < strata_rules_table_count(rules); t++) {
            strata_table table = strata_rules_table(rules, t);
            if (table.needed && ntables < MOST_TABLES && strlen(table.name) == (size_t)(sign - argv[i]) &&
                strncmp(table.name, argv[i], (size_t)(sign - argv[i])) == 0)
                hold(&table, sign + 1);
        }
    }
    bool load = strcmp(what, "load") == 0, columns = load || strcmp(what, "columns") == 0;
    strata_data *data = NULL;
    strata_result *result = NULL;
    double cpu[MOST_REPEATS] = {0};
    printf("{\"seconds\": [");
    for (int i = 0; i < repeats; i++) {
        if (strcmp(what, "compile") == 0) {
            double begin = seconds();
            strata_rules *again = compile(argv[1]);
            printf("%s%.6f", i ? ", " : "", seconds() - begin);
            strata_rules_free(again);
            continue;
        }
        strata_result_free(result);
        if (load) {
            strata_data_free(data);
            data = NULL;
        }
        if (!data && !load) data = bind_all(rules, threads);
        double begin = seconds(), cpu_begin = cpu_seconds();
        if (load) data = bind_all(rules, threads);
        result = run(data, threads, !columns);
        if (columns) take_columns(result);
        cpu[i] = cpu_seconds() - cpu_begin;
        printf("%s%.6f", i ? ", " : "", seconds() - begin);
    }
    printf("], \"cpu_seconds\": [");
    for (int i = 0; i < repeats; i++) printf("%s%.6f", i ? ", " : "", cpu[i]);
    printf("], ");
    printf("\"peak_bytes\": %lld", peak_bytes());
    if (result) {
        printf(", ");
        print_counts(result);
    }
    printf("}\n");
    strata_result_free(result);
    strata_data_free(data);
    strata_rules_free(rules);
    return 0;
}
