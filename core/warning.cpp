#include "core/warning.h"

namespace plait {

void (*warn)(const std::string& text) = [](const std::string&) {};

}  // namespace plait
