/* From a snapshot to data: what it says of itself is held against what the rules declare, files are mapped, and the columns that rules read are checked
 * and pointed at where they lie. */
#include "base/threads.h"
#include "snapshot/checks.h"
#include "table/bind.h"
#include "table/convert.h"
#include "table/derive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct opening {
    st_arena *arena;
    const st_program *program;
    const char *dir;
    uint32_t threads;
    const st_manifest *manifest;
    st_mappings *mappings;
    st_data *data;
    st_checks checks;
} opening;

#define ANEW "Make the snapshot anew with strata snapshot."

static st_env *env_of(const opening *o)
{
    return st_arena_env(o->arena);
}

bool st_is_snapshot(const char *dir)
{
    struct stat info;
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", dir, ST_SNAP_MANIFEST);
    return n > 0 && (size_t)n < sizeof path && stat(path, &info) == 0;
}

/* ---- the manifest ---- */

static st_str read_file(st_env *env, st_arena *a, const char *path)
{
    enum { MOST = 256 << 20 };
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && fstat(fd, &info) == 0 && info.st_size < MOST;
    size_t n = good ? (size_t)info.st_size : 0, got = 0;
    char *text = st_alloc(a, n + 1);
    while (good && got < n) {
        ssize_t k = read(fd, text + got, n - got);
        good = k > 0 || (k < 0 && errno == EINTR);
        got += k > 0 ? (size_t)k : 0;
    }
    if (fd >= 0) close(fd);
    if (!good) st_snap_system(env, "read", path);
    return (st_str){text, (uint32_t)n};
}

static const st_snap_table *find_table(const opening *o, const st_table *t)
{
    for (uint32_t i = 0; i < o->manifest->ntables; i++)
        if (strcmp(o->manifest->tables[i].name, t->name) == 0) return &o->manifest->tables[i];
    st_fail(env_of(o), STRATA_BAD_DATA, "%.300s holds no table %s, which the rules read. " ANEW, o->dir,
            t->name);
}

static const st_snap_column *find_column(const opening *o, const st_snap_table *t, const st_col *c)
{
    for (uint32_t i = 0; i < t->ncolumns; i++)
        if (strcmp(t->columns[i].name, c->name) == 0) return &t->columns[i];
    st_fail(env_of(o), STRATA_BAD_DATA, "%.300s holds no column %s of table %s, which the rules read. " ANEW,
            o->dir, c->name, t->name);
}

/* ---- declarations ---- */

/* A question mark behind a type says that values may be missing, which the data say themselves. */
static bool same_type(const char *a, const char *b)
{
    size_t n = strlen(a), k = strlen(b);
    n -= n && a[n - 1] == '?';
    k -= k && b[k - 1] == '?';
    return n == k && memcmp(a, b, n) == 0;
}

ST_NORETURN static void other_declaration(const opening *o, const st_col *c, const char *now,
                                          const char *then)
{
    st_fail(env_of(o), STRATA_BAD_DATA,
            "%.300s: column %s of table %s is declared %s, and the snapshot was made with %s. " ANEW, o->dir,
            c->name, c->table->name, now, then);
}

static void check_declaration(const opening *o, const st_col *c, const st_snap_column *s)
{
    char type[48];
    st_type_words(c->type, type);
    const char *parent = c->links_to ? c->links_to->name : "";
    if (!same_type(type, s->type)) other_declaration(o, c, type, s->type);
    if (c->key != s->key) other_declaration(o, c, c->key ? "key" : "no key", s->key ? "key" : "no key");
    if (strcmp(parent, s->links_to) != 0)
        other_declaration(o, c, parent[0] ? st_format(o->arena, "a link to %s", parent) : "no link",
                          s->links_to[0] ? st_format(o->arena, "a link to %s", s->links_to) : "no link");
    if (s->missing && !c->type.optional)
        st_fail(env_of(o), STRATA_BAD_DATA,
                "%.300s: %llu value%s of column %s of table %s missing. Declare it %s? if they may be.",
                o->dir, (unsigned long long)s->missing, s->missing == 1 ? "" : "s", c->name, c->table->name,
                type);
    const char *allowed = st_snap_allowed(o->arena, o->program->zone, c);
    if (strcmp(allowed, s->allowed) != 0)
        other_declaration(o, c, allowed[0] ? allowed : "with any values",
                          s->allowed[0] ? s->allowed : "any values");
}

/* ---- buffers ---- */

typedef struct source {
    opening *o;
    const st_snap_table *t;
    const st_col *decl;
    const st_snap_column *s;
    const char *file;
} source;

ST_NORETURN static void damaged(const opening *o, const char *what)
{
    st_fail(env_of(o), STRATA_BAD_DATA, "%.300s is damaged: %s. " ANEW, o->dir, what);
}

/* A buffer of just that size, with zeros behind it that may be read. */
static const void *buffer_of(const opening *o, const char *file, uint64_t size, st_snap_place p,
                             uint64_t bytes)
{
    static const uint64_t nothing[2 * ST_SNAP_ALIGN / 8];
    if (p.bytes != bytes) damaged(o, "a buffer has another size than its rows");
    if (bytes == 0) return nothing;
    if (p.at % ST_SNAP_ALIGN || p.at > size || p.bytes + ST_SNAP_ALIGN > size - p.at)
        damaged(o, "a buffer lies outside of its file");
    return file + p.at;
}

static const void *values_of(const source *x, st_snap_place p, uint64_t bytes)
{
    return buffer_of(x->o, x->file, x->t->size, p, bytes);
}

static st_pass_check *add_check(const source *x, st_check_kind kind, const void *data, uint64_t n)
{
    st_pass_check *c = st_push(x->o->arena, &x->o->checks.all);
    *c = (st_pass_check){.kind = kind, .table = x->t->name, .column = x->s->name, .data = data, .n = n};
    return c;
}

static uint64_t bits(uint64_t n)
{
    return (n + 7) / 8;
}

/* ---- columns ---- */

/* What values of the type may be; false: anything. */
static bool range_of(st_type t, int64_t *low, int64_t *high)
{
    switch (t.base) {
    case ST_T_DATE:
        *low = ST_DATE_MIN;
        *high = ST_DATE_MAX;
        return true;
    case ST_T_TIMESTAMP:
        *low = ST_DATE_MIN * ST_DAY_US;
        *high = (ST_DATE_MAX + INT64_C(1)) * ST_DAY_US - 1;
        return true;
    case ST_T_DECIMAL:
        *high = (int64_t)st_pow10(t.digits) - 1;
        *low = -*high;
        return true;
    default: return false;
    }
}

static void take_dictionary(const source *x, st_column *c)
{
    const st_snap_column *s = x->s;
    st_dict *d = st_new(x->o->arena, st_dict);
    d->n = (uint32_t)s->entries;
    d->offsets = values_of(x, s->offsets, (s->entries + 1) * sizeof *d->offsets);
    d->bytes = values_of(x, s->bytes, s->bytes.bytes);
    st_pass_check *k = add_check(x, ST_CHECK_ASCEND, d->offsets, s->entries);
    k->width = 8;
    k->limit = s->bytes.bytes;
    k = add_check(x, ST_CHECK_TEXTS, d->offsets, s->entries);
    k->more = d->bytes;
    k->limit = s->bytes.bytes;
    c->dict = d;
}

/* What is said of the range of values holds, and they are all of the type. */
static void take_range(const source *x, st_column *c)
{
    const st_snap_column *s = x->s;
    int64_t low, high, least = s->least, largest = s->largest;
    if (!range_of(x->decl->type, &low, &high)) {
        low = INT64_MIN;
        high = INT64_MAX;
    }
    if (least < low || largest > high || least > largest)
        damaged(x->o, "a column has values outside of its type");
    st_pass_check *k;
    if (c->narrow.data) {
        uint64_t span = (uint64_t)largest - (uint64_t)c->narrow.low;
        if (c->narrow.low < low || c->narrow.low > largest)
            damaged(x->o, "a column begins outside of its type");
        k = add_check(x, ST_CHECK_BELOW, c->narrow.data, c->n);
        k->width = c->narrow.bytes;
        k->limit = span / (uint64_t)c->narrow.unit + 1;
        least = c->narrow.low;
    } else {
        /* rows without a value hold 0 */
        least = ST_MIN(least, 0);
        largest = ST_MAX(largest, 0);
        k = add_check(x, ST_CHECK_RANGE, c->data, c->n);
        k->width = x->s->width;
        k->low = least;
        k->high = largest;
    }
    c->range = (st_range){.known = c->n > 0 && c->missing < x->t->rows, .low = least, .high = largest};
}

static void check_values(const source *x, st_column *c)
{
    st_pass_check *k;
    switch (c->phys) {
    case ST_BIT: add_check(x, ST_CHECK_TAIL, c->data, c->n); break;
    case ST_F64: add_check(x, ST_CHECK_FINITE, c->data, c->n); break;
    case ST_I128:
        k = add_check(x, ST_CHECK_DIGITS, c->data, c->n);
        k->limit = x->decl->type.digits;
        break;
    case ST_CODE:
        k = add_check(x, ST_CHECK_BELOW, c->data ? c->data : c->narrow.data, c->n);
        k->width = x->s->width;
        k->limit =
            ST_MAX(x->s->entries, 1); /* rows without a value have code 0, also where there is no text */
        break;
    default: take_range(x, c);
    }
}

static void take_narrow(const source *x, st_column *c)
{
    const st_snap_column *s = x->s;
    c->narrow = (st_narrow){.bytes = s->narrow_width, .low = s->low, .unit = s->unit};
    c->narrow.data = values_of(x, s->narrow, c->n * s->narrow_width);
}

static void take_known(const source *x, st_column *c)
{
    c->missing = x->s->missing;
    if (c->missing > x->t->rows) damaged(x->o, "more values are missing than there are rows");
    const uint8_t *known = values_of(x, x->s->known, c->missing ? bits(x->t->rows) : 0);
    if (!c->missing) return;
    c->known = known;
    st_pass_check *k = add_check(x, ST_CHECK_COUNT, known, x->t->rows);
    k->limit = x->t->rows - c->missing;
}

static void take_list(const source *x, st_column *c)
{
    if (!x->decl->type.list) {
        if (c->n != x->t->rows) damaged(x->o, "a column has other rows than its table");
        return;
    }
    c->list = values_of(x, x->s->list, (x->t->rows + 1) * sizeof *c->list);
    st_pass_check *k = add_check(x, ST_CHECK_ASCEND, c->list, x->t->rows);
    k->width = 8;
    k->limit = c->n;
}

static bool is_narrow_itself(const source *x, st_phys phys)
{
    uint8_t whole = (uint8_t)st_phys_bytes(phys);
    bool number = phys == ST_CODE || x->decl->type.base == ST_T_INT;
    if (x->s->width == whole) return false;
    if (!number || x->decl->type.list || !x->s->width || x->s->width > whole)
        damaged(x->o, "a column has another width than its type");
    return true;
}

/* Narrow values are read in place of the wide ones, which then stay on the disk. */
static void take_values(const source *x, st_column *c)
{
    const st_snap_column *s = x->s;
    const void *data = values_of(x, s->data, s->width ? s->n * s->width : bits(s->n));
    bool narrow = is_narrow_itself(x, c->phys);
    if (s->narrow_width) {
        if (narrow || x->decl->type.list || (c->phys != ST_I32 && c->phys != ST_I64))
            damaged(x->o, "a column has a narrow one beside it that is not its own");
        take_narrow(x, c);
    } else if (narrow) {
        c->narrow = (st_narrow){data, s->width, 0, 1};
    } else {
        c->data = data;
    }
}

static void take_column(const source *x, st_column *c)
{
    *c = (st_column){.decl = x->decl, .phys = st_phys_of(x->decl->type), .n = x->s->n};
    take_known(x, c);
    take_list(x, c);
    take_values(x, c);
    if (c->phys == ST_CODE) take_dictionary(x, c);
    check_values(x, c);
}

/* Groups are worked out from rows of parents. */
static bool any_groups(const st_program *p)
{
    for (uint32_t i = 0; i < p->ntables; i++)
        if (p->tables[i]->derived && p->tables[i]->derived->member->used) return true;
    return false;
}

/* The rows of the parent. Those by which a table stands grouped are mostly not read: they are looked at when they are. */
static void take_link(const source *x, st_data_table *t)
{
    const st_snap_table *parent = find_table(x->o, x->decl->links_to);
    const int32_t *rows = values_of(x, x->s->rows, x->t->rows * sizeof *rows);
    t->orphans[x->decl->index] = x->s->orphans;
    if (t->grouped && t->grouped->n == 1 && t->grouped->links[0] == x->decl->index &&
        !any_groups(x->o->program)) {
        t->grouped->rows = rows;
        t->grouped->parents = parent->rows;
        return;
    }
    st_pass_check *k = add_check(x, ST_CHECK_ROWS, rows, x->t->rows);
    k->limit = parent->rows;
    t->links[x->decl->index] = (int32_t *)(uintptr_t)rows; /* never written to */
}

/* ---- tables ---- */

static const char *map_file(opening *o, const char *name, uint64_t size)
{
    struct st_mapping *m = (struct st_mapping *)st_push(o->arena, &o->mappings->all);
    st_snap_map(env_of(o), st_format(o->arena, "%s/%s", o->dir, name), size, m);
    return m->bytes;
}

/* The end of an Arrow file: footer, its length, magic. */
static void check_footer(const opening *o, const st_snap_table *t, const char *file)
{
    const char *end = file + t->size - 10;
    uint32_t n;
    bool good = t->size >= t->footer + UINT64_C(10) && memcmp(end + 4, "ARROW1", 6) == 0;
    if (good) memcpy(&n, end, 4);
    if (!good || n != t->footer || st_crc32c(end - n, n) != t->check)
        st_fail(env_of(o), STRATA_BAD_DATA, "%.300s/%s.arrow is damaged, or not of this snapshot. " ANEW,
                o->dir, t->name);
}

static void check_order(const opening *o, const st_table *t, const st_snap_table *s)
{
    if (t->segmented && s->nlinks)
        st_fail(env_of(o), STRATA_BAD_DATA,
                "The rows of %s stand grouped by %s in %.300s, and the rules ask who of %s: their order is "
                "needed. " ANEW,
                t->name, s->links[0], o->dir, t->name);
}

/* Where rows stand grouped, and the grouping is one that the rules know, the view of it need not be made. */
static void take_grouping(opening *o, const st_table *decl, const st_snap_table *s, st_data_table *t)
{
    uint32_t *links = st_new_n(o->arena, uint32_t, s->nlinks + 1);
    const st_table *at = decl;
    for (uint32_t i = 0; i < s->nlinks; i++) {
        uint32_t c = 0;
        while (c < at->ncols && strcmp(at->cols[c].name, s->links[i]) != 0) c++;
        if (c == at->ncols || !at->cols[c].links_to || !st_col_needed(o->program, &at->cols[c])) return;
        links[i] = c;
        at = at->cols[c].links_to;
    }
    if (!s->nlinks) return;
    if (s->entities != find_table(o, at)->rows) damaged(o, "rows are grouped by another number of entities");
    const char *file = map_file(o, st_format(o->arena, "%s.starts.arrow", s->name), s->starts_size);
    const uint32_t *first = buffer_of(o, file, s->starts_size, s->starts, (s->entities + 1) * sizeof *first);
    st_grouped *g = st_new(o->arena, st_grouped);
    *g = (st_grouped){.n = s->nlinks, .links = links, .first = first};
    for (uint32_t c = 0; c < decl->ncols; c++)
        if (strcmp(decl->cols[c].name, s->order) == 0) g->order = &decl->cols[c];
    t->grouped = g;
    st_pass_check *k = st_push(o->arena, &o->checks.all);
    *k = (st_pass_check){.kind = ST_CHECK_ASCEND,
                         .table = s->name,
                         .column = "strata:start",
                         .data = first,
                         .n = s->entities,
                         .width = 4,
                         .limit = s->rows,
                         .at_most = true};
}

static void take_table(opening *o, const st_table *decl, st_data_table *t)
{
    const st_snap_table *s = find_table(o, decl);
    check_order(o, decl, s);
    const char *file = map_file(o, st_format(o->arena, "%s.arrow", s->name), s->size);
    check_footer(o, s, file);
    t->rows = s->rows;
    t->bound = true;
    take_grouping(o, decl, s, t);
    for (uint32_t i = 0; i < decl->ncols; i++) {
        const st_col *c = &decl->cols[i];
        if (!st_col_needed(o->program, c)) continue;
        source x = {o, s, c, find_column(o, s, c), file};
        check_declaration(o, c, x.s);
        take_column(&x, &t->columns[i]);
        if (c->links_to) take_link(&x, t);
    }
}

/* ---- the whole ---- */

static void open_manifest(opening *o)
{
    const char *path = st_format(o->arena, "%s/%s", o->dir, ST_SNAP_MANIFEST);
    o->manifest = st_manifest_read(o->arena, read_file(env_of(o), o->arena, path), path);
    if (strcmp(o->manifest->timezone, o->program->timezone) != 0)
        st_fail(
            env_of(o), STRATA_BAD_DATA,
            "%.300s was made for the time zone %.80s, and the rules say %.80s: times would be others. " ANEW,
            o->dir, o->manifest->timezone, o->program->timezone);
}

static void make_data(opening *o)
{
    const st_program *p = o->program;
    st_arena *a = o->arena;
    o->data = st_new(a, st_data);
    *o->data = (st_data){.arena = a,
                         .program = p,
                         .tables = st_new_n(a, st_data_table, p->ntables),
                         .kept = st_new(a, st_keeper)};
    pthread_mutex_init(&o->data->kept->lock, NULL);
    for (uint32_t i = 0; i < p->ntables; i++) {
        uint32_t n = p->tables[i]->ncols + p->tables[i]->nhidden;
        st_data_table *t = &o->data->tables[i];
        *t = (st_data_table){.decl = p->tables[i],
                             .columns = st_new_n(a, st_column, n),
                             .links = st_new_n(a, int32_t *, n),
                             .orphans = st_new_n(a, uint64_t, n)};
        if (st_table_needed(p, p->tables[i])) take_table(o, p->tables[i], t);
    }
}

const st_data *st_snapshot_load(st_arena *a, const st_program *program, const char *dir, uint32_t threads,
                                st_mappings *mappings)
{
    opening o = {.arena = a, .program = program, .dir = dir, .threads = threads, .mappings = mappings};
    o.checks.dir = dir;
    open_manifest(&o);
    make_data(&o);
    st_checks_run(env_of(&o), threads, &o.checks);
    st_derive_tables(o.data, threads);
    return o.data;
}
