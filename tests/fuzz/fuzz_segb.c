/* Compiled rules from strangers: reading refuses them or gives a program that runs on any data, within bounds. Length and checksum are
 * set right first, so that what lies behind them is reached. */
#include "promise/promise.h"
#include "table/derive.h"
#include "treat/treat.h"
#include "vm/vm.h"

enum { HEAD = 20, ROWS = 70, MOST_MEMORY = 256 << 20, MOST_BYTES = 1 << 16 };

static uint32_t crc(const uint8_t *p, size_t n)
{
    uint32_t c = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ UINT32_C(0x82f63b78) : c >> 1;
    }
    return ~c;
}

static void put(uint8_t *p, uint64_t x, unsigned width)
{
    for (unsigned i = 0; i < width; i++) p[i] = (uint8_t)(x >> (8 * i));
}

/* Small data of every type, with missing values, for whatever tables the program declares. */
static st_phys phys_of(const st_type *t)
{
    switch (t->base) {
    case ST_T_BOOL: return ST_BIT;
    case ST_T_FLOAT: return ST_F64;
    case ST_T_STRING: return ST_CODE;
    case ST_T_DATE: return ST_I32;
    case ST_T_DECIMAL: return t->digits <= 18 ? ST_I64 : ST_I128;
    default: return ST_I64;
    }
}

static void put_value(st_column *c, uint64_t i)
{
    void *data = (void *)(uintptr_t)c->data;
    int64_t v = (int64_t)((i * 7919) % 23) - 7;
    switch (c->phys) {
    case ST_BIT:
        if (v & 1) st_bit_set(data, i);
        break;
    case ST_I32: ((int32_t *)data)[i] = (int32_t)v + 20000; break;
    case ST_I64:
        ((int64_t *)data)[i] = c->decl->type.base == ST_T_TIMESTAMP ? (v + 20000) * ST_DAY_US / 7 : v;
        break;
    case ST_I128: ((st_i128 *)data)[i] = (st_i128)v * INT64_MAX; break;
    case ST_F64: ((double *)data)[i] = (double)v / 3; break;
    case ST_CODE: ((uint32_t *)data)[i] = (uint32_t)(i % 5); break;
    }
}

static void clear_value(st_column *c, uint64_t i)
{
    void *data = (void *)(uintptr_t)c->data;
    switch (c->phys) {
    case ST_BIT: st_bit_clear(data, i); break;
    case ST_I32:
    case ST_CODE: ((uint32_t *)data)[i] = 0; break;
    case ST_I128: ((st_i128 *)data)[i] = 0; break;
    default: ((int64_t *)data)[i] = 0; break;
    }
}

static void make_column(st_arena *a, const st_col *decl, st_column *c)
{
    static const uint64_t offsets[] = {0, 0, 1, 6, 9, 12};
    static const st_dict texts = {5, offsets, "aVip@xABCabc"};
    *c = (st_column){.decl = decl, .phys = phys_of(&decl->type), .n = ROWS, .dict = &texts};
    c->data = st_alloc(a, (ROWS + 64) * sizeof(st_i128));
    uint64_t *known = st_bitmap_new_full(a, ROWS);
    for (uint64_t i = 0; i < ROWS; i++) {
        put_value(c, i);
        if (!decl->type.optional || i % 6) continue;
        st_bit_clear(known, i);
        if (!decl->type.list) clear_value(c, i);
    }
    c->known = (const uint8_t *)known;
    if (!decl->type.list) return;
    int64_t *list = st_new_n(a, int64_t, ROWS + 1);
    for (uint64_t i = 1; i <= ROWS; i++) list[i] = (int64_t)(i / 2);
    c->list = list;
}

static const st_data *make_data(st_arena *a, const st_program *schema)
{
    st_data *d = st_new(a, st_data);
    *d = (st_data){a, schema, st_new_n(a, st_data_table, (size_t)schema->ntables + 1), NULL};
    for (uint32_t t = 0; t < schema->ntables; t++) {
        const st_table *decl = schema->tables[t];
        st_data_table *dt = &d->tables[t];
        size_t ncols = (size_t)decl->ncols + decl->nhidden;
        *dt = (st_data_table){.decl = decl, .rows = decl->derived ? 0 : ROWS, .bound = !decl->derived};
        dt->columns = st_new_n(a, st_column, ncols + 1);
        dt->links = st_new_n(a, int32_t *, ncols + 1);
        dt->orphans = st_new_n(a, uint64_t, ncols + 1);
        for (uint32_t i = 0; i < decl->ncols && !decl->derived; i++) {
            make_column(a, &decl->cols[i], &dt->columns[i]);
            if (!decl->cols[i].links_to) continue;
            dt->links[i] = st_new_n(a, int32_t, ROWS + 64);
            for (int32_t r = 0; r < ROWS; r++) dt->links[i][r] = r % 7 == 6 ? ST_NO_ROW : (r * 3) % 11;
        }
    }
    st_derive_tables(d, 1);
    return d;
}

static void judge(st_arena *a, const st_bc *program, const st_data *data, const st_vm_result *result,
                  int64_t as_of)
{
    st_found found;
    for (uint32_t i = 0; i < program->schema->npromises; i++)
        if (st_find(program, result, data, &program->schema->promises[i], &found))
            st_judge(a, &program->schema->promises[i], &found, program->schema->zone, as_of);
}

/* Who gets what, where the program has all that it takes. */
static void treat(st_arena *a, const st_bc *b, const st_data *data, const st_vm_result *r)
{
    st_treat_value *values[2];
    bool any = false;
    for (int i = 0; i < 2; i++) values[i] = st_new_n(a, st_treat_value, (size_t)b->schema->ndefs + 1);
    for (uint32_t i = 0; i < b->outputs.n; i++) {
        const st_bc_output *out = &b->outputs.p[i];
        const st_vm_slot *slot = &r->slots[out->slot];
        if (!st_bc_is_part(out)) continue;
        any = true;
        st_treat_value *v = &values[out->field == ST_OUT_RANK][out->def];
        *v = (st_treat_value){slot->type, slot->data, slot->known};
        if (out->known != ST_BC_NONE) v->known = r->slots[out->known].data;
    }
    uint32_t n;
    if (any) st_treat(a, &(st_treat_input){b->schema, data, values[0], values[1], 1}, &n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD || size > MOST_BYTES) return 0;
    st_env env;
    bool ok;
    st_env_init(&env, NULL);
    env.limit = MOST_MEMORY;
    ST_GUARD(&env, ok, {
        st_arena *a = st_arena_new(&env);
        uint8_t *bytes = st_alloc_raw(a, size);
        memcpy(bytes, data, size);
        memcpy(bytes, "SEGB", 4);
        put(bytes + 4, ST_BC_VERSION, 4);
        put(bytes + 8, size - HEAD, 8);
        put(bytes + 16, crc(bytes + HEAD, size - HEAD), 4);
        const st_bc *program = st_bc_read(a, bytes, size);
        st_buf out = {0};
        st_bc_dump(program, a, &out);
        size_t n;
        st_bc_write(a, program, &n);
        st_vm_options o = {.as_of = 20000 * ST_DAY_US, .threads = 1, .batch = 64};
        const st_data *made = make_data(a, program->schema);
        const st_vm_result *result = st_vm_run(a, program, made, &o);
        judge(a, program, made, result, o.as_of);
        treat(a, program, made, result);
    });
    if (!ok && env.error.status == STRATA_INTERNAL) __builtin_trap();
    st_env_close(&env);
    return 0;
}
