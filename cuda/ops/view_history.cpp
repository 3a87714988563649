// The ops that the histories of views consist of (ops/view_history.cpp).
#include "ops/decl/view_history.h"

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/index_plan.h"

namespace plait::cuda {
namespace {

// A tensor like `t`, laid out with `strides`; a base with gaps has the same reach, the gaps unused.
Tensor empty_with(const Tensor& t, IntSpan strides) {
  const Dims wanted(strides);
  if (is_dense(t.sizes(), strides)) return empty_tensor(TensorSpec(t.sizes(), t.dtype(), t.device(), wanted));
  int64_t reach = 1;
  for (int i = 0; i < wanted.size(); ++i) reach += (t.sizes()[i] - 1) * wanted[i];
  const Tensor flat = empty_tensor(Dims{t.numel() == 0 ? 0 : reach}, t.dtype(), t.device());
  return from_storage(flat.storage(), t.dtype(), t.sizes(), wanted, 0);
}
Tensor laid_out(const Tensor& t, IntSpan strides) {
  if (t.strides() == Dims(strides)) return t;
  const Tensor out = empty_with(t, strides);
  copy_on_device(out, t);
  return out;
}

Tensor window(const Tensor& base, IntSpan size, IntSpan stride, int64_t offset) {
  return from_storage(base.storage(), base.dtype(), Dims(size), Dims(stride), base.storage_offset() + offset);
}

CudaKernel read_kernel(op::_view_read, [](const Tensor& out, const Tensor& self, IntSpan size, IntSpan stride,
                                          int64_t offset, IntSpan base_stride) {
  if (out.numel() > 0) copy_on_device(out, window(laid_out(self, base_stride), size, stride, offset));
});

CudaKernel accumulate_kernel(op::_view_accumulate, [](const Tensor& out, const Tensor& self, IntSpan,
                                                      IntSpan size, IntSpan stride, int64_t offset,
                                                      IntSpan base_stride) {
  zero_fill(out);
  if (self.numel() == 0) return;
  const Tensor base = laid_out(out, base_stride);
  if (has_internal_overlap(size, stride))  // elements meet: a walk in which no index takes part
    run_indexed(IndexedOp::Add,
                {"_view_accumulate", Dims(size), window(base, {}, {}, offset), Dims(stride), self, {}});
  else
    copy_on_device(window(base, size, stride, offset), self);
  if (!base.same(out)) copy_on_device(out, base);
});

CudaKernel write_kernel(op::_view_write, [](const Tensor& out, const Tensor& self, const Tensor& src,
                                            IntSpan size, IntSpan stride, int64_t offset,
                                            IntSpan base_stride) {
  copy_on_device(out, self);
  const Tensor base = laid_out(out, base_stride), target = window(base, size, stride, offset);
  if (target.numel() > 0) copy_on_device(target, src);
  if (!base.same(out)) copy_on_device(out, base);
});

}  // namespace
}  // namespace plait::cuda
