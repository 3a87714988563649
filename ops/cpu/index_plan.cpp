// Elements by several index tensors.
#include <algorithm>
#include <atomic>

#include "core/parallel.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/index_walk.h"

namespace plait::cpu {
namespace {

constexpr int64_t kGrain = 65536;
constexpr int64_t kBlock = 1024;  // offsets that are summed at a time

}  // namespace

IndexLayout index_layout(const char* op, const Tensor& self, TensorList indices) {
  check<IndexError>(static_cast<int64_t>(indices.size()) <= self.dim(),
                    "{}: too many indices: {} for a tensor of shape {}", op,
                    static_cast<int64_t>(indices.size()), self.sizes());
  IndexLayout layout;
  int last = -1;
  for (size_t i = 0; i < indices.size(); ++i) {
    if (!indices[i].defined()) continue;
    const int d = static_cast<int>(i);
    if (layout.first < 0) {
      layout.first = d;
      layout.shape = indices[i].sizes();
    } else {
      layout.adjacent = layout.adjacent && last == d - 1;
      if (layout.shape != indices[i].sizes()) {
        try {
          layout.shape = broadcast(layout.shape, indices[i].sizes(), op);
        } catch (const ValueError&) {
          fail<IndexError>("{}: index tensors of shapes {} and {} cannot be broadcast together", op,
                           layout.shape, indices[i].sizes());
        }
      }
    }
    last = d;
  }
  check<IndexError>(layout.first >= 0, "{}: expected at least one index tensor", op);
  if (!layout.adjacent) layout.first = 0;
  return layout;
}

namespace {

bool is_indexed(TensorList indices, int d) {
  return d < static_cast<int>(indices.size()) && indices[d].defined();
}

}  // namespace

Dims indexed_shape(const char* op, const Tensor& self, TensorList indices) {
  const IndexLayout layout = index_layout(op, self, indices);
  Dims out;
  bool placed = false;
  const auto place = [&] {
    for (const int64_t size : layout.shape) out.push_back(size);
    placed = true;
  };
  if (!layout.adjacent) place();
  for (int d = 0; d < self.dim(); ++d) {
    if (!is_indexed(indices, d))
      out.push_back(self.sizes()[d]);
    else if (!placed)
      place();
  }
  return out;
}

namespace {

// A part of the sums over the index tensors of index * stride; false where an index is negative or too large.
bool sum_offsets(int64_t* offsets, const std::vector<Tensor>& indices, const Tensor& self, int64_t begin,
                 int64_t end) {
  for (int64_t from = begin; from < end; from += kBlock) {
    const int64_t n = std::min(kBlock, end - from);
    bool first = true;
    for (size_t d = 0; d < indices.size(); ++d) {
      if (!indices[d].defined()) continue;
      const int64_t* values = indices[d].data<int64_t>() + from;
      const int64_t stride = self.strides()[d];
      if (!places_table().inside(values, n, self.sizes()[d])) return false;
      int64_t* to = offsets + from;
      if (first)
        for (int64_t j = 0; j < n; ++j) to[j] = values[j] * stride;
      else
        for (int64_t j = 0; j < n; ++j) to[j] += values[j] * stride;
      first = false;
    }
  }
  return true;
}

Tensor offsets_of(const char* op, const Tensor& self, TensorList given, const Dims& shape) {
  const auto full = [&](const Tensor& index) {
    if (index.dtype() == DType::Int64 && index.is_contiguous() && index.sizes() == shape) return index;
    const Tensor out = empty_tensor(shape, DType::Int64);
    copy(out, index);
    return out;
  };
  std::vector<Tensor> indices(given.size());
  for (size_t d = 0; d < given.size(); ++d) {
    if (!given[d].defined()) continue;
    const bool is_long = given[d].dtype() == DType::Int64;
    indices[d] = full(is_long ? given[d] : checked_index(op, given[d], self.sizes()[d], d, true));
  }
  const Tensor out = empty_tensor(shape, DType::Int64);
  const auto sum = [&] {
    std::atomic<bool> good{true};
    parallel_for(0, out.numel(), kGrain, [&](int64_t begin, int64_t end) {
      if (!sum_offsets(out.data<int64_t>(), indices, self, begin, end)) good = false;
    });
    return good.load();
  };
  if (sum()) return out;
  for (size_t d = 0; d < given.size(); ++d)
    if (given[d].defined()) indices[d] = full(checked_index(op, given[d], self.sizes()[d], d, true));
  sum();
  return out;
}

PlacesWalk planned_walk(const Tensor& table, const IndexPlan& plan, const Tensor& list, int64_t places) {
  const int64_t size = itemsize(table.dtype());
  PlacesWalk walk(table.data_ptr(), plan.offsets.data<int64_t>(), list.data_ptr(), size, places, true);
  int64_t in_list = list.numel() == 1 ? 0 : size, in_index = sizeof(int64_t);
  for (int d = plan.result.size() - 1; d >= 0; --d) {
    const int64_t length = plan.result[d];
    const bool of_index = d >= plan.first && d < plan.first + plan.offsets.dim();
    walk.add_dim(length, in_list, of_index ? in_index : 0, of_index ? 0 : plan.strides[d] * size);
    in_list *= length;
    if (of_index) in_index *= length;
  }
  return walk;
}

}  // namespace

IndexPlan plan_index(const char* op, const Tensor& self, TensorList indices) {
  const IndexLayout layout = index_layout(op, self, indices);
  IndexPlan plan;
  plan.result = indexed_shape(op, self, indices);
  plan.first = layout.first;
  plan.offsets = offsets_of(op, self, indices, layout.shape);
  plan.strides = Dims(plan.result.size(), 0);
  int to = 0;
  for (int d = 0; d < self.dim(); ++d) {
    if (is_indexed(indices, d)) continue;
    if (to == layout.first) to += layout.shape.size();
    plan.strides[to++] = self.strides()[d];
  }
  return plan;
}

void gather_planned(const Tensor& out, const Tensor& self, const IndexPlan& plan) {
  planned_walk(self, plan, out, INT64_MAX).read(gather_loop(out.dtype()));
}

void put_planned(const Tensor& self, const Tensor& values, const IndexPlan& plan, bool accumulate) {
  int64_t reach = 0;
  for (int64_t j = 0; j < plan.offsets.numel(); ++j)
    reach = std::max(reach, plan.offsets.data<int64_t>()[j] + 1);
  planned_walk(self, plan, values, reach)
      .write(scatter_loop(self.dtype(), accumulate ? Reduce::Add : Reduce::Assign));
}

}  // namespace plait::cpu
