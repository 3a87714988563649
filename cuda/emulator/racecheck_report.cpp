#include "racecheck_report.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "device.h"
#include "kernels.h"

namespace emulator::racecheck {

namespace {

struct Library {
  uintptr_t base;
  size_t size;
  uint32_t first;  // the code of its base
};
std::vector<Library>& libraries() {
  static auto& them = *new std::vector<Library>;
  return them;
}

Launch running;
std::set<std::tuple<const void*, uint32_t, uint32_t>>& told() {  // kernel and the two places
  static auto& findings = *new std::set<std::tuple<const void*, uint32_t, uint32_t>>;
  return findings;
}

const char* log_path() { return std::getenv("PLAIT_CUDA_RACECHECK_LOG"); }

const void* address_of(uint32_t code) {
  for (const Library& it : libraries())
    if (code - it.first < it.size) return reinterpret_cast<const void*>(it.base + (code - it.first));
  return nullptr;
}

}  // namespace

std::string look_up(const void* code, const char* options) {
  Dl_info info;
  if (!code || !dladdr(code, &info) || !info.dli_fname) return "?\n";
  char command[4096];
  const int length =
      std::snprintf(command, sizeof command, "addr2line %s '%s' 0x%zx", options, info.dli_fname,
                    size_t(static_cast<const char*>(code) - static_cast<char*>(info.dli_fbase)));
  std::string found;
  if (FILE* pipe = popen((std::string(command, size_t(length)) + " 2>/dev/null").c_str(), "r")) {
    char part[512];
    while (std::fgets(part, sizeof part, pipe)) found += part;
    pclose(pipe);
  }
  return found.empty() ? std::string("`") + command + "`\n" : found;
}

namespace {

// A line for the place and one for each function that it was inlined into. A return address lies behind the
// call.
std::string source_of(const void* code) {
  const std::string lines = look_up(code ? static_cast<const char*>(code) - 1 : nullptr, "-ipe");
  std::string indented;
  for (size_t at = 0; at < lines.size();) {
    const size_t end = std::min(lines.find('\n', at), lines.size() - 1);
    indented += "      " + lines.substr(at, end + 1 - at);
    at = end + 1;
  }
  return indented;
}

std::string print(uint3 at) {
  return "(" + std::to_string(at.x) + ", " + std::to_string(at.y) + ", " + std::to_string(at.z) + ")";
}

const char* name_of(Access access) {
  return access == Access::Read ? "a read" : access == Access::Write ? "a write" : "an atomic operation";
}

std::string describe_memory(const Region& region, uintptr_t address) {
  char text[256];
  const size_t offset = address - region.base();
  if (region.kind() == Region::Kind::Dynamic) {
    std::snprintf(text, sizeof text, "byte %zu of %zu of dynamic shared memory", offset,
                  running.shared_bytes);
  } else if (region.kind() == Region::Kind::Static) {
    std::snprintf(text, sizeof text, "a variable in shared memory (%p)", reinterpret_cast<void*>(address));
  } else {
    const auto& live = device(region.device()).arena.live;
    auto block = live.upper_bound(reinterpret_cast<char*>(address));
    if (block == live.begin()) return "device memory that is not allocated";
    --block;
    std::snprintf(text, sizeof text, "device memory, byte %zu of the allocation of %zu bytes at %p",
                  size_t(reinterpret_cast<char*>(address) - block->first), block->second,
                  static_cast<void*>(block->first));
  }
  return text;
}

std::string describe_access(const Finding& finding) {
  return std::string("  ") + name_of(finding.access) + " of " + std::to_string(finding.bytes) +
         " bytes by block " + print(blockIdx) + ", thread " + print(threadIdx) + " at\n" +
         source_of(finding.code);
}

// Without a log each finding ends its launch; with one it is told of once.
bool is_new(const Finding& finding, uint32_t earlier) {
  const auto places = std::minmax({code_of(finding.code), earlier});
  return !log_path() || told().insert({running.kernel, places.first, places.second}).second;
}

// Writes the finding down. False: it is to end the launch.
bool tell(std::string text) {
  text += "  in a launch of grid " + print({running.grid.x, running.grid.y, running.grid.z}) + ", block " +
          print({running.block.x, running.block.y, running.block.z}) + " of\n      " +
          look_up(running.kernel, "-Cfpe");
  FILE* file = log_path() ? std::fopen(log_path(), "a") : nullptr;
  if (!file) {
    std::fputs(text.c_str(), stderr);
    return false;
  }
  if (const char* test = std::getenv("PYTEST_CURRENT_TEST")) text += std::string("  during ") + test + "\n";
  std::fputs((text + "\n").c_str(), file);
  std::fclose(file);
  return true;
}

bool tell_of_race(const Finding& finding, const Record& earlier) {
  if (!is_new(finding, earlier.code)) return true;
  const Position other = position_of(earlier);
  const char* missing = other.same_warp    ? "lanes of one warp, which have not met in between (__syncwarp)"
                        : other.same_block ? "threads of one block with no __syncthreads() in between"
                                           : "threads of different blocks, which nothing orders";
  return tell("CUDA emulator: race on " + describe_memory(*finding.region, finding.address) + "\n  between " +
              missing + "\n" + describe_access(finding) + "  after " + name_of(finding.earlier) +
              " by block " + print(other.block) + ", thread " + print(other.thread) + " at\n" +
              source_of(address_of(earlier.code)));
}

bool tell_of_outside(const Finding& finding) {
  if (!is_new(finding, 0)) return true;
  return tell("CUDA emulator: out of bounds: " + describe_memory(*finding.region, finding.address) + "\n" +
              describe_access(finding));
}

}  // namespace

void add_code(uintptr_t base, size_t size) {
  uint32_t first = 1;
  for (const Library& it : libraries()) {
    if (it.base == base) return;
    first = std::max(first, it.first + static_cast<uint32_t>(it.size));
  }
  libraries().push_back({base, size, first});
}

uint32_t code_of(const void* code) {
  const auto address = reinterpret_cast<uintptr_t>(code);
  for (const Library& it : libraries())
    if (address - it.base < it.size) return it.first + static_cast<uint32_t>(address - it.base);
  return 0;
}

void begin_findings(const Launch& launch) { running = launch; }

void report(const Finding& finding, const Record& earlier) {
  // Nothing of what tells of it is on the stack any more, which is abandoned.
  if (!tell_of_race(finding, earlier)) abandon_launch(cudaErrorLaunchFailure);
}
void report_outside(const Finding& finding) {
  if (!tell_of_outside(finding)) abandon_launch(cudaErrorIllegalAddress);
}

}  // namespace emulator::racecheck
