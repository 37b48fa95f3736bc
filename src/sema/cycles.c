/* Definitions are checked when they are first needed, so each is complete before what uses it; that is also the order
 * in which they are evaluated. A definition that is needed while it is being checked closes a circle. */
#include "sema/check.h"

/* The circle is reported where its first definition speaks of the second, with the whole path. */
static void report_cycle(st_checker *c, uint32_t first, st_span ref)
{
    st_buf path = {0};
    for (uint32_t i = first; i < c->chain.n; i++) {
        st_info(c, c->chain.p[i].def)->bad = true;
        st_buf_printf(c->a, &path, "%s -> ", c->chain.p[i].def->name);
    }
    const char *name = c->chain.p[first].def->name;
    st_buf_puts(c->a, &path, name);
    st_span at = first + 1 < c->chain.n ? c->chain.p[first + 1].ref : ref;
    const char *next = first + 1 < c->chain.n ? c->chain.p[first + 1].def->name : name;
    st_err(c, ST_MSG_CYCLE, at, name, next, st_buf_text(c->a, &path));
}

bool st_ensure(st_checker *c, st_def *d, st_span ref)
{
    st_definfo *info = st_info(c, d);
    if (info->state == ST_CHECKED) return true;
    if (info->state == ST_CHECKING) {
        uint32_t first = c->chain.n;
        while (first > 0 && c->chain.p[first - 1].def != d) first--;
        if (first > 0) report_cycle(c, first - 1, ref);
        return false;
    }
    info->state = ST_CHECKING;
    *st_push(c->a, &c->chain) = (st_frame){d, ref};
    if (st_enter(c, ref))
        st_check_def(c, d);
    else
        info->bad = true;
    st_leave(c);
    c->chain.n--;
    info->state = ST_CHECKED;
    *st_push(c->a, &c->order) = d;
    return true;
}
