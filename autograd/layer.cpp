#include "autograd/layer.h"

namespace plait {
namespace {

// Sizes, strides and offset without the data: later writes to it are of no matter.
Tensor layout_of(const Tensor& tensor) {
  auto impl =
      Ref<TensorImpl>::adopt(new TensorImpl(Storage(), tensor.dtype(), kMeta, tensor.sizes(),
                                            tensor.strides(), tensor.numel(), tensor.storage_offset()));
  impl->inference = false;
  return Tensor(std::move(impl));
}

}  // namespace

void NodeBuilder::scan(TensorList list) {
  for (const Tensor& tensor : list) {
    scan(tensor);
    --param_;
  }
  list_items_ += static_cast<int>(list.size());
  ++param_;
}

const SaveRule* NodeBuilder::save_rule(int param) const {
  for (const SaveRule& rule : op_.save_rules())
    if (rule.param == param && (!rule.only_if || rule.only_if & mask_)) return &rule;
  return nullptr;
}

void NodeBuilder::begin() {
  int saved = 0;
  for (const SaveRule& rule : op_.save_rules()) {
    if (rule.only_if && !(rule.only_if & mask_)) continue;
    const bool list = rule.param >= 0 && op_.schema().params[rule.param].type == ParamType::TensorList;
    saved += list ? list_items_ : 1;
  }
  node_ = Node::create(&op_, edges_, saved, op_.attr_params(), op_.output_count());
  if (op_.has_list_param()) node_->starts = std::make_unique<Dims>(param_ + 1, 0);
  param_ = 0;
}

void NodeBuilder::begin_inplace(const Tensor& self) {
  begin();
  inplace_ = true;
  const SaveRule* rule = save_rule(0);
  if (!rule || rule->layout) return;
  // The derivative needs self as it was; it is about to be overwritten.
  inplace_copy_ = clone_plain(detached_alias(self));
  if (const Edge edge = gradient_edge(self))
    set_history(inplace_copy_, Ref<Node>::share(edge.node()), edge.output());
}

void NodeBuilder::add_edge(const Tensor& tensor) {
  const int i = edge_++;
  if (!tensor.defined()) return;
  InputMeta& meta = node_->inputs()[i];
  meta.sizes = tensor.sizes();
  meta.dtype = tensor.dtype();
  meta.device = tensor.device();
  node_->note_batch(i, tensor);
  if (mask_ & (1u << param_) && is_differentiable(tensor.dtype())) node_->edges()[i] = gradient_edge(tensor);
}

void NodeBuilder::save(const Tensor& tensor, int8_t source) {
  SavedTensor& saved = node_->saved()[saved_++];
  saved.source = source;
  if (!tensor.defined()) return;
  if (tensor.impl()->inference)
    fail<RuntimeError>(
        "{}: a tensor made in inference mode cannot be saved for backward; .clone() it outside of inference "
        "mode",
        op_.name());
  if (__builtin_expect(context().saved_hooks, 0)) return save_by_hooks(saved, tensor);
  saved.tensor = tensor;
  saved.version = tensor.version();
}

void NodeBuilder::save_by_hooks(SavedTensor& saved, const Tensor& tensor) {
  node_->save(saved, tensor, saved.source >= 0 ? gradient_edge(tensor) : Edge());
}

void NodeBuilder::fill(const Tensor& tensor) {
  if (node_->starts) (*node_->starts)[param_] = edge_;
  if (param_ == 0 && op_.is_view()) base_view_ = tensor;
  add_edge(tensor);
  if (const SaveRule* rule = save_rule(param_)) {
    const auto source = static_cast<int8_t>(param_);
    if (rule->layout)
      save(tensor.defined() ? layout_of(tensor) : Tensor(), source);
    else
      save(inplace_ && param_ == 0 ? inplace_copy_ : tensor, source);
  }
  ++param_;
  if (node_->starts) (*node_->starts)[param_] = edge_;
}

void NodeBuilder::fill(TensorList list) {
  (*node_->starts)[param_] = edge_;
  const bool keep = save_rule(param_) != nullptr;
  for (const Tensor& tensor : list) {
    add_edge(tensor);
    if (keep) save(tensor, static_cast<int8_t>(param_));
  }
  ++param_;
  (*node_->starts)[param_] = edge_;
}

void NodeBuilder::save_results(std::span<const Tensor> results) {
  for (const SaveRule& rule : op_.save_rules()) {
    if (rule.output < 0 || (rule.only_if && !(rule.only_if & mask_))) continue;
    save(detached_alias(results[rule.output]), static_cast<int8_t>(~rule.output));
  }
}

void NodeBuilder::finish_all(std::span<const Tensor> results, bool multi_output) {
  save_results(results);
  node_->note_batches(results);
  if (multi_output || results.size() > 1) {
    node_->set_output_count(static_cast<int>(results.size()));
    node_->outputs = std::make_unique<std::vector<InputMeta>>();
    for (const Tensor& r : results) node_->outputs->push_back({r.sizes(), r.dtype(), r.device()});
  }
  for (size_t i = 0; i < results.size(); ++i) {
    const Tensor& result = results[i];
    if (!result.defined() || !is_differentiable(result.dtype())) continue;
    set_history(result, node_, static_cast<uint32_t>(i));
    if (ViewMeta* view = result.impl()->view.get()) {
      const ViewMeta* parent = base_view_.defined() ? base_view_.impl()->view.get() : nullptr;
      view->origin = multi_output ? ViewOrigin::MultiOutput : parent ? parent->origin : ViewOrigin::Normal;
      view->attr_version = result.version();
    }
  }
}

void NodeBuilder::finish_inplace(const Tensor& self) {
  save_results({&self, 1});
  node_->note_batches({&self, 1});
  rebase_history(self, std::move(node_));
}

Tensor inplace_with_history(const OpBase& op, const Value* args) {
  const Tensor& self = args[0].tensor();
  NodeBuilder builder(op);
  op.each_arg(args, [&](const auto& arg, int) { builder.scan(arg); });
  check_inplace_allowed(op.name(), self, builder.records());
  if (!builder.records()) return op.run_inplace_boxed(args);
  if (op.makes_history()) {  // a composite: the recorded `copy_` of its recorded result
    static const auto& copy = find_op<Tensor(const Tensor&, const Tensor&, bool)>("copy");
    Value result;
    op.call_boxed(args, &result);
    return copy.inplace(self, result.tensor(), false);
  }
  builder.begin_inplace(self);
  op.each_arg(args, [&](const auto& arg, int) { builder.fill(arg); });
  Tensor result = op.run_inplace_boxed(args);
  builder.finish_inplace(self);
  return result;
}

}  // namespace plait
