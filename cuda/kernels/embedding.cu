#include "cuda/kernels/embedding.h"

#include "cuda/device/block.cuh"
#include "cuda/device/elementwise.cuh"
#include "cuda/device/fault.cuh"
#include "cuda/runtime/device.h"
#include "cuda/runtime/memory.h"

namespace plait::cuda {
namespace {

constexpr int kThreads = 256;

__device__ __forceinline__ int64_t index_at(const void* indices, bool wide, int64_t j) {
  return wide ? static_cast<const int64_t*>(indices)[j] : static_cast<const int32_t*>(indices)[j];
}

__global__ void __launch_bounds__(kThreads)
    keys_kernel(uint32_t* keys, uint32_t* order, const void* indices, bool wide, int64_t n, int64_t rows,
                int64_t padding, OpName op, Fault* fault) {
  const int64_t j = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (j >= n) return;
  const int64_t index = index_at(indices, wide, j);
  const bool good = static_cast<uint64_t>(index) < static_cast<uint64_t>(rows);
  if (!good) report_positive_index(fault, op, index, rows, 0);
  keys[j] = static_cast<uint32_t>(good && index != padding ? index : rows);
  order[j] = static_cast<uint32_t>(j);
}

// ---- sums of sorted rows

// Note [Sums of sorted rows]: the sorted rows are cut into tiles of equal length, so that an index that
// occurs a million times keeps as many threads busy as one that occurs once. A thread owns a few columns of a
// tile and adds row after row; where the key changes it writes the sum. A run of equal keys that lies within
// a tile is summed by that tile alone. Of a run that crosses tiles each tile keeps its part: `heads` where
// the run began earlier, `tails` where it begins here. A second kernel adds the parts, tile by tile, so that
// the result does not depend on the order in which blocks run.
template <class T>
struct Tiles {
  const uint32_t *keys, *order;
  int64_t n, rows, width;
  const T* grad;
  T* out;
  opmath_t<T>*heads, *tails;  // (tiles, width)
  int64_t length;             // rows of a tile
};

template <class T, int W>
__device__ __forceinline__ void store_sum(T* to, const opmath_t<T> (&sum)[W]) {
  Vector<T, W> rounded;
#pragma unroll
  for (int i = 0; i < W; ++i) rounded.at[i] = from_op<T>(sum[i]);
  *reinterpret_cast<Vector<T, W>*>(to) = rounded;
}

// blockDim: (threads along a row, tiles).
template <class T, int W>
__global__ void tile_kernel(const Tiles<T> t) {
  using O = opmath_t<T>;
  constexpr int kAhead = 8;  // rows whose loads are in flight
  const int64_t tile = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  const int64_t begin = tile * t.length, end = begin + t.length < t.n ? begin + t.length : t.n;
  const int64_t column = (static_cast<int64_t>(blockIdx.y) * blockDim.x + threadIdx.x) * W;
  if (begin >= t.n || column >= t.width) return;

  O sum[W];
  uint32_t current = t.keys[begin];
  int64_t run = begin;
  const auto flush = [&](int64_t stop) {
    if (current >= t.rows) return;
    const bool from_before = run == begin && begin > 0 && t.keys[begin - 1] == current;
    const bool goes_on = stop == end && end < t.n && t.keys[end] == current;
    if (!from_before && !goes_on)
      store_sum<T, W>(t.out + current * t.width + column, sum);
    else
#pragma unroll
      for (int i = 0; i < W; ++i) (from_before ? t.heads : t.tails)[tile * t.width + column + i] = sum[i];
  };
#pragma unroll
  for (int i = 0; i < W; ++i) sum[i] = O{};
  for (int64_t base = begin; base < end; base += kAhead) {
    uint32_t key[kAhead];
    Vector<T, W> row[kAhead];
#pragma unroll
    for (int a = 0; a < kAhead; ++a) {
      key[a] = static_cast<uint32_t>(t.rows);
      if (base + a >= end) continue;
      key[a] = t.keys[base + a];
      if (key[a] < t.rows)
        row[a] = load_streaming(reinterpret_cast<const Vector<T, W>*>(
            t.grad + static_cast<int64_t>(t.order[base + a]) * t.width + column));
    }
#pragma unroll
    for (int a = 0; a < kAhead; ++a) {
      if (base + a >= end) break;
      if (key[a] != current) {
        flush(base + a);
        current = key[a];
        run = base + a;
#pragma unroll
        for (int i = 0; i < W; ++i) sum[i] = O{};
      }
      if (key[a] >= t.rows) return;  // nothing but refused ones behind
#pragma unroll
      for (int i = 0; i < W; ++i) sum[i] = static_cast<O>(sum[i] + to_op(row[a].at[i]));
    }
  }
  flush(end);
}

template <class T>
__global__ void crossing_kernel(const Tiles<T> t) {
  const int64_t tile = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  const int64_t begin = tile * t.length, end = begin + t.length;
  const int64_t column = static_cast<int64_t>(blockIdx.y) * blockDim.x + threadIdx.x;
  if (end >= t.n || column >= t.width) return;
  const uint32_t key = t.keys[end - 1];
  // Does a run begin in this tile that goes on behind it?
  if (key >= t.rows || t.keys[end] != key) return;
  if (t.keys[begin] == key && begin > 0 && t.keys[begin - 1] == key) return;
  opmath_t<T> sum = t.tails[tile * t.width + column];
  for (int64_t next = tile + 1;; ++next) {
    sum = static_cast<opmath_t<T>>(sum + t.heads[next * t.width + column]);
    const int64_t stop = (next + 1) * t.length;
    if (stop >= t.n || t.keys[stop] != key || t.keys[stop - 1] != key) break;
  }
  t.out[key * t.width + column] = from_op<T>(sum);
}

// Threads along a row of `columns`, a power of two, and tiles that fill the block.
dim3 block_for(int64_t columns) {
  unsigned x = 1;
  while (x < 128 && x < columns) x *= 2;
  return {x, 128 / x, 1};
}

template <class T, int W>
void launch_tiles(const Tiles<T>& t, int64_t tiles) {
  const int64_t columns = t.width / W;
  const dim3 block = block_for(columns);
  launch(tile_kernel<T, W>,
         {dim3(static_cast<unsigned>(ceil_div(tiles, block.y)),
               static_cast<unsigned>(ceil_div(columns, block.x))),
          block},
         t);
}

template <class T>
void sum_rows(const RowSums& sums) {
  constexpr int width = kVectorWidth<T>;
  const bool vectors = sums.width % width == 0 && reinterpret_cast<uintptr_t>(sums.grad) % 16 == 0 &&
                       reinterpret_cast<uintptr_t>(sums.out) % 16 == 0;
  // Long tiles cost fewer partial sums, short ones keep more threads busy: two waves of 1024 a
  // multiprocessor.
  constexpr int64_t kShortest = 8, kLongest = 128;
  const int64_t in_flight = int64_t{2} * properties().multiprocessors * 1024;
  const int64_t work = sums.n * (vectors ? sums.width / width : sums.width);
  int64_t length = kShortest;
  while (length < kLongest && work / (2 * length) >= in_flight) length *= 2;
  const int64_t tiles = ceil_div(sums.n, length);
  const Workspace parts(static_cast<size_t>(2 * tiles * sums.width) * sizeof(opmath_t<T>));
  auto* heads = parts.as<opmath_t<T>>();
  const Tiles<T> t{sums.keys,
                   sums.order,
                   sums.n,
                   sums.rows,
                   sums.width,
                   static_cast<const T*>(sums.grad),
                   static_cast<T*>(sums.out),
                   heads,
                   heads + tiles * sums.width,
                   length};
  if (vectors)
    launch_tiles<T, width>(t, tiles);
  else
    launch_tiles<T, 1>(t, tiles);
  const dim3 block = block_for(sums.width);
  launch(crossing_kernel<T>,
         {dim3(static_cast<unsigned>(ceil_div(tiles, block.y)),
               static_cast<unsigned>(ceil_div(sums.width, block.x))),
          block},
         t);
}

// ---- frequencies

__global__ void __launch_bounds__(kThreads)
    count_kernel(int32_t* counts, const void* indices, bool wide, int64_t n, int64_t rows) {
  const int64_t j = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (j >= n) return;
  const int64_t index = index_at(indices, wide, j);
  if (static_cast<uint64_t>(index) < static_cast<uint64_t>(rows)) atomicAdd(counts + index, 1);
}

template <class T>
__global__ void __launch_bounds__(kThreads) scale_kernel(const RowScale s) {
  using R = real_of<opmath_t<T>>;
  const int64_t at = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (at >= s.n * s.width) return;
  const int64_t index = index_at(s.indices, s.wide, at / s.width);
  const T x = static_cast<const T*>(s.in)[at];
  T* to = static_cast<T*>(s.out) + at;
  if (index == s.padding)
    *to = T{};
  else if (!s.counts || static_cast<uint64_t>(index) >= static_cast<uint64_t>(s.rows) || s.counts[index] == 1)
    *to = x;
  else
    *to = from_op<T>(to_op(x) * static_cast<R>(1.0 / s.counts[index]));
}

// ---- one_hot

__global__ void __launch_bounds__(kThreads)
    ones_kernel(int64_t* out, const int64_t* values, int64_t n, int64_t classes, OpName op, Fault* fault) {
  const int64_t j = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (j >= n) return;
  const int64_t value = values[j];
  if (static_cast<uint64_t>(value) < static_cast<uint64_t>(classes))
    out[j * classes + value] = 1;
  else
    report_fault(fault, FaultKind::Class, op, value, classes, -1);
}

__global__ void __launch_bounds__(kThreads) start_kernel(int64_t* largest) { *largest = -1; }
__global__ void __launch_bounds__(kThreads)
    largest_kernel(int64_t* largest, const int64_t* values, int64_t n) {
  long long most = -1;
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t j = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; j < n; j += step)
    most = values[j] > most ? values[j] : most;
#pragma unroll
  for (int lanes = kWarp / 2; lanes > 0; lanes /= 2) {
    const long long other = __shfl_xor_sync(kAllLanes, most, lanes);
    most = other > most ? other : most;
  }
  if (lane_id() == 0) atomicMax(reinterpret_cast<long long*>(largest), most);
}

LaunchConfig threads_for(int64_t n) { return {static_cast<unsigned>(ceil_div(n, kThreads)), kThreads}; }

}  // namespace

void make_row_keys(uint32_t* keys, uint32_t* order, const void* indices, bool wide, int64_t n, int64_t rows,
                   int64_t padding, const char* op, Fault* fault) {
  launch(keys_kernel, threads_for(n), keys, order, indices, wide, n, rows, padding, op, fault);
}

void sum_sorted_rows(const RowSums& sums, DType dtype) {
  if (sums.n == 0 || sums.width == 0) return;
  switch (dtype) {
    case DType::Float16: return sum_rows<Half>(sums);
    case DType::BFloat16: return sum_rows<BFloat16>(sums);
    case DType::Float32: return sum_rows<float>(sums);
    case DType::Float64: return sum_rows<double>(sums);
    case DType::Complex64: return sum_rows<Complex<float>>(sums);
    default: return sum_rows<Complex<double>>(sums);
  }
}

void count_indices(int32_t* counts, const void* indices, bool wide, int64_t n, int64_t rows) {
  launch(count_kernel, threads_for(n), counts, indices, wide, n, rows);
}

void scale_rows(const RowScale& scale, DType dtype) {
  const LaunchConfig config = threads_for(scale.n * scale.width);
  switch (dtype) {
    case DType::Float16: return launch(scale_kernel<Half>, config, scale);
    case DType::BFloat16: return launch(scale_kernel<BFloat16>, config, scale);
    case DType::Float32: return launch(scale_kernel<float>, config, scale);
    case DType::Float64: return launch(scale_kernel<double>, config, scale);
    case DType::Complex64: return launch(scale_kernel<Complex<float>>, config, scale);
    default: return launch(scale_kernel<Complex<double>>, config, scale);
  }
}

void write_ones(int64_t* out, const int64_t* values, int64_t n, int64_t classes, Fault* fault) {
  launch(ones_kernel, threads_for(n), out, values, n, classes, "one_hot", fault);
}

void find_largest(int64_t* largest, const int64_t* values, int64_t n) {
  launch(start_kernel, {1, 1}, largest);
  const int64_t blocks = ceil_div(n, kThreads * 8);
  launch(largest_kernel, {static_cast<unsigned>(blocks < 1024 ? blocks : 1024), kThreads}, largest, values,
         n);
}

}  // namespace plait::cuda
