// What the emulated cuSOLVER computes, in double precision complex numbers whatever the dtype is. By the
// plainest methods that are backward stable: Jacobi's for symmetric matrices and singular values.
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

namespace emulator {

using Number = std::complex<double>;
using Numbers = std::vector<Number>;

struct Matrix {
  int64_t rows = 0, columns = 0;
  Numbers data;  // column by column

  Matrix(int64_t rows_, int64_t columns_)
      : rows(rows_),
        columns(columns_),
        data(static_cast<size_t>(rows_ * columns_)) {}
  static Matrix identity(int64_t n);
  Number& operator()(int64_t i, int64_t j) { return data[static_cast<size_t>(i + j * rows)]; }
  const Number& operator()(int64_t i, int64_t j) const { return data[static_cast<size_t>(i + j * rows)]; }
};

// All in LAPACK's conventions. Those that return a number return its `info`.
int cholesky(Matrix& a, bool upper);
int lu(Matrix& a, std::vector<int>& pivots, bool exchanges);
// b = op(a)^-1 b with `upper` triangular op(a), n unknowns.
void substitute(const Matrix& op_a, Matrix& b, bool upper, bool unit);
void qr(Matrix& a, Numbers& tau);
void unfold_reflectors(Matrix& a, const Numbers& tau);  // orgqr: the first columns of H_1 ... H_k
int eigh(Matrix& a, std::vector<double>& values);       // a: Hermitian, then its vectors
int eig(Matrix a, Numbers& values, Matrix& vectors);
// a = u diag(s) v^H with all of u (rows, rows) and v (columns, columns).
int svd(const Matrix& a, Matrix& u, std::vector<double>& s, Matrix& v);

}  // namespace emulator
