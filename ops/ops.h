// Every op as a C++ function, with the names and defaults it has in Python; `name_` is the in-place form.
// Emitted by tools/emit_header.py from the declarations in ops/*.cpp: do not edit.
#pragma once

#include <limits>

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(IntSpan, const Scalar&, std::optional<DType>, std::optional<Device>)> full;
extern PLAIT_API Op<Tensor(IntSpan, std::optional<DType>, std::optional<Device>)> empty;
extern PLAIT_API Op<Tensor(IntSpan, std::optional<DType>, std::optional<Device>)> ones;
extern PLAIT_API Op<Tensor(IntSpan, std::optional<DType>, std::optional<Device>)> zeros;
extern PLAIT_API Op<Tensor(TensorList)> cartesian_prod;
extern PLAIT_API Op<Tensor(TensorList)> column_stack;
extern PLAIT_API Op<Tensor(TensorList)> dstack;
extern PLAIT_API Op<Tensor(TensorList)> hstack;
extern PLAIT_API Op<Tensor(TensorList)> vstack;
extern PLAIT_API Op<Tensor(TensorList, int64_t)> cat;
extern PLAIT_API Op<Tensor(TensorList, int64_t)> concat;
extern PLAIT_API Op<Tensor(TensorList, int64_t)> concatenate;
extern PLAIT_API Op<Tensor(TensorList, int64_t)> stack;
extern PLAIT_API Op<Tensor(const Scalar&, const Scalar&, const Scalar&, std::optional<DType>, std::optional<Device>)> arange_start_step;
extern PLAIT_API Op<Tensor(const Scalar&, const Scalar&, int64_t, double, std::optional<DType>, std::optional<Device>)> logspace;
extern PLAIT_API Op<Tensor(const Scalar&, const Scalar&, int64_t, std::optional<DType>, std::optional<Device>)> linspace;
extern PLAIT_API Op<Tensor(const Scalar&, const Scalar&, std::optional<DType>, std::optional<Device>)> arange_start;
extern PLAIT_API Op<Tensor(const Scalar&, std::optional<DType>, std::optional<Device>)> arange;
extern PLAIT_API Op<Tensor(const Tensor&)> T;
extern PLAIT_API Op<Tensor(const Tensor&)> _conj;
extern PLAIT_API Op<Tensor(const Tensor&)> alias;
extern PLAIT_API Op<Tensor(const Tensor&)> conj;
extern PLAIT_API Op<Tensor(const Tensor&)> detach;
extern PLAIT_API Op<Tensor(const Tensor&)> mT;
extern PLAIT_API Op<Tensor(const Tensor&)> neg;
extern PLAIT_API Op<Tensor(const Tensor&)> ravel;
extern PLAIT_API Op<Tensor(const Tensor&)> squeeze;
extern PLAIT_API Op<Tensor(const Tensor&)> t;
extern PLAIT_API Op<Tensor(const Tensor&)> zero;
extern PLAIT_API Op<Tensor(const Tensor&, DType)> _convert;
extern PLAIT_API Op<Tensor(const Tensor&, DType)> view_dtype;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> broadcast_to;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> expand;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> permute;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> reshape;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> squeeze_dim;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> view;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan)> moveaxis;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan)> movedim;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan, IntSpan, int64_t, IntSpan)> _view_accumulate;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan, int64_t, IntSpan)> _view_read;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan, std::optional<int64_t>)> as_strided;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, const Scalar&, std::optional<DType>, std::optional<Device>)> new_full;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<DType>, std::optional<Device>)> new_empty;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<DType>, std::optional<Device>)> new_ones;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<DType>, std::optional<Device>)> new_zeros;
extern PLAIT_API Op<Tensor(const Tensor&, const Scalar&, std::optional<DType>, std::optional<Device>, std::optional<MemoryFormat>)> full_like;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> div;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> expand_as;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> fill;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> mul;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> reshape_as;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> view_as;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan, int64_t, IntSpan)> _view_write;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan, std::optional<int64_t>)> _as_strided_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, bool)> copy;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Scalar&)> add;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Scalar&)> sub;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, int64_t)> select_scatter;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, int64_t, int64_t)> diagonal_scatter;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, std::optional<int64_t>, std::optional<int64_t>, int64_t)> slice_scatter;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> unsqueeze;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, IntSpan)> unflatten;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t)> flatten;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t)> select;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t)> swapaxes;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t)> swapdims;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t)> transpose;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t, int64_t)> diagonal;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t, int64_t)> narrow;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t, int64_t)> unfold;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, std::optional<int64_t>, std::optional<int64_t>, int64_t)> slice;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<DType>, std::optional<Device>, std::optional<MemoryFormat>)> empty_like;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<DType>, std::optional<Device>, std::optional<MemoryFormat>)> ones_like;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<DType>, std::optional<Device>, std::optional<MemoryFormat>)> zeros_like;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<MemoryFormat>)> clone;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<MemoryFormat>)> contiguous;
extern PLAIT_API Op<Tensor(int64_t, int64_t, int64_t, std::optional<DType>, std::optional<Device>)> tril_indices;
extern PLAIT_API Op<Tensor(int64_t, int64_t, int64_t, std::optional<DType>, std::optional<Device>)> triu_indices;
extern PLAIT_API Op<Tensor(int64_t, int64_t, std::optional<DType>, std::optional<Device>)> eye_m;
extern PLAIT_API Op<Tensor(int64_t, std::optional<DType>, std::optional<Device>)> eye;
extern PLAIT_API Op<std::vector<Tensor>(TensorList)> broadcast_tensors;
extern PLAIT_API Op<std::vector<Tensor>(TensorList, std::string_view)> meshgrid;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, IntSpan, int64_t)> split_sizes;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, IntSpan, int64_t)> split_with_sizes;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, IntSpan, int64_t)> tensor_split_indices;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, int64_t)> unbind;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, int64_t, int64_t)> chunk;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, int64_t, int64_t)> split;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, int64_t, int64_t)> tensor_split;
}  // namespace plait::op

namespace plait {
inline Tensor T(const Tensor& self) { return op::T(self); }
inline Tensor T_(const Tensor& self) { return op::T.inplace(self); }
inline Tensor _as_strided_backward(const Tensor& self, const Tensor& input, IntSpan size, IntSpan stride, std::optional<int64_t> storage_offset) { return op::_as_strided_backward(self, input, size, stride, storage_offset); }
inline Tensor _conj(const Tensor& self) { return op::_conj(self); }
inline Tensor _convert(const Tensor& self, DType dtype) { return op::_convert(self, dtype); }
inline Tensor _view_accumulate(const Tensor& self, IntSpan base_size, IntSpan size, IntSpan stride, int64_t offset, IntSpan base_stride) { return op::_view_accumulate(self, base_size, size, stride, offset, base_stride); }
inline Tensor _view_read(const Tensor& self, IntSpan size, IntSpan stride, int64_t offset, IntSpan base_stride) { return op::_view_read(self, size, stride, offset, base_stride); }
inline Tensor _view_write(const Tensor& self, const Tensor& src, IntSpan size, IntSpan stride, int64_t offset, IntSpan base_stride) { return op::_view_write(self, src, size, stride, offset, base_stride); }
inline Tensor add(const Tensor& self, const Tensor& other, const Scalar& alpha = 1) { return op::add(self, other, alpha); }
inline Tensor add_(const Tensor& self, const Tensor& other, const Scalar& alpha = 1) { return op::add.inplace(self, other, alpha); }
inline Tensor alias(const Tensor& self) { return op::alias(self); }
inline Tensor alias_(const Tensor& self) { return op::alias.inplace(self); }
inline Tensor arange(const Scalar& end, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::arange(end, dtype, device); }
inline Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::arange_start_step(start, end, step, dtype, device); }
inline Tensor arange(const Scalar& start, const Scalar& end, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::arange_start(start, end, dtype, device); }
inline Tensor as_strided(const Tensor& self, IntSpan size, IntSpan stride, std::optional<int64_t> storage_offset = std::nullopt) { return op::as_strided(self, size, stride, storage_offset); }
inline Tensor as_strided_(const Tensor& self, IntSpan size, IntSpan stride, std::optional<int64_t> storage_offset = std::nullopt) { return op::as_strided.inplace(self, size, stride, storage_offset); }
inline Tensor broadcast_to(const Tensor& self, IntSpan size) { return op::broadcast_to(self, size); }
inline Tensor broadcast_to_(const Tensor& self, IntSpan size) { return op::broadcast_to.inplace(self, size); }
inline Tensor cartesian_prod(TensorList tensors) { return op::cartesian_prod(tensors); }
inline Tensor cat(TensorList tensors, int64_t dim = 0) { return op::cat(tensors, dim); }
inline Tensor clone(const Tensor& self, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::clone(self, memory_format); }
inline Tensor clone_(const Tensor& self, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::clone.inplace(self, memory_format); }
inline Tensor column_stack(TensorList tensors) { return op::column_stack(tensors); }
inline Tensor concat(TensorList tensors, int64_t dim = 0) { return op::concat(tensors, dim); }
inline Tensor concatenate(TensorList tensors, int64_t dim = 0) { return op::concatenate(tensors, dim); }
inline Tensor conj(const Tensor& self) { return op::conj(self); }
inline Tensor conj_(const Tensor& self) { return op::conj.inplace(self); }
inline Tensor contiguous(const Tensor& self, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::contiguous(self, memory_format); }
inline Tensor contiguous_(const Tensor& self, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::contiguous.inplace(self, memory_format); }
inline Tensor copy(const Tensor& self, const Tensor& src, bool non_blocking = false) { return op::copy(self, src, non_blocking); }
inline Tensor copy_(const Tensor& self, const Tensor& src, bool non_blocking = false) { return op::copy.inplace(self, src, non_blocking); }
inline Tensor detach(const Tensor& self) { return op::detach(self); }
inline Tensor detach_(const Tensor& self) { return op::detach.inplace(self); }
inline Tensor diagonal(const Tensor& self, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1) { return op::diagonal(self, offset, dim1, dim2); }
inline Tensor diagonal_(const Tensor& self, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1) { return op::diagonal.inplace(self, offset, dim1, dim2); }
inline Tensor diagonal_scatter(const Tensor& self, const Tensor& src, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1) { return op::diagonal_scatter(self, src, offset, dim1, dim2); }
inline Tensor diagonal_scatter_(const Tensor& self, const Tensor& src, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1) { return op::diagonal_scatter.inplace(self, src, offset, dim1, dim2); }
inline Tensor div(const Tensor& self, const Tensor& other) { return op::div(self, other); }
inline Tensor div_(const Tensor& self, const Tensor& other) { return op::div.inplace(self, other); }
inline Tensor dstack(TensorList tensors) { return op::dstack(tensors); }
inline Tensor empty(IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::empty(size, dtype, device); }
inline Tensor empty_like(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::empty_like(self, dtype, device, memory_format); }
inline Tensor empty_like_(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::empty_like.inplace(self, dtype, device, memory_format); }
inline Tensor expand(const Tensor& self, IntSpan size) { return op::expand(self, size); }
inline Tensor expand_(const Tensor& self, IntSpan size) { return op::expand.inplace(self, size); }
inline Tensor expand_as(const Tensor& self, const Tensor& other) { return op::expand_as(self, other); }
inline Tensor expand_as_(const Tensor& self, const Tensor& other) { return op::expand_as.inplace(self, other); }
inline Tensor eye(int64_t n, int64_t m, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::eye_m(n, m, dtype, device); }
inline Tensor eye(int64_t n, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::eye(n, dtype, device); }
inline Tensor fill(const Tensor& self, const Tensor& value) { return op::fill(self, value); }
inline Tensor fill_(const Tensor& self, const Tensor& value) { return op::fill.inplace(self, value); }
inline Tensor flatten(const Tensor& self, int64_t start_dim = 0, int64_t end_dim = -1) { return op::flatten(self, start_dim, end_dim); }
inline Tensor flatten_(const Tensor& self, int64_t start_dim = 0, int64_t end_dim = -1) { return op::flatten.inplace(self, start_dim, end_dim); }
inline Tensor full(IntSpan size, const Scalar& fill_value, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::full(size, fill_value, dtype, device); }
inline Tensor full_like(const Tensor& self, const Scalar& fill_value, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::full_like(self, fill_value, dtype, device, memory_format); }
inline Tensor full_like_(const Tensor& self, const Scalar& fill_value, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::full_like.inplace(self, fill_value, dtype, device, memory_format); }
inline Tensor hstack(TensorList tensors) { return op::hstack(tensors); }
inline Tensor linspace(const Scalar& start, const Scalar& end, int64_t steps, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::linspace(start, end, steps, dtype, device); }
inline Tensor logspace(const Scalar& start, const Scalar& end, int64_t steps, double base = 10.0, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::logspace(start, end, steps, base, dtype, device); }
inline Tensor mT(const Tensor& self) { return op::mT(self); }
inline Tensor mT_(const Tensor& self) { return op::mT.inplace(self); }
inline Tensor moveaxis(const Tensor& self, IntSpan source, IntSpan destination) { return op::moveaxis(self, source, destination); }
inline Tensor moveaxis_(const Tensor& self, IntSpan source, IntSpan destination) { return op::moveaxis.inplace(self, source, destination); }
inline Tensor movedim(const Tensor& self, IntSpan source, IntSpan destination) { return op::movedim(self, source, destination); }
inline Tensor movedim_(const Tensor& self, IntSpan source, IntSpan destination) { return op::movedim.inplace(self, source, destination); }
inline Tensor mul(const Tensor& self, const Tensor& other) { return op::mul(self, other); }
inline Tensor mul_(const Tensor& self, const Tensor& other) { return op::mul.inplace(self, other); }
inline Tensor narrow(const Tensor& self, int64_t dim, int64_t start, int64_t length) { return op::narrow(self, dim, start, length); }
inline Tensor narrow_(const Tensor& self, int64_t dim, int64_t start, int64_t length) { return op::narrow.inplace(self, dim, start, length); }
inline Tensor neg(const Tensor& self) { return op::neg(self); }
inline Tensor neg_(const Tensor& self) { return op::neg.inplace(self); }
inline Tensor new_empty(const Tensor& self, IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_empty(self, size, dtype, device); }
inline Tensor new_empty_(const Tensor& self, IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_empty.inplace(self, size, dtype, device); }
inline Tensor new_full(const Tensor& self, IntSpan size, const Scalar& fill_value, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_full(self, size, fill_value, dtype, device); }
inline Tensor new_full_(const Tensor& self, IntSpan size, const Scalar& fill_value, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_full.inplace(self, size, fill_value, dtype, device); }
inline Tensor new_ones(const Tensor& self, IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_ones(self, size, dtype, device); }
inline Tensor new_ones_(const Tensor& self, IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_ones.inplace(self, size, dtype, device); }
inline Tensor new_zeros(const Tensor& self, IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_zeros(self, size, dtype, device); }
inline Tensor new_zeros_(const Tensor& self, IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_zeros.inplace(self, size, dtype, device); }
inline Tensor ones(IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::ones(size, dtype, device); }
inline Tensor ones_like(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::ones_like(self, dtype, device, memory_format); }
inline Tensor ones_like_(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::ones_like.inplace(self, dtype, device, memory_format); }
inline Tensor permute(const Tensor& self, IntSpan dims) { return op::permute(self, dims); }
inline Tensor permute_(const Tensor& self, IntSpan dims) { return op::permute.inplace(self, dims); }
inline Tensor ravel(const Tensor& self) { return op::ravel(self); }
inline Tensor ravel_(const Tensor& self) { return op::ravel.inplace(self); }
inline Tensor reshape(const Tensor& self, IntSpan shape) { return op::reshape(self, shape); }
inline Tensor reshape_(const Tensor& self, IntSpan shape) { return op::reshape.inplace(self, shape); }
inline Tensor reshape_as(const Tensor& self, const Tensor& other) { return op::reshape_as(self, other); }
inline Tensor reshape_as_(const Tensor& self, const Tensor& other) { return op::reshape_as.inplace(self, other); }
inline Tensor select(const Tensor& self, int64_t dim, int64_t index) { return op::select(self, dim, index); }
inline Tensor select_(const Tensor& self, int64_t dim, int64_t index) { return op::select.inplace(self, dim, index); }
inline Tensor select_scatter(const Tensor& self, const Tensor& src, int64_t dim, int64_t index) { return op::select_scatter(self, src, dim, index); }
inline Tensor select_scatter_(const Tensor& self, const Tensor& src, int64_t dim, int64_t index) { return op::select_scatter.inplace(self, src, dim, index); }
inline Tensor slice(const Tensor& self, int64_t dim = 0, std::optional<int64_t> start = std::nullopt, std::optional<int64_t> end = std::nullopt, int64_t step = 1) { return op::slice(self, dim, start, end, step); }
inline Tensor slice_(const Tensor& self, int64_t dim = 0, std::optional<int64_t> start = std::nullopt, std::optional<int64_t> end = std::nullopt, int64_t step = 1) { return op::slice.inplace(self, dim, start, end, step); }
inline Tensor slice_scatter(const Tensor& self, const Tensor& src, int64_t dim = 0, std::optional<int64_t> start = std::nullopt, std::optional<int64_t> end = std::nullopt, int64_t step = 1) { return op::slice_scatter(self, src, dim, start, end, step); }
inline Tensor slice_scatter_(const Tensor& self, const Tensor& src, int64_t dim = 0, std::optional<int64_t> start = std::nullopt, std::optional<int64_t> end = std::nullopt, int64_t step = 1) { return op::slice_scatter.inplace(self, src, dim, start, end, step); }
inline Tensor squeeze(const Tensor& self) { return op::squeeze(self); }
inline Tensor squeeze_(const Tensor& self) { return op::squeeze.inplace(self); }
inline Tensor squeeze(const Tensor& self, IntSpan dim) { return op::squeeze_dim(self, dim); }
inline Tensor squeeze_(const Tensor& self, IntSpan dim) { return op::squeeze_dim.inplace(self, dim); }
inline Tensor stack(TensorList tensors, int64_t dim = 0) { return op::stack(tensors, dim); }
inline Tensor sub(const Tensor& self, const Tensor& other, const Scalar& alpha = 1) { return op::sub(self, other, alpha); }
inline Tensor sub_(const Tensor& self, const Tensor& other, const Scalar& alpha = 1) { return op::sub.inplace(self, other, alpha); }
inline Tensor swapaxes(const Tensor& self, int64_t axis0, int64_t axis1) { return op::swapaxes(self, axis0, axis1); }
inline Tensor swapaxes_(const Tensor& self, int64_t axis0, int64_t axis1) { return op::swapaxes.inplace(self, axis0, axis1); }
inline Tensor swapdims(const Tensor& self, int64_t dim0, int64_t dim1) { return op::swapdims(self, dim0, dim1); }
inline Tensor swapdims_(const Tensor& self, int64_t dim0, int64_t dim1) { return op::swapdims.inplace(self, dim0, dim1); }
inline Tensor t(const Tensor& self) { return op::t(self); }
inline Tensor t_(const Tensor& self) { return op::t.inplace(self); }
inline Tensor transpose(const Tensor& self, int64_t dim0, int64_t dim1) { return op::transpose(self, dim0, dim1); }
inline Tensor transpose_(const Tensor& self, int64_t dim0, int64_t dim1) { return op::transpose.inplace(self, dim0, dim1); }
inline Tensor tril_indices(int64_t row, int64_t col, int64_t offset = 0, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::tril_indices(row, col, offset, dtype, device); }
inline Tensor triu_indices(int64_t row, int64_t col, int64_t offset = 0, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::triu_indices(row, col, offset, dtype, device); }
inline Tensor unflatten(const Tensor& self, int64_t dim, IntSpan sizes) { return op::unflatten(self, dim, sizes); }
inline Tensor unflatten_(const Tensor& self, int64_t dim, IntSpan sizes) { return op::unflatten.inplace(self, dim, sizes); }
inline Tensor unfold(const Tensor& self, int64_t dimension, int64_t size, int64_t step) { return op::unfold(self, dimension, size, step); }
inline Tensor unfold_(const Tensor& self, int64_t dimension, int64_t size, int64_t step) { return op::unfold.inplace(self, dimension, size, step); }
inline Tensor unsqueeze(const Tensor& self, int64_t dim) { return op::unsqueeze(self, dim); }
inline Tensor unsqueeze_(const Tensor& self, int64_t dim) { return op::unsqueeze.inplace(self, dim); }
inline Tensor view(const Tensor& self, DType dtype) { return op::view_dtype(self, dtype); }
inline Tensor view_(const Tensor& self, DType dtype) { return op::view_dtype.inplace(self, dtype); }
inline Tensor view(const Tensor& self, IntSpan size) { return op::view(self, size); }
inline Tensor view_(const Tensor& self, IntSpan size) { return op::view.inplace(self, size); }
inline Tensor view_as(const Tensor& self, const Tensor& other) { return op::view_as(self, other); }
inline Tensor view_as_(const Tensor& self, const Tensor& other) { return op::view_as.inplace(self, other); }
inline Tensor vstack(TensorList tensors) { return op::vstack(tensors); }
inline Tensor zero(const Tensor& self) { return op::zero(self); }
inline Tensor zero_(const Tensor& self) { return op::zero.inplace(self); }
inline Tensor zeros(IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::zeros(size, dtype, device); }
inline Tensor zeros_like(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::zeros_like(self, dtype, device, memory_format); }
inline Tensor zeros_like_(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::zeros_like.inplace(self, dtype, device, memory_format); }
inline std::vector<Tensor> broadcast_tensors(TensorList tensors) { return op::broadcast_tensors(tensors); }
inline std::vector<Tensor> chunk(const Tensor& self, int64_t chunks, int64_t dim = 0) { return op::chunk(self, chunks, dim); }
inline std::vector<Tensor> meshgrid(TensorList tensors, std::string_view indexing = "ij") { return op::meshgrid(tensors, indexing); }
inline std::vector<Tensor> split(const Tensor& self, IntSpan split_size, int64_t dim = 0) { return op::split_sizes(self, split_size, dim); }
inline std::vector<Tensor> split(const Tensor& self, int64_t split_size, int64_t dim = 0) { return op::split(self, split_size, dim); }
inline std::vector<Tensor> split_with_sizes(const Tensor& self, IntSpan split_sizes, int64_t dim = 0) { return op::split_with_sizes(self, split_sizes, dim); }
inline std::vector<Tensor> tensor_split(const Tensor& self, IntSpan indices_or_sections, int64_t dim = 0) { return op::tensor_split_indices(self, indices_or_sections, dim); }
inline std::vector<Tensor> tensor_split(const Tensor& self, int64_t indices_or_sections, int64_t dim = 0) { return op::tensor_split(self, indices_or_sections, dim); }
inline std::vector<Tensor> unbind(const Tensor& self, int64_t dim = 0) { return op::unbind(self, dim); }
}  // namespace plait
// clang-format on
