// Products.
#include "ops/decl/product.h"
#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/join.h"
#include "ops/decl/minmax.h"
#include "ops/decl/rearrange.h"
#include "ops/decl/reduce.h"
#include "ops/decl/scan.h"
#include "ops/decl/ternary.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/reduce_common.h"

namespace plait::op {
namespace {

using namespace reduction;
using cpu::Sums;

void product_into(const Tensor& out, const Tensor& self, DimMask mask) {
  const Tensor x = cpu::converted(
      self, is_integral(self.dtype(), true) && out.dtype() == DType::Int64 ? self.dtype() : out.dtype());
  through_int64(out,
                [&](const Tensor& to) { reduce(cpu::sums_table().at(Sums::Prod, x.dtype()), x, mask, to); });
}

// The products of all elements before each one along dim.
Tensor product_before(const Tensor& self, int64_t dim) {
  const Tensor one = plait::ones_like(plait::narrow(self, dim, 0, 1));
  const Tensor rest = plait::cumprod(plait::narrow(self, dim, 0, self.size(dim) - 1), dim);
  const Tensor parts[] = {one, rest};
  return plait::cat(parts, dim);
}

// The product of all elements but each one: by division where there is no zero. Other devices than the CPU
// are not asked whether there is one, which would be to wait for them, nor is a batch, whose entries differ:
// where a zero stands alone, the product of the rest is that of all with the zero left out.
Tensor product_of_others(const Tensor& self, const Tensor& result, int64_t dim) {
  const int64_t dims[] = {dim};
  const bool near = (self.is_cpu() || self.is_meta()) && !self.is_batched();
  if (!near && !grad_enabled()) {
    const Tensor zero = plait::eq(self, wrapped_scalar(0));
    const Tensor zeros = plait::sum(zero, IntSpan(dims), true);
    const Tensor rest = plait::prod(plait::masked_fill(self, zero, wrapped_scalar(1)), dim, true);
    return plait::where(
        zero, plait::masked_fill(rest, plait::ne(zeros, wrapped_scalar(1)), wrapped_scalar(0)),
        plait::masked_fill(result / self, plait::ne(zeros, wrapped_scalar(0)), wrapped_scalar(0)));
  }
  const bool zeros = !near || (self.is_cpu() && !item(plait::all(self, std::nullopt, false)).to<bool>());
  if (!zeros) return result / self;
  return product_before(self, dim) * plait::flip(product_before(plait::flip(self, dims), dim), dims);
}

}  // namespace

Op<Tensor(const Tensor&, MaybeDType)> prod{{
    .schema = "prod(Tensor self, *, dtype? dtype=None) -> Tensor",
    .doc =
        R"(The product of all elements, or along dim; computed in `dtype` where given. The gradient is right where elements are zero.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: any; integers and bool give int64. An empty product is 1.

>>> plait.prod(plait.tensor([[1.0, 2.0], [3.0, 4.0]]))
tensor(24.)
>>> plait.prod(plait.tensor([[1, 2], [3, 4]]), 1)
tensor([ 2, 12]))",
    .meta =
        [](const Tensor& self, MaybeDType dtype) {
          return TensorSpec(Dims(), dtype.value_or(sum_dtype(self.dtype())), self.device());
        },
    .vjp =
        [](Vjp& v) {
          const Tensor self = v.in(0);
          if (self.numel() == 0) return v.set(0, plait::zeros_like(self));
          const Tensor flat = plait::reshape(self, Dims{-1});
          v.set(0, v.grad() *
                       plait::reshape(conj_if_complex(product_of_others(flat, v.out(), 0)), self.sizes()));
        },
    .save = "self, result",
    .kind = Kind::Reduction,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              MaybeDType) { product_into(out, self, all_dims(self.dim())); },
}};

Op<Tensor(const Tensor&, int64_t, bool, MaybeDType)> prod_dim_int{{
    .schema = "prod.dim_int(Tensor self, int dim, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
    .doc = "The product along dim; see prod.",
    .meta =
        [](const Tensor& self, int64_t dim, bool keepdim, MaybeDType dtype) {
          return spec(self, mask_of("prod", dim, self.dim()), keepdim,
                      dtype.value_or(sum_dtype(self.dtype())));
        },
    .vjp =
        [](Vjp& v) {
          const Tensor self = v.in(0);
          const DimMask mask = mask_of("prod", v.attr<int64_t>(1), self.dim());
          if (self.numel() == 0) return v.set(0, plait::zeros_like(self));
          if (self.dim() == 0) return v.set(0, v.grad());
          const Tensor others =
              product_of_others(self, keep_dims(v.out(), self.sizes(), mask), v.attr<int64_t>(1));
          v.set(0, keep_dims(v.grad(), self.sizes(), mask) * conj_if_complex(others));
        },
    .save = "self, result",
    .kind = Kind::Reduction,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, int64_t dim, bool,
              MaybeDType) { product_into(out, self, mask_of("prod", dim, self.dim())); },
}};

}  // namespace plait::op
