// Numbers that kernels computed and the host cannot go on without: shapes that depend on data.
#pragma once

#include <cstdint>

namespace plait::cuda {

// The number at `device`, of the current stream's work so far. Waits for the device, and raises what kernels
// reported.
int64_t read_back(const int64_t* device);
// The `count` numbers there.
void read_back(int64_t* numbers, const int64_t* device, int count);

}  // namespace plait::cuda
