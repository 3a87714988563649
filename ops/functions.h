// The elementwise functions by name, in families of one signature: what ops ask the kernels of a device for.
#pragma once

#include <cstdint>

namespace plait {
namespace fn {

// ---- of one argument
enum class Unary : uint8_t {
  Neg,
  Abs,
  Sign,
  Conj,
  Square,
  Cube,
  Reciprocal,
  InverseSquare,
  Sqrt,
  Rsqrt,
  Floor,
  Ceil,
  Round,
  RoundDecimals,  // (10^|decimals|, are they negative?)
  Trunc,
  Frac,
  BitwiseNot,
  Scale,     // (factor)
  NanToNum,  // (for NaN, for +inf, for -inf)
  Angle,
  Count
};
enum class Explog : uint8_t { Exp, Exp2, Expm1, Log, Log2, Log10, Log1p, Sigmoid, Count };
enum class Trig : uint8_t {
  Sin,
  Cos,
  Tan,
  Sinc,
  Asin,
  Acos,
  Atan,
  Sinh,
  Cosh,
  Tanh,
  Asinh,
  Acosh,
  Atanh,
  Count
};
enum class Special : uint8_t { Erf, Erfc, Erfinv, Entr, Lgamma, Digamma, Trigamma, Count };

// In parentheses: what the parameters give.
enum class Activation : uint8_t {
  Relu,  // also of integers
  LogSigmoid,
  Silu,
  Mish,
  GeluErf,
  GeluTanh,
  Softsign,
  Tanhshrink,
  Hardsigmoid,
  Hardswish,
  LeakyRelu,   // (slope)
  Elu,         // (alpha * scale, scale, input scale)
  Softplus,    // (beta, threshold)
  Clamp,       // (low, high), also of integers
  Threshold,   // (threshold, value), also of integers
  Softshrink,  // (lambda)
  Hardshrink,  // (lambda)
  Logit,       // (eps)
  Count
};

// ---- of two
enum class Binary : uint8_t { Add, Sub, Mul, Div, Count };
enum class MinMax : uint8_t { Maximum, Minimum, Fmax, Fmin, Count };
enum class Division : uint8_t { Floor, Trunc, Remainder, Fmod, Gcd, Lcm, Count };  // gcd, lcm: of integers
enum class BinaryMath : uint8_t {
  Pow,
  Atan2,
  Hypot,
  LogAddExp,
  LogAddExp2,
  XLogY,
  XLog1pY,
  CopySign,
  Heaviside,
  Prelu,      // of self and weight
  NextAfter,  // of float32 and float64
  Count
};
enum class Bits : uint8_t { And, Or, Xor, ShiftLeft, ShiftRight, Count };

// Of the gradient and self, or the gradient and the result (Sigmoid, Tanh).
enum class ActivationGrad : uint8_t {
  Sigmoid,
  Tanh,
  Silu,
  Mish,
  GeluErf,
  GeluTanh,
  Hardsigmoid,
  Hardswish,
  LeakyRelu,  // (slope)
  Elu,        // (alpha * scale, scale, input scale)
  Softplus,   // (beta, threshold)
  LogSigmoid,
  Clamp,      // (low, high): where low <= x <= high
  Hardtanh,   // (low, high): where low < x < high
  Threshold,  // (threshold): where x > threshold
  Shrink,     // (lambda): where |x| > lambda
  Count
};

// ---- of three
enum class Ternary : uint8_t {
  Clamp,
  Lerp,
  Addcmul,
  Addcdiv,
  ScaledDifference,
  Huber,
  ClampedDifference,
  Count
};

// ---- with bool results
enum class Compare : uint8_t { Equal, NotEqual, Less, LessEqual, And, Or, Xor, Count };
enum class Test : uint8_t { Nan, Inf, Finite, Negative, Not, Count };

}  // namespace fn

namespace cpu {
using namespace fn;
}  // namespace cpu

}  // namespace plait
