// Distances of pairs of rows, written in other ops.
#include "ops/distances.h"

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "ops/decl/distances.h"

namespace plait::cuda {
namespace {

CudaKernel cdist_kernel(op::_cdist,
                        [](const Tensor& out, const Tensor& x1, const Tensor& x2, double p, bool product) {
                          if (out.numel() == 0) return;
                          if (product && p == 2)
                            distances::by_product(out, x1, x2);
                          else
                            distances::by_differences(out, x1, x2, p);
                        });
CudaKernel cdist_backward_kernel(op::_cdist_backward,
                                 [](const Tensor& out, const Tensor& grad, const Tensor& x1, const Tensor& x2,
                                    const Tensor& d, double p) {
                                   if (out.numel() > 0)
                                     copy_on_device(out, distances::gradient(grad, x1, x2, d, p));
                                 });
CudaKernel pdist_kernel(op::_pdist, [](const Tensor& out, const Tensor& self, double p) {
  if (out.numel() > 0) distances::of_pairs(out, self, p);
});

}  // namespace
}  // namespace plait::cuda
