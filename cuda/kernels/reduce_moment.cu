// Means and variances, Euclidean norms, log-sum-exps.
#include "cuda/device/log_sum.cuh"
#include "cuda/device/reduce_kernel.cuh"
#include "cuda/kernels/reduce.h"

namespace plait::cuda {
namespace {

// What is known of a set of numbers; sets are joined by the formula of Chan, Golub and LeVeque ("Updating
// formulae and a pairwise algorithm for computing sample variances", 1979).
struct Moments {
  double count, mean, squares;  // sum of squared deviations from the mean
};

// A thread adds up distances to a pivot, and their squares: 4 instructions an element, of the 13 for which 2
// bytes leave time. The pivot is the first chunk's mean, and whenever the count passes a power of 2 the mean
// of all before. So what is lost where numbers lie far from the pivot is small next to what their distance
// adds to the variance, and large means cost no digits.
template <class T>
struct MomentsOf {
  static constexpr bool kPair = false;
  using Element = T;
  using O = opmath_t<T>;
  struct Lane {
    O pivot, sum, squares;
    uint32_t count;
  };
  using Acc = Moments;
  ReduceParams params;

  __device__ Lane start(int64_t) const { return {0, 0, 0, 0}; }
  __device__ T neutral() const { return from_op<T>(O(0)); }
  __device__ O map(T x) const { return to_op(x); }
  __device__ O step(O a, O b) const { return a + b; }
  template <int N, class I>
  __device__ void add(Lane& lane, const T (&x)[N], int valid, const I&) const {
    if (lane.count == 0) set_pivot(lane, x, valid);
    if (valid == N)
      join<true>(lane, x, N);
    else
      join<false>(lane, x, valid);
    const uint32_t before = lane.count;
    lane.count += valid;
    if (passes_power(before, lane.count)) move_pivot(lane, lane.count);
  }
  // Neighbouring columns have the same counts: what follows from these is found once for all.
  template <int N, int W>
  __device__ void add_columns(Lane (&lanes)[W], const Vector<T, W> (&rows)[N], int valid) const {
    const auto each = [&](const auto& run) {
#pragma unroll
      for (int c = 0; c < W; ++c) {
        T x[N];
#pragma unroll
        for (int i = 0; i < N; ++i) x[i] = rows[i].at[c];
        run(lanes[c], x);
      }
    };
    const uint32_t before = lanes[0].count, count = before + valid;
    if (before == 0) each([&](Lane& lane, const T(&x)[N]) { set_pivot(lane, x, valid); });
    if (valid == N)
      each([&](Lane& lane, const T(&x)[N]) { join<true>(lane, x, N); });
    else
      each([&](Lane& lane, const T(&x)[N]) { join<false>(lane, x, valid); });
    if (passes_power(before, count)) each([&](Lane& lane, const T(&)[N]) { move_pivot(lane, count); });
#pragma unroll
    for (int c = 0; c < W; ++c) lanes[c].count = count;
  }
  // Is a power of 2 above `before`, and not above `after`?
  static __device__ __forceinline__ bool passes_power(uint32_t before, uint32_t after) {
    return (before ^ after) > before;
  }
  static __device__ __forceinline__ bool is_finite(O x) { return math::fabs(x) < math::infinity<O>(); }
  template <int N>
  __device__ __forceinline__ void set_pivot(Lane& lane, const T (&x)[N], int valid) const {
    const O mean = fold_chunk(*this, x) / static_cast<O>(valid);
    lane.pivot = is_finite(mean) ? mean : O(0);
  }
  template <bool Full, int N>
  __device__ __forceinline__ void join(Lane& lane, const T (&x)[N], int valid) const {
    O d[N], part[N];
#pragma unroll
    for (int i = 0; i < N; ++i) part[i] = d[i] = Full || i < valid ? to_op(x[i]) - lane.pivot : O(0);
    fold<N>(*this, part);
    lane.sum += part[0];
#pragma unroll
    for (int i = 0; i < N; ++i) part[i] = d[i] * d[i];
    fold<N>(*this, part);
    lane.squares += part[0];
  }
  // Infinities and NaN stay in the sum.
  static __device__ __forceinline__ void move_pivot(Lane& lane, uint32_t count) {
    const O n = static_cast<O>(count), pivot = lane.pivot + lane.sum / n, by = pivot - lane.pivot;
    if (!is_finite(by)) return;
    lane.pivot = pivot;
    lane.squares += by * math::fma(n, by, O(-2) * lane.sum);
    lane.sum = math::fma(-n, by, lane.sum);
  }
  __device__ Acc lift(const Lane& lane, int64_t) const {
    const auto count = static_cast<double>(lane.count), mean = static_cast<double>(lane.sum) / count;
    const double squares = math::fma(-mean, static_cast<double>(lane.sum), static_cast<double>(lane.squares));
    return {count, static_cast<double>(lane.pivot) + mean, squares < 0 ? 0 : squares};
  }
  __device__ Acc merge(const Acc& a, const Acc& b) const {
    if (b.count == 0) return a;
    if (a.count == 0) return b;
    const double count = a.count + b.count, delta = b.mean - a.mean;
    return {count, (a.mean * a.count + b.mean * b.count) / count,
            a.squares + b.squares + delta * delta * (a.count * b.count / count)};
  }
  __device__ void store(const Acc& acc, int64_t at, char* const* out) const {
    if (out[0]) {
      double value = acc.squares / params.divisor;  // 0 / 0: NaN
      if (params.root) value = sqrt(value);
      if (params.reciprocal) value = 1 / sqrt(value + params.eps);
      put(value, at, out[0]);
    }
    if (out[1]) put(acc.count == 0 ? not_a_number<double>() : acc.mean, at, out[1]);
  }
  __device__ void put(double value, int64_t at, char* out) const {
    if (params.wide)
      reinterpret_cast<O*>(out)[at] = static_cast<O>(value);
    else
      reinterpret_cast<T*>(out)[at] = from_op<T>(static_cast<O>(value));
  }
};

// Squares are formed and added in double: those of floats neither overflow nor vanish. Those of Half cannot.
template <class T>
struct RootOfSquares {
  static constexpr bool kPair = false;
  using Element = T;
  using Lane = std::conditional_t<std::is_same_v<T, Half>, float, double>;
  using Acc = double;

  __device__ Lane start(int64_t) const { return 0; }
  __device__ T neutral() const { return from_op<T>(opmath_t<T>(0)); }
  __device__ Lane map(T x) const {
    const auto value = static_cast<Lane>(to_op(x));
    return value * value;
  }
  __device__ Lane step(Lane a, Lane b) const { return a + b; }
  template <int N, class I>
  __device__ void add(Lane& lane, const T (&x)[N], int, const I&) const {
    lane += fold_chunk(*this, x);
  }
  __device__ Acc lift(const Lane& lane, int64_t) const { return lane; }
  __device__ Acc merge(const Acc& a, const Acc& b) const { return a + b; }
  __device__ void store(const Acc& acc, int64_t at, char* const* out) const {
    reinterpret_cast<T*>(out[0])[at] = from_op<T>(static_cast<opmath_t<T>>(sqrt(acc)));
  }
};

template <class T>
struct LogSumExpOf {
  static constexpr bool kPair = false;
  using Element = T;
  using O = opmath_t<T>;
  using Lane = LogSum<T>;
  using Acc = LogSum<T>;

  __device__ Lane start(int64_t) const { return Lane::empty(); }
  __device__ T neutral() const { return from_op<T>(-infinity<O>()); }
  __device__ O map(T x) const { return to_op(x); }
  __device__ O step(O a, O b) const { return a > b ? a : b; }
  template <int N, class I>
  __device__ void add(Lane& lane, const T (&x)[N], int, const I&) const {
    O values[N];
#pragma unroll
    for (int i = 0; i < N; ++i) values[i] = to_op(x[i]);
    lane.add(values, fold_chunk(*this, x));
  }
  __device__ Acc lift(const Lane& lane, int64_t) const { return lane; }
  __device__ Acc merge(const Acc& a, const Acc& b) const { return JoinLogSums<T>()(a, b); }
  __device__ void store(const Acc& acc, int64_t at, char* const* out) const {
    reinterpret_cast<T*>(out[0])[at] = from_op<T>(acc.log());
  }
};

template <class T>
void moments(const ReducePlan& plan) {
  run_reduction<ReduceVectors::Both>(plan, MomentsOf<T>{plan.params});
}
template <class T>
void root_of_squares(const ReducePlan& plan) {
  run_reduction<ReduceVectors::Both>(plan, RootOfSquares<T>{});
}
template <class T>
void log_sum_exp(const ReducePlan& plan) {
  run_reduction<ReduceVectors::Rows>(plan, LogSumExpOf<T>{});
}

}  // namespace

Reducer detail::moment_reducer(ReduceOp function, DType dtype) {
  return visit(dtype, [&]<class T>() -> Reducer {
    if constexpr (is_floating(dtype_of<T>)) {
      if (function == ReduceOp::Moments) return &moments<T>;
      if (function == ReduceOp::NormTwo) return &root_of_squares<T>;
      if (function == ReduceOp::LogSumExp) return &log_sum_exp<T>;
    }
    return nullptr;
  });
}

}  // namespace plait::cuda
