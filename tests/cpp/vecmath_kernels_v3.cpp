// Before any include, so that the kernels and the macros they look at are those of AVX2.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("arch=x86-64-v3")
#endif

#include "vecmath_kernels.h"

const KernelTable& vecmath_kernels_v3() {
  static const KernelTable table = make_kernel_table("x86-64-v3");
  return table;
}
