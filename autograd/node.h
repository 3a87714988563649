// The tape. An op that runs on tensors which require grad leaves a Node: which op, the edges to where its
// inputs came from, what its derivative needs. A Node is data: the derivative is the op's `vjp`, a function
// of a Vjp, written in ops, so that differentiating it again needs nothing more.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/call_site.h"
#include "core/op.h"

namespace plait {

class Node;

// Where a gradient goes: result `output` of a node, or a leaf tensor, which accumulates it. One tagged
// pointer.
class PLAIT_API Edge {
 public:
  Edge() noexcept = default;
  Edge(Ref<Node> node, uint32_t output) noexcept;
  static Edge leaf(const Tensor& tensor) noexcept;
  Edge(const Edge& other) noexcept;
  Edge(Edge&& other) noexcept : bits_(std::exchange(other.bits_, 0)), output_(other.output_) {}
  Edge& operator=(Edge other) noexcept {
    std::swap(bits_, other.bits_);
    std::swap(output_, other.output_);
    return *this;
  }
  ~Edge() {
    if (bits_) drop();
  }

  explicit operator bool() const noexcept { return bits_ != 0; }
  bool is_leaf() const noexcept { return bits_ & 1; }
  Node* node() const noexcept { return is_leaf() ? nullptr : reinterpret_cast<Node*>(bits_); }
  TensorImpl* leaf_impl() const noexcept {
    return is_leaf() ? reinterpret_cast<TensorImpl*>(bits_ & ~uintptr_t{1}) : nullptr;
  }
  uint32_t output() const noexcept { return output_; }
  uintptr_t key() const noexcept { return bits_; }
  Ref<Node> take_node() noexcept;  // moves the node out; for freeing long chains without recursion

 private:
  void drop() noexcept;
  uintptr_t bits_ = 0;
  uint32_t output_ = 0;
};

// Shape, dtype and device of an input: what its gradient must have.
struct InputMeta {
  Dims sizes;
  DType dtype = DType::Float32;
  Device device;
};

// A tensor kept for the derivative, with the version it had. An output of the node itself is kept without its
// history, so that there is no reference cycle.
struct SavedTensor {
  Tensor tensor;
  uint32_t version = 0;
  int8_t source = 0;    // parameter, or ~result
  uint16_t packed = 0;  // not 0: the hooks have it instead, as the node's packed tensor of this number less 1
};

// What the hooks of saved tensors (Python's saved_tensors_hooks) have made of one.
class PLAIT_API PackedTensor {
 public:
  virtual ~PackedTensor() = default;
  virtual Tensor unpack() = 0;  // never undefined
  virtual void release() = 0;   // nobody will unpack it any more
};
// Calls the hooks of the thread, which has some where `context().saved_hooks`. Installed by the bindings.
PLAIT_API extern std::unique_ptr<PackedTensor> (*pack_saved_tensor)(const Tensor& tensor);

// In anomaly mode: the calls that led to a node, and to the node whose derivative made it.
struct NodeTrace {
  std::vector<CallSite> calls;
  std::string maker;  // the name of that node
  std::shared_ptr<const NodeTrace> maker_trace;
};

// A tensor of these values whose gradient goes along the edge.
PLAIT_API Tensor with_history(const Tensor& values, const Edge& edge);

// Does nobody else hold the tensor or its storage, whose elements lie without gaps?
PLAIT_API bool only_owner(const Tensor& tensor);

// What few nodes have.
struct NodeHooks {
  using TensorHook = std::function<Tensor(const Tensor&)>;  // undefined result: leave the gradient as it is
  using PreHook = std::function<void(std::vector<Tensor>& grads)>;
  using PostHook = std::function<void(std::vector<Tensor>& inputs, const std::vector<Tensor>& grads)>;
  struct OnOutput {
    int64_t id;
    uint32_t output;
    TensorHook hook;
    const void* owner =
        nullptr;  // the tensor whose gradient is retained; it takes the hook away when it goes
  };
  std::vector<OnOutput> on_output;
  std::vector<std::pair<int64_t, PreHook>> pre;
  std::vector<std::pair<int64_t, PostHook>> post;

  struct Packed {
    std::unique_ptr<PackedTensor> object;
    InputMeta meta;
    Edge edge;  // of the tensor that was saved
  };
  std::vector<Packed> packed;
  std::shared_ptr<const NodeTrace> trace;
};

// Note [Batches and gradients]
// An argument that all entries of a batch share (core/batch.h) has one gradient: the sum of the entries'. A
// derivative knows of one entry, so its gradients are each entry's own, and the engine adds up those of the
// levels that the node's results have and the argument has not. Levels that only the gradients have come from
// a batch of gradients, and stay.
struct NodeBatch {
  struct Sum {
    uint32_t edge;
    int64_t level, size;
  };
  std::vector<Sum> sums;
  BatchDims results;              // of all results
  std::vector<BatchDims> inputs;  // of each edge, while the node is being made
};

// What a custom Function adds to its node.
struct PLAIT_API NodePayload {
  virtual ~NodePayload() = default;
  // Gradients of the node's edges, from those of its outputs.
  virtual void apply(Vjp& vjp) = 0;
  virtual void release() {}  // saved tensors may go
  virtual const char* name() const = 0;
};

class PLAIT_API Node final : public RefCounted {
 public:
  // Inputs, saved tensors and attributes lie behind the node, in one pooled block.
  static Ref<Node> create(const OpBase* op, int edges, int saved, int attrs, int outputs);
  static void destroy(Node* node) noexcept;

  const OpBase* op() const { return op_; }
  std::string name() const;          // "add", "MyFunction"
  std::string display_name() const;  // "AddBackward0", as Python shows it
  uint64_t sequence() const { return sequence_; }
  std::span<Edge> edges() const { return {edges_, static_cast<size_t>(edge_count_)}; }
  std::span<InputMeta> inputs() const { return {inputs_, static_cast<size_t>(edge_count_)}; }
  std::span<SavedTensor> saved() const { return {saved_, static_cast<size_t>(saved_count_)}; }
  std::span<Value> attrs() const { return {attrs_, static_cast<size_t>(attr_count_)}; }
  int output_count() const { return output_count_; }
  void set_output_count(int count) { output_count_ = static_cast<uint16_t>(count); }

  int first_edge(int param) const { return starts ? starts->data()[param] : op_->slot(param); }
  int edge_count_of(int param) const {
    return starts ? starts->data()[param + 1] - starts->data()[param] : 1;
  }

  NodeHooks& ensure_hooks() {
    if (!hooks) hooks = std::make_unique<NodeHooks>();
    return *hooks;
  }
  void release_saved();  // after a backward that does not retain the graph
  // The tensor as it was saved; raises where it was written since, or where the graph is gone.
  Tensor unpack(const SavedTensor& saved) const;
  // Note [Batches and gradients]: what came in along an edge, and in the end the results.
  void note_batch(int edge, const Tensor& input) {
    if (__builtin_expect(input.is_batched(), 0)) keep_batch(edge, input);
  }
  void note_batches(std::span<const Tensor> results);
  // Keeps a tensor for the derivative, by the thread's hooks where there are some. `history`: where a
  // gradient of it goes; of the node's own results nowhere else.
  void save(SavedTensor& saved, const Tensor& tensor, const Edge& history);

  std::unique_ptr<NodeHooks> hooks;
  std::unique_ptr<NodePayload> payload;
  std::unique_ptr<NodeBatch> batch;                 // where a tensor of the call was batched
  std::unique_ptr<Dims> starts;                     // per parameter, where an op takes lists
  std::unique_ptr<std::vector<InputMeta>> outputs;  // of nodes with several outputs
  CallSite site;
  bool released = false;
  void* pyobj = nullptr;  // the Python object of this node, which keeps the node alive

 private:
  Node() = default;
  ~Node() = default;
  Tensor unpack_packed(const SavedTensor& saved) const;
  void keep_trace();
  void keep_batch(int edge, const Tensor& input);

  const OpBase* op_ = nullptr;
  uint64_t sequence_ = 0;
  Edge* edges_ = nullptr;
  InputMeta* inputs_ = nullptr;
  SavedTensor* saved_ = nullptr;
  Value* attrs_ = nullptr;
  uint32_t bytes_ = 0;
  uint16_t edge_count_ = 0, saved_count_ = 0, attr_count_ = 0, output_count_ = 0;
};

// The gradients that have come in so far where an edge leads.
struct PLAIT_API GradientSums {
  virtual ~GradientSums() = default;
  virtual Tensor take(const Edge& edge) = 0;  // undefined: none
};

// What a derivative works on: the gradients of the results and what was saved, by position in the schema.
struct PLAIT_API Vjp {
  Node& node;
  std::vector<Tensor>& grads;       // one per result; undefined means zero
  std::vector<Tensor>& results;     // one per edge, to be filled in
  bool retain_graph = true;         // what is saved will be read by another pass
  const TensorImpl* one = nullptr;  // what backward began with where it was given nothing
  GradientSums* sums = nullptr;

  // May be undefined for one of several results.
  const Tensor& grad(int output = 0) const { return grads[output]; }
  Tensor grad_or_zeros(int output) const;
  // Is the gradient known to be 1? Else it may be, too: on a device nobody looks.
  bool grad_is_one(int output = 0) const { return one && grads[output].impl() == one; }
  Tensor in(int param) const;        // a saved argument
  Tensor out(int result = 0) const;  // a saved result
  // A saved result that may be written to: the one saved where nobody will read it again, else a copy.
  Tensor take_out(int result);
  // What other ops have given for the argument so far, where there is such; the derivative adds its own
  // share, with one pass over memory less than a sum afterwards, and sets the result. It is of the argument's
  // shape and dtype. None while the derivative is being recorded.
  Tensor take_sum(int param) {
    return sums && needs(param) && !is_batched() ? sums->take(node.edges()[node.first_edge(param)])
                                                 : Tensor();
  }
  bool is_batched() const;                       // is any tensor?
  Tensor grad_of_entries(int output = 0) const;  // in all the batches that the results are in
  // Will the argument's gradient, which is due in 16 bits, be converted to float32? Then it may be given so.
  bool may_give_float32(int param) const;
  std::vector<Tensor> in_list(int param) const;
  template <class T>
  decltype(auto) attr(int param) const {
    return Arg<T>::unbox(node.attrs()[node.op()->slot(param)]);
  }
  bool needs(int param) const {
    return node.first_edge(param) < static_cast<int>(node.edges().size()) &&
           static_cast<bool>(node.edges()[node.first_edge(param)]);
  }
  bool needs(int param, int item) const {
    return static_cast<bool>(node.edges()[node.first_edge(param) + item]);
  }
  int list_size(int param) const { return node.edge_count_of(param); }
  const InputMeta& meta(int param, int item = 0) const {
    return node.inputs()[node.first_edge(param) + item];
  }
  const Dims& sizes(int param, int item = 0) const { return meta(param, item).sizes; }
  DType dtype(int param, int item = 0) const { return meta(param, item).dtype; }
  // The gradient of an argument. It may have the broadcast shape and the promoted dtype: the engine reduces
  // and converts.
  void set(int param, Tensor grad) { results[node.first_edge(param)] = std::move(grad); }
  void set(int param, int item, Tensor grad) { results[node.first_edge(param) + item] = std::move(grad); }
};

}  // namespace plait
