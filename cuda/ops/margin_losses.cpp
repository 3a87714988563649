// Hinge losses of classes against each other, in ops.
#include "ops/margin_losses.h"

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "ops/decl/copy.h"
#include "ops/decl/index.h"
#include "ops/decl/margin_losses.h"
#include "ops/decl/reduce.h"
#include "ops/decl/ternary.h"
#include "ops/math.h"

namespace plait::cuda {
namespace {

CudaKernel multi_margin_kernel(op::_multi_margin, [](const Tensor& out, const Tensor& self,
                                                     const Tensor& given, const Tensor& weight, int64_t p,
                                                     double margin) {
  if (out.numel() == 0) return;
  const Tensor target = converted(given, DType::Int64);
  Tensor terms = margin_losses::beyond_margin(self, target, margin);
  if (p == 2) terms = terms * terms;
  const Tensor loss = plait::mean(terms, IntSpan(Dims{1}));
  copy_on_device(out, weight.defined() ? loss * plait::index_select(weight, 0, target) : loss);
});

CudaKernel multilabel_margin_kernel(op::_multilabel_margin, [](const Tensor& out, const Tensor& self,
                                                               const Tensor& given) {
  if (out.numel() == 0) return;
  const margin_losses::Labels labels = margin_losses::labels_of(self, converted(given, DType::Int64));
  const Tensor terms = plait::clamp_min(margin_losses::between_classes(self, labels), wrapped_scalar(0)),
               loss = plait::sum(terms * margin_losses::pairs_of(labels), IntSpan(Dims{1, 2}));
  copy_on_device(out, loss * Scalar(1.0 / static_cast<double>(self.size(1))));
});

}  // namespace
}  // namespace plait::cuda
