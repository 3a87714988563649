// Fourier transforms over any dimensions, by a factor: what plait.fft is made of. Norms, paddings and the
// transforms' many names stand in fft.py.
//
// With F the sum over exp(-2 pi i jk / n), the adjoint of scale * F is scale * F with the other sign. A real
// tensor has half of the coefficients, the others being their conjugates: summed up with both, all but the
// first and (of an even n) the last count twice, which the derivatives undo or do.
#include "ops/cpu/fft.h"

#include "ops/decl/arithmetic.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/fft.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/declare.h"

namespace plait::op {
namespace {

constexpr DTypeSet kRealFft = set_of(DType::Float32) | set_of(DType::Float64);

// The dimensions, counted from 0.
Dims fft_dims(const char* op, const Tensor& self, IntSpan dim) {
  check(!dim.empty(), "{}: expected at least one dimension, got dim ()", op);
  check(self.dim() > 0, "{}: expected self of at least one dimension, got a single number; use .reshape(1)",
        op);
  Dims dims;
  for (const int64_t d : dim) dims.push_back(wrap_dim(d, self.dim(), op));
  for (int i = 0; i < dims.size(); ++i) {
    for (int j = 0; j < i; ++j)
      check(dims[i] != dims[j], "{}: expected different dimensions, got {} for shape {}", op, dim,
            self.sizes());
    check(self.sizes()[static_cast<int>(dims[i])] >= 1,
          "{}: expected sizes of at least 1 in dimensions {}, got shape {}", op, dim, self.sizes());
  }
  return dims;
}

// half * weight along the last of the dimensions, where `weight` is that of all coefficients but those that
// are their own conjugates.
Tensor weighted(const Tensor& half, IntSpan dim, int64_t n, double weight) {
  const int along = wrap_dim(dim.back(), half.dim(), "fft");
  const int64_t count = half.sizes()[along];
  const Tensor weights = plait::full(Dims{count}, weight, to_real(half.dtype()), half.device());
  const Tensor one = wrapped_scalar(1);
  plait::fill_(plait::narrow(weights, 0, 0, 1), one);
  if (n % 2 == 0) plait::fill_(plait::narrow(weights, 0, count - 1, 1), one);
  Dims shape(static_cast<int>(half.dim()), 1);
  shape[along] = count;
  return plait::mul(half, plait::reshape(weights, shape));
}

}  // namespace

Op<Tensor(const Tensor&, IntSpan, bool, double)> _fft_c2c{{
    .schema = "_fft_c2c(Tensor self, int[] dim, bool forward, float scale) -> Tensor",
    .doc =
        R"(scale times the sums over exp(-2 pi i jk / n) of a complex tensor along dimensions; + unless forward.

>>> plait._C.ops["_fft_c2c"](plait.tensor([1 + 0j, 1 + 0j]), (0,), True, 0.5)
tensor([1.+0.j, 0.+0.j]))",
    .meta =
        [](const Tensor& self, IntSpan dim, bool, double) {
          fft_dims("_fft_c2c", self, dim);
          return TensorSpec(self.sizes(), self.dtype(), self.device());
        },
    .vjp =
        [](Vjp& v) {
          v.set(0, plait::_fft_c2c(v.grad(), v.attr<IntSpan>(1), !v.attr<bool>(2), v.attr<double>(3)));
        },
    .dtypes = kComplexDTypes,
    .cpu = [](const Tensor& out, const Tensor& self, IntSpan dim, bool forward,
              double scale) { cpu::fft(out, self, fft_dims("_fft_c2c", self, dim), forward, scale); },
}};

Op<Tensor(const Tensor&, IntSpan, double)> _fft_r2c{{
    .schema = "_fft_r2c(Tensor self, int[] dim, float scale) -> Tensor",
    .doc =
        R"(The forward transform of a real tensor along dimensions, with half of the last one's coefficients.

>>> plait._C.ops["_fft_r2c"](plait.tensor([1.0, 0.0, 0.0, 0.0]), (0,), 1.0)
tensor([1.+0.j, 1.+0.j, 1.+0.j]))",
    .meta =
        [](const Tensor& self, IntSpan dim, double) {
          const Dims dims = fft_dims("_fft_r2c", self, dim);
          Dims sizes(self.sizes());
          int64_t& last = sizes[static_cast<int>(dims.back())];
          last = last / 2 + 1;
          return TensorSpec(sizes, to_complex(self.dtype()), self.device());
        },
    .vjp =
        [](Vjp& v) {
          const IntSpan dim = v.attr<IntSpan>(1);
          const int64_t n = v.sizes(0)[wrap_dim(dim.back(), v.sizes(0).size(), "_fft_r2c")];
          v.set(0, plait::_fft_c2r(weighted(v.grad(), dim, n, 0.5), dim, n, v.attr<double>(2)));
        },
    .dtypes = kRealFft,
    .cpu = [](const Tensor& out, const Tensor& self, IntSpan dim,
              double scale) { cpu::fft(out, self, fft_dims("_fft_r2c", self, dim), true, scale); },
}};

Op<Tensor(const Tensor&, IntSpan, int64_t, double)> _fft_c2r{{
    .schema = "_fft_c2r(Tensor self, int[] dim, int n, float scale) -> Tensor",
    .doc = R"(The n real values of the first n // 2 + 1 coefficients of the last dimension, by the other sign.

The other dimensions are transformed first. The imaginary parts of coefficients that are their own conjugates
(the first, of an even n the last) are not read.

>>> plait._C.ops["_fft_c2r"](plait.tensor([1 + 0j, 1 + 0j]), (0,), 2, 0.5)
tensor([1., 0.]))",
    .meta =
        [](const Tensor& self, IntSpan dim, int64_t n, double) {
          const Dims dims = fft_dims("_fft_c2r", self, dim);
          Dims sizes(self.sizes());
          int64_t& last = sizes[static_cast<int>(dims.back())];
          check(n >= 1 && last == n / 2 + 1,
                "_fft_c2r: expected n // 2 + 1 coefficients in dimension {}, got n = {} for shape {}",
                dims.back(), n, self.sizes());
          last = n;
          return TensorSpec(sizes, to_real(self.dtype()), self.device());
        },
    .vjp =
        [](Vjp& v) {
          const IntSpan dim = v.attr<IntSpan>(1);
          v.set(0, weighted(plait::_fft_r2c(v.grad(), dim, v.attr<double>(3)), dim, v.attr<int64_t>(2), 2.0));
        },
    .dtypes = kComplexDTypes,
    .cpu = [](const Tensor& out, const Tensor& self, IntSpan dim, int64_t,
              double scale) { cpu::fft(out, self, fft_dims("_fft_c2r", self, dim), false, scale); },
}};

}  // namespace plait::op
