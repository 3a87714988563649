// Emitted by tools/emit_header.py from ops/scatter_reduce.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&, std::string_view, bool)> scatter_reduce;
}  // namespace plait::op

namespace plait {
inline Tensor scatter_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce, bool include_self = true) { return op::scatter_reduce(self, dim, index, src, reduce, include_self); }
inline Tensor scatter_reduce_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce, bool include_self = true) { return op::scatter_reduce.inplace(self, dim, index, src, reduce, include_self); }
}  // namespace plait
// clang-format on
