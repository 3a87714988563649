// libcublasLt's functions on the CPU, with its names: descriptors and heuristics.
#include "cublaslt.h"

#include <algorithm>
#include <cstring>

#include "emulator/control.h"
#include "emulator/launch.h"

#pragma GCC visibility push(default)
struct cublasLtContext {
  int device;
};
#pragma GCC visibility pop

using namespace emulator;

namespace {

constexpr size_t kWorkspaceAlignment = 256;

Layout* layout_of(cublasLtMatrixLayout_t handle) {
  auto* layout = reinterpret_cast<Layout*>(handle);
  return layout && layout->magic == Layout::kMagic ? layout : nullptr;
}
Operation* operation_of(cublasLtMatmulDesc_t handle) {
  auto* operation = reinterpret_cast<Operation*>(handle);
  return operation && operation->magic == Operation::kMagic ? operation : nullptr;
}
Preference* preference_of(cublasLtMatmulPreference_t handle) {
  auto* preference = reinterpret_cast<Preference*>(handle);
  return preference && preference->magic == Preference::kMagic ? preference : nullptr;
}
Algorithm* algorithm_of(const cublasLtMatmulAlgo_t* handle) {
  auto* algorithm = reinterpret_cast<Algorithm*>(const_cast<cublasLtMatmulAlgo_t*>(handle));
  return algorithm && algorithm->magic == Algorithm::kMagic ? algorithm : nullptr;
}

// An attribute of a descriptor: where it is kept.
struct Field {
  void* data = nullptr;
  size_t size = 0;
};
template <class T>
Field field(T& member) {
  return {&member, sizeof(T)};
}

cublasStatus_t set_field(Field field, const void* from, size_t size) {
  if (!field.data || !from || size != field.size) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(field.data, from, size);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t get_field(Field field, void* to, size_t size, size_t* written) {
  if (!field.data || (size == 0 ? !written : !to || size != field.size)) return CUBLAS_STATUS_INVALID_VALUE;
  if (written) *written = field.size;
  if (size) std::memcpy(to, field.data, size);
  return CUBLAS_STATUS_SUCCESS;
}

Field layout_field(Layout& l, cublasLtMatrixLayoutAttribute_t attribute) {
  switch (attribute) {
    case CUBLASLT_MATRIX_LAYOUT_TYPE: return field(l.type);
    case CUBLASLT_MATRIX_LAYOUT_ORDER: return field(l.order);
    case CUBLASLT_MATRIX_LAYOUT_ROWS: return field(l.rows);
    case CUBLASLT_MATRIX_LAYOUT_COLS: return field(l.columns);
    case CUBLASLT_MATRIX_LAYOUT_LD: return field(l.ld);
    case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT: return field(l.batch_count);
    case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET: return field(l.batch_stride);
    case CUBLASLT_MATRIX_LAYOUT_PLANE_OFFSET: return field(l.plane_offset);
    case CUBLASLT_MATRIX_LAYOUT_BATCH_MODE: return field(l.batch_mode);
  }
  return {};
}

Field operation_field(Operation& o, cublasLtMatmulDescAttributes_t attribute) {
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_COMPUTE_TYPE: return field(o.compute);
    case CUBLASLT_MATMUL_DESC_SCALE_TYPE: return field(o.scale);
    case CUBLASLT_MATMUL_DESC_POINTER_MODE: return field(o.pointer_mode);
    case CUBLASLT_MATMUL_DESC_TRANSA: return field(o.transpose_a);
    case CUBLASLT_MATMUL_DESC_TRANSB: return field(o.transpose_b);
    case CUBLASLT_MATMUL_DESC_TRANSC: return field(o.transpose_c);
    case CUBLASLT_MATMUL_DESC_FILL_MODE: return field(o.fill);
    case CUBLASLT_MATMUL_DESC_EPILOGUE: return field(o.epilogue);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER: return field(o.bias);
    case CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE: return field(o.bias_stride);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER: return field(o.aux);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD: return field(o.aux_ld);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_BATCH_STRIDE: return field(o.aux_stride);
    case CUBLASLT_MATMUL_DESC_ALPHA_VECTOR_BATCH_STRIDE: return field(o.alpha_stride);
    case CUBLASLT_MATMUL_DESC_SM_COUNT_TARGET: return field(o.sm_count);
    case CUBLASLT_MATMUL_DESC_A_SCALE_POINTER: return field(o.a_scale);
    case CUBLASLT_MATMUL_DESC_B_SCALE_POINTER: return field(o.b_scale);
    case CUBLASLT_MATMUL_DESC_C_SCALE_POINTER: return field(o.c_scale);
    case CUBLASLT_MATMUL_DESC_D_SCALE_POINTER: return field(o.d_scale);
    case CUBLASLT_MATMUL_DESC_AMAX_D_POINTER: return field(o.d_amax);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_DATA_TYPE: return field(o.aux_type);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_SCALE_POINTER: return field(o.aux_scale);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_AMAX_POINTER: return field(o.aux_amax);
    case CUBLASLT_MATMUL_DESC_FAST_ACCUM: return field(o.fast_accumulation);
    case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE: return field(o.bias_type);
    case CUBLASLT_MATMUL_DESC_A_SCALE_MODE: return field(o.scale_modes[0]);
    case CUBLASLT_MATMUL_DESC_B_SCALE_MODE: return field(o.scale_modes[1]);
    case CUBLASLT_MATMUL_DESC_C_SCALE_MODE: return field(o.scale_modes[2]);
    case CUBLASLT_MATMUL_DESC_D_SCALE_MODE: return field(o.scale_modes[3]);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_SCALE_MODE: return field(o.scale_modes[4]);
    case CUBLASLT_MATMUL_DESC_D_OUT_SCALE_POINTER: return field(o.d_out_scale);
    case CUBLASLT_MATMUL_DESC_D_OUT_SCALE_MODE: return field(o.scale_modes[5]);
    case CUBLASLT_MATMUL_DESC_EMULATION_DESCRIPTOR: return field(o.emulation);
    default: return {};
  }
}

Field preference_field(Preference& p, cublasLtMatmulPreferenceAttributes_t attribute) {
  switch (attribute) {
    case CUBLASLT_MATMUL_PREF_SEARCH_MODE: return field(p.search_mode);
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES: return field(p.workspace);
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK: return field(p.reductions);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES: return field(p.alignment[0]);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES: return field(p.alignment[1]);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES: return field(p.alignment[2]);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES: return field(p.alignment[3]);
    case CUBLASLT_MATMUL_PREF_MAX_WAVES_COUNT: return field(p.waves);
    case CUBLASLT_MATMUL_PREF_IMPL_MASK: return field(p.implementations);
  }
  return {};
}

// The types that the epilogue's arrays have unless they are set.
void set_default_types(Operation& o, int32_t d_type) {
  if (o.bias_type < 0) o.bias_type = d_type == CUDA_R_8I ? CUDA_R_32F : d_type;
  if (o.aux_type < 0) o.aux_type = d_type;
}

uint64_t digest(const Operation& o, const Layout& a, const Layout& b, const Layout& d) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (int32_t part :
       {o.compute, o.scale, o.transpose_a, o.transpose_b, int32_t(o.epilogue), o.pointer_mode, a.type, b.type,
        d.type, o.scale_modes[0], a.order, b.order, d.order, int32_t(d.batch_count > 1)})
    hash = (hash ^ uint32_t(part)) * 0x100000001b3u;
  return hash;
}

// What heuristics and products take, checked.
struct Problem {
  Operation operation;
  const Layout *a, *b, *c, *d;
};

cublasStatus_t read_problem(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation, cublasLtMatrixLayout_t a,
                            cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                            Problem* problem) {
  if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
  const Operation* known = operation_of(operation);
  if (!known || !layout_of(a) || !layout_of(b) || !layout_of(c) || !layout_of(d))
    return CUBLAS_STATUS_INVALID_VALUE;
  *problem = {*known, layout_of(a), layout_of(b), layout_of(c), layout_of(d)};
  set_default_types(problem->operation, problem->d->type);
  return check_problem(problem->operation, *problem->a, *problem->b, *problem->c, *problem->d);
}

// Algorithms, best first: with scratch memory for a split along k, and without.
constexpr int32_t kSplitId = 66, kPlainId = 67;
size_t split_workspace(const Problem& p) {
  const Layout& d = *p.d;
  return (size_t(d.rows * d.columns) * size_t(d.batch_count) * 8 + 255) / 256 * 256;
}

Algorithm make_algorithm(const Problem& p, int32_t id) {
  Algorithm algorithm = {};
  algorithm.magic = Algorithm::kMagic;
  algorithm.id = id;
  algorithm.workspace = id == kSplitId ? split_workspace(p) : 0;
  algorithm.problem = digest(p.operation, *p.a, *p.b, *p.d);
  const uint32_t c_size = uint32_t(element_size(p.d->type));
  const uint32_t a_size = is_float8(p.a->type)     ? 16
                          : p.a->type == CUDA_R_8I ? 4
                                                   : uint32_t(element_size(p.a->type));
  algorithm.alignment[0] = algorithm.alignment[1] = a_size;
  algorithm.alignment[2] = algorithm.alignment[3] = c_size;
  algorithm.split_k = id == kSplitId ? 2 : 1;
  return algorithm;
}

cublasStatus_t ordered(const char* name) {
  switch (ordered_failure(name)) {
    case cudaSuccess: return CUBLAS_STATUS_SUCCESS;
    case cudaErrorNotSupported: return CUBLAS_STATUS_NOT_SUPPORTED;
    case cudaErrorMemoryAllocation: return CUBLAS_STATUS_ALLOC_FAILED;
    default: return CUBLAS_STATUS_EXECUTION_FAILED;
  }
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  if (!handle) return CUBLAS_STATUS_INVALID_VALUE;
  *handle = nullptr;
  if (const cublasStatus_t status = ordered("cublasLtCreate"); status != CUBLAS_STATUS_SUCCESS) return status;
  int device;
  if (cudaGetDevice(&device) != cudaSuccess) return CUBLAS_STATUS_NOT_INITIALIZED;
  *handle = new cublasLtContext{device};
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

#define EMULATOR_STATUSES(X)                                                           \
  X(CUBLAS_STATUS_SUCCESS, "success")                                                  \
  X(CUBLAS_STATUS_NOT_INITIALIZED, "the library was not initialized")                  \
  X(CUBLAS_STATUS_ALLOC_FAILED, "the resource allocation failed")                      \
  X(CUBLAS_STATUS_INVALID_VALUE, "an invalid value was used as an argument")           \
  X(CUBLAS_STATUS_ARCH_MISMATCH, "an absent device architectural feature is required") \
  X(CUBLAS_STATUS_MAPPING_ERROR, "an access to GPU memory space failed")               \
  X(CUBLAS_STATUS_EXECUTION_FAILED, "the GPU program failed to execute")               \
  X(CUBLAS_STATUS_INTERNAL_ERROR, "an internal operation failed")                      \
  X(CUBLAS_STATUS_NOT_SUPPORTED, "the function is not supported")                      \
  X(CUBLAS_STATUS_LICENSE_ERROR, "the license check failed")

const char* cublasLtGetStatusName(cublasStatus_t status) {
  switch (status) {
#define EMULATOR_STATUS(name, text) \
  case name: return #name;
    EMULATOR_STATUSES(EMULATOR_STATUS)
#undef EMULATOR_STATUS
  }
  return "unknown status";
}

const char* cublasLtGetStatusString(cublasStatus_t status) {
  switch (status) {
#define EMULATOR_STATUS(name, text) \
  case name: return text;
    EMULATOR_STATUSES(EMULATOR_STATUS)
#undef EMULATOR_STATUS
  }
  return "unknown status";
}

size_t cublasLtGetVersion(void) { return CUBLAS_VERSION; }
size_t cublasLtGetCudartVersion(void) { return CUDART_VERSION; }

cublasStatus_t cublasLtGetProperty(libraryPropertyType type, int* value) {
  if (!value) return CUBLAS_STATUS_INVALID_VALUE;
  switch (type) {
    case MAJOR_VERSION: *value = CUBLAS_VER_MAJOR; return CUBLAS_STATUS_SUCCESS;
    case MINOR_VERSION: *value = CUBLAS_VER_MINOR; return CUBLAS_STATUS_SUCCESS;
    case PATCH_LEVEL: *value = CUBLAS_VER_PATCH; return CUBLAS_STATUS_SUCCESS;
  }
  return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatrixLayoutInit_internal(cublasLtMatrixLayout_t handle, size_t size,
                                                 cudaDataType type, uint64_t rows, uint64_t cols,
                                                 int64_t ld) {
  if (!handle || size < sizeof(Layout)) return CUBLAS_STATUS_INVALID_VALUE;
  const Layout layout = {Layout::kMagic, type, CUBLASLT_ORDER_COL, 1, rows, cols, ld, 0, 0, 0, 0};
  std::memcpy(handle, &layout, sizeof layout);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* handle, cudaDataType type, uint64_t rows,
                                          uint64_t cols, int64_t ld) {
  if (!handle) return CUBLAS_STATUS_INVALID_VALUE;
  *handle = new cublasLtMatrixLayoutOpaque_t;
  return cublasLtMatrixLayoutInit_internal(*handle, sizeof **handle, type, rows, cols, ld);
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t handle,
                                                cublasLtMatrixLayoutAttribute_t attribute, const void* from,
                                                size_t size) {
  Layout* layout = layout_of(handle);
  return layout ? set_field(layout_field(*layout, attribute), from, size) : CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatrixLayoutGetAttribute(cublasLtMatrixLayout_t handle,
                                                cublasLtMatrixLayoutAttribute_t attribute, void* to,
                                                size_t size, size_t* written) {
  Layout* layout = layout_of(handle);
  return layout ? get_field(layout_field(*layout, attribute), to, size, written)
                : CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulDescInit_internal(cublasLtMatmulDesc_t handle, size_t size,
                                               cublasComputeType_t compute, cudaDataType_t scale) {
  if (!handle || size < sizeof(Operation)) return CUBLAS_STATUS_INVALID_VALUE;
  Operation operation;
  std::memset(&operation, 0, sizeof operation);
  operation.magic = Operation::kMagic;
  operation.compute = compute;
  operation.scale = scale;
  operation.fill = CUBLAS_FILL_MODE_FULL;
  operation.epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  operation.bias_type = operation.aux_type = -1;
  std::memset(static_cast<void*>(handle), 0, size);
  std::memcpy(static_cast<void*>(handle), &operation, sizeof operation);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* handle, cublasComputeType_t compute,
                                        cudaDataType_t scale) {
  if (!handle) return CUBLAS_STATUS_INVALID_VALUE;
  *handle = new cublasLtMatmulDescOpaque_t;
  return cublasLtMatmulDescInit_internal(*handle, sizeof **handle, compute, scale);
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t handle,
                                              cublasLtMatmulDescAttributes_t attribute, const void* from,
                                              size_t size) {
  Operation* operation = operation_of(handle);
  return operation ? set_field(operation_field(*operation, attribute), from, size)
                   : CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulDescGetAttribute(cublasLtMatmulDesc_t handle,
                                              cublasLtMatmulDescAttributes_t attribute, void* to, size_t size,
                                              size_t* written) {
  Operation* operation = operation_of(handle);
  return operation ? get_field(operation_field(*operation, attribute), to, size, written)
                   : CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulPreferenceInit_internal(cublasLtMatmulPreference_t handle, size_t size) {
  if (!handle || size < sizeof(Preference)) return CUBLAS_STATUS_INVALID_VALUE;
  const Preference preference = {Preference::kMagic,
                                 CUBLASLT_SEARCH_BEST_FIT,
                                 0,
                                 CUBLASLT_REDUCTION_SCHEME_MASK,
                                 {256, 256, 256, 256},
                                 0,
                                 ~uint64_t(0)};
  std::memset(handle, 0, size);
  std::memcpy(handle, &preference, sizeof preference);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* handle) {
  if (!handle) return CUBLAS_STATUS_INVALID_VALUE;
  *handle = new cublasLtMatmulPreferenceOpaque_t;
  return cublasLtMatmulPreferenceInit_internal(*handle, sizeof **handle);
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t handle,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void* from, size_t size) {
  Preference* preference = preference_of(handle);
  return preference ? set_field(preference_field(*preference, attribute), from, size)
                    : CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulPreferenceGetAttribute(cublasLtMatmulPreference_t handle,
                                                    cublasLtMatmulPreferenceAttributes_t attribute, void* to,
                                                    size_t size, size_t* written) {
  Preference* preference = preference_of(handle);
  return preference ? get_field(preference_field(*preference, attribute), to, size, written)
                    : CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int requested,
                                              cublasLtMatmulHeuristicResult_t results[], int* returned) {
  plait_emulator_count(PlaitEmulatorHeuristics);
  const Preference* wish = preference_of(preference);
  if (!returned || !results || requested < 1 || !wish) return CUBLAS_STATUS_INVALID_VALUE;
  *returned = 0;
  if (const cublasStatus_t status = ordered("cublasLtMatmulAlgoGetHeuristic");
      status != CUBLAS_STATUS_SUCCESS)
    return status;
  Problem problem;
  const cublasStatus_t status = read_problem(handle, operation, a, b, c, d, &problem);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  for (int32_t id : {kSplitId, kPlainId}) {
    Algorithm algorithm = make_algorithm(problem, id);
    if (*returned == requested || algorithm.workspace > wish->workspace) continue;
    if (id == kSplitId && !(wish->reductions & CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE)) continue;
    bool fits = true;
    for (int i = 0; i < 4; ++i) fits = fits && wish->alignment[i] >= algorithm.alignment[i];
    if (!fits) continue;
    // It may rely on all that was promised.
    std::copy(wish->alignment, wish->alignment + 4, algorithm.alignment);
    cublasLtMatmulHeuristicResult_t& result = results[(*returned)++];
    std::memset(&result, 0, sizeof result);
    std::memcpy(&result.algo, &algorithm, sizeof algorithm);
    result.workspaceSize = algorithm.workspace;
    result.state = CUBLAS_STATUS_SUCCESS;
    result.wavesCount = 1;
  }
  return *returned ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

cublasStatus_t cublasLtMatmulAlgoGetIds(cublasLtHandle_t handle, cublasComputeType_t, cudaDataType_t,
                                        cudaDataType_t, cudaDataType_t, cudaDataType_t, cudaDataType_t,
                                        int requested, int ids[], int* returned) {
  if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (!ids || !returned || requested < 1) return CUBLAS_STATUS_INVALID_VALUE;
  *returned = std::min(requested, 2);
  ids[0] = kSplitId;
  if (*returned > 1) ids[1] = kPlainId;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation,
                                       cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                       cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                       const cublasLtMatmulAlgo_t* algo,
                                       cublasLtMatmulHeuristicResult_t* result) {
  Problem problem;
  const Algorithm* algorithm = algorithm_of(algo);
  const cublasStatus_t status = read_problem(handle, operation, a, b, c, d, &problem);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  if (!algorithm || !result) return CUBLAS_STATUS_INVALID_VALUE;
  if (algorithm->problem != digest(problem.operation, *problem.a, *problem.b, *problem.d))
    return CUBLAS_STATUS_NOT_SUPPORTED;
  std::memset(result, 0, sizeof *result);
  result->workspaceSize = algorithm->id == kSplitId ? split_workspace(problem) : 0;
  result->wavesCount = 1;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation, const void* alpha,
                              const void* a, cublasLtMatrixLayout_t a_layout, const void* b,
                              cublasLtMatrixLayout_t b_layout, const void* beta, const void* c,
                              cublasLtMatrixLayout_t c_layout, void* d, cublasLtMatrixLayout_t d_layout,
                              const cublasLtMatmulAlgo_t* algo, void* workspace, size_t workspace_bytes,
                              cudaStream_t stream) {
  if (const cublasStatus_t failure = ordered("cublasLtMatmul"); failure != CUBLAS_STATUS_SUCCESS)
    return failure;
  Problem problem;
  cublasStatus_t status = read_problem(handle, operation, a_layout, b_layout, c_layout, d_layout, &problem);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  const Operation& o = problem.operation;
  if (!alpha || !beta || !a || !b || !d) return CUBLAS_STATUS_INVALID_VALUE;

  int device;
  if (stream_device(stream, &device) != cudaSuccess || device != handle->device)
    return CUBLAS_STATUS_INVALID_VALUE;

  size_t needed = 0;
  uint32_t alignment[4];
  if (algo) {
    const Algorithm* algorithm = algorithm_of(algo);
    if (!algorithm || algorithm->problem != digest(o, *problem.a, *problem.b, *problem.d))
      return CUBLAS_STATUS_INVALID_VALUE;
    needed = algorithm->id == kSplitId ? split_workspace(problem) : 0;
    std::copy(algorithm->alignment, algorithm->alignment + 4, alignment);
  } else {
    const Algorithm plain = make_algorithm(problem, kPlainId);
    std::copy(plain.alignment, plain.alignment + 4, alignment);
  }
  const bool host_mode = o.pointer_mode == CUBLASLT_POINTER_MODE_HOST;
  const bool reads_c = !host_mode || !is_zero(beta, o.scale);
  const void* pointers[] = {a, b, reads_c ? c : d, d};
  for (int i = 0; i < 4; ++i)
    if (!is_aligned(pointers[i], alignment[i])) return CUBLAS_STATUS_INVALID_VALUE;
  if (workspace_bytes < needed || (needed && !workspace)) return CUBLAS_STATUS_INVALID_VALUE;
  if (workspace && !is_aligned(workspace, kWorkspaceAlignment)) return CUBLAS_STATUS_INVALID_VALUE;
  if (reads_c && c == d && std::memcmp(problem.c, problem.d, sizeof(Layout)) != 0)
    return CUBLAS_STATUS_INVALID_VALUE;
  if (workspace_bytes && workspace &&
      !is_reachable("workspace", workspace, int64_t(workspace_bytes), CUDA_R_8I))
    return CUBLAS_STATUS_EXECUTION_FAILED;
  if (!is_reachable("A", a, problem.a->elements(), problem.a->type) ||
      !is_reachable("B", b, problem.b->elements(), problem.b->type) ||
      !is_reachable("D", d, problem.d->elements(), problem.d->type) ||
      (reads_c && !is_reachable("C", c, problem.c->elements(), problem.c->type)) ||
      !is_epilogue_reachable(o, *problem.d))
    return CUBLAS_STATUS_EXECUTION_FAILED;

  Product product = {o, *problem.a, *problem.b, *problem.c, *problem.d, a, b, c, d, {}, {}, alpha, beta};
  if (host_mode) {
    std::memcpy(product.alpha, alpha, element_size(o.scale));
    std::memcpy(product.beta, beta, element_size(o.scale));
  }
  const cudaError_t queued = enqueue("cublasLtMatmul", stream, WorkKind::Library, [=] {
    if (workspace) std::memset(workspace, 0x5A, workspace_bytes);
    multiply(product);
  });
  return queued == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

cublasStatus_t cublasLtHeuristicsCacheGetCapacity(size_t* capacity) {
  if (!capacity) return CUBLAS_STATUS_INVALID_VALUE;
  *capacity = 0;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtHeuristicsCacheSetCapacity(size_t) { return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasLtLoggerSetCallback(cublasLtLoggerCallback_t) { return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasLtLoggerSetFile(FILE*) { return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasLtLoggerOpenFile(const char*) { return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasLtLoggerSetLevel(int) { return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasLtLoggerSetMask(int) { return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasLtLoggerForceDisable() { return CUBLAS_STATUS_SUCCESS; }

}  // extern "C"
#pragma GCC visibility pop
