// The words that mark device code. The host compiler needs few of them.
#pragma once

// libstdc++ writes __attribute__((__noinline__)) in this header only, so it goes before the macro of that
// name.
#include <memory>

#ifndef PLAIT_CUDA_EMULATED
#define PLAIT_CUDA_EMULATED 1
#endif

#define __host__
#define __device__
#define __global__
#define __constant__
#define __managed__
#define __grid_constant__
#define __launch_bounds__(...)
#define __cluster_dims__(...)
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(n) __attribute__((aligned(n)))
#define __builtin_align__(n) __attribute__((aligned(n)))

// Blocks run one after another, so one copy of a block's shared memory is enough.
#define __shared__ static

#define CUDART_VERSION 13000
#define CUDART_CB
