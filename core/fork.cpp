#include "core/fork.h"

#include <pthread.h>

#include <vector>

namespace plait {
namespace {

struct Held {
  std::mutex mutex;
  std::vector<std::mutex*> list;
};

Held& held();

void before_fork() {
  Held& h = held();
  h.mutex.lock();
  for (size_t i = h.list.size(); i-- > 0;) h.list[i]->lock();
}
void after_fork() {
  Held& h = held();
  for (std::mutex* mutex : h.list) mutex->unlock();
  h.mutex.unlock();
}

Held& held() {
  static auto* held = [] {
    pthread_atfork(before_fork, after_fork, after_fork);
    return new Held;  // never destroyed: forks may come at any time
  }();
  return *held;
}

}  // namespace

void hold_over_forks(std::mutex& mutex) {
  Held& h = held();
  const std::lock_guard lock(h.mutex);
  h.list.push_back(&mutex);
}

}  // namespace plait
