// Ordering along a dimension. Each element becomes an unsigned key whose order is that of the values (NaN
// last, both zeros equal; inverted for a descending order), carried with its position, so that ties resolve
// to the first: every order is stable.
#pragma once

#include "core/tensor.h"

namespace plait::cpu {

// Results are contiguous, of the shape of self but for dim: n, or k elements, or one.
void sort(const Tensor& values, const Tensor& indices, const Tensor& self, int dim, bool descending);
// The k first in order, in that order where `sorted`.
void topk(const Tensor& values, const Tensor& indices, const Tensor& self, int64_t k, int dim, bool largest,
          bool sorted);
// The element at position k (from 0) in ascending order.
void kth_value(const Tensor& values, const Tensor& indices, const Tensor& self, int64_t k, int dim);
// The lower of the two in the middle: of all, or NaN if there is one; or of those that are not NaN.
void median(const Tensor& values, const Tensor& indices, const Tensor& self, int dim, bool ignore_nan);

}  // namespace plait::cpu
