#include "core/dtype.h"

#include <atomic>

#include "core/error.h"

namespace plait {
namespace {

constexpr std::string_view kNames[kDTypeCount] = {
    "bool",     "uint8",   "int8",    "int16",     "int32",      "int64",         "float16",
    "bfloat16", "float32", "float64", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2"};

constexpr int category(DType d) { return d == DType::Bool ? 0 : is_integral(d) ? 1 : is_floating(d) ? 2 : 3; }

std::atomic<DType> g_default_dtype{DType::Float32};

}  // namespace

std::string_view name(DType dtype) { return kNames[static_cast<int>(dtype)]; }

std::optional<DType> dtype_from_name(std::string_view name) {
  for (int i = 0; i < kDTypeCount; ++i)
    if (kNames[i] == name) return static_cast<DType>(i);
  return std::nullopt;
}

DType promote(DType a, DType b) {
  if (a == b) return a;
  if (is_float8(a) || is_float8(b))
    fail<TypeError>("{} and {} have no common dtype: 8-bit floats are not promoted; convert with .to(dtype)",
                    a, b);
  if (a > b) std::swap(a, b);  // enumerators rise by category and width, so b has the higher rank
  const int ca = category(a), cb = category(b);
  if (ca < cb) {
    if (cb == 3 && a == DType::Float64) return DType::Complex128;
    return b;
  }
  if (a == DType::UInt8 && b == DType::Int8) return DType::Int16;  // neither holds the other
  if (a == DType::Float16 && b == DType::BFloat16) return DType::Float32;
  return b;
}

bool can_cast(DType from, DType to) {
  // Integers of any width may be written into integers of any width, as in PyTorch; only the category must
  // not fall.
  return category(from) <= category(to);
}

void fail_float8(DType dtype) {
  fail<NotImplementedError>(
      "{}: 8-bit floats are stored, moved and converted, and _scaled_mm multiplies them; for all else "
      "convert them first, with .float() or .to(dtype)",
      dtype);
}

DType default_dtype() { return g_default_dtype.load(std::memory_order_relaxed); }
void set_default_dtype(DType dtype) { g_default_dtype.store(dtype, std::memory_order_relaxed); }

}  // namespace plait
