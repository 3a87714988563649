#include "cuda/kernels/random.h"

#include <cmath>

#include "cuda/device/fault.cuh"
#include "cuda/device/launch.cuh"
#include "cuda/device/math.cuh"
#include "cuda/device/philox.cuh"
#include "cuda/device/raw.cuh"
#include "cuda/device/store.cuh"
#include "cuda/kernels/visit_float.cuh"
#include "cuda/runtime/memory.h"

namespace plait::cuda {
namespace {

constexpr int kThreads = 256;

// A block of threads works on a power of two of groups of four elements, so that the indices of their Philox
// blocks have one upper half: `first` is the index of its first group, `t` counts from there.

// The bits of elements 4 t to 4 t + 3: one Philox block of 32-bit draws, two of 64-bit ones.
template <class C>
struct Bits {
  using Word = uint32_t;
  static __device__ __forceinline__ void draw(const PhiloxKeys& keys, uint64_t first, uint32_t t,
                                              uint32_t (&bits)[kGroup]) {
    const PhiloxBlock block =
        philox_block(keys, static_cast<uint32_t>(first) + t, static_cast<uint32_t>(first >> 32));
#pragma unroll
    for (int i = 0; i < kGroup; ++i) bits[i] = block.v[i];
  }
};
template <>
struct Bits<double> {
  using Word = uint64_t;
  static __device__ __forceinline__ void draw(const PhiloxKeys& keys, uint64_t first, uint32_t t,
                                              uint64_t (&bits)[kGroup]) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const PhiloxBlock block =
          philox_block(keys, static_cast<uint32_t>(2 * first) + 2 * t + static_cast<uint32_t>(i),
                       static_cast<uint32_t>(2 * first >> 32));
      bits[2 * i] = static_cast<uint64_t>(block.v[1]) << 32 | block.v[0];
      bits[2 * i + 1] = static_cast<uint64_t>(block.v[3]) << 32 | block.v[2];
    }
  }
};

// The part of n elements that is this block's: Units units of W elements a thread; neighbouring threads have
// neighbouring units.
template <int W, int Units>
struct BlockShare {
  static constexpr int kElements = kThreads * Units * W;
  static_assert((kElements & (kElements - 1)) == 0);
  int64_t start;
  int count;

  __device__ __forceinline__ explicit BlockShare(int64_t n)
      : start(static_cast<int64_t>(blockIdx.x) * kElements),
        count(n - start < kElements ? static_cast<int>(n - start) : kElements) {}
  __device__ __forceinline__ uint64_t first_group() const { return static_cast<uint64_t>(start) / kGroup; }
  // The first element of a unit, from `start` on.
  static __device__ __forceinline__ int unit(int u) {
    return (static_cast<int>(threadIdx.x) + u * kThreads) * W;
  }
};

__device__ __forceinline__ float uniform01(uint32_t bits) { return uniform_from_bits<float>(bits); }
__device__ __forceinline__ double uniform01(uint64_t bits) { return uniform_from_bits(bits); }

// The numbers of four elements.
template <Distribution D, class C>
__device__ __forceinline__ void numbers_of(const typename Bits<C>::Word (&bits)[kGroup], C (&x)[kGroup]) {
  if constexpr (D == Distribution::Uniform) {
#pragma unroll
    for (int i = 0; i < kGroup; ++i) x[i] = uniform01(bits[i]);
  } else if constexpr (D == Distribution::Normal) {
#pragma unroll
    for (int i = 0; i < kGroup; i += 2) {  // Box and Muller, 1958
      const C radius = math::sqrt(C(-2) * math::log(positive_uniform_from_bits(bits[i])));
      const C turns = uniform01(bits[i + 1]);
      C sine, cosine;
      if constexpr (sizeof(C) == 4)
        ::sincospif(2 * turns, &sine, &cosine);
      else
        ::sincospi(2 * turns, &sine, &cosine);
      x[i] = radius * cosine;
      x[i + 1] = radius * sine;
    }
  } else {
    constexpr C kSmallest = std::numeric_limits<C>::epsilon() / 2;  // positive: users divide by them
#pragma unroll
    for (int i = 0; i < kGroup; ++i)
      x[i] = math::at_least(-math::log(positive_uniform_from_bits(bits[i])), kSmallest);
  }
}

// Of 16 bytes, or one draw.
template <class T>
constexpr int kUnitElements = kVectorWidth<T> > kGroup ? kVectorWidth<T> : kGroup;
constexpr int kFillUnits = 2;  // what they have in common is computed once

template <Distribution D, class T, class Keys>
__global__ void __launch_bounds__(kThreads)
    fill_kernel(const Keys state, T* out, int64_t n, opmath_t<T> shift, opmath_t<T> scale) {
  using C = opmath_t<T>;
  constexpr int W = kUnitElements<T>, V = kVectorWidth<T>;
  const BlockShare<W, kFillUnits> share(n);
  const auto keys = state.get();
  const bool aligned = reinterpret_cast<uintptr_t>(out) % 16 == 0;
  out += share.start;
#pragma unroll
  for (int u = 0; u < kFillUnits; ++u) {
    const int first = share.unit(u);
    if (first >= share.count) return;
    C x[W];
#pragma unroll
    for (int g = 0; g < W / kGroup; ++g) {
      typename Bits<C>::Word bits[kGroup];
      Bits<C>::draw(keys, share.first_group(), static_cast<uint32_t>(first / kGroup + g), bits);
      C group[kGroup];
      numbers_of<D, C>(bits, group);
#pragma unroll
      for (int i = 0; i < kGroup; ++i) x[g * kGroup + i] = group[i];
    }
#pragma unroll
    for (int i = 0; i < W; ++i) {
      if constexpr (D == Distribution::Uniform && is_16bit_float<T>) {
        // As many bits as the dtype holds below 1, so that none rounds up to 1.
        constexpr C kGrid = std::is_same_v<T, Half> ? 0x1p11f : 0x1p8f;
        x[i] = static_cast<C>(static_cast<int>(x[i] * kGrid)) / kGrid;
      }
      x[i] = scale == C(1) && shift == C(0) ? x[i] : shift + scale * x[i];
    }
    if (aligned && first + W <= share.count) {
#pragma unroll
      for (int i = 0; i < W; i += V) {
        Vector<T, V> part;
#pragma unroll
        for (int j = 0; j < V; ++j) part.at[j] = convert<T>(x[i + j]);
        *reinterpret_cast<Vector<T, V>*>(out + first + i) = part;
      }
    } else {
#pragma unroll
      for (int i = 0; i < W; ++i)
        if (first + i < share.count) out[first + i] = convert<T>(x[i]);
    }
  }
}

// Of a block whose threads have a group each.
__device__ __forceinline__ uint64_t first_group() { return static_cast<uint64_t>(blockIdx.x) * kThreads; }

template <bool Wide>
__global__ void __launch_bounds__(kThreads)
    integer_kernel(const RandomState state, void* out, int64_t n, DType dtype, int64_t low, uint64_t range) {
  const int64_t t = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (t * kGroup >= n) return;
  const PhiloxKey key = state.key();
  using C = std::conditional_t<Wide, double, float>;
  typename Bits<C>::Word bits[kGroup];
  Bits<C>::draw(PhiloxKeys(key), first_group(), threadIdx.x, bits);
  int64_t x[kGroup];
#pragma unroll
  for (int i = 0; i < kGroup; ++i) {
    const auto element = static_cast<uint64_t>(t * kGroup + i);
    uint64_t value;
    if constexpr (Wide)
      value = bounded_from_bits64(bits[i], range, key.seed, key.offset, element);
    else
      value = bounded_from_bits32(bits[i], range, key.seed, key.offset, element);
    x[i] = static_cast<int64_t>(static_cast<uint64_t>(low) + value);
  }
  store_group(out, dtype, t * kGroup, n, x);
}

template <class C, class Keys>
__global__ void __launch_bounds__(kThreads)
    bernoulli_kernel(const Keys state, void* out, int64_t n, DType dtype, const C* p, C one_p, OpName op,
                     Fault* fault) {
  const int64_t t = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x, first = t * kGroup;
  if (first >= n) return;
  typename Bits<C>::Word bits[kGroup];
  Bits<C>::draw(state.get(), first_group(), threadIdx.x, bits);
  bool x[kGroup];
#pragma unroll
  for (int i = 0; i < kGroup; ++i) {
    C limit = one_p;
    if (p && first + i < n) {
      limit = p[first + i];
      if (!(limit >= C(0) && limit <= C(1)))
        report_fault(fault, FaultKind::BernoulliProbability, op,
                     __builtin_bit_cast(int64_t, static_cast<double>(limit)), 0, -1);
    }
    x[i] = uniform01(bits[i]) < limit;
  }
  store_group(out, dtype, first, n, x);
}

// 2 bytes an element in, 2 out (of 16 bits): the mask is never stored. Philox takes 10 instructions an
// element, most of the time that 4 bytes need. So the rest is kept short: an element is dropped by a
// comparison of its bits, places are counted from the block's in 32 bits, and the key's values are operands.
constexpr int kDropoutUnits = 2;

template <class T>
struct Dropout {
  using C = opmath_t<T>;
  C p, scale;
  uint32_t least;  // float: uniform01(bits) >= p where bits >= least

  explicit Dropout(double probability)
      : p(static_cast<C>(probability)),
        scale(static_cast<C>(1 / (1 - probability))),
        least(static_cast<uint32_t>(steps() << 8)) {}
  // The smallest number of uniform01's steps that is not below p.
  uint64_t steps() const { return static_cast<uint64_t>(std::ceil(static_cast<double>(p) * 0x1p24)); }
  bool drops_all() const { return !(p < C(1)) || (sizeof(C) == 4 && steps() >= uint64_t{1} << 24); }
  __device__ __forceinline__ bool keeps(uint32_t bits) const { return bits >= least; }
  __device__ __forceinline__ bool keeps(uint64_t bits) const { return uniform01(bits) >= p; }
};

template <class T, class Keys>
__global__ void __launch_bounds__(kThreads)
    dropout_kernel(const Keys state, const T* x, T* out, int64_t n, const Dropout<T> f) {
  using C = opmath_t<T>;
  constexpr int W = kUnitElements<T>, V = kVectorWidth<T>, kParts = W / V;
  const BlockShare<W, kDropoutUnits> share(n);
  const bool aligned = (reinterpret_cast<uintptr_t>(x) | reinterpret_cast<uintptr_t>(out)) % 16 == 0;
  x += share.start, out += share.start;
  Raw<T, V> in[kDropoutUnits][kParts];
#pragma unroll
  for (int u = 0; u < kDropoutUnits; ++u) {
    const int first = share.unit(u);
    if (!aligned || first + W > share.count) continue;
#pragma unroll
    for (int i = 0; i < kParts; ++i) in[u][i].load(reinterpret_cast<const char*>(x + first + i * V));
  }
  const auto keys = state.get();
#pragma unroll
  for (int u = 0; u < kDropoutUnits; ++u) {
    const int first = share.unit(u);
    if (first >= share.count) return;
    typename Bits<C>::Word bits[W / kGroup][kGroup];
#pragma unroll
    for (int g = 0; g < W / kGroup; ++g)
      Bits<C>::draw(keys, share.first_group(), static_cast<uint32_t>(first / kGroup + g), bits[g]);
    const auto kept = [&](T element, int i) {
      return from_op<T>(f.keeps(bits[i / kGroup][i % kGroup]) ? to_op(element) * f.scale : C(0));
    };
    if (aligned && first + W <= share.count) {
#pragma unroll
      for (int i = 0; i < kParts; ++i) {
        Vector<T, V> result;
#pragma unroll
        for (int j = 0; j < V; ++j) result.at[j] = kept(in[u][i].at(j), i * V + j);
        *reinterpret_cast<Vector<T, V>*>(out + first + i * V) = result;
      }
    } else {
#pragma unroll
      for (int i = 0; i < W; ++i)
        if (first + i < share.count) out[first + i] = kept(x[first + i], i);
    }
  }
}

// ---- multinomial

constexpr const char* kMultinomial = "multinomial";  // the host's address of it

// What is wrong with a row's weights? A block a row.
__global__ void __launch_bounds__(kThreads)
    weights_kernel(const double* weights, double* keys, int64_t n, int64_t draws, bool replacement, OpName op,
                   Fault* fault) {
  const int64_t row = blockIdx.x;
  const double* w = weights + row * n;
  unsigned long long positive = 0;
  for (int64_t i = threadIdx.x; i < n; i += kThreads) {
    const double x = w[i];
    if (!(x >= 0 && x < math::infinity<double>()))
      report_fault(fault, FaultKind::Weight, op, __builtin_bit_cast(int64_t, x), 0, i);
    positive += x > 0;
    if (keys) keys[row * n + i] = x > 0 ? keys[row * n + i] / x : math::infinity<double>();
  }
  __shared__ unsigned long long total;
  if (threadIdx.x == 0) total = 0;
  __syncthreads();
  if (positive) atomicAdd(&total, positive);
  __syncthreads();
  if (threadIdx.x != 0) return;
  if (total == 0)
    report_fault(fault, FaultKind::NoWeight, op, row, 0, -1);
  else if (!replacement && static_cast<int64_t>(total) < draws)
    report_fault(fault, FaultKind::FewWeights, op, static_cast<int64_t>(total), draws, -1);
}

__global__ void __launch_bounds__(kThreads)
    search_kernel(const double* sums, const double* numbers, int64_t rows, int64_t n, int64_t draws,
                  int64_t* out) {
  const int64_t at = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (at >= rows * draws) return;
  const double* sum = sums + at / draws * n;
  const double wanted = numbers[at] * sum[n - 1];
  int64_t low = 0, high = n;  // the first sum above it
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (sum[middle] > wanted)
      high = middle;
    else
      low = middle + 1;
  }
  out[at] = low < n ? low : n - 1;
}

unsigned blocks_for(int64_t n, int per_thread = kGroup) {
  return static_cast<unsigned>(ceil_div(n, int64_t{kThreads} * per_thread));
}

template <Distribution D>
void fill(const RandomState& state, void* out, int64_t n, DType dtype, double shift, double scale) {
  visit_float(dtype, [&]<class T>() {
    with_keys(state, [&]<class Keys>(const Keys& keys) {
      launch(fill_kernel<D, T, Keys>, {blocks_for(n, kFillUnits * kUnitElements<T>), kThreads}, keys,
             static_cast<T*>(out), n, static_cast<opmath_t<T>>(shift), static_cast<opmath_t<T>>(scale));
    });
  });
}

}  // namespace

void random_fill(Distribution distribution, const RandomState& state, void* out, int64_t n, DType dtype,
                 double shift, double scale) {
  switch (distribution) {
    case Distribution::Uniform: return fill<Distribution::Uniform>(state, out, n, dtype, shift, scale);
    case Distribution::Normal: return fill<Distribution::Normal>(state, out, n, dtype, shift, scale);
    case Distribution::Exponential:
      return fill<Distribution::Exponential>(state, out, n, dtype, shift, scale);
  }
}

void random_integers(const RandomState& state, void* out, int64_t n, DType dtype, int64_t low,
                     uint64_t range) {
  const bool wide = range == 0 || range > uint64_t{1} << 32;
  launch(wide ? integer_kernel<true> : integer_kernel<false>, {blocks_for(n), kThreads}, state, out, n, dtype,
         low, range);
}

void bernoulli(const RandomState& state, void* out, int64_t n, DType dtype, double p) {
  with_keys(state, [&]<class Keys>(const Keys& keys) {
    launch(bernoulli_kernel<float, Keys>, {blocks_for(n), kThreads}, keys, out, n, dtype, nullptr,
           static_cast<float>(p), nullptr, nullptr);
  });
}
void bernoulli(const RandomState& state, void* out, int64_t n, DType dtype, const void* p, DType p_dtype,
               const char* op, Fault* fault) {
  with_keys(state, [&]<class Keys>(const Keys& keys) {
    const LaunchConfig config{blocks_for(n), kThreads};
    if (p_dtype == DType::Float64)
      launch(bernoulli_kernel<double, Keys>, config, keys, out, n, dtype, static_cast<const double*>(p), 0.0,
             op, fault);
    else
      launch(bernoulli_kernel<float, Keys>, config, keys, out, n, dtype, static_cast<const float*>(p), 0.0f,
             op, fault);
  });
}

void dropout(const RandomState& state, const void* x, void* out, int64_t n, DType dtype, double p) {
  visit_float(dtype, [&]<class T>() {
    const Dropout<T> f(p);
    if (f.drops_all()) {
      zero_memory(out, static_cast<size_t>(n) * sizeof(T));
      return;
    }
    with_keys(state, [&]<class Keys>(const Keys& keys) {
      launch(dropout_kernel<T, Keys>, {blocks_for(n, kDropoutUnits * kUnitElements<T>), kThreads}, keys,
             static_cast<const T*>(x), static_cast<T*>(out), n, f);
    });
  });
}

void multinomial_keys(const double* weights, double* numbers, int64_t rows, int64_t n, int64_t draws,
                      Fault* fault) {
  launch(weights_kernel, {static_cast<unsigned>(rows), kThreads}, weights, numbers, n, draws, false,
         kMultinomial, fault);
}
void multinomial_search(const double* weights, const double* sums, const double* numbers, int64_t rows,
                        int64_t n, int64_t draws, int64_t* out, Fault* fault) {
  launch(weights_kernel, {static_cast<unsigned>(rows), kThreads}, weights, nullptr, n, draws, true,
         kMultinomial, fault);
  launch(search_kernel, {blocks_for(rows * draws, 1), kThreads}, sums, numbers, rows, n, draws, out);
}

}  // namespace plait::cuda
