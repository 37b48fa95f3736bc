/* Making a snapshot: tables are taken one after the other, parents first. The rows of a table are checked and converted by the binder, joined to
 * their parents and dealt to parts (ranges of entities, or of rows) in a file; when the last one is there, the ranges and dictionaries of its
 * columns are known, so the frame of its file can be written, and the parts are ordered and put in their places on all threads. */
#include "base/threads.h"
#include "snapshot/parts.h"
#include "snapshot/store.h"
#include "table/bind.h"
#include "table/convert.h"

#include <stdio.h>

enum { MOST_PARTS = 256, FEWEST_ENTITIES_A_PART = 1 << 10, ROWS_A_PART = 1 << 20, SECOND = 1000000 };

/* What is known of the numbers of a column so far. */
typedef struct range {
    int64_t least, largest;
    bool seconds; /* of instants: all of them whole */
} range;

typedef struct link {
    const st_col *col;
    bool late; /* the parent is not there yet when the rows are: a table that links to itself, say */
    uint64_t orphans;
    int32_t *rows; /* of the batch in hand */
} link;

typedef struct making {
    const st_table *decl;
    bool begun, done;
    const st_col_build *columns; /* of the binder */
    st_arena *arena;             /* of what is needed until the file is written */
    st_dealer *dealer;
    st_snap_file rows_file;
    uint64_t rows;
    st_values *shape;
    range *ranges; /* by column */
    uint32_t nlinks;
    link *links;
    const st_col *order; /* the time of a row, or NULL */
    const link *group;   /* NULL: rows stay as they come */
    const struct making
        *through; /* the parent by whose entities the rows are grouped; NULL: the parent is the entity */
    uint32_t npath;
    const st_col **path;
    uint64_t entities;
    uint32_t shift; /* a part is 2^shift entities */
    /* for tables that come later, until the end */
    st_arena *kept;
    st_mapping file;
    st_key_rows *keys;
    uint32_t *starts;
    int32_t *entity; /* by row, where tables are grouped through this one */
} making;

struct st_snapshot_maker {
    st_arena *arena;
    const st_program *program;
    uint32_t threads;
    st_binder *binder;
    st_store *store;
    making *tables;         /* by index */
    const st_table **order; /* of taking */
    uint32_t norder, at;    /* at: the one in hand */
    st_snap_table *out;     /* by place in the order */
};

static st_env *env_of(const st_snapshot_maker *m)
{
    return st_arena_env(m->arena);
}

/* ---- the tables with all their columns ---- */

static st_table *copy_table(st_arena *a, const st_table *t)
{
    st_table *copy = st_new(a, st_table);
    uint32_t n = t->ncols + t->nhidden;
    *copy = *t;
    copy->cols = st_new_n(a, st_col, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        copy->cols[i] = t->cols[i];
        copy->cols[i].table = copy;
        copy->cols[i].used = !t->derived && i < t->ncols;
    }
    if (t->key) copy->key = &copy->cols[t->key->index];
    return copy;
}

/* The program as if rules read every column that is declared. */
static const st_program *whole_program(st_arena *a, const st_program *p)
{
    st_program *whole = st_new(a, st_program);
    *whole = *p;
    whole->tables = st_new_n(a, st_table *, p->ntables + 1);
    for (uint32_t i = 0; i < p->ntables; i++) whole->tables[i] = copy_table(a, p->tables[i]);
    for (uint32_t i = 0; i < p->ntables; i++) {
        st_table *t = whole->tables[i];
        for (uint32_t c = 0; c < t->ncols; c++)
            if (t->cols[c].links_to) t->cols[c].links_to = whole->tables[t->cols[c].links_to->index];
    }
    return whole;
}

/* ---- order of tables, and how their rows stand ---- */

typedef enum mark { UNSEEN, VISITING, PLACED } mark;

static void place_table(st_snapshot_maker *m, mark *marks, const st_table *t)
{
    if (marks[t->index] != UNSEEN || t->derived) return;
    marks[t->index] = VISITING;
    for (uint32_t c = 0; c < t->ncols; c++)
        if (t->cols[c].links_to) place_table(m, marks, t->cols[c].links_to);
    marks[t->index] = PLACED;
    m->order[m->norder++] = t;
}

static void add_links(st_snapshot_maker *m, making *t, const bool *placed)
{
    t->links = st_new_n(m->arena, link, t->decl->ncols + 1);
    for (uint32_t c = 0; c < t->decl->ncols; c++) {
        const st_col *col = &t->decl->cols[c];
        if (col->links_to) t->links[t->nlinks++] = (link){.col = col, .late = !placed[col->links_to->index]};
    }
}

/* The first link to what is segmented; else the first to a table that is grouped itself. */
static void choose_grouping(st_snapshot_maker *m, making *t)
{
    if (t->decl->segmented) return;
    for (uint32_t i = 0; i < t->nlinks && !t->group; i++)
        if (!t->links[i].late && t->links[i].col->links_to->segmented) t->group = &t->links[i];
    for (uint32_t i = 0; i < t->nlinks && !t->group; i++) {
        const making *parent = &m->tables[t->links[i].col->links_to->index];
        if (t->links[i].late || !parent->group) continue;
        t->group = &t->links[i];
        t->through = parent;
    }
    if (!t->group) return;
    t->path = st_new_n(m->arena, const st_col *, 1 + (t->through ? t->through->npath : 0));
    t->path[t->npath++] = t->group->col;
    for (uint32_t i = 0; t->through && i < t->through->npath; i++) t->path[t->npath++] = t->through->path[i];
}

static void plan_tables(st_snapshot_maker *m)
{
    uint32_t n = m->program->ntables;
    mark *marks = st_new_n(m->arena, mark, n + 1);
    bool *placed = st_new_n(m->arena, bool, n + 1);
    m->order = st_new_n(m->arena, const st_table *, n + 1);
    m->tables = st_new_n(m->arena, making, n + 1);
    m->out = st_new_n(m->arena, st_snap_table, n + 1);
    for (uint32_t i = 0; i < n; i++) place_table(m, marks, m->program->tables[i]);
    for (uint32_t i = 0; i < m->norder; i++) {
        making *t = &m->tables[m->order[i]->index];
        t->decl = m->order[i];
        t->rows_file.fd = -1;
        add_links(m, t, placed);
        choose_grouping(m, t);
        for (uint32_t c = 0; c < t->decl->ncols; c++)
            if (t->decl->cols[c].time) t->order = &t->decl->cols[c];
        placed[t->decl->index] = true;
    }
}

/* ---- rows as they come ---- */

typedef struct batch {
    making *t;
    st_snapshot_maker *m;
    uint64_t rows;
    st_values *values;
} batch;

/* The values of a run of chunks side by side, as wide as the column's phys says; 0 where there is none. */
static void put_numbers(const st_chunk *k, st_phys phys, char *to)
{
    enum { STEP = 1024 };
    int64_t wide[STEP];
    for (uint64_t from = 0; from < k->n; from += STEP) {
        uint64_t n = ST_MIN(k->n - from, STEP);
        st_widen(phys, k->data, &k->narrow, from, n, wide);
        for (uint64_t i = 0; i < n && k->known && !k->ends; i++)
            if (!st_bit(k->known, from + i)) wide[i] = 0;
        if (phys == ST_I64)
            memcpy(to + from * 8, wide, n * 8);
        else
            for (uint64_t i = 0; i < n; i++) ((int32_t *)(void *)to)[from + i] = (int32_t)wide[i];
    }
}

static void put_other(const st_chunk *k, size_t width, char *to)
{
    if (k->n) memcpy(to, k->data, k->n * width);
    for (uint64_t i = 0; i < k->n && k->known && !k->ends; i++)
        if (!st_bit(k->known, i)) memset(to + i * width, 0, width);
}

static void put_known(st_values *v, uint64_t row, const st_chunk *k)
{
    for (uint64_t i = 0; v->known && i < k->rows; i++)
        if (!k->known || st_bit(k->known, i)) st_bit_set(v->known, row + i);
}

static void collect(const st_col_build *c, st_values *v)
{
    uint64_t row = 0, at = 0;
    size_t width = st_phys_bytes(v->phys);
    for (const st_chunk *k = c->first; k; k = k->next) {
        char *to = (char *)v->data + at * width;
        put_known(v, row, k);
        for (uint64_t i = 0; v->list && i < k->rows; i++) v->ends[row + i] = (int64_t)at + k->ends[i];
        switch (v->phys) {
        case ST_BIT: st_bits_copy(v->data, at, k->data, 0, k->n); break;
        case ST_F64:
        case ST_I128: put_other(k, width, to); break;
        default: put_numbers(k, v->phys, to);
        }
        row += k->rows;
        at += k->n;
    }
}

static void open_values(st_arena *a, const st_col_build *c, uint64_t rows, st_values *v)
{
    uint64_t missing = 0;
    v->rows = rows;
    for (const st_chunk *k = c->first; k; k = k->next) {
        v->n += k->n;
        missing += k->missing;
    }
    v->data = v->phys == ST_BIT ? (void *)st_bitmap_new(a, v->n)
                                : st_alloc_raw(a, (size_t)v->n * st_phys_bytes(v->phys) + 8);
    if (missing) v->known = (uint8_t *)st_bitmap_new(a, rows);
    if (v->list) v->ends = st_alloc_raw(a, (size_t)(rows + 1) * sizeof *v->ends);
}

static void extend_range(range *r, const st_col_build *c)
{
    if (c->phys != ST_I32 && c->phys != ST_I64) return;
    for (const st_chunk *k = c->first; k; k = k->next) {
        if (!k->extent.range.known) continue;
        r->least = ST_MIN(r->least, k->extent.range.low);
        r->largest = ST_MAX(r->largest, k->extent.range.high);
        r->seconds = r->seconds && k->extent.seconds;
    }
}

static void follow(const st_key_rows *keys, link *l, const st_values *v)
{
    for (uint64_t i = 0; i < v->rows; i++) {
        bool known = !v->known || st_bit(v->known, i);
        int64_t key = v->phys == ST_CODE ? ((const uint32_t *)v->data)[i] : ((const int64_t *)v->data)[i];
        l->rows[i] = known ? st_key_row(keys, key) : ST_NO_ROW;
        l->orphans += known && l->rows[i] == ST_NO_ROW;
    }
}

static void look_at_column(void *ctx, uint64_t i, st_env *env)
{
    (void)env;
    const batch *b = ctx;
    const st_col_build *c = &b->t->columns[i];
    collect(c, &b->values[i]);
    extend_range(&b->t->ranges[i], c);
    for (uint32_t k = 0; k < b->t->nlinks; k++) {
        link *l = &b->t->links[k];
        if (l->col->index == i && !l->late)
            follow(b->m->tables[l->col->links_to->index].keys, l, &b->values[i]);
    }
}

/* Which entity a row leads to, and so in which part it goes: those that lead to none into one behind all others. */
static void choose_parts(const batch *b, uint32_t *parts, int32_t *entity)
{
    const making *t = b->t;
    for (uint64_t i = 0; i < b->rows; i++) {
        if (!t->group) {
            parts[i] = (uint32_t)((t->rows + i) / ROWS_A_PART);
            continue;
        }
        int32_t e = t->group->rows[i];
        if (t->through && e != ST_NO_ROW) e = t->through->entity[e];
        entity[i] = e;
        parts[i] = (uint32_t)((e == ST_NO_ROW ? t->entities : (uint64_t)e) >> t->shift) + (e == ST_NO_ROW);
    }
}

static void take_batch(void *ctx, const st_table *decl, const st_col_build *columns, uint64_t rows)
{
    st_snapshot_maker *m = ctx;
    making *t = &m->tables[decl->index];
    t->columns = columns;
    st_arena *scratch = st_arena_new(env_of(m));
    batch b = {t, m, rows, st_new_n(scratch, st_values, decl->ncols + 1)};
    int32_t **link_rows = st_new_n(scratch, int32_t *, t->nlinks + 1);
    for (uint32_t k = 0; k < t->nlinks; k++) {
        if (t->links[k].late) continue;
        link_rows[k] = t->links[k].rows = st_alloc_raw(scratch, rows * sizeof(int32_t));
    }
    for (uint32_t c = 0; c < decl->ncols; c++) {
        b.values[c] = t->shape[c];
        open_values(scratch, &columns[c], rows, &b.values[c]);
    }
    st_parallel(env_of(m), m->threads, decl->ncols, look_at_column, &b);
    uint32_t *parts = st_alloc_raw(scratch, rows * sizeof *parts);
    int32_t *entity = t->group ? st_alloc_raw(scratch, rows * sizeof *entity) : NULL;
    choose_parts(&b, parts, entity);
    st_deal(t->dealer, rows, parts, b.values, link_rows, entity);
    t->rows += rows;
    st_arena_free(scratch);
}

static void begin_table(st_snapshot_maker *m, making *t)
{
    t->begun = true;
    t->arena = st_arena_new(env_of(m));
    t->kept = st_arena_new(env_of(m));
    t->shape = st_new_n(t->arena, st_values, t->decl->ncols + 1);
    t->ranges = st_new_n(t->arena, range, t->decl->ncols + 1);
    for (uint32_t c = 0; c < t->decl->ncols; c++) {
        st_type type = t->decl->cols[c].type;
        t->shape[c] = (st_values){.phys = st_phys_of(type), .list = type.list};
        t->ranges[c] = (range){INT64_MAX, INT64_MIN, type.base == ST_T_TIMESTAMP};
    }
    t->rows_file = st_store_rows(m->store);
    t->dealer = st_dealer_new(t->arena, &t->rows_file, t->decl->ncols, t->shape, t->nlinks);
    if (!t->group) return;
    const making *entity = &m->tables[t->path[t->npath - 1]->links_to->index];
    t->entities = entity->rows;
    while (t->entities >> t->shift >= MOST_PARTS || 1 << t->shift < FEWEST_ENTITIES_A_PART) t->shift++;
}

/* ---- how a table lies in its file ---- */

/* A column's fields in the file: its values, the same in fewer bytes, the rows of its parent. */
typedef struct output {
    st_frame_field *values, *narrow, *rows;
    const link *link;
    int64_t low, unit;
    uint64_t *known, *bits; /* bits are put together in memory, because parts meet within a byte */
} output;

typedef struct layout {
    making *t;
    st_snapshot_maker *m;
    st_arena *arena;
    const st_snap_file *file;
    st_frame frame;
    output *outputs;   /* by column */
    uint64_t *row0;    /* by part: rows before it */
    uint64_t **value0; /* by column and part, of lists: elements before it */
} layout;

static uint8_t bytes_for(uint64_t most)
{
    return most <= UINT8_MAX ? 1 : most <= UINT16_MAX ? 2 : most <= UINT32_MAX ? 4 : 8;
}

static void natural_type(st_frame_field *f, const st_col *c, const range *r, const st_dict *dict)
{
    f->digits = c->type.digits;
    f->scale = c->type.scale;
    switch (c->type.base) {
    case ST_T_BOOL: f->kind = ST_FRAME_BOOL; return;
    case ST_T_FLOAT:
        f->kind = ST_FRAME_FLOAT;
        f->width = 8;
        return;
    case ST_T_DECIMAL:
        f->kind = ST_FRAME_DECIMAL;
        f->width = c->type.digits <= 18 ? 8 : 16;
        return;
    case ST_T_DATE:
        f->kind = ST_FRAME_DATE;
        f->width = 4;
        return;
    case ST_T_TIMESTAMP:
        f->kind = ST_FRAME_TIMESTAMP;
        f->width = 8;
        return;
    case ST_T_STRING:
        f->kind = ST_FRAME_TEXT;
        f->width = c->type.list || dict->n > UINT16_MAX + 1u ? 4 : dict->n > UINT8_MAX + 1u ? 2 : 1;
        f->dict = dict;
        return;
    default:
        f->width = c->type.list || r->least < 0 ? 8 : bytes_for((uint64_t)r->largest);
        f->kind = f->width < 8 ? ST_FRAME_UINT : ST_FRAME_INT;
    }
}

static const char *number_text(st_arena *a, int64_t x)
{
    return st_format(a, "%lld", (long long)x);
}

/* The machine reads columns at as few bytes as their range allows. */
static void add_narrow(layout *l, const st_col *c, const range *r, output *o)
{
    if (c->type.list || r->least > r->largest ||
        (l->t->shape[c->index].phys != ST_I32 && l->t->shape[c->index].phys != ST_I64) ||
        o->values->kind == ST_FRAME_UINT)
        return;
    o->low = r->least;
    o->unit = r->seconds ? SECOND : 1;
    uint8_t width = bytes_for(((uint64_t)r->largest - (uint64_t)r->least) / (uint64_t)o->unit);
    if (width >= o->values->width) return;
    o->narrow = &l->frame.fields[l->frame.nfields++];
    *o->narrow = (st_frame_field){.name = st_format(l->arena, "strata:narrow %s", c->name),
                                  .kind = ST_FRAME_UINT,
                                  .width = width,
                                  .n = l->t->rows,
                                  .nmeta = 3,
                                  .meta = {{"strata:of", c->name},
                                           {"strata:low", number_text(l->arena, o->low)},
                                           {"strata:unit", number_text(l->arena, o->unit)}}};
}

static void add_rows(layout *l, const st_col *c, output *o)
{
    for (uint32_t k = 0; k < l->t->nlinks; k++)
        if (l->t->links[k].col == c) o->link = &l->t->links[k];
    if (!o->link) return;
    o->rows = &l->frame.fields[l->frame.nfields++];
    *o->rows = (st_frame_field){.name = st_format(l->arena, "strata:row %s", c->name),
                                .kind = ST_FRAME_INT,
                                .width = 4,
                                .n = l->t->rows,
                                .nmeta = 2,
                                .meta = {{"strata:of", c->name}, {"strata:table", c->links_to->name}}};
}

static const st_dict *dict_of(layout *l, const st_col_build *c)
{
    if (l->t->shape[c->decl->index].phys != ST_CODE) return NULL;
    const st_dict_builder *d = &c->room->dict;
    st_dict *dict = st_new(l->arena, st_dict);
    *dict = (st_dict){d->n, d->offsets.p, d->bytes.p};
    return dict;
}

static void lay_out(layout *l)
{
    making *t = l->t;
    uint32_t n = t->decl->ncols;
    l->frame.rows = t->rows;
    l->frame.fields = st_new_n(l->arena, st_frame_field, 3 * (size_t)n + 1);
    l->outputs = st_new_n(l->arena, output, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        const st_col *c = &t->decl->cols[i];
        output *o = &l->outputs[i];
        o->values = &l->frame.fields[l->frame.nfields++];
        *o->values = (st_frame_field){.name = c->name, .list = c->type.list, .n = t->rows};
        o->values->missing = t->columns[i].missing;
        if (c->type.list) o->values->n = t->columns[i].n;
        natural_type(o->values, c, &t->ranges[i], dict_of(l, &t->columns[i]));
        add_narrow(l, c, &t->ranges[i], o);
        add_rows(l, c, o);
    }
    st_frame_write(l->file, &l->frame);
    for (uint32_t i = 0; i < n; i++) {
        output *o = &l->outputs[i];
        if (o->values->missing) o->known = st_bitmap_new(l->arena, t->rows);
        if (!o->values->width) o->bits = st_bitmap_new(l->arena, o->values->n);
    }
}

/* ---- parts in their places ---- */

/* The rows of a part in hand: rows[i] is the i-th in order. */
typedef struct ordering {
    const int64_t *time; /* by row; NULL: none */
    uint32_t *rows;
} ordering;

static void merge_by_time(const int64_t *time, uint32_t *rows, uint32_t *scratch, uint64_t n)
{
    if (n <= 16) {
        for (uint64_t i = 1; i < n; i++) {
            uint32_t x = rows[i];
            uint64_t j = i;
            for (; j > 0 && time[rows[j - 1]] > time[x]; j--) rows[j] = rows[j - 1];
            rows[j] = x;
        }
        return;
    }
    uint64_t half = n / 2, i = 0, j = half, to = 0;
    merge_by_time(time, rows, scratch, half);
    merge_by_time(time, rows + half, scratch, n - half);
    if (time[rows[half - 1]] <= time[rows[half]]) return;
    memcpy(scratch, rows, half * sizeof *rows);
    while (i < half && j < n) rows[to++] = time[scratch[i]] <= time[rows[j]] ? scratch[i++] : rows[j++];
    while (i < half) rows[to++] = scratch[i++];
}

static const int64_t *times_of(st_arena *a, const making *t, const st_values *columns, uint64_t n)
{
    if (!t->order) return NULL;
    const st_values *v = &columns[t->order->index];
    int64_t *time = st_alloc_raw(a, n * sizeof *time + 1);
    for (uint64_t i = 0; i < n; i++)
        time[i] = !st_bit(v->known, i) ? ST_NO_TIME
                  : v->phys == ST_I32  ? ((const int32_t *)v->data)[i]
                                       : ((const int64_t *)v->data)[i];
    return time;
}

/* By entity, then by time; fills in where each entity's rows begin. */
static void order_rows(const layout *l, st_arena *a, uint32_t part, const st_values *columns,
                       const int32_t *entity, uint64_t n, uint32_t *rows)
{
    making *t = l->t;
    uint64_t e0 = (uint64_t)part << t->shift, e1 = ST_MIN(e0 + (UINT64_C(1) << t->shift), t->entities);
    if (!t->group || e0 >= t->entities) {
        for (uint64_t i = 0; i < n; i++) rows[i] = (uint32_t)i;
        return;
    }
    uint32_t *starts = t->starts + e0;
    uint64_t *next = st_alloc_array(a, e1 - e0 + 1, sizeof *next);
    for (uint64_t i = 0; i < n; i++) next[(uint64_t)entity[i] - e0 + 1]++;
    for (uint64_t e = 0; e < e1 - e0; e++) {
        starts[e] = (uint32_t)(l->row0[part] + next[e]);
        next[e + 1] += next[e];
    }
    for (uint64_t i = 0; i < n; i++) rows[next[(uint64_t)entity[i] - e0]++] = (uint32_t)i;
    const int64_t *time = times_of(a, t, columns, n);
    uint32_t *scratch = st_alloc_raw(a, n * sizeof *scratch + 1);
    for (uint64_t e = 0, from = 0; time && e < e1 - e0; from = next[e++])
        merge_by_time(time, rows + from, scratch, next[e] - from);
}

static void set_bit(uint64_t *bits, uint64_t i)
{
    __atomic_fetch_or(&bits[i / 64], UINT64_C(1) << (i % 64), __ATOMIC_RELAXED);
}

/* Bits of the rows of a part into those of the table, a word at a time. */
static void put_bits(uint64_t *to, uint64_t at, const void *from, const uint32_t *rows, uint64_t n)
{
    uint64_t word = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (st_bit(from, rows[i])) word |= UINT64_C(1) << ((at + i) % 64);
        if ((at + i) % 64 < 63 && i + 1 < n) continue;
        if (word) __atomic_fetch_or(&to[(at + i) / 64], word, __ATOMIC_RELAXED);
        word = 0;
    }
}

typedef struct part_job {
    const layout *l;
    st_env *env;
    st_arena *a;
    uint32_t part;
    uint64_t n;
    const uint32_t *rows;
    void *buffer; /* 16 bytes a row */
} part_job;

static void write_values(const part_job *j, const st_frame_field *f, uint64_t first, uint64_t n)
{
    st_snap_write(j->l->file, j->env, j->buffer, n * f->width, f->data.at + first * f->width);
}

#define GATHER(TO, FROM)                                                                                     \
    for (uint64_t i = 0; i < n; i++) ((TO *)j->buffer)[i] = (TO)((const FROM *)v->data)[j->rows[i]]

static void gather_plain(const part_job *j, const st_frame_field *f, const st_values *v)
{
    uint64_t n = j->n;
    switch (st_phys_bytes(v->phys)) {
    case 4:
        if (f->width == 1)
            GATHER(uint8_t, uint32_t);
        else if (f->width == 2)
            GATHER(uint16_t, uint32_t);
        else
            GATHER(uint32_t, uint32_t);
        break;
    case 8:
        if (f->width == 1)
            GATHER(uint8_t, uint64_t);
        else if (f->width == 2)
            GATHER(uint16_t, uint64_t);
        else if (f->width == 4)
            GATHER(uint32_t, uint64_t);
        else
            GATHER(uint64_t, uint64_t);
        break;
    default: GATHER(st_i128, st_i128);
    }
}

#define NARROW(TO)                                                                                           \
    for (uint64_t i = 0; i < j->n; i++) {                                                                    \
        uint32_t r = j->rows[i];                                                                             \
        int64_t x = v->phys == ST_I32 ? ((const int32_t *)v->data)[r] : ((const int64_t *)v->data)[r];       \
        uint64_t above = (uint64_t)x - (uint64_t)o->low;                                                     \
        if (o->unit != 1) above /= SECOND;                                                                   \
        ((TO *)j->buffer)[i] = st_bit(v->known, r) ? (TO)above : 0;                                          \
    }

static void gather_narrow(const part_job *j, const output *o, const st_values *v)
{
    switch (o->narrow->width) {
    case 1: NARROW(uint8_t) break;
    case 2: NARROW(uint16_t) break;
    default: NARROW(uint32_t) break;
    }
}

static void put_list(const part_job *j, const output *o, const st_values *v, uint32_t column)
{
    const layout *l = j->l;
    uint64_t base = l->value0[column][j->part], at = 0, row0 = l->row0[j->part];
    size_t width = st_phys_bytes(v->phys);
    int64_t *ends = st_alloc_raw(j->a, j->n * sizeof *ends + 1);
    char *values = st_alloc_raw(j->a, (size_t)v->n * width + 1);
    for (uint64_t i = 0; i < j->n; i++) {
        uint32_t r = j->rows[i];
        uint64_t from = r ? (uint64_t)v->ends[r - 1] : 0, n = (uint64_t)v->ends[r] - from;
        for (uint64_t k = 0; k < n && o->bits; k++)
            if (st_bit(v->data, from + k)) set_bit(o->bits, base + at + k);
        if (n && !o->bits) memcpy(values + at * width, (const char *)v->data + from * width, n * width);
        at += n;
        ends[i] = (int64_t)(base + at);
    }
    st_snap_write(l->file, j->env, ends, j->n * sizeof *ends,
                  o->values->offsets.at + (row0 + 1) * sizeof *ends);
    if (at && !o->bits) st_snap_write(l->file, j->env, values, at * width, o->values->data.at + base * width);
}

static void put_column(const part_job *j, const output *o, const st_values *v, uint32_t column)
{
    uint64_t row0 = j->l->row0[j->part];
    if (o->known) put_bits(o->known, row0, v->known, j->rows, j->n);
    if (v->list) {
        put_list(j, o, v, column);
    } else if (o->bits) {
        put_bits(o->bits, row0, v->data, j->rows, j->n);
    } else {
        gather_plain(j, o->values, v);
        write_values(j, o->values, row0, j->n);
    }
    if (!o->narrow) return;
    gather_narrow(j, o, v);
    write_values(j, o->narrow, row0, j->n);
}

static void put_part(void *ctx, uint64_t part, st_env *env)
{
    const layout *l = ctx;
    const making *t = l->t;
    uint32_t ncols = t->decl->ncols;
    st_arena *a = st_arena_new(env);
    part_job j = {
        .l = l, .env = env, .a = a, .part = (uint32_t)part, .n = st_dealer_rows(t->dealer, (uint32_t)part)};
    st_values *columns = st_new_n(a, st_values, ncols + 1);
    int32_t **links = st_new_n(a, int32_t *, t->nlinks + 1), *entity;
    st_dealer_read(t->dealer, a, (uint32_t)part, columns, links, &entity);
    uint32_t *rows = st_alloc_raw(a, j.n * sizeof *rows + 1);
    order_rows(l, a, (uint32_t)part, columns, entity, j.n, rows);
    j.rows = rows;
    j.buffer = st_alloc_raw(a, j.n * 16 + 16);
    for (uint32_t c = 0; c < ncols; c++) put_column(&j, &l->outputs[c], &columns[c], c);
    for (uint32_t k = 0; k < t->nlinks; k++) {
        const output *o = &l->outputs[t->links[k].col->index];
        for (uint64_t i = 0; i < j.n; i++) ((int32_t *)j.buffer)[i] = links[k][rows[i]];
        write_values(&j, o->rows, l->row0[part], j.n);
    }
}

static void find_firsts(layout *l)
{
    const making *t = l->t;
    uint32_t n = st_dealer_parts(t->dealer), ncols = t->decl->ncols;
    l->row0 = st_new_n(l->arena, uint64_t, n + 1);
    for (uint32_t p = 0; p < n; p++) l->row0[p + 1] = l->row0[p] + st_dealer_rows(t->dealer, p);
    l->value0 = st_new_n(l->arena, uint64_t *, ncols + 1);
    for (uint32_t c = 0; c < ncols; c++) {
        if (!t->shape[c].list) continue;
        l->value0[c] = st_new_n(l->arena, uint64_t, n + 1);
        for (uint32_t p = 0; p < n; p++)
            l->value0[c][p + 1] = l->value0[c][p] + st_dealer_values(t->dealer, p, c);
    }
}

/* Entities of parts without rows begin where the part would. */
static void open_starts(layout *l)
{
    making *t = l->t;
    uint32_t n = st_dealer_parts(t->dealer);
    t->starts = st_alloc_raw(t->kept, (t->entities + 1) * sizeof *t->starts);
    uint64_t rows_of_nobody = 0, nobody = (t->entities >> t->shift) + 1;
    if (nobody < n) rows_of_nobody = st_dealer_rows(t->dealer, (uint32_t)nobody);
    for (uint64_t e = 0; e < t->entities; e++) {
        uint64_t part = e >> t->shift;
        t->starts[e] = (uint32_t)(part < n ? l->row0[part] : t->rows - rows_of_nobody);
    }
    t->starts[t->entities] = (uint32_t)(t->rows - rows_of_nobody);
}

static void write_bits(const layout *l)
{
    const making *t = l->t;
    static const int64_t zero = 0;
    for (uint32_t c = 0; c < t->decl->ncols; c++) {
        const output *o = &l->outputs[c];
        const st_frame_field *f = o->values;
        if (o->known) st_snap_write(l->file, l->file->env, o->known, f->known.bytes, f->known.at);
        if (o->bits) st_snap_write(l->file, l->file->env, o->bits, f->data.bytes, f->data.at);
        if (f->list) st_snap_write(l->file, l->file->env, &zero, sizeof zero, f->offsets.at);
    }
}

/* ---- what is written down ---- */

static void describe_column(const layout *l, const st_col *c, st_snap_column *to)
{
    const output *o = &l->outputs[c->index];
    const st_frame_field *f = o->values;
    const range *r = &l->t->ranges[c->index];
    st_arena *a = l->m->arena;
    char type[48];
    st_type_words(c->type, type);
    *to = (st_snap_column){.name = c->name,
                           .type = st_dup(a, type, strlen(type)),
                           .key = c->key,
                           .links_to = c->links_to ? c->links_to->name : "",
                           .allowed = st_snap_allowed(a, l->m->program->zone, c),
                           .n = f->n,
                           .missing = f->missing,
                           .width = f->width,
                           .least = r->least <= r->largest ? r->least : 0,
                           .largest = r->least <= r->largest ? r->largest : 0,
                           .known = f->known,
                           .list = f->offsets,
                           .data = f->data,
                           .offsets = f->dict_offsets,
                           .bytes = f->dict_bytes,
                           .entries = f->dict ? f->dict->n : 0};
    if (o->narrow) {
        to->narrow_width = o->narrow->width;
        to->low = o->low;
        to->unit = o->unit;
        to->narrow = o->narrow->data;
    }
    if (o->rows) {
        to->orphans = o->link->orphans;
        to->rows = o->rows->data;
    }
}

static void write_starts(st_snapshot_maker *m, const making *t, st_snap_table *out)
{
    st_frame_field field = {.name = "strata:start",
                            .kind = ST_FRAME_UINT,
                            .width = 4,
                            .n = t->entities + 1,
                            .nmeta = 1,
                            .meta = {{"strata:table", t->path[t->npath - 1]->links_to->name}}};
    st_frame frame = {.rows = t->entities + 1, .nfields = 1, .fields = &field};
    st_snap_file file = st_store_create(m->store, st_format(m->arena, "%s.starts.arrow", t->decl->name));
    st_frame_write(&file, &frame);
    st_snap_write(&file, file.env, t->starts, field.data.bytes, field.data.at);
    st_store_close(m->store, &file);
    out->starts_size = frame.size;
    out->starts = field.data;
}

static void describe(st_snapshot_maker *m, const layout *l, st_snap_table *out)
{
    const making *t = l->t;
    *out = (st_snap_table){.name = t->decl->name,
                           .rows = t->rows,
                           .size = l->frame.size,
                           .check = l->frame.check,
                           .footer = l->frame.footer,
                           .ncolumns = t->decl->ncols,
                           .columns = st_new_n(m->arena, st_snap_column, t->decl->ncols + 1)};
    for (uint32_t c = 0; c < t->decl->ncols; c++) describe_column(l, &t->decl->cols[c], &out->columns[c]);
    if (!t->group) return;
    out->nlinks = t->npath;
    out->links = st_new_n(m->arena, const char *, t->npath);
    for (uint32_t i = 0; i < t->npath; i++) out->links[i] = t->path[i]->name;
    out->order = t->order ? t->order->name : "";
    out->entities = t->entities;
    write_starts(m, t, out);
}

/* ---- a table is complete ---- */

/* Keys in order of the rows in the file; also finds out that each stands there once. */
static void index_keys(st_snapshot_maker *m, making *t, const st_snap_table *out)
{
    if (!t->decl->key) return;
    const st_snap_column *key = &out->columns[t->decl->key->index];
    const char *bytes = t->file.bytes;
    uint64_t twice;
    t->keys = st_key_rows_new(t->kept, bytes + key->data.at, key->width, t->rows, &twice);
    if (twice < t->rows)
        st_fail(
            env_of(m), STRATA_BAD_DATA,
            "Table %s has a key %s that stands there a second time. A key names one row: remove the others.",
            t->decl->name, st_snap_key_text(m->arena, bytes, key, twice));
}

/* To whom each row leads, for tables that are grouped through this one. */
static void expand_starts(making *t)
{
    if (!t->group) return;
    t->entity = st_alloc_raw(t->kept, t->rows * sizeof *t->entity + 1);
    memset(t->entity, 0xff, t->rows * sizeof *t->entity);
    for (uint64_t e = 0; e < t->entities; e++)
        for (uint64_t r = t->starts[e]; r < t->starts[e + 1]; r++) t->entity[r] = (int32_t)e;
}

static bool is_linked_to(const st_snapshot_maker *m, const making *t, bool grouping)
{
    for (uint32_t i = 0; i < m->norder; i++) {
        const making *child = &m->tables[m->order[i]->index];
        if (grouping && child->through == t) return true;
        for (uint32_t k = 0; k < child->nlinks && !grouping; k++)
            if (child->links[k].col->links_to == t->decl) return true;
    }
    return false;
}

/* Dictionaries that no other table needs go. */
static void drop_dictionaries(const making *t)
{
    for (uint32_t c = 0; c < t->decl->ncols; c++) {
        const st_col_build *b = &t->columns[c];
        if (b->room && b->room->has_dict && !b->decl->key && !b->decl->links_to) {
            st_dict_free(&b->room->dict);
            b->room->has_dict = false;
        }
    }
}

static void finish_table(st_snapshot_maker *m, making *t, st_snap_table *out)
{
    st_dealer_flush(t->dealer);
    layout l = {.t = t, .m = m, .arena = st_arena_new(env_of(m))};
    st_snap_file file = st_store_create(m->store, st_format(m->arena, "%s.arrow", t->decl->name));
    l.file = &file;
    lay_out(&l);
    find_firsts(&l);
    if (t->group) open_starts(&l);
    st_parallel(env_of(m), m->threads, st_dealer_parts(t->dealer), put_part, &l);
    write_bits(&l);
    describe(m, &l, out);
    st_store_close(m->store, &file);
    st_store_close(m->store, &t->rows_file);
    drop_dictionaries(t);
    st_arena_free(l.arena);
    st_arena_free(t->arena);
    t->arena = NULL;
    t->file = st_store_map(m->store, file.path, out->size);
    index_keys(m, t, out);
    if (!is_linked_to(m, t, false)) t->keys = NULL;
    if (is_linked_to(m, t, true)) expand_starts(t);
    t->done = true;
}

/* ---- links whose parent came later ---- */

static int64_t key_at(const st_snap_column *c, const char *bytes, uint64_t row)
{
    const char *data = bytes + c->data.at;
    switch (c->width) {
    case 1: return ((const uint8_t *)data)[row];
    case 2: return ((const uint16_t *)(const void *)data)[row];
    case 4: return ((const uint32_t *)(const void *)data)[row];
    default: return ((const int64_t *)(const void *)data)[row];
    }
}

static void fill_late_link(st_snapshot_maker *m, const making *t, const link *l, st_snap_column *c)
{
    enum { ROWS = 1 << 16 };
    const making *parent = &m->tables[l->col->links_to->index];
    const char *bytes = t->file.bytes;
    st_arena *scratch = st_arena_new(env_of(m));
    int32_t *rows = st_alloc_raw(scratch, ROWS * sizeof *rows);
    st_snap_file file = st_store_reopen(m->store, st_format(scratch, "%s.arrow", t->decl->name));
    for (uint64_t from = 0; from < t->rows; from += ROWS) {
        uint64_t n = ST_MIN(t->rows - from, ROWS);
        for (uint64_t i = 0; i < n; i++) {
            bool known = !c->missing || st_bit(bytes + c->known.at, from + i);
            rows[i] = known ? st_key_row(parent->keys, key_at(c, bytes, from + i)) : ST_NO_ROW;
            c->orphans += known && rows[i] == ST_NO_ROW;
        }
        st_snap_write(&file, file.env, rows, n * sizeof *rows, c->rows.at + from * sizeof *rows);
    }
    st_store_close(m->store, &file);
    st_arena_free(scratch);
}

static void fill_late_links(st_snapshot_maker *m)
{
    for (uint32_t i = 0; i < m->norder; i++) {
        const making *t = &m->tables[m->order[i]->index];
        for (uint32_t k = 0; k < t->nlinks; k++)
            if (t->links[k].late)
                fill_late_link(m, t, &t->links[k], &m->out[i].columns[t->links[k].col->index]);
    }
}

/* ---- the whole ---- */

st_snapshot_maker *st_snapshot_begin(st_arena *a, const st_program *program, const char *dir,
                                     uint32_t threads)
{
    st_snapshot_maker *m = st_new(a, st_snapshot_maker);
    *m = (st_snapshot_maker){.arena = a, .program = whole_program(a, program), .threads = threads};
    plan_tables(m);
    m->binder = st_binder_new(a, m->program, threads);
    st_binder_hand_over(m->binder, take_batch, m);
    m->store = st_store_open(a, dir);
    return m;
}

uint32_t st_snapshot_tables(const st_snapshot_maker *m, const st_table *const **tables)
{
    *tables = m->order;
    return m->norder;
}

ST_NORETURN static void no_data(const st_snapshot_maker *m, const st_table *t)
{
    st_fail(env_of(m), STRATA_BAD_INPUT,
            "There is no data for table %s, which a snapshot of these rules holds.", t->name);
}

/* Everything before table `place` is complete. */
static void finish_until(st_snapshot_maker *m, uint32_t place)
{
    for (; m->at < place; m->at++) {
        making *t = &m->tables[m->order[m->at]->index];
        if (!t->begun) no_data(m, t->decl);
        finish_table(m, t, &m->out[m->at]);
    }
}

void st_snapshot_take(st_snapshot_maker *m, const st_table *table, struct ArrowArrayStream *stream,
                      const char *origin)
{
    uint32_t place = 0;
    while (m->order[place]->index != table->index) place++;
    making *t = &m->tables[table->index];
    if (!t->begun) {
        finish_until(m, place);
        begin_table(m, t);
    }
    st_bind_stream(m->binder, t->decl, stream, origin);
    t->columns = st_binder_columns(m->binder, t->decl);
}

void st_snapshot_end(st_snapshot_maker *m)
{
    finish_until(m, m->norder);
    fill_late_links(m);
    st_manifest manifest = {m->program->timezone, m->norder, m->out};
    st_store_finish(m->store, st_manifest_write(m->arena, &manifest));
    st_snapshot_drop(m);
}

void st_snapshot_drop(st_snapshot_maker *m)
{
    if (!m) return;
    st_binder_free(m->binder);
    st_store_drop(m->store);
}
