// Two ways: rows' losses, which read the logits forward (sums of exponentials about a running maximum) and
// again backward; or a loss with its gradient, whose blocks keep their rows in shared memory between the sums
// and the gradient, so that 2 x rows x classes elements move in all. Rows begin anywhere (a vocabulary of
// 50257): single elements stand before and behind whole vectors.
#include "cuda/kernels/cross_entropy.h"

#include "cuda/device/async_copy.cuh"
#include "cuda/device/fault.cuh"
#include "cuda/device/log_sum.cuh"
#include "cuda/device/reduce_kernel.cuh"
#include "cuda/device/row.cuh"

namespace plait::cuda {
namespace {

constexpr int kMostThreads = 448;   // 72 registers each in two blocks
constexpr int kMostWithGrad = 384;  // 84 registers each in two blocks
constexpr int kSmallThreads = 512;
constexpr int kInFlight = 4;  // vectors that a thread has asked for at a time
// Shorter rows are found in the cache when they are read again.
constexpr size_t kLeastKeptBytes = 16384;
constexpr size_t kStaticShared = 2048;  // what the kernels below have of it at most

template <class T>
struct Rows {
  using O = opmath_t<T>;
  const T* logits;
  const int64_t* target;
  const O *weight, *weight_sum;
  int64_t rows, classes, row_stride, ignore_index;
  O keep, spread;  // 1 - smoothing, smoothing / classes
  OpName op;
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
        op("cross_entropy"),
        fault(p.fault) {}

  __device__ __forceinline__ O weight_of(int64_t c) const { return weight ? weight[c] : O(1); }
  __device__ __forceinline__ O all_weights() const { return weight ? *weight_sum : static_cast<O>(classes); }
  // The class of a row; -1 where it does not count.
  __device__ __forceinline__ int64_t class_of(int64_t row) const {
    const int64_t c = target[row];
    if (c == ignore_index) return -1;
    if (c >= 0 && c < classes) return c;
    if (threadIdx.x == 0) report_target(fault, op, c, classes, row);
    return -1;
  }
};

// Where a row of n elements has its whole vectors: the first begins with element `head`.
template <class T>
struct RowVectors {
  static constexpr int W = kVectorWidth<T>;
  int64_t head, count;
  __device__ __forceinline__ RowVectors(const T* x, int64_t n) {
    const auto past = static_cast<int64_t>(reinterpret_cast<uintptr_t>(x) % (W * sizeof(T)) / sizeof(T));
    head = past ? W - past : 0;
    head = head < n ? head : n;
    count = (n - head) / W;
  }
};

// Calls chunk<full>(v) for each thread's vectors v + u * blockDim.x, u < kInFlight, all of which there are
// where `full`; and one(i) for the elements that are in no vector.
template <class T, class Chunk, class One>
__device__ __forceinline__ void over_row(const RowVectors<T>& in, int64_t n, const Chunk& chunk,
                                         const One& one) {
  const int64_t tail = in.head + in.count * in.W;
  for (int64_t i = threadIdx.x; i < in.head; i += blockDim.x) one(i);
  int64_t v = threadIdx.x;
  for (; v + (kInFlight - 1) * blockDim.x < in.count; v += kInFlight * blockDim.x)
    chunk.template operator()<true>(v);
  if (v < in.count) chunk.template operator()<false>(v);
  for (int64_t i = tail + threadIdx.x; i < n; i += blockDim.x) one(i);
}

// Where sums_of_row finds the whole vectors of a row: in global memory ...
template <class T>
struct RowInMemory {
  using V = Vector<T, kVectorWidth<T>>;
  const V* from;

  __device__ __forceinline__ void start(const V* vectors, int64_t) { from = vectors; }
  __device__ __forceinline__ void next(int64_t) {}
  __device__ __forceinline__ V read(int64_t v) const { return load_streaming(from + v); }
};
// ... or in shared memory (`kept`), where they stay. A thread has the vectors of kAhead turns on their way
// while it works on one: 256 bytes, which cost no registers. Nobody else reads them, so nobody waits.
template <class T>
struct RowInShared {
  using V = Vector<T, kVectorWidth<T>>;
  static constexpr int kAhead = 3;
  V* kept;
  const V* from;
  int64_t count;

  __device__ __forceinline__ void ask(int64_t v) const {
#pragma unroll
    for (int u = 0; u < kInFlight; ++u)
      if (v + u * blockDim.x < count) copy_async(kept + v + u * blockDim.x, from + v + u * blockDim.x, true);
    end_copy_group();
  }
  __device__ __forceinline__ void start(const V* vectors, int64_t n) {
    from = vectors, count = n;
#pragma unroll
    for (int turn = 0; turn < kAhead; ++turn) ask(threadIdx.x + turn * kInFlight * blockDim.x);
  }
  __device__ __forceinline__ void next(int64_t v) const {
    ask(v + kAhead * kInFlight * blockDim.x);
    wait_for_copy_groups<kAhead>();
  }
  __device__ __forceinline__ V read(int64_t v) const { return kept[v]; }
};

// A row's sum of exponentials and, for smoothing, the weighted sum of its logits; everybody's in the row's
// group.
template <class T>
struct RowSums {
  LogSum<T> exponentials;
  opmath_t<T> dot;
};
template <bool smooth, class T, class Source>
__device__ __forceinline__ RowSums<T> sums_of_row(const Rows<T>& p, const T* x, bool valid, Source source) {
  using O = opmath_t<T>;
  constexpr int W = kVectorWidth<T>;
  using V = Vector<T, W>;
  using SharedSums = RowGroup::Shared<LogSum<T>>;
  using SharedDots = RowGroup::Shared<O>;
  static_assert(sizeof(SharedSums) + sizeof(SharedDots) <= kStaticShared);
  __shared__ SharedSums shared;
  __shared__ SharedDots shared_dots;
  LogSum<T> sum = LogSum<T>::empty();
  O dot = 0;
  if (valid) {
    const RowVectors<T> in(x, p.classes);
    source.start(reinterpret_cast<const V*>(x + in.head), in.count);
    over_row(
        in, p.classes,
        [&]<bool full>(int64_t v) {
          source.next(v);
          V loaded[kInFlight];
          O values[kInFlight * W], most = -infinity<O>();
#pragma unroll
          for (int u = 0; u < kInFlight; ++u)
            if (full || v + u * blockDim.x < in.count) loaded[u] = source.read(v + u * blockDim.x);
#pragma unroll
          for (int u = 0; u < kInFlight; ++u) {
            const bool inside = full || v + u * blockDim.x < in.count;
#pragma unroll
            for (int k = 0; k < W; ++k) {
              const O value = inside ? to_op(loaded[u].at[k]) : -infinity<O>();
              values[u * W + k] = value;
              most = larger(most, value);
              if (smooth && inside)
                dot += p.weight_of(in.head + (v + u * static_cast<int64_t>(blockDim.x)) * W + k) * value;
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
  return {sum, dot};
}

// The loss of a row whose class is c (-1: 0), by its log-sum-exp z.
template <bool smooth, class T>
__device__ __forceinline__ opmath_t<T> loss_of(const Rows<T>& p, const T* x, int64_t c, opmath_t<T> z,
                                               opmath_t<T> dot) {
  using O = opmath_t<T>;
  if (c < 0) return O(0);
  const O w = p.weight_of(c), value = w == O(0) ? O(0) : w * (z - to_op(x[c]));
  return smooth ? p.keep * value + p.spread * (p.all_weights() * z - dot) : value;
}

// The gradient of a row whose class is c (-1: zeros), by that of its loss. `again(head, v)` is its v-th whole
// vector.
template <bool smooth, class T, class Again>
__device__ __forceinline__ void write_gradient(const Rows<T>& p, const T* x, int64_t c, opmath_t<T> upper,
                                               opmath_t<T> z, T* to, const Again& again) {
  using O = opmath_t<T>;
  constexpr int W = kVectorWidth<T>;
  using V = Vector<T, W>;
  const RowVectors<T> in(x, p.classes);
  // Vectors are written where the rows of both lie alike.
  const bool alike = reinterpret_cast<uintptr_t>(x) % 16 == reinterpret_cast<uintptr_t>(to) % 16;
  const auto store = [&](int64_t at, const V& out) {
    if (alike)
      store_streaming(reinterpret_cast<V*>(to + at), out);
    else
#pragma unroll
      for (int k = 0; k < W; ++k) to[at + k] = out.at[k];
  };
  if (c < 0) {  // whatever the logits are
    V zeros;
#pragma unroll
    for (int k = 0; k < W; ++k) zeros.at[k] = from_op<T>(O(0));
    for (int64_t v = threadIdx.x; v < in.count; v += blockDim.x) store(in.head + v * W, zeros);
    for (int64_t i = threadIdx.x; i < p.classes - in.count * W; i += blockDim.x)
      to[i < in.head ? i : i + in.count * W] = from_op<T>(O(0));
    return;
  }
  const O own = upper * p.keep * p.weight_of(c), even = smooth ? upper * p.spread : O(0),
          scale = smooth ? own + even * p.all_weights() : own;
  const auto derivative = [&](T logit, int64_t i) {
    const O d = scale * exp_about<T>(to_op(logit), z);
    return smooth ? d - even * p.weight_of(i) : d;
  };
  over_row(
      in, p.classes,
      [&]<bool full>(int64_t v) {
        V loaded[kInFlight];
#pragma unroll
        for (int u = 0; u < kInFlight; ++u)
          if (full || v + u * blockDim.x < in.count) loaded[u] = again(in.head, v + u * blockDim.x);
#pragma unroll
        for (int u = 0; u < kInFlight; ++u) {
          if (!full && v + u * blockDim.x >= in.count) continue;
          const int64_t at = in.head + (v + u * static_cast<int64_t>(blockDim.x)) * W;
          V out;
#pragma unroll
          for (int k = 0; k < W; ++k) out.at[k] = from_op<T>(derivative(loaded[u].at[k], at + k));
          store(at, out);
        }
      },
      [&](int64_t i) { to[i] = from_op<T>(derivative(x[i], i)); });
  // The class itself, by the thread that has written there.
  const int64_t past = c - in.head, writer = past < 0              ? c
                                             : past < in.count * W ? past / W
                                                                   : past - in.count * W;
  if (writer % blockDim.x == threadIdx.x) to[c] = from_op<T>(derivative(x[c], c) - own);
}

__device__ __forceinline__ int64_t row_of_thread() {
  return static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
}

// Two blocks a multiprocessor: while one waits for its first loads or reduces, the other's are in flight.
template <class T, bool smooth>
__global__ void __launch_bounds__(kMostThreads, sizeof(T) < 8 && !smooth ? 2 : 1)
    cross_entropy_rows(const Rows<T> p, opmath_t<T>* loss, opmath_t<T>* lse) {
  const int64_t row = row_of_thread();
  const bool valid = row < p.rows;
  const T* x = p.logits + row * p.row_stride;
  const RowSums<T> sums = sums_of_row<smooth>(p, x, valid, RowInMemory<T>{});
  if (!valid || threadIdx.x > 0) return;
  const auto z = sums.exponentials.log();
  lse[row] = z;
  loss[row] = loss_of<smooth>(p, x, p.class_of(row), z, sums.dot);
}

template <class T, bool smooth>
__global__ void __launch_bounds__(kMostThreads, 1)
    cross_entropy_rows_backward(const Rows<T> p, const opmath_t<T>* grad, const opmath_t<T>* lse, T* dx) {
  using V = Vector<T, kVectorWidth<T>>;
  const int64_t row = row_of_thread();
  if (row >= p.rows) return;
  const T* x = p.logits + row * p.row_stride;
  write_gradient<smooth>(
      p, x, p.class_of(row), grad[row], lse[row], dx + row * p.classes,
      [&](int64_t head, int64_t v) { return load_streaming(reinterpret_cast<const V*>(x + head) + v); });
}

// Blocks of twice the threads where one has a multiprocessor for itself; not of those that need registers.
template <class T, bool smooth>
constexpr int kMostAlone = sizeof(T) < 8 && !smooth ? 2 * kMostWithGrad : kMostWithGrad;

// Each thread finds in shared memory (`kept`) what it has copied there itself: no barrier between.
template <class T, bool smooth, bool kept>
__global__ void __launch_bounds__(kMostAlone<T, smooth>, 1)
    cross_entropy_with_grad(const Rows<T> p, const opmath_t<T>* divisor, opmath_t<T>* loss, T* dx) {
  using O = opmath_t<T>;
  using V = Vector<T, kVectorWidth<T>>;
  const int64_t row = row_of_thread();
  const bool valid = row < p.rows;
  const T* x = p.logits + row * p.row_stride;
  V* own = kept ? shared_memory<V>() : nullptr;
  RowSums<T> sums;
  if constexpr (kept)
    sums = sums_of_row<smooth>(p, x, valid, RowInShared<T>{own, nullptr, 0});
  else
    sums = sums_of_row<smooth>(p, x, valid, RowInMemory<T>{});
  if (!valid) return;
  const int64_t c = p.class_of(row);
  const O z = sums.exponentials.log(), upper = divisor ? O(1) / *divisor : O(1);
  if (threadIdx.x == 0) loss[row] = upper * loss_of<smooth>(p, x, c, z, sums.dot);
  write_gradient<smooth>(p, x, c, upper, z, dx + row * p.classes, [=](int64_t head, int64_t v) {
    return kept ? own[v] : reinterpret_cast<const V*>(x + head)[v];
  });
}

// The sum over a block of at most 1024 threads, whose blockDim.x divides a warp.
template <class V>
__device__ __forceinline__ V sum_of_block(V value) {
  __shared__ V sums[kWarp];
  const auto thread = static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x),
             warps = static_cast<int>(blockDim.x * blockDim.y) / kWarp;
  value = warp_all(value, kWarp, AddValues{});
  if (thread % kWarp == 0) sums[thread / kWarp] = value;
  __syncthreads();
  value = V{};
  for (int i = 0; i < warps; ++i) value += sums[i];
  __syncthreads();
  return value;
}

// A small problem in one launch: one block does it all, a warp or less a row.
template <class T, bool smooth, class Loss>
__global__ void __launch_bounds__(kSmallThreads, 1)
    cross_entropy_at_once(const Rows<T> p, bool mean, Loss* loss, T* dx) {
  using O = opmath_t<T>;
  using V = Vector<T, kVectorWidth<T>>;
  O divisor = 1;
  if (mean) {
    O weights = 0;
    for (int64_t row = threadIdx.y * blockDim.x + threadIdx.x; row < p.rows; row += blockDim.x * blockDim.y)
      if (const int64_t c = p.target[row]; c != p.ignore_index && c >= 0 && c < p.classes)
        weights += p.weight_of(c);
    divisor = sum_of_block(weights);
  }
  const O upper = O(1) / divisor;
  O total = 0;
  for (int64_t first = 0; first < p.rows; first += blockDim.y) {
    const int64_t row = first + threadIdx.y;
    const bool valid = row < p.rows;
    const T* x = p.logits + row * p.row_stride;
    const RowSums<T> sums = sums_of_row<smooth>(p, x, valid, RowInMemory<T>{});
    if (!valid) continue;  // lanes of a row go together
    const int64_t c = p.class_of(row);
    const O z = sums.exponentials.log();
    if (threadIdx.x == 0) total += upper * loss_of<smooth>(p, x, c, z, sums.dot);
    write_gradient<smooth>(p, x, c, upper, z, dx + row * p.classes,
                           [=](int64_t head, int64_t v) { return reinterpret_cast<const V*>(x + head)[v]; });
  }
  total = sum_of_block(total);
  if (threadIdx.x == 0 && threadIdx.y == 0) *loss = from_op<Loss>(total);
}

// The sum of the targets' weights.
template <class W>
struct TargetWeights {
  static constexpr bool kPair = false;
  using Element = int64_t;
  using Lane = double;
  using Acc = double;
  const W* weight;
  int64_t classes, ignore_index;

  __device__ Lane start(int64_t) const { return 0; }
  __device__ int64_t neutral() const { return ignore_index; }
  template <int N, class I>
  __device__ void add(Lane& lane, const int64_t (&target)[N], int, const I&) const {
#pragma unroll
    for (int i = 0; i < N; ++i)
      if (target[i] != ignore_index && target[i] >= 0 && target[i] < classes)
        lane += weight ? static_cast<double>(weight[target[i]]) : 1.0;
  }
  __device__ Acc lift(const Lane& lane, int64_t) const { return lane; }
  __device__ Acc merge(const Acc& a, const Acc& b) const { return a + b; }
  __device__ void store(const Acc& acc, int64_t at, char* const* out) const {
    reinterpret_cast<W*>(out[0])[at] = static_cast<W>(acc);
  }
};

// Threads of a row: about one for each 64 bytes, which it asks for at once; of long rows so many that the
// last turn has as much to do as the others.
RowShape shape_of(const CrossEntropyPlan& p, int64_t most) {
  const int64_t per_thread = kInFlight * 16 / itemsize(p.dtype);
  RowShape shape = row_shape(p.rows, p.classes, static_cast<int>(per_thread));
  if (shape.block.x > most) {
    const int64_t turns = ceil_div(p.classes, per_thread * most);
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
  const RowShape shape = shape_of(p, kMostThreads);
  with_float(p.dtype, [&]<class T>() {
    const auto kernel = p.smoothing > 0 ? cross_entropy_rows<T, true> : cross_entropy_rows<T, false>;
    launch(kernel, {dim3(shape.blocks), shape.block}, Rows<T>(p), static_cast<opmath_t<T>*>(loss),
           static_cast<opmath_t<T>*>(lse));
  });
}

void cross_entropy_backward(const CrossEntropyPlan& p, const void* grad, const void* lse, void* dx) {
  const RowShape shape = shape_of(p, kMostThreads);
  with_float(p.dtype, [&]<class T>() {
    const auto kernel =
        p.smoothing > 0 ? cross_entropy_rows_backward<T, true> : cross_entropy_rows_backward<T, false>;
    launch(kernel, {dim3(shape.blocks), shape.block}, Rows<T>(p), static_cast<const opmath_t<T>*>(grad),
           static_cast<const opmath_t<T>*>(lse), static_cast<T*>(dx));
  });
}

void target_weights(const CrossEntropyPlan& p, const ReducePlan& targets) {
  if (p.dtype == DType::Float64)
    run_reduction<ReduceVectors::Rows>(
        targets, TargetWeights<double>{static_cast<const double*>(p.weight), p.classes, p.ignore_index});
  else
    run_reduction<ReduceVectors::Rows>(
        targets, TargetWeights<float>{static_cast<const float*>(p.weight), p.classes, p.ignore_index});
}

void cross_entropy_with_grad(const CrossEntropyPlan& p, const void* divisor, void* loss, void* dx) {
  const size_t bytes = static_cast<size_t>(p.classes * itemsize(p.dtype) / 16 * 16);
  const size_t most = properties().shared_memory_per_block_optin - kStaticShared;
  const bool kept = bytes >= kLeastKeptBytes && bytes <= most;
  // A block that has a multiprocessor for itself has twice the threads. A multiprocessor has what a block may
  // ask for and 1 KB, which each block takes away.
  const bool alone = kept && 2 * (bytes + kStaticShared + 1024) > most + kStaticShared + 1024;
  with_float(p.dtype, [&]<class T>() {
    const auto run = [&]<bool smooth, bool keep>() {
      const RowShape shape = shape_of(p, alone ? kMostAlone<T, smooth> : kMostWithGrad);
      constexpr auto kernel = cross_entropy_with_grad<T, smooth, keep>;
      if (keep) allow_shared<kernel>(most);
      launch(kernel, {dim3(shape.blocks), shape.block, keep ? bytes : 0}, Rows<T>(p),
             static_cast<const opmath_t<T>*>(divisor), static_cast<opmath_t<T>*>(loss), static_cast<T*>(dx));
    };
    if (p.smoothing > 0)
      kept ? run.template operator()<true, true>() : run.template operator()<true, false>();
    else
      kept ? run.template operator()<false, true>() : run.template operator()<false, false>();
  });
}

bool is_small_cross_entropy(const CrossEntropyPlan& p) {
  return p.rows > 0 && p.classes > 0 && p.classes <= 1024 && p.rows * p.classes <= 16384;
}

void small_cross_entropy_with_grad(const CrossEntropyPlan& p, bool mean, bool wide, void* loss, void* dx) {
  const int64_t per_thread = kInFlight * 16 / itemsize(p.dtype);
  dim3 block(1);
  while (block.x < kWarp && block.x * per_thread < p.classes) block.x *= 2;
  block.y = kSmallThreads / block.x;
  while (block.y > kWarp / block.x && block.y / 2 >= p.rows) block.y /= 2;
  with_float(p.dtype, [&]<class T>() {
    const auto run = [&]<class Loss>() {
      const auto kernel =
          p.smoothing > 0 ? cross_entropy_at_once<T, true, Loss> : cross_entropy_at_once<T, false, Loss>;
      launch(kernel, {dim3(1), block}, Rows<T>(p), mean, static_cast<Loss*>(loss), static_cast<T*>(dx));
    };
    wide ? run.template operator()<opmath_t<T>>() : run.template operator()<T>();
  });
}

}  // namespace plait::cuda
