// The functions of ops/cpu/vecmath.h and random_math.h as loops, for the tests: included once per instruction
// set, by translation units that differ in nothing else.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/cpu/random_math.h"
#include "ops/cpu/vecmath.h"

struct UnaryKernel {
  const char* name;
  void (*f32)(const float*, float*, int64_t);
  void (*f64)(const double*, double*, int64_t);
};
struct BinaryKernel {
  const char* name;
  void (*f32)(const float*, const float*, float*, int64_t);
  void (*f64)(const double*, const double*, double*, int64_t);
};
struct RandomKernels {
  void (*bits32)(uint64_t, uint64_t, uint64_t, uint32_t*, int64_t);
  void (*bits64)(uint64_t, uint64_t, uint64_t, uint64_t*, int64_t);
  void (*uniform32)(uint64_t, uint64_t, uint64_t, float*, int64_t);
  void (*uniform64)(uint64_t, uint64_t, uint64_t, double*, int64_t);
  void (*normal32)(uint64_t, uint64_t, uint64_t, float*, int64_t);
  void (*normal64)(uint64_t, uint64_t, uint64_t, double*, int64_t);
  void (*exponential32)(uint64_t, uint64_t, uint64_t, float*, int64_t);
  void (*exponential64)(uint64_t, uint64_t, uint64_t, double*, int64_t);
  void (*bounded)(uint64_t, uint64_t, uint64_t, int64_t, uint64_t, int64_t*, int64_t);
};
struct KernelTable {
  const char* isa;
  const UnaryKernel* unary;
  int unary_count;
  const BinaryKernel* binary;
  int binary_count;
  RandomKernels random;
};

const KernelTable& vecmath_kernels_v3();  // needs AVX2 and FMA
std::vector<const KernelTable*> supported_kernels();

namespace {

namespace vec = plait::vec;

template <class F>
UnaryKernel loop(const char* name, F) {
  return {name,
          [](const float* x, float* y, int64_t n) {
            for (int64_t i = 0; i < n; ++i) y[i] = F{}(x[i]);
          },
          [](const double* x, double* y, int64_t n) {
            for (int64_t i = 0; i < n; ++i) y[i] = F{}(x[i]);
          }};
}
template <class F>
UnaryKernel blocks(const char* name) {
  return {name, [](const float* x, float* y, int64_t n) { vec::map_block<F>(x, y, n); },
          [](const double* x, double* y, int64_t n) { vec::map_block<F>(x, y, n); }};
}
template <class F>
BinaryKernel loop2(const char* name, F) {
  return {name,
          [](const float* a, const float* b, float* y, int64_t n) {
            for (int64_t i = 0; i < n; ++i) y[i] = F{}(a[i], b[i]);
          },
          [](const double* a, const double* b, double* y, int64_t n) {
            for (int64_t i = 0; i < n; ++i) y[i] = F{}(a[i], b[i]);
          }};
}
template <class F>
BinaryKernel blocks2(const char* name) {
  return {name, [](const float* a, const float* b, float* y, int64_t n) { vec::map_block<F>(a, b, y, n); },
          [](const double* a, const double* b, double* y, int64_t n) { vec::map_block<F>(a, b, y, n); }};
}

inline KernelTable make_kernel_table(const char* isa) {
  static const UnaryKernel unary[] = {
      loop("exp", [](auto x) { return vec::exp(x); }),
      loop("exp2", [](auto x) { return vec::exp2(x); }),
      loop("expm1", [](auto x) { return vec::expm1(x); }),
      loop("log", [](auto x) { return vec::log(x); }),
      loop("log2", [](auto x) { return vec::log2(x); }),
      loop("log10", [](auto x) { return vec::log10(x); }),
      loop("log1p", [](auto x) { return vec::log1p(x); }),
      blocks<vec::Sin>("sin"),
      blocks<vec::Cos>("cos"),
      blocks<vec::Tan>("tan"),
      loop("sin, one by one", [](auto x) { return vec::sin(x); }),
      loop("cos, one by one", [](auto x) { return vec::cos(x); }),
      loop("tan, one by one", [](auto x) { return vec::tan(x); }),
      loop("asin", [](auto x) { return vec::asin(x); }),
      loop("acos", [](auto x) { return vec::acos(x); }),
      loop("atan", [](auto x) { return vec::atan(x); }),
      loop("sinh", [](auto x) { return vec::sinh(x); }),
      loop("cosh", [](auto x) { return vec::cosh(x); }),
      loop("tanh", [](auto x) { return vec::tanh(x); }),
      loop("asinh", [](auto x) { return vec::asinh(x); }),
      loop("acosh", [](auto x) { return vec::acosh(x); }),
      loop("atanh", [](auto x) { return vec::atanh(x); }),
      loop("erf", [](auto x) { return vec::erf(x); }),
      loop("erfc", [](auto x) { return vec::erfc(x); }),
      loop("erfinv", [](auto x) { return vec::erfinv(x); }),
      loop("sigmoid", [](auto x) { return vec::sigmoid(x); }),
      loop("softplus", [](auto x) { return vec::softplus(x); }),
      loop("log_sigmoid", [](auto x) { return vec::log_sigmoid(x); }),
      loop("silu", [](auto x) { return vec::silu(x); }),
      loop("silu_grad", [](auto x) { return vec::silu_grad(x); }),
      loop("mish", [](auto x) { return vec::mish(x); }),
      loop("gelu_erf", [](auto x) { return vec::gelu_erf(x); }),
      loop("gelu_erf_grad", [](auto x) { return vec::gelu_erf_grad(x); }),
      loop("gelu_tanh", [](auto x) { return vec::gelu_tanh(x); }),
      loop("gelu_tanh_grad", [](auto x) { return vec::gelu_tanh_grad(x); }),
      loop("floor", [](auto x) { return vec::floor(x); }),
      loop("ceil", [](auto x) { return vec::ceil(x); }),
      loop("trunc", [](auto x) { return vec::trunc(x); }),
      loop("round", [](auto x) { return vec::round(x); }),
      loop("sqrt", [](auto x) { return vec::sqrt(x); }),
      loop("rsqrt", [](auto x) { return vec::rsqrt(x); }),
  };
  static const BinaryKernel binary[] = {
      loop2("pow", [](auto x, auto y) { return vec::pow(x, y); }),
      loop2("atan2", [](auto y, auto x) { return vec::atan2(y, x); }),
      blocks2<vec::Fmod>("fmod"),
      blocks2<vec::Remainder>("remainder"),
      loop2("fmod, one by one", [](auto x, auto y) { return vec::fmod(x, y); }),
      loop2("remainder, one by one", [](auto x, auto y) { return vec::remainder(x, y); }),
  };
  const RandomKernels random = {
      [](uint64_t s, uint64_t o, uint64_t i, uint32_t* out, int64_t n) {
        plait::philox_fill32(s, o, i, out, n);
      },
      [](uint64_t s, uint64_t o, uint64_t i, uint64_t* out, int64_t n) {
        plait::philox_fill64(s, o, i, out, n);
      },
      vec::fill_uniform<float>,
      vec::fill_uniform<double>,
      vec::fill_normal<float>,
      vec::fill_normal<double>,
      vec::fill_exponential<float>,
      vec::fill_exponential<double>,
      vec::fill_bounded<int64_t>,
  };
  return {isa,
          unary,
          static_cast<int>(sizeof unary / sizeof *unary),
          binary,
          static_cast<int>(sizeof binary / sizeof *binary),
          random};
}

}  // namespace
