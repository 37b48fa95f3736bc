/* Places and distances: distance(lat, lon, munich), distance(lat, lon, nearest stores), 25 km. */
#include "sema/check.h"

#include "base/geo.h"

#define MOST_KM 1000000

st_type st_distance_type(uint32_t digits)
{
    return (st_type){.base = ST_T_DISTANCE, .digits = (uint8_t)digits, .scale = 3};
}

bool st_check_km(st_checker *c, const st_ast *ast, st_value *out)
{
    const st_ast *km = ast->kids[ST_DISTANCE_value];
    if (!st_km_value(km->number, km->scale, out)) {
        st_err(c, ST_MSG_DISTANCE_RANGE, ast->span);
        return false;
    }
    return true;
}

bool st_km_value(st_i128 km, uint32_t scale, st_value *out)
{
    st_i128 metres;
    if (scale > 3 || km < 0 || !st_dec_rescale(km, scale, 3, &metres) || metres > (st_i128)MOST_KM * 1000)
        return false;
    *out = (st_value){.type = st_distance_type(st_digits_of(metres)), .as.d = metres};
    return true;
}

/* ---- place munich = (48.137, 11.575) ---- */

static double degrees_of(const st_value *v)
{
    if (v->type.base == ST_T_FLOAT) return v->as.f;
    return v->type.base == ST_T_INT ? (double)v->as.i : st_dec_to_double(v->as.d, v->type.scale);
}

void st_check_place(st_checker *c, st_def *d)
{
    const st_ast *at = d->ast->kids[ST_PLACE_at];
    double degrees[2] = {0};
    bool ok = at->n == 2;
    st_read_metas(c, d, d->ast->kids[ST_PLACE_meta]);
    for (uint32_t i = 0; ok && i < 2; i++) {
        st_expr *x = st_check_literal(c, at->kids[i]);
        ok = x && st_is_number(x->type);
        if (ok) degrees[i] = degrees_of(&x->value);
    }
    if (!ok || !st_is_place(degrees[0], degrees[1])) {
        st_err(c, ST_MSG_PLACE_AT, at->span, d->name);
        st_info(c, d)->bad = true;
        return;
    }
    d->type = st_type_of(ST_T_FLOAT);
    d->type.list = true;
    d->nvalues = 2;
    d->values = st_new_n(c->a, st_value, 2);
    for (uint32_t i = 0; i < 2; i++)
        d->values[i] = (st_value){.type = st_type_of(ST_T_FLOAT), .as.f = degrees[i]};
}

/* ---- distance(…) ---- */

static st_expr *degrees(st_checker *c, const st_scope *s, const st_ast *ast)
{
    st_expr *x = st_check_number(c, s, ast);
    return x ? st_to_float(c, x) : NULL;
}

static st_expr *to_place(st_checker *c, const st_scope *s, st_expr *lat, st_expr *lon, const st_ast *name,
                         st_span span)
{
    const st_word *w = name->kind == ST_AST_NAME ? st_lookup(c, name->text) : NULL;
    st_def *d = w ? w->def : NULL;
    if (d && st_info(c, d)->broken) return NULL;
    if (!d || d->kind != ST_DEF_PLACE) {
        st_near near = {0};
        for (uint32_t i = 0; i < c->defs.n; i++)
            if (c->defs.p[i]->kind == ST_DEF_PLACE && name->kind == ST_AST_NAME)
                st_near_add(&near, name->text, c->defs.p[i]->name);
        if (!c->incomplete || near.n)
            st_err(c, ST_MSG_NOT_A_PLACE, name->span, st_source_text(c, name), st_did_you_mean(c->a, &near));
        return NULL;
    }
    if (!st_ensure(c, d, name->span) || st_info(c, d)->bad || !lat || !lon) return NULL;
    st_use(c, s, d);
    st_expr *args[4] = {lat, lon, st_x_const(c, d->values[0], name->span),
                        st_x_const(c, d->values[1], name->span)};
    return st_xs(c, ST_X_DISTANCE, st_distance_type(8), span, args, 4);
}

static bool both(const st_table *t, const char *lat, const char *lon, const st_col *out[2])
{
    out[0] = lat ? st_find_col(t, lat) : NULL;
    out[1] = lon ? st_find_col(t, lon) : NULL;
    return out[0] && out[1] && st_is_number(out[0]->type) && st_is_number(out[1]->type);
}

/* The name of the column that an argument reads, NULL where it is not a column. */
static const char *column_name(const st_ast *ast)
{
    ast = st_bare(ast);
    if (ast->kind == ST_AST_REF) ast = ast->kids[ST_REF_member];
    return ast->kind == ST_AST_NAME ? ast->text : NULL;
}

/* Where the rows of t are: in the columns called as those that are asked from, else as such columns are mostly called. */
static bool find_columns(const st_table *t, const st_ast *args, const st_col *out[2])
{
    static const char *const usual[][2] = {{"lat", "lon"}, {"latitude", "longitude"}, {"lat", "lng"}};
    if (both(t, column_name(args->kids[0]), column_name(args->kids[1]), out)) return true;
    for (uint32_t i = 0; i < ST_COUNT(usual); i++)
        if (both(t, usual[i][0], usual[i][1], out)) return true;
    return false;
}

static bool takes_last(const st_rowset *rows)
{
    for (uint32_t i = 0; i < rows->nfilters; i++)
        if (rows->filters[i].kind == ST_FILTER_LAST) return true;
    return false;
}

static st_expr *to_nearest(st_checker *c, const st_scope *s, st_expr *lat, st_expr *lon, const st_ast *args,
                           st_span span)
{
    const st_ast *name = args->kids[2]->kids[ST_NEAREST_name];
    st_rowset rows;
    const st_col *at[2];
    if (!st_find_rows(c, name, s->def, &rows) || !lat || !lon) return NULL;
    if (takes_last(&rows) || rows.table->derived) {
        st_err(c, ST_MSG_NEAREST_OF, name->span, name->text,
               rows.table->derived ? "groups of rows" : "the last rows of each customer");
        return NULL;
    }
    if (!find_columns(rows.table, args, at)) {
        st_err(c, ST_MSG_NEAREST_COLUMNS, name->span, rows.table->name);
        return NULL;
    }
    st_expr *all[4] = {lat, lon};
    for (uint32_t i = 0; i < 2; i++) all[2 + i] = st_to_float(c, st_x_column(c, at[i], name->span));
    st_expr *x = st_xs(c, ST_X_NEAREST, st_distance_type(8), span, all, 4);
    x->at = s->at;
    x->rows = rows;
    x->type.optional = true; /* there may be none */
    return x;
}

st_expr *st_check_distance(st_checker *c, const st_scope *s, const st_ast *ast)
{
    const st_ast *args = ast->kids[ST_CALL_args];
    st_scope far = *s;
    bool nearest = args->kids[2]->kind == ST_AST_NEAREST;
    if (nearest && !s->at) {
        st_err(c, ST_MSG_PARAM_VALUE, ast->span);
        return NULL;
    }
    far.far =
        nearest ||
        s->far; /* the nearest row is found for all rows at once, not for each that a sequence chooses */
    st_expr *lat = degrees(c, &far, args->kids[0]), *lon = degrees(c, &far, args->kids[1]);
    return nearest ? to_nearest(c, s, lat, lon, args, ast->span)
                   : to_place(c, s, lat, lon, args->kids[2], ast->span);
}
