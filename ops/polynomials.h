// Which polynomial an op is asked for.
#pragma once

#include <string_view>

#include "core/export.h"
#include "ops/special_polynomials.h"

namespace plait::op {

PLAIT_API fn::PolynomialDerivative polynomial_of(std::string_view name, int64_t order);

}  // namespace plait::op
