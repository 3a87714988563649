// New tensors of one value, or of none; filling; copies with memory of their own.
#include "ops/decl/create.h"

#include "cuda/attach.h"
#include "cuda/ops/pointwise.h"
#include "ops/decl/copy.h"

namespace plait::cuda {
namespace {

using MaybeDType = std::optional<DType>;
using MaybeDevice = std::optional<Device>;
using MaybeFormat = std::optional<MemoryFormat>;

void fill_full(const Tensor& out, const Scalar& value) {
  check<TypeError>(!value.is_complex() || is_complex(out.dtype()),
                   "full: a complex value does not go into a tensor of dtype {}; give a complex dtype",
                   out.dtype());
  fill(out, value);
}

CudaKernel fill_kernel(op::fill, [](const Tensor& out, const Tensor&, const Tensor& value) {
  // A number becomes an argument of the kernel; a 0-d tensor of the device is read by it.
  is_number(value) ? fill(out, item(value)) : copy_on_device(out, value);
});
CudaKernel zero_kernel(op::zero, [](const Tensor& out, const Tensor&) { fill(out, 0); });
CudaKernel clone_kernel(op::clone, [](const Tensor& out, const Tensor& self, MaybeFormat) {
  copy_on_device(out, self);
});
CudaKernel convert_kernel(op::_convert,
                          [](const Tensor& out, const Tensor& self, DType) { copy_on_device(out, self); });

CudaKernel empty_kernel(op::empty, [](const Tensor&, IntSpan, MaybeDType, MaybeDevice) {});
CudaKernel zeros_kernel(op::zeros, [](const Tensor& out, IntSpan, MaybeDType, MaybeDevice) { fill(out, 0); });
CudaKernel ones_kernel(op::ones, [](const Tensor& out, IntSpan, MaybeDType, MaybeDevice) { fill(out, 1); });
CudaKernel full_kernel(op::full, [](const Tensor& out, IntSpan, const Scalar& value, MaybeDType,
                                    MaybeDevice) { fill_full(out, value); });

CudaKernel empty_like_kernel(op::empty_like,
                             [](const Tensor&, const Tensor&, MaybeDType, MaybeDevice, MaybeFormat) {});
CudaKernel zeros_like_kernel(op::zeros_like, [](const Tensor& out, const Tensor&, MaybeDType, MaybeDevice,
                                                MaybeFormat) { fill(out, 0); });
CudaKernel ones_like_kernel(op::ones_like, [](const Tensor& out, const Tensor&, MaybeDType, MaybeDevice,
                                              MaybeFormat) { fill(out, 1); });
CudaKernel full_like_kernel(op::full_like,
                            [](const Tensor& out, const Tensor&, const Scalar& value, MaybeDType, MaybeDevice,
                               MaybeFormat) { fill_full(out, value); });

CudaKernel new_empty_kernel(op::new_empty,
                            [](const Tensor&, const Tensor&, IntSpan, MaybeDType, MaybeDevice) {});
CudaKernel new_zeros_kernel(op::new_zeros, [](const Tensor& out, const Tensor&, IntSpan, MaybeDType,
                                              MaybeDevice) { fill(out, 0); });
CudaKernel new_ones_kernel(op::new_ones, [](const Tensor& out, const Tensor&, IntSpan, MaybeDType,
                                            MaybeDevice) { fill(out, 1); });
CudaKernel new_full_kernel(op::new_full, [](const Tensor& out, const Tensor&, IntSpan, const Scalar& value,
                                            MaybeDType, MaybeDevice) { fill_full(out, value); });

}  // namespace
}  // namespace plait::cuda
