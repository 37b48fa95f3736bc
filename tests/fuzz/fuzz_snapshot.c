/* Snapshots from anyone: a good one is damaged as the input says, its description is given a checksum that fits where the first byte asks for it, and it
 * is then mapped and run, or refused with a sentence. Of the input: one byte of choices, then changes of four bytes each (file, place in 16 bits,
 * value). */
#include "base/text.h"
#include "strata/strata.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool so)
{
    if (!so) abort();
}

static const char rules_text[] = "timezone \"UTC\"\n"
                                 "table people { id string key  name string?  born date?  tags list of "
                                 "string?  worth float?  big decimal(30,2)?  ok bool?\n"
                                 "  points int? between -5 and 100  nums list of int? }\n"
                                 "table orders { person string? links to people  at timestamp? time  amount "
                                 "decimal(8,2)?  kind string one of (\"a\", \"b\") }\n"
                                 "trait n = count(orders)\n"
                                 "trait spent = sum(amount of orders where kind = \"a\")\n"
                                 "trait last_at = last(at of orders)\n"
                                 "trait first_kind = first(kind of orders)\n"
                                 "trait kinds = distinct(kind of orders)\n"
                                 "trait month = month of born\n"
                                 "trait upper_name = upper(name)\n"
                                 "segment tagged where tags contains \"x\" or nums contains 3\n"
                                 "segment rich where big >= 10 and worth > 0.5 and points > 3\n"
                                 "segment fine where ok and name contains \"n\"\n";

/* ---- rows as a stream of texts, which the library parses ---- */

typedef struct table_text {
    const char *name;
    int ncolumns, nrows;
    const char *columns[9];
    const char *rows[6][9]; /* NULL: missing */
} table_text;

static const table_text tables[] = {
    {"people",
     9,
     4,
     {"id", "name", "born", "tags", "worth", "big", "ok", "points", "nums"},
     {{"p1", "Ann", "1990-02-28", "x;y", "0.75", "12345678901234567890.25", "true", "7", "1;2;3"},
      {"p2", "Bob", "2001-12-31", NULL, "0.25", "1.00", "false", "-5", NULL},
      {"p3", NULL, NULL, "y", NULL, NULL, NULL, NULL, "4"},
      {"p4", "Jane", "1970-01-01", "", "1e9", "-3.10", "true", "100", ""}}},
    {"orders",
     4,
     6,
     {"person", "at", "amount", "kind"},
     {{"p2", "2026-01-01T10:00", "10.50", "a"},
      {"p1", "2026-02-01T10:00", "20.00", "b"},
      {"p2", "2025-01-01T10:00", NULL, "a"},
      {"nobody", "2026-01-01T10:00", "1.00", "a"},
      {NULL, "2026-01-05T10:00", "2.00", "b"},
      {"p1", NULL, "3.00", "a"}}}};

static void no_release_schema(struct ArrowSchema *s)
{
    s->release = NULL;
}

static void no_release_array(struct ArrowArray *a)
{
    a->release = NULL;
}

typedef struct text_stream {
    const table_text *t;
    bool done;
    struct ArrowSchema fields[9], *field_list[9];
    struct ArrowArray arrays[9], *array_list[9];
    uint8_t known[9];
    int32_t offsets[9][7];
    char bytes[9][256];
    const void *buffers[9][3], *none[1];
} text_stream;

static int get_schema(struct ArrowArrayStream *self, struct ArrowSchema *out)
{
    text_stream *s = self->private_data;
    for (int i = 0; i < s->t->ncolumns; i++) {
        s->fields[i] = (struct ArrowSchema){
            .format = "u", .name = s->t->columns[i], .flags = 2, .release = no_release_schema};
        s->field_list[i] = &s->fields[i];
    }
    *out = (struct ArrowSchema){.format = "+s",
                                .name = "",
                                .n_children = s->t->ncolumns,
                                .children = s->field_list,
                                .release = no_release_schema};
    return 0;
}

static int get_next(struct ArrowArrayStream *self, struct ArrowArray *out)
{
    text_stream *s = self->private_data;
    memset(out, 0, sizeof *out);
    if (s->done) return 0;
    s->done = true;
    for (int i = 0; i < s->t->ncolumns; i++) {
        int32_t at = 0, missing = 0;
        for (int r = 0; r < s->t->nrows; r++) {
            const char *text = s->t->rows[r][i];
            if (text) {
                memcpy(s->bytes[i] + at, text, strlen(text));
                at += (int32_t)strlen(text);
                s->known[i] |= (uint8_t)(1 << r);
            }
            missing += !text;
            s->offsets[i][r + 1] = at;
        }
        s->buffers[i][0] = &s->known[i];
        s->buffers[i][1] = s->offsets[i];
        s->buffers[i][2] = s->bytes[i];
        s->arrays[i] = (struct ArrowArray){.length = s->t->nrows,
                                           .null_count = missing,
                                           .n_buffers = 3,
                                           .buffers = s->buffers[i],
                                           .release = no_release_array};
        s->array_list[i] = &s->arrays[i];
    }
    *out = (struct ArrowArray){.length = s->t->nrows,
                               .n_buffers = 1,
                               .n_children = s->t->ncolumns,
                               .buffers = s->none,
                               .children = s->array_list,
                               .release = no_release_array};
    return 0;
}

static const char *last_error(struct ArrowArrayStream *self)
{
    (void)self;
    return NULL;
}

static void release_stream(struct ArrowArrayStream *self)
{
    free(self->private_data);
    self->release = NULL;
}

static struct ArrowArrayStream stream_of(const char *table)
{
    text_stream *s = calloc(1, sizeof *s);
    expect(s != NULL);
    s->t = strcmp(table, tables[0].name) == 0 ? &tables[0] : &tables[1];
    return (struct ArrowArrayStream){get_schema, get_next, last_error, release_stream, s};
}

/* ---- a good snapshot, in memory ---- */

static const char *const names[] = {"snapshot.json", "people.arrow", "orders.arrow", "orders.starts.arrow"};
enum { FILES = sizeof names / sizeof *names };
static struct {
    uint8_t *bytes;
    size_t n;
} good[FILES];
static strata_rules *rules;
static char dir[64], path[128];

static const char *file_path(int i)
{
    snprintf(path, sizeof path, "%s/%s", dir, names[i]);
    return path;
}

static void read_good(int i)
{
    FILE *f = fopen(file_path(i), "rb");
    expect(f != NULL);
    good[i].bytes = malloc(1 << 20);
    expect(good[i].bytes != NULL);
    good[i].n = fread(good[i].bytes, 1, 1 << 20, f);
    fclose(f);
}

static void clean_up(void)
{
    for (int i = 0; i < FILES; i++) {
        unlink(file_path(i));
        free(good[i].bytes);
    }
    rmdir(dir);
    strata_rules_free(rules);
}

static void make_good(void)
{
    strata_snapshot *s = NULL;
    strata_error e;
    snprintf(dir, sizeof dir, "/tmp/strata_fuzz_%ld.snapshot", (long)getpid());
    expect(strata_rules_new(NULL, &rules, &e) == STRATA_OK);
    expect(strata_rules_add_text(rules, "r.seg", rules_text, sizeof rules_text - 1, &e) == STRATA_OK);
    if (strata_rules_compile(rules, &e) != STRATA_OK) {
        char *text = NULL;
        strata_rules_diagnostics(rules, STRATA_DIAGNOSTICS_TEXT, &text, NULL);
        fprintf(stderr, "%s\n", text ? text : e.message);
        abort();
    }
    expect(strata_snapshot_new(rules, dir, 1, &s, &e) == STRATA_OK);
    for (size_t i = 0; i < strata_snapshot_table_count(s); i++) {
        strata_table t = strata_snapshot_table(s, i);
        struct ArrowArrayStream stream = stream_of(t.name);
        expect(strata_snapshot_bind(s, t.name, &stream, NULL, &e) == STRATA_OK);
    }
    expect(strata_snapshot_finish(s, &e) == STRATA_OK);
    strata_snapshot_free(s);
    for (int i = 0; i < FILES; i++) read_good(i);
    atexit(clean_up);
}

/* ---- damage ---- */

static void write_file(int i, const uint8_t *bytes, size_t n)
{
    unlink(file_path(i));
    FILE *f = fopen(file_path(i), "wb");
    expect(f != NULL && fwrite(bytes, 1, n, f) == n);
    fclose(f);
}

static void mend_checksum(uint8_t *bytes, size_t n)
{
    enum { END = 31 }; /* the last line but one, and the bracket */
    const char *mark = "  \"checksum\": \"";
    size_t k = strlen(mark);
    for (size_t at = n > END ? n - END : 0; at + k + 8 <= n; at++) {
        char digits[9];
        if (memcmp(bytes + at, mark, k) != 0) continue;
        snprintf(digits, sizeof digits, "%08x", st_crc32c(bytes, at));
        memcpy(bytes + at + k, digits, 8);
    }
}

static void run_it(bool traits)
{
    strata_data *d = NULL;
    strata_result *r = NULL;
    strata_error e = {0};
    expect(strata_data_new(rules, 1, &d, &e) == STRATA_OK);
    if (strata_data_map(d, dir, &e) == STRATA_OK) {
        strata_run_options o = {.as_of = {STRATA_DAY, 20757}, .threads = 1, .traits = traits};
        if (strata_run(d, &o, &r, &e) != STRATA_OK) expect(e.message[0]);
    } else {
        expect(e.status != STRATA_OK && e.message[0]);
    }
    for (size_t i = 0; r && i < strata_result_entity_count(r); i++) {
        struct ArrowArrayStream stream;
        struct ArrowArray batch = {0};
        if (strata_result_stream(r, strata_result_entity(r, i), STRATA_WIDE, &stream, &e) != STRATA_OK)
            continue;
        while (stream.get_next(&stream, &batch) == 0 && batch.release) batch.release(&batch);
        stream.release(&stream);
    }
    strata_result_free(r);
    strata_data_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!rules) make_good();
    if (size == 0) return 0;
    static uint8_t bytes[FILES][1 << 16];
    size_t n[FILES];
    for (int i = 0; i < FILES; i++) {
        n[i] = good[i].n < sizeof bytes[i] ? good[i].n : sizeof bytes[i];
        memcpy(bytes[i], good[i].bytes, n[i]);
    }
    for (const uint8_t *p = data + 1; p + 4 <= data + size; p += 4) {
        int file = p[0] % FILES;
        size_t at = (size_t)(p[1] | p[2] << 8);
        if (p[0] & 0x80)
            n[file] = at < n[file] ? at : n[file];
        else if (n[file])
            bytes[file][at % n[file]] = p[3];
    }
    if (data[0] & 1) mend_checksum(bytes[0], n[0]);
    for (int i = 0; i < FILES; i++) write_file(i, bytes[i], n[i]);
    run_it(data[0] & 2);
    return 0;
}
