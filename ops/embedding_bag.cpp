// Sums of bags of rows of a table, without the rows in between.
#include <algorithm>

#include "core/parallel.h"
#include "ops/cpu/index.h"
#include "ops/cpu/sum_rows.h"
#include "ops/decl/copy.h"
#include "ops/decl/embedding.h"
#include "ops/decl/embedding_bag.h"
#include "ops/decl/index.h"
#include "ops/decl/reduce.h"
#include "ops/decl/segments.h"
#include "ops/decl/view.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

// Bag b is indices[begin(b)] ... below indices[begin(b + 1)], whatever stands in the offsets.
struct Bags {
  int64_t count, total, size;
  const int64_t* starts;

  Bags(const Tensor& indices, const Tensor& starts_)
      : count(starts_.defined() ? starts_.size(0) - 1 : indices.size(0)),
        total(indices.numel()),
        size(starts_.defined() ? 0 : indices.size(1)),
        starts(starts_.defined() ? starts_.data<int64_t>() : nullptr) {}
  int64_t begin(int64_t b) const { return starts ? std::clamp<int64_t>(starts[b], 0, total) : b * size; }
};

void sum_bags(const Tensor& out, const Tensor& weight, const Tensor& indices, const Tensor& starts,
              const Tensor& per_sample_weights) {
  if (out.numel() == 0) return;
  const Tensor table = plait::contiguous(weight),
               at = cpu::checked_index("embedding_bag", indices, weight.size(0), 0, false),
               offsets = starts.defined() ? plait::contiguous(starts) : starts,
               factors = per_sample_weights.defined() ? plait::contiguous(per_sample_weights) : Tensor();
  const Bags bags(at, offsets);
  const int64_t width = weight.size(1), work = (bags.total / std::max<int64_t>(1, bags.count) + 1) * width;
  constexpr int64_t kWorthThread = 1 << 14;
  const auto sum = cpu::sum_rows_table().sum[static_cast<int>(out.dtype())];
  const int64_t item = itemsize(out.dtype());
  const auto* from = static_cast<const char*>(table.data_ptr());
  const auto* each = factors.defined() ? static_cast<const char*>(factors.data_ptr()) : nullptr;
  auto* to = static_cast<char*>(out.data_ptr());
  parallel_for(0, bags.count, std::max<int64_t>(1, kWorthThread / work), [&](int64_t first, int64_t last) {
    for (int64_t b = first; b < last; ++b) {
      const int64_t begin = bags.begin(b), n = std::max<int64_t>(0, bags.begin(b + 1) - begin);
      sum({to + b * width * item, from, at.data<int64_t>() + begin, each ? each + begin * item : nullptr, n,
           width});
    }
  });
}

// A row for each bag, at each of its indices.
Tensor at_indices(const Tensor& of_bags, const Tensor& indices, const Tensor& starts) {
  if (starts.defined()) return plait::_segment_spread(of_bags, starts, 0, indices.size(0));
  return plait::expand(plait::unsqueeze(of_bags, 1), Dims{indices.size(0), indices.size(1), of_bags.size(1)});
}

}  // namespace

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, bool)> _embedding_bag{{
    .schema =
        "_embedding_bag(Tensor weight, Tensor indices, Tensor? starts, Tensor? per_sample_weights, bool "
        "scale_grad_by_freq) -> Tensor",
    .doc =
        R"(Sums of rows of weight (V, D): of each row of indices (B, n), or of indices (N) from starts[b] up to starts[b + 1]; times
per_sample_weights, which have the shape of indices.

>>> plait._C.ops["_embedding_bag"](plait.tensor([[1.0], [2.0]]), plait.tensor([[0, 1]]), None, None, False)
tensor([[3.]]))",
    .meta =
        [](const Tensor& weight, const Tensor& indices, const Tensor& starts,
           const Tensor& per_sample_weights, bool) {
          check(weight.dim() == 2, "embedding_bag: expected weight of shape (rows, width), got {}",
                weight.sizes());
          check(indices.dtype() == DType::Int64 && indices.dim() == (starts.defined() ? 1 : 2),
                "embedding_bag: expected int64 indices (N) with starts, or (B, n) without, got {} {}",
                indices.dtype(), indices.sizes());
          check(!starts.defined() ||
                    (starts.dtype() == DType::Int64 && starts.dim() == 1 && starts.size(0) >= 1),
                "embedding_bag: expected int64 starts of one dimension, one more than there are bags, got "
                "shape {}",
                starts.defined() ? starts.sizes() : Dims());
          check(!per_sample_weights.defined() || (per_sample_weights.sizes() == indices.sizes() &&
                                                  per_sample_weights.dtype() == weight.dtype()),
                "embedding_bag: expected per_sample_weights of the shape of indices, {}, and the dtype of "
                "weight, {}",
                indices.sizes(), weight.dtype());
          const int64_t bags = starts.defined() ? starts.size(0) - 1 : indices.size(0);
          return TensorSpec(Dims{bags, weight.size(1)}, weight.dtype(), weight.device());
        },
    .vjp =
        [](Vjp& v) {
          const Tensor indices = v.in(1), starts = v.in(2);
          const Tensor rows = at_indices(v.grad(), indices, starts);
          if (v.needs(0)) {
            const Tensor factors = v.in(3);
            const Tensor each = factors.defined() ? rows * plait::unsqueeze(factors, -1) : rows;
            v.set(0, plait::_embedding_backward(each, indices, v.sizes(0)[0], -1, v.attr<bool>(4)));
          }
          if (v.needs(3))
            v.set(3, plait::sum(plait::embedding(v.in(0), indices, std::nullopt, false, false) * rows,
                                IntSpan(Dims{-1}), false, std::nullopt));
        },
    .save = "weight if per_sample_weights, indices, starts, per_sample_weights",
    .kind = Kind::Index,
    .dtypes = kFloatDTypes,
    .cpu = [](const Tensor& out, const Tensor& weight, const Tensor& indices, const Tensor& starts,
              const Tensor& per_sample_weights,
              bool) { sum_bags(out, weight, indices, starts, per_sample_weights); },
}};

}  // namespace plait::op
