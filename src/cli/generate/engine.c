/* Rows from a description. A table's rows are found by walking those of its owner, whose own are found by walking its owner's: a
 * chain of cursors, each with one row in hand. What a column holds is drawn at the row's address and the column's number, so
 * that any value can be had again from anywhere, a factor from the owner's say. */
#include "cli/generate/model.h"

#include "api/arrow_out.h"
#include "base/decimal.h"
#include "cli/generate/random.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH_ROWS = 16384, MOST_HAPPENINGS = 64, MOST_WORDS = 256, MOST_TAGS = 64 };
#define MOST_TIMES 20000.0 /* rows of one happening for one owner */
#define SECOND_US INT64_C(1000000)

/* What a draw is for; part of its address, so the order never changes. Columns follow. */
enum { FOR_LIFE, FOR_TIMES, FOR_PERSON, FOR_PLACE, FOR_HABIT, FOR_COLUMN = 16, FOR_FAVOURITE = 1u << 20 };

typedef struct row {
    const gen_table *table;
    const struct row *owner;
    uint64_t number;  /* in its table */
    uint64_t address; /* of its draws */
    double begin, end;
    const char *what;
} row;

typedef struct moment {
    double time;
    uint32_t happening;
} moment;

typedef struct cursor {
    const gen_model *model;
    uint32_t table;
    struct cursor *owner; /* NULL: a table without one */
    row row;
    uint64_t next; /* number of the row behind the one in hand */
    moment *moments;
    uint32_t n, room, at;
} cursor;

static int find_table(const gen_model *m, const char *name)
{
    for (uint32_t i = 0; i < m->ntables; i++)
        if (strcmp(m->tables[i].name, name) == 0) return (int)i;
    return -1;
}

static gen_random draw(const gen_model *m, const row *r, uint32_t purpose)
{
    return gen_random_at(m->seed, r->address, purpose, 0);
}

/* ---- words and factors ---- */

static const gen_word *choose(gen_random *r, const gen_column *c)
{
    double sum = 0, at;
    for (uint32_t i = 0; i < c->nwords; i++) sum += c->words[i].weight;
    at = gen_uniform(r) * sum;
    uint32_t i = 0;
    while (i + 1 < c->nwords && at >= c->words[i].weight) at -= c->words[i++].weight;
    return &c->words[i];
}

static uint32_t column_number(const row *r, const gen_column *c)
{
    return FOR_COLUMN + (uint32_t)(c - r->table->columns);
}

/* The draw of a value. A favourite is drawn at the owner's address, for the table as well as for the column. */
static gen_random draw_value(const gen_model *m, const row *r, const gen_column *c)
{
    gen_random own = draw(m, r, column_number(r, c));
    if (!r->owner || c->a <= 0 || !gen_chance(&own, c->a)) return own;
    uint32_t purpose = FOR_FAVOURITE + (uint32_t)(r->table - m->tables) * 4096 + column_number(r, c);
    return gen_random_at(m->seed, r->owner->address, purpose, 0);
}

static const gen_word *word_of(const gen_model *m, const row *r, const gen_column *c)
{
    gen_random g = draw_value(m, r, c);
    return choose(&g, c);
}

/* What the words of a column say of this row, of the row itself or the nearest that it belongs to. */
static double factor(const gen_model *m, const row *r, const char *by)
{
    for (; by && r; r = r->owner)
        for (uint32_t i = 0; i < r->table->ncolumns; i++) {
            const gen_column *c = &r->table->columns[i];
            if (!c->nwords || strcmp(c->name, by) != 0) continue;
            const gen_word *w = word_of(m, r, c);
            return w->factor != 0 ? w->factor : 1;
        }
    return 1;
}

/* ---- lives ---- */

static void begin_life(const gen_model *m, const gen_table *t, row *r, uint64_t number)
{
    *r = (row){.table = t, .number = number};
    r->address = gen_random_at(m->seed, number, (uint32_t)(t - m->tables) + 1, 0).state;
    gen_random g = draw(m, r, FOR_LIFE);
    double span = t->span > 0 ? t->span : 1095;
    r->begin = m->horizon - span * (1 - gen_pow(gen_uniform(&g), 0.75)); /* more of them late than early */
    r->end = t->stay > 0 ? r->begin + gen_exponential(&g, 1 / t->stay) : HUGE_VAL;
}

/* A second of the day as people are about: hardly at night, most after work. */
static double clock_of(gen_random *g)
{
    static const uint32_t hours[24] = {8,  4,  2,  1,  1,  3,  10, 22, 36, 46, 52, 54,
                                       56, 50, 46, 46, 50, 58, 70, 82, 90, 80, 50, 22};
    return (gen_choice(g, hours, 24) * 3600 + gen_below(g, 3600)) / 86400.0;
}

/* A time of day for a day between two times; the plain time where that one would be outside. */
static double settle(gen_random *g, double time, double from, double to, bool weekend, int64_t day)
{
    double whole = floor(time), candidate;
    if (weekend) {
        static const int back[7] = {1, 2, 3, 4, 0, 0, 0}; /* days to the Friday to Sunday before */
        whole -= back[(((int64_t)whole + day + 3) % 7 + 7) % 7];
    }
    candidate = whole + clock_of(g);
    return candidate > from && candidate < to ? candidate : time;
}

static bool add_moment(cursor *c, moment what)
{
    if (c->n == c->room) {
        uint32_t room = c->room ? c->room * 2 : 64;
        moment *more = realloc(c->moments, room * sizeof *more);
        if (!more) return false;
        c->moments = more;
        c->room = room;
    }
    c->moments[c->n++] = what;
    return true;
}

static int by_time(const void *a, const void *b)
{
    const moment *x = a, *y = b;
    if (x->time != y->time) return x->time < y->time ? -1 : 1;
    return (x->happening > y->happening) - (x->happening < y->happening);
}

/* The first time that this happened; HUGE_VAL: never. */
static double first_of(const cursor *c, const gen_table *t, const char *what)
{
    double first = HUGE_VAL;
    for (uint32_t i = 0; i < c->n; i++) {
        const char *name = t->happenings[c->moments[i].happening].what;
        if (name && strcmp(name, what) == 0) first = ST_MIN(first, c->moments[i].time);
    }
    return first;
}

static double how_often(const gen_happening *h, gen_random *g, double days, double by)
{
    double level = h->shape > 0 ? gen_gamma(g, h->shape) / h->shape : 1;
    if (h->times > 0) return 1 + gen_poisson(g, ST_MIN(level * (h->times - 1), MOST_TIMES));
    return gen_poisson(g, ST_MIN(level * h->rate * by * days / 30, MOST_TIMES));
}

static bool happen(cursor *c, uint32_t number)
{
    const gen_model *m = c->model;
    const gen_table *t = &m->tables[c->table];
    const gen_happening *h = &t->happenings[number];
    const row *o = &c->owner->row;
    gen_random g = gen_random_at(m->seed, o->address, FOR_TIMES, c->table * MOST_HAPPENINGS + number);
    gen_random habit = gen_random_at(m->seed, o->address, FOR_HABIT, c->table);
    double by = factor(m, o, h->by), from = o->begin, to = ST_MIN(o->end, m->horizon);
    if (h->after) from = first_of(c, t, h->after);
    if (h->last > 0) to = ST_MIN(to, from + h->last);
    from += h->first;
    if (!gen_chance(&g, h->chance > 0 ? h->chance * (h->rate > 0 ? 1 : by) : 1) || from >= to) return true;
    bool weekend = gen_chance(&habit, t->weekend);
    double n = how_often(h, &g, to - from, by);
    for (double i = 0; i < n; i++) {
        double time = from + gen_uniform(&g) * (to - from);
        if (!add_moment(c, (moment){settle(&g, time, from, to, weekend, m->day), number})) return false;
    }
    return true;
}

static bool fill_moments(cursor *c)
{
    c->n = c->at = 0;
    for (uint32_t i = 0; i < c->model->tables[c->table].nhappenings; i++)
        if (!happen(c, i)) return false;
    if (c->n) qsort(c->moments, c->n, sizeof *c->moments, by_time);
    return true;
}

static uint64_t roots(const gen_model *m, const gen_table *t)
{
    double n = floor(t->share * (double)m->customers);
    n = ST_MAX(n, t->least);
    return (uint64_t)(t->most > 0 ? ST_MIN(n, t->most) : n);
}

/* ---- cursors ---- */

static void close_cursor(cursor *c)
{
    while (c) {
        cursor *owner = c->owner;
        free(c->moments);
        free(c);
        c = owner;
    }
}

static cursor *open_cursor(const gen_model *m, uint32_t table)
{
    cursor *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->model = m;
    c->table = table;
    const char *owner = m->tables[table].owner;
    if (owner && !(c->owner = open_cursor(m, (uint32_t)find_table(m, owner)))) {
        free(c);
        return NULL;
    }
    return c;
}

/* 1: the next row is in hand; 0: there is none; -1: memory ran out. */
static int advance(cursor *c)
{
    const gen_model *m = c->model;
    const gen_table *t = &m->tables[c->table];
    if (!c->owner) {
        if (c->next == roots(m, t)) return 0;
        begin_life(m, t, &c->row, c->next++);
        return 1;
    }
    while (c->at == c->n) {
        int more = advance(c->owner);
        if (more <= 0) return more;
        if (!fill_moments(c)) return -1;
    }
    const row *o = &c->owner->row;
    const moment *now = &c->moments[c->at];
    uint64_t address = gen_random_at(m->seed, o->address, c->table + 1, c->at + 1).state;
    c->row = (row){t, o, c->next++, address, now->time, o->end, t->happenings[now->happening].what};
    c->at++;
    return 1;
}

/* ---- values ---- */

typedef struct table_source {
    const gen_model *model;
    cursor *cursor;
    uint64_t *counts; /* of the tables that columns link to, by table */
    bool empty;       /* a column has to link to a table without rows: no row can be */
    st_out_field fields[];
} table_source;

static int64_t day_of(const gen_model *m, double time)
{
    return m->day + (int64_t)floor(time);
}

static void put_time(const gen_model *m, st_out_batch *b, uint32_t at, const gen_column *c, double time)
{
    int64_t day = day_of(m, time);
    int64_t second = (int64_t)((time - floor(time)) * 86400);
    if (c->type[1] == 'd')
        st_out_int(b, at, day);
    else
        st_out_int(b, at, st_instant_of_local(m->zone, day * ST_DAY_US + second * SECOND_US));
}

static unsigned scale_of(const gen_column *c)
{
    const char *comma = strchr(c->type, ',');
    return comma ? (unsigned)strtoul(comma + 1, NULL, 10) : 0;
}

/* The most that fits into the digits of the type, and into a double exactly. */
static double most_of(const gen_column *c)
{
    unsigned digits = c->type[0] == 'd' ? (unsigned)strtoul(c->type + 2, NULL, 10) : 15;
    return (double)st_pow10(ST_MIN(digits, 15u)) - 1;
}

static void put_number(st_out_batch *b, uint32_t at, const gen_column *c, double v)
{
    if (c->low < c->high) v = ST_MAX(c->low, ST_MIN(c->high, v));
    if (c->type[0] == 'g') {
        st_out_float(b, at, floor(v * 1e4 + 0.5) / 1e4);
        return;
    }
    unsigned scale = scale_of(c);
    double most = most_of(c), units = v * (double)st_pow10(ST_MIN(scale, 15u));
    /* Rounded inwards at the bounds. */
    double whole = floor(ST_MAX(-most, ST_MIN(most, units)) + 0.5);
    if (c->low < c->high && whole > units && v >= c->high) whole -= 1;
    if (c->low < c->high && whole < units && v <= c->low) whole += 1;
    if (c->type[0] == 'd')
        st_out_decimal(b, at, (st_i128)whole * st_pow10(scale - ST_MIN(scale, 15u)));
    else
        st_out_int(b, at, (int64_t)whole);
}

static void put_text(st_out_batch *b, uint32_t at, const char *text)
{
    if (text)
        st_out_text(b, at, st_str_of(text));
    else
        st_out_null(b, at);
}

static const char *const first_names[] = {"Anna",  "Ben",  "Clara", "David", "Emma",  "Felix",
                                          "Greta", "Hugo", "Ida",   "Jonas", "Karla", "Leo",
                                          "Mia",   "Noah", "Olga",  "Paul"};
static const char *const last_names[] = {"Adler", "Bauer", "Conrad", "Dietz",  "Engel", "Frank",
                                         "Graf",  "Huber", "Jung",   "Kaiser", "Lang",  "Maier",
                                         "Neu",   "Otto",  "Peters", "Roth"};

/* The same name and address wherever a row speaks of its person. */
static void put_person(const gen_model *m, st_out_batch *b, uint32_t at, const gen_column *c, const row *r,
                       gen_random *g)
{
    static const char *const hosts[] = {"example.com", "example.org", "mail.example.net"};
    gen_random person = draw(m, r, FOR_PERSON);
    const char *first = first_names[gen_below(&person, ST_COUNT(first_names))];
    const char *last = last_names[gen_below(&person, ST_COUNT(last_names))];
    unsigned long long number = r->number + 1;
    char text[96];
    if (c->how == GEN_EMAIL)
        snprintf(text, sizeof text, "%s.%s%llu@%s", first, last, number,
                 hosts[gen_below(g, ST_COUNT(hosts))]);
    else if (c->how == GEN_PHONE)
        snprintf(text, sizeof text, "+49 15%u %07u", gen_below(g, 10), gen_below(g, 10000000));
    else
        snprintf(text, sizeof text, "%s %s", first, last);
    for (char *p = text; c->how == GEN_EMAIL && *p; p++)
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p - 'A' + 'a');
    put_text(b, at, text);
}

/* A key from the number of its row. */
static void put_key(const gen_model *m, const char *table, st_out_batch *b, uint32_t at, uint64_t number)
{
    const gen_table *t = &m->tables[find_table(m, table)];
    const gen_column *key = t->columns;
    while (key->how != GEN_KEY) key++;
    if (key->type[0] == 'l') {
        st_out_int(b, at, (int64_t)(number + 1) + (int64_t)key->a);
        return;
    }
    char text[80];
    snprintf(text, sizeof text, "%s%06llu", key->of, (unsigned long long)(number + 1));
    put_text(b, at, text);
}

/* Some row of a table, the first ones more often; of a table that has a beginning, one that had begun. */
static bool choose_row(const table_source *s, const gen_column *c, const row *r, gen_random *g,
                       uint64_t *number)
{
    const gen_model *m = s->model;
    int table = find_table(m, c->of);
    uint64_t n = s->counts[table];
    for (int tries = 0; tries < 8 && n; tries++) {
        double u = gen_uniform(g);
        *number = (uint64_t)((double)n * u * u);
        if (m->tables[table].owner) return true;
        row chosen;
        begin_life(m, &m->tables[table], &chosen, *number);
        if (chosen.begin <= r->begin) return true;
    }
    return n > 0;
}

static void put_link(const table_source *s, st_out_batch *b, uint32_t at, const gen_column *c, const row *r,
                     gen_random *g)
{
    uint64_t number;
    if (choose_row(s, c, r, g, &number))
        put_key(s->model, c->of, b, at, number);
    else
        st_out_null(b, at);
}

static void put_tags(st_out_batch *b, uint32_t at, const gen_column *c, gen_random *g)
{
    st_str tags[MOST_TAGS];
    char text[4096] = "";
    uint32_t n = 0;
    size_t length = 0;
    for (uint32_t i = 0; i < c->nwords && n < MOST_TAGS; i++) {
        if (!gen_chance(g, c->words[i].weight)) continue;
        st_str tag = st_str_of(c->words[i].text);
        tags[n++] = tag;
        if (length + tag.n + 2 > sizeof text) continue;
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%s", length ? ";" : "", tag.p);
    }
    /* Lists of other types than text are written as text, their values separated by semicolons. */
    if (c->type[0] == '+')
        st_out_list(b, at, tags, n);
    else
        put_text(b, at, text);
}

static const gen_column *column_of(const gen_table *t, const char *name)
{
    for (uint32_t i = 0; i < t->ncolumns; i++)
        if (strcmp(t->columns[i].name, name) == 0) return &t->columns[i];
    return NULL;
}

/* The time of a column that is one, as the row's own draws say it; false: missing. */
static bool time_of(const gen_model *m, const row *r, const gen_column *c, double *time)
{
    gen_random g = draw(m, r, column_number(r, c));
    if (gen_chance(&g, c->missing)) return false;
    const gen_column *from = c->of ? column_of(r->table, c->of) : NULL;
    *time = r->begin;
    switch (c->how) {
    case GEN_RECENT: {
        double last = ST_MIN(r->end, m->horizon);
        *time = ST_MAX(r->begin, last - gen_exponential(&g, 1 / c->b));
        return true;
    }
    case GEN_LATER:
    case GEN_PLANNED:
        if (from && !time_of(m, r, from, time)) return false;
        *time += c->a + c->b * factor(m, r, c->by) * gen_exp(c->c * gen_normal(&g));
        return c->how == GEN_PLANNED || *time < m->horizon;
    case GEN_WITHIN: *time = c->a + (c->b - c->a) * gen_uniform(&g); return true;
    case GEN_BIRTH: *time = -365.2425 * (18 + 32.5 * (gen_uniform(&g) + gen_uniform(&g))); return true;
    default: return true;
    }
}

static bool is_time(const gen_column *c)
{
    return c->type[0] == 't';
}

static void put_placed(const gen_model *m, st_out_batch *b, uint32_t at, const gen_column *c, const row *r,
                       gen_random *g)
{
    gen_random place = draw(m, r, FOR_PLACE);
    const gen_word *w = choose(&place, c);
    if (c->type[0] == 'u')
        put_text(b, at, w->text);
    else
        put_number(b, at, c, w->factor + c->c * gen_normal(g));
}

static double amount_of(const gen_model *m, const gen_column *c, const row *r, gen_random *g)
{
    double level = 0;
    if (c->c > 0) {
        gen_random own = gen_random_at(m->seed, r->owner ? r->owner->address : r->address,
                                       FOR_FAVOURITE + column_number(r, c), 1);
        level = c->c * gen_normal(&own);
    }
    return c->a * factor(m, r, c->by) * gen_exp(level + c->b * gen_normal(g));
}

static void put_value(const table_source *s, st_out_batch *b, uint32_t at, const gen_column *c, const row *r)
{
    const gen_model *m = s->model;
    double time;
    if (is_time(c)) {
        if (time_of(m, r, c, &time))
            put_time(m, b, at, c, time);
        else
            st_out_null(b, at);
        return;
    }
    gen_random g = draw(m, r, column_number(r, c));
    if (gen_chance(&g, c->missing)) {
        st_out_null(b, at);
        return;
    }
    switch (c->how) {
    case GEN_KEY: put_key(m, r->table->name, b, at, r->number); return;
    case GEN_OWNER: put_key(m, r->table->owner, b, at, r->owner->number); return;
    case GEN_LINK: put_link(s, b, at, c, r, &g); return;
    case GEN_WORD: put_text(b, at, word_of(m, r, c)->text); return;
    case GEN_WHAT: put_text(b, at, r->what); return;
    case GEN_TAGS: put_tags(b, at, c, &g); return;
    case GEN_FLAG: st_out_bool(b, at, gen_chance(&g, c->a * factor(m, r, c->by))); return;
    case GEN_AMOUNT: put_number(b, at, c, amount_of(m, c, r, &g)); return;
    case GEN_BELL: {
        double tilt = r->end < m->horizon ? c->c : 0;
        put_number(b, at, c, c->a * factor(m, r, c->by) + tilt + c->b * gen_normal(&g));
        return;
    }
    case GEN_EVEN: put_number(b, at, c, c->low + (c->high - c->low) * gen_uniform(&g)); return;
    case GEN_NUMBER: {
        const gen_word *w = choose(&g, c);
        put_number(b, at, c, w->factor * gen_exp(c->b * gen_normal(&g)));
        return;
    }
    case GEN_NUMBERED: {
        gen_random pool = draw_value(m, r, c);
        char text[80];
        double u = gen_uniform(&pool);
        if (c->type[0] == 'l') {
            st_out_int(b, at, 1 + (int64_t)(c->b * u * u));
            return;
        }
        snprintf(text, sizeof text, "%s%04u", c->of, 1 + (unsigned)(c->b * u * u));
        put_text(b, at, text);
        return;
    }
    case GEN_DIGITS: {
        char text[24] = "";
        for (uint32_t i = 0; i < c->a && i < sizeof text - 1; i++) text[i] = (char)('0' + gen_below(&g, 10));
        put_text(b, at, text);
        return;
    }
    case GEN_PLACED: put_placed(m, b, at, c, r, &g); return;
    default: put_person(m, b, at, c, r, &g); return;
    }
}

/* ---- streams ---- */

static int fill(void *context, st_out_batch *b, const char **why)
{
    table_source *s = context;
    (void)why;
    for (int i = 0; i < BATCH_ROWS && !s->empty; i++) {
        int more = advance(s->cursor);
        if (more < 0) return ENOMEM;
        if (more == 0) break;
        const gen_table *t = s->cursor->row.table;
        uint32_t at = 0;
        for (uint32_t k = 0; k < t->ncolumns; k++)
            if (!t->columns[k].hidden) put_value(s, b, at++, &t->columns[k], &s->cursor->row);
    }
    return 0;
}

static void done(void *context)
{
    table_source *s = context;
    close_cursor(s->cursor);
    free(s->counts);
    free(s);
}

/* How many rows a table has: known of those without owner, else they are walked. */
static bool count_rows(const gen_model *m, uint32_t table, uint64_t *n)
{
    *n = roots(m, &m->tables[table]);
    if (!m->tables[table].owner) return true;
    cursor *c = open_cursor(m, table);
    int more = c ? 1 : -1;
    while (more > 0) more = advance(c);
    if (c) *n = c->next;
    close_cursor(c);
    return more == 0;
}

static bool count_links(table_source *s, const gen_table *t)
{
    for (uint32_t i = 0; i < t->ncolumns; i++) {
        if (t->columns[i].how != GEN_LINK) continue;
        uint32_t target = (uint32_t)find_table(s->model, t->columns[i].of);
        if (!s->counts[target] && !count_rows(s->model, target, &s->counts[target])) return false;
        s->empty = s->empty || (s->counts[target] == 0 && t->columns[i].missing <= 0);
    }
    return true;
}

int gen_table_stream(const gen_model *model, uint32_t table, struct ArrowArrayStream *stream)
{
    const gen_table *t = &model->tables[table];
    table_source *s = calloc(1, sizeof *s + t->ncolumns * sizeof *s->fields);
    if (!s) return ENOMEM;
    s->model = model;
    s->counts = calloc(model->ntables, sizeof *s->counts);
    s->cursor = open_cursor(model, table);
    if (!s->counts || !s->cursor || !count_links(s, t)) {
        done(s);
        return ENOMEM;
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->ncolumns; i++) {
        const gen_column *c = &t->columns[i];
        bool key = c->how == GEN_KEY || c->how == GEN_TIME;
        if (!c->hidden) s->fields[n++] = (st_out_field){c->name, c->type, !key};
    }
    return st_out_stream(NULL, s->fields, n, (st_out_source){s, fill, done}, stream);
}
