// What an op's declaration instantiates: the entries of its table. Included where ops are declared, not where
// they are called.
#pragma once

#include "core/op.h"
#include "core/recorder.h"

namespace plait {

namespace detail {

[[noreturn]] PLAIT_API void fail_result_device(const OpBase& op, Device device);
// The kernel of the results' device reads no other device's memory: a result may be on the CPU because `self`
// is a 0-d tensor there, with another argument elsewhere.
inline void check_result_device(const OpBase& op, KeySet keys, Device device) {
  constexpr unsigned devices = (bit(Key::Autograd) - 1) & ~bit(Key::CPU);
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
  boxed_ = &run_boxed;
  vjp_ = decl.vjp;
  OpBase::inplace_ = decl.inplace;
  has_out_ = decl.out && kTensors > 0;
  no_grad_ = decl.no_grad;
  is_view_ = decl.view != nullptr;
  is_composite_ = decl.composite != nullptr;
  is_structured_ = decl.meta != nullptr;
  across_ = decl.across_devices;
  grads_ = decl.grads;
  kernels_[static_cast<int>(Key::CPU)] = decl.cpu;
  direct_[static_cast<int>(Key::CPU)] = decl.direct;

  const Entry below = decl.composite ? &run_composite
                      : decl.view    ? &run_view
                      : decl.meta    ? &run_structured
                                     : &run_direct;
  table_.fill(below);
  table_[static_cast<int>(Key::Autograd)] = decl.vjp                          ? &AutogradLayer<R, A...>::call
                                            : decl.composite && !decl.no_grad ? &run_composite
                                                                              : &run_below;
  table_[static_cast<int>(Key::Autocast)] = &run_unmasked;
  table_[static_cast<int>(Key::Record)] = &run_recorded;
  inplace_ = [](const Op& op, A... a) { return op.inplace_below(static_cast<A>(a)...); };
  inplace_layers_ = &inplace_layers;
  out_ = [](const Op& op, std::span<const Tensor> outs, A... a) { op.out_below(outs, static_cast<A>(a)...); };
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
Tensor Op<R(A...)>::inplace_layers(const Op& op, A... a) {
  RecordScope scope;
  if (recording()) {
    scope.open(op, true);
    scope.args(a...);
  }
  if (keys_of(a...) & context().enabled & bit(Key::Autograd))
    return AutogradLayer<R, A...>::inplace(op, static_cast<A>(a)...);
  return op.run_inplace(static_cast<A>(a)...);
}

template <class R, class... A>
void Op<R(A...)>::check_args(const std::remove_reference_t<A>&... a) const {
  int param = 0;
  bool first = true, settled = false;  // settled: by a tensor that is not merely a number
  Device device;
  const auto visit_tensor = [&](const Tensor& t) {
    if (!t.defined()) return;
    if (first) {
      if (!(dtypes_ & set_of(t.dtype()))) fail_dtype(t, param);
      device = t.device();
      first = false;
      return void(settled |= t.dim() > 0 || !t.is_cpu());
    }
    if (__builtin_expect(set_of(t.dtype()) & ~(dtypes_ | kAnyDType), 0)) fail_dtype(t, param);
    if (t.device() != device && !across_) {
      // A 0-d CPU tensor goes with any device: its value is read as a number.
      if (t.dim() == 0 && t.is_cpu()) return;
      if (settled) fail_device(t, param, device);
      device = t.device();
    }
    settled |= t.dim() > 0 || !t.is_cpu();
  };
  const auto visit_arg = [&](const auto& arg) {
    if constexpr (std::is_same_v<std::decay_t<decltype(arg)>, Tensor>) {
      check_defined(arg, param);
      visit_tensor(arg);
    } else if constexpr (std::is_same_v<std::decay_t<decltype(arg)>, TensorList>) {
      for (const Tensor& t : arg) visit_tensor(t);
    } else if constexpr (std::is_same_v<std::decay_t<decltype(arg)>, DType>) {
      detail::check_dtype_argument(*this, arg, param);
    } else if constexpr (std::is_same_v<std::decay_t<decltype(arg)>, std::optional<DType>>) {
      if (arg) detail::check_dtype_argument(*this, *arg, param);
    }
    ++param;
  };
  (visit_arg(a), ...);
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
  const unsigned keys = keys_of(a...) & (bit(Key::Autograd) - 1);
  const auto key = static_cast<Key>(std::bit_width(keys) - 1);
  const auto fn = op.direct_[static_cast<int>(key)];
  if (!fn && key == Key::Meta) op.fail_meta();
  if (!fn) op.fail_kernel(Device{static_cast<DeviceType>(key)});
  return fn(static_cast<A>(a)...);
}

namespace detail {

// An argument as the kernel of an in-place or out= call may take it: where it shares bytes with the result
// and the kernel would read what it has already overwritten, a copy.
template <class T>
struct Unaliased {
  Unaliased(T arg, const Tensor&, bool) : arg(arg) {}
  T get() const { return arg; }
  T arg;
};
template <>
struct Unaliased<const Tensor&> {
  Unaliased(const Tensor& t, const Tensor& out, bool same_is_fine) : arg(t) {
    if (!t.defined()) return;
    const Overlap meets = overlap(t, out);
    if (meets == Overlap::Partial || (meets == Overlap::Same && !same_is_fine))
      arg = clone_plain(detached_alias(t));
  }
  const Tensor& get() const { return arg; }
  Tensor arg;
};

template <class First, class... Rest>
const Tensor& first_tensor(const First& first, const Rest&...) {
  if constexpr (std::is_same_v<First, Tensor>) {
    return first;
  } else {
    static const Tensor none;
    return none;
  }
}

}  // namespace detail

template <class R, class... A>
Tensor Op<R(A...)>::inplace_below(A... a) const {
  if constexpr (kTensors != 1 || sizeof...(A) == 0) {
    fail<TypeError>("{}: has no in-place form", name());
  } else {
    NoGrad guard;
    const Tensor& self = detail::first_tensor(a...);
    check_args(a...);
    bool direct = false;
    if (meta_ && OpBase::inplace_ == Inplace::Direct) {
      const TensorSpec spec = meta_(static_cast<A>(a)...);
      check_inplace(self, spec);
      direct = spec.dtype == self.dtype();
    }
    if (direct) {
      detail::check_result_device(*this, keys_of(a...), self.device());
      const Tensor out[1] = {self};
      // Arguments of a pointwise kernel may be the result itself; of others, only self.
      [&]<size_t... I>(std::index_sequence<I...>) {
        const std::tuple<detail::Unaliased<A>...> args{
            detail::Unaliased<A>(static_cast<A>(a), self, kind_ == Kind::Pointwise || I == 0)...};
        run_kernel(out, std::get<I>(args).get()...);
      }
      (std::index_sequence_for<A...>());
    } else {
      const Tensor result = (*this)(static_cast<A>(a)...);
      check_inplace(self, TensorSpec(result.sizes(), result.dtype(), result.device()));
      copy_into(self, result);
    }
    if (self.storage()) self.storage()->bump_version();
    return self;
  }
}

template <class R, class... A>
void Op<R(A...)>::run_into(std::span<const Tensor> outs, A... a) const {
  RecordScope scope;
  if (recording()) {
    scope.open(*this, false);
    scope.args(a...);
  }
  check_args(a...);
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
void Op<R(A...)>::out_below(std::span<const Tensor> outs, A... a) const {
  if constexpr (kTensors == 0) {
    fail<TypeError>("{}: has no out= form", name());
  } else {
    RecordScope scope;
    if (recording()) {
      scope.open(*this, false);
      scope.args(a...);
    }
    check<TypeError>(outs.size() == kTensors, "{}: expected {} tensors for out=, got {}", name(), kTensors,
                     static_cast<int64_t>(outs.size()));
    bool wants_grad = keys_of(a...) & context().enabled & bit(Key::Autograd);
    const auto needs = []<class T>(const T& arg) {
      if constexpr (std::is_same_v<T, Tensor> || std::is_same_v<T, TensorList>) return any_requires_grad(arg);
      return false;
    };
    wants_grad = wants_grad && (needs(a) || ...);
    for (const Tensor& out : outs) wants_grad |= grad_enabled() && out.requires_grad();
    if (wants_grad) fail_out_requires_grad();
    NoGrad guard;
    std::array<Tensor, kTensors> results;
    bool run = false;
    if (meta_) {
      check_args(a...);
      std::array<TensorSpec, kTensors> specs;
      if constexpr (kTensors == 1)
        specs[0] = meta_(static_cast<A>(a)...);
      else
        specs = meta_(static_cast<A>(a)...);
      run = true;
      for (int i = 0; i < kTensors; ++i) {
        results[i] = prepare_out(outs[i], specs[i], kind_ == Kind::Pointwise);
        const auto meets = [&]<class T>(const T& arg) {
          if constexpr (std::is_same_v<T, Tensor>) {
            if (!arg.defined()) return false;
            const Overlap o = overlap(arg, results[i]);
            return o == Overlap::Partial || (o == Overlap::Same && kind_ != Kind::Pointwise);
          } else if constexpr (std::is_same_v<T, TensorList>) {
            for (const Tensor& t : arg)
              if (t.defined() && overlap(t, results[i]) != Overlap::None) return true;
            return false;
          } else {
            return false;
          }
        };
        if ((meets(a) || ...)) results[i] = empty_tensor(specs[i]);
      }
    }
    if (run) {
      detail::check_result_device(*this, keys_of(a...), results[0].device());
      run_kernel(results, static_cast<A>(a)...);
    } else if constexpr (kTensors == 1) {
      results[0] = (*this)(static_cast<A>(a)...);
    } else {
      std::apply([&](auto&&... r) { results = {r...}; }, (*this)(static_cast<A>(a)...));
    }
    for (int i = 0; i < kTensors; ++i) {
      if (!run)
        prepare_out(outs[i], TensorSpec(results[i].sizes(), results[i].dtype(), results[i].device()), false);
      if (!results[i].same(outs[i])) copy_into(outs[i], results[i]);
      if (outs[i].storage()) outs[i].storage()->bump_version();
    }
  }
}

template <class R, class... A>
void Op<R(A...)>::run_boxed(const OpBase& base, Form form, const Value* args, std::span<const Tensor> outs,
                            Value* results) {
  const auto& op = static_cast<const Op&>(base);
  [&]<size_t... I>(std::index_sequence<I...>) {
    if (form == Form::InPlace) {
      results[0] = Value(op.inplace(Arg<A>::unbox(args[I])...));
    } else if (form == Form::Out) {
      op.out(outs, Arg<A>::unbox(args[I])...);
    } else if constexpr (std::is_void_v<R>) {
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

}  // namespace plait
