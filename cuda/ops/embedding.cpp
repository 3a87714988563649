// Rows of a table by integers: embedding, one_hot.
#include "ops/decl/embedding.h"

#include "cuda/attach.h"
#include "cuda/kernels/embedding.h"
#include "cuda/kernels/radix_sort.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/index_plan.h"
#include "cuda/ops/read_back.h"
#include "cuda/runtime/memory.h"
#include "cuda/runtime/settings.h"
#include "cuda/runtime/stream.h"

namespace plait::cuda {
namespace {

// Indices are refused when negative, which those of an IndexedCall are not.
IndexedCall rows_call(const Tensor& weight, const Tensor& indices, const Tensor& here, int64_t padding) {
  IndexedCall call = indexed_call("embedding", weight, std::span(&indices, 1), here);
  call.indices[0].wrap = false;
  if (padding >= 0) call.indices[0].skipped = padding;
  return call;
}

bool is_wide(const Tensor& indices) { return indices.dtype() == DType::Int64; }

// Rows divided by how often their index occurs, and zero at the padding index.
Tensor scaled(const Tensor& rows, const Tensor& indices, int64_t count, int64_t padding, bool by_frequency,
              const Tensor& to) {
  const int64_t n = indices.numel(), width = rows.sizes().back();
  check<TypeError>(is_floating(rows.dtype()) || is_complex(rows.dtype()),
                   "embedding: rows of dtype {} are not scaled; expected floats or complex numbers",
                   rows.dtype());
  if (rows.numel() == 0) return to;
  const Workspace counts(static_cast<size_t>(by_frequency ? count : 0) * sizeof(int32_t) + 1);
  if (by_frequency) {
    zero_memory(counts.data(), static_cast<size_t>(count) * sizeof(int32_t));
    count_indices(counts.as<int32_t>(), indices.data_ptr(), is_wide(indices), n, count);
  }
  scale_rows(
      {rows.data_ptr(), to.data_ptr(), indices.data_ptr(), is_wide(indices),
       by_frequency ? counts.as<int32_t>() : nullptr, n, count, width, padding >= 0 ? padding : INT64_MIN},
      rows.dtype());
  return to;
}

// Sorting pays where many rows meet; a sum of 16-bit floats is rounded once then, and not at each step. Not
// measured yet: the sort is seven launches.
bool sorts(int64_t n, int64_t rows, DType dtype) {
  constexpr int64_t kMost = int64_t{1} << 31;
  if (n >= kMost || rows >= kMost || !(is_floating(dtype) || is_complex(dtype))) return false;
  return settings().deterministic || n >= (is_reduced_float(dtype) ? 2048 : 8192);
}

void sum_by_sorting(const Tensor& out, const Tensor& rows, const Tensor& indices, int64_t padding) {
  const auto n = static_cast<size_t>(indices.numel());
  const Workspace space(4 * n * sizeof(uint32_t));
  auto* words = space.as<uint32_t>();
  SortBuffers<uint32_t> buffers{words, words + n, words + 2 * n, words + 3 * n};
  const int64_t count = out.sizes()[0];
  make_row_keys(buffers.keys, buffers.values, indices.data_ptr(), is_wide(indices), indices.numel(), count,
                padding >= 0 ? padding : INT64_MIN, "embedding", fault_slot());
  sort_pairs(buffers, indices.numel(), bits_below(static_cast<uint64_t>(count) + 1));
  sum_sorted_rows(
      {buffers.keys, buffers.values, indices.numel(), count, out.sizes()[1], rows.data_ptr(), out.data_ptr()},
      out.dtype());
}

CudaKernel embedding_kernel(op::embedding, [](const Tensor& out, const Tensor& weight, const Tensor& indices,
                                              std::optional<int64_t>, bool, bool) {
  run_indexed(IndexedOp::Read, rows_call(weight, indices, out, -1));
});

CudaKernel embedding_backward_kernel(op::_embedding_backward, [](const Tensor& out, const Tensor& grad,
                                                                 const Tensor& indices, int64_t rows,
                                                                 int64_t padding, bool by_frequency) {
  zero_fill(out);
  if (grad.numel() == 0) return;
  const bool sort = sorts(indices.numel(), rows, out.dtype());
  Tensor from = grad, index = indices;
  if (sort || by_frequency) index = contiguous(indices), from = contiguous(grad);
  if (by_frequency)
    from = scaled(from, index, rows, padding, true, empty_tensor(grad.sizes(), grad.dtype(), grad.device()));
  if (sort) return sum_by_sorting(out, from, index, padding);
  run_indexed(IndexedOp::Add, rows_call(out, index, from, padding));
});

CudaKernel embedding_masked_kernel(op::_embedding_masked, [](const Tensor& out, const Tensor& weight,
                                                             const Tensor& indices, int64_t padding,
                                                             bool by_frequency) {
  run_indexed(IndexedOp::Read, rows_call(weight, indices, out, -1));
  if (padding >= 0 || by_frequency)
    scaled(out, contiguous(indices), weight.sizes()[0], padding, by_frequency, out);
});

CudaDirect one_hot_kernel(op::one_hot, [](const Tensor& self, int64_t num_classes) {
  check(num_classes >= -1 && num_classes != 0,
        "one_hot: expected a positive number of classes, or -1 to infer it, got {}", num_classes);
  check(num_classes > 0 || self.numel() > 0,
        "one_hot: the number of classes cannot be inferred from an empty tensor; give num_classes");
  const Tensor values = contiguous(converted(self, DType::Int64));
  const auto* at = values.data<int64_t>();
  int64_t classes = num_classes;
  if (classes < 0) {
    const Workspace largest(sizeof(int64_t));
    find_largest(largest.as<int64_t>(), at, values.numel());
    classes = std::max<int64_t>(read_back(largest.as<int64_t>()) + 1, 1);
  }
  Dims sizes(self.sizes());
  sizes.push_back(classes);
  checked_numel(sizes, "one_hot");
  const Tensor out = empty_tensor(sizes, DType::Int64, self.device());
  zero_fill(out);
  write_ones(out.data<int64_t>(), at, values.numel(), classes, fault_slot());
  return out;
});

}  // namespace
}  // namespace plait::cuda
