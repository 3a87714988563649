// The door to the oneDNN kernels. They live in a library of their own, libplait_onednn.so, which is loaded at
// first use, so that `import plait` stays light. The interface is a table of plain functions on plain views:
// it knows no Tensor.
//
// The conventions of every function in the table:
// - Memory is the caller's, results too. A result is overwritten unless a comment says otherwise.
// - A return value of false means "not on this CPU, not with this dtype or these strides": nothing was
//   computed, and the caller converts (to float32, to contiguous) or takes its own kernel. Contiguous float32
//   is always accepted unless a comment says otherwise; float64, integers and complex numbers never are.
// - Strides are in elements. Views may have any non-overlapping positive strides; a matrix needs a unit
//   stride in one of its two dimensions.
// - No view is empty: the caller handles zero sizes.
// - All functions may be called from several threads at once. They use `num_threads()` threads, and one
//   where work is small.
// - An error inside oneDNN raises RuntimeError with the operation, the shapes and a hint.
#pragma once

#include <array>
#include <cstdint>

#include "core/dtype.h"
#include "core/export.h"

namespace plait::cpu {

struct View {
  void* data;
  const int64_t* sizes;
  const int64_t* strides;
  int ndim;
  DType dtype;
};

enum class Epilogue : uint8_t { None, Relu, GeluTanh, GeluErf };

// A stamp says which bytes a weight holds, so that its packed form can be kept between calls. The same (data
// pointer, stamp) must never stand for two different contents: mix a serial number of the storage with its
// version, and pass 0 (do not keep) where somebody can write without bumping the version (`.data`, NumPy,
// DLPack), or while the weight is being trained.
using Stamp = uint64_t;
inline constexpr Stamp kDoNotKeep = 0;

// c = epilogue(alpha * (a @ b) + bias + beta * c). All have the same number of dimensions (2 or more); the
// leading ones of a and b broadcast to those of c by size 1 or stride 0. The bias has one dimension, that of
// c's columns, and unit stride.
struct MatmulCall {
  View c, a, b;
  const View* bias = nullptr;
  Epilogue epilogue = Epilogue::None;
  float alpha = 1;
  float beta = 0;
  Stamp b_stamp = kDoNotKeep;
};

// One to three spatial dimensions; entries beyond `spatial` are ignored. Dilation 1 is dense, as in PyTorch.
struct Window {
  int spatial = 2;
  int64_t groups = 1;
  std::array<int64_t, 3> kernel{1, 1, 1};  // pooling only: a convolution has it from its weight
  std::array<int64_t, 3> stride{1, 1, 1};
  std::array<int64_t, 3> dilation{1, 1, 1};
  std::array<int64_t, 3> pad_begin{0, 0, 0};
  std::array<int64_t, 3> pad_end{0, 0, 0};
};

// y (N, O, ...) = epilogue(x (N, C, ...) * w (O, C / groups, ...) + bias (O)); epilogue None or Relu.
struct ConvForwardCall {
  View y, x, w;
  const View* bias = nullptr;
  Window window = {};
  Epilogue epilogue = Epilogue::None;
  Stamp w_stamp = kDoNotKeep;
};

// Any of the three results may be absent. dx needs w; dw needs x. A transposed convolution's forward is dx,
// its backward a forward convolution and dw with x and dy in exchanged roles.
struct ConvBackwardCall {
  View dy;
  const View* x = nullptr;
  const View* w = nullptr;
  const View* dx = nullptr;
  const View* dw = nullptr;
  const View* db = nullptr;  // of dy's channels; only together with dw
  Window window = {};
};

enum class Pool : uint8_t { Max, AverageIncludePadding, AverageExcludePadding };

// y = pool(x), without the indices that a max pool's backward needs. pad_end may exceed what was asked for
// (ceil_mode).
struct PoolForwardCall {
  View y, x;
  Window window = {};
  Pool kind = Pool::Max;
};
// dx of an average pool; a max pool is refused.
struct PoolBackwardCall {
  View dx, dy;
  Window window = {};
  Pool kind = Pool::AverageIncludePadding;
};

// Normalises each channel (dimension 1) of x (N, C, ...). scale, shift, mean, var: C contiguous float32
// values; scale and shift may be null. With `training`, mean and var (biased) are results, otherwise inputs.
// Epilogue None or Relu (inference only).
struct BatchNormForwardCall {
  View y, x;
  const float* scale = nullptr;
  const float* shift = nullptr;
  float* mean = nullptr;
  float* var = nullptr;
  float epsilon = 1e-5f;
  bool training = true;
  Epilogue epilogue = Epilogue::None;
};
// With `training` the statistics were computed from x, and dx accounts for it. dscale and dshift come in
// pairs, with scale.
struct BatchNormBackwardCall {
  View dx, dy, x;
  const float* scale = nullptr;
  const float* mean = nullptr;
  const float* var = nullptr;
  float* dscale = nullptr;
  float* dshift = nullptr;
  float epsilon = 1e-5f;
  bool training = true;
};

// Normalises over the last dimension; the caller folds more dimensions into it. mean and var (biased) are
// contiguous float32, one for each row, results of the forward where not null. scale and shift as in batch
// norm, of the row's length.
struct LayerNormForwardCall {
  View y, x;
  const float* scale = nullptr;
  const float* shift = nullptr;
  float* mean = nullptr;
  float* var = nullptr;
  float epsilon = 1e-5f;
};
struct LayerNormBackwardCall {
  View dx, dy, x;
  const float* scale = nullptr;
  const float* mean = nullptr;
  const float* var = nullptr;
  float* dscale = nullptr;
  float* dshift = nullptr;
  float epsilon = 1e-5f;
};

// Over the last axis; others are refused where oneDNN has only slow code for them.
// Over the last axis; others are refused where oneDNN has only slow code for them.
struct SoftmaxForwardCall {
  View y, x;
  int axis = -1;
  bool log = false;
};
// oneDNN has fast code for this with AVX-512 only; other CPUs refuse.
struct SoftmaxBackwardCall {
  View dx, dy, y;  // y: the forward's result
  int axis = -1;
  bool log = false;
};

struct OnednnKernels {
  bool (*matmul)(const MatmulCall&);
  bool (*conv_forward)(const ConvForwardCall&);
  bool (*conv_backward)(const ConvBackwardCall&);
  bool (*pool_forward)(const PoolForwardCall&);
  bool (*pool_backward)(const PoolBackwardCall&);
  bool (*batch_norm_forward)(const BatchNormForwardCall&);
  bool (*batch_norm_backward)(const BatchNormBackwardCall&);
  bool (*layer_norm_forward)(const LayerNormForwardCall&);
  bool (*layer_norm_backward)(const LayerNormBackwardCall&);
  bool (*softmax_forward)(const SoftmaxForwardCall&);
  bool (*softmax_backward)(const SoftmaxBackwardCall&);
  // Drops the packed weights of all threads and the calling thread's primitives.
  void (*clear_caches)();
};

// Loads the library at the first call. Raises RuntimeError where it cannot be loaded.
PLAIT_API const OnednnKernels& onednn();
// The same, but null where plait was built without oneDNN or the library cannot be loaded.
PLAIT_API const OnednnKernels* onednn_if_available() noexcept;

}  // namespace plait::cpu
