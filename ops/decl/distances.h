// Emitted by tools/emit_header.py from ops/distances.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, double, std::optional<std::string_view>)> cdist;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, double, bool)> _cdist;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, double)> _cdist_backward;
extern PLAIT_API Op<Tensor(const Tensor&, double)> _pdist;
}  // namespace plait::op

namespace plait {
inline Tensor cdist(const Tensor& x1, const Tensor& x2, double p = 2.0, std::optional<std::string_view> compute_mode = std::nullopt) { return op::cdist(x1, x2, p, compute_mode); }
inline Tensor cdist_(const Tensor& x1, const Tensor& x2, double p = 2.0, std::optional<std::string_view> compute_mode = std::nullopt) { return op::cdist.inplace(x1, x2, p, compute_mode); }
inline Tensor _cdist(const Tensor& x1, const Tensor& x2, double p, bool product) { return op::_cdist(x1, x2, p, product); }
inline Tensor _cdist_backward(const Tensor& grad, const Tensor& x1, const Tensor& x2, const Tensor& distances, double p) { return op::_cdist_backward(grad, x1, x2, distances, p); }
inline Tensor _pdist(const Tensor& self, double p = 2.0) { return op::_pdist(self, p); }
}  // namespace plait
// clang-format on
