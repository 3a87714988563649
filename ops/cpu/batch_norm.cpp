#include "ops/cpu/batch_norm.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/onednn.h"

namespace plait::cpu {
namespace {

constexpr int64_t kGrain = 16384;  // elements

Tensor to_contiguous(const Tensor& t, DType dtype) {
  if (!t.defined() || (t.is_contiguous() && t.dtype() == dtype)) return t;
  const Tensor out = empty_tensor(t.sizes(), dtype);
  copy(out, t);
  return out;
}
Tensor target(const Tensor& result, DType dtype) {
  return result.is_contiguous() && result.dtype() == dtype ? result : empty_tensor(result.sizes(), dtype);
}
void deliver(const Tensor& result, const Tensor& computed) {
  if (!computed.same(result)) copy(result, computed);
}

View view_of(const Tensor& t, const Dims& strides) {
  return {t.data_ptr(), t.sizes().data(), strides.data(), static_cast<int>(t.dim()), t.dtype()};
}

// (N, C, inner): the rows of a channel lie `channels * inner` apart.
struct Planes {
  int64_t batch, channels, inner;
  explicit Planes(const Dims& sizes) : batch(sizes[0]), channels(sizes[1]), inner(1) {
    for (int d = 2; d < sizes.size(); ++d) inner *= sizes[d];
  }
  int64_t count() const { return batch * inner; }
  template <class F>
  void each_channel(const F& f) const {
    parallel_for(0, channels, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, count())),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t c = begin; c < end; ++c) f(c);
                 });
  }
  // f(first element) for each row of a channel.
  template <class F>
  void each_row(int64_t c, const F& f) const {
    for (int64_t n = 0; n < batch; ++n) f((n * channels + c) * inner);
  }
};

// The sum of f(i) for i below n, in lanes of the element type, in double across rows.
template <class T, class F>
double row_sum(int64_t n, const F& f) {
  T lanes[8] = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int l = 0; l < 8; ++l) lanes[l] += f(i + l);
  for (; i < n; ++i) lanes[0] += f(i);
  double sum = 0;
  for (const T lane : lanes) sum += static_cast<double>(lane);
  return sum;
}

template <class T>
T weight_at(const Tensor& weight, int64_t c, T otherwise) {
  return weight.defined() ? weight.data<T>()[c] : otherwise;
}

template <class T>
void forward(const Planes& p, T* y, T* mean, T* var, const T* x, const Tensor& weight, const Tensor& bias,
             double eps) {
  p.each_channel([&](int64_t c) {
    double sum = 0, squares = 0;
    p.each_row(c, [&](int64_t at) { sum += row_sum<T>(p.inner, [&](int64_t i) { return x[at + i]; }); });
    const T m = static_cast<T>(sum / static_cast<double>(p.count()));
    p.each_row(c, [&](int64_t at) {
      squares += row_sum<T>(p.inner, [&](int64_t i) { return (x[at + i] - m) * (x[at + i] - m); });
    });
    const double v = squares / static_cast<double>(p.count());
    mean[c] = m;
    var[c] = static_cast<T>(v);
    const T scale = static_cast<T>(static_cast<double>(weight_at<T>(weight, c, 1)) / std::sqrt(v + eps));
    const T shift = weight_at<T>(bias, c, 0);
    p.each_row(c, [&](int64_t at) {
      for (int64_t i = 0; i < p.inner; ++i) y[at + i] = (x[at + i] - m) * scale + shift;
    });
  });
}

// With h = (x - mean) / sqrt(var + eps): dx = weight / sqrt(var + eps) * (dy - mean(dy) - h mean(dy h)).
template <class T>
void backward(const Planes& p, T* dx, T* dweight, T* dbias, const T* dy, const T* x, const Tensor& weight,
              const T* mean, const T* var, double eps) {
  p.each_channel([&](int64_t c) {
    double sum = 0, dot = 0;
    const T m = mean[c];
    p.each_row(c, [&](int64_t at) {
      sum += row_sum<T>(p.inner, [&](int64_t i) { return dy[at + i]; });
      dot += row_sum<T>(p.inner, [&](int64_t i) { return dy[at + i] * (x[at + i] - m); });
    });
    const double inverse = 1 / std::sqrt(static_cast<double>(var[c]) + eps),
                 count = static_cast<double>(p.count());
    dweight[c] = static_cast<T>(dot * inverse);
    dbias[c] = static_cast<T>(sum);
    const T scale = static_cast<T>(static_cast<double>(weight_at<T>(weight, c, 1)) * inverse);
    const T of_x = static_cast<T>(dot * inverse * inverse / count), of_one = static_cast<T>(sum / count);
    p.each_row(c, [&](int64_t at) {
      for (int64_t i = 0; i < p.inner; ++i)
        dx[at + i] = scale * (dy[at + i] - of_one - (x[at + i] - m) * of_x);
    });
  });
}

bool for_onednn(const Tensor& x) {
  return x.dtype() == DType::Float32 && x.is_contiguous() && x.dim() >= 3 && x.dim() <= 5;
}

}  // namespace

void batch_norm(const Tensor& y, const Tensor& mean, const Tensor& var, const Tensor& x, const Tensor& weight,
                const Tensor& bias, double eps) {
  const DType dtype = mean.dtype();
  const Tensor to = target(y, dtype), from = to_contiguous(x, dtype), w = to_contiguous(weight, dtype),
               b = to_contiguous(bias, dtype);
  if (x.numel() > 0) {
    const OnednnKernels* dnn = for_onednn(from) ? onednn_if_available() : nullptr;
    const Dims strides = contiguous_strides(from.sizes());
    const bool done =
        dnn != nullptr && dnn->batch_norm_forward({.y = view_of(to, strides),
                                                   .x = view_of(from, strides),
                                                   .scale = w.defined() ? w.data<float>() : nullptr,
                                                   .shift = b.defined() ? b.data<float>() : nullptr,
                                                   .mean = mean.data<float>(),
                                                   .var = var.data<float>(),
                                                   .epsilon = static_cast<float>(eps)});
    const Planes planes(x.sizes());
    if (dtype == DType::Float64)
      forward(planes, to.data<double>(), mean.data<double>(), var.data<double>(), from.data<double>(), w, b,
              eps);
    else if (!done)
      forward(planes, to.data<float>(), mean.data<float>(), var.data<float>(), from.data<float>(), w, b, eps);
  }
  deliver(y, to);
}

void batch_norm_backward(const Tensor& dx, const Tensor& dweight, const Tensor& dbias, const Tensor& dy,
                         const Tensor& x, const Tensor& weight, const Tensor& mean, const Tensor& var,
                         double eps) {
  const DType dtype = mean.dtype();
  const Tensor to = target(dx, dtype), g = to_contiguous(dy, dtype), from = to_contiguous(x, dtype),
               w = to_contiguous(weight, dtype);
  const Tensor m = to_contiguous(mean, dtype), v = to_contiguous(var, dtype);
  const Planes planes(x.sizes());
  if (dtype == DType::Float64)
    backward(planes, to.data<double>(), dweight.data<double>(), dbias.data<double>(), g.data<double>(),
             from.data<double>(), w, m.data<double>(), v.data<double>(), eps);
  else
    backward(planes, to.data<float>(), dweight.data<float>(), dbias.data<float>(), g.data<float>(),
             from.data<float>(), w, m.data<float>(), v.data<float>(), eps);
  deliver(dx, to);
}

}  // namespace plait::cpu
