#include "autograd/engine.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <mutex>
#include <optional>

#include "autograd/anomaly.h"
#include "autograd/variable.h"
#include "core/fork.h"
#include "core/recorder.h"

namespace plait {
namespace {

// The ops that the engine itself calls, by name: autograd lies below the op families.
Tensor add(const Tensor& a, const Tensor& b) {
  static const auto& op = find_op<Tensor(const Tensor&, const Tensor&, const Scalar&)>("add");
  return op(a, b, 1);
}
Tensor convert(const Tensor& a, DType dtype) {
  if (!grad_enabled())
    if (Tensor copy = lower_copy(a, dtype); copy.defined()) return copy;
  static const auto& op = find_op<Tensor(const Tensor&, DType)>("_convert");
  return op(a, dtype);
}
Tensor ones_like(const Tensor& a) {
  Tensor one = empty_tensor(TensorSpec(a.sizes(), a.dtype(), a.device()));
  static const auto& op = find_op<Tensor(const Tensor&, const Tensor&)>("fill");
  return op.run_inplace(one, wrapped_scalar(1));
}

// Is the tensor a view, such as a reshape, of all of a tensor that nobody else has?
bool only_owner_by_view(const Tensor& t) {
  if (!t.impl()->view || t.impl()->use_count() != 1) return false;
  const Tensor& base = t.impl()->view->base;
  return base.impl()->use_count() == 1 && !t.is_batched() && t.storage() && t.storage()->use_count() == 2 &&
         base.numel() == t.numel() && is_dense(t.sizes(), t.strides());
}

// What the run knows of one node or leaf.
struct Slot {
  uintptr_t key = 0;
  Edge edge;
  int dependencies = 0;
  bool needed = true;
  std::optional<DType> due;                        // of `first`, where it has another dtype
  Tensor first;                                    // gradient of output 0
  std::vector<Tensor> more;                        // of the others
  std::vector<std::pair<int, uint32_t>> captures;  // (input, output) to be returned to the caller

  Tensor& grad(uint32_t output) {
    if (output == 0) return first;
    if (more.size() < output) more.resize(output);
    return more[output - 1];
  }
};

// From nodes to slots: open addressing, since a backward pass looks up every edge once or twice.
class SlotMap {
 public:
  SlotMap() : table_(64, -1) {}

  int find(uintptr_t key) const {
    for (size_t i = hash(key);; i = (i + 1) & (table_.size() - 1)) {
      if (table_[i] < 0) return -1;
      if (slots_[table_[i]].key == key) return table_[i];
    }
  }
  // The slot and whether it is new.
  std::pair<int, bool> get(const Edge& edge) {
    if ((slots_.size() + 1) * 2 > table_.size()) grow();
    for (size_t i = hash(edge.key());; i = (i + 1) & (table_.size() - 1)) {
      if (table_[i] < 0) {
        table_[i] = static_cast<int>(slots_.size());
        slots_.emplace_back();
        slots_.back().key = edge.key();
        slots_.back().edge = edge;
        return {table_[i], true};
      }
      if (slots_[table_[i]].key == edge.key()) return {table_[i], false};
    }
  }
  Slot& operator[](int index) { return slots_[index]; }
  int size() const { return static_cast<int>(slots_.size()); }

 private:
  size_t hash(uintptr_t key) const { return (key * 0x9e3779b97f4a7c15ull >> 20) & (table_.size() - 1); }
  void grow() {
    table_.assign(table_.size() * 4, -1);
    for (int s = 0; s < size(); ++s) {
      size_t i = hash(slots_[s].key);
      while (table_[i] >= 0) i = (i + 1) & (table_.size() - 1);
      table_[i] = s;
    }
  }
  std::vector<int> table_;
  std::vector<Slot> slots_;
};

// Several threads may add to the gradient of one leaf. Few locks are enough for all leaves.
std::mutex& leaf_mutex(const Tensor& leaf) {
  static auto* mutexes = [] {
    auto* made = new std::array<std::mutex, 16>;
    for (std::mutex& mutex : *made) hold_over_forks(mutex);
    return made;
  }();
  return (*mutexes)[reinterpret_cast<uintptr_t>(leaf.impl()) / sizeof(TensorImpl) % mutexes->size()];
}

class Engine;
thread_local Engine* t_engine = nullptr;  // the innermost backward that the thread computes
std::atomic<uint64_t> g_runs{0};

class Engine final : GradientSums {
 public:
  // `one`: the gradient that was made for a root, which outlives the engine; or null.
  Engine(const BackwardOptions& options, const Tensor* one)
      : options_(options),
        one_(one),
        one_version_(one ? one->version() : 0),
        number_(++g_runs),
        around_(std::exchange(t_engine, this)) {}
  ~Engine() { t_engine = around_; }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  uint64_t number() const { return number_; }
  bool reaches(const Edge& edge) {
    const int slot = edge ? slots_.find(edge.key()) : -1;
    return slot >= 0 && slots_[slot].needed;
  }

  std::vector<Tensor> run(std::span<const Tensor> roots, std::span<const Tensor> grads,
                          std::span<const Tensor> inputs) {
    for (const Tensor& root : roots) root_edges_.push_back(gradient_edge(root));
    discover();
    captured_.resize(inputs.size());
    if (!inputs.empty()) select(inputs);

    ContextGuard guard;
    context().inference = false;
    set_grad_enabled(options_.create_graph);
    // Derivatives run in the dtypes that forward chose, also where backward is called in an autocast region.
    context().enabled &= static_cast<KeySet>(~bit(Key::Autocast));
    context().included &= static_cast<KeySet>(~bit(Key::Autocast));
    for (size_t i = 0; i < roots.size(); ++i) {
      const int slot = slots_.find(root_edges_[i].key());
      deliver(slot, root_edges_[i].output(), grads[i], grads[i].dtype());
    }
    for (const int root : root_slots_) make_ready(root);
    while (!ready_.empty()) {
      std::pop_heap(ready_.begin(), ready_.end());
      const int slot = ready_.back().second;
      ready_.pop_back();
      run_node(slot);
    }
    return std::move(captured_);
  }

 private:
  // Counts for each reachable node how many gradients it will receive, and lists the nodes so that each
  // stands after all those that its edges lead to.
  void discover() {
    struct Frame {
      int slot;
      size_t next;
    };
    std::vector<Frame> stack;
    const auto enter = [&](const Edge& edge) {
      const auto [slot, fresh] = slots_.get(edge);
      if (fresh) {
        if (edge.is_leaf())
          finished_.push_back(slot);
        else
          stack.push_back({slot, 0});
      }
      return slot;
    };
    for (const Edge& root : root_edges_) {
      root_slots_.push_back(enter(root));
      while (!stack.empty()) {
        Frame& frame = stack.back();
        const auto edges = slots_[frame.slot].edge.node()->edges();
        if (frame.next == edges.size()) {
          finished_.push_back(frame.slot);
          stack.pop_back();
          continue;
        }
        const Edge& edge = edges[frame.next++];
        if (edge) ++slots_[enter(edge)].dependencies;
      }
    }
    std::sort(root_slots_.begin(), root_slots_.end());
    root_slots_.erase(std::unique(root_slots_.begin(), root_slots_.end()), root_slots_.end());
  }

  // Restricts the run to what the inputs need.
  void select(std::span<const Tensor> inputs) {
    for (int i = 0; i < slots_.size(); ++i) slots_[i].needed = false;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Edge edge = gradient_edge(inputs[i]);
      const int slot = edge ? slots_.find(edge.key()) : -1;
      if (slot < 0) continue;
      slots_[slot].captures.emplace_back(static_cast<int>(i), edge.output());
      slots_[slot].needed = true;
    }
    for (const int slot : finished_) {
      const Node* node = slots_[slot].edge.node();
      if (!node) continue;
      bool runs = false;
      for (const Edge& edge : node->edges())
        if (edge) runs |= slots_[slots_.find(edge.key())].needed;
      // A node that is only captured at need not run: what lies behind it is not asked for.
      slots_[slot].needed |= runs;
      if (!runs) stops_here_.push_back(slot);
    }
    std::sort(stops_here_.begin(), stops_here_.end());
  }

  void make_ready(int slot) {
    if (slots_[slot].dependencies > 0) return;
    if (slots_[slot].edge.is_leaf()) {
      finish_leaf(slot);
    } else {
      ready_.emplace_back(slots_[slot].edge.node()->sequence(), slot);
      std::push_heap(ready_.begin(), ready_.end());
    }
  }

  // `due`: the dtype that the gradient has in the end. One in another dtype is converted only for those who
  // cannot read it so.
  void deliver(int index, uint32_t output, Tensor grad, DType due) {
    Slot& slot = slots_[index];
    if (!slot.needed) return;
    if (grad.dtype() != due && !reads(slot.edge.node(), output, grad.dtype(), due)) grad = convert(grad, due);
    Tensor& sum = slot.grad(output);
    if (output == 0) {
      // Sums are float32 where one of the two is, or where float32 is due.
      if (sum.defined() && slot.due && due == DType::Float32) settle(slot);
      if (grad.dtype() != due && (!sum.defined() || grad.dtype() == DType::Float32)) slot.due = due;
    }
    add_to(sum, std::move(grad));
  }
  bool reads(const Node* node, uint32_t output, DType given, DType due) const {
    if (!node || !node->op() || output != 0 || options_.create_graph) return false;
    const GradDType grads = node->op()->grads();
    return (grads != GradDType::Same && is_reduced_float(given) && due == DType::Float32) ||
           (grads == GradDType::Any && given == DType::Float32 && is_reduced_float(due));
  }
  static void settle(Slot& slot) {
    if (slot.due) slot.first = convert(slot.first, *slot.due);
    slot.due.reset();
  }

  Tensor take(const Edge& edge) override {
    const int index = slots_.find(edge.key());
    if (options_.create_graph || index < 0 || slots_[index].due) return {};
    if (const Tensor& sum = slots_[index].grad(edge.output()); sum.defined() && sum.is_batched()) return {};
    return std::move(slots_[index].grad(edge.output()));
  }

  // The first gradient moves in; the next is added in place where nobody else can see the tensor.
  void add_to(Tensor& sum, Tensor grad) {
    if (!sum.defined()) {
      sum = std::move(grad);
    } else if (!options_.create_graph && only_owner(sum) && !grad.is_batched() &&
               sum.sizes() == grad.sizes() &&
               (sum.dtype() == grad.dtype() ||
                (sum.dtype() == DType::Float32 && is_reduced_float(grad.dtype())))) {
      static const auto& op = find_op<Tensor(const Tensor&, const Tensor&, const Scalar&)>("add");
      op.run_inplace(sum, grad, 1);
    } else {
      sum = add(sum, grad);
    }
  }

  const TensorImpl* still_one() const {
    return one_ && one_->version() == one_version_ ? one_->impl() : nullptr;
  }

  static void run_hook(Tensor& grad, const NodeHooks::TensorHook& hook) {
    const Tensor replaced = hook(grad);
    if (!replaced.defined()) return;
    check<RuntimeError>(
        replaced.sizes() == grad.sizes() && replaced.dtype() == grad.dtype() &&
            replaced.device() == grad.device(),
        "hook: expected a gradient of shape {} and dtype {} on {} to be returned, got shape {} and dtype {} "
        "on {}; convert it with .to(grad)",
        grad.sizes(), grad.dtype(), grad.device(), replaced.sizes(), replaced.dtype(), replaced.device());
    grad = replaced;
  }

  // Hooks may take themselves and others away, and register new ones: each list is run as it was at the
  // beginning.
  template <class Hooks, class Call>
  static void run_hooks(const Hooks& hooks, const Call& call) {
    if (hooks.empty()) return;
    const Hooks as_it_was = hooks;
    for (const auto& hook : as_it_was) call(hook);
  }
  // What the results' gradients are, before the node gets to work: first hooks that may replace them, then
  // those that retain them.
  static void run_output_hooks(const NodeHooks& hooks, std::vector<Tensor>& grads) {
    run_hooks(hooks.on_output, [&](const NodeHooks::OnOutput& hook) {
      if (!hook.owner && grads[hook.output].defined()) run_hook(grads[hook.output], hook.hook);
    });
    // By index, from the list itself: one whose tensor is gone must not run.
    for (size_t i = 0; i < hooks.on_output.size(); ++i) {
      const NodeHooks::OnOutput& hook = hooks.on_output[i];
      if (hook.owner && grads[hook.output].defined()) hook.hook(grads[hook.output]);
    }
  }

  void run_node(int index) {
    const Ref<Node> node = Ref<Node>::share(slots_[index].edge.node());
    std::vector<Tensor> grads(node->output_count());
    {
      Slot& slot = slots_[index];
      if (node->hooks || !slot.captures.empty()) settle(slot);
      for (int i = 0; i < node->output_count(); ++i)
        if (i == 0 || static_cast<size_t>(i) <= slot.more.size()) grads[i] = std::move(slot.grad(i));
      slot.more.clear();
    }
    bool any = false;
    for (const Tensor& grad : grads) any |= grad.defined();
    if (any && node->hooks) run_output_hooks(*node->hooks, grads);
    for (const auto& [input, output] : slots_[index].captures) captured_[input] = grads[output];
    if (any && node->hooks) run_hooks(node->hooks->pre, [&](const auto& hook) { hook.second(grads); });
    const bool stops = std::binary_search(stops_here_.begin(), stops_here_.end(), index);

    std::vector<Tensor> results(node->edges().size());
    if (any && !stops && slots_[index].needed) {
      if (__builtin_expect(AnomalyMode::enabled.load(std::memory_order_relaxed), 0))
        differentiate_watched(*node, grads, results);
      else
        differentiate(*node, grads, results);
      if (!options_.retain_graph) node->release_saved();
    }
    grads.clear();
    if (node->batch) sum_entries(*node, results);
    for (size_t i = 0; i < results.size(); ++i) {
      const Edge& edge = node->edges()[i];
      if (!edge) continue;
      const int target = slots_.find(edge.key());
      if (results[i].defined()) {
        const InputMeta& meta = node->inputs()[i];
        deliver(target, edge.output(), in_shape(std::move(results[i]), meta.sizes, *node), meta.dtype);
      }
      if (--slots_[target].dependencies == 0) make_ready(target);
    }
  }

  // Note [Batches and gradients]
  static void sum_entries(Node& node, std::vector<Tensor>& results) {
    static const auto& sum = find_op<Tensor(const Tensor&, int64_t, int64_t)>("_batch_sum");
    for (const auto& [edge, level, size] : node.batch->sums)
      if (Tensor& grad = results[edge]; grad.defined()) grad = sum(grad, level, size);
  }

  void differentiate(Node& node, std::vector<Tensor>& grads, std::vector<Tensor>& results) {
    RecordScope scope;
    if (__builtin_expect(recording(), 0))
      scope.open(EventKind::Backward, node.display_name(), node.sequence());
    Vjp vjp{node, grads, results, options_.retain_graph, still_one(), this};
    if (node.payload) {
      node.payload->apply(vjp);
    } else {
      node.op()->vjp()(vjp);
    }
    if (node.hooks) run_hooks(node.hooks->post, [&](const auto& hook) { hook.second(results, grads); });
  }

  // In anomaly mode.
  void differentiate_watched(Node& node, std::vector<Tensor>& grads, std::vector<Tensor>& results) {
    const EvaluatedNode evaluated(node);
    const std::vector<Tensor> given = grads;  // a hook or derivative may write into the list
    try {
      differentiate(node, grads, results);
    } catch (...) {
      if (explain_backward_error) explain_backward_error(node);
      throw;
    }
    if (AnomalyMode::checks_nan()) check_gradients(node, given, results);
  }

  // The gradient with the shape of the input.
  static Tensor in_shape(Tensor grad, const Dims& sizes, const Node& node) {
    if (grad.sizes() == sizes) return grad;
    const int extra = static_cast<int>(grad.dim()) - sizes.size();
    bool reducible = extra >= 0;
    for (int i = 0; reducible && i < sizes.size(); ++i)
      reducible = sizes[i] == 1 || sizes[i] == grad.sizes()[i + extra];
    if (!reducible)
      fail<RuntimeError>("backward: '{}' returned a gradient of shape {} for an input of shape {}",
                         node.name(), grad.sizes(), sizes);
    return sum_to(grad, sizes);
  }

  void finish_leaf(int index) {
    if (!slots_[index].first.defined() || !slots_[index].needed) return;
    const Tensor leaf(Ref<TensorImpl>::share(slots_[index].edge.leaf_impl()));
    Tensor grad = std::move(slots_[index].first);
    if (AutogradMeta* meta = autograd_meta(leaf); meta && meta->hooks)
      run_hooks(meta->hooks->grad, [&](const auto& hook) { run_hook(grad, hook.second); });
    for (const auto& [input, output] : slots_[index].captures) captured_[input] = grad;
    if (!options_.accumulate) return;
    RecordScope scope;
    if (__builtin_expect(recording(), 0)) scope.open(EventKind::Backward, "AccumulateGrad", 0);
    accumulate_into(ensure_autograd_meta(leaf), leaf, grad);
    AutogradMeta* meta = autograd_meta(leaf);
    if (meta->hooks) run_hooks(meta->hooks->post_accumulate, [&](const auto& hook) { hook.second(leaf); });
  }

  // Several threads may add to one leaf. What may wait for the GIL (an op that is recorded, the end of a
  // tensor) happens without the lock, since the holder of the GIL may wait for the lock.
  void accumulate_into(AutogradMeta& meta, const Tensor& leaf, const Tensor& grad) const {
    static const auto& add_op = find_op<Tensor(const Tensor&, const Tensor&, const Scalar&)>("add");
    std::mutex& mutex = leaf_mutex(leaf);
    const auto read = [&] {
      const std::lock_guard lock(mutex);
      return meta.grad;
    };
    for (Tensor before = read();; before = read()) {
      const bool in_place = before.defined() && !options_.create_graph && before.sizes() == grad.sizes() &&
                            before.dtype() == grad.dtype() && !grad.is_batched();
      Tensor now = in_place ? before : before.defined() ? add(before, grad) : first_gradient(leaf, grad);
      const std::lock_guard lock(mutex);
      if (!meta.grad.same(before)) continue;  // another thread was faster
      if (in_place)
        add_op.run_inplace(before, grad, 1);
      else
        std::swap(meta.grad, now);
      return;
    }
  }

  // A gradient as the leaf may keep it, in memory of its own.
  Tensor first_gradient(const Tensor& leaf, const Tensor& grad) const {
    if (options_.create_graph) return grad;
    if (grad.is_batched()) return clone_plain(grad);
    if (grad.strides() == leaf.strides()) {
      if (only_owner(grad) && !grad.impl()->view) return grad;
      if (only_owner_by_view(grad))
        return from_storage(grad.storage(), grad.dtype(), grad.sizes(), grad.strides(),
                            grad.storage_offset());
    }
    // Laid out like the tensor, so that an optimiser walks both in the same order.
    TensorSpec spec(leaf.sizes(), grad.dtype(), grad.device());
    if (is_dense(leaf.sizes(), leaf.strides())) spec.strides = leaf.strides();
    const Tensor own = empty_tensor(spec);
    copy_into(own, grad);
    return own;
  }

  BackwardOptions options_;
  const Tensor* one_;
  uint32_t one_version_;
  uint64_t number_;
  Engine* around_;
  SlotMap slots_;
  std::vector<Edge> root_edges_;
  std::vector<int> root_slots_, finished_, stops_here_;
  std::vector<std::pair<uint64_t, int>> ready_;
  std::vector<Tensor> captured_;
};

}  // namespace

uint64_t backward_number() { return t_engine ? t_engine->number() : 0; }
bool backward_reaches(const Tensor& tensor) { return t_engine && t_engine->reaches(gradient_edge(tensor)); }

Tensor sum_to(const Tensor& grad, const Dims& sizes) {
  if (grad.sizes() == sizes) return grad;
  static const auto& sum =
      find_op<Tensor(const Tensor&, std::optional<IntSpan>, bool, std::optional<DType>)>("sum.dim");
  static const auto& reshape = find_op<Tensor(const Tensor&, IntSpan)>("reshape");
  const int extra = static_cast<int>(grad.dim()) - sizes.size();
  Dims dims;
  for (int i = 0; i < grad.dim(); ++i)
    if (i < extra || (sizes[i - extra] == 1 && grad.sizes()[i] != 1)) dims.push_back(i);
  const Tensor summed = dims.empty() ? grad : sum(grad, IntSpan(dims), true, std::nullopt);
  return extra > 0 ? reshape(summed, sizes) : summed;
}

std::vector<Tensor> run_backward(std::span<const Tensor> roots, std::span<const Tensor> grads,
                                 const BackwardOptions& options, std::span<const Tensor> inputs) {
  std::vector<Tensor> starts;
  starts.reserve(roots.size());
  const Tensor* one = nullptr;
  for (size_t i = 0; i < roots.size(); ++i) {
    const Tensor& root = roots[i];
    if (!requires_grad(root))
      fail<RuntimeError>(
          "backward: tensor {} does not require grad and has no grad_fn; was it computed under no_grad, or "
          "from tensors without requires_grad=True?",
          static_cast<int64_t>(i));
    if (i < grads.size() && grads[i].defined()) {
      check<RuntimeError>(grads[i].sizes() == root.sizes(),
                          "backward: the gradient given for tensor {} has shape {}, expected {}",
                          static_cast<int64_t>(i), grads[i].sizes(), root.sizes());
      starts.push_back(grads[i].dtype() == root.dtype() ? grads[i] : convert(grads[i], root.dtype()));
    } else {
      if (root.numel() != 1)
        fail<RuntimeError>(
            "backward: grad can be created only for a scalar (a tensor of one element), got shape {}; reduce "
            "it to a loss with .sum() or .mean(), or pass gradient=",
            root.sizes());
      if (is_complex(root.dtype()))
        fail<RuntimeError>("backward: grad can be created only for real outputs, got {}; pass gradient=",
                           root.dtype());
      starts.push_back(ones_like(root));
      one = &starts.back();
    }
  }
  return Engine(options, one).run(roots, starts, inputs);
}

}  // namespace plait
