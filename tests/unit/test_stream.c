/* Steps that run part by part, over data of many parts, against the same steps over all rows: the same answers, the same counts, the same
 * notes, whatever the threads, batches and instruction set. */
#include "by_hand.h"
#include "compiled.h"

#include "plan/plan.h"
#include "vm/vm.h"

/* One customer has more orders than a part takes, most have none, and the last stands in a part alone: it takes 65,536 customers. */
enum { FEW = 1000, EACH = 160, HEAVY = 501, MOST = 66000, CUSTOMERS = 960 + 65536 + 1, VISITS = 30000 };

static const char tables[] =
    "timezone \"Europe/Berlin\"\n"
    "segments of customers\n"
    "table customers { id int key  joined timestamp time  friend int? links to customers  quota int? }\n"
    "table orders { customer int? links to customers  at timestamp? time  amount decimal(12,2)?  pieces int  "
    "kind string?\n"
    "  rating float? }\n"
    "table visits { customer int links to customers  at timestamp time  seconds int }\n";

static compiled rules;
static const st_data *data;

/* ---- data ---- */

static uint64_t state = 88172645463325252u;

static uint32_t below(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 33) % n;
}

static const int64_t AS_OF = INT64_C(20758) * ST_DAY_US; /* 2026-11-01 */

static int64_t some_time(uint32_t days)
{
    return AS_OF - ((int64_t)below(days) - 5) * ST_DAY_US + below(1000000);
}

/* '0' for one row of n on the average. */
static char *some_valid(int64_t rows, uint32_t n)
{
    char *valid = malloc((size_t)rows + 1);
    for (int64_t r = 0; r < rows; r++) valid[r] = below(n) ? '1' : '0';
    return valid;
}

static piece numbers(const char *format, const char *name, int64_t rows, const void *values, char *valid)
{
    piece p = plain(format, name, rows, values, (size_t)rows * 8, valid);
    free(valid);
    return p;
}

static struct ArrowArrayStream customers(void)
{
    int64_t *id = malloc(CUSTOMERS * sizeof *id), *joined = malloc(CUSTOMERS * sizeof *joined);
    int64_t *friend = malloc(CUSTOMERS * sizeof *friend), *quota = malloc(CUSTOMERS * sizeof *quota);
    for (int64_t r = 0; r < CUSTOMERS; r++) {
        id[r] = r + 7;
        joined[r] = some_time(400);
        friend[r] = below(CUSTOMERS) + 7;
        quota[r] = below(300);
    }
    struct ArrowArrayStream s = stream_of();
    ADD_BATCH(&s, numbers("l", "id", CUSTOMERS, id, NULL),
              numbers("tsu:UTC", "joined", CUSTOMERS, joined, NULL),
              numbers("l", "friend", CUSTOMERS, friend, some_valid(CUSTOMERS, 3)),
              numbers("l", "quota", CUSTOMERS, quota, some_valid(CUSTOMERS, 9)));
    free(id), free(joined), free(friend), free(quota);
    return s;
}

/* The customer of order r; the orders of all of them stand mixed, or `grouped`. */
static int64_t customer_of(int64_t r, bool grouped)
{
    if (r < MOST) return grouped ? 7 : HEAVY + 7;
    r -= MOST;
    if (r < FEW * EACH) return (grouped ? r / EACH : below(FEW)) + 7;
    return CUSTOMERS - 1 + 7;
}

static piece kinds_of(int64_t rows, const int32_t *kind)
{
    char *valid = some_valid(rows, 5);
    piece codes = plain("i", "kind", rows, kind, (size_t)rows * sizeof *kind, valid);
    free(valid);
    return with_dictionary(codes, TEXTS("", "books", "food", "toys", "garden"));
}

static struct ArrowArrayStream orders(bool grouped)
{
    enum { ROWS = MOST + FEW * EACH + 3 };
    int64_t *customer = malloc(ROWS * sizeof *customer), *at = malloc(ROWS * sizeof *at);
    int64_t *amount = malloc(ROWS * sizeof *amount), *pieces = malloc(ROWS * sizeof *pieces);
    double *rating = malloc(ROWS * sizeof *rating);
    int32_t *kind = malloc(ROWS * sizeof *kind);
    for (int64_t r = 0; r < ROWS; r++) {
        customer[r] = customer_of(r, grouped);
        at[r] = some_time(500);
        amount[r] = (int64_t)below(30000) - 500;
        pieces[r] = below(9);
        rating[r] = below(50) / 10.0;
        kind[r] = (int32_t)below(4);
    }
    struct ArrowArrayStream s = stream_of();
    ADD_BATCH(&s, numbers("l", "customer", ROWS, customer, some_valid(ROWS, 50)),
              numbers("tsu:UTC", "at", ROWS, at, some_valid(ROWS, 50)),
              numbers("l", "amount", ROWS, amount, some_valid(ROWS, 20)),
              numbers("l", "pieces", ROWS, pieces, NULL), kinds_of(ROWS, kind),
              numbers("g", "rating", ROWS, rating, some_valid(ROWS, 5)));
    free(customer), free(at), free(amount), free(pieces), free(rating), free(kind);
    return s;
}

static struct ArrowArrayStream visits(void)
{
    int64_t *customer = malloc(VISITS * sizeof *customer), *at = malloc(VISITS * sizeof *at);
    int64_t *seconds = malloc(VISITS * sizeof *seconds);
    for (int64_t r = 0; r < VISITS; r++) {
        customer[r] = below(CUSTOMERS) + 7;
        at[r] = some_time(300);
        seconds[r] = below(4000);
    }
    struct ArrowArrayStream s = stream_of();
    ADD_BATCH(&s, numbers("l", "customer", VISITS, customer, NULL),
              numbers("tsu:UTC", "at", VISITS, at, NULL), numbers("l", "seconds", VISITS, seconds, NULL));
    free(customer), free(at), free(seconds);
    return s;
}

/* Which tables have rows. */
typedef enum filling { MIXED, GROUPED, NO_ORDERS, NOBODY } filling;

static void bind_table(st_binder *b, const char *name, struct ArrowArrayStream s, bool empty)
{
    for (uint32_t i = 0; i < rules.program->ntables; i++)
        if (!empty && strcmp(rules.program->tables[i]->name, name) == 0 &&
            st_table_needed(rules.program, rules.program->tables[i]))
            st_bind_stream(b, rules.program->tables[i], &s, "test");
    if (s.release) s.release(&s);
}

static struct ArrowArrayStream none_of(struct ArrowArrayStream s)
{
    batches *b = s.private_data;
    b->next = b->n; /* its schema alone */
    return s;
}

static void compile_and_bind(const char *text, filling f)
{
    char *whole = malloc(sizeof tables + strlen(text) + 1);
    strcpy(whole, tables);
    strcat(whole, text);
    assert_true(compile_rules(&rules, whole, true));
    free(whole);
    bool ok;
    ST_GUARD(&rules.env, ok, {
        st_binder *b = st_binder_new(rules.a, rules.program, 2);
        bind_table(b, "customers", f == NOBODY ? none_of(customers()) : customers(), false);
        bind_table(b, "orders", f == NO_ORDERS || f == NOBODY ? none_of(orders(false)) : orders(f == GROUPED),
                   false);
        bind_table(b, "visits", f == NOBODY ? none_of(visits()) : visits(), false);
        data = st_bind_finish(b);
        st_binder_free(b);
    });
    if (!ok) fail_msg("%s", rules.env.error.message);
}

/* ---- runs ---- */

static const st_vm_result *run(st_arena *a, const st_bc *b, st_vm_options o)
{
    const st_vm_result *volatile r = NULL;
    bool ok;
    o.as_of = AS_OF;
    ST_GUARD(&rules.env, ok, r = st_vm_run(a, b, data, &o));
    if (!ok) fail_msg("%s", rules.env.error.message);
    return r;
}

static bool same_value(const st_vm_slot *x, const st_vm_slot *y, uint64_t row)
{
    bool known = !x->known || st_bit(x->known, row);
    if (known != (!y->known || st_bit(y->known, row))) return false;
    if (!known) return true;
    switch (x->type) {
    case ST_BC_BOOL: return st_bit(x->data, row) == st_bit(y->data, row);
    case ST_BC_I128: return ((const st_i128 *)x->data)[row] == ((const st_i128 *)y->data)[row];
    case ST_BC_TEXT:
        return st_str_eq(st_dict_get(x->dict, ((const uint32_t *)x->data)[row]),
                         st_dict_get(y->dict, ((const uint32_t *)y->data)[row]));
    default: return memcmp((const int64_t *)x->data + row, (const int64_t *)y->data + row, 8) == 0;
    }
}

static void same_slot(const char *name, const st_vm_slot *x, const st_vm_slot *y)
{
    assert_int_equal(x->rows, y->rows);
    for (uint64_t row = 0; row < x->rows; row++)
        if (!same_value(x, y, row)) fail_msg("%s is another in row %llu", name, (unsigned long long)row);
}

/* What a counted slot has to say, from what it holds where all of it is there. */
static uint64_t count_of(const st_vm_slot *x, const uint64_t *population)
{
    uint64_t n = 0;
    for (uint64_t row = 0; row < x->rows; row++)
        n += x->type == ST_BC_BOOL ? st_bit(x->data, row) : st_bit(x->known, row) && st_bit(population, row);
    return n;
}

static void same_notes(const st_vm_result *x, const st_vm_result *y)
{
    assert_int_equal(x->nnotes, y->nnotes);
    for (uint32_t i = 0; i < x->nnotes; i++) {
        assert_int_equal(x->notes[i].kind, y->notes[i].kind);
        assert_int_equal(x->notes[i].count, y->notes[i].count);
    }
}

/* Returns how many outputs were counted without being there. */
static uint32_t compare(const st_bc *b, const st_vm_result *whole, const st_vm_result *streamed)
{
    uint32_t gone = 0;
    for (uint32_t i = 0; i < b->outputs.n; i++) {
        const st_bc_output *out = &b->outputs.p[i];
        const st_def *def = b->schema->defs[out->def];
        const st_vm_slot *x = &whole->slots[out->slot], *y = &streamed->slots[out->slot];
        if (y->data) same_slot(def->name, x, y);
        if (y->data || x->rows == 0) continue;
        gone++;
        assert_true(y->counted);
        uint64_t count = count_of(x, whole->slots[b->population[def->of->index]].data);
        if (y->bits != count)
            fail_msg("%s: %llu are counted, of %llu", def->name, (unsigned long long)y->bits,
                     (unsigned long long)count);
    }
    same_notes(whole, streamed);
    return gone;
}

static uint32_t run_all_ways(const char *text, filling f)
{
    static const uint32_t threads[] = {1, 2, 5}, sizes[] = {64, 0, 192};
    uint32_t gone = 0;
    compile_and_bind(text, f);
    const st_ir_options traits = {.traits = true};
    const st_bc *b = st_compile(rules.a, rules.program, &traits);
    const st_vm_result *whole = run(rules.a, b, (st_vm_options){.threads = 1, .whole = true});
    for (const char *const *isa = st_vm_isas(); *isa; isa++)
        for (size_t t = 0; t < 2 * ST_COUNT(threads); t++) {
            st_arena *a = st_arena_new(&rules.env);
            st_vm_options o = {.threads = threads[t / 2],
                               .batch = sizes[t / 2],
                               .isa = *isa,
                               .counts_only = t % 2 == 1,
                               .profile = t == 2};
            uint32_t n = compare(b, whole, run(a, b, o));
            if (o.counts_only) gone = n;
            st_arena_free(a);
        }
    st_env_close(&rules.env);
    return gone;
}

#define TRAITS                                                                                               \
    "trait n = count(orders)\n"                                                                              \
    "trait n90 = count(orders in last 90 days where kind = \"books\")\n"                                     \
    "trait spend = sum(amount of orders where pieces > 2)\n"                                                 \
    "trait most = max(amount of orders in last 200 days)\n"                                                  \
    "trait least = min(pieces of orders where kind = \"toys\")\n"                                            \
    "trait mean = avg(amount of orders)\n"                                                                   \
    "trait kinds = distinct(kind of orders where amount > 10)\n"                                             \
    "trait lately = last(at of orders)\n"                                                                    \
    "trait any_food = any(orders where kind = \"food\")\n"

/* ---- tests ---- */

static void traits_and_rules(void **unused)
{
    (void)unused;
    static const char text[] = TRAITS "segment a where n90 > 1 and spend > 100\n"
                                      "segment b where kinds = 4 or mean < 120\n"
                                      "segment c where a and not b and most > 200\n"
                                      "trait ratio = spend / n90\n"
                                      "trait huge = n * 900000000000000000\n";
    assert_true(run_all_ways(text, MIXED) >= 10);
    assert_true(run_all_ways(text, GROUPED) >= 10);
    assert_true(run_all_ways(text, NO_ORDERS) >= 10);
    run_all_ways(text, NOBODY);
}

static void questions_about_groups(void **unused)
{
    (void)unused;
    static const char text[] = "trait middle = median(amount of orders)\n"
                               "trait middling = median(rating of orders where pieces > 1)\n"
                               "trait favourite = most_common(kind of orders)\n"
                               "trait often = repeats(kind of orders where amount > 50)\n"
                               "trait of_last = sum(amount of last 3 orders where pieces > 2)\n"
                               "trait busiest = count(orders in any 10 days)\n"
                               "trait best = max(rating of orders)\n"
                               "segment likes_books where favourite = \"books\" and often > 3\n"
                               "segment steady where busiest > 2 and middle > 100 and of_last > middle\n";
    assert_true(run_all_ways(text, MIXED) >= 5);
    assert_true(run_all_ways(text, GROUPED) >= 5);
}

/* Of several views over one entity the last is streamed with her table. */
static void two_views(void **unused)
{
    (void)unused;
    static const char text[] = TRAITS "trait stays = count(visits in last 60 days)\n"
                                      "trait longest = max(seconds of visits)\n"
                                      "trait friends = count(customers by friend)\n"
                                      "segment both where n > 50 and stays >= 1\n"
                                      "segment either where spend > 5000 or longest > 3000 or friends > 2\n";
    assert_true(run_all_ways(text, MIXED) >= 1);
    assert_true(run_all_ways(text, GROUPED) >= 1);
}

/* What a stream makes is ranked, read by rows through their links, and by customers through theirs. */
static void read_later(void **unused)
{
    (void)unused;
    static const char text[] =
        TRAITS "segment top_spend where spend in top 5%\n"
               "segment few_left where n in bottom 100\n"
               "trait above = count(orders where amount > customers.mean)\n"
               "trait of_top = count(orders where customers.top_spend and pieces > 3)\n"
               "trait as_friend = friend.spend\n"
               "trait by_friends = sum(n of customers by friend)\n"
               "segment rich where top_spend and above > 2 or as_friend > 100\n"
               "score model = 3 * n + 2 * kinds\n"
               "tiers level by model { gold top 10%  silver at least 5  other otherwise }\n"
               "rfm loyalty from orders where kind = \"books\" {\n"
               "  recency 5 quantiles  frequency 5 quantiles  monetary 5 quantiles of sum(amount) }\n";
    run_all_ways(text, MIXED);
    run_all_ways(text, GROUPED);
}

/* Instants before now have populations, and orders, of their own. */
static void time_travel(void **unused)
{
    (void)unused;
    static const char text[] = TRAITS "trait earlier = (n as of 90 days ago)\n"
                                      "trait was = (kinds as of 90 days ago)\n"
                                      "segment more where n > earlier + 3\n"
                                      "segment fewer_kinds where kinds <= was\n";
    assert_true(run_all_ways(text, MIXED) >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traits_and_rules), cmocka_unit_test(questions_about_groups),
        cmocka_unit_test(two_views),        cmocka_unit_test(read_later),
        cmocka_unit_test(time_travel),
    };
    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
