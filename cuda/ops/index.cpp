// Reading and writing by index: gather, index_select, index, index_put, take and their derivatives.
#include "ops/decl/index.h"

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/index_mask.h"
#include "cuda/ops/index_plan.h"
#include "ops/alpha.h"
#include "ops/cpu/index.h"
#include "ops/decl/index_write.h"
#include "ops/math.h"

namespace plait::cuda {
namespace {

// `values` as an operand of elements of `dtype`: itself, a number, or a converted copy.
Tensor values_as(const Tensor& values, DType dtype) {
  return is_number(values) || values.dtype() == dtype ? values : converted(values, dtype);
}

void put(const char* op, const Tensor& out, TensorList given, const Tensor& given_values, bool accumulate) {
  const Tensor values = without_overlap(values_as(given_values, out.dtype()), out);
  if (!accumulate && put_by_mask(op, out, given, values)) return;
  std::vector<Tensor> indices = positions_of_masks(op, out, given);
  for (Tensor& index : indices)
    if (index.defined()) index = without_overlap(index, out);
  IndexedCall call = indexed_call(op, out, indices, values);
  const Dims shape = call.sizes;
  bool fits = values.dim() <= shape.size() || values.numel() == 1;
  for (int i = 0; fits && values.numel() != 1 && i < values.dim(); ++i) {
    const int64_t size = values.sizes()[i];
    fits = size == 1 || size == shape[i + shape.size() - static_cast<int>(values.dim())];
  }
  check(fits, "{}: values of shape {} cannot be broadcast to the indexed shape {}", op, values.sizes(),
        shape);
  if (values.numel() == 1 && !is_number(values)) call.here = seen_as(values, Dims(), Dims());
  run_indexed(accumulate ? IndexedOp::Add : IndexedOp::Assign, std::move(call));
}

void add_rows(const char* op, const Tensor& out, int d, const Tensor& index, const Tensor& source) {
  run_indexed(IndexedOp::Add, row_call(op, out, d, index, source));
}

// 0-d and one-element tensors stand for each other here.
Tensor source_for(const Tensor& source, const Tensor& out) {
  const Tensor apart = is_number(source) ? source : without_overlap(source, out);
  return apart.numel() == 1 && !is_number(apart) ? seen_as(apart, Dims(), Dims()) : apart;
}

void fill_rows(const Tensor& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& value) {
  start_from(out, self);
  const int d = wrap_dim(dim, out.dim(), "index_fill");
  check<TypeError>(!is_complex(value.dtype()) || is_complex(out.dtype()),
                   "index_fill: a complex value does not go into a tensor of dtype {}", out.dtype());
  run_indexed(IndexedOp::Assign, row_call("index_fill", out, d, without_overlap(index, out),
                                          source_for(values_as(value, out.dtype()), out)));
}

CudaKernel index_kernel(op::_index, [](const Tensor& out, const Tensor& self, TensorList indices) {
  run_indexed(IndexedOp::Read, indexed_call("index", self, indices, out));
});

CudaKernel index_backward_kernel(op::_index_backward,
                                 [](const Tensor& out, const Tensor& grad, IntSpan, TensorList indices) {
                                   zero_fill(out);
                                   put("index_put", out, indices, grad, true);
                                 });

CudaKernel index_put_kernel(op::index_put, [](const Tensor& out, const Tensor& self, TensorList indices,
                                              const Tensor& values, bool accumulate) {
  start_from(out, self);
  put("index_put", out, indices, values, accumulate);
});

CudaKernel index_select_kernel(op::index_select, [](const Tensor& out, const Tensor& self, int64_t dim,
                                                    const Tensor& index) {
  run_indexed(IndexedOp::Read,
              row_call("index_select", self, wrap_dim(dim, self.dim(), "index_select"), index, out));
});

CudaKernel index_select_backward_kernel(op::_index_select_backward, [](const Tensor& out, const Tensor& grad,
                                                                       IntSpan, int64_t dim,
                                                                       const Tensor& index) {
  zero_fill(out);
  add_rows("index_select", out, wrap_dim(dim, out.dim(), "index_select"), index, grad);
});

CudaKernel gather_kernel(op::gather, [](const Tensor& out, const Tensor& self, int64_t dim,
                                        const Tensor& index, bool) {
  run_indexed(IndexedOp::Read, along_call("gather", self, wrap_dim(dim, self.dim(), "gather"), index, out));
});

CudaKernel gather_backward_kernel(op::_gather_backward, [](const Tensor& out, const Tensor& grad, IntSpan,
                                                           int64_t dim, const Tensor& index) {
  zero_fill(out);
  run_indexed(IndexedOp::Add, along_call("gather", out, wrap_dim(dim, out.dim(), "gather"), index, grad));
});

CudaKernel take_kernel(op::take, [](const Tensor& out, const Tensor& self, const Tensor& index) {
  const Tensor packed = contiguous(self);
  const Tensor flat = seen_as(packed, Dims{packed.numel()}, Dims{1});
  run_indexed(IndexedOp::Read, indexed_call("take", flat, std::span(&index, 1), out));
});

CudaKernel index_add_kernel(op::index_add, [](const Tensor& out, const Tensor& self, int64_t dim,
                                              const Tensor& index, const Tensor& source,
                                              const Scalar& alpha) {
  start_from(out, self);
  const int d = wrap_dim(dim, out.dim(), "index_add");
  const Scalar factor = op::as_factor(alpha, source.dtype());
  add_rows("index_add", out, d, without_overlap(index, out),
           source_for(factor.equals(1) ? source : plait::mul(source, wrapped_scalar(factor)), out));
});

CudaKernel index_copy_kernel(op::index_copy, [](const Tensor& out, const Tensor& self, int64_t dim,
                                                const Tensor& index, const Tensor& source) {
  start_from(out, self);
  const int d = wrap_dim(dim, out.dim(), "index_copy");
  run_indexed(IndexedOp::Assign,
              row_call("index_copy", out, d, without_overlap(index, out), source_for(source, out)));
});

CudaKernel index_fill_tensor_kernel(op::index_fill_tensor,
                                    [](const Tensor& out, const Tensor& self, int64_t dim,
                                       const Tensor& index,
                                       const Tensor& value) { fill_rows(out, self, dim, index, value); });

CudaKernel index_fill_kernel(op::index_fill, [](const Tensor& out, const Tensor& self, int64_t dim,
                                                const Tensor& index, const Scalar& value) {
  fill_rows(out, self, dim, index, wrapped_scalar(value));
});

}  // namespace
}  // namespace plait::cuda
