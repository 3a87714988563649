// Emitted by tools/emit_header.py from ops/index.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, TensorList)> index;
extern PLAIT_API Op<Tensor(const Tensor&, TensorList)> _index;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, TensorList)> _index_backward;
extern PLAIT_API Op<Tensor(const Tensor&, TensorList, const Tensor&, bool)> index_put;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&)> index_select;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, int64_t, const Tensor&)> _index_select_backward;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, bool)> gather;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, int64_t, const Tensor&)> _gather_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> take;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::optional<int64_t>)> take_along_dim;
}  // namespace plait::op

namespace plait {
inline Tensor index(const Tensor& self, TensorList indices) { return op::index(self, indices); }
inline Tensor index_(const Tensor& self, TensorList indices) { return op::index.inplace(self, indices); }
inline Tensor _index(const Tensor& self, TensorList indices) { return op::_index(self, indices); }
inline Tensor _index_backward(const Tensor& grad, IntSpan size, TensorList indices) { return op::_index_backward(grad, size, indices); }
inline Tensor index_put(const Tensor& self, TensorList indices, const Tensor& values, bool accumulate = false) { return op::index_put(self, indices, values, accumulate); }
inline Tensor index_put_(const Tensor& self, TensorList indices, const Tensor& values, bool accumulate = false) { return op::index_put.inplace(self, indices, values, accumulate); }
inline Tensor index_select(const Tensor& self, int64_t dim, const Tensor& index) { return op::index_select(self, dim, index); }
inline Tensor index_select_(const Tensor& self, int64_t dim, const Tensor& index) { return op::index_select.inplace(self, dim, index); }
inline Tensor _index_select_backward(const Tensor& grad, IntSpan size, int64_t dim, const Tensor& index) { return op::_index_select_backward(grad, size, dim, index); }
inline Tensor gather(const Tensor& self, int64_t dim, const Tensor& index, bool sparse_grad = false) { return op::gather(self, dim, index, sparse_grad); }
inline Tensor gather_(const Tensor& self, int64_t dim, const Tensor& index, bool sparse_grad = false) { return op::gather.inplace(self, dim, index, sparse_grad); }
inline Tensor _gather_backward(const Tensor& grad, IntSpan size, int64_t dim, const Tensor& index) { return op::_gather_backward(grad, size, dim, index); }
inline Tensor take(const Tensor& self, const Tensor& index) { return op::take(self, index); }
inline Tensor take_(const Tensor& self, const Tensor& index) { return op::take.inplace(self, index); }
inline Tensor take_along_dim(const Tensor& self, const Tensor& indices, std::optional<int64_t> dim = std::nullopt) { return op::take_along_dim(self, indices, dim); }
inline Tensor take_along_dim_(const Tensor& self, const Tensor& indices, std::optional<int64_t> dim = std::nullopt) { return op::take_along_dim.inplace(self, indices, dim); }
}  // namespace plait
// clang-format on
