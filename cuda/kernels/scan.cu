#include "cuda/kernels/scan.h"

#include "cuda/device/extreme.cuh"
#include "cuda/device/row_math.cuh"
#include "cuda/device/scan_kernel.cuh"

namespace plait::cuda {
namespace {

// What running values of T are kept in.
template <class T>
using running_t = std::conditional_t<std::is_integral_v<T>, T,
                                     std::conditional_t<is_complex_type<T>, Complex<double>, double>>;

template <class T>
__device__ __forceinline__ running_t<T> widened(T x) {
  if constexpr (is_complex_type<T>)
    return {static_cast<double>(x.re), static_cast<double>(x.im)};
  else
    return static_cast<running_t<T>>(to_op(x));
}
template <class T>
__device__ __forceinline__ T narrowed(const running_t<T>& x) {
  if constexpr (is_complex_type<T>)
    return {static_cast<real_of<T>>(x.re), static_cast<real_of<T>>(x.im)};
  else
    return from_op<T>(static_cast<opmath_t<T>>(x));
}

template <class T>
struct InPlace {
  const T* x;
  T* y;
  __device__ running_t<T> load(int64_t first, int64_t step, int64_t i, int64_t) const {
    return widened(x[first + i * step]);
  }
  __device__ void store(const running_t<T>& value, int64_t first, int64_t step, int64_t i, int64_t) const {
    y[first + i * step] = narrowed<T>(value);
  }
};

template <class T>
struct RunningSum : InPlace<T> {
  using Acc = running_t<T>;
  __device__ Acc identity() const { return Acc(0); }
  __device__ Acc combine(const Acc& a, const Acc& b) const {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
    else
      return a + b;
  }
};
template <class T>
struct RunningProduct : InPlace<T> {
  using Acc = running_t<T>;
  __device__ Acc identity() const { return Acc(1); }
  __device__ Acc combine(const Acc& a, const Acc& b) const {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
    else
      return a * b;
  }
};
// Once in the library: it would be inlined dozens of times.
__device__ __noinline__ double log_of_sum(double a, double b) {
  if (a != a) return a;
  const double high = b != b || b > a ? b : a, low = high == a ? b : a;
  const bool infinite = high - high != 0 && high == high;
  return infinite && low == high ? high : high + log1p(exp(low - high));
}
template <class T>
struct RunningLogSum : InPlace<T> {
  using Acc = double;
  __device__ Acc identity() const { return -infinity<double>(); }
  __device__ Acc combine(const Acc& a, const Acc& b) const { return log_of_sum(a, b); }
};

template <class T>
struct RunningExtreme {
  struct Acc {
    Ordered<T> key;
    uint32_t index[2];  // of 64 bits; -1: nothing yet
  };
  const T* x;
  T* values;
  int64_t* indices;
  Ordering<T> order;
  T fill;

  static __device__ Acc make(Ordered<T> key, int64_t index) {
    Acc acc;
    acc.key = key;
    __builtin_memcpy(acc.index, &index, sizeof(index));
    return acc;
  }
  __device__ Acc identity() const { return make(order.key(fill), -1); }
  __device__ Acc combine(const Acc& a, const Acc& b) const {
    const bool nan_a = a.key != a.key, nan_b = b.key != b.key;
    return nan_b || (!nan_a && b.key >= a.key) ? b : a;
  }
  __device__ Acc load(int64_t first, int64_t step, int64_t i, int64_t) const {
    return make(order.key(x[first + i * step]), i);
  }
  __device__ void store(const Acc& acc, int64_t first, int64_t step, int64_t i, int64_t) const {
    values[first + i * step] = order.element(acc.key);
    int64_t index;
    __builtin_memcpy(&index, acc.index, sizeof(index));
    indices[first + i * step] = index;
  }
};

// Maps y -> a y + b, one after the other.
template <class T>
struct Recurrence {
  struct Acc {
    running_t<T> a, b;
  };
  const T *factors, *terms;
  T* y;
  bool reverse;

  __device__ Acc identity() const { return {running_t<T>(1), running_t<T>(0)}; }
  __device__ Acc combine(const Acc& p, const Acc& q) const { return {p.a * q.a, q.a * p.b + q.b}; }
  __device__ Acc load(int64_t first, int64_t step, int64_t i, int64_t n) const {
    const int64_t at = reverse ? n - 1 - i : i;
    // Nothing comes before the first: its factor does not count, whatever it is.
    const running_t<T> a =
        i == 0 ? running_t<T>(0) : widened(factors[first + (reverse ? at + 1 : at) * step]);
    return {a, widened(terms[first + at * step])};
  }
  __device__ void store(const Acc& acc, int64_t first, int64_t step, int64_t i, int64_t n) const {
    y[first + (reverse ? n - 1 - i : i) * step] = narrowed<T>(acc.b);
  }
};

template <template <class> class F, class T>
void run(const ScanPlan& p, const void* x, void* y) {
  run_scan(F<T>{{static_cast<const T*>(x), static_cast<T*>(y)}}, p.outer, p.n, p.inner);
}

}  // namespace

void scan(ScanOp op, const ScanPlan& p, const void* x, void* y) {
  visit(p.dtype, [&]<class T>() {
    using D = device_t<T>;
    constexpr DType dtype = dtype_of<T>;
    if constexpr (is_floating(dtype)) {
      if (op == ScanOp::LogSumExp) return run<RunningLogSum, D>(p, x, y);
    }
    if constexpr (dtype == DType::Int64 || is_floating(dtype) || is_complex(dtype))
      op == ScanOp::Sum ? run<RunningSum, D>(p, x, y) : run<RunningProduct, D>(p, x, y);
  });
}

void scan_extreme(bool largest, const ScanPlan& p, const void* x, void* values, int64_t* indices) {
  visit(p.dtype, [&]<class T>() {
    constexpr DType dtype = dtype_of<T>;
    if constexpr (is_floating(dtype) || dtype == DType::Int32 || dtype == DType::Int64)
      run_scan(RunningExtreme<T>{static_cast<const T*>(x), static_cast<T*>(values), indices,
                                 Ordering<T>(largest, false), last_of<T>(largest)},
               p.outer, p.n, p.inner);
  });
}

void scan_linear(const ScanPlan& p, const void* a, const void* b, void* y, bool reverse) {
  visit(p.dtype, [&]<class T>() {
    using D = device_t<T>;
    if constexpr (is_floating(dtype_of<T>) || is_complex(dtype_of<T>))
      run_scan(Recurrence<D>{static_cast<const D*>(a), static_cast<const D*>(b), static_cast<D*>(y), reverse},
               p.outer, p.n, p.inner);
  });
}

}  // namespace plait::cuda
