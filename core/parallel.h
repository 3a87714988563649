// Intra-op parallelism, on the OpenMP threads that oneDNN uses too.
#pragma once

#include <cstdint>

#include "core/export.h"

namespace plait {

PLAIT_API int num_threads();
PLAIT_API void set_num_threads(int count);
PLAIT_API bool in_parallel_region();

namespace detail {
PLAIT_API void run_parallel(int64_t begin, int64_t end, int64_t grain,
                            void (*body)(const void*, int64_t, int64_t), const void* context);
}

// Calls f(begin, end) on disjoint parts of a range, on several threads where the range is longer than
// `grain`: about as many elements as are worth a fork-join (an exception in any part is thrown again in the
// caller). Nested calls run in one thread.
template <class F>
void parallel_for(int64_t begin, int64_t end, int64_t grain, const F& f) {
  if (end <= begin) return;
  if (end - begin <= grain || num_threads() == 1 || in_parallel_region()) {
    f(begin, end);
    return;
  }
  detail::run_parallel(
      begin, end, grain, [](const void* fn, int64_t b, int64_t e) { (*static_cast<const F*>(fn))(b, e); },
      &f);
}

}  // namespace plait
