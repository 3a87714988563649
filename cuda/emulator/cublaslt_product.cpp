// Matrix products by plain loops: inputs to double, sums in double, one rounding at the end.
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstring>
#include <limits>
#include <vector>

#include "cublaslt.h"
#include "float16_bits.h"
#include "float8_bits.h"

namespace emulator {

namespace {

using Complex = std::complex<double>;

// Keeps so many bits after the leading one: what tensor cores read of a float.
double keep_bits(double x, int bits) {
  if (x == 0 || !std::isfinite(x)) return x;
  const int exponent = std::ilogb(x);
  return std::ldexp(std::nearbyint(std::ldexp(x, bits - exponent)), exponent - bits);
}

double round_input(double x, int32_t compute) {
  switch (compute) {
    case CUBLAS_COMPUTE_32F_FAST_TF32: return keep_bits(x, 10);
    case CUBLAS_COMPUTE_32F_FAST_16BF: return keep_bits(x, 7);
    case CUBLAS_COMPUTE_32F_FAST_16F: return from_bits(to_bits(x, 10, 5), 10, 5);
    default: return x;
  }
}

template <class T>
T get(const void* data, int64_t i) {
  T value;
  std::memcpy(&value, static_cast<const char*>(data) + i * int64_t(sizeof(T)), sizeof(T));
  return value;
}
template <class T>
void put(void* data, int64_t i, T value) {
  std::memcpy(static_cast<char*>(data) + i * int64_t(sizeof(T)), &value, sizeof(T));
}

template <class T>
T saturate(double x) {
  const double low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
  return x != x ? T(0) : T(std::clamp(std::nearbyint(x), low, high));
}

Complex load(const void* data, int32_t type, int64_t i) {
  switch (type) {
    case CUDA_R_8F_E4M3: return from_8_bits(get<uint8_t>(data, i), Float8::E4M3);
    case CUDA_R_8F_E5M2: return from_8_bits(get<uint8_t>(data, i), Float8::E5M2);
    case CUDA_R_16F: return from_bits(get<uint16_t>(data, i), 10, 5);
    case CUDA_R_16BF: return from_bits(get<uint16_t>(data, i), 7, 8);
    case CUDA_R_32F: return get<float>(data, i);
    case CUDA_R_64F: return get<double>(data, i);
    case CUDA_R_8I: return get<int8_t>(data, i);
    case CUDA_R_32I: return get<int32_t>(data, i);
    case CUDA_C_32F: return {get<float>(data, 2 * i), get<float>(data, 2 * i + 1)};
    default: return {get<double>(data, 2 * i), get<double>(data, 2 * i + 1)};
  }
}

void store(void* data, int32_t type, int64_t i, Complex value, bool wraps = false) {
  const double x = value.real();
  switch (type) {
    case CUDA_R_8F_E4M3: return put(data, i, to_8_bits(x, Float8::E4M3));
    case CUDA_R_8F_E5M2: return put(data, i, to_8_bits(x, Float8::E5M2));
    case CUDA_R_16F: return put(data, i, to_bits(x, 10, 5));
    case CUDA_R_16BF: return put(data, i, to_bits(x, 7, 8));
    case CUDA_R_32F: return put(data, i, float(x));
    case CUDA_R_64F: return put(data, i, x);
    case CUDA_R_8I: return put(data, i, saturate<int8_t>(x));
    case CUDA_R_32I: return put(data, i, wraps ? int32_t(int64_t(x)) : saturate<int32_t>(x));
    case CUDA_C_32F: put(data, 2 * i, float(x)); return put(data, 2 * i + 1, float(value.imag()));
    default: put(data, 2 * i, x); return put(data, 2 * i + 1, value.imag());
  }
}

double real_part(Complex x, double*) { return x.real(); }
Complex real_part(Complex x, Complex*) { return x; }
double conjugate(double x) { return x; }
Complex conjugate(Complex x) { return std::conj(x); }

// op(matrix) of one batch, row by row.
template <class T>
std::vector<T> read_matrix(const void* data, const Layout& layout, int32_t transpose, int32_t compute,
                           int64_t batch) {
  const bool turned = transpose != CUBLAS_OP_N;
  const int64_t rows = int64_t(turned ? layout.columns : layout.rows);
  const int64_t columns = int64_t(turned ? layout.rows : layout.columns);
  std::vector<T> values(size_t(rows * columns));
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      const int64_t at = batch * layout.batch_stride + (turned ? layout.offset(j, i) : layout.offset(i, j));
      const Complex z = load(data, layout.type, at);
      const T x = real_part({round_input(z.real(), compute), round_input(z.imag(), compute)},
                            static_cast<T*>(nullptr));
      values[size_t(i * columns + j)] = transpose == CUBLAS_OP_C ? conjugate(x) : x;
    }
  return values;
}

// cuBLASLt's GELU is the one with tanh.
constexpr double kGeluScale = 0.7978845608028654, kGeluCube = 0.044715;
double gelu(double x) { return 0.5 * x * (1 + std::tanh(kGeluScale * (x + kGeluCube * x * x * x))); }
double gelu_slope(double x) {
  const double t = std::tanh(kGeluScale * (x + kGeluCube * x * x * x));
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * kGeluScale * (1 + 3 * kGeluCube * x * x);
}

// The parts of cublasLtEpilogue_t, which is made of bits.
enum : uint32_t {
  Relu = 2,
  Bias = 4,
  ReluSlope = 8,
  BiasGradient = 16,
  Gelu = 32,
  GeluSlope = 64,
  Aux = 128
};

// Applies what follows the product to one element, and keeps the sums for a bias's gradient.
class Epilogue {
 public:
  Epilogue(const Product& product, int64_t batch) : p_(product), o_(product.operation), batch_(batch) {
    if (o_.has(BiasGradient)) gradient_.resize(size_t(product.m()));
  }

  double apply(double x, int64_t i, int64_t j) {
    if (o_.has(Bias)) x += load(o_.bias, o_.bias_type, batch_ * o_.bias_stride + i).real();
    const int64_t at = batch_ * o_.aux_stride + j * o_.aux_ld + i;
    if (o_.has(Relu)) {
      if (o_.has(Aux)) set_bit(at, x > 0);
      x = x > 0 || x != x ? x : 0;
    } else if (o_.has(Gelu)) {
      if (o_.has(Aux)) store(o_.aux, o_.aux_type, at, x);
      x = gelu(x);
    } else if (o_.has(ReluSlope)) {
      if (!bit(at)) x = 0;
    } else if (o_.has(GeluSlope)) {
      x *= gelu_slope(load(o_.aux, o_.aux_type, at).real());
    }
    if (!gradient_.empty()) gradient_[size_t(i)] += x;
    return x;
  }

  void finish() {
    for (size_t i = 0; i < gradient_.size(); ++i)
      store(o_.bias, o_.bias_type, batch_ * o_.bias_stride + int64_t(i), gradient_[i]);
  }

 private:
  void set_bit(int64_t at, bool on) {
    auto& byte = static_cast<uint8_t*>(o_.aux)[at / 8];
    byte = uint8_t((byte & ~(1u << at % 8)) | unsigned(on) << at % 8);
  }
  bool bit(int64_t at) const { return static_cast<const uint8_t*>(o_.aux)[at / 8] >> at % 8 & 1; }

  const Product& p_;
  const Operation& o_;
  int64_t batch_;
  std::vector<double> gradient_;
};

// The sums over k of op(A)'s rows or op(B)'s columns.
template <class T>
void store_input_gradient(const Product& p, const std::vector<T>& a, const std::vector<T>& b, int64_t batch) {
  const Operation& o = p.operation;
  const int64_t m = int64_t(p.m()), n = int64_t(p.n()), k = int64_t(p.k());
  const bool of_a = o.epilogue == CUBLASLT_EPILOGUE_BGRADA;
  for (int64_t i = 0; i < (of_a ? m : n); ++i) {
    T sum{};
    for (int64_t l = 0; l < k; ++l) sum += of_a ? a[size_t(i * k + l)] : b[size_t(l * n + i)];
    store(o.bias, o.bias_type, batch * o.bias_stride + i, sum);
  }
}

// The factor of row or column i of an 8-bit operand.
double scale_at(const void* scales, int32_t mode, int64_t i) {
  if (!scales) return 1;
  return get<float>(scales, mode == CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F ? i : 0);
}

template <class T>
void multiply_batch(const Product& p, int64_t batch, T alpha, T beta, bool add_c) {
  const Operation& o = p.operation;
  const int64_t m = int64_t(p.m()), n = int64_t(p.n()), k = int64_t(p.k());
  const std::vector<T> a = read_matrix<T>(p.a_data, p.a, o.transpose_a, o.compute, batch);
  const std::vector<T> b = read_matrix<T>(p.b_data, p.b, o.transpose_b, o.compute, batch);
  std::vector<T> row(static_cast<size_t>(n));
  Epilogue epilogue(p, batch);
  for (int64_t i = 0; i < m; ++i) {
    std::fill(row.begin(), row.end(), T{});
    for (int64_t l = 0; l < k; ++l) {
      const T x = a[size_t(i * k + l)];
      const T* y = b.data() + l * n;
      for (int64_t j = 0; j < n; ++j) row[size_t(j)] += x * y[j];
    }
    for (int64_t j = 0; j < n; ++j) {
      T value = alpha == T{} ? T{}
                             : alpha * row[size_t(j)] * scale_at(o.a_scale, o.scale_modes[0], i) *
                                   scale_at(o.b_scale, o.scale_modes[1], j);
      if (add_c) {
        const Complex c = load(p.c_data, p.c.type, batch * p.c.batch_stride + p.c.offset(i, j));
        value += beta * real_part(c, static_cast<T*>(nullptr));
      }
      if constexpr (std::is_same_v<T, double>) value = epilogue.apply(value, i, j);
      value *= scale_at(o.d_scale, o.scale_modes[3], 0);
      store(p.d_data, p.d.type, batch * p.d.batch_stride + p.d.offset(i, j), value, o.scale == CUDA_R_32I);
    }
  }
  epilogue.finish();
  if (o.epilogue == CUBLASLT_EPILOGUE_BGRADA || o.epilogue == CUBLASLT_EPILOGUE_BGRADB)
    store_input_gradient(p, a, b, batch);
}

}  // namespace

size_t element_size(int32_t type) {
  switch (type) {
    case CUDA_R_8F_E4M3:
    case CUDA_R_8F_E5M2:
    case CUDA_R_8I: return 1;
    case CUDA_R_16F:
    case CUDA_R_16BF: return 2;
    case CUDA_R_32F:
    case CUDA_R_32I: return 4;
    case CUDA_R_64F:
    case CUDA_C_32F: return 8;
    case CUDA_C_64F: return 16;
    default: return 0;  // a type that is not emulated
  }
}

bool is_complex(int32_t type) { return type == CUDA_C_32F || type == CUDA_C_64F; }

bool is_zero(const void* factor, int32_t type) { return load(factor, type, 0) == Complex(0); }

void multiply(const Product& p) {
  const int32_t scale = p.operation.scale;
  const bool device = p.operation.pointer_mode == CUBLASLT_POINTER_MODE_DEVICE;
  const Complex alpha = load(device ? p.alpha_device : p.alpha, scale, 0);
  const Complex beta = load(device ? p.beta_device : p.beta, scale, 0);
  for (int64_t batch = 0; batch < p.d.batch_count; ++batch) {
    if (is_complex(scale))
      multiply_batch<Complex>(p, batch, alpha, beta, beta != Complex(0));
    else
      multiply_batch<double>(p, batch, alpha.real(), beta.real(), beta != Complex(0));
  }
}

}  // namespace emulator
