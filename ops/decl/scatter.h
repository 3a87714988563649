// Emitted by tools/emit_header.py from ops/scatter.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&)> scatter;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, const Scalar&)> scatter_value;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&, std::string_view)> scatter_reduce_src;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&)> scatter_add;
}  // namespace plait::op

namespace plait {
inline Tensor scatter(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) { return op::scatter(self, dim, index, src); }
inline Tensor scatter_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) { return op::scatter.inplace(self, dim, index, src); }
inline Tensor scatter(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) { return op::scatter_value(self, dim, index, value); }
inline Tensor scatter_(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) { return op::scatter_value.inplace(self, dim, index, value); }
inline Tensor scatter(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce) { return op::scatter_reduce_src(self, dim, index, src, reduce); }
inline Tensor scatter_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce) { return op::scatter_reduce_src.inplace(self, dim, index, src, reduce); }
inline Tensor scatter_add(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) { return op::scatter_add(self, dim, index, src); }
inline Tensor scatter_add_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) { return op::scatter_add.inplace(self, dim, index, src); }
}  // namespace plait
// clang-format on
