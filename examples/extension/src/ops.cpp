#include <plait/extension.h>
using namespace plait;

PLAIT_OP(squareplus, Tensor(const Tensor&, double)){
    .schema = "squareplus(Tensor x, *, float b=4.0) -> Tensor",
    .doc = "A smooth relu, (x + sqrt(x^2 + b)) / 2 (Barron, 2021).",
    .infer = Infer::LikeFirst,
    .vjp =
        [](Vjp& v) {
          const Tensor x = v.in("x");
          v.set("x", v.grad() * (x / sqrt(x * x + v.attr<double>("b")) + 1) * 0.5);
        },
    .save = "x",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& x, double b) {
          elementwise(out, {x},
                      [b]<class T>(T v) { return (v + math::sqrt(v * v + static_cast<T>(b))) / 2; });
        },
};
