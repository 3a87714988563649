// Emitted by tools/emit_header.py from ops/sort.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, int64_t, bool, std::optional<bool>)> sort;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, bool, bool)> argsort;
extern PLAIT_API Op<Tensor(const Tensor&)> msort;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, int64_t, int64_t, bool, bool)> topk;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, int64_t, int64_t, bool)> kthvalue;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, int64_t, bool)> median_dim;
extern PLAIT_API Op<Tensor(const Tensor&)> median;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, int64_t, bool)> nanmedian_dim;
extern PLAIT_API Op<Tensor(const Tensor&)> nanmedian;
}  // namespace plait::op

namespace plait {
inline std::tuple<Tensor, Tensor> sort(const Tensor& self, int64_t dim = -1, bool descending = false, std::optional<bool> stable = std::nullopt) { return op::sort(self, dim, descending, stable); }
inline Tensor argsort(const Tensor& self, int64_t dim = -1, bool descending = false, bool stable = false) { return op::argsort(self, dim, descending, stable); }
inline Tensor argsort_(const Tensor& self, int64_t dim = -1, bool descending = false, bool stable = false) { return op::argsort.inplace(self, dim, descending, stable); }
inline Tensor msort(const Tensor& self) { return op::msort(self); }
inline Tensor msort_(const Tensor& self) { return op::msort.inplace(self); }
inline std::tuple<Tensor, Tensor> topk(const Tensor& self, int64_t k, int64_t dim = -1, bool largest = true, bool sorted = true) { return op::topk(self, k, dim, largest, sorted); }
inline std::tuple<Tensor, Tensor> kthvalue(const Tensor& self, int64_t k, int64_t dim = -1, bool keepdim = false) { return op::kthvalue(self, k, dim, keepdim); }
inline std::tuple<Tensor, Tensor> median(const Tensor& self, int64_t dim, bool keepdim = false) { return op::median_dim(self, dim, keepdim); }
inline Tensor median(const Tensor& self) { return op::median(self); }
inline Tensor median_(const Tensor& self) { return op::median.inplace(self); }
inline std::tuple<Tensor, Tensor> nanmedian(const Tensor& self, int64_t dim, bool keepdim = false) { return op::nanmedian_dim(self, dim, keepdim); }
inline Tensor nanmedian(const Tensor& self) { return op::nanmedian(self); }
inline Tensor nanmedian_(const Tensor& self) { return op::nanmedian.inplace(self); }
}  // namespace plait
// clang-format on
