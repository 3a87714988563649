// Elementwise functions of complex numbers.
#include "cuda/device/complex_math.cuh"
#include "cuda/kernels/family.cuh"

namespace plait::cuda {
namespace {

using Wide = Complex<double>;

// The function is chosen out of line, too: the kernels are small, and so is what they cost beside it.
static __device__ __noinline__ Wide apply(fn::Explog f, Wide z) {
  namespace m = complex_math;
  switch (f) {
    case fn::Explog::Exp: return m::exp(z);
    case fn::Explog::Exp2: return m::exp(Wide(z.re * m::kLn2, z.im * m::kLn2));
    case fn::Explog::Expm1: return m::expm1(z);
    case fn::Explog::Log: return m::log(z);
    case fn::Explog::Log2: {
      const Wide w = m::log(z);
      return {w.re / m::kLn2, w.im / m::kLn2};
    }
    case fn::Explog::Log10: {
      const Wide w = m::log(z);
      return {w.re / m::kLn10, w.im / m::kLn10};
    }
    case fn::Explog::Log1p: return m::log1p(z);
    default: return Wide(1) / (Wide(1) + m::exp(-z));  // Sigmoid
  }
}
static __device__ __noinline__ Wide apply(fn::Trig f, Wide z) {
  namespace m = complex_math;
  switch (f) {
    case fn::Trig::Sin: return m::sin(z);
    case fn::Trig::Cos: return m::cos(z);
    case fn::Trig::Tan: return m::tan(z);
    case fn::Trig::Sinc: {
      const Wide w = z * Wide(M_PI);
      return z.re == 0 && z.im == 0 ? Wide(1) : m::sin(w) / w;
    }
    case fn::Trig::Asin: return m::asin(z);
    case fn::Trig::Acos: return m::acos(z);
    case fn::Trig::Atan: return m::atan(z);
    case fn::Trig::Sinh: return m::sinh(z);
    case fn::Trig::Cosh: return m::cosh(z);
    case fn::Trig::Tanh: return m::tanh(z);
    case fn::Trig::Asinh: return m::asinh(z);
    case fn::Trig::Acosh: return m::acosh(z);
    default: return m::atanh(z);
  }
}

template <class E>
struct InDouble {
  static constexpr int elements = 1;
  E function;

  template <class T>
  __device__ Complex<T> operator()(Complex<T> z) const {
    return convert<Complex<T>>(apply(function, convert<Wide>(z)));
  }
};
template <class T>
struct RunExplog {
  static void run(const ElementwisePlan& plan, const void* params) {
    elementwise<T, T>(plan, InDouble<fn::Explog>{function_of<fn::Explog>(params)});
  }
};
template <class T>
struct RunTrig {
  static void run(const ElementwisePlan& plan, const void* params) {
    elementwise<T, T>(plan, InDouble<fn::Trig>{function_of<fn::Trig>(params)});
  }
};

template <class T>
struct UnaryFamily {
  static constexpr int elements = 2;
  fn::Unary function;

  template <class Body>
  __device__ void select(const Body& body) const {
    switch (function) {
      case fn::Unary::Neg: return body([](T z) { return -z; });
      case fn::Unary::Conj: return body([](T z) { return T(z.re, -z.im); });
      case fn::Unary::Square: return body([](T z) { return z * z; });
      case fn::Unary::Cube: return body([](T z) { return z * z * z; });
      case fn::Unary::Reciprocal: return body([](T z) { return T(real_of<T>(1)) / z; });
      case fn::Unary::InverseSquare:
        return body([](T z) {
          const T y = T(real_of<T>(1)) / z;
          return y * y;
        });
      case fn::Unary::Sqrt: return body([](T z) { return convert<T>(complex_math::sqrt(convert<Wide>(z))); });
      case fn::Unary::Rsqrt:
        return body([](T z) { return convert<T>(Wide(1) / complex_math::sqrt(convert<Wide>(z))); });
      default: return;
    }
  }
};
template <class T>
struct RunUnary {
  static void run(const ElementwisePlan& plan, const void* params) {
    elementwise<T, T>(plan, UnaryFamily<T>{function_of<fn::Unary>(params)});
  }
};

template <class T>
struct BinaryFamily {
  fn::Binary function;
  bool scaled;
  T number;  // a + number * b

  template <class Body>
  __device__ void select(const Body& body) const {
    const T scale = number;
    if (scaled) return body([scale](T a, T b) { return a + scale * b; });
    switch (function) {
      case fn::Binary::Add: return body([](T a, T b) { return a + b; });
      case fn::Binary::Sub: return body([](T a, T b) { return a - b; });
      case fn::Binary::Mul: return body([](T a, T b) { return a * b; });
      case fn::Binary::Div: return body([](T a, T b) { return a / b; });
      default: return;
    }
  }
};
template <class T>
struct RunBinary {
  static void run(const ElementwisePlan& plan, const void* params) {
    elementwise<T, T, T>(plan, BinaryFamily<T>{function_of<fn::Binary>(params), false, T(0)});
  }
};
template <class T>
struct RunAddScaled {
  static void run(const ElementwisePlan& plan, const void* params) {
    elementwise<T, T, T>(plan, BinaryFamily<T>{fn::Binary::Add, true, parameter<T>(params, 0)});
  }
};

template <class T>
struct Power {
  static constexpr int elements = 1;
  __device__ T operator()(T x, T y) const {
    return convert<T>(complex_math::pow(convert<Wide>(x), convert<Wide>(y)));
  }
};
template <class T>
struct RunPower {
  static void run(const ElementwisePlan& plan, const void*) { elementwise<T, T, T>(plan, Power<T>{}); }
};

template <class T>
struct TernaryFamily {
  static constexpr int elements = 2;
  fn::Ternary function;
  T number;

  template <class Body>
  __device__ void select(const Body& body) const {
    const T value = number;
    switch (function) {
      case fn::Ternary::Lerp: return body([](T a, T b, T weight) { return a + weight * (b - a); });
      case fn::Ternary::Addcmul: return body([value](T x, T a, T b) { return x + value * a * b; });
      case fn::Ternary::Addcdiv: return body([value](T x, T a, T b) { return x + value * (a / b); });
      default: return;
    }
  }
};
template <class T>
struct RunTernary {
  static void run(const ElementwisePlan& plan, const void* params) {
    elementwise<T, T, T, T>(plan,
                            TernaryFamily<T>{function_of<fn::Ternary>(params), parameter<T>(params, 0)});
  }
};

// ---- to real numbers and back

template <class T>
struct PartFamily {
  static constexpr int elements = 4;
  bool angle;

  template <class Body>
  __device__ void select(const Body& body) const {
    if (angle)
      body([](T z) { return math::atan2(z.im, z.re); });
    else
      body([](T z) { return math::hypot(z.re, z.im); });
  }
};
template <class T>
struct RunModulus {
  static void run(const ElementwisePlan& plan, const void*) {
    elementwise<real_of<T>, T>(plan, PartFamily<T>{false});
  }
};
template <class T>
struct RunArgument {
  static void run(const ElementwisePlan& plan, const void*) {
    elementwise<real_of<T>, T>(plan, PartFamily<T>{true});
  }
};
struct Join {
  template <class T>
  __device__ Complex<T> operator()(T real, T imag) const {
    return {real, imag};
  }
};
template <class T>
void join(const ElementwisePlan& plan, const void*) {
  elementwise<Complex<T>, T, T>(plan, Join{});
}

}  // namespace

Launcher complex_launcher(fn::Unary f, DType dtype) {
  using fn::Unary;
  const bool known = f == Unary::Neg || f == Unary::Conj || f == Unary::Square || f == Unary::Cube ||
                     f == Unary::Reciprocal || f == Unary::InverseSquare || f == Unary::Sqrt ||
                     f == Unary::Rsqrt;
  return known ? complex_type_launcher<RunUnary>(dtype) : nullptr;
}
Launcher complex_launcher(fn::Explog, DType dtype) { return complex_type_launcher<RunExplog>(dtype); }
Launcher complex_launcher(fn::Trig, DType dtype) { return complex_type_launcher<RunTrig>(dtype); }
Launcher complex_launcher(fn::Binary, DType dtype) { return complex_type_launcher<RunBinary>(dtype); }
Launcher complex_add_scaled_launcher(DType dtype) { return complex_type_launcher<RunAddScaled>(dtype); }
Launcher complex_power_launcher(DType dtype) { return complex_type_launcher<RunPower>(dtype); }
Launcher complex_launcher(fn::Ternary f, DType dtype) {
  const bool known = f == fn::Ternary::Lerp || f == fn::Ternary::Addcmul || f == fn::Ternary::Addcdiv;
  return known ? complex_type_launcher<RunTernary>(dtype) : nullptr;
}
Launcher modulus_launcher(DType dtype) { return complex_type_launcher<RunModulus>(dtype); }
Launcher argument_launcher(DType dtype) { return complex_type_launcher<RunArgument>(dtype); }
Launcher join_launcher(DType dtype) {
  return dtype == DType::Float32 ? &join<float> : dtype == DType::Float64 ? &join<double> : nullptr;
}

}  // namespace plait::cuda
