// Emitted by tools/emit_header.py from ops/index_mask.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&)> nonzero;
extern PLAIT_API Op<Tensor(const Tensor&)> argwhere;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> masked_select;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> masked_scatter;
}  // namespace plait::op

namespace plait {
inline Tensor nonzero(const Tensor& self) { return op::nonzero(self); }
inline Tensor nonzero_(const Tensor& self) { return op::nonzero.inplace(self); }
inline Tensor argwhere(const Tensor& self) { return op::argwhere(self); }
inline Tensor argwhere_(const Tensor& self) { return op::argwhere.inplace(self); }
inline Tensor masked_select(const Tensor& self, const Tensor& mask) { return op::masked_select(self, mask); }
inline Tensor masked_select_(const Tensor& self, const Tensor& mask) { return op::masked_select.inplace(self, mask); }
inline Tensor masked_scatter(const Tensor& self, const Tensor& mask, const Tensor& source) { return op::masked_scatter(self, mask, source); }
inline Tensor masked_scatter_(const Tensor& self, const Tensor& mask, const Tensor& source) { return op::masked_scatter.inplace(self, mask, source); }
}  // namespace plait
// clang-format on
