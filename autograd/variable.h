// What autograd knows of a tensor: its gradient, where it came from, its hooks; and the rules of views.
//
// Note [In-place on views]
// All views of a storage show an in-place write, so the tape must know it too. A view keeps its base
// (ViewMeta in core/tensor.h). When view v of base b is overwritten by an op recorded as node N (whose input
// edge is v's history before), then
//   * b's new history is `_view_write(b before, v)`: b with the window of v replaced by N's result;
//   * every view of b, v too, shows new values, so its history is stale. It sees that by the storage's
//     version, which has moved on since it last looked; its history is made anew, when asked for, as
//     `_view_read` of b. The gradient of b is so that of all uses of its views from then on.
// Where one of b and v is complex and the other real (view_as_real, view_as_complex), both are taken as real
// numbers, and the history goes through these two ops.
// A view may be made while nothing requires grad, and its base come to require it later. Therefore the
// Autograd key of every view is set, and the layer looks closer (`requires_grad` brings the history up to
// date first).
#pragma once

#include "autograd/node.h"

namespace plait {

struct PLAIT_API AutogradMeta final : AutogradMetaBase, Pooled<AutogradMeta> {
  bool requires_grad = false;  // of a leaf
  bool retains_grad = false;
  uint32_t output = 0;
  Ref<Node> grad_fn;
  Tensor grad;

  ~AutogradMeta() override { forget_retained(); }
  void forget_retained() noexcept;

  struct Hooks {
    std::vector<std::pair<int64_t, NodeHooks::TensorHook>> grad;
    std::vector<std::pair<int64_t, std::function<void(const Tensor&)>>> post_accumulate;
  };
  std::unique_ptr<Hooks> hooks;  // of a leaf; those of other tensors are kept by their node
};

inline AutogradMeta* autograd_meta(const Tensor& tensor) {
  return static_cast<AutogradMeta*>(tensor.impl()->autograd.get());
}
PLAIT_API AutogradMeta& ensure_autograd_meta(const Tensor& tensor);

PLAIT_API bool requires_grad(const Tensor& tensor);
PLAIT_API void set_requires_grad(const Tensor& tensor, bool on);  // leaves of floating or complex dtype only
PLAIT_API bool is_leaf(const Tensor& tensor);
PLAIT_API Ref<Node> grad_fn(const Tensor& tensor);   // null for a leaf
PLAIT_API Edge gradient_edge(const Tensor& tensor);  // empty where no gradient is wanted
PLAIT_API void set_history(const Tensor& tensor, Ref<Node> node, uint32_t output);
// After an in-place op recorded as `node`. Note [In-place on views].
PLAIT_API void rebase_history(const Tensor& self, Ref<Node> node);
// Raises where an in-place op on `self` must be refused.
PLAIT_API void check_inplace_allowed(const char* op, const Tensor& self, bool records);
PLAIT_API void detach_inplace(const Tensor& tensor);

PLAIT_API void retain_grad(const Tensor& tensor);
// Hooks return an id for their removal.
PLAIT_API int64_t register_hook(const Tensor& tensor, NodeHooks::TensorHook hook);
PLAIT_API int64_t register_post_accumulate_hook(const Tensor& tensor,
                                                std::function<void(const Tensor&)> hook);
PLAIT_API int64_t next_hook_id();

}  // namespace plait
