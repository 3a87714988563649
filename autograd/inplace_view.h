// x.unsqueeze_(0), x.t_(): a tensor takes the shape of a view of itself.
#pragma once

#include "autograd/variable.h"

namespace plait {

// Raises where `self` may not change its shape in place: a leaf that requires grad, with gradients on, whose
// gradient would come in another shape than what it is added to.
PLAIT_API void check_view_inplace(const char* op, const Tensor& self);

// `self` takes sizes, strides, offset and history of `view`, which a view op has just made of it with
// gradients on where self has a history. It stays the same tensor, on the same memory, and a view of what it
// was a view of. What was saved of it for a backward counts as changed: it would be found in the new shape.
PLAIT_API void become_view(const char* op, const Tensor& self, const Tensor& view);

}  // namespace plait
