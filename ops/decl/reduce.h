// Emitted by tools/emit_header.py from ops/reduce.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<DType>)> sum;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, bool, std::optional<DType>)> sum_dim;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, bool, std::optional<DType>)> nansum;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, bool, std::optional<DType>)> nanmean;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<DType>)> mean;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, bool, std::optional<DType>)> mean_dim;
}  // namespace plait::op

namespace plait {
inline Tensor sum(const Tensor& self, std::optional<DType> dtype = std::nullopt) { return op::sum(self, dtype); }
inline Tensor sum_(const Tensor& self, std::optional<DType> dtype = std::nullopt) { return op::sum.inplace(self, dtype); }
inline Tensor sum(const Tensor& self, std::optional<IntSpan> dim, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::sum_dim(self, dim, keepdim, dtype); }
inline Tensor sum_(const Tensor& self, std::optional<IntSpan> dim, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::sum_dim.inplace(self, dim, keepdim, dtype); }
inline Tensor nansum(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::nansum(self, dim, keepdim, dtype); }
inline Tensor nansum_(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::nansum.inplace(self, dim, keepdim, dtype); }
inline Tensor nanmean(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::nanmean(self, dim, keepdim, dtype); }
inline Tensor nanmean_(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::nanmean.inplace(self, dim, keepdim, dtype); }
inline Tensor mean(const Tensor& self, std::optional<DType> dtype = std::nullopt) { return op::mean(self, dtype); }
inline Tensor mean_(const Tensor& self, std::optional<DType> dtype = std::nullopt) { return op::mean.inplace(self, dtype); }
inline Tensor mean(const Tensor& self, std::optional<IntSpan> dim, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::mean_dim(self, dim, keepdim, dtype); }
inline Tensor mean_(const Tensor& self, std::optional<IntSpan> dim, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::mean_dim.inplace(self, dim, keepdim, dtype); }
}  // namespace plait
// clang-format on
