/* From text to what evaluators need: a checked program and bound data. */
#ifndef STRATA_DIFFERENTIAL_PREPARE_H
#define STRATA_DIFFERENTIAL_PREPARE_H

#include "sample.h"

#include "diag/diag.h"
#include "table/table.h"

typedef struct prepared {
    st_sources sources;
    st_names names;
    st_diags diags;
    st_program *program; /* not to be run where diags.errors is not 0 */
    const st_data *data; /* NULL there */
    int64_t as_of;
} prepared;

/* Everything lives in `a`. Data that do not fit their declarations are raised with st_fail. `batch`: rows of a part of a
 * table. */
prepared *prepare(st_arena *a, const sample *s, uint32_t batch);
/* The table of that name, or NULL. */
const st_table *prepared_table(const prepared *p, const char *name);
const st_def *prepared_def(const prepared *p, const char *name);
/* A value as findings print it; labels by name. */
const char *value_text(st_arena *a, const st_program *program, const st_value *v);

#endif
