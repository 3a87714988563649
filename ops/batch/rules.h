// How ops run on a batch of tensors: Note [Batched tensors] in core/batch.h. Each file of this folder holds
// the rules of some families, and a table of them by the ops' names.
#pragma once

#include <span>
#include <string_view>

#include "core/batch.h"

namespace plait::batch {

struct NamedRule {
  std::string_view op;  // with its overload: "sum.dim"
  BatchRule rule;
};

std::span<const NamedRule> shape_rules();
std::span<const NamedRule> reduction_rules();
std::span<const NamedRule> product_rules();
std::span<const NamedRule> index_rules();
std::span<const NamedRule> network_rules();
std::span<const NamedRule> loss_rules();

inline Dims with_batch(const BatchCall& c, IntSpan sizes) {
  Dims out(sizes);
  out.insert(0, c.size);
  return out;
}
// Where the batch is in front, a dimension of an entry is the next one.
inline int64_t behind_batch(const BatchCall& c, int64_t dim, int64_t ndim) {
  return wrap_dim(dim, ndim, c.op.name()) + 1;
}
inline bool is_tensor(const BatchCall& c, int param) {
  return c.op.schema().params[static_cast<size_t>(param)].type == ParamType::Tensor;
}

// The dimension and the one behind it as one; and `batch` times the rest out of one again.
Tensor fold(const Tensor& t, int dim = 0);
Tensor unfold(const Tensor& t, int64_t batch, int dim = 0);

// A result that other ops have made of the arguments as they are: still of entries.
inline void give_hidden(BatchCall& c, int result, const Tensor& t) {
  c.give(result, reveal_dim(t, c.level, c.size, 0));
}

// ---- rules for ops of several families

// Each tensor gets the batch in front of its dimensions; the op works on the last ones, or on none.
void leading(BatchCall& c);
// The same, and the arguments "dim" and "dims" count one dimension more.
void shifted(BatchCall& c);
// Ops whose first dimension is a batch already: both become one.
void folded(BatchCall& c);

}  // namespace plait::batch
