/* Sequences, by trying every choice of rows. */
#include "oracle/parts.h"

typedef struct search {
    const st_scope *s;
    const st_expr *e;
    int64_t *chosen; /* by step */
    int64_t end;     /* the instant in force, or its day where times are dates */
} search;

/* The time of the row chosen last. */
typedef struct anchor {
    bool set;
    bool is_date;
    int64_t time;
} anchor;

/* The scope of a step's conditions: they can speak of the rows chosen for earlier steps. */
static st_scope step_scope(const search *q)
{
    st_scope s = *q->s;
    s.chosen = q->chosen;
    return s;
}

/* The latest time that is within the step's limit; ST_NO_TIME: none in the calendar, so any time is. */
static int64_t limit_of(const search *q, const st_step *step, const anchor *from)
{
    return from->is_date
               ? st_date_add(from->time, step->within, step->within_unit)
               : st_instant_add(q->s->o->program->zone, from->time, step->within, step->within_unit);
}

static bool in_reach(const search *q, const st_step *step, const anchor *from, int64_t time)
{
    if (!from->set) return true;
    if (time <= from->time) return false;
    if (!step->has_within) return true;
    int64_t limit = limit_of(q, step, from);
    return limit == ST_NO_TIME || time <= limit;
}

/* No row of the step lies in its reach behind `from` and before `to`. */
static bool none_between(const search *q, const st_step *step, const anchor *from, int64_t to)
{
    st_scope s = step_scope(q);
    st_oracle *o = s.o;
    uint32_t base = o->rows.n, n = st_o_push_rows(&s, &step->rows);
    bool none = true;
    for (uint32_t i = 0; i < n && none; i++) {
        st_value t = st_o_time(&s, step->rows.table, o->rows.p[base + i]);
        none = t.missing || t.as.i >= to || !in_reach(q, step, from, t.as.i);
    }
    o->rows.n = base;
    return none;
}

/* The steps from `first` on are all `no`: they run to the instant in force, or hold once their limit is past. */
static bool closing_holds(const search *q, uint32_t first, const anchor *from)
{
    for (uint32_t i = first; i < q->e->nsteps; i++) {
        const st_step *step = &q->e->steps[i];
        if (step->has_within) {
            int64_t limit = limit_of(q, step, from);
            if (limit == ST_NO_TIME || limit >= q->end) return false;
        }
        if (!none_between(q, step, from, q->end)) return false;
    }
    return true;
}

static bool fits_from(search *q, uint32_t first, const anchor *from)
{
    uint32_t next = first;
    while (next < q->e->nsteps && q->e->steps[next].kind == ST_STEP_NO) next++;
    if (next == q->e->nsteps) return closing_holds(q, first, from);
    const st_step *step = &q->e->steps[next];
    st_scope s = step_scope(q);
    st_oracle *o = s.o;
    uint32_t base = o->rows.n, n = st_o_push_rows(&s, &step->rows);
    bool found = false;
    for (uint32_t i = 0; i < n && !found; i++) {
        int64_t row = o->rows.p[base + i];
        st_value t = st_o_time(&s, step->rows.table, row);
        if (t.missing || !in_reach(q, step, from, t.as.i)) continue;
        bool free_between = true;
        for (uint32_t k = first; k < next && free_between; k++)
            free_between = none_between(q, &q->e->steps[k], from, t.as.i);
        if (!free_between) continue;
        q->chosen[next] = row;
        anchor here = {true, t.type.base == ST_T_DATE, t.as.i};
        found = fits_from(q, next + 1, &here);
    }
    o->rows.n = base;
    return found;
}

static bool times_are_dates(const st_expr *e)
{
    for (uint32_t i = 0; i < e->nsteps; i++) {
        const st_expr *time = e->steps[i].rows.table->order_time;
        if (time) return time->type.base == ST_T_DATE;
    }
    return false;
}

bool st_o_sequence(const st_scope *s, const st_expr *e)
{
    int64_t *chosen = st_new_n(s->o->arena, int64_t, e->nsteps + 1);
    search q = {s, e, chosen, s->m->now};
    if (times_are_dates(e)) q.end = st_day_of_instant(s->o->program->zone, s->m->now);
    for (uint32_t i = 0; i < e->nsteps; i++) chosen[i] = ST_NO_ROW;
    anchor none = {0};
    return fits_from(&q, 0, &none);
}
