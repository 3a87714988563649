// The libraries that are loaded at run time, as far as plait.backends asks for them.
#pragma once

#include <cstdint>
#include <string_view>

namespace plait::cuda {

// For a static initialiser: `version` loads the library, and gives 0 where it is absent.
bool register_library(std::string_view name, int64_t (*version)());
int64_t library_version(std::string_view name);  // 0: absent, or unknown

// What a library has prepared for problems that it met, for each device.
class LibraryPlans {
 public:
  virtual ~LibraryPlans() = default;
  virtual int64_t size(int device) = 0;
  virtual int64_t max_size(int device) = 0;
  virtual void set_max_size(int device, int64_t size) = 0;
  virtual void clear(int device) = 0;
};
bool register_plan_cache(std::string_view library, LibraryPlans* cache);
// Raises RuntimeError where the build has none.
LibraryPlans& plan_cache(std::string_view library);

}  // namespace plait::cuda
