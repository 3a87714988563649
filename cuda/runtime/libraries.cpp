#include "cuda/runtime/libraries.h"

#include <utility>
#include <vector>

#include "core/error.h"

namespace plait::cuda {
namespace {

// A function's static: registered before this file's own initialisers may have run.
std::vector<std::pair<std::string_view, int64_t (*)()>>& libraries() {
  static std::vector<std::pair<std::string_view, int64_t (*)()>> all;
  return all;
}
std::vector<std::pair<std::string_view, LibraryPlans*>>& plan_caches() {
  static std::vector<std::pair<std::string_view, LibraryPlans*>> all;
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

bool register_plan_cache(std::string_view library, LibraryPlans* cache) {
  plan_caches().emplace_back(library, cache);
  return true;
}

LibraryPlans& plan_cache(std::string_view library) {
  for (const auto& [known, cache] : plan_caches())
    if (known == library) return *cache;
  fail<RuntimeError>(
      "cuda: this build of plait knows no {}, whose headers were not found when it was built; build it again "
      "with a CUDA toolkit, or after pip install nvidia-{}",
      library, library);
}

}  // namespace plait::cuda
