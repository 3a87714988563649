#include "cuda/kernels/range.h"

#include "cuda/device/complex_math.cuh"
#include "cuda/device/launch.cuh"
#include "cuda/device/store.cuh"

namespace plait::cuda {
namespace {

constexpr int kThreads = 256;

// out[i] = f(i), an int64_t, a double, a bool or a complex number, converted.
template <class F>
__global__ void __launch_bounds__(kThreads) generate_kernel(void* out, int64_t n, DType dtype, const F f) {
  const int64_t first = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) * kGroup;
  if (first >= n) return;
  decltype(f(first)) x[kGroup];
#pragma unroll
  for (int i = 0; i < kGroup; ++i) x[i] = f(first + i);
  store_group(out, dtype, first, n, x);
}
template <class F>
void generate(void* out, int64_t n, DType dtype, const F& f) {
  launch(generate_kernel<F>, {static_cast<unsigned>(ceil_div(n, int64_t{kThreads} * kGroup)), kThreads}, out,
         n, dtype, f);
}

struct IntRange {
  uint64_t start, step;
  __device__ int64_t operator()(int64_t i) const {
    return static_cast<int64_t>(start + static_cast<uint64_t>(i) * step);
  }
};
// Rounded twice, as on the CPU: what becomes an integer would show the difference.
__device__ __forceinline__ double add_product(double a, double b, double c) {
  return __dadd_rn(a, __dmul_rn(b, c));
}
__device__ __forceinline__ Complex<double> add_product(Complex<double> a, Complex<double> b, double c) {
  return {add_product(a.re, b.re, c), add_product(a.im, b.im, c)};
}

struct FloatRange {
  double start, step;
  __device__ double operator()(int64_t i) const { return add_product(start, static_cast<double>(i), step); }
};

template <class V>
struct Spaced {
  V start, end, step;
  int64_t count;
  __device__ V operator()(int64_t i) const {
    const double k = static_cast<double>(i < (count + 1) / 2 ? i : count - 1 - i);
    return i < (count + 1) / 2 ? add_product(start, step, k) : add_product(end, step, -k);
  }
};
__device__ double power(double base, double x) { return ::pow(base, x); }
__device__ Complex<double> power(double base, Complex<double> x) { return complex_math::pow(base, x); }
template <class V>
struct Powers {
  Spaced<V> exponents;
  double base;
  __device__ V operator()(int64_t i) const { return power(base, exponents(i)); }
};
template <class V>
void spaced_of(void* out, int64_t n, DType dtype, V start, V end, const double* base) {
  const V step = n > 1 ? (end - start) / V(static_cast<double>(n - 1)) : V(0);
  const Spaced<V> places{start, end, step, n};
  base ? generate(out, n, dtype, Powers<V>{places, *base}) : generate(out, n, dtype, places);
}

struct Diagonal {
  int64_t stride, count;  // elements from one to the next; how many
  __device__ bool operator()(int64_t i) const { return i % stride == 0 && i / stride < count; }
};

// Of the first `rows` rows: elements of the lower triangle up to diagonal `offset`. None at first, then one
// more with each row, then all columns.
__device__ int64_t lower_total(int64_t rows, int64_t columns, int64_t offset) {
  const auto limit = [](int64_t x, int64_t low, int64_t high) { return x < low ? low : x > high ? high : x; };
  const int64_t first = limit(-offset, 0, rows), full = limit(columns - offset - 1, first, rows);
  const auto ramp =
      static_cast<uint64_t>(full - first) * static_cast<uint64_t>(first + full + 1 + 2 * offset);
  return static_cast<int64_t>(ramp / 2) + (rows - full) * columns;
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    triangle_kernel(T* out, int64_t count, bool lower, int64_t rows, int64_t columns, int64_t offset) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  // Elements before row r.
  const auto before = [&](int64_t r) {
    return lower ? lower_total(r, columns, offset) : r * columns - lower_total(r, columns, offset - 1);
  };
  int64_t row = 0, end = rows;  // before(row) <= i < before(end)
  while (end - row > 1) {
    const int64_t middle = row + (end - row) / 2;
    if (before(middle) <= i)
      row = middle;
    else
      end = middle;
  }
  const int64_t skipped =
      lower ? 0 : lower_total(row + 1, columns, offset - 1) - lower_total(row, columns, offset - 1);
  out[i] = static_cast<T>(row);
  out[count + i] = static_cast<T>(skipped + i - before(row));
}

}  // namespace

void arange(void* out, int64_t n, DType dtype, int64_t start, int64_t step) {
  generate(out, n, dtype, IntRange{static_cast<uint64_t>(start), static_cast<uint64_t>(step)});
}
void arange(void* out, int64_t n, DType dtype, double start, double step) {
  generate(out, n, dtype, FloatRange{start, step});
}
void spaced(void* out, int64_t n, DType dtype, double start, double end, const double* base) {
  spaced_of<double>(out, n, dtype, start, end, base);
}
void spaced(void* out, int64_t n, DType dtype, complex128 start, complex128 end, const double* base) {
  using C = Complex<double>;
  spaced_of<C>(out, n, dtype, C(start.real(), start.imag()), C(end.real(), end.imag()), base);
}
void eye(void* out, int64_t rows, int64_t columns, DType dtype) {
  generate(out, rows * columns, dtype, Diagonal{columns + 1, rows < columns ? rows : columns});
}
void triangle_indices(void* out, int64_t count, DType dtype, bool lower, int64_t rows, int64_t columns,
                      int64_t offset) {
  const LaunchConfig config{static_cast<unsigned>(ceil_div(count, kThreads)), kThreads};
  if (dtype == DType::Int64)
    launch(triangle_kernel<int64_t>, config, static_cast<int64_t*>(out), count, lower, rows, columns, offset);
  else
    launch(triangle_kernel<int32_t>, config, static_cast<int32_t*>(out), count, lower, rows, columns, offset);
}

}  // namespace plait::cuda
