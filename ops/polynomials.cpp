// Orthogonal polynomials: ops/special_polynomials.h has the numbers.
#include <algorithm>
#include <array>

#include "core/strided_iter.h"
#include "ops/cpu/pointwise.h"
#include "ops/cpu/polynomials.h"
#include "ops/decl/polynomials.h"
#include "ops/declare.h"
#include "ops/math.h"
#include "ops/polynomials.h"

namespace plait::op {

namespace {

constexpr const char* kName = "_orthogonal_polynomial";

// In the order of fn::Polynomial.
constexpr std::array<std::string_view, static_cast<int>(fn::Polynomial::Count)> kNames{
    "chebyshev_polynomial_t",         "chebyshev_polynomial_u",         "chebyshev_polynomial_v",
    "chebyshev_polynomial_w",         "shifted_chebyshev_polynomial_t", "shifted_chebyshev_polynomial_u",
    "shifted_chebyshev_polynomial_v", "shifted_chebyshev_polynomial_w", "hermite_polynomial_h",
    "hermite_polynomial_he",          "laguerre_polynomial_l",          "legendre_polynomial_p",
};
constexpr int kCost = 8;

}  // namespace

fn::PolynomialDerivative polynomial_of(std::string_view name, int64_t order) {
  const auto* const found = std::find(kNames.begin(), kNames.end(), name);
  check(found != kNames.end(), "{}: expected the name of a function like 'hermite_polynomial_h', got '{}'",
        kName, name);
  check(order >= 0 && order < 64,
        "{}: expected order from 0 to 63, got {}; that is how often it can be differentiated", name, order);
  return {static_cast<fn::Polynomial>(found - kNames.begin()), static_cast<int>(order)};
}

Op<Tensor(std::string_view, const Tensor&, const Tensor&, int64_t)> _orthogonal_polynomial{{
    .schema = "_orthogonal_polynomial(str function, Tensor self, Tensor n, int order=0) -> Tensor",
    .doc =
        R"(The polynomials of degree n in self that plait.special has by the name `function`, or their derivatives of that order with respect
to self. Degrees may differ from element to element, and carry no gradient.

Shapes: broadcast together. Dtypes: real ones; integers give the default float.)",
    .meta =
        [](std::string_view function, const Tensor& self, const Tensor& n, int64_t order) {
          polynomial_of(function, order);
          for (const Tensor* t : {&self, &n})
            check<TypeError>(set_of(t->dtype()) & kRealDTypes,
                             "special.{}: expected real tensors, got {} and {}; use .real", function,
                             self.dtype(), n.dtype());
          return infer::binary_float(kName, self, n);
        },
    .vjp =
        [](Vjp& v) {
          if (!v.needs(1)) return;
          const auto order = v.attr<int64_t>(3);
          v.set(1, v.grad() * plait::_orthogonal_polynomial(v.attr<std::string_view>(0), v.in(1), v.in(2),
                                                            order + 1));
        },
    .save = "self, n",
    .kind = Kind::Pointwise,
    .out = true,
    .cpu =
        [](const Tensor& out, std::string_view function, const Tensor& self, const Tensor& n, int64_t order) {
          const fn::PolynomialDerivative f = polynomial_of(function, order);
          const Tensor x = cpu::converted(self, out.dtype());
          const Tensor degrees = cpu::converted(n, DType::Float64);  // where 16 bits would round them
          StridedIter iter;
          iter.output(out);
          iter.input(x);
          iter.input(degrees);
          iter.build();
          iter.run(cpu::polynomial_table().loop[static_cast<int>(out.dtype())], &f, kCost);
        },
}};

}  // namespace plait::op
