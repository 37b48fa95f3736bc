#include "vm_world.h"

#include <stdlib.h>

static st_type type(st_base_type base, uint8_t digits, uint8_t scale, bool optional)
{
    return (st_type){.base = base, .digits = digits, .scale = scale, .optional = optional};
}

static st_table *table(world *w, const char *name, uint32_t index, uint32_t ncols)
{
    st_table *t = st_new(w->a, st_table);
    *t = (st_table){.name = name,
                    .index = index,
                    .ncols = ncols,
                    .cols = st_new_n(w->a, st_col, ncols),
                    .segmented = true};
    return t;
}

static void col(st_table *t, uint32_t index, const char *name, st_type ty)
{
    t->cols[index] = (st_col){.name = name, .index = index, .table = t, .type = ty, .used = true};
}

void world_open(world *w)
{
    memset(w, 0, sizeof *w);
    st_env_init(&w->env, NULL);
    bool ok;
    ST_GUARD(&w->env, ok, w->a = st_arena_new(&w->env));
    if (!ok) abort();
    st_table *c = table(w, "customers", CUSTOMERS, C_COLS), *o = table(w, "orders", ORDERS, O_COLS);
    col(c, C_ID, "id", type(ST_T_STRING, 0, 0, false));
    col(c, C_COUNTRY, "country", type(ST_T_STRING, 0, 0, true));
    col(c, C_AGE, "age", type(ST_T_INT, 19, 0, true));
    col(c, C_RATING, "rating", type(ST_T_FLOAT, 0, 0, true));
    col(c, C_SPEND, "spend", type(ST_T_DECIMAL, 12, 2, false));
    col(c, C_WEALTH, "wealth", type(ST_T_DECIMAL, 30, 2, true));
    col(c, C_BORN, "born", type(ST_T_DATE, 0, 0, true));
    col(c, C_JOINED, "joined", type(ST_T_TIMESTAMP, 0, 0, false));
    col(c, C_CONSENT, "consent", type(ST_T_BOOL, 0, 0, true));
    col(c, C_TAGS, "tags", (st_type){.base = ST_T_STRING, .list = true, .optional = true});
    col(c, C_FRIEND, "friend", type(ST_T_STRING, 0, 0, true));
    c->cols[C_FRIEND].links_to = c;
    c->cols[C_ID].key = true;
    c->key = &c->cols[C_ID];
    col(o, O_ID, "id", type(ST_T_INT, 19, 0, false));
    col(o, O_CUSTOMER, "customer", type(ST_T_STRING, 0, 0, true));
    col(o, O_AT, "at", type(ST_T_TIMESTAMP, 0, 0, true));
    col(o, O_AMOUNT, "amount", type(ST_T_DECIMAL, 12, 2, true));
    col(o, O_CATEGORY, "category", type(ST_T_STRING, 0, 0, true));
    col(o, O_DAY, "day", type(ST_T_DATE, 0, 0, true));
    o->cols[O_CUSTOMER].links_to = c;
    o->cols[O_ID].key = true;
    o->key = &o->cols[O_ID];
    w->schema = st_new(w->a, st_program);
    *w->schema = (st_program){
        .arena = w->a, .timezone = "UTC", .ntables = TABLES, .tables = st_new_n(w->a, st_table *, TABLES)};
    w->schema->tables[CUSTOMERS] = c;
    w->schema->tables[ORDERS] = o;
    w->schema->ndefs = TABLES;
    w->schema->defs = st_new_n(w->a, st_def *, TABLES);
    for (uint32_t i = 0; i < TABLES; i++) {
        st_def *d = w->schema->defs[i] = st_new(w->a, st_def);
        *d = (st_def){.kind = ST_DEF_TRAIT,
                      .index = i,
                      .name = i ? "of_order" : "of_customer",
                      .of = w->schema->tables[i]};
    }
    w->data = st_new(w->a, st_data);
    *w->data =
        (st_data){.arena = w->a, .program = w->schema, .tables = st_new_n(w->a, st_data_table, TABLES)};
    world_customers(w, NULL, 0);
    world_orders(w, NULL, 0);
}

void world_close(world *w)
{
    st_env_close(&w->env);
    assert(w->env.used == 0);
}

static size_t width(st_phys phys)
{
    static const uint8_t widths[] = {
        [ST_BIT] = 0, [ST_I32] = 4, [ST_I64] = 8, [ST_I128] = 16, [ST_F64] = 8, [ST_CODE] = 4};
    return widths[phys];
}

static st_column *column(world *w, uint32_t t, uint32_t c, st_phys phys, uint64_t values)
{
    st_data_table *dt = &w->data->tables[t];
    st_column *out = &dt->columns[c];
    size_t bytes = phys == ST_BIT ? st_bitmap_bytes(values + 1) : (values + 64) * width(phys);
    void *data = st_alloc_raw(w->a, bytes);
    memset(data, 0, bytes);
    *out = (st_column){.decl = &w->schema->tables[t]->cols[c], .phys = phys, .n = values, .data = data};
    return out;
}

static void missing(world *w, uint32_t t, st_column *c, uint64_t row)
{
    uint64_t rows = w->data->tables[t].rows;
    if (!c->known) c->known = (uint8_t *)st_bitmap_new_full(w->a, rows);
    st_bit_clear((void *)(uintptr_t)c->known, row);
    c->missing++;
}

static void put_i64(world *w, uint32_t t, st_column *c, uint64_t row, int64_t v, bool known)
{
    if (!known)
        missing(w, t, c, row);
    else if (c->phys == ST_I32)
        ((int32_t *)(uintptr_t)c->data)[row] = (int32_t)v;
    else
        ((int64_t *)(uintptr_t)c->data)[row] = v;
}

/* Dictionary columns: texts in order of first appearance. */
typedef struct texts {
    st_map codes;
    ST_VEC(uint64_t) offsets;
    st_buf bytes;
} texts;

static void texts_open(world *w, texts *d)
{
    memset(d, 0, sizeof *d);
    st_map_init(&d->codes, w->a);
    *st_push(w->a, &d->offsets) = 0;
}

static uint32_t code_of(world *w, texts *d, const char *p, size_t n)
{
    bool is_new;
    void **place = st_map_put(&d->codes, p, n, &is_new);
    if (is_new) {
        *place = (void *)(uintptr_t)(d->offsets.n - 1);
        st_buf_add(w->a, &d->bytes, p, n);
        *st_push(w->a, &d->offsets) = d->bytes.n;
    }
    return (uint32_t)(uintptr_t)*place;
}

static const st_dict *texts_close(world *w, texts *d)
{
    st_dict *out = st_new(w->a, st_dict);
    *out = (st_dict){d->offsets.n - 1, d->offsets.p, st_buf_text(w->a, &d->bytes)};
    return out;
}

static void put_text(world *w, uint32_t t, st_column *c, texts *d, uint64_t row, const char *text)
{
    if (!text)
        missing(w, t, c, row);
    else
        ((uint32_t *)(uintptr_t)c->data)[row] = code_of(w, d, text, strlen(text));
}

static void fill_tags(world *w, const customer *c, uint64_t n)
{
    ST_VEC(uint32_t) elements = {0};
    int64_t *offsets = st_new_n(w->a, int64_t, n + 1);
    texts d;
    texts_open(w, &d);
    st_column *tags = column(w, CUSTOMERS, C_TAGS, ST_CODE, 0);
    for (uint64_t r = 0; r < n; r++) {
        for (const char *p = c[r].tags; p && *p;) {
            size_t length = strcspn(p, " ");
            *st_push(w->a, &elements) = code_of(w, &d, p, length);
            p += length + (p[length] == ' ');
        }
        if (!c[r].tags) missing(w, CUSTOMERS, tags, r);
        offsets[r + 1] = elements.n;
    }
    tags->list = offsets;
    tags->data = elements.p ? (void *)elements.p : (void *)offsets;
    tags->n = elements.n;
    tags->dict = texts_close(w, &d);
}

static void open_table(world *w, uint32_t t, uint32_t cols, uint64_t rows)
{
    st_data_table *dt = &w->data->tables[t];
    *dt = (st_data_table){.decl = w->schema->tables[t],
                          .rows = rows,
                          .columns = st_new_n(w->a, st_column, cols),
                          .bound = true};
    dt->links = st_new_n(w->a, int32_t *, cols);
    dt->orphans = st_new_n(w->a, uint64_t, cols);
}

void world_customers(world *w, const customer *c, uint64_t n)
{
    open_table(w, CUSTOMERS, C_COLS, n);
    st_column *id = column(w, CUSTOMERS, C_ID, ST_CODE, n),
              *country = column(w, CUSTOMERS, C_COUNTRY, ST_CODE, n);
    st_column *age = column(w, CUSTOMERS, C_AGE, ST_I64, n),
              *rating = column(w, CUSTOMERS, C_RATING, ST_F64, n);
    st_column *spend = column(w, CUSTOMERS, C_SPEND, ST_I64, n),
              *wealth = column(w, CUSTOMERS, C_WEALTH, ST_I128, n);
    st_column *born = column(w, CUSTOMERS, C_BORN, ST_I32, n),
              *joined = column(w, CUSTOMERS, C_JOINED, ST_I64, n);
    st_column *consent = column(w, CUSTOMERS, C_CONSENT, ST_BIT, n),
              *friend_id = column(w, CUSTOMERS, C_FRIEND, ST_CODE, n);
    int32_t *link = st_new_n(w->a, int32_t, n + 64);
    texts ids, countries;
    texts_open(w, &ids);
    texts_open(w, &countries);
    for (uint64_t r = 0; r < n; r++) {
        put_text(w, CUSTOMERS, id, &ids, r, c[r].id);
        put_text(w, CUSTOMERS, country, &countries, r, c[r].country);
        put_i64(w, CUSTOMERS, age, r, c[r].age, c[r].age != NO_INT);
        if (c[r].rating > NO_FLOAT)
            ((double *)(uintptr_t)rating->data)[r] = c[r].rating;
        else
            missing(w, CUSTOMERS, rating, r);
        put_i64(w, CUSTOMERS, spend, r, c[r].spend, true);
        if (c[r].wealth)
            ((st_i128 *)(uintptr_t)wealth->data)[r] = c[r].wealth;
        else
            missing(w, CUSTOMERS, wealth, r);
        put_i64(w, CUSTOMERS, born, r, c[r].born, c[r].born != NO_INT);
        put_i64(w, CUSTOMERS, joined, r, c[r].joined, true);
        if (c[r].consent < 0) missing(w, CUSTOMERS, consent, r);
        if (c[r].consent > 0) st_bit_set((void *)(uintptr_t)consent->data, r);
        link[r] = c[r].friend_row;
        if (link[r] < 0) missing(w, CUSTOMERS, friend_id, r);
    }
    fill_tags(w, c, n);
    id->dict = texts_close(w, &ids);
    country->dict = texts_close(w, &countries);
    friend_id->dict = id->dict;
    w->data->tables[CUSTOMERS].links[C_FRIEND] = link;
}

void world_orders(world *w, const order *o, uint64_t n)
{
    open_table(w, ORDERS, O_COLS, n);
    st_column *id = column(w, ORDERS, O_ID, ST_I64, n), *at = column(w, ORDERS, O_AT, ST_I64, n);
    st_column *amount = column(w, ORDERS, O_AMOUNT, ST_I64, n),
              *category = column(w, ORDERS, O_CATEGORY, ST_CODE, n);
    st_column *day = column(w, ORDERS, O_DAY, ST_I32, n),
              *customer_id = column(w, ORDERS, O_CUSTOMER, ST_CODE, n);
    int32_t *link = st_new_n(w->a, int32_t, n + 64);
    texts categories;
    texts_open(w, &categories);
    for (uint64_t r = 0; r < n; r++) {
        put_i64(w, ORDERS, id, r, o[r].id, true);
        put_i64(w, ORDERS, at, r, o[r].at, o[r].at != NO_INT);
        put_i64(w, ORDERS, day, r, o[r].at / ST_DAY_US, o[r].at != NO_INT);
        put_i64(w, ORDERS, amount, r, o[r].amount, o[r].amount != NO_INT);
        put_text(w, ORDERS, category, &categories, r, o[r].category);
        link[r] = o[r].customer;
        if (link[r] < 0) missing(w, ORDERS, customer_id, r);
    }
    category->dict = texts_close(w, &categories);
    customer_id->dict = w->data->tables[CUSTOMERS].columns[C_ID].dict;
    w->data->tables[ORDERS].links[O_CUSTOMER] = link;
}
