/* strata generate: example data, of a shop and of other houses, or for the tables that a rule set declares. */
#include "cli/cli.h"

#include "api/api.h"
#include "cli/generate/from.h"
#include "cli/generate/profiles.h"
#include "cli/generate/retail.h"
#include "io/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const cli_option options[] = {
    {"from", 0, "PATH", "for the tables of this rule set, in place of an example", false},
    {"customers", 0, "N", "how many; 20000 if not said, at most 10 million", false},
    {"rows", 0, "N", "the same, for tables that are not about customers", false},
    {"seed", 0, "S", "which data: the same numbers give the same files; 1 if not said", false},
    {"as-of", 0, "DAY", "up to when, 2026-11-01 if not said; retail always ends there", false},
    {"output", 'o', "DIR", "the folder for the files; made if it is not there", false},
    {"format", 0, "FORMAT", "parquet, csv or jsonl; parquet if not said", false},
    {"orders-per-customer", 0, "N", "retail: on average; 10 if not said, at most 100 million orders in all",
     false},
    {"set", 0, "NAME=VALUE", "with --from: another value for a parameter", true},
};

typedef struct request {
    const char *what; /* an example; NULL: --from */
    const char *folder, *format;
    uint64_t customers, seed;
} request;

/* ---- files ---- */

static bool make_folder(const char *path)
{
    struct stat info;
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode)))
        return true;
    cli_fail("the folder %s cannot be made: %s.", path, strerror(errno));
    return false;
}

/* Takes the stream over. made: what making it came to, 0 or an errno. */
static bool write_table(const request *r, const char *table, int made, struct ArrowArrayStream *stream)
{
    strata_error error = {0};
    char *path = NULL;
    if (made != 0 || asprintf(&path, "%s/%s.%s", r->folder, table, r->format) < 0) {
        cli_fail("there is not enough memory for the table %s.", table);
        if (made == 0) stream->release(stream);
        return false;
    }
    bool good = st_io_write_stream(path, r->format, stream, &error) == STRATA_OK;
    if (good)
        printf("%s\n", path);
    else
        cli_fail_with(&error);
    free(path);
    return good;
}

/* ---- the shop ---- */

static int generate_shop(const cli_args *args, const request *r)
{
    uint64_t orders = 10;
    if (!cli_number(args, "orders-per-customer", 1, 100, &orders)) return CLI_FAILED;
    if (cli_value(args, "as-of"))
        return cli_fail("the example retail always ends on 2026-10-31: leave --as-of out.");
    if (r->customers * orders > GEN_MOST_ORDERS)
        return cli_fail(
            "%llu customers with %llu orders each are more than %u orders, the most there can be.",
            (unsigned long long)r->customers, (unsigned long long)orders, GEN_MOST_ORDERS);
    gen_shop shop = {
        .seed = r->seed, .customers = (uint32_t)r->customers, .orders_per_customer = (double)orders};
    if (!make_folder(r->folder)) return CLI_FAILED;
    for (int i = 0; i < GEN_TABLES; i++) {
        struct ArrowArrayStream stream;
        int made = gen_stream(&shop, i, &stream);
        if (!write_table(r, gen_tables[i], made, &stream)) return CLI_FAILED;
    }
    return CLI_CLEAN;
}

/* ---- everything else is made from a description ---- */

static bool read_as_of(const cli_args *args, gen_model *m)
{
    const char *text = cli_value(args, "as-of");
    int64_t instant;
    m->horizon = 0;
    if (!text) text = "2026-11-01";
    if (st_parse_date(st_str_of(text), &m->day)) return true;
    if (!st_parse_timestamp(st_str_of(text), m->zone, &instant)) {
        cli_fail("--as-of %s is neither a day nor an instant. Write 2026-11-01 or 2026-11-01T09:30.", text);
        return false;
    }
    int64_t local = st_local_of_instant(m->zone, instant);
    m->day = st_day_of_instant(m->zone, instant);
    m->horizon = (double)(local - m->day * ST_DAY_US) / (double)ST_DAY_US;
    return true;
}

/* Years beside the as-of hold what is to come and when people were born. */
static bool check_as_of(const gen_model *m)
{
    if (m->day >= st_days_from_civil(1900, 1, 1) && m->day < st_days_from_civil(9900, 1, 1)) return true;
    cli_fail("--as-of is too far away. Choose a day from 1900 to 9899.");
    return false;
}

static int generate_model(const cli_args *args, const request *r, gen_model *m)
{
    m->seed = r->seed;
    m->customers = r->customers;
    if (!read_as_of(args, m) || !check_as_of(m) || !make_folder(r->folder)) return CLI_FAILED;
    for (uint32_t i = 0; i < m->ntables; i++) {
        struct ArrowArrayStream stream;
        int made = gen_table_stream(m, i, &stream);
        if (!write_table(r, m->tables[i].name, made, &stream)) return CLI_FAILED;
    }
    return CLI_CLEAN;
}

static int generate_profile(const cli_args *args, const request *r, const gen_profile *p)
{
    st_env env;
    bool ok;
    volatile int status = CLI_FAILED;
    st_env_init(&env, NULL);
    ST_GUARD(&env, ok, {
        gen_model m = {.tables = p->tables, .ntables = p->ntables};
        m.zone = st_zone_load(st_arena_new(&env), p->zone);
        if (m.zone)
            status = generate_model(args, r, &m);
        else
            cli_fail("this machine does not know the time zone %s: install tzdata, or say where it is with "
                     "TZDIR.",
                     p->zone);
    });
    if (!ok) cli_fail_with(&env.error);
    st_env_close(&env);
    return status;
}

static int generate_from(const cli_args *args, const request *r, strata_rules *rules)
{
    bool ok;
    volatile int status = CLI_FAILED;
    if (!rules->program)
        return cli_fail("%s is compiled, which leaves out what data need not have. Name the .seg files.",
                        cli_value(args, "from"));
    if (rules->program->ntables == 0)
        return cli_fail("%s declares no table: there is nothing to make.", cli_value(args, "from"));
    ST_GUARD(&rules->env, ok, {
        gen_model m = gen_model_from(rules->arena, rules->program);
        status = generate_model(args, r, &m);
    });
    return ok ? status : cli_fail_with(&rules->env.error);
}

/* ---- the verb ---- */

static bool read_request(const cli_args *args, request *r)
{
    const char *from = cli_value(args, "from");
    r->what = args->noperands ? args->operands[0] : NULL;
    r->folder = cli_value(args, "output");
    r->format = cli_value(args, "format");
    if (!r->format) r->format = "parquet";
    if (!r->what == !from) {
        cli_fail(
            from ? "name an example or --from PATH, not both."
                 : "name an example, retail for one, or a rule set with --from PATH. strata help generate "
                   "lists them.");
        return false;
    }
    if (!r->folder) {
        cli_fail("say where to: -o DIR.");
        return false;
    }
    if (strcmp(r->format, "parquet") != 0 && strcmp(r->format, "csv") != 0 &&
        strcmp(r->format, "jsonl") != 0) {
        cli_fail("--format %s is not known. Choose parquet, csv or jsonl.", r->format);
        return false;
    }
    if (cli_value(args, "customers") && cli_value(args, "rows")) {
        cli_fail("--customers and --rows mean the same. Say one of them.");
        return false;
    }
    if (r->what && cli_value(args, "set")) {
        cli_fail("--set goes with --from: an example has no parameters.");
        return false;
    }
    bool shop = r->what && strcmp(r->what, "retail") == 0;
    if (!shop && cli_value(args, "orders-per-customer")) {
        cli_fail("--orders-per-customer is for retail only.");
        return false;
    }
    r->customers = 20000;
    r->seed = 1;
    return cli_number(args, "customers", 1, GEN_MOST_CUSTOMERS, &r->customers) &&
           cli_number(args, "rows", 1, GEN_MOST_CUSTOMERS, &r->customers) &&
           cli_number(args, "seed", 0, UINT64_MAX, &r->seed);
}

static int unknown_example(const char *name)
{
    enum { MOST = 64 };
    const char *names[MOST] = {"retail"};
    int n = 1;
    for (uint32_t i = 0; i < gen_nprofiles && n < MOST; i++) names[n++] = gen_profiles[i]->name;
    const char *near = cli_nearest(name, names, n);
    if (near) return cli_fail("there is no example %s. Did you mean %s?", name, near);
    return cli_fail("there is no example %s. strata help generate lists them, retail is one.", name);
}

static int generate(const cli_args *args)
{
    request r = {0};
    if (!read_request(args, &r)) return CLI_FAILED;
    if (!r.what) {
        int status;
        strata_rules *rules = cli_load_rules_at(args, cli_value(args, "from"), stderr, &status);
        if (rules && status == CLI_CLEAN) status = generate_from(args, &r, rules);
        strata_rules_free(rules);
        return status;
    }
    if (strcmp(r.what, "retail") == 0) return generate_shop(args, &r);
    for (uint32_t i = 0; i < gen_nprofiles; i++)
        if (strcmp(gen_profiles[i]->name, r.what) == 0) return generate_profile(args, &r, gen_profiles[i]);
    return unknown_example(r.what);
}

#define PROFILE(name, summary) "  " #name "\n      " summary "\n"
const cli_verb cli_generate = {
    .name = "generate",
    .usage = "generate EXAMPLE | --from PATH -o DIR [--customers N] [--seed S]",
    .summary = "Makes example data: of one of the examples, or for the tables that a rule set declares.\n\n"
               "Examples of houses:\n"
               "  retail\n      customers, orders and web events of a shop\n"
#include "cli/generate/profiles.def"
    ,
    .examples =
        "  strata generate retail --customers 20000 --seed 1 -o shop\n"
        "  strata generate retail --customers 1000000 --orders-per-customer 10 -o big --format parquet\n"
        "  strata generate --from rules/ --customers 5000 --as-of 2026-11-01 -o data\n",
    .noptional = 1,
    .options = options,
    .noptions = sizeof options / sizeof *options,
    .run = generate,
};
#undef PROFILE
