// Emitted by tools/emit_header.py from ops/addmm.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Scalar&, const Scalar&)> addmm;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Scalar&, const Scalar&)> addmv;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Scalar&, const Scalar&)> addbmm;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Scalar&, const Scalar&)> baddbmm;
}  // namespace plait::op

namespace plait {
inline Tensor addmm(const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta = 1, const Scalar& alpha = 1) { return op::addmm(self, mat1, mat2, beta, alpha); }
inline Tensor addmm_(const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta = 1, const Scalar& alpha = 1) { return op::addmm.inplace(self, mat1, mat2, beta, alpha); }
inline Tensor addmv(const Tensor& self, const Tensor& mat, const Tensor& vec, const Scalar& beta = 1, const Scalar& alpha = 1) { return op::addmv(self, mat, vec, beta, alpha); }
inline Tensor addmv_(const Tensor& self, const Tensor& mat, const Tensor& vec, const Scalar& beta = 1, const Scalar& alpha = 1) { return op::addmv.inplace(self, mat, vec, beta, alpha); }
inline Tensor addbmm(const Tensor& self, const Tensor& batch1, const Tensor& batch2, const Scalar& beta = 1, const Scalar& alpha = 1) { return op::addbmm(self, batch1, batch2, beta, alpha); }
inline Tensor addbmm_(const Tensor& self, const Tensor& batch1, const Tensor& batch2, const Scalar& beta = 1, const Scalar& alpha = 1) { return op::addbmm.inplace(self, batch1, batch2, beta, alpha); }
inline Tensor baddbmm(const Tensor& self, const Tensor& batch1, const Tensor& batch2, const Scalar& beta = 1, const Scalar& alpha = 1) { return op::baddbmm(self, batch1, batch2, beta, alpha); }
inline Tensor baddbmm_(const Tensor& self, const Tensor& batch1, const Tensor& batch2, const Scalar& beta = 1, const Scalar& alpha = 1) { return op::baddbmm.inplace(self, batch1, batch2, beta, alpha); }
}  // namespace plait
// clang-format on
