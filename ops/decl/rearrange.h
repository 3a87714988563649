// Emitted by tools/emit_header.py from ops/rearrange.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> flip;
extern PLAIT_API Op<Tensor(const Tensor&)> fliplr;
extern PLAIT_API Op<Tensor(const Tensor&)> flipud;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<IntSpan>)> roll;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan)> _roll;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, IntSpan)> rot90;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> repeat;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> tile;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, std::optional<int64_t>, std::optional<int64_t>)> repeat_interleave_int;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::optional<int64_t>, std::optional<int64_t>)> repeat_interleave_tensor;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<int64_t>)> repeat_interleave;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> tril;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> triu;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t, int64_t)> diag_embed;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> diag;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> diagflat;
extern PLAIT_API Op<Tensor(const Tensor&)> trace;
}  // namespace plait::op

namespace plait {
inline Tensor flip(const Tensor& self, IntSpan dims) { return op::flip(self, dims); }
inline Tensor flip_(const Tensor& self, IntSpan dims) { return op::flip.inplace(self, dims); }
inline Tensor fliplr(const Tensor& self) { return op::fliplr(self); }
inline Tensor fliplr_(const Tensor& self) { return op::fliplr.inplace(self); }
inline Tensor flipud(const Tensor& self) { return op::flipud(self); }
inline Tensor flipud_(const Tensor& self) { return op::flipud.inplace(self); }
inline Tensor roll(const Tensor& self, IntSpan shifts, std::optional<IntSpan> dims = std::nullopt) { return op::roll(self, shifts, dims); }
inline Tensor roll_(const Tensor& self, IntSpan shifts, std::optional<IntSpan> dims = std::nullopt) { return op::roll.inplace(self, shifts, dims); }
inline Tensor _roll(const Tensor& self, IntSpan shifts, IntSpan dims) { return op::_roll(self, shifts, dims); }
inline Tensor rot90(const Tensor& self, int64_t k = 1, IntSpan dims = Dims{0, 1}) { return op::rot90(self, k, dims); }
inline Tensor rot90_(const Tensor& self, int64_t k = 1, IntSpan dims = Dims{0, 1}) { return op::rot90.inplace(self, k, dims); }
inline Tensor repeat(const Tensor& self, IntSpan repeats) { return op::repeat(self, repeats); }
inline Tensor repeat_(const Tensor& self, IntSpan repeats) { return op::repeat.inplace(self, repeats); }
inline Tensor tile(const Tensor& self, IntSpan dims) { return op::tile(self, dims); }
inline Tensor tile_(const Tensor& self, IntSpan dims) { return op::tile.inplace(self, dims); }
inline Tensor repeat_interleave(const Tensor& self, int64_t repeats, std::optional<int64_t> dim = std::nullopt, std::optional<int64_t> output_size = std::nullopt) { return op::repeat_interleave_int(self, repeats, dim, output_size); }
inline Tensor repeat_interleave_(const Tensor& self, int64_t repeats, std::optional<int64_t> dim = std::nullopt, std::optional<int64_t> output_size = std::nullopt) { return op::repeat_interleave_int.inplace(self, repeats, dim, output_size); }
inline Tensor repeat_interleave(const Tensor& self, const Tensor& repeats, std::optional<int64_t> dim = std::nullopt, std::optional<int64_t> output_size = std::nullopt) { return op::repeat_interleave_tensor(self, repeats, dim, output_size); }
inline Tensor repeat_interleave_(const Tensor& self, const Tensor& repeats, std::optional<int64_t> dim = std::nullopt, std::optional<int64_t> output_size = std::nullopt) { return op::repeat_interleave_tensor.inplace(self, repeats, dim, output_size); }
inline Tensor repeat_interleave(const Tensor& repeats, std::optional<int64_t> output_size = std::nullopt) { return op::repeat_interleave(repeats, output_size); }
inline Tensor repeat_interleave_(const Tensor& repeats, std::optional<int64_t> output_size = std::nullopt) { return op::repeat_interleave.inplace(repeats, output_size); }
inline Tensor tril(const Tensor& self, int64_t diagonal = 0) { return op::tril(self, diagonal); }
inline Tensor tril_(const Tensor& self, int64_t diagonal = 0) { return op::tril.inplace(self, diagonal); }
inline Tensor triu(const Tensor& self, int64_t diagonal = 0) { return op::triu(self, diagonal); }
inline Tensor triu_(const Tensor& self, int64_t diagonal = 0) { return op::triu.inplace(self, diagonal); }
inline Tensor diag_embed(const Tensor& self, int64_t offset = 0, int64_t dim1 = -2, int64_t dim2 = -1) { return op::diag_embed(self, offset, dim1, dim2); }
inline Tensor diag_embed_(const Tensor& self, int64_t offset = 0, int64_t dim1 = -2, int64_t dim2 = -1) { return op::diag_embed.inplace(self, offset, dim1, dim2); }
inline Tensor diag(const Tensor& self, int64_t diagonal = 0) { return op::diag(self, diagonal); }
inline Tensor diag_(const Tensor& self, int64_t diagonal = 0) { return op::diag.inplace(self, diagonal); }
inline Tensor diagflat(const Tensor& self, int64_t offset = 0) { return op::diagflat(self, offset); }
inline Tensor diagflat_(const Tensor& self, int64_t offset = 0) { return op::diagflat.inplace(self, offset); }
inline Tensor trace(const Tensor& self) { return op::trace(self); }
inline Tensor trace_(const Tensor& self) { return op::trace.inplace(self); }
}  // namespace plait
// clang-format on
