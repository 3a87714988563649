// The switch from a floating dtype to its C++ type, for kernels that take no others.
#pragma once

#include "core/dtype.h"

namespace plait::cuda {
namespace {

template <class F>
void visit_float(DType dtype, const F& f) {
  switch (dtype) {
    case DType::Float16: return f.template operator()<Half>();
    case DType::BFloat16: return f.template operator()<BFloat16>();
    case DType::Float32: return f.template operator()<float>();
    default: return f.template operator()<double>();
  }
}

}  // namespace
}  // namespace plait::cuda
