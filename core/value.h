// Value: one argument or result of an op, type-erased. The Python parser makes them on its stack, autograd
// nodes keep the attributes of a call in them, and a recorder will.
#pragma once

#include <new>
#include <string>
#include <vector>

#include "core/generator.h"
#include "core/tensor.h"

namespace plait {

class PLAIT_API Value {
 public:
  enum class Tag : uint8_t {
    None,
    Tensor,
    BorrowedTensor,  // somebody else (a Python object) keeps it alive for the length of the call
    TensorList,
    Bool,
    Int,
    Double,
    Scalar,
    Ints,
    Doubles,
    DType,
    Device,
    MemoryFormat,
    Generator,
    String,
  };

  Value() noexcept : tag_(Tag::None) {}
  Value(const Value& other) : tag_(Tag::None) { copy(other); }
  Value(Value&& other) noexcept : tag_(Tag::None) { move(other); }
  Value& operator=(const Value& other) {
    if (this != &other) {
      if (owns()) release();
      copy(other);
    }
    return *this;
  }
  Value& operator=(Value&& other) noexcept {
    if (this != &other) {
      if (owns()) release();
      move(other);
    }
    return *this;
  }
  ~Value() {
    if (owns()) release();
  }

  Value(Tensor v) : tag_(Tag::Tensor) { new (&tensor_) Tensor(std::move(v)); }
  Value(std::vector<Tensor> v) : tag_(Tag::TensorList) { new (&tensors_) std::vector<Tensor>(std::move(v)); }
  Value(TensorList v) : Value(std::vector<Tensor>(v.begin(), v.end())) {}
  Value(bool v) : tag_(Tag::Bool) { bool_ = v; }
  Value(int64_t v) : tag_(Tag::Int) { int_ = v; }
  Value(double v) : tag_(Tag::Double) { double_ = v; }
  Value(const Scalar& v) : tag_(Tag::Scalar) { new (&scalar_) Scalar(v); }
  Value(Dims v) : tag_(Tag::Ints) { new (&ints_) Dims(std::move(v)); }
  Value(IntSpan v) : Value(Dims(v)) {}
  Value(std::vector<double> v) : tag_(Tag::Doubles) { new (&doubles_) std::vector<double>(std::move(v)); }
  Value(plait::DType v) : tag_(Tag::DType) { dtype_ = v; }
  Value(plait::Device v) : tag_(Tag::Device) { device_ = v; }
  Value(plait::MemoryFormat v) : tag_(Tag::MemoryFormat) { format_ = v; }
  Value(plait::Generator v) : tag_(Tag::Generator) { new (&generator_) plait::Generator(std::move(v)); }
  Value(std::string v) : tag_(Tag::String) { new (&string_) std::string(std::move(v)); }
  Value(std::string_view v) : Value(std::string(v)) {}
  template <class T>
  Value(const std::optional<T>& v) : tag_(Tag::None) {
    if (v) *this = Value(*v);
  }
  static Value borrow(const Tensor& tensor) {
    Value value;
    value.tag_ = Tag::BorrowedTensor;
    value.borrowed_ = tensor.impl();
    return value;
  }

  Tag tag() const noexcept { return tag_; }
  bool is_none() const noexcept { return tag_ == Tag::None; }

  // Tensor is a single pointer, so that an owned, a borrowed and an absent one are read the same way.
  const Tensor& tensor() const {
    static_assert(sizeof(Tensor) == sizeof(TensorImpl*));
    static const Tensor undefined;
    return tag_ == Tag::None ? undefined : *reinterpret_cast<const Tensor*>(&borrowed_);
  }
  const std::vector<Tensor>& tensors() const { return tensors_; }
  bool boolean() const { return bool_; }
  int64_t integer() const { return int_; }
  double real() const { return double_; }
  const Scalar& scalar() const { return scalar_; }
  const Dims& ints() const { return ints_; }
  const std::vector<double>& doubles() const { return doubles_; }
  plait::DType dtype() const { return dtype_; }
  plait::Device device() const { return device_; }
  plait::MemoryFormat memory_format() const { return format_; }
  const plait::Generator& generator() const { return generator_; }
  const std::string& string() const { return string_; }

 private:
  // Most values are plain bytes; those of these kinds have a destructor.
  static constexpr bool owns(Tag tag) noexcept {
    constexpr unsigned owning = 1u << int(Tag::Tensor) | 1u << int(Tag::TensorList) | 1u << int(Tag::Ints) |
                                1u << int(Tag::Doubles) | 1u << int(Tag::Generator) | 1u << int(Tag::String);
    return owning >> static_cast<int>(tag) & 1;
  }
  bool owns() const noexcept { return owns(tag_); }

  void release() noexcept;  // where it owns
  void copy_owned(const Value& other);
  void move_owned(Value& other) noexcept;
  void copy(const Value& other) {
    if (owns(other.tag_) || other.tag_ == Tag::BorrowedTensor) return copy_owned(other);
    __builtin_memcpy(static_cast<void*>(this), &other, sizeof(Value));
  }
  void move(Value& other) noexcept {
    if (owns(other.tag_) && other.tag_ != Tag::Tensor) return move_owned(other);
    __builtin_memcpy(static_cast<void*>(this), &other, sizeof(Value));  // a Tensor is a pointer
    other.tag_ = Tag::None;
  }

  Tag tag_;
  union {
    Tensor tensor_;
    TensorImpl* borrowed_;
    std::vector<Tensor> tensors_;
    bool bool_;
    int64_t int_;
    double double_;
    Scalar scalar_;
    Dims ints_;
    std::vector<double> doubles_;
    plait::DType dtype_;
    plait::Device device_;
    plait::MemoryFormat format_;
    plait::Generator generator_;
    std::string string_;
  };
};

}  // namespace plait
