// Between the C ABI's types and plait's own.
#pragma once

#include <exception>

#include "core/op.h"
#include "plait/abi.h"

namespace plait::abi {

inline Tensor borrow(const plait_tensor* tensor) {
  return Tensor(Ref<TensorImpl>::share(reinterpret_cast<TensorImpl*>(const_cast<plait_tensor*>(tensor))));
}
inline Tensor adopt(plait_tensor* tensor) {
  return Tensor(Ref<TensorImpl>::adopt(reinterpret_cast<TensorImpl*>(tensor)));
}
inline plait_tensor* give(Tensor tensor) { return reinterpret_cast<plait_tensor*>(tensor.ref().detach()); }
// A tensor is one pointer, so that arrays of them are the same on both sides.
inline std::span<const Tensor> view(plait_tensor* const* tensors, int64_t count) {
  return {reinterpret_cast<const Tensor*>(tensors), static_cast<size_t>(count)};
}
inline const Tensor& as_tensor(plait_tensor* const& tensor) { return *view(&tensor, 1).data(); }
inline plait_tensor* const* view(const Tensor* tensors) {
  return reinterpret_cast<plait_tensor* const*>(tensors);
}

// Runs f for a caller that takes a status: an exception is kept for the thread.
void keep_error() noexcept;
template <class F>
int status(const F& f) noexcept {
  try {
    f();
    return 0;
  } catch (...) {
    keep_error();
    return -1;
  }
}
// Raises what was kept: after a callback that failed.
[[noreturn]] void rethrow();
inline void check_status(int status) {
  if (__builtin_expect(status != 0, 0)) rethrow();
}

TensorSpec to_spec(const plait_spec& spec);
void from_spec(const TensorSpec& spec, plait_spec& out);

// Values that borrow from `value`, which outlives them.
void lend_any(const Value& value, plait_value& out);
inline void lend(const Value& value, plait_value& out) {
  if (value.tag() != Value::Tag::Tensor && value.tag() != Value::Tag::BorrowedTensor)
    return lend_any(value, out);
  out.tag = PLAIT_TENSOR;
  out.reserved = 0;
  out.as.tensor = reinterpret_cast<plait_tensor*>(value.tensor().impl());
}
// An argument for a parameter; raises TypeError where it is of another kind.
Value take_arg(const plait_value& value, const OpBase& op, int param);
// A callback's result: references are taken over.
Value take_result(plait_value& value);
// A result for a caller, who owns it.
void give_result(Value value, plait_value& out);
void release(plait_value& value);

}  // namespace plait::abi
