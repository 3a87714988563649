// The same elements in another place, or several times: flip, roll, pad, triangles, repeat_interleave.
#include "ops/decl/rearrange.h"

#include <algorithm>
#include <cstring>

#include "cuda/attach.h"
#include "cuda/kernels/mask.h"
#include "cuda/kernels/rearrange.h"
#include "cuda/kernels/search.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/index_plan.h"
#include "cuda/ops/read_back.h"
#include "ops/decl/pad.h"
#include "ops/image_layout.h"

namespace plait::cuda {
namespace {

// ---- shifts

// Dimensions, outermost first; one that is copied as a whole becomes part of the one around it.
class Shifts {
 public:
  Shifts(const Tensor& out, const Tensor& in) : out_(out) {
    plan_.in = in.data_ptr();
    plan_.itemsize = itemsize(out.dtype());
  }
  // In this order dimensions are added: that of the memory of the result.
  Dims order() const { return memory_order(out_); }
  void add(ShiftDim dim) {
    const bool whole = dim.before == 0 && dim.out_size == dim.in_size;
    if (whole && dim.in_size == 1) return;
    if (whole) dim.edge = Edge::Number;  // it has none
    const bool joins =
        !dims_.empty() && (dims_.back().edge == Edge::Number || dims_.back().edge == Edge::Circular);
    if (whole && joins && dims_.back().stride == dim.stride * dim.in_size) {
      ShiftDim& outer = dims_.back();
      outer.out_size *= dim.in_size;
      outer.in_size *= dim.in_size;
      outer.before *= dim.in_size;
      outer.stride = dim.stride;
    } else {
      dims_.push_back(dim);
    }
  }
  void run(const Scalar& number) {
    if (dims_.empty()) dims_.push_back({1, 1, 0, 1, Edge::Number});
    plan_.ndim = static_cast<int>(dims_.size());
    std::reverse_copy(dims_.begin(), dims_.end(), plan_.dim);
    visit(out_.dtype(), [&]<class T>() {
      const T value = number.to<T>();
      std::memcpy(plan_.number, &value, sizeof(T));
    });
    const bool dense = is_dense(out_.sizes(), out_.strides());
    const Tensor to = dense ? out_ : empty_tensor(out_.sizes(), out_.dtype(), out_.device());
    plan_.out = to.data_ptr();
    shift_elements(plan_);
    if (!to.same(out_)) copy_on_device(out_, to);
  }

 private:
  const Tensor& out_;
  ShiftPlan plan_;
  std::vector<ShiftDim> dims_;
};

CudaKernel constant_pad_kernel(op::constant_pad_nd, [](const Tensor& out, const Tensor& self, IntSpan pad,
                                                       const Scalar& value) {
  if (out.numel() == 0) return;
  Shifts shifts(out, self);
  const int n = static_cast<int>(self.dim());
  for (const int64_t at : shifts.order()) {
    const int d = static_cast<int>(at);
    const size_t pair = 2 * static_cast<size_t>(n - 1 - d);  // widths begin with the last dimension
    shifts.add({out.sizes()[d], self.sizes()[d], pair < pad.size() ? pad[pair] : 0, self.strides()[d],
                Edge::Number});
  }
  shifts.run(value);
});

// ---- pads by what stands at the edges

Edge edge_of(std::string_view mode) {
  return mode == "reflect" ? Edge::Reflect : mode == "replicate" ? Edge::Replicate : Edge::Circular;
}

// What is cut off before a circular dimension wraps around, and the widths around the rest.
struct Widths {
  int64_t before, after, cut, rest;
};
Widths widths_of(IntSpan pad, const Dims& sizes, int d, Edge edge) {
  const size_t pair = 2 * static_cast<size_t>(sizes.size() - 1 - d);  // widths begin with the last dimension
  Widths w{pair < pad.size() ? pad[pair] : 0, pair < pad.size() ? pad[pair + 1] : 0, 0, sizes[d]};
  if (edge == Edge::Circular) {
    w.cut = std::max<int64_t>(-w.before, 0);
    w.rest = sizes[d] - w.cut - std::max<int64_t>(-w.after, 0);
  }
  return w;
}

CudaKernel pad_kernel(op::_pad_nd, [](const Tensor& out, const Tensor& self, IntSpan pad,
                                      std::string_view mode) {
  if (out.numel() == 0) return;
  const Edge edge = edge_of(mode);
  Dims strides(self.strides());
  int64_t offset = self.storage_offset();
  for (int d = 0; d < self.dim(); ++d) offset += widths_of(pad, self.sizes(), d, edge).cut * strides[d];
  const Tensor from = from_storage(self.storage(), self.dtype(), self.sizes(), strides, offset);
  Shifts shifts(out, from);
  for (const int64_t at : shifts.order()) {
    const int d = static_cast<int>(at);
    const Widths w = widths_of(pad, self.sizes(), d, edge);
    shifts.add({out.sizes()[d], w.rest, w.before + w.cut, strides[d], edge});
  }
  shifts.run(Scalar(0));
});

// One dimension after the other, from the last.
CudaKernel pad_backward_kernel(op::_pad_nd_backward, [](const Tensor& out, const Tensor& grad, IntSpan size,
                                                        IntSpan pad, std::string_view mode) {
  if (out.numel() == 0) return;
  const Edge edge = edge_of(mode);
  const Dims sizes(size);
  const auto is_padded = [&](int d) {
    const Widths w = widths_of(pad, sizes, d, edge);
    return w.before != 0 || w.after != 0;
  };
  int last = 0;
  while (last < sizes.size() && !is_padded(last)) ++last;
  Tensor from = contiguous(grad);
  for (int d = sizes.size() - 1; d >= last; --d) {
    if (!is_padded(d)) continue;
    const Widths w = widths_of(pad, sizes, d, edge);
    Dims next(from.sizes());
    next[d] = sizes[d];
    UnpadPlan plan{from.data_ptr(), nullptr, 1, 1, from.sizes()[d], sizes[d], w.before, edge, w.cut, w.rest};
    for (int i = 0; i < sizes.size(); ++i)
      if (i != d) (i < d ? plan.outer : plan.inner) *= from.sizes()[i];
    const Tensor to = d == last && out.is_contiguous() ? out : empty_tensor(next, out.dtype(), out.device());
    plan.in = to.data_ptr();
    sum_edges(plan, out.dtype());
    from = to;
  }
  if (!from.same(out)) copy_on_device(out, from);
});

CudaKernel roll_kernel(op::_roll, [](const Tensor& out, const Tensor& self, IntSpan shifts, IntSpan dims) {
  if (self.numel() == 0) return;
  Dims by(static_cast<int>(self.dim()), 0);
  for (size_t i = 0; i < dims.size() && self.dim() > 0; ++i) {
    const int d = wrap_dim(dims[i], self.dim(), "roll");
    const int64_t size = self.sizes()[d];
    by[d] = ((by[d] + shifts[i] % size) % size + size) % size;
  }
  Shifts plan(out, self);
  for (const int64_t at : plan.order()) {
    const int d = static_cast<int>(at);
    plan.add({self.sizes()[d], self.sizes()[d], by[d], self.strides()[d], Edge::Circular});
  }
  plan.run(Scalar(0));
});

CudaKernel flip_kernel(op::flip, [](const Tensor& out, const Tensor& self, IntSpan dims) {
  if (self.numel() == 0) return;
  Dims strides(self.strides());
  int64_t offset = self.storage_offset();
  for (const int64_t dim : dims) {
    const int d = wrap_dim(dim, self.dim(), "flip");
    if (self.dim() == 0) continue;
    offset += (self.sizes()[d] - 1) * strides[d];
    strides[d] = -strides[d];
  }
  copy_on_device(out, from_storage(self.storage(), self.dtype(), self.sizes(), strides, offset));
});

// ---- triangles

void triangles(const Tensor& out, const Tensor& self, int64_t diagonal, bool lower) {
  const int n = static_cast<int>(self.dim());
  if (self.numel() == 0) return;
  const int64_t rows = self.sizes()[n - 2], columns = self.sizes()[n - 1];
  check<NotImplementedError>(columns < (int64_t{1} << 31),
                             "{}: rows of 2^31 elements and more are not supported on cuda",
                             lower ? "tril" : "triu");
  const Tensor from = contiguous(self);
  const Tensor to = out.is_contiguous() ? out : empty_tensor(out.sizes(), out.dtype(), out.device());
  copy_triangles({from.data_ptr(), to.data_ptr(), self.numel() / (rows * columns), rows, columns,
                  std::clamp<int64_t>(diagonal, -rows - 1, columns + 1), lower, itemsize(out.dtype())});
  if (!to.same(out)) copy_on_device(out, to);
}

CudaKernel tril_kernel(op::tril, [](const Tensor& out, const Tensor& self, int64_t diagonal) {
  triangles(out, self, diagonal, true);
});
CudaKernel triu_kernel(op::triu, [](const Tensor& out, const Tensor& self, int64_t diagonal) {
  triangles(out, self, diagonal, false);
});

// ---- repeating

CudaDirect repeat_interleave_kernel(op::repeat_interleave, [](const Tensor& repeats,
                                                              std::optional<int64_t> output_size) {
  check(repeats.dim() == 1, "repeat_interleave: expected one-dimensional repeats, got shape {}",
        repeats.sizes());
  const int64_t n = repeats.numel();
  const auto indices = [&](int64_t total) {
    checked_numel(Dims{total}, "repeat_interleave");
    return empty_tensor(Dims{total}, DType::Int64, repeats.device());
  };
  if (n == 0) {
    check(output_size.value_or(0) == 0, "repeat_interleave: output_size is {}, the repeats sum to 0",
          output_size.value_or(0));
    return indices(0);
  }
  // sums[i]: what stands before i; so sums[i + 1] is where i ends.
  const Tensor sums = empty_tensor(Dims{n + 1}, DType::Int64, repeats.device());
  copy_on_device(seen_as(sums, Dims{n}, Dims{1}), repeats);
  auto* ends = sums.data<int64_t>();
  check_repeats(ends, n, fault_slot());
  exclusive_scan(ends, n);
  const Tensor out = indices(output_size ? *output_size : read_back(ends + n));
  expand_repeats(out.data<int64_t>(), out.numel(), ends + 1, n, fault_slot());
  return out;
});

}  // namespace
}  // namespace plait::cuda
