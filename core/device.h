// Where a tensor's bytes live, and the dispatch keys that follow from it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/export.h"

namespace plait {

// Dispatch keys, lowest priority first: the top bit of a key set wins (DESIGN.md, "The dispatcher").
enum class Key : uint8_t {
  CPU,
  CUDA,
  Private1,
  Private2,
  Private3,
  Meta,
  Batched,
  Autograd,
  Autocast,
  Record
};
inline constexpr int kKeyCount = 10;

using KeySet = uint16_t;
constexpr KeySet bit(Key key) { return static_cast<KeySet>(1u << static_cast<int>(key)); }
inline constexpr KeySet kAllKeys = (1u << kKeyCount) - 1;
// Those that say where the bytes are.
inline constexpr KeySet kDeviceKeys = bit(Key::Batched) - 1;

// Device types are the backend keys, in the same order.
enum class DeviceType : uint8_t { CPU, CUDA, Private1, Private2, Private3, Meta };

struct Device {
  DeviceType type = DeviceType::CPU;
  int8_t index = -1;  // -1: the current one

  bool operator==(const Device&) const = default;
  constexpr Key key() const { return static_cast<Key>(type); }
};

inline constexpr Device kCPU{DeviceType::CPU, -1};
inline constexpr Device kMeta{DeviceType::Meta, -1};

PLAIT_API std::string to_string(Device device);        // "cpu", "cuda:0"
PLAIT_API Device parse_device(std::string_view text);  // raises ValueError with the names that exist
// An outside backend claims one of the private device types under a name of its own, before any tensor is
// made on it.
PLAIT_API DeviceType claim_device_type(std::string_view name);

}  // namespace plait
