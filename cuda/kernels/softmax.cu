// Rows of up to 32,768 elements stay in registers: x is read once and y written once. Longer ones are read
// twice, the second time mostly from L2, which holds the rows that are being worked on (132 blocks of some
// 100 KB). Along other dimensions than the last each thread has a column, and neighbours have neighbours.
#include "cuda/kernels/softmax.h"

#include "cuda/device/row.cuh"
#include "cuda/device/row_math.cuh"

namespace plait::cuda {
namespace {

// The largest so far and the sum of exponentials relative to it.
template <class T>
struct Running {
  using O = opmath_t<T>;
  O top, sum;

  __device__ static Running nothing_yet() { return {-infinity<O>(), O(0)}; }
  // A row of -inf alone gives NaN in the end, as exp(-inf - -inf) does.
  __device__ O scaled(O to) const { return sum == O(0) ? O(0) : sum * exp_of<T>(top - to); }
  __device__ void add(O x) {
    const O next = x > top ? x : top;
    sum = scaled(next) + (next == -infinity<O>() ? O(0) : exp_of<T>(x - next));
    top = next;
  }
};
template <class T>
struct JoinRunning {
  __device__ Running<T> operator()(const Running<T>& a, const Running<T>& b) const {
    const auto top = b.top > a.top ? b.top : a.top;
    return {top, a.scaled(top) + b.scaled(top)};
  }
  __device__ Running<T> nothing(const Running<T>&) const { return Running<T>::nothing_yet(); }
};

template <class T, int W, int E>
__global__ void __launch_bounds__(1024)
    softmax_rows(const T* x, T* y, int64_t rows, int n, int64_t stride, bool log) {
  using O = opmath_t<T>;
  __shared__ typename RowGroup::Shared<O> shared;
  const int64_t row = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  const bool valid = row < rows;
  RowTile<T, W, E> tile;
  tile.load(x + row * stride, valid ? n : 0, -infinity<O>());
  O top = tile.at[0];
#pragma unroll
  for (int i = 1; i < E; ++i) top = tile.at[i] > top ? tile.at[i] : top;
  top = RowGroup::all(top, shared, 0, MaxValues{});
  O sum = 0;
  if (log) {
#pragma unroll
    for (int i = 0; i < E; ++i) {
      tile.at[i] -= top;
      sum += exp_of<T>(tile.at[i]);
    }
  } else {
#pragma unroll
    for (int i = 0; i < E; ++i) {
      tile.at[i] = exp_about<T>(tile.at[i], top);
      sum += tile.at[i];
    }
  }
  sum = RowGroup::all(sum, shared, 1, AddValues{});
  if (log) {
    // In two steps: top + log(sum) would round away what is small beside `top`.
    const O shift = log_of(sum);
#pragma unroll
    for (int i = 0; i < E; ++i) tile.at[i] -= shift;
  } else {
    const O scale = O(1) / sum;
#pragma unroll
    for (int i = 0; i < E; ++i) tile.at[i] *= scale;
  }
  tile.store(y + row * n, valid ? n : 0);
}

template <class T, int W, int E>
__global__ void __launch_bounds__(1024)
    softmax_rows_backward(const T* g, const T* y, T* dx, int64_t rows, int n, bool log) {
  using O = opmath_t<T>;
  __shared__ typename RowGroup::Shared<O> shared;
  const int64_t row = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  const int count = row < rows ? n : 0;
  RowTile<T, W, E> grad, out;
  grad.load(g + row * n, count, O(0));
  out.load(y + row * n, count, O(0));
  O sum = 0;
#pragma unroll
  for (int i = 0; i < E; ++i) sum += log ? grad.at[i] : grad.at[i] * out.at[i];
  sum = RowGroup::all(sum, shared, 0, AddValues{});
#pragma unroll
  for (int i = 0; i < E; ++i)
    grad.at[i] = log ? grad.at[i] - exp_of<T>(out.at[i]) * sum : out.at[i] * (grad.at[i] - sum);
  grad.store(dx + row * n, count);
}

// ---- rows that no register file holds: a block each, in two passes

constexpr int kLongThreads = 512;

// Calls f(i, vectors) for the vectors from element i on of several rows that lie alike. A thread asks for 64
// bytes (rows without vectors: 16 or more) before it computes.
template <class T, int W, bool Streaming, int Rows, class F>
__device__ __forceinline__ void over_vectors(const T* const (&rows)[Rows], int64_t n, const F& f) {
  using V = Vector<T, W>;
  constexpr int kAtOnce = (W == 1 ? 8 : 4) / Rows;
  const int64_t step = static_cast<int64_t>(blockDim.x) * W;
  for (int64_t i = static_cast<int64_t>(threadIdx.x) * W; i < n; i += kAtOnce * step) {
    V loaded[kAtOnce][Rows];
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u)
#pragma unroll
      for (int r = 0; r < Rows; ++r)
        if (i + u * step < n) {
          const V* from = reinterpret_cast<const V*>(rows[r] + i + u * step);
          if constexpr (Streaming)
            loaded[u][r] = load_streaming(from);
          else
            loaded[u][r] = *from;
        }
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u)
      if (i + u * step < n) f(i + u * step, loaded[u]);
  }
}

template <class T, int W>
__global__ void __launch_bounds__(kLongThreads)
    softmax_long_rows(const T* x, T* y, int64_t n, int64_t stride, bool log) {
  using O = opmath_t<T>;
  using V = Vector<T, W>;
  __shared__ typename RowGroup::Shared<Running<T>> shared;
  const int64_t row = blockIdx.x;
  const T* const rows[] = {x + row * stride};
  y += row * n;
  Running<T> all = Running<T>::nothing_yet();
  over_vectors<T, W, false>(rows, n, [&](int64_t, const V(&v)[1]) {
    O top = all.top;
#pragma unroll
    for (int k = 0; k < W; ++k) top = to_op(v[0].at[k]) > top ? to_op(v[0].at[k]) : top;
    O sum = 0;
    if (top != -infinity<O>())
#pragma unroll
      for (int k = 0; k < W; ++k) sum += exp_about<T>(to_op(v[0].at[k]), top);
    else  // NaN counts
#pragma unroll
      for (int k = 0; k < W; ++k) sum += to_op(v[0].at[k]) == -infinity<O>() ? O(0) : to_op(v[0].at[k]);
    all = {top, all.scaled(top) + sum};
  });
  all = RowGroup::all(all, shared, 0, JoinRunning<T>{});
  const O top = all.top, scale = O(1) / all.sum, shift = log_of(all.sum);
  over_vectors<T, W, true>(rows, n, [&](int64_t i, const V(&v)[1]) {
    V out;
#pragma unroll
    for (int k = 0; k < W; ++k) {
      const O centred = to_op(v[0].at[k]) - top;
      out.at[k] = from_op<T>(log ? centred - shift : exp_of<T>(centred) * scale);
    }
    store_streaming(reinterpret_cast<V*>(y + i), out);
  });
}

template <class T, int W>
__global__ void __launch_bounds__(kLongThreads)
    softmax_long_rows_backward(const T* g, const T* y, T* dx, int64_t n, bool log) {
  using O = opmath_t<T>;
  using V = Vector<T, W>;
  __shared__ typename RowGroup::Shared<O> shared;
  const int64_t at = static_cast<int64_t>(blockIdx.x) * n;
  const T* const rows[] = {g + at, y + at};
  O sum = 0;
  if (log) {
    const T* const grads[] = {g + at};
    over_vectors<T, W, false>(grads, n, [&](int64_t, const V(&v)[1]) {
      O part = 0;
#pragma unroll
      for (int k = 0; k < W; ++k) part += to_op(v[0].at[k]);
      sum += part;
    });
  } else {
    over_vectors<T, W, false>(rows, n, [&](int64_t, const V(&v)[2]) {
      O part = 0;
#pragma unroll
      for (int k = 0; k < W; ++k) part += to_op(v[0].at[k]) * to_op(v[1].at[k]);
      sum += part;
    });
  }
  sum = RowGroup::all(sum, shared, 0, AddValues{});
  over_vectors<T, W, true>(rows, n, [&](int64_t i, const V(&v)[2]) {
    V to;
#pragma unroll
    for (int k = 0; k < W; ++k) {
      const O a = to_op(v[0].at[k]), b = to_op(v[1].at[k]);
      to.at[k] = from_op<T>(log ? a - exp_of<T>(b) * sum : b * (a - sum));
    }
    store_streaming(reinterpret_cast<V*>(dx + at + i), to);
  });
}

// ---- columns

constexpr int kColumnThreads = 128;

// Calls f(offset, values) down a column of several tensors. Its loads stand before the first use, which the
// compiler would not see to where f writes.
template <class T, int Tensors, class F>
__device__ __forceinline__ void over_column(const T* const (&x)[Tensors], int64_t n, int64_t inner,
                                            const F& f) {
  using O = opmath_t<T>;
  constexpr int kAtOnce = 8 / Tensors;
  for (int64_t i = 0; i < n; i += kAtOnce) {
    T loaded[kAtOnce][Tensors];
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u)
#pragma unroll
      for (int t = 0; t < Tensors; ++t)
        if (i + u < n) loaded[u][t] = x[t][(i + u) * inner];
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u) {
      if (i + u >= n) break;
      O values[Tensors];
#pragma unroll
      for (int t = 0; t < Tensors; ++t) values[t] = to_op(loaded[u][t]);
      f((i + u) * inner, values);
    }
  }
}

template <class T>
__global__ void __launch_bounds__(kColumnThreads)
    softmax_columns(const T* x, T* y, int64_t columns, int64_t n, int64_t inner, bool log) {
  using O = opmath_t<T>;
  const int64_t column = static_cast<int64_t>(blockIdx.x) * kColumnThreads + threadIdx.x;
  if (column >= columns) return;
  const int64_t at = column / inner * n * inner + column % inner;
  const T* const from[] = {x + at};
  y += at;
  Running<T> all = Running<T>::nothing_yet();
  over_column(from, n, inner, [&](int64_t, const O(&value)[1]) { all.add(value[0]); });
  const O scale = O(1) / all.sum, shift = log_of(all.sum);
  over_column(from, n, inner, [&](int64_t i, const O(&value)[1]) {
    const O centred = value[0] - all.top;
    y[i] = from_op<T>(log ? centred - shift : exp_of<T>(centred) * scale);
  });
}

template <class T>
__global__ void __launch_bounds__(kColumnThreads)
    softmax_columns_backward(const T* g, const T* y, T* dx, int64_t columns, int64_t n, int64_t inner,
                             bool log) {
  using O = opmath_t<T>;
  const int64_t column = static_cast<int64_t>(blockIdx.x) * kColumnThreads + threadIdx.x;
  if (column >= columns) return;
  const int64_t at = column / inner * n * inner + column % inner;
  const T* const from[] = {g + at, y + at};
  dx += at;
  O sum = 0;
  over_column(from, n, inner, [&](int64_t, const O(&v)[2]) { sum += log ? v[0] : v[0] * v[1]; });
  over_column(from, n, inner, [&](int64_t i, const O(&v)[2]) {
    dx[i] = from_op<T>(log ? v[0] - exp_of<T>(v[1]) * sum : v[1] * (v[0] - sum));
  });
}

// ---- launching

template <int E, class... P, class... A>
void launch_rows(void (*kernel)(P...), int64_t rows, int64_t n, A... args) {
  const RowShape shape = row_shape(rows, n, E);
  launch(kernel, {dim3(shape.blocks), shape.block}, args...);
}

// Elements of a row that a thread holds at most; with 1024 threads there are 64 registers for each.
template <class T, int W>
constexpr int kWidest = W == 1 || std::is_same_v<T, double> ? 16 : 32;

template <class T, int W>
void forward_rows(const SoftmaxPlan& p, const T* x, int64_t stride, T* y) {
  const int n = static_cast<int>(p.n);
  constexpr int E = kWidest<T, W>;
  if (p.n <= 8 * kWarp)
    launch_rows<8>(softmax_rows<T, W, 8>, p.outer, p.n, x, y, p.outer, n, stride, p.log);
  else if (p.n <= E * 1024)
    launch_rows<E>(softmax_rows<T, W, E>, p.outer, p.n, x, y, p.outer, n, stride, p.log);
  else
    launch(softmax_long_rows<T, W>, {dim3(static_cast<unsigned>(p.outer)), dim3(kLongThreads)}, x, y, p.n,
           stride, p.log);
}
template <class T, int W>
void backward_rows(const SoftmaxPlan& p, const T* g, const T* y, T* dx) {
  const int n = static_cast<int>(p.n);
  constexpr int E = kWidest<T, kVectorWidth<T>> / 2;  // of two tensors
  if (p.n <= 8 * kWarp)
    launch_rows<8>(softmax_rows_backward<T, W, 8>, p.outer, p.n, g, y, dx, p.outer, n, p.log);
  else if (p.n <= E * 1024)
    launch_rows<E>(softmax_rows_backward<T, W, E>, p.outer, p.n, g, y, dx, p.outer, n, p.log);
  else
    launch(softmax_long_rows_backward<T, W>, {dim3(static_cast<unsigned>(p.outer)), dim3(kLongThreads)}, g, y,
           dx, p.n, p.log);
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

void softmax(const SoftmaxPlan& p, const void* from, int64_t row_stride, void* to) {
  with_float(p.dtype, [&]<class T>() {
    const auto* x = static_cast<const T*>(from);
    auto* y = static_cast<T*>(to);
    if (p.inner > 1) {
      const int64_t columns = p.outer * p.inner;
      launch(softmax_columns<T>,
             {dim3(static_cast<unsigned>(ceil_div(columns, kColumnThreads))), dim3(kColumnThreads)}, x, y,
             columns, p.n, p.inner, p.log);
    } else if (rows_fit_vectors<T>(p.n, {x, y}, {row_stride})) {
      forward_rows<T, kVectorWidth<T>>(p, x, row_stride, y);
    } else {
      forward_rows<T, 1>(p, x, row_stride, y);
    }
  });
}

void softmax_backward(const SoftmaxPlan& p, const void* grad, const void* out, void* to) {
  with_float(p.dtype, [&]<class T>() {
    const auto *g = static_cast<const T*>(grad), *y = static_cast<const T*>(out);
    auto* dx = static_cast<T*>(to);
    if (p.inner > 1) {
      const int64_t columns = p.outer * p.inner;
      launch(softmax_columns_backward<T>,
             {dim3(static_cast<unsigned>(ceil_div(columns, kColumnThreads))), dim3(kColumnThreads)}, g, y, dx,
             columns, p.n, p.inner, p.log);
    } else if (rows_fit_vectors<T>(p.n, {g, y, dx})) {
      backward_rows<T, kVectorWidth<T>>(p, g, y, dx);
    } else {
      backward_rows<T, 1>(p, g, y, dx);
    }
  });
}

}  // namespace plait::cuda
