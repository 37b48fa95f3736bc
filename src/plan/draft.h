/* Instructions before they have registers of the machine. */
#ifndef STRATA_PLAN_DRAFT_H
#define STRATA_PLAN_DRAFT_H

#include "plan/parts.h"

typedef struct st_draft {
    st_bc_op op;
    st_bc_type type;
    uint32_t a[5];
    uint32_t *list; /* of registers (and scalars), where operand 1 is a list of them; else NULL */
    uint32_t nlist;
} st_draft;
typedef ST_VEC(st_draft) st_drafts;

typedef struct st_registers {
    uint32_t npred, nval; /* registers of the draft */
    uint32_t
        answer; /* a predicate that is read behind the code, or ST_BC_NONE; becomes the machine's register */
} st_registers;

/* registers.c: emits the drafted instructions into the open piece of code. Each value gets a register of the machine, which is used
 * again as soon as its last reader has run. */
void st_give_registers(st_emitter *e, st_drafts *code, st_registers *r);

#endif
