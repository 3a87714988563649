// What plait.backends sets and kernels read.
#pragma once

#include "core/math_settings.h"

namespace plait::cuda {

using Settings = MathSettings;
inline Settings& settings() { return math_settings(); }

}  // namespace plait::cuda
