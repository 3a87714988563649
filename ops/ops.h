// Every op as a C++ function, with the names and defaults it has in Python; `name_` is the in-place form.
// Emitted by tools/emit_header.py from the declarations in ops/*.cpp: do not edit.
#pragma once

#include <limits>

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(IntSpan, std::optional<DType>, std::optional<Device>)> empty;
extern PLAIT_API Op<Tensor(IntSpan, std::optional<DType>, std::optional<Device>)> zeros;
extern PLAIT_API Op<Tensor(const Tensor&)> _conj;
extern PLAIT_API Op<Tensor(const Tensor&)> conj;
extern PLAIT_API Op<Tensor(const Tensor&)> neg;
extern PLAIT_API Op<Tensor(const Tensor&)> zero;
extern PLAIT_API Op<Tensor(const Tensor&, DType)> _convert;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan, IntSpan, int64_t, IntSpan)> _view_accumulate;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan, int64_t, IntSpan)> _view_read;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan, std::optional<int64_t>)> as_strided;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> div;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> fill;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> mul;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan, int64_t, IntSpan)> _view_write;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan, std::optional<int64_t>)> _as_strided_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, bool)> copy;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Scalar&)> add;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Scalar&)> sub;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<MemoryFormat>)> clone;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<MemoryFormat>)> contiguous;
}  // namespace plait::op

namespace plait {
inline Tensor _as_strided_backward(const Tensor& self, const Tensor& input, IntSpan size, IntSpan stride, std::optional<int64_t> storage_offset) { return op::_as_strided_backward(self, input, size, stride, storage_offset); }
inline Tensor _conj(const Tensor& self) { return op::_conj(self); }
inline Tensor _convert(const Tensor& self, DType dtype) { return op::_convert(self, dtype); }
inline Tensor _view_accumulate(const Tensor& self, IntSpan base_size, IntSpan size, IntSpan stride, int64_t offset, IntSpan base_stride) { return op::_view_accumulate(self, base_size, size, stride, offset, base_stride); }
inline Tensor _view_read(const Tensor& self, IntSpan size, IntSpan stride, int64_t offset, IntSpan base_stride) { return op::_view_read(self, size, stride, offset, base_stride); }
inline Tensor _view_write(const Tensor& self, const Tensor& src, IntSpan size, IntSpan stride, int64_t offset, IntSpan base_stride) { return op::_view_write(self, src, size, stride, offset, base_stride); }
inline Tensor add(const Tensor& self, const Tensor& other, const Scalar& alpha = 1) { return op::add(self, other, alpha); }
inline Tensor add_(const Tensor& self, const Tensor& other, const Scalar& alpha = 1) { return op::add.inplace(self, other, alpha); }
inline Tensor as_strided(const Tensor& self, IntSpan size, IntSpan stride, std::optional<int64_t> storage_offset = std::nullopt) { return op::as_strided(self, size, stride, storage_offset); }
inline Tensor as_strided_(const Tensor& self, IntSpan size, IntSpan stride, std::optional<int64_t> storage_offset = std::nullopt) { return op::as_strided.inplace(self, size, stride, storage_offset); }
inline Tensor clone(const Tensor& self, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::clone(self, memory_format); }
inline Tensor clone_(const Tensor& self, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::clone.inplace(self, memory_format); }
inline Tensor conj(const Tensor& self) { return op::conj(self); }
inline Tensor conj_(const Tensor& self) { return op::conj.inplace(self); }
inline Tensor contiguous(const Tensor& self, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::contiguous(self, memory_format); }
inline Tensor contiguous_(const Tensor& self, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::contiguous.inplace(self, memory_format); }
inline Tensor copy(const Tensor& self, const Tensor& src, bool non_blocking = false) { return op::copy(self, src, non_blocking); }
inline Tensor copy_(const Tensor& self, const Tensor& src, bool non_blocking = false) { return op::copy.inplace(self, src, non_blocking); }
inline Tensor div(const Tensor& self, const Tensor& other) { return op::div(self, other); }
inline Tensor div_(const Tensor& self, const Tensor& other) { return op::div.inplace(self, other); }
inline Tensor empty(IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::empty(size, dtype, device); }
inline Tensor fill(const Tensor& self, const Tensor& value) { return op::fill(self, value); }
inline Tensor fill_(const Tensor& self, const Tensor& value) { return op::fill.inplace(self, value); }
inline Tensor mul(const Tensor& self, const Tensor& other) { return op::mul(self, other); }
inline Tensor mul_(const Tensor& self, const Tensor& other) { return op::mul.inplace(self, other); }
inline Tensor neg(const Tensor& self) { return op::neg(self); }
inline Tensor neg_(const Tensor& self) { return op::neg.inplace(self); }
inline Tensor sub(const Tensor& self, const Tensor& other, const Scalar& alpha = 1) { return op::sub(self, other, alpha); }
inline Tensor sub_(const Tensor& self, const Tensor& other, const Scalar& alpha = 1) { return op::sub.inplace(self, other, alpha); }
inline Tensor zero(const Tensor& self) { return op::zero(self); }
inline Tensor zero_(const Tensor& self) { return op::zero.inplace(self); }
inline Tensor zeros(IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::zeros(size, dtype, device); }
}  // namespace plait
// clang-format on
