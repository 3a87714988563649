// Stacks of recurrent layers as cuDNN runs them. There are no kernels but those of CUDA
// (cuda/ops/cudnn_rnn.cpp): elsewhere a stack is run layer by layer, by the ops of rnn_layer.cpp.
#include "ops/decl/cudnn_rnn.h"

#include <array>

#include "autograd/engine.h"
#include "ops/decl/create.h"
#include "ops/decl/join.h"
#include "ops/decl/matmul.h"
#include "ops/decl/rnn_layer.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

[[noreturn]] void fail_device(const char* op, const Tensor& input) {
  fail<NotImplementedError>(
      "{}: expected tensors on a CUDA device with cuDNN, got {}; nn.LSTM, nn.GRU and nn.RNN run on any "
      "device",
      op, input.device());
}

constexpr int kWeights = 1, kReserve = 3;

// What a call was given.
struct Call {
  Tensor input, hx, cx;
  std::vector<Tensor> weights;
  std::string_view mode;
  int64_t layers;
  bool bidirectional;
  IntSpan batch_sizes;
};

// What the last step of each sequence left.
Tensor last_of(const Tensor& rows, bool reverse, IntSpan batch_sizes) {
  if (batch_sizes.empty()) return plait::select(rows, 0, reverse ? 0 : rows.sizes()[0] - 1);
  if (reverse) return plait::narrow(rows, 0, 0, batch_sizes[0]);
  std::vector<Tensor> pieces;  // of the longest sequences first, which come first in the batch
  int64_t start = rows.sizes()[0], longer = 0;
  for (size_t t = batch_sizes.size(); t-- > 0; longer = batch_sizes[t]) {
    start -= batch_sizes[t];
    if (batch_sizes[t] > longer)
      pieces.push_back(plait::narrow(rows, 0, start + longer, batch_sizes[t] - longer));
  }
  return plait::cat(pieces);
}

// The stack layer by layer, in ops that have second derivatives: outputs, and the final states.
std::array<Tensor, 3> run_in_ops(const Call& call) {
  const bool lstm = call.mode == "LSTM", gru = call.mode == "GRU";
  const int64_t directions = call.bidirectional ? 2 : 1;
  const size_t each = call.weights.size() / static_cast<size_t>(call.layers * directions);
  const int64_t batch = call.batch_sizes.empty() ? call.input.sizes()[1] : call.batch_sizes[0];
  Tensor x = call.input;
  std::vector<Tensor> final_h, final_c;
  for (int64_t layer = 0; layer < call.layers; ++layer) {
    std::vector<Tensor> outputs;
    for (int64_t row = layer * directions; row < (layer + 1) * directions; ++row) {
      const Tensor* w = &call.weights[static_cast<size_t>(row) * each];
      const Tensor bias_x = each > 2 ? w[2] : Tensor(), bias_h = each > 2 ? w[3] : Tensor();
      const bool reverse = row % directions == 1;
      const auto state = [&](const Tensor& all) {
        return all.defined() ? plait::select(all, 0, row) : plait::new_zeros(x, Dims{batch, w[1].sizes()[1]});
      };
      const Tensor sums = plait::linear(x, w[0], bias_x.defined() && !gru ? bias_x + bias_h : bias_x);
      Tensor out, cells;
      if (lstm)
        std::tie(out, cells, std::ignore) =
            plait::_lstm_layer(sums, state(call.hx), state(call.cx), w[1], reverse, call.batch_sizes);
      else if (gru)
        out = std::get<0>(plait::_gru_layer(sums, state(call.hx), w[1], bias_h, reverse, call.batch_sizes));
      else
        out =
            plait::_rnn_layer(sums, state(call.hx), w[1], call.mode == "RNN_RELU", reverse, call.batch_sizes);
      outputs.push_back(out);
      final_h.push_back(last_of(out, reverse, call.batch_sizes));
      if (lstm) final_c.push_back(last_of(cells, reverse, call.batch_sizes));
    }
    x = outputs.size() == 1 ? outputs[0] : plait::cat(outputs, -1);
  }
  return {x, plait::stack(final_h), lstm ? plait::stack(final_c) : Tensor()};
}

// The derivative by the tape of the same stack in ops. Masks of dropout cannot be drawn again.
void differentiate_in_ops(Vjp& v, const Call& call, bool projected, double dropout) {
  if (projected || dropout > 0)
    fail<NotImplementedError>(
        "backward: cuDNN has no second derivative of recurrent layers with {} (create_graph=True); run the "
        "forward pass with plait.backends.cudnn.flags(enabled=False)",
        projected ? "proj_size" : "dropout");
  const auto results = run_in_ops(call);
  std::vector<Tensor> roots, grads, inputs;
  for (int i = 0; i < 3; ++i)
    if (v.grad(i).defined() && results[static_cast<size_t>(i)].defined()) {
      roots.push_back(results[static_cast<size_t>(i)]);
      grads.push_back(v.grad(i));
    }
  std::vector<std::pair<int, int>> places;  // parameter, and which of the weights
  const auto want = [&](int param, int item, const Tensor& tensor) {
    if (!v.needs(param, item)) return;
    inputs.push_back(tensor);
    places.emplace_back(param, item);
  };
  want(0, 0, call.input);
  for (int i = 0; i < v.list_size(kWeights); ++i) want(kWeights, i, call.weights[static_cast<size_t>(i)]);
  if (call.hx.defined()) want(2, 0, call.hx);
  if (call.cx.defined()) want(3, 0, call.cx);
  const std::vector<Tensor> found = run_backward(roots, grads, {true, true, false}, inputs);
  for (size_t i = 0; i < found.size(); ++i)
    if (found[i].defined()) v.set(places[i].first, places[i].second, found[i]);
}

void differentiate(Vjp& v) {
  const Tensor input = v.in(0), hx = v.in(2), cx = v.in(3), output = v.out(0);
  const std::vector<Tensor> weights = v.in_list(kWeights);
  const auto mode = v.attr<std::string_view>(4);
  const auto hidden = v.attr<int64_t>(5), projected = v.attr<int64_t>(6), layers = v.attr<int64_t>(7);
  const bool bidirectional = v.attr<bool>(8);
  const double dropout = v.attr<double>(9);
  const IntSpan batch_sizes = v.attr<IntSpan>(11);
  if (grad_enabled())
    return differentiate_in_ops(v, {input, hx, cx, weights, mode, layers, bidirectional, batch_sizes},
                                projected != 0, dropout);
  if (!v.attr<bool>(10))
    fail<RuntimeError>("backward: _cudnn_rnn was called with train=False; call it with train=True");
  const Tensor reserve = v.take_out(kReserve);  // cuDNN overwrites it
  bool any_weight = false;
  for (int i = 0; i < v.list_size(kWeights); ++i) any_weight = any_weight || v.needs(kWeights, i);
  const std::vector<Tensor> grads = plait::_cudnn_rnn_backward(
      v.grad(0), v.grad(1), v.grad(2), input, weights, hx, cx, output, reserve, mode, hidden, projected,
      layers, bidirectional, dropout, batch_sizes, v.needs(2), v.needs(3), any_weight);
  if (v.needs(0)) v.set(0, grads[0]);
  if (v.needs(2)) v.set(2, grads[1]);
  if (v.needs(3)) v.set(3, grads[2]);
  for (int i = 0; i < v.list_size(kWeights); ++i)
    if (v.needs(kWeights, i)) v.set(kWeights, i, grads[3 + static_cast<size_t>(i)]);
}

}  // namespace

Op<std::tuple<Tensor, Tensor, Tensor, Tensor>(const Tensor&, TensorList, const Tensor&, const Tensor&,
                                              std::string_view, int64_t, int64_t, int64_t, bool, double, bool,
                                              IntSpan)>
    _cudnn_rnn{{
        .schema =
            "_cudnn_rnn(Tensor input, Tensor[] weights, Tensor? hx, Tensor? cx, str mode, int hidden_size, "
            "int proj_size=0, int num_layers=1, bool bidirectional=False, float dropout=0.0, bool "
            "train=False, int[] batch_sizes=[]) -> (Tensor output, Tensor hy, Tensor cy, Tensor reserve)",
        .doc =
            R"(A stack of recurrent layers by cuDNN: outputs of the last layer, final states, and with train=True what the derivative needs.

Mode: "LSTM", "GRU", "RNN_TANH" or "RNN_RELU". Shapes: input (steps, batch, input size), or with batch_sizes, the number of sequences left
at each step, (all rows, input size); hx (layers * directions, batch, proj_size or hidden_size), cx of an LSTM (layers * directions, batch,
hidden_size), both zero where they are None; weights as nn.LSTM has them, for each layer and direction weight_ih, weight_hh, bias_ih,
bias_hh, weight_hr. Weights that _cudnn_rnn_flatten_weights gave are read where they are, others are copied in each call. Dtypes: floats,
all the same. Dropout acts between layers, with cuDNN's own random numbers, and with train=True only. CUDA only. The second derivative goes layer by
layer; there is none with dropout or proj_size. Both raise NotImplementedError.)",
        .direct = [](const Tensor& input, TensorList, const Tensor&, const Tensor&, std::string_view, int64_t,
                     int64_t, int64_t, bool, double, bool, IntSpan)
            -> std::tuple<Tensor, Tensor, Tensor, Tensor> { fail_device("_cudnn_rnn", input); },
        .vjp = differentiate,
        .save = "input, weights, hx, cx, output, reserve",
        .dtypes = kFloatDTypes,
    }};

Op<std::vector<Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&, TensorList, const Tensor&,
                       const Tensor&, const Tensor&, const Tensor&, std::string_view, int64_t, int64_t,
                       int64_t, bool, double, IntSpan, bool, bool, bool)>
    _cudnn_rnn_backward{{
        .schema = "_cudnn_rnn_backward(Tensor? grad_output, Tensor? grad_hy, Tensor? grad_cy, Tensor input, "
                  "Tensor[] weights, Tensor? hx, Tensor? cx, Tensor output, Tensor reserve, str mode, int "
                  "hidden_size, int proj_size, int num_layers, bool bidirectional, float dropout, int[] "
                  "batch_sizes, bool needs_hx, bool needs_cx, bool needs_weights) -> Tensor[]",
        .doc =
            R"(The derivative of _cudnn_rnn: gradients of input, hx, cx, and each of the weights; those that are not needed are empty. It
overwrites reserve.)",
        .direct = [](const Tensor&, const Tensor&, const Tensor&, const Tensor& input, TensorList,
                     const Tensor&, const Tensor&, const Tensor&, const Tensor&, std::string_view, int64_t,
                     int64_t, int64_t, bool, double, IntSpan, bool, bool,
                     bool) -> std::vector<Tensor> { fail_device("_cudnn_rnn_backward", input); },
        .dtypes = kFloatDTypes,
    }};

Op<std::vector<Tensor>(TensorList, std::string_view, int64_t, int64_t, int64_t, int64_t, bool)>
    _cudnn_rnn_flatten_weights{{
        .schema = "_cudnn_rnn_flatten_weights(Tensor[] weights, str mode, int input_size, int hidden_size, "
                  "int proj_size, int num_layers, bool bidirectional) -> Tensor[]",
        .doc =
            R"(The weights of _cudnn_rnn once more, as views of one buffer in the order that cuDNN wants; an empty list where that has no place
for each of them in one piece.)",
        .direct = [](TensorList weights, std::string_view, int64_t, int64_t, int64_t, int64_t,
                     bool) -> std::vector<Tensor> {
          check(!weights.empty(), "_cudnn_rnn_flatten_weights: expected weights, got an empty list");
          fail_device("_cudnn_rnn_flatten_weights", weights[0]);
        },
        .dtypes = kFloatDTypes,
    }};

}  // namespace plait::op
