#include "cuda/kernels/optim.h"

#include "cuda/device/launch.cuh"
#include "cuda/device/math.cuh"
#include "cuda/device/numeric.cuh"
#include "cuda/device/store.cuh"
#include "cuda/kernels/visit_float.cuh"
#include "cuda/runtime/device.h"

namespace plait::cuda {
namespace {

constexpr int kThreads = 512;
// Chunks begin at multiples of this, so that their vectors are aligned as the tensor is. The largest ones
// take a block some 50 us: the last ones end within a few percent of the time of a large network.
constexpr int64_t kGranule = 4096, kLargestChunk = 32768;

// Tensors by their chunks: block b works on the tensor k with begin[k] <= b < begin[k + 1].
template <int Lists, int Capacity>
struct Table {
  char* data[Lists][Capacity];
  int64_t numel[Capacity];
  int begin[Capacity + 1];
  int count;
  int64_t chunk;
};
template <int Lists>
struct Chunk {
  int64_t first, count;  // elements
  int tensor;
};

template <int Lists, int Capacity>
__device__ __forceinline__ Chunk<Lists> chunk_of(const Table<Lists, Capacity>& table) {
  const int block = static_cast<int>(blockIdx.x);
  int low = 0, high = table.count;  // begin[low] <= block < begin[high]
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (table.begin[middle] <= block)
      low = middle;
    else
      high = middle;
  }
  const int64_t first = (block - table.begin[low]) * table.chunk, rest = table.numel[low] - first;
  return {first, rest < table.chunk ? rest : table.chunk, low};
}

// Small networks get small chunks: all multiprocessors work, with enough warps each to hide the memory's
// latency.
int64_t chunk_for(int64_t total) {
  const int64_t blocks = int64_t{8} * properties().multiprocessors;
  const int64_t chunk = ceil_div(ceil_div(total, blocks), kGranule) * kGranule;
  return chunk < kGranule ? kGranule : chunk > kLargestChunk ? kLargestChunk : chunk;
}

// Calls go(table, blocks) for tables of the tensors, in order; `fill(table, k, i)` puts tensor i at place k.
template <int Lists, int Capacity, class T, class Fill, class Go>
void for_tables(const T* tensors, int count, int64_t chunk, const Fill& fill, const Go& go) {
  Table<Lists, Capacity> table{};
  table.chunk = chunk;
  for (int next = 0; next < count;) {
    table.count = 0;
    table.begin[0] = 0;
    for (; next < count && table.count < Capacity; ++next) {
      const int64_t n = tensors[next].numel, blocks = ceil_div(n, chunk);
      if (n == 0) continue;
      if (table.count > 0 && table.begin[table.count] + blocks > INT32_MAX) break;
      fill(table, table.count, next);
      table.numel[table.count] = n;
      table.begin[table.count + 1] = table.begin[table.count] + static_cast<int>(blocks);
      ++table.count;
    }
    if (table.count > 0) go(table, static_cast<unsigned>(table.begin[table.count]));
  }
}
template <class T>
int64_t total_of(const T* tensors, int count) {
  int64_t total = 0;
  for (int i = 0; i < count; ++i) total += tensors[i].numel;
  return total;
}

// ---- steps. `operator()(x, g, s)` updates a parameter x and its states s by the gradient g. What a step has
// to read in device memory it reads in `load()`, once a thread.

template <class C>
struct Sgd {
  C sign, decay, lr, keep, take, from_grad, from_momentum;
  bool first, momentum;

  explicit Sgd(const fn::SgdStep& s)
      : sign(s.maximize ? C(-1) : C(1)),
        decay(static_cast<C>(s.weight_decay)),
        lr(static_cast<C>(s.lr)),
        keep(static_cast<C>(s.momentum)),
        take(s.first ? C(1) : static_cast<C>(1 - s.dampening)),
        from_grad(s.nesterov ? C(1) : C(0)),
        from_momentum(s.nesterov ? static_cast<C>(s.momentum) : C(1)),
        first(s.first),
        momentum(s.momentum != 0) {}
  __device__ __forceinline__ void operator()(C& x, C g, C (&s)[3], const bool (&has)[3]) const {
    const C d = sign * g + decay * x;
    if (has[0]) {
      s[0] = (first ? C(0) : keep * s[0]) + take * d;
      x -= lr * (from_grad * d + from_momentum * s[0]);
    } else {
      x -= lr * d;
    }
  }
};

template <class C>
struct Adam {
  C sign, shrink, decay, take1, beta2, take2, step, scale, eps;
  const double* numbers;  // of `adam_numbers`, in place of step, scale and shrink; or null

  Adam(const fn::AdamStep& s, const double* of_device)
      : sign(s.maximize ? C(-1) : C(1)),
        shrink(s.decoupled ? static_cast<C>(1 - s.lr * s.weight_decay) : C(1)),
        decay(s.decoupled ? C(0) : static_cast<C>(s.weight_decay)),
        take1(static_cast<C>(1 - s.beta1)),
        beta2(static_cast<C>(s.beta2)),
        take2(static_cast<C>(1 - s.beta2)),
        step(static_cast<C>(s.lr / s.correction1)),
        scale(static_cast<C>(1 / s.correction2_sqrt)),
        eps(static_cast<C>(s.eps)),
        numbers(of_device) {}
  __device__ __forceinline__ void load() {
    if (!numbers) return;
    step = static_cast<C>(numbers[0]);
    scale = static_cast<C>(numbers[1]);
    shrink = static_cast<C>(numbers[2]);
  }
  __device__ __forceinline__ void operator()(C& x, C g, C (&s)[3], const bool (&has)[3]) const {
    const C d = sign * g + decay * x;
    s[0] += take1 * (d - s[0]);
    s[1] = beta2 * s[1] + take2 * d * d;
    C v = s[1];
    if (has[2]) v = s[2] = v > s[2] ? v : s[2];
    x = x * shrink - step * s[0] / (math::sqrt(v) * scale + eps);
  }
};

// The arithmetic of `adam_step` and of the constructor above, operation by operation: in double, and without
// a fused multiplication, which would round otherwise than the host does.
__global__ void adam_numbers_kernel(const void* step, const DType step_dtype, const void* lr,
                                    const DType lr_dtype, const fn::AdamStep options, double* numbers) {
  const auto read = [](const void* at, DType dtype) {
    double value = 0;
    visit_on_device(dtype, [&](auto typed) {
      value = convert<double>(*static_cast<const typename decltype(typed)::type*>(at));
    });
    return value;
  };
  const double t = read(step, step_dtype), rate = lr ? read(lr, lr_dtype) : options.lr;
  numbers[0] = rate / (1 - ::pow(options.beta1, t));
  numbers[1] = 1 / ::sqrt(1 - ::pow(options.beta2, t));
  numbers[2] = options.decoupled ? 1 - __dmul_rn(rate, options.weight_decay) : 1;
}

template <class C>
struct Rmsprop {
  C sign, decay, lr, eps, alpha, take, mu;

  explicit Rmsprop(const fn::RmspropStep& s)
      : sign(s.maximize ? C(-1) : C(1)),
        decay(static_cast<C>(s.weight_decay)),
        lr(static_cast<C>(s.lr)),
        eps(static_cast<C>(s.eps)),
        alpha(static_cast<C>(s.alpha)),
        take(static_cast<C>(1 - s.alpha)),
        mu(static_cast<C>(s.momentum)) {}
  __device__ __forceinline__ void operator()(C& x, C g, C (&s)[3], const bool (&has)[3]) const {
    const C d = sign * g + decay * x;
    s[0] = alpha * s[0] + take * d * d;
    C spread = s[0];
    if (has[1]) {
      s[1] += take * (d - s[1]);
      spread -= s[1] * s[1];
    }
    const C update = d / (math::sqrt(spread) + eps);
    if (has[2]) {
      s[2] = mu * s[2] + update;
      x -= lr * s[2];
    } else {
      x -= lr * update;
    }
  }
};

// Beside float32 another 2 where an autocast region will read the parameter in 16 bits: a launch less for
// each.
template <int W>
__device__ __forceinline__ void store_lower(char* to, int64_t at, bool bfloat16, const Vector<float, W>& p) {
  Vector<uint16_t, W> out;
#pragma unroll
  for (int i = 0; i < W; ++i)
    out.at[i] = bfloat16 ? __builtin_bit_cast(uint16_t, from_op<BFloat16>(p.at[i]))
                         : __builtin_bit_cast(uint16_t, from_op<Half>(p.at[i]));
  *reinterpret_cast<Vector<uint16_t, W>*>(to + at * 2) = out;
}

// One pass: of AdamW on float32 28 bytes a parameter, which is what the formula reads and writes; 32 where
// the gradient is scaled, which is written back as it was meant.
template <class T, int W, class Step>
__device__ __forceinline__ Vector<T, W> step_vector(char* const (&data)[5], int64_t at, const Step& step,
                                                    const bool (&has)[3], bool scaled, float factor) {
  using C = opmath_t<T>;
  using V = Vector<T, W>;
  const auto vector = [&](int k) {
    return reinterpret_cast<V*>(data[k] + at * static_cast<int64_t>(sizeof(T)));
  };
  V p = *vector(0), g = *vector(1), s[3];
#pragma unroll
  for (int k = 0; k < 3; ++k)
    if (has[k]) s[k] = *vector(k + 2);
#pragma unroll
  for (int i = 0; i < W; ++i) {
    C x = to_op(p.at[i]), states[3];
    if (scaled) g.at[i] = from_op<T>(to_op(g.at[i]) * static_cast<C>(factor));
#pragma unroll
    for (int k = 0; k < 3; ++k) states[k] = has[k] ? to_op(s[k].at[i]) : C(0);
    step(x, to_op(g.at[i]), states, has);
    p.at[i] = from_op<T>(x);
#pragma unroll
    for (int k = 0; k < 3; ++k)
      if (has[k]) s[k].at[i] = from_op<T>(states[k]);
  }
  *vector(0) = p;
  if (scaled) *vector(1) = g;
#pragma unroll
  for (int k = 0; k < 3; ++k)
    if (has[k]) *vector(k + 2) = s[k];
  return p;
}

constexpr int kStepCapacity = 192;
constexpr int kLower = StepTensors::kLists;  // the list of copies in 16 bits
using StepTable = Table<StepTensors::kLists + 1, kStepCapacity>;

// Two blocks a multiprocessor, or too few loads are in flight: of 64 registers that leaves none over in
// double. `Lower`: T is float, and some of the parameters have copies.
template <class T, class Step, bool Lower>
__global__ void __launch_bounds__(kThreads, 2)
    step_kernel(const StepTable table, const StepScaling scaling, const Step given) {
  constexpr int W = sizeof(T) > 4 ? 2 : 4;
  const auto chunk = chunk_of(table);
  [[maybe_unused]] char* lower = nullptr;
  if constexpr (Lower) {
    lower = table.data[kLower][chunk.tensor];
    if (lower) lower += chunk.first * 2;
  }
  if (scaling.found_inf && *scaling.found_inf != 0) {
    // A copy may be a new one.
    if constexpr (Lower) {
      const auto* x = reinterpret_cast<const Vector<T, 1>*>(table.data[0][chunk.tensor]) + chunk.first;
      for (int64_t i = threadIdx.x; lower && i < chunk.count; i += kThreads)
        store_lower<1>(lower, i, scaling.lower_is_bfloat16, x[i]);
    }
    return;
  }
  const bool scaled = scaling.grad_scale != nullptr;
  // The inverse, rounded to float32, as GradScaler.unscale_ has it.
  const float factor = scaled ? static_cast<float>(1 / static_cast<double>(*scaling.grad_scale)) : 1.f;
  Step step = given;
  if constexpr (requires { step.load(); }) step.load();
  char* data[StepTensors::kLists];
  uintptr_t bits = 0;
#pragma unroll
  for (int k = 0; k < StepTensors::kLists; ++k) {
    data[k] = table.data[k][chunk.tensor];
    bits |= reinterpret_cast<uintptr_t>(data[k]);
    if (data[k]) data[k] += chunk.first * static_cast<int64_t>(sizeof(T));
  }
  const bool has[3] = {data[2] != nullptr, data[3] != nullptr, data[4] != nullptr};
  const bool aligned = bits % (W * sizeof(T)) == 0;
  const int64_t vectors = aligned ? chunk.count / W : 0;
  const auto run = [&]<int Width>(int64_t at) {
    [[maybe_unused]] const auto p = step_vector<T, Width>(data, at, step, has, scaled, factor);
    if constexpr (Lower) {
      if (lower) store_lower<Width>(lower, at, scaling.lower_is_bfloat16, p);
    }
  };
  for (int64_t i = threadIdx.x; i < vectors; i += kThreads) run.template operator()<W>(i * W);
  for (int64_t i = vectors * W + threadIdx.x; i < chunk.count; i += kThreads) run.template operator()<1>(i);
}

template <template <class> class Step, class... Numbers>
void run_step(const StepTensors* tensors, int count, DType dtype, const StepScaling& scaling,
              const Numbers&... numbers) {
  bool lower = false;
  for (int i = 0; i < count; ++i) lower = lower || tensors[i].lower;
  visit_float(dtype, [&]<class T>() {
    const Step<opmath_t<T>> step(numbers...);
    auto kernel = step_kernel<T, Step<opmath_t<T>>, false>;
    if constexpr (std::is_same_v<T, float>) {
      if (lower) kernel = step_kernel<T, Step<opmath_t<T>>, true>;
    }
    for_tables<StepTensors::kLists + 1, kStepCapacity>(
        tensors, count, chunk_for(total_of(tensors, count)),
        [&](StepTable& table, int k, int i) {
          for (int list = 0; list < StepTensors::kLists; ++list) table.data[list][k] = tensors[i].data[list];
          table.data[kLower][k] = tensors[i].lower;
        },
        [&](const StepTable& table, unsigned blocks) {
          launch(kernel, {blocks, kThreads}, table, scaling, step);
        });
  });
}

// ---- norms

constexpr int kNormCapacity = 256;
constexpr int64_t kNormChunk = 4 * kGranule;  // fixed, so that the sum does not depend on the machine
using NormTable = Table<1, kNormCapacity>;

enum class Power : int { Zero, One, Two, Infinity, Other };
Power kind_of(double power) {
  if (power == 0) return Power::Zero;
  if (power == 1) return Power::One;
  if (power == 2) return Power::Two;
  return power == math::infinity<double>() ? Power::Infinity : Power::Other;
}

__device__ __forceinline__ double combine(Power kind, double a, double b) {
  if (kind != Power::Infinity) return a + b;
  return b > a || b != b ? b : a;
}

// The block's total, in thread 0. The order of additions is fixed.
template <int Threads>
__device__ double reduce_block(Power kind, double x) {
  __shared__ double of_warps[Threads / kWarp];
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
#pragma unroll
  for (int d = kWarp / 2; d > 0; d /= 2) x = combine(kind, x, __shfl_down_sync(kAllLanes, x, d));
  if (lane == 0) of_warps[warp] = x;
  __syncthreads();
  if (warp != 0) return 0;
  x = lane < Threads / kWarp ? of_warps[lane] : 0;
#pragma unroll
  for (int d = kWarp / 2; d > 0; d /= 2) x = combine(kind, x, __shfl_down_sync(kAllLanes, x, d));
  return x;
}

static __device__ __noinline__ double power_of(double a, double power) { return ::pow(a, power); }

// In double: converting and adding 4-byte elements keeps pace with the memory.
template <class T>
__global__ void __launch_bounds__(kThreads)
    norm_kernel(const NormTable table, const Power kind, const double power, double* parts) {
  constexpr int W = kVectorWidth<T>;
  const auto chunk = chunk_of(table);
  const T* x = reinterpret_cast<const T*>(table.data[0][chunk.tensor]) + chunk.first;
  double total = 0;
  const auto add = [&](T element) {
    const double a = ::fabs(static_cast<double>(to_op(element)));
    switch (kind) {
      case Power::Zero: total += a != 0 ? 1 : 0; break;
      case Power::One: total += a; break;
      case Power::Two: total = math::fma(a, a, total); break;
      case Power::Infinity: total = combine(kind, total, a); break;
      case Power::Other: total += power_of(a, power); break;
    }
  };
  const bool aligned = reinterpret_cast<uintptr_t>(x) % (W * sizeof(T)) == 0;
  const int64_t vectors = aligned ? chunk.count / W : 0;
#pragma unroll 2
  for (int64_t i = threadIdx.x; i < vectors; i += kThreads) {
    const auto v = reinterpret_cast<const Vector<T, W>*>(x)[i];
    if (kind == Power::Two) {
#pragma unroll
      for (int j = 0; j < W; ++j) {
        const double a = static_cast<double>(to_op(v.at[j]));
        total = math::fma(a, a, total);
      }
    } else {
#pragma unroll
      for (int j = 0; j < W; ++j) add(v.at[j]);
    }
  }
  for (int64_t i = vectors * W + threadIdx.x; i < chunk.count; i += kThreads) add(x[i]);
  total = reduce_block<kThreads>(kind, total);
  if (threadIdx.x == 0) parts[blockIdx.x] = total;
}

constexpr int kFinishThreads = 1024;
template <class T>
__global__ void __launch_bounds__(kFinishThreads)
    finish_kernel(const double* parts, int64_t count, const Power kind, const double power, T* out) {
  double total = 0;
  for (int64_t i = threadIdx.x; i < count; i += kFinishThreads) total = combine(kind, total, parts[i]);
  total = reduce_block<kFinishThreads>(kind, total);
  if (threadIdx.x != 0) return;
  if (kind == Power::Two) total = ::sqrt(total);
  if (kind == Power::Other) total = ::pow(total, 1 / power);
  *out = from_op<T>(static_cast<opmath_t<T>>(total));
}

// ---- scaling, zeros

template <class T, class F>
__device__ __forceinline__ void map_chunk(const NormTable& table, const F& f) {
  constexpr int W = kVectorWidth<T>;
  const auto chunk = chunk_of(table);
  T* x = reinterpret_cast<T*>(table.data[0][chunk.tensor]) + chunk.first;
  const bool aligned = reinterpret_cast<uintptr_t>(x) % (W * sizeof(T)) == 0;
  const int64_t vectors = aligned ? chunk.count / W : 0;
#pragma unroll 2
  for (int64_t i = threadIdx.x; i < vectors; i += kThreads) {
    auto& v = reinterpret_cast<Vector<T, W>*>(x)[i];
    v = f(v);
  }
  for (int64_t i = vectors * W + threadIdx.x; i < chunk.count; i += kThreads) {
    auto& v = reinterpret_cast<Vector<T, 1>*>(x)[i];
    v = f(v);
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads) scale_kernel(const NormTable table, const opmath_t<T>* scale) {
  const opmath_t<T> factor = *scale;
  map_chunk<T>(table, [&]<int W>(Vector<T, W> v) {
#pragma unroll
    for (int i = 0; i < W; ++i) v.at[i] = from_op<T>(to_op(v.at[i]) * factor);
    return v;
  });
}

__global__ void __launch_bounds__(kThreads) zero_kernel(const NormTable table) {
  map_chunk<uint8_t>(table, []<int W>(const Vector<uint8_t, W>&) { return Vector<uint8_t, W>{}; });
}

template <class Go>
void for_dense(const DenseTensor* tensors, int count, int64_t chunk, const Go& go) {
  for_tables<1, kNormCapacity>(
      tensors, count, chunk, [&](NormTable& table, int k, int i) { table.data[0][k] = tensors[i].data; }, go);
}

}  // namespace

void fused_step(const StepTensors* tensors, int count, DType dtype, const StepScaling& scaling,
                const fn::SgdStep& step) {
  run_step<Sgd>(tensors, count, dtype, scaling, step);
}
void fused_step(const StepTensors* tensors, int count, DType dtype, const StepScaling& scaling,
                const fn::AdamStep& step, const double* numbers) {
  run_step<Adam>(tensors, count, dtype, scaling, step, numbers);
}
void adam_numbers(const void* step, DType step_dtype, const void* lr, DType lr_dtype,
                  const fn::AdamStep& options, double* numbers) {
  launch(adam_numbers_kernel, {1, 1}, step, step_dtype, lr, lr_dtype, options, numbers);
}
void fused_step(const StepTensors* tensors, int count, DType dtype, const StepScaling& scaling,
                const fn::RmspropStep& step) {
  run_step<Rmsprop>(tensors, count, dtype, scaling, step);
}

int64_t norm_parts(const DenseTensor* tensors, int count) {
  int64_t parts = 0;
  for (int i = 0; i < count; ++i) parts += ceil_div(tensors[i].numel, kNormChunk);
  return parts;
}
void sum_of_powers(const DenseTensor* tensors, int count, DType dtype, double power, double* parts) {
  visit_float(dtype, [&]<class T>() {
    for_dense(tensors, count, kNormChunk, [&](const NormTable& table, unsigned blocks) {
      launch(norm_kernel<T>, {blocks, kThreads}, table, kind_of(power), power, parts);
      parts += blocks;
    });
  });
}
void finish_norm(const double* parts, int64_t count, double power, void* out, DType dtype) {
  visit_float(dtype, [&]<class T>() {
    launch(finish_kernel<T>, {1, kFinishThreads}, parts, count, kind_of(power), power, static_cast<T*>(out));
  });
}

void scale_tensors(const DenseTensor* tensors, int count, DType dtype, const void* scale) {
  visit_float(dtype, [&]<class T>() {
    for_dense(tensors, count, chunk_for(total_of(tensors, count)),
              [&](const NormTable& table, unsigned blocks) {
                launch(scale_kernel<T>, {blocks, kThreads}, table, static_cast<const opmath_t<T>*>(scale));
              });
  });
}
void zero_tensors(const DenseTensor* tensors, int count) {
  for_dense(tensors, count, chunk_for(total_of(tensors, count)),
            [&](const NormTable& table, unsigned blocks) {
              launch(zero_kernel, {blocks, kThreads}, table);
            });
}

}  // namespace plait::cuda
