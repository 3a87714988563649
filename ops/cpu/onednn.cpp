#include "ops/cpu/onednn.h"

#include <string>

#include "core/error.h"
#include "core/library.h"

namespace plait::cpu {
namespace {

constexpr const char* kLibrary = "libplait_onednn.so";
constexpr const char* kSymbol = "plait_onednn_kernels";

struct Loaded {
  const OnednnKernels* kernels = nullptr;
  std::string reason;  // why not
};

const Loaded& loaded() {
  static const Loaded result = [] {
    const LoadedSymbol entry = load_symbol(kLibrary, kSymbol);
    using Entry = const OnednnKernels* (*)();
    return Loaded{entry.symbol ? reinterpret_cast<Entry>(entry.symbol)() : nullptr, entry.reason};
  }();
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
