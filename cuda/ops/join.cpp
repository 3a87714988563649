// cat and stack: one launch for many tensors.
#include "ops/decl/join.h"

#include <algorithm>

#include "cuda/attach.h"
#include "cuda/kernels/join.h"
#include "cuda/ops/elementwise.h"

namespace plait::cuda {
namespace {

constexpr int64_t kMaxIndexed = (int64_t{1} << 31) - 1;  // accesses of a piece that lies in several rows

int64_t product(const Dims& sizes, int begin, int end) {
  int64_t n = 1;
  for (int i = begin; i < end; ++i) n *= sizes[i];
  return n;
}

// As many rows at a time as 32-bit indices reach.
void join_rows(JoinPlan plan) {
  int64_t longest = 1;
  for (int k = 0; k < plan.pieces; ++k) longest = std::max(longest, plan.piece[k].slab);
  const int64_t rows = plan.outer == 1 ? 1 : std::max<int64_t>(1, kMaxIndexed / longest);
  for (int64_t done = 0; done < plan.outer; done += rows) {
    JoinPlan part = plan;
    part.outer = std::min(rows, plan.outer - done);
    part.out += done * plan.row;
    for (int k = 0; k < part.pieces; ++k) part.piece[k].from += done * part.piece[k].slab;
    join(part);
  }
}

// out, contiguous, as (outer, row): tensor i takes slabs[i] elements of a row.
void join_into(const Tensor& out, TensorList tensors, int64_t outer, const std::vector<int64_t>& slabs) {
  const int64_t size = itemsize(out.dtype());
  int64_t row = 0;
  for (const int64_t slab : slabs) row += slab;
  if (row == 0 || outer == 0) return;
  JoinPlan plan;
  plan.out = static_cast<char*>(out.data_ptr());
  plan.outer = outer;
  plan.row = row * size;
  int64_t start = 0;
  for (size_t i = 0; i < tensors.size(); start += slabs[i++]) {
    if (slabs[i] == 0) continue;
    const Tensor& t = tensors[i];
    if (t.is_contiguous() && t.dtype() == out.dtype()) {
      plan.piece[plan.pieces++] = {static_cast<const char*>(t.data_ptr()), start * size, slabs[i] * size};
      if (plan.pieces == JoinPlan::kMaxPieces) {
        join_rows(plan);
        plan.pieces = 0;
      }
      continue;
    }
    // What is strided or of another dtype goes straight to its place: the window of `out` in the shape of t,
    // whose outer dimensions advance by rows.
    Dims strides = contiguous_strides(t.sizes());
    int64_t inner = 1;
    int d = static_cast<int>(t.dim()) - 1;
    for (; d >= 0 && inner * t.sizes()[d] <= slabs[i] && inner != slabs[i]; --d) inner *= t.sizes()[d];
    int64_t step = row;
    for (; d >= 0; --d) {
      strides[d] = step;
      step *= t.sizes()[d];
    }
    copy_on_device(from_storage(out.storage(), out.dtype(), t.sizes(), strides, out.storage_offset() + start),
                   t);
  }
  if (plan.pieces > 0) join_rows(plan);
}

// With the channels as the last dimension.
Tensor channels_to_back(const Tensor& t) {
  const int n = static_cast<int>(t.dim());
  if (n < 3) return t;
  Dims sizes(t.sizes()), strides(t.strides());
  for (int i = 2; i <= n; ++i) {
    sizes[i - 1] = t.sizes()[i % n == 0 ? 1 : i];
    strides[i - 1] = t.strides()[i % n == 0 ? 1 : i];
  }
  return from_storage(t.storage(), t.dtype(), sizes, strides, t.storage_offset());
}

void cat_into(const Tensor& out, TensorList tensors, int d) {
  if (out.is_contiguous()) {
    std::vector<int64_t> slabs;
    slabs.reserve(tensors.size());
    for (const Tensor& t : tensors)
      slabs.push_back(t.dim() == out.dim() ? product(t.sizes(), d, static_cast<int>(t.dim())) : 0);
    return join_into(out, tensors, product(out.sizes(), 0, d), slabs);
  }
  if (out.is_contiguous(MemoryFormat::ChannelsLast) || out.is_contiguous(MemoryFormat::ChannelsLast3d)) {
    const int n = static_cast<int>(out.dim());
    std::vector<Tensor> moved;
    for (const Tensor& t : tensors) moved.push_back(channels_to_back(t));
    return cat_into(channels_to_back(out), moved, d == 0 ? 0 : d == 1 ? n - 1 : d - 1);
  }
  int64_t start = 0;  // any other layout that out= brings
  for (const Tensor& t : tensors) {
    if (t.dim() != out.dim()) continue;
    copy_on_device(from_storage(out.storage(), out.dtype(), t.sizes(), out.strides(),
                                out.storage_offset() + start * out.strides()[d]),
                   t);
    start += t.sizes()[d];
  }
}

CudaKernel cat_kernel(op::cat, [](const Tensor& out, TensorList tensors, int64_t dim) {
  cat_into(out, tensors, wrap_dim(dim, out.dim(), "cat"));
});

CudaKernel stack_kernel(op::stack, [](const Tensor& out, TensorList tensors, int64_t dim) {
  const int d = wrap_dim(dim, out.dim(), "stack");
  std::vector<Tensor> parts;
  parts.reserve(tensors.size());
  if (out.is_contiguous()) {
    const int64_t slab = product(out.sizes(), d + 1, static_cast<int>(out.dim()));
    return join_into(out, tensors, product(out.sizes(), 0, d), std::vector<int64_t>(tensors.size(), slab));
  }
  for (const Tensor& t : tensors) {  // as cat sees them
    Dims sizes(t.sizes()), strides(t.strides());
    sizes.insert(d, 1);
    strides.insert(d, 0);
    parts.push_back(from_storage(t.storage(), t.dtype(), sizes, strides, t.storage_offset()));
  }
  cat_into(out, parts, d);
});

}  // namespace
}  // namespace plait::cuda
