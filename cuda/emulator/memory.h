// Device memory: for each device a range of addresses without rights, opened only while emulated device work
// runs.
#pragma once

#include <cstdint>
#include <map>

#include "cuda_runtime_api.h"

namespace emulator {

// Bytes of memory that nobody has written: huge as a float (not as near to zero as other patterns), out of
// range as an index.
constexpr int kFresh = 0x7F;
constexpr int kFreed = 0xDF;  // bytes of memory that was given back

struct Arena {
  char* base = nullptr;
  size_t reserved = 0;  // bytes of addresses
  size_t top = 0;       // bytes from the base that were ever used
  size_t total = 0;     // what cudaMalloc may give altogether
  size_t used = 0;
  bool open = false;
  std::map<char*, size_t> live;    // block: bytes asked for
  std::map<char*, size_t> unused;  // below the top: bytes
};

// Opens the memory of the devices in the mask, until close_memory().
void open_memory(uint64_t devices);
void close_memory();

cudaError_t allocate(int device, size_t bytes, void** pointer);
cudaError_t release(void* pointer);  // cudaErrorInvalidValue: no block starts there
void release_all(int device);

// Looks behind the blocks of open memory (behind 64 of them where there are more). Where something was
// written past a block's end: reports it, after who did it, and returns true.
bool find_overrun(const char* who);

// What the bytes from a pointer on are.
struct Place {
  enum { Pageable, Pinned, Device } kind = Pageable;
  int device = -1;
  bool whole = true;  // all bytes lie in one block (Device, Pinned)
};
Place locate(const void* pointer, size_t bytes);

}  // namespace emulator
