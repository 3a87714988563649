// Emitted by tools/emit_header.py from ops/statistics.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, bool)> var;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, bool, bool)> var_dim;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, std::optional<Scalar>, bool)> var_correction;
extern PLAIT_API Op<Tensor(const Tensor&, bool)> std;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, bool, bool)> std_dim;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, std::optional<Scalar>, bool)> std_correction;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, bool)> var_mean;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, std::optional<IntSpan>, bool, bool)> var_mean_dim;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, std::optional<IntSpan>, std::optional<Scalar>, bool)> var_mean_correction;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, bool)> std_mean;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, std::optional<IntSpan>, bool, bool)> std_mean_dim;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, std::optional<IntSpan>, std::optional<Scalar>, bool)> std_mean_correction;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>)> count_nonzero;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t)> bincount;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Scalar&, const Scalar&)> histc;
}  // namespace plait::op

namespace plait {
inline Tensor var(const Tensor& self, bool unbiased = true) { return op::var(self, unbiased); }
inline Tensor var_(const Tensor& self, bool unbiased = true) { return op::var.inplace(self, unbiased); }
inline Tensor var(const Tensor& self, std::optional<IntSpan> dim, bool unbiased = true, bool keepdim = false) { return op::var_dim(self, dim, unbiased, keepdim); }
inline Tensor var_(const Tensor& self, std::optional<IntSpan> dim, bool unbiased = true, bool keepdim = false) { return op::var_dim.inplace(self, dim, unbiased, keepdim); }
inline Tensor var(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, std::optional<Scalar> correction = std::nullopt, bool keepdim = false) { return op::var_correction(self, dim, correction, keepdim); }
inline Tensor var_(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, std::optional<Scalar> correction = std::nullopt, bool keepdim = false) { return op::var_correction.inplace(self, dim, correction, keepdim); }
inline Tensor std(const Tensor& self, bool unbiased = true) { return op::std(self, unbiased); }
inline Tensor std_(const Tensor& self, bool unbiased = true) { return op::std.inplace(self, unbiased); }
inline Tensor std(const Tensor& self, std::optional<IntSpan> dim, bool unbiased = true, bool keepdim = false) { return op::std_dim(self, dim, unbiased, keepdim); }
inline Tensor std_(const Tensor& self, std::optional<IntSpan> dim, bool unbiased = true, bool keepdim = false) { return op::std_dim.inplace(self, dim, unbiased, keepdim); }
inline Tensor std(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, std::optional<Scalar> correction = std::nullopt, bool keepdim = false) { return op::std_correction(self, dim, correction, keepdim); }
inline Tensor std_(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, std::optional<Scalar> correction = std::nullopt, bool keepdim = false) { return op::std_correction.inplace(self, dim, correction, keepdim); }
inline std::tuple<Tensor, Tensor> var_mean(const Tensor& self, bool unbiased = true) { return op::var_mean(self, unbiased); }
inline std::tuple<Tensor, Tensor> var_mean(const Tensor& self, std::optional<IntSpan> dim, bool unbiased = true, bool keepdim = false) { return op::var_mean_dim(self, dim, unbiased, keepdim); }
inline std::tuple<Tensor, Tensor> var_mean(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, std::optional<Scalar> correction = std::nullopt, bool keepdim = false) { return op::var_mean_correction(self, dim, correction, keepdim); }
inline std::tuple<Tensor, Tensor> std_mean(const Tensor& self, bool unbiased = true) { return op::std_mean(self, unbiased); }
inline std::tuple<Tensor, Tensor> std_mean(const Tensor& self, std::optional<IntSpan> dim, bool unbiased = true, bool keepdim = false) { return op::std_mean_dim(self, dim, unbiased, keepdim); }
inline std::tuple<Tensor, Tensor> std_mean(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, std::optional<Scalar> correction = std::nullopt, bool keepdim = false) { return op::std_mean_correction(self, dim, correction, keepdim); }
inline Tensor count_nonzero(const Tensor& self, std::optional<IntSpan> dim = std::nullopt) { return op::count_nonzero(self, dim); }
inline Tensor count_nonzero_(const Tensor& self, std::optional<IntSpan> dim = std::nullopt) { return op::count_nonzero.inplace(self, dim); }
inline Tensor bincount(const Tensor& self, const Tensor& weights = {}, int64_t minlength = 0) { return op::bincount(self, weights, minlength); }
inline Tensor bincount_(const Tensor& self, const Tensor& weights = {}, int64_t minlength = 0) { return op::bincount.inplace(self, weights, minlength); }
inline Tensor histc(const Tensor& self, int64_t bins = 100, const Scalar& min = 0, const Scalar& max = 0) { return op::histc(self, bins, min, max); }
inline Tensor histc_(const Tensor& self, int64_t bins = 100, const Scalar& min = 0, const Scalar& max = 0) { return op::histc.inplace(self, bins, min, max); }
}  // namespace plait
// clang-format on
