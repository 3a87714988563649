// Losses of rows: all entries' rows are one list, where class weights are shared.
#include <numeric>

#include "ops/batch/rules.h"
#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/cross_entropy.h"
#include "ops/decl/index.h"
#include "ops/decl/margin_losses.h"
#include "ops/decl/reduce.h"
#include "ops/decl/ternary.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/math.h"

namespace plait::batch {
namespace {

// Per row: all entries' rows are one list. Class weights must be shared.
void cross_entropy_rows(BatchCall& c) {
  if (c.args[2].tensor().defined() && c.has(2)) return c.for_each();
  std::vector<Value> args = c.copy_args();
  args[0] = Value(fold(c.full(0)));
  args[1] = Value(fold(c.full(1)));
  if (args[2].tensor().defined()) args[2] = Value(c.front(2));
  std::array<Value, 2> made;
  c.op.call_boxed(args.data(), made.data());
  c.give(0, unfold(made[0].tensor(), c.size));
  c.give(1, unfold(made[1].tensor(), c.size));
}
void cross_entropy_rows_backward(BatchCall& c) {
  if (c.args[4].tensor().defined() && c.has(4)) return c.for_each();
  std::vector<Value> args = c.copy_args();
  for (const int p : {0, 1, 2, 3}) args[static_cast<size_t>(p)] = Value(fold(c.full(p)));
  if (args[4].tensor().defined()) args[4] = Value(c.front(4));
  Value made;
  c.op.call_boxed(args.data(), &made);
  c.give(unfold(made.tensor(), c.size));
}
// The sum or mean of each entry, from the rows' losses and gradients.
void cross_entropy_with_grad(BatchCall& c) {
  const Tensor &logits = c.args[0].tensor(), &target = c.args[1].tensor(), &weight = c.args[2].tensor();
  if (weight.defined() && c.has(2)) return c.for_each();
  const int64_t ignore = c.args[3].integer();
  const bool mean = c.args[4].boolean(), wide = c.args[6].boolean();
  const double smoothing = c.args[5].real();
  const auto [rows, lse] = plait::_cross_entropy_rows(logits, target, weight, ignore, smoothing, true);
  Tensor loss = plait::sum(rows), upper = plait::ones_like(rows);
  if (mean) {
    const Tensor counts = plait::ne(target, wrapped_scalar(ignore));
    Tensor weights = plait::_convert(counts, rows.dtype());
    if (weight.defined()) {
      const Tensor classes = plait::where(counts, target, plait::zeros_like(target));
      weights = weights * plait::_convert(plait::index_select(weight, 0, classes), rows.dtype());
    }
    const Tensor total = plait::sum(weights);
    loss = loss / total;
    upper = upper / total;
  }
  const auto all = [&](const Tensor& t) { return reveal_dim(t, c.level, c.size, 0); };
  c.give(0, all(plait::_convert(loss, wide ? loss.dtype() : logits.dtype())));
  c.give(1, all(plait::_cross_entropy_rows_backward(upper, logits, lse, target, weight, ignore, smoothing)));
}

// Only says whether all is well.
void check_all(BatchCall& c) {
  const Value all(c.front(0));
  Value none;
  c.op.call_boxed(&all, &none);
}

// Of each term's class, what an entry's own weight (classes) says; for classes that are ignored anything.
Tensor weight_of(const Tensor& weight, const Tensor& target, int64_t ignore) {
  const Tensor classes =
      plait::where(plait::ne(target, wrapped_scalar(ignore)), target, plait::zeros_like(target));
  return plait::_index(weight, std::vector<Tensor>{classes});
}
void nll_terms(BatchCall& c) {
  const Tensor &self = c.args[0].tensor(), &target = c.args[1].tensor(), &weight = c.args[2].tensor();
  if (c.own(weight)) {
    const int64_t ignore = c.args[3].integer();
    return give_hidden(c, 0,
                       plait::_nll_terms(self, target, Tensor(), ignore) * weight_of(weight, target, ignore));
  }
  std::vector<Value> args = c.copy_args();
  for (const int p : {0, 1}) args[static_cast<size_t>(p)] = Value(fold(c.full(p)));
  if (weight.defined()) args[2] = Value(c.front(2));
  Value made;
  c.op.call_boxed(args.data(), &made);
  c.give(unfold(made.tensor(), c.size));
}
void nll_terms_backward(BatchCall& c) {
  const Tensor &grad = c.args[0].tensor(), &target = c.args[1].tensor(), &weight = c.args[2].tensor();
  if (!c.own(weight)) return nll_terms(c);
  const int64_t ignore = c.args[4].integer();
  give_hidden(c, 0,
              plait::_nll_terms_backward(grad * weight_of(weight, target, ignore), target, Tensor(),
                                         c.args[3].integer(), ignore));
}

// Margin losses of rows.
void multi_margin(BatchCall& c) {
  const Tensor &self = c.args[0].tensor(), &target = c.args[1].tensor(), &weight = c.args[2].tensor();
  if (c.own(weight)) {
    const Tensor plain = plait::_multi_margin(self, target, Tensor(), c.args[3].integer(), c.args[4].real());
    return give_hidden(c, 0, plain * plait::index_select(weight, 0, target));
  }
  std::vector<Value> args = c.copy_args();
  for (const int p : {0, 1}) args[static_cast<size_t>(p)] = Value(fold(c.full(p)));
  if (weight.defined()) args[2] = Value(c.front(2));
  Value made;
  c.op.call_boxed(args.data(), &made);
  c.give(unfold(made.tensor(), c.size));
}

// (T, N, classes), and labels (N, S) or those of all samples one after the other. `first`: log_probs.
void ctc(BatchCall& c, int first, int batch_dim) {
  std::vector<Value> args = c.copy_args();
  const auto at = static_cast<size_t>(first);
  if (first == 1) args[0] = Value(fold(c.full(0)));
  args[at] = Value(fold(plait::transpose(c.full(first), 0, 1), 1));
  Tensor labels = c.args[first + 1].tensor();
  const Dims& lengths = c.args[first + 3].ints();
  if (labels.dim() == 1) {  // there may be more of them than are read
    const int64_t read = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
    if (read > labels.numel()) return c.for_each();
    labels = plait::narrow(labels, 0, 0, read);
  }
  args[at + 1] = Value(fold(c.full(labels)));
  for (const size_t i : {at + 2, at + 3}) {
    Dims all;
    for (int64_t e = 0; e < c.size; ++e)
      for (const int64_t length : c.args[i].ints()) all.push_back(length);
    args[i] = Value(std::move(all));
  }
  Value made;
  c.op.call_boxed(args.data(), &made);
  c.give(0, unfold(made.tensor(), c.size, batch_dim), batch_dim);
}
void ctc_loss(BatchCall& c) { ctc(c, 0, 0); }
void ctc_loss_backward(BatchCall& c) { ctc(c, 1, 1); }

void squared_distance(BatchCall& c) {
  const Tensor &a = c.args[0].tensor(), &b = c.args[1].tensor();
  const Tensor apart = a - b;
  const Tensor square = apart * apart;
  give_hidden(c, 0, c.args[2].boolean() ? plait::mean(square) : plait::sum(square));
}

constexpr NamedRule kRules[] = {
    {"_cross_entropy_rows", cross_entropy_rows},
    {"_nll_terms", nll_terms},
    {"_nll_terms_backward", nll_terms_backward},
    {"_cross_entropy_rows_backward", cross_entropy_rows_backward},
    {"_cross_entropy_with_grad", cross_entropy_with_grad},
    {"_check_probabilities", check_all},
    {"_squared_distance", squared_distance},
    {"_multi_margin", multi_margin},
    {"_multilabel_margin", folded},
    {"_ctc_loss", ctc_loss},
    {"_ctc_loss_backward", ctc_loss_backward},
};

}  // namespace

std::span<const NamedRule> loss_rules() { return kRules; }

}  // namespace plait::batch
