// The tensor cores' product of 16-bit floats, summed in float, and the loads that bring tiles of shared
// memory into its layout (PTX ISA, "Matrix multiply-accumulate operation using mma instruction", m16n8k16).
//
// Lane 4 g + t of a warp holds, of A (16 x 16), the pairs of columns 2t and 2t + 8 in rows g and g + 8; of B
// (16 x 8) the pairs of rows 2t and 2t + 8 in column g; of C (16 x 8) the columns 2t, 2t + 1 of rows g, g + 8.
#pragma once

#include "cuda/device/launch.cuh"
#include "cuda/device/numeric.cuh"

namespace plait::cuda {

#ifdef PLAIT_CUDA_EMULATED

namespace tensor_core {
template <class T>
float half_of(uint32_t pair, int which) {
  T value;
  value.bits = static_cast<uint16_t>(pair >> (16 * which));
  return widen(value);
}
template <class T>
float pair_product(uint32_t a, uint32_t b) {
  return half_of<T>(a, 0) * half_of<T>(b, 0) + half_of<T>(a, 1) * half_of<T>(b, 1);
}
}  // namespace tensor_core

// Lane 8 i + j gives the address of row j (8 elements, 16-byte aligned) of matrix i; lane 4 g + t gets the
// elements 2t, 2t + 1 of row g of each of them, or of column g of the transposed ones.
template <bool Transposed, class T>
__device__ void load_matrices(uint32_t (&to)[4], const T* row) {
  const int g = static_cast<int>(threadIdx.x) % kWarp / 4, t = static_cast<int>(threadIdx.x) % 4;
  for (int i = 0; i < 4; ++i) {
    uint32_t halves[2];
    for (int e = 0; e < 2; ++e) {
      const auto address = __shfl_sync(kAllLanes, reinterpret_cast<uint64_t>(row),
                                       8 * i + (Transposed ? 2 * t + e : g));
      halves[e] = reinterpret_cast<const T*>(address)[Transposed ? g : 2 * t + e].bits;
    }
    to[i] = halves[0] | halves[1] << 16;
  }
}

// C += A B; c0, c1 of row g, c2, c3 of row g + 8.
template <class T>
__device__ void multiply_add(float& c0, float& c1, float& c2, float& c3, const uint32_t (&a)[4], uint32_t b0,
                             uint32_t b1) {
  const int g = static_cast<int>(threadIdx.x) % kWarp / 4, t = static_cast<int>(threadIdx.x) % 4;
  for (int half = 0; half < 2; ++half)
    for (int pair = 0; pair < 4; ++pair) {
      const uint32_t upper = __shfl_sync(kAllLanes, a[2 * half], 4 * g + pair),
                     lower = __shfl_sync(kAllLanes, a[2 * half + 1], 4 * g + pair),
                     left = __shfl_sync(kAllLanes, half ? b1 : b0, 8 * t + pair),
                     right = __shfl_sync(kAllLanes, half ? b1 : b0, 8 * t + 4 + pair);
      c0 += tensor_core::pair_product<T>(upper, left);
      c1 += tensor_core::pair_product<T>(upper, right);
      c2 += tensor_core::pair_product<T>(lower, left);
      c3 += tensor_core::pair_product<T>(lower, right);
    }
}

#else

template <bool Transposed, class T>
__device__ __forceinline__ void load_matrices(uint32_t (&to)[4], const T* row) {
  const auto at = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  if constexpr (Transposed)
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(at)
                 : "memory");
  else
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(at)
                 : "memory");
}

template <class T>
__device__ __forceinline__ void multiply_add(float& c0, float& c1, float& c2, float& c3,
                                             const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  if constexpr (std::is_same_v<T, Half>)
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c0), "+f"(c1), "+f"(c2), "+f"(c3)
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  else
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c0), "+f"(c1), "+f"(c2), "+f"(c3)
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

#endif

}  // namespace plait::cuda
