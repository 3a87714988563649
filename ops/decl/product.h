// Emitted by tools/emit_header.py from ops/product.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<DType>)> prod;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, bool, std::optional<DType>)> prod_dim_int;
}  // namespace plait::op

namespace plait {
inline Tensor prod(const Tensor& self, std::optional<DType> dtype = std::nullopt) { return op::prod(self, dtype); }
inline Tensor prod_(const Tensor& self, std::optional<DType> dtype = std::nullopt) { return op::prod.inplace(self, dtype); }
inline Tensor prod(const Tensor& self, int64_t dim, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::prod_dim_int(self, dim, keepdim, dtype); }
inline Tensor prod_(const Tensor& self, int64_t dim, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::prod_dim_int.inplace(self, dim, keepdim, dtype); }
}  // namespace plait
// clang-format on
