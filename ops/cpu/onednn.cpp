#include "ops/cpu/onednn.h"

#include <dlfcn.h>

#include <string>

#include "core/error.h"

namespace plait::cpu {
namespace {

constexpr const char* kLibrary = "libplait_onednn.so";
constexpr const char* kSymbol = "plait_onednn_kernels";

struct Loaded {
  const OnednnKernels* kernels = nullptr;
  std::string reason;  // why not
};

std::string last_dl_error() {
  const char* text = dlerror();
  return text ? text : "unknown reason";
}

Loaded load() {
  Dl_info self{};
  if (!dladdr(reinterpret_cast<const void*>(&onednn), &self) || !self.dli_fname)
    return {nullptr, "the folder of libplait.so could not be found out"};
  std::string path = self.dli_fname;
  const size_t slash = path.rfind('/');
  path = (slash == std::string::npos ? std::string() : path.substr(0, slash + 1)) + kLibrary;
  // Never closed again: primitives, thread-locals and function pointers live in it.
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) return {nullptr, last_dl_error()};
  using Entry = const OnednnKernels* (*)();
  const auto entry = reinterpret_cast<Entry>(dlsym(library, kSymbol));
  if (!entry) return {nullptr, last_dl_error()};
  return {entry(), {}};
}

const Loaded& loaded() {
  static const Loaded result = load();
  return result;
}

}  // namespace

const OnednnKernels& onednn() {
  const Loaded& result = loaded();
  check<RuntimeError>(result.kernels != nullptr,
                      "oneDNN kernels: expected {} and libdnnl.so.3 beside libplait.so, but loading failed: "
                      "{}. Try to install "
                      "plait again, with the oneDNN kernels (CMake option PLAIT_ONEDNN=ON).",
                      kLibrary, result.reason);
  return *result.kernels;
}

const OnednnKernels* onednn_if_available() noexcept {
  try {
    return loaded().kernels;
  } catch (...) {
    return nullptr;
  }
}

}  // namespace plait::cpu
