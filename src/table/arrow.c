#include "table/arrow.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void parse_decimal_format(const char *format, st_src *src)
{
    int precision = 0, scale = 0, bits = 128;
    if (sscanf(format, "d:%3d,%4d,%3d", &precision, &scale, &bits) < 2) return;
    if (precision < 1 || precision > 76 || scale < -76 || scale > 76) return;
    if (bits != 32 && bits != 64 && bits != 128 && bits != 256) return;
    *src = (st_src){.kind = ST_SRC_DECIMAL, .width = (uint8_t)(bits / 8), .is_signed = true};
    src->precision = (int8_t)precision;
    src->scale = (int8_t)scale;
}

static void parse_value_format(const char *format, st_src *src)
{
    static const struct {
        const char *format;
        st_src src;
    } plain[] = {
        {"n", {.kind = ST_SRC_NONE}},
        {"b", {.kind = ST_SRC_BOOL}},
        {"c", {.kind = ST_SRC_INT, .width = 1, .is_signed = true}},
        {"C", {.kind = ST_SRC_INT, .width = 1}},
        {"s", {.kind = ST_SRC_INT, .width = 2, .is_signed = true}},
        {"S", {.kind = ST_SRC_INT, .width = 2}},
        {"i", {.kind = ST_SRC_INT, .width = 4, .is_signed = true}},
        {"I", {.kind = ST_SRC_INT, .width = 4}},
        {"l", {.kind = ST_SRC_INT, .width = 8, .is_signed = true}},
        {"L", {.kind = ST_SRC_INT, .width = 8}},
        {"e", {.kind = ST_SRC_FLOAT, .width = 2}},
        {"f", {.kind = ST_SRC_FLOAT, .width = 4}},
        {"g", {.kind = ST_SRC_FLOAT, .width = 8}},
        {"u", {.kind = ST_SRC_TEXT, .width = 4}},
        {"z", {.kind = ST_SRC_TEXT, .width = 4}},
        {"U", {.kind = ST_SRC_TEXT, .width = 8}},
        {"Z", {.kind = ST_SRC_TEXT, .width = 8}},
        {"vu", {.kind = ST_SRC_TEXT, .width = 16}},
        {"vz", {.kind = ST_SRC_TEXT, .width = 16}},
        {"tdD", {.kind = ST_SRC_DATE32}},
        {"tdm", {.kind = ST_SRC_DATE64}},
        {"tss:", {.kind = ST_SRC_TIMESTAMP, .per_second = 1}},
        {"tsm:", {.kind = ST_SRC_TIMESTAMP, .per_second = 1000}},
        {"tsu:", {.kind = ST_SRC_TIMESTAMP, .per_second = 1000000}},
        {"tsn:", {.kind = ST_SRC_TIMESTAMP, .per_second = 1000000000}},
    };
    *src = (st_src){.kind = ST_SRC_OTHER};
    if (format[0] == 'd') {
        parse_decimal_format(format, src);
        return;
    }
    for (size_t i = 0; i < ST_COUNT(plain); i++) {
        size_t n = strlen(plain[i].format);
        bool stamp = plain[i].src.kind == ST_SRC_TIMESTAMP;
        if (strncmp(format, plain[i].format, n) != 0 || (!stamp && format[n])) continue;
        *src = plain[i].src;
        src->zoned = stamp && format[n];
    }
}

static void parse_leaf(const struct ArrowSchema *schema, st_src *src)
{
    if (!schema->dictionary) {
        parse_value_format(schema->format, src);
        return;
    }
    st_src index;
    parse_value_format(schema->format, &index);
    parse_value_format(schema->dictionary->format, src);
    if (index.kind != ST_SRC_INT || src->kind != ST_SRC_TEXT || schema->dictionary->dictionary)
        src->kind = ST_SRC_OTHER;
    src->index = index.width;
    src->index_signed = index.is_signed;
}

void st_src_of(const struct ArrowSchema *schema, st_src *src)
{
    bool fixed = strncmp(schema->format, "+w:", 3) == 0, large = strcmp(schema->format, "+L") == 0;
    if (schema->n_children == 1 && (large || fixed || strcmp(schema->format, "+l") == 0)) {
        parse_leaf(schema->children[0], src);
        src->list = fixed ? 1 : large ? 8 : 4;
        src->fixed = fixed ? strtoll(schema->format + 3, NULL, 10) : 0;
        if (src->fixed < 0 || src->fixed > INT32_MAX) src->kind = ST_SRC_OTHER;
    } else {
        parse_leaf(schema, src);
    }
}

void st_src_words(const st_src *src, char out[80])
{
    char what[64];
    switch (src->kind) {
    case ST_SRC_NONE: snprintf(what, sizeof what, "nothing"); break;
    case ST_SRC_BOOL: snprintf(what, sizeof what, "true and false"); break;
    case ST_SRC_INT: snprintf(what, sizeof what, "whole numbers"); break;
    case ST_SRC_DECIMAL: snprintf(what, sizeof what, "decimal(%d,%d)", src->precision, src->scale); break;
    case ST_SRC_FLOAT: snprintf(what, sizeof what, "floats"); break;
    case ST_SRC_TEXT: snprintf(what, sizeof what, "text"); break;
    case ST_SRC_DATE32:
    case ST_SRC_DATE64: snprintf(what, sizeof what, "dates"); break;
    case ST_SRC_TIMESTAMP: snprintf(what, sizeof what, "timestamps"); break;
    case ST_SRC_OTHER: snprintf(what, sizeof what, "values of a kind that Strata does not read"); break;
    }
    snprintf(out, 80, "%s%s", src->list ? "lists of " : "", what);
}

/* ---- values ---- */

int64_t st_src_int(const void *p, uint8_t width, bool is_signed, int64_t at)
{
    if (width == 8) return ((const int64_t *)p)[at];
    if (is_signed)
        return width == 1   ? ((const int8_t *)p)[at]
               : width == 2 ? ((const int16_t *)p)[at]
                            : ((const int32_t *)p)[at];
    if (width == 4) return ((const uint32_t *)p)[at];
    return width == 1 ? ((const uint8_t *)p)[at] : ((const uint16_t *)p)[at];
}

bool st_src_exact(const st_src *s, const struct ArrowArray *a, int64_t at, st_i128 *out)
{
    const void *p = a->buffers[1];
    if (s->width == 8 && !s->is_signed) {
        *out = ((const uint64_t *)p)[at];
    } else if (s->width <= 8) {
        *out = st_src_int(p, s->width, s->is_signed, at);
    } else {
        const char *bytes = (const char *)p + (size_t)at * s->width;
        memcpy(out, bytes, 16);
        if (s->width == 32) {
            st_i128 high;
            memcpy(&high, bytes + 16, 16);
            if (high != (*out < 0 ? -1 : 0)) return false;
        }
    }
    return true;
}

static double half_to_double(uint16_t h)
{
    int exponent = h >> 10 & 31, mantissa = h & 1023;
    double v = exponent == 31  ? (mantissa ? (double)NAN : (double)INFINITY)
               : exponent == 0 ? ldexp(mantissa, -24)
                               : ldexp(mantissa + 1024, exponent - 25);
    return h >> 15 ? -v : v;
}

double st_src_float(const st_src *s, const struct ArrowArray *a, int64_t at)
{
    const void *p = a->buffers[1];
    if (s->width == 8) return ((const double *)p)[at];
    if (s->width == 4) return (double)((const float *)p)[at];
    return half_to_double(((const uint16_t *)p)[at]);
}

/* Sixteen bytes: length, then the text itself where it is short, else its first four bytes, buffer and place. */
static st_text_found view_text(const struct ArrowArray *a, int64_t at, st_str *out)
{
    const char *view = (const char *)a->buffers[1] + at * 16;
    int32_t parts[4];
    memcpy(parts, view, 16);
    int32_t n = parts[0], buffer = parts[2], from = parts[3];
    if (n < 0) return ST_TEXT_BROKEN;
    *out = (st_str){view + 4, (uint32_t)n};
    if (n <= 12) return ST_TEXT_THERE;
    if (buffer < 0 || buffer >= a->n_buffers - 3) return ST_TEXT_BROKEN;
    const int64_t *sizes = a->buffers[a->n_buffers - 1];
    if (from < 0 || from > sizes[buffer] - n) return ST_TEXT_BROKEN;
    out->p = (const char *)a->buffers[2 + buffer] + from;
    return ST_TEXT_THERE;
}

static st_text_found plain_text(const st_src *s, const struct ArrowArray *a, int64_t at, st_str *out)
{
    if (s->width == 16) return view_text(a, at, out);
    int64_t from = st_src_int(a->buffers[1], s->width, true, at);
    int64_t to = st_src_int(a->buffers[1], s->width, true, at + 1);
    if (from < 0 || to < from || to - from > INT32_MAX) return ST_TEXT_BROKEN;
    *out = (st_str){to > from ? (const char *)a->buffers[2] + from : "", (uint32_t)(to - from)};
    return ST_TEXT_THERE;
}

int64_t st_src_entry(const st_src *s, const struct ArrowArray *a, int64_t at)
{
    int64_t i = st_src_int(a->buffers[1], s->index, s->index_signed, at);
    return i >= 0 && i < a->dictionary->length ? i : -1;
}

st_text_found st_src_entry_text(const st_src *s, const struct ArrowArray *a, int64_t entry, st_str *out)
{
    const struct ArrowArray *d = a->dictionary;
    if (!st_src_known(d, d->offset + entry)) return ST_TEXT_MISSING;
    return plain_text(s, d, d->offset + entry, out);
}

st_text_found st_src_text(const st_src *s, const struct ArrowArray *a, int64_t at, st_str *out)
{
    if (!s->index) return plain_text(s, a, at, out);
    int64_t entry = st_src_entry(s, a, at);
    return entry < 0 ? ST_TEXT_BROKEN : st_src_entry_text(s, a, entry, out);
}

bool st_src_range(const st_src *s, const struct ArrowArray *a, int64_t at, int64_t *from, int64_t *to)
{
    if (s->list == 1) {
        *from = at * s->fixed;
        *to = *from + s->fixed;
    } else {
        *from = st_src_int(a->buffers[1], s->list, true, at);
        *to = st_src_int(a->buffers[1], s->list, true, at + 1);
    }
    return *from >= 0 && *to >= *from && *to <= a->children[0]->length;
}
