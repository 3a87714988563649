// What an op's declaration instantiates: the entries of its table. Included where ops are declared, not where
// they are called.
#pragma once

#include "core/batch.h"
#include "core/op.h"
#include "core/recorder.h"

namespace plait {

namespace detail {

[[noreturn]] PLAIT_API void fail_result_device(const OpBase& op, Device device);
// The kernel of the results' device reads no other device's memory: a result may be on the CPU because `self`
// is a 0-d tensor there, with another argument elsewhere.
inline void check_result_device(const OpBase& op, KeySet keys, Device device) {
  constexpr unsigned devices = kDeviceKeys & ~bit(Key::CPU);
  const unsigned others = keys & devices & ~bit(device.key());
  if (__builtin_expect(others, 0) && (!op.is_across_devices() || others & bit(Key::Meta)))
    fail_result_device(op, device);
}

[[noreturn]] PLAIT_API void fail_dtype_argument(const OpBase& op, DType dtype, int param);
// A dtype that an op is asked for may be one that is only stored where its tensors may.
inline void check_dtype_argument(const OpBase& op, DType dtype, int param) {
  if (__builtin_expect(set_of(dtype) & ~(op.dtypes() | kAnyDType), 0)) fail_dtype_argument(op, dtype, param);
}

}  // namespace detail

// The checks of a call's arguments, one after the other: tensors are defined, of dtypes that the op takes,
// and on one device. Each failure names the op and the argument.
class ArgChecks {
 public:
  explicit ArgChecks(const OpBase& op) : op_(op) {}

  void next(const Tensor& tensor) {
    if (__builtin_expect(!tensor.defined(), 0) && !op_.schema_.params[param_].optional)
      op_.fail_undefined(param_);
    check(tensor);
    ++param_;
  }
  void next(TensorList list) {
    for (const Tensor& tensor : list) check(tensor);
    ++param_;
  }
  void next(DType dtype) { detail::check_dtype_argument(op_, dtype, param_++); }
  void next(const std::optional<DType>& dtype) {
    if (dtype) detail::check_dtype_argument(op_, *dtype, param_);
    ++param_;
  }
  template <class T>
  void next(const T&) {
    ++param_;
  }

 private:
  void check(const Tensor& tensor) {
    if (!tensor.defined()) return;
    const bool number = tensor.dim() == 0 && tensor.is_cpu();
    if (first_) {
      if (!(op_.dtypes_ & set_of(tensor.dtype()))) op_.fail_dtype(tensor, param_);
      device_ = tensor.device();
      first_ = false;
    } else {
      if (__builtin_expect(set_of(tensor.dtype()) & ~(op_.dtypes_ | kAnyDType), 0))
        op_.fail_dtype(tensor, param_);
      if (tensor.device() != device_ && !op_.across_) {
        if (number) return;  // it goes with any device: its value is read
        if (settled_) op_.fail_device(tensor, param_, device_);
        device_ = tensor.device();
      }
    }
    settled_ |= !number;
  }

  const OpBase& op_;
  int param_ = 0;
  bool first_ = true, settled_ = false;  // settled: by a tensor that is not merely a number
  Device device_;
};

template <class R, class... A>
Op<R(A...)>::Op(const Decl<R(A...)>& decl)
    : OpBase(decl.schema, decl.doc, decl.kind,
             decl.view && decl.dtypes == kAnyDType ? kStoredDTypes : decl.dtypes, decl.save),
      meta_(decl.meta),
      view_(decl.view),
      composite_(decl.composite) {
  static constexpr ParamType types[] = {Arg<A>::type..., ParamType::Tensor};
  static constexpr bool optionals[] = {Arg<A>::optional..., false};
  check_signature({types, sizeof...(A)}, {optionals, sizeof...(A)});
  signature_ = &typeid(R(*)(A...));
  cpp_signature_ = __PRETTY_FUNCTION__;
  boxed_ = &kBoxed;
  types_ = types;
  vjp_ = decl.vjp;
  inplace_ = decl.inplace;
  has_out_ = decl.out && kTensors > 0;
  no_grad_ = decl.no_grad;
  is_view_ = decl.view != nullptr;
  is_composite_ = decl.composite != nullptr;
  is_structured_ = decl.meta != nullptr;
  any_layout_ = decl.kind == Kind::Pointwise;
  makes_history_ = !decl.vjp;
  across_ = decl.across_devices;
  grads_ = decl.grads;
  kernels_[static_cast<int>(Key::CPU)] = decl.cpu;
  direct_[static_cast<int>(Key::CPU)] = decl.direct;

  const Entry below = decl.composite ? &run_composite
                      : decl.view    ? &run_view
                      : decl.meta    ? &run_structured
                                     : &run_direct;
  table_.fill(decl.kind == Kind::Random && !decl.composite ? &run_random : below);
  table_[static_cast<int>(Key::Batched)] = decl.composite || decl.view ? below : &run_batched;
  table_[static_cast<int>(Key::Autograd)] = decl.vjp                          ? &AutogradLayer<R, A...>::call
                                            : decl.composite && !decl.no_grad ? &run_composite
                                                                              : &run_below;
  table_[static_cast<int>(Key::Autocast)] = &run_unmasked;
  table_[static_cast<int>(Key::Record)] = &run_recorded;
}

// Note [Batched tensors] in core/batch.h.
template <class R, class... A>
R Op<R(A...)>::run_batched(const Op& op, A... a) {
  const Value args[] = {Arg<A>::box(a)..., Value()};
  if constexpr (std::is_void_v<R>) {
    Value result;
    call_batched(op, args, &result);
  } else if constexpr (kTensors > 1) {
    Value results[kTensors];
    call_batched(op, args, results);
    return [&]<size_t... I>(std::index_sequence<I...>) { return R{results[I].tensor()...}; }
    (std::make_index_sequence<kTensors>());
  } else {
    Value result;
    call_batched(op, args, &result);
    if constexpr (std::is_same_v<R, Tensor>)
      return result.tensor();
    else if constexpr (std::is_same_v<R, std::vector<Tensor>>)
      return result.tensors();
    else
      fail_batched(op.name());  // a number is one of an entry
  }
}

// What draws random numbers asks whether a vmap is being computed, also where no argument is batched.
template <class R, class... A>
R Op<R(A...)>::run_random(const Op& op, A... a) {
  if (__builtin_expect(wants_regions(), 0)) return run_batched(op, static_cast<A>(a)...);
  return op.is_structured_ ? run_structured(op, static_cast<A>(a)...) : run_direct(op, static_cast<A>(a)...);
}

// The key stays: what the op calls is recorded, too.
template <class R, class... A>
R Op<R(A...)>::run_recorded(const Op& op, A... a) {
  RecordScope scope;
  scope.open(op, false);
  scope.args(a...);
  const Context& ctx = context();
  const unsigned keys = (keys_of(a...) | ctx.included) & ctx.enabled & (bit(Key::Record) - 1);
  return op.table_[std::bit_width(keys) - 1](op, static_cast<A>(a)...);
}

template <class R, class... A>
void Op<R(A...)>::check_args(const std::remove_reference_t<A>&... a) const {
  ArgChecks checks(*this);
  (checks.next(a), ...);
}

template <class R, class... A>
R Op<R(A...)>::run_structured(const Op& op, A... a) {
  if constexpr (kTensors == 0) {
    op.fail_meta();
  } else if constexpr (kTensors == 1) {
    op.check_args(a...);
    const Tensor out[1] = {empty_tensor(op.meta_(static_cast<A>(a)...))};
    detail::check_result_device(op, keys_of(a...), out[0].device());
    op.run_kernel(out, static_cast<A>(a)...);
    return out[0];
  } else {
    op.check_args(a...);
    const auto specs = op.meta_(static_cast<A>(a)...);
    std::array<Tensor, kTensors> outs;
    for (int i = 0; i < kTensors; ++i) outs[i] = empty_tensor(specs[i]);
    detail::check_result_device(op, keys_of(a...), outs[0].device());
    op.run_kernel(outs, static_cast<A>(a)...);
    return std::tuple_cat(std::move(outs));
  }
}

template <class R, class... A>
R Op<R(A...)>::run_direct(const Op& op, A... a) {
  op.check_args(a...);
  const unsigned keys = keys_of(a...) & kDeviceKeys;
  const auto key = static_cast<Key>(std::bit_width(keys) - 1);
  const auto fn = op.direct_[static_cast<int>(key)];
  if (!fn && key == Key::Meta) op.fail_meta();
  if (!fn) op.fail_kernel(Device{static_cast<DeviceType>(key)});
  return fn(static_cast<A>(a)...);
}

template <class R, class... A>
void Op<R(A...)>::run_into(std::span<const Tensor> outs, A... a) const {
  RecordScope scope;
  if (recording()) {
    scope.open(*this, false);
    scope.args(a...);
  }
  check_args(a...);
  if (keys_of(a...) & bit(Key::Batched)) fail_batched(name());
  std::array<TensorSpec, kTensors> specs;
  if constexpr (kTensors == 1)
    specs[0] = meta_(static_cast<A>(a)...);
  else
    specs = meta_(static_cast<A>(a)...);
  std::array<Tensor, kTensors> results;
  for (size_t i = 0; i < kTensors; ++i) {
    check<RuntimeError>(outs[i].sizes() == specs[i].sizes && outs[i].dtype() == specs[i].dtype,
                        "{}: expected room for a result of shape {} and dtype {}, got shape {} and dtype {}",
                        name(), specs[i].sizes, specs[i].dtype, outs[i].sizes(), outs[i].dtype());
    results[i] = outs[i];
  }
  detail::check_result_device(*this, keys_of(a...), results[0].device());
  NoGrad guard;
  run_kernel(results, static_cast<A>(a)...);
}

template <class R, class... A>
void Op<R(A...)>::call_unboxed(const OpBase& base, const Value* args, Value* results) {
  const auto& op = static_cast<const Op&>(base);
  [&]<size_t... I>(std::index_sequence<I...>) {
    if constexpr (std::is_void_v<R>) {
      op(Arg<A>::unbox(args[I])...);
    } else if constexpr (kTensors > 1) {
      std::apply([&](auto&&... r) { ((*results++ = Value(std::move(r))), ...); },
                 op(Arg<A>::unbox(args[I])...));
    } else {
      results[0] = Value(op(Arg<A>::unbox(args[I])...));
    }
  }
  (std::index_sequence_for<A...>());
}

template <class R, class... A>
void Op<R(A...)>::meta_unboxed(const OpBase& base, const Value* args, TensorSpec* specs) {
  const auto& op = static_cast<const Op&>(base);
  [&]<size_t... I>(std::index_sequence<I...>) {
    if constexpr (kTensors == 1)
      *specs = op.meta_(Arg<A>::unbox(args[I])...);
    else if constexpr (kTensors > 1)
      for (TensorSpec& spec : op.meta_(Arg<A>::unbox(args[I])...)) *specs++ = std::move(spec);
  }
  (std::index_sequence_for<A...>());
}

template <class R, class... A>
void Op<R(A...)>::kernel_unboxed(const OpBase& base, const Tensor* outs, const Value* args) {
  const auto& op = static_cast<const Op&>(base);
  [&]<size_t... I>(std::index_sequence<I...>) {
    if constexpr (kTensors > 0) op.run_kernel(outs, Arg<A>::unbox(args[I])...);
  }
  (std::index_sequence_for<A...>());
}

}  // namespace plait
