#define KERNELS st_kernels_avx2
#define ISA_NAME "avx2"
#define SUPPORTED                                                                                            \
    (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt"))
#include "vm/kernels.inc"
