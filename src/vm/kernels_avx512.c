#define KERNELS st_kernels_avx512
#define ISA_NAME "avx512"
#define SUPPORTED                                                                                            \
    (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&                              \
     __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&                             \
     __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vpopcntdq") &&                    \
     __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt"))
#include "vm/kernels.inc"
