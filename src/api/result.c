/* Results: counts, and rows as Arrow streams. */
#include "api/result.h"
#include "base/threads.h"
#include "vm/kernels.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

/* ---- what a column holds ---- */

static bool is_true(const st_api_column *c, uint64_t row)
{
    return st_bit(c->data, row);
}

/* The name of a row's label; NULL where it is none of those: compiled rules from a stranger may say anything. */
static const char *label_of(const st_api_column *c, uint64_t row)
{
    uint64_t label = (uint64_t)st_api_i64(c, row);
    return label < c->labels->n ? c->labels->names[label] : NULL;
}

static bool is_score(const st_api_column *c)
{
    return c->field == ST_OUT_R || c->field == ST_OUT_F || c->field == ST_OUT_M;
}

/* A label of tiers, rfm or an experiment, an action or a cell; not a trait that is a weekday. */
static bool is_labelled(const st_api_column *c)
{
    return st_bc_is_labelled(c->def) && (c->field == ST_OUT_VALUE || c->def->kind == ST_DEF_OVERLAY);
}

static bool is_segment(const st_api_column *c)
{
    return c->def->kind == ST_DEF_SEGMENT || c->def->kind == ST_DEF_HOLDOUT;
}

/* ---- counts ---- */

static void add_count(strata_result *r, const st_api_entity *e, const st_api_column *c, const char *label,
                      uint64_t n)
{
    *(strata_count *)st_push(r->arena, &r->counts) = (strata_count){.kind = st_api_kind(c->def),
                                                                    .definition = c->name,
                                                                    .label = label,
                                                                    .entity = e->table->decl->name,
                                                                    .customers = n,
                                                                    .population = e->npopulation};
}

enum { MOST_SCORES = 9 }; /* of an rfm part */

/* A column whose values are counted one by one: [low, low + n), others are not counted. */
typedef struct histogram {
    const st_api_column *column;
    int64_t low;
    uint64_t n, first; /* where its sizes begin in those of a worker */
} histogram;

typedef struct count_job {
    const st_api_entity *entity;
    const st_kernels *kernels;
    uint32_t n;
    histogram *histograms; /* by column; n 0: none */
    uint64_t nsizes;
    uint64_t **sizes; /* by worker */
    uint64_t **bits;  /* by worker: of columns of which bits are counted; the last: of the population */
} count_job;

enum { ROWS_A_TASK = 1 << 16 };

static void count_values(const count_job *j, const histogram *h, uint64_t from, uint64_t to, uint64_t *sizes)
{
    const st_api_column *c = h->column;
    for (uint64_t at = from; at < to; at += 64) {
        uint64_t word = j->entity->population[at / 64];
        if (c->known) word &= c->known[at / 64];
        for (; word; word &= word - 1) {
            uint64_t value = (uint64_t)(st_api_i64(c, at + (uint64_t)__builtin_ctzll(word)) - h->low);
            if (value < h->n) sizes[h->first + value]++;
        }
    }
}

/* Whether the machine has counted the rows that have a value. */
static bool counts_known(const st_api_column *c)
{
    return c->counted && c->lies != ST_BC_BOOL;
}

/* Bitmaps of a column that are counted together with the population; NULL: nothing is to be counted. */
static const uint64_t *bitmap_of(const st_api_column *c)
{
    if (is_segment(c)) return c->counted ? NULL : c->data;
    return counts_known(c) || is_labelled(c) || is_score(c) || c->field != ST_OUT_VALUE ? NULL : c->known;
}

static void count_rows(void *ctx, uint64_t task, st_env *env)
{
    const count_job *j = ctx;
    const st_api_entity *e = j->entity;
    uint64_t from = task * ROWS_A_TASK, to = ST_MIN(from + ROWS_A_TASK, e->table->rows);
    uint64_t *bits = j->bits[env->worker];
    size_t words = (size_t)((to - from + 63) / 64); /* a population has no bits behind the last row */
    for (uint32_t i = 0; i < j->n; i++) {
        if (j->histograms[i].n) count_values(j, &j->histograms[i], from, to, j->sizes[env->worker]);
        const uint64_t *column = bitmap_of(&e->columns.p[i]);
        if (column) bits[i] += j->kernels->popcount_and(e->population + from / 64, column + from / 64, words);
    }
    bits[j->n] += j->kernels->popcount(e->population + from / 64, words);
}

static uint64_t sum_over(uint64_t *const *by_worker, uint32_t threads, uint64_t at)
{
    uint64_t sum = 0;
    for (uint32_t t = 0; t < threads; t++) sum += by_worker[t][at];
    return sum;
}

static void add_column(strata_result *r, const count_job *j, uint32_t i, uint32_t threads)
{
    const st_api_entity *e = j->entity;
    const st_api_column *c = &e->columns.p[i];
    const histogram *h = &j->histograms[i];
    if (is_segment(c)) {
        add_count(r, e, c, "in", c->counted ? c->bits : sum_over(j->bits, threads, i));
    } else if (is_labelled(c)) {
        for (uint32_t k = 0; k < c->labels->n; k++)
            add_count(r, e, c, c->labels->names[k], sum_over(j->sizes, threads, h->first + k));
    } else if (is_score(c)) {
        for (uint32_t k = 0; k < MOST_SCORES; k++) {
            uint64_t size = sum_over(j->sizes, threads, h->first + k);
            if (size) add_count(r, e, c, st_format(r->arena, "%u", k + 1), size);
        }
    } else if (c->field == ST_OUT_VALUE) {
        uint64_t here = sum_over(j->bits, threads, c->known ? i : e->columns.n);
        add_count(r, e, c, "known", counts_known(c) ? c->bits : here);
    }
}

static void count_entity(strata_result *r, st_api_entity *e, uint32_t threads)
{
    st_arena *a = st_arena_new(&r->env);
    count_job j = {.entity = e, .kernels = st_kernels_choose(NULL), .n = e->columns.n};
    j.histograms = st_new_n(a, histogram, j.n + 1);
    for (uint32_t i = 0; i < j.n; i++) {
        const st_api_column *c = &e->columns.p[i];
        if (is_segment(c) || (!is_labelled(c) && !is_score(c))) continue;
        j.histograms[i] =
            (histogram){c, is_labelled(c) ? 0 : 1, is_labelled(c) ? c->labels->n : MOST_SCORES, j.nsizes};
        j.nsizes += j.histograms[i].n;
    }
    j.sizes = st_new_n(a, uint64_t *, threads);
    j.bits = st_new_n(a, uint64_t *, threads);
    for (uint32_t t = 0; t < threads; t++) {
        j.sizes[t] = st_new_n(a, uint64_t, j.nsizes + 1);
        j.bits[t] = st_new_n(a, uint64_t, j.n + 1);
    }
    st_parallel(&r->env, threads, (e->table->rows + ROWS_A_TASK - 1) / ROWS_A_TASK, count_rows, &j);
    e->npopulation = sum_over(j.bits, threads, j.n);
    for (uint32_t i = 0; i < j.n; i++) add_column(r, &j, i, threads);
    st_arena_free(a);
}

void st_api_count(strata_result *r, uint32_t threads)
{
    for (uint32_t i = 0; i < r->entities.n; i++)
        count_entity(r, &r->entities.p[i], threads ? threads : st_cpu_count());
}

size_t strata_result_size(const strata_result *result)
{
    return result->counts.n;
}

strata_count strata_result_count(const strata_result *result, size_t i)
{
    return result->counts.p[i];
}

const char *strata_result_as_of(const strata_result *result)
{
    return result->as_of;
}

size_t strata_result_note_count(const strata_result *result)
{
    return result->notes.n;
}

strata_note strata_result_note(const strata_result *result, size_t i)
{
    return result->notes.p[i];
}

size_t strata_result_entity_count(const strata_result *result)
{
    return result->entities.n;
}

const char *strata_result_entity(const strata_result *result, size_t i)
{
    return result->entities.p[i].table->decl->name;
}

/* ---- rows as Arrow ---- */

typedef struct rows {
    strata_allocator alloc;
    const strata_result *result;
    const st_api_entity *entity;
    const st_api_column *key;
    uint64_t row;
    uint64_t batch_rows;
    uint32_t column; /* LONG: where in the row to go on */
    st_out_field *fields;
    uint32_t nfields;
    st_api_column key_column;
    st_env env; /* of the fields' texts */
} rows;

const char *st_api_format(st_arena *a, st_type type)
{
    switch (type.base) {
    case ST_T_BOOL: return "b";
    case ST_T_INT: return "l";
    case ST_T_FLOAT: return "g";
    case ST_T_DECIMAL:
    case ST_T_DISTANCE: {
        unsigned digits = ST_MAX(type.digits, type.scale);
        return st_format(a, "d:%u,%u", digits ? digits : ST_DECIMAL_DIGITS, type.scale);
    }
    case ST_T_DATE: return "tdD";
    case ST_T_TIMESTAMP: return "tsu:UTC";
    default: return "u";
    }
}

void st_api_put_text(st_out_batch *b, uint32_t i, const char *text)
{
    if (text)
        st_out_text(b, i, st_str_of(text));
    else
        st_out_null(b, i);
}

/* A float with a scale is a logistic: it is given with so many digits, which every machine agrees on. */
static double shown(const st_api_column *c, double v)
{
    double unit = pow(10, c->type.scale);
    return c->type.scale ? floor(v * unit + 0.5) / unit : v;
}

void st_api_put(st_out_batch *b, uint32_t i, const st_api_column *c, uint64_t row)
{
    if (!st_api_known(c, row)) {
        st_out_null(b, i);
        return;
    }
    switch (c->lies) {
    case ST_BC_BOOL: st_out_bool(b, i, is_true(c, row)); break;
    case ST_BC_I128: st_out_decimal(b, i, ((const st_i128 *)c->data)[row]); break;
    case ST_BC_F64: st_out_float(b, i, shown(c, ((const double *)c->data)[row])); break;
    case ST_BC_TEXT: st_out_text(b, i, st_api_text(c, row)); break;
    default:
        if (c->labels)
            st_api_put_text(b, i, label_of(c, row));
        else if (c->type.base == ST_T_DECIMAL || c->type.base == ST_T_DISTANCE)
            st_out_decimal(b, i, st_api_i64(c, row));
        else
            st_out_int(b, i, st_api_i64(c, row));
    }
}

st_api_column st_api_key(const st_data_table *t)
{
    const st_column *key = &t->columns[t->decl->key->index];
    return (st_api_column){.name = key->decl->name,
                           .type = key->decl->type,
                           .lies = key->phys == ST_CODE ? ST_BC_TEXT : ST_BC_I64,
                           .data = key->data,
                           .dict = key->dict,
                           .narrow = key->narrow};
}

static void put_values(const rows *s, st_out_batch *b, uint32_t i, const st_api_column *c, uint64_t to)
{
    for (uint64_t row = s->row; row < to; row++)
        if (st_bit(s->entity->population, row)) st_api_put(b, i, c, row);
}

/* Whether the values of the column lie as Arrow wants them. */
static bool is_lent(const st_api_column *c)
{
    if (c->labels || c->field == ST_OUT_CELL) return false;
    switch (c->type.base) {
    case ST_T_BOOL: return c->lies == ST_BC_BOOL;
    case ST_T_INT:
    case ST_T_TIMESTAMP: return c->lies == ST_BC_I64;
    case ST_T_FLOAT: return c->lies == ST_BC_F64 && !c->type.scale;
    default: return false;
    }
}

static bool all_set(const uint64_t *bits, uint64_t from, uint64_t to)
{
    for (; from + 64 <= to; from += 64)
        if (bits[from / 64] != UINT64_MAX) return false;
    return from == to || bits[from / 64] == UINT64_MAX >> (64 - to % 64);
}

/* Whole numbers that lie narrow, all of them known. */
static void put_narrow(const rows *s, st_out_batch *b, uint32_t i, const st_narrow *n, uint64_t to)
{
    int64_t *out = st_out_values(b, i, to - s->row);
    if (out)
        st_kernels_choose(NULL)->widen_narrow((const char *)n->data + s->row * n->bytes, n->bytes,
                                              to - s->row, n->low, n->unit, out);
}

/* Rows from s->row, a multiple of 64, to `to`. */
static void put_column(rows *s, st_out_batch *b, uint32_t i, const st_api_column *c, uint64_t to, bool whole)
{
    const uint64_t *known = c->known ? c->known + s->row / 64 : NULL;
    if (whole && is_lent(c) && c->narrow.data && !known) {
        put_narrow(s, b, i, &c->narrow, to);
    } else if (whole && is_lent(c) && c->data) {
        size_t at = c->lies == ST_BC_BOOL ? s->row / 8 : s->row * sizeof(int64_t);
        st_out_lend(b, i, &s->result->owner, to - s->row, (const char *)c->data + at, known);
    } else if (c->lies == ST_BC_BOOL && !known) {
        st_out_bits(b, i, (const uint64_t *)c->data + s->row / 64, s->entity->population + s->row / 64,
                    (to - s->row + 63) / 64);
    } else {
        put_values(s, b, i, c, to);
    }
}

/* The row's key, then its columns; the next rows of the table that are not all outside of the population. */
static int fill_wide(void *context, st_out_batch *b, const char **why)
{
    (void)why;
    rows *s = context;
    while (s->row < s->entity->table->rows && st_out_rows(b) == 0) {
        uint64_t to = ST_MIN(s->row + s->batch_rows, s->entity->table->rows);
        bool whole = all_set(s->entity->population, s->row, to);
        put_column(s, b, 0, s->key, to, whole);
        for (uint32_t i = 0; i < s->entity->columns.n && st_out_rows(b); i++)
            put_column(s, b, i + 1, &s->entity->columns.p[i], to, whole);
        s->row = to;
    }
    return 0;
}

/* What a column says of a row in the long form: "in", a label, a score's digit; NULL: nothing. */
static const char *long_label(const st_api_column *c, uint64_t row)
{
    static const char *const digits[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    if (is_segment(c)) return is_true(c, row) ? "in" : NULL;
    if ((!is_labelled(c) && !is_score(c)) || !st_api_known(c, row)) return NULL;
    if (is_labelled(c)) return label_of(c, row);
    uint64_t score = (uint64_t)st_api_i64(c, row);
    return score < ST_COUNT(digits) ? digits[score] : NULL;
}

static int fill_long(void *context, st_out_batch *b, const char **why)
{
    (void)why;
    rows *s = context;
    uint32_t n = 0;
    for (; s->row < s->entity->table->rows; s->row++, s->column = 0) {
        if (!st_bit(s->entity->population, s->row)) continue;
        for (; s->column < s->entity->columns.n; s->column++) {
            const st_api_column *c = &s->entity->columns.p[s->column];
            const char *label = long_label(c, s->row);
            if (!label) continue;
            if (n++ == ST_API_BATCH_ROWS) return 0;
            st_api_put(b, 0, s->key, s->row);
            st_api_put_text(b, 1, c->name);
            st_api_put_text(b, 2, label);
        }
    }
    return 0;
}

static void done_rows(void *context)
{
    rows *s = context;
    strata_allocator alloc = s->alloc;
    st_env_close(&s->env);
    st_api_release(&alloc, s);
}

static void make_fields(rows *s, strata_shape shape)
{
    st_arena *a = st_arena_new(&s->env);
    const char *key = st_api_format(a, s->key->type);
    if (shape == STRATA_LONG) {
        s->nfields = 3;
        s->fields = st_new_n(a, st_out_field, s->nfields);
        s->fields[0] = (st_out_field){"entity", key, false};
        s->fields[1] = (st_out_field){"definition", "u", false};
        s->fields[2] = (st_out_field){"label", "u", false};
        return;
    }
    s->nfields = s->entity->columns.n + 1;
    s->batch_rows = is_lent(s->key) ? ST_API_MANY_ROWS : ST_API_BATCH_ROWS;
    s->fields = st_new_n(a, st_out_field, s->nfields);
    s->fields[0] = (st_out_field){s->key->name, key, false};
    for (uint32_t i = 0; i < s->entity->columns.n; i++) {
        const st_api_column *c = &s->entity->columns.p[i];
        s->fields[i + 1] = (st_out_field){c->name, st_api_format(a, c->type), !is_segment(c)};
        if (!is_lent(c)) s->batch_rows = ST_API_BATCH_ROWS;
    }
}

static const st_api_entity *find_entity(const strata_result *r, const char *name)
{
    for (uint32_t i = 0; i < r->entities.n; i++)
        if (strcmp(r->entities.p[i].table->decl->name, name) == 0) return &r->entities.p[i];
    return NULL;
}

strata_status strata_result_stream(const strata_result *result, const char *entity, strata_shape shape,
                                   struct ArrowArrayStream *stream, strata_error *error)
{
    const st_api_entity *e = find_entity(result, entity);
    if (!e) return st_api_refuse(error, STRATA_BAD_INPUT, "There is no answer about %s.", entity);
    if (result->counts_only)
        return st_api_refuse(error, STRATA_BAD_INPUT,
                             "The run was asked for counts only: it has no rows to give.");
    rows *s = st_api_allocate(&result->env.alloc, sizeof *s);
    if (!s) return st_api_refuse(error, STRATA_NO_MEMORY, "There is not enough memory.");
    s->alloc = result->env.alloc;
    s->result = result;
    s->entity = e;
    s->key_column = st_api_key(e->table);
    s->key = &s->key_column;
    st_env_child(&s->env, &result->env);
    bool ok;
    ST_GUARD(&s->env, ok, make_fields(s, shape));
    if (!ok) {
        strata_status status = st_api_end(&s->env, ok, error);
        done_rows(s);
        return status;
    }
    st_out_source source = {s, shape == STRATA_LONG ? fill_long : fill_wide, done_rows};
    if (st_out_stream(&s->alloc, s->fields, s->nfields, source, stream) != 0)
        return st_api_refuse(error, STRATA_NO_MEMORY, "There is not enough memory.");
    if (error) *error = (strata_error){.status = STRATA_OK};
    return STRATA_OK;
}

static void keep_result(void *result)
{
    atomic_fetch_add(&((strata_result *)result)->holders, 1);
}

static void release_result(void *result)
{
    strata_result_free(result);
}

void st_api_own(strata_result *result)
{
    atomic_init(&result->holders, 1);
    result->owner = (st_out_owner){result, keep_result, release_result};
}

/* Arrays that were handed out may be released by any thread, and after the caller has freed the result. */
void strata_result_free(strata_result *result)
{
    if (!result || atomic_fetch_sub(&result->holders, 1) != 1) return;
    st_env_close(&result->env);
    strata_allocator alloc = result->env.alloc;
    st_api_release(&alloc, result);
}
