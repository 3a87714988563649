// Where in the user's program something was asked for: kept cheaply, made readable only in a report.
#pragma once

#include <string>
#include <vector>

#include "core/export.h"

namespace plait {

// An interned code object and an instruction offset.
struct CallSite {
  void* code = nullptr;
  int instruction = 0;
};

// Installed by the bindings.
PLAIT_API extern CallSite (*current_call_site)() noexcept;     // the innermost call
PLAIT_API extern std::string (*describe_call_site)(CallSite);  // "train.py:12 in step"
// All calls of the thread, the outermost first; and their text, as Python prints a traceback.
PLAIT_API extern std::vector<CallSite> (*current_call_stack)();
PLAIT_API extern std::string (*describe_call_stack)(const std::vector<CallSite>&);

}  // namespace plait
