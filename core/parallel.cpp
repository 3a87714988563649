#include "core/parallel.h"

#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <utility>

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace plait {
namespace {

// Note [OpenMP and the thread sanitizer]
// GNU's OpenMP synchronises its threads in ways that the thread sanitizer does not see. So it is told: what
// came before a region, and in another thread's part of one, happened before what comes in it, or after. The
// function that holds the region is not looked at, since the compiler hands its variables over.
#ifdef __SANITIZE_THREAD__
#define PLAIT_OPENMP_REGION __attribute__((no_sanitize("thread")))
void hand_over(const void* what) { __tsan_release(const_cast<void*>(what)); }
void take_over(const void* what) { __tsan_acquire(const_cast<void*>(what)); }
#else
#define PLAIT_OPENMP_REGION
void hand_over(const void*) {}
void take_over(const void*) {}
#endif

std::atomic<int> g_threads{0};

// Note [Fork]: the pool of GNU OpenMP does not survive a fork: a parallel region of several threads in the
// child would wait for threads that are not there. So the child runs with one thread, ours and oneDNN's
// alike; a region of one thread needs no pool.
const int g_at_fork = pthread_atfork(nullptr, nullptr, [] {
  g_threads.store(1, std::memory_order_relaxed);
  omp_set_num_threads(1);
});

// Note [Crowded processors]
// A region ends when all of its threads have come. Where other programs hold the processors, a thread comes a
// turn of the scheduler later, which is milliseconds, however little there is for it to do. So the caller
// notes how long it waited for the others. Where that was long, out of proportion to its own part, and so
// twice in a row (a processor that wakes from sleep is late once), it does all parts of the regions that
// follow itself, for a pause that grows with every such wait, and then tries again. The parts are the same
// whoever does them, and so are results.
struct Crowd {
  using Clock = std::chrono::steady_clock;
  static constexpr Clock::duration kLongWait = std::chrono::microseconds(1000);
  static constexpr int kOutOfProportion = 4;  // times the caller's own part
  static constexpr Clock::duration kPause = std::chrono::milliseconds(10),
                                   kLongestPause = std::chrono::milliseconds(160);

  bool is_alone(Clock::time_point now) const { return now < alone_until; }
  void note(Clock::time_point begin, Clock::time_point own_end, Clock::time_point end) {
    if (end - own_end < std::max(kLongWait, kOutOfProportion * (own_end - begin))) {
      pause = kPause;
      late_before = false;
      return;
    }
    if (!std::exchange(late_before, true)) return;
    alone_until = end + pause;
    pause = std::min(2 * pause, kLongestPause);
  }

  Clock::time_point alone_until{};
  Clock::duration pause = kPause;
  bool late_before = false;
};
constinit thread_local Crowd t_crowd;
constinit thread_local bool t_in_region = false;  // while a caller does all parts itself

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

bool in_parallel_region() { return omp_in_parallel() || t_in_region; }

namespace {

struct Region {
  int64_t begin, end;
  void (*body)(const void*, int64_t, int64_t);
  const void* context;

  // Part `index` of `count`. Parts are multiples of 64 elements, so that threads do not share cache lines of
  // a contiguous result.
  void run(int64_t index, int64_t count) const {
    int64_t part = (end - begin + count - 1) / count;
    if (part > 64) part = (part + 63) / 64 * 64;
    const int64_t first = begin + index * part, last = std::min(end, first + part);
    if (first < last) body(context, first, last);
  }
};

void run_alone(const Region& region, int threads) {
  struct Inside {
    Inside() { t_in_region = true; }
    ~Inside() { t_in_region = false; }
  } const inside;
  for (int i = 0; i < threads; ++i) region.run(i, threads);
}

}  // namespace

PLAIT_OPENMP_REGION void detail::run_parallel(int64_t begin, int64_t end, int64_t grain,
                                              void (*body)(const void*, int64_t, int64_t),
                                              const void* context) {
  const int64_t length = end - begin;
  const int threads =
      static_cast<int>(std::min<int64_t>(num_threads(), (length + grain - 1) / std::max<int64_t>(grain, 1)));
  const Region region{begin, end, body, context};
  const Crowd::Clock::time_point start = Crowd::Clock::now();
  if (t_crowd.is_alone(start)) return run_alone(region, threads);
  Crowd::Clock::time_point own_end;
  std::exception_ptr error;
  std::atomic_flag failed = ATOMIC_FLAG_INIT;
  hand_over(&region);
#pragma omp parallel num_threads(threads)
  {
    take_over(&region);
    try {
      region.run(omp_get_thread_num(), omp_get_num_threads());
    } catch (...) {
      if (!failed.test_and_set()) error = std::current_exception();
    }
    if (omp_get_thread_num() == 0) own_end = Crowd::Clock::now();
    hand_over(&region);
  }
  take_over(&region);
  t_crowd.note(start, own_end, Crowd::Clock::now());
  if (error) std::rethrow_exception(error);
}

}  // namespace plait
