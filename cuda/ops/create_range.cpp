// New tensors whose elements follow from their position: ranges, the identity, the indices of triangles.
#include "ops/decl/create_range.h"

#include "cuda/attach.h"
#include "cuda/kernels/range.h"
#include "cuda/ops/elementwise.h"

namespace plait::cuda {
namespace {

using MaybeDType = std::optional<DType>;
using MaybeDevice = std::optional<Device>;

// f(contiguous tensor), which is out itself or is copied into it.
template <class F>
void into_contiguous(const Tensor& out, const F& f) {
  if (out.numel() == 0) return;
  const Tensor target = out.is_contiguous() ? out : empty_tensor(out.sizes(), out.dtype(), out.device());
  f(target);
  if (!out.is_contiguous()) copy_on_device(out, target);
}

void fill_range(const Tensor& out, const Scalar& start, const Scalar& step) {
  into_contiguous(out, [&](const Tensor& to) {
    if (is_integral(out.dtype()))
      arange(to.data_ptr(), to.numel(), to.dtype(), start.to<int64_t>(), step.to<int64_t>());
    else
      arange(to.data_ptr(), to.numel(), to.dtype(), start.to<double>(), step.to<double>());
  });
}
void fill_spaced(const Tensor& out, const Scalar& start, const Scalar& end, const double* base) {
  into_contiguous(out, [&](const Tensor& to) {
    if (is_complex(out.dtype()))
      spaced(to.data_ptr(), to.numel(), to.dtype(), start.to<complex128>(), end.to<complex128>(), base);
    else if (is_integral(out.dtype()))  // then the bounds count as integers, too
      spaced(to.data_ptr(), to.numel(), to.dtype(), static_cast<double>(start.to<int64_t>()),
             static_cast<double>(end.to<int64_t>()), base);
    else
      spaced(to.data_ptr(), to.numel(), to.dtype(), start.to<double>(), end.to<double>(), base);
  });
}
void fill_eye(const Tensor& out) {
  into_contiguous(out,
                  [&](const Tensor& to) { eye(to.data_ptr(), to.sizes()[0], to.sizes()[1], to.dtype()); });
}
void fill_triangle(const Tensor& out, bool lower, int64_t rows, int64_t columns, int64_t offset) {
  check<TypeError>(out.dtype() == DType::Int64 || out.dtype() == DType::Int32,
                   "tril_indices, triu_indices: expected dtype int64 or int32, got {}", out.dtype());
  into_contiguous(out, [&](const Tensor& to) {
    triangle_indices(to.data_ptr(), to.sizes()[1], to.dtype(), lower, rows, columns, offset);
  });
}

CudaKernel arange_kernel(op::arange, [](const Tensor& out, const Scalar&, MaybeDType, MaybeDevice) {
  fill_range(out, 0, 1);
});
CudaKernel arange_start_kernel(op::arange_start, [](const Tensor& out, const Scalar& start, const Scalar&,
                                                    MaybeDType, MaybeDevice) { fill_range(out, start, 1); });
CudaKernel arange_step_kernel(op::arange_start_step,
                              [](const Tensor& out, const Scalar& start, const Scalar&, const Scalar& step,
                                 MaybeDType, MaybeDevice) { fill_range(out, start, step); });
CudaKernel linspace_kernel(op::linspace,
                           [](const Tensor& out, const Scalar& start, const Scalar& end, int64_t, MaybeDType,
                              MaybeDevice) { fill_spaced(out, start, end, nullptr); });
CudaKernel logspace_kernel(op::logspace,
                           [](const Tensor& out, const Scalar& start, const Scalar& end, int64_t, double base,
                              MaybeDType, MaybeDevice) { fill_spaced(out, start, end, &base); });

CudaKernel eye_kernel(op::eye, [](const Tensor& out, int64_t, MaybeDType, MaybeDevice) { fill_eye(out); });
CudaKernel eye_m_kernel(op::eye_m,
                        [](const Tensor& out, int64_t, int64_t, MaybeDType, MaybeDevice) { fill_eye(out); });
CudaKernel tril_kernel(op::tril_indices,
                       [](const Tensor& out, int64_t row, int64_t col, int64_t offset, MaybeDType,
                          MaybeDevice) { fill_triangle(out, true, row, col, offset); });
CudaKernel triu_kernel(op::triu_indices,
                       [](const Tensor& out, int64_t row, int64_t col, int64_t offset, MaybeDType,
                          MaybeDevice) { fill_triangle(out, false, row, col, offset); });

}  // namespace
}  // namespace plait::cuda
