#include "core/math_settings.h"

namespace plait {

MathSettings& math_settings() {
  static constinit MathSettings settings;
  return settings;
}

}  // namespace plait
