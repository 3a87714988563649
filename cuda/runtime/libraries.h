// The libraries that are loaded at run time, as far as plait.backends asks for them.
#pragma once

#include <cstdint>
#include <string_view>

namespace plait::cuda {

// For a static initialiser: `version` loads the library, and gives 0 where it is absent.
bool register_library(std::string_view name, int64_t (*version)());
int64_t library_version(std::string_view name);  // 0: absent, or unknown

}  // namespace plait::cuda
