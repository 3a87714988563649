#include "cuda/runtime/libraries.h"

#include <utility>
#include <vector>

namespace plait::cuda {
namespace {

// A function's static: registered before this file's own initialisers may have run.
std::vector<std::pair<std::string_view, int64_t (*)()>>& libraries() {
  static std::vector<std::pair<std::string_view, int64_t (*)()>> all;
  return all;
}

}  // namespace

bool register_library(std::string_view name, int64_t (*version)()) {
  libraries().emplace_back(name, version);
  return true;
}

int64_t library_version(std::string_view name) {
  for (const auto& [known, version] : libraries())
    if (known == name) return version();
  return 0;
}

}  // namespace plait::cuda
