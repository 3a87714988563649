// Which libraries for communication there are.
#include <map>
#include <mutex>

#include "distributed/communicator.h"

namespace plait::distributed {
namespace {

struct Library {
  DeviceType device;
  MakeCommunicator make;
  std::function<bool()> is_there;  // may be empty
};
struct Libraries {
  std::mutex mutex;
  std::map<std::string, Library> by_name;
};
Libraries& libraries() {
  static auto* all = new Libraries;  // outlives the libraries that are unloaded at exit
  return *all;
}

Library find(const std::string& name) {
  Libraries& all = libraries();
  std::lock_guard lock(all.mutex);
  if (const auto found = all.by_name.find(name); found != all.by_name.end()) return found->second;
  std::string known;
  for (const auto& [other, library] : all.by_name) known += (known.empty() ? "'" : ", '") + other + "'";
  fail<ValueError>(
      "init_process_group: there is no library for communication named '{}' here, only {}; 'nccl' wants a "
      "build with CUDA, a GPU and NVIDIA's libnccl.so.2 (pip install nvidia-nccl-cu13)",
      name, known);
}

}  // namespace

std::string_view name(Reduction reduction) {
  static constexpr std::string_view names[] = {"sum", "avg", "product", "min", "max", "band", "bor", "bxor"};
  return names[static_cast<int>(reduction)];
}

void register_library(std::string name, DeviceType device, MakeCommunicator make,
                      std::function<bool()> is_there) {
  Libraries& all = libraries();
  std::lock_guard lock(all.mutex);
  all.by_name[std::move(name)] = {device, std::move(make), std::move(is_there)};
}

bool has_library(const std::string& name) {
  std::function<bool()> is_there;
  {
    Libraries& all = libraries();
    std::lock_guard lock(all.mutex);
    const auto found = all.by_name.find(name);
    if (found == all.by_name.end()) return false;
    is_there = found->second.is_there;
  }
  return !is_there || is_there();
}

DeviceType library_device(const std::string& name) { return find(name).device; }

CommunicatorPtr make_communicator(const std::string& library, const GroupOptions& options) {
  check(options.size >= 1 && options.rank >= 0 && options.rank < options.size,
        "init_process_group: expected a rank from 0 to {}, got {}", options.size - 1, options.rank);
  return find(library).make(options);
}

}  // namespace plait::distributed
