/* From the rows of a test to data in memory. */
#include "test/test.h"

/* ---- what is bound ---- */

/* The tables as this test needs them: only columns that its definitions read are bound. What may not be missing and is read
 * has been asked for by the checker; the rest may be left out. */
static const st_program *view_of(st_arena *a, const st_program *program, const st_test *test)
{
    st_program *view = st_new(a, st_program);
    *view = *program;
    view->tables = st_new_n(a, st_table *, program->ntables + 1);
    for (uint32_t i = 0; i < program->ntables; i++) view->tables[i] = st_new(a, st_table);
    for (uint32_t i = 0; i < program->ntables; i++) {
        const st_table *from = program->tables[i];
        const st_test_table *its = &test->tables[i];
        st_table *to = view->tables[i];
        *to = *from;
        to->segmented = its->asked;
        uint32_t ncols = from->ncols + from->nhidden;
        to->cols = st_new_n(a, st_col, (size_t)ncols + 1);
        for (uint32_t k = 0; k < ncols; k++) {
            st_col *col = &to->cols[k];
            *col = from->cols[k];
            col->table = to;
            col->used = its->reads && its->reads[k];
            if (!col->key) col->type.optional = true;
            if (col->links_to) col->links_to = view->tables[col->links_to->index];
        }
        if (from->key) to->key = &to->cols[from->key->index];
    }
    for (uint32_t i = 0; i < program->ntables; i++) {
        const st_derived *from = program->tables[i]->derived;
        if (!from) continue;
        st_derived *to = st_new(a, st_derived);
        *to = *from;
        to->member = &view->tables[from->source->index]->cols[from->member->index];
        view->tables[i]->derived = to;
    }
    return view;
}

/* ---- a table as a stream ---- */

typedef struct sheet {
    st_arena *arena;
    const st_program *program;
    const st_test_table *rows;
    uint32_t ncolumns;
    const st_col **columns;
    bool given;
} sheet;

static const char *format_of(st_arena *a, st_type type)
{
    if (type.list) return "+l";
    switch (type.base) {
    case ST_T_BOOL: return "b";
    case ST_T_INT: return "l";
    case ST_T_FLOAT: return "g";
    case ST_T_DECIMAL: return st_format(a, "d:%u,%u", type.digits, type.scale);
    case ST_T_DATE: return "tdD";
    case ST_T_TIMESTAMP: return "tsu:UTC";
    default: return "u";
    }
}

static void put_list(const sheet *s, st_out_batch *b, uint32_t column, const st_cell *cell)
{
    st_str *texts = st_new_n(s->arena, st_str, cell->n + 1);
    for (uint32_t i = 0; i < cell->n; i++) {
        const st_value *v = &cell->values[i];
        texts[i] =
            v->type.base == ST_T_STRING ? v->as.s : st_str_of(st_value_text(s->arena, s->program->zone, v));
    }
    st_out_list(b, column, texts, cell->n);
}

static void put(const sheet *s, st_out_batch *b, uint32_t column, const st_cell *cell)
{
    const st_value *v = cell->values;
    if (!cell->known) {
        st_out_null(b, column);
    } else if (s->columns[column]->type.list) {
        put_list(s, b, column, cell);
    } else {
        switch (v->type.base) {
        case ST_T_BOOL: st_out_bool(b, column, v->as.b); break;
        case ST_T_FLOAT: st_out_float(b, column, v->as.f); break;
        case ST_T_DECIMAL: st_out_decimal(b, column, v->as.d); break;
        case ST_T_STRING: st_out_text(b, column, v->as.s); break;
        default: st_out_int(b, column, v->as.i);
        }
    }
}

static int fill(void *context, st_out_batch *b, const char **why)
{
    (void)why;
    sheet *s = context;
    if (s->given) return 0;
    s->given = true;
    for (uint32_t i = 0; i < s->rows->rows.n; i++) {
        const st_test_row *row = &s->rows->rows.p[i];
        for (uint32_t k = 0; k < s->ncolumns; k++) {
            const st_cell *cell = &s->rows->defaults[s->columns[k]->index];
            for (uint32_t f = 0; f < row->nfields; f++)
                if (row->fields[f].col->index == s->columns[k]->index) cell = &row->fields[f].cell;
            put(s, b, k, cell);
        }
    }
    return 0;
}

static void bind_table(st_arena *a, st_binder *binder, const st_program *view, const st_table *table,
                       const st_test_table *rows)
{
    sheet *s = st_new(a, sheet);
    *s = (sheet){.arena = a, .program = view, .rows = rows};
    s->columns = st_new_n(a, const st_col *, table->ncols + 1);
    st_out_field *fields = st_new_n(a, st_out_field, table->ncols + 1);
    for (uint32_t k = 0; k < table->ncols; k++) {
        const st_col *col = &table->cols[k];
        if (!st_col_needed(view, col)) continue;
        fields[s->ncolumns] = (st_out_field){col->name, format_of(a, col->type), true};
        s->columns[s->ncolumns++] = col;
    }
    if (!s->ncolumns) s->given = true;
    struct ArrowArrayStream stream;
    if (st_out_stream(&st_arena_env(a)->alloc, fields, s->ncolumns, (st_out_source){s, fill, NULL}, &stream))
        st_fail(st_arena_env(a), STRATA_NO_MEMORY, "There is not enough memory.");
    st_bind_stream(binder, table, &stream, NULL);
}

static const st_data *bind_all(st_arena *a, st_binder *binder, const st_program *view, const st_test *test)
{
    for (uint32_t i = 0; i < view->ntables; i++)
        if (st_table_needed(view, view->tables[i]))
            bind_table(a, binder, view, view->tables[i], &test->tables[i]);
    return st_bind_finish(binder);
}

const st_data *st_test_data(st_arena *a, const st_program *program, const st_test *test)
{
    st_env *env = st_arena_env(a);
    const st_program *view = view_of(a, program, test);
    st_binder *binder = st_binder_new(a, view, 1);
    const st_data **data = st_new(a, const st_data *);
    bool ok;
    ST_GUARD(env, ok, *data = bind_all(a, binder, view, test));
    st_binder_free(binder); /* its working memory is its own */
    if (ok) return *data;
    strata_error error = env->error;
    st_fail(env, error.status, "%s", error.message);
}
