// What stands in cuBLASLt's opaque structures here, and a matrix product as plain data.
#pragma once

#include <cublasLt.h>

#include <cstdint>

namespace emulator {

struct Layout {
  uint32_t magic;
  int32_t type, order, batch_count;
  uint64_t rows, columns;
  int64_t ld, batch_stride, plane_offset;
  uint32_t batch_mode, unused;

  static constexpr uint32_t kMagic = 0x4c61796f;
  int64_t vectors() const { return int64_t(order == CUBLASLT_ORDER_COL ? columns : rows); }
  int64_t vector_length() const { return int64_t(order == CUBLASLT_ORDER_COL ? rows : columns); }
  int64_t elements() const {  // from the first to the last
    return (batch_count - 1) * batch_stride + (vectors() - 1) * ld + vector_length();
  }
  int64_t offset(int64_t row, int64_t column) const {
    return order == CUBLASLT_ORDER_COL ? row + column * ld : column + row * ld;
  }
};
static_assert(sizeof(Layout) == sizeof(cublasLtMatrixLayoutOpaque_t));

struct Operation {
  uint32_t magic;
  int32_t compute, scale, pointer_mode, transpose_a, transpose_b, transpose_c, fill;
  uint32_t epilogue;
  int32_t bias_type, aux_type, sm_count;
  void* bias;
  int64_t bias_stride;
  void* aux;
  int64_t aux_ld, aux_stride, alpha_stride;
  const void *a_scale, *b_scale, *c_scale, *d_scale, *aux_scale;
  void *d_amax, *aux_amax;
  int32_t scale_modes[6];  // A, B, C, D, aux, D out
  void* d_out_scale;
  void* emulation;
  int8_t fast_accumulation;

  static constexpr uint32_t kMagic = 0x4d617470;
  bool has(uint32_t part) const { return (epilogue & part) == part; }
};
static_assert(sizeof(Operation) <= sizeof(cublasLtMatmulDescOpaque_t));

struct Preference {
  uint32_t magic, search_mode;
  uint64_t workspace;
  uint32_t reductions;
  uint32_t alignment[4];  // A, B, C, D
  float waves;
  uint64_t implementations;

  static constexpr uint32_t kMagic = 0x50726566;
};
static_assert(sizeof(Preference) <= sizeof(cublasLtMatmulPreferenceOpaque_t));

struct Algorithm {
  uint32_t magic;
  int32_t id;
  uint64_t workspace;
  uint64_t problem;       // a digest of the types and transposes it was chosen for
  uint32_t alignment[4];  // that it relies on
  int32_t tile, stages, split_k, reduction, swizzling;

  static constexpr uint32_t kMagic = 0x416c676f;
};
static_assert(sizeof(Algorithm) <= sizeof(cublasLtMatmulAlgo_t));

// D = epilogue(alpha op(A) op(B) + beta C). The layouts are copies: the caller's may change after the call.
struct Product {
  Operation operation;
  Layout a, b, c, d;
  const void *a_data, *b_data, *c_data;
  void* d_data;
  unsigned char alpha[16], beta[16];       // pointer mode host
  const void *alpha_device, *beta_device;  // pointer mode device

  uint64_t m() const { return d.rows; }
  uint64_t n() const { return d.columns; }
  uint64_t k() const { return operation.transpose_a == CUBLAS_OP_N ? a.columns : a.rows; }
};

size_t element_size(int32_t type);
bool is_complex(int32_t type);

// Whether the scaling factor is zero, so that what it scales is not read.
bool is_zero(const void* factor, int32_t type);

void multiply(const Product& product);

// ---- what the library refuses (cublaslt_checks.cpp)

inline bool is_aligned(const void* pointer, size_t alignment) {
  return reinterpret_cast<uintptr_t>(pointer) % alignment == 0;
}
inline bool is_float8(int32_t type) { return type == CUDA_R_8F_E4M3 || type == CUDA_R_8F_E5M2; }
// Everything that the shapes and types decide.
cublasStatus_t check_problem(const Operation& o, const Layout& a, const Layout& b, const Layout& c,
                             const Layout& d);
// Whether the matrix lies in memory of the device. The library would not notice, and its kernel would fault.
bool is_reachable(const char* name, const void* data, int64_t elements, int32_t type);
// The arrays that the epilogue reads or writes.
bool is_epilogue_reachable(const Operation& o, const Layout& d);

}  // namespace emulator
