#include "autograd/node.h"

#include <atomic>

#include "autograd/variable.h"

namespace plait {

CallSite (*current_call_site)() noexcept = nullptr;
std::string (*describe_call_site)(CallSite) = nullptr;
void (*Node::forget_pyobj)(void*) noexcept = nullptr;

bool only_owner(const Tensor& t) {
  return t.impl()->use_count() == 1 && t.storage() && t.storage()->use_count() == 1 &&
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

namespace {

// Per thread, so that recording needs no shared counter. Order between threads does not matter: the engine
// counts dependencies and uses the numbers only to choose among what is ready.
thread_local uint64_t t_sequence = 0;

}  // namespace

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
  node->sequence_ = ++t_sequence;
  node->bytes_ = static_cast<uint32_t>(bytes);
  node->edge_count_ = static_cast<uint16_t>(edges);
  node->saved_count_ = static_cast<uint16_t>(saved);
  node->attr_count_ = static_cast<uint16_t>(attrs);
  node->output_count_ = static_cast<uint16_t>(outputs);
  if (current_call_site) node->site = current_call_site();
  return Ref<Node>::adopt(node);
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
    if (next->pyobj && forget_pyobj) forget_pyobj(next->pyobj);
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

void Node::release_saved() {
  released = true;
  for (SavedTensor& saved : this->saved()) saved.tensor = Tensor();
  if (payload) payload->release();
}

Tensor Node::unpack(const SavedTensor& saved) const {
  const auto where = [&] {
    return describe_call_site && site.code ? " recorded at " + describe_call_site(site) : std::string();
  };
  if (released)
    fail<RuntimeError>(
        "backward: the graph of '{}'{} has been freed by an earlier backward; pass retain_graph=True to the "
        "first "
        "call to go through it twice",
        name(), where());
  if (!saved.tensor.defined()) return {};
  if (saved.tensor.version() != saved.version)
    fail<RuntimeError>(
        "backward: a tensor that '{}'{} needs for its gradient has been modified by an in-place operation: "
        "{} of shape "
        "{} is at version {}, expected version {}; use an out-of-place operation, or .clone() before it",
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
  if (!retain_graph) {
    for (SavedTensor& saved : node.saved())
      if (saved.source == ~result) saved.tensor = Tensor();
    node.released = true;
  }
  return tensor.defined() && !only_owner(tensor) ? clone_plain(tensor) : tensor;
}
std::vector<Tensor> Vjp::in_list(int param) const {
  std::vector<Tensor> list;
  for (const SavedTensor& saved : node.saved())
    if (saved.source == param) list.push_back(node.unpack(saved));
  return list;
}

}  // namespace plait
