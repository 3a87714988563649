#include "autograd/function.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>

#include "autograd/variable.h"
#include "core/registry.h"

namespace plait {
namespace {

// "net::Cube", from the compiler's name of the type.
std::string readable(const std::type_info& type) {
  int status = 0;
  char* name = abi::__cxa_demangle(type.name(), nullptr, nullptr, &status);
  std::string text = status == 0 ? name : type.name();
  std::free(name);
  return text;
}

bool holds(const std::vector<Tensor>& tensors, const Tensor& tensor) {
  return std::any_of(tensors.begin(), tensors.end(), [&](const Tensor& t) { return t.same(tensor); });
}

}  // namespace

struct FunctionPayload final : NodePayload {
  std::shared_ptr<FunctionContext> context;
  FunctionCall::Backward backward;
  std::string label;

  void apply(Vjp& vjp) override {
    std::vector<Tensor> grads = vjp.grads;
    if (context->materialize_)
      for (size_t i = 0; i < grads.size(); ++i) grads[i] = vjp.grad_or_zeros(static_cast<int>(i));
    struct InBackward {
      FunctionContext& context;
      ~InBackward() { context.node_ = nullptr; }
    } scope{*context};
    context->node_ = &vjp.node;
    std::vector<Tensor> results = backward(*context, grads);
    check<RuntimeError>(results.size() == vjp.results.size(),
                        "{}: backward: expected {} gradients, one for each argument of forward (undefined "
                        "where there is none), got {}",
                        label, vjp.results.size(), results.size());
    vjp.results = std::move(results);
  }
  void release() override { context->saved_.clear(); }
  const char* name() const override { return label.c_str(); }
};

std::vector<Tensor> FunctionContext::saved_tensors() const {
  check<RuntimeError>(node_,
                      "saved_tensors: is there in backward only; in forward, use the tensors themselves");
  std::vector<Tensor> tensors;
  tensors.reserve(saved_.size());
  for (const SavedTensor& saved : saved_) tensors.push_back(node_->unpack(saved));
  return tensors;
}

Ref<Node> record_function(std::unique_ptr<NodePayload> payload, std::span<const Tensor> inputs,
                          std::span<const Tensor> outputs, std::span<const Tensor> rebased) {
  static const OpBase& any = find_op("_conj");  // the node's layout needs an op; the payload does the work
  const Ref<Node> node =
      Node::create(&any, static_cast<int>(inputs.size()), 0, 0, static_cast<int>(outputs.size()));
  node->payload = std::move(payload);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined()) continue;
    node->edges()[i] = gradient_edge(inputs[i]);
    node->inputs()[i] = {inputs[i].sizes(), inputs[i].dtype(), inputs[i].device()};
    node->note_batch(static_cast<int>(i), inputs[i]);
  }
  node->note_batches(outputs);
  node->outputs = std::make_unique<std::vector<InputMeta>>();
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Tensor& out = outputs[i];
    if (!out.defined()) {
      node->outputs->emplace_back();
      continue;
    }
    node->outputs->push_back({out.sizes(), out.dtype(), out.device()});
    if (!is_differentiable(out.dtype())) continue;
    if (std::any_of(rebased.begin(), rebased.end(), [&](const Tensor& t) { return t.same(out); }))
      rebase_history(out, node);
    else
      set_history(out, node, static_cast<uint32_t>(i));
  }
  return node;
}

FunctionCall::FunctionCall(const std::type_info& type, Backward backward, std::vector<Tensor> inputs)
    : FunctionCall(readable(type), std::move(backward), std::move(inputs)) {}

FunctionCall::FunctionCall(std::string name, Backward backward, std::vector<Tensor> inputs)
    : name_(std::move(name)),
      backward_(std::move(backward)),
      inputs_(std::move(inputs)),
      context_(std::make_shared<FunctionContext>()) {
  for (const Tensor& t : inputs_) {
    context_->needs_.push_back(t.defined() && requires_grad(t));
    records_ |= context_->needs_.back();
  }
  records_ = records_ && grad_enabled();
}

std::vector<Tensor> FunctionCall::finish(std::vector<Tensor> outputs) {
  FunctionContext& context = *context_;
  for (const Tensor& t : context.dirty_) {
    check<RuntimeError>(holds(outputs, t), "{}: a tensor given to mark_dirty must be returned from forward",
                        name_);
    check<RuntimeError>(!records_ || !(is_leaf(t) && requires_grad(t)),
                        "{}: a leaf tensor that requires grad cannot be changed in place", name_);
    if (t.storage()) t.storage()->bump_version();
  }
  if (!records_) return outputs;

  std::vector<Tensor> recorded = outputs;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].defined()) continue;
    if (holds(context.without_gradient_, outputs[i])) {
      recorded[i] = Tensor();
    } else if (holds(inputs_, outputs[i]) && !holds(context.dirty_, outputs[i])) {
      recorded[i] = outputs[i] =
          detached_alias(outputs[i]);  // an input handed through is a result of its own
    }
  }
  auto payload = std::make_unique<FunctionPayload>();
  payload->context = context_;
  payload->backward = backward_;
  payload->label = name_;
  std::vector<std::pair<Tensor, Edge>> to_save;
  for (const Tensor& t : context.to_save_) {
    const auto at = std::find_if(recorded.begin(), recorded.end(),
                                 [&](const Tensor& out) { return out.defined() && out.same(t); });
    const bool own = t.defined() && at != recorded.end();  // kept without its history: no reference cycle
    const auto source = static_cast<int8_t>(own ? ~(at - recorded.begin()) : 0);
    to_save.emplace_back(own ? detached_alias(t) : t, !own && t.defined() ? gradient_edge(t) : Edge());
    context.saved_.push_back({Tensor(), 0, source});
  }
  context.to_save_.clear();
  const Ref<Node> node = record_function(std::move(payload), inputs_, recorded, context.dirty_);
  for (size_t i = 0; i < to_save.size(); ++i)
    if (to_save[i].first.defined()) node->save(context.saved_[i], to_save[i].first, to_save[i].second);
  context.dirty_.clear();
  context.without_gradient_.clear();
  inputs_.clear();
  return outputs;
}

}  // namespace plait
