// A reduction: the root of the mean square over any dimensions.
#include <cmath>

#include <plait/extension.h>
using namespace plait;

PLAIT_OP(rms, Tensor(const Tensor&, std::optional<IntSpan>, bool)){
    .schema = "rms(Tensor x, int[]? dim=None, bool keepdim=False) -> Tensor",
    .doc = "The root of the mean square over the dimensions `dim`, by default over all.",
    .meta = [](const Tensor& x, std::optional<IntSpan> dim,
               bool keepdim) { return reduced("rms", x, dim.value_or(IntSpan()), keepdim, x.dtype()); },
    .vjp =
        [](Vjp& v) {
          // d rms / d x = x / (n rms). Result and gradient get the reduced dimensions back, with size 1.
          const Tensor x = v.in("x");
          const auto dim = v.attr<std::optional<IntSpan>>("dim").value_or(IntSpan());
          const Dims kept(reduced("rms", x, dim, true, x.dtype()).sizes());
          const Tensor result = v.out().reshape(kept);
          const auto n = static_cast<double>(x.numel()) / static_cast<double>(result.numel());
          v.set("x", v.grad().reshape(kept) * x / (result * n));
        },
    .save = "x, result",
    .kind = Kind::Reduction,
    .dtypes = kFloatDTypes,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& x, std::optional<IntSpan> dim, bool) {
          reduce(
              out, x, dim.value_or(IntSpan()), 0.0,
              [](double sum, double value) { return sum + value * value; },  // one value more
              [](double a, double b) { return a + b; },                      // two parts joined
              [](double sum, int64_t n) { return std::sqrt(sum / static_cast<double>(n)); });  // the result
        },
};
