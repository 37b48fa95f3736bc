/* A house that sells machines and their upkeep to other houses. Accounts differ by industry, size and how much their people look
 * around; in each sit a few contacts, of whom some are heard of every week and most hardly ever. */
#include "cli/generate/profiles.h"

static const gen_word industries[] = {
    {"manufacturing", 28, 1.3}, {"logistics", 18, 1.1}, {"food", 16, 1}, {"health", 12, 0.9},
    {"retail", 12, 0.8},        {"energy", 8, 1.4},     {NULL, 6, 1}};
static const gen_word countries[] = {{"DE", 50, 0}, {"AT", 12, 0}, {"CH", 10, 0},
                                     {"FR", 12, 0}, {"PL", 9, 0},  {"IT", 7, 0}};
static const gen_word standings[] = {{"prospect", 60, 1}, {"customer", 32, 1.6}, {"former", 8, 0.5}};

/* How far an account has come in its search; nobody can look it up, but intent and touches follow from it. */
static const gen_word searches[] = {{"asleep", 60, 0.35}, {"looking", 28, 1.2}, {"buying", 12, 3.2}};

static const gen_column accounts[] = {
    {.name = "account_id", .type = "u", .how = GEN_KEY, .of = "a"},
    {.name = "industry", .type = "u", .how = GEN_WORD, GEN_WORDS(industries)},
    {.name = "employees",
     .type = "l",
     .how = GEN_AMOUNT,
     .a = 90,
     .b = 1.4,
     .low = 1,
     .high = 90000,
     .missing = 0.07},
    {.name = "country", .type = "u", .how = GEN_WORD, GEN_WORDS(countries)},
    {.name = "standing", .type = "u", .how = GEN_WORD, GEN_WORDS(standings)},
    {.name = "known_since", .type = "tsu:UTC", .how = GEN_TIME},
    {.name = "renewal_on", .type = "tdD", .how = GEN_WITHIN, .a = -20, .b = 345, .missing = 0.62},
    {.name = "intent",
     .type = "g",
     .how = GEN_BELL,
     .a = 0.26,
     .b = 0.12,
     .high = 1,
     .by = "search",
     .missing = 0.2},
    {.name = "contract_value",
     .type = "d:12,2",
     .how = GEN_AMOUNT,
     .a = 18000,
     .b = 1.1,
     .by = "industry",
     .missing = 0.62},
    {.name = "search", .type = "u", .how = GEN_WORD, GEN_WORDS(searches), .hidden = true},
};

static const gen_word titles[] = {{"Buyer", 20, 0},
                                  {"Engineer", 22, 0},
                                  {"Plant Manager", 14, 0},
                                  {"Head of Purchasing", 9, 0},
                                  {"VP Operations", 6, 0},
                                  {"Director of IT", 6, 0},
                                  {"Chief Technology Officer", 4, 0},
                                  {"Assistant", 13, 0},
                                  {NULL, 6, 0}};
static const gen_word departments[] = {
    {"purchasing", 28, 0}, {"operations", 30, 0}, {"it", 16, 0}, {"finance", 14, 0}, {NULL, 12, 0}};
static const gen_word addresses[] = {{"work", 82, 0}, {"free", 15, 0}, {NULL, 3, 0}};

static const gen_column contacts[] = {
    {.name = "contact_id", .type = "u", .how = GEN_KEY, .of = "p"},
    {.name = "account_id", .type = "u", .how = GEN_OWNER},
    {.name = "full_name", .type = "u", .how = GEN_PERSON},
    {.name = "email", .type = "u", .how = GEN_EMAIL, .missing = 0.05},
    {.name = "phone", .type = "u", .how = GEN_PHONE, .missing = 0.3},
    {.name = "email_kind", .type = "u", .how = GEN_WORD, GEN_WORDS(addresses)},
    {.name = "job_title", .type = "u", .how = GEN_WORD, GEN_WORDS(titles)},
    {.name = "department", .type = "u", .how = GEN_WORD, GEN_WORDS(departments)},
    {.name = "email_consent", .type = "b", .how = GEN_FLAG, .a = 0.58},
    {.name = "phone_consent", .type = "b", .how = GEN_FLAG, .a = 0.55},
    {.name = "added_at", .type = "tsu:UTC", .how = GEN_TIME},
};
static const gen_happening contact_happenings[] = {{.chance = 0.96, .times = 4, .shape = 1.2}};

static const gen_column touches[] = {
    {.name = "contact_id", .type = "u", .how = GEN_OWNER},
    {.name = "at", .type = "tsu:UTC", .how = GEN_TIME},
    {.name = "kind", .type = "u", .how = GEN_WHAT},
};
static const gen_happening touch_happenings[] = {
    {.what = "content", .rate = 0.8, .shape = 0.5, .by = "search"},
    {.what = "webinar", .chance = 0.5, .rate = 0.3, .shape = 0.7, .by = "search"},
    {.what = "pricing_page", .chance = 0.45, .rate = 0.35, .shape = 0.5, .by = "search"},
    {.what = "demo_request", .chance = 0.1, .times = 1, .by = "search"},
    {.what = "unsubscribe", .chance = 0.05, .times = 1},
};

static const gen_word stages[] = {{"open", 22, 0}, {"won", 30, 0}, {"lost", 48, 0}};
static const gen_column deals[] = {
    {.name = "deal_id", .type = "l", .how = GEN_KEY, .a = 700},
    {.name = "account_id", .type = "u", .how = GEN_OWNER},
    {.name = "opened_on", .type = "tdD", .how = GEN_TIME},
    {.name = "amount", .type = "d:12,2", .how = GEN_AMOUNT, .a = 14000, .b = 1, .c = 0.5, .by = "industry"},
    {.name = "stage", .type = "u", .how = GEN_WORD, GEN_WORDS(stages)},
};
static const gen_happening deal_happenings[] = {
    {.chance = 0.55, .rate = 0.12, .shape = 0.8, .by = "standing"}};

static const gen_word channels[] = {{"email", 80, 0}, {"phone", 20, 0}};
static const gen_word mails[] = {
    {"demo_invitation", 45, 0}, {"renewal_talk", 20, 0}, {"machine_news", 35, 0}};
static const gen_column sends[] = {
    {.name = "contact_id", .type = "u", .how = GEN_OWNER},
    {.name = "sent_at", .type = "tsu:UTC", .how = GEN_TIME},
    {.name = "channel", .type = "u", .how = GEN_WORD, GEN_WORDS(channels)},
    {.name = "treatment", .type = "u", .how = GEN_WORD, GEN_WORDS(mails)},
};
static const gen_happening send_happenings[] = {{.chance = 0.6, .rate = 0.7, .shape = 1.2}};

static const gen_table tables[] = {
    {.name = "accounts", .share = 1, .span = 1095, .stay = 1500, GEN_COLUMNS(accounts)},
    {.name = "contacts", .owner = "accounts", GEN_COLUMNS(contacts), GEN_HAPPENINGS(contact_happenings)},
    {.name = "touches", .owner = "contacts", GEN_COLUMNS(touches), GEN_HAPPENINGS(touch_happenings)},
    {.name = "deals", .owner = "accounts", GEN_COLUMNS(deals), GEN_HAPPENINGS(deal_happenings)},
    {.name = "sends", .owner = "contacts", GEN_COLUMNS(sends), GEN_HAPPENINGS(send_happenings)},
};

const gen_profile gen_profile_b2b = {"b2b", "Europe/Berlin", tables, ST_COUNT(tables)};
