#pragma once

#include "emulator/iterator.h"

namespace thrust {

template <class T>
struct constant_iterator : emulator::IteratorBase<constant_iterator<T>, T> {
  T value{};
  constant_iterator() = default;
  explicit constant_iterator(T v) : value(v) {}
  T at(ptrdiff_t) const { return value; }
};

template <class T>
constant_iterator<T> make_constant_iterator(T value) {
  return constant_iterator<T>(value);
}

}  // namespace thrust
