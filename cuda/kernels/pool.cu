// A thread computes one element of the result, or with channels innermost a vector of 16 bytes along them;
// neighbours write neighbours. Elements that several windows read come from the caches. The backward passes
// gather, too: an element's gradient is the sum over the windows that cover it, in their order, so that
// nothing is added twice at a time and results do not change from run to run.
#include "cuda/kernels/pool.h"

#include "cuda/device/launch.cuh"
#include "cuda/device/row_math.cuh"

namespace plait::cuda {
namespace {

constexpr int kThreads = 256;

struct Axis {
  int in, out, kernel, stride, padding, dilation;

  // What window o covers: begin, begin + dilation, ... below end, inside.
  __device__ __forceinline__ void window(int o, int& begin, int& end) const {
    if (kernel == 0) {
      begin = static_cast<int>(static_cast<int64_t>(o) * in / out);
      end = static_cast<int>((static_cast<int64_t>(o + 1) * in + out - 1) / out);
      return;
    }
    begin = o * stride - padding;
    const int64_t stop = static_cast<int64_t>(begin) + static_cast<int64_t>(kernel - 1) * dilation + 1;
    end = stop < in ? static_cast<int>(stop) : in;
    if (begin < 0) begin += (-begin + dilation - 1) / dilation * dilation;
    begin = begin < in - 1 ? begin : in - 1;  // a window of padding alone
  }
  // The windows that may cover i: first to last.
  __device__ __forceinline__ void covering(int i, int& first, int& last) const {
    if (kernel == 0) {
      first = static_cast<int>(static_cast<int64_t>(i) * out / in);
      last = static_cast<int>((static_cast<int64_t>(i + 1) * out + in - 1) / in) - 1;
    } else {
      const int64_t reach = static_cast<int64_t>(kernel - 1) * dilation,
                    at = static_cast<int64_t>(i) + padding;
      first = at > reach ? static_cast<int>((at - reach + stride - 1) / stride) : 0;
      last = static_cast<int>(at / stride);
    }
    last = last < out - 1 ? last : out - 1;
  }
  // This dimension's part of an average's divisor.
  __device__ __forceinline__ int size(int o, bool count_padding) const {
    if (kernel != 0 && count_padding) {
      const int begin = o * stride - padding, stop = begin + kernel;
      return (stop < in + padding ? stop : in + padding) - begin;
    }
    int begin, end;
    window(o, begin, end);
    return end - begin;
  }
};

struct Pool {
  Axis z, y, x;
  FastDivisor channels, depth, height, width;  // of what is written; channels in vectors
  int64_t strides[5];
  int64_t count;  // of what is written, in vectors
  bool innermost, count_padding, wide;
  int64_t divisor;
};

// A place in a plane. Comparing 32 bits an element, not 64, is what lets vectors keep pace with the memory.
template <int W>
using Within = std::conditional_t<(W > 1), int, int64_t>;

struct Place {
  int64_t base;  // of the plane that is read
  int z, y, x;   // in what is written
};

template <int W>
__device__ __forceinline__ bool locate(const Pool& p, int64_t& i, Place& at) {
  i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= p.count) return false;
  uint32_t c, z, y, x;
  int64_t n;
  if (p.wide) {
    int64_t rest = i;
    const auto take = [&](const FastDivisor& d) {
      const int64_t next = rest / d.divisor;
      const auto part = static_cast<uint32_t>(rest - next * d.divisor);
      rest = next;
      return part;
    };
    if (p.innermost) c = take(p.channels);
    x = take(p.width), y = take(p.height), z = take(p.depth);
    if (!p.innermost) c = take(p.channels);
    n = rest;
  } else {
    auto rest = static_cast<uint32_t>(i);
    if (p.innermost) rest = p.channels.divide(rest, c);
    rest = p.width.divide(rest, x);
    rest = p.height.divide(rest, y);
    rest = p.depth.divide(rest, z);
    if (!p.innermost) rest = p.channels.divide(rest, c);
    n = rest;
  }
  at.base = n * p.strides[0] + static_cast<int64_t>(c) * W * p.strides[1];
  at.z = static_cast<int>(z), at.y = static_cast<int>(y), at.x = static_cast<int>(x);
  return true;
}

// f(offset, z, y, x) for the elements of a window, or for the windows over an element, in their order.
template <class F>
__device__ __forceinline__ void over_box(const Pool& p, int64_t base, const int (&begin)[3],
                                         const int (&end)[3], const int (&step)[3], const F& f) {
  for (int z = begin[0]; z < end[0]; z += step[0])
    for (int y = begin[1]; y < end[1]; y += step[1]) {
      const int64_t row = base + z * p.strides[2] + y * p.strides[3];
      for (int x = begin[2]; x < end[2]; x += step[2]) f(row + x * p.strides[4], z, y, x);
    }
}

// What no element is less than.
template <class O>
__device__ __forceinline__ O padding_of_maxima() {
  if constexpr (std::is_integral_v<O>) {
    constexpr O lowest = std::numeric_limits<O>::lowest();
    return lowest;
  } else {
    return -infinity<O>();
  }
}
template <class O>
__device__ __forceinline__ bool is_nan(O x) {
  if constexpr (std::is_integral_v<O>)
    return false;
  else
    return x != x;
}

template <class T, int W>
__global__ void __launch_bounds__(kThreads)
    max_forward(const Pool p, const T* x, T* values, int64_t* indices) {
  using O = opmath_t<T>;
  int64_t i;
  Place at;
  if (!locate<W>(p, i, at)) return;
  int begin[3], end[3];
  const int step[3] = {p.z.dilation, p.y.dilation, p.x.dilation};
  p.z.window(at.z, begin[0], end[0]);
  p.y.window(at.y, begin[1], end[1]);
  p.x.window(at.x, begin[2], end[2]);
  O best[W];
  Within<W> where[W];
#pragma unroll
  for (int k = 0; k < W; ++k) {
    best[k] = padding_of_maxima<O>();
    where[k] = (static_cast<Within<W>>(begin[0]) * p.y.in + begin[1]) * p.x.in + begin[2];
  }
  over_box(p, at.base, begin, end, step, [&](int64_t offset, int z, int y, int column) {
    const auto v = *reinterpret_cast<const Vector<T, W>*>(x + offset);
    const auto place = (static_cast<Within<W>>(z) * p.y.in + y) * p.x.in + column;
#pragma unroll
    for (int k = 0; k < W; ++k) {
      const O value = to_op(v.at[k]);
      const bool better = value > best[k] || is_nan(value);
      best[k] = better ? value : best[k];
      where[k] = better ? place : where[k];
    }
  });
  Vector<T, W> out;
#pragma unroll
  for (int k = 0; k < W; ++k) out.at[k] = from_op<T>(best[k]);
  reinterpret_cast<Vector<T, W>*>(values)[i] = out;
  if (!indices) return;
  constexpr int kPairs = W > 1 ? 2 : 1;  // 16 bytes
#pragma unroll
  for (int k = 0; k < W; k += kPairs) {
    Vector<int64_t, kPairs> pair;
#pragma unroll
    for (int j = 0; j < kPairs; ++j) pair.at[j] = where[k + j];
    *reinterpret_cast<Vector<int64_t, kPairs>*>(indices + i * W + k) = pair;
  }
}

template <class T, int W>
__global__ void __launch_bounds__(kThreads)
    max_backward(const Pool p, const T* dy, const int64_t* indices, T* dx) {
  using O = opmath_t<T>;
  int64_t i;
  Place at;
  if (!locate<W>(p, i, at)) return;
  int begin[3], end[3];
  const int step[3] = {1, 1, 1};
  p.z.covering(at.z, begin[0], end[0]);
  p.y.covering(at.y, begin[1], end[1]);
  p.x.covering(at.x, begin[2], end[2]);
  for (int& e : end) ++e;
  const int64_t own = (static_cast<int64_t>(at.z) * p.y.in + at.y) * p.x.in + at.x;
  O sum[W];
#pragma unroll
  for (int k = 0; k < W; ++k) sum[k] = O(0);
  over_box(p, at.base, begin, end, step, [&](int64_t offset, int, int, int) {
    constexpr int kPairs = W > 1 ? 2 : 1;
    bool any = false;
    bool hit[W];
#pragma unroll
    for (int k = 0; k < W; k += kPairs) {
      const auto pair = *reinterpret_cast<const Vector<int64_t, kPairs>*>(indices + offset + k);
#pragma unroll
      for (int j = 0; j < kPairs; ++j) any |= hit[k + j] = pair.at[j] == own;
    }
    if (!any) return;
    const auto g = *reinterpret_cast<const Vector<T, W>*>(dy + offset);
#pragma unroll
    for (int k = 0; k < W; ++k)
      if (hit[k]) sum[k] += to_op(g.at[k]);
  });
  Vector<T, W> out;
#pragma unroll
  for (int k = 0; k < W; ++k) out.at[k] = from_op<T>(sum[k]);
  reinterpret_cast<Vector<T, W>*>(dx)[i] = out;
}

template <class O>
__device__ __forceinline__ O divisor_of(const Pool& p, int z, int y, int x) {
  if (p.divisor != 0) return static_cast<O>(p.divisor);
  return static_cast<O>(static_cast<int64_t>(p.z.size(z, p.count_padding)) * p.y.size(y, p.count_padding) *
                        p.x.size(x, p.count_padding));
}

// Integers are cut towards zero; the quotient by -1 is taken apart, since the least number has none.
template <class O>
__device__ __forceinline__ O quotient(O sum, O divisor) {
  if constexpr (std::is_integral_v<O>)
    if (divisor == -1) return static_cast<O>(-static_cast<std::make_unsigned_t<O>>(sum));
  return sum / divisor;
}

template <class T, int W>
__global__ void __launch_bounds__(kThreads) avg_forward(const Pool p, const T* x, T* y) {
  using O = opmath_t<T>;
  int64_t i;
  Place at;
  if (!locate<W>(p, i, at)) return;
  int begin[3], end[3];
  const int step[3] = {1, 1, 1};
  p.z.window(at.z, begin[0], end[0]);
  p.y.window(at.y, begin[1], end[1]);
  p.x.window(at.x, begin[2], end[2]);
  O sum[W];
#pragma unroll
  for (int k = 0; k < W; ++k) sum[k] = O(0);
  over_box(p, at.base, begin, end, step, [&](int64_t offset, int, int, int) {
    const auto v = *reinterpret_cast<const Vector<T, W>*>(x + offset);
#pragma unroll
    for (int k = 0; k < W; ++k) sum[k] += to_op(v.at[k]);
  });
  const O divisor = divisor_of<O>(p, at.z, at.y, at.x);
  Vector<T, W> out;
#pragma unroll
  for (int k = 0; k < W; ++k) out.at[k] = from_op<T>(quotient(sum[k], divisor));
  reinterpret_cast<Vector<T, W>*>(y)[i] = out;
}

template <class T, int W>
__global__ void __launch_bounds__(kThreads) avg_backward(const Pool p, const T* dy, T* dx) {
  using O = opmath_t<T>;
  int64_t i;
  Place at;
  if (!locate<W>(p, i, at)) return;
  int begin[3], end[3];
  const int step[3] = {1, 1, 1};
  p.z.covering(at.z, begin[0], end[0]);
  p.y.covering(at.y, begin[1], end[1]);
  p.x.covering(at.x, begin[2], end[2]);
  for (int& e : end) ++e;
  O sum[W];
#pragma unroll
  for (int k = 0; k < W; ++k) sum[k] = O(0);
  over_box(p, at.base, begin, end, step, [&](int64_t offset, int z, int y, int x) {
    const auto g = *reinterpret_cast<const Vector<T, W>*>(dy + offset);
    const O divisor = divisor_of<O>(p, z, y, x);
#pragma unroll
    for (int k = 0; k < W; ++k) sum[k] += to_op(g.at[k]) / divisor;
  });
  Vector<T, W> out;
#pragma unroll
  for (int k = 0; k < W; ++k) out.at[k] = from_op<T>(sum[k]);
  reinterpret_cast<Vector<T, W>*>(dx)[i] = out;
}

// `sizes`: of what is written.
Pool pool_of(const PoolPlan& plan, bool backward, int width) {
  Pool p{};
  Axis* axes[3] = {&p.z, &p.y, &p.x};
  FastDivisor* sizes[3] = {&p.depth, &p.height, &p.width};
  p.count = plan.batch * plan.channels / width;
  for (int d = 0; d < 3; ++d) {
    const PoolPlan::Axis& a = plan.axes[d];
    *axes[d] = {static_cast<int>(a.in),     static_cast<int>(a.out),     static_cast<int>(a.kernel),
                static_cast<int>(a.stride), static_cast<int>(a.padding), static_cast<int>(a.dilation)};
    const int64_t size = backward ? a.in : a.out;
    *sizes[d] = FastDivisor(static_cast<uint32_t>(size));
    p.count *= size;
  }
  p.channels = FastDivisor(static_cast<uint32_t>(plan.channels / width));
  for (int d = 0; d < 5; ++d) p.strides[d] = plan.strides[d];
  p.innermost = plan.channels_innermost;
  p.count_padding = plan.count_padding;
  p.wide = p.count >= (int64_t{1} << 31);
  p.divisor = plan.divisor;
  return p;
}

// f.template operator()<T, W>(): W channels at a time where they lie side by side on both sides.
template <class T, class F>
void with_width(const PoolPlan& plan, std::initializer_list<const void*> pointers, const F& f) {
  constexpr int W = kVectorWidth<T>;
  bool vectors = plan.channels_innermost && plan.strides[1] == 1 && plan.channels % W == 0;
  double plane = 1;
  for (const PoolPlan::Axis& a : plan.axes) plane *= static_cast<double>(a.in);
  vectors = vectors && plane < 0x1p31;
  for (const int d : {0, 2, 3, 4}) vectors = vectors && plan.strides[d] % W == 0;
  for (const void* p : pointers) vectors = vectors && reinterpret_cast<uintptr_t>(p) % 16 == 0;
  vectors ? f.template operator()<T, W>() : f.template operator()<T, 1>();
}
template <class F>
void for_floats(const PoolPlan& plan, std::initializer_list<const void*> pointers, const F& f) {
  switch (plan.dtype) {
    case DType::Float16: return with_width<Half>(plan, pointers, f);
    case DType::BFloat16: return with_width<BFloat16>(plan, pointers, f);
    case DType::Float32: return with_width<float>(plan, pointers, f);
    default: return with_width<double>(plan, pointers, f);
  }
}
// Of integers one element at a time: they are rare, and each form of a kernel takes its time to compile.
template <class T, class F>
void alone(const F& f) {
  f.template operator()<T, 1>();
}
LaunchConfig config_of(const Pool& p) {
  return {dim3(static_cast<unsigned>(ceil_div(p.count, kThreads))), dim3(kThreads)};
}

}  // namespace

void max_pool(const PoolPlan& plan, const void* x, void* values, int64_t* indices) {
  const auto run = [&]<class T, int W>() {
    const Pool p = pool_of(plan, false, W);
    launch(max_forward<T, W>, config_of(p), p, static_cast<const T*>(x), static_cast<T*>(values), indices);
  };
  switch (plan.dtype) {
    case DType::UInt8: return alone<uint8_t>(run);
    case DType::Int8: return alone<int8_t>(run);
    case DType::Int16: return alone<int16_t>(run);
    case DType::Int32: return alone<int32_t>(run);
    case DType::Int64: return alone<int64_t>(run);
    default: return for_floats(plan, {x, values, indices}, run);
  }
}
void max_pool_backward(const PoolPlan& plan, const void* dy, const int64_t* indices, void* dx) {
  for_floats(plan, {dy, indices, dx}, [&]<class T, int W>() {
    const Pool p = pool_of(plan, true, W);
    launch(max_backward<T, W>, config_of(p), p, static_cast<const T*>(dy), indices, static_cast<T*>(dx));
  });
}
void avg_pool(const PoolPlan& plan, const void* x, void* y) {
  const auto run = [&]<class T, int W>() {
    const Pool p = pool_of(plan, false, W);
    launch(avg_forward<T, W>, config_of(p), p, static_cast<const T*>(x), static_cast<T*>(y));
  };
  plan.dtype == DType::Int64 ? alone<int64_t>(run) : for_floats(plan, {x, y}, run);
}
void avg_pool_backward(const PoolPlan& plan, const void* dy, void* dx) {
  for_floats(plan, {dy, dx}, [&]<class T, int W>() {
    const Pool p = pool_of(plan, true, W);
    launch(avg_backward<T, W>, config_of(p), p, static_cast<const T*>(dy), static_cast<T*>(dx));
  });
}

}  // namespace plait::cuda
