// Tensors as outside code sees them: one pointer, with PyTorch's names. Part of plait/extension.h.
#pragma once

#include <initializer_list>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "plait/abi.h"
#include "plait/error.h"
#include "plait/float8.h"
#include "plait/half.h"

namespace plait {
inline namespace v1 {

enum class DType : int32_t {
  Bool,
  UInt8,
  Int8,
  Int16,
  Int32,
  Int64,
  Float16,
  BFloat16,
  Float32,
  Float64,
  Complex64,
  Complex128,
  Float8E4M3FN,
  Float8E5M2
};
enum class DeviceType : int8_t { CPU, CUDA, Private1, Private2, Private3, Meta };
enum class MemoryFormat : int32_t { Contiguous, Preserve, ChannelsLast, ChannelsLast3d };

constexpr int64_t itemsize(DType d) {
  constexpr int64_t sizes[] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16, 1, 1};
  return sizes[static_cast<int>(d)];
}
constexpr bool is_floating(DType d) {
  return (d >= DType::Float16 && d <= DType::Float64) || d >= DType::Float8E4M3FN;
}
constexpr bool is_complex(DType d) { return d == DType::Complex64 || d == DType::Complex128; }
constexpr bool is_integral(DType d) { return d > DType::Bool && d <= DType::Int64; }

struct Device {
  DeviceType type = DeviceType::CPU;
  int8_t index = -1;  // -1: the current one

  constexpr Device() = default;
  constexpr Device(DeviceType type_, int8_t index_ = -1) : type(type_), index(index_) {}
  Device(const char* text) {  // "cpu", "cuda:0"
    plait_device d;
    detail::check_status(api().parse_device(text, &d));
    *this = Device(static_cast<DeviceType>(d.type), d.index);
  }
  bool operator==(const Device&) const = default;
};
inline constexpr Device kCPU{DeviceType::CPU};
inline constexpr Device kMeta{DeviceType::Meta};

// The dtype of a C++ type. plait/complex.h adds std::complex.
template <class T>
struct dtype_of_t;
template <DType D>
struct dtype_constant {
  static constexpr DType value = D;
};
// clang-format off
template <> struct dtype_of_t<bool> : dtype_constant<DType::Bool> {};
template <> struct dtype_of_t<uint8_t> : dtype_constant<DType::UInt8> {};
template <> struct dtype_of_t<int8_t> : dtype_constant<DType::Int8> {};
template <> struct dtype_of_t<int16_t> : dtype_constant<DType::Int16> {};
template <> struct dtype_of_t<int32_t> : dtype_constant<DType::Int32> {};
template <> struct dtype_of_t<int64_t> : dtype_constant<DType::Int64> {};
template <> struct dtype_of_t<Half> : dtype_constant<DType::Float16> {};
template <> struct dtype_of_t<BFloat16> : dtype_constant<DType::BFloat16> {};
template <> struct dtype_of_t<Float8E4M3FN> : dtype_constant<DType::Float8E4M3FN> {};
template <> struct dtype_of_t<Float8E5M2> : dtype_constant<DType::Float8E5M2> {};
template <> struct dtype_of_t<float> : dtype_constant<DType::Float32> {};
template <> struct dtype_of_t<double> : dtype_constant<DType::Float64> {};
// clang-format on
template <class T>
inline constexpr DType dtype_of = dtype_of_t<T>::value;

// Sizes or strides: up to 32 numbers, without the heap.
class Dims {
 public:
  Dims() = default;
  Dims(const Dims& other) : Dims(IntSpan(other)) {}
  Dims& operator=(const Dims& other) {
    count_ = other.count_;
    for (int i = 0; i < count_; ++i) values_[i] = other.values_[i];
    return *this;
  }
  Dims(std::initializer_list<int64_t> values) : Dims(IntSpan(values.begin(), values.size())) {}
  Dims(IntSpan values) {
    check(values.size() <= PLAIT_MAX_DIMS, "a tensor has at most {} dimensions, {} were given",
          static_cast<int>(PLAIT_MAX_DIMS), static_cast<int64_t>(values.size()));
    for (int64_t v : values) values_[count_++] = v;
  }
  int size() const { return count_; }
  bool empty() const { return count_ == 0; }
  int64_t& operator[](int i) { return values_[i]; }
  int64_t operator[](int i) const { return values_[i]; }
  int64_t* begin() { return values_; }
  int64_t* end() { return values_ + count_; }
  const int64_t* begin() const { return values_; }
  const int64_t* end() const { return values_ + count_; }
  void push_back(int64_t value) {
    check(count_ < PLAIT_MAX_DIMS, "a tensor has at most {} dimensions", static_cast<int>(PLAIT_MAX_DIMS));
    values_[count_++] = value;
  }
  void erase(int at) {
    for (int i = at; i + 1 < count_; ++i) values_[i] = values_[i + 1];
    --count_;
  }
  operator IntSpan() const { return {values_, static_cast<size_t>(count_)}; }
  friend bool operator==(const Dims& a, const Dims& b) {
    bool same = a.count_ == b.count_;
    for (int i = 0; same && i < a.count_; ++i) same = a.values_[i] == b.values_[i];
    return same;
  }

 private:
  int count_ = 0;
  int64_t values_[PLAIT_MAX_DIMS];
};

inline MessageArg::MessageArg(const Dims& v) : MessageArg(IntSpan(v)) {}

// Sizes where a lone number stands for equal ones: conv2d(x, weight, bias, 1) or conv2d(x, weight, bias, {1,
// 2}).
class Ints : public Dims {
 public:
  using Dims::Dims;
  Ints(const Dims& dims) : Dims(dims) {}
  template <class T>
  requires std::is_integral_v<T> Ints(T value) : Dims({static_cast<int64_t>(value)}), lone_(true) {}
  bool is_lone() const { return lone_; }

 private:
  bool lone_ = false;
};

// A number of any category, weak in type promotion.
struct Scalar {
  plait_value value{PLAIT_INTEGER, 0, {}};

  Scalar(bool v) : value{PLAIT_BOOLEAN, 0, {}} { value.as.integer = v; }
  template <class T>
  requires std::is_integral_v<T> Scalar(T v) { value.as.integer = static_cast<int64_t>(v); }
  Scalar(double v) : value{PLAIT_REAL, 0, {}} { value.as.real = v; }
  Scalar(float v) : Scalar(static_cast<double>(v)) {}
  explicit Scalar(const plait_value& v) : value(v) {}

  bool is_floating() const { return value.tag == PLAIT_REAL; }
  bool is_complex() const { return value.tag == PLAIT_COMPLEX; }
  template <class T>
  T to() const {
    if (value.tag == PLAIT_REAL) return static_cast<T>(value.as.real);
    if (value.tag == PLAIT_COMPLEX) return static_cast<T>(value.as.complex.real);
    return static_cast<T>(value.as.integer);
  }
};

struct Generator {
  plait_generator* handle = nullptr;  // null: the default one
};

// Shape, dtype, device and layout of a tensor to be.
struct TensorSpec {
  plait_spec spec;

  TensorSpec() { spec.ndim = 0; }
  TensorSpec(const TensorSpec& other) { other.copy_to(spec); }
  TensorSpec& operator=(const TensorSpec& other) {
    other.copy_to(spec);
    return *this;
  }
  // Only as many sizes as there are.
  void copy_to(plait_spec& to) const {
    to.ndim = spec.ndim;
    to.dtype = spec.dtype;
    to.device = spec.device;
    to.has_strides = spec.has_strides;
    for (int i = 0; i < spec.ndim; ++i) to.sizes[i] = spec.sizes[i];
    if (spec.has_strides)
      for (int i = 0; i < spec.ndim; ++i) to.strides[i] = spec.strides[i];
  }
  TensorSpec(IntSpan sizes, DType dtype, Device device = kCPU) {
    const Dims checked(sizes);
    spec.ndim = checked.size();
    spec.dtype = static_cast<int32_t>(dtype);
    spec.device = {static_cast<int8_t>(device.type), device.index};
    spec.has_strides = 0;
    for (int i = 0; i < checked.size(); ++i) spec.sizes[i] = checked[i];
  }
  TensorSpec(std::initializer_list<int64_t> sizes, DType dtype, Device device = kCPU)
      : TensorSpec(IntSpan(sizes.begin(), sizes.size()), dtype, device) {}
  IntSpan sizes() const { return {spec.sizes, static_cast<size_t>(spec.ndim)}; }
  DType dtype() const { return static_cast<DType>(spec.dtype); }
  Device device() const { return Device(static_cast<DeviceType>(spec.device.type), spec.device.index); }
  // The same without the layout of what it was made like.
  TensorSpec contiguous() const { return TensorSpec(sizes(), dtype(), device()); }
};

class Tensor;
using TensorList = Span<const Tensor>;

class Tensor {
 public:
  Tensor() noexcept = default;
  explicit Tensor(const TensorSpec& spec) { detail::check_status(api().tensor_empty(&spec.spec, &handle_)); }
  static Tensor adopt(plait_tensor* handle) {
    Tensor t;
    t.handle_ = handle;
    return t;
  }
  Tensor(const Tensor& other) noexcept : handle_(other.handle_) {
    if (handle_) api().tensor_retain(handle_);
  }
  Tensor(Tensor&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  Tensor& operator=(Tensor other) noexcept {
    plait_tensor* mine = handle_;
    handle_ = other.handle_;
    other.handle_ = mine;
    return *this;
  }
  ~Tensor() {
    if (handle_) api().tensor_release(handle_);
  }

  bool defined() const { return handle_ != nullptr; }  // false: None
  plait_tensor* handle() const { return handle_; }
  plait_tensor* release() {  // gives the reference away
    plait_tensor* mine = handle_;
    handle_ = nullptr;
    return mine;
  }
  bool same(const Tensor& other) const { return handle_ == other.handle_; }

  plait_tensor_info info() const {
    check<RuntimeError>(handle_, "a tensor that is not there (None, or a default Tensor()) was used");
    plait_tensor_info i;
    api().tensor_info(handle_, &i);
    return i;
  }
  IntSpan sizes() const {
    const plait_tensor_info i = info();
    return {i.sizes, static_cast<size_t>(i.ndim)};
  }
  IntSpan strides() const {
    const plait_tensor_info i = info();
    return {i.strides, static_cast<size_t>(i.ndim)};
  }
  int64_t dim() const { return info().ndim; }
  int64_t size(int64_t d) const { return sizes()[wrap(d)]; }
  int64_t stride(int64_t d) const { return strides()[wrap(d)]; }
  int64_t numel() const { return info().numel; }
  DType dtype() const { return static_cast<DType>(info().dtype); }
  Device device() const {
    const plait_device d = info().device;
    return Device(static_cast<DeviceType>(d.type), d.index);
  }
  bool is_contiguous() const { return info().contiguous; }
  bool requires_grad() const { return info().numel >= 0 && api().requires_grad(handle_); }

  // The first element. T must be the tensor's dtype, its memory the CPU's.
  template <class T>
  T* data() const {
    const plait_tensor_info i = info();
    if (i.dtype != static_cast<int32_t>(dtype_of<T>))
      fail<TypeError>("data: the tensor has dtype {}, it was asked for as {}", static_cast<DType>(i.dtype),
                      dtype_of<T>);
    if (i.device.type == PLAIT_META && i.numel > 0)
      fail<RuntimeError>("data: a tensor on the meta device has no data");
    return static_cast<T*>(i.data);
  }
  void* data_ptr() const { return info().data; }
  template <class T>
  T item() const {
    plait_value v;
    detail::check_status(api().tensor_item(handle(), &v));
    return Scalar(v).to<T>();
  }

  // Autograd.
  const Tensor& requires_grad_(bool on = true) const {
    detail::check_status(api().set_requires_grad(handle_, on));
    return *this;
  }
  Tensor grad() const {
    plait_tensor* g = nullptr;
    detail::check_status(api().grad(handle_, &g));
    return adopt(g);
  }
  void set_grad(const Tensor& grad) const { detail::check_status(api().set_grad(handle_, grad.handle_)); }
  void backward(const Tensor& grad = {}, bool retain_graph = false, bool create_graph = false) const {
    detail::check_status(api().backward(&handle_, &grad.handle_, 1, retain_graph || create_graph,
                                        create_graph, nullptr, 0, nullptr));
  }

  // The commonest ops as methods; all of them are functions in plait/ops.h.
  Tensor contiguous() const;
  Tensor clone() const;
  Tensor detach() const;
  Tensor to(DType dtype) const;
  Tensor to(Device device) const;
  Tensor reshape(IntSpan sizes) const;
  Tensor reshape(std::initializer_list<int64_t> sizes) const {
    return reshape(IntSpan(sizes.begin(), sizes.size()));
  }
  Tensor transpose(int64_t a, int64_t b) const;
  Tensor unsqueeze(int64_t dim) const;
  Tensor squeeze(int64_t dim) const;
  Tensor select(int64_t dim, int64_t index) const;
  Tensor narrow(int64_t dim, int64_t start, int64_t length) const;
  Tensor expand(IntSpan sizes) const;
  Tensor sum() const;
  Tensor sum(int64_t dim, bool keepdim = false) const;
  Tensor mean() const;
  Tensor mean(int64_t dim, bool keepdim = false) const;
  Tensor neg() const;
  Tensor abs() const;
  Tensor exp() const;
  Tensor log() const;
  Tensor sqrt() const;
  Tensor tanh() const;
  Tensor sigmoid() const;
  Tensor relu() const;
  Tensor softmax(int64_t dim) const;
  Tensor matmul(const Tensor& other) const;
  const Tensor& copy_(const Tensor& source) const;
  const Tensor& fill_(Scalar value) const;
  const Tensor& zero_() const { return fill_(0); }

  const Tensor& operator+=(const Tensor& other) const;
  const Tensor& operator-=(const Tensor& other) const;
  const Tensor& operator*=(const Tensor& other) const;
  const Tensor& operator/=(const Tensor& other) const;
  const Tensor& operator+=(Scalar other) const;
  const Tensor& operator-=(Scalar other) const;
  const Tensor& operator*=(Scalar other) const;
  const Tensor& operator/=(Scalar other) const;

 private:
  size_t wrap(int64_t d) const {
    const int64_t n = dim();
    check<IndexError>(d >= -n && d < n, "dimension {} is out of range for a tensor of {} dimensions", d, n);
    return static_cast<size_t>(d < 0 ? d + n : d);
  }
  plait_tensor* handle_ = nullptr;
};
static_assert(sizeof(Tensor) == sizeof(plait_tensor*));

// ---- grad mode

class GradMode {
 public:
  explicit GradMode(bool on) : before_(api().set_grad_mode(on)) {}
  ~GradMode() { api().set_grad_mode(before_); }
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;

 private:
  int before_;
};
struct NoGrad : GradMode {
  NoGrad() : GradMode(false) {}
};
struct EnableGrad : GradMode {
  EnableGrad() : GradMode(true) {}
};
inline bool is_grad_enabled() { return api().grad_mode(); }

// Gradients of `outputs` with respect to `inputs`; undefined for those that they do not depend on.
// A template, as everything here that handles vectors, so that only who uses it compiles it.
template <class List = std::vector<Tensor>>
List grad(TensorList outputs, TensorList inputs, TensorList grad_outputs = {}, bool retain_graph = false,
          bool create_graph = false) {
  const auto handles = [](TensorList list) { return reinterpret_cast<plait_tensor* const*>(list.data()); };
  const List ones(outputs.size());
  List results(inputs.size());
  const TensorList given = grad_outputs.empty() ? TensorList(ones.data(), ones.size()) : grad_outputs;
  detail::check_status(api().backward(handles(outputs), handles(given), static_cast<int64_t>(outputs.size()),
                                      retain_graph || create_graph, create_graph, handles(inputs),
                                      static_cast<int64_t>(inputs.size()),
                                      reinterpret_cast<plait_tensor**>(results.data())));
  return results;
}

// ---- calling ops

namespace detail {

// One argument of a call; borrows what it is made from.
struct Argument {
  plait_value value{PLAIT_NONE, 0, {}};

  Argument() = default;
  Argument(std::nullopt_t) {}
  Argument(const Tensor& t) { value.tag = PLAIT_TENSOR, value.as.tensor = t.handle(); }
  Argument(TensorList l) { list(PLAIT_TENSORS, l.data(), l.size()); }
  Argument(const std::vector<Tensor>& l) { list(PLAIT_TENSORS, l.data(), l.size()); }
  Argument(const Scalar& s) : value(s.value) {}
  Argument(bool v) { value.tag = PLAIT_BOOLEAN, value.as.integer = v; }
  Argument(int64_t v) { value.tag = PLAIT_INTEGER, value.as.integer = v; }
  Argument(int v) : Argument(static_cast<int64_t>(v)) {}
  Argument(double v) { value.tag = PLAIT_REAL, value.as.real = v; }
  Argument(float v) : Argument(static_cast<double>(v)) {}
  Argument(IntSpan v) { list(PLAIT_INTEGERS, v.data(), v.size()); }
  Argument(const Dims& v) : Argument(IntSpan(v)) {}
  Argument(const Ints& v) {
    if (v.is_lone())
      *this = Argument(v[0]);
    else
      *this = Argument(IntSpan(v));
  }
  Argument(const std::vector<int64_t>& v) { list(PLAIT_INTEGERS, v.data(), v.size()); }
  Argument(FloatSpan v) { list(PLAIT_REALS, v.data(), v.size()); }
  Argument(DType v) { value.tag = PLAIT_DTYPE, value.as.integer = static_cast<int64_t>(v); }
  Argument(Device v) {
    value.tag = PLAIT_DEVICE;
    value.as.device = {static_cast<int8_t>(v.type), v.index};
  }
  Argument(MemoryFormat v) { value.tag = PLAIT_FORMAT, value.as.integer = static_cast<int64_t>(v); }
  Argument(Generator v) {
    if (v.handle) value.tag = PLAIT_GENERATOR, value.as.generator = v.handle;
  }
  Argument(std::string_view v) { list(PLAIT_STRING, v.data(), v.size()); }
  Argument(const char* v) : Argument(std::string_view(v)) {}
  template <class T>
  Argument(const std::optional<T>& v) {
    if (v) *this = Argument(*v);
  }

 private:
  void list(int32_t tag, const void* items, size_t count) {
    value.tag = tag;
    value.as.list = {items, static_cast<int64_t>(count)};
  }
};
static_assert(sizeof(Argument) == sizeof(plait_value));

}  // namespace detail

// A tensor, or a number that stands for one, weak in type promotion: maximum(x, 0).
struct Operand : detail::Argument {
  Operand(const Tensor& t) : Argument(t) {}
  Operand(const Scalar& s) : Argument(s) {}
  template <class T>
  requires std::is_arithmetic_v<T> Operand(T v) : Argument(Scalar(v)) {}
};

namespace detail {

// A call's results, released at the end of the scope but for what is taken.
struct Results {
  plait_value values[4] = {};
  ~Results() {
    for (plait_value& v : values)
      if (v.tag != PLAIT_NONE) api().value_release(&v);
  }
  Tensor tensor(int i) {
    values[i].tag = PLAIT_NONE;
    return Tensor::adopt(values[i].as.tensor);
  }
  template <class List>
  List tensors(int i) {
    const auto& list = values[i].as.list;
    const auto* items = static_cast<const Tensor*>(list.items);
    return List(items, items + list.count);
  }
  template <class R>
  R take() {
    if constexpr (std::is_same_v<R, Tensor>) {
      return tensor(0);
    } else if constexpr (std::is_same_v<R, std::vector<Tensor>>) {
      return tensors<R>(0);
    } else if constexpr (std::is_same_v<R, Scalar>) {
      return Scalar(values[0]);
    } else if constexpr (std::is_arithmetic_v<R>) {
      return Scalar(values[0]).to<R>();
    } else if constexpr (!std::is_void_v<R>) {
      return [this]<size_t... I>(std::index_sequence<I...>) { return R{tensor(static_cast<int>(I))...}; }
      (std::make_index_sequence<std::tuple_size_v<R>>());
    }
  }
};

inline void call_op(const plait_op* op, int form, std::initializer_list<Argument> args, Results& results) {
  check_status(api().op_call(op, form, reinterpret_cast<const plait_value*>(args.begin()),
                             static_cast<int64_t>(args.size()), nullptr, 0, results.values));
}

// An op by name, looked up at its first call.
struct OpName {
  const char* name;
  const plait_op* op = nullptr;

  const plait_op* find() {
    const plait_op* found = __atomic_load_n(&op, __ATOMIC_RELAXED);
    if (!found) {
      check_status(api().op_find(name, &found));
      __atomic_store_n(&op, found, __ATOMIC_RELAXED);
    }
    return found;
  }
  Tensor call(std::initializer_list<Argument> args, int form = PLAIT_FUNCTIONAL) {
    Results results;
    call_op(find(), form, args, results);
    return results.tensor(0);
  }
  template <class R>
  R results(std::initializer_list<Argument> args) {
    Results results;
    call_op(find(), PLAIT_FUNCTIONAL, args, results);
    return results.take<R>();
  }
};

}  // namespace detail

// Calls any op by its full name ("sum.dim", "mine::swish"): results as R.
template <class R = Tensor>
R call(const char* op, std::initializer_list<detail::Argument> args) {
  const plait_op* found = nullptr;
  detail::check_status(api().op_find(op, &found));
  detail::Results results;
  detail::call_op(found, PLAIT_FUNCTIONAL, args, results);
  return results.take<R>();
}

inline Tensor empty_tensor(IntSpan sizes, DType dtype, Device device = kCPU) {
  return Tensor(TensorSpec(sizes, dtype, device));
}
inline Tensor scalar_tensor(Scalar value, DType dtype) {
  plait_tensor* t = nullptr;
  detail::check_status(api().tensor_number(&value.value, static_cast<int32_t>(dtype), &t));
  return Tensor::adopt(t);
}
// A contiguous CPU tensor on memory that somebody else owns and keeps alive.
inline Tensor from_blob(void* data, IntSpan sizes, DType dtype) {
  const TensorSpec spec(sizes, dtype);
  plait_tensor* t = nullptr;
  detail::check_status(api().tensor_from_blob(
      data, &spec.spec, [](void*) {}, nullptr, &t));
  return Tensor::adopt(t);
}

}  // namespace v1
}  // namespace plait
