// How small functions in headers are marked. Kernels are compiled once per instruction set, so a function
// that is merely `inline` could be emitted with AVX instructions and then be merged by the linker into code
// for older machines: what kernels use is always inlined and leaves no symbol behind.
#pragma once

#ifdef __CUDACC__
#define PLAIT_HD __host__ __device__
#else
#define PLAIT_HD
#endif

#define PLAIT_INLINE PLAIT_HD inline __attribute__((always_inline))
