/* Personal data: a value that is that of a column marked pii leaves only where a rule sends it. */
#include "sema/check.h"

bool st_is_personal(const st_expr *x)
{
    switch (x->op) {
    case ST_X_COLUMN: return x->col->pii;
    case ST_X_DEF: return x->def->pii;
    case ST_X_AGGREGATE:
        switch ((st_agg_kind)x->kind) {
        case ST_AGG_FIRST:
        case ST_AGG_LAST:
        case ST_AGG_MIN:
        case ST_AGG_MAX:
        case ST_AGG_MOST_COMMON: return st_is_personal(x->args[0]);
        default: return false;
        }
    case ST_X_AS_OF:
    case ST_X_LINK:
    case ST_X_STEP_ROW:
    case ST_X_LOWER:
    case ST_X_UPPER:
    case ST_X_TRIM:
    case ST_X_TO_DATE:
    case ST_X_TO_INSTANT:
    case ST_X_TO_FLOAT:
    case ST_X_RESCALE: return st_is_personal(x->args[0]);
    case ST_X_IF_MISSING:
    case ST_X_MIN:
    case ST_X_MAX:
        for (uint32_t i = 0; i < x->n; i++)
            if (st_is_personal(x->args[i])) return true;
        return false;
    default: return false;
    }
}
