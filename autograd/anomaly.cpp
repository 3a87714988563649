#include "autograd/anomaly.h"

#include "autograd/variable.h"

namespace plait {

constinit std::atomic<bool> AnomalyMode::enabled{false};
constinit std::atomic<bool> AnomalyMode::check_nan{true};
constinit thread_local const Node* EvaluatedNode::t_current = nullptr;
void (*explain_backward_error)(const Node&) = nullptr;

namespace {

// The index of the first NaN, or nothing.
std::optional<std::vector<int64_t>> first_nan(const Tensor& tensor) {
  if (!is_differentiable(tensor.dtype()) || tensor.is_meta() || tensor.numel() == 0) return {};
  static const auto& isnan = find_op<Tensor(const Tensor&)>("isnan");
  static const auto& any = find_op<Tensor(const Tensor&, std::optional<IntSpan>, bool)>("any");
  static const auto& nonzero = find_op<Tensor(const Tensor&)>("nonzero");
  static const auto& to_cpu = find_op<Tensor(const Tensor&, Device, bool)>("_to_device");
  const NoGrad guard;
  const Tensor bad = isnan(tensor);
  if (!item(to_cpu(any(bad, std::nullopt, false), kCPU, false)).to<bool>()) return {};
  const Tensor where = to_cpu(nonzero(bad), kCPU, false);
  const auto* index = where.data<int64_t>();
  return std::vector<int64_t>(index, index + tensor.dim());
}

// "argument 'other'", or for the items of lists "argument 'tensors', item 2".
std::string input_name(const Node& node, int edge) {
  if (node.payload) return message("tensor argument {}", edge);
  const std::vector<Param>& params = node.op()->schema().params;
  for (int p = 0; p < static_cast<int>(params.size()); ++p) {
    if (params[p].type != ParamType::Tensor && params[p].type != ParamType::TensorList) continue;
    const int first = node.first_edge(p), count = node.edge_count_of(p);
    if (edge < first || edge >= first + count) continue;
    return params[p].type == ParamType::Tensor
               ? message("argument '{}'", params[p].name)
               : message("argument '{}', item {}", params[p].name, edge - first);
  }
  return message("input {}", edge);
}

}  // namespace

void check_gradients(const Node& node, const std::vector<Tensor>& grads, const std::vector<Tensor>& results) {
  for (size_t i = 0; i < results.size(); ++i) {
    if (!results[i].defined() || !node.edges()[i]) continue;
    const auto index = first_nan(results[i]);
    if (!index) continue;
    bool came_so = false;
    for (const Tensor& grad : grads) came_so |= grad.defined() && first_nan(grad);
    fail<RuntimeError>(
        "backward: function '{}' returned nan values in its {}th output: the gradient of {} of '{}', of "
        "shape {} and dtype {}, is NaN first at index {}; the gradient that it was given {}.{}",
        node.display_name(), static_cast<int64_t>(i), input_name(node, static_cast<int>(i)), node.name(),
        results[i].sizes(), results[i].dtype(), std::span<const int64_t>(*index),
        came_so ? "contains NaN, too" : "contains none", forward_calls(node));
  }
}

std::string forward_calls(const Node& node) {
  std::string text;
  const NodeTrace* trace = node.hooks ? node.hooks->trace.get() : nullptr;
  if (!trace)
    return describe_call_site && node.site.code
               ? message(
                     "\nIt was recorded at {}; switch anomaly mode on before forward to see all calls that "
                     "led there.",
                     describe_call_site(node.site))
               : text;
  std::string name = node.display_name();
  for (const char* how = "\nTraceback of the forward call that recorded '{}' (most recent call last):\n";
       trace; trace = trace->maker_trace.get()) {
    text += message(how, name);
    text += describe_call_stack && !trace->calls.empty() ? describe_call_stack(trace->calls)
                                                         : std::string("  (no Python code)\n");
    name = trace->maker;
    how = "That was in the backward of '{}', whose own forward call was (most recent call last):\n";
  }
  return text;
}

void Node::keep_trace() {
  auto trace = std::make_shared<NodeTrace>();
  if (current_call_stack) trace->calls = current_call_stack();
  if (const Node* maker = EvaluatedNode::current(); maker && maker->hooks && maker->hooks->trace) {
    trace->maker = maker->display_name();
    trace->maker_trace = maker->hooks->trace;
  }
  ensure_hooks().trace = std::move(trace);
}

}  // namespace plait
