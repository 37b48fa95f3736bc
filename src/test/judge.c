/* Whether an expectation holds, and what to say where it does not. */
#include "test/test.h"

#include <math.h>

/* ---- comparing ---- */

enum { FLOAT_DIGITS = 9 }; /* behind the point, of what floats are compared by */

static double rounded(double v)
{
    const double unit = 1e9;
    return fabs(v) < 1e6 ? floor(v * unit + 0.5) / unit : v; /* larger ones have no ninth digit */
}

static st_value plain(const st_zone *zone, const st_value *v, bool as_day, bool as_float)
{
    st_value out = *v;
    if (as_day && v->type.base == ST_T_TIMESTAMP) {
        out.type.base = ST_T_DATE;
        out.as.i = st_day_of_instant(zone, v->as.i);
    }
    if (!as_float) return out;
    if (v->type.base == ST_T_INT)
        out.as.f = (double)v->as.i;
    else if (v->type.base == ST_T_DECIMAL)
        out.as.f = st_dec_to_double(v->as.d, v->type.scale);
    out.type.base = ST_T_FLOAT;
    out.as.f = rounded(out.as.f);
    return out;
}

static bool compares(const st_zone *zone, uint32_t cmp, const st_value *a, const st_value *b)
{
    bool days = a->type.base == ST_T_DATE || b->type.base == ST_T_DATE;
    bool floats = a->type.base == ST_T_FLOAT || b->type.base == ST_T_FLOAT;
    st_value x = plain(zone, a, days, floats), y = plain(zone, b, days, floats);
    return st_cmp_holds((st_cmp)cmp, st_oracle_compare(&x, &y));
}

bool st_claim_holds(const st_zone *zone, const st_claim *claim, const st_answer *answer)
{
    bool known = answer->present && !answer->value.missing;
    switch (claim->kind) {
    case ST_CLAIM_IN: return known && answer->value.as.b;
    case ST_CLAIM_NOT_IN: return !(known && answer->value.as.b);
    case ST_CLAIM_MISSING: return !known;
    default: return known && compares(zone, claim->kind, &answer->value, &claim->value);
    }
}

/* ---- saying ---- */

static const char *name_of(st_arena *a, const st_claim *claim)
{
    const char *field = claim->ask == ST_ASK_FIELD     ? st_bc_field_names[ST_OUT_R + claim->field - ST_RFM_R]
                        : claim->ask == ST_ASK_CHANNEL ? "channel"
                        : claim->ask == ST_ASK_REASON  ? "reason"
                                                       : NULL;
    return field ? st_format(a, "%s.%s", claim->def->name, field) : claim->def->name;
}

static bool is_membership(const st_claim *claim)
{
    return claim->kind == ST_CLAIM_IN || claim->kind == ST_CLAIM_NOT_IN;
}

const char *st_answer_text(st_arena *a, const st_zone *zone, const st_claim *claim, const st_answer *answer)
{
    if (!answer->present) return "not in the population";
    if (is_membership(claim) && answer->reason) return st_format(a, "not in it: %s", answer->reason);
    if (is_membership(claim)) return answer->value.as.b ? "in it" : "not in it";
    st_value v = answer->value;
    if (v.type.base == ST_T_FLOAT && v.type.scale) v.as.f = rounded(v.as.f);
    return st_value_text(a, zone, &v);
}

static const char *expected_text(st_arena *a, const st_zone *zone, const st_claim *claim)
{
    static const char *const signs[] = {"=", "!=", "<", "<=", ">", ">="};
    const char *name = name_of(a, claim);
    switch (claim->kind) {
    case ST_CLAIM_IN: return st_format(a, "in %s", name);
    case ST_CLAIM_NOT_IN: return st_format(a, "not in %s", name);
    case ST_CLAIM_MISSING: return st_format(a, "%s is missing", name);
    default: return st_format(a, "%s %s %s", name, signs[claim->kind], st_value_text(a, zone, &claim->value));
    }
}

static const char *wish(st_arena *a, const st_zone *zone, const st_claim *claim)
{
    static const char *const words[] = {"should be ",         "should not be ",   "should be below ",
                                        "should be at most ", "should be above ", "should be at least "};
    static const char *const times[] = {"should be ",           "should not be ",   "should be before ",
                                        "should not be after ", "should be after ", "should not be before "};
    bool time = claim->type.base == ST_T_DATE || claim->type.base == ST_T_TIMESTAMP;
    if (claim->kind == ST_CLAIM_MISSING) return "should be missing";
    return st_format(a, "%s%s", (time ? times : words)[claim->kind], st_value_text(a, zone, &claim->value));
}

static const char *sentence(st_arena *a, const st_zone *zone, const st_claim *claim, const st_answer *answer)
{
    const char *name = name_of(a, claim), *key = st_str_dup(a, claim->key).p;
    if (claim->kind == ST_CLAIM_NOT_IN) return st_format(a, "%s should not be in %s, and is.", key, name);
    if (!answer->present)
        return st_format(
            a,
            "%s %s, but %s is not among the rows of %s that count at this instant: not begun, or left out by "
            "keep where.",
            is_membership(claim) ? key : st_format(a, "%s of %s", name, key),
            is_membership(claim) ? st_format(a, "should be in %s", name) : wish(a, zone, claim), key,
            claim->def->of->name);
    if (claim->kind == ST_CLAIM_IN && answer->reason)
        return st_format(a, "%s should be in %s, and is not: %s.", key, name, answer->reason);
    if (claim->kind == ST_CLAIM_IN) return st_format(a, "%s should be in %s, and is not.", key, name);
    const char *found = st_answer_text(a, zone, claim, answer);
    bool same = claim->kind == ST_NE && !answer->value.missing;
    return same ? st_format(a, "%s of %s %s, and is.", name, key, wish(a, zone, claim))
                : st_format(a, "%s of %s %s, and is %s.", name, key, wish(a, zone, claim), found);
}

void st_explain(st_arena *a, const st_program *program, const st_claim *claim, const st_answer *answer,
                strata_failure *out)
{
    out->expected =
        st_format(a, "%s %s", st_str_dup(a, claim->key).p, expected_text(a, program->zone, claim));
    out->found = st_answer_text(a, program->zone, claim, answer);
    out->text = sentence(a, program->zone, claim, answer);
}
