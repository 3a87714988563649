// cuBLAS's header: the part that libplait_cuda calls. The functions stand in libplait_cusolver_emulated.so
// (emulator/cusolver.cpp), beside cuSOLVER's, whose types these are.
#pragma once

#include "cuComplex.h"
#include "cuda_runtime_api.h"
#include "library_types.h"

typedef enum {
  CUBLAS_STATUS_SUCCESS = 0,
  CUBLAS_STATUS_NOT_INITIALIZED = 1,
  CUBLAS_STATUS_ALLOC_FAILED = 3,
  CUBLAS_STATUS_INVALID_VALUE = 7,
  CUBLAS_STATUS_ARCH_MISMATCH = 8,
  CUBLAS_STATUS_MAPPING_ERROR = 11,
  CUBLAS_STATUS_EXECUTION_FAILED = 13,
  CUBLAS_STATUS_INTERNAL_ERROR = 14,
  CUBLAS_STATUS_NOT_SUPPORTED = 15,
  CUBLAS_STATUS_LICENSE_ERROR = 16
} cublasStatus_t;

typedef enum {
  CUBLAS_FILL_MODE_LOWER = 0,
  CUBLAS_FILL_MODE_UPPER = 1,
  CUBLAS_FILL_MODE_FULL = 2
} cublasFillMode_t;
typedef enum { CUBLAS_DIAG_NON_UNIT = 0, CUBLAS_DIAG_UNIT = 1 } cublasDiagType_t;
typedef enum { CUBLAS_SIDE_LEFT = 0, CUBLAS_SIDE_RIGHT = 1 } cublasSideMode_t;
typedef enum { CUBLAS_OP_N = 0, CUBLAS_OP_T = 1, CUBLAS_OP_C = 2 } cublasOperation_t;

typedef struct cublasContext* cublasHandle_t;

#pragma GCC visibility push(default)
extern "C" {

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle);
cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream);
const char* cublasGetStatusString(cublasStatus_t status);

#define EMULATOR_CUBLAS(letter, T)                                                                         \
  cublasStatus_t cublas##letter##trsm_v2(                                                                  \
      cublasHandle_t handle, cublasSideMode_t side, cublasFillMode_t uplo, cublasOperation_t trans,        \
      cublasDiagType_t diag, int m, int n, const T* alpha, const T* A, int lda, T* B, int ldb);            \
  cublasStatus_t cublas##letter##trsmBatched(                                                              \
      cublasHandle_t handle, cublasSideMode_t side, cublasFillMode_t uplo, cublasOperation_t trans,        \
      cublasDiagType_t diag, int m, int n, const T* alpha, const T* const A[], int lda, T* const B[],      \
      int ldb, int batchCount);                                                                            \
  cublasStatus_t cublas##letter##getrfBatched(cublasHandle_t handle, int n, T* const A[], int lda, int* P, \
                                              int* info, int batchSize);                                   \
  cublasStatus_t cublas##letter##geqrfBatched(cublasHandle_t handle, int m, int n, T* const Aarray[],      \
                                              int lda, T* const TauArray[], int* info, int batchSize);
EMULATOR_CUBLAS(S, float)
EMULATOR_CUBLAS(D, double)
EMULATOR_CUBLAS(C, cuComplex)
EMULATOR_CUBLAS(Z, cuDoubleComplex)
#undef EMULATOR_CUBLAS

}  // extern "C"
#pragma GCC visibility pop
