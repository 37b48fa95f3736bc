/* CSV and JSON lines from anyone: read, bound and joined, or refused with a sentence. The first byte chooses the format. What the
 * quick way takes is what the careful one takes, value for value. */
#include "io/io.h"
#include "same_table.h"
#include "table/bind.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool so)
{
    if (!so) abort();
}

/* ---- a table with a column of every type ---- */

enum { COLUMNS = 10 };
static const char *const types[COLUMNS] = {
    "int",   "string?", "decimal(8,2)?", "decimal(30,10)?", "timestamp?",
    "date?", "float?",  "bool?",         "list of string?", "list of int?"};
static const char *const names[COLUMNS] = {"id", "parent", "a", "b", "c", "d", "e", "f", "g", "h"};

static st_type type_of(uint32_t i)
{
    static const st_base_type bases[COLUMNS] = {ST_T_INT,       ST_T_STRING, ST_T_DECIMAL, ST_T_DECIMAL,
                                                ST_T_TIMESTAMP, ST_T_DATE,   ST_T_FLOAT,   ST_T_BOOL,
                                                ST_T_STRING,    ST_T_INT};
    return (st_type){.base = bases[i],
                     .list = i >= 8,
                     .optional = i > 0,
                     .digits = i == 2 ? 8 : 30,
                     .scale = i == 2 ? 2 : 10};
}

static st_program *make_program(st_arena *a)
{
    st_program *p = st_new(a, st_program);
    st_table *t = st_new(a, st_table);
    p->zone = st_zone_load(a, "UTC");
    p->ntables = 1;
    p->tables = st_new_n(a, st_table *, 1);
    p->tables[0] = t;
    t->name = "things";
    t->segmented = true;
    t->ncols = COLUMNS;
    t->cols = st_new_n(a, st_col, COLUMNS);
    for (uint32_t i = 0; i < COLUMNS; i++)
        t->cols[i] = (st_col){.name = names[i], .index = i, .table = t, .type = type_of(i), .used = true};
    t->cols[0].key = true;
    t->key = &t->cols[0];
    return p;
}

static strata_table face(void)
{
    static strata_column columns[COLUMNS];
    for (int i = 0; i < COLUMNS; i++)
        columns[i] = (strata_column){.name = names[i], .type = types[i], .key = i == 0, .needed = true};
    return (strata_table){.name = "things", .needed = true, .ncolumns = COLUMNS, .columns = columns};
}

/* ---- what must hold of whatever was read ---- */

static void check_column(const st_data_table *t, const st_column *c)
{
    uint64_t missing = 0;
    for (uint64_t r = 0; r < t->rows; r++) missing += c->known && !st_bit(c->known, r);
    expect(missing == c->missing);
    expect(c->list ? c->list[0] == 0 && (uint64_t)c->list[t->rows] == c->n : c->n == t->rows);
    for (uint64_t r = 0; r < t->rows && c->list; r++) expect(c->list[r] <= c->list[r + 1]);
    if (c->phys != ST_CODE) return;
    for (uint64_t i = 0; i < c->n; i++) {
        bool known = c->list || !c->known || st_bit(c->known, i);
        expect(known ? st_column_code(c, i) < c->dict->n : !c->data || ((const uint32_t *)c->data)[i] == 0);
    }
}

/* NULL: it could not be opened. */
static const st_data_table *read_one(st_env *env, const char *path, bool quickly)
{
    st_arena *a = st_arena_new(env);
    st_program *p = make_program(a);
    strata_table table = face();
    struct ArrowArrayStream stream = {0};
    strata_error error = {0};
    bool quick;
    if (quickly ? st_io_open_quick(path, &table, &stream, &quick, &error)
                : st_io_open(path, &table, &stream, &error)) {
        expect(error.status != STRATA_OK && error.message[0]);
        return NULL;
    }
    st_binder *b = st_binder_new(a, p, 1);
    st_bind_stream(b, p->tables[0], &stream, NULL);
    const st_data *d = st_bind_finish(b);
    for (uint32_t i = 0; i < COLUMNS; i++) check_column(&d->tables[0], &d->tables[0].columns[i]);
    return d->tables;
}

static bool read_guarded(st_env *env, const char *path, bool quickly, const st_data_table **out)
{
    bool ok;
    *out = NULL;
    st_env_init(env, NULL);
    ST_GUARD(env, ok, *out = read_one(env, path, quickly));
    expect(ok || (env->error.status != STRATA_OK && env->error.message[0]));
    return ok && *out;
}

static void compare_ways(const char *path)
{
    st_env envs[2];
    const st_data_table *t[2];
    bool quick = read_guarded(&envs[0], path, true, &t[0]),
         careful = read_guarded(&envs[1], path, false, &t[1]);
    expect(careful || !quick);
    expect(!quick || same_table(t[0], t[1]));
    st_env_close(&envs[0]);
    st_env_close(&envs[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    char path[64];
    snprintf(path, sizeof path, "/tmp/strata_fuzz_%ld.%s", (long)getpid(), data[0] & 1 ? "jsonl" : "csv");
    FILE *f = fopen(path, "wb");
    if (!f) return 0;
    fwrite(data + 1, 1, size - 1, f);
    fclose(f);
    compare_ways(path);
    unlink(path);
    return 0;
}
