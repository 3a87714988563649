// A fused activation: swish(x) = x sigmoid(beta x), in one pass over the memory.
#include <plait/extension.h>
using namespace plait;

PLAIT_OP(swish, Tensor(const Tensor&, double)){
    .schema = "swish(Tensor x, *, float beta=1.0) -> Tensor",
    .doc = "x sigmoid(beta x), elementwise.",
    .infer = Infer::LikeFirst,
    .vjp =
        [](Vjp& v) {
          const double beta = v.attr<double>("beta");
          const Tensor x = v.in("x"), s = sigmoid(x * beta);
          v.set("x", v.grad() * (s + beta * x * s * (1 - s)));
        },
    .save = "x",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& x, double beta) {
          elementwise(out, {x}, [beta]<class T>(T v) { return v * math::sigmoid(static_cast<T>(beta) * v); });
        },
};
