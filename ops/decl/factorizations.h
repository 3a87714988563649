// Emitted by tools/emit_header.py from ops/factorizations.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&)> _linalg_cholesky;
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, bool)> _linalg_lu;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> _linalg_row_order;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, bool)> _linalg_lu_solve;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, bool, bool)> _linalg_solve_triangular;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, std::string_view)> _linalg_qr;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> _linalg_householder_product;
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, bool, bool)> _linalg_eigh;
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor, Tensor>(const Tensor&, bool, bool)> _linalg_svd;
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, bool)> _linalg_eig;
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, bool)> _linalg_ldl_factor;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, bool)> _linalg_ldl_solve;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, bool, bool)> _linalg_ormqr;
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, double, bool)> _linalg_lstsq;
}  // namespace plait::op

namespace plait {
inline std::tuple<Tensor, Tensor> _linalg_cholesky(const Tensor& self) { return op::_linalg_cholesky(self); }
inline std::tuple<Tensor, Tensor, Tensor> _linalg_lu(const Tensor& self, bool pivot = true) { return op::_linalg_lu(self, pivot); }
inline Tensor _linalg_row_order(const Tensor& pivots, int64_t rows) { return op::_linalg_row_order(pivots, rows); }
inline Tensor _linalg_lu_solve(const Tensor& LU, const Tensor& pivots, const Tensor& other, bool adjoint = false) { return op::_linalg_lu_solve(LU, pivots, other, adjoint); }
inline Tensor _linalg_solve_triangular(const Tensor& self, const Tensor& other, bool upper, bool unitriangular = false) { return op::_linalg_solve_triangular(self, other, upper, unitriangular); }
inline std::tuple<Tensor, Tensor> _linalg_qr(const Tensor& self, std::string_view mode) { return op::_linalg_qr(self, mode); }
inline Tensor _linalg_householder_product(const Tensor& self, const Tensor& tau) { return op::_linalg_householder_product(self, tau); }
inline std::tuple<Tensor, Tensor, Tensor> _linalg_eigh(const Tensor& self, bool upper, bool vectors) { return op::_linalg_eigh(self, upper, vectors); }
inline std::tuple<Tensor, Tensor, Tensor, Tensor> _linalg_svd(const Tensor& self, bool full, bool vectors) { return op::_linalg_svd(self, full, vectors); }
inline std::tuple<Tensor, Tensor, Tensor> _linalg_eig(const Tensor& self, bool vectors) { return op::_linalg_eig(self, vectors); }
inline std::tuple<Tensor, Tensor, Tensor> _linalg_ldl_factor(const Tensor& self, bool hermitian) { return op::_linalg_ldl_factor(self, hermitian); }
inline Tensor _linalg_ldl_solve(const Tensor& LD, const Tensor& pivots, const Tensor& other, bool hermitian) { return op::_linalg_ldl_solve(LD, pivots, other, hermitian); }
inline Tensor _linalg_ormqr(const Tensor& self, const Tensor& tau, const Tensor& other, bool left, bool adjoint) { return op::_linalg_ormqr(self, tau, other, left, adjoint); }
inline std::tuple<Tensor, Tensor, Tensor, Tensor> _linalg_lstsq(const Tensor& self, const Tensor& other, double rcond, bool values) { return op::_linalg_lstsq(self, other, rcond, values); }
}  // namespace plait
// clang-format on
