#include "core/parallel.h"

#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <exception>

namespace plait {
namespace {

std::atomic<int> g_threads{0};

// Note [Fork]: the pool of GNU OpenMP does not survive a fork: a parallel region of several threads in the
// child would wait for threads that are not there. So the child runs with one thread, ours and oneDNN's
// alike; a region of one thread needs no pool.
const int g_at_fork = pthread_atfork(nullptr, nullptr, [] {
  g_threads.store(1, std::memory_order_relaxed);
  omp_set_num_threads(1);
});

}  // namespace

int num_threads() {
  int threads = g_threads.load(std::memory_order_relaxed);
  if (__builtin_expect(threads == 0, 0)) {
    threads = std::max(1, omp_get_max_threads());
    g_threads.store(threads, std::memory_order_relaxed);
  }
  return threads;
}

void set_num_threads(int count) {
  g_threads.store(std::max(1, count), std::memory_order_relaxed);
  omp_set_num_threads(std::max(1, count));
}

bool in_parallel_region() { return omp_in_parallel(); }

void detail::run_parallel(int64_t begin, int64_t end, int64_t grain,
                          void (*body)(const void*, int64_t, int64_t), const void* context) {
  const int64_t length = end - begin;
  const int threads =
      static_cast<int>(std::min<int64_t>(num_threads(), (length + grain - 1) / std::max<int64_t>(grain, 1)));
  std::exception_ptr error;
  std::atomic_flag failed = ATOMIC_FLAG_INIT;
#pragma omp parallel num_threads(threads)
  {
    // Parts are multiples of 64 elements, so that threads do not share cache lines of a contiguous result.
    const int64_t count = omp_get_num_threads();
    int64_t part = (length + count - 1) / count;
    if (part > 64) part = (part + 63) / 64 * 64;
    const int64_t first = begin + omp_get_thread_num() * part;
    const int64_t last = std::min(end, first + part);
    if (first < last) {
      try {
        body(context, first, last);
      } catch (...) {
        if (!failed.test_and_set()) error = std::current_exception();
      }
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace plait
