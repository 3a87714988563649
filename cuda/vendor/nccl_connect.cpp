#include "cuda/vendor/nccl_connect.h"

#include <unistd.h>

#include <cstring>
#include <vector>

#include "core/error.h"
#include "cuda/runtime/stream.h"

namespace plait::cuda {
namespace {

using distributed::Exchange;
using distributed::GroupOptions;

// What a rank says of itself: one line.
struct Place {
  std::string host, device;  // the name of the machine, the GPU's address on its bus
  int version = 0;           // of NCCL

  std::string text() const { return message("{} {} {}", host, device, version); }
  static Place parse(const std::string& line) {
    Place place;
    const size_t first = line.find(' '), second = line.find(' ', first + 1);
    place.host = line.substr(0, first);
    place.device = line.substr(first + 1, second - first - 1);
    place.version = std::atoi(line.c_str() + second + 1);
    return place;
  }
};

Place own_place(int device) {
  Place place;
  char host[256] = {}, address[32] = {};
  gethostname(host, sizeof host - 1);
  check_cuda(cudaDeviceGetPCIBusId(address, sizeof address, device));
  place.host = host;
  place.device = address;
  place.version = nccl_version();
  return place;
}

std::string hex_of(const ncclUniqueId& id) {
  std::string text;
  for (const char byte : id.internal) {
    constexpr const char* digits = "0123456789abcdef";
    text += digits[static_cast<unsigned char>(byte) >> 4];
    text += digits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}
ncclUniqueId id_of(const std::string& text) {
  ncclUniqueId id{};
  const auto value = [](char c) { return c >= 'a' ? c - 'a' + 10 : c - '0'; };
  for (size_t i = 0; i < sizeof id.internal && 2 * i + 1 < text.size(); ++i)
    id.internal[i] = static_cast<char>(value(text[2 * i]) << 4 | value(text[2 * i + 1]));
  return id;
}

ncclUniqueId new_id() {
  ncclUniqueId id{};
  const ncclResult_t status = require_nccl().get_unique_id(&id);
  check<RuntimeError>(status == ncclSuccess, "init_process_group: {}",
                      nccl_failure("ncclGetUniqueId", status, nullptr));
  return id;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end == std::string::npos ? text.size() : end + 1;
  }
  return lines;
}

// Rank 0 hears of all the others, and tells them the communicator's id and who is where; or why there is
// none.
constexpr const char* kRankKey = "nccl/rank/";
constexpr const char* kWorldKey = "nccl/world";
constexpr const char* kFailed = "failed: ";

struct World {
  ncclUniqueId id;
  std::vector<Place> places;
};

World gather_places(const GroupOptions& options, const Place& own) {
  World world{new_id(), {own}};
  std::string summary = hex_of(world.id) + "\n" + own.text();
  std::string failure;
  for (int rank = 1; rank < options.size && failure.empty(); ++rank) {
    std::string line;
    try {
      line = options.exchange.get(kRankKey + std::to_string(rank));
    } catch (const std::exception& error) {
      failure = message("rank {} of group '{}' did not come: {}", rank, options.name, error.what());
      break;
    }
    world.places.push_back(Place::parse(line));
    summary += "\n" + line;
    const int version = world.places.back().version;
    if (version != own.version)
      failure = message("rank 0 has version {} of NCCL, rank {} has {}; install the same everywhere",
                        own.version, rank, version);
  }
  options.exchange.put(kWorldKey, failure.empty() ? summary : kFailed + failure);
  check<RuntimeError>(failure.empty(), "init_process_group: nccl: {}", failure);
  return world;
}

World hear_of_world(const GroupOptions& options, const Place& own) {
  options.exchange.put(kRankKey + std::to_string(options.rank), own.text());
  std::string text;
  try {
    text = options.exchange.get(kWorldKey);
  } catch (const std::exception& error) {
    fail<RuntimeError>(
        "init_process_group: nccl: rank {} of {} of group '{}' heard nothing from rank 0, which waits for "
        "all "
        "ranks: {}",
        options.rank, options.size, options.name, error.what());
  }
  check<RuntimeError>(!text.starts_with(kFailed), "init_process_group: nccl: {}",
                      text.substr(text.starts_with(kFailed) ? std::strlen(kFailed) : 0));
  const std::vector<std::string> lines = lines_of(text);
  World world{id_of(lines.at(0)), {}};
  for (size_t i = 1; i < lines.size(); ++i) world.places.push_back(Place::parse(lines[i]));
  return world;
}

// NCCL refuses that, in words that do not say what to change.
std::string shared_devices(const World& world) {
  for (size_t a = 0; a < world.places.size(); ++a)
    for (size_t b = 0; b < a; ++b)
      if (world.places[a].host == world.places[b].host && world.places[a].device == world.places[b].device)
        return message(
            "; ranks {} and {} both use the GPU {} of {}: each rank needs one of its own, chosen by "
            "plait.cuda.set_device(local_rank) or init_process_group(device_id=...)",
            b, a, world.places[a].device, world.places[a].host);
  return {};
}

}  // namespace

std::shared_ptr<NcclGroup> connect_nccl(const GroupOptions& options, int device) {
  const Nccl& nccl = require_nccl();
  const DeviceGuard guard(device);
  const Place own = own_place(device);
  const World world = options.size == 1   ? World{new_id(), {own}}
                      : options.rank == 0 ? gather_places(options, own)
                                          : hear_of_world(options, own);

  auto group = std::make_shared<NcclGroup>(options, device);
  const std::lock_guard lock(group->calls_mutex());
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;  // else a rank that does not come is waited for without an end
#if NCCL_VERSION_CODE >= 22700
  config.commName = group->options().name.c_str();  // which lives as long as the communicator
#endif
  try {
    ncclComm_t handle = nullptr;
    const ncclResult_t status = nccl.init_rank(&handle, options.size, world.id, options.rank, &config);
    group->handle() = handle;
    group->settle(status, "ncclCommInitRankConfig", nullptr, group->deadline());
  } catch (const Error& error) {
    fail<RuntimeError>("init_process_group: {}{}", error.what(), shared_devices(world));
  }
  return group;
}

}  // namespace plait::cuda
