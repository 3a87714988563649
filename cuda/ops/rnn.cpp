// The elementwise part of a recurrent cell's step, fused, with fused derivatives.
#include "ops/decl/rnn.h"

#include "cuda/attach.h"
#include "cuda/kernels/rnn.h"
#include "cuda/ops/elementwise.h"

namespace plait::cuda {
namespace {

// A contiguous argument for the time of the call; null where it is not there.
class In {
 public:
  explicit In(const Tensor& t) : tensor_(t.defined() ? contiguous(t) : t) {}
  operator const void*() const { return tensor_.defined() ? tensor_.data_ptr() : nullptr; }

 private:
  Tensor tensor_;
};

int64_t rows_of(const Tensor& state) { return state.numel() ? state.numel() / state.sizes().back() : 0; }

CudaKernel lstm_kernel(op::_lstm_step, [](const Tensor& h, const Tensor& next, const Tensor& gates,
                                          const Tensor& c) {
  const In g(gates), before(c);
  lstm_step({rows_of(c), c.sizes().back(), g, before, h.data_ptr(), next.data_ptr()}, c.dtype());
});

CudaKernel lstm_grad_kernel(op::_lstm_step_backward, [](const Tensor& dgates, const Tensor& dc,
                                                        const Tensor& grad_h, const Tensor& grad_c,
                                                        const Tensor& gates, const Tensor& c,
                                                        const Tensor& c_next) {
  const In gh(grad_h), gc(grad_c), g(gates), before(c), next(c_next);
  lstm_step_grad({rows_of(c), c.sizes().back(), gh, gc, g, before, next, dgates.data_ptr(), dc.data_ptr()},
                 c.dtype());
});

CudaKernel gru_kernel(op::_gru_step,
                      [](const Tensor& next, const Tensor& gates_x, const Tensor& gates_h, const Tensor& h) {
                        const In x(gates_x), y(gates_h), before(h);
                        gru_step({rows_of(h), h.sizes().back(), x, y, before, next.data_ptr()}, h.dtype());
                      });

CudaKernel gru_grad_kernel(op::_gru_step_backward, [](const Tensor& dx, const Tensor& dy, const Tensor& dh,
                                                      const Tensor& grad, const Tensor& gates_x,
                                                      const Tensor& gates_h, const Tensor& h) {
  const In d(grad), x(gates_x), y(gates_h), before(h);
  gru_step_grad({rows_of(h), h.sizes().back(), d, x, y, before, dx.data_ptr(), dy.data_ptr(), dh.data_ptr()},
                h.dtype());
});

}  // namespace
}  // namespace plait::cuda
