// The one iterator of every elementwise kernel. It broadcasts its operands to one shape, orders the
// dimensions by stride, merges what can be merged, and walks the result in one-dimensional runs, on several
// threads where that pays:
//
//   StridedIter iter;
//   iter.output(out);
//   iter.input(a);
//   iter.input(b);
//   iter.build();
//   iter.run(loop, &params);      // loop(data pointers, byte strides, n, params)
//
// A kernel is thus one inner loop per dtype. It sees outputs that are dense and inputs that are so or repeat
// one element (stride 0), whatever the tensors' layouts: others are copied on the way
// (Note [Strided operands]).
#pragma once

#include <array>

#include "core/tensor.h"

namespace plait {

// An inner loop: `data[k]` and `strides[k]` (in bytes) of each operand, outputs first; n elements.
using Loop = void (*)(char* const* data, const int64_t* strides, int64_t n, const void* params);

class PLAIT_API StridedIter {
 public:
  static constexpr int kMaxOperands = 8;

  // Outputs come first. Their shape is the iteration's; inputs are broadcast to it.
  void output(const Tensor& tensor) { add(tensor, true); }
  void input(const Tensor& tensor) { add(tensor, false); }
  void build();

  // Loops write all of their outputs and read none: where they write may not be the tensor's memory.
  // `cost`: an element's work relative to a load, add and store; it decides how many are worth a thread.
  void run(Loop loop, const void* params = nullptr, int cost = 1) const;
  // The output's elements from those of the one input, of the same size.
  void copy() const;

  // Walks the same runs with any callable f(char* const* data, const int64_t* strides, int64_t n), in one
  // thread.
  template <class F>
  void for_each_serial(const F& f) const {
    run_range(
        0, numel_,
        [](char* const* data, const int64_t* strides, int64_t n, const void* fn) {
          (*static_cast<const F*>(fn))(data, strides, n);
        },
        &f);
  }

  int64_t numel() const { return numel_; }
  int ndim() const { return ndim_; }
  int operands() const { return operands_; }
  // Is every operand contiguous or broadcast from one element, so that there is a single run?
  bool is_flat() const { return ndim_ <= 1; }
  // The merged dimensions, innermost first, and the byte strides and first byte of each operand.
  int64_t size(int dim) const { return shape_[dim]; }
  int64_t stride(int dim, int operand) const { return strides_[dim][operand]; }
  char* data(int operand) const { return data_[operand]; }

 private:
  void add(const Tensor& tensor, bool output);
  void coalesce();
  void order_dims();
  // The ways to walk the runs that a loop is given.
  enum class Walk { Runs, Tiles, Rows };
  void run_loop(Loop loop, const void* params, int cost, Walk walk) const;
  void run_range(int64_t begin, int64_t end, Loop loop, const void* params) const;
  void run_rows(int64_t begin, int64_t end, Loop loop, const void* params) const;
  bool has_short_rows() const;
  void run_tiled(int64_t begin, int64_t end, Loop loop, const void* params) const;

  struct Operand {
    TensorImpl* tensor;
    bool output;
  };
  Operand inputs_[kMaxOperands];
  int operands_ = 0;
  int ndim_ = 0;
  int64_t numel_ = 0;
  bool tiled_ = false;  // the two innermost dimensions are walked in tiles, since an operand is transposed
  char* data_[kMaxOperands];
  int64_t shape_[kMaxDims];  // innermost first
  int64_t strides_[kMaxDims][kMaxOperands];
};

}  // namespace plait
