// The in-place and out= forms of an op, on boxed arguments: written once, for every signature.
#include "core/backend.h"
#include "core/batch.h"
#include "core/op_impl.h"

namespace plait {

KeySet OpBase::check_args(const Value* args) const {
  KeySet keys = bit(Key::CPU);
  ArgChecks checks(*this);
  each_arg(args, [&]<class T>(const T& arg, int) {
    if constexpr (std::is_same_v<T, Value>) {
      if (arg.tag() == Value::Tag::Device) keys |= bit(arg.device().key());
      if (arg.tag() == Value::Tag::DType) return checks.next(arg.dtype());
    } else {
      keys |= Arg<std::conditional_t<std::is_same_v<T, Tensor>, const Tensor&, T>>::keys(arg);
    }
    checks.next(arg);
  });
  return keys;
}

void OpBase::record(RecordScope& scope, bool inplace, const Value* args) const {
  scope.open(*this, inplace);
  each_arg(args, [&](const auto& arg, int) { scope.args(arg); });
}

// Does an argument share bytes with a result so that the kernel would read what it has already overwritten?
bool OpBase::meets(const Value& arg, int param, const Tensor& result, bool may_be_it) const {
  const auto meets_tensor = [&](const Tensor& tensor, bool same_is_fine) {
    if (!tensor.defined()) return false;
    const Overlap how = overlap(tensor, result);
    return how == Overlap::Partial || (how == Overlap::Same && !same_is_fine);
  };
  if (types_[param] == ParamType::Tensor) return meets_tensor(arg.tensor(), may_be_it);
  if (types_[param] == ParamType::TensorList && !arg.is_none())
    for (const Tensor& tensor : arg.tensors())
      if (meets_tensor(tensor, false)) return true;
  return false;
}

namespace {

// What was recorded of a tensor of inference mode could not see the write: it has no history, and no saved
// tensor is compared with its version.
bool is_closed_to_writes(const Tensor& tensor) {
  return __builtin_expect(tensor.impl()->inference && !context().inference, 0);
}

// A copy of an argument, with memory of its own.
Value own_copy(const Value& arg) {
  if (arg.tag() != Value::Tag::TensorList) return Value(clone_plain(detached_alias(arg.tensor())));
  std::vector<Tensor> copies;
  for (const Tensor& tensor : arg.tensors())
    copies.push_back(tensor.defined() ? clone_plain(detached_alias(tensor)) : tensor);
  return Value(std::move(copies));
}

}  // namespace

Tensor OpBase::run_inplace_boxed(const Value* args) const {
  NoGrad guard;
  const Tensor& self = args[0].tensor();
  const KeySet keys = check_args(args);
  bool direct = false;
  const bool batched = keys & bit(Key::Batched) || (kind_ == Kind::Random && wants_regions());
  if (is_structured_ && inplace_ == Inplace::Direct && !batched) {
    TensorSpec spec;
    boxed_->meta(*this, args, &spec);
    check_inplace(self, spec);
    direct = spec.dtype == self.dtype();
  }
  if (direct) {
    detail::check_result_device(*this, keys, self.device());
    std::vector<Value> own;  // of all arguments, where one has to be copied
    const int count = tensor_params_ + attr_params_;
    for (int i = 0; i < count; ++i) {
      // Arguments of a pointwise kernel may be the result itself; of others, only self.
      if (!meets(args[i], i, self, any_layout_ || i == 0)) continue;
      if (own.empty()) own.assign(args, args + count);
      own[static_cast<size_t>(i)] = own_copy(args[i]);
    }
    boxed_->kernel(*this, &self, own.empty() ? args : own.data());
  } else {
    Value result;
    boxed_->call(*this, args, &result);
    const Tensor& made = result.tensor();
    check_inplace(self, TensorSpec(made.sizes(), made.dtype(), made.device()));
    copy_into(self, made);
  }
  if (self.storage()) self.storage()->bump_version();
  return self;
}

Tensor OpBase::inplace_boxed(const Value* args) const {
  if (!from_self_) fail<TypeError>("{}: has no in-place form", name());
  RecordScope scope;
  if (recording()) record(scope, true, args);
  KeySet keys = 0;
  each_arg(args, [&]<class T>(const T& arg, int) {
    if constexpr (std::is_same_v<T, Tensor>) keys |= Arg<const Tensor&>::keys(arg);
    if constexpr (std::is_same_v<T, TensorList>) keys |= Arg<TensorList>::keys(arg);
  });
  if (keys & context().enabled & bit(Key::Autograd)) return inplace_with_history(*this, args);
  return run_inplace_boxed(args);
}

void OpBase::check_inplace(const Tensor& self, const TensorSpec& spec) const {
  if (is_closed_to_writes(self))
    fail<RuntimeError>(
        "{}_: self was made in inference mode, and cannot be written outside of it; .clone() it first",
        name());
  if (self.device() != spec.device) detail::fail_result_device(*this, self.device());
  if (self.sizes() != spec.sizes)
    fail<ValueError>(
        "{}_: the result has shape {}, which cannot be written into self of shape {}; use {}() and keep its "
        "result",
        name(), spec.sizes, self.sizes(), name());
  if (!can_cast(spec.dtype, self.dtype()))
    fail<RuntimeError>(
        "{}_: the result has dtype {}, which cannot be written into self of dtype {}; convert self first",
        name(), spec.dtype, self.dtype());
  if (!self.impl()->contiguous && has_internal_overlap(self.sizes(), self.strides()))
    fail<RuntimeError>(
        "{}_: self of shape {} and strides {} has elements that share memory (an expanded tensor?); "
        "call .clone() first",
        name(), self.sizes(), self.strides());
}

Tensor OpBase::prepare_out(const Tensor& out, const TensorSpec& spec) const {
  check<TypeError>(out.defined(), "{}: out= must be a Tensor, not None", name());
  if (is_closed_to_writes(out))
    fail<RuntimeError>(
        "{}: out= was made in inference mode, and cannot be written outside of it; .clone() it first",
        name());
  if (out.device() != spec.device && out.device() != concrete(spec.device) &&
      !(spec.device.type == DeviceType::CPU && spec.sizes.empty()))
    fail<RuntimeError>("{}: out= is on {}, the result is on {}", name(), out.device(), spec.device);
  if (!can_cast(spec.dtype, out.dtype()))
    fail<RuntimeError>("{}: out= has dtype {}, which the result of dtype {} cannot be written into", name(),
                       out.dtype(), spec.dtype);
  if (out.sizes() != spec.sizes) {
    if (out.numel() != 0)
      fail<ValueError>(
          "{}: out= has shape {}, the result has shape {}; give an empty tensor to have it resized", name(),
          out.sizes(), spec.sizes);
    // out= may be one of the arguments, too, and must keep its shape until the kernel has read it: copy_into
    // resizes.
    return empty_tensor(spec);
  }
  if (has_internal_overlap(out.sizes(), out.strides()))
    fail<RuntimeError>("{}: out= of strides {} has elements that share memory; call .clone() first", name(),
                       out.strides());
  if (out.dtype() == spec.dtype && (any_layout_ || out.is_contiguous())) return out;
  return empty_tensor(spec);
}

void OpBase::out_boxed(std::span<const Tensor> outs, const Value* args) const {
  const auto count = static_cast<size_t>(output_count_);
  if (!has_out_) fail<TypeError>("{}: has no out= form", name());
  check<TypeError>(outs.size() == count, "{}: expected {} tensors for out=, got {}", name(), count,
                   outs.size());
  RecordScope scope;
  if (recording()) record(scope, false, args);
  bool wants_grad = false, batched = kind_ == Kind::Random && wants_regions();
  each_arg(args, [&]<class T>(const T& arg, int) {
    if constexpr (!std::is_same_v<T, Value>)
      batched |=
          Arg<std::conditional_t<std::is_same_v<T, Tensor>, const Tensor&, T>>::keys(arg) & bit(Key::Batched);
  });
  for (const Tensor& out : outs) batched |= out.defined() && out.is_batched();
  if (context().enabled & bit(Key::Autograd)) {
    const auto look = [&](const Tensor& tensor) { wants_grad |= tensor.defined() && tensor.requires_grad(); };
    if (is_differentiable())
      each_arg(args, [&]<class T>(const T& arg, int) {
        if constexpr (std::is_same_v<T, Tensor>) look(arg);
        if constexpr (std::is_same_v<T, TensorList>)
          for (const Tensor& tensor : arg) look(tensor);
      });
    for (const Tensor& out : outs) look(out);
  }
  if (wants_grad)
    fail<RuntimeError>(
        "{}: out= does not record gradients, but one of the arguments requires grad; drop out=, or call it "
        "under plait.no_grad()",
        name());

  NoGrad guard;
  std::array<Tensor, kMaxReturns> results;
  if (is_structured_ && !batched) {
    const KeySet keys = check_args(args);
    std::array<TensorSpec, kMaxReturns> specs;
    boxed_->meta(*this, args, specs.data());
    for (size_t i = 0; i < count; ++i) {
      results[i] = prepare_out(outs[i], specs[i]);
      bool met = false;
      for (int k = 0; k < tensor_params_ + attr_params_; ++k)
        met |= meets(args[k], k, results[i], any_layout_);
      if (met) results[i] = empty_tensor(specs[i]);
    }
    detail::check_result_device(*this, keys, results[0].device());
    boxed_->kernel(*this, results.data(), args);
  } else {
    std::array<Value, kMaxReturns> values;
    boxed_->call(*this, args, values.data());
    for (size_t i = 0; i < count; ++i) {
      results[i] = values[i].tensor();
      prepare_out(outs[i], TensorSpec(results[i].sizes(), results[i].dtype(), results[i].device()));
    }
  }
  for (size_t i = 0; i < count; ++i) {
    if (!results[i].same(outs[i])) copy_into(outs[i], results[i]);
    if (outs[i].storage()) outs[i].storage()->bump_version();
  }
}

void copy_into(const Tensor& destination, const Tensor& source) {
  if (destination.is_batched() || source.is_batched()) return write_entries(destination, source);
  if (destination.sizes() != source.sizes() && destination.numel() == 0) {
    // It takes the shape of what is written; and the memory, where nobody else holds that.
    const Storage& memory = source.impl()->storage;
    if (source.dtype() == destination.dtype() && source.device() == destination.device() &&
        source.is_contiguous() && memory && memory->use_count() == 1)
      return set_data(destination, source);
    set_data(destination,
             empty_tensor(TensorSpec(source.sizes(), destination.dtype(), destination.device())));
  }
  static const auto& copy = find_op<Tensor(const Tensor&, const Tensor&, bool)>("copy");
  copy.run_inplace(destination, source, false);
}

}  // namespace plait
