// The margin losses' parts that need all pairs, in ops: for devices without kernels of their own, and for
// derivatives.
#pragma once

#include "core/tensor.h"

namespace plait::margin_losses {

// max(0, margin - x_t + x_c) for x (n, classes) and t (n), zero for c = t.
PLAIT_API Tensor beyond_margin(const Tensor& x, const Tensor& target, double margin);

// Of rows of labels that end before the first negative number: which places are listed, the labels there (0
// elsewhere), and which classes are labels, the first and last as numbers of x's dtype.
struct Labels {
  Tensor listed, label, is_label;
};
PLAIT_API Labels labels_of(const Tensor& x, const Tensor& target);
// 1 - x_j + x_i for the labels j and the classes i: (n, labels, classes).
PLAIT_API Tensor between_classes(const Tensor& x, const Labels& labels);
// Which of these count, as numbers of x's dtype.
PLAIT_API Tensor pairs_of(const Labels& labels);

}  // namespace plait::margin_losses
