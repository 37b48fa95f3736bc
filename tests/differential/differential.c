/* Random rule sets, run by the oracle and by the virtual machine at one and two threads and with every instruction set: every
 * definition of every entity must come out the same. A difference is printed with its seed and the smallest rule set and tables
 * that still show it.
 *
 *   differential --seeds A..B [--findings DIR]
 *   differential --print SEED      the rule set and tables of a seed
 *   differential --file FILE       judges what was printed, with the program of the machine */
#include "prepare.h"

#include "oracle/oracle.h"
#include "plan/plan.h"
#include "promise/promise.h"
#include "treat/treat.h"
#include "vm/vm.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What came of one sample. */
typedef enum outcome { AGREE, REFUSED, DIFFER } outcome;

typedef struct verdict {
    outcome outcome;
    char what[4096];
} verdict;

static void differ(verdict *v, const char *text)
{
    v->outcome = DIFFER;
    snprintf(v->what, sizeof v->what, "%s", text);
}

/* ---- the machine's answers ---- */

typedef struct machine {
    const st_program *program;
    const st_bc *code;
    const st_vm_result *result;
} machine;

static st_value slot_value(const st_vm_slot *s, st_type type, uint64_t row)
{
    st_value v = {.type = type};
    v.missing = s->known && !st_bit(s->known, row);
    if (v.missing) return v;
    switch (s->type) {
    case ST_BC_BOOL: v.as.b = st_bit(s->data, row); break;
    case ST_BC_I64:
        if (type.base == ST_T_DECIMAL || type.base == ST_T_DISTANCE)
            v.as.d = ((const int64_t *)s->data)[row];
        else
            v.as.i = ((const int64_t *)s->data)[row];
        break;
    case ST_BC_I128: v.as.d = ((const st_i128 *)s->data)[row]; break;
    case ST_BC_F64: v.as.f = ((const double *)s->data)[row]; break;
    case ST_BC_TEXT: v.as.s = st_dict_get(s->dict, ((const uint32_t *)s->data)[row]); break;
    default: break;
    }
    return v;
}

static st_value machine_value(const machine *m, const st_bc_output *out, uint64_t row)
{
    st_value v = slot_value(&m->result->slots[out->slot], out->type, row);
    if (out->known != ST_BC_NONE) v.missing = !st_bit(m->result->slots[out->known].data, row);
    return v;
}

static st_value oracle_value(st_oracle *o, const st_def *def, st_bc_field field, uint64_t row)
{
    static const st_rfm_field fields[ST_OUT_FIELDS] = {
        [ST_OUT_R] = ST_RFM_R,
        [ST_OUT_F] = ST_RFM_F,
        [ST_OUT_M] = ST_RFM_M,
        [ST_OUT_RECENCY] = ST_RFM_RECENCY,
        [ST_OUT_FREQUENCY] = ST_RFM_FREQUENCY,
        [ST_OUT_MONETARY] = ST_RFM_MONETARY,
        [ST_OUT_CELL] = ST_RFM_CELL,
    };
    return field == ST_OUT_VALUE ? st_oracle_def(o, def, row) : st_oracle_rfm(o, def, fields[field], row);
}

/* The definition behind output i: for a dimension of an overlay that, for its members the segment. */
static const st_def *behind(const prepared *p, const machine *m, uint32_t i)
{
    const st_bc_output *out = &m->code->outputs.p[i];
    const st_def *def = p->program->defs[out->def];
    uint32_t back = 0;
    if (out->field == ST_OUT_MEMBER) return def->overlay->on;
    if (out->field != ST_OUT_DIMENSION) return def;
    while (m->code->outputs.p[i - back].field == ST_OUT_DIMENSION) back++;
    return def->overlay->dims[back - 1];
}

/* ---- one comparison ---- */

static bool same(const st_value *a, const st_value *b)
{
    return a->missing == b->missing && (a->missing || st_oracle_compare(a, b) == 0);
}

/* The key of a row, or its number where the table has none. */
static st_str row_name(const st_data_table *t, uint64_t row, char digits[24])
{
    if (t->decl->key) return st_row_key(t, row, digits);
    int n = snprintf(digits, 24, "%llu", (unsigned long long)row + 1);
    return (st_str){digits, (uint32_t)n};
}

/* Text of the first difference, NULL where there is none. */
static const char *compare(st_arena *a, const prepared *p, st_oracle *o, const machine *m, const char *how)
{
    for (uint32_t i = 0; i < m->code->outputs.n; i++) {
        const st_bc_output *out = &m->code->outputs.p[i];
        const st_def *def = p->program->defs[out->def], *asked = behind(p, m, i);
        st_bc_field field = out->field > ST_OUT_CELL ? ST_OUT_VALUE : out->field;
        if (out->field == ST_OUT_RANK) continue; /* seen in the order of the treated */
        const st_data_table *table = &p->data->tables[def->of->index];
        const st_vm_slot *population = &m->result->slots[m->code->population[def->of->index]];
        for (uint64_t row = 0; row < table->rows; row++) {
            char digits[24];
            st_str key = row_name(table, row, digits);
            bool here = st_oracle_present(o, def->of, row), there = st_bit(population->data, row);
            if (here != there)
                return st_format(a, "%s: %s %.*s is%s in the population, the machine says it is%s", how,
                                 def->of->name, (int)key.n, key.p, here ? "" : " not", there ? "" : " not");
            if (!here) continue;
            st_value x = oracle_value(o, asked, field, row), y = machine_value(m, out, row);
            if (same(&x, &y)) continue;
            return st_format(a, "%s: %s%s%s of %s %.*s is %s, the machine says %s", how, def->name,
                             out->field == ST_OUT_VALUE ? "" : ".",
                             out->field == ST_OUT_VALUE ? "" : st_bc_field_names[out->field], def->of->name,
                             (int)key.n, key.p, value_text(a, p->program, &x), value_text(a, p->program, &y));
        }
    }
    return NULL;
}

/* ---- treatments ---- */

static const char *const outcomes[] = {"treated",    "not active", "earlier",     "excluded",
                                       "held out",   "control",    "no consent",  "no channel",
                                       "over limit", "too soon",   "not the one", "over number"};

static const char *outcome_text(st_arena *a, strata_outcome o, uint32_t which, uint64_t order)
{
    return st_format(a, "%s %u, order %llu", outcomes[o], which, (unsigned long long)order);
}

static const char *compare_treatment(st_arena *a, const prepared *p, st_oracle *o, const st_treated *t,
                                     const char *how)
{
    const st_oracle_got *want = st_oracle_treat(o, t->def);
    const st_data_table *table = &p->data->tables[t->def->of->index];
    uint32_t at = 0;
    for (uint64_t row = 0; row < table->rows; row++) {
        char digits[24];
        st_str key = st_row_key(table, row, digits);
        bool member = at < t->n && (uint64_t)t->rows[at] == row;
        const char *x = "no member", *y = "no member";
        if (want[row].is_member) x = outcome_text(a, want[row].outcome, want[row].which, want[row].order);
        if (member) y = outcome_text(a, (strata_outcome)t->outcome[at], t->which[at], t->order[at]);
        if (strcmp(x, y) != 0)
            return st_format(a, "%s: %s of %.*s is %s, the machine says %s", how, t->def->name, (int)key.n,
                             key.p, x, y);
        at += member;
    }
    return NULL;
}

static const char *compare_treatments(st_arena *a, const prepared *p, st_oracle *o, const machine *m,
                                      uint32_t threads, const char *how)
{
    const st_program *schema = m->code->schema;
    st_treat_value *values[2];
    for (int i = 0; i < 2; i++) values[i] = st_new_n(a, st_treat_value, (size_t)schema->ndefs + 1);
    for (uint32_t i = 0; i < m->code->outputs.n; i++) {
        const st_bc_output *out = &m->code->outputs.p[i];
        const st_vm_slot *slot = &m->result->slots[out->slot];
        if (!st_bc_is_part(out)) continue;
        st_treat_value v = {slot->type, slot->data, slot->known};
        if (out->known != ST_BC_NONE) v.known = m->result->slots[out->known].data;
        values[out->field == ST_OUT_RANK][out->def] = v;
    }
    st_treat_input in = {schema, p->data, values[0], values[1], threads};
    uint32_t n;
    const st_treated *all = st_treat(a, &in, &n);
    const char *fault = NULL;
    for (uint32_t i = 0; i < n && !fault; i++) {
        st_treated t = all[i];
        t.def = p->program->defs[t.def->index]; /* one read from a file has no expressions */
        fault = compare_treatment(a, p, o, &t, how);
    }
    return fault;
}

/* ---- promises ---- */

/* Without the percentage, and without commas between digits. */
static const char *plain(st_arena *a, const char *text)
{
    const char *end = strstr(text, " (");
    size_t n = end ? (size_t)(end - text) : strlen(text);
    st_buf b = {0};
    for (size_t i = 0; i < n; i++)
        if (text[i] != ',' || text[i + 1] == ' ') st_buf_add(a, &b, &text[i], 1);
    return st_buf_text(a, &b);
}

static const char *compare_promises(st_arena *a, const prepared *p, st_oracle *o, const machine *m,
                                    const char *how)
{
    static const char *const words[] = {
        [ST_KEPT] = "kept", [ST_BROKEN] = "broken", [ST_NOT_MEASURED] = "not measured"};
    for (uint32_t i = 0; i < p->program->npromises; i++) {
        st_found f;
        const st_promise *own = &p->program->promises[i], *its = &m->code->schema->promises[i];
        if (!st_find(m->code, m->result, p->data, its, &f))
            return st_format(a, "%s: the promise %s is not asked", how, own->text);
        f.has_previous = i % 4 != 0; /* any numbers will do */
        f.previous = i * 5 % 13;
        f.no_previous = "";
        st_verdict y = st_judge(a, its, &f, p->program->zone, p->as_of);
        st_oracle_verdict x = st_oracle_promise(o, own, f.has_previous ? (int64_t)f.previous : -1);
        const char *word = x.outcome == ST_ORACLE_KEPT     ? words[ST_KEPT]
                           : x.outcome == ST_ORACLE_BROKEN ? words[ST_BROKEN]
                                                           : words[ST_NOT_MEASURED];
        const char *measured = y.outcome == ST_NOT_MEASURED ? x.measured : plain(a, y.measured);
        if (strcmp(word, words[y.outcome]) != 0 || strcmp(x.measured, measured) != 0)
            return st_format(a, "%s: the promise %s is %s (%s), the machine says %s (%s)", how, own->text,
                             word, x.measured, words[y.outcome], y.measured);
    }
    return NULL;
}

/* Fills every memory of the oracle, so that a failure of its shows here and not in a comparison. */
static void run_oracle(const prepared *p, st_oracle *o)
{
    st_oracle_check(o);
    st_oracle_check_treatments(o);
    for (uint32_t i = 0; i < p->program->ndefs; i++) {
        const st_def *def = p->program->defs[i];
        if (!st_def_is_output(def, true)) continue;
        for (uint64_t row = 0; row < p->data->tables[def->of->index].rows; row++)
            if (st_oracle_present(o, def->of, row)) st_oracle_def(o, def, row);
    }
    for (uint32_t i = 0; i < p->program->ndefs; i++)
        if (p->program->defs[i]->treatment) st_oracle_treat(o, p->program->defs[i]);
}

static bool oracle_runs(st_env *env, const prepared *p, st_oracle *o)
{
    bool ok;
    ST_GUARD(env, ok, run_oracle(p, o));
    return ok;
}

/* How the machine is run. `from_file`: with the program as a .segb file gives it back. */
typedef struct way {
    uint32_t threads, batch;
    bool from_file;
} way;

/* What is wrong with one run, NULL for nothing. */
static const char *fault_of(st_arena *a, const prepared *p, st_oracle *o, bool oracle_failed, const way *w,
                            const char *isa)
{
    const char *how = st_format(a, "%s, %u threads, batches of %u%s", isa, w->threads, w->batch,
                                w->from_file ? ", from a file" : "");
    char why[ST_BC_WHY];
    st_ir_options all = {.traits = true, .treatments = true};
    st_bc *code = st_compile(a, p->program, &all);
    if (!st_bc_verify(code, why)) return st_format(a, "the program does not verify: %s", why);
    if (w->from_file) {
        size_t size;
        const void *bytes = st_bc_write(a, code, &size);
        code = st_bc_read(a, bytes, size);
    }
    st_vm_options options = {.as_of = p->as_of, .threads = w->threads, .isa = isa, .batch = w->batch};
    machine m = {p->program, code, st_vm_run(a, code, p->data, &options)};
    if (oracle_failed) return "the oracle refuses the run, the machine does not";
    const char *fault = compare(a, p, o, &m, how);
    if (!fault) fault = compare_promises(a, p, o, &m, how);
    return fault ? fault : compare_treatments(a, p, o, &m, w->threads, how);
}

static verdict run_machine(st_env *env, const prepared *p, st_oracle *o, bool oracle_failed)
{
    static const way ways[] = {{1, 0, false}, {2, 0, false}, {1, 64, true}};
    verdict v = {.outcome = AGREE};
    verdict *out = &v;
    for (const char *const *isa = st_vm_isas(); *isa; isa++) {
        for (size_t i = 0; i < ST_COUNT(ways) && v.outcome == AGREE; i++) {
            bool ok;
            ST_GUARD(env, ok, {
                st_arena *a = st_arena_new(env);
                const char *fault = fault_of(a, p, o, oracle_failed, &ways[i], *isa);
                if (fault) differ(out, fault);
                st_arena_free(a);
            });
            if (ok || (oracle_failed && env->error.status == STRATA_BAD_INPUT)) continue;
            char text[STRATA_ERROR_TEXT + 64];
            snprintf(text, sizeof text, "the machine failed (%s): %s", *isa, env->error.message);
            differ(&v, text);
        }
    }
    return v;
}

/* Drops definitions that the compiler refuses for reasons that a generator cannot foresee (a rule that nobody can fulfil, more
 * digits than 38), and then those that named them. False: it refuses something else. */
static bool drop_refused(sample *s, const prepared *p, bool first, char *what, size_t size)
{
    for (uint32_t i = 0; i < p->diags.items.n; i++) {
        const st_diag *d = &p->diags.items.p[i];
        uint32_t def = sample_def_at(s, d->span.start);
        bool expected = !first;
#define EXPECTED(NAME) expected = expected || d->code == ST_MSG_##NAME;
#include "expected.def"
#undef EXPECTED
        if (d->severity == ST_ERROR && expected && def < s->defs.n) s->defs.p[def].refused = true;
    }
    /* What else is said of such a definition may follow from the same mistake. */
    for (uint32_t i = 0; i < p->diags.items.n; i++) {
        const st_diag *d = &p->diags.items.p[i];
        uint32_t def = sample_def_at(s, d->span.start);
        if (d->severity != ST_ERROR || (def < s->defs.n && s->defs.p[def].refused)) continue;
        snprintf(what, size, "refused: %s %s", st_messages[d->code].code, d->text);
        return false;
    }
    for (uint32_t i = 0; i < s->defs.n; i++) s->defs.p[i].dropped |= s->defs.p[i].refused;
    return true;
}

/* The definitions that are refused as expected are dropped from the sample. */
static verdict judge(sample *s, bool shrinking)
{
    verdict v = {.outcome = AGREE};
    st_env env;
    st_env_init(&env, NULL);
    bool ok;
    verdict *out = &v;
    ST_GUARD(&env, ok, {
        prepared *p = NULL;
        for (int round = 0;; round++) {
            st_arena *a = st_arena_new(&env);
            p = prepare(a, s, 7);
            if (p->diags.errors == 0) break;
            if (shrinking || round > 40 || !drop_refused(s, p, round == 0, out->what, sizeof out->what)) {
                out->outcome = REFUSED;
                break;
            }
            st_arena_free(a);
        }
        if (out->outcome == AGREE) {
            st_arena *a = st_arena_new(&env);
            st_oracle *o = st_oracle_new(a, p->program, p->data, p->as_of);
            bool fine = oracle_runs(&env, p, o);
            if (!fine && env.error.status != STRATA_BAD_INPUT)
                differ(out, env.error.message);
            else
                *out = run_machine(&env, p, o, !fine);
        }
    });
    if (!ok) {
        char text[STRATA_ERROR_TEXT + 64];
        snprintf(text, sizeof text, "before the run: %s", env.error.message);
        differ(&v, text);
    }
    st_env_close(&env);
    return v;
}

/* ---- shrinking ---- */

static bool still_differs(sample *s)
{
    return judge(s, true).outcome == DIFFER;
}

static bool shrink_defs(sample *s)
{
    bool any = false;
    for (uint32_t i = s->defs.n; i-- > 0;) {
        if (s->defs.p[i].dropped) continue;
        s->defs.p[i].dropped = true;
        if (still_differs(s))
            any = true;
        else
            s->defs.p[i].dropped = false;
    }
    return any;
}

/* Takes away ever smaller runs of rows. */
static bool shrink_rows(sample *s)
{
    bool any = false;
    for (uint32_t t = s->tables.n; t-- > 0;) {
        sample_table *table = s->tables.p[t];
        for (uint32_t size = table->rows.n; size > 0; size /= 2) {
            for (uint32_t at = 0; at + size <= table->rows.n;) {
                const char ***whole = table->rows.p;
                uint32_t n = table->rows.n;
                table->rows.p = st_new_n(s->arena, const char **, n);
                memcpy(table->rows.p, whole, at * sizeof *whole);
                memcpy(table->rows.p + at, whole + at + size, (n - at - size) * sizeof *whole);
                table->rows.n = n - size;
                if (still_differs(s)) {
                    any = true;
                    continue;
                }
                table->rows.p = whole;
                table->rows.n = n;
                at += size;
            }
        }
    }
    return any;
}

static void shrink(sample *s)
{
    while (shrink_defs(s) || shrink_rows(s)) continue;
}

/* ---- the run ---- */

static volatile unsigned long long current;

static void on_crash(int sig)
{
    char text[64];
    int n = snprintf(text, sizeof text, "seed %llu: signal %d\n", current, sig);
    if (n > 0 && write(STDERR_FILENO, text, (size_t)n) < 0) _exit(3);
    signal(sig, SIG_DFL);
    raise(sig);
}

static void report(const sample *s, unsigned long long seed, const char *what, const char *folder)
{
    st_buf out = {0};
    st_buf_printf(s->arena, &out, "seed %llu\n%s\n\n", seed, what);
    sample_print(s->arena, s, &out);
    fputs(st_buf_text(s->arena, &out), stdout);
    if (!folder) return;
    const char *path = st_format(s->arena, "%s/%llu.txt", folder, seed);
    FILE *f = fopen(path, "w");
    if (!f) return;
    fputs(st_buf_text(s->arena, &out), f);
    fclose(f);
}

static outcome run_seed(unsigned long long seed, const char *folder)
{
    st_env env;
    st_env_init(&env, NULL);
    bool ok;
    volatile outcome result = DIFFER;
    ST_GUARD(&env, ok, {
        current = seed;
        sample *s = sample_new(st_arena_new(&env), seed);
        verdict v = judge(s, false);
        if (v.outcome == DIFFER) {
            shrink(s);
            verdict small = judge(s, true);
            report(s, seed, small.outcome == DIFFER ? small.what : v.what, folder);
        } else if (v.outcome == REFUSED) {
            report(s, seed, v.what, folder);
        }
        result = v.outcome;
    });
    if (!ok) fprintf(stderr, "seed %llu: %s\n", seed, env.error.message);
    st_env_close(&env);
    return result;
}

static void print_seed(unsigned long long seed)
{
    st_env env;
    st_env_init(&env, NULL);
    st_arena *a = st_arena_new(&env);
    st_buf out = {0};
    sample_print(a, sample_new(a, seed), &out);
    fputs(st_buf_text(a, &out), stdout);
    st_env_close(&env);
}

static const char *read_text(st_arena *a, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    st_buf b = {0};
    char block[4096];
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;) st_buf_add(a, &b, block, n);
    fclose(f);
    return st_buf_text(a, &b);
}

/* The machine's program, for who looks for the mistake. */
static void print_program(st_arena *a, sample *s)
{
    prepared *p = prepare(a, s, 7);
    st_buf out = {0};
    if (p->diags.errors) {
        st_render_text(&p->diags, a, &out, false);
    } else {
        st_ir_options all = {.traits = true, .treatments = true};
        st_dump_ir(a, st_lower(a, p->program, &all), &out);
        st_bc_dump(st_compile(a, p->program, &all), a, &out);
    }
    fputs(st_buf_text(a, &out), stdout);
}

static int judge_file(const char *path)
{
    st_env env;
    st_env_init(&env, NULL);
    bool ok;
    volatile int status = 2;
    ST_GUARD(&env, ok, {
        st_arena *a = st_arena_new(&env);
        const char *text = read_text(a, path);
        sample *s = text ? sample_load(a, text) : NULL;
        if (s) {
            print_program(a, s);
            verdict v = judge(s, true);
            printf("%s\n", v.outcome == AGREE ? "they agree" : v.outcome == DIFFER ? v.what : "refused");
            status = v.outcome != AGREE;
        }
    });
    if (!ok || status == 2)
        fprintf(stderr, "%s: %s\n", path,
                ok ? "no such file, or nothing that differential printed" : env.error.message);
    st_env_close(&env);
    return status;
}

int main(int argc, char **argv)
{
    unsigned long long from = 1, to = 500;
    const char *folder = NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seeds") == 0 && sscanf(argv[i + 1], "%llu..%llu", &from, &to) == 2) continue;
        if (strcmp(argv[i], "--findings") == 0) {
            folder = argv[i + 1];
        } else if (strcmp(argv[i], "--print") == 0) {
            print_seed(strtoull(argv[i + 1], NULL, 10));
            return 0;
        } else if (strcmp(argv[i], "--file") == 0) {
            return judge_file(argv[i + 1]);
        } else {
            fprintf(stderr, "differential --seeds A..B [--findings DIR] | --print SEED | --file FILE\n");
            return 2;
        }
    }
    signal(SIGSEGV, on_crash);
    signal(SIGABRT, on_crash);
    unsigned long long counts[3] = {0};
    for (unsigned long long seed = from; seed <= to; seed++) counts[run_seed(seed, folder)]++;
    printf("%llu rule sets agree, %llu differ, %llu were refused\n", counts[AGREE], counts[DIFFER],
           counts[REFUSED]);
    return counts[DIFFER] || counts[REFUSED];
}
