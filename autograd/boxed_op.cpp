#include "autograd/boxed_op.h"

#include <mutex>
#include <unordered_set>

#include "autograd/layer.h"
#include "core/backend.h"
#include "core/batch.h"

namespace plait {
namespace {

// Which ops of the registry are boxed ones.
struct BoxedOps {
  std::mutex mutex;
  std::unordered_set<const OpBase*> all;
};
BoxedOps& boxed_ops() {
  static auto* ops = new BoxedOps;
  return *ops;
}

}  // namespace

BoxedOp::BoxedOp(BoxedDecl&& decl)
    : BoxedTexts{decl.doc, decl.library},
      OpBase(decl.schema.c_str(), BoxedTexts::doc.c_str(), decl.kind, decl.dtypes, decl.save.c_str()),
      decl_(std::move(decl)) {
  const auto refuse = [&](std::string_view why) { fail<ValueError>("op '{}': {}", schema_.text, why); };
  if (decl_.types.data()) check_signature(decl_.types, decl_.optionals);
  const int ways =
      (decl_.meta != nullptr) + (decl_.direct || decl_.direct_meta) + (decl_.composite != nullptr);
  if (ways != 1)
    refuse("give exactly one of .meta (with a kernel that fills the result), .direct and .composite");
  if (schema_.returns.size() > kMaxReturns)
    refuse(message("returns {} values, at most {} are possible; return a Tensor[]",
                   static_cast<int64_t>(schema_.returns.size()), kMaxReturns));
  int tensors = 0, lists = 0;
  for (const Return& ret : schema_.returns) {
    tensors += ret.type == "Tensor";
    lists += ret.type == "Tensor[]";
  }
  const int returns = static_cast<int>(schema_.returns.size());
  if (decl_.meta && (tensors != returns || returns == 0))
    refuse(".meta is for ops that return Tensors; use .direct for other results");
  if (decl_.vjp && tensors != returns && !(lists == 1 && returns == 1))
    refuse(".vjp is for ops that return Tensors, or one Tensor[]");
  if (decl_.composite && (decl_.vjp || decl_.autograd))
    refuse("a composite is differentiated through the ops that it calls; drop .vjp, or make it .direct");
  if (decl_.inplace != Inplace::None && (!from_self_ || schema_.params[0].optional))
    refuse(".inplace is for ops that take a Tensor first and return one");
  for (const Param& param : schema_.params) {
    param_types_.push_back(param.type);
    mutates_ |= param.mutates;
  }
  types_ = param_types_.data();

  signature_ = &typeid(BoxedOp);
  static constexpr Boxed kBoxed{
      [](const OpBase& op, const Value* args, Value* results) { boxed(op).call(args, results); },
      [](const OpBase& op, const Value* args, TensorSpec* specs) { boxed(op).decl_.meta(args, specs); },
      [](const OpBase& op, const Tensor* outs, const Value* args) {
        boxed(op).run_kernel(outs, args);
        boxed(op).bump_versions(args);
      }};
  boxed_ = &kBoxed;
  inplace_ = decl_.inplace;
  has_out_ = decl_.out && tensors == returns && returns > 0;
  no_grad_ = decl_.no_grad;
  is_composite_ = decl_.composite != nullptr;
  if (!is_composite_ && !no_grad_)
    vjp_ = [](Vjp& v) {
      const auto& op = static_cast<const BoxedOp&>(*v.node.op());
      if (!op.decl_.vjp)
        fail<NotImplementedError>(
            "{}: has no derivative; declare one (.vjp in C++, register_autograd in Python), compute it under "
            "plait.no_grad(), or declare that it has none (.no_grad = true)",
            op.name());
      op.decl_.vjp(v);
    };
  is_structured_ = decl_.meta != nullptr;
  any_layout_ = decl_.kind == Kind::Pointwise && decl_.inplace == Inplace::Direct;
  makes_history_ = !vjp_ || decl_.autograd;
  if (decl_.cpu) attach_boxed(Key::CPU, decl_.cpu);
  direct_[static_cast<int>(Key::CPU)] = decl_.direct;
  direct_[static_cast<int>(Key::Meta)] = decl_.direct_meta;
}

BoxedOp& BoxedOp::declare(BoxedDecl decl) {
  const Schema schema = Schema::parse(decl.schema.c_str());
  const std::string name = schema.overload.empty() ? schema.name : schema.name + "." + schema.overload;
  if (const BoxedOp* other = from(Registry::instance().find(name)))
    fail<ValueError>("op '{}' is declared already, by '{}'; '{}' must use another namespace or name", name,
                     other->library(), decl.library);
  auto* op = new BoxedOp(std::move(decl));
  std::lock_guard lock(boxed_ops().mutex);
  boxed_ops().all.insert(op);
  return *op;
}

void BoxedOp::attach_direct(Key key, Direct direct) {
  if (decl_.meta || decl_.composite)
    fail<NotImplementedError>(
        "{}: takes no further kernels of this kind: it has a shape rule of its own, or is written in other "
        "ops",
        name());
  direct_[static_cast<int>(key)] = std::move(direct);
}

BoxedOp* BoxedOp::from(const OpBase* op) {
  std::lock_guard lock(boxed_ops().mutex);
  return boxed_ops().all.count(op) ? const_cast<BoxedOp*>(static_cast<const BoxedOp*>(op)) : nullptr;
}

// Of the first tensor that is not on the CPU, or the device that is asked for.
Device BoxedOp::device_of(const Value* args) const {
  Device device;
  const auto look = [&](const Tensor& t) {
    if (device.type == DeviceType::CPU && t.defined()) device = t.device();
  };
  each_arg(args, [&]<class T>(const T& arg, int) {
    if constexpr (std::is_same_v<T, Tensor>) {
      look(arg);
    } else if constexpr (std::is_same_v<T, TensorList>) {
      for (const Tensor& t : arg) look(t);
    } else if (device.type == DeviceType::CPU && arg.tag() == Value::Tag::Device) {
      device = concrete(arg.device());
    }
  });
  return device;
}

// What a direct function gave is of the kinds that the schema names.
void BoxedOp::check_results(const Value* results) const {
  for (size_t i = 0; i < schema_.returns.size(); ++i) {
    const std::string& type = schema_.returns[i].type;
    const Value::Tag tag = results[i].tag();
    const bool good = type == "Tensor"     ? tag == Value::Tag::Tensor && results[i].tensor().defined()
                      : type == "Tensor[]" ? tag == Value::Tag::TensorList
                      : type == "bool"     ? tag == Value::Tag::Bool
                      : type == "int"      ? tag == Value::Tag::Int
                      : type == "float"    ? tag == Value::Tag::Double
                      : type == "void"     ? tag == Value::Tag::None
                                           : tag == Value::Tag::Scalar;
    if (!good)
      fail<TypeError>("{}: result {} must be a {} by the schema '{}', the kernel returned something else",
                      name(), static_cast<int64_t>(i), type, schema_.text);
  }
}

void BoxedOp::run_kernel(const Tensor* outs, const Value* args) const {
  const Device device = outs[0].device();
  if (device.type == DeviceType::Meta) return;
  run_boxed_kernel(device, outs, args);
}

void BoxedOp::call_below(const Value* args, Value* results, KeySet keys) const {
  if (keys & bit(Key::Batched)) return call_batched(*this, args, results);
  if (decl_.meta && output_count_ == 1) {
    TensorSpec spec;
    decl_.meta(args, &spec);
    Tensor out = empty_tensor(spec);
    detail::check_result_device(*this, keys, out.device());
    run_kernel(&out, args);
    results->~Value();
    new (results) Value(std::move(out));
  } else if (decl_.meta) {
    TensorSpec specs[kMaxReturns];
    decl_.meta(args, specs);
    Tensor outs[kMaxReturns];
    for (int i = 0; i < output_count_; ++i) outs[i] = empty_tensor(specs[i]);
    detail::check_result_device(*this, keys, outs[0].device());
    run_kernel(outs, args);
    for (int i = 0; i < output_count_; ++i) results[i] = Value(std::move(outs[i]));
  } else {
    const auto key = static_cast<Key>(std::bit_width(unsigned{keys} & kDeviceKeys) - 1);
    const Direct& direct = direct_[static_cast<int>(key)];
    if (!direct && key == Key::Meta) fail_meta();
    if (!direct) fail_kernel(Device{static_cast<DeviceType>(key)});
    const CurrentDevice current(key == Key::CPU || key == Key::Meta ? kCPU : device_of(args));
    direct(args, results);
    check_results(results);
    check_no_alias(args, results);
  }
  bump_versions(args);
}

// A result that is an argument itself would get the history of the result.
void BoxedOp::check_no_alias(const Value* args, const Value* results) const {
  const auto check_pair = [&](const Tensor& arg, const Tensor& result, int param) {
    if (arg.defined() && result.same(arg) && !schema_.params[param].mutates)
      fail<RuntimeError>(
          "{}: the kernel returned its argument '{}' itself; return a copy (.clone()), or declare that it is "
          "written: Tensor(a!) {}",
          name(), schema_.params[param].name, schema_.params[param].name);
  };
  const auto check_arg = [&](const Tensor& arg, int param) {
    for (int i = 0; i < output_count_; ++i) {
      if (results[i].tag() == Value::Tag::Tensor) check_pair(arg, results[i].tensor(), param);
      if (results[i].tag() == Value::Tag::TensorList)
        for (const Tensor& t : results[i].tensors()) check_pair(arg, t, param);
    }
  };
  each_arg(args, [&]<class T>(const T& arg, int param) {
    if constexpr (std::is_same_v<T, Tensor>) check_arg(arg, param);
    if constexpr (std::is_same_v<T, TensorList>)
      for (const Tensor& t : arg) check_arg(t, param);
  });
}

// Of what the schema says is written.
void BoxedOp::bump_versions(const Value* args) const {
  if (!mutates_) return;
  each_arg(args, [&]<class T>(const T& arg, int param) {
    if (!schema_.params[param].mutates) return;
    if constexpr (std::is_same_v<T, Tensor>) {
      if (arg.defined() && arg.storage()) arg.storage()->bump_version();
    } else if constexpr (std::is_same_v<T, TensorList>) {
      for (const Tensor& t : arg)
        if (t.defined() && t.storage()) t.storage()->bump_version();
    }
  });
}

void BoxedOp::call_autograd(const Value* args, Value* results, KeySet keys) const {
  NodeBuilder builder(*this);
  if (!no_grad_) each_arg(args, [&](const auto& arg, int) { builder.scan(arg); });
  if (mutates_)
    each_arg(args, [&]<class T>(const T& arg, int param) {
      if constexpr (std::is_same_v<T, Tensor>) {
        if (!schema_.params[param].mutates || !arg.defined()) return;
        check_inplace_allowed(name(), arg, builder.records());
        if (builder.records() && requires_grad(arg))
          fail<RuntimeError>(
              "{}: writes into argument '{}', which requires grad: such a write cannot be recorded; give it "
              "under plait.no_grad(), or write into a .clone()",
              name(), schema_.params[param].name);
      }
    });
  if (!builder.records()) {
    NoGrad guard;
    call_below(args, results, keys);
    return;
  }
  if (decl_.autograd) {
    decl_.autograd(args, results);
    check_results(results);
    return;
  }
  builder.begin();
  each_arg(args, [&](const auto& arg, int) { builder.fill(arg); });
  {
    NoGrad guard;
    call_below(args, results, keys);
  }
  if (output_count_ == 1 && results[0].tag() == Value::Tag::Tensor) {
    builder.finish(results[0].tensor());
  } else if (output_count_ == 1 && results[0].tag() == Value::Tag::TensorList) {
    builder.finish(results[0].tensors());
  } else {
    Tensor list[kMaxReturns];
    bool tensors = output_count_ > 0;
    for (int i = 0; i < output_count_; ++i) {
      tensors &= results[i].tag() == Value::Tag::Tensor;
      if (tensors) list[i] = results[i].tensor();
    }
    if (tensors) builder.finish_all({list, static_cast<size_t>(output_count_)}, false);
  }
}

void BoxedOp::call(const Value* args, Value* results) const {
  const Context& ctx = context();
  unsigned keys = (check_args(args) | ctx.included) & ctx.enabled;
  // No list has ops from outside: an autocast region holds for what a composite is written in.
  if (decl_.composite) keys &= ~unsigned{bit(Key::Autocast)};
  RecordScope scope;
  if (keys & bit(Key::Record)) {
    record(scope, false, args);
    keys &= bit(Key::Record) - 1;
  }
  if (keys & bit(Key::Autocast)) {
    ContextGuard guard;
    context().enabled &= static_cast<KeySet>(~bit(Key::Autocast));
    context().included &= static_cast<KeySet>(~bit(Key::Autocast));
    return call(args, results);
  }
  if (decl_.composite) {
    if (no_grad_) {
      NoGrad guard;
      decl_.composite(args, results);
    } else {
      decl_.composite(args, results);
    }
    bump_versions(args);
    check_results(results);
  } else if (keys & bit(Key::Autograd)) {
    call_autograd(args, results, static_cast<KeySet>(keys));
  } else {
    call_below(args, results, static_cast<KeySet>(keys));
  }
}

}  // namespace plait
