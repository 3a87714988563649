#include "cuda/ops/reduce_plan.h"

#include <algorithm>

#include "cuda/ops/elementwise.h"

namespace plait::cuda {
namespace {

struct Dim {
  int64_t size, stride, out;  // of the input in bytes, of the results in elements
};
struct DimList {
  Dim dims[kMaxDims];
  int count = 0;

  void add(const Dim& d) {
    if (d.size != 1) dims[count++] = d;
  }
  // Innermost first, repeated dimensions (stride 0) outermost; neighbours that continue each other become
  // one.
  void order() {
    std::stable_sort(dims, dims + count, [](const Dim& a, const Dim& b) {
      return static_cast<uint64_t>(a.stride) - 1 < static_cast<uint64_t>(b.stride) - 1;
    });
    int n = 0;
    for (int i = 0; i < count; ++i) {
      Dim& last = dims[n > 0 ? n - 1 : 0];
      if (n > 0 && dims[i].stride == last.stride * last.size && dims[i].out == last.out * last.size)
        last.size *= dims[i].size;
      else
        dims[n++] = dims[i];
    }
    count = n;
  }
  int64_t numel() const {
    int64_t n = 1;
    for (int i = 0; i < count; ++i) n *= dims[i].size;
    return n;
  }
  ReducePlan::Dims plan() const {
    ReducePlan::Dims to;
    to.count = std::max(count, 1);
    for (int i = 0; i < count; ++i) {
      to.sizes[i] = dims[i].size;
      to.strides[i] = dims[i].stride;
      to.out[i] = dims[i].out;
      to.numel *= dims[i].size;
    }
    return to;
  }
};

// Kept dimensions first, contiguous.
Tensor gathered(const Tensor& self, DimMask mask) {
  Dims sizes, strides;
  for (const bool reduced : {false, true})
    for (int i = 0; i < self.dim(); ++i)
      if (static_cast<bool>(mask >> i & 1) == reduced) {
        sizes.push_back(self.sizes()[i]);
        strides.push_back(self.strides()[i]);
      }
  return contiguous(from_storage(self.storage(), self.dtype(), sizes, strides, self.storage_offset()));
}

}  // namespace

Reduction plan_reduction(const Tensor& self, DimMask mask) {
  Reduction result;
  ReducePlan& plan = result.plan;
  const int64_t item = itemsize(self.dtype());
  DimList kept, reduced;
  int64_t step = 1;
  for (int i = static_cast<int>(self.dim()) - 1; i >= 0; --i) {
    const int64_t size = self.sizes()[i], stride = self.strides()[i] * item;
    if (mask >> i & 1) {
      reduced.add({size, stride, 0});
    } else {
      kept.add({size, stride, step});
      step *= size;
    }
  }
  kept.order();
  reduced.order();
  plan.in = static_cast<const char*>(self.data_ptr());
  const int64_t results = kept.numel(), length = reduced.numel();
  if (kept.count > ReducePlan::kMaxDims || reduced.count > ReducePlan::kMaxDims ||
      (reduced.count > 1 && length >= ReducePlan::kMostIndexed)) {
    result.copy = gathered(self, mask);
    plan.in = static_cast<const char*>(result.copy.data_ptr());
    kept.count = reduced.count = 0;
    kept.add({results, length * item, 1});
    reduced.add({length, item, 0});
  }
  plan.kept = kept.plan();
  plan.reduced = reduced.plan();
  if (reduced.count == 0) plan.reduced.strides[0] = item;
  return result;
}

void run_reduce(const char* op, ReduceOp function, const Tensor& self, DimMask mask, const Tensor* out,
                const Tensor* second, const ReduceParams& params) {
  const Reducer run = reducer(function, self.dtype());
  if (!run)
    fail<TypeError>("{}: not defined for dtype {} on cuda; convert the argument with .to(dtype)", op,
                    self.dtype());
  Reduction reduction = plan_reduction(self, mask);
  ReducePlan& plan = reduction.plan;
  plan.params = params;
  if (out) {
    plan.out[0] = static_cast<char*>(out->data_ptr());
    plan.out_dtype = out->dtype();
  }
  if (second) plan.out[1] = static_cast<char*>(second->data_ptr());
  run(plan);
}

}  // namespace plait::cuda
