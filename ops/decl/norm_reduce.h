// Emitted by tools/emit_header.py from ops/norm_reduce.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<Scalar>, std::optional<IntSpan>, bool, std::optional<DType>)> norm;
extern PLAIT_API Op<Tensor(const Tensor&, std::string_view, std::optional<IntSpan>, bool, std::optional<DType>)> norm_str;
extern PLAIT_API Op<Tensor(const Tensor&, double, std::optional<IntSpan>, bool)> _vector_norm;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, bool)> logsumexp;
}  // namespace plait::op

namespace plait {
inline Tensor norm(const Tensor& self, std::optional<Scalar> p = std::nullopt, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::norm(self, p, dim, keepdim, dtype); }
inline Tensor norm_(const Tensor& self, std::optional<Scalar> p = std::nullopt, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::norm.inplace(self, p, dim, keepdim, dtype); }
inline Tensor norm(const Tensor& self, std::string_view p, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::norm_str(self, p, dim, keepdim, dtype); }
inline Tensor norm_(const Tensor& self, std::string_view p, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::norm_str.inplace(self, p, dim, keepdim, dtype); }
inline Tensor _vector_norm(const Tensor& self, double p, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false) { return op::_vector_norm(self, p, dim, keepdim); }
inline Tensor logsumexp(const Tensor& self, IntSpan dim, bool keepdim = false) { return op::logsumexp(self, dim, keepdim); }
inline Tensor logsumexp_(const Tensor& self, IntSpan dim, bool keepdim = false) { return op::logsumexp.inplace(self, dim, keepdim); }
}  // namespace plait
// clang-format on
