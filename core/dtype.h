// Element types, PyTorch's promotion rules, and the one switch from a run-time dtype to a C++ type.
#pragma once

#include <complex>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "core/export.h"
#include "plait/float8.h"
#include "plait/half.h"

namespace plait {

enum class DType : uint8_t {
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
  Float8E4M3FN,  // stored, moved and converted; only _scaled_mm computes with them
  Float8E5M2,
};
inline constexpr int kDTypeCount = 14;

using complex64 = std::complex<float>;
using complex128 = std::complex<double>;

PLAIT_API std::string_view name(DType dtype);  // "float32"
PLAIT_API std::optional<DType> dtype_from_name(std::string_view name);

constexpr int64_t itemsize(DType dtype) {
  constexpr int64_t sizes[kDTypeCount] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16, 1, 1};
  return sizes[static_cast<int>(dtype)];
}
constexpr bool is_complex(DType d) { return d == DType::Complex64 || d == DType::Complex128; }
constexpr bool is_float8(DType d) { return d >= DType::Float8E4M3FN; }
constexpr bool is_floating(DType d) { return (d >= DType::Float16 && d <= DType::Float64) || is_float8(d); }
constexpr bool is_integral(DType d, bool include_bool = false) {
  return d <= DType::Int64 && (include_bool || d != DType::Bool);
}
constexpr bool is_differentiable(DType d) { return d >= DType::Float16; }
constexpr bool is_reduced_float(DType d) { return d == DType::Float16 || d == DType::BFloat16; }

// The real type of a complex one, and back.
constexpr DType to_real(DType d) {
  return d == DType::Complex64 ? DType::Float32 : d == DType::Complex128 ? DType::Float64 : d;
}
constexpr DType to_complex(DType d) {
  return d == DType::Float64 || d == DType::Complex128 ? DType::Complex128 : DType::Complex64;
}

// The smallest dtype that holds both, by PyTorch's table (no weak operands here; see `result_type` in
// tensor.h). Raises TypeError for the 8-bit floats, which are not promoted.
PLAIT_API DType promote(DType a, DType b);
// May a result of `from` be written into a tensor of `to`? (Never from a higher category to a lower one.)
PLAIT_API bool can_cast(DType from, DType to);

// The default floating dtype: what float ops give for integers.
PLAIT_API DType default_dtype();
PLAIT_API void set_default_dtype(DType dtype);

template <class T>
inline constexpr DType dtype_of = [] {
  if constexpr (std::is_same_v<T, bool>)
    return DType::Bool;
  else if constexpr (std::is_same_v<T, uint8_t>)
    return DType::UInt8;
  else if constexpr (std::is_same_v<T, int8_t>)
    return DType::Int8;
  else if constexpr (std::is_same_v<T, int16_t>)
    return DType::Int16;
  else if constexpr (std::is_same_v<T, int32_t>)
    return DType::Int32;
  else if constexpr (std::is_same_v<T, int64_t>)
    return DType::Int64;
  else if constexpr (std::is_same_v<T, Half>)
    return DType::Float16;
  else if constexpr (std::is_same_v<T, BFloat16>)
    return DType::BFloat16;
  else if constexpr (std::is_same_v<T, float>)
    return DType::Float32;
  else if constexpr (std::is_same_v<T, double>)
    return DType::Float64;
  else if constexpr (std::is_same_v<T, complex64>)
    return DType::Complex64;
  else if constexpr (std::is_same_v<T, Float8E4M3FN>)
    return DType::Float8E4M3FN;
  else if constexpr (std::is_same_v<T, Float8E5M2>)
    return DType::Float8E5M2;
  else {
    static_assert(std::is_same_v<T, complex128>, "not an element type");
    return DType::Complex128;
  }
}();

[[noreturn]] PLAIT_API void fail_float8(DType dtype);

// visit(dtype, f) calls f.template operator()<T>() with dtype's C++ type: the dtype switch stands once,
// outside the loop. Nothing is computed in the 8-bit floats: with one of them it raises NotImplementedError.
template <class F>
decltype(auto) visit(DType dtype, F&& f) {
  switch (dtype) {
    case DType::Bool: return f.template operator()<bool>();
    case DType::UInt8: return f.template operator()<uint8_t>();
    case DType::Int8: return f.template operator()<int8_t>();
    case DType::Int16: return f.template operator()<int16_t>();
    case DType::Int32: return f.template operator()<int32_t>();
    case DType::Int64: return f.template operator()<int64_t>();
    case DType::Float16: return f.template operator()<Half>();
    case DType::BFloat16: return f.template operator()<BFloat16>();
    case DType::Float32: return f.template operator()<float>();
    case DType::Float64: return f.template operator()<double>();
    case DType::Complex64: return f.template operator()<complex64>();
    case DType::Complex128: return f.template operator()<complex128>();
    case DType::Float8E4M3FN:
    case DType::Float8E5M2: break;
  }
  fail_float8(dtype);
}
// The same for what only stores and converts elements, with the 8-bit floats.
template <class F>
decltype(auto) visit_stored(DType dtype, F&& f) {
  if (dtype == DType::Float8E4M3FN) return f.template operator()<Float8E4M3FN>();
  if (dtype == DType::Float8E5M2) return f.template operator()<Float8E5M2>();
  return visit(dtype, f);
}

template <class T>
inline constexpr bool is_float8_type = std::is_same_v<T, Float8E4M3FN> || std::is_same_v<T, Float8E5M2>;

// The type in which an element of T is computed: float for the smaller floats, T itself for the rest.
template <class T>
using compute_t =
    std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat16> || is_float8_type<T>, float, T>;
// The type in which many elements of T are summed.
template <class T>
using accumulate_t = std::conditional_t<std::is_same_v<compute_t<T>, float>, float,
                                        std::conditional_t<std::is_integral_v<T>, int64_t, T>>;

}  // namespace plait
