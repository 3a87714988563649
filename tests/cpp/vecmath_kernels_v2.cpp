#include "vecmath_kernels.h"

std::vector<const KernelTable*> supported_kernels() {
  static const KernelTable baseline = make_kernel_table("x86-64-v2");
  std::vector<const KernelTable*> tables = {&baseline};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    tables.push_back(&vecmath_kernels_v3());
#endif
  return tables;
}
