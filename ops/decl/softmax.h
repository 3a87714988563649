// Emitted by tools/emit_header.py from ops/softmax.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> _softmax;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t)> _softmax_backward;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> _log_softmax;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t)> _log_softmax_backward;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, std::optional<DType>)> softmax;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, std::optional<DType>)> log_softmax;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, std::optional<DType>)> softmin;
}  // namespace plait::op

namespace plait {
inline Tensor _softmax(const Tensor& self, int64_t dim) { return op::_softmax(self, dim); }
inline Tensor _softmax_backward(const Tensor& self, const Tensor& output, int64_t dim) { return op::_softmax_backward(self, output, dim); }
inline Tensor _log_softmax(const Tensor& self, int64_t dim) { return op::_log_softmax(self, dim); }
inline Tensor _log_softmax_backward(const Tensor& self, const Tensor& output, int64_t dim) { return op::_log_softmax_backward(self, output, dim); }
inline Tensor softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { return op::softmax(self, dim, dtype); }
inline Tensor softmax_(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { return op::softmax.inplace(self, dim, dtype); }
inline Tensor log_softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { return op::log_softmax(self, dim, dtype); }
inline Tensor log_softmax_(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { return op::log_softmax.inplace(self, dim, dtype); }
inline Tensor softmin(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { return op::softmin(self, dim, dtype); }
inline Tensor softmin_(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { return op::softmin.inplace(self, dim, dtype); }
}  // namespace plait
// clang-format on
