#include "ops/cpu/random.h"

#include "core/parallel.h"
#include "ops/cpu/binary.h"
#include "ops/cpu/convert.h"

namespace plait::cpu {
namespace {

constexpr int64_t kGrain = 8192;

template <class T>
const RandomFills<T>& fills() {
  if constexpr (std::is_same_v<T, double>)
    return random_table().f64;
  else
    return random_table().f32;
}

template <class T>
void fill_contiguous(T* out, int64_t n, Distribution distribution, GeneratorImpl::Draw draw, double shift,
                     double scale) {
  const RandomFills<T>& f = fills<T>();
  const auto fill = distribution == Distribution::Uniform  ? f.uniform
                    : distribution == Distribution::Normal ? f.normal
                                                           : f.exponential;
  parallel_for(0, n, kGrain, [&](int64_t begin, int64_t end) {
    constexpr int64_t kBlock = 4096;  // the affine step finds the numbers in L1
    const T a = static_cast<T>(scale), b = static_cast<T>(shift);
    for (int64_t i = begin; i < end; i += kBlock) {
      const int64_t count = std::min(kBlock, end - i);
      fill(draw.seed, draw.offset, static_cast<uint64_t>(i), out + i, count);
      if (a != T(1) || b != T(0))
        for (int64_t j = i; j < i + count; ++j) out[j] = b + a * out[j];
    }
  });
}

}  // namespace

void fill_random(const Tensor& out, Distribution distribution, GeneratorImpl::Draw draw, double shift,
                 double scale) {
  if (out.numel() == 0) return;
  if (is_complex(out.dtype())) {
    // Real and imaginary parts are elements 2 i and 2 i + 1; a complex normal number has variance 1 in all.
    const bool wide = out.dtype() == DType::Complex128;
    const double part = distribution == Distribution::Normal ? scale * 0.70710678118654752440 : scale;
    const Tensor flat = empty_tensor(Dims{out.numel()}, out.dtype());
    if (wide)
      fill_contiguous(static_cast<double*>(flat.data_ptr()), 2 * out.numel(), distribution, draw, shift,
                      part);
    else
      fill_contiguous(static_cast<float*>(flat.data_ptr()), 2 * out.numel(), distribution, draw, shift, part);
    copy(out, from_storage(flat.storage(), out.dtype(), out.sizes(), contiguous_strides(out.sizes()), 0));
    return;
  }
  const DType compute = out.dtype() == DType::Float64 ? DType::Float64 : DType::Float32;
  const bool direct = out.dtype() == compute && out.is_contiguous();
  const Tensor target = direct ? out : empty_tensor(out.sizes(), compute);
  if (distribution == Distribution::Uniform && is_reduced_float(out.dtype())) {
    // As many bits as the dtype holds below 1, so that none rounds up to 1.
    fill_contiguous(target.data<float>(), target.numel(), distribution, draw, 0, 1);
    const float grid = out.dtype() == DType::Float16 ? 0x1p11F : 0x1p8F;
    const float a = static_cast<float>(scale), b = static_cast<float>(shift);
    parallel_for(0, target.numel(), kGrain, [&](int64_t begin, int64_t end) {
      float* u = target.data<float>();
      for (int64_t i = begin; i < end; ++i)
        u[i] = b + a * (static_cast<float>(static_cast<int>(u[i] * grid)) / grid);
    });
  } else if (compute == DType::Float64)
    fill_contiguous(target.data<double>(), target.numel(), distribution, draw, shift, scale);
  else
    fill_contiguous(target.data<float>(), target.numel(), distribution, draw, shift, scale);
  if (!direct) copy(out, target);
}

void fill_integers(const Tensor& out, GeneratorImpl::Draw draw, int64_t low, uint64_t range) {
  if (out.numel() == 0) return;
  const bool direct = out.dtype() == DType::Int64 && out.is_contiguous();
  const Tensor target = direct ? out : empty_tensor(out.sizes(), DType::Int64);
  parallel_for(0, target.numel(), kGrain, [&](int64_t begin, int64_t end) {
    random_table().bounded(draw.seed, draw.offset, static_cast<uint64_t>(begin), low, range,
                           target.data<int64_t>() + begin, end - begin);
  });
  if (!direct) copy(out, target);
}

void dropout(const Tensor& out, const Tensor& self, double p, GeneratorImpl::Draw draw) {
  const DType compute = out.dtype() == DType::Float64 ? DType::Float64 : DType::Float32;
  const bool direct = out.dtype() == compute && out.is_contiguous();
  const Tensor target = direct ? out : empty_tensor(out.sizes(), compute);
  Tensor x = self;
  if (x.dtype() != compute || !x.is_contiguous()) {
    x = empty_tensor(self.sizes(), compute);
    copy(x, self);
  }
  const auto run = [&]<class T>() {
    parallel_for(0, x.numel(), kGrain, [&](int64_t begin, int64_t end) {
      fills<T>().dropout(draw.seed, draw.offset, static_cast<uint64_t>(begin), x.data<T>() + begin,
                         target.data<T>() + begin, end - begin, p);
    });
  };
  if (compute == DType::Float64)
    run.template operator()<double>();
  else
    run.template operator()<float>();
  if (!direct) copy(out, target);
}

}  // namespace plait::cpu
