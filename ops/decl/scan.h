// Emitted by tools/emit_header.py from ops/scan.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, std::optional<DType>)> cumsum;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, std::optional<DType>)> cumprod;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, bool)> _scan_linear;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> logcumsumexp;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, int64_t)> cummax;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, int64_t)> cummin;
}  // namespace plait::op

namespace plait {
inline Tensor cumsum(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { return op::cumsum(self, dim, dtype); }
inline Tensor cumsum_(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { return op::cumsum.inplace(self, dim, dtype); }
inline Tensor cumprod(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { return op::cumprod(self, dim, dtype); }
inline Tensor cumprod_(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { return op::cumprod.inplace(self, dim, dtype); }
inline Tensor _scan_linear(const Tensor& self, const Tensor& terms, int64_t dim, bool reverse = false) { return op::_scan_linear(self, terms, dim, reverse); }
inline Tensor logcumsumexp(const Tensor& self, int64_t dim) { return op::logcumsumexp(self, dim); }
inline Tensor logcumsumexp_(const Tensor& self, int64_t dim) { return op::logcumsumexp.inplace(self, dim); }
inline std::tuple<Tensor, Tensor> cummax(const Tensor& self, int64_t dim) { return op::cummax(self, dim); }
inline std::tuple<Tensor, Tensor> cummin(const Tensor& self, int64_t dim) { return op::cummin(self, dim); }
}  // namespace plait
// clang-format on
