// The logits are read once forward (sums of exponentials about a running maximum) and once backward, where
// the gradient is written in the same pass: 3 x rows x classes elements move in all. Rows begin anywhere (a
// vocabulary of 50257): single elements stand before and behind whole vectors.
#include "cuda/kernels/cross_entropy.h"

#include "cuda/device/fault.cuh"
#include "cuda/device/log_sum.cuh"
#include "cuda/device/row.cuh"

namespace plait::cuda {
namespace {

constexpr int kMostThreads = 448;  // 72 registers each in two blocks
constexpr int kInFlight = 4;       // vectors that a thread has asked for at a time

template <class T>
struct Rows {
  using O = opmath_t<T>;
  const T* logits;
  const int64_t* target;
  const O *weight, *weight_sum;
  int64_t rows, classes, row_stride, ignore_index;
  O keep, spread;  // 1 - smoothing, smoothing / classes
  Fault* fault;

  explicit Rows(const CrossEntropyPlan& p)
      : logits(static_cast<const T*>(p.logits)),
        target(p.target),
        weight(static_cast<const O*>(p.weight)),
        weight_sum(static_cast<const O*>(p.weight_sum)),
        rows(p.rows),
        classes(p.classes),
        row_stride(p.row_stride),
        ignore_index(p.ignore_index),
        keep(static_cast<O>(1 - p.smoothing)),
        spread(static_cast<O>(p.classes > 0 ? p.smoothing / static_cast<double>(p.classes) : 0)),
        fault(p.fault) {}

  __device__ __forceinline__ O weight_of(int64_t c) const { return weight ? weight[c] : O(1); }
  __device__ __forceinline__ O all_weights() const { return weight ? *weight_sum : static_cast<O>(classes); }
  // The class of a row; -1 where it does not count.
  __device__ __forceinline__ int64_t class_of(int64_t row) const {
    const int64_t c = target[row];
    if (c == ignore_index) return -1;
    if (c >= 0 && c < classes) return c;
    if (threadIdx.x == 0) report_target(fault, "cross_entropy", c, classes, row);
    return -1;
  }
};

// Whole vectors of a row from `head` on, kInFlight at a time, and the elements that are not in one.
template <class T, class Chunk, class One>
__device__ __forceinline__ void over_row(const T* x, int64_t n, const Chunk& chunk, const One& one) {
  constexpr int W = kVectorWidth<T>;
  const auto past = static_cast<int64_t>(reinterpret_cast<uintptr_t>(x) % (W * sizeof(T)) / sizeof(T));
  int64_t head = past ? W - past : 0;
  head = head < n ? head : n;
  const int64_t vectors = (n - head) / W, tail = head + vectors * W;
  for (int64_t i = threadIdx.x; i < head; i += blockDim.x) one(i);
  for (int64_t v = threadIdx.x; v < vectors; v += kInFlight * blockDim.x) chunk(head, v, vectors);
  for (int64_t i = tail + threadIdx.x; i < n; i += blockDim.x) one(i);
}

// Two blocks a multiprocessor: while one waits for its first loads or reduces, the other's are in flight.
template <class T, bool smooth>
__global__ void __launch_bounds__(kMostThreads, sizeof(T) < 8 && !smooth ? 2 : 1)
    cross_entropy_rows(const Rows<T> p, T* loss, opmath_t<T>* lse) {
  using O = opmath_t<T>;
  constexpr int W = kVectorWidth<T>;
  using V = Vector<T, W>;
  __shared__ typename RowGroup::Shared<LogSum<T>> shared;
  __shared__ typename RowGroup::Shared<O> shared_dots;
  const int64_t row = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  const bool valid = row < p.rows;
  const T* x = p.logits + row * p.row_stride;
  LogSum<T> sum = LogSum<T>::empty();
  O dot = 0;  // the weighted sum of the logits, for smoothing
  if (valid) {
    over_row(
        x, p.classes,
        [&](int64_t head, int64_t v, int64_t vectors) {
          V loaded[kInFlight];
          O values[kInFlight * W], most = -infinity<O>();
#pragma unroll
          for (int u = 0; u < kInFlight; ++u)
            if (v + u * blockDim.x < vectors)
              loaded[u] = load_streaming(reinterpret_cast<const V*>(x + head) + v + u * blockDim.x);
#pragma unroll
          for (int u = 0; u < kInFlight; ++u) {
            const bool inside = v + u * blockDim.x < vectors;
#pragma unroll
            for (int k = 0; k < W; ++k) {
              const O value = inside ? to_op(loaded[u].at[k]) : -infinity<O>();
              values[u * W + k] = value;
              most = larger(most, value);
              if (smooth && inside)
                dot += p.weight_of(head + (v + u * static_cast<int64_t>(blockDim.x)) * W + k) * value;
            }
          }
          sum.add(values, most);
        },
        [&](int64_t i) {
          const O value[1] = {to_op(x[i])};
          sum.add(value, value[0]);
          if (smooth) dot += p.weight_of(i) * value[0];
        });
  }
  sum = RowGroup::all(sum, shared, 0, JoinLogSums<T>{});
  if constexpr (smooth) dot = RowGroup::all(dot, shared_dots, 0, AddValues{});
  if (!valid || threadIdx.x > 0) return;
  const O z = sum.log();
  lse[row] = z;
  O value = 0;
  if (const int64_t c = p.class_of(row); c >= 0) {
    const O w = p.weight_of(c);
    value = w == O(0) ? O(0) : w * (z - to_op(x[c]));
    if (smooth) value = p.keep * value + p.spread * (p.all_weights() * z - dot);
  }
  loss[row] = from_op<T>(value);
}

template <class T>
__global__ void __launch_bounds__(kMostThreads)
    cross_entropy_rows_backward(const Rows<T> p, const T* grad, const opmath_t<T>* lse, T* dx) {
  using O = opmath_t<T>;
  constexpr int W = kVectorWidth<T>;
  using V = Vector<T, W>;
  const int64_t row = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  if (row >= p.rows) return;
  const T* x = p.logits + row * p.row_stride;
  T* to = dx + row * p.classes;
  const int64_t c = p.class_of(row);
  const O upper = c < 0 ? O(0) : to_op(grad[row]), z = lse[row];
  const O own = c < 0 ? O(0) : upper * p.keep * p.weight_of(c), even = upper * p.spread;
  const O scale = c < 0 ? O(0) : own + even * p.all_weights();
  const auto derivative = [&](T logit, int64_t i) {
    if (c < 0) return from_op<T>(O(0));  // whatever the logits are
    O d = scale * exp_about<T>(to_op(logit), z);
    if (i == c) d -= own;
    if (even != O(0)) d -= even * p.weight_of(i);
    return from_op<T>(d);
  };
  // Vectors are written where the rows of both lie alike.
  const bool alike = reinterpret_cast<uintptr_t>(x) % 16 == reinterpret_cast<uintptr_t>(to) % 16;
  over_row(
      x, p.classes,
      [&](int64_t head, int64_t v, int64_t vectors) {
        V loaded[kInFlight];
#pragma unroll
        for (int u = 0; u < kInFlight; ++u)
          if (c >= 0 && v + u * blockDim.x < vectors)
            loaded[u] = load_streaming(reinterpret_cast<const V*>(x + head) + v + u * blockDim.x);
#pragma unroll
        for (int u = 0; u < kInFlight; ++u) {
          if (v + u * blockDim.x >= vectors) continue;
          const int64_t at = head + (v + u * static_cast<int64_t>(blockDim.x)) * W;
          V out;
#pragma unroll
          for (int k = 0; k < W; ++k) out.at[k] = derivative(loaded[u].at[k], at + k);
          if (alike)
            store_streaming(reinterpret_cast<V*>(to + at), out);
          else
#pragma unroll
            for (int k = 0; k < W; ++k) to[at + k] = out.at[k];
        }
      },
      [&](int64_t i) { to[i] = derivative(x[i], i); });
}

// Threads of a row: about one for each 64 bytes, which it asks for at once; of long rows so many that the
// last turn has as much to do as the others.
RowShape shape_of(const CrossEntropyPlan& p) {
  const int64_t per_thread = kInFlight * 16 / itemsize(p.dtype);
  RowShape shape = row_shape(p.rows, p.classes, static_cast<int>(per_thread));
  if (shape.block.x > kMostThreads) {
    const int64_t turns = ceil_div(p.classes, per_thread * kMostThreads);
    shape.block.x = static_cast<unsigned>(ceil_div(p.classes, per_thread * turns * kWarp) * kWarp);
  }
  return shape;
}

template <class F>
void with_float(DType dtype, const F& f) {
  switch (dtype) {
    case DType::Float16: return f.template operator()<Half>();
    case DType::BFloat16: return f.template operator()<BFloat16>();
    case DType::Float32: return f.template operator()<float>();
    default: return f.template operator()<double>();
  }
}

}  // namespace

void cross_entropy(const CrossEntropyPlan& p, void* loss, void* lse) {
  const RowShape shape = shape_of(p);
  with_float(p.dtype, [&]<class T>() {
    const auto kernel = p.smoothing > 0 ? cross_entropy_rows<T, true> : cross_entropy_rows<T, false>;
    launch(kernel, {dim3(shape.blocks), shape.block}, Rows<T>(p), static_cast<T*>(loss),
           static_cast<opmath_t<T>*>(lse));
  });
}

void cross_entropy_backward(const CrossEntropyPlan& p, const void* grad, const void* lse, void* dx) {
  const RowShape shape = shape_of(p);
  with_float(p.dtype, [&]<class T>() {
    launch(cross_entropy_rows_backward<T>, {dim3(shape.blocks), shape.block}, Rows<T>(p),
           static_cast<const T*>(grad), static_cast<const opmath_t<T>*>(lse), static_cast<T*>(dx));
  });
}

}  // namespace plait::cuda
