#include "cuda/vendor/cublaslt.h"

#include <cublasLt.h>
#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "core/library.h"
#include "cuda/runtime/capture.h"
#include "cuda/runtime/memory.h"
#include "cuda/runtime/settings.h"

namespace plait::cuda {
namespace {

#ifdef PLAIT_CUDA_EMULATED
constexpr const char* kLibrary = "libplait_cublaslt_emulated.so";
#else
constexpr const char* kLibrary = "libcublasLt.so.13";
#endif
constexpr size_t kWorkspace = size_t{32} << 20;  // what NVIDIA advises for Hopper
constexpr size_t kMostPlans = 4096;              // a program of ever new shapes starts over

// cuBLASLt's functions, by name from the loaded library.
struct Functions {
  decltype(&cublasLtCreate) create;
  decltype(&cublasLtMatmul) matmul;
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic;
  decltype(&cublasLtMatmulDescInit_internal) desc_init;
  decltype(&cublasLtMatmulDescSetAttribute) desc_set;
  decltype(&cublasLtMatrixLayoutInit_internal) layout_init;
  decltype(&cublasLtMatrixLayoutSetAttribute) layout_set;
  decltype(&cublasLtMatmulPreferenceInit_internal) preference_init;
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set;
  decltype(&cublasLtGetStatusString) status_string;

  bool load(void* library) {
    const auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
      return function != nullptr;
    };
    return find(create, "cublasLtCreate") && find(matmul, "cublasLtMatmul") &&
           find(heuristic, "cublasLtMatmulAlgoGetHeuristic") &&
           find(desc_init, "cublasLtMatmulDescInit_internal") &&
           find(desc_set, "cublasLtMatmulDescSetAttribute") &&
           find(layout_init, "cublasLtMatrixLayoutInit_internal") &&
           find(layout_set, "cublasLtMatrixLayoutSetAttribute") &&
           find(preference_init, "cublasLtMatmulPreferenceInit_internal") &&
           find(preference_set, "cublasLtMatmulPreferenceSetAttribute") &&
           find(status_string, "cublasLtGetStatusString");
  }
};

const Functions* functions() {
  static const Functions* const loaded = []() -> const Functions* {
    void* library = load_library(kLibrary);
    auto table = std::make_unique<Functions>();
    return library && table->load(library) ? table.release() : nullptr;
  }();
  return loaded;
}

void check_status(cublasStatus_t status, const char* call) {
  if (__builtin_expect(status != CUBLAS_STATUS_SUCCESS, 0))
    fail<RuntimeError>("matrix product on cuda: {} failed: {}", call, functions()->status_string(status));
}

constexpr int kMostDevices = 64;

cublasLtHandle_t handle() {
  static std::mutex mutex;
  static std::atomic<cublasLtHandle_t> handles[kMostDevices];
  std::atomic<cublasLtHandle_t>& mine = handles[current_device()];
  if (cublasLtHandle_t ready = mine.load(std::memory_order_acquire)) return ready;
  std::lock_guard lock(mutex);
  if (cublasLtHandle_t ready = mine.load(std::memory_order_acquire)) return ready;
  cublasLtHandle_t fresh = nullptr;
  check_status(functions()->create(&fresh), "cublasLtCreate");
  mine.store(fresh, std::memory_order_release);
  return fresh;
}

// What decides which algorithm is best. Compared as bytes, so it has no padding that is not set.
struct Key {
  int64_t m, n, k, lda, ldb, ldc, stride_a, stride_b, stride_c, batch;
  uint8_t dtype, trans_a, trans_b, epilogue, bias, tf32, device, beta;
  uint8_t align_a, align_b, align_c, align_bias;  // powers of two, up to 256 bytes
  uint8_t dtype_b, dtype_c, dtype_bias, scales;   // scales: Scales

  bool operator==(const Key& other) const { return std::memcmp(this, &other, sizeof(Key)) == 0; }
};
static_assert(sizeof(Key) == 10 * 8 + 16);
enum Scales : uint8_t { One = 1, ByRows = 2, Result = 4, FastSums = 8 };
struct KeyHash {
  size_t operator()(const Key& key) const {
    uint64_t words[sizeof(Key) / 8], hash = 0x9e3779b97f4a7c15ull;
    std::memcpy(words, &key, sizeof(Key));
    for (const uint64_t word : words) hash = (hash ^ word) * 0xff51afd7ed558ccdull, hash ^= hash >> 32;
    return hash;
  }
};

struct Plan {
  std::atomic<bool> supported{false};
  cublasLtMatmulDescOpaque_t desc;  // copied to the stack for a call, which sets the bias's address
  cublasLtMatrixLayoutOpaque_t a, b, c, d;
  cublasLtMatmulAlgo_t algo;
  size_t workspace = 0;
};

std::atomic<int64_t> g_products{0}, g_heuristics{0};

cudaDataType data_type(DType d) {
  switch (d) {
    case DType::Float16: return CUDA_R_16F;
    case DType::BFloat16: return CUDA_R_16BF;
    case DType::Float32: return CUDA_R_32F;
    case DType::Float64: return CUDA_R_64F;
    case DType::Complex64: return CUDA_C_32F;
    case DType::Float8E4M3FN: return CUDA_R_8F_E4M3;
    case DType::Float8E5M2: return CUDA_R_8F_E5M2;
    default: return CUDA_C_64F;
  }
}
cudaDataType scale_type(DType d) { return is_reduced_float(d) || is_float8(d) ? CUDA_R_32F : data_type(d); }
cublasComputeType_t compute_type(const Key& key) {
  const DType d = to_real(static_cast<DType>(key.dtype));
  if (d == DType::Float64) return CUBLAS_COMPUTE_64F;
  return d == DType::Float32 && key.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
}

uint8_t alignment(const void* p) {
  const auto address = reinterpret_cast<uintptr_t>(p);
  uint8_t log = 0;
  while (log < 8 && !(address >> log & 1)) ++log;
  return log;
}

void set_layout(cublasLtMatrixLayoutOpaque_t& layout, cudaDataType type, int64_t rows, int64_t columns,
                int64_t ld, int64_t batch, int64_t stride) {
  const Functions& f = *functions();
  check_status(f.layout_init(&layout, sizeof(layout), type, static_cast<uint64_t>(rows),
                             static_cast<uint64_t>(columns), ld),
               "cublasLtMatrixLayoutInit");
  if (batch == 1) return;
  const auto count = static_cast<int32_t>(batch);
  check_status(f.layout_set(&layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof(count)),
               "batch count");
  check_status(f.layout_set(&layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride, sizeof(stride)),
               "batch stride");
}

cublasLtEpilogue_t epilogue_of(const Key& key) {
  switch (static_cast<Epilogue>(key.epilogue)) {
    case Epilogue::None: return key.bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
    case Epilogue::Relu: return key.bias ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU;
    case Epilogue::GeluKeep: return key.bias ? CUBLASLT_EPILOGUE_GELU_AUX_BIAS : CUBLASLT_EPILOGUE_GELU_AUX;
    case Epilogue::RowSums: return CUBLASLT_EPILOGUE_BGRADB;
    case Epilogue::Gelu: break;
  }
  return key.bias ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_GELU;
}

// cuBLASLt's matrices are column by column: c (m, n) row by row is its c' (n, m), the product of b' and a'.
std::shared_ptr<Plan> make_plan(const Key& key) {
  const Functions& f = *functions();
  auto plan = std::make_shared<Plan>();
  const auto dtype = static_cast<DType>(key.dtype);
  const cudaDataType a_type = data_type(dtype), b_type = data_type(static_cast<DType>(key.dtype_b)),
                     d_type = data_type(static_cast<DType>(key.dtype_c)),
                     bias_type = data_type(static_cast<DType>(key.dtype_bias));
  const auto set = [&](cublasLtMatmulDescAttributes_t attribute, auto value) {
    check_status(f.desc_set(&plan->desc, attribute, &value, sizeof(value)), "cublasLtMatmulDescSetAttribute");
  };
  check_status(f.desc_init(&plan->desc, sizeof(plan->desc), compute_type(key), scale_type(dtype)),
               "cublasLtMatmulDescInit");
  set(CUBLASLT_MATMUL_DESC_TRANSA, key.trans_b ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(CUBLASLT_MATMUL_DESC_TRANSB, key.trans_a ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue_of(key));
  if (key.bias) {  // the heuristic reads the alignment off the address
    set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, reinterpret_cast<const void*>(uintptr_t{1} << key.align_bias));
    set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, bias_type);
  }
  if (static_cast<Epilogue>(key.epilogue) == Epilogue::GeluKeep) {
    set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, key.ldc);
    set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_BATCH_STRIDE, key.stride_c);
    set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER,
        reinterpret_cast<const void*>(uintptr_t{1} << key.align_c));
  }
  if (key.scales) {
    const auto somewhere = reinterpret_cast<const void*>(uintptr_t{256});
    set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, somewhere);
    set(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, somewhere);
    if (key.scales & Scales::Result) set(CUBLASLT_MATMUL_DESC_D_SCALE_POINTER, somewhere);
    if (key.scales & Scales::ByRows) {
      set(CUBLASLT_MATMUL_DESC_A_SCALE_MODE, CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F);
      set(CUBLASLT_MATMUL_DESC_B_SCALE_MODE, CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F);
    }
    set(CUBLASLT_MATMUL_DESC_FAST_ACCUM, static_cast<int8_t>((key.scales & Scales::FastSums) != 0));
  }
  set_layout(plan->b, b_type, key.trans_b ? key.k : key.n, key.trans_b ? key.n : key.k, key.ldb, key.batch,
             key.stride_b);
  set_layout(plan->a, a_type, key.trans_a ? key.m : key.k, key.trans_a ? key.k : key.m, key.lda, key.batch,
             key.stride_a);
  // An 8-bit result has a C of 16 bits, which is not read.
  const bool is_8bit = is_float8(static_cast<DType>(key.dtype_c));
  set_layout(plan->c, is_8bit ? bias_type : d_type, key.n, key.m, key.ldc, key.batch, key.stride_c);
  set_layout(plan->d, d_type, key.n, key.m, key.ldc, key.batch, key.stride_c);

  cublasLtMatmulPreferenceOpaque_t preference;
  check_status(f.preference_init(&preference, sizeof(preference)), "cublasLtMatmulPreferenceInit");
  const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
    check_status(f.preference_set(&preference, attribute, &value, sizeof(value)),
                 "cublasLtMatmulPreferenceSetAttribute");
  };
  prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kWorkspace);
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, uint32_t{1} << key.align_b);
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, uint32_t{1} << key.align_a);
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, uint32_t{1} << key.align_c);
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, uint32_t{1} << key.align_c);

  cublasLtMatmulHeuristicResult_t result{};
  int found = 0;
  g_heuristics.fetch_add(1, std::memory_order_relaxed);
  const cublasStatus_t status = f.heuristic(handle(), &plan->desc, &plan->b, &plan->a, &plan->c, &plan->d,
                                            &preference, 1, &result, &found);
  plan->supported = status == CUBLAS_STATUS_SUCCESS && found > 0 && result.state == CUBLAS_STATUS_SUCCESS;
  plan->algo = result.algo;
  plan->workspace = result.workspaceSize;
  return plan;
}

std::shared_ptr<Plan> plan_for(const Key& key) {
  static std::mutex mutex;
  static auto* plans = new std::unordered_map<Key, std::shared_ptr<Plan>, KeyHash>;
  std::lock_guard lock(mutex);
  if (const auto known = plans->find(key); known != plans->end()) return known->second;
  if (plans->size() >= kMostPlans) plans->clear();  // calls that are running hold theirs
  return plans->emplace(key, make_plan(key)).first->second;
}

// Heuristics have been known to choose algorithms that the product then does not take (batches of more than
// 65535). Nothing was launched then: our own kernel takes over, once and for all.
bool finish(Plan& plan, cublasStatus_t status) {
  if (__builtin_expect(status == CUBLAS_STATUS_SUCCESS, 1)) {
    g_products.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  if (status != CUBLAS_STATUS_NOT_SUPPORTED && status != CUBLAS_STATUS_ARCH_MISMATCH)
    check_status(status, "cublasLtMatmul");
  plan.supported = false;
  return false;
}

// The scaling factors in the type in which cuBLASLt computes.
struct Factor {
  alignas(16) char bytes[16];
  Factor(const Scalar& value, DType dtype) {
    visit_stored(dtype, [&]<class T>() {
      const auto x = value.to<compute_t<T>>();
      std::memcpy(bytes, &x, sizeof(x));
    });
  }
};

}  // namespace

bool cublaslt_product(const Product& product, Epilogue epilogue, void* kept) {
  const Functions* const f = functions();
  if (!f || !(is_floating(product.dtype) || is_complex(product.dtype))) return false;
  if (product.batch_dims && product.batch[0] > INT32_MAX) return false;
  Product p = product;
  if (p.c.column != 1) {
    if (p.bias || kept) return false;
    exchange(p);
  }
  Key key{};
  key.m = p.m, key.n = p.n, key.k = p.k;
  key.trans_a = p.a.column != 1;
  key.trans_b = p.b.column != 1;
  key.lda = key.trans_a ? p.a.column : p.a.row;
  key.ldb = key.trans_b ? p.b.column : p.b.row;
  key.ldc = p.c.row;
  key.batch = p.batch_dims ? p.batch[0] : 1;
  if (p.batch_dims) key.stride_a = p.a.batch[0], key.stride_b = p.b.batch[0], key.stride_c = p.c.batch[0];
  key.dtype = key.dtype_b = static_cast<uint8_t>(p.dtype);
  key.dtype_c = key.dtype_bias = static_cast<uint8_t>(p.out_dtype);
  key.epilogue = static_cast<uint8_t>(epilogue);
  key.bias = p.bias != nullptr;
  key.tf32 = to_real(p.dtype) == DType::Float32 && settings().allow_tf32_matmul;
  key.device = static_cast<uint8_t>(current_device());
  key.beta = !p.beta.equals(0);
  key.align_a = alignment(p.a.data), key.align_b = alignment(p.b.data), key.align_c = alignment(p.c.data);
  key.align_bias = p.bias ? alignment(p.bias) : 0;
  if (kept) {
    // cuBLASLt asks for rows of a multiple of 8 elements, and for 16 bytes' alignment.
    key.align_c = std::min(key.align_c, alignment(kept));
    if (key.align_c < 4 || key.ldc % 8 || key.stride_c % 8) return false;
  }

  const RelaxedInCapture loading;  // of kernels, at their first launch
  const std::shared_ptr<Plan> plan = plan_for(key);
  if (!plan->supported) return false;
  cublasLtMatmulDescOpaque_t desc = plan->desc;
  if (p.bias)
    check_status(f->desc_set(&desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &p.bias, sizeof(p.bias)), "the bias");
  if (kept)
    check_status(f->desc_set(&desc, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, &kept, sizeof(kept)),
                 "what is kept");
  const Factor alpha(p.alpha, p.dtype), beta(p.beta, p.dtype);
  const Workspace workspace(plan->workspace);
  return finish(*plan, f->matmul(handle(), &desc, alpha.bytes, p.b.data, &plan->b, p.a.data, &plan->a,
                                 beta.bytes, p.c.data, &plan->c, p.c.data, &plan->d, &plan->algo,
                                 workspace.data(), plan->workspace, current_stream()));
}

bool cublaslt_scaled_product(const ScaledProduct& p) {
  const Functions* const f = functions();
  if (!f) return false;
  Key key{};
  key.m = p.m, key.n = p.n, key.k = p.k;
  key.trans_b = 1;
  key.lda = p.lda, key.ldb = p.ldb, key.ldc = p.ldc;
  key.batch = 1;
  key.dtype = static_cast<uint8_t>(p.a_dtype), key.dtype_b = static_cast<uint8_t>(p.b_dtype);
  key.dtype_c = static_cast<uint8_t>(p.c_dtype), key.dtype_bias = static_cast<uint8_t>(p.bias_dtype);
  key.bias = p.bias != nullptr;
  key.device = static_cast<uint8_t>(current_device());
  key.align_a = alignment(p.a), key.align_b = alignment(p.b), key.align_c = alignment(p.c);
  key.align_bias = p.bias ? alignment(p.bias) : 0;
  key.scales = static_cast<uint8_t>((p.by_rows ? Scales::ByRows : Scales::One) |
                                    (p.scale_c ? Scales::Result : 0) | (p.fast_sums ? Scales::FastSums : 0));

  const RelaxedInCapture loading;
  const std::shared_ptr<Plan> plan = plan_for(key);
  if (!plan->supported) return false;
  cublasLtMatmulDescOpaque_t desc = plan->desc;
  const auto set = [&](cublasLtMatmulDescAttributes_t attribute, const void* pointer) {
    check_status(f->desc_set(&desc, attribute, &pointer, sizeof(pointer)), "cublasLtMatmulDescSetAttribute");
  };
  set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, p.scale_b);  // the library's A is our b
  set(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, p.scale_a);
  if (p.scale_c) set(CUBLASLT_MATMUL_DESC_D_SCALE_POINTER, p.scale_c);
  if (p.bias) set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias);
  const float one = 1, zero = 0;
  const Workspace workspace(plan->workspace);
  return finish(*plan,
                f->matmul(handle(), &desc, &one, p.b, &plan->b, p.a, &plan->a, &zero, p.c, &plan->c, p.c,
                          &plan->d, &plan->algo, workspace.data(), plan->workspace, current_stream()));
}

CublasltStatistics cublaslt_statistics() { return {g_products.load(), g_heuristics.load()}; }

}  // namespace plait::cuda
