// Emitted by tools/emit_header.py from ops/matmul.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> matmul;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> mm;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> bmm;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> mv;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> dot;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> vdot;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> linear_default;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, bool, std::optional<DType>)> _linear_grads;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> outer;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> inner;
}  // namespace plait::op

namespace plait {
inline Tensor matmul(const Tensor& self, const Tensor& other) { return op::matmul(self, other); }
inline Tensor matmul_(const Tensor& self, const Tensor& other) { return op::matmul.inplace(self, other); }
inline Tensor mm(const Tensor& self, const Tensor& mat2) { return op::mm(self, mat2); }
inline Tensor mm_(const Tensor& self, const Tensor& mat2) { return op::mm.inplace(self, mat2); }
inline Tensor bmm(const Tensor& self, const Tensor& mat2) { return op::bmm(self, mat2); }
inline Tensor bmm_(const Tensor& self, const Tensor& mat2) { return op::bmm.inplace(self, mat2); }
inline Tensor mv(const Tensor& self, const Tensor& vec) { return op::mv(self, vec); }
inline Tensor mv_(const Tensor& self, const Tensor& vec) { return op::mv.inplace(self, vec); }
inline Tensor dot(const Tensor& self, const Tensor& tensor) { return op::dot(self, tensor); }
inline Tensor dot_(const Tensor& self, const Tensor& tensor) { return op::dot.inplace(self, tensor); }
inline Tensor vdot(const Tensor& self, const Tensor& other) { return op::vdot(self, other); }
inline Tensor vdot_(const Tensor& self, const Tensor& other) { return op::vdot.inplace(self, other); }
inline Tensor linear(const Tensor& self, const Tensor& weight, const Tensor& bias = {}) { return op::linear_default(self, weight, bias); }
inline Tensor linear_(const Tensor& self, const Tensor& weight, const Tensor& bias = {}) { return op::linear_default.inplace(self, weight, bias); }
inline std::tuple<Tensor, Tensor> _linear_grads(const Tensor& self, const Tensor& input, bool need_bias = true, std::optional<DType> dtype = std::nullopt) { return op::_linear_grads(self, input, need_bias, dtype); }
inline Tensor outer(const Tensor& self, const Tensor& vec2) { return op::outer(self, vec2); }
inline Tensor outer_(const Tensor& self, const Tensor& vec2) { return op::outer.inplace(self, vec2); }
inline Tensor inner(const Tensor& self, const Tensor& other) { return op::inner(self, other); }
inline Tensor inner_(const Tensor& self, const Tensor& other) { return op::inner.inplace(self, other); }
}  // namespace plait
// clang-format on
