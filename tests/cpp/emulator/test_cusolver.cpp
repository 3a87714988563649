// The emulated cuSOLVER and cuBLAS, linked as the libraries would be loaded: products of what decompositions
// give, and what is refused. What LAPACK gives is compared in Python.
#include <cusolverDn.h>

#include <cmath>
#include <complex>
#include <random>

#include "device.h"

namespace {

using Number = std::complex<double>;
using Numbers = std::vector<Number>;

Numbers random_numbers(size_t n) {
  std::mt19937 engine(1);
  std::uniform_real_distribution<double> uniform(-1, 1);
  Numbers values(n);
  for (Number& x : values) x = {uniform(engine), uniform(engine)};
  return values;
}

// Column by column.
Numbers product(const Numbers& a, const Numbers& b, int rows, int inner, int columns) {
  Numbers c(static_cast<size_t>(rows * columns));
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j)
      for (int k = 0; k < inner; ++k)
        c[size_t(i + j * rows)] += a[size_t(i + k * rows)] * b[size_t(k + j * inner)];
  return c;
}
Numbers dual(const Numbers& a, int rows, int columns) {
  Numbers turned(a.size());
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j) turned[size_t(j + i * columns)] = std::conj(a[size_t(i + j * rows)]);
  return turned;
}
Numbers scaled_columns(Numbers a, const std::vector<double>& by, int rows) {
  for (size_t i = 0; i < a.size(); ++i) a[i] *= by[i / size_t(rows)];
  return a;
}
double distance(const Numbers& a, const Numbers& b) {
  double largest = a.size() == b.size() ? 0 : INFINITY;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double d = std::abs(a[i] - b[i]);
    largest = d <= largest ? largest : d;  // NaN is kept
  }
  return largest;
}

cuDoubleComplex* at(const DeviceArray<Number>& a) { return reinterpret_cast<cuDoubleComplex*>(a.data()); }

struct Solver {
  cusolverDnHandle_t handle = nullptr;
  cusolverDnParams_t params = nullptr;
  gesvdjInfo_t jacobi = nullptr;
  Solver() {
    REQUIRE(cusolverDnCreate(&handle) == CUSOLVER_STATUS_SUCCESS);
    REQUIRE(cusolverDnCreateParams(&params) == CUSOLVER_STATUS_SUCCESS);
    REQUIRE(cusolverDnCreateGesvdjInfo(&jacobi) == CUSOLVER_STATUS_SUCCESS);
  }
};

}  // namespace

TEST_CASE("emulated Hermitian eigenvalues make up the matrix again") {
  Solver solver;
  for (const int n : {1, 2, 5, 17}) {
    const Numbers x = random_numbers(size_t(n * n)), a = product(x, dual(x, n, n), n, n, n);
    for (const cublasFillMode_t uplo : {CUBLAS_FILL_MODE_LOWER, CUBLAS_FILL_MODE_UPPER}) {
      const DeviceArray<Number> matrix(a);
      const DeviceArray<double> values(static_cast<size_t>(n));
      const DeviceArray<int> info(size_t{1});
      size_t bytes = 0, on_host = 0;
      REQUIRE(cusolverDnXsyevd_bufferSize(solver.handle, solver.params, CUSOLVER_EIG_MODE_VECTOR, uplo, n,
                                          CUDA_C_64F, matrix.data(), n, CUDA_R_64F, values.data(), CUDA_C_64F,
                                          &bytes, &on_host) == CUSOLVER_STATUS_SUCCESS);
      const DeviceArray<char> work(bytes);
      std::vector<char> host(on_host);
      REQUIRE(cusolverDnXsyevd(solver.handle, solver.params, CUSOLVER_EIG_MODE_VECTOR, uplo, n, CUDA_C_64F,
                               matrix.data(), n, CUDA_R_64F, values.data(), CUDA_C_64F, work.data(), bytes,
                               host.data(), on_host, info.data()) == CUSOLVER_STATUS_SUCCESS);
      const Numbers v = matrix.host();
      const std::vector<double> w = values.host();
      CHECK(info.host()[0] == 0);
      CHECK(std::is_sorted(w.begin(), w.end()));
      CHECK(distance(product(scaled_columns(v, w, n), dual(v, n, n), n, n, n), a) < 1e-12 * n);
    }
  }
}

TEST_CASE("emulated singular values make up the matrix again") {
  Solver solver;
  for (const auto& [m, n] : {std::pair(4, 4), {7, 3}, {3, 7}, {1, 5}}) {
    Numbers a = random_numbers(size_t(m * n));
    for (const bool deficient : {false, true}) {
      if (deficient)
        for (int i = 0; i < m; ++i) a[size_t(i + (n - 1) * m)] = a[size_t(i)];  // two equal columns
      const int k = std::min(m, n);
      const DeviceArray<Number> matrix(a), u(size_t(m * m)), v(size_t(n * n));
      const DeviceArray<double> s(static_cast<size_t>(k));
      const DeviceArray<int> info(size_t{1});
      int elements = 0;
      REQUIRE(cusolverDnZgesvdj_bufferSize(solver.handle, CUSOLVER_EIG_MODE_VECTOR, 0, m, n, at(matrix), m,
                                           s.data(), at(u), m, at(v), n, &elements,
                                           solver.jacobi) == CUSOLVER_STATUS_SUCCESS);
      const DeviceArray<Number> work(static_cast<size_t>(elements));
      REQUIRE(cusolverDnZgesvdj(solver.handle, CUSOLVER_EIG_MODE_VECTOR, 0, m, n, at(matrix), m, s.data(),
                                at(u), m, at(v), n, at(work), elements, info.data(),
                                solver.jacobi) == CUSOLVER_STATUS_SUCCESS);
      CHECK(info.host()[0] == 0);
      std::vector<double> values = s.host();
      Numbers left = u.host(), right = v.host();
      Numbers one(size_t(m * m));
      for (int i = 0; i < m; ++i) one[size_t(i + i * m)] = 1;
      CHECK(distance(product(dual(left, m, m), left, m, m, m), one) < 1e-12);
      left.resize(size_t(m * k));
      right.resize(size_t(n * k));
      CHECK(distance(product(scaled_columns(left, values, m), dual(right, n, k), m, k, n), a) < 1e-12);
    }
  }
}

TEST_CASE("emulated eigenvalues of any matrix") {
  Solver solver;
  for (const int n : {1, 2, 3, 8, 20}) {
    const Numbers a = random_numbers(size_t(n * n));
    const DeviceArray<Number> matrix(a), values(static_cast<size_t>(n)), vectors(size_t(n * n));
    const DeviceArray<int> info(size_t{1});
    size_t bytes = 0, on_host = 0;
    const auto none = CUSOLVER_EIG_MODE_NOVECTOR, both = CUSOLVER_EIG_MODE_VECTOR;
    REQUIRE(cusolverDnXgeev_bufferSize(solver.handle, solver.params, none, both, n, CUDA_C_64F, matrix.data(),
                                       n, CUDA_C_64F, values.data(), CUDA_C_64F, nullptr, 1, CUDA_C_64F,
                                       vectors.data(), n, CUDA_C_64F, &bytes,
                                       &on_host) == CUSOLVER_STATUS_SUCCESS);
    const DeviceArray<char> work(bytes);
    std::vector<char> host(on_host);
    REQUIRE(cusolverDnXgeev(solver.handle, solver.params, none, both, n, CUDA_C_64F, matrix.data(), n,
                            CUDA_C_64F, values.data(), CUDA_C_64F, nullptr, 1, CUDA_C_64F, vectors.data(), n,
                            CUDA_C_64F, work.data(), bytes, host.data(), on_host,
                            info.data()) == CUSOLVER_STATUS_SUCCESS);
    CHECK(info.host()[0] == 0);
    const Numbers v = vectors.host(), w = values.host();
    Numbers scaled = v;
    for (size_t i = 0; i < scaled.size(); ++i) scaled[i] *= w[i / size_t(n)];
    CHECK(distance(product(a, v, n, n, n), scaled) < 1e-11);
  }
}

TEST_CASE("emulated decompositions refuse what a GPU could not follow") {
  Solver solver;
  const int n = 4;
  const DeviceArray<Number> matrix(random_numbers(size_t(n * n)));
  Numbers on_host(size_t(n * n));
  const DeviceArray<int> info(size_t{1}), pivots(static_cast<size_t>(n));
  int elements = 0;
  REQUIRE(cusolverDnZgetrf_bufferSize(solver.handle, n, n, at(matrix), n, &elements) ==
          CUSOLVER_STATUS_SUCCESS);
  const DeviceArray<Number> work(static_cast<size_t>(elements));
  const auto run = [&](cuDoubleComplex* a, int ld, cuDoubleComplex* scratch, int* swaps, int* status) {
    return cusolverDnZgetrf(solver.handle, n, n, a, ld, scratch, swaps, status);
  };
  auto* host = reinterpret_cast<cuDoubleComplex*>(on_host.data());
  std::vector<int> numbers(size_t{16});
  CHECK(run(host, n, at(work), pivots.data(), info.data()) == CUSOLVER_STATUS_INVALID_VALUE);
  CHECK(run(at(matrix), n - 1, at(work), pivots.data(), info.data()) == CUSOLVER_STATUS_INVALID_VALUE);
  CHECK(run(at(matrix), n + 1, at(work), pivots.data(), info.data()) == CUSOLVER_STATUS_INVALID_VALUE);
  CHECK(run(at(matrix), n, host, pivots.data(), info.data()) == CUSOLVER_STATUS_INVALID_VALUE);
  CHECK(run(at(matrix), n, at(work), numbers.data(), info.data()) == CUSOLVER_STATUS_INVALID_VALUE);
  CHECK(run(at(matrix), n, at(work), pivots.data(), numbers.data()) == CUSOLVER_STATUS_INVALID_VALUE);
  CHECK(run(at(matrix), n, at(work), pivots.data(), info.data()) == CUSOLVER_STATUS_SUCCESS);
  CHECK_CUDA(cudaDeviceSynchronize());

  size_t bytes = 0, host_bytes = 0;
  REQUIRE(cusolverDnXpotrf_bufferSize(solver.handle, solver.params, CUBLAS_FILL_MODE_LOWER, n, CUDA_C_64F,
                                      matrix.data(), n, CUDA_C_64F, &bytes,
                                      &host_bytes) == CUSOLVER_STATUS_SUCCESS);
  const DeviceArray<char> scratch(bytes);
  std::vector<char> host_scratch(host_bytes);
  const auto potrf = [&](cudaDataType type, size_t device_size, size_t host_size) {
    return cusolverDnXpotrf(solver.handle, solver.params, CUBLAS_FILL_MODE_LOWER, n, type, matrix.data(), n,
                            CUDA_C_64F, scratch.data(), device_size, host_scratch.data(), host_size,
                            info.data());
  };
  CHECK(potrf(CUDA_C_64F, bytes - 1, host_bytes) == CUSOLVER_STATUS_INVALID_VALUE);
  CHECK(potrf(CUDA_C_64F, bytes, host_bytes - 1) == CUSOLVER_STATUS_INVALID_VALUE);
  CHECK(potrf(CUDA_C_32F, bytes, host_bytes) == CUSOLVER_STATUS_INVALID_VALUE);
  CHECK(potrf(CUDA_C_64F, bytes, host_bytes) == CUSOLVER_STATUS_SUCCESS);
  CHECK_CUDA(cudaDeviceSynchronize());
}
