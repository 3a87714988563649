// Libraries that are loaded when they are first needed, from the folder of libplait.so.
#pragma once

#include <string>
#include <vector>

#include "core/export.h"

namespace plait {

struct LoadedSymbol {
  void* symbol = nullptr;  // null: `reason` says why
  std::string reason;
};

// `file` beside libplait.so, or a path where it has a slash; never closed again, since function pointers and
// thread-locals live in it.
PLAIT_API LoadedSymbol load_symbol(const std::string& file, const char* symbol);

// Loads `file` from the first place that has it: already in the process, the linker's path, the folder of
// libplait.so, then NVIDIA's packages under each folder of `package_folders` (site-packages). Null where none
// has it.
PLAIT_API void* load_library(const std::string& file);
// Who knows where packages are installed (Python's bindings) says so; asked when a library is looked for.
PLAIT_API void set_package_folders(std::vector<std::string> (*provider)());

}  // namespace plait
