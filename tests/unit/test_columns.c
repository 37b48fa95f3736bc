/* Columns as binding packs them, against the values that went in: every width, many batches, every number of threads; keys of every
 * kind of index; which error comes first. */
#include "by_hand.h"

#include <math.h>

static uint64_t state_of_random = 88172645463325252u;

static uint64_t random_bits(void)
{
    state_of_random ^= state_of_random << 13;
    state_of_random ^= state_of_random >> 7;
    return state_of_random ^= state_of_random << 17;
}

static uint64_t below(uint64_t n)
{
    return random_bits() % n;
}

/* ---- values of every width ---- */

enum { MOST_ROWS = 90000 };

typedef struct made {
    uint64_t n;
    int64_t values[MOST_ROWS]; /* as the column should have them */
    char valid[MOST_ROWS + 1];
} made;

typedef struct layout {
    const char *format;
    st_type type;
    uint8_t width;
    int64_t unit; /* of the file's values; of instants that are no whole seconds as well */
} layout;

/* The rows [from, to) as a file of that layout has them; what stands in missing rows is noise. */
static piece piece_of(const layout *l, const made *m, uint64_t from, uint64_t to, bool some_missing)
{
    uint64_t n = to - from;
    char *bytes = calloc(n + 1, l->width), *valid = calloc(n + 1, 1);
    for (uint64_t i = 0; i < n; i++) {
        st_i128 v = m->values[from + i];
        valid[i] = m->valid[from + i];
        if (valid[i] == '0') v = (st_i128)((st_u128)random_bits() << 64 | random_bits());
        double real = (double)(int64_t)v / 8;
        if (l->type.base == ST_T_FLOAT)
            memcpy(bytes + i * l->width, &real, 8);
        else
            memcpy(bytes + i * l->width, &v, l->width);
    }
    piece p = plain(l->format, "x", (int64_t)n, bytes, n * l->width, some_missing ? valid : NULL);
    free(bytes);
    free(valid);
    return p;
}

static void make_values(made *m, uint64_t n, int64_t low, uint64_t range, int64_t unit, bool some_missing)
{
    m->n = n;
    for (uint64_t i = 0; i < n; i++) {
        /* an island here and there, so that chunks differ in width */
        uint64_t here = i / 20000 % 2 ? ST_MIN(range, 200) : range;
        uint64_t steps = range ? below(here + (here < UINT64_MAX)) : 0;
        m->values[i] = (int64_t)((uint64_t)low + steps * (uint64_t)unit);
        m->valid[i] = some_missing && below(5) == 0 ? '0' : '1';
    }
}

static void check_values(const st_column *c, const made *m, const layout *l)
{
    assert_int_equal(c->n, m->n);
    int64_t low = INT64_MAX, high = INT64_MIN;
    uint64_t missing = 0;
    bool seconds = l->type.base == ST_T_TIMESTAMP;
    for (uint64_t i = 0; i < m->n; i++) {
        bool known = m->valid[i] != '0';
        missing += !known;
        if (known != (!c->known || st_bit(c->known, i))) fail_msg("row %llu", (unsigned long long)i);
        if (!known) continue;
        low = ST_MIN(low, m->values[i]);
        high = ST_MAX(high, m->values[i]);
        seconds &= m->values[i] % 1000000 == 0;
        bool same = l->type.base == ST_T_FLOAT ? ((const double *)c->data)[i] == (double)m->values[i] / 8
                                               : st_column_i64(c, i) == m->values[i];
        if (!same) fail_msg("row %llu has another value", (unsigned long long)i);
    }
    assert_int_equal(c->missing, missing);
    assert_int_equal(c->range.known, missing < m->n);
    if (missing == m->n) return;
    if (l->type.base == ST_T_FLOAT) {
        assert_true(c->range.flow == (double)low / 8 && c->range.fhigh == (double)high / 8);
        return;
    }
    assert_true(c->range.low == low && c->range.high == high);
    uint64_t steps = ((uint64_t)high - (uint64_t)low) / (seconds ? 1000000 : 1);
    unsigned bytes = steps < 256 ? 1 : steps < 65536 ? 2 : steps <= UINT32_MAX ? 4 : 8;
    unsigned whole = c->phys == ST_I32 ? 4 : 8;
    assert_int_equal(c->narrow.bytes, bytes < whole ? bytes : 0);
    assert_int_equal(c->data == NULL, bytes < whole);
    for (uint64_t i = 0; i < m->n && c->data && c->known; i++)
        if (!st_bit(c->known, i)) assert_int_equal(st_column_i64(c, i), 0);
}

static void bind_pieces(const layout *l, const made *m, bool some_missing, uint32_t threads)
{
    void *state;
    set_up(&state);
    fixture *f = state;
    st_table *t = table(f, "things");
    st_col *x = column(t, "x", some_missing ? maybe(l->type) : l->type);
    bool ok;
    ST_GUARD(&f->env, ok, f->binder = st_binder_new(f->arena, &f->program, threads));
    assert_true(ok);
    struct ArrowArrayStream s = stream_of();
    for (uint64_t at = 0; at < m->n;) {
        uint64_t rows = below(4) ? 1 + below(9000) : 1 + below(60000), to = ST_MIN(m->n, at + rows);
        ADD_BATCH(&s, piece_of(l, m, at, to, some_missing));
        at = to;
        if (below(6) || at == m->n) continue;
        bind_ok(f, t, &s); /* a part of its own */
        s = stream_of();
    }
    if (!m->n) ADD_BATCH(&s, piece_of(l, m, 0, 0, some_missing));
    bind_ok(f, t, &s);
    finish_ok(f);
    check_values(got(f, x), m, l);
    tear_down(&state);
}

static void test_widths(void **state)
{
    (void)state;
    made *m = malloc(sizeof *m);
    static const uint64_t ranges[] = {
        0, 255, 256, 65535, 65536, UINT32_MAX, UINT64_C(1) << 32, UINT64_C(1) << 40};
    const layout layouts[] = {{"l", INT, 8, 1},
                              {"i", INT, 4, 1},
                              {"d:12,2", money(12, 2), 16, 1},
                              {"tdD", DATE, 4, 1},
                              {"tsu:UTC", STAMP, 8, 1000000},
                              {"tsu:UTC", STAMP, 8, 7},
                              {"g", REAL, 8, 1}};
    for (size_t k = 0; k < ST_COUNT(layouts); k++)
        for (size_t r = 0; r < ST_COUNT(ranges); r++)
            for (uint32_t threads = 1; threads <= 3; threads += 2) {
                const layout *l = &layouts[k];
                uint64_t range = ST_MIN(ranges[r], l->width == 4                  ? UINT64_C(1000000)
                                                   : l->type.base == ST_T_DECIMAL ? UINT64_C(999999999999)
                                                                                  : UINT64_C(1) << 37);
                int64_t low = l->type.base == ST_T_DECIMAL     ? -5000
                              : l->type.base == ST_T_TIMESTAMP ? 86400000000
                                                               : -100;
                bool some_missing = below(2);
                make_values(m, below(MOST_ROWS), low, range, l->unit, some_missing);
                bind_pieces(l, m, some_missing, threads);
            }
    make_values(m, MOST_ROWS, INT64_MIN, UINT64_MAX, 1, true);
    bind_pieces(&layouts[0], m, true, 2);
    for (uint64_t i = 0; i < m->n; i++) m->valid[i] = '0';
    bind_pieces(&layouts[0], m, true, 2);
    free(m);
}

/* ---- time of a wall clock ---- */

static void test_wall_clock(void **state)
{
    fixture *f = *state;
    enum { N = 40000 };
    st_table *t = table(f, "things");
    st_col *x = column(t, "x", STAMP);
    int64_t *local = malloc(N * sizeof *local);
    for (int i = 0; i < N; i++) /* around the changes of an hour, near and far */
        local[i] = (i % 3 ? INT64_C(1761440400000000) : INT64_C(-62000000000000000)) +
                   (int64_t)below(i % 3 == 1 ? 14400 : UINT64_C(20000000000)) * 1000000;
    struct ArrowArrayStream s = stream_of();
    ADD_BATCH(&s, plain("tsu:", "x", N, local, N * sizeof *local, NULL));
    bind_ok(f, t, &s);
    finish_ok(f);
    const st_column *c = got(f, x);
    for (uint64_t i = 0; i < N; i++)
        assert_int_equal(st_column_i64(c, i), st_instant_of_local(f->program.zone, local[i]));
    free(local);
}

/* ---- keys ---- */

enum { KEYS = 70000, LINKS = 50000 };

/* A permutation of [0, n). */
static void shuffle(int64_t *v, uint64_t n)
{
    for (uint64_t i = n; i > 1; i--) {
        uint64_t k = below(i);
        int64_t x = v[i - 1];
        v[i - 1] = v[k];
        v[k] = x;
    }
}

typedef struct linked {
    void *state;
    fixture *f;
    st_table *people, *orders;
    st_col *id, *buyer;
} linked;

static linked linked_tables(void)
{
    linked w;
    set_up(&w.state);
    w.f = w.state;
    w.people = table(w.f, "people");
    w.orders = table(w.f, "orders");
    w.id = key(w.people, "id", INT);
    w.buyer = column(w.orders, "buyer", maybe(INT));
    w.buyer->links_to = w.people;
    return w;
}

static bool bind_keys(const linked *w, const int64_t *keys, uint64_t n)
{
    struct ArrowArrayStream s = stream_of();
    for (uint64_t at = 0; at < n;) {
        uint64_t rows = 1 + below(30000);
        rows = ST_MIN(rows, n - at);
        ADD_BATCH(&s, plain("l", "id", (int64_t)rows, keys + at, rows * 8, NULL));
        at += rows;
    }
    return bind(w->f, w->people, &s, "people");
}

/* keys[k] = low + place[k] * step. */
static void check_links(int64_t low, int64_t step, bool shuffled)
{
    linked w = linked_tables();
    int64_t *place = malloc(KEYS * sizeof *place), *keys = malloc(KEYS * sizeof *keys);
    int64_t *links = malloc(LINKS * sizeof *links), *want = malloc(LINKS * sizeof *want);
    char *valid = calloc(1, LINKS + 1);
    for (int64_t i = 0; i < KEYS; i++) place[i] = i;
    if (shuffled) shuffle(place, KEYS);
    for (int64_t i = 0; i < KEYS; i++) keys[i] = low + place[i] * step;
    uint64_t orphans = 0;
    for (int i = 0; i < LINKS; i++) {
        int64_t row = (int64_t)below(KEYS);
        valid[i] = below(9) ? '1' : '0';
        bool there = below(7) != 0;
        /* between two keys, or far away */
        int64_t other = low < 0 ? INT64_MAX - row : INT64_MIN + row;
        if (step > 1 && below(2)) other = keys[row] + 1;
        links[i] = there ? keys[row] : other;
        want[i] = there && valid[i] == '1' ? row : ST_NO_ROW;
        orphans += !there && valid[i] == '1';
    }
    struct ArrowArrayStream s = stream_of();
    ADD_BATCH(&s, plain("l", "buyer", LINKS, links, LINKS * 8, valid));
    bind_ok(w.f, w.orders, &s);
    assert_true(bind_keys(&w, keys, KEYS));
    finish_ok(w.f);
    const st_data_table *o = &w.f->data->tables[w.orders->index];
    for (int i = 0; i < LINKS; i++) assert_int_equal(o->links[w.buyer->index][i], want[i]);
    assert_int_equal(o->orphans[w.buyer->index], orphans);
    free(place);
    free(keys);
    free(links);
    free(want);
    free(valid);
    tear_down(&w.state);
}

static void test_keys(void **state)
{
    (void)state;
    check_links(1, 1, false); /* counting up */
    check_links(INT64_MAX - KEYS + 1, 1, false);
    check_links(INT64_MIN, 1, false);
    check_links(-100, 1, true); /* close together */
    check_links(7, 3, true);
    check_links(7, 50000, true);                                    /* far apart, in 32 bits */
    check_links(INT64_C(-5000000000000), INT64_C(100000000), true); /* farther */
}

static void check_twice(int64_t step, bool shuffled, uint64_t first, uint64_t second)
{
    linked w = linked_tables();
    int64_t *keys = malloc(KEYS * sizeof *keys);
    for (int64_t i = 0; i < KEYS; i++) keys[i] = i * step;
    if (shuffled) shuffle(keys, KEYS);
    keys[second] = keys[first];
    keys[KEYS - 1] = keys[second + 1]; /* comes later, and is not what is said */
    struct ArrowArrayStream s = stream_of();
    ADD_BATCH(&s, PLAIN(int64_t, "l", "buyer", NULL, 1));
    bind_ok(w.f, w.orders, &s);
    assert_true(bind_keys(&w, keys, KEYS));
    assert_false(finish(w.f));
    char message[256];
    snprintf(message, sizeof message,
             "people, row %llu, column id: %lld stands here a second time, after row %llu of people. A key "
             "names one row: "
             "remove the others.",
             (unsigned long long)second + 1, (long long)keys[first], (unsigned long long)first + 1);
    expect_error(w.f, STRATA_BAD_DATA, message);
    free(keys);
    tear_down(&w.state);
}

static void test_keys_twice(void **state)
{
    (void)state;
    check_twice(1, false, 3, 60000);
    check_twice(1, true, 40000, 40001);
    check_twice(50000, true, 0, 69000);
    check_twice(INT64_C(100000000), true, 12345, 23456);
}

/* ---- dictionaries ---- */

static void release_nothing(struct ArrowArray *a)
{
    a->release = NULL;
}

/* Two batches with one dictionary, and a third with another at the same place. */
static void test_dictionaries(void **state)
{
    fixture *f = *state;
    enum { N = 5000 };
    st_table *t = table(f, "things");
    st_col *x = column(t, "x", maybe(TEXT));
    const char *const words[2][3] = {{"north", "south", "west"}, {"zenith", "nadir", "west"}};
    piece dictionary = texts_of("u", "", 3, words[0]), other = texts_of("u", "", 3, words[1]);
    struct ArrowArrayStream s = stream_of();
    int8_t codes[N];
    for (int k = 0; k < 4; k++) {
        for (int i = 0; i < N; i++) codes[i] = (int8_t)((i + k) % 3);
        piece shared = k == 3 ? other : dictionary;
        if (k < 2) { /* the array owns nothing */
            shared.schema.format = text_copy("u");
            shared.schema.name = text_copy("");
            shared.array.release = release_nothing;
        }
        ADD_BATCH(&s, with_dictionary(plain("c", "x", N, codes, N, NULL), shared));
    }
    bind_ok(f, t, &s);
    finish_ok(f);
    const st_column *c = got(f, x);
    assert_int_equal(c->dict->n, 5);
    for (uint64_t i = 0; i < 4 * N; i++) {
        uint64_t k = i / N;
        st_str text = st_column_text(c, i);
        assert_true(st_str_eq(text, st_str_of(words[k == 3][(i % N + k) % 3])));
    }
}

/* ---- which error comes first ---- */

static void test_first_error(void **state)
{
    fixture *f = *state;
    enum { N = 40000 };
    st_table *t = table(f, "things");
    column(t, "a", INT);
    column(t, "b", DATE);
    column(t, "c", TEXT);
    int64_t *whole = calloc(N, sizeof *whole);
    int32_t *days = calloc(N, sizeof *days), *wrong = calloc(N, sizeof *wrong);
    char *one_missing = malloc(N + 1);
    memset(one_missing, '1', N);
    one_missing[N] = one_missing[10] = '0';
    const char **texts = malloc(N * sizeof *texts);
    for (int i = 0; i < N; i++) texts[i] = i % 2 ? "x" : "y";
    wrong[30000] = wrong[39000] = INT32_MAX;
    struct ArrowArrayStream s = stream_of();
    for (int k = 0; k < 3; k++) {
        /* the third batch lacks a value of the first column, which would come before were it not for the batch */
        piece a = plain("l", "a", N, whole, N * 8, k == 2 ? one_missing : NULL);
        piece b = plain("tdD", "b", N, k == 1 ? wrong : days, N * 4, NULL);
        int8_t *zeros = calloc(N, 1);
        piece c = with_dictionary(plain("c", "c", N, zeros, N, NULL), TEXTS("", k == 2 ? "\xff" : "good"));
        free(zeros);
        ADD_BATCH(&s, a, b, c);
    }
    ((batches *)s.private_data)->fail_at = 4;
    assert_false(bind(f, t, &s, "things"));
    expect_error(f, STRATA_BAD_DATA,
                 "things, row 70001, column b: a time outside the years 0001 to 9999. Correct the file.");
    free(whole);
    free(days);
    free(wrong);
    free(one_missing);
    free(texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_widths),
        cmocka_unit_test_setup_teardown(test_wall_clock, set_up, tear_down),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_keys_twice),
        cmocka_unit_test_setup_teardown(test_dictionaries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_first_error, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
