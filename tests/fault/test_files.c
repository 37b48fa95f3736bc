/* Data files as they come from outside: round trips through every format, and one clear message for each mistake. */
#include "by_hand.h"

#include "io/io.h"
#include "same_table.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a folder for the files ---- */

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/strata_files_XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static void remove_all(const char *path)
{
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        char below[512];
        snprintf(below, sizeof below, "%s/%s", path, e->d_name);
        if (unlink(below) != 0) remove_all(below);
    }
    if (d) closedir(d);
    rmdir(path);
}

static int drop_folder(void **state)
{
    (void)state;
    remove_all(folder);
    return 0;
}

static const char *in_folder(const char *name)
{
    static char paths[4][256];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void put_bytes(const char *name, const void *p, size_t n)
{
    FILE *f = fopen(in_folder(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    fclose(f);
}

static char *get_bytes(const char *name, size_t *n)
{
    FILE *f = fopen(in_folder(name), "rb");
    assert_non_null(f);
    char *p = calloc(1, 1 << 20);
    *n = fread(p, 1, (1 << 20) - 1, f);
    fclose(f);
    return p;
}

static int files_in_folder(void)
{
    int n = 0;
    DIR *d = opendir(folder);
    while (readdir(d)) n++;
    closedir(d);
    return n - 2;
}

/* ---- the table that all cases read ---- */

typedef struct shop {
    fixture *f;
    st_table *orders;
    strata_table face; /* as the command sees it */
    strata_column columns[16];
} shop;

static const char *type_text(fixture *f, st_type t)
{
    char words[48];
    st_type_words(t, words);
    return st_dup(f->arena, words, strlen(words));
}

static shop open_shop(void)
{
    shop s = {0};
    set_up((void **)&s.f);
    st_table *t = s.orders = table(s.f, "orders");
    key(t, "order_id", INT);
    column(t, "buyer", TEXT);
    column(t, "amount", maybe(money(8, 2)));
    column(t, "ordered_at", maybe(STAMP));
    column(t, "day", maybe(DATE));
    column(t, "score", maybe(REAL));
    column(t, "paid", maybe(TRUTH));
    column(t, "note", maybe(TEXT));
    column(t, "tags", maybe(list(TEXT)));
    s.face.name = t->name;
    s.face.needed = true;
    s.face.ncolumns = t->ncols;
    return s;
}

static void show_face(shop *s)
{
    for (uint32_t i = 0; i < s->orders->ncols; i++)
        s->columns[i] = (strata_column){.name = s->orders->cols[i].name,
                                        .type = type_text(s->f, s->orders->cols[i].type),
                                        .key = s->orders->cols[i].key,
                                        .needed = s->orders->cols[i].used};
    s->face.columns = s->columns;
}

static void close_shop(shop *s)
{
    st_binder_free(s->f->binder);
    tear_down((void **)&s->f);
}

/* Opens, reads and joins; what is wrong anywhere is in f->error, with the folder's name taken out of it. */
static bool read_in_way(shop *s, const char *name, bool quickly)
{
    show_face(s);
    struct ArrowArrayStream stream = {0};
    strata_error *error = &s->f->error;
    bool quick;
    strata_status opened = quickly ? st_io_open_quick(in_folder(name), &s->face, &stream, &quick, error)
                                   : st_io_open(in_folder(name), &s->face, &stream, error);
    bool ok = !opened && bind(s->f, s->orders, &stream, in_folder(name)) && finish(s->f);
    for (char *at; !ok && (at = strstr(error->message, folder));)
        memmove(at, at + strlen(folder) + 1, strlen(at + strlen(folder) + 1) + 1);
    return ok;
}

static bool read_file(shop *s, const char *name)
{
    return read_in_way(s, name, false);
}

/* ---- round trips ---- */

static struct ArrowArrayStream rows_to_write(bool lists)
{
    struct ArrowArrayStream s = stream_of();
    const int32_t offsets[] = {0, 2, 2, 3, 3};
    const st_i128 decimals[] = {1250, -5, 99999999, 0};
    piece p[] = {
        INTS("order_id", 4, -3, 2, INT64_MAX),
        TEXTS("buyer", "a, \"b\"", "line\nbreak", "\xc3\xa4\\", "x"),
        plain("d:8,2", "amount", 4, decimals, sizeof decimals, "1110"),
        PLAIN(int64_t, "tsu:UTC", "ordered_at", "1101", 1793000000000000, -1, 7, 1793000000123456),
        PLAIN(int32_t, "tdD", "day", "1011", 20758, 0, -719162, 2932896),
        PLAIN(double, "g", "score", "1110", 0.1, -1e300, 5e-324, 0),
        plain("b", "paid", 4, &(uint8_t){5}, 1, "1110"),
        with_dictionary(PLAIN(int8_t, "c", "note", "1101", 1, 0, 0, 1), TEXTS("", "", " x ")),
        list_of("+l", "tags", "1101", 4, offsets, sizeof offsets, TEXTS("", "p", "q q", "r")),
    };
    /* the third row has no list: its element is nobody's */
    add_batch_of(&s, lists ? 9 : 8, p);
    if (!lists) {
        p[8].schema.release(&p[8].schema);
        p[8].array.release(&p[8].array);
    }
    return s;
}

static void expect_rows(shop *s)
{
    const st_data_table *t = &s->f->data->tables[0];
    assert_int_equal(t->rows, 4);
    st_col *c = s->orders->cols;
    EXPECT_VALUES(int64_t, got(s->f, &c[0]), 4, -3, 2, INT64_MAX);
    EXPECT_TEXTS(got(s->f, &c[1]), "a, \"b\"", "line\nbreak", "\xc3\xa4\\", "x");
    EXPECT_VALUES(int64_t, got(s->f, &c[2]), 1250, -5, 99999999, 0);
    expect_known(got(s->f, &c[2]), "1110");
    EXPECT_VALUES(int64_t, got(s->f, &c[3]), 1793000000000000, -1, 0, 1793000000123456);
    expect_known(got(s->f, &c[3]), "1101");
    EXPECT_VALUES(int32_t, got(s->f, &c[4]), 20758, 0, -719162, 2932896);
    expect_known(got(s->f, &c[4]), "1011");
    EXPECT_VALUES(double, got(s->f, &c[5]), 0.1, -1e300, 5e-324, 0);
    expect_known(got(s->f, &c[5]), "1110");
    assert_int_equal(((const uint8_t *)got(s->f, &c[6])->data)[0], 5);
    expect_known(got(s->f, &c[6]), "1110");
    EXPECT_TEXTS(got(s->f, &c[7]), " x ", "", NULL, " x ");
    EXPECT_TEXTS(got(s->f, &c[8]), "p", "q q");
    expect_known(got(s->f, &c[8]), "1101");
    assert_memory_equal(got(s->f, &c[8])->list, ((int64_t[]){0, 2, 2, 2, 2}), 5 * 8);
}

/* What is written is read, also in the quick way. */
static void round_trip(const char *name, const char *format)
{
    strata_error error = {0};
    struct ArrowArrayStream stream = rows_to_write(true);
    if (st_io_write_stream(in_folder(name), format, &stream, &error)) fail_msg("%s: %s", name, error.message);
    assert_null(stream.release);
    for (int quickly = 0; quickly < 2; quickly++) {
        shop s = open_shop();
        if (!read_in_way(&s, name, quickly)) fail_msg("%s: %s", name, s.f->error.message);
        expect_rows(&s);
        close_shop(&s);
    }
}

static void test_round_trips(void **state)
{
    (void)state;
    if (!st_io_has_arrow()) skip();
    static const char *const names[] = {"orders.parquet", "orders.arrow", "orders.feather",
                                        "orders.csv",     "orders.jsonl", "orders.ndjson"};
    for (size_t i = 0; i < ST_COUNT(names); i++) round_trip(names[i], NULL);
    round_trip("orders.ipc", "arrow");
    assert_int_equal(files_in_folder(), 7);
}

static void expect_written(const char *name, const char *want)
{
    size_t n;
    char *p = get_bytes(name, &n);
    assert_string_equal(p, want);
    free(p);
}

static void test_text_as_written(void **state)
{
    (void)state;
    strata_error error = {0};
    struct ArrowArrayStream stream = rows_to_write(true);
    assert_int_equal(st_io_write_stream(in_folder("out.csv"), NULL, &stream, &error), STRATA_OK);
    expect_written("out.csv",
                   "order_id,buyer,amount,ordered_at,day,score,paid,note,tags\n"
                   "4,\"a, \"\"b\"\"\",12.50,2026-10-26T07:33:20Z,2026-11-01,0.1,true,\" x \",p;q q\n"
                   "-3,\"line\nbreak\",-0.05,1969-12-31T23:59:59.999999Z,,-1e300,false,\"\",\"\"\n"
                   "2,\xc3\xa4\\,999999.99,,0001-01-01,5e-324,true,,\n"
                   "9223372036854775807,x,,2026-10-26T07:33:20.123456Z,9999-12-31,,,\" x \",\"\"\n");
    stream = rows_to_write(true);
    assert_int_equal(st_io_write_stream(in_folder("out.jsonl"), NULL, &stream, &error), STRATA_OK);
    expect_written(
        "out.jsonl",
        "{\"order_id\":4,\"buyer\":\"a, \\\"b\\\"\",\"amount\":12.50,\"ordered_at\":\"2026-10-26T07:33:20Z\","
        "\"day\":\"2026-11-01\",\"score\":0.1,\"paid\":true,\"note\":\" x \",\"tags\":[\"p\",\"q q\"]}\n"
        "{\"order_id\":-3,\"buyer\":\"line\\nbreak\",\"amount\":-0.05,\"ordered_at\":"
        "\"1969-12-31T23:59:59.999999Z\",\"day\":null,\"score\":-1e300,\"paid\":false,\"note\":\"\","
        "\"tags\":[]}\n"
        "{\"order_id\":2,\"buyer\":\"\xc3\xa4\\\\\",\"amount\":999999.99,\"ordered_at\":null,\"day\":\"0001-"
        "01-01\","
        "\"score\":5e-324,\"paid\":true,\"note\":null,\"tags\":null}\n"
        "{\"order_id\":9223372036854775807,\"buyer\":\"x\",\"amount\":null,\"ordered_at\":"
        "\"2026-10-26T07:33:20.123456Z\",\"day\":\"9999-12-31\",\"score\":null,\"paid\":null,\"note\":\" x "
        "\",\"tags\":[]}\n");
}

static void test_the_same_bytes(void **state)
{
    (void)state;
    if (!st_io_has_arrow()) skip();
    static const char *const names[] = {"a.parquet", "a.arrow", "a.csv"};
    for (size_t i = 0; i < ST_COUNT(names); i++) {
        strata_error error;
        size_t n[2];
        char *bytes[2];
        for (int k = 0; k < 2; k++) {
            struct ArrowArrayStream stream = stream_of();
            int64_t values[100];
            for (int v = 0; v < 100; v++) values[v] = v * v;
            int64_t cut = k ? 37 : 100;
            ADD_BATCH(&stream, plain("l", "x", cut, values, (size_t)cut * 8, NULL));
            if (k) ADD_BATCH(&stream, plain("l", "x", 63, values + 37, 63 * 8, NULL));
            assert_int_equal(st_io_write_stream(in_folder(names[i]), NULL, &stream, &error), STRATA_OK);
            bytes[k] = get_bytes(names[i], &n[k]);
        }
        assert_int_equal(n[0], n[1]);
        assert_memory_equal(bytes[0], bytes[1], n[0]);
        free(bytes[0]);
        free(bytes[1]);
    }
}

/* ---- mistakes: a file, and what is said about it ---- */

typedef struct mistake {
    const char *name, *content, *message;
} mistake;

#define HEADER "order_id,buyer,amount,ordered_at,day,score,paid,note,tags\n"
#define ROW(id) id ",a,1,2026-01-01,2026-01-01,1,true,n,t\n"

static const mistake mistakes[] = {
    {"empty.csv", "", "empty.csv: the file is empty. Its first line must name the columns."},
    {"blank.csv", "\n\n", "blank.csv: the file is empty. Its first line must name the columns."},
    {"number.csv", HEADER ROW("1") "2,a,12x,,,,,,\n",
     "number.csv, row 2, column amount: \"12x\" is not a number. Write it like 1234.50, with a point and "
     "without signs for "
     "thousands."},
    {"date.csv", HEADER ROW("1") "2,a,12,,13.01.2026,,,,\n",
     "date.csv, row 2, column day: \"13.01.2026\" is not a date. Write it like 2026-11-01."},
    {"time.csv", HEADER "2,a,12,yesterday,,,,,\n",
     "time.csv, row 1, column ordered_at: \"yesterday\" is not a time. Write it like 2026-11-01T09:30."},
    {"truth.csv", HEADER "2,a,12,,,,ja,,\n",
     "truth.csv, row 1, column paid: \"ja\" is neither true nor false. Write true or false, yes or no, 1 or "
     "0."},
    {"short.csv", HEADER ROW("1") "\n2,a\n" ROW("3"),
     "short.csv, row 2: the row has 2 values, but the header names 9 columns."},
    {"long.csv", HEADER "2,a,12,,,,,,,\n",
     "long.csv, row 1: the row has 10 values, but the header names 9 columns."},
    {"quote.csv", HEADER ROW("1") "2,\"a,12,,,,,,\n" ROW("3"),
     "quote.csv, row 2: a quotation mark opens here and is never closed."},
    {"duplicate.csv", HEADER ROW("7") ROW("8") ROW("7"),
     "duplicate.csv, row 3, column order_id: 7 stands here a second time, after row 1 of duplicate.csv. A "
     "key names one row: "
     "remove the others."},
    {"nokey.csv", HEADER ROW("7") ROW(" "),
     "nokey.csv, row 2, column order_id: the key is missing. Every row needs its own."},
    {"missing.csv", HEADER "2,,12,,,,,,\n",
     "missing.csv, row 1, column buyer: the value is missing. Fill it in, or declare the column string? if "
     "it may be missing."},
    {"absent.csv", "order_id,byer,amount,ordered_at,day,score,paid,note,tags\n",
     "absent.csv: there is no column buyer, which table orders declares. The columns are: order_id, byer, "
     "amount, ordered_at, "
     "day, score, paid, note, tags. Did you mean byer?"},
    {"twice.csv", "order_id,buyer,buyer\n", "twice.csv: two columns are called buyer. Rename one of them."},
    {"semicolon.csv", "order_id;buyer\n1;2\n",
     "semicolon.csv: the values are separated by semicolons. Save the file with commas between them."},
    {"latin.csv", HEADER "2,M\xfcller,12,,,,,,\n",
     "latin.csv, row 1, column buyer: the text is not UTF-8. Save the file in UTF-8."},
    {"wide.csv", "\xff\xfeo\0r\0", "wide.csv: the file is written in UTF-16. Save it as CSV in UTF-8."},
    {"fake.parquet", "this is no Parquet file", NULL},
    {"fake.arrow", "this is no Arrow file", NULL},
    {"fake.csv.gz", "this is not compressed", NULL},
    {"fake.xlsx", "PK",
     "fake.xlsx: its format is not clear. A data file's name ends in .parquet, .arrow, .feather, .ipc, .csv, "
     ".jsonl or .ndjson."},
    {"array.jsonl", "[1]\n",
     "array.jsonl, row 1: the line is no object. Each line holds one, like {\"name\": \"value\"}."},
    {"cut.jsonl", "{\"order_id\":1,\"buyer\":\"a\n",
     "cut.jsonl, row 1, column buyer: a quotation mark is never closed."},
    {"open.jsonl", "{\"order_id\":1\n", "open.jsonl, row 1: a } is missing at the end of the line."},
    {"two.jsonl", "\n{} {}\n", "two.jsonl, row 1: there is more than one object in the line."},
    {"text.jsonl", "{\"order_id\":\"1\"}\n",
     "text.jsonl, row 1, column order_id: the value is the text \"1\", but the column is declared int."},
    {"number.jsonl", "{\"order_id\":1,\"buyer\":5}\n",
     "number.jsonl, row 1, column buyer: the value is the number 5, but the column is declared string."},
    {"object.jsonl", "{\"order_id\":1,\"buyer\":{\"a\":[]}}\n",
     "object.jsonl, row 1, column buyer: the value is an object, but the column is declared string."},
    {"fraction.jsonl", "{\"order_id\":1.5}\n", NULL},
    {"names.jsonl", "{\"order_id\":1,\"byer\":\"a\"}\n",
     "names.jsonl: no line has the column buyer. The names are: order_id, byer. Where it is missing "
     "everywhere, say so with null "
     "in one line."},
    {"again.jsonl", "{\"order_id\":1,\"order_id\":2}\n",
     "again.jsonl, row 1, column order_id: the name stands twice in the line."},
    {"half.jsonl", "{\"order_id\":1,\"buyer\":\"\\ud800\"}\n",
     "half.jsonl, row 1, column buyer: \\u names half a character."},
    {"word.jsonl", "{\"order_id\":one}\n", "word.jsonl, row 1, column order_id: this is not JSON: one}."},
};

static void test_mistakes(void **state)
{
    (void)state;
    if (!st_io_has_arrow()) skip();
    for (size_t i = 0; i < ST_COUNT(mistakes); i++) {
        const mistake *m = &mistakes[i];
        put_bytes(m->name, m->content, strcmp(m->name, "wide.csv") ? strlen(m->content) : 6);
        shop s = open_shop();
        if (read_file(&s, m->name)) fail_msg("%s was read without a word", m->name);
        if (m->message) assert_string_equal(s.f->error.message, m->message);
        assert_true(strncmp(s.f->error.message, m->name, strlen(m->name)) == 0);
        assert_true(s.f->error.status == STRATA_BAD_DATA || s.f->error.status == STRATA_BAD_INPUT);
        close_shop(&s);
        shop quick = open_shop();
        assert_false(read_in_way(&quick, m->name, true));
        close_shop(&quick);
    }
}

/* Every cut of every format is an error or, for lines, fewer rows; never a crash. */
static void test_cut_files(void **state)
{
    (void)state;
    if (!st_io_has_arrow()) skip();
    static const char *const names[] = {"orders.parquet", "orders.arrow", "orders.csv", "orders.jsonl"};
    for (size_t i = 0; i < ST_COUNT(names); i++) {
        strata_error error = {0};
        struct ArrowArrayStream stream = rows_to_write(true);
        assert_int_equal(st_io_write_stream(in_folder(names[i]), NULL, &stream, &error), STRATA_OK);
        size_t n;
        char *bytes = get_bytes(names[i], &n), name[64];
        snprintf(name, sizeof name, "cut_%s", names[i]);
        for (size_t cut = 0; cut < n; cut += 1 + n / 60) {
            put_bytes(name, bytes, cut);
            shop s = open_shop();
            bool ok = read_file(&s, name);
            if (i < 2) assert_false(ok);
            if (!ok) assert_true(strncmp(s.f->error.message, name, strlen(name)) == 0);
            close_shop(&s);
        }
        free(bytes);
    }
}

static void test_spoiled_bytes(void **state)
{
    (void)state;
    if (!st_io_has_arrow()) skip();
    static const char *const names[] = {"orders.parquet", "orders.arrow"};
    uint32_t random = 12345;
    for (size_t i = 0; i < ST_COUNT(names); i++) {
        strata_error error = {0};
        struct ArrowArrayStream stream = rows_to_write(true);
        assert_int_equal(st_io_write_stream(in_folder(names[i]), NULL, &stream, &error), STRATA_OK);
        size_t n;
        char *bytes = get_bytes(names[i], &n), name[64];
        snprintf(name, sizeof name, "bad_%s", names[i]);
        for (int k = 0; k < 200; k++) {
            random = random * 1664525 + 1013904223;
            size_t at = (random >> 8) % n;
            char was = bytes[at];
            bytes[at] = (char)(was ^ (1 << (random & 7)));
            put_bytes(name, bytes, n);
            bytes[at] = was;
            shop s = open_shop();
            if (!read_file(&s, name)) assert_true(strncmp(s.f->error.message, name, strlen(name)) == 0);
            close_shop(&s);
        }
        free(bytes);
    }
}

/* ---- what must be read without complaint ---- */

static bool read_two_rows(const char *name, bool quickly)
{
    shop s = open_shop();
    s.orders->ncols = 3;
    s.face.ncolumns = 3;
    bool ok = read_in_way(&s, name, quickly);
    if (!ok && !quickly) fail_msg("%s: %s", name, s.f->error.message);
    if (ok) {
        EXPECT_VALUES(int64_t, got(s.f, &s.orders->cols[0]), 1, 2);
        EXPECT_TEXTS(got(s.f, &s.orders->cols[1]), "a", "b\"c");
        EXPECT_VALUES(int64_t, got(s.f, &s.orders->cols[2]), 0, 250);
        expect_known(got(s.f, &s.orders->cols[2]), "01");
    }
    close_shop(&s);
    return ok;
}

/* Whether the quick way takes it, too. */
static bool read_well(const char *name, const char *content, size_t n)
{
    put_bytes(name, content, n);
    read_two_rows(name, false);
    return read_two_rows(name, true);
}

static void test_good_files(void **state)
{
    (void)state;
    if (!st_io_has_arrow()) skip();
    static const mistake good[] = {
        {"plain.csv", "order_id,buyer,amount\n1,a,\n2,\"b\"\"c\",2.5\n", NULL},
        {"last.csv", "order_id,buyer,amount\n1,a,\n2,\"b\"\"c\",2.5", NULL},
        {"windows.csv", "\xef\xbb\xbforder_id,buyer,amount\r\n1,a,  \r\n\r\n2,\"b\"\"c\",2.5\r\n", NULL},
        {"order.csv", "more,amount,\"buyer\",order_id\nx,,a,1\n\"\n,\",2.5,\"b\"\"c\",2\n", NULL},
        {"blank.jsonl",
         "\xef\xbb\xbf{\"order_id\": 1, \"buyer\": \"a\", \"other\": {\"deep\": [1, {\"x\": "
         "null}]}}\r\n\n{\"amount\":2.50,"
         "\"buyer\":\"\\u0062\\\"c\",\"order_id\":2}",
         NULL},
        {"text.jsonl",
         "{\"order_id\":1,\"buyer\":\"a\",\"amount\":null}\n{\"amount\":\"2.5\",\"buyer\":\"b\\\"c\",\"order_"
         "id\":2}",
         NULL},
    };
    for (size_t i = 0; i < ST_COUNT(good); i++)
        read_well(good[i].name, good[i].content, strlen(good[i].content));
}

/* The first of them, packed. */
static void test_packed_files(void **state)
{
    (void)state;
    if (!st_io_has_arrow()) skip();
    static const char gz[] =
        "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x2f\x4a\x49\x2d\x8a\xcf\x4c\xd1\x49\x2a\xad"
        "\x4c\x2d\xd2\x49\xcc\xcd\x2f\xcd\x2b\xe1\x32\xd4\x49\xd4\xe1\x32\xd2\x51\x4a\x52\x52\x4a"
        "\x56\xd2\x31\xd2\x33\xe5\x02\x00\x35\x00\x61\xc9\x28\x00\x00\x00";
    static const char zst[] =
        "\x28\xb5\x2f\xfd\x20\x28\x41\x01\x00\x6f\x72\x64\x65\x72\x5f\x69\x64\x2c\x62\x75\x79\x65"
        "\x72\x2c\x61\x6d\x6f\x75\x6e\x74\x0a\x31\x2c\x61\x2c\x0a\x32\x2c\x22\x62\x22\x22\x63\x22"
        "\x2c\x32\x2e\x35\x0a";
    assert_true(read_well("packed.csv.gz", gz, sizeof gz - 1));
    assert_true(read_well("packed.csv.zst", zst, sizeof zst - 1));
}

static void test_nothing_there(void **state)
{
    (void)state;
    if (!st_io_has_arrow()) skip();
    shop s = open_shop();
    assert_false(read_file(&s, "nothing.csv"));
    assert_string_equal(s.f->error.message, "nothing.csv: cannot be read: No such file or directory.");
    assert_int_equal(s.f->error.status, STRATA_IO);
    close_shop(&s);
}

static void test_header_alone(void **state)
{
    (void)state;
    if (!st_io_has_arrow()) skip();
    static const char *const files[][2] = {
        {"none.csv", "order_id,buyer,amount\n"}, {"none2.csv", "order_id,buyer,amount"}, {"none.jsonl", ""}};
    for (size_t i = 0; i < ST_COUNT(files); i++) {
        put_bytes(files[i][0], files[i][1], strlen(files[i][1]));
        shop s = open_shop();
        s.orders->ncols = 3;
        s.face.ncolumns = 3;
        if (!read_file(&s, files[i][0])) fail_msg("%s: %s", files[i][0], s.f->error.message);
        assert_int_equal(s.f->data->tables[0].rows, 0);
        close_shop(&s);
    }
}

/* ---- the quick way and the careful one ---- */

/* Both read the file, or only the careful one does, or none; what they read is the same. Returns whether the quick one did. */
static bool read_both_ways(const char *name)
{
    shop quick = open_shop(), careful = open_shop();
    bool quickly = read_in_way(&quick, name, true), carefully = read_in_way(&careful, name, false);
    if (quickly && !carefully) fail_msg("%s is refused: %s", name, careful.f->error.message);
    if (!quickly && carefully) assert_int_equal(quick.f->error.status, STRATA_BAD_DATA);
    if (quickly && !same_table(&quick.f->data->tables[0], &careful.f->data->tables[0]))
        fail_msg("%s is read differently", name);
    close_shop(&quick);
    close_shop(&careful);
    return quickly;
}

/* Values as they may be written, by column. */
static const char *const quickly_read[9][32] = {
    {"7", "-7", "+7", "0", "-0", "007", " 7 ", "\"7\"", "\" 7\"", "12345678", "123456789", "1234567890123456",
     "12345678901234567", "123456789012345678", "-123456789012345678", "9223372036854775807",
     "-9223372036854775808", "7.0", "7e2"},
    {"x"},
    {"1",
     "1.5",
     "1.50",
     "-1.5",
     ".5",
     "-.5",
     "5.",
     "1.005",
     "1.004999",
     "999999.99",
     "-0.00",
     "000000000000001.5",
     "0000000000000000000000001.5",
     "1e3",
     "15e-1",
     "nan",
     "-Inf",
     "\t1.5",
     "\"\"",
     "  ",
     ""},
    {"2026-11-01T09:30:00Z", "2026-11-01 09:30:00Z", "2026-11-01T09:30:00", "2026-11-01T09:30",
     "2026-11-01T09:30Z", "2026-11-01T09:30:00.5", "2026-11-01T09:30:00.123456789Z",
     "2026-11-01T09:30:00+02:00", "2026-11-01T09:30:00-0230", "2026-11-01T09:30:00+02", "2026-03-29T02:30:00",
     "2026-10-25T02:30:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", " 2026-11-01T09:30:00Z ", "",
     " "},
    {"2026-11-01", "2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31", "\"2026-11-01\"", " 2026-11-01",
     "1969-12-31", "1970-01-01", "1900-02-28", "1900-03-01", "2100-12-31"},
    {"0.1",
     "-0",
     "-0.0",
     "1e308",
     "5e-324",
     "1e-400",
     "0.26363685910407875",
     "9007199254740993",
     "9007199254740992.5",
     "9007199254740993.0",
     "1234567890123456789",
     "0.1234567890123456789",
     "12345678901234567890",
     "1.7976931348623157e308",
     "NaN",
     "infinity",
     "+.5",
     "5.e1",
     "0.30000000000000004",
     "0.0000000000000000001",
     "100000000000000000000000"},
    {"true", "false", "TRUE", "Yes", "no", "1", "0", " true", "", "\"true\""},
    {"a", "", "\"\"", " ", "\"a,b\"", "\"a\nb\"", "\"a\r\nb\"", "\"a\"\"b\"", "\"\"\"\"", "\"\"\"a\"\"\"",
     "\xc3\xa4", "exactly8", "exactly8or", "\"a long text of more than sixteen bytes, without end\"",
     "\"quoted, and of more than \"\"sixteen\"\" bytes\""},
    {"a;b", "\"\"", "", "\"a;\"\"b\"\"\"", ";"},
};
static const char *const others[9][24] = {
    {"9223372036854775808", "7.5", "7x", "-", "", "nan", "1 2", "1/2", "1:2", "1234567890123456789012"},
    {""},
    {".", "-.", "999999.995", "1000000", "1,5", "\"1,5\"", "1.2.3", "1..5", "1e", "--1", "1-"},
    {"2026-11-01", "2026-02-29T00:00:00", "2026-11-01T24:00:00", "2026-11-01T23:59:60",
     "2026-11-01T09:30:00ZZ", "2026-11-01T09:30:00x", "9999-12-31T23:59:59-02:00", "2026-11-01T09"},
    {"2023-02-29", "1900-02-29", "0000-01-01", "2026-13-01", "2026-00-01", "2026-04-31", "2026-04-00",
     "2026-1-01", "2026/11/01", "2026-11-01T09:30", "2026-0:-01", "2026-11-0a"},
    {"1e309", "0x1", "1,5", "1e", "-"},
    {"ja", "truer"},
    {"a\"b", "\"a\"b", "a\"", "\"a", "a\rb", "\xff"},
    {"a\"b"},
};

static void put_line(int column, const char *text)
{
    char line[400] = HEADER;
    for (int c = 0; c < 9; c++) {
        strcat(line, c == column ? text : c == 0 ? "1" : c == 1 ? "x" : "");
        strcat(line, c < 8 ? "," : "\n");
    }
    put_bytes("one.csv", line, strlen(line));
}

static void test_spellings(void **state)
{
    (void)state;
    if (!st_io_has_arrow()) skip();
    for (int c = 0; c < 9; c++) {
        for (size_t i = 0; i < ST_COUNT(quickly_read[c]) && quickly_read[c][i]; i++) {
            put_line(c, quickly_read[c][i]);
            if (!read_both_ways("one.csv")) fail_msg("%s is not read quickly", quickly_read[c][i]);
        }
        for (size_t i = 0; i < ST_COUNT(others[c]) && others[c][i]; i++) {
            put_line(c, others[c][i]);
            read_both_ways("one.csv");
        }
    }
}

/* Many blocks, with values over their ends, however many threads read them. */
static void put_many_blocks(const char *end)
{
    enum { ROWS = 60000 };
    static const char words[] =
        "a note with , and \r\n in it, which begins again and again and again and again and";
    static const char marks[] = "\"\"\"\"\"\"";
    FILE *f = fopen(in_folder("many.csv"), "wb");
    assert_non_null(f);
    fprintf(f, "order_id,buyer,amount,ordered_at,day,score,paid,note,tags%s", end);
    for (int i = 0; i < ROWS; i++) {
        fprintf(f, "%d,\"b%d\",%d.%02d,2026-%02d-%02dT%02d:00:00Z,,", i, i % 777, i, i % 100, i % 12 + 1,
                i % 28 + 1, i % 24);
        fprintf(f, "%d.%d,%s,\"%.*s\n%.*s\",t%s", i, i * 7, i % 3 ? "true" : "", i % 80, words, i % 4 * 2,
                marks, i + 1 < ROWS ? end : "");
    }
    fclose(f);
}

static void test_many_blocks(void **state)
{
    (void)state;
    if (!st_io_has_arrow()) skip();
    for (int crlf = 0; crlf < 2; crlf++) {
        put_many_blocks(crlf ? "\r\n" : "\n");
        for (uint32_t threads = 1; threads <= 3; threads++) {
            st_io_threads(threads);
            bool quickly = read_both_ways("many.csv");
            st_io_threads(0);
            assert_true(quickly);
        }
    }
}

/* Something else, however late it comes: then the file is not read in part. */
static void test_late_mistake(void **state)
{
    (void)state;
    if (!st_io_has_arrow()) skip();
    enum { ROWS = 200000, LATE = 150000 };
    FILE *f = fopen(in_folder("late.csv"), "wb");
    assert_non_null(f);
    fputs(HEADER, f);
    for (int i = 0; i < ROWS; i++) fprintf(f, "%d,a,%s,,,,,,\n", i, i == LATE ? "1.2.3" : "1.23");
    fclose(f);
    assert_false(read_both_ways("late.csv"));
}

/* ---- finding ---- */

static void expect_no_data(strata_status status, const char *message, strata_error *error)
{
    assert_int_not_equal(status, STRATA_OK);
    for (char *at; (at = strstr(error->message, folder));)
        memmove(at, at + strlen(folder), strlen(at + strlen(folder)) + 1);
    assert_string_equal(error->message, message);
}

static void test_finding(void **state)
{
    (void)state;
    strata_error error = {0};
    st_io_files files = {0};
    expect_no_data(
        st_io_find(folder, "orders", &files, &error),
        "There is no data for table orders:  has no file orders with the ending .parquet, .arrow, .feather, "
        ".ipc, "
        ".csv, .jsonl or .ndjson, and no folder orders of such files. Put one there, or name it with --data "
        "orders=PATH.",
        &error);
    put_bytes("orders_old.csv", "", 0);
    put_bytes("orders.txt", "", 0);
    put_bytes("orders.csv.gz", "", 0);
    assert_int_equal(st_io_find(folder, "orders", &files, &error), STRATA_OK);
    assert_int_equal(files.n, 1);
    assert_string_equal(files.paths[0], in_folder("orders.csv.gz"));
    st_io_files_free(&files);
    put_bytes("orders.parquet", "", 0);
    expect_no_data(st_io_find(folder, "orders", &files, &error),
                   "There is more than one candidate for table orders: /orders.csv.gz and /orders.parquet. "
                   "Name one with --data "
                   "orders=PATH.",
                   &error);
    assert_int_equal(mkdir(in_folder("items"), 0777), 0);
    expect_no_data(st_io_find(folder, "items", &files, &error),
                   "The folder /items for table items holds no file that ends in .parquet, .arrow, .feather, "
                   ".ipc, .csv, .jsonl "
                   "or .ndjson.",
                   &error);
    put_bytes("items/b.csv", "", 0);
    put_bytes("items/a.jsonl", "", 0);
    put_bytes("items/_SUCCESS", "", 0);
    put_bytes("items/.hidden.csv", "", 0);
    assert_int_equal(st_io_find(folder, "items", &files, &error), STRATA_OK);
    assert_int_equal(files.n, 2);
    assert_string_equal(files.paths[0], in_folder("items/a.jsonl"));
    assert_string_equal(files.paths[1], in_folder("items/b.csv"));
    st_io_files_free(&files);
    assert_int_equal(st_io_expand(in_folder("items/*.csv"), "items", &files, &error), STRATA_OK);
    assert_int_equal(files.n, 1);
    st_io_files_free(&files);
    assert_int_equal(st_io_expand(in_folder("orders.txt"), "orders", &files, &error), STRATA_OK);
    st_io_files_free(&files);
    expect_no_data(st_io_expand(in_folder("nothing*.csv"), "orders", &files, &error),
                   "No file for table orders: nothing is called /nothing*.csv. Check the path behind --data.",
                   &error);
    expect_no_data(st_io_find(in_folder("nowhere"), "orders", &files, &error),
                   "The data folder /nowhere cannot be read: No such file or directory.", &error);
}

/* ---- whole or not at all ---- */

static void test_failed_write(void **state)
{
    (void)state;
    static const char *const names[] = {"out.csv", "out.jsonl", "out.parquet", "out.arrow"};
    strata_error error = {0};
    for (size_t i = 0; i < (st_io_has_arrow() ? ST_COUNT(names) : 2); i++) {
        put_bytes(names[i], "before", 6);
        struct ArrowArrayStream stream = rows_to_write(true);
        ((batches *)stream.private_data)->fail_at = 2;
        int files = files_in_folder();
        assert_int_equal(st_io_write_stream(in_folder(names[i]), NULL, &stream, &error), STRATA_INTERNAL);
        assert_string_equal(error.message, "The rows could not be made: the disk went away.");
        expect_written(names[i], "before");
        assert_int_equal(files_in_folder(), files);
    }
}

static void test_refused_write(void **state)
{
    (void)state;
    static const struct {
        const char *path, *format, *message;
    } cases[] = {
        {"out.xlsx", NULL,
         "/out.xlsx: its format is not clear. End the name in .parquet, .arrow, .feather, .ipc, .csv, .jsonl "
         "or "
         ".ndjson, or say --format."},
        {"out.csv", "excel", "There is no format excel. Use parquet, arrow, csv or jsonl."},
        {"out.csv.gz", NULL, "/out.csv.gz: compressed files are not written. Leave the last ending out."},
        {"no/out.csv", NULL, "/no/out.csv cannot be written: No such file or directory."},
    };
    for (size_t i = 0; i < ST_COUNT(cases); i++) {
        strata_error error = {0};
        struct ArrowArrayStream stream = rows_to_write(true);
        expect_no_data(st_io_write_stream(in_folder(cases[i].path), cases[i].format, &stream, &error),
                       cases[i].message, &error);
        assert_null(stream.release);
        assert_int_equal(files_in_folder(), 0);
    }
    struct ArrowArrayStream stream = stream_of();
    strata_error error = {0};
    ADD_BATCH(&stream, list_of("+l", "tags", NULL, 1, (int32_t[]){0, 1}, 8, TEXTS("", "a;b")));
    expect_no_data(st_io_write_stream(in_folder("out.csv"), NULL, &stream, &error),
                   "A list has an empty text, a text with a semicolon or with blanks around it: CSV cannot "
                   "hold that. Write "
                   "Parquet or JSON lines.",
                   &error);
    assert_int_equal(files_in_folder(), 0);
}

static void test_full_disk(void **state)
{
    (void)state;
    struct stat st;
    if (stat("/dev/full", &st) != 0) skip();
    static const char *const formats[] = {"csv", "jsonl", "parquet", "arrow"};
    for (size_t i = 0; i < (st_io_has_arrow() ? ST_COUNT(formats) : 2); i++) {
        strata_error error = {0};
        struct ArrowArrayStream stream = rows_to_write(true);
        assert_int_equal(st_io_write_stream("/dev/full", formats[i], &stream, &error), STRATA_IO);
        assert_string_equal(error.message, "/dev/full cannot be written: No space left on device.");
    }
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown((test), make_folder, drop_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_round_trips),   IN_FOLDER(test_text_as_written), IN_FOLDER(test_the_same_bytes),
        IN_FOLDER(test_mistakes),      IN_FOLDER(test_cut_files),       IN_FOLDER(test_spoiled_bytes),
        IN_FOLDER(test_good_files),    IN_FOLDER(test_header_alone),    IN_FOLDER(test_nothing_there),
        IN_FOLDER(test_packed_files),  IN_FOLDER(test_finding),         IN_FOLDER(test_failed_write),
        IN_FOLDER(test_refused_write), IN_FOLDER(test_full_disk),       IN_FOLDER(test_spellings),
        IN_FOLDER(test_many_blocks),   IN_FOLDER(test_late_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
