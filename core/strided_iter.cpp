#include "core/strided_iter.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "core/parallel.h"
#include "core/strided_copy.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace plait {
namespace {

constexpr int64_t kGrain = 32768;  // elements of a cheap op that are worth a fork-join
constexpr int kMaxTransposed = 2;  // operands whose tiles are turned before the loop sees them

// Note [Streaming stores]
// Before a processor writes to a line that no cache holds, it reads it. Where a result and its operands are
// larger than the last cache, the next op would not find the result there anyway; so it is computed piece by
// piece in the first-level cache and stored past the caches: a third fewer bytes go through memory for
// y = f(x) (measured on 32 and 64 MiB in all beside a last cache of 32: 1.2 to 1.5 times as fast; on 16 MiB
// no gain).
constexpr int64_t kPiece = 4096;    // bytes
constexpr int64_t kShortRun = 256;  // bytes; shorter ones have few whole lines
constexpr int64_t kLine = 64;
constexpr int64_t kLeastStreamed = 65536;  // elements

#ifdef __SSE2__
constexpr bool kCanStream = true;

void store_past_caches(char* to, const char* from, int64_t bytes) {
  const int64_t head = std::min(bytes, (kLine - reinterpret_cast<intptr_t>(to) % kLine) % kLine);
  std::memcpy(to, from, head);
  int64_t i = head;
  for (; i + kLine <= bytes; i += kLine)
    for (int64_t j = i; j < i + kLine; j += 16) {
      __m128i v;
      std::memcpy(&v, from + j, sizeof v);
      _mm_stream_si128(reinterpret_cast<__m128i*>(to + j), v);
    }
  std::memcpy(to + i, from + i, bytes - i);
}
// Orders what was stored past the caches before what follows, for other threads.
void finish_stores() { _mm_sfence(); }
#else
constexpr bool kCanStream = false;
void store_past_caches(char* to, const char* from, int64_t bytes) { std::memcpy(to, from, bytes); }
void finish_stores() {}
#endif

// Bytes of operands from which on results are stored past the caches.
int64_t stream_from() {
  static const int64_t bytes = [] {
    const int64_t cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
    return (cache > 0 ? cache : int64_t{32} << 20) / 4 * 3;
  }();
  return bytes;
}

// The params of `stream`, which runs another loop.
struct Streamed {
  Loop loop;
  const void* params;
  int operands;
  int64_t size;  // of an element of the result
};

void stream(char* const* data, const int64_t* strides, int64_t n, const void* params) {
  const auto& to = *static_cast<const Streamed*>(params);
  if (strides[0] != to.size || n * to.size < kShortRun) return to.loop(data, strides, n, to.params);
  alignas(kLine) char piece[kPiece];
  char* at[StridedIter::kMaxOperands];
  std::copy(data + 1, data + to.operands, at + 1);
  at[0] = piece;
  char* out = data[0];
  // The first piece ends where a line does, so that all others are of whole lines.
  int64_t bytes = kPiece - reinterpret_cast<intptr_t>(out) % kLine;
  for (int64_t left = n; left > 0; bytes = kPiece) {
    const int64_t m = std::min(left, bytes / to.size);
    to.loop(at, strides, m, to.params);
    store_past_caches(out, piece, m * to.size);
    out += m * to.size;
    for (int k = 1; k < to.operands; ++k) at[k] += m * strides[k];
    left -= m;
  }
}

// The params of `in_pieces`, which runs another loop on dense memory.
struct InPieces {
  Loop loop;
  const void* params;
  int operands;
  int64_t piece;                                   // elements
  int64_t strides[StridedIter::kMaxOperands];      // that the loop is given
  StridedCopy gather[StridedIter::kMaxOperands];   // of an input that lies apart, or null
  StridedCopy scatter[StridedIter::kMaxOperands];  // of an output that does
};

// Is an input turned in tiles, so that loops see it dense?
bool is_turned(int64_t inner, int64_t outer, int64_t size, bool output) {
  return !output && size <= 8 && outer == size && inner != size && inner != 0;
}
bool is_strided(int64_t stride, int64_t size, bool output) {
  return stride != size && (output || stride != 0);
}

// Note [Strided operands]
// Where elements lie apart, a loop would fetch them one by one, in each of its forms. Instead they are
// copied, piece by piece, into the first-level cache, by code that exists once for each size; the loop then
// computes with vectors.
void in_pieces(char* const* data, const int64_t* strides, int64_t n, const void* params) {
  const auto& to = *static_cast<const InPieces*>(params);
  alignas(kLine) char pieces[StridedIter::kMaxOperands][kPiece];
  char *at[StridedIter::kMaxOperands], *lies[StridedIter::kMaxOperands];
  for (int k = 0; k < to.operands; ++k) {
    lies[k] = data[k];
    at[k] = to.gather[k] || to.scatter[k] ? pieces[k] : data[k];
  }
  for (int64_t left = n;;) {
    const int64_t m = std::min(left, to.piece);
    for (int k = 0; k < to.operands; ++k)
      if (to.gather[k]) to.gather[k](pieces[k], to.strides[k], lies[k], strides[k], m);
    to.loop(at, to.strides, m, to.params);
    for (int k = 0; k < to.operands; ++k)
      if (to.scatter[k]) to.scatter[k](lies[k], strides[k], pieces[k], to.strides[k], m);
    left -= m;
    if (left == 0) return;
    for (int k = 0; k < to.operands; ++k) {
      lies[k] += m * strides[k];
      if (at[k] != pieces[k]) at[k] = lies[k];
    }
  }
}

// The loop of copies; the params are the StridedCopy.
void copy_elements(char* const* data, const int64_t* strides, int64_t n, const void* params) {
  (*static_cast<const StridedCopy*>(params))(data[0], strides[0], data[1], strides[1], n);
}

}  // namespace

void StridedIter::add(const Tensor& tensor, bool output) { inputs_[operands_++] = {tensor.impl(), output}; }

void StridedIter::build() {
  const TensorImpl& out = *inputs_[0].tensor;
  numel_ = out.numel;
  bool flat = out.contiguous;
  for (int k = 0; k < operands_; ++k) {
    const TensorImpl& t = *inputs_[k].tensor;
    data_[k] = static_cast<char*>(t.storage ? t.storage->data() : nullptr) + t.offset * itemsize(t.dtype);
    flat = flat && (t.numel == 1 || (t.contiguous && t.numel == numel_));
  }
  if (flat) {  // the common case: one run
    ndim_ = 1;
    shape_[0] = numel_;
    for (int k = 0; k < operands_; ++k) {
      const TensorImpl& t = *inputs_[k].tensor;
      strides_[0][k] = t.numel == 1 && numel_ != 1 ? 0 : itemsize(t.dtype);
    }
    return;
  }
  ndim_ = out.sizes.size();
  for (int d = 0; d < ndim_; ++d) shape_[d] = out.sizes[ndim_ - 1 - d];
  for (int k = 0; k < operands_; ++k) {
    const TensorImpl& t = *inputs_[k].tensor;
    const int own = t.sizes.size();
    for (int d = 0; d < ndim_; ++d) {
      const bool broadcast = d >= own || (t.sizes[own - 1 - d] == 1 && shape_[d] != 1);
      strides_[d][k] = broadcast ? 0 : t.strides[own - 1 - d] * itemsize(t.dtype);
    }
  }
  order_dims();
  coalesce();
  if (ndim_ >= 2) {
    for (int k = 0; k < operands_; ++k) {
      const int64_t size = itemsize(inputs_[k].tensor->dtype);
      tiled_ |= strides_[0][k] > 4 * size && strides_[1][k] == size && shape_[0] > kTile / 2 &&
                shape_[1] > kTile / 2;
    }
  }
}

// Innermost is the dimension of the smallest stride; operands vote in order, the output first.
void StridedIter::order_dims() {
  const auto before = [&](int a, int b) {  // should a be inside of b?
    for (int k = 0; k < operands_; ++k) {
      const int64_t x = strides_[a][k], y = strides_[b][k];
      if (x == 0 || y == 0 || x == y) continue;
      return x < y;
    }
    return false;
  };
  for (int i = 1; i < ndim_; ++i) {
    for (int j = i; j > 0 && before(j, j - 1); --j) {
      std::swap(shape_[j], shape_[j - 1]);
      for (int k = 0; k < operands_; ++k) std::swap(strides_[j][k], strides_[j - 1][k]);
    }
  }
}

void StridedIter::coalesce() {
  int kept = 0;
  for (int d = 1; d < ndim_; ++d) {
    bool merge = shape_[kept] == 1 || shape_[d] == 1;
    if (!merge) {
      merge = true;
      for (int k = 0; k < operands_; ++k) merge = merge && strides_[d][k] == strides_[kept][k] * shape_[kept];
    }
    if (merge) {
      if (shape_[kept] == 1)
        for (int k = 0; k < operands_; ++k) strides_[kept][k] = strides_[d][k];
      shape_[kept] *= shape_[d];
    } else {
      ++kept;
      shape_[kept] = shape_[d];
      for (int k = 0; k < operands_; ++k) strides_[kept][k] = strides_[d][k];
    }
  }
  if (ndim_ == 0) {
    shape_[0] = 1;
    for (int k = 0; k < operands_; ++k) strides_[0][k] = 0;
  }
  ndim_ = kept + 1;
}

// Do the elements of an operand, of `size` bytes, lie side by side in the order in which they are walked?
static bool is_dense(const StridedIter& iter, int operand, int64_t size) {
  for (int d = 0; d < iter.ndim(); size *= iter.size(d++))
    if (iter.stride(d, operand) != size) return false;
  return true;
}

// Note [Short rows]
// Where the innermost dimension has three elements, calling the loop for each three would take the time. Rows
// are gathered instead, as many as a piece holds, for one call; of operands that are dense throughout, or
// repeat one element, nothing is, and those that repeat one row are gathered once.
constexpr int64_t kShortRow = 256;  // bytes

bool StridedIter::has_short_rows() const {
  if (ndim_ < 2 || tiled_) return false;
  int64_t largest = 1;
  for (int k = 0; k < operands_; ++k) largest = std::max(largest, itemsize(inputs_[k].tensor->dtype));
  return shape_[0] * largest <= kShortRow;
}

void StridedIter::run_rows(int64_t begin, int64_t end, Loop loop, const void* params) const {
  enum class Kind : uint8_t { Direct, Gathered, GatheredOnce, Scattered };
  Kind kinds[kMaxOperands];
  RowsCopy copies[kMaxOperands];
  int64_t sizes[kMaxOperands], given[kMaxOperands], largest = 1;
  bool scatters = false;
  for (int k = 0; k < operands_; ++k) {
    const int64_t size = sizes[k] = itemsize(inputs_[k].tensor->dtype);
    bool one_row = !inputs_[k].output;
    for (int d = 1; d < ndim_; ++d) one_row = one_row && strides_[d][k] == 0;
    const bool one = one_row && strides_[0][k] == 0;
    kinds[k] = one || is_dense(*this, k, size) ? Kind::Direct
               : inputs_[k].output             ? Kind::Scattered
               : one_row                       ? Kind::GatheredOnce
                                               : Kind::Gathered;
    given[k] = one ? 0 : size;
    copies[k] = rows_copy(size);
    scatters = scatters || kinds[k] == Kind::Scattered;
    largest = std::max(largest, size);
  }
  const int64_t n = shape_[0], most = std::max<int64_t>(1, kPiece / (largest * n));

  // A row, and where its first element is in each operand.
  struct Place {
    int64_t index[kMaxDims];
    char* data[kMaxOperands];
  };
  Place place;
  std::copy(data_, data_ + operands_, place.data);
  int64_t rest = begin;
  for (int d = 1; d < ndim_; ++d) {
    place.index[d] = rest % shape_[d];
    rest /= shape_[d];
    for (int k = 0; k < operands_; ++k) place.data[k] += place.index[d] * strides_[d][k];
  }
  // Calls f(data, done, count) for rows that lie equally far apart, until `rows` are done.
  const auto walk = [&](Place& at, int64_t rows, const auto& f) {
    for (int64_t done = 0; done < rows;) {
      const int64_t count = std::min(rows - done, shape_[1] - at.index[1]);
      f(at.data, done, count);
      done += count;
      at.index[1] += count;
      for (int k = 0; k < operands_; ++k) at.data[k] += count * strides_[1][k];
      for (int d = 1; at.index[d] == shape_[d] && d + 1 < ndim_; ++d) {
        at.index[d] = 0;
        ++at.index[d + 1];
        for (int k = 0; k < operands_; ++k) at.data[k] += strides_[d + 1][k] - shape_[d] * strides_[d][k];
      }
    }
  };

  alignas(kLine) char pieces[kMaxOperands][kPiece];
  for (int k = 0; k < operands_; ++k)
    if (kinds[k] == Kind::GatheredOnce)
      copies[k](pieces[k], n * sizes[k], sizes[k], data_[k], 0, strides_[0][k], std::min(most, end - begin),
                n);
  for (int64_t row = begin; row < end; row += most) {
    const int64_t rows = std::min(most, end - row);
    char* at[kMaxOperands];
    for (int k = 0; k < operands_; ++k) at[k] = kinds[k] == Kind::Direct ? place.data[k] : pieces[k];
    const Place first = place;
    walk(place, rows, [&](char* const* data, int64_t done, int64_t count) {
      for (int k = 0; k < operands_; ++k)
        if (kinds[k] == Kind::Gathered)
          copies[k](pieces[k] + done * n * sizes[k], n * sizes[k], sizes[k], data[k], strides_[1][k],
                    strides_[0][k], count, n);
    });
    loop(at, given, rows * n, params);
    if (!scatters) continue;
    Place again = first;
    walk(again, rows, [&](char* const* data, int64_t done, int64_t count) {
      for (int k = 0; k < operands_; ++k)
        if (kinds[k] == Kind::Scattered)
          copies[k](data[k], strides_[1][k], strides_[0][k], pieces[k] + done * n * sizes[k], n * sizes[k],
                    sizes[k], count, n);
    });
  }
}

void StridedIter::run(Loop loop, const void* params, int cost) const {
  if (has_short_rows()) return run_loop(loop, params, cost, Walk::Rows);
  const Walk walk = tiled_ ? Walk::Tiles : Walk::Runs;
  bool any = false;
  uint32_t turned = 0;  // a bit for each operand
  for (int k = 0; k < operands_; ++k) {
    const int64_t size = itemsize(inputs_[k].tensor->dtype);
    const bool output = inputs_[k].output;
    if (tiled_ && std::popcount(turned) < kMaxTransposed &&
        is_turned(strides_[0][k], strides_[1][k], size, output))
      turned |= 1u << k;
    else
      any = any || is_strided(strides_[0][k], size, output);
  }
  if (!any) return run_loop(loop, params, cost, walk);
  InPieces pieces;
  pieces.loop = loop;
  pieces.params = params;
  pieces.operands = operands_;
  int64_t largest = 1;
  for (int k = 0; k < operands_; ++k) {
    const int64_t size = itemsize(inputs_[k].tensor->dtype);
    const bool output = inputs_[k].output;
    const bool strided = !(turned >> k & 1) && is_strided(strides_[0][k], size, output);
    pieces.strides[k] = strided || turned >> k & 1 ? size : strides_[0][k];
    pieces.gather[k] = strided && !output ? strided_copy(size) : nullptr;
    pieces.scatter[k] = strided && output ? strided_copy(size) : nullptr;
    largest = std::max(largest, size);
  }
  pieces.piece = kPiece / largest;
  run_loop(in_pieces, &pieces, cost, walk);
}

void StridedIter::copy() const {
  const StridedCopy of_size = strided_copy(itemsize(inputs_[0].tensor->dtype));
  run_loop(copy_elements, &of_size, 1, has_short_rows() ? Walk::Rows : tiled_ ? Walk::Tiles : Walk::Runs);
}

void StridedIter::run_loop(Loop loop, const void* params, int cost, Walk walk) const {
  if (numel_ == 0) return;
  if (ndim_ == 1 && numel_ <= 2048) return loop(data_, strides_[0], numel_, params);
  const int64_t grain = std::max<int64_t>(kGrain / cost, 1024);
  const Streamed streamed{loop, params, operands_, itemsize(inputs_[0].tensor->dtype)};
  bool streams = kCanStream && numel_ >= kLeastStreamed &&
                 (walk == Walk::Rows ? is_dense(*this, 0, streamed.size) : strides_[0][0] == streamed.size);
  if (streams) {
    int64_t bytes = 0;
    for (int k = 0; k < operands_; ++k) {
      int64_t own = itemsize(inputs_[k].tensor->dtype);
      for (int d = 0; d < ndim_; ++d)
        if (strides_[d][k] != 0) own *= shape_[d];
      bytes += own;
      streams = streams && (k == 0 || data_[k] != data_[0]);  // in place: the lines are read anyway
    }
    streams = streams && bytes >= stream_from();
  }
  if (streams) loop = stream, params = &streamed;
  const auto part = [&](int64_t begin, int64_t end) {
    switch (walk) {
      case Walk::Runs: run_range(begin, end, loop, params); break;
      case Walk::Rows: run_rows(begin, end, loop, params); break;
      case Walk::Tiles: run_tiled(begin, end, loop, params); break;
    }
    if (streams) finish_stores();
  };
  switch (walk) {
    case Walk::Runs: return parallel_for(0, numel_, grain, part);
    case Walk::Rows:
      return parallel_for(0, numel_ / shape_[0], std::max<int64_t>(1, grain / shape_[0]), part);
    case Walk::Tiles: {
      const int64_t panels = numel_ / (shape_[0] * shape_[1]);
      const int64_t rows = (shape_[1] + kTile - 1) / kTile;
      return parallel_for(0, panels * rows, std::max<int64_t>(1, grain / (kTile * shape_[0])), part);
    }
  }
}

void StridedIter::run_range(int64_t begin, int64_t end, Loop loop, const void* params) const {
  if (begin >= end) return;
  int64_t index[kMaxDims];
  char* data[kMaxOperands];
  int64_t rest = begin;
  std::copy(data_, data_ + operands_, data);
  for (int d = 0; d < ndim_; ++d) {
    index[d] = rest % shape_[d];
    rest /= shape_[d];
    for (int k = 0; k < operands_; ++k) data[k] += index[d] * strides_[d][k];
  }
  if (ndim_ == 1) return loop(data, strides_[0], end - begin, params);
  for (int64_t left = end - begin; left > 0;) {
    // A part of a row, or whole rows along dimension 1: short ones are worth few steps in between.
    const int64_t n = std::min(left, shape_[0] - index[0]);
    const int64_t rows = n < shape_[0] ? 1 : std::min(left / n, shape_[1] - index[1]);
    for (int64_t r = 0; r < rows; ++r) {
      loop(data, strides_[0], n, params);
      for (int k = 0; k < operands_; ++k) data[k] += strides_[1][k];
    }
    left -= rows * n;
    index[1] += rows;
    for (int k = 0; k < operands_; ++k) data[k] -= index[0] * strides_[0][k];
    index[0] = 0;
    for (int d = 1; d + 1 < ndim_ && index[d] == shape_[d]; ++d) {
      for (int k = 0; k < operands_; ++k) data[k] += strides_[d + 1][k] - index[d] * strides_[d][k];
      ++index[d + 1];
      index[d] = 0;
    }
  }
}

// Tile rows are numbered across all panels; each covers kTile steps of dimension 1 and all of dimension 0, in
// tiles.
void StridedIter::run_tiled(int64_t begin, int64_t end, Loop loop, const void* params) const {
  alignas(64) char tiles[kMaxTransposed][kTile * kTile * sizeof(int64_t)];
  char* tile_of[kMaxOperands] = {};
  int transposed = 0;
  for (int k = 1; k < operands_ && transposed < kMaxTransposed; ++k) {
    const int64_t size = itemsize(inputs_[k].tensor->dtype);
    if (is_turned(strides_[0][k], strides_[1][k], size, inputs_[k].output)) tile_of[k] = tiles[transposed++];
  }
  const int64_t rows = (shape_[1] + kTile - 1) / kTile;
  for (int64_t r = begin; r < end; ++r) {
    char* panel[kMaxOperands];
    std::copy(data_, data_ + operands_, panel);
    int64_t rest = r / rows;
    for (int d = 2; d < ndim_; ++d) {
      for (int k = 0; k < operands_; ++k) panel[k] += (rest % shape_[d]) * strides_[d][k];
      rest /= shape_[d];
    }
    const int64_t row = (r % rows) * kTile, row_end = std::min(row + kTile, shape_[1]);
    for (int64_t column = 0; column < shape_[0]; column += kTile) {
      const int64_t n = std::min(kTile, shape_[0] - column);
      char* data[kMaxOperands];
      int64_t inner[kMaxOperands], outer[kMaxOperands];
      for (int k = 0; k < operands_; ++k) {
        data[k] = panel[k] + column * strides_[0][k] + row * strides_[1][k];
        inner[k] = strides_[0][k];
        outer[k] = strides_[1][k];
        if (!tile_of[k]) continue;
        const int64_t size = strides_[1][k];
        turn_tile(size)(data[k], inner[k], row_end - row, n, tile_of[k]);
        data[k] = tile_of[k];
        inner[k] = size;
        outer[k] = kTile * size;
      }
      for (int64_t i = row; i < row_end; ++i) {
        char* at[kMaxOperands];
        for (int k = 0; k < operands_; ++k) at[k] = data[k] + (i - row) * outer[k];
        loop(at, inner, n, params);
      }
    }
  }
}

}  // namespace plait
