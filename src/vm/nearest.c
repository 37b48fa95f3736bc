/* How far it is to the nearest row of a table. Its places stand in a k-d tree of points on the unit ball: a straight way through the
 * Earth is shorter where the way along the surface is. Of what the tree cannot rule out, with room for rounding, the distance is
 * computed as everywhere else, so the answer is that of asking every row. */
#include "vm/parts.h"

#include "base/geo.h"

#include <math.h>

enum { LEAF = 16, ROWS_A_TASK = 1 << 12 };
#define PI 3.14159265358979323846
#define NEARLY_OPPOSITE 3.0 /* an angle */
#define SLACK 0.001         /* metres */
#define SLACK_OPPOSITE 2.0
#define BEYOND 5.0 /* more than the squared way through the whole Earth */

typedef struct place {
    double v[3]; /* on the unit ball */
    double lat, lon;
} place;

typedef struct tree {
    place *p; /* halves, around the place in the middle, by the axes in turn */
    uint64_t n;
} tree;

static place place_of(double lat, double lon)
{
    double up = lat * (PI / 180), east = lon * (PI / 180);
    return (place){{cos(up) * cos(east), cos(up) * sin(east), sin(up)}, lat, lon};
}

/* Above this squared straight way nothing is fewer metres than `best`. What is fewer when rounded is at least half a metre less; the
 * formula errs by a millionth of that, and by less than two metres between the ends of the Earth. */
static double reach_of(int64_t best)
{
    if (best == 0) return -1;
    double angle = ((double)best - 0.5 + SLACK) / ST_EARTH_RADIUS;
    if (angle > NEARLY_OPPOSITE) angle += SLACK_OPPOSITE / ST_EARTH_RADIUS;
    if (angle >= PI) return BEYOND;
    double straight = 2 * sin(angle / 2);
    return straight * straight * (1 + 1e-12);
}

/* ---- building ---- */

static void swap(place *a, place *b)
{
    place t = *a;
    *a = *b;
    *b = t;
}

/* Puts the k-th by the axis at its place, smaller ones before it and larger ones behind. */
static void select_place(place *p, uint64_t n, uint64_t k, int axis)
{
    uint64_t state = n; /* pivots anywhere, so that no order of the rows is a bad one */
    while (n > 1) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        double pivot = p[(state >> 33) % n].v[axis];
        uint64_t i = 0, j = n; /* [0, i) are not larger, [j, n) are not smaller */
        for (;;) {
            while (p[i].v[axis] < pivot) i++;
            while (p[j - 1].v[axis] > pivot) j--;
            if (i >= j) break;
            swap(&p[i++], &p[--j]);
            if (i >= j) break;
        }
        if (k < j) {
            n = j;
        } else if (k >= i) {
            p += i;
            n -= i;
            k -= i;
        } else {
            return;
        }
    }
}

static void build(place *p, uint64_t n, int axis)
{
    while (n > LEAF) {
        uint64_t middle = n / 2;
        select_place(p, n, middle, axis);
        axis = (axis + 1) % 3;
        build(p, middle, axis);
        p += middle + 1;
        n -= middle + 1;
    }
}

static tree tree_of(st_vm *vm, st_arena *a, const st_bc_step *s)
{
    st_feed lat = st_feed_of(vm, s->other_value), lon = st_feed_of(vm, s->other_key);
    const uint8_t *filter = s->other_filter == ST_BC_NONE ? NULL : vm->slots[s->other_filter].data;
    uint64_t rows = vm->data->tables[s->other].rows;
    tree t = {st_alloc_raw(a, (rows + 1) * sizeof *t.p), 0};
    for (uint64_t r = 0; r < rows; r++) {
        int64_t x = st_feed_row(&lat, NULL, r), y = st_feed_row(&lon, NULL, r);
        if ((filter && !st_bit(filter, r)) || !st_feed_known(&lat, x) || !st_feed_known(&lon, y)) continue;
        double up = ((const double *)lat.data)[x], east = ((const double *)lon.data)[y];
        if (st_is_place(up, east)) t.p[t.n++] = place_of(up, east);
    }
    build(t.p, t.n, 0);
    return t;
}

/* ---- asking ---- */

typedef struct question {
    place from;
    int64_t best; /* metres; INT64_MAX: none yet */
    double reach; /* squared straight way within which something better can lie */
} question;

static void look_at(question *q, const place *p)
{
    double x = p->v[0] - q->from.v[0], y = p->v[1] - q->from.v[1], z = p->v[2] - q->from.v[2];
    if (x * x + y * y + z * z > q->reach) return;
    int64_t metres = st_metres_between(q->from.lat, q->from.lon, p->lat, p->lon);
    if (metres >= q->best) return;
    q->best = metres;
    q->reach = reach_of(metres);
}

static void ask(question *q, const place *p, uint64_t n, int axis)
{
    while (n > LEAF) {
        uint64_t middle = n / 2;
        double apart = q->from.v[axis] - p[middle].v[axis];
        const place *behind = p + middle + 1;
        uint64_t nbehind = n - middle - 1;
        look_at(q, &p[middle]);
        axis = (axis + 1) % 3;
        bool first = apart < 0; /* which half it lies in */
        ask(q, first ? p : behind, first ? middle : nbehind, axis);
        if (apart * apart > q->reach) return;
        p = first ? behind : p;
        n = first ? nbehind : middle;
    }
    for (uint64_t i = 0; i < n; i++) look_at(q, &p[i]);
}

typedef struct job {
    tree t;
    st_feed lat, lon;
    uint64_t rows;
    const st_slot *out;
} job;

static void ask_rows(void *ctx, uint64_t task, st_env *env)
{
    (void)env;
    const job *j = ctx;
    uint64_t to = ST_MIN(j->rows, (task + 1) * ROWS_A_TASK);
    for (uint64_t r = task * ROWS_A_TASK; r < to; r++) {
        int64_t x = st_feed_row(&j->lat, NULL, r), y = st_feed_row(&j->lon, NULL, r);
        if (!st_feed_known(&j->lat, x) || !st_feed_known(&j->lon, y)) continue;
        double lat = ((const double *)j->lat.data)[x], lon = ((const double *)j->lon.data)[y];
        if (!st_is_place(lat, lon)) continue;
        question q = {place_of(lat, lon), INT64_MAX, BEYOND};
        ask(&q, j->t.p, j->t.n, 0);
        if (q.best == INT64_MAX) continue;
        ((int64_t *)j->out->data)[r] = q.best;
        st_bit_set(j->out->known, r);
    }
}

void st_step_nearest(st_vm *vm, const st_bc_step *s)
{
    st_arena *a = st_arena_new(vm->env);
    job j = {.t = tree_of(vm, a, s),
             .lat = st_feed_of(vm, s->value),
             .lon = st_feed_of(vm, s->key),
             .rows = vm->data->tables[s->domain].rows};
    st_slot_open(vm, s->out);
    j.out = &vm->slots[s->out];
    st_parallel(vm->env, vm->threads, (j.rows + ROWS_A_TASK - 1) / ROWS_A_TASK, ask_rows, &j);
    st_arena_free(a);
}
