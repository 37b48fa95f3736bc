/* From parsed files to the checked program: names are collected first, so that order does not matter; then tables, then
 * every definition, each before what uses it. */
#include "sema/check.h"

/* The quoted name in `timezone "…"`. */
static st_span quoted_part(const st_checker *c, st_span span)
{
    st_str s = st_span_text(c->sources, span);
    const char *quote = memchr(s.p, '"', s.n);
    return quote ? (st_span){span.file, span.start + (uint32_t)(quote - s.p), span.end} : span;
}

static void find_timezone(st_checker *c, const st_ast *program)
{
    for (uint32_t i = 0; i < program->n; i++) {
        const st_ast *ast = program->kids[i];
        if (ast->kind != ST_AST_TIMEZONE) continue;
        if (c->timezone_set) {
            st_err(c, ST_MSG_TIMEZONE_TWICE, ast->span);
            continue;
        }
        c->timezone_set = true;
        const st_zone *zone = st_zone_load(c->a, ast->text);
        if (!zone) {
            st_err(c, ST_MSG_TIMEZONE, quoted_part(c, ast->span), ast->text);
            continue;
        }
        c->p->timezone = ast->text;
        c->p->zone = zone;
    }
}

static void count_groupings(st_checker *c, const st_ast *program)
{
    for (uint32_t i = 0; i < program->n; i++)
        c->ngroupings += program->kids[i]->kind == ST_AST_ROWS && st_groups_rows(program->kids[i]);
}

static void finish(st_checker *c)
{
    c->p->ntables = c->tables.n;
    c->p->tables = c->tables.p;
    c->p->ndefs = c->defs.n;
    c->p->defs = c->defs.p;
    c->p->norder = c->order.n;
    c->p->order = c->order.p;
    c->p->npromises = c->promises.n;
    c->p->promises = c->promises.p;
}

st_program *st_check(st_arena *a, st_names *names, const st_sources *sources, const st_parse *files,
                     uint32_t nfiles, const st_override *sets, uint32_t nsets, st_diags *diags)
{
    st_checker c = {.a = a, .sources = sources, .diags = diags, .sets = sets, .nsets = nsets};
    (void)names; /* every name of the tree is interned already */
    c.p = st_new(a, st_program);
    *c.p = (st_program){.arena = a, .sources = sources, .timezone = "UTC", .zone = st_zone_load(a, "UTC")};
    st_map_init(&c.words, a);
    st_map_init(&c.salts, a);
    for (uint32_t i = 0; i < nfiles; i++)
        if (!files[i].ok) c.incomplete = true;
    for (uint32_t i = 0; i < nfiles; i++) find_timezone(&c, files[i].root);
    for (uint32_t i = 0; i < nfiles; i++) st_find_hash(&c, files[i].root);
    for (uint32_t i = 0; i < nfiles; i++) count_groupings(&c, files[i].root);
    for (uint32_t i = 0; i < nfiles; i++) st_collect_tables(&c, files[i].root);
    for (uint32_t i = 0; i < nfiles; i++) st_collect_defs(&c, files[i].root);
    for (uint32_t i = 0; i < nfiles; i++) st_collect_contact(&c, files[i].root);
    st_check_tables(&c);
    st_settle_entities(&c);
    st_check_keeps(&c);
    st_check_overrides(&c);
    st_check_contact(&c);
    for (uint32_t i = 0; i < c.defs.n; i++) st_ensure(&c, c.defs.p[i], c.defs.p[i]->span);
    st_check_limits(&c);
    for (uint32_t i = 0; i < nfiles; i++) st_check_promises(&c, files[i].root);
    if (diags->errors == 0) st_warn_unserved(&c);
    st_check_tests(&c, files, nfiles);
    finish(&c);
    if (diags->errors) return c.p;
    st_find_origins(&c);
    st_select(c.p, &(st_selection){0});
    return c.p;
}
