// Attaching CUDA kernels to ops:
//
//   CudaKernel neg_kernel(op::neg, [](const Tensor& out, const Tensor& self) { unary(Unary::Neg, out, self);
//   });
//
// The kernel runs with the results' device as the current one, and the results' memory is marked with the
// op's name, which memory reports show.
#pragma once

#include "core/op.h"
#include "cuda/runtime/allocator.h"
#include "cuda/runtime/device.h"
#include "cuda/runtime/kernel_timer.h"

namespace plait::cuda {

template <class Sig, class F>
struct KernelWrapper;

// One result or several: the kernel's own arguments begin with the results.
template <class R, class... A, class F>
struct KernelWrapper<R(A...), F> {
  inline static const char* name = "";

  template <class... Outs>
  static void run_with(const Outs&... outs, A... a) {
    const Tensor& first = std::get<0>(std::tie(outs...));
    DeviceGuard guard(first.device().index);
    const KernelTimer timer(name, first.device().index);
    F{}(outs..., static_cast<A>(a)...);
    (note_op(outs, name), ...);
  }
  static void attach(Op<R(A...)>& op) {
    name = op.full_name().c_str();
    constexpr int results = ResultOf<R>::tensors;
    if constexpr (results == 1)
      op.attach(Key::CUDA, &run_with<Tensor>);
    else if constexpr (results == 2)
      op.attach(Key::CUDA, &run_with<Tensor, Tensor>);
    else if constexpr (results == 3)
      op.attach(Key::CUDA, &run_with<Tensor, Tensor, Tensor>);
    else
      op.attach(Key::CUDA, &run_with<Tensor, Tensor, Tensor, Tensor>);
  }
};

template <class Sig, class F>
struct CudaKernel {
  CudaKernel(Op<Sig>& op, F) { KernelWrapper<Sig, F>::attach(op); }
};
template <class Sig, class F>
CudaKernel(Op<Sig>&, F) -> CudaKernel<Sig, F>;

// Of an op that decides its own results (`.direct`).
template <class Sig, class F>
struct CudaDirect;
template <class R, class... A, class F>
struct CudaDirect<R(A...), F> {
  inline static const char* name = "";

  CudaDirect(Op<R(A...)>& op, F) {
    name = op.full_name().c_str();
    op.attach_direct(Key::CUDA, [](A... a) -> R {
      const int device = device_of(a...);
      DeviceGuard guard(device);
      const KernelTimer timer(name, device);
      return F{}(static_cast<A>(a)...);
    });
  }

 private:
  static int device_of(const std::remove_reference_t<A>&... a) {
    int index = current_device();
    const auto look = [&](const auto& arg) {
      using T = std::decay_t<decltype(arg)>;
      if constexpr (std::is_same_v<T, Tensor>) {
        if (arg.defined() && arg.device().type == DeviceType::CUDA) index = arg.device().index;
      } else if constexpr (std::is_same_v<T, TensorList>) {
        for (const Tensor& t : arg)
          if (t.defined() && t.device().type == DeviceType::CUDA) index = t.device().index;
      }
    };
    (look(a), ...);
    return index;
  }
};
template <class R, class... A, class F>
CudaDirect(Op<R(A...)>&, F) -> CudaDirect<R(A...), F>;

}  // namespace plait::cuda
