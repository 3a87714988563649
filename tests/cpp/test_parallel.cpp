// Regions that wait for a late thread, Note [Crowded processors] of core/parallel.cpp.
#include <algorithm>
#include <chrono>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "catch.h"
#include "core/parallel.h"

namespace {

using namespace plait;
using std::chrono::milliseconds;

constexpr int64_t kLength = 1000, kGrain = 100;

struct Part {
  int64_t begin, end;
  std::thread::id by;
};

// The parts of a region, in order. All but the first take so long.
std::vector<Part> parts_of_region(milliseconds late = milliseconds(0)) {
  std::vector<Part> parts;
  std::mutex mutex;
  parallel_for(0, kLength, kGrain, [&](int64_t begin, int64_t end) {
    if (begin != 0) std::this_thread::sleep_for(late);
    const std::lock_guard lock(mutex);
    parts.push_back({begin, end, std::this_thread::get_id()});
  });
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.begin < b.begin; });
  return parts;
}

bool all_by_caller(const std::vector<Part>& parts) {
  return std::all_of(parts.begin(), parts.end(),
                     [](const Part& p) { return p.by == std::this_thread::get_id(); });
}

// A thread of its own knows nothing of earlier waits; it leaves the number of threads as it was.
template <class F>
void with_two_threads(const F& f) {
  const int before = num_threads();
  set_num_threads(2);
  std::thread([&] {
    set_num_threads(2);  // OpenMP's number is the thread's own
    f();
  }).join();
  set_num_threads(before);
}

}  // namespace

TEST_CASE("after long waits the caller does all parts itself, and they are the same", "[parallel]") {
  std::vector<Part> shared, alone, after;
  bool shared_by_caller = true, alone_by_caller = false, after_by_caller = true, nested_by_caller = false;
  with_two_threads([&] {
    // Again and again behind the pause, until it is the longest, 160 ms: time enough to see what happens in
    // it.
    for (int i = 0; i < 6; ++i) {
      if (i > 0) std::this_thread::sleep_for(milliseconds(10 << i));
      shared = parts_of_region(milliseconds(20));
      shared_by_caller = all_by_caller(shared);
    }
    alone = parts_of_region();
    alone_by_caller = all_by_caller(alone);
    parallel_for(0, kLength, kGrain, [&](int64_t, int64_t) { nested_by_caller = in_parallel_region(); });
    std::this_thread::sleep_for(milliseconds(200));  // longer than the pause
    after = parts_of_region();
    after_by_caller = all_by_caller(after);
  });
  REQUIRE(shared.size() == 2);
  CHECK(!shared_by_caller);
  REQUIRE(alone.size() == shared.size());
  CHECK(alone_by_caller);
  CHECK(nested_by_caller);
  for (size_t i = 0; i < shared.size(); ++i) {
    CHECK(alone[i].begin == shared[i].begin);
    CHECK(alone[i].end == shared[i].end);
  }
  CHECK(alone.back().end == kLength);
  CHECK(!after_by_caller);
}

TEST_CASE("one long wait changes nothing, and an error leaves the region", "[parallel]") {
  bool by_caller = true, inside = true;
  with_two_threads([&] {
    parts_of_region(milliseconds(20));
    by_caller = all_by_caller(parts_of_region());
    parts_of_region(milliseconds(20));
    parts_of_region(milliseconds(20));
    try {
      parallel_for(0, kLength, kGrain, [](int64_t, int64_t) { throw std::runtime_error("a part fails"); });
    } catch (const std::runtime_error&) {
      inside = in_parallel_region();
    }
  });
  CHECK(!by_caller);
  CHECK(!inside);
}
