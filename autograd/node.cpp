#include "autograd/node.h"

#include <algorithm>

#include "autograd/anomaly.h"
#include "autograd/variable.h"

namespace plait {

std::unique_ptr<PackedTensor> (*pack_saved_tensor)(const Tensor&) = nullptr;

bool only_owner(const Tensor& t) {
  return t.impl()->use_count() == 1 && !t.is_batched() && t.storage() && t.storage()->use_count() == 1 &&
         is_dense(t.sizes(), t.strides());
}

Edge::Edge(Ref<Node> node, uint32_t output) noexcept
    : bits_(reinterpret_cast<uintptr_t>(node.detach())),
      output_(output) {}
Edge Edge::leaf(const Tensor& tensor) noexcept {
  Edge edge;
  tensor.impl()->retain();
  edge.bits_ = reinterpret_cast<uintptr_t>(tensor.impl()) | 1;
  return edge;
}
Edge::Edge(const Edge& other) noexcept : bits_(other.bits_), output_(other.output_) {
  if (!bits_) return;
  if (is_leaf())
    leaf_impl()->retain();
  else
    node()->retain();
}
void Edge::drop() noexcept {
  if (is_leaf())
    Ref<TensorImpl>::adopt(leaf_impl());
  else
    Ref<Node>::adopt(node());
  bits_ = 0;
}
Ref<Node> Edge::take_node() noexcept {
  if (!bits_ || is_leaf()) return {};
  Node* taken = node();
  bits_ = 0;
  return Ref<Node>::adopt(taken);
}

Ref<Node> Node::create(const OpBase* op, int edges, int saved, int attrs, int outputs) {
  const size_t bytes = sizeof(Node) + edges * (sizeof(Edge) + sizeof(InputMeta)) +
                       saved * sizeof(SavedTensor) + attrs * sizeof(Value);
  check<ValueError>(edges < 65536 && saved < 65536, "{}: more than 65535 tensors in one call", op->name());
  char* memory = static_cast<char*>(pool_allocate(bytes));
  Node* node = new (memory) Node;
  memory += sizeof(Node);
  const auto place = [&memory]<class T>(T*& array, int count) {
    array = reinterpret_cast<T*>(memory);
    for (int i = 0; i < count; ++i) new (array + i) T();
    memory += count * sizeof(T);
  };
  place(node->edges_, edges);
  place(node->inputs_, edges);
  place(node->saved_, saved);
  place(node->attrs_, attrs);
  node->op_ = op;
  // Order between threads does not matter: the engine counts dependencies and uses the numbers only to choose
  // among what is ready.
  node->sequence_ = ++t_node_sequence;
  node->bytes_ = static_cast<uint32_t>(bytes);
  node->edge_count_ = static_cast<uint16_t>(edges);
  node->saved_count_ = static_cast<uint16_t>(saved);
  node->attr_count_ = static_cast<uint16_t>(attrs);
  node->output_count_ = static_cast<uint16_t>(outputs);
  if (current_call_site) node->site = current_call_site();
  Ref<Node> made = Ref<Node>::adopt(node);
  if (__builtin_expect(AnomalyMode::enabled.load(std::memory_order_relaxed), 0)) node->keep_trace();
  return made;
}

// Note [Freeing long chains]: a node owns its predecessors through edges and through saved tensors, whose
// histories own theirs. Destroying them in turn would recurse as deep as the graph. So the thread keeps a
// list of nodes to free: the outermost destroy works it off, inner ones only add to it.
void Node::destroy(Node* node) noexcept {
  thread_local std::vector<Node*>* t_pending = nullptr;
  if (t_pending) {
    t_pending->push_back(node);
    return;
  }
  std::vector<Node*> pending{node};
  t_pending = &pending;
  while (!pending.empty()) {
    Node* next = pending.back();
    pending.pop_back();
    const uint32_t bytes = next->bytes_;
    for (Edge& edge : next->edges()) edge.~Edge();
    for (InputMeta& meta : next->inputs()) meta.~InputMeta();
    for (SavedTensor& saved : next->saved()) saved.~SavedTensor();
    for (Value& value : next->attrs()) value.~Value();
    next->~Node();
    pool_free(next, bytes);
  }
  t_pending = nullptr;
}

std::string Node::name() const { return payload ? payload->name() : op_->name(); }

std::string Node::display_name() const {
  if (payload) return payload->name();
  std::string out;
  bool upper = true;
  std::string_view name = op_->name();
  if (const size_t space = name.find("::"); space != std::string_view::npos) name.remove_prefix(space + 2);
  for (const char c : name) {
    if (c == '_') {
      upper = true;
      continue;
    }
    out += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = false;
  }
  return out + "Backward0";
}

void Node::release_saved() {
  released = true;
  for (SavedTensor& saved : this->saved()) saved.tensor = Tensor();
  // What is packed stays in place, emptied, since the garbage collector may be looking at it.
  if (hooks)
    for (NodeHooks::Packed& packed : hooks->packed) packed.object->release();
  if (payload) payload->release();
}

void Node::save(SavedTensor& saved, const Tensor& tensor, const Edge& history) {
  // Numbers are nobody's tensors, and what has no data is kept for its layout only.
  if (!context().saved_hooks || !pack_saved_tensor || tensor.is_wrapped_number() || tensor.is_meta()) {
    saved.tensor = tensor;
    saved.version = tensor.version();
    return;
  }
  const uint32_t version = tensor.version();
  std::unique_ptr<PackedTensor> object;
  {
    const NoGrad guard;
    object = pack_saved_tensor(tensor);
  }
  check<RuntimeError>(
      tensor.version() == version,
      "saved_tensors_hooks: the pack hook has modified its input of shape {} in place, which others use; "
      "let it work on a .clone()",
      tensor.sizes());
  std::vector<NodeHooks::Packed>& list = ensure_hooks().packed;
  list.push_back({std::move(object), {tensor.sizes(), tensor.dtype(), tensor.device()}, history});
  saved.packed = static_cast<uint16_t>(list.size());
}

void Node::keep_batch(int edge, const Tensor& input) {
  if (!batch) batch = std::make_unique<NodeBatch>();
  batch->inputs.resize(edge_count_);
  batch->inputs[static_cast<size_t>(edge)] = *input.impl()->batch;
}

void Node::note_batches(std::span<const Tensor> results) {
  BatchDims levels;
  for (const Tensor& result : results) {
    if (!result.defined() || !result.is_batched()) continue;
    if (!batch) batch = std::make_unique<NodeBatch>();
    for (const BatchDim& d : *result.impl()->batch)
      if (std::none_of(levels.begin(), levels.end(), [&](const BatchDim& l) { return l.level == d.level; }))
        levels.dims[levels.count++] = d;
  }
  if (!batch) return;
  static const OpBase& hide = find_op("_batch_hide");  // its gradient loses the level by itself
  batch->inputs.resize(edge_count_);
  for (uint32_t edge = 0; edge < edge_count_ && op_ != &hide; ++edge) {
    const BatchDims& has = batch->inputs[edge];
    for (const BatchDim& d : levels)
      if (std::none_of(has.begin(), has.end(), [&](const BatchDim& l) { return l.level == d.level; }))
        batch->sums.push_back({edge, d.level, d.size});
  }
  batch->inputs.clear();
  batch->results = levels;
}

Tensor with_history(const Tensor& values, const Edge& edge) {
  Tensor result = detached_alias(values);
  if (!edge.is_leaf()) {
    set_history(result, Ref<Node>::share(edge.node()), edge.output());
    return result;
  }
  static const OpBase& alias = find_op("alias");
  Ref<Node> node = Node::create(&alias, 1, 0, 0, 1);
  node->edges()[0] = edge;
  node->inputs()[0] = {values.sizes(), values.dtype(), values.device()};
  set_history(result, std::move(node), 0);
  return result;
}

Tensor Node::unpack_packed(const SavedTensor& saved) const {
  const NodeHooks::Packed& packed = hooks->packed[saved.packed - 1];
  const Tensor tensor = packed.object->unpack();
  const InputMeta& meta = packed.meta;
  check<RuntimeError>(
      tensor.sizes() == meta.sizes && tensor.dtype() == meta.dtype && tensor.device() == meta.device,
      "saved_tensors_hooks: the unpack hook returned a tensor of shape {}, dtype {} on {} for '{}', which "
      "saved one of shape {}, dtype {} on {}; unpack_hook(pack_hook(x)) must be equal to x",
      tensor.sizes(), tensor.dtype(), tensor.device(), name(), meta.sizes, meta.dtype, meta.device);
  if (!grad_enabled()) return tensor;
  if (saved.source >= 0) return packed.edge ? with_history(tensor, packed.edge) : tensor;
  Tensor result = detached_alias(tensor);
  set_history(result, Ref<Node>::share(const_cast<Node*>(this)), static_cast<uint32_t>(~saved.source));
  return result;
}

Tensor Node::unpack(const SavedTensor& saved) const {
  const auto where = [&] {
    return describe_call_site && site.code ? " recorded at " + describe_call_site(site) : std::string();
  };
  if (released)
    fail<RuntimeError>(
        "backward: the graph of '{}'{} has been freed by an earlier backward; pass retain_graph=True to the "
        "first call to go through it twice",
        name(), where());
  if (!saved.tensor.defined()) return saved.packed ? unpack_packed(saved) : Tensor();
  if (saved.tensor.version() != saved.version)
    fail<RuntimeError>(
        "backward: a tensor that '{}'{} needs for its gradient has been modified by an in-place operation: "
        "{} of shape {} is at version {}, expected version {}; use an out-of-place operation, or .clone() "
        "before it",
        name(), where(),
        saved.source < 0 ? "its result"
        : payload        ? "a saved tensor"
                         : "argument '" + op_->schema().params[saved.source].name + "'",
        saved.tensor.sizes(), saved.tensor.version(), saved.version);
  if (saved.source >= 0 || !grad_enabled()) return saved.tensor;
  // The node's own result, kept without history: give it back with it, so that it can be differentiated
  // again.
  Tensor result = detached_alias(saved.tensor);
  set_history(result, Ref<Node>::share(const_cast<Node*>(this)), static_cast<uint32_t>(~saved.source));
  return result;
}

Tensor Vjp::grad_or_zeros(int output) const {
  if (grads[output].defined()) return grads[output];
  static const auto& zeros = find_op<Tensor(IntSpan, std::optional<DType>, std::optional<Device>)>("zeros");
  const InputMeta& meta = node.outputs->at(output);
  return zeros(meta.sizes, meta.dtype, meta.device);
}

bool Vjp::is_batched() const {
  if (node.batch) return true;
  for (const Tensor& grad : grads)
    if (grad.defined() && grad.is_batched()) return true;
  return false;
}

Tensor Vjp::grad_of_entries(int output) const {
  static const auto& spread = find_op<Tensor(const Tensor&, int64_t, int64_t)>("_batch_spread");
  Tensor grad = grads[output];
  if (node.batch)
    for (const BatchDim& d : node.batch->results) grad = spread(grad, d.level, d.size);
  return grad;
}

Tensor Vjp::in(int param) const {
  for (const SavedTensor& saved : node.saved())
    if (saved.source == param) return node.unpack(saved);
  return {};
}
Tensor Vjp::out(int result) const { return in(~result); }
bool Vjp::may_give_float32(int param) const {
  const Node* reader = needs(param) ? node.edges()[node.first_edge(param)].node() : nullptr;
  return reader && reader->op() && reader->op()->grads() == GradDType::Any && !reader->hooks &&
         reader->inputs()[0].dtype == DType::Float32 && !grad_enabled();
}

Tensor Vjp::take_out(int result) {
  Tensor tensor = out(result);
  bool by_hooks = false;  // what they gave may lie in memory of theirs
  for (SavedTensor& saved : node.saved())
    if (saved.source == ~result) {
      by_hooks = saved.packed != 0;
      if (!retain_graph) saved.tensor = Tensor();
    }
  if (!retain_graph) node.released = true;
  return tensor.defined() && (by_hooks || !only_owner(tensor)) ? clone_plain(tensor) : tensor;
}
std::vector<Tensor> Vjp::in_list(int param) const {
  std::vector<Tensor> list;
  for (const SavedTensor& saved : node.saved())
    if (saved.source == param) list.push_back(node.unpack(saved));
  return list;
}

}  // namespace plait
