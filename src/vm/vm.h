/* The virtual machine: runs a verified program over bound data at one instant (docs/vm.md).
 *
 * A run belongs to the thread that calls it and works in the environment of the arena it is given; inside it uses threads of its
 * own. Program and data are only read, and may serve any number of runs at a time. The result is the same with any
 * number of threads, any batch size and any instruction set. */
#ifndef STRATA_VM_VM_H
#define STRATA_VM_VM_H

#include "bytecode/bytecode.h"
#include "table/table.h"

#define ST_VM_BATCH 4096u

typedef struct st_vm_options {
    int64_t as_of;    /* instant */
    uint32_t threads; /* 0: one for each processor */
    const char *
        isa; /* "plain", "avx2", "avx512"; NULL: what the environment variable STRATA_ISA says, else the best */
    uint32_t batch; /* rows, a multiple of 64 up to ST_VM_BATCH; 0: ST_VM_BATCH. For tests */
    bool
        counts_only; /* of outputs that are only counted, bitmaps and values, no more than the number may be found */
    bool whole; /* steps run one after the other over all rows, none part by part. For tests */
    /* Called from the calling thread now and then with a share from 0 to 1; false stops the run (STRATA_BAD_INPUT, "stopped"). NULL:
     * nobody asks. */
    bool (*progress)(void *context, double share);
    void *context;
    bool profile; /* measure what each step costs */
} st_vm_options;

/* What instructions are there for. */
typedef enum st_cost_kind {
    ST_COST_LOAD,  /* columns, where more than a pointer is needed */
    ST_COST_LEAF,  /* tests of values */
    ST_COST_LOGIC, /* and, or, not */
    ST_COST_VALUE, /* everything that works values out */
    ST_COST_FOLD,  /* streaming aggregates */
    ST_COST_STORE, /* into slots */
    ST_COST_KINDS
} st_cost_kind;

/* What a step took. */
typedef struct st_vm_cost {
    uint64_t rows;               /* of its domain */
    double seconds;              /* in all */
    double in_views;             /* of these: putting the rows of child tables together by their entity */
    double kinds[ST_COST_KINDS]; /* of the rest, in a pass */
    double *code;                /* by instruction of a pass; NULL: it had no rows, or the step is none */
} st_vm_cost;

/* What a definition took: own is what serves it alone; shared is its even part of what serves others, too. */
typedef struct st_vm_served {
    double own, shared;
} st_vm_served;

/* What a slot holds: BOOL a bitmap; I64 int64_t; I128 st_i128; F64 double; TEXT uint32_t codes of dict. */
typedef struct st_vm_slot {
    st_bc_type type;
    uint64_t rows;
    const void *data;      /* NULL: the slot is no output, or was only counted (known: likewise) */
    const uint64_t *known; /* one bit a row; NULL: BOOL */
    const st_dict *dict;
    uint64_t
        bits; /* where `counted`: how many of a bitmap are set, of values how many are known in the population */
    bool counted;
} st_vm_slot;

typedef struct st_vm_note {
    strata_note_kind kind;
    const char *subject; /* as in the program; TIES: the definition; NULL: the run */
    uint64_t count, asked;
} st_vm_note;

typedef struct st_vm_result {
    const st_vm_slot *slots; /* by slot number; those of outputs and populations are filled */
    uint32_t nnotes;
    const st_vm_note
        *notes; /* those of the program that counted any row, then division by zero, overflow, ties */
    const st_vm_cost *costs;    /* by step; NULL: nobody asked */
    const st_vm_served *served; /* by definition, with what serves no output behind the last; NULL likewise */
} st_vm_result;

/* The result lives in `a`. Fails by st_fail: STRATA_NO_MEMORY; STRATA_BAD_INPUT for options, an unknown zone, an `as of` in
 * the future; STRATA_BAD_DATA where data do not hold what the program reads. The program must be verified. */
const st_vm_result *st_vm_run(st_arena *a, const st_bc *program, const st_data *data,
                              const st_vm_options *options);

/* Names of the instruction sets that this machine has, best last; ends with NULL. */
const char *const *st_vm_isas(void);

#endif
