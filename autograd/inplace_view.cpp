#include "autograd/inplace_view.h"

namespace plait {

void check_view_inplace(const char* op, const Tensor& self) {
  if (grad_enabled() && requires_grad(self) && is_leaf(self))
    fail<RuntimeError>(
        "{}_: a leaf tensor that requires grad cannot change its shape in place, since its gradient would "
        "come in the new one; use .{}(), or plait.no_grad()",
        op, op);
}

void become_view(const char* op, const Tensor& self, const Tensor& view) {
  TensorImpl& to = *self.impl();
  const TensorImpl& from = *view.impl();
  check<RuntimeError>(
      from.storage.get() == to.storage.get() && from.numel == to.numel && from.dtype == to.dtype,
      "{}_: the result is no view of all elements of self; use .{}()", op, op);
  const AutogradMeta* meta = autograd_meta(view);
  const bool recorded = meta && meta->grad_fn;
  to.sizes = from.sizes;
  to.strides = from.strides;
  to.offset = from.offset;
  to.contiguous = from.contiguous;
  if (to.storage) to.storage->bump_version();
  if (recorded) set_history(self, meta->grad_fn, meta->output);
  // Its history is that of this call, or none as before, not the one that a view of changed memory gets.
  if (to.view) to.view->attr_version = self.version();
}

}  // namespace plait
