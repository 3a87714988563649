// What every function of the emulated cuSOLVER and cuBLAS begins with: handles, matrices in device memory,
// the checks of arguments, the queue.
#pragma once

#include <cusolverDn.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <type_traits>

#include "cusolver_math.h"
#include "emulator/launch.h"

struct cusolverDnContext {
  int device = 0;
  cudaStream_t stream = nullptr;
};
struct cublasContext {
  int device = 0;
  cudaStream_t stream = nullptr;
};
struct cusolverDnParams {};
struct gesvdjInfo {};

namespace emulator {

// ---- statuses

inline cusolverStatus_t complain(const char* call, const char* what) {
  std::fprintf(stderr, "CUDA emulator: %s: %s\n", call, what);
  return CUSOLVER_STATUS_INVALID_VALUE;
}

inline cusolverStatus_t ordered(const char* name) {
  switch (ordered_failure(name)) {
    case cudaSuccess: return CUSOLVER_STATUS_SUCCESS;
    case cudaErrorMemoryAllocation: return CUSOLVER_STATUS_ALLOC_FAILED;
    case cudaErrorNotSupported: return CUSOLVER_STATUS_NOT_SUPPORTED;
    default: return CUSOLVER_STATUS_INTERNAL_ERROR;
  }
}

inline cublasStatus_t as_cublas(cusolverStatus_t status) {
  switch (status) {
    case CUSOLVER_STATUS_SUCCESS: return CUBLAS_STATUS_SUCCESS;
    case CUSOLVER_STATUS_ALLOC_FAILED: return CUBLAS_STATUS_ALLOC_FAILED;
    case CUSOLVER_STATUS_NOT_SUPPORTED: return CUBLAS_STATUS_NOT_SUPPORTED;
    case CUSOLVER_STATUS_INVALID_VALUE: return CUBLAS_STATUS_INVALID_VALUE;
    case CUSOLVER_STATUS_EXECUTION_FAILED: return CUBLAS_STATUS_EXECUTION_FAILED;
    default: return CUBLAS_STATUS_INTERNAL_ERROR;
  }
}

// ---- matrices in device memory

inline bool is_known(cudaDataType type) {
  return type == CUDA_R_32F || type == CUDA_R_64F || type == CUDA_C_32F || type == CUDA_C_64F;
}
inline bool is_complex(cudaDataType type) { return type == CUDA_C_32F || type == CUDA_C_64F; }
inline cudaDataType real_of(cudaDataType type) {
  return type == CUDA_R_64F || type == CUDA_C_64F ? CUDA_R_64F : CUDA_R_32F;
}
inline size_t size_of(cudaDataType type) {
  return (real_of(type) == CUDA_R_64F ? 8 : 4) * (is_complex(type) ? 2 : 1);
}

template <class T>
constexpr cudaDataType kTypeOf = std::is_same_v<T, float>       ? CUDA_R_32F
                                 : std::is_same_v<T, double>    ? CUDA_R_64F
                                 : std::is_same_v<T, cuComplex> ? CUDA_C_32F
                                                                : CUDA_C_64F;

inline Number read(const void* data, cudaDataType type, int64_t at) {
  const auto get = [&]<class T>(const T* x) {
    return is_complex(type) ? Number(x[2 * at], x[2 * at + 1]) : Number(x[at]);
  };
  return real_of(type) == CUDA_R_64F ? get(static_cast<const double*>(data))
                                     : get(static_cast<const float*>(data));
}
inline void write(void* data, cudaDataType type, int64_t at, Number value) {
  const auto put = [&]<class T>(T* x) {
    if (!is_complex(type)) {
      x[at] = T(value.real());
      return;
    }
    x[2 * at] = T(value.real());
    x[2 * at + 1] = T(value.imag());
  };
  real_of(type) == CUDA_R_64F ? put(static_cast<double*>(data)) : put(static_cast<float*>(data));
}

// Where a matrix lies.
struct Place {
  void* data;
  cudaDataType type;
  int64_t rows, columns, ld;

  size_t bytes() const { return rows && columns ? size_t((columns - 1) * ld + rows) * size_of(type) : 0; }
  bool fits() const { return rows >= 0 && columns >= 0 && ld >= std::max<int64_t>(rows, 1); }
  bool is_in_memory() const { return is_device_accessible(data, bytes()); }
  Matrix load() const {
    Matrix m(rows, columns);
    for (int64_t j = 0; j < columns; ++j)
      for (int64_t i = 0; i < rows; ++i) m(i, j) = read(data, type, i + j * ld);
    return m;
  }
  // Only what `keep` says of (row, column) is written.
  template <class Keep>
  void store(const Matrix& m, const Keep& keep) const {
    for (int64_t j = 0; j < columns; ++j)
      for (int64_t i = 0; i < rows; ++i)
        if (keep(i, j)) write(data, type, i + j * ld, m(i, j));
  }
  void store(const Matrix& m) const {
    store(m, [](int64_t, int64_t) { return true; });
  }
};

inline Numbers load_row(const void* data, cudaDataType type, int64_t count) {
  Numbers values;
  for (int64_t i = 0; i < count; ++i) values.push_back(read(data, type, i));
  return values;
}
template <class Values>
void store_row(void* data, cudaDataType type, const Values& values) {
  for (size_t i = 0; i < values.size(); ++i) write(data, type, int64_t(i), Number(values[i]));
}

// What is checked of every call, and the queue that it goes to.
struct Call {
  const char* name;
  cusolverStatus_t status;
  cudaStream_t stream = nullptr;

  template <class Handle>
  Call(const char* name_, Handle* handle) : name(name_),
                                            status(ordered(name_)) {
    expect(handle != nullptr, "no handle");
    if (!handle) return;
    int current;
    expect(cudaGetDevice(&current) == cudaSuccess && current == handle->device,
           "the handle is another device's");
    stream = handle->stream;
  }
  void refuse(const char* what) {
    if (status == CUSOLVER_STATUS_SUCCESS) status = complain(name, what);
  }
  void expect(bool holds, const char* what) {
    if (!holds) refuse(what);
  }
  void matrix(const Place& place, const char* name_of_it) {
    if (!is_known(place.type) || !place.fits() || !place.is_in_memory()) {
      char text[160];
      std::snprintf(text, sizeof(text), "%s (%lld x %lld, leading dimension %lld) is not in device memory",
                    name_of_it, static_cast<long long>(place.rows), static_cast<long long>(place.columns),
                    static_cast<long long>(place.ld));
      refuse(text);
    }
  }
  void array(const void* data, size_t bytes, const char* name_of_it) {
    if (!is_device_accessible(data, bytes)) {
      char text[160];
      std::snprintf(text, sizeof(text), "%s (%zu bytes) is not in device memory", name_of_it, bytes);
      refuse(text);
    }
  }
  void scratch(void* on_device, size_t bytes, size_t needed) {
    expect(bytes >= needed, "the workspace is too small");
    array(on_device, needed, "the workspace");
  }
  cusolverStatus_t run(std::function<void()> body) const {
    if (status != CUSOLVER_STATUS_SUCCESS) return status;
    return enqueue(name, stream, WorkKind::Library, std::move(body)) == cudaSuccess
               ? CUSOLVER_STATUS_SUCCESS
               : CUSOLVER_STATUS_EXECUTION_FAILED;
  }
};

// Scratch memory in elements; more than LAPACK needs.
inline int64_t scratch_for(int64_t m, int64_t n) { return (m + n + 4) * 4; }
constexpr size_t kHostBytes = 64;  // so that the host's part is not forgotten

struct Scratch {
  void* data;
  size_t bytes;
  void spoil() const { std::memset(data, 0x5A, bytes); }
};

inline bool is_upper(cublasFillMode_t uplo) { return uplo == CUBLAS_FILL_MODE_UPPER; }

inline cusolverStatus_t sizes(size_t* on_device, size_t* on_host, cudaDataType type, int64_t elements) {
  if (!on_device || !on_host || !is_known(type)) return CUSOLVER_STATUS_INVALID_VALUE;
  *on_device = size_t(elements) * size_of(type);
  *on_host = kHostBytes;
  return CUSOLVER_STATUS_SUCCESS;
}

}  // namespace emulator
