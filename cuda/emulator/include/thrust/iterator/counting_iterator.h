#pragma once

#include "emulator/iterator.h"

namespace thrust {

template <class T>
struct counting_iterator : emulator::IteratorBase<counting_iterator<T>, T> {
  T first{};
  counting_iterator() = default;
  explicit counting_iterator(T value) : first(value) {}
  T at(ptrdiff_t i) const { return static_cast<T>(first + static_cast<T>(i)); }
};

template <class T>
counting_iterator<T> make_counting_iterator(T value) {
  return counting_iterator<T>(value);
}

}  // namespace thrust
