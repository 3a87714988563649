// What the files of the indexing family share.
#pragma once

#include "ops/cpu/convert.h"
#include "ops/cpu/index.h"
#include "ops/decl/scatter.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait {

// A contiguous tensor as (outer, size, slab) around dimension d; a 0-d tensor as (1, 1, 1).
struct Rows {
  int64_t outer = 1, size = 1, slab = 1;
  Rows(const Dims& sizes, int d) {
    for (int i = 0; i < sizes.size(); ++i) (i < d ? outer : i == d ? size : slab) *= sizes[i];
  }
};

inline Tensor contiguous_copy(const Tensor& t) {
  return t.is_contiguous() ? t : clone_plain(detached_alias(t));
}

// In-place kernels: `out` takes the elements of self, unless it is self.
inline void start_from(const Tensor& out, const Tensor& self) {
  if (out.data_ptr() != self.data_ptr()) cpu::copy(out, self);
}

// Runs f on a contiguous tensor with the elements of out, which are written back where that is another one.
template <class F>
void on_contiguous(const Tensor& out, const F& f) {
  if (out.is_contiguous()) return f(out);
  const Tensor packed = clone_plain(detached_alias(out));
  f(packed);
  cpu::copy(out, packed);
}

inline Tensor without_overlap(const Tensor& t, const Tensor& out) {
  return overlap(t, out) == Overlap::None ? t : clone_plain(detached_alias(t));
}

namespace infer {
// The shape rule of scatter and its kin; src may be null.
TensorSpec scatter(const char* op, const Tensor& self, int64_t dim, const Tensor& index, const Tensor* src);
}  // namespace infer

}  // namespace plait
