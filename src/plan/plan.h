/* From the graph to a program of the machine: what is computed where and when, and the code for it.
 *
 * A run is a row of stages. In a stage every table and every view (the rows of a child table, grouped by entity) is passed over at
 * most once; then come the questions about groups and populations. What a stage computes for others lies in slots. A node
 * is computed as late as its readers allow, so that everything asked of a table meets in as few passes as there can be, and every
 * leaf is read once in each of them.
 *
 * Built by one thread, in an arena; the graph must outlive the plan.
 */
#ifndef STRATA_PLAN_PLAN_H
#define STRATA_PLAN_PLAN_H

#include "bytecode/bytecode.h"
#include "ir/ir.h"

typedef struct st_plan st_plan;

st_plan *st_plan_new(st_arena *a, const st_ir *ir);
/* --emit plan: the stages, what they read, what they fill. */
void st_dump_plan(st_arena *a, const st_plan *plan, st_buf *out);
/* The program; call once a plan. */
st_bc *st_plan_emit(st_arena *a, st_plan *plan);

/* From the checked program to a program of the machine; within the named limits of bytecode.h (else st_fail, STRATA_NO_MEMORY). NULL options: the outputs without traits. Rules that the machine cannot run
 * (a sequence that asks an aggregate about a chosen row) are raised with st_fail as STRATA_BAD_RULES. */
st_bc *st_compile(st_arena *a, const st_program *program, const st_ir_options *options);

#endif
