// Resampling of the spatial dimensions of pictures: a linear map along each, by tables.
//
// What an output position of a dimension reads are consecutive positions of the input, with weights. The
// adjoint is such a map again, of the transposed tables, so that one kernel serves both directions. A picture
// is (depth, height, width, inner): one plane with inner 1, or all channels where they lie side by side.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/tensor.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

// ---- kernels

template <class T>
struct ResampleAxis {
  int64_t in = 1, out = 1;
  int64_t taps = 1;                // the most that any output position reads
  const int64_t* first = nullptr;  // (out)
  const int64_t* count = nullptr;  // (out): how many it reads, from `first` on
  const T* weight = nullptr;       // (out, taps)
  bool plain = false;              // each output position is one of the input, as it is
  bool same = false;               // the one of the same number
};

// Rows [begin, end) of the output picture, counted over depth and height. `memory` has room for
// resample_memory() elements.
template <class T>
using ResampleRows = void (*)(const void* x, const ResampleAxis<T>* axes, int64_t inner, int64_t begin,
                              int64_t end, T* memory, void* y);
// Of pictures stored in some dtype: `same` writes that dtype, too; the others write and read what is computed
// in (T), between two passes.
template <class T>
struct ResampleKernels {
  ResampleRows<T> same, widen, narrow;
};
struct ResampleTable {
  ResampleKernels<float> u8, f16, bf16, f32;
  ResampleKernels<double> f64;
};
PLAIT_ISA_TABLE(ResampleTable, resample_table)

constexpr int64_t resample_memory(int64_t row_in, int64_t row_out) { return 40 * row_in + 40 * row_out; }

// ---- from tensors

enum class ResampleMode : uint8_t { Nearest, NearestExact, Linear, Cubic };

struct ResampleMap {
  ResampleMode mode;
  bool align_corners, antialias;
  std::array<double, 3> factors;  // that were asked for along depth, height, width; 0: that of the sizes
};

// out = the map of x; or, where `adjoint`, the adjoint of the map from out's sizes to those of x.
void resample(const Tensor& out, const Tensor& x, const ResampleMap& map, bool adjoint);

}  // namespace plait::cpu
