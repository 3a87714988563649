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

struct OnednnKernels {
  bool (*matmul)(const MatmulCall&);
  bool (*conv_forward)(const ConvForwardCall&);
  bool (*conv_backward)(const ConvBackwardCall&);
  // Drops the packed weights of all threads and the calling thread's primitives.
  void (*clear_caches)();
};

// Loads the library at the first call. Raises RuntimeError where it cannot be loaded.
PLAIT_API const OnednnKernels& onednn();
// The same, but null where plait was built without oneDNN or the library cannot be loaded.
PLAIT_API const OnednnKernels* onednn_if_available() noexcept;

}  // namespace plait::cpu
