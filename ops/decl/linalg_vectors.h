// Emitted by tools/emit_header.py from ops/linalg_vectors.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Scalar&, std::optional<IntSpan>, bool, std::optional<DType>)> linalg_vector_norm;
extern PLAIT_API Op<Tensor(const Tensor&, std::string_view, std::optional<IntSpan>, bool, std::optional<DType>)> linalg_vector_norm_str;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t)> linalg_vecdot;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t)> linalg_cross;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Scalar&)> dist;
extern PLAIT_API Op<Tensor(const Tensor&, const Scalar&, int64_t, const Scalar&)> renorm;
}  // namespace plait::op

namespace plait {
inline Tensor linalg_vector_norm(const Tensor& x, const Scalar& ord = 2, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::linalg_vector_norm(x, ord, dim, keepdim, dtype); }
inline Tensor linalg_vector_norm_(const Tensor& x, const Scalar& ord = 2, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::linalg_vector_norm.inplace(x, ord, dim, keepdim, dtype); }
inline Tensor linalg_vector_norm(const Tensor& x, std::string_view ord, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::linalg_vector_norm_str(x, ord, dim, keepdim, dtype); }
inline Tensor linalg_vector_norm_(const Tensor& x, std::string_view ord, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::linalg_vector_norm_str.inplace(x, ord, dim, keepdim, dtype); }
inline Tensor linalg_vecdot(const Tensor& x, const Tensor& y, int64_t dim = -1) { return op::linalg_vecdot(x, y, dim); }
inline Tensor linalg_vecdot_(const Tensor& x, const Tensor& y, int64_t dim = -1) { return op::linalg_vecdot.inplace(x, y, dim); }
inline Tensor linalg_cross(const Tensor& self, const Tensor& other, int64_t dim = -1) { return op::linalg_cross(self, other, dim); }
inline Tensor linalg_cross_(const Tensor& self, const Tensor& other, int64_t dim = -1) { return op::linalg_cross.inplace(self, other, dim); }
inline Tensor dist(const Tensor& self, const Tensor& other, const Scalar& p = 2) { return op::dist(self, other, p); }
inline Tensor dist_(const Tensor& self, const Tensor& other, const Scalar& p = 2) { return op::dist.inplace(self, other, p); }
inline Tensor renorm(const Tensor& self, const Scalar& p, int64_t dim, const Scalar& maxnorm) { return op::renorm(self, p, dim, maxnorm); }
inline Tensor renorm_(const Tensor& self, const Scalar& p, int64_t dim, const Scalar& maxnorm) { return op::renorm.inplace(self, p, dim, maxnorm); }
}  // namespace plait
// clang-format on
