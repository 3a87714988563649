// The tensor cores' product of 16-bit floats, summed in float, and the loads that bring tiles of shared
// memory into its layout (PTX ISA, "Matrix multiply-accumulate operation using mma instruction", m16n8k16).
//
// Lane 4 g + t of a warp holds, of A (16 x 16), the pairs of columns 2t and 2t + 8 in rows g and g + 8; of B
// (16 x 8) the pairs of rows 2t and 2t + 8 in column g; of C (16 x 8) the columns 2t, 2t + 1 of rows g, g
// + 8.
#pragma once

#include "cuda/device/launch.cuh"
#include "cuda/device/numeric.cuh"

namespace plait::cuda {

#ifdef PLAIT_CUDA_EMULATED

namespace tensor_core {

// What the lanes of a warp show each other: two meetings in place of a shuffle for each register.
template <class V>
struct Board {
  V of[kWarp];
};
template <class V>
const Board<V>& show(const V& value) {
  __shared__ Board<V> boards[1024 / kWarp];
  Board<V>& board = boards[threadIdx.x / kWarp];
  __syncwarp();
  board.of[threadIdx.x % kWarp] = value;
  __syncwarp();
  return board;
}

// Pairs of numbers.
template <class T, int N>
struct Numbers {
  float of[N][2];

  void set(int i, uint32_t pair) {
    for (int half = 0; half < 2; ++half) {
      T number;
      number.bits = static_cast<uint16_t>(pair >> (16 * half));
      of[i][half] = widen(number);
    }
  }
};
inline float pair_product(const float (&a)[2], const float (&b)[2]) { return a[0] * b[0] + a[1] * b[1]; }

}  // namespace tensor_core

// Lane 8 i + j gives the address of row j (8 elements, 16-byte aligned) of matrix i; lane 4 g + t gets the
// elements 2t, 2t + 1 of row g of each of them, or of column g of the transposed ones.
template <bool Transposed, class T>
__device__ void load_matrices(uint32_t (&to)[4], const T* row) {
  const unsigned g = threadIdx.x % kWarp / 4, t = threadIdx.x % 4;
  const auto& board = tensor_core::show(row);
  for (unsigned i = 0; i < 4; ++i) {
    const auto element = [&](unsigned e) -> uint32_t {
      return Transposed ? board.of[8 * i + e][g].bits : board.of[8 * i + g][e].bits;
    };
    to[i] = element(2 * t) | element(2 * t + 1) << 16;
  }
}

// C += A B; c0, c1 of row g, c2, c3 of row g + 8.
template <class T>
__device__ void multiply_add(float& c0, float& c1, float& c2, float& c3, const uint32_t (&a)[4], uint32_t b0,
                             uint32_t b1) {
  const unsigned g = threadIdx.x % kWarp / 4, t = threadIdx.x % 4;
  tensor_core::Numbers<T, 6> mine;  // of A, of B
  for (int i = 0; i < 4; ++i) mine.set(i, a[i]);
  mine.set(4, b0), mine.set(5, b1);
  const auto& board = tensor_core::show(mine);
  for (int half = 0; half < 2; ++half)
    for (unsigned pair = 0; pair < 4; ++pair) {
      const auto& row = board.of[4 * g + pair].of;
      const auto &left = board.of[8 * t + pair].of[4 + half],
                 &right = board.of[8 * t + 4 + pair].of[4 + half];
      c0 += tensor_core::pair_product(row[2 * half], left);
      c1 += tensor_core::pair_product(row[2 * half], right);
      c2 += tensor_core::pair_product(row[2 * half + 1], left);
      c3 += tensor_core::pair_product(row[2 * half + 1], right);
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
