#include "table/convert.h"

#include "base/text.h"
#include "table/number.h"
#include "table/runs.h"

#include <math.h>
#include <stdio.h>

/* ---- types ---- */

void st_type_words(st_type t, char out[48])
{
    static const char *const names[] = {
        [ST_T_BOOL] = "bool",          [ST_T_INT] = "int",       [ST_T_FLOAT] = "float",
        [ST_T_DECIMAL] = "decimal",    [ST_T_STRING] = "string", [ST_T_DATE] = "date",
        [ST_T_TIMESTAMP] = "timestamp"};
    char size[16] = "";
    if (t.base == ST_T_DECIMAL) snprintf(size, sizeof size, "(%u,%u)", t.digits, t.scale);
    snprintf(out, 48, "%s%s%s%s", t.list ? "list of " : "", names[t.base], size, t.optional ? "?" : "");
}

bool st_src_accepted(const st_src *src, st_type declared)
{
    enum { EXACT = 1 << ST_SRC_INT | 1 << ST_SRC_DECIMAL, DAY = 1 << ST_SRC_DATE32 | 1 << ST_SRC_DATE64 };
    static const int takes[] = {
        [ST_T_BOOL] = 1 << ST_SRC_BOOL | 1 << ST_SRC_INT,
        [ST_T_INT] = EXACT | 1 << ST_SRC_FLOAT,
        [ST_T_FLOAT] = EXACT | 1 << ST_SRC_FLOAT,
        [ST_T_DECIMAL] = EXACT | 1 << ST_SRC_FLOAT,
        [ST_T_STRING] = 0,
        [ST_T_DATE] = DAY | 1 << ST_SRC_TIMESTAMP,
        [ST_T_TIMESTAMP] = DAY | 1 << ST_SRC_TIMESTAMP,
    };
    if (src->kind == ST_SRC_OTHER || (src->list && !declared.list)) return false;
    if (src->kind == ST_SRC_NONE || src->kind == ST_SRC_TEXT) return true;
    return (src->list != 0) == declared.list && (takes[declared.base] >> src->kind & 1);
}

st_phys st_phys_of(st_type t)
{
    switch (t.base) {
    case ST_T_BOOL: return ST_BIT;
    case ST_T_FLOAT: return ST_F64;
    case ST_T_DECIMAL: return t.digits <= 18 ? ST_I64 : ST_I128;
    case ST_T_STRING: return ST_CODE;
    case ST_T_DATE: return ST_I32;
    default: return ST_I64;
    }
}

size_t st_phys_bytes(st_phys phys)
{
    static const uint8_t bytes[] = {
        [ST_BIT] = 0, [ST_I32] = 4, [ST_I64] = 8, [ST_I128] = 16, [ST_F64] = 8, [ST_CODE] = 4};
    return bytes[phys];
}

/* ---- bits ---- */

void st_bits_copy(uint8_t *to, uint64_t at, const uint8_t *from, uint64_t from_at, uint64_t n)
{
    uint64_t i = 0;
    for (; i + 32 <= n; i += 32) { /* a fifth byte is touched only where bits of it belong to these */
        unsigned shift = (from_at + i) & 7, put = (at + i) & 7;
        const uint8_t *f = from + ((from_at + i) >> 3);
        uint8_t *t = to + ((at + i) >> 3);
        uint32_t word, there;
        memcpy(&word, f, 4);
        if (shift) word = word >> shift | (uint32_t)f[4] << (32 - shift);
        memcpy(&there, t, 4);
        there |= word << put;
        memcpy(t, &there, 4);
        if (put) t[4] |= (uint8_t)(word >> (32 - put));
    }
    for (; i < n; i += 8) {
        unsigned left = (unsigned)ST_MIN(n - i, 8), shift = (from_at + i) & 7, put = (at + i) & 7;
        const uint8_t *f = from + ((from_at + i) >> 3);
        unsigned byte = (unsigned)f[0] >> shift;
        if (shift + left > 8) byte |= (unsigned)f[1] << (8 - shift);
        byte &= 0xffu >> (8 - left);
        uint8_t *t = to + ((at + i) >> 3);
        t[0] |= (uint8_t)(byte << put);
        if (put + left > 8) t[1] |= (uint8_t)(byte >> (8 - put));
    }
}

/* ---- messages ---- */

void st_cell_fail(st_env *env, const st_col_build *c, const char *origin, uint64_t row, const char *fmt, ...)
{
    char what[700];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    st_fail(env, STRATA_BAD_DATA, "%.200s, row %llu, column %.80s: %s", origin, (unsigned long long)row + 1,
            c->decl->name, what);
}

const char *st_show_text(st_str s, char out[ST_SHOWN])
{
    uint32_t n = ST_MIN(s.n, 60);
    while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80) n--;
    char *p = out;
    *p++ = '"';
    for (uint32_t i = 0; i < n; i++) *p++ = (unsigned char)s.p[i] < 32 || s.p[i] == 127 ? '?' : s.p[i];
    strcpy(p, n < s.n ? "\"…" : "\"");
    return out;
}

/* ---- one column of one batch ---- */

/* `first` and `n`: the values in hand, within `leaf`; for a list these are elements, and `ends` tells their rows. */
typedef struct conversion {
    st_env *env;
    st_desk *desk;
    st_arena *arena; /* of the chunk */
    st_col_build *c;
    const st_batch *batch;
    const st_src *src;
    const struct ArrowArray *leaf;
    int64_t first;
    uint64_t n, rows;
    const int64_t *ends;
    void *out;
    const void *values; /* `out`, or where they already lie */
    uint8_t *known;
    st_extent extent; /* of the values, once they are all there */
} conversion;

static uint64_t row_of(const conversion *v, uint64_t i)
{
    if (!v->ends) return v->batch->first_row + i;
    uint64_t low = 0, high = v->rows;
    while (low < high) {
        uint64_t mid = (low + high) / 2;
        if ((uint64_t)v->ends[mid] > i)
            high = mid;
        else
            low = mid + 1;
    }
    return v->batch->first_row + low;
}

#define VALUE_FAIL(v, i, ...)                                                                                \
    st_cell_fail((v)->env, (v)->c, (v)->batch->origin, row_of((v), (i)), __VA_ARGS__)

ST_NORETURN static void broken(const conversion *v)
{
    st_fail(v->env, STRATA_BAD_DATA, "%.200s: column %.80s is damaged. Write the file anew.",
            v->batch->origin, v->c->decl->name);
}

ST_NORETURN static void type_range_fail(const conversion *v, uint64_t i, const char *shown)
{
    char type[48];
    st_type_words(v->c->decl->type, type);
    if (v->c->decl->type.base == ST_T_INT)
        VALUE_FAIL(v, i, "%s is too large for a whole number of 64 bits. Declare it decimal(38,0).", shown);
    VALUE_FAIL(v, i, "%s does not fit in %s. Declare more digits, or correct the file.", shown, type);
}

ST_NORETURN static void time_range_fail(const conversion *v, uint64_t i)
{
    VALUE_FAIL(v, i, "a time outside the years 0001 to 9999. Correct the file.");
}

static bool text_at(const conversion *v, int64_t at, st_str *out)
{
    st_text_found found = st_src_text(v->src, v->leaf, at, out);
    if (found == ST_TEXT_BROKEN) broken(v);
    return found == ST_TEXT_THERE;
}

/* ---- storing one value; each says whether there is one ---- */

static bool store_instant(const conversion *v, uint64_t i, st_i128 us)
{
    const st_i128 low = (st_i128)ST_DATE_MIN * ST_DAY_US, high = ((st_i128)ST_DATE_MAX + 1) * ST_DAY_US;
    if (us < low || us >= high) time_range_fail(v, i);
    ((int64_t *)v->out)[i] = (int64_t)us;
    return true;
}

static bool store_day(const conversion *v, uint64_t i, int64_t day)
{
    if (day < ST_DATE_MIN || day > ST_DATE_MAX) time_range_fail(v, i);
    if (v->c->phys == ST_I32)
        ((int32_t *)v->out)[i] = (int32_t)day;
    else
        return store_instant(v, i, st_start_of_day(v->batch->zone, day));
    return true;
}

static st_i128 floor_div(st_i128 a, st_i128 b)
{
    return a / b - (a % b < 0);
}

static bool store_stamp(const conversion *v, uint64_t i, int64_t stamp)
{
    const st_src *s = v->src;
    st_i128 us = s->per_second > 1000000 ? floor_div(stamp, s->per_second / 1000000)
                                         : (st_i128)stamp * (1000000 / s->per_second);
    bool day = v->c->phys == ST_I32;
    if (!s->zoned && day) return store_day(v, i, (int64_t)floor_div(us, ST_DAY_US));
    st_i128 margin = 2 * (st_i128)ST_DAY_US;
    if (us < (st_i128)ST_DATE_MIN * ST_DAY_US - margin ||
        us > ((st_i128)ST_DATE_MAX + 1) * ST_DAY_US + margin)
        time_range_fail(v, i);
    if (day) return store_day(v, i, st_day_of_instant(v->batch->zone, (int64_t)us));
    return store_instant(v, i, s->zoned ? us : st_instant_of_local(v->batch->zone, (int64_t)us));
}

static void store_exact(const conversion *v, uint64_t i, st_i128 x)
{
    if (v->c->phys == ST_I64)
        ((int64_t *)v->out)[i] = (int64_t)x;
    else
        memcpy((char *)v->out + i * 16, &x, 16);
}

static bool store_double(const conversion *v, uint64_t i, double x)
{
    if (!isfinite(x)) return false;
    const st_type *t = &v->c->decl->type;
    if (t->base == ST_T_FLOAT) {
        ((double *)v->out)[i] = x;
        return true;
    }
    st_i128 exact = (st_i128)0;
    char shown[ST_DECIMAL_TEXT + 1];
    shown[st_double_format(x, shown)] = 0;
    if (t->base == ST_T_INT) {
        if (x != floor(x) || fabs(x) > 0x1p53)
            VALUE_FAIL(v, i, "%s is no whole number. Declare the column float, or correct the file.", shown);
        exact = (st_i128)x;
    } else if (st_number_of_double(x, v->src->width < 8, t->digits, t->scale, &exact) != ST_NUMBER_OK) {
        type_range_fail(v, i, shown);
    }
    store_exact(v, i, exact);
    return true;
}

/* An integer or decimal of the file, for a declared int or decimal. */
static bool store_number(const conversion *v, uint64_t i, st_i128 x)
{
    const st_type *t = &v->c->decl->type;
    int from = v->src->kind == ST_SRC_DECIMAL ? v->src->scale : 0, to = t->base == ST_T_INT ? 0 : t->scale;
    st_i128 limit = t->base == ST_T_INT ? (st_i128)INT64_MAX : st_pow10(t->digits) - 1, y = x;
    bool exact = true, fits = true;
    for (; exact && from > to && y; from--) {
        exact = y % 10 == 0;
        y /= 10;
    }
    for (; fits && from < to && y; from++) {
        fits = y <= limit / 10 && y >= -(limit / 10);
        y *= fits ? 10 : 1;
    }
    if (exact && fits && y <= limit && (y >= -limit || (t->base == ST_T_INT && y == INT64_MIN))) {
        store_exact(v, i, y);
        return true;
    }
    char shown[ST_DECIMAL_TEXT + 8] = "the number";
    int scale = v->src->kind == ST_SRC_DECIMAL ? v->src->scale : 0;
    if (scale >= 0 && scale <= ST_DECIMAL_DIGITS && st_dec_fits(x))
        shown[st_dec_format(x, (unsigned)scale, shown)] = 0;
    if (exact) type_range_fail(v, i, shown);
    if (t->base == ST_T_INT)
        VALUE_FAIL(v, i, "%s is not a whole number. Declare it decimal(18,%d).", shown, scale);
    VALUE_FAIL(v, i, "%s has more than %u digits behind the point. Declare it decimal(%u,%d).", shown,
               t->scale, (unsigned)ST_DECIMAL_DIGITS, scale);
}

static bool store_number_as_double(const conversion *v, uint64_t i, st_i128 x)
{
    int scale = v->src->kind == ST_SRC_DECIMAL ? v->src->scale : 0;
    for (; scale < 0; scale++) {
        if (!st_dec_fits(x * 10) || !st_dec_fits(x)) type_range_fail(v, i, "the number");
        x *= 10;
    }
    for (; scale > ST_DECIMAL_DIGITS; scale--) x /= 10;
    ((double *)v->out)[i] = st_dec_to_double(x, (unsigned)scale);
    return true;
}

static void parse_number(const conversion *v, uint64_t i, st_str s, bool *known)
{
    const st_type *t = &v->c->decl->type;
    char shown[ST_SHOWN];
    st_number_status status;
    st_i128 x = 0;
    if (t->base == ST_T_FLOAT) {
        double d = 0;
        status = st_number_double(s, &d);
        if (status == ST_NUMBER_OK) ((double *)v->out)[i] = d;
    } else if (t->base == ST_T_INT) {
        status = st_number_exact(s, 19, 0, true, &x);
        if (status == ST_NUMBER_OK && (x > INT64_MAX || x < INT64_MIN)) status = ST_NUMBER_RANGE;
        if (status == ST_NUMBER_MISSING || status == ST_NUMBER_INEXACT) status = ST_NUMBER_BAD;
        if (status == ST_NUMBER_BAD)
            VALUE_FAIL(v, i, "%s is not a whole number. Correct the file, or declare another type.",
                       st_show_text(s, shown));
    } else {
        status = st_number_exact(s, t->digits, t->scale, false, &x);
    }
    if (status == ST_NUMBER_BAD)
        VALUE_FAIL(v, i,
                   "%s is not a number. Write it like 1234.50, with a point and without signs for thousands.",
                   st_show_text(s, shown));
    if (status == ST_NUMBER_RANGE) type_range_fail(v, i, st_show_text(s, shown));
    *known = status == ST_NUMBER_OK;
    if (*known && t->base != ST_T_FLOAT) store_exact(v, i, x);
}

static void parse_time(const conversion *v, uint64_t i, st_str s)
{
    char shown[ST_SHOWN];
    int64_t day, instant;
    if (st_parse_date(s, &day)) {
        store_day(v, i, day);
    } else if (!st_parse_timestamp(s, v->batch->zone, &instant)) {
        if (v->c->phys == ST_I32)
            VALUE_FAIL(v, i, "%s is not a date. Write it like 2026-11-01.", st_show_text(s, shown));
        VALUE_FAIL(v, i, "%s is not a time. Write it like 2026-11-01T09:30.", st_show_text(s, shown));
    } else if (v->c->phys == ST_I32) {
        store_day(v, i, st_day_of_instant(v->batch->zone, instant));
    } else {
        store_instant(v, i, instant);
    }
}

static uint32_t add_text(const conversion *v, uint64_t i, st_str s)
{
    bool is_new;
    uint32_t code = st_dict_add(&v->c->room->dict, s, &is_new);
    if (is_new && !st_utf8_valid(s.p, s.n))
        VALUE_FAIL(v, i, "the text is not UTF-8. Save the file in UTF-8.");
    return code;
}

/* A value written as text, of any declared type. */
static bool store_text(const conversion *v, uint64_t i, st_str s)
{
    st_base_type base = v->c->decl->type.base;
    if (base == ST_T_STRING) {
        ((uint32_t *)v->out)[i] = add_text(v, i, s);
        return true;
    }
    s = st_text_trim(s);
    if (s.n == 0) return false;
    bool known = true, truth = false;
    char shown[ST_SHOWN];
    if (base == ST_T_BOOL) {
        if (!st_number_bool(s, &truth))
            VALUE_FAIL(v, i, "%s is neither true nor false. Write true or false, yes or no, 1 or 0.",
                       st_show_text(s, shown));
        if (truth) st_bit_set(v->out, i);
    } else if (base == ST_T_DATE || base == ST_T_TIMESTAMP) {
        parse_time(v, i, s);
    } else {
        parse_number(v, i, s, &known);
    }
    return known;
}

/* ---- whole runs of values ---- */

#define EACH_KNOWN(v, i, at)                                                                                 \
    for (uint64_t i = 0; i < (v)->n; i++)                                                                    \
        if (st_bit((v)->known, i))                                                                           \
            for (int64_t at = (v)->first + (int64_t)i, once_ = 1; once_; once_ = 0)
#define KEEP_IF(v, i, stored)                                                                                \
    do {                                                                                                     \
        if (!(stored)) st_bit_clear((v)->known, (i));                                                        \
    } while (0)

/* In place of the code of an entry of a dictionary. */
#define ENTRY_MISSING (UINT32_MAX - 1)
#define ENTRY_NEW UINT32_MAX

static uint32_t code_of_entry(const conversion *v, uint64_t i, int64_t e)
{
    st_str s;
    st_text_found found = st_src_entry_text(v->src, v->leaf, e, &s);
    if (found == ST_TEXT_BROKEN) broken(v);
    return found == ST_TEXT_THERE ? add_text(v, i, s) : ENTRY_MISSING;
}

#define MAP_ENTRIES(T)                                                                                       \
    EACH_KNOWN(v, i, at)                                                                                     \
    {                                                                                                        \
        int64_t e = (int64_t)((const T *)v->leaf->buffers[1])[at];                                           \
        if (e < 0 || e >= n) broken(v);                                                                      \
        if (codes[e] == ENTRY_NEW) codes[e] = code_of_entry(v, i, e);                                        \
        KEEP_IF(v, i, codes[e] != ENTRY_MISSING);                                                            \
        if (codes[e] != ENTRY_MISSING) out[i] = codes[e];                                                    \
    }                                                                                                        \
    break

/* Entries get a code when a row is the first that has them. */
static void convert_entries(const conversion *v)
{
    int64_t n = v->leaf->dictionary->length;
    uint32_t *out = v->out, *codes = v->c->codes.p;
    switch (v->src->index * 2 + v->src->index_signed) {
    case 2: MAP_ENTRIES(uint8_t);
    case 3: MAP_ENTRIES(int8_t);
    case 4: MAP_ENTRIES(uint16_t);
    case 5: MAP_ENTRIES(int16_t);
    case 8: MAP_ENTRIES(uint32_t);
    case 9: MAP_ENTRIES(int32_t);
    case 16: MAP_ENTRIES(uint64_t);
    default: MAP_ENTRIES(int64_t);
    }
}

static const struct ArrowArray *leaf_of(const st_src *src, const struct ArrowArray *a)
{
    return src->list && a->n_children ? a->children[0] : a;
}

static bool same_dictionary(const st_col_build *c, const struct ArrowArray *d)
{
    bool same =
        d->n_buffers == ST_COUNT(c->entries) && d->length == c->nentries && d->offset == c->first_entry;
    for (size_t i = 0; same && i < ST_COUNT(c->entries); i++) same = d->buffers[i] == c->entries[i];
    return same;
}

void st_meet_dictionary(st_col_build *c, const struct ArrowArray *array)
{
    if (!c->src.index || c->phys != ST_CODE) return;
    const struct ArrowArray *d = leaf_of(&c->src, array->children[c->child])->dictionary;
    if (c->nentries && same_dictionary(c, d)) return;
    c->nentries = d->n_buffers == ST_COUNT(c->entries) ? d->length : 0;
    c->first_entry = d->offset;
    for (size_t i = 0; c->nentries && i < ST_COUNT(c->entries); i++) c->entries[i] = d->buffers[i];
    size_t bytes = (size_t)d->length * sizeof(uint32_t);
    st_big_reserve(&c->room->desk.env, &c->codes, 0, bytes);
    if (bytes) memset(c->codes.p, 0xff, bytes); /* ENTRY_NEW */
}

static void convert_texts(const conversion *v)
{
    if (v->src->index && v->c->phys == ST_CODE) {
        convert_entries(v);
        return;
    }
    EACH_KNOWN(v, i, at)
    {
        st_str s;
        KEEP_IF(v, i, text_at(v, at, &s) && store_text(v, i, s));
    }
}

static void convert_zero_one(const conversion *v)
{
    EACH_KNOWN(v, i, at)
    {
        int64_t x = st_src_int(v->leaf->buffers[1], v->src->width, v->src->is_signed, at);
        if (x != 0 && x != 1)
            VALUE_FAIL(v, i,
                       "%lld is neither 1 (true) nor 0 (false). Declare the column int, or correct the file.",
                       (long long)x);
        if (x) st_bit_set(v->out, i);
    }
}

static void convert_exact(const conversion *v)
{
    if (v->c->phys == ST_BIT) {
        convert_zero_one(v);
        return;
    }
    bool to_float = v->c->phys == ST_F64;
    if (v->src->kind == ST_SRC_INT && v->src->width == 8 && v->src->is_signed &&
        v->c->decl->type.base == ST_T_INT) {
        const int64_t *p = v->leaf->buffers[1];
        int64_t *out = v->out;
        EACH_KNOWN(v, i, at) out[i] = p[at];
        return;
    }
    EACH_KNOWN(v, i, at)
    {
        st_i128 x;
        if (!st_src_exact(v->src, v->leaf, at, &x)) type_range_fail(v, i, "the number");
        KEEP_IF(v, i, to_float ? store_number_as_double(v, i, x) : store_number(v, i, x));
    }
}

static void convert_times(const conversion *v)
{
    const void *p = v->leaf->buffers[1];
    EACH_KNOWN(v, i, at)
    {
        if (v->src->kind == ST_SRC_DATE32)
            store_day(v, i, ((const int32_t *)p)[at]);
        else if (v->src->kind == ST_SRC_DATE64)
            store_day(v, i, (int64_t)floor_div(((const int64_t *)p)[at], ST_DAY_US / 1000));
        else
            store_stamp(v, i, ((const int64_t *)p)[at]);
    }
}

static void convert_leaf(const conversion *v)
{
    if (v->n == 0) return;
    switch (v->src->kind) {
    case ST_SRC_BOOL:
        EACH_KNOWN(v, i, at) if (st_bit(v->leaf->buffers[1], (uint64_t)at)) st_bit_set(v->out, i);
        break;
    case ST_SRC_INT:
    case ST_SRC_DECIMAL: convert_exact(v); break;
    case ST_SRC_FLOAT:
        EACH_KNOWN(v, i, at) KEEP_IF(v, i, store_double(v, i, st_src_float(v->src, v->leaf, at)));
        break;
    case ST_SRC_TEXT: convert_texts(v); break;
    case ST_SRC_DATE32:
    case ST_SRC_DATE64:
    case ST_SRC_TIMESTAMP: convert_times(v); break;
    case ST_SRC_NONE:
    case ST_SRC_OTHER: break;
    }
}

/* ---- what the declaration allows ---- */

static st_i128 exact_value(const st_value *x, unsigned *scale)
{
    *scale = x->type.base == ST_T_DECIMAL ? x->type.scale : 0;
    return x->type.base == ST_T_DECIMAL ? x->as.d : x->type.base == ST_T_BOOL ? x->as.b : x->as.i;
}

static double float_value(const st_value *x)
{
    unsigned scale;
    if (x->type.base == ST_T_FLOAT) return x->as.f;
    st_i128 exact = exact_value(x, &scale);
    return st_dec_to_double(exact, scale);
}

static int compare_float(double a, const st_value *x)
{
    double b = float_value(x);
    return (a > b) - (a < b);
}

static int compare_exact(const conversion *v, st_i128 a, const st_value *x)
{
    const st_type *t = &v->c->decl->type;
    if (t->base == ST_T_TIMESTAMP && x->type.base == ST_T_DATE)
        a = st_day_of_instant(v->batch->zone, (int64_t)a);
    unsigned scale;
    st_i128 b = exact_value(x, &scale);
    return st_dec_cmp(a, t->base == ST_T_DECIMAL ? t->scale : 0, b, scale);
}

/* The value at i against a value of the declaration: negative, zero, positive. Days as bounds of a timestamp stand for the
 * whole day. */
static int compare_value(const conversion *v, uint64_t i, const st_value *x)
{
    if (v->c->phys == ST_F64) return compare_float(((const double *)v->values)[i], x);
    st_i128 a = 0;
    switch (v->c->phys) {
    case ST_BIT: a = st_bit(v->values, i); break;
    case ST_I32: a = ((const int32_t *)v->values)[i]; break;
    case ST_I64: a = ((const int64_t *)v->values)[i]; break;
    default: memcpy(&a, (const char *)v->values + i * 16, 16);
    }
    return compare_exact(v, a, x);
}

/* Whether the extent says that all values are within the bounds. */
static bool all_within(const conversion *v)
{
    const st_range *r = &v->extent.range;
    const st_value *low = v->c->decl->low, *high = v->c->decl->high;
    if (!r->known) return false;
    if (v->c->phys == ST_F64)
        return (!low || compare_float(r->flow, low) >= 0) && (!high || compare_float(r->fhigh, high) <= 0);
    return (!low || compare_exact(v, r->low, low) >= 0) && (!high || compare_exact(v, r->high, high) <= 0);
}

static const char *show_declared(const conversion *v, const st_value *x, char out[ST_SHOWN])
{
    unsigned scale;
    switch (x->type.base) {
    case ST_T_STRING: return st_show_text(x->as.s, out);
    case ST_T_DATE: st_format_date(x->as.i, out); return out;
    case ST_T_TIMESTAMP: st_format_instant(v->batch->zone, x->as.i, out); return out;
    case ST_T_FLOAT: out[st_double_format(x->as.f, out)] = 0; return out;
    case ST_T_BOOL: return x->as.b ? "true" : "false";
    default: {
        st_i128 exact = exact_value(x, &scale);
        out[st_dec_format(exact, scale, out)] = 0;
        return out;
    }
    }
}

/* The value at i, as a value of the declared type. */
static const char *show_value(const conversion *v, uint64_t i, char out[ST_SHOWN])
{
    st_value x = {.type = v->c->decl->type};
    switch (v->c->phys) {
    case ST_BIT: x.as.b = st_bit(v->values, i); break;
    case ST_I32: x.as.i = ((const int32_t *)v->values)[i]; break;
    case ST_F64: x.as.f = ((const double *)v->values)[i]; break;
    case ST_I128: memcpy(&x.as.d, (const char *)v->values + i * 16, 16); break;
    case ST_CODE: x.as.s = st_dict_text(&v->c->room->dict, ((const uint32_t *)v->values)[i]); break;
    case ST_I64:
        if (x.type.base == ST_T_DECIMAL)
            x.as.d = ((const int64_t *)v->values)[i];
        else
            x.as.i = ((const int64_t *)v->values)[i];
    }
    return show_declared(v, &x, out);
}

ST_NORETURN static void not_one_of(const conversion *v, uint64_t i)
{
    const st_col *col = v->c->decl;
    char list[400] = "", shown[ST_SHOWN];
    size_t n = 0;
    for (uint32_t k = 0; k < col->none_of_these && n < sizeof list - ST_SHOWN - 8; k++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", k ? ", " : "",
                              show_declared(v, &col->one_of[k], shown));
    VALUE_FAIL(v, i, "%s is not one of the values declared for it (%s). Correct the file, or declare it too.",
               show_value(v, i, shown), list);
}

static bool text_allowed(const conversion *v, uint32_t code)
{
    st_str s = st_dict_text(&v->c->room->dict, code);
    for (uint32_t k = 0; k < v->c->decl->none_of_these; k++)
        if (st_str_eq(s, v->c->decl->one_of[k].as.s)) return true;
    return false;
}

static void check_texts(const conversion *v)
{
    st_big *allowed = &v->c->allowed;
    size_t had = allowed->bytes, codes = v->c->room->dict.n;
    st_big_reserve(v->env, allowed, had, codes);
    uint8_t *a = allowed->p;
    if (allowed->bytes > had) memset(a + had, 0, allowed->bytes - had);
    const uint32_t *codes_here = v->values;
    for (uint64_t i = 0; i < v->n; i++) {
        if (!st_bit(v->known, i) || a[codes_here[i]]) continue;
        if (!text_allowed(v, codes_here[i])) not_one_of(v, i);
        a[codes_here[i]] = 1;
    }
}

static void check_one_of(const conversion *v)
{
    const st_col *col = v->c->decl;
    for (uint64_t i = 0; i < v->n; i++) {
        bool found = !st_bit(v->known, i);
        for (uint32_t k = 0; k < col->none_of_these && !found; k++)
            found = compare_value(v, i, &col->one_of[k]) == 0;
        if (!found) not_one_of(v, i);
    }
}

static void check_bounds(const conversion *v)
{
    const st_col *col = v->c->decl;
    if (all_within(v)) return;
    for (uint64_t i = 0; i < v->n; i++) {
        if (!st_bit(v->known, i)) continue;
        bool below = col->low && compare_value(v, i, col->low) < 0;
        if (!below && (!col->high || compare_value(v, i, col->high) <= 0)) continue;
        char shown[ST_SHOWN], bound[ST_SHOWN];
        VALUE_FAIL(v, i,
                   "%s is %s %s, the %s value declared for it. Correct the file, or declare other bounds.",
                   show_value(v, i, shown), below ? "below" : "above",
                   show_declared(v, below ? col->low : col->high, bound), below ? "smallest" : "largest");
    }
}

static void check_allowed(const conversion *v)
{
    const st_col *col = v->c->decl;
    if (col->none_of_these && v->c->phys == ST_CODE)
        check_texts(v);
    else if (col->none_of_these)
        check_one_of(v);
    if ((col->low || col->high) && v->c->phys != ST_CODE) check_bounds(v);
}

ST_NORETURN static void missing_fail(const conversion *v, uint64_t row)
{
    const st_col *col = v->c->decl;
    st_type optional = col->type;
    optional.optional = true;
    char type[48];
    st_type_words(optional, type);
    if (col->key)
        st_cell_fail(v->env, v->c, v->batch->origin, row, "the key is missing. Every row needs its own.");
    st_cell_fail(v->env, v->c, v->batch->origin, row,
                 "the value is missing. Fill it in, or declare the column %s if it may be missing.", type);
}

/* ---- columns ---- */

static bool is_packed(st_phys phys)
{
    return phys == ST_I32 || phys == ST_I64 || phys == ST_CODE;
}

static size_t bytes_of(const conversion *v, uint64_t n)
{
    return v->c->phys == ST_BIT ? st_bitmap_bytes(n) : (size_t)n * st_phys_bytes(v->c->phys);
}

/* Room for n values: of the desk where they are packed from there, else of the chunk. */
static void *room_for(const conversion *v, uint64_t n)
{
    size_t bytes = bytes_of(v, n) + 1;
    if (!is_packed(v->c->phys)) return st_alloc_raw(v->arena, bytes);
    st_big_reserve(v->env, &v->desk->wide, 0, bytes);
    return v->desk->wide.p;
}

static void *new_values(const conversion *v, uint64_t n)
{
    return memset(room_for(v, n), 0, bytes_of(v, n));
}

static uint8_t *new_known(uint8_t *known, const struct ArrowArray *a, bool none, int64_t first, uint64_t n)
{
    memset(known, 0, st_bitmap_bytes(n));
    if (none) return known;
    if (a && a->null_count != 0 && a->n_buffers > 0 && a->buffers[0]) {
        st_bits_copy(known, 0, a->buffers[0], (uint64_t)first, n);
    } else {
        memset(known, 0xff, (size_t)(n / 8));
        if (n % 8) known[n / 8] = (uint8_t)((1u << n % 8) - 1);
    }
    return known;
}

/* Of elements: rows have the desk's. */
static uint8_t *elements_known(const conversion *v, const struct ArrowArray *a, bool none, int64_t first,
                               uint64_t n)
{
    return new_known(st_alloc_raw(v->arena, st_bitmap_bytes(n) + 1), a, none, first, n);
}

/* Moves the elements that are there together; `ends` then counts only those. */
static uint64_t drop_missing(const st_col_build *c, void *data, const uint8_t *known, int64_t *ends,
                             uint64_t rows)
{
    uint64_t to = 0, i = 0;
    size_t bytes = st_phys_bytes(c->phys);
    for (uint64_t r = 0; r < rows; r++) {
        for (; i < (uint64_t)ends[r]; i++) {
            if (!st_bit(known, i)) continue;
            bool bit = bytes == 0 && st_bit(data, i);
            if (bytes == 0) {
                st_bit_clear(data, to);
                if (bit) st_bit_set(data, to);
            } else if (to != i) {
                memcpy((char *)data + to * bytes, (char *)data + i * bytes, bytes);
            }
            to++;
        }
        ends[r] = (int64_t)to;
    }
    return to;
}

static void list_range(const conversion *v, const struct ArrowArray *list, int64_t at, int64_t *from,
                       int64_t *to)
{
    if (!st_src_range(v->src, list, at, from, to)) broken(v);
}

static void convert_list(conversion *v, st_chunk *chunk, const struct ArrowArray *list, int64_t first)
{
    int64_t base = 0, last = 0, from, to;
    const uint8_t *rows_known = v->known;
    if (chunk->rows && v->src->kind != ST_SRC_NONE) {
        list_range(v, list, first, &base, &to);
        list_range(v, list, first + (int64_t)chunk->rows - 1, &from, &last);
        if (last < base) broken(v);
    }
    v->n = (uint64_t)(last - base);
    v->leaf = leaf_of(v->src, list);
    v->first = v->leaf->offset + base;
    v->values = v->out = new_values(v, v->n);
    v->known = elements_known(v, v->leaf, v->src->kind == ST_SRC_NONE, v->first, v->n);
    int64_t end = 0;
    for (uint64_t r = 0; r < chunk->rows; r++) {
        if (v->n) list_range(v, list, first + (int64_t)r, &from, &to);
        if (v->n && (from - base != end || to > last)) broken(v);
        end = v->n ? to - base : 0;
        chunk->ends[r] = end;
        /* a missing row may still have elements behind it: they are nobody's */
        for (int64_t e = v->n && !st_bit(rows_known, r) ? from - base : end; e < end; e++)
            st_bit_clear(v->known, (uint64_t)e);
    }
    v->ends = chunk->ends;
    convert_leaf(v);
    check_allowed(v);
    chunk->n = drop_missing(v->c, v->out, v->known, chunk->ends, chunk->rows);
}

/* Lists in text, separated by semicolons; an empty text is an empty list. */
static void convert_text_lists(conversion *v, st_chunk *chunk)
{
    uint64_t n = 0;
    st_str s;
    EACH_KNOWN(v, i, at)
    {
        if (!text_at(v, at, &s)) continue;
        n += s.n > 0;
        for (uint32_t k = 0; k < s.n; k++) n += s.p[k] == ';';
    }
    uint8_t *rows_known = v->known;
    conversion w = *v;
    w.out = new_values(v, n);
    v->values = w.values = w.out;
    w.known = elements_known(v, NULL, false, 0, n);
    w.ends = chunk->ends;
    w.n = 0;
    for (uint64_t r = 0; r < v->n; r++) {
        bool there = st_bit(rows_known, r) && text_at(v, v->first + (int64_t)r, &s);
        if (st_bit(rows_known, r) && !there) st_bit_clear(rows_known, r);
        chunk->ends[r] = INT64_MAX; /* while its elements are read, they are in this row */
        const char *p = s.p, *end = there ? s.p + s.n : s.p;
        while (there && s.n && p <= end) {
            const char *stop = memchr(p, ';', (size_t)(end - p));
            if (!stop) stop = end;
            st_str part = st_text_trim((st_str){p, (uint32_t)(stop - p)});
            w.rows = r + 1;
            KEEP_IF(&w, w.n, part.n && store_text(&w, w.n, part));
            w.n++;
            p = stop + 1;
        }
        chunk->ends[r] = (int64_t)w.n;
    }
    w.rows = v->n;
    check_allowed(&w);
    chunk->n = drop_missing(v->c, w.out, w.known, chunk->ends, chunk->rows);
}

static bool all_known(const conversion *v)
{
    return st_bitmap_count(v->known, v->n) == v->n;
}

static st_extent extent_of(const conversion *v, uint64_t n)
{
    return st_extent_of(v->c->phys, v->c->decl->type.base == ST_T_TIMESTAMP, v->values, n);
}

static void convert_values(conversion *v)
{
    v->out = room_for(v, v->n);
    st_values run = {.src = v->src,
                     .leaf = v->leaf,
                     .first = v->first,
                     .n = v->n,
                     .known = v->known,
                     .all_known = all_known(v),
                     .type = v->c->decl->type,
                     .phys = v->c->phys,
                     .zone = v->batch->zone,
                     .out = v->out};
    v->values = st_run_of_values(&run, &v->extent);
    if (v->values) return;
    v->values = memset(v->out, 0, bytes_of(v, v->n));
    convert_leaf(v);
    if (!all_known(v)) st_blank(v->c->phys, v->out, v->known, v->n);
    v->extent = extent_of(v, v->n);
}

/* Fills v->values, and the chunk's `n` and `ends`; v->known stays that of the rows. */
static void convert_rows(conversion *v, st_chunk *chunk, const struct ArrowArray *a, int64_t first)
{
    bool list = v->c->decl->type.list;
    uint8_t *known = v->known;
    if (!list) {
        convert_values(v);
        check_allowed(v);
        chunk->n = chunk->rows;
        return;
    }
    chunk->ends = st_alloc_array(v->arena, chunk->rows + 1, sizeof *chunk->ends);
    if (v->src->list)
        convert_list(v, chunk, a, first);
    else if (v->src->kind == ST_SRC_TEXT)
        convert_text_lists(v, chunk);
    else /* of the null type */
        v->values = v->out = new_values(v, 0);
    v->known = known;
    v->extent = extent_of(v, chunk->n);
}

static uint64_t first_missing(const uint8_t *known, uint64_t rows)
{
    uint64_t r = 0;
    while (r < rows && st_bit(known, r)) r++;
    return r;
}

static void keep_known(const conversion *v, st_chunk *chunk)
{
    chunk->missing = chunk->rows - st_bitmap_count(v->known, chunk->rows);
    if (!chunk->missing) return;
    if (!v->c->decl->type.optional)
        missing_fail(v, v->batch->first_row + first_missing(v->known, chunk->rows));
    size_t bytes = (size_t)(chunk->rows + 7) / 8 + 1; /* bits are copied two bytes at a time */
    chunk->known = st_alloc_raw(v->arena, bytes);
    memcpy(chunk->known, v->known, bytes);
}

st_chunk *st_convert(st_col_build *c, const st_batch *batch, st_desk *desk, st_arena *arena)
{
    const struct ArrowArray *a = batch->array->children[c->child];
    int64_t first = batch->array->offset + a->offset + (int64_t)batch->from;
    st_chunk *chunk = st_new(arena, st_chunk);
    chunk->rows = batch->rows;
    st_big_reserve(&desk->env, &desk->bits, 0, st_bitmap_bytes(chunk->rows) + 1);
    conversion v = {
        .env = &desk->env,
        .desk = desk,
        .arena = arena,
        .c = c,
        .batch = batch,
        .src = &c->src,
        .leaf = a,
        .first = first,
        .n = chunk->rows,
        .rows = chunk->rows,
        .known = new_known(desk->bits.p, a, c->src.kind == ST_SRC_NONE && !c->src.list, first, chunk->rows)};
    convert_rows(&v, chunk, a, first);
    keep_known(&v, chunk);
    st_pack(arena, c->phys, chunk, v.values, &v.extent, c->decl->type.list ? NULL : chunk->known);
    return chunk;
}
