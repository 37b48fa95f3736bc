/* strata generate: an example shop. */
#include "cli/cli.h"

#include "cli/generate/retail.h"
#include "io/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const cli_option options[] = {
    {"customers", 0, "N", "how many; 20000 if not said, at most 10 million", false},
    {"seed", 0, "S", "which shop: the same numbers give the same files; 1 if not said", false},
    {"output", 'o', "DIR", "the folder for the files; made if it is not there", false},
    {"format", 0, "FORMAT", "parquet or csv; parquet if not said", false},
    {"orders-per-customer", 0, "N", "on average; 10 if not said, at most 100 million orders in all", false},
};

static bool make_folder(const char *path)
{
    struct stat info;
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode)))
        return true;
    cli_fail("the folder %s cannot be made: %s.", path, strerror(errno));
    return false;
}

static bool write_table(const gen_shop *shop, int table, const char *folder, const char *format)
{
    struct ArrowArrayStream stream;
    strata_error error = {0};
    char *path = NULL;
    if (gen_stream(shop, table, &stream) != 0 ||
        asprintf(&path, "%s/%s.%s", folder, gen_tables[table], format) < 0) {
        cli_fail("there is not enough memory for a shop of %u customers.", shop->customers);
        return false;
    }
    bool good = st_io_write_stream(path, format, &stream, &error) == STRATA_OK;
    if (good)
        printf("%s\n", path);
    else
        cli_fail_with(&error);
    free(path);
    return good;
}

static int generate(const cli_args *args)
{
    uint64_t customers = 20000, seed = 1, orders = 10;
    const char *folder = cli_value(args, "output"), *format = cli_value(args, "format");
    if (strcmp(args->operands[0], "retail") != 0)
        return cli_fail("there is no example %s. Choose retail.", args->operands[0]);
    if (!folder) return cli_fail("say where to: -o DIR.");
    if (!format) format = "parquet";
    if (strcmp(format, "parquet") != 0 && strcmp(format, "csv") != 0)
        return cli_fail("--format %s is not known. Choose parquet or csv.", format);
    if (!cli_number(args, "customers", 1, GEN_MOST_CUSTOMERS, &customers) ||
        !cli_number(args, "seed", 0, UINT64_MAX, &seed) ||
        !cli_number(args, "orders-per-customer", 1, 100, &orders))
        return CLI_FAILED;
    if (customers * orders > GEN_MOST_ORDERS)
        return cli_fail(
            "%llu customers with %llu orders each are more than %u orders, the most there can be.",
            (unsigned long long)customers, (unsigned long long)orders, GEN_MOST_ORDERS);
    gen_shop shop = {.seed = seed, .customers = (uint32_t)customers, .orders_per_customer = (double)orders};
    if (!make_folder(folder)) return CLI_FAILED;
    for (int i = 0; i < GEN_TABLES; i++)
        if (!write_table(&shop, i, folder, format)) return CLI_FAILED;
    return CLI_CLEAN;
}

const cli_verb cli_generate = {
    .name = "generate",
    .usage = "generate retail -o DIR [--customers N] [--seed S]",
    .summary = "Makes an example shop: customers, orders and web events.",
    .examples =
        "  strata generate retail --customers 20000 --seed 1 -o shop\n"
        "  strata generate retail --customers 1000000 --orders-per-customer 10 -o big --format parquet\n",
    .noperands = 1,
    .options = options,
    .noptions = sizeof options / sizeof *options,
    .run = generate,
};
