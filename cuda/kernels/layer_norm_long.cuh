// Layer norm of rows that no register file holds: a block each, several passes, of which L2 serves the later
// ones.
#pragma once

#include "cuda/kernels/layer_norm.cuh"

namespace plait::cuda {
namespace {

constexpr int kLongThreads = 512, kLongVectors = 4;  // that a thread has on their way

// f(i, what load(i) gives) for every vector of W elements that is this thread's.
template <int W, class Load, class F>
__device__ __forceinline__ void over_row(int64_t n, const Load& load, const F& f) {
  constexpr int kStep = kLongThreads * W;
  for (int64_t first = threadIdx.x * W; first < n; first += kStep * kLongVectors) {
    decltype(load(first)) loaded[kLongVectors];
#pragma unroll
    for (int v = 0; v < kLongVectors; ++v)
      if (first + v * kStep < n) loaded[v] = load(first + v * kStep);
#pragma unroll
    for (int v = 0; v < kLongVectors; ++v)
      if (first + v * kStep < n) f(first + v * kStep, loaded[v]);
  }
}
template <class T, int W>
__device__ __forceinline__ auto vectors_of(const T* row) {
  return [row](int64_t i) { return *reinterpret_cast<const Vector<T, W>*>(row + i); };
}
template <class T, int W>
__device__ __forceinline__ void weights_at(const Weights<T>& w, int64_t i, opmath_t<T> (&to)[W]) {
  if (w.data) return w.template load<W>(static_cast<int>(i), to);
#pragma unroll
  for (int k = 0; k < W; ++k) to[k] = opmath_t<T>(1);
}

template <class T, int W>
__global__ void __launch_bounds__(kLongThreads)
    layer_norm_long_rows(const T* x, Weights<T> w, Weights<T> b, T* y, LowerResult lower, opmath_t<T>* mean,
                         opmath_t<T>* rstd, int64_t n, int64_t stride, opmath_t<T> eps, bool center) {
  using O = opmath_t<T>;
  using V = Vector<T, W>;
  __shared__ typename RowGroup::Shared<O> shared;
  const int64_t row = blockIdx.x;
  const auto load = vectors_of<T, W>(x + row * stride);
  O m = 0, squares = 0;
  if (center) {
    over_row<W>(n, load, [&](int64_t, const V& v) {
#pragma unroll
      for (int k = 0; k < W; ++k) m += to_op(v.at[k]);
    });
    m = RowGroup::all(m, shared, 0, AddValues{}) / static_cast<O>(n);
  }
  over_row<W>(n, load, [&](int64_t, const V& v) {
#pragma unroll
    for (int k = 0; k < W; ++k) {
      const O d = to_op(v.at[k]) - m;
      squares += d * d;
    }
  });
  const O s = rsqrt_of(RowGroup::all(squares, shared, 1, AddValues{}) / static_cast<O>(n) + eps);
  over_row<W>(n, load, [&](int64_t i, const V& v) {
    O value[W], weight[W];
    weights_at<T, W>(w, i, weight);
#pragma unroll
    for (int k = 0; k < W; ++k) value[k] = (to_op(v.at[k]) - m) * s * weight[k];
    if (b.data) {
      b.template load<W>(static_cast<int>(i), weight);
#pragma unroll
      for (int k = 0; k < W; ++k) value[k] += weight[k];
    }
    V out;
#pragma unroll
    for (int k = 0; k < W; ++k) out.at[k] = from_op<T>(value[k]);
    store_streaming(reinterpret_cast<V*>(y + row * n + i), out);
    if constexpr (std::is_same_v<T, float>) store_lower<W>(lower, row * n + i, value);
  });
  if (threadIdx.x == 0) {
    mean[row] = m;
    rstd[row] = s;
  }
}

template <class T, class G, int W>
struct GradAndInput {
  Vector<G, W> g;
  Vector<T, W> x;
};

template <class T, class G, int W>
__global__ void __launch_bounds__(kLongThreads)
    layer_norm_long_rows_backward(const Backward<T, G> p, int64_t n) {
  using O = opmath_t<T>;
  using Both = GradAndInput<T, G, W>;
  __shared__ typename RowGroup::Shared<Pair<O>> shared;
  const int64_t at = static_cast<int64_t>(blockIdx.x) * n;
  const O m = p.mean[blockIdx.x], s = p.rstd[blockIdx.x], inverse = O(1) / static_cast<O>(n);
  const auto load = [g = vectors_of<G, W>(p.g + at), x = vectors_of<T, W>(p.x + at)](int64_t i) {
    return Both{g(i), x(i)};
  };
  Pair<O> sums{O(0), O(0)};
  over_row<W>(n, load, [&](int64_t i, const Both& v) {
    O weight[W];
    weights_at<T, W>(p.w, i, weight);
#pragma unroll
    for (int k = 0; k < W; ++k) {
      const O u = to_op(v.g.at[k]) * weight[k];
      sums.a += u;
      sums.b += u * (to_op(v.x.at[k]) - m);
    }
  });
  sums = RowGroup::all(sums, shared, 0, AddValues{});
  const O shift = p.center ? sums.a * inverse : O(0), slope = sums.b * inverse * s * s;
  over_row<W>(n, load, [&](int64_t i, const Both& v) {
    O value[W], weight[W];
    weights_at<T, W>(p.w, i, weight);
    Vector<T, W> out;
#pragma unroll
    for (int k = 0; k < W; ++k) {
      value[k] = (to_op(v.g.at[k]) * weight[k] - shift - (to_op(v.x.at[k]) - m) * slope) * s;
      out.at[k] = from_op<T>(value[k]);
    }
    store_streaming(reinterpret_cast<Vector<T, W>*>(p.dx + at + i), out);
    if constexpr (std::is_same_v<T, float>) store_lower<W>(p.lower, at + i, value);
  });
}

// The sums of dw and db over the rows of blockIdx.y, a vector of columns a thread.
constexpr int kColumnRows = 16, kColumnsAhead = 4;
template <class T, class G, int W>
__global__ void __launch_bounds__(kWarp* kColumnRows)
    layer_norm_column_sums(const Backward<T, G> p, int64_t n, int64_t rows_per_part) {
  using O = opmath_t<T>;
  __shared__ Pair<O> shared[kColumnRows][kWarp * W];
  const int64_t column = (static_cast<int64_t>(blockIdx.x) * kWarp + threadIdx.x) * W;
  const int64_t begin = blockIdx.y * rows_per_part;
  const int64_t end = begin + rows_per_part < p.rows ? begin + rows_per_part : p.rows;
  Pair<O> sums[W];
#pragma unroll
  for (int k = 0; k < W; ++k) sums[k] = {O(0), O(0)};
  if (column < n) {
    for (int64_t first = begin + threadIdx.y; first < end; first += kColumnRows * kColumnsAhead) {
      GradAndInput<T, G, W> loaded[kColumnsAhead];
#pragma unroll
      for (int v = 0; v < kColumnsAhead; ++v) {
        const int64_t r = first + v * kColumnRows;
        if (r < end)
          loaded[v] = {vectors_of<G, W>(p.g + r * n)(column), vectors_of<T, W>(p.x + r * n)(column)};
      }
#pragma unroll
      for (int v = 0; v < kColumnsAhead; ++v) {
        const int64_t r = first + v * kColumnRows;
        if (r >= end) break;
        const O m = p.mean[r], s = p.rstd[r];
#pragma unroll
        for (int k = 0; k < W; ++k) {
          const O g = to_op(loaded[v].g.at[k]);
          sums[k].a += g * ((to_op(loaded[v].x.at[k]) - m) * s);
          sums[k].b += g;
        }
      }
    }
  }
#pragma unroll
  for (int k = 0; k < W; ++k) shared[threadIdx.y][k * kWarp + threadIdx.x] = sums[k];
  __syncthreads();
  if (threadIdx.y > 0 || column >= n) return;
  O* to = p.parts + static_cast<int64_t>(blockIdx.y) * 2 * n + column;
#pragma unroll
  for (int k = 0; k < W; ++k) {
    for (int y = 1; y < kColumnRows; ++y) sums[k] = sums[k] + shared[y][k * kWarp + threadIdx.x];
    to[k] = sums[k].a;
    to[n + k] = sums[k].b;
  }
}

}  // namespace
}  // namespace plait::cuda
