// Emitted by tools/emit_header.py from ops/view.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> reshape;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> view;
extern PLAIT_API Op<Tensor(const Tensor&, DType)> view_dtype;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> view_as;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> reshape_as;
extern PLAIT_API Op<Tensor(const Tensor&)> ravel;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t)> flatten;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, IntSpan)> unflatten;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> expand;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> expand_as;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> broadcast_to;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> permute;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t)> transpose;
extern PLAIT_API Op<Tensor(const Tensor&)> t;
extern PLAIT_API Op<Tensor(const Tensor&)> T;
extern PLAIT_API Op<Tensor(const Tensor&)> mT;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t)> swapaxes;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t)> swapdims;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan)> movedim;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan)> moveaxis;
extern PLAIT_API Op<Tensor(const Tensor&)> squeeze;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> squeeze_dim;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> unsqueeze;
extern PLAIT_API Op<Tensor(const Tensor&)> detach;
extern PLAIT_API Op<Tensor(const Tensor&)> alias;
}  // namespace plait::op

namespace plait {
inline Tensor reshape(const Tensor& self, IntSpan shape) { return op::reshape(self, shape); }
inline Tensor reshape_(const Tensor& self, IntSpan shape) { return op::reshape.inplace(self, shape); }
inline Tensor view(const Tensor& self, IntSpan size) { return op::view(self, size); }
inline Tensor view_(const Tensor& self, IntSpan size) { return op::view.inplace(self, size); }
inline Tensor view(const Tensor& self, DType dtype) { return op::view_dtype(self, dtype); }
inline Tensor view_(const Tensor& self, DType dtype) { return op::view_dtype.inplace(self, dtype); }
inline Tensor view_as(const Tensor& self, const Tensor& other) { return op::view_as(self, other); }
inline Tensor view_as_(const Tensor& self, const Tensor& other) { return op::view_as.inplace(self, other); }
inline Tensor reshape_as(const Tensor& self, const Tensor& other) { return op::reshape_as(self, other); }
inline Tensor reshape_as_(const Tensor& self, const Tensor& other) { return op::reshape_as.inplace(self, other); }
inline Tensor ravel(const Tensor& self) { return op::ravel(self); }
inline Tensor ravel_(const Tensor& self) { return op::ravel.inplace(self); }
inline Tensor flatten(const Tensor& self, int64_t start_dim = 0, int64_t end_dim = -1) { return op::flatten(self, start_dim, end_dim); }
inline Tensor flatten_(const Tensor& self, int64_t start_dim = 0, int64_t end_dim = -1) { return op::flatten.inplace(self, start_dim, end_dim); }
inline Tensor unflatten(const Tensor& self, int64_t dim, IntSpan sizes) { return op::unflatten(self, dim, sizes); }
inline Tensor unflatten_(const Tensor& self, int64_t dim, IntSpan sizes) { return op::unflatten.inplace(self, dim, sizes); }
inline Tensor expand(const Tensor& self, IntSpan size) { return op::expand(self, size); }
inline Tensor expand_(const Tensor& self, IntSpan size) { return op::expand.inplace(self, size); }
inline Tensor expand_as(const Tensor& self, const Tensor& other) { return op::expand_as(self, other); }
inline Tensor expand_as_(const Tensor& self, const Tensor& other) { return op::expand_as.inplace(self, other); }
inline Tensor broadcast_to(const Tensor& self, IntSpan size) { return op::broadcast_to(self, size); }
inline Tensor broadcast_to_(const Tensor& self, IntSpan size) { return op::broadcast_to.inplace(self, size); }
inline Tensor permute(const Tensor& self, IntSpan dims) { return op::permute(self, dims); }
inline Tensor permute_(const Tensor& self, IntSpan dims) { return op::permute.inplace(self, dims); }
inline Tensor transpose(const Tensor& self, int64_t dim0, int64_t dim1) { return op::transpose(self, dim0, dim1); }
inline Tensor transpose_(const Tensor& self, int64_t dim0, int64_t dim1) { return op::transpose.inplace(self, dim0, dim1); }
inline Tensor t(const Tensor& self) { return op::t(self); }
inline Tensor t_(const Tensor& self) { return op::t.inplace(self); }
inline Tensor T(const Tensor& self) { return op::T(self); }
inline Tensor T_(const Tensor& self) { return op::T.inplace(self); }
inline Tensor mT(const Tensor& self) { return op::mT(self); }
inline Tensor mT_(const Tensor& self) { return op::mT.inplace(self); }
inline Tensor swapaxes(const Tensor& self, int64_t axis0, int64_t axis1) { return op::swapaxes(self, axis0, axis1); }
inline Tensor swapaxes_(const Tensor& self, int64_t axis0, int64_t axis1) { return op::swapaxes.inplace(self, axis0, axis1); }
inline Tensor swapdims(const Tensor& self, int64_t dim0, int64_t dim1) { return op::swapdims(self, dim0, dim1); }
inline Tensor swapdims_(const Tensor& self, int64_t dim0, int64_t dim1) { return op::swapdims.inplace(self, dim0, dim1); }
inline Tensor movedim(const Tensor& self, IntSpan source, IntSpan destination) { return op::movedim(self, source, destination); }
inline Tensor movedim_(const Tensor& self, IntSpan source, IntSpan destination) { return op::movedim.inplace(self, source, destination); }
inline Tensor moveaxis(const Tensor& self, IntSpan source, IntSpan destination) { return op::moveaxis(self, source, destination); }
inline Tensor moveaxis_(const Tensor& self, IntSpan source, IntSpan destination) { return op::moveaxis.inplace(self, source, destination); }
inline Tensor squeeze(const Tensor& self) { return op::squeeze(self); }
inline Tensor squeeze_(const Tensor& self) { return op::squeeze.inplace(self); }
inline Tensor squeeze(const Tensor& self, IntSpan dim) { return op::squeeze_dim(self, dim); }
inline Tensor squeeze_(const Tensor& self, IntSpan dim) { return op::squeeze_dim.inplace(self, dim); }
inline Tensor unsqueeze(const Tensor& self, int64_t dim) { return op::unsqueeze(self, dim); }
inline Tensor unsqueeze_(const Tensor& self, int64_t dim) { return op::unsqueeze.inplace(self, dim); }
inline Tensor detach(const Tensor& self) { return op::detach(self); }
inline Tensor detach_(const Tensor& self) { return op::detach.inplace(self); }
inline Tensor alias(const Tensor& self) { return op::alias(self); }
inline Tensor alias_(const Tensor& self) { return op::alias.inplace(self); }
}  // namespace plait
// clang-format on
