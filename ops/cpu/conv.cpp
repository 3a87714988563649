#include "ops/cpu/conv.h"

#include <algorithm>
#include <complex>
#include <cstring>
#include <type_traits>

#include "core/parallel.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/depthwise_conv.h"
#include "ops/cpu/matmul.h"
#include "ops/cpu/onednn.h"

namespace plait::cpu {
namespace {

constexpr int64_t kGrain = 16384;  // elements

bool channels_last(const Tensor& t) {
  return !t.is_contiguous() && t.is_contiguous(MemoryFormat::ChannelsLast);
}

Tensor to_contiguous(const Tensor& t, DType dtype) {
  if (t.is_contiguous() && t.dtype() == dtype) return t;
  const Tensor out = empty_tensor(t.sizes(), dtype);
  copy(out, t);
  return out;
}

// A tensor as oneDNN takes it: contiguous or channels-last, with strides made anew, since those of dimensions
// of size 1 may be anything.
struct Dense {
  Tensor tensor;
  Dims strides;
  View view;

  explicit Dense(const Tensor& t) : tensor(channels_last(t) ? t : to_contiguous(t, t.dtype())) {
    strides =
        channels_last(tensor) ? channels_last_strides(tensor.sizes()) : contiguous_strides(tensor.sizes());
    view = {tensor.data_ptr(), tensor.sizes().data(), strides.data(), static_cast<int>(tensor.dim()),
            tensor.dtype()};
  }
  Dense(const Dense&) = delete;
  Dense& operator=(const Dense&) = delete;
};

Window window_of(const ConvParams& params) {
  Window w;
  w.spatial = static_cast<int>(params.stride.size());
  w.groups = params.groups;
  for (size_t i = 0; i < params.stride.size(); ++i) {
    w.stride[i] = params.stride[i];
    w.dilation[i] = params.dilation[i];
    w.pad_begin[i] = w.pad_end[i] = params.padding[i];
  }
  return w;
}

const OnednnKernels* kernels_for(DType dtype) {
  return !is_floating(dtype) || dtype == DType::Float64 ? nullptr : onednn_if_available();
}

// oneDNN reorders contiguous tensors before a depthwise convolution, which costs more than the convolution.
bool own_depthwise(const Dims& weight, const ConvParams& params, const Tensor& result, const Tensor& a,
                   const Tensor& b) {
  return is_depthwise(weight, params) && result.dtype() == DType::Float32 && result.is_contiguous() &&
         !channels_last(a) && !channels_last(b);
}

// Three spatial dimensions; missing ones stand in front with size 1.
struct Geometry {
  int64_t batch, groups, in_channels, out_channels;  // channels of one group
  int64_t in[3]{1, 1, 1}, out[3]{1, 1, 1}, kernel[3]{1, 1, 1};
  int64_t stride[3]{1, 1, 1}, pad[3]{0, 0, 0}, dilation[3]{1, 1, 1};

  Geometry(const Dims& x, const Dims& weight, const Dims& y, const ConvParams& params)
      : batch(x[0]),
        groups(params.groups),
        in_channels(weight[1]),
        out_channels(weight[0] / params.groups) {
    const int n = static_cast<int>(params.stride.size());
    for (int i = 0; i < n; ++i) {
      const int to = 3 - n + i;
      in[to] = x[2 + i];
      out[to] = y[2 + i];
      kernel[to] = weight[2 + i];
      const auto at = static_cast<size_t>(i);
      stride[to] = params.stride[at];
      pad[to] = params.padding[at];
      dilation[to] = params.dilation[at];
    }
  }
  int64_t pixels_in() const { return in[0] * in[1] * in[2]; }
  int64_t pixels_out() const { return out[0] * out[1] * out[2]; }
  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t patch() const { return in_channels * taps(); }
};

// f(column row, image row) for each row of outputs of each kernel element; the image row is null in the
// padding. begin..end are channels.
template <class T, class F>
void for_patch_rows(const Geometry& g, T* image, T* columns, int64_t begin, int64_t end, const F& f) {
  for (int64_t c = begin; c < end; ++c)
    for (int64_t tap = 0; tap < g.taps(); ++tap) {
      const int64_t kx = tap % g.kernel[2], ky = tap / g.kernel[2] % g.kernel[1],
                    kz = tap / (g.kernel[2] * g.kernel[1]);
      T* to = columns + (c * g.taps() + tap) * g.pixels_out();
      for (int64_t z = 0; z < g.out[0]; ++z)
        for (int64_t y = 0; y < g.out[1]; ++y, to += g.out[2]) {
          const int64_t iz = z * g.stride[0] - g.pad[0] + kz * g.dilation[0];
          const int64_t iy = y * g.stride[1] - g.pad[1] + ky * g.dilation[1];
          const bool inside = iz >= 0 && iz < g.in[0] && iy >= 0 && iy < g.in[1];
          f(to, inside ? image + ((c * g.in[0] + iz) * g.in[1] + iy) * g.in[2] : nullptr,
            kx * g.dilation[2] - g.pad[2]);
        }
    }
}

template <class F>
void over_channels(const Geometry& g, const F& f) {
  parallel_for(0, g.in_channels,
               std::max<int64_t>(1, kGrain / std::max<int64_t>(1, g.taps() * g.pixels_out())), f);
}

// (C, in) -> (C * taps, out).
template <class T>
void image_to_columns(const Geometry& g, T* image, T* columns) {
  over_channels(g, [&](int64_t begin, int64_t end) {
    for_patch_rows(g, image, columns, begin, end, [&](T* to, const T* row, int64_t shift) {
      for (int64_t x = 0; x < g.out[2]; ++x) {
        const int64_t ix = x * g.stride[2] + shift;
        to[x] = row != nullptr && ix >= 0 && ix < g.in[2] ? row[ix] : T(0);
      }
    });
  });
}
// The transpose: adds into the image.
template <class T>
void columns_to_image(const Geometry& g, T* image, T* columns) {
  over_channels(g, [&](int64_t begin, int64_t end) {
    for_patch_rows(g, image, columns, begin, end, [&](const T* from, T* row, int64_t shift) {
      for (int64_t x = 0; row != nullptr && x < g.out[2]; ++x) {
        const int64_t ix = x * g.stride[2] + shift;
        if (ix >= 0 && ix < g.in[2]) row[ix] += from[x];
      }
    });
  });
}

struct Matrix {
  void* data;
  int64_t row, column;
};
void multiply(DType dtype, int64_t m, int64_t n, int64_t k, Matrix c, Matrix a, Matrix b, bool accumulate) {
  Product p{};
  p.dtype = dtype;
  p.m = m;
  p.n = n;
  p.k = k;
  p.c.data = c.data, p.c.row = c.row, p.c.column = c.column;
  p.a.data = a.data, p.a.row = a.row, p.a.column = a.column;
  p.b.data = b.data, p.b.row = b.row, p.b.column = b.column;
  p.alpha = 1;
  p.beta = accumulate ? 1 : 0;
  run(p);
}

// Runs f with contiguous tensors of a dtype that products have natively, and copies its result to `result`.
template <class F>
void in_compute_dtype(const Tensor& result, const Tensor& a, const Tensor& b, const F& f) {
  const DType dtype = itemsize(result.dtype()) <= 2 ? DType::Float32 : result.dtype();
  const bool direct = result.is_contiguous() && result.dtype() == dtype;
  const Tensor out = direct ? result : empty_tensor(result.sizes(), dtype);
  const Tensor first = to_contiguous(a, dtype), second = to_contiguous(b, dtype);
  switch (dtype) {
    case DType::Int64: f.template operator()<int64_t>(out, first, second); break;
    case DType::Float64: f.template operator()<double>(out, first, second); break;
    case DType::Complex64: f.template operator()<std::complex<float>>(out, first, second); break;
    case DType::Complex128: f.template operator()<std::complex<double>>(out, first, second); break;
    default: f.template operator()<float>(out, first, second);
  }
  if (!direct) copy(result, out);
}

template <class T>
void add_bias(const Tensor& y, const Tensor& bias) {
  const Tensor b = to_contiguous(bias, dtype_of<T>);
  const int64_t channels = y.sizes()[1], rows = y.sizes()[0] * channels, pixels = rows ? y.numel() / rows : 0;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < pixels; ++i) y.data<T>()[r * pixels + i] += b.data<T>()[r % channels];
}

void zero(const Tensor& t) {
  if (t.numel() > 0) std::memset(t.data_ptr(), 0, static_cast<size_t>(t.nbytes()));
}

}  // namespace

void conv_forward(const Tensor& y, const Tensor& x, const Tensor& weight, const Tensor& bias,
                  const ConvParams& params) {
  if (y.numel() == 0) return;
  const bool empty = x.numel() == 0 || weight.numel() == 0;
  const bool own = own_depthwise(weight.sizes(), params, y, x, y);
  if (const OnednnKernels* dnn = empty || own ? nullptr : kernels_for(y.dtype())) {
    const Dense to(y), from(x);
    const Dense w(weight);
    ConvForwardCall call{.y = to.view, .x = from.view, .w = w.view, .window = window_of(params)};
    if (!bias.defined()) {
      if (dnn->conv_forward(call)) return;
    } else {
      const Dense b(bias);
      call.bias = &b.view;
      if (dnn->conv_forward(call)) return;
    }
  }
  in_compute_dtype(y, x, weight, [&]<class T>(const Tensor& out, const Tensor& in, const Tensor& w) {
    if constexpr (std::is_floating_point_v<T>)
      if (!empty && is_depthwise(weight.sizes(), params))
        return depthwise_forward(out, in, w, bias.defined() ? to_contiguous(bias, dtype_of<T>) : bias,
                                 params);
    const Geometry g(x.sizes(), weight.sizes(), y.sizes(), params);
    zero(out);
    const int64_t pixels = g.pixels_out(), patch = g.patch();
    const Tensor columns = empty_tensor(Dims{patch, pixels}, dtype_of<T>);
    for (int64_t i = 0; !empty && i < g.batch * g.groups; ++i) {
      image_to_columns(g, in.data<T>() + i * g.in_channels * g.pixels_in(), columns.data<T>());
      multiply(dtype_of<T>, g.out_channels, pixels, patch,
               {out.data<T>() + i * g.out_channels * pixels, pixels, 1},
               {w.data<T>() + i % g.groups * g.out_channels * patch, patch, 1},
               {columns.data_ptr(), pixels, 1}, false);
    }
    if (bias.defined()) add_bias<T>(out, bias);
  });
}

void conv_input_grad(const Tensor& dx, const Tensor& dy, const Tensor& weight, const ConvParams& params) {
  if (dx.numel() == 0) return;
  const bool empty = dy.numel() == 0 || weight.numel() == 0;
  const bool own = own_depthwise(weight.sizes(), params, dx, dy, dx);
  if (const OnednnKernels* dnn = empty || own ? nullptr : kernels_for(dx.dtype())) {
    const Dense to(dx), from(dy);
    const Dense w(weight);
    const ConvBackwardCall call{.dy = from.view, .w = &w.view, .dx = &to.view, .window = window_of(params)};
    if (dnn->conv_backward(call)) return;
  }
  in_compute_dtype(dx, dy, weight, [&]<class T>(const Tensor& out, const Tensor& grad, const Tensor& w) {
    if constexpr (std::is_floating_point_v<T>)
      if (!empty && is_depthwise(weight.sizes(), params)) return depthwise_input_grad(out, grad, w, params);
    const Geometry g(dx.sizes(), weight.sizes(), dy.sizes(), params);
    zero(out);
    const int64_t pixels = g.pixels_out(), patch = g.patch();
    const Tensor columns = empty_tensor(Dims{patch, pixels}, dtype_of<T>);
    for (int64_t i = 0; !empty && i < g.batch * g.groups; ++i) {
      multiply(dtype_of<T>, patch, pixels, g.out_channels, {columns.data_ptr(), pixels, 1},
               {w.data<T>() + i % g.groups * g.out_channels * patch, 1, patch},
               {grad.data<T>() + i * g.out_channels * pixels, pixels, 1}, false);
      columns_to_image(g, out.data<T>() + i * g.in_channels * g.pixels_in(), columns.data<T>());
    }
  });
}

void conv_weight_grad(const Tensor& dweight, const Tensor& dy, const Tensor& x, const ConvParams& params) {
  if (dweight.numel() == 0) return;
  if (dweight.dtype() != dy.dtype()) {
    const Tensor same = empty_tensor(dweight.sizes(), dy.dtype());
    conv_weight_grad(same, dy, x, params);
    return copy(dweight, same);
  }
  const bool empty = dy.numel() == 0 || x.numel() == 0;
  const bool own = own_depthwise(dweight.sizes(), params, dweight, dy, x);
  if (const OnednnKernels* dnn = empty || own ? nullptr : kernels_for(dy.dtype())) {
    const Dense to(dweight), from(dy), in(x);
    const ConvBackwardCall call{.dy = from.view, .x = &in.view, .dw = &to.view, .window = window_of(params)};
    if (dnn->conv_backward(call)) return;
  }
  in_compute_dtype(dweight, dy, x, [&]<class T>(const Tensor& out, const Tensor& grad, const Tensor& in) {
    if constexpr (std::is_floating_point_v<T>)
      if (!empty && is_depthwise(dweight.sizes(), params))
        return depthwise_weight_grad(out, grad, in, params);
    const Geometry g(x.sizes(), dweight.sizes(), dy.sizes(), params);
    zero(out);
    const int64_t pixels = g.pixels_out(), patch = g.patch();
    const Tensor columns = empty_tensor(Dims{patch, pixels}, dtype_of<T>);
    for (int64_t i = 0; !empty && i < g.batch * g.groups; ++i) {
      image_to_columns(g, in.data<T>() + i * g.in_channels * g.pixels_in(), columns.data<T>());
      multiply(dtype_of<T>, g.out_channels, patch, pixels,
               {out.data<T>() + i % g.groups * g.out_channels * patch, patch, 1},
               {grad.data<T>() + i * g.out_channels * pixels, pixels, 1}, {columns.data_ptr(), 1, pixels},
               true);
    }
  });
}

}  // namespace plait::cpu
