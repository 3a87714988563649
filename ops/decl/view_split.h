// Emitted by tools/emit_header.py from ops/view_split.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t)> select;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, std::optional<int64_t>, std::optional<int64_t>, int64_t)> slice;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t, int64_t)> narrow;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t, int64_t)> diagonal;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, int64_t, int64_t)> diagonal_scatter;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, int64_t)> select_scatter;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, std::optional<int64_t>, std::optional<int64_t>, int64_t)> slice_scatter;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t, int64_t)> unfold;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, int64_t)> unbind;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, int64_t, int64_t)> split;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, IntSpan, int64_t)> split_sizes;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, IntSpan, int64_t)> split_with_sizes;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, int64_t, int64_t)> chunk;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, int64_t, int64_t)> tensor_split;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, IntSpan, int64_t)> tensor_split_indices;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, const Tensor&, int64_t)> tensor_split_tensor_indices_or_sections;
}  // namespace plait::op

namespace plait {
inline Tensor select(const Tensor& self, int64_t dim, int64_t index) { return op::select(self, dim, index); }
inline Tensor select_(const Tensor& self, int64_t dim, int64_t index) { return op::select.inplace(self, dim, index); }
inline Tensor slice(const Tensor& self, int64_t dim = 0, std::optional<int64_t> start = std::nullopt, std::optional<int64_t> end = std::nullopt, int64_t step = 1) { return op::slice(self, dim, start, end, step); }
inline Tensor slice_(const Tensor& self, int64_t dim = 0, std::optional<int64_t> start = std::nullopt, std::optional<int64_t> end = std::nullopt, int64_t step = 1) { return op::slice.inplace(self, dim, start, end, step); }
inline Tensor narrow(const Tensor& self, int64_t dim, int64_t start, int64_t length) { return op::narrow(self, dim, start, length); }
inline Tensor narrow_(const Tensor& self, int64_t dim, int64_t start, int64_t length) { return op::narrow.inplace(self, dim, start, length); }
inline Tensor diagonal(const Tensor& self, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1) { return op::diagonal(self, offset, dim1, dim2); }
inline Tensor diagonal_(const Tensor& self, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1) { return op::diagonal.inplace(self, offset, dim1, dim2); }
inline Tensor diagonal_scatter(const Tensor& self, const Tensor& src, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1) { return op::diagonal_scatter(self, src, offset, dim1, dim2); }
inline Tensor diagonal_scatter_(const Tensor& self, const Tensor& src, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1) { return op::diagonal_scatter.inplace(self, src, offset, dim1, dim2); }
inline Tensor select_scatter(const Tensor& self, const Tensor& src, int64_t dim, int64_t index) { return op::select_scatter(self, src, dim, index); }
inline Tensor select_scatter_(const Tensor& self, const Tensor& src, int64_t dim, int64_t index) { return op::select_scatter.inplace(self, src, dim, index); }
inline Tensor slice_scatter(const Tensor& self, const Tensor& src, int64_t dim = 0, std::optional<int64_t> start = std::nullopt, std::optional<int64_t> end = std::nullopt, int64_t step = 1) { return op::slice_scatter(self, src, dim, start, end, step); }
inline Tensor slice_scatter_(const Tensor& self, const Tensor& src, int64_t dim = 0, std::optional<int64_t> start = std::nullopt, std::optional<int64_t> end = std::nullopt, int64_t step = 1) { return op::slice_scatter.inplace(self, src, dim, start, end, step); }
inline Tensor unfold(const Tensor& self, int64_t dimension, int64_t size, int64_t step) { return op::unfold(self, dimension, size, step); }
inline Tensor unfold_(const Tensor& self, int64_t dimension, int64_t size, int64_t step) { return op::unfold.inplace(self, dimension, size, step); }
inline std::vector<Tensor> unbind(const Tensor& self, int64_t dim = 0) { return op::unbind(self, dim); }
inline std::vector<Tensor> split(const Tensor& self, int64_t split_size, int64_t dim = 0) { return op::split(self, split_size, dim); }
inline std::vector<Tensor> split(const Tensor& self, IntSpan split_size, int64_t dim = 0) { return op::split_sizes(self, split_size, dim); }
inline std::vector<Tensor> split_with_sizes(const Tensor& self, IntSpan split_sizes, int64_t dim = 0) { return op::split_with_sizes(self, split_sizes, dim); }
inline std::vector<Tensor> chunk(const Tensor& self, int64_t chunks, int64_t dim = 0) { return op::chunk(self, chunks, dim); }
inline std::vector<Tensor> tensor_split(const Tensor& self, int64_t indices_or_sections, int64_t dim = 0) { return op::tensor_split(self, indices_or_sections, dim); }
inline std::vector<Tensor> tensor_split(const Tensor& self, IntSpan indices_or_sections, int64_t dim = 0) { return op::tensor_split_indices(self, indices_or_sections, dim); }
inline std::vector<Tensor> tensor_split(const Tensor& self, const Tensor& indices_or_sections, int64_t dim = 0) { return op::tensor_split_tensor_indices_or_sections(self, indices_or_sections, dim); }
}  // namespace plait
// clang-format on
