#pragma once

#include <type_traits>
#include <utility>

#include "emulator/iterator.h"

namespace thrust {

template <class F, class Iterator>
using transformed = std::remove_cv_t<
    std::remove_reference_t<decltype(std::declval<const F&>()(std::declval<const Iterator&>()[0]))>>;

template <class F, class Iterator>
struct transform_iterator
    : emulator::IteratorBase<transform_iterator<F, Iterator>, transformed<F, Iterator>> {
  Iterator from;
  F function;
  transform_iterator(Iterator it, F f) : from(it), function(f) {}
  auto at(ptrdiff_t i) const { return transformed<F, Iterator>(function(from[i])); }
};

template <class F, class Iterator>
transform_iterator<F, Iterator> make_transform_iterator(Iterator it, F f) {
  return {it, f};
}

}  // namespace thrust
