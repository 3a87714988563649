#include "cuda/vendor/nccl_watchdog.h"

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#include "cuda/runtime/device.h"
#include "cuda/vendor/nccl_group.h"

namespace plait::cuda {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(20);
constexpr auto kPatienceAtExit = std::chrono::seconds(1);  // a round may hang in the driver

struct Watchdog {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::shared_ptr<NcclGroup>> groups;
  bool running = false, stopping = false;
};
Watchdog& watchdog() {
  static auto* only = new Watchdog;  // the thread may outlast what is destroyed at exit
  return *only;
}

void run() {
  Watchdog& dog = watchdog();
  const RelaxedCapture relaxed;  // captures of other threads are not disturbed by its questions
  std::unique_lock lock(dog.mutex);
  while (!dog.stopping) {
    if (dog.groups.empty()) {
      dog.changed.wait(lock);
      continue;
    }
    std::vector<std::shared_ptr<NcclGroup>> round = dog.groups;
    lock.unlock();
    std::vector<NcclGroup*> quiet;
    for (const auto& group : round) {
      bool busy = true;
      try {
        busy = group->look();
      } catch (const std::exception&) {  // the process is at its end, or out of memory: again next time
      }
      if (!busy) quiet.push_back(group.get());
    }
    round.clear();
    lock.lock();
    // One entry of each: it may have been given again meanwhile.
    for (const NcclGroup* group : quiet)
      dog.groups.erase(std::find_if(dog.groups.begin(), dog.groups.end(),
                                    [&](const auto& known) { return known.get() == group; }));
    if (!dog.stopping) dog.changed.wait_for(lock, kInterval, [&] { return dog.stopping; });
  }
  dog.running = false;
  dog.changed.notify_all();
}

void stop() {
  if (forked()) return;
  Watchdog& dog = watchdog();
  std::unique_lock lock(dog.mutex);
  dog.stopping = true;
  dog.changed.notify_all();
  dog.changed.wait_for(lock, kPatienceAtExit, [&] { return !dog.running; });
}

}  // namespace

void watch(std::shared_ptr<NcclGroup> group) {
  Watchdog& dog = watchdog();
  std::lock_guard lock(dog.mutex);
  if (dog.stopping) return;
  dog.groups.push_back(std::move(group));
  if (!dog.running) {
    std::thread(run).detach();
    dog.running = true;
    static const int registered = std::atexit(stop);
    (void)registered;
  }
  dog.changed.notify_all();
}

}  // namespace plait::cuda
