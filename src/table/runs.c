#include "table/runs.h"

#include "base/decimal.h"
#include "table/convert.h"

#define INSTANT_LOW (ST_DATE_MIN * ST_DAY_US)
#define INSTANT_HIGH ((ST_DATE_MAX + 1) * ST_DAY_US - 1)
/* In place of what is no 64-bit number: outside of all limits. */
#define NO_NUMBER INT64_MIN

typedef struct limits {
    int64_t low, high;
} limits;

static const void *at_first(const st_values *v, size_t width)
{
    return (const char *)v->leaf->buffers[1] + (size_t)v->first * width;
}

/* As they lie, or a copy where some will be made blank. */
static const void *same_values(const st_values *v, size_t width)
{
    const void *from = at_first(v, width);
    if (v->all_known && (uintptr_t)from % width == 0) return from;
    memcpy(v->out, from, (size_t)v->n * width);
    return v->out;
}

#define WIDEN(T, TO)                                                                                         \
    do {                                                                                                     \
        const T *from_ = at_first(v, sizeof(T));                                                             \
        for (uint64_t i = 0; i < v->n; i++) ((TO *)v->out)[i] = (TO)from_[i];                                \
    } while (0)

static const void *integers(const st_values *v)
{
    const st_src *s = v->src;
    if (s->width == 8) return s->is_signed ? same_values(v, 8) : NULL;
    switch (s->width * 2 + s->is_signed) {
    case 2: WIDEN(uint8_t, int64_t); break;
    case 3: WIDEN(int8_t, int64_t); break;
    case 4: WIDEN(uint16_t, int64_t); break;
    case 5: WIDEN(int16_t, int64_t); break;
    case 8: WIDEN(uint32_t, int64_t); break;
    case 9: WIDEN(int32_t, int64_t); break;
    default: return NULL;
    }
    return v->out;
}

/* Two's complement of 16 bytes, of which most fit in the lower eight. */
static const void *long_decimals(const st_values *v)
{
    const int64_t *p = at_first(v, 16);
    int64_t *out = v->out;
    for (uint64_t i = 0; i < v->n; i++) out[i] = p[2 * i + 1] == p[2 * i] >> 63 ? p[2 * i] : NO_NUMBER;
    return out;
}

static const void *numbers(const st_values *v, limits *limit)
{
    bool decimal = v->src->kind == ST_SRC_DECIMAL, whole = v->type.base == ST_T_INT;
    int scale = decimal ? v->src->scale : 0;
    if ((!whole && v->type.base != ST_T_DECIMAL) || scale != (whole ? 0 : v->type.scale)) return NULL;
    int64_t most = whole ? INT64_MAX : (int64_t)(st_pow10(v->type.digits) - 1);
    *limit = (limits){whole && !decimal ? INT64_MIN : -most, most};
    if (v->src->width <= 8) return integers(v);
    return v->src->width == 16 ? long_decimals(v) : NULL;
}

/* From wall clock to instants, in place. */
static void place_in_zone(const st_values *v, int64_t *out)
{
    st_stretch s = st_stretch_of_local(v->zone, 0);
    for (uint64_t i = 0; i < v->n; i++) {
        int64_t local = out[i];
        if (local < s.from || local >= s.until) {
            if (local < INSTANT_LOW || local > INSTANT_HIGH) {
                out[i] = NO_NUMBER;
                continue;
            }
            s = st_stretch_of_local(v->zone, local);
        }
        out[i] = local - s.offset;
    }
}

static bool is_wall_clock_utc(const st_zone *zone)
{
    st_stretch s = st_stretch_of_local(zone, 0);
    return s.offset == 0 && s.from <= INSTANT_LOW && s.until > INSTANT_HIGH;
}

static const void *stamps(const st_values *v, limits *limit)
{
    if (v->type.base != ST_T_TIMESTAMP) return NULL;
    *limit = (limits){INSTANT_LOW, INSTANT_HIGH};
    const int64_t *p = at_first(v, 8), per_second = v->src->per_second;
    bool placed = v->src->zoned || is_wall_clock_utc(v->zone);
    int64_t *out = v->out;
    if (per_second == 1000000 && placed) return same_values(v, 8);
    if (per_second > 1000000) {
        int64_t unit = per_second / 1000000;
        for (uint64_t i = 0; i < v->n; i++) out[i] = p[i] / unit - (p[i] % unit < 0);
    } else {
        int64_t unit = 1000000 / per_second, most = INT64_MAX / unit;
        for (uint64_t i = 0; i < v->n; i++) out[i] = p[i] >= -most && p[i] <= most ? p[i] * unit : NO_NUMBER;
    }
    if (!placed) place_in_zone(v, out);
    return out;
}

static const void *days(const st_values *v, limits *limit)
{
    *limit = (limits){ST_DATE_MIN, ST_DATE_MAX};
    return v->phys == ST_I32 ? same_values(v, 4) : NULL;
}

static const void *floats(const st_values *v)
{
    if (v->type.base != ST_T_FLOAT || v->src->width < 4) return NULL;
    double *out = v->out;
    bool finite = true;
    if (v->src->width == 8)
        memcpy(out, at_first(v, 8), (size_t)v->n * 8);
    else
        WIDEN(float, double);
    for (uint64_t i = 0; i < v->n; i++) finite &= out[i] - out[i] == 0;
    return finite ? out : NULL;
}

/* Bits of rows that are not known are zero. */
static const void *truths(const st_values *v)
{
    uint8_t *out = v->out;
    memset(out, 0, st_bitmap_bytes(v->n));
    st_bits_copy(out, 0, v->leaf->buffers[1], (uint64_t)v->first, v->n);
    for (uint64_t i = 0; !v->all_known && i < (v->n + 7) / 8; i++) out[i] &= v->known[i];
    return out;
}

const void *st_run_of_values(const st_values *v, st_extent *extent)
{
    limits limit = {INT64_MIN, INT64_MAX};
    const void *values = NULL;
    if (v->leaf->n_buffers < 2 || !v->leaf->buffers[1]) return NULL; /* all missing, without data */
    switch (v->src->kind) {
    case ST_SRC_INT:
    case ST_SRC_DECIMAL: values = v->phys == ST_I64 ? numbers(v, &limit) : NULL; break;
    case ST_SRC_TIMESTAMP: values = stamps(v, &limit); break;
    case ST_SRC_DATE32: values = days(v, &limit); break;
    case ST_SRC_FLOAT: values = floats(v); break;
    case ST_SRC_BOOL: values = truths(v); break;
    default: break;
    }
    if (!values || v->phys == ST_BIT) return values;
    if (!v->all_known) st_blank(v->phys, v->out, v->known, v->n);
    *extent = st_extent_of(v->phys, v->type.base == ST_T_TIMESTAMP, values, v->n);
    bool within = extent->range.low >= limit.low && extent->range.high <= limit.high;
    return within || v->phys == ST_F64 ? values : NULL;
}
