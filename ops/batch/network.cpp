// Convolutions, pooling, norms and recurrent layers. Where the weights are shared, the batch goes into the
// samples; where each entry has its own, it becomes groups of channels.
#include <algorithm>

#include "ops/batch/rules.h"
#include "ops/decl/batch_norm.h"
#include "ops/decl/conv.h"
#include "ops/decl/copy.h"
#include "ops/decl/group_norm.h"
#include "ops/decl/layer_norm.h"
#include "ops/decl/reduce.h"
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

// Are there batches in which entries have elements of their own in `value`, but share those of `to`?
bool shares(const Tensor& to, const Tensor& value) {
  if (!value.is_batched()) return false;
  const BatchDims& levels = *value.impl()->batch;
  return std::any_of(levels.begin(), levels.end(), [&](const BatchDim& d) {
    const BatchDim* own = find_batch_dim(to, d.level);
    return d.stride != 0 && (!own || own->stride == 0);
  });
}
// Running statistics of each entry's own. What entries share cannot follow each of them.
void move_running(BatchCall& c) {
  const double momentum = c.args[5].real(), factor = c.args[6].real();
  for (int p = 0; p < 2; ++p)
    if (const Tensor& running = c.args[p].tensor();
        running.defined() && shares(running, c.args[3 + p].tensor()))
      fail<RuntimeError>(
          "batch_norm, instance_norm: {} is the same for all entries of vmap's batch, and cannot be moved "
          "towards each entry's statistics; give it a batch as well (stack_module_state), or use eval(), "
          "track_running_stats=False or GroupNorm",
          c.op.schema().params[static_cast<size_t>(p)].name);
  if (const Tensor& batches = c.args[2].tensor(); batches.defined()) plait::add_(batches, wrapped_scalar(1));
  for (int p = 0; p < 2; ++p) {
    const Tensor &running = c.args[p].tensor(), &value = c.args[3 + p].tensor();
    if (!running.defined()) continue;
    const Tensor due = p == 1 ? value * Scalar(factor) : value;
    plait::copy_(running,
                 plait::_convert(running, value.dtype()) * Scalar(1 - momentum) + due * Scalar(momentum));
  }
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

// (time, samples, ...) and (samples, ...): the batch goes into the samples. Packed sequences are (rows of all
// steps, ...): each row becomes one for each entry, side by side, so that the longest samples stay in front.
// The weights must be shared.
void recurrent(BatchCall& c) {
  std::vector<Value> args = c.copy_args();
  const int sizes_at = c.op.schema().index_of("batch_sizes");
  const bool packed = !args[static_cast<size_t>(sizes_at)].ints().empty();
  if (packed) {
    Dims sizes(args[static_cast<size_t>(sizes_at)].ints());
    for (int64_t& rows : sizes) rows *= c.size;
    args[static_cast<size_t>(sizes_at)] = Value(std::move(sizes));
  }
  for (size_t i = 0; i < args.size(); ++i) {
    const int p = static_cast<int>(i);
    const std::string& name = c.op.schema().params[i].name;
    if (!is_tensor(c, p) || !args[i].tensor().defined()) continue;
    const bool weight = name == "weight_hh" || name == "bias_hh";
    if (weight && c.has(p)) return c.for_each();
    args[i] = Value(weight          ? c.front(p)
                    : packed        ? fold(plait::transpose(c.full(p), 0, 1))
                    : c.dim(p) == 3 ? into_channels(c.full(p))
                                    : fold(c.full(p)));
  }
  std::array<Value, 4> made;
  c.op.call_boxed(args.data(), made.data());
  for (int i = 0; i < c.op.output_count(); ++i) {
    const Tensor& t = made[static_cast<size_t>(i)].tensor();
    if (packed) {
      c.give(i, unfold(t, t.sizes()[0] / c.size, 0), 1);
      continue;
    }
    const int at = t.dim() == 3 ? 1 : 0;
    c.give(i, unfold(t, c.size, at), at);
  }
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
    {"_move_running_", move_running},
    {"_layer_norm", layer_norm},
    {"_layer_norm_backward", layer_norm_backward},
    {"_group_norm", group_norm},
    {"_group_norm_backward", group_norm_backward},
};

}  // namespace

std::span<const NamedRule> network_rules() { return kRules; }

}  // namespace plait::batch
