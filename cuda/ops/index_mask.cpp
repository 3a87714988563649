// Reading and writing by mask: nonzero, masked_select, masked_scatter, and masks among the indices of
// index_put.
#include "cuda/ops/index_mask.h"

#include <cstring>

#include "cuda/attach.h"
#include "cuda/kernels/mask.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/index_plan.h"
#include "cuda/ops/read_back.h"
#include "ops/decl/index_mask.h"

namespace plait::cuda {
namespace {

Tensor mask_bytes(const Tensor& t) {
  return contiguous(t.dtype() == DType::Bool ? t : converted(t, DType::Bool));
}

Tensor expanded_to(const Tensor& t, const Dims& sizes) {
  if (t.sizes() == sizes && t.is_contiguous()) return t;
  const Tensor full = empty_tensor(sizes, t.dtype(), t.device());
  copy_on_device(full, t);
  return full;
}

// The mask at position d of an index list must have the sizes of the dimensions that it covers.
void check_mask(const Tensor& self, const Tensor& mask, int d) {
  for (int i = 0; i < mask.dim(); ++i)
    check<IndexError>(
        d + i < self.dim() && mask.sizes()[i] == self.sizes()[d + i],
        "index: the mask of shape {} at dimension {} does not fit self of shape {}; its sizes must be "
        "equal there",
        mask.sizes(), d, self.sizes());
}

void fill_by_mask(const char* op, const Tensor& out, const Tensor& mask, int position, const Tensor& value) {
  // The mask, broadcast over the dimensions that it does not cover.
  Dims strides(static_cast<int>(out.dim()), 0);
  for (int i = 0; i < mask.dim(); ++i) strides[position + i] = mask.strides()[i];
  const Tensor wide = seen_as(mask, out.sizes(), strides);
  MaskedFill fill{itemsize(out.dtype()), {0, 0}, nullptr};
  if (is_number(value))
    visit(out.dtype(), [&]<class T>() {
      const T number = item(value).to<T>();
      std::memcpy(fill.bits, &number, sizeof(T));
    });
  else
    fill.from = value.data_ptr();
  run_elementwise_as_is(op, fill_masked, out, {&wide}, &fill);
}

}  // namespace

Mask::Mask(const Tensor& tensor)
    : bytes_(mask_bytes(tensor)),
      before_(static_cast<size_t>(mask_tiles(tensor.numel()) + 1) * sizeof(int64_t)) {
  count_mask(data(), numel(), before_.as<int64_t>());
}

int64_t Mask::count() const { return numel() == 0 ? 0 : read_back(before() + mask_tiles(numel())); }

Tensor positions(const Tensor& tensor) {
  const Mask mask(tensor);
  const int64_t count = mask.count();
  const Tensor out = empty_tensor(Dims{count, tensor.dim()}, DType::Int64, tensor.device());
  if (out.numel() == 0) return out;
  MaskShape shape;
  shape.ndim = static_cast<int>(tensor.dim());
  for (int d = 0; d < shape.ndim; ++d) shape.sizes[d] = tensor.sizes()[d];
  positions_of_mask(out.data<int64_t>(), mask.data(), mask.numel(), mask.before(), shape);
  return out;
}

std::vector<Tensor> positions_of_masks(const char*, const Tensor& self, TensorList indices) {
  std::vector<Tensor> out;
  for (const Tensor& index : indices) {
    if (!index.defined() || !is_mask(index)) {
      out.push_back(index);
      continue;
    }
    check_mask(self, index, static_cast<int>(out.size()));
    const Tensor where = positions(index);
    for (int i = 0; i < index.dim(); ++i)
      out.push_back(
          from_storage(where.storage(), DType::Int64, Dims{where.sizes()[0]}, Dims{index.dim()}, i));
  }
  return out;
}

bool put_by_mask(const char* op, const Tensor& out, TensorList indices, const Tensor& values) {
  Tensor lone;
  int position = 0;
  for (size_t i = 0; i < indices.size(); ++i) {
    if (!indices[i].defined()) continue;
    if (lone.defined()) return false;
    lone = indices[i];
    position = static_cast<int>(i);
  }
  if (!lone.defined() || !is_mask(lone) || lone.dim() == 0) return false;
  const bool whole = position == 0 && lone.dim() == out.dim();
  if (values.numel() == 1) {
    check_mask(out, lone, position);
    const Tensor apart = without_overlap(lone, out);
    fill_by_mask(op, out, apart.dtype() == DType::Bool ? apart : converted(apart, DType::Bool), position,
                 values);
    return true;
  }
  if (!whole || !out.is_contiguous() || values.dim() != 1) return false;
  check_mask(out, lone, position);
  const Mask mask(without_overlap(lone, out));
  const Tensor from = contiguous(values);
  if (mask.numel() == 0)
    check(values.numel() == 0, "{}: {} values cannot be broadcast to the 0 elements that the mask selects",
          op, values.numel());
  else
    scatter_masked(out.data_ptr(), from.data_ptr(), mask.data(), mask.numel(), mask.before(),
                   itemsize(out.dtype()), from.numel(), true, op, fault_slot());
  return true;
}

namespace {

CudaDirect nonzero_kernel(op::nonzero, [](const Tensor& self) { return positions(self); });

CudaDirect masked_select_kernel(op::masked_select, [](const Tensor& self, const Tensor& mask) {
  check<TypeError>(is_mask(mask),
                   "masked_select: expected a mask of dtype bool, got {}; convert it with .bool()",
                   mask.dtype());
  const Dims sizes = broadcast(self.sizes(), mask.sizes(), "masked_select");
  const Mask ready(expanded_to(mask, sizes));
  const Tensor from = expanded_to(self, sizes);
  const Tensor out = empty_tensor(Dims{ready.count()}, self.dtype(), self.device());
  if (out.numel() > 0)
    select_masked(out.data_ptr(), from.data_ptr(), ready.data(), ready.numel(), ready.before(),
                  itemsize(self.dtype()));
  return out;
});

CudaKernel masked_scatter_kernel(op::masked_scatter, [](const Tensor& out, const Tensor& self,
                                                        const Tensor& mask, const Tensor& source) {
  start_from(out, self);
  if (out.numel() == 0) return;
  const Mask ready(expanded_to(without_overlap(mask, out), out.sizes()));
  const Tensor from = contiguous(source), to = contiguous(out);
  scatter_masked(to.data_ptr(), from.data_ptr(), ready.data(), ready.numel(), ready.before(),
                 itemsize(out.dtype()), from.numel(), false, "masked_scatter", fault_slot());
  if (!to.same(out)) copy_on_device(out, to);
});

}  // namespace
}  // namespace plait::cuda
