// The functions of libcusolver and libcublas that libplait_cuda calls, on the CPU, with their names: the
// checks that the libraries make and those that they leave to the caller; the work itself stands in
// cusolver_math.cpp.
//
// What is documented as undefined or destroyed shows: scratch memory is overwritten, on the host when the
// call returns, and so is a matrix of which only the vectors' number was asked for. Handles have one stream,
// and matrices are read when the stream comes to them.
#include <cusolverDn.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "cusolver_call.h"

using namespace emulator;

namespace {

// ---- what is queued

void run_cholesky(const Place& a, bool upper, int* info) {
  Matrix m = a.load();
  *info = cholesky(m, upper);
  a.store(m, [&](int64_t i, int64_t j) { return upper ? i <= j : i >= j; });
}

void run_lu(const Place& a, int* pivots, int* info) {
  Matrix m = a.load();
  std::vector<int> swaps;
  *info = lu(m, swaps, pivots != nullptr);
  if (pivots) std::copy(swaps.begin(), swaps.end(), pivots);
  a.store(m);
}

void run_qr(const Place& a, void* tau) {
  Matrix m = a.load();
  Numbers factors;
  qr(m, factors);
  a.store(m);
  store_row(tau, a.type, factors);
}

void run_eigh(const Place& a, bool upper, bool vectors, void* w, int* info) {
  Matrix m = a.load();
  for (int64_t j = 0; j < m.columns; ++j) {
    m(j, j) = m(j, j).real();
    for (int64_t i = 0; i < j; ++i) upper ? m(j, i) = std::conj(m(i, j)) : m(i, j) = std::conj(m(j, i));
  }
  std::vector<double> values;
  *info = eigh(m, values);
  store_row(w, real_of(a.type), values);
  if (!vectors) std::fill(m.data.begin(), m.data.end(), Number(NAN, NAN));
  a.store(m);
}

void run_svd(const Place& a, const Place& u, void* s, const Place& v, bool vectors, int* info) {
  const Matrix m = a.load();
  Matrix left(a.rows, a.rows), right(a.columns, a.columns);
  std::vector<double> values;
  *info = svd(m, left, values, right);
  store_row(s, real_of(a.type), values);
  Matrix spoilt(a.rows, a.columns);
  std::fill(spoilt.data.begin(), spoilt.data.end(), Number(NAN, NAN));
  a.store(spoilt);
  if (!vectors || *info) return;
  u.store(left);
  v.store(right);
}

struct Triangle {
  bool left, upper, unit;
  cublasOperation_t op;
};

void run_trsm(const Triangle& t, const Place& a, const Place& b) {
  // X op(A) = B is op(A)^T X^T = B^T.
  const Matrix m = a.load();
  const int64_t n = m.rows;
  const bool turned = (t.op != CUBLAS_OP_N) == t.left;
  Matrix op_a(n, n);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      const Number x = turned ? m(j, i) : m(i, j);
      op_a(i, j) = t.op == CUBLAS_OP_C ? std::conj(x) : x;
    }
  const Matrix given = b.load();
  Matrix x(n, t.left ? b.columns : b.rows);
  for (int64_t i = 0; i < x.rows; ++i)
    for (int64_t j = 0; j < x.columns; ++j) x(i, j) = t.left ? given(i, j) : given(j, i);
  substitute(op_a, x, t.upper != turned, t.unit);
  Matrix result = given;
  for (int64_t i = 0; i < x.rows; ++i)
    for (int64_t j = 0; j < x.columns; ++j) (t.left ? result(i, j) : result(j, i)) = x(i, j);
  b.store(result);
}

// ---- the libraries' functions for any dtype

template <class T>
cusolverStatus_t potrf_batched(const char* name, cusolverDnHandle_t handle, cublasFillMode_t uplo, int n,
                               T** matrices, int lda, int* info, int batch) {
  Call call(name, handle);
  call.expect(n >= 0 && lda >= std::max(n, 1) && batch >= 0, "a size is wrong");
  call.array(matrices, sizeof(T*) * size_t(batch), "the array of matrices");
  call.array(info, sizeof(int) * size_t(batch), "info");
  return call.run([=] {
    for (int b = 0; b < batch; ++b)
      run_cholesky({matrices[b], kTypeOf<T>, n, n, lda}, is_upper(uplo), info + b);
  });
}

template <class T>
cusolverStatus_t getrf(const char* name, cusolverDnHandle_t handle, int m, int n, T* matrix, int lda, T* work,
                       int* pivots, int* info) {
  Call call(name, handle);
  const Place a{matrix, kTypeOf<T>, m, n, lda};
  const Scratch scratch{work, size_t(scratch_for(m, n)) * sizeof(T)};
  call.matrix(a, "A");
  call.scratch(work, scratch.bytes, scratch.bytes);
  call.array(info, sizeof(int), "info");
  if (pivots) call.array(pivots, sizeof(int) * size_t(std::min(m, n)), "the pivots");
  return call.run([=] {
    scratch.spoil();
    run_lu(a, pivots, info);
  });
}

template <class T>
cusolverStatus_t orgqr(const char* name, cusolverDnHandle_t handle, int m, int n, int k, T* matrix, int lda,
                       const T* tau, T* work, int lwork, int* info) {
  Call call(name, handle);
  const Place a{matrix, kTypeOf<T>, m, n, lda};
  call.expect(m >= n && n >= k && k >= 0, "expected m >= n >= k");
  call.matrix(a, "A");
  call.array(tau, sizeof(T) * size_t(k), "tau");
  call.array(info, sizeof(int), "info");
  const Scratch scratch{work, size_t(scratch_for(m, n)) * sizeof(T)};
  call.scratch(work, size_t(lwork) * sizeof(T), scratch.bytes);
  return call.run([=] {
    scratch.spoil();
    Matrix q = a.load();
    unfold_reflectors(q, load_row(tau, a.type, k));
    a.store(q);
    *info = 0;
  });
}

template <class T, class Real>
cusolverStatus_t gesvdj(const char* name, cusolverDnHandle_t handle, cusolverEigMode_t jobz, bool econ, int m,
                        int n, T* matrices, int lda, Real* s, T* left, int ldu, T* right, int ldv, T* work,
                        int lwork, int* info, gesvdjInfo_t params, int batch) {
  Call call(name, handle);
  const int least = std::min(m, n);
  const bool vectors = jobz == CUSOLVER_EIG_MODE_VECTOR;
  const auto at = [=](T* data, int b, int rows, int columns, int ld) {
    return Place{data + int64_t(b) * ld * columns, kTypeOf<T>, rows, columns, ld};
  };
  const int u_columns = econ ? least : m, v_columns = econ ? least : n;
  call.expect(params != nullptr, "no parameters");
  for (const int b : {0, batch - 1}) {
    call.matrix(at(matrices, b, m, n, lda), "A");
    call.matrix(at(left, b, m, u_columns, ldu), "U");
    call.matrix(at(right, b, n, v_columns, ldv), "V");
  }
  call.array(s, sizeof(Real) * size_t(least) * size_t(batch), "S");
  call.array(info, sizeof(int) * size_t(batch), "info");
  const Scratch scratch{work, size_t(scratch_for(m, n)) * sizeof(T)};
  call.scratch(work, size_t(lwork) * sizeof(T), scratch.bytes);
  return call.run([=] {
    scratch.spoil();
    for (int b = 0; b < batch; ++b)
      run_svd(at(matrices, b, m, n, lda), at(left, b, m, u_columns, ldu), s + int64_t(b) * least,
              at(right, b, n, v_columns, ldv), vectors, info + b);
  });
}

template <class T>
cublasStatus_t trsm(const char* name, cublasHandle_t handle, const Triangle& t, int m, int n, const T* alpha,
                    const T* matrix, int lda, T* result, int ldb) {
  Call call(name, handle);
  const int order = t.left ? m : n;
  const Place a{const_cast<T*>(matrix), kTypeOf<T>, order, order, lda}, b{result, kTypeOf<T>, m, n, ldb};
  call.expect(alpha && read(alpha, a.type, 0) == Number(1), "only alpha = 1 is emulated");
  call.matrix(a, "A");
  call.matrix(b, "B");
  return as_cublas(call.run([=] { run_trsm(t, a, b); }));
}

template <class T>
cublasStatus_t trsm_batched(const char* name, cublasHandle_t handle, const Triangle& t, int m, int n,
                            const T* alpha, const T* const* matrices, int lda, T* const* results, int ldb,
                            int batch) {
  Call call(name, handle);
  const int order = t.left ? m : n;
  call.expect(alpha && read(alpha, kTypeOf<T>, 0) == Number(1), "only alpha = 1 is emulated");
  call.expect(m >= 0 && n >= 0 && lda >= std::max(order, 1) && ldb >= std::max(m, 1), "a size is wrong");
  call.array(matrices, sizeof(T*) * size_t(batch), "the array of matrices");
  call.array(results, sizeof(T*) * size_t(batch), "the array of right-hand sides");
  return as_cublas(call.run([=] {
    for (int i = 0; i < batch; ++i)
      run_trsm(t, {const_cast<T*>(matrices[i]), kTypeOf<T>, order, order, lda},
               {results[i], kTypeOf<T>, m, n, ldb});
  }));
}

template <class T>
cublasStatus_t getrf_batched(const char* name, cublasHandle_t handle, int n, T* const* matrices, int lda,
                             int* pivots, int* info, int batch) {
  Call call(name, handle);
  call.expect(n >= 0 && lda >= std::max(n, 1) && batch >= 0, "a size is wrong");
  call.array(matrices, sizeof(T*) * size_t(batch), "the array of matrices");
  if (pivots) call.array(pivots, sizeof(int) * size_t(n) * size_t(batch), "the pivots");
  call.array(info, sizeof(int) * size_t(batch), "info");
  return as_cublas(call.run([=] {
    for (int b = 0; b < batch; ++b)
      run_lu({matrices[b], kTypeOf<T>, n, n, lda}, pivots ? pivots + int64_t(b) * n : nullptr, info + b);
  }));
}

template <class T>
cublasStatus_t geqrf_batched(const char* name, cublasHandle_t handle, int m, int n, T* const* matrices,
                             int lda, T* const* taus, int* info, int batch) {
  Call call(name, handle);
  call.expect(m >= 0 && n >= 0 && lda >= std::max(m, 1) && batch >= 0, "a size is wrong");
  call.array(matrices, sizeof(T*) * size_t(batch), "the array of matrices");
  call.array(taus, sizeof(T*) * size_t(batch), "the array of factors");
  if (is_device_accessible(info, sizeof(int)))
    call.refuse("info should be a number of the host");
  else if (info)
    *info = 0;
  return as_cublas(call.run([=] {
    for (int b = 0; b < batch; ++b) run_qr({matrices[b], kTypeOf<T>, m, n, lda}, taus[b]);
  }));
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

// ---- handles

cusolverStatus_t cusolverGetVersion(int* version) {
  if (!version) return CUSOLVER_STATUS_INVALID_VALUE;
  *version = CUSOLVER_VERSION;
  return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnCreate(cusolverDnHandle_t* handle) {
  if (const cusolverStatus_t status = ordered("cusolverDnCreate"); status != CUSOLVER_STATUS_SUCCESS)
    return status;
  auto made = std::make_unique<cusolverDnContext>();
  if (!handle || cudaGetDevice(&made->device) != cudaSuccess) return CUSOLVER_STATUS_NOT_INITIALIZED;
  *handle = made.release();
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnSetStream(cusolverDnHandle_t handle, cudaStream_t stream) {
  int device;
  if (!handle || stream_device(stream, &device) != cudaSuccess || device != handle->device)
    return CUSOLVER_STATUS_INVALID_VALUE;
  handle->stream = stream;
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnCreateParams(cusolverDnParams_t* params) {
  *params = new cusolverDnParams;
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnCreateGesvdjInfo(gesvdjInfo_t* info) {
  *info = new gesvdjInfo;
  return CUSOLVER_STATUS_SUCCESS;
}

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  if (const cusolverStatus_t status = ordered("cublasCreate_v2"); status != CUSOLVER_STATUS_SUCCESS)
    return as_cublas(status);
  auto made = std::make_unique<cublasContext>();
  if (!handle || cudaGetDevice(&made->device) != cudaSuccess) return CUBLAS_STATUS_NOT_INITIALIZED;
  *handle = made.release();
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  int device;
  if (!handle || stream_device(stream, &device) != cudaSuccess || device != handle->device)
    return CUBLAS_STATUS_INVALID_VALUE;
  handle->stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}
const char* cublasGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_SUCCESS        ? "success"
         : status == CUBLAS_STATUS_ALLOC_FAILED ? "the resource allocation failed"
                                                : "an error of the emulated library";
}

// ---- functions that are told the dtype

cusolverStatus_t cusolverDnXpotrf_bufferSize(cusolverDnHandle_t, cusolverDnParams_t, cublasFillMode_t,
                                             int64_t n, cudaDataType type, const void*, int64_t, cudaDataType,
                                             size_t* on_device, size_t* on_host) {
  return sizes(on_device, on_host, type, scratch_for(n, n));
}
cusolverStatus_t cusolverDnXpotrf(cusolverDnHandle_t handle, cusolverDnParams_t params, cublasFillMode_t uplo,
                                  int64_t n, cudaDataType type, void* matrix, int64_t lda,
                                  cudaDataType compute, void* work, size_t bytes, void* on_host,
                                  size_t host_bytes, int* info) {
  Call call("cusolverDnXpotrf", handle);
  const Place a{matrix, type, n, n, lda};
  const Scratch scratch{work, size_t(scratch_for(n, n)) * size_of(type)};
  call.expect(params && compute == type, "a type is wrong");
  call.expect(on_host && host_bytes >= kHostBytes, "the host's workspace is too small");
  call.matrix(a, "A");
  call.scratch(work, bytes, scratch.bytes);
  call.array(info, sizeof(int), "info");
  if (on_host) std::memset(on_host, 0x5A, host_bytes);
  return call.run([=] {
    scratch.spoil();
    run_cholesky(a, is_upper(uplo), info);
  });
}

cusolverStatus_t cusolverDnXgeqrf_bufferSize(cusolverDnHandle_t, cusolverDnParams_t, int64_t m, int64_t n,
                                             cudaDataType type, const void*, int64_t, cudaDataType,
                                             const void*, cudaDataType, size_t* on_device, size_t* on_host) {
  return sizes(on_device, on_host, type, scratch_for(m, n));
}
cusolverStatus_t cusolverDnXgeqrf(cusolverDnHandle_t handle, cusolverDnParams_t params, int64_t m, int64_t n,
                                  cudaDataType type, void* matrix, int64_t lda, cudaDataType tau_type,
                                  void* tau, cudaDataType compute, void* work, size_t bytes, void* on_host,
                                  size_t host_bytes, int* info) {
  Call call("cusolverDnXgeqrf", handle);
  const Place a{matrix, type, m, n, lda};
  const Scratch scratch{work, size_t(scratch_for(m, n)) * size_of(type)};
  call.expect(params && compute == type && tau_type == type, "a type is wrong");
  call.expect(on_host && host_bytes >= kHostBytes, "the host's workspace is too small");
  call.matrix(a, "A");
  call.array(tau, size_t(std::min(m, n)) * size_of(type), "tau");
  call.scratch(work, bytes, scratch.bytes);
  call.array(info, sizeof(int), "info");
  if (on_host) std::memset(on_host, 0x5A, host_bytes);
  return call.run([=] {
    scratch.spoil();
    run_qr(a, tau);
    *info = 0;
  });
}

cusolverStatus_t cusolverDnXsyevBatched_bufferSize(cusolverDnHandle_t, cusolverDnParams_t, cusolverEigMode_t,
                                                   cublasFillMode_t, int64_t n, cudaDataType type,
                                                   const void*, int64_t, cudaDataType, const void*,
                                                   cudaDataType, size_t* on_device, size_t* on_host,
                                                   int64_t batch) {
  return sizes(on_device, on_host, type, scratch_for(n, n) * batch);
}
cusolverStatus_t cusolverDnXsyevBatched(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                        cusolverEigMode_t jobz, cublasFillMode_t uplo, int64_t n,
                                        cudaDataType type, void* matrices, int64_t lda, cudaDataType w_type,
                                        void* w, cudaDataType compute, void* work, size_t bytes,
                                        void* on_host, size_t host_bytes, int* info, int64_t batch) {
  Call call("cusolverDnXsyevBatched", handle);
  const Place all{matrices, type, n, n * batch, lda};
  const Scratch scratch{work, size_t(scratch_for(n, n) * batch) * size_of(type)};
  call.expect(params && compute == type && w_type == real_of(type), "a type is wrong");
  call.expect(on_host && host_bytes >= kHostBytes, "the host's workspace is too small");
  call.matrix(all, "A");
  call.array(w, size_t(n * batch) * size_of(w_type), "W");
  call.scratch(work, bytes, scratch.bytes);
  call.array(info, sizeof(int) * size_t(batch), "info");
  if (on_host) std::memset(on_host, 0x5A, host_bytes);
  return call.run([=] {
    scratch.spoil();
    for (int64_t b = 0; b < batch; ++b) {
      const Place a{static_cast<char*>(matrices) + size_t(b * lda * n) * size_of(type), type, n, n, lda};
      run_eigh(a, is_upper(uplo), jobz == CUSOLVER_EIG_MODE_VECTOR,
               static_cast<char*>(w) + size_t(b * n) * size_of(w_type), info + b);
    }
  });
}

cusolverStatus_t cusolverDnXsyevd_bufferSize(cusolverDnHandle_t, cusolverDnParams_t, cusolverEigMode_t,
                                             cublasFillMode_t, int64_t n, cudaDataType type, const void*,
                                             int64_t, cudaDataType, const void*, cudaDataType,
                                             size_t* on_device, size_t* on_host) {
  return sizes(on_device, on_host, type, scratch_for(n, n));
}
cusolverStatus_t cusolverDnXsyevd(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                  cusolverEigMode_t jobz, cublasFillMode_t uplo, int64_t n, cudaDataType type,
                                  void* matrix, int64_t lda, cudaDataType w_type, void* w,
                                  cudaDataType compute, void* work, size_t bytes, void* on_host,
                                  size_t host_bytes, int* info) {
  if (const cusolverStatus_t status = ordered("cusolverDnXsyevd"); status != CUSOLVER_STATUS_SUCCESS)
    return status;
  return cusolverDnXsyevBatched(handle, params, jobz, uplo, n, type, matrix, lda, w_type, w, compute, work,
                                bytes, on_host, host_bytes, info, 1);
}

cusolverStatus_t cusolverDnXgeev_bufferSize(cusolverDnHandle_t, cusolverDnParams_t, cusolverEigMode_t,
                                            cusolverEigMode_t, int64_t n, cudaDataType type, const void*,
                                            int64_t, cudaDataType, const void*, cudaDataType, const void*,
                                            int64_t, cudaDataType, const void*, int64_t, cudaDataType,
                                            size_t* on_device, size_t* on_host) {
  return sizes(on_device, on_host, type, scratch_for(n, n));
}
cusolverStatus_t cusolverDnXgeev(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                 cusolverEigMode_t jobvl, cusolverEigMode_t jobvr, int64_t n,
                                 cudaDataType type, void* matrix, int64_t lda, cudaDataType w_type, void* w,
                                 cudaDataType vl_type, void*, int64_t ldvl, cudaDataType vr_type, void* right,
                                 int64_t ldvr, cudaDataType compute, void* work, size_t bytes, void* on_host,
                                 size_t host_bytes, int* info) {
  Call call("cusolverDnXgeev", handle);
  const Place a{matrix, type, n, n, lda}, v{right, vr_type, n, n, ldvr};
  const Scratch scratch{work, size_t(scratch_for(n, n)) * size_of(type)};
  call.expect(is_complex(type), "only complex matrices are emulated");
  call.expect(params && compute == type && w_type == type && vl_type == type && vr_type == type,
              "a type is wrong");
  call.expect(jobvl == CUSOLVER_EIG_MODE_NOVECTOR && ldvl >= 1, "left vectors are not supported");
  call.expect(on_host && host_bytes >= kHostBytes, "the host's workspace is too small");
  call.matrix(a, "A");
  const bool vectors = jobvr == CUSOLVER_EIG_MODE_VECTOR;
  if (vectors) call.matrix(v, "VR");
  call.array(w, size_t(n) * size_of(w_type), "W");
  call.scratch(work, bytes, scratch.bytes);
  call.array(info, sizeof(int), "info");
  if (on_host) std::memset(on_host, 0x5A, host_bytes);
  return call.run([=] {
    scratch.spoil();
    Numbers values;
    Matrix found(n, n);
    *info = eig(a.load(), values, found);
    store_row(w, type, values);
    if (vectors) v.store(found);
  });
}

// ---- functions for each dtype

#define EMULATED(letter, Q, T, Real)                                                                         \
  cusolverStatus_t cusolverDn##letter##potrfBatched(cusolverDnHandle_t handle, cublasFillMode_t uplo, int n, \
                                                    T* matrices[], int lda, int* info, int batch) {          \
    return potrf_batched("cusolverDn" #letter "potrfBatched", handle, uplo, n, matrices, lda, info, batch);  \
  }                                                                                                          \
  cusolverStatus_t cusolverDn##letter##getrf_bufferSize(cusolverDnHandle_t, int m, int n, T*, int,           \
                                                        int* lwork) {                                        \
    *lwork = int(scratch_for(m, n));                                                                         \
    return CUSOLVER_STATUS_SUCCESS;                                                                          \
  }                                                                                                          \
  cusolverStatus_t cusolverDn##letter##getrf(cusolverDnHandle_t handle, int m, int n, T* a, int lda,         \
                                             T* work, int* pivots, int* info) {                              \
    return getrf("cusolverDn" #letter "getrf", handle, m, n, a, lda, work, pivots, info);                    \
  }                                                                                                          \
  cusolverStatus_t cusolverDn##letter##Q##_bufferSize(cusolverDnHandle_t, int m, int n, int, const T*, int,  \
                                                      const T*, int* lwork) {                                \
    *lwork = int(scratch_for(m, n));                                                                         \
    return CUSOLVER_STATUS_SUCCESS;                                                                          \
  }                                                                                                          \
  cusolverStatus_t cusolverDn##letter##Q(cusolverDnHandle_t handle, int m, int n, int k, T* a, int lda,      \
                                         const T* tau, T* work, int lwork, int* info) {                      \
    return orgqr("cusolverDn" #letter #Q, handle, m, n, k, a, lda, tau, work, lwork, info);                  \
  }                                                                                                          \
  cusolverStatus_t cusolverDn##letter##gesvdj_bufferSize(cusolverDnHandle_t, cusolverEigMode_t, int, int m,  \
                                                         int n, const T*, int, const Real*, const T*, int,   \
                                                         const T*, int, int* lwork, gesvdjInfo_t) {          \
    *lwork = int(scratch_for(m, n));                                                                         \
    return CUSOLVER_STATUS_SUCCESS;                                                                          \
  }                                                                                                          \
  cusolverStatus_t cusolverDn##letter##gesvdj(cusolverDnHandle_t handle, cusolverEigMode_t jobz, int econ,   \
                                              int m, int n, T* a, int lda, Real* s, T* u, int ldu, T* v,     \
                                              int ldv, T* work, int lwork, int* info, gesvdjInfo_t params) { \
    return gesvdj("cusolverDn" #letter "gesvdj", handle, jobz, econ != 0, m, n, a, lda, s, u, ldu, v, ldv,   \
                  work, lwork, info, params, 1);                                                             \
  }                                                                                                          \
  cusolverStatus_t cusolverDn##letter##gesvdjBatched_bufferSize(                                             \
      cusolverDnHandle_t, cusolverEigMode_t, int m, int n, const T*, int, const Real*, const T*, int,        \
      const T*, int, int* lwork, gesvdjInfo_t, int) {                                                        \
    *lwork = int(scratch_for(m, n));                                                                         \
    return CUSOLVER_STATUS_SUCCESS;                                                                          \
  }                                                                                                          \
  cusolverStatus_t cusolverDn##letter##gesvdjBatched(                                                        \
      cusolverDnHandle_t handle, cusolverEigMode_t jobz, int m, int n, T* a, int lda, Real* s, T* u,         \
      int ldu, T* v, int ldv, T* work, int lwork, int* info, gesvdjInfo_t params, int batch) {               \
    if (m > 32 || n > 32)                                                                                    \
      return complain("cusolverDn" #letter "gesvdjBatched", "expected at most 32 rows and columns");         \
    return gesvdj("cusolverDn" #letter "gesvdjBatched", handle, jobz, false, m, n, a, lda, s, u, ldu, v,     \
                  ldv, work, lwork, info, params, batch);                                                    \
  }                                                                                                          \
  cublasStatus_t cublas##letter##trsm_v2(cublasHandle_t handle, cublasSideMode_t side,                       \
                                         cublasFillMode_t uplo, cublasOperation_t op, cublasDiagType_t diag, \
                                         int m, int n, const T* alpha, const T* a, int lda, T* b, int ldb) { \
    const Triangle t{side == CUBLAS_SIDE_LEFT, is_upper(uplo), diag == CUBLAS_DIAG_UNIT, op};                \
    return trsm("cublas" #letter "trsm_v2", handle, t, m, n, alpha, a, lda, b, ldb);                         \
  }                                                                                                          \
  cublasStatus_t cublas##letter##trsmBatched(                                                                \
      cublasHandle_t handle, cublasSideMode_t side, cublasFillMode_t uplo, cublasOperation_t op,             \
      cublasDiagType_t diag, int m, int n, const T* alpha, const T* const a[], int lda, T* const b[],        \
      int ldb, int batch) {                                                                                  \
    const Triangle t{side == CUBLAS_SIDE_LEFT, is_upper(uplo), diag == CUBLAS_DIAG_UNIT, op};                \
    return trsm_batched("cublas" #letter "trsmBatched", handle, t, m, n, alpha, a, lda, b, ldb, batch);      \
  }                                                                                                          \
  cublasStatus_t cublas##letter##getrfBatched(cublasHandle_t handle, int n, T* const a[], int lda,           \
                                              int* pivots, int* info, int batch) {                           \
    return getrf_batched("cublas" #letter "getrfBatched", handle, n, a, lda, pivots, info, batch);           \
  }                                                                                                          \
  cublasStatus_t cublas##letter##geqrfBatched(cublasHandle_t handle, int m, int n, T* const a[], int lda,    \
                                              T* const tau[], int* info, int batch) {                        \
    return geqrf_batched("cublas" #letter "geqrfBatched", handle, m, n, a, lda, tau, info, batch);           \
  }

EMULATED(S, orgqr, float, float)
EMULATED(D, orgqr, double, double)
EMULATED(C, ungqr, cuComplex, float)
EMULATED(Z, ungqr, cuDoubleComplex, double)
#undef EMULATED

}  // extern "C"
#pragma GCC visibility pop
