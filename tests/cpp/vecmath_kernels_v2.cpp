#include "vecmath_kernels.h"

const KernelTable& vecmath_kernels_v2() {
  static const KernelTable table = make_kernel_table("x86-64-v2");
  return table;
}
