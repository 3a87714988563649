#include "cuda/vendor/cufft.h"

#include <cufftXt.h>
#include <dlfcn.h>

#include <array>
#include <cstring>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/error.h"
#include "core/library.h"
#include "cuda/runtime/capture.h"
#include "cuda/runtime/libraries.h"
#include "cuda/runtime/memory.h"

namespace plait::cuda {
namespace {

#ifdef PLAIT_CUDA_EMULATED
constexpr const char* kLibrary = "libplait_cufft_emulated.so";
#else
constexpr const char* kLibrary = "libcufft.so.12";  // CUDA 13's
#endif
constexpr int64_t kMostPlans = 4096;  // a device, unless the program says otherwise; PyTorch's number

// cuFFT's functions, by name from the loaded library.
struct Functions {
  decltype(&cufftCreate) create;
  decltype(&cufftDestroy) destroy;
  decltype(&cufftSetAutoAllocation) set_auto_allocation;
  decltype(&cufftXtMakePlanMany) make_plan;
  decltype(&cufftSetStream) set_stream;
  decltype(&cufftSetWorkArea) set_work_area;
  decltype(&cufftXtExec) exec;
  decltype(&cufftGetVersion) version;

  bool load(void* library) {
    const auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
      return function != nullptr;
    };
    return find(create, "cufftCreate") && find(destroy, "cufftDestroy") &&
           find(set_auto_allocation, "cufftSetAutoAllocation") && find(make_plan, "cufftXtMakePlanMany") &&
           find(set_stream, "cufftSetStream") && find(set_work_area, "cufftSetWorkArea") &&
           find(exec, "cufftXtExec") && find(version, "cufftGetVersion");
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

const char* name_of(cufftResult status) {
  switch (status) {
    case CUFFT_SUCCESS: return "CUFFT_SUCCESS";
    case CUFFT_INVALID_PLAN: return "CUFFT_INVALID_PLAN";
    case CUFFT_ALLOC_FAILED: return "CUFFT_ALLOC_FAILED (the device's memory is full)";
    case CUFFT_INVALID_TYPE: return "CUFFT_INVALID_TYPE";
    case CUFFT_INVALID_VALUE: return "CUFFT_INVALID_VALUE";
    case CUFFT_INTERNAL_ERROR: return "CUFFT_INTERNAL_ERROR (in the driver or the library)";
    case CUFFT_EXEC_FAILED: return "CUFFT_EXEC_FAILED (a kernel could not be run)";
    case CUFFT_SETUP_FAILED: return "CUFFT_SETUP_FAILED (the library could not be started)";
    case CUFFT_INVALID_SIZE: return "CUFFT_INVALID_SIZE (the size is not supported)";
    case CUFFT_UNALIGNED_DATA: return "CUFFT_UNALIGNED_DATA";
    case CUFFT_INVALID_DEVICE: return "CUFFT_INVALID_DEVICE (the plan is another device's)";
    case CUFFT_NO_WORKSPACE: return "CUFFT_NO_WORKSPACE";
    case CUFFT_NOT_IMPLEMENTED: return "CUFFT_NOT_IMPLEMENTED";
    case CUFFT_NOT_SUPPORTED: return "CUFFT_NOT_SUPPORTED";
    default: return "an unknown status";
  }
}

void check_status(cufftResult status, const char* call) {
  if (__builtin_expect(status != CUFFT_SUCCESS, 0))
    fail<RuntimeError>("fft on cuda: {} failed: {} ({})", call, name_of(status), static_cast<int>(status));
}

// A plan is bound to a stream and to scratch memory for each run, which is one thread's at a time.
struct Plan {
  cufftHandle handle = 0;
  size_t workspace = 0;
  int device = 0;
  // A graph that replays its kernels reads its tables: such a plan is never destroyed.
  bool captured = false;
  std::mutex mutex;

  Plan() = default;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  ~Plan() {
    if (captured || forked()) return;
    const DeviceGuard guard(device);
    const RelaxedCapture freeing;  // its tables, while another thread's graph may be captured
    functions()->destroy(handle);
  }
};

cudaDataType type_of(const FftProblem& p, bool real) {
  if (p.is_double) return real ? CUDA_R_64F : CUDA_C_64F;
  return real ? CUDA_R_32F : CUDA_C_32F;
}

cufftResult fill_in(Plan& plan, FftProblem p) {
  return functions()->make_plan(
      plan.handle, p.rank, reinterpret_cast<long long*>(p.n), reinterpret_cast<long long*>(p.in.embed),
      p.in.stride, p.in.dist, type_of(p, p.kind == FftKind::RealToComplex),
      reinterpret_cast<long long*>(p.out.embed), p.out.stride, p.out.dist,
      type_of(p, p.kind == FftKind::ComplexToReal), p.batch, &plan.workspace, type_of(p, false));
}

std::shared_ptr<Plan> make_plan(const FftProblem& p) {
  const RelaxedCapture loading;  // of kernels and tables, which may happen while a graph is captured
  cufftResult status = CUFFT_SUCCESS;
  for (const bool again : {false, true}) {
    if (again) empty_cache();
    cufftHandle handle = 0;
    check_status(functions()->create(&handle), "cufftCreate");
    auto plan = std::make_shared<Plan>();
    plan->handle = handle;
    plan->device = current_device();
    // Scratch memory comes from the allocator, in stream order, and is shared by all plans.
    check_status(functions()->set_auto_allocation(handle, 0), "cufftSetAutoAllocation");
    status = fill_in(*plan, p);
    if (status == CUFFT_SUCCESS) return plan;
    if (status != CUFFT_ALLOC_FAILED || captures_underway() != 0) break;
  }
  const std::string text =
      message("fft on cuda: cufftXtMakePlanMany failed for sizes {} in a batch of {}: {} ({})",
              std::span<const int64_t>(p.n, p.rank), p.batch, name_of(status), static_cast<int>(status));
  if (status == CUFFT_ALLOC_FAILED) throw OutOfMemoryError(text);
  throw RuntimeError(text);
}

struct SameProblem {
  bool operator()(const FftProblem& a, const FftProblem& b) const {
    return std::memcmp(&a, &b, sizeof(FftProblem)) == 0;
  }
};
struct HashProblem {
  size_t operator()(const FftProblem& problem) const {
    uint64_t words[sizeof(FftProblem) / 8], hash = 0x9e3779b97f4a7c15ull;
    std::memcpy(words, &problem, sizeof(FftProblem));
    for (const uint64_t word : words) hash = (hash ^ word) * 0xff51afd7ed558ccdull, hash ^= hash >> 32;
    return hash;
  }
};

// A device's plans, the last used first. A run holds its plan, whatever becomes of the cache meanwhile.
class DevicePlans {
 public:
  std::shared_ptr<Plan> find(const FftProblem& problem) {
    std::lock_guard lock(mutex_);
    if (const auto known = places_.find(problem); known != places_.end()) {
      plans_.splice(plans_.begin(), plans_, known->second);
      return known->second->second;
    }
    std::shared_ptr<Plan> plan = make_plan(problem);
    if (max_size_ == 0) return plan;
    shrink(max_size_ - 1);
    plans_.emplace_front(problem, plan);
    places_.emplace(problem, plans_.begin());
    return plan;
  }
  int64_t size() {
    std::lock_guard lock(mutex_);
    return static_cast<int64_t>(plans_.size());
  }
  int64_t max_size() {
    std::lock_guard lock(mutex_);
    return max_size_;
  }
  void set_max_size(int64_t size) {
    std::lock_guard lock(mutex_);
    max_size_ = size;
    shrink(size);
  }
  void clear() {
    std::lock_guard lock(mutex_);
    shrink(0);
  }

 private:
  using Entry = std::pair<FftProblem, std::shared_ptr<Plan>>;

  void shrink(int64_t size) {
    while (static_cast<int64_t>(plans_.size()) > size) {
      places_.erase(plans_.back().first);
      plans_.pop_back();
    }
  }

  std::mutex mutex_;
  int64_t max_size_ = kMostPlans;
  std::list<Entry> plans_;
  std::unordered_map<FftProblem, std::list<Entry>::iterator, HashProblem, SameProblem> places_;
};

DevicePlans& plans_of(int device) {
  static auto* plans = new std::array<DevicePlans, kMaxDevices>;  // outlives whatever runs at exit
  return (*plans)[static_cast<size_t>(device)];
}

class Cache final : public LibraryPlans {
 public:
  int64_t size(int device) override { return plans_of(device).size(); }
  int64_t max_size(int device) override { return plans_of(device).max_size(); }
  void set_max_size(int device, int64_t size) override { plans_of(device).set_max_size(size); }
  void clear(int device) override { plans_of(device).clear(); }
};

[[maybe_unused]] const bool registered =
    register_library("cufft",
                     []() -> int64_t {
                       int version = 0;
                       return functions() && functions()->version(&version) == CUFFT_SUCCESS ? version : 0;
                     }) &&
    register_plan_cache("cufft", new Cache);

}  // namespace

bool cufft_is_available() { return functions() != nullptr; }

void cufft_run(const FftProblem& problem, void* in, void* out, bool forward) {
  const Functions& f = *functions();
  const std::shared_ptr<Plan> plan = plans_of(current_device()).find(problem);
  const Workspace workspace(plan->workspace);
  std::lock_guard lock(plan->mutex);
  std::optional<RelaxedCapture> loading;  // of kernels, at their first launch
  if (is_capturing()) plan->captured = true, loading.emplace();
  check_status(f.set_stream(plan->handle, current_stream()), "cufftSetStream");
  if (plan->workspace) check_status(f.set_work_area(plan->handle, workspace.data()), "cufftSetWorkArea");
  check_status(f.exec(plan->handle, in, out, forward ? CUFFT_FORWARD : CUFFT_INVERSE), "cufftXtExec");
}

}  // namespace plait::cuda
