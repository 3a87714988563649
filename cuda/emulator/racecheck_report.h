// What the race detector says.
#pragma once

#include <string>

#include "emulator/threads.h"
#include "racecheck.h"
#include "racecheck_shadow.h"

namespace emulator::racecheck {

// An access of the running thread that races with an earlier one.
struct Finding {
  const Region* region;
  uintptr_t address;  // of the first byte that both touch
  size_t bytes;       // of the access
  Access access;
  const void* code;
  Access earlier;  // where there is one
};

struct Position {
  uint3 block, thread;
  bool same_block, same_warp;  // as the running thread's
};
Position position_of(const Record& record);

// Places in code as 32 bits: offsets into the libraries, one behind another.
void add_code(uintptr_t base, size_t size);
uint32_t code_of(const void* code);

// What addr2line prints about a place in code, or how to ask it where it is not there: lines.
std::string look_up(const void* code, const char* options);

void begin_findings(const Launch& launch);
// Tells of the finding, and ends the launch unless findings are written to a file.
void report(const Finding& finding, const Record& earlier);
// Likewise, of an access outside of all blocks.
void report_outside(const Finding& finding);

}  // namespace emulator::racecheck
