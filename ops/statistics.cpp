// Variances and standard deviations; counts.
#include <algorithm>

#include "ops/complex_forms.h"
#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/minmax.h"
#include "ops/decl/reduce.h"
#include "ops/decl/statistics.h"
#include "ops/decl/ternary.h"
#include "ops/reduce_common.h"

namespace plait::op {
namespace {

using namespace reduction;
using cpu::Moments;
using cpu::ReduceParams;
using cpu::ReduceTarget;
using Correction = std::optional<Scalar>;
using Pair = std::tuple<Tensor, Tensor>;

double degrees_of_freedom(const Dims& sizes, DimMask mask, const Correction& correction) {
  const double c = correction ? correction->to<double>() : 1.0;
  return std::max(0.0, static_cast<double>(reduced_numel(sizes, mask)) - c);
}

Correction correction_of(bool unbiased) { return Scalar(unbiased ? 1 : 0); }

TensorSpec moment_spec(const char* op, const Tensor& self, MaybeDims dim, bool keepdim) {
  check<RuntimeError>(is_differentiable(self.dtype()),
                      "{}: expected a floating or complex dtype for self, got {}; convert it with .float()",
                      op, self.dtype());
  return spec(self, mask_of(op, dim, self.dim()), keepdim, to_real(self.dtype()));
}
// The means are of self's dtype.
std::array<TensorSpec, 2> moment_specs(const char* op, const Tensor& self, MaybeDims dim, bool keepdim) {
  const TensorSpec spread = moment_spec(op, self, dim, keepdim);
  TensorSpec mean = spread;
  mean.dtype = self.dtype();
  return {spread, mean};
}

// Either may be absent.
void moments_into(const Tensor* spread, bool root, const Tensor* mean, const Tensor& self, MaybeDims dim,
                  const Correction& correction) {
  const DimMask mask = mask_of("var", dim, self.dim());
  if (is_complex(self.dtype()))
    return complex_forms::moments(*spread, root, mean, self, dims_of(mask, self.dim()), correction);
  const ReduceParams params{.divisor = degrees_of_freedom(self.sizes(), mask, correction), .root = root};
  const cpu::Reduction& f = cpu::moments_table().at(Moments::Two, self.dtype());
  if (mean) {
    const ReduceTarget targets[] = {{*spread, params}, {*mean, {.location = true}}};
    reduce(f, self, mask, targets);
  } else {
    reduce(f, self, mask, *spread, params);
  }
}

// The gradient of self through a variance: 2 (x - mean) / degrees of freedom.
Tensor variance_gradient(const Tensor& grad, const Tensor& self, DimMask mask, const Correction& correction) {
  const Dims dims = dims_of(mask, self.dim());
  const double degrees = degrees_of_freedom(self.sizes(), mask, correction);
  const Tensor centered = self - plait::mean(self, IntSpan(dims), true, std::nullopt);
  return keep_dims(grad, self.sizes(), mask) * (2.0 / degrees) * centered;
}
// ... through a standard deviation, which is the square root of it; 0 where that is 0.
Tensor deviation_gradient(const Tensor& grad, const Tensor& self, const Tensor& std, DimMask mask,
                          const Correction& correction) {
  const Tensor scaled = grad / (std * 2.0);
  return variance_gradient(plait::masked_fill(scaled, plait::eq(std, wrapped_scalar(0)), wrapped_scalar(0)),
                           self, mask, correction);
}

// For the ops with arguments (self, dim, correction, keepdim).
template <bool Root, bool Mean>
void moments_vjp(Vjp& v) {
  const Tensor self = v.in(0);
  const DimMask mask = mask_of("var", v.attr<MaybeDims>(1), self.dim());
  const Correction correction = v.attr<Correction>(2);
  Tensor grad;
  if (v.grad(0).defined())
    grad = Root ? deviation_gradient(v.grad(0), self, v.out(0), mask, correction)
                : variance_gradient(v.grad(0), self, mask, correction);
  if (Mean && v.grad(1).defined()) {
    const double n = static_cast<double>(std::max<int64_t>(1, reduced_numel(self.sizes(), mask)));
    const Tensor through_mean = expand_to(v.grad(1) / n, self.sizes(), mask);
    grad = grad.defined() ? grad + through_mean : through_mean;
  }
  if (grad.defined()) v.set(0, grad);
}

}  // namespace

// ---- var, std. The first two overloads of each are PyTorch's older ones.

Op<Tensor(const Tensor&, bool)> var{{
    .schema = "var(Tensor self, bool unbiased=True) -> Tensor",
    .doc =
        R"(The variance over the dimensions `dim`, all of them where none is given: the sum of squared deviations from the mean,
divided by max(0, n - correction). Of complex numbers the absolute values of the deviations are squared: the variance is real. correction is 1 (Bessel's) by default; unbiased=False means 0.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: floating, complex. NaN where n - correction is 0.
Source: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979).

>>> plait.var(plait.tensor([1.0, 2.0, 3.0, 4.0]), correction=0)
tensor(1.2500))",
    .composite = [](const Tensor& self,
                    bool unbiased) { return plait::var(self, std::nullopt, correction_of(unbiased), false); },
    .kind = Kind::Reduction,
    .dtypes = kFloatComplex,
    .out = true,
}};
Op<Tensor(const Tensor&, MaybeDims, bool, bool)> var_dim{{
    .schema = "var.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> Tensor",
    .doc = "The variance over dim; see var.",
    .composite = [](const Tensor& self, MaybeDims dim, bool unbiased,
                    bool keepdim) { return plait::var(self, dim, correction_of(unbiased), keepdim); },
    .kind = Kind::Reduction,
    .dtypes = kFloatComplex,
    .out = true,
}};
Op<Tensor(const Tensor&, MaybeDims, Correction, bool)> var_correction{{
    .schema = "var.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) "
              "-> Tensor",
    .doc = "The variance over dim, divided by n - correction; see var.",
    .meta = [](const Tensor& self, MaybeDims dim, Correction,
               bool keepdim) { return moment_spec("var", self, dim, keepdim); },
    .vjp = moments_vjp<false, false>,
    .save = "self",
    .kind = Kind::Reduction,
    .dtypes = kFloatComplex,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, MaybeDims dim, Correction correction,
              bool) { moments_into(&out, false, nullptr, self, dim, correction); },
}};

Op<Tensor(const Tensor&, bool)> std{{
    .schema = "std(Tensor self, bool unbiased=True) -> Tensor",
    .doc =
        R"(The standard deviation over the dimensions `dim`, all of them where none is given: the square root of var.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: floating, complex. NaN where n - correction is 0.

>>> plait.std(plait.tensor([1.0, 3.0]), correction=0)
tensor(1.))",
    .composite = [](const Tensor& self,
                    bool unbiased) { return plait::std(self, std::nullopt, correction_of(unbiased), false); },
    .kind = Kind::Reduction,
    .dtypes = kFloatComplex,
    .out = true,
}};
Op<Tensor(const Tensor&, MaybeDims, bool, bool)> std_dim{{
    .schema = "std.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> Tensor",
    .doc = "The standard deviation over dim; see std.",
    .composite = [](const Tensor& self, MaybeDims dim, bool unbiased,
                    bool keepdim) { return plait::std(self, dim, correction_of(unbiased), keepdim); },
    .kind = Kind::Reduction,
    .dtypes = kFloatComplex,
    .out = true,
}};
Op<Tensor(const Tensor&, MaybeDims, Correction, bool)> std_correction{{
    .schema = "std.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) "
              "-> Tensor",
    .doc = "The standard deviation over dim, with n - correction degrees of freedom; see std.",
    .meta = [](const Tensor& self, MaybeDims dim, Correction,
               bool keepdim) { return moment_spec("std", self, dim, keepdim); },
    .vjp = moments_vjp<true, false>,
    .save = "self, result",
    .kind = Kind::Reduction,
    .dtypes = kFloatComplex,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, MaybeDims dim, Correction correction,
              bool) { moments_into(&out, true, nullptr, self, dim, correction); },
}};

// ---- var_mean, std_mean

Op<Pair(const Tensor&, bool)> var_mean{{
    .schema = "var_mean(Tensor self, bool unbiased=True) -> (Tensor var, Tensor mean)",
    .doc = R"(The variance (see var) and the mean, from one pass over memory.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: floating, complex.

>>> plait.var_mean(plait.tensor([1.0, 3.0]), correction=0).mean
tensor(2.))",
    .composite =
        [](const Tensor& self, bool unbiased) {
          return plait::var_mean(self, std::nullopt, correction_of(unbiased), false);
        },
    .kind = Kind::Reduction,
    .dtypes = kFloatComplex,
    .out = true,
}};
Op<Pair(const Tensor&, MaybeDims, bool, bool)> var_mean_dim{{
    .schema = "var_mean.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> (Tensor "
              "var, Tensor mean)",
    .doc = "The variance and the mean over dim; see var_mean.",
    .composite = [](const Tensor& self, MaybeDims dim, bool unbiased,
                    bool keepdim) { return plait::var_mean(self, dim, correction_of(unbiased), keepdim); },
    .kind = Kind::Reduction,
    .dtypes = kFloatComplex,
    .out = true,
}};
Op<Pair(const Tensor&, MaybeDims, Correction, bool)> var_mean_correction{{
    .schema = "var_mean.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool "
              "keepdim=False) -> "
              "(Tensor var, Tensor mean)",
    .doc = "The variance and the mean over dim; see var_mean.",
    .meta = [](const Tensor& self, MaybeDims dim, Correction,
               bool keepdim) { return moment_specs("var_mean", self, dim, keepdim); },
    .vjp = moments_vjp<false, true>,
    .save = "self",
    .kind = Kind::Reduction,
    .dtypes = kFloatComplex,
    .out = true,
    .cpu = [](const Tensor& var, const Tensor& mean, const Tensor& self, MaybeDims dim, Correction correction,
              bool) { moments_into(&var, false, &mean, self, dim, correction); },
}};

Op<Pair(const Tensor&, bool)> std_mean{{
    .schema = "std_mean(Tensor self, bool unbiased=True) -> (Tensor std, Tensor mean)",
    .doc = R"(The standard deviation (see std) and the mean, from one pass over memory.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: floating, complex.

>>> plait.std_mean(plait.tensor([1.0, 3.0]), correction=0).std
tensor(1.))",
    .composite =
        [](const Tensor& self, bool unbiased) {
          return plait::std_mean(self, std::nullopt, correction_of(unbiased), false);
        },
    .kind = Kind::Reduction,
    .dtypes = kFloatComplex,
    .out = true,
}};
Op<Pair(const Tensor&, MaybeDims, bool, bool)> std_mean_dim{{
    .schema = "std_mean.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> (Tensor "
              "std, Tensor mean)",
    .doc = "The standard deviation and the mean over dim; see std_mean.",
    .composite = [](const Tensor& self, MaybeDims dim, bool unbiased,
                    bool keepdim) { return plait::std_mean(self, dim, correction_of(unbiased), keepdim); },
    .kind = Kind::Reduction,
    .dtypes = kFloatComplex,
    .out = true,
}};
Op<Pair(const Tensor&, MaybeDims, Correction, bool)> std_mean_correction{{
    .schema = "std_mean.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool "
              "keepdim=False) -> "
              "(Tensor std, Tensor mean)",
    .doc = "The standard deviation and the mean over dim; see std_mean.",
    .meta = [](const Tensor& self, MaybeDims dim, Correction,
               bool keepdim) { return moment_specs("std_mean", self, dim, keepdim); },
    .vjp = moments_vjp<true, true>,
    .save = "self, std",
    .kind = Kind::Reduction,
    .dtypes = kFloatComplex,
    .out = true,
    .cpu = [](const Tensor& std, const Tensor& mean, const Tensor& self, MaybeDims dim, Correction correction,
              bool) { moments_into(&std, true, &mean, self, dim, correction); },
}};

// ---- counts

}  // namespace plait::op

void plait::reduction::check_bincount(const Tensor& self, const Tensor& weights, int64_t minlength) {
  check(self.dim() == 1, "bincount: expected a 1-D tensor for self, got shape {}; flatten it with .ravel()",
        self.sizes());
  check<TypeError>(is_integral(self.dtype()),
                   "bincount: expected integers for self, got {}; convert it with .long()", self.dtype());
  check(minlength >= 0, "bincount: expected minlength of 0 or more, got {}", minlength);
  check(!weights.defined() || weights.sizes() == self.sizes(),
        "bincount: expected weights of the shape of self, {}, got {}", self.sizes(),
        weights.defined() ? weights.sizes() : Dims());
  check<TypeError>(!weights.defined() || !is_complex(weights.dtype()),
                   "bincount: expected real weights, got {}",
                   weights.defined() ? weights.dtype() : DType::Float32);
}

namespace plait::op {

Op<Tensor(const Tensor&, MaybeDims)> count_nonzero{{
    .schema = "count_nonzero(Tensor self, int[1]? dim=None) -> Tensor",
    .doc = R"(How many elements, of all or over the dimensions `dim`, are not zero.

Dtypes: any; the result is int64.

>>> plait.count_nonzero(plait.tensor([[1, 0], [2, 3]]), 0)
tensor([2, 1]))",
    .meta =
        [](const Tensor& self, MaybeDims dim) {
          return spec(self, mask_of("count_nonzero", dim, self.dim()), false, DType::Int64);
        },
    .kind = Kind::Reduction,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, MaybeDims dim) {
          const Tensor x = is_complex(self.dtype()) ? plait::ne(self, wrapped_scalar(0)) : self;
          reduce(cpu::sums_table().at(cpu::Sums::NonZero, x.dtype()), x,
                 mask_of("count_nonzero", dim, self.dim()), out);
        },
}};

Op<Tensor(const Tensor&, const Tensor&, int64_t)> bincount{{
    .schema = "bincount(Tensor self, Tensor? weights=None, int minlength=0) -> Tensor",
    .doc =
        R"(How often each of 0, 1, 2, ... occurs in a 1-D tensor of non-negative integers, or the sums of their weights.

Shapes: self (n), weights (n); the result has max(minlength, largest + 1) elements. Dtypes: integers; the result is int64, or
float64 with integer or float64 weights, float32 with float32 weights.
Errors: ValueError for another shape or a negative element.

>>> plait.bincount(plait.tensor([0, 2, 2]))
tensor([1, 0, 2]))",
    .direct =
        [](const Tensor& self, const Tensor& weights, int64_t minlength) {
          check_bincount(self, weights, minlength);
          check<NotImplementedError>(
              !self.is_meta(),
              "bincount: the size of the result depends on the data, which a meta tensor "
              "does not have; use a CPU tensor");
          NoGrad guard;
          const Tensor index = plait::contiguous(cpu::converted(self, DType::Int64));
          const int64_t n = index.numel(), *at = index.data<int64_t>();
          int64_t length = minlength;
          for (int64_t i = 0; i < n; ++i) {
            check(at[i] >= 0, "bincount: expected non-negative elements in self, got {} at position {}",
                  at[i], i);
            length = std::max(length, at[i] + 1);
          }
          if (!weights.defined()) {
            const Tensor out = plait::zeros(Dims{length}, DType::Int64, self.device());
            int64_t* count = out.data<int64_t>();
            for (int64_t i = 0; i < n; ++i) ++count[at[i]];
            return out;
          }
          const Tensor w = plait::contiguous(cpu::converted(weights, DType::Float64));
          const Tensor out = plait::zeros(Dims{length}, DType::Float64, self.device());
          for (int64_t i = 0; i < n; ++i) out.data<double>()[at[i]] += w.data<double>()[i];
          return weights.dtype() == DType::Float32 ? cpu::converted(out, DType::Float32) : out;
        },
    .kind = Kind::Reduction,
    .dtypes = kIntDTypes,
}};

Op<Tensor(const Tensor&, int64_t, const Scalar&, const Scalar&)> histc{{
    .schema = "histc(Tensor self, int bins=100, Scalar min=0, Scalar max=0) -> Tensor",
    .doc =
        R"(How many elements lie in each of `bins` equal intervals from min to max (which belongs to the last); elements outside do not
count. Where min equals max, the smallest and largest element are taken.

Shapes: (bins). Dtypes: floating, the result as self.
Errors: ValueError for bins below 1, for max below min, for limits that are not finite.

>>> plait.histc(plait.tensor([1.0, 2.0, 1.0]), bins=4, min=0, max=3)
tensor([0., 2., 1., 0.]))",
    .meta =
        [](const Tensor& self, int64_t bins, const Scalar& min, const Scalar& max) {
          check(bins > 0, "histc: expected bins of at least 1, got {}", bins);
          check(min.to<double>() <= max.to<double>(), "histc: expected min <= max, got min {} and max {}",
                min.to<double>(), max.to<double>());
          return TensorSpec(Dims{bins}, self.dtype(), self.device());
        },
    .kind = Kind::Reduction,
    .dtypes = kFloatDTypes,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, int64_t bins, const Scalar& min, const Scalar& max) {
          double low = min.to<double>(), high = max.to<double>();
          if (low == high && self.numel() > 0) {
            low = item(plait::amin(self, std::nullopt, false)).to<double>();
            high = item(plait::amax(self, std::nullopt, false)).to<double>();
          }
          if (low == high) {
            low -= 1;
            high += 1;
          }
          check(low - low == 0 && high - high == 0,
                "histc: expected finite limits, got {} to {}; pass min and max", low, high);
          const Tensor x = plait::contiguous(cpu::converted(self, DType::Float64));
          const Tensor counts = plait::zeros(Dims{bins}, DType::Float64, self.device());
          const double* values = x.data<double>();
          double* count = counts.data<double>();
          const double scale = static_cast<double>(bins) / (high - low);
          for (int64_t i = 0; i < x.numel(); ++i)
            if (values[i] >= low && values[i] <= high)
              ++count[std::min(bins - 1, static_cast<int64_t>((values[i] - low) * scale))];
          copy_into(out, counts);
        },
}};

}  // namespace plait::op
