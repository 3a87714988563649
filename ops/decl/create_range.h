// Emitted by tools/emit_header.py from ops/create_range.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Scalar&, std::optional<DType>, std::optional<Device>)> arange;
extern PLAIT_API Op<Tensor(const Scalar&, const Scalar&, std::optional<DType>, std::optional<Device>)> arange_start;
extern PLAIT_API Op<Tensor(const Scalar&, const Scalar&, const Scalar&, std::optional<DType>, std::optional<Device>)> arange_start_step;
extern PLAIT_API Op<Tensor(const Scalar&, const Scalar&, int64_t, std::optional<DType>, std::optional<Device>)> linspace;
extern PLAIT_API Op<Tensor(const Scalar&, const Scalar&, int64_t, double, std::optional<DType>, std::optional<Device>)> logspace;
extern PLAIT_API Op<Tensor(int64_t, std::optional<DType>, std::optional<Device>)> eye;
extern PLAIT_API Op<Tensor(int64_t, int64_t, std::optional<DType>, std::optional<Device>)> eye_m;
extern PLAIT_API Op<Tensor(int64_t, int64_t, int64_t, std::optional<DType>, std::optional<Device>)> tril_indices;
extern PLAIT_API Op<Tensor(int64_t, int64_t, int64_t, std::optional<DType>, std::optional<Device>)> triu_indices;
}  // namespace plait::op

namespace plait {
inline Tensor arange(const Scalar& end, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::arange(end, dtype, device); }
inline Tensor arange(const Scalar& start, const Scalar& end, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::arange_start(start, end, dtype, device); }
inline Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::arange_start_step(start, end, step, dtype, device); }
inline Tensor linspace(const Scalar& start, const Scalar& end, int64_t steps, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::linspace(start, end, steps, dtype, device); }
inline Tensor logspace(const Scalar& start, const Scalar& end, int64_t steps, double base = 10.0, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::logspace(start, end, steps, base, dtype, device); }
inline Tensor eye(int64_t n, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::eye(n, dtype, device); }
inline Tensor eye(int64_t n, int64_t m, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::eye_m(n, m, dtype, device); }
inline Tensor tril_indices(int64_t row, int64_t col, int64_t offset = 0, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::tril_indices(row, col, offset, dtype, device); }
inline Tensor triu_indices(int64_t row, int64_t col, int64_t offset = 0, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::triu_indices(row, col, offset, dtype, device); }
}  // namespace plait
// clang-format on
