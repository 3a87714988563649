#include "launch_log.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

namespace emulator::launch_log {
namespace {

template <class... A>
void write(const char* format, A... a) {
  const char* path = std::getenv("PLAIT_CUDA_EMULATOR_LOG");
  if (!path || !*path) return;
  FILE* file = std::fopen(path, "a");
  if (!file) return;
  std::fprintf(file, format, a...);
  std::fclose(file);
}

}  // namespace

void kernel(const void* function, dim3 grid, dim3 block, size_t shared) {
  Dl_info info{};
  if (!function || !dladdr(function, &info)) return;
  write("kernel %s %tx %u %u %u %u %u %u %zu\n", info.dli_fname,
        static_cast<const char*>(function) - static_cast<const char*>(info.dli_fbase), grid.x, grid.y, grid.z,
        block.x, block.y, block.z, shared);
}
void bytes(const char* what, size_t count) { write("%s %zu\n", what, count); }
void library(const char* name) { write("library %s\n", name); }

}  // namespace emulator::launch_log
