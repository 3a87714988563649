#include "autograd/variable.h"

#include <atomic>

namespace plait {
namespace {

// A window (sizes, strides, offset) of real or complex numbers, as one of real numbers where it is compared
// with another such.
struct Window {
  Dims sizes, strides;
  int64_t offset;
  DType dtype;

  Window(const Tensor& t, bool as_real)
      : sizes(t.sizes()),
        strides(t.strides()),
        offset(t.storage_offset()),
        dtype(as_real ? to_real(t.dtype()) : t.dtype()) {
    if (dtype == t.dtype()) return;
    for (int64_t& stride : strides) stride *= 2;
    sizes.push_back(2);
    strides.push_back(1);
    offset *= 2;
  }
};
// Does one of them hold the parts of what are complex numbers in the other?
bool differ_in_parts(const Tensor& a, const Tensor& b) {
  return is_complex(a.dtype()) != is_complex(b.dtype());
}

const OpBase& as_real() {
  static const OpBase& op = find_op("view_as_real");
  return op;
}
const OpBase& as_complex() {
  static const OpBase& op = find_op("view_as_complex");
  return op;
}
// What a node of view_as_real or view_as_complex hands on.
Edge through(const OpBase& op, Edge edge, const Window& from, Device device) {
  if (!edge) return edge;
  Ref<Node> node = Node::create(&op, 1, 0, op.attr_params(), 1);
  node->edges()[0] = std::move(edge);
  node->inputs()[0] = {from.sizes, from.dtype, device};
  return Edge(std::move(node), 0);
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
  view->attr_version = tensor.version();
  const Tensor& base = view->base;
  if (!requires_grad(base)) return;
  static const auto& read = find_op<Tensor(const Tensor&, IntSpan, IntSpan, int64_t, IntSpan)>("_view_read");
  EnableGrad guard;
  const bool parts = differ_in_parts(base, tensor);
  const Window whole(base, parts), part(tensor, parts);
  using Conversion = Op<Tensor(const Tensor&)>;
  const auto viewed = [&](const OpBase& op, const Tensor& t) {
    return static_cast<const Conversion&>(op)(t);
  };
  Tensor fresh = read(parts && is_complex(base.dtype()) ? viewed(as_real(), base) : base, part.sizes,
                      part.strides, part.offset - whole.offset, whole.strides);
  if (parts && is_complex(tensor.dtype())) fresh = viewed(as_complex(), fresh);
  AutogradMeta& meta = ensure_autograd_meta(tensor);
  const AutogradMeta* from = autograd_meta(fresh);
  meta.grad_fn = from->grad_fn;
  meta.output = from->output;
}

// The hook must not keep the tensor alive (it would be a cycle through its own node): the tensor takes it
// away when it goes.
void retain_on_node(AutogradMeta& meta) {
  meta.grad_fn->ensure_hooks().on_output.push_back({0, meta.output,
                                                    [&meta](const Tensor& grad) {
                                                      meta.grad = grad;
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
bool Tensor::requires_grad() const noexcept { return plait::requires_grad(*this); }

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
  if (requires_grad(self) && is_leaf(self))
    fail<RuntimeError>(
        "{}_: a leaf tensor that requires grad cannot be changed in place, since its gradient would be lost; "
        "use the "
        "out-of-place form, or plait.no_grad()",
        op);
  if (!view || !records) return;
  if (requires_grad(view->base) && is_leaf(view->base))
    fail<RuntimeError>(
        "{}_: self is a view of a leaf tensor that requires grad, which cannot be changed in place; use the "
        "out-of-place form, or plait.no_grad()",
        op);
  if (view->origin == ViewOrigin::NoGrad)
    fail<RuntimeError>(
        "{}_: self is a view made under no_grad, and is changed in place with gradients on; make the view "
        "with "
        "gradients on, or .clone() it",
        op);
  if (view->origin == ViewOrigin::MultiOutput)
    fail<RuntimeError>(
        "{}_: self is one of several views made by one call (split, unbind, chunk), which cannot be changed "
        "in place "
        "with gradients on; use the out-of-place form",
        op);
}

void rebase_history(const Tensor& self, Ref<Node> node) {
  ViewMeta* view = self.impl()->view.get();
  if (view) {
    const Tensor& base = view->base;
    static const OpBase& write = find_op("_view_write");
    const bool parts = differ_in_parts(base, self), complex_base = parts && is_complex(base.dtype());
    const Window whole(base, parts), window(self, parts);
    Ref<Node> rebased = Node::create(&write, 2, 0, write.attr_params(), 1);
    Edge before = gradient_edge(base), written(node, 0);
    if (complex_base) before = through(as_real(), std::move(before), Window(base, false), base.device());
    if (parts && !complex_base)
      written = through(as_real(), std::move(written), Window(self, false), self.device());
    rebased->edges()[0] = std::move(before);
    rebased->edges()[1] = std::move(written);
    rebased->inputs()[0] = {whole.sizes, whole.dtype, base.device()};
    rebased->inputs()[1] = {window.sizes, window.dtype, self.device()};
    rebased->attrs()[0] = Value(window.sizes);
    rebased->attrs()[1] = Value(window.strides);
    rebased->attrs()[2] = Value(window.offset - whole.offset);
    rebased->attrs()[3] = Value(whole.strides);
    if (complex_base) {
      Edge joined = through(as_complex(), Edge(rebased, 0), whole, base.device());
      rebased = joined.take_node();
    }
    set_history(base, rebased, 0);
    view->attr_version = self.version();
  }
  set_history(self, std::move(node), 0);
}

void detach_inplace(const Tensor& tensor) {
  if (tensor.impl()->view) fail<RuntimeError>("detach_: views cannot be detached in place; use .detach()");
  tensor.impl()->keys &= ~bit(Key::Autograd);
  if (AutogradMeta* meta = autograd_meta(tensor)) {
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
