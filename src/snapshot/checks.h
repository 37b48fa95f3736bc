/* What must hold of mapped values before anything reads them, whoever wrote them: each check is one pass over a column, all passes are shared out to
 * the threads. */
#ifndef STRATA_SNAPSHOT_CHECKS_H
#define STRATA_SNAPSHOT_CHECKS_H

#include "snapshot/parts.h"

typedef enum st_check_kind {
    ST_CHECK_BELOW,  /* unsigned numbers: below `limit` */
    ST_CHECK_ROWS,   /* int32: -1, or below `limit` */
    ST_CHECK_ASCEND, /* n + 1 unsigned numbers: from 0, ascending, the last one `limit`, or at most that */
    ST_CHECK_RANGE,  /* signed numbers of 4 or 8 bytes: from `low` to `high` */
    ST_CHECK_DIGITS, /* 128 bits: less than 10^limit from 0 */
    ST_CHECK_FINITE, /* doubles */
    ST_CHECK_COUNT, /* bits: n of them, `limit` are set, behind the last one none (up to a multiple of 512) */
    ST_CHECK_TAIL,  /* bits: behind the last of n none */
    ST_CHECK_TEXTS  /* n texts, between the offsets `data`, in `more`: UTF-8 */
} st_check_kind;

typedef struct st_pass_check {
    st_check_kind kind;
    const char *table, *column;
    const void *data, *more;
    uint64_t n, limit;
    int64_t low, high;
    uint8_t width;
    bool at_most;
    uint64_t first_task;
} st_pass_check;

typedef struct st_checks {
    const char *dir;
    ST_VEC(st_pass_check) all;
} st_checks;

/* Fails with one sentence where one of them does not hold. */
void st_checks_run(st_env *env, uint32_t threads, st_checks *checks);

#endif
