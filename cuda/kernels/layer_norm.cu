// Layer norm: 2 x n elements move forward, 3 x n backward.
//
// Forward a row stays in registers: its mean and its deviations are computed from there. Backward a group of
// threads takes many rows, one after the other; a thread keeps the sums of dw and db for its columns in
// registers over all of them, so that x and dy are read once for all three gradients. The groups' sums (some
// hundreds of rows of n floats, which stay in L2) are added by a second, small kernel. While a row is reduced
// the next one is on its way.
#include "cuda/kernels/layer_norm.h"

#include <algorithm>

#include "cuda/kernels/layer_norm_long.cuh"
#include "cuda/runtime/memory.h"

namespace plait::cuda {
namespace {

template <class T, int W, int E>
__global__ void __launch_bounds__(1024)
    layer_norm_rows(const T* x, Weights<T> w, Weights<T> b, T* y, LowerResult lower, opmath_t<T>* mean,
                    opmath_t<T>* rstd, int64_t rows, int n, int64_t stride, opmath_t<T> eps, bool center) {
  using O = opmath_t<T>;
  using Tile = RowTile<T, W, E>;
  __shared__ typename RowGroup::Shared<O> shared;
  const int64_t row = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  const int count = row < rows ? n : 0;
  Tile tile;
  tile.load(x + row * stride, count, O(0));
  const O inverse = O(1) / static_cast<O>(n);
  O m = 0;
  if (center) {
#pragma unroll
    for (int i = 0; i < E; ++i) m += tile.at[i];
    m = RowGroup::all(m, shared, 0, AddValues{}) * inverse;
  }
  O squares = 0;
#pragma unroll
  for (int i = 0; i < E; ++i) {
    tile.at[i] -= m;
    if (Tile::index(i) < n) squares += tile.at[i] * tile.at[i];
  }
  const O s = rsqrt_of(RowGroup::all(squares, shared, 1, AddValues{}) * inverse + eps);
#pragma unroll
  for (int v = 0; v < Tile::kVectors; ++v) {
    const int i = Tile::index(v * W);
    if (i >= count) continue;
    O weight[W];
#pragma unroll
    for (int k = 0; k < W; ++k) tile.at[v * W + k] *= s;
    if (w.data) {
      w.template load<W>(i, weight);
#pragma unroll
      for (int k = 0; k < W; ++k) tile.at[v * W + k] *= weight[k];
    }
    if (b.data) {
      b.template load<W>(i, weight);
#pragma unroll
      for (int k = 0; k < W; ++k) tile.at[v * W + k] += weight[k];
    }
    if constexpr (std::is_same_v<T, float>) {
#pragma unroll
      for (int k = 0; k < W; ++k) weight[k] = tile.at[v * W + k];
      store_lower<W>(lower, row * n + i, weight);
    }
  }
  tile.store(y + row * n, count);
  if (threadIdx.x == 0 && count) {
    mean[row] = m;
    rstd[row] = s;
  }
}

// ---- backward

// With h = (x - mean) rstd and u = g w: dx = rstd (u - mean(u) - h mean(u h)), dw = sum g h, db = sum g. In
// root mean square norms mean and mean(u) are 0, and there is no db: kernels with `Both` off leave both sums
// out. A row as it lies in memory.
template <class T, class G, int W, int E>
struct RawRow {
  static constexpr int kVectors = E / W;
  Vector<G, W> g[kVectors];
  Vector<T, W> x[kVectors];
  opmath_t<T> mean, rstd;

  __device__ __forceinline__ void load(const Backward<T, G>& p, int64_t row) {
    mean = row < p.rows ? p.mean[row] : opmath_t<T>(0);
    rstd = row < p.rows ? p.rstd[row] : opmath_t<T>(0);
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      const int i = RowTile<T, W, E>::index(v * W);
      if (row < p.rows && i < p.n) {
        g[v] = load_streaming(reinterpret_cast<const Vector<G, W>*>(p.g + row * p.n + i));
        x[v] = load_streaming(reinterpret_cast<const Vector<T, W>*>(p.x + row * p.n + i));
      } else {
#pragma unroll
        for (int k = 0; k < W; ++k) {
          g[v].at[k] = from_op<G>(opmath_t<T>(0));
          x[v].at[k] = from_op<T>(opmath_t<T>(0));
        }
      }
    }
  }
};
// Of u and of u (x - mean); or of this alone.
template <class O, int R, bool Both>
struct RowSums {
  O u[R], ud[R];
  __device__ __forceinline__ friend RowSums operator+(const RowSums& a, const RowSums& b) {
    RowSums sum;
#pragma unroll
    for (int r = 0; r < R; ++r) {
      sum.u[r] = a.u[r] + b.u[r];
      sum.ud[r] = a.ud[r] + b.ud[r];
    }
    return sum;
  }
};
template <class O, int R>
struct RowSums<O, R, false> {
  O ud[R];
  __device__ __forceinline__ friend RowSums operator+(const RowSums& a, const RowSums& b) {
    RowSums sum;
#pragma unroll
    for (int r = 0; r < R; ++r) sum.ud[r] = a.ud[r] + b.ud[r];
    return sum;
  }
};

// Threads of a block at most, and of the blocks that a multiprocessor has registers for at a time.
template <int E>
constexpr int kBackwardThreads = E > 8 ? 512 : 320;
template <class T, int E>
constexpr int kResidentThreads = E > 8           ? 512
                                 : sizeof(T) > 4 ? 320
                                                 : 640;  // double: twice the registers

// R rows at a time: 64 bytes or more a thread are on their way while it computes, 32 to 40 KB a
// multiprocessor. An H200 needs 29 (4.8 TB/s times 0.8 us over 132).
template <class T, class G, int W, int E, int R, bool Both, bool Add>
__global__ void __launch_bounds__(kBackwardThreads<E>, kResidentThreads<T, E> / kBackwardThreads<E>)
    layer_norm_rows_backward(const Backward<T, G> p) {
  using O = opmath_t<T>;
  using Tile = RowTile<T, W, E>;
  constexpr int kVectors = E / W;
  using Sums = RowSums<O, R, Both>;
  __shared__ typename RowGroup::Shared<Sums> shared;
  __shared__ O columns[kBackwardThreads<E>];
  const auto deviation = [](const RawRow<T, G, W, E>& row, int i) {
    const O x = to_op(row.x[i / W].at[i % W]);
    return Both ? x - row.mean : x;
  };
  const O inverse = O(1) / static_cast<O>(p.n);
  O weight[E], dw[E];
  [[maybe_unused]] O db[Both ? E : 1];
#pragma unroll
  for (int v = 0; v < kVectors; ++v) {
    const int i = Tile::index(v * W);
    O part[W];
#pragma unroll
    for (int k = 0; k < W; ++k) part[k] = O(1);
    if (p.w.data && i < p.n) p.w.template load<W>(i, part);
#pragma unroll
    for (int k = 0; k < W; ++k) {
      weight[v * W + k] = part[k];
      dw[v * W + k] = O(0);
      if constexpr (Both) db[v * W + k] = O(0);
    }
  }

  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.y * R;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * blockDim.y * R;  // of the block, R for each group
  const int64_t own = first + threadIdx.y * R;
  RawRow<T, G, W, E> rows[R], next[R];
#pragma unroll
  for (int r = 0; r < R; ++r) rows[r].load(p, own + r);
  int turn = 0;
  for (int64_t offset = 0; first + offset < p.rows; offset += step, ++turn) {
    const int64_t row = own + offset;
#pragma unroll
    for (int r = 0; r < R; ++r) next[r].load(p, row + r + step);
    [[maybe_unused]] Vector<T, W> before[Add ? R : 1][kVectors];
    if constexpr (Add) {
#pragma unroll
      for (int r = 0; r < R; ++r)
#pragma unroll
        for (int v = 0; v < kVectors; ++v) {
          const int i = Tile::index(v * W);
          if (row + r < p.rows && i < p.n)
            before[r][v] = load_streaming(reinterpret_cast<const Vector<T, W>*>(p.sum + (row + r) * p.n + i));
        }
    }
    Sums sums;
#pragma unroll
    for (int r = 0; r < R; ++r) {
      if constexpr (Both) sums.u[r] = O(0);
      sums.ud[r] = O(0);
#pragma unroll
      for (int i = 0; i < E; ++i) {
        const O g = to_op(rows[r].g[i / W].at[i % W]), d = deviation(rows[r], i);
        const O u = g * weight[i];
        sums.ud[r] += u * d;
        dw[i] += g * (d * rows[r].rstd);
        if constexpr (Both) {
          sums.u[r] += u;
          db[i] += g;
        }
      }
    }
    if (p.dx) {
      sums = RowGroup::all(sums, shared, turn, AddValues{});
#pragma unroll
      for (int r = 0; r < R; ++r) {
        const O s = rows[r].rstd, slope = sums.ud[r] * inverse * s * s;
        O shift = 0;
        if constexpr (Both) shift = p.center ? sums.u[r] * inverse : O(0);
#pragma unroll
        for (int v = 0; v < kVectors; ++v) {
          const int i = Tile::index(v * W);
          if (row + r >= p.rows || i >= p.n) continue;
          Vector<T, W> out;
          O value[W];
#pragma unroll
          for (int k = 0; k < W; ++k) {
            const O u = to_op(rows[r].g[v].at[k]) * weight[v * W + k];
            value[k] = (Both ? u - shift : u) - deviation(rows[r], v * W + k) * slope;
            value[k] *= s;
            if constexpr (Add) value[k] += before[r][v].at[k];
            out.at[k] = from_op<T>(value[k]);
          }
          store_streaming(reinterpret_cast<Vector<T, W>*>(p.dx + (row + r) * p.n + i), out);
          if constexpr (std::is_same_v<T, float>) store_lower<W>(p.lower, (row + r) * p.n + i, value);
        }
      }
    }
#pragma unroll
    for (int r = 0; r < R; ++r) rows[r] = next[r];
  }

  if (!p.parts) return;
  // The groups of the block together.
  O* to = p.parts + static_cast<int64_t>(blockIdx.x) * 2 * p.n;
  const int thread = static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x);
#pragma unroll
  for (int i = 0; i < E; ++i) {
#pragma unroll
    for (int which = 0; which < (Both ? 2 : 1); ++which) {
      O sum = which == 0 ? dw[i] : db[Both ? i : 0];
      if (blockDim.y > 1) {
        __syncthreads();
        columns[thread] = sum;
        __syncthreads();
        for (unsigned y = 1; threadIdx.y == 0 && y < blockDim.y; ++y)
          sum += columns[y * blockDim.x + threadIdx.x];
      }
      if (threadIdx.y == 0 && Tile::index(i) < p.n) to[which * p.n + Tile::index(i)] = sum;
    }
  }
}

// dw and db from the parts: 8 columns a block, so that all multiprocessors take part, and a thread waits for
// memory once or twice.
constexpr int kSumColumns = 8, kSumRows = 128;
template <class T>
__global__ void __launch_bounds__(kSumColumns* kSumRows)
    layer_norm_sums(const opmath_t<T>* parts, int64_t count, int64_t n, T* dw, T* db) {
  using O = opmath_t<T>;
  __shared__ O shared[kSumRows][kSumColumns + 1];
  T* out = blockIdx.y == 0 ? dw : db;
  if (!out) return;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kSumColumns;
  O sum = 0;
  if (first + threadIdx.x < n) {
    const O* from = parts + blockIdx.y * n + first + threadIdx.x;
#pragma unroll 8
    for (int64_t r = threadIdx.y; r < count; r += kSumRows) sum += from[r * 2 * n];
  }
  shared[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  // A warp for each column.
  const int thread = static_cast<int>(threadIdx.y * kSumColumns + threadIdx.x);
  const int column = thread / kWarp, lane = thread % kWarp;
  if (column >= kSumColumns) return;
  sum = 0;
#pragma unroll
  for (int r = 0; r < kSumRows; r += kWarp) sum += shared[r + lane][column];
  sum = warp_all(sum, kWarp, AddValues{});
  if (lane == 0 && first + column < n) out[first + column] = from_op<T>(sum);
}

// ---- launching

template <class T, int W, int E>
void forward_in_registers(const LayerNormPlan& p, const T* x, int64_t stride, Weights<T> w, Weights<T> b,
                          T* y, LowerResult lower, opmath_t<T>* mean, opmath_t<T>* rstd) {
  const RowShape shape = row_shape(p.rows, p.n, E);
  launch(layer_norm_rows<T, W, E>, {dim3(shape.blocks), shape.block}, x, w, b, y, lower, mean, rstd, p.rows,
         static_cast<int>(p.n), stride, static_cast<opmath_t<T>>(p.eps), p.center);
}
template <class T, int W>
bool forward_rows(const LayerNormPlan& p, const T* x, int64_t stride, Weights<T> w, Weights<T> b, T* y,
                  LowerResult lower, opmath_t<T>* mean, opmath_t<T>* rstd) {
  constexpr int E = W == 1 || std::is_same_v<T, double> ? 8 : 16;  // that a thread holds at most
  if (p.n > E * 1024) return false;
  if (p.n <= 8 * kWarp || (p.n > E * kWarp && p.n <= 8 * 256))
    forward_in_registers<T, W, 8>(p, x, stride, w, b, y, lower, mean, rstd);
  else
    forward_in_registers<T, W, E>(p, x, stride, w, b, y, lower, mean, rstd);
  return true;
}

template <class T>
void add_parts(const LayerNormPlan& p, const opmath_t<T>* parts, int64_t count, T* dw, T* db) {
  launch(layer_norm_sums<T>,
         {dim3(static_cast<unsigned>(ceil_div(p.n, kSumColumns)), db ? 2 : 1), dim3(kSumColumns, kSumRows)},
         parts, count, p.n, dw, db);
}

template <class T, class G, int W, int E, bool Both, bool Add>
void backward_in_registers(const LayerNormPlan& p, Backward<T, G> args, T* dw, T* db) {
  int64_t lanes = 1;
  const int64_t needed = ceil_div(p.n, E);
  if (needed <= kWarp)
    while (lanes < needed) lanes *= 2;
  else
    lanes = ceil_div(needed, kWarp) * kWarp;
  constexpr int R = E == 8 && sizeof(T) == 2 && W > 1 ? 2 : 1;
  const int64_t beside = std::max<int64_t>(1, 256 / lanes);
  const int64_t resident = std::max<int64_t>(1, kResidentThreads<T, E> / (lanes * beside));
  const int64_t blocks = std::min(ceil_div(p.rows, beside * R), properties().multiprocessors * resident);
  const LaunchConfig config{dim3(static_cast<unsigned>(blocks)),
                            dim3(static_cast<unsigned>(lanes), static_cast<unsigned>(beside))};
  if (!dw && !db) return launch(layer_norm_rows_backward<T, G, W, E, R, Both, Add>, config, args);
  const Workspace parts(static_cast<size_t>(blocks * 2 * p.n) * sizeof(opmath_t<T>));
  args.parts = parts.as<opmath_t<T>>();
  launch(layer_norm_rows_backward<T, G, W, E, R, Both, Add>, config, args);
  add_parts(p, args.parts, blocks, dw, db);
}

template <class T, class G, int W, bool Both>
bool backward_rows(const LayerNormPlan& p, const Backward<T, G>& args, T* dw, T* db) {
  constexpr int kMost = W == 1 || std::is_same_v<T, double> ? 8 : 16;
  if (p.n > kMost * kBackwardThreads<kMost>) return false;
  if constexpr (std::is_same_v<T, float>) {
    if (args.sum) return backward_in_registers<T, G, W, 8, Both, true>(p, args, dw, db), true;
  }
  if (p.n <= 8 * kBackwardThreads<8>)
    backward_in_registers<T, G, W, 8, Both, false>(p, args, dw, db);
  else if constexpr (kMost > 8)
    backward_in_registers<T, G, W, kMost, Both, false>(p, args, dw, db);
  return true;
}

template <class T, class G, int W>
void backward_long(const LayerNormPlan& p, Backward<T, G> args, T* dw, T* db) {
  if (args.dx)
    launch(layer_norm_long_rows_backward<T, G, W>, {dim3(static_cast<unsigned>(p.rows)), dim3(kLongThreads)},
           args, p.n);
  if (!dw && !db) return;
  const int64_t tiles = ceil_div(p.n, kWarp * W);
  const int64_t wanted = ceil_div(properties().multiprocessors * 4, tiles);
  const int64_t per_part = std::max<int64_t>(64, ceil_div(p.rows, std::max<int64_t>(1, wanted)));
  const int64_t count = ceil_div(p.rows, per_part);
  const Workspace parts(static_cast<size_t>(count * 2 * p.n) * sizeof(opmath_t<T>));
  args.parts = parts.as<opmath_t<T>>();
  launch(layer_norm_column_sums<T, G, W>,
         {dim3(static_cast<unsigned>(tiles), static_cast<unsigned>(count)), dim3(kWarp, kColumnRows)}, args,
         p.n, per_part);
  add_parts(p, args.parts, count, dw, db);
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

template <class T, class G>
void backward(const LayerNormPlan& p, Backward<T, G> args, T* dw, T* db) {
  const bool vectors = rows_fit_vectors<T>(p.n, {args.x, args.sum, args.dx, args.w.data}) &&
                       fits_vector<G, kVectorWidth<T>>(args.g);
  const auto run = [&]<int W>(std::integral_constant<int, W>) {
    if (!(p.center || db ? backward_rows<T, G, W, true>(p, args, dw, db)
                         : backward_rows<T, G, W, false>(p, args, dw, db)))
      backward_long<T, G, W>(p, args, dw, db);
  };
  if (vectors)
    run(std::integral_constant<int, kVectorWidth<T>>());
  else
    run(std::integral_constant<int, 1>());
}

}  // namespace

void layer_norm(const LayerNormPlan& p, const void* from, int64_t row_stride, const void* weight,
                const void* bias, void* to, LowerResult lower, void* means, void* deviations) {
  with_float(p.dtype, [&]<class T>() {
    using O = opmath_t<T>;
    const bool wide = p.wide_weights || std::is_same_v<T, O>;
    const auto* x = static_cast<const T*>(from);
    auto* y = static_cast<T*>(to);
    auto *mean = static_cast<O*>(means), *rstd = static_cast<O*>(deviations);
    const Weights<T> w{weight, wide}, b{bias, wide};
    const bool vectors = rows_fit_vectors<T>(p.n, {x, y, weight, bias}, {row_stride});
    const auto run = [&]<int W>(std::integral_constant<int, W>) {
      if (forward_rows<T, W>(p, x, row_stride, w, b, y, lower, mean, rstd)) return;
      launch(layer_norm_long_rows<T, W>, {dim3(static_cast<unsigned>(p.rows)), dim3(kLongThreads)}, x, w, b,
             y, lower, mean, rstd, p.n, row_stride, static_cast<O>(p.eps), p.center);
    };
    if (vectors)
      run(std::integral_constant<int, kVectorWidth<T>>());
    else
      run(std::integral_constant<int, 1>());
  });
}

bool layer_norm_adds(DType dtype, int64_t n) {
  return dtype == DType::Float32 && n <= 8 * kBackwardThreads<8>;
}

void layer_norm_backward(const LayerNormPlan& p, DType g_dtype, const void* g, const void* x, const void* w,
                         const void* mean, const void* rstd, const void* sum, void* dx, LowerResult lower,
                         void* dw, void* db) {
  with_float(p.dtype, [&]<class T>() {
    using O = opmath_t<T>;
    const auto run = [&]<class G>() {
      backward<T, G>(p,
                     {static_cast<const G*>(g),
                      static_cast<const T*>(x),
                      {w, p.wide_weights || std::is_same_v<T, O>},
                      static_cast<const O*>(mean),
                      static_cast<const O*>(rstd),
                      static_cast<const T*>(sum),
                      static_cast<T*>(dx),
                      lower,
                      nullptr,
                      p.rows,
                      static_cast<int>(p.n),
                      p.center},
                     static_cast<T*>(dw), static_cast<T*>(db));
    };
    if constexpr (std::is_same_v<T, float>) {
      if (g_dtype == DType::BFloat16) return run.template operator()<BFloat16>();
      if (g_dtype == DType::Float16) return run.template operator()<Half>();
    }
    run.template operator()<T>();
  });
}

}  // namespace plait::cuda
