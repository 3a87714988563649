// The one symbol of libplait_onednn.so.
#include "core/export.h"
#include "ops/onednn/kernels.h"
#include "ops/onednn/plan.h"
#include "ops/onednn/weights.h"

extern "C" PLAIT_API const plait::cpu::OnednnKernels* plait_onednn_kernels() {
  using namespace plait::cpu;  // NOLINT(google-build-using-namespace): names of the table below
  static const OnednnKernels kernels{
      .matmul = dnn::matmul,
      .conv_forward = dnn::conv_forward,
      .conv_backward = dnn::conv_backward,
      .clear_caches =
          [] {
            dnn::PlanCache::of_thread().clear();
            dnn::clear_packed_weights();
          },
  };
  return &kernels;
}
