// Declaring ops. Part of plait/extension.h.
//
//   PLAIT_OP(swish, Tensor(const Tensor&, double)){
//       .schema = "swish(Tensor x, *, float beta=1.0) -> Tensor",
//       .doc = "x sigmoid(beta x), elementwise.",
//       .meta = [](const Tensor& x, double) { return like(x); },
//       .vjp = [](Vjp& v) { ... },
//       .save = "x",
//       .cpu = swish_cpu,
//   };
//
// declares one op: plait.ops.<extension>.swish in Python, swish(x, 2.0) here. The C++ signature must be the
// schema's:
//   Tensor, Tensor?   const Tensor&          int     int64_t          str            std::string_view
//   Tensor(a!)        const Tensor&          float   double           dtype          DType
//   Tensor[]          TensorList             bool    bool             device         Device
//   Scalar            const Scalar&          int[]   IntSpan          memory_format  MemoryFormat
//   T?                std::optional<T>       float[] FloatSpan        Generator      Generator
// and it has one of
//   .meta and .cpu    `meta` gives the result's shape and dtype (it serves the Meta device, too), the kernel
//   fills the
//                     result in; from these follow the in-place form (.inplace) and out= (.out)
//   .direct           makes its own result: shapes that depend on data, arguments that are written
//   (Tensor(a!)) .composite        is written in other ops, and differentiated through them
#pragma once

#include "plait/tensor.h"

namespace plait {
inline namespace v1 {

enum class Kind : int32_t {
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
// May the kernel be given `self` as its result? `Direct`: yes. `Copy`: no, the in-place form copies the
// result back.
enum class Inplace : int32_t { None, Direct, Copy };
// The usual shape rules, in place of `.meta`: like the first tensor; of the broadcast shape of all tensors
// and their promoted dtype; the same, with integers taken as the default float.
enum class Infer : int32_t { ByMeta, LikeFirst, Broadcast, BroadcastFloat };

// A set of dtypes that an op's first tensor may have.
using DTypeSet = uint32_t;
constexpr DTypeSet set_of(DType d) { return 1u << static_cast<int>(d); }
inline constexpr DTypeSet kAnyDType = 0x0fff, kIntDTypes = 0x003e, kBoolIntDTypes = 0x003f,
                          kFloatDTypes = 0x03c0, kComplexDTypes = 0x0c00,
                          kFloatComplex = kFloatDTypes | kComplexDTypes,
                          kRealDTypes = kBoolIntDTypes | kFloatDTypes, kNumberDTypes = kAnyDType & ~1u;

namespace detail {

// ---- a C++ parameter type: its place in the schema's types, its word, how it is read from a plait_value

template <uint8_t Type, bool Optional = false>
struct ArgType {
  static constexpr uint8_t type = Type;
  static constexpr bool optional = Optional;
};
template <class T>
struct Arg;

template <class T>
Span<const T> items(const plait_value& v) {
  return {static_cast<const T*>(v.as.list.items), static_cast<size_t>(v.as.list.count)};
}

template <>
struct Arg<Tensor> : ArgType<0> {
  static constexpr const char* word = "Tensor";
  // A Tensor is one pointer, so that the one in the value is read in place.
  static const Tensor& unbox(const plait_value& v) {
    return *static_cast<const Tensor*>(static_cast<const void*>(&v.as.tensor));
  }
};
template <>
struct Arg<TensorList> : ArgType<1> {
  static constexpr const char* word = "Tensor[]";
  static TensorList unbox(const plait_value& v) {
    return v.tag == PLAIT_NONE ? TensorList() : items<Tensor>(v);
  }
};
template <class T>
requires std::is_same_v<T, std::vector<Tensor>>
struct Arg<T> : ArgType<1> {
  static constexpr const char* word = "Tensor[]";
  static T unbox(const plait_value& v) {
    const TensorList l = Arg<TensorList>::unbox(v);
    return T(l.data(), l.data() + l.size());
  }
};
template <>
struct Arg<Scalar> : ArgType<2> {
  static constexpr const char* word = "Scalar";
  static Scalar unbox(const plait_value& v) { return Scalar(v); }
};
template <class T>
requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) struct Arg<T> : ArgType<3> {
  static constexpr const char* word = "int";
  static T unbox(const plait_value& v) {
    const T narrow = static_cast<T>(v.as.integer);
    check(static_cast<int64_t>(narrow) == v.as.integer,
          "the number {} does not fit a C++ integer of {} bytes", v.as.integer, sizeof(T));
    return narrow;
  }
};
template <class T>
requires std::is_floating_point_v<T>
struct Arg<T> : ArgType<4> {
  static constexpr const char* word = "float";
  static T unbox(const plait_value& v) { return static_cast<T>(v.as.real); }
};
template <>
struct Arg<bool> : ArgType<5> {
  static constexpr const char* word = "bool";
  static bool unbox(const plait_value& v) { return v.as.integer != 0; }
};
template <>
struct Arg<IntSpan> : ArgType<6> {
  static constexpr const char* word = "int[]";
  static IntSpan unbox(const plait_value& v) { return items<int64_t>(v); }
};
template <class T>
requires std::is_same_v<T, std::vector<int64_t>>
struct Arg<T> : ArgType<6> {
  static constexpr const char* word = "int[]";
  static T unbox(const plait_value& v) {
    const IntSpan l = items<int64_t>(v);
    return T(l.data(), l.data() + l.size());
  }
};
template <>
struct Arg<FloatSpan> : ArgType<7> {
  static constexpr const char* word = "float[]";
  static FloatSpan unbox(const plait_value& v) { return items<double>(v); }
};
template <>
struct Arg<DType> : ArgType<8> {
  static constexpr const char* word = "dtype";
  static DType unbox(const plait_value& v) { return static_cast<DType>(v.as.integer); }
};
template <>
struct Arg<Device> : ArgType<9> {
  static constexpr const char* word = "device";
  static Device unbox(const plait_value& v) {
    return Device(static_cast<DeviceType>(v.as.device.type), v.as.device.index);
  }
};
template <>
struct Arg<MemoryFormat> : ArgType<10> {
  static constexpr const char* word = "memory_format";
  static MemoryFormat unbox(const plait_value& v) { return static_cast<MemoryFormat>(v.as.integer); }
};
template <>
struct Arg<Generator> : ArgType<11, true> {
  static constexpr const char* word = "Generator?";
  static Generator unbox(const plait_value& v) {
    return {v.tag == PLAIT_GENERATOR ? v.as.generator : nullptr};
  }
};
// std::string_view, and what is made from one: std::string
template <class T>
requires(std::is_constructible_v<T, std::string_view> && !std::is_arithmetic_v<T>) struct Arg<T>
    : ArgType<12> {
  static constexpr const char* word = "str";
  static T unbox(const plait_value& v) {
    return T(std::string_view(items<char>(v).data(), items<char>(v).size()));
  }
};
template <class T>
struct Arg<std::optional<T>> : ArgType<Arg<T>::type, true> {
  static constexpr const char* word = Arg<T>::word;
  static std::optional<T> unbox(const plait_value& v) {
    return v.tag == PLAIT_NONE ? std::optional<T>() : std::optional<T>(Arg<T>::unbox(v));
  }
};
template <class T>
using ArgOf = Arg<std::remove_cvref_t<T>>;
template <class T>
decltype(auto) unbox(const plait_value& v) {
  if constexpr (std::is_lvalue_reference_v<T> && !std::is_const_v<std::remove_reference_t<T>>)
    return const_cast<std::remove_cvref_t<T>&>(ArgOf<T>::unbox(v));  // Tensor&: the handle in the value
  else
    return ArgOf<T>::unbox(v);
}

// ---- results

inline void box(Tensor t, plait_value& out) {
  out.tag = t.defined() ? PLAIT_TENSOR : PLAIT_NONE;
  out.as.tensor = t.release();
}
template <class List>
requires std::is_same_v<List, std::vector<Tensor>>
void box(List list, plait_value& out) {
  plait_tensor** items = api().list_new(static_cast<int64_t>(list.size()));
  for (size_t i = 0; i < list.size(); ++i) items[i] = list[i].release();
  out.tag = PLAIT_TENSORS;
  out.as.list = {items, static_cast<int64_t>(list.size())};
}
inline void box(const Argument& number, plait_value& out) { out = number.value; }
template <class... T>
void box(std::tuple<T...> results, plait_value& first) {
  plait_value* out = &first;
  std::apply([&](T&... t) { (box(std::move(t), *out++), ...); }, results);
}

template <class R>
struct ResultOf {
  static constexpr const char* word = std::is_same_v<R, bool>       ? "bool"
                                      : std::is_integral_v<R>       ? "int"
                                      : std::is_floating_point_v<R> ? "float"
                                      : std::is_void_v<R>           ? "void"
                                      : std::is_same_v<R, Scalar>   ? "Scalar"
                                      : std::is_same_v<R, Tensor>   ? "Tensor"
                                                                    : "Tensor[]";
  static constexpr int tensors = std::is_same_v<R, Tensor>;
};
template <class... T>
struct ResultOf<std::tuple<T...>> {
  static constexpr int tensors = sizeof...(T);
};

template <class R, class... A>
struct KernelOf {
  using Fn = void (*)(const Tensor&, A...);
  using Meta = TensorSpec (*)(A...);
};
template <class T>
struct SpecFor {  // no alias: nvcc loses the parameter of one that does not use it
  using type = TensorSpec;
};
template <class... T, class... A>
struct KernelOf<std::tuple<T...>, A...> {
  using Fn = void (*)(const T&..., A...);
  using Meta = std::tuple<typename SpecFor<T>::type...> (*)(A...);
};

// ---- what waits to be declared until plait's table is there

struct Pending {
  Pending* next = nullptr;
  virtual void declare() = 0;

 protected:
  ~Pending() = default;
};
inline Pending* g_first = nullptr;
inline Pending** g_last = &g_first;
inline void enqueue(Pending* p) {
  *g_last = p;
  g_last = &p->next;
  if (g_api) register_ops();
}
inline void register_ops() {
  while (Pending* p = g_first) {
    g_first = p->next;
    if (!g_first) g_last = &g_first;
    p->declare();
  }
}

}  // namespace detail

// ---- derivatives

// An argument of an op, by its name or its position in the schema.
struct Param {
  int index;
  const char* name;
  Param(int i) : index(i), name(nullptr) {}
  Param(const char* n) : index(-1), name(n) {}
};

// What a derivative works on. Write it in ops, so that it can be differentiated again; set() the gradients of
// the arguments that need one. They may have the broadcast shape and the promoted dtype: plait reduces and
// converts.
class Vjp {
 public:
  explicit Vjp(plait_vjp* handle) : handle_(handle) {}

  // Of a result; undefined means zero (possible where there are several results).
  Tensor grad(int output = 0) const {
    return get([&](plait_tensor** out) { return api().vjp_grad(handle_, output, out); });
  }
  // An argument or a result that `.save` names.
  Tensor in(Param param, int item = -1) const {
    return get([&](plait_tensor** out) { return api().vjp_in(handle_, find(param), item, out); });
  }
  Tensor out(int output = 0) const {
    return get([&](plait_tensor** out) { return api().vjp_out(handle_, output, out); });
  }
  // An argument that is no tensor. Views (spans, string_view) live as long as the call.
  template <class T>
  T attr(Param param) const {
    plait_value v;
    detail::check_status(api().vjp_attr(handle_, find(param), &v));
    return detail::Arg<T>::unbox(v);
  }
  bool needs(Param param, int item = -1) const { return api().vjp_needs(handle_, find(param), item); }
  int list_size(Param param) const { return api().vjp_count(handle_, find(param)); }
  TensorSpec spec(Param param, int item = -1) const {
    TensorSpec s;
    detail::check_status(api().vjp_spec(handle_, find(param), item, &s.spec));
    return s;
  }
  Dims sizes(Param param, int item = -1) const { return Dims(spec(param, item).sizes()); }
  void set(Param param, const Tensor& grad) { set(param, -1, grad); }
  void set(Param param, int item, const Tensor& grad) {
    detail::check_status(api().vjp_set(handle_, find(param), item, grad.handle()));
  }

 private:
  template <class F>
  static Tensor get(const F& f) {
    plait_tensor* t = nullptr;
    detail::check_status(f(&t));
    return Tensor::adopt(t);
  }
  int find(Param param) const {
    if (!param.name) return param.index;
    const int i = api().op_param(api().vjp_op(handle_), param.name);
    check<ValueError>(i >= 0, "derivative: the op has no argument '{}'", param.name);
    return i;
  }
  plait_vjp* handle_;
};

// ---- declarations

template <class Sig>
struct Decl;
template <class R, class... A>
struct Decl<R(A...)> {
  using Kernel = typename detail::KernelOf<R, A...>::Fn;
  using Meta = typename detail::KernelOf<R, A...>::Meta;

  const char* schema;
  const char* doc = "";
  Meta meta = nullptr;
  Infer infer = Infer::ByMeta;
  R (*direct)(A...) = nullptr;
  R(*direct_meta)
  (A...) = nullptr;  // results on the Meta device, where `direct` can say their shapes beforehand
  R (*composite)(A...) = nullptr;
  void (*vjp)(Vjp&) = nullptr;
  const char* save = "";  // what the derivative reads: "x, other if x, result"
  Kind kind = Kind::Other;
  DTypeSet dtypes = kAnyDType;
  Inplace inplace = Inplace::None;
  bool out = false;
  bool no_grad = false;  // the result carries no gradient on purpose
  Kernel cpu = nullptr;
  Kernel cuda = nullptr;
  R (*direct_cuda)(A...) = nullptr;
};

template <class Sig>
class Op;

template <class R, class... A>
class Op<R(A...)> final : detail::Pending {
 public:
  Op(const Decl<R(A...)>& decl) : decl_(decl) { detail::enqueue(this); }
  Op(const Op&) = delete;

  R operator()(std::type_identity_t<A>... a) const { return run(PLAIT_FUNCTIONAL, a...); }
  // self is overwritten with the result and returned.
  Tensor inplace(std::type_identity_t<A>... a) const { return run(PLAIT_INPLACE, a...); }

 private:
  using Self = Op<R(A...)>;
  using Seq = std::index_sequence_for<A...>;

  template <class... Given>
  auto run(int form, const Given&... a) const {
    api();  // in a program, this declares the op
    detail::Results results;
    detail::call_op(op_, form, {detail::Argument(a)...}, results);
    return results.template take<R>();
  }

  void declare() override {
    static const uint8_t types[] = {detail::ArgOf<A>::type..., 0};
    static const uint8_t optionals[] = {detail::ArgOf<A>::optional..., 0};
    detail::Text schema;
    if (std::string_view(decl_.schema).find("::") == std::string_view::npos)
      schema.append(std::string_view(PLAIT_EXTENSION_NAME "::"));
    schema.append(std::string_view(decl_.schema));
    plait_op_decl d = {};
    d.size = sizeof d;
    d.schema = schema.c_str();
    d.doc = decl_.doc;
    d.save = decl_.save;
    d.library = PLAIT_EXTENSION_NAME;
    d.kind = static_cast<int32_t>(decl_.kind);
    d.inplace = static_cast<int32_t>(decl_.inplace);
    d.dtypes = decl_.dtypes;
    d.flags = (decl_.out ? PLAIT_OP_HAS_OUT : 0) | (decl_.no_grad ? PLAIT_OP_NO_GRAD : 0);
    d.types = types;
    d.optionals = optionals;
    d.type_count = sizeof...(A);
    d.infer = static_cast<int32_t>(decl_.infer);
    d.context = this;
    if constexpr (detail::ResultOf<R>::tensors > 0) {
      if (decl_.meta) d.meta = &call_meta;
      if (decl_.cpu) d.cpu = &call_kernel<&Decl<R(A...)>::cpu>;
      if (decl_.cuda) d.cuda = &call_kernel<&Decl<R(A...)>::cuda>;
    }
    if (decl_.direct) d.direct = &call_function<&Decl<R(A...)>::direct>;
    if (decl_.direct_meta) d.direct_meta = &call_function<&Decl<R(A...)>::direct_meta>;
    if (decl_.direct_cuda) d.direct_cuda = &call_function<&Decl<R(A...)>::direct_cuda>;
    if (decl_.composite) d.composite = &call_function<&Decl<R(A...)>::composite>;
    if (decl_.vjp)
      d.vjp = [](void* self, plait_vjp* handle) {
        return detail::guarded([&] {
          Vjp v(handle);
          static_cast<Self*>(self)->decl_.vjp(v);
        });
      };
    detail::check_status(api().op_declare(&d, &op_));
  }

  static int call_meta(void* self, const plait_value* args, plait_spec* specs) {
    return detail::guarded([&] {
      const auto result = [&]<size_t... I>(std::index_sequence<I...>) {
        return static_cast<Self*>(self)->decl_.meta(detail::unbox<A>(args[I])...);
      }
      (Seq());
      if constexpr (std::is_same_v<R, Tensor>)
        result.copy_to(*specs);
      else
        std::apply([&](const auto&... s) { (s.copy_to(*specs++), ...); }, result);
    });
  }
  template <auto Member>
  static int call_kernel(void* self, plait_tensor* const* outs, const plait_value* args) {
    return detail::guarded([&] {
      const auto* tensors = static_cast<const Tensor*>(static_cast<const void*>(outs));
      [&]<size_t... O, size_t... I>(std::index_sequence<O...>, std::index_sequence<I...>) {
        (static_cast<Self*>(self)->decl_.*Member)(tensors[O]..., detail::unbox<A>(args[I])...);
      }
      (std::make_index_sequence<detail::ResultOf<R>::tensors>(), Seq());
    });
  }
  template <auto Member>
  static int call_function(void* self, const plait_value* args, plait_value* results) {
    return detail::guarded([&] {
      [&]<size_t... I>(std::index_sequence<I...>) {
        const auto function = static_cast<Self*>(self)->decl_.*Member;
        if constexpr (std::is_void_v<R>)
          function(detail::unbox<A>(args[I])...);
        else
          detail::box(function(detail::unbox<A>(args[I])...), *results);
      }
      (Seq());
    });
  }

  Decl<R(A...)> decl_;
  const plait_op* op_ = nullptr;
};

// Declares an op: PLAIT_OP(name, Tensor(const Tensor&, double)){ .schema = ..., ... };
#define PLAIT_OP(name, ...) static ::plait::Op<__VA_ARGS__> name = ::plait::Decl<__VA_ARGS__>

namespace detail {

// A plain function as an op: its schema is made from its C++ types; `names` are its parameters', with commas
// between.
template <class R, class... A>
class BoundFunction final : Pending {
 public:
  BoundFunction(const char* name, R (*function)(A...), const char* names = "", const char* doc = "")
      : function_(function),
        doc_(doc) {
    text_.append(std::string_view(PLAIT_EXTENSION_NAME "::"));
    text_.append(std::string_view(name));
    text_.append(std::string_view("("));
    std::string_view rest(names);
    int i = 0;
    (append_param<A>(rest, i++), ...);
    text_.append(std::string_view(") -> "));
    if constexpr (ResultOf<R>::tensors > 1) {
      for (int k = 0; k < ResultOf<R>::tensors; ++k) {
        text_.append(std::string_view(k ? ", Tensor result" : "(Tensor result"));
        text_.append(int64_t{k});
      }
      text_.append(std::string_view(")"));
    } else {
      text_.append(std::string_view(ResultOf<R>::word));
    }
    enqueue(this);
  }

 private:
  template <class T>
  void append_param(std::string_view& rest, int i) {
    if (i) text_.append(std::string_view(", "));
    const bool written = std::is_same_v<T, Tensor&>;
    text_.append(std::string_view(written ? "Tensor(a!)" : ArgOf<T>::word));
    if (ArgOf<T>::optional && !std::is_same_v<std::remove_cvref_t<T>, Generator>)
      text_.append(std::string_view("?"));
    text_.append(std::string_view(" "));
    const size_t end = rest.find(',');
    if (const std::string_view name = rest.substr(0, end); !name.empty()) {
      text_.append(name);
    } else {
      text_.append(std::string_view("arg"));
      text_.append(int64_t{i});
    }
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  void declare() override {
    plait_op_decl d = {};
    d.size = sizeof d;
    d.schema = text_.c_str();
    d.doc = doc_;
    d.library = PLAIT_EXTENSION_NAME;
    d.kind = static_cast<int32_t>(Kind::Other);
    d.dtypes = kAnyDType;
    d.context = this;
    d.composite = [](void* self, const plait_value* args, plait_value* results) {
      return guarded([&] {
        [&]<size_t... I>(std::index_sequence<I...>) {
          const auto function = static_cast<BoundFunction*>(self)->function_;
          if constexpr (std::is_void_v<R>)
            function(unbox<A>(args[I])...);
          else
            box(function(unbox<A>(args[I])...), *results);
        }
        (std::index_sequence_for<A...>());
      });
    };
    const plait_op* op;
    check_status(api().op_declare(&d, &op));
  }

  R (*function_)(A...);
  const char* doc_;
  Text text_;
};

inline int init(const plait_api* table) {
  g_api = table;
  return guarded([] { register_ops(); });
}

}  // namespace detail

// Makes a plain function callable from Python; what it computes by ops is differentiated, what it computes on
// data() is not. Its parameters' names ("x,y") and a docstring may follow.
#define PLAIT_FUNCTION(name, ...) \
  static ::plait::detail::BoundFunction plait_bound_##name(#name, &name __VA_OPT__(, ) __VA_ARGS__)

}  // namespace v1
}  // namespace plait

// One for the whole library, however many of its sources include this.
extern "C" __attribute__((weak, visibility("default"))) const plait_extension plait_extension_info;
const plait_extension plait_extension_info = {PLAIT_ABI_VERSION, sizeof(plait_api), PLAIT_EXTENSION_NAME,
                                              &plait::detail::init};
