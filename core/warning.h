// What a program should be told although nothing failed.
#pragma once

#include <string>

#include "core/export.h"

namespace plait {

// Installed by the bindings, where it is Python's warnings.warn (UserWarning, at the caller's line); a filter
// may make an error of it, which is thrown. Without bindings nothing is said.
PLAIT_API extern void (*warn)(const std::string& text);

}  // namespace plait
