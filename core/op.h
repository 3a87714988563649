// An op's declaration and the whole call path.
//
// An op is declared once, as a global `Op<Signature>` built from a `Decl`. The declaration gives a schema, a
// doc text, ONE of
//   .meta + .cpu     a structured op: `meta` computes the result's shape and dtype, the kernel fills it in.
//   From these two follow
//                    the functional form (allocate, run), the in-place form (write into self), the out= form
//                    (write into out) and the Meta device (shape only).
//   .view            returns an alias of its first argument
//   .composite       is written in other ops
//   .direct          decides its own result: shapes that depend on data, several tensors changed in place
// and optionally `.vjp`, the derivative (autograd/node.h). A call goes
//   op(args) -> key set of the arguments, masked by the thread's context -> the entry of the top bit -> ...
//   -> kernel
// where each entry may do its part and call again with its own key masked off. This road is instantiated for
// each C++ signature. The in-place and out= forms are not: they take boxed arguments and are written once
// (core/op_forms.cpp), over the three parts of a call that know the signature (OpBase::Boxed).
#pragma once

#include <array>
#include <bit>
#include <functional>
#include <memory>
#include <tuple>
#include <typeinfo>

#include "core/registry.h"

namespace plait {

struct Vjp;
class OpBase;
template <class Sig>
class Op;
class RecordScope;
// autograd/layer.h
template <class R, class... A>
struct AutogradLayer;  // one per signature, not per op
Tensor inplace_with_history(const OpBase& op, const Value* args);

enum class Kind : uint8_t {
  Pointwise,
  Reduction,
  Scan,
  View,
  Index,
  Join,
  Matmul,
  Conv,
  Pool,
  Norm,
  Loss,
  Create,
  Random,
  Optim,
  Other
};
enum class Form : uint8_t { Functional, InPlace, Out };
// May the kernel be given `self` as its result? `Direct`: yes. `Copy`: no, the in-place form copies the
// result back.
enum class Inplace : uint8_t { None, Direct, Copy };

// Which gradients of its first result does a derivative take: those in the result's dtype; for a float32
// result 16-bit floats, too, as a conversion gives them back; or any float, which it only hands on?
enum class GradDType : uint8_t { Same, Lower, Any };

// A set of dtypes that an op's first tensor may have.
using DTypeSet = uint16_t;
constexpr DTypeSet set_of(DType d) { return static_cast<DTypeSet>(1u << static_cast<int>(d)); }
// `Any`: those that are computed with; `Stored`: and the 8-bit floats, which are moved and converted.
inline constexpr DTypeSet kStoredDTypes = 0x3fff, kFloat8DTypes = 0x3000, kAnyDType = 0x0fff,
                          kIntDTypes = 0x003e, kBoolIntDTypes = 0x003f, kFloatDTypes = 0x03c0,
                          kComplexDTypes = 0x0c00, kFloatComplex = kFloatDTypes | kComplexDTypes,
                          kRealDTypes = kBoolIntDTypes | kFloatDTypes, kNumberDTypes = kAnyDType & ~1;

// What a node saves for its derivative, parsed from e.g. "other if self, self if other, result".
struct SaveRule {
  int8_t param = -1;     // which argument, or
  int8_t output = -1;    // which result
  bool layout = false;   // only sizes, strides and offset ("self.layout"), as a tensor on the Meta device
  uint32_t only_if = 0;  // parameters of which one must require grad; 0: always
};

class PLAIT_API OpBase {
 public:
  OpBase(const OpBase&) = delete;
  OpBase& operator=(const OpBase&) = delete;

  const Schema& schema() const { return schema_; }
  const std::string& full_name() const { return full_name_; }  // "sum.dim"
  const char* name() const { return schema_.name.c_str(); }    // "sum"
  const char* doc() const { return doc_; }
  Kind kind() const { return kind_; }
  DTypeSet dtypes() const { return dtypes_; }
  bool is_view() const { return is_view_; }
  bool is_composite() const { return is_composite_; }
  bool is_differentiable() const { return vjp_ || is_view_ || (is_composite_ && !no_grad_); }
  Inplace inplace_kind() const { return inplace_; }
  bool makes_history() const { return makes_history_; }
  bool has_out() const { return has_out_; }
  bool is_across_devices() const { return across_; }
  GradDType grads() const { return grads_; }
  bool has_list_param() const { return has_list_; }
  int output_count() const { return output_count_; }
  void (*vjp() const)(Vjp&) { return vjp_; }
  std::span<const SaveRule> save_rules() const { return saves_; }
  // Position of a tensor parameter among the tensor parameters, of another one among the others.
  int slot(int param) const { return slots_[param]; }
  int tensor_params() const { return tensor_params_; }
  int attr_params() const { return attr_params_; }

  // The type-erased call: one Value per parameter, results written to `results` (one per return).
  void call_boxed(const Value* args, Value* results) const { boxed_->call(*this, args, results); }
  void call_boxed(Form form, const Value* args, std::span<const Tensor> outs, Value* results) const {
    if (form == Form::Functional) return call_boxed(args, results);
    if (form == Form::Out) return out_boxed(outs, args);
    results[0] = Value(inplace_boxed(args));
  }
  // The first argument is overwritten with the result and its version moves on; returns it.
  Tensor inplace_boxed(const Value* args) const;
  // The same below autograd.
  Tensor run_inplace_boxed(const Value* args) const;
  // Writes the results into tensors that the caller brings. These must not require grad.
  void out_boxed(std::span<const Tensor> outs, const Value* args) const;
  // visit(argument, parameter's index), as a const Tensor&, a TensorList or a const Value&.
  template <class Visitor>
  void each_arg(const Value* args, const Visitor& visit) const;

  const std::type_info& signature() const { return *signature_; }
  // A kernel of another device, for an op of any signature: it gets the arguments boxed, one Value a
  // parameter. Only ops with a shape rule and kernels take one.
  using BoxedKernel = std::function<void(const Tensor* outs, const Value* args)>;
  void attach_boxed(Key key, BoxedKernel kernel);
  // The schema's C++ types, for the emitted ops.h.
  const char* cpp_signature() const { return cpp_signature_; }

 protected:
  friend class ArgChecks;  // core/op_impl.h
  // What the forms of a call need to know of the op's signature.
  struct Boxed {
    void (*call)(const OpBase&, const Value* args, Value* results);        // the functional form
    void (*meta)(const OpBase&, const Value* args, TensorSpec* specs);     // the shape rule
    void (*kernel)(const OpBase&, const Tensor* outs, const Value* args);  // fills the results
  };

  OpBase(const char* schema, const char* doc, Kind kind, DTypeSet dtypes, const char* save);
  ~OpBase();
  void check_signature(std::span<const ParamType> types, std::span<const bool> optionals);
  // Checks the arguments and gives their keys.
  KeySet check_args(const Value* args) const;
  void record(RecordScope& scope, bool inplace, const Value* args) const;
  static constexpr int kMaxReturns = 4;
  [[noreturn]] void fail_undefined(int param) const;
  [[noreturn]] void fail_device(const Tensor& tensor, int param, Device expected) const;
  [[noreturn]] void fail_dtype(const Tensor& tensor, int param) const;
  [[noreturn]] void fail_kernel(Device device) const;
  void run_boxed_kernel(Device device, const Tensor* outs, const Value* args) const;
  [[noreturn]] void fail_meta() const;
  void check_inplace(const Tensor& self, const TensorSpec& spec) const;
  Tensor prepare_out(const Tensor& out, const TensorSpec& spec) const;
  bool meets(const Value& arg, int param, const Tensor& result, bool may_be_it) const;

  Schema schema_;
  std::string full_name_;
  const char* doc_;
  const std::type_info* signature_ = nullptr;
  const char* cpp_signature_ = "";
  const Boxed* boxed_ = nullptr;
  const ParamType* types_ = nullptr;  // of the parameters, side by side
  void (*vjp_)(Vjp&) = nullptr;
  std::vector<SaveRule> saves_;
  std::vector<int8_t> slots_;
  std::unique_ptr<std::array<BoxedKernel, kKeyCount>> boxed_kernels_;
  DTypeSet dtypes_;
  Kind kind_;
  Inplace inplace_ = Inplace::None;
  bool has_out_ = false, is_view_ = false, is_composite_ = false, no_grad_ = false, has_list_ = false;
  bool is_structured_ = false, across_ = false;
  bool from_self_ = false;      // takes a Tensor first and returns one
  bool any_layout_ = false;     // the kernel takes results of any strides, which may be arguments, too
  bool makes_history_ = false;  // of its results, in the functional form: the in-place one copies these
  GradDType grads_ = GradDType::Same;
  int8_t output_count_ = 1;
  int8_t tensor_params_ = 0, attr_params_ = 0;
};

template <class Visitor>
void OpBase::each_arg(const Value* args, const Visitor& visit) const {
  const int count = tensor_params_ + attr_params_;
  for (int i = 0; i < count; ++i) {
    if (types_[i] == ParamType::Tensor)
      visit(args[i].tensor(), i);
    else if (types_[i] == ParamType::TensorList)
      visit(args[i].is_none() ? TensorList() : TensorList(args[i].tensors()), i);
    else
      visit(args[i], i);
  }
}

// ---- one C++ parameter type: its schema type, its dispatch keys, its Value

template <class T>
struct Arg;

template <ParamType Type, bool Optional = false>
struct PlainArg {
  static constexpr ParamType type = Type;
  static constexpr bool optional = Optional, is_tensor = false, is_list = false;
  template <class T>
  static KeySet keys(const T&) {
    return 0;
  }
  template <class T>
  static Value box(const T& arg) {
    return Value(arg);
  }
};
template <>
struct Arg<const Tensor&> {
  static constexpr ParamType type = ParamType::Tensor;
  static constexpr bool optional = false, is_tensor = true, is_list = false;
  static KeySet keys(const Tensor& t) { return t.defined() ? t.keys() : KeySet{0}; }
  static Value box(const Tensor& t) { return Value::borrow(t); }
  static const Tensor& unbox(const Value& v) { return v.tensor(); }
};
template <>
struct Arg<TensorList> {
  static constexpr ParamType type = ParamType::TensorList;
  static constexpr bool optional = false, is_tensor = false, is_list = true;
  static KeySet keys(TensorList list) {
    KeySet keys = 0;
    for (const Tensor& t : list) keys |= Arg<const Tensor&>::keys(t);
    return keys;
  }
  static Value box(TensorList list) { return Value(list); }
  static TensorList unbox(const Value& v) { return v.is_none() ? TensorList() : TensorList(v.tensors()); }
};
template <>
struct Arg<const Scalar&> : PlainArg<ParamType::Scalar> {
  static const Scalar& unbox(const Value& v) { return v.scalar(); }
};
template <>
struct Arg<int64_t> : PlainArg<ParamType::Int> {
  static int64_t unbox(const Value& v) { return v.integer(); }
};
template <>
struct Arg<double> : PlainArg<ParamType::Float> {
  static double unbox(const Value& v) { return v.real(); }
};
template <>
struct Arg<bool> : PlainArg<ParamType::Bool> {
  static bool unbox(const Value& v) { return v.boolean(); }
};
template <>
struct Arg<IntSpan> : PlainArg<ParamType::Ints> {
  static IntSpan unbox(const Value& v) { return v.ints(); }
};
template <>
struct Arg<std::span<const double>> : PlainArg<ParamType::Floats> {
  static std::span<const double> unbox(const Value& v) { return v.doubles(); }
};
template <>
struct Arg<DType> : PlainArg<ParamType::DType> {
  static DType unbox(const Value& v) { return v.dtype(); }
};
template <>
struct Arg<Device> : PlainArg<ParamType::Device> {
  static KeySet keys(Device d) { return bit(d.key()); }
  static Device unbox(const Value& v) { return v.device(); }
};
template <>
struct Arg<MemoryFormat> : PlainArg<ParamType::MemoryFormat> {
  static MemoryFormat unbox(const Value& v) { return v.memory_format(); }
};
template <>
struct Arg<const Generator&> : PlainArg<ParamType::Generator, true> {
  static const Generator& unbox(const Value& v) {
    static const Generator none;
    return v.is_none() ? none : v.generator();
  }
};
template <>
struct Arg<std::string_view> : PlainArg<ParamType::String> {
  static std::string_view unbox(const Value& v) { return v.string(); }
};
template <class T>
struct Arg<std::optional<T>>
    : PlainArg<Arg<std::conditional_t<std::is_same_v<T, Scalar>, const Scalar&, T>>::type, true> {
  using Inner = Arg<std::conditional_t<std::is_same_v<T, Scalar>, const Scalar&, T>>;
  static KeySet keys(const std::optional<T>& v) { return v ? Inner::keys(*v) : KeySet{0}; }
  static std::optional<T> unbox(const Value& v) {
    return v.is_none() ? std::optional<T>() : std::optional<T>(Inner::unbox(v));
  }
};

// ---- results

template <class R>
struct ResultOf {  // vector<Tensor>, bool, int64_t, double, Scalar, void: no structured kernel
  static constexpr int tensors = 0;
};
template <>
struct ResultOf<Tensor> {
  static constexpr int tensors = 1;
  using Specs = TensorSpec;
};
template <class... T>
struct ResultOf<std::tuple<T...>> {
  static constexpr int tensors = sizeof...(T);
  using Specs = std::array<TensorSpec, sizeof...(T)>;
};

template <class R, class... A>
struct KernelOf {
  using Fn = R (*)(A...);  // never used
  using Meta = R (*)(A...);
};
template <class... A>
struct KernelOf<Tensor, A...> {
  using Fn = void (*)(const Tensor&, A...);
  using Meta = TensorSpec (*)(A...);
};
template <class T, class... A>
struct KernelOf<std::tuple<T, T>, A...> {
  using Fn = void (*)(const T&, const T&, A...);
  using Meta = std::array<TensorSpec, 2> (*)(A...);
};
template <class T, class... A>
struct KernelOf<std::tuple<T, T, T>, A...> {
  using Fn = void (*)(const T&, const T&, const T&, A...);
  using Meta = std::array<TensorSpec, 3> (*)(A...);
};
template <class T, class... A>
struct KernelOf<std::tuple<T, T, T, T>, A...> {
  using Fn = void (*)(const T&, const T&, const T&, const T&, A...);
  using Meta = std::array<TensorSpec, 4> (*)(A...);
};

template <class Sig>
struct Decl;
template <class R, class... A>
struct Decl<R(A...)> {
  using Kernel = typename KernelOf<R, A...>::Fn;
  using Meta = typename KernelOf<R, A...>::Meta;

  const char* schema;
  const char* doc = "";
  Meta meta = nullptr;
  R (*view)(A...) = nullptr;
  R (*composite)(A...) = nullptr;
  R (*direct)(A...) = nullptr;
  void (*vjp)(Vjp&) = nullptr;
  const char* save = "";
  Kind kind = Kind::Other;
  DTypeSet dtypes = kAnyDType;
  Inplace inplace = Inplace::None;
  bool out = false;
  bool no_grad = false;  // a composite whose result carries no gradient on purpose
  // Arguments may be on two devices; the kernel of the one that is not the CPU runs.
  bool across_devices = false;
  GradDType grads = GradDType::Same;
  Kernel cpu = nullptr;
};

// ---- the op

template <class R, class... A>
class Op<R(A...)> : public OpBase {
 public:
  using Entry = R (*)(const Op&, A...);
  using Kernel = typename Decl<R(A...)>::Kernel;
  static constexpr int kTensors = ResultOf<R>::tensors;

  Op(const Decl<R(A...)>& decl);

  // The call. Everything hot is in these few lines.
  R operator()(A... a) const {
    const Context& ctx = context();
    const unsigned keys = (keys_of(a...) | ctx.included) & ctx.enabled;
    return table_[std::bit_width(keys) - 1](*this, static_cast<A>(a)...);
  }

  // As inplace_boxed, run_inplace_boxed and out_boxed.
  Tensor inplace(A... a) const {
    const Value args[] = {Arg<A>::box(a)..., Value()};
    return inplace_boxed(args);
  }
  Tensor run_inplace(A... a) const {
    const Value args[] = {Arg<A>::box(a)..., Value()};
    return run_inplace_boxed(args);
  }
  void out(std::span<const Tensor> outs, A... a) const {
    const Value args[] = {Arg<A>::box(a)..., Value()};
    out_boxed(outs, args);
  }

  // The kernel's results, written into tensors of the caller's, which have the results' shapes and dtypes,
  // any strides, and no memory in common with the arguments. Below autograd, for derivatives.
  void run_into(std::span<const Tensor> outs, A... a) const;

  // A view op's alias, with the grad mode as it is.
  R call_view(A... a) const { return view_(static_cast<A>(a)...); }

  void attach(Key key, Kernel kernel) { kernels_[static_cast<int>(key)] = kernel; }
  void attach_direct(Key key, R (*fn)(A...)) { direct_[static_cast<int>(key)] = fn; }
  // A layer's own entry for a key: autocast, a recorder.
  void set_entry(Key key, Entry entry) { table_[static_cast<int>(key)] = entry; }

 private:
  static KeySet keys_of(const std::remove_reference_t<A>&... a) {
    return (Arg<A>::keys(a) | ... | bit(Key::CPU));
  }

  static R run_structured(const Op& op, A... a);
  static R run_direct(const Op& op, A... a);
  static R run_view(const Op& op, A... a) { return op.view_(static_cast<A>(a)...); }
  static R run_composite(const Op& op, A... a) { return op.composite_(static_cast<A>(a)...); }
  static R run_below(const Op& op, A... a) {
    NoGrad guard;
    return op(static_cast<A>(a)...);
  }
  static R run_unmasked(const Op& op, A... a) {
    ContextGuard guard;
    context().enabled &= static_cast<KeySet>(~bit(Key::Autocast));
    context().included &= static_cast<KeySet>(~bit(Key::Autocast));
    return op(static_cast<A>(a)...);
  }
  static R run_recorded(const Op& op, A... a);
  static R run_batched(const Op& op, A... a);
  static R run_random(const Op& op, A... a);
  static void call_unboxed(const OpBase& base, const Value* args, Value* results);
  static void meta_unboxed(const OpBase& base, const Value* args, TensorSpec* specs);
  static void kernel_unboxed(const OpBase& base, const Tensor* outs, const Value* args);
  static constexpr Boxed kBoxed{&call_unboxed, &meta_unboxed, &kernel_unboxed};

  template <class Outs>
  void run_kernel(const Outs& outs, A... a) const {
    Device device = outs[0].device();
    if (device.type == DeviceType::Meta) return;
    if (__builtin_expect(across_, 0)) {
      constexpr unsigned devices = bit(Key::Meta) - 1;
      device.type =
          static_cast<DeviceType>(std::bit_width((keys_of(a...) | bit(device.key())) & devices) - 1);
    }
    const Kernel kernel = kernels_[static_cast<int>(device.key())];
    if (__builtin_expect(!kernel, 0)) return run_boxed_kernel_on(device, &outs[0], a...);
    [&]<size_t... I>(std::index_sequence<I...>) { kernel(outs[I]..., static_cast<A>(a)...); }
    (std::make_index_sequence<kTensors>());
  }
  // Apart from the hot road, which would carry the values' clean-up.
  __attribute__((noinline, cold)) void run_boxed_kernel_on(Device device, const Tensor* outs,
                                                           const std::remove_reference_t<A>&... a) const {
    const Value args[] = {Value(a)..., Value()};
    run_boxed_kernel(device, outs, args);
  }
  void check_args(const std::remove_reference_t<A>&... a) const;

  std::array<Entry, kKeyCount> table_{};
  std::array<Kernel, kKeyCount> kernels_{};
  std::array<R (*)(A...), kKeyCount> direct_{};
  typename Decl<R(A...)>::Meta meta_;
  R (*view_)(A...);
  R (*composite_)(A...);
};

// Attaches a kernel to an op that another library declared: `static Kernel k{op::add, Key::CUDA, add_cuda};`
template <class Sig>
struct Kernel {
  Kernel(Op<Sig>& op, Key key, typename Op<Sig>::Kernel kernel) { op.attach(key, kernel); }
};
template <class Sig>
Kernel(Op<Sig>&, Key, typename Op<Sig>::Kernel) -> Kernel<Sig>;

// An op by name, for layers below the one that declares it. Raises where the signature is another.
PLAIT_API const OpBase& find_op(std::string_view full_name);
template <class Sig>
const Op<Sig>& find_op(std::string_view full_name) {
  const OpBase& op = find_op(full_name);
  if (op.signature() != typeid(Sig*))
    fail<TypeError>("op '{}' was looked up with another C++ signature than it was declared with", full_name);
  return static_cast<const Op<Sig>&>(op);
}

}  // namespace plait
