// Vector norms and log-sum-exp.
#include <cmath>

#include "ops/complex_forms.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/exponential.h"
#include "ops/decl/minmax.h"
#include "ops/decl/norm_reduce.h"
#include "ops/decl/power.h"
#include "ops/decl/reduce.h"
#include "ops/decl/statistics.h"
#include "ops/decl/ternary.h"
#include "ops/decl/unary.h"
#include "ops/decl/view.h"
#include "ops/reduce_common.h"

namespace plait::op {
namespace {

using namespace reduction;
using cpu::Norms;

Tensor zero_where(const Tensor& t, const Tensor& condition) {
  return plait::masked_fill(t, condition, wrapped_scalar(0));
}
Tensor is_zero(const Tensor& t) { return plait::eq(t, wrapped_scalar(0)); }
Tensor to_power(const Tensor& t, double p) { return plait::pow(t, wrapped_scalar(p)); }

// sum |x|^p ^ (1/p) in general; powers of 16-bit floats are formed in float32.
void general_norm(const Tensor& out, const Tensor& self, DimMask mask, double p) {
  const Dims dims = dims_of(mask, self.dim());
  const Tensor x = is_reduced_float(self.dtype()) ? cpu::converted(self, DType::Float32) : self;
  if (p == 0) {
    copy_into(out, plait::reshape(plait::count_nonzero(x, IntSpan(dims)), out.sizes()));
    return;
  }
  const Tensor sum = plait::sum(to_power(plait::abs(x), p), IntSpan(dims), false, std::nullopt);
  copy_into(out, plait::reshape(to_power(sum, 1 / p), out.sizes()));
}

void norm_into(const Tensor& out, const Tensor& self, DimMask mask, double p) {
  const auto table = [&](Norms f) -> const cpu::Reduction& { return cpu::norms_table().at(f, self.dtype()); };
  if (p == 2)
    reduce(table(Norms::Two), self, mask, out, {.root = true});
  else if (p == 1)
    reduce(table(Norms::One), self, mask, out);
  else if (p == INFINITY)
    reduce(table(Norms::Max), self, mask, out);
  else if (p == -INFINITY)
    reduce(table(Norms::Min), self, mask, out);
  else
    general_norm(out, self, mask, p);
}

// d |x|_p / dx = sign(x) |x|^(p - 1) / |x|_p^(p - 1); 0 where the norm is 0.
Tensor norm_gradient(const Tensor& grad, const Tensor& self, const Tensor& norm, DimMask mask, double p) {
  if (p == 0) return plait::zeros_like(self);
  if (p == 1) return plait::sign(self) * grad;
  if (p == 2) return self * zero_where(grad / norm, is_zero(norm));
  if (std::isinf(p)) {
    const Tensor chosen = plait::eq(plait::abs(self), norm);
    const Dims dims = dims_of(mask, self.dim());
    return plait::sign(self) * chosen * (grad / plait::sum(chosen, IntSpan(dims), true, std::nullopt));
  }
  const Tensor magnitude = plait::abs(self);
  if (p < 2) {
    const Tensor safe = plait::masked_fill(magnitude, is_zero(self), wrapped_scalar(1));
    return plait::sign(self) * to_power(safe, p - 1) *
           zero_where(grad / to_power(norm, p - 1), is_zero(norm));
  }
  return self * to_power(magnitude, p - 2) * zero_where(grad / to_power(norm, p - 1), is_zero(norm));
}

double order_of(const std::optional<Scalar>& p) { return p ? p->to<double>() : 2.0; }

}  // namespace

Op<Tensor(const Tensor&, std::optional<Scalar>, MaybeDims, bool, MaybeDType)> norm{{
    .schema = "norm(Tensor self, Scalar? p=None, int[1]? dim=None, bool keepdim=False, *, dtype? dtype=None) "
              "-> Tensor",
    .doc =
        R"(The p-norm of the elements, of all or over the dimensions `dim`: (sum |x|^p)^(1/p); the largest magnitude for p=inf, the
smallest for p=-inf, the number of elements other than zero for p=0; p=2, or "fro", by default. Sums of squares are formed in double.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: floating and complex; the result is real.

>>> plait.norm(plait.tensor([3.0, 4.0]))
tensor(5.)
>>> plait.norm(plait.tensor([[1.0, -2.0], [3.0, 4.0]]), 1, dim=0)
tensor([4., 6.]))",
    .composite =
        [](const Tensor& self, std::optional<Scalar> p, MaybeDims dim, bool keepdim, MaybeDType dtype) {
          check<RuntimeError>(
              is_floating(self.dtype()) || is_complex(self.dtype()),
              "norm: expected a floating or complex dtype for self, got {}; convert it with .float()",
              self.dtype());
          const Tensor x = dtype ? plait::_convert(self, *dtype) : self;
          return plait::_vector_norm(is_complex(x.dtype()) ? plait::abs(x) : x, order_of(p), dim, keepdim);
        },
    .kind = Kind::Reduction,
    .dtypes = kFloatComplex,
    .out = true,
}};

Op<Tensor(const Tensor&, std::string_view, MaybeDims, bool, MaybeDType)> norm_str{{
    .schema =
        "norm.str(Tensor self, str p, int[1]? dim=None, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
    .doc = R"(The Frobenius norm, p="fro"; see norm.)",
    .composite =
        [](const Tensor& self, std::string_view p, MaybeDims dim, bool keepdim, MaybeDType dtype) {
          check<ValueError>(
              p == "fro", R"(norm: expected a number or "fro" for p, got "{}"; linalg.matrix_norm has "nuc")",
              p);
          return plait::norm(self, Scalar(2), dim, keepdim, dtype);
        },
    .kind = Kind::Reduction,
    .dtypes = kFloatComplex,
    .out = true,
}};

Op<Tensor(const Tensor&, double, MaybeDims, bool)> _vector_norm{{
    .schema = "_vector_norm(Tensor self, float p, int[1]? dim=None, bool keepdim=False) -> Tensor",
    .doc = "The p-norm of real numbers; see norm.",
    .meta = [](const Tensor& self, double, MaybeDims dim,
               bool keepdim) { return spec(self, mask_of("norm", dim, self.dim()), keepdim, self.dtype()); },
    .vjp =
        [](Vjp& v) {
          const Tensor self = v.in(0);
          const DimMask mask = mask_of("norm", v.attr<MaybeDims>(2), self.dim());
          v.set(0, norm_gradient(keep_dims(v.grad(), self.sizes(), mask), self,
                                 keep_dims(v.out(), self.sizes(), mask), mask, v.attr<double>(1)));
        },
    .save = "self, result",
    .kind = Kind::Reduction,
    .dtypes = kFloatDTypes,
    .cpu = [](const Tensor& out, const Tensor& self, double p, MaybeDims dim,
              bool) { norm_into(out, self, mask_of("norm", dim, self.dim()), p); },
}};

Op<Tensor(const Tensor&, IntSpan, bool)> logsumexp{{
    .schema = "logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor",
    .doc =
        R"(log(sum(exp(self))) over the dimensions `dim`, computed about the largest element (of complex
numbers the largest real part), so that nothing overflows.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: any; integers give the default float.

>>> plait.logsumexp(plait.tensor([1000.0, 1000.0]), 0)
tensor(1000.6932))",
    .meta =
        [](const Tensor& self, IntSpan dim, bool keepdim) {
          return spec(self, mask_of("logsumexp", dim, self.dim()), keepdim, infer::float_dtype(self.dtype()));
        },
    .vjp =
        [](Vjp& v) {
          const Tensor self = v.in(0);
          const DimMask mask = mask_of("logsumexp", v.attr<IntSpan>(1), self.dim());
          const Tensor result = keep_dims(v.out(), self.sizes(), mask);
          v.set(0, keep_dims(v.grad(), self.sizes(), mask) * conj_if_complex(plait::exp(self - result)));
        },
    .save = "self, result",
    .kind = Kind::Reduction,
    .dtypes = kAnyDType,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, IntSpan dim, bool) {
          const Dims dims = dims_of(mask_of("logsumexp", dim, self.dim()), self.dim());
          if (is_complex(self.dtype())) return complex_forms::logsumexp(out, self, dims);
          if (self.numel() == 0) {
            if (out.numel()) copy_into(out, scalar_tensor(-INFINITY, out.dtype()));
            return;
          }
          const Tensor x = cpu::converted(self, is_reduced_float(out.dtype()) ? DType::Float32 : out.dtype());
          const Tensor top = plait::amax(x, IntSpan(dims), true);
          const Tensor center = plait::masked_fill(top, plait::isinf(top), wrapped_scalar(0));
          const Tensor terms = plait::exp_(plait::sub(x, center));
          const Tensor sum = plait::sum(terms, IntSpan(dims), true, std::nullopt);
          copy_into(out, plait::reshape(plait::add(plait::log(sum), center), out.sizes()));
        },
}};

}  // namespace plait::op
