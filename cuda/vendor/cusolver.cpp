#include "cuda/vendor/cusolver.h"

#include <cublas_v2.h>
#include <cusolverDn.h>
#include <dlfcn.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/library.h"
#include "cuda/kernels/factorizations.h"
#include "cuda/runtime/capture.h"
#include "cuda/runtime/libraries.h"
#include "cuda/runtime/memory.h"
#include "cuda/vendor/thread_handles.h"

namespace plait::cuda {
namespace {

#ifdef PLAIT_CUDA_EMULATED
constexpr const char* kSolver = "libplait_cusolver_emulated.so";
constexpr const char* kBlas = kSolver;
#else
constexpr const char* kSolver = "libcusolver.so.12";  // CUDA 13's
constexpr const char* kBlas = "libcublas.so.13";
#endif

// Up to these orders the kernels that give a matrix to one block are taken for a batch, whose matrices fill
// the device together; above them a matrix fills it alone. Rules of thumb, not measured yet.
constexpr int64_t kBatchedCholesky = 512, kBatchedLu = 128, kBatchedQr = 256, kBatchedEigh = 512;
constexpr int64_t kBatchedSvd = 32;                       // what gesvdjBatched takes
constexpr int64_t kLoopedTriangle = 64, kLoopedMost = 8;  // a few large triangles go one after the other

// ---- the libraries' functions, by name

// One for each of float32, float64, complex64, complex128.
template <class S, class D, class C, class Z>
struct ForTypes {
  S s;
  D d;
  C c;
  Z z;
};

#define PLAIT_TYPED(library, name)                                                                \
  ForTypes<decltype(&library##S##name), decltype(&library##D##name), decltype(&library##C##name), \
           decltype(&library##Z##name)>

struct Functions {
  decltype(&cusolverGetVersion) version;
  decltype(&cusolverDnCreate) create_solver;
  decltype(&cusolverDnSetStream) set_solver_stream;
  decltype(&cusolverDnCreateParams) create_params;
  decltype(&cusolverDnCreateGesvdjInfo) create_jacobi;
  decltype(&cublasCreate_v2) create_blas;
  decltype(&cublasSetStream_v2) set_blas_stream;
  decltype(&cublasGetStatusString) blas_text;

  decltype(&cusolverDnXpotrf_bufferSize) potrf_size;
  decltype(&cusolverDnXpotrf) potrf;
  PLAIT_TYPED(cusolverDn, potrfBatched) potrf_batched;
  PLAIT_TYPED(cusolverDn, getrf_bufferSize) getrf_size;
  PLAIT_TYPED(cusolverDn, getrf) getrf;
  PLAIT_TYPED(cublas, getrfBatched) getrf_batched;
  PLAIT_TYPED(cublas, trsm_v2) trsm;
  PLAIT_TYPED(cublas, trsmBatched) trsm_batched;
  decltype(&cusolverDnXgeqrf_bufferSize) geqrf_size;
  decltype(&cusolverDnXgeqrf) geqrf;
  PLAIT_TYPED(cublas, geqrfBatched) geqrf_batched;
  ForTypes<decltype(&cusolverDnSorgqr_bufferSize), decltype(&cusolverDnDorgqr_bufferSize),
           decltype(&cusolverDnCungqr_bufferSize), decltype(&cusolverDnZungqr_bufferSize)>
      orgqr_size;
  ForTypes<decltype(&cusolverDnSorgqr), decltype(&cusolverDnDorgqr), decltype(&cusolverDnCungqr),
           decltype(&cusolverDnZungqr)>
      orgqr;
  decltype(&cusolverDnXsyevd_bufferSize) syevd_size;
  decltype(&cusolverDnXsyevd) syevd;
  decltype(&cusolverDnXsyevBatched_bufferSize) syev_batched_size;
  decltype(&cusolverDnXsyevBatched) syev_batched;
  PLAIT_TYPED(cusolverDn, gesvdj_bufferSize) gesvdj_size;
  PLAIT_TYPED(cusolverDn, gesvdj) gesvdj;
  PLAIT_TYPED(cusolverDn, gesvdjBatched_bufferSize) gesvdj_batched_size;
  PLAIT_TYPED(cusolverDn, gesvdjBatched) gesvdj_batched;
  decltype(&cusolverDnXgeev_bufferSize) geev_size;
  decltype(&cusolverDnXgeev) geev;

  bool load(void* solver, void* blas) {
    const auto find = [&](void* library, auto& function, const std::string& name) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name.c_str()));
      return function != nullptr;
    };
    // `complex_name` where the complex ones are called otherwise.
    const auto find_all = [&](void* library, auto& f, const char* prefix, const std::string& name,
                              const std::string& complex_name = {}) {
      const std::string& other = complex_name.empty() ? name : complex_name;
      return find(library, f.s, prefix + ("S" + name)) && find(library, f.d, prefix + ("D" + name)) &&
             find(library, f.c, prefix + ("C" + other)) && find(library, f.z, prefix + ("Z" + other));
    };
    constexpr const char *dn = "cusolverDn", *cublas = "cublas";
    return find(solver, version, "cusolverGetVersion") && find(solver, create_solver, "cusolverDnCreate") &&
           find(solver, set_solver_stream, "cusolverDnSetStream") &&
           find(solver, create_params, "cusolverDnCreateParams") &&
           find(solver, create_jacobi, "cusolverDnCreateGesvdjInfo") &&
           find(blas, create_blas, "cublasCreate_v2") && find(blas, set_blas_stream, "cublasSetStream_v2") &&
           find(blas, blas_text, "cublasGetStatusString") &&
           find(solver, potrf_size, "cusolverDnXpotrf_bufferSize") &&
           find(solver, potrf, "cusolverDnXpotrf") && find_all(solver, potrf_batched, dn, "potrfBatched") &&
           find_all(solver, getrf_size, dn, "getrf_bufferSize") && find_all(solver, getrf, dn, "getrf") &&
           find_all(blas, getrf_batched, cublas, "getrfBatched") && find_all(blas, trsm, cublas, "trsm_v2") &&
           find_all(blas, trsm_batched, cublas, "trsmBatched") &&
           find(solver, geqrf_size, "cusolverDnXgeqrf_bufferSize") &&
           find(solver, geqrf, "cusolverDnXgeqrf") && find_all(blas, geqrf_batched, cublas, "geqrfBatched") &&
           find_all(solver, orgqr_size, dn, "orgqr_bufferSize", "ungqr_bufferSize") &&
           find_all(solver, orgqr, dn, "orgqr", "ungqr") &&
           find(solver, syevd_size, "cusolverDnXsyevd_bufferSize") &&
           find(solver, syevd, "cusolverDnXsyevd") &&
           find(solver, syev_batched_size, "cusolverDnXsyevBatched_bufferSize") &&
           find(solver, syev_batched, "cusolverDnXsyevBatched") &&
           find_all(solver, gesvdj_size, dn, "gesvdj_bufferSize") && find_all(solver, gesvdj, dn, "gesvdj") &&
           find_all(solver, gesvdj_batched_size, dn, "gesvdjBatched_bufferSize") &&
           find_all(solver, gesvdj_batched, dn, "gesvdjBatched") &&
           find(solver, geev_size, "cusolverDnXgeev_bufferSize") && find(solver, geev, "cusolverDnXgeev");
  }
};
#undef PLAIT_TYPED

const Functions* functions() {
  static const Functions* const loaded = []() -> const Functions* {
    void* blas = load_library(kBlas);  // cuSOLVER stands on it, and finds by its name what is loaded
    void* solver = blas ? load_library(kSolver) : nullptr;
    auto table = std::make_unique<Functions>();
    return solver && table->load(solver, blas) ? table.release() : nullptr;
  }();
  return loaded;
}

// Calls body(function, T{}) with the function of the dtype, T being the type of its matrices.
template <class Typed, class Body>
void choose(DType dtype, const Typed& f, const Body& body) {
  switch (dtype) {
    case DType::Float32: return body(f.s, float{});
    case DType::Float64: return body(f.d, double{});
    case DType::Complex64: return body(f.c, cuComplex{});
    default: return body(f.z, cuDoubleComplex{});
  }
}

// ---- statuses

const char* name_of(cusolverStatus_t status) {
  switch (status) {
    case CUSOLVER_STATUS_SUCCESS: return "CUSOLVER_STATUS_SUCCESS";
    case CUSOLVER_STATUS_NOT_INITIALIZED: return "CUSOLVER_STATUS_NOT_INITIALIZED";
    case CUSOLVER_STATUS_ALLOC_FAILED: return "CUSOLVER_STATUS_ALLOC_FAILED (the device's memory is full)";
    case CUSOLVER_STATUS_INVALID_VALUE: return "CUSOLVER_STATUS_INVALID_VALUE";
    case CUSOLVER_STATUS_ARCH_MISMATCH: return "CUSOLVER_STATUS_ARCH_MISMATCH (not for this device)";
    case CUSOLVER_STATUS_MAPPING_ERROR: return "CUSOLVER_STATUS_MAPPING_ERROR";
    case CUSOLVER_STATUS_EXECUTION_FAILED:
      return "CUSOLVER_STATUS_EXECUTION_FAILED (a kernel could not be run)";
    case CUSOLVER_STATUS_INTERNAL_ERROR:
      return "CUSOLVER_STATUS_INTERNAL_ERROR (in the driver or the library)";
    case CUSOLVER_STATUS_MATRIX_TYPE_NOT_SUPPORTED: return "CUSOLVER_STATUS_MATRIX_TYPE_NOT_SUPPORTED";
    case CUSOLVER_STATUS_NOT_SUPPORTED: return "CUSOLVER_STATUS_NOT_SUPPORTED";
    case CUSOLVER_STATUS_INVALID_WORKSPACE: return "CUSOLVER_STATUS_INVALID_WORKSPACE";
    default: return "an unknown status";
  }
}

void check_status(cusolverStatus_t status, const char* call) {
  if (__builtin_expect(status == CUSOLVER_STATUS_SUCCESS, 1)) return;
  const std::string text =
      message("linear algebra on cuda: {} failed: {} ({})", call, name_of(status), static_cast<int>(status));
  if (status == CUSOLVER_STATUS_ALLOC_FAILED) throw OutOfMemoryError(text);
  throw RuntimeError(text);
}
void check_status(cublasStatus_t status, const char* call) {
  if (__builtin_expect(status == CUBLAS_STATUS_SUCCESS, 1)) return;
  const std::string text = message("linear algebra on cuda: {} failed: {} ({})", call,
                                   functions()->blas_text(status), static_cast<int>(status));
  if (status == CUBLAS_STATUS_ALLOC_FAILED) throw OutOfMemoryError(text);
  throw RuntimeError(text);
}

// ---- handles

struct Handles {
  cusolverDnHandle_t solver = nullptr;
  cublasHandle_t blas = nullptr;
  cusolverDnParams_t params = nullptr;
  gesvdjInfo_t jacobi = nullptr;  // to the dtype's precision, as it is made
};

// A library that is started asks CUDA for memory, which what the cache holds may leave too little of.
template <class Create, class Handle>
void start(Create create, Handle* handle, const char* call) {
  auto status = create(handle);
  if (static_cast<int>(status) != 0 && captures_underway() == 0) {
    empty_cache();
    status = create(handle);
  }
  check_status(status, call);
}

Handles* create_handles(int) {
  const RelaxedCapture starting;
  const Functions& f = *functions();
  auto made = std::make_unique<Handles>();
  start(f.create_solver, &made->solver, "cusolverDnCreate");
  start(f.create_blas, &made->blas, "cublasCreate");
  check_status(f.create_params(&made->params), "cusolverDnCreateParams");
  check_status(f.create_jacobi(&made->jacobi), "cusolverDnCreateGesvdjInfo");
  return made.release();
}

// What every function here begins with: the thread's handles on its current stream.
struct Session {
  const Functions& f = *functions();
  const RelaxedInCapture loading;  // of kernels, at their first launch
  const Handles& on = *ThreadHandles<Handles*, create_handles>::get();

  Session() {
    check_status(f.set_solver_stream(on.solver, current_stream()), "cusolverDnSetStream");
    check_status(f.set_blas_stream(on.blas, current_stream()), "cublasSetStream");
  }
};

// ---- arguments

cudaDataType type_of(DType dtype) {
  switch (dtype) {
    case DType::Float32: return CUDA_R_32F;
    case DType::Float64: return CUDA_R_64F;
    case DType::Complex64: return CUDA_C_32F;
    default: return CUDA_C_64F;
  }
}

cublasFillMode_t fill_of(bool upper) { return upper ? CUBLAS_FILL_MODE_UPPER : CUBLAS_FILL_MODE_LOWER; }
cusolverEigMode_t mode_of(bool vectors) {
  return vectors ? CUSOLVER_EIG_MODE_VECTOR : CUSOLVER_EIG_MODE_NOVECTOR;
}

int as_int(int64_t n) {
  if (n > std::numeric_limits<int>::max())
    fail<RuntimeError>("linear algebra on cuda: a size of {} is more than cuSOLVER takes; split the batch",
                       n);
  return static_cast<int>(n);
}

template <class T>
T* as(void* data) {
  return static_cast<T*>(data);
}
// The type of singular values.
template <class T>
using Real = std::conditional_t<std::is_same_v<T, float> || std::is_same_v<T, cuComplex>, float, double>;
template <class T>
T* matrix(const Matrices& a, int64_t b) {
  return as<T>(a.data) + b * a.stride;
}
void* untyped(const Matrices& a, int64_t b) {
  return as<char>(a.data) + b * a.stride * static_cast<int64_t>(itemsize(a.dtype));
}

// The matrices of a batch as an array of pointers on the device.
class Addresses {
 public:
  Addresses(const Matrices& a) : Addresses(a.data, a.stride * itemsize(a.dtype), a.batch) {}
  Addresses(void* base, int64_t step, int64_t count) : memory_(static_cast<size_t>(count) * sizeof(void*)) {
    fill_addresses(memory_.as<void*>(), base, step, count);
  }
  template <class T>
  T** as() const {
    return memory_.as<T*>();
  }

 private:
  Workspace memory_;
};

// Scratch memory of a function of the 64-bit interface. All runs of a batch share it, in stream order.
struct Scratch {
  const size_t device_bytes, host_bytes;
  const Workspace device;
  std::vector<char> host;

  Scratch(std::pair<size_t, size_t> bytes)
      : device_bytes(bytes.first),
        host_bytes(bytes.second),
        device(bytes.first),
        host(bytes.second) {}
  void* on_host() { return host.data(); }
};

[[maybe_unused]] const bool registered = register_library("cusolver", []() -> int64_t {
  int version = 0;
  return functions() && functions()->version(&version) == CUSOLVER_STATUS_SUCCESS ? version : 0;
});

}  // namespace

bool cusolver_is_available() { return functions() != nullptr; }

void cusolver_cholesky(const Matrices& a, int32_t* info) {
  const Session session;
  const Functions& f = session.f;
  const cublasFillMode_t fill = fill_of(true);
  if (a.batch > 1 && a.columns <= kBatchedCholesky) {
    const Addresses all(a);
    choose(a.dtype, f.potrf_batched, [&]<class T>(auto potrf, T) {
      check_status(
          potrf(session.on.solver, fill, as_int(a.columns), all.as<T>(), as_int(a.ld), info, as_int(a.batch)),
          "cusolverDn<t>potrfBatched");
    });
    return;
  }
  const cudaDataType type = type_of(a.dtype);
  std::pair<size_t, size_t> bytes;
  check_status(f.potrf_size(session.on.solver, session.on.params, fill, a.columns, type, a.data, a.ld, type,
                            &bytes.first, &bytes.second),
               "cusolverDnXpotrf_bufferSize");
  Scratch scratch(bytes);
  for (int64_t b = 0; b < a.batch; ++b)
    check_status(
        f.potrf(session.on.solver, session.on.params, fill, a.columns, type, untyped(a, b), a.ld, type,
                scratch.device.data(), scratch.device_bytes, scratch.on_host(), scratch.host_bytes, info + b),
        "cusolverDnXpotrf");
}

void cusolver_lu(const Matrices& a, int32_t* pivots, int32_t* info) {
  const Session session;
  const Functions& f = session.f;
  const int rows = as_int(a.rows), columns = as_int(a.columns), ld = as_int(a.ld);
  if (a.batch > 1 && rows == columns && rows <= kBatchedLu) {
    const Addresses all(a);
    choose(a.dtype, f.getrf_batched, [&]<class T>(auto getrf, T) {
      check_status(getrf(session.on.blas, rows, all.as<T>(), ld, pivots, info, as_int(a.batch)),
                   "cublas<t>getrfBatched");
    });
    return;
  }
  int elements = 0;
  choose(a.dtype, f.getrf_size, [&]<class T>(auto size, T) {
    check_status(size(session.on.solver, rows, columns, as<T>(a.data), ld, &elements),
                 "cusolverDn<t>getrf_bufferSize");
  });
  const Workspace work(static_cast<size_t>(elements) * static_cast<size_t>(itemsize(a.dtype)));
  choose(a.dtype, f.getrf, [&]<class T>(auto getrf, T) {
    for (int64_t b = 0; b < a.batch; ++b)
      check_status(getrf(session.on.solver, rows, columns, matrix<T>(a, b), ld, work.as<T>(),
                         pivots ? pivots + b * std::min(rows, columns) : nullptr, info + b),
                   "cusolverDn<t>getrf");
  });
}

void cusolver_triangular(const Triangle& t, const Matrices& a, const Matrices& b) {
  const Session session;
  const Functions& f = session.f;
  const cublasSideMode_t side = t.right ? CUBLAS_SIDE_RIGHT : CUBLAS_SIDE_LEFT;
  const cublasFillMode_t fill = fill_of(t.upper);
  const cublasOperation_t op = t.transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  const cublasDiagType_t diagonal = t.unit ? CUBLAS_DIAG_UNIT : CUBLAS_DIAG_NON_UNIT;
  const int rows = as_int(b.rows), columns = as_int(b.columns), lda = as_int(a.ld), ldb = as_int(b.ld);
  const bool looped = b.batch == 1 || (b.batch <= kLoopedMost && a.columns >= kLoopedTriangle);
  const auto one = []<class T>(T number) {
    if constexpr (std::is_arithmetic_v<T>)
      number = 1;
    else
      number.x = 1;
    return number;
  };
  if (looped) {
    choose(a.dtype, f.trsm, [&]<class T>(auto trsm, T zero) {
      const T alpha = one(zero);
      for (int64_t i = 0; i < b.batch; ++i)
        check_status(trsm(session.on.blas, side, fill, op, diagonal, rows, columns, &alpha, matrix<T>(a, i),
                          lda, matrix<T>(b, i), ldb),
                     "cublas<t>trsm");
    });
    return;
  }
  const Addresses matrices(a), results(b);
  choose(a.dtype, f.trsm_batched, [&]<class T>(auto trsm, T zero) {
    const T alpha = one(zero);
    check_status(trsm(session.on.blas, side, fill, op, diagonal, rows, columns, &alpha, matrices.as<T>(), lda,
                      results.as<T>(), ldb, as_int(b.batch)),
                 "cublas<t>trsmBatched");
  });
}

void cusolver_qr(const Matrices& a, void* tau) {
  const Session session;
  const Functions& f = session.f;
  const int64_t least = std::min(a.rows, a.columns), step = least * itemsize(a.dtype);
  if (a.batch > 1 && a.rows <= kBatchedQr && a.columns <= kBatchedQr) {
    const Addresses all(a), taus(tau, step, a.batch);
    choose(a.dtype, f.geqrf_batched, [&]<class T>(auto geqrf, T) {
      int refused = 0;
      check_status(geqrf(session.on.blas, as_int(a.rows), as_int(a.columns), all.as<T>(), as_int(a.ld),
                         taus.as<T>(), &refused, as_int(a.batch)),
                   "cublas<t>geqrfBatched");
    });
    return;
  }
  const cudaDataType type = type_of(a.dtype);
  std::pair<size_t, size_t> bytes;
  check_status(f.geqrf_size(session.on.solver, session.on.params, a.rows, a.columns, type, a.data, a.ld, type,
                            tau, type, &bytes.first, &bytes.second),
               "cusolverDnXgeqrf_bufferSize");
  Scratch scratch(bytes);
  const Workspace info(sizeof(int));  // of the arguments alone
  for (int64_t b = 0; b < a.batch; ++b)
    check_status(f.geqrf(session.on.solver, session.on.params, a.rows, a.columns, type, untyped(a, b), a.ld,
                         type, as<char>(tau) + b * step, type, scratch.device.data(), scratch.device_bytes,
                         scratch.on_host(), scratch.host_bytes, info.as<int>()),
                 "cusolverDnXgeqrf");
}

void cusolver_q(const Matrices& a, int64_t reflectors, const void* tau) {
  const Session session;
  const Functions& f = session.f;
  const int rows = as_int(a.rows), columns = as_int(a.columns), k = as_int(reflectors), ld = as_int(a.ld);
  int elements = 0;
  choose(a.dtype, f.orgqr_size, [&]<class T>(auto size, T) {
    check_status(
        size(session.on.solver, rows, columns, k, as<T>(a.data), ld, static_cast<const T*>(tau), &elements),
        "cusolverDn<t>orgqr_bufferSize");
  });
  const Workspace work(static_cast<size_t>(elements) * static_cast<size_t>(itemsize(a.dtype))),
      info(sizeof(int));
  choose(a.dtype, f.orgqr, [&]<class T>(auto orgqr, T) {
    for (int64_t b = 0; b < a.batch; ++b)
      check_status(orgqr(session.on.solver, rows, columns, k, matrix<T>(a, b), ld,
                         static_cast<const T*>(tau) + b * k, work.as<T>(), elements, info.as<int>()),
                   "cusolverDn<t>orgqr");
  });
}

void cusolver_eigh(const Matrices& a, bool upper, bool vectors, void* values, int32_t* info) {
  const Session session;
  const Functions& f = session.f;
  const cusolverEigMode_t mode = mode_of(vectors);
  const cublasFillMode_t fill = fill_of(upper);
  const cudaDataType type = type_of(a.dtype), real = type_of(to_real(a.dtype));
  const int64_t n = a.columns, step = n * itemsize(to_real(a.dtype));
  std::pair<size_t, size_t> bytes;
  if (a.batch > 1 && n <= kBatchedEigh) {
    // Its elements are counted in 32 bits.
    const int64_t most = std::max<int64_t>(std::numeric_limits<int>::max() / a.stride, 1);
    for (int64_t first = 0; first < a.batch; first += most) {
      const int64_t count = std::min(most, a.batch - first);
      void *data = untyped(a, first), *w = as<char>(values) + first * step;
      check_status(f.syev_batched_size(session.on.solver, session.on.params, mode, fill, n, type, data, a.ld,
                                       real, w, type, &bytes.first, &bytes.second, count),
                   "cusolverDnXsyevBatched_bufferSize");
      Scratch scratch(bytes);
      check_status(f.syev_batched(session.on.solver, session.on.params, mode, fill, n, type, data, a.ld, real,
                                  w, type, scratch.device.data(), scratch.device_bytes, scratch.on_host(),
                                  scratch.host_bytes, info + first, count),
                   "cusolverDnXsyevBatched");
    }
    return;
  }
  check_status(f.syevd_size(session.on.solver, session.on.params, mode, fill, n, type, a.data, a.ld, real,
                            values, type, &bytes.first, &bytes.second),
               "cusolverDnXsyevd_bufferSize");
  Scratch scratch(bytes);
  for (int64_t b = 0; b < a.batch; ++b)
    check_status(f.syevd(session.on.solver, session.on.params, mode, fill, n, type, untyped(a, b), a.ld, real,
                         as<char>(values) + b * step, type, scratch.device.data(), scratch.device_bytes,
                         scratch.on_host(), scratch.host_bytes, info + b),
                 "cusolverDnXsyevd");
}

bool cusolver_svd_is_batched(int64_t rows, int64_t columns, int64_t batch) {
  return batch > 1 && rows <= kBatchedSvd && columns <= kBatchedSvd;
}

// By Jacobi's method, which finds small singular values to higher relative accuracy than the QR algorithm of
// gesvd, runs on the device alone, and takes any shape: gesvd wants at least as many rows as columns and
// shares its work with the host. gesvdp and gesvdr trade accuracy for speed.
void cusolver_svd(const Matrices& a, const Matrices& u, void* s, const Matrices& v, bool vectors,
                  int32_t* info) {
  const Session session;
  const Functions& f = session.f;
  const cusolverEigMode_t mode = mode_of(vectors);
  const int rows = as_int(a.rows), columns = as_int(a.columns), lda = as_int(a.ld), ldu = as_int(u.ld),
            ldv = as_int(v.ld);
  int elements = 0;
  const auto scratch = [&] { return static_cast<size_t>(elements) * static_cast<size_t>(itemsize(a.dtype)); };
  if (cusolver_svd_is_batched(rows, columns, a.batch)) {
    const int batch = as_int(a.batch);
    choose(a.dtype, f.gesvdj_batched_size, [&]<class T>(auto size, T) {
      check_status(size(session.on.solver, mode, rows, columns, as<T>(a.data), lda, as<Real<T>>(s),
                        as<T>(u.data), ldu, as<T>(v.data), ldv, &elements, session.on.jacobi, batch),
                   "cusolverDn<t>gesvdjBatched_bufferSize");
    });
    const Workspace work(scratch());
    choose(a.dtype, f.gesvdj_batched, [&]<class T>(auto gesvdj, T) {
      check_status(
          gesvdj(session.on.solver, mode, rows, columns, as<T>(a.data), lda, as<Real<T>>(s), as<T>(u.data),
                 ldu, as<T>(v.data), ldv, work.as<T>(), elements, info, session.on.jacobi, batch),
          "cusolverDn<t>gesvdjBatched");
    });
    return;
  }
  const int64_t least = std::min(rows, columns);
  const int economic = u.columns == least && v.columns == least;
  choose(a.dtype, f.gesvdj_size, [&]<class T>(auto size, T) {
    check_status(size(session.on.solver, mode, economic, rows, columns, as<T>(a.data), lda, as<Real<T>>(s),
                      as<T>(u.data), ldu, as<T>(v.data), ldv, &elements, session.on.jacobi),
                 "cusolverDn<t>gesvdj_bufferSize");
  });
  const Workspace work(scratch());
  choose(a.dtype, f.gesvdj, [&]<class T>(auto gesvdj, T) {
    for (int64_t b = 0; b < a.batch; ++b)
      check_status(gesvdj(session.on.solver, mode, economic, rows, columns, matrix<T>(a, b), lda,
                          as<Real<T>>(s) + b * least, matrix<T>(u, b), ldu, matrix<T>(v, b), ldv,
                          work.as<T>(), elements, info + b, session.on.jacobi),
                   "cusolverDn<t>gesvdj");
  });
}

void cusolver_eig(const Matrices& a, void* values, const Matrices& v, bool vectors, int32_t* info) {
  const Session session;
  const Functions& f = session.f;
  const cudaDataType type = type_of(a.dtype);
  const int64_t n = a.columns, step = n * itemsize(a.dtype);
  const cusolverEigMode_t left = CUSOLVER_EIG_MODE_NOVECTOR, right = mode_of(vectors);
  std::pair<size_t, size_t> bytes;
  check_status(f.geev_size(session.on.solver, session.on.params, left, right, n, type, a.data, a.ld, type,
                           values, type, nullptr, 1, type, v.data, v.ld, type, &bytes.first, &bytes.second),
               "cusolverDnXgeev_bufferSize");
  Scratch scratch(bytes);
  for (int64_t b = 0; b < a.batch; ++b)
    check_status(
        f.geev(session.on.solver, session.on.params, left, right, n, type, untyped(a, b), a.ld, type,
               as<char>(values) + b * step, type, nullptr, 1, type, untyped(v, b), v.ld, type,
               scratch.device.data(), scratch.device_bytes, scratch.on_host(), scratch.host_bytes, info + b),
        "cusolverDnXgeev");
}

}  // namespace plait::cuda
