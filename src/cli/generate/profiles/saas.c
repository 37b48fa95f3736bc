/* A software house that sells a planning tool by the month. People sign up, some set themselves up in the first days, invite
 * colleagues and import their data; those who do stay. The larger the plan, the more is done. */
#include "cli/generate/profiles.h"

static const gen_word plans[] = {
    {"free", 58, 0.5}, {"trial", 9, 0.8}, {"team", 26, 1.6}, {"enterprise", 7, 3}};
static const gen_word countries[] = {{"DE", 38, 0}, {"US", 24, 0}, {"GB", 12, 0},
                                     {"FR", 10, 0}, {"NL", 9, 0},  {NULL, 7, 0}};
static const gen_word roles[] = {{"developer", 30, 0}, {"manager", 24, 0}, {"designer", 16, 0},
                                 {"admin", 12, 0},     {"founder", 10, 0}, {NULL, 8, 0}};
static const gen_word sources[] = {
    {"search", 34, 0}, {"friend", 24, 0}, {"ad", 22, 0}, {"partner", 8, 0}, {NULL, 12, 0}};

/* How somebody takes to the product; nobody can look it up. */
static const gen_word appetites[] = {{"curious", 45, 0.35}, {"steady", 40, 1.2}, {"eager", 15, 3.5}};

static const gen_column users[] = {
    {.name = "user_id", .type = "u", .how = GEN_KEY, .of = "u"},
    {.name = "email", .type = "u", .how = GEN_EMAIL},
    {.name = "country", .type = "u", .how = GEN_WORD, GEN_WORDS(countries)},
    {.name = "job_role", .type = "u", .how = GEN_WORD, GEN_WORDS(roles)},
    {.name = "plan", .type = "u", .how = GEN_WORD, GEN_WORDS(plans)},
    {.name = "source", .type = "u", .how = GEN_WORD, GEN_WORDS(sources)},
    {.name = "seats", .type = "l", .how = GEN_AMOUNT, .a = 3, .b = 0.7, .by = "plan", .low = 1, .high = 500},
    {.name = "signup_at", .type = "tsu:UTC", .how = GEN_TIME},
    {.name = "renews_on", .type = "tdD", .how = GEN_WITHIN, .a = 1, .b = 365, .missing = 0.55},
    {.name = "email_consent", .type = "b", .how = GEN_FLAG, .a = 0.74},
    {.name = "appetite", .type = "u", .how = GEN_WORD, GEN_WORDS(appetites), .hidden = true},
};

static const gen_word features[] = {
    {"boards", 30, 0},    {"calendar", 18, 0}, {"comments", 16, 0}, {"reports", 10, 0}, {"timeline", 8, 0},
    {"automation", 6, 0}, {"api", 4, 0},       {"export", 4, 0},    {"forms", 2, 0},    {"goals", 2, 0}};

static const gen_column events[] = {
    {.name = "user_id", .type = "u", .how = GEN_OWNER},
    {.name = "at", .type = "tsu:UTC", .how = GEN_TIME},
    {.name = "name", .type = "u", .how = GEN_WHAT},
    {.name = "feature", .type = "u", .how = GEN_WORD, .a = 0.3, .missing = 0.25, GEN_WORDS(features)},
};

/* Setting up is a funnel: each step behind the one before. */
static const gen_happening event_happenings[] = {
    {.what = "logo_added", .chance = 0.62, .times = 1, .last = 5},
    {.what = "data_imported", .chance = 0.55, .times = 1, .last = 12, .after = "logo_added"},
    {.what = "invite_sent", .chance = 0.6, .times = 3, .shape = 0.8, .last = 20, .after = "data_imported"},
    {.what = "session_start", .rate = 5, .shape = 0.7, .by = "appetite"},
    {.what = "feature_used", .rate = 7, .shape = 0.7, .by = "appetite"},
    {.what = "limit_reached", .chance = 0.3, .rate = 0.5, .shape = 0.6, .by = "appetite"},
};

static const gen_word kinds[] = {
    {"question", 55, 0}, {"bug", 25, 0}, {"billing", 14, 0}, {"complaint", 6, 0}};
static const gen_word states[] = {{"closed", 82, 0}, {"open", 18, 0}};
static const gen_column tickets[] = {
    {.name = "ticket_id", .type = "l", .how = GEN_KEY, .a = 5000},
    {.name = "user_id", .type = "u", .how = GEN_OWNER},
    {.name = "opened_at", .type = "tsu:UTC", .how = GEN_TIME},
    {.name = "kind", .type = "u", .how = GEN_WORD, GEN_WORDS(kinds)},
    {.name = "status", .type = "u", .how = GEN_WORD, GEN_WORDS(states)},
};
static const gen_happening ticket_happenings[] = {{.chance = 0.35, .rate = 0.3, .shape = 0.6, .by = "plan"}};

static const gen_word channels[] = {{"email", 70, 0}, {"in_app", 30, 0}};
static const gen_word mails[] = {{"setup_help", 40, 0}, {"upgrade_hint", 30, 0}, {"come_back", 30, 0}};
static const gen_column sends[] = {
    {.name = "user_id", .type = "u", .how = GEN_OWNER},
    {.name = "sent_at", .type = "tsu:UTC", .how = GEN_TIME},
    {.name = "channel", .type = "u", .how = GEN_WORD, GEN_WORDS(channels)},
    {.name = "treatment", .type = "u", .how = GEN_WORD, GEN_WORDS(mails)},
};
static const gen_happening send_happenings[] = {{.chance = 0.7, .rate = 1.2, .shape = 1.5}};

static const gen_table tables[] = {
    {.name = "users", .share = 1, .span = 720, .stay = 260, GEN_COLUMNS(users)},
    {.name = "events",
     .owner = "users",
     .weekend = 0.04,
     GEN_COLUMNS(events),
     GEN_HAPPENINGS(event_happenings)},
    {.name = "tickets", .owner = "users", GEN_COLUMNS(tickets), GEN_HAPPENINGS(ticket_happenings)},
    {.name = "sends", .owner = "users", GEN_COLUMNS(sends), GEN_HAPPENINGS(send_happenings)},
};

const gen_profile gen_profile_saas = {"saas", "Europe/Berlin", tables, ST_COUNT(tables)};
