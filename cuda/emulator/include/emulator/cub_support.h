// What CUB's algorithms share here: the two calls (how much scratch memory, then the work), queueing, checks.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <iterator>
#include <type_traits>
#include <utility>
#include <vector>

#include "cuda_runtime.h"

namespace emulator {

constexpr int kScratchUsed =
    0x5A;  // what the scratch memory is filled with, as an algorithm would scribble on it

// With scratch = null: says how many bytes are needed. Otherwise checks the scratch memory and queues `body`.
template <class Body>
cudaError_t cub_algorithm(const char* name, void* scratch, size_t& scratch_bytes, size_t needed,
                          cudaStream_t stream, Body body) {
  needed = (needed + 511) / 256 * 256;  // never zero
  if (!scratch) {
    scratch_bytes = needed;
    return cudaSuccess;
  }
  if (scratch_bytes < needed || !is_device_accessible(scratch, needed)) return cudaErrorInvalidValue;
  Body looked_at = body;
  if (!is_device_argument(name, describe_argument(looked_at))) return cudaErrorInvalidValue;
  return enqueue(name, stream, WorkKind::Library, [=]() mutable {
    std::memset(scratch, kScratchUsed, needed);
    body();
  });
}

template <class Iterator>
using ValueOf = std::remove_cv_t<std::remove_reference_t<decltype(std::declval<Iterator>()[0])>>;

// Whether two arguments are the same array, where an algorithm cannot work in place.
template <class A, class B>
bool is_same_array(A a, B b) {
  if constexpr (std::is_pointer_v<A> && std::is_pointer_v<B>)
    return a && static_cast<const volatile void*>(a) == static_cast<const volatile void*>(b);
  else
    return false;
}

}  // namespace emulator
