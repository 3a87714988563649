// Where an output position reads, and with which weights, is tabulated for each dimension by a first small
// kernel; the tables stay in the caches. What it reads are neighbouring positions. The adjoint gathers: for
// each input position the tables say which outputs may read it, so that nothing is added twice at a time.
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
  bool missing, align_corners, antialias;
  double step, corner_step;

  __device__ __forceinline__ int within(int i) const { return i < 0 ? 0 : i < in ? i : in - 1; }
  // The pixel behind which output o stands, and how far.
  __device__ int base(int o, double& t) const {
    const auto at = static_cast<double>(o);
    // Each operation rounded on its own, as on the CPU: the next pixel is a matter of rounding, too.
    double place = align_corners ? corner_step * at : __dadd_rn(__dmul_rn(step, at + 0.5), -0.5);
    if (mode == ResampleMode::Linear && place < 0) place = 0;
    const double floored = floor(place);
    const int first = floored < in - 1 ? static_cast<int>(floored) : in - 1;
    const double rest = place - first;
    t = rest < 1 ? rest : 1;
    return first;
  }
  // Weights with antialias reach as much farther as the picture shrinks.
  __device__ double stretch() const {
    const double scale = align_corners ? corner_step : step;
    return scale > 1 ? scale : 1;
  }
  __device__ double centre(int o) const { return (o + 0.5) * (align_corners ? corner_step : step); }

  // What output o reads: positions first to last.
  __device__ void window(int o, int& first, int& last) const {
    if (missing) {
      first = last = o;
    } else if (mode == ResampleMode::Nearest || mode == ResampleMode::NearestExact) {
      // In float, as PyTorch: which neighbour is nearest is a matter of rounding.
      const auto narrow = static_cast<float>(step);
      const float at = static_cast<float>(o),
                  place = (mode == ResampleMode::Nearest ? at : at + 0.5f) * narrow;
      first = last = place < static_cast<float>(in - 1) ? static_cast<int>(floorf(place)) : in - 1;
    } else if (antialias) {
      const double reach = (mode == ResampleMode::Cubic ? 2 : 1) * stretch(), middle = centre(o);
      const double begin = __dadd_rn(__dadd_rn(middle, -reach), 0.5),
                   end = __dadd_rn(__dadd_rn(middle, reach), 0.5);
      first = begin < in - 1 ? begin > 0 ? static_cast<int>(begin) : 0 : in - 1;
      last = end < in ? static_cast<int>(end) - 1 : in - 1;
      last = last < first ? first : last;
    } else {
      double t;
      const int at = base(o, t);
      first = within(mode == ResampleMode::Linear ? at : at - 1);
      last = within(mode == ResampleMode::Linear ? at + 1 : at + 2);
    }
  }
};

template <class O>
struct AxisTable {
  int *first, *count;  // (out): what an output reads
  int* range;          // (in, 2): the outputs that may read a position, first and past the last
  O* weight;           // (out, taps)
};

template <class O>
struct Axes {
  AxisRule rules[3];
  AxisTable<O> tables[3];
};

// R. Keys, "Cubic convolution interpolation for digital image processing" (1981).
__device__ double keys(double x, double a) {
  x = fabs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

template <class O>
__device__ void fill_weights(const AxisRule& rule, int o, AxisTable<O>& table) {
  int first, last;
  rule.window(o, first, last);
  O* weight = table.weight + static_cast<int64_t>(o) * rule.taps;
  int count = last - first + 1;
  if (count == 1) {
    weight[0] = O(1);
  } else if (rule.antialias) {
    const double stretch = rule.stretch(), centre = rule.centre(o);
    const auto at = [&](int k) {
      const double x = (first + k + 0.5 - centre) / stretch;
      if (rule.mode == ResampleMode::Cubic) return keys(x, -0.5);  // as in Pillow
      const double rest = 1 - fabs(x);
      return rest > 0 ? rest : 0.0;
    };
    double total = 0;
    for (int k = 0; k < count; ++k) total += at(k);
    for (int k = 0; k < count; ++k) weight[k] = static_cast<O>(at(k) / total);
  } else {
    // Positions beyond the ends are the ends.
    double t, sums[4] = {};
    const int base = rule.base(o, t);
    const bool linear = rule.mode == ResampleMode::Linear;
    for (int k = linear ? 0 : -1; k <= (linear ? 1 : 2); ++k)
      sums[rule.within(base + k) - first] += linear ? 1 - fabs(t - k) : keys(t - k, -0.75);
    for (int k = 0; k < count; ++k) weight[k] = static_cast<O>(sums[k]);
  }
  // What has no weight is not read, be it infinite.
  int skipped = 0;
  while (count > 1 && weight[skipped] == O(0)) ++skipped, --count;
  while (count > 1 && weight[skipped + count - 1] == O(0)) --count;
  if (skipped > 0)
    for (int k = 0; k < count; ++k) weight[k] = weight[k + skipped];
  table.first[o] = first + skipped;
  table.count[o] = count;
}

// The first output whose window ends at `least` or behind it, or (Begins) begins there.
template <bool Begins>
__device__ int first_with(const AxisRule& rule, int least) {
  int low = 0, high = rule.out;
  while (low < high) {
    const int middle = (low + high) / 2;
    int first, last;
    rule.window(middle, first, last);
    if ((Begins ? first : last) >= least)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

template <class O>
__global__ void __launch_bounds__(kThreads) fill_tables(const Axes<O> axes, bool backward) {
  const AxisRule& rule = axes.rules[blockIdx.y];
  AxisTable<O> table = axes.tables[blockIdx.y];
  const int i = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  if (i < rule.out) fill_weights(rule, i, table);
  if (backward && i < rule.in) {
    table.range[2 * i] = first_with<false>(rule, i);
    table.range[2 * i + 1] = first_with<true>(rule, i + 1);
  }
}

// What bytes are computed in, too.
template <class T>
using computed_t = std::conditional_t<std::is_same_v<T, uint8_t>, float, opmath_t<T>>;
template <class T>
__device__ __forceinline__ computed_t<T> widened(T x) {
  if constexpr (std::is_same_v<T, uint8_t>)
    return static_cast<float>(x);
  else
    return to_op(x);
}
// Rounded once, bytes to the nearest one.
template <class T>
__device__ __forceinline__ T narrowed(computed_t<T> x) {
  if constexpr (std::is_same_v<T, uint8_t>)
    return static_cast<uint8_t>(static_cast<int>(rintf(x > 0 ? x < 255 ? x : 255.0f : 0.0f)));
  else
    return from_op<T>(x);
}

struct Walk {
  FastDivisor depth, height, width, channels;  // of what is written
  int64_t count, strides[5];
  bool innermost, wide;
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
  int c = w.innermost ? take(w.channels) : 0;
  at.x = take(w.width);
  at.y = take(w.height);
  at.z = take(w.depth);
  if (!w.innermost) c = take(w.channels);
  at.base = rest * w.strides[0] + c * w.strides[1];
  return true;
}

template <class From, class To, class O>
__global__ void __launch_bounds__(kThreads) forward(const Walk w, const Axes<O> axes, const From* x, To* y) {
  int64_t i;
  Place at;
  if (!locate(w, i, at)) return;
  const int place[3] = {at.z, at.y, at.x};
  int first[3], count[3];
  const O* weight[3];
#pragma unroll
  for (int d = 0; d < 3; ++d) {
    first[d] = axes.tables[d].first[place[d]];
    count[d] = axes.tables[d].count[place[d]];
    weight[d] = axes.tables[d].weight + static_cast<int64_t>(place[d]) * axes.rules[d].taps;
  }
  O sum = 0;
  for (int k = 0; k < count[2]; ++k) {
    const From* column = x + at.base + (first[2] + k) * w.strides[4];
    O part = 0;
    for (int a = 0; a < count[0]; ++a)
      for (int b = 0; b < count[1]; ++b)
        part += weight[0][a] * weight[1][b] *
                widened(column[(first[0] + a) * w.strides[2] + (first[1] + b) * w.strides[3]]);
    sum += weight[2][k] * part;
  }
  y[i] = narrowed<To>(sum);
}

// What output o reads of input i.
template <class O>
__device__ __forceinline__ O weight_of(const AxisTable<O>& table, int taps, int o, int i) {
  const int k = i - table.first[o];
  return k >= 0 && k < table.count[o] ? table.weight[static_cast<int64_t>(o) * taps + k] : O(0);
}

template <class From, class To, class O>
__global__ void __launch_bounds__(kThreads)
    backward(const Walk w, const Axes<O> axes, const From* dy, To* dx) {
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
      const From* row = dy + at.base + z * w.strides[2] + y * w.strides[3];
      for (int x = tx.range[2 * at.x]; x < tx.range[2 * at.x + 1]; ++x)
        sum += wzy * weight_of(tx, taps[2], x, at.x) * widened(row[x * w.strides[4]]);
    }
  }
  dx[i] = narrowed<To>(sum);
}

double step_of(const ResamplePlan::Axis& a) {
  return a.factor > 0 ? 1 / a.factor : static_cast<double>(a.in) / static_cast<double>(a.out);
}
double corner_step_of(const ResamplePlan::Axis& a) {
  return a.out > 1 ? static_cast<double>(a.in - 1) / static_cast<double>(a.out - 1) : 0;
}

template <class From, class To, class O, class Kernel>
void run(const ResamplePlan& p, bool is_backward, const Kernel& kernel, const void* from, void* to) {
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
  int64_t offsets[3][4];
  for (int d = 0; d < 3; ++d) {
    const ResamplePlan::Axis& a = p.axes[d];
    AxisRule& rule = axes.rules[d];
    rule.mode = p.mode;
    rule.in = static_cast<int>(a.in);
    rule.out = static_cast<int>(a.out);
    rule.taps = static_cast<int>(resample_taps(p, a));
    rule.missing = a.missing;
    rule.align_corners = p.align_corners;
    rule.antialias = p.antialias;
    rule.step = step_of(a);
    rule.corner_step = corner_step_of(a);
    offsets[d][0] = place(a.out * static_cast<int64_t>(sizeof(int)));
    offsets[d][1] = place(a.out * static_cast<int64_t>(sizeof(int)));
    offsets[d][2] = place(is_backward ? a.in * 2 * static_cast<int64_t>(sizeof(int)) : 0);
    offsets[d][3] = place(a.out * rule.taps * static_cast<int64_t>(sizeof(O)));
    const int64_t size = is_backward ? a.in : a.out;
    *sizes[d] = FastDivisor(static_cast<uint32_t>(size));
    w.count *= size;
    longest = a.in > longest ? a.in : longest;
    longest = a.out > longest ? a.out : longest;
  }
  const Workspace memory(static_cast<size_t>(bytes));
  char* base = memory.as<char>();
  for (int d = 0; d < 3; ++d)
    axes.tables[d] = {
        reinterpret_cast<int*>(base + offsets[d][0]), reinterpret_cast<int*>(base + offsets[d][1]),
        reinterpret_cast<int*>(base + offsets[d][2]), reinterpret_cast<O*>(base + offsets[d][3])};
  w.channels = FastDivisor(static_cast<uint32_t>(p.channels));
  for (int d = 0; d < 5; ++d) w.strides[d] = p.strides[d];
  w.innermost = p.channels_innermost;
  w.wide = w.count >= (int64_t{1} << 31);
  launch(fill_tables<O>, {dim3(static_cast<unsigned>(ceil_div(longest, kThreads)), 3), dim3(kThreads)}, axes,
         is_backward);
  launch(kernel, {dim3(static_cast<unsigned>(ceil_div(w.count, kThreads))), dim3(kThreads)}, w, axes,
         static_cast<const From*>(from), static_cast<To*>(to));
}

// Calls f.template operator()<From, To, O>().
template <class F>
void with_types(const ResamplePlan& p, const F& f) {
  const auto narrow = [&]<class T>() {
    if (p.from == p.to) return f.template operator()<T, T, float>();
    if (p.to == DType::Float32) return f.template operator()<T, float, float>();
    f.template operator()<float, T, float>();
  };
  switch (p.from == DType::Float32 ? p.to : p.from) {
    case DType::UInt8: return narrow.template operator()<uint8_t>();
    case DType::Float16: return narrow.template operator()<Half>();
    case DType::BFloat16: return narrow.template operator()<BFloat16>();
    case DType::Float32: return f.template operator()<float, float, float>();
    default: return f.template operator()<double, double, double>();
  }
}

}  // namespace

int64_t resample_taps(const ResamplePlan& p, const ResamplePlan::Axis& a) {
  if (a.missing || p.mode == ResampleMode::Nearest || p.mode == ResampleMode::NearestExact) return 1;
  const int64_t plain = p.mode == ResampleMode::Linear ? 2 : 4;
  if (!p.antialias) return plain;
  const double scale = p.align_corners ? corner_step_of(a) : step_of(a);
  const double reach = static_cast<double>(plain) * (scale > 1 ? scale : 1);
  const double most = reach + 2;  // both ends of the window are rounded
  return most < static_cast<double>(a.in) ? static_cast<int64_t>(most) : a.in;
}

void resample(const ResamplePlan& plan, const void* x, void* y) {
  with_types(plan, [&]<class From, class To, class O>() {
    run<From, To, O>(plan, false, forward<From, To, O>, x, y);
  });
}
void resample_backward(const ResamplePlan& plan, const void* dy, void* dx) {
  with_types(plan, [&]<class From, class To, class O>() {
    run<From, To, O>(plan, true, backward<From, To, O>, dy, dx);
  });
}

}  // namespace plait::cuda
