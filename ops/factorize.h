// Decompositions of matrices by a library: what the ops of ops/factorizations.cpp do on every device.
#pragma once

#include <string_view>
#include <tuple>

#include "core/tensor.h"
#include "ops/matrices.h"

namespace plait::factorize {

using Pair = std::tuple<Tensor, Tensor>;
using Triple = std::tuple<Tensor, Tensor, Tensor>;
using Quadruple = std::tuple<Tensor, Tensor, Tensor, Tensor>;

PLAIT_API Pair cholesky(const MatrixLibrary& library, const Tensor& self);
PLAIT_API Triple lu(const MatrixLibrary& library, const Tensor& self, bool pivot);
PLAIT_API Tensor lu_solve(const MatrixLibrary& library, const Tensor& self, const Tensor& pivots,
                          const Tensor& other, bool adjoint);
PLAIT_API Tensor solve_triangular(const MatrixLibrary& library, const Tensor& self, const Tensor& other,
                                  bool upper, bool unit);
PLAIT_API Pair qr(const MatrixLibrary& library, const Tensor& self, std::string_view mode);
PLAIT_API Tensor householder_product(const MatrixLibrary& library, const Tensor& self, const Tensor& tau);
PLAIT_API Triple eigh(const MatrixLibrary& library, const Tensor& self, bool upper, bool vectors);
PLAIT_API Quadruple svd(const MatrixLibrary& library, const Tensor& self, bool full, bool vectors);
PLAIT_API Triple eig(const MatrixLibrary& library, const Tensor& self, bool vectors);

// ---- for functions of one library alone

// Raises unless it is a batch of matrices; and the batch's sizes, followed by `last`.
void check_matrices(const char* op, const Tensor& t, bool square);
void check_right_side(const char* op, const Tensor& self, const Tensor& other);
Dims batch_and(const Tensor& t, std::initializer_list<int64_t> last, int without = 2);
Tensor new_info(const Tensor& self);
Tensor copied_by_columns(const Tensor& source);  // without gaps, column by column
Matrices matrices_of(const Tensor& t, bool rows_as_columns = false);

}  // namespace plait::factorize
