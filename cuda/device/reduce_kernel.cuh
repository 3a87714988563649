// Reductions over a plan: any strides, any set of dimensions, one launch. A function F says what is done:
//
//   struct F {
//     using Element = ...;              // in memory
//     using Lane = ...;                 // a thread's accumulator
//     using Acc = ...;                  // what threads and blocks are merged in; whole 4-byte words
//     static constexpr bool kPair;      // of two inputs that lie alike: add(lane, x, y, valid, index)
//     Lane start(int64_t at) const;     // of the result that goes to `at`
//     Element neutral() const;          // an element that changes nothing where a chunk is not full
//     // Adds the first `valid` of N elements (the rest are neutral); `index(j)` is where x[j] stands in this
//     // thread's part of the row, rising with j and from call to call.
//     template <int N, class I> void add(Lane&, const Element (&x)[N], int valid, const I& index) const;
//     // Optional: the same for neighbouring columns, of which each vector has a row.
//     template <int N, int W> void add_columns(Lane (&)[W], const Vector<Element, W> (&rows)[N], int valid)
//         const;
//     Acc lift(const Lane&, int64_t base) const;   // base: of this thread's part
//     Acc merge(const Acc&, const Acc&) const;
//     void store(const Acc&, int64_t at, char* const* out) const;
//   };
//
// 256 threads share results and rows: `red` (a power of 2) work on one result together. Where the innermost
// dimension is reduced they are neighbours ("rows"), and read 16 bytes each, four times before they compute;
// where it is kept, neighbours have neighbouring results ("columns"), 16 bytes of them each. What does not
// fit vectors is read element by element, coalesced in the same two ways. Where the results are too few to
// fill the device, rows are split among blocks (blockIdx.y), and the last block of each merges the parts.
#pragma once

#include "cuda/device/reduce.cuh"
#include "cuda/reduce_plan.h"
#include "cuda/runtime/counters.h"

namespace plait::cuda {
namespace detail {

constexpr int kReduceThreads = 256;
constexpr int kReduceUnroll = 4;

// Where the index-th element of several dimensions is.
struct ReduceWalk {
  int count;
  bool wide;  // indices of more than 31 bits; of kept dimensions only
  FastDivisor divisors[ReducePlan::kMaxDims] = {};
  int64_t sizes[ReducePlan::kMaxDims] = {}, strides[ReducePlan::kMaxDims] = {},
          out[ReducePlan::kMaxDims] = {};

  // `width`: elements of dimension 0 that are taken as one.
  explicit ReduceWalk(const ReducePlan::Dims& dims, int width = 1)
      : count(dims.count),
        wide(dims.numel >= ReducePlan::kMostIndexed) {
    for (int d = 0; d < count; ++d) {
      const int64_t step = d == 0 ? width : 1;
      sizes[d] = dims.sizes[d] / step;
      if (sizes[d] > 0 && sizes[d] < ReducePlan::kMostIndexed)
        divisors[d] = FastDivisor(static_cast<uint32_t>(sizes[d]));
      strides[d] = dims.strides[d] * step;
      out[d] = dims.out[d] * step;
    }
  }
  __device__ __forceinline__ int64_t offset(int64_t index) const {
    if (count == 1) return index * strides[0];
    int64_t offset = 0;
    auto rest = static_cast<uint32_t>(index);
#pragma unroll 1
    for (int d = 0; d < count; ++d) {
      uint32_t at;
      rest = divisors[d].divide(rest, at);
      offset += at * strides[d];
    }
    return offset;
  }
  // Of a result: in the input, and its own.
  __device__ __forceinline__ void locate(int64_t index, int64_t& offset, int64_t& out_offset) const {
    offset = out_offset = 0;
#pragma unroll 1
    for (int d = 0; d < count; ++d) {
      int64_t at = index;
      if (count > 1) {
        if (wide) {
          index /= sizes[d];
          at -= index * sizes[d];
        } else {
          uint32_t rest;
          index = divisors[d].divide(static_cast<uint32_t>(index), rest);
          at = rest;
        }
      }
      offset += at * strides[d];
      out_offset += at * out[d];
    }
  }
};

template <class F>
struct ReduceArgs {
  F f;
  const char *in, *other;
  char* out[2];
  ReduceWalk kept, reduced;
  int64_t results;    // a thread's share as one: vectors of them where columns are vectors
  int64_t length;     // of what is reduced: vectors where rows are, of several dimensions
  int64_t per_split;  // of it for a block
  int log_red;
  bool across;  // neighbours have neighbouring results
  bool flat;    // rows of a single dimension, aligned or not: `length` counts elements
  typename F::Acc* parts;
  unsigned* counters;
};

// N elements of one or both inputs, which get(from, j) finds.
template <int N, class F, class From, class Others, class I, class Get>
__device__ __forceinline__ void add_chunk(const F& f, typename F::Lane& acc, const From& from,
                                          const Others& others, int valid, const I& index, const Get& get) {
  typename F::Element x[N];
#pragma unroll
  for (int j = 0; j < N; ++j) x[j] = get(from, j);
  if constexpr (F::kPair) {
    typename F::Element y[N];
#pragma unroll
    for (int j = 0; j < N; ++j) y[j] = get(others, j);
    f.template add<N>(acc, x, y, valid, index);
  } else {
    f.template add<N>(acc, x, valid, index);
  }
}

template <class F, int W>
__device__ __forceinline__ void add_row(const ReduceArgs<F>& p, int64_t at, int64_t begin, int64_t end,
                                        int lane, int red, typename F::Lane& acc) {
  using T = typename F::Element;
  constexpr int kUnroll = W < 16 ? kReduceUnroll : kReduceUnroll / 2, N = kUnroll * W;
  using V = Vector<T, W>;
  const int64_t apart = F::kPair ? p.other - p.in : 0;  // between the two inputs, in bytes
  // `load(v)`: where vector v of the first input is.
  const auto run = [&](auto&& load, uint32_t count, uint32_t first) {
    for (uint32_t v = lane; v < count; v += kUnroll * red) {
      V loaded[kUnroll], others[F::kPair ? kUnroll : 1];
      int valid = 0;
#pragma unroll
      for (int u = 0; u < kUnroll; ++u) {
        if (v + u * red < count) {
          const V* from = load(v + u * red);
          loaded[u] = load_streaming(from);
          if constexpr (F::kPair)
            others[u] =
                load_streaming(reinterpret_cast<const V*>(reinterpret_cast<const char*>(from) + apart));
          valid += W;
        } else {
#pragma unroll
          for (int i = 0; i < W; ++i) {
            loaded[u].at[i] = p.f.neutral();
            if constexpr (F::kPair) others[u].at[i] = p.f.neutral();
          }
        }
      }
      const auto index = [=](int j) { return first + (v + j / W * red) * W + j % W; };
      add_chunk<N>(p.f, acc, loaded, others, valid, index,
                   [](const V* from, int j) { return from[j / W].at[j % W]; });
    }
  };
  const char* row = p.in + at;
  if (!p.flat) {
    run([&](uint32_t v) { return reinterpret_cast<const V*>(row + p.reduced.offset(begin + v)); },
        static_cast<uint32_t>(end - begin), 0);
    return;
  }
  // A row of contiguous elements that may begin anywhere: single ones before and behind whole vectors.
  const T* x = reinterpret_cast<const T*>(row) + begin;
  const auto n = static_cast<uint32_t>(end - begin);
  const auto one = [&](uint32_t i) {
    const T single[1] = {x[i]};
    const T* pair = reinterpret_cast<const T*>(reinterpret_cast<const char*>(x + i) + apart);
    add_chunk<1>(
        p.f, acc, single, pair, 1, [=](int) { return i; }, [](const T* from, int) { return from[0]; });
  };
  const uint32_t past = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(x) % sizeof(V) / sizeof(T));
  uint32_t head = past ? W - past : 0;
  head = head < n ? head : n;
  for (uint32_t i = lane; i < head; i += red) one(i);
  const uint32_t vectors = (n - head) / W;
  run([&](uint32_t v) { return reinterpret_cast<const V*>(x + head) + v; }, vectors, head);
  for (uint32_t i = head + vectors * W + lane; i < n; i += red) one(i);
}

template <class F, int W>
__device__ __forceinline__ void add_columns(const ReduceArgs<F>& p, int64_t at, int64_t begin, int64_t end,
                                            int lane, int red, typename F::Lane (&acc)[W]) {
  using T = typename F::Element;
  constexpr int N = W == 1 ? 2 * kReduceUnroll : kReduceUnroll;
  using V = Vector<T, W>;
  const int64_t apart = F::kPair ? p.other - p.in : 0;
  for (int64_t r = begin + lane; r < end; r += N * red) {
    V loaded[N], others[F::kPair ? N : 1];
    int valid = 0;
#pragma unroll
    for (int u = 0; u < N; ++u) {
      if (r + u * red < end) {
        const char* from = p.in + at + p.reduced.offset(r + u * red);
        loaded[u] = *reinterpret_cast<const V*>(from);
        if constexpr (F::kPair) others[u] = *reinterpret_cast<const V*>(from + apart);
        ++valid;
      } else {
#pragma unroll
        for (int c = 0; c < W; ++c) {
          loaded[u].at[c] = p.f.neutral();
          if constexpr (F::kPair) others[u].at[c] = p.f.neutral();
        }
      }
    }
    if constexpr (W > 1 && requires { p.f.add_columns(acc, loaded, valid); }) {
      p.f.add_columns(acc, loaded, valid);
      continue;
    }
    const auto first = static_cast<uint32_t>(r - begin);
#pragma unroll
    for (int c = 0; c < W; ++c)
      add_chunk<N>(
          p.f, acc[c], loaded, others, valid, [=](int j) { return first + j * red; },
          [c](const V* from, int j) { return from[j].at[c]; });
  }
}

// Merges what the `red` threads of each result have; lane 0 gets it.
template <class F>
__device__ __forceinline__ void merge_lanes(const F& f, typename F::Acc& acc, bool across, int lane,
                                            int red) {
  using Acc = typename F::Acc;
  alignas(16) __shared__ unsigned char memory[kReduceThreads * sizeof(Acc)];
  Acc* shared = reinterpret_cast<Acc*>(memory);
  const int thread = static_cast<int>(threadIdx.x);
  if (across) {
    const int step = kReduceThreads / red;  // between the lanes of a result
    for (int width = red / 2; width > 0; width >>= 1) {
      if (lane >= width && lane < 2 * width) shared[thread] = acc;
      __syncthreads();
      if (lane < width) acc = f.merge(acc, shared[thread + width * step]);
      __syncthreads();
    }
    return;
  }
  for (int width = (red < kWarp ? red : kWarp) / 2; width > 0; width >>= 1)
    acc = f.merge(acc, shuffle_down(acc, width));
  if (red <= kWarp) return;
  if (thread % kWarp == 0) shared[thread / kWarp] = acc;
  __syncthreads();
  if (lane == 0)
    for (int warp = 1; warp < red / kWarp; ++warp) acc = f.merge(acc, shared[thread / kWarp + warp]);
  __syncthreads();
}

template <class F, int W, bool Rows>
__global__ void __launch_bounds__(kReduceThreads) reduce_kernel(const ReduceArgs<F> p) {
  using Acc = typename F::Acc;
  constexpr int kColumns = Rows ? 1 : W;
  const int thread = static_cast<int>(threadIdx.x), log_results = 8 - p.log_red, red = 1 << p.log_red;
  static_assert(kReduceThreads == 1 << 8);
  const bool across = !Rows && p.across;
  const int lane = across ? thread >> log_results : thread & (red - 1);
  const int which = across ? thread & ((1 << log_results) - 1) : thread >> p.log_red;
  const int64_t result = (static_cast<int64_t>(blockIdx.x) << log_results) + which;
  const bool valid = result < p.results;
  const int64_t begin = static_cast<int64_t>(blockIdx.y) * p.per_split;
  const int64_t end = begin + p.per_split < p.length ? begin + p.per_split : p.length;

  typename F::Lane lanes[kColumns];
  int64_t at = 0, out_at = 0;
  if (valid) p.kept.locate(result, at, out_at);
  const int64_t out_step = W > 1 ? p.kept.out[0] / W : 0;  // between a thread's results
#pragma unroll
  for (int c = 0; c < kColumns; ++c) lanes[c] = p.f.start(out_at + c * out_step);
  if (valid) {
    if constexpr (Rows)
      add_row<F, W>(p, at, begin, end, lane, red, lanes[0]);
    else
      add_columns<F, W>(p, at, begin, end, lane, red, lanes);
  }
  Acc acc[kColumns];
#pragma unroll
  for (int c = 0; c < kColumns; ++c) {
    acc[c] = p.f.lift(lanes[c], Rows && !p.flat ? begin * W : begin);
    merge_lanes(p.f, acc[c], across, lane, red);
  }

  const unsigned splits = gridDim.y;
  if (splits > 1) {
    Acc* parts = p.parts + result * kColumns * splits;
    if (valid && lane == 0)
#pragma unroll
      for (int c = 0; c < kColumns; ++c) parts[c * splits + blockIdx.y] = acc[c];
    if (!is_last_block(p.counters + blockIdx.x, splits)) return;
#pragma unroll
    for (int c = 0; c < kColumns; ++c) {
      acc[c] = p.f.lift(p.f.start(0), 0);
      if (valid)
        for (unsigned s = lane; s < splits; s += red) acc[c] = p.f.merge(acc[c], parts[c * splits + s]);
      merge_lanes(p.f, acc[c], across, lane, red);
    }
  }
  if (valid && lane == 0)
#pragma unroll
    for (int c = 0; c < kColumns; ++c) p.f.store(acc[c], out_at + c * out_step, p.out);
}

struct ReduceShape {
  int log_red;
  int64_t blocks, per_split;
  unsigned splits;
};
ReduceShape reduce_shape(int64_t results, int64_t length, bool across, bool flat, int width);

template <class F, int W, bool Rows>
void launch_reduction(const ReducePlan& plan, const F& f, bool across, bool flat) {
  constexpr int kColumns = Rows ? 1 : W;
  const int row_width = Rows && !flat ? W : 1;
  ReduceArgs<F> p{f,
                  plan.in,
                  plan.other,
                  {plan.out[0], plan.out[1]},
                  ReduceWalk(plan.kept, kColumns),
                  ReduceWalk(plan.reduced, row_width),
                  plan.kept.numel / kColumns,
                  plan.reduced.numel / row_width,
                  0,
                  0,
                  across,
                  flat,
                  nullptr,
                  nullptr};
  const ReduceShape shape = reduce_shape(p.results, p.length, across, flat, W);
  p.log_red = shape.log_red;
  p.per_split = shape.per_split;
  const LaunchConfig config{dim3(static_cast<unsigned>(shape.blocks), shape.splits), dim3(kReduceThreads)};
  if (shape.splits == 1) return launch(reduce_kernel<F, W, Rows>, config, p);
  const Workspace parts(static_cast<size_t>(plan.kept.numel) * shape.splits * sizeof(typename F::Acc));
  const Counters counters(shape.blocks);
  p.parts = parts.as<typename F::Acc>();
  p.counters = counters.data();
  launch(reduce_kernel<F, W, Rows>, config, p);
}

// Can `width` neighbours of the innermost of `inner` always be read as one?
bool fits_vectors(const ReducePlan& plan, const ReducePlan::Dims& inner, const ReducePlan::Dims& other,
                  int64_t itemsize, int width);

}  // namespace detail

// In pairs: part[0] becomes the whole. (A recursion, since nvcc leaves a loop over halves in memory.)
template <int N, class F, class V, int Size>
__device__ __forceinline__ void fold(const F& f, V (&part)[Size]) {
  if constexpr (N > 1) {
#pragma unroll
    for (int i = 0; i < N / 2; ++i) part[i] = f.step(part[i], part[i + N / 2]);
    fold<N / 2>(f, part);
  }
}
// For what is combined by f.step alone: all f.map(x[i]).
template <int N, class F, class T>
__device__ __forceinline__ auto fold_chunk(const F& f, const T (&x)[N]) {
  decltype(f.map(x[0])) part[N];
#pragma unroll
  for (int i = 0; i < N; ++i) part[i] = f.map(x[i]);
  fold<N>(f, part);
  return part[0];
}

// Which kernels with vectors a function has: each costs compile time.
enum class ReduceVectors { None, Rows, Both };

template <ReduceVectors Vectors, class F>
void run_reduction(const ReducePlan& plan, const F& f) {
  using namespace detail;
  using T = typename F::Element;
  constexpr int W = kVectorWidth<T>, kColumns = W < 8 ? W : 8;
  constexpr auto item = static_cast<int64_t>(sizeof(T));
  if (plan.kept.numel == 0) return;
  const int64_t r = plan.reduced.strides[0], k = plan.kept.strides[0];
  const bool by_rows = plan.kept.numel == 1 || (r != 0 && plan.reduced.sizes[0] > 1 && (r < k || k == 0));
  if constexpr (Vectors != ReduceVectors::None && W > 1) {
    const bool flat = plan.reduced.count == 1 && r == item;
    const bool alike = !F::kPair || reinterpret_cast<uintptr_t>(plan.in) % 16 ==
                                        reinterpret_cast<uintptr_t>(plan.other) % 16;
    if (by_rows && alike && plan.reduced.numel >= W &&
        (flat || fits_vectors(plan, plan.reduced, plan.kept, item, W)))
      return launch_reduction<F, W, true>(plan, f, false, flat);
  }
  if constexpr (Vectors == ReduceVectors::Both && W > 1) {
    const bool alike = !F::kPair || reinterpret_cast<uintptr_t>(plan.in) % 16 ==
                                        reinterpret_cast<uintptr_t>(plan.other) % 16;
    if (!by_rows && alike && fits_vectors(plan, plan.kept, plan.reduced, item, kColumns))
      return launch_reduction<F, kColumns, false>(plan, f, true, false);
  }
  launch_reduction<F, 1, false>(plan, f, !by_rows, false);
}

}  // namespace plait::cuda
