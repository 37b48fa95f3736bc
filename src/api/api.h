/* What the files of the library's face share: the objects behind the opaque handles, and the boundary where failure inside
 * (st_fail) becomes a status outside. */
#ifndef STRATA_API_API_H
#define STRATA_API_API_H

#include "diag/diag.h"
#include "bytecode/bytecode.h"
#include "plan/plan.h"
#include "snapshot/snapshot.h"
#include "table/bind.h"

/* What leaves for another tool. */
typedef struct st_api_activation {
    const st_def *def;
    uint32_t channel; /* of a treatment */
    strata_change change;
} st_api_activation;

struct strata_rules {
    st_env env;
    st_arena *arena; /* everything below */
    st_names names;
    st_sources sources;
    st_diags diags;
    st_parse *parses; /* one a source; NULL: not parsed yet */
    ST_VEC(st_override) sets;
    ST_VEC(const char *) only;
    const char *due;           /* NULL: not said */
    bool adding_library;       /* what is being added is one */
    bool compiled;             /* compile was called, or the rules were read */
    const st_program *program; /* NULL: read from compiled bytes, or not compiled */
    const st_program *schema;  /* tables and definitions; NULL: not compiled, or with errors */
    const st_bc *code;         /* the default outputs */
    ST_VEC(strata_definition) definitions;
    ST_VEC(strata_table) tables;
    ST_VEC(st_api_activation) activations;
};

struct strata_data {
    st_env env;
    st_arena *arena;
    const strata_rules *rules;
    uint32_t threads;
    st_binder *binder;    /* until finish */
    const st_data *bound; /* after it */
    bool failed;          /* a bind did not succeed: the binder is of no more use */
    st_mappings mappings; /* of a snapshot */
};

/* What a call reports when its body came through the guard, or did not. */
strata_status st_api_end(const st_env *env, bool ok, strata_error *error);
/* Fails without an environment: a wrong argument. */
strata_status st_api_refuse(strata_error *error, strata_status status, const char *fmt, ...) ST_PRINTF(3, 4);

/* Memory of the caller's allocator that remembers its size; NULL when there is none. */
void *st_api_allocate(const strata_allocator *alloc, size_t n);
void st_api_release(const strata_allocator *alloc, void *p);

/* Reads the files of lists that the parsed rules name and nobody added. */
void st_api_load_lists(strata_rules *rules);

/* Fills definitions and tables from a program. */
void st_api_describe(strata_rules *rules, const st_program *program);
void st_api_list_activations(strata_rules *rules, const st_program *program);
const char *st_api_type_text(st_arena *a, st_type type);
strata_kind st_api_kind(const st_def *d);

#endif
