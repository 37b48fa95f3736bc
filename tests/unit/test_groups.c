/* Groups of rows, worked out from data: against a grouping that compares every row with every other. */
#include "table/derive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "metered.h"

enum { PEOPLE, VISITS, THINGS, TABLES = 6, MOST_KEYS = 5 };

static uint64_t state;

static uint32_t below(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 33) % n;
}

/* Things lead to visits, and these to people. Things have a column of each layout that rows can be grouped by. */
typedef struct world {
    st_env env;
    st_arena *arena;
    st_program program;
    st_table tables[TABLES], *list[TABLES];
    st_data data;
} world;

static st_col *column(st_table *t, const char *name, st_type type, st_table *to)
{
    st_col *c = &t->cols[t->ncols];
    *c = (st_col){.name = name, .index = t->ncols++, .table = t, .type = type, .links_to = to, .used = true};
    return c;
}

static const st_type layouts[MOST_KEYS] = {{.base = ST_T_BOOL, .optional = true},
                                           {.base = ST_T_DATE, .optional = true},
                                           {.base = ST_T_INT, .optional = true, .digits = 19},
                                           {.base = ST_T_DECIMAL, .optional = true, .digits = 30, .scale = 2},
                                           {.base = ST_T_STRING, .optional = true}};
static const st_phys phys[MOST_KEYS] = {ST_BIT, ST_I32, ST_I64, ST_I128, ST_CODE};
static const size_t widths[MOST_KEYS] = {0, 4, 8, 16, 4};

static const st_dict texts = {4, (const uint64_t[]){0, 1, 2, 4, 4}, "abcd"};

/* Values of few kinds, so that many are equal; some are not known. `spread`: of so many kinds. */
static void fill_column(world *w, st_column *out, const st_col *decl, int layout, uint64_t rows,
                        uint32_t spread)
{
    size_t bytes = layout == 0 ? st_bitmap_bytes(rows) : (size_t)rows * widths[layout] + 64;
    char *data = st_alloc_raw(w->arena, bytes);
    uint8_t *known = (uint8_t *)st_bitmap_new(w->arena, rows);
    memset(data, 0, bytes);
    *out = (st_column){.decl = decl, .phys = phys[layout], .n = rows, .data = data, .dict = &texts};
    if (below(3)) out->known = known;
    for (uint64_t r = 0; r < rows; r++) {
        uint32_t v = below(layout == 0 ? 2 : layout == 4 ? 4 : spread);
        if (out->known && below(4) == 0) {
            out->missing++;
            continue;
        }
        st_bit_set(known, r);
        switch (layout) {
        case 0:
            if (v) st_bit_set(data, r);
            break;
        case 1: ((int32_t *)(void *)data)[r] = (int32_t)v - 2; break;
        case 2: ((int64_t *)(void *)data)[r] = ((int64_t)v - 2) * (INT64_C(1) << 40); break;
        case 3: ((st_i128 *)(void *)data)[r] = ((st_i128)v - 2) * ((st_i128)1 << 70); break;
        default: ((uint32_t *)(void *)data)[r] = v;
        }
    }
}

static void fill_links(world *w, int table, const st_col *link, uint64_t rows, uint64_t parents)
{
    int32_t *to = st_alloc_raw(w->arena, (size_t)rows * sizeof *to + 64);
    for (uint64_t r = 0; r < rows; r++)
        to[r] = parents == 0 || below(7) == 0 ? ST_NO_ROW : (int32_t)below((uint32_t)parents);
    w->data.tables[table].links[link->index] = to;
}

/* The keys that a link of things holds; one that leads nowhere names a row that is not there. */
static void fill_link_values(world *w, const st_col *link, uint64_t rows)
{
    const int32_t *to = w->data.tables[THINGS].links[link->index];
    int64_t *values = st_alloc_raw(w->arena, (size_t)rows * sizeof *values + 64);
    for (uint64_t r = 0; r < rows; r++) values[r] = to[r] == ST_NO_ROW ? 5000 + (int64_t)(r % 3) : to[r];
    w->data.tables[THINGS].columns[link->index] =
        (st_column){.decl = link, .phys = ST_I64, .n = rows, .data = values};
}

static void open_table(world *w, int i, const char *name)
{
    st_table *t = &w->tables[i];
    *t = (st_table){.name = name, .index = (uint32_t)i, .cols = st_new_n(w->arena, st_col, 16)};
    w->list[i] = t;
    w->program.ntables = ST_MAX(w->program.ntables, (uint32_t)i + 1);
}

static void open_data(world *w, int i, uint64_t rows)
{
    w->data.tables[i] = (st_data_table){.decl = &w->tables[i],
                                        .rows = rows,
                                        .columns = st_new_n(w->arena, st_column, 16),
                                        .links = st_new_n(w->arena, int32_t *, 16),
                                        .orphans = st_new_n(w->arena, uint64_t, 16)};
}

static st_col *hidden(st_table *t, st_table *to)
{
    st_col *c = &t->cols[t->ncols + t->nhidden];
    *c = (st_col){.name = "",
                  .index = t->ncols + t->nhidden++,
                  .table = t,
                  .type = layouts[2],
                  .links_to = to,
                  .used = true};
    return c;
}

/* Table i: the groups of `source` by the columns in `keys`. */
static void add_groups(world *w, int i, int source, const st_path *path, uint32_t nkeys, const st_col **keys)
{
    open_table(w, i, "groups");
    st_table *t = &w->tables[i], *from = &w->tables[source];
    st_derived *d = st_new(w->arena, st_derived);
    for (uint32_t k = 0; k < nkeys; k++) column(t, keys[k]->name, keys[k]->type, keys[k]->links_to);
    *d = (st_derived){
        .source = from, .path = *path, .keys = keys, .up = {1, st_new_n(w->arena, const st_col *, 1)}};
    d->up.steps[0] = hidden(t, path->steps[path->n - 1]->links_to);
    d->member = hidden(from, t);
    t->derived = d;
    open_data(w, i, 0);
}

static st_path path_of(world *w, uint32_t n, const st_col *a, const st_col *b)
{
    st_path p = {n, st_new_n(w->arena, const st_col *, 2)};
    p.steps[0] = a;
    p.steps[1] = b;
    return p;
}

/* ---- said a second time, without hashes and without order ---- */

static int32_t entity_of(const world *w, const st_derived *d, uint64_t row)
{
    int32_t at = (int32_t)row;
    for (uint32_t i = 0; i < d->path.n && at >= 0; i++)
        at = w->data.tables[d->path.steps[i]->table->index].links[d->path.steps[i]->index][at];
    return at;
}

/* The value as text; "?" where it is not known. */
static void say(const st_column *c, uint64_t row, char out[64])
{
    if (c->known && !st_bit(c->known, row)) {
        snprintf(out, 64, "?");
        return;
    }
    switch (c->phys) {
    case ST_BIT: snprintf(out, 64, "%d", st_bit(c->data, row)); return;
    case ST_I32: snprintf(out, 64, "%d", ((const int32_t *)c->data)[row]); return;
    case ST_I64: snprintf(out, 64, "%lld", (long long)((const int64_t *)c->data)[row]); return;
    case ST_I128: snprintf(out, 64, "%lld", (long long)(((const st_i128 *)c->data)[row] >> 60)); return;
    case ST_CODE: {
        st_str s = st_dict_get(c->dict, ((const uint32_t *)c->data)[row]);
        snprintf(out, 64, "\"%.*s\"", (int)s.n, s.p);
        return;
    }
    default: fail_msg("no such layout");
    }
}

static bool alike(const st_column *a, uint64_t i, const st_column *b, uint64_t k)
{
    char x[64], y[64];
    say(a, i, x);
    say(b, k, y);
    return strcmp(x, y) == 0;
}

static void expect_groups(const world *w, int i)
{
    const st_table *t = &w->tables[i];
    const st_derived *d = t->derived;
    const st_data_table *groups = &w->data.tables[i], *rows = &w->data.tables[d->source->index];
    const int32_t *member = rows->links[d->member->index], *up = groups->links[d->up.steps[0]->index];
    assert_non_null(member);
    assert_non_null(up);
    uint64_t *first = st_new_n(w->arena, uint64_t, groups->rows + 1);
    for (uint64_t g = 0; g < groups->rows; g++) first[g] = UINT64_MAX;
    for (uint64_t r = 0; r < rows->rows; r++) {
        int32_t e = entity_of(w, d, r);
        if (e == ST_NO_ROW) {
            assert_int_equal(member[r], ST_NO_ROW);
            continue;
        }
        assert_in_range(member[r], 0, groups->rows - 1);
        uint64_t g = (uint64_t)member[r];
        assert_int_equal(up[g], e);
        first[g] = ST_MIN(first[g], r);
        for (uint32_t k = 0; k < t->ncols; k++) {
            const st_column *key = &rows->columns[d->keys[k]->index];
            assert_true(alike(key, r, &groups->columns[k], g));
            if (t->cols[k].links_to) assert_int_equal(groups->links[k][g], rows->links[d->keys[k]->index][r]);
        }
    }
    for (uint64_t g = 0; g < groups->rows; g++) {
        assert_true(first[g] != UINT64_MAX); /* no group without rows */
        for (uint64_t h = g + 1; h < groups->rows; h++) {
            assert_true(up[g] < up[h] || (up[g] == up[h] && first[g] < first[h]));
            if (up[g] != up[h]) break; /* in order: the rest have other entities */
            bool same = true;
            for (uint32_t k = 0; k < t->ncols && same; k++)
                same = alike(&groups->columns[k], g, &groups->columns[k], h);
            assert_false(same); /* one group, not two */
        }
    }
    for (uint32_t k = 0; k < t->ncols; k++) {
        uint64_t missing = 0;
        const st_column *c = &groups->columns[k];
        for (uint64_t g = 0; c->known && g < groups->rows; g++) missing += !st_bit(c->known, g);
        assert_int_equal(c->missing, missing);
        assert_int_equal(c->n, groups->rows);
        assert_int_equal((uintptr_t)c->data % 64, 0);
    }
}

/* ---- random data ---- */

/* False: memory ran out, which only an allocator that is given may do. */
static bool make_and_compare(uint64_t seed, bool large, const strata_allocator *allocator)
{
    world w = {0};
    bool ok;
    state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    st_env_init(&w.env, allocator);
    ST_GUARD(&w.env, ok, {
        static const uint32_t sizes[] = {0, 1, 2, 63, 64, 65, 500, 1100, 3000};
        w.arena = st_arena_new(&w.env);
        w.program.tables = w.list;
        w.data = (st_data){w.arena, &w.program, st_new_n(w.arena, st_data_table, TABLES), NULL};
        open_table(&w, PEOPLE, "people");
        open_table(&w, VISITS, "visits");
        open_table(&w, THINGS, "things");
        uint64_t people = below(40), visits = below(200), things = sizes[below(ST_COUNT(sizes))];
        if (large) people = 20000, visits = 40000, things = 150000; /* more than one task */
        open_data(&w, PEOPLE, people);
        open_data(&w, VISITS, visits);
        open_data(&w, THINGS, things);
        const st_col *person = column(&w.tables[VISITS], "person", layouts[2], &w.tables[PEOPLE]);
        const st_col *visit = column(&w.tables[THINGS], "visit", layouts[2], &w.tables[VISITS]);
        fill_links(&w, VISITS, person, visits, people);
        fill_links(&w, THINGS, visit, things, visits);
        fill_link_values(&w, visit, things);
        const st_col *all[MOST_KEYS + 1] = {visit};
        uint32_t spread = below(2) ? 4 : 1000;
        for (int k = 0; k < MOST_KEYS; k++) {
            all[k + 1] = column(&w.tables[THINGS], "v", layouts[k], NULL);
            fill_column(&w, &w.data.tables[THINGS].columns[all[k + 1]->index], all[k + 1], k, things, spread);
        }
        uint32_t n = 1 + below(3);
        const st_col **keys = st_new_n(w.arena, const st_col *, 3),
                     **again = st_new_n(w.arena, const st_col *, 1);
        for (uint32_t k = 0; k < n; k++) keys[k] = all[(below(2) + 2 * k) % (MOST_KEYS + 1)];
        bool far = below(2);
        st_path path = far ? path_of(&w, 2, visit, person) : path_of(&w, 1, visit, NULL);
        add_groups(&w, 3, THINGS, &path, n, keys);
        add_groups(&w, 4, THINGS, &path, n, keys); /* the same a second time */
        again[0] = &w.tables[3].cols[0];
        st_path up = w.tables[3].derived->up;
        add_groups(&w, 5, 3, &up, 1, again); /* groups of groups */
        st_derive_tables(&w.data, 2);
        for (int i = 3; i < TABLES; i++) expect_groups(&w, i);
        assert_int_equal(w.data.tables[3].rows, w.data.tables[4].rows);
    });
    if (!ok && (!allocator || w.env.error.status != STRATA_NO_MEMORY)) fail_msg("%s", w.env.error.message);
    st_env_close(&w.env);
    return ok;
}

static void test_random(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 400; seed++) make_and_compare(seed, false, NULL);
    for (uint64_t seed = 401; seed <= 404; seed++) make_and_compare(seed, true, NULL);
}

/* Memory runs out behind every allocation once: that is said, and everything is given back. */
static void test_memory(void **unused)
{
    (void)unused;
    long n = 0;
    for (bool ok = false; !ok; n++) {
        meter m = {n, 0};
        strata_allocator a = metered_allocator(&m);
        ok = make_and_compare(3, false, &a);
        assert_int_equal(m.live, 0);
    }
    assert_true(n > 10);
}

/* Who is what, by hand: person 1 has x twice and one that is not known, person 0 has x; a row leads to nobody. */
static void test_by_hand(void **unused)
{
    (void)unused;
    world w = {0};
    bool ok;
    st_env_init(&w.env, NULL);
    ST_GUARD(&w.env, ok, {
        w.arena = st_arena_new(&w.env);
        w.program.tables = w.list;
        w.data = (st_data){w.arena, &w.program, st_new_n(w.arena, st_data_table, TABLES), NULL};
        open_table(&w, PEOPLE, "people");
        open_table(&w, VISITS, "visits");
        open_data(&w, PEOPLE, 3);
        open_data(&w, VISITS, 6);
        const st_col *person = column(&w.tables[VISITS], "person", layouts[2], &w.tables[PEOPLE]);
        const st_col *what = column(&w.tables[VISITS], "what", layouts[4], NULL);
        static int32_t to[] = {1, 1, ST_NO_ROW, 0, 1, 1};
        w.data.tables[VISITS].links[0] = to;
        static const uint32_t codes[] = {0, 0, 0, 0, 0, 1};
        static const uint8_t known[64] = {0x3b}; /* all but row 2 of nobody */
        w.data.tables[VISITS].columns[1] = (st_column){.decl = what,
                                                       .phys = ST_CODE,
                                                       .n = 6,
                                                       .data = codes,
                                                       .known = known,
                                                       .dict = &texts,
                                                       .missing = 1};
        st_path path = path_of(&w, 1, person, NULL);
        const st_col **keys = st_new_n(w.arena, const st_col *, 1);
        keys[0] = what;
        add_groups(&w, 2, VISITS, &path, 1, keys);
        st_derive_tables(&w.data, 2);
        const st_data_table *g = &w.data.tables[2];
        assert_int_equal(g->rows, 3);
        assert_memory_equal(w.data.tables[VISITS].links[2], ((int32_t[]){1, 1, ST_NO_ROW, 0, 1, 2}),
                            6 * sizeof(int32_t));
        assert_memory_equal(g->links[1], ((int32_t[]){0, 1, 1}), 3 * sizeof(int32_t));
        assert_memory_equal(g->columns[0].data, ((uint32_t[]){0, 0, 1}), 3 * sizeof(uint32_t));
        assert_int_equal(g->columns[0].missing, 0);
    });
    if (!ok) fail_msg("%s", w.env.error.message);
    st_env_close(&w.env);
}

/* Compiled rules may lie about what is read. */
static void test_not_read(void **unused)
{
    (void)unused;
    world w = {0};
    bool ok;
    st_env_init(&w.env, NULL);
    ST_GUARD(&w.env, ok, {
        w.arena = st_arena_new(&w.env);
        w.program.tables = w.list;
        w.data = (st_data){w.arena, &w.program, st_new_n(w.arena, st_data_table, TABLES), NULL};
        open_table(&w, PEOPLE, "people");
        open_table(&w, VISITS, "visits");
        open_data(&w, PEOPLE, 3);
        open_data(&w, VISITS, 0);
        const st_col *person = column(&w.tables[VISITS], "person", layouts[2], &w.tables[PEOPLE]);
        const st_col *what = column(&w.tables[VISITS], "what", layouts[4], NULL);
        static int32_t none[1];
        w.data.tables[VISITS].links[0] = none;
        st_path path = path_of(&w, 1, person, NULL);
        const st_col **keys = st_new_n(w.arena, const st_col *, 1);
        keys[0] = what;
        add_groups(&w, 2, VISITS, &path, 1, keys);
        st_derive_tables(&w.data, 2);
    });
    assert_false(ok);
    assert_string_equal(w.env.error.message,
                        "The data hold no column what of visits, by which the rules group rows.");
    st_env_close(&w.env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_not_read),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
