/* Treatments on the command line: a table for people, a file of who gets what, and the files that go to other tools. */
#include "cli/cli.h"

#include "io/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool cli_wants_treatments(const cli_args *args)
{
    return cli_value(args, "treatments") || cli_value(args, "activate");
}

/* ---- before the work ---- */

static bool check_folder(const char *path)
{
    struct stat info;
    bool there = stat(path, &info) == 0;
    if (there && !S_ISDIR(info.st_mode)) {
        cli_fail("--activate %s: this is a file. Name a folder; it is made where it is not there.", path);
        return false;
    }
    char *parent = strdup(path);
    if (!parent) return false;
    size_t n = strlen(parent);
    while (n > 1 && parent[n - 1] == '/') parent[--n] = '\0';
    char *slash = strrchr(parent, '/');
    if (slash) slash[slash == parent] = '\0';
    const char *where = there ? path : slash ? parent : ".";
    bool good = path[0] && access(where, W_OK | X_OK) == 0;
    if (!good)
        cli_fail("--activate %s: files cannot be written there: %s.", path,
                 strerror(path[0] ? errno : ENOENT));
    free(parent);
    return good;
}

/* An audience that gives only what changed needs something to compare with. */
static bool check_previous(const cli_args *args, const strata_rules *rules)
{
    for (size_t i = 0; i < strata_rules_activation_count(rules); i++) {
        strata_activation x = strata_rules_activation(rules, i);
        if (x.change == STRATA_ALL || cli_value(args, "previous")) continue;
        cli_fail("the audience %s gives changes only: say --previous FILE, the output (-o) of the run "
                 "before, to compare "
                 "with.",
                 x.definition);
        return false;
    }
    return true;
}

bool cli_check_treatments(const cli_args *args, const strata_rules *rules)
{
    const char *file = cli_value(args, "treatments"), *folder = cli_value(args, "activate");
    bool treatments = false;
    size_t n = strata_rules_activation_count(rules);
    for (size_t i = 0; i < n; i++) treatments |= strata_rules_activation(rules, i).channel != NULL;
    const char *where =
        cli_value(args, "only") || cli_value(args, "due") ? "what --only or --due chooses" : "the rule set";
    if (file && !treatments) {
        cli_fail("--treatments %s: there is no treatment in %s.", file, where);
        return false;
    }
    if (folder && n == 0) {
        cli_fail("--activate %s: there is no treatment and no audience in %s.", folder, where);
        return false;
    }
    strata_error error;
    if (file && !cli_is_folder(file) &&
        st_io_check_output(file, cli_value(args, "format"), &error) != STRATA_OK) {
        cli_fail_with(&error);
        return false;
    }
    return !folder || (check_folder(folder) && check_previous(args, rules));
}

/* ---- who gets what ---- */

static bool write_entity(const cli_args *args, const strata_result *result, const char *entity,
                         const char *path)
{
    struct ArrowArrayStream stream;
    strata_error error;
    if (strata_result_treatment_stream(result, entity, &stream, &error) == STRATA_OK &&
        st_io_write_stream(path, cli_value(args, "format"), &stream, &error) == STRATA_OK)
        return true;
    cli_fail_with(&error);
    return false;
}

static bool write_treatments(const cli_args *args, const strata_result *result, const char *path)
{
    size_t n = strata_result_treated_entity_count(result);
    const char *format = cli_value(args, "format");
    if (n == 1 && !cli_is_folder(path))
        return write_entity(args, result, strata_result_treated_entity(result, 0), path);
    if (!cli_is_folder(path)) {
        cli_fail("the treatments are of several entities (%s, %s): --treatments has to name a folder that is "
                 "there, for "
                 "one file each.",
                 strata_result_treated_entity(result, 0), strata_result_treated_entity(result, 1));
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < n && good; i++) {
        char *file = NULL;
        const char *entity = strata_result_treated_entity(result, i);
        good = asprintf(&file, "%s/%s.treatments.%s", path, entity, format ? format : "parquet") >= 0;
        good = good && write_entity(args, result, entity, file);
        free(file);
    }
    return good;
}

/* ---- files for other tools ---- */

/* A name as part of a file's: letters, digits, _ - and what is not ASCII stay, the rest becomes %2F and the like, so that two names
 * never meet and none leads elsewhere. */
static void add_name(char **to, const char *name)
{
    for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                     *p == '_' || *p == '-' || *p >= 0x80;
        *to += plain ? sprintf(*to, "%c", *p) : sprintf(*to, "%%%02X", *p);
    }
}

static char *file_name(const strata_activation *x)
{
    const char *channel = x->channel ? x->channel : "";
    char *name = malloc(3 * (strlen(x->definition) + strlen(channel)) + 32), *to = name;
    if (!name) return NULL;
    add_name(&to, x->definition);
    if (x->channel) {
        *to++ = '.';
        add_name(&to, channel);
    }
    strcpy(to, x->change == STRATA_JOINED ? ".joined.csv" : x->change == STRATA_LEFT ? ".left.csv" : ".csv");
    return name;
}

static char *join(const char *folder, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

typedef struct set {
    const strata_rules *rules;
    const strata_result *result;
    const char *folder;
    char *staging; /* a folder inside of it, where the files are written until all are whole */
    size_t n;
    char **names;
} set;

static bool write_one(const set *s, size_t i)
{
    struct ArrowArrayStream stream;
    strata_error error = {.message = "there is not enough memory."};
    char *path = join(s->staging, s->names[i]);
    bool good = path && strata_result_activation_stream(s->result, i, &stream, &error) == STRATA_OK &&
                st_io_write_stream(path, "csv", &stream, &error) == STRATA_OK;
    if (!good) cli_fail_with(&error);
    free(path);
    return good;
}

static bool move_one(const set *s, size_t i)
{
    char *from = join(s->staging, s->names[i]), *to = join(s->folder, s->names[i]);
    bool good = from && to && rename(from, to) == 0;
    if (!good) cli_fail("%s/%s cannot be written: %s.", s->folder, s->names[i], strerror(errno));
    free(from);
    free(to);
    return good;
}

/* What rename could not replace is found before the first file is moved. */
static bool is_free(const set *s, size_t i)
{
    char *to = join(s->folder, s->names[i]);
    bool good = to && !cli_is_folder(to);
    if (!good)
        cli_fail("%s/%s is a folder: remove it, a file is to be written there.", s->folder, s->names[i]);
    free(to);
    return good;
}

static bool each(const set *s, bool (*what)(const set *, size_t))
{
    bool good = true;
    for (size_t i = 0; i < s->n && good; i++) good = what(s, i);
    return good;
}

static bool open_set(set *s)
{
    if (mkdir(s->folder, 0777) != 0 && errno != EEXIST) {
        cli_fail("%s cannot be made: %s.", s->folder, strerror(errno));
        return false;
    }
    s->n = strata_rules_activation_count(s->rules);
    s->names = calloc(s->n + 1, sizeof *s->names);
    bool good = s->names != NULL;
    for (size_t i = 0; i < s->n && good; i++) {
        strata_activation x = strata_rules_activation(s->rules, i);
        s->names[i] = file_name(&x);
        good = s->names[i] != NULL;
    }
    s->staging = join(s->folder, ".activate-XXXXXX");
    if (good && s->staging && mkdtemp(s->staging)) return true;
    cli_fail("%s: files cannot be written there: %s.", s->folder, strerror(errno));
    free(s->staging);
    s->staging = NULL;
    return false;
}

static void sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

static void close_set(set *s)
{
    for (size_t i = 0; i < s->n && s->names; i++) {
        char *path = s->staging && s->names[i] ? join(s->staging, s->names[i]) : NULL;
        if (path) unlink(path); /* one that was not moved */
        free(path);
        free(s->names[i]);
    }
    free(s->names);
    if (s->staging) rmdir(s->staging);
    free(s->staging);
    sync_folder(s->folder);
}

static bool activate(const strata_rules *rules, const strata_result *result, const char *folder)
{
    set s = {.rules = rules, .result = result, .folder = folder};
    bool good = open_set(&s) && each(&s, is_free) && each(&s, write_one) && each(&s, move_one);
    close_set(&s);
    return good;
}

/* What cannot be given is said before any file is written. */
bool cli_check_activation(const cli_args *args, const strata_rules *rules, const strata_result *result)
{
    struct ArrowArrayStream stream;
    strata_error error;
    for (size_t i = 0; cli_value(args, "activate") && i < strata_rules_activation_count(rules); i++) {
        if (strata_result_activation_stream(result, i, &stream, &error) != STRATA_OK) {
            cli_fail_with(&error);
            return false;
        }
        stream.release(&stream);
    }
    return true;
}

bool cli_write_treatments(const cli_args *args, const strata_rules *rules, const strata_result *result)
{
    const char *file = cli_value(args, "treatments"), *folder = cli_value(args, "activate");
    return (!file || write_treatments(args, result, file)) && (!folder || activate(rules, result, folder));
}

/* ---- for people ---- */

static char *name_of(const strata_treatment_count *c)
{
    char *text = NULL;
    int n = c->outcome == STRATA_TREATED ? asprintf(&text, "%s", c->channel ? c->channel : "treated")
            : c->by                      ? asprintf(&text, "not: %s (%s)", c->reason, c->by)
                                         : asprintf(&text, "not: %s", c->reason);
    return n < 0 ? NULL : text;
}

/* The counts [i, end) of one treatment: those who get it, by channel, then why others do not; of all members of its target. */
static void print_one(const cli_layout *l, const strata_result *result, size_t i, size_t end)
{
    uint64_t members = 0, treated = 0;
    for (size_t k = i; k < end; k++) {
        strata_treatment_count c = strata_result_treatment(result, k);
        members += c.customers;
        if (c.outcome == STRATA_TREATED) treated += c.customers;
    }
    cli_print_row(l, "", strata_result_treatment(result, i).treatment, true, treated, members);
    for (; i < end; i++) {
        strata_treatment_count c = strata_result_treatment(result, i);
        char *name = name_of(&c);
        if (name) cli_print_row(l, "  ", name, false, c.customers, members);
        free(name);
    }
}

void cli_print_treatments(const strata_result *result, FILE *out)
{
    cli_layout l = {out, 0, cli_colour(out)};
    size_t n = strata_result_treatment_size(result);
    for (size_t i = 0; i < n; i++) {
        strata_treatment_count c = strata_result_treatment(result, i);
        char *name = name_of(&c);
        int wide = name ? cli_width(name) + 2 : 0, own = cli_width(c.treatment);
        if (wide > l.left) l.left = wide;
        if (own > l.left) l.left = own;
        free(name);
    }
    for (size_t i = 0, end; i < n; i = end) {
        const char *treatment = strata_result_treatment(result, i).treatment;
        for (end = i + 1; end < n && strcmp(strata_result_treatment(result, end).treatment, treatment) == 0;
             end++) {
        }
        if (i == 0) fputs("\nTreatments\n", out);
        print_one(&l, result, i, end);
    }
}
