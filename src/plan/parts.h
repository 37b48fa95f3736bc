/* What the files of the planner share. */
#ifndef STRATA_PLAN_PARTS_H
#define STRATA_PLAN_PARTS_H

#include "ir/build.h"
#include "plan/plan.h"

/* Where row code runs: over a table (its index), or over the view of a path (ntables + its index). */
typedef uint32_t st_ground;

/* How a slot is filled. STORE: by row code over its place. FOLD: by a streaming aggregate in a pass over the view. STEP: by a step of
 * its own behind the passes of the stage. A threshold has a scalar instead of a slot. */
typedef enum st_fill_kind { ST_FILL_STORE, ST_FILL_FOLD, ST_FILL_STEP } st_fill_kind;
typedef struct st_fill {
    st_ir_id node;
    st_ground place; /* of the slot */
    st_fill_kind kind;
    uint32_t latest; /* stage in which it has to be filled for its readers */
    uint32_t stage;  /* that fills it; UINT32_MAX: not decided yet */
    const char *name;
    uint32_t slot; /* emission: slot, or scalar of a threshold */
} st_fill;

typedef struct st_view_info {
    bool used, ordered, tied;
    st_ir_id time;  /* ordered: the time of a row */
    uint32_t first; /* the earliest stage that can pass over it */
    uint32_t view;  /* emission: number of the view + 1 */
} st_view_info;

/* A note of the report, counted in the pass over `place` in `stage`. */
typedef struct st_plan_note {
    st_ir_id node;
    st_ground place;
    uint32_t stage;
    const st_table *table; /* its rows are not seen */
    const st_def *list;    /* or, where not NULL: the rows are those on this list */
} st_plan_note;

struct st_plan {
    st_arena *arena;
    const st_ir *ir;
    uint32_t nplaces, nstages;
    uint32_t *stage;     /* by node: the earliest stage in which it can be read or computed */
    bool *late;          /* by node: a constant of the run that only a ranking or a sequence gives */
    bool *setup;         /* by node: a constant of the run that the setup step computes */
    st_view_info *views; /* by path */
    ST_VEC(st_fill) fills;
    st_map fill_index; /* by node and place: number + 1 */
    ST_VEC(uint32_t) *
        filled; /* by stage: fills; those that moved to an earlier stage are to be passed over */
    ST_VEC(uint32_t) * pending; /* by place: fills of passes whose stage is not decided yet */
    ST_VEC(st_plan_note) notes;
    uint32_t *seen, stamp; /* by node: the walk that saw it last */
};

static inline bool st_place_is_view(const st_plan *p, st_ground place)
{
    return place >= p->ir->program->ntables;
}
static inline const st_ir_path *st_place_path(const st_plan *p, st_ground place)
{
    return p->ir->paths.p[place - p->ir->program->ntables];
}
static inline st_ground st_place_of_view(const st_plan *p, const st_ir_path *path)
{
    return p->ir->program->ntables + path->index;
}
/* The table whose rows the rows of a place are. */
static inline uint32_t st_place_table(const st_plan *p, st_ground place)
{
    return st_place_is_view(p, place) ? st_ir_path_from(st_place_path(p, place))->index : place;
}
/* Where the answer of a fold, a group question or a ranking lies. */
st_ground st_result_place(const st_plan *p, const st_ir_node *n);
bool st_is_result(const st_ir_node *n);
/* Read as it lies in the data: a column, or a column of a linked row. */
bool st_is_direct(const st_plan *p, st_ir_id id);
/* A constant of the run that is one scalar for all code: a literal, now, or computed by the setup step. */
bool st_is_scalar(const st_plan *p, st_ir_id id);
st_fill *st_fill_find(const st_plan *p, st_ir_id node, st_ground place); /* NULL: none */
st_ground st_fill_pass(const st_plan *p,
                       const st_fill *f); /* that is passed over to fill it; not for steps */
/* What row code has to read from a slot at this place and stage, although it could be computed. */
const st_fill *st_fill_before(const st_plan *p, st_ir_id node, st_ground place, uint32_t stage);

/* ---- code.c: row code ---- */
typedef struct st_emitter {
    st_arena *arena;
    st_plan *plan;
    st_bc *bc;
    uint32_t *scalar; /* by node: scalar + 1; BOUND nodes are set by the sequence that is emitted */
    struct st_piece *code;
} st_emitter;

st_bc_type st_bc_kind(st_ir_kind kind);
st_bc_domain st_domain_of(st_emitter *e, st_ground place);
uint32_t st_scalar_of(st_emitter *e, st_ir_id id);
/* The input by which rows of `place` read a direct node, or one that lies in a slot. */
uint32_t st_input_of(st_emitter *e, st_ir_id id, st_ground place);

/* One piece of code: begin, any of the others, end. */
void st_code_begin(st_emitter *e, st_ground place, uint32_t stage); /* setup: place = ST_BC_NONE */
void st_code_want(st_emitter *e, st_ir_id root); /* before anything is emitted: all that will be asked for */
void st_code_store(st_emitter *e, st_ir_id node, uint32_t slot);
void st_code_set(st_emitter *e, st_ir_id node, uint32_t scalar);
void st_code_fold(st_emitter *e, const st_ir_node *n, uint32_t slot);
void st_code_note(st_emitter *e, st_ir_id node, uint32_t note);
void st_code_check(st_emitter *e, uint32_t inner, uint32_t outer);
void st_code_answer(st_emitter *e, const st_ir_id *preds, uint32_t n); /* all of them hold; call last */
st_bc_code st_code_end(st_emitter *e,
                       uint32_t *answer); /* answer (or NULL): the register of st_code_answer */

#endif
