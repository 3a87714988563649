// cuSOLVER's header: the part that libplait_cuda calls. The functions stand in libplait_cusolver_emulated.so
// (emulator/cusolver.cpp), which has the library's names.
#pragma once

#include <stdint.h>

#include <cublas_v2.h>  // NVIDIA's where that is found

#define CUSOLVER_VERSION 12004

typedef enum {
  CUSOLVER_STATUS_SUCCESS = 0,
  CUSOLVER_STATUS_NOT_INITIALIZED = 1,
  CUSOLVER_STATUS_ALLOC_FAILED = 2,
  CUSOLVER_STATUS_INVALID_VALUE = 3,
  CUSOLVER_STATUS_ARCH_MISMATCH = 4,
  CUSOLVER_STATUS_MAPPING_ERROR = 5,
  CUSOLVER_STATUS_EXECUTION_FAILED = 6,
  CUSOLVER_STATUS_INTERNAL_ERROR = 7,
  CUSOLVER_STATUS_MATRIX_TYPE_NOT_SUPPORTED = 8,
  CUSOLVER_STATUS_NOT_SUPPORTED = 9,
  CUSOLVER_STATUS_INVALID_WORKSPACE = 31
} cusolverStatus_t;

typedef enum { CUSOLVER_EIG_MODE_NOVECTOR = 0, CUSOLVER_EIG_MODE_VECTOR = 1 } cusolverEigMode_t;

typedef struct cusolverDnContext* cusolverDnHandle_t;
typedef struct cusolverDnParams* cusolverDnParams_t;
typedef struct gesvdjInfo* gesvdjInfo_t;

#pragma GCC visibility push(default)
extern "C" {

cusolverStatus_t cusolverGetVersion(int* version);
cusolverStatus_t cusolverDnCreate(cusolverDnHandle_t* handle);
cusolverStatus_t cusolverDnSetStream(cusolverDnHandle_t handle, cudaStream_t stream);
cusolverStatus_t cusolverDnCreateParams(cusolverDnParams_t* params);
cusolverStatus_t cusolverDnCreateGesvdjInfo(gesvdjInfo_t* info);

cusolverStatus_t cusolverDnXpotrf_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                             cublasFillMode_t uplo, int64_t n, cudaDataType dataTypeA,
                                             const void* A, int64_t lda, cudaDataType computeType,
                                             size_t* workspaceInBytesOnDevice,
                                             size_t* workspaceInBytesOnHost);
cusolverStatus_t cusolverDnXpotrf(cusolverDnHandle_t handle, cusolverDnParams_t params, cublasFillMode_t uplo,
                                  int64_t n, cudaDataType dataTypeA, void* A, int64_t lda,
                                  cudaDataType computeType, void* bufferOnDevice,
                                  size_t workspaceInBytesOnDevice, void* bufferOnHost,
                                  size_t workspaceInBytesOnHost, int* info);
cusolverStatus_t cusolverDnXgeqrf_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t params, int64_t m,
                                             int64_t n, cudaDataType dataTypeA, const void* A, int64_t lda,
                                             cudaDataType dataTypeTau, const void* tau,
                                             cudaDataType computeType, size_t* workspaceInBytesOnDevice,
                                             size_t* workspaceInBytesOnHost);
cusolverStatus_t cusolverDnXgeqrf(cusolverDnHandle_t handle, cusolverDnParams_t params, int64_t m, int64_t n,
                                  cudaDataType dataTypeA, void* A, int64_t lda, cudaDataType dataTypeTau,
                                  void* tau, cudaDataType computeType, void* bufferOnDevice,
                                  size_t workspaceInBytesOnDevice, void* bufferOnHost,
                                  size_t workspaceInBytesOnHost, int* info);
cusolverStatus_t cusolverDnXsyevd_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                             cusolverEigMode_t jobz, cublasFillMode_t uplo, int64_t n,
                                             cudaDataType dataTypeA, const void* A, int64_t lda,
                                             cudaDataType dataTypeW, const void* W, cudaDataType computeType,
                                             size_t* workspaceInBytesOnDevice,
                                             size_t* workspaceInBytesOnHost);
cusolverStatus_t cusolverDnXsyevd(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                  cusolverEigMode_t jobz, cublasFillMode_t uplo, int64_t n,
                                  cudaDataType dataTypeA, void* A, int64_t lda, cudaDataType dataTypeW,
                                  void* W, cudaDataType computeType, void* bufferOnDevice,
                                  size_t workspaceInBytesOnDevice, void* bufferOnHost,
                                  size_t workspaceInBytesOnHost, int* info);
cusolverStatus_t cusolverDnXsyevBatched_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                                   cusolverEigMode_t jobz, cublasFillMode_t uplo, int64_t n,
                                                   cudaDataType dataTypeA, const void* A, int64_t lda,
                                                   cudaDataType dataTypeW, const void* W,
                                                   cudaDataType computeType, size_t* workspaceInBytesOnDevice,
                                                   size_t* workspaceInBytesOnHost, int64_t batchSize);
cusolverStatus_t cusolverDnXsyevBatched(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                        cusolverEigMode_t jobz, cublasFillMode_t uplo, int64_t n,
                                        cudaDataType dataTypeA, void* A, int64_t lda, cudaDataType dataTypeW,
                                        void* W, cudaDataType computeType, void* bufferOnDevice,
                                        size_t workspaceInBytesOnDevice, void* bufferOnHost,
                                        size_t workspaceInBytesOnHost, int* info, int64_t batchSize);
cusolverStatus_t cusolverDnXgeev_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                            cusolverEigMode_t jobvl, cusolverEigMode_t jobvr, int64_t n,
                                            cudaDataType dataTypeA, const void* A, int64_t lda,
                                            cudaDataType dataTypeW, const void* W, cudaDataType dataTypeVL,
                                            const void* VL, int64_t ldvl, cudaDataType dataTypeVR,
                                            const void* VR, int64_t ldvr, cudaDataType computeType,
                                            size_t* workspaceInBytesOnDevice, size_t* workspaceInBytesOnHost);
cusolverStatus_t cusolverDnXgeev(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                 cusolverEigMode_t jobvl, cusolverEigMode_t jobvr, int64_t n,
                                 cudaDataType dataTypeA, void* A, int64_t lda, cudaDataType dataTypeW,
                                 void* W, cudaDataType dataTypeVL, void* VL, int64_t ldvl,
                                 cudaDataType dataTypeVR, void* VR, int64_t ldvr, cudaDataType computeType,
                                 void* bufferOnDevice, size_t workspaceInBytesOnDevice, void* bufferOnHost,
                                 size_t workspaceInBytesOnHost, int* info);

// `Q`: orgqr, or ungqr of complex numbers. `Real`: the type of singular values.
#define EMULATOR_CUSOLVER(letter, Q, T, Real)                                                                \
  cusolverStatus_t cusolverDn##letter##potrfBatched(cusolverDnHandle_t handle, cublasFillMode_t uplo, int n, \
                                                    T* Aarray[], int lda, int* infoArray, int batchSize);    \
  cusolverStatus_t cusolverDn##letter##getrf_bufferSize(cusolverDnHandle_t handle, int m, int n, T* A,       \
                                                        int lda, int* Lwork);                                \
  cusolverStatus_t cusolverDn##letter##getrf(cusolverDnHandle_t handle, int m, int n, T* A, int lda,         \
                                             T* Workspace, int* devIpiv, int* devInfo);                      \
  cusolverStatus_t cusolverDn##letter##Q##_bufferSize(cusolverDnHandle_t handle, int m, int n, int k,        \
                                                      const T* A, int lda, const T* tau, int* lwork);        \
  cusolverStatus_t cusolverDn##letter##Q(cusolverDnHandle_t handle, int m, int n, int k, T* A, int lda,      \
                                         const T* tau, T* work, int lwork, int* info);                       \
  cusolverStatus_t cusolverDn##letter##gesvdj_bufferSize(                                                    \
      cusolverDnHandle_t handle, cusolverEigMode_t jobz, int econ, int m, int n, const T* A, int lda,        \
      const Real* S, const T* U, int ldu, const T* V, int ldv, int* lwork, gesvdjInfo_t params);             \
  cusolverStatus_t cusolverDn##letter##gesvdj(cusolverDnHandle_t handle, cusolverEigMode_t jobz, int econ,   \
                                              int m, int n, T* A, int lda, Real* S, T* U, int ldu, T* V,     \
                                              int ldv, T* work, int lwork, int* info, gesvdjInfo_t params);  \
  cusolverStatus_t cusolverDn##letter##gesvdjBatched_bufferSize(                                             \
      cusolverDnHandle_t handle, cusolverEigMode_t jobz, int m, int n, const T* A, int lda, const Real* S,   \
      const T* U, int ldu, const T* V, int ldv, int* lwork, gesvdjInfo_t params, int batchSize);             \
  cusolverStatus_t cusolverDn##letter##gesvdjBatched(                                                        \
      cusolverDnHandle_t handle, cusolverEigMode_t jobz, int m, int n, T* A, int lda, Real* S, T* U,         \
      int ldu, T* V, int ldv, T* work, int lwork, int* info, gesvdjInfo_t params, int batchSize);
EMULATOR_CUSOLVER(S, orgqr, float, float)
EMULATOR_CUSOLVER(D, orgqr, double, double)
EMULATOR_CUSOLVER(C, ungqr, cuComplex, float)
EMULATOR_CUSOLVER(Z, ungqr, cuDoubleComplex, double)
#undef EMULATOR_CUSOLVER

}  // extern "C"
#pragma GCC visibility pop
