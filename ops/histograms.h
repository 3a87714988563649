// Histograms of points.
#pragma once

#include "core/op.h"

namespace plait::histograms {

// The numbers of boxes along each coordinate, for arguments of _histogram that fit each other.
PLAIT_API Dims checked_boxes(const Tensor& self, TensorList edges, const Tensor& weight);

}  // namespace plait::histograms
