#include "nccl_math.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "float16_bits.h"
#include "float8_bits.h"

namespace emulator::nccl {

namespace {

// A number in memory as T, computed with as Value.
template <class T>
struct Plain {
  using Stored = T;
  using Value = T;
  static Value load(Stored x) { return x; }
  static Stored round(Value x) { return x; }
};
template <int kMantissa, int kExponent>
struct Short {
  using Stored = uint16_t;
  using Value = double;
  static Value load(Stored x) { return from_bits(x, kMantissa, kExponent); }
  static Stored round(Value x) { return to_bits(x, kMantissa, kExponent); }
};
template <Float8 kFormat>
struct Tiny {
  using Stored = uint8_t;
  using Value = double;
  static Value load(Stored x) { return from_8_bits(x, kFormat); }
  static Stored round(Value x) { return to_8_bits(x, kFormat); }
};

template <class V>
V combine(ncclRedOp_t op, V a, V b) {
  if constexpr (std::is_integral_v<V>) {
    using U = std::make_unsigned_t<V>;  // that wraps
    switch (op) {
      case ncclProd: return V(uint64_t(U(a)) * uint64_t(U(b)));
      case ncclMax: return std::max(a, b);
      case ncclMin: return std::min(a, b);
      default: return V(U(a) + U(b));
    }
  } else {
    switch (op) {
      case ncclProd: return a * b;
      case ncclMax: return std::fmax(a, b);
      case ncclMin: return std::fmin(a, b);
      default: return a + b;
    }
  }
}

template <class N>
void reduce_as(ncclRedOp_t op, void* out, const std::vector<const void*>& in, size_t count) {
  using Stored = typename N::Stored;
  using Value = typename N::Value;
  constexpr bool whole = std::is_integral_v<Value>;
  const auto ranks = static_cast<int>(in.size());
  const Value part = whole ? Value(1) : N::load(N::round(Value(1.0 / ranks)));
  const auto at = [&](size_t rank, size_t i) {
    Stored x;
    std::memcpy(&x, static_cast<const char*>(in[rank]) + i * sizeof(Stored), sizeof x);
    return op == ncclAvg && !whole ? N::load(N::round(N::load(x) * part)) : N::load(x);
  };
  for (size_t i = 0; i < count; ++i) {
    Value sum = at(0, i);
    for (size_t rank = 1; rank < in.size(); ++rank)
      sum = N::load(N::round(combine<Value>(op, sum, at(rank, i))));
    if constexpr (whole)
      if (op == ncclAvg)
        sum = Value(std::is_signed_v<Value> ? Value(int64_t(sum) / ranks) : sum / Value(ranks));
    const Stored x = N::round(sum);
    std::memcpy(static_cast<char*>(out) + i * sizeof(Stored), &x, sizeof x);
  }
}

}  // namespace

size_t item_size(ncclDataType_t type) {
  switch (type) {
    case ncclInt8:
    case ncclUint8:
    case ncclFloat8e4m3:
    case ncclFloat8e5m2: return 1;
    case ncclFloat16:
    case ncclBfloat16: return 2;
    case ncclInt32:
    case ncclUint32:
    case ncclFloat32: return 4;
    case ncclInt64:
    case ncclUint64:
    case ncclFloat64: return 8;
  }
  return 0;
}

const char* type_name(ncclDataType_t type) {
  constexpr const char* names[] = {"int8",    "uint8",   "int32",   "uint32",   "int64",       "uint64",
                                   "float16", "float32", "float64", "bfloat16", "float8_e4m3", "float8_e5m2"};
  return item_size(type) ? names[type] : "no type";
}

const char* op_name(int op) {
  constexpr const char* names[] = {"sum", "prod", "max", "min", "avg"};
  return op >= 0 && op <= ncclAvg ? names[op] : "no operation";
}

void reduce(ncclDataType_t type, ncclRedOp_t op, void* out, const std::vector<const void*>& in,
            size_t count) {
  switch (type) {
    case ncclInt8: return reduce_as<Plain<int8_t>>(op, out, in, count);
    case ncclUint8: return reduce_as<Plain<uint8_t>>(op, out, in, count);
    case ncclInt32: return reduce_as<Plain<int32_t>>(op, out, in, count);
    case ncclUint32: return reduce_as<Plain<uint32_t>>(op, out, in, count);
    case ncclInt64: return reduce_as<Plain<int64_t>>(op, out, in, count);
    case ncclUint64: return reduce_as<Plain<uint64_t>>(op, out, in, count);
    case ncclFloat16: return reduce_as<Short<10, 5>>(op, out, in, count);
    case ncclBfloat16: return reduce_as<Short<7, 8>>(op, out, in, count);
    case ncclFloat32: return reduce_as<Plain<float>>(op, out, in, count);
    case ncclFloat64: return reduce_as<Plain<double>>(op, out, in, count);
    case ncclFloat8e4m3: return reduce_as<Tiny<Float8::E4M3>>(op, out, in, count);
    case ncclFloat8e5m2: return reduce_as<Tiny<Float8::E5M2>>(op, out, in, count);
  }
}

}  // namespace emulator::nccl
