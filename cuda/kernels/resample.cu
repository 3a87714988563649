// Where an output position reads, and with which weights, is tabulated for each dimension by a first small
// kernel; the tables stay in the caches. The adjoint gathers: for each input position the tables say which
// outputs may read it, so that nothing is added twice at a time.
#include "cuda/kernels/resample.h"

#include "cuda/device/launch.cuh"
#include "cuda/device/row_math.cuh"
#include "cuda/runtime/memory.h"

namespace plait::cuda {
namespace {

constexpr int kThreads = 256;

struct AxisRule {
  int in, out, taps;
  ResampleMode mode;
  bool align_corners;
  double step, corner_step;

  // The position that an output reads about, and how far it lies behind it.
  __device__ int base(int o, double& t) const {
    t = 0;
    if (taps == 1) {
      // In float, as PyTorch: which neighbour is nearest is a matter of rounding.
      const auto narrow = static_cast<float>(step);
      const float at = static_cast<float>(o),
                  place = (mode == ResampleMode::Nearest ? at : at + 0.5f) * narrow;
      const int floor = static_cast<int>(floorf(place));
      return floor < in - 1 ? floor : in - 1;
    }
    const auto at = static_cast<double>(o);
    // Each operation rounded on its own, as on the CPU: the next pixel is a matter of rounding, too.
    double place = align_corners ? corner_step * at : __dadd_rn(__dmul_rn(step, at + 0.5), -0.5);
    if (taps == 2 && place < 0) place = 0;
    const double floored = floor(place);
    const int first = floored < in - 1 ? static_cast<int>(floored) : in - 1;
    const double rest = place - first;
    t = rest < 1 ? rest : 1;
    return first;
  }
};

template <class O>
struct AxisTable {
  int *index, *range;  // (out, taps); (in, 2): the outputs that may read a position, first and past the last
  O* weight;           // (out, taps)
};

template <class O>
struct Axes {
  AxisRule rules[3];
  AxisTable<O> tables[3];
};

// The first output whose base is at least `least`.
__device__ int first_with_base(const AxisRule& rule, int least) {
  int low = 0, high = rule.out;
  double t;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (rule.base(middle, t) >= least)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

template <class O>
__global__ void __launch_bounds__(kThreads) fill_tables(const Axes<O> axes, bool backward) {
  const AxisRule& rule = axes.rules[blockIdx.y];
  const AxisTable<O>& table = axes.tables[blockIdx.y];
  const int i = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  if (i < rule.out) {
    double t;
    const int base = rule.base(i, t);
    if (rule.taps == 1) {
      table.index[i] = base;
      table.weight[i] = O(1);
    } else if (rule.taps == 2) {
      table.index[2 * i] = base;
      table.index[2 * i + 1] = base + 1 < rule.in ? base + 1 : rule.in - 1;
      table.weight[2 * i] = static_cast<O>(1 - t);
      table.weight[2 * i + 1] = static_cast<O>(t);
    } else {
      // R. Keys, "Cubic convolution interpolation for digital image processing" (1981), with a = -3/4.
      constexpr double a = -0.75;
      const auto inner = [](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
      const auto outer = [](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
      const double weights[] = {outer(t + 1), inner(t), inner(1 - t), outer(2 - t)};
      for (int k = 0; k < 4; ++k) {
        const int at = base + k - 1;
        table.index[4 * i + k] = at < 0 ? 0 : at < rule.in ? at : rule.in - 1;
        table.weight[4 * i + k] = static_cast<O>(weights[k]);
      }
    }
  }
  if (backward && i < rule.in) {
    const int before = rule.taps / 2,
              behind = rule.taps == 4 ? 1 : 0;  // of the base; at the ends all is clamped
    table.range[2 * i] = i == 0 ? 0 : first_with_base(rule, i - before);
    table.range[2 * i + 1] = i == rule.in - 1 ? rule.out : first_with_base(rule, i + behind + 1);
  }
}

struct Walk {
  FastDivisor depth, height, width, channels;  // of what is written
  int64_t count, strides[5];
  bool wide;
};
struct Place {
  int64_t base;
  int z, y, x;
};
__device__ __forceinline__ bool locate(const Walk& w, int64_t& i, Place& at) {
  i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= w.count) return false;
  int64_t rest = i;
  const auto take = [&](const FastDivisor& d) {
    uint32_t part;
    if (w.wide) {
      const int64_t next = rest / d.divisor;
      part = static_cast<uint32_t>(rest - next * d.divisor);
      rest = next;
    } else {
      rest = d.divide(static_cast<uint32_t>(rest), part);
    }
    return static_cast<int>(part);
  };
  at.x = take(w.width);
  at.y = take(w.height);
  at.z = take(w.depth);
  const int c = take(w.channels);
  at.base = rest * w.strides[0] + c * w.strides[1];
  return true;
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    forward(const Walk w, const Axes<opmath_t<T>> axes, const T* x, T* y) {
  using O = opmath_t<T>;
  int64_t i;
  Place at;
  if (!locate(w, i, at)) return;
  const int taps[3] = {axes.rules[0].taps, axes.rules[1].taps, axes.rules[2].taps};
  const auto &tz = axes.tables[0], &ty = axes.tables[1], &tx = axes.tables[2];
  O sum = 0;
  for (int k = 0; k < taps[2]; ++k) {
    const T* column = x + at.base + tx.index[at.x * taps[2] + k] * w.strides[4];
    O part = 0;
    for (int a = 0; a < taps[0]; ++a)
      for (int b = 0; b < taps[1]; ++b) {
        const O weight = tz.weight[at.z * taps[0] + a] * ty.weight[at.y * taps[1] + b];
        if (weight == O(0) && a + b > 0) continue;  // infinities that do not count
        part += weight * to_op(column[tz.index[at.z * taps[0] + a] * w.strides[2] +
                                      ty.index[at.y * taps[1] + b] * w.strides[3]]);
      }
    sum += tx.weight[at.x * taps[2] + k] * part;
  }
  y[i] = from_op<T>(sum);
}

// What output o reads of input i.
template <class O>
__device__ __forceinline__ O weight_of(const AxisTable<O>& table, int taps, int o, int i) {
  O weight = 0;
  for (int k = 0; k < taps; ++k)
    if (table.index[o * taps + k] == i) weight += table.weight[o * taps + k];
  return weight;
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    backward(const Walk w, const Axes<opmath_t<T>> axes, const T* dy, T* dx) {
  using O = opmath_t<T>;
  int64_t i;
  Place at;
  if (!locate(w, i, at)) return;
  const int taps[3] = {axes.rules[0].taps, axes.rules[1].taps, axes.rules[2].taps};
  const auto &tz = axes.tables[0], &ty = axes.tables[1], &tx = axes.tables[2];
  O sum = 0;
  for (int z = tz.range[2 * at.z]; z < tz.range[2 * at.z + 1]; ++z) {
    const O wz = weight_of(tz, taps[0], z, at.z);
    for (int y = ty.range[2 * at.y]; y < ty.range[2 * at.y + 1]; ++y) {
      const O wzy = wz * weight_of(ty, taps[1], y, at.y);
      if (wzy == O(0)) continue;
      const T* row = dy + at.base + z * w.strides[2] + y * w.strides[3];
      for (int x = tx.range[2 * at.x]; x < tx.range[2 * at.x + 1]; ++x)
        sum += wzy * weight_of(tx, taps[2], x, at.x) * to_op(row[x * w.strides[4]]);
    }
  }
  dx[i] = from_op<T>(sum);
}

template <class T, class Kernel>
void run(const ResamplePlan& p, bool is_backward, const Kernel& kernel, const void* from, void* to) {
  using O = opmath_t<T>;
  Axes<O> axes;
  Walk w{};
  w.count = p.batch * p.channels;
  int64_t longest = 1, bytes = 0;
  FastDivisor* sizes[3] = {&w.depth, &w.height, &w.width};
  const auto place = [&](int64_t size) {  // in the workspace, 16-byte aligned
    const int64_t at = bytes;
    bytes += ceil_div(size, 16) * 16;
    return at;
  };
  int64_t offsets[3][3];
  for (int d = 0; d < 3; ++d) {
    const ResamplePlan::Axis& a = p.axes[d];
    AxisRule& rule = axes.rules[d];
    rule.mode = p.mode;
    rule.in = static_cast<int>(a.in);
    rule.out = static_cast<int>(a.out);
    rule.taps = a.missing ? 1 : p.mode == ResampleMode::Linear ? 2 : p.mode == ResampleMode::Cubic ? 4 : 1;
    rule.align_corners = p.align_corners;
    rule.step = a.factor > 0 ? 1 / a.factor : static_cast<double>(a.in) / static_cast<double>(a.out);
    rule.corner_step = a.out > 1 ? static_cast<double>(a.in - 1) / static_cast<double>(a.out - 1) : 0;
    offsets[d][0] = place(a.out * rule.taps * static_cast<int64_t>(sizeof(int)));
    offsets[d][1] = place(a.in * 2 * static_cast<int64_t>(sizeof(int)));
    offsets[d][2] = place(a.out * rule.taps * static_cast<int64_t>(sizeof(O)));
    const int64_t size = is_backward ? a.in : a.out;
    *sizes[d] = FastDivisor(static_cast<uint32_t>(size));
    w.count *= size;
    longest = a.in > longest ? a.in : longest;
    longest = a.out > longest ? a.out : longest;
  }
  const Workspace memory(static_cast<size_t>(bytes));
  char* base = memory.as<char>();
  for (int d = 0; d < 3; ++d)
    axes.tables[d] = {reinterpret_cast<int*>(base + offsets[d][0]),
                      reinterpret_cast<int*>(base + offsets[d][1]),
                      reinterpret_cast<O*>(base + offsets[d][2])};
  w.channels = FastDivisor(static_cast<uint32_t>(p.channels));
  for (int d = 0; d < 5; ++d) w.strides[d] = p.strides[d];
  w.wide = w.count >= (int64_t{1} << 31);
  launch(fill_tables<O>, {dim3(static_cast<unsigned>(ceil_div(longest, kThreads)), 3), dim3(kThreads)}, axes,
         is_backward);
  launch(kernel, {dim3(static_cast<unsigned>(ceil_div(w.count, kThreads))), dim3(kThreads)}, w, axes,
         static_cast<const T*>(from), static_cast<T*>(to));
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

void resample(const ResamplePlan& plan, const void* x, void* y) {
  with_float(plan.dtype, [&]<class T>() { run<T>(plan, false, forward<T>, x, y); });
}
void resample_backward(const ResamplePlan& plan, const void* dy, void* dx) {
  with_float(plan.dtype, [&]<class T>() { run<T>(plan, true, backward<T>, dy, dx); });
}

}  // namespace plait::cuda
