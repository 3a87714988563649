// Emitted by tools/emit_header.py from ops/create.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(IntSpan, std::optional<DType>, std::optional<Device>)> empty;
extern PLAIT_API Op<Tensor(IntSpan, std::optional<DType>, std::optional<Device>)> zeros;
extern PLAIT_API Op<Tensor(IntSpan, std::optional<DType>, std::optional<Device>)> ones;
extern PLAIT_API Op<Tensor(IntSpan, const Scalar&, std::optional<DType>, std::optional<Device>)> full;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<DType>, std::optional<Device>, std::optional<MemoryFormat>)> empty_like;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<DType>, std::optional<Device>, std::optional<MemoryFormat>)> zeros_like;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<DType>, std::optional<Device>, std::optional<MemoryFormat>)> ones_like;
extern PLAIT_API Op<Tensor(const Tensor&, const Scalar&, std::optional<DType>, std::optional<Device>, std::optional<MemoryFormat>)> full_like;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<DType>, std::optional<Device>)> new_empty;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<DType>, std::optional<Device>)> new_zeros;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<DType>, std::optional<Device>)> new_ones;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, const Scalar&, std::optional<DType>, std::optional<Device>)> new_full;
}  // namespace plait::op

namespace plait {
inline Tensor empty(IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::empty(size, dtype, device); }
inline Tensor zeros(IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::zeros(size, dtype, device); }
inline Tensor ones(IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::ones(size, dtype, device); }
inline Tensor full(IntSpan size, const Scalar& fill_value, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::full(size, fill_value, dtype, device); }
inline Tensor empty_like(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::empty_like(self, dtype, device, memory_format); }
inline Tensor empty_like_(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::empty_like.inplace(self, dtype, device, memory_format); }
inline Tensor zeros_like(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::zeros_like(self, dtype, device, memory_format); }
inline Tensor zeros_like_(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::zeros_like.inplace(self, dtype, device, memory_format); }
inline Tensor ones_like(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::ones_like(self, dtype, device, memory_format); }
inline Tensor ones_like_(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::ones_like.inplace(self, dtype, device, memory_format); }
inline Tensor full_like(const Tensor& self, const Scalar& fill_value, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::full_like(self, fill_value, dtype, device, memory_format); }
inline Tensor full_like_(const Tensor& self, const Scalar& fill_value, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::full_like.inplace(self, fill_value, dtype, device, memory_format); }
inline Tensor new_empty(const Tensor& self, IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_empty(self, size, dtype, device); }
inline Tensor new_empty_(const Tensor& self, IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_empty.inplace(self, size, dtype, device); }
inline Tensor new_zeros(const Tensor& self, IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_zeros(self, size, dtype, device); }
inline Tensor new_zeros_(const Tensor& self, IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_zeros.inplace(self, size, dtype, device); }
inline Tensor new_ones(const Tensor& self, IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_ones(self, size, dtype, device); }
inline Tensor new_ones_(const Tensor& self, IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_ones.inplace(self, size, dtype, device); }
inline Tensor new_full(const Tensor& self, IntSpan size, const Scalar& fill_value, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_full(self, size, fill_value, dtype, device); }
inline Tensor new_full_(const Tensor& self, IntSpan size, const Scalar& fill_value, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_full.inplace(self, size, fill_value, dtype, device); }
}  // namespace plait
// clang-format on
