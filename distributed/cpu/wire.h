// What travels between two ranks: a header of 64 bytes, then the bytes that it announces, filled up to 64 so
// that an element never lies across the end of a ring. The header says which call the bytes belong to, so
// that ranks that have called different things find out before anything is overwritten.
#pragma once

#include <cstdint>
#include <string>

#include "distributed/communicator.h"

namespace plait::distributed {

enum class Kind : uint8_t {
  AllReduce,
  Reduce,
  Broadcast,
  AllGather,
  ReduceScatter,
  AllToAll,
  Barrier,
  Data,    // of a transfer
  Status,  // which collective the sender waits in
  Abort,   // the group has failed; the bytes say why
  Bye,     // the sender leaves in good order
};

inline constexpr uint32_t kMagic = 0x706c7431;  // "plt1"
inline constexpr size_t kAlign = 64;
inline constexpr size_t padded(size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

struct alignas(kAlign) Header {
  uint32_t magic = kMagic;
  Kind kind = Kind::Barrier;
  DType dtype = DType::UInt8;
  Reduction reduction = Reduction::Sum;
  uint8_t phase = 0;  // of a collective that runs in several
  int32_t root = -1;  // -1: the call has none
  int32_t unused = 0;
  uint64_t number = 0;  // of the collective in its group
  uint64_t numel = 0;   // of the call; 0 where ranks may differ
  uint64_t bytes = 0;   // that follow
  int64_t tag = 0;      // of a transfer
  int64_t reserved[2] = {0, 0};

  // Do two ranks mean the same call?
  bool same_call(const Header& o) const {
    return kind == o.kind && dtype == o.dtype && reduction == o.reduction && root == o.root &&
           number == o.number && numel == o.numel;
  }
};
static_assert(sizeof(Header) == kAlign);

std::string_view name(Kind kind);
std::string describe(const Header& header);  // "all_reduce(sum, float32, 10 elements)"

}  // namespace plait::distributed
