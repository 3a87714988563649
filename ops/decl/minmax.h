// Emitted by tools/emit_header.py from ops/minmax.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&)> max;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, int64_t, bool)> max_dim;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> max_other;
extern PLAIT_API Op<Tensor(const Tensor&)> min;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, int64_t, bool)> min_dim;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> min_other;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, bool)> amax;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, bool)> amin;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, std::optional<int64_t>, bool)> aminmax;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<int64_t>, bool)> argmax;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<int64_t>, bool)> argmin;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, bool)> any;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, bool)> all;
}  // namespace plait::op

namespace plait {
inline Tensor max(const Tensor& self) { return op::max(self); }
inline Tensor max_(const Tensor& self) { return op::max.inplace(self); }
inline std::tuple<Tensor, Tensor> max(const Tensor& self, int64_t dim, bool keepdim = false) { return op::max_dim(self, dim, keepdim); }
inline Tensor max(const Tensor& self, const Tensor& other) { return op::max_other(self, other); }
inline Tensor max_(const Tensor& self, const Tensor& other) { return op::max_other.inplace(self, other); }
inline Tensor min(const Tensor& self) { return op::min(self); }
inline Tensor min_(const Tensor& self) { return op::min.inplace(self); }
inline std::tuple<Tensor, Tensor> min(const Tensor& self, int64_t dim, bool keepdim = false) { return op::min_dim(self, dim, keepdim); }
inline Tensor min(const Tensor& self, const Tensor& other) { return op::min_other(self, other); }
inline Tensor min_(const Tensor& self, const Tensor& other) { return op::min_other.inplace(self, other); }
inline Tensor amax(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false) { return op::amax(self, dim, keepdim); }
inline Tensor amax_(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false) { return op::amax.inplace(self, dim, keepdim); }
inline Tensor amin(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false) { return op::amin(self, dim, keepdim); }
inline Tensor amin_(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false) { return op::amin.inplace(self, dim, keepdim); }
inline std::tuple<Tensor, Tensor> aminmax(const Tensor& self, std::optional<int64_t> dim = std::nullopt, bool keepdim = false) { return op::aminmax(self, dim, keepdim); }
inline Tensor argmax(const Tensor& self, std::optional<int64_t> dim = std::nullopt, bool keepdim = false) { return op::argmax(self, dim, keepdim); }
inline Tensor argmax_(const Tensor& self, std::optional<int64_t> dim = std::nullopt, bool keepdim = false) { return op::argmax.inplace(self, dim, keepdim); }
inline Tensor argmin(const Tensor& self, std::optional<int64_t> dim = std::nullopt, bool keepdim = false) { return op::argmin(self, dim, keepdim); }
inline Tensor argmin_(const Tensor& self, std::optional<int64_t> dim = std::nullopt, bool keepdim = false) { return op::argmin.inplace(self, dim, keepdim); }
inline Tensor any(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false) { return op::any(self, dim, keepdim); }
inline Tensor any_(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false) { return op::any.inplace(self, dim, keepdim); }
inline Tensor all(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false) { return op::all(self, dim, keepdim); }
inline Tensor all_(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false) { return op::all.inplace(self, dim, keepdim); }
}  // namespace plait
// clang-format on
