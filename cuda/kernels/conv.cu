#include "cuda/kernels/conv.h"

#include "cuda/device/tile_product.cuh"

namespace plait::cuda {
namespace {

// `W`: of the weight, or its gradient.
template <class T, class W = T>
struct ConvArgs {
  template <class E>
  struct LayoutOf {
    E* data;
    int64_t sizes[5], strides[5];

    __device__ E* at(int64_t n, int64_t c, int64_t d, int64_t h, int64_t w) const {
      return data + n * strides[0] + c * strides[1] + d * strides[2] + h * strides[3] + w * strides[4];
    }
    __device__ int64_t spatial() const { return sizes[2] * sizes[3] * sizes[4]; }
  };
  LayoutOf<T> x, y;
  LayoutOf<W> w;
  int64_t stride[3], padding[3], dilation[3];
  int64_t groups;
  const T* bias;
};

struct Position {
  int64_t n, d, h, w;
};
template <class Layout>
__device__ __forceinline__ Position position_of(const Layout& l, int64_t index) {
  Position p;
  p.w = index % l.sizes[4], index /= l.sizes[4];
  p.h = index % l.sizes[3], index /= l.sizes[3];
  p.d = index % l.sizes[2];
  p.n = index / l.sizes[2];
  return p;
}
// A channel and a place in the kernel.
template <class Layout>
__device__ __forceinline__ Position tap_of(const Layout& w, int64_t index) {
  return position_of(w, index);
}

// The element of x that the tap meets for a place in y; 0 in the padding.
template <class T, class W>
__device__ __forceinline__ opmath_t<T> patch(const ConvArgs<T, W>& a, int64_t channel, const Position& out,
                                             const Position& tap) {
  const int64_t d = out.d * a.stride[0] - a.padding[0] + tap.d * a.dilation[0];
  const int64_t h = out.h * a.stride[1] - a.padding[1] + tap.h * a.dilation[1];
  const int64_t w = out.w * a.stride[2] - a.padding[2] + tap.w * a.dilation[2];
  const bool inside = d >= 0 && d < a.x.sizes[2] && h >= 0 && h < a.x.sizes[3] && w >= 0 && w < a.x.sizes[4];
  return inside ? to_op(*a.x.at(out.n, channel, d, h, w)) : opmath_t<T>(0);
}

// The place in y whose tap meets `at` of x along one dimension; false where there is none.
__device__ __forceinline__ bool source(int64_t at, int64_t tap, int64_t stride, int64_t padding,
                                       int64_t dilation, int64_t size, int64_t& out) {
  const int64_t shifted = at + padding - tap * dilation;
  out = shifted / stride;
  return shifted >= 0 && out * stride == shifted && out < size;
}

template <class T, class Go>
__device__ void for_columns(int64_t n, const Go& go) {
  for (int64_t column0 = static_cast<int64_t>(blockIdx.y) * kTile; column0 < n;
       column0 += static_cast<int64_t>(gridDim.y) * kTile)
    go(column0);
}

// Rows: places of y. Columns: output channels of the group. Depth: input channels and taps.
template <class T>
__global__ void __launch_bounds__(kTileThreads* kTileThreads) forward_kernel(const ConvArgs<T> a) {
  const int64_t outputs = a.w.sizes[0] / a.groups, inputs = a.w.sizes[1], rows = a.y.sizes[0] * a.y.spatial();
  for (int64_t group = blockIdx.z; group < a.groups; group += gridDim.z)
    for_columns<T>(outputs, [&](int64_t column0) {
      tile_product<T>(
          rows, outputs, inputs * a.w.spatial(), static_cast<int64_t>(blockIdx.x) * kTile, column0, false,
          true,
          [&](int64_t row, int64_t k) {
            const Position tap = tap_of(a.w, k);
            return patch(a, group * inputs + tap.n, position_of(a.y, row), tap);
          },
          [&](int64_t k, int64_t column) {
            const Position tap = tap_of(a.w, k);
            return to_op(*a.w.at(group * outputs + column, tap.n, tap.d, tap.h, tap.w));
          },
          [&](int64_t row, int64_t column, opmath_t<T> sum) {
            const Position p = position_of(a.y, row);
            const int64_t channel = group * outputs + column;
            if (a.bias) sum = sum + to_op(a.bias[channel]);
            *a.y.at(p.n, channel, p.d, p.h, p.w) = from_op<T>(sum);
          });
    });
}

// Rows: places of x. Columns: input channels of the group. Depth: output channels and taps.
template <class T>
__global__ void __launch_bounds__(kTileThreads* kTileThreads) input_grad_kernel(const ConvArgs<T> a) {
  const int64_t outputs = a.w.sizes[0] / a.groups, inputs = a.w.sizes[1], rows = a.x.sizes[0] * a.x.spatial();
  for (int64_t group = blockIdx.z; group < a.groups; group += gridDim.z)
    for_columns<T>(inputs, [&](int64_t column0) {
      tile_product<T>(
          rows, inputs, outputs * a.w.spatial(), static_cast<int64_t>(blockIdx.x) * kTile, column0, false,
          true,
          [&](int64_t row, int64_t k) {
            const Position p = position_of(a.x, row), tap = tap_of(a.w, k);
            int64_t d, h, w;
            const bool met = source(p.d, tap.d, a.stride[0], a.padding[0], a.dilation[0], a.y.sizes[2], d) &&
                             source(p.h, tap.h, a.stride[1], a.padding[1], a.dilation[1], a.y.sizes[3], h) &&
                             source(p.w, tap.w, a.stride[2], a.padding[2], a.dilation[2], a.y.sizes[4], w);
            return met ? to_op(*a.y.at(p.n, group * outputs + tap.n, d, h, w)) : opmath_t<T>(0);
          },
          [&](int64_t k, int64_t column) {
            const Position tap = tap_of(a.w, k);
            return to_op(*a.w.at(group * outputs + tap.n, column, tap.d, tap.h, tap.w));
          },
          [&](int64_t row, int64_t column, opmath_t<T> sum) {
            const Position p = position_of(a.x, row);
            *a.x.at(p.n, group * inputs + column, p.d, p.h, p.w) = from_op<T>(sum);
          });
    });
}

// Rows: output channels of the group. Columns: input channels and taps. Depth: places of y.
template <class T, class W>
__global__ void __launch_bounds__(kTileThreads* kTileThreads) weight_grad_kernel(const ConvArgs<T, W> a) {
  const int64_t outputs = a.w.sizes[0] / a.groups, inputs = a.w.sizes[1], columns = inputs * a.w.spatial();
  for (int64_t group = blockIdx.z; group < a.groups; group += gridDim.z)
    for_columns<T>(columns, [&](int64_t column0) {
      tile_product<T>(
          outputs, columns, a.y.sizes[0] * a.y.spatial(), static_cast<int64_t>(blockIdx.x) * kTile, column0,
          true, true,
          [&](int64_t row, int64_t k) {
            const Position p = position_of(a.y, k);
            return to_op(*a.y.at(p.n, group * outputs + row, p.d, p.h, p.w));
          },
          [&](int64_t k, int64_t column) {
            const Position tap = tap_of(a.w, column);
            return patch(a, group * inputs + tap.n, position_of(a.y, k), tap);
          },
          [&](int64_t row, int64_t column, opmath_t<T> sum) {
            const Position tap = tap_of(a.w, column);
            *a.w.at(group * outputs + row, tap.n, tap.d, tap.h, tap.w) = from_op<W>(sum);
          });
    });
}

template <class T, class W = T>
void run(const ConvPlan& plan) {
  ConvArgs<T, W> a{};
  const auto take = [](auto& to, const ConvPlan::Layout& from) {
    to.data = static_cast<decltype(to.data)>(from.data);
    for (int d = 0; d < 5; ++d) to.sizes[d] = from.sizes[d], to.strides[d] = from.strides[d];
  };
  take(a.x, plan.x), take(a.w, plan.w), take(a.y, plan.y);
  for (int d = 0; d < 3; ++d)
    a.stride[d] = plan.stride[d], a.padding[d] = plan.padding[d], a.dilation[d] = plan.dilation[d];
  a.groups = plan.groups;
  a.bias = static_cast<const T*>(plan.bias);
  const auto count = [](const ConvPlan::Layout& l) { return l.sizes[2] * l.sizes[3] * l.sizes[4]; };
  const int64_t outputs = plan.w.sizes[0] / plan.groups, inputs = plan.w.sizes[1];
  const dim3 block(kTileThreads, kTileThreads);
  if constexpr (std::is_same_v<T, W>) {
    if (plan.pass == ConvPlan::Forward)
      return launch(forward_kernel<T>,
                    {tile_grid(plan.y.sizes[0] * count(plan.y), outputs, plan.groups), block}, a);
    if (plan.pass == ConvPlan::InputGrad)
      return launch(input_grad_kernel<T>,
                    {tile_grid(plan.x.sizes[0] * count(plan.x), inputs, plan.groups), block}, a);
  }
  launch(weight_grad_kernel<T, W>, {tile_grid(outputs, inputs * count(plan.w), plan.groups), block}, a);
}

}  // namespace

void run_conv(const ConvPlan& plan) {
  const bool wide = plan.w_dtype != plan.dtype;
  switch (plan.dtype) {
    case DType::Float16: return wide ? run<Half, float>(plan) : run<Half>(plan);
    case DType::BFloat16: return wide ? run<BFloat16, float>(plan) : run<BFloat16>(plan);
    case DType::Float64: return run<double>(plan);
    case DType::Int64: return run<int64_t>(plan);
    case DType::Complex64: return run<Complex<float>>(plan);
    case DType::Complex128: return run<Complex<double>>(plan);
    default: return run<float>(plan);
  }
}

}  // namespace plait::cuda
