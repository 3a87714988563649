// Emitted by tools/emit_header.py from ops/index_write.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&, const Scalar&)> index_add;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&)> index_copy;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&)> index_fill_tensor;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, const Scalar&)> index_fill;
}  // namespace plait::op

namespace plait {
inline Tensor index_add(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source, const Scalar& alpha = 1) { return op::index_add(self, dim, index, source, alpha); }
inline Tensor index_add_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source, const Scalar& alpha = 1) { return op::index_add.inplace(self, dim, index, source, alpha); }
inline Tensor index_copy(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source) { return op::index_copy(self, dim, index, source); }
inline Tensor index_copy_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source) { return op::index_copy.inplace(self, dim, index, source); }
inline Tensor index_fill(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& value) { return op::index_fill_tensor(self, dim, index, value); }
inline Tensor index_fill_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& value) { return op::index_fill_tensor.inplace(self, dim, index, value); }
inline Tensor index_fill(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) { return op::index_fill(self, dim, index, value); }
inline Tensor index_fill_(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) { return op::index_fill.inplace(self, dim, index, value); }
}  // namespace plait
// clang-format on
