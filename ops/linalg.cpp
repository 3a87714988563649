// Cross products, bilinear forms.
#include <array>

#include "ops/decl/join.h"
#include "ops/decl/linalg.h"
#include "ops/decl/matmul.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {

Op<Tensor(const Tensor&, const Tensor&, std::optional<int64_t>)> cross{{
    .schema = "cross(Tensor self, Tensor other, int? dim=None) -> Tensor",
    .doc =
        R"(Cross product of vectors of three elements along `dim` (the first dimension of size 3 where not given).

Shapes: broadcast together, both of size 3 in dim. Dtypes: numbers, promoted.

>>> plait.cross(plait.tensor([1.0, 0.0, 0.0]), plait.tensor([0.0, 1.0, 0.0]))
tensor([0., 0., 1.]))",
    .composite =
        [](const Tensor& self, const Tensor& other, std::optional<int64_t> dim) {
          const Dims sizes = broadcast(self.sizes(), other.sizes(), "cross");
          int at = -1;
          if (dim)
            at = wrap_dim(*dim, sizes.size(), "cross");
          else
            for (int d = sizes.size() - 1; d >= 0; --d)
              if (sizes[d] == 3) at = d;
          const auto has_three = [&](const Tensor& t) {
            const int d = at - sizes.size() + static_cast<int>(t.dim());
            return at >= 0 && d >= 0 && t.sizes()[d] == 3;
          };
          check(has_three(self) && has_three(other),
                "cross: expected self and other to have size 3 in dimension {}, got shapes {} and {}; name "
                "another dim",
                at, self.sizes(), other.sizes());
          std::array<Tensor, 3> a, b, parts;
          for (int i = 0; i < 3; ++i) {
            a[i] = plait::select(self, at - sizes.size(), i);
            b[i] = plait::select(other, at - sizes.size(), i);
          }
          for (int i = 0; i < 3; ++i) {
            const int j = (i + 1) % 3, k = (i + 2) % 3;
            parts[i] = a[j] * b[k] - a[k] * b[j];
          }
          return plait::stack(parts, at);
        },
    .kind = Kind::Other,
    .dtypes = kNumberDTypes,
    .out = true,
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&)> bilinear{{
    .schema = "bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias=None) -> Tensor",
    .doc = R"(Bilinear form input1 @ weight[o] @ input2 for each output o, plus bias.

Shapes: input1 (..., in1), input2 (..., in2), weight (out, in1, in2), bias (out) give (..., out). Dtypes: floats, all the same.

>>> plait.bilinear(plait.ones(1, 2), plait.ones(1, 3), plait.ones(1, 2, 3))
tensor([[6.]]))",
    .composite =
        [](const Tensor& input1, const Tensor& input2, const Tensor& weight, const Tensor& bias) {
          const bool fits = weight.dim() == 3 && input1.dim() >= 1 && input1.dim() == input2.dim() &&
                            input1.sizes().back() == weight.sizes()[1] &&
                            input2.sizes().back() == weight.sizes()[2];
          check(fits,
                "bilinear: expected input1 (..., in1), input2 (..., in2) and weight (out, in1, in2), got "
                "shapes {}, {} and {}",
                input1.sizes(), input2.sizes(), weight.sizes());
          Dims result = input1.sizes();
          result[result.size() - 1] = weight.sizes()[0];
          int64_t rows = 1;
          for (int d = 0; d + 1 < result.size(); ++d) {
            check(input1.sizes()[d] == input2.sizes()[d],
                  "bilinear: input1 of shape {} and input2 of shape {} differ before the last dimension",
                  input1.sizes(), input2.sizes());
            rows *= result[d];
          }
          const int64_t out = weight.sizes()[0], in1 = weight.sizes()[1], in2 = weight.sizes()[2];
          const Tensor x = plait::reshape(input1, Dims{rows, in1}),
                       y = plait::reshape(input2, Dims{rows, in2, 1});
          const Tensor half = plait::reshape(
              plait::mm(x, plait::reshape(plait::permute(weight, Dims{1, 0, 2}), Dims{in1, out * in2})),
              Dims{rows, out, in2});
          const Tensor form = plait::reshape(plait::bmm(half, y), result);
          return bias.defined() ? form + bias : form;
        },
    .kind = Kind::Matmul,
    .dtypes = kFloatComplex,
}};

}  // namespace plait::op
