// Libraries of outside ops: loading them, and which ops came from which.
#pragma once

#include <string>
#include <vector>

#include "core/export.h"

namespace plait {

class BoxedOp;

// Loads a library that was built with plait/extension.h and returns the full names of the ops that it
// declared, in order. The ops of an earlier build of the same extension are replaced. Raises RuntimeError
// where the file is no such library or was built for another version of the ABI.
PLAIT_API std::vector<std::string> load_extension(const std::string& path);

// Called where an op is declared through the ABI, so that the loader knows whose it is.
void note_declared_op(BoxedOp& op);

}  // namespace plait
