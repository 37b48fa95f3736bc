#define KERNELS st_kernels_plain
#define ISA_NAME "plain"
#define SUPPORTED true
#include "vm/kernels.inc"
