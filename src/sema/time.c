/* Phrases of time, spelled out as comparisons of days or instants.
 *
 * In what follows D is a day, I an instant, T the instant in force, day(I) the day of I in the zone.
 *   phrase              x is a timestamp                        x is a date
 *   before D / I        x < start(D)         / x < I            x < D         / x < day(I)
 *   after D / I         x >= start(D + 1)    / x > I            x > D         / x > day(I)
 *   since D / I         x >= start(D)        / x >= I           x >= D        / x >= day(I)
 *   on D / I            start(D) <= x < start(D + 1), I: D = day(I)           x = D / x = day(I)
 *   between A and B     since A, and before B (an instant) or before B + 1 (a day: included whole)
 *   in last d           T - d <= x < T                          day(T - d) <= x < day(T)
 *   in next d           T <= x < T + d                          day(T) <= x < day(T + d)
 *   in this U           from the first day of the unit of today up to that of the next
 *   in previous U, in last n calendar U                         likewise, up to that of the current one
 * A day that differs from row to row (a column) is compared with day(x); that says the same and needs no start of day. */
#include "sema/check.h"

static bool is_clock_unit(st_unit u)
{
    return u == ST_MINUTE || u == ST_HOUR;
}

/* ---- lengths of time ---- */
static bool named_duration(st_checker *c, const st_scope *s, const st_ast *name, int64_t *n, st_unit *unit)
{
    const st_word *w = st_lookup(c, name->text);
    if (w && w->def && st_info(c, w->def)->broken) return false;
    if (w && w->def && w->def->kind == ST_DEF_PARAM) {
        if (!st_ensure(c, w->def, name->span) || st_info(c, w->def)->bad) return false;
        if (st_is(w->def->type, ST_T_DURATION)) {
            st_use(c, s, w->def);
            *n = w->def->value.as.i;
            *unit = w->def->value.unit;
            return true;
        }
        st_err(c, ST_MSG_NOT_A_DURATION, name->span, name->text);
        return false;
    }
    if (w || !c->incomplete) st_err(c, ST_MSG_NOT_A_DURATION, name->span, name->text);
    return false;
}

bool st_check_duration(st_checker *c, const st_scope *s, const st_ast *ast, int64_t *n, st_unit *unit)
{
    ast = st_bare(ast);
    if (ast->kind == ST_AST_NAME) return named_duration(c, s, ast, n, unit);
    if (ast->kind != ST_AST_DURATION) {
        st_err(c, ST_MSG_NOT_A_DURATION, ast->span, st_source_text(c, ast));
        return false;
    }
    const st_ast *count = ast->kids[ST_DURATION_count];
    *unit = (st_unit)ast->op;
    st_expr *x = st_check_expr(c, s, count);
    if (!x) return false;
    if (!st_is_const(x) || !st_is(x->type, ST_T_INT)) {
        st_err(c, ST_MSG_NOT_A_DURATION, ast->span, st_source_text(c, ast));
        return false;
    }
    *n = x->value.as.i;
    if (*n >= 0 && *n <= ST_MAX_COUNT) return true;
    st_err(c, ST_MSG_DURATION_RANGE, ast->span, st_format(c->a, "%d", ST_MAX_COUNT));
    return false;
}

/* x + 7 days, x - 1 month, x + cycle days, x + silence */
st_expr *st_check_shift(st_checker *c, const st_scope *s, st_expr *x, const st_ast *add)
{
    const st_ast *right = st_bare(add->kids[ST_ADD_right]);
    bool minus = add->op == '-';
    st_unit unit = ST_DAY;
    st_expr *n;
    if (!st_is_time(x->type)) {
        st_err(c, ST_MSG_SHIFT_OF, add->kids[ST_ADD_left]->span, st_source_text(c, add->kids[ST_ADD_left]),
               st_kind_words(x->type));
        return NULL;
    }
    if (right->kind == ST_AST_DURATION && right->kids[ST_DURATION_count]->kind != ST_AST_INT) {
        const st_ast *count = right->kids[ST_DURATION_count];
        unit = (st_unit)right->op;
        if (!(n = st_check_expr(c, s, count))) return NULL;
        if (!st_is(n->type, ST_T_INT)) {
            st_err(c, ST_MSG_COUNT_OF_UNITS, count->span, st_source_text(c, count), st_unit_names[unit]);
            return NULL;
        }
        if (minus) n = st_x(c, ST_X_NEG, n->type, n->span, 1, n);
    } else {
        int64_t count;
        if (!st_check_duration(c, s, right, &count, &unit)) return NULL;
        n = st_x_int(c, minus ? -count : count, right->span);
    }
    if (is_clock_unit(unit) && x->type.base == ST_T_DATE) {
        st_err(c, ST_MSG_HOURS_OF_A_DAY, right->span, st_source_text(c, add->kids[ST_ADD_left]));
        return NULL;
    }
    return st_x_shift(c, x, n, unit, add->span);
}

/* ---- values made of times ---- */
static st_expr *time_operand(st_checker *c, const st_scope *s, const st_ast *ast)
{
    st_expr *x = st_check_expr(c, s, ast);
    if (!x || st_is_time(x->type)) return x;
    if (st_is(x->type, ST_T_DURATION))
        st_err(c, ST_MSG_DURATION_AS_TIME, ast->span, st_source_text(c, ast));
    else
        st_err(c, ST_MSG_NOT_A_TIME, ast->span, st_source_text(c, ast), st_kind_words(x->type));
    return NULL;
}

static st_expr *ago(st_checker *c, const st_scope *s, const st_ast *ast)
{
    int64_t n;
    st_unit unit;
    if (!st_check_duration(c, s, ast->kids[ST_AGO_duration], &n, &unit)) return NULL;
    return st_x_shift_n(c, st_x_now(c, ast->span), -n, unit, ast->span);
}

static st_expr *units_between(st_checker *c, st_expr *a, st_expr *b, st_unit unit, st_span span)
{
    st_expr *x = st_x(c, ST_X_BETWEEN_TIMES, st_int_type(is_clock_unit(unit) ? 12 : 7), span, 2, a, b);
    x->unit = unit;
    return x;
}

/* Complete units from x to now. */
static st_expr *units_since(st_checker *c, st_expr *x, st_unit unit, st_span span)
{
    st_expr *now = st_x_now(c, span);
    return units_between(c, x, x->type.base == ST_T_DATE ? st_x_day(c, now) : now, unit, span);
}

static st_expr *since(st_checker *c, const st_scope *s, const st_ast *ast)
{
    st_expr *x = time_operand(c, s, ast->kids[ST_SINCE_time]);
    if (!x) return NULL;
    if (is_clock_unit((st_unit)ast->op) && x->type.base == ST_T_DATE) {
        st_err(c, ST_MSG_HOURS_OF_A_DAY, ast->span, st_source_text(c, ast->kids[ST_SINCE_time]));
        return NULL;
    }
    return units_since(c, x, (st_unit)ast->op, ast->span);
}

static st_expr *from_to(st_checker *c, const st_scope *s, const st_ast *ast)
{
    st_expr *a = time_operand(c, s, ast->kids[ST_FROM_TO_from]),
            *b = time_operand(c, s, ast->kids[ST_FROM_TO_to]);
    if (!a || !b) return NULL;
    if (a->type.base != b->type.base || a->type.base == ST_T_DATE) {
        if (is_clock_unit((st_unit)ast->op)) {
            const st_ast *day = ast->kids[a->type.base == ST_T_DATE ? ST_FROM_TO_from : ST_FROM_TO_to];
            st_err(c, ST_MSG_HOURS_OF_A_DAY, ast->span, st_source_text(c, day));
            return NULL;
        }
        a = st_x_day(c, a);
        b = st_x_day(c, b);
    }
    return units_between(c, a, b, (st_unit)ast->op, ast->span);
}

static st_expr *part_of(st_checker *c, const st_scope *s, const st_ast *ast)
{
    st_expr *x = time_operand(c, s, ast->kids[ST_PART_time]);
    if (!x) return NULL;
    if (ast->op == ST_PART_HOUR && x->type.base == ST_T_DATE) {
        st_err(c, ST_MSG_HOURS_OF_A_DAY, ast->span, st_source_text(c, ast->kids[ST_PART_time]));
        return NULL;
    }
    st_type type = st_int_type(4);
    if (ast->op == ST_PART_WEEKDAY) type = (st_type){.base = ST_T_LABEL, .labels = &st_weekdays};
    st_expr *p = st_x(c, ST_X_PART, type, ast->span, 1, x);
    p->part = (st_part)ast->op;
    return p;
}

static bool check_calendar_unit(st_checker *c, st_unit unit, st_span span)
{
    if (!is_clock_unit(unit)) return true;
    st_err(c, ST_MSG_CALENDAR_UNIT, span);
    return false;
}

static st_expr *calendar_of(st_checker *c, const st_scope *s, const st_ast *ast)
{
    st_expr *x = time_operand(c, s, ast->kids[ST_CALENDAR_time]);
    if (!x || !check_calendar_unit(c, (st_unit)ast->op, ast->span)) return NULL;
    return st_x_trunc(c, st_x_day(c, x), (st_unit)ast->op, ast->span);
}

st_expr *st_check_time_node(st_checker *c, const st_scope *s, const st_ast *ast)
{
    switch (ast->kind) {
    case ST_AST_AGO: return ago(c, s, ast);
    case ST_AST_SINCE: return since(c, s, ast);
    case ST_AST_FROM_TO: return from_to(c, s, ast);
    case ST_AST_PART: return part_of(c, s, ast);
    case ST_AST_CALENDAR: return calendar_of(c, s, ast);
    default: /* anniversary of x, alone */
        st_err(c, ST_MSG_ANNIVERSARY_ALONE, ast->span, st_source_text(c, ast));
        return NULL;
    }
}

/* ---- windows ---- */

/* A border of a window: NULL: none. A day as border is a date; an instant a timestamp. */
typedef struct range {
    st_expr *low, *high;
    bool low_strict;     /* after: the border itself (a day: the whole day) is out */
    bool high_whole_day; /* a day as upper border is included */
    bool days; /* both borders are days of the calendar, high excluded: this, previous, last n calendar */
} range;

static bool length_range(st_checker *c, const st_scope *s, const st_expr *x, const st_ast *window,
                         st_span span, range *r)
{
    int64_t n;
    st_unit unit;
    if (!st_check_duration(c, s, window->kids[ST_WINDOW_a], &n, &unit)) return false;
    if (is_clock_unit(unit) && x->type.base == ST_T_DATE) {
        st_err(c, ST_MSG_HOURS_OF_A_DAY, window->kids[ST_WINDOW_a]->span, "What is asked");
        return false;
    }
    st_expr *now = st_x_now(c, span);
    if (window->op == ST_WINDOW_LAST)
        *r = (range){.low = st_x_shift_n(c, now, -n, unit, span), .high = now};
    else
        *r = (range){.low = now, .high = st_x_shift_n(c, now, n, unit, span)};
    return true;
}

static bool calendar_range(st_checker *c, const st_scope *s, const st_ast *window, st_span span, range *r)
{
    const st_ast *a = window->kids[ST_WINDOW_a];
    int64_t n = 1;
    st_unit unit = (st_unit)a->op;
    if (window->op == ST_WINDOW_LAST_CALENDAR && !st_check_duration(c, s, a, &n, &unit)) return false;
    if (!check_calendar_unit(c, unit, a->span)) return false;
    st_expr *first = st_x_trunc(c, st_x_today(c, span), unit, span);
    *r = (range){.days = true};
    if (window->op == ST_WINDOW_THIS) {
        r->low = first;
        r->high = st_x_shift_n(c, first, 1, unit, span);
    } else {
        r->low = st_x_shift_n(c, first, -n, unit, span);
        r->high = first;
    }
    return true;
}

static bool border_range(st_checker *c, const st_scope *s, const st_ast *window, range *r)
{
    st_expr *a = time_operand(c, s, window->kids[ST_WINDOW_a]);
    *r = (range){0};
    switch ((st_window)window->op) {
    case ST_WINDOW_BEFORE: r->high = a; break;
    case ST_WINDOW_AFTER:
        r->low = a;
        r->low_strict = true;
        break;
    case ST_WINDOW_SINCE: r->low = a; break;
    case ST_WINDOW_ON:
        if (a) a = st_x_day(c, a);
        *r = (range){.low = a, .high = a, .high_whole_day = true};
        break;
    default: /* between */
        *r = (range){.low = a, .high = time_operand(c, s, window->kids[ST_WINDOW_b]), .high_whole_day = true};
        return a && r->high;
    }
    return a != NULL;
}

static bool check_range(st_checker *c, const st_scope *s, const st_expr *x, const st_ast *window,
                        st_span span, range *r)
{
    switch ((st_window)window->op) {
    case ST_WINDOW_LAST:
    case ST_WINDOW_NEXT: return length_range(c, s, x, window, span, r);
    case ST_WINDOW_LAST_CALENDAR:
    case ST_WINDOW_THIS:
    case ST_WINDOW_PREVIOUS: return calendar_range(c, s, window, span, r);
    case ST_WINDOW_ANY: st_err(c, ST_MSG_ANY_WINDOW, span); return false;
    default: return border_range(c, s, window, r);
    }
}

/* x against one border, where both are of the kinds that the table at the top says. */
static st_expr *low_test(st_checker *c, st_expr *x, st_expr *low, bool strict, st_span span)
{
    if (x->type.base == ST_T_DATE) return st_x_cmp(c, strict ? ST_X_GT : ST_X_GE, x, st_x_day(c, low), span);
    if (low->type.base == ST_T_TIMESTAMP) return st_x_cmp(c, strict ? ST_X_GT : ST_X_GE, x, low, span);
    if (low->at) return st_x_cmp(c, strict ? ST_X_GT : ST_X_GE, st_x_day(c, x), low, span);
    if (strict) low = st_x_shift_n(c, low, 1, ST_DAY, span);
    return st_x_cmp(c, ST_X_GE, x, st_x_start(c, low), span);
}

static st_expr *high_test(st_checker *c, st_expr *x, st_expr *high, bool whole_day, st_span span)
{
    bool day = high->type.base == ST_T_DATE;
    if (x->type.base == ST_T_DATE)
        return st_x_cmp(c, day && whole_day ? ST_X_LE : ST_X_LT, x, st_x_day(c, high), span);
    if (!day) return st_x_cmp(c, ST_X_LT, x, high, span);
    if (high->at) return st_x_cmp(c, whole_day ? ST_X_LE : ST_X_LT, st_x_day(c, x), high, span);
    if (whole_day) high = st_x_shift_n(c, high, 1, ST_DAY, span);
    return st_x_cmp(c, ST_X_LT, x, st_x_start(c, high), span);
}

st_expr *st_time_bound(st_checker *c, st_expr *x, st_expr *bound, bool at_least, st_span span)
{
    if (at_least) return low_test(c, x, bound, false, span);
    return st_x_not(c, low_test(c, x, bound, true, span), span);
}

static st_expr *range_test(st_checker *c, st_expr *x, const range *r, st_span span)
{
    bool one_day = r->low && r->low == r->high && (x->type.base == ST_T_DATE || r->low->at);
    if (one_day) return st_x_cmp(c, ST_X_EQ, st_x_day(c, x), r->low, span);
    st_expr *low = r->low ? low_test(c, x, r->low, r->low_strict, span) : NULL;
    st_expr *high = r->high ? high_test(c, x, r->high, r->high_whole_day, span) : NULL;
    return st_x_and(c, low, high, span);
}

st_expr *st_apply_window(st_checker *c, const st_scope *s, st_expr *x, const st_ast *window, st_span span)
{
    range r;
    return check_range(c, s, x, window, span, &r) ? range_test(c, x, &r, span) : NULL;
}

bool st_check_during(st_checker *c, const st_scope *s, const st_ast *during, st_expr **active)
{
    *active = NULL;
    if (!during) return true;
    const st_scope run = {.def = s->def}; /* the same for everybody */
    range r = {.low = time_operand(c, &run, during->kids[ST_DURING_from]),
               .high = time_operand(c, &run, during->kids[ST_DURING_to]),
               .high_whole_day = true};
    if (!r.low || !r.high) return false;
    if (st_is_const(r.low) && st_is_const(r.high) && r.low->type.base == r.high->type.base &&
        r.low->value.as.i > r.high->value.as.i) {
        st_err(c, ST_MSG_DURING_ORDER, during->span);
        return false;
    }
    *active = range_test(c, st_x_now(c, during->span), &r, during->span);
    return true;
}

/* The i-th stretch back from now (0 is the latest): [T - (i + 1) each, T - i each). */
st_expr *st_apply_block(st_checker *c, st_expr *x, uint32_t block, int64_t each, st_unit unit, st_span span)
{
    st_expr *now = st_x_now(c, span);
    range r = {.low = st_x_shift_n(c, now, -(int64_t)(block + 1) * each, unit, span),
               .high = block ? st_x_shift_n(c, now, -(int64_t)block * each, unit, span) : now};
    return range_test(c, x, &r, span);
}

/* anniversary of x in WINDOW: some anniversary lies in the days of the window. */
static st_expr *anniversary(st_checker *c, const st_scope *s, const st_ast *of, const st_ast *window,
                            st_span span)
{
    st_expr *x = time_operand(c, s, of->kids[ST_ANNIVERSARY_time]);
    range r;
    if (!x) return NULL;
    x = st_x_day(c, x);
    if (!check_range(c, s, x, window, span, &r)) return NULL;
    st_value never = {.type = st_type_of(ST_T_DATE)}, ever = never;
    never.as.i = ST_DATE_MIN;
    ever.as.i = ST_DATE_MAX;
    bool whole = r.high && r.high_whole_day && r.high->type.base == ST_T_DATE;
    st_expr *low = r.low ? st_x_day(c, r.low) : st_x_const(c, never, span);
    st_expr *high = r.high ? st_x_day(c, r.high) : st_x_const(c, ever, span);
    if (r.low_strict) low = st_x_shift_n(c, low, 1, ST_DAY, span);
    if (whole) high = st_x_shift_n(c, high, 1, ST_DAY, span);
    return st_x(c, ST_X_ANNIVERSARY, st_type_of(ST_T_BOOL), span, 3, x, low, high);
}

static st_expr *number_between(st_checker *c, const st_scope *s, st_expr *x, const st_ast *ast)
{
    const st_ast *window = ast->kids[ST_IN_WINDOW_window];
    st_expr *a = st_check_measure(c, s, window->kids[ST_WINDOW_a], x),
            *b = st_check_measure(c, s, window->kids[ST_WINDOW_b], x);
    if (!a || !b) return NULL;
    return st_x_and(c, st_x_cmp(c, ST_X_GE, x, a, ast->span), st_x_cmp(c, ST_X_LE, x, b, ast->span),
                    ast->span);
}

static void report_no_time(st_checker *c, const st_expr *x, const st_ast *ast)
{
    const st_ast *left = st_bare(ast->kids[ST_IN_WINDOW_left]), *window = ast->kids[ST_IN_WINDOW_window];
    const char *text = st_source_text(c, left), *help = "";
    if (left->kind == ST_AST_AGGREGATE && left->kids[ST_AGGREGATE_source]) {
        const st_ast *source = left->kids[ST_AGGREGATE_source];
        bool plain = !source->kids[ST_SOURCE_window] && !source->kids[ST_SOURCE_where];
        const char *rows = st_source_text(c, plain ? source : source->kids[ST_SOURCE_name]);
        bool counts = st_is(x->type, ST_T_INT) && left->op == ST_AGG_COUNT && plain;
        help = counts
                   ? st_format(c->a, "The window belongs to the %s, inside the brackets: count(%s %s) >= 3.",
                               rows, rows, st_source_text(c, window))
                   : st_format(c->a, "The window belongs to the %s, inside the brackets: %s %s.", rows, rows,
                               st_source_text(c, window));
    } else if (left->kind == ST_AST_SINCE) {
        help = st_format(c->a, "Ask the time itself: %s %s.", st_source_text(c, left->kids[ST_SINCE_time]),
                         st_source_text(c, window));
    } else if (x->op == ST_X_DEF && x->def->kind == ST_DEF_SEGMENT) {
        help = st_format(c->a, "For who came in since then: entered %s %s.", text, st_source_text(c, window));
    }
    st_err(c, ST_MSG_WINDOW_OF, ast->span, text, st_kind_words(x->type), help);
}

/* "birth_date in next 7 days" asks who will be born. */
static void warn_birthday(st_checker *c, const st_expr *x, const st_ast *ast)
{
    const st_ast *window = ast->kids[ST_IN_WINDOW_window];
    if (x->op != ST_X_COLUMN || !strstr(x->col->name, "birth") || window->op != ST_WINDOW_NEXT) return;
    const char *when = st_source_text(c, window);
    st_err(c, ST_MSG_BIRTHDAY, ast->span, when, x->col->name);
}

st_expr *st_check_window(st_checker *c, const st_scope *s, const st_ast *ast)
{
    const st_ast *left = ast->kids[ST_IN_WINDOW_left], *window = ast->kids[ST_IN_WINDOW_window];
    if (st_bare(left)->kind == ST_AST_ANNIVERSARY) return anniversary(c, s, st_bare(left), window, ast->span);
    st_expr *x = st_check_expr(c, s, left);
    if (!x) return NULL;
    bool measured = st_is_number(x->type) || st_is(x->type, ST_T_DISTANCE);
    if (measured && window->op == ST_WINDOW_BETWEEN) return number_between(c, s, x, ast);
    if (!st_is_time(x->type)) {
        report_no_time(c, x, ast);
        return NULL;
    }
    warn_birthday(c, x, ast);
    return st_apply_window(c, s, x, window, ast->span);
}

/* ---- time travel ---- */

/* Whether a time is known to lie behind now: now or today shifted forward. */
static bool surely_later(const st_expr *x)
{
    if (x->op == ST_X_TO_INSTANT || x->op == ST_X_TO_DATE) return surely_later(x->args[0]);
    if (x->op != ST_X_SHIFT || !st_is_const(x->args[1])) return false;
    const st_expr *base = x->args[0];
    bool now = base->op == ST_X_NOW || (base->op == ST_X_TO_DATE && base->args[0]->op == ST_X_NOW);
    return now && x->args[1]->value.as.i > 0;
}

st_expr *st_check_as_of(st_checker *c, const st_scope *s, const st_ast *ast)
{
    const st_ast *when = ast->kids[ST_AS_OF_time];
    st_scope far = *s;
    far.far = true;
    st_expr *x = st_check_expr(c, &far, ast->kids[ST_AS_OF_expr]);
    st_expr *t = time_operand(c, &far, when);
    if (!x || !t) return NULL;
    if (x->type.list) {
        st_err(c, ST_MSG_LIST_COMPARED, ast->kids[ST_AS_OF_expr]->span,
               st_source_text(c, ast->kids[ST_AS_OF_expr]));
        return NULL;
    }
    if (t->at) {
        st_err(c, ST_MSG_AS_OF_ROW, when->span, st_source_text(c, when));
        return NULL;
    }
    if (surely_later(t)) {
        st_err(c, ST_MSG_AS_OF_FUTURE, when->span, st_source_text(c, when));
        return NULL;
    }
    st_expr *y = st_x(c, ST_X_AS_OF, x->type, ast->span, 2, x, st_x_start(c, t));
    y->type.optional = true; /* a tier of who had not begun */
    if (st_is(x->type, ST_T_BOOL) && !x->type.optional) y->type.optional = false;
    st_warn_as_of(c, y);
    return y;
}

/* ---- who came and who went ---- */

/* The instant at which a window begins that goes on until now; NULL: reported. */
static st_expr *window_start(st_checker *c, const st_scope *s, const st_ast *window)
{
    range r;
    bool open = window->op == ST_WINDOW_LAST || window->op == ST_WINDOW_THIS ||
                window->op == ST_WINDOW_SINCE || window->op == ST_WINDOW_AFTER;
    if (!open) {
        st_err(c, ST_MSG_WINDOW_UNTIL_NOW, window->span, st_source_text(c, window));
        return NULL;
    }
    if (!check_range(c, s, st_x_now(c, window->span), window, window->span, &r)) return NULL;
    st_expr *low = r.low;
    if (r.low_strict && low->type.base == ST_T_DATE) low = st_x_shift_n(c, low, 1, ST_DAY, window->span);
    if (low->at) {
        st_err(c, ST_MSG_AS_OF_ROW, window->span, st_source_text(c, window));
        return NULL;
    }
    if (surely_later(low)) {
        st_err(c, ST_MSG_AS_OF_FUTURE, window->span, st_source_text(c, window));
        return NULL;
    }
    return st_x_start(c, low);
}

/* A condition that is never missing, at an earlier instant. */
static st_expr *then(st_checker *c, st_expr *x, st_expr *start, st_span span)
{
    st_expr *y = st_x(c, ST_X_AS_OF, st_type_of(ST_T_BOOL), span, 2, x, start);
    y->type.optional = false;
    st_warn_as_of(c, y);
    return y;
}

/* entered S: in now and not when the window began; left S: in then and not now. */
st_expr *st_check_entered(st_checker *c, const st_scope *s, const st_ast *ast)
{
    bool left = ast->op != 0;
    if (!s->at) {
        st_err(c, ST_MSG_PARAM_VALUE, ast->span);
        return NULL;
    }
    const st_ast *name = ast->kids[ST_ENTERED_name];
    st_def *d = st_check_segment_name(c, s, name, left ? "left" : "entered");
    st_expr *start = window_start(c, s, ast->kids[ST_ENTERED_window]);
    if (d && d->kind == ST_DEF_LIST) {
        st_err(c, ST_MSG_AMONG_NEEDS_SEGMENT, name->span, d->name, s->at->name, left ? "left" : "entered",
               "A list is the same at every time.");
        return NULL;
    }
    st_expr *now = d ? st_x_def(c, s, d, name->span) : NULL;
    if (!now || !start) return NULL;
    st_expr *before = then(c, now, start, ast->span);
    return left ? st_x_and(c, before, st_x_not(c, now, ast->span), ast->span)
                : st_x_and(c, now, st_x_not(c, before, ast->span), ast->span);
}

/* Whether x has, or has not, this label; who has none has not. Never missing. */
static st_expr *has_label(st_checker *c, st_expr *x, st_expr *label, bool has, st_span span)
{
    st_expr *none = st_x(c, ST_X_IS_MISSING, st_type_of(ST_T_BOOL), span, 1, x);
    none->type.optional = false;
    st_expr *parts[2] = {has ? st_x_not(c, none, span) : none,
                         st_x_cmp(c, has ? ST_X_EQ : ST_X_NE, x, label, span)};
    st_expr *y = st_x_or_all(c, has ? ST_X_AND : ST_X_OR, parts, 2, span);
    y->type.optional = false;
    return y;
}

/* x went from a to b: a when the window began, b now; without one of them, anything else there. */
st_expr *st_check_went(st_checker *c, const st_scope *s, const st_ast *ast)
{
    const st_ast *left = ast->kids[ST_WENT_left], *from = ast->kids[ST_WENT_from],
                 *to = ast->kids[ST_WENT_to];
    st_scope far = *s;
    far.far = true;
    st_expr *x = st_check_expr(c, &far, left);
    st_expr *start = window_start(c, &far, ast->kids[ST_WENT_window]);
    if (!x) return NULL;
    if (!st_is(x->type, ST_T_LABEL) || !x->type.labels->def) {
        st_err(c, ST_MSG_WENT_OF, left->span, st_source_text(c, left), st_kind_words(x->type));
        return NULL;
    }
    st_expr *a = from ? st_check_label(c, x->type.labels, from) : NULL,
            *b = to ? st_check_label(c, x->type.labels, to) : NULL;
    if (!start || (from && !a) || (to && !b)) return NULL;
    st_expr *before = has_label(c, x, a ? a : b, a != NULL, ast->span),
            *now = has_label(c, x, b ? b : a, b != NULL, ast->span);
    return st_x_and(c, then(c, before, start, ast->span), now, ast->span);
}
