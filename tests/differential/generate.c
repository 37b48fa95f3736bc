/* Random well-typed rule sets with small tables. What makes evaluators disagree is sought on purpose: values are drawn from
 * small pools that rules compare with, so that equality and ties are common; times stand around the as-of instant, the edges of
 * windows and the changes of clocks; every column that may be missing often is. */
#include "sample.h"

#include "base/calendar.h"

#include <stdio.h>

typedef enum kind { BOOL, INT, DEC, FLOAT, TEXT, DATE, STAMP, LIST, KINDS } kind;
enum { CUSTOMERS, REGIONS, PRODUCTS, ORDERS, ITEMS, EVENTS, VISITS, TABLES };
static const char *const table_names[TABLES] = {"customers", "regions", "products", "orders",
                                                "items",     "events",  "visits"};

typedef struct column {
    const char *name, *type, *attributes;
    kind kind;
    bool optional;
    int links_to; /* a table, or -1 */
    const char *const *pool;
    uint32_t npool;
} column;

enum { GROUPS = 3 }; /* groups of rows are tables behind the others */

typedef struct table {
    bool there;
    ST_VEC(column) cols;
    int time; /* DATE, STAMP, or -1: rows have no time */
    /* groups: the rows they are made of, whose they are, and how many columns they are made by; fields follow these */
    const char *source_name;
    int source, entity;
    uint32_t nkeys;
} table;

typedef enum naming { TRAIT, SEGMENT, TIERS, RFM, ROWS, PARAM } naming;

/* A definition that rules can name. */
typedef struct named {
    const char *name;
    int table;
    naming what;
    kind kind;    /* trait, param */
    bool is_list; /* param */
    bool has[3];  /* rfm */
    uint32_t nlabels;
    const char *labels[6];
    int base; /* rows: of which table; `table` is whose they are */
} named;

typedef struct gen {
    st_arena *a;
    uint64_t state;
    sample *out;
    table tables[TABLES + GROUPS];
    uint32_t ngroups;
    bool two_links, order_key, int_keys;
    bool near_times; /* times of few parents stand close together, apart by round durations */
    bool skewed;     /* the first parent has many rows */
    bool large;      /* many rows: places are anywhere, most of them in one corner */
    int64_t today;
    const char *clock; /* of the as-of instant, "00:00" where it is a day */
    ST_VEC(named) names;
    uint32_t salts;
    int sequences; /* how many are open around here */
} gen;

/* Where an expression stands: a row of `table`; in a sequence, a row named a of `step_table`. */
typedef struct scope {
    int table, step_table;
    bool inner; /* inside an aggregate */
} scope;

/* ---- chance ---- */

static uint64_t draw(gen *g)
{
    uint64_t z = g->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static uint32_t below(gen *g, uint32_t n)
{
    return (uint32_t)(draw(g) % n);
}

static bool one_in(gen *g, uint32_t n)
{
    return below(g, n) == 0;
}

#define PICK(g, list) ((list)[below((g), ST_COUNT(list))])
#define F(...) st_format(g->a, __VA_ARGS__)

/* ---- pools: values that data have and rules compare with ---- */

static const char *const pool_int[] = {"0", "1", "2", "3", "5", "-1", "10"};
static const char *const pool_wild_int[] = {
    "0", "1", "-1", "7", "9223372036854775807", "-9223372036854775808", "4611686018427387904"};
static const char *const pool_dec[] = {"0.00",  "0.50",  "1.00",  "9.99",  "10.00",
                                       "20.00", "20.01", "-5.25", "100.00"};
static const char *const pool_long_dec[] = {
    "0.000000", "0.333333", "12345678901234567890.123456", "-99999999999999999999.999999",
    "1.000000", "2.500000"};
static const char *const pool_huge[] = {"999999999999999999999999999999999999.99",
                                        "-999999999999999999999999999999999999.99",
                                        "500000000000000000000000000000000000.00", "0.01", "-0.01"};
static const char *const pool_float[] = {"0", "-0.0", "0.1",  "0.5",   "0.25", "0.30000000000000004",
                                         "1", "2.5",  "-1.5", "1e300", "nan"};
static const char *const pool_text[] = {"DE", "AT", "de", "", "D", "ä", "Ä", "ßé", "a b", " DE "};
static const char *const pool_mail[] = {"a@b.de", "X@Y.Com", "nobody", "a@b@c.org", "@", "é@ü.de"};
static const char *const pool_word[] = {"view", "cart", "buy"};
static const char *const pool_bool[] = {"true", "false"};
static const char *const pool_list[] = {"", "vip", "vip;press", "press;Press;x", "x"};
/* Places close together, at the poles, at the line of dates, and none. */
static const char *const pool_lat[] = {"48.137", "48.1371", "48.2", "52.52", "-33.8688", "0",
                                       "90",     "-90",     "91",   "0.5",   "-0.0"};
static const char *const pool_lon[] = {"11.575", "11.5751", "11.6", "13.405", "151.2093", "0",
                                       "180",    "-180",    "181",  "-179.9", "-168.4"};
static const char *const pool_numbers[] = {"", "1", "1;2;3", "3;-1", "2"};

static const char *time_of_day(gen *g, bool seconds)
{
    static const char *const clocks[] = {"00:00", "00:00", "02:30", "03:00", "01:30", "12:00", "09:30"};
    static const char *const full[] = {"23:59:59", "00:00:01", "02:30:15", "12:00:00.5"};
    if (one_in(g, 4)) return g->clock;
    return seconds && one_in(g, 3) ? PICK(g, full) : PICK(g, clocks);
}

static int64_t some_day(gen *g)
{
    static const int days[] = {0,   0,   -1,  -1,  -2,  -6,  -7,  -8,   -13,  -14,  -28,  -29, -30,
                               -31, -32, -59, -60, -61, -90, -92, -180, -364, -365, -366, -731};
    int64_t day = g->today + PICK(g, days);
    if (one_in(g, 12)) day = g->today + 1 + below(g, 9);
    if (one_in(g, 20)) day = st_days_from_civil(2024, 2, 29);
    if (one_in(g, 15)) day = st_days_from_civil(2026, one_in(g, 2) ? 3 : 10, one_in(g, 2) ? 29 : 25);
    return day;
}

static const char *day_text(gen *g, int64_t day)
{
    char text[ST_TIME_TEXT];
    st_format_date(day, text);
    return F("%s", text);
}

/* Hours and minutes before the as-of instant that lie apart by what rules write as durations. */
static const char *near_time(gen *g)
{
    static const int minutes[] = {60,   90,    120,   180,   150,   1440,  1500,  1530, 2880, 2160,
                                  3600, 10080, 11520, 20160, 43200, 53280, 44640, 1441, 0,    -60};
    int64_t second;
    st_parse_date((st_str){g->out->as_of, 10}, &second);
    second = second * 86400 + ((g->clock[0] - '0') * 10 + g->clock[1] - '0') * 3600 +
             ((g->clock[3] - '0') * 10 + g->clock[4] - '0') * 60 - PICK(g, minutes) * 60;
    int64_t day = (second - (second % 86400 + 86400) % 86400) / 86400, rest = second - day * 86400;
    return F("%sT%02d:%02d", day_text(g, day), (int)(rest / 3600), (int)(rest / 60 % 60));
}

/* ---- tables ---- */

static column *add_column(gen *g, int t, const char *name, kind k, const char *type, bool optional,
                          const char *attributes)
{
    column *c = st_push(g->a, &g->tables[t].cols);
    *c = (column){.name = name,
                  .type = type,
                  .attributes = attributes,
                  .kind = k,
                  .optional = optional,
                  .links_to = -1};
    return c;
}

static void set_pool(column *c, const char *const *pool, uint32_t n)
{
    c->pool = pool;
    c->npool = n;
}
#define POOL(c, pool) set_pool((c), (pool), ST_COUNT(pool))

static void add_key(gen *g, int t, const char *name)
{
    add_column(g, t, name, g->int_keys ? INT : TEXT, g->int_keys ? "int" : "string", false, " key");
}

static void add_link(gen *g, int t, const char *name, int to, bool optional)
{
    bool int_key = to == ORDERS || g->int_keys;
    column *c = add_column(g, t, name, int_key ? INT : TEXT, int_key ? "int" : "string", optional,
                           F(" links to %s", table_names[to]));
    c->links_to = to;
}

static void add_time(gen *g, int t, const char *name, kind k, bool optional, const char *attributes)
{
    add_column(g, t, name, k, k == DATE ? "date" : "timestamp", optional, attributes);
}

static void make_customers(gen *g)
{
    int t = CUSTOMERS;
    add_key(g, t, "customer_id");
    if (g->tables[REGIONS].there) add_link(g, t, "region_id", REGIONS, one_in(g, 2));
    POOL(add_column(g, t, "country", TEXT, "string", !one_in(g, 3), ""), pool_text);
    POOL(add_column(g, t, "email", TEXT, "string", true, ""), pool_mail);
    POOL(add_column(g, t, "consent", BOOL, "bool", one_in(g, 2), ""), pool_bool);
    POOL(add_column(g, t, "logins", INT, "int", one_in(g, 2), ""), pool_int);
    if (one_in(g, 3)) POOL(add_column(g, t, "wild", INT, "int", true, ""), pool_wild_int);
    POOL(add_column(g, t, "discount", DEC, "decimal(5,2)", one_in(g, 2), ""), pool_dec);
    if (one_in(g, 3)) POOL(add_column(g, t, "worth", DEC, "decimal(26,6)", true, ""), pool_long_dec);
    POOL(add_column(g, t, "churn", FLOAT, "float", true, ""), pool_float);
    POOL(add_column(g, t, "tags", LIST, "list of string", one_in(g, 2), ""), pool_list);
    if (g->large || one_in(g, 2)) {
        POOL(add_column(g, t, "lat", FLOAT, "float", one_in(g, 2), ""), pool_lat);
        POOL(add_column(g, t, "lon", FLOAT, "float", one_in(g, 2), ""), pool_lon);
    }
    add_time(g, t, "birthday", DATE, true, " fixed");
    g->tables[t].time = one_in(g, 3) ? -1 : one_in(g, 3) ? DATE : STAMP;
    if (g->tables[t].time >= 0) add_time(g, t, "signup", (kind)g->tables[t].time, one_in(g, 3), " time");
}

static void make_regions(gen *g)
{
    add_key(g, REGIONS, "region_id");
    POOL(add_column(g, REGIONS, "rname", TEXT, "string", one_in(g, 2), ""), pool_text);
    POOL(add_column(g, REGIONS, "rank", INT, "int", true, ""), pool_int);
    POOL(add_column(g, REGIONS, "lat", DEC, "decimal(9,4)", one_in(g, 2), ""), pool_lat);
    POOL(add_column(g, REGIONS, "lon", DEC, "decimal(9,4)", one_in(g, 2), ""), pool_lon);
    g->tables[REGIONS].time = -1;
}

static void make_products(gen *g)
{
    add_key(g, PRODUCTS, "product_id");
    POOL(add_column(g, PRODUCTS, "category", TEXT, "string", true, ""), pool_text);
    POOL(add_column(g, PRODUCTS, "price", DEC, "decimal(10,2)", one_in(g, 2), ""), pool_dec);
    g->tables[PRODUCTS].time = one_in(g, 3) ? DATE : -1;
    if (g->tables[PRODUCTS].time >= 0) add_time(g, PRODUCTS, "launched", DATE, false, " time");
}

static void make_orders(gen *g)
{
    int t = ORDERS;
    add_column(g, t, "order_id", INT, "int", false, g->order_key ? " key" : "");
    add_link(g, t, "customer_id", CUSTOMERS, one_in(g, 3));
    if (g->two_links) add_link(g, t, "recipient_id", CUSTOMERS, true);
    g->tables[t].time = one_in(g, 3) ? DATE : STAMP;
    add_time(g, t, "ordered_at", (kind)g->tables[t].time, one_in(g, 4), " time");
    if (one_in(g, 4)) add_time(g, t, "booked_at", one_in(g, 2) ? DATE : STAMP, one_in(g, 2), " recorded");
    POOL(add_column(g, t, "amount", DEC, "decimal(12,2)", one_in(g, 2), ""), pool_dec);
    POOL(add_column(g, t, "status", TEXT, "string", one_in(g, 3), one_in(g, 3) ? " changes" : ""), pool_word);
    POOL(add_column(g, t, "pieces", INT, "int", one_in(g, 2), ""), pool_int);
    POOL(add_column(g, t, "weight", FLOAT, "float", true, ""), pool_float);
    if (one_in(g, 3)) POOL(add_column(g, t, "codes", LIST, "list of int", true, ""), pool_numbers);
    if (one_in(g, 4)) POOL(add_column(g, t, "huge", DEC, "decimal(38,2)", true, ""), pool_huge);
    if (one_in(g, 4)) POOL(add_column(g, t, "wild", INT, "int", true, ""), pool_wild_int);
}

static void make_items(gen *g)
{
    add_link(g, ITEMS, "order_id", ORDERS, one_in(g, 3));
    if (g->tables[PRODUCTS].there) add_link(g, ITEMS, "product_id", PRODUCTS, one_in(g, 3));
    POOL(add_column(g, ITEMS, "quantity", INT, "int", one_in(g, 2), ""), pool_int);
    POOL(add_column(g, ITEMS, "note", TEXT, "string", true, ""), pool_text);
    g->tables[ITEMS].time = g->tables[ORDERS].time;
}

static void make_events(gen *g)
{
    add_link(g, EVENTS, "customer_id", CUSTOMERS, false);
    if (g->tables[PRODUCTS].there) add_link(g, EVENTS, "product_id", PRODUCTS, true);
    g->tables[EVENTS].time = one_in(g, 5) ? DATE : STAMP;
    add_time(g, EVENTS, "at", (kind)g->tables[EVENTS].time, one_in(g, 4), " time");
    POOL(add_column(g, EVENTS, "name", TEXT, "string", one_in(g, 3), ""), pool_word);
    POOL(add_column(g, EVENTS, "value", DEC, "decimal(8,3)", true, ""), pool_dec);
}

static void make_visits(gen *g)
{
    add_link(g, VISITS, "customer_id", CUSTOMERS, false);
    g->tables[VISITS].time = one_in(g, 2) ? DATE : STAMP;
    add_time(g, VISITS, "starts", (kind)g->tables[VISITS].time, one_in(g, 3), " planned");
    POOL(add_column(g, VISITS, "room", INT, "int", true, ""), pool_int);
    POOL(add_column(g, VISITS, "lat", FLOAT, "float", true, ""), pool_lat);
    POOL(add_column(g, VISITS, "lon", FLOAT, "float", true, ""), pool_lon);
}

static const char *text_literal(gen *g, const char *s)
{
    return F("\"%s\"", s);
}

static const char *cell(gen *g, const column *c)
{
    if (c->optional && one_in(g, 4)) return NULL;
    bool lat = c->pool == pool_lat, lon = c->pool == pool_lon;
    if (g->large && (lat || lon) && !one_in(g, 8)) {
        int degrees = one_in(g, 4) ? (int)below(g, lat ? 180 : 360) - (lat ? 90 : 180) : lat ? 48 : 11;
        return F("%d.%04u", degrees, below(g, 10000));
    }
    switch (c->kind) {
    case DATE: return day_text(g, some_day(g));
    case STAMP:
        if (g->near_times && !one_in(g, 8)) return near_time(g);
        return F("%sT%s", day_text(g, some_day(g)), time_of_day(g, true));
    default: return c->pool[below(g, c->npool)];
    }
}

static uint32_t row_count(gen *g, int t, bool large)
{
    static const uint32_t most[TABLES] = {14, 4, 6, 40, 50, 40, 12};
    /* Around the sizes of words and batches. */
    static const uint32_t edges[] = {63, 64, 65, 127, 128, 129, 4095, 4096, 4097, 8192, 9000, 12345};
    if (large) return t == REGIONS || t == PRODUCTS ? 1 + below(g, 300) : PICK(g, edges);
    uint32_t n = below(g, most[t] + 1);
    return t == CUSTOMERS && n == 0 ? 1 : n;
}

static const char *key_text(gen *g, int t, uint32_t i)
{
    if (t == ORDERS) return F("%u", i * 3 + 1);
    return g->int_keys ? F("%d", (int)i * 2 - 5) : F("%c%u", table_names[t][0], i);
}

static void fill_table(gen *g, int t, const uint32_t *rows)
{
    table *from = &g->tables[t];
    sample_table *out = st_new(g->a, sample_table);
    *st_push(g->a, &g->out->tables) = out;
    out->name = table_names[t];
    out->ncols = from->cols.n;
    out->cols = st_new_n(g->a, const char *, out->ncols);
    for (uint32_t c = 0; c < out->ncols; c++) out->cols[c] = from->cols.p[c].name;
    for (uint32_t r = 0; r < rows[t]; r++) {
        const char **cells = st_new_n(g->a, const char *, out->ncols);
        for (uint32_t c = 0; c < out->ncols; c++) {
            const column *col = &from->cols.p[c];
            if (col->links_to >= 0) {
                uint32_t parents = rows[col->links_to] + (one_in(g, 10) ? 2 : 0);
                bool missing = col->optional && one_in(g, 5);
                uint32_t among = g->near_times ? ST_MIN(parents, 3) : parents;
                uint32_t parent = parents ? below(g, among) : 99;
                if (g->skewed && r < 300 && one_in(g, 2)) parent = 0;
                cells[c] = missing ? NULL : key_text(g, col->links_to, parent);
            } else if (col->pool || col->kind == DATE || col->kind == STAMP) {
                cells[c] = cell(g, col);
            } else {
                cells[c] = key_text(g, t, r);
            }
        }
        *st_push(g->a, &out->rows) = cells;
    }
}

/* ---- names and literals in rules ---- */

static const char *list_of(gen *g, kind k);

static const char *literal(gen *g, kind k)
{
    switch (k) {
    case BOOL: return PICK(g, pool_bool);
    case INT: return one_in(g, 12) ? "4611686018427387904" : PICK(g, pool_int);
    case DEC: return PICK(g, pool_dec);
    case FLOAT: return one_in(g, 2) ? "0.5" : "0.25";
    case TEXT: return text_literal(g, one_in(g, 2) ? PICK(g, pool_word) : PICK(g, pool_text));
    case DATE: return day_text(g, some_day(g));
    default: return F("%sT%s", day_text(g, some_day(g)), time_of_day(g, false));
    }
}

static const named *pick_name(gen *g, naming what, int t, int k)
{
    const named *found = NULL;
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->names.n; i++) {
        const named *x = &g->names.p[i];
        if (x->what != what || x->table != t || (k >= 0 && (int)x->kind != k)) continue;
        if (below(g, ++n) == 0) found = x;
    }
    return found;
}

/* What stands behind `in`. */
static const char *list_of(gen *g, kind k)
{
    const named *p = one_in(g, 2) ? pick_name(g, PARAM, -1, (int)k) : NULL;
    if (p && p->is_list) return p->name;
    const char *one = literal(g, k), *two = literal(g, k), *three = literal(g, k == INT ? DEC : k);
    return F("(%s, %s, %s)", one, two, three);
}

static const char *pick_column(gen *g, int t, kind k)
{
    const char *found = NULL;
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->tables[t].cols.n; i++)
        if (g->tables[t].cols.p[i].kind == k && below(g, ++n) == 0) found = g->tables[t].cols.p[i].name;
    return found;
}

/* What a row of table t can be asked to read: the word before the dot, and the table read. */
static int parent_of(gen *g, int t, const char **word)
{
    int to[3], n = 0;
    const char *via = one_in(g, 2) ? "customer_id" : "recipient_id";
    bool regions = g->tables[REGIONS].there, products = g->tables[PRODUCTS].there;
    switch (t) {
    case CUSTOMERS:
        if (regions) to[n++] = REGIONS;
        break;
    case ORDERS: to[n++] = CUSTOMERS; break;
    case ITEMS:
        to[n++] = ORDERS;
        to[n++] = CUSTOMERS;
        if (products) to[n++] = PRODUCTS;
        break;
    case EVENTS:
        to[n++] = CUSTOMERS;
        if (products) to[n++] = PRODUCTS;
        if (regions) to[n++] = REGIONS;
        break;
    case VISITS: to[n++] = CUSTOMERS; break;
    default:
        if (t >= TABLES) to[n++] = g->tables[t].entity;
        break;
    }
    if (n == 0) return -1;
    int parent = to[below(g, (uint32_t)n)];
    *word = table_names[parent];
    if (parent == CUSTOMERS && g->two_links && (t == ORDERS || t == ITEMS)) *word = via;
    return parent;
}

/* ---- durations, windows and sources ---- */

static const char *duration(gen *g, bool hours)
{
    static const char *const days[] = {"1 day",    "7 days",    "2 weeks", "30 days", "1 month",
                                       "3 months", "1 quarter", "60 days", "1 year"};
    static const char *const short_ones[] = {"1 hour", "24 hours", "90 minutes", "36 hours"};
    return hours && one_in(g, 4) ? PICK(g, short_ones) : PICK(g, days);
}

static const char *expr(gen *g, scope s, kind k, int depth);
static const char *rfm_number(gen *g, const named *r, kind k);
static const char *condition(gen *g, scope s, int depth);

/* The right side of a time phrase. */
static const char *time_point(gen *g, scope s, bool hours)
{
    switch (below(g, 8)) {
    case 0: return "now";
    case 1: return PICK(g, ((const char *const[]){"today", "yesterday", "tomorrow"}));
    case 2:
    case 3: return F("%s ago", duration(g, hours));
    case 4: return literal(g, STAMP);
    case 5: {
        const char *c = pick_column(g, s.table, one_in(g, 2) ? DATE : STAMP);
        if (c) return c;
    } /* fall through */
    default: return literal(g, DATE);
    }
}

static const char *window(gen *g, scope s, bool hours)
{
    static const char *const units[] = {"day", "week", "month", "quarter", "year"};
    switch (below(g, 13)) {
    case 0:
    case 1:
    case 2: {
        const named *p = one_in(g, 5) ? pick_name(g, PARAM, -1, STAMP) : NULL;
        return F("in last %s", p ? p->name : duration(g, hours));
    }
    case 3: return F("in next %s", duration(g, hours));
    case 4: return F("in last %u calendar %ss", 1 + below(g, 3), PICK(g, units));
    case 5: return F("in this %s", PICK(g, units));
    case 6: return F("in previous %s", PICK(g, units));
    case 7: return F("before %s", time_point(g, s, hours));
    case 8: return F("after %s", time_point(g, s, hours));
    case 9: return F("since %s", time_point(g, s, hours));
    case 10: return F("on %s", time_point(g, s, hours));
    default: return F("between %s and %s", time_point(g, s, hours), time_point(g, s, hours));
    }
}

/* A table whose rows belong to rows of t; -1: none. */
static int child_of(gen *g, int t)
{
    static const int of_customer[] = {ORDERS, ORDERS, ORDERS, ITEMS, EVENTS, EVENTS, VISITS};
    static const int of_region[] = {CUSTOMERS, ORDERS, ITEMS, EVENTS, VISITS};
    static const int of_product[] = {ITEMS, EVENTS};
    int child = t == CUSTOMERS                ? PICK(g, of_customer)
                : t == REGIONS                ? PICK(g, of_region)
                : t == PRODUCTS               ? PICK(g, of_product)
                : t == ORDERS && g->order_key ? ITEMS
                                              : -1;
    return child >= 0 && g->tables[child].there ? child : -1;
}

static const char *by_link(gen *g, int entity, int child)
{
    bool two_ways =
        g->two_links && (child == ORDERS || child == ITEMS) && (entity == CUSTOMERS || entity == REGIONS);
    return !two_ways ? "" : one_in(g, 2) ? " by customer_id" : " by recipient_id";
}

typedef struct source {
    int table;
    const char *text;  /* without where */
    const char *where; /* "" or " where …" */
} source;

/* Rows of an entity; false: it has none. `windows`: a window may stand there. */
static bool make_source(gen *g, scope s, int depth, bool windows, source *out)
{
    const named *rows = one_in(g, 3) ? pick_name(g, ROWS, s.table, -1) : NULL;
    bool groups = s.table >= TABLES; /* they know their own rows only */
    int child = groups ? g->tables[s.table].source : rows ? rows->base : child_of(g, s.table);
    if (child < 0) return false;
    out->table = child;
    scope in = {child, -1, true}; /* the machine does not ask aggregates about a chosen row */
    const char *head = groups ? g->tables[s.table].source_name
                       : rows ? rows->name
                              : F("%s%s", table_names[child], by_link(g, s.table, child));
    bool timed = g->tables[child].time >= 0;
    if (timed && windows && one_in(g, 6) && !rows) head = F("last %u %s", 1 + below(g, 3), head);
    const char *w =
        timed && windows && one_in(g, 2) ? F(" %s", window(g, in, g->tables[child].time == STAMP)) : "";
    out->text = F("%s%s", head, w);
    out->where = depth > 0 && one_in(g, 2) ? F(" where %s", condition(g, in, depth - 1)) : "";
    return true;
}

/* ---- values ---- */

static const char *number(gen *g, scope s, int depth)
{
    return expr(g, s, one_in(g, 3) ? FLOAT : one_in(g, 2) ? INT : DEC, depth);
}

static const char *exact(gen *g, scope s, int depth)
{
    return expr(g, s, one_in(g, 2) ? INT : DEC, depth);
}

static const char *time_value(gen *g, scope s, int depth, kind *k)
{
    *k = one_in(g, 2) ? DATE : STAMP;
    return expr(g, s, *k, depth);
}

/* Something over rows, of the kind asked for; NULL: there is none. */
static const char *aggregate(gen *g, scope s, kind k, int depth)
{
    source r;
    if (!make_source(g, s, depth, true, &r)) return NULL;
    scope in = {r.table, -1, true};
    const char *text = r.text, *where = r.where;
    if (k == INT && !one_in(g, 3)) {
        source plain;
        bool timed = g->tables[r.table].time >= 0;
        switch (below(g, 4)) {
        case 0:
            if (timed && make_source(g, s, depth, false, &plain) && g->tables[plain.table].time >= 0)
                return F("count(%s in any %s%s)", plain.text,
                         duration(g, g->tables[plain.table].time == STAMP), plain.where);
            return F("count(%s%s)", text, where);
        case 1: return F("distinct(%s of %s%s)", expr(g, in, (kind)below(g, LIST), depth - 1), text, where);
        case 2: return F("repeats(%s of %s%s)", expr(g, in, (kind)below(g, LIST), depth - 1), text, where);
        default: return F("count(%s%s)", text, where);
        }
    }
    if (k == DEC && one_in(g, 3)) {
        switch (below(g, 4)) {
        case 0: return F("share(%s where %s)", text, condition(g, in, depth - 1));
        case 1:
            return F("share(%s of %s where %s)", exact(g, in, depth - 1), text, condition(g, in, depth - 1));
        case 2: return F("avg(%s of %s%s)", exact(g, in, depth - 1), text, where);
        default: return F("median(%s of %s%s)", exact(g, in, depth - 1), text, where);
        }
    }
    static const char *const any_value[] = {"first", "last", "most_common"};
    static const char *const ordered[] = {"first", "last", "most_common", "min", "max"};
    const char *f = k == BOOL ? PICK(g, any_value) : PICK(g, ordered);
    if (g->tables[r.table].time < 0 && (*f == 'f' || *f == 'l')) f = "most_common";
    if (k == FLOAT && one_in(g, 4)) f = "median";
    if ((k == INT || k == DEC) && one_in(g, 3)) f = "sum";
    return F("%s(%s of %s%s)", f, expr(g, in, k, depth - 1), text, where);
}

/* An instant for `as of`, never later than the one in force. */
static const char *earlier(gen *g)
{
    if (one_in(g, 4)) return day_text(g, g->today - 1 - below(g, 60));
    return F("%s ago", duration(g, true));
}

static const char *rfm_number(gen *g, const named *r, kind k)
{
    static const char *const scores[3] = {"r", "f", "m"}, *const raws[3] = {"recency", "frequency",
                                                                            "monetary"};
    uint32_t part = below(g, 3);
    if (!r->has[part]) return NULL;
    if (k == INT && part < 2 && one_in(g, 3)) return F("%s.%s", r->name, raws[part]);
    if (k == INT) return F("%s.%s", r->name, scores[part]);
    return k == DEC && part == 2 ? F("%s.%s", r->name, raws[part]) : NULL;
}

static const char *int_expr(gen *g, scope s, int depth)
{
    kind k;
    switch (below(g, 10)) {
    case 0:
        return F("(%s %c %s)", expr(g, s, INT, depth - 1), "+-*"[below(g, 3)], expr(g, s, INT, depth - 1));
    case 1: return F("length(%s)", expr(g, s, TEXT, depth - 1));
    case 2: {
        static const char *const parts[] = {"year", "quarter", "month", "day", "week"};
        return F("%s of %s", PICK(g, parts), F("(%s)", time_value(g, s, depth - 1, &k)));
    }
    case 3: {
        static const char *const units[] = {"days", "weeks", "months", "years"};
        if (one_in(g, 4))
            return F("%s since (%s)", one_in(g, 2) ? "hours" : "minutes", expr(g, s, STAMP, depth - 1));
        return F("%s since (%s)", PICK(g, units), time_value(g, s, depth - 1, &k));
    }
    case 4: {
        static const char *const units[] = {"days", "weeks", "months", "quarters", "years"};
        const char *a = time_value(g, s, depth - 1, &k), *b = time_value(g, s, depth - 1, &k);
        return F("(%s from (%s) to (%s))", PICK(g, units), a, b);
    }
    case 5: return F("hours from (%s) to (%s)", expr(g, s, STAMP, depth - 1), expr(g, s, STAMP, depth - 1));
    case 6: return F("hour of (%s)", expr(g, s, STAMP, depth - 1));
    case 7:
        return F("%s(%s)", PICK(g, ((const char *const[]){"abs", "-", "round", "floor", "ceil"})),
                 exact(g, s, depth - 1));
    default:
        return F("%s(%s, %s)", one_in(g, 2) ? "min" : "max", expr(g, s, INT, depth - 1),
                 expr(g, s, INT, depth - 1));
    }
}

static const char *dec_expr(gen *g, scope s, int depth)
{
    const char *a = exact(g, s, depth - 1);
    switch (below(g, 7)) {
    case 0: return F("(%s / %s)", a, exact(g, s, depth - 1));
    case 1: return F("(%s %s %s)", a, one_in(g, 2) ? "+" : "-", exact(g, s, depth - 1));
    case 2: return F("(%s * %s)", a, literal(g, DEC));
    case 3: return F("round(%s, %u)", a, below(g, 4));
    case 4: return F("%s(%s)", PICK(g, ((const char *const[]){"abs", "-"})), expr(g, s, DEC, depth - 1));
    default: return F("%s(%s, %s)", one_in(g, 2) ? "min" : "max", a, exact(g, s, depth - 1));
    }
}

static const char *float_expr(gen *g, scope s, int depth)
{
    const char *a = expr(g, s, FLOAT, depth - 1);
    switch (below(g, 4)) {
    case 0:
        return F("(%s %s %s)", a, PICK(g, ((const char *const[]){"+", "-", "*", "/"})),
                 number(g, s, depth - 1));
    case 1:
        return F("(%s %s %s)", exact(g, s, depth - 1), PICK(g, ((const char *const[]){"+", "-", "*", "/"})),
                 a);
    case 2: return F("%s(%s)", PICK(g, ((const char *const[]){"abs", "-", "round", "floor", "ceil"})), a);
    default: return F("%s(%s, %s)", one_in(g, 2) ? "min" : "max", a, expr(g, s, FLOAT, depth - 1));
    }
}

static const char *shifted(gen *g, scope s, kind k, int depth)
{
    static const char *const units[] = {"days", "weeks", "months", "years"};
    const char *x = expr(g, s, k, depth - 1), *sign = one_in(g, 2) ? "+" : "-",
               *c = pick_column(g, s.table, INT);
    if (c && one_in(g, 3) && strcmp(c, "wild") != 0 && strcmp(c, "order_id") != 0)
        return F("(%s %s %s %s)", x, sign, c, PICK(g, units));
    return F("(%s %s %s)", x, sign, duration(g, k == STAMP));
}

static const char *compound(gen *g, scope s, kind k, int depth)
{
    switch (k) {
    case INT: return int_expr(g, s, depth);
    case DEC: return dec_expr(g, s, depth);
    case FLOAT: return float_expr(g, s, depth);
    case TEXT:
        return F("%s(%s)", PICK(g, ((const char *const[]){"lower", "upper", "trim", "domain"})),
                 expr(g, s, TEXT, depth - 1));
    case DATE: {
        kind other;
        if (one_in(g, 2)) return shifted(g, s, DATE, depth);
        return F("calendar %s of (%s)", PICK(g, ((const char *const[]){"week", "month", "quarter", "year"})),
                 time_value(g, s, depth - 1, &other));
    }
    case STAMP: return shifted(g, s, STAMP, depth);
    default: return condition(g, s, depth);
    }
}

/* A column, a definition or a literal. */
static const char *leaf(gen *g, scope s, kind k)
{
    const char *word, *c;
    if (s.step_table >= 0 && one_in(g, 3) && (c = pick_column(g, s.step_table, k)) != NULL)
        return F("a.%s", c);
    const named *n = one_in(g, 3) ? pick_name(g, TRAIT, s.table, (int)k) : NULL;
    if (n) return n->name;
    n = (k == INT || k == DEC) && one_in(g, 3) ? pick_name(g, RFM, s.table, -1) : NULL;
    if (n && (c = rfm_number(g, n, k)) != NULL) return c;
    if (one_in(g, 4)) {
        int parent = parent_of(g, s.table, &word);
        n = parent >= 0 && one_in(g, 3) ? pick_name(g, TRAIT, parent, (int)k) : NULL;
        if (n) return F("%s.%s", word, n->name);
        n = parent >= 0 && one_in(g, 2) ? pick_name(g, RFM, parent, -1) : NULL;
        if (n && (c = rfm_number(g, n, k)) != NULL) return F("%s.%s", word, c);
        if (parent >= 0 && (c = pick_column(g, parent, k)) != NULL) return F("%s.%s", word, c);
    }
    if ((n = one_in(g, 6) ? pick_name(g, PARAM, -1, (int)k) : NULL) != NULL && !n->is_list && k != STAMP)
        return n->name;
    if ((c = pick_column(g, s.table, k)) != NULL) return c;
    if (k == STAMP && (c = pick_column(g, s.table, DATE)) == NULL && one_in(g, 2)) return "now";
    return literal(g, k);
}

static const char *expr(gen *g, scope s, kind k, int depth)
{
    if (depth <= 0) return leaf(g, s, k);
    switch (below(g, s.inner ? 16 : 12)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 8:
    case 9: {
        const char *t = aggregate(g, s, k, depth);
        return t ? t : leaf(g, s, k);
    }
    case 4:
    case 5: return compound(g, s, k, depth);
    case 6: {
        const char *t = leaf(g, s, k);
        bool number_or_text = strchr("-0123456789\"", *t) != NULL;
        if (number_or_text) return t;
        return F(k == BOOL ? "(%s if missing (%s))" : "(%s if missing %s)", t, expr(g, s, k, depth - 1));
    }
    case 7:
        return s.inner || s.step_table >= 0 ? leaf(g, s, k)
                                            : F("(%s as of %s)", expr(g, s, k, depth - 1), earlier(g));
    default: return leaf(g, s, k);
    }
}

/* ---- conditions ---- */

static const char *text_condition(gen *g, scope s, int depth)
{
    static const char *const compare[] = {"=", "!=", "<", "<=", ">", ">="};
    static const char *const tests[] = {"starts with", "ends with", "contains"};
    static const char *const patterns[] = {"^[a-z]+$",        "[dD]",     "@.*\\\\.",    "^$",
                                           "(ie|ar|uy){1,2}", "^.{1,3}$", "\\\\s|\\\\d", "^[^a]"};
    const char *x = expr(g, s, TEXT, depth - 1), *fold = one_in(g, 3) ? " ignoring case" : "";
    switch (below(g, 7)) {
    case 0: return F("%s %s %s%s", x, PICK(g, tests), literal(g, TEXT), fold);
    case 1: return F("%s %s any of (%s, %s)%s", x, PICK(g, tests), literal(g, TEXT), literal(g, TEXT), fold);
    case 2: return F("%s contains all of (%s, %s)%s", x, literal(g, TEXT), literal(g, TEXT), fold);
    case 3: return F("%s matches \"%s\"%s", x, PICK(g, patterns), fold);
    case 4: return F("%s %s %s%s", x, one_in(g, 2) ? "in" : "not in", list_of(g, TEXT), fold);
    case 5: return F("%s %s %s%s", x, PICK(g, compare), expr(g, s, TEXT, depth - 1), fold);
    default: return F("%s %s %s%s", x, PICK(g, compare), literal(g, TEXT), fold);
    }
}

static const char *number_condition(gen *g, scope s, int depth)
{
    static const char *const compare[] = {"=", "!=", "<", "<=", ">", ">="};
    const char *x = depth > 0 && one_in(g, 3) ? aggregate(g, s, INT, depth) : NULL;
    if (!x) x = number(g, s, depth - 1);
    switch (below(g, 6)) {
    case 0: return F("%s between %s and %s", x, number(g, s, depth - 1), literal(g, DEC));
    case 1: return F("%s %s %s", exact(g, s, depth - 1), one_in(g, 2) ? "in" : "not in", list_of(g, INT));
    case 2: return F("%s %s %s", x, PICK(g, compare), number(g, s, depth - 1));
    default: return F("%s %s %s", x, PICK(g, compare), literal(g, one_in(g, 2) ? INT : DEC));
    }
}

static const char *time_condition(gen *g, scope s, int depth)
{
    kind k;
    const char *x = time_value(g, s, depth - 1, &k);
    if (one_in(g, 5)) return F("anniversary of (%s) %s", x, window(g, s, false));
    if (one_in(g, 6)) return F("weekday of (%s) %s", x, one_in(g, 2) ? "in (saturday, sunday)" : "= monday");
    return F("%s %s", x, window(g, s, k == STAMP));
}

static const char *list_condition(gen *g, scope s)
{
    const char *c = pick_column(g, s.table, LIST);
    if (!c) return NULL;
    if (strcmp(c, "codes") == 0) return F("codes contains %s", literal(g, INT));
    const char *fold = one_in(g, 3) ? " ignoring case" : "";
    switch (below(g, 4)) {
    case 0:
        return F("%s contains %s of (\"vip\", \"press\", \"X\")%s", c, one_in(g, 2) ? "any" : "all", fold);
    case 1: return F("%s is %s", c, one_in(g, 2) ? "missing" : "known");
    default:
        return F("%s contains %s%s", c, PICK(g, ((const char *const[]){"\"vip\"", "\"press\"", "\"PRESS\""})),
                 fold);
    }
}

static const char *named_condition(gen *g, scope s)
{
    const named *n;
    const char *word;
    switch (below(g, 4)) {
    case 0:
        if ((n = pick_name(g, TIERS, s.table, -1)) == NULL) return NULL;
        if (one_in(g, 4)) return F("%s is %s", n->name, one_in(g, 2) ? "missing" : "known");
        if (one_in(g, 3))
            return F("%s %s (%s, %s)", n->name, one_in(g, 2) ? "in" : "not in", n->labels[0],
                     n->labels[n->nlabels - 1]);
        return F("%s %s %s", n->name, one_in(g, 3) ? "!=" : "=", n->labels[below(g, n->nlabels)]);
    case 1:
        if ((n = pick_name(g, RFM, s.table, -1)) == NULL) return NULL;
        if (n->nlabels && one_in(g, 2)) return F("%s = %s", n->name, n->labels[below(g, n->nlabels)]);
        return F("%s.cell %s \"%u%u\"", n->name, one_in(g, 2) ? "starts with" : ">=", 1 + below(g, 5),
                 1 + below(g, 5));
    case 2: {
        int parent = parent_of(g, s.table, &word);
        if (parent >= 0 && one_in(g, 2) && (n = pick_name(g, TIERS, parent, -1)) != NULL)
            return F("%s.%s = %s", word, n->name, n->labels[below(g, n->nlabels)]);
        if (parent < 0 || (n = pick_name(g, SEGMENT, parent, -1)) == NULL) return NULL;
        return F("%s.%s", word, n->name);
    }
    default: return (n = pick_name(g, SEGMENT, s.table, -1)) != NULL ? n->name : NULL;
    }
}

static const char *amount(gen *g)
{
    static const char *const shares[] = {"10%", "50%", "33.3%", "1%", "99.9%", "100%"};
    return one_in(g, 2) ? PICK(g, shares) : F("%u", 1 + below(g, 5));
}

static bool has_key(gen *g, int t)
{
    return t == CUSTOMERS || t == REGIONS || t == PRODUCTS || (t == ORDERS && g->order_key);
}

static const char *rank_condition(gen *g, scope s, int depth)
{
    if (!has_key(g, s.table) || s.inner || s.step_table >= 0) return NULL;
    kind k;
    const char *x = one_in(g, 4) ? time_value(g, s, depth - 1, &k) : number(g, s, depth - 1);
    const named *n = one_in(g, 3) ? pick_name(g, SEGMENT, s.table, -1) : NULL;
    return F("%s in %s %s%s", x, one_in(g, 2) ? "top" : "bottom", amount(g),
             n ? F(" among %s", n->name) : "");
}

/* In a sequence a bare any(…) or no(…) would be a step of its own. */
static const char *row_condition(gen *g, scope s)
{
    const char *t = condition(g, s, 1);
    bool step = strncmp(t, "any(", 4) == 0 || strncmp(t, "no(", 3) == 0;
    return step ? F("not (%s)", t) : t;
}

static const char *step_condition(gen *g, int t, bool named_step)
{
    scope s = {t, named_step ? t : -1, true};
    if (named_step && one_in(g, 2)) {
        const char *c = pick_column(g, t, PICK(g, ((const kind[]){TEXT, DEC, INT})));
        if (c) return F("%s %s a.%s", c, PICK(g, ((const char *const[]){"=", "!=", ">=", "<"})), c);
    }
    const char *c = pick_column(g, t, TEXT);
    if (c && one_in(g, 2)) return F("%s = %s", c, text_literal(g, PICK(g, pool_word)));
    return row_condition(g, s);
}

/* A step over rows of another table with times of the same kind, or of the same one. */
static const char *other_step(gen *g, int entity, int t, bool no, bool named_step)
{
    int child = child_of(g, entity);
    if (child < 0 || g->tables[child].time != g->tables[t].time) child = t;
    const char *where = "";
    if (one_in(g, 2)) {
        scope s = {child, named_step ? t : -1, true};
        where = F(" where %s", child == t ? step_condition(g, t, named_step) : condition(g, s, 1));
    }
    return F("%s(%s%s%s)", no ? "no" : "any", table_names[child], by_link(g, entity, child), where);
}

static const char *step_limit(gen *g, bool hours)
{
    static const char *const exact[] = {"1 hour", "90 minutes", "24 hours", "1 day", "30 minutes", "7 days"};
    return hours && !one_in(g, 3) ? PICK(g, exact) : duration(g, hours);
}

static const char *sequence(gen *g, scope s)
{
    int t = child_of(g, s.table);
    if (t < 0 || g->tables[t].time < 0) return NULL;
    bool hours = g->tables[t].time == STAMP, chosen = false, named_step = false;
    g->sequences++;
    scope in = {t, -1, true};
    st_buf b = {0};
    st_buf_printf(g->a, &b, "sequence(%s%s%s:", table_names[t], by_link(g, s.table, t),
                  one_in(g, 3) ? F(" %s", window(g, in, hours)) : "");
    uint32_t n = 1 + below(g, 3), rows = 0;
    for (uint32_t i = 0; i <= n; i++) {
        bool last = i == n;
        const char *within = chosen && one_in(g, 2) ? F("within %s ", step_limit(g, hours)) : "";
        uint32_t what = below(g, 6);
        if (last && rows == 0) what = 5;
        if (i) st_buf_puts(g->a, &b, " then");
        if (what < 2) {
            st_buf_printf(g->a, &b, " %s%s", within, other_step(g, s.table, t, true, named_step));
            continue;
        }
        rows++;
        if (what == 2) {
            st_buf_printf(g->a, &b, " %s%s", within, other_step(g, s.table, t, false, named_step));
        } else {
            bool name = !named_step && g->sequences == 1 && one_in(g, 2);
            st_buf_printf(g->a, &b, " %s%s%s", within, step_condition(g, t, named_step), name ? " as a" : "");
            named_step = named_step || name;
        }
        chosen = true;
    }
    st_buf_puts(g->a, &b, ")");
    g->sequences--;
    return st_buf_text(g->a, &b);
}

/* The most common label of rows, and the like. */
static const char *label_condition(gen *g, scope s, int depth)
{
    static const char *const functions[] = {"most_common", "first", "last"};
    source r;
    if (!make_source(g, s, depth, true, &r)) return NULL;
    scope in = {r.table, -1, true};
    const named *tiers = pick_name(g, TIERS, r.table, -1);
    const char *f = g->tables[r.table].time >= 0 ? PICK(g, functions) : functions[0];
    kind k;
    if (tiers)
        return F("%s(%s of %s%s) = %s", f, tiers->name, r.text, r.where,
                 tiers->labels[below(g, tiers->nlabels)]);
    const char *time = time_value(g, in, depth - 1, &k);
    if (one_in(g, 3)) return F("distinct(weekday of (%s) of %s%s) >= 2", time, r.text, r.where);
    return F("%s(weekday of (%s) of %s%s) %s sunday", f, time, r.text, r.where, one_in(g, 2) ? "=" : "!=");
}

static const char *behaviour(gen *g, scope s, int depth)
{
    source r;
    switch (below(g, 8)) {
    case 3: return label_condition(g, s, depth);
    case 0:
    case 2: return s.step_table >= 0 ? NULL : sequence(g, s);
    case 1: {
        static const char *const units[] = {"weeks", "days", "months", "quarters", "years"};
        if (!make_source(g, s, depth, false, &r) || g->tables[r.table].time < 0) return NULL;
        uint32_t of = 1 + below(g, 6);
        return F("any(%s%s) in at least %u of last %u %s", r.text, r.where, 1 + below(g, of), of,
                 PICK(g, units));
    }
    default:
        if (!make_source(g, s, depth, true, &r)) return NULL;
        return F("%s(%s%s)", one_in(g, 2) ? "any" : "no", r.text, r.where);
    }
}

static const char *basic_condition(gen *g, scope s, int depth)
{
    const char *t = NULL, *c;
    switch (below(g, 19)) {
    case 0:
    case 1: return number_condition(g, s, depth);
    case 2: return text_condition(g, s, depth);
    case 3:
    case 4: return time_condition(g, s, depth);
    case 5:
    case 6:
    case 7:
    case 13:
    case 14:
    case 15: t = depth > 0 ? behaviour(g, s, depth) : NULL; break;
    case 8: t = rank_condition(g, s, depth); break;
    case 9:
    case 16:
    case 17:
        for (int i = 0; i < 4 && !t; i++) t = named_condition(g, s);
        break;
    case 10: t = list_condition(g, s); break;
    case 11:
        if ((c = pick_column(g, s.table, (kind)below(g, LIST))) != NULL)
            t = F("%s is %s", c, one_in(g, 2) ? "missing" : "known");
        break;
    case 12:
        if (has_key(g, s.table) && !s.inner && one_in(g, 3))
            t = F("sample %s salt \"s%u\"", PICK(g, ((const char *const[]){"10%", "50%", "33.3%"})),
                  g->salts++);
        break;
    default:
        if ((c = pick_column(g, s.table, BOOL)) == NULL) break;
        t = one_in(g, 2)
                ? c
                : F("%s %s %s", c, one_in(g, 2) ? "=" : "!=", one_in(g, 2) ? "true" : expr(g, s, BOOL, 0));
    }
    return t ? t : one_in(g, 2) ? number_condition(g, s, 0) : text_condition(g, s, 0);
}

/* Who came or went, since an earlier instant; NULL: there is nothing to ask of. */
static const char *move(gen *g, scope s)
{
    const char *since = one_in(g, 3) ? F("since %s", day_text(g, g->today - 1 - below(g, 60)))
                                     : F("in last %s", duration(g, true));
    const named *n = pick_name(g, one_in(g, 2) ? SEGMENT : TIERS, s.table, -1);
    if (!n) return NULL;
    if (n->what == SEGMENT) return F("%s %s %s", one_in(g, 2) ? "entered" : "left", n->name, since);
    const char *from = F("from %s", n->labels[below(g, n->nlabels)]),
               *to = F("to %s", n->labels[below(g, n->nlabels)]);
    uint32_t which = below(g, 3);
    return F("%s went %s %s %s", n->name, which == 1 ? "" : from, which == 2 ? "" : to, since);
}

static const char *condition(gen *g, scope s, int depth)
{
    const char *moved;
    if (depth > 0) {
        switch (below(g, 9)) {
        case 0: return F("(%s) and (%s)", condition(g, s, depth - 1), condition(g, s, depth - 1));
        case 1: return F("(%s) or (%s)", condition(g, s, depth - 1), condition(g, s, depth - 1));
        case 2: return F("not (%s)", condition(g, s, depth - 1));
        case 3:
            return F("at least 2 of (%s, %s, %s)", condition(g, s, depth - 1), condition(g, s, depth - 1),
                     condition(g, s, depth - 1));
        case 4:
            if (!s.inner && s.step_table < 0 && one_in(g, 3) && (moved = move(g, s)) != NULL) return moved;
            if (!s.inner && s.step_table < 0 && one_in(g, 2))
                return F("((%s) as of %s)", condition(g, s, depth - 1), earlier(g));
            return F("(%s) is %s", condition(g, s, depth - 1), one_in(g, 2) ? "missing" : "known");
        default: break;
        }
    }
    return basic_condition(g, s, depth);
}

/* ---- definitions ---- */

static void define(gen *g, const char *text)
{
    st_push(g->a, &g->out->defs)->text = text;
}

static named *name_it(gen *g, naming what, int t, const char *prefix)
{
    named *n = st_push(g->a, &g->names);
    n->what = what;
    n->table = t;
    n->name = F("%s%u", prefix, g->names.n);
    n->kind = KINDS;
    return n;
}

static int some_entity(gen *g)
{
    int t = PICK(g, ((const int[]){CUSTOMERS, CUSTOMERS, CUSTOMERS, CUSTOMERS, REGIONS, PRODUCTS, ORDERS}));
    if (!g->tables[t].there || !has_key(g, t)) t = CUSTOMERS;
    return t;
}

static const char *of(gen *g, int t)
{
    return t == CUSTOMERS && one_in(g, 2) ? "" : F(" of %s", table_names[t]);
}

static void make_param(gen *g)
{
    kind k = PICK(g, ((const kind[]){INT, DEC, TEXT, STAMP}));
    const char *value = k == STAMP ? duration(g, false) : literal(g, k);
    bool list = (k == INT || k == TEXT) && one_in(g, 3);
    if (list) value = F("(%s, %s)", value, literal(g, k));
    named *n = name_it(g, PARAM, -1, "p");
    n->kind = k;
    n->is_list = list;
    define(g, F("param %s = %s", n->name, value));
}

static void make_rows(gen *g)
{
    source r;
    scope s = {CUSTOMERS, -1, false};
    if (!make_source(g, s, 2, true, &r)) return;
    const char *text = F("%s%s", r.text, r.where);
    named *n = name_it(g, ROWS, CUSTOMERS, "rows");
    n->base = r.table;
    define(g, F("rows %s = %s", n->name, text));
}

/* One that rows can be grouped by and that is not taken yet, or NULL. */
static const column *pick_key(gen *g, int from, int t)
{
    const table *rows = &g->tables[from], *self = &g->tables[t];
    uint32_t n = from >= TABLES ? rows->nkeys : rows->cols.n, found = 0;
    const column *best = NULL;
    for (uint32_t i = 0; i < n; i++) {
        const column *c = &rows->cols.p[i];
        bool taken = c->kind == FLOAT || c->kind == LIST;
        for (uint32_t k = 0; k < self->cols.n; k++) taken |= strcmp(self->cols.p[k].name, c->name) == 0;
        if (!taken && below(g, ++found) == 0) best = c;
    }
    return best;
}

/* What is worked out for each group of t. */
static const char *field(gen *g, int t, kind k)
{
    static const char *const any_value[] = {"first", "last", "most_common"};
    static const char *const ordered[] = {"first", "last", "most_common", "min", "max"};
    static const char *const counted[] = {"distinct", "repeats"};
    int from = g->tables[t].source;
    scope own = {t, -1, true}, in = {from, -1, true};
    const char *f = k == BOOL ? PICK(g, any_value) : PICK(g, ordered), *other;
    switch (below(g, 8)) {
    case 0: return k == INT ? "count" : expr(g, own, k, 1);
    case 1:
        return k == INT ? F("%s(%s)", PICK(g, counted), expr(g, in, (kind)below(g, LIST), 1))
                        : expr(g, own, k, 1);
    case 2:
    case 3: return (other = aggregate(g, own, k, 2)) ? other : leaf(g, own, k);
    case 4: return compound(g, own, k, 1);
    default: break;
    }
    if (g->tables[from].time < 0 && (*f == 'f' || *f == 'l')) f = "most_common";
    if ((k == INT || k == DEC) && one_in(g, 3)) f = "sum";
    if (k == DEC && one_in(g, 4)) f = "avg";
    return F("%s(%s)", f, expr(g, in, k, 1));
}

/* A trait that surely asks something of the groups named. */
static void ask_of_groups(gen *g, const char *groups, int t, int entity)
{
    scope in = {t, -1, true};
    kind k = (kind)below(g, LIST);
    const char *text, *values[] = {"min", "max", "most_common"};
    switch (below(g, 4)) {
    case 0: text = F("count(%s where %s)", groups, condition(g, in, 1)); break;
    case 1: text = F("distinct(%s of %s)", expr(g, in, k, 1), groups); break;
    default: text = F("%s(%s of %s)", k == BOOL ? "most_common" : PICK(g, values), expr(g, in, k, 1), groups);
    }
    bool counted = strncmp(text, "count", 5) == 0 || strncmp(text, "distinct", 8) == 0;
    named *n = name_it(g, TRAIT, entity, "of_groups");
    n->kind = counted ? INT : k;
    define(g, F("trait %s%s = %s", n->name, of(g, entity), text));
}

static void make_groups(gen *g)
{
    if (g->ngroups == GROUPS) return;
    int entity = one_in(g, 4) ? some_entity(g) : CUSTOMERS;
    const named *on = one_in(g, 2) ? pick_name(g, ROWS, entity, -1) : NULL;
    if (on && on->base < TABLES) on = NULL; /* it may be the last n, of which there are no groups */
    int from = on ? on->base : child_of(g, entity), t = TABLES + (int)g->ngroups;
    if (from < 0) return;
    table *self = &g->tables[t];
    self->source = from;
    self->source_name = on ? on->name : table_names[from];
    self->entity = entity;
    self->time = -1;
    scope in = {from, -1, true};
    st_buf b = {0}, per = {0};
    st_buf_printf(g->a, &b, "%s%s", self->source_name, on ? "" : by_link(g, entity, from));
    int time = g->tables[from].time;
    if (time >= 0 && one_in(g, 3)) st_buf_printf(g->a, &b, " %s", window(g, in, time == STAMP));
    if (one_in(g, 3)) st_buf_printf(g->a, &b, " where %s", condition(g, in, 1));
    for (uint32_t n = 1 + below(g, 2); n > 0; n--) {
        const column *key = pick_key(g, from, t);
        if (!key) break;
        *st_push(g->a, &self->cols) = *key;
        self->nkeys++;
        st_buf_printf(g->a, &per, "%s%s", self->nkeys > 1 ? ", " : "", key->name);
    }
    if (self->nkeys == 0) return;
    g->ngroups++;
    st_buf fields = {0};
    for (uint32_t i = 0, n = below(g, 4); i < n; i++) {
        kind k = (kind)below(g, LIST);
        const char *text = field(g, t, k), *name = F("f%u", i);
        st_buf_printf(g->a, &fields, "  %s = %s\n", name, text);
        add_column(g, t, name, k, "", true, "");
    }
    const char *whose = entity == CUSTOMERS && one_in(g, 2) ? "" : F(" of %s", table_names[entity]);
    named *n = name_it(g, ROWS, entity, "groups");
    n->base = t;
    const char *name = n->name;
    define(g, F("rows %s%s = %s per %s {\n%s}", name, whose, st_buf_text(g->a, &b), st_buf_text(g->a, &per),
                st_buf_text(g->a, &fields)));
    if (!one_in(g, 3)) ask_of_groups(g, name, t, entity);
}

static void make_trait(gen *g)
{
    int t = some_entity(g);
    kind k = (kind)below(g, LIST);
    scope s = {t, -1, false};
    const char *text = k == BOOL ? condition(g, s, 3) : expr(g, s, k, 3);
    named *n = name_it(g, TRAIT, t, "t");
    n->kind = k;
    define(g, F("trait %s%s = %s", n->name, of(g, t), text));
}

static void make_score(gen *g)
{
    int t = some_entity(g);
    scope s = {t, -1, false};
    bool logistic = one_in(g, 3);
    kind k = logistic ? FLOAT : PICK(g, ((const kind[]){INT, DEC, FLOAT}));
    const char *text = logistic ? F("logistic(%s)", number(g, s, 2)) : expr(g, s, k, 3);
    named *n = name_it(g, TRAIT, t, "s");
    n->kind = k;
    define(g, F("score %s%s = %s", n->name, of(g, t), text));
}

/* Rows that add where a condition is true, and rows that add for each row of a source, sometimes fading. */
static void make_points(gen *g)
{
    static const char *const whole[] = {"+1", "-2", "+5", "+8", "-30"};
    static const char *const parts[] = {"+0.5", "-0.25", "+12.125", "+3"};
    int t = some_entity(g);
    scope s = {t, -1, false};
    st_buf b = {0};
    bool exact = true;
    uint32_t n = 1 + below(g, 4);
    for (uint32_t i = 0; i < n; i++) {
        bool fraction = one_in(g, 4), fading = false;
        const char *amount_text = fraction ? PICK(g, parts) : PICK(g, whole);
        source r;
        if (one_in(g, 3) || !make_source(g, s, 2, true, &r)) {
            st_buf_printf(g->a, &b, "  %s when %s\n", amount_text, condition(g, s, 2));
        } else {
            fading = g->tables[r.table].time >= 0 && one_in(g, 2);
            st_buf_printf(
                g->a, &b, "  %s each %s%s%s%s\n", amount_text, r.text, r.where,
                fading ? F(", halving every %s", duration(g, g->tables[r.table].time == STAMP)) : "",
                one_in(g, 3) ? PICK(g, ((const char *const[]){", up to 7", ", up to 20", ", up to 0.5"}))
                             : "");
            if (strstr(st_buf_text(g->a, &b), "up to 0.5")) exact = false;
        }
        if (fraction || fading) exact = false;
    }
    named *d = name_it(g, TRAIT, t, "p");
    d->kind = exact ? INT : DEC;
    define(g, F("points %s%s {\n%s}", d->name, of(g, t), st_buf_text(g->a, &b)));
}

static void make_segment(gen *g)
{
    int t = some_entity(g);
    scope s = {t, -1, false};
    const char *text = condition(g, s, 3);
    named *n = name_it(g, SEGMENT, t, "seg");
    define(g, F("segment %s%s where %s", n->name, of(g, t), text));
}

static void make_sequence(gen *g)
{
    scope s = {CUSTOMERS, -1, false};
    const char *text = sequence(g, s);
    if (!text) return;
    named *n = name_it(g, SEGMENT, CUSTOMERS, "seq");
    define(g, F("segment %s of customers where %s", n->name, text));
}

static const char *hash(gen *g)
{
    static const char *const hashes[] = {"",
                                         "",
                                         "",
                                         " hash sha256",
                                         " hash growthbook",
                                         " hash eppo",
                                         " hash unleash",
                                         " hash planout",
                                         " hash launchdarkly",
                                         " hash optimizely"};
    return PICK(g, hashes);
}

static const char *during(gen *g)
{
    static const char *const times[] = {"",
                                        "",
                                        "",
                                        " during 2026-01-01 to 2026-12-31",
                                        " during 2026-03-29 to 2026-10-26T02:15",
                                        " during today to tomorrow"};
    return PICK(g, times);
}

static void make_holdout(gen *g)
{
    int t = some_entity(g);
    named *n = name_it(g, SEGMENT, t, "free");
    define(g, F("holdout held_%s %u%% of %s salt \"h-%s\"%s%s\nsegment %s%s where not held_%s", n->name,
                below(g, 40), table_names[t], n->name, hash(g), during(g), n->name, of(g, t), n->name));
}

static const char *stratify(gen *g, int t)
{
    static const kind kinds[] = {TEXT, INT, BOOL, DATE};
    const named *tiers = one_in(g, 2) ? pick_name(g, TIERS, t, -1) : NULL;
    const char *first = tiers ? tiers->name : pick_column(g, t, PICK(g, kinds)),
               *second = one_in(g, 2) ? pick_column(g, t, PICK(g, kinds)) : NULL;
    if (!first || !second) return first ? F("  stratify by %s", first) : "";
    return F("  stratify by %s, %s", first, second);
}

static bool has_column(gen *g, int t, const char *name)
{
    for (uint32_t i = 0; i < g->tables[t].cols.n; i++)
        if (strcmp(g->tables[t].cols.p[i].name, name) == 0) return true;
    return false;
}

/* How far it is from a row to a place, or to the nearest row of a table; as a condition, a trait, or over rows. */
static void make_distance(gen *g)
{
    int t = one_in(g, 4) && g->tables[REGIONS].there ? REGIONS : CUSTOMERS;
    if (!has_column(g, t, "lat")) return;
    int to = g->large || one_in(g, 2) ? REGIONS
             : one_in(g, 2)           ? VISITS
                                      : CUSTOMERS; /* the oracle asks every row for every row */
    bool nearest = (g->large || one_in(g, 2)) && g->tables[to].there && has_column(g, to, "lat");
    const char *where = nearest && one_in(g, 2) ? condition(g, (scope){to, -1, true}, 1) : NULL;
    named *d = name_it(g, SEGMENT, t, "near");
    const char *target = where     ? F("nearest rows_%s", d->name)
                         : nearest ? F("nearest %s", table_names[to])
                                   : F("spot_%s", d->name);
    if (where) define(g, F("rows rows_%s = %s where %s", d->name, table_names[to], where));
    if (!nearest)
        define(g, F("place %s = (%s, %s)", target,
                    PICK(g, ((const char *const[]){"48.137", "-33.9", "90", "0"})),
                    PICK(g, ((const char *const[]){"11.575", "-180", "179.9", "151"}))));
    static const char *const radii[] = {"0 km", "0.011 km", "5 km", "500 km", "9000.5 km", "20015.114 km"};
    const char *how = F("distance(lat, lon, %s)", target), *then = one_in(g, 3) ? " as of 30 days ago" : "";
    define(g, F("trait way_%s%s = (%s%s)", d->name, of(g, t), how, *then ? then : " if missing 7 km"));
    if (t == CUSTOMERS && g->tables[VISITS].there && one_in(g, 3))
        define(g, F("segment %s of customers where count(visits where %s <= %s) >= 1", d->name, how,
                    PICK(g, radii)));
    else
        define(g, F("segment %s%s where %s %s %s", d->name, of(g, t), how,
                    PICK(g, ((const char *const[]){"<=", ">", "=", "!="})), PICK(g, radii)));
}

/* Keys of the table, some of them several times or of nobody. */
static void make_list(gen *g)
{
    int t = some_entity(g);
    st_buf keys = {0};
    uint32_t n = below(g, 12);
    for (uint32_t i = 0; i < n; i++) st_buf_printf(g->a, &keys, "%s\n", key_text(g, t, below(g, 20)));
    named *d = name_it(g, SEGMENT, t, "listed");
    *(sample_list *)st_push(g->a, &g->out->lists) =
        (sample_list){F("%s.csv", d->name), st_dup(g->a, st_buf_text(g->a, &keys), keys.n)};
    define(g, F("list keys_%s of %s from \"%s.csv\"\nsegment %s%s where %skeys_%s", d->name, table_names[t],
                d->name, d->name, of(g, t), one_in(g, 3) ? "not " : "", d->name));
}

/* An experiment, sometimes one of two in a layer. */
static void make_experiment(gen *g)
{
    static const char *const arms[] = {"one 50%  two 50%", "one 10%  two 33.3%", "one 0%  two 100%",
                                       "one 12.5%  two 87.5%"};
    int t = some_entity(g);
    const named *on = pick_name(g, SEGMENT, t, -1);
    if (!on) return;
    const char *segment = on->name, *strata = one_in(g, 3) ? stratify(g, t) : "";
    named *d = name_it(g, TIERS, t, "trial");
    d->nlabels = 2;
    d->labels[0] = "one";
    d->labels[1] = "two";
    define(g, F("experiment %s on %s salt \"e-%s\"%s%s { arms { %s }%s }", d->name, segment, d->name, hash(g),
                during(g), PICK(g, arms), strata));
    if (one_in(g, 3))
        define(g, F("layer layer_%s salt \"l-%s\"%s { %s %u%% }", d->name, d->name, hash(g), d->name,
                    below(g, 101)));
}

static void make_tiers(gen *g)
{
    int t = some_entity(g);
    scope s = {t, -1, false};
    bool by = one_in(g, 2);
    const named *among = one_in(g, 3) ? pick_name(g, SEGMENT, t, -1) : NULL;
    const char *among_text = among ? F(" among %s", among->name) : "";
    const char *value = by ? F(" by %s", number(g, s, 2)) : "";
    st_buf b = {0};
    const char *labels[6];
    uint32_t n = 2 + below(g, 3);
    for (uint32_t i = 0; i < n; i++) {
        labels[i] = F("l%u", i);
        switch (by ? below(g, 5) : 0) {
        case 0: st_buf_printf(g->a, &b, "  %s when %s\n", labels[i], condition(g, s, 2)); break;
        case 1: st_buf_printf(g->a, &b, "  %s top %s\n", labels[i], amount(g)); break;
        case 2: st_buf_printf(g->a, &b, "  %s bottom %s\n", labels[i], amount(g)); break;
        case 3: st_buf_printf(g->a, &b, "  %s at least %s\n", labels[i], literal(g, DEC)); break;
        default: st_buf_printf(g->a, &b, "  %s at most %s\n", labels[i], literal(g, INT)); break;
        }
    }
    if (by) {
        labels[n++] = "none";
        st_buf_puts(g->a, &b, "  none when missing\n");
    }
    if (one_in(g, 2)) {
        labels[n++] = "rest";
        st_buf_puts(g->a, &b, "  rest otherwise\n");
    }
    named *d = name_it(g, TIERS, t, "tier");
    d->nlabels = n;
    memcpy(d->labels, labels, sizeof labels);
    define(g, F("tiers %s%s%s%s {\n%s}", d->name, of(g, t), value, among_text, st_buf_text(g->a, &b)));
}

static void make_cluster(gen *g)
{
    int t = some_entity(g);
    const char *a = pick_column(g, t, INT), *b = pick_column(g, t, one_in(g, 4) ? FLOAT : DEC);
    if (!a || !b) return;
    named *d = name_it(g, TIERS, t, "near");
    st_buf rows = {0};
    if (one_in(g, 2)) st_buf_printf(g->a, &rows, "  weights (%u, 0.%u)\n", 1 + below(g, 9), 1 + below(g, 9));
    for (d->nlabels = 0; d->nlabels < 3; d->nlabels++) {
        d->labels[d->nlabels] = F("c%u", d->nlabels);
        st_buf_printf(g->a, &rows, "  c%u (%s, %s)\n", d->nlabels, literal(g, INT), literal(g, DEC));
    }
    define(g, F("cluster %s%s from (%s, %s) {\n%s}", d->name, of(g, t), a, b, st_buf_text(g->a, &rows)));
}

static void make_overlay(gen *g)
{
    int t = some_entity(g);
    scope s = {t, -1, false};
    const named *on = pick_name(g, SEGMENT, t, -1);
    if (!on) return;
    st_buf by = {0}, rows = {0};
    uint32_t n = 1 + below(g, 3), nlabels = below(g, 4);
    for (uint32_t i = 0; i < n; i++) {
        const named *tiers = pick_name(g, TIERS, t, -1);
        const char *own = pick_column(g, t, PICK(g, ((const kind[]){BOOL, INT, TEXT, DATE})));
        const char *dimension = tiers && (one_in(g, 2) || !own) ? tiers->name : own;
        if (!dimension) return;
        st_buf_printf(g->a, &by, "%s%s", i ? ", " : "", dimension);
    }
    named made = {0};
    for (uint32_t i = 0; i < nlabels; i++) {
        made.labels[i] = F("a%u", i);
        if (i == 2)
            st_buf_printf(g->a, &rows, "  %s otherwise\n", made.labels[i]);
        else
            st_buf_printf(g->a, &rows, "  %s when %s\n", made.labels[i], condition(g, s, 2));
    }
    const char *name = F("cells%u", g->salts++);
    if (nlabels) {
        named *d = name_it(g, TIERS, t, "plan");
        d->nlabels = nlabels;
        memcpy(d->labels, made.labels, sizeof made.labels);
        name = d->name;
    }
    define(g, nlabels ? F("overlay %s on %s by %s {\n%s}", name, on->name, st_buf_text(g->a, &by),
                          st_buf_text(g->a, &rows))
                      : F("overlay %s on %s by %s", name, on->name, st_buf_text(g->a, &by)));
}

/* ---- treatments ---- The words of pool_word are channels and names of treatments: rows of the log have them. */

typedef struct log_of {
    bool there;
    bool instants;
} log_of;

static const char *value_named(gen *g, int t, const char *as)
{
    scope s = {t, -1, false};
    kind k = PICK(g, ((const kind[]){BOOL, INT, DEC, TEXT, DATE, STAMP}));
    return F("(%s) as \"%s\"", k == BOOL ? condition(g, s, 1) : expr(g, s, k, 1), as);
}

/* A target: a segment, or a label of tiers; NULL: there is none. */
static const char *target(gen *g, int t)
{
    const named *tiers = one_in(g, 3) ? pick_name(g, TIERS, t, -1) : NULL;
    const named *segment = pick_name(g, SEGMENT, t, -1);
    if (tiers && tiers->nlabels) return F("%s = %s", tiers->name, tiers->labels[below(g, tiers->nlabels)]);
    return segment ? segment->name : NULL;
}

static const char *ranked(gen *g, int t)
{
    scope s = {t, -1, false};
    kind k;
    if (one_in(g, 4)) return F("highest (%s) first", time_value(g, s, 1, &k));
    return F("highest (%s) first", number(g, s, 2));
}

static void add_channels(gen *g, int t, st_buf *b)
{
    scope s = {t, -1, false};
    uint32_t first = below(g, ST_COUNT(pool_word)), n = 1 + below(g, ST_COUNT(pool_word));
    for (uint32_t i = 0; i < n; i++) {
        st_buf_printf(g->a, b, "  channel %s", pool_word[(first + i) % ST_COUNT(pool_word)]);
        if (one_in(g, 2)) st_buf_printf(g->a, b, " when %s", condition(g, s, 1));
        st_buf_puts(g->a, b, "\n");
    }
}

static void make_treatment(gen *g, int t, const char *name, const log_of *log)
{
    const char *whom = target(g, t),
               *per = pick_column(g, t, PICK(g, ((const kind[]){BOOL, INT, TEXT, DATE})));
    const named *tiers = one_in(g, 3) ? pick_name(g, TIERS, t, -1) : NULL;
    if (tiers) per = tiers->name;
    /* not of numbers: a sum may be a decimal, which puts nobody together */
    const named *trait =
        one_in(g, 2) ? pick_name(g, TRAIT, t, (int)PICK(g, ((const kind[]){BOOL, TEXT, DATE}))) : NULL;
    if (trait) per = trait->name;
    st_buf b = {0};
    add_channels(g, t, &b);
    if (one_in(g, 4)) st_buf_puts(g->a, &b, "  transactional\n");
    if (one_in(g, 2) && per) st_buf_printf(g->a, &b, "  one per %s, %s\n", per, ranked(g, t));
    if (one_in(g, 2)) st_buf_printf(g->a, &b, "  at most %u, %s\n", 1 + below(g, 6), ranked(g, t));
    if (one_in(g, 2)) st_buf_printf(g->a, &b, "  order by %s\n", ranked(g, t));
    if (one_in(g, 3))
        st_buf_printf(g->a, &b, "  control %u%% salt \"c-%s\"%s\n", below(g, 60), name, hash(g));
    if (log->there && t == CUSTOMERS && one_in(g, 2))
        st_buf_printf(g->a, &b, "  again after %s\n", duration(g, log->instants));
    if (one_in(g, 2)) st_buf_printf(g->a, &b, "  send %s\n", value_named(g, t, "first"));
    define(g, F("treatment %s for %s%s {\n%s}", name, whom, during(g), st_buf_text(g->a, &b)));
}

/* What holds for all of them: consents, the log, limits, exclusions. */
static void make_contacts(gen *g, int t, log_of *log)
{
    scope s = {t, -1, false};
    const char *where = t == CUSTOMERS && one_in(g, 2) ? "" : F(" of %s", table_names[t]);
    for (size_t i = 0; i < ST_COUNT(pool_word); i++)
        define(g, F("consent %s%s when %s", pool_word[i], where, condition(g, s, 1)));
    int sends = g->tables[EVENTS].there ? EVENTS : ORDERS;
    log->there = t == CUSTOMERS && !(sends == ORDERS && g->two_links) && !one_in(g, 3);
    log->instants = g->tables[sends].time == STAMP;
    if (log->there)
        define(g, sends == EVENTS ? "contact log events by at, name, name"
                                  : "contact log orders by ordered_at, status, status");
    for (uint32_t i = below(g, 3); i > 0 && log->there; i--)
        define(g, F("limit %s at most %u in %u days", PICK(g, pool_word), 1 + below(g, 3), 1 + below(g, 60)));
    for (uint32_t i = below(g, 3); i > 0; i--) {
        const named *who = pick_name(g, SEGMENT, t, -1);
        if (who)
            define(g,
                   F("exclude %s from all treatments%s", who->name, one_in(g, 2) ? " because \"no\"" : ""));
    }
}

static void make_treatments(gen *g)
{
    int t = one_in(g, 4) ? some_entity(g) : CUSTOMERS;
    if (!pick_name(g, SEGMENT, t, -1)) return;
    log_of log;
    const char *folded = compound(g, (scope){t, -1, false}, TEXT, 1); /* texts that become the same */
    named *fold = name_it(g, TRAIT, t, "fold");
    fold->kind = TEXT;
    define(g, F("trait %s%s = %s", fold->name, of(g, t), folded));
    make_contacts(g, t, &log);
    uint32_t n = 1 + below(g, ST_COUNT(pool_word));
    st_buf all = {0};
    for (uint32_t i = 0; i < n; i++) {
        make_treatment(g, t, pool_word[i], &log);
        st_buf_printf(g->a, &all, "%s%s", i ? ", " : "", pool_word[n - 1 - i]);
    }
    if (one_in(g, 2)) define(g, F("campaign spring%s { first of (%s) }", during(g), st_buf_text(g->a, &all)));
    if (one_in(g, 2))
        define(g, F("audience crowd from %s { send %s }", target(g, t), value_named(g, t, "first")));
}

static void make_highest(gen *g)
{
    const named *a = NULL, *b = NULL;
    for (uint32_t i = 0; i < g->names.n; i++) {
        const named *n = &g->names.p[i];
        if (n->what != TRAIT || n->table != CUSTOMERS || n->kind < INT || n->kind > FLOAT) continue;
        b = a;
        a = n;
    }
    if (!b) return;
    const char *one = a->name, *two = b->name;
    named *d = name_it(g, TIERS, CUSTOMERS, "best");
    d->nlabels = 2;
    d->labels[0] = one;
    d->labels[1] = two;
    define(g, F("tiers %s of customers highest of (%s, %s)", d->name, one, two));
}

static const char *quantiles(gen *g, uint32_t n)
{
    static const char *const methods[] = {
        "", "", " method ranked", " method rfm_r", " method ntile", " method cume_dist"};
    return F("%u quantiles%s", n, PICK(g, methods));
}

static const char *measure(gen *g, int t, bool money)
{
    scope in = {t, -1, true};
    const char *dec = pick_column(g, t, DEC), *number_col = dec ? dec : pick_column(g, t, INT);
    if (!number_col) return money ? NULL : "";
    if (!money) return one_in(g, 3) ? F(" of distinct(%s)", leaf(g, in, TEXT)) : "";
    return F(" of %s(%s)", PICK(g, ((const char *const[]){"sum", "max", "avg", "sum"})), number_col);
}

static void make_rfm(gen *g)
{
    source r;
    int t = one_in(g, 3) ? some_entity(g) : (int)CUSTOMERS;
    scope s = {t, -1, false};
    if (!make_source(g, s, 1, true, &r) || g->tables[r.table].time < 0) return;
    bool standard = one_in(g, 4),
         has[3] = {standard || !one_in(g, 4), standard || !one_in(g, 4), standard || !one_in(g, 4)};
    const char *money = measure(g, r.table, true);
    if (!money) has[2] = false;
    if (!has[0] && !has[1] && !has[2]) has[0] = true;
    standard = standard && has[2];
    st_buf b = {0};
    uint32_t n[3];
    for (int i = 0; i < 3; i++) {
        static const char *const words[] = {"recency", "frequency", "monetary"};
        n[i] = standard ? 5 : 2 + below(g, 4);
        if (!has[i]) continue;
        st_buf_printf(g->a, &b, "  %s ", words[i]);
        if (one_in(g, 3)) {
            static const char *const ladders[3][4] = {
                {"1", "7", "30", "90"}, {"2", "3", "5", "9"}, {"1", "10", "20.01", "100"}};
            st_buf_puts(g->a, &b, "thresholds (");
            for (uint32_t k = 0; k + 1 < n[i]; k++)
                st_buf_printf(g->a, &b, "%s%s", k ? ", " : "", ladders[i][k]);
            st_buf_puts(g->a, &b, ")");
        } else {
            st_buf_puts(g->a, &b, quantiles(g, n[i]));
        }
        st_buf_printf(g->a, &b, "%s\n", i == 0 ? "" : i == 1 ? measure(g, r.table, false) : money);
    }
    const char *labels[3] = {"high", "low", "other"};
    uint32_t nlabels = 0;
    if (standard) {
        st_buf_puts(g->a, &b, "  tiers standard\n");
    } else if (one_in(g, 2)) {
        const char *part = has[0] ? "r" : has[1] ? "f" : "m";
        uint32_t top = n[has[0] ? 0 : has[1] ? 1 : 2];
        st_buf_printf(g->a, &b, "  tiers {\n    high %s %u..%u\n    low %s 1\n%s  }\n", part, top, top, part,
                      top > 2 && one_in(g, 2) ? "    other otherwise\n" : "");
        nlabels = 2;
    }
    const char *source_text = F("%s%s", r.text, r.where);
    named *d = name_it(g, RFM, t, "rfm");
    memcpy(d->has, has, sizeof has);
    d->nlabels = nlabels;
    memcpy(d->labels, labels, sizeof labels);
    define(g, F("rfm %s%s from %s {\n%s}", d->name, of(g, t), source_text, st_buf_text(g->a, &b)));
}

static void define_table(gen *g, int t)
{
    static const char *const keeps[TABLES] = {"logins >= 0",        "rank != 3",     "price >= 0",
                                              "status != \"view\"", "quantity != 2", "name is known",
                                              "room < 10"};
    st_buf b = {0};
    st_buf_printf(g->a, &b, "table %s {\n", table_names[t]);
    for (uint32_t i = 0; i < g->tables[t].cols.n; i++) {
        const column *c = &g->tables[t].cols.p[i];
        st_buf_printf(g->a, &b, "  %s %s%s%s\n", c->name, c->type, c->optional ? "?" : "", c->attributes);
    }
    if (one_in(g, 6)) st_buf_printf(g->a, &b, "  keep where %s\n", keeps[t]);
    if (one_in(g, 12)) {
        const char *word;
        int parent = parent_of(g, t, &word);
        const char *c = parent >= 0 ? pick_column(g, parent, TEXT) : NULL;
        if (c) st_buf_printf(g->a, &b, "  keep where %s.%s is known\n", word, c);
    }
    st_buf_puts(g->a, &b, "}");
    define(g, st_buf_text(g->a, &b));
}

static void choose_as_of(gen *g)
{
    static const char *const instants[] = {
        "2026-11-01",       "2026-03-29",       "2026-03-30",      "2026-10-25", "2026-10-26",
        "2024-03-01",       "2026-03-31",       "2026-12-31",      "2025-02-28", "2026-11-01T09:30",
        "2026-10-25T02:30", "2026-03-29T03:30", "2026-04-05T01:45"};
    const char *t = PICK(g, instants);
    g->out->as_of = t;
    st_parse_date((st_str){t, 10}, &g->today);
    g->clock = strlen(t) > 10 ? t + 11 : "00:00";
}

/* ---- promises ---- */

static const char *share(gen *g)
{
    static const char *const shares[] = {"0%",  "1%",     "10%", "25%", "33.3333333333%",
                                         "50%", "66.67%", "90%", "100%"};
    return PICK(g, shares);
}

static const char *limit_of_size(gen *g)
{
    return one_in(g, 2) ? share(g) : F("%u", below(g, 12));
}

/* Who can be spoken of: a segment, tiers, or one of their labels; NULL: there is none. */
static const char *people(gen *g, int t)
{
    const named *tiers = one_in(g, 2) ? pick_name(g, TIERS, t, -1) : NULL;
    const named *segment = pick_name(g, SEGMENT, t, -1);
    if (tiers && tiers->nlabels)
        return one_in(g, 4) ? tiers->name : F("%s.%s", tiers->name, tiers->labels[below(g, tiers->nlabels)]);
    return segment ? segment->name : NULL;
}

static const char *about_people(gen *g, int t)
{
    const char *s = people(g, t), *r = people(g, t), *low = share(g), *d = duration(g, true);
    const named *segment = pick_name(g, SEGMENT, t, -1),
                *number = pick_name(g, TRAIT, t, one_in(g, 2) ? DEC : INT);
    const char *col = pick_column(g, t, one_in(g, 2) ? DEC : INT), *bound = limit_of_size(g);
    if (!s) return F("%s size at least %u", table_names[t], below(g, 9));
    if (!r) r = s;
    switch (below(g, 10)) {
    case 0: return F("%s size at least %s", s, bound);
    case 1: return F("%s size at most %s", s, bound);
    case 2: return F("%s size between %u and %s", s, below(g, 4), share(g));
    case 3: return F("%s size within %s of previous", s, bound);
    case 4: return F("%s disjoint from %s", s, r);
    case 5: return F("%s inside %s", s, r);
    case 6: return one_in(g, 2) ? F("%s covers %s", s, r) : F("%s covers %s", s, table_names[t]);
    case 7:
        if (segment) return F("%s keeps at least %s over %s", segment->name, low, d);
        break;
    default:
        if (number && one_in(g, 2)) return F("%s brings at least %s of %s", s, low, number->name);
        if (col) return F("%s brings at least %s of %s.%s", s, low, table_names[t], col);
    }
    return F("%s size at most %s", s, bound);
}

static const char *about_values(gen *g)
{
    int t;
    do t = (int)below(g, TABLES);
    while (!g->tables[t].there);
    kind k = (kind)below(g, KINDS);
    const named *trait = k != LIST && one_in(g, 3) ? pick_name(g, TRAIT, t, (int)k) : NULL;
    const char *col = trait ? trait->name : pick_column(g, t, k), *low = share(g),
               *d = duration(g, k == STAMP);
    const char *a = k == BOOL || k == LIST ? "" : literal(g, k),
               *b = k == BOOL || k == LIST ? "" : literal(g, k);
    if (!col) return F("%s size at least %u", table_names[t], below(g, 9));
    const char *x = trait ? col : F("%s.%s", table_names[t], col);
    bool time = k == DATE || k == STAMP;
    switch (below(g, 4)) {
    case 0: return F("%s known for at least %s", x, low);
    case 1:
        if (k != LIST) return F("%s unique", x);
        break;
    case 2:
        if (time) return F("%s newer than %s", x, d);
        break;
    default:
        if (time || k == INT || k == DEC || k == FLOAT) return F("%s between %s and %s", x, a, b);
    }
    return F("%s known for at least %s", x, low);
}

static void make_promises(gen *g)
{
    for (uint32_t n = below(g, 5); n > 0; n--) {
        const char *text = one_in(g, 3) ? about_values(g) : about_people(g, some_entity(g));
        define(g, F("check %s%s", text, one_in(g, 5) ? " else warn" : ""));
    }
}

static void make_definitions(gen *g)
{
    uint32_t n = 5 + below(g, 9);
    for (uint32_t i = 0; i < n; i++) {
        switch (below(g, 19)) {
        case 14: make_holdout(g); break;
        case 16: make_points(g); break;
        case 17: one_in(g, 2) ? make_list(g) : make_distance(g); break;
        case 15: make_experiment(g); break;
        case 12:
        case 13: make_sequence(g); break;
        case 0: make_param(g); break;
        case 1: one_in(g, 3) ? make_rows(g) : make_groups(g); break;
        case 18: make_groups(g); break;
        case 2:
        case 3: make_trait(g); break;
        case 4: make_score(g); break;
        case 5:
        case 6: make_tiers(g); break;
        case 7: one_in(g, 2) ? make_highest(g) : make_overlay(g); break;
        case 8: make_rfm(g); break;
        case 9: make_cluster(g); break;
        default: make_segment(g); break;
        }
    }
}

sample *sample_new(st_arena *a, uint64_t seed)
{
    gen *g = st_new(a, gen);
    g->a = a;
    g->state = seed * UINT64_C(0x2545F4914F6CDD1D) + 99;
    g->out = st_new(a, sample);
    g->out->arena = a;
    choose_as_of(g);
    g->two_links = one_in(g, 4);
    g->skewed = one_in(g, 8);
    bool large = g->large = one_in(g, 40);
    g->near_times = !large && one_in(g, 2); /* the oracle searches sequences of few parents for long */
    g->order_key = !one_in(g, 3);
    g->int_keys = one_in(g, 2);
    for (int t = 0; t < TABLES; t++) g->tables[t].there = t == CUSTOMERS || t == ORDERS || !one_in(g, 3);
    if (!g->order_key) g->tables[ITEMS].there = false;
    make_customers(g);
    make_regions(g);
    make_products(g);
    make_orders(g);
    make_items(g);
    make_events(g);
    make_visits(g);
    static const char *const zones[] = {"Europe/Berlin", "Europe/Berlin", "America/New_York",
                                        "Australia/Lord_Howe", "America/Sao_Paulo"};
    if (!one_in(g, 4)) define(g, F("timezone \"%s\"", PICK(g, zones)));
    define(g, "segments of customers");
    uint32_t rows[TABLES];
    for (int t = 0; t < TABLES; t++) rows[t] = row_count(g, t, large);
    for (int t = 0; t < TABLES; t++) {
        if (!g->tables[t].there) continue;
        define_table(g, t);
        fill_table(g, t, rows);
    }
    make_definitions(g);
    if (large) make_distance(g);
    make_segment(g);
    make_promises(g);
    if (!large && one_in(g, 2)) make_treatments(g); /* the oracle weighs everybody against everybody */
    return g->out;
}
