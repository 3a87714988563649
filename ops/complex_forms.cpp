#include "ops/complex_forms.h"

#include <cmath>

#include "ops/decl/activation.h"
#include "ops/decl/compare.h"
#include "ops/decl/complex.h"
#include "ops/decl/copy.h"
#include "ops/decl/exponential.h"
#include "ops/decl/logical.h"
#include "ops/decl/minmax.h"
#include "ops/decl/reduce.h"
#include "ops/decl/statistics.h"
#include "ops/decl/ternary.h"
#include "ops/decl/trigonometric.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/math.h"

namespace plait::complex_forms {
namespace {

// About the one with the larger real part, so that the imaginary part stays near its. Infinite real parts
// that are equal differ by nothing: less themselves they would be NaN.
Tensor log_of_sum(const Tensor& a, const Tensor& b) {
  const Tensor re_a = plait::real(a), re_b = plait::real(b), less = plait::lt(re_a, re_b);
  const Tensor top = plait::where(less, b, a), low = plait::where(less, a, b);
  const Tensor alike = plait::logical_and(plait::eq(re_a, re_b), plait::isinf(re_a));
  return top + plait::log1p(plait::exp(plait::masked_fill(low - top, alike, wrapped_scalar(0))));
}

}  // namespace

void silu(const Tensor& out, const Tensor& self) { copy_into(out, self * plait::sigmoid(self)); }

void softsign(const Tensor& out, const Tensor& self) { copy_into(out, self / (plait::abs(self) + 1)); }

void tanhshrink(const Tensor& out, const Tensor& self) { copy_into(out, self - plait::tanh(self)); }

void logaddexp(const Tensor& out, const Tensor& self, const Tensor& other) {
  copy_into(out, log_of_sum(plait::_convert(self, out.dtype()), plait::_convert(other, out.dtype())));
}

void logsumexp(const Tensor& out, const Tensor& self, const Dims& dims) {
  if (self.numel() == 0) {
    if (out.numel()) copy_into(out, wrapped_scalar(-INFINITY));
    return;
  }
  const Tensor top = plait::amax(plait::real(self), IntSpan(dims), true);
  const Tensor center = plait::masked_fill(top, plait::isinf(top), wrapped_scalar(0));
  const Tensor sum = plait::sum(plait::exp(self - center), IntSpan(dims), true, std::nullopt);
  copy_into(out, plait::reshape(plait::log(sum) + center, out.sizes()));
}

// In log2(n) passes, each of which adds to every element the one `width` before it: so that the exponents of
// an element are relative to the largest one before it, not to the largest of all (Hillis and Steele 1986).
void logcumsumexp(const Tensor& out, const Tensor& self, int64_t dim) {
  copy_into(out, self);
  if (self.dim() == 0 || self.numel() == 0) return;
  const int64_t n = self.size(dim);
  for (int64_t width = 1; width < n; width *= 2)
    copy_into(plait::narrow(out, dim, width, n - width),
              log_of_sum(plait::narrow(out, dim, width, n - width), plait::narrow(out, dim, 0, n - width)));
}

void moments(const Tensor& spread, bool root, const Tensor* mean, const Tensor& self, const Dims& dims,
             const std::optional<Scalar>& correction) {
  const auto variance = [&](const Tensor& part) {
    return plait::var(part, IntSpan(dims), correction, false);
  };
  const Tensor sum = variance(plait::real(self)) + variance(plait::imag(self));
  copy_into(spread, plait::reshape(root ? plait::sqrt(sum) : sum, spread.sizes()));
  if (mean)
    copy_into(*mean, plait::reshape(plait::mean(self, IntSpan(dims), false, std::nullopt), mean->sizes()));
}

}  // namespace plait::complex_forms
