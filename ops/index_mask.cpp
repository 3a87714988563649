// Reading and writing by mask: nonzero, masked_select, masked_scatter.
#include "ops/decl/index_mask.h"
#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/join.h"
#include "ops/decl/scan.h"
#include "ops/decl/scatter.h"
#include "ops/decl/ternary.h"
#include "ops/decl/unary.h"
#include "ops/decl/view.h"
#include "ops/index_common.h"
#include "ops/math.h"

namespace plait::op {
namespace {

Tensor expanded_to(const Tensor& t, const Dims& sizes) {
  if (t.sizes() == sizes && t.is_contiguous()) return t;
  const Tensor full = empty_tensor(sizes, t.dtype());
  cpu::copy(full, t);
  return full;
}

void check_mask_dtype(const char* op, const Tensor& mask) {
  check<TypeError>(mask.dtype() == DType::Bool,
                   "{}: expected a mask of dtype bool, got {}; convert it with .bool()", op, mask.dtype());
}

}  // namespace

Op<Tensor(const Tensor&)> nonzero{{
    .schema = "nonzero(Tensor self) -> Tensor",
    .doc =
        R"(The indices of the elements that are not zero, one a row, in row-major order: int64, of shape (count, dimensions).

>>> plait.nonzero(plait.tensor([[0, 1], [2, 0]]))
tensor([[0, 1],
        [1, 0]]))",
    .direct = [](const Tensor& self) { return cpu::positions(cpu::Mask(self), self.sizes()); },
    .kind = Kind::Index,
    .out = true,
}};

Op<Tensor(const Tensor&)> argwhere{{
    .schema = "argwhere(Tensor self) -> Tensor",
    .doc = R"(nonzero, by NumPy's name.

>>> plait.argwhere(plait.tensor([0, 3]))
tensor([[1]]))",
    .composite = [](const Tensor& self) { return plait::nonzero(self); },
    .kind = Kind::Index,
    .no_grad = true,
}};

Op<Tensor(const Tensor&, const Tensor&)> masked_select{{
    .schema = "masked_select(Tensor self, Tensor mask) -> Tensor",
    .doc = R"(The elements of self where mask is true, in one dimension. Shapes broadcast together.

>>> plait.tensor([1, 2, 3]).masked_select(plait.tensor([True, False, True]))
tensor([1, 3]))",
    .direct =
        [](const Tensor& self, const Tensor& mask) {
          check<TypeError>(mask.dtype() == DType::Bool || mask.dtype() == DType::UInt8,
                           "masked_select: expected a mask of dtype bool, got {}; convert it with .bool()",
                           mask.dtype());
          const Dims sizes = broadcast(self.sizes(), mask.sizes(), "masked_select");
          const cpu::Mask ready(expanded_to(mask, sizes));
          const Tensor out = empty_tensor(Dims{ready.count()}, self.dtype());
          cpu::select_masked(out, expanded_to(self, sizes), ready);
          return out;
        },
    .vjp =
        [](Vjp& v) {
          const Tensor mask = v.in(1);
          const Dims sizes = broadcast(v.sizes(0), mask.sizes(), "masked_select");
          v.set(0, plait::masked_scatter(
                       plait::zeros(sizes, v.grad().dtype(), v.grad().device()),
                       mask.dtype() == DType::Bool ? mask : plait::_convert(mask, DType::Bool), v.grad()));
        },
    .save = "mask",
    .kind = Kind::Index,
    .out = true,
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> masked_scatter{{
    .schema = "masked_scatter(Tensor self, Tensor mask, Tensor source) -> Tensor",
    .doc =
        R"(self with the elements where mask is true replaced by those of source, one after the other. Mask and self broadcast together.

Raises ValueError where source has too few elements, TypeError where the dtypes of self and source differ.

>>> plait.zeros(3).masked_scatter(plait.tensor([True, False, True]), plait.tensor([1., 2.]))
tensor([1., 0., 2.]))",
    .meta =
        [](const Tensor& self, const Tensor& mask, const Tensor& source) {
          check_mask_dtype("masked_scatter", mask);
          check<TypeError>(self.dtype() == source.dtype(),
                           "masked_scatter: expected source of the dtype of self, {}, got {}", self.dtype(),
                           source.dtype());
          return TensorSpec(broadcast(self.sizes(), mask.sizes(), "masked_scatter"), self.dtype(),
                            self.device());
        },
    .vjp =
        [](Vjp& v) {
          const Tensor &grad = v.grad(), mask = plait::expand(v.in(1), grad.sizes());
          if (v.needs(0)) v.set(0, plait::masked_fill(grad, mask, wrapped_scalar(0)));
          if (v.needs(2)) {
            int64_t room = 1;
            for (const int64_t size : v.sizes(2)) room *= size;
            const Tensor zeros = plait::zeros(Dims{room}, grad.dtype(), grad.device());
            if (mask.is_batched() && room > 0) {
              // How many are used differs: each place's gradient goes to the element with its number.
              const Tensor number =
                  plait::cumsum(plait::reshape(mask, Dims{-1}), 0, DType::Int64) - Scalar(1);
              const Tensor used = plait::reshape(
                  plait::masked_fill(grad, plait::logical_not(mask), wrapped_scalar(0)), Dims{-1});
              const Tensor sums =
                  plait::scatter_add(zeros, 0, plait::clamp(number, Scalar(0), Scalar(room - 1)), used);
              v.set(2, plait::reshape(sums, v.sizes(2)));
              return;
            }
            const Tensor used = plait::masked_select(grad, mask);
            const std::vector<Tensor> parts{
                used, plait::zeros(Dims{room - used.numel()}, grad.dtype(), grad.device())};
            v.set(2, plait::reshape(plait::cat(parts), v.sizes(2)));
          }
        },
    .save = "mask",
    .kind = Kind::Index,
    .inplace = Inplace::Direct,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& mask, const Tensor& source) {
          start_from(out, self);
          on_contiguous(out, [&](const Tensor& to) {
            const cpu::Mask ready(expanded_to(without_overlap(mask, out), out.sizes()));
            check(ready.count() <= source.numel(),
                  "masked_scatter: the mask selects {} elements, source has only {}", ready.count(),
                  source.numel());
            cpu::scatter_masked(to, contiguous_copy(source), ready);
          });
        },
}};

}  // namespace plait::op
