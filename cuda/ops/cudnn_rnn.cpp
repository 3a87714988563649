// Stacks of recurrent layers by cuDNN.
#include "ops/decl/cudnn_rnn.h"

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/index_plan.h"
#include "cuda/vendor/cudnn_rnn.h"

namespace plait::cuda {
namespace {

// What both directions of the op are given.
struct Call {
  const char* op;
  std::string_view mode;
  int64_t hidden, projected, layers;
  bool bidirectional;
};

struct Stack {
  const char* op;
  RnnProblem problem{};
  std::vector<int32_t> lengths{};
  int64_t rows = 0;  // of all steps

  int64_t states() const { return problem.layers * problem.directions(); }
  Dims hidden_sizes() const { return {states(), problem.batch, problem.output()}; }
  Dims cell_sizes() const { return {states(), problem.batch, problem.hidden}; }
  Dims output_sizes() const {
    const int64_t width = problem.directions() * problem.output();
    return problem.packed ? Dims{rows, width} : Dims{problem.steps, problem.batch, width};
  }
};

RnnProblem::Mode mode_of(const char* op, std::string_view name) {
  if (name == "RNN_RELU") return RnnProblem::Relu;
  if (name == "RNN_TANH") return RnnProblem::Tanh;
  if (name == "LSTM") return RnnProblem::Lstm;
  if (name == "GRU") return RnnProblem::Gru;
  fail<ValueError>("{}: expected mode to be 'LSTM', 'GRU', 'RNN_TANH' or 'RNN_RELU', got '{}'", op, name);
}

int32_t size_of(const char* op, const char* name, int64_t value) {
  check(value > 0 && value <= INT32_MAX, "{}: expected {} between 1 and 2^31 - 1, got {}", op, name, value);
  return static_cast<int32_t>(value);
}

// The problem of a stack whose input is not known yet: one row.
Stack stack_of(const Call& call, const Tensor& input, int64_t input_size, TensorList weights) {
  Stack s{call.op};
  RnnProblem& p = s.problem;
  p.mode = mode_of(call.op, call.mode);
  p.dtype = static_cast<int32_t>(input.dtype());
  p.device = input.device().index;
  p.bidirectional = call.bidirectional;
  p.input = size_of(call.op, "input_size", input_size);
  p.hidden = size_of(call.op, "hidden_size", call.hidden);
  p.layers = size_of(call.op, "num_layers", call.layers);
  check(
      call.projected >= 0 && call.projected < call.hidden && (!call.projected || p.mode == RnnProblem::Lstm),
      "{}: expected proj_size of an LSTM below hidden_size={}, or 0, got {}", call.op, call.hidden,
      call.projected);
  p.projected = static_cast<int32_t>(call.projected);
  const int64_t each = static_cast<int64_t>(weights.size()) / s.states(), plain = 2 + (p.projected != 0);
  check(each * s.states() == static_cast<int64_t>(weights.size()) && (each == plain || each == plain + 2),
        "{}: expected {} weights, or {} with biases, for {} layers and {} directions, got {}", call.op,
        plain * s.states(), (plain + 2) * s.states(), p.layers, p.directions(), weights.size());
  p.biases = each != plain;
  p.steps = p.batch = 1;
  s.lengths = {1};
  s.rows = 1;
  return s;
}

Stack stack_of(const Call& call, const Tensor& input, TensorList weights, IntSpan batch_sizes) {
  const bool packed = !batch_sizes.empty();
  check(input.dim() == (packed ? 2 : 3),
        "{}: expected input of shape (steps, batch, input size), or with batch_sizes (rows, input size), got "
        "shape {}",
        call.op, input.sizes());
  Stack s = stack_of(call, input, input.sizes()[input.dim() - 1], weights);
  RnnProblem& p = s.problem;
  if (!packed) {
    p.steps = size_of(call.op, "the number of steps", input.sizes()[0]);
    p.batch = size_of(call.op, "the batch size", input.sizes()[1]);
    s.lengths.assign(static_cast<size_t>(p.batch), p.steps);
    s.rows = input.sizes()[0] * input.sizes()[1];
    return s;
  }
  p.packed = 1;
  p.steps = size_of(call.op, "the number of steps", static_cast<int64_t>(batch_sizes.size()));
  p.batch = size_of(call.op, "the batch size", batch_sizes[0]);
  s.lengths.assign(static_cast<size_t>(p.batch), 0);
  // Row b has as many steps as there are that reach it: they are counted where a step has fewer rows.
  int64_t live = p.batch;
  s.rows = 0;
  for (size_t t = 0; t < batch_sizes.size(); ++t) {
    const int64_t rows = batch_sizes[t];
    check(rows > 0 && rows <= live, "{}: expected batch_sizes that are positive and never grow, got {}",
          call.op, Dims(batch_sizes));
    for (; live > rows; --live) s.lengths[static_cast<size_t>(live - 1)] = static_cast<int32_t>(t);
    s.rows += rows;
  }
  for (; live > 0; --live) s.lengths[static_cast<size_t>(live - 1)] = p.steps;
  check(s.rows == input.sizes()[0], "{}: batch_sizes add up to {} rows, and input has {}", call.op, s.rows,
        input.sizes()[0]);
  return s;
}

void check_tensor(const Stack& s, const char* name, const Tensor& t, const Dims& sizes) {
  if (!t.defined()) return;
  check(t.sizes() == sizes, "{}: expected {} of shape {}, got shape {}", s.op, name, sizes, t.sizes());
  check<TypeError>(
      t.dtype() == static_cast<DType>(s.problem.dtype),
      "{}: expected tensors of one dtype, got input of dtype {} and {} of dtype {}; convert with "
      ".to(dtype)",
      s.op, static_cast<DType>(s.problem.dtype), name, t.dtype());
}

// ---- the weight space

Dims sizes_of(const RnnParameter& p, int64_t gates) {
  return p.bias ? Dims{gates * p.rows} : Dims{gates * p.rows, p.columns};
}
Dims sizes_of(const RnnParameter& p) { return sizes_of(p, static_cast<int64_t>(p.offsets.size())); }

void check_weights(const Stack& s, const RnnPlan& plan, TensorList weights) {
  for (size_t i = 0; i < weights.size(); ++i)
    check_tensor(s, "a weight", weights[i], sizes_of(plan.parameters[i]));
}

// Where the weights begin, if they lie in one buffer as cuDNN wants them; else null.
const void* flat_weights(const RnnPlan& plan, TensorList weights) {
  const Storage& storage = weights[0].storage();
  const char* const begin = static_cast<const char*>(storage->data());
  const char* const base = static_cast<const char*>(weights[0].data_ptr()) - plan.parameters[0].offsets[0];
  for (size_t i = 0; i < weights.size(); ++i)
    if (!plan.parameters[i].whole || weights[i].storage() != storage || !weights[i].is_contiguous() ||
        static_cast<const char*>(weights[i].data_ptr()) != base + plan.parameters[i].offsets[0])
      return nullptr;
  return base >= begin && base + plan.weight_bytes <= begin + storage->bytes() ? base : nullptr;
}

Tensor new_space(const Stack& s, const RnnPlan& plan) {
  const auto dtype = static_cast<DType>(s.problem.dtype);
  return empty_tensor(Dims{static_cast<int64_t>(plan.weight_bytes) / itemsize(dtype)}, dtype,
                      Device{DeviceType::CUDA, static_cast<int8_t>(s.problem.device)});
}

// `gates` blocks of a parameter that lie one behind the other in the weight space.
Tensor part_of(const Tensor& space, const RnnParameter& p, size_t gate, int64_t gates) {
  return from_storage(space.storage(), space.dtype(), sizes_of(p, gates),
                      p.bias ? Dims{1} : Dims{p.columns, 1}, p.offsets[gate] / itemsize(space.dtype()));
}

// Calls part(of the space, of the parameter) for pairs of views with the same elements.
template <class F>
void for_parts(const Tensor& space, const RnnParameter& p, const Tensor& parameter, const F& part) {
  const auto gates = static_cast<int64_t>(p.offsets.size());
  if (p.whole) return part(part_of(space, p, 0, gates), parameter);
  for (int64_t k = 0; k < gates; ++k)
    part(part_of(space, p, static_cast<size_t>(k), 1),
         from_storage(parameter.storage(), parameter.dtype(), sizes_of(p, 1), parameter.strides(),
                      parameter.storage_offset() + k * p.rows * parameter.strides()[0]));
}

// A new weight space with the weights.
Tensor space_with(const Stack& s, const RnnPlan& plan, TensorList weights) {
  const Tensor space = new_space(s, plan);
  int64_t used = 0;
  for (const Tensor& w : weights) used += w.numel();
  if (used < space.numel()) zero_fill(space);  // what lies between them: biases, where there are none
  for (size_t i = 0; i < weights.size(); ++i)
    for_parts(space, plan.parameters[i], weights[i],
              [](const Tensor& to, const Tensor& from) { copy_on_device(to, from); });
  return space;
}

class Weights {
 public:
  Weights(const Stack& s, const RnnPlan& plan, TensorList weights) {
    check_weights(s, plan, weights);
    data_ = flat_weights(plan, weights);
    if (data_) return;
    copy_ = space_with(s, plan, weights);
    data_ = copy_.data_ptr();
  }
  const void* data() const { return data_; }

 private:
  Tensor copy_;
  const void* data_;
};

// ---- the ops

Tensor plain(const Tensor& t) { return t.defined() ? contiguous(t) : t; }
void* data_of(const Tensor& t) { return t.defined() ? t.data_ptr() : nullptr; }
Tensor empty_like(const Tensor& t, const Dims& sizes) { return empty_tensor(sizes, t.dtype(), t.device()); }

void require(const char* op) {
  check<RuntimeError>(cudnn_rnn_is_available(),
                      "{}: cuDNN is not there, or plait.backends.cudnn.enabled is False; nn.LSTM, nn.GRU and "
                      "nn.RNN run without it",
                      op);
}

CudaDirect forward(op::_cudnn_rnn, [](const Tensor& input, TensorList weights, const Tensor& given_hx,
                                      const Tensor& given_cx, std::string_view mode, int64_t hidden,
                                      int64_t projected, int64_t layers, bool bidirectional, double dropout,
                                      bool train, IntSpan batch_sizes) {
  require("_cudnn_rnn");
  Stack s =
      stack_of({"_cudnn_rnn", mode, hidden, projected, layers, bidirectional}, input, weights, batch_sizes);
  RnnProblem& p = s.problem;
  check(dropout >= 0 && dropout < 1, "_cudnn_rnn: expected dropout of at least 0 and below 1, got {}",
        dropout);
  const bool lstm = p.mode == RnnProblem::Lstm;
  check(lstm || !given_cx.defined(), "_cudnn_rnn: cx is the cell state of an LSTM; leave it out for {}",
        mode);
  check_tensor(s, "hx", given_hx, s.hidden_sizes());
  check_tensor(s, "cx", given_cx, s.cell_sizes());
  p.training = train;
  p.dropout = train && layers > 1 ? static_cast<float>(dropout) : 0;
  const Tensor x = plain(input), hx = plain(given_hx), cx = plain(given_cx);
  const Tensor output = empty_like(x, s.output_sizes()), hy = empty_like(x, s.hidden_sizes()),
               cy = empty_like(x, lstm ? s.cell_sizes() : Dims{0});
  const GeneratorImpl::Draw draw = p.dropout > 0 ? next_draw({}) : GeneratorImpl::Draw{};
  for (;;) {
    const RnnPlanPtr plan = cudnn_rnn_plan(p, s.lengths);
    const Weights space(s, *plan, weights);
    const Tensor reserve =
        empty_tensor(Dims{static_cast<int64_t>(plan->reserve_bytes)}, DType::UInt8, x.device());
    note_op(reserve, "_cudnn_rnn");
    const RnnPointers at{x.data_ptr(),  data_of(hx), data_of(cx),  output.data_ptr(),
                         hy.data_ptr(), data_of(cy), space.data(), data_of(reserve)};
    if (cudnn_rnn_forward(plan, at, draw)) return std::tuple(output, hy, cy, reserve);
  }
});

CudaDirect backward(op::_cudnn_rnn_backward, [](const Tensor& grad_output, const Tensor& grad_hy,
                                                const Tensor& grad_cy, const Tensor& input,
                                                TensorList weights, const Tensor& given_hx,
                                                const Tensor& given_cx, const Tensor& given_output,
                                                const Tensor& reserve, std::string_view mode, int64_t hidden,
                                                int64_t projected, int64_t layers, bool bidirectional,
                                                double dropout, IntSpan batch_sizes, bool needs_hx,
                                                bool needs_cx, bool needs_weights) {
  const char* const name = "_cudnn_rnn_backward";
  require(name);
  Stack s = stack_of({name, mode, hidden, projected, layers, bidirectional}, input, weights, batch_sizes);
  RnnProblem& p = s.problem;
  const bool lstm = p.mode == RnnProblem::Lstm;
  p.training = 1;
  p.dropout = layers > 1 ? static_cast<float>(dropout) : 0;
  check_tensor(s, "output", given_output, s.output_sizes());
  check_tensor(s, "grad_output", grad_output, s.output_sizes());
  check_tensor(s, "hx", given_hx, s.hidden_sizes());
  check_tensor(s, "grad_hy", grad_hy, s.hidden_sizes());
  check_tensor(s, "cx", given_cx, s.cell_sizes());
  if (lstm) check_tensor(s, "grad_cy", grad_cy, s.cell_sizes());
  const RnnPlanPtr plan = cudnn_rnn_plan(p, s.lengths);
  check(reserve.numel() == static_cast<int64_t>(plan->reserve_bytes),
        "{}: expected the reserve of _cudnn_rnn with train=True and the same arguments, {} bytes, got {}; "
        "settings of plait.backends.cudnn may have changed since",
        name, plan->reserve_bytes, reserve.numel());
  const Weights space(s, *plan, weights);
  const Tensor x = plain(input), hx = plain(given_hx), cx = plain(given_cx), output = plain(given_output),
               dhy = plain(grad_hy), dcy = lstm ? plain(grad_cy) : Tensor();
  Tensor dy = plain(grad_output);
  if (!dy.defined()) {
    dy = empty_like(x, s.output_sizes());
    zero_fill(dy);
  }
  const Tensor none = empty_like(x, Dims{0});
  const Tensor dx = empty_like(x, x.sizes()), dhx = needs_hx ? empty_like(x, s.hidden_sizes()) : none,
               dcx = needs_cx ? empty_like(x, s.cell_sizes()) : none;
  Tensor dweights;
  if (needs_weights) {
    dweights = new_space(s, *plan);
    zero_fill(dweights);
    note_op(dweights, name);
  }
  const RnnPointers at{x.data_ptr(), data_of(hx), data_of(cx),  output.data_ptr(),
                       nullptr,      nullptr,     space.data(), reserve.data_ptr()};
  cudnn_rnn_backward(
      plan, at,
      {dy.data_ptr(), data_of(dhy), data_of(dcy), dx.data_ptr(), needs_hx ? dhx.data_ptr() : nullptr,
       needs_cx ? dcx.data_ptr() : nullptr, data_of(dweights)});
  std::vector<Tensor> grads{dx, dhx, dcx};
  for (size_t i = 0; i < weights.size(); ++i) {
    const RnnParameter& parameter = plan->parameters[i];
    const auto gates = static_cast<int64_t>(parameter.offsets.size());
    if (!needs_weights || parameter.whole) {
      grads.push_back(needs_weights ? part_of(dweights, parameter, 0, gates) : none);
      continue;
    }
    grads.push_back(empty_like(x, sizes_of(parameter)));
    for_parts(dweights, parameter, grads.back(),
              [](const Tensor& from, const Tensor& to) { copy_on_device(to, from); });
  }
  return grads;
});

CudaDirect flatten(op::_cudnn_rnn_flatten_weights, [](TensorList weights, std::string_view mode,
                                                      int64_t input_size, int64_t hidden, int64_t projected,
                                                      int64_t layers, bool bidirectional) {
  const char* const name = "_cudnn_rnn_flatten_weights";
  require(name);
  check(!weights.empty(), "{}: expected weights, got an empty list", name);
  const Stack s =
      stack_of({name, mode, hidden, projected, layers, bidirectional}, weights[0], input_size, weights);
  const RnnPlanPtr plan = cudnn_rnn_plan(s.problem, s.lengths);
  check_weights(s, *plan, weights);
  std::vector<Tensor> parts;
  for (const RnnParameter& p : plan->parameters)
    if (!p.whole) return parts;
  const Tensor space = space_with(s, *plan, weights);
  for (const RnnParameter& p : plan->parameters)
    parts.push_back(part_of(space, p, 0, static_cast<int64_t>(p.offsets.size())));
  return parts;
});

}  // namespace
}  // namespace plait::cuda
