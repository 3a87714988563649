#include "cuda/vendor/nccl_library.h"

#include <dlfcn.h>

#include <memory>
#include <type_traits>

#include "core/error.h"
#include "core/library.h"
#include "cuda/runtime/libraries.h"

namespace plait::cuda {
namespace {

#ifdef PLAIT_CUDA_EMULATED
constexpr const char* kLibrary = "libplait_nccl_emulated.so";
#else
constexpr const char* kLibrary = "libnccl.so.2";
#endif

// Null, and the reason, where it cannot be used.
const Nccl* load(std::string& reason) {
  void* library = load_library(kLibrary);
  if (!library) {
    reason = "was not found";
    return nullptr;
  }
  auto table = std::make_unique<Nccl>();
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
    if (!function && reason.empty()) reason = message("has no function {}: it is too old", name);
  };
  find(table->get_version, "ncclGetVersion");
  find(table->get_unique_id, "ncclGetUniqueId");
  find(table->init_rank, "ncclCommInitRankConfig");
  find(table->finalize, "ncclCommFinalize");
  find(table->destroy, "ncclCommDestroy");
  find(table->abort, "ncclCommAbort");
  find(table->error_string, "ncclGetErrorString");
  find(table->last_error, "ncclGetLastError");
  find(table->async_error, "ncclCommGetAsyncError");
  find(table->all_reduce, "ncclAllReduce");
  find(table->reduce, "ncclReduce");
  find(table->broadcast, "ncclBroadcast");
  find(table->all_gather, "ncclAllGather");
  find(table->reduce_scatter, "ncclReduceScatter");
  find(table->send, "ncclSend");
  find(table->receive, "ncclRecv");
  find(table->group_start, "ncclGroupStart");
  find(table->group_end, "ncclGroupEnd");
  return reason.empty() ? table.release() : nullptr;
}

struct Loaded {
  std::string reason;
  const Nccl* functions = load(reason);
};
const Loaded& loaded() {
  static const auto* result = new Loaded;  // outlives whatever runs at exit
  return *result;
}

[[maybe_unused]] const bool registered = register_library("nccl", []() -> int64_t { return nccl_version(); });

}  // namespace

const Nccl* find_nccl() { return loaded().functions; }

const Nccl& require_nccl() {
  check<RuntimeError>(loaded().functions != nullptr,
                      "nccl: NVIDIA's library {} {}; try: pip install nvidia-nccl-cu13, or put its folder on "
                      "LD_LIBRARY_PATH",
                      kLibrary, loaded().reason);
  return *loaded().functions;
}

int nccl_version() noexcept {
  int version = 0;
  const Nccl* nccl = find_nccl();
  return nccl && nccl->get_version(&version) == ncclSuccess ? version : 0;
}

std::string nccl_failure(const char* call, ncclResult_t status, ncclComm_t comm) {
  const Nccl& nccl = require_nccl();
  std::string text = message("{} failed: {} ({})", call, nccl.error_string(status), static_cast<int>(status));
  const char* last = nccl.last_error(comm);
  if (last && *last) text += message("; the library says: {}", last);
  return text;
}

}  // namespace plait::cuda
