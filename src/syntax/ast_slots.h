/* The child slots of each kind (ST_SEGMENT_name …) and the meanings of `op`. */
#ifndef STRATA_SYNTAX_AST_SLOTS_H
#define STRATA_SYNTAX_AST_SLOTS_H

#define S(KIND, slot) ST_##KIND##_##slot,
#define NODE(KIND, name, ...) enum { __VA_ARGS__ ST_##KIND##_KIDS };
#include "syntax/ast.def"
#undef NODE
#undef S

typedef enum st_ast_type {
    ST_TYPE_BOOL,
    ST_TYPE_INT,
    ST_TYPE_FLOAT,
    ST_TYPE_DECIMAL,
    ST_TYPE_STRING,
    ST_TYPE_DATE,
    ST_TYPE_TIMESTAMP,
    ST_TYPE_LIST = 0x10,    /* list of */
    ST_TYPE_OPTIONAL = 0x20 /* ? */
} st_ast_type;

typedef enum st_ast_attr {
    ST_ATTR_KEY,
    ST_ATTR_LINKS_TO,
    ST_ATTR_TIME,
    ST_ATTR_PLANNED,
    ST_ATTR_RECORDED,
    ST_ATTR_FIXED,
    ST_ATTR_CHANGES,
    ST_ATTR_PII,
    ST_ATTR_ONE_OF,
    ST_ATTR_BETWEEN
} st_ast_attr;

typedef enum st_ast_tier {
    ST_TIER_WHEN,
    ST_TIER_MISSING,
    ST_TIER_OTHERWISE,
    ST_TIER_TOP,
    ST_TIER_BOTTOM,
    ST_TIER_AT_LEAST,
    ST_TIER_AT_MOST
} st_ast_tier;

typedef enum st_ast_meta {
    ST_META_OWNER,
    ST_META_GOAL,
    ST_META_KPI,
    ST_META_REFRESH,
    ST_META_VERSION,
    ST_META_REVIEW_BY,
    ST_META_FORMERLY,
    ST_META_TAGS
} st_ast_meta;

typedef enum st_ast_check {
    ST_CHECK_SIZE_BETWEEN,
    ST_CHECK_SIZE_AT_LEAST,
    ST_CHECK_SIZE_AT_MOST,
    ST_CHECK_SIZE_WITHIN,
    ST_CHECK_DISJOINT,
    ST_CHECK_INSIDE,
    ST_CHECK_COVERS,
    ST_CHECK_KEEPS,
    ST_CHECK_BRINGS,
    ST_CHECK_KNOWN,
    ST_CHECK_UNIQUE,
    ST_CHECK_NEWER,
    ST_CHECK_BETWEEN,
    ST_CHECK_KINDS,
    ST_ELSE_WARN = 0x40
} st_ast_check;

typedef enum st_ast_claim { ST_CLAIM_IN = 0x40, ST_CLAIM_NOT_IN, ST_CLAIM_MISSING } st_ast_claim;

typedef enum st_cmp { ST_EQ, ST_NE, ST_LT, ST_LE, ST_GT, ST_GE } st_cmp;
/* Whether it holds of two values whose order is negative, zero or positive. */
static inline bool st_cmp_holds(st_cmp cmp, int order)
{
    switch (cmp) {
    case ST_EQ: return order == 0;
    case ST_NE: return order != 0;
    case ST_LT: return order < 0;
    case ST_LE: return order <= 0;
    case ST_GT: return order > 0;
    case ST_GE: return order >= 0;
    }
    return false;
}

typedef enum st_text_test { ST_STARTS_WITH, ST_ENDS_WITH, ST_CONTAINS } st_text_test;

/* Flags or'ed to `op` of comparisons, sets and text tests. */
enum {
    ST_IGNORING_CASE = 0x100,
    ST_NEGATED = 0x200,
    ST_ANY_OF = 0x400,
    ST_ALL_OF = 0x800,
    ST_OP_MASK = 0xff
};

typedef enum st_window {
    ST_WINDOW_LAST,
    ST_WINDOW_ANY,
    ST_WINDOW_NEXT,
    ST_WINDOW_LAST_CALENDAR,
    ST_WINDOW_THIS,
    ST_WINDOW_PREVIOUS,
    ST_WINDOW_BETWEEN,
    ST_WINDOW_BEFORE,
    ST_WINDOW_AFTER,
    ST_WINDOW_SINCE,
    ST_WINDOW_ON
} st_window;

typedef enum st_agg_kind {
    ST_AGG_COUNT,
    ST_AGG_ANY,
    ST_AGG_NO,
    ST_AGG_SUM,
    ST_AGG_AVG,
    ST_AGG_MIN,
    ST_AGG_MAX,
    ST_AGG_MEDIAN,
    ST_AGG_DISTINCT,
    ST_AGG_FIRST,
    ST_AGG_LAST,
    ST_AGG_MOST_COMMON,
    ST_AGG_REPEATS,
    ST_AGG_SHARE
} st_agg_kind;

#endif
