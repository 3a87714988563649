#include "ops/cpu/join.h"

#include <algorithm>
#include <cstring>

#include "core/parallel.h"
#include "ops/cpu/convert.h"

namespace plait::cpu {
namespace {

constexpr int64_t kGrain = 256 << 10;  // bytes worth a fork-join
constexpr int64_t kShortPiece = 32;    // bytes; shorter ones are not worth a call of memcpy for each

struct Piece {
  const char* from;
  int64_t start, bytes;  // place and length in a row of the result
};

// Copies bytes [begin, end) of the result, which may start and stop anywhere.
void copy_range(char* to, const std::vector<Piece>& pieces, int64_t row_bytes, int64_t begin, int64_t end) {
  int64_t row = begin / row_bytes, column = begin % row_bytes;
  size_t k = std::upper_bound(pieces.begin(), pieces.end(), column,
                              [](int64_t c, const Piece& p) { return c < p.start; }) -
             pieces.begin() - 1;
  for (int64_t at = begin; at < end;) {
    const Piece& piece = pieces[k];
    const int64_t skip = column - piece.start;
    const int64_t n = std::min(piece.bytes - skip, end - at);
    std::memcpy(to + at, piece.from + row * piece.bytes + skip, n);
    at += n;
    column += n;
    if (++k == pieces.size()) {
      k = 0;
      column = 0;
      ++row;
    }
  }
}

}  // namespace

void join(const Tensor& out, TensorList tensors, int64_t outer, const std::vector<int64_t>& slabs) {
  const int64_t size = itemsize(out.dtype());
  int64_t row = 0;
  for (const int64_t slab : slabs) row += slab;
  if (row == 0 || outer == 0) return;

  // What is not contiguous, or a few elements of each row, is copied by the strided iterator, straight into
  // its place.
  std::vector<Piece> pieces;
  pieces.reserve(tensors.size());
  int64_t start = 0;
  bool whole = true;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (slabs[i] == 0) continue;
    const Tensor& t = tensors[i];
    const bool few = outer > 1 && slabs[i] * size < kShortPiece;
    if (t.is_contiguous() && t.dtype() == out.dtype() && !few) {
      pieces.push_back({t.data<char>(), start * size, slabs[i] * size});
    } else {
      // The window of `out` in the shape of t: its outer dimensions advance by rows, the inner ones are
      // contiguous.
      Dims strides = contiguous_strides(t.sizes());
      int64_t inner = 1;
      int d = static_cast<int>(t.dim()) - 1;
      for (; d >= 0 && inner * t.sizes()[d] <= slabs[i] && inner != slabs[i]; --d) inner *= t.sizes()[d];
      int64_t step = row;
      for (; d >= 0; --d) {
        strides[d] = step;
        step *= t.sizes()[d];
      }
      copy(from_storage(out.storage(), out.dtype(), t.sizes(), strides, out.storage_offset() + start), t);
      whole = false;
    }
    start += slabs[i];
  }
  if (pieces.empty()) return;

  char* to = out.data<char>();
  const int64_t row_bytes = row * size;
  if (whole) {
    parallel_for(0, outer * row_bytes, kGrain,
                 [&](int64_t begin, int64_t end) { copy_range(to, pieces, row_bytes, begin, end); });
  } else {
    parallel_for(0, outer, std::max<int64_t>(1, kGrain / row_bytes), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        for (const Piece& piece : pieces)
          std::memcpy(to + r * row_bytes + piece.start, piece.from + r * piece.bytes, piece.bytes);
    });
  }
}

}  // namespace plait::cpu
