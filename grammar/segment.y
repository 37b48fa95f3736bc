/* The grammar of .seg files: LALR(1) with no conflict and no precedence lines, one nonterminal a level of expressions.
 * Which token a word is, the lexer has decided (src/syntax/words.def). Actions only build nodes; the children of each
 * kind of node and their order are those of src/syntax/ast.def.
 *
 * The parser's stack has a fixed size and never allocates. At the first error it gives up: st_parse_file starts it anew
 * at the next definition.
 */
%require "3.8"
%expect 0
%define api.prefix {st_yy}
%define api.pure full
%define api.token.prefix {TK_}
%define parse.error custom
%define parse.lac full
%define api.location.type {st_span}
%locations
%param {st_parser *P}

%code requires {
#include "syntax/parser.h"
}

%union {
    st_ast *node;
    uint32_t op;
}

%code {
#define YYINITDEPTH ST_MAX_STACK
#define YYMAXDEPTH ST_MAX_STACK
#define YYMALLOC(bytes) NULL /* a full stack is an error with a message, see yyerror */
#define YYFREE(p) ((void)(p))

#define YYLLOC_DEFAULT(here, parts, n)                                                                             \
    do {                                                                                                           \
        if (n) {                                                                                                   \
            (here) = st_span_join(YYRHSLOC(parts, 1), YYRHSLOC(parts, n));                                         \
        } else {                                                                                                   \
            (here) = YYRHSLOC(parts, 0);                                                                           \
            (here).start = (here).end;                                                                             \
        }                                                                                                          \
    } while (0)

/* A node of a kind with its children by slot; missing ones at the end are absent. */
#define MAKE(KIND, span, ...)                                                                                      \
    st_node(P, ST_AST_##KIND, (span), ST_##KIND##_KIDS, (st_ast *const[ST_##KIND##_KIDS]){__VA_ARGS__})
#define LEAF(KIND, span) st_node(P, ST_AST_##KIND, (span), 0, NULL)
#define LIST(span) LEAF(LIST, span)
#define LIST1(span, kid) st_append(P, LIST(span), (kid))
#define NAME_AT(span) st_name_node(P, (span))

static int st_yylex(ST_YYSTYPE *value, st_span *span, st_parser *P);
static void st_yyerror(const st_span *span, st_parser *P, const char *message);

static st_ast *with_op(st_ast *node, uint32_t op)
{
    node->op = op;
    return node;
}

static st_ast *with_span(st_ast *node, st_span span)
{
    node->span = span;
    return node;
}

static st_ast *unit_node(st_parser *P, st_span span, uint32_t unit)
{
    return with_op(LEAF(UNIT, span), unit);
}

/* a and b and c is one node: the left one takes the right one in. Brackets keep their own node, so they stay apart. */
static st_ast *join(st_parser *P, st_ast_kind kind, st_ast *left, st_ast *right)
{
    if (left->kind != kind) left = st_append(P, st_node(P, kind, left->span, 0, NULL), left);
    return st_append(P, left, right);
}

static st_ast *truth(st_parser *P, st_span span, bool value)
{
    st_ast *node = LEAF(BOOL, span);
    node->number = value;
    return node;
}

/* decimal(12,2) */
static st_ast *decimal_type(st_parser *P, st_span span, const st_ast *digits, const st_ast *scale)
{
    st_ast *node = with_op(LEAF(TYPE, span), ST_TYPE_DECIMAL);
    node->number = digits->number;
    node->scale = scale->number > UINT16_MAX ? UINT16_MAX : (uint32_t)scale->number;
    return node;
}

static st_ast *timezone(st_parser *P, st_span span, const st_ast *text)
{
    st_ast *node = LEAF(TIMEZONE, span);
    node->text = text->text;
    return node;
}

static st_ast *quantiles(st_parser *P, st_span span, const st_ast *n)
{
    st_ast *node = LEAF(RFM_QUANTILES, span);
    node->number = n->number;
    return node;
}

/* `calendar week|month|quarter|year of` names a unit with the word of a part. */
static uint32_t unit_of_part(uint32_t part)
{
    return part == ST_PART_YEAR ? ST_YEAR : part == ST_PART_QUARTER ? ST_QUARTER : part == ST_PART_MONTH ? ST_MONTH
                                                                                                        : ST_WEEK;
}

/* Slots that are filled later: `up to` and `halving every` stand in any order. */
static st_ast *with_slot(st_parser *P, st_ast *node, uint32_t slot, st_ast *kid)
{
    st_set_kid(P, node, slot, kid);
    node->span = st_span_join(node->span, kid->span);
    return node;
}

/* `in last month` reads as a parameter called month, and is one of two other things. */
static st_ast *counted(st_parser *P, st_ast *duration, bool next)
{
    if (duration->kind == ST_AST_NAME && !duration->op) st_check_countless(P, duration, next);
    return duration;
}
}

%token YYEOF 0 "the end of the file"
%token <node> IDENT "a name" STRING "a text in quotes" INT "a whole number" NUM "a number" PERCENT "a percentage"
%token <node> DATE "a date" TIMESTAMP "a date with time"
%token NE "!=" LE "<=" GE ">=" DOTDOT ".." ROW_PLUS "+" ROW_MINUS "-"
%token '(' "(" ')' ")" '{' "{" '}' "}" ',' "a comma" ':' ":" '.' "." '=' "=" '<' "<" '>' ">" '*' "*" '/' "/" '?' "?"

/* Reserved everywhere. */
%token AND "and" OR "or" NOT "not" IN "in" IS "is" BETWEEN "between" OF "of" WHERE "where" WHEN "when"
%token OTHERWISE "otherwise" AS "as" BY "by" FROM "from" TO "to" THEN "then" IF "if" TRUE "true" FALSE "false"
%token MISSING "missing" KNOWN "known" AMONG "among" ON "on" SINCE "since" BEFORE "before" AFTER "after"
%token CONTAINS "contains" MATCHES "matches"

/* The words that begin a definition: TIMEZONE to SEGMENTS_OF, in one block (lexer.c). */
%token TIMEZONE "timezone" TABLE "table" PARAM "param" TRAIT "trait" SEGMENT "segment" TIERS "tiers" RFM "rfm"
%token SCORE "score" CLUSTER "cluster" OVERLAY "overlay" HOLDOUT "holdout" EXPERIMENT "experiment" LAYER "layer"
%token TREATMENT "treatment" CAMPAIGN "campaign" CHECK "check" TEST "test"
%token D_CONSENT "consent" D_LIST "list" D_PLACE "place" D_ROWS "rows" D_POINTS "points" D_AUDIENCE "audience"
%token D_LIMIT "limit" D_EXCLUDE "exclude" HASH "hash" CONTACT_LOG "contact log" SEGMENTS_OF "segments of"

/* Words of phrases: keywords only in their phrase. */
%token STARTS_WITH "starts with" ENDS_WITH "ends with" ANY_OF "any of" ALL_OF "all of" IGNORING_CASE "ignoring case"
%token LAST "last" NEXT "next" IN_ANY "any" THIS "this" PREVIOUS "previous" CALENDAR "calendar" AGO "ago"
%token TOP_RANK "top" BOTTOM_RANK "bottom" SAMPLE "sample" AT_LEAST "at least" AT_MOST "at most"
%token <op> UNIT "a unit of time such as days" PART "a part of a date such as month"
%token ANNIVERSARY_OF "anniversary of" KM "km" ENTERED "entered" LEFT "left" WENT "went" NEAREST "nearest" PER "per"
%token EACH "each" UP_TO "up to" HALVING_EVERY "halving every" WITHIN "within" DURING "during" HIGHEST "highest"
%token FIRST "first" HIGHEST_OF "highest of" FIRST_OF "first of" ONE_OF "one of" ONE_PER "one per"
%token ORDER_BY "order by" AGAIN_AFTER "again after" CHANGES_ONLY "changes only" REVIEW_BY "review by"
%token LINKS_TO "links to" KEEP_WHERE "keep where" MIN_SIZE "min size" LIST_OF "list of"
%token ALL_TREATMENTS "all treatments" BECAUSE "because" ELSE_WARN "else warn" EXPECT "expect" DEFAULTS "defaults"
%token R "r" F "f" M "m"
%token DRAWN_BY "hash of a salt"
%token COUNT "count" ANY "any(" NO "no" <op> AGG "sum" <op> MINMAX "min" SHARE "share" SEQUENCE "sequence"

/* Soft words: names wherever their own slot is not meant. KEY to WEIGHTS, in one block (lexer.c). */
%token KEY "key" TIME "time" PLANNED "planned" RECORDED "recorded" FIXED "fixed" CHANGES "changes" PII "pii"
%token T_BOOL "bool" T_INT "int" T_FLOAT "float" T_DECIMAL "decimal" T_STRING "string" T_DATE "date"
%token T_TIMESTAMP "timestamp"
%token OWNER "owner" GOAL "goal" KPI "kpi" REFRESH "refresh" VERSION "version" FORMERLY "formerly" TAGS "tags"
%token QUANTILES "quantiles" METHOD "method" THRESHOLDS "thresholds" RECENCY "recency" FREQUENCY "frequency"
%token MONETARY "monetary" ARMS "arms" STRATIFY "stratify" ACTION "action" CHANNEL "channel" CONTROL "control"
%token SEND "send" TRANSACTIONAL "transactional" SALT "salt" EXEMPT "exempt" FOR "for" SIZE "size"
%token DISJOINT "disjoint" COVERS "covers" KEEPS "keeps" OVER "over" BRINGS "brings" UNIQUE "unique" NEWER "newer"
%token THAN "than" INSIDE "inside" WEIGHTS "weights"

%type <node> definition opt_text opt_of opt_by opt_among opt_hash opt_during day opt_because target
%type <node> opt_meta metas meta columns column_items column attributes attribute type plain_type
%type <node> param opt_per opt_row_block row_block_items row_block_item
%type <node> points_block points_items points_item points points_each up_to halving number
%type <node> segment_block segment_items segment_item tier_block tier_rows tier_row amount
%type <node> rfm_block rfm_items rfm_item how opt_method opt_measure measure rfm_rows rfm_row dims dim
%type <node> cluster_block cluster_items cluster_item experiment_block experiment_items experiment_item arms arm
%type <node> treatment_block treatment_items treatment_item rank sends send_item
%type <node> audience_block audience_items audience_item
%type <node> promise bound test_block test_items test_item test_row default_rows expect_key fields field field_value
%type <node> test_time claims claim claim_value
%type <node> refs refs_list ref expr fallback disjunction conjunction negation predicate window set
%type <node> duration sum product unary primary args arg steps step opt_as
%type <node> source opt_link opt_window opt_where exprs list literal signed_literal
%type <node> name label column_name
%type <op> text_op opt_ic cmp rfm_dim opt_else extreme

%%
program:
    %empty
  | program definition                  { st_definition_done(P, $2, yychar != TK_ST_YYEMPTY); }
  ;

definition:
    TIMEZONE STRING                     { $$ = timezone(P, @$, $2); }
  | SEGMENTS_OF name                    { $$ = MAKE(SEGMENTS_OF, @$, $2); }
  | HASH name                           { $$ = MAKE(HASH, @$, $2); }
  | TABLE name columns                  { $$ = MAKE(TABLE, @$, $2, $3); }
  | D_CONSENT name opt_of WHEN expr     { $$ = MAKE(CONSENT, @$, $2, $3, $5); }
  | D_LIST name OF name FROM STRING opt_meta
                                        { $$ = MAKE(LIST_DEF, @$, $2, $4, $6, $7); }
  | D_PLACE name '=' list opt_meta      { $$ = MAKE(PLACE, @$, $2, $4, $5); }
  | PARAM name '=' param opt_meta       { $$ = MAKE(PARAM, @$, $2, $4, $5); }
  | D_ROWS name opt_of '=' source opt_per opt_row_block
                                        { $$ = MAKE(ROWS, @$, $2, $3, $5, $6, $7); }
  | TRAIT name opt_of '=' expr opt_meta { $$ = MAKE(TRAIT, @$, $2, $3, $5, $6); }
  | SCORE name opt_of '=' expr opt_meta { $$ = MAKE(SCORE, @$, $2, $3, $5, $6); }
  | D_POINTS name opt_of points_block   { $$ = MAKE(POINTS, @$, $2, $3, $4); }
  | SEGMENT name opt_text opt_of WHERE expr
      { $$ = MAKE(SEGMENT, @$, $2, $3, $4, LIST1(@6, MAKE(WHERE, st_span_join(@5, @6), $6))); }
  | SEGMENT name opt_text opt_of segment_block
                                        { $$ = with_op(MAKE(SEGMENT, @$, $2, $3, $4, $5), 1); }
  | TIERS name opt_of opt_by opt_among tier_block
                                        { $$ = MAKE(TIERS, @$, $2, $3, $4, $5, $6); }
  | TIERS name opt_of HIGHEST_OF refs_list opt_meta
                                        { $$ = MAKE(TIERS_HIGHEST, @$, $2, $3, $5, $6); }
  | RFM name opt_of FROM source rfm_block
                                        { $$ = MAKE(RFM, @$, $2, $5, $6, $3); }
  | CLUSTER name opt_of FROM list cluster_block
                                        { $$ = MAKE(CLUSTER, @$, $2, $3, $5, $6); }
  | OVERLAY name ON name BY refs        { $$ = MAKE(OVERLAY, @$, $2, $4, $6); }
  | OVERLAY name ON name BY refs tier_block
                                        { $$ = MAKE(OVERLAY, @$, $2, $4, $6, NULL, $7); }
  | OVERLAY name ON name BY refs '{' MIN_SIZE INT tier_rows '}'
      { $$ = MAKE(OVERLAY, @$, $2, $4, $6, $9, with_span($10, st_span_join(@7, @11))); }
  | HOLDOUT name PERCENT OF name SALT STRING opt_hash opt_during opt_meta
                                        { $$ = MAKE(HOLDOUT, @$, $2, $3, $5, $7, $8, $9, $10); }
  | EXPERIMENT name ON name SALT STRING opt_hash opt_during experiment_block
                                        { $$ = MAKE(EXPERIMENT, @$, $2, $4, $6, $7, $8, $9); }
  | LAYER name SALT STRING opt_hash '{' arms '}'
      { $$ = MAKE(LAYER, @$, $2, $4, $5, with_span($7, st_span_join(@6, @8))); }
  | TREATMENT name FOR target opt_during treatment_block
                                        { $$ = MAKE(TREATMENT, @$, $2, $4, $5, $6); }
  | CONTACT_LOG name BY column_name ',' column_name ',' column_name
                                        { $$ = MAKE(CONTACT_LOG, @$, $2, $4, $6, $8); }
  | D_LIMIT name AT_MOST INT IN INT UNIT
      { $$ = MAKE(LIMIT, @$, $2, $4, with_op(MAKE(DURATION, st_span_join(@6, @7), $6), $7)); }
  | D_EXCLUDE ref FROM ALL_TREATMENTS opt_because
                                        { $$ = MAKE(EXCLUDE, @$, $2, $5); }
  | CAMPAIGN name opt_during '{' metas FIRST_OF refs_list '}'
                                        { $$ = MAKE(CAMPAIGN, @$, $2, $3, $7, $5); }
  | D_AUDIENCE name FROM target audience_block
                                        { $$ = MAKE(AUDIENCE, @$, $2, $4, $5); }
  | CHECK ref promise opt_else
      { $$ = with_op(with_slot(P, with_span($3, @$), ST_CHECK_ref, $2), $3->op | $4); }
  | TEST STRING AS OF sum test_block    { $$ = MAKE(TEST, @$, $2, $5, $6); }
  | TEST DEFAULTS '{' default_rows '}'  { $$ = MAKE(TEST_DEFAULTS, @$, with_span($4, st_span_join(@3, @5))); }
  ;

opt_text:    %empty { $$ = NULL; } | STRING;
opt_of:      %empty { $$ = NULL; } | OF name { $$ = $2; };
opt_by:      %empty { $$ = NULL; } | BY sum { $$ = $2; };
opt_among:   %empty { $$ = NULL; } | AMONG name { $$ = $2; };
opt_hash:    %empty { $$ = NULL; } | DRAWN_BY name { $$ = $2; };
opt_during:  %empty { $$ = NULL; } | DURING day TO day { $$ = MAKE(DURING, @$, $2, $4); };
day:         DATE | TIMESTAMP | name;
opt_because: %empty { $$ = NULL; } | BECAUSE STRING { $$ = $2; };
opt_else:    %empty { $$ = 0; } | ELSE_WARN { $$ = ST_ELSE_WARN; };
target:
    ref                                 { $$ = MAKE(TARGET, @$, $1); }
  | ref '=' label                       { $$ = MAKE(TARGET, @$, $1, $3); }
  ;

/* Metadata: among the rows of definitions that have braces, in braces of its own behind the others. */
opt_meta: %empty { $$ = NULL; } | '{' metas '}' { $$ = with_span($2, @$); };
metas:    %empty { $$ = LIST(@$); } | metas meta { $$ = st_append(P, $1, $2); };
meta:
    OWNER STRING                        { $$ = with_op(MAKE(META, @$, $2), ST_META_OWNER); }
  | GOAL STRING                         { $$ = with_op(MAKE(META, @$, $2), ST_META_GOAL); }
  | KPI IDENT                           { $$ = with_op(MAKE(META, @$, $2), ST_META_KPI); }
  | REFRESH IDENT                       { $$ = with_op(MAKE(META, @$, $2), ST_META_REFRESH); }
  | VERSION INT                         { $$ = with_op(MAKE(META, @$, $2), ST_META_VERSION); }
  | REVIEW_BY DATE                      { $$ = with_op(MAKE(META, @$, $2), ST_META_REVIEW_BY); }
  | FORMERLY STRING                     { $$ = with_op(MAKE(META, @$, $2), ST_META_FORMERLY); }
  | TAGS list                           { $$ = with_op(MAKE(META, @$, $2), ST_META_TAGS); }
  ;

/* --- tables --- */
columns:      '{' column_items '}' { $$ = with_span($2, @$); };
column_items: %empty { $$ = LIST(@$); } | column_items column { $$ = st_append(P, $1, $2); };
column:
    column_name type attributes         { $$ = MAKE(COLUMN, @$, $1, $2, $3); }
  | KEEP_WHERE expr                     { $$ = MAKE(KEEP, @$, $2); }
  | meta
  ;
attributes: %empty { $$ = LIST(@$); } | attributes attribute { $$ = st_append(P, $1, $2); };
attribute:
    KEY                                 { $$ = with_op(MAKE(ATTR, @$, NULL), ST_ATTR_KEY); }
  | LINKS_TO name                       { $$ = with_op(MAKE(ATTR, @$, $2), ST_ATTR_LINKS_TO); }
  | TIME                                { $$ = with_op(MAKE(ATTR, @$, NULL), ST_ATTR_TIME); }
  | PLANNED                             { $$ = with_op(MAKE(ATTR, @$, NULL), ST_ATTR_PLANNED); }
  | RECORDED                            { $$ = with_op(MAKE(ATTR, @$, NULL), ST_ATTR_RECORDED); }
  | FIXED                               { $$ = with_op(MAKE(ATTR, @$, NULL), ST_ATTR_FIXED); }
  | CHANGES                             { $$ = with_op(MAKE(ATTR, @$, NULL), ST_ATTR_CHANGES); }
  | PII                                 { $$ = with_op(MAKE(ATTR, @$, NULL), ST_ATTR_PII); }
  | ONE_OF list                         { $$ = with_op(MAKE(ATTR, @$, $2), ST_ATTR_ONE_OF); }
  | BETWEEN signed_literal AND signed_literal
      { $$ = with_op(MAKE(ATTR, @$, st_append(P, LIST1(@2, $2), $4)), ST_ATTR_BETWEEN); }
  ;
type:
    plain_type
  | plain_type '?'                      { $$ = with_op(with_span($1, @$), $1->op | ST_TYPE_OPTIONAL); }
  | LIST_OF plain_type                  { $$ = with_op(with_span($2, @$), $2->op | ST_TYPE_LIST); }
  | LIST_OF plain_type '?'
      { $$ = with_op(with_span($2, @$), $2->op | ST_TYPE_LIST | ST_TYPE_OPTIONAL); }
  ;
plain_type:
    T_BOOL                              { $$ = with_op(LEAF(TYPE, @$), ST_TYPE_BOOL); }
  | T_INT                               { $$ = with_op(LEAF(TYPE, @$), ST_TYPE_INT); }
  | T_FLOAT                             { $$ = with_op(LEAF(TYPE, @$), ST_TYPE_FLOAT); }
  | T_DECIMAL '(' INT ',' INT ')'       { $$ = decimal_type(P, @$, $3, $5); }
  | T_STRING                            { $$ = with_op(LEAF(TYPE, @$), ST_TYPE_STRING); }
  | T_DATE                              { $$ = with_op(LEAF(TYPE, @$), ST_TYPE_DATE); }
  | T_TIMESTAMP                         { $$ = with_op(LEAF(TYPE, @$), ST_TYPE_TIMESTAMP); }
  ;

/* --- params, rows, points --- */
param:
    signed_literal
  | INT UNIT                            { $$ = with_op(MAKE(DURATION, @$, $1), $2); }
  | INT KM                              { $$ = MAKE(DISTANCE, @$, $1); }
  | NUM KM                              { $$ = MAKE(DISTANCE, @$, $1); }
  ;
opt_per:         %empty { $$ = NULL; } | PER refs { $$ = $2; };
opt_row_block:   %empty { $$ = NULL; } | '{' row_block_items '}' { $$ = with_span($2, @$); };
row_block_items: %empty { $$ = LIST(@$); } | row_block_items row_block_item { $$ = st_append(P, $1, $2); };
row_block_item:
    label '=' expr                      { $$ = MAKE(ROW_COLUMN, @$, $1, $3); }
  | meta
  ;
points_block: '{' points_items '}' { $$ = with_span($2, @$); };
points_items: %empty { $$ = LIST(@$); } | points_items points_item { $$ = st_append(P, $1, $2); };
points_item:
    points WHEN expr                    { $$ = MAKE(POINTS_WHEN, @$, $1, $3); }
  | points_each
  | meta
  ;
points_each:
    points EACH source                  { $$ = MAKE(POINTS_EACH, @$, $1, $3); }
  | points EACH source up_to            { $$ = MAKE(POINTS_EACH, @$, $1, $3, $4); }
  | points EACH source halving          { $$ = MAKE(POINTS_EACH, @$, $1, $3, NULL, $4); }
  | points EACH source up_to halving    { $$ = MAKE(POINTS_EACH, @$, $1, $3, $4, $5); }
  | points EACH source halving up_to    { $$ = MAKE(POINTS_EACH, @$, $1, $3, $5, $4); }
  ;
up_to:   ',' UP_TO number               { $$ = $3; };
halving: ',' HALVING_EVERY duration     { $$ = $3; };
points:
    ROW_PLUS number                     { $$ = with_span($2, @$); }
  | ROW_MINUS number                    { $$ = MAKE(NEG, @$, $2); }
  ;
number: INT | NUM;

/* --- segments, tiers --- */
segment_block: '{' segment_items '}' { $$ = with_span($2, @$); };
segment_items: segment_item { $$ = LIST1(@$, $1); } | segment_items segment_item { $$ = st_append(P, $1, $2); };
segment_item:  meta | WHERE expr { $$ = MAKE(WHERE, @$, $2); };
tier_block:    '{' tier_rows '}' { $$ = with_span($2, @$); };
tier_rows:     %empty { $$ = LIST(@$); } | tier_rows tier_row { $$ = st_append(P, $1, $2); };
tier_row:
    label WHEN expr                     { $$ = with_op(MAKE(TIER, @$, $1, $3), ST_TIER_WHEN); }
  | label WHEN MISSING                  { $$ = with_op(MAKE(TIER, @$, $1), ST_TIER_MISSING); }
  | label OTHERWISE                     { $$ = with_op(MAKE(TIER, @$, $1), ST_TIER_OTHERWISE); }
  | label TOP_RANK amount               { $$ = with_op(MAKE(TIER, @$, $1, $3), ST_TIER_TOP); }
  | label BOTTOM_RANK amount            { $$ = with_op(MAKE(TIER, @$, $1, $3), ST_TIER_BOTTOM); }
  | label AT_LEAST sum                  { $$ = with_op(MAKE(TIER, @$, $1, $3), ST_TIER_AT_LEAST); }
  | label AT_MOST sum                   { $$ = with_op(MAKE(TIER, @$, $1, $3), ST_TIER_AT_MOST); }
  | meta
  ;
amount: INT | PERCENT;

/* --- rfm, clusters --- */
rfm_block: '{' rfm_items '}' { $$ = with_span($2, @$); };
rfm_items: rfm_item { $$ = LIST1(@$, $1); } | rfm_items rfm_item { $$ = st_append(P, $1, $2); };
rfm_item:
    RECENCY how opt_method              { $$ = with_op(MAKE(RFM_PART, @$, $2, $3), 0); }
  | FREQUENCY how opt_method opt_measure
                                        { $$ = with_op(MAKE(RFM_PART, @$, $2, $3, $4), 1); }
  | MONETARY how opt_method OF measure  { $$ = with_op(MAKE(RFM_PART, @$, $2, $3, $5), 2); }
  | TIERS name                          { $$ = MAKE(RFM_STANDARD, @$, $2); }
  | TIERS '{' rfm_rows '}'              { $$ = with_span($3, @$); }
  | meta
  ;
how: INT QUANTILES { $$ = quantiles(P, @$, $1); } | THRESHOLDS list { $$ = $2; };
opt_method:  %empty { $$ = NULL; } | METHOD name { $$ = $2; };
opt_measure: %empty { $$ = NULL; } | OF measure { $$ = $2; };
measure:     extreme '(' expr ')' { $$ = with_op(MAKE(AGGREGATE, @$, $3), $1); };
extreme:     AGG | MINMAX;
rfm_rows:    %empty { $$ = LEAF(RFM_TIERS, @$); } | rfm_rows rfm_row { $$ = st_append(P, $1, $2); };
rfm_row:
    label dims                          { $$ = MAKE(RFM_TIER, @$, $1, $2); }
  | label OTHERWISE                     { $$ = MAKE(RFM_TIER, @$, $1); }
  ;
dims: dim { $$ = LIST1(@$, $1); } | dims dim { $$ = st_append(P, $1, $2); };
dim:
    rfm_dim INT DOTDOT INT              { $$ = with_op(MAKE(RFM_DIM, @$, $2, $4), $1); }
  | rfm_dim INT                         { $$ = with_op(MAKE(RFM_DIM, @$, $2), $1); }
  ;
rfm_dim: R { $$ = 0; } | F { $$ = 1; } | M { $$ = 2; };
cluster_block: '{' cluster_items '}' { $$ = with_span($2, @$); };
cluster_items: cluster_item { $$ = LIST1(@$, $1); } | cluster_items cluster_item { $$ = st_append(P, $1, $2); };
cluster_item:
    IDENT list                          { $$ = MAKE(CENTRE, @$, $1, $2); }
  | WEIGHTS list                        { $$ = MAKE(WEIGHTS, @$, $2); }
  | meta
  ;

/* --- draws --- */
experiment_block: '{' experiment_items '}' { $$ = with_span($2, @$); };
experiment_items:
    experiment_item                     { $$ = LIST1(@$, $1); }
  | experiment_items experiment_item    { $$ = st_append(P, $1, $2); }
  ;
experiment_item:
    ARMS '{' arms '}'                   { $$ = with_span($3, @$); }
  | STRATIFY BY refs                    { $$ = MAKE(STRATIFY, @$, $3); }
  | EXEMPT FROM name                    { $$ = MAKE(EXEMPT, @$, $3); }
  | meta
  ;
arms: arm { $$ = st_append(P, LEAF(ARMS, @$), $1); } | arms arm { $$ = st_append(P, $1, $2); };
arm:  label PERCENT { $$ = MAKE(ARM, @$, $1, $2); } | meta;

/* --- treatments, audiences --- */
treatment_block: '{' treatment_items '}' { $$ = with_span($2, @$); };
treatment_items:
    treatment_item                      { $$ = LIST1(@$, $1); }
  | treatment_items treatment_item      { $$ = st_append(P, $1, $2); }
  ;
treatment_item:
    ACTION STRING                       { $$ = MAKE(ACTION, @$, $2); }
  | CHANNEL name                        { $$ = MAKE(CHANNEL, @$, $2); }
  | CHANNEL name WHEN expr              { $$ = MAKE(CHANNEL, @$, $2, $4); }
  | ONE_PER name ',' rank               { $$ = MAKE(ONE_PER, @$, $2, $4); }
  | AT_MOST INT ',' rank                { $$ = MAKE(AT_MOST, @$, $2, $4); }
  | CONTROL PERCENT SALT STRING opt_hash
                                        { $$ = MAKE(CONTROL, @$, $2, $4, $5); }
  | AGAIN_AFTER duration                { $$ = MAKE(AGAIN_AFTER, @$, $2); }
  | SEND sends                          { $$ = with_span($2, @$); }
  | ORDER_BY rank                       { $$ = MAKE(ORDER_BY, @$, $2); }
  | TRANSACTIONAL                       { $$ = LEAF(TRANSACTIONAL, @$); }
  | EXEMPT FROM name                    { $$ = MAKE(EXEMPT, @$, $3); }
  | meta
  ;
rank:  HIGHEST sum FIRST { $$ = $2; };
sends: send_item { $$ = st_append(P, LEAF(SEND, @$), $1); } | sends ',' send_item { $$ = st_append(P, $1, $3); };
send_item:
    sum                                 { $$ = MAKE(SEND_ITEM, @$, $1); }
  | sum AS STRING                       { $$ = MAKE(SEND_ITEM, @$, $1, $3); }
  ;
audience_block: '{' audience_items '}' { $$ = with_span($2, @$); };
audience_items:
    audience_item                       { $$ = LIST1(@$, $1); }
  | audience_items audience_item        { $$ = st_append(P, $1, $2); }
  ;
audience_item:
    SEND sends                          { $$ = with_span($2, @$); }
  | CHANGES_ONLY                        { $$ = LEAF(CHANGES_ONLY, @$); }
  | meta
  ;

/* --- promises and tests --- */
promise:
    SIZE BETWEEN bound AND bound        { $$ = with_op(MAKE(CHECK, @$, NULL, $3, $5), ST_CHECK_SIZE_BETWEEN); }
  | SIZE AT_LEAST bound                 { $$ = with_op(MAKE(CHECK, @$, NULL, $3), ST_CHECK_SIZE_AT_LEAST); }
  | SIZE AT_MOST bound                  { $$ = with_op(MAKE(CHECK, @$, NULL, $3), ST_CHECK_SIZE_AT_MOST); }
  | SIZE WITHIN bound OF name           { $$ = with_op(MAKE(CHECK, @$, NULL, $3, $5), ST_CHECK_SIZE_WITHIN); }
  | DISJOINT FROM ref                   { $$ = with_op(MAKE(CHECK, @$, NULL, $3), ST_CHECK_DISJOINT); }
  | INSIDE ref                          { $$ = with_op(MAKE(CHECK, @$, NULL, $2), ST_CHECK_INSIDE); }
  | COVERS ref                          { $$ = with_op(MAKE(CHECK, @$, NULL, $2), ST_CHECK_COVERS); }
  | KEEPS AT_LEAST PERCENT OVER duration
                                        { $$ = with_op(MAKE(CHECK, @$, NULL, $3, $5), ST_CHECK_KEEPS); }
  | BRINGS AT_LEAST PERCENT OF ref      { $$ = with_op(MAKE(CHECK, @$, NULL, $3, $5), ST_CHECK_BRINGS); }
  | KNOWN FOR AT_LEAST PERCENT          { $$ = with_op(MAKE(CHECK, @$, NULL, $4), ST_CHECK_KNOWN); }
  | BETWEEN sum AND sum                 { $$ = with_op(MAKE(CHECK, @$, NULL, $2, $4), ST_CHECK_BETWEEN); }
  | UNIQUE                              { $$ = with_op(MAKE(CHECK, @$, NULL), ST_CHECK_UNIQUE); }
  | NEWER THAN duration                 { $$ = with_op(MAKE(CHECK, @$, NULL, $3), ST_CHECK_NEWER); }
  ;
bound: INT | PERCENT;
test_block: '{' test_items '}' { $$ = with_span($2, @$); };
test_items: test_item { $$ = LIST1(@$, $1); } | test_items test_item { $$ = st_append(P, $1, $2); };
test_item:
    test_row
  | DEFAULTS '{' default_rows '}'
      { $$ = MAKE(TEST_DEFAULTS, @$, with_span($3, st_span_join(@2, @4))); }
  | EXPECT expect_key claims            { $$ = MAKE(EXPECT, @$, $2, $3); }
  ;
test_row:     name '{' fields '}' { $$ = MAKE(TEST_ROW, @$, $1, with_span($3, st_span_join(@2, @4))); };
default_rows: test_row { $$ = LIST1(@$, $1); } | default_rows test_row { $$ = st_append(P, $1, $2); };
expect_key:   literal | '-' INT { $$ = MAKE(NEG, @$, $2); };
fields: field { $$ = LIST1(@$, $1); } | fields ',' field { $$ = st_append(P, $1, $3); };
field:
    column_name field_value             { $$ = MAKE(TEST_FIELD, @$, $1, $2); }
  | column_name MISSING                 { $$ = MAKE(TEST_FIELD, @$, $1); }
  ;
field_value: signed_literal | test_time | name | '(' ')' { $$ = LIST(@$); };
test_time:
    INT UNIT AGO
      { $$ = MAKE(AGO, @$, with_op(MAKE(DURATION, st_span_join(@1, @2), $1), $2)); }
  | IN INT UNIT
      { $$ = MAKE(AHEAD, @$, with_op(MAKE(DURATION, st_span_join(@2, @3), $2), $3)); }
  ;
claims: claim { $$ = LIST1(@$, $1); } | claims ',' claim { $$ = st_append(P, $1, $3); };
claim:
    IN ref                              { $$ = with_op(MAKE(CLAIM, @$, $2), ST_CLAIM_IN); }
  | NOT IN ref                          { $$ = with_op(MAKE(CLAIM, @$, $3), ST_CLAIM_NOT_IN); }
  | ref cmp claim_value                 { $$ = with_op(MAKE(CLAIM, @$, $1, $3), $2); }
  | ref IS MISSING                      { $$ = with_op(MAKE(CLAIM, @$, $1), ST_CLAIM_MISSING); }
  ;
claim_value:
    signed_literal
  | test_time
  | label
  | INT KM                              { $$ = MAKE(DISTANCE, @$, $1); }
  | NUM KM                              { $$ = MAKE(DISTANCE, @$, $1); }
  ;

refs:      ref { $$ = LIST1(@$, $1); } | refs ',' ref { $$ = st_append(P, $1, $3); };
refs_list: '(' refs ')' { $$ = with_span($2, @$); };
ref:       name | name '.' IDENT { $$ = MAKE(REF, @$, $1, $3); };

/* --- expressions: one nonterminal a level --- */
expr: disjunction | fallback;
fallback:
    primary IF MISSING unary            { $$ = MAKE(IF_MISSING, @$, $1, $4); }
  | primary IF MISSING fallback         { $$ = MAKE(IF_MISSING, @$, $1, $4); }
  ;
disjunction: conjunction | disjunction OR conjunction { $$ = join(P, ST_AST_OR, $1, $3); };
conjunction: negation | conjunction AND negation { $$ = join(P, ST_AST_AND, $1, $3); };
negation:    predicate | NOT negation { $$ = MAKE(NOT, @$, $2); };
predicate:
    sum
  | sum cmp sum opt_ic                  { $$ = with_op(MAKE(COMPARE, @$, $1, $3), $2 | $4); }
  | sum IN set opt_ic                   { $$ = with_op(MAKE(IN_SET, @$, $1, $3), $4); }
  | sum NOT IN set opt_ic               { $$ = with_op(MAKE(IN_SET, @$, $1, $4), ST_NEGATED | $5); }
  | sum IS MISSING                      { $$ = MAKE(IS_MISSING, @$, $1); }
  | sum IS KNOWN                        { $$ = MAKE(IS_KNOWN, @$, $1); }
  | sum text_op sum opt_ic              { $$ = with_op(MAKE(TEXT_TEST, @$, $1, $3), $2 | $4); }
  | sum text_op ANY_OF list opt_ic      { $$ = with_op(MAKE(TEXT_TEST, @$, $1, $4), $2 | ST_ANY_OF | $5); }
  | sum CONTAINS ALL_OF list opt_ic
      { $$ = with_op(MAKE(TEXT_TEST, @$, $1, $4), (uint32_t)ST_CONTAINS | ST_ALL_OF | $5); }
  | sum MATCHES STRING opt_ic           { $$ = with_op(MAKE(MATCHES, @$, $1, $3), $4); }
  | sum window                          { $$ = MAKE(IN_WINDOW, @$, $1, $2); }
  | sum IN TOP_RANK amount opt_among    { $$ = with_op(MAKE(IN_RANK, @$, $1, $4, $5), 0); }
  | sum IN BOTTOM_RANK amount opt_among { $$ = with_op(MAKE(IN_RANK, @$, $1, $4, $5), 1); }
  | sum IN AT_LEAST INT OF LAST INT UNIT
      { $$ = MAKE(IN_BLOCKS, @$, $1, $4, with_op(MAKE(DURATION, st_span_join(@7, @8), $7), $8)); }
  | sum WENT FROM label TO label window { $$ = MAKE(WENT, @$, $1, $4, $6, $7); }
  | sum WENT FROM label window          { $$ = MAKE(WENT, @$, $1, $4, NULL, $5); }
  | sum WENT TO label window            { $$ = MAKE(WENT, @$, $1, NULL, $4, $5); }
  | ENTERED name window                 { $$ = with_op(MAKE(ENTERED, @$, $2, $3), 0); }
  | LEFT name window                    { $$ = with_op(MAKE(ENTERED, @$, $2, $3), 1); }
  | AT_LEAST INT OF list                { $$ = MAKE(AT_LEAST_OF, @$, $2, $4); }
  ;
set:     list | name;
text_op: STARTS_WITH { $$ = ST_STARTS_WITH; } | ENDS_WITH { $$ = ST_ENDS_WITH; } | CONTAINS { $$ = ST_CONTAINS; };
opt_ic:  %empty { $$ = 0; } | IGNORING_CASE { $$ = ST_IGNORING_CASE; };
cmp:
    '='                                 { $$ = ST_EQ; }
  | NE                                  { $$ = ST_NE; }
  | '<'                                 { $$ = ST_LT; }
  | LE                                  { $$ = ST_LE; }
  | '>'                                 { $$ = ST_GT; }
  | GE                                  { $$ = ST_GE; }
  ;
window:
    IN LAST duration                    { $$ = with_op(MAKE(WINDOW, @$, counted(P, $3, false)), ST_WINDOW_LAST); }
  | IN IN_ANY duration                  { $$ = with_op(MAKE(WINDOW, @$, $3), ST_WINDOW_ANY); }
  | IN NEXT duration                    { $$ = with_op(MAKE(WINDOW, @$, counted(P, $3, true)), ST_WINDOW_NEXT); }
  | IN LAST INT CALENDAR UNIT
      { $$ = with_op(MAKE(WINDOW, @$, with_op(MAKE(DURATION, st_span_join(@3, @5), $3), $5)),
                     ST_WINDOW_LAST_CALENDAR); }
  | IN THIS UNIT                        { $$ = with_op(MAKE(WINDOW, @$, unit_node(P, @3, $3)), ST_WINDOW_THIS); }
  | IN PREVIOUS UNIT
      { $$ = with_op(MAKE(WINDOW, @$, unit_node(P, @3, $3)), ST_WINDOW_PREVIOUS); }
  | BETWEEN sum AND sum                 { $$ = with_op(MAKE(WINDOW, @$, $2, $4), ST_WINDOW_BETWEEN); }
  | BEFORE sum                          { $$ = with_op(MAKE(WINDOW, @$, $2), ST_WINDOW_BEFORE); }
  | AFTER sum                           { $$ = with_op(MAKE(WINDOW, @$, $2), ST_WINDOW_AFTER); }
  | SINCE sum                           { $$ = with_op(MAKE(WINDOW, @$, $2), ST_WINDOW_SINCE); }
  | ON sum                              { $$ = with_op(MAKE(WINDOW, @$, $2), ST_WINDOW_ON); }
  ;
duration: INT UNIT { $$ = with_op(MAKE(DURATION, @$, $1), $2); } | name;
sum:
    product
  | sum '+' product                     { $$ = with_op(MAKE(ADD, @$, $1, $3), '+'); }
  | sum '-' product                     { $$ = with_op(MAKE(ADD, @$, $1, $3), '-'); }
  ;
product:
    unary
  | product '*' unary                   { $$ = with_op(MAKE(MULTIPLY, @$, $1, $3), '*'); }
  | product '/' unary                   { $$ = with_op(MAKE(MULTIPLY, @$, $1, $3), '/'); }
  ;
unary: primary | '-' unary { $$ = MAKE(NEG, @$, $2); };
primary:
    literal
  | ref
  | name '.' IDENT '.' IDENT            { $$ = MAKE(REF, @$, $1, $3, $5); }
  | ref UNIT                            { $$ = with_op(MAKE(DURATION, @$, $1), $2); }
  | '(' expr ')'                        { $$ = MAKE(PAREN, @$, $2); }
  | '(' expr AS OF sum ')'              { $$ = MAKE(AS_OF, @$, $2, $5); }
  | INT UNIT                            { $$ = with_op(MAKE(DURATION, @$, $1), $2); }
  | INT UNIT AGO
      { $$ = MAKE(AGO, @$, with_op(MAKE(DURATION, st_span_join(@1, @2), $1), $2)); }
  | ref AGO                             { $$ = MAKE(AGO, @$, $1); }
  | INT KM                              { $$ = MAKE(DISTANCE, @$, $1); }
  | NUM KM                              { $$ = MAKE(DISTANCE, @$, $1); }
  | IDENT '(' args ')'                  { $$ = MAKE(CALL, @$, $1, $3); }
  | COUNT '(' source ')'                { $$ = with_op(MAKE(AGGREGATE, @$, NULL, $3), ST_AGG_COUNT); }
  | ANY '(' source ')'                  { $$ = with_op(MAKE(AGGREGATE, @$, NULL, $3), ST_AGG_ANY); }
  | NO '(' source ')'                   { $$ = with_op(MAKE(AGGREGATE, @$, NULL, $3), ST_AGG_NO); }
  | AGG '(' expr OF source ')'          { $$ = with_op(MAKE(AGGREGATE, @$, $3, $5), $1); }
  | AGG '(' expr ')'                    { $$ = with_op(MAKE(AGGREGATE, @$, $3), $1); }
  | MINMAX '(' expr OF source ')'       { $$ = with_op(MAKE(AGGREGATE, @$, $3, $5), $1); }
  | MINMAX '(' expr ')'                 { $$ = with_op(MAKE(AGGREGATE, @$, $3), $1); }
  | MINMAX '(' expr ',' exprs ')'
      { $$ = MAKE(CALL, @$, NAME_AT(@1), st_prepend(P, $5, $3)); }
  | SHARE '(' source ')'                { $$ = with_op(MAKE(AGGREGATE, @$, NULL, $3), ST_AGG_SHARE); }
  | SHARE '(' sum OF source ')'         { $$ = with_op(MAKE(AGGREGATE, @$, $3, $5), ST_AGG_SHARE); }
  | UNIT SINCE primary                  { $$ = with_op(MAKE(SINCE, @$, $3), $1); }
  | UNIT FROM sum TO primary            { $$ = with_op(MAKE(FROM_TO, @$, $3, $5), $1); }
  | PART OF primary                     { $$ = with_op(MAKE(PART, @$, $3), $1); }
  | CALENDAR PART OF primary            { $$ = with_op(MAKE(CALENDAR, @$, $4), unit_of_part($2)); }
  | ANNIVERSARY_OF primary              { $$ = MAKE(ANNIVERSARY, @$, $2); }
  | SAMPLE PERCENT SALT STRING          { $$ = MAKE(SAMPLE, @$, $2, $4); }
  | SEQUENCE '(' source ':' steps ')'   { $$ = MAKE(SEQUENCE, @$, $3, $5); }
  ;
args:  arg { $$ = LIST1(@$, $1); } | args ',' arg { $$ = st_append(P, $1, $3); };
arg:   expr | NEAREST name { $$ = MAKE(NEAREST, @$, $2); };
steps: step { $$ = LIST1(@$, $1); } | steps THEN step { $$ = st_append(P, $1, $3); };
step:
    expr opt_as                         { $$ = MAKE(STEP, @$, NULL, $1, $2); }
  | WITHIN duration expr opt_as         { $$ = MAKE(STEP, @$, $2, $3, $4); }
  ;
opt_as: %empty { $$ = NULL; } | AS name { $$ = $2; };
source:
    name opt_link opt_window opt_where  { $$ = MAKE(SOURCE, @$, NULL, $1, $2, $3, $4); }
  | LAST INT name opt_link opt_window opt_where
                                        { $$ = MAKE(SOURCE, @$, $2, $3, $4, $5, $6); }
  ;
opt_link:   %empty { $$ = NULL; } | BY name { $$ = $2; };
opt_window: %empty { $$ = NULL; } | window;
opt_where:  %empty { $$ = NULL; } | WHERE expr { $$ = $2; };
exprs: expr { $$ = LIST1(@$, $1); } | exprs ',' expr { $$ = st_append(P, $1, $3); };
list:  '(' exprs ')' { $$ = with_span($2, @$); };
literal:
    INT | NUM | PERCENT | STRING | DATE | TIMESTAMP
  | TRUE                                { $$ = truth(P, @$, true); }
  | FALSE                               { $$ = truth(P, @$, false); }
  ;
signed_literal:
    literal
  | '-' INT                             { $$ = MAKE(NEG, @$, $2); }
  | '-' NUM                             { $$ = MAKE(NEG, @$, $2); }
  | list
  ;

/* --- names --- */
name:        IDENT | soft { $$ = NAME_AT(@1); };
label:       IDENT | soft { $$ = NAME_AT(@1); } | FIRST { $$ = NAME_AT(@1); };
column_name:
    IDENT
  | definition_word                     { $$ = NAME_AT(@1); }
  | free_word                           { $$ = NAME_AT(@1); }
  | FIRST                               { $$ = NAME_AT(@1); }
  ;
soft: KEY | TIME | PLANNED | RECORDED | FIXED | CHANGES | PII | free_word;
free_word:
    T_BOOL | T_INT | T_FLOAT | T_DECIMAL | T_STRING | T_DATE | T_TIMESTAMP
  | OWNER | GOAL | KPI | REFRESH | VERSION | FORMERLY | TAGS | QUANTILES | METHOD | THRESHOLDS | RECENCY | FREQUENCY
  | MONETARY | ARMS | STRATIFY | ACTION | CHANNEL | CONTROL | SEND | TRANSACTIONAL | SALT | EXEMPT | FOR | SIZE
  | DISJOINT | COVERS | KEEPS | OVER | BRINGS | UNIQUE | NEWER | THAN | INSIDE | WEIGHTS
  ;
definition_word:
    TIMEZONE | TABLE | PARAM | TRAIT | SEGMENT | TIERS | RFM | SCORE | CLUSTER | OVERLAY | HOLDOUT | EXPERIMENT
  | LAYER | TREATMENT | CAMPAIGN | CHECK | TEST
  ;
%%

static int st_yylex(ST_YYSTYPE *value, st_span *span, st_parser *P)
{
    st_ast *node;
    uint32_t op;
    int token = st_next_token(P, &node, &op, span);
    if (node) value->node = node;
    else value->op = op;
    return token;
}

/* Called only where the stack is full: syntax errors go through yyreport_syntax_error. */
static void st_yyerror(const st_span *span, st_parser *P, const char *message)
{
    (void)message;
    st_syntax_report(P, ST_MSG_TOO_DEEP, *span, st_format(P->arena, "%u", ST_MAX_HEIGHT));
}

const char *st_token_name(int token)
{
    return yysymbol_name(YYTRANSLATE(token));
}

static int yyreport_syntax_error(const yypcontext_t *context, st_parser *P)
{
    yysymbol_kind_t symbols[YYNTOKENS];
    int n = yypcontext_expected_tokens(context, symbols, YYNTOKENS);
    int expected[YYNTOKENS], nexpected = 0;
    for (int token = 0; token <= YYMAXUTOK && n > 0; token++) /* symbols as tokens, in the order of tokens */
        for (int i = 0; i < n; i++)
            if (symbols[i] == YYTRANSLATE(token) && symbols[i] != YYSYMBOL_YYUNDEF && nexpected < YYNTOKENS)
                expected[nexpected++] = token;
    st_syntax_error(P, P->prev, *yypcontext_location(context), expected, (uint32_t)nexpected);
    return 0;
}
