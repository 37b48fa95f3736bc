/* rfm: the rows, what is measured of them, how it is scored, and the label of every cell. */
#include "sema/check.h"

static const char *const part_names[] = {"recency", "frequency", "monetary"};

typedef struct rfm_state {
    st_checker *c;
    st_def *d;
    st_rfm *rfm;
    st_scope s;
    const st_table *table;
} rfm_state;

static void fail(rfm_state *q)
{
    st_info(q->c, q->d)->bad = true;
}

static st_expr *aggregate(rfm_state *q, st_agg_kind kind, st_expr *value, st_type type, st_span span)
{
    st_expr *x = st_x(q->c, ST_X_AGGREGATE, type, span, 0);
    x->at = q->d->of;
    x->kind = kind;
    x->rows = q->rfm->rows;
    if (!value) return x;
    x->n = 1;
    x->args = st_new_n(q->c->a, st_expr *, 1);
    x->args[0] = value;
    return x;
}

/* recency is ranked by the time of the last row and shown as the days from that day to today. */
static bool check_measure(rfm_state *q, st_rfm_part *part, uint32_t which, const st_ast *ast)
{
    st_checker *c = q->c;
    const st_ast *measure = ast->kids[ST_RFM_PART_measure];
    if (which == 0) {
        st_expr *time = q->table->order_time;
        if (!time) {
            st_err(c, ST_MSG_NO_TIME, ast->span, q->table->name, "recency");
            return false;
        }
        st_type type = st_type_of(time->type.base);
        type.optional = true;
        part->measure = aggregate(q, ST_AGG_LAST, time, type, ast->span);
        st_expr *today = st_x_today(c, ast->span);
        part->raw =
            st_x(c, ST_X_BETWEEN_TIMES, st_int_type(7), ast->span, 2, st_x_day(c, part->measure), today);
        part->raw->unit = ST_DAY;
        return true;
    }
    if (measure) {
        st_scope s = q->s;
        s.rows = &q->rfm->rows;
        part->measure = st_check_number(c, &s, measure);
    } else if (which == 1) {
        part->measure = aggregate(q, ST_AGG_COUNT, NULL, st_int_type(12), ast->span);
    }
    part->raw = part->measure;
    if (!part->measure || !st_is_personal(part->measure)) return part->measure != NULL;
    st_err(c, ST_MSG_PERSONAL_OUTPUT, measure->span, st_source_text(c, measure),
           "The raw values of an rfm are given out");
    return false;
}

static bool check_method(rfm_state *q, st_rfm_part *part, const st_ast *method)
{
    static const char *const methods[] = {[ST_RANKED] = "ranked",
                                          [ST_RFM_PACKAGE] = "rfm_r",
                                          [ST_NTILE] = "ntile",
                                          [ST_CUME_DIST] = "cume_dist"};
    st_near near = {0};
    part->method = ST_RANKED;
    if (!method) return true;
    if (part->by_thresholds) {
        st_err(q->c, ST_MSG_RFM_METHOD_OF_THRESHOLDS, method->span);
        return false;
    }
    for (uint32_t i = 0; i < ST_COUNT(methods); i++) {
        st_near_add(&near, method->text, methods[i]);
        if (strcmp(methods[i], method->text) != 0) continue;
        part->method = (st_rfm_method)i;
        return true;
    }
    const char *help = st_did_you_mean(q->c->a, &near);
    st_err(q->c, ST_MSG_RFM_METHOD, method->span, method->text,
           *help ? help : "The methods are ranked, rfm_r, ntile and cume_dist.");
    return false;
}

static st_i128 exact_number(const st_value *v)
{
    return v->type.base == ST_T_INT ? (st_i128)v->as.i : v->as.d;
}

static bool check_thresholds(rfm_state *q, st_rfm_part *part, uint32_t which, const st_ast *list)
{
    st_checker *c = q->c;
    if (list->n < 1 || list->n > 8) {
        st_err(c, ST_MSG_RFM_SCORES, list->span);
        return false;
    }
    part->thresholds = st_new_n(c->a, st_value, list->n);
    for (uint32_t i = 0; i < list->n; i++) {
        st_expr *x = st_check_number(c, &q->s, list->kids[i]);
        if (!x) return false;
        if (!st_is_const(x) || !st_is_exact(x->type) || (which == 0 && x->type.base != ST_T_INT)) {
            st_err(c, ST_MSG_RFM_THRESHOLD, list->kids[i]->span, part_names[which]);
            return false;
        }
        const st_value *before = &part->thresholds[part->nthresholds - (i > 0)];
        if (i > 0 && st_dec_cmp(exact_number(before), before->type.scale, exact_number(&x->value),
                                x->type.scale) >= 0) {
            st_err(c, ST_MSG_RFM_ASCENDING, list->kids[i]->span, part_names[which]);
            return false;
        }
        part->thresholds[part->nthresholds++] = x->value;
    }
    return true;
}

/* Thresholds lie as the raw value does where that is a float. */
static void thresholds_as_raw(st_checker *c, st_rfm_part *part)
{
    for (uint32_t i = 0; part->raw->type.base == ST_T_FLOAT && i < part->nthresholds; i++)
        part->thresholds[i] = st_to_float(c, st_x_const(c, part->thresholds[i], part->raw->span))->value;
}

static void check_part(rfm_state *q, const st_ast *ast)
{
    st_checker *c = q->c;
    uint32_t which = ast->op;
    st_rfm_part *part = &q->rfm->part[which];
    const st_ast *how = ast->kids[ST_RFM_PART_how];
    if (q->rfm->has[which]) {
        st_err(c, ST_MSG_RFM_PART_TWICE, ast->span, part_names[which]);
        fail(q);
        return;
    }
    part->by_thresholds = how->kind == ST_AST_LIST;
    bool ok = check_measure(q, part, which, ast);
    if (part->by_thresholds) {
        if (!check_thresholds(q, part, which, how)) ok = false;
        part->scores = part->nthresholds + 1;
    } else if (how->number < 2 || how->number > 9) {
        st_err(c, ST_MSG_RFM_SCORES, how->span);
        ok = false;
    } else {
        part->scores = (uint32_t)how->number;
    }
    if (!check_method(q, part, ast->kids[ST_RFM_PART_method])) ok = false;
    if (!ok)
        fail(q);
    else
        thresholds_as_raw(c, part);
    q->rfm->has[which] = true;
}

/* ---- tiers ---- */
static uint32_t scores_of(const st_rfm *rfm, uint32_t which)
{
    return rfm->has[which] ? rfm->part[which].scores : 1;
}

static uint32_t cell_count(const st_rfm *rfm)
{
    return scores_of(rfm, 0) * scores_of(rfm, 1) * scores_of(rfm, 2);
}

static void start_cells(rfm_state *q, uint32_t nlabels)
{
    q->d->labels.names = st_new_n(q->c->a, const char *, ST_MIN(nlabels, (uint32_t)ST_MAX_LABELS));
    q->d->labels.n = 0;
    q->rfm->has_tiers = true;
    q->rfm->cells = st_new_n(q->c->a, uint16_t, cell_count(q->rfm));
    for (uint32_t i = 0; i < cell_count(q->rfm); i++) q->rfm->cells[i] = ST_NO_LABEL;
}

static void standard_tiers(rfm_state *q, const st_ast *ast)
{
    static const struct {
        const char *label, *cells;
    } map[] = {
#define LABEL(name, cells) {#name, cells},
#include "sema/rfm_standard.def"
#undef LABEL
    };
    const st_ast *name = ast->kids[ST_RFM_STANDARD_name];
    if (strcmp(name->text, "standard") != 0) {
        st_err(q->c, ST_MSG_RFM_MAP, name->span, name->text);
        fail(q);
        return;
    }
    for (uint32_t i = 0; i < 3; i++)
        if (!q->rfm->has[i] || q->rfm->part[i].scores != 5) {
            if (!st_info(q->c, q->d)->bad) st_err(q->c, ST_MSG_RFM_STANDARD, ast->span);
            fail(q);
            return;
        }
    start_cells(q, ST_COUNT(map));
    for (uint16_t i = 0; i < ST_COUNT(map); i++) {
        q->d->labels.names[q->d->labels.n++] = map[i].label;
        for (const char *p = map[i].cells; *p; p += p[3] ? 4 : 3)
            q->rfm->cells[(p[0] - '1') * 25 + (p[1] - '1') * 5 + (p[2] - '1')] = i;
    }
}

/* The scores that a row of the map allows, by part. */
typedef struct cube {
    uint32_t low[3], high[3];
} cube;

static bool read_dims(rfm_state *q, const st_ast *dims, cube *box)
{
    static const char letters[] = "rfm";
    bool seen[3] = {false};
    for (uint32_t i = 0; i < 3; i++) {
        box->low[i] = 1;
        box->high[i] = scores_of(q->rfm, i);
    }
    for (uint32_t k = 0; dims && k < dims->n; k++) {
        const st_ast *dim = dims->kids[k], *low = dim->kids[ST_RFM_DIM_low],
                     *high = dim->kids[ST_RFM_DIM_high];
        uint32_t i = dim->op;
        st_i128 from = low->number, to = high ? high->number : low->number;
        const char *letter = st_format(q->c->a, "%c", letters[i]);
        if (!q->rfm->has[i]) {
            st_err(q->c, ST_MSG_RFM_PART_ABSENT, dim->span, q->d->name, part_names[i]);
            return false;
        }
        if (seen[i]) {
            st_err(q->c, ST_MSG_RFM_DIM_TWICE, dim->span, letter);
            return false;
        }
        if (from < 1 || from > to || to > scores_of(q->rfm, i)) {
            st_err(q->c, ST_MSG_RFM_DIM_RANGE, dim->span, letter,
                   st_format(q->c->a, "%u", scores_of(q->rfm, i)));
            return false;
        }
        seen[i] = true;
        box->low[i] = (uint32_t)from;
        box->high[i] = (uint32_t)to;
    }
    return true;
}

/* Gives the free cells of the box the label; returns how many there were. */
static uint32_t fill_cells(st_rfm *rfm, const cube *box, uint16_t label)
{
    uint32_t filled = 0, nf = scores_of(rfm, 1), nm = scores_of(rfm, 2);
    for (uint32_t r = box->low[0]; r <= box->high[0]; r++)
        for (uint32_t f = box->low[1]; f <= box->high[1]; f++)
            for (uint32_t m = box->low[2]; m <= box->high[2]; m++) {
                uint16_t *cell = &rfm->cells[((r - 1) * nf + (f - 1)) * nm + (m - 1)];
                if (*cell != ST_NO_LABEL) continue;
                *cell = label;
                filled++;
            }
    return filled;
}

static void warn_empty_cells(rfm_state *q)
{
    const st_rfm *rfm = q->rfm;
    uint32_t nf = scores_of(rfm, 1), nm = scores_of(rfm, 2);
    for (uint32_t i = 0; i < cell_count(rfm); i++) {
        if (rfm->cells[i] != ST_NO_LABEL) continue;
        st_buf b = {0};
        uint32_t score[3] = {i / (nf * nm) + 1, i / nm % nf + 1, i % nm + 1};
        for (uint32_t k = 0; k < 3; k++)
            if (rfm->has[k]) st_buf_printf(q->c->a, &b, "%s%c %u", b.n ? " " : "", "rfm"[k], score[k]);
        st_err(q->c, ST_MSG_TIERS_INCOMPLETE, q->d->span, q->d->name,
               st_format(q->c->a, "who scores %s", st_buf_text(q->c->a, &b)));
        return;
    }
}

static void own_tiers(rfm_state *q, const st_ast *ast)
{
    st_checker *c = q->c;
    bool otherwise = false;
    if (st_info(c, q->d)->bad) return; /* the scores are not known */
    start_cells(q, ast->n);
    for (uint32_t i = 0; i < ast->n; i++) {
        const st_ast *row = ast->kids[i], *dims = row->kids[ST_RFM_TIER_dims],
                     *label = row->kids[ST_RFM_TIER_label];
        cube box;
        if (otherwise) {
            st_err(c, ST_MSG_BEHIND_OTHERWISE, row->span, label->text);
            fail(q);
            return;
        }
        uint32_t index = st_add_label(c, q->d, label);
        if (!read_dims(q, dims, &box) || index == ST_NO_LABEL) {
            fail(q);
            continue;
        }
        if (!dims) otherwise = true;
        if (fill_cells(q->rfm, &box, (uint16_t)index) == 0)
            st_err(c, ST_MSG_RFM_ROW_EMPTY, row->span, label->text);
    }
    if (!st_info(c, q->d)->bad) warn_empty_cells(q);
}

void st_check_rfm(st_checker *c, st_def *d)
{
    const st_ast *items = d->ast->kids[ST_RFM_items], *tiers = NULL;
    rfm_state q = {.c = c, .d = d, .rfm = st_new(c->a, st_rfm), .s = {.at = d->of, .def = d}};
    st_source_parts parts;
    d->rfm = q.rfm;
    d->labels.def = d;
    d->type = (st_type){.base = ST_T_LABEL, .optional = true, .labels = &d->labels};
    if (!st_check_source(c, &q.s, d->ast->kids[ST_RFM_source], (st_source_wish){0}, &parts)) {
        fail(&q);
        return;
    }
    q.table = parts.table;
    q.rfm->rows = parts.rows;
    q.rfm->any = aggregate(&q, ST_AGG_ANY, NULL, st_type_of(ST_T_BOOL), d->span);
    for (uint32_t i = 0; i < items->n; i++) {
        const st_ast *item = items->kids[i];
        if (st_read_meta(c, d, item)) continue;
        if (item->kind == ST_AST_RFM_PART)
            check_part(&q, item);
        else if (tiers)
            st_err(c, ST_MSG_RFM_PART_TWICE, item->span, "tiers");
        else
            tiers = item;
    }
    if (!q.rfm->has[0] && !q.rfm->has[1] && !q.rfm->has[2]) {
        st_err(c, ST_MSG_RFM_EMPTY, d->span, d->name);
        fail(&q);
    } else if (tiers && tiers->kind == ST_AST_RFM_STANDARD) {
        standard_tiers(&q, tiers);
    } else if (tiers) {
        own_tiers(&q, tiers);
    }
}
