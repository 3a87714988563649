#include "ops/cpu/scan.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"

namespace plait::cpu {
namespace {

struct Geometry {
  int64_t outer = 1, n = 1, inner = 1;

  Geometry(const Tensor& t, int dim) {
    for (int i = 0; i < t.dim(); ++i) (i < dim ? outer : i == dim ? n : inner) *= t.sizes()[i];
  }
  bool empty() const { return outer * n * inner == 0; }
};

constexpr int64_t kGrain = 16384;  // elements worth a thread

// f(first element, stride along n) for every line to be scanned.
template <class F>
void for_lines(const Geometry& g, const F& f) {
  if (g.empty()) return;
  parallel_for(0, g.outer * g.inner, std::max<int64_t>(1, kGrain / g.n), [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line)
      f(line / g.inner * g.n * g.inner + line % g.inner, g.inner);
  });
}

template <class T>
void complex_product(const Tensor& y, const Tensor& x, const Geometry& g) {
  const T* from = x.data<T>();
  T* to = y.data<T>();
  for_lines(g, [&](int64_t at, int64_t stride) {
    T product = 1;
    for (int64_t i = 0; i < g.n; ++i, at += stride) to[at] = product = product * from[at];
  });
}

template <class T>
bool is_nan(T x) {
  return x != x;
}

}  // namespace

void scan(Scan f, const Tensor& y, const Tensor& self, int dim) {
  const Tensor x = plait::contiguous(self);
  Geometry g(x, dim);
  if (g.empty()) return;
  DType dtype = x.dtype();
  if (is_complex(dtype)) {
    if (f == Scan::Prod) {
      if (dtype == DType::Complex64)
        complex_product<complex64>(y, x, g);
      else
        complex_product<complex128>(y, x, g);
      return;
    }
    g.inner *= 2;  // sums of complex numbers are those of their parts
    dtype = to_real(dtype);
  }
  const ScanKernel& kernel = scan_table().kernels[static_cast<int>(f)][static_cast<int>(dtype)];
  const char* from = static_cast<const char*>(x.data_ptr());
  char* to = static_cast<char*>(y.data_ptr());
  const int64_t item = itemsize(dtype);
  if (g.inner == 1) {
    parallel_for(0, g.outer, std::max<int64_t>(1, kGrain / g.n), [&](int64_t begin, int64_t end) {
      kernel.rows(from + begin * g.n * item, to + begin * g.n * item, end - begin, g.n);
    });
    return;
  }
  const int64_t width = std::min(kScanColumns, g.inner), blocks = (g.inner + width - 1) / width;
  parallel_for(0, g.outer * blocks, std::max<int64_t>(1, kGrain / (g.n * width)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t t = begin; t < end; ++t) {
                   const int64_t column = t % blocks * width;
                   const int64_t at = (t / blocks * g.n * g.inner + column) * item;
                   kernel.columns(from + at, to + at, g.n, std::min(width, g.inner - column), g.inner);
                 }
               });
}

void scan_extreme(bool largest, const Tensor& values, const Tensor& indices, const Tensor& self, int dim) {
  const Tensor x = plait::contiguous(self);
  const Geometry g(x, dim);
  int64_t* index = indices.data<int64_t>();
  visit(x.dtype(), [&]<class T>() {
    if constexpr (!std::is_same_v<T, complex64> && !std::is_same_v<T, complex128>) {
      using C = compute_t<T>;
      const T* from = x.data<T>();
      T* to = values.data<T>();
      for_lines(g, [&](int64_t at, int64_t stride) {
        C best = static_cast<C>(from[at]);
        int64_t where = 0;
        for (int64_t i = 0; i < g.n; ++i, at += stride) {
          const C value = static_cast<C>(from[at]);
          if (is_nan(value) || (!is_nan(best) && (largest ? value >= best : value <= best))) {
            best = value;
            where = i;
          }
          to[at] = static_cast<T>(best);
          index[at] = where;
        }
      });
    }
  });
}

void scan_logsumexp(const Tensor& y, const Tensor& self, int dim) {
  const Tensor x = plait::contiguous(self);
  const Geometry g(x, dim);
  visit(x.dtype(), [&]<class T>() {
    if constexpr (std::is_floating_point_v<compute_t<T>>) {
      const T* from = x.data<T>();
      T* to = y.data<T>();
      for_lines(g, [&](int64_t at, int64_t stride) {
        double total = -INFINITY;
        for (int64_t i = 0; i < g.n; ++i, at += stride) {
          const double value = static_cast<double>(static_cast<compute_t<T>>(from[at]));
          const double high = is_nan(value) || value > total ? value : total;
          const double low = high == total ? value : total;
          if (!std::isinf(high) || low != high) total = high + std::log1p(std::exp(low - high));
          to[at] = static_cast<T>(static_cast<compute_t<T>>(total));
        }
      });
    }
  });
}

void scan_linear(const Tensor& y, const Tensor& a, const Tensor& b, int dim, bool reverse) {
  const Tensor factors = plait::contiguous(a), terms = plait::contiguous(b);
  const Geometry g(terms, dim);
  visit(terms.dtype(), [&]<class T>() {
    if constexpr (!std::is_integral_v<T>) {
      using C = compute_t<T>;
      const T *factor = factors.data<T>(), *term = terms.data<T>();
      T* to = y.data<T>();
      for_lines(g, [&](int64_t at, int64_t stride) {
        C last = 0;
        if (!reverse) {
          for (int64_t i = 0; i < g.n; ++i, at += stride) {
            last = i == 0 ? static_cast<C>(term[at])
                          : static_cast<C>(term[at]) + static_cast<C>(factor[at]) * last;
            to[at] = static_cast<T>(last);
          }
          return;
        }
        at += (g.n - 1) * stride;
        for (int64_t i = g.n - 1; i >= 0; --i, at -= stride) {
          last = i == g.n - 1 ? static_cast<C>(term[at])
                              : static_cast<C>(term[at]) + static_cast<C>(factor[at + stride]) * last;
          to[at] = static_cast<T>(last);
        }
      });
    }
  });
}

}  // namespace plait::cpu
