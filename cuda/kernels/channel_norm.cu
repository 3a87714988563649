// Elements are read once by each of these kernels: batch norm moves 3 x numel elements forward (two reads,
// the first for the statistics) and 5 x backward. Where planes lie one after the other (N, C, inner), a
// thread takes vectors of a plane; where channels are innermost, it keeps the numbers of its channels in
// registers and goes down the rows.
#include "cuda/kernels/channel_norm.h"

#include "cuda/device/reduce_kernel.cuh"
#include "cuda/device/row_math.cuh"

namespace plait::cuda {
namespace {

constexpr int kThreads = 256;

// y = (x - mean) scale + shift, or dx = g scale - (x - mean) slope - shift.
template <class O>
struct Terms {
  O mean, scale, slope, shift;
};

template <class T>
struct Source {
  using O = opmath_t<T>;
  const O *mean, *spread, *weight;  // weight: null for 1
  const O* bias;                    // forward; null for 0
  const O *dots, *sums;             // backward: batch norm's (C); group norm's slope and shift, (N, groups)
  O eps, inverse_count;
  int64_t groups;  // 0: batch norm
  FastDivisor per_group;

  template <bool Backward>
  __device__ __forceinline__ Terms<O> at(int64_t sample, uint32_t channel) const {
    Terms<O> t;
    const O w = weight ? weight[channel] : O(1);
    if (groups == 0) {
      const O inverse = rsqrt_of(spread[channel] + eps);
      t.mean = mean[channel];
      t.scale = w * inverse;
      if constexpr (Backward) {
        t.slope = t.scale * dots[channel] * inverse * inverse_count;
        t.shift = t.scale * sums[channel] * inverse_count;
      }
    } else {
      const int64_t i = sample * groups + per_group.divide(channel);
      t.mean = mean[i];
      t.scale = w * spread[i];
      if constexpr (Backward) {
        t.slope = dots[i];
        t.shift = sums[i];
      }
    }
    if constexpr (!Backward) {
      t.slope = O(0);
      t.shift = bias ? bias[channel] : O(0);
    }
    return t;
  }
};

template <bool Backward, class T, class O>
__device__ __forceinline__ T applied(T g, T x, const Terms<O>& t) {
  const O d = to_op(x) - t.mean;
  if constexpr (Backward)
    return from_op<T>(to_op(g) * t.scale - d * t.slope - t.shift);
  else
    return from_op<T>(d * t.scale + t.shift);
}

// Planes one after the other: vectors that lie within one, or single elements.
constexpr int kUnroll = 2;

template <class T, int W, bool Backward>
__global__ void __launch_bounds__(kThreads)
    apply_to_planes(const Source<T> source, const T* g, const T* x, T* y, int64_t count, int64_t per_plane,
                    bool wide, FastDivisor plane, FastDivisor channels) {
  using V = Vector<T, W>;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * (kThreads * kUnroll) + threadIdx.x;
  V from[kUnroll], grad[kUnroll];
#pragma unroll
  for (int u = 0; u < kUnroll; ++u) {
    const int64_t i = first + u * kThreads;
    if (i >= count) continue;
    from[u] = load_streaming(reinterpret_cast<const V*>(x) + i);
    if constexpr (Backward) grad[u] = load_streaming(reinterpret_cast<const V*>(g) + i);
  }
#pragma unroll
  for (int u = 0; u < kUnroll; ++u) {
    const int64_t i = first + u * kThreads;
    if (i >= count) continue;
    int64_t sample;
    uint32_t channel;
    if (wide) {
      const int64_t at = i / per_plane;
      sample = at / channels.divisor;
      channel = static_cast<uint32_t>(at - sample * channels.divisor);
    } else {
      sample = channels.divide(plane.divide(static_cast<uint32_t>(i)), channel);
    }
    const auto t = source.template at<Backward>(sample, channel);
    V out;
#pragma unroll
    for (int k = 0; k < W; ++k)
      out.at[k] = applied<Backward>(Backward ? grad[u].at[k] : T{}, from[u].at[k], t);
    store_streaming(reinterpret_cast<V*>(y) + i, out);
  }
}

// Channels innermost: threadIdx.x and blockIdx.x along the channels, threadIdx.y and blockIdx.y along the
// rows of a sample, blockIdx.z the sample (batch norm: one for all).
constexpr int kRowsInFlight = 4;

template <class T, int W, bool Backward>
__global__ void __launch_bounds__(kThreads)
    apply_to_rows(const Source<T> source, const T* g, const T* x, T* y, int64_t rows, int64_t channels,
                  int64_t rows_per_block) {
  using O = opmath_t<T>;
  using V = Vector<T, W>;
  const int64_t channel = (static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) * W;
  if (channel >= channels) return;
  const int64_t sample = blockIdx.z;
  Terms<O> terms[W];
#pragma unroll
  for (int k = 0; k < W; ++k)
    terms[k] = source.template at<Backward>(sample, static_cast<uint32_t>(channel) + k);
  const int64_t begin = blockIdx.y * rows_per_block;
  const int64_t end = begin + rows_per_block < rows ? begin + rows_per_block : rows;
  const int64_t base = sample * rows * channels + channel;
  for (int64_t r = begin + threadIdx.y; r < end; r += kRowsInFlight * blockDim.y) {
    V from[kRowsInFlight], grad[kRowsInFlight];
#pragma unroll
    for (int u = 0; u < kRowsInFlight; ++u) {
      const int64_t row = r + u * blockDim.y;
      if (row >= end) continue;
      from[u] = load_streaming(reinterpret_cast<const V*>(x + base + row * channels));
      if constexpr (Backward) grad[u] = load_streaming(reinterpret_cast<const V*>(g + base + row * channels));
    }
#pragma unroll
    for (int u = 0; u < kRowsInFlight; ++u) {
      const int64_t row = r + u * blockDim.y;
      if (row >= end) continue;
      V out;
#pragma unroll
      for (int k = 0; k < W; ++k)
        out.at[k] = applied<Backward>(Backward ? grad[u].at[k] : T{}, from[u].at[k], terms[k]);
      store_streaming(reinterpret_cast<V*>(y + base + row * channels), out);
    }
  }
}

template <class T, int W, bool Backward>
void apply(const ChannelPlan& p, const Source<T>& source, const T* g, const T* x, T* y) {
  if (!p.channels_innermost) {
    const int64_t per_plane = p.inner / W, count = p.batch * p.channels * per_plane;
    const bool wide = count >= (int64_t{1} << 31);
    launch(apply_to_planes<T, W, Backward>,
           {dim3(static_cast<unsigned>(ceil_div(count, kThreads * kUnroll))), dim3(kThreads)}, source, g, x,
           y, count, per_plane, wide, wide ? FastDivisor(1) : FastDivisor(static_cast<uint32_t>(per_plane)),
           FastDivisor(static_cast<uint32_t>(p.channels)));
    return;
  }
  // Batch norm knows no samples.
  const int64_t samples = p.groups ? p.batch : 1, rows = p.groups ? p.inner : p.batch * p.inner;
  const int64_t vectors = p.channels / W;
  unsigned across = 1;
  while (across < kThreads && across < vectors) across *= 2;
  const unsigned down = kThreads / across;
  const int64_t tiles = ceil_div(vectors, across);
  // About 8 blocks a multiprocessor, or as many as give each thread its rows in flight once.
  const int64_t wanted = ceil_div(8 * properties().multiprocessors, tiles * samples);
  int64_t blocks = ceil_div(rows, down * kRowsInFlight);
  blocks = blocks < wanted ? blocks : wanted;
  blocks = blocks < 65535 ? blocks : 65535;
  const int64_t per_block = ceil_div(rows, blocks);
  for (int64_t first = 0; first < samples; first += 65535) {  // of a grid's third dimension
    const int64_t n = samples - first < 65535 ? samples - first : 65535, offset = first * rows * p.channels;
    Source<T> part = source;
    part.mean += first * p.groups;
    part.spread += first * p.groups;
    if (Backward && p.groups) {
      part.dots += first * p.groups;
      part.sums += first * p.groups;
    }
    launch(apply_to_rows<T, W, Backward>,
           {dim3(static_cast<unsigned>(tiles), static_cast<unsigned>(blocks), static_cast<unsigned>(n)),
            dim3(across, down)},
           part, Backward ? g + offset : g, x + offset, y + offset, rows, p.channels, per_block);
  }
}

bool is_aligned(const void* p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; }

template <bool Backward, class T>
void apply_fitting(const ChannelPlan& p, const Source<T>& source, const T* g, const T* x, T* y) {
  constexpr int W = kVectorWidth<T>;
  const int64_t side_by_side = p.channels_innermost ? p.channels : p.inner;
  if (side_by_side % W == 0 && is_aligned(x) && is_aligned(y) && is_aligned(g))
    apply<T, W, Backward>(p, source, g, x, y);
  else
    apply<T, 1, Backward>(p, source, g, x, y);
}

template <class T>
Source<T> source_of(const ChannelPlan& p) {
  using O = opmath_t<T>;
  Source<T> s{};
  s.mean = static_cast<const O*>(p.mean);
  s.spread = static_cast<const O*>(p.spread);
  s.weight = static_cast<const O*>(p.weight);
  s.eps = static_cast<O>(p.eps);
  s.inverse_count = static_cast<O>(1.0 / (static_cast<double>(p.batch) * static_cast<double>(p.inner)));
  s.groups = p.groups;
  if (p.groups) s.per_group = FastDivisor(static_cast<uint32_t>(p.channels / p.groups));
  return s;
}

// ---- the sums of the derivatives

template <class T>
struct GradientSums {
  static constexpr bool kPair = true;  // of g and x
  using Element = T;
  using O = opmath_t<T>;
  struct Lane {
    O mean, dot, sum;
  };
  struct Acc {
    double dot, sum;
  };
  const O *mean, *variance;  // variance: of batch norm, else null
  int64_t per_group;
  O eps;

  __device__ Lane start(int64_t at) const { return {mean[at / per_group], O(0), O(0)}; }
  __device__ T neutral() const { return from_op<T>(O(0)); }
  __device__ O step(O a, O b) const { return a + b; }
  template <int N, class I>
  __device__ void add(Lane& lane, const T (&g)[N], const T (&x)[N], int, const I&) const {
    O part[N];
#pragma unroll
    for (int i = 0; i < N; ++i) part[i] = to_op(g[i]) * (to_op(x[i]) - lane.mean);
    fold<N>(*this, part);
    lane.dot += part[0];
#pragma unroll
    for (int i = 0; i < N; ++i) part[i] = to_op(g[i]);
    fold<N>(*this, part);
    lane.sum += part[0];
  }
  __device__ Acc lift(const Lane& lane, int64_t) const {
    return {static_cast<double>(lane.dot), static_cast<double>(lane.sum)};
  }
  __device__ Acc merge(const Acc& a, const Acc& b) const { return {a.dot + b.dot, a.sum + b.sum}; }
  __device__ void store(const Acc& acc, int64_t at, char* const* out) const {
    const O dot = static_cast<O>(acc.dot);
    reinterpret_cast<O*>(out[0])[at] = variance ? dot * rsqrt_of(variance[at] + eps) : dot;
    reinterpret_cast<O*>(out[1])[at] = static_cast<O>(acc.sum);
  }
};

// ---- group norm's small ones: a warp each

// For every sample and group, of its channels: slope and shift of dx.
template <class T>
__global__ void __launch_bounds__(kThreads)
    group_terms(const Source<T> s, const opmath_t<T>* dots, const opmath_t<T>* sums, opmath_t<T>* slope,
                opmath_t<T>* shift, int64_t count, int channels, int per_group, opmath_t<T> inverse_count) {
  using O = opmath_t<T>;
  const int64_t i = static_cast<int64_t>(blockIdx.x) * (kThreads / kWarp) + threadIdx.x / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t sample = i / s.groups;
  const int first = static_cast<int>(i - sample * s.groups) * per_group;
  Pair<O> total{O(0), O(0)};
  if (i < count) {
    for (int c = first + lane; c < first + per_group; c += kWarp) {
      const O w = s.weight ? s.weight[c] : O(1);
      total.a += w * dots[sample * channels + c];
      total.b += w * sums[sample * channels + c];
    }
  }
  total = warp_all(total, kWarp, AddValues{});
  if (i >= count || lane > 0) return;
  const O r = s.spread[i];
  slope[i] = r * r * r * total.a * inverse_count;
  shift[i] = r * total.b * inverse_count;
}

// For every channel, over the samples: dweight and dbias, of the elements' dtype.
template <class T>
__global__ void __launch_bounds__(kThreads)
    group_weights(const Source<T> s, const opmath_t<T>* dots, const opmath_t<T>* sums, T* dweight, T* dbias,
                  int64_t batch, int channels) {
  using O = opmath_t<T>;
  const int c = static_cast<int>(blockIdx.x * (kThreads / kWarp) + threadIdx.x / kWarp);
  Pair<O> total{O(0), O(0)};
  if (c < channels) {
    const int64_t group = s.per_group.divide(static_cast<uint32_t>(c));
    for (int64_t n = threadIdx.x % kWarp; n < batch; n += kWarp) {
      total.a += dots[n * channels + c] * s.spread[n * s.groups + group];
      total.b += sums[n * channels + c];
    }
  }
  total = warp_all(total, kWarp, AddValues{});
  if (c >= channels || threadIdx.x % kWarp) return;
  dweight[c] = from_op<T>(total.a);
  dbias[c] = from_op<T>(total.b);
}

template <class O>
struct Running {
  O* running[2];
  const O* values[2];
  O factors[2];
};
template <class O>
__global__ void __launch_bounds__(kThreads)
    move_towards(const Running<O> p, int64_t n, O momentum, int64_t* counter) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (counter && i == 0 && blockIdx.y == 0) ++*counter;
  O* running = p.running[blockIdx.y];
  if (i >= n || !running) return;
  running[i] = running[i] * (O(1) - momentum) + p.values[blockIdx.y][i] * p.factors[blockIdx.y] * momentum;
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

void channel_norm(const ChannelPlan& p, const void* x, const void* bias, void* y) {
  with_float(p.dtype, [&]<class T>() {
    Source<T> source = source_of<T>(p);
    source.bias = static_cast<const opmath_t<T>*>(bias);
    apply_fitting<false>(p, source, static_cast<const T*>(nullptr), static_cast<const T*>(x),
                         static_cast<T*>(y));
  });
}

void channel_gradient_sums(const ReducePlan& reduction, const ChannelPlan& p) {
  with_float(p.dtype, [&]<class T>() {
    using O = opmath_t<T>;
    run_reduction<ReduceVectors::Both>(
        reduction,
        GradientSums<T>{static_cast<const O*>(p.mean), p.groups ? nullptr : static_cast<const O*>(p.spread),
                        p.groups ? p.channels / p.groups : 1, static_cast<O>(p.eps)});
  });
}

void batch_norm_gradient(const ChannelPlan& p, const void* g, const void* x, const void* dots,
                         const void* sums, void* dx) {
  with_float(p.dtype, [&]<class T>() {
    Source<T> source = source_of<T>(p);
    source.dots = static_cast<const opmath_t<T>*>(dots);
    source.sums = static_cast<const opmath_t<T>*>(sums);
    apply_fitting<true>(p, source, static_cast<const T*>(g), static_cast<const T*>(x), static_cast<T*>(dx));
  });
}

void move_running(DType dtype, int64_t n, void* const (&running)[2], const void* const (&values)[2],
                  double momentum, const double (&factors)[2], int64_t* counter) {
  const auto run = [&]<class O>() {
    const Running<O> p{{static_cast<O*>(running[0]), static_cast<O*>(running[1])},
                       {static_cast<const O*>(values[0]), static_cast<const O*>(values[1])},
                       {static_cast<O>(factors[0]), static_cast<O>(factors[1])}};
    launch(move_towards<O>, {dim3(static_cast<unsigned>(ceil_div(n, kThreads)), 2), dim3(kThreads)}, p, n,
           static_cast<O>(momentum), counter);
  };
  dtype == DType::Float64 ? run.template operator()<double>() : run.template operator()<float>();
}

void group_norm_gradient(const ChannelPlan& p, const void* g, const void* x, const void* channel_dots,
                         const void* channel_sums, void* terms, void* dx, void* dweight, void* dbias) {
  with_float(p.dtype, [&]<class T>() {
    using O = opmath_t<T>;
    Source<T> source = source_of<T>(p);
    const auto *dots = static_cast<const O*>(channel_dots), *sums = static_cast<const O*>(channel_sums);
    const int64_t count = p.batch * p.groups;
    const int channels = static_cast<int>(p.channels), per_group = static_cast<int>(p.channels / p.groups);
    O *slope = static_cast<O*>(terms), *shift = slope + count;
    constexpr int kWarps = kThreads / kWarp;
    const auto inverse =
        static_cast<O>(1.0 / (static_cast<double>(per_group) * static_cast<double>(p.inner)));
    launch(group_weights<T>, {dim3(static_cast<unsigned>(ceil_div(channels, kWarps))), dim3(kThreads)},
           source, dots, sums, static_cast<T*>(dweight), static_cast<T*>(dbias), p.batch, channels);
    launch(group_terms<T>, {dim3(static_cast<unsigned>(ceil_div(count, kWarps))), dim3(kThreads)}, source,
           dots, sums, slope, shift, count, channels, per_group, inverse);
    source.dots = slope;
    source.sums = shift;
    apply_fitting<true>(p, source, static_cast<const T*>(g), static_cast<const T*>(x), static_cast<T*>(dx));
  });
}

}  // namespace plait::cuda
