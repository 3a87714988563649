// Poisson numbers: ops/poisson.h has the sampler.
#include "ops/poisson.h"

#include "core/generator.h"
#include "core/parallel.h"
#include "ops/cpu/convert.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/poisson.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {

Op<Tensor(const Tensor&, const Generator&)> poisson{{
    .schema = "poisson(Tensor self, *, Generator? generator=None) -> Tensor",
    .doc =
        R"(Poisson numbers of the rates that self holds, in its shape and dtype. A rate that is negative or NaN gives NaN.

Dtypes: floating ones.

>>> plait.poisson(plait.tensor([0.0, 0.0]))
tensor([0., 0.]))",
    .meta = [](const Tensor& self, const Generator&) { return infer::like(self); },
    .vjp = [](Vjp& v) { v.set(0, v.grad() * wrapped_scalar(0)); },  // a step function of the rate
    .kind = Kind::Random,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Generator& g) {
          const GeneratorImpl::Draw draw = next_draw(g);
          const Tensor rates = empty_tensor(self.sizes(), DType::Float64);
          copy_into(rates, detached_alias(self));
          const Tensor numbers = empty_tensor(self.sizes(), DType::Float64);
          const double* rate = rates.data<double>();
          double* to = numbers.data<double>();
          parallel_for(0, rates.numel(), 512, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i)
              to[i] = poisson_number(rate[i], draw.seed, draw.offset, static_cast<uint64_t>(i));
          });
          copy_into(out, numbers);
        },
}};

}  // namespace plait::op
