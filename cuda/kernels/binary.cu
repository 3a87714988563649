#include "cuda/device/functions_binary.cuh"
#include "cuda/kernels/family.cuh"

namespace plait::cuda {
namespace {

template <class T>
void run(const ElementwisePlan& plan, Arithmetic f, opmath_t<T> number = {}) {
  if constexpr (std::is_same_v<T, bool>)
    elementwise<T, T, T>(plan, BoolArithmetic{f});
  else if constexpr (std::is_integral_v<T>)
    elementwise<T, T, T>(plan, IntArithmetic<T>{f, number});
  else
    elementwise<T, T, T>(plan, FloatArithmetic<opmath_t<T>>{f, number});
}

// Bits of 1-byte elements, 4 at a time where all are aligned: one by one they take longer than to move them.
bool as_words(const ElementwisePlan& plan, ElementwisePlan& words) {
  if (plan.sizes[0] % 4) return false;
  words = plan;
  words.numel /= 4;
  words.sizes[0] /= 4;
  for (int k = 0; k < plan.operands; ++k) {
    if (!plan.data[k] || plan.opmath[k] || plan.strides[0][k] != 1) return false;
    if (reinterpret_cast<uintptr_t>(plan.data[k]) % 4) return false;
    for (int d = 1; d < plan.ndim; ++d)
      if (plan.strides[d][k] % 4) return false;
    words.strides[0][k] = 4;
  }
  return true;
}
template <class T>
void run_bits(const ElementwisePlan& plan, Arithmetic f) {
  if constexpr (sizeof(T) == 1) {
    ElementwisePlan words;
    if (as_words(plan, words)) return cuda::run<int32_t>(words, f);
  }
  cuda::run<T>(plan, f);
}
// The same of zeros and ones.
constexpr Arithmetic bits_for_bool(Arithmetic f) {
  switch (f) {
    case Arithmetic::Add:
    case Arithmetic::Maximum:
    case Arithmetic::Fmax: return Arithmetic::Or;
    case Arithmetic::Mul:
    case Arithmetic::Minimum:
    case Arithmetic::Fmin: return Arithmetic::And;
    default: return f;
  }
}

template <class T>
struct RunBinary {
  static void run(const ElementwisePlan& plan, const void* params) {
    const Arithmetic f = arithmetic(function_of<fn::Binary>(params));
    if constexpr (std::is_same_v<T, bool>)
      run_bits<T>(plan, bits_for_bool(f));
    else
      cuda::run<T>(plan, f);
  }
};
template <class T>
struct RunMinMax {
  static void run(const ElementwisePlan& plan, const void* params) {
    const Arithmetic f = arithmetic(function_of<fn::MinMax>(params));
    if constexpr (std::is_same_v<T, bool>)
      run_bits<T>(plan, bits_for_bool(f));
    else
      cuda::run<T>(plan, f);
  }
};
template <class T>
struct RunBits {
  static void run(const ElementwisePlan& plan, const void* params) {
    const Arithmetic f = arithmetic(function_of<fn::Bits>(params));
    if (f == Arithmetic::ShiftLeft || f == Arithmetic::ShiftRight)
      cuda::run<T>(plan, f);
    else
      run_bits<T>(plan, f);
  }
};

template <class T>
struct RunAddScaled {
  static void run(const ElementwisePlan& plan, const void* params) {
    cuda::run<T>(plan, Arithmetic::AddScaled, parameter<T>(params, 0));
  }
};

template <class A, class B>
struct RunMixed {
  static void run(const ElementwisePlan& plan, const void* params) {
    elementwise<float, A, B>(plan, FloatArithmetic<float>{arithmetic(function_of<fn::Binary>(params)), 0});
  }
};

template <template <class> class Run>
Launcher real_launcher(DType dtype) {
  if (dtype == DType::Bool) return &Run<bool>::run;
  return is_floating(dtype) ? float_launcher<Run>(dtype) : int_launcher<Run>(dtype);
}

}  // namespace

void combine_bools(const ElementwisePlan& plan, fn::Bits f) { run_bits<bool>(plan, arithmetic(f)); }

Launcher launcher(fn::Binary f, DType dtype) {
  if (is_complex(dtype)) return complex_launcher(f, dtype);
  if (f == fn::Binary::Div && !is_floating(dtype)) return nullptr;
  if (f == fn::Binary::Sub && dtype == DType::Bool) return nullptr;
  return real_launcher<RunBinary>(dtype);
}
Launcher mixed_launcher(fn::Binary, DType out, DType a, DType b) {
  if (out != DType::Float32) return nullptr;
  if (a == DType::Float32 && b == DType::BFloat16) return &RunMixed<float, BFloat16>::run;
  if (a == DType::BFloat16 && b == DType::Float32) return &RunMixed<BFloat16, float>::run;
  if (a == DType::Float32 && b == DType::Float16) return &RunMixed<float, Half>::run;
  if (a == DType::Float16 && b == DType::Float32) return &RunMixed<Half, float>::run;
  return nullptr;
}
Launcher add_scaled_launcher(DType dtype) {
  if (is_complex(dtype)) return complex_add_scaled_launcher(dtype);
  return is_floating(dtype) ? float_launcher<RunAddScaled>(dtype) : int_launcher<RunAddScaled>(dtype);
}
Launcher launcher(fn::MinMax, DType dtype) { return real_launcher<RunMinMax>(dtype); }
Launcher launcher(fn::Bits f, DType dtype) {
  const bool shift = f == fn::Bits::ShiftLeft || f == fn::Bits::ShiftRight;
  if (dtype == DType::Bool) return shift ? nullptr : &RunBits<bool>::run;
  return int_launcher<RunBits>(dtype);
}

}  // namespace plait::cuda
