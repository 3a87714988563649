// A number of any category, as ops take it: a Python number, weak in type promotion.
#pragma once

#include <complex>
#include <concepts>
#include <cstdint>

#include "core/dtype.h"

namespace plait {

class PLAIT_API Scalar {
 public:
  enum class Kind : uint8_t { Bool, Int, Double, Complex };

  Scalar() : kind_(Kind::Int), integer_(0) {}
  Scalar(bool v) : kind_(Kind::Bool), integer_(v) {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) Scalar(T v) : kind_(Kind::Int), integer_(static_cast<int64_t>(v)) {}
  Scalar(double v) : kind_(Kind::Double), real_(v) {}
  Scalar(float v) : Scalar(static_cast<double>(v)) {}
  Scalar(Half v) : Scalar(static_cast<double>(static_cast<float>(v))) {}
  Scalar(BFloat16 v) : Scalar(static_cast<double>(static_cast<float>(v))) {}
  Scalar(Float8E4M3FN v) : Scalar(static_cast<double>(static_cast<float>(v))) {}
  Scalar(Float8E5M2 v) : Scalar(static_cast<double>(static_cast<float>(v))) {}
  Scalar(complex128 v) : kind_(Kind::Complex), real_(v.real()), imag_(v.imag()) {}
  Scalar(complex64 v) : Scalar(complex128(v)) {}

  Kind kind() const { return kind_; }
  bool is_complex() const { return kind_ == Kind::Complex; }
  bool is_floating() const { return kind_ == Kind::Double; }
  bool is_integral(bool include_bool = false) const {
    return kind_ == Kind::Int || (include_bool && kind_ == Kind::Bool);
  }
  // The dtype of a 0-d tensor made from it; floats take the default dtype.
  DType dtype() const {
    switch (kind_) {
      case Kind::Bool: return DType::Bool;
      case Kind::Int: return DType::Int64;
      case Kind::Double: return default_dtype();
      case Kind::Complex: break;
    }
    return to_complex(default_dtype());
  }
  // The value as T. From complex only the real part is taken; callers check the category first.
  template <class T>
  T to() const {
    if constexpr (std::is_same_v<T, complex64> || std::is_same_v<T, complex128>) {
      using R = typename T::value_type;
      return kind_ == Kind::Complex ? T(static_cast<R>(real_), static_cast<R>(imag_)) : T(to<R>());
    } else if constexpr (std::is_same_v<T, bool>) {
      return is_integral(true) ? integer_ != 0 : real_ != 0 || (is_complex() && imag_ != 0);
    } else if constexpr (std::is_integral_v<T>) {
      return is_integral(true) ? static_cast<T>(integer_) : truncate<T>(real_);
    } else {
      return is_integral(true) ? static_cast<T>(compute_t<T>(integer_)) : static_cast<T>(compute_t<T>(real_));
    }
  }
  // Does `dtype` represent the number, up to rounding? (an int8 does not hold 300, no integer holds 0.5)
  bool fits(DType dtype) const;
  bool equals(double value) const { return !is_complex() && to<double>() == value; }
  Scalar operator-() const {
    if (is_complex()) return complex128(-real_, -imag_);
    return is_floating() ? Scalar(-real_) : Scalar(static_cast<int64_t>(0 - static_cast<uint64_t>(integer_)));
  }

 private:
  template <class T>
  static T truncate(
      double v) {  // out-of-range conversion is undefined in C++; wrap through int64 where it fits
    if (!(v > -9.3e18 && v < 9.3e18))
      return v < 0 || v != v ? static_cast<T>(INT64_MIN) : static_cast<T>(INT64_MAX);
    if (v >= 9223372036854775807.0 || v <= -9223372036854775808.0)
      return static_cast<T>(v < 0 ? INT64_MIN : INT64_MAX);
    return static_cast<T>(static_cast<int64_t>(v));
  }

  Kind kind_;
  union {
    int64_t integer_;
    double real_;
  };
  double imag_ = 0;
};

}  // namespace plait
