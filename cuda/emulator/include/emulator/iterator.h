// The arithmetic of thrust's fancy iterators: a position and a function of it.
#pragma once

#include <cstddef>
#include <iterator>

namespace emulator {

template <class Self, class T>
struct IteratorBase {
  using value_type = T;
  using reference = T;
  using pointer = const T*;
  using difference_type = ptrdiff_t;
  using iterator_category = std::random_access_iterator_tag;

  ptrdiff_t position = 0;

  T operator*() const { return self().at(position); }
  T operator[](ptrdiff_t i) const { return self().at(position + i); }
  Self operator+(ptrdiff_t n) const {
    Self moved = self();
    moved.position += n;
    return moved;
  }
  friend Self operator+(ptrdiff_t n, const Self& it) { return it + n; }
  Self operator-(ptrdiff_t n) const { return *this + -n; }
  ptrdiff_t operator-(const Self& other) const { return position - other.position; }
  Self& operator+=(ptrdiff_t n) {
    position += n;
    return static_cast<Self&>(*this);
  }
  Self& operator-=(ptrdiff_t n) { return *this += -n; }
  Self& operator++() { return *this += 1; }
  Self& operator--() { return *this += -1; }
  Self operator++(int) {
    Self before = self();
    ++position;
    return before;
  }
  friend bool operator==(const Self& a, const Self& b) { return a.position == b.position; }
  friend bool operator!=(const Self& a, const Self& b) { return a.position != b.position; }
  friend bool operator<(const Self& a, const Self& b) { return a.position < b.position; }

 private:
  const Self& self() const { return static_cast<const Self&>(*this); }
};

}  // namespace emulator
