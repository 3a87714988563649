// Emitted by tools/emit_header.py from ops/join.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(TensorList, int64_t)> cat;
extern PLAIT_API Op<Tensor(TensorList, int64_t)> concat;
extern PLAIT_API Op<Tensor(TensorList, int64_t)> concatenate;
extern PLAIT_API Op<Tensor(TensorList, int64_t)> stack;
extern PLAIT_API Op<Tensor(TensorList)> hstack;
extern PLAIT_API Op<Tensor(TensorList)> vstack;
extern PLAIT_API Op<Tensor(TensorList)> dstack;
extern PLAIT_API Op<Tensor(TensorList)> column_stack;
extern PLAIT_API Op<std::vector<Tensor>(TensorList)> broadcast_tensors;
extern PLAIT_API Op<std::vector<Tensor>(TensorList, std::string_view)> meshgrid;
extern PLAIT_API Op<Tensor(TensorList)> cartesian_prod;
}  // namespace plait::op

namespace plait {
inline Tensor cat(TensorList tensors, int64_t dim = 0) { return op::cat(tensors, dim); }
inline Tensor concat(TensorList tensors, int64_t dim = 0) { return op::concat(tensors, dim); }
inline Tensor concatenate(TensorList tensors, int64_t dim = 0) { return op::concatenate(tensors, dim); }
inline Tensor stack(TensorList tensors, int64_t dim = 0) { return op::stack(tensors, dim); }
inline Tensor hstack(TensorList tensors) { return op::hstack(tensors); }
inline Tensor vstack(TensorList tensors) { return op::vstack(tensors); }
inline Tensor dstack(TensorList tensors) { return op::dstack(tensors); }
inline Tensor column_stack(TensorList tensors) { return op::column_stack(tensors); }
inline std::vector<Tensor> broadcast_tensors(TensorList tensors) { return op::broadcast_tensors(tensors); }
inline std::vector<Tensor> meshgrid(TensorList tensors, std::string_view indexing = "ij") { return op::meshgrid(tensors, indexing); }
inline Tensor cartesian_prod(TensorList tensors) { return op::cartesian_prod(tensors); }
}  // namespace plait
// clang-format on
