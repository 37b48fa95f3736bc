/* A town's supplier of power and gas. Everybody gets an invoice a month and most pay it in time; a few are always late, and some of
 * those who are late cannot help it. When a bill hurts, the telephone rings. */
#include "cli/generate/profiles.h"

static const gen_word tariffs[] = {
    {"basic", 52, 0.9}, {"green", 26, 1}, {"heat_pump", 10, 1.7}, {"business", 12, 3.5}};
static const gen_word districts[] = {
    {"old_town", 24, 0}, {"harbour", 20, 0}, {"north", 30, 0}, {"hills", 18, 0}, {"outside", 8, 0}};

/* How somebody pays; the factor stretches the days between the invoice and the payment. */
static const gen_word payers[] = {{"prompt", 68, 0.55}, {"forgetful", 25, 1.4}, {"late", 7, 5.5}};

static const gen_column customers[] = {
    {.name = "customer_id", .type = "l", .how = GEN_KEY, .a = 400000},
    {.name = "full_name", .type = "u", .how = GEN_PERSON},
    {.name = "email", .type = "u", .how = GEN_EMAIL, .missing = 0.18},
    {.name = "phone", .type = "u", .how = GEN_PHONE, .missing = 0.12},
    {.name = "district", .type = "u", .how = GEN_WORD, GEN_WORDS(districts)},
    {.name = "tariff", .type = "u", .how = GEN_WORD, GEN_WORDS(tariffs)},
    {.name = "supplied_since", .type = "tdD", .how = GEN_TIME},
    {.name = "contract_until", .type = "tdD", .how = GEN_WITHIN, .a = 2, .b = 720, .missing = 0.4},
    {.name = "vulnerable", .type = "b", .how = GEN_FLAG, .a = 0.06},
    {.name = "email_consent", .type = "b", .how = GEN_FLAG, .a = 0.48},
    {.name = "sms_consent", .type = "b", .how = GEN_FLAG, .a = 0.41},
    {.name = "churn_score", .type = "g", .how = GEN_BELL, .a = 0.34, .b = 0.2, .high = 1, .missing = 0.1},
    {.name = "payer_habit", .type = "u", .how = GEN_WORD, GEN_WORDS(payers), .hidden = true},
};

static const gen_column invoices[] = {
    {.name = "invoice_id", .type = "l", .how = GEN_KEY, .a = 9000000},
    {.name = "customer_id", .type = "l", .how = GEN_OWNER},
    {.name = "issued_on", .type = "tdD", .how = GEN_TIME},
    {.name = "due_on", .type = "tdD", .how = GEN_PLANNED, .a = 14},
    {.name = "paid_on",
     .type = "tdD",
     .how = GEN_LATER,
     .b = 10,
     .c = 0.45,
     .by = "payer_habit",
     .missing = 0.003},
    {.name = "amount_due", .type = "d:10,2", .how = GEN_AMOUNT, .a = 82, .b = 0.3, .c = 0.45, .by = "tariff"},
};
static const gen_happening invoice_happenings[] = {{.rate = 1, .shape = 40}};

static const gen_word kinds[] = {
    {"bill", 44, 0}, {"meter", 20, 0}, {"moving", 16, 0}, {"outage", 12, 0}, {"complaint", 8, 0}};
static const gen_word states[] = {{"closed", 68, 0}, {"open", 32, 0}};
static const gen_column tickets[] = {
    {.name = "ticket_id", .type = "l", .how = GEN_KEY, .a = 70000},
    {.name = "customer_id", .type = "l", .how = GEN_OWNER},
    {.name = "opened_at", .type = "tsu:UTC", .how = GEN_TIME},
    {.name = "kind", .type = "u", .how = GEN_WORD, GEN_WORDS(kinds)},
    {.name = "status", .type = "u", .how = GEN_WORD, GEN_WORDS(states)},
};
static const gen_happening ticket_happenings[] = {{.rate = 0.22, .shape = 0.7, .by = "payer_habit"}};

static const gen_word channels[] = {{"email", 40, 0}, {"sms", 25, 0}, {"post", 35, 0}};
static const gen_word letters[] = {
    {"reminder_sms", 20, 0}, {"dunning_letter", 25, 0}, {"green_offer", 35, 0}, {"contract_offer", 20, 0}};
static const gen_column sends[] = {
    {.name = "customer_id", .type = "l", .how = GEN_OWNER},
    {.name = "sent_at", .type = "tsu:UTC", .how = GEN_TIME},
    {.name = "channel", .type = "u", .how = GEN_WORD, GEN_WORDS(channels)},
    {.name = "treatment", .type = "u", .how = GEN_WORD, GEN_WORDS(letters)},
};
static const gen_happening send_happenings[] = {{.chance = 0.5, .rate = 0.5, .shape = 1}};

static const gen_table tables[] = {
    {.name = "customers", .share = 1, .span = 1095, .stay = 2500, GEN_COLUMNS(customers)},
    {.name = "invoices", .owner = "customers", GEN_COLUMNS(invoices), GEN_HAPPENINGS(invoice_happenings)},
    {.name = "tickets", .owner = "customers", GEN_COLUMNS(tickets), GEN_HAPPENINGS(ticket_happenings)},
    {.name = "sends", .owner = "customers", GEN_COLUMNS(sends), GEN_HAPPENINGS(send_happenings)},
};

const gen_profile gen_profile_utilities = {"utilities", "Europe/Berlin", tables, ST_COUNT(tables)};
