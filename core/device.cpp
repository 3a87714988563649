#include "core/device.h"

#include <charconv>
#include <mutex>

#include "core/error.h"

namespace plait {
namespace {

std::mutex g_names_mutex;
std::string g_names[6] = {"cpu", "cuda", "", "", "", "meta"};  // private ones are empty until claimed

}  // namespace

std::string to_string(Device device) {
  std::lock_guard lock(g_names_mutex);
  std::string text = g_names[static_cast<int>(device.type)];
  if (device.index >= 0 && device.type != DeviceType::CPU) text += ":" + std::to_string(device.index);
  return text;
}

Device parse_device(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string_view type = text.substr(0, colon);
  int index = -1;
  bool good = true;
  if (colon != std::string_view::npos) {
    const std::string_view digits = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    good = error == std::errc() && end == digits.data() + digits.size() && index >= 0 && index < 128;
  }
  std::lock_guard lock(g_names_mutex);
  std::string known;
  for (int i = 0; i < 6; ++i) {
    if (g_names[i].empty()) continue;
    if (good && g_names[i] == type)
      return {static_cast<DeviceType>(i), static_cast<int8_t>(i == 0 ? -1 : index)};
    known += (known.empty() ? "'" : ", '") + g_names[i] + "'";
  }
  fail<ValueError>("device: expected one of {} with an optional index such as 'cuda:0', got '{}'", known,
                   text);
}

DeviceType claim_device_type(std::string_view name) {
  std::lock_guard lock(g_names_mutex);
  for (int i = 0; i < 6; ++i)
    if (g_names[i] == name) fail<ValueError>("claim_device_type: the name '{}' is taken", name);
  for (int i = 2; i < 5; ++i) {
    if (!g_names[i].empty()) continue;
    g_names[i] = name;
    return static_cast<DeviceType>(i);
  }
  fail<RuntimeError>("claim_device_type: all three private device types are taken; '{}' cannot be added",
                     name);
}

}  // namespace plait
