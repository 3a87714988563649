// What cuBLASLt refuses: shapes and types that no kernel is for, and memory that a device cannot reach.
#include <algorithm>
#include <cstdio>
#include <initializer_list>

#include "cublaslt.h"
#include "emulator/launch.h"

namespace emulator {
namespace {

cublasStatus_t check_layout(const Layout& l) {
  if (l.rows == 0 || l.columns == 0 || l.batch_count < 1) return CUBLAS_STATUS_INVALID_VALUE;
  if (element_size(l.type) == 0) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (l.order != CUBLASLT_ORDER_COL && l.order != CUBLASLT_ORDER_ROW) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (l.batch_mode != CUBLASLT_BATCH_MODE_STRIDED || l.plane_offset) return CUBLAS_STATUS_NOT_SUPPORTED;
  return l.ld < l.vector_length() ? CUBLAS_STATUS_INVALID_VALUE : CUBLAS_STATUS_SUCCESS;
}

bool is_one_of(int32_t value, std::initializer_list<int32_t> values) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

// The table of supported types: what C and D may be, for A and B of one type. `bias` is false where no
// epilogue is.
bool has_types(const Operation& o, int32_t ab, int32_t cd, bool* epilogue) {
  *epilogue = true;
  switch (o.compute) {
    case CUBLAS_COMPUTE_16F:
    case CUBLAS_COMPUTE_16F_PEDANTIC: return o.scale == CUDA_R_16F && ab == CUDA_R_16F && cd == CUDA_R_16F;
    case CUBLAS_COMPUTE_32I:
    case CUBLAS_COMPUTE_32I_PEDANTIC:
      *epilogue = o.scale == CUDA_R_32F;
      if (ab != CUDA_R_8I) return false;
      return o.scale == CUDA_R_32I ? cd == CUDA_R_32I : o.scale == CUDA_R_32F && cd == CUDA_R_8I;
    case CUBLAS_COMPUTE_32F:
    case CUBLAS_COMPUTE_32F_PEDANTIC:
      if (o.scale == CUDA_C_32F) {
        *epilogue = false;
        return ab == CUDA_C_32F && cd == CUDA_C_32F;
      }
      if (o.scale != CUDA_R_32F) return false;
      if (ab == CUDA_R_32F || ab == CUDA_R_8I) return cd == CUDA_R_32F;
      return is_one_of(ab, {CUDA_R_16F, CUDA_R_16BF}) && (cd == ab || cd == CUDA_R_32F);
    case CUBLAS_COMPUTE_32F_FAST_16F:
    case CUBLAS_COMPUTE_32F_FAST_16BF:
    case CUBLAS_COMPUTE_32F_FAST_TF32:
      *epilogue = o.scale == CUDA_R_32F;
      return is_one_of(o.scale, {CUDA_R_32F, CUDA_C_32F}) && ab == o.scale && cd == o.scale;
    case CUBLAS_COMPUTE_64F:
    case CUBLAS_COMPUTE_64F_PEDANTIC:
      *epilogue = false;
      return is_one_of(o.scale, {CUDA_R_64F, CUDA_C_64F}) && ab == o.scale && cd == o.scale;
    default: return false;
  }
}

bool is_epilogue(uint32_t epilogue) {
  switch (epilogue) {
    case CUBLASLT_EPILOGUE_DEFAULT:
    case CUBLASLT_EPILOGUE_RELU:
    case CUBLASLT_EPILOGUE_RELU_AUX:
    case CUBLASLT_EPILOGUE_BIAS:
    case CUBLASLT_EPILOGUE_RELU_BIAS:
    case CUBLASLT_EPILOGUE_RELU_AUX_BIAS:
    case CUBLASLT_EPILOGUE_DRELU:
    case CUBLASLT_EPILOGUE_DRELU_BGRAD:
    case CUBLASLT_EPILOGUE_GELU:
    case CUBLASLT_EPILOGUE_GELU_AUX:
    case CUBLASLT_EPILOGUE_GELU_BIAS:
    case CUBLASLT_EPILOGUE_GELU_AUX_BIAS:
    case CUBLASLT_EPILOGUE_DGELU:
    case CUBLASLT_EPILOGUE_DGELU_BGRAD:
    case CUBLASLT_EPILOGUE_BGRADA:
    case CUBLASLT_EPILOGUE_BGRADB: return true;
    default: return false;
  }
}

constexpr uint32_t kAux = 128, kReluParts = 2 | 8, kBiasParts = 4 | 16 | 256 | 512;

cublasStatus_t check_epilogue(const Operation& o, const Layout& d) {
  if (!is_epilogue(o.epilogue)) return CUBLAS_STATUS_INVALID_VALUE;
  if (o.epilogue & kBiasParts) {
    if (!is_one_of(o.bias_type, {d.type, CUDA_R_32F})) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (!is_aligned(o.bias, element_size(o.bias_type))) return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  if (o.epilogue & kAux) {
    const bool bits = o.epilogue & kReluParts;
    const int64_t step = bits ? 128 : 8;
    if (d.order != CUBLASLT_ORDER_COL) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (!bits && o.aux_type != d.type) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (o.aux_ld < int64_t(d.rows) || o.aux_ld % step || o.aux_stride % step)
      return CUBLAS_STATUS_INVALID_VALUE;
    if (!is_aligned(o.aux, 16)) return CUBLAS_STATUS_INVALID_VALUE;
  }
  return CUBLAS_STATUS_SUCCESS;
}

// The 8-bit floats of Hopper: A transposed, B not, everything a multiple of 16 bytes.
cublasStatus_t check_float8(const Operation& o, const Layout& a, const Layout& b, const Layout& c,
                            const Layout& d) {
  if (!is_float8(a.type) || !is_float8(b.type) || o.compute != CUBLAS_COMPUTE_32F || o.scale != CUDA_R_32F)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  if (a.type == CUDA_R_8F_E5M2 && b.type == CUDA_R_8F_E5M2) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (o.transpose_a != CUBLAS_OP_T || o.transpose_b != CUBLAS_OP_N) return CUBLAS_STATUS_NOT_SUPPORTED;
  for (const Layout* layout : {&a, &b, &c, &d})
    if (layout->order != CUBLASLT_ORDER_COL || layout->ld * int64_t(element_size(layout->type)) % 16)
      return CUBLAS_STATUS_NOT_SUPPORTED;
  if (a.rows % 16 || d.rows % 16) return CUBLAS_STATUS_NOT_SUPPORTED;
  const bool mixed = a.type != b.type;
  switch (d.type) {
    case CUDA_R_32F:
    case CUDA_R_16F:
    case CUDA_R_16BF:
      if (c.type != d.type || o.d_scale) return CUBLAS_STATUS_NOT_SUPPORTED;
      break;
    case CUDA_R_8F_E5M2:
      if (!mixed) return CUBLAS_STATUS_NOT_SUPPORTED;
      [[fallthrough]];
    case CUDA_R_8F_E4M3:
      if (!is_one_of(c.type, {CUDA_R_16F, CUDA_R_16BF})) return CUBLAS_STATUS_NOT_SUPPORTED;
      break;
    default: return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  if (o.scale_modes[0] != o.scale_modes[1] ||
      !is_one_of(o.scale_modes[0],
                 {CUBLASLT_MATMUL_MATRIX_SCALE_SCALAR_32F, CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F}))
    return CUBLAS_STATUS_NOT_SUPPORTED;
  if (o.epilogue == CUBLASLT_EPILOGUE_BIAS) {
    const int32_t bias = d.type == CUDA_R_32F ? int32_t(CUDA_R_16BF) : c.type;
    return o.bias_type == bias ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
  }
  return o.epilogue == CUBLASLT_EPILOGUE_DEFAULT ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

}  // namespace

cublasStatus_t check_problem(const Operation& o, const Layout& a, const Layout& b, const Layout& c,
                             const Layout& d) {
  for (const Layout* layout : {&a, &b, &c, &d})
    if (const cublasStatus_t status = check_layout(*layout); status != CUBLAS_STATUS_SUCCESS) return status;
  for (int32_t transpose : {o.transpose_a, o.transpose_b})
    if (!is_one_of(transpose, {CUBLAS_OP_N, CUBLAS_OP_T, CUBLAS_OP_C})) return CUBLAS_STATUS_INVALID_VALUE;
  const bool turn_a = o.transpose_a != CUBLAS_OP_N, turn_b = o.transpose_b != CUBLAS_OP_N;
  const uint64_t k = turn_a ? a.rows : a.columns;
  if ((turn_a ? a.columns : a.rows) != d.rows || (turn_b ? b.rows : b.columns) != d.columns ||
      (turn_b ? b.columns : b.rows) != k || c.rows != d.rows || c.columns != d.columns)
    return CUBLAS_STATUS_INVALID_VALUE;
  for (const Layout* layout : {&a, &b, &c})
    if (layout->batch_count != d.batch_count) return CUBLAS_STATUS_INVALID_VALUE;
  // Results of the batch must not overlap: they lie one behind the other, or side by side.
  const bool behind = d.batch_stride >= (d.vectors() - 1) * d.ld + d.vector_length();
  const bool beside =
      d.batch_stride >= d.vector_length() && d.ld >= d.batch_stride * (d.batch_count - 1) + d.vector_length();
  if (d.batch_count > 1 && !behind && !beside) return CUBLAS_STATUS_INVALID_VALUE;
  if (o.transpose_c != CUBLAS_OP_N || o.fill != CUBLAS_FILL_MODE_FULL) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (!is_one_of(o.pointer_mode, {CUBLASLT_POINTER_MODE_HOST, CUBLASLT_POINTER_MODE_DEVICE}))
    return CUBLAS_STATUS_NOT_SUPPORTED;
  if (o.c_scale || o.d_amax || o.aux_scale || o.aux_amax || o.d_out_scale) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (is_float8(a.type) || is_float8(b.type)) return check_float8(o, a, b, c, d);
  if (o.a_scale || o.b_scale || o.d_scale) return CUBLAS_STATUS_INVALID_VALUE;  // for 8-bit floats only
  bool epilogue;
  if (a.type != b.type || c.type != d.type || c.order != d.order || !has_types(o, a.type, d.type, &epilogue))
    return CUBLAS_STATUS_NOT_SUPPORTED;
  if (!epilogue && o.epilogue != CUBLASLT_EPILOGUE_DEFAULT) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (a.type == CUDA_R_8I) {  // the kernels for int8 read four at a time along k
    if (!turn_a || turn_b || k % 4 || d.rows % 4 || a.ld % 4 || b.ld % 4) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (a.order != CUBLASLT_ORDER_COL || b.order != CUBLASLT_ORDER_COL) return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  return check_epilogue(o, d);
}

bool is_reachable(const char* name, const void* data, int64_t elements, int32_t type) {
  const size_t bytes = size_t(elements) * element_size(type);
  if (data && is_device_accessible(data, bytes)) return true;
  std::fprintf(stderr,
               "CUDA emulator: cublasLtMatmul: %s: %zu bytes at %p are not in one block of device memory\n",
               name, bytes, data);
  return false;
}

// The arrays that the epilogue reads or writes.
bool is_epilogue_reachable(const Operation& o, const Layout& d) {
  const int64_t batches = d.batch_count - 1;
  if (o.epilogue & kBiasParts) {
    const auto length = int64_t(o.epilogue == CUBLASLT_EPILOGUE_BGRADB ? d.columns : d.rows);
    if (!is_reachable("bias", o.bias, batches * o.bias_stride + length, o.bias_type)) return false;
  }
  if (o.epilogue & kAux) {
    const int64_t elements = batches * o.aux_stride + int64_t(d.columns - 1) * o.aux_ld + int64_t(d.rows);
    const bool bits = o.epilogue & kReluParts;
    if (!is_reachable("aux", o.aux, bits ? (elements + 7) / 8 : elements,
                      bits ? int32_t(CUDA_R_8I) : o.aux_type))
      return false;
  }
  return true;
}

}  // namespace emulator
