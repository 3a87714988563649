#include "arguments.h"

#include <sys/mman.h>

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string>

#include "api.h"
#include "device.h"
#include "memory.h"
#include "racecheck_report.h"

namespace emulator {
namespace {

// A kernel here can read whatever the process can; on a GPU it dies of a vector's data, of a literal, of a
// table of function pointers. So what is passed by value is looked at before it is queued: pointers by their
// type, structs by each of their words. A word is taken for a pointer to the host's memory if a page is
// mapped there, which the kernel of the machine is asked (mincore), since a list of mappings would be out of
// date. Few words get that far: numbers below 2^40 (small integers, sizes, and the heap of a program that is
// not position independent) and above 2^47 (floats, negative numbers, pairs of integers mostly) are no
// addresses of ours.
#ifdef __SANITIZE_ADDRESS__
constexpr uint64_t kLowest = 0x10007fff8000;  // its notes on memory are mapped below
#else
constexpr uint64_t kLowest = 1ull << 40;
#endif
constexpr uint64_t kHighest = 1ull << 47;
constexpr uint64_t kPage = 4096;  // no allocation lies in the first: offsets from null

bool is_mapped(uint64_t address) {
  unsigned char resident;
  return mincore(reinterpret_cast<void*>(address & ~(kPage - 1)), 1, &resident) == 0;
}

enum class Wrong { No, Host, OtherDevice, NotAllocated };

Wrong look_at(uint64_t word, bool is_pointer) {
  if (word < (is_pointer ? kPage : kLowest) || word >= kHighest) return Wrong::No;
  Place place = locate(reinterpret_cast<void*>(word), 0);
  if (place.kind == Place::Pageable ||
      !place.whole) {  // the end of a block is no address to read, but one to have
    const Place before = locate(reinterpret_cast<void*>(word - 1), 0);
    if (before.kind != Place::Pageable && before.whole) place = before;
  }
  switch (place.kind) {
    case Place::Device:
      if (!place.whole) {
        // Most of a device's addresses were never given to anybody, and may be two integers side by side.
        const Arena& arena = device(place.device).arena;
        return is_pointer || word - reinterpret_cast<uint64_t>(arena.base) < arena.top ? Wrong::NotAllocated
                                                                                       : Wrong::No;
      }
      return current_device().reachable() >> place.device & 1 ? Wrong::No : Wrong::OtherDevice;
    case Place::Pinned: return Wrong::No;
    default: return is_mapped(word) ? Wrong::Host : Wrong::No;
  }
}

// What lies at an address, as /proc/self/maps names it.
std::string mapping_of(uint64_t address) {
  std::string found = "anonymous";
  std::FILE* maps = std::fopen("/proc/self/maps", "r");
  char line[1024];
  while (maps && std::fgets(line, sizeof line, maps)) {
    uint64_t from, to;
    char name[512] = "";
    if (std::sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %*s %511[^\n]", &from, &to, name) < 2)
      continue;
    if (address < from || address >= to) continue;
    if (*name) found = name;
    break;
  }
  if (maps) std::fclose(maps);
  return found;
}

// What is wrong with `argument`: ", at byte 16, is 0x..., memory of the host". Empty: nothing.
std::string complaint(const Argument& argument) {
  if (argument.kind == Argument::Number) return {};
  const auto* bytes = static_cast<const char*>(argument.bytes);
  for (size_t at = 0; at + sizeof(uint64_t) <= argument.size; at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, bytes + at, sizeof word);
    const Wrong wrong = look_at(word, argument.kind == Argument::Pointer);
    if (wrong == Wrong::No) continue;
    char place[64] = "";
    if (argument.kind == Argument::Struct) std::snprintf(place, sizeof place, ", at byte %zu,", at);
    char value[64];
    std::snprintf(value, sizeof value, " is 0x%" PRIx64 ", ", word);
    const std::string what = wrong == Wrong::Host
                                 ? "memory of the host that is not page-locked: " + mapping_of(word)
                             : wrong == Wrong::OtherDevice
                                 ? "memory of another device, which device " +
                                       std::to_string(current_device().index) + " cannot use"
                                 : "device memory that is not allocated (freed, or past the end of a block)";
    return place + (value + what);
  }
  return {};
}

}  // namespace

bool check_arguments(const void* kernel, const Argument* arguments, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const std::string wrong = complaint(arguments[i]);
    if (wrong.empty()) continue;
    std::fprintf(stderr, "CUDA emulator: argument %zu (from 0)%s, in a launch of\n      %s", i, wrong.c_str(),
                 racecheck::look_up(kernel, "-Cfpe").c_str());
    return false;
  }
  return true;
}

bool is_device_argument(const char* api, const Argument& argument) {
  Lock lock(mutex());
  const std::string wrong = complaint(argument);
  if (!wrong.empty()) std::fprintf(stderr, "CUDA emulator: what %s was given%s\n", api, wrong.c_str());
  return wrong.empty();
}

}  // namespace emulator
