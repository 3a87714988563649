// Norms, distances and products of vectors, as plait.linalg has them.
#include <cmath>

#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/linalg.h"
#include "ops/decl/linalg_vectors.h"
#include "ops/decl/minmax.h"
#include "ops/decl/norm_reduce.h"
#include "ops/decl/power.h"
#include "ops/decl/reduce.h"
#include "ops/decl/ternary.h"
#include "ops/decl/unary.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

using MaybeDims = std::optional<IntSpan>;
using MaybeDType = std::optional<DType>;

Tensor vector_norm(const Tensor& self, const Scalar& ord, MaybeDims dim, bool keepdim, MaybeDType dtype) {
  check<TypeError>(!dtype || !is_complex(self.dtype()) || is_complex(*dtype),
                   "linalg.vector_norm: expected a complex dtype for a tensor of {}, got {}", self.dtype(),
                   dtype.value_or(self.dtype()));
  const Tensor x = dtype ? plait::_convert(self, *dtype) : self;
  check<TypeError>(is_floating(x.dtype()) || is_complex(x.dtype()),
                   "linalg.vector_norm: expected a floating-point tensor, got {}; use .float()", x.dtype());
  const double p = ord.to<double>();
  const bool reduces = dim ? !dim->empty() : x.dim() > 0;
  const auto sum = [&](const Tensor& t) { return reduces ? plait::sum(t, dim, keepdim) : t; };
  if (p == 0) {
    const Tensor size = plait::nan_to_num(plait::abs(x), 0.0, 0.0, 0.0);  // its derivative is zero
    return sum(plait::_convert(plait::ne(x, wrapped_scalar(0)), size.dtype()) + size * Scalar(0));
  }
  if (!reduces && (std::isinf(p) || p > 0)) return plait::abs(x);
  if (std::isinf(p)) {
    Dims all;
    for (int64_t d = 0; d < x.dim(); ++d) all.push_back(d);
    const IntSpan dims = dim.value_or(IntSpan(all));
    return p > 0 ? plait::amax(plait::abs(x), dims, keepdim) : plait::amin(plait::abs(x), dims, keepdim);
  }
  if (p < 0) return plait::pow(sum(plait::pow(plait::abs(x), wrapped_scalar(ord))), wrapped_scalar(1 / p));
  return plait::norm(x, ord, dim, keepdim);
}

}  // namespace

Op<Tensor(const Tensor&, const Scalar&, MaybeDims, bool, MaybeDType)> linalg_vector_norm{{
    .schema = "linalg_vector_norm(Tensor x, Scalar ord=2, int[1]? dim=None, bool keepdim=False, *, dtype? "
              "dtype=None) "
              "-> Tensor",
    .doc =
        R"(The p-norm over dimensions (all where None), for any number `ord`, inf, -inf, and 0, which counts what is not zero;
plait.linalg.vector_norm.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: floating and complex; the result is real.

>>> plait.linalg.vector_norm(plait.tensor([3.0, -4.0]), 1)
tensor(7.))",
    .composite = vector_norm,
    .kind = Kind::Reduction,
    .out = true,
}};

Op<Tensor(const Tensor&, std::string_view, MaybeDims, bool, MaybeDType)> linalg_vector_norm_str{{
    .schema = "linalg_vector_norm.str(Tensor x, str ord, int[1]? dim=None, bool keepdim=False, *, dtype? "
              "dtype=None) "
              "-> Tensor",
    .doc = "Raises TypeError: vectors have no norm by name; see plait.linalg.matrix_norm.",
    .composite = [](const Tensor&, std::string_view ord, MaybeDims, bool, MaybeDType) -> Tensor {
      fail<TypeError>("linalg.vector_norm: expected ord as a number, got '{}'; use matrix_norm", ord);
    },
}};

Op<Tensor(const Tensor&, const Tensor&, int64_t)> linalg_vecdot{{
    .schema = "linalg_vecdot(Tensor x, Tensor y, *, int dim=-1) -> Tensor",
    .doc = R"(The dot products along a dimension; x is conjugated where complex. plait.linalg.vecdot.

Shapes: broadcast together; dim is removed. Dtypes: any, promoted.

>>> plait.linalg.vecdot(plait.tensor([1.0, 2.0]), plait.tensor([3.0, 4.0]))
tensor(11.))",
    .composite = [](const Tensor& x, const Tensor& y,
                    int64_t dim) { return plait::sum(conj_if_complex(x) * y, Dims{dim}); },
    .out = true,
}};

Op<Tensor(const Tensor&, const Tensor&, int64_t)> linalg_cross{{
    .schema = "linalg_cross(Tensor self, Tensor other, *, int dim=-1) -> Tensor",
    .doc =
        R"(The cross products along a dimension of size 3; both tensors have the same number of dimensions. plait.linalg.cross.

>>> plait.linalg.cross(plait.tensor([1.0, 0.0, 0.0]), plait.tensor([0.0, 1.0, 0.0]))
tensor([0., 0., 1.]))",
    .composite =
        [](const Tensor& self, const Tensor& other, int64_t dim) {
          check(self.dim() == other.dim(),
                "linalg.cross: expected tensors of the same number of dimensions, got shapes {} and {}; "
                "unsqueeze "
                "one of them",
                self.sizes(), other.sizes());
          return plait::cross(self, other, dim);
        },
    .out = true,
}};

Op<Tensor(const Tensor&, const Tensor&, const Scalar&)> dist{{
    .schema = "dist(Tensor self, Tensor other, Scalar p=2) -> Tensor",
    .doc = R"(The p-norm of self - other.

Shapes: broadcast together; the result is a number. Dtypes: floating and complex.

>>> plait.dist(plait.tensor([3.0, 0.0]), plait.tensor([0.0, 4.0]))
tensor(5.))",
    .composite = [](const Tensor& self, const Tensor& other,
                    const Scalar& p) { return plait::linalg_vector_norm(self - other, p); },
    .kind = Kind::Reduction,
}};

Op<Tensor(const Tensor&, const Scalar&, int64_t, const Scalar&)> renorm{{
    .schema = "renorm(Tensor self, Scalar p, int dim, Scalar maxnorm) -> Tensor",
    .doc = R"(Each slice along `dim` scaled down to a p-norm of at most `maxnorm`.

Shapes: as self, of at least 2 dimensions. Dtypes: floating and complex.

>>> plait.renorm(plait.tensor([[3.0, 4.0], [0.3, 0.4]]), 2, 0, 1.0)
tensor([[0.6000, 0.8000],
        [0.3000, 0.4000]]))",
    .composite =
        [](const Tensor& self, const Scalar& p, int64_t dim, const Scalar& maxnorm) {
          check<RuntimeError>(self.dim() >= 2, "renorm: expected at least 2 dimensions, got shape {}",
                              self.sizes());
          check<RuntimeError>(p.to<double>() > 0 && maxnorm.to<double>() >= 0,
                              "renorm: expected p > 0 and maxnorm >= 0, got {} and {}", p.to<double>(),
                              maxnorm.to<double>());
          const int kept = wrap_dim(dim, self.dim(), "renorm");
          Dims others;
          for (int d = 0; d < self.dim(); ++d)
            if (d != kept) others.push_back(d);
          const Tensor norms = plait::linalg_vector_norm(self, p, IntSpan(others), true);
          const Tensor shrink = wrapped_scalar(maxnorm) / (norms + Scalar(1e-7));
          return self * plait::where(plait::gt(norms, wrapped_scalar(maxnorm)), shrink, wrapped_scalar(1.0));
        },
    .out = true,
}};

}  // namespace plait::op
