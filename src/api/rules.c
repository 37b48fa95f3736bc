/* Rule sets: from text through the checker. */
#include "api/api.h"

#include <stdio.h>

/* ---- life ---- */

strata_status strata_rules_new(const strata_allocator *allocator, strata_rules **rules, strata_error *error)
{
    st_env env;
    st_env_init(&env, allocator);
    *rules = NULL;
    strata_rules *r = st_api_allocate(&env.alloc, sizeof *r);
    if (!r) return st_api_refuse(error, STRATA_NO_MEMORY, "There is not enough memory.");
    r->env = env;
    bool ok;
    ST_GUARD(&r->env, ok, {
        r->arena = st_arena_new(&r->env);
        st_names_init(&r->names, r->arena);
        st_sources_init(&r->sources, r->arena);
        st_diags_init(&r->diags, r->arena, &r->sources);
    });
    strata_status status = st_api_end(&r->env, ok, error);
    if (ok)
        *rules = r;
    else
        strata_rules_free(r);
    return status;
}

void strata_rules_free(strata_rules *rules)
{
    if (!rules) return;
    st_env_close(&rules->env);
    strata_allocator alloc = rules->env.alloc;
    st_api_release(&alloc, rules);
}

/* ---- text in ---- */

strata_status strata_rules_add_text(strata_rules *rules, const char *name, const char *text, size_t length,
                                    strata_error *error)
{
    if (rules->compiled)
        return st_api_refuse(error, STRATA_BAD_INPUT, "The rule set is compiled: text comes before that.");
    if (length > STRATA_MAX_SOURCE)
        return st_api_refuse(error, STRATA_NO_MEMORY,
                             "%s is larger than %u MB, the most a rule file may hold.", name,
                             STRATA_MAX_SOURCE >> 20);
    if (rules->sources.files.n == STRATA_MAX_FILES)
        return st_api_refuse(error, STRATA_NO_MEMORY, "The rule set has more than %u files.",
                             STRATA_MAX_FILES);
    bool ok;
    ST_GUARD(&rules->env, ok, {
        uint32_t file = st_sources_add(&rules->sources, name, text, length);
        rules->sources.files.p[file].in_library = rules->adding_library;
    });
    return st_api_end(&rules->env, ok, error);
}

strata_status strata_rules_add_list(strata_rules *rules, const char *path, const char *text, size_t length,
                                    strata_error *error)
{
    if (rules->compiled)
        return st_api_refuse(error, STRATA_BAD_INPUT, "The rule set is compiled: lists come before that.");
    if (length > STRATA_MAX_LIST)
        return st_api_refuse(error, STRATA_NO_MEMORY,
                             "%s is larger than %u MB, the most the file of a list may hold.", path,
                             STRATA_MAX_LIST >> 20);
    if (st_sources_list(&rules->sources, path))
        return st_api_refuse(error, STRATA_BAD_INPUT, "The list %s was added already.", path);
    bool ok;
    ST_GUARD(&rules->env, ok, {
        st_list_file *list = st_push(rules->arena, &rules->sources.lists);
        list->text = (st_str){st_dup(rules->arena, text, length), (uint32_t)length};
        list->path = st_dup(rules->arena, path, strlen(path));
    });
    return st_api_end(&rules->env, ok, error);
}

strata_status strata_rules_set(strata_rules *rules, const char *parameter, const char *value,
                               strata_error *error)
{
    if (rules->compiled)
        return st_api_refuse(error, STRATA_BAD_INPUT,
                             "The rule set is compiled: parameters are set before that.");
    bool ok;
    ST_GUARD(&rules->env, ok, {
        st_override *set = st_push(rules->arena, &rules->sets);
        set->name = st_dup(rules->arena, parameter, strlen(parameter));
        set->text = st_dup(rules->arena, value, strlen(value));
    });
    return st_api_end(&rules->env, ok, error);
}

/* ---- what is asked for ---- */

/* Compiled rules hold traits only where they were compiled with them. */
static void check_compiled(strata_rules *r, const st_def *d)
{
    for (uint32_t i = 0; i < r->code->outputs.n; i++)
        if (r->code->outputs.p[i].def == d->index && !st_bc_is_part(&r->code->outputs.p[i])) return;
    st_fail(&r->env, STRATA_BAD_INPUT,
            "%s is a trait, and the rules were compiled without theirs. Compile them with --traits, or run "
            "their text.",
            d->name);
}

static void choose(strata_rules *r)
{
    st_program *schema = (st_program *)(uintptr_t)r->schema; /* ours, and nobody uses it yet */
    st_select(schema, &(st_selection){r->only.n, r->only.p, r->due});
    for (uint32_t i = 0; i < schema->ndefs; i++)
        if (schema->defs[i]->asked && schema->defs[i]->kind == ST_DEF_TRAIT)
            check_compiled(r, schema->defs[i]);
    r->definitions.n = r->tables.n = r->activations.n = 0;
    st_api_describe(r, schema);
}

static strata_status ask_for(strata_rules *rules, const char *definition, const char *due,
                             strata_error *error)
{
    if (rules->compiled && rules->program)
        return st_api_refuse(error, STRATA_BAD_INPUT,
                             "The rule set is compiled: what is asked for is said before that.");
    if (definition ? rules->due != NULL : rules->only.n > 0)
        return st_api_refuse(error, STRATA_BAD_INPUT,
                             "Definitions are asked for by name or by what is due, not by both.");
    bool ok;
    ST_GUARD(&rules->env, ok, {
        const char *text = definition ? definition : due;
        text = st_dup(rules->arena, text, strlen(text));
        if (definition)
            *st_push(rules->arena, &rules->only) = text;
        else
            rules->due = text;
        if (rules->compiled) choose(rules);
    });
    return st_api_end(&rules->env, ok, error);
}

strata_status strata_rules_only(strata_rules *rules, const char *definition, strata_error *error)
{
    return ask_for(rules, definition, NULL, error);
}

strata_status strata_rules_due(strata_rules *rules, const char *refresh, strata_error *error)
{
    return ask_for(rules, NULL, refresh, error);
}

static void parse_all(strata_rules *r)
{
    uint32_t n = r->sources.files.n;
    r->parses = st_new_n(r->arena, st_parse, n + 1);
    for (uint32_t i = 0; i < n; i++)
        r->parses[i] = st_parse_file(r->arena, &r->names, &r->sources, i, &r->diags);
}

/* A logistic score is given with nine digits, which every machine's exp() agrees on: said by the scale of its type. */
static void round_logistics(st_program *program)
{
    for (uint32_t i = 0; i < program->ndefs; i++) {
        st_def *d = program->defs[i];
        const st_expr *e = d->expr;
        while (e && e->op == ST_X_DEF) e = e->def->expr; /* under another name */
        if (e && e->op == ST_X_LOGISTIC) d->type.scale = 9;
    }
}

strata_status strata_rules_compile(strata_rules *rules, strata_error *error)
{
    if (rules->compiled) return st_api_refuse(error, STRATA_BAD_INPUT, "The rule set was compiled already.");
    rules->compiled = true;
    bool ok;
    ST_GUARD(&rules->env, ok, {
        parse_all(rules);
        st_api_load_lists(rules);
        st_program *program = st_check(rules->arena, &rules->names, &rules->sources, rules->parses,
                                       rules->sources.files.n, rules->sets.p, rules->sets.n, &rules->diags);
        st_diags_sort(&rules->diags);
        if (rules->diags.errors == 0) {
            round_logistics(program);
            if (rules->only.n || rules->due) /* the checker takes all */
                st_select(program, &(st_selection){rules->only.n, rules->only.p, rules->due});
            rules->code = st_compile(rules->arena, program, NULL);
            rules->program = rules->schema = program;
            st_api_describe(rules, program);
        }
    });
    if (ok && rules->diags.errors)
        return st_api_refuse(error, STRATA_BAD_RULES, "The rule set has %u error%s.", rules->diags.errors,
                             rules->diags.errors == 1 ? "" : "s");
    return st_api_end(&rules->env, ok, error);
}

/* ---- diagnostics ---- */

size_t strata_rules_diagnostic_count(const strata_rules *rules)
{
    return rules->diags.items.n;
}

strata_diagnostic strata_rules_diagnostic(const strata_rules *rules, size_t i)
{
    const st_diag *d = &rules->diags.items.p[i];
    const st_message *m = &st_messages[d->code];
    strata_diagnostic out = {.severity = d->severity == ST_ERROR ? STRATA_ERROR : STRATA_WARNING,
                             .code = m->code,
                             .name = m->name,
                             .text = d->text,
                             .help = d->help};
    if (d->span.file >= rules->sources.files.n) return out;
    st_place begin = st_place_of(&rules->sources, d->span.file, d->span.start);
    /* The last character: where its first byte stands. */
    uint32_t last = ST_MAX(d->span.end, d->span.start + 1) - 1;
    const st_str text = rules->sources.files.p[d->span.file].text;
    while (last > d->span.start && last < text.n && ((unsigned char)text.p[last] & 0xc0) == 0x80) last--;
    st_place end = st_place_of(&rules->sources, d->span.file, last);
    out.file = rules->sources.files.p[d->span.file].name;
    out.line = begin.line;
    out.column = begin.column;
    out.end_line = end.line;
    out.end_column = end.column;
    return out;
}

/* ---- compiled bytes ---- */

strata_status strata_rules_read(const strata_allocator *allocator, const void *bytes, size_t length,
                                strata_rules **rules, strata_error *error)
{
    strata_rules *r;
    strata_status status = strata_rules_new(allocator, &r, error);
    *rules = NULL;
    if (status != STRATA_OK) return status;
    r->compiled = true;
    bool ok;
    ST_GUARD(&r->env, ok, {
        r->code = st_bc_read(r->arena, bytes, length);
        r->schema = r->code->schema;
        st_api_describe(r, r->schema);
    });
    status = st_api_end(&r->env, ok, error);
    if (ok)
        *rules = r;
    else
        strata_rules_free(r);
    return status;
}

/* ---- text out ---- */

/* Runs `write` over working memory of its own and hands what it wrote, and a NUL behind it, to the caller. */
static strata_status hand_out(const strata_rules *rules,
                              void (*write)(const strata_rules *, st_arena *, int, st_buf *), int argument,
                              char **bytes, size_t *n, strata_error *error)
{
    st_env env;
    st_env_child(&env, &rules->env);
    bool ok;
    *bytes = NULL;
    ST_GUARD(&env, ok, {
        st_arena *a = st_arena_new(&env);
        st_buf out = {0};
        write(rules, a, argument, &out);
        *bytes = st_api_allocate(&env.alloc, (size_t)out.n + 1);
        if (!*bytes) st_fail(&env, STRATA_NO_MEMORY, "There is not enough memory.");
        if (out.n) memcpy(*bytes, out.p, out.n);
        *n = out.n;
    });
    strata_status status = st_api_end(&env, ok, error);
    st_env_close(&env);
    return status;
}

static strata_status make_text(const strata_rules *rules,
                               void (*write)(const strata_rules *, st_arena *, int, st_buf *), int argument,
                               char **text, strata_error *error)
{
    size_t n;
    return hand_out(rules, write, argument, text, &n, error);
}

static void write_compiled(const strata_rules *rules, st_arena *a, int traits, st_buf *out)
{
    const st_bc *code = rules->code;
    bool treatments = rules->program && st_has_treatments(rules->program);
    if (traits || treatments)
        code = st_compile(a, rules->program, &(st_ir_options){.traits = traits, .treatments = treatments});
    size_t n;
    const void *bytes = st_bc_write(a, code, &n);
    st_buf_add(a, out, bytes, n);
}

strata_status strata_rules_write(const strata_rules *rules, bool traits, void **bytes, size_t *length,
                                 strata_error *error)
{
    *bytes = NULL;
    *length = 0;
    if (!rules->code)
        return st_api_refuse(error, STRATA_BAD_RULES,
                             "The rule set is not compiled, or has errors: there is nothing to write.");
    if (traits && !rules->program)
        return st_api_refuse(error, STRATA_BAD_INPUT,
                             "The rule set was read in its compiled form: its outputs are fixed.");
    char *copy;
    strata_status status = hand_out(rules, write_compiled, traits, &copy, length, error);
    *bytes = copy;
    return status;
}

void strata_free(const strata_rules *rules, void *text_or_bytes)
{
    st_api_release(&rules->env.alloc, text_or_bytes);
}

static void write_diagnostics(const strata_rules *rules, st_arena *a, int format, st_buf *out)
{
    if (format == STRATA_DIAGNOSTICS_JSON)
        st_render_json(&rules->diags, a, out);
    else
        st_render_text(&rules->diags, a, out, format == STRATA_DIAGNOSTICS_COLOUR);
}

strata_status strata_rules_diagnostics(const strata_rules *rules, strata_diagnostic_format format,
                                       char **text, strata_error *error)
{
    return make_text(rules, write_diagnostics, (int)format, text, error);
}

static void write_tokens(const strata_rules *rules, st_arena *a, st_buf *out)
{
    for (uint32_t i = 0; i < rules->sources.files.n; i++) st_dump_tokens(a, &rules->sources, i, out);
}

static void write_ast(const strata_rules *rules, st_arena *a, st_buf *out)
{
    for (uint32_t i = 0; i < rules->sources.files.n; i++)
        st_dump_ast(a, &rules->sources, rules->parses[i].root, out);
}

static void write_program(const strata_rules *rules, st_arena *a, st_buf *out)
{
    st_dump_program(a, rules->program, out);
}

static void write_ir(const strata_rules *rules, st_arena *a, st_buf *out)
{
    static const st_ir_options defaults;
    st_dump_ir(a, st_lower(a, rules->program, &defaults), out);
}

static void write_plan(const strata_rules *rules, st_arena *a, st_buf *out)
{
    static const st_ir_options defaults;
    st_dump_plan(a, st_plan_new(a, st_lower(a, rules->program, &defaults)), out);
}

static void write_bytecode(const strata_rules *rules, st_arena *a, st_buf *out)
{
    st_bc_dump(rules->code, a, out);
}

/* The floors of the compiler, in order, and what each needs: text, a tree, a checked program, code. */
typedef enum floor_need { NEED_TEXT, NEED_TREE, NEED_PROGRAM, NEED_CODE } floor_need;
static const struct floor {
    const char *name;
    floor_need need;
    void (*write)(const strata_rules *, st_arena *, st_buf *);
} floors[] = {
    {"tokens", NEED_TEXT, write_tokens},      {"ast", NEED_TREE, write_ast},
    {"program", NEED_PROGRAM, write_program}, {"ir", NEED_PROGRAM, write_ir},
    {"plan", NEED_PROGRAM, write_plan},       {"bytecode", NEED_CODE, write_bytecode},
};

static void write_floor(const strata_rules *rules, st_arena *a, int i, st_buf *out)
{
    floors[i].write(rules, a, out);
}

strata_status strata_rules_emit(const strata_rules *rules, const char *what, char **text, strata_error *error)
{
    *text = NULL;
    for (size_t i = 0; i < ST_COUNT(floors); i++) {
        if (strcmp(floors[i].name, what) != 0) continue;
        floor_need need = floors[i].need;
        bool was_read = rules->code && !rules->program;
        if (was_read && need < NEED_CODE)
            return st_api_refuse(error, STRATA_BAD_INPUT,
                                 "There is no %s: the rule set was read in its compiled form.", what);
        if (need == NEED_TREE && !rules->parses)
            return st_api_refuse(error, STRATA_BAD_INPUT, "There is no %s before the rule set is compiled.",
                                 what);
        if (need >= NEED_PROGRAM && !rules->code)
            return st_api_refuse(error, STRATA_BAD_RULES, "There is no %s of a rule set with errors.", what);
        return make_text(rules, write_floor, (int)i, text, error);
    }
    return st_api_refuse(
        error, STRATA_BAD_INPUT,
        "%s is nothing that can be shown. Choose tokens, ast, program, ir, plan or bytecode.", what);
}

/* ---- what is defined and needed ---- */

size_t strata_rules_definition_count(const strata_rules *rules)
{
    return rules->definitions.n;
}

strata_definition strata_rules_definition(const strata_rules *rules, size_t i)
{
    return rules->definitions.p[i];
}

size_t strata_rules_table_count(const strata_rules *rules)
{
    return rules->tables.n;
}

strata_table strata_rules_table(const strata_rules *rules, size_t i)
{
    return rules->tables.p[i];
}

const char *strata_rules_timezone(const strata_rules *rules)
{
    return rules->schema ? rules->schema->timezone : "UTC";
}

strata_status strata_as_of_parse(const strata_rules *rules, const char *text, strata_as_of *as_of,
                                 strata_error *error)
{
    st_str s = st_str_of(text);
    if (st_parse_date(s, &as_of->value))
        as_of->kind = STRATA_DAY;
    else if (rules->schema && st_parse_timestamp(s, rules->schema->zone, &as_of->value))
        as_of->kind = STRATA_INSTANT;
    else
        return st_api_refuse(error, STRATA_BAD_INPUT,
                             "%s is not a day or an instant. Write 2026-11-01 or 2026-11-01T09:30.", text);
    if (error) *error = (strata_error){.status = STRATA_OK};
    return STRATA_OK;
}

const char *st_api_type_text(st_arena *a, st_type type)
{
    static const char *const names[] = {
        [ST_T_BOOL] = "bool",           [ST_T_INT] = "int",       [ST_T_FLOAT] = "float",
        [ST_T_DECIMAL] = "decimal",     [ST_T_STRING] = "string", [ST_T_DATE] = "date",
        [ST_T_TIMESTAMP] = "timestamp", [ST_T_LABEL] = "label",   [ST_T_DURATION] = "duration",
        [ST_T_DISTANCE] = "distance"};
    char numbers[16] = "";
    if (type.base == ST_T_DECIMAL) snprintf(numbers, sizeof numbers, "(%u,%u)", type.digits, type.scale);
    return st_format(a, "%s%s%s%s", type.list ? "list of " : "", names[type.base], numbers,
                     type.optional ? "?" : "");
}

static const struct {
    st_def_kind from;
    strata_kind kind;
} kinds[] = {
    {ST_DEF_SEGMENT, STRATA_SEGMENT},
    {ST_DEF_TIERS, STRATA_TIERS},
    {ST_DEF_RFM, STRATA_RFM},
    {ST_DEF_SCORE, STRATA_SCORE},
    {ST_DEF_TRAIT, STRATA_TRAIT},
    {ST_DEF_HOLDOUT, STRATA_HOLDOUT},
    {ST_DEF_EXPERIMENT, STRATA_EXPERIMENT},
    {ST_DEF_OVERLAY, STRATA_OVERLAY},
    {ST_DEF_CLUSTER, STRATA_CLUSTER},
    {ST_DEF_POINTS, STRATA_POINTS},
    {ST_DEF_PARAM, STRATA_PARAM},
    {ST_DEF_ROWS, STRATA_ROWS},
    {ST_DEF_PLACE, STRATA_PLACE},
    {ST_DEF_LIST, STRATA_LIST},
    {ST_DEF_LAYER, STRATA_LAYER},
    {ST_DEF_TREATMENT, STRATA_TREATMENT},
    {ST_DEF_CAMPAIGN, STRATA_CAMPAIGN},
    {ST_DEF_AUDIENCE, STRATA_AUDIENCE},
};

strata_kind st_api_kind(const st_def *d)
{
    for (size_t i = 0; i < ST_COUNT(kinds); i++)
        if (kinds[i].from == d->kind) return kinds[i].kind;
    ST_UNREACHABLE();
}

const char *strata_kind_name(strata_kind kind)
{
    for (size_t i = 0; i < ST_COUNT(kinds); i++)
        if (kinds[i].kind == kind) return st_def_kind_names[kinds[i].from];
    return "check";
}

static const char *const *column_names(st_arena *a, const st_origin *o)
{
    const char **names = st_new_n(a, const char *, (size_t)o->ncolumns + 1);
    for (uint32_t i = 0; i < o->ncolumns; i++)
        names[i] = st_format(a, "%s.%s", o->columns[i]->table->name, o->columns[i]->name);
    return names;
}

static const char *const *needed_names(st_arena *a, const st_origin *o)
{
    const char **names = st_new_n(a, const char *, (size_t)o->nneeds + 1);
    for (uint32_t i = 0; i < o->nneeds; i++) names[i] = o->needs[i]->name;
    return names;
}

static void add_origin(strata_rules *r, strata_definition *x, const st_origin *o)
{
    x->value = o->value;
    x->file = o->file;
    x->line = o->line;
    x->ncolumns = o->ncolumns;
    x->columns = column_names(r->arena, o);
    x->nuses = o->nneeds;
    x->uses = needed_names(r->arena, o);
    x->nchecks = o->nchecks;
    x->ntests = o->ntests;
}

static const char *day_text(st_arena *a, int64_t day)
{
    char text[ST_TIME_TEXT];
    if (day == ST_NO_TIME) return NULL;
    st_format_date(day, text);
    return st_dup(a, text, strlen(text));
}

static bool has_value(const st_def *d)
{
    return d->kind == ST_DEF_PARAM || d->kind == ST_DEF_LIST || st_def_is_answer(d, true);
}

/* What segments get is given out in its own way. */
static bool is_use(const st_def *d)
{
    return d->kind == ST_DEF_TREATMENT || d->kind == ST_DEF_CAMPAIGN || d->kind == ST_DEF_AUDIENCE;
}

static void describe_definition(strata_rules *r, const st_def *d)
{
    st_type type = d->type;
    type.optional = false;
    strata_definition *x = (strata_definition *)st_push(r->arena, &r->definitions);
    *x = (strata_definition){.kind = st_api_kind(d),
                             .name = d->name,
                             .title = d->title,
                             .doc = d->doc,
                             .owner = d->meta.owner,
                             .goal = d->meta.goal,
                             .kpi = d->meta.kpi,
                             .refresh = d->meta.refresh,
                             .formerly = d->meta.formerly,
                             .version = d->meta.version,
                             .entity = d->of ? d->of->name : NULL,
                             .type = has_value(d) ? st_api_type_text(r->arena, type) : NULL,
                             .nlabels = d->labels.n,
                             .labels = d->labels.names,
                             .ntags = d->meta.ntags,
                             .tags = d->meta.tags,
                             .review_by = day_text(r->arena, d->meta.review_by),
                             .output = st_def_is_output(d, true) || (!d->left_out && is_use(d)),
                             .in_library = d->in_library};
    add_origin(r, x, &d->origin);
}

static void describe_promise(strata_rules *r, const st_promise *p)
{
    strata_definition *x = (strata_definition *)st_push(r->arena, &r->definitions);
    *x = (strata_definition){
        .kind = STRATA_CHECK, .name = p->text, .entity = p->table->name, .output = !p->left_out};
    add_origin(r, x, &p->origin);
}

/* Who speaks of each definition: the other way round. */
static void add_users(strata_rules *r, const st_program *p)
{
    uint32_t *place = st_new_n(r->arena, uint32_t, (size_t)p->ndefs + 1), n = 0;
    for (uint32_t i = 0; i < p->ndefs; i++)
        if (!p->defs[i]->hidden) place[i] = n++;
    for (uint32_t i = 0, from = 0; i < p->ndefs + p->npromises; i++) {
        if (i < p->ndefs && p->defs[i]->hidden) continue;
        const st_origin *o = i < p->ndefs ? &p->defs[i]->origin : &p->promises[i - p->ndefs].origin;
        const char *name = r->definitions.p[from++].name;
        for (uint32_t k = 0; k < o->nneeds; k++) {
            strata_definition *x = &r->definitions.p[place[o->needs[k]->index]];
            if ((x->nused_by & (x->nused_by - 1)) == 0) { /* full at every power of two */
                const char **more = st_new_n(r->arena, const char *, 2 * x->nused_by + 1);
                for (size_t u = 0; u < x->nused_by; u++) more[u] = x->used_by[u];
                x->used_by = more;
            }
            ((const char **)(uintptr_t)x->used_by)[x->nused_by++] = name;
        }
    }
}

static void describe_table(strata_rules *r, const st_program *p, const st_table *t)
{
    strata_column *columns = st_new_n(r->arena, strata_column, t->ncols + 1);
    for (uint32_t i = 0; i < t->ncols; i++) {
        const st_col *c = &t->cols[i];
        columns[i] = (strata_column){.name = c->name,
                                     .type = st_api_type_text(r->arena, c->type),
                                     .key = c->key,
                                     .links_to = c->links_to ? c->links_to->name : NULL,
                                     .needed = st_col_needed(p, c)};
    }
    *(strata_table *)st_push(r->arena, &r->tables) = (strata_table){
        .name = t->name, .needed = st_table_needed(p, t), .ncolumns = t->ncols, .columns = columns};
}

void st_api_describe(strata_rules *rules, const st_program *program)
{
    for (uint32_t i = 0; i < program->ndefs; i++)
        if (!program->defs[i]->hidden) describe_definition(rules, program->defs[i]);
    for (uint32_t i = 0; i < program->npromises; i++) describe_promise(rules, &program->promises[i]);
    add_users(rules, program);
    for (uint32_t i = 0; i < program->ntables; i++)
        if (!program->tables[i]->derived) describe_table(rules, program, program->tables[i]);
    st_api_list_activations(rules, program);
}
