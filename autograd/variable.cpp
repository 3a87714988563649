#include "autograd/variable.h"

#include <atomic>

namespace plait {
namespace {

// Where a view lies in its base: strides and offset count elements of one dtype.
struct Placed {
  Dims sizes, strides;
  int64_t offset;
  DType dtype;

  // `in_reals`: a complex tensor is taken as pairs of real numbers.
  Placed(const Tensor& tensor, bool in_reals)
      : sizes(tensor.sizes()),
        strides(tensor.strides()),
        offset(tensor.storage_offset()),
        dtype(tensor.dtype()) {
    if (!in_reals || !is_complex(dtype)) return;
    for (int64_t& stride : strides) stride *= 2;
    sizes.push_back(2);
    strides.push_back(1);
    offset *= 2;
    dtype = to_real(dtype);
  }
};
bool is_mixed(const Tensor& base, const Tensor& view) {
  return is_complex(base.dtype()) != is_complex(view.dtype());
}

// A node of an op with one tensor.
Ref<Node> unary_node(const OpBase& op, Edge edge, InputMeta input) {
  Ref<Node> node = Node::create(&op, 1, 0, op.attr_params(), 1);
  node->edges()[0] = std::move(edge);
  node->inputs()[0] = std::move(input);
  return node;
}
InputMeta meta_of(const Placed& placed, const Tensor& tensor) {
  return {placed.sizes, placed.dtype, tensor.device()};
}

// The history of a complex tensor that is taken as pairs of real numbers, and of pairs taken as one.
Edge in_reals(Edge edge, const Tensor& tensor) {
  static const OpBase& as_real = find_op("view_as_real");
  if (!edge || !is_complex(tensor.dtype())) return edge;
  return Edge(unary_node(as_real, std::move(edge), {tensor.sizes(), tensor.dtype(), tensor.device()}), 0);
}
Ref<Node> in_complex(Ref<Node> node, const Placed& reals, const Tensor& tensor) {
  static const OpBase& as_complex = find_op("view_as_complex");
  return unary_node(as_complex, Edge(std::move(node), 0), meta_of(reals, tensor));
}

// The history of the part of the base that a view shows.
Ref<Node> read_base(const Tensor& base, const Tensor& view) {
  static const OpBase& read = find_op("_view_read");
  const bool mixed = is_mixed(base, view);
  const Placed whole(base, mixed), part(view, mixed);
  Edge edge = gradient_edge(base);
  if (mixed) edge = in_reals(std::move(edge), base);
  Ref<Node> node = unary_node(read, std::move(edge), meta_of(whole, base));
  node->attrs()[0] = Value(part.sizes);
  node->attrs()[1] = Value(part.strides);
  node->attrs()[2] = Value(part.offset - whole.offset);
  node->attrs()[3] = Value(whole.strides);
  return mixed && is_complex(view.dtype()) ? in_complex(std::move(node), part, view) : node;
}

// Brings the history of a view up to date. Note [In-place on views].
void refresh_view(const Tensor& tensor) {
  ViewMeta* view = tensor.impl()->view.get();
  if (!view) return;
  if (view->attr_version == tensor.version()) {
    // The base may have come to require grad after the view was made.
    const AutogradMeta* meta = autograd_meta(tensor);
    if (view->origin == ViewOrigin::NoGrad || (meta && (meta->grad_fn || meta->requires_grad)) ||
        !requires_grad(view->base))
      return;
  }
  if (requires_grad(view->base)) set_history(tensor, read_base(view->base, tensor), 0);
  view->attr_version = tensor.version();
}

// Adds a gradient to the one that a tensor retains, in memory that nobody else sees.
void add_retained(AutogradMeta& meta, const Tensor& grad) {
  static const auto& add = find_op<Tensor(const Tensor&, const Tensor&, const Scalar&)>("add");
  static const auto& clone = find_op<Tensor(const Tensor&, std::optional<MemoryFormat>)>("clone");
  meta.grad = meta.grad.defined() ? add(meta.grad, grad, 1) : clone(grad, std::nullopt);
}

// The hook must not keep the tensor alive (it would be a cycle through its own node): the tensor takes it
// away when it goes, or gets another history.
void retain_on_node(AutogradMeta& meta) {
  meta.grad_fn->ensure_hooks().on_output.push_back({0, meta.output,
                                                    [&meta](const Tensor& grad) {
                                                      add_retained(meta, grad);
                                                      return Tensor();
                                                    },
                                                    &meta});
}

}  // namespace

void AutogradMeta::forget_retained() noexcept {
  if (!retains_grad || !grad_fn || !grad_fn->hooks) return;
  std::erase_if(grad_fn->hooks->on_output,
                [this](const NodeHooks::OnOutput& hook) { return hook.owner == this; });
}

AutogradMeta& ensure_autograd_meta(const Tensor& tensor) {
  if (!tensor.impl()->autograd) tensor.impl()->autograd = std::make_unique<AutogradMeta>();
  return *autograd_meta(tensor);
}

bool requires_grad(const Tensor& tensor) {
  if (tensor.impl()->view) refresh_view(tensor);
  const AutogradMeta* meta = autograd_meta(tensor);
  return meta && (meta->requires_grad || meta->grad_fn);
}
bool Tensor::requires_grad() const { return plait::requires_grad(*this); }

bool is_leaf(const Tensor& tensor) { return !grad_fn(tensor); }

Ref<Node> grad_fn(const Tensor& tensor) {
  if (tensor.impl()->view) refresh_view(tensor);
  const AutogradMeta* meta = autograd_meta(tensor);
  return meta ? meta->grad_fn : Ref<Node>();
}

Edge gradient_edge(const Tensor& tensor) {
  if (!requires_grad(tensor)) return {};
  const AutogradMeta* meta = autograd_meta(tensor);
  return meta->grad_fn ? Edge(meta->grad_fn, meta->output) : Edge::leaf(tensor);
}

void set_requires_grad(const Tensor& tensor, bool on) {
  if (on && !is_differentiable(tensor.dtype()))
    fail<RuntimeError>(
        "requires_grad_: only tensors of floating or complex dtype can require gradients, got {}; convert "
        "with .float()",
        tensor.dtype());
  if (!is_leaf(tensor)) {
    if (on) return;
    fail<RuntimeError>(
        "requires_grad_(False): the tensor is the result of '{}', not a leaf; use .detach() for one without "
        "history",
        grad_fn(tensor)->name());
  }
  if (on && tensor.impl()->inference && !context().inference)
    fail<RuntimeError>("requires_grad_: the tensor was made in inference mode; .clone() it first");
  if (!on && !autograd_meta(tensor)) return;
  ensure_autograd_meta(tensor).requires_grad = on;
  KeySet& keys = tensor.impl()->keys;
  keys = on || tensor.impl()->view ? keys | bit(Key::Autograd) : keys & ~bit(Key::Autograd);
}

void set_history(const Tensor& tensor, Ref<Node> node, uint32_t output) {
  AutogradMeta& meta = ensure_autograd_meta(tensor);
  if (meta.retains_grad) meta.forget_retained();
  meta.grad_fn = std::move(node);
  meta.output = output;
  if (meta.retains_grad) retain_on_node(meta);
  tensor.impl()->keys |= bit(Key::Autograd);
}

void check_inplace_allowed(const char* op, const Tensor& self, bool records) {
  if (!grad_enabled()) return;
  const ViewMeta* view = self.impl()->view.get();
  if (self.is_batched()) {
    static const OpBase& hide = find_op("_batch_hide");
    const Ref<Node> from = grad_fn(view ? view->base : self);
    if (from && from->op() == &hide)
      fail<RuntimeError>(
          "{}_: self is an entry of an argument of vmap that requires grad, which cannot be changed in "
          "place; "
          "use the out-of-place form, or .clone() it first",
          op);
  }
  if (requires_grad(self) && is_leaf(self))
    fail<RuntimeError>(
        "{}_: a leaf tensor that requires grad cannot be changed in place, since its gradient would be lost; "
        "use the out-of-place form, or plait.no_grad()",
        op);
  // A view made under no_grad does not say so when its base requires grad: the base's history would not know
  // of the write.
  if (!view || !(records || (view->origin == ViewOrigin::NoGrad && requires_grad(view->base)))) return;
  if (requires_grad(view->base) && is_leaf(view->base))
    fail<RuntimeError>(
        "{}_: self is a view of a leaf tensor that requires grad, which cannot be changed in place; use the "
        "out-of-place form, or plait.no_grad()",
        op);
  if (view->origin == ViewOrigin::NoGrad)
    fail<RuntimeError>(
        "{}_: self is a view made under no_grad, and is changed in place with gradients on; make the view "
        "with gradients on, or .clone() it",
        op);
  if (view->origin == ViewOrigin::MultiOutput)
    fail<RuntimeError>(
        "{}_: self is one of several views made by one call (split, unbind, chunk), which cannot be changed "
        "in place with gradients on; use the out-of-place form",
        op);
}

namespace {

// The history of a base whose view `self` was overwritten by an op recorded as `node`.
Ref<Node> written_base(const Tensor& base, const Tensor& self, Ref<Node> node) {
  static const OpBase& write = find_op("_view_write");
  const bool mixed = is_mixed(base, self);
  const Placed whole(base, mixed), part(self, mixed);
  Ref<Node> written = Node::create(&write, 2, 0, write.attr_params(), 1);
  Edge before = gradient_edge(base), after(std::move(node), 0);
  written->edges()[0] = mixed ? in_reals(std::move(before), base) : std::move(before);
  written->edges()[1] = mixed ? in_reals(std::move(after), self) : std::move(after);
  written->inputs()[0] = meta_of(whole, base);
  written->inputs()[1] = meta_of(part, self);
  written->attrs()[0] = Value(part.sizes);
  written->attrs()[1] = Value(part.strides);
  written->attrs()[2] = Value(part.offset - whole.offset);
  written->attrs()[3] = Value(whole.strides);
  return mixed && is_complex(base.dtype()) ? in_complex(std::move(written), whole, base) : written;
}

}  // namespace

void rebase_history(const Tensor& self, Ref<Node> node) {
  ViewMeta* view = self.impl()->view.get();
  if (!view) return set_history(self, std::move(node), 0);
  set_history(view->base, written_base(view->base, self, std::move(node)), 0);
  // Out of date, as every view of the base now is, also where the op wrote nothing.
  view->attr_version = self.version() - 1;
  const AutogradMeta* meta = autograd_meta(self);
  if (meta && meta->retains_grad) refresh_view(self);
}

void detach_inplace(const Tensor& tensor) {
  if (tensor.impl()->view) fail<RuntimeError>("detach_: views cannot be detached in place; use .detach()");
  tensor.impl()->keys &= ~bit(Key::Autograd);
  if (AutogradMeta* meta = autograd_meta(tensor)) {
    meta->forget_retained();
    meta->retains_grad = false;
    meta->grad_fn.reset();
    meta->requires_grad = false;
  }
}

int64_t next_hook_id() {
  static std::atomic<int64_t> id{0};
  return ++id;
}

int64_t register_hook(const Tensor& tensor, NodeHooks::TensorHook hook) {
  if (!requires_grad(tensor))
    fail<RuntimeError>("register_hook: the tensor does not require grad, so no gradient will reach the hook");
  const int64_t id = next_hook_id();
  AutogradMeta& meta = ensure_autograd_meta(tensor);
  if (meta.grad_fn) {
    meta.grad_fn->ensure_hooks().on_output.push_back({id, meta.output, std::move(hook)});
  } else {
    if (!meta.hooks) meta.hooks = std::make_unique<AutogradMeta::Hooks>();
    meta.hooks->grad.emplace_back(id, std::move(hook));
  }
  return id;
}

int64_t register_post_accumulate_hook(const Tensor& tensor, std::function<void(const Tensor&)> hook) {
  if (!requires_grad(tensor) || !is_leaf(tensor))
    fail<RuntimeError>("register_post_accumulate_grad_hook: expected a leaf tensor that requires grad");
  AutogradMeta& meta = ensure_autograd_meta(tensor);
  if (!meta.hooks) meta.hooks = std::make_unique<AutogradMeta::Hooks>();
  const int64_t id = next_hook_id();
  meta.hooks->post_accumulate.emplace_back(id, std::move(hook));
  return id;
}

void retain_grad(const Tensor& tensor) {
  if (!requires_grad(tensor)) fail<RuntimeError>("retain_grad: the tensor does not require grad");
  AutogradMeta& meta = ensure_autograd_meta(tensor);
  if (!meta.grad_fn || meta.retains_grad) return;
  meta.retains_grad = true;
  retain_on_node(meta);
}

}  // namespace plait
