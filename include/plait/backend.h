// A device of one's own. Part of plait's C++ API; include it after plait/extension.h.
//
//   static Backend toy("toy", allocate, release);              // plait.device("toy") from now on
//   static BackendKernel add_toy(toy, "add", +[](const Tensor& out, const Tensor& self, const Tensor& other,
//   Scalar alpha) {
//     ...
//   });
//
// A kernel is attached to an op by its full name; its arguments are the results, then the op's own in the
// order of the schema. Ops that are written in other ops, and views, need none. `copy` and `_to_device` bring
// data to the device and back; there, one of the two tensors is on the CPU.
#pragma once

#include "plait/extension.h"

namespace plait {
inline namespace v1 {

class Backend final : detail::Pending {
 public:
  // `allocate` returns null where there is no memory left; both are called from any thread.
  Backend(const char* name, void* (*allocate)(size_t bytes), void (*release)(void* data, size_t bytes))
      : name_(name),
        allocate_(allocate),
        release_(release) {
    detail::enqueue(this);
  }
  DeviceType type() const { return static_cast<DeviceType>(type_); }

 private:
  void declare() override {
    detail::check_status(api().claim_device(name_, &type_));
    detail::check_status(api().set_allocator(type_, allocate_, release_));
  }
  const char* name_;
  void* (*allocate_)(size_t);
  void (*release_)(void*, size_t);
  int type_ = 0;
};

template <int Results, class... A>
class BackendKernelOf : detail::Pending {
 public:
  BackendKernelOf(const Backend& backend, const char* op, void (*kernel)(A...))
      : backend_(backend),
        op_(op),
        kernel_(kernel) {
    detail::enqueue(this);
  }

 private:
  static constexpr size_t kArgs = sizeof...(A) - Results;

  void declare() override {
    static const uint8_t types[] = {detail::ArgOf<A>::type...};
    detail::check_status(
        api().op_attach(op_, static_cast<int>(backend_.type()), types + Results, kArgs, Results, this, &run));
  }
  static int run(void* self, plait_tensor* const* outs, const plait_value* args) {
    return detail::guarded([&] {
      [&]<size_t... I>(std::index_sequence<I...>) {
        const auto read = [&]<class T, size_t K>() -> decltype(auto) {
          if constexpr (K < Results)
            return static_cast<const Tensor*>(static_cast<const void*>(outs))[K];
          else
            return detail::unbox<T>(args[K - Results]);
        };
        static_cast<BackendKernelOf*>(self)->kernel_(read.template operator()<A, I>()...);
      }
      (std::index_sequence_for<A...>());
    });
  }
  const Backend& backend_;
  const char* op_;
  void (*kernel_)(A...);
};

// Of an op with one result. For several: BackendKernelOf<2, ...>.
template <class... A>
struct BackendKernel : BackendKernelOf<1, A...> {
  using BackendKernelOf<1, A...>::BackendKernelOf;
};
template <class... A>
BackendKernel(const Backend&, const char*, void (*)(A...)) -> BackendKernel<A...>;

}  // namespace v1
}  // namespace plait
