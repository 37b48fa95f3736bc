/* .segb files: how a program lies in bytes, said once for writing and for reading.
 *
 * Head: "SEGB", then little-endian the format's version (32 bits), the number of bytes that follow (64 bits), and their CRC-32C (32 bits).
 * Body: the schema, then the objects of the program in the order below. Whole numbers are little-endian, texts have their length
 * in front, arrays their number of entries. What is read is checked for its shape here, and for its meaning by the verifier. */
#include "bytecode/bytecode.h"

#include "base/text.h"

enum { HEAD = 20 };

typedef struct file {
    bool reading;
    st_arena *a;
    st_buf out;       /* writing */
    const uint8_t *p; /* reading */
    size_t n, at;
} file;

ST_NORETURN static void damaged(const file *f, const char *what)
{
    st_fail(st_arena_env(f->a), STRATA_BAD_INPUT,
            "The compiled rules are damaged: %s, at byte %zu. Compile them again from their text.", what,
            f->at + HEAD);
}

static void need(const file *f, bool ok, const char *what)
{
    if (f->reading && !ok) damaged(f, what);
}

static void bytes(file *f, void *p, size_t n)
{
    if (!f->reading) {
        st_buf_add(f->a, &f->out, p, n);
        return;
    }
    if (n > f->n - f->at) damaged(f, "they end too early");
    if (n) memcpy(p, f->p + f->at, n);
    f->at += n;
}

/* ---- numbers and texts ---- */

static void u64(file *f, uint64_t *x, unsigned width)
{
    uint8_t b[8];
    for (unsigned i = 0; i < width; i++) b[i] = (uint8_t)(*x >> (8 * i));
    bytes(f, b, width);
    if (!f->reading) return;
    *x = 0;
    for (unsigned i = 0; i < width; i++) *x |= (uint64_t)b[i] << (8 * i);
}

static void u32(file *f, uint32_t *x)
{
    uint64_t y = *x;
    u64(f, &y, 4);
    *x = (uint32_t)y;
}

static uint32_t u32_of(file *f, uint32_t x)
{
    u32(f, &x);
    return x;
}

static void i64(file *f, int64_t *x)
{
    uint64_t y = (uint64_t)*x;
    u64(f, &y, 8);
    *x = (int64_t)y;
}

static void i128(file *f, st_i128 *x)
{
    uint64_t low = (uint64_t)(st_u128)*x, high = (uint64_t)((st_u128)*x >> 64);
    u64(f, &low, 8);
    u64(f, &high, 8);
    *x = (st_i128)((st_u128)high << 64 | low);
}

/* A number of a short list; everything from `limit` on is refused. */
static uint32_t small(file *f, uint32_t x, uint32_t limit)
{
    uint64_t y = x;
    u64(f, &y, 1);
    need(f, y < limit, "there is a number out of range");
    return (uint32_t)y;
}

static void flag(file *f, bool *x)
{
    *x = small(f, *x, 2) != 0;
}

/* A number of entries, each of which takes at least `least` bytes: so a short file cannot ask for much memory. */
static uint32_t count(file *f, uint32_t n, size_t least)
{
    u32(f, &n);
    need(f, n <= (f->n - f->at) / least, "a list is longer than the file");
    return n;
}

static void str(file *f, st_str *s)
{
    uint32_t n = count(f, s->n, 1);
    if (f->reading) *s = (st_str){st_dup(f->a, (const char *)f->p + f->at, n), n};
    if (f->reading)
        f->at += n;
    else
        bytes(f, (void *)(uintptr_t)s->p, n);
    need(f, st_utf8_valid(s->p, n), "a text is not UTF-8");
}

/* A name: text without a zero byte. */
static void name(file *f, const char **z)
{
    st_str s = st_str_of(*z);
    str(f, &s);
    need(f, !memchr(s.p, 0, s.n), "a name has a zero byte");
    *z = s.p;
}

static void optional_name(file *f, const char **z)
{
    bool there = *z != NULL;
    flag(f, &there);
    if (there)
        name(f, z);
    else
        *z = NULL;
}

static void words(file *f, uint32_t *n, uint32_t **p)
{
    *n = count(f, *n, 4);
    if (f->reading) *p = st_new_n(f->a, uint32_t, (size_t)*n + 1);
    for (uint32_t i = 0; i < *n; i++) u32(f, &(*p)[i]);
}

/* The entries of a vector of the program; EACH says how one lies, `e` being a pointer to it. */
#define ENTRIES(f, vec, least, EACH)                                                                         \
    do {                                                                                                     \
        (vec)->n = count((f), (vec)->n, (least));                                                            \
        if ((f)->reading) {                                                                                  \
            (vec)->p = st_alloc_array((f)->a, (size_t)(vec)->n + 1, sizeof *(vec)->p);                       \
            (vec)->cap = (vec)->n;                                                                           \
        }                                                                                                    \
        for (uint32_t i_ = 0; i_ < (vec)->n; i_++) EACH((f), &(vec)->p[i_]);                                 \
    } while (0)

/* ---- schema ---- */

static void type(file *f, st_type *t)
{
    t->base = (st_base_type)small(f, t->base, ST_T_DISTANCE + 1);
    flag(f, &t->list);
    flag(f, &t->optional);
    t->digits = (uint8_t)small(f, t->digits, ST_DECIMAL_DIGITS + 1);
    t->scale = (uint8_t)small(f, t->scale, ST_DECIMAL_DIGITS + 1);
    if (f->reading) t->labels = NULL;
}

static void value(file *f, st_value *v)
{
    type(f, &v->type);
    flag(f, &v->missing);
    switch (v->type.base) {
    case ST_T_BOOL: flag(f, &v->as.b); break;
    case ST_T_FLOAT: {
        uint64_t x;
        memcpy(&x, &v->as.f, sizeof x);
        u64(f, &x, 8);
        memcpy(&v->as.f, &x, sizeof x);
        break;
    }
    case ST_T_DECIMAL:
    case ST_T_DISTANCE: i128(f, &v->as.d); break;
    case ST_T_STRING: str(f, &v->as.s); break;
    default: i64(f, &v->as.i); break;
    }
}

static void bound(file *f, const st_value **v)
{
    bool there = *v != NULL;
    st_value copy = {0};
    if (there) copy = **v;
    flag(f, &there);
    if (!there) return;
    value(f, &copy);
    if (!f->reading) return;
    st_value *kept = st_new(f->a, st_value);
    *kept = copy;
    *v = kept;
}

static void column_flags(file *f, st_col *c)
{
    bool *const flags[] = {&c->key,   &c->time,    &c->planned, &c->recorded,
                           &c->fixed, &c->changes, &c->pii,     &c->used};
    for (size_t i = 0; i < ST_COUNT(flags); i++) flag(f, flags[i]);
}

static bool fits_column(const st_col *c, const st_value *v)
{
    return !v->missing && v->type.base == c->type.base && !v->type.list;
}

static void check_column(const file *f, const st_col *c)
{
    bool decimal = c->type.base == ST_T_DECIMAL;
    need(f, c->type.base <= ST_T_TIMESTAMP, "a column is of a type that columns do not have");
    need(f, !decimal || (c->type.digits > 0 && c->type.scale <= c->type.digits),
         "a decimal column has no digits");
    need(f,
         !(c->key || c->links_to) ||
             (!c->type.list && (c->type.base == ST_T_INT || c->type.base == ST_T_STRING)),
         "a key or link is neither a whole number nor text");
    for (uint32_t i = 0; i < c->none_of_these; i++)
        need(f, fits_column(c, &c->one_of[i]), "an allowed value is of another type");
    need(f, !c->low || fits_column(c, c->low), "a bound is of another type");
    need(f, !c->high || fits_column(c, c->high), "a bound is of another type");
}

static void column(file *f, const st_program *s, st_col *c)
{
    name(f, &c->name);
    type(f, &c->type);
    column_flags(f, c);
    uint32_t to = u32_of(f, c->links_to ? c->links_to->index : ST_BC_NONE);
    need(f, to == ST_BC_NONE || to < s->ntables, "a link leads to no table");
    if (f->reading && to != ST_BC_NONE) c->links_to = s->tables[to];
    c->none_of_these = count(f, c->none_of_these, 6);
    st_value *allowed = (st_value *)(uintptr_t)c->one_of;
    if (f->reading) c->one_of = allowed = st_new_n(f->a, st_value, (size_t)c->none_of_these + 1);
    for (uint32_t i = 0; i < c->none_of_these; i++) value(f, &allowed[i]);
    bound(f, &c->low);
    bound(f, &c->high);
    check_column(f, c);
}

/* A column of a table, which has all of its own already. */
static const st_col *column_of(file *f, const st_table *t, const st_col *c)
{
    uint32_t i = u32_of(f, c ? c->index : 0);
    need(f, i < t->ncols + t->nhidden, "groups are made of a column that is not there");
    return &t->cols[i];
}

/* What groups are made of: a table that stands before them, so there is no circle. */
static void groups(file *f, const st_program *s, st_table *t)
{
    bool there = t->derived != NULL;
    flag(f, &there);
    if (!there) return;
    st_derived d = {0};
    if (!f->reading) d = *t->derived;
    uint32_t source = u32_of(f, d.source ? d.source->index : 0);
    need(f, source < t->index, "groups are made of a table that comes later");
    d.source = s->tables[source];
    d.path.n = count(f, d.path.n, 4);
    need(f, d.path.n > 0, "groups lead to no entity");
    if (f->reading) d.path.steps = st_new_n(f->a, const st_col *, d.path.n);
    const st_table *at = d.source;
    for (uint32_t i = 0; i < d.path.n; i++) {
        d.path.steps[i] = column_of(f, at, d.path.steps[i]);
        at = d.path.steps[i]->links_to;
        need(f, at && at->index < t->index, "groups lead to their entity by no link");
    }
    if (f->reading) d.keys = st_new_n(f->a, const st_col *, (size_t)t->ncols + 1);
    for (uint32_t i = 0; i < t->ncols; i++) d.keys[i] = column_of(f, d.source, d.keys[i]);
    d.member = column_of(f, d.source, d.member);
    need(f, t->nhidden > 0 && !t->key && !t->segmented, "groups are no groups");
    if (!f->reading) return;
    d.up.n = 1;
    d.up.steps = st_new_n(f->a, const st_col *, 1);
    d.up.steps[0] = &t->cols[t->ncols];
    need(f, d.up.steps[0]->links_to == at, "groups belong to another entity than they lead to");
    st_derived *kept = st_new(f->a, st_derived);
    *kept = d;
    t->derived = kept;
}

static void table(file *f, const st_program *s, st_table *t)
{
    name(f, &t->name);
    optional_name(f, &t->doc);
    flag(f, &t->segmented);
    t->ncols = count(f, t->ncols, 20);
    t->nhidden = count(f, t->nhidden, 20);
    uint32_t n = t->ncols + t->nhidden;
    if (f->reading) t->cols = st_new_n(f->a, st_col, (size_t)n + 1);
    for (uint32_t i = 0; i < n; i++) {
        st_col *c = &t->cols[i];
        if (f->reading) c->index = i, c->table = t;
        column(f, s, c);
        if (!f->reading || !c->key) continue;
        need(f, !t->key && i < t->ncols, "a table has two keys");
        t->key = c;
    }
    groups(f, s, t);
}

/* Every column of groups is one of their source, and every hidden link is made with some groups: behind the columns of
 * groups the one to their entity, behind those of their source the one to them. */
static void check_groups(const file *f, const st_program *s)
{
    for (uint32_t t = 0; t < s->ntables; t++) {
        const st_table *x = s->tables[t];
        for (uint32_t i = x->ncols + (x->derived ? 1u : 0u); i < x->ncols + x->nhidden; i++) {
            const st_table *to = x->cols[i].links_to;
            need(f, to && to->derived && to->derived->member == &x->cols[i],
                 "a hidden link leads to no groups");
        }
        if (!x->derived) continue;
        const st_col *member = x->derived->member;
        need(f,
             member->links_to == x && member->index >= member->table->ncols &&
                 member->used == x->derived->up.steps[0]->used,
             "nothing leads to groups");
        for (uint32_t i = 0; i < x->derived->path.n; i++)
            need(f, x->derived->path.steps[i]->used || !member->used,
                 "groups lead to an entity by a link that is not read");
        for (uint32_t i = 0; i < x->ncols; i++) {
            const st_col *c = &x->cols[i], *key = x->derived->keys[i];
            need(f,
                 key->index < key->table->ncols && (key->used || !member->used) && !key->type.list &&
                     key->type.base != ST_T_FLOAT && c->type.base == key->type.base && !c->type.list &&
                     c->type.digits == key->type.digits && c->type.scale == key->type.scale &&
                     c->links_to == key->links_to,
                 "a column of groups is not what they are grouped by");
        }
    }
}

static void check_links(const file *f, const st_program *s)
{
    for (uint32_t t = 0; t < s->ntables; t++)
        for (uint32_t i = 0; i < s->tables[t]->ncols; i++) {
            const st_col *c = &s->tables[t]->cols[i];
            const st_col *key = c->links_to ? c->links_to->key : NULL;
            need(f, !c->links_to || (key && key->type.base == c->type.base),
                 "a link leads to a table without such a key");
        }
}

static void tags(file *f, st_meta *m)
{
    m->ntags = count(f, m->ntags, 4);
    if (f->reading) m->tags = st_new_n(f->a, const char *, (size_t)m->ntags + 1);
    for (uint32_t i = 0; i < m->ntags; i++) name(f, &m->tags[i]);
}

static void meta(file *f, st_meta *m)
{
    const char **const texts[] = {&m->owner, &m->goal, &m->kpi, &m->refresh, &m->formerly};
    for (size_t i = 0; i < ST_COUNT(texts); i++) optional_name(f, texts[i]);
    i64(f, &m->version);
    i64(f, &m->review_by);
    tags(f, m);
}

static void labels(file *f, st_labels *l)
{
    l->n = count(f, l->n, 4);
    if (f->reading) l->names = st_new_n(f->a, const char *, (size_t)l->n + 1);
    for (uint32_t i = 0; i < l->n; i++) name(f, &l->names[i]);
}

static void rfm(file *f, st_def *d)
{
    if (d->kind != ST_DEF_RFM) return;
    if (f->reading) d->rfm = st_new(f->a, st_rfm);
    for (int i = 0; i < 3; i++) {
        flag(f, &d->rfm->has[i]);
        d->rfm->part[i].scores = small(f, d->rfm->part[i].scores, 10);
    }
    flag(f, &d->rfm->has_tiers);
}

static void other(file *f, const st_program *s, st_def **d)
{
    uint32_t which = u32_of(f, f->reading ? 0 : (*d)->index);
    need(f, which < s->ndefs, "a definition speaks of one that is not there");
    if (f->reading) *d = s->defs[which];
}

static void overlay(file *f, const st_program *s, st_def *d)
{
    if (d->kind != ST_DEF_OVERLAY) return;
    if (f->reading) d->overlay = st_new(f->a, st_overlay);
    st_overlay *o = d->overlay;
    other(f, s, &o->on);
    o->ndims = count(f, o->ndims, 4);
    need(f, o->ndims <= ST_MAX_DIMENSIONS, "an overlay has too many dimensions");
    if (f->reading) o->dims = st_new_n(f->a, st_def *, (size_t)o->ndims + 1);
    for (uint32_t i = 0; i < o->ndims; i++) other(f, s, &o->dims[i]);
    i64(f, &o->min_size);
    flag(f, &o->has_actions);
}

/* ---- treatments, campaigns, audiences ---- */

static void maybe(file *f, const st_program *s, st_def **d)
{
    bool there = *d != NULL;
    flag(f, &there);
    if (there)
        other(f, s, d);
    else
        *d = NULL;
}

static void sends(file *f, const st_program *s, uint32_t *n, st_send **p)
{
    *n = count(f, *n, 9);
    if (f->reading) *p = st_new_n(f->a, st_send, (size_t)*n + 1);
    for (uint32_t i = 0; i < *n; i++) {
        other(f, s, &(*p)[i].value);
        name(f, &(*p)[i].as);
        flag(f, &(*p)[i].sha256);
    }
}

static void channels(file *f, const st_program *s, st_treatment *t)
{
    t->nchannels = count(f, t->nchannels, 7);
    need(f, t->nchannels <= UINT16_MAX, "a treatment has too many channels");
    if (f->reading) t->channels = st_new_n(f->a, st_channel, (size_t)t->nchannels + 1);
    for (uint32_t i = 0; i < t->nchannels; i++) {
        st_channel *c = &t->channels[i];
        name(f, &c->name);
        maybe(f, s, &c->consent);
        maybe(f, s, &c->open);
        maybe(f, s, &c->over);
        need(f, !c->consent || (c->open && !t->transactional),
             "a channel asks for consent and does not heed it");
    }
}

static void exclusions(file *f, const st_program *s, st_treatment *t)
{
    t->nexclusions = count(f, t->nexclusions, 5);
    need(f, t->nexclusions <= UINT16_MAX, "a treatment has too many exclusions");
    if (f->reading) t->exclusions = st_new_n(f->a, const st_exclusion *, (size_t)t->nexclusions + 1);
    for (uint32_t i = 0; i < t->nexclusions; i++) {
        st_exclusion *e =
            f->reading ? st_new(f->a, st_exclusion) : (st_exclusion *)(uintptr_t)t->exclusions[i];
        other(f, s, &e->who);
        optional_name(f, &e->because);
        t->exclusions[i] = e;
    }
}

static void defs(file *f, const st_program *s, uint32_t *n, st_def ***p)
{
    *n = count(f, *n, 4);
    need(f, *n <= UINT16_MAX, "a list of definitions is too long");
    if (f->reading) *p = st_new_n(f->a, st_def *, (size_t)*n + 1);
    for (uint32_t i = 0; i < *n; i++) other(f, s, &(*p)[i]);
}

static void treatment(file *f, const st_program *s, st_def *d)
{
    if (f->reading) d->treatment = st_new(f->a, st_treatment);
    st_treatment *t = d->treatment;
    other(f, s, &t->target);
    optional_name(f, &t->arm);
    maybe(f, s, &t->active);
    optional_name(f, &t->action);
    flag(f, &t->transactional);
    channels(f, s, t);
    exclusions(f, s, t);
    defs(f, s, &t->nholdouts, &t->holdouts);
    st_def **const parts[] = {&t->control,      &t->again,    &t->one_per, &t->one_per_rank,
                              &t->at_most_rank, &t->order_by, &t->campaign};
    for (size_t i = 0; i < ST_COUNT(parts); i++) maybe(f, s, parts[i]);
    i64(f, &t->at_most);
    optional_name(f, &t->one_per_text);
    need(f, !t->one_per || t->one_per_text, "a treatment does not say what it is given one per");
    optional_name(f, &t->salt);
    t->hash = (st_hash)small(f, t->hash, ST_HASHES);
    sends(f, s, &t->nsends, &t->sends);
}

static void campaign(file *f, const st_program *s, st_def *d)
{
    if (f->reading) d->campaign = st_new(f->a, st_campaign);
    maybe(f, s, &d->campaign->active);
    defs(f, s, &d->campaign->n, &d->campaign->treatments);
}

static void audience(file *f, const st_program *s, st_def *d)
{
    if (f->reading) d->audience = st_new(f->a, st_audience);
    other(f, s, &d->audience->from);
    maybe(f, s, &d->audience->base);
    optional_name(f, &d->audience->label);
    flag(f, &d->audience->changes_only);
    sends(f, s, &d->audience->nsends, &d->audience->sends);
}

static void use_of(file *f, const st_program *s, st_def *d)
{
    switch (d->kind) {
    case ST_DEF_TREATMENT: treatment(f, s, d); break;
    case ST_DEF_CAMPAIGN: campaign(f, s, d); break;
    case ST_DEF_AUDIENCE: audience(f, s, d); break;
    default: break;
    }
}

static void check_part(void *context, const st_def *whole, st_def *d, st_part_role role)
{
    const file *f = context;
    bool who = d->kind == ST_DEF_SEGMENT || d->kind == ST_DEF_HOLDOUT || d->kind == ST_DEF_LIST;
    need(f, d->of == whole->of, "a treatment is made of something about another table");
    need(f, role == ST_PART_WHO ? who : d->kind == ST_DEF_TRAIT, "a treatment is made of something unfit");
    need(f,
         (role == ST_PART_WHO || role == ST_PART_WHEN) == (d->type.base == ST_T_BOOL) ||
             role == ST_PART_VALUE,
         "a treatment is made of something of another type");
}

/* What is said across definitions, once all of them are there. */
static void check_uses(const file *f, const st_program *s)
{
    bool *met = st_new_n(f->a, bool, (size_t)s->ndefs + 1);
    for (uint32_t i = 0; i < s->ndefs; i++) {
        const st_def *d = s->defs[i], *whole = d->treatment ? d->treatment->campaign : NULL;
        need(f, !whole || (whole->campaign && whole->of == d->of),
             "a treatment is in something that is no campaign");
        for (uint32_t k = 0; d->campaign && k < d->campaign->n; k++) {
            const st_def *own = d->campaign->treatments[k];
            need(f, own->treatment && own->treatment->campaign == d && !met[own->index],
                 "a campaign has a treatment that is not its own");
            need(f, own->left_out == d->left_out, "a campaign is run in part");
            met[own->index] = true;
        }
    }
    for (uint32_t i = 0; i < s->ndefs; i++)
        need(f, !s->defs[i]->treatment || !s->defs[i]->treatment->campaign || met[i],
             "a campaign lacks a treatment");
    st_visit_parts(s, &(st_part_visit){check_part, (void *)(uintptr_t)f});
}

static void columns(file *f, const st_program *s, st_origin *o)
{
    o->ncolumns = count(f, o->ncolumns, 8);
    if (f->reading) o->columns = st_new_n(f->a, const st_col *, (size_t)o->ncolumns + 1);
    for (uint32_t i = 0; i < o->ncolumns; i++) {
        const st_col *c = f->reading ? NULL : o->columns[i];
        uint32_t table = u32_of(f, c ? c->table->index : 0), index = u32_of(f, c ? c->index : 0);
        need(f, table < s->ntables && index < s->tables[table]->ncols,
             "a definition reads a column that is not there");
        if (f->reading) o->columns[i] = &s->tables[table]->cols[index];
    }
}

static void origin(file *f, const st_program *s, st_origin *o)
{
    optional_name(f, &o->file);
    u32(f, &o->line);
    optional_name(f, &o->value);
    columns(f, s, o);
    o->nneeds = count(f, o->nneeds, 4);
    if (f->reading) o->needs = st_new_n(f->a, st_def *, (size_t)o->nneeds + 1);
    for (uint32_t i = 0; i < o->nneeds; i++) other(f, s, &o->needs[i]);
    u32(f, &o->nchecks);
    u32(f, &o->ntests);
}

/* What was not asked for when the rules were compiled cannot be asked for later. */
static void choice(file *f, st_def *d)
{
    flag(f, &d->in_library);
    flag(f, &d->left_out);
    flag(f, &d->asked);
    if (f->reading) d->closed = d->left_out;
}

static void definition(file *f, const st_program *s, st_def *d)
{
    d->kind = (st_def_kind)small(f, d->kind, ST_DEF_KINDS);
    flag(f, &d->hidden);
    flag(f, &d->pii);
    name(f, &d->name);
    optional_name(f, &d->title);
    optional_name(f, &d->doc);
    meta(f, &d->meta);
    uint32_t of = u32_of(f, d->of ? d->of->index : ST_BC_NONE);
    need(f, of == ST_BC_NONE || of < s->ntables, "a definition is of no table");
    bool outside = d->kind == ST_DEF_PARAM || d->kind == ST_DEF_PLACE || d->kind == ST_DEF_ROWS ||
                   d->kind == ST_DEF_LAYER;
    need(f, of != ST_BC_NONE ? s->tables[of]->key != NULL || outside || d->hidden : outside,
         "a definition is of no table with a key");
    if (f->reading && of != ST_BC_NONE) d->of = s->tables[of];
    const st_labels *its = d->type.labels;
    type(f, &d->type);
    labels(f, &d->labels);
    rfm(f, d);
    overlay(f, s, d);
    use_of(f, s, d);
    origin(f, s, &d->origin);
    choice(f, d);
    /* a trait can have the labels of tiers */
    uint32_t whose = u32_of(f, its && its->def ? its->def->index : ST_BC_NONE);
    need(f, whose == ST_BC_NONE || whose < s->ndefs, "the labels of a definition belong to none");
    if (f->reading && whose != ST_BC_NONE) d->type.labels = &s->defs[whose]->labels;
    if (f->reading && d->labels.n) d->labels.def = d;
}

static void one_bound(file *f, st_bound *b)
{
    flag(f, &b->given);
    flag(f, &b->is_share);
    i128(f, &b->amount);
    b->scale = small(f, b->scale, ST_DECIMAL_DIGITS + 1);
    need(f, b->amount >= 0 && st_dec_fits(b->amount), "a bound has too many digits");
}

/* A definition about the promise's table, or none. */
static void promised(file *f, const st_program *s, const st_promise *p, st_def **d)
{
    bool there = *d != NULL;
    flag(f, &there);
    if (!there) return;
    other(f, s, d);
    need(f, (*d)->of == p->table, "a promise is measured on another table");
}

static void promise(file *f, const st_program *s, st_promise *p)
{
    p->kind = small(f, p->kind, ST_CHECK_KINDS);
    name(f, &p->text);
    name(f, &p->file);
    u32(f, &p->line);
    uint32_t of = u32_of(f, f->reading ? 0 : p->table->index);
    need(f, of < s->ntables, "a promise is about no table");
    if (f->reading) p->table = s->tables[of];
    flag(f, &p->warn_only);
    promised(f, s, p, &p->subject);
    optional_name(f, &p->label);
    promised(f, s, p, &p->part);
    promised(f, s, p, &p->all);
    promised(f, s, p, &p->measure);
    one_bound(f, &p->low);
    one_bound(f, &p->high);
    origin(f, s, &p->origin);
    flag(f, &p->left_out);
    if (f->reading) p->closed = p->left_out;
}

static st_program *schema(file *f, const st_program *from)
{
    st_program *s = f->reading ? st_new(f->a, st_program) : (st_program *)(uintptr_t)from;
    if (f->reading) s->arena = f->a;
    const char *zone = s->timezone;
    name(f, &zone);
    s->timezone = zone;
    s->ntables = count(f, s->ntables, 10);
    if (f->reading) s->tables = st_new_n(f->a, st_table *, (size_t)s->ntables + 1);
    for (uint32_t i = 0; f->reading && i < s->ntables; i++) {
        s->tables[i] = st_new(f->a, st_table);
        s->tables[i]->index = i;
    }
    for (uint32_t i = 0; i < s->ntables; i++) table(f, s, s->tables[i]);
    check_links(f, s);
    check_groups(f, s);
    s->ndefs = count(f, s->ndefs, 40);
    if (f->reading) s->defs = st_new_n(f->a, st_def *, (size_t)s->ndefs + 1);
    for (uint32_t i = 0; f->reading && i < s->ndefs; i++) {
        s->defs[i] = st_new(f->a, st_def);
        s->defs[i]->index = i;
    }
    for (uint32_t i = 0; i < s->ndefs; i++) definition(f, s, s->defs[i]);
    if (f->reading) check_uses(f, s);
    s->npromises = count(f, s->npromises, 50);
    if (f->reading) s->promises = st_new_n(f->a, st_promise, (size_t)s->npromises + 1);
    for (uint32_t i = 0; i < s->npromises; i++) promise(f, s, &s->promises[i]);
    return s;
}

/* ---- objects ---- */

static void scalar(file *f, st_bc_scalar *s)
{
    s->kind = (st_bc_scalar_kind)small(f, s->kind, ST_S_BOUND + 1);
    s->type = (st_bc_type)small(f, s->type, ST_BC_TYPES);
    flag(f, &s->missing);
    if (s->missing || s->kind != ST_S_LITERAL) return;
    switch (s->type) {
    case ST_BC_BOOL: flag(f, &s->as.b); break;
    case ST_BC_I128: i128(f, &s->as.d); break;
    case ST_BC_F64: {
        uint64_t x;
        memcpy(&x, &s->as.f, sizeof x);
        u64(f, &x, 8);
        memcpy(&s->as.f, &x, sizeof x);
        need(f, s->as.f - s->as.f == 0, "a number is not finite");
        break;
    }
    case ST_BC_TEXT: str(f, &s->as.s); break;
    default: i64(f, &s->as.i); break;
    }
}

static void set(file *f, st_bc_set *s)
{
    name(f, &s->name);
    s->type = (st_bc_type)small(f, s->type, ST_BC_TYPES);
    need(f, s->type == ST_BC_I64 || s->type == ST_BC_TEXT, "the keys of a list are of no type for keys");
    bool text = s->type == ST_BC_TEXT;
    uint32_t n = s->keys.n = count(f, s->keys.n, text ? 4 : 8);
    int64_t *ints = (int64_t *)(uintptr_t)s->keys.ints;
    st_str *texts = (st_str *)(uintptr_t)s->keys.texts;
    if (f->reading && text) s->keys.texts = texts = st_new_n(f->a, st_str, (size_t)n + 1);
    if (f->reading && !text) s->keys.ints = ints = st_new_n(f->a, int64_t, (size_t)n + 1);
    for (uint32_t i = 0; i < n; i++) {
        if (text)
            str(f, &texts[i]);
        else
            i64(f, &ints[i]);
    }
}

static void path(file *f, st_bc_path *p)
{
    u32(f, &p->table);
    words(f, &p->n, &p->cols);
}

static void view(file *f, st_bc_view *v)
{
    path(f, &v->path);
    u32(f, &v->order);
    words(f, &v->nties, &v->ties);
}

static void input(file *f, st_bc_input *in)
{
    u32(f, &in->domain);
    u32(f, &in->index);
    flag(f, &in->is_slot);
    u32(f, &in->id);
}

static void slot(file *f, st_bc_slot *s)
{
    s->type = (st_bc_type)small(f, s->type, ST_BC_TYPES);
    u32(f, &s->domain);
    name(f, &s->name);
}

/* Only the operands that the opcode has. */
static void instr(file *f, st_bc_instr *in)
{
    in->op = (uint16_t)small(f, in->op, ST_BC_OPS);
    in->type = (uint16_t)small(f, in->type, ST_BC_TYPES);
    for (uint32_t k = 0; k < 5; k++)
        if (st_bc_opcodes[in->op].kinds[k] != ST_K_NONE) u32(f, &in->a[k]);
}

static void code(file *f, st_bc_code *c)
{
    u32(f, &c->first);
    u32(f, &c->n);
    u32(f, &c->npred);
    u32(f, &c->nval);
}

static void pairs(file *f, uint32_t *n, st_bc_pair **p)
{
    *n = count(f, *n, 8);
    if (f->reading) *p = st_new_n(f->a, st_bc_pair, (size_t)*n + 1);
    for (uint32_t i = 0; i < *n; i++) {
        u32(f, &(*p)[i].input);
        u32(f, &(*p)[i].scalar);
    }
}

static void seq_step(file *f, st_bc_seq_step *s)
{
    uint32_t kind = small(f, s->kind, ST_SEQ_NO + 1);
    if (f->reading) memcpy(&s->kind, &kind, sizeof s->kind);
    u32(f, &s->view);
    u32(f, &s->filter);
    u32(f, &s->time);
    flag(f, &s->has_within);
    i64(f, &s->within);
    s->within_unit = (st_unit)small(f, s->within_unit, ST_YEAR + 1);
    pairs(f, &s->neq, &s->eq);
    flag(f, &s->has_cond);
    code(f, &s->cond);
    u32(f, &s->cond_p);
    pairs(f, &s->nbind, &s->bind);
}

static void sequence(file *f, st_bc_sequence *q)
{
    u32(f, &q->entity);
    flag(f, &q->dates);
    u32(f, &q->until);
    q->nsteps = count(f, q->nsteps, 40);
    if (f->reading) q->steps = st_new_n(f->a, st_bc_seq_step, (size_t)q->nsteps + 1);
    for (uint32_t i = 0; i < q->nsteps; i++) seq_step(f, &q->steps[i]);
}

static void step(file *f, st_bc_step *s)
{
    s->kind = (st_bc_step_kind)small(f, s->kind, ST_STEP_KINDS);
    code(f, &s->code);
    uint32_t *const numbers[] = {&s->domain, &s->out,      &s->filter,       &s->value,       &s->key,
                                 &s->scale,  &s->sequence, &s->amount_scale, &s->subject,     &s->strata,
                                 &s->ends,   &s->other,    &s->other_filter, &s->other_value, &s->other_key};
    for (size_t i = 0; i < ST_COUNT(numbers); i++) u32(f, numbers[i]);
    i64(f, &s->n);
    i128(f, &s->amount);
    s->unit = (st_unit)small(f, s->unit, ST_YEAR + 1);
    s->method = (st_rfm_method)small(f, s->method, ST_CUME_DIST + 1);
    flag(f, &s->dates);
    flag(f, &s->bottom);
    flag(f, &s->is_share);
    flag(f, &s->lower_is_better);
}

static void output(file *f, st_bc_output *o)
{
    u32(f, &o->def);
    o->field = (st_bc_field)small(f, o->field, ST_OUT_FIELDS);
    type(f, &o->type);
    u32(f, &o->slot);
    u32(f, &o->known);
}

static void note(file *f, st_bc_note *n)
{
    n->kind = (strata_note_kind)small(f, n->kind, STRATA_NOTE_LIST_KEYS + 1);
    optional_name(f, &n->subject);
    u32(f, &n->set);
}

static void objects(file *f, st_bc *b)
{
    ENTRIES(f, &b->scalars, 3, scalar);
    ENTRIES(f, &b->sets, 9, set);
    ENTRIES(f, &b->indexes, 8, path);
    ENTRIES(f, &b->views, 16, view);
    ENTRIES(f, &b->inputs, 13, input);
    ENTRIES(f, &b->slots, 9, slot);
    ENTRIES(f, &b->lists, 4, u32);
    ENTRIES(f, &b->code, 2, instr);
    ENTRIES(f, &b->sequences, 13, sequence);
    ENTRIES(f, &b->steps, 64, step);
    ENTRIES(f, &b->outputs, 10, output);
    ENTRIES(f, &b->notes, 6, note);
    for (uint32_t i = 0; i < b->schema->ntables; i++) u32(f, &b->population[i]);
}

/* ---- the whole ---- */

static void put_head(uint8_t *p, uint64_t n, uint32_t sum)
{
    memcpy(p, "SEGB", 4);
    for (unsigned i = 0; i < 4; i++) p[4 + i] = (uint8_t)(ST_BC_VERSION >> (8 * i));
    for (unsigned i = 0; i < 8; i++) p[8 + i] = (uint8_t)(n >> (8 * i));
    for (unsigned i = 0; i < 4; i++) p[16 + i] = (uint8_t)(sum >> (8 * i));
}

const void *st_bc_write(st_arena *a, const st_bc *b, size_t *n)
{
    file f = {.a = a};
    st_bc copy = *b; /* its arrays are the program's, and only read */
    schema(&f, b->schema);
    objects(&f, &copy);
    uint8_t *out = st_alloc_raw(a, HEAD + (size_t)f.out.n);
    memcpy(out + HEAD, f.out.p, f.out.n);
    put_head(out, f.out.n, st_crc32c(out + HEAD, f.out.n));
    *n = HEAD + (size_t)f.out.n;
    return out;
}

static void check_head(st_env *env, const uint8_t *p, size_t n)
{
    uint32_t version = 0;
    if (n < HEAD || memcmp(p, "SEGB", 4) != 0)
        st_fail(env, STRATA_BAD_INPUT, "This is no file of compiled rules (.segb).");
    for (unsigned i = 0; i < 4; i++) version |= (uint32_t)p[4 + i] << (8 * i);
    if (version != ST_BC_VERSION)
        st_fail(env, STRATA_BAD_INPUT,
                "The compiled rules are of version %u, this Strata reads version %d. Compile them again from "
                "their text.",
                version, ST_BC_VERSION);
    uint8_t head[HEAD];
    put_head(head, n - HEAD, st_crc32c(p + HEAD, n - HEAD));
    if (memcmp(head, p, HEAD) != 0)
        st_fail(env, STRATA_BAD_INPUT,
                "The compiled rules are damaged: length or checksum do not agree with what is there. Compile "
                "them again from their text.");
}

st_bc *st_bc_read(st_arena *a, const void *p, size_t n)
{
    st_env *env = st_arena_env(a);
    check_head(env, p, n);
    file f = {.reading = true, .a = a, .p = (const uint8_t *)p + HEAD, .n = n - HEAD};
    st_program *s = schema(&f, NULL);
    s->zone = st_zone_load(a, s->timezone);
    if (!s->zone)
        st_fail(env, STRATA_BAD_INPUT,
                "The compiled rules ask for the time zone \"%.80s\", which this machine does not know.",
                s->timezone);
    st_bc *b = st_bc_new(a, s);
    objects(&f, b);
    if (f.at != f.n) damaged(&f, "there is something behind their end");
    char why[ST_BC_WHY];
    if (!st_bc_verify(b, why))
        st_fail(env, STRATA_BAD_INPUT,
                "The compiled rules cannot be run: %s. Compile them again from their text.", why);
    return b;
}
