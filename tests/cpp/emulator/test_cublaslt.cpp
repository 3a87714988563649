// The emulated cuBLASLt, loaded as the library is: products against sums written out here, and what is
// refused.
#ifdef PLAIT_EMULATED_CUBLASLT
#include <cublasLt.h>
#include <dlfcn.h>

#include <cmath>
#include <complex>
#include <random>

#include "device.h"

namespace {

struct Library {
  void* handle = dlopen(PLAIT_EMULATED_CUBLASLT, RTLD_NOW | RTLD_LOCAL);
  template <class F>
  F* find(F*, const char* name) const {
    auto* function = reinterpret_cast<F*>(dlsym(handle, name));
    REQUIRE(function != nullptr);
    return function;
  }
};
const Library& library() {
  static const Library it;
  REQUIRE(it.handle != nullptr);
  return it;
}
#define LT(name) (library().find(static_cast<decltype(&name)>(nullptr), #name))

constexpr auto kSuccess = CUBLAS_STATUS_SUCCESS;

cublasLtHandle_t lt_handle() {
  static cublasLtHandle_t handle = [] {
    cublasLtHandle_t made;
    REQUIRE(LT(cublasLtCreate)(&made) == kSuccess);
    return made;
  }();
  return handle;
}

struct Layout {
  cublasLtMatrixLayout_t it;
  Layout(cudaDataType type, uint64_t rows, uint64_t columns, int64_t ld) {
    REQUIRE(LT(cublasLtMatrixLayoutCreate)(&it, type, rows, columns, ld) == kSuccess);
  }
  ~Layout() { LT(cublasLtMatrixLayoutDestroy)(it); }
  template <class T>
  void set(cublasLtMatrixLayoutAttribute_t attribute, T value) {
    REQUIRE(LT(cublasLtMatrixLayoutSetAttribute)(it, attribute, &value, sizeof value) == kSuccess);
  }
  void batch(int32_t count, int64_t stride) {
    set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, count);
    set(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, stride);
  }
};

struct Operation {
  cublasLtMatmulDesc_t it;
  Operation(cublasComputeType_t compute, cudaDataType_t scale) {
    REQUIRE(LT(cublasLtMatmulDescCreate)(&it, compute, scale) == kSuccess);
  }
  ~Operation() { LT(cublasLtMatmulDescDestroy)(it); }
  template <class T>
  void set(cublasLtMatmulDescAttributes_t attribute, T value) {
    REQUIRE(LT(cublasLtMatmulDescSetAttribute)(it, attribute, &value, sizeof value) == kSuccess);
  }
  void transpose(cublasOperation_t a, cublasOperation_t b) {
    set(CUBLASLT_MATMUL_DESC_TRANSA, int32_t(a));
    set(CUBLASLT_MATMUL_DESC_TRANSB, int32_t(b));
  }
};

template <class T>
std::vector<T> random_values(size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> number(-2, 2);
  std::vector<T> values(n);
  for (T& v : values) {
    if constexpr (std::is_same_v<T, std::complex<float>> || std::is_same_v<T, std::complex<double>>)
      v = T(typename T::value_type(number(random)), typename T::value_type(number(random)));
    else
      v = T(number(random) * (std::is_integral_v<T> ? 30 : 1));
  }
  return values;
}

template <class T>
T conjugate(T x) {
  if constexpr (std::is_arithmetic_v<T>)
    return x;
  else
    return std::conj(x);
}

struct Case {
  cublasOperation_t ta = CUBLAS_OP_N, tb = CUBLAS_OP_N;
  cublasLtOrder_t order_a = CUBLASLT_ORDER_COL, order_b = CUBLASLT_ORDER_COL, order_d = CUBLASLT_ORDER_COL;
  int batch = 1;
};

// m = 5, n = 4, k = 7 with padded leading dimensions, against the definition.
template <class T, class S = T>
void check_product(Case c, cudaDataType_t type, cublasComputeType_t compute, cudaDataType_t scale,
                   double tolerance) {
  const int m = 5, n = 4, k = 7;
  const bool turn_a = c.ta != CUBLAS_OP_N, turn_b = c.tb != CUBLAS_OP_N;
  const int rows_a = turn_a ? k : m, columns_a = turn_a ? m : k, rows_b = turn_b ? n : k,
            columns_b = turn_b ? k : n;
  const auto ld_of = [](cublasLtOrder_t order, int rows, int columns) {
    return (order == CUBLASLT_ORDER_COL ? rows : columns) + 3;
  };
  const int lda = ld_of(c.order_a, rows_a, columns_a), ldb = ld_of(c.order_b, rows_b, columns_b);
  const int ldd = ld_of(c.order_d, m, n);
  const auto at = [](cublasLtOrder_t order, int ld, int i, int j) {
    return order == CUBLASLT_ORDER_COL ? i + j * ld : j + i * ld;
  };
  const int64_t stride = 256;
  const auto a = random_values<T>(size_t(stride * c.batch), 1),
             b = random_values<T>(size_t(stride * c.batch), 2);
  const auto d = random_values<T>(size_t(stride * c.batch), 3);
  DeviceArray<T> da(a), db(b), dd(d);

  Operation operation(compute, scale);
  operation.transpose(c.ta, c.tb);
  Layout la(type, uint64_t(rows_a), uint64_t(columns_a), lda),
      lb(type, uint64_t(rows_b), uint64_t(columns_b), ldb);
  Layout ld(type, m, n, ldd);
  la.set(CUBLASLT_MATRIX_LAYOUT_ORDER, int32_t(c.order_a));
  lb.set(CUBLASLT_MATRIX_LAYOUT_ORDER, int32_t(c.order_b));
  ld.set(CUBLASLT_MATRIX_LAYOUT_ORDER, int32_t(c.order_d));
  for (Layout* l : {&la, &lb, &ld}) l->batch(c.batch, stride);
  const S alpha = S(1.5), beta = S(-0.5);
  REQUIRE(LT(cublasLtMatmul)(lt_handle(), operation.it, &alpha, da.data(), la.it, db.data(), lb.it, &beta,
                             dd.data(), ld.it, dd.data(), ld.it, nullptr, nullptr, 0, 0) == kSuccess);
  const auto result = dd.host();
  for (int z = 0; z < c.batch; ++z)
    for (int i = 0; i < m; ++i)
      for (int j = 0; j < n; ++j) {
        using Wide = std::complex<double>;
        Wide sum = 0;
        for (int l = 0; l < k; ++l) {
          T x = a[size_t(z * stride + (turn_a ? at(c.order_a, lda, l, i) : at(c.order_a, lda, i, l)))];
          T y = b[size_t(z * stride + (turn_b ? at(c.order_b, ldb, j, l) : at(c.order_b, ldb, l, j)))];
          if (c.ta == CUBLAS_OP_C) x = conjugate(x);
          if (c.tb == CUBLAS_OP_C) y = conjugate(y);
          sum += Wide(x) * Wide(y);
        }
        const size_t where = size_t(z * stride + at(c.order_d, ldd, i, j));
        const Wide expected = Wide(alpha) * sum + Wide(beta) * Wide(d[where]);
        REQUIRE(std::abs(Wide(result[where]) - expected) <= tolerance * (1 + std::abs(expected)));
      }
  // Padding is not written.
  REQUIRE(result[size_t(at(c.order_d, ldd, c.order_d == CUBLASLT_ORDER_COL ? m : 0,
                           c.order_d == CUBLASLT_ORDER_COL ? 0 : n))] ==
          d[size_t(at(c.order_d, ldd, c.order_d == CUBLASLT_ORDER_COL ? m : 0,
                      c.order_d == CUBLASLT_ORDER_COL ? 0 : n))]);
}

float from_bfloat16(uint16_t bits) {
  const uint32_t wide = uint32_t(bits) << 16;
  float value;
  __builtin_memcpy(&value, &wide, 4);
  return value;
}

// A float32 problem of m x n x k with an epilogue: D of one column order.
struct Fused {
  int m = 4, n = 3, k = 2;
  std::vector<float> a, b;
  DeviceArray<float> da, db, dd;
  Operation operation{CUBLAS_COMPUTE_32F, CUDA_R_32F};
  Layout la{CUDA_R_32F, 4, 2, 4}, lb{CUDA_R_32F, 2, 3, 2}, ld{CUDA_R_32F, 4, 3, 4};
  Fused() : a(random_values<float>(8, 5)), b(random_values<float>(6, 6)), da(a), db(b), dd(12) {}

  float product(int i, int j) const {
    return a[size_t(i)] * b[size_t(2 * j)] + a[size_t(4 + i)] * b[size_t(2 * j + 1)];
  }
  cublasStatus_t run(cublasLtEpilogue_t epilogue) {
    operation.set(CUBLASLT_MATMUL_DESC_EPILOGUE, uint32_t(epilogue));
    const float one = 1, zero = 0;
    return LT(cublasLtMatmul)(lt_handle(), operation.it, &one, da.data(), la.it, db.data(), lb.it, &zero,
                              dd.data(), ld.it, dd.data(), ld.it, nullptr, nullptr, 0, 0);
  }
  template <class F>
  void check(F expected) const {
    const std::vector<float> d = dd.host();
    for (int j = 0; j < n; ++j)
      for (int i = 0; i < m; ++i) REQUIRE(d[size_t(i + 4 * j)] == Approx(expected(i, j)).margin(1e-6));
  }
};

double gelu(double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }

}  // namespace

TEST_CASE("products of all transposes, orders and types", "[emulator][cublaslt]") {
  for (cublasOperation_t ta : {CUBLAS_OP_N, CUBLAS_OP_T, CUBLAS_OP_C})
    for (cublasOperation_t tb : {CUBLAS_OP_N, CUBLAS_OP_T, CUBLAS_OP_C}) {
      Case c;
      c.ta = ta, c.tb = tb;
      check_product<float>(c, CUDA_R_32F, CUBLAS_COMPUTE_32F, CUDA_R_32F, 1e-6);
      check_product<double>(c, CUDA_R_64F, CUBLAS_COMPUTE_64F, CUDA_R_64F, 1e-14);
      check_product<float>(c, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32, CUDA_R_32F, 6e-3);
      c.batch = 3;
      check_product<std::complex<float>>(c, CUDA_C_32F, CUBLAS_COMPUTE_32F, CUDA_C_32F, 1e-6);
      check_product<std::complex<double>>(c, CUDA_C_64F, CUBLAS_COMPUTE_64F, CUDA_C_64F, 1e-14);
    }
  for (cublasLtOrder_t a : {CUBLASLT_ORDER_COL, CUBLASLT_ORDER_ROW})
    for (cublasLtOrder_t b : {CUBLASLT_ORDER_COL, CUBLASLT_ORDER_ROW})
      for (cublasLtOrder_t d : {CUBLASLT_ORDER_COL, CUBLASLT_ORDER_ROW})
        check_product<float>({CUBLAS_OP_T, CUBLAS_OP_N, a, b, d, 2}, CUDA_R_32F, CUBLAS_COMPUTE_32F,
                             CUDA_R_32F, 1e-6);
}

TEST_CASE("tf32 reads ten bits of the mantissa", "[emulator][cublaslt]") {
  for (cublasComputeType_t compute : {CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_32F_FAST_TF32}) {
    const float value = 1 + 1.0f / 4096, one = 1, zero = 0;
    DeviceArray<float> a(std::vector<float>{value}), b(std::vector<float>{1}), d(1);
    Operation operation(compute, CUDA_R_32F);
    Layout l(CUDA_R_32F, 1, 1, 1);
    REQUIRE(LT(cublasLtMatmul)(lt_handle(), operation.it, &one, a.data(), l.it, b.data(), l.it, &zero,
                               d.data(), l.it, d.data(), l.it, nullptr, nullptr, 0, 0) == kSuccess);
    CHECK(d.host()[0] == (compute == CUBLAS_COMPUTE_32F ? value : 1.0f));
  }
}

TEST_CASE("16-bit results are rounded once; beta of zero reads nothing", "[emulator][cublaslt]") {
  // 1 + 2^-8 is a tie between bfloat16's 1 and 1 + 2^-7; what the sum has beyond that decides.
  const uint16_t one = 0x3f80, small = 0x3b80, tiny = 0x3080, nan = 0x7fc0;
  DeviceArray<uint16_t> a(std::vector<uint16_t>{one, small, tiny}), b(std::vector<uint16_t>{one, one, one});
  DeviceArray<uint16_t> d(std::vector<uint16_t>{nan});
  Operation operation(CUBLAS_COMPUTE_32F, CUDA_R_32F);
  Layout la(CUDA_R_16BF, 1, 3, 1), lb(CUDA_R_16BF, 3, 1, 3), ld(CUDA_R_16BF, 1, 1, 1);
  const float alpha = 1, beta = 0;
  REQUIRE(LT(cublasLtMatmul)(lt_handle(), operation.it, &alpha, a.data(), la.it, b.data(), lb.it, &beta,
                             d.data(), ld.it, d.data(), ld.it, nullptr, nullptr, 0, 0) == kSuccess);
  CHECK(from_bfloat16(d.host()[0]) == 1 + 1.0f / 128);

  // Half: 65520 is the first number that rounds to infinity; 2^-25 is half of the smallest one.
  const uint16_t h255 = 0x5bf8, h257 = 0x5c04, h_2 = 0x4000, h_min = 0x0001, h_half = 0x3800;
  DeviceArray<uint16_t> x(std::vector<uint16_t>{h255, h_min}), y(std::vector<uint16_t>{h257, 0, h_2, h_half});
  DeviceArray<uint16_t> z(2);
  Layout lx(CUDA_R_16F, 1, 2, 1), ly(CUDA_R_16F, 2, 2, 2), lz(CUDA_R_16F, 1, 2, 1);
  REQUIRE(LT(cublasLtMatmul)(lt_handle(), operation.it, &alpha, x.data(), lx.it, y.data(), ly.it, &beta,
                             z.data(), lz.it, z.data(), lz.it, nullptr, nullptr, 0, 0) == kSuccess);
  CHECK(z.host() == std::vector<uint16_t>{0x7c00, 0x5ff8});  // 65535, and 510 + 2^-25
}

TEST_CASE("products of int8", "[emulator][cublaslt]") {
  const auto a = random_values<int8_t>(8 * 4, 1), b = random_values<int8_t>(8 * 3, 2);
  DeviceArray<int8_t> da(a), db(b);
  DeviceArray<int32_t> dd(12);
  Operation operation(CUBLAS_COMPUTE_32I, CUDA_R_32I);
  operation.transpose(CUBLAS_OP_T, CUBLAS_OP_N);
  Layout la(CUDA_R_8I, 8, 4, 8), lb(CUDA_R_8I, 8, 3, 8), ld(CUDA_R_32I, 4, 3, 4);
  const int32_t one = 1, zero = 0;
  const auto go = [&] {
    return LT(cublasLtMatmul)(lt_handle(), operation.it, &one, da.data(), la.it, db.data(), lb.it, &zero,
                              dd.data(), ld.it, dd.data(), ld.it, nullptr, nullptr, 0, 0);
  };
  REQUIRE(go() == kSuccess);
  int32_t expected = 0;
  for (int l = 0; l < 8; ++l) expected += a[size_t(8 * 2 + l)] * b[size_t(8 + l)];
  CHECK(dd.host()[4 + 2] == expected);
  operation.transpose(CUBLAS_OP_N, CUBLAS_OP_N);
  CHECK(go() != kSuccess);
}

TEST_CASE("epilogues", "[emulator][cublaslt]") {
  Fused f;
  const std::vector<float> bias = {0.5f, -1, 2, 0};
  DeviceArray<float> d_bias(bias);
  f.operation.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, static_cast<void*>(d_bias.data()));
  REQUIRE(f.run(CUBLASLT_EPILOGUE_BIAS) == kSuccess);
  f.check([&](int i, int j) { return f.product(i, j) + bias[size_t(i)]; });
  REQUIRE(f.run(CUBLASLT_EPILOGUE_RELU) == kSuccess);
  f.check([&](int i, int j) { return std::max(f.product(i, j), 0.0f); });
  REQUIRE(f.run(CUBLASLT_EPILOGUE_RELU_BIAS) == kSuccess);
  f.check([&](int i, int j) { return std::max(f.product(i, j) + bias[size_t(i)], 0.0f); });
  REQUIRE(f.run(CUBLASLT_EPILOGUE_GELU) == kSuccess);
  f.check([&](int i, int j) { return gelu(f.product(i, j)); });
  REQUIRE(f.run(CUBLASLT_EPILOGUE_GELU_BIAS) == kSuccess);
  f.check([&](int i, int j) { return gelu(f.product(i, j) + bias[size_t(i)]); });
  f.operation.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, static_cast<void*>(nullptr));
  CHECK(f.run(CUBLASLT_EPILOGUE_BIAS) == CUBLAS_STATUS_EXECUTION_FAILED);
}

TEST_CASE("epilogues that keep what the gradient needs", "[emulator][cublaslt]") {
  Fused f;
  DeviceArray<uint8_t> bits(16 * 3);
  DeviceArray<float> gradient(4), before(8 * 3);
  f.operation.set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, static_cast<void*>(bits.data()));
  f.operation.set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, int64_t(4));
  CHECK(f.run(CUBLASLT_EPILOGUE_RELU_AUX) == CUBLAS_STATUS_INVALID_VALUE);  // not a multiple of 128
  f.operation.set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, int64_t(128));
  REQUIRE(f.run(CUBLASLT_EPILOGUE_RELU_AUX) == kSuccess);
  f.check([&](int i, int j) { return std::max(f.product(i, j), 0.0f); });
  const std::vector<uint8_t> mask = bits.host();
  for (int j = 0; j < 3; ++j)
    for (int i = 0; i < 4; ++i) REQUIRE((mask[size_t(16 * j)] >> i & 1) == (f.product(i, j) > 0));
  f.operation.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, static_cast<void*>(gradient.data()));
  REQUIRE(f.run(CUBLASLT_EPILOGUE_DRELU_BGRAD) == kSuccess);
  f.check([&](int i, int j) { return f.product(i, j) > 0 ? f.product(i, j) : 0; });
  float sum = 0;
  for (int j = 0; j < 3; ++j) sum += std::max(f.product(1, j), 0.0f);
  CHECK(gradient.host()[1] == Approx(sum));

  f.operation.set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, static_cast<void*>(before.data()));
  f.operation.set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, int64_t(8));
  REQUIRE(f.run(CUBLASLT_EPILOGUE_GELU_AUX) == kSuccess);
  CHECK(before.host()[8 + 2] == f.product(2, 1));
  REQUIRE(f.run(CUBLASLT_EPILOGUE_DGELU) == kSuccess);
  f.check([&](int i, int j) {
    const double x = f.product(i, j), h = 1e-5;
    return x * (gelu(x + h) - gelu(x - h)) / (2 * h);
  });
  REQUIRE(f.run(CUBLASLT_EPILOGUE_BGRADA) == kSuccess);
  CHECK(gradient.host()[3] == Approx(f.a[3] + f.a[7]));
  REQUIRE(f.run(CUBLASLT_EPILOGUE_BGRADB) == kSuccess);
  CHECK(gradient.host()[2] == Approx(f.b[4] + f.b[5]));
}

TEST_CASE("heuristics, algorithms and their scratch memory", "[emulator][cublaslt]") {
  Fused f;
  cublasLtMatmulPreference_t preference;
  REQUIRE(LT(cublasLtMatmulPreferenceCreate)(&preference) == kSuccess);
  cublasLtMatmulHeuristicResult_t results[4];
  int found = 0;
  const uint64_t queries = counted(PlaitEmulatorHeuristics);
  const auto search = [&] {
    return LT(cublasLtMatmulAlgoGetHeuristic)(lt_handle(), f.operation.it, f.la.it, f.lb.it, f.ld.it, f.ld.it,
                                              preference, 4, results, &found);
  };
  REQUIRE(search() == kSuccess);
  CHECK(found == 1);  // without scratch memory
  const uint64_t most = 1 << 20;
  REQUIRE(LT(cublasLtMatmulPreferenceSetAttribute)(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                                   &most, sizeof most) == kSuccess);
  REQUIRE(search() == kSuccess);
  REQUIRE(found == 2);
  CHECK(counted(PlaitEmulatorHeuristics) == queries + 2);
  const size_t bytes = results[0].workspaceSize;
  REQUIRE(bytes > 0);
  DeviceArray<char> scratch(bytes + 256);
  const float one = 1, zero = 0;
  const auto go = [&](void* workspace, size_t size, float* d) {
    return LT(cublasLtMatmul)(lt_handle(), f.operation.it, &one, f.da.data(), f.la.it, f.db.data(), f.lb.it,
                              &zero, d, f.ld.it, d, f.ld.it, &results[0].algo, workspace, size, 0);
  };
  CHECK(go(scratch.data(), bytes, f.dd.data()) == kSuccess);
  f.check([&](int i, int j) { return f.product(i, j); });
  CHECK(go(scratch.data(), bytes - 1, f.dd.data()) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(go(nullptr, bytes, f.dd.data()) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(go(scratch.data() + 16, bytes, f.dd.data()) == CUBLAS_STATUS_INVALID_VALUE);
  // The alignment that was promised is relied on.
  DeviceArray<float> larger(13);
  CHECK(go(scratch.data(), bytes, larger.data() + 1) == CUBLAS_STATUS_INVALID_VALUE);
  // An algorithm for another operation.
  f.operation.transpose(CUBLAS_OP_N, CUBLAS_OP_N);
  f.operation.set(CUBLASLT_MATMUL_DESC_EPILOGUE, uint32_t(CUBLASLT_EPILOGUE_RELU));
  CHECK(go(scratch.data(), bytes, f.dd.data()) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(plait_emulator_fail_after("cublasLtMatmulAlgoGetHeuristic", 1, cudaErrorNotSupported) == 0);
  CHECK(search() == CUBLAS_STATUS_NOT_SUPPORTED);
  CHECK(plait_emulator_fail_after("cublasLtMatmul", 1, cudaErrorUnknown) == 0);
  f.operation.set(CUBLASLT_MATMUL_DESC_EPILOGUE, uint32_t(CUBLASLT_EPILOGUE_DEFAULT));
  CHECK(go(scratch.data(), bytes, f.dd.data()) == CUBLAS_STATUS_EXECUTION_FAILED);
  LT(cublasLtMatmulPreferenceDestroy)(preference);
  cudaGetLastError();
}

TEST_CASE("nonsense is refused", "[emulator][cublaslt]") {
  Fused f;
  const float one = 1, zero = 0;
  const auto go = [&](cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t d, const void* a_data) {
    return LT(cublasLtMatmul)(lt_handle(), f.operation.it, &one, a_data, a, f.db.data(), f.lb.it, &zero,
                              f.dd.data(), d, f.dd.data(), d, nullptr, nullptr, 0, 0);
  };
  CHECK(go(f.la.it, f.ld.it, f.da.data()) == kSuccess);
  Layout other_k(CUDA_R_32F, 4, 3, 4), short_ld(CUDA_R_32F, 4, 2, 3), half(CUDA_R_16F, 4, 2, 4);
  Layout wide(CUDA_R_64F, 4, 3, 4), empty(CUDA_R_32F, 4, 0, 4), fp8(CUDA_R_8F_E4M3, 4, 2, 4);
  CHECK(go(other_k.it, f.ld.it, f.da.data()) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(go(short_ld.it, f.ld.it, f.da.data()) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(go(empty.it, f.ld.it, f.da.data()) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(go(half.it, f.ld.it, f.da.data()) == CUBLAS_STATUS_NOT_SUPPORTED);
  CHECK(go(f.la.it, wide.it, f.da.data()) == CUBLAS_STATUS_NOT_SUPPORTED);
  CHECK(go(fp8.it, f.ld.it, f.da.data()) == CUBLAS_STATUS_NOT_SUPPORTED);
  CHECK(go(f.la.it, f.ld.it, nullptr) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(go(f.la.it, f.ld.it, f.a.data()) == CUBLAS_STATUS_EXECUTION_FAILED);  // the host's memory
  f.ld.batch(2, 0);
  f.la.batch(2, 0);
  f.lb.batch(2, 0);
  CHECK(go(f.la.it, f.ld.it, f.da.data()) == CUBLAS_STATUS_INVALID_VALUE);  // results on top of each other
  const int32_t order = CUBLASLT_ORDER_ROW;
  CHECK(LT(cublasLtMatrixLayoutSetAttribute)(f.la.it, CUBLASLT_MATRIX_LAYOUT_ORDER, &order, 8) ==
        CUBLAS_STATUS_INVALID_VALUE);
  CHECK(LT(cublasLtMatmul)(nullptr, f.operation.it, &one, f.da.data(), f.la.it, f.db.data(), f.lb.it, &zero,
                           f.dd.data(), f.ld.it, f.dd.data(), f.ld.it, nullptr, nullptr, 0,
                           0) == CUBLAS_STATUS_NOT_INITIALIZED);
  // Doubles have no epilogue.
  Operation operation(CUBLAS_COMPUTE_64F, CUDA_R_64F);
  operation.set(CUBLASLT_MATMUL_DESC_EPILOGUE, uint32_t(CUBLASLT_EPILOGUE_RELU));
  Layout l(CUDA_R_64F, 1, 1, 1);
  DeviceArray<double> x(1);
  const double factor = 1;
  CHECK(LT(cublasLtMatmul)(lt_handle(), operation.it, &factor, x.data(), l.it, x.data(), l.it, &factor,
                           x.data(), l.it, x.data(), l.it, nullptr, nullptr, 0,
                           0) == CUBLAS_STATUS_NOT_SUPPORTED);
  CHECK(std::string(LT(cublasLtGetStatusName)(CUBLAS_STATUS_NOT_SUPPORTED)) == "CUBLAS_STATUS_NOT_SUPPORTED");
  CHECK(LT(cublasLtGetVersion)() >= 130000);
}

TEST_CASE("factors in device memory are read when the product runs", "[emulator][cublaslt]") {
  DeviceArray<float> factors(std::vector<float>{2, 0}), a(std::vector<float>{3}), d(std::vector<float>{NAN});
  Operation operation(CUBLAS_COMPUTE_32F, CUDA_R_32F);
  operation.set(CUBLASLT_MATMUL_DESC_POINTER_MODE, int32_t(CUBLASLT_POINTER_MODE_DEVICE));
  Layout l(CUDA_R_32F, 1, 1, 1);
  REQUIRE(LT(cublasLtMatmul)(lt_handle(), operation.it, factors.data(), a.data(), l.it, a.data(), l.it,
                             factors.data() + 1, d.data(), l.it, d.data(), l.it, nullptr, nullptr, 0,
                             0) == kSuccess);
  CHECK(d.host()[0] == 18);
}
#endif
