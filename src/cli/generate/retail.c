/* How the shop works.
 *
 * A customer signs up on some day of three years, more of them late than early. How often he buys is drawn from a gamma
 * distribution and how long he stays from an exponential whose rate is again gamma distributed (the Pareto/NBD model of
 * repeat buying): most buy once or twice, a few very often, and everybody leaves some day without saying so. An eighth never
 * buys. What he spends is lognormal around a level of his own. Before every order of the last 90 days stands a visit that led
 * to it; other visits come at a rate that follows his buying. In the last 90 days the shop wrote to those who allow it: most
 * weeks a newsletter, now and then something else.
 */
#include "cli/generate/retail.h"

#include "api/arrow_out.h"
#include "cli/generate/process.h"
#include "cli/generate/random.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY_US INT64_C(86400000000)
#define SECOND_US INT64_C(1000000)

enum { WEB_DAYS = 90, BATCH_ROWS = 32768 };
enum { FIRST_CUSTOMER = 100001, FIRST_ORDER = 1000001, FIRST_SESSION = 1 };

/* What a draw is for; part of its address, so the order never changes. */
enum { FOR_PROFILE, FOR_COURSE, FOR_PURCHASES, FOR_VISITS, FOR_ORDER, FOR_VISIT, FOR_TIME, FOR_SENDS };

static const double never_buys = 0.125;
static const double rate_shape = 0.8;                   /* of the gamma distribution of buying rates */
static const double stay_shape = 1.4, stay_scale = 320; /* of the gamma distribution of leaving rates; days */

const char *const gen_tables[GEN_TABLES] = {"customers", "orders", "events", "sends"};

typedef struct word {
    const char *text; /* NULL: missing */
    uint32_t weight;
} word;

static st_str pick(gen_random *r, const word *words, uint32_t n)
{
    uint32_t weights[16];
    for (uint32_t i = 0; i < n; i++) weights[i] = words[i].weight;
    return st_str_of(words[gen_choice(r, weights, n)].text);
}
#define PICK(r, words) pick((r), (words), (uint32_t)ST_COUNT(words))

static void put_text(st_out_batch *b, uint32_t column, st_str text)
{
    if (text.p)
        st_out_text(b, column, text);
    else
        st_out_null(b, column);
}

/* When a day of the shop begins: it keeps the clock of Central Europe in winter, all year. */
static int64_t midnight_of(int day)
{
    return (GEN_FIRST_DAY + day) * DAY_US - 3600 * SECOND_US;
}

static int64_t instant_at(double days)
{
    return midnight_of(0) + (int64_t)(days * 86400) * SECOND_US;
}

/* ---- how a customer behaves ---- */

typedef struct behaviour {
    double sign_up, leaves; /* days since the first */
    double rate;            /* purchases a day; 0: never buys */
    double basket;          /* typical amount */
    uint32_t favourite;     /* category */
    bool likes_coupons;
} behaviour;

enum { CATEGORIES = 6 };
static const word categories[CATEGORIES] = {{"fashion", 30}, {"home", 20}, {"beauty", 16},
                                            {"sports", 14},  {"toys", 12}, {"books", 8}};

static behaviour behaviour_of(const gen_shop *shop, double mean_rate, uint32_t customer)
{
    gen_random r = gen_random_at(shop->seed, customer, FOR_COURSE, 0);
    behaviour b;
    b.sign_up = GEN_DAYS * gen_pow(gen_uniform(&r), 0.75);
    b.leaves = b.sign_up + gen_exponential(&r, gen_gamma(&r, stay_shape) / stay_scale);
    b.rate = gen_gamma(&r, rate_shape) * mean_rate / rate_shape;
    if (gen_chance(&r, never_buys)) b.rate = 0;
    b.basket = gen_exp(3.6 + 0.55 * gen_normal(&r));
    b.favourite = gen_below(&r, CATEGORIES);
    b.likes_coupons = gen_chance(&r, 0.25);
    return b;
}

/* The mean buying rate at which customers have so many orders on average: stays of the model, cut off at the last day. */
static double mean_rate_for(double orders_per_customer)
{
    enum { STEPS = 2000 };
    double days = 0;
    for (int i = 0; i < STEPS; i++) {
        double left = GEN_DAYS * (1 - gen_pow((i + 0.5) / STEPS, 0.75));
        days +=
            stay_scale / (stay_shape - 1) * (1 - gen_pow(stay_scale / (stay_scale + left), stay_shape - 1));
    }
    return orders_per_customer / ((1 - never_buys) * days / STEPS);
}

typedef struct crowd {
    gen_shop shop;
    double mean_rate;
} crowd;

static gen_course purchases_of(const void *context, uint32_t customer)
{
    const crowd *c = context;
    behaviour b = behaviour_of(&c->shop, c->mean_rate, customer);
    return (gen_course){b.sign_up, b.leaves, b.rate};
}

/* Visits that lead to no order, in the last days only. */
static gen_course visits_of(const void *context, uint32_t customer)
{
    const crowd *c = context;
    behaviour b = behaviour_of(&c->shop, c->mean_rate, customer);
    double rate = ST_MIN(1.5 * b.rate + 0.012, 0.5);
    return (gen_course){ST_MAX(b.sign_up, GEN_DAYS - WEB_DAYS), b.leaves + 30, rate};
}

/* ---- customers ---- */

enum {
    C_ID,
    C_EMAIL,
    C_COUNTRY,
    C_POSTCODE,
    C_BIRTH,
    C_SIGN_UP,
    C_EMAIL_CONSENT,
    C_SMS_CONSENT,
    C_PLAN,
    C_CHANNEL,
    C_HOUSEHOLD,
    C_CHURN,
    C_TAGS,
    C_COLUMNS
};
static const st_out_field customer_fields[C_COLUMNS] = {
    {"customer_id", "l", false},   {"email", "u", true},        {"country", "u", true},
    {"postcode", "u", true},       {"birth_date", "tdD", true}, {"signup_at", "tsu:UTC", false},
    {"email_consent", "b", false}, {"sms_consent", "b", false}, {"plan", "u", false},
    {"channel", "u", true},        {"household_id", "l", true}, {"churn_score", "g", true},
    {"tags", "+l", false}};

static const word countries[] = {{"DE", 54}, {"AT", 10}, {"CH", 8}, {"FR", 12},
                                 {"NL", 7},  {"US", 4},  {NULL, 5}};
static const word plans[] = {{"free", 78}, {"plus", 17}, {"premium", 5}};
static const word channels[] = {{"search", 30},  {"organic", 24}, {"social", 22},
                                {"partner", 10}, {"store", 10},   {NULL, 4}};
static const word mail_hosts[] = {
    {"example.com", 55}, {"example.org", 25}, {"Example.net", 12}, {"mail.example.de", 8}};
static const word tag_words[] = {
    {"newsletter", 55}, {"referral", 12}, {"student", 10}, {"event_guest", 8}, {"wholesale", 2}};

/* What is drawn of a customer up to whom the shop may write to. */
typedef struct profile {
    bool has_email, has_birth, email_consent, sms_consent;
    st_str host, country;
    uint32_t name, postcode;
    bool has_postcode;
    double age;
} profile;

enum { FIRST_NAMES = 16 };

static profile profile_of(gen_random *r)
{
    profile p = {.has_email = !gen_chance(r, 0.03)};
    if (p.has_email) {
        p.host = PICK(r, mail_hosts);
        p.name = gen_below(r, FIRST_NAMES);
    }
    p.country = PICK(r, countries);
    p.postcode = 1000 + gen_below(r, 98000);
    p.has_postcode = !gen_chance(r, 0.06);
    double one = gen_uniform(r), two = gen_uniform(r);
    p.age = 18 + 65 * (one + two) / 2;
    p.has_birth = !gen_chance(r, 0.12);
    p.email_consent = gen_chance(r, 0.68);
    p.sms_consent = gen_chance(r, 0.22);
    return p;
}

static void put_email(st_out_batch *b, const profile *p, int64_t id)
{
    static const char *const names[FIRST_NAMES] = {"anna",  "ben",  "clara", "david", "emma",  "felix",
                                                   "greta", "hugo", "ida",   "jonas", "karla", "leo",
                                                   "mia",   "noah", "olga",  "paul"};
    char text[80];
    int n =
        snprintf(text, sizeof text, "%s.%lld@%.*s", names[p->name], (long long)id, (int)p->host.n, p->host.p);
    st_out_text(b, C_EMAIL, (st_str){text, (uint32_t)n});
}

static void put_tags(st_out_batch *b, gen_random *r)
{
    st_str tags[ST_COUNT(tag_words)];
    uint32_t n = 0;
    for (uint32_t i = 0; i < ST_COUNT(tag_words); i++)
        if (gen_below(r, 100) < tag_words[i].weight) tags[n++] = st_str_of(tag_words[i].text);
    st_out_list(b, C_TAGS, tags, n);
}

/* A model's guess, from 0 to 1 with three digits: often right about who has left, never sure. */
static void put_churn(st_out_batch *b, gen_random *r, const behaviour *how)
{
    double guess = (how->leaves < GEN_DAYS ? 0.62 : 0.30) + 0.2 * gen_normal(r);
    double score = floor(ST_MAX(0, ST_MIN(1, guess)) * 1000 + 0.5) / 1000;
    if (gen_chance(r, 0.15))
        st_out_null(b, C_CHURN);
    else
        st_out_float(b, C_CHURN, score);
}

static void put_customer(const crowd *c, st_out_batch *b, uint32_t customer)
{
    gen_random r = gen_random_at(c->shop.seed, customer, FOR_PROFILE, 0);
    behaviour how = behaviour_of(&c->shop, c->mean_rate, customer);
    int64_t id = FIRST_CUSTOMER + (int64_t)customer;
    profile p = profile_of(&r);
    st_out_int(b, C_ID, id);
    if (p.has_email)
        put_email(b, &p, id);
    else
        st_out_null(b, C_EMAIL);
    put_text(b, C_COUNTRY, p.country);
    char digits[16];
    snprintf(digits, sizeof digits, "%05u", p.postcode);
    put_text(b, C_POSTCODE, p.has_postcode ? st_str_of(digits) : (st_str){0});
    if (p.has_birth)
        st_out_int(b, C_BIRTH, GEN_FIRST_DAY + GEN_DAYS - (int64_t)(p.age * 365.2425));
    else
        st_out_null(b, C_BIRTH);
    st_out_int(b, C_SIGN_UP, instant_at(how.sign_up));
    st_out_bool(b, C_EMAIL_CONSENT, p.email_consent);
    st_out_bool(b, C_SMS_CONSENT, p.sms_consent);
    put_text(b, C_PLAN, PICK(&r, plans));
    put_text(b, C_CHANNEL, PICK(&r, channels));
    if (gen_chance(&r, 0.4))
        st_out_int(b, C_HOUSEHOLD, 1 + id / 2);
    else
        st_out_null(b, C_HOUSEHOLD);
    put_churn(b, &r, &how);
    put_tags(b, &r);
}

typedef struct customer_source {
    crowd crowd;
    uint32_t next;
} customer_source;

static int fill_customers(void *context, st_out_batch *b, const char **why)
{
    (void)why;
    customer_source *s = context;
    for (int i = 0; i < BATCH_ROWS && s->next < s->crowd.shop.customers; i++)
        put_customer(&s->crowd, b, s->next++);
    return 0;
}

/* ---- one day of purchases ---- */

typedef struct purchase {
    int64_t at;
    gen_event event;
    behaviour how;
} purchase;

typedef struct purchase_days {
    crowd crowd;
    gen_process *process;
    purchase *today;
    uint32_t n, room;
    int day;   /* the one that follows */
    int first; /* days before this one are passed over */
} purchase_days;

static bool open_purchases(purchase_days *p)
{
    p->process =
        gen_process_new(p->crowd.shop.seed, FOR_PURCHASES, p->crowd.shop.customers, purchases_of, &p->crowd);
    return p->process != NULL;
}

static void close_purchases(purchase_days *p)
{
    gen_process_free(p->process);
    free(p->today);
}

/* A second of the day, as people shop: hardly at night, most after work. */
static int64_t second_of_day(gen_random *r)
{
    static const uint32_t hours[24] = {8,  4,  2,  1,  1,  3,  10, 22, 36, 46, 52, 54,
                                       56, 50, 46, 46, 50, 58, 70, 82, 90, 80, 50, 22};
    return gen_choice(r, hours, 24) * 3600 + gen_below(r, 3600);
}

static int by_time(const void *a, const void *b)
{
    const purchase *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    if (x->event.customer != y->event.customer) return x->event.customer < y->event.customer ? -1 : 1;
    return (x->event.number > y->event.number) - (x->event.number < y->event.number);
}

/* The next day's purchases in order of time; false when memory ran out. */
static bool next_day(purchase_days *p)
{
    const gen_event *events;
    uint32_t n;
    if (!gen_process_day(p->process, &events, &n)) return false;
    int day = p->day++;
    p->n = day < p->first ? 0 : n;
    if (p->n > p->room) {
        free(p->today);
        p->room = n * 2;
        p->today = malloc(p->room * sizeof *p->today);
        if (!p->today) return false;
    }
    for (uint32_t i = 0; i < p->n; i++) {
        gen_random r = gen_random_at(p->crowd.shop.seed, events[i].customer, FOR_TIME, events[i].number);
        int64_t at = midnight_of(day) + second_of_day(&r) * SECOND_US;
        behaviour how = behaviour_of(&p->crowd.shop, p->crowd.mean_rate, events[i].customer);
        /* Not before the sign-up of the same day. */
        p->today[i] = (purchase){ST_MAX(at, instant_at(how.sign_up) + SECOND_US), events[i], how};
    }
    if (p->n) qsort(p->today, p->n, sizeof *p->today, by_time);
    return true;
}

/* ---- orders ---- */

enum { O_ID, O_CUSTOMER, O_AT, O_AMOUNT, O_ITEMS, O_CATEGORY, O_STATUS, O_COUPON, O_CHANNEL, O_COLUMNS };
static const st_out_field order_fields[O_COLUMNS] = {
    {"order_id", "l", false},    {"customer_id", "l", false}, {"ordered_at", "tsu:UTC", false},
    {"amount", "d:12,2", false}, {"items", "l", false},       {"category", "u", false},
    {"status", "u", false},      {"coupon", "u", true},       {"channel", "u", false}};

static const word order_channels[] = {{"web", 58}, {"app", 30}, {"store", 12}};
static const word good_outcomes[] = {{"paid", 905}, {"returned", 60}, {"cancelled", 30}, {"test", 5}};
static const word fashion_outcomes[] = {{"paid", 810}, {"returned", 155}, {"cancelled", 30}, {"test", 5}};

static bool on_web(const crowd *c, gen_event e)
{
    gen_random r = gen_random_at(c->shop.seed, e.customer, FOR_ORDER, e.number);
    return PICK(&r, order_channels).p != order_channels[2].text;
}

/* Signed up and buys for the first time; the sales of November; now and then otherwise. */
static const char *coupon_for(gen_random *r, const behaviour *how, uint32_t number, int day)
{
    double chance = how->likes_coupons ? 0.45 : 0.06;
    bool november = gen_month(day) == 10;
    bool uses = gen_chance(r, chance), welcome = gen_chance(r, 0.35);
    if (number == 0 && welcome) return "WELCOME10";
    if (!uses) return NULL;
    return november ? "FRIDAY20" : gen_chance(r, 0.5) ? "FRIENDS5" : "SEASON15";
}

static void put_order(const crowd *c, st_out_batch *b, int64_t id, const purchase *p, int day)
{
    gen_event e = p->event;
    const behaviour *how = &p->how;
    gen_random r = gen_random_at(c->shop.seed, e.customer, FOR_ORDER, e.number);
    st_str channel = PICK(&r, order_channels);
    st_str category = gen_chance(&r, 0.5) ? st_str_of(categories[how->favourite].text) : PICK(&r, categories);
    bool fashion = category.p == categories[0].text;
    uint32_t items = 1 + (uint32_t)ST_MIN(gen_exponential(&r, 1.1), 11);
    double amount = how->basket * gen_exp(0.4 * gen_normal(&r)) * (0.7 + 0.3 * items);
    const char *coupon = coupon_for(&r, how, e.number, day);
    if (coupon) amount *= 0.88;
    static const int endings[] = {99, 95, 90, 50, 0};
    int64_t cents =
        (int64_t)ST_MAX(2.5, ST_MIN(amount, 20000)) * 100 + endings[gen_below(&r, ST_COUNT(endings))];
    st_out_int(b, O_ID, id);
    st_out_int(b, O_CUSTOMER, FIRST_CUSTOMER + (int64_t)e.customer);
    st_out_int(b, O_AT, p->at);
    st_out_decimal(b, O_AMOUNT, cents);
    st_out_int(b, O_ITEMS, items);
    put_text(b, O_CATEGORY, category);
    put_text(b, O_STATUS, fashion ? PICK(&r, fashion_outcomes) : PICK(&r, good_outcomes));
    put_text(b, O_COUPON, st_str_of(coupon));
    put_text(b, O_CHANNEL, channel);
}

typedef struct order_source {
    purchase_days days;
    uint32_t next; /* of today's */
    int64_t id;
} order_source;

static int fill_orders(void *context, st_out_batch *b, const char **why)
{
    (void)why;
    order_source *s = context;
    for (int i = 0; i < BATCH_ROWS;) {
        if (s->next < s->days.n) {
            put_order(&s->days.crowd, b, s->id++, &s->days.today[s->next++], s->days.day - 1);
            i++;
            continue;
        }
        if (s->days.day == GEN_DAYS) break;
        if (!next_day(&s->days)) return ENOMEM;
        s->next = 0;
    }
    return 0;
}

/* ---- web events ---- */

enum { E_CUSTOMER, E_SESSION, E_AT, E_NAME, E_PRODUCT, E_CATEGORY, E_DEVICE, E_COLUMNS };
static const st_out_field event_fields[E_COLUMNS] = {
    {"customer_id", "l", false}, {"session_id", "l", false}, {"at", "tsu:UTC", false}, {"name", "u", false},
    {"product_id", "l", true},   {"category", "u", true},    {"device", "u", false}};

static const word devices[] = {{"phone", 62}, {"desktop", 30}, {"tablet", 8}};

typedef struct web_event {
    int64_t at, session;
    uint32_t customer, product; /* product 0: none */
    uint32_t number;            /* of today's, as they were thought up */
    const char *name, *category, *device;
} web_event;

typedef struct event_source {
    purchase_days days;
    gen_process *visits;
    web_event *today;
    uint32_t n, room, next;
    int64_t session;
} event_source;

static bool add_event(event_source *s, web_event e)
{
    if (s->n == s->room) {
        uint32_t room = s->room ? s->room * 2 : 4096;
        web_event *more = realloc(s->today, room * sizeof *more);
        if (!more) return false;
        s->today = more;
        s->room = room;
    }
    e.number = s->n;
    s->today[s->n++] = e;
    return true;
}

/* A visit that begins at `at`: products are looked at, perhaps put in the cart, perhaps taken to the checkout; `until` is the
 * instant of the order that it led to, 0 where there is none. */
static bool add_visit(event_source *s, uint32_t customer, uint32_t favourite, int64_t at, int64_t until,
                      gen_random *r)
{
    web_event e = {.at = at,
                   .session = s->session++,
                   .customer = customer,
                   .name = "product_view",
                   .device = PICK(r, devices).p};
    uint32_t views = 1 + (uint32_t)ST_MIN(gen_exponential(r, 0.6), 12);
    int64_t limit = until ? until - SECOND_US : INT64_MAX;
    for (uint32_t i = 0; i < views; i++) {
        bool likes = gen_chance(r, 0.5);
        uint32_t category = likes ? favourite : gen_below(r, CATEGORIES);
        e.category = categories[category].text;
        e.product = 1 + category * 1000 + gen_below(r, 200);
        if (!add_event(s, e)) return false;
        e.at = ST_MIN(e.at + (10 + gen_below(r, 170)) * SECOND_US, limit);
    }
    bool cart = gen_chance(r, 0.28), checkout = gen_chance(r, 0.35);
    if (!until && !cart) return true;
    e.name = "cart_add";
    if (!add_event(s, e)) return false;
    if (!until && !checkout) return true;
    e.name = "checkout";
    e.at = until ? until - SECOND_US : e.at + (20 + gen_below(r, 100)) * SECOND_US;
    e.product = 0;
    e.category = NULL;
    return add_event(s, e);
}

static int events_by_time(const void *a, const void *b)
{
    const web_event *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

/* Visits of one day; an event that runs past midnight is told at its last second. */
static bool next_web_day(event_source *s)
{
    const gen_event *visits;
    uint32_t n;
    s->n = s->next = 0;
    if (!next_day(&s->days) || !gen_process_day(s->visits, &visits, &n)) return false;
    int day = s->days.day - 1;
    if (day < GEN_DAYS - WEB_DAYS) return true;
    int64_t midnight = midnight_of(day), last = midnight + DAY_US - SECOND_US;
    uint64_t seed = s->days.crowd.shop.seed;
    for (uint32_t i = 0; i < s->days.n; i++) {
        const purchase *p = &s->days.today[i];
        if (!on_web(&s->days.crowd, p->event)) continue;
        gen_random r = gen_random_at(seed, p->event.customer, FOR_VISIT, p->event.number * 2);
        int64_t at = p->at - (120 + gen_below(&r, 1500)) * SECOND_US;
        if (!add_visit(s, p->event.customer, p->how.favourite, ST_MAX(at, midnight), p->at, &r)) return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        gen_random r = gen_random_at(seed, visits[i].customer, FOR_VISIT, visits[i].number * 2 + 1);
        uint32_t favourite =
            behaviour_of(&s->days.crowd.shop, s->days.crowd.mean_rate, visits[i].customer).favourite;
        int64_t at = midnight + second_of_day(&r) * SECOND_US;
        if (!add_visit(s, visits[i].customer, favourite, at, 0, &r)) return false;
    }
    for (uint32_t i = 0; i < s->n; i++) s->today[i].at = ST_MIN(s->today[i].at, last);
    if (s->n) qsort(s->today, s->n, sizeof *s->today, events_by_time);
    return true;
}

static void put_event(st_out_batch *b, const web_event *e)
{
    st_out_int(b, E_CUSTOMER, FIRST_CUSTOMER + (int64_t)e->customer);
    st_out_int(b, E_SESSION, e->session);
    st_out_int(b, E_AT, e->at);
    put_text(b, E_NAME, st_str_of(e->name));
    if (e->product)
        st_out_int(b, E_PRODUCT, e->product);
    else
        st_out_null(b, E_PRODUCT);
    put_text(b, E_CATEGORY, st_str_of(e->category));
    put_text(b, E_DEVICE, st_str_of(e->device));
}

static int fill_events(void *context, st_out_batch *b, const char **why)
{
    (void)why;
    event_source *s = context;
    for (int i = 0; i < BATCH_ROWS;) {
        if (s->next < s->n) {
            put_event(b, &s->today[s->next++]);
            i++;
            continue;
        }
        if (s->days.day == GEN_DAYS) break;
        if (!next_web_day(s)) return ENOMEM;
    }
    return 0;
}

/* ---- what was sent ---- */

enum { S_CUSTOMER, S_AT, S_CHANNEL, S_TREATMENT, S_COLUMNS };
static const st_out_field send_fields[S_COLUMNS] = {{"customer_id", "l", false},
                                                    {"sent_at", "tsu:UTC", false},
                                                    {"channel", "u", false},
                                                    {"treatment", "u", false}};

/* A week of the shop begins with its first day, a Wednesday; the newsletter goes out on the sixth day, from nine o'clock. */
enum { SEND_WEEKS = 12, LETTER_DAY = 6, LETTER_HOUR = 9 };

typedef struct send_source {
    crowd crowd;
    uint32_t week, next;
} send_source;

static void put_send(st_out_batch *b, uint32_t customer, int64_t at, const char *channel,
                     const char *treatment)
{
    st_out_int(b, S_CUSTOMER, FIRST_CUSTOMER + (int64_t)customer);
    st_out_int(b, S_AT, at);
    put_text(b, S_CHANNEL, st_str_of(channel));
    put_text(b, S_TREATMENT, st_str_of(treatment));
}

/* What a customer was sent in a week: at most three rows, in order of time. */
static void put_sends(const crowd *c, st_out_batch *b, uint32_t week, uint32_t customer)
{
    gen_random own = gen_random_at(c->shop.seed, customer, FOR_PROFILE, 0);
    gen_random r = gen_random_at(c->shop.seed, customer, FOR_SENDS, week);
    profile p = profile_of(&own);
    int first = GEN_DAYS - 7 * (int)(SEND_WEEKS - week);
    if (behaviour_of(&c->shop, c->mean_rate, customer).sign_up >= first) return;
    bool reads = p.email_consent && p.has_email;
    int64_t begin = midnight_of(first), span = (int64_t)(gen_uniform(&r) * LETTER_DAY * 86400) * SECOND_US;
    bool cart = gen_chance(&r, 0.03), voucher = gen_chance(&r, 0.01), letter = gen_chance(&r, 0.6);
    if (cart && reads) put_send(b, customer, begin + span / 2, "email", "cart_letter");
    if (voucher && (reads || p.sms_consent))
        put_send(b, customer, begin + span, reads ? "email" : "sms", "ten_off_letter");
    int64_t post = midnight_of(first + LETTER_DAY) + (LETTER_HOUR * 3600 + customer % 3600) * SECOND_US;
    if (letter && reads) put_send(b, customer, post, "email", "newsletter");
}

static int fill_sends(void *context, st_out_batch *b, const char **why)
{
    (void)why;
    send_source *s = context;
    while (s->week < SEND_WEEKS && st_out_rows(b) < BATCH_ROWS) {
        if (s->next == s->crowd.shop.customers) {
            s->week++;
            s->next = 0;
            continue;
        }
        put_sends(&s->crowd, b, s->week, s->next++);
    }
    return 0;
}

/* ---- streams ---- */

static void done_customers(void *context)
{
    free(context);
}

static void done_orders(void *context)
{
    order_source *s = context;
    close_purchases(&s->days);
    free(s);
}

static void done_events(void *context)
{
    event_source *s = context;
    close_purchases(&s->days);
    gen_process_free(s->visits);
    free(s->today);
    free(s);
}

static int stream_customers(const crowd *c, struct ArrowArrayStream *stream)
{
    customer_source *s = calloc(1, sizeof *s);
    if (!s) return ENOMEM;
    s->crowd = *c;
    return st_out_stream(NULL, customer_fields, C_COLUMNS, (st_out_source){s, fill_customers, done_customers},
                         stream);
}

static int stream_orders(const crowd *c, struct ArrowArrayStream *stream)
{
    order_source *s = calloc(1, sizeof *s);
    if (!s) return ENOMEM;
    s->days.crowd = *c;
    s->id = FIRST_ORDER;
    if (!open_purchases(&s->days)) {
        done_orders(s);
        return ENOMEM;
    }
    return st_out_stream(NULL, order_fields, O_COLUMNS, (st_out_source){s, fill_orders, done_orders}, stream);
}

static int stream_events(const crowd *c, struct ArrowArrayStream *stream)
{
    event_source *s = calloc(1, sizeof *s);
    if (!s) return ENOMEM;
    s->days.crowd = *c;
    s->days.first = GEN_DAYS - WEB_DAYS;
    s->session = FIRST_SESSION;
    s->visits = gen_process_new(c->shop.seed, FOR_VISITS, c->shop.customers, visits_of, &s->days.crowd);
    if (!s->visits || !open_purchases(&s->days)) {
        done_events(s);
        return ENOMEM;
    }
    return st_out_stream(NULL, event_fields, E_COLUMNS, (st_out_source){s, fill_events, done_events}, stream);
}

static int stream_sends(const crowd *c, struct ArrowArrayStream *stream)
{
    send_source *s = calloc(1, sizeof *s);
    if (!s) return ENOMEM;
    s->crowd = *c;
    return st_out_stream(NULL, send_fields, S_COLUMNS, (st_out_source){s, fill_sends, done_customers},
                         stream);
}

int gen_stream(const gen_shop *shop, int table, struct ArrowArrayStream *stream)
{
    crowd c = {*shop, mean_rate_for(shop->orders_per_customer)};
    switch (table) {
    case 0: return stream_customers(&c, stream);
    case 1: return stream_orders(&c, stream);
    case 2: return stream_events(&c, stream);
    default: return stream_sends(&c, stream);
    }
}
