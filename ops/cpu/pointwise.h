// How an elementwise op runs on the CPU: the loop of its dtype, over arguments converted to that dtype.
#pragma once

#include "core/strided_iter.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

// One loop per function of the family E (an enum that ends in Count) and dtype of the arguments; null where
// not supported.
template <class E>
struct LoopTable {
  Loop loops[static_cast<int>(E::Count)][kDTypeCount];

  Loop at(E function, DType dtype) const {
    return loops[static_cast<int>(function)][static_cast<int>(dtype)];
  }
};

// Numbers that a loop takes besides its tensors, in all categories, so that each loop reads the one it
// computes in.
struct Params {
  static constexpr int kMax = 3;
  double real[kMax], imag[kMax];
  int64_t integer[kMax];

  Params(std::initializer_list<Scalar> values) {
    int i = 0;
    for (const Scalar& value : values) {
      real[i] = value.to<double>();
      imag[i] = value.to<complex128>().imag();
      integer[i++] = value.to<int64_t>();
    }
  }
};

// `tensor` in another dtype; itself where it has it already. No history.
Tensor converted(const Tensor& tensor, DType dtype);

// out = loop(a...), with the arguments converted to `compute` first. `cost`: work of an element beside an
// addition.
void pointwise(const char* op, Loop loop, const Tensor& out, const Tensor& a, DType compute,
               const void* params = nullptr, int cost = 1);
void pointwise(const char* op, Loop loop, const Tensor& out, const Tensor& a, const Tensor& b, DType compute,
               const void* params = nullptr, int cost = 1);
void pointwise(const char* op, Loop loop, const Tensor& out, const Tensor& a, const Tensor& b,
               const Tensor& c, DType compute, const void* params = nullptr, int cost = 1);

}  // namespace plait::cpu
