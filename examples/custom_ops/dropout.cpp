// A random op with state: the mask comes from a generator, is returned, and is saved for the derivative.
#include <plait/extension.h>
using namespace plait;

PLAIT_OP(dropout, std::tuple<Tensor, Tensor>(const Tensor&, double, Generator)){
    .schema = "dropout(Tensor x, float p=0.5, *, Generator? generator=None) -> (Tensor result, Tensor mask)",
    .doc = "Zeroes each element with probability p, scales the others by 1 / (1 - p); gives the mask, too.",
    .meta =
        [](const Tensor& x, double p, Generator) {
          check(p >= 0 && p < 1, "dropout: argument 'p' must be at least 0 and below 1, got {}", p);
          return std::tuple(like(x), TensorSpec(x.sizes(), DType::Bool, x.device()));
        },
    .vjp =
        [](Vjp& v) {
          const double scale = 1 / (1 - v.attr<double>("p"));
          v.set("x", v.grad(0) * v.out(1) * scale);
        },
    .save = "mask",
    .kind = Kind::Random,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& mask, const Tensor& x, double p, Generator generator) {
          const Draw draw(generator);  // once a call: moves the generator on
          bool* keep = mask.data<bool>();
          // Element i takes the i-th number, in whatever thread.
          parallel_for(0, mask.numel(), 4096, [&](int64_t begin, int64_t end) {
            draw.each(begin, end, [&](int64_t i, uint32_t bits) { keep[i] = Draw::to_uniform(bits) >= p; });
          });
          elementwise(out, {x, mask}, [scale = 1 / (1 - p)]<class T>(T v, T kept) {
            return kept != 0 ? v * static_cast<T>(scale) : T(0);
          });
        },
};
