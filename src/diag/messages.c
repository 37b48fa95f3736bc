/* The registry of messages, from grammar/messages.def. */
#include "diag/diag.h"

/* Tables that the examples of many messages share. */
#define SHOP                                                                                                 \
    "table customers {\n"                                                                                    \
    "  customer_id  string     key\n"                                                                        \
    "  country      string?\n"                                                                               \
    "  email        string?    pii\n"                                                                        \
    "  birth_date   date?      fixed\n"                                                                      \
    "  signup_at    timestamp  time\n"                                                                       \
    "  age          int?       fixed\n"                                                                      \
    "  churn_score  float?\n"                                                                                \
    "  vip_card     bool\n"                                                                                  \
    "  interests    list of string\n"                                                                        \
    "}\n"                                                                                                    \
    "table orders {\n"                                                                                       \
    "  order_id     string  key\n"                                                                           \
    "  customer_id  string  links to customers\n"                                                            \
    "  ordered_at   timestamp  time\n"                                                                       \
    "  amount       decimal(12,2)\n"                                                                         \
    "  status       string\n"                                                                                \
    "}\n"
#define POST                                                                                                 \
    "table letters {\n"                                                                                      \
    "  customer_id  string     links to customers\n"                                                         \
    "  sent_at      timestamp  time\n"                                                                       \
    "  channel      string\n"                                                                                \
    "  treatment    string\n"                                                                                \
    "}\n"

const st_message st_messages[ST_MSG_COUNT] = {
#define MSG(NAME, code, severity, name, text, help, why, bad, good)                                          \
    [ST_MSG_##NAME] = {name, code, severity, text, help, why, bad, good},
#include "../../grammar/messages.def"
#undef MSG
};
