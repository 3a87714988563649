#include "ops/cpu/lapack.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <complex>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/parallel.h"
#include "ops/cpu/blocked_matrices.h"
#include "ops/cpu/lapack_library.h"
#include "ops/cpu/small_matrices.h"

namespace plait::cpu {
namespace {

using namespace lapack_library;

// ---- arguments

char* matrix(const Matrices& a, int64_t b) {
  return static_cast<char*>(a.data) + b * a.stride * static_cast<int64_t>(itemsize(a.dtype));
}
char* element(void* data, DType dtype, int64_t i) {
  return static_cast<char*>(data) + i * static_cast<int64_t>(itemsize(dtype));
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

Block block(const Matrices& a, int64_t b) { return {a.dtype, matrix(a, b), a.rows, a.columns, a.ld}; }

// Calls f(first, last) on parts of the batch: on several threads where they are small, or each gets one. With
// fewer matrices than that, f computes with the library's threads.
template <class F>
void each_part(const Matrices& a, const F& f) {
  constexpr int64_t kSmall = 64, kWork = 60000;  // operations that are worth another thread
  const int64_t most = std::max(a.rows, a.columns);
  if (a.batch == 1 || (most > kSmall && a.batch < num_threads())) return f(int64_t{0}, a.batch);
  const OneThread alone;
  parallel_for(0, a.batch, std::max<int64_t>(kWork / (a.rows * a.columns * most), 1), f);
}
// The same for functions that share the work on a matrix out by themselves, or are called without the
// library.
template <class F>
void each_shared(const Matrices& a, const F& f) {
  if (is_small(a)) return each_part(a, f);
  const OneThread alone;
  each_part(a, f);
}

constexpr int32_t kNotFinite = 1;  // the info then: some methods do not end
// Matrices first to last: info becomes what `decompose` gives for each that is finite.
template <class F>
void each_finite(const Matrices& a, int64_t first, int64_t last, int32_t* info, const F& decompose,
                 Part part = Part::All) {
  for (int64_t b = first; b < last; ++b) info[b] = is_finite(block(a, b), part) ? decompose(b) : kNotFinite;
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

  void cholesky(const Matrices& a, int32_t* info) const override {
    functions();
    each_shared(a, [&](int64_t first, int64_t last) {
      if (is_small(a)) return small_cholesky(a, first, last, info);
      for (int64_t b = first; b < last; ++b) info[b] = blocked_cholesky(block(a, b));
    });
  }

  void lu(const Matrices& a, int32_t* pivots, int32_t* info) const override {
    functions();
    check<NotImplementedError>(pivots != nullptr,
                               "linalg.lu: pivot=False is not implemented on the CPU; expected pivot=True");
    const int64_t least = std::min(a.rows, a.columns);
    each_shared(a, [&](int64_t first, int64_t last) {
      if (is_small(a)) return small_lu(a, first, last, pivots, info);
      for (int64_t b = first; b < last; ++b) info[b] = blocked_lu(block(a, b), pivots + b * least);
    });
  }

  void triangular(const Triangle& t, const Matrices& a, const Matrices& b) const override {
    functions();
    const auto part = [&](int64_t first, int64_t last) {
      if (is_small(a)) return small_triangular(t, a, b, first, last);
      for (int64_t i = first; i < last; ++i) blocked_triangular(t, block(a, i), block(b, i));
    };
    each_shared(b, part);
  }

  void qr(const Matrices& a, void* tau) const override {
    functions();
    const int64_t least = std::min(a.rows, a.columns);
    each_shared(a, [&](int64_t first, int64_t last) {
      if (is_small(a)) return small_qr(a, first, last, tau);
      for (int64_t b = first; b < last; ++b)
        blocked_qr(block(a, b), element(tau, a.dtype, b * least), nullptr);
    });
  }

  void q(const Matrices& a, int64_t reflectors, const void* tau) const override {
    functions();
    each_shared(a, [&](int64_t first, int64_t last) {
      if (is_small(a)) return small_q(a, reflectors, first, last, tau);
      for (int64_t b = first; b < last; ++b)
        blocked_q(block(a, b), reflectors, element(const_cast<void*>(tau), a.dtype, b * reflectors));
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
      narrow_all(pivots + b * n, exchanged.data(), n, f.wide);
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
  // Columns need not be exchanged where gelsy would find the full rank anyway: its estimate of the condition
  // number is no greater than that number. Elsewhere it is given R, which is smaller.
  constexpr int64_t kSmallest = 16;
  const bool by_qr = !s && a.columns > kSmallest && a.rows >= a.columns;
  const double epsilon = two(a.dtype) == 0 ? FLT_EPSILON : DBL_EPSILON;
  const double most_condition =
      0.5 / std::max(rcond, epsilon * static_cast<double>(std::max(a.rows, a.columns)));
  each_part(a, [&](int64_t first, int64_t last) {
    Int rows = a.rows, status = 0, found = 0, integers = 0;
    std::vector<Int> iwork(static_cast<size_t>(a.columns));
    double real_size = 0;
    const auto run = [&](int64_t i, void* work, const Int* size, void* rwork, Int* other) {
      void* const values = s ? element(s, real, i * least) : nullptr;
      void *const x = matrix(a, i), *const y = matrix(b, i);
      const Int &m = rows, &n = a.columns, &k = b.columns;
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
      const Block x = block(a, i), y = block(b, i).part(0, 0, a.rows, b.columns);
      rows = a.rows;
      if (by_qr && is_ordinary(x) && is_ordinary(y)) {
        const OneThread alone;
        rank[i] = a.columns;
        if (blocked_least_squares(x, y, most_condition)) return int32_t{0};
        rows = a.columns;
      }
      std::fill(iwork.begin(), iwork.end(), Int(0));  // gelsy: any column may be exchanged
      run(i, work.data(), work.size(), rwork.data(), iwork.data());
      rank[i] = narrowed(found, f.wide);
      return narrowed(status, f.wide);
    });
  });
}

}  // namespace plait::cpu
