/* A description of tables made from what a rule set declares, and from what its rules ask: a text that a rule compares a column
 * with is among the words of that column, a number that it asks for is in the middle of what the column holds. */
#ifndef STRATA_CLI_GENERATE_FROM_H
#define STRATA_CLI_GENERATE_FROM_H

#include "cli/generate/model.h"
#include "sema/program.h"

/* In the arena, with the tables and the zone filled in. */
gen_model gen_model_from(st_arena *a, const st_program *program);

#endif
