// Functions in which the lanes of a warp meet. Every lane named in the mask that has not returned must come,
// as on a GPU since Volta; a lane that does not come, or comes to another function, ends the launch with an
// error.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "emulator/threads.h"

namespace emulator {

enum class LaneOp {
  Sync,
  Shuffle,
  Ballot,
  MatchAny,
  MatchAll,
  AddUnsigned,  // also for int: the bits are the same
  MinUnsigned,
  MaxUnsigned,
  MinSigned,
  MaxSigned,
  And,
  Or,
  Xor,
};

#pragma GCC visibility push(default)
// `source` is the lane whose value this lane asks for (Shuffle only). What a lane that does not take part
// would give is undefined; here it is 0x7F7F...
uint64_t meet_lanes(LaneOp op, unsigned mask, uint64_t value, unsigned source = 0);
#pragma GCC visibility pop

inline unsigned lane() { return thread_rank % 32; }

template <class T>
T shuffle(unsigned mask, T value, unsigned source) {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) <= 8, "CUDA shuffles numbers of up to 8 bytes");
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = meet_lanes(LaneOp::Shuffle, mask, bits, source);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

}  // namespace emulator

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  const unsigned segment = emulator::lane() & ~unsigned(width - 1);
  return emulator::shuffle(mask, value, segment | (unsigned(source) & unsigned(width - 1)));
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const unsigned lane = emulator::lane(), segment = lane & ~unsigned(width - 1);
  return emulator::shuffle(mask, value, lane - segment >= delta ? lane - delta : lane);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const unsigned lane = emulator::lane(), last = lane | unsigned(width - 1);
  return emulator::shuffle(mask, value, last - lane >= delta ? lane + delta : lane);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32) {
  const unsigned lane = emulator::lane(), last = lane | unsigned(width - 1);
  const unsigned source = (lane ^ unsigned(lanes)) % 32;
  return emulator::shuffle(mask, value, source <= last ? source : lane);
}

inline void __syncwarp(unsigned mask = 0xffffffffu) { emulator::meet_lanes(emulator::LaneOp::Sync, mask, 0); }
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  return unsigned(emulator::meet_lanes(emulator::LaneOp::Ballot, mask, predicate != 0));
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate == 0) == 0; }
// CUDA promises no more than the calling lane: which others run beside it is the hardware's affair.
inline unsigned __activemask() { return 1u << emulator::lane(); }

template <class T>
unsigned __match_any_sync(unsigned mask, T value) {
  static_assert(std::is_arithmetic_v<T> && (sizeof(T) == 4 || sizeof(T) == 8),
                "CUDA matches 4 and 8 byte numbers");
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  return unsigned(emulator::meet_lanes(emulator::LaneOp::MatchAny, mask, bits));
}
template <class T>
unsigned __match_all_sync(unsigned mask, T value, int* predicate) {
  static_assert(std::is_arithmetic_v<T> && (sizeof(T) == 4 || sizeof(T) == 8),
                "CUDA matches 4 and 8 byte numbers");
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  const unsigned lanes = unsigned(emulator::meet_lanes(emulator::LaneOp::MatchAll, mask, bits));
  *predicate = lanes != 0;
  return lanes;
}

#define EMULATOR_WARP_REDUCTION(name, T, op)                                               \
  inline T name(unsigned mask, T value) {                                                  \
    return T(unsigned(emulator::meet_lanes(emulator::LaneOp::op, mask, unsigned(value)))); \
  }
EMULATOR_WARP_REDUCTION(__reduce_add_sync, unsigned, AddUnsigned)
EMULATOR_WARP_REDUCTION(__reduce_add_sync, int, AddUnsigned)
EMULATOR_WARP_REDUCTION(__reduce_min_sync, unsigned, MinUnsigned)
EMULATOR_WARP_REDUCTION(__reduce_min_sync, int, MinSigned)
EMULATOR_WARP_REDUCTION(__reduce_max_sync, unsigned, MaxUnsigned)
EMULATOR_WARP_REDUCTION(__reduce_max_sync, int, MaxSigned)
EMULATOR_WARP_REDUCTION(__reduce_and_sync, unsigned, And)
EMULATOR_WARP_REDUCTION(__reduce_or_sync, unsigned, Or)
EMULATOR_WARP_REDUCTION(__reduce_xor_sync, unsigned, Xor)
#undef EMULATOR_WARP_REDUCTION
