/* A family of hotels: lake, city and mountain. Guests book, arrive, stay and pay; two in three have answered a survey on what they
 * travel for and what matters to them. Who comes for the children books early, who comes to rest comes back. */
#include "cli/generate/profiles.h"

static const gen_word countries[] = {{"DE", 55, 0}, {"AT", 14, 0}, {"CH", 13, 0},
                                     {"NL", 10, 0}, {"IT", 4, 0},  {NULL, 4, 0}};
static const gen_word purposes[] = {
    {"rest", 32, 1.1}, {"sport", 20, 1}, {"food", 14, 1.5}, {"family", 24, 1.2}, {"work", 10, 0.9}};
static const gen_word wishes[] = {{"spa", 0.42, 0},          {"hiking", 0.36, 0}, {"wine", 0.24, 0},
                                  {"kids_club", 0.2, 0},     {"bike", 0.22, 0},   {"yoga", 0.14, 0},
                                  {"late_checkout", 0.18, 0}};

/* Where guests live; the factor is the latitude, the longitude. */
static const gen_word north[] = {{"Munich", 4, 48.137}, {"Stuttgart", 3, 48.776}, {"Frankfurt", 3, 50.11},
                                 {"Hamburg", 2, 53.55}, {"Vienna", 2, 48.208},    {"Zurich", 2, 47.377},
                                 {"Utrecht", 1, 52.09}};
static const gen_word east[] = {{"Munich", 4, 11.575}, {"Stuttgart", 3, 9.183}, {"Frankfurt", 3, 8.682},
                                {"Hamburg", 2, 9.993}, {"Vienna", 2, 16.373},   {"Zurich", 2, 8.541},
                                {"Utrecht", 1, 5.121}};

static const gen_column guests[] = {
    {.name = "guest_id", .type = "u", .how = GEN_KEY, .of = "g"},
    {.name = "full_name", .type = "u", .how = GEN_PERSON},
    {.name = "email", .type = "u", .how = GEN_EMAIL, .missing = 0.06},
    {.name = "country", .type = "u", .how = GEN_WORD, GEN_WORDS(countries)},
    {.name = "home_lat", .type = "d:9,6", .how = GEN_PLACED, .c = 0.25, GEN_WORDS(north)},
    {.name = "home_lon", .type = "d:9,6", .how = GEN_PLACED, .c = 0.35, GEN_WORDS(east)},
    {.name = "birth_date", .type = "tdD", .how = GEN_BIRTH, .missing = 0.25},
    {.name = "first_seen", .type = "tsu:UTC", .how = GEN_TIME},
    {.name = "email_consent", .type = "b", .how = GEN_FLAG, .a = 0.61},
    {.name = "post_consent", .type = "b", .how = GEN_FLAG, .a = 0.5},
    {.name = "travels_for", .type = "u", .how = GEN_WORD, GEN_WORDS(purposes), .missing = 0.24},
    {.name = "wishes", .type = "+l", .how = GEN_TAGS, GEN_WORDS(wishes)},
    {.name = "price_matters",
     .type = "l",
     .how = GEN_BELL,
     .a = 3.1,
     .b = 1.2,
     .low = 1,
     .high = 5,
     .missing = 0.14},
    {.name = "nature_matters",
     .type = "l",
     .how = GEN_BELL,
     .a = 3.4,
     .b = 1.2,
     .low = 1,
     .high = 5,
     .missing = 0.14},
    {.name = "comfort_matters",
     .type = "l",
     .how = GEN_BELL,
     .a = 3.6,
     .b = 1,
     .low = 1,
     .high = 5,
     .missing = 0.14},
    {.name = "would_recommend",
     .type = "l",
     .how = GEN_BELL,
     .a = 7.8,
     .b = 1.9,
     .c = -1,
     .high = 10,
     .missing = 0.3},
};

static const gen_word houses[] = {{"lake", 45, 1.2}, {"city", 25, 0.8}, {"mountain", 30, 1}};
static const gen_word boards[] = {{"room_only", 22, 0}, {"breakfast", 48, 0}, {"half_board", 30, 0}};
static const gen_word states[] = {{"confirmed", 90, 0}, {"cancelled", 10, 0}};
static const gen_column stays[] = {
    {.name = "stay_id", .type = "l", .how = GEN_KEY, .a = 30000},
    {.name = "guest_id", .type = "u", .how = GEN_OWNER},
    {.name = "booked_at", .type = "tsu:UTC", .how = GEN_TIME},
    {.name = "check_in", .type = "tdD", .how = GEN_PLANNED, .a = 1, .b = 32, .c = 0.9},
    {.name = "house", .type = "u", .how = GEN_WORD, .a = 0.5, GEN_WORDS(houses)},
    {.name = "nights", .type = "l", .how = GEN_AMOUNT, .a = 3, .b = 0.5, .low = 1, .high = 21},
    {.name = "board", .type = "u", .how = GEN_WORD, .a = 0.3, GEN_WORDS(boards)},
    {.name = "amount", .type = "d:10,2", .how = GEN_AMOUNT, .a = 420, .b = 0.45, .c = 0.45, .by = "house"},
    {.name = "extras", .type = "d:10,2", .how = GEN_AMOUNT, .a = 46, .b = 0.9, .c = 0.6, .by = "travels_for"},
    {.name = "status", .type = "u", .how = GEN_WORD, GEN_WORDS(states)},
};
static const gen_happening stay_happenings[] = {
    {.chance = 0.82, .times = 1, .last = 60},
    {.chance = 0.62, .rate = 0.15, .shape = 0.8, .by = "travels_for"},
};

static const gen_word channels[] = {{"email", 85, 0}, {"post", 15, 0}};
static const gen_word mails[] = {{"before_arrival", 30, 0}, {"lake_weekend", 20, 0}, {"house_letter", 50, 0}};
static const gen_column sends[] = {
    {.name = "guest_id", .type = "u", .how = GEN_OWNER},
    {.name = "sent_at", .type = "tsu:UTC", .how = GEN_TIME},
    {.name = "channel", .type = "u", .how = GEN_WORD, GEN_WORDS(channels)},
    {.name = "treatment", .type = "u", .how = GEN_WORD, GEN_WORDS(mails)},
};
static const gen_happening send_happenings[] = {{.chance = 0.6, .rate = 0.6, .shape = 1.4}};

static const gen_table tables[] = {
    {.name = "guests", .share = 1, .span = 1460, .stay = 700, GEN_COLUMNS(guests)},
    {.name = "stays", .owner = "guests", GEN_COLUMNS(stays), GEN_HAPPENINGS(stay_happenings)},
    {.name = "sends", .owner = "guests", GEN_COLUMNS(sends), GEN_HAPPENINGS(send_happenings)},
};

const gen_profile gen_profile_hospitality = {"hospitality", "Europe/Berlin", tables, ST_COUNT(tables)};
