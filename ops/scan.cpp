// Running sums, products, extremes, log-sum-exps along a dimension.
#include "ops/cpu/scan.h"
#include "ops/complex_forms.h"
#include "ops/cpu/convert.h"

#include <cmath>

#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/exponential.h"
#include "ops/decl/index.h"
#include "ops/decl/join.h"
#include "ops/decl/rearrange.h"
#include "ops/decl/scan.h"
#include "ops/decl/ternary.h"
#include "ops/decl/view_split.h"
#include "ops/reduce_common.h"

namespace plait::op {
namespace {

using namespace reduction;
using cpu::Scan;
using Pair = std::tuple<Tensor, Tensor>;

TensorSpec scan_spec(const char* op, const Tensor& self, int64_t dim, DType dtype) {
  wrap_dim(dim, self.dim(), op);
  return TensorSpec(self.sizes(), dtype, self.device());
}

TensorSpec running_spec(const char* op, const Tensor& self, int64_t dim, MaybeDType dtype) {
  const DType out = dtype.value_or(sum_dtype(self.dtype()));
  check<TypeError>(out != DType::Bool, "{}: dtype must be a number's, got bool; use int64", op);
  return scan_spec(op, self, dim, out);
}

void scan_into(Scan f, const Tensor& out, const Tensor& self, int64_t dim) {
  const int d = wrap_dim(dim, self.dim(), "scan");
  if (is_integral(out.dtype()) && out.dtype() != DType::Int64) {  // in int64, and wrapped around at the end
    const Tensor wide = empty_tensor(out.sizes(), DType::Int64);
    cpu::scan(f, wide, cpu::converted(cpu::converted(self, out.dtype()), DType::Int64), d);
    return cpu::copy(out, wide);
  }
  cpu::scan(f, out, cpu::converted(self, out.dtype()), d);
}

// t moved up by one along dim, zeros first.
Tensor shifted(const Tensor& t, int64_t dim) {
  if (t.size(dim) == 0) return t;
  const Tensor parts[] = {plait::zeros_like(plait::narrow(t, dim, 0, 1)),
                          plait::narrow(t, dim, 0, t.size(dim) - 1)};
  return plait::cat(parts, dim);
}

std::array<TensorSpec, 2> extreme_spec(const char* op, const Tensor& self, int64_t dim) {
  return {scan_spec(op, self, dim, self.dtype()), scan_spec(op, self, dim, DType::Int64)};
}
void extreme_vjp(Vjp& v) {
  if (!v.grad(0).defined()) return;
  if (v.sizes(0).empty()) return v.set(0, v.grad(0));
  v.set(0, plait::_gather_backward(v.grad(0), v.sizes(0), v.attr<int64_t>(1), v.out(1)));
}

}  // namespace

Op<Tensor(const Tensor&, int64_t, MaybeDType)> cumsum{{
    .schema = "cumsum(Tensor self, int dim, *, dtype? dtype=None) -> Tensor",
    .doc =
        R"(The sums of the elements up to and including each one along dim; floats are added in double precision.

Shapes: as self. Dtypes: any; integers and bool give int64, or `dtype` where given.
Errors: IndexError for a dimension out of range.

>>> plait.cumsum(plait.tensor([1.0, 2.0, 3.0]), 0)
tensor([1., 3., 6.]))",
    .meta = [](const Tensor& self, int64_t dim,
               MaybeDType dtype) { return running_spec("cumsum", self, dim, dtype); },
    .vjp =
        [](Vjp& v) {
          const int64_t dims[] = {v.attr<int64_t>(1)};
          if (v.sizes(0).empty()) return v.set(0, v.grad());
          v.set(0, plait::flip(plait::cumsum(plait::flip(v.grad(), dims), dims[0]), dims));
        },
    .kind = Kind::Scan,
    .inplace = Inplace::Copy,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, int64_t dim,
              MaybeDType) { scan_into(Scan::Sum, out, self, dim); },
}};

Op<Tensor(const Tensor&, int64_t, MaybeDType)> cumprod{{
    .schema = "cumprod(Tensor self, int dim, *, dtype? dtype=None) -> Tensor",
    .doc =
        R"(The products of the elements up to and including each one along dim. The gradient is right where elements are zero.

Shapes: as self. Dtypes: any; integers and bool give int64, or `dtype` where given.
Errors: IndexError for a dimension out of range.

>>> plait.cumprod(plait.tensor([1.0, 2.0, 3.0]), 0)
tensor([1., 2., 6.]))",
    .meta = [](const Tensor& self, int64_t dim,
               MaybeDType dtype) { return running_spec("cumprod", self, dim, dtype); },
    .vjp =
        [](Vjp& v) {
          // dx_k = (product before k) * S_k with S_k = g_k + x_(k+1) S_(k+1): no division, hence no trouble
          // with zeros.
          const Tensor self = v.in(0), result = v.out();
          const int64_t dim = v.attr<int64_t>(1);
          if (self.dim() == 0 || self.numel() == 0) return v.set(0, v.grad());
          const Tensor x = self.dtype() == v.grad().dtype() ? self : plait::_convert(self, v.grad().dtype());
          const Tensor parts[] = {plait::ones_like(plait::narrow(result, dim, 0, 1)),
                                  plait::narrow(result, dim, 0, result.size(dim) - 1)};
          const Tensor sums = plait::_scan_linear(conj_if_complex(x), v.grad(), dim, true);
          v.set(0, conj_if_complex(plait::cat(parts, dim)) * sums);
        },
    .save = "self, result",
    .kind = Kind::Scan,
    .inplace = Inplace::Copy,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, int64_t dim,
              MaybeDType) { scan_into(Scan::Prod, out, self, dim); },
}};

Op<Tensor(const Tensor&, const Tensor&, int64_t, bool)> _scan_linear{{
    .schema = "_scan_linear(Tensor self, Tensor terms, int dim, bool reverse=False) -> Tensor",
    .doc =
        R"(The recurrence y_i = terms_i + self_i y_(i-1) along dim; in reverse y_i = terms_i + self_(i+1) y_(i+1), which is its
adjoint. The derivatives of running products are made of it.)",
    .meta =
        [](const Tensor& self, const Tensor& terms, int64_t dim, bool) {
          check(self.sizes() == terms.sizes() && self.dtype() == terms.dtype(),
                "_scan_linear: expected terms like self, of shape {} and dtype {}, got {} and {}",
                self.sizes(), self.dtype(), terms.sizes(), terms.dtype());
          return scan_spec("_scan_linear", self, dim, self.dtype());
        },
    .vjp =
        [](Vjp& v) {
          const Tensor factors = v.in(0);
          const int64_t dim = v.attr<int64_t>(2);
          const bool reverse = v.attr<bool>(3);
          const Tensor adjoint = plait::_scan_linear(conj_if_complex(factors), v.grad(), dim, !reverse);
          if (v.needs(0)) {
            const Tensor y = conj_if_complex(v.out());
            v.set(0, reverse ? shifted(adjoint, dim) * y : adjoint * shifted(y, dim));
          }
          if (v.needs(1)) v.set(1, adjoint);
        },
    .save = "self, result if self",
    .kind = Kind::Scan,
    .dtypes = kFloatComplex,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& terms, int64_t dim, bool reverse) {
          cpu::scan_linear(out, self, terms, wrap_dim(dim, self.dim(), "_scan_linear"), reverse);
        },
}};

Op<Tensor(const Tensor&, int64_t)> logcumsumexp{{
    .schema = "logcumsumexp(Tensor self, int dim) -> Tensor",
    .doc = R"(log(cumsum(exp(self))) along dim, without overflow.

Shapes: as self. Dtypes: floating, complex, whose imaginary part is one of those that differ by multiples of 2 pi.

>>> plait.logcumsumexp(plait.tensor([0.0, 0.0]), 0)
tensor([0.0000, 0.6931]))",
    .meta = [](const Tensor& self,
               int64_t dim) { return scan_spec("logcumsumexp", self, dim, self.dtype()); },
    .vjp =
        [](Vjp& v) {
          // dx_k = exp(x_k - y_k) S_k with S_k = g_k + exp(y_k - y_(k+1)) S_(k+1): every exponent is at most
          // 0.
          const Tensor self = v.in(0), y = v.out();
          const int64_t dim = v.attr<int64_t>(1);
          if (self.dim() == 0 || self.numel() == 0) return v.set(0, v.grad());
          const Tensor level = is_complex(y.dtype()) ? plait::real(y) : y;
          const Tensor nothing = plait::eq(level, wrapped_scalar(-INFINITY)), zero = wrapped_scalar(0);
          const Tensor decay =
              plait::masked_fill(conj_if_complex(plait::exp(shifted(y, dim) - y)), nothing, zero);
          const Tensor sums = plait::_scan_linear(decay, v.grad(), dim, true);
          v.set(0, plait::masked_fill(conj_if_complex(plait::exp(self - y)), nothing, zero) * sums);
        },
    .save = "self, result",
    .kind = Kind::Scan,
    .dtypes = kFloatComplex,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, int64_t dim) {
          const int64_t along = wrap_dim(dim, self.dim(), "logcumsumexp");
          if (is_complex(self.dtype())) return complex_forms::logcumsumexp(out, self, along);
          cpu::scan_logsumexp(out, self, along);
        },
}};

Op<Pair(const Tensor&, int64_t)> cummax{{
    .schema = "cummax(Tensor self, int dim) -> (Tensor values, Tensor indices)",
    .doc =
        R"(The largest element up to and including each one along dim, and its index, the last of equals. NaN, once met, stays.

Shapes: as self. Dtypes: real; indices are int64.

>>> plait.cummax(plait.tensor([1, 3, 2]), 0).values
tensor([1, 3, 3]))",
    .meta = [](const Tensor& self, int64_t dim) { return extreme_spec("cummax", self, dim); },
    .vjp = extreme_vjp,
    .save = "indices",
    .kind = Kind::Scan,
    .dtypes = kRealDTypes,
    .out = true,
    .cpu =
        [](const Tensor& values, const Tensor& indices, const Tensor& self, int64_t dim) {
          cpu::scan_extreme(true, values, indices, self, wrap_dim(dim, self.dim(), "cummax"));
        },
}};

Op<Pair(const Tensor&, int64_t)> cummin{{
    .schema = "cummin(Tensor self, int dim) -> (Tensor values, Tensor indices)",
    .doc =
        R"(The smallest element up to and including each one along dim, and its index, the last of equals. NaN, once met, stays.

Shapes: as self. Dtypes: real; indices are int64.

>>> plait.cummin(plait.tensor([3, 1, 2]), 0).values
tensor([3, 1, 1]))",
    .meta = [](const Tensor& self, int64_t dim) { return extreme_spec("cummin", self, dim); },
    .vjp = extreme_vjp,
    .save = "indices",
    .kind = Kind::Scan,
    .dtypes = kRealDTypes,
    .out = true,
    .cpu =
        [](const Tensor& values, const Tensor& indices, const Tensor& self, int64_t dim) {
          cpu::scan_extreme(false, values, indices, self, wrap_dim(dim, self.dim(), "cummin"));
        },
}};

}  // namespace plait::op
