// Random tensors. Every op takes one draw of its generator, which addresses the numbers of all its elements.
#include "ops/decl/random.h"

#include <cmath>

#include "cuda/attach.h"
#include "cuda/kernels/random.h"
#include "cuda/kernels/sort.h"
#include "cuda/ops/elementwise.h"
#include "cuda/runtime/random.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/exponential.h"
#include "ops/decl/scan.h"
#include "ops/decl/trigonometric.h"
#include "ops/decl/unary.h"
#include "ops/math.h"
#include "ops/random_range.h"

namespace plait::cuda {
namespace {

using OptDType = std::optional<DType>;
using OptDevice = std::optional<Device>;
using OptFormat = std::optional<MemoryFormat>;

// f(contiguous tensor), which is out itself or is copied into it: elements are numbered in the logical order.
template <class F>
void into_contiguous(const Tensor& out, const F& f) {
  if (out.numel() == 0) return;
  const Tensor target = out.is_contiguous() ? out : empty_tensor(out.sizes(), out.dtype(), out.device());
  f(target);
  if (!out.is_contiguous()) copy_on_device(out, target);
}

void fill_random(const Tensor& out, Distribution distribution, const RandomState& state, double shift,
                 double scale) {
  into_contiguous(out, [&](const Tensor& to) {
    // Real and imaginary parts are elements 2 i and 2 i + 1; a complex normal number has variance 1 in all.
    const bool complex = is_complex(out.dtype());
    const double part = complex && distribution == Distribution::Normal ? scale * M_SQRT1_2 : scale;
    random_fill(distribution, state, to.data_ptr(), to.numel() * (complex ? 2 : 1), to_real(out.dtype()),
                shift, part);
  });
}
void fill_random(const Tensor& out, Distribution distribution, const Generator& g, double shift,
                 double scale) {
  fill_random(out, distribution, philox_state(g), shift, scale);
}
void fill_integers(const Tensor& out, const Generator& g, int64_t low, int64_t high) {
  const RandomState state = philox_state(g);
  into_contiguous(out, [&](const Tensor& to) {
    random_integers(state, to.data_ptr(), to.numel(), to.dtype(), low,
                    static_cast<uint64_t>(high) - static_cast<uint64_t>(low));
  });
}

CudaKernel rand_kernel(op::rand, [](const Tensor& out, IntSpan, const Generator& g, OptDType, OptDevice) {
  fill_random(out, Distribution::Uniform, g, 0, 1);
});
CudaKernel randn_kernel(op::randn, [](const Tensor& out, IntSpan, const Generator& g, OptDType, OptDevice) {
  fill_random(out, Distribution::Normal, g, 0, 1);
});
CudaKernel rand_like_kernel(op::rand_like,
                            [](const Tensor& out, const Tensor&, OptDType, OptDevice, OptFormat,
                               const Generator& g) { fill_random(out, Distribution::Uniform, g, 0, 1); });
CudaKernel randn_like_kernel(op::randn_like,
                             [](const Tensor& out, const Tensor&, OptDType, OptDevice, OptFormat,
                                const Generator& g) { fill_random(out, Distribution::Normal, g, 0, 1); });

CudaKernel randint_kernel(op::randint, [](const Tensor& out, int64_t high, IntSpan, const Generator& g,
                                          OptDType, OptDevice) { fill_integers(out, g, 0, high); });
CudaKernel randint_low_kernel(op::randint_low,
                              [](const Tensor& out, int64_t low, int64_t high, IntSpan, const Generator& g,
                                 OptDType, OptDevice) { fill_integers(out, g, low, high); });
CudaKernel randint_like_kernel(op::randint_like,
                               [](const Tensor& out, const Tensor&, int64_t high, OptDType, OptDevice,
                                  OptFormat, const Generator& g) { fill_integers(out, g, 0, high); });
CudaKernel randint_like_low_kernel(op::randint_like_low,
                                   [](const Tensor& out, const Tensor&, int64_t low, int64_t high, OptDType,
                                      OptDevice, OptFormat,
                                      const Generator& g) { fill_integers(out, g, low, high); });
CudaKernel random_from_kernel(op::random_from, [](const Tensor& out, const Tensor&, int64_t from,
                                                  std::optional<int64_t> to, const Generator& g) {
  fill_integers(out, g, from, to.value_or(end_of_integers(out.dtype())));
});

// A permutation is the order of random 64-bit numbers; that two of them are equal is as likely as n^2 / 2^65.
CudaKernel randperm_kernel(op::randperm, [](const Tensor& out, int64_t n, const Generator& g, OptDType,
                                            OptDevice) {
  const RandomState state = philox_state(g);
  check<NotImplementedError>(n < (int64_t{1} << 32),
                             "randperm: n of 2^32 and more is not supported on cuda, got {}", n);
  if (n == 0) return;
  const Tensor keys = empty_tensor(Dims{n}, DType::Int64, out.device());
  random_integers(state, keys.data_ptr(), n, DType::Int64, 0, 0);
  const bool direct = out.dtype() == DType::Int64 && out.is_contiguous();
  const Tensor order = direct ? out : empty_tensor(Dims{n}, DType::Int64, out.device());
  sort_rows({keys.data_ptr(), DType::Int64, false, 1, n, 1, n, nullptr, order.data<int64_t>()});
  if (!direct) copy_on_device(out, order);
});

// ---- filling in place: uniform_, normal_, ...

CudaKernel uniform_kernel(op::uniform,
                          [](const Tensor& out, const Tensor&, double from, double to, const Generator& g) {
                            fill_random(out, Distribution::Uniform, g, from, to - from);
                          });
CudaKernel normal_kernel(op::normal_float_float,
                         [](const Tensor& out, double mean, double std, IntSpan, const Generator& g, OptDType,
                            OptDevice) { fill_random(out, Distribution::Normal, g, mean, std); });
CudaKernel normal_fill_kernel(op::normal_fill, [](const Tensor& out, const Tensor&, double mean, double std,
                                                  const Generator& g) {
  fill_random(out, Distribution::Normal, g, mean, std);
});
CudaKernel exponential_kernel(op::exponential,
                              [](const Tensor& out, const Tensor&, double lambd, const Generator& g) {
                                fill_random(out, Distribution::Exponential, g, 0, 1 / lambd);
                              });
CudaKernel log_normal_kernel(op::log_normal, [](const Tensor& out, const Tensor&, double mean, double std,
                                                const Generator& g) {
  fill_random(out, Distribution::Normal, g, mean, std);
  plait::exp_(out);
});
// Rare, so made of other ops; in float64, as the CPU's.
CudaKernel cauchy_kernel(op::cauchy, [](const Tensor& out, const Tensor&, double median, double sigma,
                                        const Generator& g) {
  const Tensor u = empty_tensor(out.sizes(), DType::Float64, out.device());
  fill_random(u, Distribution::Uniform, g, -0.5, 1);
  copy_into(out, plait::tan(u * Scalar(M_PI)) * Scalar(sigma) + Scalar(median));
});
CudaKernel geometric_kernel(op::geometric,
                            [](const Tensor& out, const Tensor&, double p, const Generator& g) {
                              const Tensor e = empty_tensor(out.sizes(), DType::Float64, out.device());
                              fill_random(e, Distribution::Exponential, g, 0, -1 / std::log1p(-p));
                              copy_into(out, plait::ceil(e));
                            });

// ---- choices

// The probabilities of all elements, which the kernel checks: the host would have to wait for them.
void bernoulli_of(const Tensor& out, const Tensor& p, const Generator& g) {
  const RandomState state = philox_state(g);
  into_contiguous(out, [&](const Tensor& to) {
    const DType compute = p.dtype() == DType::Float64 ? DType::Float64 : DType::Float32;
    Tensor limits = p;
    if (is_number(p) || p.dtype() != compute || p.sizes() != out.sizes() || !p.is_contiguous()) {
      limits = empty_tensor(out.sizes(), compute, out.device());
      copy_on_device(limits, p);
    }
    bernoulli(state, to.data_ptr(), to.numel(), to.dtype(), limits.data_ptr(), compute, "bernoulli",
              fault_slot());
  });
}
CudaKernel bernoulli_kernel(op::bernoulli, [](const Tensor& out, const Tensor& self, const Generator& g) {
  bernoulli_of(out, self, g);
});
CudaKernel bernoulli_tensor_kernel(op::bernoulli_tensor, [](const Tensor& out, const Tensor&, const Tensor& p,
                                                            const Generator& g) { bernoulli_of(out, p, g); });
CudaKernel bernoulli_p_kernel(op::bernoulli_p, [](const Tensor& out, const Tensor&, double p,
                                                  const Generator& g) {
  const RandomState state = philox_state(g);
  into_contiguous(out, [&](const Tensor& to) { bernoulli(state, to.data_ptr(), to.numel(), to.dtype(), p); });
});

CudaKernel multinomial_kernel(op::multinomial, [](const Tensor& out, const Tensor& self, int64_t draws,
                                                  bool replacement, const Generator& g) {
  const RandomState state = philox_state(g);
  const int64_t n = self.sizes().back(), rows = n ? self.numel() / n : 0;
  if (rows == 0) return;
  const Tensor weights = contiguous(converted(self, DType::Float64));
  const Tensor numbers = empty_tensor(Dims{rows, replacement ? draws : n}, DType::Float64, self.device());
  fill_random(numbers, replacement ? Distribution::Uniform : Distribution::Exponential, state, 0, 1);
  const double* w = weights.data<double>();
  auto* u = numbers.data<double>();
  into_contiguous(out, [&](const Tensor& to) {
    if (replacement) {
      const Tensor sums = plait::cumsum(weights, -1);
      return multinomial_search(w, sums.data<double>(), u, rows, n, draws, to.data<int64_t>(), fault_slot());
    }
    // The smallest of exponential numbers of rates w come first with probabilities w (Efraimidis and
    // Spirakis, 2006).
    multinomial_keys(w, u, rows, n, draws, fault_slot());
    select_rows({u, DType::Float64, false, rows, n, 1, draws, nullptr, to.data<int64_t>()}, true);
  });
});

CudaKernel dropout_kernel(op::_dropout, [](const Tensor& out, const Tensor& self, double p, int64_t seed,
                                           int64_t offset) {
  const RandomState state = philox_state_for({static_cast<uint64_t>(seed), static_cast<uint64_t>(offset)});
  const Tensor x = contiguous(self);
  into_contiguous(
      out, [&](const Tensor& to) { dropout(state, x.data_ptr(), to.data_ptr(), to.numel(), to.dtype(), p); });
});

}  // namespace
}  // namespace plait::cuda
