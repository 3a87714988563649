#include "ops/cpu/lapack.h"

#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <complex>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/error.h"
#include "core/parallel.h"
#include "ops/cpu/small_matrices.h"

namespace plait::cpu {
namespace {

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
using Geqrf = void(const Int* m, const Int* n, void* a, const Int* lda, void* tau, void* work,
                   const Int* work_size, Int* info);
using Orgqr = void(const Int* m, const Int* n, const Int* k, void* a, const Int* lda, const void* tau,
                   void* work, const Int* work_size, Int* info);
using Ormqr = void(const char* side, const char* trans, const Int* m, const Int* n, const Int* k,
                   const void* a, const Int* lda, const void* tau, void* c, const Int* ldc, void* work,
                   const Int* work_size, Int* info, Length, Length);
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

// ---- the library

std::atomic<std::string (*)()> g_finder{nullptr};

struct Functions {
  bool wide = false;  // integers of 64 bits
  Potrf* potrf[4];    // of float32, float64, complex64, complex128
  Getrf* getrf[4];
  Trsm* trsm[4];
  Geqrf* geqrf[4];
  Orgqr* orgqr[4];
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

  // Names as the library has them: OpenBLAS of NumPy's and SciPy's wheels with a prefix.
  bool load(void* library) {
    for (const auto& [before, after, integers] :
         {std::tuple("scipy_", "_64_", true), std::tuple("", "_64_", true), std::tuple("scipy_", "_", false),
          std::tuple("", "_", false)}) {
      prefix = before, suffix = after, wide = integers;
      if (load_all(library)) {
        find_threads(library);
        return true;
      }
    }
    return false;
  }

  // Note [Threads of LAPACK]
  // The library has threads of its own, as many as the environment said when it was loaded. It is given the
  // count of plait.set_num_threads() before a call where that has changed, and at first where plait has
  // fewer: what OPENBLAS_NUM_THREADS=1 asks for holds until somebody sets another count. NumPy's products,
  // which are computed by the same library, follow.
  void use_threads() const {
    const int count = num_threads();
    if (set_threads && threads.exchange(count, std::memory_order_relaxed) != count) set_threads(count);
  }

 private:
  const char *prefix = "", *suffix = "";
  void (*set_threads)(int) = nullptr;
  mutable std::atomic<int> threads{0};  // plait's, when the library was told last

  void find_threads(void* library) {
    const auto symbol = [&](const std::string& name) { return dlsym(library, name.c_str()); };
    int (*get)() = nullptr;
    for (const char* const end : {"64_", ""}) {
      const std::string start = prefix + std::string("openblas_");
      set_threads = reinterpret_cast<void (*)(int)>(symbol(start + "set_num_threads" + end));
      get = reinterpret_cast<int (*)()>(symbol(start + "get_num_threads" + end));
      if (set_threads && get) break;
    }
    if (!set_threads || !get) {
      set_threads = reinterpret_cast<void (*)(int)>(symbol("MKL_Set_Num_Threads"));
      get = reinterpret_cast<int (*)()>(symbol("MKL_Get_Max_Threads"));
    }
    if (!set_threads || !get) {
      set_threads = nullptr;
      return;
    }
    const int count = num_threads();
    if (count < get()) set_threads(count);
    threads.store(count, std::memory_order_relaxed);
  }

  template <class F>
  bool find(void* library, F*& function, const char* type, const char* name) const {
    const std::string symbol = prefix + std::string(type) + name + suffix;
    function = reinterpret_cast<F*>(dlsym(library, symbol.c_str()));
    return function != nullptr;
  }
  // For two dtypes, real or complex ones, or for four.
  template <class F>
  bool find_two(void* library, F** functions, const char* types, const char* name) const {
    const char first[] = {types[0], 0}, second[] = {types[1], 0};
    return find(library, functions[0], first, name) && find(library, functions[1], second, name);
  }
  template <class F>
  bool find_four(void* library, F* (&functions)[4], const char* name, const char* complex_name) const {
    return find_two(library, functions, "sd", name) && find_two(library, functions + 2, "cz", complex_name);
  }
  bool load_all(void* library) {
    return find_four(library, potrf, "potrf", "potrf") && find_four(library, getrf, "getrf", "getrf") &&
           find_four(library, trsm, "trsm", "trsm") && find_four(library, geqrf, "geqrf", "geqrf") &&
           find_four(library, orgqr, "orgqr", "ungqr") && find_four(library, ormqr, "ormqr", "unmqr") &&
           find_two(library, syevd, "sd", "syevd") && find_two(library, heevd, "cz", "heevd") &&
           find_two(library, real_gesdd, "sd", "gesdd") && find_two(library, complex_gesdd, "cz", "gesdd") &&
           find_two(library, real_geev, "sd", "geev") && find_two(library, complex_geev, "cz", "geev") &&
           find_four(library, sytrf, "sytrf", "sytrf") && find_two(library, hetrf, "cz", "hetrf") &&
           find_four(library, sytrs, "sytrs", "sytrs") && find_two(library, hetrs, "cz", "hetrs") &&
           find_two(library, real_gelsy, "sd", "gelsy") && find_two(library, complex_gelsy, "cz", "gelsy") &&
           find_two(library, real_gelsd, "sd", "gelsd") && find_two(library, complex_gelsd, "cz", "gelsd");
  }
};

// Null where there is none. NumPy may be installed later: what was not found is looked for again.
const Functions* found_functions() {
  static std::atomic<const Functions*> found{nullptr};
  if (const Functions* f = found.load(std::memory_order_acquire)) return f;
  const auto finder = g_finder.load();
  const char* named = std::getenv("PLAIT_LAPACK");
  std::vector<std::string> files;
  if (named && *named)
    files = {named};
  else
    files = {finder ? finder() : "", "liblapack.so.3",
             "libopenblas.so.0"};  // not under a lock: Python is asked
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  if (const Functions* f = found.load(std::memory_order_acquire)) return f;
  for (const std::string& file : files) {
    // Never closed again: the pointers live in it. A symbol is looked for in what the file is linked to, too.
    void* library = file.empty() ? nullptr : dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL);
    auto f = std::make_unique<Functions>();
    if (!library || !f->load(library)) continue;
    found.store(f.get(), std::memory_order_release);
    return f.release();
  }
  return nullptr;
}

// For a call that follows.
const Functions* functions() {
  const Functions* const f = found_functions();
  if (f) f->use_threads();
  return f;
}

// ---- arguments

// Which of the functions for four dtypes, and which of those for two.
int four(DType dtype) {
  switch (dtype) {
    case DType::Float32: return 0;
    case DType::Float64: return 1;
    case DType::Complex64: return 2;
    default: return 3;
  }
}
int two(DType dtype) { return four(dtype) % 2; }

char* matrix(const Matrices& a, int64_t b) {
  return static_cast<char*>(a.data) + b * a.stride * static_cast<int64_t>(itemsize(a.dtype));
}
char* element(void* data, DType dtype, int64_t i) {
  return static_cast<char*>(data) + i * static_cast<int64_t>(itemsize(dtype));
}

// See Note [Integers of LAPACK].
int32_t narrowed(Int value, bool wide) { return static_cast<int32_t>(wide ? value : int32_t(value)); }
void narrow_all(int32_t* to, const std::vector<Int>& from, int64_t count, bool wide) {
  const auto* narrow = reinterpret_cast<const int32_t*>(from.data());
  for (int64_t i = 0; i < count; ++i) to[i] = wide ? static_cast<int32_t>(from[i]) : narrow[i];
}

// Scratch memory of a function, as large as it asks for where it is called with a size of -1.
class Work {
 public:
  explicit Work(DType dtype) : dtype_(dtype) {}
  template <class Ask>
  Work(DType dtype, const Ask& ask) : dtype_(dtype) {
    alignas(16) char answer[16] = {};  // a number of the dtype
    const Int minus_one = -1;
    ask(static_cast<void*>(answer), &minus_one);
    if (dtype == DType::Float64 || dtype == DType::Complex128) {
      double size;
      std::memcpy(&size, answer, sizeof size);
      resize(static_cast<Int>(size));
    } else {  // rounded up, as its digits may not hold the number
      float size;
      std::memcpy(&size, answer, sizeof size);
      resize(static_cast<Int>(std::nextafter(size, INFINITY)));
    }
  }
  void resize(Int size) {
    size_ = std::max<Int>(size, 1);
    bytes_.reset(new char[static_cast<size_t>(size_) * itemsize(dtype_)]);
  }
  void* data() const { return bytes_.get(); }
  const Int* size() const { return &size_; }

 private:
  DType dtype_;
  Int size_ = 1;
  std::unique_ptr<char[]> bytes_;
};

// Calls f(first, last) on parts of the batch: on several threads where matrices are so small that the library
// takes one for each.
template <class F>
void each_part(const Matrices& a, const F& f) {
  constexpr int64_t kSmall = 64, kWork = 60000;  // operations that are worth another thread
  const int64_t most = std::max(a.rows, a.columns);
  if (a.batch == 1 || most > kSmall) return f(int64_t{0}, a.batch);
  parallel_for(0, a.batch, std::max<int64_t>(kWork / (a.rows * a.columns * most), 1), f);
}

// Some methods do not end where there are infinities or NaN. Of the matrix, or of what is read of it.
enum class Part { All, Upper, Lower };
template <class T>
bool all_finite(const T* data, const Matrices& a, Part part, int64_t numbers) {
  T sum = 0;  // infinity times zero is NaN, and so is all that follows
  for (int64_t j = 0; j < a.columns; ++j) {
    const int64_t first = part == Part::Lower ? j : 0, last = part == Part::Upper ? j + 1 : a.rows;
    const T* column = data + j * a.ld * numbers;
    for (int64_t i = first * numbers; i < last * numbers; ++i) sum += column[i] * T(0);
  }
  return sum == T(0);
}
bool is_finite(const Matrices& a, int64_t b, Part part = Part::All) {
  const int64_t numbers = is_complex(a.dtype) ? 2 : 1;
  const char* data = matrix(a, b);
  return two(a.dtype) == 0 ? all_finite(reinterpret_cast<const float*>(data), a, part, numbers)
                           : all_finite(reinterpret_cast<const double*>(data), a, part, numbers);
}
// Matrices first to last: info becomes what `decompose` gives for each that is finite.
template <class F>
void each_finite(const Matrices& a, int64_t first, int64_t last, int32_t* info, const F& decompose,
                 Part part = Part::All) {
  constexpr int32_t kNotFinite = 1;
  for (int64_t b = first; b < last; ++b) info[b] = is_finite(a, b, part) ? decompose(b) : kNotFinite;
}

// ---- eigenvectors of real matrices

// geev gives real and imaginary parts of values apart, and of a pair of conjugate vectors the real part in
// one column and the imaginary part in the next.
template <class T>
void as_complex(std::complex<T>* values, const T* real, const T* imag, std::complex<T>* to, int64_t ld,
                const T* from, int64_t n) {
  for (int64_t j = 0; j < n; ++j) values[j] = {real[j], imag[j]};
  if (!from) return;
  for (int64_t j = 0; j < n; ++j) {
    const bool pair = imag[j] != 0 && j + 1 < n;
    for (int64_t i = 0; i < n; ++i) {
      const T re = from[j * n + i], im = pair ? from[(j + 1) * n + i] : T(0);
      to[j * ld + i] = {re, im};
      if (pair) to[(j + 1) * ld + i] = {re, -im};
    }
    j += pair;
  }
}

template <class T>
void real_eig(const Functions& f, const Matrices& a, void* values, const Matrices& v, bool vectors,
              int32_t* info) {
  const Int n = a.columns;
  const char *none = "N", *wanted = vectors ? "V" : "N";
  RealGeev* const geev = f.real_geev[two(a.dtype)];
  each_part(a, [&](int64_t first, int64_t last) {
    const auto real = std::make_unique<T[]>(static_cast<size_t>(2 * n));
    const auto found = std::make_unique<T[]>(static_cast<size_t>(vectors ? n * n : 1));
    Int status = 0;
    const auto run = [&](void* data, void* work, const Int* size) {
      geev(none, wanted, &n, data, &a.ld, real.get(), real.get() + n, nullptr, &n, found.get(), &n, work,
           size, &status, 1, 1);
    };
    const Work work(a.dtype, [&](void* answer, const Int* size) { run(a.data, answer, size); });
    each_finite(a, first, last, info, [&](int64_t b) {
      run(matrix(a, b), work.data(), work.size());
      as_complex(static_cast<std::complex<T>*>(values) + b * n, real.get(), real.get() + n,
                 reinterpret_cast<std::complex<T>*>(matrix(v, b)), v.ld, vectors ? found.get() : nullptr, n);
      return narrowed(status, f.wide);
    });
  });
}

// ---- the functions

// Ops are called "_linalg_..." by the functions of plait.linalg.
std::string_view public_name(std::string_view op) {
  constexpr std::string_view kPrivate = "_linalg_";
  return op.starts_with(kPrivate) ? op.substr(kPrivate.size()) : op;
}

class Lapack final : public MatrixLibrary {
 public:
  void require(const char* op) const override {
    check<RuntimeError>(
        found_functions() != nullptr,
        "linalg.{}: LAPACK was not found; it comes with NumPy: pip install numpy (or set PLAIT_LAPACK "
        "to a shared library that has it)",
        public_name(op));
  }

  void cholesky(const Matrices& a, bool upper, int32_t* info) const override {
    const Functions& f = *functions();
    each_part(a, [&](int64_t first, int64_t last) {
      if (is_small(a)) return small_cholesky(a, upper, first, last, info);
      for (int64_t b = first; b < last; ++b) {
        Int status = 0;
        f.potrf[four(a.dtype)](upper ? "U" : "L", &a.columns, matrix(a, b), &a.ld, &status, 1);
        info[b] = narrowed(status, f.wide);
      }
    });
  }

  void lu(const Matrices& a, int32_t* pivots, int32_t* info) const override {
    const Functions& f = *functions();
    check<NotImplementedError>(pivots != nullptr,
                               "linalg.lu: pivot=False is not implemented on the CPU; expected pivot=True");
    const int64_t least = std::min(a.rows, a.columns);
    each_part(a, [&](int64_t first, int64_t last) {
      if (is_small(a)) return small_lu(a, first, last, pivots, info);
      std::vector<Int> exchanged(static_cast<size_t>(least));
      for (int64_t b = first; b < last; ++b) {
        Int status = 0;
        f.getrf[four(a.dtype)](&a.rows, &a.columns, matrix(a, b), &a.ld, exchanged.data(), &status);
        info[b] = narrowed(status, f.wide);
        narrow_all(pivots + b * least, exchanged, least, f.wide);
      }
    });
  }

  void triangular(const Triangle& t, const Matrices& a, const Matrices& b) const override {
    const Functions& f = *functions();
    const double ones[2] = {1, 0};
    const float single_ones[2] = {1, 0};
    const void* one = two(a.dtype) == 0 ? static_cast<const void*>(single_ones) : ones;
    each_part(b, [&](int64_t first, int64_t last) {
      if (is_small(a)) return small_triangular(t, a, b, first, last);
      for (int64_t i = first; i < last; ++i)
        f.trsm[four(a.dtype)](t.right ? "R" : "L", t.upper ? "U" : "L", t.transposed ? "T" : "N",
                              t.unit ? "U" : "N", &b.rows, &b.columns, one, matrix(a, i), &a.ld, matrix(b, i),
                              &b.ld, 1, 1, 1, 1);
    });
  }

  void qr(const Matrices& a, void* tau) const override {
    const Functions& f = *functions();
    const int64_t least = std::min(a.rows, a.columns);
    each_part(a, [&](int64_t first, int64_t last) {
      if (is_small(a)) return small_qr(a, first, last, tau);
      Int status = 0;
      const auto run = [&](int64_t b, void* work, const Int* size) {
        f.geqrf[four(a.dtype)](&a.rows, &a.columns, matrix(a, b), &a.ld, element(tau, a.dtype, b * least),
                               work, size, &status);
      };
      const Work work(a.dtype, [&](void* answer, const Int* size) { run(first, answer, size); });
      for (int64_t b = first; b < last; ++b) run(b, work.data(), work.size());
    });
  }

  void q(const Matrices& a, int64_t reflectors, const void* tau) const override {
    const Functions& f = *functions();
    each_part(a, [&](int64_t first, int64_t last) {
      if (is_small(a)) return small_q(a, reflectors, first, last, tau);
      Int status = 0;
      const auto run = [&](int64_t b, void* work, const Int* size) {
        f.orgqr[four(a.dtype)](&a.rows, &a.columns, &reflectors, matrix(a, b), &a.ld,
                               element(const_cast<void*>(tau), a.dtype, b * reflectors), work, size, &status);
      };
      const Work work(a.dtype, [&](void* answer, const Int* size) { run(first, answer, size); });
      for (int64_t b = first; b < last; ++b) run(b, work.data(), work.size());
    });
  }

  void eigh(const Matrices& a, bool upper, bool vectors, void* values, int32_t* info) const override {
    const Functions& f = *functions();
    const Int n = a.columns, minus_one = -1;
    const char *job = vectors ? "V" : "N", *uplo = upper ? "U" : "L";
    const DType real = to_real(a.dtype);
    each_part(a, [&](int64_t first, int64_t last) {
      Int status = 0, integers = 0;
      // Real scratch memory is complex matrices' alone.
      const auto run = [&](int64_t b, void* work, const Int* size, void* rwork, const Int* rsize, Int* iwork,
                           const Int* isize) {
        void* const w = element(values, real, b * n);
        if (is_complex(a.dtype))
          f.heevd[two(a.dtype)](job, uplo, &n, matrix(a, b), &a.ld, w, work, size, rwork, rsize, iwork, isize,
                                &status, 1, 1);
        else
          f.syevd[two(a.dtype)](job, uplo, &n, matrix(a, b), &a.ld, w, work, size, iwork, isize, &status, 1,
                                1);
      };
      double other[2];
      const Work work(a.dtype, [&](void* answer, const Int* size) {
        run(first, answer, size, other, &minus_one, &integers, &minus_one);
      });
      const Work rwork(real, [&](void* answer, const Int* size) {
        run(first, other, size, answer, size, &integers, &minus_one);
      });
      const Int count = narrowed(integers, f.wide);
      std::vector<Int> iwork(static_cast<size_t>(std::max<Int>(count, 1)));
      const auto decompose = [&](int64_t b) {
        run(b, work.data(), work.size(), rwork.data(), rwork.size(), iwork.data(), &count);
        return narrowed(status, f.wide);
      };
      each_finite(a, first, last, info, decompose, upper ? Part::Upper : Part::Lower);
    });
  }

  void svd(const Matrices& a, const Matrices& u, void* s, const Matrices& vh, bool vectors,
           int32_t* info) const override {
    const Functions& f = *functions();
    const int64_t least = std::min(a.rows, a.columns), most = std::max(a.rows, a.columns);
    const bool all = u.columns == a.rows && vh.rows == a.columns;
    const char* job = !vectors ? "N" : all ? "A" : "S";
    const DType real = to_real(a.dtype);
    each_part(a, [&](int64_t first, int64_t last) {
      Int status = 0;
      std::vector<Int> iwork(static_cast<size_t>(8 * least));
      Work rwork(real);
      if (is_complex(a.dtype)) rwork.resize(least * std::max(5 * least + 7, 2 * most + 2 * least + 1));
      const auto run = [&](int64_t b, void* work, const Int* size) {
        void* const values = element(s, real, b * least);
        if (is_complex(a.dtype))
          f.complex_gesdd[two(a.dtype)](job, &a.rows, &a.columns, matrix(a, b), &a.ld, values, matrix(u, b),
                                        &u.ld, matrix(vh, b), &vh.ld, work, size, rwork.data(), iwork.data(),
                                        &status, 1);
        else
          f.real_gesdd[two(a.dtype)](job, &a.rows, &a.columns, matrix(a, b), &a.ld, values, matrix(u, b),
                                     &u.ld, matrix(vh, b), &vh.ld, work, size, iwork.data(), &status, 1);
      };
      const Work work(a.dtype, [&](void* answer, const Int* size) { run(first, answer, size); });
      each_finite(a, first, last, info, [&](int64_t b) {
        run(b, work.data(), work.size());
        return narrowed(status, f.wide);
      });
    });
  }
  bool svd_gives_adjoint() const override { return true; }

  void eig(const Matrices& a, void* values, const Matrices& v, bool vectors, int32_t* info) const override {
    const Functions& f = *functions();
    if (a.dtype == DType::Float32) return real_eig<float>(f, a, values, v, vectors, info);
    if (a.dtype == DType::Float64) return real_eig<double>(f, a, values, v, vectors, info);
    const Int n = a.columns;
    const DType real = to_real(a.dtype);
    each_part(a, [&](int64_t first, int64_t last) {
      Int status = 0;
      Work rwork(real);
      rwork.resize(2 * n);
      const auto run = [&](int64_t b, void* work, const Int* size) {
        f.complex_geev[two(a.dtype)]("N", vectors ? "V" : "N", &n, matrix(a, b), &a.ld,
                                     element(values, a.dtype, b * n), nullptr, &n, matrix(v, b), &v.ld, work,
                                     size, rwork.data(), &status, 1, 1);
      };
      const Work work(a.dtype, [&](void* answer, const Int* size) { run(first, answer, size); });
      each_finite(a, first, last, info, [&](int64_t b) {
        run(b, work.data(), work.size());
        return narrowed(status, f.wide);
      });
    });
  }
  bool eig_takes_real() const override { return true; }
};

}  // namespace

const MatrixLibrary& lapack() {
  static constexpr Lapack library;
  return library;
}

void set_lapack_finder(std::string (*find)()) { g_finder.store(find); }

void lapack_ldl(const Matrices& a, bool hermitian, int32_t* pivots, int32_t* info) {
  const Functions& f = *functions();
  Sytrf* const run = hermitian ? f.hetrf[two(a.dtype)] : f.sytrf[four(a.dtype)];
  const Int n = a.columns;
  each_part(a, [&](int64_t first, int64_t last) {
    Int status = 0;
    std::vector<Int> exchanged(static_cast<size_t>(n));
    const Work work(a.dtype, [&](void* answer, const Int* size) {
      run("L", &n, a.data, &a.ld, exchanged.data(), answer, size, &status, 1);
    });
    for (int64_t b = first; b < last; ++b) {
      run("L", &n, matrix(a, b), &a.ld, exchanged.data(), work.data(), work.size(), &status, 1);
      info[b] = narrowed(status, f.wide);
      narrow_all(pivots + b * n, exchanged, n, f.wide);
    }
  });
}

void lapack_ldl_solve(const Matrices& a, bool hermitian, const int32_t* pivots, const Matrices& b) {
  const Functions& f = *functions();
  Sytrs* const run = hermitian ? f.hetrs[two(a.dtype)] : f.sytrs[four(a.dtype)];
  const Int n = a.columns;
  each_part(b, [&](int64_t first, int64_t last) {
    Int status = 0;
    std::vector<Int> exchanges(static_cast<size_t>(n));
    for (int64_t i = first; i < last; ++i) {
      auto* const narrow = reinterpret_cast<int32_t*>(exchanges.data());
      for (int64_t k = 0; k < n; ++k) {
        if (f.wide)
          exchanges[static_cast<size_t>(k)] = pivots[i * n + k];
        else
          narrow[k] = pivots[i * n + k];
      }
      run("L", &n, &b.columns, matrix(a, i), &a.ld, exchanges.data(), matrix(b, i), &b.ld, &status, 1);
    }
  });
}

void lapack_ormqr(const Matrices& a, const void* tau, int64_t reflectors, const Matrices& c, bool left,
                  bool adjoint) {
  const Functions& f = *functions();
  const char *side = left ? "L" : "R", *trans = !adjoint ? "N" : is_complex(a.dtype) ? "C" : "T";
  each_part(c, [&](int64_t first, int64_t last) {
    Int status = 0;
    const auto run = [&](int64_t i, void* work, const Int* size) {
      f.ormqr[four(a.dtype)](side, trans, &c.rows, &c.columns, &reflectors, matrix(a, i), &a.ld,
                             element(const_cast<void*>(tau), a.dtype, i * reflectors), matrix(c, i), &c.ld,
                             work, size, &status, 1, 1);
    };
    const Work work(a.dtype, [&](void* answer, const Int* size) { run(first, answer, size); });
    for (int64_t i = first; i < last; ++i) run(i, work.data(), work.size());
  });
}

void lapack_lstsq(const Matrices& a, const Matrices& b, double rcond, void* s, int64_t* rank, int32_t* info) {
  const Functions& f = *functions();
  const int64_t least = std::min(a.rows, a.columns);
  const DType real = to_real(a.dtype);
  const float single_rcond = static_cast<float>(rcond);
  const void* const limit = two(a.dtype) == 0 ? static_cast<const void*>(&single_rcond) : &rcond;
  each_part(a, [&](int64_t first, int64_t last) {
    Int status = 0, found = 0, integers = 0;
    std::vector<Int> iwork(static_cast<size_t>(a.columns));
    double real_size = 0;
    const auto run = [&](int64_t i, void* work, const Int* size, void* rwork, Int* other) {
      void* const values = s ? element(s, real, i * least) : nullptr;
      void *const x = matrix(a, i), *const y = matrix(b, i);
      const Int &m = a.rows, &n = a.columns, &k = b.columns;
      if (s && is_complex(a.dtype))
        f.complex_gelsd[two(a.dtype)](&m, &n, &k, x, &a.ld, y, &b.ld, values, limit, &found, work, size,
                                      rwork, other, &status);
      else if (s)
        f.real_gelsd[two(a.dtype)](&m, &n, &k, x, &a.ld, y, &b.ld, values, limit, &found, work, size, other,
                                   &status);
      else if (is_complex(a.dtype))
        f.complex_gelsy[two(a.dtype)](&m, &n, &k, x, &a.ld, y, &b.ld, other, limit, &found, work, size, rwork,
                                      &status);
      else
        f.real_gelsy[two(a.dtype)](&m, &n, &k, x, &a.ld, y, &b.ld, other, limit, &found, work, size, &status);
    };
    const Work work(a.dtype, [&](void* answer, const Int* size) {
      run(first, answer, size, &real_size, s ? &integers : iwork.data());
    });
    Work rwork(real);
    if (s) {
      // gelsd asks for integers, and of complex matrices for real numbers, beside the answer.
      iwork.resize(static_cast<size_t>(std::max<Int>(narrowed(integers, f.wide), 1)));
      float single_size;
      std::memcpy(&single_size, &real_size, sizeof single_size);
      if (is_complex(a.dtype))
        rwork.resize(two(a.dtype) == 0 ? static_cast<Int>(std::nextafter(single_size, INFINITY))
                                       : static_cast<Int>(real_size));
    } else {
      rwork.resize(2 * a.columns);
    }
    each_finite(a, first, last, info, [&](int64_t i) {
      std::fill(iwork.begin(), iwork.end(), Int(0));  // gelsy: any column may be exchanged
      run(i, work.data(), work.size(), rwork.data(), iwork.data());
      rank[i] = narrowed(found, f.wide);
      return narrowed(status, f.wide);
    });
  });
}

}  // namespace plait::cpu
