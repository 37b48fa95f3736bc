/* Parameters: their values, and values given on the command line instead. */
#include "sema/check.h"

static bool param_value(st_checker *c, const st_ast *ast, st_value *out)
{
    if (ast->kind == ST_AST_DISTANCE) return st_check_km(c, ast, out);
    if (ast->kind == ST_AST_DURATION) {
        st_scope nowhere = {0};
        *out = (st_value){.type = st_type_of(ST_T_DURATION)};
        return st_check_duration(c, &nowhere, ast, &out->as.i, &out->unit);
    }
    st_expr *x = st_check_literal(c, ast);
    if (!x) {
        st_err(c, ST_MSG_PARAM_VALUE, ast->span);
        return false;
    }
    *out = x->value;
    return true;
}

/* The values of a list are of one type: exact numbers get the places of the most precise. */
static bool one_type(st_checker *c, st_def *d, const st_ast *list)
{
    st_expr **all = st_new_n(c->a, st_expr *, d->nvalues);
    for (uint32_t i = 0; i < d->nvalues; i++)
        all[i] = st_x_const(c, d->values[i], list ? list->kids[i]->span : d->span);
    if (d->nvalues && !st_unify(c, all, d->nvalues)) return false;
    for (uint32_t i = 0; i < d->nvalues; i++) {
        d->values[i] = all[i]->value;
        d->type.digits = ST_MAX(d->type.digits, all[i]->type.digits);
    }
    if (d->nvalues) {
        uint8_t digits = d->type.digits;
        d->type = d->values[0].type;
        d->type.digits = digits;
    }
    d->type.list = true;
    return true;
}

static bool list_param(st_checker *c, st_def *d, const st_ast *list)
{
    d->values = st_new_n(c->a, st_value, list->n);
    for (uint32_t i = 0; i < list->n; i++, d->nvalues++)
        if (!param_value(c, list->kids[i], &d->values[i])) return false;
    return one_type(c, d, list);
}

/* ---- --set name=text ---- */
/* Text as it is, or in the quotes of a rule with their escapes. */
static bool read_text(st_checker *c, st_str s, st_value *v)
{
    st_str t = st_text_trim(s);
    bool quoted = t.n >= 2 && t.p[0] == '"' && t.p[t.n - 1] == '"';
    st_buf b = {0};
    v->as.s = s;
    if (!quoted) return true;
    for (uint32_t i = 1; i + 1 < t.n; i++) {
        char ch = t.p[i];
        if (ch == '"') return false;
        if (ch == '\\') {
            ch = t.p[++i];
            if (i + 1 == t.n || !strchr("\"\\n", ch)) return false;
            if (ch == 'n') ch = '\n';
        }
        st_buf_add(c->a, &b, &ch, 1);
    }
    v->as.s = st_str_of(st_buf_text(c->a, &b));
    return true;
}

static bool read_duration(st_str s, st_value *v)
{
    uint32_t i = 0;
    int64_t n = 0;
    while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9' && n <= ST_MAX_COUNT) n = n * 10 + (s.p[i++] - '0');
    if (i == 0 || n > ST_MAX_COUNT) return false;
    st_str word = st_text_trim((st_str){s.p + i, s.n - i});
    if (word.n > 1 && word.p[word.n - 1] == 's') word.n--;
    for (int u = ST_MINUTE; u <= ST_YEAR; u++)
        if (st_str_eq(word, st_str_of(st_unit_names[u]))) {
            v->as.i = n;
            v->unit = (st_unit)u;
            return true;
        }
    return false;
}

static bool read_distance(st_str s, st_value *v)
{
    st_i128 km;
    unsigned scale;
    if (!st_text_ends(s, ST_STR("km"))) return false;
    s = st_text_trim((st_str){s.p, s.n - 2});
    return st_dec_parse(s, true, &km, &scale) && st_km_value(km, scale, v);
}

static bool read_number(st_str s, st_value *v)
{
    bool percent = s.n > 0 && s.p[s.n - 1] == '%';
    st_i128 n;
    unsigned scale;
    if (percent) s.n--;
    if (!st_dec_parse(s, true, &n, &scale) || scale + 2 > ST_DECIMAL_DIGITS) return false;
    if (percent) scale += 2;
    uint32_t digits = ST_MAX(st_digits_of(n), scale);
    if (scale == 0 && n >= INT64_MIN && n <= INT64_MAX)
        *v = (st_value){.type = st_int_type(digits), .as.i = (int64_t)n};
    else
        *v = (st_value){.type = st_decimal_type(digits, scale), .as.d = n};
    return true;
}

/* The text as a value of the kind that the parameter has. */
static bool read_value(st_checker *c, st_str s, st_value *v)
{
    st_str t = st_text_trim(s);
    switch (v->type.base) {
    case ST_T_INT:
    case ST_T_DECIMAL: return read_number(t, v);
    case ST_T_STRING: return read_text(c, s, v);
    case ST_T_DATE: return st_parse_date(t, &v->as.i);
    case ST_T_TIMESTAMP: return st_parse_timestamp(t, c->p->zone, &v->as.i);
    case ST_T_DURATION: return read_duration(t, v);
    case ST_T_DISTANCE: return read_distance(t, v);
    case ST_T_BOOL: v->as.b = st_str_eq(t, ST_STR("true")); return v->as.b || st_str_eq(t, ST_STR("false"));
    default: return false;
    }
}

/* The end of the part that begins at p: the next comma outside of quotes, or the end of the text. */
static const char *part_end(const char *p)
{
    bool quoted = false;
    for (; *p && (quoted || *p != ','); p++) {
        if (quoted && *p == '\\' && p[1])
            p++;
        else if (*p == '"')
            quoted = !quoted;
    }
    return p;
}

/* A list: values parted by commas, with or without the brackets of a rule. */
static bool read_list(st_checker *c, st_def *d, const char *text)
{
    st_str all = st_text_trim(st_str_of(text));
    if (all.n >= 2 && all.p[0] == '(' && all.p[all.n - 1] == ')') all = (st_str){all.p + 1, all.n - 2};
    const char *start = st_dup(c->a, all.p, all.n);
    ST_VEC(st_value) values = {0};
    for (bool more = true; more;) {
        const char *end = part_end(start);
        st_value v = {.type = d->type};
        v.type.list = false;
        if (!read_value(c, st_text_trim((st_str){start, (uint32_t)(end - start)}), &v)) return false;
        *st_push(c->a, &values) = v;
        more = *end == ',';
        start = end + 1;
    }
    d->values = values.p;
    d->nvalues = values.n;
    return one_type(c, d, NULL);
}

static void override(st_checker *c, st_def *d)
{
    for (uint32_t i = 0; i < c->nsets; i++) {
        const st_override *set = &c->sets[i];
        if (strcmp(set->name, d->name) != 0) continue;
        const char *text = st_dup(c->a, set->text, strlen(set->text));
        st_value v = {.type = d->type};
        bool ok = d->type.list ? read_list(c, d, text) : read_value(c, st_str_of(text), &v);
        if (!ok) {
            st_type kind = d->type;
            kind.list = false;
            st_err(c, ST_MSG_SET_VALUE, d->span, d->name, text,
                   d->type.list ? "a list, parted by commas" : st_kind_words(kind));
            st_info(c, d)->bad = true;
            return;
        }
        if (d->type.list) continue;
        d->value = v;
        d->type = v.type;
    }
}

void st_check_param(st_checker *c, st_def *d)
{
    const st_ast *value = d->ast->kids[ST_PARAM_value];
    bool list = value->kind == ST_AST_LIST;
    if (list ? !list_param(c, d, value) : !param_value(c, value, &d->value)) {
        st_info(c, d)->bad = true;
        return;
    }
    if (!list) d->type = d->value.type;
    override(c, d);
}

/* A value set for a parameter that there is not. It has no place in the rules; the first file stands for them. */
void st_check_overrides(st_checker *c)
{
    for (uint32_t i = 0; i < c->nsets && !c->incomplete && c->sources->files.n; i++) {
        const char *name = c->sets[i].name;
        const st_word *w = st_lookup(c, name);
        if (w && w->def && w->def->kind == ST_DEF_PARAM) continue;
        st_near near = {0};
        for (uint32_t k = 0; k < c->defs.n; k++)
            if (c->defs.p[k]->kind == ST_DEF_PARAM) st_near_add(&near, name, c->defs.p[k]->name);
        st_err(c, ST_MSG_SET_UNKNOWN, (st_span){0, 0, 0}, name, st_did_you_mean(c->a, &near));
    }
}
