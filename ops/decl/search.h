// Emitted by tools/emit_header.py from ops/search.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, bool, bool, std::optional<std::string_view>, const Tensor&)> searchsorted;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, bool, bool)> bucketize;
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, std::optional<int64_t>)> _unique;
}  // namespace plait::op

namespace plait {
inline Tensor searchsorted(const Tensor& sorted_sequence, const Tensor& self, bool out_int32 = false, bool right = false, std::optional<std::string_view> side = std::nullopt, const Tensor& sorter = {}) { return op::searchsorted(sorted_sequence, self, out_int32, right, side, sorter); }
inline Tensor searchsorted_(const Tensor& sorted_sequence, const Tensor& self, bool out_int32 = false, bool right = false, std::optional<std::string_view> side = std::nullopt, const Tensor& sorter = {}) { return op::searchsorted.inplace(sorted_sequence, self, out_int32, right, side, sorter); }
inline Tensor bucketize(const Tensor& self, const Tensor& boundaries, bool out_int32 = false, bool right = false) { return op::bucketize(self, boundaries, out_int32, right); }
inline Tensor bucketize_(const Tensor& self, const Tensor& boundaries, bool out_int32 = false, bool right = false) { return op::bucketize.inplace(self, boundaries, out_int32, right); }
inline std::tuple<Tensor, Tensor, Tensor> _unique(const Tensor& self, std::optional<int64_t> dim = std::nullopt) { return op::_unique(self, dim); }
}  // namespace plait
// clang-format on
