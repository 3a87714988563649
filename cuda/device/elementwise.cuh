// The elementwise loops. A functor takes the opmath values of its inputs and returns the result's:
//
//   struct Add { template <class T> __device__ T operator()(T a, T b) const { return a + b; } };
//   elementwise<T, T, T>(plan, Add{});        // output type, input types
//
// Two kernels serve all layouts. `vector_kernel`: along the innermost dimension every operand is contiguous
// and aligned, or one element for all; each thread moves 16 bytes an operand, mostly twice. `element_kernel`:
// anything else, four elements a thread. All loads of a thread stand before its first use of them, so that
// they are in flight together.
//
// Many functions may share one pair of kernels, as a family: a functor with
//
//   template <class Body> __device__ void select(const Body& body) const;     // calls body(g), once, with
//   one functor g
//
// The choice stands outside of the loop over elements and costs one uniform branch a thread; what moves data
// is compiled once for all of them. `static constexpr int elements = 4`, of a functor that is long code,
// limits how many elements a thread computes, each with a copy of that code (otherwise up to 16): there
// arithmetic takes the time, not memory.
#pragma once

#include "cuda/device/launch.cuh"
#include "cuda/device/raw.cuh"
#include "cuda/plan.h"

namespace plait::cuda {

template <class T>
__host__ __device__ opmath_t<T> number_as(const Number& number) {
  using O = opmath_t<T>;
  if constexpr (is_complex_type<O>)
    return O(static_cast<real_of<O>>(number.real), static_cast<real_of<O>>(number.imag));
  else if constexpr (std::is_same_v<O, Bits128>)
    return O{{__builtin_bit_cast(uint64_t, number.real), __builtin_bit_cast(uint64_t, number.imag)}};
  else if constexpr (std::is_same_v<O, bool>)
    return number.integer != 0 || number.real != 0 || number.imag != 0;
  else if constexpr (std::is_integral_v<O>)
    return static_cast<O>(number.integer);
  else
    return static_cast<O>(number.real);
}

namespace detail {

constexpr int kThreads = 256;
constexpr int kElementsPerThread = 4;
// Vectors of a thread: of what is read from memory, 16 bytes or more should be in flight.
template <class... In>
constexpr int vectors_per_thread(int width) {
  const int read = width * static_cast<int>((0 + ... + sizeof(In)));
  return read == 0 || 2 * read >= 16 ? 2 : 4;
}

// As kernels take it: 32-bit indices with fast division; a plan beyond that is cut on the host.
template <int Operands>
struct Walk {
  int64_t count;  // vectors or elements
  unsigned tail;  // elements behind the last full vector
  int ndim;
  FastDivisor sizes[ElementwisePlan::kMaxDims];  // in vectors along dimension 0
  int64_t strides[ElementwisePlan::kMaxDims][Operands];
  char* data[Operands];          // null: a number
  const char* number[Operands];  // where the device has it; null: among the kernel's arguments
  bool splat[Operands];          // one element for a whole vector
};

// Values of several types.
template <class... T>
struct Pack;
template <>
struct Pack<> {};
template <class First, class... Rest>
struct Pack<First, Rest...> {
  First first;
  Pack<Rest...> rest;
};
template <int K, class P>
__host__ __device__ __forceinline__ auto& get(P& pack) {
  if constexpr (K == 0)
    return pack.first;
  else
    return get<K - 1>(pack.rest);
}

template <class F, class Body>
__device__ __forceinline__ void with_function(const F& f, const Body& body) {
  if constexpr (requires { f.select(body); })
    f.select(body);
  else
    body(f);
}
template <class F>
constexpr int elements_of() {
  if constexpr (requires { F::elements; })
    return F::elements;
  else
    return 16;
}

// The single input of vectors is no number: functions of one argument are not slowed down by the choice.
template <int W, int Operands>
inline constexpr bool kOneInput = W > 1 && Operands == 2;

template <int Operands, int N>
__device__ __forceinline__ void offsets_of(const Walk<Operands>& walk, const int64_t (&index)[N],
                                           int64_t (&offset)[N][Operands]) {
  if (walk.ndim == 1) {
#pragma unroll
    for (int k = 0; k < Operands; ++k) {
      offset[0][k] = index[0] * walk.strides[0][k];
      const int64_t step = kThreads * walk.strides[0][k];
#pragma unroll
      for (int u = 1; u < N; ++u) offset[u][k] = offset[u - 1][k] + step;
    }
    return;
  }
  uint32_t rest[N];
#pragma unroll
  for (int u = 0; u < N; ++u) {
    rest[u] = static_cast<uint32_t>(index[u]);
#pragma unroll
    for (int k = 0; k < Operands; ++k) offset[u][k] = 0;
  }
  // Not unrolled: twelve dimensions in every kernel would be most of the library's size.
#pragma unroll 1
  for (int d = 0; d < walk.ndim; ++d) {
#pragma unroll
    for (int u = 0; u < N; ++u) {
      uint32_t at;
      rest[u] = walk.sizes[d].divide(rest[u], at);
#pragma unroll
      for (int k = 0; k < Operands; ++k) offset[u][k] += at * walk.strides[d][k];
    }
  }
}

template <class T, int W, int N>
struct Loaded {
  Raw<T, W> at[N];
};

template <int K, class T, int W, int N, int Operands>
__device__ __forceinline__ void load(const Walk<Operands>& walk, const int64_t (&offset)[N][Operands],
                                     const bool (&valid)[N], Loaded<T, W, N>& x) {
  const char* data = walk.data[K];
  if (!kOneInput<W, Operands> && !data) return;
  if (W > 1 && walk.splat[K]) {
#pragma unroll
    for (int u = 0; u < N; ++u)
      if (valid[u]) x.at[u].fill(*reinterpret_cast<const T*>(data + offset[u][K]));
  } else {
#pragma unroll
    for (int u = 0; u < N; ++u)
      if (valid[u]) x.at[u].load(data + offset[u][K]);
  }
}

template <int K, class O, int Operands>
__device__ __forceinline__ void load_number(const Walk<Operands>& walk, O& number) {
  if (walk.number[K]) number = *reinterpret_cast<const O*>(walk.number[K]);
}

template <int W, class G, int Operands, class Loads, class Numbers, int... K>
__device__ __forceinline__ auto call(const G& g, const Walk<Operands>& walk, const Loads& x,
                                     const Numbers& numbers, [[maybe_unused]] int u, [[maybe_unused]] int i,
                                     std::integer_sequence<int, K...>) {
  return g((kOneInput<W, Operands> || walk.data[K + 1] ? to_op(get<K>(x).at[u].at(i)) : get<K>(numbers))...);
}

template <int W, int N, class F, class Out, class... In, int... K>
__device__ __forceinline__ void run(const Walk<1 + sizeof...(In)>& walk, const Pack<opmath_t<In>...>& given,
                                    const F& f, std::integer_sequence<int, K...> inputs) {
  constexpr int operands = 1 + sizeof...(In);
  const int64_t first = static_cast<int64_t>(blockIdx.x) * (kThreads * N) + threadIdx.x;
  int64_t index[N], offset[N][operands];
  bool valid[N];
#pragma unroll
  for (int u = 0; u < N; ++u) {
    index[u] = first + u * kThreads;
    valid[u] = index[u] < walk.count;
  }
  offsets_of(walk, index, offset);
  Pack<opmath_t<In>...> numbers = given;
  if constexpr (!kOneInput<W, operands>) (load_number<K + 1>(walk, get<K>(numbers)), ...);
  Pack<Loaded<In, W, N>...> x;
  (load<K + 1>(walk, offset, valid, get<K>(x)), ...);
  with_function(f, [&](const auto& g) {
#pragma unroll
    for (int u = 0; u < N; ++u) {
      if (!valid[u]) continue;
      Vector<Out, W> result;
#pragma unroll
      for (int i = 0; i < W; ++i) result.at[i] = from_op<Out>(call<W>(g, walk, x, numbers, u, i, inputs));
      *reinterpret_cast<Vector<Out, W>*>(walk.data[0] + offset[u][0]) = result;
    }
  });

  if (W > 1 && blockIdx.x == 0 && threadIdx.x < walk.tail) {  // flat plans only: what is no full vector
    const int64_t at = walk.count * W + threadIdx.x;
    Pack<Loaded<In, 1, 1>...> one{};
    [[maybe_unused]] const auto load_one = [&](auto k, auto& to) {
      constexpr int operand = decltype(k)::value;
      using T = std::decay_t<decltype(to.at[0].at(0))>;
      if (!walk.data[operand]) return;
      to.at[0].fill(reinterpret_cast<const T*>(walk.data[operand])[walk.splat[operand] ? 0 : at]);
    };
    (load_one(std::integral_constant<int, K + 1>(), get<K>(one)), ...);
    with_function(f, [&](const auto& g) {
      reinterpret_cast<Out*>(walk.data[0])[at] = from_op<Out>(call<W>(g, walk, one, numbers, 0, 0, inputs));
    });
  }
}

template <int W, int N, class F, class Out, class... In>
__global__ void __launch_bounds__(kThreads)
    vector_kernel(const Walk<1 + sizeof...(In)> walk, const Pack<opmath_t<In>...> numbers, const F f) {
  run<W, N, F, Out, In...>(walk, numbers, f, std::make_integer_sequence<int, sizeof...(In)>());
}

template <int N, class F, class Out, class... In>
__global__ void __launch_bounds__(kThreads)
    element_kernel(const Walk<1 + sizeof...(In)> walk, const Pack<opmath_t<In>...> numbers, const F f) {
  run<1, N, F, Out, In...>(walk, numbers, f, std::make_integer_sequence<int, sizeof...(In)>());
}

// Does every operand fit the vector kernel with vectors of `width` elements?
inline bool is_vectorisable(const ElementwisePlan& plan, const int64_t* itemsizes, int width) {
  if (plan.ndim > 1 && plan.sizes[0] % width) return false;
  if (plan.operands == 2 && width > 1 && (!plan.data[1] || plan.opmath[1])) return false;
  for (int k = 0; k < plan.operands; ++k) {
    if (!plan.data[k] || plan.opmath[k]) continue;
    const int64_t size = itemsizes[k], bytes = size * width;
    if (plan.strides[0][k] == 0 && k > 0) continue;
    if (plan.strides[0][k] != size || reinterpret_cast<uintptr_t>(plan.data[k]) % bytes) return false;
    for (int d = 1; d < plan.ndim; ++d)
      if (plan.strides[d][k] % bytes) return false;
  }
  return true;
}

template <int Operands>
Walk<Operands> walk_of(const ElementwisePlan& plan, int width) {
  Walk<Operands> walk{};
  walk.ndim = plan.ndim;
  walk.count = plan.numel / width;
  walk.tail = static_cast<unsigned>(plan.numel % width);
  for (int d = 0; d < plan.ndim; ++d) {
    const int64_t size = d == 0 ? plan.sizes[0] / width : plan.sizes[d];
    walk.sizes[d] = FastDivisor(static_cast<uint32_t>(size ? size : 1));
    for (int k = 0; k < Operands; ++k) walk.strides[d][k] = plan.strides[d][k] * (d == 0 ? width : 1);
  }
  for (int k = 0; k < Operands; ++k) {
    walk.data[k] = plan.opmath[k] ? nullptr : plan.data[k];
    walk.number[k] = plan.opmath[k] ? plan.data[k] : nullptr;
    walk.splat[k] = k > 0 && plan.strides[0][k] == 0;
  }
  return walk;
}

template <class First, class... Rest>
void set_numbers(Pack<opmath_t<First>, opmath_t<Rest>...>& numbers, const Number* from) {
  numbers.first = number_as<First>(*from);
  if constexpr (sizeof...(Rest) > 0) set_numbers<Rest...>(numbers.rest, from + 1);
}

inline unsigned blocks_for(int64_t work, int per_block) {
  return static_cast<unsigned>(work > per_block ? ceil_div(work, per_block) : 1);
}

}  // namespace detail

// Runs f over the plan on the current stream. A plan of several dimensions has at most 2^31 - 1 elements
// (ops/elementwise.cpp cuts it).
template <class Out, class... In, class F>
void elementwise(const ElementwisePlan& plan, const F& f) {
  using namespace detail;
  constexpr int operands = 1 + sizeof...(In);
  if (plan.numel == 0) return;
  constexpr int64_t itemsizes[] = {sizeof(Out), sizeof(In)...};
  constexpr int64_t largest = [] {
    int64_t most = 0;
    for (const int64_t size : {static_cast<int64_t>(sizeof(Out)), static_cast<int64_t>(sizeof(In))...})
      most = size > most ? size : most;
    return most;
  }();
  constexpr int elements = elements_of<F>(), full = largest >= 16 ? 1 : static_cast<int>(16 / largest),
                width = full < elements ? full : elements;
  constexpr int most = vectors_per_thread<In...>(width),
                vectors = elements / width < most ? elements / width : most,
                singles = elements < kElementsPerThread ? elements : kElementsPerThread;
  Pack<opmath_t<In>...> numbers;
  if constexpr (sizeof...(In) > 0) set_numbers<In...>(numbers, plan.numbers + 1);

  if (is_vectorisable(plan, itemsizes, width)) {
    const auto walk = walk_of<operands>(plan, width);
    launch(vector_kernel<width, vectors, F, Out, In...>,
           {blocks_for(walk.count, kThreads * vectors), kThreads}, walk, numbers, f);
  } else {
    const auto walk = walk_of<operands>(plan, 1);
    launch(element_kernel<singles, F, Out, In...>, {blocks_for(walk.count, kThreads * singles), kThreads},
           walk, numbers, f);
  }
}

}  // namespace plait::cuda
