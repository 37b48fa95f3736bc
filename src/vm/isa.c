/* Which kernels run on this machine. */
#include "vm/kernels.h"
#include "vm/vm.h"

extern const st_kernels st_kernels_plain;
#if defined(__x86_64__)
extern const st_kernels st_kernels_avx2, st_kernels_avx512;
#endif

static const st_kernels *const all[] = {
    &st_kernels_plain,
#if defined(__x86_64__)
    &st_kernels_avx2,
    &st_kernels_avx512,
#endif
};

const st_kernels *st_kernels_choose(const char *name)
{
    for (size_t i = ST_COUNT(all); i-- > 0;)
        if ((!name || strcmp(name, all[i]->name) == 0) && all[i]->supported()) return all[i];
    return NULL;
}

const char *const *st_vm_isas(void)
{
    static const char *const plain[] = {"plain", NULL}, *const avx2[] = {"plain", "avx2", NULL},
                             *const avx512[] = {"plain", "avx2", "avx512", NULL};
    if (st_kernels_choose("avx512")) return avx512;
    return st_kernels_choose("avx2") ? avx2 : plain;
}
