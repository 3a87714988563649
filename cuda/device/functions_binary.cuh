// Functions of two arguments. T is an opmath type.
#pragma once

#include "cuda/device/fault.cuh"
#include "cuda/device/functions_unary.cuh"
#include "cuda/device/math.cuh"
#include "cuda/device/numeric.cuh"
#include "ops/functions.h"

namespace plait::cuda {

// fn::Binary, fn::MinMax and fn::Bits in one: cheap functions of two arguments, which share a kernel.
enum class Arithmetic : uint8_t {
  Add,
  Sub,
  Mul,
  Div,
  Maximum,
  Minimum,
  Fmax,
  Fmin,
  And,
  Or,
  Xor,
  ShiftLeft,
  ShiftRight,
  AddScaled  // a + number * b
};
constexpr Arithmetic arithmetic(fn::Binary f) { return static_cast<Arithmetic>(f); }
constexpr Arithmetic arithmetic(fn::MinMax f) {
  return static_cast<Arithmetic>(static_cast<int>(Arithmetic::Maximum) + static_cast<int>(f));
}
constexpr Arithmetic arithmetic(fn::Bits f) {
  return static_cast<Arithmetic>(static_cast<int>(Arithmetic::And) + static_cast<int>(f));
}

template <class T>
struct FloatArithmetic {
  Arithmetic function;
  T number;

  template <class Body>
  __device__ void select(const Body& body) const {
    const T scale = number;
    switch (function) {
      case Arithmetic::Add: return body([](T a, T b) { return a + b; });
      case Arithmetic::Sub: return body([](T a, T b) { return a - b; });
      case Arithmetic::Mul: return body([](T a, T b) { return a * b; });
      case Arithmetic::Div: return body([](T a, T b) { return a / b; });
      // NaN in either argument comes through (of maximum, minimum) or loses to the other one (of fmax, fmin).
      case Arithmetic::Maximum: return body([](T a, T b) { return a > b || a != a ? a : b; });
      case Arithmetic::Minimum: return body([](T a, T b) { return a < b || a != a ? a : b; });
      case Arithmetic::Fmax: return body([](T a, T b) { return a > b || b != b ? a : b; });
      case Arithmetic::Fmin: return body([](T a, T b) { return a < b || b != b ? a : b; });
      case Arithmetic::AddScaled: return body([scale](T a, T b) { return a + scale * b; });
      default: return;
    }
  }
};

// Integers wrap.
template <class T>
struct IntArithmetic {
  Arithmetic function;
  T number;

  static __device__ __forceinline__ uint64_t wide(T x) { return static_cast<uint64_t>(x); }
  static __device__ __forceinline__ bool is_within(T by) {
    return static_cast<std::make_unsigned_t<T>>(by) < 8 * sizeof(T);
  }

  template <class Body>
  __device__ void select(const Body& body) const {
    const T scale = number;
    switch (function) {
      case Arithmetic::Add: return body([](T a, T b) { return static_cast<T>(wide(a) + wide(b)); });
      case Arithmetic::AddScaled:
        return body([scale](T a, T b) { return static_cast<T>(wide(a) + wide(scale) * wide(b)); });
      case Arithmetic::Sub: return body([](T a, T b) { return static_cast<T>(wide(a) - wide(b)); });
      case Arithmetic::Mul: return body([](T a, T b) { return static_cast<T>(wide(a) * wide(b)); });
      case Arithmetic::Maximum:
      case Arithmetic::Fmax: return body([](T a, T b) { return a > b ? a : b; });
      case Arithmetic::Minimum:
      case Arithmetic::Fmin: return body([](T a, T b) { return a < b ? a : b; });
      case Arithmetic::And: return body([](T a, T b) { return static_cast<T>(a & b); });
      case Arithmetic::Or: return body([](T a, T b) { return static_cast<T>(a | b); });
      case Arithmetic::Xor: return body([](T a, T b) { return static_cast<T>(a ^ b); });
      // Beyond the width: what infinitely many bits would give, zero or the sign.
      case Arithmetic::ShiftLeft:
        return body([](T a, T by) { return is_within(by) ? static_cast<T>(wide(a) << by) : T(0); });
      case Arithmetic::ShiftRight:
        return body([](T a, T by) {
          return static_cast<T>(is_within(by) ? a >> by : is_negative(a) ? -1 : 0);
        });
      default: return;
    }
  }
};

struct BoolArithmetic {
  Arithmetic function;

  template <class Body>
  __device__ void select(const Body& body) const {
    switch (function) {
      case Arithmetic::Add:
      case Arithmetic::Maximum:
      case Arithmetic::Fmax:
      case Arithmetic::Or: return body([](bool a, bool b) { return a || b; });
      case Arithmetic::Mul:
      case Arithmetic::Minimum:
      case Arithmetic::Fmin:
      case Arithmetic::And: return body([](bool a, bool b) { return a && b; });
      case Arithmetic::Xor: return body([](bool a, bool b) { return a != b; });
      default: return;
    }
  }
};

// ---- divisions that round, their remainders, and what follows from these

// The remainder of floored division from that of a truncated one.
template <class T>
__device__ __forceinline__ T floored_remainder(T r, T b) {
  return r != T(0) && (r < T(0)) != (b < T(0)) ? r + b : r;
}

// Floored division of floats, by Python's rule: consistent with the remainder, which is exact.
template <class T>
__device__ __forceinline__ T floor_divide(T a, T b) {
  if (b == T(0)) return a / b;
  const T r = math::fmod(a, b);
  const T quotient = (a - r) / b - (r != T(0) && (b < T(0)) != (r < T(0)) ? T(1) : T(0));
  if (quotient == T(0)) return math::copysign(T(0), a / b);
  const T floored = math::floor(quotient);
  return quotient - floored > T(0.5) ? floored + T(1) : floored;
}

template <class T>
struct FloatDivision {
  static constexpr int elements = sizeof(T) > 4 ? 2 : 4;
  fn::Division function;

  template <class Body>
  __device__ void select(const Body& body) const {
    switch (function) {
      case fn::Division::Floor: return body([](T a, T b) { return floor_divide(a, b); });
      case fn::Division::Trunc: return body([](T a, T b) { return math::trunc(a / b); });
      case fn::Division::Remainder:
        return body([](T a, T b) { return floored_remainder(math::fmod(a, b), b); });
      case fn::Division::Fmod: return body([](T a, T b) { return math::fmod(a, b); });
      default: return;
    }
  }
};

// A zero divisor is reported; the lowest number by -1 wraps.
template <class T>
struct IntDivision {
  static constexpr int elements = sizeof(T) > 4 ? 2 : 4;
  fn::Division function;
  OpName op;
  Fault* fault;

  // May a / b and a % b be taken?
  __device__ __forceinline__ bool is_plain(T b) const {
    if (b == T(0)) report_zero_division(fault, op);
    return b != T(0) && !is_minus_one(b);
  }
  static __device__ __forceinline__ bool is_minus_one(T b) {
    return std::is_signed_v<T> && b == static_cast<T>(-1);
  }
  static __device__ __forceinline__ T negated(T a) { return static_cast<T>(0 - static_cast<uint64_t>(a)); }

  // Euclid's algorithm on magnitudes, so that the lowest number has one.
  using Magnitude = std::conditional_t<(sizeof(T) > 4), uint64_t, uint32_t>;
  static __device__ __forceinline__ Magnitude magnitude(T x) {
    const auto bits = static_cast<Magnitude>(x);
    return is_negative(x) ? 0 - bits : bits;
  }
  static __device__ __forceinline__ Magnitude common_divisor(T x, T y) {
    Magnitude a = magnitude(x), b = magnitude(y);
    while (b != 0) {
      const Magnitude rest = a % b;
      a = b;
      b = rest;
    }
    return a;
  }

  template <class Body>
  __device__ void select(const Body& body) const {
    switch (function) {
      case fn::Division::Floor:
        return body([this](T a, T b) {
          if (!is_plain(b)) return is_minus_one(b) ? negated(a) : T(0);
          return static_cast<T>(a / b - (a % b != 0 && is_negative(a) != is_negative(b)));
        });
      case fn::Division::Trunc:
        return body([this](T a, T b) {
          if (!is_plain(b)) return is_minus_one(b) ? negated(a) : T(0);
          return static_cast<T>(a / b);
        });
      case fn::Division::Remainder:
        return body([this](T a, T b) {
          if (!is_plain(b)) return T(0);
          const T r = static_cast<T>(a % b);
          return r != 0 && is_negative(r) != is_negative(b) ? static_cast<T>(r + b) : r;
        });
      case fn::Division::Fmod:
        return body([this](T a, T b) { return is_plain(b) ? static_cast<T>(a % b) : T(0); });
      case fn::Division::Gcd: return body([](T a, T b) { return static_cast<T>(common_divisor(a, b)); });
      case fn::Division::Lcm:
        return body([](T a, T b) {
          const Magnitude divisor = common_divisor(a, b);
          return divisor == 0 ? T(0) : static_cast<T>(magnitude(a) / divisor * magnitude(b));
        });
      default: return;
    }
  }
};

// ---- powers and other functions

template <class T>
struct FloatPower {
  static constexpr int elements = sizeof(T) > 4 ? 2 : 4;
  __device__ T operator()(T a, T b) const { return math::pow(a, b); }
};

template <class T>
struct IntPower {
  static constexpr int elements = sizeof(T) > 4 ? 2 : 4;
  __device__ T operator()(T base, T exponent) const {
    if (is_negative(exponent)) {  // 1 / base^-exponent, truncated
      if (base == static_cast<T>(-1)) return exponent % 2 ? base : T(1);
      return base == T(1) ? T(1) : T(0);
    }
    uint64_t result = 1, factor = static_cast<uint64_t>(base);
    for (auto e = static_cast<uint64_t>(exponent); e; e >>= 1) {
      if (e & 1) result *= factor;
      factor *= factor;
    }
    return static_cast<T>(result);
  }
};

// log(1 + exp(x)) for x <= 0
__device__ __forceinline__ double log1p_exp(double x) { return math::log1p(math::exp(x)); }
// log1p in 10 instructions, to the last place but for rounding: exp(x) is at most 1.
__device__ __forceinline__ float log1p_exp(float x) {
  const float e = math::exp(x);
  float p = -0.0032440252f;
  p = math::fma(p, e, 0.019851463f);
  p = math::fma(p, e, -0.056959532f);
  p = math::fma(p, e, 0.10603656f);
  p = math::fma(p, e, -0.15305592f);
  p = math::fma(p, e, 0.19675939f);
  p = math::fma(p, e, -0.24954134f);
  p = math::fma(p, e, 0.33329964f);
  p = math::fma(p, e, -0.499999017f);
  return math::fma(p * e, e, e);
}

template <class T>
struct FloatMath {
  static constexpr int elements = sizeof(T) > 4 ? 2 : 4;
  fn::BinaryMath function;

  template <class Body>
  __device__ void select(const Body& body) const {
    switch (function) {
      case fn::BinaryMath::Atan2: return body([](T y, T x) { return math::atan2(y, x); });
      case fn::BinaryMath::Hypot: return body([](T x, T y) { return math::hypot(x, y); });
      case fn::BinaryMath::LogAddExp:
        return body([](T x, T y) {
          const T larger = x > y || x != x ? x : y;
          return larger + log1p_exp(x == y ? T(0) : -math::fabs(x - y));
        });
      case fn::BinaryMath::LogAddExp2:
        return body([](T x, T y) {
          const T larger = x > y || x != x ? x : y;
          return larger +
                 math::log1p(math::exp2(x == y ? T(0) : -math::fabs(x - y))) * static_cast<T>(M_LOG2E);
        });
      case fn::BinaryMath::XLogY:
        return body([](T x, T y) { return x == T(0) && y == y ? T(0) : x * math::log(y); });
      case fn::BinaryMath::XLog1pY:
        return body([](T x, T y) { return x == T(0) && y == y ? T(0) : x * math::log1p(y); });
      case fn::BinaryMath::CopySign: return body([](T x, T y) { return math::copysign(x, y); });
      case fn::BinaryMath::Heaviside:
        return body([](T x, T y) { return x == T(0) ? y : x > T(0) ? T(1) : T(0); });
      case fn::BinaryMath::Prelu: return body([](T x, T weight) { return x > T(0) ? x : weight * x; });
      case fn::BinaryMath::NextAfter:
        return body([](T x, T y) {
          if constexpr (sizeof(T) == 4)
            return ::nextafterf(x, y);
          else
            return ::nextafter(x, y);
        });
      default: return;
    }
  }
};

template <class T>
struct IntHeaviside {
  __device__ T operator()(T x, T y) const { return x == T(0) ? y : static_cast<T>(x > T(0)); }
};

// ---- comparisons, with bool results

template <class T>
struct CompareFamily {
  fn::Compare function;

  template <class Body>
  __device__ void select(const Body& body) const {
    switch (function) {
      case fn::Compare::Equal: return body([](T a, T b) { return a == b; });
      case fn::Compare::NotEqual: return body([](T a, T b) { return a != b; });
      case fn::Compare::And: return body([](T a, T b) { return a != T(0) && b != T(0); });
      case fn::Compare::Or: return body([](T a, T b) { return a != T(0) || b != T(0); });
      case fn::Compare::Xor: return body([](T a, T b) { return (a != T(0)) != (b != T(0)); });
      default:
        if constexpr (!is_complex_type<T>) {
          if (function == fn::Compare::Less) return body([](T a, T b) { return a < b; });
          if (function == fn::Compare::LessEqual) return body([](T a, T b) { return a <= b; });
        }
        return;
    }
  }
};

template <class T>
struct FloatTest {
  fn::Test function;

  template <class Body>
  __device__ void select(const Body& body) const {
    switch (function) {
      case fn::Test::Nan: return body([](T x) { return x != x; });
      case fn::Test::Inf: return body([](T x) { return math::fabs(x) == math::infinity<T>(); });
      case fn::Test::Finite: return body([](T x) { return math::fabs(x) < math::infinity<T>(); });
      case fn::Test::Negative: return body([](T x) { return math::signbit(x); });
      case fn::Test::Not: return body([](T x) { return x == T(0); });
      default: return;
    }
  }
};

template <class R>
struct ComplexTest {
  fn::Test function;

  template <class Body>
  __device__ void select(const Body& body) const {
    using T = Complex<R>;
    constexpr R inf = std::numeric_limits<R>::infinity();
    switch (function) {
      case fn::Test::Nan: return body([](T z) { return z.re != z.re || z.im != z.im; });
      case fn::Test::Inf: return body([](T z) { return math::fabs(z.re) == inf || math::fabs(z.im) == inf; });
      case fn::Test::Finite:
        return body([](T z) { return math::fabs(z.re) < inf && math::fabs(z.im) < inf; });
      case fn::Test::Not: return body([](T z) { return z == T(0); });
      default: return;
    }
  }
};

}  // namespace plait::cuda
