/* Times the library over data that lie in memory, and prints one JSON object.
 *   engine run RULES THREADS REPEATS OUTPUT WHEN TABLE=PATH...
 *     OUTPUT  counts   the run alone
 *             columns  the run and every output as an Arrow column
 *     WHEN    load     binding the tables from Arrow batches in memory (keys and links mapped), then the run
 *             first    the first run over data that were bound before
 *             later    runs over data that were bound, and run over once, before
 *   engine compile RULES REPEATS     from text to verified bytecode
 *   engine bandwidth THREADS REPEATS reading memory, more of it than any cache holds
 * Of every output the customers that are in it, or have a value, are counted, so that engines can be compared. */
#include "api/api.h"
#include "base/mem.h"
#include "base/threads.h"
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

/* Holds TABLE=PATH where the rules need that table. */
static void hold_named(const strata_rules *rules, const char *text)
{
    const char *sign = strchr(text, '=');
    size_t n = sign ? (size_t)(sign - text) : 0;
    for (size_t t = 0; sign && t < strata_rules_table_count(rules); t++) {
        strata_table table = strata_rules_table(rules, t);
        if (table.needed && ntables < MOST_TABLES && strlen(table.name) == n &&
            memcmp(table.name, text, n) == 0)
            hold(&table, sign + 1);
    }
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
    printf(", \"counts\": {");
    for (size_t i = 0; i < strata_result_size(result); i++) {
        strata_count c = strata_result_count(result, i);
        printf("%s\"%s.%s\": %llu", i ? ", " : "", c.definition, c.label, (unsigned long long)c.customers);
    }
    printf("}");
}

static void print_seconds(const char *name, const double *times, int n)
{
    printf("\"%s\": [", name);
    for (int i = 0; i < n; i++) printf("%s%.6f", i ? ", " : "", times[i]);
    printf("]");
}

/* Bytes of a column as the machine reads it: in the narrow copy where there is one, with its bitmap of what is known. */
static double column_bytes(const st_column *c, uint64_t rows)
{
    static const double widths[] = {
        [ST_BIT] = 0.125, [ST_I32] = 4, [ST_I64] = 8, [ST_I128] = 16, [ST_F64] = 8, [ST_CODE] = 4};
    double width = c->narrow.data ? c->narrow.bytes : widths[c->phys];
    return (width + (c->known ? 0.125 : 0)) * (double)rows;
}

/* What one pass over the table has to read: every column that the rules ask for, once. The key is none of them. */
static double bytes_read(const strata_rules *rules, const strata_data *data)
{
    const st_data_table *t = &data->bound->tables[0];
    double bytes = 0;
    for (uint32_t i = 0; i < t->decl->ncols; i++)
        for (uint32_t k = 0; k < rules->code->inputs.n; k++) {
            const st_bc_input *in = &rules->code->inputs.p[k];
            if (in->is_slot || in->index != ST_BC_NONE || in->domain != 0 || in->id != i) continue;
            bytes += column_bytes(&t->columns[i], t->rows);
            break;
        }
    return bytes;
}

typedef struct work {
    const strata_rules *rules;
    uint32_t threads;
    bool columns, loads, binds; /* what is timed besides the run; whether each time data are bound anew */
    strata_data *data;
    strata_result *result;
    double cpu; /* of the last run */
} work;

static double once(work *w)
{
    strata_result_free(w->result);
    w->result = NULL;
    if (w->binds) {
        strata_data_free(w->data);
        w->data = NULL;
    }
    if (!w->data && !w->loads) w->data = bind_all(w->rules, w->threads);
    double begin = seconds(), cpu_begin = cpu_seconds();
    if (!w->data) w->data = bind_all(w->rules, w->threads);
    w->result = run(w->data, w->threads, !w->columns);
    if (w->columns) take_columns(w->result);
    w->cpu = cpu_seconds() - cpu_begin;
    return seconds() - begin;
}

static int time_runs(char **args, int n)
{
    double times[MOST_REPEATS], cpu[MOST_REPEATS];
    int repeats = atoi(args[2]);
    strata_rules *rules = compile(args[0]);
    work w = {.rules = rules,
              .threads = (uint32_t)atoi(args[1]),
              .columns = strcmp(args[3], "columns") == 0,
              .loads = strcmp(args[4], "load") == 0,
              .binds = strcmp(args[4], "later") != 0};
    st_io_threads(w.threads);
    for (int i = 5; i < n; i++) hold_named(rules, args[i]);
    double before = w.binds ? 0 : once(&w);
    for (int i = 0; i < repeats; i++) {
        times[i] = once(&w);
        cpu[i] = w.cpu;
    }
    printf("{");
    print_seconds("seconds", times, repeats);
    printf(", ");
    print_seconds("cpu_seconds", cpu, repeats);
    if (!w.binds) printf(", \"first_run\": %.6f", before);
    printf(", \"bytes_read\": %.0f, \"peak_bytes\": %lld", bytes_read(rules, w.data), peak_bytes());
    print_counts(w.result);
    printf("}\n");
    strata_result_free(w.result);
    strata_data_free(w.data);
    strata_rules_free(rules);
    return 0;
}

static int time_compiling(const char *path, int repeats)
{
    double times[MOST_REPEATS];
    for (int i = 0; i < repeats; i++) {
        double begin = seconds();
        strata_rules *rules = compile(path);
        times[i] = seconds() - begin;
        strata_rules_free(rules);
    }
    printf("{");
    print_seconds("seconds", times, repeats);
    printf(", \"peak_bytes\": %lld}\n", peak_bytes());
    return 0;
}

/* ---- how fast memory is read ---- */

enum { PIECE = 1 << 16 }; /* words */

typedef struct reading {
    const uint64_t *words;
    uint64_t *sums; /* by piece */
} reading;

static void read_piece(void *ctx, uint64_t piece, st_env *env)
{
    const reading *r = ctx;
    const uint64_t *words = r->words + piece * PIECE;
    uint64_t sum = 0;
    (void)env;
    for (size_t i = 0; i < PIECE; i++) sum += words[i];
    r->sums[piece] = sum;
}

static int time_reading(uint32_t threads, int repeats)
{
    enum { PIECES = 4096 }; /* 2 GiB in all */
    double times[MOST_REPEATS];
    size_t size = (size_t)PIECES * PIECE * sizeof(uint64_t);
    uint64_t sums[PIECES], sum = 0;
    uint64_t *words = malloc(size);
    if (!words) return 1;
    for (size_t i = 0; i < (size_t)PIECES * PIECE; i++) words[i] = i;
    st_env env;
    st_env_init(&env, NULL);
    reading r = {words, sums};
    for (int i = 0; i < repeats; i++) {
        double begin = seconds();
        st_parallel(&env, threads, PIECES, read_piece, &r);
        times[i] = seconds() - begin;
    }
    for (size_t i = 0; i < PIECES; i++) sum += sums[i];
    printf("{");
    print_seconds("seconds", times, repeats);
    printf(", \"bytes\": %zu, \"sum\": %llu}\n", size, (unsigned long long)sum);
    st_env_close(&env);
    free(words);
    return 0;
}

static bool sane(const char *repeats)
{
    return atoi(repeats) >= 1 && atoi(repeats) <= MOST_REPEATS;
}

int main(int argc, char **argv)
{
    st_keep_large_blocks((size_t)512 << 20);
    if (argc >= 7 && strcmp(argv[1], "run") == 0 && sane(argv[4])) return time_runs(argv + 2, argc - 2);
    if (argc == 4 && strcmp(argv[1], "compile") == 0 && sane(argv[3]))
        return time_compiling(argv[2], atoi(argv[3]));
    if (argc == 4 && strcmp(argv[1], "bandwidth") == 0 && sane(argv[3]))
        return time_reading((uint32_t)atoi(argv[2]), atoi(argv[3]));
    fprintf(stderr, "tests/bench/engine.c says at its head how it is called.\n");
    return 1;
}
