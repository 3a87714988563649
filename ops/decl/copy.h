// Emitted by tools/emit_header.py from ops/copy.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, bool)> copy;
extern PLAIT_API Op<Tensor(const Tensor&, DType)> _convert;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> _converted;
extern PLAIT_API Op<Tensor(const Tensor&, Device, bool)> _to_device;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<MemoryFormat>)> clone;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> fill;
extern PLAIT_API Op<Tensor(const Tensor&)> zero;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<MemoryFormat>)> contiguous;
}  // namespace plait::op

namespace plait {
inline Tensor copy(const Tensor& self, const Tensor& src, bool non_blocking = false) { return op::copy(self, src, non_blocking); }
inline Tensor copy_(const Tensor& self, const Tensor& src, bool non_blocking = false) { return op::copy.inplace(self, src, non_blocking); }
inline Tensor _convert(const Tensor& self, DType dtype) { return op::_convert(self, dtype); }
inline Tensor _converted(const Tensor& self, const Tensor& lower) { return op::_converted(self, lower); }
inline Tensor _to_device(const Tensor& self, Device device, bool non_blocking = false) { return op::_to_device(self, device, non_blocking); }
inline Tensor clone(const Tensor& self, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::clone(self, memory_format); }
inline Tensor clone_(const Tensor& self, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::clone.inplace(self, memory_format); }
inline Tensor fill(const Tensor& self, const Tensor& value) { return op::fill(self, value); }
inline Tensor fill_(const Tensor& self, const Tensor& value) { return op::fill.inplace(self, value); }
inline Tensor zero(const Tensor& self) { return op::zero(self); }
inline Tensor zero_(const Tensor& self) { return op::zero.inplace(self); }
inline Tensor contiguous(const Tensor& self, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::contiguous(self, memory_format); }
inline Tensor contiguous_(const Tensor& self, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::contiguous.inplace(self, memory_format); }
}  // namespace plait
// clang-format on
