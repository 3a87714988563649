// The two sides of a batch: a dimension is hidden from the ops that follow, and comes back. Note [Batched
// tensors] in core/batch.h.
#include "core/batch.h"

#include "ops/decl/arithmetic.h"
#include "ops/decl/batch.h"
#include "ops/decl/reduce.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {

Op<Tensor(const Tensor&, int64_t, int64_t)> _batch_hide{{
    .schema = "_batch_hide(Tensor self, int dim, int level) -> Tensor",
    .doc = "self without dimension dim, which becomes the batch of the level.",
    .view =
        [](const Tensor& self, int64_t dim, int64_t level) {
          check<IndexError>(self.dim() > 0,
                            "_batch_hide: expected a tensor of one dimension or more, got none");
          check(!find_batch_dim(self, level), "_batch_hide: self is in the batch of level {} already", level);
          const int d = wrap_dim(dim, self.dim(), "_batch_hide");
          check(self.sizes()[d] > 0, "_batch_hide: a batch needs an entry, got dimension {} of shape {}", d,
                self.sizes());
          return hide_dim(self, d, level);
        },
    .vjp =
        [](Vjp& v) {
          const Dims& sizes = v.sizes(0);
          const int dim = wrap_dim(v.attr<int64_t>(1), sizes.size(), "_batch_hide");
          const int64_t level = v.attr<int64_t>(2);
          v.set(0, plait::_batch_reveal(plait::_batch_spread(v.grad(), level, sizes[dim]), dim, level));
        },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, int64_t, int64_t)> _batch_reveal{{
    .schema = "_batch_reveal(Tensor self, int dim, int level) -> Tensor",
    .doc = "self with the batch of the level, in which it must be, as dimension dim.",
    .view =
        [](const Tensor& self, int64_t dim, int64_t level) {
          check(find_batch_dim(self, level), "_batch_reveal: self is not in the batch of level {}", level);
          return reveal_dim(self, level, 0, wrap_dim(dim, self.dim() + 1, "_batch_reveal"));
        },
    .vjp =
        [](Vjp& v) {
          v.set(0, plait::_batch_hide(v.grad(), wrap_dim(v.attr<int64_t>(1), v.sizes(0).size() + 1, "vmap"),
                                      v.attr<int64_t>(2)));
        },
    .kind = Kind::View,
}};

// The engine sums its gradient over the entries: Note [Batches and gradients].
Op<Tensor(const Tensor&, int64_t, int64_t)> _batch_spread{{
    .schema = "_batch_spread(Tensor self, int level, int size) -> Tensor",
    .doc = "self as it is for each of size entries of the level's batch; one that is in the batch stays.",
    .view =
        [](const Tensor& self, int64_t level, int64_t size) {
          check(size > 0, "_batch_spread: expected a size of 1 or more, got {}", size);
          return spread_entries(self, level, size);
        },
    .vjp = [](Vjp& v) { v.set(0, v.grad()); },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&)> _batch_own{{
    .schema = "_batch_own(Tensor self) -> Tensor",
    .doc = "A copy of self in which no two entries of a batch share an element.",
    .view = [](const Tensor& self) { return clone_plain(detached_alias(self)); },
    .vjp = [](Vjp& v) { v.set(0, v.grad()); },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, int64_t, int64_t)> _batch_sum{{
    .schema = "_batch_sum(Tensor self, int level, int size) -> Tensor",
    .doc = "The sum of all entries of the level's batch, which has size entries.",
    .composite =
        [](const Tensor& self, int64_t level, int64_t size) {
          const BatchDim* d = find_batch_dim(self, level);
          if (!d) return self * Scalar(size);
          return plait::sum(plait::_batch_reveal(self, 0, level), IntSpan(Dims{0}));
        },
    .kind = Kind::Reduction,
}};

}  // namespace plait::op
