// Orders along a dimension: sort, top k, k-th value, median.
#include "ops/decl/sort.h"

#include "cuda/attach.h"
#include "cuda/kernels/sort.h"
#include "cuda/ops/elementwise.h"

namespace plait::cuda {
namespace {

// self as rows along dim; results have `kept` elements along it.
class Rows {
 public:
  Rows(const Tensor& self, int dim, int64_t kept, bool descending) : self_(contiguous(self)) {
    rows_ = {self_.data_ptr(), self.dtype(), descending, 1, 1, 1, kept, nullptr, nullptr};
    for (int i = 0; i < self.dim(); ++i)
      (i < dim ? rows_.outer : i == dim ? rows_.length : rows_.inner) *= self.sizes()[i];
    check<NotImplementedError>(rows_.length < (int64_t{1} << 32),
                               "sort: rows of 2^32 elements and more are not supported, got {}",
                               rows_.length);
  }
  const SortRows& operator*() const { return rows_; }
  const SortRows* operator->() const { return &rows_; }

  // Elements that are far apart in memory are read several times: brings the rows together first.
  void pack() {
    if (rows_.inner == 1) return;
    const Dims sizes{rows_.outer, rows_.inner, rows_.length};
    const Tensor turned =
        from_storage(self_.storage(), self_.dtype(), sizes, Dims{rows_.length * rows_.inner, 1, rows_.inner},
                     self_.storage_offset());
    self_ = contiguous(turned);
    rows_.x = self_.data_ptr();
    rows_.packed = true;
  }
  // f(rows) with contiguous results, which are copied back where they lie otherwise.
  template <class F>
  void into(const Tensor& values, const Tensor& indices, const F& f) {
    const auto plain = [](const Tensor& t) {
      return t.is_contiguous() ? t : empty_tensor(t.sizes(), t.dtype(), t.device());
    };
    const Tensor to_values = plain(values), to_indices = plain(indices);
    rows_.values = to_values.data_ptr();
    rows_.indices = to_indices.data<int64_t>();
    f(rows_);
    if (!to_values.same(values)) copy_on_device(values, to_values);
    if (!to_indices.same(indices)) copy_on_device(indices, to_indices);
  }

 private:
  Tensor self_;
  SortRows rows_;
};

int64_t length_of(const Tensor& self, int dim) { return self.dim() == 0 ? 1 : self.sizes()[dim]; }

void pick(const Tensor& values, const Tensor& indices, const Tensor& self, int64_t dim, const char* op,
          Pick what, int64_t k) {
  Rows rows(self, wrap_dim(dim, self.dim(), op), 1, false);
  if (!picks_by_sorting(*rows)) rows.pack();
  rows.into(values, indices, [&](const SortRows& r) { pick_rows(r, what, k); });
}

CudaKernel sort_kernel(op::sort, [](const Tensor& values, const Tensor& indices, const Tensor& self,
                                    int64_t dim, bool descending, std::optional<bool>) {
  const int d = wrap_dim(dim, self.dim(), "sort");
  Rows(self, d, length_of(self, d), descending).into(values, indices, [](const SortRows& r) {
    sort_rows(r);
  });
});

CudaKernel topk_kernel(op::topk, [](const Tensor& values, const Tensor& indices, const Tensor& self,
                                    int64_t k, int64_t dim, bool largest, bool sorted) {
  Rows rows(self, wrap_dim(dim, self.dim(), "topk"), self.dim() == 0 ? 1 : k, largest);
  if (!selects_by_sorting(*rows)) rows.pack();
  rows.into(values, indices, [sorted](const SortRows& r) { select_rows(r, sorted); });
});

CudaKernel kthvalue_kernel(op::kthvalue, [](const Tensor& values, const Tensor& indices, const Tensor& self,
                                            int64_t k, int64_t dim, bool) {
  pick(values, indices, self, dim, "kthvalue", Pick::Kth, k - 1);
});

CudaKernel median_kernel(op::median_dim,
                         [](const Tensor& values, const Tensor& indices, const Tensor& self, int64_t dim,
                            bool) { pick(values, indices, self, dim, "median", Pick::Median, 0); });

CudaKernel nanmedian_kernel(op::nanmedian_dim,
                            [](const Tensor& values, const Tensor& indices, const Tensor& self, int64_t dim,
                               bool) { pick(values, indices, self, dim, "nanmedian", Pick::NanMedian, 0); });

}  // namespace
}  // namespace plait::cuda
