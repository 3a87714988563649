// The functions of LAPACK and BLAS that plait calls, as the library that was loaded has them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/dtype.h"

namespace plait::cpu::lapack_library {

// Note [Integers of LAPACK]: libraries are built for integers of 32 or of 64 bits (then names end in "64_").
// Numbers are handed over as int64_t by address: on a little-endian machine the first four bytes are the
// 32-bit number. What comes back is narrowed, and arrays are converted.
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
using Int = int64_t;
using Length = size_t;  // of a string, which Fortran's compilers hand over last

// The same signature for all four dtypes: numbers of theirs are behind pointers.
using Potrf = void(const char* uplo, const Int* n, void* a, const Int* lda, Int* info, Length);
using Getrf = void(const Int* m, const Int* n, void* a, const Int* lda, Int* pivots, Int* info);
using Trsm = void(const char* side, const char* uplo, const char* trans, const char* diag, const Int* m,
                  const Int* n, const void* alpha, const void* a, const Int* lda, void* b, const Int* ldb,
                  Length, Length, Length, Length);
using Trsv = void(const char* uplo, const char* trans, const char* diag, const Int* n, const void* a,
                  const Int* lda, void* x, const Int* step, Length, Length, Length);
using Gemm = void(const char* transa, const char* transb, const Int* m, const Int* n, const Int* k,
                  const void* alpha, const void* a, const Int* lda, const void* b, const Int* ldb,
                  const void* beta, void* c, const Int* ldc, Length, Length);
using Herk = void(const char* uplo, const char* trans, const Int* n, const Int* k, const void* alpha,
                  const void* a, const Int* lda, const void* beta, void* c, const Int* ldc, Length, Length);
using Ormqr = void(const char* side, const char* trans, const Int* m, const Int* n, const Int* k,
                   const void* a, const Int* lda, const void* tau, void* c, const Int* ldc, void* work,
                   const Int* work_size, Int* info, Length, Length);
using Geqr2 = void(const Int* m, const Int* n, void* a, const Int* lda, void* tau, void* work, Int* info);
using Org2r = void(const Int* m, const Int* n, const Int* k, void* a, const Int* lda, const void* tau,
                   void* work, Int* info);
using Geqrt3 = void(const Int* m, const Int* n, void* a, const Int* lda, void* t, const Int* ldt, Int* info);
using Larft = void(const char* direct, const char* stored, const Int* n, const Int* k, void* v,
                   const Int* ldv, const void* tau, void* t, const Int* ldt, Length, Length);
using Trtri = void(const char* uplo, const char* diag, const Int* n, void* a, const Int* lda, Int* info,
                   Length, Length);
using Syevd = void(const char* job, const char* uplo, const Int* n, void* a, const Int* lda, void* values,
                   void* work, const Int* work_size, Int* iwork, const Int* iwork_size, Int* info, Length,
                   Length);
using Heevd = void(const char* job, const char* uplo, const Int* n, void* a, const Int* lda, void* values,
                   void* work, const Int* work_size, void* rwork, const Int* rwork_size, Int* iwork,
                   const Int* iwork_size, Int* info, Length, Length);
using RealGesdd = void(const char* job, const Int* m, const Int* n, void* a, const Int* lda, void* s, void* u,
                       const Int* ldu, void* vh, const Int* ldvh, void* work, const Int* work_size,
                       Int* iwork, Int* info, Length);
using ComplexGesdd = void(const char* job, const Int* m, const Int* n, void* a, const Int* lda, void* s,
                          void* u, const Int* ldu, void* vh, const Int* ldvh, void* work,
                          const Int* work_size, void* rwork, Int* iwork, Int* info, Length);
using RealGeev = void(const char* left, const char* right, const Int* n, void* a, const Int* lda, void* real,
                      void* imag, void* vl, const Int* ldvl, void* vr, const Int* ldvr, void* work,
                      const Int* work_size, Int* info, Length, Length);
using ComplexGeev = void(const char* left, const char* right, const Int* n, void* a, const Int* lda,
                         void* values, void* vl, const Int* ldvl, void* vr, const Int* ldvr, void* work,
                         const Int* work_size, void* rwork, Int* info, Length, Length);
using Sytrf = void(const char* uplo, const Int* n, void* a, const Int* lda, Int* pivots, void* work,
                   const Int* work_size, Int* info, Length);
using Sytrs = void(const char* uplo, const Int* n, const Int* columns, const void* a, const Int* lda,
                   const Int* pivots, void* b, const Int* ldb, Int* info, Length);
using RealGelsy = void(const Int* m, const Int* n, const Int* columns, void* a, const Int* lda, void* b,
                       const Int* ldb, Int* order, const void* rcond, Int* rank, void* work,
                       const Int* work_size, Int* info);
using ComplexGelsy = void(const Int* m, const Int* n, const Int* columns, void* a, const Int* lda, void* b,
                          const Int* ldb, Int* order, const void* rcond, Int* rank, void* work,
                          const Int* work_size, void* rwork, Int* info);
using RealGelsd = void(const Int* m, const Int* n, const Int* columns, void* a, const Int* lda, void* b,
                       const Int* ldb, void* s, const void* rcond, Int* rank, void* work,
                       const Int* work_size, Int* iwork, Int* info);
using ComplexGelsd = void(const Int* m, const Int* n, const Int* columns, void* a, const Int* lda, void* b,
                          const Int* ldb, void* s, const void* rcond, Int* rank, void* work,
                          const Int* work_size, void* rwork, Int* iwork, Int* info);

struct Functions {
  bool wide = false;  // integers of 64 bits
  Potrf* potrf[4];    // of float32, float64, complex64, complex128
  Getrf* getrf[4];
  Trsm* trsm[4];
  Trsv* trsv[4];
  Gemm* gemm[4];
  Herk* herk[4];  // syrk for real numbers
  Geqr2* geqr2[4];
  Org2r* org2r[4];
  Geqrt3* geqrt3[4];
  Larft* larft[4];
  Trtri* trtri[4];
  Ormqr* ormqr[4];
  Syevd* syevd[2];
  Heevd* heevd[2];
  RealGesdd* real_gesdd[2];
  ComplexGesdd* complex_gesdd[2];
  RealGeev* real_geev[2];
  ComplexGeev* complex_geev[2];
  Sytrf* sytrf[4];
  Sytrf* hetrf[2];
  Sytrs* sytrs[4];
  Sytrs* hetrs[2];
  RealGelsy* real_gelsy[2];
  ComplexGelsy* complex_gelsy[2];
  RealGelsd* real_gelsd[2];
  ComplexGelsd* complex_gelsd[2];
};

// Null where there is none. NumPy may be installed later: what was not found is looked for again.
const Functions* found_functions();
// For a call that follows, in as many threads as plait's; see Note [Threads of LAPACK].
const Functions* functions();

// After `functions` has found them: for one more call in the midst of others.
inline const Functions& loaded() { return *found_functions(); }

class Threads;
// While it lives the library, if one was loaded, computes in one thread, for callers that share the work out
// by themselves.
class OneThread {
 public:
  OneThread();
  ~OneThread();
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  Threads* threads_ = nullptr;
};

// Which of the functions for four dtypes, and which of those for two.
inline int four(DType dtype) {
  switch (dtype) {
    case DType::Float32: return 0;
    case DType::Float64: return 1;
    case DType::Complex64: return 2;
    default: return 3;
  }
}
inline int two(DType dtype) { return four(dtype) % 2; }

// See Note [Integers of LAPACK].
inline int32_t narrowed(Int value, bool wide) { return static_cast<int32_t>(wide ? value : int32_t(value)); }
inline void narrow_all(int32_t* to, const Int* from, int64_t count, bool wide) {
  const auto* narrow = reinterpret_cast<const int32_t*>(from);
  for (int64_t i = 0; i < count; ++i) to[i] = wide ? static_cast<int32_t>(from[i]) : narrow[i];
}

}  // namespace plait::cpu::lapack_library
