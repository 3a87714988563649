// Sums, means, products, and counts.
#include "ops/decl/reduce.h"
#include "ops/decl/compare.h"
#include "ops/decl/ternary.h"
#include "ops/reduce_common.h"

namespace plait::op {
namespace {

using namespace reduction;
using cpu::ReduceParams;
using cpu::Sums;

void sum_kernel(Sums f, const Tensor& out, const Tensor& self, DimMask mask, double divisor = 1) {
  reduce(cpu::sums_table().at(f, self.dtype()), self, mask, out, ReduceParams{.divisor = divisor});
}

void sum_into(const Tensor& out, const Tensor& self, DimMask mask, MaybeDType dtype, Sums f = Sums::Sum) {
  const Tensor x = dtype ? cpu::converted(self, *dtype) : self;
  through_int64(out,
                [&](const Tensor& to) { sum_kernel(is_floating(x.dtype()) ? f : Sums::Sum, to, x, mask); });
}

TensorSpec mean_spec(const Tensor& self, DimMask mask, bool keepdim, MaybeDType dtype) {
  const DType result = dtype.value_or(self.dtype());
  check<RuntimeError>(
      is_floating(result) || is_complex(result),
      "mean: expected a floating or complex dtype for self, got {}; convert it with .float() or pass dtype=",
      result);
  return spec(self, mask, keepdim, result);
}

void mean_into(const Tensor& out, const Tensor& self, DimMask mask) {
  sum_kernel(Sums::Sum, out, cpu::converted(self, out.dtype()), mask,
             static_cast<double>(reduced_numel(self.sizes(), mask)));
}

Tensor mean_gradient(Vjp& v, DimMask mask) {
  const Dims& sizes = v.sizes(0);
  return expand_to(v.grad() / static_cast<double>(std::max<int64_t>(1, reduced_numel(sizes, mask))), sizes,
                   mask);
}

}  // namespace

// ---- sum

Op<Tensor(const Tensor&, MaybeDType)> sum{{
    .schema = "sum(Tensor self, *, dtype? dtype=None) -> Tensor",
    .doc =
        R"(The sum of all elements, or over the dimensions `dim`; computed in `dtype` where given. Floats are added in blocks, with
double precision between blocks.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: any; integers and bool give int64. An empty sum is 0.
Errors: IndexError for a dimension out of range.

>>> plait.sum(plait.tensor([[1.0, 2.0], [3.0, 4.0]]))
tensor(10.)
>>> plait.sum(plait.tensor([[1, 2], [3, 4]]), dim=1)
tensor([3, 7]))",
    .meta =
        [](const Tensor& self, MaybeDType dtype) {
          return TensorSpec(Dims(), dtype.value_or(sum_dtype(self.dtype())), self.device());
        },
    .vjp = [](Vjp& v) { v.set(0, expand_to(v.grad(), v.sizes(0), all_dims(v.sizes(0).size()))); },
    .kind = Kind::Reduction,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              MaybeDType dtype) { sum_into(out, self, all_dims(self.dim()), dtype); },
}};

Op<Tensor(const Tensor&, MaybeDims, bool, MaybeDType)> sum_dim{{
    .schema = "sum.dim(Tensor self, int[1]? dim, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
    .doc = "The sum over the dimensions `dim`; see sum.",
    .meta =
        [](const Tensor& self, MaybeDims dim, bool keepdim, MaybeDType dtype) {
          return spec(self, mask_of("sum", dim, self.dim()), keepdim,
                      dtype.value_or(sum_dtype(self.dtype())));
        },
    .vjp =
        [](Vjp& v) {
          v.set(0, expand_to(v.grad(), v.sizes(0), mask_of("sum", v.attr<MaybeDims>(1), v.sizes(0).size())));
        },
    .kind = Kind::Reduction,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, MaybeDims dim, bool,
              MaybeDType dtype) { sum_into(out, self, mask_of("sum", dim, self.dim()), dtype); },
}};

// ---- nansum

Op<Tensor(const Tensor&, MaybeDims, bool, MaybeDType)> nansum{{
    .schema = "nansum(Tensor self, int[1]? dim=None, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
    .doc = R"(The sum over the dimensions `dim` (all of them where none is given), NaN counting as 0.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: real; integers and bool give int64.

>>> plait.nansum(plait.tensor([1.0, plait.nan, 3.0]))
tensor(4.))",
    .meta =
        [](const Tensor& self, MaybeDims dim, bool keepdim, MaybeDType dtype) {
          return spec(self, mask_of("nansum", dim, self.dim()), keepdim,
                      dtype.value_or(sum_dtype(self.dtype())));
        },
    .vjp =
        [](Vjp& v) {
          const Tensor grad =
              expand_to(v.grad(), v.sizes(0), mask_of("nansum", v.attr<MaybeDims>(1), v.sizes(0).size()));
          v.set(0, plait::masked_fill(grad, plait::isnan(v.in(0)), wrapped_scalar(0)));
        },
    .save = "self",
    .kind = Kind::Reduction,
    .dtypes = kRealDTypes,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, MaybeDims dim, bool, MaybeDType dtype) {
          sum_into(out, self, mask_of("nansum", dim, self.dim()), dtype, Sums::NanSum);
        },
}};

Op<Tensor(const Tensor&, MaybeDims, bool, MaybeDType)> nanmean{{
    .schema = "nanmean(Tensor self, int[1]? dim=None, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
    .doc =
        R"(The mean over the dimensions `dim` (all of them where none is given) of the elements that are not NaN.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: floating.

>>> plait.nanmean(plait.tensor([1.0, plait.nan, 3.0]))
tensor(2.))",
    .composite =
        [](const Tensor& self, MaybeDims dim, bool keepdim, MaybeDType dtype) {
          check<RuntimeError>(is_floating(self.dtype()),
                              "nanmean: expected a floating dtype for self, got {}; convert it with .float()",
                              self.dtype());
          const Tensor count = plait::sum(plait::logical_not(plait::isnan(self)), dim, keepdim, std::nullopt);
          return plait::nansum(self, dim, keepdim, dtype) / count;
        },
    .kind = Kind::Reduction,
    .dtypes = kFloatDTypes,
    .out = true,
}};

// ---- mean

Op<Tensor(const Tensor&, MaybeDType)> mean{{
    .schema = "mean(Tensor self, *, dtype? dtype=None) -> Tensor",
    .doc = R"(The mean of all elements, or over the dimensions `dim`; computed in `dtype` where given.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: floating and complex. The mean of nothing is NaN.
Errors: RuntimeError for integers without dtype; IndexError for a dimension out of range.

>>> plait.mean(plait.tensor([[1.0, 2.0], [3.0, 4.0]]))
tensor(2.5000)
>>> plait.mean(plait.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=0)
tensor([2., 3.]))",
    .meta = [](const Tensor& self,
               MaybeDType dtype) { return mean_spec(self, all_dims(self.dim()), false, dtype); },
    .vjp = [](Vjp& v) { v.set(0, mean_gradient(v, all_dims(v.sizes(0).size()))); },
    .kind = Kind::Reduction,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              MaybeDType) { mean_into(out, self, all_dims(self.dim())); },
}};

Op<Tensor(const Tensor&, MaybeDims, bool, MaybeDType)> mean_dim{{
    .schema = "mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
    .doc = "The mean over the dimensions `dim`; see mean.",
    .meta =
        [](const Tensor& self, MaybeDims dim, bool keepdim, MaybeDType dtype) {
          return mean_spec(self, mask_of("mean", dim, self.dim()), keepdim, dtype);
        },
    .vjp =
        [](Vjp& v) { v.set(0, mean_gradient(v, mask_of("mean", v.attr<MaybeDims>(1), v.sizes(0).size()))); },
    .kind = Kind::Reduction,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, MaybeDims dim, bool,
              MaybeDType) { mean_into(out, self, mask_of("mean", dim, self.dim())); },
}};

}  // namespace plait::op
