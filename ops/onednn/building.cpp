// Note [oneDNN's own cache]
// oneDNN keeps a cache of primitives for all threads, behind a lock, and looks there whenever one is made.
// The cache is a static object of libdnnl: it is destroyed at the end of the process, while daemon threads
// may still compute, and its lock stays taken in a child made by fork() while another thread was making a
// primitive. So threads that make one are counted. At the end, and for the length of a fork, nobody new
// begins and those that have begun are waited for, but not for ever: a primitive is made in milliseconds.
// What has been made is executed without the cache. The code of `dnnl_sgemm`, which has no primitive, is such
// a static object, too.
//
// What is registered last runs first at the end. So the cache is there before close_for_good is registered;
// oneDNN's other static objects come into being with the primitives that first need them, hence it is
// registered again and again, after 1, 2, 4, 8, ... primitives.
#include "ops/onednn/building.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cstdint>
#include <cstdlib>

#include "dnnl.h"

namespace plait::cpu::dnn {
namespace {

std::atomic<int> g_building{0};
std::atomic<int> g_closed{0};  // by how many: forks, the end of the process
std::atomic<bool> g_ended{false};
std::atomic<pthread_t> g_ending{};  // the thread that ends the process
std::atomic<uint64_t> g_made{0};

constexpr int kPatience = 20000;  // times 50 microseconds

void close() {
  g_closed.fetch_add(1);
  for (int i = 0; i < kPatience && g_building.load() > 0; ++i) usleep(50);
}
void open() {
  g_closed.fetch_sub(1);
  g_closed.notify_all();
}
void open_in_child() {
  g_building = 0;  // the other threads are not here
  g_closed.fetch_sub(1);
}
const int g_at_fork = pthread_atfork(close, open, open_in_child);

void close_for_good() {
  if (g_ended.exchange(true)) return;
  g_ending = pthread_self();
  close();
}

}  // namespace

Building::Building() {
  static const bool registered = [] {
    int capacity = 0;
    dnnl_get_primitive_cache_capacity(&capacity);
    return std::atexit(close_for_good) == 0;
  }();
  (void)registered;
  for (;;) {
    g_building.fetch_add(1);
    const int closed = g_closed.load();
    if (closed == 0 || pthread_equal(g_ending, pthread_self())) return;
    g_building.fetch_sub(1);
    g_closed.wait(closed);
  }
}

Building::~Building() {
  if (std::has_single_bit(g_made.fetch_add(1) + 1)) std::atexit(close_for_good);
  g_building.fetch_sub(1);
}

}  // namespace plait::cpu::dnn
