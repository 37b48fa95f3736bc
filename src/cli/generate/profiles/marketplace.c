/* A market for used things. Everybody may sell and buy; most look, many buy, a few sell, and a handful sell for a living. A sixth of
 * the people comes from Friday to Sunday only. */
#include "cli/generate/profiles.h"

static const gen_word countries[] = {{"DE", 60, 0}, {"AT", 14, 0}, {"CH", 8, 0}, {"FR", 10, 0}, {"NL", 8, 0}};
/* Who sells; nobody can look it up. */
static const gen_word trades[] = {{"none", 62, 0.02}, {"attic", 32, 0.8}, {"trader", 6, 9}};
static const gen_word appetites[] = {{"idle", 40, 0.25}, {"browser", 42, 1}, {"regular", 18, 3}};

static const gen_column members[] = {
    {.name = "member_id", .type = "l", .how = GEN_KEY, .a = 10000},
    {.name = "email", .type = "u", .how = GEN_EMAIL, .missing = 0.02},
    {.name = "country", .type = "u", .how = GEN_WORD, GEN_WORDS(countries)},
    {.name = "joined_at", .type = "tsu:UTC", .how = GEN_TIME},
    {.name = "email_consent", .type = "b", .how = GEN_FLAG, .a = 0.57},
    {.name = "push_consent", .type = "b", .how = GEN_FLAG, .a = 0.44},
    {.name = "trade", .type = "u", .how = GEN_WORD, GEN_WORDS(trades), .hidden = true},
    {.name = "appetite", .type = "u", .how = GEN_WORD, GEN_WORDS(appetites), .hidden = true},
};

static const gen_word categories[] = {{"clothes", 32, 0.6}, {"furniture", 18, 2.5}, {"toys", 16, 0.5},
                                      {"bikes", 10, 5},     {"books", 14, 0.25},    {"phones", 10, 4}};
static const gen_word states[] = {{"for_sale", 45, 0}, {"sold", 48, 0}, {"withdrawn", 7, 0}};
static const gen_column listings[] = {
    {.name = "listing_id", .type = "l", .how = GEN_KEY, .a = 200000},
    {.name = "seller_id", .type = "l", .how = GEN_OWNER},
    {.name = "listed_at", .type = "tsu:UTC", .how = GEN_TIME},
    {.name = "category", .type = "u", .how = GEN_WORD, .a = 0.55, GEN_WORDS(categories)},
    {.name = "price", .type = "d:10,2", .how = GEN_AMOUNT, .a = 34, .b = 0.7, .by = "category"},
    {.name = "status", .type = "u", .how = GEN_WORD, GEN_WORDS(states)},
};
static const gen_happening listing_happenings[] = {{.rate = 0.8, .shape = 1.2, .by = "trade"}};

static const gen_column orders[] = {
    {.name = "order_id", .type = "l", .how = GEN_KEY, .a = 800000},
    {.name = "buyer_id", .type = "l", .how = GEN_OWNER},
    {.name = "listing_id", .type = "l", .how = GEN_LINK, .of = "listings"},
    {.name = "ordered_at", .type = "tsu:UTC", .how = GEN_TIME},
    {.name = "amount", .type = "d:10,2", .how = GEN_AMOUNT, .a = 36, .b = 0.9, .c = 0.4},
    {.name = "rating", .type = "l", .how = GEN_BELL, .a = 4.3, .b = 0.9, .low = 1, .high = 5, .missing = 0.4},
};
static const gen_happening order_happenings[] = {
    {.chance = 0.7, .rate = 0.5, .shape = 0.7, .by = "appetite"}};

static const gen_column visits[] = {
    {.name = "member_id", .type = "l", .how = GEN_OWNER},
    {.name = "at", .type = "tsu:UTC", .how = GEN_TIME},
    {.name = "name", .type = "u", .how = GEN_WHAT},
    {.name = "category", .type = "u", .how = GEN_WORD, .a = 0.5, .missing = 0.1, GEN_WORDS(categories)},
};
static const gen_happening visit_happenings[] = {
    {.what = "session_start", .rate = 4, .shape = 0.7, .by = "appetite"},
    {.what = "listing_view", .rate = 7, .shape = 0.7, .by = "appetite"},
    {.what = "message_sent", .chance = 0.5, .rate = 0.9, .shape = 0.7, .by = "appetite"},
};

static const gen_word channels[] = {{"push", 60, 0}, {"email", 40, 0}};
static const gen_word notes[] = {
    {"weekend_hour", 40, 0}, {"first_sale_help", 20, 0}, {"new_in_your_corner", 40, 0}};
static const gen_column sends[] = {
    {.name = "member_id", .type = "l", .how = GEN_OWNER},
    {.name = "sent_at", .type = "tsu:UTC", .how = GEN_TIME},
    {.name = "channel", .type = "u", .how = GEN_WORD, GEN_WORDS(channels)},
    {.name = "treatment", .type = "u", .how = GEN_WORD, GEN_WORDS(notes)},
};
static const gen_happening send_happenings[] = {{.chance = 0.6, .rate = 1.5, .shape = 1.5}};

static const gen_table tables[] = {
    {.name = "members", .share = 1, .span = 900, .stay = 420, GEN_COLUMNS(members)},
    {.name = "listings",
     .owner = "members",
     .weekend = 0.16,
     GEN_COLUMNS(listings),
     GEN_HAPPENINGS(listing_happenings)},
    {.name = "orders",
     .owner = "members",
     .weekend = 0.16,
     GEN_COLUMNS(orders),
     GEN_HAPPENINGS(order_happenings)},
    {.name = "visits",
     .owner = "members",
     .weekend = 0.16,
     GEN_COLUMNS(visits),
     GEN_HAPPENINGS(visit_happenings)},
    {.name = "sends", .owner = "members", GEN_COLUMNS(sends), GEN_HAPPENINGS(send_happenings)},
};

const gen_profile gen_profile_marketplace = {"marketplace", "Europe/Berlin", tables, ST_COUNT(tables)};
