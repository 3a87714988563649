// Stacks of recurrent layers as cuDNN runs them. There are no kernels but those of CUDA
// (cuda/ops/cudnn_rnn.cpp): elsewhere a stack is run layer by layer, by the ops of rnn_layer.cpp.
#include "ops/decl/cudnn_rnn.h"

#include "ops/declare.h"

namespace plait::op {
namespace {

[[noreturn]] void fail_device(const char* op, const Tensor& input) {
  fail<NotImplementedError>(
      "{}: expected tensors on a CUDA device with cuDNN, got {}; nn.LSTM, nn.GRU and nn.RNN run on any "
      "device",
      op, input.device());
}

constexpr int kWeights = 1, kReserve = 3;

void differentiate(Vjp& v) {
  if (grad_enabled())
    fail<NotImplementedError>(
        "backward: cuDNN has no second derivative of recurrent layers (create_graph=True); run the forward "
        "pass with plait.backends.cudnn.flags(enabled=False)");
  const Tensor input = v.in(0), hx = v.in(2), cx = v.in(3), output = v.out(0);
  const std::vector<Tensor> weights = v.in_list(kWeights);
  const auto mode = v.attr<std::string_view>(4);
  const auto hidden = v.attr<int64_t>(5), projected = v.attr<int64_t>(6), layers = v.attr<int64_t>(7);
  const bool bidirectional = v.attr<bool>(8);
  const double dropout = v.attr<double>(9);
  const IntSpan batch_sizes = v.attr<IntSpan>(11);
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
all the same. Dropout acts between layers, with cuDNN's own random numbers, and with train=True only. CUDA only, and no second derivative:
both raise NotImplementedError.)",
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
