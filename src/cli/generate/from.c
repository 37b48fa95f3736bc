#include "cli/generate/from.h"

#include "cli/generate/pattern.h"
#include "cli/generate/random.h"
#include "sema/check.h"

#include <math.h>

/* ---- what rules ask of a column ---- */

enum { MOST_HINTS = 64 };

typedef struct column_hints {
    ST_VEC(gen_word) words; /* texts, the more often asked for the heavier */
    ST_VEC(double) numbers;
    enum { NO_PLACE, LATITUDE, LONGITUDE } place; /* the numbers are those of places */
} column_hints;

typedef struct builder {
    st_arena *a;
    const st_program *program;
    column_hints **hints; /* by table, by column */
    int *owners;          /* by table: the column that links to its owner; -1: none */
    bool *linked;         /* by table: another one links to it */
    st_walker walker;
} builder;

static column_hints *hints_of(const builder *b, const st_col *col)
{
    return &b->hints[col->table->index][col->index];
}

static void hint_text(builder *b, const st_col *col, const char *text, double weight)
{
    column_hints *h = hints_of(b, col);
    for (uint32_t i = 0; i < h->words.n; i++)
        if (strcmp(h->words.p[i].text, text) == 0) {
            h->words.p[i].weight = ST_MAX(h->words.p[i].weight, weight);
            return;
        }
    if (h->words.n < MOST_HINTS) *st_push(b->a, &h->words) = (gen_word){text, weight, 0};
}

static void hint_number(builder *b, const st_col *col, double number)
{
    column_hints *h = hints_of(b, col);
    if (h->numbers.n < MOST_HINTS) *st_push(b->a, &h->numbers) = number;
}

static bool number_of(const st_value *v, double *number)
{
    switch (v->type.base) {
    case ST_T_INT: *number = (double)v->as.i; return true;
    case ST_T_DECIMAL: *number = st_dec_to_double(v->as.d, v->type.scale); return true;
    case ST_T_FLOAT: *number = v->as.f; return isfinite(v->as.f);
    default: return false;
    }
}

/* A value that begins, ends with, or holds the text that was asked for. Digits are filled up, as of a postcode. */
static const char *around(builder *b, st_op op, const char *text)
{
    size_t n = strlen(text);
    if (op == ST_X_STARTS_WITH && n && strspn(text, "0123456789") == n)
        return n < 5 ? st_format(b->a, "%s%.*s", text, (int)(5 - n), "3172") : text;
    if (op == ST_X_STARTS_WITH) return st_format(b->a, "%s-1", text);
    if (op == ST_X_ENDS_WITH) return st_format(b->a, "one%s", text);
    return st_format(b->a, "the %s one", text);
}

/* The expression is held against the value: which column does it speak of, and what should the column hold? */
static void hint(builder *b, st_op op, const st_expr *x, const st_value *v, double share, int depth)
{
    double number;
    if (!x || depth > 50 || v->missing) return;
    switch (x->op) {
    case ST_X_COLUMN:
        if (v->type.base == ST_T_STRING) {
            const char *text = st_dup(b->a, v->as.s.p, v->as.s.n);
            bool part = op == ST_X_STARTS_WITH || op == ST_X_ENDS_WITH || op == ST_X_CONTAINS;
            hint_text(b, x->col, part ? around(b, op, text) : text, op == ST_X_NE ? 0.3 : 3);
        } else if (number_of(v, &number) && (number != 0 || op == ST_X_EQ || op == ST_X_LE)) {
            hint_number(b, x->col, number * share); /* to be above nothing says little */
        }
        return;
    case ST_X_DEF: hint(b, op, x->def->expr, v, share, depth + 1); return;
    case ST_X_AGGREGATE:
        if (x->kind != ST_AGG_DISTINCT && x->kind != ST_AGG_REPEATS && x->kind != ST_AGG_COUNT && x->n &&
            x->args[0])
            hint(b, op, x->args[0], v, x->kind == ST_AGG_SUM ? share / 3 : share, depth + 1);
        return;
    case ST_X_LINK:
    case ST_X_STEP_ROW:
    case ST_X_IF_MISSING:
    case ST_X_TO_FLOAT:
    case ST_X_RESCALE:
    case ST_X_ROUND:
    case ST_X_FLOOR:
    case ST_X_CEIL:
    case ST_X_LOWER:
    case ST_X_UPPER:
    case ST_X_TRIM:
    case ST_X_AS_OF: hint(b, op, x->args[0], v, share, depth + 1); return;
    default: return;
    }
}

/* Two expressions that are a latitude and a longitude, and the place that they are held against, where it is a fixed one. */
static void hint_place(builder *b, st_expr *const *degrees, st_expr *const *place)
{
    for (int i = 0; i < 2; i++) {
        const st_expr *x = degrees[i];
        while (x->op == ST_X_TO_FLOAT || x->op == ST_X_RESCALE || x->op == ST_X_LINK) x = x->args[0];
        if (x->op != ST_X_COLUMN) continue;
        hints_of(b, x->col)->place = i == 0 ? LATITUDE : LONGITUDE;
        if (place && st_is_const(place[0]) && st_is_const(place[1]))
            hint(b, ST_X_EQ, x, &place[i]->value, 1, 0);
    }
}

static void visit(void *context, const st_expr *x)
{
    builder *b = context;
    switch (x->op) {
    case ST_X_EQ:
    case ST_X_NE:
    case ST_X_LT:
    case ST_X_LE:
    case ST_X_GT:
    case ST_X_GE:
    case ST_X_IN:
    case ST_X_HAS:
    case ST_X_STARTS_WITH:
    case ST_X_ENDS_WITH:
    case ST_X_CONTAINS:
        for (uint32_t i = 1; i < x->n; i++) {
            if (st_is_const(x->args[i])) hint(b, x->op, x->args[0], &x->args[i]->value, 1, 0);
            if (i == 1 && st_is_const(x->args[0])) hint(b, x->op, x->args[1], &x->args[0]->value, 1, 0);
        }
        return;
    case ST_X_DISTANCE:
    case ST_X_NEAREST:
        hint_place(b, x->args, x->args + 2);
        hint_place(b, x->args + 2, x->args);
        return;
    case ST_X_MATCHES:
        for (uint32_t i = 0; i < 3; i++) {
            gen_random r = gen_random_at(i, 0, 0, 0);
            const char *text = gen_text_like(b->a, x->value.as.s, &r);
            st_value like = {.type = {.base = ST_T_STRING}, .as.s = st_str_of(text)};
            hint(b, x->op, x->args[0], &like, 1, 0);
        }
        return;
    default: return;
    }
}

static void collect_hints(builder *b)
{
    const st_program *p = b->program;
    b->hints = st_new_n(b->a, column_hints *, p->ntables + 1);
    st_walker_init(&b->walker, b->a, visit, b);
    for (uint32_t i = 0; i < p->ntables; i++)
        b->hints[i] = st_new_n(b->a, column_hints, p->tables[i]->ncols + 1);
    for (uint32_t i = 0; i < p->ntables; i++) st_walk(&b->walker, p->tables[i]->keep);
    for (uint32_t i = 0; i < p->ndefs; i++) st_walk_def(&b->walker, p->defs[i]);
}

/* ---- which table belongs to which ---- */

static const st_table *owner_of(const builder *b, const st_table *t)
{
    int column = b->owners[t->index];
    return column < 0 ? NULL : t->cols[column].links_to;
}

static bool belongs_to(const builder *b, const st_table *t, const st_table *to)
{
    for (; t; t = owner_of(b, t))
        if (t == to) return true;
    return false;
}

/* A table belongs to what its first link leads to, or better to the first that is segmented, or leads there. */
static bool leads_to_entity(const st_table *t, int depth)
{
    if (t->segmented) return true;
    for (uint32_t i = 0; i < t->ncols && depth < 20; i++)
        if (t->cols[i].links_to && t->cols[i].links_to != t &&
            leads_to_entity(t->cols[i].links_to, depth + 1))
            return true;
    return false;
}

static void find_owners(builder *b)
{
    const st_program *p = b->program;
    b->owners = st_new_n(b->a, int, p->ntables + 1);
    b->linked = st_new_n(b->a, bool, p->ntables + 1);
    for (uint32_t i = 0; i < p->ntables; i++) b->owners[i] = -1;
    for (uint32_t i = 0; i < p->ntables; i++) {
        const st_table *t = p->tables[i];
        for (int wish = 1; wish >= 0 && b->owners[i] < 0; wish--)
            for (uint32_t k = 0; k < t->ncols && b->owners[i] < 0; k++) {
                const st_table *to = t->cols[k].links_to;
                if (!to || belongs_to(b, to, t)) continue; /* nobody owns himself, not even in a circle */
                if (!wish || leads_to_entity(to, 0)) b->owners[i] = (int)k;
            }
        for (uint32_t k = 0; k < t->ncols; k++)
            if (t->cols[k].links_to) b->linked[t->cols[k].links_to->index] = true;
    }
}

/* ---- columns ---- */

static bool named(const char *name, const char *const *parts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strstr(name, parts[i])) return true;
    return false;
}
#define NAMED(name, ...)                                                                                     \
    named((name), (const char *const[]){__VA_ARGS__},                                                        \
          sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* Texts for a column that no rule speaks of, or to stand beside those that rules do. */
static const char *const fillers[] = {"alder",   "birch", "cedar", "elm", "fir",  "hazel",
                                      "juniper", "larch", "maple", "oak", "pine", "rowan"};
static const gen_word countries[] = {{"DE", 5, 0},   {"AT", 1, 0}, {"CH", 1, 0},
                                     {"FR", 1.5, 0}, {"NL", 1, 0}, {"US", 1, 0}};
static const gen_word languages[] = {{"de", 5, 0}, {"en", 2, 0}, {"fr", 1.5, 0}, {"it", 0.5, 0}};

/* Places for columns called city, lat and lon; the factor is the latitude, the longitude. */
static const gen_word latitudes[] = {{"Munich", 2, 48.137},    {"Berlin", 3, 52.52},  {"Hamburg", 2, 53.55},
                                     {"Cologne", 1.5, 50.938}, {"Vienna", 1, 48.208}, {"Zurich", 1, 47.377},
                                     {"Paris", 1, 48.857},     {"Leipzig", 1, 51.34}};
static const gen_word longitudes[] = {{"Munich", 2, 11.575},  {"Berlin", 3, 13.405}, {"Hamburg", 2, 9.993},
                                      {"Cologne", 1.5, 6.96}, {"Vienna", 1, 16.373}, {"Zurich", 1, 8.541},
                                      {"Paris", 1, 2.352},    {"Leipzig", 1, 12.373}};

static void use_words(gen_column *c, const gen_word *words, uint32_t n)
{
    c->words = words;
    c->nwords = n;
}

/* The words that rules ask for, filled up with others; `weight` of the others each. */
static void use_hinted(builder *b, gen_column *c, const column_hints *h, uint32_t others, double weight)
{
    gen_word *words = st_new_n(b->a, gen_word, h->words.n + others);
    for (uint32_t i = 0; i < h->words.n; i++) words[i] = h->words.p[i];
    for (uint32_t i = 0; i < others; i++) words[h->words.n + i] = (gen_word){fillers[i], weight, 0};
    use_words(c, words, h->words.n + others);
}

static void use_allowed(builder *b, gen_column *c, const st_col *col, const column_hints *h)
{
    gen_word *words = st_new_n(b->a, gen_word, col->none_of_these);
    for (uint32_t i = 0; i < col->none_of_these; i++) {
        st_str text = col->one_of[i].as.s;
        words[i] = (gen_word){st_dup(b->a, text.p, text.n), 2, 0};
        for (uint32_t k = 0; k < h->words.n; k++)
            if (strcmp(h->words.p[k].text, words[i].text) == 0) words[i].weight = h->words.p[k].weight;
    }
    use_words(c, words, col->none_of_these);
}

static void describe_text(builder *b, gen_column *c, const st_col *col, const column_hints *h)
{
    bool child = b->owners[col->table->index] >= 0;
    c->how = GEN_WORD;
    c->a = child ? 0.45 : 0; /* people are creatures of habit */
    if (col->none_of_these) {
        use_allowed(b, c, col, h);
    } else if (h->words.n) {
        use_hinted(b, c, h, 4, 0.6);
    } else if (NAMED(col->name, "mail") && !NAMED(col->name, "kind", "type", "domain")) {
        c->how = GEN_EMAIL;
    } else if (NAMED(col->name, "phone", "mobile")) {
        c->how = GEN_PHONE;
    } else if (col->pii || NAMED(col->name, "first_name", "last_name", "full_name", "person")) {
        c->how = GEN_PERSON;
    } else if (NAMED(col->name, "postcode", "zip", "postal")) {
        c->how = GEN_DIGITS;
        c->a = 5;
    } else if (NAMED(col->name, "city", "town")) {
        c->how = GEN_PLACED;
        use_words(c, latitudes, ST_COUNT(latitudes));
    } else if (NAMED(col->name, "country")) {
        use_words(c, countries, ST_COUNT(countries));
    } else if (NAMED(col->name, "language", "locale")) {
        use_words(c, languages, ST_COUNT(languages));
    } else if (strlen(col->name) > 3 && strcmp(col->name + strlen(col->name) - 3, "_id") == 0) {
        c->how = GEN_NUMBERED;
        c->of = st_format(b->a, "%.*s-", (int)strlen(col->name) - 3, col->name);
        c->b = 60;
    } else {
        use_hinted(b, c, h, ST_COUNT(fillers), 1);
    }
}

static double bound_of(const st_value *v, double otherwise)
{
    double number = otherwise;
    if (v) number_of(v, &number);
    return number;
}

static double typical(const st_col *col)
{
    return col->type.base == ST_T_INT ? 2 : col->type.base == ST_T_FLOAT ? 0.5 : 40;
}

static void describe_number(builder *b, gen_column *c, const st_col *col, const column_hints *h)
{
    if (col->low || col->high) {
        c->how = GEN_EVEN;
        c->low = bound_of(col->low, bound_of(col->high, 0) - 100);
        c->high = bound_of(col->high, c->low + 100);
    } else if (col->none_of_these) {
        c->how = GEN_NUMBER;
        gen_word *words = st_new_n(b->a, gen_word, col->none_of_these);
        for (uint32_t i = 0; i < col->none_of_these; i++)
            words[i] = (gen_word){"", 1, bound_of(&col->one_of[i], 0)};
        use_words(c, words, col->none_of_these);
    } else if (h->place || (NAMED(col->name, "lat", "lon", "lng") && col->type.base != ST_T_INT)) {
        bool lat = h->place ? h->place == LATITUDE : NAMED(col->name, "lat");
        gen_word *words = st_new_n(b->a, gen_word, h->numbers.n + ST_COUNT(latitudes));
        for (uint32_t i = 0; i < h->numbers.n; i++) words[i] = (gen_word){"", 4, h->numbers.p[i]};
        for (uint32_t i = 0; i < ST_COUNT(latitudes); i++)
            words[h->numbers.n + i] = lat ? latitudes[i] : longitudes[i];
        c->how = GEN_PLACED;
        c->c = 0.15;
        use_words(c, words, h->numbers.n + ST_COUNT(latitudes));
    } else if (h->numbers.n) {
        /* A second number keeps a column from being all nothing, where nothing is what a rule asks for. */
        gen_word *words = st_new_n(b->a, gen_word, h->numbers.n + 1);
        for (uint32_t i = 0; i < h->numbers.n; i++) words[i] = (gen_word){"", 1, h->numbers.p[i]};
        words[h->numbers.n] = (gen_word){"", 0.5, typical(col)};
        c->how = GEN_NUMBER;
        c->b = 0.7;
        use_words(c, words, h->numbers.n + 1);
    } else if (NAMED(col->name, "household") || (col->type.base == ST_T_INT && NAMED(col->name, "_id"))) {
        c->how = GEN_NUMBERED;
        c->b = 400;
    } else if (NAMED(col->name, "rating", "nps")) {
        c->how = GEN_EVEN;
        c->high = 10;
    } else {
        c->how = GEN_AMOUNT;
        c->a = typical(col);
        c->b = c->c = 0.7;
    }
}

static const st_col *planned_of(const st_table *t)
{
    for (uint32_t i = 0; i < t->ncols; i++)
        if (t->cols[i].planned) return &t->cols[i];
    return NULL;
}

static bool has_time(const st_table *t)
{
    for (uint32_t i = 0; i < t->ncols; i++)
        if (t->cols[i].time) return true;
    return false;
}

static void describe_time(builder *b, gen_column *c, const st_col *col)
{
    bool child = b->owners[col->table->index] >= 0,
         ahead = NAMED(col->name, "renew", "expire", "due", "until", "valid", "review", "next");
    const st_col *planned = planned_of(col->table);
    if (col->time) {
        c->how = GEN_TIME;
    } else if (col->recorded) {
        c->how = GEN_PLANNED;
        c->b = 0.2;
        c->c = 1;
    } else if (col->planned && !has_time(col->table)) {
        c->how = GEN_WITHIN;
        c->a = -540;
        c->b = 90;
    } else if (col->planned || (ahead && child)) {
        c->how = GEN_PLANNED;
        c->b = 25;
        c->c = 0.9;
    } else if (NAMED(col->name, "birth", "born")) {
        c->how = GEN_BIRTH;
    } else if (ahead) {
        c->how = GEN_WITHIN;
        c->a = -180;
        c->b = 360;
    } else if (child && col->type.optional) {
        c->how = GEN_LATER; /* paid, answered, returned: after it was due, if it was */
        c->of = planned ? planned->name : NULL;
        c->a = planned ? -5 : 0;
        c->b = 10;
        c->c = 1.1;
    } else {
        c->how = GEN_RECENT;
        c->b = child ? 30 : 90;
    }
}

static const char *letters_of(builder *b, st_type type)
{
    if (type.list) return type.base == ST_T_STRING ? "+l" : "u";
    switch (type.base) {
    case ST_T_BOOL: return "b";
    case ST_T_INT: return "l";
    case ST_T_FLOAT: return "g";
    case ST_T_DECIMAL: return st_format(b->a, "d:%u,%u", type.digits, type.scale);
    case ST_T_DATE: return "tdD";
    case ST_T_TIMESTAMP: return "tsu:UTC";
    default: return "u";
    }
}

/* The values of a list: those that rules ask for, else a few of its type. */
static void describe_list(builder *b, gen_column *c, const st_col *col, const column_hints *h)
{
    c->how = GEN_TAGS;
    if (col->type.base == ST_T_STRING) {
        if (col->none_of_these)
            use_allowed(b, c, col, h);
        else
            use_hinted(b, c, h, 3, 0);
        gen_word *words = (gen_word *)c->words; /* made just now */
        for (uint32_t i = 0; i < c->nwords; i++) words[i].weight = 0.3;
        return;
    }
    static const char *const values[] = {
        [ST_T_BOOL] = "true", [ST_T_DATE] = "2026-03-01", [ST_T_TIMESTAMP] = "2026-03-01T09:30"};
    gen_word *words = st_new_n(b->a, gen_word, h->numbers.n + 3);
    uint32_t n = 0;
    for (uint32_t i = 0; i < h->numbers.n; i++)
        words[n++] = (gen_word){st_format(b->a, "%.*f", (int)col->type.scale, h->numbers.p[i]), 0.3, 0};
    if (col->type.base == ST_T_INT || col->type.base == ST_T_DECIMAL || col->type.base == ST_T_FLOAT)
        for (int i = 1; i <= 3; i++) words[n++] = (gen_word){st_format(b->a, "%d", i * 7), 0.3, 0};
    else
        words[n++] = (gen_word){values[col->type.base], 0.5, 0};
    use_words(c, words, n);
}

static gen_column describe_column(builder *b, const st_col *col)
{
    const column_hints *h = hints_of(b, col);
    gen_column c = {
        .name = col->name, .type = letters_of(b, col->type), .missing = col->type.optional ? 0.12 : 0};
    if (col->key) {
        c.how = GEN_KEY;
        c.of = st_format(b->a, "%.3s-", col->table->name);
        c.missing = 0;
    } else if (b->owners[col->table->index] == (int)col->index) {
        c.how = GEN_OWNER;
        c.missing /= 4;
    } else if (col->links_to) {
        c.how = GEN_LINK;
        c.of = col->links_to->name;
    } else if (col->type.list) {
        describe_list(b, &c, col, h);
    } else if (col->type.base == ST_T_STRING) {
        describe_text(b, &c, col, h);
    } else if (col->type.base == ST_T_BOOL) {
        c.how = GEN_FLAG;
        c.a = NAMED(col->name, "consent", "stock", "active") ? 0.7 : 0.35;
    } else if (col->type.base == ST_T_DATE || col->type.base == ST_T_TIMESTAMP) {
        if (col->time) c.missing = 0;
        describe_time(b, &c, col);
    } else {
        describe_number(b, &c, col, h);
    }
    return c;
}

/* ---- tables ---- */

static bool any_segmented(const st_program *p)
{
    for (uint32_t i = 0; i < p->ntables; i++)
        if (p->tables[i]->segmented) return true;
    return false;
}

/* What happens over time comes in one by one; what has no time of its own comes as a handful. */
static void describe_happenings(builder *b, gen_table *g, const st_table *t)
{
    bool timed = t->order_time && (has_time(t) || planned_of(t));
    gen_happening *h = st_new_n(b->a, gen_happening, 1);
    *h = (gen_happening){.chance = 0.88, .shape = 0.5};
    if (timed)
        h->rate = owner_of(b, owner_of(b, t)) ? 1 : t->key ? 1.2 : 3;
    else
        h->times = 3;
    g->happenings = h;
    g->nhappenings = 1;
    g->weekend = 0.2;
}

static gen_table describe_table(builder *b, const st_table *t)
{
    gen_table g = {.name = t->name, .ncolumns = t->ncols};
    gen_column *columns = st_new_n(b->a, gen_column, t->ncols + 1);
    for (uint32_t i = 0; i < t->ncols; i++) columns[i] = describe_column(b, &t->cols[i]);
    g.columns = columns;
    if (b->owners[t->index] >= 0) {
        g.owner = t->cols[b->owners[t->index]].links_to->name;
        describe_happenings(b, &g, t);
    } else if (t->segmented || !any_segmented(b->program) || !b->linked[t->index]) {
        g.share = 1;
        g.most = t->segmented || !any_segmented(b->program) ? GEN_MOST_CUSTOMERS : 1000;
    } else {
        g.share = 0.05; /* what others look things up in */
        g.least = 20;
        g.most = 2000;
    }
    g.span = 900;
    g.stay = 600;
    return g;
}

gen_model gen_model_from(st_arena *a, const st_program *program)
{
    builder b = {.a = a, .program = program};
    collect_hints(&b);
    find_owners(&b);
    gen_table *tables = st_new_n(a, gen_table, program->ntables + 1);
    uint32_t n = 0; /* groups of rows have no rows of their own */
    for (uint32_t i = 0; i < program->ntables; i++)
        if (!program->tables[i]->derived) tables[n++] = describe_table(&b, program->tables[i]);
    return (gen_model){.tables = tables, .ntables = n, .zone = program->zone};
}
