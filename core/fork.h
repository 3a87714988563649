// Locks in children made by fork.
#pragma once

#include <mutex>

#include "core/export.h"

namespace plait {

// In a child, only the thread that called fork goes on: a lock that another thread held at that moment would
// stay taken for ever. A mutex named here is free in every child, since it is taken for the length of each
// fork. It must live as long as the process. While it is held, no other lock may be taken than those that
// were named before it.
PLAIT_API void hold_over_forks(std::mutex& mutex);

}  // namespace plait
