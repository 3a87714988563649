// Convolutions, pooling, norms and losses. Where the weights are shared, the batch goes into the samples;
// where each entry has its own, it becomes groups of channels.
#include <algorithm>

#include "ops/batch/rules.h"
#include "ops/decl/activation.h"
#include "ops/decl/batch_norm.h"
#include "ops/decl/compare.h"
#include "ops/decl/conv.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/cross_entropy.h"
#include "ops/decl/group_norm.h"
#include "ops/decl/index.h"
#include "ops/decl/layer_norm.h"
#include "ops/decl/matmul.h"
#include "ops/decl/reduce.h"
#include "ops/decl/ternary.h"
#include "ops/decl/view.h"
#include "ops/math.h"

namespace plait::batch {
namespace {

// (batch, samples, channels, ...) as (samples, batch * channels, ...).
Tensor into_channels(const Tensor& t) { return fold(plait::transpose(t, 0, 1), 1); }

// As (1, C, 1, ...), for a result of `ndim` dimensions.
Tensor per_channel(const Tensor& t, int64_t ndim) {
  Dims sizes(static_cast<int>(ndim), 1);
  sizes[1] = t.numel();
  return plait::reshape(t, sizes);
}

// ---- convolutions

void conv(BatchCall& c) {
  std::vector<Value> args = c.copy_args();
  const Tensor& bias = c.args[2].tensor();
  Value made;
  args[2] = Value();
  int at = 0;
  if (!c.has(1)) {
    args[0] = Value(fold(c.full(0)));
    args[1] = Value(c.front(1));
    if (bias.defined() && !c.has(2)) args[2] = Value(c.front(2));
  } else if (!c.has(0) && c.args[6].integer() == 1) {
    args[0] = Value(c.front(0));
    args[1] = Value(fold(c.full(1)));
    at = 1;
  } else {
    args[0] = Value(into_channels(c.full(0)));
    args[1] = Value(fold(c.full(1)));
    args[6] = Value(c.args[6].integer() * c.size);
    at = 1;
  }
  if (at == 1 && bias.defined()) args[2] = Value(fold(c.full(2)));
  c.op.call_boxed(args.data(), &made);
  const Tensor out = unfold(made.tensor(), c.size, at);
  if (at == 0 && bias.defined() && c.has(2))
    return give_hidden(c, 0, hide_dim(out, 0, c.level) + per_channel(bias, out.dim() - 1));
  c.give(0, out, at);
}
void conv_input_grad(BatchCall& c) {
  std::vector<Value> args = c.copy_args();
  const int at = c.has(1) ? 1 : 0;
  args[0] = Value(at ? into_channels(c.full(0)) : fold(c.full(0)));
  args[1] = Value(at ? fold(c.full(1)) : c.front(1));
  if (at) args[6] = Value(c.args[6].integer() * c.size);
  Value made;
  c.op.call_boxed(args.data(), &made);
  c.give(0, unfold(made.tensor(), c.size, at), at);
}
void conv_weight_grad(BatchCall& c) {
  std::vector<Value> args = c.copy_args();
  args[0] = Value(into_channels(c.full(0)));
  args[1] = Value(into_channels(c.full(1)));
  args[6] = Value(c.args[6].integer() * c.size);
  Value made;
  c.op.call_boxed(args.data(), &made);
  c.give(unfold(made.tensor(), c.size));
}

// ---- norms

// All tensors are per sample and channel, or per channel; the batch goes into the channels.
void channels(BatchCall& c, const std::vector<int>& samples, const std::vector<int>& by_channel) {
  std::vector<Value> args = c.copy_args();
  for (const int p : samples) args[static_cast<size_t>(p)] = Value(into_channels(c.full(p)));
  for (const int p : by_channel)
    if (args[static_cast<size_t>(p)].tensor().defined())
      args[static_cast<size_t>(p)] = Value(fold(c.full(p)));
  std::array<Value, 4> made;
  c.op.call_boxed(args.data(), made.data());
  c.give(0, unfold(made[0].tensor(), c.size, 1), 1);
  for (int i = 1; i < c.op.output_count(); ++i)
    c.give(i, unfold(made[static_cast<size_t>(i)].tensor(), c.size));
}
void batch_norm(BatchCall& c) { channels(c, {0}, {1, 2}); }
void batch_norm_backward(BatchCall& c) { channels(c, {0, 1}, {2, 3, 4}); }
void batch_norm_given(BatchCall& c) {
  for (int p = 1; p <= 4; ++p)
    if (c.has(p)) return channels(c, {0}, {1, 2, 3, 4});
  std::vector<Value> args = c.copy_args();
  args[0] = Value(fold(c.full(0)));
  for (int p = 1; p <= 4; ++p) args[static_cast<size_t>(p)] = Value(c.front(p));
  Value made;
  c.op.call_boxed(args.data(), &made);
  c.give(unfold(made.tensor(), c.size));
}

// (batch * rows) as (batch, rows).
void give_rows(BatchCall& c, int result, const Tensor& t) {
  c.give(result, plait::reshape(t, IntSpan(Dims{c.size, t.numel() / std::max<int64_t>(c.size, 1)})));
}

void layer_norm(BatchCall& c) {
  std::vector<Value> args = c.copy_args();
  const Tensor &weight = c.args[2].tensor(), &bias = c.args[3].tensor();
  const bool own = c.has(2) || c.has(3);
  args[0] = Value(c.full(0));
  args[2] = Value(own ? Tensor() : c.front(2));
  args[3] = Value(own ? Tensor() : c.front(3));
  if (!args[2].tensor().defined()) args[2] = Value();
  if (!args[3].tensor().defined()) args[3] = Value();
  std::array<Value, 3> made;
  c.op.call_boxed(args.data(), made.data());
  Tensor out = hide_dim(made[0].tensor(), 0, c.level);
  if (own && weight.defined()) out = out * weight;
  if (own && bias.defined()) out = out + bias;
  give_hidden(c, 0, out);
  give_rows(c, 1, made[1].tensor());
  give_rows(c, 2, made[2].tensor());
}

// The input's gradient is the op's own, of all rows. Those of the weights are each entry's sums.
void layer_norm_backward(BatchCall& c) {
  const Tensor &grad = c.args[0].tensor(), &input = c.args[1].tensor(), &weight = c.args[4].tensor();
  const int64_t dims = c.args[6].integer();
  const bool center = c.args[7].boolean(), need_x = c.args[8].boolean(), need_w = c.args[9].boolean(),
             need_b = c.args[10].boolean();
  const int outer = static_cast<int>(input.dim() - dims);
  const auto none = [&] { return empty_tensor(TensorSpec(Dims{c.size, 0}, input.dtype(), input.device())); };
  c.give(0, none());
  if (need_x) {
    const bool own = c.has(4);
    std::vector<Value> args = c.copy_args();
    args[0] = Value(own ? reveal_dim(grad * weight, c.level, c.size, 0) : c.full(0));
    args[1] = Value(c.full(1));
    for (const int p : {2, 3})
      args[static_cast<size_t>(p)] =
          Value(plait::reshape(c.full(p), IntSpan(Dims{c.size * c.args[p].tensor().numel()})));
    args[4] = own || !weight.defined() ? Value() : Value(c.front(4));
    args[5] = c.args[5].tensor().defined() ? Value(c.full(5)) : Value();
    args[9] = args[10] = Value(false);
    std::array<Value, 3> made;
    c.op.call_boxed(args.data(), made.data());
    c.give(0, made[0].tensor());
  }
  Dims over, ones;
  for (int d = 0; d < input.dim(); ++d) {
    if (d < outer) over.push_back(d);
    ones.push_back(d < outer ? input.sizes()[d] : 1);
  }
  const auto summed = [&](const Tensor& t) {
    return plait::_convert(over.empty() ? t : plait::sum(t, IntSpan(over)), input.dtype());
  };
  if (need_w) {
    const Tensor &mean = c.args[2].tensor(), &rstd = c.args[3].tensor();
    const Tensor x = plait::_convert(input, mean.dtype());
    const Tensor centered = center ? x - plait::reshape(mean, ones) : x;
    give_hidden(c, 1, summed(grad * (centered * plait::reshape(rstd, ones))));
  } else {
    c.give(1, none());
  }
  if (need_b)
    give_hidden(c, 2, summed(grad));
  else
    c.give(2, none());
}

void group_norm(BatchCall& c) {
  const Tensor &weight = c.args[2].tensor(), &bias = c.args[3].tensor();
  const bool own = c.has(2) || c.has(3);
  std::vector<Value> args = c.copy_args();
  args[0] = Value(fold(c.full(0)));
  args[2] = own || !weight.defined() ? Value() : Value(c.front(2));
  args[3] = own || !bias.defined() ? Value() : Value(c.front(3));
  std::array<Value, 3> made;
  c.op.call_boxed(args.data(), made.data());
  Tensor out = hide_dim(unfold(made[0].tensor(), c.size), 0, c.level);
  if (own && weight.defined()) out = out * per_channel(weight, out.dim());
  if (own && bias.defined()) out = out + per_channel(bias, out.dim());
  give_hidden(c, 0, out);
  c.give(1, unfold(made[1].tensor(), c.size));
  c.give(2, unfold(made[2].tensor(), c.size));
}
void group_norm_backward(BatchCall& c) {
  const Tensor &grad = c.args[0].tensor(), &input = c.args[1].tensor(), &mean = c.args[2].tensor(),
               &rstd = c.args[3].tensor(), &weight = c.args[4].tensor();
  std::vector<Value> args = c.copy_args();
  const bool own = c.has(4);
  const Tensor upper = own ? grad * per_channel(weight, grad.dim()) : grad;
  args[0] = Value(fold(c.full(upper)));
  for (int p = 1; p < 4; ++p) args[static_cast<size_t>(p)] = Value(fold(c.full(p)));
  args[4] = own || !weight.defined() ? Value() : Value(c.front(4));
  std::array<Value, 3> made;
  c.op.call_boxed(args.data(), made.data());
  c.give(0, unfold(made[0].tensor(), c.size));
  // Of the weights, by the normalised input: (samples, groups, channels of a group, ...).
  const int64_t samples = input.sizes()[0], many = input.sizes()[1], groups = mean.sizes()[1];
  const int64_t pixels = input.numel() / std::max<int64_t>(1, samples * many);
  const Dims sizes{samples, groups, many / std::max<int64_t>(groups, 1), pixels};
  const Dims ones{samples, groups, 1, 1};
  const Tensor x = plait::_convert(plait::reshape(input, sizes), mean.dtype());
  const Tensor hat = (x - plait::reshape(mean, ones)) * plait::reshape(rstd, ones);
  const Tensor g = plait::reshape(grad, sizes);
  const auto summed = [&](const Tensor& t) {
    const Tensor all = plait::sum(t, IntSpan(Dims{0, 3}));
    return plait::_convert(plait::reshape(all, IntSpan(Dims{many})), input.dtype());
  };
  give_hidden(c, 1, summed(g * hat));
  give_hidden(c, 2, summed(g));
}

// ---- recurrent layers

// (time, samples, ...) and (samples, ...): the batch goes into the samples. The weights must be shared, and
// the sequences of one length.
void recurrent(BatchCall& c) {
  std::vector<Value> args = c.copy_args();
  for (size_t i = 0; i < args.size(); ++i) {
    const int p = static_cast<int>(i);
    const std::string& name = c.op.schema().params[i].name;
    if (name == "batch_sizes" && !args[i].ints().empty()) return c.for_each();
    if (!is_tensor(c, p) || !args[i].tensor().defined()) continue;
    const bool weight = name == "weight_hh" || name == "bias_hh";
    if (weight && c.has(p)) return c.for_each();
    args[i] = Value(weight          ? c.front(p)
                    : c.dim(p) == 3 ? fold(plait::transpose(c.full(p), 0, 1), 1)
                                    : fold(c.full(p)));
  }
  std::array<Value, 4> made;
  c.op.call_boxed(args.data(), made.data());
  for (int i = 0; i < c.op.output_count(); ++i) {
    const Tensor& t = made[static_cast<size_t>(i)].tensor();
    const int at = t.dim() == 3 ? 1 : 0;
    c.give(i, unfold(t, c.size, at), at);
  }
}

// ---- losses

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

void nll_terms(BatchCall& c) {
  if (c.args[2].tensor().defined() && c.has(2)) return c.for_each();
  std::vector<Value> args = c.copy_args();
  for (const int p : {0, 1}) args[static_cast<size_t>(p)] = Value(fold(c.full(p)));
  if (args[2].tensor().defined()) args[2] = Value(c.front(2));
  Value made;
  c.op.call_boxed(args.data(), &made);
  c.give(unfold(made.tensor(), c.size));
}

void squared_distance(BatchCall& c) {
  const Tensor &a = c.args[0].tensor(), &b = c.args[1].tensor();
  const Tensor apart = a - b;
  const Tensor square = apart * apart;
  give_hidden(c, 0, c.args[2].boolean() ? plait::mean(square) : plait::sum(square));
}

constexpr NamedRule kRules[] = {
    {"_conv", conv},
    {"_conv_input_grad", conv_input_grad},
    {"_conv_weight_grad", conv_weight_grad},
    {"_avg_pool", folded},
    {"_avg_pool_backward", folded},
    {"_adaptive_avg_pool", folded},
    {"_adaptive_avg_pool_backward", folded},
    {"_max_pool", folded},
    {"_max_pool_values", folded},
    {"_adaptive_max_pool", folded},
    {"_max_pool_backward", folded},
    {"_fractional_max_pool", folded},
    {"_resample", folded},
    {"_resample_backward", folded},
    {"grid_sampler", folded},
    {"_grid_sampler_backward", folded},
    {"_lstm_step", folded},
    {"_lstm_step_backward", folded},
    {"_gru_step", folded},
    {"_gru_step_backward", folded},
    {"_lstm_layer", recurrent},
    {"_lstm_layer_backward", recurrent},
    {"_gru_layer", recurrent},
    {"_gru_layer_backward", recurrent},
    {"_rnn_layer", recurrent},
    {"_rnn_layer_backward", recurrent},
    {"_batch_norm", batch_norm},
    {"_batch_norm_backward", batch_norm_backward},
    {"_batch_norm_given", batch_norm_given},
    {"_layer_norm", layer_norm},
    {"_layer_norm_backward", layer_norm_backward},
    {"_group_norm", group_norm},
    {"_group_norm_backward", group_norm_backward},
    {"_cross_entropy_rows", cross_entropy_rows},
    {"_nll_terms", nll_terms},
    {"_nll_terms_backward", nll_terms},
    {"_cross_entropy_rows_backward", cross_entropy_rows_backward},
    {"_cross_entropy_with_grad", cross_entropy_with_grad},
    {"_check_probabilities", check_all},
    {"_squared_distance", squared_distance},
};

}  // namespace

std::span<const NamedRule> network_rules() { return kRules; }

}  // namespace plait::batch
